"""Put a draft to the live district, and lay out what it changes."""

from __future__ import annotations

import time
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle import describe
from lifecircle.errors import UsageError
from lifecircle.live import Live
from lifecircle.livelayer import Change
from lifecircle.outputs.sitescenario import draft_toml
from lifecircle.outputs.suppression import SMALL_PEOPLE
from lifecircle.outputs.tables import records
from lifecircle.proposals import propose
from lifecircle_api.drafts import Added, Draft, DraftScenario
from lifecircle_api.live import LiveRun

#: Degrees are taken to a centimetre, here and in a scenario that is written.
_DECIMALS = 7
_COUNTS = ("people", "people_in_time", "people_out", "people_undetermined", "people_won", "people_lost",
           "people_in_time_before", "people_out_before", "people_undetermined_before")
_AMOUNTS = ("need", "have", "short")
_RATES = tuple(f"coverage_{name}{when}" for name in ("rate", "low", "high") for when in ("", "_before"))


def what_if(held: LiveRun, draft: Draft) -> dict[str, Any]:
    """Answer a draft, but for the stamp; gaps as a table under ``gaps``.

    Raises
    ------
    UsageError
        If it names what is not there, or a place beyond the district and its buffer.
    """
    began, live = time.perf_counter(), held.live
    change = live.change(draft.layer, add=_added(held, draft), close=draft.close, cutoff_min=draft.cutoffs,
                         mode=draft.mode)
    study = live.times.study
    group, names = str(change.coverage["group"].iloc[0]), _names(live)
    coverage = _shown(_with_rates(change.coverage), group)
    answer = {
        "layer": draft.layer, "layer_quality": describe.layer_quality(study, draft.layer), "group": group,
        "estimated": group != "all", **_rules(change),
        "coverage": records(_named(coverage.drop(columns="group"), names)),
        "places": records(_shown(change.places, group)), "gaps": _shown(change.gaps, group),
        "area": None if change.area is None else records(_named(change.area, names)),
    }
    return {**answer, "milliseconds": round((time.perf_counter() - began) * 1000, 1)}


def scenario_text(held: LiveRun, asked: DraftScenario) -> str:
    """Write drafts as a scenario that ``lifecircle run --scenario`` takes.

    Raises
    ------
    UsageError
        As for `what_if`; also if they change nothing.
    """
    study, opened, closed, notes = held.live.times.study, [], [], []
    for draft in asked.layers:
        if draft.layer not in held.live.layers:
            raise UsageError(f"no layer {draft.layer}; there are {', '.join(held.live.layers)}")
        table = _added(held, draft)
        if table is not None:
            opened.append(table)
        known = set(study.facilities["facility_id"])
        if unknown := sorted(set(draft.close) - known):
            raise UsageError(f"no facility {unknown[0][:80]} to close")
        closed += sorted(set(draft.close))
        notes += _notes(draft)
    if not opened and not closed:
        raise UsageError("layers: nothing is opened or closed; a cutoff or a mode is changed in the policy")
    return draft_toml(asked.name, opened, closed, notes)


def live_layers(live: Live) -> list[dict[str, Any]]:
    """List the layers as `LiveLayer` has them."""
    study, listed = live.times.study, []
    for layer in live.layers:
        policy = study.policy.layer(layer)
        rules = {name: None if (rule := policy.rule(name)) is None else
                 {"mode": rule.mode, "cutoff_min": rule.cutoff_min} for name in ("urban", "rural")}
        group = policy.group if f"population_{policy.group}" in study.demand.columns else "all"
        listed.append({"layer": layer, "group": group, "estimated": group != "all", "levels": list(policy.accepts),
                       **rules, "m2_per_head": policy.m2_per_head})
    return listed


