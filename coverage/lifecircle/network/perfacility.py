"""Draw one service area per facility: what each facility alone reaches in time.

The cells of the raster are linked to the roads once (`links`). Each facility then needs a search that stops at the
last cutoff and one look at the links of the cells around it; facilities are shared out over threads.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from queue import Empty, SimpleQueue
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.network import legs, links
from lifecircle.network.access import Access, Doors, Net
from lifecircle.network.legs import Index, Joints, Lines, Walk, Walls
from lifecircle.network.links import UNREACHED, Arcs, Links
from lifecircle.network.modes import TravelMode
from lifecircle.network.search import Direction, unpack
from lifecircle.network.surface import Raster, cut

Array = npt.NDArray[Any]
_CLOSED_STATE = np.uint64(0xFFFFFFFFFFFFFFFF)
_FAR_BOX = (np.inf, np.inf, -np.inf, -np.inf)
#: The cells are linked in this many pieces a thread, so that no thread waits long for the last.
_PIECES = 4


def facility_areas(access: Access, mode_name: str, doors: Doors, cutoffs_min: Sequence[float], *,
                   direction: Direction, cell_m: float = 50.0, slope: str | None = None,
                   area: shapely.Geometry | None = None, threads: int | None = None) -> gpd.GeoDataFrame:
    """Draw the service areas of every facility by itself.

    Parameters
    ----------
    access : Access
    mode_name : str
    doors : Doors
        Doors of one label are one facility.
    cutoffs_min : sequence of float
    direction : str
        ``to`` the facility or ``from`` it.
    cell_m : float
        Cell size of the raster.
    slope : str or None
        ``tobler`` or ``none`` for the walk; None takes the mode's own.
    area : Geometry, optional
        Areas are cut off at its outline.
    threads : int, optional
        Default: one per core.

    Returns
    -------
    GeoDataFrame
        facility (label), cutoff (minutes), area_km2, geometry (valid MultiPolygon, empty where nothing is in time);
        ordered by facility and cutoff. Of one facility the smaller cutoff lies within the larger.
    """
    cutoffs = sorted(float(cutoff_min) for cutoff_min in cutoffs_min)
    count = threads or os.cpu_count() or 1
    times = FacilityTimes.solve(access, mode_name, doors, max(cutoffs, default=0.0), direction=direction,
                                cell_m=cell_m, slope=slope, threads=count)

    def draw(facility: int) -> list[tuple[int, float, shapely.Geometry]]:
        part, minutes = times.minutes(facility)
        label, bounds = int(times.labels[facility]), part.box if area is None else area
        return [(label, cutoff_min, cut(minutes, cutoff_min, part.raster, bounds)) for cutoff_min in cutoffs]

    with ThreadPoolExecutor(count) as pool:
        rows = [row for drawn in pool.map(draw, range(len(times.labels))) for row in drawn]
    frame = gpd.GeoDataFrame(rows, columns=["facility", "cutoff", "geometry"], geometry="geometry",
                             crs=access.network.crs)
    frame["area_km2"] = frame.area / 1e6
    return frame[["facility", "cutoff", "area_km2", "geometry"]]


@dataclass(frozen=True)
class Part:
    """A part of a raster: its place, and where its first cell lies in the whole."""

    raster: Raster
    first_row: int
    first_column: int

    @property
    def box(self) -> shapely.Polygon:
        """Give the outline."""
        west, north, cell, rows, columns = self.raster
        return shapely.box(west, north - rows * cell, west + columns * cell, north)

    @classmethod
    def of(cls, whole: Raster, bounds: Iterable[float]) -> Part:
        """Take the cells in a box (west, south, east, north) and two more around it."""
        west, south, east, north = bounds
        top = max(int((whole.north_m - north) / whole.cell_m) - 2, 0)
        bottom = min(int((whole.north_m - south) / whole.cell_m) + 3, whole.rows)
        left = max(int((west - whole.west_m) / whole.cell_m) - 2, 0)
        right = min(int((east - whole.west_m) / whole.cell_m) + 3, whole.columns)
        raster = Raster(whole.west_m + left * whole.cell_m, whole.north_m - top * whole.cell_m, whole.cell_m,
                        bottom - top, right - left)
        return cls(raster, top, left)


@dataclass(frozen=True)
class _Side:
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
    xy_m: Array
    start: Array
    edge: Array
    door: Array
    value: Array
    used: Array
    extra_ms: int
    diagonal: bool

    @classmethod
    def of(cls, net: Net, doors: Doors, facility: Array, walls: Walls, walk: Walk, direction: Direction, *,
           extra_ms: int = 0, diagonal: bool = True) -> _Side:
        graph, given = net.graph, net.lines[direction]
        lines = Lines(given.geometry, given.pace, graph.position[given.node].astype(np.int32))
        arcs = (Arcs(graph.in_start, graph.in_tail, graph.in_ms) if direction == "to"
                else Arcs(graph.out_start, graph.out_head, graph.out_ms))
        xy = np.empty_like(net.node_xy_m)
        xy[graph.position] = net.node_xy_m
        used = np.empty(len(xy), dtype=bool)
        used[graph.position] = net.used_nodes()
        x, y = (np.ascontiguousarray(column) for column in doors.xy_m.T)
        which, value, _ = legs.join_doors(x, y, given, net.index, walls, walk)
        order = np.argsort(facility[which[:, 0]], kind="stable")
        start = np.searchsorted(facility[which[order, 0]], np.arange(facility.max(initial=-1) + 2))
        return cls(net, lines, arcs, xy, start, which[order, 1], which[order, 0], value[order], used,
                   extra_ms, diagonal)

    @cached_property
    def seeds(self) -> tuple[Array, Array]:
        """Give nodes and milliseconds, two of each per joint."""
        ms = self.value[:, [1, 3]]
        known = np.minimum(np.where(np.isfinite(ms), ms, UNREACHED), UNREACHED)
        return self.lines.node[self.edge].ravel(), np.rint(known).astype(np.int32).ravel()

    def joined(self, facility: int, door_xy_m: Array) -> tuple[Lines, Joints]:
        """Give the edges that a facility is joined to, one for each joint, and its joints in the same order."""
        mine = slice(self.start[facility], self.start[facility + 1])
        edge, count = self.edge[mine], self.start[facility + 1] - self.start[facility]
        lines = Lines(self.lines.geometry[edge], self.lines.pace[edge], self.lines.node[edge])
        joints = Joints(np.arange(count + 1), self.value[mine], door_xy_m[self.door[mine]], np.zeros(count, np.int64),
                        np.zeros(count, np.uint64))
        return lines, joints

    def blank(self) -> Array:
        """Give times for every node, none reached."""
        return np.full(len(self.xy_m), UNREACHED)


@dataclass(frozen=True)
class FacilityTimes:
    """Everything that the times to single facilities need, up to a cutoff.

    Attributes
    ----------
    labels : (f,) int64
        The facilities.
    raster : Raster
        Over all that is reached.
    """

    labels: Array
    raster: Raster
    sides: tuple[_Side, ...]
    links: tuple[Links, ...]
    doors: Doors
    facility: Array
    walls: Walls
    walk: Walk
    limit_ms: int
    spare: SimpleQueue[list[Array]]

    @classmethod
    def solve(cls, access: Access, mode_name: str, doors: Doors, cutoff_min: float, *, direction: Direction,
              cell_m: float, slope: str | None = None, threads: int = 1) -> FacilityTimes:
        """Join the doors, and link every cell that any facility may reach in time.

        Times a little over the cutoff are found too: the walk from a cell to its neighbour, so that the outline falls
        between the two as it does on the whole surface.
        """
        mode = access.modes[mode_name]
        on_foot = mode if mode.on_foot else access.modes[mode.walk_mode]
        walk, walls = Walk(3600.0 / on_foot.off_road_kph, on_foot.snap_limit_m), access.barriers.walls
        limit_ms = int(cutoff_min * 60_000.0 + np.ceil(np.sqrt(2.0) * cell_m * walk.ms_per_m))
        labels, facility = np.unique(doors.label, return_inverse=True)
        doors = Doors(np.asarray(doors.xy_m, dtype=np.float64).reshape(-1, 2), doors.label)
        sides = _sides(access, mode, on_foot, slope, doors, facility, walls, walk, direction)
        reached = [side.blank() for side in sides]
        bounds, _ = _search(sides, reached, limit_ms, None)
        raster = Raster.over(shapely.box(*_around(bounds, doors.xy_m, walk.limit_m)), cell_m)
        with ThreadPoolExecutor(threads) as pool:
            linked = tuple(_link(side, ms, raster, limit_ms, walls, walk, pool, threads)
                           for side, ms in zip(sides, reached, strict=True))
        return cls(labels, raster, sides, linked, doors, facility, walls, walk, limit_ms, SimpleQueue())

    def minutes(self, facility: int) -> tuple[Part, Array]:
        """Compute the surface of one facility.

        Returns
        -------
        Part
            Where the surface lies: around all that the facility reaches.
        (rows, columns) float64
            Minutes; NaN where it is not reached in time.
        """
        doors_m = self.doors.xy_m[self.facility == facility]
        ms = self._times()
        bounds, found = _search(self.sides, ms, self.limit_ms, facility)
        part = Part.of(self.raster, _around(bounds, doors_m, self.walk.limit_m))
        best = np.full((part.raster.rows * part.raster.columns, 1), _CLOSED_STATE)
        links.look_straight(best, part.raster, doors_m, self.walls, self.walk)
        for side, times, linked, nodes in zip(self.sides, ms, self.links, found, strict=True):
            links.look_up(best, part.first_row, part.first_column, part.raster, linked, times, side.extra_ms)
            links.look_along(best, part.raster, *side.joined(facility, self.doors.xy_m), self.walls, self.walk,
                             side.extra_ms, side.diagonal)
            times[nodes] = UNREACHED
        self.spare.put(ms)
        found_ms = unpack(best)[0].reshape(part.raster.rows, part.raster.columns)
        return part, np.where(found_ms <= self.limit_ms, found_ms / 60_000.0, np.nan)

    def _times(self) -> list[Array]:
        """Give times for every node of each side, none reached: those that another facility is done with, or new."""
        try:
            return self.spare.get_nowait()
        except Empty:
            return [side.blank() for side in self.sides]


def _sides(access: Access, mode: TravelMode, on_foot: TravelMode, slope: str | None, doors: Doors, facility: Array,
           walls: Walls, walk: Walk, direction: Direction) -> tuple[_Side, ...]:
    walking = _Side.of(access.net(on_foot, slope), doors, facility, walls, walk, direction)
    if mode.on_foot:
        return (walking,)
    extra_ms = int(mode.terminal_min * 60_000.0)
    return (walking, _Side.of(access.net(mode), doors, facility, walls, walk, direction, extra_ms=extra_ms,
                              diagonal=False))


def _search(sides: tuple[_Side, ...], ms: list[Array], limit_ms: int, facility: int | None,
            ) -> tuple[Array, list[Array]]:
    """Search from the doors of one facility, or of all: walk, then drive, then walk on; `ms` is changed in place.

    Returns
    -------
    (4,) float64
        West, south, east, north of all that is reached on the roads.
    list of (k,) int32
        Per side, the nodes reached.
    """
    box, walking = np.array(_FAR_BOX), sides[0]
    found = [links.spread_within(walking.arcs, walking.xy_m, ms[0], *_seeds(walking, facility), limit_ms, box)]
    for wheels in sides[1:]:
        seed, seed_ms = _seeds(wheels, facility)
        board = found[0][wheels.used[found[0]]]
        seed, seed_ms = np.concatenate([seed, board]), np.concatenate([seed_ms, ms[0][board]])
        driven = links.spread_within(wheels.arcs, wheels.xy_m, ms[1], seed, seed_ms, limit_ms - wheels.extra_ms, box)
        more = links.spread_within(walking.arcs, walking.xy_m, ms[0], driven, ms[1][driven] + wheels.extra_ms,
                                   limit_ms, box)
        found = [np.concatenate([found[0], more]), driven]
    return box, found


def _seeds(side: _Side, facility: int | None) -> tuple[Array, Array]:
    seed, seed_ms = side.seeds
    mine = slice(None) if facility is None else slice(2 * side.start[facility], 2 * side.start[facility + 1])
    return seed[mine], seed_ms[mine]


def _around(bounds: Array, doors_m: Array, limit_m: float) -> tuple[float, float, float, float]:
    """Give the box of all that is reached: on the roads and straight from the doors, and the longest leg from there."""
    low = np.minimum(bounds[:2], doors_m.min(axis=0, initial=np.inf)) - limit_m
    high = np.maximum(bounds[2:], doors_m.max(axis=0, initial=-np.inf)) + limit_m
    return (*low, *high) if np.isfinite(low).all() else (0.0, 0.0, 0.0, 0.0)


def _link(side: _Side, ms: Array, raster: Raster, limit_ms: int, walls: Walls, walk: Walk, pool: ThreadPoolExecutor,
          threads: int) -> Links:
    """Link the cells near the edges that are reached in time."""
    mask = np.zeros((raster.rows, raster.columns), dtype=bool)
    links.mark_cells(mask, raster, side.lines, ms, limit_ms - side.extra_ms, walk)
    row = np.where(mask, np.cumsum(mask).reshape(mask.shape) - 1, -1).astype(np.int32)
    pieces = np.array_split(raster.centres(mask), threads * _PIECES)
    index: Index = side.net.index

    def link(centres: Array) -> tuple[Array, Array, Array]:
        x, y = (np.ascontiguousarray(column) for column in centres.T)
        return links.link_cells(x, y, side.lines, index, side.arcs, walls, walk)

    count, node, link_ms = (np.concatenate(column) for column in zip(*pool.map(link, pieces), strict=True))
    return Links(row, np.concatenate([[0], np.cumsum(count)]), node, link_ms)
