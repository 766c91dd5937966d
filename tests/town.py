"""A grid town that can be worked by hand: 5 x 5 crossings, 100 m blocks, 6 km/h on the street, 3.6 km/h off it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

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


def brute_force_minutes(network: RoadNetwork, mode: TravelMode, doors_m: np.ndarray, x_m: np.ndarray, *,
                        step_m: float = 0.5, blocked: Any = None) -> float:
    """Give t(x) towards the nearest door by sampling every joinable edge and searching with networkx.

    `blocked(a, b)` tells whether the straight walk from a to b is closed.
    """
    import networkx as nx

    from lifecircle.network.graph import mode_edges

    edges = mode_edges(network, mode)
    graph = nx.DiGraph()
    samples = {}
    for e, (u, v) in enumerate(zip(edges.u.tolist(), edges.v.tolist(), strict=True)):
        a, b = network.node_xy_m[u], network.node_xy_m[v]
        pieces = max(int(np.ceil(np.hypot(*(b - a)) / step_m)), 1)
        chain = [u, *((e, k) for k in range(1, pieces)), v]
        points = a + (b - a) * (np.arange(pieces + 1) / pieces)[:, None]
        for first, second in itertools.pairwise(chain):
            for tail, head, ms in ((first, second, edges.ms_uv[e]), (second, first, edges.ms_vu[e])):
                if ms >= 0:
                    old = graph.get_edge_data(tail, head, {"ms": np.inf})["ms"]
                    graph.add_edge(tail, head, ms=min(ms / pieces, old))
        graph.add_nodes_from(chain)
        if edges.joinable[e]:
            samples.update(zip(chain, points, strict=True))
    names, places = list(samples), np.array(list(samples.values()))
    leg_ms = 3600.0 / mode.off_road_kph
    limit = mode.snap_limit_m + 1e-9
    for door in doors_m:
        for at in np.flatnonzero(np.hypot(*(places - door).T) <= limit):
            if blocked is None or not blocked(places[at], door):
                graph.add_edge(names[at], "door", ms=min(graph.get_edge_data(names[at], "door", {"ms": np.inf})["ms"],
                                                         leg_ms * np.hypot(*(places[at] - door))))
        if np.hypot(*(door - x_m)) <= limit and (blocked is None or not blocked(x_m, door)):
            graph.add_edge("x", "door", ms=min(graph.get_edge_data("x", "door", {"ms": np.inf})["ms"],
                                               leg_ms * np.hypot(*(door - x_m))))
    for at in np.flatnonzero(np.hypot(*(places - x_m).T) <= limit):
        if blocked is None or not blocked(x_m, places[at]):
            graph.add_edge("x", names[at], ms=leg_ms * np.hypot(*(places[at] - x_m)))
    if "x" not in graph or "door" not in graph or not nx.has_path(graph, "x", "door"):
        return np.inf
    return float(nx.dijkstra_path_length(graph, "x", "door", weight="ms")) / 60_000
