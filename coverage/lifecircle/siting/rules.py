"""Write down in a program what every choice keeps, who covers whom, and how much each candidate can serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lifecircle.errors import InputError
from lifecircle.siting.problem import Problem
from lifecircle.siting.program import Program

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Limits:
    """What the caller of a model allows.

    Attributes
    ----------
    sites : int or None
        Candidates chosen at most, those of `must` included.
    budget : float or None
        What the chosen candidates and their buildings may cost.
    unlike : tuple of (·,) int64
        Earlier choices; neither they nor what only adds to them is chosen again.
    """

    sites: int | None = None
    budget: float | None = None
    unlike: tuple[Array, ...] = ()

    def __post_init__(self) -> None:
        if self.sites is not None and (self.sites != int(self.sites) or self.sites < 0):
            raise InputError("sites", f"is {self.sites}", "give a whole number ≥ 0")
        if self.budget is not None and not self.budget >= 0:
            raise InputError("budget", f"is {self.budget}", "give a number ≥ 0")


@dataclass(frozen=True)
class Columns:
    """The columns of a choice: one for each candidate, and one for each building that costs something."""

    candidate: Array
    building: Array
    buildings: Array

    def start(self, problem: Problem, chosen: Array) -> tuple[Array, Array]:
        """Give the columns of a choice and their values."""
        opened = np.zeros(len(self.candidate))
        opened[chosen] = 1.0
        inside = np.isin(self.buildings, problem.site[chosen]).astype(np.float64)
        return np.concatenate([self.candidate, self.building]), np.concatenate([opened, inside])


def choose(program: Program, problem: Problem, limits: Limits, *, priced: bool = False) -> Columns:
    """Add a column for each candidate and the rules that any choice keeps.

    Parameters
    ----------
    program : Program
    problem : Problem
    limits : Limits
    priced : bool
        The program's cost is what the choice costs; else the choice is free.
    """
    m = len(problem.cost)
    lower, upper = np.zeros(m), np.ones(m)
    lower[problem.must], upper[problem.never] = 1.0, 0.0
    candidate = program.columns(m, cost=problem.cost if priced else 0.0, lower=lower, upper=upper, whole=True)
    buildings = np.flatnonzero(problem.site_cost > 0)
    building = program.columns(len(buildings), cost=problem.site_cost[buildings] if priced else 0.0)
    inside = np.flatnonzero(problem.site_cost[problem.site] > 0)
    home = building[np.searchsorted(buildings, problem.site[inside])]
    _pairwise(program, candidate[inside], home)
    if limits.sites is not None:
        program.rows(1, (0, candidate, 1.0), upper=limits.sites)
    if limits.budget is not None:
        prices = np.concatenate([problem.cost, problem.site_cost[buildings]])
        program.rows(1, (0, np.concatenate([candidate, building]), prices), upper=limits.budget)
    if len(problem.apart):
        pairs = np.arange(len(problem.apart))
        program.rows(len(pairs), (np.repeat(pairs, 2), candidate[problem.apart.ravel()], 1.0), upper=1.0)
    for region, (least, most) in problem.quota.items():
        program.rows(1, (0, candidate[problem.region == region], 1.0), lower=least, upper=most)
    for earlier in limits.unlike:
        program.rows(1, (0, candidate[earlier], 1.0), upper=len(earlier) - 1)
    return Columns(candidate, building, buildings)


def serve(program: Program, problem: Problem, candidate: Array, pairs: csr_array, value: Array) -> Array:
    """Add a column for each pair, the share of a demand point that a candidate serves, within all capacities.

    Parameters
    ----------
    program : Program
    problem : Problem
    candidate : (m,) int64
        Columns of the candidates.
    pairs : (n, m) csr_array
        Who may serve whom.
    value : (pairs,) float64
        What is won by serving a whole demand point.

    Returns
    -------
    (pairs,) int64
        The columns.
    """
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    share = program.columns(pairs.nnz, cost=-value, upper=(problem.capacity[pairs.indices] > 0).astype(np.float64))
    points, at = np.unique(row, return_inverse=True)
    program.rows(len(points), (at, share, 1.0), upper=1.0)
    _pairwise(program, share, candidate[pairs.indices])
    need = problem.need[row]
    tight = np.flatnonzero((problem.capacity > 0) & np.isfinite(problem.capacity))
    inside = np.flatnonzero(np.isin(pairs.indices, tight) & (need > 0))
    at = np.searchsorted(tight, pairs.indices[inside])
    program.rows(len(tight), (np.concatenate([at, np.arange(len(tight))]),
                              np.concatenate([share[inside], candidate[tight]]),
                              np.concatenate([need[inside] / problem.capacity[pairs.indices[inside]],
                                              np.full(len(tight), -1.0)])), upper=0.0)
    return share


def cover(program: Program, problem: Problem, candidate: Array, pairs: csr_array, weight: Array, least: float) -> None:
    """Demand that people are served by a choice.

    Parameters
    ----------
    program : Program
    problem : Problem
    candidate : (m,) int64
        Columns of the candidates.
    pairs : (n, m) csr_array
        Who may serve whom; merged demand points only where no capacity is limited.
    weight : (n,) float64
        People who are to be served, 0 where nobody is.
    least : float
        How many of them; infinite: everyone.
    """
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    wanted = np.flatnonzero(weight > 0)
    inside = np.flatnonzero(weight[row] > 0)
    at = np.searchsorted(wanted, row[inside])
    if problem.limited:
        share = serve(program, problem, candidate, pairs, np.zeros(pairs.nnz))[inside]
        if np.isfinite(least):
            program.rows(1, (0, share, weight[row[inside]]), lower=least)
        else:
            program.rows(len(wanted), (at, share, 1.0), lower=1.0)
    elif np.isfinite(least):
        covered = covering(program, candidate, pairs, np.zeros(pairs.shape[0]))
        program.rows(1, (0, covered, weight), lower=least)
    else:
        program.rows(len(wanted), (at, candidate[pairs.indices[inside]], 1.0), lower=1.0)


def covering(program: Program, candidate: Array, pairs: csr_array, value: Array) -> Array:
    """Add a column for each demand point, 1 where a chosen candidate covers it; whole numbers without saying so."""
    n = pairs.shape[0]
    row = np.repeat(np.arange(n), np.diff(pairs.indptr))
    covered = program.columns(n, cost=-value)
    program.rows(n, (np.concatenate([np.arange(n), row]), np.concatenate([covered, candidate[pairs.indices]]),
                     np.concatenate([np.ones(n), np.full(len(row), -1.0)])), upper=0.0)
    return covered


def only(pairs: csr_array, keep: Array) -> csr_array:
    """Keep some of the stored pairs, those of 0 minutes too."""
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))[keep]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=pairs.shape[0]))])
    return csr_array((pairs.data[keep], pairs.indices[keep], indptr), shape=pairs.shape)


def wanting(problem: Problem, cutoff: Array, standing: Array) -> tuple[Array, csr_array]:
    """Find whom a new candidate would bring in time.

    Parameters
    ----------
    problem : Problem
    cutoff : (n,) float64
        In time is ≤ this.
    standing : (n,) bool
        Who is in time already.

    Returns
    -------
    weight : (n,) float64
        0 for those in time already.
    pairs : (n, m) csr_array
        Those in time, of demand points with weight and candidates that may be chosen.
    """
    row = problem.row_of_pair
    weight = np.where(standing, 0.0, problem.weight)
    allowed = ~np.isin(problem.minutes.indices, problem.never)
    return weight, only(problem.minutes, (problem.minutes.data <= cutoff[row]) & (weight[row] > 0) & allowed)


def unreachable(weight: Array, pairs: csr_array) -> Array:
    """Give the demand points with weight that are in no pair."""
    return np.flatnonzero((weight > 0) & (np.diff(pairs.indptr) == 0))


def _pairwise(program: Program, lesser: Array, greater: Array) -> None:
    """Keep each lesser column ≤ its greater."""
    at = np.arange(len(lesser))
    program.rows(len(at), (np.concatenate([at, at]), np.concatenate([lesser, greater]),
                           np.concatenate([np.ones(len(at)), np.full(len(at), -1.0)])), upper=0.0)
