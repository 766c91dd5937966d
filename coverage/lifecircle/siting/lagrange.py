"""Choose p candidates and bound what any p could win, where nothing but their number limits the choice.

Both models are one: every demand point i wins saving[i, j] ≥ 0 from the best chosen candidate j. Covering most people
saves the weight of a point at each candidate in time; the p-median saves person-minutes against what stands already.

The bound gives up that a point is served once (Cornuéjols, Fisher & Nemhauser 1977): for any price λ ≥ 0

    L(λ) = Σ_i λ_i + the p greatest of ρ_j = Σ_i max(0, saving[i, j] − λ_i)

is at least what any p candidates win. λ goes down a subgradient; the sets that it picks are improved by exchange
(Teitz & Bart 1968, all exchanges weighed at once as Whitaker 1983 does).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lifecircle.siting.problem import ROUNDING, Effort, Problem

Array = npt.NDArray[Any]
_MOST_STEPS = 1500
_PATIENCE = 12
_SHORTEST = 1e-3
#: Every so many steps the pairs that the prices have left far behind are dropped.
_PRUNE = 40


@dataclass(frozen=True)
class Choice:
    """A set of candidates and what is proven about all others.

    Attributes
    ----------
    chosen : (·,) int64
    value : float
        What it saves.
    bound : float
        What no set of as many can surpass.
    kept, out : (m,) bool
        Candidates that every better set holds, and that none holds.
    """

    chosen: Array
    value: float
    bound: float
    kept: Array
    out: Array


class _Columns:
    """Savings by candidate: rows and values of each column lie together."""

    def __init__(self, saving: csr_array) -> None:
        self.by_candidate = csr_array(saving.T)
        self.n, self.m = saving.shape
        self.row, self.value = self.by_candidate.indices, self.by_candidate.data
        self.start = self.by_candidate.indptr

    def over(self, level: Array) -> tuple[Array, Array]:
        """Give by how much each pair surpasses its point's level, and the sum per candidate."""
        above = self.value - level[self.row]
        np.maximum(above, 0.0, out=above)
        return above, csr_array((above, self.row, self.start), shape=(self.m, self.n)) @ np.ones(self.n)

    def dense(self, chosen: Array) -> Array:
        """Give the savings of a few candidates, (n, len(chosen))."""
        table = np.zeros((len(chosen), self.n))
        for at, column in enumerate(chosen):
            part = slice(self.start[column], self.start[column + 1])
            table[at, self.row[part]] = self.value[part]
        return table.T

    def prune(self, floor: Array) -> _Columns:
        """Drop the pairs that save no more than the floor of their point."""
        keep = self.value > floor[self.row]
        part = object.__new__(_Columns)
        part.n, part.m = self.n, self.m
        part.row, part.value = self.row[keep], self.value[keep]
        part.start = np.concatenate([[0], np.cumsum(keep)])[self.start]
        return part


def cover(pairs: csr_array, weight: Array, sites: int, problem: Problem, offset: float, effort: Effort) -> Choice:
    """Bring most people in time with `sites` candidates.

    Parameters
    ----------
    pairs : (g, m) csr_array
        Who covers whom.
    weight : (g,) float64
    sites : int
    problem : Problem
        For `must` and `never`.
    offset : float
        As in `relax`.
    effort : Effort
    """
    saving = csr_array((np.repeat(weight, np.diff(pairs.indptr)), pairs.indices, pairs.indptr), shape=pairs.shape)
    return relax(saving, weight, sites, problem.must, problem.never, offset, effort)


def median(saving: csr_array, whole: Array, sites: int, problem: Problem, offset: float, effort: Effort) -> Choice:
    """Save most person-minutes with `sites` candidates.

    Parameters
    ----------
    saving : (n, m) csr_array
        Person-minutes that a candidate saves a demand point, > 0.
    whole : (n,) float64
        Person-minutes as things stand.
    sites : int
    problem : Problem
        For `must` and `never`.
    offset : float
        As in `relax`.
    effort : Effort
    """
    return relax(saving, whole, sites, problem.must, problem.never, offset, effort)


def relax(saving: csr_array, whole: Array, sites: int, must: Array, never: Array, offset: float, effort: Effort,
          ) -> Choice:
    """Choose by Lagrangian relaxation.

    Parameters
    ----------
    saving : (n, m) csr_array
        Values > 0.
    whole : (n,) float64
        The most that each demand point could ever win.
    sites : int
        At least as many as `must`.
    must, never : (·,) int64
    offset : float
        The objective is `offset` − what is saved; the gap at which to stop is relative to it.
    effort : Effort

    Returns
    -------
    Choice
    """
    end = time.perf_counter() + effort.seconds
    every = columns = _Columns(saving)
    free = np.ones(columns.m, dtype=bool)
    free[must] = free[never] = False
    best = exchange(every, greedy(every, sites, must, free), must, free, end)
    price, floor, seen = _second(every, best[0]), np.zeros(columns.n), {best[0].tobytes()}
    low, low_price, stretch, since = np.inf, price, 1.0, 0
    places = min(sites - len(must), int(free.sum()))
    for step in range(_MOST_STEPS):
        above, rho = columns.over(price)
        picked = np.sort(np.concatenate([must, _greatest(rho, free, places)]))
        bound = float(price.sum() + rho[picked].sum())
        since += 1
        if bound < low - ROUNDING * abs(low if np.isfinite(low) else 0.0):
            low, low_price, since = bound, price, 0
        if (step % 10 == 0 or (since == 0 and step > 50)) and picked.tobytes() not in seen:
            seen.add(picked.tobytes())
            best = max(best, _worth(every, picked, best, must, free, end), key=lambda found: found[1])
        if low - best[1] <= max(effort.gap * abs(offset - best[1]), ROUNDING * best[1]) or time.perf_counter() > end:
            break
        if since >= _PATIENCE:
            stretch, since, price = stretch / 2, 0, low_price
            if stretch < _SHORTEST:
                break
            continue
        slope = 1.0 - _times_served(columns, above, picked)
        square = float(slope @ slope)
        if square == 0.0:
            break
        price = np.clip(price - stretch * max(bound - best[1], ROUNDING * abs(bound)) / square * slope, floor, whole)
        if step % _PRUNE == _PRUNE - 1:
            floor = np.maximum(floor, 2.0 * price - whole)
            columns = columns.prune(floor)
    return Choice(best[0], best[1], max(low, best[1]), *_fixed(every, low_price, best[1], must, free, places))


