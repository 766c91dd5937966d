"""Link the cells of a raster to the nodes of the roads, for many facilities at once.

The legs from a cell to the nodes do not depend on the facility. They are found once, and of them only those are kept
that can be the fastest for some facility: a node that is reached at least as soon over another one needs no link.
All times are whole milliseconds, as in the search, so nothing is lost by it.
"""

from __future__ import annotations

import heapq
import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.network.graph import MAX_MS
from lifecircle.network.jit import kernel, leaf_kernel
from lifecircle.network.legs import (
    Index,
    Joints,
    Lines,
    Walk,
    Walls,
    along_edge,
    clear_leg,
    crosses,
    distance,
    foot,
    improve,
    nearest_m,
    window,
)
from lifecircle.network.surface import Raster

Array = npt.NDArray[Any]
UNREACHED = np.int32(MAX_MS)


class Arcs(NamedTuple):
    """The arcs of a graph in rows by node, as a search away from the facility goes over them."""

    start: Array
    other: Array
    ms: Array


class Links(NamedTuple):
    """Links from cells to nodes, in rows by cell.

    row : (rows, columns) int32
        Row of each cell of the raster; -1 where it has none.
    start, node, ms : int64, int32, int32
    """

    row: Array
    start: Array
    node: Array
    ms: Array


@kernel
def spread_within(arcs: Arcs, xy_m: Array, ms: Array, seed: Array, seed_ms: Array, limit: int, box: Array) -> Array:
    """Lower the times of nodes (in place) from seeds outwards, as far as a limit.

    Parameters
    ----------
    ms : (n,) int32
        Lowered in place.
    limit : int
        Milliseconds.
    box : (4,) float64
        West, south, east, north; widened in place to every place on an edge that is reached in time.

    Returns
    -------
    (k,) int32
        Nodes that nothing had reached before.
    """
    heap = [np.int64(0)]
    heap.pop()
    found, size = np.empty(1024, np.int32), 0
    for i in range(len(seed)):
        node = seed[i]
        if seed_ms[i] <= limit and seed_ms[i] < ms[node]:
            if ms[node] == UNREACHED:
                if size == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                found[size] = node
                size += 1
            ms[node] = seed_ms[i]
            heapq.heappush(heap, (np.int64(seed_ms[i]) << 32) | np.int64(node))
    while len(heap) > 0:
        key = heapq.heappop(heap)
        node, time = key & 0xFFFFFFFF, key >> 32
        if time != ms[node]:
            continue
        widen(box, xy_m[node, 0], xy_m[node, 1])
        for arc in range(arcs.start[node], arcs.start[node + 1]):
            other, later = arcs.other[arc], time + arcs.ms[arc]
            if later > limit:
                part = (limit - time) / arcs.ms[arc]
                widen(box, xy_m[node, 0] + part * (xy_m[other, 0] - xy_m[node, 0]),
                      xy_m[node, 1] + part * (xy_m[other, 1] - xy_m[node, 1]))
            elif later < ms[other]:
                if ms[other] == UNREACHED:
                    if size == len(found):
                        found = np.concatenate((found, np.empty_like(found)))
                    found[size] = other
                    size += 1
                ms[other] = later
                heapq.heappush(heap, (later << 32) | np.int64(other))
    return found[:size]


@leaf_kernel
def widen(box: Array, x: float, y: float) -> None:
    """Widen a box to hold a point."""
    box[0], box[1], box[2], box[3] = min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)


@leaf_kernel
def cells_near(raster: Raster, west: float, south: float, east: float, north: float) -> tuple[int, int, int, int]:
    """Give the rows and columns of the cells whose centres lie in a box: first and one past the last."""
    return (max(math.ceil((raster.north_m - north) / raster.cell_m - 0.5), 0),
            min(math.floor((raster.north_m - south) / raster.cell_m - 0.5) + 1, raster.rows),
            max(math.ceil((west - raster.west_m) / raster.cell_m - 0.5), 0),
            min(math.floor((east - raster.west_m) / raster.cell_m - 0.5) + 1, raster.columns))


