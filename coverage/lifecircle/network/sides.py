"""Search from single facilities over the net of the walk and that of the vehicle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from lifecircle.network import legs, within
from lifecircle.network.access import Access, Doors, Net
from lifecircle.network.legs import Joints, Lines, Walk, Walls
from lifecircle.network.links import UNREACHED, Arcs
from lifecircle.network.modes import TravelMode
from lifecircle.network.search import Direction
from lifecircle.network.within import Room

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Side:
    """One net with the doors of all facilities joined to it.

    Attributes
    ----------
    lines : Lines
        Joinable edges; their nodes in the graph's own order, as all node numbers here.
    start, edge, value
        Joints in rows by facility.
    extra_ms : int
        Added to every trip by this net.
    """

    net: Net
    lines: Lines
    arcs: Arcs
    extent: Array
    start: Array
    edge: Array
    door: Array
    value: Array
    used: Array
    extra_ms: int

    @classmethod
    def of(cls, net: Net, direction: Direction, *, extra_ms: int = 0) -> Side:
        """Prepare a net; no facility is joined to it yet."""
        graph, given = net.graph, net.lines[direction]
        lines = Lines(given.geometry, given.pace, graph.position[given.node].astype(np.int32))
        arcs = (Arcs(graph.in_start, graph.in_tail, graph.in_ms) if direction == "to"
                else Arcs(graph.out_start, graph.out_head, graph.out_ms))
        xy = np.empty_like(net.node_xy_m)
        xy[graph.position] = net.node_xy_m
        used = np.empty(len(xy), dtype=bool)
        used[graph.position] = net.used_nodes()
        none = np.empty(0, np.int64)
        return cls(net, lines, arcs, within.extents(arcs, xy), np.zeros(1, np.int64), none, none, np.empty((0, 4)),
                   used, extra_ms)

    def join(self, doors: Doors, facility: Array, walls: Walls, walk: Walk) -> Side:
        """Join the doors of facilities (numbered from 0) to the net."""
        x, y = (np.ascontiguousarray(column) for column in doors.xy_m.T)
        which, value, _ = legs.join_doors(x, y, self.lines, self.net.index, walls, walk)
        order = np.argsort(facility[which[:, 0]], kind="stable")
        start = np.searchsorted(facility[which[order, 0]], np.arange(facility.max(initial=-1) + 2))
        return replace(self, start=start, edge=which[order, 1], door=which[order, 0], value=value[order])

    @cached_property
    def seeds(self) -> tuple[Array, Array]:
        """Give nodes and milliseconds, two of each per joint."""
        ms = self.value[:, [1, 3]]
        known = np.minimum(np.where(np.isfinite(ms), ms, UNREACHED), UNREACHED)
        return self.lines.node[self.edge], np.rint(known).astype(np.int32)

    def mine(self, facility: int | None) -> slice:
        """Give where a facility's joints are; None: those of all."""
        return slice(None) if facility is None else slice(self.start[facility], self.start[facility + 1])

    def joined(self, facility: int, door_xy_m: Array) -> tuple[Lines, Array, Joints]:
        """Give the edges that a facility is joined to, one for each joint, their numbers, and the joints."""
        mine = self.mine(facility)
        edge = self.edge[mine]
        lines = Lines(self.lines.geometry[edge], self.lines.pace[edge], self.lines.node[edge])
        joints = Joints(np.arange(len(edge) + 1), self.value[mine], door_xy_m[self.door[mine]],
                        np.zeros(len(edge), np.int64), np.zeros(len(edge), np.uint64))
        return lines, edge, joints

    def room(self) -> Room:
        """Make room for a search; nothing is reached."""
        return Room.of(len(self.extent))


def sides_of(access: Access, mode: TravelMode, on_foot: TravelMode, slope: str | None, direction: Direction,
             ) -> tuple[Side, ...]:
    """Prepare the net of the walk and, by vehicle, its own."""
    walking = Side.of(access.net(on_foot, slope), direction)
    if mode.on_foot:
        return (walking,)
    return (walking, Side.of(access.net(mode), direction, extra_ms=round(mode.terminal_min * 60_000)))


def search(sides: tuple[Side, ...], rooms: list[Room], limit_ms: int, facility: int | None) -> list[Array]:
    """Search from the doors of one facility, or of all: walk, then drive, then walk on; times are lowered in place.

    Returns
    -------
    list of (k,) int32
        Per side, the nodes reached.
    """
    walking, *driving = sides
    found = [within.spread_within(walking.arcs, rooms[0], *_seeds(walking, facility), limit_ms)]
    for wheels in driving:
        seed, seed_ms = _seeds(wheels, facility)
        board = found[0][wheels.used[found[0]]]
        driven = within.spread_within(wheels.arcs, rooms[1], np.concatenate([seed, board]),
                                      np.concatenate([seed_ms, rooms[0].ms[board]]), limit_ms - wheels.extra_ms)
        more = within.spread_within(walking.arcs, rooms[0], driven, rooms[1].ms[driven] + wheels.extra_ms, limit_ms)
        found = [np.concatenate([found[0], more]), driven]
    return found


def _seeds(side: Side, facility: int | None) -> tuple[Array, Array]:
    seed, seed_ms = side.seeds
    mine = side.mine(facility)
    return seed[mine].ravel(), seed_ms[mine].ravel()


def around(sides: tuple[Side, ...], rooms: list[Room], found: list[Array], facility: int | None, doors_m: Array,
           limit_ms: int, walk: Walk) -> tuple[float, ...]:
    """Give the box of all that may be reached: over the nodes, along the edges of the doors, and straight from them."""
    reach_m = min(walk.limit_m, limit_ms / walk.ms_per_m)
    low, high = doors_m.min(axis=0, initial=np.inf) - reach_m, doors_m.max(axis=0, initial=-np.inf) + reach_m
    box = np.concatenate([low, high])
    for side, room, nodes in zip(sides, rooms, found, strict=True):
        within.widen(box, side.extent, nodes, room.ms, limit_ms - side.extra_ms, walk)
        joined = side.lines.geometry[side.edge[side.mine(facility)]]
        ends = np.concatenate([joined[:, :2], joined[:, :2] + joined[:, 2:4] * joined[:, 4:]])
        box = np.concatenate([np.minimum(box[:2], ends.min(axis=0, initial=np.inf) - reach_m),
                              np.maximum(box[2:], ends.max(axis=0, initial=-np.inf) + reach_m)])
    return tuple(box) if np.isfinite(box).all() else (0.0, 0.0, 0.0, 0.0)
