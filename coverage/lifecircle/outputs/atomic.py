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

_PROCESS = os.urandom(8).hex()


@contextmanager
def hold(directory: str | Path) -> Iterator[None]:
    """Keep others from writing the directory while the block runs; the same thread may hold it twice.

    The lock is a file ``.NAME.lock`` beside the directory with the process id in it; it falls with its process.

    Raises
    ------
    InputError
        If another process or thread holds it, or the folder around it cannot be written.
    """
    directory = Path(directory).resolve()
    path, owner = beside(directory, "lock"), f"{os.getpid()} {threading.get_ident()} {_PROCESS}"
    if _read(path) == owner:
        yield
        return
    stream = _take(path, directory)
    try:
        stream.truncate(0)
        stream.write(owner)
        stream.flush()
        yield
    finally:
        with suppress(OSError):  # Windows does not remove an open file; the next holder takes it over.
            path.unlink()
        stream.close()


def beside(directory: Path, ending: str) -> Path:
    """Name a hidden companion of a directory, in the same folder."""
    return directory.parent / f".{directory.name}.{ending}"


def begin(directory: Path) -> Path:
    """Clear what a crash may have left and give a new, empty directory to write into; call it under `hold`."""
    old, new = beside(directory, "old"), beside(directory, "new")
    if old.exists() and not directory.exists():
        old.rename(directory)
    for left in (old, new):
        shutil.rmtree(left, ignore_errors=True)
    new.mkdir()
    return new


def commit(directory: Path) -> None:
    """Put what was written into the place of the directory and delete what was there; call it under `hold`."""
    new, old = beside(directory, "new"), beside(directory, "old")
    for path in (*(item for item in new.rglob("*") if item.is_file()), new):
        _sync(path)
    if not directory.exists():
        new.rename(directory)
    elif not _exchange(new, directory):
        directory.rename(old)
        new.rename(directory)
    _sync(directory.parent)
    for left in (old, new):
        shutil.rmtree(left, ignore_errors=True)


def _sync(path: Path) -> None:
    if path.is_dir() and sys.platform == "win32":
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchange(new: Path, old: Path) -> bool:
    """Swap two directories in one step; False where the system or the file system cannot."""
    here, swap = -100, 2
    names = os.fsencode(new), os.fsencode(old)
    try:
        library = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return int(library.renamex_np(*names, swap)) == 0
        return int(library.renameat2(here, names[0], here, names[1], swap)) == 0
    except (AttributeError, OSError, TypeError):
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def _take(path: Path, directory: Path) -> IO[str]:
    """Open and lock the lock file; again if its last holder removed it meanwhile."""
    while True:
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
            stream = path.open("a+", encoding="ascii")
        except OSError as error:
            raise InputError(directory, f"cannot be written: {error.strerror}", "choose another directory") from error
        if not _lock(stream):
            stream.close()
            raise InputError(directory, f"process {_read(path).split(' ')[0]} is writing into it (lock {path.name})",
                             "wait until it is done, or choose another directory")
        if path.exists() and os.path.samestat(os.fstat(stream.fileno()), path.stat()):
            return stream
        stream.close()


def _lock(stream: IO[str]) -> bool:
    """Lock an open file without waiting; the system drops the lock when the process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(4096)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def replace_file(path: str | Path, content: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then into it.

    Raises
    ------
    InputError
        If it cannot be written; what was there is then untouched.
    """
    path = Path(path)
    new = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(content)
        new.replace(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        raise InputError(path, f"cannot be written: {error.strerror}",
                         "close it in other programs, make room, or choose another place") from error
