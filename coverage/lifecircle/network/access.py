"""Give the time between any place and the nearest facility: legs at both ends, on top of the search.

t(x) is the least, over every point q of a road in reach of x and every door in reach of x, of the straight walk from
x to q and the network time from q to the door, its own leg included. One function serves the table and the surface.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from lifecircle.network import around, legs
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.graph import Edges, Graph, hilbert_order, mode_edges
from lifecircle.network.index import Index
from lifecircle.network.legs import Joints, Lines, Walk
from lifecircle.network.modes import TravelMode
from lifecircle.network.search import UNREACHED_MS, Direction, pack, spread_columns, unpack
from lifecircle.roadnetwork import RoadNetwork

Array = npt.NDArray[Any]
_CLOSED_STATE = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True)
class Doors:
    """The doors of the facilities of one layer.

    Attributes
    ----------
    xy_m : (k, 2) float64
    label : (k,) int64
        Rank of the facility; ties in time go to the lower one.
    """

    xy_m: Array
    label: Array


@dataclass(frozen=True)
class Reach:
    """Times of points.

    Attributes
    ----------
    ms : (n, layers) int64
        2**31 - 1 where no facility is reached.
    label : (n, layers) int64
        Rank of the nearest facility, -1 where none.
    snap_m : (n,) float64
        Shortest unblocked leg to a road or door; infinite where the point cannot be joined.
    """

    ms: Array
    label: Array
    snap_m: Array

    @property
    def minutes(self) -> Array:
        """Give minutes, infinite where no facility is reached."""
        return np.where(self.ms >= UNREACHED_MS, np.inf, self.ms / 60_000.0)


@dataclass(frozen=True)
class Net:
    """The edges one mode may use, as a graph and as lines that points can be joined to."""

    edges: Edges
    graph: Graph
    node_xy_m: Array
    walk_ms_per_m: float

    @classmethod
    def build(cls, network: RoadNetwork, mode: TravelMode, slope: str | None, walk: TravelMode) -> Net:
        """Build from a network, a mode, and the walk by which places join it."""
        edges = mode_edges(network, mode, slope=slope)
        graph = Graph.from_edges(edges, network.node_xy_m)
        return cls(edges, graph, network.node_xy_m, walk_of(walk).ms_per_m)

    @cached_property
    def lines(self) -> dict[Direction, Lines]:
        """Give the joinable edges; their times are turned round when travelling from the facility."""
        keep = np.flatnonzero(self.edges.joinable)
        middle = self.node_xy_m[self.edges.u[keep]] + self.node_xy_m[self.edges.v[keep]]
        keep = keep[hilbert_order(middle)]  # neighbours on the ground are neighbours in memory
        node = np.column_stack([self.edges.u[keep], self.edges.v[keep]])
        begin, along = self.node_xy_m[node[:, 0]], self.node_xy_m[node[:, 1]] - self.node_xy_m[node[:, 0]]
        length = np.hypot(*along.T)
        unit = np.where(length[:, None] > 0, along / np.where(length > 0, length, 1.0)[:, None], [1.0, 0.0])
        geometry = np.column_stack([begin, unit, length])
        there, back = (self._pace(ms[keep], length) for ms in (self.edges.ms_uv, self.edges.ms_vu))
        return {"to": Lines(geometry, np.column_stack([there, back]), node),
                "from": Lines(geometry, np.column_stack([back, there]), node)}

    def _pace(self, ms: Array, length_m: Array) -> Array:
        """Give ms per metre (negative where closed), and how far ahead of the foot the best leg runs, per metre of h.

        Where the edge is slower than the walk beside it, the best leg runs ahead without end: to where the edge ends.
        """
        a = np.where(ms < 0, -1.0, np.where(length_m > 0, ms / np.where(length_m > 0, length_m, 1.0), 0.0))
        square = self.walk_ms_per_m**2 - a**2
        ahead = np.where(square > 0, a / np.sqrt(np.where(square > 0, square, 1.0)), np.inf)
        return np.column_stack([a, ahead])

    @cached_property
    def index(self) -> Index:
        """Give a coarse grid over the joinable edges."""
        geometry = self.lines["to"].geometry
        x0, y0, length = geometry[:, 0], geometry[:, 1], geometry[:, 4]
        return Index.over(x0, y0, x0 + geometry[:, 2] * length, y0 + geometry[:, 3] * length)

    def used_nodes(self) -> Array:
        """Mark the nodes that the mode's edges touch."""
        used = np.zeros(len(self.node_xy_m), dtype=bool)
        used[self.edges.u] = used[self.edges.v] = True
        return used


