"""Find the ground that no walk from the road gets to, though it is near: on water, on cliffs, and behind them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.network.jit import kernel, leaf_kernel, parallel_kernel, prange
from lifecircle.network.legs import Index, Lines, Walls, cell_count, clear_leg, foot, items_in, nearest_m, window
from lifecircle.network.raster import Raster

Array = npt.NDArray[Any]


def sealed_ground(walls: Walls, lines: Iterable[Lines], doors_m: Array, limit_m: float, raster: Raster, cells: Array,
                  ) -> Walls:
    """Find the ground from which every leg to a road or a door is blocked, though one is within the limit.

    It is looked for in the cells of a raster that hold a barrier, cell by cell of the barriers' own finer grid. Such
    ground is late in every layer, whatever the cutoff.

    Parameters
    ----------
    lines : iterable of Lines
        Roads that may be joined by any mode.
    doors_m : (n, 2) float64
    limit_m : float
        The longest leg.
    raster : Raster
    cells : (k,) int64
        Cells to look at, counted along the rows; fastest where neighbours follow one another.

    Returns
    -------
    Walls
        On the grid of the barriers: 1 where sealed.
    """
    if not walls.blocked.any():
        return walls
    goals = _goals(lines, doors_m)
    x, y, ux, uy, length = goals.geometry.T
    spots = _spots(walls, raster, cells)
    sealed = np.zeros_like(walls.blocked)
    _seal(sealed.ravel(), spots, goals, Index.over(x, y, x + ux * length, y + uy * length), walls, limit_m)
    return walls._replace(blocked=sealed)


def open_part(area: shapely.Geometry, sealed: Walls) -> shapely.Geometry:
    """Take the sealed ground out of an area."""
    from rasterio import Affine
    from rasterio.features import shapes

    if not sealed.blocked.any():
        return area
    transform = Affine(sealed.cell, 0.0, sealed.west, 0.0, -sealed.cell, sealed.north)
    pieces = [shapely.geometry.shape(piece) for piece, _ in shapes(sealed.blocked, mask=sealed.blocked != 0,
                                                                  transform=transform)]
    return shapely.difference(area, shapely.multipolygons(pieces))


def _goals(lines: Iterable[Lines], doors_m: Array) -> Lines:
    """Lay out all roads, each once, and the doors as roads without length."""
    at_doors = np.column_stack([doors_m, np.tile([1.0, 0.0, 0.0], (len(doors_m), 1))])
    every = pd.DataFrame(np.concatenate([at_doors, *(some.geometry for some in lines)]))
    geometry = np.ascontiguousarray(every.drop_duplicates().to_numpy())
    return Lines(geometry, np.zeros((len(geometry), 4)), np.zeros((len(geometry), 2), np.int32))


@kernel
def _spots(walls: Walls, raster: Raster, cells: Array) -> Array:
    """List the cells of the walls whose middle lies in a cell of the raster that holds a blocked one."""
    rows, columns = walls.blocked.shape
    spots, size = np.empty(1024, np.int64), 0
    for cell in cells:
        top = raster.north_m - cell // raster.columns * raster.cell_m
        left = raster.west_m + cell % raster.columns * raster.cell_m
        first_row, end_row = _between(walls.north - top, raster.cell_m, walls.cell, rows)
        first_column, end_column = _between(left - walls.west, raster.cell_m, walls.cell, columns)
        if not walls.blocked[first_row:end_row, first_column:end_column].any():
            continue
        while size + (end_row - first_row) * (end_column - first_column) > len(spots):
            spots = np.concatenate((spots, spots))
        for row in range(first_row, end_row):
            for column in range(first_column, end_column):
                spots[size], size = row * columns + column, size + 1
    return spots[:size].copy()


@leaf_kernel
def _between(begin_m: float, length_m: float, cell_m: float, count: int) -> tuple[int, int]:
    """Give the cells whose middles lie in a stretch: the first and one past the last."""
    first = min(max(math.ceil(begin_m / cell_m - 0.5), 0), count)
    return first, max(min(math.ceil((begin_m + length_m) / cell_m - 0.5), count), first)


@parallel_kernel
def _seal(sealed: Array, spots: Array, goals: Lines, index: Index, walls: Walls, limit_m: float) -> None:
    """Mark the spots (in place) that have a goal within the limit, but only blocked legs."""
    rows, columns = walls.blocked.shape
    for i in prange(len(spots)):
        row, column = spots[i] // columns, spots[i] % columns
        x, y = walls.west + (column + 0.5) * walls.cell, walls.north - (row + 0.5) * walls.cell
        shut = 0
        for down in range(max(row - 1, 0), min(row + 2, rows)):
            for right in range(max(column - 1, 0), min(column + 2, columns)):
                shut += walls.blocked[down, right]
        # Amid blocked cells a leg ends in the next cell, or is blocked.
        near_m = min(limit_m, 1.5 * math.sqrt(2.0) * walls.cell) if shut == 9 else limit_m
        sealed[spots[i]] = (not _is_met(x, y, goals, index, walls, near_m, limit_m, True)
                            and _is_met(x, y, goals, index, walls, limit_m, limit_m, False))


@leaf_kernel
def _is_met(x: float, y: float, goals: Lines, index: Index, walls: Walls, near_m: float, limit_m: float,
            clear: bool) -> bool:
    """Tell whether any goal comes near, and if so asked by a clear leg within the limit."""
    area = window(index, x, y, near_m)
    for turn in range(cell_count(area)):
        begin, end = items_in(index, area, turn)
        for item in range(begin, end):
            e = index.items[item]
            at = foot(goals, e, x, y, limit_m)
            if at.low > at.high or nearest_m(at) > near_m:
                continue
            if not clear or clear_leg(walls, goals, e, at, x, y, at.low, at.high, -1, 1.0, 1.0, np.inf)[0] < np.inf:
                return True
    return False
