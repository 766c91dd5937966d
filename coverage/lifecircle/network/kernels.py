"""The compiled loops of the search.

A state is one unsigned 64-bit number, time in the upper half and facility in the lower, so that one comparison settles
both and ties go to the lower facility; an arc has its milliseconds in the upper half, so that state + arc is the state
it brings. A state at or above `LIMIT` is unreached.
"""

from __future__ import annotations

import heapq
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.network.csr import HALF_BITS, HIGH_HALF, LOW_HALF
from lifecircle.network.jit import kernel, leaf_kernel

Array = npt.NDArray[Any]
LIMIT = np.uint64(2**31 - 1) << HALF_BITS
#: Piles that stand ready for the times ahead; later times wait in one pile more.
_RING = 16
_ONE = np.uint64(1)
_NEVER = 2**62


class Rows(NamedTuple):
    """Arcs in rows by node, packed."""

    start: Array
    arcs: Array


class Ups(NamedTuple):
    """Rows of the nodes that were taken out of the graph, in the direction of one search.

    to_ms is the time of going on from the node to its neighbour as the search goes, from_ms that of coming from there.
    """

    start: Array
    node: Array
    to_ms: Array
    from_ms: Array


@kernel
def climb(ups: Ups, state: Array) -> None:
    """Hand the states of the nodes that were taken out to their neighbours, in the order in which they went."""
    core = len(state) - len(ups.start) + 1
    for v in range(len(state) - 1, core - 1, -1):
        s = state[v]
        if s < LIMIT:
            for i in range(ups.start[v - core], ups.start[v - core + 1]):
                w = ups.node[i]
                state[w] = min(state[w], s + (np.uint64(ups.to_ms[i]) << HALF_BITS))


@kernel
def descend(ups: Ups, state: Array) -> None:
    """Give the nodes that were taken out the best their neighbours bring, the last one first."""
    core = len(state) - len(ups.start) + 1
    i = np.uint64(0)
    for v in range(core, len(state)):
        best, end = min(state[v], LIMIT), np.uint64(ups.start[v - core + 1])
        while i < end:
            best = min(best, state[ups.node[i]] + (np.uint64(ups.from_ms[i]) << HALF_BITS))
            i += _ONE
        state[v] = best


class Piles(NamedTuple):
    """Nodes that wait to be passed on: piles by time, each 2**shift ms wide, worked off first in, first out.

    The piles form a ring over the times just ahead; what is too late for it waits in the last pile, so that a rare
    long arc (a ferry) costs nothing. An entry is a node and its time, which tells whether it was overtaken.
    last_from is the first time, in piles, that waits in the last pile.
    """

    entry: Array
    size: Array
    last_from: Array


@kernel
def flow(rows: Rows, state: Array, seeds: Array, shift: int, limit: int, found: Array) -> Array:
    """Let the states of some nodes flow along the arcs until nothing improves.

    Parameters
    ----------
    rows : Rows
    state : (n,) uint64
        Lowered in place; none above `LIMIT`.
    seeds : (k,) integers
    shift : int
        Piles are 2**shift ms wide; about a common arc is best.
    limit : int
        Milliseconds, not exceeded.
    found : (m,) int32
        Room for the nodes that states flow to or from; empty if nobody asks for them.

    Returns
    -------
    (k,) int32
        These nodes, some of them more than once.
    """
    width, last = np.uint64(shift) + HALF_BITS, np.uint64(limit + 1) << HALF_BITS
    piles, room, waiting, count, want_found = _piles(), 0, 0, 0, len(found) > 0
    for node in seeds:
        if state[node] < last:
            if room == 0:
                piles, room = _with_room(piles, 1)
            _push(piles, 0, width, state[node], np.uint64(node))
            room, waiting = room - 1, waiting + 1
    now = 0
    while waiting > 0:
        piles, now = _come_to(piles, now, width, waiting)
        room, slot, i = 0, now & (_RING - 1), 0
        while i < piles.size[slot]:
            entry = piles.entry[slot, i]
            i += 1
            v = entry & LOW_HALF
            s = state[v]
            if (s ^ entry) > LOW_HALF:  # overtaken: it went on with an earlier time
                continue
            if want_found:
                if count == len(found):
                    found = np.concatenate((found, np.empty_like(found)))
                found[count] = v
                count += 1
            begin, end = np.uint64(rows.start[v]), np.uint64(rows.start[v + _ONE])
            if room < np.int64(end - begin):
                piles, room = _with_room(piles, np.int64(end - begin))
            for a in range(begin, end):
                arc = rows.arcs[a]
                w, reached = arc & LOW_HALF, s + (arc & HIGH_HALF)
                if reached >= state[w] or reached >= last:
                    continue
                state[w] = reached
                _push(piles, now, width, reached, w)
                room, waiting = room - 1, waiting + 1
        waiting -= piles.size[slot]
        piles.size[slot] = 0
        now += 1
    return found[:count]


