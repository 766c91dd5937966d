"""Write the page that explains the service to readers, from its own OpenAPI description."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = ("body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}code{background:#eee;"
          "padding:0 .2em}td,th{text-align:left;padding:.1rem 1rem .1rem 0;vertical-align:top}"
          ".mark{background:#b00;color:#fff;padding:.3rem .6rem;font-weight:bold}")


def guide_page(schema: dict[str, Any], stamp: dict[str, Any]) -> bytes:
    """Give the page as UTF-8; it fetches nothing from anywhere."""
    mark = f'<p class="mark">{escape(stamp["notice"])}</p>' if stamp["notice"] else ""
    parts = [_operation(method.upper(), path, operation) for path, item in schema["paths"].items()
             for method, operation in item.items()]
    title, text = escape(schema["info"]["title"]), escape(schema["info"]["description"])
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">'
            f'<title>{title}</title><style>{_STYLE}</style>'
            f'<h1>{title}</h1>{mark}<p>{text} Run <code>{escape(stamp["run_id"])}</code>. '
            f'<a href="/planner">The planner\'s page</a>. For programs: <a href="/openapi.json">openapi.json</a>.</p>'
            f'{"".join(parts)}').encode()


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f'<tr><td><code>{escape(item["name"])}</code><td>{escape(item["in"])}<td>{escape(_kind(item["schema"]))}'
        f'<td>{escape(item.get("description", ""))}' for item in operation.get("parameters", []))
    table = f"<table><tr><th>Parameter<th>In<th>Values<th>Meaning{rows}</table>" if rows else ""
    return (f'<h2><code>{escape(method)} {escape(path)}</code></h2><p>{escape(operation["summary"])}. '
            f'{escape(operation.get("description", ""))}</p>{table}')


def _kind(schema: dict[str, Any]) -> str:
    """Say in a few words what a parameter may hold."""
    inner = next((item for item in schema.get("anyOf", []) if item.get("type") != "null"), schema)
    words = " | ".join(inner["enum"]) if "enum" in inner else str(inner.get("type", ""))
    span = f" {inner['minimum']:g} … {inner['maximum']:g}" if "minimum" in inner and "maximum" in inner else ""
    default = f", default {schema['default']}" if schema.get("default") is not None else ""
    return f"{words}{span}{default}"
