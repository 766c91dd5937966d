"""Access times once more by brute force: networkx for the nodes, places on every edge in reach tried one by one.

Nothing here is shared with the engine but the tables it reads. Two oracles:

- `by_definition`: places `SAMPLE_M` apart on every joinable edge, each with its own time from or to the door, and
  every clear leg to them. Without barriers it is the definition itself; with barriers nothing can be faster. Of a part
  of an edge that is shorter than `SAMPLE_M`, at the very limit of a leg, it may know nothing.
- `by_rule`: where barriers stand, the rule that is to be kept. On each edge and in each direction of travel the best
  leg is looked for as if nothing stood in the way; if it is blocked, places are tried that cut the part of the edge
  within the limit into equal pieces of at most `STEP_M`, and the best clear one counts. The door has its leg by itself,
  one for each direction; a place on the same edge goes along to where the door's leg begins, or meets it without
  travel, at a place that is looked for in the same way.

A leg is blocked if it passes a blocked cell other than those of its two ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import networkx as nx
import numpy as np
from scipy.spatial import cKDTree

from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import TravelMode
from lifecircle.osmtags import ALLOWED, FORBIDDEN, ROAD_CLASSES
from lifecircle.roadnetwork import RoadNetwork

Direction = Literal["to", "from"]
SAMPLE_M, STEP_M = 0.25, 10.0


@dataclass(frozen=True)
class Roads:
    """The roads of one mode: ends, times each way (infinite where closed), where they may be joined."""

    u: np.ndarray
    v: np.ndarray
    ms_uv: np.ndarray
    ms_vu: np.ndarray
    joinable: np.ndarray
    begin: np.ndarray
    unit: np.ndarray
    length: np.ndarray

    @classmethod
    def of(cls, network: RoadNetwork, mode: TravelMode, *, hilly: bool) -> Roads:
        rows = []
        for i in range(len(network)):
            kph = speed_kph(network, mode, i)
            if kph == 0:
                continue
            there = back = network.length_m[i] / kph * 3600.0
            if hilly and not network.ferry[i]:
                rise = (network.node_z_m[network.v[i]] - network.node_z_m[network.u[i]]) / network.length_m[i]
                there, back = there / tobler(rise), back / tobler(-rise)
            one = network.oneway[i] if mode.respects_oneway else 0
            kind = ROAD_CLASSES[network.road_class[i]]
            closed = network.bridge[i] or network.tunnel[i] or network.ferry[i] or kind.startswith("motorway")
            rows.append((network.u[i], network.v[i], np.inf if one == -1 else np.rint(there),
                         np.inf if one == 1 else np.rint(back), not closed))
        u, v, there_ms, back_ms, joinable = (np.array(column) for column in zip(*rows, strict=True))
        begin, along = network.node_xy_m[u], network.node_xy_m[v] - network.node_xy_m[u]
        length = np.hypot(*along.T)
        unit = np.where(length[:, None] > 0, along / np.maximum(length, 1e-9)[:, None], [1.0, 0.0])  # of a loop: any
        return cls(u, v, there_ms, back_ms, joinable, begin, unit, length)

    def place(self, e: np.ndarray, s: np.ndarray) -> np.ndarray:
        return self.begin[e] + self.unit[e] * s[:, None]


def speed_kph(network: RoadNetwork, mode: TravelMode, i: int) -> float:
    said, kph = getattr(network, mode.family)[i], mode.speeds_kph[ROAD_CLASSES[network.road_class[i]]]
    if said == FORBIDDEN:
        return 0.0
    if kph == 0 and said == ALLOWED:
        kph = mode.if_allowed_kph
    if kph > 0 and np.isfinite(network.speed_kph[i]) and (mode.family == "motor" or network.ferry[i]):
        kph = network.speed_kph[i]
    if mode.family != "foot" and network.maxspeed_kph[i] < kph:
        kph = network.maxspeed_kph[i]
    return float(kph)


def tobler(rise: float) -> float:
    return min(float(np.exp(-3.5 * (abs(rise + 0.05) - 0.05))), 1.0)


@dataclass(frozen=True)
class Ground:
    """Blocked cells, asked column by column of cells: how many does the leg meet there?"""

    grid: BarrierGrid

    def __post_init__(self) -> None:
        object.__setattr__(self, "above", np.pad(np.cumsum(self.grid.blocked, 0, dtype=np.int32), ((1, 0), (0, 0))))

    def blocked(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if self.grid.blocked.size == 1:
            return np.zeros(len(a), dtype=bool)
        (ax, ay), (bx, by) = self._cells(a), self._cells(b)
        turned = ax > bx
        ax, bx, ay, by = np.where(turned, bx, ax), np.where(turned, ax, bx), np.where(turned, by, ay), \
            np.where(turned, ay, by)
        first, last = np.floor(ax), np.floor(bx)
        steep = (by - ay) / np.where(bx > ax, bx - ax, 1.0)
        met = np.zeros(len(ax), np.int64)
        for k in range(int((last - first).max(initial=-1)) + 1):
            column = first + k
            y0 = np.where(k == 0, ay, ay + steep * (column - ax))
            y1 = np.where(column == last, by, ay + steep * (column + 1 - ax))
            met += np.where(column <= last, self._count(column, np.minimum(y0, y1), np.maximum(y0, y1)), 0)
        same = (first == last) & (np.floor(ay) == np.floor(by))
        return met > self._count(first, ay, ay) + np.where(same, 0, self._count(last, by, by))

    def _cells(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return (xy[:, 0] - self.grid.west_m) / self.grid.cell_m, (self.grid.north_m - xy[:, 1]) / self.grid.cell_m

    def _count(self, column: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        rows, columns = self.grid.blocked.shape
        at = np.clip(column, 0, columns - 1).astype(np.int64)
        top = np.clip(np.floor(low), 0, rows).astype(np.int64)
        bottom = np.clip(np.floor(high) + 1, 0, rows).astype(np.int64)
        inside = (column >= 0) & (column < columns)
        return np.where(inside, self.above[bottom, at] - self.above[top, at], 0)


def lowest(cost: Any, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Close in on the least value of convex functions by thirds."""
    for _ in range(75):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        left = cost(first) <= cost(second)
        low, high = np.where(left, low, first), np.where(left, second, high)
    return (low + high) / 2


