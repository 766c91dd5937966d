"""Count who is in time: people and communities, per township and class, in every mode the policy names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.registry import COUNT, RATE, exact, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.policy import ClassRule, LayerPolicy
from lifecircle.traveltimes import TravelTimes, used_modes

Array = npt.NDArray[Any]


@indicator("people", family="reach", label_zh="人口", label_en="people", unit="person", basis="population",
           holds=COUNT)
def people(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people who are judged."""
    return exact(sums["people"])


@indicator("people_in_time", family="reach", label_zh="圈内人口", label_en="people in time", unit="person",
           basis="population", holds=(*COUNT, "monotone_cutoff"))
def people_in_time(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people in time."""
    return exact(sums["in_time"])


@indicator("people_out", family="reach", label_zh="圈外人口", label_en="people out of time", unit="person",
           basis="population", holds=COUNT)
def people_out(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people out of time."""
    return exact(sums["out"])


@indicator("people_undetermined", family="reach", label_zh="待核人口", label_en="people undetermined", unit="person",
           basis="population", holds=COUNT)
def people_undetermined(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people whose state the map data leave open."""
    return exact(sums["undetermined"])


@indicator("coverage_rate", family="reach", label_zh="人口覆盖率", label_en="coverage rate", unit="share",
           basis="population", holds=(*RATE, "monotone_cutoff"), parts=("people_in_time", "people"))
def coverage_rate(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide people in time by all people; high counts the undetermined in."""
    return share(sums["in_time"], sums["people"], more=sums["undetermined"])


@indicator("communities", family="community", label_zh="村（社区）数", label_en="communities", unit="community",
           basis="community", holds=("extensive", "nonnegative", "ordered", "scale_free", "zero_without_people"))
def communities(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the villages and communities with people."""
    return exact(sums["places"])


@indicator("communities_in_time", family="community", label_zh="圈内村（社区）数", label_en="communities in time",
           unit="community", basis="community",
           holds=("extensive", "nonnegative", "ordered", "scale_free", "zero_without_people"))
def communities_in_time(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the communities whose middle is in time."""
    return exact(sums["places_in_time"])


@indicator("community_reach_rate", family="community", label_zh="村（社区）覆盖率", label_en="community reach rate",
           unit="share", basis="community", holds=RATE, parts=("communities_in_time", "communities"))
def community_reach_rate(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide communities whose middle is in time by all; the middle is the point nearest the people's centre."""
    return share(sums["places_in_time"], sums["places"], more=sums["places_undetermined"])


@dataclass(frozen=True)
class Judged:
    """The demand points of one layer, judged by its headline rules or by one mode beside them.

    Attributes
    ----------
    mode : str
        One mode, or ``mixed`` where the classes' headline modes differ.
    modes, cutoffs_min : dict
        Class -> mode and cutoff.
    state : (n,) int8
        0 in time, 1 out of time, 2 undetermined, -1 not judged (no rule for the class).
    minutes : (n,) float64
    facility : (n,) int64
    """

    layer: str
    mode: str
    headline: bool
    modes: dict[str, str]
    cutoffs_min: dict[str, float]
    state: Array
    minutes: Array
    facility: Array


def judge_headline(times: TravelTimes, layer: str) -> Judged:
    """Judge every demand point by the headline rules of a layer."""
    rules = _rules(times.study.policy.layer(layer))
    return _judge(times, layer, {name: (rule.mode, rule.cutoff_min) for name, rule in rules.items()}, True)


def _rules(policy: LayerPolicy) -> dict[str, ClassRule]:
    return {name: rule for name in ("urban", "rural") if (rule := policy.rule(name)) is not None}


def judge(times: TravelTimes, layer: str) -> list[Judged]:
    """Judge every demand point by the headline rules of a layer, then by each mode beside them."""
    policy = times.study.policy.layer(layer)
    rules = _rules(policy)
    if not rules:
        return []
    judged = [judge_headline(times, layer)]
    for mode in used_modes(policy):
        chosen = {name: (mode, rule.cutoff_min) for name, rule in rules.items() if mode in (rule.mode, *rule.beside)}
        if any(rules[name].mode != mode for name in chosen):
            judged.append(_judge(times, layer, chosen, False))
    return judged


def _judge(times: TravelTimes, layer: str, chosen: dict[str, tuple[str, float]], headline: bool) -> Judged:
    count, kind = len(times.demand), times.demand["class"].to_numpy()
    state = np.full(count, -1, np.int8)
    minutes, facility = np.full(count, np.inf), np.full(count, -1, np.int64)
    for name, (mode, cutoff_min) in chosen.items():
        of_class, found = kind == name, times.times[layer, mode]
        judged = times.states(layer, mode, np.full(count, cutoff_min))
        state[of_class] = judged[of_class]
        minutes[of_class], facility[of_class] = found.minutes[of_class], found.facility[of_class]
    modes = {mode for mode, _ in chosen.values()}
    return Judged(layer, modes.pop() if len(modes) == 1 else "mixed", headline,
                  {name: mode for name, (mode, _) in chosen.items()},
                  {name: cutoff for name, (_, cutoff) in chosen.items()}, state, minutes, facility)


def group_of(times: TravelTimes, policy: LayerPolicy) -> tuple[str, Array]:
    """Give whose reach counts, and how many of them live at each point; all residents where the group is unknown."""
    return group_at(times.demand, policy)


def group_at(demand: pd.DataFrame, policy: LayerPolicy) -> tuple[str, Array]:
    """Do as `group_of` for any table of demand points."""
    column = f"population_{policy.group}"
    if policy.group != "all" and column in demand.columns:
        return policy.group, demand[column].fillna(0.0).to_numpy(dtype=float)
    return "all", demand["population"].to_numpy(dtype=float)


def reach_rows(times: TravelTimes, judged: list[Judged], district: tuple[str, str], quality: str) -> pd.DataFrame:
    """Lay out the reach of one layer: people and communities, headline rules first."""
    parts, middle = [], times.middle_points
    for item in judged:
        group, people_sums = _people_sums(times, item, district)
        place_sums = _place_sums(times, item, middle, district)
        for sums, kind, who in ((people_sums, "reach", group), (place_sums, "community", "all")):
            shown = sums[_shown(item, times.study.policy.layer(item.layer), sums["class"])].reset_index(drop=True)
            mode = shown["class"].map({**item.modes, "all": item.mode})
            cutoff = shown["class"].map({**item.cutoffs_min, "all": np.nan})
            parts.append(rows(shown, family(kind), layer=item.layer, group=who, mode=mode, metric="min", cutoff=cutoff,
                              headline=item.headline, quality=quality))
    return pd.concat(parts, ignore_index=True)


def _shown(item: Judged, policy: LayerPolicy, classes: pd.Series) -> pd.Series:
    """Tell which rows a judgement shows: of a mode beside, not those its own headline rules show already."""
    if item.headline:
        return pd.Series(True, index=classes.index)
    own = {name for name in item.modes if (rule := policy.rule(name)) is not None and rule.mode == item.modes[name]}
    partial = {"all"} if set(item.modes) != {"urban", "rural"} else set()
    return ~classes.isin(own | partial)


def _people_sums(times: TravelTimes, item: Judged, district: tuple[str, str]) -> tuple[str, pd.DataFrame]:
    group, count = group_of(times, times.study.policy.layer(item.layer))
    frame = times.demand[["township_code", "class"]].assign(people=count)
    names = ("in_time", "out", "undetermined")
    for state, name in enumerate(names):
        frame[name] = np.where(item.state == state, count, 0.0)
    return group, unit_sums(frame[item.state >= 0], ["people", *names], times.study.townships, district)


def _place_sums(times: TravelTimes, item: Judged, middle: pd.DataFrame, district: tuple[str, str]) -> pd.DataFrame:
    state = item.state[middle["row"].to_numpy()]
    frame = middle.assign(places=1.0, places_in_time=(state == 0) * 1.0, places_undetermined=(state == 2) * 1.0)
    columns = ["places", "places_in_time", "places_undetermined"]
    return unit_sums(frame[state >= 0], columns, times.study.townships, district)
