"""Lay a raster over the ground, and find where the roads pass its cells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.network.jit import kernel, leaf_kernel
from lifecircle.network.legs import Lines, Walls

Array = npt.NDArray[Any]


class Raster(NamedTuple):
    """Place of a raster: outer corner north-west, cell size, rows and columns."""

    west_m: float
    north_m: float
    cell_m: float
    rows: int
    columns: int

    @classmethod
    def over(cls, area: shapely.Geometry, cell_m: float) -> Raster:
        """Cover an area and two cells around it, aligned to whole cells."""
        west, south, east, north = area.bounds
        west, north = (np.floor(west / cell_m) - 2) * cell_m, (np.ceil(north / cell_m) + 2) * cell_m
        return cls(float(west), float(north), cell_m, int(np.ceil((north - south) / cell_m)) + 2,
                   int(np.ceil((east - west) / cell_m)) + 2)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Give west, south, east and north."""
        return (self.west_m, self.north_m - self.rows * self.cell_m, self.west_m + self.columns * self.cell_m,
                self.north_m)

    @property
    def transform(self) -> Any:
        """Give the raster's affine transform, as rasterio wants it."""
        from rasterio import Affine

        return Affine(self.cell_m, 0.0, self.west_m, 0.0, -self.cell_m, self.north_m)

    @property
    def x_m(self) -> Array:
        """Give the centres of the columns."""
        return self.west_m + (np.arange(self.columns) + 0.5) * self.cell_m

    @property
    def y_m(self) -> Array:
        """Give the centres of the rows, north first."""
        return self.north_m - (np.arange(self.rows) + 0.5) * self.cell_m

    def centres(self, mask: Array) -> Array:
        """Give the (k, 2) centres of the cells in a mask."""
        return self.middles(np.flatnonzero(mask))

    def middles(self, cells: Array) -> Array:
        """Give the (k, 2) centres of cells, counted along the rows."""
        return np.column_stack([self.x_m[cells % self.columns], self.y_m[cells // self.columns]])

    def cells_of(self, xy_m: Array) -> Array:
        """Give the numbers of the cells that (k, 2) points lie in, counted along the rows; -1 outside."""
        column, row = np.floor((xy_m - [self.west_m, self.north_m]) / [self.cell_m, -self.cell_m]).astype(np.int64).T
        inside = (row >= 0) & (row < self.rows) & (column >= 0) & (column < self.columns)
        return np.where(inside, row * self.columns + column, -1)

    def burn(self, shapes: Sequence[Any], *, all_touched: bool = False) -> Array:
        """Burn geometries, or (geometry, whole number) pairs, into a raster of numbers; 0 elsewhere."""
        from rasterio.features import rasterize

        if not len(shapes):
            return np.zeros((self.rows, self.columns), np.int32)
        return np.asarray(rasterize(
            shapes, out_shape=(self.rows, self.columns), all_touched=all_touched, dtype="int32", default_value=1,
            transform=self.transform))

    def part(self, bounds: Iterable[float]) -> tuple[Raster, int, int]:
        """Take the cells in a box (west, south, east, north) and two more around it, and say where the first lies.

        Returns
        -------
        Raster
            Aligned to the whole.
        int, int
            Row and column of its first cell in the whole.
        """
        west, south, east, north = bounds
        top = max(int((self.north_m - north) / self.cell_m) - 2, 0)
        bottom = min(int((self.north_m - south) / self.cell_m) + 3, self.rows)
        left = max(int((west - self.west_m) / self.cell_m) - 2, 0)
        right = min(int((east - self.west_m) / self.cell_m) + 3, self.columns)
        return Raster(self.west_m + left * self.cell_m, self.north_m - top * self.cell_m, self.cell_m,
                      bottom - top, right - left), top, left


class Stations(NamedTuple):
    """The places where roads pass the cells of a raster: of each edge in each cell, that nearest to the centre.

    Attributes
    ----------
    cell : (k,) int64
        Number of the cell, counted along the rows.
    edge : (k,) int32
    x_m, y_m : (k,) float64
    """

    cell: Array
    edge: Array
    x_m: Array
    y_m: Array

    @classmethod
    def along(cls, lines: Lines, raster: Raster) -> Stations:
        """Go along every edge."""
        return cls(*_stations(lines.geometry, raster))


@kernel
def open_places(raster: Raster, cells: Array, sealed: Walls) -> Array:
    """Give the (k, 2) places that stand for cells: the centre, or where that is sealed the open ground nearest to it.

    Where all of a cell is sealed its centre stands for it.
    """
    places, reach = np.empty((len(cells), 2)), math.ceil(0.5 * raster.cell_m / sealed.cell)
    for i in range(len(cells)):
        x = raster.west_m + (cells[i] % raster.columns + 0.5) * raster.cell_m
        y = raster.north_m - (cells[i] // raster.columns + 0.5) * raster.cell_m
        places[i, 0], places[i, 1] = x, y
        row, column = math.floor((sealed.north - y) / sealed.cell), math.floor((x - sealed.west) / sealed.cell)
        if not _blocked(sealed, row, column):
            continue
        nearest = np.inf
        for down in range(-reach, reach + 1):
            for right in range(-reach, reach + 1):
                here_x = sealed.west + (column + right + 0.5) * sealed.cell
                here_y = sealed.north - (row + down + 0.5) * sealed.cell
                inside = max(abs(here_x - x), abs(here_y - y)) < 0.5 * raster.cell_m
                here = (here_x - x) ** 2 + (here_y - y) ** 2
                if inside and here < nearest and not _blocked(sealed, row + down, column + right):
                    nearest, places[i, 0], places[i, 1] = here, here_x, here_y
    return places


@leaf_kernel
def _blocked(walls: Walls, row: int, column: int) -> bool:
    """Tell whether a cell of the walls is blocked; what lies outside them is open."""
    rows, columns = walls.blocked.shape
    return bool(0 <= row < rows and 0 <= column < columns and walls.blocked[row, column] != 0)


@kernel
def _stations(geometry: Array, raster: Raster) -> tuple[Array, Array, Array, Array]:
    cell, edge, place_m = np.empty(1024, np.int64), np.empty(1024, np.int32), np.empty((2, 1024))
    size = 0
    for e in range(len(geometry)):
        most = int(2.0 * geometry[e, 4] / raster.cell_m) + 3
        while size + most > len(cell):
            cell, edge = np.concatenate((cell, cell)), np.concatenate((edge, edge))
            place_m = np.concatenate((place_m, place_m), axis=1)
        size = _go_along(geometry, e, raster, cell, edge, place_m, size)
    return cell[:size], edge[:size], place_m[0, :size].copy(), place_m[1, :size].copy()


@leaf_kernel
def _go_along(geometry: Array, e: int, raster: Raster, cell: Array, edge: Array, place_m: Array, size: int) -> int:
    """Go along an edge from cell to cell, and note the place in each; give how many are noted now."""
    x, y, ux, uy = geometry[e, 0], geometry[e, 1], geometry[e, 2], geometry[e, 3]
    column, row = math.floor((x - raster.west_m) / raster.cell_m), math.floor((raster.north_m - y) / raster.cell_m)
    step_column, to_column, column_m = _border(x - raster.west_m, ux, column, raster.cell_m)
    step_row, to_row, row_m = _border(raster.north_m - y, -uy, row, raster.cell_m)
    begin, end, length = 0.0, 0.0, geometry[e, 4]
    while True:
        end = min(to_column, to_row, length)
        if 0 <= row < raster.rows and 0 <= column < raster.columns:
            middle_x = raster.west_m + (column + 0.5) * raster.cell_m - x
            middle_y = raster.north_m - (row + 0.5) * raster.cell_m - y
            s = min(max(middle_x * ux + middle_y * uy, begin), end)
            cell[size], edge[size] = row * raster.columns + column, e
            place_m[0, size], place_m[1, size] = x + ux * s, y + uy * s
            size += 1
        if end >= length:
            break
        begin = end
        if to_column < to_row:
            column, to_column = column + step_column, to_column + column_m
        else:
            row, to_row = row + step_row, to_row + row_m
    return size


@leaf_kernel
def _border(offset_m: float, unit: float, cell: int, cell_m: float) -> tuple[int, float, float]:
    """Give, along one axis, the step from cell to cell, metres along the line to the first border, and between two."""
    if unit == 0.0:
        return 0, np.inf, np.inf
    if unit > 0.0:
        return 1, ((cell + 1) * cell_m - offset_m) / unit, cell_m / unit
    return -1, (cell * cell_m - offset_m) / unit, -cell_m / unit