@dataclass(frozen=True)
class Near:
    """Pairs of a point and an edge with a part within the limit of it."""

    point: np.ndarray
    edge: np.ndarray
    s0: np.ndarray
    h: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, roads: Roads, xy: np.ndarray, limit_m: float) -> Near:
        off = xy[:, None, :] - roads.begin[None]
        s0 = (off * roads.unit).sum(-1)
        h = np.abs(off[..., 0] * roads.unit[:, 1] - off[..., 1] * roads.unit[:, 0])
        half = np.sqrt(np.maximum(limit_m**2 - h**2, 0.0))
        low, high = np.maximum(s0 - half, 0.0), np.minimum(s0 + half, roads.length)
        point, edge = np.nonzero((h <= limit_m) & (low <= high) & roads.joinable)
        return cls(point, edge, s0[point, edge], h[point, edge], low[point, edge], high[point, edge])

    def within(self, low: np.ndarray, high: np.ndarray) -> Near:
        return Near(self.point, self.edge, self.s0, self.h, low, high)

    def take(self, rows: np.ndarray) -> Near:
        return Near(*(column[rows] for column in vars(self).values()))


class Brute:
    """Times from or to the doors of layers, by one mode."""

    def __init__(self, network: RoadNetwork, mode: TravelMode, walk: TravelMode, layers: list[np.ndarray],
                 direction: Direction, grid: BarrierGrid, *, hilly: bool) -> None:
        self.layers, self.direction, self.ground = layers, direction, Ground(grid)
        self.blocked_legs = 0
        self.b, self.limit_m = 3600.0 / walk.off_road_kph, walk.snap_limit_m
        self.sides = {"foot": Roads.of(network, walk, hilly=hilly)}
        self.nodes, self.terminal_ms = network.node_count, 0.0
        if mode is not walk:
            self.sides["wheels"] = Roads.of(network, mode, hilly=False)
            self.terminal_ms = mode.terminal_min * 60_000
        self.graph = self._graph()

    def _graph(self) -> nx.DiGraph:
        """Arcs as travelled outwards from the door: on foot, on wheels, and on foot again at home."""
        graph = nx.DiGraph()
        for side, roads in self.sides.items():
            uv, vu = (roads.ms_uv, roads.ms_vu) if self.direction == "from" else (roads.ms_vu, roads.ms_uv)
            for u, v, there, back in zip(roads.u.tolist(), roads.v.tolist(), uv, vu, strict=True):
                for copy in (side, "home") if side == "foot" else (side,):
                    at_most(graph, (copy, u), (copy, v), there)
                    at_most(graph, (copy, v), (copy, u), back)
        for node in {node for _, node in list(graph)}:
            at_most(graph, ("foot", node), ("home", node), 0.0)
            if ("wheels", node) in graph:
                at_most(graph, ("foot", node), ("wheels", node), 0.0)
                at_most(graph, ("wheels", node), ("home", node), self.terminal_ms)
        return graph

    def node_ms(self, seeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Give the times of all nodes, as a trip's home side sees them, from the doors' own times to some."""
        graph = self.graph.copy()
        for side, ms in seeds.items():
            for node in np.flatnonzero(np.isfinite(ms)).tolist():
                graph.add_edge("door", (side, node), ms=ms[node])
        times = nx.single_source_dijkstra_path_length(graph, "door", weight="ms") if "door" in graph else {}
        found = {}
        for side in self.sides:
            name, extra = ("home", 0.0) if side == "foot" else (side, self.terminal_ms)
            found[side] = np.array([times.get((name, node), np.inf) + extra for node in range(self.nodes)])
        return found

    def by_definition(self, points: np.ndarray, bound_ms: np.ndarray | None = None) -> np.ndarray:
        """Give ms of points for each layer; with barriers only legs that come below `bound_ms` are looked at."""
        best = np.full((len(points), len(self.layers)), np.inf)
        samples = {side: sample(roads) for side, roads in self.sides.items()}
        columns = [self._sampled(samples, doors) for doors in self.layers]
        for k, doors in enumerate(self.layers):
            for door in doors:
                leg = np.hypot(*(points - door).T)
                fine = (leg <= self.limit_m) & ~self.ground.blocked(points, np.broadcast_to(door, points.shape))
                best[fine, k] = np.minimum(best[fine, k], self.b * leg[fine])
        for side, (_, _, xy) in samples.items():
            ms = np.column_stack([column[side] for column in columns])
            for i, near in enumerate(cKDTree(xy).query_ball_point(points, self.limit_m)):
                at = np.array(near, dtype=np.int64)
                cost = self.b * np.hypot(*(xy[at] - points[i]).T)[:, None] + ms[at]
                if bound_ms is not None:
                    worth = (cost < bound_ms[i]).any(axis=1)
                    at, cost = at[worth], cost[worth]
                    fine = ~self.ground.blocked(np.broadcast_to(points[i], (len(at), 2)), xy[at])
                    cost = cost[fine]
                best[i] = np.minimum(best[i], cost.min(axis=0, initial=np.inf))
        return best

    def _sampled(self, samples: dict[str, Any], doors: np.ndarray) -> dict[str, np.ndarray]:
        """Give, for every sample, its time: over the ends of its edge, or along the edge and out to a door."""
        seeds, along = {}, {}
        for side, roads in self.sides.items():
            e, s, xy = samples[side]
            out = np.full(len(s), np.inf)
            for door in doors:
                leg = np.hypot(*(xy - door).T)
                at = np.flatnonzero(leg <= self.limit_m)
                at = at[~self.ground.blocked(np.broadcast_to(door, (len(at), 2)), xy[at])]
                out[at] = np.minimum(out[at], self.b * leg[at])
            ahead, behind = self._paces(roads)
            along[side], seeds[side] = out.copy(), np.full(self.nodes, np.inf)
            for edge in np.unique(e[np.isfinite(out)]):
                rows = slice(*np.searchsorted(e, [edge, edge + 1]))
                place, cost = s[rows], out[rows]
                ways = ((ahead[edge], -1, roads.u[edge], 0), (behind[edge], 1, roads.v[edge], -1))
                for pace, turn, node, end in ways:
                    if np.isfinite(pace):  # the door lies ahead of the sample, or behind it
                        gone = turn * pace * place
                        run = np.minimum.accumulate((cost - gone)[::turn])[::turn] + gone
                        along[side][rows] = np.minimum(along[side][rows], run)
                        seeds[side][node] = min(seeds[side][node], run[end])
        node_ms, found = self.node_ms(seeds), {}
        for side, roads in self.sides.items():
            e, s, _ = samples[side]
            ahead, behind = self._paces(roads)
            ends = np.minimum(node_ms[side][roads.v[e]] + travel(ahead[e], roads.length[e] - s),
                              node_ms[side][roads.u[e]] + travel(behind[e], s))
            found[side] = np.minimum(along[side] + self.terminal_ms * (side == "wheels"), ends)
        return found

    def _paces(self, roads: Roads) -> tuple[np.ndarray, np.ndarray]:
        """Give ms per metre between a place and the last end of its edge, and between it and the first."""
        uv, vu = (ms / np.maximum(roads.length, 1e-9) for ms in (roads.ms_uv, roads.ms_vu))
        return (uv, vu) if self.direction == "to" else (vu, uv)

    def by_rule(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give ms of points for each layer, and how it is come by: 0 straight, 1 over a node, 2 along one edge."""
        best = np.full((len(points), len(self.layers)), np.inf)
        how = np.full(best.shape, -1)
        joints = [self._join(doors) for doors in self.layers]
        node_ms = [self.node_ms({side: found["seeds"] for side, found in joint.items()}) for joint in joints]
        for k, doors in enumerate(self.layers):
            for door in doors:
                leg = np.hypot(*(points - door).T)
                fine = (leg <= self.limit_m) & ~self.ground.blocked(points, np.broadcast_to(door, points.shape))
                lower(best, how, np.flatnonzero(fine), k, self.b * leg[fine], 0)
        for side, roads in self.sides.items():
            near = Near.of(roads, points, self.limit_m)
            for pace, turn, node in zip(self._paces(roads), (-1, 1), (roads.v, roads.u), strict=True):
                part = near.take(np.isfinite(pace[near.edge]))
                slope = turn * pace[part.edge]
                rest = pace[part.edge] * roads.length[part.edge] if turn < 0 else 0.0
                known = np.column_stack([ms[side][node[part.edge]] for ms in node_ms])
                leg, _ = self._leg(roads, points, part, slope, gain(best[part.point], known) - rest)
                for k in range(len(self.layers)):
                    lower(best, how, part.point, k, leg + rest + known[:, k], 1)
            for k, joint in enumerate(joints):
                self._same_edge(best, how, k, points, roads, near, joint[side], self.terminal_ms * (side == "wheels"))
        return best, how

    def _leg(self, roads: Roads, xy: np.ndarray, near: Near, slope: np.ndarray, worth: Any = np.inf, other: Any = None,
             ) -> tuple[np.ndarray, np.ndarray]:
        """Give the least ms of leg + slope·s over the clear legs that the rule tries, and its place.

        `other`, another set of pairs with the same edges and the places it belongs to, adds its own legs.
        """
        def cost(s: np.ndarray) -> np.ndarray:
            ms = self.b * np.hypot(s - near.s0, near.h) + slope * s
            return ms if other is None else ms + self.b * np.hypot(s - other[0].s0, other[0].h)

        def shut(s: np.ndarray, rows: np.ndarray) -> np.ndarray:
            at = roads.place(near.edge[rows], s)
            found = self.ground.blocked(xy[near.point[rows]], at)
            return found if other is None else found | self.ground.blocked(other[1][rows], at)

        place = lowest(cost, near.low, near.high)
        least = cost(place)
        every = np.arange(len(place))
        again = shut(place, every)
        self.blocked_legs += int(again.sum())
        again &= least < worth
        least[shut(place, every)] = np.inf
        rows = np.flatnonzero(again)
        pieces = np.maximum(np.ceil((near.high - near.low)[rows] / STEP_M), 1)
        for piece in range(int(pieces.max(initial=-1)) + 1):
            s = np.where(piece <= pieces, near.low[rows] + (near.high - near.low)[rows] * piece / pieces, np.nan)
            full = np.full(len(least), np.nan)
            full[rows] = s
            ms = cost(full)[rows]
            some = np.flatnonzero(ms < least[rows])
            some = some[~shut(s[some], rows[some])]
            least[rows[some]], place[rows[some]] = ms[some], s[some]
        return least, place

    def _join(self, doors: np.ndarray) -> dict[str, dict[str, Any]]:
        """Join doors to every edge: for both ways of travel where the edge is left for the door, and ms from there."""
        found = {}
        for side, roads in self.sides.items():
            near = Near.of(roads, doors, self.limit_m)
            seeds, exits = np.full(self.nodes, np.inf), []
            joined = np.isfinite(self._leg(roads, doors, near, np.zeros(len(near.edge)))[0])
            for pace, turn, node in zip(self._paces(roads), (1, -1), (roads.u, roads.v), strict=True):
                way = pace[near.edge]
                closed = ~np.isfinite(way)
                leg, place = self._leg(roads, doors, near, turn * np.where(closed, 0.0, way))
                run = np.where(closed, np.inf, way * (place if turn > 0 else roads.length[near.edge] - place))
                leg = np.where(closed, np.inf, leg - turn * np.where(closed, 0.0, way) * place)
                joined |= np.isfinite(leg)
                np.minimum.at(seeds, node[near.edge], leg + run)
                exits.append((leg, place))
            found[side] = {"near": near, "doors": doors, "seeds": seeds, "exits": exits, "joined": joined}
        return found

    def _same_edge(self, best: np.ndarray, how: np.ndarray, k: int, points: np.ndarray, roads: Roads, near: Near,
                   joint: dict[str, Any], extra_ms: float) -> None:
        """Lower times along one edge: to the place where it is left for the door, or leg to leg without travel."""
        mine, theirs = np.nonzero(near.edge[:, None] == joint["near"].edge[None, :])
        here, there = near.take(mine), joint["near"].take(theirs)
        for pace, turn, exits in zip(self._paces(roads), (-1, 1), joint["exits"], strict=True):
            way, ms, place = pace[here.edge], exits[0][theirs], exits[1][theirs]
            low = here.low if turn < 0 else np.maximum(here.low, place)
            high = np.minimum(here.high, place) if turn < 0 else here.high
            keep = np.isfinite(way) & np.isfinite(ms) & (low <= high)
            part = here.within(low, high).take(keep)
            rest = ms[keep] - turn * way[keep] * place[keep] + extra_ms
            leg, _ = self._leg(roads, points, part, turn * way[keep], best[part.point, k] - rest)
            lower(best, how, part.point, k, leg + rest, 2)
        low, high = np.maximum(here.low, there.low), np.minimum(here.high, there.high)
        keep = (low <= high) & joint["joined"][theirs]
        part = here.within(low, high).take(keep)
        other = (there.take(keep), joint["doors"][there.point[keep]])
        leg, _ = self._leg(roads, points, part, np.zeros(keep.sum()), best[part.point, k] - extra_ms, other)
        lower(best, how, part.point, k, leg + extra_ms, 2)


def travel(pace: np.ndarray, metres: np.ndarray) -> np.ndarray:
    """Give the ms of a ride along an edge; infinite where that way is closed."""
    return np.multiply(pace, metres, out=np.full(len(pace), np.inf), where=np.isfinite(pace))


def gain(best: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Give the most ms that a leg may take and still lower the time of some layer."""
    return np.where(np.isfinite(known), best - np.where(np.isfinite(known), known, 0.0), -np.inf).max(axis=1)


def lower(best: np.ndarray, how: np.ndarray, row: np.ndarray, k: int, ms: np.ndarray, kind: int) -> None:
    """Lower the times of rows, and note by which kind of way."""
    before = best[:, k].copy()
    np.minimum.at(best[:, k], row, ms)
    how[best[:, k] < before, k] = kind


def at_most(graph: nx.DiGraph, tail: Any, head: Any, ms: float) -> None:
    if np.isfinite(ms):
        graph.add_edge(tail, head, ms=min(ms, graph.get_edge_data(tail, head, {"ms": np.inf})["ms"]))


def sample(roads: Roads) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay places along every joinable edge: its number, metres from its first end, position."""
    edges = np.flatnonzero(roads.joinable)
    parts = [np.linspace(0, roads.length[e], int(np.ceil(roads.length[e] / SAMPLE_M)) + 1) for e in edges]
    e, s = np.repeat(edges, list(map(len, parts))), np.concatenate(parts)
    return e, s, roads.place(e, s)
