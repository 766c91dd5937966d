"""The raw set that imitates a district office: the same bytes each time, every fault where it says, mended = clean."""

from __future__ import annotations

import csv
import datetime as dt
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely

from office import formats, registers
from office.county import CRS, back, bd09, county, gcj02
from office.make_office import FORMS, apply_remedies, read_faults, write_office, write_truth

LISTS = read_faults()
FAULTS = LISTS["fault"]
LAYERS = {".shp", ".gpkg", ".geojson"}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The clean set, the faulty one, and the faulty one after its remedies."""
    folder = tmp_path_factory.mktemp("office")
    for name, clean in (("clean", True), ("faulty", False), ("mended", False)):
        write_office(folder / name, clean=clean)
    apply_remedies(folder / "mended")
    return {name: folder / name for name in ("clean", "faulty", "mended")}


@cache
def _layer(path: Path) -> gpd.GeoDataFrame:
    return gpd.read_file(path, **({"encoding": "GBK"} if path.suffix == ".shp" else {}))


@cache
def _rows(path: Path) -> list[list[Any]]:
    """All cells; an empty one is an empty text, a date without an hour is a date."""
    if path.read_bytes().startswith(b"PK"):
        sheet = openpyxl.load_workbook(path).active
        return [[_plain(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    encoding = "utf-8-sig" if path.name == registers.SHELTERS else "gb18030"
    with path.open(encoding=encoding, newline="") as stream:
        return list(csv.reader(stream))


def _plain(cell: Any) -> Any:
    return "" if cell is None else cell.date() if isinstance(cell, dt.datetime) else cell


def _value(path: Path, row: int, column: str) -> Any:
    if path.suffix in LAYERS:
        value = _layer(path).iloc[row - 1][column]
        return value.wkt if isinstance(value, shapely.Geometry) else "" if pd.isna(value) else value
    rows = _rows(path)
    return rows[row - 1][next(line.index(column) for line in rows[:4] if column in line)]


def _whole_row(path: Path, row: int) -> list[Any]:
    if path.suffix in LAYERS:
        feature = _layer(path).iloc[row - 1]
        return [value.wkt if isinstance(value, shapely.Geometry) else value for value in feature]
    return _rows(path)[row - 1]


def test_two_writings_give_the_same_bytes(sets: dict[str, Path], tmp_path: Path) -> None:
    for name, clean in (("clean", True), ("faulty", False)):
        write_office(tmp_path / name, clean=clean)
        first = {path.name: path.read_bytes() for path in sets[name].iterdir()}
        assert first == {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}


def test_the_set_is_rich_enough() -> None:
    assert [fault["number"] for fault in FAULTS] == list(range(1, len(FAULTS) + 1))
    assert len({fault["what"] for fault in FAULTS}) == len(FAULTS) >= 30
    assert len(LISTS["decoy"]) >= 10
    assert {fault["severity"] for fault in FAULTS} == {"stop", "warn", "note"}
    touched = {fault["file"] for fault in FAULTS}
    assert {registers.REGISTER, registers.CHILDCARE, registers.ELDERLY, registers.SHELTERS, registers.VILLAGES,
            registers.RUN_FILE} <= touched


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault['number']:02d}")
def test_every_fault_is_where_it_says(fault: dict[str, Any], sets: dict[str, Path]) -> None:
    faulty, clean = sets["faulty"] / fault["file"], sets["clean"] / fault["file"]
    for cell in fault.get("cells", []):
        assert _value(faulty, cell["row"], cell["column"]) == cell["value"] != cell["set"]
    for row in fault.get("extra", []):
        assert _whole_row(faulty, row["row"]) == row["cells"]
    for row in fault.get("missing", []):
        assert _whole_row(clean, row["row"]) == row["cells"]
        assert row["cells"] not in _rows(faulty)
    for passage in fault.get("text", []):
        assert faulty.read_text(encoding="utf-8").count(passage["value"]) == 1
        assert clean.read_text(encoding="utf-8").count(passage["set"]) == 1
    for content in fault.get("content", []):
        assert (content["value"], content["set"]) == ("csv", "xlsx")
        assert not faulty.read_bytes().startswith(b"PK")
        assert clean.read_bytes().startswith(b"PK")
    assert any(fault.get(form) for form in FORMS)


@pytest.mark.parametrize("decoy", LISTS["decoy"], ids=lambda decoy: decoy["why"][:12])
def test_every_decoy_is_in_both_sets_and_no_fault(decoy: dict[str, Any], sets: dict[str, Path]) -> None:
    row, row_faulty = decoy["row"], decoy.get("row_faulty", decoy["row"])
    for which, at in (("clean", row), ("faulty", row_faulty)):
        path = sets[which] / decoy["file"]
        value = _value(path, at, decoy["column"]) if "column" in decoy else _rows(path)[at - 1][0]
        assert value == decoy["value"]
    assert (decoy["file"], row_faulty, decoy.get("column")) not in {
        (fault["file"], cell["row"], cell["column"]) for fault in FAULTS for cell in fault.get("cells", [])}


@pytest.mark.parametrize("name", [registers.REGISTER, registers.HOSPITALS, registers.VILLAGES, registers.TOTALS,
                                  registers.CHILDCARE, registers.SHELTERS])
def test_mended_tables_equal_the_clean_ones_cell_by_cell(name: str, sets: dict[str, Path]) -> None:
    mended, clean, faulty = (_rows(sets[which] / name) for which in ("mended", "clean", "faulty"))
    assert mended == clean != faulty
    assert [[type(cell) for cell in row] for row in mended] == [[type(cell) for cell in row] for row in clean]


@pytest.mark.parametrize("name", [registers.ELDERLY, registers.TOWNSHIP_AREAS, registers.PLACE_AREAS, registers.ROADS,
                                  registers.RIVER])
def test_mended_layers_equal_the_clean_ones_geometry_by_geometry(name: str, sets: dict[str, Path]) -> None:
    mended, clean = (formats.read_layer(sets[which] / name) for which in ("mended", "clean"))
    assert mended.geometry.to_wkb().tolist() == clean.geometry.to_wkb().tolist()
    assert mended.crs == clean.crs
    columns = mended.columns.drop("geometry")
    pd.testing.assert_frame_equal(pd.DataFrame(mended[columns]), pd.DataFrame(clean[columns]))


@pytest.mark.parametrize("name", [registers.RUN_FILE, registers.POLICY, registers.HEIGHTS])
def test_mended_settings_and_heights_equal_the_clean_ones(name: str, sets: dict[str, Path]) -> None:
    assert (sets["mended"] / name).read_bytes() == (sets["clean"] / name).read_bytes()


def test_faults_that_hide_others_can_be_mended_first(sets: dict[str, Path], tmp_path: Path) -> None:
    write_office(tmp_path, clean=False)
    first = {fault["number"] for fault in FAULTS if fault.get("hides")}
    apply_remedies(tmp_path, first)
    assert (tmp_path / registers.RUN_FILE).read_bytes() == (sets["clean"] / registers.RUN_FILE).read_bytes()
    assert (tmp_path / registers.REGISTER).read_bytes() == (sets["faulty"] / registers.REGISTER).read_bytes()
    apply_remedies(tmp_path, {fault["number"] for fault in FAULTS} - first)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in sets["mended"].iterdir()}


def test_the_shapefile_says_neither_its_characters_nor_its_system(sets: dict[str, Path]) -> None:
    shapefile = sets["clean"] / registers.ELDERLY
    assert not shapefile.with_suffix(".prj").exists()
    assert not shapefile.with_suffix(".cpg").exists()
    table = shapefile.with_suffix(".dbf").read_bytes()
    assert table[29] == 0
    assert "日间照料中心".encode("gbk") in table


def test_the_truth_is_what_the_office_wrote(sets: dict[str, Path], tmp_path: Path) -> None:
    """Each plain position, shifted forward, gives the digits in the office's file."""
    write_truth(tmp_path)
    shifts = {"clinics": gcj02, "childcare": bd09, "shelters": lambda lon, lat: (lon, lat)}
    written = {item.facility_id: item.written for item in county().facilities}
    seen = 0
    for layer, shift in shifts.items():
        with (tmp_path / f"{layer}.csv").open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                forward = shift if not row["facility_id"].startswith("YY") else shifts["shelters"]
                assert forward(float(row["lon"]), float(row["lat"])) == pytest.approx(written[row["facility_id"]],
                                                                                      abs=2e-13)
                seen += 1
    assert seen == 12 + 3 + 20 + 18
    raw = {row[1]: (float(row[6]), float(row[7])) for row in _rows(sets["clean"] / registers.CHILDCARE)[1:21]}
    assert raw == {key: value for key, value in written.items() if key.startswith("TY")}


