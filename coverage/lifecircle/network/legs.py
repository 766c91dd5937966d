"""Compute access legs: the straight walk between a point and the road, in closed form and around barriers.

For a point at distance h from the line of an edge, its foot at s0, a walk of b ms per metre and a road of a ms per
metre, the time over the place s where the road is met is b·sqrt((s - s0)² + h²) ± a·s. It is convex, with its least
value at s0 ∓ h·a/sqrt(b² - a²); between the ends of what is within the limit that place is best.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.network.index import Index as Index
from lifecircle.network.jit import kernel, leaf_kernel

Array = npt.NDArray[Any]
#: Distance between the places tried along an edge whose best leg is blocked.
STEP_M = 10.0
_SHIFT, _LOW32, _UNREACHED = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF)


class Lines(NamedTuple):
    """Edges that points may join, laid out for the kernels.

    geometry : (m, 5) float64
        x and y of the first end, unit vector along the edge, length.
    pace : (m, 4) float64
        Milliseconds per metre from u to v as the search sees it (negative where closed), and by how many times the
        distance h the best leg runs ahead of the foot; the same from v to u.
    node : (m, 2) int32
        First and last node.
    """

    geometry: Array
    pace: Array
    node: Array


class Walls(NamedTuple):
    """A raster of blocked cells, first row north."""

    blocked: Array
    west: float
    north: float
    cell: float


class Walk(NamedTuple):
    """The walk off the road: milliseconds per metre, and the longest leg."""

    ms_per_m: float
    limit_m: float


class Joints(NamedTuple):
    """Doors joined to edges, in rows by edge.

    value : (k, 4) float64
        Where the edge is left when travelled from u to v, and milliseconds from u to the door; the same from v.
    """

    start: Array
    value: Array
    xy: Array
    layer: Array
    label: Array


class Foot(NamedTuple):
    """A point projected on an edge: place and distance of its foot, and the span within the limit."""

    s0: float
    h: float
    low: float
    high: float


@leaf_kernel
def window(index: Index, x: float, y: float, limit: float) -> tuple[int, int, int, int]:
    """Give the rows and columns of the grid within a limit of a point: first and one past the last, maybe none."""
    row_low = max(math.floor((y - limit - index.south) / index.cell), 0)
    row_end = min(math.floor((y + limit - index.south) / index.cell), index.rows - 1) + 1
    column_low = max(math.floor((x - limit - index.west) / index.cell), 0)
    column_end = min(math.floor((x + limit - index.west) / index.cell), index.columns - 1) + 1
    return row_low, max(row_end, row_low), column_low, max(column_end, column_low)


@leaf_kernel
def cell_count(area: tuple[int, int, int, int]) -> int:
    """Count the cells of a window."""
    return (area[1] - area[0]) * (area[3] - area[2])


@leaf_kernel
def items_in(index: Index, area: tuple[int, int, int, int], turn: int) -> tuple[int, int]:
    """Give where the items of a window's cell begin and end; turns go from the middle outwards.

    Near items come first, so that far ones are soon not worth it.
    """
    columns = area[3] - area[2]
    row = area[0] + middle_out(turn // columns, area[1] - area[0])
    cell = row * index.columns + area[2] + middle_out(turn % columns, columns)
    return index.start[cell], index.start[cell + 1]


@leaf_kernel
def middle_out(turn: int, count: int) -> int:
    """Go through 0 … count - 1 from the middle outwards."""
    middle = count // 2
    step = (turn + 1) // 2
    return middle - step if turn % 2 else middle + step


@leaf_kernel
def crosses(walls: Walls, ax: float, ay: float, bx: float, by: float) -> bool:
    """Tell whether a straight walk meets a blocked cell; the cells of its two ends are exempt."""
    rows, columns = walls.blocked.shape
    if rows == 1 and columns == 1:
        return False
    fx, fy = (ax - walls.west) / walls.cell, (walls.north - ay) / walls.cell
    gx, gy = (bx - walls.west) / walls.cell, (walls.north - by) / walls.cell
    column, row = math.floor(fx), math.floor(fy)
    last_column, last_row = math.floor(gx), math.floor(gy)
    step_column = 1 if gx > fx else -1
    step_row = 1 if gy > fy else -1
    dx, dy = abs(gx - fx), abs(gy - fy)
    to_column = ((column + 1 - fx) if step_column > 0 else (fx - column)) / dx if dx > 0 else np.inf
    to_row = ((row + 1 - fy) if step_row > 0 else (fy - row)) / dy if dy > 0 else np.inf
    for _ in range(abs(last_column - column) + abs(last_row - row) - 1):
        if to_column < to_row:
            to_column += 1.0 / dx
            column += step_column
        else:
            to_row += 1.0 / dy
            row += step_row
        inside = 0 <= row < rows and 0 <= column < columns
        if inside and walls.blocked[row, column] and not (row == last_row and column == last_column):
            return True
    return False


@leaf_kernel
def distance(dx: float, dy: float) -> float:
    """Give the length of a vector; plainer and faster than hypot, and exact enough for metres."""
    return math.sqrt(dx * dx + dy * dy)


@leaf_kernel
def foot(lines: Lines, e: int, x: float, y: float, limit: float) -> Foot:
    """Project a point on an edge; the span is empty (low > high) where the edge lies beyond the limit."""
    dx, dy = x - lines.geometry[e, 0], y - lines.geometry[e, 1]
    ux, uy, length = lines.geometry[e, 2], lines.geometry[e, 3], lines.geometry[e, 4]
    s0, h = dx * ux + dy * uy, abs(dx * uy - dy * ux)
    if h > limit:
        return Foot(s0, h, 0.0, -1.0)
    half = math.sqrt(limit * limit - h * h)
    return Foot(s0, h, max(0.0, s0 - half), min(length, s0 + half))


@leaf_kernel
def leg_m(at: Foot, s: float) -> float:
    """Give the length of the leg that meets the edge at s."""
    return distance(s - at.s0, at.h)


@leaf_kernel
def nearest_m(at: Foot) -> float:
    """Give the length of the shortest leg to the edge."""
    return leg_m(at, min(max(at.s0, at.low), at.high))


@leaf_kernel
def leg_blocked(walls: Walls, lines: Lines, e: int, x: float, y: float, s: float) -> bool:
    """Tell whether the leg that meets an edge at s is blocked."""
    return crosses(walls, x, y, lines.geometry[e, 0] + lines.geometry[e, 2] * s,
                   lines.geometry[e, 1] + lines.geometry[e, 3] * s)


@leaf_kernel
def clear_leg(walls: Walls, lines: Lines, e: int, at: Foot, x: float, y: float, low: float, high: float, way: int,
              sign: float, b: float, worth: float) -> tuple[float, float]:
    """Give the least b·leg + sign·a·s over the unblocked legs to an edge and its place s; infinity if none is open.

    The best place in closed form is tried first; if that leg is blocked, places `STEP_M` apart. Times of `worth` and
    more are not looked for. Way -1 leaves the travel along the edge out: the shortest leg.
    """
    a, ahead = (0.0, 0.0) if way < 0 else (lines.pace[e, 2 * way], lines.pace[e, 2 * way + 1])
    s = min(max(at.s0 - sign * at.h * ahead, low), high) if ahead < np.inf else (low if sign > 0 else high)
    cost = b * leg_m(at, s) + sign * a * s
    if cost >= worth:
        return np.inf, s
    if not leg_blocked(walls, lines, e, x, y, s):
        return cost, s
    best, best_s = worth, s
    pieces = max(math.ceil((high - low) / STEP_M), 1)
    for piece in range(pieces + 1):
        s = low + (high - low) * piece / pieces
        cost = b * leg_m(at, s) + sign * a * s
        if cost < best and not leg_blocked(walls, lines, e, x, y, s):
            best, best_s = cost, s
    return (best, best_s) if best < worth else (np.inf, s)


@kernel
def join_doors(door_x: Array, door_y: Array, lines: Lines, index: Index, walls: Walls, walk: Walk,
               ) -> tuple[Array, Array, Array]:
    """Join doors to every edge in reach.

    Returns
    -------
    (k, 2) int64
        Door and edge of each joint.
    (k, 4) float64
        As in `Joints.value`; times are infinite where that way is closed or blocked.
    (doors,) float64
        Metres of the shortest unblocked leg; infinite where the door cannot be joined.
    """
    size = 0
    which, value = np.empty((1024, 2), np.int64), np.empty((1024, 4), np.float64)
    snap = np.full(len(door_x), np.inf)
    seen = np.full(len(lines.node), -1, np.int64)
    for door in range(len(door_x)):
        area = window(index, door_x[door], door_y[door], walk.limit_m)
        for turn in range(cell_count(area)):
            begin, end = items_in(index, area, turn)
            for item in range(begin, end):
                e = index.items[item]
                if seen[e] == door:
                    continue
                seen[e] = door
                if size == len(which):
                    which = np.concatenate((which, np.empty_like(which)))
                    value = np.concatenate((value, np.empty_like(value)))
                shortest = join(door_x[door], door_y[door], lines, e, walls, walk, value[size])
                if shortest < np.inf:
                    which[size, 0], which[size, 1] = door, e
                    snap[door] = min(snap[door], shortest)
                    size += 1
    return which[:size], value[:size], snap


@leaf_kernel
def join(x: float, y: float, lines: Lines, e: int, walls: Walls, walk: Walk, value: Array) -> float:
    """Join a door to an edge: fill in `value`, and give metres of the shortest unblocked leg, infinite if none."""
    at = foot(lines, e, x, y, walk.limit_m)
    if at.low > at.high:
        return np.inf
    shortest, _ = clear_leg(walls, lines, e, at, x, y, at.low, at.high, -1, 1.0, 1.0, np.inf)
    for way in range(2):
        value[2 * way], value[2 * way + 1] = 0.0, np.inf
        a = lines.pace[e, 2 * way]
        if a >= 0:
            sign = 1.0 if way == 0 else -1.0
            cost, s = clear_leg(walls, lines, e, at, x, y, at.low, at.high, way, sign, walk.ms_per_m, np.inf)
            if cost < np.inf:
                value[2 * way], value[2 * way + 1] = s, cost + (0.0 if way == 0 else a * lines.geometry[e, 4])
                shortest = min(shortest, leg_m(at, s))
    return shortest


@leaf_kernel
def improve(best: Array, i: int, k: int, ms: float, label: np.uint64) -> None:
    """Lower a packed state if the time is less, or equal and of a lower label."""
    state = (np.uint64(np.int64(math.floor(ms + 0.5))) << _SHIFT) | label
    if state < best[i, k]:
        best[i, k] = state


@leaf_kernel
def through_end(best: Array, i: int, x: float, y: float, lines: Lines, e: int, at: Foot, way: int, ends: Array,
                walls: Walls, b: float) -> None:
    """Lower a point's states by joining an edge and leaving it over its end in one direction."""
    a = lines.pace[e, 2 * way]
    if a < 0:
        return
    sign = -1.0 if way == 0 else 1.0
    rest = a * lines.geometry[e, 4] if way == 0 else 0.0
    worth = -np.inf  # a leg that takes longer improves no layer
    for k in range(best.shape[1]):
        state = ends[e, 1 - way, k]
        if state != _UNREACHED:
            spare = np.int64(best[i, k] >> _SHIFT) - np.int64(state >> _SHIFT)
            worth = max(worth, np.float64(spare) + 1.0 - rest)
    cost, _ = clear_leg(walls, lines, e, at, x, y, at.low, at.high, way, sign, b, worth)
    if cost == np.inf:
        return
    for k in range(best.shape[1]):
        state = ends[e, 1 - way, k]
        if state != _UNREACHED:
            improve(best, i, k, np.float64(state >> _SHIFT) + cost + rest, state & _LOW32)


