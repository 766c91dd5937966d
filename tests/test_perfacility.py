"""The area of one facility: the same minutes as the field of its door alone, cut the same way."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
import pytest
import shapely

from leaks import leaks
from lifecircle.network.access import Access, Doors
from lifecircle.network.modes import MODES
from lifecircle.network.perfacility import FacilityTimes, facility_areas
from lifecircle.network.surface import Raster, cut, sealed_from, surface_minutes
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.roadnetwork import RoadNetwork
from town import CRS, ORIGIN_M, WALK, grid_roads, random_doors, scribble, town_access, walls, wild_roads, wild_walls

CELL_M = 25.0
MODE_NAMES = ("walk", "bicycle", "car")


@pytest.mark.parametrize("direction", ["to", "from"])
@pytest.mark.parametrize("mode", MODE_NAMES)
@pytest.mark.parametrize(("network", "barriers"), [
    (scribble(1), None), (scribble(2), walls(2)), (wild_roads(3), None), (wild_roads(4), wild_walls(4))],
    ids=["open", "walled", "wild", "wild-walled"])
def test_minutes_equal_the_field_of_the_door_alone(network, barriers, mode, direction):
    access, doors = town_access(network, barriers), random_doors(1)
    places = np.random.default_rng(2).uniform(-400, 2_400, (600, 2)) + ORIGIN_M
    times = FacilityTimes.solve(access, mode, doors, 12.0, direction=direction, cell_m=CELL_M, places_m=places)
    whole, everywhere, reached = times.raster, np.arange(times.raster.rows * times.raster.columns), 0
    for facility in range(len(times.labels)):
        part, got, places_min = times.reach(facility)
        field = access.solve(mode, [Doors(doors.xy_m[[facility]], np.zeros(1, int))], direction=direction)
        [expected] = surface_minutes([field], whole, everywhere, times.sealed)
        ms = field.reach(places, want_snap=False).ms[:, 0]
        np.testing.assert_allclose(places_min, np.where(ms <= times.limit_ms, ms / 60_000, np.nan), rtol=1e-12)
        reached += np.isfinite(got.centre).sum()
        assert got.step_min == expected.step_min
        top, left = round((whole.north_m - part.north_m) / CELL_M), round((part.west_m - whole.west_m) / CELL_M)
        for mine, theirs, limit_ms in ((got.centre, expected.centre, times.limit_ms),
                                       (got.aside, expected.aside, 12 * 60_000)):
            for band in (mine, theirs):
                band[np.round(band * 60_000) > limit_ms] = np.nan
            inside = theirs[top : top + part.rows, left : left + part.columns]
            np.testing.assert_allclose(mine, inside, rtol=1e-6)  # the surface is kept in half the bytes
            inside[:] = np.nan
            assert np.isnan(theirs).all()  # nothing in time lies outside the part
    assert reached > 2_000


def sample(areas, label, cutoff_min):
    [shape] = areas.geometry[(areas["facility"] == label) & (areas["cutoff"] == cutoff_min)]
    return shape


@pytest.mark.parametrize("mode", ["walk", "car"])
@pytest.mark.parametrize("network", [grid_roads(12), scribble(4), wild_roads(2)], ids=["town", "scribble", "wild"])
@pytest.mark.parametrize("walled", [False, True])
def test_no_late_place_inside_and_none_in_time_outside(network, walled, mode):
    access, doors = town_access(network, wild_walls(4) if walled else None), random_doors(4, extent_m=1_200.0)
    areas = facility_areas(access, mode, doors, [10.0, 5.0], direction="to", cell_m=CELL_M)
    assert areas["facility"].tolist() == [label for label in range(10, 16) for _ in range(2)]
    assert areas["cutoff"].tolist() == [5.0, 10.0] * 6
    assert areas.geometry.is_valid.all()
    low, high = network.node_xy_m.min(axis=0) - 250, network.node_xy_m.max(axis=0) + 250
    points = np.random.default_rng(5).uniform(low, high, (4_000, 2))
    begin, end = network.node_xy_m[network.u], network.node_xy_m[network.v]
    points = np.concatenate([points, *(begin + share * (end - begin) for share in (0.1, 0.4, 0.8))])
    for row, label in enumerate(doors.label):
        field = access.solve(mode, [Doors(doors.xy_m[[row]], np.zeros(1, int))], direction="to")
        minutes = field.reach(points).minutes[:, 0]
        for cutoff_min in (5.0, 10.0):
            lost = leaks(sample(areas, label, cutoff_min), points, minutes <= cutoff_min, CELL_M,
                         lambda xy_m, field=field, cutoff_min=cutoff_min: field.reach(xy_m).minutes[:, 0] <= cutoff_min)
            assert points[lost].tolist() == []
        assert sample(areas, label, 5.0).difference(sample(areas, label, 10.0)).area == pytest.approx(0.0, abs=1e-6)


def test_the_cut_equals_that_of_the_whole_surface():
    access, doors = town_access(grid_roads(12)), Doors(ORIGIN_M + [[330.0, 470.0]], np.zeros(1, int))
    [got] = facility_areas(access, "walk", doors, [6.0], direction="to", cell_m=CELL_M).geometry
    outline = shapely.box(*(ORIGIN_M - 200), *(ORIGIN_M + 1_300))
    raster = Raster.over(outline, CELL_M)
    field = access.solve("walk", [doors], direction="to")
    cells = np.arange(raster.rows * raster.columns)
    whole = surface_minutes([field], raster, cells, sealed_from([field], raster, cells))[0]
    expected = cut(whole, 6.0, raster, outline)
    assert got.area > 1e5
    assert got.symmetric_difference(expected).area < 1e-6 * expected.area


def test_hand_worked_area():
    # 2 min along the street from its middle, 100 m a minute, door on the street: 200 m to either side on it, and
    # 60 m a minute beside it: at the height of the door 120 m.
    network = RoadNetwork.from_segments(CRS, ORIGIN_M + np.array([[-2_000.0, 0.0], [2_000.0, 0.0]]), np.array([0]),
                                        np.array([1]), np.array([CLASS_INDEX["residential"]]))
    doors = Doors(ORIGIN_M[None], np.zeros(1, int))
    [shape] = facility_areas(town_access(network), "walk", doors, [2.0], direction="to", cell_m=10.0).geometry
    west, south, east, north = shape.bounds
    x, y = ORIGIN_M
    # The street lies between two rows of cells: 5 m of leg, worth 6.7 m of street, are lost at its ends.
    assert [x - west, east - x] == pytest.approx([200.0, 200.0], abs=7.0)
    assert [y - south, north - y] == pytest.approx([120.0, 120.0], abs=1.0)


@pytest.mark.parametrize("at_m", [0.0, 3_000.0])
def test_the_far_end_of_a_long_street(at_m):
    # The only street runs 3 km from the door, or from its middle to both sides; no other node is reached in 10 min.
    network = RoadNetwork.from_segments(CRS, ORIGIN_M + np.array([[0.0, 0.0], [3_000.0 + at_m, 0.0]]), np.array([0]),
                                        np.array([1]), np.array([CLASS_INDEX["residential"]]))
    doors = Doors(ORIGIN_M[None] + [at_m, 0.0], np.zeros(1, int))
    [shape] = facility_areas(town_access(network), "walk", doors, [10.0], direction="to", cell_m=10.0).geometry
    reach_m = [shape.bounds[2] - ORIGIN_M[0] - at_m] + ([at_m + ORIGIN_M[0] - shape.bounds[0]] if at_m else [])
    assert reach_m == [pytest.approx(1_000.0, abs=7.0)] * len(reach_m)


def car_road(*kinds, length_m=1_500.0):
    """One road eastwards from the origin, piece by piece."""
    count = len(kinds)
    xy = ORIGIN_M + np.column_stack([np.arange(count + 1) * length_m, np.zeros(count + 1)])
    return RoadNetwork.from_segments(CRS, xy, np.arange(count), np.arange(1, count + 1),
                                     np.array([CLASS_INDEX[kind] for kind in kinds]))


@pytest.mark.parametrize("cell_m", [10.0, 50.0])
@pytest.mark.parametrize("north_m", [0.0, 12.0, 25.0])
def test_the_tip_of_a_fast_road_is_in_the_area(north_m, cell_m):
    # By car at 25 km/h with 3 min to the car and from it: 12 min are 5,000 m. 40 m a minute beside the road: at the
    # door 300 m (the longest leg), 10 m from the tip 1 m to either side.
    network = car_road(*["tertiary"] * 5)
    network = dataclasses.replace(network, node_xy_m=network.node_xy_m + [0.0, north_m])
    door = Doors(network.node_xy_m[:1], np.zeros(1, int))
    [shape] = facility_areas(town_access(network), "car", door, [15.0], direction="to", cell_m=cell_m).geometry
    tip_m = (MODES["car"].speeds_kph["tertiary"] / 60.0) * (15.0 - MODES["car"].terminal_min) * 1000.0
    assert shape.bounds[2] - ORIGIN_M[0] == pytest.approx(tip_m, abs=cell_m)
    on_road = shapely.points(ORIGIN_M[0] + np.arange(0.0, tip_m, 10.0), network.node_xy_m[0, 1])
    assert shapely.distance(shape, on_road).max() <= cell_m
    assert len(shapely.get_parts(shape)) == 1


def test_area_by_car_worked_by_hand():
    # All places in time along a straight road: the hull of a disc of r = 60 m a minute · (T - t) around each place.
    network = car_road(*["tertiary"] * 5)
    door = Doors(network.node_xy_m[:1], np.zeros(1, int))
    access = Access(network, {"walk": WALK, "car": replace(MODES["car"], terminal_min=0.0)})
    [shape] = facility_areas(access, "car", door, [4.0], direction="to", cell_m=10.0).geometry
    tip_m, walk_m = MODES["car"].speeds_kph["tertiary"] / 60.0 * 4_000.0, WALK.off_road_kph / 60.0 * 4_000.0
    kite = shapely.union(shapely.Point(0, 0).buffer(walk_m, 200), shapely.Point(tip_m, 0)).convex_hull
    assert shape.area == pytest.approx(kite.area, rel=0.01)
    moved = shapely.transform(kite, lambda xy: xy + ORIGIN_M)
    assert shape.symmetric_difference(moved).area < 0.02 * kite.area


def test_nobody_stands_on_the_motorway():
    network = car_road("residential", "motorway", "motorway", "residential", length_m=1_000.0)
    door = Doors(network.node_xy_m[:1], np.zeros(1, int))
    [shape] = facility_areas(town_access(network), "car", door, [15.0], direction="to", cell_m=25.0).geometry
    near, middle, beyond = (shapely.Point(ORIGIN_M + [x, 0.0]) for x in (500.0, 2_000.0, 3_500.0))
    assert shape.covers(near)
    assert shape.covers(beyond)
    assert shape.distance(middle) > 300.0


def test_several_doors_make_one_facility():
    doors = Doors(ORIGIN_M + np.array([[0.0, 0.0], [1_100.0, 1_100.0]]), np.array([7, 7]))
    areas = facility_areas(town_access(grid_roads(12)), "walk", doors, [2.0], direction="to", cell_m=CELL_M)
    assert areas["facility"].tolist() == [7]
    assert len(shapely.get_parts(areas.geometry.iloc[0])) == 2


def test_a_door_far_from_any_road_has_the_walk_around_it():
    doors = Doors(ORIGIN_M + np.array([[-5_000.0, 0.0]]), np.zeros(1, int))
    [shape] = facility_areas(town_access(grid_roads()), "walk", doors, [3.0], direction="to", cell_m=10.0).geometry
    assert shape.area == pytest.approx(np.pi * 180.0**2, rel=0.01)  # 3 min at 60 m a minute


def test_people_are_counted_by_their_own_minutes():
    # 2 min on foot at 100 m a minute: 200 m along the street, the very place there still in time.
    network = RoadNetwork.from_segments(CRS, ORIGIN_M + np.array([[-2_000.0, 0.0], [2_000.0, 0.0]]), np.array([0]),
                                        np.array([1]), np.array([CLASS_INDEX["residential"]]))
    homes_m = ORIGIN_M + np.array([[200.0, 0.0], [-200.1, 0.0], [0.0, 119.0], [9_000.0, 0.0]])
    people = (homes_m, np.array([1, 20, 300, 4]))
    doors = Doors(ORIGIN_M[None], np.zeros(1, int))
    areas = facility_areas(town_access(network), "walk", doors, [2.0, 2.01], direction="to", people=people)
    assert areas["population"].tolist() == [301.0, 321.0]


def test_of_two_directions_what_is_in_time_in_both():
    # A one-way street eastwards from the origin: by car the door in its middle is reached from the west only.
    network = RoadNetwork.from_segments(
        CRS, ORIGIN_M + np.array([[0.0, 0.0], [4_000.0, 0.0]]), np.array([0]), np.array([1]),
        np.array([CLASS_INDEX["tertiary"]]), oneway=np.array([1]))
    doors = Doors(ORIGIN_M[None] + [2_000.0, 0.0], np.zeros(1, int))
    people = (ORIGIN_M + np.array([[500.0, 0.0], [1_990.0, 0.0], [3_500.0, 0.0]]), np.array([1, 20, 300]))
    shapes = {}
    for way, population in (("to", 21.0), ("from", 320.0), ("worse", 20.0)):
        [row] = facility_areas(town_access(network), "car", doors, [10.0], direction=way, people=people).itertuples()
        shapes[way] = row.geometry
        assert row.population == population
    assert shapes["worse"].equals(shapes["to"].intersection(shapes["from"]))
    assert shapes["to"].covers(shapely.Point(people[0][0]))
    assert not shapes["worse"].intersects(shapely.MultiPoint(people[0][[0, 2]]))


def test_no_facility_gives_an_empty_table():
    doors = Doors(np.empty((0, 2)), np.empty(0, int))
    areas = facility_areas(town_access(grid_roads()), "walk", doors, [15.0], direction="to")
    assert list(areas.columns) == ["facility", "cutoff", "area_km2", "population", "geometry"]
    assert len(areas) == 0


def test_the_number_of_threads_changes_nothing():
    access, doors = town_access(scribble(6)), random_doors(6, count=12)
    one, two = (facility_areas(access, "car", doors, [4.0, 8.0], direction="to", threads=count) for count in (1, 2))
    assert [shape.wkb for shape in one.geometry] == [shape.wkb for shape in two.geometry]