@dataclass(frozen=True)
class Joined:
    """Doors of all layers joined to the edges of one net."""

    door: Array
    edge: Array
    value: Array
    snap_m: Array

    def take(self, keep: Array) -> Joined:
        """Keep some joints."""
        return Joined(self.door[keep], self.edge[keep], self.value[keep], self.snap_m)

    def by_edge(self, doors: _Stack, net: Net) -> Joints:
        """Lay the joints out in rows by edge, as the kernels read them."""
        order = np.argsort(self.edge, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(self.edge, minlength=len(net.lines["to"].node)))])
        door = self.door[order]
        return Joints(start, self.value[order], doors.xy_m[door], doors.layer[door], doors.label[door])


@dataclass(frozen=True)
class Part:
    """One net with solved node states: where a point may join, and what it finds there.

    Attributes
    ----------
    net : Net
    ends : (edges, 2, layers) uint64
        States of the ends of each joinable edge.
    joints : Joined
        The doors that can matter to a point on their edge.
    extra_ms : float
    states : (nodes, layers) uint64
        Packed states of all nodes.
    seeds : Joined
        All doors, from which the search began.
    """

    net: Net
    ends: Array
    joints: Joined
    extra_ms: float
    states: Array
    seeds: Joined

    @classmethod
    def of(cls, net: Net, states: Array, joints: Joined, doors: _Stack, direction: Direction, *,
           extra_ms: float = 0.0, open_ground: bool) -> Part:
        """Bring states and joints together; on open ground without the joints that cannot matter to any point."""
        needed = joints
        if open_ground:
            needed = joints.take(_needed(net.lines[direction], states, joints, doors, extra_ms))
        return cls(net, np.ascontiguousarray(states[net.lines[direction].node]), needed, extra_ms, states, joints)


def _needed(lines: Lines, states: Array, joints: Joined, doors: _Stack, extra_ms: float) -> Array:
    """Mark the joints that can matter to a point on their own edge where no leg is blocked.

    Where the road is left for the door at place q, going on to the end of the edge and over the roads may be faster
    than the leg from there. As q is where leg and travel together are least, it then is faster from every place of the
    edge, and the joint is only needed as a seed of the search. Where legs may be blocked that does not follow.
    """
    edge = joints.edge
    length, column = lines.geometry[edge, 4], doors.layer[joints.door]
    keep = np.ones(len(edge), dtype=bool)
    for way in (0, 1):
        place, ms, pace = joints.value[:, 2 * way], joints.value[:, 2 * way + 1], lines.pace[edge, 2 * way]
        before = place if way == 0 else length - place
        onward = unpack(states[lines.node[edge, 1 - way], column])[0] + pace * (length - before)
        keep &= ~(np.isfinite(ms) & (ms - pace * before + extra_ms > onward + 1.0))  # times are whole milliseconds
    return keep


