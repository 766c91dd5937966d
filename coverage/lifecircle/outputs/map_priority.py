"""Give the map's theme of priority groups: how densely they live, and where that meets a gap."""

from __future__ import annotations

from typing import Any

import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.indicators.priority import NOT_TOLD, OVERLAY
from lifecircle.outputs.map_colours import edges_of
from lifecircle.outputs.map_text import words
from lifecircle.outputs.tables import plain_value

#: The key under which the theme stands among the layers; no layer can be called so.
PRIORITY = "+priority"


def priority_facts(assessment: Assessment, language: str) -> dict[str, Any] | None:
    """Give the groups with the district's figures and the edges of their classes; None without a register."""
    table = assessment.priority
    if table.empty:
        return None
    code, out = assessment.run["district"]["code"], _out(assessment)
    groups = []
    for name, own in table.groupby("group", sort=True):
        towns = own.loc[own["unit"] == "township", "people_per_km2"].dropna()
        edges = edges_of(towns.tolist())
        whole = own[own["unit"] == "district"].iloc[0]
        most = own.loc[own["unit"] == "place", "people"].max()
        groups.append({"name": name, "edges": edges, "most": plain_value(most), **_figures(whole),
                       "out": out.get((code, str(name)), {})})
    return {"key": PRIORITY, "label": words(language)["priority"], "group": "all", "rules": [], "presence": [],
            "lead": "", "at_shares": [], "district": {}, "groups": groups}


def priority_figures(assessment: Assessment, unit: str) -> dict[str, list[dict[str, Any]]]:
    """Give code -> figures per group, in the order of `priority_facts`; a hidden count is None, one not told absent."""
    table, out = assessment.priority, _out(assessment)
    found: dict[str, list[dict[str, Any]]] = {}
    for _, own in table[table["unit"] == unit].groupby("group", sort=True):
        for row in own.to_dict("records"):
            figures = _figures(pd.Series(row)) | {"out": out.get((row["code"], row["group"]), {})}
            found.setdefault(row["code"], []).append(figures)
    return found


def _figures(row: pd.Series) -> dict[str, Any]:
    if row["state"] == NOT_TOLD:
        return {}
    names = {"people": "people", "km2": "people_per_km2", "per_1000": "people_per_1000"}
    return {name: plain_value(row[column]) for name, column in names.items()}


def _out(assessment: Assessment) -> dict[tuple[str, str], dict[str, Any]]:
    """Give (unit, group) -> layer -> the estimate of those out of time, None where it is not shown."""
    rows = assessment.results[assessment.results["indicator"] == OVERLAY]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows[["township_code", "group", "layer", "value"]].itertuples(index=False):
        found.setdefault((row.township_code, row.group), {})[str(row.layer)] = plain_value(row.value)
    return found
