"""Give the times between every place and every facility within a cutoff, as one sparse table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.network import legs, links, within
from lifecircle.network.access import Access, Doors
from lifecircle.network.graph import MAX_MS
from lifecircle.network.index import Index
from lifecircle.network.legs import Walk, Walls
from lifecircle.network.links import UNREACHED, Blocks, Rows
from lifecircle.network.raster import Raster
from lifecircle.network.search import Direction
from lifecircle.network.sides import Side, search, sides_of
from lifecircle.network.within import Room

Array = npt.NDArray[Any]
_CLOSED_STATE = np.uint64(0xFFFFFFFFFFFFFFFF)
#: Places are linked together block by block of a raster of this cell size.
_CELL_M = 50.0
#: What a product of floats may lack of a whole millisecond.
_HAIR_MS = 1e-6


@dataclass(frozen=True)
class Pairs:
    """Places and facilities within a cutoff of each other, ordered by place, then time, then facility.

    Attributes
    ----------
    place : (m,) int64
        Row of the place.
    facility : (m,) int64
        Label of the facility.
    ms : (m,) int64
        Milliseconds of the trip, legs included.
    """

    place: Array
    facility: Array
    ms: Array

    @property
    def minutes(self) -> Array:
        """Give the minutes of each pair."""
        return np.asarray(self.ms / 60_000.0)

    @classmethod
    def of(cls, place: Array, facility: Array, ms: Array) -> Pairs:
        """Put pairs in order."""
        order = np.lexsort((facility, ms, place))
        return cls(place[order], facility[order], ms[order])

    def take(self, keep: Array) -> Pairs:
        """Keep some pairs, in their order."""
        return Pairs(self.place[keep], self.facility[keep], self.ms[keep])

    def worse(self, other: Pairs) -> Pairs:
        """Give the pairs that both hold, with the later of their times."""
        width = int(max(self.facility.max(initial=0), other.facility.max(initial=0))) + 1
        _, mine, theirs = np.intersect1d(self.place * width + self.facility, other.place * width + other.facility,
                                         assume_unique=True, return_indices=True)
        return Pairs.of(self.place[mine], self.facility[mine], np.maximum(self.ms[mine], other.ms[theirs]))


def pair_times(access: Access, mode_name: str, layers: Sequence[Doors], places_m: Array, cutoff_min: float, *,
               direction: Direction | Literal["worse"], slope: str | None = None, threads: int | None = None,
               ) -> list[Pairs]:
    """Find, per layer, all pairs of a place and a facility within a cutoff, by the same times as `Access.solve`.

    Parameters
    ----------
    access : Access
    mode_name : str
    layers : sequence of Doors
        Doors of one label are one facility.
    places_m : (n, 2) float64
    cutoff_min : float
        At most this many minutes.
    direction : str
        ``to`` the facility, ``from`` it, or the ``worse`` of both.
    slope : str or None
        ``tobler`` or ``none`` for the walk; None takes the mode's own.
    threads : int, optional
        Default: one per core.

    Returns
    -------
    list of Pairs
        Places and facilities that do not reach each other in time have no row.
    """
    if direction == "worse":
        both = [pair_times(access, mode_name, layers, places_m, cutoff_min, direction=way, slope=slope,
                           threads=threads) for way in ("to", "from")]
        return [there.worse(back) for there, back in zip(*both, strict=True)]
    linked = LinkedPlaces.link(access, mode_name, places_m, direction=direction, slope=slope, threads=threads)
    return [linked.pairs(doors, cutoff_min) for doors in layers]


@dataclass(frozen=True)
class LinkedPlaces:
    """Places linked to the roads of one mode, to be asked about any facilities.

    Links do not depend on the facilities, so that these may come, go and move between questions.
    """

    access: Access
    walk: Walk
    sides: tuple[Side, ...]
    places: Blocks
    index: Index
    rows: tuple[Rows, ...]
    threads: int
    spare: SimpleQueue[list[Room]]

    @classmethod
    def link(cls, access: Access, mode_name: str, places_m: Array, *, direction: Direction, slope: str | None = None,
             threads: int | None = None) -> LinkedPlaces:
        """Link (n, 2) places in metres to the roads of a mode; arguments as in `pair_times`."""
        mode, places_m = access.modes[mode_name], np.asarray(places_m, dtype=np.float64).reshape(-1, 2)
        on_foot = mode if mode.on_foot else access.modes[mode.walk_mode]
        walk, count = Walk(3600.0 / on_foot.off_road_kph, on_foot.snap_limit_m), threads or os.cpu_count() or 1
        bounds = (*places_m.min(axis=0), *places_m.max(axis=0)) if len(places_m) else (0.0, 0.0, 0.0, 0.0)
        places = Blocks.of(places_m, Raster.over(shapely.box(*bounds), _CELL_M))
        sides = sides_of(access, mode, on_foot, slope, direction)
        rows = tuple(_link(side, places, access.barriers.walls, walk, count) for side in sides)
        index = Index.over(places.x_m, places.y_m, places.x_m, places.y_m)
        return cls(access, walk, sides, places, index, rows, count, SimpleQueue())

    def pairs(self, doors: Doors, cutoff_min: float) -> Pairs:
        """Find all pairs of a place and a facility (doors of one label) within a cutoff."""
        limit_ms = _limit_ms(cutoff_min)
        labels, facility = np.unique(doors.label, return_inverse=True)
        sides, doors_m = self._join(doors, facility)

        def search_from(number: int) -> tuple[Array, Array]:
            ms = self._ask(sides, doors_m, doors_m[facility == number], number, limit_ms)
            hit = np.flatnonzero(ms <= limit_ms)
            return self.places.order[hit], ms[hit]

        with ThreadPoolExecutor(self.threads) as pool:
            found = list(pool.map(search_from, range(len(labels))))
        empty = np.empty(0, np.int64)
        place, ms = (np.concatenate([empty, *(part[i] for part in found)]) for i in (0, 1))
        return Pairs.of(place, np.repeat(labels, [len(part[0]) for part in found]).astype(np.int64), ms)

    def nearest_ms(self, doors: Doors, cutoff_min: float) -> Array:
        """Give the (n,) milliseconds of each place to the nearest door; 2**31 - 1 beyond the cutoff."""
        limit_ms = _limit_ms(cutoff_min)
        sides, doors_m = self._join(doors, np.zeros(len(doors.label), np.int64))
        asked, ms = self._ask(sides, doors_m, doors_m, 0, limit_ms), np.empty(len(self.places.order), np.int64)
        ms[self.places.order] = np.where(asked <= limit_ms, asked, MAX_MS)
        return ms

    def snap_m(self, doors: Doors) -> Array:
        """Give the (k,) shortest unblocked leg of each door to a road; infinite where it cannot be joined."""
        x, y = (np.ascontiguousarray(column) for column in np.asarray(doors.xy_m, dtype=np.float64).reshape(-1, 2).T)
        walls = self.access.barriers.walls
        snaps = [legs.join_doors(x, y, side.lines, side.net.index, walls, self.walk)[2] for side in self.sides]
        return np.asarray(np.min(snaps, axis=0))

    def _join(self, doors: Doors, facility: Array) -> tuple[tuple[Side, ...], Array]:
        doors = Doors(np.asarray(doors.xy_m, dtype=np.float64).reshape(-1, 2), doors.label)
        walls = self.access.barriers.walls
        return tuple(side.join(doors, facility, walls, self.walk) for side in self.sides), doors.xy_m

    def _ask(self, sides: tuple[Side, ...], doors_m: Array, own_m: Array, facility: int, limit_ms: int) -> Array:
        """Give the milliseconds from every place, in the order of the blocks, to one facility."""
        states, walls = np.full((len(self.places.order), 1), _CLOSED_STATE), self.access.barriers.walls
        if len(own_m):
            rooms = self._rooms()
            nodes = search(sides, rooms, limit_ms, facility)
            for side, room, rows, reached in zip(sides, rooms, self.rows, nodes, strict=True):
                lines, _, joints = side.joined(facility, doors_m)
                within.look_out_from(states, reached, rows, room.ms, side.extra_ms)
                within.look_near(states, self.places.x_m, self.places.y_m, self.index, own_m, lines, joints, walls,
                                 self.walk, side.extra_ms)
                room.ms[reached] = UNREACHED
            self.spare.put(rooms)
        return np.asarray((states[:, 0] >> np.uint64(32)).astype(np.int64))

    def _rooms(self) -> list[Room]:
        """Give room for the searches: that which another question is done with, or new."""
        try:
            return self.spare.get_nowait()
        except Empty:
            return [side.room() for side in self.sides]


def whole_ms(cutoff_min: npt.ArrayLike) -> Array:
    """Give the last whole milliseconds that are in time for cutoffs in minutes, as float64.

    4.1 min are 246,000 ms, though the product of floats lies a hair below.
    """
    return np.asarray(np.floor(np.asarray(cutoff_min, dtype=np.float64) * 60_000.0 + _HAIR_MS))


def _limit_ms(cutoff_min: float) -> int:
    return int(np.clip(whole_ms(cutoff_min), -1, MAX_MS - 1))


def _link(side: Side, places: Blocks, walls: Walls, walk: Walk, threads: int) -> Rows:
    """Link the places to the nodes of one net; the rows are those of the nodes, and name the places."""
    cuts = np.searchsorted(places.first, np.linspace(0, len(places.order), threads + 1))
    cuts[-1] = len(places.first) - 1
    with ThreadPoolExecutor(threads) as pool:
        pieces = pool.map(lambda begin, end: links.link_blocks(places, begin, end, side.lines, side.net.index,
                                                               side.arcs, walls, walk), cuts[:-1], cuts[1:])
        count, node, ms = (np.concatenate(column) for column in zip(*pieces, strict=True))
    order, place = np.argsort(node, kind="stable"), np.repeat(np.arange(len(count), dtype=np.int32), count)
    return Rows(np.searchsorted(node[order], np.arange(len(side.extent) + 1)), place[order], ms[order])
