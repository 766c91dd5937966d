"""Draw the map sheets: one service a sheet, on A4 or A3, as PDF and PNG, ready to print."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lifecircle.assessment import Assessment
from lifecircle.outputs import cartography as draw
from lifecircle.outputs.atomic import replace_file
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.map_data import place_points
from lifecircle.outputs.map_text import MODEL_MARK, scenario_title, words
from lifecircle.outputs.report_text import report_words
from lifecircle.outputs.sheet_legend import Panel, fill_panel, panel_of
from lifecircle.outputs.sheet_theme import Theme, themes
from lifecircle.outputs.typeface import write

PNG_DPI = 200
_MARGIN, _TITLE, _FOOT, _SIDE = 9.0, 17.0, 13.0, 68.0
#: Form of a sheet -> what its file says of itself: no moment, so that the same answer gives the same bytes.
_FORMS: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": "lifecircle", "Producer": "matplotlib"}, "png": {"Software": None},
}
#: An area so many times its name's box is lettered on the sheet itself; smaller ones go into the inset.
_ROOM = 4.2


def write_sheets(assessment: Assessment, directory: str | Path, *, paper: str = "a4",
                 done: Callable[[], None] = lambda: None) -> list[Path]:
    """Write every sheet as PDF and PNG; the same assessment gives the same bytes.

    Parameters
    ----------
    assessment : Assessment
        As it was computed or read back; small numbers of groups are hidden.
    directory : str or Path
        Made if it is not there; sheets are called ``<layer>_<paper>.pdf`` and ``.png``.
    paper : {"a4", "a3"}
    done : callable
        Called after each sheet.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If a file cannot be written; the earlier one is then untouched.
    """
    assessment, directory, paths = published(assessment), Path(directory), []
    with matplotlib.style.context("default"):
        for theme in themes(assessment):
            figure = draw_sheet(assessment, theme, paper)
            for form, options in _FORMS.items():
                page = io.BytesIO()
                figure.savefig(page, format=form, dpi=PNG_DPI, metadata=options)
                path = directory / f"{theme.key.strip('_')}_{paper}.{form}"
                replace_file(path, page.getvalue())
                paths.append(path)
            done()
    return paths


def draw_sheet(assessment: Assessment, theme: Theme, paper: str = "a4") -> Figure:
    """Draw one sheet of a published assessment.

    Parameters
    ----------
    assessment : Assessment
    theme : Theme
        One of `sheet_theme.themes`.
    paper : {"a4", "a3"}

    Returns
    -------
    Figure
        Upright or lying, whichever shows the district larger.
    """
    large = 1.25 if paper == "a3" else 1.0
    panel = panel_of(assessment, theme, large)
    size_mm, frame_mm, panel_mm = _layout(assessment, draw.PAPERS[paper], panel, large)
    figure = draw.figure_of(size_mm)
    page = draw.axes_in(figure, (0, 0, *size_mm))
    frame = draw.axes_in(figure, frame_mm, metric=True)
    metres = _draw_map(figure, frame, frame_mm, assessment, theme, large)
    _write_title(page, size_mm, assessment, theme, large)
    fill_panel(page, panel_mm, panel, large)
    _write_foot(page, size_mm, assessment, metres, paper, large)
    if assessment.run["quality"] == "model":
        draw.watermark(figure, MODEL_MARK, size=13 * large)
    return figure


Box = tuple[float, float, float, float]


def _layout(assessment: Assessment, paper_mm: tuple[float, float], panel: Panel, large: float,
            ) -> tuple[tuple[float, float], Box, Box]:
    """Give the sheet, the map's frame and the panel, in mm: upright with the panel below, or lying with it beside."""
    west, south, east, north = assessment.townships.total_bounds
    margin, title, foot, side = (length * large for length in (_MARGIN, _TITLE, _FOOT, _SIDE))
    short, long = paper_mm
    below = panel.height_below_mm
    upright = (margin, margin + foot + below, short - 2 * margin, long - 2 * margin - title - foot - below)
    lying = (margin, margin + foot, long - 2 * margin - side - 3 * large, short - 2 * margin - title - foot)
    scale = {name: max((east - west) / box[2], (north - south) / box[3])
             for name, box in (("upright", upright), ("lying", lying))}
    if scale["upright"] <= scale["lying"] or panel.height_beside_mm > lying[3]:
        return (short, long), upright, (margin, margin + foot, short - 2 * margin, below - 2 * large)
    return (long, short), lying, (long - margin - side, margin + foot, side, lying[3])


