"""RoadNetwork: built from segments, cut, given heights, traded with OSMnx and networkx."""

import networkx as nx
import numpy as np
import pytest
import shapely

from lifecircle.errors import BadValueError, EmptyTableError, MissingCrsError
from lifecircle.osmtags import CLASS_INDEX, road_tags
from lifecircle.roadnetwork import RoadNetwork

CRS = "EPSG:32648"
XY = np.array([[0.0, 0.0], [100.0, 0.0], [200.0, 0.0], [100.0, 100.0]]) + [500_000, 3_500_000]
RESIDENTIAL, FOOTWAY = CLASS_INDEX["residential"], CLASS_INDEX["footway"]


def tee(**columns):
    """Two blocks in a row and one up from the middle."""
    return RoadNetwork.from_segments(CRS, XY, [0, 1, 1], [1, 2, 3], [RESIDENTIAL, RESIDENTIAL, FOOTWAY],
                                     node_id=[10, 11, 12, 13], **columns)


def test_columns_not_given_say_nothing():
    network = tee()
    assert network.length_m.tolist() == [100.0, 100.0, 100.0]
    assert network.oneway.tolist() == [0, 0, 0]
    assert network.foot.tolist() == [-1, -1, -1]
    assert np.isnan(network.maxspeed_kph).all()
    assert not network.bridge.any()
    assert (len(network), network.node_count) == (3, 4)


def test_faults():
    with pytest.raises(EmptyTableError, match="roads: no road segment"):
        RoadNetwork.from_segments(CRS, XY, [], [], [])
    with pytest.raises(BadValueError, match="names a node that is not there"):
        RoadNetwork.from_segments(CRS, XY, [0], [4], [0])
    with pytest.raises(BadValueError, match="names a node that is not there"):
        RoadNetwork.from_segments(CRS, XY, [-1], [2], [0])
    with pytest.raises(BadValueError, match="not a finite number"):
        RoadNetwork.from_segments(CRS, XY * np.nan, [0], [1], [0])
    with pytest.raises(BadValueError, match="not a finite number"):
        tee(length_m=[100.0, np.inf, 1.0])
    with pytest.raises(BadValueError, match=r"unknown road column \['lanes'\]"):
        tee(lanes=[1, 2, 3])


@pytest.mark.parametrize("keep", [np.array([False, True, True]), np.array([1, 2])])
def test_take_keeps_the_nodes_in_use(keep):
    part = tee(way_id=[7, 8, 9]).take(keep)
    assert part.node_id.tolist() == [11, 12, 13]
    assert part.way_id.tolist() == [8, 9]
    assert list(zip(part.u, part.v, strict=True)) == [(0, 1), (0, 2)]
    assert part.node_xy_m.tolist() == XY[1:].tolist()


def test_heights_at_nodes_and_between():
    """On a plane that rises 1 m per 10 m eastwards, a piece every 40 m at most: 3 pieces a block, 2 points inside."""
    network = tee().with_heights(lambda xy: (xy[:, 0] - 500_000) / 10, step_m=40.0)
    assert network.node_z_m.tolist() == [0.0, 10.0, 20.0, 10.0]
    assert network.profile_offset.tolist() == [0, 2, 4, 6]
    assert network.profile_z_m == pytest.approx([10 / 3, 20 / 3, 40 / 3, 50 / 3, 10, 10])


def test_short_segments_have_no_points_inside():
    network = tee().with_heights(lambda xy: np.zeros(len(xy)), step_m=100.0)
    assert network.profile_offset.tolist() == [0, 0, 0, 0]
    assert len(network.profile_z_m) == 0


def star(lengths_m, built, ground):
    """Three roads that meet in the middle, node 0; `built` are bridges, `ground` gives a road on the ground beyond."""
    tips = [(np.cos(a), np.sin(a)) for a in (0.0, 2.0, 4.0)]
    xy = np.array([(0.0, 0.0), *((r * x, r * y) for r, (x, y) in zip(lengths_m, tips, strict=True)),
                   *((9 * r * x, 9 * r * y) for r, (x, y) in zip(lengths_m, tips, strict=True))])
    beyond = [tip for tip in (1, 2, 3) if ground[tip - 1]]
    u, v = [0, 0, 0, *beyond], [1, 2, 3, *(tip + 3 for tip in beyond)]
    return RoadNetwork.from_segments(CRS, xy, u, v, np.full(len(u), RESIDENTIAL),
                                     bridge=[*built, *(False for _ in beyond)])


