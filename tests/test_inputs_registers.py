"""Registers as offices write them: books of Excel, heads in Chinese, merged cells, totals, units, several layers."""

from __future__ import annotations

import datetime as dt
import zipfile

import openpyxl
import pytest
import shapely

from extracts import EAST_STREET, run_file, two_townships
from lifecircle.errors import BadValueError, ConfigError, EmptyTableError, MissingColumnError, UnreadableFileError
from lifecircle.inputs import files
from lifecircle.inputs.boundaries import read_townships
from lifecircle.inputs.cells import as_numbers, rename_columns
from lifecircle.inputs.facilities import read_facilities
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.sheets import read_sheet
from lifecircle.policy import LayerPolicy, Policy, Presence

HEAD = [["巴州区公共服务设施台账", *[None] * 9],
        ["编号", "名称", "类别", "层级", "位置", None, "面积(㎡)", None, "容量（床）", "状态"],
        [None, None, None, None, "经度", "纬度", "建筑面积", "有效面积", None, None]]
BODY = [["A1", "示例一", "卫生室", "村卫生室", 106.71, 31.82, "约200㎡", None, "１２", "正常"],
        ["A2", "示例二", "卫生室", "卫生站", "106.72", "31.82", "1,234", None, 3, "在建"],
        [None] * 10,
        ["B1", "示例三", "运动角", None, 106.73, 31.82, "3亩", 1500, None, "停用"],
        ["B2", "示例四", "运动角", None, 106.74, 31.82, 400, None, None, None],
        ["合计", None, None, None, None, None, 3834, None, None, None],
        ["填报人：甲", None, None, "审核人：乙", None, None, None, None, None, None]]


def book(path, rows=(*HEAD, *BODY), *, merged=("A1:J1", "E2:F2", "G2:H2", "A2:A3", "B2:B3"), sheets=("台账",)):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name in sheets:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for area in merged:
            sheet.merge_cells(area)
    made.save(path)
    return path


def read(folder, *layers, policy=None):
    two_townships().to_file(folder / "townships.geojson")
    runfile = run_file(folder, facilities=list(layers))
    townships = read_townships(runfile, Findings())
    findings = Findings()
    area = shapely.union_all(townships.geometry.to_numpy()).buffer(2000)
    return read_facilities(runfile, townships, area, findings, policy=policy), findings


def codes(findings):
    return {item.code: (item.severity, item.id) for item in findings}


def test_a_book_with_title_merged_head_total_and_two_layers(tmp_path):
    book(tmp_path / "a.xlsx")
    table, findings = read(tmp_path, {"layer": "clinics", "file": "a.xlsx", "where": {"类别": ["卫生室"]},
                                      "levels": {"村卫生室": "village_clinic"}},
                           {"layer": "corners", "file": "a.xlsx", "where": {"类别": "运动角"}, "level": "corner"})
    assert table["facility_id"].tolist() == ["A1", "A2", "B2"]
    assert table["name"].tolist() == ["示例一", "示例二", "示例四"]
    assert table["level"].tolist() == ["village_clinic", "卫生站", "corner"]
    assert table["status"].tolist() == ["existing", "building", "existing"]
    assert table["area_m2"].tolist() == [200.0, 1234.0, 400.0]
    assert table["capacity"].tolist()[:2] == [12.0, 3.0]
    assert table["capacity_unit"].tolist() == ["beds", "beds", "beds"]
    assert table["township_code"].tolist() == [EAST_STREET] * 3
    assert codes(findings) == {"total_row": ("note", "9"), "footer_row": ("note", "10"),
                               "number_about": ("note", "4"), "facilities_closed": ("warn", "7"),
                               "status_assumed": ("note", "8"), "level_unknown": ("note", "5")}


def test_rows_that_no_layer_takes(tmp_path):
    book(tmp_path / "a.xlsx")
    _, findings = read(tmp_path, {"layer": "clinics", "file": "a.xlsx", "where": {"类别": "卫生室"}})
    assert codes(findings)["rows_unclaimed"] == ("warn", "7, 8")
    with pytest.raises(EmptyTableError, match="no row holds 游泳馆 in column 类别, which holds 卫生室, 运动角"):
        read(tmp_path, {"layer": "pools", "file": "a.xlsx", "where": {"类别": "游泳馆"}})
    with pytest.raises(MissingColumnError, match="no column 种类"):
        read(tmp_path, {"layer": "pools", "file": "a.xlsx", "where": {"种类": "游泳馆"}})


def test_addresses_are_listed_and_not_guessed(tmp_path):
    text = "名称,地址,经度,纬度\n甲,示例路1号,,\n乙,,106.71,31.82\n丙,,,\n"
    (tmp_path / "a.csv").write_text(text, encoding="gb18030")
    table, findings = read(tmp_path, {"layer": "care", "file": "a.csv"})
    assert table["name"].tolist() == ["乙"]
    said = {item.code: (item.severity, item.id, item.value) for item in findings}
    assert said == {"address_only": ("warn", "2", "甲 示例路1号"), "geometry_missing": ("warn", "4", "丙")}


