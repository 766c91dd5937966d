"""Themes, cards, ways and keyboard of the map, in a real browser without a network, over the tiny town with a plan."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from browser import Visit, chromium, visit
from lifecircle import assess
from lifecircle.assessment import Assessment
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.map_plan import plan_figures
from lifecircle.outputs.map_routes import place_routes
from lifecircle.outputs.maps import save_map
from plantown import PLAN_FILE, write_plan_town
from test_outputs_map_shapes import decode
from tinytown import write_town

THEMES = ["reach", "rings", "gaps", "area", "all", "plan"]
MAP = 'window[Object.keys(window).find((key) => key.startsWith("map_"))]'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    return assess(write_plan_town(tmp_path_factory.mktemp("town"), PLAN_FILE.read_text("utf-8")))


@pytest.fixture(scope="module")
def town_map(town: Assessment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("map") / "map.html"
    save_map(town, path)
    return path


@pytest.fixture
def seen(browser: Browser, town_map: Path) -> Iterator[Visit]:
    with visit(browser, town_map) as found:
        yield found
        assert found.outside == []
        assert found.complaints == []


def theme(page: Page, key: str) -> None:
    page.check(f"[name=lc-theme][value={key}]")


def legend(page: Page) -> dict[str, str]:
    return dict(text.rsplit("\n", 1) for text in page.locator(".lc-legend .lc-row").all_inner_texts())


def card(page: Page, text: str) -> list[str]:
    """Find something by its name and give the lines of its card."""
    page.fill("input[type=search]", text)
    page.keyboard.press("Enter")
    page.wait_for_selector(".leaflet-popup-content")
    return [line for line in page.inner_text(".leaflet-popup-content").splitlines() if line.strip()]


def test_themes_stand_in_one_list_and_only_those_with_data(seen: Visit) -> None:
    radios = seen.page.locator("[name=lc-theme]")
    assert [radio.get_attribute("value") for radio in radios.all()] == THEMES
    assert seen.page.locator("[name=lc-theme]:checked").count() == 1


@pytest.mark.parametrize(("key", "services"), [
    ("reach", ["诊所", "养老", "避难场所"]), ("rings", ["诊所", "养老", "避难场所"]), ("area", ["避难场所"]),
    ("all", []), ("plan", [])])
def test_services_stand_under_the_themes_that_take_one(seen: Visit, key: str, services: list[str]) -> None:
    theme(seen.page, key)
    box = seen.page.locator(".lc-service-box")
    assert box.is_visible() == bool(services)
    if services:
        found = seen.page.locator(".lc-services label").all_inner_texts()
        assert [re.sub(r"\W*\d*$", "", text.strip()) for text in found] == services


@pytest.mark.parametrize("key", THEMES)
def test_every_theme_says_what_it_is(seen: Visit, key: str) -> None:
    page = seen.page
    theme(page, key)
    title = page.inner_text(".lc-title")
    assert "口径：" in title
    assert "运行编号" in title
    foot = page.inner_text(".lc-foot")
    for part in ("m", "数据质量：", "内部工作图，未经审图，不得公开", "EPSG:4545"):
        assert part in foot
    assert "北" in page.inner_text(".lc-north")
    assert page.locator(".lc-legend .lc-row, .lc-legend .lc-group").count() > 1
    assert page.locator(".leaflet-control-scale-line").count() == 1


def test_rings_of_15_and_30_minutes_are_drawn_and_told(seen: Visit, town: Assessment) -> None:
    """800 people live within 1 km along streets of the clinic, and 30 minutes reach 2 km."""
    page = seen.page
    theme(page, "rings")
    areas = town.service_areas.query("layer == 'clinics' and mode == 'walk' and kind == 'isochrone'")
    areas = areas.set_index("cutoff")
    facts = page.inner_text(".lc-facts")
    for minutes in (15, 30):
        assert f"{minutes} 分钟：{areas['population'][minutes]:,.0f} 人" in facts
    heads = page.locator(".lc-legend .lc-group > label").all_inner_texts()
    assert heads[:3] == ["服务圈", "15 分钟", "30 分钟"]
    amount = f"Object.values({MAP}._layers).filter((item) => item.options?.renderer && item.options.fillColor).length"
    assert page.evaluate(amount) == 2
    page.uncheck("[value=ring1]")
    assert page.evaluate(amount) == 1


def test_gaps_are_sized_by_people_and_shaped_by_cause(seen: Visit) -> None:
    """Clinics: 丙 lacks 200 and 丁 250 people, both too far; a clinic is lacking in 乙, 丙 and 丁."""
    page = seen.page
    theme(page, "gaps")
    assert page.locator(".lc-gap").count() == 2
    assert legend(page)["超时限"] == "2 个"
    assert page.locator(".lc-top li").all_inner_texts() == ["丁村 250 人", "丙村 200 人"]
    radius = page.locator(".lc-gap circle").evaluate_all("(marks) => marks.map((mark) => mark.getAttribute('r'))")
    assert sorted(map(float, radius)) == pytest.approx([3.5 + 11 * np.sqrt(0.8), 14.5])
    page.select_option("select[name=kind]", "presence")
    assert page.locator(".lc-gap path").count() == 3  # a triangle each: there is none
    assert legend(page)["无设施"] == "3 个"
    page.click(".lc-top li:first-child button")
    assert "配置" in page.inner_text(".leaflet-popup-content")


def test_area_per_head_is_held_against_its_standard(seen: Visit) -> None:
    """600 m² for 500 people are 1.2 of 2 m²: the class from 1 to 1.5; the other township has none."""
    page = seen.page
    theme(page, "area")
    assert "全区人均 0.6 m²/人" in page.inner_text(".lc-facts")
    assert "低于标准 2/2 个" in page.inner_text(".lc-facts")
    rows = legend(page)
    assert (rows["1–1.5 m²/人"], rows["< 0.5 m²/人"]) == ("1 个", "1 个")


def test_the_plan_lists_its_measures_and_colours_by_verdict(seen: Visit, town: Assessment) -> None:
    page = seen.page
    theme(page, "plan")
    whole = town.scorecard[town.scorecard["township_code"] == town.run["district"]["code"]].reset_index(drop=True)
    known = whole[whole["verdict"] != "no_data"]
    assert page.locator(".lc-facts > .lc-measures li").count() == len(known)
    assert page.locator(".lc-facts details li").count() == len(whole) - len(known)
    at = int(whole.index[whole["measure"] == "shelter_area"][0])
    page.click(f"[data-measure='{at}']")
    facts = page.inner_text(".lc-steps")
    assert re.sub(r"\s+", " ", facts).startswith("标准 2 m²/人 实际 0.6 m²/人 缺口 1.4 m²/人 判定 ✗ 未达标 责任单位")
    assert legend(page)["✗ 未达标"] == "2 个"
    names = page.locator(".lc-name:not(.lc-name-place) span").all_inner_texts()
    assert sorted(names) == ["乙镇 ✗", "甲街道 ✗"]
    assert page.evaluate("document.activeElement.dataset.measure") == str(at)


def test_figures_of_the_plan_are_rounded_by_the_page_alone(town: Assessment) -> None:
    # To four digits first, 0.8204618 would become 0.8205 and be shown as 82.1%, beside 82.0% in every table.
    card = town.scorecard.assign(actual=town.scorecard["actual"].where(town.scorecard["actual"].isna(), 0.820461792))
    told = [figures[1] for own in plan_figures(replace(town, scorecard=card)).values() for figures in own.values()]
    assert set(told) - {None} == {0.820461792}


def test_a_township_card_has_intervals_targets_and_the_plan(seen: Visit) -> None:
    lines = card(seen.page, "甲街道")
    assert lines[0] == "甲街道"
    text = "\n".join(lines)
    assert "要求" in text
    assert "1.2 / 2" in text
    assert "规划指标（有数据）" in text
    box = seen.page.locator(".leaflet-popup").bounding_box()
    assert box is not None
    assert box["width"] <= 560  # 520 and the margins of the pop-up
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 900
    assert seen.page.evaluate("document.querySelector('.leaflet-popup-content').scrollWidth <= 521")


def test_a_place_card_has_minutes_limit_and_nearest_of_every_service(seen: Visit) -> None:
    """丙: its middle point (2500, 1000) is 30 minutes from the clinic, 20 from the care post on foot at 3 km/h."""
    lines = card(seen.page, "丙村")
    rows = {line.split("\t")[0]: line.split("\t")[1:5] for line in lines if "\t" in line}
    assert rows["诊所"] == ["30.0", "30", "✓ 已覆盖", "甲诊所"]
    assert rows["养老"] == ["20.0", "30", "✓ 已覆盖", "丁驿站"]
    assert "分钟从居民点起算" in "\n".join(lines)


def test_the_way_is_that_of_the_minutes(seen: Visit, town: Assessment) -> None:
    """Of every place and service the code in the page is the line of the assessment to 8 m and a step."""
    found = place_routes(published(town))
    assert {(place, layer) for place, own in found.items() for layer in own} <= set(
        zip(town.routes["place_code"], town.routes["layer"], strict=True))
    shapes = town.routes.to_crs("EPSG:4326").set_index(["place_code", "layer"]).geometry
    for place, own in found.items():
        for layer, way in own.items():
            line = shapely.LineString(decode(way["line"]))
            assert line.hausdorff_distance(shapes[place, layer]) < 1.3e-4
    page = seen.page
    assert card(page, "丙村")
    told = page.inner_text(".lc-told")
    assert told == "诊所：步行，30.0 分钟，全程 2,000 m → 甲诊所"
    assert page.locator("path.lc-route").count() == 1
    assert sorted(page.locator(".lc-end span").all_inner_texts()) == ["居民点", "甲诊所"]
    page.click(".leaflet-popup-content button:has-text('养老')")
    assert page.inner_text(".lc-told").startswith("养老：老年人步行，20.0 分钟，全程 1,000 m")
    assert page.get_attribute(".leaflet-popup-content button:has-text('养老')", "aria-pressed") == "true"
    card_box, way = (page.locator(name).bounding_box() for name in (".leaflet-popup", "path.lc-route"))
    assert card_box is not None
    assert way is not None
    assert card_box["y"] + card_box["height"] <= way["y"] + way["height"]
    page.keyboard.press("Escape")
    page.wait_for_selector(".leaflet-popup", state="detached")
    assert page.locator("path.lc-route").count() == 0


def test_everything_by_keyboard(seen: Visit) -> None:
    """Arrow keys choose theme and service; the list by township opens cards, which take the focus and give it back."""
    page = seen.page
    page.focus("[name=lc-theme]:checked")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "rings"
    assert "15/30分钟圈" in page.inner_text(".lc-title")
    page.focus("[name=lc-service]:checked")
    page.keyboard.press("ArrowDown")
    assert "养老" in page.inner_text(".lc-title")
    page.focus(".lc-list summary")
    page.keyboard.press("Enter")
    page.select_option("select[name=unit]", label="乙镇")
    assert page.locator(".lc-list li").all_inner_texts() == ["乙镇", "丙村", "丁村", "丁驿站"]
    page.focus(".lc-list li:nth-child(2) button")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=dialog]")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "丙村"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.layer") is not None
    page.keyboard.press("Escape")
    page.wait_for_selector(".leaflet-popup", state="detached")
    assert page.evaluate("document.activeElement.textContent") == "丙村"


@pytest.mark.parametrize("width_px", [1400, 390])
def test_axe_finds_nothing_serious_in_any_theme(browser: Browser, town_map: Path, width_px: int) -> None:
    with visit(browser, town_map, width_px=width_px, height_px=900) as found:
        page = found.page
        if width_px == 390:
            page.click(".lc-head button")
        found_bad: dict[str, Any] = {}
        for key in THEMES:
            theme(page, key)
            page.wait_for_timeout(100)
            found_bad[key] = bad(page)
        page.click(".lc-list summary")
        if width_px == 1400:
            card(page, "丙村")
            page.wait_for_timeout(500)  # until it has faded in
            found_bad["place"] = bad(page)
            card(page, "甲街道")
            page.wait_for_timeout(500)
            found_bad["township"] = bad(page)
        assert {key: some for key, some in found_bad.items() if some} == {}


def bad(page: Page) -> list[tuple[str, list[str]]]:
    """Give the serious and critical findings of axe-core: rule, and the first elements."""
    violations = Axe().run(page).response["violations"]
    return [(item["id"], [str(node["target"]) + node["html"][:90] for node in item["nodes"][:3]]) for item in violations
            if item["impact"] in ("serious", "critical")]


def test_on_a_phone_the_panel_is_a_sheet(browser: Browser, town_map: Path) -> None:
    with visit(browser, town_map, width_px=390, height_px=844) as found:
        page = found.page
        sheet = page.locator(".lc-panel").bounding_box()
        assert sheet is not None
        assert (sheet["x"], sheet["width"]) == (0, 390)
        assert sheet["height"] < 70
        page.click(".lc-head button")
        assert page.get_attribute(".lc-head button", "aria-expanded") == "true"
        theme(page, "gaps")
        for name in (".lc-title", ".lc-foot", ".lc-panel", ".lc-north"):
            box = page.locator(name).bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        card(page, "丙村")
        page.wait_for_timeout(500)
        box = page.locator(".leaflet-popup").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert found.complaints == []


def test_a_run_with_a_scenario_tells_its_gains_and_where_to_compare(browser: Browser, tmp_path: Path) -> None:
    from dataclasses import replace

    found = assess(write_town(tmp_path / "town"))
    gains = found.gains.reindex(range(2)).assign(
        layer="clinics", facility_id=["N1", "all"], name=["<img src=x onerror=alert(1)>", "all"],
        people_alone=[120.0, np.nan], people_last=[100.0, np.nan], people_together=[np.nan, 120.0])
    roads = found.changed_roads.reindex(range(1)).assign(edit="build", name="新路", kind="", road_class="tertiary",
                                                         length_m=1500.0)
    x, y = found.facilities.geometry.iloc[0].x, found.facilities.geometry.iloc[0].y
    roads = roads.set_geometry([shapely.LineString([(x, y), (x + 1500, y)])], crs=found.run["crs"])
    run = {**found.run, "scenario": {"name": "新诊所", "year": 2027}}
    after = replace(found, gains=gains, changed_roads=roads, run=run)
    save_map(after, tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        theme(seen.page, "scenario")
        facts = seen.page.inner_text(".lc-facts")
        assert "新设施合计新增 120 人" in facts
        assert "<img src=x onerror=alert(1)> 单独新增 120 人，最后新增 100 人" in facts
        assert "lifecircle compare" in facts
        assert legend(seen.page)["新建"] == "1.5 km"
        assert seen.complaints == []
