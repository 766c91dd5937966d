"""The map as a planner opens it: a file in a real browser without a network, clicked and looked at."""

from __future__ import annotations

import dataclasses
import io
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import folium
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from browser import chromium, visit
from lifecircle.outputs import map_data, maps
from lifecircle.outputs.map_text import MODEL_MARK, NOT_APPROVED, WORDS
from lifecircle.outputs.maps import LIMIT_BYTES, draw_map, map_html, save_map
from sample_assessment import sample

#: The map's own variable and the pixel of a position on it.
PIXEL = """([lat, lon]) => {
  const map = window[Object.keys(window).find((key) => key.startsWith("map_"))];
  const point = map.latLngToContainerPoint([lat, lon]);
  return [point.x, point.y];
}"""
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def model_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("map") / "map.html"
    save_map(sample(), path)
    return path


@pytest.fixture
def page(browser: Browser, model_map: Path) -> Iterator[Page]:
    with visit(browser, model_map) as seen:
        yield seen.page


def click_at(page: Page, features: dict[str, Any], index: int) -> None:
    """Click the middle of a feature as the map shows it."""
    feature = features["features"][index]
    lon, lat = feature["geometry"]["coordinates"] if feature["geometry"]["type"] == "Point" else (
        feature["properties"]["at"][::-1])
    page.mouse.click(*page.evaluate(PIXEL, [lat, lon]))


def popup(page: Page) -> str:
    """Give the lines of the pop-up that is open."""
    return "\n".join(line for line in page.inner_text(".leaflet-popup-content").splitlines() if line)


def choose(page: Page, label: str) -> None:
    page.click(f".lc-services label:has-text('{label}')")


def test_opens_without_asking_anyone(browser: Browser, model_map: Path) -> None:
    with visit(browser, model_map) as seen:
        use_everything(seen.page)
        assert seen.outside == []
        assert seen.complaints == []


def test_says_what_it_is(page: Page) -> None:
    title = page.inner_text(".lc-title")
    for part in ("巴州区 · 医疗卫生", MODEL_MARK, "口径：人口", "数据截止 2025-06-30", "运行编号 5a3c19e0b7d2"):
        assert part in title
    foot = page.inner_text(".lc-foot")
    for part in ("km", NOT_APPROVED, "lifecircle 0.1.0", "EPSG:4545"):
        assert part in foot
    assert "北" in page.inner_text(".lc-north")
    assert page.title() == "巴州区 公共服务圈"


def test_layers_switch_one_at_a_time(page: Page) -> None:
    labels = [text.strip() for text in page.locator(".lc-services label").all_inner_texts()]
    assert labels == ["医疗卫生 ⚠︎ 1", "健身", "养老", "托育", "应急避难"]
    assert "全区覆盖率 77.5%" in page.inner_text(".lc-facts")
    choose(page, "养老")
    assert "巴州区 · 养老" in page.inner_text(".lc-title")
    assert "口径：人口 (60岁及以上人口)" in page.inner_text(".lc-title")
    facts = page.inner_text(".lc-facts")
    assert "全区覆盖率 53.3%" in facts
    assert "城镇 15 分钟，乡村 30 分钟 (步行（老年人）)" in facts
    assert "未覆盖 不公开，待核 不公开" in facts  # 351 would tell the 5, as 406 of 762 are in time


def test_the_number_of_a_mark_is_explained(page: Page) -> None:
    note = "⚠︎ 数据有疑点，数字是影响这项服务的提示条数；点开乡镇（街道）看是哪几条"
    assert page.inner_text(".lc-doubt-note") == note
    assert page.get_attribute(".lc-services .lc-doubt", "title") == note.removeprefix("⚠︎ ")


