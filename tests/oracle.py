"""The same minutes again, by networkx and numeric minimisation: no closed form, no kernel, no index of ours.

It follows the definition: on every edge in reach the best leg is looked for, on places 2 m apart and then 1 cm (time is
convex along an edge); if that leg is blocked, places 10 m apart are tried. Home side and facility side of a trip by
vehicle are separate copies of the walking graph, so one search gives all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import shapely

from lifecircle.network.graph import Edges, mode_edges
from lifecircle.network.legs import crosses
from lifecircle.network.modes import TravelMode
from lifecircle.roadnetwork import RoadNetwork

FINE_M, COARSE_M = 2.0, 10.0
Place = np.ndarray


@dataclass
class Lines:
    """Joinable edges of one mode, with the walk that leads to them."""

    edges: Edges
    xy: np.ndarray
    leg_ms: float
    limit_m: float
    walls: Any

    def __post_init__(self) -> None:
        self.keep = np.flatnonzero(self.edges.joinable)
        ends = np.stack([self.xy[self.edges.u[self.keep]], self.xy[self.edges.v[self.keep]]], axis=1)
        self.tree = shapely.STRtree(shapely.linestrings(ends))

    def line(self, e: int) -> tuple[np.ndarray, np.ndarray, float]:
        a, b = self.xy[self.edges.u[e]], self.xy[self.edges.v[e]]
        length = float(np.hypot(*(b - a)))
        return a, (b - a) / length if length else np.zeros(2), length

    def near(self, point: Place) -> Iterator[tuple[float, int, float, float]]:
        """Yield every edge near a point, nearest first: least ms to it, its number, the span of it within the limit."""
        found = self.tree.query(shapely.Point(point), predicate="dwithin", distance=self.limit_m)
        off_m = shapely.distance(self.tree.geometries[found], shapely.Point(point))
        for at in np.argsort(off_m, kind="stable"):
            e = int(self.keep[found[at]])
            a, unit, length = self.line(e)
            foot = float((point - a) @ unit)
            off = float(np.hypot(*(point - a - foot * unit)))
            half = np.sqrt(max(self.limit_m**2 - off**2, 0.0))
            yield float(off_m[at]) * self.leg_ms, e, max(0.0, foot - half), min(length, foot + half)

    def blocked(self, point: Place, e: int, s: float) -> bool:
        a, unit, _ = self.line(e)
        return self.walls is not None and crosses(self.walls, *point, *(a + unit * s))

    def legs_ms(self, point: Place, e: int, s: np.ndarray) -> np.ndarray:
        a, unit, _ = self.line(e)
        return self.leg_ms * np.hypot(*(a + unit * s[:, None] - point).T)

    def best(self, point: Place, e: int, low: float, high: float, more_ms: Callable[[np.ndarray], np.ndarray],
             ) -> tuple[float, float]:
        """Give the least leg + `more_ms` and where on the edge it is."""
        return clear(lambda s: self.legs_ms(point, e, s) + more_ms(s), low, high,
                     [lambda at: self.blocked(point, e, at)])

    def pace(self, e: int, way: int) -> float | None:
        """Give ms per metre, u to v (way 0) or back; None where closed."""
        whole = (self.edges.ms_uv if way == 0 else self.edges.ms_vu)[e]
        return None if whole < 0 else float(whole) / max(self.line(e)[2], 1e-9)


def clear(cost: Callable[[np.ndarray], np.ndarray], low: float, high: float,
          blocked: Sequence[Callable[[float], bool]]) -> tuple[float, float]:
    """Give the least cost at a place where nothing is blocked, and the place: the best of all, or one of some."""
    if low > high:
        return np.inf, low
    least, place = minimum(cost, low, high)
    if not any(shut(place) for shut in blocked):
        return least, place
    s = np.linspace(low, high, max(int(np.ceil((high - low) / COARSE_M)), 1) + 1)
    return min(((float(ms), float(at)) for ms, at in zip(cost(s), s, strict=True)
                if not any(shut(at) for shut in blocked)), default=(np.inf, low))


def minimum(cost: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> tuple[float, float]:
    """Give the least value of a convex function and where it is, to a centimetre."""
    s = np.linspace(low, high, max(int((high - low) / FINE_M), 1) + 1)
    at = s[int(np.argmin(cost(s)))]
    s = np.linspace(max(low, at - FINE_M), min(high, at + FINE_M), 401)
    values = cost(s)
    best = int(np.argmin(values))
    return float(values[best]), float(s[best])


def minutes(network: RoadNetwork, walk: TravelMode, wheels: TravelMode | None, doors: np.ndarray, points: np.ndarray, *,
            slope: str, walls: Any = None) -> np.ndarray:
    """Give minutes towards the nearest door."""
    leg_ms, limit_m = 3600.0 / walk.off_road_kph, walk.snap_limit_m
    nets = {"a": Lines(mode_edges(network, walk, slope=slope), network.node_xy_m, leg_ms, limit_m, walls)}
    graph, home, terminal_ms = nx.DiGraph(), "a", 0.0
    _add(graph, nets["a"].edges, "a")
    if wheels is not None:
        home, terminal_ms = "h", wheels.terminal_min * 60_000.0
        nets["d"] = Lines(mode_edges(network, wheels), network.node_xy_m, leg_ms, limit_m, walls)
        _add(graph, nets["a"].edges, "h")
        _add(graph, nets["d"].edges, "d")
        for node in set(nets["d"].edges.u.tolist()) | set(nets["d"].edges.v.tolist()):
            _at_most(graph, ("a", node), ("d", node), 0.0)
            _at_most(graph, ("d", node), ("h", node), terminal_ms)
        for node in set(nets["a"].edges.u.tolist()) | set(nets["a"].edges.v.tolist()):
            _at_most(graph, ("a", node), ("h", node), 0.0)
    joints = _join(graph, nets, doors)
    times = nx.single_source_dijkstra_path_length(graph, "door", weight="ms")
    found = []
    for point in points:
        best = min((leg_ms * float(np.hypot(*(door - point))) for door in doors
                    if np.hypot(*(door - point)) <= limit_m and not (walls and crosses(walls, *point, *door))),
                   default=np.inf)
        for side, lines in nets.items():
            extra_ms = terminal_ms if side == "d" else 0.0
            for least, e, low, high in lines.near(point):
                ends = [times.get((home if side == "a" else "d", int(node)), np.inf)
                        for node in (lines.edges.u[e], lines.edges.v[e])]
                if least + (0.0 if (side, e) in joints else min(ends)) >= best:
                    continue  # cannot be better
                best = min(best, _through(lines, e, low, high, point, times, home if side == "a" else "d") + extra_ms,
                           _along(lines, e, low, high, point, joints.get((side, e), [])) + extra_ms)
        found.append(best / 60_000)
    return np.array(found)


def _through(lines: Lines, e: int, low: float, high: float, point: Place, times: dict[Any, float], side: str) -> float:
    """Join the edge and leave it over an end."""
    length, best = lines.line(e)[2], np.inf
    for way, node in ((0, lines.edges.v[e]), (1, lines.edges.u[e])):
        pace, known = lines.pace(e, way), times.get((side, int(node)))
        if pace is not None and known is not None:
            rest = (lambda s, a=pace: a * (length - s)) if way == 0 else (lambda s, a=pace: a * s)
            best = min(best, lines.best(point, e, low, high, rest)[0] + known)
    return best


def _along(lines: Lines, e: int, low: float, high: float, point: Place, doors: list[Any]) -> float:
    """Go along the edge to a door on the same edge, or straight across it."""
    best = np.inf
    for door, door_low, door_high, exits in doors:
        for way, (ms, place) in exits.items():
            pace = lines.pace(e, way)
            if pace is None or ms == np.inf:
                continue
            span = (low, min(high, place)) if way == 0 else (max(low, place), high)
            gap = (lambda s, a=pace, q=place: a * (q - s)) if way == 0 else (lambda s, a=pace, q=place: a * (s - q))
            best = min(best, lines.best(point, e, *span, gap)[0] + ms)
        best = min(best, clear(lambda s, q=door: lines.legs_ms(point, e, s) + lines.legs_ms(q, e, s),
                               max(low, door_low), min(high, door_high),
                               [lambda at: lines.blocked(point, e, at), lambda at, q=door: lines.blocked(q, e, at)])[0])
    return best


def _join(graph: nx.DiGraph, nets: dict[str, Lines], doors: np.ndarray) -> dict[tuple[str, int], list[Any]]:
    """Join the doors; per edge, where each is left for the door and in how many ms from there."""
    graph.add_node("door")
    joints: dict[tuple[str, int], list[Any]] = {}
    for door in doors:
        for side, lines in nets.items():
            for _, e, low, high in lines.near(door):
                exits, length = {}, lines.line(e)[2]
                for way, node in ((0, lines.edges.u[e]), (1, lines.edges.v[e])):
                    pace = lines.pace(e, way)
                    if pace is None:
                        continue
                    run = (lambda s, a=pace: a * s) if way == 0 else (lambda s, a=pace, n=length: a * (n - s))
                    ms, place = lines.best(door, e, low, high, run)
                    if ms < np.inf:
                        _at_most(graph, "door", (side, int(node)), ms)
                        exits[way] = (ms - float(run(np.array([place]))[0]), place)
                joints.setdefault((side, e), []).append((door, low, high, exits))
    return joints


def _add(graph: nx.DiGraph, edges: Edges, side: str) -> None:
    """Add arcs turned round: the search runs from the doors."""
    for u, v, there, back in zip(edges.u.tolist(), edges.v.tolist(), edges.ms_uv.tolist(), edges.ms_vu.tolist(),
                                 strict=True):
        if there >= 0:
            _at_most(graph, (side, v), (side, u), float(there))
        if back >= 0:
            _at_most(graph, (side, u), (side, v), float(back))


def _at_most(graph: nx.DiGraph, tail: Any, head: Any, ms: float) -> None:
    graph.add_edge(tail, head, ms=min(ms, graph.get_edge_data(tail, head, {"ms": np.inf})["ms"]))
