"""Figures that an ordinary file of an office could make wrong in silence: what must come out, or at least be said."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin

import lifecircle
import tinytown
from lifecircle.errors import InputError, MissingColumnError
from lifecircle.inputs.cells import as_numbers, rename_columns
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.names import Places
from lifecircle.inputs.registers import Claims
from lifecircle.inputs.roadlayer import read_road_layer
from lifecircle.inputs.sheets import read_sheet
from lifecircle.osmtags import ROAD_CLASSES
from lifecircle.runfile import Facilities, Roads
from lifecircle.study import Study, read_study
from tinytown import CLINIC_M, ORIGIN_M, lonlat, write_osm, write_town

VILLAGES = "甲街道,甲社区,{}\n甲街道,乙村,{}\n乙镇,丙村,{}\n乙镇,丁村,{}\n"
MADE = {"source": "tiny town", "quality": "model"}


def study_of(folder: Path, villages: str | None = None, *, register: str | None = None, **sections: object) -> Study:
    """Read the town with other people or another register of clinics."""
    path = write_town(folder, **sections)
    for name, text in (("people.csv", villages), ("clinics.csv", register)):
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    return read_study(path)


def people_of(study: Study) -> list[float]:
    return study.demand.groupby("place_code")["population"].sum().tolist()


def codes(study: Study) -> set[str]:
    return {item.code for item in study.findings}


def book(path: Path, rows: list[list[object]], *merged: str) -> Path:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    for cells in merged:
        made.active.merge_cells(cells)
    made.save(path)
    return path


# numbers and their units


@pytest.mark.parametrize(("cell", "m2"), [("3", 2000.0), ("约3", 2000.0), ("３．５", 7000 / 3), ("3余", 2000.0),
                                         ("3左右", 2000.0), ("1,200", 800_000.0), ("200㎡", 200.0)])
def test_the_unit_of_a_head_counts_however_the_number_is_written(cell, m2):
    table = rename_columns(pd.DataFrame({"占地面积(亩)": [cell]}), {}, "a.csv")
    assert as_numbers(table["area_m2"], "a.csv", "area_m2").tolist() == pytest.approx([m2])


@pytest.mark.parametrize(("head", "ours", "factor"), [
    ("占地面积(hm²)", "area_m2", 1e4), ("占地面积(平方千米)", "area_m2", 1e6), ("占地面积(万平米)", "area_m2", 1e4),
    ("占地面积（千㎡）", "area_m2", 1e3), ("人口(千人)", "population", 1e3), ("人口(百人)", "population", 100.0)])
def test_more_units_of_land_and_people(head, ours, factor):
    table = rename_columns(pd.DataFrame({head: ["3"]}), {}, "a.csv")
    assert as_numbers(table[ours], "a.csv", ours).tolist() == pytest.approx([3 * factor])


@pytest.mark.parametrize("head", ["人口(男)", "人口(2010年)", "面积(含地下)", "有效面积(㎡/人)", "面积(英亩)"])
def test_a_head_whose_brackets_hold_no_unit_is_not_taken_for_the_whole(head):
    assert rename_columns(pd.DataFrame({head: ["3"]}), {}, "a.csv").columns.tolist() == [head]


def test_the_whole_is_found_beside_its_parts():
    table = pd.DataFrame({"人口(男)": ["10"], "人口(女)": ["12"], "人口(人)": ["22"]})
    assert rename_columns(table, {}, "a.csv")["population"].tolist() == ["22"]


def test_men_are_not_everyone(tmp_path):
    """Read as population, half of the people would be gone without a word."""
    with pytest.raises(MissingColumnError, match="no column population"):
        study_of(tmp_path, "村,人口(男),人口(女)\n甲社区,200,210\n乙村,100,110\n丙村,10,10\n丁村,10,10\n")


def test_a_unit_above_the_table_is_not_lost(tmp_path):
    """单位：万人 over the head of a statistical table: 2 is 20 000 people, or an error."""
    text = "某县人口,,\n单位：万人,,\n乡镇,村,人口\n" + VILLAGES.format(2, 1, 1, 1)
    try:
        assert people_of(study_of(tmp_path, text)) == [20_000, 10_000, 10_000, 10_000]
    except InputError as error:
        assert "万人" in str(error)  # noqa: PT017


@pytest.mark.parametrize(("title", "head", "stops"), [
    ("某县人口 单位：万人", "人口", True), ("某县人口（单位：千户）", "人口", True), ("计量单位：百人", "人口", True),
    ("单位：人", "人口", False), ("单位：亩", "人口", False), ("单位：万人", "人口(万人)", False),
    ("填报单位：某镇人民政府", "人口", False), ("单位：某县统计局", "人口", False), ("单位：万元", "人口", False)])
def test_a_unit_above_the_table_stops_only_where_a_head_lacks_it(tmp_path, title, head, stops):
    path = tmp_path / "a.csv"
    path.write_text(f"{title},,\n乡镇,村,{head}\n甲街道,甲社区,2\n", encoding="utf-8")
    findings = Findings(collecting=True)
    read_sheet(path, findings=findings)
    assert [item.code for item in findings] == ["unit_above"] * stops


def test_a_code_that_is_merged_over_its_rows_stays_with_each(tmp_path):
    rows = [["乡镇代码", "村", "人口"], [990101001000, "甲社区", 300], [None, "乙村", None]]
    findings = Findings()
    table = read_sheet(book(tmp_path / "a.xlsx", rows, "A2:A3", "C2:C3"), findings=findings)
    assert table["乡镇代码"].tolist() == ["990101001000"] * 2
    assert table["人口"].fillna("").tolist() == ["300", ""]
    assert [(item.code, str(item.id), str(item.value)) for item in findings] == [("number_merged", "2, 3", "300")]


def test_people_that_are_about_right_or_converted_are_said_too(tmp_path):
    study = study_of(tmp_path, "乡镇,村,人口\n" + VILLAGES.format("约200", "0.03万人", 10, 10))
    assert people_of(study) == [200, 300, 10, 10]
    assert {"number_about", "number_converted"} <= codes(study)


# rows and cells


def test_a_number_merged_over_two_rows_counts_once(tmp_path):
    """甲社区 and 乙村 share 300 people; each having 300 makes 300 people out of nothing."""
    rows = [["乡镇", "村", "人口"], ["甲街道", "甲社区", 300], ["甲街道", "乙村", None]]
    path = book(tmp_path / "a.xlsx", rows, "C2:C3")
    findings = Findings()
    try:
        table = read_sheet(path, findings=findings)
    except InputError:
        return
    told = pd.to_numeric(table["人口"]).sum()
    assert told == 300 or any(item.severity == "warn" for item in findings)


@pytest.mark.parametrize("word", ["小计", "甲街道小计", "本街道合计", "合计(人)"])
def test_a_subtotal_in_the_third_column_is_no_village(tmp_path, word):
    rows = f"1,甲街道,甲社区,200\n2,甲街道,乙村,100\n3,甲街道,{word},300\n4,乙镇,丙村,10\n5,乙镇,丁村,10\n"
    assert people_of(study_of(tmp_path, "序号,乡镇,村,人口\n" + rows)) == [200, 100, 10, 10]


@pytest.mark.parametrize(("total", "wrong"), [(300, False), (320, True), (310, False)])
def test_a_total_of_a_township_is_compared_with_its_rows(tmp_path, total, wrong):
    """Of 甲街道 alone 300, of all rows above 310; 合计坝村 is a village."""
    rows = f"1,乙镇,合计坝村,10\n2,甲街道,甲社区,200\n3,甲街道,乙村,100\n4,甲街道,甲街道合计,{total}\n"
    rows = rows.replace("2,甲街道", ",乙镇,小计,10\n2,甲街道")
    (tmp_path / "a.csv").write_text("序号,乡镇,村,人口\n" + rows, encoding="utf-8")
    findings = Findings()
    assert read_sheet(tmp_path / "a.csv", findings=findings)["村"].tolist() == ["合计坝村", "甲社区", "乙村"]
    assert [str(item.id) for item in findings if item.code == "total_differs"] == ["6"] * wrong


def test_a_village_that_stands_twice_is_said(tmp_path):
    """Rows without positions that name the same village: entered twice, or two halves; nobody can know.

    With the same figures it was entered twice, and the run stops; with others they are added up, and that is said.
    """
    with pytest.raises(InputError, match="甲社区; delete what was entered twice"):
        study_of(tmp_path / "same", "乡镇,村,人口\n甲街道,甲社区,200\n" + VILLAGES.format(200, 1, 1, 1))
    study = study_of(tmp_path / "other", "乡镇,村,人口\n甲街道,甲社区,100\n" + VILLAGES.format(200, 1, 1, 1))
    assert any(item.severity == "warn" and "甲社区" in str(item.value) for item in study.findings)


def test_people_at_one_point_twice_are_said(tmp_path):
    """The file's first two rows of people stand again at its end: 1100 people, where 1000 live."""
    path = write_town(tmp_path)
    rows = [line.split(",", 1)[1] for line in (tmp_path / "people.csv").read_text(encoding="utf-8").splitlines()]
    (tmp_path / "people.csv").write_text("\n".join([*rows, *rows[1:3]]), encoding="utf-8")
    study = read_study(path)
    assert study.demand["population"].sum() == 1100
    assert any(item.severity == "warn" for item in study.findings)


