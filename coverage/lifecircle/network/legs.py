"""Compute access legs: the straight walk between a point and the road, in closed form and around barriers.

For a point at distance h from the line of an edge, its foot at s0, a walk of b ms per metre and a road of a ms per
metre, the time over the place s where the road is met is b·sqrt((s - s0)² + h²) ± a·s. It is convex with its least
value at s0 ∓ h·a/sqrt(b² - a²); between the ends of what is within the limit that place is best.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from lifecircle.network.jit import kernel, parallel_kernel, prange

Array = npt.NDArray[Any]
#: Places tried along an edge whose best leg is blocked.
STEP_M = 10.0


@kernel
def index_edges(x0: Array, y0: Array, x1: Array, y1: Array, west: float, south: float, cell: float, columns: int,
                rows: int) -> tuple[Array, Array]:
    """List, per cell of a coarse grid, the edges whose bounding box touches it."""
    start = np.zeros(columns * rows + 1, np.int64)
    for turn in range(2):
        if turn == 1:
            for at in range(columns * rows):
                start[at + 1] += start[at]
            items = np.empty(start[-1], np.int32)
            fill = start[:-1].copy()
        else:
            items = np.empty(0, np.int32)
            fill = np.empty(0, np.int64)
        for e in range(len(x0)):
            left = int((min(x0[e], x1[e]) - west) / cell)
            right = int((max(x0[e], x1[e]) - west) / cell)
            low = int((min(y0[e], y1[e]) - south) / cell)
            high = int((max(y0[e], y1[e]) - south) / cell)
            for row in range(low, high + 1):
                for column in range(left, right + 1):
                    at = row * columns + column
                    if turn == 0:
                        start[at + 1] += 1
                    else:
                        items[fill[at]] = e
                        fill[at] += 1
    return start, items


@kernel
def crosses(blocked: Array, west: float, north: float, cell: float, ax: float, ay: float, bx: float, by: float) -> bool:
    """Tell whether a straight walk meets a blocked cell; the cells of its two ends are exempt."""
    rows, columns = blocked.shape
    if rows == 1 and columns == 1:
        return False
    fx, fy = (ax - west) / cell, (north - ay) / cell
    gx, gy = (bx - west) / cell, (north - by) / cell
    column, row = math.floor(fx), math.floor(fy)
    last_column, last_row = math.floor(gx), math.floor(gy)
    step_column = 1 if gx > fx else -1
    step_row = 1 if gy > fy else -1
    dx, dy = abs(gx - fx), abs(gy - fy)
    to_column = ((column + 1 - fx) if step_column > 0 else (fx - column)) / dx if dx > 0 else np.inf
    to_row = ((row + 1 - fy) if step_row > 0 else (fy - row)) / dy if dy > 0 else np.inf
    steps = abs(last_column - column) + abs(last_row - row)
    for _ in range(steps - 1):
        if to_column < to_row:
            to_column += 1.0 / dx
            column += step_column
        else:
            to_row += 1.0 / dy
            row += step_row
        if 0 <= row < rows and 0 <= column < columns and blocked[row, column] and not (
                row == last_row and column == last_column):
            return True
    return False


@kernel
def best_place(s0: float, h: float, a: float, b: float, sign: float, low: float, high: float) -> float:
    """Give the place along an edge, between `low` and `high`, where b·leg + sign·a·s is least."""
    if a >= b:
        s = low if sign > 0 else high
    else:
        s = s0 - sign * h * a / math.sqrt(b * b - a * a)
    return min(max(s, low), high)


@kernel
def clear_leg_ms(x: float, y: float, ax: float, ay: float, ux: float, uy: float, s0: float, h: float, low: float,
                 high: float, a: float, b: float, sign: float, blocked: Array, west: float, north: float,
                 cell: float) -> tuple[float, float]:
    """Give the least b·leg + sign·a·s over unblocked legs to an edge, and its place s; infinity if all are blocked.

    The edge starts at (ax, ay) and runs along the unit vector (ux, uy).
    """
    s = best_place(s0, h, a, b, sign, low, high)
    if not crosses(blocked, west, north, cell, x, y, ax + ux * s, ay + uy * s):
        return b * math.hypot(s - s0, h) + sign * a * s, s
    best, best_s = np.inf, s
    pieces = max(int(math.ceil((high - low) / 10.0)), 1)
    for piece in range(pieces + 1):
        s = low + (high - low) * piece / pieces
        cost = b * math.hypot(s - s0, h) + sign * a * s
        if cost < best and not crosses(blocked, west, north, cell, x, y, ax + ux * s, ay + uy * s):
            best, best_s = cost, s
    return best, best_s


@kernel
def foot(x: float, y: float, ax: float, ay: float, bx: float, by: float, limit: float,
         ) -> tuple[float, float, float, float, float, float, float]:
    """Project a point on an edge: s0, h, the span within the limit, the edge's length and direction.

    The span is empty (low > high) where the edge lies beyond the limit.
    """
    length = math.hypot(bx - ax, by - ay)
    if length == 0.0:
        h = math.hypot(x - ax, y - ay)
        return 0.0, h, 0.0, 0.0 if h <= limit else -1.0, 0.0, 1.0, 0.0
    ux, uy = (bx - ax) / length, (by - ay) / length
    s0 = (x - ax) * ux + (y - ay) * uy
    h = abs((x - ax) * uy - (y - ay) * ux)
    if h > limit:
        return s0, h, 0.0, -1.0, length, ux, uy
    half = math.sqrt(limit * limit - h * h)
    return s0, h, max(0.0, s0 - half), min(length, s0 + half), length, ux, uy


@kernel
def join_doors(door_x: Array, door_y: Array, ex0: Array, ey0: Array, ex1: Array, ey1: Array, ms_uv: Array,
               ms_vu: Array, grid: tuple[float, float, float, int, int], cell_start: Array, cell_edge: Array,
               blocked: Array, west: float, north: float, cell: float, b: float, limit: float,
               ) -> tuple[Array, Array, Array]:
    """Join doors to every edge in reach.

    Returns
    -------
    (k, 2) int64
        Door and edge of each joint.
    (k, 4) float64
        Place on the edge met when travelling u to v and milliseconds from u to the door; the same from v. Times are
        infinite where that way is closed or blocked.
    (doors,) float64
        Metres of the shortest unblocked leg; infinite where the door cannot be joined.
    """
    size, capacity = 0, 1024
    which = np.empty((capacity, 2), np.int64)
    value = np.empty((capacity, 4), np.float64)
    snap = np.full(len(door_x), np.inf)
    grid_west, grid_south, grid_cell, columns, rows = grid
    seen = np.full(len(ex0), -1, np.int64)
    for door in range(len(door_x)):
        x, y = door_x[door], door_y[door]
        for row in range(max(int((y - limit - grid_south) / grid_cell), 0),
                         min(int((y + limit - grid_south) / grid_cell), rows - 1) + 1):
            for column in range(max(int((x - limit - grid_west) / grid_cell), 0),
                                min(int((x + limit - grid_west) / grid_cell), columns - 1) + 1):
                at = row * columns + column
                for item in range(cell_start[at], cell_start[at + 1]):
                    e = cell_edge[item]
                    if seen[e] == door:
                        continue
                    seen[e] = door
                    s0, h, low, high, length, ux, uy = foot(x, y, ex0[e], ey0[e], ex1[e], ey1[e], limit)
                    if low > high:
                        continue
                    _, s = clear_leg_ms(x, y, ex0[e], ey0[e], ux, uy, s0, h, low, high, 0.0, b, 1.0, blocked, west,
                                        north, cell)
                    if crosses(blocked, west, north, cell, x, y, ex0[e] + ux * s, ey0[e] + uy * s):
                        continue
                    snap[door] = min(snap[door], math.hypot(s - s0, h))
                    if size == capacity:
                        capacity *= 2
                        which = np.concatenate((which, np.empty_like(which)))
                        value = np.concatenate((value, np.empty_like(value)))
                    which[size, 0], which[size, 1] = door, e
                    value[size, 0], value[size, 1], value[size, 2], value[size, 3] = 0.0, np.inf, 0.0, np.inf
                    if ms_uv[e] >= 0:
                        a = ms_uv[e] / length if length > 0 else 0.0
                        cost, s = clear_leg_ms(x, y, ex0[e], ey0[e], ux, uy, s0, h, low, high, a, b, 1.0, blocked,
                                               west, north, cell)
                        value[size, 0], value[size, 1] = s, cost
                    if ms_vu[e] >= 0:
                        a = ms_vu[e] / length if length > 0 else 0.0
                        cost, s = clear_leg_ms(x, y, ex0[e], ey0[e], ux, uy, s0, h, low, high, a, b, -1.0, blocked,
                                               west, north, cell)
                        value[size, 2], value[size, 3] = s, cost + a * length
                    size += 1
    return which[:size], value[:size], snap


@kernel
def _improve(best: Array, i: int, k: int, ms: float, label: np.uint64) -> None:
    state = (np.uint64(np.int64(math.floor(ms + 0.5))) << np.uint64(32)) | label
    if state < best[i, k]:
        best[i, k] = state


@parallel_kernel
def reach_edges(xs: Array, ys: Array, best: Array, snap: Array, want_snap: bool, ex0: Array, ey0: Array, ex1: Array,
                ey1: Array, eu: Array, ev: Array, ms_uv: Array, ms_vu: Array,
                grid: tuple[float, float, float, int, int], cell_start: Array, cell_edge: Array, fields: Array,
                joint_start: Array, joint_value: Array, joint_xy: Array, joint_layer: Array, joint_label: Array,
                blocked: Array, west: float, north: float, cell: float, b: float, limit: float, extra_ms: float,
                diagonal: bool) -> None:
    """Lower the states of points by every edge in reach: through its ends, and along it to doors on the same edge.

    Parameters
    ----------
    xs, ys : (n,) float64
    best : (n, layers) uint64
        Packed states, lowered in place.
    snap : (n,) float64
        Shortest unblocked leg in metres, lowered in place when `want_snap`.
    ex0 … ev, ms_uv, ms_vu : (edges,)
        Ends of the edges, and milliseconds each way; -1 where closed.
    fields : (nodes, layers) uint64
        Packed states of the nodes.
    joint_start, joint_value, joint_xy, joint_layer, joint_label
        Doors joined to each edge, as `join_doors` gives them, in rows by edge.
    b, limit, extra_ms : float
        Leg in ms per metre; longest leg in metres; added to every trip along one edge.
    diagonal : bool
        Whether two legs may meet on the edge without travel along it.
    """
    grid_west, grid_south, grid_cell, columns, rows = grid
    layers = best.shape[1]
    shift, low32, unreached = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF)
    for i in prange(len(xs)):
        x, y = xs[i], ys[i]
        row_low = max(int((y - limit - grid_south) / grid_cell), 0)
        row_high = min(int((y + limit - grid_south) / grid_cell), rows - 1)
        column_low = max(int((x - limit - grid_west) / grid_cell), 0)
        column_high = min(int((x + limit - grid_west) / grid_cell), columns - 1)
        for row in range(row_low, row_high + 1):
            for column in range(column_low, column_high + 1):
                at = row * columns + column
                for item in range(cell_start[at], cell_start[at + 1]):
                    e = cell_edge[item]
                    s0, h, low, high, length, ux, uy = foot(x, y, ex0[e], ey0[e], ex1[e], ey1[e], limit)
                    if low > high:
                        continue
                    near = math.hypot(min(max(s0, low), high) - s0, h)
                    if want_snap and near < snap[i]:
                        _, s = clear_leg_ms(x, y, ex0[e], ey0[e], ux, uy, s0, h, low, high, 0.0, b, 1.0, blocked, west,
                                            north, cell)
                        if not crosses(blocked, west, north, cell, x, y, ex0[e] + ux * s, ey0[e] + uy * s):
                            snap[i] = min(snap[i], math.hypot(s - s0, h))
                    for way in range(2):
                        whole = ms_uv[e] if way == 0 else ms_vu[e]
                        if whole < 0:
                            continue
                        node = ev[e] if way == 0 else eu[e]
                        hope = False
                        for k in range(layers):
                            state = fields[node, k]
                            if state != unreached and (
                                    (state + (np.uint64(math.floor(b * near)) << shift)) < best[i, k]):
                                hope = True
                        for j in range(joint_start[e], joint_start[e + 1]):
                            hope = True
                        if not hope:
                            continue
                        a = whole / length if length > 0 else 0.0
                        sign = -1.0 if way == 0 else 1.0
                        offset = a * length if way == 0 else 0.0
                        cost, s = clear_leg_ms(x, y, ex0[e], ey0[e], ux, uy, s0, h, low, high, a, b, sign, blocked,
                                               west, north, cell)
                        if cost < np.inf:
                            for k in range(layers):
                                state = fields[node, k]
                                if state != unreached:
                                    _improve(best, i, k, np.float64(state >> shift) + cost + offset, state & low32)
                        for j in range(joint_start[e], joint_start[e + 1]):
                            place, ms = joint_value[j, 2 * way], joint_value[j, 2 * way + 1]
                            if ms == np.inf:
                                continue
                            if way == 0:
                                span_low, span_high = low, min(high, place)
                            else:
                                span_low, span_high = max(low, place), high
                            if span_low > span_high:
                                continue
                            cost, s = clear_leg_ms(x, y, ex0[e], ey0[e], ux, uy, s0, h, span_low, span_high, a, b,
                                                   sign, blocked, west, north, cell)
                            if cost < np.inf:
                                total = cost + ms - (0.0 if way == 0 else a * length) + extra_ms
                                _improve(best, i, joint_layer[j], total, joint_label[j])
                    if diagonal:
                        for j in range(joint_start[e], joint_start[e + 1]):
                            dx, dy = joint_xy[j, 0], joint_xy[j, 1]
                            t0, g, door_low, door_high, _, _, _ = foot(dx, dy, ex0[e], ey0[e], ex1[e], ey1[e], limit)
                            span_low, span_high = max(low, door_low), min(high, door_high)
                            if span_low > span_high:
                                continue
                            s = (s0 * g + t0 * h) / (g + h) if g + h > 0 else t0
                            s = min(max(s, span_low), span_high)
                            qx, qy = ex0[e] + ux * s, ey0[e] + uy * s
                            if not (crosses(blocked, west, north, cell, x, y, qx, qy)
                                    or crosses(blocked, west, north, cell, dx, dy, qx, qy)):
                                total = b * (math.hypot(s - s0, h) + math.hypot(s - t0, g))
                                _improve(best, i, joint_layer[j], total, joint_label[j])


@parallel_kernel
def reach_doors(xs: Array, ys: Array, best: Array, snap: Array, want_snap: bool, door_x: Array, door_y: Array,
                door_layer: Array, door_label: Array, grid: tuple[float, float, float, int, int], cell_start: Array,
                cell_door: Array, blocked: Array, west: float, north: float, cell: float, b: float, limit: float,
                ) -> None:
    """Lower the states of points by the straight walk to doors within the limit."""
    grid_west, grid_south, grid_cell, columns, rows = grid
    for i in prange(len(xs)):
        x, y = xs[i], ys[i]
        row_low = max(int((y - limit - grid_south) / grid_cell), 0)
        row_high = min(int((y + limit - grid_south) / grid_cell), rows - 1)
        column_low = max(int((x - limit - grid_west) / grid_cell), 0)
        column_high = min(int((x + limit - grid_west) / grid_cell), columns - 1)
        for row in range(row_low, row_high + 1):
            for column in range(column_low, column_high + 1):
                at = row * columns + column
                for item in range(cell_start[at], cell_start[at + 1]):
                    door = cell_door[item]
                    distance = math.hypot(door_x[door] - x, door_y[door] - y)
                    if distance <= limit and not crosses(blocked, west, north, cell, x, y, door_x[door],
                                                         door_y[door]):
                        _improve(best, i, door_layer[door], b * distance, door_label[door])
                        if want_snap:
                            snap[i] = min(snap[i], distance)
