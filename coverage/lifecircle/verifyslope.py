"""Work out heights and slopes once more for `lifecircle verify`, by rasterio, scipy and networkx.

Nothing here calls what the run used: voids are filled like a membrane stretched over them, bridges and tunnels are laid
straight part by part, bumps are taken out piece by piece, and Tobler's factor is written out anew.
"""

from __future__ import annotations

from itertools import combinations, pairwise, product
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

    def __init__(self, pattern: str | Path, crs: str, *, smooth_m: float | None = None) -> None:
        import rasterio

        self.tiles, widest_m = [], 0.0
        for path in elevation_files(pattern):
            with rasterio.open(path) as file:
                raw = file.read(1, masked=True).astype(float).filled(np.nan)
                metre = _M_PER_DEGREE if file.crs.is_geographic else 1.0
                shrink = np.cos(np.radians(file.transform.f)) if file.crs.is_geographic else 1.0
                size_m = abs(file.transform.e) * metre, abs(file.transform.a) * metre * shrink
                widest_m = max(widest_m, *size_m)
                transformer = Transformer.from_crs(crs, file.crs, always_xy=True)
                self.tiles.append((raw, _membrane(raw, size_m), ~file.transform, transformer))
        self.smooth_m = 2 * widest_m if smooth_m is None else smooth_m

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


def climb(roads: Roads, land: Array, built: Array, heights: Heights) -> tuple[Array, Array]:
    """Give walking time over level walking time of every piece, both ways: Tobler's factor, at most 1.

    Parameters
    ----------
    roads : Roads
    land : (m,) bool
        Pieces that are roads on land; all others are level.
    built : (m,) bool
        Pieces on a bridge or in a tunnel: one slope from end to end, whatever the ground does.
    heights : Heights
    """
    up, down = np.ones(len(roads.u)), np.ones(len(roads.u))
    profiles = _profiles(roads, land, built, heights)
    if heights.smooth_m > 0:
        profiles = _smoothed(profiles, roads, land, built, heights.smooth_m)
    for e, z in profiles.items():
        slope = np.nan_to_num(np.diff(z)) / max(roads.length_m[e] / (len(z) - 1), 0.01)
        for out, way in ((up, slope), (down, -slope)):
            steep = np.minimum(np.maximum(way, -1.0), 1.0)
            out[e] = np.mean(1 / np.minimum(np.exp(-3.5 * (abs(steep + 0.05) - 0.05)), 1.0))
    return up, down


def _profiles(roads: Roads, land: Array, built: Array, heights: Heights) -> dict[int, Array]:
    """Give heights along every road on land, at most `PIECE_M` apart."""
    profiles: dict[int, Array] = {}
    pieces = np.maximum(np.ceil(roads.length_m / PIECE_M).astype(int), 1)
    for count in np.unique(pieces[land]):
        rows = np.flatnonzero(land & (pieces == count))
        begin, end = roads.xy_m[roads.u[rows]], roads.xy_m[roads.v[rows]]
        along = np.linspace(0.0, 1.0, count + 1)[None, :, None]
        z = heights.at((begin[:, None] * (1 - along) + end[:, None] * along).reshape(-1, 2))
        profiles |= dict(zip(rows.tolist(), z.reshape(len(rows), count + 1), strict=True))
    return _joined(profiles, roads, built, _portals(roads, land, built, heights.at(roads.xy_m)))


def _joined(profiles: dict[int, Array], roads: Roads, built: Array, node_z: Array) -> dict[int, Array]:
    """Let profiles begin and end at the heights of their nodes, and structures run straight from one to the other."""
    joined = {}
    for e, z in profiles.items():
        first, last = node_z[roads.u[e]], node_z[roads.v[e]]
        joined[e] = np.linspace(first, last, len(z)) if built[e] else np.array([first, *z[1:-1], last])
    return joined


def _portals(roads: Roads, land: Array, built: Array, ground_z: Array) -> Array:
    """Give the heights of the ground, and between the portals of bridges and tunnels those of the structure."""
    z, open_air, built = ground_z.copy(), land & ~built, land & built
    ground = {*roads.u[open_air].tolist(), *roads.v[open_air].tolist()}
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


def _smoothed(profiles: dict[int, Array], roads: Roads, land: Array, built: Array, wave_m: float) -> dict[int, Array]:
    """Take the bumps out of all profiles at once, and lay structures straight again."""
    graph: Any = nx.Graph()
    for e, z in profiles.items():
        run_m = max(float(roads.length_m[e]) / (len(z) - 1), 0.1)
        steps = [int(roads.u[e]), *((e, k) for k in range(1, len(z) - 1)), int(roads.v[e])]
        begin, end = roads.xy_m[roads.u[e]], roads.xy_m[roads.v[e]]
        for k, node in enumerate(steps):
            if z[k] == z[k]:
                graph.add_node(node, z=float(z[k]), xy=complex(*(begin + (end - begin) * k / (len(z) - 1))))
        for one, other in pairwise(steps):
            if one in graph and other in graph and run_m < graph.get_edge_data(one, other, {"m": np.inf})["m"]:
                graph.add_edge(one, other, m=run_m)
    found = _even(graph, (wave_m / 2 / np.pi) ** 4)
    node_z = np.array([found.get(node, np.nan) for node in range(len(roads.xy_m))])
    inner = {e: np.array([np.nan, *(found.get((e, k), np.nan) for k in range(1, len(z) - 1)), np.nan])
             for e, z in profiles.items()}
    return _joined(inner, roads, built, _portals(roads, land, built, node_z))


def _even(graph: Any, much: float) -> dict[Any, float]:
    """Find the heights that stay near those of the graph and change slope least where its roads go straight on."""
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    place = {node: at for at, node in enumerate(graph)}
    pull: dict[tuple[int, int], float] = {}
    right = np.zeros(len(place))
    for node, said in graph.nodes(data=True):
        here = place[node]
        near = sum(road["m"] for road in graph.adj[node].values()) / 2 or 1.0
        pull[here, here] = pull.get((here, here), 0.0) + near
        right[here] = near * said["z"]
        for one, other in combinations(graph.adj[node], 2):
            a, b = graph.adj[node][one]["m"], graph.adj[node][other]["m"]
            to_one, to_other = graph.nodes[one]["xy"] - said["xy"], graph.nodes[other]["xy"] - said["xy"]
            onward = -(to_one * to_other.conjugate()).real / max(abs(to_one) * abs(to_other), 1e-9)
            share = ((place[one], 1 / a), (place[other], 1 / b), (here, -1 / a - 1 / b))
            for (row, p), (column, q) in product(share, share) if onward > 0 else ():
                pull[row, column] = pull.get((row, column), 0.0) + much * onward * 2 / (a + b) * p * q
    rows, columns = np.array(list(pull)).T
    solved = splu(csc_array((list(pull.values()), (rows, columns)), shape=(len(place),) * 2)).solve(right)
    return dict(zip(graph, solved.tolist(), strict=True))
