"""Keep small numbers of people in priority groups out of everything that is written or shown."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.indicators.priority import HIDDEN, OVERLAY, TOLD, priority_rows, with_rates, without
from lifecircle.outputs.groupcounts import Cells, group_of, hidden_of, hidden_results
from lifecircle.outputs.suppression import SMALL_PEOPLE, Mask, Sum, hide, hide_tree, small
from lifecircle.plan import PLAN_LAYER
from lifecircle.scorecard import scored

__all__ = ["SMALL_PEOPLE", "STATE_COLUMNS", "published", "published_sites", "published_siting", "small",
           "with_place_counts"]
#: State of a demand point -> prefix of the column that counts its people per place.
STATE_COLUMNS: dict[str, str] = {"in_time": "in_time", "out_of_time": "out", "undetermined": "undetermined"}
#: These count a whole group.
_WHOLE_GROUP = ("people", "people_60plus")
_GAP_COUNTS = ("people", "people_out", "people_undetermined")
#: These count people where the gap's unit is a person.
_GAP_AMOUNTS = ("need", "have", "short")
_SITE_COUNTS = ("people_won", "people_alone", "people_last")


def published(assessment: Assessment) -> Assessment:
    """Give the assessment as it may be written and shown; a second pass changes nothing.

    In rows of a priority group (group is not ``all``) a number of people above 0 and below `SMALL_PEOPLE` becomes NaN;
    in results its ``low`` and ``high`` then read 0 and `SMALL_PEOPLE`. Where the whole group of a unit is that small,
    its rates go too, and so does whatever would give a small number away by a sum or a difference: the split of another
    class, place or township, or the upper bound of a rate (`groupcounts`). Demand points lose the columns of the
    groups; places gain ``people_<layer>``, ``in_time_<layer>``, ``out_<layer>`` and ``undetermined_<layer>``, the
    people whose reach the layer counts. Facilities lose people and load where they serve so few of a group. Rows of all
    residents are untouched. The scorecard is made of what is shown. Counts of a register's groups are hidden in the
    same way; their densities and the overlay on the gaps are made of what is shown. Routes stay: they begin where all
    residents have their middle, at a point whose minutes the demand shows, and hang on no group.
    """
    cells = Cells.of(assessment.demand, assessment.run["district"]["code"])
    priority = _filter_priority(assessment.priority)
    results = _filter_results(assessment.results, *hidden_results(assessment, cells))
    if len(priority):
        made = priority_rows(priority, assessment.demand, assessment.run["layers"])
        results = pd.concat([without(results), _filter_results(made)], ignore_index=True)
    groups = [column for column in assessment.demand.columns if column.startswith("population_")]
    return scored(replace(
        assessment,
        results=results,
        priority=priority,
        circles=_filter_circles(assessment.circles),
        gaps=_filter_gaps(assessment, cells),
        places=with_place_counts(assessment, cells),
        demand=assessment.demand.drop(columns=groups),
        facilities=_filter_facilities(assessment),
        gains=_filter_gains(assessment),
        sites=published_sites(assessment.sites),
        siting=published_siting(assessment.siting),
    ))


def _filter_priority(table: pd.DataFrame) -> pd.DataFrame:
    """Hide counts of priority groups, and what follows from them; a table that hides some already stays as it is."""
    if table.empty or (table["state"] == HIDDEN).any():
        return table
    shown = table.copy()
    for _, own in table.groupby("group", sort=False):
        places = own[own["unit"] == "place"]
        leaves, towns, whole = hide_tree(places["people"], places["township_code"])
        shut = set(places["code"][leaves]) | towns
        district = (own["unit"] == "district") & whole
        hidden = (own["code"].isin(shut) & (own["unit"] != "district")) | district
        shown.loc[own.index[hidden], "state"] = HIDDEN
    return with_rates(shown.assign(people=shown["people"].where(shown["state"] == TOLD)))


def _filter_results(results: pd.DataFrame, rows: Mask | None = None, high: Mask | None = None) -> pd.DataFrame:
    """Hide small counts and, of groups that the demand counts, the `rows` and upper bounds that would tell them."""
    grouped = results["group"] != "all"
    count = results["unit"].isin(["person", "people"])
    hidden = grouped & count & (small(results["value"]) | small(results["high"]))
    unit = ["township_code", "class", "layer", "level", "group", "scenario"]
    tiny = hidden & results["indicator"].isin(_WHOLE_GROUP)
    of_tiny = pd.MultiIndex.from_frame(results[unit]).isin(pd.MultiIndex.from_frame(results.loc[tiny, unit]))
    shut = (grouped & ~count & of_tiny) | _beside_reported(results, grouped)
    shown = results.copy()
    shown.loc[hidden | shut | (False if rows is None else rows), ["value", "low", "high"]] = np.nan
    if high is not None:
        shown.loc[high, "high"] = np.nan
    shown.loc[_counts_of_hidden(results, shown), ["value", "low", "high"]] = np.nan
    shown.loc[hidden, ["low", "high"]] = [0.0, SMALL_PEOPLE]
    shown.loc[hidden & (shown["indicator"] == OVERLAY), ["low", "high"]] = np.nan  # an estimate may be far off
    return shown


def _counts_of_hidden(results: pd.DataFrame, shown: pd.DataFrame) -> pd.Series:
    """Tell which counts of townships that reach a share must go: they tell of townships whose rates are hidden."""
    of = ["class", "layer", "level", "group", "scenario"]
    rates = shown[(shown["indicator"] == "coverage_rate") & shown["headline"] & (shown["group"] != "all")]
    gone = rates[rates["value"].isna() & results.loc[rates.index, "value"].notna()]
    counts = shown["indicator"].str.startswith("townships_at_")
    return counts & pd.MultiIndex.from_frame(shown[of]).isin(pd.MultiIndex.from_frame(gone[of]))


def _beside_reported(results: pd.DataFrame, grouped: pd.Series) -> pd.Series:
    """Tell which reported counts of a priority group must go so that the district's sum gives no small one away."""
    beside = pd.Series(False, index=results.index)
    told = results[grouped & (results["layer"] == PLAN_LAYER) & (results["indicator"] == "reported")
                   & results["unit"].isin(["person", "people"]) & results["value"].notna()]
    for _, own in told.groupby(["level", "group"], sort=False):
        whole = (own["value"] * 2 - own["value"].sum()).abs() < 1e-6  # the row that the others add up to
        towns = own[~whole]
        if whole.sum() == 1 and len(towns):
            leaves, _, district = hide_tree(towns["value"], pd.Series("", index=towns.index))
            beside[towns.index[leaves]] = True
            beside[own.index[whole]] = district
    return beside


