"""Lay expressways: wide curves on viaducts and in tunnels, tied to other roads at interchanges only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from .facts import Facts
from .grid import Array, Grid
from .lines import Network
from .routing import RANKS
from .terrain import Terrain
from .water import Water

_STEP_M = 180.0
_RAMP_ROADS = ("trunk", "primary", "secondary", "tertiary")


def add_expressways(network: Network, grid: Grid, facts: Facts, terrain: Terrain, water: Water,
                    area: shapely.Geometry) -> Network:
    """Add every expressway of the facts within an area, with its interchanges."""
    for row in facts.settings["expressways"]:
        line = _curve(np.asarray(row["points"]))
        line = line[shapely.contains_xy(area, line[:, 0], line[:, 1])]
        network = _add_line(network, line, row["name"], _structures(network, grid, terrain, water, line))
        for interchange in row["interchanges"]:
            network = _add_ramps(network, interchange, line, water)
    return network


def _curve(points: Array) -> Array:
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    return np.asarray(CubicSpline(along, points)(np.linspace(0, along[-1], int(along[-1] / _STEP_M))))


def _structures(network: Network, grid: Grid, terrain: Terrain, water: Water, line: Array) -> tuple[Array, Array]:
    """Tell per segment whether it is a viaduct (over water, roads or a deep valley) or a tunnel."""
    ground = terrain.height_m.flat[grid.cell_at(line)]
    deck = gaussian_filter1d(ground, 9, mode="nearest")
    above = ((deck - ground)[:-1] + (deck - ground)[1:]) / 2
    pieces = shapely.linestrings(np.stack([line[:-1], line[1:]], axis=1))
    over_road = np.zeros(len(pieces), bool)
    over_road[shapely.STRtree(network.lines()).query(pieces, predicate="intersects")[0]] = True
    over_water = shapely.intersects(shapely.buffer(water.surface, 1), pieces)
    tunnel = (above < -38) & ~over_water
    return (over_water | over_road | (above > 30)) & ~tunnel, tunnel


def _add_line(network: Network, line: Array, name: str, structures: tuple[Array, Array]) -> Network:
    first = len(network.xy_m)
    u = np.arange(first, first + len(line) - 1)
    bridge, tunnel = structures
    table = pd.DataFrame({"u": u, "v": u + 1, "rank": RANKS.index("motorway"), "bridge": bridge, "tunnel": tunnel,
                          "oneway": 0, "apart": True, "name": name})
    return Network(np.concatenate([network.xy_m, line]), pd.concat([network.segments, table], ignore_index=True))


def _add_ramps(network: Network, interchange: dict[str, Any], line: Array, water: Water) -> Network:
    """Tie the expressway's nearest vertex to a near road that it can reach without crossing water."""
    on_line = int(np.argmin(np.hypot(*(line - interchange["at"]).T)))
    start = line[on_line]
    node = int(np.argmin(np.hypot(*(network.xy_m - start).T)))
    roads = network.segments[network.segments["rank"].isin([RANKS.index(name) for name in _RAMP_ROADS])]
    candidates = np.unique(roads["u"].to_numpy(int))
    far, near = cKDTree(network.xy_m[candidates]).query(start, k=min(200, len(candidates)))
    for distance, position in zip(np.atleast_1d(far), np.atleast_1d(near), strict=True):
        goal = network.xy_m[candidates[position]]
        curve = _bend(start, goal)
        if 120 < distance < 4000 and not shapely.intersects(water.surface, shapely.LineString(curve)):
            return _add_ramp(network, node, int(candidates[position]), curve[1:-1], f"{interchange['name']}互通")
    return network


def _bend(start: Array, goal: Array, count: int = 9) -> Array:
    """Give a ramp's curve between two points, bulging to one side."""
    middle = (start + goal) / 2 + np.array([start[1] - goal[1], goal[0] - start[0]]) * 0.3
    t = np.linspace(0, 1, count)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * goal


def _add_ramp(network: Network, node: int, goal: int, inner: Array, name: str) -> Network:
    """Add a ramp on a level of its own; it counts as a bridge, so that nothing joins it on the way."""
    new = np.arange(len(network.xy_m), len(network.xy_m) + len(inner))
    nodes = np.concatenate([[node], new, [goal]])
    table = pd.DataFrame({"u": nodes[:-1], "v": nodes[1:], "rank": RANKS.index("motorway_link"), "bridge": True,
                          "tunnel": False, "oneway": 0, "apart": True, "name": name})
    return Network(np.concatenate([network.xy_m, inner]), pd.concat([network.segments, table], ignore_index=True))
