"""The planner's page in a real browser, from the real server: what is dropped, closed and moved, and what it shows."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, Route

import lifecircle
from browser import Visit, chromium
from lifecircle.live import Live
from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.proposals import propose
from lifecircle.runfile import read_runfile
from lifecircle.scenario import read_scenario
from lifecircle.study import read_study
from lifecircle_api.main import create_app
from lifecircle_api.page import POLICY, page_files
from lifecircle_api.settings import Settings
from tinytown import lonlat, write_town

DATA = Path(__file__).parent.parent / "data"
#: Each would run, or break the page, in one of the sinks a name may reach.
HOSTILE = ("<img src=x onerror=document.title='owned'>", "</script><script>document.title='owned'</script>",
           "${document.title='owned'}", "'\"><svg onload=document.title='owned'>", "=HYPERLINK(\"x\")")


@contextmanager
def served(directory: Path, *more: str) -> Iterator[str]:
    """Serve a run by the command, as a process of its own; give the address without a slash at its end."""
    command = [sys.executable, "-m", "lifecircle", "serve", str(directory), "--port", "0", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip().rstrip("/")
        while True:
            with_state = httpx2.get(f"{address}/live") if _up(address) else None
            if with_state is not None and with_state.json()["status"] != "starting":
                assert with_state.json()["status"] == "ready", with_state.text
                break
            threading.Event().wait(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def _up(address: str) -> bool:
    try:
        return httpx2.get(f"{address}/healthz").status_code == 200
    except httpx2.TransportError:
        return False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the tiny town with two clinics more, whose names are hostile, and assess it."""
    folder = tmp_path_factory.mktemp("town")
    runfile = write_town(folder, district={"name": "小镇<b>"})
    register = folder / "clinics.csv"
    with register.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        for number, name in enumerate(HOSTILE):
            writer.writerow([f"H{number}", name, "village_clinic", *lonlat(3500 + 20 * number, 1000)])
    lifecircle.write_run(lifecircle.assess(runfile), folder / "out")
    return folder


@pytest.fixture(scope="module")
def address(town: Path) -> Iterator[str]:
    with served(town / "out") as started:
        yield started


@contextmanager
def visit(browser: Browser, address: str, path: str = "/planner", *, width_px: int = 1400, height_px: int = 900,
          ready: bool = True, **more: Any) -> Iterator[Visit]:
    """Open the page; what it asks of anybody else is written down and refused."""
    context = browser.new_context(viewport={"width": width_px, "height": height_px}, locale="zh-CN",
                                  accept_downloads=True, **more)
    seen = Visit(context.new_page())

    def answer(route: Route) -> None:
        if route.request.url.startswith((address, "blob:", "data:")):
            route.continue_()
        else:
            seen.requests.append(route.request.url)
            route.abort()

    context.route("**/*", answer)
    seen.page.on("console", lambda message: seen.complaints.append(message.text)
                 if message.type in {"error", "warning"} else None)
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    try:
        seen.page.goto(address + path)
        if ready:
            seen.page.wait_for_selector("#rate-after")
            settle(seen.page)
        yield seen
        assert seen.complaints == []
        assert seen.outside == []
    finally:
        context.close()


def settle(page: Page) -> None:
    """Wait until no question is open."""
    page.wait_for_function("() => window.lifecircle && !window.lifecircle.asker.busy")


def figures(page: Page) -> dict[str, str]:
    settle(page)
    return {name: page.inner_text(f"#{name}") for name in ("rate-before", "rate-after", "won", "lost", "out")}


def drag_pin(page: Page, x: float, y: float) -> None:
    """Drag the pin of the palette to a place of the map."""
    page.locator(".palette").scroll_into_view_if_needed()
    box = page.locator(".palette").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(x - 40, y - 25, steps=4)
    page.mouse.move(x, y, steps=3)
    page.mouse.up()
    settle(page)


def draft(page: Page) -> dict[str, Any]:
    """Give the draft as the page holds it."""
    found: dict[str, Any] = page.evaluate("() => JSON.parse(JSON.stringify(window.lifecircle.drafts.current))")
    return found


# --- The model district ----------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the model district, assessed without draws."""
    stated = read_runfile(DATA / "bazhou.toml")
    calm = stated.model_copy(update={"uncertainty": stated.uncertainty.model_copy(update={"draws": 0})})
    directory = lifecircle.write_run(lifecircle.assess(calm), tmp_path_factory.mktemp("model") / "run")
    with served(directory, "--runfile", str(DATA / "bazhou.toml")) as started:
        yield started


