"""Replace a whole directory at once, one writer at a time; a crash leaves the old one as it was."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from lifecircle.errors import InputError


@contextmanager
def hold(directory: str | Path) -> Iterator[None]:
    """Keep other processes from writing the directory while the block runs; the same thread may hold it twice.

    The lock is a file ``.NAME.lock`` beside the directory with the process id in it; it falls with its process.

    Raises
    ------
    InputError
        If another process or thread holds it, or the folder around cannot be written.
    """
    directory = Path(directory).resolve()
    path, owner = directory.parent / f".{directory.name}.lock", f"{os.getpid()} {threading.get_ident()}"
    with _writing(directory):
        directory.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and _read(path) == owner:
        yield
        return
    with _writing(directory), path.open("a+", encoding="ascii") as stream:
        if not _lock(stream, path):
            raise InputError(directory, f"process {_read(path).split(' ')[0]} is writing it (lock file {path})",
                             "wait for it, or choose another directory")
        stream.truncate(0)
        stream.write(owner)
        stream.flush()
    # The handle must outlive the guard above, which is for opening the file only.
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
