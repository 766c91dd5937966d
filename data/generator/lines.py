"""Turn roads on the grid into smooth lines that meet in shared points, and cross water on bridges only."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
import shapely
from scipy.ndimage import binary_dilation, map_coordinates
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from .grid import Array, Grid
from .routing import RANKS, Link
from .terrain import Terrain
from .water import Water

_COLUMNS = ("u", "v", "rank", "bridge", "tunnel", "oneway", "apart", "name")
_THIN_M = 1.3


@dataclass
class Network:
    """Straight segments between nodes, while they are being put together.

    Attributes
    ----------
    xy_m : (n, 2) array
    segments : DataFrame
        u, v (rows of `xy_m`), rank (position in `RANKS`), bridge, tunnel, oneway, apart (True: shares no level with
        what it crosses), name.
    """

    xy_m: Array
    segments: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(_COLUMNS)))

    def ends_m(self) -> Array:
        """Give both ends (m, 2, 2) of every segment."""
        return np.asarray(self.xy_m[self.segments[["u", "v"]].to_numpy(int)])

    def lines(self) -> Array:
        """Give every segment as a line."""
        return np.asarray(shapely.linestrings(self.ends_m()))


def from_grid(grid: Grid, links: dict[tuple[int, int], Link], terrain: Terrain, water: Water) -> Network:
    """Draw chains of links as smooth lines between junctions; a chain that would touch water keeps to the cells."""
    place = _eased(grid, links, terrain, water)
    near = shapely.buffer(water.surface, 4)
    shapely.prepare(near)
    builder = _Builder()
    for chain, link in chains(links):
        line = np.array([place[cell] for cell in chain])
        if link.bridge or len(chain) < 3:
            builder.add(chain, line, link)
            continue
        smooth = _round_off(line)
        smooth = smooth[_thin(smooth, _THIN_M)]
        if shapely.intersects(near, shapely.LineString(smooth)):
            smooth = np.concatenate([line[:1], grid.xy_m(chain[1:-1]), line[-1:]])
        builder.add(chain, smooth, link)
    return builder.network()


def _eased(grid: Grid, links: dict[tuple[int, int], Link], terrain: Terrain, water: Water,
           rounds: int = 4) -> dict[int, Array]:
    """Move road cells' points a little, so that the larger road through each runs smoothly along the slope.

    Points beside water and at bridges stay, and none moves further than a cell: so no link comes near water.
    """
    cells, before, after = _through(links)
    raw = grid.xy_m(cells)
    xy = raw.copy()
    wide = binary_dilation(water.blocked, np.ones((3, 3), bool))
    free = (before != after) & ~wide.flat[cells]
    ground = _Ground(grid, terrain.height_m)
    for _ in range(rounds):
        xy[free] = (0.22 * xy[before] + 0.56 * xy + 0.22 * xy[after])[free]
        height, east, north = ground.at(xy)
        wanted = height.copy()
        for _ in range(8):
            wanted[free] = (0.25 * wanted[before] + 0.5 * wanted + 0.25 * wanted[after])[free]
        gradient = np.column_stack([east, north])
        move = gradient * ((wanted - height) / np.maximum((gradient**2).sum(axis=1), 0.06**2))[:, None]
        xy[free] = _no_further(raw, xy + _no_further(0 * move, move, 18.0), 0.9 * grid.cell_m)[free]
    return dict(zip(cells.tolist(), xy, strict=True))


def _no_further(origin: Array, point: Array, reach_m: float) -> Array:
    """Pull points back to within a distance of their origins."""
    away = point - origin
    return np.asarray(origin + away * np.minimum(1, reach_m / np.maximum(np.hypot(*away.T), 1e-9))[:, None])


def _through(links: dict[tuple[int, int], Link]) -> tuple[Array, Array, Array]:
    """Give all cells, and for each its two neighbours on the larger road through it; itself twice at an end."""
    around: dict[int, list[tuple[int, int]]] = {}
    for (a, b), link in sorted(links.items()):
        around.setdefault(a, []).append((link.rank, b))
        around.setdefault(b, []).append((link.rank, a))
    at_bridge = {cell for pair, link in links.items() if link.bridge for cell in pair}
    cells = np.array(sorted(around))
    pairs = []
    for n, cell in enumerate(cells.tolist()):
        near = sorted(around[cell])[:2]
        alone = len(near) < 2 or cell in at_bridge
        pairs.append((n, n) if alone else tuple(int(np.searchsorted(cells, other)) for _, other in near))
    before, after = np.array(pairs).T
    return cells, before, after


class _Ground:
    """Heights between cells, and the way up."""

    def __init__(self, grid: Grid, height_m: Array) -> None:
        self.grid = grid
        rise_row, rise_col = np.gradient(height_m, grid.cell_m)
        self.fields = (height_m, rise_col, -rise_row)

    def at(self, xy: Array) -> list[Array]:
        """Give height, rise to the east and rise to the north."""
        where = [(self.grid.north_m - xy[:, 1]) / self.grid.cell_m - 0.5,
                 (xy[:, 0] - self.grid.west_m) / self.grid.cell_m - 0.5]
        return [map_coordinates(values, where, order=1, mode="nearest") for values in self.fields]


def _round_off(xy: Array) -> Array:
    """Cut each corner once (Chaikin); ends stay."""
    early, late = 0.75 * xy[:-1] + 0.25 * xy[1:], 0.25 * xy[:-1] + 0.75 * xy[1:]
    return np.concatenate([xy[:1], np.stack([early, late], axis=1).reshape(-1, 2)[1:-1], xy[-1:]])


class _Builder:
    """Collects segments; ends of chains are shared by cell, inner points are their own."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []
        self.of_cell: dict[int, int] = {}
        self.rows: list[tuple[int, int, int, bool, str]] = []

    def add(self, chain: list[int], xy: Array, link: Link) -> None:
        """Add a line that begins in the first and ends in the last cell of a chain."""
        nodes = []
        for n, point in enumerate(xy.tolist()):
            cell = chain[0] if n == 0 else chain[-1] if n == len(xy) - 1 else -1 - len(self.points)
            if cell not in self.of_cell:
                self.of_cell[cell] = len(self.points)
                self.points.append((point[0], point[1]))
            nodes.append(self.of_cell[cell])
        self.rows += [(a, b, link.rank, link.bridge, link.name) for a, b in pairwise(nodes)]

    def network(self) -> Network:
        """Give what was collected."""
        table = pd.DataFrame(self.rows, columns=["u", "v", "rank", "bridge", "name"])
        return Network(np.array(self.points), table.assign(tunnel=False, oneway=0, apart=table["bridge"]))


