"""Count the units that must hold a facility of their own, and those that do."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.indicators.registry import exact, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.inputs.names import split_names
from lifecircle.policy import Presence
from lifecircle.study import Study
from lifecircle.traveltimes import serving_facilities

Array = npt.NDArray[Any]


@indicator("units_required", family="presence", label_zh="应有单元数", label_en="units required", unit="unit",
           basis="unit", holds=("extensive", "nonnegative", "ordered", "not_people"))
def units_required(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the units that must hold one."""
    return exact(sums["required"])


@indicator("units_with", family="presence", label_zh="已有单元数", label_en="units with one", unit="unit", basis="unit",
           holds=("extensive", "nonnegative", "ordered", "not_people"))
def units_with(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the units that hold one."""
    return exact(sums["held"])


@indicator("presence_rate", family="presence", label_zh="设施配建率", label_en="presence rate", unit="share",
           basis="unit", holds=("bounded", "ordered", "not_people"), parts=("units_with", "units_required"))
def presence_rate(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the units with a facility by the units that must hold one."""
    return share(sums["held"], sums["required"])


@indicator("former_villages", family="former", label_zh="合并前村数", label_en="former villages", unit="village",
           basis="unit",
           holds=("nonnegative", "ordered", "not_people"))
def former_villages(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the villages that were merged into the units; where they lay is not known, so none is said to hold one."""
    return exact(sums["former"])


def units_of(study: Study, layer: str, rule: Presence) -> pd.DataFrame:
    """List the units under a presence rule, whether each holds a facility, and the people there.

    What holds is an existing facility of the rule's level; where the rule names none, one that serves. What exempts
    is any existing facility of the levels in ``exempt_if``.

    Returns
    -------
    DataFrame
        township_code ("" for the district), place_code ("" but for places), place, class, required (0 or 1), held
        (0 or 1), people.
    """
    there = study.facilities
    there = there[(there["layer"] == layer) & (there["status"] == "existing") & there["inside"]]
    serving = serving_facilities(study, layer)
    chosen = serving[serving["inside"]] if rule.level == "all" else there[there["level"] == rule.level]
    demand = study.demand[study.demand["inside"]]
    if rule.unit == "district":
        return _units([""], len(chosen) > 0, [float(demand["population"].sum())])
    if rule.unit == "township":
        code = study.townships["township_code"]
        people = code.map(demand.groupby("township_code")["population"].sum()).fillna(0.0)
        return _units(code, code.isin(chosen["township_code"]), people)
    places = study.places
    if rule.unit != "place":
        kind = places["kind"] if "kind" in places.columns else _kind_by_code(places)
        places = places[kind == rule.unit]
    code = places["place_code"]
    held = code.isin(places_holding(study, chosen))
    free = code.isin(places_holding(study, there[there["level"].isin(rule.exempt_if)])) & ~held
    people = code.map(demand.groupby("place_code")["population"].sum()).fillna(0.0)
    units = _units(places["township_code"], held, people)
    return units.assign(place_code=code.to_numpy(), place=places["place"].to_numpy(), required=np.where(free, 0.0, 1.0),
                        **{"class": places["class"].to_numpy()})


def _units(township_code: Any, held: Any, people: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"township_code": np.asarray(township_code, dtype=object), "people": np.asarray(people)})
    return frame.assign(place_code="", place="", required=1.0, held=np.asarray(held) * 1.0, **{"class": "all"})


def _kind_by_code(places: gpd.GeoDataFrame) -> pd.Series:
    """Tell community from village by the last three digits of a 12-digit code (general knowledge)."""
    tail = pd.to_numeric(places["place_code"].str[-3:], errors="coerce")
    return pd.Series(np.where(tail < 200, "community", np.where(tail < 400, "village", "other")), index=places.index)


def places_holding(study: Study, facilities: gpd.GeoDataFrame) -> set[str]:
    """Find the places that hold any of the facilities, by `place_of`."""
    return set(place_of(study, facilities)) - {""}


def place_of(study: Study, facilities: gpd.GeoDataFrame) -> Array:
    """Find the place of each facility: the nearest of its own township, the first of several as near; "" without one.

    Returns
    -------
    (n,) array of str
    """
    places, sites, found = study.places, facilities.geometry.to_numpy(), np.full(len(facilities), "", dtype=object)
    codes, home = (places[name].to_numpy(dtype=object) for name in ("place_code", "township_code"))
    shapes = places.geometry.to_numpy()
    for township, there in facilities.groupby("township_code").indices.items():
        own = np.flatnonzero(home == township)
        if len(own):
            off_m = shapely.distance(shapes[own][None, :], sites[there][:, None])
            found[there] = codes[own][off_m.argmin(axis=1)]
    return found


def presence_rows(study: Study, units: pd.DataFrame, layer: str, rule: Presence, district: tuple[str, str],
                  quality: str) -> pd.DataFrame:
    """Lay out one presence rule over its `units_of`; without any unit of its kind there is no data, and no zero."""
    sums = unit_sums(units, ["required", "held"], study.townships, district)
    if rule.unit == "district":
        sums = sums[sums["township_code"] == district[0]].reset_index(drop=True)
    table = rows(sums, family("presence"), layer=layer, level=rule.level, metric=rule.unit, quality=quality)
    if units.empty:
        table = rows(pd.DataFrame([{"township_code": district[0], "township": district[1], "class": "all",
                                    "required": np.nan, "held": np.nan}]),
                     family("presence"), layer=layer, level=rule.level, metric=rule.unit, quality=quality,
                     verdict="no_data")
    former = study.places.set_index("place_code")["merged_from"].fillna("").map(split_names).map(len)
    units = units.assign(former=units["place_code"].map(former).fillna(0.0))
    if not units["former"].any():
        return table
    beside = rows(unit_sums(units, ["former"], study.townships, district), family("former"), layer=layer,
                  level=rule.level, metric=rule.unit, quality=quality)
    return pd.concat([table, beside], ignore_index=True)
