"""Judge the roads themselves: how complete they are per township, whom one lost link cuts off, what is not seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.errors import first_of
from lifecircle.inputs.findings import Findings, join_codes
from lifecircle.inputs.roadcuts import segment_lines
from lifecircle.network.bridges import bridge_links
from lifecircle.network.graph import Edges, mode_edges
from lifecircle.osmtags import ROAD_CLASSES
from lifecircle.study import Study
from lifecircle.tables import CRITICAL_LINKS_COLUMNS, ROAD_QUALITY_COLUMNS
from lifecircle.traveltimes import TravelTimes, used_modes

Array = npt.NDArray[Any]

#: A township with less than this share of the district's median of road per km² is reported.
SPARSE = 0.5
#: So is one where at least this share of the people, and twice the district's share, live beyond the snap limit.
FAR = 0.05
#: Links listed per mode; and the share of the people that a link must cut off to be a finding.
LINKS, MANY = 100, 0.01



def judge_roads(times: TravelTimes, findings: Findings) -> tuple[pd.DataFrame, gpd.GeoDataFrame]:
    """Give the table of completeness and that of critical links, and report what stands out.

    Parameters
    ----------
    times : TravelTimes
    findings : Findings
        Gets townships with few roads, the links that many depend on, and people that facilities beyond the edge of
        the data might serve.

    Returns
    -------
    DataFrame
        See `completeness`.
    GeoDataFrame
        See `critical_links`.
    """
    standing = {mode: _Standing.of(times, mode) for mode in _modes(times)}
    quality, links = completeness(times, standing["walk"]), critical_links(times, standing)
    _report_sparse(quality, times.study, findings)
    _report_links(links, times, findings)
    _report_edge(times, findings)
    return quality, links


class _Standing(NamedTuple):
    """Where the people stand on the roads of a mode: at the nearer end of the nearest one that they may join.

    Attributes
    ----------
    edges : Edges
    tree : STRtree
        The edges that may be joined, as lines.
    node : (n,) int64
        The node where each demand point stands, 0 where it is beyond the snap limit of walking.
    joined : (n,) bool
        Whether it is within.
    """

    edges: Edges
    tree: shapely.STRtree
    node: Array
    joined: Array

    @classmethod
    def of(cls, times: TravelTimes, mode: str) -> _Standing:
        """Find the nearest road of every demand point."""
        roads, points = times.study.roads, shapely.points(times.xy_m)
        edges = mode_edges(roads, times.modes[mode], slope="none")
        own = np.flatnonzero(edges.joinable)
        tree = shapely.STRtree(segment_lines(roads, edges.segment[own]))
        at, near = tree.query_nearest(points, max_distance=times.modes["walk"].snap_limit_m, all_matches=False)
        ends = np.stack([edges.u[own[near]], edges.v[own[near]]], axis=1)
        gap_m = np.hypot(*np.moveaxis(roads.node_xy_m[ends] - times.xy_m[at][:, None], -1, 0))
        node, joined = np.zeros(len(points), dtype=np.int64), np.zeros(len(points), dtype=bool)
        node[at], joined[at] = np.where(gap_m[:, 0] <= gap_m[:, 1], ends[:, 0], ends[:, 1]), True
        return cls(edges, tree, node, joined)


def completeness(times: TravelTimes, walk: _Standing) -> pd.DataFrame:
    """Measure how complete the roads of each township are.

    Parameters
    ----------
    times : TravelTimes
    walk : _Standing
        Of walking.

    Returns
    -------
    DataFrame
        township_code, township, area_km2, road_km (ferries left out; a segment counts where its middle lies, each
        carriageway by itself), km_per_km2, people, km_per_1000_people, places, places_far, people_far,
        share_places_far, share_people_far, snap_limit_m. Far is what has no road that a walk may join within the snap
        limit of walking; a place is far where all its people are, or, without people, where its shape is. Rates are
        NaN where nothing is to be divided by.
    """
    study = times.study
    codes, roads = study.townships["township_code"], study.roads
    counted_m = np.where(roads.ferry, 0.0, roads.length_m)
    middle = (roads.node_xy_m[roads.u] + roads.node_xy_m[roads.v]) / 2
    road_m = np.zeros(len(codes))
    for at, township in enumerate(study.townships.geometry):
        shapely.prepare(township)
        road_m[at] = counted_m[shapely.contains_xy(township, *middle.T)].sum()
    limit_m = times.modes["walk"].snap_limit_m
    people, places = _far(times, walk, limit_m)
    table = pd.DataFrame({
        "township_code": codes, "township": study.townships["township"], "area_km2": study.townships.area / 1e6,
        "road_km": road_m / 1000,
        "people": codes.map(people.groupby("code")["people"].sum()).fillna(0.0),
        "places": codes.map(places.groupby("code").size()).fillna(0.0),
        "places_far": codes.map(places.groupby("code")["far"].sum()).fillna(0.0).astype(float),
        "people_far": codes.map(people.loc[people["far"]].groupby("code")["people"].sum()).fillna(0.0),
    })
    table["km_per_km2"] = table["road_km"] / table["area_km2"]
    table["km_per_1000_people"] = table["road_km"] / (table["people"] / 1000).where(table["people"] > 0)
    table["share_places_far"] = table["places_far"] / table["places"].where(table["places"] > 0)
    table["share_people_far"] = table["people_far"] / table["people"].where(table["people"] > 0)
    table = table.assign(snap_limit_m=limit_m)[list(ROAD_QUALITY_COLUMNS)]
    return table.sort_values("township_code", ignore_index=True)


def _far(times: TravelTimes, walk: _Standing, limit_m: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tell which people and which places have no road within the limit that a walk may join."""
    demand, places = times.demand, times.study.places
    people = pd.DataFrame({"code": demand["township_code"], "place": demand["place_code"],
                           "people": demand["population"].astype(float), "far": ~walk.joined})
    of_place = places["place_code"].map(people.groupby("place")["far"].all())
    bare = of_place.isna().to_numpy()
    near = walk.tree.query(places.geometry.to_numpy()[bare], predicate="dwithin", distance=limit_m)[0]
    of_place[bare] = ~np.isin(np.arange(bare.sum()), near)
    return people, pd.DataFrame({"code": places["township_code"], "far": of_place.astype(bool)})