@pytest.fixture(scope="module")
def engine() -> Live:
    return Live.of(read_study(DATA / "bazhou.toml"))


def expected(engine: Live, layer: str, edits: dict[str, Any], **rules: Any) -> dict[str, str]:
    """Say what the page must show, by the engine itself."""
    import geopandas as gpd
    import shapely

    study = engine.times.study
    new = None
    if edits["add"]:
        points = gpd.GeoSeries(shapely.points([[one["lon"], one["lat"]] for one in edits["add"]]), crs="EPSG:4326")
        new = propose(study, layer, points.to_crs(study.crs))
    change = engine.change(layer, add=new, close=edits["close"], **rules)
    row = change.coverage.iloc[-1]
    return {"rate-before": f"{100 * row['coverage_rate_before']:.1f}%",
            "rate-after": f"{100 * row['coverage_rate']:.1f}%",
            "won": f"{change.places['people_won'].sum():,.0f} 人",
            "lost": f"{change.places['people_lost'].sum():,.0f} 人",
            "out": f"{row['people_out']:,.0f} 人"}


def test_what_the_page_shows_is_what_the_engine_says(browser: Browser, model: str, engine: Live) -> None:
    with visit(browser, model) as seen:
        page = seen.page
        assert figures(page) == expected(engine, "clinics", {"add": [], "close": []})
        drag_pin(page, 430, 420)
        edits = draft(page)["layers"]["clinics"]
        assert len(edits["add"]) == 1
        assert figures(page) == expected(engine, "clinics", edits)
        marker = page.locator(".site").bounding_box()
        assert marker is not None
        assert (marker["x"] + 14, marker["y"] + 35) == (pytest.approx(430, abs=2), pytest.approx(420, abs=2))
        page.mouse.move(marker["x"] + 14, marker["y"] + 12)  # and on, as it lies
        page.mouse.down()
        page.mouse.move(300, 330, steps=6)
        page.mouse.up()
        moved = draft(page)["layers"]["clinics"]
        assert moved["add"][0]["lon"] < edits["add"][0]["lon"]
        assert figures(page) == expected(engine, "clinics", moved)
        page.fill("#find", "CL0001")
        page.click("#toggle-CL0001")
        shut = draft(page)["layers"]["clinics"]
        assert shut["close"] == ["CL0001"]
        assert figures(page) == expected(engine, "clinics", shut)
        page.locator("#cutoff-rural").fill("20")
        assert figures(page) == expected(engine, "clinics", shut, cutoff_min={"rural": 20})
        page.select_option("#mode", "car")
        assert figures(page) == expected(engine, "clinics", shut, cutoff_min={"rural": 20}, mode="car")
        page.click("#as-rule")
        assert figures(page) == expected(engine, "clinics", shut)
        page.click("#tab-gaps")
        gaps = engine.change("clinics", close=["CL0001"], add=None).gaps
        page.click("#tab-sites")
        page.click("#drop-0")
        page.click("#tab-gaps")
        settle(page)
        assert f"缺口清单：{len(gaps)} 处" in page.inner_text("#sheet-gaps caption")
        first = gaps.sort_values("short", ascending=False).iloc[0]
        assert first["place"] in page.inner_text("#sheet-gaps tbody tr:first-child")


@pytest.mark.parametrize(("width_px", "height_px", "path"), [
    (1400, 900, "/planner"), (390, 844, "/planner"), (1400, 900, "/planner?lang=en")])
def test_nothing_keeps_keyboard_and_screen_reader_out(browser: Browser, model: str, width_px: int, height_px: int,
                                                      path: str) -> None:
    with visit(browser, model, path, width_px=width_px, height_px=height_px) as seen:
        page = seen.page
        page.click("#at-centre")
        page.fill("#find", "CL0002")
        page.click("#toggle-CL0002")
        settle(page)
        grave = []
        for tab in ("sites", "gaps", "towns", "compare", "siting", "save"):
            page.click(f"#tab-{tab}")
            settle(page)
            found = Axe().run(page, options={"resultTypes": ["violations"]})
            grave += [(tab, item["id"], node["html"][:160]) for item in found.response["violations"]
                      if item["impact"] in ("serious", "critical") for node in item["nodes"]]
        assert grave == []
        wide = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, "nothing sticks out to the side"


