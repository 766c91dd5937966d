"""State a siting problem in plain arrays, and what an answer to it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array, issparse

from lifecircle.errors import InputError, first_of

Array = npt.NDArray[Any]
#: Relative difference of two objectives that arithmetic alone explains.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Labels:
    """What demand points, candidates and regions are called in messages; by their numbers where nothing is given."""

    points: Sequence[str] = ()
    candidates: Sequence[str] = ()
    regions: Sequence[str] = ()

    def of_points(self, rows: Array) -> list[str]:
        """Name demand points."""
        return [str(self.points[row] if self.points else row) for row in rows.tolist()]

    def of_candidates(self, columns: Array) -> list[str]:
        """Name candidates, each once."""
        return list(dict.fromkeys(str(self.candidates[at] if self.candidates else at) for at in columns.tolist()))

    def of_region(self, region: int) -> str:
        """Name a region."""
        return self.regions[region] if self.regions else f"region {region}"


@dataclass(frozen=True)
class Problem:
    """People at n demand points, m candidates, and the rules that a choice among the candidates keeps.

    Facilities in several layers are one problem: the demand points of each layer stand below each other, and a
    candidate is a facility of one layer in one building (`site`).

    Attributes
    ----------
    weight : (n,) float64
        People at each demand point; nobody is asked about at points of weight 0.
    minutes : (n, m) csr_array
        From a demand point to a candidate. What is stored is a pair, also at 0 minutes; what is not stored is none.
    cutoff : (n,) float64
        In time is ≤ cutoff; may be infinite.
    stands : (n,) float64
        Minutes to the nearest facility that stands already; infinite where there is none.
    cost : (m,) float64
    site : (m,) int64
        The building of each candidate; candidates that share one share its `site_cost`.
    site_cost : (k,) float64
        Paid once for each building that holds a chosen candidate.
    capacity : (m,) float64
        How much `need` each candidate can serve; infinite where there is no limit.
    need : (n,) float64
        What the people of a demand point ask of a capacity.
    region : (m,) int64
        The township of each candidate, -1 for none.
    must, never : (·,) int64
        Candidates that are chosen in any case, and those that are not.
    apart : (q, 2) int64
        Pairs of candidates of which at most one is chosen.
    quota : dict
        Region -> the least and the most candidates chosen there.
    beyond_min : float
        Minutes that count for people whom no pair serves, in `p_median` and `p_center`; no pair is longer.
    labels : Labels
    """

    weight: Array
    minutes: csr_array
    cutoff: Array
    stands: Array
    cost: Array
    site: Array
    site_cost: Array
    capacity: Array
    need: Array
    region: Array
    must: Array
    never: Array
    apart: Array
    quota: dict[int, tuple[int, int]]
    beyond_min: float
    labels: Labels = field(default_factory=Labels)

    @classmethod
    def of(cls, weight: npt.ArrayLike, minutes: Any, cutoff: npt.ArrayLike, *, stands: npt.ArrayLike | None = None,
           cost: npt.ArrayLike | None = None, site: npt.ArrayLike | None = None,
           site_cost: npt.ArrayLike | None = None, capacity: npt.ArrayLike | None = None,
           need: npt.ArrayLike | None = None, region: npt.ArrayLike | None = None, must: Iterable[int] = (),
           never: Iterable[int] = (), apart: npt.ArrayLike = (),
           quota: Mapping[int, tuple[int, int]] | None = None, beyond_min: float | None = None,
           labels: Labels | None = None) -> Problem:
        """Fill in what is left out and check the rest.

        Parameters
        ----------
        weight, minutes, cutoff, stands, cost, site, site_cost, capacity, need, region, must, never, apart, quota
            As the attributes. `minutes` may be any sparse array, or a dense one with infinity where there is no pair;
            one number stands for all of a kind. Left out: nothing stands, every candidate costs 1 in a building of
            its own that costs nothing more and has no limit, people need as they weigh, no region and no rule.
        beyond_min : float, optional
            The longest of the pairs, of the finite cutoffs and of the finite `stands` where it is left out.
        labels : Labels, optional

        Raises
        ------
        InputError
            Naming the argument that is wrong, its row and the remedy.
        """
        pairs = _pairs(minutes)
        n, m = pairs.shape
        weight = _numbers("weight", weight, n)
        cutoff = _numbers("cutoff", cutoff, n, infinite=True)
        stands = _numbers("stands", np.inf if stands is None else stands, n, infinite=True)
        rows = _rows("site", np.arange(m) if site is None else site, m, least=0)
        prices = _numbers("site_cost", 0.0 if site_cost is None else site_cost,
                          int(rows.max(initial=-1)) + 1 if site_cost is None or np.ndim(site_cost) == 0
                          else len(np.asarray(site_cost)))
        if rows.max(initial=-1) >= len(prices):
            raise InputError("site_cost", f"has {len(prices)} sites, but site names {int(rows.max())}", "give them all")
        known = [pairs.data.max(initial=0.0), *(x[np.isfinite(x)].max(initial=0.0) for x in (cutoff, stands))]
        longest = float(max(known)) if beyond_min is None else float(beyond_min)
        if not np.isfinite(longest) or longest < known[0]:
            raise InputError("beyond_min", f"{longest:g} is shorter than a pair of {known[0]:g} minutes",
                             "give at least the longest pair")
        problem = cls(
            weight, pairs, cutoff, stands, _numbers("cost", 1.0 if cost is None else cost, m), rows, prices,
            _numbers("capacity", np.inf if capacity is None else capacity, m, infinite=True),
            _numbers("need", weight if need is None else need, n),
            _rows("region", -1 if region is None else region, m, least=-1),
            _chosen("must", must, m), _chosen("never", never, m), _apart(apart, m), _quota(quota or {}), longest,
            labels or Labels())
        both = np.intersect1d(problem.must, problem.never)
        if len(both):
            raise InputError("must", f"candidates {first_of(problem.labels.of_candidates(both))} are in never too",
                             "take them out of one of both")
        return problem

    @property
    def limited(self) -> bool:
        """Tell whether a candidate has a limit on whom it serves."""
        return bool(np.isfinite(self.capacity).any())

    @property
    def plain(self) -> bool:
        """Tell whether nothing but a number of sites, must and never limits the choice."""
        return not (self.limited or self.quota or len(self.apart))

    @property
    def row_of_pair(self) -> Array:
        """Give the demand point of each stored pair."""
        return np.repeat(np.arange(self.minutes.shape[0]), np.diff(self.minutes.indptr))

    @property
    def standing(self) -> Array:
        """Tell which demand points are in time of what stands already."""
        return np.isfinite(self.stands) & (self.stands <= self.cutoff)

    @property
    def base_min(self) -> Array:
        """Give the minutes of each demand point if nothing is built, `beyond_min` at most."""
        return np.minimum(self.stands, self.beyond_min)

    def price(self, chosen: Array) -> float:
        """Give what a choice costs, its buildings included."""
        return float(self.cost[chosen].sum() + self.site_cost[np.unique(self.site[chosen])].sum())


@dataclass(frozen=True)
class Effort:
    """How long to look for a better answer, and how near to the bound is near enough.

    Attributes
    ----------
    seconds : float
    gap : float
        Relative difference of objective and bound at which to stop; 0 proves the optimum.
    seed : int
        Of the solver; the same seed gives the same answer where the time was enough.
    """

    seconds: float = 60.0
    gap: float = 0.0
    seed: int = 1


@dataclass(frozen=True)
class Reason:
    """Why no choice keeps all rules.

    Attributes
    ----------
    kind : str
        unreachable, quota, budget, sites, apart, capacity or must.
    text : str
    rows : (·,) int64
        The demand points that it is about.
    regions : tuple of int
        The regions that it is about.
    """

    kind: str
    text: str
    rows: Array = field(default_factory=lambda: np.empty(0, np.int64))
    regions: tuple[int, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a model chose and how well that is proven.

    Attributes
    ----------
    model : str
    status : str
        optimal (proven), feasible (the time was not enough for proof), infeasible (`reasons` say why), or unknown
        (the time was not enough to find any choice that keeps the rules).
    chosen : (·,) int64
        Candidates, ascending.
    objective, bound : float
        The objective recounted from `chosen`, and what no choice can surpass; NaN where there is none.
    serves : (n,) int64
        The candidate that serves each demand point (most of it, where capacities split it); -1 where none does, or
        what stands already does.
    served : (n,) float64
        Share of each demand point that is in time, of what stands already too.
    reasons : tuple of Reason
    seconds : float
    """

    model: str
    status: str
    chosen: Array
    objective: float
    bound: float
    serves: Array
    served: Array
    reasons: tuple[Reason, ...] = ()
    seconds: float = 0.0

    @property
    def gap(self) -> float:
        """Give the difference of objective and bound relative to the objective; 0 where proven, NaN for no answer."""
        return 0.0 if self.status == "optimal" else relative_gap(self.objective, self.bound)


