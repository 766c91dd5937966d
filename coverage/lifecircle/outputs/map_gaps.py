"""Give the gaps of places and townships for the map; what must not be told of a group is None."""

from __future__ import annotations

from typing import Any

from lifecircle.assessment import Assessment
from lifecircle.outputs.map_cards import facility_names
from lifecircle.outputs.map_shapes import number


def township_gaps(assessment: Assessment) -> dict[str, list[dict[str, Any]]]:
    """Give township code -> what it lacks besides reach: units without a facility, area short; None where hidden."""
    rows = assessment.gaps[assessment.gaps["kind"] != "reach"]
    found: dict[str, list[dict[str, Any]]] = {}
    order = rows["layer"].map({layer: at for at, layer in enumerate(assessment.layers)})
    keys = ["township_code", "order", "layer", "kind", "metric"]
    for (code, _, layer, kind, metric), part in rows.assign(order=order).groupby(keys, sort=True):
        short = part["short"].sum(skipna=bool((part["group"] == "all").all()))
        found.setdefault(code, []).append({"layer": layer, "kind": kind, "metric": metric, "short": number(short),
                                           "unit": part["unit"].iloc[0], "cause": part["cause"].iloc[0],
                                           "own": bool((part["place_code"] == "").all())})
    return found


def place_gaps(assessment: Assessment) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Give place code -> layer -> its gaps, the facility called by its name.

    Where the people of a group who are out are hidden, so are minutes, facility and cause: they tell who is late.
    """
    names = facility_names(assessment)
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in assessment.gaps.to_dict("records"):
        nearest = row["nearest_facility"]
        gap = {"kind": row["kind"], "out": number(row["people_out"]),
               "undetermined": number(row["people_undetermined"])}
        if row["kind"] != "reach" or gap["out"] is not None:
            gap.update(median=number(row["minutes_median"]), worst=number(row["minutes_worst"]), cause=row["cause"],
                       nearest=names.get(nearest) or (nearest if nearest == nearest else ""))
        if row["kind"] != "reach":
            gap.update(need=number(row["need"]), have=number(row["have"]), short=number(row["short"]),
                       unit=row["unit"], level=row["level"])
        found.setdefault(row["place_code"], {}).setdefault(row["layer"], []).append(gap)
    return found
