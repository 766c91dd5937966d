"""Weigh the capacity in reach against the people who compete for it: floating catchment areas in four forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.capacity import Shared
from lifecircle.indicators.reach import Judged
from lifecircle.indicators.registry import family, indicator
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.network.pairs import Pairs
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]
#: The forms in the order of their columns.
FORMS: tuple[str, ...] = ("2sfca", "e2sfca", "gaussian", "3sfca")


def _mean(sums: pd.DataFrame, form: str) -> pd.DataFrame:
    """Divide what the people have by the people; no high where a facility in reach has no known capacity.

    Where all that is reached is of unknown capacity there is no value, and no zero. In 3SFCA people go where there is
    more, so that what is unknown there may also leave less here, and to others more: no low either.
    """
    mean, sure = sums[form] / sums["people"].where(sums["people"] > 0), sums["open"] == 0
    if form == "3sfca":
        sure = sums["open_3sfca"] == 0
    low = mean.where(sure) if form == "3sfca" else mean
    return pd.DataFrame({"value": mean.where(sure | (sums[form] > 0)), "low": low, "high": mean.where(sure)}).astype(
        float)


@indicator("access_2sfca", family="access", label_zh="人均可及容量（2SFCA）",
           label_en="capacity per head in reach (2SFCA)", unit="capacity/person", basis="population",
           holds=("nonnegative", "ordered", "null_without_people"))
def access_2sfca(sums: pd.DataFrame) -> pd.DataFrame:
    """Average the two-step floating catchment area over the people: everyone in time weighs the same."""
    return _mean(sums, "2sfca")


@indicator("access_e2sfca", family="access", label_zh="人均可及容量（E2SFCA）",
           label_en="capacity per head in reach (E2SFCA)", unit="capacity/person", basis="population",
           holds=("nonnegative", "ordered", "null_without_people"))
def access_e2sfca(sums: pd.DataFrame) -> pd.DataFrame:
    """Average the enhanced form over the people: weights fall from zone to zone."""
    return _mean(sums, "e2sfca")


@indicator("access_gaussian", family="access", label_zh="人均可及容量（高斯2SFCA）",
           label_en="capacity per head in reach (Gaussian 2SFCA)", unit="capacity/person", basis="population",
           holds=("nonnegative", "ordered", "null_without_people"))
def access_gaussian(sums: pd.DataFrame) -> pd.DataFrame:
    """Average the Gaussian form over the people: weights fall smoothly to zero at the cutoff."""
    return _mean(sums, "gaussian")


@indicator("access_3sfca", family="access", label_zh="人均可及容量（3SFCA）",
           label_en="capacity per head in reach (3SFCA)", unit="capacity/person", basis="population",
           holds=("nonnegative", "ordered", "null_without_people"))
def access_3sfca(sums: pd.DataFrame) -> pd.DataFrame:
    """Average the three-step form over the people: each divides their demand over the facilities in reach."""
    return _mean(sums, "3sfca")


def zone_weights(ms: Array, cutoff_ms: Array, weights: tuple[float, ...]) -> Array:
    """Weigh times by zones of equal width up to the cutoff; the end of a zone belongs to it.

    Parameters
    ----------
    ms, cutoff_ms : (m,) int64
    weights : tuple of float
        Of the zones, nearest first; Luo & Qi (2009) take three: 1, 0.68, 0.22.

    Returns
    -------
    (m,) float64
        0 beyond the cutoff.
    """
    zone = np.maximum(ms * len(weights) - 1, 0) // np.maximum(cutoff_ms, 1)
    return np.asarray(np.append(weights, 0.0)[np.minimum(zone, len(weights))])


def gaussian_weights(ms: Array, cutoff_ms: Array) -> Array:
    """Weigh times by (exp(-(t/T)²/2) - exp(-1/2)) / (1 - exp(-1/2)): 1 at the door, 0 at the cutoff (Dai 2010).

    Parameters
    ----------
    ms, cutoff_ms : (m,) int64

    Returns
    -------
    (m,) float64
        0 beyond the cutoff.
    """
    part, end = ms / np.maximum(cutoff_ms, 1), np.exp(-0.5)
    return np.where(ms <= cutoff_ms, (np.exp(-0.5 * part * part) - end) / (1.0 - end), 0.0)


def selection_weights(pairs: Pairs, weights: Array, places: int) -> Array:
    """Divide each place's choice over its facilities in proportion to their weights (3SFCA: Wan, Zou & Sternberg 2012).

    Returns
    -------
    (m,) float64
        The weights times the share of the choice; the shares of a place add up to 1.
    """
    whole = np.bincount(pairs.place, weights=weights, minlength=places)[pairs.place]
    return np.asarray(np.divide(weights * weights, whole, out=np.zeros(len(weights)), where=whole > 0))


def floating_catchment(people: Array, capacity: Array, pairs: Pairs, weights: Array) -> Array:
    """Give the capacity per head that each place has: A_i = Σ_j w_ij S_j / Σ_k w_kj P_k (Luo & Wang 2003).

    Parameters
    ----------
    people : (n,) float64
    capacity : (f,) float64
        NaN where it is not known: left out, as if the facility were not there.
    pairs : Pairs
    weights : (m,) float64
        Of each pair; all 1 for 2SFCA.

    Returns
    -------
    (n,) float64
        Units of capacity per person; Σ people × access is the capacity that anyone reaches.
    """
    demand = np.bincount(pairs.facility, weights=weights * people[pairs.place], minlength=len(capacity))
    ratio = np.divide(np.nan_to_num(capacity), demand, out=np.zeros(len(capacity)), where=demand > 0)
    return np.bincount(pairs.place, weights=weights * ratio[pairs.facility], minlength=len(people))


def access_table(shared: Shared) -> pd.DataFrame:
    """Give the capacity per head of every demand point of the study in all forms, one column each of `FORMS`."""
    pairs, count, cutoff_ms = shared.pairs, len(shared.people), shared.cutoff_ms[shared.pairs.place]
    known = np.flatnonzero(~np.isnan(shared.capacity)[pairs.facility])
    pairs, cutoff_ms = pairs.take(known), cutoff_ms[known]
    steps = zone_weights(pairs.ms, cutoff_ms, shared.supply.zone_weights)
    weights = {"2sfca": np.ones(len(pairs.ms)), "e2sfca": steps, "gaussian": gaussian_weights(pairs.ms, cutoff_ms),
               "3sfca": selection_weights(pairs, steps, count)}
    return pd.DataFrame({form: floating_catchment(shared.people, shared.capacity, pairs, weights[form])
                         for form in FORMS})


def _reach_of(shared: Shared, chosen: Array) -> Array:
    """Tell which demand points reach any of the chosen facilities."""
    found = np.zeros(len(shared.people), dtype=bool)
    found[shared.pairs.place[chosen[shared.pairs.facility]]] = True
    return found


def access_rows(times: TravelTimes, judged: Judged, shared: Shared, district: tuple[str, str], quality: str,
                ) -> pd.DataFrame:
    """Lay out the capacity per head of one layer: the mean over the people of each unit."""
    inside, access = np.flatnonzero(times.study.demand["inside"]), access_table(shared)
    people, open_ended = shared.people[inside], _reach_of(shared, np.isnan(shared.capacity))
    # Who shares a facility with them gets more or less of it as they go elsewhere.
    shares = np.bincount(shared.pairs.facility, open_ended[shared.pairs.place], len(shared.capacity)) > 0
    frame = times.demand[["township_code", "class"]].assign(
        people=people, open=people * open_ended[inside], open_3sfca=people * _reach_of(shared, shares)[inside],
        **{form: people * access[form].to_numpy()[inside] for form in FORMS})
    frame = pd.DataFrame(frame[judged.state >= 0])
    sums = unit_sums(frame, ["people", "open", "open_3sfca", *FORMS], times.study.townships, district)
    table = rows(sums, family("access"), layer=shared.layer, group=shared.group, metric=shared.supply.unit_name,
                 headline=False, quality=quality, mode=sums["class"].map({**judged.modes, "all": judged.mode}),
                 cutoff=sums["class"].map({**judged.cutoffs_min, "all": np.nan}))
    return table.assign(unit=f"{shared.supply.unit_name}/person")
