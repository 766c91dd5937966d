"""Keep small numbers of people in priority groups out of everything that is written or shown."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd

from lifecircle.assessment import Assessment

#: Counts of a priority group above 0 and below this are not shown.
SMALL_PEOPLE = 10.0
#: State of a demand point -> prefix of the column that counts its people per place.
STATE_COLUMNS: dict[str, str] = {"in_time": "in_time", "out_of_time": "out", "undetermined": "undetermined"}
_GAP_COUNTS = ("people", "people_out", "people_undetermined")
#: These count people where the gap's unit is a person.
_GAP_AMOUNTS = ("need", "have", "short")


def published(assessment: Assessment) -> Assessment:
    """Give the assessment as it may be written and shown; a second pass changes nothing.

    In rows of a priority group (group is not ``all``) a number of people above 0 and below `SMALL_PEOPLE` becomes NaN;
    in results its ``low`` and ``high`` then read 0 and `SMALL_PEOPLE`. Where the whole group of a unit is that small,
    its rates go too. Demand points lose the columns of the groups; places gain ``people_<layer>``,
    ``in_time_<layer>``, ``out_<layer>`` and ``undetermined_<layer>``, the people whose reach the layer counts.
    Rows of all residents are untouched.
    """
    groups = [column for column in assessment.demand.columns if column.startswith("population_")]
    return replace(
        assessment,
        results=_filter_results(assessment.results),
        gaps=_filter_gaps(assessment.gaps),
        places=with_place_counts(assessment),
        demand=assessment.demand.drop(columns=groups),
    )


def small(people: pd.Series) -> pd.Series:
    """Tell which counts are too small to be shown."""
    return (people > 0) & (people < SMALL_PEOPLE)


def _filter_results(results: pd.DataFrame) -> pd.DataFrame:
    grouped = results["group"] != "all"
    count = results["unit"].isin(["person", "people"])
    hidden = grouped & count & (small(results["value"]) | small(results["high"]))
    unit = ["township_code", "class", "layer", "level", "group", "scenario"]
    tiny = hidden & (results["indicator"] == "people")
    of_tiny = pd.MultiIndex.from_frame(results[unit]).isin(pd.MultiIndex.from_frame(results.loc[tiny, unit]))
    rate = grouped & ~count & of_tiny
    shown = results.copy()
    shown.loc[hidden | rate, ["value", "low", "high"]] = np.nan
    shown.loc[hidden, ["low", "high"]] = [0.0, SMALL_PEOPLE]
    return shown


def _filter_gaps(gaps: pd.DataFrame) -> pd.DataFrame:
    shown, grouped, persons = gaps.copy(), gaps["group"] != "all", gaps["unit"] == "person"
    for column in (*_GAP_COUNTS, *_GAP_AMOUNTS):
        counts = grouped if column in _GAP_COUNTS else grouped & persons
        shown.loc[counts & small(gaps[column]), column] = np.nan
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
