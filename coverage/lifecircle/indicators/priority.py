"""Lay priority groups over the gaps: how many live where, how densely, and how many live where a service is too far."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from lifecircle.indicators.registry import INDICATORS, exact, indicator
from lifecircle.indicators.rows import rows
from lifecircle.inputs.priority import PRIORITY_INPUT
from lifecircle.tables import PRIORITY_COLUMNS, worst_quality

#: Layer of the rows that are about no service; the overlay stands under the layer itself.
PRIORITY_LAYER = "priority"
#: Whether a count is known, was not reported, or must not be shown.
TOLD, NOT_TOLD, HIDDEN = "told", "not_told", "hidden"
NO_PRIORITY_TABLE = pd.DataFrame(columns=list(PRIORITY_COLUMNS))
_NAMES = ("priority_people", "priority_people_per_km2", "priority_people_per_1000")
OVERLAY = "priority_people_out"


@indicator("priority_people", family="priority", label_zh="重点人群人数", label_en="people of a priority group",
           unit="person", basis="register", holds=("nonnegative",))
def priority_people(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people of the group; where some places are not told, a lower bound."""
    people = exact(sums["people"])
    return people.assign(high=people["value"].where(sums["places_told"] == sums["places"]))


@indicator("priority_people_per_km2", family="priority", label_zh="重点人群密度", label_en="priority people per km2",
           unit="person/km2", basis="area", holds=("nonnegative",))
