"""Ask what the headline rates would be if another rule told urban from rural, and how many people would switch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from lifecircle.indicators.reach import group_of, judge_headline
from lifecircle.indicators.registry import COUNT, RATE, family, indicator, share
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.inputs.classes import CLASS_RULES, township_kinds
from lifecircle.traveltimes import TravelTimes

#: Rule -> its name in Chinese and English.
RULE_LABELS: dict[str, tuple[str, str]] = {
    "1xx": ("代码1xx为城市", "codes 1xx urban"), "111_112": ("仅111、112为城市", "codes 111 and 112 alone urban"),
    "streets": ("街道为城市", "streets urban"),
}


def _register(rule: str, label_zh: str, label_en: str) -> None:
    """Register the two indicators of a rule."""

    @indicator(f"coverage_rate_{rule}", family=f"rule_{rule}", label_zh=f"人口覆盖率（{label_zh}）", unit="share",
               label_en=f"coverage rate, {label_en}", basis="population", holds=RATE)
    def rate(sums: pd.DataFrame) -> pd.DataFrame:
        """Divide people in time by all people, each judged by the class that the rule gives."""
        return share(sums["in_time"], sums["people"], more=sums["undetermined"])

    @indicator(f"switched_{rule}", family=f"rule_{rule}", label_zh=f"改变城乡类别的人口（{label_zh}）", unit="person",
               label_en=f"people who switch class, {label_en}", basis="population", holds=COUNT)
    def switched(sums: pd.DataFrame) -> pd.DataFrame:
        """Count the people of another class than by the policy's rule; high counts those without a code in."""
        return pd.DataFrame({"value": sums["switched"], "low": sums["switched"],
                             "high": sums["switched"] + sums["untold"]}).astype(float)


for _rule in CLASS_RULES:
    _register(_rule, *RULE_LABELS[_rule])


def rule_rows(times: TravelTimes, layer: str, district: tuple[str, str], quality: str) -> Iterator[pd.DataFrame]:
    """Lay out the headline rate of a layer under the rules that the policy does not choose.

    Everyone is judged anew: by the headline mode and the cutoff of the class that the rule gives. A rule that nothing
    in the district tells (no urban-rural code, no kind of township) has no rows.

    Yields
    ------
    DataFrame
        Per rule, ``coverage_rate_<rule>`` and ``switched_<rule>`` of each township and the district, class ``all``.
    """
    study = times.study
    for rule in CLASS_RULES:
        untold = untold_by(rule, times)
        if rule == study.policy.class_rule or untold.all():
            continue
        other = replace(times, demand=times.demand.assign(**{"class": times.demand[f"class_{rule}"]}))
        item = judge_headline(other, layer)
        group, count = group_of(times, study.policy.layer(layer))
        switched = (times.demand["class"] != other.demand["class"]).to_numpy()
        columns = {"people": item.state >= 0, "in_time": item.state == 0, "undetermined": item.state == 2,
                   "switched": switched, "untold": untold & ~switched}
        frame = other.demand[["township_code", "class"]].assign(
            **{name: np.where(chosen, count, 0.0) for name, chosen in columns.items()})
        sums = unit_sums(frame, list(columns), study.townships, district, classes=())
        yield rows(sums, family(f"rule_{rule}"), layer=layer, group=group, mode=item.mode, metric="min",
                   headline=False, quality=quality)


def untold_by(rule: str, times: TravelTimes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell at which demand points nothing lets a rule decide: no code of the place, or no kind of any township."""
    study, demand = times.study, times.demand
    if f"class_{rule}" not in demand.columns or "urban_rural_code" not in study.places.columns:
        return np.ones(len(demand), dtype=bool)
    if rule == "streets":
        return np.full(len(demand), not any(township_kinds(study.townships).values()))
    code = demand["place_code"].map(study.places.set_index("place_code")["urban_rural_code"]).fillna("")
    return np.asarray(code == "", dtype=bool)
