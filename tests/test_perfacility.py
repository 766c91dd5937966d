"""The area of one facility: the same minutes as the field of its door alone, cut the same way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely

from lifecircle.network.access import Access, Doors
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import MODES
from lifecircle.network.perfacility import FacilityTimes, facility_areas
from lifecircle.network.surface import Raster, cut, surface_minutes
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.roadnetwork import RoadNetwork
from town import CRS, ORIGIN_M, WALK, grid_roads

CELL_M = 25.0
MODE_NAMES = ("walk", "bicycle", "car")


def scribble(seed, nodes=40, extent_m=2_000.0):
    """Slanted streets and footpaths in hills, long and short, some one-way, a bridge, an island."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, extent_m, (nodes, 2)) + ORIGIN_M
    u = np.concatenate([np.arange(1, nodes - 4), rng.integers(0, nodes - 4, nodes // 2), [nodes - 4, nodes - 3]])
    v = np.concatenate([rng.integers(0, np.arange(1, nodes - 4)), rng.integers(0, nodes - 4, nodes // 2),
                        [nodes - 3, nodes - 2]])
    kinds = [CLASS_INDEX[name] for name in ("residential", "tertiary", "footway", "motorway")]
    return RoadNetwork.from_segments(
        CRS, xy, u, v, rng.choice(kinds, len(u), p=[0.5, 0.2, 0.2, 0.1]), node_z_m=rng.uniform(300, 400, nodes),
        oneway=rng.choice([0, 1, -1], len(u), p=[0.7, 0.2, 0.1]), bridge=rng.random(len(u)) < 0.1)


def town_access(network, barriers=None):
    modes = {**MODES, "walk": replace(WALK, slope="tobler" if np.isfinite(network.node_z_m).any() else "none")}
    return Access(network, modes, barriers)


def random_doors(seed, count=6, extent_m=2_000.0):
    rng = np.random.default_rng(seed)
    return Doors(rng.uniform(-100, extent_m + 100, (count, 2)) + ORIGIN_M, np.arange(count) + 10)


def walls(seed, extent_m=2_000.0):
    cells = np.random.default_rng(seed).random((round(extent_m / 10) + 40,) * 2) < 0.03
    return BarrierGrid(cells.astype(np.uint8), ORIGIN_M[0] - 200, ORIGIN_M[1] + extent_m + 200, 10.0)


@pytest.mark.parametrize("direction", ["to", "from"])
@pytest.mark.parametrize("mode", MODE_NAMES)
@pytest.mark.parametrize(("seed", "walled"), [(1, False), (2, True), (3, False)])
def test_minutes_equal_the_field_of_the_door_alone(seed, walled, mode, direction):
    access, doors = town_access(scribble(seed), walls(seed) if walled else None), random_doors(seed)
    times = FacilityTimes.solve(access, mode, doors, 12.0, direction=direction, cell_m=CELL_M)
    for facility in range(len(times.labels)):
        part, got = times.minutes(facility)
        field = access.solve(mode, [Doors(doors.xy_m[[facility]], np.zeros(1, int))], direction=direction)
        centres = times.raster.centres(np.ones((times.raster.rows, times.raster.columns), dtype=bool))
        expected = np.full((times.raster.rows, times.raster.columns), np.nan)
        near = near_roads(access.network, centres)
        ms = field.reach(centres[near], want_snap=False).ms[:, 0]
        expected.ravel()[near] = np.where(ms <= times.limit_ms, ms / 60_000, np.nan)
        rows = slice(part.first_row, part.first_row + part.raster.rows)
        columns = slice(part.first_column, part.first_column + part.raster.columns)
        got.ravel()[~near.reshape(expected.shape)[rows, columns].ravel()] = np.nan
        np.testing.assert_allclose(got, expected[rows, columns], rtol=1e-12)
        assert np.isfinite(got).sum() > 500
        expected[rows, columns] = np.nan
        assert np.isnan(expected).all()  # nothing in time lies outside the part


def near_roads(network, points):
    """Tell which points lie in the box of the roads or within 290 m of it."""
    low, high = network.node_xy_m.min(axis=0) - 290, network.node_xy_m.max(axis=0) + 290
    return ((points > low) & (points < high)).all(axis=1)


def sample(areas, label, cutoff_min):
    [shape] = areas.geometry[(areas["facility"] == label) & (areas["cutoff"] == cutoff_min)]
    return shape


@pytest.mark.parametrize("mode", ["walk", "car"])
@pytest.mark.parametrize("network", [grid_roads(12), scribble(4)], ids=["town", "scribble"])
def test_no_late_place_inside_and_none_in_time_outside(network, mode):
    access, doors = town_access(network), random_doors(4, extent_m=1_200.0)
    areas = facility_areas(access, mode, doors, [10.0, 5.0], direction="to", cell_m=CELL_M)
    assert areas["facility"].tolist() == [label for label in range(10, 16) for _ in range(2)]
    assert areas["cutoff"].tolist() == [5.0, 10.0] * 6
    assert areas.geometry.is_valid.all()
    low, high = network.node_xy_m.min(axis=0) - 250, network.node_xy_m.max(axis=0) + 250
    points = np.random.default_rng(5).uniform(low, high, (4_000, 2))
    for row, label in enumerate(doors.label):
        field = access.solve(mode, [Doors(doors.xy_m[[row]], np.zeros(1, int))], direction="to")
        minutes = field.reach(points).minutes[:, 0]
        for cutoff_min in (5.0, 10.0):
            shape = sample(areas, label, cutoff_min)
            off_m = shapely.distance(shape, shapely.points(points))
            # By car the last stretch of street may outrun the walk to the next cell centre beside it.
            beyond_m = CELL_M * (np.sqrt(2) if mode == "walk" else 3.0)
            deep_m = shapely.distance(shapely.boundary(shape), shapely.points(points))
            late_inside = (minutes > cutoff_min) & (off_m == 0) & (deep_m > CELL_M * np.sqrt(2))
            in_time_outside = (minutes <= cutoff_min) & (off_m > beyond_m)
            assert not late_inside.any()
            assert not in_time_outside.any()
        assert sample(areas, label, 5.0).difference(sample(areas, label, 10.0)).area == pytest.approx(0.0, abs=1e-6)


def test_the_cut_equals_that_of_the_whole_surface():
    access, doors = town_access(grid_roads(12)), Doors(ORIGIN_M + [[330.0, 470.0]], np.zeros(1, int))
    [got] = facility_areas(access, "walk", doors, [6.0], direction="to", cell_m=CELL_M).geometry
    outline = shapely.box(*(ORIGIN_M - 200), *(ORIGIN_M + 1_300))
    raster = Raster.over(outline, CELL_M)
    field = access.solve("walk", [doors], direction="to")
    whole = surface_minutes(field, raster, np.ones((raster.rows, raster.columns), dtype=bool))[0]
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


def test_the_far_end_of_a_long_street():
    # The only street runs 3 km from the door; no node of it but the door's own is reached in 10 min.
    network = RoadNetwork.from_segments(CRS, ORIGIN_M + np.array([[0.0, 0.0], [3_000.0, 0.0]]), np.array([0]),
                                        np.array([1]), np.array([CLASS_INDEX["residential"]]))
    doors = Doors(ORIGIN_M[None], np.zeros(1, int))
    [shape] = facility_areas(town_access(network), "walk", doors, [10.0], direction="to", cell_m=10.0).geometry
    assert shape.bounds[2] - ORIGIN_M[0] == pytest.approx(1_000.0, abs=7.0)


def test_several_doors_make_one_facility():
    doors = Doors(ORIGIN_M + np.array([[0.0, 0.0], [1_100.0, 1_100.0]]), np.array([7, 7]))
    areas = facility_areas(town_access(grid_roads(12)), "walk", doors, [2.0], direction="to", cell_m=CELL_M)
    assert areas["facility"].tolist() == [7]
    assert len(shapely.get_parts(areas.geometry.iloc[0])) == 2


def test_a_door_far_from_any_road_has_the_walk_around_it():
    doors = Doors(ORIGIN_M + np.array([[-5_000.0, 0.0]]), np.zeros(1, int))
    [shape] = facility_areas(town_access(grid_roads()), "walk", doors, [3.0], direction="to", cell_m=10.0).geometry
    assert shape.area == pytest.approx(np.pi * 180.0**2, rel=0.01)  # 3 min at 60 m a minute


def test_no_facility_gives_an_empty_table():
    doors = Doors(np.empty((0, 2)), np.empty(0, int))
    areas = facility_areas(town_access(grid_roads()), "walk", doors, [15.0], direction="to")
    assert list(areas.columns) == ["facility", "cutoff", "area_km2", "geometry"]
    assert len(areas) == 0


def test_the_number_of_threads_changes_nothing():
    access, doors = town_access(scribble(6)), random_doors(6, count=12)
    one, two = (facility_areas(access, "car", doors, [4.0, 8.0], direction="to", threads=count) for count in (1, 2))
    assert [shape.wkb for shape in one.geometry] == [shape.wkb for shape in two.geometry]
