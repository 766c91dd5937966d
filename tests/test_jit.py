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
