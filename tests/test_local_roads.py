"""A local layer over the roads: what is the same, what is added, where it is joined; worked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely

from extracts import andorra, run_file
from lifecircle.errors import ConfigError, MissingFileError
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.osm import open_extract
from lifecircle.inputs.roadmerge import merge_local
from lifecircle.inputs.roads import read_roads
from lifecircle.osmtags import ROAD_CLASSES
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import LocalRoads
from lifecircle.study import hash_inputs
from lifecircle.verifyroads import read_again

CRS = "EPSG:4545"
EAST, NORTH = 380_000.0, 3_525_000.0
AREA = shapely.box(EAST - 3000, NORTH - 3000, EAST + 3000, NORTH + 3000)
STREET = ({"class": "secondary"}, [(0, 0), (500, 0), (1000, 0)])
LANE = ({"class": "residential"}, [(500, 0), (500, 300)])


def write(path: Path, rows: list) -> None:
    lines = [shapely.LineString([(EAST + x, NORTH + y) for x, y in points]) for _, points in rows]
    gpd.GeoDataFrame([row for row, _ in rows], geometry=lines, crs=CRS).to_file(path)


def merge(folder: Path, local: list, base: list = (STREET, LANE), **rule: object) -> tuple[RoadNetwork, Findings]:
    write(folder / "roads.gpkg", list(base))
    write(folder / "xianlu.shp", local)
    findings = Findings()
    runfile = run_file(folder, roads={"file": "roads.gpkg", "local": {"file": "xianlu.shp", **rule}})
    return read_roads(runfile, CRS, AREA, findings), findings


def shape(network: RoadNetwork) -> nx.Graph:
    """Give the network by positions in whole metres."""
    graph = nx.Graph()
    names = [tuple(np.rint(xy - [EAST, NORTH]).astype(int).tolist()) for xy in network.node_xy_m]
    for u, v, length_m, kind in zip(network.u, network.v, network.length_m, network.road_class, strict=True):
        graph.add_edge(names[u], names[v], length=round(float(length_m), 2), kind=ROAD_CLASSES[kind])
    return graph


def found(findings: Findings, code: str) -> list:
    return [item for item in findings if item.code == code]


def test_a_village_road_that_ends_short_is_joined(tmp_path: Path) -> None:
    """It ends 10 m north of the street: the street is cut at (200, 0) and 10 m of road close the gap."""
    network, findings = merge(tmp_path, [({"class": "村道"}, [(200, 10), (200, 400)])])
    edges = {frozenset((u, v)): data["length"] for u, v, data in shape(network).edges(data=True)}
    assert edges == {frozenset(((0, 0), (200, 0))): 200.0, frozenset(((200, 0), (500, 0))): 300.0,
                     frozenset(((500, 0), (1000, 0))): 500.0,
                     frozenset(((200, 0), (200, 10))): 10.0, frozenset(((200, 10), (200, 400))): 390.0,
                     frozenset(((500, 0), (500, 300))): 300.0}
    [note] = found(findings, "local_roads")
    assert (note.count, note.value, note.id) == (1, "0.4 km", "row 1")
    assert "added at 1 joints; 0.0 km on 0 lines are the same" in note.message
    assert network.source == "roads.gpkg + xianlu.shp"


@pytest.mark.parametrize(("gap_m", "joined"), [(15.0, True), (15.5, False)])
def test_the_tolerance_is_exact(tmp_path: Path, gap_m: float, joined: bool) -> None:
    network, findings = merge(tmp_path, [({"class": "村道"}, [(200, gap_m), (200, 400)])])
    assert nx.has_path(shape(network), (0, 0), (200, 400)) is joined
    assert len(found(findings, "local_roads_alone")) == (not joined)


def test_roads_that_cross_at_grade_meet(tmp_path: Path) -> None:
    """A village road crosses the lane at (500, 150); no vertex was there."""
    graph = shape(merge(tmp_path, [({"class": "村道"}, [(300, 150), (700, 150)])])[0])
    assert sorted(graph.neighbors((500, 150))) == [(300, 150), (500, 0), (500, 300), (700, 150)]
    assert graph.edges[(500, 150), (300, 150)]["kind"] == "unclassified"
    assert graph.edges[(500, 0), (500, 150)]["kind"] == "residential"


@pytest.mark.parametrize("row", [{"class": "村道", "bridge": 1}, {"class": "高速公路", "bridge": 0}])
def test_bridges_and_motorways_cross_without_a_joint(tmp_path: Path, row: dict) -> None:
    network, findings = merge(tmp_path, [(row, [(300, 150), (700, 150)])])
    assert not nx.has_path(shape(network), (300, 150), (500, 0))
    [alone] = found(findings, "local_roads_alone")
    assert (alone.severity, alone.count, alone.id) == ("warn", 1, "row 1")
    assert "1 local roads (0.4 km) meet no road of roads.gpkg" in alone.message


def test_a_dead_end_is_joined_to_the_new_road(tmp_path: Path) -> None:
    """The lane ends at (500, 300), 12 m south of the new road."""
    graph = shape(merge(tmp_path, [({"class": "村道"}, [(300, 312), (700, 312)])])[0])
    assert graph.edges[(500, 300), (500, 312)]["length"] == pytest.approx(12.0)
    assert nx.has_path(graph, (0, 0), (700, 312))


def test_the_same_road_is_not_added_and_takes_the_local_class(tmp_path: Path) -> None:
    """The register's line of the street lies 8 m beside it; its speed, where stated, comes along."""
    row = ({"class": "乡道", "speed_kph": 33.0}, [(0, 8), (400, 9), (1000, 8)])
    network, findings = merge(tmp_path, [row])
    assert [ROAD_CLASSES[kind] for kind in network.road_class] == ["tertiary", "tertiary", "residential"]
    np.testing.assert_array_equal(network.speed_kph, [33.0, 33.0, np.nan])
    [note] = found(findings, "local_roads")
    assert (note.count, note.value) == (0, "0.0 km")
    assert ("1.0 km on 1 lines are the same as roads of roads.gpkg, 2 segments of which take the local class"
            in note.message)
    kept, _ = merge(tmp_path, [row], classes_win=False)
    assert [ROAD_CLASSES[kind] for kind in kept.road_class] == ["secondary", "secondary", "residential"]


