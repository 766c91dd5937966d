"""Measure how unequally something is shared among people, and how far groups lie apart.

Every measure takes one value per point (minutes, an accessibility, an area per head) and the people who have it. The
answer is NaN where it is not defined: nobody counts, the mean is 0, a value that somebody has is not finite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.reach import Judged, group_of
from lifecircle.indicators.registry import COUNT, exact, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]

_MINUTES: dict[str, Any] = {"family": "equity", "basis": "population", "unit": "index"}
_GAP = ("signed_bounded", "ordered", "scale_free", "null_without_people")
_UNEQUAL = ("nonnegative", "ordered", "scale_free", "null_without_people")


def gini(values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Give the Gini coefficient: half of the mean difference between two people, over the mean.

    Parameters
    ----------
    values : (n,) array
        What each has, in any unit, not negative.
    weights : (n,) array, optional
        People who have it; one each where left out.

    Returns
    -------
    float
        Sum over i, j of w_i w_j |x_i - x_j| / (2 W² mean) (Gini 1912), taken by the area under the Lorenz curve;
        0 where all have the same.

    Raises
    ------
    ValueError
        If a value or a weight is negative.

    Examples
    --------
    >>> gini([0, 1]), gini([5, 5, 5])
    (0.5, 0.0)
    """
    people, amount = _lorenz(values, weights)
    if amount[-1] <= 0 or np.isnan(amount[-1]):
        return np.nan
    below = (np.diff(people) * (amount[1:] + amount[:-1])).sum() / (people[-1] * amount[-1])
    return max(0.0, float(1.0 - below))