def test_more_elders_than_people_are_said(tmp_path):
    text = "乡镇,村,人口,60岁以上人口\n甲街道,甲社区,100,150\n甲街道,乙村,10,1\n乙镇,丙村,10,1\n乙镇,丁村,10,1\n"
    try:
        study = study_of(tmp_path, text)
    except InputError:
        return
    assert any(item.severity == "warn" for item in study.findings)


@pytest.mark.parametrize("listed", [False, True])
def test_a_township_that_the_people_leave_out_is_said(tmp_path, listed):
    lon, lat = lonlat(500, 500)
    text = "乡镇,村,人口\n甲街道,甲社区,10\n" if listed else f"人口,经度,纬度\n10,{lon},{lat}\n"
    study = study_of(tmp_path, text, boundaries={"places": None})
    [bare] = [item for item in study.findings if item.code.endswith("_without_people")]
    assert (bare.severity, bare.value) == ("warn", "乙镇")


def test_most_villages_left_out_of_the_list_are_said(tmp_path):
    study = study_of(tmp_path, "乡镇,村,人口\n甲街道,甲社区,10\n")
    [bare] = [item for item in study.findings if item.code == "place_without_people"]
    assert (bare.severity, bare.value) == ("warn", "乙村, 丙村, 丁村")


def test_totals_that_are_converted_are_said(tmp_path):
    """As for people: 约0.1 in a column of 万人."""
    (tmp_path / "totals.csv").write_text("乡镇,人口(万人)\n甲街道,约0.05\n乙镇,0.05\n", encoding="utf-8")
    study = study_of(tmp_path, people={"totals": "totals.csv"})
    assert study.demand["population"].sum() == 1000
    assert {"number_about", "number_converted"} <= codes(study)


