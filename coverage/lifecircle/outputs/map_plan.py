"""Give the map's theme of the plan: every measure with target, figure, gap and verdict, in the district and below."""

from __future__ import annotations

from typing import Any

import numpy as np

from lifecircle.assessment import Assessment
from lifecircle.outputs.tables import DECIMALS, plain_value

#: The key under which the theme's units stand; no layer can be called so.
PLAN = "+plan"
_FIGURES = ("actual", "low", "high", "target", "gap")


def plan_facts(assessment: Assessment) -> dict[str, Any] | None:
    """Give the measures of the plan with the district's figures; None where the run has no plan."""
    card = assessment.scorecard
    whole = card[card["township_code"] == assessment.run["district"]["code"]]
    if whole.empty:
        return None
    told = whole.astype(object).where(whole.notna(), None)
    names = ("number", "title", "layer", "unit", "year", "lead_unit", "verdict", *_FIGURES)
    return {"measures": [{name: plain_value(row[name]) for name in names} for row in told.to_dict("records")],
            "townships": int(card["township_code"].nunique()) - 1}


def plan_figures(assessment: Assessment) -> dict[str, dict[int, list[Any]]]:
    """Give township code -> place of the measure in the plan -> verdict, actual, low, high, target, gap.

    Measures without data in a township are left out. Figures are as exact as the tables: the page rounds them, once.
    """
    card = assessment.scorecard
    if card.empty:
        return {}
    place = {key: at for at, key in enumerate(dict.fromkeys(card["measure"]))}
    known = card[(card["verdict"] != "no_data") & (card["township_code"] != assessment.run["district"]["code"])]
    figures = known[list(_FIGURES)].to_numpy(dtype=float)
    found: dict[str, dict[int, list[Any]]] = {}
    for code, measure, verdict, row in zip(known["township_code"], known["measure"], known["verdict"],
                                           np.round(figures, DECIMALS).tolist(), strict=True):
        found.setdefault(code, {})[place[measure]] = [verdict, *plain_value(row)]
    return found
