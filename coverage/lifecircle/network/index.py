"""List, cell by cell of a coarse grid, the boxes that touch it, so that what lies near a point is soon found."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.network.jit import kernel

Array = npt.NDArray[Any]
_CELL_M = 150.0


class Index(NamedTuple):
    """A coarse grid: per cell, in rows from the south-west, the items that touch it."""

    west: float
    south: float
    cell: float
    columns: int
    rows: int
    start: Array
    items: Array

    @classmethod
    def over(cls, x0: Array, y0: Array, x1: Array, y1: Array) -> Index:
        """Index boxes by any two opposite corners."""
        if len(x0) == 0:
            return cls(0.0, 0.0, _CELL_M, 1, 1, np.zeros(2, np.int64), np.empty(0, np.int32))
        west, south = float(min(x0.min(), x1.min())), float(min(y0.min(), y1.min()))
        columns = int((max(x0.max(), x1.max()) - west) / _CELL_M) + 1
        rows = int((max(y0.max(), y1.max()) - south) / _CELL_M) + 1
        start, items = index_boxes(x0, y0, x1, y1, west, south, _CELL_M, columns, rows)
        return cls(west, south, _CELL_M, columns, rows, start, items)


@kernel
def index_boxes(x0: Array, y0: Array, x1: Array, y1: Array, west: float, south: float, cell: float, columns: int,
                rows: int) -> tuple[Array, Array]:
    """List, per cell of a coarse grid, the boxes that touch it."""
    start = np.zeros(columns * rows + 1, np.int64)
    for e in range(len(x0)):
        for row in range(int((min(y0[e], y1[e]) - south) / cell), int((max(y0[e], y1[e]) - south) / cell) + 1):
            for column in range(int((min(x0[e], x1[e]) - west) / cell), int((max(x0[e], x1[e]) - west) / cell) + 1):
                start[row * columns + column + 1] += 1
    start = np.cumsum(start)
    items = np.empty(start[-1], np.int32)
    fill = start[:-1].copy()
    for e in range(len(x0)):
        for row in range(int((min(y0[e], y1[e]) - south) / cell), int((max(y0[e], y1[e]) - south) / cell) + 1):
            for column in range(int((min(x0[e], x1[e]) - west) / cell), int((max(x0[e], x1[e]) - west) / cell) + 1):
                at = row * columns + column
                items[fill[at]] = e
                fill[at] += 1
    return start, items
