"""Write runs that are killed on the way, and tell what each left behind; started by test_outputs_rundir.py."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow
import rasterio

from lifecircle.outputs import atomic, rundir
from sample_assessment import sample

#: Loaded before the fork, so that a crash falls into the writing and not into an import.
LOADED = (pyarrow, rasterio)
#: Where the process is killed: just before this function does its work.
POINTS: tuple[tuple[Any, str], ...] = (
    (rundir, "write_csv"), (rundir, "write_geopackage"), (rundir, "_write_surface"), (rundir, "_write_json"),
    (rundir, "save_map"), (rundir, "_keep_foreign_files"), (rundir, "commit"), (atomic, "_exchange"),
)


def digest(directory: Path) -> str:
    """Hash names and bytes of all files in a directory."""
    seen = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        seen.update(path.name.encode() + b"\0" + (path.read_bytes() if path.is_file() else b""))
    return seen.hexdigest()


def die(*_: Any, **__: Any) -> None:
    """End at once, as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash(directory: Path, *, at: tuple[Any, str] | None = None, after_s: float = 0.0) -> int:
    """Start writing the other sample in a process of its own and kill it; give the signal it died of, or 0."""
    child = os.fork()
    if child == 0:
        if at is not None:
            setattr(*at, die)
        rundir.write_run(sample(quality="register"), directory)
        os._exit(0)
    if at is None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] & 0x7F


def main(directory: Path) -> None:
    """Crash at every point and at several moments; print one record per crash."""
    report: list[dict[str, Any]] = []
    for at in POINTS:
        signal_number = crash(directory, at=at)
        report.append({"at": at[1], "signal": signal_number, "digest": digest(directory)})
    for part in range(12):
        signal_number = crash(directory, after_s=0.12 * part)
        report.append({"at": f"{0.12 * part:.2f} s", "signal": signal_number, "digest": digest(directory)})
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
