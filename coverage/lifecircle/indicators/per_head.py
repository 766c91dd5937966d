"""Divide the area of facilities by residents, per township and district."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lifecircle.indicators.registry import exact, family, indicator
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.policy import LayerPolicy
from lifecircle.study import Study
from lifecircle.traveltimes import serving_facilities


@indicator("area_m2", family="area", label_zh="面积", label_en="area", unit="m2", basis="area")
def area_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Sum the area; where only the site is known, low leaves it out and value takes the flagged factor."""
    return pd.DataFrame({"value": sums["area"], "low": sums["area_sure"], "high": sums["area"]})


@indicator("area_per_head_m2", family="area", label_zh="人均面积", label_en="area per head", unit="m2/person",
           basis="population")
def area_per_head_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the area by residents; empty where nobody lives."""
    base = sums["people"].where(sums["people"] > 0)
    return pd.DataFrame({"value": sums["area"] / base, "low": sums["area_sure"] / base, "high": sums["area"] / base})


@indicator("area_short_m2", family="area", label_zh="面积缺口", label_en="area short", unit="m2", basis="area")
def area_short_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Give the area that is missing to the standard."""
    return exact((sums["need"] - sums["area"]).clip(lower=0.0))


def area_sums(study: Study, layer: str, policy: LayerPolicy, district: tuple[str, str]) -> pd.DataFrame:
    """Sum area, sure area, area due and residents per township and district.

    Where the effective area is not known the site area counts with the policy's factor, and not as sure.
    """
    serving = serving_facilities(study, layer)
    serving = serving[serving["inside"]]
    stated = serving[policy.area].to_numpy(dtype=float)
    factor = policy.site_area_factor if policy.area == "effective_area_m2" else 1.0
    guess = np.nan_to_num(serving["area_m2"].to_numpy(dtype=float) * factor)
    supply = pd.DataFrame({"township_code": serving["township_code"], "area": np.where(np.isnan(stated), guess, stated),
                           "area_sure": np.nan_to_num(stated), "people": 0.0})
    demand = study.demand[study.demand["inside"]]
    residents = pd.DataFrame({"township_code": demand["township_code"], "area": 0.0, "area_sure": 0.0,
                              "people": demand["population"].to_numpy(dtype=float)})
    both = pd.concat([supply, residents], ignore_index=True).assign(**{"class": "all"})
    sums = unit_sums(both, ["area", "area_sure", "people"], study.townships, district, classes=())
    return sums.assign(need=sums["people"] * (policy.m2_per_head or 0.0))


def area_rows(study: Study, layer: str, policy: LayerPolicy, district: tuple[str, str], quality: str) -> pd.DataFrame:
    """Lay out the area of one layer, the area per head against its standard."""
    table = rows(area_sums(study, layer, policy, district), family("area"), layer=layer, metric="m2", quality=quality)
    is_rate = table["indicator"] == "area_per_head_m2"
    table.loc[is_rate, "target"] = policy.m2_per_head
    table.loc[is_rate, "verdict"] = [
        area_verdict(low, value, policy.m2_per_head or 0.0)
        for low, value in zip(table.loc[is_rate, "low"], table.loc[is_rate, "value"], strict=True)]
    return table


def area_verdict(low: float, value: float, standard: float) -> str:
    """Judge an area per head: met only when sure area suffices, no_data where nobody lives."""
    if np.isnan(value):
        return "no_data"
    if low >= standard:
        return "met"
    return "unsure" if value >= standard else "not_met"
