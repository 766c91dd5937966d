"""Divide the area of facilities by residents, per township and district."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.registry import exact, family, indicator
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.indicators.verdicts import ROUNDING
from lifecircle.policy import LayerPolicy
from lifecircle.study import Study
from lifecircle.traveltimes import serving_facilities

Array = npt.NDArray[Any]


@indicator("area_m2", family="area", label_zh="面积", label_en="area", unit="m2", basis="area",
           holds=("extensive", "nonnegative", "ordered", "not_people"))
def area_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Sum the area; where only the site is known, low leaves it out and value takes the flagged factor."""
    return _per(sums, 1.0)


@indicator("area_per_head_m2", family="area", label_zh="人均面积", label_en="area per head", unit="m2/person",
           basis="population", holds=("nonnegative", "ordered", "null_without_people"))
def area_per_head_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the area by residents; empty where nobody lives."""
    return _per(sums, sums["people"].where(sums["people"] > 0))


def _per(sums: pd.DataFrame, base: Any) -> pd.DataFrame:
    """Divide the areas; no value where every area is unknown, no high where one is."""
    value = sums["area"].where((sums["known"] > 0) | (sums["unknown"] == 0))
    return pd.DataFrame({"value": value / base, "low": sums["area_sure"] / base,
                         "high": sums["area"].where(sums["unknown"] == 0) / base})


@indicator("area_short_m2", family="area", label_zh="面积缺口", label_en="area short", unit="m2", basis="area",
           holds=("nonnegative", "ordered", "zero_without_people"))
def area_short_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Give the area that is missing to the standard; high by the sure area alone, no value where one is unknown."""
    short = (sums["need"] - sums["area"]).clip(lower=0.0).where(sums["unknown"] == 0)
    return exact(short).assign(high=(sums["need"] - sums["area_sure"]).clip(lower=0.0))


def areas_of(facilities: gpd.GeoDataFrame, policy: LayerPolicy) -> tuple[Array, Array]:
    """Give the area of each facility, and the part of it that is sure; NaN where it is not known.

    Where the effective area is not known the site area counts with the policy's factor, and not as sure.
    """
    stated = facilities[policy.area].to_numpy(dtype=float)
    factor = policy.site_area_factor if policy.area == "effective_area_m2" else 1.0
    guess = facilities["area_m2"].to_numpy(dtype=float) * factor
    return np.where(np.isnan(stated), guess, stated), stated


def area_sums(study: Study, layer: str, policy: LayerPolicy, district: tuple[str, str], *, people: str = "population",
              chosen: Callable[[gpd.GeoDataFrame], gpd.GeoDataFrame] | None = None) -> pd.DataFrame:
    """Sum area, sure area, area due and residents per township and district; kinds that do not count are left out.

    The areas are those of `areas_of`. Facilities of which neither is known are counted: with one of them the area may
    be larger than any figure here.

    Parameters
    ----------
    people : str
        Column of the demand that counts the people.
    chosen : callable, optional
        Takes from the facilities those that count.
    """
    serving = serving_facilities(study, layer)
    apart = [kind.level for kind in policy.kinds if not kind.counts]
    serving = serving[serving["inside"] & ~serving["level"].isin(apart)]
    if chosen is not None:
        serving = chosen(serving)
    area, stated = areas_of(serving, policy)
    supply = pd.DataFrame({"township_code": serving["township_code"], "area": np.nan_to_num(area),
                           "area_sure": np.nan_to_num(stated), "unknown": np.isnan(area) * 1.0,
                           "known": ~np.isnan(area) * 1.0, "people": 0.0})
    demand = study.demand[study.demand["inside"]]
    residents = pd.DataFrame({"township_code": demand["township_code"], "area": 0.0, "area_sure": 0.0,
                              "unknown": 0.0, "known": 0.0, "people": demand[people].to_numpy(dtype=float)})
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


def area_part_rows(study: Study, layer: str, policy: LayerPolicy, district: tuple[str, str], quality: str,
                   ) -> list[pd.DataFrame]:
    """Lay out the area by kind, indoors and outdoors, and per head of the people there by day and by night.

    Kinds (those there are) and settings stand in ``level``, day and night in ``group``. What no column tells has rows
    without a figure, whose basis names the column; where the column is blank for some, their area may be of either
    setting, so that neither has a high.
    """
    by_area = [item for item in family("area") if item.name != "area_short_m2"]
    parts = []

    def lay_out(sums: pd.DataFrame, wanted: str = "", **fixed: str) -> None:
        table = rows(sums, by_area, layer=layer, metric="m2", headline=False, quality=quality, **fixed)
        if wanted:
            table = table.assign(value=np.nan, low=np.nan, high=np.nan, basis=wanted, verdict="no_data")
        parts.append(table)

    serving = serving_facilities(study, layer)
    for kind in policy.kinds:
        if kind.level not in set(serving["level"]):
            continue
        lay_out(area_sums(study, layer, policy.model_copy(update={"kinds": ()}), district,
                          chosen=partial(_of_level, kind.level)), level=kind.level)
    told = set(serving["setting"]) - {""}
    for setting in ("indoor", "outdoor"):
        lay_out(area_sums(study, layer, policy, district, chosen=partial(_of_setting, setting)), level=setting,
                wanted="" if told else f"needs column setting of layer {layer}")
    for group in ("day", "night"):
        column = f"population_{group}"
        there = column in study.demand.columns
        lay_out(area_sums(study, layer, policy, district, people=column if there else "population"), group=group,
                wanted="" if there else f"needs [people] column {column}")
    return parts


def _of_level(level: str, facilities: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return facilities[facilities["level"] == level]


def _of_setting(setting: str, facilities: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give the facilities of a setting and, their area unknown, those that may be of it."""
    blank = facilities["setting"] == ""
    open_area = facilities.assign(**{name: facilities[name].mask(blank) for name in ("area_m2", "effective_area_m2")})
    return open_area[blank | (facilities["setting"] == setting)]


def area_verdict(low: float, value: float, high: float, standard: float) -> str:
    """Judge an area per head: met only when sure area suffices, not met only when no area is unknown.

    no_data where nobody lives or nothing is known of the area.
    """
    if np.isnan(value):
        return "no_data"
    if low >= standard - ROUNDING:
        return "met"
    return "not_met" if high < standard - ROUNDING else "unsure"
