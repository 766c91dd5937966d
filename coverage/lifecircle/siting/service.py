"""Recount what a choice gives: who is served by which candidate, and in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lifecircle.siting.problem import Effort, Problem
from lifecircle.siting.program import Program
from lifecircle.siting.rules import only, serve

Array = npt.NDArray[Any]
#: Shares of a demand point below this are what the solver's arithmetic leaves.
_SLIVER = 1e-7


def nearest(problem: Problem, chosen: Array) -> tuple[Array, Array]:
    """Give the minutes of each demand point to the nearest chosen candidate and its row (infinity, -1: none)."""
    keep = np.isin(problem.minutes.indices, chosen)
    row, column, minutes = problem.row_of_pair[keep], problem.minutes.indices[keep], problem.minutes.data[keep]
    order = np.lexsort((column, minutes, row))
    points, first = np.unique(row[order], return_index=True)
    least, who = np.full(len(problem.weight), np.inf), np.full(len(problem.weight), -1, np.int64)
    least[points], who[points] = minutes[order][first], column[order][first]
    return least, who


def allocate(problem: Problem, chosen: Array, pairs: csr_array, value: Array, effort: Effort) -> Array:
    """Share out the capacities of a choice so that most is won.

    Parameters
    ----------
    problem : Problem
    chosen : (·,) int64
    pairs : (n, m) csr_array
        Who may serve whom.
    value : (pairs,) float64
        What is won by serving a whole demand point, ≥ 0.
    effort : Effort

    Returns
    -------
    (pairs,) float64
        Share of the demand point that the candidate serves.
    """
    inside = np.flatnonzero(np.isin(pairs.indices, chosen))
    open_ = np.zeros(pairs.shape[1])
    open_[chosen] = 1.0
    program = Program()
    candidate = program.columns(len(open_), lower=open_, upper=open_)
    columns = serve(program, problem, candidate, only(pairs, np.isin(pairs.indices, chosen)), value[inside])
    solved = program.solve(effort)
    share = np.zeros(pairs.nnz)
    if solved.values is not None:
        share[inside] = np.clip(solved.values[columns], 0.0, 1.0)
    return share


def most_served(problem: Problem, chosen: Array, people: Array) -> float:
    """Count the people whom a choice can bring in time within its capacities.

    Parameters
    ----------
    problem : Problem
    chosen : (·,) int64
    people : (n,) float64
        0 where nobody is to be brought in time.
    """
    row = problem.row_of_pair
    pairs = only(problem.minutes, (problem.minutes.data <= problem.cutoff[row]) & (people[row] > 0))
    value = np.repeat(people, np.diff(pairs.indptr))
    return float(value @ allocate(problem, chosen, pairs, value, Effort()))


def by_capacity(problem: Problem, pairs: csr_array, share: Array, standing: Array) -> tuple[Array, Array]:
    """Give who serves most of each demand point, and the share of it that is served in time.

    Parameters
    ----------
    problem : Problem
    pairs : (n, m) csr_array
    share : (pairs,) float64
        As `allocate` gives it.
    standing : (n,) bool
        Who is in time already.

    Returns
    -------
    serves : (n,) int64
    served : (n,) float64
    """
    n = len(problem.weight)
    row = np.repeat(np.arange(n), np.diff(pairs.indptr))
    order = np.lexsort((pairs.indices, -share, row))
    order = order[share[order] > _SLIVER]
    points, first = np.unique(row[order], return_index=True)
    serves = np.full(n, -1, np.int64)
    serves[points] = pairs.indices[order][first]
    in_time = pairs.data <= problem.cutoff[row]
    served = np.bincount(row[in_time], weights=share[in_time], minlength=n)
    left = np.clip(1.0 - np.bincount(row, weights=share, minlength=n), 0.0, 1.0)
    return serves, np.clip(served + np.where(standing, left, 0.0), 0.0, 1.0)