def _draw_map(figure: Figure, frame: Axes, frame_mm: Box, assessment: Assessment, theme: Theme, large: float) -> float:
    """Draw the map with its inset into the frame, and give the metres of a millimetre."""
    frame.set_facecolor("#f7f7f4")
    west, south, east, north = assessment.townships.total_bounds
    rim = 0.03 * max(east - west, north - south)
    bounds = (west - rim, south - rim, east + rim, north + rim)
    metres = draw.show_extent(frame, bounds, frame_mm[2:])
    small = _small_areas(assessment, metres, large)
    outline, taken = assessment.outline, []
    inset = _inset_box(frame, bounds, frame_mm, small, outline) if len(small) > 1 else None
    _draw_content(frame, assessment, theme, large)
    if inset is not None:
        extent, box = inset
        taken += [box, extent]
        _draw_inset(figure, frame, frame_mm, assessment, theme, extent, box, large)
    size = (9 * large * metres, 15 * large * metres)
    limits = (*frame.get_xlim(), *frame.get_ylim())
    corner, _ = draw.free_corner((limits[0], limits[2], limits[1], limits[3]), size, lambda spot: sum(
        spot.intersection(shape).area for shape in (outline, *taken)))
    taken.append(corner)
    x, y = corner.centroid.x, corner.bounds[1] + 2 * large * metres
    say = report_words(assessment.run["district"].get("language", "zh"))
    draw.north_arrow(frame, x, y, 8 * large * metres, say["north"], size=8 * large)
    areas = [(name, shape) for name, shape in _named(assessment) if inset is None or
             shape.intersection(inset[0]).area < 0.5 * shape.area]
    taken += _write_sites(frame, theme, large, metres)
    draw.draw_names(frame, areas, size=8.5 * large, metres=metres, taken=taken)
    return metres


def _named(assessment: Assessment) -> list[tuple[str, shapely.Geometry]]:
    return list(zip(assessment.townships["township"], assessment.townships.geometry, strict=True))


def _draw_content(axes: Axes, assessment: Assessment, theme: Theme, large: float) -> None:
    draw.draw_areas(axes, assessment.townships.geometry, theme.fills, line=0.7 * large)
    draw.draw_ground(axes, assessment.ground, line=large)
    draw.draw_circle(axes, theme.circle, line=0.45 * large)
    if theme.states:
        points = shapely.get_coordinates(place_points(assessment).to_numpy())
        people = assessment.demand.groupby("place_code")["population"].sum()
        counts = people.reindex(assessment.places["place_code"]).fillna(0.0).to_numpy(dtype=float)
        draw.draw_places(axes, points, theme.states, counts, largest_mm=3.4 * large)
    for kind, xy in theme.facilities.items():
        draw.draw_facilities(axes, xy, kind, width_mm=1.3 * large)


def _write_sites(axes: Axes, theme: Theme, large: float, metres: float) -> list[shapely.Geometry]:
    """Mark the chosen sites with their rank, and give where the marks lie."""
    radius, (west, east), (south, north) = 2.1 * large, axes.get_xlim(), axes.get_ylim()
    shown = [(label, x, y) for label, x, y in theme.sites if west <= x <= east and south <= y <= north]
    for label, x, y in shown:
        axes.scatter([x], [y], s=(2 * radius * 72 / draw.MM_PER_INCH) ** 2, c="#fff3a8", edgecolors="#33203f",
                     linewidths=1.2 * large, zorder=8)
        write(axes, x, y, label, size=7.5 * large, ha="center", va="center_baseline", zorder=8.2, color="#33203f")
    return [shapely.Point(x, y).buffer(radius * metres) for _, x, y in shown]


def _small_areas(assessment: Assessment, metres: float, large: float) -> list[shapely.Geometry]:
    """List the townships that are too small on the sheet to be lettered and read."""
    em = 8.5 * large / 72 * draw.MM_PER_INCH * metres
    return [shape for name, shape in _named(assessment) if shape.area < _ROOM * len(name[:24]) * 1.25 * em**2]


def _inset_box(frame: Axes, bounds: Box, frame_mm: Box, small: Sequence[shapely.Geometry],
               outline: shapely.Geometry) -> tuple[shapely.Geometry, shapely.Geometry] | None:
    """Give the extent of the inset and its box on the sheet, in metres; the map moves aside where that makes room.

    Nothing is given where the small areas do not lie together, or the inset would hardly be larger.
    """
    near = shapely.union_all(list(small)).bounds
    wide, high = near[2] - near[0], near[3] - near[1]
    rim = 0.06 * max(wide, high)
    extent = shapely.box(near[0] - rim, near[1] - rim, near[2] + rim, near[3] + rim)
    wide, high = wide + 2 * rim, high + 2 * rim
    best: tuple[float, float, float, shapely.Geometry] | None = None
    for part in (0.5, 0.42, 0.36):
        for shift in (0.0, -1.0, 1.0):
            metres = draw.show_extent(frame, bounds, frame_mm[2:], shift=shift)
            larger = min(part * frame_mm[2] * metres / wide, part * frame_mm[3] * metres / high, 4.0)
            (west, east), (south, north) = frame.get_xlim(), frame.get_ylim()
            gap = 2 * metres
            box, covered = draw.free_corner((west + gap, south + gap, east - gap, north - gap),
                                            (larger * wide, larger * high),
                                            lambda spot: spot.intersection(outline).area / spot.area)
            if larger >= 1.5 and covered < 0.02 and (best is None or larger > best[0] * 1.05):
                best = (larger, covered, shift, box)
    if best is None:
        draw.show_extent(frame, bounds, frame_mm[2:])
        return None
    draw.show_extent(frame, bounds, frame_mm[2:], shift=best[2])
    return extent, best[3]


