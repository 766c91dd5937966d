"""Divide the area of facilities by residents, per township and district."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lifecircle.indicators.registry import exact, family, indicator
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.indicators.verdicts import ROUNDING
from lifecircle.policy import LayerPolicy
from lifecircle.study import Study
from lifecircle.traveltimes import serving_facilities


@indicator("area_m2", family="area", label_zh="面积", label_en="area", unit="m2", basis="area")
def area_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Sum the area; where only the site is known, low leaves it out and value takes the flagged factor."""
    return _per(sums, 1.0)


@indicator("area_per_head_m2", family="area", label_zh="人均面积", label_en="area per head", unit="m2/person",
           basis="population")
def area_per_head_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the area by residents; empty where nobody lives."""
    return _per(sums, sums["people"].where(sums["people"] > 0))


def _per(sums: pd.DataFrame, base: Any) -> pd.DataFrame:
    """Divide the areas; no value where every area is unknown, no high where one is."""
    value = sums["area"].where((sums["known"] > 0) | (sums["unknown"] == 0))
    return pd.DataFrame({"value": value / base, "low": sums["area_sure"] / base,
                         "high": sums["area"].where(sums["unknown"] == 0) / base})


@indicator("area_short_m2", family="area", label_zh="面积缺口", label_en="area short", unit="m2", basis="area")
def area_short_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Give the area that is missing to the standard."""
    short = (sums["need"] - sums["area"]).clip(lower=0.0).where(sums["unknown"] == 0)
    return exact(short)


def area_sums(study: Study, layer: str, policy: LayerPolicy, district: tuple[str, str]) -> pd.DataFrame:
    """Sum area, sure area, area due and residents per township and district.

    Where the effective area is not known the site area counts with the policy's factor, and not as sure. Facilities of
    which neither is known are counted: with one of them the area may be larger than any figure here.
    """
    serving = serving_facilities(study, layer)
    serving = serving[serving["inside"]]
    stated = serving[policy.area].to_numpy(dtype=float)
    factor = policy.site_area_factor if policy.area == "effective_area_m2" else 1.0
    guess = serving["area_m2"].to_numpy(dtype=float) * factor
    area = np.where(np.isnan(stated), guess, stated)
    supply = pd.DataFrame({"township_code": serving["township_code"], "area": np.nan_to_num(area),
                           "area_sure": np.nan_to_num(stated), "unknown": np.isnan(area) * 1.0,
                           "known": ~np.isnan(area) * 1.0, "people": 0.0})
    demand = study.demand[study.demand["inside"]]
    residents = pd.DataFrame({"township_code": demand["township_code"], "area": 0.0, "area_sure": 0.0,
                              "unknown": 0.0, "known": 0.0, "people": demand["population"].to_numpy(dtype=float)})
    both = pd.concat([supply, residents], ignore_index=True).assign(**{"class": "all"})
    sums = unit_sums(both, ["area", "area_sure", "unknown", "known", "people"], study.townships, district, classes=())
    return sums.assign(need=sums["people"] * (policy.m2_per_head or 0.0))


def area_rows(sums: pd.DataFrame, layer: str, policy: LayerPolicy, quality: str) -> pd.DataFrame:
    """Lay out the area of one layer from its `area_sums`, the area per head against its standard."""
    table = rows(sums, family("area"), layer=layer, metric="m2", quality=quality)
    is_rate = table["indicator"] == "area_per_head_m2"
    table.loc[is_rate, "target"] = policy.m2_per_head
    table.loc[is_rate, "verdict"] = [
        area_verdict(low, value, high, policy.m2_per_head or 0.0)
        for low, value, high in table.loc[is_rate, ["low", "value", "high"]].itertuples(index=False)]
    return table


def area_verdict(low: float, value: float, high: float, standard: float) -> str:
    """Judge an area per head: met only when sure area suffices, not met only when no area is unknown.

    no_data where nobody lives or nothing is known of the area.
    """
    if np.isnan(value):
        return "no_data"
    if low >= standard - ROUNDING:
        return "met"
    return "not_met" if high < standard - ROUNDING else "unsure"
