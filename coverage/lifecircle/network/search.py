"""Search a graph for the nearest facility of every node.

The state of a node is one unsigned 64-bit number, time in the upper half and facility in the lower, so that one
comparison settles both and ties go to the lower facility.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lifecircle.errors import GraphError
from lifecircle.network.graph import MAX_MS, Graph
from lifecircle.network.jit import kernel

Array = npt.NDArray[Any]
Direction = Literal["to", "from"]
#: Time of a node that nothing reaches, and the facility it has.
UNREACHED_MS = MAX_MS
NOBODY = -1
_UNREACHED = np.uint64(0xFFFFFFFFFFFFFFFF)
_SHIFT = np.uint64(32)


def nearest(graph: Graph, nodes: Array, *, direction: Direction = "to", start_ms: Array | None = None,
            labels: Array | None = None) -> tuple[Array, Array]:
    """Find the time to the nearest start, and which one it is, for every node.

    Parameters
    ----------
    graph : Graph
    nodes : (k,) integers
        Where the facilities stand, in the caller's numbers; a node may be named more than once.
    direction : str
        ``to``: travel towards the facility; ``from``: away from it.
    start_ms : (k,) integers, optional
        Milliseconds already spent at each start.
    labels : (k,) integers, optional
        Which facility each start belongs to; default its position. Ties go to the lower one.

    Returns
    -------
    ms : (n,) int64
        Milliseconds; 2**31 - 1 where nothing is reached.
    label : (n,) int64
        -1 where nothing is reached.

    Raises
    ------
    GraphError
        If a node is out of range or a start is negative.
    """
    nodes = np.asarray(nodes, dtype=np.int64)
    start = np.zeros(len(nodes), np.int64) if start_ms is None else np.asarray(start_ms, dtype=np.int64)
    label = np.arange(len(nodes)) if labels is None else np.asarray(labels, dtype=np.int64)
    if len(nodes) and (nodes.min() < 0 or nodes.max() >= graph.node_count):
        raise GraphError(f"a start lies outside the nodes 0 … {graph.node_count - 1}")
    if len(nodes) and (start.min() < 0 or start.max() > MAX_MS or label.min() < 0):
        raise GraphError("a start has a negative or too long time, or a negative label")
    state = np.full(graph.node_count, _UNREACHED)
    packed = pack(start, label)
    np.minimum.at(state, graph.position[nodes], packed)
    spread(graph, state, direction=direction)
    return unpack(state[graph.position])


def spread(graph: Graph, state: Array, *, direction: Direction) -> None:
    """Let packed states (internal order) flow along the arcs until nothing improves; `state` is changed in place."""
    if direction == "to":
        _dijkstra(graph.in_start, graph.in_tail, graph.in_ms, state)
    else:
        _dijkstra(graph.out_start, graph.out_head, graph.out_ms, state)


def pack(ms: Array, label: Array) -> Array:
    """Pack times and labels into states; a time of 2**31 - 1 or more means unreached."""
    ms = np.asarray(ms, dtype=np.int64)
    state = (ms.astype(np.uint64) << _SHIFT) | np.asarray(label).astype(np.uint64)
    return np.where(ms >= UNREACHED_MS, _UNREACHED, state)


def unpack(state: Array) -> tuple[Array, Array]:
    """Take states apart into times and labels."""
    reached = state != _UNREACHED
    ms = np.where(reached, (state >> _SHIFT).astype(np.int64), UNREACHED_MS)
    return ms, np.where(reached, (state & np.uint64(0xFFFFFFFF)).astype(np.int64), NOBODY)


@kernel
def _sift_up(heap_key: Array, heap_node: Array, at: int) -> None:
    key, node = heap_key[at], heap_node[at]
    while at > 0:
        parent = (at - 1) >> 2
        if heap_key[parent] <= key:
            break
        heap_key[at], heap_node[at] = heap_key[parent], heap_node[parent]
        at = parent
    heap_key[at], heap_node[at] = key, node


@kernel
def _sift_down(heap_key: Array, heap_node: Array, size: int) -> None:
    key, node = heap_key[0], heap_node[0]
    at = 0
    while True:
        child = 4 * at + 1
        if child >= size:
            break
        best = child
        for other in range(child + 1, min(child + 4, size)):
            if heap_key[other] < heap_key[best]:
                best = other
        if heap_key[best] >= key:
            break
        heap_key[at], heap_node[at] = heap_key[best], heap_node[best]
        at = best
    heap_key[at], heap_node[at] = key, node


@kernel
def _dijkstra(start: Array, other: Array, ms: Array, state: Array) -> None:
    """Settle nodes in order of state with a 4-ary heap; entries that were overtaken are passed over."""
    unreached = np.uint64(0xFFFFFFFFFFFFFFFF)
    shift = np.uint64(32)
    limit = np.int64(2147483647)
    count = len(state)
    capacity = max(count + 1, 16)
    heap_key = np.empty(capacity, np.uint64)
    heap_node = np.empty(capacity, np.int32)
    size = 0
    for node in range(count):
        if state[node] != unreached:
            heap_key[size], heap_node[size] = state[node], node
            size += 1
            _sift_up(heap_key, heap_node, size - 1)
    while size > 0:
        key, node = heap_key[0], heap_node[0]
        size -= 1
        if size > 0:
            heap_key[0], heap_node[0] = heap_key[size], heap_node[size]
            _sift_down(heap_key, heap_node, size)
        if key != state[node]:
            continue
        for arc in range(start[node], start[node + 1]):
            later = np.int64(key >> shift) + ms[arc]
            if later >= limit:
                continue
            reached = (np.uint64(later) << shift) | (key & np.uint64(0xFFFFFFFF))
            head = other[arc]
            if reached < state[head]:
                state[head] = reached
                if size == capacity:
                    capacity *= 2
                    more_key = np.empty(capacity, np.uint64)
                    more_node = np.empty(capacity, np.int32)
                    more_key[:size], more_node[:size] = heap_key[:size], heap_node[:size]
                    heap_key, heap_node = more_key, more_node
                heap_key[size], heap_node[size] = reached, head
                size += 1
                _sift_up(heap_key, heap_node, size - 1)
