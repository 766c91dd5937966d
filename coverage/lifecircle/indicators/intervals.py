"""Say between which values the rates lie: quantiles over draws of speeds, people and positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.reach import Judged, group_of
from lifecircle.indicators.registry import RATE, Indicator, exact, family, indicator
from lifecircle.indicators.rows import rows
from lifecircle.indicators.verdicts import ROUNDING, agreed_share
from lifecircle.policy import LayerPolicy
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]
#: Nine of ten draws lie between these quantiles.
QUANTILES = (0.05, 0.5, 0.95)
#: So many of the worst townships are followed over the draws, but at most half of all.
WORST = 10


def _drawn(sums: pd.DataFrame) -> pd.DataFrame:
    return sums[["value", "low", "high"]].astype(float)


@indicator("coverage_rate_interval", family="interval_reach", label_zh="人口覆盖率（90%区间）", unit="share",
           label_en="coverage rate, 90 % interval", basis="population",
           holds=RATE)
def coverage_rate_interval(sums: pd.DataFrame) -> pd.DataFrame:
    """Give median and 90 % interval of the coverage rate; low counts the undetermined out, high in."""
    return _drawn(sums)


@indicator("community_reach_rate_interval", family="interval_community", label_zh="村（社区）覆盖率（90%区间）",
           unit="share", label_en="community reach rate, 90 % interval", basis="community",
           holds=("bounded", "ordered"))
def community_reach_rate_interval(sums: pd.DataFrame) -> pd.DataFrame:
    """Give median and 90 % interval of the share of communities whose middle is in time."""
    return _drawn(sums)


@indicator("area_per_head_interval_m2", family="interval_area", label_zh="人均面积（90%区间）", unit="m2/person",
           label_en="area per head, 90 % interval", basis="population",
           holds=("nonnegative", "ordered", "null_without_people"))
def area_per_head_interval_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Give median and 90 % interval of the area per head; low leaves out areas that are not sure."""
    return _drawn(sums)


@indicator("share_of_draws_among_worst", family="interval_rank", label_zh="列入末位乡镇的次数占比", unit="share",
           label_en="share of draws among the worst", basis="draws",
           holds=("bounded", "ordered", "scale_free"))
def share_of_draws_among_worst(sums: pd.DataFrame) -> pd.DataFrame:
    """Give the share of draws in which the coverage rate of a township is among the lowest (``cutoff``)."""
    return exact(sums["value"])


@dataclass(frozen=True)
class _Units:
    """Townships and the district, by class and whole.

    Attributes
    ----------
    table : DataFrame
        township_code, township, class.
    member : (n, units) sparse
        1 where a row belongs to a unit.
    """

    table: pd.DataFrame
    member: Any

    @classmethod
    def of(cls, frame: pd.DataFrame, times: TravelTimes, district: tuple[str, str]) -> _Units:
        """Lay out the units of rows with township_code and class; classes nobody lives in are left out."""
        from scipy.sparse import csc_matrix

        townships = [tuple(pair) for pair in times.study.townships[["township_code", "township"]].to_numpy()]
        code, kind = (frame[name].to_numpy(dtype=str) for name in ("township_code", "class"))
        names, masks = [], []
        for of_class in ("urban", "rural", "all"):
            chosen = np.ones(len(frame), dtype=bool) if of_class == "all" else kind == of_class
            for unit, name in (*townships, district):
                mask = chosen & ((code == unit) | (unit == district[0]))
                if of_class == "all" or mask.any():
                    names.append((unit, name, of_class))
                    masks.append(mask)
        return cls(pd.DataFrame(names, columns=["township_code", "township", "class"]),
                   csc_matrix(np.column_stack(masks).astype(float)))

    def sums(self, values: Array) -> Array:
        """Sum (draws, n) values per unit: (draws, units)."""
        return np.asarray(self.member.T.dot(values.T)).T

    def between(self, low: Array, high: Array) -> pd.DataFrame:
        """Give median, low and high of (draws, units) figures; empty where no draw has one."""
        with np.errstate(invalid="ignore"):
            least, middle = np.quantile(low, QUANTILES[:2], axis=0)
            most = np.quantile(high, QUANTILES[2], axis=0)
        return self.table.assign(value=middle, low=least, high=most)


def reach_intervals(times: TravelTimes, judged: Judged, in_time: Array, people_factor: Array,
                    district: tuple[str, str], quality: str) -> Iterator[pd.DataFrame]:
    """Lay out the intervals of the reach of one layer, and how firm the ranks of its worst townships are.

    Parameters
    ----------
    judged : Judged
        By the headline rules. Who is not in time in a draw and was undetermined is undetermined there too.
    in_time : (draws, n) bool
    people_factor : (draws, n) float64

    Yields
    ------
    DataFrame
        ``coverage_rate_interval``, ``community_reach_rate_interval``, ``share_of_draws_among_worst``.
    """
    policy = times.study.policy.layer(judged.layer)
    group, count = group_of(times, policy)
    asked = np.flatnonzero(judged.state >= 0)
    units = _Units.of(times.demand.iloc[asked], times, district)
    low, high = _rates(units, count[asked] * people_factor[:, asked], in_time[:, asked], judged.state[asked] == 2)
    yield _laid_out(units.between(low, high), family("interval_reach"), judged, policy, group, quality)
    yield from _ranks(units, low, district, judged, group, quality)
    middle = times.middle_points
    middle = middle[judged.state[middle["row"].to_numpy()] >= 0]
    rows_of, places = middle["row"].to_numpy(), _Units.of(middle, times, district)
    whole = np.ones((len(in_time), len(middle)))
    between = places.between(*_rates(places, whole, in_time[:, rows_of], judged.state[rows_of] == 2))
    yield _laid_out(between, family("interval_community"), judged, policy, "all", quality)


