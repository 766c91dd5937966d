"""A grid town that can be worked by hand: 5 x 5 crossings, 100 m blocks, 6 km/h on the street, 3.6 km/h off it."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from lifecircle.network.access import Access, Doors
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import MODES, TravelMode
from lifecircle.osmtags import CLASS_INDEX, ROAD_CLASSES
from lifecircle.roadnetwork import RoadNetwork

CRS = "EPSG:32648"
ORIGIN_M = np.array([500_000.0, 3_500_000.0])
#: 100 m a minute along the streets, 60 m a minute off them.
WALK: TravelMode = replace(MODES["walk"], speeds_kph=MappingProxyType(dict.fromkeys(ROAD_CLASSES, 6.0)),
                           off_road_kph=3.6, slope="none")


def grid_roads(side: int = 5, block_m: float = 100.0, **columns: Any) -> RoadNetwork:
    """Streets along every row and column; crossing (row, column) is node row * side + column."""
    index = np.arange(side * side).reshape(side, side)
    xy = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) * block_m + ORIGIN_M
    u = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    v = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    return RoadNetwork.from_segments(CRS, xy, u, v, np.full(len(u), CLASS_INDEX["residential"]), source="grid town",
                                     **columns)


def wild_roads(seed: int, *, side: int = 9, block_m: float = 160.0) -> RoadNetwork:
    """Streets with everything that makes a time hard: slanted, long and short, hills, one-way, bridges, footpaths,
    motorways, signs, curves, loops, parallel roads and an island."""
    rng = np.random.default_rng(seed)
    index = np.arange(side * side).reshape(side, side)
    xy = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2) * block_m
    xy = np.concatenate([xy + rng.uniform(-55, 55, xy.shape), [[2_000.0, 0.0], [2_000.0, 200.0]]])
    u = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    v = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    keep = rng.random(len(u)) < 0.75
    more = rng.integers(0, side * side, (14, 2))
    more = more[np.hypot(*(xy[more[:, 0]] - xy[more[:, 1]]).T) < 600]
    u = np.concatenate([u[keep], more[:, 0], [u[keep][0], 4, side * side]])  # a parallel road, a loop, an island
    v = np.concatenate([v[keep], more[:, 1], [v[keep][0], 4, side * side + 1]])
    count = len(u)
    kinds = {"residential": 0.45, "tertiary": 0.15, "service": 0.05, "footway": 0.14, "steps": 0.04, "track": 0.06,
             "trunk": 0.06, "motorway": 0.05}
    straight = np.hypot(*(xy[v] - xy[u]).T)
    return RoadNetwork.from_segments(
        CRS, xy + ORIGIN_M, u, v, rng.choice([CLASS_INDEX[kind] for kind in kinds], count, p=list(kinds.values())),
        source="wild town", node_z_m=rng.uniform(300, 330, len(xy)),
        length_m=np.where(u == v, 80.0, straight * np.maximum(rng.uniform(0.0, 1.4, count), 1.0)),
        oneway=rng.choice([0, 1, -1], count, p=[0.65, 0.2, 0.15]), bridge=rng.random(count) < 0.08,
        tunnel=rng.random(count) < 0.04, ferry=rng.random(count) < 0.02,
        foot=rng.choice([-1, 0], count, p=[0.92, 0.08]), motor=rng.choice([-1, 0, 1], count, p=[0.9, 0.05, 0.05]),
        maxspeed_kph=np.where(rng.random(count) < 0.15, 15.0, np.nan),
        speed_kph=np.where(rng.random(count) < 0.1, 22.0, np.nan))


def wild_walls(seed: int, *, extent_m: float = 2_300.0, cell_m: float = 10.0) -> BarrierGrid:
    """Two rivers with gaps and some steep ground."""
    rng = np.random.default_rng(seed)
    count = round((extent_m + 800) / cell_m)
    row, column = np.mgrid[:count, :count]
    blocked = rng.random((count, count)) < 0.004
    for slope, start in ((0.7, 0.15), (-0.5, 0.75)):
        river = np.abs(row - start * count - slope * column - 4 * np.sin(column / 9)) < 1.6
        blocked |= river & (column % 53 > 2)
    for centre in rng.uniform(0.1, 0.7, (12, 2)) * count:
        blocked |= np.hypot(row - centre[0], column - centre[1]) < rng.uniform(1.5, 5)
    return BarrierGrid(blocked.astype(np.uint8), ORIGIN_M[0] - 400.0, ORIGIN_M[1] + extent_m - 400.0, cell_m)


def scribble(seed, nodes=40, extent_m=2_000.0):
    """Slanted streets and footpaths in hills, long and short, some one-way, a bridge, an island."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, extent_m, (nodes, 2)) + ORIGIN_M
    u = np.concatenate([np.arange(1, nodes - 4), rng.integers(0, nodes - 4, nodes // 2), [nodes - 4, nodes - 3]])
    v = np.concatenate([rng.integers(0, np.arange(1, nodes - 4)), rng.integers(0, nodes - 4, nodes // 2),
                        [nodes - 3, nodes - 2]])
    kinds = [CLASS_INDEX[name] for name in ("residential", "tertiary", "footway", "motorway")]
    return RoadNetwork.from_segments(
        CRS, xy, u, v, rng.choice(kinds, len(u), p=[0.5, 0.2, 0.2, 0.1]), node_z_m=rng.uniform(300, 400, nodes),
        oneway=rng.choice([0, 1, -1], len(u), p=[0.7, 0.2, 0.1]), bridge=rng.random(len(u)) < 0.1)


def town_access(network, barriers=None):
    modes = {**MODES, "walk": replace(WALK, slope="tobler" if np.isfinite(network.node_z_m).any() else "none")}
    return Access(network, modes, barriers)


def random_doors(seed, count=6, extent_m=2_000.0):
    rng = np.random.default_rng(seed)
    return Doors(rng.uniform(-100, extent_m + 100, (count, 2)) + ORIGIN_M, np.arange(count) + 10)


def walls(seed, extent_m=2_000.0):
    cells = np.random.default_rng(seed).random((round(extent_m / 10) + 40,) * 2) < 0.03
    return BarrierGrid(cells.astype(np.uint8), ORIGIN_M[0] - 200, ORIGIN_M[1] + extent_m + 200, 10.0)
