"""Compute the travel-time surface t(x) on a raster, and cut service areas from it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.network.access import Field
from lifecircle.network.jit import kernel, leaf_kernel, parallel_kernel, prange
from lifecircle.network.legs import Joints, Lines, Walk, Walls, along_edge, foot, through_end
from lifecircle.network.raster import Raster as Raster
from lifecircle.network.raster import Stations, open_places
from lifecircle.network.sealed import sealed_ground
from lifecircle.network.search import UNREACHED_MS, unpack

Array = npt.NDArray[Any]
_CLOSED_STATE = np.uint64(0xFFFFFFFFFFFFFFFF)
#: How far a cell reaches out that is in time only aside of its centre, as a share of the way to the next centre.
_STRIP = 0.125
#: A place is at least this share of the way to the next centre away from the edge of an area, so that edges never meet.
_APART = 1e-3


class Minutes(NamedTuple):
    """Minutes on a raster, of one layer.

    Attributes
    ----------
    centre : (rows, columns) float
        At the centre of each cell, or where that is sealed at the open ground nearest to it; NaN where nothing is
        reached.
    aside : (rows, columns) float
        The least at other places of each cell that count: those of its roads that are nearest to its centre, and its
        doors; NaN where none is reached.
    step_min : float
        The walk from a centre to the next.
    """

    centre: Array
    aside: Array
    step_min: float


def surface_minutes(fields: Sequence[Field], raster: Raster, cells: Array, sealed: Walls) -> list[Minutes]:
    """Compute minutes for every layer of solved fields; the longer of two directions.

    Parameters
    ----------
    cells : (k,) int64
        Cells to look at, counted along the rows; fastest where neighbours follow one another.
    sealed : Walls
        The sealed ground in these cells.
    """
    layers, shape = fields[0].doors.layer_count, (raster.rows, raster.columns)
    centre, aside = np.full((2, layers, raster.rows * raster.columns), np.nan, np.float32)
    _take_least(centre, cells, _slowest(fields, open_places(raster, cells, sealed)))
    _look_at_roads(aside, fields, raster)
    step = step_min(fields[0].walk.off_road_kph, raster)
    return [Minutes(centre[layer].reshape(shape), aside[layer].reshape(shape), step) for layer in range(layers)]


def sealed_from(fields: Sequence[Field], raster: Raster, cells: Array) -> Walls:
    """Find the ground in some cells that is sealed from the roads and doors of all fields."""
    nets = {id(part.net): part.net for field in fields for part in field.parts}
    doors_m = np.concatenate([field.doors.xy_m for field in fields])
    limit_m = max(field.walk.snap_limit_m for field in fields)
    return sealed_ground(fields[0].barriers.walls, [net.lines["to"] for net in nets.values()], doors_m, limit_m, raster,
                         cells)


def step_min(off_road_kph: float, raster: Raster) -> float:
    """Give the minutes of the walk from the centre of a cell to the next."""
    return raster.cell_m / 1000.0 / off_road_kph * 60.0


def _slowest(fields: Sequence[Field], xy_m: Array) -> Array:
    """Give the (k, layers) minutes of places; the longer of two directions."""
    return reduce(np.maximum, (field.reach(xy_m, want_snap=False).minutes for field in fields))


def _look_at_roads(aside: Array, fields: Sequence[Field], raster: Raster) -> None:
    """Lower the minutes of cells (in place) to the least on their roads, where those come nearest to the centre."""
    doors = fields[0].doors
    for parts in zip(*(field.parts for field in fields), strict=True):
        stations = Stations.along(parts[0].net.lines["to"], raster)
        slowest = np.zeros((len(stations.cell), doors.layer_count))
        for field, part in zip(fields, parts, strict=True):
            states = np.full(slowest.shape, _CLOSED_STATE)
            joints = part.joints.by_edge(field.doors, part.net)
            walk = Walk(3600.0 / field.walk.off_road_kph, field.walk.snap_limit_m)
            _reach_along(stations, states, part.net.lines[field.direction], part.ends, joints, field.barriers.walls,
                         walk, part.extra_ms)
            slowest = np.maximum(slowest, _minutes(unpack(states)[0]))
        _take_least(aside, stations.cell, slowest)
    at_door = np.where(doors.layer[:, None] == np.arange(doors.layer_count), 0.0, np.inf)
    _take_least(aside, raster.cells_of(doors.xy_m), at_door)


@kernel
def _take_least(band: Array, cell: Array, minutes: Array) -> None:
    """Lower the minutes of cells to the least of the places in them; cell -1 lies outside the raster."""
    for i in range(len(cell)):
        for layer in range(len(band)):
            if cell[i] >= 0 and minutes[i, layer] < np.inf and not band[layer, cell[i]] <= minutes[i, layer]:
                band[layer, cell[i]] = minutes[i, layer]


def _minutes(ms: Array) -> Array:
    return np.where(ms >= UNREACHED_MS, np.inf, ms / 60_000.0)


@parallel_kernel
def _reach_along(stations: Stations, states: Array, lines: Lines, ends: Array, joints: Joints, walls: Walls, walk: Walk,
                 extra_ms: float) -> None:
    """Lower the states of places on edges by their own edge: over its ends, and along it to its doors."""
    for i in prange(len(stations.edge)):
        x, y, e = stations.x_m[i], stations.y_m[i], stations.edge[i]
        at = foot(lines, e, x, y, walk.limit_m)
        through_end(states, i, x, y, lines, e, at, 0, ends, walls, walk.ms_per_m)
        through_end(states, i, x, y, lines, e, at, 1, ends, walls, walk.ms_per_m)
        if joints.start[e] < joints.start[e + 1]:
            along_edge(states, i, x, y, lines, e, at, joints, walls, walk, extra_ms)


def cut(minutes: Minutes, cutoff_min: float, raster: Raster, area: shapely.Geometry | None = None) -> shapely.Geometry:
    """Cut the part of an area where the surface is at most the cutoff.

    The edge runs between the centres of cells in time and of cells that are late. Between two centres no more than a
    walk counts: where more lies between them (a barrier, the end of all that is reached), it runs half way. A cell
    that is late at its centre and in time aside is in time too, narrowly: what is in time along a fast road may be
    thinner than a cell. Of two cutoffs the smaller area lies within the larger.

    Parameters
    ----------
    area : Geometry, optional
        Default: all of the raster.

    Returns
    -------
    MultiPolygon
        Valid; empty where nothing is in time.
    """
    from contourpy import FillType, contour_generator

    late = _lateness(minutes.centre, minutes.aside, cutoff_min, minutes.step_min)
    lines = contour_generator(raster.x_m, raster.y_m, late, fill_type=FillType.ChunkCombinedOffsetOffset)
    [points], [rings], [shapes] = lines.filled(-2.0, 0.0)
    if points is None:
        return shapely.MultiPolygon()
    offsets = (rings, shapes, np.array([0, len(shapes) - 1]))
    [shape] = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, points, offsets)
    return shape if area is None else as_multipolygon(shapely.intersection(shape, area))


@kernel
def _lateness(centre: Array, aside: Array, cutoff_min: float, step_min: float) -> Array:
    """Give how late cells are, in steps of a walk from centre to centre, -1 to 1 and never 0."""
    late = np.empty(centre.shape, np.float64)
    for row in range(centre.shape[0]):
        for column in range(centre.shape[1]):
            steps = min(_steps(centre[row, column], cutoff_min, step_min, 1.0),
                        _steps(aside[row, column], cutoff_min, step_min, _STRIP))
            late[row, column] = min(steps, -_APART) if steps <= 0.0 else max(steps, _APART)
    return late


@leaf_kernel
def _steps(minutes: float, cutoff_min: float, step_min: float, most: float) -> float:
    return 1.0 if np.isnan(minutes) else min(max((minutes - cutoff_min) / step_min, -most), 1.0)


def as_multipolygon(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    """Keep the polygons of a geometry, as one MultiPolygon."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type in ("Polygon", "MultiPolygon")]
    flat = [piece for part in parts for piece in shapely.get_parts(part) if not piece.is_empty]
    return shapely.MultiPolygon(flat)
