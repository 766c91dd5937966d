"""Turn roads and a travel mode into a graph: CSR arrays, integer milliseconds, nodes along a Hilbert curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lifecircle.errors import ConfigError, GraphError
from lifecircle.network.modes import TravelMode
from lifecircle.osmtags import ALLOWED, CLASS_INDEX, FORBIDDEN, ROAD_CLASSES
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.slope import tobler_divisors

Array = npt.NDArray[Any]
#: Milliseconds of an arc that may not be travelled.
CLOSED = np.int32(-1)
#: Longest time the engine can hold: a little under 25 days.
MAX_MS = 2**31 - 1


@dataclass(frozen=True)
class Graph:
    """A directed graph in compressed rows, both ways round.

    Attributes
    ----------
    position : (n,) int64
        Internal number of each of the caller's nodes; internal numbers follow a Hilbert curve.
    out_start, out_head, out_ms : int64, int32, int32
        Arcs by their tail.
    in_start, in_tail, in_ms : int64, int32, int32
        The same arcs by their head.
    """

    position: Array
    out_start: Array
    out_head: Array
    out_ms: Array
    in_start: Array
    in_tail: Array
    in_ms: Array

    @property
    def node_count(self) -> int:
        """Count the nodes."""
        return len(self.position)

    @property
    def arc_count(self) -> int:
        """Count the arcs."""
        return len(self.out_head)

    @classmethod
    def from_arcs(cls, tail: Array, head: Array, ms: Array, *, node_count: int | None = None,
                  xy_m: Array | None = None) -> Graph:
        """Build from arcs; of parallel arcs the fastest counts.

        Parameters
        ----------
        tail, head : (m,) integers
            Nodes, numbered from 0.
        ms : (m,) numbers
            Milliseconds, finite, 0 or more, below 2**31.
        node_count : int, optional
            Default: one more than the largest node.
        xy_m : (n, 2) float, optional
            Positions, for an order of nodes that is kind to the memory.

        Raises
        ------
        GraphError
            If a time is negative, not finite or too long, or a node is out of range.
        """
        tail, head = np.asarray(tail, dtype=np.int64), np.asarray(head, dtype=np.int64)
        times = np.asarray(ms, dtype=np.float64)
        if not (len(tail) == len(head) == len(times)):
            raise GraphError(f"tail, head and ms differ in length: {len(tail)}, {len(head)}, {len(times)}")
        count = int(max(tail.max(initial=-1), head.max(initial=-1)) + 1) if node_count is None else int(node_count)
        if len(tail) and (min(tail.min(), head.min()) < 0 or max(tail.max(), head.max()) >= count):
            raise GraphError(f"an arc names a node outside 0 … {count - 1}")
        if not (np.isfinite(times).all() and (times >= 0).all() and (times <= MAX_MS).all()):
            raise GraphError("an arc's time is negative, not a finite number, or above 2**31 ms")
        order = np.arange(count) if xy_m is None else hilbert_order(np.asarray(xy_m, dtype=np.float64))
        position = np.empty(count, dtype=np.int64)
        position[order] = np.arange(count)
        tail, head, whole = _fastest(position[tail], position[head], np.rint(times).astype(np.int32), count)
        return cls(position, *_rows(tail, head, whole, count), *_rows(head, tail, whole, count))

    @classmethod
    def from_edges(cls, edges: Edges, node_xy_m: Array) -> Graph:
        """Build from the edges of a mode."""
        there, back = edges.ms_uv >= 0, edges.ms_vu >= 0
        return cls.from_arcs(
            np.concatenate([edges.u[there], edges.v[back]]), np.concatenate([edges.v[there], edges.u[back]]),
            np.concatenate([edges.ms_uv[there], edges.ms_vu[back]]), node_count=len(node_xy_m), xy_m=node_xy_m)


@dataclass(frozen=True)
class Edges:
    """What one mode may use of a road network.

    Attributes
    ----------
    segment : (m,) int64
        Position in the network.
    u, v : (m,) int32
    ms_uv, ms_vu : (m,) int32
        Milliseconds each way; -1 where that way is closed.
    joinable : (m,) bool
        A place may join here: no bridge, tunnel, ferry or motorway.
    """

    segment: Array
    u: Array
    v: Array
    ms_uv: Array
    ms_vu: Array
    joinable: Array


def mode_edges(network: RoadNetwork, mode: TravelMode, *, slope: str | None = None) -> Edges:
    """Give the edges a mode may use, with its times.

    The speed is the class speed; by motor a known speed replaces it and the legal limit caps it. On foot the
    slope slows it by Tobler's factor, piece by piece along the height profile (`lifecircle.slope`); ferries are level.

    Raises
    ------
    ConfigError
        If slope is asked for and the network has no heights.
    """
    slope = mode.slope if slope is None else slope
    kph = _speeds_kph(network, mode)
    usable = np.flatnonzero(kph > 0)
    level_ms = network.length_m[usable] / kph[usable] * 3600.0
    there = back = level_ms
    if slope == "tobler" and mode.on_foot:
        if not np.isfinite(network.node_z_m).any():
            raise ConfigError(network.source or "roads",
                              f"slope = \"tobler\" is asked for ({mode.name}) without heights",
                              "set [roads] elevation, or slope = \"none\" in the policy")
        up, down = tobler_divisors(network)
        level = network.ferry[usable]
        there, back = (np.where(level, level_ms, level_ms * more[usable]) for more in (up, down))
    oneway = network.oneway[usable] if mode.respects_oneway else np.zeros(len(usable), np.int8)
    ms_uv = np.where(oneway == -1, CLOSED, np.rint(there)).astype(np.int32)
    ms_vu = np.where(oneway == 1, CLOSED, np.rint(back)).astype(np.int32)
    motorways = [CLASS_INDEX["motorway"], CLASS_INDEX["motorway_link"]]
    joinable = ~(network.bridge | network.tunnel | network.ferry | np.isin(network.road_class, motorways))[usable]
    return Edges(usable, network.u[usable], network.v[usable], ms_uv, ms_vu, joinable)


def _speeds_kph(network: RoadNetwork, mode: TravelMode) -> Array:
    table = np.array([mode.speeds_kph.get(name, 0.0) for name in ROAD_CLASSES])
    kph = table[network.road_class]
    said = getattr(network, mode.family)
    kph = np.where((said == ALLOWED) & (kph == 0), mode.if_allowed_kph, kph)
    known = np.isfinite(network.speed_kph) & (kph > 0) & (network.ferry | (mode.family == "motor"))
    kph = np.where(known, network.speed_kph, kph)
    if mode.family != "foot":
        kph = np.where(np.isfinite(network.maxspeed_kph), np.minimum(kph, network.maxspeed_kph), kph)
    return np.where(said == FORBIDDEN, 0.0, kph)


def hilbert_order(xy_m: Array, *, bits: int = 16) -> Array:
    """Order points along a Hilbert curve.

    Parameters
    ----------
    xy_m : (n, 2) float
    bits : int
        Depth of the curve.

    Returns
    -------
    (n,) int64
        Positions of the points, in the order of the curve.
    """
    if len(xy_m) == 0:
        return np.empty(0, dtype=np.int64)
    low = xy_m.min(axis=0)
    span = max(float((xy_m.max(axis=0) - low).max()), 1e-9)
    x, y = np.minimum((xy_m - low) / span * 2**bits, 2**bits - 1).astype(np.int64).T
    key = np.zeros(len(xy_m), dtype=np.int64)
    side = 1 << (bits - 1)
    while side:
        right, upper = (x & side) > 0, (y & side) > 0
        key += side * side * ((3 * right) ^ upper)
        turn, flip = ~upper, right & ~upper
        low_bits = 2 * side - 1
        x, y = (np.where(flip, low_bits - (axis & low_bits), axis) for axis in (x, y))
        x, y = np.where(turn, y, x), np.where(turn, x, y)
        side >>= 1
    return np.argsort(key, kind="stable")


def _fastest(tail: Array, head: Array, ms: Array, count: int) -> tuple[Array, Array, Array]:
    """Keep the fastest of parallel arcs and drop loops."""
    order = np.lexsort((ms, head, tail))
    tail, head, ms = tail[order], head[order], ms[order]
    keep = tail != head
    keep[1:] &= (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
    return tail[keep], head[keep], ms[keep]


def _rows(key: Array, other: Array, ms: Array, count: int) -> tuple[Array, Array, Array]:
    order = np.lexsort((other, key))
    start = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=count))]).astype(np.int64)
    return start, other[order].astype(np.int32), ms[order]
