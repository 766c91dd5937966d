"""Derive the time between places and doors by networkx and plain numeric minimisation, without the engine.

Every edge in reach of a place is tried on a grid of places that is narrowed around the best one (time is convex along
an edge); a blocked leg is tried again every 10 m. By vehicle the walk from the door, the drive and the walk home are
three copies of the roads in one graph, so one search gives all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.graph import mode_edges
from lifecircle.network.modes import TravelMode
from lifecircle.roadnetwork import RoadNetwork

Array = npt.NDArray[Any]
STEP_M = 10.0
_GRID = np.linspace(0.0, 1.0, 33)
_ROUNDS = 5


@dataclass(frozen=True)
class Lines:
    """Straight pieces of road with the times of one mode.

    Attributes
    ----------
    xy_m : (n, 2) float64
    u, v : (m,) int64
    length_m : (m,) float64
    ms_uv, ms_vu : (m,) float64
        Milliseconds each way; NaN where that way is closed.
    joinable : (m,) bool
    way : (m,) int64
    """

    xy_m: Array
    u: Array
    v: Array
    length_m: Array
    ms_uv: Array
    ms_vu: Array
    joinable: Array
    way: Array

    @property
    def turned(self) -> Lines:
        """Give the same roads travelled the other way."""
        return replace(self, ms_uv=self.ms_vu, ms_vu=self.ms_uv)


def lines_of_run(network: RoadNetwork, mode: TravelMode, slope: str) -> Lines:
    """Give the roads as the run's own reader and tables have them."""
    edges = mode_edges(network, mode, slope=slope)
    there, back = (np.where(ms < 0, np.nan, ms.astype(float)) for ms in (edges.ms_uv, edges.ms_vu))
    return Lines(network.node_xy_m, edges.u.astype(np.int64), edges.v.astype(np.int64),
                 network.length_m[edges.segment], there, back, edges.joinable, network.way_id[edges.segment])


class Answer(NamedTuple):
    """What is found from one place: milliseconds and metres to the door, which door, over which ways."""

    ms: float
    metres: float
    door: int
    ways: frozenset[int]


Offer = tuple[float, Callable[[], Answer]]
NOWHERE = Answer(np.inf, np.nan, -1, frozenset())


def crosses(grid: BarrierGrid, start: Array, end: Array) -> bool:
    """Tell whether a straight walk meets a blocked cell, its two end cells exempt.

    The walk is cut where it passes from cell to cell; the middle of each part lies in one cell.
    """
    rows, columns = grid.blocked.shape
    if rows == columns == 1:
        return False
    a = np.array([(start[0] - grid.west_m) / grid.cell_m, (grid.north_m - start[1]) / grid.cell_m])
    b = np.array([(end[0] - grid.west_m) / grid.cell_m, (grid.north_m - end[1]) / grid.cell_m])
    cuts = [0.0, 1.0]
    for p, q in zip(a.tolist(), b.tolist(), strict=True):
        if p != q:
            between = np.arange(np.ceil(min(p, q)), np.floor(max(p, q)) + 1)
            cuts += ((between - p) / (q - p)).tolist()
    t = np.sort(cuts)
    cells = np.floor(a + ((t[1:] + t[:-1]) / 2)[np.diff(t) > 1e-12, None] * (b - a)).astype(int)
    inner = (cells != np.floor(a)).any(axis=1) & (cells != np.floor(b)).any(axis=1)
    inner &= ((cells >= 0) & (cells < [columns, rows])).all(axis=1)
    return bool(grid.blocked[cells[inner, 1], cells[inner, 0]].any())


def zoom(cost: Callable[[Array], Array], low: Array, high: Array) -> tuple[Array, Array]:
    """Give the least value of convex functions, one a row, between `low` and `high`, and where it is."""
    row = np.arange(len(low))
    for _ in range(_ROUNDS):
        s = low[:, None] + (high - low)[:, None] * _GRID
        values = cost(s)
        best = values.argmin(axis=1)
        least, place, step = values[row, best], s[row, best], (high - low) / (len(_GRID) - 1)
        low, high = np.maximum(place - step, low), np.minimum(place + step, high)
    return least, place


