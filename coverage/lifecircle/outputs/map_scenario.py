"""Give the map's theme of a scenario: what new facilities gain, and the roads that it changes."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import shapely

from lifecircle.assessment import Assessment
from lifecircle.outputs.map_shapes import encode
from lifecircle.outputs.tables import plain_value


def scenario_facts(assessment: Assessment) -> dict[str, Any] | None:
    """Give gains and changed roads of a run with a scenario; None for one without."""
    if not assessment.run.get("scenario"):
        return None
    gains = []
    for row in assessment.gains.to_dict("records"):
        whole = row["facility_id"] == "all"
        counts = {"together": row["people_together"]} if whole else {
            "name": row["name"] if isinstance(row["name"], str) and row["name"] else row["facility_id"],
            "alone": row["people_alone"], "last": row["people_last"]}
        gains.append({"layer": row["layer"], **counts})
    roads = assessment.changed_roads
    shapes = gpd.GeoSeries(roads.geometry, crs=roads.crs).to_crs("EPSG:4326") if len(roads) else []
    lines = [{"edit": edit, "km": length_m / 1000.0,
              "lines": [encode(shapely.get_coordinates(part)) for part in shapely.get_parts(shape)]}
             for edit, length_m, shape in zip(roads["edit"], roads["length_m"], shapes, strict=True)]
    return dict(plain_value({"gains": gains, "roads": lines, "after": "DIR_B"}))
