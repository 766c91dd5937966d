"""Find which counts must be hidden beside the small ones, so that sums and differences do not give those away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

#: Counts of a priority group above 0 and below this are not shown.
SMALL_PEOPLE = 10.0

Mask = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Hidden:
    """What of a tree of counts is hidden.

    Attributes
    ----------
    leaves : Series of bool
        Per leaf.
    branches : frozenset of str
        The branches whose sum is hidden.
    whole : bool
        Whether the sum of all is hidden.
    """

    leaves: pd.Series
    branches: frozenset[str]
    whole: bool


def small(people: pd.Series) -> pd.Series:
    """Tell which counts are too small to be shown."""
    return (people > 0) & (people < SMALL_PEOPLE)


def safe(hidden: Counts) -> bool:
    """Tell whether counts may be hidden together where their sum is known.

    There must be at least two, and their sum must be more by `SMALL_PEOPLE` than they are many: each can then be any of
    at least that many numbers, also to one who knows that none of them is 0.
    """
    return len(hidden) == 0 or (len(hidden) >= 2 and float(hidden.sum()) - len(hidden) >= SMALL_PEOPLE)


def hide(people: pd.Series, branch: pd.Series) -> Hidden:
    """Choose what is hidden of counts at places that are summed per township and for the district.

    Small counts are hidden at every level. Where what is hidden under a sum that is shown would not be `safe`, the
    smallest other count there is hidden too, until it is; where none is left, the sum itself. A count of 0 stays.

    Parameters
    ----------
    people : Series of float
        Of the leaves; NaN is a count that is not known, and counts as 0 in the sums.
    branch : Series of str
        The branch (township) of each leaf.
    """
    count, home = people.fillna(0.0).to_numpy(dtype=float), branch.to_numpy(dtype=object)
    hidden = np.array(small(pd.Series(count)), dtype=bool)
    sums = pd.Series(count).groupby(home).sum()
    shut = set(sums.index[small(sums)])
    for code in sums.index.difference(sorted(shut)):
        if not _complete(count, hidden, home == code):
            shut.add(code)
    whole = bool(small(pd.Series([count.sum()]))[0])
    while shut and not whole:
        pool = hidden & np.isin(home, sorted(shut))
        if len(shut) >= 2 and safe(count[pool]):
            break
        whole = not _shut_next(count, hidden, home, sums, shut)
    return Hidden(pd.Series(hidden, index=people.index), frozenset(map(str, shut)), whole)


def _complete(count: Counts, hidden: Mask, own: Mask) -> bool:
    """Hide the smallest other counts of one branch until what is hidden is safe; False if that cannot be."""
    while not safe(count[hidden & own]):
        free = np.flatnonzero(own & ~hidden & (count > 0))
        if len(free) == 0:
            return False
        hidden[free[np.argmin(count[free])]] = True
    return True


def _shut_next(count: Counts, hidden: Mask, home: npt.NDArray[np.object_], sums: pd.Series, shut: set[str]) -> bool:
    """Hide the smallest branch that is still shown, and a count in it; False if there is none."""
    free = sums[(sums > 0) & ~sums.index.isin(sorted(shut))]
    if free.empty:
        return False
    code = free.idxmin()
    shut.add(code)
    own = home == code
    if not (hidden & own).any():
        at = np.flatnonzero(own & (count > 0))
        hidden[at[np.argmin(count[at])]] = True
    return True