def relative_gap(objective: float, bound: float) -> float:
    """Give the difference of objective and bound relative to the objective."""
    difference = abs(objective - bound)
    return difference / max(abs(objective), ROUNDING) if difference > ROUNDING else difference


def _pairs(minutes: Any) -> csr_array:
    if not issparse(minutes):
        dense = np.asarray(minutes, dtype=np.float64)
        if dense.ndim != 2:
            raise InputError("minutes", "is not a table", "give demand points × candidates")
        row, column = np.nonzero(dense != np.inf)
        minutes = coo_array((dense[row, column], (row, column)), shape=dense.shape)
    pairs = csr_array(minutes, dtype=np.float64, copy=True)
    stored = minutes.nnz
    pairs.sum_duplicates()
    if pairs.nnz < stored:
        raise InputError("minutes", f"{stored - pairs.nnz} pairs are there twice", "give each pair once")
    row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
    _refuse("minutes", ~np.isfinite(pairs.data) | (pairs.data < 0), row, "finite and ≥ 0", pairs.data)
    return pairs


def _numbers(name: str, values: npt.ArrayLike, count: int, *, infinite: bool = False) -> Array:
    given = np.asarray(values, dtype=np.float64)
    array = np.full(count, float(given)) if given.ndim == 0 else given.copy()
    if array.shape != (count,):
        raise InputError(name, f"has the shape {array.shape}", f"give {count} numbers")
    bad = np.isnan(array) | (array < 0) | (False if infinite else np.isinf(array))
    _refuse(name, bad, np.arange(count), "≥ 0" if infinite else "finite and ≥ 0", array)
    return array