def _added(held: LiveRun, draft: Draft) -> gpd.GeoDataFrame | None:
    """Lay out the facilities of a draft in the columns of the study; None where there are none."""
    if not draft.add:
        return None
    live = held.live
    if draft.layer not in live.layers:
        raise UsageError(f"no layer {draft.layer}; there are {', '.join(live.layers)}")
    study = live.times.study
    points = gpd.GeoSeries(shapely.points([[round(one.lon, _DECIMALS), round(one.lat, _DECIMALS)]
                                           for one in draft.add]), crs="EPSG:4326").to_crs(study.crs)
    for number, inside in enumerate(held.holds(points)):
        if not inside:
            raise UsageError(f"add.{number}: lies outside the district and its buffer")
    policy = study.policy.layer(draft.layer)
    ids = [f"draft-{draft.layer}-{number + 1}" for number in range(len(points))]
    return propose(study, draft.layer, points, facility_id=ids, name=[one.name for one in draft.add],
                   level=[_level(one, number, policy.accepts, policy.level_words)
                          for number, one in enumerate(draft.add)],
                   **{name: [np.nan if (value := getattr(one, name)) is None else value for one in draft.add]
                      for name in ("capacity", "area_m2", "effective_area_m2")})


def _level(one: Added, number: int, accepts: tuple[str, ...], words: dict[str, str]) -> str:
    if one.level is None:
        return accepts[0] if accepts else "all"
    level = words.get(one.level, one.level)
    if accepts and level not in accepts:
        raise UsageError(f"add.{number}.level: {level} does not serve; there are {', '.join(accepts)}")
    return level


def _notes(draft: Draft) -> list[str]:
    """Say what a draft asks for that belongs into the policy and not into a scenario."""
    said = draft.cutoffs
    minutes = said if isinstance(said, dict) else {} if said is None else dict.fromkeys(("urban", "rural"), said)
    return [f"[policy.{draft.layer}.{kind}] cutoff_min = {value:g}" for kind, value in minutes.items()] + [
        f'[policy.{draft.layer}.{kind}] mode = "{draft.mode}"' for kind in ("urban", "rural") if draft.mode]


def _rules(change: Change) -> dict[str, Any]:
    judged = change.judged
    return {name: {"mode": judged.modes[name], "cutoff_min": judged.cutoffs_min[name]} if name in judged.modes else None
            for name in ("urban", "rural")}


def _names(live: Live) -> dict[str, str]:
    towns = live.times.study.townships
    return dict(zip(towns["township_code"], towns["township"], strict=True))


def _named(table: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    table = table.copy()
    table.insert(1, "township", table["township_code"].map(names).fillna(""))
    return table


def _with_rates(coverage: pd.DataFrame) -> pd.DataFrame:
    """Give low and high beside the rate: the undetermined counted out and in."""
    total = coverage["people"].where(coverage["people"] > 0)
    high = {f"coverage_high{when}": (coverage[f"people_in_time{when}"] + coverage[f"people_undetermined{when}"]) / total
            for when in ("", "_before")}
    low = {f"coverage_low{when}": coverage[f"coverage_rate{when}"] for when in ("", "_before")}
    return coverage.assign(**low, **high)


def _shown(table: pd.DataFrame, group: str) -> pd.DataFrame:
    """Leave out counts of a group under ten, and rates of so few; they are estimates, and say nothing at that size."""
    if group == "all":
        return table
    persons = table["unit"] == "person" if "unit" in table.columns else True
    grouped = table["group"] == group if "group" in table.columns else True
    few = table["people"].between(0, SMALL_PEOPLE, inclusive="neither")
    shown = table.copy()
    for name in [name for name in (*_COUNTS, *_AMOUNTS) if name in table.columns]:
        small = table[name].between(0, SMALL_PEOPLE, inclusive="neither")
        shown[name] = table[name].round().mask(small & grouped & (persons if name in _AMOUNTS else True))
    for name in [name for name in _RATES if name in table.columns]:
        shown[name] = table[name].mask(few)
    return shown
