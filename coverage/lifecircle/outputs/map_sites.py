"""Give the map's chosen sites: where to build, what each site wins, and the proof of the choice."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np

from lifecircle.assessment import Assessment
from lifecircle.outputs.tables import plain_value

_FIGURES = {"rank": "rank", "layer": "layer", "id": "candidate_id", "name": "name", "township": "township",
            "place": "place", "won": "people_won", "alone": "people_alone", "last": "people_last",
            "stays": "keep_share", "year": "year", "cost": "cost", "lead": "lead_unit", "quality": "quality"}


def site_properties(sites: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Give what mark and popup of each site say; a hidden count is None."""
    table = sites[list(_FIGURES.values())].replace({np.nan: None})
    rows = table.rename(columns={column: name for name, column in _FIGURES.items()}).to_dict("records")
    return [{name: plain_value(value) for name, value in row.items()} for row in rows]


def siting_facts(assessment: Assessment) -> dict[str, Any] | None:
    """Give what the panel says of the choice: model, status, gap, people before and after, roads; None without one."""
    siting = assessment.siting
    if not siting:
        return None
    told = {"layers": siting["layers"], "model": siting["model"], "status": siting["status"], "gap": siting["gap"],
            "before": siting.get("people_in_time_now", siting["people_in_time_before"]),
            "after": siting["people_in_time_after"],
            "links": [{"name": link["name"], "cost": link["cost"]} for link in siting.get("links", ())]}
    return dict(plain_value(told))
