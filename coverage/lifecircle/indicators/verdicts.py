"""Judge rates against what the policy asks for, and count the townships that would pass at given shares."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lifecircle.policy import LayerPolicy, Policy
from lifecircle.tables import RESULTS_COLUMNS

#: Shares and areas that differ by less are the same figure.
ROUNDING = 1e-9


def rate_verdict(low: float, high: float, pass_share: float | None, unsure_above: float) -> str:
    """Judge a coverage rate.

    Undecided while the policy names no share; unsure where too many people are undetermined, or where the share lies
    between low and high.
    """
    if np.isnan(low):
        return "no_data"
    if pass_share is None:
        return "undecided"
    if high - low > unsure_above + ROUNDING:
        return "unsure"
    if low >= pass_share - ROUNDING:
        return "met"
    return "not_met" if high < pass_share - ROUNDING else "unsure"


def agreed_share(policy: LayerPolicy, classes: Iterable[str]) -> float | None:
    """Give the pass share of the classes that have a rule; None where they differ or the policy names none."""
    shares = {rule.pass_share for name in classes if (rule := policy.rule(name)) is not None}
    return shares.pop() if len(shares) == 1 else None


def judge_rates(results: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Fill target and verdict of the headline coverage rates; a mixed row is judged when both classes agree."""
    table = results.copy()
    chosen = (table["indicator"] == "coverage_rate") & table["headline"]
    classes = _classes_with_people(table)
    targets, verdicts = [], []
    columns = ["township_code", "layer", "scenario", "class", "low", "high"]
    for *unit, kind, low, high in table.loc[chosen, columns].itertuples(index=False, name=None):
        layer, kinds = unit[1], classes.get(tuple(unit), []) if kind == "all" else [kind]
        pass_share = agreed_share(policy.layer(layer), kinds)
        targets.append(np.nan if pass_share is None else pass_share)
        verdicts.append(rate_verdict(low, high, pass_share, policy.unsure_above_undetermined))
    table.loc[chosen, "target"], table.loc[chosen, "verdict"] = targets, verdicts
    return table


def _classes_with_people(table: pd.DataFrame) -> dict[tuple[str, ...], list[str]]:
    """List, per township (or district), layer and scenario, the classes that anyone lives in."""
    lived_in = table[(table["indicator"] == "people") & table["headline"] & (table["class"] != "all")
                     & (table["value"] > 0)]
    return {key: sorted(part) for key, part in lived_in.groupby(["township_code", "layer", "scenario"])["class"]}


def passing_townships(results: pd.DataFrame, policy: Policy, district: tuple[str, str]) -> pd.DataFrame:
    """Count, per layer and class, the townships whose headline rate is at least each of the policy's shares."""
    chosen = results[(results["indicator"] == "coverage_rate") & results["headline"]
                     & (results["township_code"] != district[0])]
    parts = []
    for share in policy.township_pass_shares:
        counted = chosen.assign(low=chosen["low"] >= share - ROUNDING, high=chosen["high"] >= share - ROUNDING)
        keys = ["class", "layer", "level", "group", "scenario", "metric"]
        part = counted.groupby(keys, sort=False).agg(
            low=("low", "sum"), high=("high", "sum"), whole=("value", "count"),
            quality=("quality", "first")).reset_index()
        name = f"townships_at_{share * 100:g}"
        parts.append(part.assign(township_code=district[0], township=district[1], mode="headline", cutoff=np.nan,
                                 indicator=name, headline=True, value=part["low"].astype(float), unit="township",
                                 basis="unit", target=part["whole"].astype(float), verdict=""))
    table = pd.concat(parts, ignore_index=True)
    return table.astype({"low": float, "high": float})[list(RESULTS_COLUMNS)]