@pytest.mark.parametrize(("lengths_m", "expected_m"), [((100, 100, 100), 30.0), ((100, 100, 50), 37.5)])
def test_where_bridges_branch_the_nearer_portal_weighs_more(lengths_m, expected_m):
    """Portals at 10, 20 and 60 m: (10 + 20 + 60) / 3, and with one at half the distance (10 + 20 + 2 · 60) / 4."""
    network = star(lengths_m, [True] * 3, [True] * 3)
    draped = network.with_heights(heights_by_node(network, [-500, 10, 20, 60, 0, 0, 0]))
    assert draped.node_z_m.tolist() == pytest.approx([expected_m, 10, 20, 60, 0, 0, 0])


def test_a_bridge_that_ends_in_the_air_is_level_from_its_portal():
    """The middle lies on the ground at 40 m, one bridge leads to the ground at 10 m, another to nowhere."""
    network = star((100, 100, 100), [True, True, False], [True, False, False])
    draped = network.with_heights(heights_by_node(network, [40, 10, -500, 90, 0, 0, 0]))
    assert draped.node_z_m.tolist()[:4] == pytest.approx([40, 10, 40, 90])


def test_a_structure_without_ground_leans_on_its_loose_ends():
    """No ground at all: the tips are portals, the middle takes the mean. A ring has no end and stays as draped."""
    network = star((100, 100, 100), [True] * 3, [False] * 3)
    draped = network.with_heights(heights_by_node(network, [-500, 10, 20, 60, 0, 0, 0]))
    assert draped.node_z_m.tolist()[:4] == pytest.approx([30, 10, 20, 60])
    ring = RoadNetwork.from_segments(CRS, XY[[0, 1, 3]], [0, 1, 2], [1, 2, 0], [FOOTWAY] * 3, tunnel=[True] * 3)
    assert ring.with_heights(heights_by_node(ring, [1, 2, 9])).node_z_m.tolist() == [1, 2, 9]


def test_a_portal_without_height_takes_the_structure_s():
    network = star((100, 100, 100), [True] * 3, [True] * 3)
    draped = network.with_heights(heights_by_node(network, [-500, 10, 20, np.nan, 0, 0, 0]))
    assert draped.node_z_m.tolist() == pytest.approx([15, 10, 20, 15, 0, 0, 0])
    blind = network.with_heights(lambda xy: np.full(len(xy), np.nan))
    assert np.isnan(blind.node_z_m).all()


def heights_by_node(network, z_m):
    """Give the heights of the nodes, and 0 inside the segments."""
    return lambda xy: np.concatenate([np.array(z_m, float), np.zeros(len(xy) - network.node_count)])


def test_networkx_and_back():
    before = tee(oneway=[0, 1, -1], maxspeed_kph=[30.0, np.nan, np.nan], speed_kph=[np.nan, 25.0, np.nan],
                 bridge=[True, False, False], tunnel=[False, True, False], foot=[1, 0, -1], bicycle=[-1, 1, 0],
                 motor=[0, -1, 1], way_id=[5, 6, 7])
    graph = before.to_networkx()
    assert graph.graph["crs"] == CRS
    assert sorted(graph.edges()) == [(10, 11), (11, 10), (11, 12), (13, 11)]
    assert graph.nodes[13] == {"x": 500_100.0, "y": 3_500_100.0}
    after = RoadNetwork.from_networkx(graph, crs=CRS)
    ends = [(int(after.node_id[u]), int(after.node_id[v])) for u, v in zip(after.u, after.v, strict=True)]
    assert ends == [(10, 11), (11, 12), (13, 11)]
    assert after.oneway.tolist() == [0, 1, 1]           # the third now runs the way it may be driven
    for name in ("length_m", "road_class", "maxspeed_kph", "speed_kph", "bridge", "tunnel", "foot", "bicycle", "motor",
                 "way_id"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name), err_msg=name)


def test_ferry_and_heights_survive_networkx():
    before = RoadNetwork.from_segments(CRS, XY, [0], [1], [CLASS_INDEX["ferry"]], ferry=[True], speed_kph=[12.0],
                                       node_z_m=[300.0, 301.0, np.nan, np.nan])
    graph = before.to_networkx()
    assert graph.nodes[0]["elevation"] == 300.0
    after = RoadNetwork.from_networkx(graph, crs=CRS)
    assert (after.ferry.tolist(), after.speed_kph.tolist()) == ([True], [12.0])


