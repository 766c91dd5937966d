"""Lay the roads of the country: corridors, links between seats, roads to villages, tracks to hamlets."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.spatial import Delaunay, cKDTree

from .facts import Facts
from .grid import Array, Grid
from .routing import RoadGrid, link_key
from .water import Water

_WINDING_WANTED = 2.1


def lay_main_roads(roads: RoadGrid, facts: Facts, water: Water) -> None:
    """Lay the corridors, then link each seat with its neighbours, then make sure that city bridges are used."""
    grid = roads.grid
    seats = dry_cells(grid, water, facts.townships[["x_m", "y_m"]].to_numpy())
    for corridor in facts.settings["corridors"]:
        stops = [_snap(grid, water, point, facts, seats) for point in corridor["points"]]
        for start, goal in pairwise(stops):
            if start != goal:
                path = roads.route(start, goal, corridor["road_class"])
                roads.lay(path, corridor["road_class"], corridor["name"])
    for first, second, shortest in _neighbour_pairs(grid.xy_m(seats)):
        road_class = "secondary" if shortest else "tertiary"
        roads.lay(roads.route(int(seats[first]), int(seats[second]), road_class), road_class)
    for bridge in water.bridges:
        if bridge.in_city:
            for path in roads.reach(np.array([bridge.cell_a, bridge.cell_b]), "secondary"):
                roads.lay(path, "secondary")
            roads.lay([bridge.cell_a, bridge.cell_b], "secondary")


def dry_cells(grid: Grid, water: Water, xy_m: Array) -> Array:
    """Give the dry cell nearest to each point."""
    dry = np.flatnonzero(~water.blocked.ravel())
    _, near = cKDTree(grid.xy_m(dry)).query(xy_m)
    return np.asarray(dry[near])


def _snap(grid: Grid, water: Water, point: Array, facts: Facts, seats: Array) -> int:
    """Take the seat for a point within 2 km of it, else the nearest dry cell."""
    far = np.hypot(*(facts.townships[["x_m", "y_m"]].to_numpy() - point).T)
    if far.min() < 2000:
        return int(seats[int(np.argmin(far))])
    return int(dry_cells(grid, water, np.atleast_2d(point))[0])


def _neighbour_pairs(xy_m: Array) -> list[tuple[int, int, bool]]:
    """Pair seats that no third seat stands between (Gabriel); shortest ones of each seat first."""
    middle = (xy_m[:, None] + xy_m[None]) / 2
    radius = np.hypot(*(xy_m[:, None] - xy_m[None]).transpose(2, 0, 1)) / 2
    pairs = []
    for a in range(len(xy_m)):
        for b in range(a + 1, len(xy_m)):
            others = np.delete(np.arange(len(xy_m)), [a, b])
            if (np.hypot(*(xy_m[others] - middle[a, b]).T) >= radius[a, b]).all():
                pairs.append((float(radius[a, b]), a, b))
    pairs.sort()
    seen: Counter[int] = Counter()
    out = []
    for _, a, b in pairs:
        out.append((a, b, seen[a] < 2 or seen[b] < 2))
        seen.update((a, b))
    return out


def lay_village_roads(roads: RoadGrid, seats: Array, rng: np.random.Generator) -> Array:
    """Link every village seat, count who shares a road, add loops between near villages.

    Returns
    -------
    (n,) bool
        True for villages linked by a track only.
    """
    paths = roads.reach(seats, "unclassified")
    shared = Counter(link_key(a, b) for path in paths for a, b in pairwise(path))
    by_track = np.zeros(len(seats), bool)
    for n, path in enumerate(paths):
        by_track[n] = len(path) > 8 and all(shared[link_key(a, b)] == 1 for a, b in pairwise(path[:4])) \
            and rng.random() < 0.07
        for a, b in pairwise(path):
            used = shared[link_key(a, b)]
            road_class = "tertiary" if used >= 4 else "track" if by_track[n] and used == 1 else "unclassified"
            roads.lay([a, b], road_class)
    _lay_loops(roads, seats, "unclassified", limit_m=4500, share=0.3, rng=rng)
    return by_track


def _lay_loops(roads: RoadGrid, stops: Array, road_class: str, *, limit_m: float, share: float,
               rng: np.random.Generator) -> None:
    """Link neighbours whose way by road is far longer than the straight one."""
    stops = np.intersect1d(stops, roads.cells())
    xy = roads.grid.xy_m(stops)
    pairs = np.unique(np.sort(np.concatenate(
        [Delaunay(xy).simplices[:, two] for two in ((0, 1), (1, 2), (0, 2))]), axis=1), axis=0)
    straight = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    pairs, straight = pairs[straight < limit_m], straight[straight < limit_m]
    winding = roads.along(stops[pairs], 3 * limit_m) / np.maximum(straight, 1)
    for (a, b), factor in zip(pairs[np.argsort(straight)].tolist(), winding[np.argsort(straight)], strict=True):
        if factor > _WINDING_WANTED and rng.random() < share:
            path = roads.route(int(stops[a]), int(stops[b]), road_class)
            if path and len(path) * roads.grid.cell_m < 2.6 * np.hypot(*(xy[a] - xy[b])):
                roads.lay(path, road_class)


def lay_hamlet_roads(roads: RoadGrid, hamlets: pd.DataFrame, rng: np.random.Generator) -> None:
    """Link the hamlets that are to be linked: the larger by village road, the smaller by track or path."""
    linked = hamlets[hamlets["linked"]]
    for class_, part in linked.groupby("link_class", sort=False):
        for path in roads.reach(part["cell"].to_numpy(), str(class_)):
            for a, b in pairwise(path):
                roads.lay([a, b], str(class_))
    _lay_loops(roads, linked["cell"].drop_duplicates().to_numpy(), "path", limit_m=1100, share=0.75, rng=rng)


