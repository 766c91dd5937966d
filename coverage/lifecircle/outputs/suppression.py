"""Find which counts must be hidden beside the small ones, so that sums and differences do not give those away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Counts of a priority group above 0 and below this are not shown.
SMALL_PEOPLE = 10.0
#: How often a reader goes through the sums at most.
_ROUNDS = 20

Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sum:
    """One cell that is the sum of others; all are row numbers of the counts.

    Attributes
    ----------
    whole : int
        The cell that is the sum.
    parts : array of int
        The cells that it is the sum of.
    """

    whole: int
    parts: npt.NDArray[np.intp]


def small(people: pd.Series) -> pd.Series:
    """Tell which counts are too small to be shown."""
    return (people > 0) & (people < SMALL_PEOPLE)


def hide(counts: Counts, sums: Sequence[Sum], *, ceilings: Counts | None = None, shut: Mask | None = None) -> Mask:
    """Choose which cells are hidden, all columns of a cell together.

    A cell with a small count in any column is hidden. Where what is hidden under a sum that is shown could be narrowed
    to fewer than `SMALL_PEOPLE` numbers, the smallest other part of that sum is hidden too, until it cannot; where none
    is left, the sum itself. A sum that is hidden has a hidden part, or it would be added up again.

    Parameters
    ----------
    counts : (cells, columns) array
        Counts, not negative; NaN counts as 0.
    sums : sequence of Sum
        Every sum that a reader could form of cells that may be shown, the lower ones first.
    ceilings : (cells, columns) array, optional
        What is known to be the most that a hidden count can be, as the people of the cell; NaN where nothing is.
    shut : (cells,) array of bool, optional
        Cells that are hidden whatever they count.

    Returns
    -------
    (cells,) array of bool
    """
    known = np.nan_to_num(np.asarray(counts, dtype=float))
    most = np.full(known.shape, np.inf) if ceilings is None else np.where(np.isnan(ceilings), np.inf, ceilings)
    hidden = np.asarray(((known > 0) & (known < SMALL_PEOPLE)).any(axis=1), dtype=bool)
    if shut is not None:
        hidden |= shut
    secret = (known > 0) & (known < SMALL_PEOPLE)
    while True:
        before = int(hidden.sum())
        _cover(known, most, hidden, sums)
        if int(hidden.sum()) > before:
            continue
        low, high = _bounds(known, most, hidden, sums)
        for cell in np.flatnonzero((secret & (high - low < SMALL_PEOPLE)).any(axis=1)):
            _widen(int(cell), known, hidden, sums)
        if int(hidden.sum()) == before:
            return hidden


def _cover(counts: Counts, most: Counts, hidden: Mask, sums: Sequence[Sum]) -> None:
    """Go once through the sums, and hide what each needs."""
    secret, leaves = counts.copy(), np.ones(len(counts))
    for item in sums:
        free = item.parts[~hidden[item.parts] & (counts[item.parts] > 0).any(axis=1)]
        while True:
            parts = item.parts[hidden[item.parts]]
            if hidden[item.whole]:
                lacking = np.ones(counts.shape[1], dtype=bool) if len(parts) == 0 else np.zeros(0, dtype=bool)
            else:
                lacking = _lacking(secret[parts], most[parts], leaves[parts])
            if not lacking.any():
                break
            if len(free) == 0:
                hidden[item.whole] = True
                break
            weight = counts[free].sum(axis=1) + np.where((counts[free][:, lacking] > 0).any(axis=1), 0.0, 1e12)
            chosen = free[np.argmin(weight)]
            hidden[chosen], free = True, free[free != chosen]
        if hidden[item.whole]:
            parts = item.parts[hidden[item.parts]]
            secret[item.whole] = np.minimum(secret[item.whole], secret[parts].sum(axis=0))
            leaves[item.whole] = max(1.0, leaves[parts].sum())


def _lacking(secret: Counts, most: Counts, leaves: Counts) -> Mask:
    """Tell in which columns parts that are hidden under a sum that is shown can be narrowed too far.

    In a column that is not 0 throughout there must be two parts, and each must be able to take `SMALL_PEOPLE` different
    numbers by what the others can be at most, also where none of the leaves below is known to be 0.
    """
    whole = secret.sum(axis=0)
    if len(secret) == 0:
        return np.zeros(whole.shape, dtype=bool)
    least = np.maximum(0.0, whole - _others(most))
    room = (np.minimum(most, whole) - least).min(axis=0)
    narrow = (len(secret) < 2) | (whole - leaves.sum() < SMALL_PEOPLE) | (room < SMALL_PEOPLE)
    return np.asarray((whole > 0) & narrow)


def _bounds(counts: Counts, most: Counts, hidden: Mask, sums: Sequence[Sum]) -> tuple[Counts, Counts]:
    """Narrow hidden counts as a reader would who goes through all sums again and again."""
    low, high = np.where(hidden[:, None], 0.0, counts), np.where(hidden[:, None], most, counts)
    split = np.isclose(counts.sum(axis=1), most[:, 0]) & hidden if counts.shape[1] > 1 else np.zeros(len(counts), bool)
    for _ in range(_ROUNDS):
        before = low.sum(), np.nan_to_num(high, posinf=0.0).sum(), int(np.isinf(high).sum())
        for item in sums:
            part, whole = item.parts, item.whole
            if not (hidden[whole] or hidden[part].any()):
                continue
            low[whole] = np.maximum(low[whole], low[part].sum(axis=0))
            high[whole] = np.minimum(high[whole], high[part].sum(axis=0))
            high[part] = np.minimum(high[part], high[whole] - (low[part].sum(axis=0) - low[part]))
            low[part] = np.maximum(low[part], low[whole] - _others(high[part]))
        own_low, own_high, total = low[split], high[split], most[split, :1]
        high[split] = np.minimum(own_high, total - (own_low.sum(axis=1, keepdims=True) - own_low))
        low[split] = np.maximum(own_low, total - _others(own_high.T).T)
        if before == (low.sum(), np.nan_to_num(high, posinf=0.0).sum(), int(np.isinf(high).sum())):
            break
    return low, high


def _others(high: Counts) -> Counts:
    """Sum, for each row, the other rows; infinite where one of them is."""
    endless = np.isinf(high)
    finite = np.where(endless, 0.0, high)
    return np.where(endless.sum(axis=0) - endless > 0, np.inf, finite.sum(axis=0) - finite)


def _widen(cell: int, counts: Counts, hidden: Mask, sums: Sequence[Sum]) -> None:
    """Hide one more cell of each sum that a cell stands in: the smallest part that is shown, or else the sum."""
    for item in sums:
        if hidden[item.whole] or (cell != item.whole and cell not in item.parts):
            continue
        free = item.parts[~hidden[item.parts] & (counts[item.parts] > 0).any(axis=1)]
        hidden[free[np.argmin(counts[free].sum(axis=1))] if len(free) else item.whole] = True


def tree(branch: pd.Series) -> list[Sum]:
    """Give the sums of leaves that are summed per branch and for the whole.

    Cells are the leaves in their order, the branches in the order of their names, and the whole.
    """
    names = np.unique(branch.to_numpy(dtype=str))
    at = np.searchsorted(names, branch.to_numpy(dtype=str))
    first, count = len(branch), len(names)
    lower = [Sum(first + number, np.flatnonzero(at == number)) for number in range(count)]
    return [*lower, Sum(first + count, np.arange(first, first + count))]


def hide_tree(people: pd.Series, branch: pd.Series) -> tuple[pd.Series, frozenset[str], bool]:
    """Choose what is hidden of counts at places that are summed per township and for the district.

    Parameters
    ----------
    people : Series of float
        Of the leaves; NaN is a count that is not known, and counts as 0 in the sums.
    branch : Series of str
        The branch (township) of each leaf.

    Returns
    -------
    Series of bool, frozenset of str, bool
        The leaves that are hidden, the branches whose sum is, and whether the sum of all is.
    """
    sums, leaves = tree(branch), people.fillna(0.0).to_numpy(dtype=float)
    counts = np.concatenate([leaves, np.zeros(len(sums))])
    for item in sums:
        counts[item.whole] = counts[item.parts].sum()
    found = hide(counts[:, None], sums)
    shut = np.unique(branch.to_numpy(dtype=str))[found[len(leaves):-1]]
    return pd.Series(found[:len(leaves)], index=people.index), frozenset(map(str, shut)), bool(found[-1])