def _filter_gaps(assessment: Assessment, cells: Cells) -> pd.DataFrame:
    """Hide small counts of groups, and those that the sums of their township would tell."""
    gaps = assessment.gaps
    shown, grouped, persons = gaps.copy(), gaps["group"] != "all", gaps["unit"] == "person"
    for column in (*_GAP_COUNTS, *_GAP_AMOUNTS):
        counts = grouped if column in _GAP_COUNTS else grouped & persons
        shown.loc[counts & small(gaps[column]), column] = np.nan
    for layer in gaps.loc[grouped, "layer"].unique():
        if (column := group_of(assessment, layer)) and f"state_{layer}" in assessment.demand.columns:
            own = grouped & (gaps["layer"] == layer)
            found = hidden_of(cells, assessment.demand[column].to_numpy(dtype=float),
                              assessment.demand[f"state_{layer}"])
            whole, judged = (own & cells.of_places(mask, gaps["place_code"]) for mask in (found.whole, found.judged))
            shown.loc[whole, "people"] = np.nan
            shown.loc[judged, ["people_out", "people_undetermined"]] = np.nan
            shown.loc[whole & persons, "need"] = np.nan
            shown.loc[own & persons & _beside_small(gaps, own & persons), ["have", "short"]] = np.nan
    return shown


