"""A grid town that can be worked by hand: 5 x 5 crossings, 100 m blocks, 6 km/h on the street, 3.6 km/h off it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import networkx as nx
import numpy as np

from lifecircle.network.graph import mode_edges
from lifecircle.network.modes import MODES, TravelMode
from lifecircle.osmtags import CLASS_INDEX, ROAD_CLASSES
from lifecircle.roadnetwork import RoadNetwork

CRS = "EPSG:32648"
ORIGIN_M = np.array([500_000.0, 3_500_000.0])
#: 100 m a minute along the streets, 60 m a minute off them.
WALK: TravelMode = replace(MODES["walk"], speeds_kph=MappingProxyType(dict.fromkeys(ROAD_CLASSES, 6.0)),
                           off_road_kph=3.6, slope="none")


def grid_roads(side: int = 5, block_m: float = 100.0, **columns: Any) -> RoadNetwork:
    """Streets along every row and column; crossing (row, column) is node row * side + column."""
    index = np.arange(side * side).reshape(side, side)
    xy = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) * block_m + ORIGIN_M
    u = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    v = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    return RoadNetwork.from_segments(CRS, xy, u, v, np.full(len(u), CLASS_INDEX["residential"]), source="grid town",
                                     **columns)


def brute_force_minutes(network: RoadNetwork, mode: TravelMode, doors_m: np.ndarray, places_m: np.ndarray, *,
                        step_m: float = 0.5, blocked: Any = None) -> np.ndarray:
    """Give t(x) of places towards their nearest door: every joinable edge sampled, the search by networkx.

    `blocked(a, b)` tells whether the straight walk from a to b is closed.
    """
    edges = mode_edges(network, mode)
    graph, samples = nx.DiGraph(), {}
    for e, (u, v) in enumerate(zip(edges.u.tolist(), edges.v.tolist(), strict=True)):
        a, b = network.node_xy_m[u], network.node_xy_m[v]
        pieces = max(int(np.ceil(np.hypot(*(b - a)) / step_m)), 1)
        chain = [u, *((e, k) for k in range(1, pieces)), v]
        for first, second in pairwise(chain):
            for tail, head, ms in ((first, second, edges.ms_uv[e]), (second, first, edges.ms_vu[e])):
                if ms >= 0:
                    _at_most(graph, head, tail, ms / pieces)  # turned round: the search runs from the doors
        if edges.joinable[e]:
            samples.update(zip(chain, a + (b - a) * (np.arange(pieces + 1) / pieces)[:, None], strict=True))
    names, points = list(samples), np.array(list(samples.values()))
    leg_ms, limit = 3600.0 / mode.off_road_kph, mode.snap_limit_m + 1e-9

    def legs(place: np.ndarray) -> Any:
        for at in np.flatnonzero(np.hypot(*(points - place).T) <= limit):
            if blocked is None or not blocked(place, points[at]):
                yield names[at], leg_ms * np.hypot(*(points[at] - place))

    graph.add_node("door")
    for door in doors_m:
        for name, ms in legs(door):
            _at_most(graph, "door", name, ms)
    times = nx.single_source_dijkstra_path_length(graph, "door", weight="ms")
    found = []
    for place in np.asarray(places_m).reshape(-1, 2):
        options = [ms + times[name] for name, ms in legs(place) if name in times]
        options += [leg_ms * np.hypot(*(door - place)) for door in doors_m if np.hypot(*(door - place)) <= limit
                    and (blocked is None or not blocked(place, door))]
        found.append(min(options, default=np.inf) / 60_000)
    return np.array(found)


def _at_most(graph: nx.DiGraph, tail: Any, head: Any, ms: float) -> None:
    graph.add_edge(tail, head, ms=min(ms, graph.get_edge_data(tail, head, {"ms": np.inf})["ms"]))
