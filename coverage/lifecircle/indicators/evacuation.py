"""Share out area by distance, as of shelters: who has a place, and what area each resident can really reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.allocation import allocate_by_id
from lifecircle.indicators.per_head import area_verdict, areas_of
from lifecircle.indicators.registry import COUNT, RATE, Indicator, exact, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.network.pairs import LinkedPlaces, Pairs
from lifecircle.policy import LayerPolicy
from lifecircle.traveltimes import TravelTimes, doors_of, points_of

Array = npt.NDArray[Any]


@indicator("area_reachable_m2", family="evacuation", label_zh="可达面积", label_en="area in reach", unit="m2",
           basis="area",
           holds=("extensive", "nonnegative", "ordered", "zero_without_people"))
def area_reachable_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Sum the area shared out to residents within the distance of its kind, at most the standard for each."""
    return pd.DataFrame({"value": sums["area"], "low": sums["area_sure"], "high": sums["area_most"]}).astype(float)


@indicator("area_reachable_per_head_m2", family="evacuation", label_zh="人均可达面积",
           label_en="area in reach per head", unit="m2/person", basis="population",
           holds=("nonnegative", "ordered", "null_without_people"))
def area_reachable_per_head_m2(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the area shared out by residents; a full place for everyone is the standard itself."""
    return area_reachable_m2(sums).div(sums["people"].where(sums["people"] > 0), axis=0)


@indicator("people_without_place", family="evacuation", label_zh="无可用面积人口", label_en="people without a place",
           unit="person", basis="population",
           holds=("extensive", "nonnegative", "ordered", "zero_without_people"))
def people_without_place(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the residents to whom no area within the distance of its kind is left."""
    return pd.DataFrame({"value": sums["people"] - sums["placed"], "low": sums["people"] - sums["placed_most"],
                         "high": sums["people"] - sums["placed_sure"]}).clip(lower=0.0).astype(float)


@indicator("people_within_distance", family="evacuation_kind", label_zh="规定距离内人口",
           label_en="people within the distance of the kind", unit="person", basis="population",
           holds=COUNT)
def people_within_distance(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the residents with a facility of the kind within its distance; high counts those no road joins in."""
    return exact(sums["within"]).assign(high=sums["within"] + sums["lost"])


@indicator("share_within_distance", family="evacuation_kind", label_zh="规定距离内人口占比",
           label_en="share within the distance of the kind", unit="share", basis="population",
           holds=RATE)
def share_within_distance(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the residents within the distance of the kind by all residents."""
    return share(sums["within"], sums["people"], more=sums["lost"])


@indicator("shelter_places", family="evacuation_room", label_zh="可容纳人数", label_en="places for people",
           unit="person", basis="area",
           holds=("extensive", "nonnegative", "ordered", "not_people"))
def shelter_places(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide the area of a kind by what it allows each person; low by the sure area, no high where one is unknown."""
    value = sums["places"].where((sums["known"] > 0) | (sums["unknown"] == 0))
    return pd.DataFrame({"value": value, "low": sums["places_sure"], "high": value.where(sums["unknown"] == 0)})


@dataclass(frozen=True)
class Havens:
    """The facilities of a layer, and who may go to which of them.

    Attributes
    ----------
    layer : str
    kind : (f,) int64
        Row in the policy's ``kinds``, -1 where a level has none.
    pairs : Pairs
        Demand points of the study and facilities within the distance of the kind; 100 m count as a minute.
    """

    layer: str
    kind: Array
    pairs: Pairs


def find_havens(times: TravelTimes, layers: Sequence[str]) -> dict[str, Havens]:
    """Find who may go where, along the roads on foot and not by time, for the layers whose policy names kinds.

    The walk is that of the layer's urban rule where it is on foot, else ``walk``; slope does not lengthen it.
    """
    linked: dict[str, LinkedPlaces] = {}
    found = {}
    for layer in layers:
        policy, serving = times.study.policy.layer(layer), times.serving[layer]
        if not policy.kinds:
            continue
        said = policy.urban.mode if policy.urban is not None else "walk"
        mode = said if times.modes[said].on_foot else "walk"
        if mode not in linked:
            access, in_metres = times.access.in_metres(mode)
            linked[mode] = LinkedPlaces.link(access, in_metres, points_of(times.study.demand), direction="to")
        found[layer] = _havens(linked[mode], layer, policy, serving)
    return found


def _havens(linked: LinkedPlaces, layer: str, policy: LayerPolicy, serving: gpd.GeoDataFrame) -> Havens:
    kind = serving["level"].map({item.level: row for row, item in enumerate(policy.kinds)}).fillna(-1)
    parts = []
    for row, item in enumerate(policy.kinds):
        mine = np.flatnonzero(kind == row)
        pairs = linked.pairs(doors_of(serving.iloc[mine]), item.distance_m / 100.0)
        parts.append((pairs.place, mine[pairs.facility], pairs.ms))
    return Havens(layer, kind.to_numpy(dtype=np.int64),
                  Pairs.of(*(np.concatenate(column) for column in zip(*parts, strict=True))))


def evacuation_rows(times: TravelTimes, havens: Havens, district: tuple[str, str], quality: str) -> pd.DataFrame:
    """Lay out reachable area and people without a place, then per kind who is within its distance and how many fit.

    A kind of which there is no facility has no rows. Area is shared out at the standard per head, nearest first, the
    neighbours competing (`allocation.allocate`); only kinds that count are shared out. ``low`` counts area that
    is sure, ``high`` also facilities of unknown area, and people whom the map joins to no road.
    """
    study, layer = times.study, havens.layer
    policy, townships = study.policy.layer(layer), study.townships
    frame = _placed(times, havens, policy)
    parts = []
    if policy.m2_per_head is not None:
        columns = ["people", "placed", "placed_sure", "placed_most"]
        sums = unit_sums(frame, columns, townships, district)
        for name in ("", "_sure", "_most"):
            sums[f"area{name}"] = sums[f"placed{name}"] * policy.m2_per_head
        table = rows(sums, family("evacuation"), layer=layer, metric="m2", quality=quality)
        rate = table["indicator"] == "area_reachable_per_head_m2"
        table.loc[rate, "target"] = policy.m2_per_head
        table.loc[rate, "verdict"] = [area_verdict(low, value, high, policy.m2_per_head) for low, value, high
                                      in table.loc[rate, ["low", "value", "high"]].itertuples(index=False)]
        parts.append(table)
    for row, item in enumerate(policy.kinds):
        if not (havens.kind == row).any():
            continue
        within = np.zeros(len(study.demand), dtype=bool)
        within[havens.pairs.place[havens.kind[havens.pairs.facility] == row]] = True
        here = within[frame.index]
        reached = frame.assign(within=frame["people"].where(here, 0.0), lost=frame["lost"].mask(here, 0.0))
        sums = unit_sums(reached, ["people", "within", "lost"], townships, district)
        parts.append(_of_kind(sums, family("evacuation_kind"), item.level, item.distance_m, layer, quality))
        if item.m2_per_person is not None:
            room = _room(times, layer, policy, havens.kind == row, item.m2_per_person)
            sums = unit_sums(room, ["places", "places_sure", "known", "unknown"], townships, district, classes=())
            parts.append(_of_kind(sums, family("evacuation_room"), item.level, np.nan, layer, quality))
    return pd.concat(parts, ignore_index=True)


def _of_kind(sums: pd.DataFrame, items: list[Indicator], level: str, distance_m: float, layer: str, quality: str,
             ) -> pd.DataFrame:
    return rows(sums, items, layer=layer, level=level, metric="m", cutoff=distance_m, headline=False, quality=quality)


def _placed(times: TravelTimes, havens: Havens, policy: LayerPolicy) -> pd.DataFrame:
    """Give, per demand point inside, residents, those with a place by sure, guessed and any area, and the unjoined."""
    demand, serving = times.study.demand, times.serving[havens.layer]
    people, each = demand["population"].to_numpy(dtype=float), policy.m2_per_head or 1.0
    area, sure = areas_of(serving, policy)
    counts = np.isin(havens.kind, [row for row, item in enumerate(policy.kinds) if item.counts])
    pairs = havens.pairs.take(np.flatnonzero(counts[havens.pairs.facility]))
    ids = demand["demand_id"].to_numpy(dtype=str)
    guessed = allocate_by_id(ids, people, area / each, pairs)
    told = np.array_equal(sure, area, equal_nan=True)
    certain = guessed if told else allocate_by_id(ids, people, np.nan_to_num(sure) / each, pairs)
    inside = np.flatnonzero(demand["inside"])
    placed = guessed.served[inside]
    unjoined = np.isinf(times.leg_m) & bool(times.fields)
    most = np.where(unjoined, people[inside], placed + guessed.possible[inside])
    return pd.DataFrame({
        "township_code": demand["township_code"].to_numpy()[inside], "class": demand["class"].to_numpy()[inside],
        "people": people[inside], "placed": placed, "placed_sure": certain.served[inside],
        "placed_most": most, "lost": np.where(unjoined, people[inside], 0.0)}, index=inside)


def _room(times: TravelTimes, layer: str, policy: LayerPolicy, of_kind: Array, m2_per_person: float) -> pd.DataFrame:
    """Give the people that each facility of a kind inside has room for."""
    serving = times.serving[layer]
    mine = of_kind & serving["inside"].to_numpy()
    area, sure = (values[mine] for values in areas_of(serving, policy))
    return pd.DataFrame({
        "township_code": serving["township_code"].to_numpy()[mine], "class": "all",
        "places": np.nan_to_num(area) / m2_per_person, "places_sure": np.nan_to_num(sure) / m2_per_person,
        "known": ~np.isnan(area) * 1.0, "unknown": np.isnan(area) * 1.0})
