"""Turn roads and a travel mode into a graph: CSR arrays, integer milliseconds, nodes along a Hilbert curve."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lifecircle.errors import ConfigError, GraphError
from lifecircle.network import csr
from lifecircle.network.contraction import contract
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
    """A directed graph in compressed rows, both ways round, and the same graph contracted (`contraction`).

    Attributes
    ----------
    position : (n,) int32
        Internal number of each of the caller's nodes, along a Hilbert curve.
    out_start, out_arcs : int64, uint64
        Arcs by their tail, packed: milliseconds in the upper half, head in the lower.
    in_start, in_arcs : int64, uint64
        The same arcs by their head, with the tail.
    rank : (n,) int32
        Number of each of the caller's nodes in the contracted graph: the core first, then the nodes that were taken
        out, the last one first.
    up_start, up_node, up_out_ms, up_in_ms : int64, int32, int32, int32
        Per node taken out, its neighbours at that moment, the milliseconds to each and from it.
    core_out_start, core_out_arcs, core_in_start, core_in_arcs : int64, uint64
        Arcs of the core, as above. These and the up rows are in numbers by rank.
    """

    position: Array
    out_start: Array
    out_arcs: Array
    in_start: Array
    in_arcs: Array
    rank: Array
    up_start: Array
    up_node: Array
    up_out_ms: Array
    up_in_ms: Array
    core_out_start: Array
    core_out_arcs: Array
    core_in_start: Array
    core_in_arcs: Array

    @property
    def node_count(self) -> int:
        """Count the nodes."""
        return len(self.position)

    @property
    def arc_count(self) -> int:
        """Count the arcs."""
        return len(self.out_arcs)

    @property
    def out_head(self) -> Array:
        """Give the head of each arc, by tail."""
        return _halves(self.out_arcs)[:, 0]

    @property
    def out_ms(self) -> Array:
        """Give the milliseconds of each arc, by tail."""
        return _halves(self.out_arcs)[:, 1]

    @property
    def in_tail(self) -> Array:
        """Give the tail of each arc, by head."""
        return _halves(self.in_arcs)[:, 0]

    @property
    def in_ms(self) -> Array:
        """Give the milliseconds of each arc, by head."""
        return _halves(self.in_arcs)[:, 1]

    @cached_property
    def order(self) -> Array:
        """Give the caller's number of each internal node, (n,) int32."""
        order = np.empty_like(self.position)
        order[self.position] = np.arange(self.node_count, dtype=order.dtype)
        return order

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
            If a time is negative, not finite or too long, a node is out of range, or the lengths differ.
        """
        tail, head = (whole_numbers(nodes, "a node of an arc") for nodes in (tail, head))
        times = np.asarray(ms, dtype=np.float64)
        if not (len(tail) == len(head) == len(times)):
            raise GraphError(f"tail, head and ms differ in length: {len(tail)}, {len(head)}, {len(times)}")
        count = int(max(tail.max(initial=-1), head.max(initial=-1)) + 1) if node_count is None else int(node_count)
        if not 0 <= count < MAX_MS:
            raise GraphError(f"a graph cannot have {count} nodes")
        if len(tail) and (min(tail.min(), head.min()) < 0 or max(tail.max(), head.max()) >= count):
            raise GraphError(f"an arc names a node outside 0 … {count - 1}")
        if not (np.isfinite(times).all() and (times >= 0).all() and (times <= MAX_MS).all()):
            raise GraphError("an arc's time is negative, not a finite number, or above 2**31 ms")
        if xy_m is not None and np.shape(xy_m) != (count, 2):
            raise GraphError(f"{count} nodes want xy_m of shape ({count}, 2), not {np.shape(xy_m)}")
        curve = np.arange(count, dtype=np.int32)
        if xy_m is not None:
            curve[hilbert_order(np.asarray(xy_m, dtype=np.float64))] = np.arange(count, dtype=np.int32)
        rows = csr.sort_arcs(curve[tail], curve[head], np.rint(times).astype(np.int32), count)
        del tail, head, ms, times  # the contraction wants the room
        return cls._from_rows(curve, rows)

    @classmethod
    def _from_rows(cls, curve: Array, rows: tuple[Array, Array, Array]) -> Graph:
        turned = csr.turned(*rows)
        small = contract(*rows, *turned)
        return cls(
            curve, *csr.open_arcs(*rows), *csr.open_arcs(*turned), small.rank[curve],
            small.up_start, small.up_node, small.up_out_ms, small.up_in_ms,
            *csr.open_arcs(small.core_start, small.core_node, small.core_out_ms),
            *csr.open_arcs(small.core_start, small.core_node, small.core_in_ms))

    @classmethod
    def from_edges(cls, edges: Edges, node_xy_m: Array) -> Graph:
        """Build from the edges of a mode."""
        there, back = edges.ms_uv >= 0, edges.ms_vu >= 0
        return cls.from_arcs(
            np.concatenate([edges.u[there], edges.v[back]]), np.concatenate([edges.v[there], edges.u[back]]),
            np.concatenate([edges.ms_uv[there], edges.ms_vu[back]]), node_count=len(node_xy_m), xy_m=node_xy_m)

    def save(self, folder: str | Path) -> None:
        """Write the graph into a folder, one file per array."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            np.save(folder / f"{field.name}.npy", getattr(self, field.name))

    @classmethod
    def load(cls, folder: str | Path, *, mmap: bool = True) -> Graph:
        """Read a graph that was saved.

        Parameters
        ----------
        folder : str or Path
        mmap : bool
            Leave the arrays in their files and read from there what a search touches.

        Raises
        ------
        GraphError
            If a file is missing or damaged, or the files do not belong together.
        """
        try:  # mode "c": the kernels see arrays they could write to, as compiled; the files stay as they are
            graph = cls(*(np.load(Path(folder) / f"{field.name}.npy", mmap_mode="c" if mmap else None).view(np.ndarray)
                          for field in fields(cls)))
        except (OSError, ValueError, EOFError) as error:
            raise GraphError(f"{folder}: no saved graph can be read here: {error}") from error
        rows = ((graph.out_start, graph.out_arcs), (graph.in_start, graph.in_arcs), (graph.up_start, graph.up_node),
                (graph.up_start, graph.up_out_ms), (graph.up_start, graph.up_in_ms),
                (graph.core_out_start, graph.core_out_arcs), (graph.core_in_start, graph.core_in_arcs))
        core = graph.node_count - len(graph.up_start) + 1
        whole, small = {len(graph.rank), len(graph.out_start) - 1, len(graph.in_start) - 1}, (
            {len(graph.core_out_start) - 1, len(graph.core_in_start) - 1})
        if whole != {graph.node_count} or small != {core} or any(start[-1] != len(arcs) for start, arcs in rows):
            raise GraphError(f"{folder}: the files do not belong to one graph")
        return graph


def whole_numbers(values: Array | int, what: str) -> Array:
    """Give int64, refusing what is no whole number.

    Raises
    ------
    GraphError
        If a value is no whole number.
    """
    given = np.asarray(values)
    if given.dtype.kind not in "iu" and given.size:
        given = given.astype(np.float64)
        if not (np.isfinite(given).all() and (given == np.rint(given)).all()):
            raise GraphError(f"{what} is no whole number")
    return given.astype(np.int64)


def _halves(arcs: Array) -> Array:
    return arcs.view(np.int32).reshape(-1, 2)


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
    keys = csr.hilbert_keys(np.ascontiguousarray(xy_m, dtype=np.float64), bits)
    return np.argsort(keys, kind="stable")
