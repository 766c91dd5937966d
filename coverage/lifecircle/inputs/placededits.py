"""Bring the edits of a scenario to the CRS of the study."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from lifecircle.datum import to_wgs84
from lifecircle.inputs.edits import Edit, ScenarioFile
from lifecircle.inputs.files import parse_crs
from lifecircle.inputs.shapes import WGS84, to_crs


@dataclass(frozen=True)
class Numbered:
    """An edit with its name in messages, such as ``cut 2``, and its place in the CRS of the study."""

    label: str
    edit: Any
    place: Any


def in_study(content: ScenarioFile, edits: list[tuple[str, Edit]], crs: str, path: Path) -> list[Numbered]:
    """Give edits with their places in the CRS of the study.

    Parameters
    ----------
    content : ScenarioFile
        Names datum and CRS of the coordinates.
    edits : list of (str, Edit)
        With their names in messages.
    crs : str
    path : Path

    Raises
    ------
    BadValueError, ConfigError
        As for `inputs.shapes.to_crs`.
    """
    placed = [(label, edit.place) for label, edit in edits if edit.place is not None]
    if not placed:
        return [Numbered(label, edit, None) for label, edit in edits]
    labels, shapes = zip(*placed, strict=True)
    if content.datum in ("gcj02", "bd09"):
        datum = content.datum
        shapes = tuple(shapely.transform(shape, lambda xy: np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], datum)))
                       for shape in shapes)
    source = parse_crs(content.crs, path) if content.crs else WGS84
    frame = gpd.GeoDataFrame(index=list(labels), geometry=list(shapes), crs=source)
    moved = dict(zip(labels, to_crs(frame, crs, path).geometry, strict=True))
    return [Numbered(label, edit, moved.get(label)) for label, edit in edits]
