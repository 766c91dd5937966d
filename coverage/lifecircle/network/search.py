"""Search a graph: nearest facility, the k nearest, all within a cutoff, one facility more, the way to one.

Times are whole milliseconds and ties go to the lower facility, so that any order of work gives the same bits. A search
over the whole graph climbs from the facilities through the nodes that were taken out of it (`contraction`), searches
the small core that stayed, and comes down again in one pass (`kernels`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.errors import GraphError
from lifecircle.network import kernels
from lifecircle.network.graph import MAX_MS, Graph, whole_numbers
from lifecircle.network.kernels import Rows, Ups

Array = npt.NDArray[Any]
Direction = Literal["to", "from"]
#: Time of a node that nothing reaches, and the facility it has.
UNREACHED_MS = MAX_MS
NOBODY = -1
_UNREACHED = np.uint64(0xFFFFFFFFFFFFFFFF)
#: Graphs below this many nodes are solved in less time than threads need to begin.
_SMALL_NODES = 50_000
_SHIFT, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


class _Starts(NamedTuple):
    """Where a search begins: the caller's nodes, their packed states, the labels alone."""

    node: Array
    state: Array
    label: Array


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
    ms : (n,) int32
        Milliseconds; 2**31 - 1 where nothing is reached.
    label : (n,) int32
        -1 where nothing is reached.

    Raises
    ------
    GraphError
        If a node is out of range, or a start time or label is negative, too large or no whole number.
    """
    starts = _starts(graph, nodes, start_ms, labels)
    ms, label = (np.empty(graph.node_count, np.int32) for _ in range(2))
    _nearest_into(graph, starts, direction, np.empty(graph.node_count, np.uint64), ms, label)
    return ms, label


def nearest_of_layers(graph: Graph, layers: Sequence[Array], *, direction: Direction,
                      threads: int | None = None) -> tuple[Array, Array]:
    """Find the nearest facility of each of several layers, the layers shared out over threads.

    Parameters
    ----------
    layers : sequence of (k,) integers
        Nodes where the facilities of a layer stand.
    threads : int, optional
        Default: one for each core; on a small graph one, for a layer is solved before a second thread has begun.

    Returns
    -------
    ms, label : (layers, n) int32
        As `nearest` gives them.
    """
    starts = [_starts(graph, nodes, None, None) for nodes in layers]
    ms, label = (np.empty((len(layers), graph.node_count), np.int32) for _ in range(2))

    def work(first: int, step: int) -> None:
        state = np.empty(graph.node_count, np.uint64)
        for layer in range(first, len(layers), step):
            _nearest_into(graph, starts[layer], direction, state, ms[layer], label[layer])

    _share_out(work, min(len(layers), threads or _worth_while(graph)))
    return ms, label


def k_nearest(graph: Graph, nodes: Array, k: int, *, direction: Direction, start_ms: Array | None = None,
              labels: Array | None = None) -> tuple[Array, Array]:
    """Find the k nearest different facilities of every node.

    Parameters
    ----------
    k : int
        At least 1.
    labels : (k,) integers, optional
        Which facility each start belongs to; several doors of one facility count once.

    Returns
    -------
    ms, label : (n, k) int32
        Nearest first, ties by label; 2**31 - 1 and -1 where there is no further one.

    Raises
    ------
    GraphError
        As `nearest`, or if k is less than 1.
    """
    if k < 1:
        raise GraphError(f"the {k} nearest facilities are asked for; ask for 1 or more")
    starts = _starts(graph, nodes, start_ms, labels)
    state = np.full((graph.node_count, k), kernels.LIMIT)
    kernels.seed_many(state, graph.rank[starts.node], starts.state)
    ups, core, _ = _sides(graph, direction)
    kernels.climb_many(ups, state)
    reached = np.flatnonzero(state[:len(core.start) - 1, 0] < kernels.LIMIT)
    kernels.flow_many(core, state, reached, _shift(core.arcs))
    kernels.descend_many(ups, state)
    ms, found = (np.empty((graph.node_count, k), np.int32) for _ in range(2))
    kernels.read_out_many(graph.rank, state, ms, found)
    return ms, found


def within(graph: Graph, nodes: Array, cutoff_ms: int, *, direction: Direction, start_ms: Array | None = None,
           labels: Array | None = None, threads: int | None = None) -> tuple[Array, Array, Array]:
    """Find all nodes within a cutoff of each facility.

    Parameters
    ----------
    cutoff_ms : int
        Milliseconds; a node exactly so far away is within.
    labels : (k,) integers, optional
        Row of each start; default its position.
    threads : int, optional
        Default: one for each core.

    Returns
    -------
    start : (rows + 1,) int64
        Where the row of each facility begins.
    node : (m,) int32
        Nodes, in no order that means anything.
    ms : (m,) int32

    Raises
    ------
    GraphError
        As `nearest`, or if the cutoff is no number.
    """
    if not np.isfinite(cutoff_ms):
        raise GraphError(f"the cutoff is {cutoff_ms}, no number")
    limit = int(np.clip(np.floor(cutoff_ms), -1, MAX_MS - 1))  # -1: nothing is within
    starts = _starts(graph, nodes, start_ms, labels)
    count = len(starts.node) if labels is None else int(starts.label.max(initial=-1)) + 1
    order = np.argsort(starts.label, kind="stable")
    seeds = graph.position[starts.node]
    first = np.searchsorted(starts.label[order], np.arange(count + 1))
    _, _, rows = _sides(graph, direction)
    shift, found = _shift(rows.arcs), [(np.empty(0, np.int32), np.empty(0, np.int32))] * count

    def work(begin: int, step: int) -> None:
        state = np.full(graph.node_count, kernels.LIMIT)
        for row in range(begin, count, step):
            mine = order[first[row]:first[row + 1]]
            found[row] = kernels.reach(rows, state, seeds[mine], starts.state[mine], shift, limit, graph.order)

    _share_out(work, min(count, threads or _cores()))
    start = np.concatenate([[0], np.cumsum([len(node) for node, _ in found], dtype=np.int64)])
    empty = np.empty(0, np.int32)
    node, ms = (np.concatenate([empty, *(pair[i] for pair in found)]) for i in (0, 1))
    return start, node, ms


def improve(graph: Graph, ms: Array, label: Array, nodes: Array | int, new_label: int, *, direction: Direction,
            start_ms: Array | None = None) -> Array:
    """Add one facility to a solved layer; `ms` and `label` are changed in place, and only where it is nearer.

    Parameters
    ----------
    ms, label : (n,) int32
        As `nearest` gives them.
    nodes : integer or (k,) integers
        Its doors.
    new_label : int
    start_ms : (k,) integers, optional
        Milliseconds already spent at each door.

    Returns
    -------
    (m,) int32
        Nodes that changed.

    Raises
    ------
    GraphError
        As `nearest`, or if `ms` and `label` do not fit the graph.
    """
    if not len(ms) == len(label) == graph.node_count:
        raise GraphError(f"{graph.node_count} nodes, but {len(ms)} times and {len(label)} labels")
    starts = _starts(graph, nodes, start_ms, np.full(np.size(nodes), new_label))
    _, _, rows = _sides(graph, direction)
    return kernels.improve(rows, graph.order, ms, label, graph.position[starts.node], starts.state)


def path(graph: Graph, ms: Array, label: Array, node: int, nodes: Array, *, direction: Direction,
         start_ms: Array | None = None, labels: Array | None = None) -> Array:
    """Give the nodes on the way between a node and its nearest facility, in the order of travel.

    Of ways as fast as each other the one by the lower node is taken.

    Parameters
    ----------
    ms, label : (n,) int32
        Answer of `nearest` for these starts.
    node : int
    nodes, start_ms, labels
        The starts, as given to `nearest`.

    Returns
    -------
    (k,) int64
        Empty if nothing is reached.

    Raises
    ------
    GraphError
        As `nearest`, or if the answer does not belong to these starts.
    """
    starts = _starts(graph, nodes, start_ms, labels)
    node = int(_starts(graph, node, None, None).node[0])
    if ms[node] >= UNREACHED_MS:
        return np.empty(0, np.int64)
    ends = set(starts.node[starts.state == pack(ms[starts.node], label[starts.node])].tolist())
    way = downhill(graph, ms, label, node, ends.__contains__, direction=direction)
    return np.array(way if direction == "to" else way[::-1], np.int64)


def downhill(graph: Graph, ms: Array, label: Array, node: int, found: Callable[[int], bool], *,
             direction: Direction) -> list[int]:
    """Give the nodes from a node towards its facility, up to the first at which `found` says that the way ends.

    Parameters
    ----------
    ms, label : (n,) integers
        Times and facilities of all nodes, as a search gives them.
    node : int
    found : callable
        Node -> whether the way ends there.

    Raises
    ------
    GraphError
        If no way of these times leads to such a node.
    """
    order, at = graph.order, int(graph.position[node])
    _, _, rows = _sides(graph, "from" if direction == "to" else "to")
    came_from, stack = {at: at}, [at]
    while stack:
        at = stack.pop()
        if found(int(order[at])):
            way = [at]
            while came_from[way[-1]] != way[-1]:
                way.append(came_from[way[-1]])
            return [int(order[one]) for one in way[::-1]]
        here, mine, ahead = int(ms[order[at]]), label[order[at]], []
        for arc in rows.arcs[rows.start[at]:rows.start[at + 1]].tolist():
            head = arc & 0xFFFFFFFF
            if int(ms[order[head]]) + (arc >> 32) == here and label[order[head]] == mine:
                ahead.append((-int(order[head]), head))
        for _, other in sorted(ahead):
            if other not in came_from:
                came_from[other] = at
                stack.append(other)
    raise GraphError("the times do not belong to these starts: no way leads to one")


def spread_columns(graph: Graph, states: Array, *, direction: Direction, threads: int | None = None) -> Array:
    """Let packed states flow along the arcs until nothing improves, each column for itself.

    Parameters
    ----------
    states : (n, layers) uint64
        As `pack` gives them, in the caller's order; every node may be a start.
    threads : int, optional
        As for `nearest_of_layers`.

    Returns
    -------
    (n, layers) uint64
    """
    solved = np.empty_like(states)

    def work(first: int, step: int) -> None:
        state = np.empty(graph.node_count, np.uint64)
        for layer in range(first, states.shape[1], step):
            state[graph.rank] = states[:, layer]
            _solve(graph, state, direction)
            solved[:, layer] = np.where(state < kernels.LIMIT, state, _UNREACHED)[graph.rank]

    _share_out(work, min(states.shape[1], threads or _worth_while(graph)))
    return solved


def pack(ms: Array, label: Array) -> Array:
    """Pack times and labels into states; a time of 2**31 - 1 or more means unreached."""
    ms = np.asarray(ms, dtype=np.int64)
    state = (ms.astype(np.uint64) << _SHIFT) | np.asarray(label).astype(np.uint64)
    return np.where(ms >= UNREACHED_MS, _UNREACHED, state)


def unpack(state: Array) -> tuple[Array, Array]:
    """Take states apart into times and labels."""
    reached = state < kernels.LIMIT
    ms = np.where(reached, (state >> _SHIFT).astype(np.int64), UNREACHED_MS)
    return ms, np.where(reached, (state & _LOW).astype(np.int64), NOBODY)


def _solve(graph: Graph, state: Array, direction: Direction) -> None:
    ups, core, _ = _sides(graph, direction)
    kernels.climb(ups, state)
    kernels.flow(core, state, kernels.reached_nodes(state, len(core.start) - 1), _shift(core.arcs), MAX_MS - 1,
                 np.empty(0, np.int32))
    kernels.descend(ups, state)


def _nearest_into(graph: Graph, starts: _Starts, direction: Direction, state: Array, ms: Array, label: Array) -> None:
    """Solve a layer in a state that need not be clear, and write its answer."""
    state.fill(kernels.LIMIT)
    np.minimum.at(state, graph.rank[starts.node], starts.state)
    _solve(graph, state, direction)
    kernels.read_out(graph.rank, state, ms, label)


def _starts(graph: Graph, nodes: Array | int, start_ms: Array | None, labels: Array | None) -> _Starts:
    """Check starts and pack them."""
    node = np.atleast_1d(whole_numbers(nodes, "a start"))
    start = np.zeros(len(node), np.int64) if start_ms is None else whole_numbers(start_ms, "a start's time")
    label = np.arange(len(node)) if labels is None else whole_numbers(labels, "a label")
    if not len(node) == len(start) == len(label):
        raise GraphError(f"starts, their times and labels differ in number: {len(node)}, {len(start)}, {len(label)}")
    if len(node) and (node.min() < 0 or node.max() >= graph.node_count):
        raise GraphError(f"a start lies outside the nodes 0 … {graph.node_count - 1}")
    if len(node) and (start.min() < 0 or start.max() > MAX_MS or label.min() < 0 or label.max() > MAX_MS):
        raise GraphError("a start has a negative or too large time or label")
    return _Starts(node, pack(start, label), label)


def _sides(graph: Graph, direction: Direction) -> tuple[Ups, Rows, Rows]:
    """Give what was taken out, the core, and the whole graph, as a search that begins at the facilities sees them."""
    if direction == "to":
        return (Ups(graph.up_start, graph.up_node, graph.up_in_ms, graph.up_out_ms),
                Rows(graph.core_in_start, graph.core_in_arcs), Rows(graph.in_start, graph.in_arcs))
    if direction == "from":
        return (Ups(graph.up_start, graph.up_node, graph.up_out_ms, graph.up_in_ms),
                Rows(graph.core_out_start, graph.core_out_arcs), Rows(graph.out_start, graph.out_arcs))
    raise GraphError(f"direction is \"to\" or \"from\", not {direction!r}")


def _shift(arcs: Array) -> int:
    """Give the power of two nearest below a common arc's milliseconds, from a sample of the arcs."""
    sample = arcs[::max(len(arcs) // 4096, 1)] >> _SHIFT
    return max(int(np.median(sample)).bit_length() - 1, 0) if len(sample) else 0


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _worth_while(graph: Graph) -> int:
    return 1 if graph.node_count < _SMALL_NODES else _cores()


def _share_out(work: Callable[[int, int], None], threads: int) -> None:
    """Do `work(first, step)` on some threads, each taking every step-th piece from its first on."""
    if threads <= 1:
        work(0, 1)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads), [threads] * threads))