@leaf_kernel
def around_edge(raster: Raster, lines: Lines, e: int, metres: float) -> tuple[int, int, int, int]:
    """Give the rows and columns of the cells in a box around an edge."""
    x0, y0, length = lines.geometry[e, 0], lines.geometry[e, 1], lines.geometry[e, 4]
    x1, y1 = x0 + length * lines.geometry[e, 2], y0 + length * lines.geometry[e, 3]
    return cells_near(raster, min(x0, x1) - metres, min(y0, y1) - metres, max(x0, x1) + metres, max(y0, y1) + metres)


@kernel
def mark_cells(mask: Array, raster: Raster, lines: Lines, ms: Array, limit: int, walk: Walk) -> None:
    """Mark the cells from which an edge can be met early enough to leave it in time over a node."""
    for e in range(len(lines.node)):
        least = UNREACHED
        for way in range(2):
            if lines.pace[e, 2 * way] >= 0:
                least = min(least, ms[lines.node[e, 1 - way]])
        if least <= limit:
            metres = min(walk.limit_m, (limit - least) / walk.ms_per_m)
            top, bottom, left, right = around_edge(raster, lines, e, metres)
            for row in range(top, bottom):
                for column in range(left, right):
                    mask[row, column] = True


@leaf_kernel
def over_roads(arcs: Arcs, cost: Array, node: int) -> int:
    """Give the least time to a node that is known so far, over its neighbours too."""
    best = int(cost[node])
    for arc in range(arcs.start[node], arcs.start[node + 1]):
        best = min(best, int(cost[arcs.other[arc]]) + int(arcs.ms[arc]))
    return best


@leaf_kernel
def needless(arcs: Arcs, cost: Array, node: int) -> bool:
    """Tell whether a node is reached at least as soon over a neighbour."""
    for arc in range(arcs.start[node], arcs.start[node + 1]):
        near, more = cost[arcs.other[arc]], arcs.ms[arc]
        if near < cost[node] and near + more <= cost[node]:
            return True
    return False


@leaf_kernel
def ring_cell(turn: int, ring: int) -> tuple[int, int]:
    """Go round a ring of cells: the steps from its middle, up and to the right."""
    side, along = turn // (2 * ring), turn % (2 * ring)
    if side == 0:
        return -ring, along - ring
    if side == 1:
        return along - ring, ring
    return (ring, ring - along) if side == 2 else (ring - along, -ring)


@leaf_kernel
def legs_of(i: int, x: float, y: float, lines: Lines, index: Index, arcs: Arcs, walls: Walls, walk: Walk, cost: Array,
            direct: Array, seen: Array, visited: Array) -> int:
    """Find the least times from a place to the nodes near it, and whether a leg gives them; count the nodes seen.

    Near edges come first, so that far ones are mostly passed over.
    """
    size = 0
    row_low, row_end, column_low, column_end = window(index, x, y, walk.limit_m)
    middle_row, middle_column = math.floor((y - index.south) / index.cell), math.floor((x - index.west) / index.cell)
    for ring in range(math.ceil(walk.limit_m / index.cell) + 1):
        for turn in range(max(8 * ring, 1)):
            up, right = ring_cell(turn, ring) if ring > 0 else (0, 0)
            row, column = middle_row + up, middle_column + right
            if not (row_low <= row < row_end and column_low <= column < column_end):
                continue
            cell = row * index.columns + column
            for item in range(index.start[cell], index.start[cell + 1]):
                e = index.items[item]
                if visited[e] != i:
                    visited[e] = i
                    size = legs_to(x, y, lines, e, arcs, walls, walk, cost, direct, seen, size)
    return size


@leaf_kernel
def legs_to(x: float, y: float, lines: Lines, e: int, arcs: Arcs, walls: Walls, walk: Walk, cost: Array,
            direct: Array, seen: Array, size: int) -> int:
    """Lower the times to the two ends of an edge by the legs to it."""
    at = foot(lines, e, x, y, walk.limit_m)
    if at.low > at.high:
        return size
    soonest = walk.ms_per_m * nearest_m(at)
    for way in range(2):
        a, node = lines.pace[e, 2 * way], lines.node[e, 1 - way]
        if a < 0 or soonest >= cost[node]:
            continue
        known = over_roads(arcs, cost, node)
        sign, rest = (-1.0, a * lines.geometry[e, 4]) if way == 0 else (1.0, 0.0)
        leg, _ = clear_leg(walls, lines, e, at, x, y, at.low, at.high, way, sign, walk.ms_per_m, known - 0.5 - rest)
        by_leg = leg < np.inf
        if by_leg:
            known = math.floor(leg + rest + 0.5)
        if known < cost[node]:
            if cost[node] == UNREACHED:
                seen[size] = node
                size += 1
            cost[node], direct[node] = known, by_leg
    return size