def test_it_says_what_it_is_always(browser: Browser, model: str) -> None:
    for width_px in (1400, 390):
        with visit(browser, model, width_px=width_px, height_px=844) as seen:
            page = seen.page
            page.evaluate("() => scrollTo(0, 700)")
            stage = page.locator("#stage")
            assert MODEL_MARK in stage.inner_text()
            for text in ("内部工作图，未经审图，不得公开", "口径：", "数据截止"):
                assert text in page.inner_text("#mapfoot")
            box = page.locator("#mapfoot").bounding_box()
            assert box is not None
            assert 0 <= box["y"] < 844 - box["height"]
            assert page.locator(".watermark span").count() == 48


# --- The tiny town ---------------------------------------------------------------------------------------------------

def add_at(page: Page, x_m: float, y_m: float) -> None:
    """Place a facility by typed coordinates."""
    lon, lat = lonlat(x_m, y_m)
    page.fill("#hand-lon", str(lon))
    page.fill("#hand-lat", str(lat))
    page.press("#hand-lat", "Enter")
    settle(page)


def test_figures_worked_by_hand(browser: Browser, address: str) -> None:
    """With the clinics of 丁村 closed 550 of 1000 are in time; one at (2500, 1000) wins 丙 and 丁, 450 people."""
    with visit(browser, address) as seen:
        page = seen.page
        for number in range(len(HOSTILE)):
            page.click(f"#toggle-H{number}")
        assert figures(page)["rate-after"] == "55.0%"
        lost = figures(page)["lost"]
        add_at(page, 2500, 1000)
        assert figures(page) | {"lost": "0 人", "won": "0 人"} == {
            "rate-before": "100.0%", "rate-after": "100.0%", "won": "0 人", "lost": "0 人", "out": "0 人"}
        assert lost == "450 人"
        page.click("#tab-towns")
        assert "乙镇" in page.inner_text("#sheet-towns")
        page.select_option("#service", "shelters")
        settle(page)
        assert page.inner_text("#per-head") == "0.60 → 0.60 m²/人"
        page.click("#tab-sites")
        add_at(page, 3500, 1000)
        page.fill("#area-0", "1000")
        page.press("#area-0", "Tab")
        settle(page)
        assert page.inner_text("#per-head") == "0.60 → 1.60 m²/人"
        page.select_option("#service", "elderly_care")
        settle(page)
        assert "估算" in page.inner_text("#result")


def test_all_by_keyboard(browser: Browser, address: str) -> None:
    with visit(browser, address) as seen:
        page = seen.page
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.className") == "skip"
        page.focus("#at-centre")
        page.keyboard.press("Enter")
        settle(page)
        assert page.evaluate("() => document.activeElement.classList.contains('site')"), "the new marker has the focus"
        before = draft(page)["layers"]["clinics"]["add"][0]
        for key in ("ArrowRight", "ArrowRight", "Shift+ArrowUp"):
            page.keyboard.press(key)
        settle(page)
        after = draft(page)["layers"]["clinics"]["add"][0]
        assert after["lon"] > before["lon"]
        assert after["lat"] > before["lat"]
        assert page.evaluate("() => document.activeElement.classList.contains('site')"), "and keeps it"
        page.keyboard.press("Delete")
        settle(page)
        assert draft(page)["layers"]["clinics"]["add"] == []
        page.focus("#tab-sites")
        for tab in ("gaps", "towns", "compare", "siting", "save", "sites"):
            page.keyboard.press("ArrowRight")
            assert page.evaluate("() => document.activeElement.id") == f"tab-{tab}"
            assert page.is_visible(f"#sheet-{tab}")
        page.focus("#cutoff-urban")
        page.keyboard.press("ArrowLeft")
        settle(page)
        assert draft(page)["layers"]["clinics"]["urban"] == 14
        page.wait_for_function("() => document.querySelector('#said').textContent.includes('全区覆盖率')")


def test_a_place_outside_is_refused_and_said(browser: Browser, address: str) -> None:
    with visit(browser, address) as seen:
        add_at(seen.page, 90_000, 0)
        assert "不在区界和缓冲区以内" in seen.page.inner_text("#state")
        assert draft(seen.page)["layers"]["clinics"]["add"] == []


