"""Add other states of the people to the demand points: Spring Festival, a term, a season."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import pandas as pd

from lifecircle.inputs.cells import rename_columns
from lifecircle.inputs.files import read_table
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.totals import derived, people_columns
from lifecircle.runfile import RunFile, Scenario
from lifecircle.tables import worst_quality

Reader = Callable[[RunFile, Findings], gpd.GeoDataFrame]


def with_scenarios(demand: gpd.GeoDataFrame, runfile: RunFile, read: Reader, findings: Findings) -> gpd.GeoDataFrame:
    """Add the people of each scenario as columns ``<scenario>:population``, ``<scenario>:population_<group>``.

    A group that the scenario does not tell keeps its share of the residents of each point, and a finding says so.
    Points that have people in a scenario alone have a population of 0 today.

    Parameters
    ----------
    demand : GeoDataFrame
        People of today.
    runfile : RunFile
        ``[people.scenarios.<name>]``.
    read : callable
        Reads the people of a run file, as `people.read_demand` does without scenarios.
    findings : Findings

    Returns
    -------
    GeoDataFrame
        With ``<scenario>:quality`` too.
    """
    today = demand
    for name, scenario in runfile.people.scenarios.items():
        changed, noticed = _changed(scenario, runfile), Findings()
        then = today if changed is None else read(changed, noticed)
        known = set(findings)
        findings.extend(item for item in noticed if item not in known)
        then = _then(name, scenario, then, today, runfile, findings)
        demand = _beside(demand, then, name, apart=scenario.file is not None)
    return demand


def _changed(scenario: Scenario, runfile: RunFile) -> RunFile | None:
    """Give the run file whose people are those of the scenario; None where today's figures are only multiplied."""
    people = runfile.people
    if not (scenario.of_column or scenario.file or scenario.totals):
        return None
    new_people = bool(scenario.file) or "population" in scenario.of_column
    update: dict[str, Any] = {"columns": {**({} if scenario.file else people.columns), **scenario.of_column},
                              "totals": scenario.totals or (None if new_people else people.totals), "shares": {}}
    if scenario.file:
        update.update(file=scenario.file, osm=None, raster=None, weights=None)
    return runfile.model_copy(update={"people": people.model_copy(update=update)})


def _then(name: str, scenario: Scenario, then: gpd.GeoDataFrame, today: gpd.GeoDataFrame, runfile: RunFile,
          findings: Findings) -> gpd.GeoDataFrame:
    """Give every group of today its people, and multiply by the factor."""
    told = set(people_columns(then)) if scenario.file else _told(scenario, runfile)
    lacking = [group for group in people_columns(today) if group != "population" and group not in told]
    shared = {group: _share(group, then, today) for group in lacking}
    if shared:
        findings.add("note", "scenario_groups", f"scenario {name} does not tell {', '.join(shared)}: each keeps its "
                     "share of the residents", file=runfile.path.name, id=f"people.scenarios.{name}",
                     count=len(shared), remedy="give columns, or totals with them")
    then = then.assign(**shared)
    then = then.assign(**{column: then[column] * scenario.factor for column in people_columns(then)})
    quality = derived(then["quality"], bool(shared) or scenario.factor != 1)
    return then.assign(quality=[worst_quality([mark, scenario.quality]) for mark in quality])


def _told(scenario: Scenario, runfile: RunFile) -> set[str]:
    """List the groups that a scenario of today's points tells."""
    told = set(scenario.columns)
    if scenario.totals:
        path = runfile.resolve(scenario.totals)
        table = read_table(path, encoding=runfile.people.encoding)
        told |= set(people_columns(rename_columns(table, runfile.people.total_columns, path)))
    return told


def _share(group: str, then: gpd.GeoDataFrame, today: gpd.GeoDataFrame) -> pd.Series:
    """Give a group the share of residents that it has at each point today, and the district's where nobody lives."""
    whole = today["population"].sum()
    before = today.set_index("demand_id")[["population", group]].reindex(then["demand_id"]).set_axis(then.index)
    own = before[group] / before["population"].where(before["population"] > 0)
    return then["population"] * own.fillna(today[group].sum() / whole if whole > 0 else 0.0)


def _beside(demand: gpd.GeoDataFrame, then: gpd.GeoDataFrame, name: str, *, apart: bool) -> gpd.GeoDataFrame:
    """Put the people of a scenario beside those of today; points that are new have nobody today."""
    ids = f"{name}-" + then["demand_id"] if apart else then["demand_id"]
    then = then.assign(demand_id=ids).set_index("demand_id", drop=False)
    counted = people_columns(then)
    new = then[~then.index.isin(demand["demand_id"])]
    if len(new):
        new = new.drop(columns=[column for column in counted if column not in demand.columns])
        new = new.assign(**{column: 0.0 for column in demand.columns if "population" in column})
        demand = gpd.GeoDataFrame(pd.concat([demand, new], ignore_index=True), crs=demand.crs)
    columns = {f"{name}:{column}": demand["demand_id"].map(then[column]).fillna(0.0) for column in counted}
    quality = demand["demand_id"].map(then["quality"]).fillna(demand["quality"])
    return demand.assign(**columns, **{f"{name}:quality": quality})


def in_scenario(demand: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    """Give the demand points with the people of a scenario in place of today's."""
    head = f"{name}:"
    own = {column.removeprefix(head): demand[column] for column in demand.columns if column.startswith(head)}
    gone = [column for column in people_columns(demand) if column not in own]
    return demand.drop(columns=gone).assign(**own)
