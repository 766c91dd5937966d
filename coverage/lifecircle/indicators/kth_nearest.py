"""Ask how far the nearest, the second and the third facility are, and who has so many in reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.equity import told
from lifecircle.indicators.reach import Judged, group_of
from lifecircle.indicators.registry import RATE, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.reachable import Reachable
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]
#: Which nearest facilities are asked for.
RANKS: tuple[int, ...] = (1, 2, 3)
#: They are looked for up to so many times the cutoff.
STRETCH = 2.0
_UNIT = ["township_code", "class"]


@indicator("minutes_to_kth_median", family="kth", label_zh="第k近设施中位分钟",
           label_en="median minutes to the k-th nearest", unit="min", basis="population",
           holds=("nonnegative", "ordered", "scale_free", "null_without_people"))
def minutes_to_kth_median(sums: pd.DataFrame) -> pd.DataFrame:
    """Give the minutes within which half of the people have k facilities; empty where that is beyond the search.

    As with the minutes to the nearest the undetermined are left out, and leave low and high blank.
    """
    return told(sums, "minutes")


@indicator("share_with_k_in_reach", family="kth", label_zh="圈内有k处设施的人口比例",
           label_en="share of people with k facilities in reach", unit="share", basis="population",
           holds=RATE)
def share_with_k_in_reach(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the people with k facilities within the cutoff by all; high counts the undetermined in."""
    return share(sums["reached"], sums["people"], more=sums["undetermined"])


def kth_ms(near: Reachable, rank: int) -> Array:
    """Give the milliseconds of every demand point to its k-th nearest facility; infinite where fewer were found."""
    place, ms = near.pairs.place, np.full(len(near.demand), np.inf)
    first = np.searchsorted(place, place)  # pairs stand by place, then time
    kth = np.flatnonzero(np.arange(len(place)) - first == rank - 1)
    ms[place[kth]] = near.pairs.ms[kth]
    return ms


def kth_rows(times: TravelTimes, judged: Judged, near: Reachable, district: tuple[str, str], quality: str,
             ) -> pd.DataFrame:
    """Lay out minutes and shares for the nearest, the second and the third facility of one layer."""
    group, people = group_of(times, times.study.policy.layer(near.layer))
    inside, asked = np.flatnonzero(times.study.demand["inside"]), judged.state >= 0
    ms = {rank: kth_ms(near, rank)[inside][asked] for rank in RANKS}
    near_lost, known = _near_unjoined(times, judged)[asked], judged.state[asked] != 2
    cutoff_ms, people, units = near.cutoff_ms[inside][asked], people[asked], times.demand.loc[asked, _UNIT]
    reached = {f"reached_{rank}": np.where(ms[rank] <= cutoff_ms, people, 0.0) for rank in RANKS}
    lost = {f"undetermined_{rank}": np.where(
        (ms[rank] > cutoff_ms) & (~known | (near_lost & (rank > 1))), people, 0.0) for rank in RANKS}
    sums = unit_sums(units.assign(people=people, **lost, **reached), ["people", *lost, *reached],
                     times.study.townships, district)
    medians = _Medians.of(units[known], people[known], district[0])
    mode = sums["class"].map({**judged.modes, "all": judged.mode})
    parts = [rows(sums.assign(reached=sums[f"reached_{rank}"], undetermined=sums[f"undetermined_{rank}"],
                              minutes=medians.of_units(ms[rank][known], sums) / 60_000.0), family("kth"),
                  layer=near.layer, group=group, mode=mode, metric="k", cutoff=float(rank),
                  headline=False, quality=quality) for rank in RANKS]
    return pd.concat(parts, ignore_index=True)


def _near_unjoined(times: TravelTimes, judged: Judged) -> Array:
    """Tell who has a facility that is not joined near enough to be in time: they may have one more than is found."""
    kind, near = times.demand["class"].to_numpy(), np.zeros(len(times.demand), dtype=bool)
    for name, mode in judged.modes.items():
        reach_m = judged.cutoffs_min[name] / 60.0 * times.modes[mode].top_kph * 1000.0
        near |= (kind == name) & (times.crow_m[judged.layer, mode][0] <= reach_m)
    return near


@dataclass(frozen=True)
class _Medians:
    """People grouped in four ways: by township and class, by township, by class, and all of the district together.

    Attributes
    ----------
    people : (n,) float64
    groupings : list of (names, group)
        The (township_code, class) of each group, and the group of each row.
    """

    people: Array
    groupings: list[tuple[list[tuple[str, str]], Array]]

    @classmethod
    def of(cls, units: pd.DataFrame, people: Array, district_code: str) -> _Medians:
        town, towns = pd.factorize(units["township_code"])
        kind, kinds = pd.factorize(units["class"])
        towns, kinds = [str(code) for code in towns], [str(name) for name in kinds]
        return cls(people, [
            ([(code, name) for code in towns for name in kinds], town * len(kinds) + kind),
            ([(code, "all") for code in towns], town), ([(district_code, name) for name in kinds], kind),
            ([(district_code, "all")], np.zeros(len(town), np.int64))])

    def of_units(self, ms: Array, sums: pd.DataFrame) -> Array:
        """Give, for the units of a table, the least time within which half of the people are; NaN where none is."""
        if len(self.people) == 0:
            return np.full(len(sums), np.nan)
        found: dict[tuple[str, str], float] = {}
        for names, group in self.groupings:
            order = np.lexsort((ms, group))
            grown, until = np.cumsum(self.people[order]), np.searchsorted(group[order], np.arange(len(names)), "right")
            ends = np.concatenate([[0.0], grown])[until]
            starts = np.concatenate([[0.0], ends[:-1]])
            # a hair less than half, since the sums are of floats
            at = np.searchsorted(grown, (starts + (ends - starts) / 2.0) * (1.0 - 1e-12))
            halves = np.where(ends > starts, ms[order][np.minimum(at, len(order) - 1)], np.inf)
            found.update(zip(names, halves.tolist(), strict=True))
        answer = np.array([found.get(unit, np.inf) for unit in zip(sums["township_code"], sums["class"], strict=True)])
        return np.where(np.isfinite(answer), answer, np.nan)