@dataclass(frozen=True)
class Field:
    """The times to the facilities of some layers, solved on the roads and ready for any point.

    Attributes
    ----------
    direction : str
    door_snap_m : list of (k,) float64
        Per layer, the shortest unblocked leg of each door; infinite where it cannot be joined.
    parts : tuple of Part
        What is walked, and by vehicle what is driven.
    afoot : (nodes, layers) uint64, optional
        By vehicle, the states of the nodes for who walks all the way.
    """

    direction: Direction
    walk: TravelMode
    barriers: BarrierGrid
    parts: tuple[Part, ...]
    doors: _Stack
    door_snap_m: list[Array]
    afoot: Array | None = None

    def reach(self, xy_m: Array, *, want_snap: bool = True) -> Reach:
        """Give the times of points.

        Parameters
        ----------
        xy_m : (n, 2) float64
        want_snap : bool
            Also find the shortest leg; the surface does without.
        """
        xs, ys = (np.ascontiguousarray(column, dtype=np.float64) for column in np.asarray(xy_m).reshape(-1, 2).T)
        best = np.full((len(xs), self.doors.layer_count), _CLOSED_STATE)
        snap = np.full(len(xs), np.inf)
        walls, walk = self.barriers.walls, walk_of(self.walk)
        around.reach_doors(xs, ys, best, snap, want_snap, *self.doors.columns, self.doors.index, walls, walk)
        for part in self.parts:
            around.reach_edges(xs, ys, best, snap, want_snap, part.net.lines[self.direction], part.net.index, part.ends,
                               part.joints.by_edge(self.doors, part.net), walls, walk, part.extra_ms)
        ms, label = unpack(best)
        return Reach(ms, label, snap)


@dataclass(frozen=True)
class _Stack:
    """The doors of several layers in one table."""

    xy_m: Array
    layer: Array
    label: Array
    layer_count: int

    @classmethod
    def of(cls, layers: Sequence[Doors]) -> _Stack:
        xy = np.concatenate([np.empty((0, 2)), *(np.asarray(doors.xy_m).reshape(-1, 2) for doors in layers)])
        which = np.repeat(np.arange(len(layers)), [len(doors.label) for doors in layers])
        label = np.concatenate([np.empty(0, np.int64), *(doors.label for doors in layers)]).astype(np.uint64)
        return cls(np.ascontiguousarray(xy), which, label, len(layers))

    @property
    def columns(self) -> tuple[Array, Array, Array, Array]:
        x, y = (np.ascontiguousarray(column) for column in self.xy_m.T)
        return x, y, self.layer, self.label

    @cached_property
    def index(self) -> Index:
        x, y, _, _ = self.columns
        return Index.over(x, y, x, y)


