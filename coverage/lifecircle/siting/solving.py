"""Solve what the models have in common: a cover at least cost, a choice that wins most; keep time and proof."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lifecircle.siting.lagrange import Choice
from lifecircle.siting.problem import Answer, Effort, Problem, Reason, relative_gap
from lifecircle.siting.program import Program, Solved
from lifecircle.siting.reductions import dominated, merge_alike, without
from lifecircle.siting.rules import Limits, choose, cover, covering, serve, unreachable

Array = npt.NDArray[Any]
#: Objective and bound that differ by no more are the same: HiGHS stops there.
_SAME = 1e-6
#: With more pairs than this HiGHS does not come to a bound in minutes; that of the relaxation stands.
_MOST_PAIRS = 400_000


class Run:
    """One call of a model: its clock, and how its answers are made up."""

    def __init__(self, model: str, problem: Problem, effort: Effort | None) -> None:
        self.model, self.problem = model, problem
        self.effort = effort or Effort()
        self.begin = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Give the seconds that have passed."""
        return time.perf_counter() - self.begin

    def left(self, share: float = 1.0) -> Effort:
        """Give a share of the effort that is left."""
        return replace(self.effort, seconds=max(self.effort.seconds - self.seconds, 0.0) * share)

    def answer(self, chosen: Array, objective: float, bound: float, serves: Array, served: Array) -> Answer:
        """Make up an answer; it is optimal where objective and bound meet."""
        same = abs(objective - bound) <= _SAME or relative_gap(objective, bound) <= _SAME / 1000
        return Answer(self.model, "optimal" if same else "feasible", np.sort(chosen), objective, bound, serves,
                      served, seconds=self.seconds)

    def nothing(self, bound: float, reasons: tuple[Reason, ...] | None) -> Answer:
        """Make up an answer without a choice: infeasible for these reasons, or unknown (None)."""
        n = len(self.problem.weight)
        return Answer(self.model, "unknown" if reasons is None else "infeasible", np.empty(0, np.int64), np.nan,
                      bound if reasons is None else np.nan, np.full(n, -1, np.int64),
                      self.problem.standing.astype(np.float64), reasons or (), self.seconds)


@dataclass(frozen=True)
class Gains:
    """What a choice may win: each demand point once, from its best pair or in shares where capacities are limited.

    Attributes
    ----------
    pairs : (n, m) csr_array
    value : (n,) float64 or (pairs,) float64
        What serving a demand point wins.
    alike : bool
        All pairs of a demand point win the same, and `value` is by demand point.
    floor : float
        The least that is to be won.
    offset : float
        The objective to be made least is `offset` − what is won; gaps are relative to it.
    """

    pairs: csr_array
    value: Array
    alike: bool
    floor: float = -np.inf
    offset: float = 0.0

    @property
    def each(self) -> Array:
        """Give what each pair wins."""
        return np.repeat(self.value, np.diff(self.pairs.indptr)) if self.alike else self.value

    def add(self, program: Program, problem: Problem, candidate: Array) -> None:
        """Add the columns of what is won, and the least."""
        if self.alike and not problem.limited:
            columns, value = covering(program, candidate, self.pairs, self.value), self.value
        else:
            columns, value = serve(program, problem, candidate, self.pairs, self.each), self.each
        if np.isfinite(self.floor):
            program.rows(1, (0, columns, value), lower=self.floor)


@dataclass(frozen=True)
class Found:
    """What was found of the most: candidates (None: nothing), and what no choice can win more than."""

    chosen: Array | None
    bound: float
    infeasible: bool = False


def most(run: Run, problem: Problem, limits: Limits, gains: Gains, start: Choice | None = None) -> Found:
    """Choose what wins most; what the relaxation proved is used, and its set is the one to surpass."""
    if start is not None:
        near = start.bound - start.value <= max(run.effort.gap * abs(gains.offset - start.value), _SAME)
        if near or (not gains.alike and gains.pairs.nnz > _MOST_PAIRS):
            return Found(start.chosen, start.bound)
        problem = replace(problem, must=np.union1d(problem.must, np.flatnonzero(start.kept)),
                          never=np.union1d(problem.never, np.flatnonzero(start.out)))
    program = Program(gains.offset)
    columns = choose(program, problem, limits)
    gains.add(program, problem, columns.candidate)
    solved = program.solve(run.left(), None if start is None else columns.start(problem, start.chosen))
    chosen = None if solved.values is None else np.flatnonzero(solved.values[columns.candidate] > 0.5)
    if start is None:
        return Found(chosen, gains.offset - solved.bound, solved.infeasible)
    bound = start.value if solved.infeasible else min(start.bound, max(start.value, gains.offset - solved.bound))
    better = chosen is not None and gains.offset - solved.objective > start.value
    return Found(chosen if better else start.chosen, bound)


def least_cover(problem: Problem, limits: Limits, weight: Array, pairs: csr_array, least: float, effort: Effort, *,
                priced: bool = False) -> tuple[Solved, Array]:
    """Cover people at least cost, or at any.

    Parameters
    ----------
    problem : Problem
    limits : Limits
    weight, pairs
        As `lifecircle.siting.rules.wanting` gives them.
    least : float
        People to be covered; infinite: everyone.
    effort : Effort
    priced : bool
        Ask for the cheapest.

    Returns
    -------
    solved : Solved
    chosen : (·,) int64
    """
    nobody = np.empty(0, np.int64)
    if np.isinf(least) and len(unreachable(weight, pairs)):
        return Solved(True, None, np.inf, np.inf), nobody
    if not problem.limited:
        weight, pairs = merge_alike(pairs, weight)
        problem, pairs = without(problem, pairs, dominated(problem, pairs))
    program = Program()
    columns = choose(program, problem, limits, priced=priced)
    cover(program, problem, columns.candidate, pairs, weight, least)
    solved = program.solve(effort)
    return solved, nobody if solved.values is None else np.flatnonzero(solved.values[columns.candidate] > 0.5)


def lean(problem: Problem, chosen: Array, pairs: csr_array, value: Array) -> Array:
    """Take out of a choice, one by one, what wins nothing beside the others and no rule asks for.

    Parameters
    ----------
    problem : Problem
    chosen : (·,) int64
    pairs : (n, m) csr_array
    value : (pairs,) float64
        What the best pair of each demand point wins.

    Returns
    -------
    (·,) int64
    """
    place = np.full(pairs.shape[1], -1)
    place[chosen] = np.arange(len(chosen))
    inside = np.flatnonzero(place[pairs.indices] >= 0)
    table = np.zeros((pairs.shape[0], len(chosen)))
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))[inside]
    table[row, place[pairs.indices[inside]]] = value[inside]
    keep = np.ones(len(chosen), dtype=bool)
    for at in np.argsort(table.sum(axis=0), kind="stable"):
        region = int(problem.region[chosen[at]])
        least = problem.quota.get(region, (0, 0))[0]
        alone = keep.copy()
        alone[at] = False
        spare = chosen[at] not in problem.must and (problem.region[chosen[keep]] == region).sum() > least
        if spare and (table[:, at] <= table[:, alone].max(axis=1, initial=0.0)).all():
            keep = alone
    return chosen[keep]
