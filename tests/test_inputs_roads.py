"""Roads from layers, graphs, extracts, Overpass and memory."""

import shutil
import socket

import geopandas as gpd
import numpy as np
import pytest
import shapely

from extracts import andorra, helsinki, run_file
from lifecircle.errors import (
    BadValueError,
    EmptyTableError,
    MissingColumnError,
    NoMatchError,
    UnreadableFileError,
    UsageError,
)
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.osm import open_extract
from lifecircle.inputs.overpass import osmnx_settings, save_roads
from lifecircle.inputs.roads import ROAD_READERS, clip, default_buffer_m, read_roads
from lifecircle.osmtags import ROAD_CLASSES
from lifecircle.policy import ClassRule, LayerPolicy, ModeOverride, Policy
from lifecircle.roadnetwork import RoadNetwork
from overpass_server import complete_roads, serve, write_osm

CRS = "EPSG:4545"
EAST, NORTH = 380_000.0, 3_525_000.0
AREA = shapely.box(EAST - 50, NORTH - 50, EAST + 350, NORTH + 350)


def line(*points):
    return shapely.LineString([(EAST + x, NORTH + y) for x, y in points])


def layer(rows):
    return gpd.GeoDataFrame([row for row, _ in rows], geometry=[shape for _, shape in rows], crs=CRS)


def read(folder, rows, *, area=AREA, suffix=".gpkg", **roads):
    layer(rows).to_file(folder / f"roads{suffix}")
    findings = Findings()
    runfile = run_file(folder, roads={"file": f"roads{suffix}", **roads})
    return read_roads(runfile, CRS, area, findings), findings


def names(network):
    return [ROAD_CLASSES[index] for index in network.road_class]


# layers of lines


def test_chinese_classes(tmp_path):
    words = ["高速公路", "国道", "省道", "县道", "乡道", "村道", "通组路", "主干路", "次干路", "支路", "步道", "机耕道"]
    network, _ = read(tmp_path, [({"class": word}, line((0, 10 * i), (100, 10 * i))) for i, word in enumerate(words)])
    assert names(network) == ["motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "unclassified",
                              "primary", "secondary", "residential", "footway", "track"]
    assert network.quality == "register"
    assert network.oneway[0] == 1                       # a motorway is one-way where nothing else is said


def test_own_class_words_and_column_names(tmp_path):
    rows = [({"DLDJ": "四级"}, line((0, 0), (100, 0))), ({"DLDJ": "省道"}, line((0, 50), (100, 50)))]
    network, _ = read(tmp_path, rows, columns={"class": "DLDJ"}, classes={"四级": "tertiary", "省道": "trunk"},
                      source="交通局 2024", quality="surveyed")
    assert names(network) == ["tertiary", "trunk"]
    assert (network.source, network.quality) == ("roads.gpkg", "surveyed")


def test_unknown_classes_are_listed_with_the_remedy(tmp_path):
    rows = [({"class": word}, line((0, 0), (100, 0))) for word in ("四级", "等外", "省道")]
    with pytest.raises(BadValueError, match=r'classes 四级, 等外; map them: \[roads\] classes = \{ "四级"'):
        read(tmp_path, rows)
    with pytest.raises(BadValueError, match="classes names lane, which is no OSM class"):
        read(tmp_path, rows, classes={"四级": "lane"})
    with pytest.raises(MissingColumnError, match=r"no column class, road_class, highway or fclass"):
        read(tmp_path, [({"level": "省道"}, line((0, 0), (100, 0)))])


def test_roads_meet_at_vertices_only(tmp_path):
    """A crossing without a vertex is a flyover; a vertex 4 mm away is the same place."""
    rows = [({"class": "县道"}, line((0, 100), (100, 100.004), (200, 100))),
            ({"class": "县道"}, line((100, 100), (100, 200))),      # meets at the vertex
            ({"class": "县道"}, line((50, 0), (50, 200)))]          # crosses without one
    network, findings = read(tmp_path, rows)
    degree = np.bincount(np.concatenate([network.u, network.v]))
    assert sorted(degree.tolist()) == [1, 1, 1, 1, 1, 3]
    assert len(network) == 4
    island = [item for item in findings if item.code == "road_islands"]
    assert [(item.severity, item.count, item.value) for item in island] == [("warn", 1, "0.2 km")]


