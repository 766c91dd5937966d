"""Say what is doubtful about the roads: tags that mean no road, parts that are cut off, roads that end too soon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.csgraph
import shapely

from lifecircle.errors import first_of
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.roadcuts import segment_lines
from lifecircle.inputs.roadjoints import NEAR_M, UNSURVEYED
from lifecircle.osmtags import FORBIDDEN, NO_ROADS, NOT_OPEN
from lifecircle.roadnetwork import RoadNetwork

if TYPE_CHECKING:
    from lifecircle.inputs.osmways import Ways

Array = npt.NDArray[Any]

#: Roads may stop this far before the buffer's edge without a word.
REACH_M = 500.0
#: Up to so many parts that are cut off are described one by one, the longest first.
_TOLD = 3


def note_tags(ways: Ways, file: str, findings: Findings) -> None:
    """Report the tags of an extract that could not be read or say that a way is no road."""
    if ways.unread_speeds:
        count = sum(ways.unread_speeds.values())
        findings.add("note", "maxspeed_unread", f"the speed limit of {count} roads cannot be read; their class decides",
                     file=file, count=count, value=first_of(sorted(ways.unread_speeds), 3))
    if not ways.whole.all():
        lacking = ways.ids[~ways.whole]
        findings.add("note", "roads_cut", f"{len(lacking)} roads are cut where the extract lacks one of their nodes",
                     file=file, id=f"way {first_of(lacking.tolist())}", count=len(lacking),
                     remedy="that is as it should be at the edge of an extract; elsewhere cut it out anew, with whole "
                     "ways")
    shut = {f"highway={value}" for value in NOT_OPEN}
    known = {"area=yes", *shut, *(f"highway={value}" for value in NO_ROADS)}
    for severity, code, tags, what, remedy in (
            ("note", "roads_not_open", shut, "ways are planned, under construction or given up, and are not used",
             "where one is open by now, correct its highway tag in the extract"),
            ("warn", "road_class_unknown", set(ways.dropped) - known,
             "ways have a highway tag that is no known class, and are not used", "correct the tags in the extract"),
            ("note", "roads_not_lines", known - shut, "ways are areas, stops, lifts and the like, and no roads", "")):
        found = {tag: ways.dropped[tag] for tag in ways.dropped if tag in tags}
        count = sum(map(len, found.values()))
        if count:
            told = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
            value = first_of([f"{tag} ({len(ids)})" for tag, ids in told])
            ids = first_of(sorted(way for ids in found.values() for way in ids))
            findings.add(severity, code, f"{count} {what}: {value}", file=file, id=f"way {ids}", value=value,
                         count=count, remedy=remedy)


def note_contradictions(network: RoadNetwork, findings: Findings) -> None:
    """Report roads that their tags close to everyone, and those that are bridge and tunnel at once."""
    nobody = (network.foot == FORBIDDEN) & (network.bicycle == FORBIDDEN) & (network.motor == FORBIDDEN)
    for code, rows, what, remedy in (
            ("roads_closed", nobody, "are closed to everyone by their tags (access = no or private)",
             "where people do use them, correct access in the data"),
            ("road_tags_contradict", network.bridge & network.tunnel, "are bridge and tunnel at once",
             "keep the tag that is true")):
        if rows.any():
            ids, km = np.unique(network.way_id[rows]), network.length_m[rows].sum() / 1000
            findings.add("note", code, f"{len(ids)} roads ({km:.1f} km) {what}", file=network.source,
                         id=f"way {first_of(ids.tolist())}", value=f"{km:.1f} km", count=len(ids), remedy=remedy)


def parts(network: RoadNetwork) -> Array:
    """Give numbers to the connected parts of the roads from the longest on, per node."""
    ones = np.ones(len(network), dtype=np.int8)
    graph = scipy.sparse.coo_array((ones, (network.u, network.v)), shape=(network.node_count,) * 2).tocsr()
    count, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
    length_m = np.bincount(label[network.u], weights=network.length_m, minlength=count)
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(-length_m, kind="stable")] = np.arange(count)
    return np.asarray(rank[label])


class _Island(NamedTuple):
    way: int
    length_m: float
    gap_m: float
    nearest: int

    def __str__(self) -> str:
        return f"way {self.way} with {self.length_m / 1000:.1f} km, {self.gap_m:.0f} m from way {self.nearest}"


def note_islands(network: RoadNetwork, findings: Findings) -> None:
    """Report the parts of the roads that have no way to the longest part, and how far off it they lie."""
    part = parts(network)[network.u]
    if part.max() == 0:
        return
    islands = _islands(network, part)
    outside_km = sum(island.length_m for island in islands) / 1000
    share = outside_km * 1000 / max(network.length_m.sum(), 1.0)
    near = sum(island.gap_m <= NEAR_M for island in islands)
    ways = dict.fromkeys([*(island.way for island in islands), *network.way_id[part > 0].tolist()])
    findings.add("warn" if share > 0.02 or network.quality not in UNSURVEYED else "note", "road_islands",
                 f"{len(islands)} pieces of road ({outside_km:.1f} km, {share:.1%}) have no link to the largest, "
                 f"{near} of them though they come within {NEAR_M:g} m of it: {first_of(islands, _TOLD)}",
                 file=network.source, id=f"way {first_of(ways, 20)}", count=len(islands),
                 value=f"{outside_km:.1f} km", remedy="check that lines share a vertex where roads meet")


def _islands(network: RoadNetwork, part: Array) -> list[_Island]:
    mainland, rows = np.flatnonzero(part == 0), np.flatnonzero(part > 0)
    (own, other), gap_m = shapely.STRtree(segment_lines(network, mainland)).query_nearest(
        segment_lines(network, rows), return_distance=True, all_matches=False)
    order = np.lexsort((gap_m, part[rows[own]]))
    first = order[np.unique(part[rows[own]][order], return_index=True)[1]]  # of each part the segment nearest the rest
    length_m = np.bincount(part, weights=network.length_m)[1:]
    return [_Island(int(network.way_id[rows[own[at]]]), float(metres), float(gap_m[at]),
                    int(network.way_id[mainland[other[at]]])) for at, metres in zip(first, length_m, strict=True)]