def test_rows_that_no_layer_takes_are_said_where_two_columns_choose():
    raw = pd.DataFrame({"类别": ["甲", "甲", "乙", "乙"], "性质": ["公", "私", "公", "私"]}, index=[2, 3, 4, 5])
    claims, findings = Claims(), Findings()
    for layer, words in (("a", {"类别": "甲", "性质": "公"}), ("b", {"类别": "乙", "性质": "私"})):
        claims.take(raw, Facilities(layer=layer, file="a.csv", where=words), Path("a.csv"))
    claims.report(findings)
    assert [item.id for item in findings if item.code == "rows_unclaimed"] == ["3, 4"]


# names


def test_the_whole_name_of_a_merged_village_goes_before_half_of_another():
    """石庙村 went into 新店村; 石庙社区 is another place of the township, and the likeness of names is not its name."""
    places = Places(pd.DataFrame({"place_code": ["1", "2"], "place": ["石庙社区", "新店村"], "township_code": "T",
                                  "merged_from": ["", "石庙村、李家村"]}))
    text = [pd.Series(cells, dtype="str") for cells in (["", "2", ""], ["石庙村", "石庙村", "石庙"], ["T", "T", "T"])]
    assert places.join(*text).to_numpy().tolist() == [["2", "former"], ["2", "code"], ["1", "name"]]