def priority_people_per_km2(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the people of the group by the area of the unit."""
    return priority_people(sums).div(sums["area_km2"].where(sums["area_km2"] > 0), axis=0)


@indicator("priority_people_per_1000", family="priority", label_zh="每千人重点人群",
           label_en="priority people per 1,000 residents", unit="person/1000", basis="population",
           holds=("nonnegative",))
def priority_people_per_1000(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the people of the group by residents, times 1,000; empty where nobody lives."""
    return priority_people(sums).mul(1000.0).div(sums["residents"].where(sums["residents"] > 0), axis=0)


@indicator(OVERLAY, family="priority_overlay", label_zh="圈外重点人群（估算）",
           label_en="people of a priority group out of time (estimate)", unit="person",
           basis="register count x share of the place's residents out of time", holds=("nonnegative", "ordered"))
def priority_people_out(sums: pd.DataFrame) -> pd.DataFrame:
    """Give the people of the group who live out of time, if they live as the residents of their place do."""
    return sums[["value", "low", "high"]].astype(float)


def priority_table(told: pd.DataFrame, places: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, demand: pd.DataFrame,
                   district: tuple[str, str], quality: str) -> pd.DataFrame:
    """Lay out the counts per place, township and district.

    Parameters
    ----------
    told : DataFrame
        `inputs.priority.PRIORITY_INPUT`.
    demand : DataFrame
        township_code, place_code, population of the points inside.
    district : (code, name)

    Returns
    -------
    DataFrame
        `PRIORITY_COLUMNS`: every unit for every group; state is told or not_told, people of the latter NaN.
    """
    if told.empty:
        return NO_PRIORITY_TABLE.copy()
    units = _units(places, townships, demand, district)
    parts = []
    for group, rows_ in told.groupby("group", sort=True):
        own = {"place": rows_.set_index("place_code")["people"],
               "township": rows_.groupby("township_code")["people"].sum(),
               "district": pd.Series({district[0]: rows_["people"].sum()})}
        count = {"place": rows_.set_index("place_code")["people"] * 0 + 1,
                 "township": rows_.groupby("township_code").size(), "district": pd.Series({district[0]: len(rows_)})}
        for unit, part in units.groupby("unit", sort=False):
            parts.append(part.assign(group=group, people=part["code"].map(own[str(unit)]).astype(float),
                                     places_told=part["code"].map(count[str(unit)]).fillna(0).astype(float)))
    table = pd.concat(parts, ignore_index=True)
    return with_rates(table.assign(state=np.where(table["people"].isna(), NOT_TOLD, TOLD), quality=quality))


def with_rates(table: pd.DataFrame) -> pd.DataFrame:
    """Give the table with the densities that follow from its counts."""
    return table.assign(people_per_km2=priority_people_per_km2(table)["value"],
                        people_per_1000=priority_people_per_1000(table)["value"])[list(PRIORITY_COLUMNS)]


def _units(places: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, demand: pd.DataFrame, district: tuple[str, str],
           ) -> pd.DataFrame:
    names = dict(zip(townships["township_code"], townships["township"], strict=True))
    area_km2 = townships.geometry.area / 1e6
    columns = ("unit", "code", "name", "township_code", "residents", "area_km2", "places")
    home, town = (demand.groupby(key)["population"].sum() for key in ("place_code", "township_code"))
    place_rows = zip(places["place_code"], places["place"], places["township_code"], places.geometry.area, strict=True)
    of_town = places.groupby("township_code").size()
    listed = [("place", code, name, township, home.get(code, 0.0), area / 1e6 or np.nan, 1)
              for code, name, township, area in place_rows]
    listed += [("township", code, name, code, town.get(code, 0.0), area, of_town.get(code, 0))
               for (code, name), area in zip(names.items(), area_km2, strict=True)]
    listed.append(("district", *district, district[0], demand["population"].sum(), area_km2.sum(), len(places)))
    units = pd.DataFrame(listed, columns=list(columns)).astype({"residents": float, "places": float})
    return units.assign(township=units["township_code"].map({**names, district[0]: district[1]}))


def priority_rows(table: pd.DataFrame, demand: pd.DataFrame, layers: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Lay the counts, the densities and the overlay out as rows of the results, per township and for the district.

    Everything follows from the counts that the table shows, so rows made of a table that hides some tell no more.

    Parameters
    ----------
    table : DataFrame
        As `priority_table` gives it.
    demand : DataFrame
        place_code, population, state_<layer>.
    layers : dict
        Layer -> its record in ``run.json``.
    """
    if table.empty:
        return pd.DataFrame()
    shares = {layer: _shares(demand, layer) for layer in layers if f"state_{layer}" in demand.columns}
    parts = []
    for group, own in table.groupby("group", sort=True):
        units = own[own["unit"] != "place"].reset_index(drop=True).assign(**{"class": "all"})
        units = units.assign(township_code=units["code"], township=units["name"])
        items = [INDICATORS[name] for name in _NAMES]
        parts.append(rows(units, items, layer=PRIORITY_LAYER, group=group, headline=False,
                          quality=own["quality"].iloc[0]))
        for layer, share in shares.items():
            sums = pd.concat([units, overlay(own, share)], axis=1)
            quality = worst_quality([own["quality"].iloc[0], layers[layer]["quality"]])
            parts.append(rows(sums, [INDICATORS[OVERLAY]], layer=layer, group=group, headline=False, quality=quality))
    return pd.concat(parts, ignore_index=True)


def _shares(demand: pd.DataFrame, layer: str) -> pd.DataFrame:
    """Give the share of each place's judged residents that is out of time, and undetermined."""
    state = demand[f"state_{layer}"]
    judged = demand[state.isin(["in_time", "out_of_time", "undetermined"])]
    counts = judged.pivot_table(index="place_code", columns=f"state_{layer}", values="population", aggfunc="sum")
    counts = counts.reindex(columns=["in_time", "out_of_time", "undetermined"]).fillna(0.0)
    whole = counts.sum(axis=1)
    return pd.DataFrame({"out": counts["out_of_time"], "unknown": counts["undetermined"]})[whole > 0].div(
        whole[whole > 0], axis=0)


def overlay(table: pd.DataFrame, share: pd.DataFrame) -> pd.DataFrame:
    """Estimate how many of one group live out of time, per township and for the district.

    Counts that are shown are multiplied by their place's share; what is left of the unit's count is spread over the
    places whose count is hidden as their residents are. A place without judged residents is open: out of time or not.

    Returns
    -------
    DataFrame
        value, low, high in the order of the table's townships and the district; high counts the undetermined in, and
        both let all whose place is hidden live where fewest, or most, are out of time. Blank where the count is.
    """
    places = table[table["unit"] == "place"]
    joined = places["code"].map(share["out"]), places["code"].map(share["unknown"])
    places = places.assign(out=joined[0].fillna(0.0), most=(joined[0] + joined[1]).fillna(1.0))
    told, found = table[table["unit"] == "township"], {}
    for code, people, state in zip(told["code"], told["people"], told["state"], strict=True):
        own = places[places["township_code"] == code]
        found[code] = (np.zeros(3) if state == NOT_TOLD else np.full(3, np.nan) if state == HIDDEN
                       else _estimate(own, people))
    whole = table.loc[table["unit"] == "district", "people"].iloc[0]
    shut = told["code"][told["state"] == HIDDEN]
    left = whole - told["people"].sum()
    total = sum((value for code, value in found.items() if code not in set(shut)), np.zeros(3))
    if len(shut):
        total = total + _estimate(places[places["township_code"].isin(shut)], left)
    values = [found[code] if state != NOT_TOLD else np.full(3, np.nan)
              for code, state in zip(told["code"], told["state"], strict=True)]
    return pd.DataFrame([*values, total if whole == whole else np.full(3, np.nan)], columns=["value", "low", "high"])


def _estimate(places: pd.DataFrame, people: float) -> Any:
    """Give value, low and high of people of whom some live in places that are shown, the rest in those hidden."""
    shown, shut = places[places["state"] == TOLD], places[places["state"] == HIDDEN]
    at, left = shown["people"], people - shown["people"].sum()
    out, most = float((at * shown["out"]).sum()), float((at * shown["most"]).sum())
    if shut.empty:
        return np.array([out, out, most])
    weight = shut["residents"] if shut["residents"].sum() > 0 else shut["residents"] + 1.0
    mean = float((weight * shut["out"]).sum() / weight.sum())
    return np.array([out + left * mean, out + left * shut["out"].min(), most + left * shut["most"].max()])


def without(results: pd.DataFrame) -> pd.DataFrame:
    """Give the results without the rows of priority groups that `priority_rows` makes."""
    return results[~results["indicator"].isin([*_NAMES, OVERLAY])]


__all__ = ["HIDDEN", "NOT_TOLD", "OVERLAY", "PRIORITY_INPUT", "PRIORITY_LAYER", "TOLD", "overlay", "priority_rows",
           "priority_table", "with_rates", "without"]
