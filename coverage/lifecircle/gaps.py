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
    group, count = group_of(times, times.study.policy.layer(judged.layer))
    asked = np.flatnonzero(judged.state >= 0)
    keys = pd.DataFrame({name: times.demand[name].array[asked] for name in _PLACE})
    number = keys.groupby(_PLACE, sort=True).ngroup().to_numpy()
    state, people = judged.state[asked], count[asked]
    units, first = np.unique(number, return_index=True)
    table = keys.iloc[first].reset_index(drop=True).assign(
        people=np.bincount(number, people, len(units)),
        **{name: np.bincount(number, np.where(state == value, people, 0.0), len(units))
           for value, name in ((0, "have"), (1, "people_out"), (2, "people_undetermined"))})
    out = (state == 1) & (people > 0)
    late = _late(number[out], people[out], judged.minutes[asked][out], judged.facility[asked][out], len(units))
    names = _names(times.serving[judged.layer])
    table = table.assign(minutes_median=late[0], minutes_worst=late[1], nearest_facility=names[late[2]])
    sums = table[table["people_out"] + table["people_undetermined"] > 0].reset_index(drop=True)
    cutoff_min = sums["class"].map(judged.cutoffs_min).astype(float)
    lost = sums["people_undetermined"] > sums["people_out"]
    table = sums.assign(
        group=group, mode=sums["class"].map(judged.modes), metric="min", cutoff=cutoff_min, need=sums["people"],
        short=sums["people_out"] + sums["people_undetermined"], unit="person",
        minutes_over=sums["minutes_median"] - cutoff_min,
        cause=np.where(lost, "off_network", np.where(sums["minutes_median"].isna(), "no_facility", "too_far")))
    return _finish(table, times.study, judged.layer, "reach", quality)


def _late(number: Array, people: Array, minutes: Array, facility: Array, count: int) -> tuple[Array, Array, Array]:
    """Give, per unit, the median (weighted by people) and the worst minutes of those out, and most people's nearest.

    Medians are those of people who reach any; the worst is infinite where somebody reaches none. The nearest facility
    is -1 where nobody reaches one; of several with as many people it is the first.
    """
    median, worst, nearest = np.full(count, np.nan), np.full(count, np.nan), np.full(count, -1)
    order = np.lexsort((minutes, number))
    number, people, minutes, facility = number[order], people[order], minutes[order], facility[order]
    units, first = np.unique(number, return_index=True)
    for unit, start, end in zip(units, first, np.append(first, len(number))[1:], strict=True):
        worst[unit] = minutes[end - 1]
        known = start + int(np.searchsorted(minutes[start:end], np.inf))
        if known > start:
            total = np.cumsum(people[start:known])
            median[unit] = minutes[start + int(np.searchsorted(total, total[-1] / 2.0))]
        rows = facility[start:end] >= 0
        if rows.any():
            chosen, which = np.unique(facility[start:end][rows], return_inverse=True)
            nearest[unit] = chosen[np.argmax(np.bincount(which, people[start:end][rows]))]
    return median, worst, nearest


def _names(serving: gpd.GeoDataFrame) -> Array:
    """Name the facilities, by their id where they have no name; the last stands for none."""
    names = serving["name"].where(serving["name"].fillna("") != "", serving["facility_id"]).to_numpy(dtype=object)
    return np.append(names, "")


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
    sums = sums.reset_index()
    unit = pd.MultiIndex.from_frame(sums[_PLACE]).get_indexer(pd.MultiIndex.from_frame(out[_PLACE]))
    people, minutes, facility = (out[name].to_numpy() for name in ("people", "minutes", "facility"))
    late = _late(unit, people, minutes, facility, len(sums))
    sums = sums.assign(minutes_median=late[0], minutes_worst=late[1],
                       nearest_facility=_names(times.serving[judged.layer])[late[2]])
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
    townships = dict(zip(study.townships["township_code"], study.townships["township"], strict=True))
    places = dict(zip(study.places["place_code"], study.places["place"], strict=True))
    frame = frame.assign(**missing, layer=layer, kind=kind, quality=quality,
                         lead_unit=study.policy.layer(layer).lead_unit)
    frame = frame.assign(township=frame["township_code"].map(townships).fillna(""),
                         place=frame["place_code"].map(places).fillna(""))
    return frame[list(GAPS_COLUMNS)].reset_index(drop=True)