def chains(links: dict[tuple[int, int], Link]) -> list[tuple[list[int], Link]]:
    """Join links into chains that run between junctions, ends and changes of class."""
    around: dict[int, list[int]] = {}
    for a, b in sorted(links):
        around.setdefault(a, []).append(b)
        around.setdefault(b, []).append(a)

    def link_of(a: int, b: int) -> Link:
        return links[(a, b) if a < b else (b, a)]

    def ends_chain(cell: int) -> bool:
        near = around[cell]
        return len(near) != 2 or link_of(cell, near[0]) != link_of(cell, near[1]) or link_of(cell, near[0]).bridge

    seen: set[tuple[int, int]] = set()
    found = []
    starts = [cell for cell in sorted(around) if ends_chain(cell)]
    for start in starts + sorted(around):
        for step in around[start]:
            if ((start, step) if start < step else (step, start)) in seen:
                continue
            chain = [start, step]
            seen.add((start, step) if start < step else (step, start))
            while not ends_chain(chain[-1]) and chain[-1] != start:
                ahead = around[chain[-1]][0] if around[chain[-1]][0] != chain[-2] else around[chain[-1]][1]
                seen.add((chain[-1], ahead) if chain[-1] < ahead else (ahead, chain[-1]))
                chain.append(ahead)
            found.append((chain, link_of(start, step)))
    return found


def _thin(xy: Array, tolerance_m: float) -> Array:
    """Leave out the points that a line can do without (Douglas-Peucker); ends stay."""
    keep = np.zeros(len(xy), bool)
    keep[[0, -1]] = True
    stack = [(0, len(xy) - 1)]
    while stack:
        low, high = stack.pop()
        if high - low < 2:
            continue
        base = xy[high] - xy[low]
        away = xy[low + 1: high] - xy[low]
        length = np.hypot(*base)
        far = np.abs(base[0] * away[:, 1] - base[1] * away[:, 0]) / length if length > 1e-9 else np.hypot(*away.T)
        middle = int(np.argmax(far))
        if far[middle] > tolerance_m:
            keep[low + 1 + middle] = True
            stack += [(low, low + 1 + middle), (low + 1 + middle, high)]
    return np.flatnonzero(keep)


def add_streets(network: Network, streets: pd.DataFrame) -> Network:
    """Add streets, leaving out those that run along a road that is there already."""
    if streets.empty:
        return network
    ends = streets[["x0", "y0", "x1", "y1"]].to_numpy(float).reshape(-1, 2, 2)
    new = ~_doubles(network, ends)
    streets, ends = streets[new], ends[new]
    points, index = np.unique(np.round(ends.reshape(-1, 2), 3), axis=0, return_inverse=True)
    index = index.reshape(-1, 2) + len(network.xy_m)
    table = pd.DataFrame({"u": index[:, 0], "v": index[:, 1], "rank": streets["rank"].to_numpy(int), "bridge": False,
                          "tunnel": False, "oneway": streets["oneway"].to_numpy(int), "apart": False, "name": ""})
    return Network(np.concatenate([network.xy_m, points]), pd.concat([network.segments, table], ignore_index=True))


def _doubles(network: Network, ends: Array, near_m: float = 32.0) -> Array:
    """Tell which streets have their middle close to a road of the same direction."""
    roads = network.lines()
    tree = shapely.STRtree(roads)
    middles = shapely.points(ends.mean(axis=1))
    street, road = tree.query(middles, predicate="dwithin", distance=near_m)
    way = ends[:, 1] - ends[:, 0]
    other = np.diff(network.ends_m(), axis=1)[:, 0]
    cross = np.abs(way[street, 0] * other[road, 1] - way[street, 1] * other[road, 0])
    sine = cross / np.maximum(np.hypot(*way[street].T) * np.hypot(*other[road].T), 1e-9)
    out = np.zeros(len(ends), bool)
    out[street[sine < 0.5]] = True
    return out