def test_drafts_are_kept_copied_compared_and_deleted(browser: Browser, address: str) -> None:
    """Without C1 those of 丁村 reach 丁, 丙 and the middle of 乙: 550; without H0, 20 m farther, 150 of them not."""
    with visit(browser, address) as seen:
        page = seen.page
        page.on("dialog", lambda dialog: dialog.accept("甲案<i>" if dialog.type == "prompt" else ""))
        page.click("#draft-rename")
        page.click("#toggle-C1")
        page.click("#draft-copy")
        page.fill("#find", "H0")
        page.click("#toggle-H0")
        page.click("#draft-new")
        settle(page)
        assert page.locator("#drafts .names button").all_inner_texts() == ["甲案<i>", "甲案<i> 副本", "草案 3"]
        page.click("#tab-compare")
        page.wait_for_function("() => !document.querySelector('#sheet-compare').textContent.includes('…')")
        rows = {row.split("\t")[0].strip(): [cell.strip() for cell in row.split("\t")[1:]]
                for row in page.inner_text("#sheet-compare tbody").splitlines()}
        assert rows["全区覆盖率"] == ["100.0%", "55.0%", "40.0%", "100.0%"]
        assert rows["失去覆盖 人"] == ["—", "450", "600", "0"]
        assert rows["撤销"] == ["—", "1", "2", "0"]
        page.reload()
        page.wait_for_selector("#rate-after")
        assert page.locator("#drafts .names button").all_inner_texts() == ["甲案<i>", "甲案<i> 副本", "草案 3"]
        page.click("#draft-1")
        assert sorted(draft(page)["layers"]["clinics"]["close"]) == ["C1", "H0"]
        page.click("#draft-remove")
        assert page.locator("#drafts .names button").count() == 2


def test_a_saved_scenario_runs_and_opens_again(browser: Browser, address: str, town: Path, tmp_path: Path) -> None:
    with visit(browser, address) as seen:
        page = seen.page
        page.click("#toggle-C1")
        add_at(page, 2500, 1000)
        page.fill("#name-0", HOSTILE[0])
        page.select_option("#service", "shelters")
        add_at(page, 3500, 1000)
        page.fill("#area-0", "1000")
        page.press("#area-0", "Tab")
        settle(page)
        page.click("#tab-save")
        with page.expect_download() as waited:
            page.click("#save-scenario")
        path = tmp_path / "draft.toml"
        waited.value.save_as(path)
        edits = read_scenario(path).content
        assert [(one.layer, one.name) for one in edits.open] == [("clinics", HOSTILE[0]),
                                                                 ("shelters", "draft-shelters-1")]
        assert [one.facility for one in edits.close] == ["C1"]
        run = lifecircle.assess(town / "town.toml", scenario=path)
        head = run.results[run.results["headline"] & (run.results["class"] == "all")
                           & (run.results["township_code"] == "990101000000") & (run.results["scenario"] == "existing")]
        value = head.set_index(["layer", "indicator"])["value"]
        assert page.inner_text("#per-head").endswith(f"{value['shelters', 'area_per_head_m2']:.2f} m²/人")
        page.select_option("#service", "clinics")
        settle(page)
        assert figures(page)["rate-after"] == f"{100 * value['clinics', 'coverage_rate']:.1f}%"
        told = draft(page)["layers"]["clinics"]
        page.click("#tab-save")
        page.set_input_files("#open-file", path)
        settle(page)
        assert page.locator("#drafts .names button").count() == 2
        again = draft(page)["layers"]["clinics"]
        assert (again["close"], again["add"][0]["name"]) == (["C1"], HOSTILE[0])
        assert again["add"][0]["lon"] == pytest.approx(told["add"][0]["lon"], abs=1e-7)
        with page.expect_download() as waited:
            page.click("#save-geojson")
        waited.value.save_as(tmp_path / "draft.geojson")
        assert MODEL_MARK in json.loads((tmp_path / "draft.geojson").read_text(encoding="utf-8"))["name"]
        assert len(read_scenario(tmp_path / "draft.geojson").content.open) == 2
        page.set_input_files("#open-file", tmp_path / "draft.geojson")
        settle(page)
        assert draft(page)["layers"]["clinics"]["close"] == ["C1"]


def test_gaps_come_as_csv_that_a_spreadsheet_opens_safely(browser: Browser, address: str, tmp_path: Path) -> None:
    with visit(browser, address) as seen:
        page = seen.page
        page.click("#toggle-C1")
        for number in range(len(HOSTILE) - 1):
            page.click(f"#toggle-H{number}")
        page.click("#tab-gaps")
        settle(page)
        with page.expect_download() as waited:
            page.click("#save-csv")
        waited.value.save_as(tmp_path / "gaps.csv")
        content = (tmp_path / "gaps.csv").read_bytes()
        assert content.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
        assert {row["nearest_facility"] for row in rows} == {"'" + HOSTILE[-1]}
        assert {row["quality"] for row in rows} == {"model"}