def curved(osmid=(1, 2), other=(2, 1)):
    """A simplified two-way edge, as OSMnx makes it: one geometry each way, the OSM ids in the order of travel."""
    graph = nx.MultiDiGraph(crs=CRS, simplified=True)
    for node, (x, y) in enumerate(XY.tolist()):
        graph.add_node(node, x=x, y=y)
    bend = [XY[0], XY[0] + [0, 50], XY[1] + [0, 50], XY[1]]
    graph.add_edge(0, 1, osmid=list(osmid), highway="tertiary", length=200.0, geometry=shapely.LineString(bend))
    graph.add_edge(1, 0, osmid=list(other), highway="tertiary", length=200.0, geometry=shapely.LineString(bend[::-1]))
    return graph


def test_a_curved_edge_is_cut_and_counted_once():
    network = RoadNetwork.from_networkx(curved(), crs=CRS)
    assert network.length_m.tolist() == [50.0, 100.0, 50.0]
    assert network.oneway.tolist() == [0, 0, 0]
    assert network.node_count == 4                 # the two bends; nodes without a road are left out


def test_a_stated_length_is_shared_out():
    graph = curved()
    for _, _, data in graph.edges(data=True):
        data["length"] = 220.0
    assert RoadNetwork.from_networkx(graph, crs=CRS).length_m == pytest.approx([55.0, 110.0, 55.0])


def test_parallel_roads_stay_two():
    graph = curved()
    graph.add_edge(0, 1, osmid=9, highway="path", length=100.0)
    graph.add_edge(1, 0, osmid=9, highway="path", length=100.0)
    assert RoadNetwork.from_networkx(graph, crs=CRS).length_m.sum() == pytest.approx(300.0)


def test_what_is_no_road_is_left_out():
    graph = curved()
    graph.add_edge(2, 3, osmid=9, highway="proposed", length=1.0)
    assert RoadNetwork.from_networkx(graph, crs=CRS).length_m.sum() == pytest.approx(200.0)


def test_graphs_that_cannot_be_used():
    graph = curved()
    del graph.graph["crs"]
    with pytest.raises(MissingCrsError, match="the graph names no crs; set graph"):
        RoadNetwork.from_networkx(graph, crs=CRS)
    bare = nx.MultiDiGraph(crs=CRS)
    bare.add_edge(0, 1, highway="path")
    with pytest.raises(BadValueError, match="node 0, 1 has no x or y"):
        RoadNetwork.from_networkx(bare, crs=CRS)
    with pytest.raises(EmptyTableError):
        RoadNetwork.from_networkx(nx.MultiDiGraph(crs=CRS), crs=CRS)


@pytest.mark.parametrize(("tags", "expected"), [
    ({"highway": "motorway"}, {"oneway": 1}),
    ({"highway": "primary", "oneway": "-1"}, {"oneway": -1}),
    ({"highway": "primary", "junction": "roundabout"}, {"oneway": 1}),
    ({"highway": "primary", "junction": "roundabout", "oneway": "no"}, {"oneway": 0}),
    ({"highway": "residential", "access": "private"}, {"foot": 0, "bicycle": 0, "motor": 0}),
    ({"highway": "residential", "access": "no", "foot": "yes"}, {"foot": 1, "bicycle": 0, "motor": 0}),
    ({"highway": "trunk", "motorroad": "yes"}, {"foot": 0, "bicycle": 0, "motor": -1}),
    ({"highway": "path", "bridge": "viaduct", "tunnel": "no"}, {"bridge": True, "tunnel": False}),
    ({"route": "ferry", "highway": "primary"}, {"ferry": True, "road_class": CLASS_INDEX["ferry"]}),
    ({"highway": ["tertiary", "residential"]}, {"road_class": CLASS_INDEX["tertiary"]}),
])
def test_road_tags(tags, expected):
    read = road_tags(tags)
    assert {name: getattr(read, name) for name in expected} == expected


@pytest.mark.parametrize("tags", [{}, {"highway": "construction"}, {"highway": "proposed"}, {"route": "bus"},
                                  {"highway": "pedestrian", "area": "yes"}])
def test_what_is_no_road(tags):
    assert road_tags(tags) is None


def test_no_length_is_taken_in_web_mercator():
    with pytest.raises(BadValueError, match="EPSG:3857 does not measure true metres; reproject the roads first"):
        RoadNetwork.from_segments("EPSG:3857", np.array([[0.0, 0.0], [100.0, 0.0]]), [0], [1], [0])
