"""Count who is served within capacity, who is in reach of full facilities only, and who is beyond reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.allocation import Allocation, allocate_by_id
from lifecircle.indicators.reach import Judged, group_at
from lifecircle.indicators.registry import COUNT, exact, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.network.pairs import Pairs
from lifecircle.policy import Supply
from lifecircle.reachable import Reachable
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]


@indicator("people_served", family="capacity", label_zh="已服务人口", label_en="people served", unit="person",
           basis="population",
           holds=("extensive", "nonnegative", "ordered", "zero_without_people"))
def people_served(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people with a place; high counts those in who may have one."""
    return _with_more(sums, "served")


@indicator("people_in_reach_full", family="capacity", label_zh="圈内满员人口",
           label_en="people in reach of full facilities", unit="person", basis="population",
           holds=("extensive", "nonnegative", "ordered", "zero_without_people"))
def people_in_reach_full(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people in reach of facilities that have no place left for them."""
    return exact(sums["full"])


@indicator("people_beyond_reach", family="capacity", label_zh="不可及人口", label_en="people beyond reach",
           unit="person", basis="population",
           holds=COUNT)
def people_beyond_reach(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people with no facility in reach."""
    return exact(sums["beyond"])


@indicator("people_supply_undetermined", family="capacity", label_zh="供给待核人口",
           label_en="people of undetermined supply", unit="person", basis="population",
           holds=("extensive", "nonnegative", "ordered", "zero_without_people"))
def people_supply_undetermined(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the people who may have a place: a capacity is not known, or the map data leave their reach open."""
    return exact(sums["undetermined"])


@indicator("served_rate", family="capacity", label_zh="服务率", label_en="served rate", unit="share",
           basis="population",
           holds=("bounded", "ordered", "null_without_people"), parts=("people_served", "people"))
def served_rate(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide people with a place by all people; high counts in those who may have one."""
    return share(sums["served"], sums["people"], more=sums["undetermined"])


@indicator("capacity_there", family="supply", label_zh="现有容量", label_en="capacity there", unit="capacity",
           basis="capacity",
           holds=("extensive", "nonnegative", "ordered", "not_people"))
def capacity_there(sums: pd.DataFrame) -> pd.DataFrame:
    """Sum the known capacity of the facilities in the unit; no high where one is not known."""
    value = sums["capacity"].where((sums["known"] > 0) | (sums["unknown"] == 0))
    return pd.DataFrame({"value": value, "low": sums["capacity"], "high": value.where(sums["unknown"] == 0)})


@indicator("capacity_needed", family="supply", label_zh="应有容量", label_en="capacity needed", unit="capacity",
           basis="population",
           holds=COUNT)
def capacity_needed(sums: pd.DataFrame) -> pd.DataFrame:
    """Multiply the people by what each needs."""
    return exact(sums["needed"])


@indicator("facilities_capacity_unknown", family="supply", label_zh="容量不明设施数",
           label_en="facilities of unknown capacity", unit="facility", basis="facility",
           holds=("extensive", "nonnegative", "ordered", "not_people"))
def facilities_capacity_unknown(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the facilities in the unit whose capacity is not known."""
    return exact(sums["unknown"])


def _with_more(sums: pd.DataFrame, column: str) -> pd.DataFrame:
    return exact(sums[column]).assign(high=sums[column] + sums["undetermined"])


@dataclass(frozen=True)
class Shared:
    """The places of one layer, shared out among the people of the district and its neighbours.

    Attributes
    ----------
    layer, group : str
    supply : Supply
    people : (n,) float64
        Of the group, at every demand point of the study.
    capacity : (f,) float64
        Of every serving facility, in the policy's unit; NaN where it is not known.
    pairs : Pairs
        In time of each other.
    cutoff_ms : (n,) int64
        Of each demand point, -1 where it is not judged.
    allocation : Allocation
        Of `people`, over `pairs`.
    """

    layer: str
    group: str
    supply: Supply
    people: Array
    capacity: Array
    pairs: Pairs
    cutoff_ms: Array
    allocation: Allocation

    @property
    def people_allocated(self) -> Array:
        """Give the people that each facility serves; NaN where its capacity is not known."""
        served = np.bincount(self.pairs.facility, weights=self.allocation.flow, minlength=len(self.capacity))
        return np.where(np.isnan(self.capacity), np.nan, served)

    @property
    def load(self) -> Array:
        """Give the share of each facility's capacity that is taken; NaN where there is none or it is not known."""
        room = np.where(self.capacity > 0, self.capacity, np.nan)
        return np.asarray(self.people_allocated * self.supply.need_per_person / room)

    @property
    def in_reach(self) -> Array:
        """Tell which demand points have a facility in time."""
        found = np.zeros(len(self.people), dtype=bool)
        found[self.pairs.place] = True
        return found


def share_out(times: TravelTimes, near: Reachable) -> Shared | None:
    """Share out the places of a layer, neighbours supplying and competing; None where its policy states no supply.

    Parameters
    ----------
    times : TravelTimes
        Its study says how many people there are.
    near : Reachable
        Of the layer, for the same demand points.
    """
    policy = times.study.policy.layer(near.layer)
    if policy.supply is None or not near.cutoffs_min:
        return None
    group, people = group_at(times.study.demand, policy)
    capacity = near.serving[policy.supply.capacity].to_numpy(dtype=np.float64)
    pairs, ids = near.in_time(), times.study.demand["demand_id"].to_numpy(dtype=str)
    ours = allocate_by_id(ids, people, capacity / policy.supply.need_per_person, pairs)
    return Shared(near.layer, group, policy.supply, people, capacity, pairs, near.cutoff_ms, ours)


def people_states(times: TravelTimes, judged: Judged, shared: Shared) -> pd.DataFrame:
    """Split the people of every demand point inside the district: served, full, beyond reach, undetermined.

    Returns
    -------
    DataFrame
        township_code, place_code, class, people, served, full, beyond, undetermined, possible (of those undetermined,
        the ones in reach of a place that may be free); points without a rule are left out.
    """
    inside = np.flatnonzero(times.study.demand["inside"])
    people, reached = shared.people[inside], shared.in_reach[inside]
    served = np.minimum(shared.allocation.served[inside], people)
    possible = np.minimum(shared.allocation.possible[inside], people - served)
    unjoined = ~reached & (judged.state == 2)
    frame = times.demand[["township_code", "place_code", "class"]].assign(
        people=people, served=served, full=np.where(reached, people - served - possible, 0.0), possible=possible,
        beyond=np.where(~reached & ~unjoined, people, 0.0), undetermined=possible + np.where(unjoined, people, 0.0))
    return pd.DataFrame(frame[judged.state >= 0])


def capacity_rows(times: TravelTimes, judged: Judged, shared: Shared, district: tuple[str, str], quality: str,
                  ) -> pd.DataFrame:
    """Lay out who is served in one layer, and what capacity there is and should be."""
    states, townships = people_states(times, judged, shared), times.study.townships
    sums = unit_sums(states, ["people", "served", "full", "beyond", "undetermined"], townships, district)
    people = rows(sums, family("capacity"), layer=shared.layer, group=shared.group, metric="min", quality=quality,
                  mode=sums["class"].map({**judged.modes, "all": judged.mode}),
                  cutoff=sums["class"].map({**judged.cutoffs_min, "all": np.nan}))
    unit = shared.supply.unit_name
    amounts = rows(_supply_sums(times, states, shared, district), family("supply"), layer=shared.layer,
                   group=shared.group, metric=unit, quality=quality)
    amounts["unit"] = amounts["unit"].replace("capacity", unit)
    return pd.concat([people, amounts], ignore_index=True)


def _supply_sums(times: TravelTimes, states: pd.DataFrame, shared: Shared, district: tuple[str, str]) -> pd.DataFrame:
    serving = times.serving[shared.layer]
    unknown, inside = np.isnan(shared.capacity), serving["inside"].to_numpy()
    there = pd.DataFrame({"township_code": serving["township_code"], "needed": 0.0, "unknown": unknown * 1.0,
                          "capacity": np.nan_to_num(shared.capacity), "known": ~unknown * 1.0})[inside]
    due = pd.DataFrame({"township_code": states["township_code"], "capacity": 0.0, "unknown": 0.0, "known": 0.0,
                        "needed": states["people"] * shared.supply.need_per_person})
    both = pd.concat([there, due], ignore_index=True).assign(**{"class": "all"})
    return unit_sums(both, ["capacity", "needed", "known", "unknown"], times.study.townships, district, classes=())
