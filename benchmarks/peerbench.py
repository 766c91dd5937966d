"""Ask libraries in an environment of their own, one search of theirs after one of ours."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from grids import grid, some_nodes
from peers import LIMIT_S, PEERS
from rows import Row, clock, ratio

from lifecircle.network.graph import Graph, mode_edges
from lifecircle.network.modes import MODES
from lifecircle.network.search import nearest

SCRIPT = Path(__file__).with_name("peers.py")
GOALS = {"pandana": "≥ 100", "pandarm": "≥ 100"}
#: A library that takes longer than this for building and all searches is left out with a word.
PATIENCE_S = 900.0


def peer_rows(nodes: int, facilities: int, repeats: int) -> Iterator[Row]:
    """Measure one layer by car; the times must be equal. A library that cannot be installed is left out with a word."""
    network = grid(nodes)
    edges, at = mode_edges(network, MODES["car"]), some_nodes(network, facilities)
    graph = Graph.from_edges(edges, network.node_xy_m)
    ours = np.minimum(nearest(graph, at)[0], LIMIT_S * 1000)
    there, back = edges.ms_uv >= 0, edges.ms_vu >= 0
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        folder = Path(name)
        python = _environment(folder / "venv")
        np.savez(folder / "graph.npz", xy=network.node_xy_m, at=at,
                 tail=np.concatenate([edges.u[there], edges.v[back]]).astype(np.int64),
                 head=np.concatenate([edges.v[there], edges.u[back]]).astype(np.int64),
                 ms=np.concatenate([edges.ms_uv[there], edges.ms_vu[back]]).astype(np.int64))
        for peer in PEERS:
            if not _install(python, peer):
                print(f"{peer} cannot be installed: left out", file=sys.stderr)
                continue
            answered = _ask(python, folder, peer, lambda: nearest(graph, at), repeats)
            if answered is None:
                print(f"{peer} took more than {PATIENCE_S:g} s: left out", file=sys.stderr)
                continue
            built, theirs, own = answered
            with np.load(folder / "answers.npz") as answers:
                if not np.array_equal(np.rint(answers[peer]).astype(np.int64), ours):
                    raise AssertionError(f"{peer} and lifecircle differ")
            yield Row(f"peers/nodes={nodes}/{peer}", statistics.median(theirs), ratio(theirs, own),
                      GOALS.get(peer, ""), f"times equal; in turn with ours, {statistics.median(own):.3g} s; building "
                                           f"{built:.3g} s not counted")


def _ask(python: Path, folder: Path, peer: str, ours: Callable[[], Any],
         repeats: int) -> tuple[float, list[float], list[float]] | None:
    command = [str(python), str(SCRIPT), str(folder / "graph.npz"), str(folder / "answers.npz")]
    late = threading.Event()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as process:
        def stop() -> None:
            late.set()
            process.kill()

        def theirs() -> float:
            process.stdin.write(peer + "\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        timer = threading.Timer(PATIENCE_S, stop)
        timer.start()
        try:
            built = theirs()
            theirs()  # warm
            pairs = [(clock(ours)[0], theirs()) for _ in range(repeats)]
        except (ValueError, BrokenPipeError):
            pairs = []
        finally:
            timer.cancel()
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
    if late.is_set():
        return None
    if process.returncode or not pairs:
        raise AssertionError(f"{peer} stopped with {process.returncode}")
    return built, [pair[1] for pair in pairs], [pair[0] for pair in pairs]


def _environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _install(python: Path, name: str) -> bool:
    uv = Path(sys.executable).with_name("uv")
    ways = [[str(uv), "pip", "install", "--quiet", "--python", str(python), name],
            [str(python), "-m", "pip", "install", "--quiet", name]]
    for command in ways:
        with contextlib.suppress(OSError):
            if subprocess.run(command, check=False, capture_output=True).returncode == 0:
                return True
    return False