def greedy(columns: _Columns, sites: int, must: Array, free: Array) -> Array:
    """Add the candidate that wins most, one after the other, until all places are taken or nothing is won."""
    chosen = list(must)
    best = columns.dense(must).max(axis=1, initial=0.0)
    left = free.copy()
    while len(chosen) < sites and left.any():
        gain = np.where(left, columns.over(best)[1], -1.0)
        at = int(gain.argmax())
        chosen.append(at)
        left[at] = False
        best = np.maximum(best, columns.dense(np.array([at]))[:, 0])
    return np.sort(np.asarray(chosen, dtype=np.int64))


def exchange(columns: _Columns, chosen: Array, must: Array, free: Array, end: float) -> tuple[Array, float]:
    """Exchange one chosen candidate for another as long as that wins something; give the set and its saving.

    With b₁ and b₂ the best and second-best saving of a point in the set, exchanging r for j wins
    Σ max(0, s_j − b₁) − Σ_{r best} (b₁ − b₂) + Σ_{r best} (min(max(s_j, b₂), b₁) − b₂).
    """
    while True:
        table = columns.dense(chosen)
        value = float(table.max(axis=1, initial=0.0).sum())
        movable = ~np.isin(chosen, must)
        if not movable.any() or time.perf_counter() > end:
            return chosen, value
        owner, first = table.argmax(axis=1), table.max(axis=1)
        second = np.partition(table, -2, axis=1)[:, -2] if len(chosen) > 1 else np.zeros(columns.n)
        loss = np.bincount(owner, weights=first - second, minlength=len(chosen))
        below = second[columns.row]
        kept = np.clip(columns.value, below, first[columns.row]) - below
        column = np.repeat(np.arange(columns.m), np.diff(columns.start))
        saved = np.bincount(owner[columns.row] * columns.m + column, weights=kept, minlength=len(chosen) * columns.m)
        gain = saved.reshape(len(chosen), columns.m) + columns.over(first)[1] - loss[:, None]
        gain[:, ~free] = -np.inf
        gain[:, chosen] = -np.inf
        gain[~movable] = -np.inf
        at, new = divmod(int(gain.argmax()), columns.m)
        if gain[at, new] <= ROUNDING * max(value, 1.0):
            return chosen, value
        chosen = np.sort(np.concatenate([np.delete(chosen, at), [new]]))


def _worth(columns: _Columns, picked: Array, best: tuple[Array, float], must: Array, free: Array, end: float,
           ) -> tuple[Array, float]:
    """Improve a set by exchange if it comes near the best one."""
    value = float(columns.dense(picked).max(axis=1, initial=0.0).sum())
    return exchange(columns, picked, must, free, end) if value > best[1] * 0.98 else (picked, value)


def _second(columns: _Columns, chosen: Array) -> Array:
    """Begin with the price halfway between what a set wins at each point and its next best there."""
    table = columns.dense(chosen)
    if not len(chosen):
        return np.zeros(columns.n)
    first = table.max(axis=1)
    second = np.partition(table, -2, axis=1)[:, -2] if len(chosen) > 1 else np.zeros(columns.n)
    return np.asarray((first + second) / 2)


def _times_served(columns: _Columns, above: Array, picked: Array) -> Array:
    parts = [slice(columns.start[column], columns.start[column + 1]) for column in picked]
    rows = [columns.row[part][above[part] > 0] for part in parts]
    return np.asarray(np.bincount(np.concatenate([*rows, np.empty(0, np.int64)]), minlength=columns.n))


def _greatest(rho: Array, free: Array, places: int) -> Array:
    rows = np.flatnonzero(free)
    if places >= len(rows):
        return rows
    return rows[np.argpartition(-rho[rows], places)[:places]] if places else rows[:0]


def _fixed(columns: _Columns, price: Array, value: float, must: Array, free: Array, places: int) -> tuple[Array, Array]:
    """Fix what no set better than `value` can do without, and what none can hold, by the cost of forcing it."""
    rho = columns.over(price)[1]
    rows = np.flatnonzero(free)
    kept, out = np.zeros(columns.m, dtype=bool), ~free
    kept[must], out[must] = True, False
    if places >= len(rows):
        return kept, out
    order = rows[np.argsort(-rho[rows], kind="stable")]
    bound = price.sum() + rho[must].sum() + rho[order[:places]].sum()
    slack = ROUNDING * max(abs(value), 1.0)
    last, following = (rho[order[places - 1]] if places else np.inf), rho[order[places]]
    out[order[places:]] = bound - last + rho[order[places:]] < value - slack if places else True
    kept[order[:places]] = bound - rho[order[:places]] + following < value - slack
    return kept, out
