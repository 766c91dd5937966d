"""Where to build: fewest sites for all, most people, least person-minutes, least worst minutes; each with its proof."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lifecircle.errors import InputError
from lifecircle.siting import lagrange
from lifecircle.siting.problem import ROUNDING, Answer, Effort, Problem
from lifecircle.siting.reasons import why_infeasible
from lifecircle.siting.reductions import dominated, merge_alike, without
from lifecircle.siting.rules import Limits, only, wanting
from lifecircle.siting.service import allocate, by_capacity, nearest
from lifecircle.siting.solving import Found, Gains, Run, lean, least_cover, most

__all__ = ["alternatives", "lscp", "mclp", "p_center", "p_median", "why_infeasible"]

Array = npt.NDArray[Any]


def lscp(problem: Problem, *, share: float = 1.0, budget: float | None = None, effort: Effort | None = None) -> Answer:
    """Find the cheapest choice that brings people in time (location set covering, Toregas et al. 1971).

    Parameters
    ----------
    problem : Problem
        Where every candidate costs 1 and no building costs more, the cheapest choice is the fewest sites.
    share : float
        Of all people, who is to be in time; what stands already counts. Below 1 those beyond reach may be let out.
    budget : float, optional
    effort : Effort, optional

    Returns
    -------
    Answer
        `objective` is the cost.
    """
    run, limits, standing = Run("lscp", problem, effort), Limits(budget=budget), problem.standing
    if not 0.0 <= share <= 1.0:
        raise InputError("share", f"is {share:g}", "give a share from 0 to 1")
    weight, pairs = wanting(problem, problem.cutoff, standing)
    least = np.inf if share == 1.0 else share * problem.weight.sum() * (1 - ROUNDING) - problem.weight[standing].sum()
    solved, chosen = least_cover(problem, limits, weight, pairs, least, run.left(), priced=True)
    if solved.values is None:
        return run.nothing(max(solved.bound, 0.0), why_infeasible(
            problem, "lscp", share=share, budget=budget, effort=run.left()) if solved.infeasible else None)
    price = problem.price(chosen)
    return run.answer(chosen, price, min(solved.bound, price), *_in_time(run, chosen, weight, pairs))


def mclp(problem: Problem, sites: int | None, *, budget: float | None = None, unlike: Sequence[Answer] | None = None,
         effort: Effort | None = None) -> Answer:
    """Bring most people in time (maximal covering location, Church & ReVelle 1974).

    Parameters
    ----------
    problem : Problem
    sites : int or None
        Candidates chosen at most, those of `must` included; None where the budget alone limits them.
    budget : float, optional
    unlike : sequence of Answer, optional
        Neither these choices nor what only adds to one of them.
    effort : Effort, optional

    Returns
    -------
    Answer
        `objective` is people in time, those in time of what stands already too.
    """
    limits = Limits(sites, budget, tuple(answer.chosen for answer in unlike or ()))
    return _mclp(Run("mclp", problem, effort), limits)


def _mclp(run: Run, limits: Limits, floor: float = -np.inf) -> Answer:
    """Bring most people in time, and at least `floor` of those who are not."""
    problem = run.problem
    weight, pairs = wanting(problem, problem.cutoff, problem.standing)
    already = float(problem.weight[problem.standing].sum())
    smaller, start, gains = problem, None, Gains(pairs, weight, True, floor, -already)
    if not problem.limited:
        alike, merged = merge_alike(pairs, weight)
        if not limits.unlike:  # an alternative may well hold what another candidate could replace
            smaller, merged = without(problem, merged, dominated(problem, merged))
        gains = Gains(merged, alike, True, floor, -already)
        if _counted(problem, limits):
            start = lagrange.cover(merged, alike, int(limits.sites or 0), smaller, -already, run.left(0.5))
    found = most(run, smaller, limits, gains, start)
    if found.chosen is None:
        return _nothing(run, found, limits, already + min(found.bound, float(weight.sum())))
    chosen = found.chosen if problem.limited else lean(problem, found.chosen, gains.pairs, gains.each)
    serves, served = _in_time(run, chosen, weight, pairs)
    objective = float(problem.weight @ served)
    return run.answer(chosen, objective, max(already + found.bound, objective), serves, served)


def p_median(problem: Problem, sites: int | None, *, budget: float | None = None, effort: Effort | None = None,
             ) -> Answer:
    """Make the minutes of all people least in sum (p-median, Hakimi 1964; ReVelle & Swain 1970).

    Everyone goes to the nearest of what stands and what is chosen, at most `beyond_min`; capacities send people on.

    Parameters
    ----------
    problem : Problem
    sites : int or None
        Candidates chosen at most, those of `must` included; None where the budget alone limits them.
    budget : float, optional
    effort : Effort, optional

    Returns
    -------
    Answer
        `objective` is person-minutes.
    """
    run, limits, base = Run("p-median", problem, effort), Limits(sites, budget), problem.base_min
    row = problem.row_of_pair
    gain = problem.weight[row] * (base[row] - problem.minutes.data)
    keep = (gain > 0) & ~np.isin(problem.minutes.indices, problem.never)
    pairs, gain, now = only(problem.minutes, keep), gain[keep], float(problem.weight @ base)
    start, gains = None, Gains(pairs, gain, False, offset=now)
    if _counted(problem, limits):
        saving = csr_array((gain, pairs.indices, pairs.indptr), shape=pairs.shape)
        start = lagrange.median(saving, problem.weight * base, int(limits.sites or 0), problem, now, run.left(0.9))
        near = _near_enough(saving, start, int(limits.sites or 0))
        gains = Gains(only(pairs, near), gain[near], False, offset=now)
    found = most(run, problem, limits, gains, start)
    if found.chosen is None:
        return _nothing(run, found, limits, now - min(found.bound, now))
    chosen = found.chosen if problem.limited else lean(problem, found.chosen, pairs, gain)
    if problem.limited:
        share = allocate(problem, chosen, pairs, gain, run.effort)
        serves, served = by_capacity(problem, pairs, share, problem.standing)
        objective = now - float(gain @ share)
    else:
        minutes, serves, served = _nearest(problem, chosen)
        objective = float(problem.weight @ minutes)
    return run.answer(chosen, objective, min(now - found.bound, objective), serves, served)


def p_center(problem: Problem, sites: int | None, *, budget: float | None = None, effort: Effort | None = None,
             ) -> Answer:
    """Make the minutes of who has it worst least (p-center, Hakimi 1965), by coverings of ever tighter radius.

    Parameters
    ----------
    problem : Problem
        Points of weight 0 do not count.
    sites : int or None
        Candidates chosen at most, those of `must` included; None where the budget alone limits them.
    budget : float, optional
    effort : Effort, optional

    Returns
    -------
    Answer
        `objective` is the worst minutes, `beyond_min` where somebody reaches nothing.
    """
    run, limits, base = Run("p-center", problem, effort), Limits(sites, budget), problem.base_min
    asked = problem.weight > 0
    near = (problem.minutes.data < base[problem.row_of_pair]) & asked[problem.row_of_pair]
    radii = np.unique(np.concatenate([[0.0], problem.minutes.data[near], base[asked]]))
    proven, low, high, chosen, best = 0, 0, len(radii), None, np.inf
    while low < high:
        middle = (low + high) // 2 if chosen is not None else high - 1
        weight, pairs = wanting(problem, np.full(len(base), radii[middle]), base <= radii[middle])
        solved, other = least_cover(problem, limits, weight, pairs, np.inf, run.left())
        if solved.values is None:
            if chosen is None:
                return _nothing(run, Found(None, np.inf, solved.infeasible), limits, 0.0)
            low = middle + 1
            proven = low if solved.infeasible else proven
        else:
            chosen, best = other, float(radii[middle])
            if not problem.limited:
                best = float(_nearest(problem, chosen)[0][asked].max(initial=0.0))
            high = int(np.searchsorted(radii, best))
    if chosen is None:
        return _nothing(run, Found(None, np.inf), limits, 0.0)
    serves, served = _nearest(problem, chosen)[1:]
    if problem.limited:
        weight, pairs = wanting(problem, np.full(len(base), best), base <= best)
        share = allocate(problem, chosen, pairs, np.repeat(weight, np.diff(pairs.indptr)), run.effort)
        serves, served = by_capacity(problem, pairs, share, problem.standing)
    return run.answer(chosen, best, float(radii[proven]), serves, served)


def alternatives(problem: Problem, sites: int | None, within: float = 0.01, most: int = 10, *,
                 budget: float | None = None, effort: Effort | None = None) -> list[Answer]:
    """List the choices that bring almost as many people in time as the best one, the best first.

    A choice that holds another one and brings nobody more in time is not listed.

    Parameters
    ----------
    problem : Problem
    sites : int or None
    within : float
        Share of the best objective that an alternative may fall short of it.
    most : int
        Stop at so many.
    budget : float, optional
    effort : Effort, optional
        Its seconds are those of the whole list.

    Returns
    -------
    list of Answer
        Complete where it is shorter than `most` and every answer is optimal, which says here that no choice but those
        before it is better. An infeasible answer stands alone.
    """
    run = Run("mclp", problem, effort)
    best = mclp(problem, sites, budget=budget, effort=run.effort)
    found = [best]
    already = float(problem.weight[problem.standing].sum())
    floor = best.objective * (1.0 - within) * (1.0 - ROUNDING) - already
    while found[-1].status in ("optimal", "feasible") and len(_distinct(found)) < most:
        limits = Limits(sites, budget, tuple(answer.chosen for answer in found))
        found.append(_mclp(Run("mclp", problem, run.left()), limits, floor))
    kept = _distinct(found)
    return kept if len(kept) == 1 else [answer for answer in kept if answer.status in ("optimal", "feasible")]


def _distinct(found: list[Answer]) -> list[Answer]:
    """Leave out what holds another choice of the list and wins nothing more."""
    return [answer for answer in found if not any(
        len(other.chosen) < len(answer.chosen) and np.isin(other.chosen, answer.chosen).all()
        and other.objective >= answer.objective - ROUNDING * abs(answer.objective) for other in found)]


def _counted(problem: Problem, limits: Limits) -> bool:
    """Tell whether nothing but the number of sites limits the choice, and leaves one."""
    return (problem.plain and limits.sites is not None and limits.budget is None and not limits.unlike
            and len(problem.must) <= limits.sites)


def _near_enough(saving: csr_array, start: lagrange.Choice, sites: int) -> Array:
    """Keep the pairs that may serve: p of the k candidates left are chosen, one of each point's k − p + 1 nearest."""
    row = np.repeat(np.arange(saving.shape[0]), np.diff(saving.indptr))
    left = ~start.out[saving.indices]
    order = np.lexsort((-saving.data, ~left, row))
    rank = np.empty(len(row), np.int64)
    rank[order] = np.arange(len(row)) - saving.indptr[row[order]]
    open_to_choice = int((~start.out).sum())
    return np.asarray(left & (rank <= open_to_choice - min(sites, open_to_choice)))


