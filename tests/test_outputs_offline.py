"""The map stands alone: names run nothing, and no address leads out of the page."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import folium
import pytest
from playwright.sync_api import Browser

from browser import Visit, chromium, visit
from lifecircle.outputs import map_data
from lifecircle.outputs.maps import draw_map, map_html
from lifecircle.outputs.offline import ExternalAddressError, inert, seal
from sample_assessment import SINKS, sample

#: Choose every service and open every pop-up and tooltip of every mark; count them.
OPEN_ALL = """() => {
  const map = window[Object.keys(window).find((key) => key.startsWith("map_"))];
  let opened = 0;
  document.querySelectorAll(".lc-services input").forEach((radio) => {
    radio.click();
    map.eachLayer((layer) => {
      if (layer.getPopup && layer.getPopup()) { layer.openPopup(); opened += 1; }
      if (layer.getTooltip && layer.getTooltip()) layer.openTooltip();
    });
  });
  const search = document.querySelector("input[type=search]");
  search.value = document.querySelectorAll("datalist option")[4].value;
  search.dispatchEvent(new Event("change", {bubbles: true}));
  return opened;
}"""
PAYLOADS = {
    "img": "<img src=x onerror=\"window.__pwned='SINK'\">", "svg": "'\"><svg onload=\"window.__pwned='SINK'\">",
    "script": "</script><script>window.__pwned='SINK'</script>", "template": "${window.__pwned='SINK'}",
    "backtick": "`;window.__pwned='SINK';`", "quote": "';window.__pwned='SINK';//\\", "jinja": "{{ 7*7 }}{% raw %}SINK",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def pwned(seen: Visit) -> str | None:
    return seen.page.evaluate("window.__pwned || null")


def open_hostile(browser: Browser, path: Path, payload: str, write: Callable[[Any], str]) -> str | None:
    path.write_text(write(sample(hostile=lambda sink: payload.replace("SINK", sink))), encoding="utf-8")
    with visit(browser, path) as seen:
        seen.page.evaluate(OPEN_ALL)
        seen.page.wait_for_timeout(200)
        return pwned(seen)


def unsealed(assessment: Any) -> str:
    return str(draw_map(assessment).get_root().render())


@pytest.mark.parametrize("kind", PAYLOADS)
def test_hostile_names_are_inert(browser: Browser, tmp_path: Path, kind: str) -> None:
    """Each payload stands in all of `SINKS` at once and, had it run, would have named the place it ran in.

    The page is not sealed, so nothing but the escaping holds it.
    """
    payload = PAYLOADS[kind]
    path = tmp_path / "map.html"
    path.write_text(unsealed(sample(hostile=lambda sink: payload.replace("SINK", sink))), encoding="utf-8")
    with visit(browser, path) as seen:
        assert seen.page.evaluate(OPEN_ALL) == 5 * (3 + 6 + 4)  # townships, places, facilities of each service
        seen.page.wait_for_timeout(200)
        assert pwned(seen) is None
        assert seen.complaints == []
        assert seen.outside == []
        assert payload.replace("SINK", "district") in seen.page.inner_text(".lc-title")
        shown = seen.page.inner_text(".leaflet-popup-content")
        assert payload.replace("SINK", "place") in shown or payload.replace("SINK", "township") in shown
    assert len(SINKS) * len(PAYLOADS) >= 24


def test_without_escaping_they_would_run(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: with the escaping out, a payload runs; the page's own policy still stops it."""
    monkeypatch.setattr(map_data, "inert", lambda content: content)
    assert open_hostile(browser, tmp_path / "a.html", PAYLOADS["img"], unsealed) is not None
    assert open_hostile(browser, tmp_path / "b.html", PAYLOADS["img"], map_html) is None


def test_inert_text_reads_as_it_was() -> None:
    text = "".join(chr(code) for code in range(32, 127)) + "清江镇"
    assert html.unescape(inert(text)) == text
    assert not set("&<>\"'`${}\\") & set(re.sub(r"&#\d+;", "", inert(text)))
    assert inert({"a": ["<"], "b": 1, "c": None}) == {"a": ["&#60;"], "b": 1, "c": None}
    assert inert("a\x00b\u2028c") == "abc"


def test_an_address_outside_is_refused() -> None:
    drawn = draw_map(sample())
    folium.TileLayer("https://tiles.example/{z}/{x}/{y}.png", attr="x").add_to(drawn)
    page = drawn.get_root().render()
    for element in ('<script src="x.js"></script>', '<link rel="stylesheet" href="https://a.example/a.css">',
                    '<img src="//a.example/a.png">', "<style>@import 'a.css';</style>",
                    "<style>p { background: url(https://a.example/a.png); }</style>", '<img src=a.png>'):
        with pytest.raises(ExternalAddressError, match="it must stand alone"):
            seal(page.replace("</head>", f"{element}</head>", 1))
    assert "connect-src" not in seal(page)  # default-src 'none' covers it
    assert "default-src 'none'" in seal(page)
