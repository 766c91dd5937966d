"""Draw the small map of a township for the Word report: the township among its neighbours, its services, its gaps."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib.style
import numpy as np
import pandas as pd
import shapely

from lifecircle.assessment import Assessment
from lifecircle.outputs import cartography as draw
from lifecircle.outputs.map_circle import circle_layers, circle_place
from lifecircle.outputs.map_data import place_points
from lifecircle.outputs.map_text import MODEL_MARK, words
from lifecircle.outputs.report_text import report_words
from lifecircle.outputs.sheet_theme import main_state
from lifecircle.outputs.typeface import write

WIDTH_MM, HEIGHT_MM = 168.0, 92.0
_MAP_MM = 112.0
_DPI = 170
#: A mark per service, told apart by its shape.
_MARKS = ("s", "^", "P", "v", "D", "*", "X", "p", "h", "<", ">")
_INK = "#33203f"


class TownMaps:
    """Draws the townships of one published assessment; what all of them need is prepared once."""

    def __init__(self, assessment: Assessment) -> None:
        self._of = assessment
        language = assessment.run["district"].get("language", "zh")
        self._say, self._told = report_words(language), words(language)
        self._labels = {layer: record.get(f"label_{language}") or layer
                        for layer, record in assessment.run["layers"].items()}
        self._points = shapely.get_coordinates(place_points(assessment).to_numpy())
        people = assessment.demand.groupby("place_code")["population"].sum()
        self._people = people.reindex(assessment.places["place_code"]).fillna(0.0).to_numpy(dtype=float)
        members = circle_layers(assessment)
        rows = assessment.places.drop(columns=assessment.places.geometry.name).to_dict("records")
        self._states = [main_state(circle_place(row, members)["counts"]) if members else "none" for row in rows]
        facilities = assessment.facilities
        self._spots = shapely.get_coordinates(facilities.representative_point().to_numpy()).reshape(-1, 2)

    def png(self, code: str, numbered: Sequence[str]) -> bytes:
        """Draw a township.

        Parameters
        ----------
        code : str
            Of the township.
        numbered : sequence of str
            Codes of places that carry the number of their row in the list of gaps; blank for none.

        Returns
        -------
        bytes
            The same for the same assessment.
        """
        with matplotlib.style.context("default"):
            figure = draw.figure_of((WIDTH_MM, HEIGHT_MM))
            frame = draw.axes_in(figure, (0.5, 0.5, _MAP_MM, HEIGHT_MM - 1), metric=True)
            panel = draw.axes_in(figure, (_MAP_MM + 4, 0, WIDTH_MM - _MAP_MM - 4, HEIGHT_MM))
            metres = self._map(frame, code, numbered)
            self._panel(panel, code, metres)
            if self._of.run["quality"] == "model":
                draw.watermark(figure, MODEL_MARK, size=9, pitch_mm=(38, 22))
            page = io.BytesIO()
            figure.savefig(page, format="png", dpi=_DPI, metadata={"Software": None})
        return page.getvalue()

    def _map(self, frame: Any, code: str, numbered: Sequence[str]) -> float:
        towns = self._of.townships
        own = (towns["township_code"] == code).to_numpy()
        shape = towns.geometry[own].iloc[0]
        west, south, east, north = shape.bounds
        rim = 0.07 * max(east - west, north - south)
        frame.set_facecolor("#f7f7f4")
        metres = draw.show_extent(frame, (west - rim, south - rim, east + rim, north + rim), (_MAP_MM, HEIGHT_MM - 1))
        (left, right), (bottom, top) = frame.get_xlim(), frame.get_ylim()
        extent = shapely.box(left, bottom, right, top)
        draw.draw_areas(frame, towns.geometry, [("#fbf5e6" if mine else "#ebebe6", "") for mine in own])
        draw.draw_areas(frame, [shape], [("none", "")], line=1.6)
        draw.draw_ground(frame, self._of.ground[self._of.ground.intersects(extent)])
        mine = (self._of.places["township_code"] == code).to_numpy()
        self._facilities(frame)
        draw.draw_places(frame, self._points[mine], [self._states[at] for at in np.flatnonzero(mine)],
                         self._people[mine], largest_mm=3.6)
        taken = self._numbers(frame, numbered, metres)
        areas = [(name, item.intersection(extent))
                 for name, item in zip(towns["township"], towns.geometry, strict=True)]
        near = [(name, item) for (name, item), is_own in zip(areas, own, strict=True)
                if not is_own and item.area > 0.02 * extent.area]
        draw.draw_names(frame, near, size=7.5, metres=metres, taken=[shape, *taken], colour="#666666")
        return metres

    def _facilities(self, frame: Any) -> None:
        kinds = self._of.facilities
        there = (kinds["status"] == "existing").to_numpy()
        for at, layer in enumerate(self._of.layers):
            xy = self._spots[there & (kinds["layer"] == layer).to_numpy()]
            frame.scatter(xy[:, 0], xy[:, 1], marker=_MARKS[at % len(_MARKS)], s=13, c=_INK, edgecolors="white",
                          linewidths=0.4, zorder=6.5)

    def _numbers(self, frame: Any, numbered: Sequence[str], metres: float) -> list[shapely.Geometry]:
        """Write the numbers of the gaps beside their places, one label for all numbers of a place."""
        rows = pd.Series(range(1, len(numbered) + 1), index=list(numbered), dtype=int)
        boxes: list[shapely.Geometry] = []
        position = dict(zip(self._of.places["place_code"], self._points, strict=True))
        em = 7 / 72 * draw.MM_PER_INCH * metres
        for code, part in rows.groupby(level=0, sort=False):
            if code not in position:
                continue
            text = ",".join(str(number) for number in part)
            x, y = position[code]
            wide, high = (0.62 * len(text) + 0.3) * em, 1.2 * em
            spots = [(x + side * (wide / 2 + 2.2 * metres), y + rise * high) for rise in (0, 1, -1, 2, -2, 3, -3)
                     for side in (1, -1)]
            box = next((box for box in (shapely.box(a - wide / 2, b - high / 2, a + wide / 2, b + high / 2)
                                        for a, b in spots) if not any(box.intersects(other) for other in boxes)), None)
            if box is not None:
                boxes.append(box)
                write(frame, box.centroid.x, box.centroid.y, text, size=7, halo=True, color="#7a1d08", ha="center",
                      va="center_baseline", zorder=9.5, gid="number")
        return boxes

    def _panel(self, panel: Any, code: str, metres: float) -> None:
        say, told, y = self._say, self._told, HEIGHT_MM - 5.0
        draw.north_arrow(panel, WIDTH_MM - _MAP_MM - 9, HEIGHT_MM - 12.0, 6.0, say["north"], size=7)
        write(panel, 0, y, say["facilities_here"], size=7.5)
        facilities = self._of.facilities
        here = (facilities["township_code"] == code) & (facilities["status"] == "existing")
        for at, layer in enumerate(self._of.layers[:11]):
            y -= 4.0
            panel.scatter([2], [y + 0.9], marker=_MARKS[at % len(_MARKS)], s=16, c=_INK)
            count = int((here & (facilities["layer"] == layer)).sum())
            write(panel, 5, y, f"{self._labels[layer]}　{count} {told['counts']['facility']}".rstrip(), size=7, most=22)
        y -= 6.0
        write(panel, 0, y, say["places_all"], size=7.5, most=24)
        mine = (self._of.places["township_code"] == code).to_numpy()
        states = [self._states[at] for at in np.flatnonzero(mine)]
        said = {**told["all_of"], "hidden": told["mostly"]["hidden"]}
        for state in draw.STATES:
            if states.count(state):
                y -= 4.0
                draw.draw_discs(panel, np.array([[2.0, y + 0.9]]), state, np.array([2.4]))
                write(panel, 5, y, f"{said[state]}　{states.count(state)} {told['counts']['place']}".rstrip(), size=7)
        y -= 4.0
        write(panel, 2.0, y, "1", size=7, color="#7a1d08", ha="center")
        write(panel, 5, y, say["numbers"], size=7)
        draw.scale_bar(panel, 1, 3.5, metres, longest_mm=32, size=6.5)
