"""Assess a district: the one path from inputs to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lifecircle import circles, describe, gaps, indicators, uncertainty
from lifecircle.assessment import Assessment
from lifecircle.errors import ConfigError
from lifecircle.gains import gain_table
from lifecircle.indicators.capacity import Shared
from lifecircle.indicators.evacuation import Havens
from lifecircle.indicators.reach import Judged
from lifecircle.inputs.boundaries import district_code
from lifecircle.inputs.findings import Findings
from lifecircle.progress import Progress
from lifecircle.reachable import Reachable, reachable_layers
from lifecircle.roadstate import judge_roads
from lifecircle.routes import place_routes
from lifecircle.runfile import RunFile
from lifecircle.scenario import Scenario, read_scenario
from lifecircle.scorecard import scored
from lifecircle.study import Study, read_study
from lifecircle.tables import CIRCLES_COLUMNS, check, worst_quality
from lifecircle.traveltimes import TravelTimes, solve_times


def assess(source: RunFile | Study | str | Path, *, roads: Any = None, progress: Progress | None = None,
           allow: Sequence[str | Path] = (), scenario: Scenario | str | Path | None = None) -> Assessment:
    """Assess a district.

    Parameters
    ----------
    source : run file (path or read), or Study
    roads : RoadNetwork or networkx.MultiDiGraph, optional
        Roads in memory, used instead of those the run file names; any OSMnx graph.
    progress : Progress, optional
        Names the step at work on stderr, and keeps the seconds of each.
    allow : sequence of str or Path
        Folders that files may be read from, besides that of the run file.
    scenario : Scenario or path, optional
        Edits that are made to the study first.

    Returns
    -------
    Assessment

    Raises
    ------
    InputError
        With the file, row or field and the remedy, if an input cannot be used.
    """
    progress = progress or Progress()
    study = source if isinstance(source, Study) else read_study(source, roads=roads, progress=progress,
                                                                       allow=allow)
    if scenario is not None:
        edits = scenario if isinstance(scenario, Scenario) else read_scenario(scenario, allow=allow)
        with progress.step("apply the scenario"):
            study = edits.apply(study)
    findings = Findings(list(study.findings))
    with progress.step("solve travel times"):
        times = solve_times(study, findings)
    with ThreadPoolExecutor(1) as beside:
        drawn = beside.submit(circles.draw, times)  # compiled code, while what follows is in Python
        with progress.step("judge the roads"):
            road_quality, critical_links = judge_roads(times, findings)
        with progress.step("compute indicators"):
            results, gap_list, judged, shares = _tables(times)
        if study.runfile.uncertainty.draws:
            with progress.step("draw intervals", uncertainty.pieces(times, judged)) as done:
                results = pd.concat([results, *uncertainty.interval_rows(
                    times, judged, _district(study), partial(describe.layer_quality, study), done=done)],
                    ignore_index=True)
        with progress.step("compute indicators"):
            circle_list, results = _with_plan(times, results)
        with progress.step("describe"):
            run, ground = describe.run_record(study), describe.ground(study)
            demand = describe.demand_table(times, judged, shares)
            facilities = describe.facility_table(times, shares)
            routes = place_routes(times)
            places = indicators.completeness.with_services(study.places, times, judged)
            priority = indicators.priority.priority_table(study.priority, study.places, study.townships, demand,
                                                          _district(study), _priority_quality(study))
            laid_over = indicators.priority.priority_rows(priority, demand, run["layers"])
            results = check("results", indicators.planned.stack([results, laid_over]), "results")
        edited: dict[str, Any] = {}
        if study.scenario is not None:
            with progress.step("compute gains"):
                quality = {layer: describe.layer_quality(study, layer) for layer in judged}
                edited = {"gains": gain_table(times, judged, quality), "changed_roads": study.scenario.roads}
        with progress.step("draw service areas"):
            surfaces, areas = drawn.result()
    return scored(Assessment(
        run=run, townships=study.townships, places=places, demand=demand, facilities=facilities,
        service_areas=areas, ground=ground, results=results, gaps=gap_list, findings=findings.sorted(),
        surfaces=circles.layer_surfaces(study, surfaces), road_quality=road_quality, critical_links=critical_links,
        circles=circle_list, priority=priority, routes=routes, timing=progress.seconds, **edited))


def _district(study: Study) -> tuple[str, str]:
    return district_code(study.runfile, study.townships), study.runfile.district.name


def _priority_quality(study: Study) -> str:
    return worst_quality([study.runfile.priority.quality, study.runfile.boundaries.quality])


def _tables(times: TravelTimes) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Judged], dict[str, Shared]]:
    """Compute results and gaps of every layer; headline judgements and shares go into the tables of points."""
    study, results, lists, headline, shares = times.study, [], [], {}, {}
    district = _district(study)
    if district[0] in set(study.townships["township_code"]):
        raise ConfigError(study.runfile.path, f"[district] code {district[0]} is also a township's code",
                          "give the district a code of its own")
    scenarios = {name: times.in_scenario(name) for name in study.scenarios}
    near = reachable_layers(times, study.layers, stretch=indicators.kth_nearest.STRETCH)
    havens = indicators.evacuation.find_havens(times, study.layers)
    for layer in study.layers:
        policy, quality = study.policy.layer(layer), describe.layer_quality(study, layer)
        judged = indicators.reach.judge(times, layer)
        shared = indicators.capacity.share_out(times, near[layer])
        results += _state_rows(times, near[layer], judged, shared, havens.get(layer), district)
        if judged:
            headline[layer] = judged[0]
            results += indicators.class_rules.rule_rows(times, layer, district, quality)
            lists.append(gaps.reach_gaps(times, judged[0], quality))
        if shared is not None:
            shares[layer] = shared
            lists.append(gaps.capacity_gaps(times, judged[0], shared, quality))
        for rule in policy.presence:
            units = indicators.presence.units_of(study, layer, rule)
            results.append(indicators.presence.presence_rows(study, units, layer, rule, district, quality))
            lists.append(gaps.presence_gaps(study, units, layer, rule, quality))
        if policy.m2_per_head is not None:
            sums = indicators.per_head.area_sums(study, layer, policy, district)
            lists.append(gaps.area_gaps(study, sums, layer, district, quality))
            results += indicators.per_head.area_part_rows(study, layer, policy, district, quality)
        for name, then in scenarios.items():
            shared = indicators.capacity.share_out(then, near[layer])
            results += [part.assign(scenario=name)
                        for part in _state_rows(then, near[layer], judged, shared, havens.get(layer), district)]
    results += [*_circle_rows(times, headline, district), *_evacuation_rows(times, district)]
    for name, then in scenarios.items():
        results += [part.assign(scenario=name) for part in _circle_rows(then, headline, district)]
    if not results:
        raise ConfigError(study.runfile.path, "no layer has a rule of reach, of presence or of area per head",
                          "add one in the policy: [policy.<layer>]")
    table = indicators.verdicts.judge_rates(pd.concat(results, ignore_index=True), study.policy)
    passing = indicators.verdicts.passing_townships(table, study.policy, district)
    table = pd.concat([table, passing], ignore_index=True)
    gap_list = pd.concat([part for part in lists if len(part)] or [gaps.NO_GAPS], ignore_index=True)
    return check("results", table, "results"), check("gaps", gap_list, "gaps"), headline, shares


def _state_rows(times: TravelTimes, near: Reachable, judged: list[Judged], shared: Shared | None,
                havens: Havens | None, district: tuple[str, str]) -> list[pd.DataFrame]:
    """Compute what depends on where people live: reach, capacity, area per head, and who has a place in it."""
    study, layer, parts = times.study, near.layer, []
    policy, quality = study.policy.layer(layer), describe.layer_quality(study, layer)
    if judged:
        parts.append(indicators.reach.reach_rows(times, judged, district, quality))
        for family in (indicators.minutes.cutoff_rows, indicators.minutes.minutes_rows, indicators.equity.gap_rows,
                       indicators.bases.base_rows):
            parts += family(times, judged[0], district, quality)
        parts.append(indicators.kth_nearest.kth_rows(times, judged[0], near, district, quality))
    if shared is not None:
        parts.append(indicators.capacity.capacity_rows(times, judged[0], shared, district, quality))
        parts.append(indicators.floating.access_rows(times, judged[0], shared, district, quality))
    if policy.m2_per_head is not None:
        sums = indicators.per_head.area_sums(study, layer, policy, district)
        parts.append(indicators.per_head.area_rows(sums, layer, policy, quality))
    if havens is not None:
        parts.append(indicators.evacuation.evacuation_rows(times, havens, district, quality))
    return parts


def _circle_rows(times: TravelTimes, headline: dict[str, Judged], district: tuple[str, str]) -> list[pd.DataFrame]:
    """Compute what all services together come to, where any is judged by reach."""
    quality = {layer: describe.layer_quality(times.study, layer) for layer in headline}
    whole = worst_quality(quality.values())
    return indicators.completeness.circle_rows(times, headline, district, quality, whole)


def _evacuation_rows(times: TravelTimes, district: tuple[str, str]) -> list[pd.DataFrame]:
    """Judge the layers that people flee to once more, without what lies in hazard zones."""
    study = times.study
    layers = [layer for layer in study.layers if study.policy.layer(layer).evacuation]
    if study.hazards.empty or not layers:
        return []
    then = solve_times(study.in_evacuation(layers), Findings(), layers)
    near, parts = reachable_layers(then, layers, stretch=indicators.kth_nearest.STRETCH), []
    havens = indicators.evacuation.find_havens(then, layers)
    for layer in layers:
        judged, shared = indicators.reach.judge(then, layer), indicators.capacity.share_out(then, near[layer])
        parts += _state_rows(then, near[layer], judged, shared, havens.get(layer), district)
    return [part.assign(scenario="evacuation") for part in parts]


def _with_plan(times: TravelTimes, results: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Judge the circles of care of the old, and add to the results what the plan asks for beyond the layers' own."""
    study, district = times.study, _district(times.study)
    layer, circle_list = study.runfile.circles.layer, pd.DataFrame(columns=list(CIRCLES_COLUMNS))
    if study.circles is not None:
        quality = describe.layer_quality(study, layer)
        circle_list = indicators.eldercircles.circle_table(times, study.circles, layer, quality)
        counted = indicators.eldercircles.circle_rows(circle_list, study, layer, district, quality)
        results = indicators.planned.stack([results, counted])
    quality = worst_quality(describe.layer_quality(study, name) for name in study.layers)
    planned = indicators.planned.planned_rows(study, results, district, quality)
    return circle_list, check("results", indicators.planned.stack([results, planned]), "results")
