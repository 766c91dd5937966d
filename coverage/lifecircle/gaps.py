"""List the gaps: per place who is out of reach and why, per unit what is missing, per township what area is short."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.capacity import Shared, people_states
from lifecircle.indicators.reach import Judged, group_of
from lifecircle.indicators.verdicts import ROUNDING
from lifecircle.policy import Presence
from lifecircle.study import Study
from lifecircle.tables import GAPS_COLUMNS
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]
#: People fewer than this are what rounding leaves.
NOBODY = 1e-6
_NUMBERS = frozenset({"cutoff", "people", "people_out", "people_undetermined", "need", "have", "short",
                      "minutes_median", "minutes_worst", "minutes_over"})
#: The list of a district that lacks nothing.
NO_GAPS = pd.DataFrame({name: pd.Series(dtype=float if name in _NUMBERS else "str") for name in GAPS_COLUMNS})
_PLACE = ["township_code", "place_code", "class"]
_BLANK: dict[str, Any] = {
    "level": "all", "group": "all", "mode": "–", "scenario": "existing", "metric": "–", "cutoff": np.nan,
    "people_out": 0.0, "people_undetermined": 0.0, "minutes_median": np.nan, "minutes_worst": np.nan,
    "minutes_over": np.nan, "nearest_facility": "", "place_code": "", "place": "", "class": "all",
}


def reach_gaps(times: TravelTimes, judged: Judged, quality: str) -> pd.DataFrame:
    """List the places of one layer where people are out of time or undetermined.

    Minutes are those of the people out of time: their median (weighted by people), the worst, and the median over the
    cutoff. The cause is off_network where most of them cannot be judged, no_facility where no facility can be
    reached, else too_far.
    """
    policy = times.study.policy.layer(judged.layer)
    group, count = group_of(times, policy)
    frame = times.demand[["township_code", "place_code", "class"]].assign(
        people=count, state=judged.state, minutes=judged.minutes, facility=judged.facility)
    for state, name in ((0, "have"), (1, "people_out"), (2, "people_undetermined")):
        frame[name] = np.where(judged.state == state, count, 0.0)
    frame = frame[frame["state"] >= 0]
    sums = frame.groupby(_PLACE, sort=True)[["people", "have", "people_out", "people_undetermined"]].sum()
    sums = sums[sums["people_out"] + sums["people_undetermined"] > 0]
    out = frame[(frame["state"] == 1) & (frame["people"] > 0)]
    sums = sums.join(_minutes(out)).join(_nearest_names(out, times.serving[judged.layer])).reset_index()
    cutoff_min = sums["class"].map(judged.cutoffs_min).astype(float)
    lost = sums["people_undetermined"] > sums["people_out"]
    table = sums.assign(
        group=group, mode=sums["class"].map(judged.modes), metric="min", cutoff=cutoff_min, need=sums["people"],
        short=sums["people_out"] + sums["people_undetermined"], unit="person",
        minutes_over=sums["minutes_median"] - cutoff_min, nearest_facility=sums["nearest_facility"].fillna(""),
        cause=np.where(lost, "off_network", np.where(sums["minutes_median"].isna(), "no_facility", "too_far")))
    return _finish(table, times.study, judged.layer, "reach", quality)


def _minutes(out: pd.DataFrame) -> pd.DataFrame:
    """Give the median (weighted by people) and the worst minutes per place."""
    known = out[np.isfinite(out["minutes"])].sort_values([*_PLACE, "minutes"], kind="stable")
    grouped = known.groupby(_PLACE)["people"]
    middle = known[grouped.cumsum() >= grouped.transform("sum") / 2.0].drop_duplicates(_PLACE)
    worst = out.groupby(_PLACE)["minutes"].max()  # infinite where somebody reaches none
    return pd.DataFrame({"minutes_median": middle.set_index(_PLACE)["minutes"], "minutes_worst": worst})


def _nearest_names(out: pd.DataFrame, serving: gpd.GeoDataFrame) -> pd.Series:
    """Name, per place, the facility nearest to most of its people out of time; its id where it has no name."""
    names = serving["name"].where(serving["name"].fillna("") != "", serving["facility_id"]).to_numpy(dtype=object)
    known = out[out["facility"] >= 0].groupby([*_PLACE, "facility"], sort=True)["people"].sum().reset_index()
    most = known.sort_values([*_PLACE, "people"], ascending=[True, True, True, False], kind="stable")
    most = most.drop_duplicates(_PLACE).set_index(_PLACE)["facility"]
    return pd.Series(names[most.to_numpy(dtype=np.int64)], index=most.index, name="nearest_facility", dtype=object)


def capacity_gaps(times: TravelTimes, judged: Judged, shared: Shared, quality: str) -> pd.DataFrame:
    """List the places of one layer where people are in reach of facilities that have no place left for them.

    They are `people_out`, and those whose supply is not known `people_undetermined`; who is beyond reach stands in
    the gaps of reach. The need is that of the people in reach. Minutes are those of the people out to their nearest.
    """
    frame = people_states(times, judged, shared).assign(minutes=judged.minutes[judged.state >= 0],
                                                        facility=judged.facility[judged.state >= 0])
    sums = frame.groupby(_PLACE, sort=True)[["people", "served", "full", "possible"]].sum()
    sums = sums[sums["full"] > NOBODY]
    out = frame.assign(people=frame["full"])
    out = out[out["people"] > NOBODY]
    sums = sums.join(_minutes(out)).join(_nearest_names(out, times.serving[judged.layer])).reset_index()
    short = sums["full"] + sums["possible"]
    table = sums.assign(
        group=shared.group, mode=sums["class"].map(judged.modes), metric="min", unit="person", cause="full",
        cutoff=sums["class"].map(judged.cutoffs_min).astype(float), people_out=sums["full"],
        people_undetermined=sums["possible"], need=sums["served"] + short, have=sums["served"], short=short)
    return _finish(table, times.study, judged.layer, "capacity", quality)


def presence_gaps(study: Study, units: pd.DataFrame, layer: str, rule: Presence, quality: str) -> pd.DataFrame:
    """List the units of a rule (`lifecircle.indicators.presence.units_of`) that must hold a facility and hold none."""
    lacking = units[(units["required"] > 0) & (units["held"] == 0)]
    frame = lacking.assign(need=1.0, have=0.0, short=1.0, unit="facility", cause="no_facility", level=rule.level,
                           metric=rule.unit)
    return _finish(frame, study, layer, "presence", quality)


def area_gaps(study: Study, sums: pd.DataFrame, layer: str, district: tuple[str, str], quality: str) -> pd.DataFrame:
    """List the townships whose area per head (`lifecircle.indicators.per_head.area_sums`) is below the standard."""
    sums = sums[(sums["township_code"] != district[0]) & (sums["area"] < sums["need"] * (1.0 - ROUNDING))]
    cause = np.where(sums["unknown"] > 0, "no_data", np.where(sums["area"] > 0, "full", "no_facility"))
    frame = sums.assign(have=sums["area"], short=sums["need"] - sums["area"], unit="m2", metric="m2", cause=cause)
    return _finish(frame, study, layer, "area", quality)


def _finish(frame: pd.DataFrame, study: Study, layer: str, kind: str, quality: str) -> pd.DataFrame:
    """Fill names and the columns of the contract."""
    if frame.empty:
        return NO_GAPS
    missing = {name: value for name, value in _BLANK.items() if name not in frame.columns}
    townships = study.townships.set_index("township_code")["township"]
    places = study.places.set_index("place_code")["place"]
    frame = frame.assign(**missing, layer=layer, kind=kind, quality=quality,
                         lead_unit=study.policy.layer(layer).lead_unit)
    frame = frame.assign(township=frame["township_code"].map(townships).fillna(""),
                         place=frame["place_code"].map(places).fillna(""))
    return frame[list(GAPS_COLUMNS)].reset_index(drop=True)
