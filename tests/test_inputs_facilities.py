"""Facility layers from registers and from OSM."""

import shutil

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from extracts import EAST_STREET, QINGJIANG, andorra, run_file, two_townships
from lifecircle import datum
from lifecircle.errors import BadValueError, ConfigError, EmptyTableError, MissingColumnError, MissingFileError
from lifecircle.inputs.boundaries import read_townships
from lifecircle.inputs.facilities import read_facilities
from lifecircle.inputs.findings import Findings

CLINICS = """facility_id,name,level,capacity,lon,lat
C1,北门卫生站,station,"1,200",106.71,31.82
C2,清江卫生院,hospital,,106.76,31.82
C3,邻区卫生室,village,300,106.801,31.82
C4,远处卫生室,village,300,107.9,31.82
"""


def read(folder, *layers, buffer_m=2000.0, neighbours=True, townships=None, **files):
    (two_townships() if townships is None else townships).to_file(folder / "townships.geojson")
    for name, text in {"clinics": CLINICS, **files}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    runfile = run_file(folder, district={"name": "x", "neighbours": neighbours},
                       facilities=list(layers) or [{"layer": "clinics", "file": "clinics.csv"}])
    table = read_townships(runfile, Findings())
    findings = Findings()
    area = shapely.union_all(table.geometry.to_numpy()).buffer(buffer_m)
    return read_facilities(runfile, table, area, findings), findings


def test_a_register(tmp_path):
    table, findings = read(tmp_path)
    assert table["facility_id"].tolist() == ["C1", "C2", "C3"]
    assert table["township_code"].tolist() == [EAST_STREET, QINGJIANG, ""]
    assert table["inside"].tolist() == [True, True, False]
    assert table["level"].tolist() == ["station", "hospital", "village"]
    np.testing.assert_array_equal(table["capacity"], [1200.0, np.nan, 300.0])
    assert table["area_m2"].isna().all()
    assert set(table["status"]) == {"existing"}
    assert (set(table["quality"]), set(table["source"])) == ({"register"}, {"clinics.csv"})
    assert table.crs == "EPSG:4545"
    beyond = [(item.code, item.severity, item.count, item.id) for item in findings]
    assert beyond == [("position_far", "warn", 1, "5")]


def test_neighbours_can_be_left_out(tmp_path):
    table, findings = read(tmp_path, neighbours=False)
    assert table["facility_id"].tolist() == ["C1", "C2"]
    assert [(item.code, item.id) for item in findings] == [("position_far", "5"), ("facilities_beyond", "4")]


def test_layers_in_the_order_of_the_run_file_with_their_own_words(tmp_path):
    table, _ = read(tmp_path, {"layer": "shelters", "file": "shelters.csv", "quality": "model", "source": "示例",
                               "level": "urgent", "columns": {"effective_area_m2": "有效面积", "name": "名称"}},
                    {"layer": "clinics", "file": "clinics.csv"},
                    shelters="名称,有效面积,status,opens_year,quality,lon,lat\n甲,2000,拟建,2027,,106.72,31.82\n"
                             "乙,,,,surveyed,106.73,31.82\n")
    assert table["layer"].tolist() == ["shelters", "shelters", "clinics", "clinics", "clinics"]
    assert table["facility_id"].tolist()[:2] == ["shelters-0001", "shelters-0002"]
    assert table["level"].tolist()[:2] == ["urgent", "urgent"]
    assert table["quality"].tolist()[:2] == ["model", "surveyed"]
    assert table["source"].tolist()[:2] == ["示例", "示例"]
    assert table["status"].tolist()[:2] == ["planned", "existing"]
    assert table["opens_year"].tolist()[0] == 2027
    assert table["effective_area_m2"].tolist()[0] == 2000


def test_two_files_of_one_layer_are_numbered_on(tmp_path):
    table, _ = read(tmp_path, {"layer": "care", "file": "one.csv"}, {"layer": "care", "file": "two.csv"},
                    one="lon,lat\n106.71,31.82\n106.72,31.82\n", two="lon,lat\n106.73,31.82\n")
    assert table["facility_id"].tolist() == ["care-0001", "care-0002", "care-0003"]


