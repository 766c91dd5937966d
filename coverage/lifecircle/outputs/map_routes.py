"""Give the ways behind the minutes of each place, small enough to lie in the page all at once."""

from __future__ import annotations

from typing import Any

import shapely

from lifecircle.assessment import Assessment
from lifecircle.outputs.map_cards import facility_names, place_times
from lifecircle.outputs.map_shapes import encode, number

#: How far a drawn way may lie from the true one, at first.
ROUTE_M = 8.0


def place_routes(assessment: Assessment, simplify_m: float = ROUTE_M) -> dict[str, dict[str, dict[str, Any]]]:
    """Give place code -> layer -> the way from its middle point to the nearest facility, in the order of travel.

    Each has ``line`` (see `map_shapes.encode`), mode, facility, minutes, metres, ``walk`` (metres on foot) and ``back``
    (whether it leads from the facility). Where the minutes of a place are withheld, so is its way.
    """
    frame = assessment.routes
    if frame.empty:
        return {}
    names, times = facility_names(assessment), place_times(assessment)
    lines = frame.geometry.simplify(simplify_m).to_crs("EPSG:4326")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row, line in zip(frame.drop(columns=frame.geometry.name).to_dict("records"), lines, strict=True):
        told = times.get(row["place_code"], {}).get(row["layer"])
        if told is None:
            continue
        found.setdefault(row["place_code"], {})[row["layer"]] = {
            "line": encode(shapely.get_coordinates(line)), "mode": row["mode"],
            "facility": names.get(row["facility_id"], row["facility_id"]), "minutes": told[0],
            "metres": number(round(row["metres"])), "walk": number(round(row["walk_metres"])),
            "back": row["direction"] == "from"}
    return found
