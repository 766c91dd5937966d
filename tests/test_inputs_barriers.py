"""Barriers: water from OSM, cliffs and hazards from files."""

import shutil

import geopandas as gpd
import pytest
import shapely

from extracts import andorra, run_file
from lifecircle.errors import BadValueError
from lifecircle.inputs.barriers import read_barriers
from lifecircle.inputs.findings import Findings

CRS = "EPSG:4545"
AREA = shapely.box(380_000, 3_525_000, 381_000, 3_526_000)
POND = shapely.box(380_400, 3_525_400, 380_500, 3_525_500)
RIVER = shapely.LineString([(379_000, 3_525_500), (382_000, 3_525_500)])


def read(folder, rows, **barriers):
    if rows:
        gpd.GeoDataFrame([row for row, _ in rows], geometry=[shape for _, shape in rows], crs=CRS).to_file(
            folder / "barriers.gpkg")
    return read_barriers(run_file(folder, barriers=barriers), CRS, AREA, Findings())


def test_nothing_asked_for_is_an_empty_table(tmp_path):
    table = read(tmp_path, [])
    assert (len(table), list(table.columns), table.crs) == (0, ["kind", "geometry"], CRS)


def test_kinds_and_clipping(tmp_path):
    table = read(tmp_path, [({"kind": ""}, RIVER), ({"kind": "cliff"}, POND),
                            ({"kind": "water"}, shapely.box(0, 0, 1, 1))], file="barriers.gpkg")
    assert table["kind"].tolist() == ["water", "cliff"]
    assert table.geometry.iloc[0].length == pytest.approx(1000)
    assert table.geometry.iloc[1].area == pytest.approx(10_000)


def test_hazards(tmp_path):
    table = read(tmp_path, [({"name": "滑坡"}, POND)], hazards="barriers.gpkg")
    assert table["kind"].tolist() == ["hazard"]


@pytest.mark.parametrize(("row", "shape"), [
    ({"kind": "wall"}, POND),
    ({"kind": "water"}, shapely.Point(380_400, 3_525_400)),
])
def test_what_is_no_barrier(tmp_path, row, shape):
    with pytest.raises(BadValueError, match=r"barriers\.gpkg: row 1 is no barrier: .*kinds are water, cliff, hazard"):
        read(tmp_path, [(row, shape)], file="barriers.gpkg")


def test_rivers_of_andorra(tmp_path):
    shutil.copy(andorra(), tmp_path / "andorra.osm.pbf")
    runfile = run_file(tmp_path, barriers={"osm": True}, roads={"file": "andorra.osm.pbf"})
    capital = gpd.GeoSeries([shapely.box(1.49, 42.49, 1.56, 42.53)], crs="EPSG:4326").to_crs("EPSG:32631").iloc[0]
    table = read_barriers(runfile, "EPSG:32631", capital, Findings())
    assert set(table["kind"]) == {"water"}
    # the Valira runs through the capital from end to end of this box of 5.7 km by 4.4 km
    assert table.geometry.length.sum() > 5_000
    assert shapely.box(*capital.bounds).buffer(1e-6).covers(shapely.union_all(table.geometry.to_numpy()))
