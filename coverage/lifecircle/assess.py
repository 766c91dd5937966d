"""Assess a district: the one path from inputs to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from lifecircle import circles, describe, gaps, indicators
from lifecircle.assessment import Assessment
from lifecircle.errors import ConfigError
from lifecircle.inputs.boundaries import district_code
from lifecircle.inputs.findings import Findings
from lifecircle.progress import Progress
from lifecircle.roadstate import judge_roads
from lifecircle.runfile import RunFile
from lifecircle.study import Study, read_study
from lifecircle.tables import GAPS_COLUMNS, check
from lifecircle.traveltimes import TravelTimes, solve_times


def assess(source: RunFile | Study | str | Path, *, roads: Any = None, progress: Progress | None = None,
           allow: Sequence[str | Path] = ()) -> Assessment:
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
    findings = Findings(list(study.findings))
    with progress.step("solve travel times"):
        times = solve_times(study, findings)
    with ThreadPoolExecutor(1) as beside:
        solved = beside.submit(circles.solve_surfaces, times)  # compiled code, while what follows is in Python
        with progress.step("judge the roads"):
            road_quality, critical_links = judge_roads(times, findings)
        with progress.step("compute indicators"):
            results, gap_list, judged = _tables(times)
        with progress.step("compute surfaces"):
            surfaces = solved.result()
    with progress.step("cut service areas"):
        areas = circles.service_areas(times, surfaces)
    with progress.step("describe"):
        return Assessment(
            run=describe.run_record(study), townships=study.townships, places=study.places,
            demand=describe.demand_table(times, judged), facilities=describe.facility_table(times),
            service_areas=areas, ground=describe.ground(study), results=results, gaps=gap_list,
            findings=findings.sorted(), surfaces=circles.layer_surfaces(study, surfaces),
            road_quality=road_quality, critical_links=critical_links, timing=progress.seconds)


def _tables(times: TravelTimes) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, indicators.reach.Judged]]:
    """Compute results and gaps of every layer; the headline judgements go into the demand table."""
    study, results, lists, headline = times.study, [], [], {}
    district = (district_code(study.runfile, study.townships), study.runfile.district.name)
    if district[0] in set(study.townships["township_code"]):
        raise ConfigError(study.runfile.path, f"[district] code {district[0]} is also a township's code",
                          "give the district a code of its own")
    scenarios = {name: times.in_scenario(name) for name in study.scenarios}
    for layer in study.layers:
        policy, quality = study.policy.layer(layer), describe.layer_quality(study, layer)
        judged = indicators.reach.judge(times, layer)
        results += _state_rows(times, layer, judged, district)
        if judged:
            headline[layer] = judged[0]
            results += indicators.class_rules.rule_rows(times, layer, district, quality)
            lists.append(gaps.reach_gaps(times, judged[0], quality))
        for rule in policy.presence:
            units = indicators.presence.units_of(study, layer, rule)
            results.append(indicators.presence.presence_rows(study, units, layer, rule, district, quality))
            lists.append(gaps.presence_gaps(study, units, layer, rule, quality))
        if policy.m2_per_head is not None:
            sums = indicators.per_head.area_sums(study, layer, policy, district)
            lists.append(gaps.area_gaps(study, sums, layer, district, quality))
        for name, then in scenarios.items():
            results += [part.assign(scenario=name) for part in _state_rows(then, layer, judged, district)]
    if not results:
        raise ConfigError(study.runfile.path, "no layer has a rule of reach, of presence or of area per head",
                          "add one in the policy: [policy.<layer>]")
    table = indicators.verdicts.judge_rates(pd.concat(results, ignore_index=True), study.policy)
    passing = indicators.verdicts.passing_townships(table, study.policy, district)
    table = pd.concat([table, passing], ignore_index=True)
    gap_list = pd.concat([part for part in lists if len(part)] or [pd.DataFrame(columns=list(GAPS_COLUMNS))],
                         ignore_index=True)
    return check("results", table, "results"), check("gaps", gap_list, "gaps"), headline


def _state_rows(times: TravelTimes, layer: str, judged: list[indicators.reach.Judged], district: tuple[str, str],
                ) -> list[pd.DataFrame]:
    """Compute what depends on where people live: reach, and area per head."""
    study, policy, parts = times.study, times.study.policy.layer(layer), []
    quality = describe.layer_quality(study, layer)
    if judged:
        parts.append(indicators.reach.reach_rows(times, judged, district, quality))
    if policy.m2_per_head is not None:
        sums = indicators.per_head.area_sums(study, layer, policy, district)
        parts.append(indicators.per_head.area_rows(sums, layer, policy, quality))
    return parts