@leaf_kernel
def along_edge(best: Array, i: int, x: float, y: float, lines: Lines, e: int, at: Foot, joints: Joints, walls: Walls,
               walk: Walk, extra_ms: float) -> None:
    """Lower a point's states by doors on the same edge: along it in each direction, or straight across it."""
    b = walk.ms_per_m
    for j in range(joints.start[e], joints.start[e + 1]):
        k, label = joints.layer[j], joints.label[j]
        for way in range(2):
            a, ms, place = lines.pace[e, 2 * way], joints.value[j, 2 * way + 1], joints.value[j, 2 * way]
            low = at.low if way == 0 else max(at.low, place)
            high = min(at.high, place) if way == 0 else at.high
            if a < 0 or ms == np.inf or low > high:
                continue
            rest = ms - (0.0 if way == 0 else a * lines.geometry[e, 4]) + extra_ms
            worth = np.float64(best[i, k] >> _SHIFT) + 1.0 - rest
            cost, _ = clear_leg(walls, lines, e, at, x, y, low, high, way, -1.0 if way == 0 else 1.0, b, worth)
            if cost < np.inf:
                improve(best, i, k, cost + rest, label)
        across(best, i, x, y, lines, e, at, joints.xy[j, 0], joints.xy[j, 1], k, label, walls, walk, extra_ms)