def test_a_village_is_not_the_community_of_its_name_where_both_are_listed(tmp_path):
    """Alone, 甲村 may be what 甲社区 was called before; beside it, its people live nobody knows where."""
    rows = "乡镇,村,人口\n甲街道,甲村,40\n" + VILLAGES.format(200, 100, 10, 10)
    study = study_of(tmp_path / "both", rows)
    assert people_of(study) == [240, 100, 10, 10]  # at the point of the township, which lies in 甲社区
    [lost] = [item for item in study.findings if item.code == "place_not_found"]
    assert (lost.severity, lost.id) == ("warn", "2")
    assert "people_per_township" in codes(study)
    alone = study_of(tmp_path / "alone", rows.replace("甲街道,甲社区,200\n", ""))
    assert people_of(alone) == [40, 100, 10, 10]
    [like] = [item for item in alone.findings if item.code == "place_by_like_name"]
    assert (like.severity, like.id) == ("warn", "2")


@pytest.mark.parametrize(("said", "rule", "expected"), [
    (None, "1xx", "derived"), (None, "streets", "surveyed"), ("urban_rural_code", "1xx", "surveyed")])
def test_a_class_that_is_guessed_lowers_the_quality(tmp_path, said, rule, expected):
    """The last three digits of a code tell the kind of committee, and that mostly the class; nobody stated it."""
    own = dict.fromkeys(("clinics", "elderly_care", "shelters"))
    path = write_town(tmp_path, quality="surveyed", policy={**own, "file": "policy.toml"})
    (tmp_path / "policy.toml").write_text(f'class_rule = "{rule}"\n', encoding="utf-8")
    for name in ("places.geojson", "people.csv"):
        text = (tmp_path / name).read_text(encoding="utf-8").replace('"class"', '"was"').replace(",class,", ",was,")
        if said:
            text = text.replace('"was": "urban"', f'"{said}": "111"').replace('"was": "rural"', f'"{said}": "220"')
        (tmp_path / name).write_text(text, encoding="utf-8")
    study = read_study(path)
    assert study.demand["class"].tolist()[::5] == ["urban", "urban" if rule == "streets" else "rural", "rural", "rural"]
    assert set(study.demand["quality"]) == {expected}
    assert set(lifecircle.assess(study).results["quality"]) == {expected}


# facilities


def clinic(village: str, x_m: float, y_m: float, *, township: str = "甲街道") -> str:
    """Write a register of one clinic, with the township and the village that its row names."""
    lon, lat = lonlat(x_m, y_m)
    return f"编号,名称,层级,乡镇,村,经度,纬度\nC1,甲诊所,village_clinic,{township},{village},{lon},{lat}\n"


@pytest.mark.parametrize(("village", "x_m", "township", "said"), [
    ("乙村", 500, "甲街道", True),  # it stands in 甲社区: which of them lacks a clinic hangs on it
    ("甲社区居委会", 500, "甲街道", False),
    ("乙村", 901, "甲街道", False),  # 99 m outside the outline of 乙村
    ("乙村", 899, "甲街道", True),
    ("丙村", 500, "", True),  # no township named; 丙村 lies in the other
    ("丙村", 500, "甲街道", True),
    ("丙", 500, "", False),  # perhaps a hamlet of 甲社区
    ("甲村", 1500, "甲街道", False),  # perhaps another place than 甲社区, and nobody knows where
    ("", 500, "甲街道", False)])
def test_a_facility_in_another_village_than_its_row_says_is_said(tmp_path, village, x_m, township, said):
    study = study_of(tmp_path, register=clinic(village, x_m, 1000, township=township))
    found = [item for item in study.findings if item.code == "place_differs"]
    assert [(item.layer, item.severity, item.id) for item in found] == [("clinics", "warn", "2")] * said
    assert all(item.value.startswith(f"甲诊所 ({village} ") for item in found)


@pytest.mark.parametrize(("x_m", "said"), [(520, True), (560, True), (640, False)])
def test_a_village_without_an_outline_reaches_as_far_as_its_people(tmp_path, x_m, said):
    """Places are points of people, 1000 m apart, with people at y = 0 … 2000 m.

    At 520 m 乙村 is 980 m off and 甲社区 20 m: 980 > 500 + 3 x 20. At 560 m 940 > 680, at 640 m 860 < 920.
    """
    text = (write_town(tmp_path / "plain").parent / "people.csv").read_text(encoding="utf-8")
    for code, name, _, _ in tinytown.PLACES:
        text = text.replace(f",{code},", f",{code},{name},")
    text = text.replace("place_code,", "place_code,place,")
    study = study_of(tmp_path, text, register=clinic("乙村", x_m, 1000), boundaries={"places": None})
    assert ("place_differs" in codes(study)) == said


