"""Make a problem smaller without changing its optimum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lifecircle.siting.problem import Problem
from lifecircle.siting.rules import only

Array = npt.NDArray[Any]


def merge_alike(pairs: csr_array, weight: Array) -> tuple[Array, csr_array]:
    """Merge demand points that the same candidates cover: what covers one covers all of them.

    Parameters
    ----------
    pairs : (n, m) csr_array
        Who covers whom, columns ascending in each row.
    weight : (n,) float64
        Points of weight 0, and those that nobody covers, are left out.

    Returns
    -------
    weight : (g,) float64
        Sums of the weights merged.
    pairs : (g, m) csr_array
    """
    places: dict[bytes, int] = {}
    first: list[int] = []
    total: list[float] = []
    sets = pairs.indices.astype(np.int64)
    for row, (begin, end) in enumerate(zip(pairs.indptr[:-1], pairs.indptr[1:], strict=True)):
        if weight[row] > 0 and end > begin:
            at = places.setdefault(sets[begin:end].tobytes(), len(first))
            if at == len(first):
                first.append(row)
                total.append(0.0)
            total[at] += weight[row]
    return np.asarray(total, dtype=np.float64), csr_array(pairs[np.asarray(first, dtype=np.int64)])


def dominated(problem: Problem, pairs: csr_array) -> Array:
    """Tell which candidates another one replaces in any choice: it covers the same and more, and costs no more.

    Candidates that a quota, a capacity, `must`, `never` or `apart` names are neither replaced nor replace others. Of
    two that are alike the first stays.

    Parameters
    ----------
    problem : Problem
    pairs : (g, m) csr_array
        Who covers whom.

    Returns
    -------
    (m,) bool
    """
    m = pairs.shape[1]
    free = np.isinf(problem.capacity) & ~np.isin(problem.region, list(problem.quota))
    free[np.concatenate([problem.must, problem.never, problem.apart.ravel()])] = False
    rows = np.flatnonzero(free)
    covers = csr_array((np.ones(pairs.nnz, dtype=np.float32), pairs.indices, pairs.indptr), shape=pairs.shape)[:, rows]
    common = (covers.T @ covers).tocoo()
    size = np.bincount(covers.indices, minlength=len(rows))
    lesser, greater = common.coords
    within = (common.data >= size[lesser]) & (lesser != greater)
    lesser, greater = lesser[within], greater[within]
    site = problem.site[rows]
    alone = problem.cost[rows]
    extra = np.where(site[greater] == site[lesser], 0.0, problem.site_cost[site[greater]])
    price = alone[greater] + extra
    better = (size[greater] > size[lesser]) | (price < alone[lesser]) | (greater < lesser)
    out = np.zeros(m, dtype=bool)
    out[rows[size == 0]] = True
    out[rows[lesser[(price <= alone[lesser]) & better]]] = True
    return out


def without(problem: Problem, pairs: csr_array, out: Array) -> tuple[Problem, csr_array]:
    """Leave candidates out: they are never chosen and in no pair."""
    never = np.union1d(problem.never, np.flatnonzero(out))
    return replace(problem, never=never), only(pairs, ~out[pairs.indices])
