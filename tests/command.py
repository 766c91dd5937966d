"""Call the command line: as a process of its own, or inside this one."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from lifecircle.cli import main

COMMAND = Path(sys.executable).parent / "lifecircle"


def call(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own, far from any terminal."""
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, encoding="utf-8", timeout=120,
                          stdin=subprocess.DEVNULL, env={**os.environ, **environment}, check=False)


def inside(*arguments: str | Path) -> tuple[int, str, str]:
    """Run the command in this process, which is quicker; give exit code, stdout and stderr."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code = None
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as done:
            code = done.code
    assert isinstance(code, int), "the command always ends with an exit code"
    return code, *(stream.buffer.getvalue().decode() for stream in (out, err))  # type: ignore[attr-defined]


def digest(directory: Path) -> dict[str, str]:
    """Give the hash of every file below a directory."""
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(directory.rglob("*")) if path.is_file()}


def assert_one_line(err: str) -> None:
    """Make sure that an error is one line in the user's words."""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("lifecircle: ")
    assert "Traceback" not in err
    assert "internal error" not in err
