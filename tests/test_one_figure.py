"""One figure everywhere: map, page, Excel, Word and API say the same of a township and a service."""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import docx
import httpx2
import openpyxl
import pandas as pd
import pytest
from docx.table import Table
from docx.text.paragraph import Paragraph

import browser as browsers
import lifecircle
from command import inside
from lifecircle.outputs.report_text import people_text
from lifecircle.outputs.summary import count_text, rate_text
from lifecircle.outputs.tables import read_csv
from lifecircle.runfile import read_runfile
from test_planner_page import DATA, served, settle, visit

HIDDEN, NONE = "不公开", "—"
SEED, CELLS = 26, 10


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Assess the model district without draws, and write its reports."""
    stated = read_runfile(DATA / "bazhou.toml")
    calm = stated.model_copy(update={"uncertainty": stated.uncertainty.model_copy(update={"draws": 0})})
    directory = lifecircle.write_run(lifecircle.assess(calm), tmp_path_factory.mktemp("model") / "run")
    code, _, told = inside("report", directory, "--only", "xlsx", "--only", "docx")
    assert code == 0, told
    return directory


@pytest.fixture(scope="module")
def truth(run: Path) -> pd.DataFrame:
    """Give the figures as results.csv has them: one row per township and layer that is judged by reach."""
    results = read_csv(run / "results.csv")
    own = results[results["headline"] & (results["scenario"] == "existing") & (results["class"] == "all")
                  & (results["level"] == "all")]
    names = {"coverage_rate": "rate", "people_out": "out", "area_per_head_m2": "m2"}
    key = ["township", "layer"]
    table = own[own["indicator"].isin(names)].pivot_table(index=key, columns="indicator", values="value", dropna=False)
    rates = own[own["indicator"] == "coverage_rate"].set_index(key)
    table = table.rename(columns=names).loc[rates.index]
    return table.assign(low=rates["low"], high=rates["high"], group=rates["group"],
                        code=rates["township_code"]).drop(index="巴州区（模型）", level=0, errors="ignore")


@pytest.fixture(scope="module")
def cells(truth: pd.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Draw ten townships × layers of all residents, and ten of groups, whose small counts are hidden."""
    draw = random.Random(SEED)
    everybody = truth["group"] == "all"
    return {"all": draw.sample(sorted(truth.index[everybody]), CELLS),
            "group": draw.sample(sorted(truth.index[~everybody]), CELLS)}


def percent(value: float) -> str:
    return HIDDEN if pd.isna(value) else f"{100 * value:.1f}%"


def people(value: float) -> str:
    return HIDDEN if pd.isna(value) else f"{value:,.0f}"


def labels(run: Path) -> dict[str, str]:
    return {layer: record["label_zh"] for layer, record in lifecircle.read_run(run).run["layers"].items()}


#: Halves in binary, and shares that are almost none and almost all -> what each of us shows; Excel's 0.0% agrees.
SHARES = {0.0: "0.0%", 0.00001: "0.1%", 0.0625: "6.3%", 0.5625: "56.3%", 0.68634: "68.6%", 0.8125: "81.3%",
          0.9996: "99.9%", 1.0: "100.0%"}
COUNTS = {0.5: "1", 20.5: "21", 70.5: "71", 1041.0: "1,041", 2500.5: "2,501"}


def test_map_page_and_word_round_alike() -> None:
    words = resources.files("lifecircle_api").joinpath("web", "words.js").read_text(encoding="utf-8")
    parts = resources.files("lifecircle").joinpath("outputs", "map_parts.js").read_text(encoding="utf-8")
    with browsers.chromium() as browser:
        page = browser.new_page()
        page.evaluate(parts.partition("*/")[2])
        on_page = page.evaluate("""async ([text, shares, counts]) => {
          const words = await import(`data:text/javascript,${encodeURIComponent(text)}`);
          return [shares.map((one) => words.percent(one, {})), counts.map((one) => words.whole(one, {}))];
        }""", [words, list(SHARES), list(COUNTS)])
        on_map = page.evaluate("""([shares, counts]) => [shares.map((one) => lifecircle.percent(one, "")),
          counts.map((one) => lifecircle.count(one, {}))]""", [list(SHARES), list(COUNTS)])
    expected = [list(SHARES.values()), list(COUNTS.values())]
    assert on_page == expected
    assert on_map == expected
    assert [[rate_text(one) for one in SHARES], [people_text(one, "zh") for one in COUNTS]] == expected
    assert [count_text(one) for one in COUNTS] == expected[1]


@pytest.fixture(scope="module")
def map_rows(run: Path, cells: dict[str, list[tuple[str, str]]]) -> dict[tuple[str, str], list[str]]:
    """Read the cards of the townships on the map: (township, label) -> the cells of its row."""
    found = {}
    with browsers.chromium() as browser, browsers.visit(browser, run / "map.html") as seen:
        for township in {town for group in cells.values() for town, _ in group}:
            box = seen.page.locator(".lc-head input[type=search]")
            box.fill(township)
            box.press("Enter")
            card = seen.page.locator(".leaflet-popup", has=seen.page.locator(f"h3:text-is('{township}')"))
            rows = card.locator("table").first.locator("tr:has(th[scope=row])")
            rows.first.wait_for()
            for cell in rows.evaluate_all("all => all.map(row => [...row.children].map(one => one.innerText))"):
                found[township, cell[0].partition("⚠")[0].strip()] = [text.strip() for text in cell[1:]]
    return found