@leaf_kernel
def across(best: Array, i: int, x: float, y: float, lines: Lines, e: int, at: Foot, door_x: float, door_y: float,
           k: int, label: np.uint64, walls: Walls, walk: Walk, extra_ms: float) -> None:
    """Lower a point's state by two legs that meet on an edge, without travel along it.

    The best place in closed form is tried first; if one of its legs is blocked, places `STEP_M` apart.
    """
    b, worth = walk.ms_per_m, float(best[i, k] >> _SHIFT) + 1.0 - extra_ms
    if b * distance(door_x - x, door_y - y) >= worth:
        return
    other = foot(lines, e, door_x, door_y, walk.limit_m)
    low, high = max(at.low, other.low), min(at.high, other.high)
    if low > high:
        return
    s = (at.s0 * other.h + other.s0 * at.h) / (at.h + other.h) if at.h + other.h > 0 else other.s0
    s = min(max(s, low), high)
    pieces = max(math.ceil((high - low) / STEP_M), 1)
    for piece in range(pieces + 2):
        cost = b * (leg_m(at, s) + leg_m(other, s))
        if cost < worth and not (leg_blocked(walls, lines, e, x, y, s)
                                 or leg_blocked(walls, lines, e, door_x, door_y, s)):
            improve(best, i, k, cost + extra_ms, label)
            worth = cost
        if piece == 0 and cost >= worth:
            return  # it is clear, or no place is worth it
        s = low + (high - low) * piece / pieces
