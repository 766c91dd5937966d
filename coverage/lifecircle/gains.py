"""Say what each new facility of a scenario gains: alone, as the last one, and all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.reach import Judged, group_of
from lifecircle.network.access import Doors
from lifecircle.network.pairs import LinkedPlaces
from lifecircle.tables import GAINS_COLUMNS, worst_quality
from lifecircle.traveltimes import TravelTimes, doors_of, walking_slope

Array = npt.NDArray[Any]
#: As far as anybody goes; who reaches nothing in this time has no minutes to save.
FARTHEST_MIN = 24 * 60.0
#: Stands for all new facilities of a layer.
ALL = "all"
_WAYS: dict[str, tuple[Literal["to", "from"], ...]] = {"to": ("to",), "from": ("from",), "worse": ("to", "from")}


def gain_table(times: TravelTimes, headline: dict[str, Judged], quality: dict[str, str]) -> pd.DataFrame:
    """Compare, on the roads of the scenario, the facilities without the new ones, with one of them, and with all.

    Parameters
    ----------
    times : TravelTimes
        Of a study with a scenario.
    headline : dict
        Layer -> its judgement by the headline rules.
    quality : dict
        Layer -> quality of its figures.

    Returns
    -------
    DataFrame
        `GAINS_COLUMNS`, one row per new facility and one per layer (facility_id `ALL`) for all of them:
        ``people_alone`` would be in time if it were the only new one, and were not without; ``people_last`` are in
        time and would not be if it were left out; ``people_together`` (on the row of all) are in time and would not be
        without any; ``person_minutes_saved`` sums over the people of the layer's group the minutes by which their trip
        is shorter than without any, but for those who then reach no facility. A facility that does not serve gains
        nothing.
    """
    scenario, parts = times.study.scenario, []
    if scenario is not None:
        for layer, item in headline.items():
            own = times.study.facilities
            own = own[(own["layer"] == layer) & own["facility_id"].isin(scenario.opened)].sort_values("facility_id")
            if len(own):
                rows = _layer_rows(times, item, list(own["facility_id"]))
                told = own[["layer", "facility_id", "name", "township_code"]].to_dict("records")
                told.append({"layer": layer, "facility_id": ALL, "name": "", "township_code": ""})
                costs = [scenario.cost.get(one["facility_id"], np.nan) for one in told[:-1]]
                whole = {"cost": float(np.sum(costs)), "quality": worst_quality([quality[layer], "derived"])}
                parts += [{**one, **row, **whole, **({"cost": cost} if at < len(costs) else {})}
                          for at, (one, row, cost) in enumerate(zip(told, rows, [*costs, np.nan], strict=True))]
    return pd.DataFrame(parts, columns=list(GAINS_COLUMNS)).assign(unit="person")


@dataclass(frozen=True)
class _Trips:
    """Milliseconds of the points of one mode, one row per direction of travel.

    before : (ways, n) int64
        To the nearest of the facilities that are not new.
    each : (ways, k, n) int64
        To each new one.
    """

    before: Array
    each: Array

    def minutes(self, *kept: Array) -> Array:
        """Give (n,) minutes with the old facilities and some others, the worse direction counting."""
        return np.asarray(np.minimum.reduce([self.before, *kept]).max(axis=0) / 60_000.0)


def _layer_rows(times: TravelTimes, item: Judged, new: list[str]) -> list[dict[str, Any]]:
    """Give the figures of each new facility of a layer, then those of all together."""
    policy, kind = times.study.policy.layer(item.layer), times.demand["class"].to_numpy()
    people, serving = group_of(times, policy)[1], times.serving[item.layer]
    sums = np.zeros((len(new) + 1, 3))
    for mode in dict.fromkeys(item.modes.values()):
        names = [name for name in item.modes if item.modes[name] == mode]
        at = np.flatnonzero(np.isin(kind, names))
        line_min = np.asarray([item.cutoffs_min[name] for name in kind[at]], dtype=float)
        slope = walking_slope(times.study, item.layer, times.modes, mode)
        linked = [LinkedPlaces.link(times.access, mode, times.xy_m[at], direction=way, slope=slope)
                  for way in _WAYS[policy.direction]]
        sums += _sums(_trips(linked, doors_of(serving), serving["facility_id"].to_numpy(), new), people[at], line_min)
    return [{"people_alone": alone, "people_last": last, "people_together": np.nan, "person_minutes_saved": saved}
            for alone, last, saved in sums[:-1]] + [
        {"people_alone": np.nan, "people_last": np.nan, "people_together": sums[-1, 0],
         "person_minutes_saved": sums[-1, 2]}]


def _trips(linked: list[LinkedPlaces], doors: Doors, ids: Array, new: list[str]) -> _Trips:
    def nearest(keep: Array) -> Array:
        mine = np.isin(doors.label, np.flatnonzero(keep))
        return np.array([one.nearest_ms(Doors(doors.xy_m[mine], doors.label[mine]), FARTHEST_MIN) for one in linked])

    return _Trips(nearest(~np.isin(ids, new)), np.stack([nearest(ids == facility) for facility in new], axis=1))


def _sums(trips: _Trips, people: Array, line_min: Array) -> Array:
    """Sum per new facility, and for all: people won alone, people lost without it, person-minutes saved."""
    before, together = trips.minutes(), trips.minutes(trips.each.min(axis=1))
    reached = before < FARTHEST_MIN
    found = []
    for at in range(trips.each.shape[1]):
        alone = trips.minutes(trips.each[:, at])
        others = np.delete(trips.each, at, axis=1)
        without = trips.minutes(*([others.min(axis=1)] if others.shape[1] else []))
        found.append((people[(alone <= line_min) & (before > line_min)].sum(),
                      people[(together <= line_min) & (without > line_min)].sum(),
                      (people * (before - alone))[reached].sum()))
    won = people[(together <= line_min) & (before > line_min)].sum()
    return np.array([*found, (won, np.nan, (people * (before - together))[reached].sum())])
