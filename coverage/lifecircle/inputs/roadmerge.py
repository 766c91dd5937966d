"""Lay a local road layer over the roads of the study: what is new is added and joined, what is there already is not.

A piece of a local road is *the same* as a road of the study where its middle lies within ``same_m`` of one that runs
within `SAME_DEG` of its direction and serves the same traffic (carriageways with carriageways, paths with paths). A
stretch of the same shorter than twice ``same_m`` is a crossing, not the same road; a stretch of new as short between
two of the same is a wobble of the line. Everything else is added.

Added roads are joined where one ends within ``join_m`` of a road of the study, where a road of the study ends within
``join_m`` of an added one, and where the two cross at grade: neither is bridge, tunnel, ferry or motorway.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.errors import first_of
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.roadcuts import cut, joined, segment_lines, weld
from lifecircle.inputs.roadquality import parts
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import LocalRoads
from lifecircle.tables import worst_quality

Array = npt.NDArray[Any]

#: Largest angle between two courses of the same road.
SAME_DEG = 30.0
#: Local roads are compared in pieces of at most this length.
_PIECE_M = 10.0
_NARROW = [CLASS_INDEX[name] for name in ("pedestrian", "footway", "path", "bridleway", "steps", "cycleway")]
_NO_CROSSING = [CLASS_INDEX[name] for name in ("motorway", "motorway_link", "ferry")]


def merge_local(base: RoadNetwork, local: RoadNetwork, rule: LocalRoads, findings: Findings) -> RoadNetwork:
    """Add the roads of a local layer that the study lacks, and join them.

    Parameters
    ----------
    base, local : RoadNetwork
        In one CRS; ``way_id`` of `local` holds its rows, which become negative in the answer.
    rule : LocalRoads
        Its ``same_m``, ``join_m`` and ``classes_win``.
    findings : Findings
        Gets what was added, what was taken as the same, and what is left without a link.
    """
    local = replace(local, way_id=-local.way_id)
    local, same = _pieces(local, base, rule.same_m)
    changed = np.zeros(len(base), dtype=bool)
    if rule.classes_win:
        base, changed = _with_classes(base, local, same, rule.same_m)
    if same.all():
        merged, joints = base, 0
    else:
        met_same = np.zeros(local.node_count, dtype=bool)
        met_same[local.u[same]] = met_same[local.v[same]] = True
        merged, joints = _join(base, local, np.flatnonzero(~same), met_same, rule.join_m)
    _report(merged, base, local, same, int(changed.sum()), joints, findings)
    return replace(merged, source=f"{base.source} + {local.source}",
                   quality=worst_quality([base.quality, local.quality]))


def join_roads(base: RoadNetwork, new: RoadNetwork, join_m: float) -> RoadNetwork:
    """Add every road of another network and join it, whatever is there already.

    Parameters
    ----------
    base, new : RoadNetwork
        In one CRS; the answer has no heights.
    join_m : float
        How far an end may lie from the road that it is tied to.
    """
    return _join(base, new, np.arange(len(new)), np.zeros(new.node_count, dtype=bool), join_m)[0]


def _pieces(local: RoadNetwork, base: RoadNetwork, same_m: float) -> tuple[RoadNetwork, Array]:
    """Cut local roads where they begin or cease to be the same as others, and tell which pieces are."""
    count = np.maximum(np.ceil(local.length_m / _PIECE_M).astype(np.int64), 1)
    of = np.repeat(np.arange(len(local)), count)
    first = np.cumsum(count) - count
    step = (np.arange(len(of)) - first[of] + 0.5) / count[of]
    same = _like(local, of, step, base, np.arange(len(base)), same_m) >= 0
    chain = _chains(local)[of]
    same = _smooth(same, chain, (local.length_m / count)[of], 2 * same_m)
    turn = np.flatnonzero((same[1:] != same[:-1]) & (of[1:] == of[:-1]))
    pieces, _, origin, middle = cut(local, of[turn + 1], step[turn + 1] - 0.5 / count[of[turn + 1]])
    at = np.minimum((middle * count[origin]).astype(np.int64), count[origin] - 1)
    return pieces, same[first[origin] + at]


def _like(network: RoadNetwork, of: Array, step: Array, other: RoadNetwork, among: Array, same_m: float) -> Array:
    """Give, for points (segment and position along it), the nearest like segment of another network, or -1."""
    begin, course = network.node_xy_m[network.u], network.node_xy_m[network.v] - network.node_xy_m[network.u]
    there = other.node_xy_m[other.v[among]] - other.node_xy_m[other.u[among]]
    lines, points = segment_lines(other, among), shapely.points(begin[of] + course[of] * step[:, None])
    point, near = shapely.STRtree(lines).query(points, predicate="dwithin", distance=same_m)
    own = of[point]
    angle = np.abs(np.arctan2(course[own, 0] * there[near, 1] - course[own, 1] * there[near, 0],
                              (course[own] * there[near]).sum(axis=1)))
    along = np.degrees(np.minimum(angle, np.pi - angle)) <= SAME_DEG
    kind = np.isin(network.road_class[own], _NARROW) == np.isin(other.road_class[among[near]], _NARROW)
    point, near = point[along & kind], near[along & kind]
    order = np.lexsort((-shapely.distance(points[point], lines[near]), point))  # of each point the nearest comes last
    like = np.full(len(of), -1, dtype=np.int64)
    like[point[order]] = among[near[order]]
    return like


def _chains(network: RoadNetwork) -> Array:
    """Give numbers to the runs of segments that follow one another on one road."""
    follows = (network.u[1:] == network.v[:-1]) & (network.way_id[1:] == network.way_id[:-1])
    return np.cumsum(np.concatenate([[True], ~follows]))


def _smooth(same: Array, chain: Array, length_m: Array, short_m: float) -> Array:
    """Turn short stretches of the same within a longer road into new, then short new ones between two of the same."""
    for flag in (True, False):
        run = np.cumsum(np.concatenate([[True], (same[1:] != same[:-1]) | (chain[1:] != chain[:-1])])) - 1
        first = np.flatnonzero(np.diff(run, prepend=-1))
        run_m, of = np.bincount(run, weights=length_m), chain[first]
        inner = np.concatenate([[False], of[1:] == of[:-1]]), np.concatenate([of[1:] == of[:-1], [False]])
        between = (inner[0] | inner[1]) if flag else (inner[0] & inner[1])
        same = np.where(((same[first] == flag) & (run_m < short_m) & between)[run], not flag, same)
    return same


def _with_classes(base: RoadNetwork, local: RoadNetwork, same: Array, same_m: float) -> tuple[RoadNetwork, Array]:
    """Give roads of the study the class, and the speeds where stated, of the local road that is the same.

    Of roads side by side, such as a highway and the service road along it, the local road means the nearest and those
    of its class: the two carriageways of one road.
    """
    rows = np.flatnonzero(same)
    if not len(rows):
        return base, np.zeros(len(base), dtype=bool)
    like = _like(base, np.arange(len(base)), np.full(len(base), 0.5), local, rows, same_m)
    own = np.flatnonzero((like >= 0) & ~base.ferry)
    own = own[_is_meant(base, own, local, like[own], same_m)]
    at, columns = like[own], {}
    for name in ("road_class", "maxspeed_kph", "speed_kph"):
        column, said = getattr(base, name).copy(), getattr(local, name)[at]
        known = np.isfinite(said.astype(float))
        column[own[known]] = said[known]
        columns[name] = column
    return replace(base, **columns), base.road_class != columns["road_class"]


def _is_meant(base: RoadNetwork, own: Array, local: RoadNetwork, at: Array, same_m: float) -> Array:
    """Tell which roads are of the class of that one which lies nearest to their local road, beside their middle."""
    middle = (base.node_xy_m[base.u[own]] + base.node_xy_m[base.v[own]]) / 2
    step = shapely.line_locate_point(segment_lines(local, at), shapely.points(middle), normalized=True)
    near = _like(local, at, step, base, np.arange(len(base)), same_m)
    return np.asarray((near < 0) | (base.road_class[near] == base.road_class[own]), dtype=bool)


def _join(base: RoadNetwork, local: RoadNetwork, new: Array, met_same: Array, join_m: float,
          ) -> tuple[RoadNetwork, int]:
    """Put added roads beside the others, cut both where they meet, and tie the loose ends."""
    uses = np.bincount(np.concatenate([local.u[new], local.v[new]]), minlength=local.node_count)
    ends = np.flatnonzero((uses == 1) | ((uses > 0) & met_same)) + base.node_count
    dead = np.flatnonzero(np.bincount(np.concatenate([base.u, base.v]), minlength=base.node_count) == 1)
    both = joined(base, local, new)
    ground = ~(both.bridge | both.tunnel | np.isin(both.road_class, _NO_CROSSING))
    old, added = (np.flatnonzero(ground & side) for side in np.array([[True], [False]]) == (
        np.arange(len(both)) < len(base)))
    lines, at_end = segment_lines(both), _incident(both, ends, np.arange(len(both)) >= len(base))
    mine, theirs = _crossings(lines, old, added)
    place = shapely.intersection(lines[mine], lines[theirs])
    tied, to_old = _targets(both, lines, ends, at_end, old, join_m)
    stub, to_added = _targets(both, lines, dead, None, added, join_m)
    loose = np.concatenate([ends[tied], dead[stub]])
    asked = np.concatenate([mine, theirs, to_old, to_added])
    where = np.concatenate([place, place, shapely.points(both.node_xy_m[loose])])
    result, node, origin, _ = cut(both, asked, shapely.line_locate_point(lines[asked], where, normalized=True))
    one, other, ties = np.split(node, [len(mine), 2 * len(mine)])
    pairs = np.sort(np.stack([np.concatenate([one, loose]), np.concatenate([other, ties])], axis=1), axis=1)
    pairs, once = np.unique(pairs, axis=0, return_index=True)
    like = np.concatenate([theirs, at_end[tied], to_added])[once]
    return weld(result, pairs, np.searchsorted(origin, like)), len(pairs)


def _crossings(lines: Array, ours: Array, theirs: Array) -> tuple[Array, Array]:
    """Give the pairs of segments that cross or touch in one point."""
    at, near = shapely.STRtree(lines[ours]).query(lines[theirs], predicate="intersects")
    a, b = ours[near], theirs[at]
    point = shapely.get_type_id(shapely.intersection(lines[a], lines[b])) == 0
    return a[point], b[point]


def _incident(network: RoadNetwork, nodes: Array, added: Array) -> Array:
    """Give an added segment at each node."""
    segment = np.zeros(network.node_count, dtype=np.int64)
    for column in (network.u, network.v):
        segment[column[added]] = np.flatnonzero(added)
    return segment[nodes]


def _targets(network: RoadNetwork, lines: Array, nodes: Array, like: Array | None, among: Array, join_m: float,
             ) -> tuple[Array, Array]:
    """Find the segment within `join_m` that each node is to be tied to: for carriageways a carriageway, if any.

    Returns positions in `nodes`, and segments.
    """
    found: list[Array] = []
    segment: list[Array] = []
    narrow = np.isin(network.road_class[among], _NARROW)
    rest = np.arange(len(nodes))
    wide = rest if like is None else rest[~np.isin(network.road_class[like], _NARROW)]
    for want, allowed in ((wide, among[~narrow]), (rest, among)):
        want = np.setdiff1d(want, np.concatenate([np.empty(0, np.int64), *found]))
        if len(want) and len(allowed):
            at, near = shapely.STRtree(lines[allowed]).query_nearest(
                shapely.points(network.node_xy_m[nodes[want]]), max_distance=join_m, all_matches=False)
            found.append(want[at])
            segment.append(allowed[near])
    blank = np.empty(0, dtype=np.int64)
    return np.concatenate([blank, *found]), np.concatenate([blank, *segment])


def _report(merged: RoadNetwork, base: RoadNetwork, local: RoadNetwork, same: Array, changed: int, joints: int,
            findings: Findings) -> None:
    """Count what was added, taken as the same and left without a link."""
    km = {flag: local.length_m[same == flag].sum() / 1000 for flag in (True, False)}
    rows = {flag: np.unique(-local.way_id[same == flag]) for flag in (True, False)}
    findings.add("note", "local_roads", f"{km[False]:.1f} km of local roads on {len(rows[False])} lines are added at "
                 f"{joints} joints; {km[True]:.1f} km on {len(rows[True])} lines are the same as roads of "
                 f"{base.source}, {changed} segments of which take the local class",
                 file=local.source, count=len(rows[False]), value=f"{km[False]:.1f} km",
                 id="row " * bool(len(rows[False])) + first_of(rows[False].tolist()))
    part = parts(merged)
    whole = np.zeros(part.max() + 1, dtype=bool)
    old = merged.way_id >= 0 if (base.way_id >= 0).all() else np.isin(merged.way_id, base.way_id)
    whole[part[merged.u[old]]] = True
    alone = ~whole[part[merged.u]]
    if alone.any():
        lines = np.unique(-merged.way_id[alone])
        alone_km = merged.length_m[alone].sum() / 1000
        findings.add("warn", "local_roads_alone", f"{len(lines)} local roads ({alone_km:.1f} km) meet no road of "
                     f"{base.source}", file=local.source, id=f"row {first_of(lines.tolist())}",
                     count=len(lines), remedy="draw the link, or raise [roads] local join_m")

