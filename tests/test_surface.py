"""Rasters, the places where roads pass their cells, and the areas cut from them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely

from lifecircle.network.access import Net
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import MODES
from lifecircle.network.raster import Raster, Stations, open_places
from lifecircle.network.surface import Minutes, cut
from town import grid_roads, wild_roads

#: Cells of 10 m, the centre of the first at (5, 45).
RASTER = Raster(0.0, 50.0, 10.0, 5, 5)


def minutes(centre, aside=None, *, step_min=1.0):
    centre = np.asarray(centre, dtype=float)
    return Minutes(centre, np.full(centre.shape, np.nan) if aside is None else np.asarray(aside, dtype=float), step_min)


def lone(value):
    """Give a raster with one cell reached, the middle one."""
    centre = np.full((5, 5), np.nan)
    centre[2, 2] = value
    return centre


@pytest.mark.parametrize("network", [grid_roads(6), wild_roads(1)], ids=["town", "wild"])
@pytest.mark.parametrize("cell_m", [25.0, 40.0])
def test_stations_are_where_roads_come_nearest_to_the_centres(network, cell_m):
    lines = Net.build(network, MODES["walk"], "none", MODES["walk"]).lines["to"]
    begin = lines.geometry[:, :2]
    edges = shapely.linestrings(np.stack([begin, begin + lines.geometry[:, 2:4] * lines.geometry[:, 4:]], axis=1))
    raster = Raster.over(shapely.box(*shapely.total_bounds(edges)), cell_m)
    stations = Stations.along(lines, raster)
    west = raster.west_m + stations.cell % raster.columns * cell_m
    north = raster.north_m - stations.cell // raster.columns * cell_m
    boxes = shapely.box(west, north - cell_m, west + cell_m, north)
    places = shapely.points(stations.x_m, stations.y_m)
    assert shapely.distance(places, boxes).max() <= 1e-6
    assert shapely.distance(places, edges[stations.edge]).max() <= 1e-6
    inside, centres = shapely.intersection(edges[stations.edge], shapely.buffer(boxes, 1e-9)), shapely.centroid(boxes)
    off_m = np.abs(shapely.distance(inside, centres) - shapely.distance(places, centres))
    assert off_m[lines.geometry[stations.edge, 4] > 0].max() <= 1e-6  # a loop is drawn without length
    # Nothing of the edges is left out: what lies in their cells adds up to their length.
    in_cells_m = np.bincount(stations.edge, shapely.length(shapely.intersection(edges[stations.edge], boxes)))
    np.testing.assert_allclose(in_cells_m, lines.geometry[:, 4], atol=1e-6)


def test_a_road_outside_the_raster_has_no_station():
    lines = Net.build(grid_roads(3), MODES["walk"], "none", MODES["walk"]).lines["to"]
    assert len(Stations.along(lines, RASTER).cell) == 0


def test_parts_lie_in_the_whole():
    whole = Raster(0.0, 1_000.0, 10.0, 100, 100)
    part, top, left = whole.part((205.0, 305.0, 395.0, 495.0))
    assert (part.west_m, part.north_m, top, left) == (180.0, 520.0, 48, 18)
    assert (part.rows, part.columns) == (24, 24)
    assert whole.part((-500.0, -500.0, 5_000.0, 5_000.0)) == (whole, 0, 0)


def test_cells_of_points():
    assert RASTER.cells_of(np.array([[0.0, 50.0], [9.9, 40.1], [10.0, 40.0], [50.0, 10.0], [-1.0, 10.0]])).tolist() == [
        0, 0, 6, -1, -1]
    assert RASTER.middles(np.array([0, 6])).tolist() == [[5.0, 45.0], [15.0, 35.0]]


def test_open_ground_stands_for_a_sealed_centre():
    # Sealed in cells of 5 m: all of the first two cells, but for a corner of the second; a strip in the third.
    sealed = np.zeros((10, 10), np.uint8)
    sealed[:2, :4] = 1
    sealed[0, 3] = 0
    sealed[:2, 5] = 1
    places = open_places(RASTER, np.array([0, 1, 2, 3]), BarrierGrid(sealed, 0.0, 50.0, 5.0).walls)
    # The first is sealed all over; of two places as near to a centre the northern stands for it. A centre on the corner
    # of four cells of 5 m belongs to the south-eastern one.
    assert places.tolist() == [[5.0, 45.0], [17.5, 47.5], [22.5, 47.5], [35.0, 45.0]]
    assert open_places(RASTER, np.array([7]), BarrierGrid.open_ground().walls).tolist() == [[25.0, 35.0]]


def test_the_edge_runs_where_the_cutoff_is():
    # 10 minutes in the middle, a minute more with every cell: the cutoff of 11.25 lies 12.5 m from the middle.
    row, column = np.mgrid[-2:3, -2:3]
    shape = cut(minutes(10.0 + abs(row) + abs(column)), 11.25, RASTER)
    assert shape.bounds == pytest.approx((12.5, 12.5, 37.5, 37.5))
    assert shape.area == pytest.approx(2 * 12.5**2)


def test_the_edge_runs_half_way_where_more_than_a_walk_lies_between():
    # However early the one cell is, nothing around it is reached.
    for value in (0.0, 9.0):
        assert cut(minutes(lone(value)), 10.0, RASTER).bounds == pytest.approx((20.0, 20.0, 30.0, 30.0))
    # A quarter of a minute to spare is a quarter of the way to the next centre: 1 of 5 parts against a whole step.
    assert cut(minutes(lone(9.75)), 10.0, RASTER).bounds == pytest.approx((23.0, 23.0, 27.0, 27.0))


def test_a_road_in_time_makes_its_cell_a_narrow_part():
    late = np.full((5, 5), 30.0)
    shape = cut(minutes(late, lone(2.0)), 10.0, RASTER)
    assert shape.contains(shapely.Point(25.0, 25.0))
    assert shape.bounds == pytest.approx((25 - 10 / 9, 25 - 10 / 9, 25 + 10 / 9, 25 + 10 / 9))
    # A road that is late takes nothing away.
    assert cut(minutes(lone(5.0), lone(20.0)), 10.0, RASTER).equals(cut(minutes(lone(5.0)), 10.0, RASTER))


def test_at_the_cutoff_is_in_time():
    assert cut(minutes(lone(10.0)), 10.0, RASTER).contains(shapely.Point(25.0, 25.0))
    assert cut(minutes(lone(10.001)), 10.0, RASTER).is_empty
    assert cut(minutes(lone(np.nan)), 10.0, RASTER).is_empty


def test_areas_are_valid_and_nested_whatever_the_surface():
    rng = np.random.default_rng(1)
    raster, area = Raster(0.0, 400.0, 10.0, 40, 40), shapely.box(33.0, 27.0, 361.0, 377.0)
    for _ in range(60):
        # Few different values, so that many cells lie exactly at a cutoff and many corners are saddles.
        centre, aside = np.where(rng.random((2, 40, 40)) < 0.3, np.nan, rng.integers(0, 8, (2, 40, 40)) / 4)
        shapes = [cut(minutes(centre, aside, step_min=0.7), cutoff_min, raster, area) for cutoff_min in (0.5, 1.0, 1.1)]
        for shape in shapes:
            assert shape.is_valid
            assert shape.geom_type == "MultiPolygon"
            assert area.covers(shape) or shape.difference(area).area < 1e-9
        for small, large in itertools.pairwise(shapes):
            assert small.difference(large).area < 1e-6
        assert cut(minutes(centre, aside, step_min=0.7), 1.0, raster).is_valid
