"""The same minutes again, by networkx and plain sampling: no closed form, no kernel, no index of ours.

Home side and facility side of a trip by vehicle are separate copies of the walking graph, so one search gives all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import networkx as nx
import numpy as np
import shapely

from lifecircle.network.graph import Edges, mode_edges
from lifecircle.network.legs import crosses
from lifecircle.network.modes import TravelMode
from lifecircle.roadnetwork import RoadNetwork

STEP_M = 0.5


@dataclass
class Lines:
    """Joinable edges of one mode as line strings in a tree."""

    edges: Edges
    xy: np.ndarray

    def __post_init__(self) -> None:
        self.keep = np.flatnonzero(self.edges.joinable)
        ends = np.stack([self.xy[self.edges.u[self.keep]], self.xy[self.edges.v[self.keep]]], axis=1)
        self.tree = shapely.STRtree(shapely.linestrings(ends))

    def near(self, point: np.ndarray, limit_m: float, walls: Any) -> Any:
        """Yield every edge near a point: number, places along it in metres, unblocked straight distances."""
        for found in np.sort(self.tree.query(shapely.Point(point), predicate="dwithin", distance=limit_m)):
            e = self.keep[found]
            a, b = self.xy[self.edges.u[e]], self.xy[self.edges.v[e]]
            length = float(np.hypot(*(b - a)))
            pieces = max(int(np.ceil(length / STEP_M)), 1)
            share = np.arange(pieces + 1) / pieces
            places = a + (b - a) * share[:, None]
            distance = np.hypot(*(places - point).T)
            open_ = distance <= limit_m
            if walls is not None:
                open_ &= [not crosses(walls, *point, *place) for place in places]
            if open_.any():
                yield int(e), share[open_], distance[open_]


def minutes(network: RoadNetwork, walk: TravelMode, wheels: TravelMode | None, doors: np.ndarray, points: np.ndarray, *,
            slope: str, walls: Any = None) -> np.ndarray:
    """Give minutes towards the nearest door."""
    leg_ms, limit_m = 3600.0 / walk.off_road_kph, walk.snap_limit_m
    foot = Lines(mode_edges(network, walk, slope=slope), network.node_xy_m)
    ride = None if wheels is None else Lines(mode_edges(network, wheels), network.node_xy_m)
    terminal_ms = 0.0 if wheels is None else wheels.terminal_min * 60_000.0
    graph = nx.DiGraph()
    home = "a" if ride is None else "h"
    for side in {"a", home}:
        _add(graph, foot.edges, side)
    if ride is not None:
        _add(graph, ride.edges, "d")
        for node in set(ride.edges.u.tolist()) | set(ride.edges.v.tolist()):
            _at_most(graph, ("a", node), ("d", node), 0.0)
            _at_most(graph, ("d", node), ("h", node), terminal_ms)
        for node in set(foot.edges.u.tolist()) | set(foot.edges.v.tolist()):
            _at_most(graph, ("a", node), ("h", node), 0.0)
    joints: dict[tuple[str, int], list[tuple[np.ndarray, np.ndarray]]] = {}
    for door in doors:
        for side, lines in (("a", foot), ("d", ride)):
            for e, share, distance in () if lines is None else lines.near(door, limit_m, walls):
                joints.setdefault((side, e), []).append((share, distance * leg_ms))
                edges = lines.edges
                for node, ms, along in ((edges.u[e], edges.ms_uv[e], share), (edges.v[e], edges.ms_vu[e], 1 - share)):
                    if ms >= 0:
                        _at_most(graph, "door", (side, int(node)), float((along * ms + distance * leg_ms).min()))
    graph.add_node("door")
    times = nx.single_source_dijkstra_path_length(graph, "door", weight="ms")
    found = []
    for point in points:
        best = min((leg_ms * d for d in np.hypot(*(doors - point).T) if d <= limit_m), default=np.inf)
        if walls is not None:
            best = min((leg_ms * float(np.hypot(*(door - point))) for door in doors
                        if np.hypot(*(door - point)) <= limit_m and not crosses(walls, *point, *door)), default=np.inf)
        for side, lines, extra_ms in ((home, foot, 0.0), ("d", ride, terminal_ms)):
            for e, share, distance in () if lines is None else lines.near(point, limit_m, walls):
                edges, legs = lines.edges, distance * leg_ms
                for node, ms, rest in ((edges.v[e], edges.ms_uv[e], 1 - share), (edges.u[e], edges.ms_vu[e], share)):
                    known = times.get((side, int(node)))
                    if ms >= 0 and known is not None:
                        best = min(best, float((legs + rest * ms).min()) + known + extra_ms)
                for other, other_ms in joints.get(("a" if side == home else "d", e), ()):
                    gap = other[None, :] - share[:, None]
                    along = np.where(gap >= 0, gap * (edges.ms_uv[e] if edges.ms_uv[e] >= 0 else np.inf),
                                     -gap * (edges.ms_vu[e] if edges.ms_vu[e] >= 0 else np.inf))
                    along = np.where(gap == 0, 0.0 if side == home else np.inf, along)
                    best = min(best, float((legs[:, None] + along + other_ms[None, :]).min()) + extra_ms)
        found.append(best / 60_000)
    return np.array(found)


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
