"""List the gaps: per place who is out of reach and why, per unit what is missing, per township what area is short."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.per_head import area_sums
from lifecircle.indicators.presence import units_of
from lifecircle.indicators.reach import Judged, group_of
from lifecircle.policy import Presence
from lifecircle.study import Study
from lifecircle.tables import GAPS_COLUMNS
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]
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
    frame = frame[frame["state"] >= 0]
    names = times.serving[judged.layer]
    shown = names["name"].where(names["name"].fillna("") != "", names["facility_id"]).to_numpy()
    rows = []
    for (township, place, kind), part in frame.groupby(["township_code", "place_code", "class"], sort=True):
        out, open_ = part[part["state"] == 1], part[part["state"] == 2]
        people_out, undetermined = out["people"].sum(), open_["people"].sum()
        if people_out + undetermined <= 0:
            continue
        cutoff_min = judged.cutoffs_min[kind]
        median, worst = _minutes(out)
        people = part["people"].sum()
        rows.append({
            **_BLANK, "township_code": township, "place_code": place, "class": kind, "group": group,
            "mode": judged.modes[kind], "metric": "min", "cutoff": cutoff_min, "people": people,
            "people_out": people_out, "people_undetermined": undetermined, "need": people,
            "have": people - people_out - undetermined, "short": people_out + undetermined, "unit": "person",
            "minutes_median": median, "minutes_worst": worst, "minutes_over": median - cutoff_min,
            "nearest_facility": _commonest(out, shown), "cause": _cause(people_out, undetermined, median)})
    return _finish(pd.DataFrame(rows), times.study, judged.layer, "reach", quality)


def _minutes(out: pd.DataFrame) -> tuple[float, float]:
    known = out[np.isfinite(out["minutes"]) & (out["people"] > 0)].sort_values("minutes")
    if known.empty:
        return np.nan, np.nan
    weight = known["people"].cumsum().to_numpy()
    middle = int(np.searchsorted(weight, weight[-1] / 2.0))
    return float(known["minutes"].iloc[middle]), float(known["minutes"].iloc[-1])


def _commonest(out: pd.DataFrame, names: Array) -> str:
    known = out[out["facility"] >= 0]
    if known.empty:
        return ""
    return str(names[int(known.groupby("facility")["people"].sum().idxmax())])


def _cause(people_out: float, undetermined: float, median_min: float) -> str:
    if undetermined > people_out:
        return "off_network"
    return "no_facility" if np.isnan(median_min) else "too_far"


def presence_gaps(study: Study, layer: str, rule: Presence, quality: str) -> pd.DataFrame:
    """List the units that must hold a facility and hold none."""
    units = units_of(study, layer, rule)
    lacking = units[(units["required"] > 0) & (units["held"] == 0)]
    frame = lacking.assign(need=1.0, have=0.0, short=1.0, unit="facility", cause="no_facility", level=rule.level,
                           metric=rule.unit)
    return _finish(frame, study, layer, "presence", quality)


def area_gaps(study: Study, layer: str, district: tuple[str, str], quality: str) -> pd.DataFrame:
    """List the townships whose area per head is below the standard."""
    sums = area_sums(study, layer, study.policy.layer(layer), district)
    sums = sums[(sums["township_code"] != district[0]) & (sums["area"] < sums["need"])]
    frame = sums.assign(have=sums["area"], short=sums["need"] - sums["area"], unit="m2", metric="m2",
                        cause=np.where(sums["area"] > 0, "full", "no_facility"))
    return _finish(frame, study, layer, "area", quality)


def _finish(frame: pd.DataFrame, study: Study, layer: str, kind: str, quality: str) -> pd.DataFrame:
    """Fill names and the columns of the contract."""
    if frame.empty:
        return pd.DataFrame(columns=list(GAPS_COLUMNS))
    missing = {name: value for name, value in _BLANK.items() if name not in frame.columns}
    townships = study.townships.set_index("township_code")["township"]
    places = study.places.set_index("place_code")["place"]
    frame = frame.assign(**missing, layer=layer, kind=kind, quality=quality,
                         lead_unit=study.policy.layer(layer).lead_unit)
    frame = frame.assign(township=frame["township_code"].map(townships).fillna(""),
                         place=frame["place_code"].map(places).fillna(""))
    return frame[list(GAPS_COLUMNS)].reset_index(drop=True)