def test_columns_of_a_register(tmp_path):
    rows = [({"class": "县道", "speed_kph": 35.0, "maxspeed_kph": 40, "oneway": 1, "bridge": "是", "motor": "否"},
             line((0, 0), (100, 0))),
            ({"class": "县道", "speed_kph": None, "maxspeed_kph": None, "oneway": -1, "bridge": "否", "motor": ""},
             line((100, 0), (200, 0)))]
    network, _ = read(tmp_path, rows)
    assert network.oneway.tolist() == [1, -1]
    assert network.bridge.tolist() == [True, False]
    assert network.motor.tolist() == [0, -1]
    np.testing.assert_array_equal(network.speed_kph, [35.0, np.nan])
    np.testing.assert_array_equal(network.maxspeed_kph, [40.0, np.nan])


def test_ferries_of_a_register(tmp_path):
    rows = [({"class": "渡口", "speed_kph": 8}, line((0, 0), (100, 0))), ({"class": "县道"}, line((100, 0), (200, 0)))]
    network, _ = read(tmp_path, rows)
    assert network.ferry.tolist() == [True, False]


@pytest.mark.parametrize(("row", "shape", "message"), [
    ({"class": "县道", "oneway": "maybe"}, line((0, 0), (1, 0)), "column oneway holds maybe"),
    ({"class": "县道", "speed_kph": "fast"}, line((0, 0), (1, 0)), r"column speed_kph holds fast in row 1"),
    ({"class": "县道"}, shapely.Point(EAST, NORTH), "row 1 is no line"),
])
def test_bad_rows(tmp_path, row, shape, message):
    with pytest.raises(BadValueError, match=rf"roads\.gpkg: {message}"):
        read(tmp_path, [(row, shape)])


def test_parts_and_repeated_points(tmp_path):
    parts = shapely.MultiLineString([line((0, 0), (100, 0)), line((100, 0), (100, 0), (100, 100))])
    network, _ = read(tmp_path, [({"class": "村道"}, parts)], suffix=".geojson")
    assert (len(network), network.node_count) == (2, 3)
    assert network.length_m.sum() == pytest.approx(200.0, abs=0.05)


# the area


def test_segments_with_an_end_in_the_area_are_kept(tmp_path):
    network, _ = read(tmp_path, [({"class": "村道"}, line((0, 0), (300, 0), (900, 0), (1500, 0)))])
    assert network.length_m.tolist() == pytest.approx([300.0, 600.0])
    assert clip(network, AREA) is network


def test_no_road_in_the_district(tmp_path):
    with pytest.raises(NoMatchError, match=r"roads\.gpkg: no road lies in the district; check the coordinate system"):
        read(tmp_path, [({"class": "村道"}, line((5000, 0), (6000, 0)))])


def test_roads_that_end_before_the_buffer(tmp_path):
    wide = AREA.buffer(1000)
    _, findings = read(tmp_path, [({"class": "村道"}, line((0, -1040), (300, 1340), (1340, 300)))], area=wide)
    short = [item for item in findings if item.code == "buffer_short"]
    assert [item.value for item in short] == ["west 1.1 km"]


def test_a_buffer_that_is_small(tmp_path):
    """Walks of 30 min at 4 km/h reach 2 km; one metre less is told, 2 km is not, nor a buffer not given."""
    layer([({"class": "村道"}, line((0, 0), (300, 0)))]).to_file(tmp_path / "roads.gpkg")
    for buffer_m, told in ((1999, ["1999"]), (2000, []), (None, [])):
        findings = Findings()
        runfile = run_file(tmp_path, district={"name": "x", "buffer_m": buffer_m}, roads={"file": "roads.gpkg"})
        read_roads(runfile, CRS, AREA, findings)
        small = [item for item in findings if item.code == "buffer_small"]
        assert [item.value for item in small] == told
        assert all("2,000 m" in item.message and item.severity == "note" for item in small)


def test_default_buffer():
    """The longest of cutoff x speed: 30 min of walking at 4 km/h is 2 km; 30 min by car at 50 km/h 25 km."""
    policy = Policy(policy={
        "clinics": LayerPolicy(),
        "hospitals": LayerPolicy(rural=ClassRule(cutoff_min=30, mode="car")),
        "care": LayerPolicy(urban=ClassRule(cutoff_min=15, beside=("bicycle",)), rural=None),
        "shelters": LayerPolicy(reach=False, urban=ClassRule(cutoff_min=600, mode="car")),
    }, modes={"walk": ModeOverride(speeds_kph={"footway": 6.0})})
    plain = policy.model_copy(update={"modes": {}})
    assert default_buffer_m(plain, ("clinics",)) == 2000
    assert default_buffer_m(plain, ("care",)) == 3000
    assert default_buffer_m(plain, ("clinics", "hospitals")) == 25_000
    assert default_buffer_m(plain, ("shelters",)) == 0
    assert default_buffer_m(policy, ("clinics",)) == 3000


# memory and graphs


