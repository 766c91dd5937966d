"""Ground that no walk from the road gets to."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from lifecircle.network.access import Access, Doors
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import MODES
from lifecircle.network.raster import Raster
from lifecircle.network.sealed import open_part
from lifecircle.network.surface import sealed_from
from town import wild_roads, wild_walls


@pytest.mark.parametrize("seed", [2, 4])
def test_sealed_is_what_finds_no_clear_leg(seed):
    network, barriers = wild_roads(seed), wild_walls(seed)
    field = Access(network, dict(MODES), barriers).solve(
        "walk", [Doors(network.node_xy_m[:1] + 30.0, np.zeros(1, int))], direction="to")
    low, high = network.node_xy_m.min(axis=0), network.node_xy_m.max(axis=0)
    raster = Raster.over(shapely.box(*low, *high), 50.0)
    cells = np.arange(raster.rows * raster.columns)
    sealed = sealed_from([field], raster, cells)
    row, column = np.divmod(np.arange(sealed.blocked.size), sealed.blocked.shape[1])
    xy_m = np.column_stack([sealed.west + (column + 0.5) * sealed.cell, sealed.north - (row + 0.5) * sealed.cell])
    holds = np.zeros(len(cells) + 1, dtype=bool)  # the last stands for what lies outside
    holds[raster.cells_of(xy_m[barriers.blocked.ravel() != 0])] = True
    holds[-1] = False
    looked_at = holds[raster.cells_of(xy_m)]
    roads = shapely.union_all([line for part in field.parts for line in shapely.linestrings(np.stack([
        network.node_xy_m[part.net.edges.u[part.net.edges.joinable]],
        network.node_xy_m[part.net.edges.v[part.net.edges.joinable]]], axis=1))])
    goals = shapely.union(roads, shapely.multipoints(field.doors.xy_m))
    near = shapely.distance(goals, shapely.points(xy_m)) <= field.walk.snap_limit_m - 1e-6
    expected = looked_at & near & np.isinf(field.reach(xy_m).snap_m)
    assert expected.sum() > 20
    assert np.flatnonzero((sealed.blocked.ravel() != 0) != expected).tolist() == []
    box = shapely.box(*low, *high)
    inside = expected & shapely.contains_xy(box.buffer(-sealed.cell), *xy_m.T)
    assert not shapely.contains_xy(open_part(box, sealed), *xy_m[inside].T).any()


def test_without_barriers_nothing_is_sealed():
    box = shapely.box(0.0, 0.0, 100.0, 100.0)
    assert open_part(box, BarrierGrid.open_ground().walls) is box
