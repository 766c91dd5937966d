"""Draw the way from each village or community to its nearest facility of each service."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from lifecircle.network.routes import trace_worse
from lifecircle.tables import CLASSES, ROUTES_COLUMNS
from lifecircle.traveltimes import TravelTimes, used_modes


def place_routes(times: TravelTimes) -> gpd.GeoDataFrame:
    """Trace, per place and layer judged by reach, the way in the headline mode of the place's class.

    Parameters
    ----------
    times : TravelTimes

    Returns
    -------
    GeoDataFrame
        `ROUTES_COLUMNS` and geometry: a line in the order of travel between the demand point nearest to the middle of
        the place's people and its nearest facility; where both directions count, the one that takes longer.
        ``minutes`` are those of that point in the demand table; ``metres`` are measured along the line, legs off
        the road among them, ``walk_metres`` is what of them is walked. A place that reaches none has no row.
    """
    reached = [layer for layer in times.study.layers if used_modes(times.study.policy.layer(layer))]
    rows = pd.DataFrame([row for layer in reached for row in _layer_rows(times, layer)],
                        columns=[*ROUTES_COLUMNS, "geometry"])
    rows = rows.sort_values(["place_code", "layer"], kind="stable", ignore_index=True)
    return gpd.GeoDataFrame(rows, geometry="geometry", crs=times.study.crs)


def _layer_rows(times: TravelTimes, layer: str) -> list[dict[str, Any]]:
    policy, points, rows = times.study.policy.layer(layer), times.middle_points, []
    ids, facility_ids = (table.to_numpy() for table in (times.demand["demand_id"], times.serving[layer]["facility_id"]))
    rules = {name: rule for name in CLASSES if (rule := policy.rule(name)) is not None}
    for mode in dict.fromkeys(rule.mode for rule in rules.values()):
        here = points[points["class"].isin([name for name, rule in rules.items() if rule.mode == mode])]
        found = trace_worse(*times.fields[layer, mode], times.xy_m[here["row"].to_numpy()])
        rows += [{
            "place_code": place, "township_code": township, "layer": layer, "mode": mode, "direction": route.direction,
            "demand_id": ids[row], "facility_id": facility_ids[route.label], "minutes": route.ms / 60_000.0,
            "metres": route.metres, "walk_metres": route.walk_metres, "geometry": shapely.LineString(route.xy_m),
        } for place, township, row, route in zip(here["place_code"], here["township_code"], here["row"], found,
                                                 strict=True) if route is not None]
    return rows
