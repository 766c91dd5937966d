"""Write an OSM extract of any size to measure on: streets, water, boundaries, houses, facilities; the same every time.

Usage: python benchmarks/pbfmaker.py FILE.osm.pbf [--segments N]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import osmium
from osmium.osm import mutable

SEGMENTS = 458_000
WEST, SOUTH, STEP_DEG = 106.0, 31.0, 0.003
#: A street between two crossings has so many segments; two streets make a way.
BENDS = 4
_RIM = 12  # nodes of a pond
_TAGS = ({"highway": "residential", "name": "清江街"}, {"highway": "unclassified", "surface": "concrete"},
         {"highway": "tertiary", "maxspeed": "40", "name": "巴州路", "ref": "X112"}, {"highway": "track"},
         {"highway": "residential", "oneway": "yes", "lit": "yes"}, {"highway": "footway"},
         {"highway": "secondary", "maxspeed": "60", "lanes": "2"}, {"highway": "service", "access": "private"})
Place = tuple[float, float]


@dataclass
class _Extract:
    """Objects in the order of the file: nodes, then ways, then relations."""

    nodes: list[tuple[Place, dict[str, str]]] = field(default_factory=list)
    ways: list[tuple[list[int], dict[str, str]]] = field(default_factory=list)
    relations: list[tuple[list[tuple[str, int, str]], dict[str, str]]] = field(default_factory=list)

    def node(self, at: Place, **tags: str) -> int:
        self.nodes.append((at, tags))
        return len(self.nodes)

    def way(self, refs: list[int], tags: dict[str, str]) -> int:
        self.ways.append((refs, tags))
        return len(self.ways)

    def write(self, path: Path) -> None:
        with osmium.SimpleWriter(str(path), overwrite=True) as writer:
            for number, (place, tags) in enumerate(self.nodes, 1):
                writer.add_node(mutable.Node(id=number, version=1, location=place, tags=tags))
            for number, (refs, tags) in enumerate(self.ways, 1):
                writer.add_way(mutable.Way(id=number, version=1, nodes=refs, tags=tags))
            for number, (members, tags) in enumerate(self.relations, 1):
                writer.add_relation(mutable.Relation(id=number, version=1, members=members, tags=tags))


def write_pbf(path: Path, segments: int = SEGMENTS, *, seed: int = 1) -> None:
    """Write an extract with exactly so many segments of road, and other things in proportion.

    Parameters
    ----------
    path : Path
        Its suffix tells the format.
    segments : int
        32 or more. Of 458,000: 58,000 ways, 20,000 houses, 2,000 ponds, 300 lakes, 24 boundaries, 6,000 nodes with
        tags.
    """
    rng, extract = np.random.default_rng(seed), _Extract()
    side = max(next(n for n in range(2, segments) if 2 * BENDS * n * (n + 1) > segments), 2)
    _streets(extract, rng, side)
    _lane(extract, side, segments - 2 * BENDS * side * (side - 1))
    share = segments / SEGMENTS
    extent = STEP_DEG * side
    for x, y in _places(rng, extent, 20_000 * share):
        _ring(extract, (x, y), 0.0001, 4, {"building": "yes"})
    for x, y in _places(rng, extent, 2_000 * share):
        _ring(extract, (x, y), 0.0006, _RIM, {"natural": "water"})
    for x, y in _places(rng, extent, 300 * share):
        _lake(extract, (x, y))
    for index, (x, y) in enumerate(_places(rng, extent, 5_000 * share)):
        extract.node((x, y), amenity=("clinic", "school", "bench")[index % 3], name=f"设施{index}")
    for index, (x, y) in enumerate(_places(rng, extent, 1_000 * share)):
        extract.node((x, y), place="hamlet", name=f"村{index}")
    _boundaries(extract, extent)
    extract.write(path)


def _places(rng: np.random.Generator, extent: float, count: float) -> Iterator[Place]:
    low = np.array([WEST, SOUTH])
    for x, y in low + rng.random((round(count), 2)) * extent:
        yield float(x), float(y)


def _streets(extract: _Extract, rng: np.random.Generator, side: int) -> None:
    """Lay a jittered grid of streets; along a row or column every two of them are one way."""
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1) * STEP_DEG + [WEST, SOUTH]
    grid += rng.uniform(-0.2, 0.2, grid.shape) * STEP_DEG
    crossing = np.array([[extract.node((float(x), float(y))) for x, y in row] for row in grid])
    for places, names in ((grid, crossing), (grid.swapaxes(0, 1), crossing.T)):
        for line, numbers in zip(places, names, strict=True):
            between = np.arange(1, BENDS)[:, None] / BENDS
            inner = [line[i] + between * (line[i + 1] - line[i]) + rng.normal(0, 5e-5, (BENDS - 1, 2))
                     for i in range(side - 1)]
            for begin in range(0, side - 1, 2):
                refs = [int(numbers[begin])]
                for i in range(begin, min(begin + 2, side - 1)):
                    refs += [*(extract.node((float(x), float(y))) for x, y in inner[i]), int(numbers[i + 1])]
                extract.way(refs, _TAGS[int(rng.integers(len(_TAGS)))])


def _lane(extract: _Extract, side: int, segments: int) -> None:
    """Lay a lane out of the town with the segments that the grid leaves over."""
    end = extract.node((WEST + STEP_DEG * side, SOUTH))
    while segments > 0:
        refs = [end]
        for _ in range(min(segments, 40)):
            x, y = extract.nodes[end - 1][0]
            end = extract.node((x, y + 1e-4))
            refs.append(end)
        segments -= len(refs) - 1
        extract.way(refs, {"highway": "unclassified"})


def _ring(extract: _Extract, middle: Place, radius: float, corners: int, tags: dict[str, str]) -> None:
    refs = _arc(extract, middle, radius, corners, 0.0, 2 * np.pi)
    extract.way([*refs, refs[0]], tags)


def _arc(extract: _Extract, middle: Place, radius: float, count: int, begin: float, turn: float) -> list[int]:
    angles = begin + turn * np.arange(count) / count
    return [extract.node((middle[0] + radius * float(np.cos(a)), middle[1] + radius * float(np.sin(a))))
            for a in angles]


def _lake(extract: _Extract, middle: Place) -> None:
    """Lay a lake whose shore is two ways, with an island."""
    north, south = (_arc(extract, middle, 0.0015, 20, begin, np.pi) for begin in (0.0, np.pi))
    shore = [extract.way([*north, south[0]], {}), extract.way([*south, north[0]], {})]
    island = _arc(extract, middle, 0.0004, 8, 0.0, 2 * np.pi)
    members = [*(("w", way, "outer") for way in shore), ("w", extract.way([*island, island[0]], {}), "inner")]
    extract.relations.append((members, {"type": "multipolygon", "natural": "water"}))


def _boundaries(extract: _Extract, extent: float, columns: int = 6, rows: int = 4) -> None:
    """Share the town out among townships whose borders are ways in common."""
    x, y = WEST + extent * np.arange(columns + 1) / columns, SOUTH + extent * np.arange(rows + 1) / rows
    corner = [[extract.node((float(a), float(b))) for a in x] for b in y]
    border = {"boundary": "administrative"}
    flat = [[extract.way([corner[j][i], corner[j][i + 1]], border) for i in range(columns)] for j in range(rows + 1)]
    upright = [[extract.way([corner[j][i], corner[j + 1][i]], border) for i in range(columns + 1)] for j in range(rows)]
    for j in range(rows):
        for i in range(columns):
            around = (flat[j][i], upright[j][i + 1], flat[j + 1][i], upright[j][i])
            extract.relations.append(([("w", way, "outer") for way in around], {
                "type": "boundary", **border, "admin_level": "8", "name": f"第{j * columns + i + 1}镇"}))


def main() -> None:
    """Write one file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--segments", type=int, default=SEGMENTS)
    options = parser.parse_args()
    write_pbf(options.file, options.segments)


if __name__ == "__main__":
    main()
