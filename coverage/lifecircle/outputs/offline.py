"""Make a page that needs no network and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Any

from lifecircle.errors import LifecircleError
from lifecircle.outputs.tables import CONTROL_CHARACTERS

#: Characters that mean something in HTML, in a JavaScript string or in a template, as entities.
_ENTITIES = str.maketrans({mark: f"&#{ord(mark)};" for mark in "&<>\"'`${}\\"} | CONTROL_CHARACTERS)
_SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_ADDRESS = re.compile(
    r"""(?:<[a-z][^>]*?\s(?:src|href|srcset|action|data|poster)\s*=\s*["']?(?!data:|\#)([^"'\s>]+))"""
    r"""|(?:url\(\s*["']?(?!data:|\#|%23)([^"')\s]+))|(@import\b[^;]*)""", re.IGNORECASE)


class ExternalAddressError(LifecircleError):
    """A page that must stand alone still names something outside itself."""


def inert(content: Any) -> Any:
    """Escape every text in nested data, so that it is shown and never run, whichever way it is put on a page.

    Examples
    --------
    >>> inert({"name": "<b>${x}</b>", "people": 3})
    {'name': '&#60;b&#62;&#36;&#123;x&#125;&#60;/b&#62;', 'people': 3}
    """
    if isinstance(content, str):
        return content.translate(_ENTITIES)
    if isinstance(content, dict):
        return {inert(key): inert(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [inert(item) for item in content]
    return content


@cache
def leaflet() -> tuple[str, str]:
    """Give Leaflet's style and script from the installed XStatic-leaflet, with its images inside.

    Returns
    -------
    tuple of str
        CSS, JavaScript.
    """
    from xstatic.pkg import leaflet as package

    folder = resources.files(package.__name__) / "data"

    def image(match: re.Match[str]) -> str:
        return f"url(data:image/png;base64,{base64.b64encode((folder / match[1]).read_bytes()).decode('ascii')})"

    css = re.sub(r"url\((images/[\w.-]+)\)", image, (folder / "leaflet.css").read_text(encoding="utf-8"))
    css = re.sub(r"^\s*behavior:.*$", "", css, flags=re.MULTILINE)
    script = (folder / "leaflet.js").read_text(encoding="utf-8")
    script = re.sub(r"//# sourceMappingURL=\S*", "", script).replace('href="https://leafletjs.com"', 'href="#"')
    return css, script


def seal(page: str, *, language: str = "zh", images: str = "") -> str:
    """Let a page run only the scripts that are in it now, load nothing, and fail if it names anything outside.

    Parameters
    ----------
    page : str
    language : str
        Told to readers of the screen.
    images : str
        The one origin, such as ``https://tiles.example``, that pictures may come from; none if blank.

    Raises
    ------
    ExternalAddressError
        If a script, link, image, style or import has an address that is not inside the page.
    """
    found = next((match for match in _ADDRESS.finditer(_SCRIPT.sub("", page))), None)
    if found or re.search(r"<script\b[^>]*\ssrc\s*=", page, re.IGNORECASE):
        name = next(filter(None, found.groups())) if found else "a script"
        raise ExternalAddressError(f"map: the page would load {name}; it must stand alone, so take that element out")
    digests = {base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
               for text in _SCRIPT.findall(page)}
    scripts = " ".join(f"'sha256-{digest}'" for digest in sorted(digests))
    pictures = f"data: {images}".strip()
    policy = (f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src {pictures}; "
              "base-uri 'none'; form-action 'none'")
    spoken = "zh-CN" if language == "zh" else language
    page = page.replace("<html>", f'<html lang="{spoken}">', 1)
    return page.replace("<head>", f'<head>\n<meta http-equiv="Content-Security-Policy" content="{policy}" />', 1)
