"""Find the road links whose loss cuts people off: the bridges of the undirected graph, with the people behind them.

A link is a run of segments between two crossings, so that a winding road counts once. Runs are contracted first, and
one walk through what is left finds its bridges (Tarjan 1974). Without these the graph falls into parts; parts and
bridges make a tree, and one sweep over the tree gives the people behind each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, depth_first_order

from lifecircle.network.jit import kernel

Array = npt.NDArray[Any]


class BridgeLink(NamedTuple):
    """A run of segments whose loss cuts nodes off.

    Attributes
    ----------
    segments : (k,) int64
        Positions in the arrays that were given.
    people : float
        People cut off: those on the link itself and on the side of it that has fewer.
    behind : (n,) bool
        The nodes where they are.
    """

    segments: Array
    people: float
    behind: Array


def bridge_links(u: Array, v: Array, people: Array, *, most: int | None = None) -> list[BridgeLink]:
    """Find the links of the largest part of a network whose loss cuts people off, those with most people first.

    Parameters
    ----------
    u, v : (m,) integers
        Ends of the segments; direction does not count.
    people : (n,) float64
        People at each node.
    most : int, optional
        Give so many at most.

    Returns
    -------
    list of BridgeLink
        Links with nobody behind are left out; of links with as many people the earlier segment comes first.
    """
    count = len(people)
    part = _parts(u, v, count)
    inside = np.flatnonzero((part[u] == np.bincount(part[u]).argmax()) & (u != v)) if len(u) else np.empty(0, np.int64)
    run, links, ends = _runs(u[inside], v[inside], count)
    bridge = _are_bridges(ends)
    if not bridge.any():
        return []
    cell, tree = _cells(u[inside], v[inside], run, links, ends, bridge, count)
    weight = np.bincount(cell[cell >= 0], weights=people[cell >= 0], minlength=tree.shape[0])
    order, place, size = _sweep(tree)
    below = np.cumsum(np.append(0.0, weight[order]))
    below = below[place + size] - below[place]
    own = np.flatnonzero(np.arange(len(place)) >= tree.shape[0] - bridge.sum())
    child = order[place[own] + 1]  # a bridge has one part below it
    lost = np.minimum(below[own], weight.sum() - below[child])
    numbers = links[bridge]
    begin = np.full(run.max() + 1, len(run))
    np.minimum.at(begin, run, np.arange(len(run)))
    found = []
    for at in np.lexsort((begin[numbers], -np.round(lost, 6)))[:most]:
        if lost[at] > 0:
            top = own[at] if below[own[at]] <= weight.sum() - below[child[at]] else child[at]
            under = np.zeros(len(place), dtype=bool)
            under[order[place[top]: place[top] + size[top]]] = True
            behind = np.append(under if top == own[at] else ~under, False)[cell]
            found.append(BridgeLink(inside[run == numbers[at]], float(lost[at]), behind))
    return found


def _parts(u: Array, v: Array, count: int) -> Array:
    graph = coo_array((np.ones(len(u), np.int8), (u, v)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1])


def _runs(u: Array, v: Array, count: int) -> tuple[Array, Array, Array]:
    """Find the runs: give the run of each segment, the runs that have ends, and their two crossings each."""
    nodes, rows = np.concatenate([u, v]), np.tile(np.arange(len(u)), 2)
    degree = np.bincount(nodes, minlength=count)
    inner = degree[nodes] == 2
    pairs = rows[inner][np.argsort(nodes[inner], kind="stable")].reshape(-1, 2)
    run = _parts(pairs[:, 0], pairs[:, 1], len(u))
    of, crossing = run[rows[~inner]], nodes[~inner]
    order = np.argsort(of, kind="stable")
    return run, of[order][::2], crossing[order].reshape(-1, 2)


def _are_bridges(ends: Array) -> Array:
    """Tell which of the contracted edges are bridges; parallel ones and loops are none."""
    used, node = np.unique(ends, return_inverse=True)
    node = node.reshape(-1, 2)
    tail, head = node.reshape(-1), node[:, ::-1].reshape(-1)
    order = np.argsort(tail, kind="stable")
    bridge = np.zeros(len(ends), dtype=bool)
    _mark_bridges(np.searchsorted(tail[order], np.arange(len(used) + 1)), head[order], order // 2, bridge)
    return bridge


@kernel
def _mark_bridges(start: Array, head: Array, edge: Array, bridge: Array) -> None:
    """Mark the bridges (in place) of a graph in rows by node, walking deep first.

    An edge is a bridge where nothing that is found behind it leads back to its near end or before that.
    """
    count, found = len(start) - 1, 0
    place, first, came_by = np.full(count, -1), np.empty(count, np.int64), np.full(count, -1)
    turn, trail = start.copy(), np.empty(count, np.int64)
    for root in range(count):
        trail[0], size = root, 1 if place[root] < 0 else 0
        while size:
            node = trail[size - 1]
            if place[node] < 0:
                place[node] = first[node] = found
                found += 1
            if turn[node] < start[node + 1]:
                at = turn[node]
                turn[node] += 1
                if place[head[at]] < 0:
                    trail[size], came_by[head[at]], size = head[at], edge[at], size + 1
                elif edge[at] != came_by[node]:
                    first[node] = min(first[node], place[head[at]])
                continue
            size -= 1
            if size:
                bridge[came_by[node]] = first[node] == place[node]
                first[trail[size - 1]] = min(first[trail[size - 1]], first[node])


def _cells(u: Array, v: Array, run: Array, links: Array, ends: Array, bridge: Array, count: int) -> tuple[Array, Any]:
    """Give each node its cell, -1 outside, and the tree of the cells: first the parts without bridges, then bridges."""
    kept = ~bridge
    label = _parts(ends[kept, 0], ends[kept, 1], count)
    used, again = np.unique(label[ends], return_inverse=True)
    again = again.reshape(-1, 2)
    of_run = np.full(run.max() + 1, -1)
    of_run[links[kept]] = again[kept, 0]
    of_run[links[bridge]] = len(used) + np.arange(bridge.sum())
    cell = np.full(count, -1)
    cell[u], cell[v] = of_run[run], of_run[run]
    cell[ends.reshape(-1)] = again.reshape(-1)
    tail, head = again[bridge].reshape(-1), np.repeat(len(used) + np.arange(bridge.sum()), 2)
    size = len(used) + int(bridge.sum())
    return cell, coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(size, size)).tocsr()


def _sweep(tree: Any) -> tuple[Array, Array, Array]:
    """Give the cells from the root down, the place of each in that order, and how many stand in its subtree.

    What stands below a cell follows it in the order without a gap.
    """
    order, above = depth_first_order(tree, 0, directed=False)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    size = np.ones(len(order), dtype=np.int64)
    for cell in order[:0:-1].tolist():
        size[above[cell]] += size[cell]
    return order, place, size
