"""Draw how the time per node grows with the grid, as a picture that needs no library."""

from __future__ import annotations

import math
import re
from pathlib import Path

from rows import Row

WIDTH, HEIGHT, LEFT, BOTTOM, RIGHT, TOP = 640, 360, 70, 50, 120, 20
COLOURS = {"lifecircle": "#0b6e4f", "sweep": "#888888", "scipy": "#c05621", "networkx": "#6b46c1"}


def draw(rows: list[Row], path: Path) -> bool:
    """Write nanoseconds per node over nodes, both axes logarithmic, a line for each engine.

    Tells whether there was more than one size to draw.
    """
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        if found := re.fullmatch(r"search/nodes=(\d+)/(\w+)", row.key):
            nodes = int(found[1])
            lines.setdefault(found[2], []).append((nodes, row.seconds / nodes * 1e9))
    points = [point for line in lines.values() for point in line]
    if len({nodes for nodes, _ in points}) < 2:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_picture(lines, points), encoding="utf-8")
    return True


def _picture(lines: dict[str, list[tuple[int, float]]], points: list[tuple[int, float]]) -> str:
    across = [math.log10(nodes) for nodes, _ in points]
    up = [math.log10(ns) for _, ns in points]
    low, high = math.floor(min(up)), math.ceil(max(up))

    def x(nodes: float) -> float:
        return LEFT + (math.log10(nodes) - min(across)) / (max(across) - min(across)) * (WIDTH - LEFT - RIGHT)

    def y(ns: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(ns) - low) / (high - low) * (HEIGHT - BOTTOM - TOP)

    parts = [_text(LEFT, HEIGHT - 8, "nodes of the grid"), _text(4, 14, "ns a node")]
    for power in range(low, high + 1):
        level = y(10**power)
        parts += [f'<path d="M{LEFT} {level:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>',
                  _text(8, level + 4, f"{10**power:,}")]
    parts += [_text(x(nodes) - 20, HEIGHT - BOTTOM + 18, f"{nodes:,}") for nodes in sorted({n for n, _ in points})]
    for name, line in lines.items():
        colour = COLOURS.get(name, "#000")
        way = " ".join(f"{x(nodes):.1f},{y(ns):.1f}" for nodes, ns in line)
        parts += [f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2"/>',
                  *(f'<circle cx="{x(nodes):.1f}" cy="{y(ns):.1f}" r="3" fill="{colour}"/>' for nodes, ns in line),
                  _text(x(line[-1][0]) + 8, y(line[-1][1]) + 4, name, colour)]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            f'font-size="12">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n' + "\n".join(parts)
            + "\n</svg>\n")


def _text(x: float, y: float, words: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}">{words}</text>'