def test_polygons_stay_polygons(tmp_path):
    park = shapely.box(106.71, 31.81, 106.711, 31.811)
    gpd.GeoDataFrame({"facility_id": ["S1", "S2"]}, geometry=[park, shapely.MultiPoint([(106.76, 31.82)])],
                     crs="EPSG:4326").to_file(tmp_path / "shelters.gpkg")
    table, _ = read(tmp_path, {"layer": "shelters", "file": "shelters.gpkg"})
    assert table.geom_type.tolist() == ["Polygon", "Point"]
    assert table.geometry.iloc[0].area == pytest.approx(94.7 * 110.9, rel=0.01)


def test_the_doors_of_one_facility_stay_together(tmp_path):
    """The first door lies beyond the district; the facility lies where its first door in the district does."""
    doors = shapely.MultiPoint([(106.805, 31.82), (106.76, 31.82), (106.71, 31.82)])
    outside = shapely.MultiPoint([(106.805, 31.82), (106.806, 31.82)])
    gpd.GeoDataFrame({"facility_id": ["H1", "H2"]}, geometry=[doors, outside], crs="EPSG:4326").to_file(
        tmp_path / "hospitals.gpkg")
    table, _ = read(tmp_path, {"layer": "hospitals", "file": "hospitals.gpkg"})
    assert table.geom_type.tolist() == ["MultiPoint", "MultiPoint"]
    assert shapely.get_num_geometries(table.geometry.to_numpy()).tolist() == [3, 2]
    assert table["township_code"].tolist() == [QINGJIANG, ""]
    assert table["inside"].tolist() == [True, False]


def test_a_park_of_two_parts_lies_where_its_largest_part_in_the_district_does(tmp_path):
    parts = [(106.801, 31.81, 106.806, 31.815), (106.71, 31.81, 106.711, 31.811), (106.76, 31.81, 106.762, 31.812)]
    park = shapely.MultiPolygon([shapely.box(*part) for part in parts])
    gpd.GeoDataFrame(geometry=[park], crs="EPSG:4326").to_file(tmp_path / "parks.gpkg")
    table, _ = read(tmp_path, {"layer": "parks", "file": "parks.gpkg"})
    assert (table.geom_type.iloc[0], table["township_code"].iloc[0]) == ("MultiPolygon", QINGJIANG)


def test_the_area_of_an_outline_stands_in_for_one_that_is_not_given(tmp_path):
    park = shapely.box(106.71, 31.81, 106.711, 31.811)              # 94.7 m by 110.9 m
    gpd.GeoDataFrame({"facility_id": ["S1", "S2", "S3"], "area_m2": [None, 500.0, None]},
                     geometry=[park, shapely.box(106.72, 31.81, 106.721, 31.811), shapely.Point(106.71, 31.81)],
                     crs="EPSG:4326").to_file(tmp_path / "shelters.gpkg")
    table, findings = read(tmp_path, {"layer": "shelters", "file": "shelters.gpkg"})
    assert table["area_m2"].tolist() == pytest.approx([94.7 * 110.9, 500.0, np.nan], rel=0.01, nan_ok=True)
    assert table["effective_area_m2"].isna().all()
    assert [(item.code, item.severity, item.count, item.id) for item in findings] == [
        ("area_from_shape", "note", 1, "S1")]


def test_the_township_that_a_facility_names(tmp_path):
    """106.7505 lies 47 m east of the border, 106.752 lies 190 m; a degree of longitude has 94.7 km here."""
    text = ("facility_id,township_code,lon,lat\n"
            f"near,{EAST_STREET},106.7505,31.82\nfar,{EAST_STREET},106.752,31.82\n"
            f"just_out,{QINGJIANG},106.8005,31.82\nout,{QINGJIANG},106.802,31.82\nsilent,,106.71,31.82\n")
    table, findings = read(tmp_path, {"layer": "care", "file": "care.csv"}, care=text)
    assert table["township_code"].tolist() == [EAST_STREET, QINGJIANG, QINGJIANG, "", EAST_STREET]
    assert table["inside"].tolist() == [True, True, True, False, True]
    [differs] = [item for item in findings if item.code == "township_differs"]
    assert (differs.severity, differs.count, differs.layer, differs.id) == ("warn", 2, "care", "3, 5")
    assert "the position counts" in differs.message