@pytest.mark.parametrize("known", [1, 3])
def test_villages_that_nobody_knows_are_noted_where_others_are_known(tmp_path, known):
    rows = [clinic("甲社区" if at < known else f"无名{at}村", 500 + at, 1000).splitlines()[1] for at in range(4)]
    rows = [row.replace("C1", f"C{at}").replace("甲诊所", f"诊所{at}") for at, row in enumerate(rows)]
    study = study_of(tmp_path, register="\n".join(["编号,名称,层级,乡镇,村,经度,纬度", *rows]))
    assert [(item.severity, item.id, item.value) for item in study.findings if item.code == "place_not_found"] == (
        [("note", "5", "无名3村")] if known == 3 else [])


def test_a_newly_built_facility_is_neither_there_nor_planned_before_somebody_says_so(tmp_path):
    """新建 is said of what was built, is being built and is to be."""
    text = clinic("甲社区", *CLINIC_M).replace("经度", "状态,经度").replace("甲社区,", "甲社区,新建,")
    with pytest.raises(InputError, match="column status holds 新建 in row 2; use existing, building, planned"):
        study_of(tmp_path, register=text)
    made = {"layer": "clinics", "file": "clinics.csv", "statuses": {"新建": "planned"}, **MADE}
    study = study_of(tmp_path / "b", register=text, facilities=[made], policy={"elderly_care": None, "shelters": None})
    assert study.facilities["status"].tolist() == ["planned"]


@pytest.mark.parametrize(("word", "said"), [("GCJ-02", True), ("百度", True), ("西安80", True), ("WGS84", False),
                                            ("CGCS 2000", False), ("", False)])
def test_a_datum_that_the_register_names_itself_is_heeded(tmp_path, word, said):
    """坐标系 GCJ-02 in the row, nothing in the run file: the clinic stands some 500 m from where it should."""
    lon, lat = lonlat(*CLINIC_M)
    text = f"编号,名称,层级,坐标系,经度,纬度\nC1,甲诊所,village_clinic,{word},{lon},{lat}\n"
    found = codes(study_of(tmp_path, register=text))
    assert bool(found & {"datum_word_unknown", "datum_mixed", "datum_contradicts"}) == said


def test_a_site_that_two_files_of_a_layer_hold_is_said(tmp_path):
    """1200 m² for a square of 600."""
    lon, lat = lonlat(500, 500)
    text = f"编号,名称,层级,有效避难面积(㎡),经度,纬度\nX1,甲广场,short,600,{lon},{lat}\n"
    (tmp_path / "more.csv").write_text(text, encoding="utf-8")
    layers = [{"layer": "shelters", "file": name, **MADE} for name in ("shelters.geojson", "more.csv")]
    study = study_of(tmp_path, facilities=layers, policy={"clinics": None, "elderly_care": None})
    assert "facility_twice" in codes(study)


def test_an_outline_that_stands_twice_under_two_names_is_said(tmp_path):
    path = write_town(tmp_path)
    layer = json.loads((tmp_path / "shelters.geojson").read_text(encoding="utf-8"))
    [square] = layer["features"]
    layer["features"].append({**square, "properties": {**square["properties"], "facility_id": "S2", "name": "应急点"}})
    (tmp_path / "shelters.geojson").write_text(json.dumps(layer), encoding="utf-8")
    assert any(item.layer == "shelters" and item.severity == "warn" for item in read_study(path).findings)


# roads and rasters


def test_nodes_with_negative_ids_are_not_lost(tmp_path):
    """What an editor drew and never uploaded has negative ids; without these nodes a ninth of the crossings is gone."""
    write_osm(tmp_path / "roads.osm")
    text = (tmp_path / "roads.osm").read_text(encoding="utf-8")
    for number in (9, 18, 27):
        for mark in ("node id", "nd ref"):
            text = text.replace(f'<{mark}="{number}"', f'<{mark}="-{number}"')
    (tmp_path / "roads.osm").write_text(text, encoding="utf-8")
    study = study_of(tmp_path, roads={"file": "roads.osm"})
    assert len(study.roads) == 5 * 8 + 9 * 4
    assert "roads_cut" not in codes(study)


