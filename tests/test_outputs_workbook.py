"""The workbook as a planner opens it: heads that stay, numbers that are numbers, names that are no formulas."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from command import assert_one_line, inside
from lifecircle.assess import assess
from lifecircle.live import Live
from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.outputs.rundir import write_run
from lifecircle.outputs.sheet_text import wanted_text
from lifecircle.outputs.tables import read_csv
from lifecircle.outputs.workbook import coverage_table, sheets, write_workbook
from lifecircle.plan import read_plan
from lifecircle.siting.candidates import in_places
from lifecircle.siting.sites import choose_sites, with_sites
from lifecircle.study import read_study
from tinytown import DISTRICT, write_town

HOSTILE = ["=HYPERLINK(\"http://x\",\"y\")", "+1+1", "-2", "@SUM(A1)", "\t=1", "＝1", "a\x00b", "x" * 40_000]


@pytest.fixture(scope="module")
def assessment(tmp_path_factory):
    live = Live.of(read_study(write_town(tmp_path_factory.mktemp("town"))))
    found = choose_sites(live, ["clinics"], in_places(live.times), new=1)
    return with_sites(assess(live.times.study), found)


@pytest.fixture(scope="module")
def book(assessment, tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "report.xlsx"
    write_workbook(assessment, path)
    return openpyxl.load_workbook(path)


def rows(page):
    heads = [cell.value for cell in page[3]]
    return [dict(zip(heads, [cell.value for cell in row], strict=True)) for row in page.iter_rows(min_row=4)]


def test_every_sheet_has_the_mark_heads_that_stay_and_a_filter(book):
    assert book.sheetnames[:6] == ["全区总览", "乡镇（街道）", "缺口清单", "建议选址", "设施", "村（社区）"]
    for page in book:
        assert MODEL_MARK in page["A1"].value
        assert MODEL_MARK in page.oddFooter.center.text
        assert page.freeze_panes.endswith("4")
        assert page.print_title_rows == "$1:$3"
        assert page.auto_filter.ref.startswith("A3:")


def test_numbers_are_numbers_and_codes_are_text(book, assessment):
    told = {(row["服务"], row["乡镇代码"]): row for row in rows(book["乡镇（街道）"])}
    district = told["诊所", DISTRICT]
    assert (district["人口"], district["圈内人口"], district["圈外人口"]) == (1000, 550, 450)
    assert district["覆盖率"] == pytest.approx(0.55)
    assert isinstance(district["乡镇代码"], str)
    shelters = told["避难场所", DISTRICT]
    assert shelters["人均面积（m²）"] == pytest.approx(0.6)
    assert shelters["面积判定"] == "未达标"
    column = [cell.value for cell in book["乡镇（街道）"][3]].index("覆盖率") + 1
    assert {cell.number_format for (cell,) in book["乡镇（街道）"].iter_rows(min_row=4, min_col=column, max_col=column)
            if cell.value is not None} == {"0.0%"}


def test_it_says_what_the_tables_say(book, assessment, tmp_path):
    directory = write_run(assessment, tmp_path / "run")
    results = read_csv(directory / "results.csv")
    own = results[results["headline"] & (results["class"] == "all") & (results["level"] == "all")
                  & (results["scenario"] == "existing")]
    names = {"people": "人口", "people_in_time": "圈内人口", "people_out": "圈外人口", "coverage_rate": "覆盖率",
             "area_per_head_m2": "人均面积（m²）"}
    labels = {record["label_zh"]: layer for layer, record in assessment.run["layers"].items()}
    seen = 0
    for row in rows(book["乡镇（街道）"]):
        for indicator, head in names.items():
            cell = own[(own["layer"] == labels[row["服务"]]) & (own["township_code"] == row["乡镇代码"])
                       & (own["indicator"] == indicator)]
            if len(cell) and np.isfinite(cell["value"].item()):
                assert row[head] == pytest.approx(cell["value"].item(), abs=1e-8)
                seen += 1
    assert seen > 20
    gaps = read_csv(directory / "gaps.csv")
    assert len(rows(book["缺口清单"])) == len(gaps)
    assert rows(book["建议选址"])[0]["新增覆盖人口"] == 450


def test_totals_are_the_district(book):
    page = book["乡镇（街道）"]
    bold = [row[1].value for row in page.iter_rows(min_row=4) if row[0].font.b]
    assert bold
    assert set(bold) == {DISTRICT}
    for layer in {row["服务"] for row in rows(page)}:
        own = [row for row in rows(page) if row["服务"] == layer and row["人口"] is not None]
        assert sum(row["人口"] for row in own if row["乡镇代码"] != DISTRICT) == pytest.approx(
            sum(row["人口"] for row in own if row["乡镇代码"] == DISTRICT))


def test_no_name_is_a_formula(assessment, tmp_path):
    names = (HOSTILE * 9)[:len(assessment.facilities)]
    hostile = replace(assessment, facilities=assessment.facilities.assign(name=names))
    write_workbook(hostile, tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    assert all(cell.data_type != "f" for page in book for row in page.iter_rows() for cell in row)
    with zipfile.ZipFile(tmp_path / "report.xlsx") as parts:
        assert not any(b"<f>" in parts.read(name) for name in parts.namelist() if name.startswith("xl/worksheets"))


def test_small_numbers_of_a_group_are_not_told(assessment, tmp_path):
    few = assessment.demand.assign(population_60plus=1.0)
    write_workbook(replace(assessment, demand=few, results=_with_few(assessment)), tmp_path / "report.xlsx")
    page = openpyxl.load_workbook(tmp_path / "report.xlsx")["乡镇（街道）"]
    care = [row for row in rows(page) if row["服务"] == "养老"]
    assert care
    assert all(value is None or isinstance(value, str) or value == 0 or value >= 10
               for row in care for value in (row["人口"], row["圈内人口"], row["圈外人口"]))
    assert any(row["人口"] == "不公开" for row in care)


def _with_few(assessment):
    results = assessment.results
    few = (results["group"] == "60plus") & (results["unit"] == "person") & (results["value"] > 0)
    return results.assign(value=results["value"].mask(few, 4.0), low=results["low"].mask(few, 4.0),
                          high=results["high"].mask(few, 4.0))


def test_the_same_run_gives_the_same_bytes(assessment, tmp_path):
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(assessment, tmp_path / name)
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_english(assessment, tmp_path):
    run = {**assessment.run, "district": {**assessment.run["district"], "language": "en"}}
    write_workbook(replace(assessment, run=run), tmp_path / "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    assert "Townships" in book.sheetnames
    assert [cell.value for cell in book["Townships"][3]][:3] == ["layer", "township code", "township"]


def test_the_tables_have_their_contracts(assessment):
    assert {sheet.key for sheet in sheets(assessment)} >= {"overview", "townships", "gaps", "facilities"}
    table = coverage_table(assessment)
    assert not table.duplicated(["layer", "township_code"]).any()


def test_the_command_writes_it_into_a_run(assessment, tmp_path):
    directory = write_run(assessment, tmp_path / "run")
    code, out, _ = inside("report", directory, "--only", "xlsx")
    assert (code, out.strip()) == (0, str(directory / "report.xlsx"))
    assert openpyxl.load_workbook(directory / "report.xlsx").sheetnames[0] == "全区总览"
    code, _, err = inside("report", tmp_path / "none")
    assert code == 3
    assert_one_line(err)


@pytest.mark.parametrize(("text", "said"), [
    ('needs [[facilities]] layer = "schools", 人口表含 population_6_14',
     '需在运行文件中加入 [[facilities]] layer = "schools"，人口表含 population_6_14'),
    ('needs [plan] reported, rows with measure = "pm25"', '需在 [plan] reported 表中填报 measure = "pm25" 的行'),
    ("needs [circles] file；24 个中 0 个有依据", "需要 [circles] file；24 个中 0 个有依据"),
    ("needs indicator access_e2sfca of layer clinics, 含 capacity（床位）",
     "需要设施类 clinics 的指标 access_e2sfca，含 capacity（床位）"),
    ("nothing of the kind in this unit", "本单位无此类对象"), ("品牌没有位置", "品牌没有位置"), ("", "")])
def test_what_is_wanted_is_said_in_chinese(text: str, said: str) -> None:
    assert wanted_text(text, "zh") == said
    assert wanted_text(text, "en") == text


def test_every_measure_of_the_plan_says_in_chinese_what_it_wants() -> None:
    card = read_plan(Path(__file__).parent.parent / "data" / "plan.toml")
    texts = [wanted_text(measure.reason or measure.wanted, "zh") for item in card.item for measure in item.measure]
    assert len(texts) > 90
    assert [text for text in texts if not re.search(r"[\u4e00-\u9fff]", text) or "needs" in text] == []