@pytest.fixture(scope="module")
def address(run: Path) -> Iterator[str]:
    with served(run, "--runfile", str(DATA / "bazhou.toml")) as started:
        yield started


@pytest.fixture(scope="module")
def page_rows(address: str, truth: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    """Read the townships on the planner's page: (township, layer) -> coverage today, in the draft, people won."""
    found = {}
    with browsers.chromium() as browser, visit(browser, address) as seen:
        for layer in sorted(set(truth.index.get_level_values("layer"))):
            seen.page.select_option("#service", layer)
            seen.page.click("#tab-towns")
            settle(seen.page)
            rows = seen.page.locator("#sheet-towns tr:has(th[scope=row])")
            for name, *cell in rows.evaluate_all("all => all.map(row => [...row.children].map(one => one.innerText))"):
                found[name, layer] = cell
            found["", layer] = [seen.page.inner_text("#result")]
    return found


@pytest.fixture(scope="module")
def book_rows(run: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Read the sheet of townships: (code, label) -> column -> cell."""
    rows = list(openpyxl.load_workbook(run / "report.xlsx")["乡镇（街道）"].iter_rows(values_only=True))
    head = next(at for at, row in enumerate(rows) if row[0] == "服务")
    return {(str(row[1]), str(row[0])): dict(zip(rows[head], row, strict=True)) for row in rows[head + 1:] if row[1]}


@pytest.fixture(scope="module")
def word_rows(run: Path) -> dict[tuple[str, str], list[str]]:
    """Read the first table below each township's heading: (township, label) -> the cells of its row."""
    document, heading, found = docx.Document(str(run / "report.docx")), "", {}
    for element in document.element.body.iterchildren():
        if element.tag.endswith("}p"):
            paragraph = Paragraph(element, document)
            heading = paragraph.text if paragraph.style.name == "Heading 2" else heading
        elif element.tag.endswith("}tbl") and heading:
            for row in Table(element, document).rows[1:]:
                texts = [cell.text for cell in row.cells]
                found[heading, texts[0]] = texts[1:]
            heading = ""
    return found


@pytest.fixture(scope="module")
def api_rows(address: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Ask the API for the townships: (code, layer) -> figures."""
    items = httpx2.get(f"{address}/townships").json()["items"]
    return {(item["township_code"], layer): figures for item in items for layer, figures in item["layers"].items()}


@pytest.mark.parametrize("whom", ["all", "group"])
def test_map_page_excel_word_and_api_say_the_same(
        whom: str, run: Path, truth: pd.DataFrame, cells: dict[str, list[tuple[str, str]]],
        map_rows: dict[tuple[str, str], list[str]], page_rows: dict[tuple[str, str], list[str]],
        book_rows: dict[tuple[str, str], dict[str, Any]], word_rows: dict[tuple[str, str], list[str]],
        api_rows: dict[tuple[str, str], dict[str, Any]]) -> None:
    """Of groups the page shows estimates of its own, as nobody may ask it for small numbers; it says so."""
    label = labels(run)
    assert len(cells[whom]) == CELLS
    for town, layer in cells[whom]:
        row, where = truth.loc[town, layer], (town, layer)
        low, high = percent(row["low"]), percent(row["high"])
        m2 = "" if pd.isna(row["m2"]) else f"{row['m2']:.2f}".rstrip("0").rstrip(".")

        rate, _, out, undetermined, area, _ = map_rows[town, label[layer]]
        assert rate.split()[0] == percent(row["rate"]), where
        told = pd.notna(row["high"])  # it is hidden where the undetermined are
        assert rate.split()[1:] == ([f"{low}–{high}"] if told and low != high else []), (where, rate)
        assert (out, area.split(" ")[0] if m2 else "") == (people(row["out"]), m2), where

        shown = book_rows[row["code"], label[layer]]
        if pd.isna(row["rate"]):
            assert (shown["覆盖率"], shown["圈外人口"]) == (HIDDEN, HIDDEN), where
        else:
            assert (shown["覆盖率"], shown["下限"]) == pytest.approx((row["rate"], row["low"]), abs=1e-8), where
            assert shown["上限"] == (pytest.approx(row["high"], abs=1e-8) if told else HIDDEN), where
            assert shown["圈外人口"] == (HIDDEN if pd.isna(row["out"]) else row["out"]), where
        assert not m2 or shown["人均面积（m²）"] == pytest.approx(row["m2"], abs=1e-8), where

        _, span, out, undetermined_, area, _ = word_rows[town, label[layer]]
        assert span == (f"{low} — {high}" if told and low != high else low), where
        assert (out, undetermined_) == (people(row["out"]), undetermined), where
        assert not m2 or area.split(" ")[0] == f"{row['m2']:.2f}", where

        asked = api_rows[row["code"], layer]
        for name, wanted in (("coverage_rate", "rate"), ("coverage_low", "low"), ("coverage_high", "high"),
                             ("people_out", "out"), ("area_per_head_m2", "m2")):
            assert asked[name] == (None if pd.isna(row[wanted]) else pytest.approx(row[wanted], abs=1e-8)), where

        if whom == "all":
            assert page_rows[town, layer][:2] == [percent(row["rate"])] * 2, where
        else:
            assert "估算" in page_rows["", layer][0], where
