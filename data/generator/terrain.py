"""Shape hills whose valleys drain to the rivers.

The ground is the least climb from the rivers: height = least over paths of the sum of slope times distance, where a
cell's slope falls with the area that drains through it (S = S0 (1 + A / A0)^-theta, as rivers in balance have it).
Slopes and drainage are found in turn a few times, so that valleys, side valleys and ridges grow by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import distance_transform_edt, gaussian_filter

from .facts import Facts
from .grid import STEPS, Array, Grid, ends, fractal, smooth_step, spread

_ROUNDS = 5
_SLOPE_AREA_KM2 = 0.05
_SLOPE_POWER = 0.42


@dataclass(frozen=True)
class River:
    """A main river: centre line from the source down, with width and height at each vertex."""

    name: str
    xy_m: Array
    width_m: Array
    height_m: Array


@dataclass(frozen=True)
class Terrain:
    """Ground heights and how water runs over them.

    Attributes
    ----------
    height_m, slope : (rows, cols) arrays
        Slope as rise over run.
    downstream, drained_km2 : flat arrays
        The cell that a cell drains to (-1 at a river), and the area that drains through it.
    """

    height_m: Array
    slope: Array
    downstream: Array
    drained_km2: Array


def draw_rivers(facts: Facts, rng: np.random.Generator) -> list[River]:
    """Draw the main rivers as winding lines; a river that joins another ends on it, at its height."""
    heights = facts.settings["heights"]
    rivers: list[River] = []
    for row in facts.settings["rivers"]:
        line = _wind(np.asarray(row["points"]), rng)
        end_height = float(heights["lowest_river_m"]) - 6.0
        other = next((river for river in rivers if river.name == row["joins"]), None)
        if other is not None:
            near = int(np.argmin(np.hypot(*(other.xy_m - line[-1]).T)))
            line = _end_at(line, other.xy_m[near])
            end_height = float(other.height_m[near])
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        height = end_height + (along[-1] - along) * heights["river_slope"]
        rivers.append(River(row["name"], line, np.linspace(row["width_m"][0], row["width_m"][1], len(line)), height))
    return rivers


def _wind(points: Array, rng: np.random.Generator, step_m: float = 60.0) -> Array:
    """Lay a spline through points and let it meander between its ends."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0, along[-1], max(8, int(along[-1] / step_m)))
    line = CubicSpline(along, points)(at)
    tangent = np.gradient(line, axis=0)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]]) / np.hypot(*tangent.T)[:, None]
    swing = np.zeros(len(at))
    for wave_m, swing_m in ((1500, 80), (2700, 200), (4900, 380), (9000, 300)):
        drift = np.cumsum(rng.normal(0, 0.05, len(at)))
        swing += swing_m * rng.uniform(0.7, 1.1) * np.sin(2 * np.pi * at / wave_m + rng.uniform(0, 6.28) + drift)
    taper = smooth_step(at, 0, 1500) * smooth_step(along[-1] - at, 0, 1500)
    return np.asarray(line + normal * (swing * taper)[:, None])


def _end_at(line: Array, point: Array) -> Array:
    """Bend the last part of a line so that it ends at a point."""
    weight = np.linspace(0, 1, len(line)) ** 6
    return np.asarray(line + (point - line[-1]) * weight[:, None])


def shape_terrain(grid: Grid, facts: Facts, rivers: list[River], rng: np.random.Generator) -> Terrain:
    """Shape the ground of the study area, with seats in valleys and the named peaks at their heights."""
    cells, start = _river_cells(grid, rivers)
    ease = _flat_ground(grid, facts, cells, rng)
    hill = _hill_slope(grid, facts, rng)
    extra_km2 = np.zeros(grid.rows * grid.cols)
    extra_km2[grid.cell_at(facts.townships[["x_m", "y_m"]].to_numpy())] = 4.0
    own_km2 = np.full(extra_km2.size, grid.cell_m**2 / 1e6) + extra_km2
    drained, downstream, height = own_km2, np.full(extra_km2.size, -1), start
    for _ in range(_ROUNDS):
        channel = (1 + drained / _SLOPE_AREA_KM2) ** -_SLOPE_POWER
        slope = hill * ease * channel.reshape(grid.shape)
        height, downstream, _ = spread(_climb(slope, grid.cell_m), grid.shape, cells, start)
        drained = _drain(downstream, height, own_km2)
    return _finish(grid, facts, height.reshape(grid.shape), downstream, drained - extra_km2, (cells, start), rng)


