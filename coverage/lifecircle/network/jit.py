"""Compile kernels with numba: cached on disk, without the GIL, typed for the checker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

#: Digest of all sources that lie beside this one, in which kernels take in each other.
_SOURCES = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))).digest()


def kernel(function: Function) -> Function:
    """Compile a kernel that runs on one thread."""
    return _compiled(function)


#: Reference counting off, where this numba can do without: threads would wait for each other's counts.
_LEAF = {"_nrt": False} if hasattr(numba.core.options.DefaultOptions, "_nrt") else {}


def leaf_kernel(function: Function) -> Function:
    """Compile a kernel that makes no array into its callers, without counting references to those it is given.

    The kernels take many arrays; handing them from call to call costs three times the work itself.
    """
    return _compiled(function, forceinline=True, **_LEAF)


#: numba's own threads serve one caller at a time; where it has neither OpenMP nor TBB a second one ends the process.
_ONE_AT_A_TIME = Lock()


def parallel_kernel(function: Function) -> Function:
    """Compile a kernel whose outer ``prange`` is shared out over the threads; who calls from another thread waits."""
    compiled = _compiled(function, parallel=True)

    @wraps(function)
    def called(*arguments: Any) -> Any:
        with _ONE_AT_A_TIME:
            return compiled(*arguments)

    return cast(Function, called)


def _compiled(function: Function, **options: bool) -> Function:
    """Compile for the disk; what lies there counts only while no source has changed from which kernels are taken in.

    Of itself numba looks at the file of a kernel alone, and would go on with the old form of what it calls.
    """
    compiled: Any = numba.njit(cache=True, nogil=True, **options)(function)
    index: Any = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if hasattr(index, "_source_stamp"):  # not where NUMBA_DISABLE_JIT leaves plain Python
        index._source_stamp = (index._source_stamp, _SOURCES)
    return cast(Function, compiled)


prange: Any = numba.prange