def tried(low: float, high: float) -> Array:
    """Give the places along an edge that are tried where the best one is blocked."""
    return np.linspace(low, high, max(int(np.ceil((high - low) / STEP_M)), 1) + 1)


class Legs:
    """The straight walks between places and the lines of one net."""

    def __init__(self, lines: Lines, walk: TravelMode, grid: BarrierGrid) -> None:
        keep = np.flatnonzero(lines.joinable)
        self.ends = np.column_stack([lines.u[keep], lines.v[keep]])
        self.begin = lines.xy_m[self.ends[:, 0]]
        along = lines.xy_m[self.ends[:, 1]] - self.begin
        self.length = np.hypot(*along.T)
        self.unit = along / np.maximum(self.length, 1e-9)[:, None]
        self.pace = np.column_stack([lines.ms_uv[keep], lines.ms_vu[keep]]) / np.maximum(self.length, 1e-9)[:, None]
        self.stretch = lines.length_m[keep] / np.maximum(self.length, 1e-9)
        self.way = lines.way[keep]
        self.ms_per_m, self.limit_m, self.grid = 3600.0 / walk.off_road_kph, walk.snap_limit_m, grid
        self.tree = shapely.STRtree(shapely.linestrings(np.stack([self.begin, lines.xy_m[self.ends[:, 1]]], axis=1)))

    def near(self, point: Array) -> tuple[Array, Array, Array]:
        """Give the edges within the limit of a point, and the span of each within it."""
        e = np.sort(self.tree.query(shapely.Point(point), predicate="dwithin", distance=self.limit_m))
        offset = point - self.begin[e]
        foot = (offset * self.unit[e]).sum(axis=1)
        half = np.sqrt(np.maximum(self.limit_m**2 - ((offset - foot[:, None] * self.unit[e])**2).sum(axis=1), 0.0))
        low, high = np.maximum(foot - half, 0.0), np.minimum(foot + half, self.length[e])
        keep = low <= high
        return e[keep], low[keep], high[keep]

    def at(self, e: int, s: float) -> Array:
        """Give the place at s metres along an edge."""
        place: Array = self.begin[e] + self.unit[e] * s
        return place

    def leg_ms(self, point: Array, e: Array, s: Array) -> Array:
        """Give the milliseconds of the legs from a point to places s (k, places) on edges (k,)."""
        gap = self.begin[e][:, None] + self.unit[e][:, None] * s[..., None] - point
        cost: Array = self.ms_per_m * np.sqrt((gap**2).sum(axis=-1))
        return cost

    def best(self, point: Array, e: Array, low: Array, high: Array, pace: Array) -> tuple[Array, Array]:
        """Give the least leg + pace · s on each edge, barriers left aside, and its place."""
        return zoom(lambda s: self.leg_ms(point, e, s) + pace[:, None] * s, low, high)

    def blocked(self, point: Array, e: int, s: float) -> bool:
        """Tell whether the leg to a place on an edge is blocked."""
        return crosses(self.grid, point, self.at(e, s))

    def around(self, point: Array, e: int, low: float, high: float, pace: float) -> tuple[float, float]:
        """Give the least unblocked leg + pace · s over places 10 m apart."""
        s = tried(low, high)
        cost = self.leg_ms(point, np.array([e]), s[None])[0] + pace * s
        for at in np.argsort(cost, kind="stable"):
            if not self.blocked(point, e, float(s[at])):
                return float(cost[at]), float(s[at])
        return np.inf, low