def test_a_road_that_is_the_same_for_half_its_way(tmp_path: Path) -> None:
    """The local line follows the street 5 m off and runs on for 600 m beyond its end: only that is added.

    Pieces of 10 m whose middle lies within 15 m of the street are the same: the last has its middle at 1005 or 1015 m,
    so the added part begins between 1000 and 1020 m, and is joined to the street's end.
    """
    network, findings = merge(tmp_path, [({"class": "县道"}, [(0, 5), (1600, 5)])])
    graph = shape(network)
    assert nx.shortest_path_length(graph, (0, 0), (1600, 5), weight="length") == pytest.approx(1600.0, abs=3.0)
    [note] = found(findings, "local_roads")
    assert note.value == "0.6 km"
    assert "1.0 km on 1 lines are the same" in note.message
    assert not found(findings, "local_roads_alone")


def test_a_pavement_is_not_the_road_beside_it(tmp_path: Path) -> None:
    """A footway 6 m beside the line of a village road: the road is new, the footway keeps its class.

    The road's ends lie 60 m off and stay loose; nothing else is near, so the road is told to be alone.
    """
    base = [({"class": "footway"}, [(0, 10), (1000, 10)])]
    network, findings = merge(tmp_path, [({"class": "村道"}, [(0, 70), (50, 16), (950, 16), (1000, 70)])], base)
    kinds = np.array([ROAD_CLASSES[kind] for kind in network.road_class])
    assert network.length_m[kinds == "footway"].sum() == pytest.approx(1000.0)
    assert network.length_m[kinds == "unclassified"].sum() == pytest.approx(900 + 2 * np.hypot(50, 54))
    assert len(found(findings, "local_roads_alone")) == 1