def _township_of(lon: float, lat: float) -> list[str]:
    townships = county().townships
    return townships["township"][townships.contains(shapely.Point(lon, lat))].tolist()


def test_clean_positions_are_right_and_planted_ones_wrong_as_told(sets: dict[str, Path]) -> None:
    """By the shift written out in the set: each facility stands in its township, but for the one 8 m beyond it."""
    outside = [item for item in county().facilities
               if _township_of(*item.lonlat) != [registers.TOWNSHIPS[item.township_code][0]]]
    assert [item.facility_id for item in outside] == ["YD017"]
    spot = gpd.GeoSeries([shapely.Point(outside[0].lonlat)], crs="EPSG:4326").to_crs(CRS)
    own = county().townships.to_crs(CRS).set_index("township_code").geometry[outside[0].township_code]
    assert 7.9 < spot.distance(own).iloc[0] < 8.1

    def planted(row: int, datum: str) -> tuple[float, float]:
        lon, lat = (float(_value(sets["faulty"] / registers.REGISTER, row, name)) for name in ("经度", "纬度"))
        return back(datum, lon, lat)

    assert _township_of(*planted(30, "gcj02")) == ["示例街道"]  # the row says 虚构乡
    assert _township_of(*planted(32, "gcj02")) == []
    right = next(item.lonlat for item in county().facilities if item.facility_id == "WS005")
    assert planted(16, "bd09") == pytest.approx(right, abs=2e-6)
    assert planted(16, "gcj02") != pytest.approx(right, abs=2e-3)


def test_roads_cross_the_river_on_the_bridge_alone() -> None:
    roads, river = county().roads, county().river.geometry.iloc[0]
    crossing = roads[roads.intersects(river)]
    assert crossing["桥梁"].tolist() == ["是"]
    assert crossing.index.tolist() == [55]  # feature 56 of the office's file


def test_the_shift_is_as_large_as_measured_in_this_region() -> None:
    """Domain notes: about +0.00415 E, -0.00222 N for GCJ-02 and +0.01065, +0.00378 for BD-09 near 106.76 E 31.85 N."""
    lon, lat = 106.7647, 31.8537
    assert gcj02(lon, lat) == pytest.approx((lon + 0.00415, lat - 0.00222), abs=1e-4)
    assert bd09(lon, lat) == pytest.approx((lon + 0.01065, lat + 0.00378), abs=1e-4)
    assert gcj02(*back("gcj02", lon, lat)) == pytest.approx((lon, lat), abs=1e-12)
