"""Give what the cards of places say of time: minutes from the middle of the people, and the nearest facility."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import shapely

from lifecircle.assessment import Assessment
from lifecircle.middle import middle_points
from lifecircle.outputs.map_shapes import number


def place_times(assessment: Assessment) -> dict[str, dict[str, list[Any] | None]]:
    """Give place code -> layer -> minutes, whether in time, and the nearest facility, from the place's middle point.

    The minutes are the table's; ``inf`` where nothing is reached, None where undetermined. What is told of a layer for
    a group is None as a whole where it could tell a count that is hidden: where the people in time are, and where
    the split of the late ones is and the point is one of them.
    """
    chosen = middle_demand(assessment)
    names = facility_names(assessment)
    found: dict[str, dict[str, list[Any] | None]] = {code: {} for code in chosen.index}
    for layer in assessment.layers:
        if f"minutes_{layer}" not in chosen.columns:
            continue
        shut = withheld(assessment, layer)
        rules = assessment.run["layers"][layer]
        for code, kind, minutes, state, facility in zip(
                chosen.index, chosen["class"], chosen[f"minutes_{layer}"].to_numpy(dtype=float),
                chosen[f"state_{layer}"], chosen[f"facility_{layer}"], strict=True):
            limit = (rules.get(kind) or {}).get("cutoff_min", 0.0) if state == "out_of_time" else 0.0
            told = [number(_rounded(minutes, limit)), state, names.get(facility, facility)]
            found[code][layer] = None if shut.get(code, 0) > (state == "in_time") else told
    return found


def _rounded(minutes: float, limit_min: float) -> float:
    """Round to a tenth, but never down to a limit that is not kept: 15.004 of 15 are not 15.0."""
    shown = round(minutes, 1)
    return math.ceil(minutes * 10) / 10 if shown <= limit_min < minutes else shown


def middle_demand(assessment: Assessment) -> gpd.GeoDataFrame:
    """Give the demand point that speaks for each place, by place_code."""
    demand = assessment.demand
    chosen = middle_points(demand, shapely.get_coordinates(demand.geometry.to_numpy()))
    return demand.loc[chosen["row"]].set_index("place_code")


def withheld(assessment: Assessment, layer: str) -> dict[str, int]:
    """Give place code -> 2 where the people in time are hidden, 1 where only the split of the late ones is."""
    places = assessment.places
    if f"in_time_{layer}" not in places.columns:
        return {}
    split = places[f"out_{layer}"].isna() | places[f"undetermined_{layer}"].isna()
    level = split.astype(int).mask(places[f"in_time_{layer}"].isna(), 2)
    return {code: int(value) for code, value in zip(places["place_code"], level, strict=True) if value}


def facility_names(assessment: Assessment) -> dict[str, str]:
    """Give facility_id -> name, where it has one."""
    frame = assessment.facilities
    return {key: name for key, name in zip(frame["facility_id"], frame["name"], strict=True)
            if isinstance(name, str) and name}
