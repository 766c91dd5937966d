"""Set the panel of a map sheet: facts of the district, legend with counts, in columns below or beside the map."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lifecircle.assessment import Assessment
from lifecircle.outputs import cartography as draw
from lifecircle.outputs.map_data import ROAD_RANKS
from lifecircle.outputs.map_text import words
from lifecircle.outputs.report_text import report_words
from lifecircle.outputs.sheet_theme import Theme
from lifecircle.outputs.typeface import printable, write

#: Height of a line, and width of a mark before its text, in mm.
_LINE, _MARK = 4.1, 8.0
_COLUMN_EMS = 16.6

Draw = Callable[[Axes, float, float, float], None]


@dataclass(frozen=True)
class Row:
    """A line of the panel: mark (or none), text, count; or a head within a block."""

    text: str
    draw: Draw | None = None
    count: str = ""
    head: bool = False


@dataclass(frozen=True)
class Panel:
    """The blocks of a panel, each with its title, and the room they take in mm."""

    blocks: tuple[tuple[str, tuple[Row, ...]], ...]
    height_below_mm: float
    height_beside_mm: float


def panel_of(assessment: Assessment, theme: Theme, large: float) -> Panel:
    """Gather the blocks of a sheet's panel.

    Parameters
    ----------
    assessment : Assessment
    theme : Theme
    large : float
        By how much everything is larger than on A4.
    """
    language = assessment.run["district"].get("language", "zh")
    say, told = report_words(language), words(language)
    unit = told["counts"]
    blocks: list[tuple[str, tuple[Row, ...]]] = [
        (say["district"], tuple(Row(part) for line in theme.facts for part in _wrap(line))),
        (theme.classes_title, tuple(Row(item.label, _swatch(*item.fill), _amount(item.count, unit["township"]))
                                    for item in theme.classes))]
    rows: list[Row] = []
    if theme.states:
        counts = Counter(theme.states)
        rows += [Row(theme.said[state], _disc(state), _amount(counts[state], unit["place"]))
                 for state in draw.STATES if counts[state] or state in ("in_time", "out")]
        blocks.append((say["places"], tuple(rows)))
    marks = [Row(told["status"].get(kind) or told[kind], _diamond(kind), _amount(len(xy), unit["facility"]))
             for kind, xy in theme.facilities.items()]
    marks += [Row(say["circle"], _violet)] if theme.circle else []
    lines = [Row(label, _stroke(draw.ROAD_INK[rank], 0.35 + 0.35 * rank))
             for label, rank in zip(say["roads"], (3, 2, 1), strict=True) if _has_road(assessment, rank)]
    lines += [Row(say["water"], _stroke(draw.WATER, 1.2))] if (assessment.ground["kind"] == "water").any() else []
    if theme.site_lines:
        text = tuple(Row(part) for line in theme.site_lines for part in _wrap(line)[:2])
        blocks[0] = (say["site"].format(count=len(theme.sites)), text)
    last = (say["facilities"], tuple(marks)) if marks else (say["lines"], tuple(lines))
    blocks.append(last)
    if marks and len(blocks) < 4:
        blocks.append((say["lines"], tuple(lines)))
    elif marks and lines:
        blocks[2] = (blocks[2][0], (*blocks[2][1], Row(say["lines"], head=True), *lines))
    tallest = max(len(rows) for _, rows in blocks)
    every = sum(len(rows) + 2 for _, rows in blocks)
    return Panel(tuple(blocks), (tallest + 2.5) * _LINE * large, every * _LINE * large)


def fill_panel(page: Axes, box_mm: tuple[float, float, float, float], panel: Panel, large: float) -> None:
    """Set the blocks into the panel's box: side by side where it is wide, else one below the other."""
    left, bottom, wide, high = box_mm
    below = wide > high
    column = wide / len(panel.blocks) if below else wide
    y = bottom + high
    for at, (title, rows) in enumerate(panel.blocks):
        x = left + at * column if below else left
        y = bottom + high if below else y
        y -= _LINE * large
        write(page, x, y, title, size=8.5 * large, most=28, color="#111111")
        page.plot([x, x + column - 4 * large], [y - 1.2 * large] * 2, color="#bbb5a8", linewidth=0.6)
        y -= 0.5 * _LINE * large
        for row in rows:
            y -= (1.4 if row.head else 1.0) * _LINE * large
            mark = _MARK * large if row.draw else 0.0
            if row.draw:
                row.draw(page, x + 3 * large, y + 0.9 * large, large)
            write(page, x + mark, y, row.text, size=(8.5 if row.head else 7.5) * large, most=34, color="#222222")
            if row.count:
                write(page, x + column - 4 * large, y, row.count, size=7.5 * large, ha="right", color="#222222")
        y -= 0.4 * _LINE * large


def _wrap(line: str) -> list[str]:
    """Break a line where a column ends; full and half widths count as they are set."""
    shown = printable(line, 120)
    if _ems(shown) > _COLUMN_EMS and "　" in shown:
        return [part for piece in shown.split("　") for part in _wrap(piece)]
    lines, room = [""], _COLUMN_EMS
    for letter in shown:
        wide = _ems(letter)
        if wide > room:
            head, blank, tail = lines[-1].rpartition(" ")
            if blank and len(tail) < 12 and letter < "\u2e80" and letter != " ":
                lines[-1:] = [head, tail]
            else:
                lines.append("")
            room = _COLUMN_EMS - _ems(lines[-1])
        lines[-1] += letter
        room -= wide
    return [part.strip() for part in lines if part.strip()]


def _ems(text: str) -> float:
    return sum(1.0 if letter >= "\u2e80" else 0.56 for letter in text)


def _amount(count: int, unit: str) -> str:
    return f"{count:,} {unit}".strip()


def _has_road(assessment: Assessment, rank: int) -> bool:
    ranks = assessment.ground["road_class"].map(ROAD_RANKS)
    return bool((ranks == rank).any() or (rank == 1 and (ranks == 0).any()))


def _swatch(colour: str, hatch: str) -> Draw:
    def put(page: Axes, x: float, y: float, large: float) -> None:
        page.add_patch(Rectangle((x - 2.6 * large, y - 1.3 * large), 5.2 * large, 2.6 * large, facecolor=colour,
                                 hatch=hatch or None, hatch_linewidth=0.35, edgecolor="#8a8a8a", linewidth=0.4))
    return put


def _disc(state: str) -> Draw:
    def put(page: Axes, x: float, y: float, large: float) -> None:
        draw.draw_discs(page, np.array([[x, y]]), state, np.array([2.6 * large]))
    return put


def _diamond(kind: str) -> Draw:
    def put(page: Axes, x: float, y: float, large: float) -> None:
        draw.draw_facilities(page, np.array([[x, y]]), kind, width_mm=1.7 * large)
    return put


def _stroke(colour: str, width: float) -> Draw:
    def put(page: Axes, x: float, y: float, large: float) -> None:
        page.plot([x - 2.6 * large, x + 2.6 * large], [y, y], color=colour, linewidth=width * large)
    return put


def _violet(page: Axes, x: float, y: float, large: float) -> None:
    page.add_patch(Rectangle((x - 2.6 * large, y - 1.3 * large), 5.2 * large, 2.6 * large, linewidth=0.6,
                             facecolor="#e4e1ec", edgecolor=draw.CIRCLE))
