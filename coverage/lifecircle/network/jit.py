"""Compile kernels with numba: cached on disk, without the GIL, typed for the checker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a kernel that runs on one thread."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))


#: Reference counting off, where this numba can do without: threads would wait for each other's counts.
_LEAF = {"_nrt": False} if hasattr(numba.core.options.DefaultOptions, "_nrt") else {}


def leaf_kernel(function: Function) -> Function:
    """Compile a kernel that makes no array into its callers, without counting references to those it is given.

    The kernels take many arrays; handing them from call to call costs three times the work itself.
    """
    return cast(Function, numba.njit(cache=True, nogil=True, forceinline=True, **_LEAF)(function))


def parallel_kernel(function: Function) -> Function:
    """Compile a kernel whose outer ``prange`` is shared out over the threads."""
    return cast(Function, numba.njit(cache=True, nogil=True, parallel=True)(function))


prange: Any = numba.prange
