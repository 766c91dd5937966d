"""A datum that nobody declares is found by the ground or refused; one that is declared and wrong is doubted."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS

from extracts import run_file
from lifecircle.errors import ConfigError
from lifecircle.inputs.alignment import Ground, judge, margin, moves_m
from lifecircle.inputs.datums import named_townships, settle_datums
from lifecircle.inputs.facilities import read_facilities
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.readings import Reading, projections, readings_of
from lifecircle.inputs.shapes import to_crs
from lifecircle.roadnetwork import RoadNetwork

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
import datums as bench  # noqa: E402

BAZHOU = (106.76, 31.85)
TRUTHS = [(Reading("gcj02"), "csv"), (Reading("bd09"), "shapefile"), (Reading("wgs84", swapped=True), "csv"),
          (Reading("wgs84", "EPSG:4524", swapped=True), "shapefile"), (Reading("wgs84", "EPSG:4544"), "csv"),
          (Reading("wgs84", "EPSG:32648"), "csv"), (Reading("gcj02", "EPSG:4545"), "shapefile"),
          (Reading("gcj02", "EPSG:3857"), "csv")]


@pytest.fixture(scope="module")
def places():
    return bench.places()


@pytest.fixture(scope="module")
def model(places):
    return places[0]


@pytest.fixture(scope="module")
def clinics():
    return pd.read_csv(ROOT / "data" / "facilities" / "clinics.csv", dtype={"township_code": str})


def register(folder, clinics, truth, rows=slice(None), kind="csv"):
    """Write the model's clinics as an office with that datum would, a shapefile without .prj; give the file's name."""
    part = clinics[rows]
    x, y = bench.transformer(bench.WGS84, bench.CRS_M).transform(part["lon"], part["lat"])
    xy = bench.written(np.column_stack([x, y]), truth)
    table = part.drop(columns=["lon", "lat"])
    if kind == "csv":
        table.assign(lon=xy[:, 0], lat=xy[:, 1]).to_csv(folder / "clinics.csv", index=False)
        return "clinics.csv"
    shape = gpd.GeoDataFrame(table[["name", "level"]], geometry=gpd.points_from_xy(*xy.T), crs="EPSG:4326")
    shape.to_file(folder / "clinics.shp", encoding="gb18030", engine="pyogrio")
    (folder / "clinics.prj").unlink(missing_ok=True)
    return "clinics.shp"


def settled(model, folder, name, **source):
    """Settle the one layer of a run file; give run file and findings."""
    findings, area = Findings(), model.outline.buffer(bench.BUFFER_M)
    runfile = run_file(folder, facilities=[{"layer": "clinics", "file": name, **source}])
    model.townships.to_crs("EPSG:4326").to_file(folder / "townships.geojson")
    return settle_datums(runfile, model.network, model.townships, area, findings), findings


@pytest.mark.parametrize(("truth", "kind"), TRUTHS, ids=str)
def test_a_register_lands_where_it_belongs(tmp_path, model, clinics, truth, kind):
    name = register(tmp_path, clinics, truth, kind=kind)
    runfile, findings = settled(model, tmp_path, name, datum="auto")
    (found,) = findings
    assert (found.severity, found.code, found.layer, found.value) == ("note", "datum_found", "clinics", truth.keys)
    area = model.outline.buffer(6_000)
    table = read_facilities(runfile, model.townships, area, Findings())
    right = np.column_stack(bench.transformer(bench.WGS84, bench.CRS_M).transform(clinics["lon"], clinics["lat"]))
    assert len(table) == len(right)
    assert np.hypot(*(shapely.get_coordinates(table.geometry.to_numpy()) - right).T).max() < 1e-3


def test_the_evidence_names_every_reading(tmp_path, model, clinics):
    _, findings = settled(model, tmp_path, register(tmp_path, clinics, Reading("gcj02")), datum="auto")
    text = next(iter(findings)).message
    assert text.startswith("layer clinics: coordinates read as GCJ-02 (Amap, Tencent); ")
    assert re.search(r"reading: GCJ-02 \(Amap, Tencent\) \d+ m, 100% in the township named; ", text)
    for name in ("WGS 84 / CGCS2000", "BD-09 (Baidu)"):
        assert re.search(rf"{re.escape(name)} \d+ m, \d+% in the township named, behind by \d+\.\d", text)


@pytest.mark.parametrize(("rows", "reason"), [
    (slice(0, 10), r"\d+ distinct positions in the district are too few, 15 decide"),
    (slice(0, 0), "no reading puts the positions into the district"),
])
def test_unsure_is_an_error_with_the_evidence(tmp_path, model, clinics, rows, reason):
    name = register(tmp_path, clinics, Reading("gcj02"), rows)
    if rows == slice(0, 0):
        (tmp_path / name).write_text("lon,lat\n2.35,48.85\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"clinics\.csv: layer clinics: 坐标系未定.*{reason} .*declare datum = "):
        settled(model, tmp_path, name, datum="auto")


def test_a_system_that_nobody_knows_is_refused(tmp_path, model, clinics):
    """A local system may lie anywhere: here 700 m to the north-west, where no reading puts anything."""
    moved = clinics.assign(lon=clinics["lon"] - 500 / 94_600, lat=clinics["lat"] + 490 / 110_900)
    with pytest.raises(ConfigError, match="the same positions moved elsewhere fit about as well"):
        settled(model, tmp_path, register(tmp_path, moved, Reading("wgs84")), datum="auto")


def test_a_shift_too_small_for_another_reading_is_refused(tmp_path, model, clinics):
    moved = clinics.assign(lat=clinics["lat"] + 220 / 110_900)
    with pytest.raises(ConfigError, match=r"fit better when moved by \d+ m|moved elsewhere fit about as well"):
        settled(model, tmp_path, register(tmp_path, moved, Reading("wgs84")), datum="auto")


@pytest.mark.parametrize("stated", ["wgs84", "cgcs2000", "bd09"])
def test_a_datum_that_is_wrong_is_doubted(tmp_path, model, clinics, stated):
    runfile, findings = settled(model, tmp_path, register(tmp_path, clinics, Reading("gcj02")), datum=stated)
    (doubt,) = findings
    assert (doubt.severity, doubt.code, doubt.layer) == ("warn", "datum_doubtful", "clinics")
    assert "lie as if they were GCJ-02" in doubt.message
    assert doubt.remedy.endswith('datum = "gcj02"')
    assert runfile.facilities[0].datum == stated


@pytest.mark.parametrize("stated", ["wgs84", "cgcs2000"])
def test_a_datum_that_is_right_is_left_alone(tmp_path, model, clinics, stated):
    _, findings = settled(model, tmp_path, register(tmp_path, clinics, Reading("wgs84")), datum=stated)
    assert not len(findings)


@pytest.mark.parametrize(("truth", "doubted"), [(Reading("gcj02"), False), (Reading("bd09"), True)], ids=str)
def test_a_datum_that_a_head_names_is_tested_like_one_that_is_stated(tmp_path, model, clinics, truth, doubted):
    table = pd.read_csv(tmp_path / register(tmp_path, clinics, truth), dtype=str)
    table.rename(columns={"lon": "高德经度", "lat": "高德纬度"}).to_csv(tmp_path / "clinics.csv", index=False)
    _, findings = settled(model, tmp_path, "clinics.csv")
    assert [(item.code, item.remedy[-14:]) for item in findings] == (
        [("datum_doubtful", 'datum = "bd09"')] if doubted else [])



def test_few_positions_do_not_doubt_a_datum_but_show_a_wrong_zone(tmp_path, model, clinics):
    few = slice(0, 5)
    assert not len(settled(model, tmp_path, register(tmp_path, clinics, Reading("gcj02"), few))[1])
    name = register(tmp_path, clinics, Reading("wgs84", "EPSG:4545"), few)
    (doubt,) = settled(model, tmp_path, name, crs="EPSG:4544")[1]
    assert doubt.code == "datum_doubtful"
    assert 'crs = "EPSG:4545"' in doubt.remedy


def test_utm_taken_for_gauss_kruger_is_doubted(tmp_path, model, clinics):
    """Domain notes: a steady 1.4 km from north to south means that UTM and the zone of 105 E were mixed."""
    name = register(tmp_path, clinics, Reading("wgs84", "EPSG:32648"))
    (doubt,) = settled(model, tmp_path, name, crs="EPSG:4544")[1]
    assert "lie as if they were WGS 84 / CGCS2000 in EPSG:32648" in doubt.message


def test_a_file_that_names_a_wrong_system_must_be_corrected(tmp_path, model, clinics):
    name = register(tmp_path, clinics, Reading("wgs84", "EPSG:32648"), kind="shapefile")
    (tmp_path / "clinics.prj").write_text(CRS("EPSG:4544").to_wkt("WKT1_ESRI"), encoding="ascii")
    with pytest.raises(ConfigError, match=r"clinics\.shp: layer clinics: names .*correct the system: it is EPSG:32648"):
        settled(model, tmp_path, name, datum="auto")


def test_swapped_axes_within_the_range_of_degrees_are_doubted(places):
    """In Andorra the latitude is a longitude too, so nothing but the ground can tell."""
    roads = RoadNetwork.from_segments("EPSG:32631", np.array([[0.0, 0.0], [9e3, 0.0], [0.0, 9e3], [9e3, 9e3]])
                                      + (376_000, 4_702_000), [0, 1, 3, 2, 0], [1, 3, 2, 0, 3], np.zeros(5))
    townships = gpd.GeoDataFrame({"township": ["a"], "township_code": ["1"]},
                                 geometry=[shapely.box(376_000, 4_702_000, 385_000, 4_711_000)], crs="EPSG:32631")
    ground = Ground.of(roads, townships, townships.geometry.iloc[0].buffer(3_000))
    along = np.random.default_rng(4).uniform(0, 9e3, 80)[:, None] * [1.0, 1.0] + (376_000, 4_702_000)
    lonlat = np.column_stack(bench.transformer("EPSG:32631", bench.WGS84).transform(*along.T))
    stated = Reading()
    verdict = judge(lonlat[:, ::-1], readings_of(lonlat, CRS(bench.WGS84), 1.5, 42.5, stated=stated), ground,
                    trusted=stated)
    assert verdict.best == Reading(swapped=True)


@pytest.mark.parametrize(("kind", "draws"), [("register", 24), ("unknown system", 8), ("off the roads", 8),
                                             ("rounded", 8)])
def test_drawn_registers_are_never_answered_wrongly(places, kind, draws):
    """The same draws as `python benchmarks/datums.py`, fewer of them; docs/datum.md has the figures of 1,000."""
    rows = pd.DataFrame(bench.outcomes(places, kind, draws, seed=1))
    assert not rows["wrong"].any()
    assert f"| {kind} | {draws} | {rows['answered'].mean():.1%} | 0 |" in bench.report(rows.assign(kind=kind))
    if kind == "register":
        assert rows["answered"][rows["count"] >= 100].mean() >= 0.9
        assert rows["answered"].mean() >= 0.5
        assert len(rows["datum"].unique()) == 4
        assert set(rows["place"]) == {place.name for place in places}


def test_margin_is_that_of_a_paired_t_test():
    from scipy.stats import ttest_rel

    better, worse = np.random.default_rng(2).normal(0.3, 1.0, (2, 40))
    assert margin(better, worse) == pytest.approx(ttest_rel(better, worse).statistic, rel=1e-12)
    assert margin(np.ones(3), np.ones(3)) == 0


def test_moves_lie_between_two_radii():
    moves = moves_m(300, 1500, 100)
    radius = np.hypot(*moves.T)
    assert (radius.min(), radius.max()) == (300.0, 1500.0)
    assert len(np.unique(moves, axis=0)) == len(moves) == 684


def test_projections_are_those_of_the_epsg_register():
    """Domain notes §4, and the definitions themselves: central meridian and false easting."""
    wanted = {"EPSG:4545": (108, 500_000), "EPSG:4524": (108, 36_500_000), "EPSG:4544": (105, 500_000),
              "EPSG:4523": (105, 35_500_000), "EPSG:4496": (105, 18_500_000), "EPSG:32648": (105, 500_000)}
    listed = projections(*BAZHOU)
    for code, (meridian, easting_m) in wanted.items():
        values = {item.name: item.value for item in CRS(code).coordinate_operation.params}
        assert code in listed
        assert values["Longitude of natural origin"] == meridian
        assert values["False easting"] == easting_m
    assert projections(1.5, 42.5) == ["EPSG:32630", "EPSG:32631", "EPSG:32632", "EPSG:3857"]
    assert all(CRS(code).is_projected for lon in range(74, 136) for code in projections(lon, 35.0))


def test_easting_and_northing_of_the_centre():
    """Domain notes §4: 3,526,988 m north in 4544, 3,525,577 m in UTM 48N at the centre of Bazhou."""
    lon, lat = 106.7647, 31.8537
    north = {code: bench.transformer(bench.WGS84, code).transform(lon, lat)[1] for code in ("EPSG:4544", "EPSG:32648")}
    assert north["EPSG:4544"] == pytest.approx(3_526_988, abs=20)
    assert north["EPSG:32648"] == pytest.approx(3_525_577, abs=20)


def test_townships_are_known_by_code_name_or_place(model):
    ground = Ground.of(model.network, model.townships, model.outline)
    first, second = model.townships["township_code"][:2]
    frame = pd.DataFrame({"township_code": [first, first[:9], None, "", "511999001000"],
                          "township": ["", "", model.townships["township"][1], "", ""],
                          "place_code": ["", "", "", second[:9] + "201", ""]})
    assert named_townships(frame, ground).tolist() == [0, 0, 1, 1, -1]
    assert named_townships(frame[[]], ground).tolist() == [-1] * 5


def test_one_row_is_shown_with_its_own_values():
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([106.7, 31.8, 179.0], [31.8, 106.7, 31.0]), crs="EPSG:4326",
                              index=[2, 3, 4])
    with pytest.raises(ValueError, match=r"a\.csv: row 3: 31\.8, 106\.7 looks swapped.*; exchange the two numbers"):
        to_crs(points, "EPSG:4545", "a.csv")
    metres = gpd.GeoDataFrame(geometry=gpd.points_from_xy([377_000.5, 378_000], [3_525_000, 3_525_100]),
                              crs="EPSG:4326", index=[2, 3])
    with pytest.raises(ValueError, match=r"row 2 and 1 more: 377000\.5, 3525000 is no position in degrees.*crs = "):
        to_crs(metres, "EPSG:4545", "a.csv")


def test_people_are_found_as_facilities_are(tmp_path, model, clinics):
    """The same file serves as people, to be found, and as facilities, taken for WGS 84."""
    findings = Findings()
    name = register(tmp_path, clinics, Reading("bd09"))
    model.townships.to_crs("EPSG:4326").to_file(tmp_path / "townships.geojson")
    runfile = run_file(tmp_path, people={"file": name, "datum": "auto"})
    runfile = settle_datums(runfile, model.network, model.townships, model.outline.buffer(bench.BUFFER_M), findings)
    assert runfile.people.datum == "bd09"
    assert [(item.code, item.layer) for item in findings] == [("datum_found", ""), ("datum_doubtful", "clinics")]
