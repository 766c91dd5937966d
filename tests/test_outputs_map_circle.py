"""The map's theme of all services, in a real browser without a network; figures of the tiny town are worked by hand.

See test_completeness: of 1000 people 500 have two of three services, 400 one, 100 none; care alone would complete 400.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from browser import chromium, visit
from lifecircle import assess
from lifecircle.assessment import Assessment
from lifecircle.outputs.map_circle import circle_facts, circle_figures, circle_layers, circle_place
from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.outputs.maps import save_map
from sample_assessment import sample
from tinytown import DISTRICT, EAST_TOWN, write_town

#: Longer cutoffs for all but the shelter: the town gets people who have everything.
POLICY = {"elderly_care": {"label_zh": "养老", "group": "60plus", "urban": {"cutoff_min": 70, "mode": "walk_elder"},
                           "rural": {"cutoff_min": 30, "mode": "walk_elder"}}}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    """In 甲 three points have care in time, and of these all have clinic and shelter: 150 people have everything.

    Care is 60 minutes off at y = 1000, 70 at 500 and 1500, 80 at 0 and 2000; the shelter reaches y = 0 … 1500.
    """
    return assess(write_town(tmp_path_factory.mktemp("town"), policy=POLICY, surface={"cell_m": 500}))


@pytest.fixture(scope="module")
def page(town: Assessment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path = tmp_path_factory.mktemp("map") / "map.html"
    save_map(town, path)
    with chromium() as browser, visit(browser, path) as seen:
        seen.page.click(".lc-themes label:has-text('全部服务')")
        yield seen.page
        assert seen.outside == []
        assert seen.complaints == []


def find(page: Page, text: str) -> list[str]:
    page.fill("input[type=search]", text)
    page.keyboard.press("Enter")
    page.wait_for_timeout(400)
    return [line for line in page.inner_text(".leaflet-popup-content").splitlines() if line.strip()]


def cells(page: Page) -> dict[str, list[str]]:
    """Give the table of the pop-up: service -> its other cells, without the bar."""
    rows = page.locator(".leaflet-popup-content tr")
    texts = [[text.strip() for text in row.locator("th, td").all_inner_texts()] for row in rows.all()]
    return {text[0]: text[2:] for text in texts}


def test_the_panel_tells_how_many_have_how_many(page: Page) -> None:
    title = page.inner_text(".lc-title")
    assert "全部服务" in title
    assert MODEL_MARK in title
    assert "口径：全体常住人口，各服务按其时限" in title
    facts = page.inner_text(".lc-facts")
    assert "服务齐全人口 15.0%" in facts
    assert "人均可及服务 1.55/3" in facts
    assert "补上后新增齐全人口最多：养老 (250 人)" in facts
    steps = [row.split("\t") for row in page.locator(".lc-steps tr").all_inner_texts()]
    assert [(step[0], step[-1]) for step in steps] == [
        ("3 类", "15.0%"), ("2 类", "35.0%"), ("1 类", "40.0%"), ("0 类", "10.0%")]


def test_the_legend_counts_townships_and_places(page: Page) -> None:
    rows = dict(text.rsplit("\n", 1) for text in page.locator(".lc-legend .lc-row").all_inner_texts())
    assert (rows["≥ 18%"], rows["< 6%"]) == ("1 个", "1 个")
    assert (rows["多数服务齐全"], rows["多数有缺"]) == ("1 个", "3 个")
    assert page.locator(".lc-site").count() == 0
    assert page.locator(".leaflet-lc-circles-pane path").count() == 0
    assert page.locator(".lc-disc").count() == 4


def test_a_place_lists_what_it_lacks(page: Page) -> None:
    lines = find(page, "丙村")
    assert lines[0] == "丙村"
    assert "服务齐全人口 0.0%，人均可及服务 1/3" in lines
    assert cells(page) == {"服务": ["缺该服务", "时限"], "诊所": ["80.0%", "30 分钟"], "养老": ["40.0%", "30 分钟"],
                           "避难场所": ["80.0%", "30 分钟"]}
    assert lines[-1] == "首要短板：诊所；避难场所"
    assert page.locator(".leaflet-popup-content tr.lc-chosen").count() == 2


def test_a_township_tells_who_lacks_only_one(page: Page) -> None:
    lines = find(page, "甲街道")
    assert "服务齐全人口 30.0%，人均可及服务 2.1/3" in lines
    rows = cells(page)
    assert rows["养老"] == ["70.0%", "250"]
    assert rows["避难场所"] == ["20.0%", "0"]
    assert "首要短板：养老" in lines


def test_other_themes_name_the_binding_service_too(page: Page) -> None:
    page.click(".lc-themes label:has-text('可达')")
    page.click(".lc-services label:has-text('诊所')")
    try:
        assert find(page, "甲社区")[-1] == "服务齐全人口 60.0%，首要短板：养老"
    finally:
        page.click(".lc-themes label:has-text('全部服务')")


def test_a_map_without_these_figures_has_no_such_theme() -> None:
    assert circle_layers(sample()) == []
    assert circle_facts(sample(), "zh") is None
    assert circle_figures(sample()) == {}


def test_places_without_people_have_no_shares(town: Assessment) -> None:
    row = {**town.places.iloc[0].to_dict(), "residents": 0.0, "share_all": float("nan"), "share_all_high": float("nan"),
           "services_mean": float("nan"), "share_lacking_clinics": float("nan"), "binding_service": ""}
    shown = circle_place(row, ["clinics"])
    assert shown == {"counts": [0.0, 0.0, 0.0, 0.0], "mean": None, "lacking": {"clinics": None}, "binding": []}
    assert circle_figures(town)[EAST_TOWN]["rate"] == 0.0
    assert circle_figures(town)[DISTRICT]["only"] == {"clinics": 50, "elderly_care": 250, "shelters": 50}


def test_doubts_of_any_service_are_doubts_of_all(town: Assessment) -> None:
    facts = circle_facts(town, "en")
    assert facts is not None
    assert facts["members"] == ["clinics", "elderly_care", "shelters"]
    assert facts["label"] == "All services"
