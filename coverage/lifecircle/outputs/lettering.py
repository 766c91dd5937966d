"""Put names on a map so that none lies on another: in the middle of their area, else beside it with a line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

#: A name must lie this far inside its area to stand without a line.
_INSIDE = 0.75
_STEPS = 13


@dataclass(frozen=True)
class Name:
    """A name on a map: its text, the box it takes and, where it stands beside its area, where its line ends."""

    text: str
    box: shapely.Geometry
    line_to: tuple[float, float] | None

    @property
    def x(self) -> float:
        """Give the middle of the box."""
        return float(self.box.centroid.x)

    @property
    def y(self) -> float:
        """Give the middle of the box."""
        return float(self.box.centroid.y)


def place_names(areas: Sequence[tuple[str, shapely.Geometry]], size_of: Callable[[str], tuple[float, float]],
                frame: shapely.Geometry, taken: Sequence[shapely.Geometry] = ()) -> list[Name]:
    """Find a place for every name, the smallest area first; one that finds none is left out.

    Parameters
    ----------
    areas : sequence of (str, Polygon)
        Texts and what they name.
    size_of : callable
        Text -> width and height of its box, in the measure of the shapes.
    frame : Polygon
        No name leaves it.
    taken : sequence of Geometry
        Where no name may lie.

    Returns
    -------
    list of Name
        No box meets another, a line or what was taken.
    """
    found: list[Name] = []
    marks = list(taken)
    lines: list[shapely.Geometry] = []
    spots = [area.representative_point() for _, area in areas]
    for at in sorted(range(len(areas)), key=lambda at: (areas[at][1].area, areas[at][0])):
        text, size = areas[at][0], size_of(areas[at][0])
        others = shapely.MultiPoint(spots[:at] + spots[at + 1:])
        for box, line in _places(areas[at][1], size):
            line_shape = None if line is None else shapely.LineString(line)
            if line is not None and box.intersects(others):
                continue
            if not frame.contains(box) or any(box.intersects(other) for other in (*marks, *lines)):
                continue
            if line_shape is not None and any(line_shape.intersects(other) for other in (*marks, *lines)):
                continue
            found.append(Name(text, box, None if line is None else line[0]))
            marks.append(box.buffer(0.12 * size[1], cap_style="square"))
            if line_shape is not None:
                lines.append(line_shape)
            break
    return found


def _places(area: shapely.Geometry, size: tuple[float, float],
            ) -> Iterator[tuple[shapely.Geometry, tuple[tuple[float, float], tuple[float, float]] | None]]:
    """Give boxes for a name, the best first, each with its line where it stands beside the area."""
    wide, high = size
    rough = area.simplify(high / 6)
    west, south, east, north = rough.bounds
    grid = np.stack(np.meshgrid(np.linspace(west, east, _STEPS), np.linspace(south, north, _STEPS)), -1).reshape(-1, 2)
    spot = rough.representative_point()
    grid = np.vstack([(spot.x, spot.y), (rough.centroid.x, rough.centroid.y), grid])
    boxes = shapely.box(grid[:, 0] - wide / 2, grid[:, 1] - high / 2, grid[:, 0] + wide / 2, grid[:, 1] + high / 2)
    inside = shapely.area(shapely.intersection(boxes, rough)) / (wide * high)
    middle = shapely.distance(shapely.points(grid), rough.centroid)
    order = np.lexsort((np.arange(len(grid)), middle, -np.round(inside, 2)))
    for at in order[inside[order] >= _INSIDE]:
        yield boxes[at], None
    for radius in np.arange(1.5, 14.0, 0.75) * high:
        for turn in np.arange(24) * math.tau / 24:
            x = spot.x + (radius + wide / 2) * math.cos(turn)
            y = spot.y + radius * math.sin(turn)
            box = shapely.box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            edge = (min(max(spot.x, x - wide / 2), x + wide / 2), min(max(spot.y, y - high / 2), y + high / 2))
            if box.intersection(rough).area < 0.05 * wide * high and not box.intersects(spot):
                # The line ends before the box that it leads to.
                end = spot.x + 0.92 * (edge[0] - spot.x), spot.y + 0.92 * (edge[1] - spot.y)
                yield box, ((spot.x, spot.y), end)
