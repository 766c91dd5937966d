"""Draw the parts of a map on paper: ground, areas by class, circle, places, facilities, scale bar, north arrow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path

from lifecircle.outputs.lettering import Name, place_names
from lifecircle.outputs.map_data import ROAD_RANKS
from lifecircle.outputs.typeface import printable, write

#: Least and greatest paper: width and height in mm.
PAPERS: dict[str, tuple[float, float]] = {"a4": (210.0, 297.0), "a3": (297.0, 420.0)}
MM_PER_INCH = 25.4
#: Fill of a class, the best first: each lighter than the one before, so that grey print keeps the order.
RAMP: tuple[str, ...] = ("#5d97c7", "#8db7da", "#b9d4ea", "#dde9f2", "#fbf5e6")
NO_DATA, LINE, WATER, CIRCLE, MARK_RED = "#ececec", "#5d5d5d", "#6fa8c4", "#4a3485", "#a3260f"
STATES: tuple[str, ...] = ("in_time", "out", "undetermined", "hidden", "none")
_STATE_INK = {"in_time": "#1f5a8e", "out": "#c25a05", "undetermined": "#333333", "hidden": "#8a8a8a", "none": "#8a8a8a"}
ROAD_INK = ("#c9c1b3", "#b3a998", "#96897a", "#75695c")
_SITE_INK = "#33203f"


def figure_of(paper_mm: tuple[float, float]) -> Figure:
    """Give an empty sheet of a size in mm."""
    return Figure(figsize=(paper_mm[0] / MM_PER_INCH, paper_mm[1] / MM_PER_INCH), facecolor="white")


def axes_in(figure: Figure, box_mm: tuple[float, float, float, float], *, metric: bool = False) -> Axes:
    """Give axes in a box of the sheet (left, bottom, width, height in mm), measured in mm unless `metric`."""
    wide, high = figure.get_size_inches() * MM_PER_INCH
    axes = figure.add_axes((box_mm[0] / wide, box_mm[1] / high, box_mm[2] / wide, box_mm[3] / high))
    axes.set_xticks([])
    axes.set_yticks([])
    if not metric:
        axes.axis("off")
        axes.set_xlim(0, box_mm[2])
        axes.set_ylim(0, box_mm[3])
    return axes


def show_extent(axes: Axes, bounds: tuple[float, float, float, float], frame_mm: tuple[float, float], *,
                shift: float = 0.0) -> float:
    """Show bounds in a frame at one scale, and give the metres of a millimetre.

    Parameters
    ----------
    axes : Axes
    bounds : tuple of float
        West, south, east, north in metres.
    frame_mm : (width, height)
    shift : float
        -1 puts the bounds at the left of the frame, 1 at the right.
    """
    west, south, east, north = bounds
    metres = max((east - west) / frame_mm[0], (north - south) / frame_mm[1])
    spare = frame_mm[0] * metres - (east - west)
    left = west - spare / 2 * (1 + shift)
    middle = (south + north) / 2
    axes.set_xlim(left, left + frame_mm[0] * metres)
    axes.set_ylim(middle - frame_mm[1] * metres / 2, middle + frame_mm[1] * metres / 2)
    return metres


def outline_path(shape: shapely.Geometry) -> Path:
    """Give polygons with their holes as one path."""
    rings = [ring for part in shapely.get_parts(shape) if part.geom_type == "Polygon"
             for ring in (shapely.geometry.polygon.orient(part).exterior,
                          *shapely.geometry.polygon.orient(part).interiors)]
    return Path.make_compound_path(*(Path(np.asarray(ring.coords)[:, :2], closed=True) for ring in rings))


def draw_areas(axes: Axes, shapes: Iterable[shapely.Geometry], fills: Iterable[tuple[str, str]], *,
               line: float = 0.7, z: float = 1.0) -> None:
    """Fill areas, each with a colour and a hatch (blank for none)."""
    for shape, (colour, hatch) in zip(shapes, fills, strict=True):
        axes.add_patch(PathPatch(outline_path(shape), facecolor=colour, hatch=hatch or None, hatch_linewidth=0.35,
                                 edgecolor="#9a9a9a", linewidth=0, zorder=z))
    if line:
        for shape in shapes:
            axes.add_patch(PathPatch(outline_path(shape), facecolor="none", edgecolor=LINE, linewidth=line, zorder=4))


def draw_ground(axes: Axes, ground: gpd.GeoDataFrame, *, line: float = 1.0) -> None:
    """Draw water and the larger roads, quietly."""
    water = ground.geometry[ground["kind"] == "water"]
    for shape in water:
        if shape.geom_type.endswith("Polygon"):
            axes.add_patch(PathPatch(outline_path(shape), facecolor=WATER, edgecolor=WATER, linewidth=0.3, zorder=2))
    axes.add_collection(LineCollection(_lines(water), colors=WATER, linewidths=1.0 * line, zorder=2), autolim=False)
    rank = ground["road_class"].map(ROAD_RANKS).where(ground["kind"] == "road")
    for value, ink in enumerate(ROAD_INK):
        lines = _lines(ground.geometry[rank == value])
        axes.add_collection(LineCollection(lines, colors=ink, linewidths=(0.35 + 0.35 * value) * line,
                                           zorder=2.1 + value / 10), autolim=False)


def _lines(shapes: Iterable[shapely.Geometry]) -> list[Any]:
    return [np.asarray(part.coords)[:, :2] for shape in shapes for part in shapely.get_parts(shape)
            if part.geom_type == "LineString"]


def draw_circle(axes: Axes, shapes: Iterable[shapely.Geometry], *, line: float = 0.5) -> None:
    """Draw the service circle: a thin violet edge over a veil through which the classes stay readable."""
    for shape in shapes:
        if not shape.is_empty:
            axes.add_patch(PathPatch(outline_path(shape), facecolor=(*_rgb(CIRCLE), 0.10), edgecolor=CIRCLE,
                                     linewidth=line, zorder=3))


def draw_places(axes: Axes, xy_m: np.ndarray[Any, Any], states: Sequence[str], people: np.ndarray[Any, Any], *,
                largest_mm: float = 3.4) -> None:
    """Draw places: the area of a disc by its people, its state by the inside of the disc and not by colour alone."""
    most = max(float(np.nanmax(people, initial=0.0)), 1.0)
    width_mm = np.clip(largest_mm * np.sqrt(np.nan_to_num(people) / most), 1.1, largest_mm)
    for state in STATES:
        chosen = np.array([value == state for value in states], dtype=bool)
        if chosen.any():
            draw_discs(axes, xy_m[chosen], state, width_mm[chosen])


def draw_discs(axes: Axes, xy: np.ndarray[Any, Any], state: str, width_mm: np.ndarray[Any, Any]) -> None:
    """Draw discs of one state: full in time, a thick ring out, a ring with a bar undetermined, grey hidden."""
    x, y, ink = xy[:, 0], xy[:, 1], _STATE_INK[state]
    size = (width_mm * 72 / MM_PER_INCH) ** 2
    axes.scatter(x, y, s=size * 1.35, c="white", linewidths=0, zorder=6)
    if state in ("in_time", "hidden"):
        axes.scatter(x, y, s=size * 0.9, c=ink if state == "in_time" else "#cfcfcf", zorder=6.1,
                     linewidths=0 if state == "in_time" else 0.6, edgecolors=ink)
    else:
        heavy = np.clip(width_mm * 0.62, 0.9, 2.2) if state == "out" else np.full(len(width_mm), 0.7)
        axes.scatter(x, y, s=size * (0.55 if state == "out" else 0.8), c="white", edgecolors=ink,
                     linewidths=heavy.tolist(), zorder=6.1)
    if state in ("undetermined", "hidden"):
        mark, share = ("_", 0.5) if state == "undetermined" else ("x", 0.16)
        axes.scatter(x, y, s=size * share, c=ink, marker=mark, linewidths=0.8, zorder=6.2)


def draw_facilities(axes: Axes, xy: np.ndarray[Any, Any], kind: str, *, width_mm: float = 1.5) -> None:
    """Draw facilities of one kind as diamonds: existing, building, planned, unjoined or outside."""
    size = (width_mm * 72 / MM_PER_INCH) ** 2
    ink = "#9d94a6" if kind == "outside" else _SITE_INK
    axes.scatter(xy[:, 0], xy[:, 1], s=size * 1.5, c="white", marker="D", linewidths=0, zorder=7)
    fill = {"existing": ink, "outside": ink, "building": "#b9aec4"}.get(kind, "white")
    axes.scatter(xy[:, 0], xy[:, 1], s=size * 0.62, c=fill, marker="D", edgecolors=ink, zorder=7.1,
                 linewidths=0.6, linestyles=":" if kind == "unjoined" else "-")
    if kind == "building":
        axes.scatter(xy[:, 0], xy[:, 1], s=size * 0.35, c=ink, marker="|", linewidths=0.6, zorder=7.2)


def draw_names(axes: Axes, areas: Sequence[tuple[str, shapely.Geometry]], *, size: float,
               metres: float, taken: Sequence[shapely.Geometry] = (), colour: str = "#111111") -> list[Name]:
    """Letter areas; no name meets another.

    Parameters
    ----------
    axes : Axes
    areas : sequence of (str, Polygon)
    size : float
        In points.
    metres : float
        Of a millimetre on the sheet.
    taken : sequence of Geometry
        Where no name may lie.
    colour : str
    """
    west, east = axes.get_xlim()
    south, north = axes.get_ylim()
    rim = 1.0 * metres
    frame = shapely.box(west + rim, south + rim, east - rim, north - rim)
    em = size / 72 * MM_PER_INCH * metres

    def size_of(text: str) -> tuple[float, float]:
        return (sum(1.0 if letter >= "\u2e80" else 0.6 for letter in text) + 0.3) * em, 1.25 * em

    names = place_names([(printable(text, 24), shape) for text, shape in areas], size_of, frame, taken)
    for name in names:
        if name.line_to is not None:
            _leader(axes, name)
        write(axes, name.x, name.y, name.text, size=size, halo=True, color=colour, ha="center", va="center_baseline",
              zorder=9, gid="name")
    return names


def _leader(axes: Axes, name: Name) -> None:
    x, y = name.line_to or (name.x, name.y)
    west, south, east, north = name.box.bounds
    edge = min(max(x, west), east), min(max(y, south), north)
    axes.plot([x, edge[0]], [y, edge[1]], color="#333333", linewidth=0.6, zorder=8.5)
    axes.plot([x], [y], marker="o", markersize=1.6, color="#333333", zorder=8.5)


def scale_bar(axes: Axes, x_mm: float, y_mm: float, metres: float, *, longest_mm: float, size: float) -> None:
    """Draw a bar of four parts with a round length, on axes in mm.

    Parameters
    ----------
    axes : Axes
        In mm.
    x_mm, y_mm : float
        Left end of the bar.
    metres : float
        Of a millimetre on the sheet.
    longest_mm : float
        The bar is at most so long.
    size : float
        Of the figures, in points.
    """
    length_m = round_length(longest_mm * metres)
    unit, factor = ("km", 1000.0) if length_m >= 1000 else ("m", 1.0)
    part_mm = length_m / metres / 4
    for at in range(4):
        axes.add_patch(Rectangle((x_mm + at * part_mm, y_mm), part_mm, 1.1, facecolor="white" if at % 2 else "black",
                                 edgecolor="black", linewidth=0.5))
    for at in (0, 2, 4):
        text = f"{length_m / factor * at / 4:g}" + (f" {unit}" if at == 4 else "")
        write(axes, x_mm + at * part_mm, y_mm + 1.7, text, size=size, ha="center", va="bottom")


def round_length(longest_m: float) -> float:
    """Give the greatest length of 1, 2 or 5 times a power of ten that is not longer.

    Examples
    --------
    >>> round_length(9_700.0), round_length(12_000.0), round_length(430.0)
    (5000.0, 10000.0, 200.0)
    """
    power = 10.0 ** math.floor(math.log10(max(longest_m, 1e-9)))
    return float(next(step * power for step in (5.0, 2.0, 1.0) if step * power <= longest_m * (1 + 1e-12)))


def north_arrow(axes: Axes, x: float, y: float, high: float, label: str, *, size: float) -> None:
    """Draw an arrow to grid north, its foot at a point of the axes."""
    wide = 0.28 * high
    axes.add_patch(Polygon([(x, y + high), (x - wide, y), (x, y + 0.25 * high)], facecolor="black", linewidth=0.6,
                           edgecolor="black", zorder=10))
    axes.add_patch(Polygon([(x, y + high), (x + wide, y), (x, y + 0.25 * high)], facecolor="white", linewidth=0.6,
                           edgecolor="black", zorder=10))
    write(axes, x, y + 1.06 * high, label, size=size, ha="center", va="bottom", zorder=10, halo=True)


def watermark(figure: Figure, text: str, *, size: float, pitch_mm: tuple[float, float] = (46.0, 28.0)) -> None:
    """Write a text across the whole sheet, so close that no piece worth keeping is without it."""
    wide, high = figure.get_size_inches() * MM_PER_INCH
    for row in range(math.ceil(high / pitch_mm[1]) + 1):
        for column in range(math.ceil(wide / pitch_mm[0]) + 1):
            x = (column + (0.5 if row % 2 else 0.0)) * pitch_mm[0]
            write(figure, x / wide, row * pitch_mm[1] / high, text, size=size, color=MARK_RED, alpha=0.13, rotation=24,
                  ha="center", va="center", zorder=20, clip_on=True)


def free_corner(bounds: tuple[float, float, float, float], size: tuple[float, float],
                taken: Callable[[shapely.Geometry], float]) -> tuple[shapely.Geometry, float]:
    """Find the corner of a frame where a box covers least.

    Returns
    -------
    (Polygon, float)
        The box, and what `taken` says of it.
    """
    west, south, east, north = bounds
    wide, high = size
    boxes = [shapely.box(x, y, x + wide, y + high) for x in (east - wide, west) for y in (north - high, south)]
    covered = [taken(box) for box in boxes]
    best = int(np.argmin(covered))
    return boxes[best], covered[best]


def _rgb(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue
