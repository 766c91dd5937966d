"""The minutes by the rules of docs/method.md, as an analyst can follow them: roads cut every 10 m, and networkx.

Each of the points so made is a node. Homes and doors are joined to every one within the limit whose straight walk meets
no water and no steep ground; trips by car are a walk, a drive and a walk, searched one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import rasterio
import rasterio.features
import shapely
from analystdata import District, Mode, rules_of, speeds, straight, tobler, used
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

STEP_M, SLOPE_STEP_M, CELL_M, DOOR_STEP_M = 10.0, 50.0, 10.0, 50.0
ISLAND_SHARE = 0.01
_CHUNK = 500


@dataclass(frozen=True)
class Net:
    """Roads turned round, so that a search runs from the doors: minutes, and which points may be joined."""

    graph: nx.DiGraph
    joinable: np.ndarray
    mainland: np.ndarray

    def search(self, start: np.ndarray) -> np.ndarray:
        """Give the minutes of every point, where some hold minutes already."""
        known = np.flatnonzero(np.isfinite(start))
        self.graph.add_weighted_edges_from((-1, node, least) for node, least in zip(
            known.tolist(), start[known].tolist(), strict=True))
        found = nx.single_source_dijkstra_path_length(self.graph, -1) if len(known) else {}
        self.graph.remove_nodes_from([-1])
        minutes = np.full(len(start), np.inf)
        minutes[[node for node in found if node >= 0]] = [least for node, least in found.items() if node >= 0]
        return minutes


@dataclass(frozen=True)
class Legs:
    """Unblocked straight walks from places to points: place, point, metres."""

    place: np.ndarray
    point: np.ndarray
    metres: np.ndarray

    def best(self, count: int, at_point: np.ndarray, min_per_m: float) -> np.ndarray:
        """Give the least walk plus what the point holds, for every place."""
        least = np.full(count, np.inf)
        np.minimum.at(least, self.place, self.metres * min_per_m + at_point[self.point])
        return least


class Ground:
    """Where a straight walk may not pass, on cells of 10 m."""

    def __init__(self, district: District) -> None:
        tables = [district.homes, *district.layers.values()]
        west, south, east, north = shapely.total_bounds(np.concatenate([t.geometry.to_numpy() for t in tables]))
        self.west, self.north = west - 500, north + 500
        shape = tuple(int(np.ceil((high - low + 1000) / CELL_M)) + 1 for low, high in ((south, north), (west, east)))
        self.blocked = np.zeros(shape, np.uint8)
        at = rasterio.Affine(CELL_M, 0, self.west, 0, -CELL_M, self.north)
        if len(district.water):
            rasterio.features.rasterize(district.water.geometry, out=self.blocked, transform=at, all_touched=True)
        if district.heights and np.isfinite(district.steep_deg):
            self._close_steep(district)

    def _close_steep(self, district: District) -> None:
        with rasterio.open(district.heights) as raster:
            down, right = np.gradient(raster.read(1).astype(float), *raster.res[::-1])
            y = self.north - (np.arange(self.blocked.shape[0]) + 0.5) * CELL_M
            x = self.west + (np.arange(self.blocked.shape[1]) + 0.5) * CELL_M
            row = np.floor((raster.bounds.top - y) / raster.res[1]).astype(int)
            column = np.floor((x - raster.bounds.left) / raster.res[0]).astype(int)
        steep = np.degrees(np.arctan(np.hypot(down, right))) > district.steep_deg
        rows, columns = (np.flatnonzero((at >= 0) & (at < size)) for at, size in zip((row, column), steep.shape,
                                                                                     strict=True))
        self.blocked[np.ix_(rows, columns)] |= steep[np.ix_(row[rows], column[columns])]

    def open_way(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Tell which straight walks meet no blocked cell, looked at every 2.5 m or so, their end cells exempt."""
        free = np.ones(len(a), dtype=bool)
        first, last = self._cells(a), self._cells(b)
        rows, columns = self.blocked.shape
        for share in np.linspace(0.0, 1.0, 121)[1:-1]:
            cell = self._cells(a + share * (b - a))
            inner = (cell != first).any(axis=1) & (cell != last).any(axis=1)
            inner &= ((cell >= 0) & (cell < [rows, columns])).all(axis=1)
            free[inner] &= self.blocked[cell[inner, 0], cell[inner, 1]] == 0
        return free

    def _cells(self, xy: np.ndarray) -> np.ndarray:
        return np.floor(np.column_stack([self.north - xy[:, 1], xy[:, 0] - self.west]) / CELL_M).astype(int)


class _Roads:
    """Roads cut every 10 m: where the points are, and which arcs join them."""

    def __init__(self, district: District) -> None:
        self.pieces, corners = straight(district.roads)
        self.up, self.down = _slopes(district, self.pieces)
        count = np.ceil(self.pieces["length"].to_numpy() / STEP_M).astype(int)
        self.piece = np.repeat(np.arange(len(count)), count)
        step = np.arange(len(self.piece)) - np.repeat(np.cumsum(count) - count, count)
        u, v = self.pieces["u"].to_numpy()[self.piece], self.pieces["v"].to_numpy()[self.piece]
        self.tail = np.where(step == 0, u, len(corners) + np.cumsum(step > 0) - 1)
        self.head = np.where(step == count[self.piece] - 1, v, np.append(self.tail[1:], 0))
        along = corners[u] + (corners[v] - corners[u]) * (step / count[self.piece])[:, None]
        self.xy = np.vstack([corners, along[step > 0]])
        self.length = (self.pieces["length"].to_numpy() / count)[self.piece]

    def net(self, mode: Mode) -> Net:
        """Weigh the arcs for a mode."""
        kph = speeds(self.pieces, mode)
        level = self.length / 1000 / np.where(kph > 0, kph, np.nan)[self.piece] * 60
        sloped = mode["slope"] == "tobler"
        oneway = (self.pieces["oneway"].to_numpy() * bool(mode["respects_oneway"]))[self.piece]
        there, back = (level * (factor[self.piece] if sloped else 1.0) for factor in (self.up, self.down))
        there, back = np.where(oneway == -1, np.nan, there), np.where(oneway == 1, np.nan, back)
        arcs = pd.DataFrame({"from": np.concatenate([self.head, self.tail]),
                             "to": np.concatenate([self.tail, self.head]),
                             "minutes": np.concatenate([there, back])}).dropna()
        arcs = arcs.sort_values("minutes", ascending=False)  # of parallel arcs the last one written stays
        graph = nx.DiGraph()
        graph.add_nodes_from(range(len(self.xy)))
        graph.add_weighted_edges_from(arcs.itertuples(index=False, name=None))
        closed = self.pieces["bridge"] | self.pieces["tunnel"] | self.pieces["road_class"].isin(
            ["motorway", "motorway_link", "ferry"])
        usable = (kph > 0)[self.piece]
        joinable, mainland = np.zeros((2, len(self.xy)), dtype=bool)
        for end in (self.tail, self.head):
            joinable[end[usable & ~closed.to_numpy()[self.piece]]] = True
        parts = list(nx.weakly_connected_components(graph.subgraph(arcs["from"].tolist())))
        for part in parts:
            if len(part) >= ISLAND_SHARE * sum(map(len, parts)):
                mainland[list(part)] = True
        return Net(graph, joinable, mainland)


def _slopes(district: District, pieces: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Give walking time over level walking time there and back, from heights every 50 m; structures lie straight."""
    if district.heights is None:
        return np.ones(len(pieces)), np.ones(len(pieces))
    with rasterio.open(district.heights) as raster:
        z, back = raster.read(1).astype(float), ~raster.transform
    ends = shapely.get_coordinates(pieces.geometry.to_numpy()).reshape(-1, 2, 2)
    count = np.maximum(np.ceil(pieces["length"].to_numpy() / SLOPE_STEP_M), 1).astype(int)
    part = np.repeat(np.arange(len(count)), count)
    step = np.arange(len(part)) - np.repeat(np.cumsum(count) - count, count)

    def height(share: np.ndarray, part: np.ndarray) -> np.ndarray:
        x, y = (ends[part, 0] + (ends[part, 1] - ends[part, 0]) * share[:, None]).T
        return map_coordinates(z, [back.d * x + back.e * y + back.f - 0.5, back.a * x + back.b * y + back.c - 0.5],
                               order=1, mode="nearest")

    rise = height((step + 1) / count[part], part) - height(step / count[part], part)
    slope = rise / (pieces["length"].to_numpy() / count)[part]
    built = (pieces["bridge"] | pieces["tunnel"]).to_numpy(dtype=bool)
    total = pieces.assign(rise=np.bincount(part, rise)).groupby("line")[["rise", "length"]].transform("sum")
    slope = np.where(built[part], (total["rise"] / total["length"]).to_numpy()[part], slope)
    return tuple(np.bincount(part, 1 / tobler(sign * slope)) / count for sign in (1, -1))


def _join(places: np.ndarray, points: np.ndarray, limit_m: float, ground: Ground) -> Legs:
    """Find every unblocked walk within the limit."""
    tree, found = cKDTree(points), []
    for begin in range(0, len(places), _CHUNK):
        some = places[begin:begin + _CHUNK]
        lists = tree.query_ball_point(some, limit_m)
        place = np.repeat(np.arange(len(some)), [len(item) for item in lists])
        point = np.array([at for item in lists for at in item], dtype=int)
        free = ground.open_way(some[place], points[point])
        metres = np.hypot(*(some[place] - points[point]).T)
        found.append((begin + place[free], point[free], metres[free]))
    return Legs(*(np.concatenate(column) for column in zip(*found, strict=True)))


def same_minutes(district: District) -> Callable[[str, str], tuple[np.ndarray, np.ndarray]]:
    """Cut and weigh the roads, join homes and doors, and give what tells minutes and doubt of all homes."""
    roads, ground = _Roads(district), Ground(district)
    walks = {name: name if district.modes[name]["family"] == "foot" else district.modes[name]["walk_mode"]
             for name in used(district)}
    nets = {name: roads.net(district.modes[name]) for name in sorted({*walks, *walks.values()})}
    limit_m = max(district.modes[name]["snap_limit_m"] for name in walks)
    homes = np.column_stack([district.homes.geometry.x, district.homes.geometry.y])
    home_legs = _join(homes, roads.xy, limit_m, ground)
    doors = {layer: _doors(district.layers[layer]) for layer in district.layers if rules_of(district, layer)}
    door_legs = {layer: _join(xy, roads.xy, limit_m, ground) for layer, xy in doors.items()}

    def minutes(layer: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        mode, foot, wheels = district.modes[name], nets[walks[name]], nets[name]
        min_per_m = 0.06 / district.modes[walks[name]]["off_road_kph"]
        xy, out = doors[layer], door_legs[layer]
        start = np.full(len(roads.xy), np.inf)
        np.minimum.at(start, out.point, out.metres * min_per_m)
        at = foot.search(np.where(foot.joinable, start, np.inf))
        if wheels is not foot:
            driven = wheels.search(np.where(wheels.joinable, np.minimum(at, start), np.inf)) + mode["terminal_min"]
            at = np.where(wheels.joinable, np.minimum(foot.search(np.minimum(at, driven)), driven),
                          foot.search(np.minimum(at, driven)))
        joined = np.where(foot.joinable | wheels.joinable, at, np.inf)
        straight_on = _join(homes, xy, limit_m, ground)
        taken = np.minimum(home_legs.best(len(homes), joined, min_per_m),
                           straight_on.best(len(homes), np.zeros(len(xy)), min_per_m))
        near = _near_mainland(foot, roads.xy, limit_m)
        lost_door = ~(np.isin(np.arange(len(xy)), out.place) & near(xy))
        reach_m = _cutoffs(district, layer) / 60 * 1000 * max(
            kph for kind, kph in mode["speeds_kph"].items() if kind != "ferry")
        lost, found = (_nearest_m(homes, xy[chosen]) <= reach_m for chosen in (lost_door, ~lost_door))
        apart = ~near(homes) | ~np.isin(np.arange(len(homes)), home_legs.place[foot.joinable[home_legs.point]])
        return taken, (np.isinf(taken) & apart) | (lost & ~found)

    return minutes


def _doors(table: gpd.GeoDataFrame) -> np.ndarray:
    """Give the doors: a point is one, of a polygon its outline every 50 m."""
    shapes = table.geometry.to_numpy()
    areas = shapely.get_dimensions(shapes) > 0
    return shapely.get_coordinates(np.where(areas, shapely.segmentize(shapely.boundary(shapes), DOOR_STEP_M), shapes))


def _near_mainland(net: Net, xy: np.ndarray, limit_m: float) -> Callable[[np.ndarray], np.ndarray]:
    tree = cKDTree(xy[net.mainland])
    return lambda places: tree.query(places)[0] <= limit_m


def _nearest_m(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    return cKDTree(others).query(places)[0] if len(others) else np.full(len(places), np.inf)


def _cutoffs(district: District, layer: str) -> np.ndarray:
    urban, rural = (rule["cutoff_min"] for rule in rules_of(district, layer))
    return np.where(district.homes["class"] == "urban", urban, rural)
