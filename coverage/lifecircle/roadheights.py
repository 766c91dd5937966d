"""Make heights of roads out of heights of the ground: structures laid straight, bumps taken out along the road."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
#: Shortest piece of road that is reckoned with.
_SHORTEST_M = 0.1


def span(node_z_m: Array, u: Array, v: Array, length_m: Array, structure: Array) -> Array:
    """Lead heights along bridges and tunnels, linearly in length between their portals.

    A portal is a node that a road on the ground shares, or the loose end of a structure that touches no ground. Every
    other node takes the mean of its neighbours, the nearer the more: on a chain that is the straight line, and where
    structures branch it is what the branches agree on.

    Parameters
    ----------
    node_z_m : (n,) float64
    u, v : (m,) integers
        Ends of every segment.
    length_m : (m,) float64
    structure : (m,) bool
        Segments on a bridge or in a tunnel.

    Returns
    -------
    (n,) float64
        Heights in metres.
    """
    import scipy.sparse as sparse
    from scipy.sparse.csgraph import connected_components
    from scipy.sparse.linalg import spsolve

    ground, rows = np.zeros(len(node_z_m), dtype=bool), np.flatnonzero(structure)
    ground[u[~structure]] = ground[v[~structure]] = True
    nodes, ends = np.unique(np.concatenate([u[rows], v[rows]]), return_inverse=True)
    tail, head = ends.reshape(2, -1)
    near = 1.0 / np.maximum(length_m[rows], 0.01)
    links = sparse.coo_array((near, (tail, head)), shape=(len(nodes),) * 2).tocsr()
    links = links + links.T
    count, part = connected_components(links, directed=False)
    portal = ground[nodes]
    loose = np.bincount(part, portal, minlength=count)[part] == 0
    portal = (portal | (loose & (np.bincount(ends) == 1))) & np.isfinite(node_z_m[nodes])
    held = np.bincount(part, portal, minlength=count)[part] > 0
    free = np.flatnonzero(held & ~portal)
    z = node_z_m.copy()
    if len(free):
        known = np.flatnonzero(portal)
        own = sparse.diags_array(links.sum(axis=1)[free]) - links[free][:, free]
        z[nodes[free]] = spsolve(own.tocsc(), links[free][:, known] @ z[nodes[known]])
    return z


def smooth(z_m: Array, xy_m: Array, u: Array, v: Array, length_m: Array, wave_m: float) -> Array:
    """Smooth heights along roads by a spline filter: what rises evenly stays, a wave of the stated length is halved.

    The heights f that are sought make least

        sum of w (f - z)² + (wave / 2π)⁴ · sum of c (change of slope)² / (mean length)

    over all nodes (w: half of the road that meets there), and over all pairs of pieces of road that meet at a node.
    c is 1 where the road goes straight on and falls with the cosine of the turn to 0 at a right angle, so that a side
    street is free to climb otherwise. On a long straight road a wave of length l keeps 1 / (1 + (wave / l)⁴) of its
    height: the profile filter of ISO 16610-22 [general knowledge].

    Parameters
    ----------
    z_m : (n,) float64
        Heights; NaN where not known: these nodes stay so, and the roads there are cut.
    xy_m : (n, 2) float64
    u, v : (m,) integers
        Ends of every piece of road; of several between the same two nodes the shortest counts.
    length_m : (m,) float64
    wave_m : float
        Length of the wave that loses half of its height.

    Returns
    -------
    (n,) float64
        Heights in metres.
    """
    import scipy.sparse as sparse
    from scipy.sparse.linalg import spsolve

    u, v, run = _pieces(z_m, u, v, length_m)
    weight = np.bincount(np.concatenate([u, v]), np.tile(run / 2, 2), minlength=len(z_m))
    used = np.flatnonzero(weight)
    if not len(used):
        return z_m
    bends = _bends(xy_m, u, v, run)[:, used]
    stiff = (wave_m / (2 * np.pi)) ** 4 * (bends.T @ bends)
    held = sparse.diags_array(weight[used])
    z = z_m.copy()
    z[used] = spsolve((stiff + held).tocsc(), weight[used] * z_m[used], permc_spec="MMD_AT_PLUS_A")
    return z


def _pieces(z_m: Array, u: Array, v: Array, length_m: Array) -> tuple[Array, Array, Array]:
    """Give ends and lengths of the pieces to be smoothed: heights known, each pair of nodes once."""
    low, high = np.minimum(u, v).astype(np.int64), np.maximum(u, v).astype(np.int64)
    order = np.argsort(length_m, kind="stable")
    order = order[(low != high)[order] & np.isfinite(z_m[u] + z_m[v])[order]]
    _, first = np.unique(low[order] * len(z_m) + high[order], return_index=True)
    keep = order[first]
    return low[keep], high[keep], np.maximum(length_m[keep], _SHORTEST_M)


def _bends(xy_m: Array, u: Array, v: Array, run_m: Array) -> Any:
    """Give, as a sparse matrix over nodes, the weighted change of slope at every pair of pieces that meet."""
    import scipy.sparse as sparse

    node, other, run = np.concatenate([u, v]), np.concatenate([v, u]), np.tile(run_m, 2)
    order = np.argsort(node, kind="stable")
    node, other, run = node[order], other[order], run[order]
    away = xy_m[other] - xy_m[node]
    away /= np.maximum(np.hypot(*away.T), 1e-9)[:, None]
    one, two = [], []
    for step in range(1, int(np.bincount(node).max(initial=1))):
        rows = np.flatnonzero(node[:-step] == node[step:])
        one.append(rows)
        two.append(rows + step)
    a, b = (np.concatenate(rows) if rows else np.empty(0, np.int64) for rows in (one, two))
    straight = -(away[a] * away[b]).sum(axis=1)
    a, b, straight = (column[straight > 0] for column in (a, b, straight))
    much = np.sqrt(2 * straight / (run[a] + run[b]))
    rows = np.arange(len(a))
    values = [much / run[a], much / run[b], -much * (1 / run[a] + 1 / run[b])]
    return sparse.coo_array((np.concatenate(values), (np.tile(rows, 3), np.concatenate([other[a], other[b], node[a]]))),
                            shape=(len(a), len(xy_m))).tocsc()