def _rows(name: str, values: npt.ArrayLike, count: int, *, least: int, most: int | None = None) -> Array:
    given = np.asarray(values)
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise InputError(name, f"holds {given.dtype}", "give whole numbers")
    array = np.full(count, int(given)) if given.ndim == 0 else given.astype(np.int64)
    if array.shape != (count,):
        raise InputError(name, f"has the shape {array.shape}", f"give {count} whole numbers")
    bad = (array < least) | (array > (most if most is not None else np.iinfo(np.int64).max))
    _refuse(name, bad, np.arange(count), f"≥ {least}" + (f" and ≤ {most}" if most is not None else ""), array)
    return array


def _chosen(name: str, values: Iterable[int], m: int) -> Array:
    array = np.asarray(list(values))
    return np.unique(_rows(name, array, len(array), least=0, most=m - 1)).astype(np.int64)


def _apart(pairs: npt.ArrayLike, m: int) -> Array:
    given = np.asarray(pairs)
    array = given.reshape(-1, 2) if given.size == 0 else given
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError("apart", f"has the shape {array.shape}", "give pairs of candidates")
    array = _rows("apart", array.ravel(), array.size, least=0, most=m - 1).reshape(-1, 2).astype(np.int64)
    _refuse("apart", array[:, 0] == array[:, 1], np.arange(len(array)), "a pair of two", array[:, 0])
    return np.unique(np.sort(array, axis=1), axis=0)


def _quota(quota: Mapping[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    for region, (least, most) in quota.items():
        if not 0 <= least <= most:
            raise InputError("quota", f"region {region} asks for {least} to {most}", "give 0 ≤ least ≤ most")
    return {int(region): (int(least), int(most)) for region, (least, most) in quota.items()}


def _refuse(name: str, bad: Array, row: Array, want: str, values: Array) -> None:
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise InputError(name, f"row {row[at]} is {values[at]:g}", f"give what is {want}")
