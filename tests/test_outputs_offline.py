"""The map stands alone: names run nothing, and no address leads out of the page."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import pandas as pd
import pytest
from playwright.sync_api import Browser
from shapely.geometry import LineString

from browser import Visit, chromium, visit
from lifecircle.assessment import Assessment
from lifecircle.outputs import map_data
from lifecircle.outputs.maps import draw_map, map_html
from lifecircle.outputs.offline import ExternalAddressError, inert, seal
from lifecircle.tables import SCORECARD_COLUMNS
from sample_assessment import SINKS, sample

#: Choose every theme and service, open every card and tooltip of every mark, draw every way, list every township; count
#: the cards of the first theme.
OPEN_ALL = """() => {
  const map = window[Object.keys(window).find((key) => key.startsWith("map_"))];
  let opened = 0;
  const openAll = (radio) => {
    radio.click();
    map.eachLayer((layer) => {
      if (layer.getPopup && layer.getPopup()) { layer.openPopup(); opened += 1; }
      if (layer.getTooltip && layer.getTooltip()) layer.openTooltip();
    });
    document.querySelectorAll(".leaflet-popup-content [data-route]").forEach((button) => button.click());
  };
  document.querySelectorAll(".lc-services input").forEach(openAll);
  const [first, others] = [opened, [...document.querySelectorAll("[name=lc-theme]")].slice(1)];
  others.forEach((theme) => {
    theme.click();
    const services = [...document.querySelectorAll(".lc-services input")];
    (services.length ? services : [theme]).forEach(openAll);
    document.querySelectorAll("[data-measure]").forEach((button, at) => { if (at < 3) button.click(); });
    document.querySelectorAll("select[name=kind] option").forEach((option) => {
      const select = document.querySelector("select[name=kind]");
      select.value = option.value;
      select.dispatchEvent(new Event("change", {bubbles: true}));
    });
  });
  document.querySelector(".lc-list").open = true;
  document.querySelectorAll("[name=unit] option").forEach((option) => {
    const select = document.querySelector("[name=unit]");
    select.value = option.value;
    select.dispatchEvent(new Event("change", {bubbles: true}));
  });
  document.querySelector("[name=lc-theme]").click();
  const search = document.querySelector("input[type=search]");
  search.value = document.querySelectorAll("datalist option")[4].value;
  search.dispatchEvent(new Event("change", {bubbles: true}));
  return first;
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


def hostile(payload: str) -> Assessment:
    """Give the sample with a payload in every text: those of the plan, of ways and of a scenario too."""
    def name(sink: str) -> str:
        return payload.replace("SINK", sink)

    made = sample(hostile=name)
    units = [*made.townships["township_code"], made.run["district"]["code"]]
    card = pd.DataFrame({"township_code": units}).reindex(columns=list(SCORECARD_COLUMNS)).assign(
        number=1, measure="m", title=name("measure"), verdict="not_met", unit=name("measure_unit"), actual=1.0,
        lead_unit=name("measure_lead"), year=name("measure_year"))
    points = made.demand.drop_duplicates("place_code")
    ways = gpd.GeoDataFrame([
        {"place_code": code, "layer": layer, "mode": name("way"), "direction": "to", "minutes": 9.0, "metres": 900.0,
         "walk_metres": 300.0, "facility_id": f"{layer}-1", "geometry": LineString([point, (point.x + 900, point.y)])}
        for code, point in zip(points["place_code"], points.geometry, strict=True) for layer in made.layers],
        crs=made.run["crs"])
    gains = made.gains.reindex(range(1)).assign(layer="clinics", facility_id="N1", name=name("gain"), people_alone=12.0)
    return replace(made, scorecard=card, routes=ways, gains=gains,
                   run={**made.run, "scenario": {"name": name("scenario"), "year": None}})


def pwned(seen: Visit) -> str | None:
    return seen.page.evaluate("window.__pwned || null")


def open_hostile(browser: Browser, path: Path, payload: str, write: Callable[[Any], str]) -> str | None:
    path.write_text(write(hostile(payload)), encoding="utf-8")
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
    path.write_text(unsealed(hostile(payload)), encoding="utf-8")
    with visit(browser, path) as seen:
        assert seen.page.locator("[name=lc-theme]").count() == 6
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
