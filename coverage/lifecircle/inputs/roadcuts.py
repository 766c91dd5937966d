"""Cut segments of a network, put two networks side by side, and tie nodes together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import scipy.sparse.csgraph
import shapely

from lifecircle.roadnetwork import EDGE_COLUMNS, RoadNetwork

Array = npt.NDArray[Any]

#: A cut this near to an end is made at the end.
END_M = 0.5
#: Nodes this near to one another are tied by being one, others by a segment between them.
ONE_M = 0.05


def segment_lines(network: RoadNetwork, rows: Array | None = None) -> Array:
    """Give segments as lines, all or some."""
    u, v = (network.u, network.v) if rows is None else (network.u[rows], network.v[rows])
    return np.asarray(shapely.linestrings(np.stack([network.node_xy_m[u], network.node_xy_m[v]], axis=1)))


def cut(network: RoadNetwork, segment: Array, position: Array) -> tuple[RoadNetwork, Array, Array, Array]:
    """Cut segments at positions from 0 to 1 along them.

    Returns
    -------
    RoadNetwork
        Pieces follow one another in the place of their segment.
    (k,) int64
        The node at each cut: an end of the segment within `END_M`, else a new one; equal cuts share theirs.
    (m,) int64, (m,) float64
        For each segment of the answer the one it is a piece of, and the position of its middle there.
    """
    length = network.length_m[segment]
    node = np.where(position * length <= END_M, network.u[segment],
                    np.where((1 - position) * length <= END_M, network.v[segment], -1)).astype(np.int64)
    inner = np.flatnonzero(node < 0)
    places, again = np.unique(np.column_stack([segment[inner], position[inner]]), axis=0, return_inverse=True)
    at, share = places[:, 0].astype(np.int64), places[:, 1]
    node[inner] = network.node_count + again.reshape(-1)
    begin = network.node_xy_m[network.u[at]]
    xy = begin + (network.node_xy_m[network.v[at]] - begin) * share[:, None]
    made = network.node_count + np.arange(len(at))
    every = np.arange(len(network))
    origin = np.concatenate([every, at])
    from_share, tail = np.concatenate([np.zeros(len(network)), share]), np.concatenate([network.u, made])
    order = np.lexsort((from_share, origin))
    origin, from_share, tail = origin[order], from_share[order], tail[order]
    last = np.append(origin[1:] != origin[:-1], True)
    to_share = np.where(last, 1.0, np.append(from_share[1:], 1.0))
    head = np.where(last, network.v[origin], np.append(tail[1:], 0))
    pieces = _rebuilt(network, np.concatenate([network.node_xy_m, xy]), origin, tail, head,
                      network.length_m[origin] * (to_share - from_share))
    return pieces, node, origin, (from_share + to_share) / 2


def _rebuilt(network: RoadNetwork, xy: Array, like: Array, u: Array, v: Array, length_m: Array) -> RoadNetwork:
    """Give a network of other segments, each with the columns of one that was; new nodes get numbers below all."""
    fresh = len(xy) - network.node_count
    lowest = min(int(network.node_id.min(initial=0)), 0)
    columns: dict[str, Any] = {name: getattr(network, name)[like] for name in EDGE_COLUMNS}
    columns.update(u=u.astype(np.int32), v=v.astype(np.int32), length_m=length_m)
    return replace(
        network, **columns, node_xy_m=xy, node_id=np.concatenate([network.node_id, lowest - 1 - np.arange(fresh)]),
        node_z_m=np.concatenate([network.node_z_m, np.full(fresh, np.nan)]),
        profile_offset=np.zeros(len(u) + 1, dtype=np.int64), profile_z_m=np.empty(0))


def joined(base: RoadNetwork, other: RoadNetwork, segments: Array) -> RoadNetwork:
    """Put some segments of another network behind those of the first; all nodes of the other come along."""
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(base, name), getattr(other, name)[segments]]) for name in EDGE_COLUMNS}
    for name in ("u", "v"):
        columns[name][len(base):] += base.node_count
    lowest = min(int(base.node_id.min(initial=0)), 0)
    return replace(
        base, **columns, node_xy_m=np.concatenate([base.node_xy_m, other.node_xy_m]),
        node_id=np.concatenate([base.node_id, lowest - 1 - np.arange(other.node_count)]),
        node_z_m=np.full(base.node_count + other.node_count, np.nan),
        profile_offset=np.zeros(len(base) + len(segments) + 1, dtype=np.int64), profile_z_m=np.empty(0))


def weld(network: RoadNetwork, pairs: Array, like: Array) -> RoadNetwork:
    """Tie pairs of nodes: those within `ONE_M` become one, others get a segment like a given one; loops go."""
    gap_m = np.hypot(*(network.node_xy_m[pairs[:, 1]] - network.node_xy_m[pairs[:, 0]]).T)
    one, far = pairs[gap_m <= ONE_M], gap_m > ONE_M
    size = network.node_count
    graph = scipy.sparse.coo_array((np.ones(len(one), np.int8), (one[:, 0], one[:, 1])), shape=(size, size))
    _, group = scipy.sparse.csgraph.connected_components(graph, directed=False)
    first = np.unique(group, return_index=True)[1][group]  # of nodes that become one, the first stays
    rows = np.concatenate([np.arange(len(network)), like[far]])
    tail = first[np.concatenate([network.u, pairs[far, 0]])]
    head = first[np.concatenate([network.v, pairs[far, 1]])]
    tied = _rebuilt(network, network.node_xy_m, rows, tail, head, np.concatenate([network.length_m, gap_m[far]]))
    for name in ("bridge", "tunnel"):
        getattr(tied, name)[len(network):] = False
    straight = np.hypot(*(tied.node_xy_m[head] - tied.node_xy_m[tail]).T)  # nodes that became one moved a little
    return replace(tied, length_m=np.maximum(tied.length_m, straight)).take(tied.u != tied.v)
