"""Print beside each rate of people what it is on other bases: villages that hold one, residential land in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lifecircle.indicators.presence import places_holding
from lifecircle.indicators.reach import Judged
from lifecircle.indicators.registry import RATE, exact, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.inputs.spread import LAND_COLUMN
from lifecircle.traveltimes import TravelTimes

#: What the basis of the rate of land says while there is no land.
NO_LAND = 'residential land: needs [people] weights = "residential"'
_LAND: dict[str, Any] = {"family": "land", "basis": "residential land"}


@indicator("communities_with", family="holding", label_zh="有设施的村（社区）数", label_en="communities with one",
           unit="community", basis="community", holds=("extensive", "nonnegative", "ordered", "scale_free"))
def communities_with(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the villages and communities with people that hold a facility that serves."""
    return exact(sums["held"])


@indicator("community_have_rate", family="holding", label_zh="村（社区）拥有率", label_en="community have rate",
           unit="share", basis="community", holds=RATE, parts=("communities_with", "communities"))
def community_have_rate(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the villages and communities that hold one by all with people."""
    return share(sums["held"], sums["places"])


@indicator("residential_land_m2", **_LAND, label_zh="居住用地面积", label_en="residential land", unit="m2",
           holds=("extensive", "nonnegative", "ordered", "not_people"))
def residential_land_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Sum the residential land that is judged."""
    return exact(sums["land"])


@indicator("residential_land_in_time_m2", **_LAND, label_zh="圈内居住用地面积", label_en="residential land in time",
           unit="m2", holds=("extensive", "nonnegative", "ordered", "not_people"))
def residential_land_in_time_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Sum the residential land in time; high counts the undetermined in."""
    low = sums["land_in_time"]
    return pd.DataFrame({"value": low, "low": low, "high": low + sums["land_undetermined"]}).astype(float)


@indicator("residential_land_rate", **_LAND, label_zh="居住用地覆盖率", label_en="residential land rate", unit="share",
           holds=("bounded", "ordered", "not_people"), parts=("residential_land_in_time_m2", "residential_land_m2"))
def residential_land_rate(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the residential land in time by all; high counts the undetermined in."""
    return share(sums["land_in_time"], sums["land"], more=sums["land_undetermined"])


def base_rows(times: TravelTimes, item: Judged, district: tuple[str, str], quality: str) -> list[pd.DataFrame]:
    """Lay out the headline reach of one layer on the bases community (have) and residential land.

    Returns
    -------
    list of DataFrame
        Per township, class and district. The land is that of the demand points, each judged at its point; without it
        one row per township and the district says no_data, and what is wanted.
    """
    fixed = {"layer": item.layer, "headline": False, "quality": quality}
    held = rows(_holding(times, item, district), family("holding"), metric="place", **fixed)
    if LAND_COLUMN not in times.demand.columns:
        return [held, _no_land(times, item, district, fixed)]
    sums = _land_sums(times, item, district)
    mode = sums["class"].map({**item.modes, "all": item.mode})
    cutoff = sums["class"].map({**item.cutoffs_min, "all": np.nan})
    return [held, rows(sums, family("land"), mode=mode, metric="min", cutoff=cutoff, **fixed)]


def _holding(times: TravelTimes, item: Judged, district: tuple[str, str]) -> pd.DataFrame:
    """Count the places with people of the classes that are judged, and those of them that hold a facility."""
    serving = times.serving[item.layer]
    held = places_holding(times.study, serving[serving["inside"]])
    places = times.middle_points
    places = places[places["class"].isin(list(item.modes))]
    units = places.assign(places=1.0, held=places["place_code"].isin(held) * 1.0)
    return unit_sums(units, ["places", "held"], times.study.townships, district)


def _land_sums(times: TravelTimes, item: Judged, district: tuple[str, str]) -> pd.DataFrame:
    land = times.demand[LAND_COLUMN].fillna(0.0).to_numpy(dtype=float)
    chosen = {"land": item.state >= 0, "land_in_time": item.state == 0, "land_undetermined": item.state == 2}
    frame = times.demand[["township_code", "class"]].assign(
        **{name: np.where(which, land, 0.0) for name, which in chosen.items()})
    return unit_sums(frame[(item.state >= 0) & (land > 0)], list(chosen), times.study.townships, district)


def _no_land(times: TravelTimes, item: Judged, district: tuple[str, str], fixed: dict[str, Any]) -> pd.DataFrame:
    units = times.study.townships[["township_code", "township"]].to_dict("records")
    units.append({"township_code": district[0], "township": district[1]})
    blank = pd.DataFrame(units).assign(**{"class": "all", "land": np.nan, "land_in_time": np.nan,
                                          "land_undetermined": np.nan})
    rate = [one for one in family("land") if one.unit == "share"]
    return rows(blank, rate, mode=item.mode, metric="min", verdict="no_data", **fixed).assign(basis=NO_LAND)