def critical_links(times: TravelTimes, standing: dict[str, _Standing]) -> gpd.GeoDataFrame:
    """List the road links whose loss cuts most people off from the main roads, on foot and by the motors in use.

    People stand at the nearer end of the nearest road that they may join; those beyond the snap limit are left out.
    One carriageway of two is no link, since the other remains; directions do not count.

    Parameters
    ----------
    times : TravelTimes
    standing : dict
        Mode -> where the people stand on its roads.

    Returns
    -------
    GeoDataFrame
        rank (from 1 in each mode), mode, road_class (of most of its length), length_m, bridge (whether one is on it),
        people and places behind (places all of whose counted people are), way_ids, lon, lat (its middle), geometry.
    """
    rows = [row for mode, stand in standing.items() for row in _links_of(times, mode, stand)]
    frame = gpd.GeoDataFrame(rows, columns=[*CRITICAL_LINKS_COLUMNS, "geometry"], geometry="geometry",
                             crs=times.study.crs)
    degrees = gpd.GeoSeries(frame.geometry.interpolate(0.5, normalized=True), crs=frame.crs).to_crs("EPSG:4326")
    return frame.assign(lon=degrees.x.round(6), lat=degrees.y.round(6))


def _modes(times: TravelTimes) -> tuple[str, ...]:
    """Give walking and the motor vehicles that the policy uses."""
    used = {mode for layer in times.study.layers for mode in used_modes(times.study.policy.layer(layer))}
    return ("walk", *sorted(mode for mode in used if times.modes[mode].family == "motor"))


def _links_of(times: TravelTimes, mode: str, stand: _Standing) -> Iterator[tuple[Any, ...]]:
    roads, (edges, _, node, joined) = times.study.roads, stand
    weight = times.demand["population"].to_numpy(dtype=float) * joined
    people = np.bincount(node, weights=weight, minlength=roads.node_count)
    place = pd.factorize(times.demand["place_code"])[0]
    counted = np.flatnonzero(weight > 0)
    total = np.bincount(place[counted], minlength=place.max(initial=-1) + 1)
    for rank, link in enumerate(bridge_links(edges.u, edges.v, people, most=LINKS), start=1):
        segments = edges.segment[link.segments]
        length_m, kind = roads.length_m[segments], roads.road_class[segments]
        behind = np.bincount(place[counted[link.behind[node[counted]]]], minlength=len(total))
        yield (rank, mode, ROAD_CLASSES[int(np.bincount(kind, weights=length_m).argmax())], float(length_m.sum()),
               bool(roads.bridge[segments].any()), link.people, int(((behind == total) & (total > 0)).sum()),
               first_of(np.unique(roads.way_id[segments]).tolist()), np.nan, np.nan,
               shapely.line_merge(shapely.multilinestrings(segment_lines(roads, segments))))