def _river_cells(grid: Grid, rivers: list[River]) -> tuple[Array, Array]:
    """List the cells under the main rivers with the height of the water."""
    lowest: dict[int, float] = {}
    for river in rivers:
        inside = _within(grid, river.xy_m)
        cells = grid.cell_at(river.xy_m[inside]).tolist()
        for cell, height in zip(cells, river.height_m[inside].tolist(), strict=True):
            lowest[cell] = min(height, lowest.get(cell, height))
    return np.array(list(lowest)), np.array(list(lowest.values()))


def _within(grid: Grid, xy_m: Array) -> Array:
    x, y = xy_m[:, 0] - grid.west_m, grid.north_m - xy_m[:, 1]
    return (x >= 0) & (y >= 0) & (x < grid.cols * grid.cell_m) & (y < grid.rows * grid.cell_m)


def _flat_ground(grid: Grid, facts: Facts, river_cells: Array, rng: np.random.Generator) -> Array:
    """Ease the slopes on river flats, round seats and in the city's basin."""
    dry = np.ones(grid.shape, bool)
    dry.flat[river_cells] = False
    far_m = distance_transform_edt(dry) * grid.cell_m
    flat_m = 220 + 170 * np.clip(fractal(grid.shape, grid.cell_m, rng, longest_m=4000), -1.2, 2)
    ease = 0.12 + 0.88 * smooth_step(far_m, flat_m * 0.4, flat_m * 1.6)
    x, y = grid.all_xy_m()
    for seat in facts.townships.itertuples():
        reach = 500 if seat.kind == "township" else 800
        ease *= 0.3 + 0.7 * smooth_step(np.hypot(x - seat.x_m, y - seat.y_m), reach * 0.4, reach * 1.5)
    city = np.hypot(x - facts.centre_m[0], y - facts.centre_m[1])
    return np.maximum(ease * (0.45 + 0.55 * smooth_step(city, 2200, 5200)), 0.05)


def _hill_slope(grid: Grid, facts: Facts, rng: np.random.Generator) -> Array:
    """Give the slope of hillsides: higher in the north, with hard and soft ground."""
    _, y = grid.all_xy_m()
    south, north = facts.outline.bounds[1], facts.outline.bounds[3]
    rise = 0.38 + 0.16 * smooth_step(y, south, north)
    return rise * np.exp(0.42 * fractal(grid.shape, grid.cell_m, rng, longest_m=2500, power=1.05))


def _climb(slope: Array, cell_m: float) -> list[Array]:
    """Give the climb of each link."""
    return [(np.add(*ends(slope, step)) / 2) * cell_m * float(np.hypot(*step)) for step in STEPS]


def _drain(downstream: Array, height: Array, own_km2: Array) -> Array:
    """Add up the drained area from the ridges down."""
    drained = own_km2.tolist()
    below = downstream.tolist()
    for cell in np.argsort(-height, kind="stable").tolist():
        if below[cell] >= 0:
            drained[below[cell]] += drained[cell]
    return np.array(drained)


def _finish(grid: Grid, facts: Facts, height: Array, downstream: Array, drained: Array,
            river: tuple[Array, Array], rng: np.random.Generator) -> Terrain:
    """Round the ridges, roughen the ground a little, raise the peaks, put the rivers back at their heights."""
    height = gaussian_filter(height, 1.0) + 2.0 * fractal(grid.shape, grid.cell_m, rng, longest_m=600, power=1.2)
    x, y = grid.all_xy_m()
    for peak in facts.settings["heights"]["peaks"]:
        far = np.hypot(x - peak["at"][0], y - peak["at"][1])
        top = np.unravel_index(np.argmax(np.where(far < 2500, height, -np.inf)), height.shape)
        far = np.hypot(x - x[top], y - y[top])
        bump = 0.45 * np.exp(-((far / 4200) ** 2)) + 0.55 * np.exp(-((far / 1500) ** 2))
        base = facts.settings["heights"]["lowest_river_m"]
        share = np.clip((height - base) / (height[top] - base), 0, 1)
        height = height + (peak["height_m"] - height[top]) * bump * share
    level = _nearest_level(grid, river)
    height = np.maximum(height, level + 0.5)
    height.flat[river[0]] = river[1]
    rise_y, rise_x = np.gradient(height, grid.cell_m)
    return Terrain(height, np.hypot(rise_x, rise_y), downstream, drained)


def _nearest_level(grid: Grid, river: tuple[Array, Array]) -> Array:
    """Give each cell the height of the nearest main river."""
    dry = np.ones(grid.shape, bool)
    dry.flat[river[0]] = False
    near = distance_transform_edt(dry, return_distances=False, return_indices=True)
    level = np.zeros(grid.shape)
    level.flat[river[0]] = river[1]
    return np.asarray(level[near[0], near[1]])
