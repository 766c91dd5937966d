"""Draw one service area per facility: what each facility alone reaches in time.

The cells of the raster are linked to the roads once (`links`). Each facility then needs a search that stops at the
last cutoff and one look at the links of the cells around it; facilities are shared out over threads.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from queue import Empty, SimpleQueue
from typing import Any, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.network import links, within
from lifecircle.network.access import Access, Doors
from lifecircle.network.legs import Index, Walk, Walls
from lifecircle.network.links import UNREACHED, Blocks, Links, Rows
from lifecircle.network.raster import Raster, Stations, open_places
from lifecircle.network.sealed import open_part, sealed_ground
from lifecircle.network.search import Direction
from lifecircle.network.sides import Side, around, search, sides_of
from lifecircle.network.surface import Minutes, as_multipolygon, cut, step_min
from lifecircle.network.within import Room

Array = npt.NDArray[Any]
_CLOSED_STATE = np.uint64(0xFFFFFFFFFFFFFFFF)
#: The cells are linked in this many pieces a thread, so that no thread waits long for the last.
_PIECES = 4


def facility_areas(access: Access, mode_name: str, doors: Doors, cutoffs_min: Sequence[float], *,
                   direction: Direction | Literal["worse"], cell_m: float = 50.0, slope: str | None = None,
                   area: shapely.Geometry | None = None, people: tuple[Array, Array] | None = None,
                   threads: int | None = None) -> gpd.GeoDataFrame:
    """Draw the service areas of every facility by itself.

    Parameters
    ----------
    access : Access
    mode_name : str
    doors : Doors
        Doors of one label are one facility.
    cutoffs_min : sequence of float
    direction : str
        ``to`` the facility, ``from`` it, or the ``worse`` of both.
    cell_m : float
        Cell size of the raster.
    slope : str or None
        ``tobler`` or ``none`` for the walk; None takes the mode's own.
    area : Geometry, optional
        Areas are cut off at its outline.
    people : ((n, 2) float, (n,) float), optional
        Where people live, and how many; they are counted by their own minutes, not by the outline.
    threads : int, optional
        Default: one per core.

    Returns
    -------
    GeoDataFrame
        facility (label), cutoff (minutes), area_km2, population (in time; NaN if no people are given), geometry (valid
        MultiPolygon, empty where nothing is in time); ordered by facility and cutoff. Of one facility the smaller
        cutoff lies within the larger.
    """
    cutoffs = sorted(float(cutoff_min) for cutoff_min in cutoffs_min)
    places_m, count = people or (None, np.full(1, np.nan))
    cores = threads or os.cpu_count() or 1
    ways: tuple[Direction, ...] = ("to", "from") if direction == "worse" else (direction,)
    solved = [FacilityTimes.solve(access, mode_name, doors, max(cutoffs, default=0.0), direction=way, cell_m=cell_m,
                                  slope=slope, places_m=places_m, threads=cores) for way in ways]
    # What is a whole step earlier than the first cutoff is drawn alike, however early it is.
    enough_min = min(cutoffs, default=0.0) - solved[0].step_min

    grounds = [times.ground(area) for times in solved]

    def draw(facility: int) -> list[tuple[int, float, float, shapely.Geometry]]:
        reached = [times.reach(facility, enough_min=enough_min) for times in solved]
        places_min = reduce(np.maximum, (one.places_min for one in reached))
        rows = []
        for cutoff_min in cutoffs:
            shapes = [cut(one.minutes, cutoff_min, one.raster, ground)
                      for one, ground in zip(reached, grounds, strict=True)]
            shape = shapes[0] if len(shapes) == 1 else as_multipolygon(shapely.intersection(*shapes))
            population = float("nan") if people is None else float(count[places_min <= cutoff_min].sum())
            rows.append((int(solved[0].labels[facility]), cutoff_min, population, shape))
        return rows

    with ThreadPoolExecutor(cores) as pool:
        rows = [row for drawn in pool.map(draw, range(len(solved[0].labels))) for row in drawn]
    frame = gpd.GeoDataFrame(rows, columns=["facility", "cutoff", "population", "geometry"], geometry="geometry",
                             crs=access.network.crs)
    frame["area_km2"] = frame.area / 1e6
    return frame[["facility", "cutoff", "area_km2", "population", "geometry"]]


@dataclass(frozen=True)
class _Ground:
    """The cells of the raster, and places beside them, as one net sees them.

    Attributes
    ----------
    station_start : (edges + 1,) int64
        Where each edge's stations begin.
    places : Rows
        Of the places, in the order of their blocks.
    """

    links: Links
    stations: Stations
    station_start: Array
    places: Rows

    @classmethod
    def link(cls, side: Side, ms: Array, raster: Raster, middle_m: Array, places: Blocks, limit_ms: int, walls: Walls,
             walk: Walk, pool: ThreadPoolExecutor, threads: int) -> _Ground:
        """Link the cells near the edges that are reached in time, and the places."""

        def link(blocks: Blocks) -> Rows:
            # Pieces of as many places each, in whole blocks.
            cuts = np.searchsorted(blocks.first, np.linspace(0, len(blocks.order), threads * _PIECES + 1))
            cuts[-1] = len(blocks.first) - 1
            pieces = pool.map(lambda begin, end: links.link_blocks(blocks, begin, end, side.lines, side.net.index,
                                                                   side.arcs, walls, walk), cuts[:-1], cuts[1:])
            count, node, link_ms = (np.concatenate(column) for column in zip(*pieces, strict=True))
            return Rows(np.concatenate([[0], np.cumsum(count)]), node, link_ms)

        mask = np.zeros((raster.rows, raster.columns), dtype=bool)
        within.mark_cells(mask, raster, side.lines, ms, limit_ms - side.extra_ms, walk)
        cells = np.flatnonzero(mask)
        blocks = Blocks.of(middle_m[cells], raster)
        row = np.full(mask.size, -1, np.int32)
        row[cells[blocks.order]] = np.arange(len(cells), dtype=np.int32)
        stations = Stations.along(side.lines, raster)
        roads = links.link_roads(row, len(cells), stations, side.lines, walls, walk)
        return cls(Links(row.reshape(mask.shape), link(blocks), roads), stations,
                   np.searchsorted(stations.edge, np.arange(len(side.lines.node) + 1)), link(places))


class Reached(NamedTuple):
    """What one facility reaches.

    Attributes
    ----------
    raster : Raster
        A part of the whole, around all that it reaches.
    minutes : Minutes
        NaN where it is not reached in time.
    places_min : (n,) float64
        Of the places; NaN where they are not reached in time.
    """

    raster: Raster
    minutes: Minutes
    places_min: Array


@dataclass(frozen=True)
class FacilityTimes:
    """Everything that the times to single facilities need, up to a cutoff.

    Attributes
    ----------
    labels : (f,) int64
        The facilities.
    raster : Raster
        Over all that is reached.
    sealed : Walls
        The sealed ground in it.
    middle_m : (cells, 2) float64
        The places that stand for its cells, counted along the rows.
    places : Blocks
        The places that were asked for.
    """

    labels: Array
    raster: Raster
    sealed: Walls
    middle_m: Array
    sides: tuple[Side, ...]
    grounds: tuple[_Ground, ...]
    places: Blocks
    place_index: Index
    doors: Doors
    facility: Array
    walls: Walls
    walk: Walk
    limit_ms: int
    spare: SimpleQueue[list[Room]]

    @classmethod
    def solve(cls, access: Access, mode_name: str, doors: Doors, cutoff_min: float, *, direction: Direction,
              cell_m: float, slope: str | None = None, places_m: Array | None = None,
              threads: int = 1) -> FacilityTimes:
        """Join the doors, and link every cell that any facility may reach in time, and the places.

        Times a little over the cutoff are found too: the walk from a cell to its neighbour, so that the outline falls
        between the two as it does on the whole surface.
        """
        mode = access.modes[mode_name]
        on_foot = mode if mode.on_foot else access.modes[mode.walk_mode]
        walk, walls = Walk(3600.0 / on_foot.off_road_kph, on_foot.snap_limit_m), access.barriers.walls
        limit_ms = int(np.ceil(cutoff_min * 60_000.0 + cell_m * walk.ms_per_m))
        labels, facility = np.unique(doors.label, return_inverse=True)
        doors = Doors(np.asarray(doors.xy_m, dtype=np.float64).reshape(-1, 2), doors.label)
        sides = tuple(side.join(doors, facility, walls, walk)
                      for side in sides_of(access, mode, on_foot, slope, direction))
        reached = [side.room() for side in sides]
        found = search(sides, reached, limit_ms, None)
        raster = Raster.over(shapely.box(*around(sides, reached, found, None, doors.xy_m, limit_ms, walk)), cell_m)
        asked_m = np.empty((0, 2)) if places_m is None else np.asarray(places_m, dtype=np.float64)
        every_cell = np.arange(raster.rows * raster.columns)
        sealed = sealed_ground(walls, [side.lines for side in sides], doors.xy_m, walk.limit_m, raster, every_cell)
        middle_m, places = open_places(raster, every_cell, sealed), Blocks.of(asked_m, raster)
        with ThreadPoolExecutor(threads) as pool:
            grounds = tuple(_Ground.link(side, room.ms, raster, middle_m, places, limit_ms, walls, walk, pool,
                                         threads) for side, room in zip(sides, reached, strict=True))
        index = Index.over(places.x_m, places.y_m, places.x_m, places.y_m)
        return cls(labels, raster, sealed, middle_m, sides, grounds, places, index, doors, facility, walls, walk,
                   limit_ms, SimpleQueue())

    @property
    def step_min(self) -> float:
        """Give the minutes of the walk from the centre of a cell to the next."""
        return step_min(3600.0 / self.walk.ms_per_m, self.raster)

    def ground(self, area: shapely.Geometry | None) -> shapely.Geometry | None:
        """Take the sealed ground out of an area, or out of all that is reached; None where nothing is cut off."""
        if area is None and self.sealed.blocked.any():
            area = shapely.box(*self.raster.bounds)
        return None if area is None else open_part(area, self.sealed)

    def reach(self, facility: int, *, enough_min: float = -1.0) -> Reached:
        """Compute the surface of one facility, and its minutes at the places.

        Parameters
        ----------
        enough_min : float
            Cells that are no later than this are not looked at more closely.
        """
        doors_m = self.doors.xy_m[self.facility == facility]
        rooms = self._rooms()
        found = search(self.sides, rooms, self.limit_ms, facility)
        bounds = around(self.sides, rooms, found, facility, doors_m, self.limit_ms, self.walk)
        part, top, left = self.raster.part(bounds)
        centre, aside = np.full((2, part.rows * part.columns, 1), _CLOSED_STATE)
        places = np.full((len(self.places.order), 1), _CLOSED_STATE)
        enough_ms, walls, walk = int(enough_min * 60_000), self.walls, self.walk
        middle_m = self.middle_m.reshape(self.raster.rows, self.raster.columns, 2)
        middle_m = middle_m[top : top + part.rows, left : left + part.columns]
        within.look_straight(centre, aside, part, middle_m, doors_m, walls, walk)
        for side, room, ground, nodes in reversed(list(zip(self.sides, rooms, self.grounds, found, strict=True))):
            lines, edge, joints = side.joined(facility, self.doors.xy_m)
            within.look_along(centre, aside, self.raster, part, top, left, middle_m, lines, edge, joints,
                              ground.stations, ground.station_start, walls, walk, side.extra_ms, enough_ms)
            marked = within.no_patches(part)
            within.mark_patches(marked, part, side.extent, nodes, room.ms, self.limit_ms - side.extra_ms, walk)
            within.look_up(centre, aside, part, top, left, marked, ground.links, room.ms, side.extra_ms, enough_ms)
            within.look_up_places(places, ground.places, room.ms, side.extra_ms)
            within.look_near(places, self.places.x_m, self.places.y_m, self.place_index, doors_m, lines, joints, walls,
                             walk, side.extra_ms)
            room.ms[nodes] = UNREACHED
        self.spare.put(rooms)
        at_centre, at_side = (within.minutes_of(states, self.limit_ms).reshape(part.rows, part.columns)
                              for states in (centre, aside))
        places_min = np.empty(len(places))
        places_min[self.places.order] = within.minutes_of(places, self.limit_ms)
        return Reached(part, Minutes(at_centre, at_side, self.step_min), places_min)

    def _rooms(self) -> list[Room]:
        """Give room for the search of each side: that which another facility is done with, or new."""
        try:
            return self.spare.get_nowait()
        except Empty:
            return [side.room() for side in self.sides]
