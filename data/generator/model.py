"""Put the model together, from the ground up: rivers, hills, areas, roads, people, facilities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Model:
    """A finished model district in metres of its CRS.

    Attributes
    ----------
    polygons : list
        Places, EPSG:4326.
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
        What is known; default: the fact tables under ``out``/boundaries.
    synthetic : bool
        Make the facts up as well.
    """
    out = Path(out)
    if facts is None:
        facts = synthetic_facts(seed, size) if synthetic else read_facts(out / "boundaries")
    if size != 1.0 and not synthetic:
        raise ValueError("size is for made-up districts; a real one has the size it has")
    model = make_model(seed, facts)
    write_model(model, out)
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
    owner, seats, polygons = _divide(grid, facts, ground, wet, draw(5))
    built = streets.built_up(grid, facts, ground, wet, owner, seats, people.built_km2(facts, place_people))
    network, points = _settle(grid, facts, ground, wet, place_people, owner, seats, built, draw)
    points = people.count_groups(points, facts, draw(12))
    layers = facilities.set_up(facilities.Ground(facts, points, _building_spots(network), place_people), draw(13))
    return Model(facts, grid, ground, wet, polygons, place_people, network, points, layers)


def _divide(grid: Grid, facts: Facts, ground: terrain.Terrain, wet: water.Water,
            rng: np.random.Generator) -> tuple[Array, Array, list[shapely.Geometry]]:
    """Divide the land; give the place that owns each cell, the cells of the places' seats and the polygons."""
    x, y = grid.all_xy_m()
    shapely.prepare(facts.outline)
    inside = shapely.contains_xy(facts.outline, x.ravel(), y.ravel()).reshape(grid.shape)
    weights = partition.area_weights(grid, ground, wet.blocked, rng)
    town_seats = roads.dry_cells(grid, wet, facts.townships[["x_m", "y_m"]].to_numpy())
    targets = partition.township_targets_km2(facts, rng)
    towns = partition.divide(grid, weights, inside, town_seats, targets)
    seats = partition.seat_places(grid, facts, ground, wet.blocked, towns, rng)
    targets = partition.place_targets_km2(facts, towns, inside, grid.cell_m, rng)
    owner = partition.divide(grid, partition.closed_between(weights, towns), inside, seats, targets)
    polygons = partition.place_polygons(grid, facts, owner)
    return np.where(inside, owner, -1), seats, polygons


def _settle(grid: Grid, facts: Facts, ground: terrain.Terrain, wet: water.Water, place_people: Array, owner: Array,
            seats: Array, built: Array, draw) -> tuple[lines.Network, pd.DataFrame]:  # type: ignore[no-untyped-def]
    """Lay roads and settle people, each leaning on the other: main roads, villages, hamlets, their tracks, homes."""
    grid_roads = RoadGrid(grid, ground, wet, np.exp(0.3 * fractal(grid.shape, grid.cell_m, draw(6), longest_m=1500)))
    roads.lay_main_roads(grid_roads, facts, wet)
    area = shapely.buffer(facts.outline, BELT_M)
    shapely.prepare(area)
    x, y = grid.all_xy_m()
    belt = shapely.contains_xy(area, x.ravel(), y.ravel()).reshape(grid.shape) & (owner < 0)
    gentle = np.where(wet.blocked, 0, np.exp(-((ground.slope / 0.24) ** 2)) + 0.003)
    belt_seats = _belt_seats(grid, belt, gentle, draw(7))
    roads.lay_village_roads(grid_roads, np.concatenate([seats, belt_seats]), draw(8))
    far = _road_far_m(grid, grid_roads)
    hamlets = people.settle_hamlets(grid, facts, place_people, owner, gentle, far, seats, draw(9))
    outside = people.belt_people(grid, belt, gentle, far, belt_seats, facts.settings["people"]["belt_per_km2"], draw(9))
    roads.lay_hamlet_roads(grid_roads, pd.concat([hamlets, outside], ignore_index=True), draw(10))
    islands = _lay_islands(grid, grid_roads, hamlets)
    network = lines.add_streets(lines.from_grid(grid, grid_roads.links, wet, draw(11)),
                                streets.draw_streets(grid, facts, wet, built, draw(11)))
    network = lines.join_parts(lines.meet(_inside_area(network, area)), islands, wet)
    network = expressways.add_expressways(network, grid, facts, ground, wet, area)
    points = people.points_of(grid, facts, place_people, hamlets, outside, built, wet.blocked, seats, draw(11))
    return network, points


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


def _lay_islands(grid: Grid, grid_roads: RoadGrid, hamlets: pd.DataFrame, count: int = 4) -> Array:
    """Lay a few short paths that meet no other road, at hamlets that have none."""
    far = _road_far_m(grid, grid_roads)
    lonely = hamlets[~hamlets["linked"]]["cell"].to_numpy()
    lonely = lonely[far.flat[lonely] > 420][:count]
    steps = [0, 1, 2, 3]
    for cell in lonely:
        path = [int(cell) + step for step in steps]
        if (far.flat[path] > 200).all() and not (far.flat[path] == 0).any():
            open_path = grid_roads.route(path[0], path[-1], "path")
            if open_path and len(open_path) < 8:
                grid_roads.lay(open_path, "path")
    return grid.xy_m(lonely)


def _inside_area(network: lines.Network, area: shapely.Geometry) -> lines.Network:
    """Keep the segments that begin or end inside an area."""
    inside = shapely.contains_xy(area, network.xy_m[:, 0], network.xy_m[:, 1])
    u, v = network.segments["u"].to_numpy(int), network.segments["v"].to_numpy(int)
    return lines.Network(network.xy_m, network.segments[inside[u] | inside[v]].reset_index(drop=True))


def _building_spots(network: lines.Network) -> Array:
    """Give the ends and middles of road segments that a building may stand by, joined to the main network."""
    part = lines.part_of(network)
    main = int(np.bincount(part[part >= 0]).argmax())
    table = network.segments
    good = (table["rank"].to_numpy(int) >= 2) & ~table["bridge"].to_numpy(bool) & ~table["tunnel"].to_numpy(bool)
    ends = network.ends_m()[good & (part[table["u"].to_numpy(int)] == main)]
    return np.concatenate([ends[:, 0], ends.mean(axis=1)])


def write_model(model: Model, out: Path) -> None:
    """Write every file of a model."""
    for name in ("boundaries", "roads", "population", "facilities"):
        (out / name).mkdir(parents=True, exist_ok=True)
    facts = model.facts
    write.write_boundaries(out / "boundaries", facts, model.polygons, model.place_people)
    write.write_barriers(out / "boundaries" / "barriers.geojson", model.water.names, model.water.shapes, facts.crs)
    write.write_elevation(out / "roads" / "elevation.tif", model.grid, model.terrain.height_m, facts.crs)
    write.write_roads(out / "roads" / "roads.parquet", write.road_lines(model.network, facts.crs))
    write.write_demand(out / "population" / "demand.csv", model.points, facts)
    write.write_facilities(out / "facilities", model.layers, facts.crs)
