"""Take nodes out of a graph, one after another, so that a search need only run over the few that stay.

A node that is taken out leaves behind what passed through it: for each pair of its neighbours the time by way of it,
unless these two have a way as fast already. Times between the nodes that stay (the core) are therefore exact, and a
node that is gone gets its own time from the neighbours it had at that moment, in one pass over all nodes against the
order in which they went. Chains of degree two, dead ends and small crossings all go this way; a node goes as soon as
it has few neighbours, tile by tile along the Hilbert curve, so that a pass over a tile stays in the cache
[Geisberger et al. 2008; Delling et al. 2011].
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.network.jit import kernel, leaf_kernel

Array = npt.NDArray[Any]
#: Milliseconds of a way that is closed or too long to count.
CLOSED_MS = 2**31 - 1
#: A node goes while it has at most so many neighbours, and no neighbour ends up with more than `_ROOM`.
_FEW, _ROOM = 8, 16
_TILE_NODES = 4096


class Ways(NamedTuple):
    """Neighbours of each node, both directions of travel in one entry; rows have room to grow."""

    first: Array
    degree: Array
    node: Array
    out_ms: Array
    in_ms: Array


class Contraction(NamedTuple):
    """What is left of a graph, and the way back to what was taken out.

    rank : (n,) int32
        New number of each node: the core keeps its order, then come the nodes taken out, the last one first. Every
        node taken out has only neighbours of lower number.
    core_start, core_node, core_out_ms, core_in_ms
        Rows of the core: neighbour, milliseconds to it and from it.
    up_start, up_node, up_out_ms, up_in_ms
        The same rows for the nodes taken out, at the moment they went.
    """

    rank: Array
    core_start: Array
    core_node: Array
    core_out_ms: Array
    core_in_ms: Array
    up_start: Array
    up_node: Array
    up_out_ms: Array
    up_in_ms: Array


@kernel
def contract(out_start: Array, out_head: Array, out_ms: Array, in_start: Array, in_tail: Array, in_ms: Array,
             ) -> Contraction:
    """Contract a graph whose rows are sorted by neighbour, free of loops and of parallel arcs."""
    count = len(out_start) - 1
    ways = _both_ways(out_start, out_head, out_ms, in_start, in_tail, in_ms)
    gone, touched = np.zeros(count, np.bool_), np.zeros(count, np.int32)
    order, size, scan = np.empty(count, np.int32), 0, 0
    for low in range(0, count, _TILE_NODES):
        high = min(low + _TILE_NODES, count)
        for few in range(_FEW + 1):
            more = True
            while more:
                more, scan = False, scan + 1
                for node in range(low, high):
                    if gone[node] or ways.degree[node] > few:
                        continue
                    if touched[node] == scan:  # wait a round: neighbours that go together make long, thin ways
                        more = True
                    elif _may_go(ways, node):
                        _take_out(ways, node, touched, scan)
                        gone[node] = True
                        order[size] = node
                        size += 1
    core = count - size
    stay = np.empty(core, np.int32)
    rank, at = np.empty(count, np.int32), 0
    for node in range(count):
        if not gone[node]:
            stay[at], rank[node] = node, at
            at += 1
    order = order[:size][::-1]
    for i in range(size):
        rank[order[i]] = core + i
    left, taken = _rows_of(ways, stay, rank), _rows_of(ways, order, rank)
    return Contraction(rank, left[0], left[1], left[2], left[3], taken[0], taken[1], taken[2], taken[3])


@kernel
def _both_ways(out_start: Array, out_head: Array, out_ms: Array, in_start: Array, in_tail: Array, in_ms: Array) -> Ways:
    count = len(out_start) - 1
    first = np.empty(count + 1, np.int64)
    first[0] = 0
    for v in range(count):
        first[v + 1] = first[v] + max(_ROOM, out_start[v + 1] - out_start[v] + in_start[v + 1] - in_start[v])
    node, degree = np.empty(first[count], np.int32), np.empty(count, np.int32)
    there, back = np.empty(first[count], np.int32), np.empty(first[count], np.int32)
    for v in range(count):
        a, b, at = out_start[v], in_start[v], first[v]
        while a < out_start[v + 1] or b < in_start[v + 1]:
            head = np.int64(out_head[a]) if a < out_start[v + 1] else count
            tail = np.int64(in_tail[b]) if b < in_start[v + 1] else count
            node[at], there[at], back[at] = min(head, tail), CLOSED_MS, CLOSED_MS
            if head <= tail:
                there[at] = out_ms[a]
                a += 1
            if tail <= head:
                back[at] = in_ms[b]
                b += 1
            at += 1
        degree[v] = at - first[v]
    return Ways(first, degree, node, there, back)


@leaf_kernel
def _may_go(ways: Ways, v: int) -> bool:
    """Tell whether every neighbour has room for the ways that would come."""
    for i in range(ways.first[v], ways.first[v] + ways.degree[v]):
        if ways.degree[ways.node[i]] + ways.degree[v] - 2 > _ROOM:
            return False
    return True


@leaf_kernel
def _take_out(ways: Ways, v: int, touched: Array, scan: int) -> None:
    begin, end = ways.first[v], ways.first[v] + ways.degree[v]
    for i in range(begin, end):
        u = ways.node[i]
        touched[u] = scan
        last = ways.first[u] + ways.degree[u] - 1
        at = _find(ways, u, v)
        ways.node[at], ways.out_ms[at], ways.in_ms[at] = ways.node[last], ways.out_ms[last], ways.in_ms[last]
        ways.degree[u] -= 1
    for i in range(begin, end):
        for j in range(i + 1, end):
            there = min(np.int64(ways.in_ms[i]) + ways.out_ms[j], CLOSED_MS)
            back = min(np.int64(ways.in_ms[j]) + ways.out_ms[i], CLOSED_MS)
            _bridge(ways, ways.node[i], ways.node[j], there, back)


@leaf_kernel
def _find(ways: Ways, u: int, v: int) -> Any:
    """Give the place of v in the row of u, or one past the row."""
    at, end = ways.first[u], ways.first[u] + ways.degree[u]
    while at < end and ways.node[at] != v:
        at += 1
    return at


@leaf_kernel
def _bridge(ways: Ways, u: int, w: int, there: int, back: int) -> None:
    """Let u and w have ways of these times, unless they have faster ones."""
    at, other = _find(ways, u, w), _find(ways, w, u)
    if at < ways.first[u] + ways.degree[u]:
        ways.out_ms[at] = ways.in_ms[other] = min(there, np.int64(ways.out_ms[at]))
        ways.in_ms[at] = ways.out_ms[other] = min(back, np.int64(ways.in_ms[at]))
        return
    for i in range(ways.first[u], ways.first[u] + ways.degree[u]):  # a way over one common neighbour
        j = _find(ways, w, ways.node[i])
        if j < ways.first[w] + ways.degree[w]:
            if np.int64(ways.out_ms[i]) + ways.in_ms[j] <= there:
                there = CLOSED_MS
            if np.int64(ways.in_ms[i]) + ways.out_ms[j] <= back:
                back = CLOSED_MS
    if there < CLOSED_MS or back < CLOSED_MS:
        ways.node[at], ways.out_ms[at], ways.in_ms[at] = w, there, back
        ways.node[other], ways.out_ms[other], ways.in_ms[other] = u, back, there
        ways.degree[u] += 1
        ways.degree[w] += 1


@kernel
def _rows_of(ways: Ways, nodes: Array, rank: Array) -> tuple[Array, Array, Array, Array]:
    """Copy the rows of some nodes one after another, in new numbers."""
    start = np.zeros(len(nodes) + 1, np.int64)
    for i in range(len(nodes)):
        start[i + 1] = start[i] + ways.degree[nodes[i]]
    total = start[len(nodes)]
    node, there, back = np.empty(total, np.int32), np.empty(total, np.int32), np.empty(total, np.int32)
    for i in range(len(nodes)):
        source = ways.first[nodes[i]]
        for at in range(start[i], start[i + 1]):
            node[at], there[at], back[at] = rank[ways.node[source]], ways.out_ms[source], ways.in_ms[source]
            source += 1
    return start, node, there, back
