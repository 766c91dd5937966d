"""Lay a square grid over the study area; find least-cost paths on it; make noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

Array = npt.NDArray[Any]

#: Half of the eight neighbours as (row, column) steps; the other half are their reverses.
STEPS: tuple[tuple[int, int], ...] = ((0, 1), (1, 0), (1, 1), (1, -1))


@dataclass(frozen=True)
class Grid:
    """Square cells in a metric CRS, first row north; a cell is named by its flat index.

    Attributes
    ----------
    west_m, north_m : float
        Outer corner of the first cell.
    cell_m : float
        Side of a cell.
    rows, cols : int
    """

    west_m: float
    north_m: float
    cell_m: float
    rows: int
    cols: int

    @classmethod
    def around(cls, area: shapely.Geometry, margin_m: float, cell_m: float) -> Grid:
        """Cover the bounds of an area and a margin."""
        west, south, east, north = shapely.bounds(area)
        west, north = np.floor((west - margin_m) / 100) * 100, np.ceil((north + margin_m) / 100) * 100
        cols = int(np.ceil((east + margin_m - west) / cell_m))
        rows = int(np.ceil((north - south + margin_m) / cell_m))
        return cls(float(west), float(north), cell_m, rows, cols)

    @property
    def shape(self) -> tuple[int, int]:
        """Give (rows, columns)."""
        return self.rows, self.cols

    @property
    def transform(self) -> Affine:
        """Give the affine transform that rasterio wants."""
        return Affine(self.cell_m, 0, self.west_m, 0, -self.cell_m, self.north_m)

    def xy_m(self, cells: Array | list[int]) -> Array:
        """Give the centres (n, 2) of cells."""
        row, col = np.divmod(np.asarray(cells), self.cols)
        return np.column_stack([self.west_m + (col + 0.5) * self.cell_m, self.north_m - (row + 0.5) * self.cell_m])

    def cell_at(self, xy_m: Array) -> Array:
        """Name the cells that hold points (n, 2); points beyond the edge take the nearest cell."""
        xy = np.atleast_2d(xy_m)
        col = np.clip(((xy[:, 0] - self.west_m) / self.cell_m).astype(int), 0, self.cols - 1)
        row = np.clip(((self.north_m - xy[:, 1]) / self.cell_m).astype(int), 0, self.rows - 1)
        return np.asarray(row * self.cols + col)

    def all_xy_m(self) -> tuple[Array, Array]:
        """Give x and y of every centre as two rasters."""
        xy = self.xy_m(np.arange(self.rows * self.cols))
        return xy[:, 0].reshape(self.shape), xy[:, 1].reshape(self.shape)


def ends(raster: Array, step: tuple[int, int]) -> tuple[Array, Array]:
    """Give two views of a raster: each cell, and its neighbour in the direction of a step."""
    dr, dc = step
    rows, cols = raster.shape
    left, right = max(0, -dc), max(0, dc)
    return raster[: rows - dr, left: cols - right], raster[dr:, right: cols - left]


def links(weights: list[Array], cells: Array) -> tuple[Array, Array, Array]:
    """List the links of a grid as tail, head and weight, leaving out those of infinite weight.

    Parameters
    ----------
    weights : list of arrays
        One per step, in the shape that `ends` gives.
    cells : (rows, cols) array
        The node that each cell is.
    """
    tails, heads, costs = [], [], []
    for step, weight in zip(STEPS, weights, strict=True):
        tail, head = ends(cells, step)
        open_ = np.isfinite(weight)
        tails.append(tail[open_])
        heads.append(head[open_])
        costs.append(weight[open_])
    return np.concatenate(tails), np.concatenate(heads), np.concatenate(costs)


def spread(weights: list[Array], shape: tuple[int, int], sources: Array, start: Array,
           extra: tuple[Array, Array, Array] | None = None) -> tuple[Array, Array, Array]:
    """Spread from many cells at once, each with its own start cost.

    Returns
    -------
    cost, previous, source : arrays of the flat grid
        Cost to reach each cell; the cell before it (-1 at a source and where nothing arrives); position in `sources`
        of the one that arrives first (-1 for none).
    """
    count = shape[0] * shape[1]
    tail, head, cost = links(weights, np.arange(count).reshape(shape))
    if extra is not None:
        tail, head, cost = (np.concatenate(pair) for pair in zip((tail, head, cost), extra, strict=True))
    matrix = csr_matrix(
        (np.concatenate([cost, cost, start + 1e-6]),
         (np.concatenate([tail, head, np.full(len(sources), count)]), np.concatenate([head, tail, sources]))),
        shape=(count + 1, count + 1))
    reached, previous = dijkstra(matrix, indices=count, return_predecessors=True)
    reached, previous = reached[:count], previous[:count]
    label = np.full(count, -1)
    own = previous[sources] == count
    label[sources[own]] = np.flatnonzero(own)
    previous = np.where((previous == count) | (previous < 0), -1, previous)
    return reached, previous, follow(previous, label)


def follow(previous: Array, label: Array) -> Array:
    """Hand the label of each tree's root down the tree, by doubling the stride."""
    here = np.arange(len(previous))
    jump = np.where(previous < 0, here, previous)
    while True:
        further = jump[jump]
        if (further == jump).all():
            return np.where((previous < 0) & (label < 0), -1, label[jump])
        jump = further


def trace(previous: Array, cell: int) -> list[int]:
    """Walk from a cell back to the source that it was reached from."""
    path = [cell]
    while previous[path[-1]] >= 0:
        path.append(int(previous[path[-1]]))
    return path


def fractal(shape: tuple[int, int], cell_m: float, rng: np.random.Generator, *, longest_m: float,
            power: float = 1.6) -> Array:
    """Make noise of mean 0 and deviation 1 whose amplitude falls with wave number to a power."""
    rows, cols = shape
    k = np.hypot(np.fft.fftfreq(rows, cell_m)[:, None], np.fft.rfftfreq(cols, cell_m)[None, :])
    amplitude = (k + 1 / longest_m) ** -power
    amplitude[0, 0] = 0
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * amplitude, s=shape)
    return np.asarray((noise - noise.mean()) / noise.std())


def smooth_step(value: Array, low: float | Array, high: float | Array) -> Array:
    """Rise smoothly from 0 at `low` to 1 at `high`."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