def meet(network: Network) -> Network:
    """Cut segments where they cross on one level, so that they share a point there."""
    table, ends = network.segments, network.ends_m()
    level = np.flatnonzero(~table["apart"].to_numpy(bool))
    lines = shapely.linestrings(ends[level])
    a, b = shapely.STRtree(lines).query(lines, predicate="intersects")
    a, b = level[a[a < b]], level[b[a < b]]
    t, s, real = _crossing(ends[a], ends[b])
    u, v = table["u"].to_numpy(int), table["v"].to_numpy(int)
    shared = (u[a] == u[b]) | (u[a] == v[b]) | (v[a] == u[b]) | (v[a] == v[b])
    a, b, t, s = (values[real & ~shared] for values in (a, b, t, s))
    points = ends[a, 0] + (ends[a, 1] - ends[a, 0]) * t[:, None]
    cuts = pd.DataFrame({"segment": np.concatenate([a, b]), "at": np.concatenate([t, s]),
                         "node": np.tile(np.arange(len(a)) + len(network.xy_m), 2)})
    return _cut(Network(np.concatenate([network.xy_m, points]), table), cuts)


def _crossing(first: Array, second: Array) -> tuple[Array, Array, Array]:
    """Give where two segments cross, as shares of their lengths, and whether they do."""
    p, r = first[:, 0], first[:, 1] - first[:, 0]
    q, s = second[:, 0], second[:, 1] - second[:, 0]
    det = r[:, 0] * s[:, 1] - r[:, 1] * s[:, 0]
    safe = np.where(np.abs(det) < 1e-9, 1, det)
    gap = q - p
    t = (gap[:, 0] * s[:, 1] - gap[:, 1] * s[:, 0]) / safe
    u = (gap[:, 0] * r[:, 1] - gap[:, 1] * r[:, 0]) / safe
    return t, u, (np.abs(det) > 1e-9) & (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)


def _cut(network: Network, cuts: pd.DataFrame) -> Network:
    """Replace each cut segment by its pieces."""
    table = network.segments[list(_COLUMNS)]
    cuts = cuts.sort_values(["segment", "at"], kind="stable")
    rows = []
    for segment, part in cuts.groupby("segment", sort=True):
        row = table.loc[segment]
        nodes = [int(row["u"]), *part["node"].tolist(), int(row["v"])]
        rest = tuple(row[name] for name in _COLUMNS[2:])
        rows += [(a, b, *rest) for a, b in pairwise(nodes)]
    whole = table.drop(index=cuts["segment"].unique())
    return Network(network.xy_m, pd.concat([whole, pd.DataFrame(rows, columns=list(_COLUMNS))], ignore_index=True))


def part_of(network: Network) -> Array:
    """Give each node the number of its connected part; -1 where no segment uses it."""
    u, v = network.segments["u"].to_numpy(int), network.segments["v"].to_numpy(int)
    count = len(network.xy_m)
    _, part = connected_components(csr_matrix((np.ones(len(u)), (u, v)), shape=(count, count)), directed=False)
    used = np.zeros(count, bool)
    used[u] = used[v] = True
    return np.where(used, part, -1)


def join_parts(network: Network, wanted_apart: Array, water: Water, reach_m: float = 260.0) -> Network:
    """Tie small parts to the main one by a short street; drop those that cannot be, keep the islands meant to be.

    Parameters
    ----------
    wanted_apart : (k, 2) array
        Points of islands that are meant to be apart.
    """
    part = part_of(network)
    main = int(np.bincount(part[part >= 0]).argmax())
    on_main = np.flatnonzero(part == main)
    tree = cKDTree(network.xy_m[on_main])
    near_water = shapely.buffer(water.surface, 5)
    shapely.prepare(near_water)
    ties, drop = [], set()
    for number in np.unique(part[(part >= 0) & (part != main)]):
        nodes = np.flatnonzero(part == number)
        if len(wanted_apart) and cKDTree(wanted_apart).query(network.xy_m[nodes])[0].min() < 60:
            continue
        far, near = tree.query(network.xy_m[nodes])
        best = int(np.argmin(far))
        tie = shapely.LineString([network.xy_m[nodes[best]], network.xy_m[on_main[near[best]]]])
        if far[best] < reach_m and not shapely.intersects(near_water, tie):
            ties.append((int(nodes[best]), int(on_main[near[best]])))
        else:
            drop.add(int(number))
    kept = network.segments[~np.isin(part[network.segments["u"].to_numpy(int)], list(drop))]
    new = pd.DataFrame([(a, b, RANKS.index("residential"), False, False, 0, False, "") for a, b in ties],
                       columns=list(_COLUMNS))
    return meet(Network(network.xy_m, pd.concat([kept, new], ignore_index=True)))
