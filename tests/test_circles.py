"""Circles, isochrones and the areas of single facilities of a whole run, in a town worked by hand."""

from __future__ import annotations

import pytest
import rasterio
import shapely

from lifecircle.assess import assess
from lifecircle.outputs.geopackage import read_geopackage, write_geopackage
from lifecircle.outputs.rundir import write_run
from tinytown import CLINIC_M, ORIGIN_M, write_town


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """The town with a second clinic in the east, and the areas of single facilities asked for."""
    folder = tmp_path_factory.mktemp("town")
    path = write_town(folder, policy={"clinics": {"label_zh": "诊所", "areas_per_facility": True}},
                      surface={"cell_m": 25})
    return assess(path)


def areas(found, layer, kind):
    rows = found.service_areas
    return rows[(rows["layer"] == layer) & (rows["kind"] == kind)]


def test_every_facility_has_its_area_in_the_headline_mode(town):
    rows = areas(town, "clinics", "facility")
    assert rows[["mode", "cutoff", "facility_id"]].to_numpy().tolist() == [["walk", 15.0, "C1"], ["walk", 30.0, "C1"]]
    # The only clinic: its areas are the isochrones, its people those in time.
    isochrones = areas(town, "clinics", "isochrone")
    assert rows["population"].tolist() == isochrones["population"].tolist() == [300.0, 550.0]
    for mine, whole in zip(rows.geometry, isochrones.geometry, strict=True):
        assert mine.symmetric_difference(whole).area <= 1e-6 * whole.area
    assert areas(town, "elderly_care", "facility").empty
    assert (town.service_areas["facility_id"][town.service_areas["kind"] != "facility"] == "").all()


def test_areas_reach_as_far_as_the_streets_allow(town):
    [quarter, half] = areas(town, "clinics", "isochrone").geometry
    x, y = ORIGIN_M[0] + CLINIC_M[0], ORIGIN_M[1] + CLINIC_M[1]
    east_m = [shape.intersection(shapely.LineString([(x, y), (x + 3_000, y)])).length for shape in (quarter, half)]
    assert east_m == pytest.approx([1_000.0, 2_000.0], abs=25)  # 15 and 30 min at 4 km/h
    north_m = quarter.intersection(shapely.LineString([(x, y), (x, y + 3_000)])).length
    assert north_m == pytest.approx(1_000.0, abs=25)


def test_cells_of_25_m_reach_the_files(town, tmp_path):
    run = write_run(town, tmp_path / "out")
    with rasterio.open(run / "surface_clinics.tif") as surface:
        assert surface.res == (25.0, 25.0)
        minutes = surface.read(1)
        row, column = surface.index(ORIGIN_M[0] + CLINIC_M[0] + 500, ORIGIN_M[1] + CLINIC_M[1] + 250)
        assert minutes[row, column] == pytest.approx(11.25, abs=0.5)  # 750 m along the streets, and up to 18 m beside


def test_areas_of_facilities_come_back_from_the_geopackage(town, tmp_path):
    write_geopackage(town, tmp_path / "run.gpkg")
    back = read_geopackage(tmp_path / "run.gpkg", town.run["crs"], town.run["layers"])["service_areas"]
    assert list(back.columns) == list(town.service_areas.columns)
    assert back["facility_id"].tolist() == town.service_areas["facility_id"].tolist()
    assert set(back["kind"]) == {"circle", "isochrone", "facility"}
