"""Compile kernels with numba: cached on disk, without the GIL, typed for the checker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile a kernel that runs on one thread."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))


def parallel_kernel(function: Function) -> Function:
    """Compile a kernel whose outer ``prange`` is shared out over the threads."""
    return cast(Function, numba.njit(cache=True, nogil=True, parallel=True)(function))


prange: Any = numba.prange