def _report_sparse(quality: pd.DataFrame, study: Study, findings: Findings) -> None:
    median = float(quality["km_per_km2"].median())
    far = float(quality["people_far"].sum() / max(quality["people"].sum(), 1.0))
    for row in quality.itertuples():
        told = []
        if row.km_per_km2 < SPARSE * median:
            told.append(f"{row.km_per_km2:.2f} km of road per km², and half of the townships have {median:.2f} or more")
        if row.share_people_far >= max(FAR, 2 * far):
            told.append(f"{row.share_people_far:.0%} of the people live more than {row.snap_limit_m:g} m from any "
                        f"road, in the whole district {far:.0%}")
        if told:
            findings.add("warn", "roads_sparse", f"{row.township}: {'; '.join(told)}", file=study.roads.source,
                         id=row.township_code, township_code=row.township_code, value=f"{row.km_per_km2:.2f} km/km²",
                         remedy="compare with an aerial picture; add missing roads with [roads] local")


def _report_links(links: gpd.GeoDataFrame, times: TravelTimes, findings: Findings) -> None:
    many = MANY * float(times.demand["population"].sum())
    for mode, rows in links[links["people"] >= many].groupby("mode", sort=False):
        worst = rows.iloc[0]
        findings.add("note", "critical_links", f"{len(rows)} links of road ({mode}) each cut at least {MANY:.0%} of "
                     f"the people off if lost; the first is {worst['length_m']:,.0f} m of {worst['road_class']} with "
                     f"{worst['people']:,.0f} people behind", file=times.study.roads.source, count=len(rows),
                     id=f"way {worst['way_ids']}", value=f"{worst['people']:.0f}",
                     remedy="critical_links.csv lists them; where another road exists, the map lacks it")


def _report_edge(times: TravelTimes, findings: Findings) -> None:
    """Report people out of time for whom a facility beyond the edge of the roads might be in time.

    The edge is that of the buffer, or of the roads where they end before it; people are taken to get there in a
    straight line at the speed that also sets the default buffer. So more may be reported than are touched.
    """
    study, seen, points = times.study, _seen(times.study), shapely.points(times.xy_m)
    shapely.prepare(seen)
    to_edge_m = np.where(shapely.covers(seen, points), shapely.distance(points, shapely.boundary(seen)), 0.0)
    people = times.demand["population"].to_numpy(dtype=float)
    for layer in study.layers if study.runfile.district.neighbours else ():
        maybe = np.zeros(len(people), dtype=bool)
        for name in ("urban", "rural"):
            rule = study.policy.layer(layer).rule(name)
            if rule is not None:
                state = times.states(layer, rule.mode, np.full(len(people), rule.cutoff_min))
                reach_m = rule.cutoff_min / 60 * _top_kph(times, rule.mode) * 1000
                maybe |= (times.demand["class"] == name).to_numpy() & (state == 1) & (to_edge_m < reach_m)
        if maybe.any():
            findings.add("warn", "edge_in_reach", f"{people[maybe].sum():,.0f} people at {maybe.sum():,} points are "
                         "out of time, and might reach a facility beyond the edge of the roads in time", layer=layer,
                         file=study.roads.source, count=int(maybe.sum()),
                         township_code=join_codes(times.demand["township_code"][maybe]),
                         id=str(times.demand["demand_id"].to_numpy()[maybe][0]),
                         remedy="widen [district] buffer_m, with roads and facilities that reach so far")


def _top_kph(times: TravelTimes, mode: str) -> float:
    from lifecircle.inputs.roads import TOP_SPEED_KPH

    return min(times.modes[mode].top_kph, TOP_SPEED_KPH.get(mode, times.modes[mode].top_kph))


def _seen(study: Study) -> shapely.Geometry:
    """Give the ground whose roads are known."""
    low, high = study.roads.node_xy_m.min(axis=0), study.roads.node_xy_m.max(axis=0)
    return shapely.intersection(study.outline.buffer(study.buffer_m), shapely.box(*low, *high))
