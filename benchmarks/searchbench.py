"""The engine beside scipy, networkx and the memory itself: on the same graph, in one process, answers compared."""

from __future__ import annotations

import ctypes
import re
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
from grids import grid, some_nodes
from rows import Row, clock, paired, ratio
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from lifecircle.network.graph import Graph, mode_edges
from lifecircle.network.jit import kernel
from lifecircle.network.modes import MODES
from lifecircle.network.search import UNREACHED_MS, improve, k_nearest, nearest, nearest_of_layers, within
from lifecircle.roadnetwork import RoadNetwork

Job = Callable[[], Any]
LAYERS, K = 5, 5
CUTOFF_MS = 900_000


def search_rows(nodes: int, facilities: int, repeats: int, *, with_networkx: bool = True) -> list[Row]:
    """Measure one layer by car and five on a grid; the answers must be equal."""
    return network_rows(f"nodes={nodes}", grid(nodes), facilities, repeats, with_networkx=with_networkx)


def network_rows(name: str, network: RoadNetwork, facilities: int, repeats: int, *,
                 with_networkx: bool = True) -> list[Row]:
    """Measure one layer by car and five on any roads; the answers must be equal."""
    graph, at = _graph(network), some_nodes(network, facilities)
    turned = _Turned(graph)
    jobs: dict[str, Job] = {"lifecircle": lambda: nearest(graph, at)[0], "sweep": turned.sweep,
                            "scipy": lambda: turned.scipy(at)}
    if with_networkx:
        jobs["networkx"] = turned.networkx(at)
    ours, *rows = _rows(f"search/{name}", jobs, repeats, {"scipy": "≥ 3", "networkx": "≥ 60"}, unchecked={"sweep"},
                        note=f"{graph.node_count:,} nodes, {graph.arc_count:,} arcs, {len(at)} facilities")
    rows = [replace(ours, measured=_least(jobs["lifecircle"]) / _least(turned.sweep), goal="≤ 8 sweeps"), *rows]
    layers = np.array_split(some_nodes_of(graph, LAYERS * facilities), LAYERS)
    jobs = {"lifecircle": lambda: nearest_of_layers(graph, layers, direction="to")[0],
            "scipy": lambda: np.stack([turned.scipy(layer) for layer in layers])}
    ours, scipy = _rows(f"layers/{name}", jobs, min(repeats, 5), {"scipy": "≥ 5"}, note="")
    taken = _bytes_a_node(graph, jobs["lifecircle"])
    ours = replace(ours, measured=taken, goal="≤ 100 bytes a node, answer included" if taken is not None else "",
                   note=f"{LAYERS} layers, two threads")
    return [*rows, ours, scipy]


def growth_rows(rows: list[Row]) -> Iterator[Row]:
    """Compare the time per node of the largest grid with that of the smallest."""
    ours = {int(found[1]): row for row in rows if (found := re.fullmatch(r"search/nodes=(\d+)/lifecircle", row.key))}
    if len(ours) > 1:
        least, most = min(ours), max(ours)
        measured = ours[most].seconds / most / (ours[least].seconds / least)
        yield Row(f"growth/nodes={least}-{most}/lifecircle", ours[most].seconds, None, "≤ 2.5",
                  "time per node of the largest grid over that of the smallest", measured)


def job_rows(nodes: int, facilities: int, repeats: int) -> list[Row]:
    """Measure the other searches."""
    network = grid(nodes)
    graph, at = _graph(network), some_nodes(network, facilities)
    turned = _Turned(graph)
    solved = nearest(graph, at[:-1], direction="to")

    def improved() -> np.ndarray:
        ms, label = spare.pop()
        improve(graph, ms, label, at[-1], len(at) - 1, direction="to")
        return ms

    spare = [tuple(a.copy() for a in solved) for _ in range(repeats + 1)]
    rows = _rows(f"improve/nodes={nodes}", {"lifecircle": improved, "again": lambda: nearest(graph, at)[0]}, repeats,
                 {"again": "≥ 10"}, note="one facility added to a solved layer")
    rows += _rows(f"k_nearest/nodes={nodes}", {"lifecircle": lambda: k_nearest(graph, at, K, direction="to")[0],
                                               "scipy": lambda: turned.scipy_k(at)}, min(repeats, 3), {},
                  note=f"{K} nearest of {len(at)} facilities; scipy: all facilities, then the {K} least")
    return rows + _rows(f"within/nodes={nodes}", {"lifecircle": lambda: _dense(graph, at, threads=2),
                                                  "one thread": lambda: _dense(graph, at, threads=1),
                                                  "scipy": lambda: turned.scipy_within(at)}, min(repeats, 3), {},
                        note=f"15 min around {len(at)} facilities, {_reached(graph, at):,} nodes each")


def build_rows(nodes: int) -> Iterator[Row]:
    """Measure building, saving and loading, and what the graph takes."""
    network = grid(nodes)
    edges = mode_edges(network, MODES["car"])
    Graph.from_edges(mode_edges(grid(100), MODES["car"]), grid(100).node_xy_m)  # compile
    built, graph = clock(lambda: Graph.from_edges(edges, network.node_xy_m))
    size = sum(getattr(graph, name).nbytes for name in graph.__dataclass_fields__)
    core = len(graph.core_in_start) - 1
    yield Row(f"build/nodes={nodes}/lifecircle", built, None, "≤ 1 s a million nodes",
              f"{size / graph.node_count:.0f} bytes a node; {core / graph.node_count:.1%} of them stay in the core",
              built / graph.node_count * 1e6)
    with tempfile.TemporaryDirectory() as folder:
        saved, _ = clock(lambda: graph.save(Path(folder) / "graph"))
        loaded, again = clock(lambda: Graph.load(Path(folder) / "graph"))
        first, answer = clock(lambda: nearest(again, some_nodes(network, 200)))
        _must_agree("saved graph", answer[0], nearest(graph, some_nodes(network, 200))[0])
    yield Row(f"save/nodes={nodes}/lifecircle", saved)
    yield Row(f"load/nodes={nodes}/lifecircle", loaded, None, "", f"mapped; the first search after it {first:.3f} s")


