"""Keep small numbers of people in priority groups out of everything that is written or shown."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.indicators.priority import HIDDEN, OVERLAY, TOLD, priority_rows, with_rates, without
from lifecircle.outputs.suppression import SMALL_PEOPLE, hide, small
from lifecircle.plan import PLAN_LAYER
from lifecircle.scorecard import scored

__all__ = ["SMALL_PEOPLE", "STATE_COLUMNS", "published", "small", "with_place_counts"]
#: State of a demand point -> prefix of the column that counts its people per place.
STATE_COLUMNS: dict[str, str] = {"in_time": "in_time", "out_of_time": "out", "undetermined": "undetermined"}
#: These count a whole group.
_WHOLE_GROUP = ("people", "people_60plus")
_GAP_COUNTS = ("people", "people_out", "people_undetermined")
#: These count people where the gap's unit is a person.
_GAP_AMOUNTS = ("need", "have", "short")


def published(assessment: Assessment) -> Assessment:
    """Give the assessment as it may be written and shown; a second pass changes nothing.

    In rows of a priority group (group is not ``all``) a number of people above 0 and below `SMALL_PEOPLE` becomes NaN;
    in results its ``low`` and ``high`` then read 0 and `SMALL_PEOPLE`. Where the whole group of a unit is that small,
    its rates go too. Demand points lose the columns of the groups; places gain ``people_<layer>``,
    ``in_time_<layer>``, ``out_<layer>`` and ``undetermined_<layer>``, the people whose reach the layer counts.
    Facilities lose people and load where they serve so few of a group. Rows of all residents are untouched. The
    scorecard is made of what is shown. Counts of a register's groups are hidden so that no sum gives one away
    (`suppression.hide`); their densities and the overlay on the gaps are made of what is shown.
    """
    priority = _filter_priority(assessment.priority)
    results = _filter_results(assessment.results)
    if len(priority):
        made = priority_rows(priority, assessment.demand, assessment.run["layers"])
        results = pd.concat([without(results), _filter_results(made)], ignore_index=True)
    groups = [column for column in assessment.demand.columns if column.startswith("population_")]
    return scored(replace(
        assessment,
        results=results,
        priority=priority,
        circles=_filter_circles(assessment.circles),
        gaps=_filter_gaps(assessment.gaps),
        places=with_place_counts(assessment),
        demand=assessment.demand.drop(columns=groups),
        facilities=_filter_facilities(assessment),
    ))


def _filter_priority(table: pd.DataFrame) -> pd.DataFrame:
    """Hide counts of priority groups, and what follows from them; a table that hides some already stays as it is."""
    if table.empty or (table["state"] == HIDDEN).any():
        return table
    shown = table.copy()
    for _, own in table.groupby("group", sort=False):
        places = own[own["unit"] == "place"]
        found = hide(places["people"], places["township_code"])
        shut = set(places["code"][found.leaves]) | found.branches
        district = (own["unit"] == "district") & found.whole
        hidden = (own["code"].isin(shut) & (own["unit"] != "district")) | district
        shown.loc[own.index[hidden], "state"] = HIDDEN
    return with_rates(shown.assign(people=shown["people"].where(shown["state"] == TOLD)))


def _filter_results(results: pd.DataFrame) -> pd.DataFrame:
    grouped = results["group"] != "all"
    count = results["unit"].isin(["person", "people"])
    hidden = grouped & count & (small(results["value"]) | small(results["high"]))
    unit = ["township_code", "class", "layer", "level", "group", "scenario"]
    tiny = hidden & results["indicator"].isin(_WHOLE_GROUP)
    of_tiny = pd.MultiIndex.from_frame(results[unit]).isin(pd.MultiIndex.from_frame(results.loc[tiny, unit]))
    rate = grouped & ~count & of_tiny
    shown = results.copy()
    shown.loc[hidden | rate | _beside_reported(results, grouped), ["value", "low", "high"]] = np.nan
    shown.loc[hidden, ["low", "high"]] = [0.0, SMALL_PEOPLE]
    shown.loc[hidden & (shown["indicator"] == OVERLAY), ["low", "high"]] = np.nan  # an estimate may be far off
    return shown


def _beside_reported(results: pd.DataFrame, grouped: pd.Series) -> pd.Series:
    """Tell which reported counts of a priority group must go so that the district's sum gives no small one away."""
    beside = pd.Series(False, index=results.index)
    told = results[grouped & (results["layer"] == PLAN_LAYER) & (results["indicator"] == "reported")
                   & results["unit"].isin(["person", "people"]) & results["value"].notna()]
    for _, own in told.groupby(["level", "group"], sort=False):
        whole = (own["value"] * 2 - own["value"].sum()).abs() < 1e-6  # the row that the others add up to
        towns = own[~whole]
        if whole.sum() == 1 and len(towns):
            found = hide(towns["value"], pd.Series("", index=towns.index))
            beside[towns.index[found.leaves]] = True
            beside[own.index[whole]] = found.whole
    return beside


def _filter_gaps(gaps: pd.DataFrame) -> pd.DataFrame:
    shown, grouped, persons = gaps.copy(), gaps["group"] != "all", gaps["unit"] == "person"
    for column in (*_GAP_COUNTS, *_GAP_AMOUNTS):
        counts = grouped if column in _GAP_COUNTS else grouped & persons
        shown.loc[counts & small(gaps[column]), column] = np.nan
    return shown


def _filter_facilities(assessment: Assessment) -> gpd.GeoDataFrame:
    facilities = assessment.facilities
    if "people_allocated" not in facilities.columns:
        return facilities
    groups = {layer: facts.get("group", "all") for layer, facts in assessment.run["layers"].items()}
    hidden = small(facilities["people_allocated"]) & (facilities["layer"].map(groups).fillna("all") != "all")
    return facilities.assign(**{name: facilities[name].mask(hidden) for name in ("people_allocated", "load")})


def _filter_circles(circles: pd.DataFrame) -> pd.DataFrame:
    """Hide small numbers of elders, and the shares that would tell them."""
    shown, late = circles.copy(), circles["elders"] - circles["elders_in_time"] - circles["elders_undetermined"]
    counts = ["elders", "elders_in_time", "elders_undetermined"]
    hidden = small(late) | pd.concat([small(circles[name]) for name in counts], axis=1).any(axis=1)
    shown.loc[hidden, [*counts, "share_low", "share_high"]] = np.nan
    return shown


def with_place_counts(assessment: Assessment) -> gpd.GeoDataFrame:
    """Give the places with the people in time, out and undetermined per layer; small groups are NaN."""
    places, demand = assessment.places, assessment.demand
    for layer, facts in assessment.run["layers"].items():
        if f"people_{layer}" in places.columns or f"state_{layer}" not in demand.columns:
            continue
        group = facts.get("group", "all")
        weight = "population" if f"population_{group}" not in demand.columns else f"population_{group}"
        counts = demand.pivot_table(index="place_code", columns=f"state_{layer}", values=weight, aggfunc="sum")
        counts = counts.reindex(index=places["place_code"], columns=list(STATE_COLUMNS)).fillna(0.0)
        counts.insert(0, "people", counts.sum(axis=1))
        if weight != "population":
            counts = counts.mask((counts > 0) & (counts < SMALL_PEOPLE))
        names = [f"{prefix}_{layer}" for prefix in ("people", *STATE_COLUMNS.values())]
        places = places.assign(**dict(zip(names, counts.to_numpy().T, strict=True)))
    return places