def _beside_small(gaps: pd.DataFrame, chosen: pd.Series) -> pd.Series:
    """Tell which amounts of a township must go so that its sums do not give a small one away."""
    shut = pd.Series(False, index=gaps.index)
    for _, own in gaps[chosen].groupby(["township_code", "kind"], sort=False):
        amounts = np.nan_to_num(own[["have", "short"]].to_numpy(dtype=float))
        counts = np.vstack([amounts, amounts.sum(axis=0)])
        shut[own.index] = hide(counts, [Sum(len(own), np.arange(len(own)))])[:-1]
    return shut


def _filter_facilities(assessment: Assessment) -> gpd.GeoDataFrame:
    """Hide small loads, and others so that the sum of a layer's loads does not give them away."""
    facilities = assessment.facilities
    if "people_allocated" not in facilities.columns:
        return facilities
    groups = {layer: facts.get("group", "all") for layer, facts in assessment.run["layers"].items()}
    hidden = pd.Series(False, index=facilities.index)
    for layer, own in facilities.groupby("layer", sort=False)["people_allocated"]:
        if groups.get(str(layer), "all") != "all" and small(own).any():
            hidden[own.index] = hide_tree(own, pd.Series("", index=own.index))[0] | small(own)
    return facilities.assign(**{name: facilities[name].mask(hidden) for name in ("people_allocated", "load")})


def _filter_gains(assessment: Assessment) -> pd.DataFrame:
    """Hide small gains of a group, and another of the layer beside them; whoever knows all but one knows none."""
    gains = assessment.gains
    hidden = pd.Series(False, index=gains.index)
    counts = ["people_alone", "people_last", "people_together"]
    for layer, own in gains.groupby("layer", sort=False):
        if assessment.run["layers"][layer].get("group", "all") != "all":
            for name in counts[:2]:
                hidden[own.index] |= hide_tree(own[name], pd.Series("", index=own.index))[0]
            hidden[own.index] |= _tells_few(own.assign(people_together=own["people_together"].max()), counts)
    names = [*counts, "person_minutes_saved"]
    return gains.assign(**{name: gains[name].mask(hidden) for name in names})


def _tells_few(table: pd.DataFrame, counts: Sequence[str]) -> pd.Series:
    """Tell in which rows a count is small, or what two of them differ by."""
    told = table[list(counts)].astype(float)
    apart = [(told[one] - told[other]).abs() for one, other in itertools.combinations(counts, 2)]
    return pd.concat([small(column) for column in (*(told[name] for name in counts), *apart)], axis=1).any(axis=1)


