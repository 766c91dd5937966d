"""Draw water: rivers, side rivers that the terrain grew, reservoirs; and say where bridges stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from rasterio.features import rasterize, shapes
from scipy.ndimage import gaussian_filter1d, label

from .facts import Facts
from .grid import Array, Grid, trace
from .terrain import River, Terrain

_SIDE_RIVER_KM2 = 32.0
_LAKE_DEPTH_M = 26.0


@dataclass(frozen=True)
class Bridge:
    """A way across the water between two dry cells."""

    cell_a: int
    cell_b: int
    in_city: bool


@dataclass(frozen=True)
class Water:
    """Water as polygons and as blocked cells.

    Attributes
    ----------
    names, shapes : list
        Name and polygon of each water body.
    blocked : (rows, cols) bool
        Cells that water touches.
    surface : geometry
        All water.
    bridges : list of Bridge
    """

    names: list[str]
    shapes: list[shapely.Geometry]
    blocked: Array
    surface: shapely.Geometry
    bridges: list[Bridge]


def draw_water(grid: Grid, facts: Facts, terrain: Terrain, rivers: list[River], rng: np.random.Generator) -> Water:
    """Draw all water and find the bridge sites."""
    courses = rivers + _side_rivers(grid, terrain, rivers)
    names, bodies = [river.name for river in courses], [_ribbon(river) for river in courses]
    for row in facts.settings["reservoirs"]:
        lake = _reservoir(grid, terrain, row["at"])
        if lake is not None:
            names.append(row["name"])
            bodies.append(lake)
    bodies = _apart(bodies)
    surface = shapely.union_all(bodies)
    cells = rasterize([shapely.buffer(surface, 6)], grid.shape, transform=grid.transform, all_touched=True)
    blocked = cells.astype(bool)
    bridges = _bridges(grid, facts, courses, surface, blocked, rng)
    return Water(names, bodies, blocked, surface, bridges)


def _ribbon(river: River) -> shapely.Geometry:
    """Give a river its width, pieces of one width joined."""
    pieces = []
    for begin in range(0, len(river.xy_m) - 1, 20):
        part = slice(begin, min(begin + 21, len(river.xy_m)))
        pieces.append(shapely.buffer(shapely.LineString(river.xy_m[part]), float(river.width_m[part].mean()) / 2))
    return shapely.simplify(shapely.union_all(pieces), 2.5)


def _apart(bodies: list[shapely.Geometry]) -> list[shapely.Geometry]:
    """Cut from each body what an earlier one holds; rivers come before reservoirs, so those are cut."""
    out: list[shapely.Geometry] = []
    taken = shapely.Polygon()
    for body in bodies:
        rest = shapely.difference(body, taken)
        parts = [part for part in shapely.get_parts(rest) if part.geom_type == "Polygon" and part.area > 50]
        out.append(shapely.union_all(parts))
        taken = shapely.union(taken, body)
    return out


def _side_rivers(grid: Grid, terrain: Terrain, rivers: list[River]) -> list[River]:
    """Follow the larger channels of the terrain down to a river already drawn, the longest first."""
    big = terrain.drained_km2 > _SIDE_RIVER_KM2
    below = terrain.downstream[big]
    heads = np.setdiff1d(np.flatnonzero(big), below)
    stems = sorted((trace(terrain.downstream, int(head)) for head in heads), key=lambda stem: (-len(stem), stem[0]))
    used: set[int] = set()
    found: list[River] = []
    for stem in stems:
        free = next((n for n, cell in enumerate(stem) if cell in used), len(stem) - 1)
        used.update(stem[: free + 1])
        if free * grid.cell_m < 2500:
            continue
        xy = _soften(grid.xy_m(stem[: free + 1]))
        flow = terrain.drained_km2[stem[: free + 1]]
        width = np.clip(9 + 3.2 * np.sqrt(flow), 24, 45)
        found.append(River(f"示例支流{len(found) + 1:02d}", xy, width, terrain.height_m.flat[stem[: free + 1]]))
    return found


def _soften(xy_m: Array, rounds: int = 3) -> Array:
    """Take the corners off a line of cell centres; its ends stay."""
    xy = xy_m.copy()
    for _ in range(rounds):
        xy[1:-1] = 0.25 * xy[:-2] + 0.5 * xy[1:-1] + 0.25 * xy[2:]
    return xy


def _reservoir(grid: Grid, terrain: Terrain, at_m: Array) -> shapely.Geometry | None:
    """Dam a small valley near a point and fill it."""
    x, y = grid.all_xy_m()
    far = np.hypot(x - at_m[0], y - at_m[1])
    flow = terrain.drained_km2.reshape(grid.shape)
    sites = (far < 2500) & (flow > 4) & (flow < 16)
    if not sites.any():
        return None
    dam = int(np.argmin(np.where(sites, far, np.inf)))
    upstream = _upstream(terrain.downstream, dam)
    level = terrain.height_m.flat[dam] + _LAKE_DEPTH_M
    wet = (upstream & (terrain.height_m.ravel() < level)).reshape(grid.shape)
    parts, _ = label(wet)
    wet = parts == parts.flat[dam]
    polygons = [shapely.geometry.shape(geometry) for geometry, value in
                shapes(wet.astype(np.uint8), mask=wet, transform=grid.transform) if value == 1]
    lake = shapely.buffer(shapely.buffer(shapely.union_all(polygons), 45), -60)
    arms = [part for part in shapely.get_parts(lake) if part.area > 20_000]
    return _rounded_shore(max(arms, key=lambda part: part.area)) if arms else None


def _rounded_shore(lake: shapely.Geometry) -> shapely.Geometry:
    """Take the corners of the raster off a shore."""
    ring = shapely.get_coordinates(shapely.segmentize(lake.exterior, 25))[:-1]
    smooth = shapely.buffer(shapely.Polygon(gaussian_filter1d(ring, 2.6, axis=0, mode="wrap")), 0)
    return shapely.simplify(max(shapely.get_parts(smooth), key=lambda part: part.area), 4)


def _upstream(downstream: Array, cell: int) -> Array:
    """Mark the cells that drain through a cell."""
    jump = np.where(downstream < 0, np.arange(len(downstream)), downstream)
    jump[cell] = cell
    while True:
        further = jump[jump]
        if (further == jump).all():
            return np.asarray(jump == cell)
        jump = further


def _bridges(grid: Grid, facts: Facts, courses: list[River], surface: shapely.Geometry, blocked: Array,
             rng: np.random.Generator) -> list[Bridge]:
    """Set bridges along each river: close in the city, one near each riverside seat, far between elsewhere."""
    seats = facts.townships[["x_m", "y_m"]].to_numpy()
    found: list[Bridge] = []
    for river in courses:
        line = shapely.LineString(river.xy_m)
        for at_m, in_city in _stations(line, np.array(facts.centre_m), seats, rng):
            bridge = next((made for shift in (0, 90, -90, 180, -180, 270, -270)
                           if (made := _across(grid, line, at_m + shift, surface, blocked, in_city))), None)
            if bridge:
                found.append(bridge)
    return found


def _stations(line: shapely.LineString, centre_m: Array, seats_m: Array,
              rng: np.random.Generator) -> list[tuple[float, bool]]:
    """List where along a river bridges are wanted, at least 600 m apart."""
    wanted: list[tuple[float, bool]] = []
    near_seat = [float(line.project(shapely.Point(seat))) for seat in seats_m
                 if line.distance(shapely.Point(seat)) < 1300]
    at = rng.uniform(400, 2500)
    while at < line.length - 300:
        in_city = float(np.hypot(*(np.array(line.interpolate(at).coords[0]) - centre_m))) < 4200
        wanted.append((at, in_city))
        at += rng.uniform(650, 950) if in_city else rng.uniform(3600, 6500)
    for place in near_seat:
        if all(abs(place - other) > 1100 for other, _ in wanted):
            wanted.append((place, False))
    return sorted(wanted)


def _across(grid: Grid, line: shapely.LineString, at_m: float, surface: shapely.Geometry, blocked: Array,
            in_city: bool) -> Bridge | None:
    """Walk out from the river on both sides to dry cells; None where the way between them is no plain crossing."""
    if not 100 < at_m < line.length - 100:
        return None
    here = np.array(line.interpolate(at_m).coords[0])
    tangent = np.array(line.interpolate(at_m + 60).coords[0]) - np.array(line.interpolate(at_m - 60).coords[0])
    normal = np.array([-tangent[1], tangent[0]]) / np.hypot(*tangent)
    banks = []
    for side in (1, -1):
        out_m = here + normal * side * np.arange(10, 330, 10)[:, None]
        cells = grid.cell_at(out_m)
        dry = np.flatnonzero(~blocked.flat[cells])
        if not len(dry):
            return None
        banks.append(int(cells[dry[0]]))
    way = shapely.LineString(grid.xy_m(banks))
    wet = shapely.intersection(way, surface)
    plain = wet.geom_type == "LineString" and not wet.is_empty and way.length < 420
    return Bridge(banks[0], banks[1], in_city) if plain else None