def some_nodes_of(graph: Graph, count: int) -> np.ndarray:
    """Give distinct nodes."""
    return np.random.default_rng(3).choice(graph.node_count, count, replace=False)


def _graph(network: RoadNetwork) -> Graph:
    return Graph.from_edges(mode_edges(network, MODES["car"]), network.node_xy_m)


def _rows(key: str, jobs: dict[str, Job], repeats: int, goals: dict[str, str], *, note: str,
          unchecked: frozenset[str] | set[str] = frozenset()) -> list[Row]:
    jobs["lifecircle"]()  # compile
    seconds, answers = paired(jobs, repeats)
    rows = []
    for name, taken in seconds.items():
        if name not in unchecked:
            _must_agree(f"{key}: {name}", answers[name], answers["lifecircle"])
        own = name == "lifecircle"
        rows.append(Row(f"{key}/{name}", statistics.median(taken), None if own else ratio(taken, seconds["lifecircle"]),
                        goals.get(name, ""), note if own else "" if name in unchecked else "answers equal"))
    return rows


def _least(job: Job) -> float:
    """Give the least seconds of some runs: of jobs this short the median tells what else the machine does."""
    return min(clock(job)[0] for _ in range(7))


def _must_agree(what: str, theirs: np.ndarray, ours: np.ndarray) -> None:
    if not np.array_equal(theirs, ours):
        raise AssertionError(f"{what} and lifecircle differ")


class _Turned:
    """The graph turned round, as peers need it to travel towards the facilities; in our order of nodes, for speed."""

    def __init__(self, graph: Graph) -> None:
        self.graph, count = graph, graph.node_count
        tail, ms = np.ascontiguousarray(graph.in_tail), np.ascontiguousarray(graph.in_ms)
        self.matrix = csr_matrix((ms.astype(np.float64), tail, graph.in_start), shape=(count, count))
        self.state = np.full(count, 1 << 40, dtype=np.uint64)
        self.tail, self.ms, self.best = tail, ms, self.state.copy()

    def sweep(self) -> None:
        """Read every arc once with its head's state: no search can be faster."""
        _sweep(self.graph.in_start, self.tail, self.ms, self.state, self.best)

    def scipy(self, at: np.ndarray) -> np.ndarray:
        return self._whole(dijkstra(self.matrix, indices=self.graph.position[at], min_only=True))[self.graph.position]

    def scipy_k(self, at: np.ndarray) -> np.ndarray:
        every = dijkstra(self.matrix, indices=self.graph.position[at])
        return self._whole(np.sort(np.partition(every, K, axis=0)[:K], axis=0)).T[self.graph.position]

    def scipy_within(self, at: np.ndarray) -> np.ndarray:
        every = dijkstra(self.matrix, indices=self.graph.position[at], limit=CUTOFF_MS)
        return np.array([np.isfinite(every).sum(), every[np.isfinite(every)].sum()])

    @staticmethod
    def _whole(ms: np.ndarray) -> np.ndarray:
        return np.where(np.isinf(ms), UNREACHED_MS, ms).astype(np.int64)

    def networkx(self, at: np.ndarray) -> Job:
        head = np.repeat(np.arange(self.graph.node_count), np.diff(self.graph.in_start))
        turned = nx.DiGraph()
        turned.add_nodes_from(range(self.graph.node_count))
        turned.add_weighted_edges_from(zip(head.tolist(), self.tail.tolist(), self.ms.tolist(), strict=True))
        starts = set(self.graph.position[at].tolist())

        def job() -> np.ndarray:
            found = nx.multi_source_dijkstra_path_length(turned, starts)
            ms = np.full(self.graph.node_count, UNREACHED_MS)
            ms[list(found)] = list(found.values())
            return ms[self.graph.position]

        return job


def _dense(graph: Graph, at: np.ndarray, *, threads: int) -> np.ndarray:
    """Count and sum what is within, so that both answers can be compared without a table of all pairs."""
    _, node, ms = within(graph, at, CUTOFF_MS, direction="to", threads=threads)
    return np.array([len(node), ms.sum(dtype=np.float64)])


def _reached(graph: Graph, at: np.ndarray) -> int:
    return len(within(graph, at, CUTOFF_MS, direction="to")[1]) // len(at)


def _bytes_a_node(graph: Graph, job: Job) -> float | None:
    """Give by how much the process grows at most while a job runs (Linux)."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return None

    def kilobytes(name: str) -> int:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name))

    ctypes.CDLL(None).malloc_trim(0)  # or what earlier jobs gave back would hide what this one takes
    reset.write_text("5")
    before = kilobytes("VmRSS")
    job()
    return (kilobytes("VmHWM") - before) * 1024 / graph.node_count


@kernel
def _sweep(start: np.ndarray, head: np.ndarray, ms: np.ndarray, state: np.ndarray, best: np.ndarray) -> None:
    for v in range(len(start) - 1):
        least = state[v]
        for arc in range(start[v], start[v + 1]):
            least = min(least, state[head[arc]] + (np.uint64(ms[arc]) << np.uint64(32)))
        best[v] = least