def test_side_roads_of_a_road_that_is_the_same_are_joined(tmp_path: Path) -> None:
    """Both side roads begin at a vertex of the register's own street, 8 m beside the mapped one."""
    local = [({"class": "县道"}, [(0, 8), (300, 8), (1000, 8)]), ({"class": "村道"}, [(300, 8), (300, 200)]),
             ({"class": "村道"}, [(300, 8), (280, -200)])]
    network, findings = merge(tmp_path, local)
    graph = shape(network)
    assert nx.shortest_path_length(graph, (300, 0), (300, 200), weight="length") == pytest.approx(200.0, abs=0.1)
    assert nx.is_connected(graph)
    assert not found(findings, "local_roads_alone")


def test_the_local_file_is_part_of_the_inputs(tmp_path: Path) -> None:
    write(tmp_path / "roads.gpkg", [STREET])
    runfile = run_file(tmp_path, roads={"file": "roads.gpkg", "local": {"file": "xianlu.shp"}})
    with pytest.raises(MissingFileError, match=r"xianlu\.shp"):
        read_roads(runfile, CRS, AREA, Findings())
    with pytest.raises(MissingFileError, match="roads local"):
        hash_inputs(run_file(tmp_path, boundaries={"file": "roads.gpkg"},
                             facilities=[{"layer": "clinics", "file": "roads.gpkg"}],
                             roads={"file": "roads.gpkg", "local": {"file": "xianlu.shp"}}))
    with pytest.raises(ConfigError, match="a local layer is laid over the roads; it is not read a second way"):
        read_again(runfile, CRS, AREA)
    with pytest.raises(ValueError, match="same_m"):
        run_file(tmp_path, roads={"file": "roads.gpkg", "local": {"file": "xianlu.shp", "same_m": -1}})


def test_a_country_whose_roads_are_partly_missing() -> None:
    """Andorra's own roads, shifted by 3.6 m, laid over Andorra; then over Andorra without a fifth of its ways.

    Nothing is new in the first case. In the second the roads are as long again, and hang together again, as they were.
    """
    whole, rule = open_extract(andorra()).roads("EPSG:32631"), LocalRoads(file="xianlu.shp")
    ways = np.unique(whole.way_id)
    local = replace(whole, node_xy_m=whole.node_xy_m + [3.0, -2.0], way_id=np.searchsorted(ways, whole.way_id) + 1)
    same = merge_local(whole, local, rule, Findings())
    assert same.length_m.sum() == pytest.approx(whole.length_m.sum())
    assert (same.road_class != whole.road_class).mean() < 0.005       # twin ways that run closer than 3.6 m
    gone = np.random.default_rng(3).choice(ways, len(ways) // 5, replace=False)
    torn = whole.take(~np.isin(whole.way_id, gone))
    merged = merge_local(torn, local, rule, Findings())
    assert torn.length_m.sum() < 0.85 * whole.length_m.sum()
    assert merged.length_m.sum() == pytest.approx(whole.length_m.sum(), rel=0.01)
    assert longest_m(torn) < 0.5 * longest_m(whole)
    assert longest_m(merged) == pytest.approx(longest_m(whole), rel=0.02)
    straight_m = np.hypot(*(merged.node_xy_m[merged.u] - merged.node_xy_m[merged.v]).T)
    assert (merged.length_m >= straight_m).all()
    assert merged.length_m == pytest.approx(straight_m, abs=0.1)


def longest_m(network: RoadNetwork) -> float:
    """Give the length of the longest part, by networkx."""
    graph = nx.Graph()
    graph.add_edges_from(zip(network.u.tolist(), network.v.tolist(), strict=True))
    largest = np.zeros(network.node_count)
    for number, part in enumerate(nx.connected_components(graph)):
        largest[list(part)] = number
    return float(np.bincount(largest[network.u].astype(int), weights=network.length_m).max())
