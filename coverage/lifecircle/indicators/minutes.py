"""Describe the minutes themselves: who is in time at several cutoffs, and how far it is to the nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators import equity
from lifecircle.indicators.reach import Judged, group_of
from lifecircle.indicators.registry import COUNT, INDICATORS, RATE, exact, family, indicator, share
from lifecircle.indicators.rows import rows, unit_points, unit_sums
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]

_MINUTES: dict[str, Any] = {"family": "minutes", "unit": "min", "basis": "population",
            "holds": ("nonnegative", "ordered", "scale_free", "null_without_people")}


@indicator("minutes_mean", label_zh="平均出行时间", label_en="mean minutes", **_MINUTES)
def minutes_mean(figures: pd.DataFrame) -> pd.DataFrame:
    """Give the mean over people of the minutes to the nearest; blank where somebody reaches none."""
    return equity.told(figures, "mean")


@indicator("minutes_median", label_zh="出行时间中位数", label_en="median minutes", **_MINUTES)
def minutes_median(figures: pd.DataFrame) -> pd.DataFrame:
    """Give the minutes within which half of the people reach the nearest; blank where that half reaches none."""
    return equity.told(figures, "median")


@indicator("minutes_p90", label_zh="90%人口的出行时间", label_en="minutes of 90 % of people", **_MINUTES)
def minutes_p90(figures: pd.DataFrame) -> pd.DataFrame:
    """Give the minutes within which 90 % of the people reach the nearest; blank where some of those reach none."""
    return equity.told(figures, "p90")


@indicator("people_unreachable", family="minutes", label_zh="不可达人口", label_en="people who reach none",
           unit="person", basis="population", holds=COUNT)
def people_unreachable(figures: pd.DataFrame) -> pd.DataFrame:
    """Count the people who reach no facility in any time; the undetermined are not among them."""
    return exact(figures["unreachable"])


@indicator("share_unreachable", family="minutes", label_zh="不可达人口比例", label_en="share who reach none",
           unit="share", basis="population", holds=RATE, parts=("people_unreachable", "people"))
def share_unreachable(figures: pd.DataFrame) -> pd.DataFrame:
    """Divide the people who reach none by all people; high counts the undetermined in."""
    return share(figures["unreachable"], figures["people"], more=figures["undetermined"])


def minutes_rows(times: TravelTimes, item: Judged, district: tuple[str, str], quality: str) -> list[pd.DataFrame]:
    """Lay out the minutes to the nearest in the headline modes, and how unequal they are.

    The undetermined are left out of every figure but are counted: then low and high are blank. Who reaches no facility
    has infinite minutes; a figure that is infinite is blank, and the share of those people stands beside it.

    Returns
    -------
    list of DataFrame
        Family ``minutes`` per township, class and district; family ``equity`` of all classes together.
    """
    group, figures = _figures(times, item, district)
    fixed = {"layer": item.layer, "group": group, "metric": "min", "headline": False, "quality": quality}
    mode = figures["class"].map({**item.modes, "all": item.mode})
    unequal = figures[figures["class"] == "all"].reset_index(drop=True)
    return [rows(figures, family("minutes"), mode=mode, **fixed),
            rows(unequal, family("equity"), mode=item.mode, **fixed)]


def _figures(times: TravelTimes, item: Judged, district: tuple[str, str]) -> tuple[str, pd.DataFrame]:
    """Give whose minutes count, and every figure of them per unit and class."""
    group, count = group_of(times, times.study.policy.layer(item.layer))
    line = times.demand["class"].map(item.cutoffs_min).to_numpy(dtype=float)
    judged, found = np.flatnonzero(item.state >= 0), []
    frame = times.demand[["township_code", "class"]].iloc[judged]
    for unit, chosen in unit_points(frame, times.study.townships, district):
        at = judged[chosen]
        doubtful = item.state[at] == 2
        known, people = at[~doubtful], count[at[~doubtful]]
        minutes = item.minutes[known]
        figures = _of_unit(minutes, people, float(count[at[doubtful]].sum()))
        more = equity.inequality(minutes, people, line[known]) if unit["class"] == "all" else {}
        found.append({**unit, **figures, **more})
    return group, pd.DataFrame(found)


def _of_unit(minutes: Array, people: Array, undetermined: float) -> dict[str, float]:
    here, reached = people.sum(), np.isfinite(minutes)
    lost = people[~reached].sum()
    mean = float((minutes[reached] * people[reached]).sum() / here) if here > 0 and lost == 0 else np.nan
    return {"people": here + undetermined, "undetermined": undetermined, "unreachable": lost, "mean": mean,
            "median": equity.quantile(minutes, 0.5, people), "p90": equity.quantile(minutes, 0.9, people)}


def cutoff_rows(times: TravelTimes, item: Judged, district: tuple[str, str], quality: str) -> list[pd.DataFrame]:
    """Lay out people in time and coverage rate in the headline modes at every cutoff of the policy.

    The same cutoff holds for both classes. A class's own cutoff has its row already: the headline's.
    """
    study, cutoffs = times.study, sorted(set(times.study.policy.cutoffs_min))
    if not cutoffs:
        return []
    group, count = group_of(times, study.policy.layer(item.layer))
    frame = times.demand[["township_code", "class"]]
    states = _states(times, item, np.array(cutoffs))
    columns = {"people": np.where(item.state >= 0, count, 0.0)}
    for at in range(len(cutoffs)):
        columns |= {f"in_time{at}": np.where(states[at] == 0, count, 0.0),
                    f"undetermined{at}": np.where(states[at] == 2, count, 0.0)}
    sums = unit_sums(frame.assign(**columns)[item.state >= 0], list(columns), study.townships, district)
    units = sums[["township_code", "township", "class", "people"]]
    every = pd.concat([units.assign(cutoff=cutoff, in_time=sums[f"in_time{at}"], undetermined=sums[f"undetermined{at}"])
                       for at, cutoff in enumerate(cutoffs)], ignore_index=True)
    own = every["class"].map(item.cutoffs_min) == every["cutoff"]
    every = every[~own].reset_index(drop=True)
    mode = every["class"].map({**item.modes, "all": item.mode})
    return [rows(every, [INDICATORS["people_in_time"], INDICATORS["coverage_rate"]], layer=item.layer, group=group,
                 mode=mode, metric="min", cutoff=every["cutoff"], headline=False, quality=quality)]


def _states(times: TravelTimes, item: Judged, cutoffs_min: Array) -> Array:
    """Judge every point at every cutoff in the headline mode of its class: (cutoffs, n), -1 where not judged."""
    kind = times.demand["class"].to_numpy()
    states = np.full((len(cutoffs_min), len(kind)), -1, np.int8)
    for mode in dict.fromkeys(item.modes.values()):
        of_mode = np.isin(kind, [name for name, own in item.modes.items() if own == mode])
        states[:, of_mode] = times.states(item.layer, mode, cutoffs_min[:, None])[:, of_mode]
    return states
