"""Find roads that stop just short of another road, and roads that cross water without a bridge."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.errors import first_of
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.roadcuts import segment_lines
from lifecircle.roadnetwork import RoadNetwork

Array = npt.NDArray[Any]

#: An end that comes so near to another road without touching it probably lacks a joint in the data.
NEAR_M = 15.0
#: Qualities of roads in which such ends are the normal state, so that they are worth a note and no warning.
UNSURVEYED = ("osm", "model")
#: Roads that touch water by less than this run along its bank.
WET_M = 5.0


def short_ends(network: RoadNetwork) -> tuple[Array, Array]:
    """Find dead ends that stop short of a road that they do not lead to.

    A road that meets the last segment at its other end is none of these: it is where the stub comes from.

    Returns
    -------
    (k,) int64, (k,) float64
        The last segment of each, in its order in the network, and the gap in metres.
    """
    degree = np.bincount(network.u, minlength=network.node_count) + np.bincount(network.v, minlength=network.node_count)
    head, tail = degree[network.v] == 1, degree[network.u] == 1
    segment = np.concatenate([np.flatnonzero(head), np.flatnonzero(tail)])
    end = np.concatenate([network.v[head], network.u[tail]])
    root = np.concatenate([network.u[head], network.v[tail]])
    lines = segment_lines(network)
    at, other = shapely.STRtree(lines).query(shapely.points(network.node_xy_m[end]), predicate="dwithin",
                                             distance=NEAR_M)
    apart = (other != segment[at]) & (network.way_id[other] != network.way_id[segment[at]])
    apart &= (network.u[other] != root[at]) & (network.v[other] != root[at])
    apart &= network.ferry[other] == network.ferry[segment[at]]
    at, other = at[apart], other[apart]
    gap_m = shapely.distance(shapely.points(network.node_xy_m[end[at]]), lines[other])
    order = np.lexsort((gap_m, segment[at]))
    found, first = np.unique(segment[at[order]], return_index=True)
    return found, np.asarray(gap_m[order][first])


def note_short_ends(network: RoadNetwork, findings: Findings) -> None:
    """Report roads that stop just short of another: a note where the roads are OSM's or a model's."""
    segment, gap_m = short_ends(network)
    if len(segment):
        ways, first = np.unique(network.way_id[segment], return_index=True)
        findings.add("note" if network.quality in UNSURVEYED else "warn", "road_end_short",
                     f"{len(ways)} roads end within {NEAR_M:g} m of another and do not join it", file=network.source,
                     id=f"way {first_of(ways.tolist(), 20)}", count=len(ways),
                     value=first_of([f"{metres:.1f} m" for metres in gap_m[first]]),
                     remedy="where one can go on, let the lines share a vertex")


def note_water(network: RoadNetwork, barriers: gpd.GeoDataFrame, findings: Findings) -> None:
    """Report roads that cross water and are no bridge, tunnel or ferry.

    Parameters
    ----------
    network : RoadNetwork
    barriers : GeoDataFrame
        In the CRS of the roads; polygons of kind ``water`` count.
    """
    shapes = barriers.geometry.to_numpy()
    water = shapes[(barriers["kind"] == "water").to_numpy() & (shapely.get_dimensions(shapes) == 2)]
    dry = np.flatnonzero(~(network.bridge | network.tunnel | network.ferry))
    if not (len(water) and len(dry)):
        return
    lines = segment_lines(network, dry)
    area, at = shapely.STRtree(lines).query(water, predicate="intersects")
    wet_m = np.bincount(at, weights=shapely.length(shapely.intersection(lines[at], water[area])), minlength=len(dry))
    crossing = wet_m > WET_M
    if crossing.any():
        ways, place = np.unique(network.way_id[dry[crossing]], return_inverse=True)
        findings.add("note" if network.quality in UNSURVEYED else "warn", "road_in_water",
                     f"{len(ways)} roads cross water and are not marked as bridge, tunnel or ferry",
                     file=network.source, id=f"way {first_of(ways.tolist(), 20)}", count=len(ways),
                     value=first_of([f"{metres:.0f} m" for metres in np.bincount(place, weights=wet_m[crossing])]),
                     remedy="mark the bridge, or correct the line of road or water")