@kernel
def flow_many(rows: Rows, state: Array, seeds: Array, shift: int) -> None:
    """Do as `flow` for rows of states."""
    width = np.uint64(shift) + HALF_BITS
    piles, now, room, waiting, wanted = _piles(), 0, 0, 0, state.shape[1]
    for node in seeds:
        if room < wanted:
            piles, room = _with_room(piles, wanted)
        for j in range(state.shape[1]):
            if state[node, j] < LIMIT:
                _push(piles, 0, width, state[node, j], np.uint64(node))
                room, waiting = room - 1, waiting + 1
    while waiting > 0:
        piles, now = _come_to(piles, now, width, waiting)
        room, slot, i = 0, now & (_RING - 1), 0
        while i < piles.size[slot]:
            entry = piles.entry[slot, i]
            i += 1
            v = entry & LOW_HALF
            begin, end = np.uint64(rows.start[v]), np.uint64(rows.start[v + _ONE])
            wanted = int(end - begin) * state.shape[1]
            if room < wanted:
                piles, room = _with_room(piles, wanted)
            for j in range(state.shape[1]):
                s = state[v, j]
                if (s ^ entry) > LOW_HALF:
                    continue
                for a in range(begin, end):
                    arc = rows.arcs[a]
                    w, reached = arc & LOW_HALF, s + (arc & HIGH_HALF)
                    if insert(state, w, reached):
                        _push(piles, now, width, reached, w)
                        room, waiting = room - 1, waiting + 1
        waiting -= piles.size[slot]
        piles.size[slot] = 0
        now += 1


@kernel
def _piles() -> Piles:
    return Piles(np.empty((_RING + 1, 1024), np.uint64), np.zeros(_RING + 1, np.int64), np.array([_NEVER]))


@leaf_kernel
def _push(piles: Piles, now: int, width: Any, state: Any, node: Any) -> None:
    due = np.int64(state >> width)
    slot = int(due) & (_RING - 1)
    if due >= now + _RING:
        slot = _RING
        piles.last_from[0] = min(piles.last_from[0], due)
    piles.entry[slot, piles.size[slot]] = (state & HIGH_HALF) | node
    piles.size[slot] += 1


@kernel
def _with_room(piles: Piles, wanted: Any) -> tuple[Piles, Any]:
    """Give piles each of which has room for some entries more, and for how many at least."""
    most, entry = piles.size.max(), piles.entry
    if entry.shape[1] - most < wanted:
        entry = np.empty((_RING + 1, 2 * (most + wanted)), np.uint64)
        for slot in range(_RING + 1):
            entry[slot, :piles.size[slot]] = piles.entry[slot, :piles.size[slot]]
    return Piles(entry, piles.size, piles.last_from), entry.shape[1] - most


@kernel
def _come_to(piles: Piles, now: Any, width: Any, waiting: int) -> tuple[Piles, Any]:
    """Pass over time in which nothing waits, and move what has come near from the last pile to the ring."""
    size, last_from = piles.size, piles.last_from
    if waiting == size[_RING]:
        now = last_from[0]
    while size[now & (_RING - 1)] == 0 and now < last_from[0]:
        now += 1
    if now == last_from[0]:
        piles, _ = _with_room(piles, size[_RING])
        entry, kept = piles.entry[_RING], 0
        last_from[0] = _NEVER
        for i in range(size[_RING]):
            due = np.int64(entry[i] >> width)
            if due < now + _RING:
                near = due & (_RING - 1)
                piles.entry[near, size[near]] = entry[i]
                size[near] += 1
            else:
                entry[kept] = entry[i]
                kept += 1
                last_from[0] = min(last_from[0], due)
        size[_RING] = kept
    return piles, now


@kernel
def reached_nodes(state: Array, count: int) -> Array:
    """Give those of the first nodes that are reached, and lower the states of the others to `LIMIT`."""
    nodes, size = np.empty(count, np.int32), 0
    for v in range(count):
        if state[v] < LIMIT:
            nodes[size] = v
            size += 1
        else:
            state[v] = LIMIT
    return nodes[:size]


@kernel
def read_out(position: Array, state: Array, ms: Array, label: Array) -> None:
    """Take states apart, in the caller's order: 2**31 - 1 and -1 where nothing is reached."""
    for node in range(len(position)):
        _take_apart(state[position[node]], ms, label, node)


