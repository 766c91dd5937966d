"""Access legs against hand-worked minutes and against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from lifecircle.network.access import Access, Doors
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.legs import crosses
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.roadnetwork import RoadNetwork
from town import CRS, ORIGIN_M, WALK, brute_force_minutes, grid_roads


def minutes(network, doors, points, *, direction="to", barriers=None, mode=WALK):
    access = Access(network, {mode.name: mode}, barriers)
    xy = np.asarray(doors, dtype=float).reshape(-1, 2) + ORIGIN_M
    field = access.solve(mode.name, [Doors(xy, np.arange(len(xy)))], direction=direction)
    reach = field.reach(np.asarray(points, dtype=float).reshape(-1, 2) + ORIGIN_M)
    return reach.minutes[:, 0], reach, field


@pytest.mark.parametrize(("door", "place", "expected"), [
    ((0, 0), (400, 400), 8.0),              # eight blocks
    ((0, 0), (0, 0), 0.0),
    ((0, 0), (200, 0), 2.0),
    ((0, 0), (50, 0), 0.5),                 # on the street, half a block
    ((0, 0), (150, 0), 1.5),
    ((100, 0), (350, 0), 2.5),
    ((-60, 0), (0, 0), 1.0),                # a door 60 m off the end of the street
    ((-60, 0), (400, 0), 5.0),
    ((20, 0), (80, 0), 0.6),                # both on one edge
    ((0, -60), (0, -30), 0.5),              # straight from door to door
    ((0, 0), (400, -240), 7.2),             # slanted: 180 m ahead, a leg of 300 m = 5 min, then 220 m of street
    ((50, 30), (50, -30), 1.0),             # across the street, nothing gained by walking along it
])
def test_hand_worked_minutes(door, place, expected):
    got, _, _ = minutes(grid_roads(), [door], [place])
    assert got[0] == pytest.approx(expected, abs=1e-3)


def test_slanted_leg_is_worth_it():
    # Place 30 m below a long street, door far along it: walking 30 m at 60 m/min slantwise. With a = 1/100, b = 1/60
    # min/m the best foot lies h·a/sqrt(b² - a²) = 30 · 0.75 = 22.5 m ahead: 37.5 m at 60 plus (D - 22.5) at 100.
    got, _, _ = minutes(grid_roads(), [(400, 0)], [(50, -30)])
    assert got[0] == pytest.approx(37.5 / 60 + (350 - 22.5) / 100, abs=1e-3)


def test_oneway_counts_for_wheels_only():
    from dataclasses import replace

    network = grid_roads()
    oneway = np.zeros(len(network), np.int8)
    oneway[0] = 1  # street from crossing 0 to crossing 1
    network = replace(network, oneway=oneway)
    wheels = replace(WALK, name="cart", family="foot", respects_oneway=True)
    assert minutes(network, [(0, 0)], [(100, 0)])[0][0] == pytest.approx(1.0, abs=1e-3)
    # One-way: up 100, across 100, down 100; cutting the corner off the road would take longer.
    assert minutes(network, [(0, 0)], [(100, 0)], mode=wheels)[0][0] == pytest.approx(100 / 60, abs=1e-3)
    assert minutes(network, [(0, 0)], [(100, 0)], mode=wheels, direction="from")[0][0] == pytest.approx(1, abs=1e-3)


def test_beyond_the_snap_limit_is_not_joined():
    got, reach, field = minutes(grid_roads(), [(0, 0), (0, -301)], [(0, -299), (0, -602)])
    assert np.isfinite(reach.snap_m[0])
    assert reach.snap_m[0] == pytest.approx(2.0)       # the second door stands 2 m away
    assert not np.isfinite(reach.snap_m[1])
    assert np.isinf(got[1])
    assert np.isinf(field.door_snap_m[0][1])


def wall(x_low, x_high, y_low, y_high):
    """A barrier over a rectangle of the town, in metres from its origin."""
    cells = np.zeros((100, 100), np.uint8)
    for row in range(100):
        for column in range(100):
            x, y = column * 10 - 300 + 5, 700 - row * 10 - 5
            cells[row, column] = x_low < x < x_high and y_low < y < y_high
    return BarrierGrid(cells, ORIGIN_M[0] - 300, ORIGIN_M[1] + 700, 10.0)


def test_a_wall_turns_the_leg():
    # A wall 10 m thick along y = -50 … -40 from x = -300 to x = 50 shuts off the place at (0, -100); it walks round
    # the end of the wall to the street.
    barriers = wall(-300, 50, -50, -40)
    open_way = minutes(grid_roads(), [(400, 0)], [(0, -100)])[0][0]
    closed_way, _, _ = minutes(grid_roads(), [(400, 0)], [(0, -100)], barriers=barriers)
    assert closed_way[0] > open_way
    blocked = make_blocked(barriers)
    [expected] = brute_force_minutes(grid_roads(), WALK, ORIGIN_M + [[400, 0]], ORIGIN_M + [0, -100], blocked=blocked)
    # Blocked legs are tried every 10 m, so up to 10 m of leg may be lost: 10/60 min at worst.
    assert expected - 1e-3 <= closed_way[0] <= expected + 10 / 60


def make_blocked(barriers):
    return lambda a, b: crosses(barriers.walls, *a, *b)


def random_network(rng, nodes=14):
    """A connected-ish scribble of slanted streets, some one-way, one bridge."""
    xy = rng.uniform(0, 900, (nodes, 2)) + ORIGIN_M
    u, v = [], []
    for node in range(1, nodes):
        u.append(node)
        v.append(int(rng.integers(0, node)))
    extra = rng.integers(0, nodes, (6, 2))
    u += extra[:, 0].tolist()
    v += extra[:, 1].tolist()
    count = len(u)
    return RoadNetwork.from_segments(CRS, xy, np.array(u), np.array(v), np.full(count, CLASS_INDEX["residential"]),
                                     oneway=rng.choice([0, 0, 1, -1], count), bridge=rng.random(count) < 0.15)


@pytest.mark.parametrize("seed", range(12))
def test_equal_to_brute_force(seed):
    from dataclasses import replace

    rng = np.random.default_rng(seed)
    network = random_network(rng)
    mode = replace(WALK, respects_oneway=bool(seed % 2))
    doors = rng.uniform(0, 900, (3, 2)) + ORIGIN_M
    doors[0] = network.node_xy_m[network.u[2]] * 0.3 + network.node_xy_m[network.v[2]] * 0.7 + rng.normal(0, 5, 2)
    points = rng.uniform(-100, 1000, (60, 2)) + ORIGIN_M
    points[0] = doors[0] + rng.normal(0, 30, 2)
    field = Access(network, {"walk": mode}).solve("walk", [Doors(doors, np.arange(3))], direction="to")
    got = field.reach(points).minutes[:, 0]
    expected = brute_force_minutes(network, mode, doors, points)
    assert np.isinf(got).tolist() == np.isinf(expected).tolist()
    assert got[np.isfinite(got)] == pytest.approx(expected[np.isfinite(got)], abs=1 / 60)


def trip(network, door, places, mode="car", **changes):
    """Minutes by vehicle, with the walk of the town at both ends."""
    from dataclasses import replace

    from lifecircle.network.modes import MODES

    modes = {"walk": WALK, mode: replace(MODES[mode], **changes)}
    access = Access(network, modes)
    field = access.solve(mode, [Doors(np.array([door], float) + ORIGIN_M, np.zeros(1, int))], direction="to")
    return field.reach(np.array(places, float) + ORIGIN_M).minutes[:, 0]


def test_drive_then_walk_the_footpath():
    # 10 km of residential street (20 km/h: 30 min), then 500 m of footpath (100 m a minute: 5 min), terminal 3 min.
    xy = np.array([[0.0, 0.0], [10_000.0, 0.0], [10_000.0, 500.0]]) + ORIGIN_M
    classes = np.array([CLASS_INDEX["residential"], CLASS_INDEX["footway"]])
    network = RoadNetwork.from_segments(CRS, xy, np.array([0, 1]), np.array([1, 2]), classes)
    got = trip(network, (0, 0), [(10_000, 0), (10_000, 500), (10_000, 200), (200, 0), (5_000, 0)])
    # 200 m from the door walking wins: 2 min against 3.6.
    assert got == pytest.approx([33.0, 38.0, 35.0, 2.0, 18.0], abs=1e-3)


def test_a_facility_at_the_end_of_a_footpath_is_reached_by_car():
    xy = np.array([[0.0, 0.0], [10_000.0, 0.0], [10_000.0, 500.0]]) + ORIGIN_M
    classes = np.array([CLASS_INDEX["residential"], CLASS_INDEX["footway"]])
    network = RoadNetwork.from_segments(CRS, xy, np.array([0, 1]), np.array([1, 2]), classes)
    assert trip(network, (10_000, 500), [(0, 0)]) == pytest.approx([38.0], abs=1e-3)


def test_stepping_out_beside_the_road():
    # The place lies 60 m beside the middle of a long edge. Walking leg at 60 m/min; a = 3 min/km along the road, so
    # the best place to step out is 60·a/sqrt(b² - a²) ahead: a = 0.003, b = 1/60 min/m.
    xy = np.array([[0.0, 0.0], [10_000.0, 0.0]]) + ORIGIN_M
    network = RoadNetwork.from_segments(CRS, xy, np.array([0]), np.array([1]), np.array([CLASS_INDEX["residential"]]))
    a, b = 0.003, 1 / 60
    expected = 3.0 + a * 5000 + 60 * np.sqrt(b * b - a * a)
    assert trip(network, (0, 0), [(5_000, 60)]) == pytest.approx([expected], abs=1e-3)


def test_layers_do_not_mix():
    access = Access(grid_roads(), {"walk": WALK})
    first, second = (Doors(np.array([at], float) + ORIGIN_M, np.zeros(1, int)) for at in ((0, 0), (400, 400)))
    both = access.solve("walk", [first, second], direction="to").reach(ORIGIN_M + np.array([[100.0, 0.0]]))
    assert both.minutes[0] == pytest.approx([1.0, 7.0], abs=1e-3)


def test_ties_go_to_the_lower_facility():
    access = Access(grid_roads(), {"walk": WALK})
    doors = Doors(np.array([[400.0, 0.0], [0.0, 0.0]]) + ORIGIN_M, np.array([0, 1]))
    reach = access.solve("walk", [doors], direction="to").reach(ORIGIN_M + np.array([[200.0, 0.0], [190.0, 0.0]]))
    assert reach.label[:, 0].tolist() == [0, 1]
