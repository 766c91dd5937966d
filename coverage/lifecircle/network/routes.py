"""Trace the way behind a time: from a point over the roads to the door of its nearest facility, or back from there.

The times of the nodes are known, so the way is found downhill: from each node on to one that is nearer by just the
time of the arc between them. Times are whole milliseconds, so that this is exact and nothing is searched again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.network.access import Field, Part, walk_of
from lifecircle.network.index import Index
from lifecircle.network.jit import kernel, leaf_kernel
from lifecircle.network.legs import (
    STEP_M,
    Foot,
    Joints,
    Lines,
    Walk,
    Walls,
    cell_count,
    clear_leg,
    crosses,
    distance,
    foot,
    items_in,
    leg_blocked,
    leg_m,
    window,
)
from lifecircle.network.search import UNREACHED_MS, Direction, downhill, unpack

Array = npt.NDArray[Any]
_SHIFT, _LOW32, _UNREACHED = np.uint64(32), np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFFFFFFFF)
#: How a point begins: not found, over the end of an edge, along its edge to a door there, or across it to one.
_NONE, _OVER_END, _ALONG, _ACROSS = 0, 1, 2, 3


@dataclass(frozen=True)
class Route:
    """The way between a point and its nearest facility, in the order of travel.

    Attributes
    ----------
    xy_m : (k, 2) float64
        Places on the way; from one to the next it is straight. The point and the door are its ends.
    on_foot : (k - 1,) bool
        Whether each piece is walked; legs are, and by vehicle the way to and from it.
    ms : int
        The time of the whole way, the terminal time of a vehicle among it.
    label : int
        Rank of the facility.
    direction : str
        ``to`` the facility or ``from`` it.
    """

    xy_m: Array
    on_foot: Array
    ms: int
    label: int
    direction: Direction

    @property
    def metres(self) -> float:
        """Give the length of the way."""
        return float(np.hypot(*np.diff(self.xy_m, axis=0).T).sum())

    @property
    def walk_metres(self) -> float:
        """Give the length of what is walked."""
        return float(np.hypot(*np.diff(self.xy_m, axis=0).T)[self.on_foot].sum())


class _Start(NamedTuple):
    """How a point joins the roads: kind, edge, direction along it, place of the leg, door joint and its place."""

    kind: int
    edge: int
    way: int
    s: float
    joint: int
    other: float


def trace_worse(fields: Sequence[Field], column: int, xy_m: Array) -> list[Route | None]:
    """Trace the ways of points between them and their nearest facilities; of two directions the one that takes longer.

    Parameters
    ----------
    fields : sequence of Field
        One per direction that counts, as `lifecircle.traveltimes.TravelTimes.fields` holds them per layer and mode.
    column : int
        The layer among those of the fields.
    xy_m : (n, 2) float64
        Any points, in the CRS of the roads.

    Returns
    -------
    list of (Route or None)
        None where one of the directions is closed; of directions that take as long the first.
    """
    each_way = [Tracer(field, column).trace(xy_m) for field in fields]
    return [None if None in ways else max(filter(None, ways), key=lambda way: way.ms)
            for ways in zip(*each_way, strict=True)]


#: A way: the places it leads to, each with whether it is walked there.
_Way = list[tuple[tuple[float, float], bool]]


class Tracer:
    """Trace the ways to the facilities of one layer.

    Parameters
    ----------
    field : Field
    column : int
        The layer among those of the field.
    """

    def __init__(self, field: Field, column: int) -> None:
        self.field, self.column = field, column
        self._walk, self._walls = walk_of(field.walk), field.barriers.walls
        self._joints = [part.joints.by_edge(field.doors, part.net) for part in field.parts]
        self._rows = [self._seeds_by_node(part) for part in field.parts]
        self._columns: dict[int, tuple[Array, Array]] = {}

    def trace(self, xy_m: Array) -> list[Route | None]:
        """Trace the ways of points.

        Parameters
        ----------
        xy_m : (n, 2) float64

        Returns
        -------
        list of (Route or None)
            None where no facility is reached. Of ways as fast as each other one is given, always the same.
        """
        xy_m = np.asarray(xy_m, dtype=np.float64).reshape(-1, 2)
        reach = self.field.reach(xy_m, want_snap=False)
        return [None if ms >= UNREACHED_MS else self._route(float(x), float(y), int(ms), int(label))
                for (x, y), ms, label in zip(xy_m, reach.ms[:, self.column], reach.label[:, self.column], strict=True)]

    def _route(self, x: float, y: float, ms: int, label: int) -> Route:
        way = self._straight(x, y, ms, label) or self._over_roads(x, y, ms, label)
        assert way is not None, "a time that is known comes about in one of these ways"
        xy = np.array([(x, y), *(place for place, _ in way)])
        on_foot = np.array([walked for _, walked in way], dtype=bool)
        moves = np.hypot(*np.diff(xy, axis=0).T) > 0
        if not moves.any():  # the point is the door
            moves[-1] = True
        xy, on_foot = xy[np.append(True, moves)], on_foot[moves]
        if self.field.direction == "from":
            xy, on_foot = xy[::-1], on_foot[::-1]
        return Route(xy, on_foot, ms, label, self.field.direction)

    def _straight(self, x: float, y: float, ms: int, label: int) -> _Way | None:
        """Give the straight walk to a door, where that is the way."""
        doors, walk = self.field.doors, self._walk
        for door in np.flatnonzero((doors.layer == self.column) & (doors.label == label)):
            there = (float(doors.xy_m[door, 0]), float(doors.xy_m[door, 1]))
            metres = distance(there[0] - x, there[1] - y)
            if (metres <= walk.limit_m and math.floor(walk.ms_per_m * metres + 0.5) == ms
                    and not crosses(self._walls, x, y, *there)):
                return [(there, True)]
        return None

    def _over_roads(self, x: float, y: float, ms: int, label: int) -> _Way | None:
        """Give the way that joins a road."""
        for number, part in enumerate(self.field.parts):
            lines, driven, joints = part.net.lines[self.field.direction], number == 1, self._joints[number]
            start = _Start(*_first_leg(x, y, ms, label, self.column, lines, part.net.index, part.ends, joints,
                                       self._walls, self._walk, part.extra_ms))
            if start.kind == _NONE:
                continue
            way: _Way = [(_place(lines, start.edge, start.s), True)]
            if start.kind == _OVER_END:
                node = int(lines.node[start.edge, 1 - start.way])
                return [*way, (self._xy(node), not driven), *self._onwards(node, driven=driven)]
            if start.kind == _ALONG:
                way.append((_place(lines, start.edge, start.other), not driven))
            return [*way, ((float(joints.xy[start.joint, 0]), float(joints.xy[start.joint, 1])), True)]
        return None

    def _xy(self, node: int) -> tuple[float, float]:
        x, y = self.field.parts[0].net.node_xy_m[node]
        return float(x), float(y)

    def _onwards(self, node: int, *, driven: bool) -> _Way:
        """Go on from a node: on foot to the vehicle, with it, and on foot again, as far as each is the way."""
        foot, afoot = self.field.parts[0], self.field.afoot
        if afoot is None:
            return self._to_door(0, foot.states, node)
        wheel, column, way = self.field.parts[1], self.column, []
        if not driven:
            nodes = self._down(0, foot.states, node, lambda at: bool(
                foot.states[at, column] in (afoot[at, column], wheel.states[at, column])))
            way = [(self._xy(at), True) for at in nodes[1:]]
            node = nodes[-1]
            if foot.states[node, column] == afoot[node, column]:
                return way + self._to_door(0, afoot, node)
        used, later = wheel.net.used_nodes(), np.uint64(int(wheel.extra_ms)) << _SHIFT

        def parks(at: int) -> bool:
            state = afoot[at, column]
            return bool(used[at] and state != _UNREACHED and state + later == wheel.states[at, column])

        nodes = self._down(1, wheel.states, node,
                           lambda at: parks(at) or self._door_at(1, wheel.states, at) is not None)
        way += [(self._xy(at), False) for at in nodes[1:]]
        if parks(nodes[-1]):
            return way + self._to_door(0, afoot, nodes[-1])
        return way + self._leave(1, wheel.states, nodes[-1])

    def _to_door(self, number: int, states: Array, node: int) -> _Way:
        """Go from a node to where a door is joined, and to the door."""
        nodes = self._down(number, states, node, lambda at: self._door_at(number, states, at) is not None)
        way: _Way = [(self._xy(at), number == 0) for at in nodes[1:]]
        return way + self._leave(number, states, nodes[-1])

    def _down(self, number: int, states: Array, node: int, found: Callable[[int], bool]) -> list[int]:
        if id(states) not in self._columns:
            ms, label = unpack(states[:, self.column])
            self._columns[id(states)] = (ms, label)
        return downhill(self.field.parts[number].net.graph, *self._columns[id(states)], node, found,
                        direction=self.field.direction)

    def _seeds_by_node(self, part: Part) -> dict[int, list[tuple[int, int]]]:
        """Give node -> the joints of this layer's doors to go to from there: row, and the direction along the edge."""
        rows: dict[int, list[tuple[int, int]]] = {}
        seeds, nodes = part.seeds, part.net.lines[self.field.direction].node
        mine = self.field.doors.layer[seeds.door] == self.column
        for way in (0, 1):
            for row in np.flatnonzero(mine & np.isfinite(seeds.value[:, 2 * way + 1])):
                rows.setdefault(int(nodes[seeds.edge[row], way]), []).append((int(row), way))
        return rows

    def _door_at(self, number: int, states: Array, node: int) -> tuple[int, int] | None:
        """Give the joint by whose door the time of a node comes about; None where it does by another node."""
        state, part = states[node, self.column], self.field.parts[number]
        ms, label = int(state >> _SHIFT) - int(part.extra_ms), int(state & _LOW32)
        for row, way in self._rows[number].get(node, ()):
            door = part.seeds.door[row]
            if int(self.field.doors.label[door]) == label and round(part.seeds.value[row, 2 * way + 1]) == ms:
                return row, way
        return None

    def _leave(self, number: int, states: Array, node: int) -> _Way:
        found, part = self._door_at(number, states, node), self.field.parts[number]
        assert found is not None, "the way ends where a door is joined"
        row, way = found
        at = _place(part.net.lines[self.field.direction], int(part.seeds.edge[row]),
                    float(part.seeds.value[row, 2 * way]))
        x, y = self.field.doors.xy_m[part.seeds.door[row]]
        return [(at, number == 0), ((float(x), float(y)), True)]


