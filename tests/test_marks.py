"""What is found in the inputs is carried to the figures it touches: tables, GeoPackage, map, service, command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from fastapi.testclient import TestClient

import lifecircle
from browser import chromium, visit
from command import inside
from extracts import EAST_STREET, QINGJIANG, run_file, two_townships
from lifecircle.errors import first_of
from lifecircle.inputs.boundaries import read_townships
from lifecircle.inputs.facilities import read_facilities
from lifecircle.inputs.findings import OUTSIDE, Finding, Findings
from lifecircle.marks import mark_table, touching
from lifecircle.outputs.rundir import mark_again, read_marks, read_run
from lifecircle.outputs.summary import summary_record
from lifecircle.tables import MARKS_COLUMNS
from lifecircle_api import models
from lifecircle_api.main import create_app
from lifecircle_api.settings import Settings
from test_inputs_facilities import read
from test_inputs_people import Case
from tinytown import CARE_M, CLINIC_M, DISTRICT, EAST_TOWN, WEST_TOWN, lonlat, write_town

UNITS = {"D": "区", "1": "甲镇", "2": "乙镇", "3": "丙镇"}


# --- What a finding touches -----------------------------------------------------------------------------------------

def noted(*rows: object, known: dict[object, str], file: str = "a.csv", count: int = 5) -> Finding:
    """Note something about rows of a.csv while the townships of its rows are told."""
    findings = Findings()
    with findings.about("clinics"):
        findings.add("warn", "facility_twice", "…", file=file, id=first_of(rows, count))
        findings.know("there/a.csv", pd.Series(known))
    [item] = findings
    return item


def test_rows_tell_the_townships_also_those_that_the_text_leaves_out() -> None:
    item = noted(*range(8), known={row: "1" if row < 7 else "2" for row in range(9)})
    assert (item.id, item.layer, item.township_code) == ("0, 1, 2, 3, 4 and 3 more", "clinics", "1, 2")


@pytest.mark.parametrize(("known", "file"), [({1: "1"}, "a.csv"), ({1: "1", 2: ""}, "a.csv"),
                                             ({1: "1", 2: "2"}, "b.csv")])
def test_a_row_of_an_unknown_township_touches_all_of_them(known: dict[object, str], file: str) -> None:
    """A row that nobody placed, one that names no township, a row of another file."""
    assert noted(1, 2, known=known, file=file).township_code == ""


def test_ids_mean_the_same_in_every_file_and_who_lies_in_one_and_names_another_touches_both() -> None:
    findings = Findings()
    with findings.about():
        findings.know("", pd.Series({"C1": "1", "C2": "1"}))
        findings.know("", pd.Series({"C1": "2", "C2": OUTSIDE}))
        findings.add("warn", "entrance_strange", "…", file="doors.csv", id=first_of(["C1", "C2"]))
    findings.add("warn", "entrance_strange", "…", file="doors.csv", id=first_of(["C1"]))
    assert [(item.layer, item.township_code) for item in findings] == [("", "1, 2, outside"), ("", "")]


def test_one_fault_of_two_layers_is_one_finding() -> None:
    findings = Findings()
    for layer, township in (("clinics", "1"), ("care", "2")):
        with findings.about(layer):
            findings.add("warn", "text_garbled", "…", file="a.csv", id=first_of([3]))
            findings.know("a.csv", pd.Series({3: township}))
    assert [(item.layer, item.township_code) for item in findings] == [("care, clinics", "1, 2")]


CLINICS = """facility_id,name,township_code,status,opens_year,address,lon,lat
C1,甲站,511902001000,existing,2001,,106.71,31.82
C2,甲站,511902001000,existing,2001,,106.71,31.82
C3,乙站,,planned,2001,,106.76,31.82
C4,丙站,511902103000,existing,2001,清江镇一号,,
C5,丁站,,existing,2001,一号,,
C6,邻站,,planned,2001,,106.801,31.82
"""


def test_findings_of_a_register_name_the_townships_of_their_rows(tmp_path: Path) -> None:
    """One row without coordinates names its township and one does not, so that its finding touches all."""
    def codes(text: str) -> dict[str, str]:
        findings = read(tmp_path, clinics=text)[1]
        assert {item.layer for item in findings} == {"clinics"}
        return {item.code: item.township_code for item in findings}

    found = codes(CLINICS)
    assert (found["facility_twice"], found["address_only"]) == (EAST_STREET, "")
    without = "\n".join(line for line in CLINICS.splitlines() if "丁站" not in line)
    assert codes(without)["address_only"] == QINGJIANG


def test_a_facility_that_lies_elsewhere_than_it_says_touches_both_townships(tmp_path: Path) -> None:
    text = f"facility_id,township_code,lon,lat\nC1,{EAST_STREET},106.76,31.82\nC2,{EAST_STREET},106.71,31.82\n"
    [differs] = read(tmp_path, clinics=text)[1]
    assert (differs.code, differs.id, differs.township_code) == ("township_differs", "2", f"{EAST_STREET}, {QINGJIANG}")


def test_a_neighbour_touches_no_township(tmp_path: Path) -> None:
    """Row 4 is planned in 清江镇 and opened long ago, row 7 is so across the border."""
    two_townships().to_file(tmp_path / "townships.geojson")
    (tmp_path / "clinics.csv").write_text(CLINICS, encoding="utf-8")
    runfile = run_file(tmp_path, district={"name": "x", "data_date": "2025-06-30"},
                       facilities=[{"layer": "clinics", "file": "clinics.csv"}])
    townships, findings = read_townships(runfile, Findings()), Findings()
    read_facilities(runfile, townships, townships.union_all().buffer(2000.0), findings)
    [early] = [item for item in findings if item.code == "year_contradicts"]
    assert (early.count, early.id, early.township_code) == (2, "4, 7", f"{QINGJIANG}, outside")


def test_findings_of_people_name_the_townships_of_their_rows(tmp_path: Path) -> None:
    csv = "place_code,population,lon,lat\n511902103201,10,106.71,31.82\n999,20,106.76,31.82\n"
    case = Case(tmp_path, csv=csv, people={"file": "people.csv"})
    assert len(case.demand) == 2
    found = {item.code: item.township_code for item in case.findings}
    assert found["township_differs"] == QINGJIANG
    assert found["place_unknown"] == QINGJIANG


# --- The table ------------------------------------------------------------------------------------------------------

def test_marks_worked_by_hand() -> None:
    findings = [
        Finding("warn", "facility_twice", "a", layer="clinics", township_code="1"),
        Finding("warn", "facility_twice", "b", layer="clinics", township_code="1, 2"),
        Finding("stop", "bad_year", "c", layer="care", township_code="2"),
        Finding("warn", "roads_sparse", "d", township_code="2"),
        Finding("warn", "year_contradicts", "e", layer="clinics", township_code="outside"),
        Finding("note", "long_legs", "f"),
    ]
    table = mark_table(findings, UNITS, "D", ["clinics", "care"])
    assert list(table.columns) == list(MARKS_COLUMNS)
    assert table.drop(columns="township").to_numpy().tolist() == [
        ["D", "clinics", "warn", 4, "facility_twice, roads_sparse, year_contradicts"],
        ["D", "care", "stop", 2, "bad_year, roads_sparse"],
        ["1", "clinics", "warn", 2, "facility_twice"],
        ["2", "clinics", "warn", 2, "facility_twice, roads_sparse"],
        ["2", "care", "stop", 2, "bad_year, roads_sparse"]]
    assert [item.message for item in touching(findings, "clinics", "3")] == ["f"]
    everywhere = [Finding("warn", "level_absent", "g", layer="care")]
    assert mark_table(everywhere, UNITS, "D", ["clinics", "care"])["township_code"].tolist() == list(UNITS)
    assert mark_table([], UNITS, "D", ["clinics"]).empty


# --- Where it is shown ----------------------------------------------------------------------------------------------

def faulty_town(directory: Path, language: str) -> Path:
    """The tiny town with a clinic that is entered twice in 甲街道, and a care post of 乙镇 that opens too late."""
    runfile = write_town(directory, district={"language": language, "data_date": "2025-06-30"})
    clinic, care = ("{},{}".format(*lonlat(*spot)) for spot in (CLINIC_M, CARE_M))
    (directory / "clinics.csv").write_text("facility_id,name,level,lon,lat\n" + "".join(
        f"{name},甲诊所,village_clinic,{clinic}\n" for name in ("C1", "C2")), encoding="utf-8")
    (directory / "care.csv").write_text("facility_id,name,level,status,opens_year,lon,lat\n"
                                        f"E1,丁驿站,station,existing,2031,{care}\n", encoding="utf-8")
    return runfile


@pytest.fixture(scope="module")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("marked")
    return lifecircle.write_run(lifecircle.assess(faulty_town(directory, "zh")), directory / "out")


@pytest.fixture(scope="module")
def client(run_directory: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(run=run_directory)), raise_server_exceptions=False) as started:
        yield started


def test_marks_are_written(run_directory: Path) -> None:
    assert (run_directory / "marks.csv").read_bytes().startswith(b"\xef\xbb\xbftownship_code,")
    rows = [(row.township_code, row.layer, row.findings, row.codes) for row in read_marks(run_directory).itertuples()]
    assert rows == [(DISTRICT, "clinics", 1, "facility_twice"), (DISTRICT, "elderly_care", 1, "year_contradicts"),
                    (WEST_TOWN, "clinics", 1, "facility_twice"), (EAST_TOWN, "elderly_care", 1, "year_contradicts")]


def test_townships_of_the_geopackage_carry_the_count(run_directory: Path) -> None:
    townships = gpd.read_file(run_directory / "lifecircle.gpkg", layer="townships").set_index("township_code")
    assert townships[["findings_clinics", "findings_elderly_care", "findings_shelters"]].to_numpy().tolist() == [
        [1, 0, 0], [0, 1, 0]]
    assert not [name for name in read_run(run_directory).townships.columns if name.startswith("findings")]


def test_the_service_carries_the_codes_and_lists_the_findings(client: TestClient) -> None:
    west, east = client.get("/townships").json()["items"]
    assert west["layers"]["clinics"]["findings"] == ["facility_twice"]
    assert (east["layers"]["clinics"]["findings"], east["layers"]["elderly_care"]["findings"]) == (
        [], ["year_contradicts"])
    gaps = client.get("/gaps").json()["items"]
    assert {(item["township_code"], item["layer"], *item["findings"]) for item in gaps
            if item["layer"] != "shelters"} >= {(EAST_TOWN, "clinics"), (WEST_TOWN, "clinics", "facility_twice")}

    def listed(query: str) -> list[str]:
        answer = client.get(f"/findings?{query}")
        models.Findings.model_validate_json(answer.content, strict=True)
        return [item["code"] for item in answer.json()["items"] if item["severity"] == "warn"]

    assert listed("") == ["facility_twice", "year_contradicts"]
    assert listed("layer=clinics") == listed(f"township={WEST_TOWN}") == ["facility_twice"]
    assert listed(f"layer=clinics&township={EAST_TOWN}") == []
    assert client.get("/findings?limit=1").json()["returned"] == 1
    [item] = client.get(f"/findings?layer=clinics&township={WEST_TOWN}&limit=1").json()["items"]
    assert (item["title_zh"], item["title_en"]) == ("同一设施登记两次", "facility entered twice")
    assert client.get("/findings?layer=nosuch").status_code == client.get("/findings?township=9").status_code == 400


def test_the_command_line_shows_them(run_directory: Path) -> None:
    code, out, _ = inside("gaps", run_directory, "--layer", "clinics", "--township", "甲街道")
    assert (code, out.splitlines()[1].split()[-1]) == (0, "in_doubt")
    assert out.splitlines()[2].endswith("⚠ 1")
    _, out, _ = inside("gaps", run_directory, "--layer", "clinics", "--township", "乙镇")
    assert "⚠" not in out
    record = summary_record(read_run(run_directory), run_directory)
    assert [layer["findings"] for layer in record["layers"]] == [1, 1, 0]


def test_check_says_titles_in_the_language_of_the_run(tmp_path: Path) -> None:
    runfile = faulty_town(tmp_path, "zh")
    _, out, _ = inside("check", runfile)
    assert "同一设施登记两次" in out
    _, out, _ = inside("check", faulty_town(tmp_path, "en"))
    assert "同一设施登记两次" not in out
    _, out, _ = inside("check", runfile, "--json")
    titles = {item["code"]: (item["title_zh"], item["title_en"]) for item in json.loads(out)}
    assert titles["year_contradicts"] == ("状态与启用年份矛盾", "status contradicts the opening year")


def test_a_new_finding_reaches_every_output(run_directory: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run_directory, copy)
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    mark_again(copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    found = json.loads((copy / "findings.json").read_text(encoding="utf-8"))
    more = Finding("warn", "verify_differs", "…").as_dict()
    (copy / "findings.json").write_text(json.dumps([*found, more]), encoding="utf-8")
    mark_again(copy)
    assert len(read_marks(copy)) == 9  # the district and two townships, three layers each
    assert gpd.read_file(copy / "lifecircle.gpkg", layer="townships")["findings_shelters"].tolist() == [1, 1]
    assert json.dumps("复算不一致")[1:-1] in (copy / "map.html").read_text(encoding="utf-8")
    assert {path.name for path in copy.iterdir()} == set(before)


@pytest.mark.parametrize(("language", "mark", "told"), [
    ("zh", "⚠︎ 数据有疑点：诊所", "同一设施登记两次 ×2（clinics.csv 2, 3）"),
    ("en", "⚠︎ Data in doubt: Clinics", "2 rows share name and position with another (clinics.csv 2, 3)")])
def test_the_map_shows_them(run_directory: Path, tmp_path: Path, language: str, mark: str, told: str) -> None:
    page = run_directory / "map.html"
    if language == "en":
        page = lifecircle.write_run(lifecircle.assess(faulty_town(tmp_path, "en")), tmp_path / "out") / "map.html"
    with chromium() as browser, visit(browser, page) as seen:
        clinics, _, shelters = seen.page.locator(".lc-services label").all_inner_texts()
        assert clinics.endswith("⚠︎ 1")
        assert "⚠" not in shelters
        names = seen.page.locator(".lc-name:not(.lc-name-place)").all_inner_texts()
        assert sorted(names) == ["乙镇", "甲街道 ⚠︎"]
        popups = []
        for town in ("甲街道", "乙镇"):
            seen.page.fill("input[type=search]", town)
            seen.page.keyboard.press("Enter")
            seen.page.wait_for_timeout(400)
            popups.append(seen.page.inner_text(".leaflet-popup-content"))
        assert mark in popups[0]
        assert told in popups[0]
        assert mark not in popups[1]
        assert popups[1].count("⚠") == 1  # at elderly care, in the table
        assert seen.complaints == []