@pytest.mark.parametrize(("row", "message"), [
    ("A9,甲,106.71,31.82,20199,已建", r"column opens_year holds 20199 in row 2"),
    ("A9,甲,0,0,2019,已建", r"row 2 stands at 0, 0"),
    ("A9,甲,106.71,31.82,2019,筹备？", r"column status holds 筹备\? in row 2; use existing"),
    (",甲,106.71,31.82,2019,已建", r"facility_id is blank in row 2"),
    ("A9,甲,106。71,31.82,2019,已建", r"column 经度 holds no number in row 2: 106。71"),
    ("A9,甲,乙,106.71,31.82,2019,已建", r"row 2 holds more cells than the head"),
])
def test_faults_are_errors_and_while_collecting_stops(tmp_path, row, message):
    text = f"编号,名称,经度,纬度,投用年份,状态\n{row}\nB1,丁,106.72,31.82,2018,已建\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadValueError, match=message):
        read(tmp_path, {"layer": "care", "file": "a.csv"})
    two_townships().to_file(tmp_path / "townships.geojson")
    runfile = run_file(tmp_path, facilities=[{"layer": "care", "file": "a.csv"},
                                             {"layer": "more", "file": "b.csv"}])
    (tmp_path / "b.csv").write_text("编号,经度,纬度\nC1,106.72,31.82\n", encoding="utf-8")
    findings, townships = Findings(collecting=True), read_townships(runfile, Findings())
    table = read_facilities(runfile, townships, townships.union_all(), findings)
    assert "C1" in table["facility_id"].tolist()
    assert [(item.severity, item.file) for item in findings.stops] == [("stop", "a.csv")]


def test_entered_twice_and_more_effective_area_than_area(tmp_path):
    text = "编号,名称,经度,纬度,面积,有效面积\n1,甲,106.71,31.82,100,50\n2,甲,106.71,31.82,100,500\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    _, findings = read(tmp_path, {"layer": "care", "file": "a.csv"})
    assert codes(findings) == {"facility_twice": ("warn", "2, 3"), "area_larger": ("warn", "3")}


def test_entrances_stand_in_for_an_outline(tmp_path):
    (tmp_path / "a.csv").write_text("facility_id,lon,lat\nP1,106.71,31.82\nP2,106.72,31.82\n", encoding="utf-8")
    (tmp_path / "doors.csv").write_text("facility_id,lon,lat\nP1,106.711,31.82\nP1,106.712,31.82\nX,106.7,31.8\n",
                                        encoding="utf-8")
    table, findings = read(tmp_path, {"layer": "parks", "file": "a.csv", "entrances": "doors.csv"})
    assert shapely.get_num_geometries(table.geometry.to_numpy()).tolist() == [2, 1]
    assert codes(findings) == {"entrance_strange": ("warn", "4")}


def test_levels_that_do_not_serve_are_named(tmp_path):
    book(tmp_path / "a.xlsx")
    policy = Policy(policy={"clinics": LayerPolicy(accepts=("卫生站",),
                                                   presence=(Presence(unit="village", level="village_clinic"),))})
    _, findings = read(tmp_path, {"layer": "clinics", "file": "a.xlsx", "where": {"类别": "卫生室"}}, policy=policy)
    said = {item.code: (item.severity, item.id, item.value) for item in findings if item.code.startswith("level")}
    assert said == {"level_not_accepted": ("warn", "4", "村卫生室"), "level_absent": ("warn", "", "village_clinic")}


@pytest.mark.parametrize(("accepts", "levels", "said"), [
    ((), {"村卫生室": "village_clinic"}, "卫生站"), ((), {}, "村卫生室, 卫生站"),
    ((), {"村卫生室": "village_clinic", "卫生站": "village_clinic"}, ""),
    (("卫生站", "village_clinic"), {"村卫生室": "village_clinic"}, "")])
def test_levels_left_untranslated_are_noted_where_all_serve(tmp_path, accepts, levels, said):
    book(tmp_path / "a.xlsx")
    asked = Presence(unit="village", level="village_clinic")
    policy = Policy(policy={"clinics": LayerPolicy(accepts=accepts, presence=(asked,))})
    _, findings = read(tmp_path, {"layer": "clinics", "file": "a.xlsx", "where": {"类别": "卫生室"}, "levels": levels},
                       policy=policy)
    found = [(item.severity, item.value) for item in findings if item.code == "level_unknown"]
    assert found == [("note", said)] * bool(said)


