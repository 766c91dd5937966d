"""Libraries that are not ours to install, run by an interpreter of their own; only numpy, pandas and they are needed.

The graph comes by file. Each line on standard input names a library, whose search is run and whose seconds are printed;
at the end of the input the answers are written.

Usage: python peers.py GRAPH.npz ANSWERS.npz
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

#: Seconds that no answer exceeds. pandana multiplies by 1,000 and holds the product, cut off, in 31 bits: seconds give
#: it whole milliseconds, milliseconds would overflow in its hierarchy, which then hardly comes to an end.
LIMIT_S = 2_000_000


def networkit(graph: dict[str, np.ndarray]) -> Callable[[], np.ndarray]:
    """Search from one more node, joined to all facilities, on the graph turned round; no facility is told."""
    import networkit as nk

    count = len(graph["xy"])
    head = np.concatenate([graph["tail"], graph["at"]])  # turned round
    tail = np.concatenate([graph["head"], np.full(len(graph["at"]), count)])
    ms = np.concatenate([graph["ms"], np.zeros(len(graph["at"]))])
    turned = nk.GraphFromCoo((ms, (tail, head)), n=count + 1, weighted=True, directed=True)

    def job() -> np.ndarray:
        search = nk.distance.Dijkstra(turned, count, storePaths=False)
        search.run()
        return np.asarray(search.getDistances(asarray=True))[:count]

    return job


def rustworkx(graph: dict[str, np.ndarray]) -> Callable[[], np.ndarray]:
    """As networkit."""
    import rustworkx as rx

    count = len(graph["xy"])
    turned = rx.PyDiGraph()
    turned.add_nodes_from(range(count + 1))
    turned.add_edges_from(list(zip(graph["head"].tolist(), graph["tail"].tolist(), map(float, graph["ms"]),
                                   strict=True)))
    turned.add_edges_from([(count, v, 0.0) for v in graph["at"].tolist()])

    def job() -> np.ndarray:
        ms = np.full(count + 1, np.inf)
        found = rx.digraph_dijkstra_shortest_path_lengths(turned, count, float)
        ms[np.fromiter(found.keys(), np.int64)] = np.fromiter(found.values(), np.float64)
        return ms[:count]

    return job


def _hierarchy(module: str, graph: dict[str, np.ndarray]) -> Callable[[], np.ndarray]:
    import importlib

    import pandas as pd

    x, y = (pd.Series(column) for column in graph["xy"].T)
    network = importlib.import_module(module).Network(
        x, y, pd.Series(graph["tail"]), pd.Series(graph["head"]), pd.DataFrame({"s": (graph["ms"] + 0.25) / 1000}),
        twoway=False)
    at = graph["at"]
    network.set_pois(category="facility", maxdist=LIMIT_S, maxitems=1, x_col=x[at], y_col=y[at])
    return lambda: network.nearest_pois(LIMIT_S, "facility", num_pois=1)[1].to_numpy() * 1000


def pandana(graph: dict[str, np.ndarray]) -> Callable[[], np.ndarray]:
    """Ask the contraction hierarchy for the nearest point of interest."""
    return _hierarchy("pandana", graph)


def pandarm(graph: dict[str, np.ndarray]) -> Callable[[], np.ndarray]:
    """As pandana."""
    return _hierarchy("pandarm", graph)


PEERS = {job.__name__: job for job in (networkit, rustworkx, pandana, pandarm)}


def serve(graph_file: Path, answer_file: Path) -> None:
    """Run what is asked for until nothing more is."""
    with np.load(graph_file) as file:
        graph = {name: file[name] for name in file.files}
    jobs: dict[str, Callable[[], np.ndarray]] = {}
    answers: dict[str, np.ndarray] = {}
    reply = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries have to say, from C++ too, is no answer
    for name in map(str.strip, sys.stdin):
        begin = time.perf_counter()
        if name not in jobs:
            jobs[name] = PEERS[name](graph)  # building answers the first time
        else:
            answers[name] = jobs[name]()
        reply.write(f"{time.perf_counter() - begin}\n")
        reply.flush()
    with answer_file.open("wb") as file:
        np.savez(file, **{name: np.minimum(found, LIMIT_S * 1000) for name, found in answers.items()})


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
