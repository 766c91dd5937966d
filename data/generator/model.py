"""Put the model together, from the ground up: rivers, hills, areas, roads, people, facilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from scipy.ndimage import distance_transform_edt

from . import expressways, facilities, lines, partition, people, roads, streets, terrain, water, write
from .facts import Facts, read_facts, synthetic_facts
from .grid import Array, Grid, fractal
from .routing import RoadGrid

BELT_M = 6000.0
CELL_M = 75.0
FACTS = Path(__file__).resolve().parents[1] / "boundaries"
Draw = Callable[[int], np.random.Generator]


@dataclass(frozen=True)
class Model:
    """A finished model district in metres of its CRS.

    Attributes
    ----------
    polygons : list
        Places.
    place_people : (n,) array
    points : DataFrame
        Demand points.
    """

    facts: Facts
    grid: Grid
    terrain: terrain.Terrain
    water: water.Water
    polygons: list[shapely.Geometry]
    place_people: Array
    network: lines.Network
    points: pd.DataFrame
    layers: dict[str, pd.DataFrame]


def generate(seed: int, out: str | Path, size: float = 1.0, *, facts: Facts | None = None,
             synthetic: bool = False) -> Model:
    """Make a model district and write all its files.

    Parameters
    ----------
    seed : int
        Same seed, same bytes.
    out : path
        Folder that gets boundaries/, roads/, population/ and facilities/.
    size : float
        For a made-up district only: 1 is 22 townships on 1,300 km2.
    facts : Facts, optional
        What is known; default: the fact tables that stand beside the generator.
    synthetic : bool
        Make the facts up as well, and write a run file.
    """
    if size != 1.0 and not synthetic:
        raise ValueError("size is for made-up districts; a real one has the size it has")
    if facts is None:
        facts = synthetic_facts(seed, size) if synthetic else read_facts(FACTS)
    model = make_model(seed, facts)
    write_model(model, Path(out))
    if synthetic:
        write.write_runfile(Path(out), facts, BELT_M)
    return model


def make_model(seed: int, facts: Facts) -> Model:
    """Make a model district in memory."""
    def draw(stage: int) -> np.random.Generator:
        return np.random.default_rng([seed, stage])

    grid = Grid.around(facts.outline, BELT_M + 1000, CELL_M)
    courses = terrain.draw_rivers(facts, draw(1))
    ground = terrain.shape_terrain(grid, facts, courses, draw(2))
    wet = water.draw_water(grid, facts, ground, courses, draw(3))
    place_people = people.place_people(facts, draw(4))
    land = _divide(grid, facts, ground, wet, people.built_km2(facts, place_people), draw(5))
    room = people.room_for(land.owner, wet.blocked, CELL_M, len(place_people))
    place_people = people.place_people(facts, draw(4), room)
    settled = _settle(grid, facts, ground, wet, place_people, land, draw)
    points = people.inside_own_place(settled.points, land.polygons, wet.surface, BELT_M)
    points = people.count_groups(points, facts, draw(12))
    sites = facilities.Ground(facts, points, _building_spots(settled.network, facts), place_people, settled.roadless_m)
    layers = facilities.set_up(sites, draw(13))
    return Model(facts, grid, ground, wet, land.polygons, place_people, settled.network, points, layers)


class _Land(NamedTuple):
    """Who owns which cell (position of the place, -1 outside the outline), the places' seats, polygons, towns."""

    owner: Array
    seats: Array
    polygons: list[shapely.Geometry]
    built: Array


class _Settled(NamedTuple):
    """Roads, people, and a spot without road."""

    network: lines.Network
    points: pd.DataFrame
    roadless_m: Array


def _divide(grid: Grid, facts: Facts, ground: terrain.Terrain, wet: water.Water, built_km2: Array,
            rng: np.random.Generator) -> _Land:
    """Divide the land among townships and places."""
    x, y = grid.all_xy_m()
    shapely.prepare(facts.outline)
    inside = shapely.contains_xy(facts.outline, x.ravel(), y.ravel()).reshape(grid.shape)
    weights = partition.area_weights(grid, ground, wet.blocked, inside, rng)
    town_seats = roads.dry_cells(grid, wet, facts.townships[["x_m", "y_m"]].to_numpy())
    targets = partition.township_targets_km2(facts, rng)
    towns = partition.divide(grid, weights, inside, town_seats, targets)
    seats = partition.seat_places(grid, facts, ground, wet.blocked, towns, rng)
    targets = partition.place_targets_km2(facts, towns, inside, grid.cell_m, built_km2, rng)
    owner = partition.divide(grid, partition.closed_between(weights, towns), inside, seats, targets)
    owner = partition.with_room(grid, owner, towns, seats)
    polygons = partition.place_polygons(grid, facts, owner, rng)
    owner = np.where(inside, owner, -1)
    return _Land(owner, seats, polygons, streets.built_up(grid, facts, ground, wet, owner, seats, built_km2))