@kernel
def read_out_many(position: Array, state: Array, ms: Array, label: Array) -> None:
    """Do as `read_out` for rows of states."""
    for node in range(len(position)):
        for j in range(state.shape[1]):
            _take_apart(state[position[node], j], ms, label, (node, j))


@leaf_kernel
def _take_apart(state: Any, ms: Array, label: Array, at: Any) -> None:
    if state < LIMIT:
        ms[at], label[at] = state >> HALF_BITS, state & LOW_HALF
    else:
        ms[at], label[at] = 2**31 - 1, -1


@kernel
def reach(rows: Rows, state: Array, seeds: Array, seed_state: Array, shift: int, limit: int, order: Array,
          ) -> tuple[Array, Array]:
    """Find the nodes within a limit of some seeds, in the caller's numbers, and their times.

    `state` is unreached all over, and is so again afterwards.
    """
    for i in range(len(seeds)):
        state[seeds[i]] = min(state[seeds[i]], seed_state[i])
    found = flow(rows, state, seeds, shift, limit, np.empty(1024, np.int32))
    node, ms, size = np.empty(len(found), np.int32), np.empty(len(found), np.int32), 0
    for v in found:
        if state[v] < LIMIT:
            node[size], ms[size] = order[v], state[v] >> HALF_BITS
            size += 1
            state[v] = LIMIT
    for v in seeds:
        state[v] = LIMIT
    return node[:size].copy(), ms[:size].copy()


@kernel
def improve(rows: Rows, order: Array, ms: Array, label: Array, seeds: Array, seed_state: Array) -> Array:
    """Lower times and labels (caller's order, in place) from the doors of one facility outwards; give what changed."""
    heap = [np.int64(0)]
    heap.pop()
    changed, size = np.empty(1024, np.int32), 0
    new = np.int64(seed_state[0] & LOW_HALF) if len(seeds) else np.int64(0)
    for i in range(len(seeds)):
        time, node = np.int64(seed_state[i] >> HALF_BITS), order[seeds[i]]
        if time < ms[node] or (time == ms[node] and new < label[node]):
            ms[node], label[node] = time, new
            heapq.heappush(heap, (time << 32) | np.int64(seeds[i]))
    while len(heap) > 0:
        key = heapq.heappop(heap)
        v, time = key & 0xFFFFFFFF, key >> 32
        if time != ms[order[v]]:
            continue
        if size == len(changed):
            changed = np.concatenate((changed, np.empty_like(changed)))
        changed[size] = order[v]
        size += 1
        for a in range(rows.start[v], rows.start[v + 1]):
            w, later = np.int64(rows.arcs[a] & LOW_HALF), time + np.int64(rows.arcs[a] >> HALF_BITS)
            node = order[w]
            if later < ms[node] or (later == ms[node] and new < label[node]):
                ms[node], label[node] = later, new
                heapq.heappush(heap, (later << 32) | w)
    return changed[:size]


@kernel
def seed_many(state: Array, seeds: Array, seed_state: Array) -> None:
    """Put the states of seeds into their rows."""
    for i in range(len(seeds)):
        if seed_state[i] < LIMIT:
            insert(state, seeds[i], seed_state[i])


@leaf_kernel
def insert(state: Array, v: Any, s: Any) -> bool:
    """Put a state into a row sorted upwards in which every facility stands once; tell whether it went in."""
    last = state.shape[1] - 1
    if s >= state[v, last]:
        return False
    at = 0
    while state[v, at] <= s:
        if (state[v, at] ^ s) & LOW_HALF == 0:
            return False
        at += 1
    end = at
    while end < last and (state[v, end] ^ s) & LOW_HALF != 0:
        end += 1
    while end > at:
        state[v, end] = state[v, end - 1]
        end -= 1
    state[v, at] = s
    return True


@kernel
def climb_many(ups: Ups, state: Array) -> None:
    """Do as `climb` for rows of states."""
    core = len(state) - len(ups.start) + 1
    for v in range(len(state) - 1, core - 1, -1):
        for j in range(state.shape[1]):
            s = state[v, j]
            if s >= LIMIT:
                break
            for i in range(ups.start[v - core], ups.start[v - core + 1]):
                insert(state, ups.node[i], s + (np.uint64(ups.to_ms[i]) << HALF_BITS))


@kernel
def descend_many(ups: Ups, state: Array) -> None:
    """Do as `descend` for rows of states."""
    core = len(state) - len(ups.start) + 1
    for v in range(core, len(state)):
        for i in range(ups.start[v - core], ups.start[v - core + 1]):
            w, more = ups.node[i], np.uint64(ups.from_ms[i]) << HALF_BITS
            for j in range(state.shape[1]):
                s = state[w, j] + more
                if s >= state[v, state.shape[1] - 1]:
                    break
                insert(state, v, s)