def _nothing(run: Run, found: Found, limits: Limits, bound: float) -> Answer:
    if not found.infeasible:
        return run.nothing(bound, None)
    return run.nothing(bound, () if limits.unlike else why_infeasible(
        run.problem, run.model, limits.sites, budget=limits.budget, effort=run.left()))


def _nearest(problem: Problem, chosen: Array) -> tuple[Array, Array, Array]:
    """Give the minutes that count, who serves, and who is in time, where everyone goes to the nearest."""
    minutes, who = nearest(problem, chosen)
    nearer = minutes < problem.base_min
    in_time = np.isfinite(minutes) & (minutes <= problem.cutoff) | problem.standing
    return np.where(nearer, minutes, problem.base_min), np.where(nearer, who, -1), in_time.astype(np.float64)


def _in_time(run: Run, chosen: Array, weight: Array, pairs: csr_array) -> tuple[Array, Array]:
    """Give who brings each demand point in time, and the share of it that is."""
    problem = run.problem
    if problem.limited:
        share = allocate(problem, chosen, pairs, np.repeat(weight, np.diff(pairs.indptr)), run.effort)
        return by_capacity(problem, pairs, share, problem.standing)
    minutes, who = nearest(problem, chosen)
    new = np.isfinite(minutes) & (minutes <= problem.cutoff) & ~problem.standing
    return np.where(new, who, -1), (new | problem.standing).astype(np.float64)