def test_roads_that_lack_nodes_are_said(tmp_path):
    """A street along y = 1000 m loses the node at x = 2000 m, its middle, and with it two blocks each way."""
    write_osm(tmp_path / "roads.osm")
    lines = (tmp_path / "roads.osm").read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not line.startswith('<node id="23"')]
    (tmp_path / "roads.osm").write_text("\n".join(lines), encoding="utf-8")
    study = study_of(tmp_path, roads={"file": "roads.osm"})
    assert len(study.roads) == 5 * 8 + 9 * 4 - 4
    [cut] = [item for item in study.findings if item.code == "roads_cut"]
    assert (cut.count, cut.id) == (2, "way 3, 10")


@pytest.mark.parametrize(("word", "beside"), [("国道", "trunk"), ("高速公路", "motorway")])
def test_a_service_road_beside_a_highway_keeps_its_class(tmp_path, word, beside):
    """A highway of 4 km and a service road 12 m north of it; the local layer holds the highway alone, 1 m off.

    As a motorway the service road would be closed to everyone who walks.
    """
    xs = np.arange(0, 4001, 100)
    rows = {"roads.geojson": [("trunk", [(x, 1000) for x in xs]), ("service", [(x, 1012) for x in xs]),
                              ("residential", [(0, 0), (0, 1000), (0, 1012)])],
            "local.geojson": [(word, [(x, 1001) for x in xs])]}
    path = write_town(tmp_path, roads={"local": {"file": "local.geojson"}})
    for name, roads in rows.items():
        tinytown._write_features(tmp_path / name, [
            ({"class": kind}, {"type": "LineString", "coordinates": [lonlat(*map(float, xy)) for xy in line]})
            for kind, line in roads])
    roads = read_study(path).roads
    length_m = pd.Series(roads.length_m).groupby([ROAD_CLASSES[kind] for kind in roads.road_class]).sum()
    assert length_m.round().to_dict() == {beside: 4000, "service": 4000, "residential": 1012}


@pytest.mark.parametrize(("column", "words", "expected"), [
    ("fclass", "FTB", [1, -1, 0]), ("class", "FTB", [1, -1, 0]), ("fclass", "FTF", [1, -1, 1]),
    ("class", "FTF", None), ("class", "101", [1, 0, 1]), ("class", ["是", "否", "-1"], [1, 0, -1])])
def test_directions_by_letter(tmp_path, column, words, expected):
    """In Geofabrik's shapefiles F is along the line and T against it; elsewhere they may be false and true."""
    line = {"type": "LineString", "coordinates": [lonlat(0, 0), lonlat(1000, 0)]}
    tinytown._write_features(tmp_path / "roads.geojson", [
        ({column: kind, "oneway": word, "maxspeed": 0, "bridge": bridge, "tunnel": "F"}, line)
        for word, bridge, kind in zip(words, "TFF", ("track_grade5", "primary", "living_street"), strict=True)])
    if expected is None:
        with pytest.raises(InputError, match=r"oneway holds F and T alone.*; write 1, -1 and 0"):
            read_road_layer(tmp_path / "roads.geojson", Roads(), "EPSG:4545")
        return
    roads = read_road_layer(tmp_path / "roads.geojson", Roads(), "EPSG:4545")
    assert roads.oneway.tolist() == expected
    assert [ROAD_CLASSES[kind] for kind in roads.road_class] == ["track", "primary", "living_street"]
    assert np.isnan(roads.maxspeed_kph).all()
    assert roads.bridge.tolist() == [True, False, False]
    assert not roads.tunnel.any()


def test_the_scale_of_a_raster_counts(tmp_path):
    """Cells hold 7 in units of half a person: 3.5 people in each of 22 x 42."""
    cells = np.full((22, 42), 7, dtype="int16")
    where = from_origin(ORIGIN_M[0] - 100, ORIGIN_M[1] + 2100, 100, 100)
    with rasterio.open(tmp_path / "people.tif", "w", driver="GTiff", height=22, width=42, count=1, dtype="int16",
                       crs="EPSG:4545", transform=where) as raster:
        raster.write(cells, 1)
        raster.scales = (0.5,)
    study = study_of(tmp_path, people={"file": None, "raster": "people.tif"})
    assert study.demand["population"].sum() == pytest.approx(22 * 42 * 3.5)