class Joints(NamedTuple):
    """Where doors leave the edges of one net: edge, door, direction, place, milliseconds and metres of the leg."""

    e: Array
    door: Array
    way: Array
    place: Array
    ms: Array

    @classmethod
    def of(cls, legs: Legs, doors: Array) -> Joints:
        """Join every door to every edge in reach, in both directions."""
        found = [(e, k, way, s, ms) for k, door in enumerate(doors) for e, way, s, ms in _leave(legs, door)]
        columns = np.array(found, dtype=float).reshape(-1, 5).T
        return cls(columns[0].astype(int), columns[1].astype(int), columns[2].astype(int), columns[3], columns[4])


def _leave(legs: Legs, door: Array) -> Iterator[tuple[int, int, float, float]]:
    edges, low, high = legs.near(door)
    for way in (0, 1):
        open_way = np.isfinite(legs.pace[edges, way])
        e, a, b = edges[open_way], low[open_way], high[open_way]
        pace = legs.pace[e, way] * (1.0 if way == 0 else -1.0)
        cost, place = legs.best(door, e, a, b, pace)
        for at in range(len(e)):
            ms, s = float(cost[at]), float(place[at])
            if legs.blocked(door, int(e[at]), s):
                ms, s = legs.around(door, int(e[at]), float(a[at]), float(b[at]), float(pace[at]))
            if np.isfinite(ms):
                yield int(e[at]), way, s, ms - float(pace[at]) * s


class Net:
    """The roads of one mode as a networkx graph turned round, so that a search runs from the doors."""

    def __init__(self, foot: Lines, wheels: Lines | None, walk: TravelMode, terminal_ms: float,
                 grid: BarrierGrid) -> None:
        self.nodes, self.graph, self.grid, self.walk = len(foot.xy_m), nx.DiGraph(), grid, walk
        self.sides = [(Legs(foot, walk, grid), 0, 0 if wheels is None else self.nodes, 0.0)]
        self._add(foot, 0)
        if wheels is not None:
            self.sides.append((Legs(wheels, walk, grid), 2 * self.nodes, 2 * self.nodes, terminal_ms))
            self._add(foot, self.nodes)
            self._add(wheels, 2 * self.nodes)
            for node in np.unique(np.concatenate([wheels.u, wheels.v])).tolist():
                self._at_most(node, node + 2 * self.nodes, 0.0, 0.0, None)
                self._at_most(node + 2 * self.nodes, node + self.nodes, terminal_ms, 0.0, None)
            for node in np.unique(np.concatenate([foot.u, foot.v])).tolist():
                self._at_most(node, node + self.nodes, 0.0, 0.0, None)

    def _add(self, lines: Lines, base: int) -> None:
        for u, v, there, back, metres, way in zip(
                (lines.u + base).tolist(), (lines.v + base).tolist(), lines.ms_uv.tolist(), lines.ms_vu.tolist(),
                lines.length_m.tolist(), lines.way.tolist(), strict=True):
            if there == there:
                self._at_most(v, u, there, metres, way)
            if back == back:
                self._at_most(u, v, back, metres, way)

    def _at_most(self, tail: int, head: int, ms: float, metres: float, way: int | None) -> None:
        old = self.graph.get_edge_data(tail, head)
        if old is None or ms < old["ms"]:
            self.graph.add_edge(tail, head, ms=ms, metres=metres, way=way)

    def solve(self, doors: Array) -> Solved:
        """Search from all doors of a layer at once."""
        joints = [Joints.of(legs, doors) for legs, _, _, _ in self.sides]
        source = 3 * self.nodes
        added = [source, *range(source + 1, source + 1 + len(doors))]
        for door in added[1:]:
            self._at_most(source, door, 0.0, 0.0, None)
        for (legs, base, _, _), found in zip(self.sides, joints, strict=True):
            for e, door, way, s, leg in zip(*(column.tolist() for column in found), strict=True):
                run = s if way == 0 else float(legs.length[e]) - s
                self._at_most(source + 1 + door, int(legs.ends[e, way]) + base, leg + run * float(legs.pace[e, way]),
                              leg / legs.ms_per_m + run * float(legs.stretch[e]), int(legs.way[e]))
        self.graph.add_node(source)
        before, ms = nx.dijkstra_predecessor_and_distance(self.graph, source, weight="ms")
        chain = {node: (earlier[0], self.graph[earlier[0]][node]) for node, earlier in before.items() if earlier}
        self.graph.remove_nodes_from(added)
        return Solved(self, doors, joints, ms, chain, source)


