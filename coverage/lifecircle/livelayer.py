"""One layer of a solved district as it is today: how it is judged, its sums, its gaps, and what others would change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle import describe, gaps
from lifecircle.indicators import per_head
from lifecircle.indicators.reach import Judged, group_of, judge_headline
from lifecircle.inputs.boundaries import district_code
from lifecircle.study import Study
from lifecircle.tables import CLASSES
from lifecircle.traveltimes import TravelTimes

Array = npt.NDArray[Any]
_STATES = ("people_in_time", "people_out", "people_undetermined")


@dataclass(frozen=True)
class Change:
    """What other facilities of one layer would change, by its headline rules.

    Attributes
    ----------
    layer : str
    times : TravelTimes
        Of the study with the other facilities.
    judged : Judged
    coverage : DataFrame
        township_code (the district's last), class (urban / rural / all), group, people, people_in_time, people_out,
        people_undetermined, coverage_rate and each of the last four as ``<name>_before``.
    places : DataFrame
        Places where anybody's minutes change: township_code, place_code, place, people, people_won, people_lost.
    gaps : DataFrame
        The gaps of reach of the layer, in the columns of the contract; with an area per head also those of area.
    area : DataFrame or None
        township_code, area_m2, people, area_per_head_m2 and area_per_head_m2_before, for layers with an area per head.
    """

    layer: str
    times: TravelTimes
    judged: Judged
    coverage: pd.DataFrame
    places: pd.DataFrame
    gaps: pd.DataFrame
    area: pd.DataFrame | None = None


def each_way(times: TravelTimes, layer: str, mode: str) -> list[tuple[Array, Array]]:
    """Give minutes and facilities of the demand points, per direction."""
    fields, column = times.fields[layer, mode]
    reaches = [field.reach(times.xy_m, want_snap=False) for field in fields]
    return [(one.minutes[:, column], one.label[:, column]) for one in reaches]


class LayerToday:
    """One layer as it is today: how it is judged, its sums and its gaps."""

    def __init__(self, times: TravelTimes, layer: str) -> None:
        self.times, self.layer = times, layer
        study = times.study
        self.policy, self.quality = study.policy.layer(layer), describe.layer_quality(study, layer)
        self.judged = judge_headline(times, layer)
        self.group, self.people = group_of(times, self.policy)
        codes = study.townships["township_code"].to_numpy(dtype=object)
        self.units = np.append(codes, district_code(study.runfile, study.townships))
        self.home = pd.Index(codes).get_indexer(times.demand["township_code"])
        self.kind = pd.Index(CLASSES).get_indexer(times.demand["class"])
        self.sums = self._sums(self.judged)
        self.gaps = gaps.reach_gaps(times, self.judged, self.quality)
        columns = dict.fromkeys(["township_code", "place_code", "class", "population", f"population_{self.group}"])
        self.points = pd.DataFrame({name: times.demand[name] for name in columns if name in times.demand.columns})
        self.place, self.places = self._places()

    def _places(self) -> tuple[Array, pd.DataFrame]:
        """Give each demand point the number of its place, and list the places, in each township."""
        keys, names = ["township_code", "place_code"], self.times.study.places.set_index("place_code")["place"]
        place = self.points.groupby(keys, sort=True).ngroup().to_numpy()
        table = self.points[keys].drop_duplicates().sort_values(keys, ignore_index=True)
        return place, table.assign(place=table["place_code"].map(names).fillna(""))

    @cached_property
    def _number(self) -> dict[tuple[str, str], int]:
        """Give (township, place) -> its number; numbers go up as the codes do."""
        return {key: at for at, key in enumerate(zip(self.places["township_code"], self.places["place_code"],
                                                     strict=True))}

    def _numbers(self, listed: pd.DataFrame) -> Array:
        return np.array([self._number[key] for key in zip(listed["township_code"], listed["place_code"], strict=True)],
                        np.int64)

    @cached_property
    def _ways(self) -> dict[str, list[tuple[Array, Array]]]:
        return {}

    def per_way(self, mode: str) -> list[tuple[Array, Array]]:
        """Give minutes and facilities per direction, found once."""
        if mode not in self._ways:
            self._ways[mode] = each_way(self.times, self.layer, mode)
        return self._ways[mode]

    def compare(self, after: TravelTimes, judged: Judged) -> Change:
        """Set what comes after beside what is; where the rules are others, every gap is told anew."""
        moved = (judged.minutes != self.judged.minutes) | self._other_facility(after, judged)
        other = judged.state != self.judged.state
        touched = np.unique(self.place[(other | moved) & (judged.state >= 0)])
        told = np.unique(self.place[other | (moved & (judged.state == 1))])  # a gap tells minutes of those out alone
        if (judged.modes, judged.cutoffs_min) != (self.judged.modes, self.judged.cutoffs_min):
            told = np.arange(len(self.places))
        at = np.flatnonzero(np.isin(self.place, told))
        fresh = gaps.reach_gaps(replace(after, demand=self.points.iloc[at].reset_index(drop=True)),
                                _of_judged(judged, at), self.quality)
        kept = self.gaps[~np.isin(self._numbers(self.gaps), told)]
        listed = pd.concat([part for part in (kept, fresh) if len(part)] or [gaps.NO_GAPS], ignore_index=True)
        order = np.lexsort((listed["class"].to_numpy(dtype=str), self._numbers(listed)))
        listed = listed.iloc[order].reset_index(drop=True)
        area = None
        if self.policy.m2_per_head is not None:
            sums = self._area_sums(after.study)
            area = _per_head(sums).assign(area_per_head_m2_before=self._area_today["area_per_head_m2"])
            short = gaps.area_gaps(after.study, sums, self.layer, self._district, self.quality)
            listed = pd.concat([part for part in (listed, short) if len(part)] or [listed], ignore_index=True)
        return Change(self.layer, after, judged, self._coverage(self._sums(judged)), self._moved(judged, touched),
                      listed, area)

    def _other_facility(self, after: TravelTimes, judged: Judged) -> Array:
        """Tell whose nearest facility is another one."""
        ids = [self.times.serving[self.layer]["facility_id"], after.serving[self.layer]["facility_id"], pd.Series([""])]
        number = pd.factorize(pd.concat(ids))[0]
        none, count = number[-1:], len(ids[0])
        then, now = np.append(number[:count], none), np.append(number[count:-1], none)
        return np.asarray(then[self.judged.facility] != now[judged.facility])

    def _sums(self, judged: Judged) -> Array:
        """Sum people by unit (the district last), class (urban, rural, all) and state."""
        sums = np.zeros((len(self.units), 3, 3))
        known = (judged.state >= 0) & (self.home >= 0)
        np.add.at(sums, (self.home[known], self.kind[known], judged.state[known]), self.people[known])
        sums[:, 2] = sums[:, 0] + sums[:, 1]
        sums[-1] = sums[:-1].sum(axis=0)
        return sums

    def _coverage(self, sums: Array) -> pd.DataFrame:
        total = sums.sum(axis=2).ravel()
        table = {"township_code": np.repeat(self.units, 3), "class": np.tile([*CLASSES, "all"], len(self.units)),
                 "group": self.group, "people": total}
        for suffix, part in (("", sums), ("_before", self.sums)):
            for column, name in enumerate(_STATES):
                table[name + suffix] = part[..., column].ravel()
            rate = np.full(len(total), np.nan)
            table["coverage_rate" + suffix] = np.divide(table["people_in_time" + suffix], total, out=rate,
                                                        where=total > 0)
        frame = pd.DataFrame(table)
        return frame[(frame["people"] > 0) | (frame["class"] == "all")].reset_index(drop=True)

    def _moved(self, judged: Judged, touched: Array) -> pd.DataFrame:
        """Sum per touched place who is in time now and was not, and the other way round."""
        then, now, people = self.judged.state, judged.state, self.people
        sums = {"people": np.where(now >= 0, people, 0.0),
                "people_won": np.where((now == 0) & (then != 0), people, 0.0),
                "people_lost": np.where((now != 0) & (then == 0), people, 0.0)}
        return self.places.iloc[touched].assign(**{
            name: np.bincount(self.place, value, len(self.places))[touched] for name, value in sums.items()
        }).reset_index(drop=True)

    @property
    def _district(self) -> tuple[str, str]:
        return str(self.units[-1]), self.times.study.runfile.district.name

    @cached_property
    def _census(self) -> pd.DataFrame:
        """Give the residents of each township as one row: all that an area per head asks of the demand."""
        demand = self.times.study.demand
        people = demand[demand["inside"]].groupby("township_code", sort=True)["population"].sum()
        return people.reset_index().assign(inside=True)

    def _area_sums(self, study: Study) -> pd.DataFrame:
        return per_head.area_sums(replace(study, demand=self._census), self.layer, self.policy, self._district)

    @cached_property
    def _area_today(self) -> pd.DataFrame:
        return _per_head(self._area_sums(self.times.study))


def _per_head(sums: pd.DataFrame) -> pd.DataFrame:
    per = per_head.area_per_head_m2(sums)["value"]
    return pd.DataFrame({"township_code": sums["township_code"], "area_m2": sums["area"], "people": sums["people"],
                         "area_per_head_m2": per})


def _of_judged(judged: Judged, at: Array) -> Judged:
    return replace(judged, state=judged.state[at], minutes=judged.minutes[at], facility=judged.facility[at])