def grid():
    xy = np.array([[EAST, NORTH], [EAST + 100, NORTH], [EAST + 100, NORTH + 100]])
    return RoadNetwork.from_segments(CRS, xy, [0, 1], [1, 2], [ROAD_CLASSES.index("path")] * 2)


def test_roads_in_memory(tmp_path):
    runfile = run_file(tmp_path)
    network = read_roads(runfile, CRS, AREA, Findings(), roads=grid())
    assert network.length_m.tolist() == pytest.approx([100.0, 100.0])
    graph = read_roads(runfile, CRS, AREA, Findings(), roads=grid().to_networkx())
    assert graph.length_m.tolist() == pytest.approx([100.0, 100.0])
    moved = read_roads(runfile, "EPSG:32648", shapely.box(6e5, 3.5e6, 7e5, 3.6e6), Findings(), roads=grid())
    assert (moved.crs, len(moved)) == ("EPSG:32648", 2)


def test_graphml(tmp_path):
    import osmnx

    osmnx.save_graphml(grid().to_networkx(), tmp_path / "roads.graphml")
    runfile = run_file(tmp_path, roads={"file": "roads.graphml"})
    network = read_roads(runfile, CRS, AREA, Findings())
    assert names(network) == ["path", "path"]
    assert network.length_m.tolist() == pytest.approx([100.0, 100.0])
    text = (tmp_path / "roads.graphml").read_text(encoding="utf-8")
    head, body = text.split("?>", 1)
    (tmp_path / "roads.graphml").write_text(f"{head}?><!DOCTYPE g [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>{body}")
    with pytest.raises(UnreadableFileError, match=r"roads\.graphml: content is not plain GraphML"):
        read_roads(runfile, CRS, AREA, Findings())
    (tmp_path / "roads.graphml").write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"roads\.graphml: is no graph of OSMnx"):
        read_roads(runfile, CRS, AREA, Findings())


def test_a_type_that_nobody_reads(tmp_path):
    (tmp_path / "roads.dwg").write_text("x")
    with pytest.raises(UnreadableFileError, match=r"roads of type \.dwg are not read; use one of"):
        read_roads(run_file(tmp_path, roads={"file": "roads.dwg"}), CRS, AREA, Findings())
    assert {".osm.pbf", ".osm", ".graphml", ".gpkg", ".shp", ".geojson", ".parquet"} <= set(ROAD_READERS)


# real extracts


def test_andorra_through_the_run_file(tmp_path):
    shutil.copy(andorra(), tmp_path / "andorra.osm.pbf")
    runfile = run_file(tmp_path, roads={"file": "andorra.osm.pbf", "source": "OSM 2013"})
    box = gpd.GeoSeries([shapely.box(1.50, 42.49, 1.56, 42.53)], crs="EPSG:4326").to_crs("EPSG:32631").iloc[0]
    network = read_roads(runfile, "EPSG:32631", box, Findings())
    whole = open_extract(tmp_path / "andorra.osm.pbf").roads("EPSG:32631")
    assert network.source == "andorra.osm.pbf"
    assert 0 < len(network) < len(whole)
    inside = shapely.contains_xy(box, *network.node_xy_m.T)
    assert (inside[network.u] | inside[network.v]).all()
    ways = open_extract(tmp_path / "andorra.osm.pbf").ways()
    assert len(ways.ids) == pytest.approx(1615, abs=15)      # the data's note: 1,615 ways with a highway tag


def test_the_same_extract_through_osmnx(tmp_path):
    """OSMnx reads the same roads out of the same file; the total length agrees to 0.1 %."""
    write_osm(helsinki(), tmp_path / "helsinki.osm")
    ours = open_extract(tmp_path / "helsinki.osm").roads("EPSG:3067")
    with osmnx_settings() as osmnx:
        graph = osmnx.graph_from_xml(tmp_path / "helsinki.osm", simplify=False, retain_all=True)
    theirs = RoadNetwork.from_networkx(graph, crs="EPSG:3067")
    assert theirs.node_count == ours.node_count
    assert len(theirs) == pytest.approx(len(ours), rel=1e-3)
    straight = np.hypot(*(theirs.node_xy_m[theirs.v] - theirs.node_xy_m[theirs.u]).T)
    assert straight.sum() == pytest.approx(ours.length_m.sum(), rel=1e-3)
    for name in ("bridge", "tunnel"):
        assert getattr(theirs, name).sum() == pytest.approx(getattr(ours, name).sum(), rel=0.01)
    assert (theirs.oneway != 0).sum() == pytest.approx((ours.oneway != 0).sum(), rel=0.01)
    again = RoadNetwork.from_networkx(theirs.to_networkx(), crs="EPSG:3067")
    assert again.length_m.sum() == pytest.approx(theirs.length_m.sum(), rel=1e-9)