def published_sites(sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Hide what sites win of a group where it is small, and others so that all together do not give it away.

    What two counts of one site differ by is a number of people too: where that is small, what the site wins stays and
    the counts beside it go.
    """
    hidden, beside = pd.Series(False, index=sites.index), pd.Series(False, index=sites.index)
    for _, own in sites[sites["group"] != "all"].groupby("layer", sort=False):
        few = pd.concat([small(own[name].astype(float)) for name in _SITE_COUNTS], axis=1).any(axis=1)
        whole = own.assign(together=own["people_won"].sum(skipna=False))
        beside[own.index] = _tells_few(whole, (*_SITE_COUNTS, "together"))
        won = np.append(own["people_won"].to_numpy(dtype=float), own["people_won"].sum())[:, None]
        covered = hide(won, [Sum(len(own), np.arange(len(own)))], shut=np.append(few.to_numpy(), False))
        hidden[own.index] = covered[:-1]
    masks = dict(zip(_SITE_COUNTS, (hidden, hidden | beside, hidden | beside), strict=True))
    return sites.assign(**{name: sites[name].mask(mask) for name, mask in masks.items()})


def published_siting(siting: dict[str, Any]) -> dict[str, Any]:
    """Take out of a siting what tells a small number of a group: counts, and what they or alternatives differ by.

    Where several services are asked for, the counts of one that is hidden could be told by the sums; those go too.
    """
    services, weights = siting.get("services", []), set(siting.get("weights", {}))
    grouped = [one for one in services if one["group"] != "all"]
    if not grouped and weights <= {"all"}:
        return siting
    shown = {**siting, "alternatives": [{**item, "objective": None} for item in siting["alternatives"]]}
    if not grouped:
        return shown
    shown["services"] = [_published_service(one) if one["group"] != "all" else one for one in services]
    hidden = any(one["people_in_time_after"] is None for one in shown["services"])
    if any(one["people_aside"] is None for one in shown["services"]):
        shown["people_aside"] = None
    steps = [siting["people_in_time_before"], *(one["people_in_time"] for one in siting.get("years", ()))]
    if hidden or len(services) > 1 or _few_between(steps):
        shown.update({name: None for name in ("years_objective", "years_bound", "years_gap") if name in siting})
        shown.update({name: [{**one, **dict.fromkeys(counts)} for one in siting[name]] for name, counts in (
            ("years", ("people_in_time",)), ("links", ("people_alone", "people_last"))) if name in siting})
    elif "links" in siting:
        gains = pd.DataFrame(siting["links"], columns=["people_alone", "people_last"])
        shown["links"] = [{**one, **(dict.fromkeys(gains.columns) if few else {})}
                          for one, few in zip(siting["links"], _tells_few(gains, tuple(gains.columns)), strict=True)]
    if hidden:
        shown.update(dict.fromkeys(("people_in_time_before", "people_in_time_after")))
        shown.update(dict.fromkeys({"people_in_time_now"} & set(siting)))
        if siting["model"] in ("mclp", "p-median"):
            shown.update(dict.fromkeys(("objective", "bound", "gap")))
    return shown


def _published_service(service: dict[str, Any]) -> dict[str, Any]:
    """Hide the people in time of a group where they, or what they differ by, are few; and who is left aside.

    Those left aside may be all who are undetermined, whom the results may not tell.
    """
    names = [f"people_in_time_{when}" for when in ("now", "before", "after") if f"people_in_time_{when}" in service]
    told = [service[name] for name in names]
    hidden = None in told or _few_between([0.0, *told, service["people"]]) or any(
        _few_between(pair) for pair in itertools.product(told, (0.0, service["people"])))
    return {**service, **(dict.fromkeys(names) if hidden else {}),
            "people_aside": 0.0 if service["people_aside"] == 0 else None}


def _few_between(counts: Sequence[float | None]) -> bool:
    """Tell whether two counts after each other differ by few people; what is not told differs by nothing."""
    return bool(small(pd.Series(counts, dtype=float).diff().abs()).any())


def _filter_circles(circles: pd.DataFrame) -> pd.DataFrame:
    """Hide small numbers of elders, and the shares that would tell them."""
    shown, late = circles.copy(), circles["elders"] - circles["elders_in_time"] - circles["elders_undetermined"]
    counts = ["elders", "elders_in_time", "elders_undetermined"]
    hidden = small(late) | pd.concat([small(circles[name]) for name in counts], axis=1).any(axis=1)
    shown.loc[hidden, [*counts, "share_low", "share_high"]] = np.nan
    return shown


def with_place_counts(assessment: Assessment, cells: Cells) -> gpd.GeoDataFrame:
    """Give the places with the people in time, out and undetermined per layer; what a group must not tell is NaN."""
    places, demand = assessment.places, assessment.demand
    for layer in assessment.run["layers"]:
        if f"people_{layer}" in places.columns or f"state_{layer}" not in demand.columns:
            continue
        weight = group_of(assessment, layer)
        counts = demand.pivot_table(index="place_code", columns=f"state_{layer}", values=weight or "population",
                                    aggfunc="sum")
        counts = counts.reindex(index=places["place_code"], columns=list(STATE_COLUMNS)).fillna(0.0)
        counts.insert(0, "people", counts.sum(axis=1))
        if weight:
            found = hidden_of(cells, demand[weight].to_numpy(dtype=float), demand[f"state_{layer}"])
            hidden = [cells.of_places(mask, places["place_code"])
                      for mask in (found.whole, found.reached, found.judged, found.judged)]
            counts = counts.mask(np.column_stack(hidden))
        names = [f"{prefix}_{layer}" for prefix in ("people", *STATE_COLUMNS.values())]
        places = places.assign(**dict(zip(names, counts.to_numpy().T, strict=True)))
    return places
