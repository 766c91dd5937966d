"""Work out heights and slopes once more for `lifecircle verify`, by rasterio, scipy and networkx.

Nothing here calls what the run used: voids are filled like a membrane stretched over them, bridges and tunnels are laid
straight part by part, and Tobler's factor is written out anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import numpy.typing as npt
from pyproj import Transformer

from lifecircle.inputs.elevation import elevation_files

if TYPE_CHECKING:
    from lifecircle.verifyroads import Roads

Array = npt.NDArray[Any]
#: Longest piece of road with one slope.
PIECE_M = 50.0
#: Heights reach this far into a void; the membrane comes to rest in so many rounds.
_REACH_M, _ROUNDS = 1000.0, 400
_M_PER_DEGREE = 111_320.0


class Heights:
    """Heights between the four nearest cells of one or several rasters, voids filled."""

    def __init__(self, pattern: str | Path, crs: str) -> None:
        import rasterio

        self.tiles = []
        for path in elevation_files(pattern):
            with rasterio.open(path) as file:
                raw = file.read(1, masked=True).astype(float).filled(np.nan)
                metre = _M_PER_DEGREE if file.crs.is_geographic else 1.0
                shrink = np.cos(np.radians(file.transform.f)) if file.crs.is_geographic else 1.0
                size_m = abs(file.transform.e) * metre, abs(file.transform.a) * metre * shrink
                transformer = Transformer.from_crs(crs, file.crs, always_xy=True)
                self.tiles.append((raw, _membrane(raw, size_m), ~file.transform, transformer))

    def at(self, xy_m: Array, *, measured: bool = False) -> Array:
        """Give the heights of (k, 2) positions; NaN where any of the four cells around is void (or was: `measured`)."""
        from scipy.ndimage import map_coordinates

        z_m = np.full(len(xy_m), np.nan)
        for raw, filled, back, transformer in self.tiles:
            values = raw if measured else filled
            x, y = transformer.transform(*xy_m.T)
            place = [back.d * x + back.e * y + back.f - 0.5, back.a * x + back.b * y + back.c - 0.5]
            inside = np.logical_and.reduce([(p > -1) & (p < n) for p, n in zip(place, values.shape, strict=True)])
            inside &= np.isnan(z_m)
            z_m[inside] = map_coordinates(values, [p[inside] for p in place], order=1, mode="nearest")
        return z_m

    def void_ways(self, roads: Roads) -> frozenset[int]:
        """List the ways that touch ground whose height nobody measured."""
        begin, end = roads.xy_m[roads.u], roads.xy_m[roads.v]
        void = np.logical_or.reduce([np.isnan(self.at(begin + (end - begin) * share, measured=True))
                                     for share in np.linspace(0.0, 1.0, 5)])
        return frozenset(np.array(roads.ways, dtype=np.int64)[roads.of[void]].tolist())


def _membrane(raw: Array, size_m: tuple[float, float]) -> Array:
    """Stretch a membrane over the voids: every void cell becomes the mean of its four neighbours."""
    from scipy.ndimage import distance_transform_edt

    void = np.isnan(raw)
    if not void.any() or void.all():
        return raw
    away_m, nearest = distance_transform_edt(void, sampling=size_m, return_indices=True)
    z = np.pad(raw[tuple(nearest)], 1, mode="edge")
    row, column = (place + 1 for place in np.nonzero(void & (away_m <= _REACH_M)))
    for _ in range(_ROUNDS):
        z[row, column] = (z[row - 1, column] + z[row + 1, column] + z[row, column - 1] + z[row, column + 1]) / 4
    filled: Array = np.where(void & (away_m > _REACH_M), np.nan, z[1:-1, 1:-1])
    return filled


def climb(roads: Roads, keep: Array, built: Array, heights: Heights) -> tuple[Array, Array]:
    """Give walking time over level walking time of some pieces, both ways: Tobler's factor, at most 1.

    Parameters
    ----------
    roads : Roads
    keep : (k,) int64
        The pieces asked for.
    built : (m,) bool
        Pieces on a bridge or in a tunnel: one slope from end to end, whatever the ground does.
    heights : Heights
    """
    up, down = np.ones(len(keep)), np.ones(len(keep))
    node_z, length = _node_heights(roads, built, heights), roads.length_m[keep]
    begin, end = roads.xy_m[roads.u[keep]], roads.xy_m[roads.v[keep]]
    pieces = np.where(built[keep], 1, np.maximum(np.ceil(length / PIECE_M).astype(int), 1))
    for count in np.unique(pieces):
        rows = np.flatnonzero(pieces == count)
        along = np.linspace(0.0, 1.0, count + 1)[None, :, None]
        places = begin[rows, None] * (1 - along) + end[rows, None] * along
        z = heights.at(places.reshape(-1, 2)).reshape(len(rows), count + 1)
        z[:, 0], z[:, -1] = node_z[roads.u[keep[rows]]], node_z[roads.v[keep[rows]]]
        slope = np.nan_to_num(np.diff(z, axis=1)) / np.maximum(length[rows, None] / count, 0.01)
        for out, way in ((up, slope), (down, -slope)):
            steep = np.minimum(np.maximum(way, -1.0), 1.0)
            out[rows] = np.mean(1 / np.minimum(np.exp(-3.5 * (abs(steep + 0.05) - 0.05)), 1.0), axis=1)
    return up, down


def _node_heights(roads: Roads, built: Array, heights: Heights) -> Array:
    """Give the heights of the ground, and between the portals of bridges and tunnels those of the structure."""
    z = heights.at(roads.xy_m)
    ground = {*roads.u[~built].tolist(), *roads.v[~built].tolist()}
    graph = nx.MultiGraph()
    for u, v, metres in zip(roads.u[built].tolist(), roads.v[built].tolist(), roads.length_m[built].tolist(),
                            strict=True):
        graph.add_edge(u, v, near=1.0 / max(metres, 0.01))
    for part in nx.connected_components(graph):
        portals = [node for node in part if node in ground] or [node for node in part if graph.degree(node) == 1]
        portals = [node for node in portals if z[node] == z[node]]
        inner = sorted(part.difference(portals))
        if portals and inner:
            pull = nx.laplacian_matrix(graph.subgraph(part), [*inner, *portals], weight="near").toarray()
            k = len(inner)
            z[inner] = np.linalg.solve(pull[:k, :k], -pull[:k, k:] @ z[portals])
    return z