def test_hostile_names_are_shown_and_never_run(browser: Browser, address: str) -> None:
    """Names of facilities and drafts in lists, tooltips, pop-ups, gaps, labels, comparison and title."""
    with visit(browser, address) as seen:
        page = seen.page
        page.on("dialog", lambda dialog: dialog.accept(HOSTILE[0]))
        page.click("#draft-rename")
        add_at(page, 100, 1900)
        for name in HOSTILE:
            page.fill("#name-0", name)
            assert name in (page.locator(".site").get_attribute("aria-label") or "")
        assert all(name in page.inner_text("#sheet-sites") for name in HOSTILE)
        for number, name in enumerate(HOSTILE):
            at = page.evaluate("""number => {
                const {view, base} = window.lifecircle;
                const one = base.facilities.features.find((item) => item.properties.facility_id === `H${number}`);
                view.map.setView([...one.geometry.coordinates].reverse(), 18, {animate: false});
                const [lon, lat] = one.geometry.coordinates;
                const point = view.map.latLngToContainerPoint([lat, lon]);
                const box = view.map.getContainer().getBoundingClientRect();
                return [point.x + box.x, point.y + box.y];
            }""", number)
            page.keyboard.press("Escape")
            page.wait_for_timeout(100)  # a canvas looks for what lies under the pointer every 32 ms
            page.mouse.move(at[0] - 60, at[1] + 60)
            page.wait_for_timeout(100)
            page.mouse.move(at[0] + 1, at[1] + 1)
            page.wait_for_function("name => document.querySelector('.leaflet-tooltip-pane').textContent.includes(name)",
                                   arg=name)
            page.mouse.click(at[0] + 1, at[1] + 1)
            page.wait_for_function("name => document.querySelector('.leaflet-popup-pane').textContent.includes(name)",
                                   arg=name)
        page.click(".popup button")
        settle(page)
        assert draft(page)["layers"]["clinics"]["close"] == [f"H{len(HOSTILE) - 1}"]
        page.fill("#find", "")
        for number in range(len(HOSTILE) - 1):
            page.click(f"#toggle-H{number}")
        page.click("#toggle-C1")
        page.click("#tab-gaps")
        settle(page)
        assert HOSTILE[-1] in page.inner_text("#sheet-gaps")
        page.click("#tab-compare")
        page.wait_for_function("() => !document.querySelector('#sheet-compare').textContent.includes('…')")
        assert HOSTILE[0] in page.inner_text("#sheet-compare")
        assert page.locator("img[src=x], #panel svg, #panel script, b:has-text('owned')").count() == 0
        assert page.title() == "小镇<b> · 规划台"


def test_what_a_browser_kept_wrongly_does_no_harm(browser: Browser, address: str) -> None:
    run_id = httpx2.get(f"{address}/healthz").json()["run_id"]
    with visit(browser, address) as seen:
        page = seen.page
        for kept in ("{", "[]", '{"drafts":[{"name":5,"layers":{"clinics":{"add":[{"lon":"x"},{"lon":1e999}],'
                     '"close":[7]},"nosuch":{"add":3}}}],"at":-7}'):
            page.evaluate("([key, value]) => localStorage.setItem(key, value)", [f"lifecircle:{run_id}", kept])
            page.reload()
            page.wait_for_selector("#rate-after")
            assert draft(page)["layers"]["clinics"]["add"] == []


def test_it_speaks_english(browser: Browser, address: str) -> None:
    with visit(browser, address, "/planner?lang=en") as seen:
        page = seen.page
        assert page.get_attribute("html", "lang") == "en"
        assert "Coverage of the district" in page.inner_text("#result")
        page.click("#links a[lang=zh]")
        page.wait_for_selector("#rate-after")
        assert "全区覆盖率" in page.inner_text("#result")