def test_without_doubts_nothing_is_explained(browser: Browser, tmp_path: Path) -> None:
    calm = sample()
    save_map(dataclasses.replace(calm, findings=[item for item in calm.findings if item.severity == "note"]),
             tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        assert seen.page.locator(".lc-services label").count() == 5
        assert seen.page.locator(".lc-doubt-note").count() == 0


def test_legend_counts_follow_the_layer(page: Page) -> None:
    def rows() -> dict[str, str]:
        found = page.locator(".lc-legend .lc-row").all_inner_texts()
        return dict(text.rsplit("\n", 1) for text in found)

    clinics = rows()
    assert (clinics["≥ 95%"], clinics["80–95%"], clinics["40–60%"]) == ("1 个", "1 个", "1 个")
    assert (clinics["多数已覆盖"], clinics["多数未覆盖"], clinics["多数待核"]) == ("5 个", "1 个", "0 个")
    assert (clinics["现状"], clinics["在建"], clinics["规划"]) == ("1 处", "1 处", "0 处")
    assert (clinics["未接入路网"], clinics["区外"]) == ("1 处", "1 处")
    choose(page, "健身")
    assert rows()["多数已覆盖"] == "6 个"
    assert "未接入路网" not in rows()


def test_only_the_chosen_layer_is_drawn(page: Page) -> None:
    assert page.locator(".lc-site").count() == 4
    assert page.locator(".lc-disc").count() == 6
    assert page.locator(".leaflet-lc-circles-pane path").count() == 1
    assert page.locator(".leaflet-lc-townships-pane path").count() == 3


@pytest.mark.parametrize(("box", "selector", "count"), [
    ("places", ".lc-disc", 6), ("facilities", ".lc-site", 4), ("circles", ".leaflet-lc-circles-pane path", 1),
    ("names", ".lc-name", 3)])
def test_overlays_go_and_come(page: Page, box: str, selector: str, count: int) -> None:
    assert page.locator(selector).count() >= count
    page.uncheck(f".lc-legend input[value={box}]")
    assert page.locator(selector).count() == 0
    page.check(f".lc-legend input[value={box}]")
    assert page.locator(selector).count() >= count


def test_a_township_tells_all_layers(page: Page) -> None:
    click_at(page, map_data.townships(sample(), 10.0), 1)
    text = popup(page)
    assert text.startswith("清江镇\n人口 1,041")
    row = next(line for line in text.splitlines() if line.startswith("应急避难"))
    assert row.split("\t")[1:] == ["83.6%", "—", "171", "0", "2.4 / 2", "标准未定；面积达标"]
    assert "托育\t不公开\t—\t不公开\t不公开" in text


def test_a_place_tells_its_gaps(page: Page) -> None:
    click_at(page, map_data.places(maps.published(sample())), 5)
    lines = popup(page).splitlines()
    assert lines[:2] == ["龙头村", "白庙乡 · 乡村 · 人口 521"]
    clinics = next(line for line in lines if line.startswith("医疗卫生"))
    assert clinics.split("\t") == ["医疗卫生", "35.0", "30", "✗ 未覆盖", "示例设施000", "500", "21", "超时限"]
    elderly = next(line for line in lines if line.startswith("养老"))
    assert elderly.split("\t") == ["养老", "不公开", "30", "不公开", "不公开", "不公开", "不公开", "—"]


def test_a_place_tells_what_is_missing_besides_reach(page: Page) -> None:
    click_at(page, map_data.places(maps.published(sample())), 0)
    assert "医疗卫生·配置：应有 1 处，现有 0 处，缺口 1 处，无设施" in popup(page)


def test_a_facility_tells_its_state(page: Page) -> None:
    page.uncheck(".lc-legend input[value=places]")
    click_at(page, map_data.facilities(sample()), 0)
    text = popup(page)
    assert text.startswith("示例设施000\n东城街道 · 现状 · 接入路网 12.5 m")
    assert "容量\t未知" in text
    click_at(page, map_data.facilities(sample()), 1)
    page.wait_for_timeout(300)
    assert "清江镇 · 现状 · 未接入路网" in popup(page)


@pytest.mark.parametrize(("typed", "heading"), [("白庙乡", "白庙乡"), ("狮子村 · 清江镇", "狮子村"),
                                                ("龙头", "龙头村")])
def test_search_finds_townships_and_places(page: Page, typed: str, heading: str) -> None:
    assert page.locator("datalist option").count() == 9
    page.fill("input[type=search]", typed)
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert popup(page).splitlines()[0] == heading


def test_search_for_nothing_known_does_nothing(page: Page) -> None:
    page.fill("input[type=search]", "不存在")
    page.keyboard.press("Enter")
    assert page.locator(".leaflet-popup").count() == 0


@pytest.mark.parametrize(("width_px", "height_px"), [(1400, 900), (800, 600)])
def test_boxes_do_not_overlap(browser: Browser, model_map: Path, width_px: int, height_px: int) -> None:
    with visit(browser, model_map, width_px=width_px, height_px=height_px) as seen:
        boxes = [seen.page.locator(name).bounding_box() for name in
                 (".lc-title", ".lc-panel", ".lc-foot", ".lc-north", ".leaflet-control-zoom")]
        for at, one in enumerate(boxes):
            assert one is not None
            assert one["x"] >= 0
            assert one["x"] + one["width"] <= width_px
            assert one["y"] + one["height"] <= height_px
            for other in boxes[at + 1:]:
                assert other is not None
                assert (one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
                        or one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"])


def test_watermark_is_in_every_crop(browser: Browser, tmp_path: Path) -> None:
    """Any 260 x 200 pixels of the page, panel and pop-up too, differ from those of the same map without the mark."""
    shots = []
    for quality in ("model", "register"):
        save_map(sample(quality=quality), tmp_path / "map.html")
        with visit(browser, tmp_path / "map.html") as seen:
            seen.page.evaluate("document.querySelectorAll('.lc-mark').forEach((item) => item.remove())")
            click_at(seen.page, map_data.townships(sample(), 10.0), 0)
            seen.page.wait_for_timeout(400)
            shots.append(np.asarray(Image.open(io.BytesIO(seen.page.screenshot())).convert("RGB"), dtype=int))
    marked = (np.abs(shots[0] - shots[1]).max(axis=2) > 12).astype(int)
    sums = np.pad(marked.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    crops = sums[200:, 260:] - sums[:-200, 260:] - sums[200:, :-260] + sums[:-200, :-260]
    assert crops.min() > 400


def test_map_of_other_data_has_no_mark(tmp_path: Path, browser: Browser) -> None:
    save_map(sample(quality="register"), tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        assert seen.page.locator(".lc-watermark").count() == 0
        assert MODEL_MARK not in seen.page.inner_text("body")
        assert "OpenStreetMap" not in seen.page.inner_text("body")


def test_osm_is_credited(tmp_path: Path, browser: Browser) -> None:
    save_map(sample(quality="osm"), tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        assert "© OpenStreetMap contributors, ODbL" in seen.page.inner_text(".lc-foot")


def test_approval_number_takes_the_place_of_the_notice(tmp_path: Path, browser: Browser) -> None:
    save_map(sample(approval="川S(2026)00001号"), tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        foot = seen.page.inner_text(".lc-foot")
        assert "审图号：川S(2026)00001号" in foot
        assert NOT_APPROVED not in foot


def test_english(tmp_path: Path, browser: Browser) -> None:
    save_map(sample(language="en"), tmp_path / "map.html")
    with visit(browser, tmp_path / "map.html") as seen:
        facts = seen.page.inner_text(".lc-facts")
        assert "District coverage 77.5%" in facts
        assert "urban 15 min, rural 30 min (walking)" in facts
        assert MODEL_MARK in seen.page.inner_text(".lc-title")
        shown = seen.page.inner_text(".lc-panel").replace("区卫健局", "")  # the lead unit's own name
        assert not re.search(r"[\u4e00-\u9fff]", shown)
        assert seen.complaints == []


def test_both_languages_have_the_same_words() -> None:
    def keys(words: dict[str, Any]) -> set[str]:
        return {key for key, value in words.items() if not isinstance(value, dict)} | {
            f"{key}.{inner}" for key, value in words.items()
            if isinstance(value, dict) and key not in ("levels", "units", "plan_units") for inner in value}

    assert keys(WORDS["zh"]) == keys(WORDS["en"])


def use_everything(page: Page) -> None:
    """Hover and click every mark of every layer, and search."""
    published = maps.published(sample())
    marks = [(map_data.townships(published, 10.0), 3), (map_data.places(published), 6)]
    for index in range(page.locator(".lc-services input").count()):
        page.locator(".lc-services input").nth(index).click()
        for features, amount in marks if index == 0 else []:
            for at in range(amount):
                click_at(page, features, at)
                page.wait_for_timeout(60)
        page.keyboard.press("Escape")
        sites = page.locator(".lc-site")
        for at in range(min(sites.count(), 2)):
            sites.nth(at).hover(force=True)
            sites.nth(at).click(force=True)
    for option in page.locator("datalist option").all()[:5]:
        page.fill("input[type=search]", option.get_attribute("value") or "")
        page.keyboard.press("Enter")
        page.wait_for_timeout(60)


def test_same_bytes() -> None:
    assert map_html(sample()) == map_html(sample())


def test_is_a_folium_map_that_saves_offline(tmp_path: Path, browser: Browser) -> None:
    drawn = draw_map(sample())
    assert isinstance(drawn, folium.Map)
    drawn.save(str(tmp_path / "saved.html"))
    with visit(browser, tmp_path / "saved.html") as seen:
        assert seen.page.locator(".lc-disc").count() == 6
        assert seen.outside == []
        assert seen.complaints == []
    assert "<iframe" in drawn._repr_html_()


def test_names_no_host_and_is_small(model_map: Path) -> None:
    text = model_map.read_text(encoding="utf-8")
    hosts = set(re.findall(r"(?:https?:)?//([a-z0-9-]+(?:\.[a-z0-9-]+)+)", text))
    # A name space, the head of Leaflet's licence note, a comment in its style: none is asked for anything.
    assert hosts <= {"www.w3.org", "leafletjs.com", "bugzilla.mozilla.org"}
    assert len(text.encode()) < 400_000


def test_a_large_district_stays_under_the_limit() -> None:
    """296 places, 22 townships, circles with 20,000 corners, 1,500 facilities and 20,000 demand points: under 8 MB."""
    assessment = enlarged()
    begin = time.perf_counter()
    size = len(map_html(assessment).encode())
    assert size <= LIMIT_BYTES
    assert time.perf_counter() - begin < 20  # 1.5 s alone on this machine; others may be at work beside


def enlarged() -> Any:
    from dataclasses import replace

    import pandas as pd
    import shapely

    small = sample()
    rng = np.random.default_rng(1)

    def many(frame: Any, amount: int, code: str) -> Any:
        rows = frame.iloc[np.arange(amount) % len(frame)].reset_index(drop=True)
        shift = rng.uniform(-15_000, 15_000, (amount, 2))
        shapes = [shapely.transform(shape, lambda xy, by=by: xy + by) for shape, by in
                  zip(rows.geometry, shift, strict=True)]
        return rows.assign(**{code: [f"{i:012d}" for i in range(amount)]}).set_geometry(shapes, crs=frame.crs)

    angle = np.linspace(0, 2 * np.pi, 20_000)
    rough = [shapely.Polygon(np.column_stack([np.cos(angle), np.sin(angle)]) * (5000 + rng.normal(0, 40, (20_000, 1)))
                             + [390_000, 3_526_000]).buffer(0) for _ in range(5)]
    demand = small.demand.iloc[np.arange(20_000) % 30].reset_index(drop=True)
    return replace(
        small, townships=many(small.townships, 22, "township_code"), places=many(small.places, 296, "place_code"),
        demand=demand, facilities=many(small.facilities, 1500, "facility_id"),
        gaps=pd.concat([small.gaps] * 50, ignore_index=True),
        service_areas=small.service_areas[small.service_areas["kind"] == "circle"].set_geometry(rough, crs="EPSG:4545"))


def test_a_search_that_finds_nothing_says_so(page: Page) -> None:
    field = page.locator(".lc-head input")
    field.fill("无此村")
    field.press("Enter")
    assert field.evaluate("input => input.validationMessage") == "未找到：无此村"
    field.fill("东")
    assert field.evaluate("input => input.validationMessage") == ""
