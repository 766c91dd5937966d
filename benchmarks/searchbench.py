"""Nearest of many facilities for every node: our search, scipy and networkx on the same graph."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
from grids import grid, some_nodes
from rows import Row, paired, ratio
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from lifecircle.network.graph import Graph, mode_edges
from lifecircle.network.modes import MODES
from lifecircle.network.search import UNREACHED_MS, nearest


def search_rows(nodes: int, facilities: int, repeats: int, *, with_networkx: bool = True) -> list[Row]:
    """Measure one layer by car; the answers must be equal."""
    network = grid(nodes)
    graph = Graph.from_edges(mode_edges(network, MODES["car"]), network.node_xy_m)
    at = some_nodes(network, facilities)
    jobs: dict[str, Callable[[], Any]] = {"lifecircle": lambda: nearest(graph, at)[0], "scipy": _scipy(graph, at)}
    if with_networkx:
        jobs["networkx"] = _networkx(graph, at)
    nearest(graph, at)  # compile
    seconds, answers = paired(jobs, repeats)
    rows = []
    for name, taken in seconds.items():
        if not np.array_equal(answers[name], answers["lifecircle"]):
            raise AssertionError(f"{name} and lifecircle differ at {nodes} nodes")
        note = f"{network.node_count:,} nodes, {graph.arc_count:,} arcs, {len(at)} facilities; answers equal"
        own = name == "lifecircle"
        rows.append(Row(f"search/nodes={nodes}/{name}", statistics.median(taken),
                        None if own else ratio(taken, seconds["lifecircle"]), {"scipy": "≥ 3", "networkx": "≥ 60"}.get(
                            name, ""), note if own else "answers equal"))
    return rows


def _scipy(graph: Graph, at: np.ndarray) -> Callable[[], np.ndarray]:
    """Travel towards the facilities: the search runs on the arcs turned round; both in our node order."""
    count = graph.node_count
    matrix = csr_matrix((graph.in_ms.astype(np.float64), graph.in_tail, graph.in_start), shape=(count, count))
    starts = graph.position[at]

    def job() -> np.ndarray:
        ms = dijkstra(matrix, indices=starts, min_only=True)
        return np.where(np.isinf(ms), UNREACHED_MS, ms).astype(np.int64)[graph.position]

    return job


def _networkx(graph: Graph, at: np.ndarray) -> Callable[[], np.ndarray]:
    head = np.repeat(np.arange(graph.node_count), np.diff(graph.in_start))
    turned = nx.DiGraph()
    turned.add_nodes_from(range(graph.node_count))
    turned.add_weighted_edges_from(zip(head.tolist(), graph.in_tail.tolist(), graph.in_ms.tolist(), strict=True))
    starts = set(graph.position[at].tolist())

    def job() -> np.ndarray:
        found = nx.multi_source_dijkstra_path_length(turned, starts)
        ms = np.full(graph.node_count, UNREACHED_MS)
        ms[list(found)] = list(found.values())
        return ms[graph.position]

    return job