def test_it_prints_map_and_result(browser: Browser, address: str, tmp_path: Path) -> None:
    import pypdfium2

    with visit(browser, address) as seen:
        page = seen.page
        page.click("#toggle-C1")
        page.click("#tab-gaps")
        settle(page)
        page.pdf(path=tmp_path / "page.pdf", format="A4", print_background=True)
    document = pypdfium2.PdfDocument(tmp_path / "page.pdf")
    text = "".join(document[at].get_textpage().get_text_bounded() for at in range(len(document)))
    document.close()
    for word in (MODEL_MARK, "全区覆盖率", "缺口清单", "未经审图"):
        assert word in text
    assert "新建草案" not in text


# --- Siting ----------------------------------------------------------------------------------------------------------

def test_a_siting_job_is_watched_and_put_into_the_draft(browser: Browser, address: str) -> None:
    with visit(browser, address) as seen:
        page = seen.page
        page.select_option("#service", "elderly_care")
        page.click("#tab-siting")
        page.fill("#site-count", "1")
        page.press("#site-count", "Tab")
        page.click("#site-start")
        page.wait_for_selector("progress")
        page.wait_for_selector("#site-adopt", timeout=90_000)
        assert "找到地点 1" in page.inner_text("#sheet-siting")
        jobs = httpx2.get(f"{address}/jobs").json()["jobs"]
        found = httpx2.get(f"{address}/jobs/{jobs[0]['jobID']}/results").json()["sites"][0]
        before = figures(page)
        page.click("#site-adopt")
        settle(page)
        added = draft(page)["layers"]["elderly_care"]["add"]
        assert len(added) == 1
        assert (added[0]["lon"], added[0]["lat"]) == (pytest.approx(found["lon"]), pytest.approx(found["lat"]))
        assert figures(page)["rate-after"] != before["rate-after"]
        page.click("#tab-siting")
        page.click("#site-start")
        page.click("#site-stop")
        page.wait_for_function("() => document.querySelector('#sheet-siting').textContent.includes('已停止')")
        states = {job["status"] for job in httpx2.get(f"{address}/jobs").json()["jobs"]}
        assert states == {"successful", "dismissed"}


# --- How it is served -------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def client(town: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(run=town / "out", live=False))) as started:
        yield started


def test_files_are_in_the_package_and_served_with_the_policy(client: TestClient) -> None:
    names = {item.name for item in resources.files("lifecircle_api").joinpath("web").iterdir()}
    assert {"index.html", "page.css", "app.js"} <= names
    for name in [*sorted(page_files()), "data", ""]:
        url = "/planner" if name in ("", "index.html") else f"/planner/{name}"
        answer = client.get(url)
        assert answer.status_code == 200, url
        assert answer.headers["content-security-policy"] == POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        again = client.get(url, headers={"if-none-match": f'"other", W/{answer.headers["etag"]}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
        assert client.get(url, headers={"if-none-match": '"other"'}).status_code == 200


def test_scripts_make_no_markup_of_data_and_name_no_other_host() -> None:
    for name, file in page_files().items():
        text = file.content.decode()
        if not name.startswith("leaflet"):
            assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function",
                                 text), name
            assert "://" not in text, name


@pytest.mark.parametrize(("status", "url"), [
    (404, "/planner/nosuch.js"), (422, "/planner/index.html"), (422, "/planner/..%5capp.js"), (404, "/planner/a/b.js"),
    (422, "/planner/app.js%00"), (404, "/planner/..%2f..%2fmain.py"), (400, "/planner?nosuch=1"),
    (422, "/planner?lang=fr"), (422, "/planner/APP.JS"), (400, "/planner/data?x=1")])
def test_other_files_are_not_served(client: TestClient, status: int, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_links_lead_to_the_page(client: TestClient) -> None:
    assert {"rel": "planner", "href": "/planner", "type": "text/html", "title": "The planner's page"} in client.get(
        "/", headers={"accept": "application/json"}).json()["links"]
    assert 'href="/planner"' in client.get("/docs").text


def test_a_district_that_cannot_be_solved_is_said(browser: Browser, town: Path, tmp_path: Path) -> None:
    shutil.copytree(town, tmp_path / "town")
    (tmp_path / "town" / "people.csv").unlink()
    command = [sys.executable, "-m", "lifecircle", "serve", str(tmp_path / "town" / "out"), "--port", "0"]
    process = subprocess.Popen(command,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip().rstrip("/")
        while not _up(address):
            threading.Event().wait(0.1)
        with visit(browser, address, ready=False) as seen:
            seen.page.wait_for_function("() => document.querySelector('#state.alarm')")
            assert "people.csv" in seen.page.inner_text("#state")
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()
