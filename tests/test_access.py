"""Access legs against minutes worked by hand; `test_brute_force` holds them against all places tried."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lifecircle.network.access as access_module
from lifecircle.network.access import Access, Doors
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import MODES
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.roadnetwork import RoadNetwork
from town import CRS, ORIGIN_M, WALK, grid_roads, wild_roads


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
    # A wall along y = -50 … -40 from x = -300 to x = 50. Without it the place at (3, -100) meets the street 75 m ahead,
    # at x = 78: 125 m at 60 m/min, then 322 m. With it places 10 m apart are tried: the legs to 80 and 90 pass the wall
    # at x = 41.5 and 46.5, blocked; that to 100 passes at 51.5, clear: hypot(97, 100) = 139.317 m, then 300 m.
    open_way = minutes(grid_roads(), [(400, 0)], [(3, -100)])[0][0]
    closed_way = minutes(grid_roads(), [(400, 0)], [(3, -100)], barriers=wall(-300, 50, -50, -40))[0][0]
    assert open_way == pytest.approx(125 / 60 + 3.22, abs=1e-4)
    assert closed_way == pytest.approx(139.317 / 60 + 3.0, abs=1e-4)


def street(*ends, **columns):
    """One road between two points."""
    kinds = np.array([CLASS_INDEX["residential"]])
    return RoadNetwork.from_segments(CRS, np.array(ends) + ORIGIN_M, np.array([0]), np.array([1]), kinds, **columns)


def test_legs_that_meet_on_an_edge_go_around_a_wall():
    # Door and place 30 m each side of a street at x = 56, a wall beside the street at x = 50 … 60, y = 10 … 20: the
    # straight walk is blocked and so is the leg to their best meeting place, 56. Of the places 10 m apart that to 70
    # is clear, it passes y = 20 at x = 60.7: twice hypot(14, 30) = 33.106 m. To go along to where the door would be
    # left by itself, 22.5 m before or after, costs 2 · 37.5 m.
    got, _, _ = minutes(street((0.0, 0.0), (100.0, 0.0)), [(56, -30)], [(56, 30)], barriers=wall(50, 60, 10, 20))
    assert got[0] == pytest.approx(2 * 33.1059 / 60, abs=1e-4)


def test_a_door_is_joined_by_a_slanted_leg_alone():
    # A wall along y = -20 … -10 with a gap at x = 34 … 43. From the door at (50, -30) the leg towards x = 0 is best at
    # 27.5: it passes the gap from x = 42.5 to 35. The straight one and all that are tried 10 m apart are blocked.
    cells = np.zeros((40, 300), np.uint8)
    cells[10:20, :] = 1                     # cells of 1 m, first row at y = 0, first column at x = -100
    cells[10:20, 134:143] = 0
    barriers = BarrierGrid(cells, ORIGIN_M[0] - 100, ORIGIN_M[1], 1.0)
    got, _, field = minutes(street((0.0, 0.0), (100.0, 0.0)), [(50, -30)], [(0, 0)], barriers=barriers)
    assert got[0] == pytest.approx(27.5 / 100 + 37.5 / 60, abs=1e-4)
    assert field.door_snap_m[0][0] == pytest.approx(37.5)


def test_a_ride_of_no_length_is_a_trip():
    # One way, not to be walked; door 200 m south at x = 500, place 200 m north at x = 600, more than 300 m apart. They
    # meet at x = 550 without a ride: twice hypot(50, 200) = 206.155 m at 40 m/min, and the 3 minutes of any trip.
    network = street((0.0, 0.0), (1000.0, 0.0), oneway=np.array([1]), foot=np.array([0]))
    car = {"walk": replace(WALK, off_road_kph=2.4), "car": MODES["car"]}
    field = Access(network, car).solve("car", [Doors(ORIGIN_M + [[500.0, -200.0]], np.zeros(1, int))], direction="to")
    assert field.reach(ORIGIN_M + [[600.0, 200.0]]).minutes[0, 0] == pytest.approx(3 + 2 * 206.155 / 40, abs=1e-4)


@pytest.mark.parametrize("direction", ["to", "from"])
def test_joints_left_out_do_not_matter(direction, monkeypatch):
    """On open ground doors are left out where the roads are faster anyway: the same time with all of them kept."""
    network = wild_roads(5)
    rng = np.random.default_rng(5)
    doors, points = (rng.uniform(-100, 1_400, (count, 2)) + ORIGIN_M for count in (150, 1_000))
    found = []
    for keep_all in (False, True):
        if keep_all:
            monkeypatch.setattr(access_module, "_needed", lambda _l, _s, joints, *_: np.ones(len(joints.edge), bool))
        field = Access(network, dict(MODES)).solve("car", [Doors(doors, np.arange(150))], direction=direction,
                                                   slope="none")
        found.append((field.reach(points).ms, sum(len(part.joints.edge) for part in field.parts)))
    assert np.abs(found[0][0] - found[1][0]).max() <= 1
    assert found[0][1] < 0.5 * found[1][1]


def trip(network, door, places, mode="car", **changes):
    """Minutes by vehicle, with the walk of the town at both ends."""
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
