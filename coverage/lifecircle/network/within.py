"""Search from one facility as far as a limit, and look up what the cells around it find."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.network.jit import kernel, leaf_kernel
from lifecircle.network.legs import (
    Index,
    Joints,
    Lines,
    Walk,
    Walls,
    along_edge,
    cell_count,
    crosses,
    distance,
    foot,
    improve,
    items_in,
    nearest_m,
    window,
)
from lifecircle.network.links import UNREACHED, Arcs, Links, Rows
from lifecircle.network.raster import Raster, Stations

Array = npt.NDArray[Any]
#: Nodes whose times fall in one span of 2**13 ms, about 8 s, wait in one queue.
_SPAN_BITS = 13
#: Cells along the side of a patch; where nothing is reached, a patch is passed over whole.
_PATCH = 4
_SHIFT, _NOBODY = np.uint64(32), np.uint64(0)


class Room(NamedTuple):
    """What a search needs for every node of a net; a search leaves it ready for the next, but for the times.

    ms : (n,) int32
        Times; `UNREACHED` before the first search.
    after, before : (n,) int32
        The neighbours of a node that waits in a queue, -1 at its ends; before is -2 where a node does not wait.
    """

    ms: Array
    after: Array
    before: Array

    @classmethod
    def of(cls, nodes: int) -> Room:
        """Make room; nothing is reached."""
        return cls(np.full(nodes, UNREACHED), np.empty(nodes, np.int32), np.full(nodes, -2, np.int32))


@kernel
def spread_within(arcs: Arcs, room: Room, seed: Array, seed_ms: Array, limit: int) -> Array:
    """Lower the times of nodes (in place) from seeds outwards, as far as a limit.

    Parameters
    ----------
    room : Room
        Its times are lowered in place.
    limit : int
        Milliseconds.

    Returns
    -------
    (k,) int32
        Nodes that nothing had reached before.
    """
    ends = np.full((2, (max(limit, 0) >> _SPAN_BITS) + 1), -1, np.int32)
    found = np.empty(len(room.ms), np.int32)
    return found[:_spread(arcs, room, seed, seed_ms, limit, ends, found)]


@leaf_kernel
def _spread(arcs: Arcs, room: Room, seed: Array, seed_ms: Array, limit: int, ends: Array, found: Array) -> int:
    """Let nodes wait in queues by time; one that is lowered within the span of its queue is looked at again."""
    count = 0
    for i in range(len(seed)):
        node = seed[i]
        if seed_ms[i] <= limit and seed_ms[i] < room.ms[node]:
            if room.ms[node] == UNREACHED:
                found[count], count = node, count + 1
            _lower(room, ends, node, seed_ms[i])
    for span in range(ends.shape[1]):
        while ends[0, span] >= 0:
            here = ends[0, span]
            now = int(room.ms[here])
            _leave(room, ends, here, span)
            for arc in range(arcs.start[here], arcs.start[here + 1]):
                other, later = arcs.other[arc], now + int(arcs.ms[arc])
                if later <= limit and later < room.ms[other]:
                    if room.ms[other] == UNREACHED:
                        found[count], count = other, count + 1
                    _lower(room, ends, other, later)
    return count


@leaf_kernel
def _lower(room: Room, ends: Array, node: int, ms: int) -> None:
    """Lower the time of a node, and let it wait at the end of its queue."""
    if room.before[node] != -2:
        _leave(room, ends, node, room.ms[node] >> _SPAN_BITS)
    span = ms >> _SPAN_BITS
    room.ms[node], room.after[node], room.before[node] = ms, -1, ends[1, span]
    if ends[1, span] >= 0:
        room.after[ends[1, span]] = node
    else:
        ends[0, span] = node
    ends[1, span] = node


@leaf_kernel
def _leave(room: Room, ends: Array, node: int, span: int) -> None:
    """Take a node out of its queue."""
    after, before = room.after[node], room.before[node]
    if before >= 0:
        room.after[before] = after
    else:
        ends[0, span] = after
    if after >= 0:
        room.before[after] = before
    else:
        ends[1, span] = before
    room.before[node] = -2


@kernel
def extents(arcs: Arcs, xy_m: Array) -> Array:
    """Give the (n, 4) boxes of the nodes with all their arcs: west, south, east, north."""
    box = np.concatenate((xy_m, xy_m), axis=1)
    for node in range(len(xy_m)):
        for arc in range(arcs.start[node], arcs.start[node + 1]):
            for axis in range(2):
                box[node, axis] = min(box[node, axis], xy_m[arcs.other[arc], axis])
                box[node, 2 + axis] = max(box[node, 2 + axis], xy_m[arcs.other[arc], axis])
    return box


@kernel
def widen(box: Array, extent: Array, nodes: Array, ms: Array, limit: int, walk: Walk) -> None:
    """Widen a box (in place) to all that may be reached over some nodes: their arcs, and the walk from there."""
    for i in range(len(nodes)):
        reach_m = min((limit - ms[nodes[i]]) / walk.ms_per_m, walk.limit_m)
        for axis in range(2):
            box[axis] = min(box[axis], extent[nodes[i], axis] - reach_m)
            box[2 + axis] = max(box[2 + axis], extent[nodes[i], 2 + axis] + reach_m)


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
            # As far as a place that stands for a cell may be aside of its centre, and the cells that the edge passes.
            top, bottom, left, right = around_edge(raster, lines, e, metres + 0.5 * raster.cell_m)
            for row in range(top, bottom):
                for column in range(left, right):
                    mask[row, column] = True


@kernel
def mark_patches(marked: Array, part: Raster, extent: Array, nodes: Array, ms: Array, limit: int, walk: Walk) -> None:
    """Mark the patches of cells that may be reached over some nodes."""
    patch_m = _PATCH * part.cell_m
    for i in range(len(nodes)):
        node = nodes[i]
        reach_m = min((limit - ms[node]) / walk.ms_per_m, walk.limit_m)
        top = max(int((part.north_m - extent[node, 3] - reach_m) / patch_m), 0)
        bottom = min(int((part.north_m - extent[node, 1] + reach_m) / patch_m) + 1, marked.shape[0])
        left = max(int((extent[node, 0] - reach_m - part.west_m) / patch_m), 0)
        right = min(int((extent[node, 2] + reach_m - part.west_m) / patch_m) + 1, marked.shape[1])
        for row in range(top, bottom):
            for column in range(left, right):
                marked[row, column] = True


@kernel
def look_up(centre: Array, aside: Array, part: Raster, top: int, left: int, marked: Array, links: Links, ms: Array,
            extra_ms: int, enough_ms: int) -> None:
    """Lower the packed states of the cells of marked patches, and of their roads, by their links.

    Cells that are no later than `enough_ms` are not looked at more closely.
    """
    _look_up(centre, aside, part, top, left, marked, links, ms, extra_ms, enough_ms)


@leaf_kernel
def _look_up(centre: Array, aside: Array, part: Raster, top: int, left: int, marked: Array, links: Links, ms: Array,
             extra_ms: int, enough_ms: int) -> None:
    for row in range(part.rows):
        for column in range(part.columns):
            if not marked[row // _PATCH, column // _PATCH]:
                continue
            cell, at = links.row[top + row, left + column], row * part.columns + column
            if cell < 0 or np.int64(centre[at, 0] >> _SHIFT) <= enough_ms:
                continue
            least = _least(links.centre, cell, ms, enough_ms - extra_ms)
            if least < UNREACHED:
                improve(centre, at, 0, float(least + extra_ms), _NOBODY)
            if least + extra_ms > enough_ms:
                least = _least(links.road, cell, ms, enough_ms - extra_ms)
                if least < UNREACHED:
                    improve(aside, at, 0, float(least + extra_ms), _NOBODY)


@leaf_kernel
def _least(rows: Rows, place: int, ms: Array, enough_ms: int) -> int:
    """Give the least time over the links of a place, or one that is enough."""
    least = int(UNREACHED)
    for link in range(rows.start[place], rows.start[place + 1]):
        least = min(least, int(ms[rows.node[link]]) + int(rows.ms[link]))
        if least <= enough_ms:
            break
    return least


@kernel
def look_up_places(states: Array, rows: Rows, ms: Array, extra_ms: int) -> None:
    """Lower the packed states of places by their links."""
    _look_up_places(states, rows, ms, extra_ms)


@leaf_kernel
def _look_up_places(states: Array, rows: Rows, ms: Array, extra_ms: int) -> None:
    for place in range(len(states)):
        least = _least(rows, place, ms, -1)
        if least < UNREACHED:
            improve(states, place, 0, float(least + extra_ms), _NOBODY)


@kernel
def look_out_from(states: Array, nodes: Array, by_node: Rows, ms: Array, extra_ms: int) -> None:
    """Lower the packed states of the places that are linked to some nodes.

    Parameters
    ----------
    nodes : (k,) int32
        Nodes that were reached.
    by_node : Rows
        The links in rows by node; their ``node`` is the place.
    """
    for node in nodes:
        for link in range(by_node.start[node], by_node.start[node + 1]):
            improve(states, by_node.node[link], 0, float(int(ms[node]) + int(by_node.ms[link]) + extra_ms), _NOBODY)


def no_patches(part: Raster) -> Array:
    """Give the marks of the patches of a raster, none set."""
    return np.zeros((-(-part.rows // _PATCH), -(-part.columns // _PATCH)), dtype=bool)


@kernel
def minutes_of(states: Array, limit_ms: int) -> Array:
    """Give the minutes of packed states, NaN beyond a limit."""
    minutes = np.empty(len(states), np.float64)
    for i in range(len(states)):
        ms = np.int64(states[i, 0] >> _SHIFT)
        minutes[i] = ms / 60_000.0 if ms <= limit_ms else np.nan
    return minutes


@kernel
def look_along(centre: Array, aside: Array, whole: Raster, part: Raster, top: int, left: int, middle_m: Array,
               lines: Lines, edge: Array, joints: Joints, stations: Stations, station_start: Array, walls: Walls,
               walk: Walk, extra_ms: float, enough_ms: int) -> None:
    """Lower the packed states of cells near the edges that doors are joined to: along these edges to the doors.

    Parameters
    ----------
    middle_m : (rows, columns, 2) float64
        The places that stand for the cells of the part.
    lines : Lines
        The edges, one for each joint.
    edge : (k,) integers
        Their numbers among all edges.
    station_start : (edges + 1,) int64
        Where each edge's stations begin, of all edges.
    enough_ms : int
        Cells that are no later are not looked at.
    """
    for j in range(len(edge)):
        # A place that stands for a cell is less than half a cell aside of its centre, along either axis.
        first_row, last_row, first_column, last_column = around_edge(part, lines, j, walk.limit_m + 0.5 * part.cell_m)
        for row in range(first_row, last_row):
            for column in range(first_column, last_column):
                here = row * part.columns + column
                if np.int64(centre[here, 0] >> _SHIFT) > enough_ms:
                    x, y = middle_m[row, column, 0], middle_m[row, column, 1]
                    at = foot(lines, j, x, y, walk.limit_m)
                    if at.low <= at.high:
                        along_edge(centre, here, x, y, lines, j, at, joints, walls, walk, extra_ms)
        for i in range(station_start[edge[j]], station_start[edge[j] + 1]):
            row, column = stations.cell[i] // whole.columns - top, stations.cell[i] % whole.columns - left
            if 0 <= row < part.rows and 0 <= column < part.columns:
                x, y = stations.x_m[i], stations.y_m[i]
                at = foot(lines, j, x, y, walk.limit_m)
                along_edge(aside, row * part.columns + column, x, y, lines, j, at, joints, walls, walk, extra_ms)


@kernel
def look_straight(centre: Array, aside: Array, part: Raster, middle_m: Array, door_xy_m: Array, walls: Walls,
                  walk: Walk) -> None:
    """Lower the packed states of cells by the straight walk to doors within the limit; a door is there at once."""
    for door in range(len(door_xy_m)):
        door_x, door_y, far = door_xy_m[door, 0], door_xy_m[door, 1], walk.limit_m + 0.5 * part.cell_m
        top, bottom, left, right = cells_near(part, door_x - far, door_y - far, door_x + far, door_y + far)
        for row in range(top, bottom):
            for column in range(left, right):
                x, y = middle_m[row, column, 0], middle_m[row, column, 1]
                metres = distance(door_x - x, door_y - y)
                if metres <= walk.limit_m and not crosses(walls, x, y, door_x, door_y):
                    improve(centre, row * part.columns + column, 0, walk.ms_per_m * metres, _NOBODY)
        row = math.floor((part.north_m - door_y) / part.cell_m)
        column = math.floor((door_x - part.west_m) / part.cell_m)
        improve(aside, row * part.columns + column, 0, 0.0, _NOBODY)


@kernel
def look_near(states: Array, x_m: Array, y_m: Array, index: Index, door_xy_m: Array, lines: Lines, joints: Joints,
              walls: Walls, walk: Walk, extra_ms: float) -> None:
    """Lower the packed states of places near some doors: straight to them, and along the edges they are joined to.

    Parameters
    ----------
    index : Index
        Of the places.
    lines, joints
        As for `look_along`.
    """
    for door in range(len(door_xy_m)):
        door_x, door_y = door_xy_m[door, 0], door_xy_m[door, 1]
        area = window(index, door_x, door_y, walk.limit_m)
        for turn in range(cell_count(area)):
            begin, end = items_in(index, area, turn)
            for item in range(begin, end):
                i = index.items[item]
                metres = distance(door_x - x_m[i], door_y - y_m[i])
                if (metres <= walk.limit_m and _may_lower(states, i, walk.ms_per_m * metres)
                        and not crosses(walls, x_m[i], y_m[i], door_x, door_y)):
                    improve(states, i, 0, walk.ms_per_m * metres, _NOBODY)
    for j in range(len(lines.node)):
        half, soonest = 0.5 * lines.geometry[j, 4], np.inf
        for joint in range(joints.start[j], joints.start[j + 1]):
            entry = foot(lines, j, joints.xy[joint, 0], joints.xy[joint, 1], walk.limit_m)
            soonest = min(soonest, walk.ms_per_m * nearest_m(entry))
        area = window(index, lines.geometry[j, 0] + half * lines.geometry[j, 2],
                      lines.geometry[j, 1] + half * lines.geometry[j, 3], walk.limit_m + half)
        for turn in range(cell_count(area)):
            begin, end = items_in(index, area, turn)
            for item in range(begin, end):
                i = index.items[item]
                if not _may_lower(states, i, soonest + extra_ms):
                    continue
                at = foot(lines, j, x_m[i], y_m[i], walk.limit_m)
                if at.low <= at.high and _may_lower(states, i, walk.ms_per_m * nearest_m(at) + extra_ms):
                    along_edge(states, i, x_m[i], y_m[i], lines, j, at, joints, walls, walk, extra_ms)


@leaf_kernel
def _may_lower(states: Array, i: int, least_ms: float) -> bool:
    """Tell whether a walk that takes at least so long may still lower the time of a place."""
    return bool(least_ms < np.float64(states[i, 0] >> _SHIFT) + 1.0)  # times are whole milliseconds
