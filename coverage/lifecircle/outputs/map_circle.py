"""Give the map's theme of all services together: shares, what binds, what would complete most people."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.outputs.map_colours import edges_of
from lifecircle.outputs.map_text import words
from lifecircle.outputs.tables import plain_value

#: The key under which the theme stands among the layers; no layer can be called so.
CIRCLE = "all"
_INDICATORS = {"share_with_all_services": "rate", "services_mean": "mean", "people_lacking": "lacking",
               "people_lacking_only_this": "only"}


def circle_layers(assessment: Assessment) -> list[str]:
    """List the layers of the circle of all services; none where the run has no such figures."""
    return [layer for layer in assessment.layers if f"share_lacking_{layer}" in assessment.places.columns]


def circle_facts(assessment: Assessment, language: str) -> dict[str, Any] | None:
    """Give what the panel says of all services together, in the form of a layer; None without them."""
    layers = circle_layers(assessment)
    if not layers:
        return None
    code = assessment.run["district"]["code"]
    rows, figures = _rows(assessment), circle_figures(assessment)
    known = [own["rate"] for unit, own in figures.items() if unit != code and isinstance(own.get("rate"), float)]
    shares = rows[(rows["indicator"] == "share_with_k_services") & (rows["township_code"] == code)]
    return {
        "key": CIRCLE, "label": words(language)["circle_all"], "group": "all", "rules": [], "presence": [], "lead": "",
        "at_shares": [], "members": layers, "district": figures.get(code, {}), "edges": edges_of([0.0, *known]),
        "by_k": [[int(k), _short(share)] for k, share in sorted(zip(shares["cutoff"], shares["value"], strict=True))],
    }


def circle_figures(assessment: Assessment) -> dict[str, dict[str, Any]]:
    """Give township (or district) code -> share with all services (low, high), their mean, and people per lack.

    ``lacking`` and ``only`` hold layer -> the people who lack it, and who lack nothing else.
    """
    rows = _rows(assessment)
    figures: dict[str, dict[str, Any]] = {}
    for row in rows[rows["indicator"].isin(list(_INDICATORS))].to_dict("records"):
        of_unit, name = figures.setdefault(row["township_code"], {}), _INDICATORS[row["indicator"]]
        if row["layer"] == CIRCLE and row["value"] == row["value"]:
            of_unit[name] = plain_value(row["value"])
            if name == "rate":
                of_unit.update(low=plain_value(row["low"]), high=plain_value(row["high"]))
        elif row["layer"] != CIRCLE:
            of_unit.setdefault(name, {})[row["layer"]] = plain_value(row["value"])
    return figures


def circle_place(row: dict[str, Any], layers: list[str]) -> dict[str, Any]:
    """Give what a place's popup says: people with all services, with a lack, undetermined; who lacks what; what binds.

    Parameters
    ----------
    row : dict
        A row of the places with the columns of `completeness.with_services`.
    layers : list of str
        Those of `circle_layers`.
    """
    people, known = float(row["residents"]), row["share_all"] == row["share_all"]
    has, may = (people * float(row[name]) if known else 0.0 for name in ("share_all", "share_all_high"))
    return {"counts": [round(part, 1) for part in (people, has, people - may, may - has)],
            "mean": _short(row["services_mean"]),
            "lacking": {layer: _short(row[f"share_lacking_{layer}"]) for layer in layers},
            "binding": [layer for layer in str(row["binding_service"] or "").split(";") if layer]}


def _rows(assessment: Assessment) -> pd.DataFrame:
    results = assessment.results
    shown = (results["scenario"] == "existing") & (results["class"] == "all")
    return results[(results["metric"] == "services") & shown]


def _short(value: float) -> float | None:
    """Give a figure with four decimals, None for NaN."""
    return None if value != value else round(float(value), 4)
