"""The whole command: `lifecircle run` on the model district, by step."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from rows import Row, clock


def run_rows(runfile: Path) -> list[Row]:
    """Run the command in a process of its own and read what it says about its time."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [sys.executable, "-m", "lifecircle", "run", str(runfile), "--out", str(out)]
        wall, _ = clock(lambda: subprocess.run(command, check=True, capture_output=True))
        timing = json.loads((out / "timing.json").read_text(encoding="utf-8"))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    steps = timing.get("seconds", timing)
    rows = [Row(f"run/demo/{name.replace(' ', '_')}", float(seconds)) for name, seconds in steps.items()
            if isinstance(seconds, int | float)]
    return [*rows, Row("run/demo/wall", wall, None, "≤ 10 s, ≤ 1.5 GB", f"peak memory {peak / 1e9:.2f} GB")]
