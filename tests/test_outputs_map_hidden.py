"""What the map draws where counts are hidden, in a real browser: grey, said in words, and the same whatever is hidden.

The places of the sample get counts by hand: people of the group, in time, out, undetermined; NaN is hidden.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from browser import chromium, visit
from lifecircle.assessment import Assessment
from lifecircle.outputs.map_data import township_gaps
from lifecircle.outputs.map_text import WORDS
from lifecircle.outputs.maps import save_map
from sample_assessment import TOWNSHIPS, sample

NAN = float("nan")
COUNTS = ((20, NAN, NAN, NAN), (NAN, NAN, NAN, NAN), (30, 20, NAN, NAN), (30, 10, NAN, NAN), (0, 0, 0, 0),
          (20, 0, 5, 15))
HIDDEN = "#b0b0b0"
COLOURS = """(discs) => discs.map((disc) => [...disc.querySelectorAll("path, circle:not([fill='none'])")]
  .map((part) => part.getAttribute("fill")).filter((fill) => fill !== "#fff"))"""


def hand_made(language: str = "zh") -> Assessment:
    """In every township fewer than 10 infants are in time or late; in the last one there is none at all."""
    made = sample(language=language)
    names = [f"{prefix}_childcare" for prefix in ("people", "in_time", "out", "undetermined")]
    places = made.places.assign(**dict(zip(names, np.array(COUNTS, dtype=float).T, strict=True)))
    results = made.results.copy()
    last = (results["township_code"] == TOWNSHIPS[2][0]) & (results["layer"] == "childcare")
    results.loc[last & results["indicator"].str.startswith("people"), "value"] = 0.0
    results.loc[last & (results["indicator"] == "coverage_rate"), ["value", "low", "high"]] = NAN
    results.loc[last & (results["indicator"] == "coverage_rate"), "verdict"] = "no_data"
    return dataclasses.replace(made, places=places, results=results)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path: Path = tmp_path_factory.mktemp("map") / "map.html"
    save_map(hand_made(), path)
    with visit(browser, path) as seen:
        seen.page.click(".lc-services label:has-text('托育')")
        yield seen.page
        assert seen.complaints == []


def legend(page: Page) -> dict[str, str]:
    return dict(text.rsplit("\n", 1) for text in page.locator(".lc-legend .lc-row").all_inner_texts())


def test_hidden_places_and_townships_have_rows_of_their_own(page: Page) -> None:
    rows = legend(page)
    states = ("多数已覆盖", "多数未覆盖", "多数待核", "覆盖情况不公开", "无人口")
    assert [rows[name] for name in states] == ["1 个", "1 个", "1 个", "2 个", "1 个"]
    assert (rows["不公开"], rows["缺数据"]) == ("2 个", "1 个")
    assert sum(int(rows[name].split()[0]) for name in rows if "%" in name) == 0


def test_hidden_places_are_grey_all_over(page: Page) -> None:
    """Who is told to be late, but not whether out or undetermined, is drawn as out, as a rate counts them."""
    drawn = page.locator(".lc-disc svg").evaluate_all(COLOURS)
    blue, orange, hatch = "#2b6ca3", "#d9710f", "url(#lc-hatch)"
    assert sorted(drawn) == sorted([[HIDDEN], [HIDDEN], [blue, orange], [blue, orange], [orange, hatch]])
    same = "([one, other]) => lifecircle.disc(one, 6) === lifecircle.disc(other, 6)"
    assert page.evaluate(same, [[20, None, None, None], [None] * 4])
    assert page.evaluate(same, [[9000, None, None, None], [20, None, None, None]])
    assert page.evaluate(same, [[30, 20, None, None], [30, 20, 10, 0]])


def test_hidden_townships_are_grey(page: Page) -> None:
    fills = page.locator(".leaflet-lc-townships-pane path").evaluate_all(
        "(paths) => paths.map((path) => path.getAttribute('fill'))")
    assert fills == ["url(#lc-hidden)", "url(#lc-hidden)", "url(#lc-no-data)"]


@pytest.mark.parametrize(("at", "said"), [(0, "北门社区 覆盖情况不公开"), (1, "南门社区 覆盖情况不公开"),
                                          (2, "永兴社区"), (3, "狮子村")])
def test_tooltips_say_what_is_hidden(page: Page, at: int, said: str) -> None:
    assert tooltip(page, "places", at) == said


@pytest.mark.parametrize(("at", "said"), [(0, "东城街道 不公开"), (2, "白庙乡 —")])
def test_tooltips_of_townships_tell_hidden_from_no_data(page: Page, at: int, said: str) -> None:
    assert tooltip(page, "townships", at) == said


def tooltip(page: Page, kind: str, at: int) -> str:
    """Give the text that the map shows over a feature, read from the feature itself."""
    find = """([places, at]) => {
      const map = window[Object.keys(window).find((key) => key.startsWith("map_"))];
      const found = [];
      map.eachLayer((layer) => {
        const own = layer.feature ? layer.feature.properties : {};
        if (layer.getTooltip() && (places ? "merged" : "lacking") in own) found.push(layer);
      });
      found.sort((a, b) => (a.feature.properties.code < b.feature.properties.code ? -1 : 1));
      return found[at].getTooltip()._content(found[at]);
    }"""
    return str(page.evaluate(find, [kind == "places", at])).strip()


def test_popups_say_what_is_hidden(page: Page) -> None:
    place = "托育\t不公开\t15\t不公开\t不公开\t不公开\t不公开\t—"
    for text, row in (("北门社区", place), ("清江镇", "托育\t不公开\t")):
        page.fill("input[type=search]", text)
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
        assert row in page.inner_text(".leaflet-popup-content")
    page.keyboard.press("Escape")


def test_over_priority_groups_hidden_reach_is_neither_reached_nor_late(page: Page) -> None:
    counts: list[list[Any]] = [[None if value != value else value for value in item] for item in COUNTS]
    places = [{"priority": [{"people": 50}], "counts": {"childcare": item}} for item in counts]
    rows = page.evaluate("([places, words]) => lifecircle.priorityPlaceRows({groups: [{}]}, places, {words},"
                         " {group: 0, gap: 'childcare'})", [places, WORDS["zh"]])
    amounts = {name: next(row for row in rows if name in row).rsplit("<span>", 1)[1] for name in
               ("多数已覆盖", "多数未覆盖", "多数待核", "覆盖情况不公开")}
    assert {name: text.split()[0] for name, text in amounts.items()} == {
        "多数已覆盖": "2", "多数未覆盖": "1", "多数待核": "1", "覆盖情况不公开": "2"}
    ring = page.evaluate("lifecircle.priorityDisc({people: 50}, {most: 50}, 'hidden').options.html")
    assert HIDDEN in ring
    assert "#d9480f" not in ring


def test_a_township_lacks_a_hidden_number_where_one_of_its_places_does() -> None:
    """5 places short with the second hidden is no 5; without a group unknown amounts count nothing, as before."""
    gaps = sample().gaps.iloc[[0, 0]].assign(kind="capacity", unit="person", short=[5.0, NAN])
    for group, short in (("0_2", None), ("all", 5.0)):
        lacking = township_gaps(dataclasses.replace(sample(), gaps=gaps.assign(group=group)))
        assert [item["short"] for item in lacking[gaps["township_code"].iloc[0]]] == [short]


def test_the_panel_has_no_blank_and_ends_within_the_page(page: Page) -> None:
    """A mark without a picture is as high as the others; what does not fit is scrolled to."""
    heights = page.locator(".lc-legend .lc-row").evaluate_all("(rows) => rows.map((row) => row.offsetHeight)")
    assert max(heights) == min(heights)
    panel = page.locator(".lc-panel").bounding_box()
    assert panel is not None
    assert panel["y"] + panel["height"] <= 900
    last = page.locator(".lc-legend .lc-group").last
    last.scroll_into_view_if_needed()
    shown = last.bounding_box()
    assert shown is not None
    assert shown["y"] + shown["height"] <= panel["y"] + panel["height"]


def test_english(browser: Browser, tmp_path: Path) -> None:
    save_map(hand_made("en"), tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        seen.page.click(".lc-services label:has-text('Childcare')")
        rows = legend(seen.page)
        assert rows["coverage hidden"].strip() == "2"
        assert rows["hidden"].strip() == "2"
        assert tooltip(seen.page, "places", 0) == "北门社区 coverage hidden"
        assert tooltip(seen.page, "townships", 0) == "东城街道 hidden"