def _draw_inset(figure: Figure, frame: Axes, frame_mm: Box, assessment: Assessment, theme: Theme,
                extent: shapely.Geometry, box: shapely.Geometry, large: float) -> None:
    (west, east), (south, _) = frame.get_xlim(), frame.get_ylim()
    metres = (east - west) / frame_mm[2]
    left, bottom, right, top = box.bounds
    box_mm = (frame_mm[0] + (left - west) / metres, frame_mm[1] + (bottom - south) / metres, (right - left) / metres,
              (top - bottom) / metres)
    axes = draw.axes_in(figure, box_mm, metric=True)
    axes.set_facecolor("#f7f7f4")
    closer = draw.show_extent(axes, extent.bounds, box_mm[2:])
    _draw_content(axes, assessment, theme, large)
    taken = _write_sites(axes, theme, large, closer)
    language = assessment.run["district"].get("language", "zh")
    say = report_words(language)
    title = shapely.box(extent.bounds[0], extent.bounds[3] - 6 * large * closer,
                        extent.bounds[0] + 30 * large * closer, extent.bounds[3])
    write(axes, 0.02, 0.985, say["inset_title"], size=8 * large, halo=True, transform=axes.transAxes, va="top",
          zorder=9)
    clipped = [(name, shape.intersection(extent)) for name, shape in _named(assessment)]
    draw.draw_names(axes, [(name, shape) for (name, shape), (_, whole) in zip(clipped, _named(assessment), strict=True)
                           if shape.area > 0.15 * whole.area], size=9 * large, metres=closer, taken=[title, *taken])
    west, south, east, north = extent.bounds
    frame.add_patch(Rectangle((west, south), east - west, north - south, facecolor="none", edgecolor="#111111",
                              linewidth=1.0 * large, zorder=8))


def _write_title(page: Axes, size_mm: tuple[float, float], assessment: Assessment, theme: Theme, large: float) -> None:
    run = assessment.run
    district, language = run["district"], run["district"].get("language", "zh")
    told, say = words(language), report_words(language)
    left, top = _MARGIN * large, size_mm[1] - _MARGIN * large
    scenario = scenario_title(run.get("scenario"))
    title = f"{district['name']}　{theme.title}"
    title += f"　{told['scenario']}{told['colon']}{scenario}" if scenario else ""
    model = run["quality"] == "model"
    room = size_mm[0] - 2 * left - (52 * large if model else 0)
    _fit(page, left, top - 6.2 * large, title, room, size=16 * large)
    if model:
        write(page, size_mm[0] - left, top - 5.6 * large, MODEL_MARK, size=13 * large, ha="right",
              color=draw.MARK_RED)
    date = say["date"].format(date=district["data_date"]) if district.get("data_date") else ""
    _fit(page, left, top - 12.6 * large, "　".join(filter(None, (*theme.subtitle, date))), size_mm[0] - 2 * left,
         size=8.5 * large, color="#333333")


def _fit(page: Axes, x: float, y: float, text: str, room_mm: float, *, size: float, color: str = "#111111") -> None:
    """Write a line no wider than the room: smaller, and if that is too small to read, shortened."""
    wide = sum(1.0 if letter >= "\u2e80" else 0.58 for letter in text) / 72 * draw.MM_PER_INCH
    size = max(min(size, room_mm / max(wide, 1e-9)), 0.6 * size)
    most = max(int(len(text) * room_mm / max(wide * size, 1e-9)), 4)
    write(page, x, y, text, size=size, most=most, color=color)


def _write_foot(page: Axes, size_mm: tuple[float, float], assessment: Assessment, metres: float, paper: str,
                large: float) -> None:
    run = assessment.run
    district, language = run["district"], run["district"].get("language", "zh")
    told, say = words(language), report_words(language)
    left, bottom, right = _MARGIN * large, _MARGIN * large, size_mm[0] - _MARGIN * large
    draw.scale_bar(page, left + 1, bottom + 3.2 * large, metres, longest_mm=40 * large, size=7 * large)
    scale = say["scale"].format(scale=int(float(f"{metres * 1000:.3g}")))
    write(page, left, bottom - 1.0 * large, f"{say['paper'].format(paper=paper.upper())} {scale}", size=6.5 * large)
    approval = district.get("map_approval_number", "")
    lines = [say["maker"].format(version=run["lifecircle"], run=run["run_id"]), say["crs"].format(crs=run["crs"])]
    warning = f"{told['approval']}{told['colon']}{approval}" if approval else told["not_approved"]
    write(page, right, bottom + 6.4 * large, warning, size=8 * large, ha="right", most=90,
          color="#111111" if approval else draw.MARK_RED)
    for at, line in enumerate(lines):
        write(page, right, bottom + (2.6 - 3.6 * at) * large, line, size=7 * large, ha="right", color="#333333")