class Access:
    """Roads prepared for questions: one net per mode and slope, barriers, and the solver of fields.

    Parameters
    ----------
    network : RoadNetwork
    modes : dict
        Name -> TravelMode.
    barriers : BarrierGrid, optional
    """

    def __init__(self, network: RoadNetwork, modes: dict[str, TravelMode], barriers: BarrierGrid | None = None) -> None:
        self.network, self.modes = network, modes
        self.barriers = barriers or BarrierGrid.open_ground()
        self._nets: dict[tuple[str, str], Net] = {}

    def net(self, mode: TravelMode, slope: str | None = None) -> Net:
        """Give the net of a mode, built once; `slope` overrides the mode's own."""
        slope = (slope or mode.slope) if mode.on_foot else "none"
        key = (mode.name, slope)
        if key not in self._nets:
            walk = mode if mode.on_foot else self.modes[mode.walk_mode]
            self._nets[key] = Net.build(self.network, mode, slope, walk)
        return self._nets[key]

    def faster(self, mode_name: str, ratio: float) -> tuple[Access, str]:
        """Give roads on which a vehicle goes faster by a ratio, and the name of its mode there.

        Posted limits move with it, ferries do not; the nets of the other modes are shared.
        """
        mode, name, roads = self.modes[mode_name], f"{mode_name} x {ratio:.6f}", self.network
        speeds = MappingProxyType({road: kph * ratio for road, kph in mode.speeds_kph.items()})
        mode = replace(mode, name=name, speeds_kph=speeds, if_allowed_kph=mode.if_allowed_kph * ratio)
        network = replace(roads, maxspeed_kph=roads.maxspeed_kph * ratio,
                          speed_kph=np.where(roads.ferry, roads.speed_kph, roads.speed_kph * ratio))
        return self._beside(mode, network), name

    def in_metres(self, mode_name: str) -> tuple[Access, str]:
        """Give roads on which a walk takes a minute for every 100 m, however steep, and the name of its mode there."""
        mode, name = self.modes[mode_name], f"{mode_name} in metres"
        kph = 6.0
        speeds = MappingProxyType({road: kph if speed > 0 else 0.0 for road, speed in mode.speeds_kph.items()})
        mode = replace(mode, name=name, speeds_kph=speeds, off_road_kph=kph, slope="none",
                       if_allowed_kph=kph if mode.if_allowed_kph > 0 else 0.0)
        network = replace(self.network, speed_kph=np.full(len(self.network), np.nan))
        return self._beside(mode, network), name

    def _beside(self, mode: TravelMode, network: RoadNetwork) -> Access:
        """Give a further mode on the same roads, with speeds of its own; the nets of the others are shared."""
        other = Access(network, {**self.modes, mode.name: mode}, self.barriers)
        other._nets = dict(self._nets)
        return other

    def solve(self, mode_name: str, layers: Sequence[Doors], *, direction: Direction,
              slope: str | None = None) -> Field:
        """Solve the times to the nearest facility of each layer.

        On foot: one search from the doors. By vehicle: walk from the doors to the roads, drive, add the terminal
        time, and walk on from there, so that a village at the end of a footpath is reached; who is faster on foot
        walks all the way.

        Parameters
        ----------
        mode_name : str
        layers : sequence of Doors
        direction : str
            ``to`` the facility or ``from`` it.
        slope : str or None
            ``tobler`` or ``none`` for the walk; None takes the mode's own.
        """
        mode = self.modes[mode_name]
        walk = mode if mode.on_foot else self.modes[mode.walk_mode]
        stack = _Stack.of(layers)
        foot_net = self.net(walk, slope)
        on_foot = self._join(foot_net, stack, walk, direction)
        states = spread_columns(foot_net.graph, _seed(foot_net, stack, on_foot), direction=direction)
        part = partial(Part.of, doors=stack, direction=direction, open_ground=not self.barriers.blocked.any())
        if mode.on_foot:
            parts: tuple[Part, ...] = (part(foot_net, states, on_foot),)
            snaps = on_foot.snap_m
        else:
            wheel_net, extra_ms = self.net(mode), float(round(mode.terminal_min * 60_000))
            by_wheel = self._join(wheel_net, stack, walk, direction)
            seeds = np.where(wheel_net.used_nodes()[:, None], states, _CLOSED_STATE)
            driven = spread_columns(wheel_net.graph, np.minimum(seeds, _seed(wheel_net, stack, by_wheel)),
                                    direction=direction)
            driven = _later(driven, int(extra_ms))
            walked = spread_columns(foot_net.graph, np.minimum(states, driven), direction=direction)
            parts = (part(foot_net, walked, on_foot), part(wheel_net, driven, by_wheel, extra_ms=extra_ms))
            snaps = np.minimum(on_foot.snap_m, by_wheel.snap_m)
        per_layer = [snaps[stack.layer == layer] for layer in range(len(layers))]
        return Field(direction, walk, self.barriers, parts, stack, per_layer, None if mode.on_foot else states)

    def _join(self, net: Net, stack: _Stack, walk: TravelMode, direction: Direction) -> Joined:
        x, y, _, _ = stack.columns
        which, value, snap = legs.join_doors(x, y, net.lines[direction], net.index, self.barriers.walls, walk_of(walk))
        return Joined(which[:, 0], which[:, 1], value, snap)


def _seed(net: Net, stack: _Stack, joints: Joined) -> Array:
    """Give the nodes the times of the doors joined to their edges."""
    states = np.full((len(net.node_xy_m), stack.layer_count), _CLOSED_STATE)
    ends = net.lines["to"].node.T
    layer, label = stack.layer[joints.door], stack.label[joints.door]
    for end, column in zip(ends, (1, 3), strict=True):
        ms = joints.value[:, column]
        known = np.isfinite(ms)
        np.minimum.at(states, (end[joints.edge[known]], layer[known]), pack(np.rint(ms[known]), label[known]))
    return states


def walk_of(mode: TravelMode) -> Walk:
    """Give the walk off the road, as the kernels read it."""
    return Walk(3600.0 / mode.off_road_kph, mode.snap_limit_m)


def _later(states: Array, ms: int) -> Array:
    """Add a time to every state that is reached."""
    return np.where(states == _CLOSED_STATE, states, states + (np.uint64(ms) << np.uint64(32)))