def test_sheets_of_a_book(tmp_path):
    path = book(tmp_path / "a.xlsx", sheets=("一", "二"))
    with pytest.raises(ConfigError, match=r"a\.xlsx: several sheets hold cells: 一, 二; say which: sheet"):
        files.read_table(path)
    assert len(files.read_table(path, sheet="二")) == 4
    with pytest.raises(ConfigError, match="no sheet 三; the sheets are 一, 二"):
        files.read_table(path, sheet="三")


def test_a_sheet_of_remarks_beside_the_table_is_passed_over(tmp_path):
    path = book(tmp_path / "a.xlsx")
    made = openpyxl.load_workbook(path)
    made.create_sheet("填表说明", 0).append(["一、坐标取自高德地图", "二、面积为建筑面积"])
    made.save(path)
    findings = Findings()
    assert len(files.read_table(path, findings=findings)) == 4
    assert [(item.code, item.value) for item in findings][:1] == [("sheet_chosen", "台账")]


def test_cells_that_excel_has_typed(tmp_path):
    rows = [["编号", "开放", "日期", "数"], [1.0, dt.time(7), dt.date(2020, 1, 2), 2.5]]
    path = book(tmp_path / "a.xlsx", rows, merged=())
    assert files.read_table(path).iloc[0].tolist() == ["1", "07:00:00", "2020-01-02", "2.5"]


def test_a_name_merged_over_its_rows_counts_for_each(tmp_path):
    rows = [["乡镇", "村", "人口"], ["甲镇", "一村", 5], [None, "二村", 6], ["乙镇", "三村", 7]]
    table = files.read_table(book(tmp_path / "a.xlsx", rows, merged=("A2:A3",)))
    assert table["乡镇"].tolist() == ["甲镇", "甲镇", "乙镇"]


def test_text_that_calls_itself_a_book(tmp_path):
    path = tmp_path / "a.xlsx"
    path.write_text("编号,经度,纬度\n1,106.7,31.8\n", encoding="gb18030")
    with pytest.raises(UnreadableFileError, match=r"a\.xlsx: content is text, not a book of Excel; give it the name"):
        files.read_table(path)


def test_archives_that_unpack_to_too_much_or_lead_outside(tmp_path):
    bomb, climber = tmp_path / "bomb.xlsx", tmp_path / "climber.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 50_000_000)
    with zipfile.ZipFile(climber, "w") as archive:
        archive.writestr("../outside.xml", b"x")
    with pytest.raises(UnreadableFileError, match=r"bomb\.xlsx: would unpack to 50 MB"):
        files.read_table(bomb)
    with pytest.raises(UnreadableFileError, match=r"climber\.xlsx: the archive names a path outside itself"):
        files.read_table(climber)


def test_units_in_the_head_and_behind_numbers(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("编号,占地面积(亩),容量(人)\n1,3,１２３人\n2,6亩,1.2万人\n", encoding="utf-8")
    table = rename_columns(files.read_table(path), {}, path)
    assert as_numbers(table["area_m2"], path, "area_m2").tolist() == pytest.approx([2000.0, 4000.0])
    assert as_numbers(table["capacity"], path, "capacity").tolist() == pytest.approx([123.0, 12_000.0])
    assert table["capacity_unit"].tolist() == ["people", "people"]


def test_a_csv_with_a_title_counts_rows_as_a_spreadsheet_does(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("巴州区台账,,\n\n编号,经度,纬度\n1,106.7,31.8\n\n2,106.7,x\n", encoding="utf-8")
    with pytest.raises(BadValueError, match="column 纬度 holds no number in row 6: x"):
        files.read_layer(path)


@pytest.mark.parametrize("last", ["合 计,6,1,1,1,1", "总 和,6,1,1,1,1", "累计：,6,1,1,1,1", "Ｔｏｔａｌ,6,1,1,1,1",
                                  "name,capacity,level,beds,area,year", "备注：甲,,,,,"])
def test_rows_that_do_not_count_are_found_however_they_are_spelt(tmp_path, last):
    path = tmp_path / "a.csv"
    path.write_text(f"name,capacity,level,beds,area,year\n甲,1,1,1,1,1\n乙,5,1,1,1,1\n{last}\n", encoding="utf-8")
    assert read_sheet(path)["name"].tolist() == ["甲", "乙"]


def test_a_table_in_which_every_row_counts_is_kept_whole(tmp_path):
    path, heads = tmp_path / "a.csv", "demand_id,lon,lat,people,quality"
    rows = [f"D{row},106.{row},31.8,{row},model" for row in range(50)]
    path.write_text("\n".join([heads, *rows]), encoding="utf-8")
    findings = Findings()
    table = read_sheet(path, findings=findings)
    assert (len(table), table["people"].astype(int).sum(), len(findings)) == (50, 1225, 0)
