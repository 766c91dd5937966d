"""Write shapes compactly for the map: whole steps of a hundred-thousandth of a degree, one after another."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.assessment import Assessment
from lifecircle.outputs.tables import DECIMALS, plain_value

#: Steps per degree: about a metre.
STEPS_PER_DEGREE = 100_000
#: Digits of the code, five bits each; none of them means anything in HTML or a script.
DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
#: Above so many polygons the map leaves out the smallest parts of areas.
MOST_POLYGONS = 5_000
#: The rings that are drawn beside the service circle, minutes.
RING_MINUTES: dict[str, float] = {"urban": 15.0, "rural": 30.0}


def number(value: Any) -> float | str | None:
    """Give a number for JSON, as exact as the tables: None for NaN, the word ``inf`` for what is not reached."""
    value = float(value)
    if math.isnan(value):
        return None
    return round(value, DECIMALS) if math.isfinite(value) else "inf"


def encode(xy_degree: npt.NDArray[np.float64]) -> str:
    """Write a line as text: differences of rounded coordinates, in digits of five bits, the lowest first.

    Parameters
    ----------
    xy_degree : (n, 2) array of float
        Longitude and latitude.

    Examples
    --------
    >>> encode(np.array([[0.00001, 0.0], [0.00003, -0.00001]]))
    'CAEB'
    """
    steps = np.diff(np.rint(xy_degree * STEPS_PER_DEGREE), axis=0, prepend=0.0).ravel()
    found = []
    for value in np.where(steps < 0, -2 * steps - 1, 2 * steps).astype(int).tolist():
        while value >= 32:
            found.append(DIGITS[32 | (value & 31)])
            value >>= 5
        found.append(DIGITS[value])
    return "".join(found)


def rings(assessment: Assessment, simplify_m: float) -> dict[str, list[dict[str, Any]]]:
    """Give layer -> the areas within 15 minutes as the urban rule goes, and within 30 as the rural one.

    Each has class, mode, minutes, area in km2, people, and the rings of its polygons as text.
    """
    frame = assessment.service_areas
    frame = frame[frame["kind"] == "isochrone"]
    found: dict[str, list[dict[str, Any]]] = {}
    for layer, record in assessment.run["layers"].items():
        for cls, cutoff in RING_MINUTES.items():
            mode = (record.get(cls) or {}).get("mode")
            own = frame[(frame["layer"] == layer) & (frame["mode"] == mode) & (frame["cutoff"] == cutoff)]
            for row in own.to_dict("records"):
                parts = polygons(gpd.GeoSeries([row["geometry"]], crs=frame.crs), simplify_m)
                found.setdefault(layer, []).append({
                    "class": cls, "mode": str(mode), "minutes": cutoff, "km2": plain_value(row["area_km2"]),
                    "people": plain_value(row["population"]), "parts": parts})
    return found


def without_smallest(assessment: Assessment, most: int = MOST_POLYGONS) -> tuple[Assessment, tuple[int, int]]:
    """Leave out the smallest parts of circles and rings until the map has no more than so many polygons.

    Returns
    -------
    Assessment, (int, int)
        And how many polygons there were, and how many are left out; townships are never among them.
    """
    areas = assessment.service_areas
    shown = {(layer, record[cls]["mode"], cutoff) for layer, record in assessment.run["layers"].items()
             for cls, cutoff in RING_MINUTES.items() if record.get(cls)}
    ring = [key in shown for key in zip(areas["layer"], areas["mode"], areas["cutoff"], strict=True)]
    drawn = areas[(areas["kind"] == "circle") | ((areas["kind"] == "isochrone") & np.array(ring, dtype=bool))]
    parts, row = shapely.get_parts(drawn.geometry.to_numpy(), return_index=True)
    townships = len(shapely.get_parts(assessment.townships.geometry.to_numpy()))
    count = townships + len(parts)
    if count <= most:
        return assessment, (count, 0)
    order = np.argsort(-shapely.area(parts), kind="stable")
    kept = np.sort(order[:max(most - townships, 0)])
    shapes = [shapely.multipolygons(parts[kept][row[kept] == at]) for at in range(len(drawn))]
    thin = areas.copy()
    thin.loc[drawn.index, thin.geometry.name] = gpd.GeoSeries(shapes, index=drawn.index, crs=areas.crs)
    return replace(assessment, service_areas=thin), (count, count - townships - len(kept))


def polygons(shapes: gpd.GeoSeries, simplify_m: float) -> list[list[str]]:
    """Give the polygons of shapes, each a list of rings as text, the largest first."""
    parts = shapely.get_parts(shapes.simplify(simplify_m).to_numpy())
    parts = parts[np.argsort(-shapely.area(parts), kind="stable")]
    parts = parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)]
    degrees = gpd.GeoSeries(parts, crs=shapes.crs).to_crs("EPSG:4326")
    return [[encode(shapely.get_coordinates(ring)) for ring in (shape.exterior, *shape.interiors)]
            for shape in degrees]