def palma(values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Give the Palma ratio: what the tenth of people with most has, over what the four tenths with least have.

    Who stands at an edge is split, so that the tenth is exactly a tenth (Palma 2011; Cobham and Sumner 2013). Arguments
    are those of `gini`. NaN also where the four tenths have nothing.

    Examples
    --------
    >>> palma([1, 1, 1, 1, 1, 1, 1, 1, 1, 1]), palma([1, 3], [5, 5])
    (0.25, 0.75)
    """
    people, amount = _lorenz(values, weights)
    if amount[-1] <= 0 or np.isnan(amount[-1]):
        return np.nan
    least, but_most = np.interp(np.array([0.4, 0.9]) * people[-1], people, amount)
    return float((amount[-1] - but_most) / least) if least > 0 else np.nan


def theil(values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Give Theil's T: the mean over people of x / mean · ln(x / mean), with 0 · ln 0 = 0 (Theil 1967).

    Arguments are those of `gini`; the largest answer is ln of the number of people.

    Examples
    --------
    >>> round(theil([0, 1]), 6), theil([2, 2])
    (0.693147, 0.0)
    """
    x, w = _counted(values, weights)
    mean = _mean(x, w)
    if not mean > 0 or np.isinf(mean):
        return np.nan
    ratio = x / mean
    return max(0.0, float((w * ratio * np.log(np.where(ratio > 0, ratio, 1.0))).sum() / w.sum()))


def fgt(values: npt.ArrayLike, line: npt.ArrayLike, alpha: float, weights: npt.ArrayLike | None = None) -> float:
    """Give the measure of Foster, Greer and Thorbecke (1984) for what must not exceed a line, such as minutes.

    Parameters
    ----------
    values : (n,) array
        Not negative.
    line : float or (n,) array
        Each one's own line, above 0.
    alpha : float
        0: the share of people over the line; 1: how far over they are, as a share of the line, on the mean of all
        people; 2: the same squared, so that those far off weigh most.
    weights : (n,) array, optional
        People who have it; one each where left out.

    Returns
    -------
    float
        Mean over people of ((x - z) / z)^alpha where x > z, else 0. Infinite values count for alpha 0 and have no
        answer for others.

    Examples
    --------
    >>> [fgt([10, 20, 30, 30], 15, alpha) for alpha in (0, 1)]
    [0.75, 0.583333...]
    """
    x, w = _counted(values, weights)
    lines = np.broadcast_to(np.asarray(line, dtype=float), np.shape(values))
    z = lines[_chosen(weights, lines.shape)]
    if not (z > 0).all():
        raise ValueError("the line must be above 0")
    if w.size == 0 or np.isnan(x).any() or (alpha > 0 and np.isinf(x).any()):
        return np.nan
    over = x > z
    return float((w[over] * ((x[over] - z[over]) / z[over]) ** alpha).sum() / w.sum())


def quantile(values: npt.ArrayLike, part: float, weights: npt.ArrayLike | None = None) -> float:
    """Give the least value that at least this part of people do not exceed; NaN where that is infinite.

    Parameters
    ----------
    values : (n,) array
        Infinite values stand above all others.
    part : float
        Above 0, at most 1.
    weights : (n,) array, optional

    Examples
    --------
    >>> quantile([10, 20, 30], 0.5), quantile([10, 20, 30], 0.9), quantile([10, 20], 0.5, [1, 3])
    (20.0, 30.0, 20.0)
    """
    x, w = _counted(values, weights)
    if w.size == 0 or np.isnan(x).any():
        return np.nan
    order = np.argsort(x, kind="stable")
    upto = np.cumsum(w[order])
    found = float(x[order][np.searchsorted(upto, part * upto[-1] * (1 - 1e-12))])
    return found if np.isfinite(found) else np.nan


def _chosen(weights: npt.ArrayLike | None, shape: tuple[int, ...]) -> Array:
    return np.ones(shape, dtype=bool) if weights is None else np.asarray(weights, dtype=float) > 0


def _counted(values: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[Array, Array]:
    """Give the values that somebody has, and how many people have each."""
    x = np.asarray(values, dtype=float)
    w = np.ones(x.shape) if weights is None else np.asarray(weights, dtype=float)
    if (x < 0).any() or not (w >= 0).all() or np.isinf(w).any():
        raise ValueError("values and weights must not be negative, and weights must be numbers")
    return x[w > 0], w[w > 0]


def _mean(x: Array, w: Array) -> float:
    return float((x * w).sum() / w.sum()) if w.size else np.nan


def _lorenz(values: npt.ArrayLike, weights: npt.ArrayLike | None) -> tuple[Array, Array]:
    """Give the Lorenz curve, not divided: people and what they have, from those with least, both from 0 on.

    What they have is NaN where a value is not finite.
    """
    x, w = _counted(values, weights)
    if not np.isfinite(x).all():
        return np.array([0.0, 1.0]), np.array([0.0, np.nan])
    order = np.argsort(x, kind="stable")
    x, w = x[order], w[order]
    return np.concatenate([[0.0], np.cumsum(w)]), np.concatenate([[0.0], np.cumsum(w * x)])


@indicator("minutes_gini", label_zh="出行时间基尼系数", label_en="Gini coefficient of minutes", **_MINUTES,
           holds=("bounded", *_UNEQUAL))
def minutes_gini(figures: pd.DataFrame) -> pd.DataFrame:
    """Give the Gini coefficient of the minutes."""
    return told(figures, "gini")


@indicator("minutes_palma", label_zh="出行时间帕尔马比值", label_en="Palma ratio of minutes", **_MINUTES,
           holds=_UNEQUAL)
def minutes_palma(figures: pd.DataFrame) -> pd.DataFrame:
    """Divide the minutes of the tenth that is farthest by those of the four tenths that are nearest."""
    return told(figures, "palma")


@indicator("minutes_theil", label_zh="出行时间泰尔指数", label_en="Theil index of minutes", **_MINUTES, holds=_UNEQUAL)
def minutes_theil(figures: pd.DataFrame) -> pd.DataFrame:
    """Give Theil's T of the minutes."""
    return told(figures, "theil")


@indicator("minutes_fgt_0", label_zh="超时人口比例（FGT0）", label_en="share over the cutoff (FGT 0)", **_MINUTES,
           holds=("bounded", *_UNEQUAL))
def minutes_fgt_0(figures: pd.DataFrame) -> pd.DataFrame:
    """Give the share of people over the cutoff of their class."""
    return told(figures, "fgt_0")


@indicator("minutes_fgt_1", label_zh="超时深度（FGT1）", label_en="depth over the cutoff (FGT 1)", **_MINUTES,
           holds=_UNEQUAL)
def minutes_fgt_1(figures: pd.DataFrame) -> pd.DataFrame:
    """Give the minutes over the cutoff, as a share of the cutoff, on the mean of all people."""
    return told(figures, "fgt_1")


@indicator("minutes_fgt_2", label_zh="超时强度（FGT2）", label_en="severity over the cutoff (FGT 2)", **_MINUTES,
           holds=_UNEQUAL)
def minutes_fgt_2(figures: pd.DataFrame) -> pd.DataFrame:
    """Give the square of the minutes over the cutoff, as a share of the cutoff, on the mean of all people."""
    return told(figures, "fgt_2")


def told(figures: pd.DataFrame, name: str) -> pd.DataFrame:
    """Give a figure of the people whose minutes are known; without an interval where somebody is undetermined."""
    sure = figures[name].where(figures["undetermined"] <= 0)
    return pd.DataFrame({"value": figures[name], "low": sure, "high": sure}).astype(float)


def inequality(minutes: Array, people: Array, cutoff_min: Array) -> dict[str, float]:
    """Give every measure of one unit's minutes, by the names that the indicators take them by."""
    powers = {f"fgt_{alpha}": fgt(minutes, cutoff_min, alpha, people) for alpha in (0, 1, 2)}
    return {"gini": gini(minutes, people), "palma": palma(minutes, people), "theil": theil(minutes, people), **powers}


@indicator("rate_gap_urban_rural", family="gap_class", label_zh="城乡覆盖率差",
           label_en="urban less rural coverage rate", unit="share", basis="population",
           holds=_GAP)
def rate_gap_urban_rural(sums: pd.DataFrame) -> pd.DataFrame:
    """Take the rural coverage rate from the urban one; blank where one of the classes has nobody."""
    return _apart(_rate(sums, "_urban"), _rate(sums, "_rural"))


@indicator("rate_gap_60plus_all", family="gap_60plus", label_zh="老年人与全体覆盖率差",
           label_en="coverage rate of people of 60 and over less that of all", unit="share", basis="population",
           holds=_GAP)
def rate_gap_60plus_all(sums: pd.DataFrame) -> pd.DataFrame:
    """Take the coverage rate of all residents from that of those of 60 and over, judged by the same rules."""
    return _apart(_rate(sums, ""), _rate(sums, "_all"))


@indicator("people_60plus", family="gap_60plus", label_zh="60岁及以上人口", label_en="people of 60 and over",
           unit="person", basis="population", holds=COUNT)
def people_60plus(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people of 60 and over who are judged."""
    return exact(sums["people"])


def _rate(sums: pd.DataFrame, of: str) -> pd.DataFrame:
    return share(sums[f"in_time{of}"], sums[f"people{of}"], more=sums[f"undetermined{of}"])


def _apart(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Subtract two rates; low and high take the ends that lie nearest and farthest."""
    return pd.DataFrame({"value": one["value"] - other["value"], "low": one["low"] - other["high"],
                         "high": one["high"] - other["low"]})


def gap_rows(times: TravelTimes, item: Judged, district: tuple[str, str], quality: str) -> list[pd.DataFrame]:
    """Lay out how far classes and groups lie apart in the headline rate of a layer, per township and district.

    Town and country are compared where the layer has a rule for both; people of 60 and over, who are counted too, with
    all residents where the people's table has them.
    """
    study = times.study
    group, count = group_of(times, study.policy.layer(item.layer))
    fixed = {"layer": item.layer, "mode": item.mode, "metric": "min", "headline": False, "quality": quality}
    residents, parts = times.demand["population"].to_numpy(dtype=float), []
    if len(item.modes) == 2:
        kind = times.demand["class"].to_numpy()
        sums = _sums(times, item, {f"_{name}": np.where(kind == name, count, 0.0) for name in item.modes}, district)
        parts.append(rows(sums, family("gap_class"), group=group, **fixed))
    if "population_60plus" in times.demand.columns:
        elders = times.demand["population_60plus"].fillna(0.0).to_numpy(dtype=float)
        sums = _sums(times, item, {"": elders, "_all": residents}, district)
        parts.append(rows(sums, family("gap_60plus"), group="60plus", **fixed))
    return parts


def _sums(times: TravelTimes, item: Judged, people: dict[str, Array], district: tuple[str, str]) -> pd.DataFrame:
    """Sum the judged people, those in time and the undetermined, of each kind of people."""
    chosen = {"people": item.state >= 0, "in_time": item.state == 0, "undetermined": item.state == 2}
    columns = {f"{name}{of}": np.where(which, count, 0.0)
               for of, count in people.items() for name, which in chosen.items()}
    frame = times.demand[["township_code"]].assign(**{"class": "all", **columns})
    return unit_sums(frame, list(columns), times.study.townships, district, classes=())
