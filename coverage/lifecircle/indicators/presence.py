"""Count the units that must hold a facility of their own, and those that do."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from lifecircle.indicators.registry import exact, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.policy import Presence
from lifecircle.study import Study
from lifecircle.traveltimes import serving_facilities


@indicator("units_required", family="presence", label_zh="应有单元数", label_en="units required", unit="unit",
           basis="unit")
def units_required(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the units that must hold one."""
    return exact(sums["required"])


@indicator("units_with", family="presence", label_zh="已有单元数", label_en="units with one", unit="unit", basis="unit")
def units_with(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the units that hold one."""
    return exact(sums["held"])


@indicator("presence_rate", family="presence", label_zh="设施配建率", label_en="presence rate", unit="share",
           basis="unit")
def presence_rate(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the units with a facility by the units that must hold one."""
    return share(sums["held"], sums["required"])


def units_of(study: Study, layer: str, rule: Presence) -> pd.DataFrame:
    """List the units under a presence rule, whether each holds a facility, and the people there.

    Returns
    -------
    DataFrame
        township_code, place_code ("" for townships), place, class, required (0 or 1), held (0 or 1), people.
    """
    serving = serving_facilities(study, layer)
    serving = serving[serving["inside"]]
    chosen = serving if rule.level == "all" else serving[serving["level"] == rule.level]
    if rule.unit in ("township", "district"):
        return _townships(study, chosen)
    places = study.places
    if rule.unit != "place":
        kind = places["kind"] if "kind" in places.columns else _kind_by_code(places)
        places = places[kind == rule.unit]
    held = _places_holding(study, chosen)
    exempt = _places_holding(study, serving[serving["level"].isin(rule.exempt_if)])
    people = study.demand[study.demand["inside"]].groupby("place_code")["population"].sum()
    code = places["place_code"]
    free = code.isin(exempt) & ~code.isin(held)
    return pd.DataFrame({
        "township_code": places["township_code"], "place_code": code, "place": places["place"],
        "class": places["class"], "required": np.where(free, 0.0, 1.0), "held": code.isin(held) * 1.0,
        "people": code.map(people).fillna(0.0)}).reset_index(drop=True)


def _townships(study: Study, chosen: gpd.GeoDataFrame) -> pd.DataFrame:
    people = study.demand[study.demand["inside"]].groupby("township_code")["population"].sum()
    code = study.townships["township_code"]
    return pd.DataFrame({
        "township_code": code, "place_code": "", "place": "", "class": "all", "required": 1.0,
        "held": code.isin(chosen["township_code"]) * 1.0,
        "people": code.map(people).fillna(0.0)}).reset_index(drop=True)


def _kind_by_code(places: gpd.GeoDataFrame) -> pd.Series:
    """Tell community from village by the last three digits of a 12-digit code (general knowledge)."""
    tail = pd.to_numeric(places["place_code"].str[-3:], errors="coerce")
    return pd.Series(np.where(tail < 200, "community", np.where(tail < 400, "village", "other")), index=places.index)


def _places_holding(study: Study, facilities: gpd.GeoDataFrame) -> set[str]:
    """Find the places that hold a facility: by polygon, else by the nearest place of the same township."""
    from lifecircle.traveltimes import points_of

    places = study.places
    if facilities.empty or places.empty:
        return set()
    points = gpd.GeoDataFrame({"township_code": facilities["township_code"].to_numpy()},
                              geometry=gpd.points_from_xy(*points_of(facilities).T), crs=study.crs)
    if (places.geom_type == "Point").all():
        near = gpd.sjoin_nearest(points, places[["place_code", "township_code", "geometry"]])
        near = near[near["township_code_left"] == near["township_code_right"]]
        return set(near["place_code"])
    return set(gpd.sjoin(points, places[["place_code", "geometry"]], predicate="intersects")["place_code"])


def presence_rows(study: Study, layer: str, rule: Presence, district: tuple[str, str], quality: str) -> pd.DataFrame:
    """Lay out one presence rule."""
    units = units_of(study, layer, rule)
    sums = unit_sums(units, ["required", "held"], study.townships, district)
    return rows(sums, family("presence"), layer=layer, level=rule.level, metric=rule.unit, quality=quality)