def _settle(grid: Grid, facts: Facts, ground: terrain.Terrain, wet: water.Water, place_people: Array, land: _Land,
            draw: Draw) -> _Settled:
    """Lay roads and settle people, each leaning on the other: main roads, villages, hamlets, their tracks, homes."""
    ways = RoadGrid(grid, ground, wet, np.exp(0.3 * fractal(grid.shape, grid.cell_m, draw(6), longest_m=1500)))
    roads.lay_main_roads(ways, facts, wet)
    belt, area = _belt(grid, facts, land.owner)
    ways.keep_within(belt | (land.owner >= 0))
    gentle = np.where(wet.blocked, 0, np.exp(-((ground.slope / 0.24) ** 2)) + 0.003)
    belt_seats = _belt_seats(grid, belt, gentle, draw(7))
    stops = [land.seats, streets.built_stops(grid, land.built, land.seats), belt_seats]
    roads.lay_village_roads(ways, np.concatenate(stops), draw(8))
    far = _road_far_m(grid, ways)
    hamlets = people.settle_hamlets(grid, facts, place_people, land.owner, gentle, far, land.seats, draw(9))
    per_km2 = float(facts.settings["people"]["belt_per_km2"])
    outside = people.belt_people(grid, belt, gentle, far, belt_seats, per_km2, draw(10))
    roads.lay_hamlet_roads(ways, pd.concat([hamlets, outside], ignore_index=True), draw(11))
    islands, roadless = _leave_out(grid, ways, hamlets)
    network = lines.add_streets(lines.from_grid(grid, ways.links, ground, wet),
                                streets.draw_streets(grid, facts, ground, wet, land.built, draw(14)))
    network = lines.join_parts(lines.meet(_inside_area(network, area)), islands, wet)
    network = expressways.add_expressways(network, grid, facts, ground, wet, area)
    points = people.points_of(grid, facts, place_people, (hamlets, outside), land.built, wet.blocked, land.seats,
                              draw(15))
    return _Settled(network, points, roadless)


def _belt(grid: Grid, facts: Facts, owner: Array) -> tuple[Array, shapely.Geometry]:
    """Give the cells of the belt outside the outline, and the area that roads are kept in, a little wider."""
    belt = shapely.buffer(facts.outline, BELT_M)
    shapely.prepare(belt)
    x, y = grid.all_xy_m()
    area = shapely.buffer(facts.outline, BELT_M + 2500)
    shapely.prepare(area)
    return shapely.contains_xy(belt, x.ravel(), y.ravel()).reshape(grid.shape) & (owner < 0), area


def _belt_seats(grid: Grid, belt: Array, gentle: Array, rng: np.random.Generator, per_km2: float = 0.14) -> Array:
    """Choose seats for the villages of the belt."""
    cells = np.flatnonzero(belt.ravel())
    count = int(belt.sum() * grid.cell_m**2 / 1e6 * per_km2)
    weight = gentle.flat[cells] ** 2
    return np.unique(rng.choice(cells, size=count, replace=False, p=weight / weight.sum()))


def _road_far_m(grid: Grid, grid_roads: RoadGrid) -> Array:
    """Give each cell's distance to a road."""
    bare = np.ones(grid.shape, bool)
    bare.flat[grid_roads.cells()] = False
    return np.asarray(distance_transform_edt(bare)) * grid.cell_m


def _leave_out(grid: Grid, ways: RoadGrid, hamlets: pd.DataFrame, islands: int = 4) -> tuple[Array, Array]:
    """Lay a few short paths that meet no other road, at hamlets that have none; and name one spot without any.

    Returns
    -------
    islands_m, roadless_m : (k, 2) and (0 or 1, 2) arrays
    """
    far = _road_far_m(grid, ways)
    lonely = hamlets[~hamlets["linked"]]["cell"].to_numpy()
    lonely = lonely[np.argsort(-far.flat[lonely], kind="stable")]
    lonely = lonely[far.flat[lonely] > 420]
    for cell in lonely[1: islands + 1]:
        path = ways.route(int(cell), int(cell) + 4, "path")
        if path and len(path) < 10 and (far.flat[path] > 180).all():
            ways.lay(path, "path")
    return grid.xy_m(lonely[1: islands + 1]), grid.xy_m(lonely[:1])


def _inside_area(network: lines.Network, area: shapely.Geometry) -> lines.Network:
    """Keep the segments that begin or end inside an area."""
    inside = shapely.contains_xy(area, network.xy_m[:, 0], network.xy_m[:, 1])
    u, v = network.segments["u"].to_numpy(int), network.segments["v"].to_numpy(int)
    return lines.Network(network.xy_m, network.segments[inside[u] | inside[v]].reset_index(drop=True))


def _building_spots(network: lines.Network, facts: Facts) -> Array:
    """Give points on road segments that a building may stand by: on the main network, in the district or the belt."""
    part = lines.part_of(network)
    main = int(np.bincount(part[part >= 0]).argmax())
    table = network.segments
    good = (table["rank"].to_numpy(int) >= 2) & ~table["bridge"].to_numpy(bool) & ~table["tunnel"].to_numpy(bool)
    ends = network.ends_m()[good & (part[table["u"].to_numpy(int)] == main)]
    spots = np.concatenate([ends[:, 0], ends.mean(axis=1)])
    belt = shapely.buffer(facts.outline, BELT_M - 50)
    shapely.prepare(belt)
    return np.asarray(spots[shapely.contains_xy(belt, spots[:, 0], spots[:, 1])])


def write_model(model: Model, out: Path) -> None:
    """Write every file of a model."""
    for name in ("boundaries", "roads", "population", "facilities"):
        (out / name).mkdir(parents=True, exist_ok=True)
    facts = model.facts
    polygons = partition.in_degrees(model.polygons, facts.crs)
    write.write_boundaries(out / "boundaries", facts, polygons, model.place_people)
    write.write_barriers(out / "boundaries" / "barriers.geojson", model.water.names, model.water.shapes, facts.crs)
    write.write_elevation(out / "roads" / "elevation.tif", model.grid, model.terrain.height_m, facts.crs)
    write.write_roads(out / "roads" / "roads.parquet", write.road_lines(model.network, facts.crs))
    write.write_demand(out / "population" / "demand.csv", model.points, facts)
    write.write_facilities(out / "facilities", model.layers, facts.crs)