@pytest.fixture
def only_loopback(monkeypatch):
    """Fail when any other host is asked for, by name or by address."""
    asked = []
    connect = socket.socket.connect

    def guarded(self, address):
        asked.append(address[0])
        if address[0] != "127.0.0.1":
            raise AssertionError(f"{address} was asked")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    return asked


def test_overpass(tmp_path, monkeypatch, only_loopback):
    """The whole path over HTTP, against the extract read directly; nothing is cached and settings are put back."""
    import osmnx

    monkeypatch.chdir(tmp_path)
    resolver = socket.getaddrinfo
    before = (osmnx.settings.overpass_url, osmnx.settings.use_cache, list(osmnx.settings.useful_tags_way))
    nodes, _ = complete_roads(helsinki())
    lonlat = shapely.MultiPoint([(node["lon"], node["lat"]) for node in nodes.values()])
    everything = gpd.GeoSeries([lonlat.envelope], crs="EPSG:4326").to_crs("EPSG:3067").iloc[0].buffer(100)
    with serve(helsinki()) as overpass:
        runfile = run_file(tmp_path, roads={"overpass": True, "overpass_url": overpass.url})
        fetched = read_roads(runfile, "EPSG:3067", everything, Findings())
        part = read_roads(runfile, "EPSG:3067", everything.centroid.buffer(300), Findings())
    write_osm(helsinki(), tmp_path / "helsinki.osm")
    direct = open_extract(tmp_path / "helsinki.osm").roads("EPSG:3067")
    straight = np.hypot(*(fetched.node_xy_m[fetched.v] - fetched.node_xy_m[fetched.u]).T)
    assert straight.sum() == pytest.approx(direct.length_m.sum(), rel=1e-3)
    assert 0 < len(part) < len(fetched) / 2
    assert set(only_loopback) == {"127.0.0.1"}
    assert len(overpass.queries) == 4                      # roads and ferries, twice
    assert fetched.source == overpass.url
    assert (osmnx.settings.overpass_url, osmnx.settings.use_cache, list(osmnx.settings.useful_tags_way)) == before
    assert socket.getaddrinfo is resolver                  # OSMnx replaces it for good
    assert [path.name for path in tmp_path.iterdir()] == ["helsinki.osm"]


def test_roads_saved_for_later(tmp_path, only_loopback):
    """Saved from an extract or from Overpass, the GraphML gives the same roads back."""
    write_osm(helsinki(), tmp_path / "helsinki.osm")
    direct = open_extract(tmp_path / "helsinki.osm").roads("EPSG:3067")
    save_roads(tmp_path / "pbf.graphml", pbf=tmp_path / "helsinki.osm")
    with serve(helsinki()) as overpass:
        name = save_roads(tmp_path / "box.graphml", bbox="24.9,60.1,25.0,60.2", overpass_url=overpass.url)
    assert name == str(tmp_path / "box.graphml")
    for file in ("pbf.graphml", "box.graphml"):
        everything = shapely.box(*direct.node_xy_m.min(axis=0), *direct.node_xy_m.max(axis=0)).buffer(10)
        read_back = read_roads(run_file(tmp_path, roads={"file": file}), "EPSG:3067", everything, Findings())
        straight = np.hypot(*(read_back.node_xy_m[read_back.v] - read_back.node_xy_m[read_back.u]).T)
        assert straight.sum() == pytest.approx(direct.length_m.sum(), rel=1e-3)
    assert not list(tmp_path.glob(".*"))


def test_roads_that_cannot_be_saved(tmp_path):
    with pytest.raises(UsageError, match=r"the name must end in \.graphml"):
        save_roads(tmp_path / "roads.txt", bbox="1,2,3,4")
    for box in ("1,2,3", "3,2,1,4", "1,2,3,x", "1,2,3,95"):
        with pytest.raises(UsageError, match="give west,south,east,north in degrees"):
            save_roads(tmp_path / "roads.graphml", bbox=box)


def test_overpass_that_does_not_answer(tmp_path, only_loopback):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    runfile = run_file(tmp_path, roads={"overpass": True, "overpass_url": f"http://127.0.0.1:{port}/api"})
    with pytest.raises(UnreadableFileError, match=r"Overpass gave no roads: .*name a local extract"):
        read_roads(runfile, CRS, AREA, Findings())


def test_a_layer_without_geometry(tmp_path):
    with pytest.raises(EmptyTableError, match=r"roads\.gpkg: no road has a geometry"):
        read(tmp_path, [({"class": "村道"}, shapely.LineString())])