def test_a_facility_that_names_a_neighbour(tmp_path):
    beside = two_townships(role="neighbour").iloc[[0]].assign(township_code="511902007000",
                                                              geometry=shapely.box(106.80, 31.80, 106.85, 31.85))
    frame = gpd.GeoDataFrame(pd.concat([two_townships(role="district"), beside], ignore_index=True))
    text = "township_code,lon,lat\n511902007000,106.7995,31.82\n511902007000,106.76,31.82\n"
    table, _ = read(tmp_path, {"layer": "care", "file": "care.csv"}, care=text, townships=frame)
    assert table["township_code"].tolist() == ["", QINGJIANG]


@pytest.mark.parametrize("name", ["gcj02", "bd09"])
def test_shifted_datums(tmp_path, name):
    lon, lat = {"gcj02": datum.wgs84_to_gcj02, "bd09": datum.wgs84_to_bd09}[name](106.71, 31.82)
    text = f"lon,lat\n{float(lon):.9f},{float(lat):.9f}\n"
    table, _ = read(tmp_path, {"layer": "care", "file": "care.csv", "datum": name}, care=text)
    straight, _ = read(tmp_path, {"layer": "care", "file": "care.csv"}, care="lon,lat\n106.71,31.82\n")
    assert table.geometry.iloc[0].distance(straight.geometry.iloc[0]) < 0.001


def test_datum_that_nobody_declared(tmp_path):
    with pytest.raises(ConfigError, match=r'datum = "auto" finds the datum of facilities.*; declare it'):
        read(tmp_path, {"layer": "clinics", "file": "clinics.csv", "datum": "auto"})


def test_ids(tmp_path):
    with pytest.raises(BadValueError, match="facility_id C1 is given to several facilities"):
        read(tmp_path, clinics=CLINICS.replace("C2", "C1"))
    table, findings = read(tmp_path, {"layer": "a", "file": "clinics.csv"}, {"layer": "b", "file": "clinics.csv"})
    assert table["facility_id"].tolist() == ["a-C1", "a-C2", "a-C3", "b-C1", "b-C2", "b-C3"]
    assert [(item.severity, item.id) for item in findings if item.code == "ids_shared"] == [("note", "C1, C2, C3")]
    with pytest.raises(BadValueError, match="layer clinics: facility_id is blank in row 3"):
        read(tmp_path, clinics=CLINICS.replace("C2", ""))


@pytest.mark.parametrize(("old", "new", "message"), [
    ('"1,200"', "-5", r"clinics\.csv: column capacity holds a negative number in row 2"),
    ('"1,200"', "many", r"clinics\.csv: column capacity holds no number in row 2: many"),
    ("capacity", "status", r"column status holds 1,200, 300 in row 2, 4, 5; use existing"),
])
def test_bad_cells(tmp_path, old, new, message):
    with pytest.raises(BadValueError, match=message):
        read(tmp_path, clinics=CLINICS.replace(old, new))