def _place(lines: Lines, edge: int, s: float) -> tuple[float, float]:
    x, y, ux, uy, _ = lines.geometry[edge]
    return float(x + ux * s), float(y + uy * s)


@leaf_kernel
def _same(ms: float, wanted: float) -> bool:
    return math.floor(ms + 0.5) == wanted


@kernel
def _first_leg(x: float, y: float, wanted: int, label: int, k: int, lines: Lines, index: Index, ends: Array,
               joints: Joints, walls: Walls, walk: Walk, extra_ms: float,
               ) -> tuple[int, int, int, float, int, float]:
    """Find the edge, and the place of the leg on it, by which a point's time comes about (`_Start`)."""
    b, area = walk.ms_per_m, window(index, x, y, walk.limit_m)
    for turn in range(cell_count(area)):
        begin, end = items_in(index, area, turn)
        for item in range(begin, end):
            e = index.items[item]
            at = foot(lines, e, x, y, walk.limit_m)
            if at.low > at.high:
                continue
            for j in range(joints.start[e], joints.start[e + 1]):
                if joints.layer[j] != k or np.int64(joints.label[j]) != label:
                    continue
                for way in range(2):
                    a, ms, place = lines.pace[e, 2 * way], joints.value[j, 2 * way + 1], joints.value[j, 2 * way]
                    low = at.low if way == 0 else max(at.low, place)
                    high = min(at.high, place) if way == 0 else at.high
                    if a < 0 or ms == np.inf or low > high:
                        continue
                    rest = ms - (0.0 if way == 0 else a * lines.geometry[e, 4]) + extra_ms
                    cost, s = clear_leg(walls, lines, e, at, x, y, low, high, way, -1.0 if way == 0 else 1.0, b,
                                        wanted + 1.0 - rest)
                    if cost < np.inf and _same(cost + rest, wanted):
                        return 2, e, way, s, j, place
                s = _across(x, y, joints.xy[j, 0], joints.xy[j, 1], wanted, extra_ms, lines, e, at, walls, walk)
                if s >= 0:
                    return 3, e, 0, s, j, s
            for way in range(2):
                a, state = lines.pace[e, 2 * way], ends[e, 1 - way, k]
                if a < 0 or state == _UNREACHED or np.int64(state & _LOW32) != label:
                    continue
                rest = np.float64(state >> _SHIFT) + (a * lines.geometry[e, 4] if way == 0 else 0.0)
                cost, s = clear_leg(walls, lines, e, at, x, y, at.low, at.high, way, -1.0 if way == 0 else 1.0, b,
                                    wanted + 1.0 - rest)
                if cost < np.inf and _same(cost + rest, wanted):
                    return 1, e, way, s, -1, 0.0
    return 0, -1, 0, 0.0, -1, 0.0


@leaf_kernel
def _across(x: float, y: float, door_x: float, door_y: float, wanted: float, extra_ms: float, lines: Lines, e: int,
            at: Foot, walls: Walls, walk: Walk) -> float:
    """Give the place on an edge where two legs meet that take the time together; -1 where there is none."""
    other = foot(lines, e, door_x, door_y, walk.limit_m)
    low, high = max(at.low, other.low), min(at.high, other.high)
    if low > high:
        return -1.0
    s = (at.s0 * other.h + other.s0 * at.h) / (at.h + other.h) if at.h + other.h > 0 else other.s0
    s = min(max(s, low), high)
    pieces = max(math.ceil((high - low) / STEP_M), 1)
    for piece in range(pieces + 2):
        cost = walk.ms_per_m * (leg_m(at, s) + leg_m(other, s))
        if _same(cost + extra_ms, wanted) and not (leg_blocked(walls, lines, e, x, y, s)
                                                   or leg_blocked(walls, lines, e, door_x, door_y, s)):
            return s
        s = low + (high - low) * piece / pieces
    return -1.0

