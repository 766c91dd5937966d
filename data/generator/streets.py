"""Draw the streets of the city and the towns: leaning lattices that keep off water and steep ground."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from .facts import Facts
from .grid import STEPS, Array, Grid, ends, spread
from .partition import closed_between
from .routing import RANKS
from .terrain import Terrain
from .water import Water


def built_up(grid: Grid, facts: Facts, terrain: Terrain, water: Water, owner: Array, seats: Array,
             area_km2: Array) -> Array:
    """Grow each place's built-up area over gentle ground inside the place, from its seat and from the town's core.

    Returns
    -------
    (rows, cols) array
        Position of the place; -1 outside built-up areas.
    """
    effort = 1 + (terrain.slope / 0.13) ** 2 + 4 * water.blocked
    weights = [np.add(*ends(effort, step)) / 2 * float(np.hypot(*step)) * grid.cell_m for step in STEPS]
    own, _, _ = spread(closed_between(weights, owner), grid.shape, seats, np.zeros(len(seats)))
    cores = grid.cell_at(np.vstack([facts.townships[["x_m", "y_m"]].to_numpy(), np.array(facts.centre_m)]))
    core, _, _ = spread(weights, grid.shape, cores, np.zeros(len(cores)))
    cost = core + 0.35 * own
    built = np.full(owner.size, -1)
    flat, dry = owner.ravel(), ~water.blocked.ravel()
    for place in np.flatnonzero(area_km2 > 0.02):
        cells = np.flatnonzero((flat == place) & dry)
        want = max(4, int(area_km2[place] * 1e6 / grid.cell_m**2))
        built[cells[np.argsort(cost[cells], kind="stable")[:want]]] = place
    return built.reshape(grid.shape)


def built_stops(grid: Grid, built: Array, seats: Array) -> Array:
    """Give the cells that a road must lead to: middle and far end of each built-up area that lie off its seat."""
    cells = np.flatnonzero(built.ravel() >= 0)
    owner, xy = built.ravel()[cells], grid.xy_m(cells)
    stops = []
    for place in np.unique(owner).tolist():
        own, at = cells[owner == place], xy[owner == place]
        from_seat_m = np.hypot(*(at - grid.xy_m(seats[place: place + 1])).T)
        middle = int(np.argmin(np.hypot(*(at - at.mean(axis=0)).T)))
        stops += [int(own[n]) for n in (middle, int(np.argmax(from_seat_m))) if from_seat_m[n] > 300]
    return np.unique(np.array(stops, dtype=int))


def draw_streets(grid: Grid, facts: Facts, terrain: Terrain, water: Water, built: Array,
                 rng: np.random.Generator) -> pd.DataFrame:
    """Draw a lattice of streets over the built-up area of each township.

    Returns
    -------
    DataFrame
        x0, y0, x1, y1 (metres), rank, oneway.
    """
    township = facts.townships.set_index("township_code").index.get_indexer(facts.places["township_code"])
    keep_off = shapely.buffer(water.surface, 14)
    shapely.prepare(keep_off)
    banks = shapely.boundary(water.surface)
    tables = []
    for index in range(len(facts.townships)):
        mask = (built >= 0) & (township[np.maximum(built, 0)] == index)
        if mask.sum() >= 12:
            tables.append(_lattice(grid, mask, keep_off, banks, rng).assign(sector=index))
    if not tables:
        return pd.DataFrame(columns=["x0", "y0", "x1", "y1", "rank", "oneway"])
    streets = _fit_slopes(pd.concat(tables, ignore_index=True), grid, terrain)
    return pd.concat([streets, _joints(streets, keep_off)], ignore_index=True).drop(columns="sector")


def _lattice(grid: Grid, mask: Array, keep_off: shapely.Geometry, banks: shapely.Geometry,
             rng: np.random.Generator) -> pd.DataFrame:
    """Draw the lattice of one township, turned to lie along the nearest bank."""
    cells = np.flatnonzero(mask.ravel())
    xy = grid.xy_m(cells)
    middle = xy.mean(axis=0)
    turn = _bank_angle(banks, middle) + rng.normal(0, 0.12)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    gap = np.array([rng.uniform(150, 200), rng.uniform(105, 145)])
    span = np.ceil(np.abs((xy - middle) @ axes.T).max(axis=0) / gap).astype(int) + 1
    i, j = np.meshgrid(np.arange(-span[0], span[0] + 1), np.arange(-span[1], span[1] + 1), indexing="ij")
    local = np.stack([i * gap[0], j * gap[1]], axis=-1).astype(float)
    phase = rng.uniform(0, 6.28, 4)
    local[..., 0] += 60 * np.sin(local[..., 1] / 520 + phase[0]) + 24 * np.sin(local[..., 1] / 190 + phase[1])
    local[..., 1] += 60 * np.sin(local[..., 0] / 560 + phase[2]) + 24 * np.sin(local[..., 0] / 230 + phase[3])
    local += rng.normal(0, 9, local.shape)
    nodes = middle + local @ axes
    inside = mask.flat[grid.cell_at(nodes.reshape(-1, 2))].reshape(i.shape)
    rows = []
    for line, (from_, to) in enumerate((((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
                                        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))))):
        kept = inside[from_] & inside[to]
        number = (j if line == 0 else i)[from_][kept]
        rows.append(_edges(nodes[from_][kept], nodes[to][kept], number, rng))
    edges = pd.concat(rows, ignore_index=True)
    ways = shapely.linestrings(edges[["x0", "y0", "x1", "y1"]].to_numpy().reshape(-1, 2, 2))
    return edges[~shapely.intersects(keep_off, ways)]


def _fit_slopes(streets: pd.DataFrame, grid: Grid, terrain: Terrain) -> pd.DataFrame:
    """Make steps of steep streets and leave out the steepest."""
    begin, end = streets[["x0", "y0"]].to_numpy(), streets[["x1", "y1"]].to_numpy()
    climb_m = np.abs(terrain.height_m.flat[grid.cell_at(begin)] - terrain.height_m.flat[grid.cell_at(end)])
    grade = climb_m / np.hypot(*(end - begin).T)
    steps = (grade > 0.17) & (streets["rank"] != RANKS.index("tertiary")).to_numpy()
    rank = np.where(steps, RANKS.index("steps"), streets["rank"])
    return streets.assign(rank=rank, oneway=np.where(steps, 0, streets["oneway"]))[grade < 0.28]


def _bank_angle(banks: shapely.Geometry, middle: Array) -> float:
    """Give the direction of the bank nearest to a point."""
    near = shapely.shortest_line(banks, shapely.Point(middle))
    (x0, y0), (x1, y1) = shapely.get_coordinates(near)
    return float(np.arctan2(y1 - y0, x1 - x0) + np.pi / 2)


def _edges(begin: Array, end: Array, number: Array, rng: np.random.Generator) -> pd.DataFrame:
    """Make the streets of one direction: each fourth a larger one, some gone, some one-way, some for feet only."""
    large = number % 4 == 0
    draw = rng.random(len(number))
    rank = np.where(large, RANKS.index("tertiary"), RANKS.index("residential"))
    rank = np.where(~large & (draw > 0.93), RANKS.index("footway"), rank)
    rank = np.where(~large & (draw > 0.985), RANKS.index("steps"), rank)
    oneway = np.where((number % 9 == 5) & (rank == RANKS.index("residential")), 1, 0)
    table = pd.DataFrame({"x0": begin[:, 0], "y0": begin[:, 1], "x1": end[:, 0], "y1": end[:, 1], "rank": rank,
                          "oneway": oneway})
    return table[large | (draw > 0.11)]


def _joints(streets: pd.DataFrame, keep_off: shapely.Geometry, reach_m: float = 170.0) -> pd.DataFrame:
    """Join nodes of neighbouring lattices that face each other."""
    nodes = pd.concat([streets[["x0", "y0", "sector"]].set_axis(["x", "y", "sector"], axis=1),
                       streets[["x1", "y1", "sector"]].set_axis(["x", "y", "sector"], axis=1)]).drop_duplicates()
    xy, sector = nodes[["x", "y"]].to_numpy(), nodes["sector"].to_numpy()
    pairs = cKDTree(xy).query_pairs(reach_m, output_type="ndarray")
    pairs = pairs[sector[pairs[:, 0]] != sector[pairs[:, 1]]]
    far = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    used: set[int] = set()
    rows = []
    for a, b in pairs[np.lexsort((pairs[:, 1], pairs[:, 0], far))].tolist():
        if a not in used and b not in used and not shapely.intersects(keep_off, shapely.LineString(xy[[a, b]])):
            used.update((a, b))
            rows.append((*xy[a], *xy[b], RANKS.index("residential"), 0))
    return pd.DataFrame(rows, columns=["x0", "y0", "x1", "y1", "rank", "oneway"])