def test_missing_and_empty_layers(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.csv: no such file"):
        read(tmp_path, {"layer": "clinics", "file": "none.csv"})
    with pytest.raises(EmptyTableError, match=r"clinics\.csv: layer clinics: the layer has no feature"):
        read(tmp_path, clinics=CLINICS.splitlines()[0] + "\n")
    with pytest.raises(EmptyTableError, match=r"layer clinics: no feature has a geometry"):
        read(tmp_path, clinics="name,lon,lat\na,,\n")
    with pytest.raises(ConfigError, match="layer clinics names neither file nor osm"):
        read(tmp_path, {"layer": "clinics"})
    with pytest.raises(MissingColumnError, match=r"no column lon, lat; .* columns = \{ lon"):
        read(tmp_path, clinics="name,x,y\na,1,2\n")


def test_a_layer_that_lies_elsewhere_is_a_warning(tmp_path):
    table, findings = read(tmp_path, {"layer": "care", "file": "care.csv"}, {"layer": "clinics", "file": "clinics.csv"},
                           care="lon,lat\n116.4,39.9\n")
    assert set(table["layer"]) == {"clinics"}
    warned = [item for item in findings if item.severity == "warn"]
    assert [(item.code, item.layer) for item in warned] == [("facilities_beyond", "care"), ("position_far", "clinics")]
    with pytest.raises(BadValueError, match=r"care\.csv: row 2: 31\.82, 106\.71 looks swapped"):
        read(tmp_path, {"layer": "care", "file": "care.csv"}, care="lon,lat\n31.82,106.71\n")


def test_lines_are_no_facilities(tmp_path):
    line = shapely.LineString([(106.71, 31.81), (106.72, 31.81)])
    gpd.GeoDataFrame(geometry=[line], crs="EPSG:4326").to_file(tmp_path / "lines.gpkg")
    with pytest.raises(BadValueError, match=r"layer parks: row 1 is a line"):
        read(tmp_path, {"layer": "parks", "file": "lines.gpkg"})


# OSM


def osm(folder, *layers):
    shutil.copy(andorra(), folder / "andorra.osm.pbf")
    runfile = run_file(folder, boundaries={"osm": {"admin_level": 7}}, roads={"file": "andorra.osm.pbf"},
                       facilities=list(layers))
    townships = read_townships(runfile, Findings())
    area = shapely.union_all(townships.geometry.to_numpy()).buffer(2000)
    return read_facilities(runfile, townships, area, Findings())


def test_hospitals_and_pharmacies_of_andorra(tmp_path):
    table = osm(tmp_path, {"layer": "hospitals", "osm": {"tags": {"amenity": ["hospital"]}}},
                {"layer": "pharmacies", "osm": {"tags": {"amenity": "pharmacy"}}},
                {"layer": "huts", "osm": {"tags": {"tourism": ["alpine_hut"], "amenity": ["shelter"]}},
                 "columns": {"capacity": "ele"}})
    assert table["layer"].value_counts().to_dict()["hospitals"] == 7
    assert table["layer"].value_counts().to_dict()["pharmacies"] == 3
    assert (table["quality"] == "osm").all()
    assert (table.geom_type == "Point").all()
    assert table["area_m2"].notna().any()            # measured on the areas before they became points
    assert table["facility_id"].str.match(r"^(hospitals|pharmacies|huts)-[nwr]\d+$").all()
    huts = table[table["layer"] == "huts"]
    assert huts["capacity"].notna().any()
    assert huts["name"].ne("").any()


def test_tags_that_nothing_bears(tmp_path):
    with pytest.raises(EmptyTableError, match=r"andorra\.osm\.pbf: layer clinics: nothing is tagged "
                                              r"amenity=clinic\|doctors, healthcare=\*"):
        osm(tmp_path, {"layer": "clinics", "osm": {"tags": {"amenity": ["clinic", "doctors"], "healthcare": True}}})
    with pytest.raises(ConfigError, match="layer clinics: osm names no tags; write osm"):
        osm(tmp_path, {"layer": "clinics", "osm": True})


def test_osm_without_an_extract(tmp_path):
    two_townships().to_file(tmp_path / "townships.geojson")
    runfile = run_file(tmp_path, facilities=[{"layer": "clinics", "osm": {"tags": {"amenity": "clinic"}}}])
    with pytest.raises(ConfigError, match=r'\[roads\] file is no OSM extract; add file = "…\.osm\.pbf"'):
        read_facilities(runfile, read_townships(runfile, Findings()), shapely.box(0, 0, 1, 1), Findings())
