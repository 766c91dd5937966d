"""Places that an area gets wrong by more than a cell: late inside it, or in time outside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import shapely


def scatter(study: Any, count: int, seed: int) -> np.ndarray:
    """Scatter points over a district: half anywhere, half on its roads and up to 100 m beside them."""
    rng = np.random.default_rng(seed)
    west, south, east, north = study.outline.bounds
    anywhere = _within(study, rng.uniform((west, south), (east, north), (6 * count, 2)))[: count // 2]
    roads = study.roads
    begin, end = roads.node_xy_m[roads.u], roads.node_xy_m[roads.v]
    length = np.hypot(*(end - begin).T)
    chosen = rng.choice(len(length), 6 * count, p=length / length.sum())
    on_road = begin[chosen] + rng.random((len(chosen), 1)) * (end - begin)[chosen]
    aside_m = rng.uniform(0, 100, len(chosen)) * (rng.random(len(chosen)) < 2 / 3)
    bearing = rng.uniform(0, 2 * np.pi, len(chosen))
    near = _within(study, on_road + aside_m[:, None] * np.column_stack([np.cos(bearing), np.sin(bearing)]))
    return np.concatenate([anywhere, near[: count - len(anywhere)]])


def _within(study: Any, xy_m: np.ndarray) -> np.ndarray:
    return xy_m[shapely.contains_xy(study.outline, *xy_m.T)]


def leaks(area: Any, xy_m: np.ndarray, in_time: np.ndarray, cell_m: float,
          is_in_time: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Find the points that an area gets wrong by more than a cell.

    These are points in time that are more than a cell from the area, and late points inside it that are more than a
    cell from all that is in time. How far they are from the edge of the area does not matter.

    Parameters
    ----------
    area : Geometry
    xy_m : (n, 2) float
    in_time : (n,) bool
    is_in_time : callable
        Tells it of other places.
    """
    shapely.prepare(area)
    wrong = np.flatnonzero(shapely.intersects_xy(area, *xy_m.T) != in_time)
    late, early = wrong[~in_time[wrong]], wrong[in_time[wrong]]
    far = early[shapely.distance(area, shapely.points(xy_m[early])) > cell_m]
    # A place in time is looked for all around, every few metres.
    radius_m, bearing = cell_m * np.sqrt((np.arange(400) + 0.5) / 400), np.arange(400) * 2.39996
    around = radius_m[:, None] * np.column_stack([np.cos(bearing), np.sin(bearing)])
    near = is_in_time((xy_m[late][:, None] + around).reshape(-1, 2)).reshape(-1, len(around)).any(axis=1)
    return np.union1d(far, late[~near])


def pockets(area: Any, xy_m: np.ndarray, in_time: np.ndarray, cell_m: float) -> np.ndarray:
    """Find the late points inside an area that are more than a cell from its edge: in pockets that it does not show."""
    late = np.flatnonzero(shapely.intersects_xy(area, *xy_m.T) & ~in_time)
    return late[shapely.distance(shapely.boundary(area), shapely.points(xy_m[late])) > cell_m]
