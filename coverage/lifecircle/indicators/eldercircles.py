"""Judge the circles of care of the old: are their elders in time of a hub, is the network of three levels whole."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.indicators.presence import place_of
from lifecircle.indicators.reach import group_of
from lifecircle.indicators.registry import exact, family, indicator
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.indicators.verdicts import rate_verdict
from lifecircle.inputs.circletable import HUB_LEVELS
from lifecircle.network.access import Access, Doors
from lifecircle.network.search import Direction
from lifecircle.policy import ClassRule, LayerPolicy
from lifecircle.study import Study
from lifecircle.tables import CIRCLES_COLUMNS
from lifecircle.traveltimes import TravelTimes, doors_of, evaluate, walking_slope

Array = npt.NDArray[Any]


@indicator("elder_circles", family="elder_circles", label_zh="养老服务圈数", label_en="elder circles", unit="circle",
           basis="circle",
           holds=("nonnegative", "ordered", "not_people"))
def elder_circles(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the circles that the office lists."""
    return exact(sums["circles"])


@indicator("elder_circles_passed", family="elder_circles", label_zh="达标养老服务圈数",
           label_en="elder circles that pass", unit="circle", basis="circle",
           holds=("nonnegative", "ordered"))
def elder_circles_passed(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the circles that pass; high counts in those that nobody can judge yet."""
    return pd.DataFrame({"value": sums["passed"], "low": sums["passed"], "high": sums["passed"] + sums["open"]})


def circle_table(times: TravelTimes, circles: gpd.GeoDataFrame, layer: str, quality: str) -> pd.DataFrame:
    """Judge each circle by the urban rule of its layer.

    A circle passes when the share of its elders within the cutoff of one of its own hubs reaches the policy's
    ``pass_share``, and a facility of each of the three levels stands inside it or is listed as its hub. Only existing
    facilities and existing circles count. Hubs are the listed ones; where none is listed, the facilities inside.

    Parameters
    ----------
    times : TravelTimes
    circles : GeoDataFrame
        As `inputs.circletable.read_circles` gives them.
    layer : str
    quality : str

    Returns
    -------
    DataFrame
        `CIRCLES_COLUMNS`; elders are counted in people, undetermined where the map data leave their time open.
    """
    study = times.study
    rule = study.policy.layer(layer).rule("urban")
    if circles.empty or rule is None:
        return pd.DataFrame(columns=list(CIRCLES_COLUMNS))
    there = study.facilities
    there = there[(there["layer"] == layer) & (there["status"] == "existing")]
    members = [_members(circle, times.demand) for circle in circles.itertuples()]
    home = place_of(study, there)
    inside = [there[_inside(circle, there, home)] for circle in circles.itertuples()]
    hubs = [_hubs(circle, there, own) for circle, own in zip(circles.itertuples(), inside, strict=True)]
    minutes, lost = _minutes(times, layer, rule, hubs)
    elders, settled = _elders(times, study.policy.layer(layer))
    table = []
    for at, circle in enumerate(circles.itertuples()):
        count = np.where(members[at], elders, 0.0)
        in_time = minutes[:, at] <= rule.cutoff_min
        levels = {level: _level(circle, level, there, inside[at]) for level in HUB_LEVELS}
        table.append({
            "circle_id": circle.circle_id, "name": circle.name,
            "places": len(set(times.demand["place_code"][members[at]])),
            "township_code": _home(times, np.where(members[at], settled, 0.0)), "elders": count.sum(),
            "elders_in_time": count[in_time].sum(), "elders_undetermined": count[~in_time & lost[:, at]].sum(),
            "hubs": len(hubs[at]), **levels, "status": circle.status, "year": circle.year})
    return _judged(pd.DataFrame(table), rule, study, quality)[list(CIRCLES_COLUMNS)]


def _elders(times: TravelTimes, policy: LayerPolicy) -> tuple[Array, Array]:
    """Give the elders at each demand point, and the people who tell where a circle lies.

    Where the people are not told by age nobody knows how many elders there are: all residents are not all old.
    """
    group, count = group_of(times, policy)
    return (count if group == policy.group else np.full(len(count), np.nan)), count


def _members(circle: Any, demand: gpd.GeoDataFrame) -> Array:
    """Tell which demand points a circle holds: by its places, or by its outline where it lists none."""
    if circle.place_codes:
        return np.asarray(demand["place_code"].isin(circle.place_codes))
    return np.asarray(shapely.intersects(circle.geometry, demand.geometry.to_numpy()))


def _inside(circle: Any, there: gpd.GeoDataFrame, home: Array) -> Array:
    """Tell which facilities stand in a circle: in one of its places, or in its outline where it lists none."""
    if circle.place_codes:
        return np.isin(home, circle.place_codes)
    return np.asarray(shapely.intersects(circle.geometry, there.geometry.to_numpy()))


def _listed(circle: Any) -> set[str]:
    return {name for level in HUB_LEVELS for name in getattr(circle, level)}


def _hubs(circle: Any, there: gpd.GeoDataFrame, inside: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    listed = _listed(circle)
    hubs = there[there["facility_id"].isin(listed)] if listed else inside
    return hubs.sort_values("facility_id", kind="stable").reset_index(drop=True)


def _level(circle: Any, level: str, there: gpd.GeoDataFrame, inside: gpd.GeoDataFrame) -> str:
    """Say whether a level is there: inside, serving (listed, and outside), or missing."""
    if (inside["level"] == level).any():
        return "inside"
    listed = there["facility_id"].isin(getattr(circle, level)) & (there["level"] == level)
    return "serving" if listed.any() else "missing"


def _minutes(times: TravelTimes, layer: str, rule: ClassRule, hubs: list[gpd.GeoDataFrame]) -> tuple[Array, Array]:
    """Solve, per circle, the minutes of every demand point to its hubs, and tell where the map leaves them open."""
    study, policy = times.study, times.study.policy.layer(layer)
    barriers = next(iter(times.fields.values()))[0][0].barriers
    access = Access(study.roads, times.modes, barriers)
    doors: list[Doors] = [doors_of(table) for table in hubs]
    ways: tuple[Direction, ...] = ("to", "from") if policy.direction == "worse" else (policy.direction,)
    slope = walking_slope(study, layer, times.modes, rule.mode)
    fields = tuple(access.solve(rule.mode, doors, direction=way, slope=slope) for way in ways)
    minutes, _, snap_m = evaluate(fields, times.xy_m)
    unjoined = np.array([len(table) > 0 and bool(np.isinf(snap).any())
                         for table, snap in zip(hubs, fields[0].door_snap_m, strict=True)])
    doubtful = times.times[layer, rule.mode].doubtful | np.isinf(snap_m)
    return minutes, doubtful[:, None] | unjoined[None, :]


def _home(times: TravelTimes, count: Array) -> str:
    """Give the township in which most elders of a circle live; the first of several as many."""
    sums = pd.Series(count).groupby(times.demand["township_code"].to_numpy()).sum()
    return str(sums.idxmax()) if len(sums) and sums.max() > 0 else ""


def _judged(table: pd.DataFrame, rule: ClassRule, study: Study, quality: str) -> pd.DataFrame:
    whole = table["elders"].where(table["elders"] > 0)
    names = study.townships.set_index("township_code")["township"]
    table = table.assign(
        township=table["township_code"].map(names).fillna(""), mode=rule.mode, cutoff=rule.cutoff_min,
        share_low=table["elders_in_time"] / whole,
        share_high=(table["elders_in_time"] + table["elders_undetermined"]) / whole,
        pass_share=np.nan if rule.pass_share is None else rule.pass_share, quality=quality)
    told = [_verdict(row, rule.pass_share, study.policy.unsure_above_undetermined) for row in table.itertuples()]
    return table.assign(verdict=[verdict for verdict, _ in told], reason=[reason for _, reason in told])


def _verdict(row: Any, pass_share: float | None, unsure_above: float) -> tuple[str, str]:
    """Judge one circle, and say why: every ground on which it fails, else what leaves it open."""
    reasons = [] if row.status in ("", "existing") else [f"the circle is {row.status}"]
    reasons += [f"no existing {level}" for level in HUB_LEVELS if getattr(row, level) == "missing"]
    if not row.hubs:
        reasons.append("no existing hub")
    rate = rate_verdict(row.share_low, row.share_high, pass_share, unsure_above)
    if rate == "not_met":
        reasons.append(f"{row.share_high:.1%} of the elders in time at most, {pass_share:.0%} asked for")
    if reasons:
        return "not_met", "; ".join(reasons)
    return rate, {
        "met": "", "no_data": "no elders are known to live there", "undecided": "the policy names no pass_share",
        "unsure": f"{row.share_low:.1%} to {row.share_high:.1%} of the elders in time"}[rate]


def circle_rows(table: pd.DataFrame, study: Study, layer: str, district: tuple[str, str], quality: str) -> pd.DataFrame:
    """Count listed circles and those that pass, per township (where most of their elders live) and district."""
    if table.empty:
        return pd.DataFrame()
    frame = pd.DataFrame({
        "township_code": table["township_code"], "class": "all", "circles": 1.0,
        "passed": (table["verdict"] == "met") * 1.0,
        "open": table["verdict"].isin(["unsure", "undecided", "no_data"]) * 1.0})
    sums = unit_sums(frame, ["circles", "passed", "open"], study.townships, district, classes=())
    return rows(sums, family("elder_circles"), layer=layer, group=study.policy.layer(layer).group,
                mode=table["mode"].iloc[0], metric="circle", cutoff=table["cutoff"].iloc[0], quality=quality)
