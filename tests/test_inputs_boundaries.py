"""Townships from files and from OSM, and the CRS of the study."""

import shutil

import geopandas as gpd
import pytest
import shapely

from extracts import EAST_STREET, QINGJIANG, andorra, run_file, two_townships
from lifecircle import datum
from lifecircle.errors import BadValueError, ConfigError, MissingColumnError, NoMatchError
from lifecircle.inputs.boundaries import district_code, read_townships
from lifecircle.inputs.findings import Findings


def read(folder, frame=None, *, district=None, **boundaries):
    if frame is not None:
        frame.to_file(folder / "townships.geojson")
    findings = Findings()
    sections = {"district": {"name": "巴州区", **(district or {})}, "boundaries": {"file": "townships.geojson",
                                                                                **boundaries}}
    return read_townships(run_file(folder, **sections), findings), findings


def test_townships_of_a_file(tmp_path):
    table, findings = read(tmp_path, two_townships(population=["12,000", "８０００"]))
    assert table["township_code"].tolist() == [EAST_STREET, QINGJIANG]
    assert table["kind"].tolist() == ["街道", "镇"]
    assert table["population"].tolist() == [12_000.0, 8_000.0]
    assert table.crs == "EPSG:4545"
    # 0.05 degrees at 31.825 N: 4.733 km east-west, 5.544 km north-south
    assert table.geometry.area.to_numpy() / 1e6 == pytest.approx(26.24, abs=0.05)
    assert len(findings) == 0


def test_column_names_of_the_office(tmp_path):
    frame = two_townships().rename(columns={"township_code": "XZQDM", "township": "XZQMC"})
    table, _ = read(tmp_path, frame, columns={"township_code": "XZQDM", "township": "XZQMC"})
    assert table["township"].tolist() == ["东城街道", "清江镇"]
    with pytest.raises(MissingColumnError, match=r"no column township_code, township; the columns are XZQDM, XZQMC"):
        read(tmp_path, frame)


def test_neighbours_are_left_out(tmp_path):
    table, _ = read(tmp_path, two_townships(role=["district", "neighbour"]))
    assert table["township_code"].tolist() == [EAST_STREET]


def test_outlines_in_gcj02_are_moved(tmp_path):
    frame = two_townships()
    shifted = shapely.transform(frame.geometry.to_numpy(),
                                lambda xy: gpd.pd.DataFrame(datum.wgs84_to_gcj02(xy[:, 0], xy[:, 1])).T.to_numpy())
    straight, _ = read(tmp_path, frame)
    moved, _ = read(tmp_path, frame.set_geometry(gpd.GeoSeries(shifted, crs="EPSG:4326")), datum="gcj02")
    assert shapely.hausdorff_distance(moved.geometry.iloc[0], straight.geometry.iloc[0]) < 0.05


@pytest.mark.parametrize(("lon", "lat", "crs"), [
    (106.76, 31.85, "EPSG:4545"),      # Bazhou: 108 E
    (106.4, 31.85, "EPSG:4544"),       # 105 E
    (116.4, 39.9, "EPSG:4548"),        # 117 E
    (74.9, 39.5, "EPSG:4534"),         # 75 E
    (134.8, 48.4, "EPSG:4554"),        # 135 E
    (1.5, 42.5, "EPSG:32631"),         # Andorra
    (-70.6, -33.4, "EPSG:32719"),      # Santiago
    (24.9, 60.2, "EPSG:32635"),        # Helsinki
])
def test_study_crs(tmp_path, lon, lat, crs):
    box = gpd.GeoDataFrame({"township_code": ["a"], "township": ["a"]},
                           geometry=[shapely.box(lon - 0.01, lat - 0.01, lon + 0.01, lat + 0.01)], crs="EPSG:4326")
    table, _ = read(tmp_path, box)
    assert table.crs.to_string() == crs


def test_crs_of_the_run_file(tmp_path):
    table, _ = read(tmp_path, two_townships(), district={"crs": "EPSG:32648"})
    assert table.crs == "EPSG:32648"
    for crs in ("EPSG:4326", "EPSG:3857", "ESRI:102113", "EPSG:2263", "EPSG:9999999"):
        with pytest.raises(ConfigError, match=crs):
            read(tmp_path, two_townships(), district={"crs": crs})


def test_codes(tmp_path):
    with pytest.raises(BadValueError, match=r"township_code 511902001000 stands in several rows: 1, 2; dissolve"):
        read(tmp_path, two_townships().assign(township_code=EAST_STREET))
    with pytest.raises(BadValueError, match=r"township_code is blank in row 2"):
        read(tmp_path, two_townships().assign(township_code=[EAST_STREET, " "]))
    with pytest.raises(BadValueError, match=r"column population holds a negative number in row 2: -1"):
        read(tmp_path, two_townships(population=[1, -1]))
    points = two_townships().set_geometry(gpd.points_from_xy([106.7, 106.8], [31.8, 31.9]), crs="EPSG:4326")
    with pytest.raises(BadValueError, match=r"row 1, 2 is no polygon"):
        read(tmp_path, points)


def test_overlap_is_reported(tmp_path):
    frame = two_townships()
    frame.geometry = [frame.geometry.iloc[0].buffer(0.005), frame.geometry.iloc[1]]
    _, findings = read(tmp_path, frame)
    assert [item.code for item in findings] == ["townships_overlap"]


def test_district_code(tmp_path):
    runfile = run_file(tmp_path)
    frame = two_townships()
    assert district_code(runfile, frame) == "511902000000"
    assert district_code(runfile, frame.assign(township_code=["511902001000", "511903001000"])) == "district"
    assert district_code(runfile, frame.assign(township_code=["2804753", "2804755"])) == "district"
    named = run_file(tmp_path, district={"name": "x", "code": "AD"})
    assert district_code(named, frame) == "AD"


def osm_run(folder, **osm):
    shutil.copy(andorra(), folder / "andorra.osm.pbf")
    return run_file(folder, boundaries={"osm": osm}, roads={"file": "andorra.osm.pbf"})


def test_parishes_of_andorra(tmp_path):
    findings = Findings()
    table = read_townships(osm_run(tmp_path, admin_level=7), findings)
    assert len(table) == 6
    assert table.crs == "EPSG:32631"
    # Andorra is 468 km2, Canillo 121 of them (general knowledge); these old outlines differ a little
    assert table.geometry.area.sum() / 1e6 == pytest.approx(347, rel=0.04)
    assert table["township_code"][table["township"] == "Ordino"].tolist() == ["2804758"]
    warned = [item for item in findings if item.severity == "warn"]
    assert [(item.code, item.value, item.id) for item in warned] == [("boundary_open", "Canillo", "relation 2804754")]
    assert "5 of its 7 lines" in warned[0].message


def test_a_level_that_the_extract_does_not_have(tmp_path):
    with pytest.raises(NoMatchError, match=r"no closed boundary of admin_level 8; closed .* level 7: 6"):
        read_townships(osm_run(tmp_path, admin_level=8), Findings())
    with pytest.raises(ConfigError, match=r"osm names no admin_level; closed .* level 7: 6"):
        read_townships(osm_run(tmp_path), Findings())


def test_one_boundary_by_name(tmp_path):
    table = read_townships(osm_run(tmp_path, admin_level=7, name="Ordino"), Findings())
    assert table["township"].tolist() == ["Ordino"]
    with pytest.raises(NoMatchError, match="named Atlantis or inside it"):
        read_townships(osm_run(tmp_path, admin_level=7, name="Atlantis"), Findings())
