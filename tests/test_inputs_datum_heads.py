"""Heads of coordinates that name a datum: 高德经度, 经度（百度）, lng_gcj02 settle how a file is read."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from extracts import run_file, two_townships
from lifecircle import datum
from lifecircle.errors import ConfigError, MissingColumnError
from lifecircle.inputs.boundaries import read_townships
from lifecircle.inputs.facilities import read_facilities
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import find_header, head_datum, plain, recognise
from lifecircle.inputs.places import read_places
from lifecircle.policy import Policy
from lifecircle.runfile import RunFile
from lifecircle.study import read_study
from tinytown import CLINIC_M, lonlat, write_town

SHIFTED = {"wgs84": lambda lon, lat: (lon, lat), "gcj02": datum.wgs84_to_gcj02, "bd09": datum.wgs84_to_bd09}


def written(heads: tuple[str, str], name: str, *, lon: float = 106.71, lat: float = 31.82) -> str:
    """Write a register of one facility whose true position is known, in the datum of its heads."""
    x, y = SHIFTED[name](lon, lat)
    return f"名称,{heads[0]},{heads[1]}\n甲,{float(x):.9f},{float(y):.9f}\n"


def read(folder, text, **source):
    two_townships().to_file(folder / "townships.geojson")
    (folder / "care.csv").write_text(text, encoding="utf-8")
    runfile = run_file(folder, facilities=[{"layer": "care", "file": "care.csv", **source}])
    findings = Findings()
    townships = read_townships(runfile, findings)
    table = read_facilities(runfile, townships, shapely.union_all(townships.geometry.to_numpy()), findings)
    return table.geometry.iloc[0], [item for item in findings if item.code.startswith("datum")]


TRUE = gpd.GeoSeries.from_xy([106.71], [31.82], crs="EPSG:4326").to_crs("EPSG:4545").iloc[0]


@pytest.mark.parametrize(("head", "name"), [
    ("高德经度", "gcj02"), ("高德纬度", "gcj02"), ("腾讯经度", "gcj02"), ("百度纬度", "bd09"), ("GPS经度", "wgs84"),
    ("gps 纬度", "wgs84"), ("天地图经度", "wgs84"), ("经度（高德）", "gcj02"), ("经度(GCJ-02)", "gcj02"),
    ("经度_百度", "bd09"), ("lng_gcj02", "gcj02"), ("bd09_lat", "bd09"), ("高德地图经度(°)", "gcj02"),
    ("火星坐标系经度", "gcj02"), ("经度", ""), ("lon", ""), ("longitude", ""), ("东经(°)", ""), ("population", ""),
    ("高德", ""), ("百度链接", ""), ("坐标系", "")])
def test_a_head_names_a_datum(head, name):
    assert head_datum(head) == name


def test_heads_are_recognised_the_plain_ones_first():
    assert recognise(["高德经度", "高德纬度"]) == {"lon": "高德经度", "lat": "高德纬度"}
    assert recognise(["百度经度", "百度纬度", "经度", "纬度"]) == {"lon": "经度", "lat": "纬度"}
    assert recognise(["百度经度", "百度纬度", "GPS经度", "GPS纬度"]) == {"lon": "GPS经度", "lat": "GPS纬度"}
    names, below, score = find_header([["设施台账", ""], ["百度经度", "腾讯纬度"], ["106", "31"]], {})
    assert (names, below, score) == (["百度经度", "腾讯纬度"], 2, 2)


@pytest.mark.parametrize(("heads", "name", "shown"), [
    (("高德经度", "高德纬度"), "gcj02", "GCJ-02 (Amap, Tencent)"), (("腾讯经度", "腾讯纬度"), "gcj02", "GCJ-02"),
    (("百度经度", "百度纬度"), "bd09", "BD-09 (Baidu)"), (("经度（百度）", "纬度（百度）"), "bd09", "BD-09"),
    (("GPS经度", "GPS纬度"), "wgs84", "WGS 84 / CGCS2000")])
def test_the_head_settles_the_datum(tmp_path, heads, name, shown):
    place, [found] = read(tmp_path, written(heads, name))
    assert place.distance(TRUE) < 0.001
    assert (found.severity, found.code, found.layer, found.file, found.value, found.count) == (
        "note", "datum_of_head", "care", "care.csv", plain(heads[0]), 1)
    assert f"the head {plain(heads[0])}" in found.message
    assert shown in found.message


def test_the_run_file_has_the_last_word(tmp_path):
    text = written(("高德经度", "高德纬度"), "bd09")
    place, [found] = read(tmp_path, text, datum="bd09")
    assert place.distance(TRUE) < 0.001
    assert (found.severity, found.code, found.value) == ("warn", "datum_head_differs", "高德经度")
    assert "BD-09 (Baidu)" in found.message
    place, found = read(tmp_path, written(("百度经度", "百度纬度"), "bd09"), datum="bd09")
    assert (place.distance(TRUE) < 0.001, found) == (True, [])
    place, found = read(tmp_path, written(("GPS经度", "GPS纬度"), "wgs84"), datum="cgcs2000")
    assert (place.distance(TRUE) < 0.001, found) == (True, [])


def test_a_head_that_the_run_file_maps_speaks_too(tmp_path):
    place, [found] = read(tmp_path, written(("高德经度", "高德纬度"), "gcj02"),
                          columns={"lon": "高德经度", "lat": "高德纬度"})
    assert (place.distance(TRUE) < 0.001, found.code) == (True, "datum_of_head")


@pytest.mark.parametrize(("heads", "stated"), [(("高德经度", "高德纬度"), {}), (("经度", "纬度"), {"datum": "gcj02"})])
def test_doors_are_read_as_their_register_is(tmp_path, heads, stated):
    x, y = map(float, datum.wgs84_to_gcj02(106.71, 31.82))
    (tmp_path / "doors.csv").write_text(f"设施编号,{heads[0]},{heads[1]}\nC1,{x:.9f},{y:.9f}\n", encoding="utf-8")
    text = f"编号,{heads[0]},{heads[1]}\nC1,{x + 0.001:.9f},{y:.9f}\n"
    doors, _ = read(tmp_path, text, entrances="doors.csv", **stated)
    assert doors.distance(TRUE) < 0.001


def test_plain_heads_say_nothing(tmp_path):
    place, found = read(tmp_path, written(("经度", "纬度"), "wgs84"))
    assert (place.distance(TRUE) < 0.001, found) == (True, [])


def test_a_row_of_its_own_word_is_read_by_it(tmp_path):
    rows = [f"r{at},{{}},{{}},高德" for at in range(3)]
    x, y = map(float, datum.wgs84_to_gcj02(106.71, 31.82))
    u, v = map(float, datum.wgs84_to_bd09(106.71, 31.82))
    lines = [f"{row.format(f'{x + 1e-3 * at:.9f}', f'{y:.9f}')}" for at, row in enumerate(rows)]
    text = "\n".join(["名称,高德经度,高德纬度,坐标系", f"a,{u:.9f},{v:.9f},百度", *lines]) + "\n"
    place, found = read(tmp_path, text)
    assert place.distance(TRUE) < 0.001
    assert [item.code for item in found] == ["datum_of_head", "datum_of_row"]


@pytest.mark.parametrize("heads", [("高德经度", "百度纬度"), ("经度", "高德纬度")])
def test_heads_of_two_datums_are_refused(tmp_path, heads):
    with pytest.raises(ConfigError, match=rf"care\.csv: .*{heads[0]} and {heads[1]} are not of one datum; "
                                          r"name the two that belong together: columns = \{ lon = "):
        read(tmp_path, written(heads, "wgs84"))
    with pytest.raises(MissingColumnError, match="no column lat"):
        read(tmp_path, "名称,高德经度,备注\n甲,106.7,x\n")


def test_places_of_the_boundaries_are_read_so_too(tmp_path):
    two_townships().to_file(tmp_path / "townships.geojson")
    x, y = datum.wgs84_to_bd09(106.71, 31.82)
    (tmp_path / "places.csv").write_text("村代码,村名,百度经度,百度纬度\n"
                                         f"511902001001,北门社区,{float(x):.9f},{float(y):.9f}\n", encoding="utf-8")
    runfile = run_file(tmp_path, boundaries={"file": "townships.geojson", "places": "places.csv"})
    findings = Findings()
    townships = read_townships(runfile, findings)
    places = read_places(runfile, townships, Policy(), findings)
    assert places.geometry.iloc[0].distance(TRUE) < 0.001
    assert [item.value for item in findings if item.code == "datum_of_head"] == ["百度经度"]


def test_a_whole_run_file_keeps_it(tmp_path):
    """The clinics of the tiny town as Amap would give them, read again from what run.json keeps of the run file."""
    runfile = write_town(tmp_path)
    straight = read_study(runfile).facilities
    clinics = pd.read_csv(tmp_path / "clinics.csv", dtype=str)
    lon, lat = datum.wgs84_to_gcj02(clinics["lon"].astype(float), clinics["lat"].astype(float))
    moved = clinics.drop(columns=["lon", "lat"]).assign(高德经度=lon, 高德纬度=lat)
    moved.to_csv(tmp_path / "clinics.csv", index=False)
    study = read_study(runfile)
    kept = RunFile.model_validate({**study.runfile.model_dump(mode="json"), "path": study.runfile.path})
    for table in (study.facilities, read_study(kept).facilities):
        assert table.geometry.distance(straight.geometry).max() < 0.001
    assert lonlat(*CLINIC_M) != (lon[0], lat[0])
