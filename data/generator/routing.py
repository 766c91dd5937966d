"""Find roads on the grid: gentle where they can be, over water on bridges only, sharing what is there already."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from .grid import STEPS, Array, Grid, ends, spread, trace
from .terrain import Terrain
from .water import Water

#: Classes from the largest road down; a link keeps the largest that was laid on it.
RANKS: tuple[str, ...] = ("motorway", "motorway_link", "trunk", "primary", "secondary", "tertiary", "unclassified",
                          "residential", "track", "footway", "path", "steps")
#: Grade that costs nothing, since cut and fill and a shift of some metres take it away; it is also what a straight
#: step of the grid climbs by chance on a slope that the road could follow level.
_FREE_GRADE = 0.045
#: Grade beyond that at which a class takes twice the way to avoid it.
_HARD_GRADE = {"trunk": 0.013, "primary": 0.014, "secondary": 0.015, "tertiary": 0.018, "unclassified": 0.028,
               "track": 0.045, "path": 0.09}
_SHARED = 0.3
_AROUND = [(dr, dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1)]
_BRIDGE_EFFORT_M = 350.0


class Link(NamedTuple):
    """A piece of road between two neighbouring cells (or across a bridge)."""

    rank: int
    bridge: bool
    name: str = ""


class RoadGrid:
    """Roads laid so far, and the effort of every link for the roads to come."""

    def __init__(self, grid: Grid, terrain: Terrain, water: Water, noise: Array) -> None:
        self.grid = grid
        self.links: dict[tuple[int, int], Link] = {}
        self.bridge_ways = {link_key(bridge.cell_a, bridge.cell_b) for bridge in water.bridges}
        self._height_m = terrain.height_m
        self._length_m = [grid.cell_m * float(np.hypot(*step)) for step in STEPS]
        self._open = [_passable(water.blocked, step) for step in STEPS]
        self._rough = (1 + 1.6 * terrain.slope) * noise
        self._road = [np.zeros(open_.shape, bool) for open_ in self._open]
        self._beside = np.ones(grid.shape)
        self._bridges = np.array(sorted(self.bridge_ways), dtype=int).reshape(-1, 2)
        ends_xy = grid.xy_m(self._bridges.ravel()).reshape(-1, 2, 2)
        self._bridge_m = np.hypot(*(ends_xy[:, 1] - ends_xy[:, 0]).T)

    def effort(self, road_class: str, window: tuple[slice, slice] | None = None) -> list[Array]:
        """Give the effort of each link for a road of a class, in metres of easy road; infinite where it may not go."""
        rows, cols = window or (slice(None), slice(None))
        height, rough = self._height_m[rows, cols], self._rough[rows, cols]
        beside, out = self._beside[rows, cols], []
        for n, step in enumerate(STEPS):
            low, high = ends(height, step)
            grade = np.abs(high - low) / self._length_m[n]
            strain = (np.maximum(grade - _FREE_GRADE, 0) / _HARD_GRADE[road_class]) ** 2
            effort = self._length_m[n] * (1 + strain) * np.add(*ends(rough, step)) / 2
            shape = effort.shape
            left = cols.start or 0
            at = (slice((rows.start or 0), (rows.start or 0) + shape[0]), slice(left, left + shape[1]))
            road = self._road[n][at]
            effort = np.where(road, effort * _SHARED, effort * np.maximum(*ends(beside, step)))
            out.append(np.where(self._open[n][at], effort, np.inf))
        return out

    def lay(self, path: list[int], road_class: str, name: str = "") -> None:
        """Lay a road along neighbouring cells; bridges are known by their ends."""
        rank = RANKS.index(road_class)
        for a, b in pairwise(path):
            key = link_key(a, b)
            bridge = key in self.bridge_ways
            old = self.links.get(key)
            if old is None or rank < old.rank:
                self.links[key] = Link(rank, bridge, name)
            if old is None and not bridge:
                self._mark(a, b)
        row, col = np.divmod(np.array(path), self.grid.cols)
        for dr, dc in _AROUND:
            near = (np.clip(row + dr, 0, self.grid.rows - 1), np.clip(col + dc, 0, self.grid.cols - 1))
            self._beside[near] = np.maximum(self._beside[near], 1.7 if dr == dc == 0 else 1.35)

    def _mark(self, a: int, b: int) -> None:
        (row_a, col_a), (row_b, col_b) = divmod(a, self.grid.cols), divmod(b, self.grid.cols)
        if (row_b - row_a, col_b - col_a) not in STEPS:
            row_a, col_a, row_b, col_b = row_b, col_b, row_a, col_a
        step = (row_b - row_a, col_b - col_a)
        self._road[STEPS.index(step)][row_a, col_a - max(0, -step[1])] = True

    def keep_within(self, area: Array) -> None:
        """Forbid every road to come outside some cells; those that are there stay, and may be used."""
        for n, step in enumerate(STEPS):
            self._open[n] &= np.logical_and(*ends(area, step)) | self._road[n]

    def cells(self) -> Array:
        """List the cells that hold a road."""
        return np.unique(np.array(list(self.links), dtype=int).ravel())

    def route(self, start: int, goal: int, road_class: str) -> list[int]:
        """Find the way of least effort between two cells; empty where there is none."""
        for margin in (0.35, 1.2):
            path = self._route_in(start, goal, road_class, margin)
            if path:
                return path
        return []

    def _route_in(self, start: int, goal: int, road_class: str, margin: float) -> list[int]:
        rows, cols = self._window(start, goal, margin)
        height, width = rows.stop - rows.start, cols.stop - cols.start
        weights = self.effort(road_class, (rows, cols))
        inner = np.array([self._inside(cell, rows, cols) for cell in (start, goal)])
        cost, previous, _ = spread(weights, (height, width), inner[:1], np.zeros(1), self._bridges_in(rows, cols))
        if not np.isfinite(cost[inner[1]]):
            return []
        local = trace(previous, int(inner[1]))[::-1]
        row, col = np.divmod(np.array(local), width)
        return [int(cell) for cell in (row + rows.start) * self.grid.cols + col + cols.start]

    def _window(self, start: int, goal: int, margin: float) -> tuple[slice, slice]:
        row, col = np.divmod(np.array([start, goal]), self.grid.cols)
        pad = int(max(np.ptp(row), np.ptp(col)) * margin + (700 + 2600 * margin) / self.grid.cell_m)
        return (slice(max(0, int(row.min()) - pad), min(self.grid.rows, int(row.max()) + pad + 1)),
                slice(max(0, int(col.min()) - pad), min(self.grid.cols, int(col.max()) + pad + 1)))

    def _inside(self, cell: int, rows: slice, cols: slice) -> int:
        row, col = divmod(cell, self.grid.cols)
        return int((row - rows.start) * (cols.stop - cols.start) + col - cols.start)

    def _bridges_in(self, rows: slice, cols: slice) -> tuple[Array, Array, Array]:
        row, col = np.divmod(self._bridges, self.grid.cols)
        kept = ((row >= rows.start) & (row < rows.stop) & (col >= cols.start) & (col < cols.stop)).all(axis=1)
        local = (row - rows.start) * (cols.stop - cols.start) + col - cols.start
        return local[kept, 0], local[kept, 1], self._bridge_effort()[kept]

    def _bridge_effort(self) -> Array:
        used = np.array([tuple(pair) in self.links for pair in self._bridges.tolist()], bool)
        return np.asarray(np.where(used, self._bridge_m, self._bridge_m + _BRIDGE_EFFORT_M))

    def reach(self, goals: Array, road_class: str, sources: Array | None = None) -> list[list[int]]:
        """Find for each goal the way of least effort to the roads that are there; ways from near goals join."""
        sources = self.cells() if sources is None else sources
        pairs = (self._bridges[:, 0], self._bridges[:, 1], self._bridge_effort())
        cost, previous, _ = spread(self.effort(road_class), self.grid.shape, sources, np.zeros(len(sources)), pairs)
        return [trace(previous, int(goal)) if np.isfinite(cost[goal]) else [] for goal in goals]

    def along(self, pairs: Array, limit_m: float) -> Array:
        """Measure the way along the roads between pairs of road cells; infinite beyond a limit."""
        cells, ends_of = np.unique(np.array(list(self.links), dtype=int).ravel(), return_inverse=True)
        ends_of = ends_of.reshape(-1, 2)
        xy = self.grid.xy_m(cells)
        length = np.hypot(*(xy[ends_of[:, 1]] - xy[ends_of[:, 0]]).T)
        both = np.concatenate([ends_of, ends_of[:, ::-1]])
        graph = csr_matrix((np.tile(length, 2), both.T), shape=(len(cells), len(cells)))
        start, goal = np.searchsorted(cells, pairs.T)
        out = np.full(len(pairs), np.inf)
        for block in np.array_split(np.unique(start), max(1, len(pairs) // 200)):
            mine = np.flatnonzero(np.isin(start, block))
            if len(mine):
                found = dijkstra(graph, indices=block, limit=limit_m)
                out[mine] = found[np.searchsorted(block, start[mine]), goal[mine]]
        return out


def link_key(a: int, b: int) -> tuple[int, int]:
    """Name the link between two cells."""
    return (a, b) if a < b else (b, a)


def _passable(blocked: Array, step: tuple[int, int]) -> Array:
    """Tell whether a step may be taken: both cells dry, and on a slanting step the two beside it too."""
    here, there = ends(blocked, step)
    dry = ~(here | there)
    if 0 in step:
        return dry
    corner_a = blocked[: -1, 1:] if step[1] > 0 else blocked[: -1, :-1]
    corner_b = blocked[1:, : -1] if step[1] > 0 else blocked[1:, 1:]
    return dry & ~(corner_a | corner_b)