@dataclass(frozen=True)
class Solved:
    """The times to the doors of one layer, ready for any place."""

    net: Net
    doors: Array
    joints: list[Joints]
    ms: dict[int, float]
    chain: dict[int, tuple[int, dict[str, Any]]]
    source: int

    def at(self, point: Array) -> Answer:
        """Give the way from a place to its nearest door: offers by least time, each looked at for barriers in turn."""
        best = self._straight(point)
        offers: list[tuple[float, Callable[[], Answer]]] = []
        for side, (legs, _, _, _) in enumerate(self.net.sides):
            near = legs.near(point)
            for kind in (self._through, self._along, self._across):
                offers += kind(side, point, *near)
        for least_ms, look in sorted(offers, key=lambda offer: offer[0]):
            if least_ms >= best.ms:
                break
            best = min(best, look(), key=lambda answer: answer.ms)
        return best

    def _straight(self, point: Array) -> Answer:
        """Walk straight to a door."""
        walk, best = self.net.sides[0][0], NOWHERE
        for door in np.flatnonzero(np.hypot(*(self.doors - point).T) <= walk.limit_m).tolist():
            metres = float(np.hypot(*(self.doors[door] - point)))
            if metres * walk.ms_per_m < best.ms and not crosses(self.net.grid, point, self.doors[door]):
                best = Answer(metres * walk.ms_per_m, metres, door, frozenset())
        return best

    def _through(self, side: int, point: Array, e: Array, low: Array, high: Array) -> Iterator[Offer]:
        """Join an edge and leave it over an end."""
        legs, _, base, extra_ms = self.net.sides[side]
        for way, sign in ((0, -1.0), (1, 1.0)):
            nodes = legs.ends[e, 1 - way] + base
            known = np.array([self.ms.get(node, np.nan) for node in nodes.tolist()])
            keep = np.isfinite(known) & np.isfinite(legs.pace[e, way])
            edges, pace = e[keep], sign * legs.pace[e[keep], way]
            rest = known[keep] + extra_ms + (legs.pace[edges, 0] * legs.length[edges] if way == 0 else 0.0)

            def finish(at: int, s: float, edges: Array = edges, ends: Array = nodes[keep], way: int = way,
                       ) -> tuple[float, int, frozenset[int]]:
                edge = int(edges[at])
                metres, door, ways = self._home(int(ends[at]))
                run = float(legs.length[edge]) - s if way == 0 else s
                return metres + run * float(legs.stretch[edge]), door, ways | {int(legs.way[edge])}

            yield from _offers(legs, point, edges, low[keep], high[keep], pace, rest, finish)

    def _along(self, side: int, point: Array, e: Array, low: Array, high: Array) -> Iterator[Offer]:
        """Go along an edge to a door that is joined to the same edge."""
        legs, _, _, extra_ms = self.net.sides[side]
        joints, place = self.joints[side], np.full(len(legs.length), -1)
        place[e] = np.arange(len(e))
        chosen = np.flatnonzero(place[joints.e] >= 0)
        at, way, goal = place[joints.e[chosen]], joints.way[chosen], joints.place[chosen]
        begin = np.where(way == 0, low[at], np.maximum(low[at], goal))
        end = np.where(way == 0, np.minimum(high[at], goal), high[at])
        keep = begin <= end
        chosen, edges, goal, way = chosen[keep], e[at[keep]], goal[keep], way[keep]
        pace = legs.pace[edges, way] * np.where(way == 0, -1.0, 1.0)

        def finish(row: int, s: float) -> tuple[float, int, frozenset[int]]:
            edge, joint = int(edges[row]), chosen[row]
            run = abs(float(goal[row]) - s) * float(legs.stretch[edge])
            return run + float(joints.ms[joint]) / legs.ms_per_m, int(joints.door[joint]), frozenset(
                [int(legs.way[edge])])

        yield from _offers(legs, point, edges, begin[keep], end[keep], pace,
                           joints.ms[chosen] - pace * goal + extra_ms, finish)

    def _across(self, side: int, point: Array, e: Array, low: Array, high: Array) -> Iterator[Offer]:
        """Walk to a place of a road and straight on to a door."""
        legs, _, _, extra_ms = self.net.sides[side]
        for door in np.flatnonzero(np.hypot(*(self.doors - point).T) <= 2 * legs.limit_m).tolist():
            theirs, door_low, door_high = legs.near(self.doors[door])
            both, mine, other = np.intersect1d(e, theirs, return_indices=True)
            begin, end = np.maximum(low[mine], door_low[other]), np.minimum(high[mine], door_high[other])
            keep = begin <= end
            edges, goal = both[keep], self.doors[door]
            cost, place = zoom(lambda s, q=goal, e=edges: legs.leg_ms(point, e, s) + legs.leg_ms(q, e, s),  # type: ignore[misc]
                               begin[keep], end[keep])
            for ms, edge, s, a, b in zip(*(column.tolist() for column in (cost, edges, place, begin[keep], end[keep])),
                                         strict=True):
                yield ms + extra_ms, partial(self._meet, side, point, door, edge, np.array([s, *tried(a, b)]))

    def _meet(self, side: int, point: Array, door: int, edge: int, s: Array) -> Answer:
        """Give the best of some places of a road that both a point and a door can walk to."""
        legs, _, _, extra_ms = self.net.sides[side]
        goal = self.doors[door]
        cost = legs.leg_ms(point, np.array([edge]), s[None])[0] + legs.leg_ms(goal, np.array([edge]), s[None])[0]
        for at in np.argsort(cost, kind="stable"):
            if not (legs.blocked(point, edge, float(s[at])) or legs.blocked(goal, edge, float(s[at]))):
                return Answer(float(cost[at]) + extra_ms, float(cost[at]) / legs.ms_per_m, door,
                              frozenset([int(legs.way[edge])]))
        return NOWHERE

    def _home(self, node: int) -> tuple[float, int, frozenset[int]]:
        """Follow the search back to a door: metres, the door, the ways gone over."""
        ways: set[int] = set()
        metres = 0.0
        while True:
            before, arc = self.chain[node]
            if before == self.source:
                return metres, node - self.source - 1, frozenset(ways)
            metres += arc["metres"]
            if arc["way"] is not None:
                ways.add(int(arc["way"]))
            node = before


def _offers(legs: Legs, point: Array, e: Array, low: Array, high: Array, pace: Array, rest_ms: Array,
            finish: Callable[[int, float], tuple[float, int, frozenset[int]]]) -> Iterator[Offer]:
    """Give, per edge, the least time with barriers left aside, and how to look at it more closely."""
    cost, place = legs.best(point, e, low, high, pace)

    def look(at: int) -> Answer:
        ms, s, edge = float(cost[at]), float(place[at]), int(e[at])
        if legs.blocked(point, edge, s):
            ms, s = legs.around(point, edge, float(low[at]), float(high[at]), float(pace[at]))
        if not np.isfinite(ms):
            return NOWHERE
        metres, door, ways = finish(at, s)
        return Answer(ms + float(rest_ms[at]), metres + float(np.hypot(*(legs.at(edge, s) - point))), door, ways)

    for at, least_ms in enumerate((cost + rest_ms).tolist()):
        yield least_ms, partial(look, at)
