"""Spread sites over years under yearly budgets: a programme, not a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lifecircle.errors import UsageError
from lifecircle.live import Live
from lifecircle.siting import models
from lifecircle.siting.district import Question, Wishes, lay_out
from lifecircle.siting.problem import ROUNDING, Effort, Labels, Problem, relative_gap
from lifecircle.siting.program import Program
from lifecircle.siting.reductions import merge_alike
from lifecircle.siting.rules import Limits, choose, covering, wanting
from lifecircle.siting.sites import Siting, Year

Array = npt.NDArray[Any]


def programme(live: Live, layers: Sequence[str], candidates: gpd.GeoDataFrame, budgets: Mapping[int, float], *,
              wishes: Wishes | None = None, effort: Effort | None = None) -> Siting:
    """Choose sites and the year of each, so that the people in time, summed over the years, are most.

    What a year leaves over is spent in later ones. Quotas and sites that must be built hold by the last year.

    Parameters
    ----------
    live : Live
    layers : sequence of str
    candidates : GeoDataFrame
        As `lifecircle.siting.candidates` lays them out; where none has a cost, a site costs 1.
    budgets : mapping
        Year -> what may be spent.
    wishes : Wishes, optional
    effort : Effort, optional

    Returns
    -------
    Siting
        Of the last year, with `years`. Every year's best choice by itself bounds it, so that the sum of their bounds
        is the bound of the programme.

    Raises
    ------
    UsageError
        If no year is named, a budget is negative, or candidates have a limited capacity, which this does not weigh.
    """
    if not budgets or not all(value >= 0 for value in budgets.values()):
        raise UsageError("a programme needs years with budgets of 0 or more, as 2025=3")
    effort = effort or Effort()
    question = lay_out(live.times, layers, candidates, wishes)
    problem, names = question.problem, sorted(budgets)
    if problem.limited:
        raise UsageError("a programme does not weigh the capacity of candidates; leave the column out")
    spent = np.cumsum([budgets[year] for year in names])
    each = replace(effort, seconds=effort.seconds / (len(names) + 1))
    best = [models.mclp(problem if year == names[-1] else _free(problem), None, budget=float(total), effort=each)
            for year, total in zip(names, spent, strict=True)]
    if best[-1].status in ("infeasible", "unknown"):
        return Siting(question, best[-1], live, budget=float(spent[-1]))
    pool = np.unique(np.concatenate([answer.chosen for answer in best]))
    chosen = _phase(problem, pool, spent, each)
    years = tuple(_year(question, year, budgets[year], one) for year, one in zip(names, chosen, strict=True))
    bound = sum(answer.bound for answer in best)
    objective = sum(year.objective for year in years)
    last = models.mclp(replace(problem, must=chosen[-1]), len(chosen[-1]), effort=each)
    proven = relative_gap(objective, bound) <= ROUNDING
    answer = replace(last, status="optimal" if proven else "feasible", bound=max(best[-1].bound, last.objective))
    return Siting(question, answer, live, budget=float(spent[-1]), years=years, years_bound=float(bound))


def _free(problem: Problem) -> Problem:
    """Give the problem of a year before the last: nothing has to be built yet."""
    return replace(problem, must=problem.must[:0], quota={at: (0, most) for at, (_, most) in problem.quota.items()})


def _phase(problem: Problem, pool: Array, spent: Array, effort: Effort) -> list[Array]:
    """Choose, of a pool of candidates, those that stand by the end of each year."""
    some = _only(problem, pool)
    weight, pairs = wanting(some, some.cutoff, some.standing)
    alike, merged = merge_alike(pairs, weight)
    program, columns = Program(), []
    for number, total in enumerate(spent):
        last = number == len(spent) - 1
        columns.append(choose(program, some if last else _free(some), Limits(None, float(total))).candidate)
        covering(program, columns[-1], merged, alike)
        if number:
            rows = np.arange(len(pool))  # what stood a year ago still stands
            program.rows(len(pool), (np.concatenate([rows, rows]), np.concatenate([columns[-2], columns[-1]]),
                                     np.repeat([1.0, -1.0], len(pool))), upper=0.0)
    solved = program.solve(effort)
    if solved.values is None:
        raise UsageError("no programme was found in the time; give it more, or fewer years")
    chosen = np.array([solved.values[at] > 0.5 for at in columns])
    return [pool[stands] for stands in _not_before(some, chosen, merged, alike)]


def _not_before(problem: Problem, stands: Array, pairs: csr_array, weight: Array) -> Array:
    """Build nothing sooner than it wins something, and what wins nothing in any year only where a rule asks for it.

    Parameters
    ----------
    problem : Problem
    stands : (years, m) bool
        What stands by the end of each year.
    pairs : (n, m) csr_array
        Who is in time of what.
    weight : (n,) float64

    Returns
    -------
    (years, m) bool
    """
    near, stands = pairs.astype(bool).toarray(), stands.copy()
    for at in np.flatnonzero(stands[-1]):
        region = problem.region[at]
        least = problem.quota.get(int(region), (0, 0))[0]
        for year in np.flatnonzero(stands[:, at]):
            asked = year == len(stands) - 1 and (
                at in problem.must or (stands[year] & (problem.region == region)).sum() <= least)
            others = stands[year].copy()
            others[at] = False
            if asked or weight[near[:, at] & ~near[:, others].any(axis=1)].sum() > 0:
                break
            stands[year, at] = False
    return stands


def _only(problem: Problem, pool: Array) -> Problem:
    """Give the problem with some candidates only."""
    kept = np.isin(problem.apart, pool).all(axis=1) if len(problem.apart) else np.zeros(0, bool)
    pairs = csr_array(problem.minutes[:, pool])
    pairs.sort_indices()
    return replace(problem, minutes=pairs, cost=problem.cost[pool], site=problem.site[pool],
                   capacity=problem.capacity[pool], region=problem.region[pool],
                   labels=Labels(), must=np.searchsorted(pool, problem.must), never=problem.never[:0],
                   apart=np.searchsorted(pool, problem.apart[kept]).reshape(-1, 2))


def _year(question: Question, year: int, budget: float, chosen: Array) -> Year:
    """Count who is in time when a year's choice stands."""
    problem = question.problem
    near = problem.minutes[:, chosen].tocsr() if len(chosen) else csr_array((len(problem.weight), 0))
    row = np.repeat(np.arange(near.shape[0]), np.diff(near.indptr))
    reached = problem.standing.copy()
    reached[row[near.data <= problem.cutoff[row]]] = True
    judged = np.concatenate([question.judged[layer].state >= 0 for layer in question.layers])
    return Year(year, budget, chosen, float(problem.price(chosen)), float(problem.weight[reached].sum()),
                float(question.people[reached & judged].sum()))


