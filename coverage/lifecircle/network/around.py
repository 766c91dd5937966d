"""Lower the times of points by the doors and roads in reach of each, passing over what cannot matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lifecircle.network.index import Index
from lifecircle.network.jit import kernel, leaf_kernel, parallel_kernel, prange
from lifecircle.network.legs import (
    Joints,
    Lines,
    Walk,
    Walls,
    along_edge,
    cell_count,
    clear_leg,
    crosses,
    distance,
    foot,
    improve,
    items_in,
    middle_out,
    nearest_m,
    through_end,
    window,
)

Array = npt.NDArray[Any]
_SHIFT, _NEVER = np.uint64(32), np.int64(1) << 40
#: Times are whole milliseconds: what is later than the best by more than this does not lower it, nor tie with it.
_SLACK_MS = 2.0


def reach_edges(xs: Array, ys: Array, best: Array, snap: Array, want_snap: bool, lines: Lines, index: Index,
                ends: Array, joints: Joints, walls: Walls, walk: Walk, extra_ms: float) -> None:
    """Lower the states of points by every edge in reach: over its ends, and along it to doors on the same edge.

    Parameters
    ----------
    xs, ys : (n,) float64
    best : (n, layers) uint64
        Packed states, lowered in place.
    snap : (n,) float64
        Shortest unblocked leg in metres, lowered in place when `want_snap`.
    ends : (edges, 2, layers) uint64
        Packed states of the first and the last node of each edge.
    extra_ms : float
        Added to every trip along one edge.
    """
    soonest = _soonest(lines, index, ends, joints, extra_ms)
    _reach_edges(xs, ys, best, snap, want_snap, lines, index, soonest, ends, joints, walls, walk, extra_ms)


@kernel
def _soonest(lines: Lines, index: Index, ends: Array, joints: Joints, extra_ms: float) -> Array:
    """Give, per cell of the index and layer, a time in ms that no road met in the cell undercuts."""
    layers = ends.shape[2]
    soonest = np.full((len(index.start) - 1, layers), _NEVER)
    for cell in range(len(soonest)):
        for item in range(index.start[cell], index.start[cell + 1]):
            e = index.items[item]
            for way in range(2):
                for k in range(layers if lines.pace[e, 2 * way] >= 0 else 0):
                    soonest[cell, k] = min(soonest[cell, k], np.int64(ends[e, 1 - way, k] >> _SHIFT))
            for j in range(joints.start[e], joints.start[e + 1]):
                soonest[cell, joints.layer[j]] = min(soonest[cell, joints.layer[j]], np.int64(extra_ms))
    return soonest


@leaf_kernel
def _off_m(index: Index, row: int, column: int, x: float, y: float) -> float:
    """Give the distance of a point from a cell of the index."""
    west, south = index.west + column * index.cell, index.south + row * index.cell
    return distance(max(west - x, x - west - index.cell, 0.0), max(south - y, y - south - index.cell, 0.0))


@leaf_kernel
def _matters(best: Array, i: int, soonest: Array, cell: int, walk_ms: float) -> bool:
    """Tell whether a walk to a cell may lower a point's state in any layer."""
    for k in range(best.shape[1]):
        if walk_ms + np.float64(soonest[cell, k]) <= np.float64(best[i, k] >> _SHIFT) + _SLACK_MS:
            return True
    return False


@parallel_kernel
def _reach_edges(xs: Array, ys: Array, best: Array, snap: Array, want_snap: bool, lines: Lines, index: Index,
                 soonest: Array, ends: Array, joints: Joints, walls: Walls, walk: Walk, extra_ms: float) -> None:
    for i in prange(len(xs)):
        x, y = xs[i], ys[i]
        south, north, west, east = window(index, x, y, walk.limit_m)
        for down in range(north - south):
            row = south + middle_out(down, north - south)
            for right in range(east - west):
                column = west + middle_out(right, east - west)
                cell = row * index.columns + column
                begin, end = index.start[cell], index.start[cell + 1]
                if begin == end:
                    continue
                off_m = _off_m(index, row, column, x, y)
                nearer = want_snap and off_m <= snap[i]
                if not nearer and not _matters(best, i, soonest, cell, walk.ms_per_m * off_m):
                    continue
                for item in range(begin, end):
                    e = index.items[item]
                    at = foot(lines, e, x, y, walk.limit_m)
                    if at.low > at.high:
                        continue
                    if want_snap and nearest_m(at) < snap[i]:
                        shortest, _ = clear_leg(walls, lines, e, at, x, y, at.low, at.high, -1, 1.0, 1.0, snap[i])
                        snap[i] = min(snap[i], shortest)
                    through_end(best, i, x, y, lines, e, at, 0, ends, walls, walk.ms_per_m)
                    through_end(best, i, x, y, lines, e, at, 1, ends, walls, walk.ms_per_m)
                    if joints.start[e] < joints.start[e + 1]:
                        along_edge(best, i, x, y, lines, e, at, joints, walls, walk, extra_ms)


@parallel_kernel
def reach_doors(xs: Array, ys: Array, best: Array, snap: Array, want_snap: bool, door_x: Array, door_y: Array,
                door_layer: Array, door_label: Array, index: Index, walls: Walls, walk: Walk) -> None:
    """Lower the states of points by the straight walk to doors within the limit."""
    for i in prange(len(xs)):
        x, y = xs[i], ys[i]
        area = window(index, x, y, walk.limit_m)
        for turn in range(cell_count(area)):
            begin, end = items_in(index, area, turn)
            for item in range(begin, end):
                door = index.items[item]
                metres = distance(door_x[door] - x, door_y[door] - y)
                if metres <= walk.limit_m and not crosses(walls, x, y, door_x[door], door_y[door]):
                    improve(best, i, door_layer[door], walk.ms_per_m * metres, door_label[door])
                    if want_snap:
                        snap[i] = min(snap[i], metres)
