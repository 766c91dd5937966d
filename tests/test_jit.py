"""Compiled kernels are kept on disk, and made anew when one that they take in changes in another file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from lifecircle.network import jit

INNER = "from .jit import leaf_kernel\n\n\n@leaf_kernel\ndef step(x):\n    return x + {}\n"
OUTER = "from .inner import step\nfrom .jit import kernel\n\n\n@kernel\ndef twice(x):\n    return step(step(x))\n"
ASK = "from town.outer import twice; print(twice(10), sum(twice.stats.cache_hits.values()))"


def ask(folder: Path, **environment: str) -> str:
    """Give what a new process answers, and how many kernels it found on disk."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run([sys.executable, "-B", "-c", ASK], cwd=folder, env={**kept, **environment},
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_kernel_is_made_anew_when_what_it_takes_in_changes(tmp_path: Path) -> None:
    package = tmp_path / "town"
    package.mkdir()
    (package / "__init__.py").write_text("")
    shutil.copy(jit.__file__, package / "jit.py")
    (package / "outer.py").write_text(OUTER)
    (package / "inner.py").write_text(INNER.format(1))
    assert ask(tmp_path) == "12 0"
    assert ask(tmp_path) == "12 1"
    (package / "inner.py").write_text(INNER.format(5))
    assert ask(tmp_path) == "20 0"
    assert ask(tmp_path) == "20 1"


#: Two threads ask the same kernel over and over; where a second caller were let in, workqueue would end the process.
TWO_CALLERS = """
from concurrent.futures import ThreadPoolExecutor
import numba, numpy as np
from lifecircle.network.around import reach_doors
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.legs import Index, Walk

x, y, layer, label = np.array([0.0]), np.array([0.0]), np.zeros(1, np.int64), np.zeros(1, np.uint64)
index, walls = Index.over(x, y, x, y), BarrierGrid.open_ground().walls

def metres(thread):
    xs, ys = np.linspace(0.0, 999.0, 1000), np.zeros(1000)
    best, snap = np.full((1000, 1), 2**64 - 1, np.uint64), np.full(1000, np.inf)
    for _ in range(300):
        reach_doors(xs, ys, best, snap, True, x, y, layer, label, index, walls, Walk(720.0, 1000.0))
    return snap.tolist() == xs.tolist()

with ThreadPoolExecutor(4) as pool:
    print(all(pool.map(metres, range(4))), numba.threading_layer())
"""


def test_kernels_on_all_threads_can_be_called_from_several() -> None:
    environment = {**os.environ, "NUMBA_THREADING_LAYER": "workqueue", "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", TWO_CALLERS], env=environment, capture_output=True, text=True,
                          check=False)
    assert done.stdout.strip() == "True workqueue", done.stderr
