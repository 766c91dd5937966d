"""Sort arcs into rows, and nodes along a curve: the compiled part of building a graph.

An arc in a row is one unsigned 64-bit number, milliseconds in the upper half and the other node in the lower: added to
a packed state it gives the state it brings, and both halves come in one read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lifecircle.network.jit import kernel

Array = npt.NDArray[Any]
LOW_HALF = np.uint64(0xFFFFFFFF)
HIGH_HALF = np.uint64(0xFFFFFFFF00000000)
HALF_BITS = np.uint64(32)
_CLOSED_MS = 2**31 - 1


@kernel
def sort_arcs(tail: Array, head: Array, ms: Array, count: int) -> tuple[Array, Array, Array]:
    """Sort arcs into rows by tail and, in a row, by head; of parallel arcs the fastest stays, loops go.

    Two passes of counting, first by head, then by tail: the time does not depend on how long a row is.
    """
    by_head, _ = _counted(head, np.arange(len(head)), count)
    order, _ = _counted(tail, by_head, count)
    start = np.zeros(count + 1, np.int64)
    node, time = np.empty(len(tail), np.int32), np.empty(len(tail), np.int32)
    size, row = 0, -1
    for i in range(len(order)):
        arc = order[i]
        if tail[arc] == head[arc]:
            continue
        if row == tail[arc] and node[size - 1] == head[arc]:
            time[size - 1] = min(time[size - 1], ms[arc])
            continue
        row = tail[arc]
        node[size], time[size] = head[arc], ms[arc]
        start[row + 1] += 1
        size += 1
    for v in range(count):
        start[v + 1] += start[v]
    return start, node[:size].copy(), time[:size].copy()


@kernel
def _counted(key: Array, order: Array, count: int) -> tuple[Array, Array]:
    """Sort an order by key, keeping the order of equal keys; give it and where each key begins."""
    start = np.zeros(count + 1, np.int64)
    for i in range(len(key)):
        start[key[i] + 1] += 1
    for v in range(count):
        start[v + 1] += start[v]
    place = start[:-1].copy()
    sorted_order = np.empty_like(order)
    for i in range(len(order)):
        k = key[order[i]]
        sorted_order[place[k]] = order[i]
        place[k] += 1
    return sorted_order, start


@kernel
def turned(start: Array, node: Array, ms: Array) -> tuple[Array, Array, Array]:
    """Turn rows round: the same arcs by their other node."""
    count = len(start) - 1
    other = np.zeros(count + 1, np.int64)
    for arc in range(len(node)):
        other[node[arc] + 1] += 1
    for v in range(count):
        other[v + 1] += other[v]
    place = other[:-1].copy()
    tail, time = np.empty_like(node), np.empty_like(ms)
    for v in range(count):
        for arc in range(start[v], start[v + 1]):
            at = place[node[arc]]
            tail[at], time[at] = v, ms[arc]
            place[node[arc]] += 1
    return other, tail, time


@kernel
def open_arcs(start: Array, node: Array, ms: Array) -> tuple[Array, Array]:
    """Pack rows, leaving out the arcs that are closed."""
    fresh, arcs, size = np.zeros(len(start), np.int64), np.empty(len(node), np.uint64), 0
    for v in range(len(start) - 1):
        for arc in range(start[v], start[v + 1]):
            if ms[arc] < _CLOSED_MS:
                arcs[size] = (np.uint64(ms[arc]) << HALF_BITS) | np.uint64(node[arc])
                size += 1
        fresh[v + 1] = size
    return fresh, arcs[:size].copy()


@kernel
def hilbert_keys(xy_m: Array, bits: int) -> Array:
    """Give each point its place along a Hilbert curve over all; a point that is no number counts as a corner."""
    west = south = np.inf
    east = north = -np.inf
    for i in range(len(xy_m)):
        if np.isfinite(xy_m[i, 0]) and np.isfinite(xy_m[i, 1]):
            west, east = min(west, xy_m[i, 0]), max(east, xy_m[i, 0])
            south, north = min(south, xy_m[i, 1]), max(north, xy_m[i, 1])
    span, side = max(east - west, north - south, 1e-9), 1 << bits
    keys = np.empty(len(xy_m), np.int64)
    for i in range(len(xy_m)):
        x = y = 0
        if np.isfinite(xy_m[i, 0]) and np.isfinite(xy_m[i, 1]):
            x = min(int((xy_m[i, 0] - west) / span * side), side - 1)
            y = min(int((xy_m[i, 1] - south) / span * side), side - 1)
        key, half = 0, side >> 1
        while half > 0:
            right, upper = (x & half) > 0, (y & half) > 0
            key += half * half * ((3 * right) ^ upper)
            if not upper:
                if right:
                    x, y = 2 * half - 1 - (x & (2 * half - 1)), 2 * half - 1 - (y & (2 * half - 1))
                x, y = y, x
            half >>= 1
        keys[i] = key
    return keys