def _rates(units: _Units, weight: Array, in_time: Array, undetermined: Array) -> tuple[Array, Array]:
    """Give (draws, units) shares in time, without and with the undetermined."""
    whole = units.sums(weight)
    whole = np.where(whole > 0, whole, np.nan)
    return units.sums(weight * in_time) / whole, units.sums(weight * (in_time | undetermined)) / whole


def _laid_out(sums: pd.DataFrame, items: list[Indicator], judged: Judged, policy: LayerPolicy, group: str,
              quality: str) -> pd.DataFrame:
    mode = sums["class"].map({**judged.modes, "all": judged.mode})
    cutoff = sums["class"].map({**judged.cutoffs_min, "all": np.nan})
    table = rows(sums, items, layer=judged.layer, group=group, mode=mode, metric="min", cutoff=cutoff, headline=False,
                 quality=quality)
    if items[0].family == "interval_reach":
        table["target"] = _targets(table, policy)
        table["verdict"] = [interval_verdict(low, high, standard) for low, high, standard
                            in zip(table["low"], table["high"], table["target"], strict=True)]
    return table


def _targets(table: pd.DataFrame, policy: LayerPolicy) -> Array:
    """Give the share that each rate is to reach; a rate of all has one where the classes that live there agree."""
    lived_in = table[(table["class"] != "all") & table["low"].notna()]
    classes = {str(code): list(part) for code, part in lived_in.groupby("township_code")["class"]}
    shares = [agreed_share(policy, classes.get(code, ()) if name == "all" else (name,))
              for code, name in table[["township_code", "class"]].itertuples(index=False)]
    return np.array(shares, dtype=float)


def interval_verdict(low: float, high: float, standard: float) -> str:
    """Judge an interval: met or not met only where all of it lies on one side of the standard."""
    if np.isnan(low):
        return "no_data"
    if np.isnan(standard):
        return "undecided"
    if low >= standard - ROUNDING:
        return "met"
    return "not_met" if high < standard - ROUNDING else "unsure"


def _ranks(units: _Units, low: Array, district: tuple[str, str], judged: Judged, group: str, quality: str,
           ) -> Iterator[pd.DataFrame]:
    """Follow the worst townships over the draws; of townships as bad as each other the lower code is worse."""
    table = units.table
    of = np.flatnonzero((table["class"] == "all") & (table["township_code"] != district[0]) & ~np.isnan(low[0]))
    of = of[np.argsort(table["township_code"].to_numpy(dtype=str)[of], kind="stable")]
    count = min(WORST, len(of) // 2)
    if count == 0:
        return
    worst = np.argsort(low[:, of], axis=1, kind="stable")[:, :count]
    times_worst = np.bincount(worst.ravel(), minlength=len(of)) / len(low)
    yield rows(table.iloc[of].assign(value=times_worst).reset_index(drop=True), family("interval_rank"),
               layer=judged.layer, group=group, mode=judged.mode, metric="rank", cutoff=float(count), headline=False,
               quality=quality)


def area_intervals(times: TravelTimes, layer: str, sums: pd.DataFrame, people_factor: Array,
                   district: tuple[str, str], quality: str) -> pd.DataFrame:
    """Lay out the interval of the area per head of one layer, from its `per_head.area_sums`; people are drawn alone."""
    standard = times.study.policy.layer(layer).m2_per_head or np.nan
    units = _Units.of(times.demand, times, district)
    people = units.sums(times.demand["population"].to_numpy(dtype=float) * people_factor)
    area = units.table[["township_code"]].merge(sums, on="township_code", how="left")
    whole = np.where(people > 0, people, np.nan)
    most = area["area"].where(area["unknown"] == 0).to_numpy(dtype=float)
    between = units.between(area["area_sure"].to_numpy(dtype=float) / whole, most / whole)
    middle = area["area"].where((area["known"] > 0) | (area["unknown"] == 0)).to_numpy(dtype=float)
    between["value"] = np.quantile(middle / whole, 0.5, axis=0)
    table = rows(between[between["class"] == "all"].reset_index(drop=True), family("interval_area"), layer=layer,
                 metric="m2", headline=False, quality=quality, target=standard)
    table["verdict"] = [interval_verdict(low, high, standard) if not np.isnan(value) else "no_data"
                        for value, low, high in table[["value", "low", "high"]].itertuples(index=False)]
    # Where the area of some is unknown there is no upper end: it may suffice, and only the lower end can say so.
    unknown = table["high"].isna() & (table["verdict"] == "not_met")
    return table.assign(verdict=table["verdict"].mask(unknown, "unsure"))