@kernel
def link_cells(xs: Array, ys: Array, lines: Lines, index: Index, arcs: Arcs, walls: Walls, walk: Walk,
               ) -> tuple[Array, Array, Array]:
    """Link places to nodes.

    Returns
    -------
    (n,) int64
        Number of links of each place.
    (k,) int32, (k,) int32
        Node and milliseconds of each link.
    """
    nodes = len(arcs.start) - 1
    cost, direct, seen = np.full(nodes, UNREACHED), np.zeros(nodes, np.bool_), np.empty(nodes, np.int32)
    visited = np.full(len(lines.node), -1, np.int32)
    count, total = np.zeros(len(xs), np.int64), 0
    link_node, link_ms = np.empty(4096, np.int32), np.empty(4096, np.int32)
    for i in range(len(xs)):
        size = legs_of(i, xs[i], ys[i], lines, index, arcs, walls, walk, cost, direct, seen, visited)
        while total + size > len(link_node):
            link_node = np.concatenate((link_node, np.empty_like(link_node)))
            link_ms = np.concatenate((link_ms, np.empty_like(link_ms)))
        for j in range(size):
            node = seen[j]
            if direct[node] and not needless(arcs, cost, node):
                link_node[total], link_ms[total] = node, cost[node]
                total += 1
                count[i] += 1
        for j in range(size):
            cost[seen[j]] = UNREACHED
    return count, link_node[:total], link_ms[:total]


@kernel
def look_up(best: Array, first_row: int, first_column: int, part: Raster, links: Links, ms: Array, extra_ms: int,
            ) -> None:
    """Lower the packed states of the cells of a part of the raster by their links."""
    for row in range(part.rows):
        for column in range(part.columns):
            cell = links.row[first_row + row, first_column + column]
            if cell < 0:
                continue
            least = np.int64(UNREACHED)
            for link in range(links.start[cell], links.start[cell + 1]):
                least = min(least, np.int64(ms[links.node[link]]) + links.ms[link])
            if least + extra_ms < UNREACHED:
                improve(best, row * part.columns + column, 0, np.float64(least + extra_ms), np.uint64(0))


@kernel
def look_along(best: Array, part: Raster, lines: Lines, joints: Joints, walls: Walls, walk: Walk, extra_ms: float,
               diagonal: bool) -> None:
    """Lower the packed states of cells near the edges that doors are joined to: along these edges to the doors."""
    for e in range(len(lines.node)):
        top, bottom, left, right = around_edge(part, lines, e, walk.limit_m)
        for row in range(top, bottom):
            y = part.north_m - (row + 0.5) * part.cell_m
            for column in range(left, right):
                x = part.west_m + (column + 0.5) * part.cell_m
                at = foot(lines, e, x, y, walk.limit_m)
                if at.low <= at.high:
                    along_edge(best, row * part.columns + column, x, y, lines, e, at, joints, walls, walk, extra_ms,
                               diagonal)


@kernel
def look_straight(best: Array, part: Raster, door_xy_m: Array, walls: Walls, walk: Walk) -> None:
    """Lower the packed states of cells by the straight walk to doors within the limit."""
    for door in range(len(door_xy_m)):
        door_x, door_y, limit = door_xy_m[door, 0], door_xy_m[door, 1], walk.limit_m
        top, bottom, left, right = cells_near(part, door_x - limit, door_y - limit, door_x + limit, door_y + limit)
        for row in range(top, bottom):
            y = part.north_m - (row + 0.5) * part.cell_m
            for column in range(left, right):
                x = part.west_m + (column + 0.5) * part.cell_m
                metres = distance(door_x - x, door_y - y)
                if metres <= limit and not crosses(walls, x, y, door_x, door_y):
                    improve(best, row * part.columns + column, 0, walk.ms_per_m * metres, np.uint64(0))
