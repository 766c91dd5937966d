"""Bring the plan into the results: counts it asks for, figures that offices report, and what is wanted for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from lifecircle.errors import ConfigError, first_of
from lifecircle.indicators.registry import INDICATORS, exact, indicator
from lifecircle.indicators.rows import rows, unit_sums
from lifecircle.plan import PLAN_LAYER, SATISFACTION, Measure, Plan
from lifecircle.study import Study
from lifecircle.tables import RESULTS_COLUMNS, RESULTS_KEY, worst_quality

#: Measures of these priorities stand in the results of every unit, also where there are no data.
ALWAYS = ("P1", "P2")
#: Made of the scorecard itself, after the results.
SCORE = "score"
#: Basis of a figure that a unit cannot have, such as the urban rate of a township without urban people.
NOT_THERE = "nothing of the kind in this unit"
NO_RESULTS = pd.DataFrame(columns=list(RESULTS_COLUMNS))
_CHOICE = ("group", "mode", "metric", "cutoff")


@indicator("facilities", family="stock", label_zh="设施数", label_en="facilities", unit="facility", basis="facility",
           holds=("nonnegative", "ordered", "not_people"))
def facilities(sums: pd.DataFrame) -> pd.DataFrame:
    """Count the existing facilities in the unit, neighbours left out."""
    return exact(sums["facilities"])


@indicator("reported", family="reported", label_zh="上报值", label_en="reported", unit="–", basis="reported",
           holds=("not_people",))
def reported(sums: pd.DataFrame) -> pd.DataFrame:
    """Give what was reported; a sum over some of the townships is a lower bound."""
    return pd.DataFrame({"value": sums["value"], "low": sums["value"],
                         "high": sums["value"].where(sums["whole"])}).astype(float)


@indicator("per_10000", family="per_10000", label_zh="每万人数", label_en="per 10,000 residents", unit="person/10000",
           basis="population",
           holds=("nonnegative",))
def per_10000(sums: pd.DataFrame) -> pd.DataFrame:
    """Divide a reported count by residents, times 10,000; empty where nobody lives."""
    return reported(sums) * 10_000 / _residents(sums)


@indicator("per_10000_short", family="per_10000", label_zh="缺额人数", label_en="short of the target", unit="person",
           basis="population",
           holds=("nonnegative",))
def per_10000_short(sums: pd.DataFrame) -> pd.DataFrame:
    """Give how many more the target asks for, in persons."""
    short = (sums["target"] * sums["residents"] / 10_000 - sums["value"]).clip(lower=0.0)
    return exact(short.where(sums["whole"]))


def _residents(sums: pd.DataFrame) -> Any:
    return np.where(sums["residents"] > 0, sums["residents"], np.nan)[:, None] * np.ones(3)


def planned_rows(study: Study, results: pd.DataFrame, district: tuple[str, str], quality: str) -> pd.DataFrame:
    """Give the rows that the plan adds to the results.

    Reported figures stand under the layer `PLAN_LAYER` with the measure's key as level. A measure without data has a
    row of value NaN and verdict ``no_data`` whose ``basis`` names what is wanted, in every township and the district.

    Parameters
    ----------
    study : Study
    results : DataFrame
        Computed so far.
    district : (code, name)
    quality : str
        Worst quality of the study's layers; a row without data bears it.
    """
    plan, parts = study.plan, []
    for _, measure in plan.measures:
        if measure.kind != "computed":
            parts.append(_reported_rows(study, measure, district, quality))
        elif measure.indicator == "facilities" and measure.layer in study.layers:
            parts.append(_counted_rows(study, measure, district, quality))
    parts.append(_satisfaction_rows(study, district))
    made = stack(parts)
    return stack([made, _lacking_rows(study, plan, stack([results, made]), district, quality)])


def stack(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put tables under one another; those without rows say nothing of the columns' types and are left out."""
    full = [part for part in parts if len(part)]
    return pd.concat(full, ignore_index=True) if full else NO_RESULTS


Figures = dict[tuple[str, str], pd.DataFrame]


def by_figure(results: pd.DataFrame) -> Figures:
    """Part the results by layer and indicator, for many calls of `select`."""
    return dict(iter(results.groupby(["layer", "indicator"], sort=False)))


def select(figures: Figures, measure: Measure, where: object = "plan") -> pd.DataFrame:
    """Find the rows of the results that a measure is, one per unit: those that the policy decides by, if any are.

    Raises
    ------
    ConfigError
        If several rows of a unit fit.
    """
    if measure.kind != "computed":
        found = figures.get((PLAN_LAYER, "per_10000" if measure.per_10000 else "reported"), NO_RESULTS)
        return found[found["level"] == measure.key]
    found = figures.get((measure.layer, measure.indicator), NO_RESULTS)
    if found.empty:
        return found
    found = found[(found["class"] == measure.class_) & (found["level"] == measure.level)
                  & (found["scenario"] == "existing")]
    for name in _CHOICE:
        asked = getattr(measure, name)
        if asked is not None:
            found = found[found[name] == asked]
    decided = found.loc[found["headline"], "township_code"]
    if len(decided):  # where a unit has no such row, one that says why
        lacking = (found["verdict"] == "no_data") & ~found["township_code"].isin(decided)
        found = found[found["headline"] | lacking]
    twice = found.duplicated("township_code", keep=False)
    if twice.any():
        unlike = [name for name in RESULTS_KEY if found.loc[twice, name].nunique(dropna=False) > 1
                  and name not in ("township_code", "township")]
        raise ConfigError(str(where), f"measure {measure.key} fits several rows of a unit, which differ in "
                          f"{first_of(unlike)}", "say which is meant")
    return found


def _counted_rows(study: Study, measure: Measure, district: tuple[str, str], quality: str) -> pd.DataFrame:
    there = study.facilities
    there = there[(there["layer"] == measure.layer) & (there["status"] == "existing") & there["inside"]]
    if measure.level != "all":
        there = there[there["level"] == measure.level]
    frame = pd.DataFrame({"township_code": there["township_code"], "class": "all", "facilities": 1.0})
    sums = unit_sums(frame, ["facilities"], study.townships, district, classes=())
    return rows(sums, [INDICATORS["facilities"]], layer=measure.layer, level=measure.level, headline=False,
                quality=quality)


def _reported_rows(study: Study, measure: Measure, district: tuple[str, str], quality: str) -> pd.DataFrame:
    told = study.reported[study.reported["measure"] == measure.key]
    if told.empty:
        return pd.DataFrame()
    sums = _with_district(told, study, measure, district)
    basis = sums["basis"]
    fixed: dict[str, Any] = {"layer": PLAN_LAYER, "level": measure.key, "headline": False,
                             "group": measure.group or "all"}
    if not measure.per_10000:
        return rows(sums, [INDICATORS["reported"]], **fixed, quality="register").assign(
            unit=measure.unit, basis=basis)
    demand = study.demand[study.demand["inside"]]
    if measure.per_10000 != "all":
        demand = demand[demand["class"] == measure.per_10000]
    residents = demand.groupby("township_code")["population"].sum()
    count = sums["township_code"].map(residents).fillna(0.0)
    count = count.where(sums["township_code"] != district[0], residents.sum())
    sums = sums.assign(residents=count, target=np.nan if measure.target is None else measure.target)
    table = rows(sums, [INDICATORS["per_10000"], INDICATORS["per_10000_short"]], **fixed,
                 quality=worst_quality(["register", quality]))
    return table.assign(basis=pd.concat([basis, basis], ignore_index=True),
                        verdict=np.where(table["value"].isna(), "no_data", ""))


def _with_district(told: pd.DataFrame, study: Study, measure: Measure, district: tuple[str, str]) -> pd.DataFrame:
    """Lay out reported figures per unit; the district's is its own, else the sum of the townships where they add up."""
    names = {**dict(zip(study.townships["township_code"], study.townships["township"], strict=True)),
             district[0]: district[1]}
    frame = pd.DataFrame({"township_code": told["township_code"].to_numpy(), "value": told["value"].to_numpy(),
                          "whole": True, "basis": _said(told)})
    if measure.sums and district[0] not in set(frame["township_code"]):
        every = len(frame) == len(study.townships)
        total = pd.DataFrame([{"township_code": district[0], "value": frame["value"].sum(), "whole": every,
                               "basis": f"reported by {len(frame)} of {len(study.townships)} townships"}])
        frame = pd.concat([frame, total], ignore_index=True)
    return frame.assign(township=frame["township_code"].map(names), **{"class": "all"})


def _said(told: pd.DataFrame) -> list[str]:
    """Say of which year each figure is, and who told it."""
    return [", ".join(part for part in (f"reported {year}".strip(), source) if part)
            for year, source in zip(told["year"], told["source"], strict=True)]


def _satisfaction_rows(study: Study, district: tuple[str, str]) -> pd.DataFrame:
    told = study.reported[study.reported["measure"].str.split(".").str[0] == SATISFACTION]
    names = {**dict(zip(study.townships["township_code"], study.townships["township"], strict=True)),
             district[0]: district[1]}
    parts = []
    for key, part in told.groupby("measure", sort=True):
        sums = pd.DataFrame({"township_code": part["township_code"].to_numpy(), "value": part["value"].to_numpy(),
                             "whole": True, "class": "all"})
        sums = sums.assign(township=sums["township_code"].map(names))
        parts.append(rows(sums, [INDICATORS["reported"]], layer=PLAN_LAYER, level=str(key), headline=False,
                          quality="register").assign(
                              unit="1-5", basis=_said(part)))
    return stack(parts)


def _lacking_rows(study: Study, plan: Plan, results: pd.DataFrame, district: tuple[str, str], quality: str,
                  ) -> pd.DataFrame:
    """Give the measures that every unit must show and some unit does not, with what is wanted."""
    units = [*zip(study.townships["township_code"], study.townships["township"], strict=True), district]
    parts, figures = [], by_figure(results)
    for _, measure in plan.measures:
        if measure.priority in ALWAYS and measure.kind != "not_spatial" and measure.indicator != SCORE:
            found = select(figures, measure, study.runfile.plan.file or "plan")
            there = set(found["township_code"])
            parts.append(_lacking(measure, [unit for unit in units if unit[0] not in there], found, study.layers))
    table = stack(parts).assign(quality=quality)[list(RESULTS_COLUMNS)]
    return table.drop_duplicates(list(RESULTS_KEY), ignore_index=True)


def _lacking(measure: Measure, units: list[tuple[str, str]], found: pd.DataFrame, layers: Iterable[str],
             ) -> pd.DataFrame:
    """Lay out the units that lack a measure, in the key that its other units have."""
    computed = measure.kind == "computed"
    key = {"layer": measure.layer or PLAN_LAYER, "level": measure.level if computed else measure.key,
           "class": measure.class_, "group": measure.group or "all", "mode": measure.mode or "–",
           "metric": measure.metric or "–", "cutoff": np.nan if measure.cutoff is None else measure.cutoff,
           "indicator": measure.indicator or ("per_10000" if measure.per_10000 else "reported"), "headline": False}
    if len(found):
        key |= {name: found[name].iloc[0] for name in ("group", "mode", "metric", "cutoff")}
    basis = wanted(measure, layers, some=len(found) > 0)
    return pd.DataFrame([{
        **key, "township_code": code, "township": name, "scenario": "existing", "value": np.nan, "low": np.nan,
        "high": np.nan, "unit": measure.unit, "basis": basis, "target": np.nan, "verdict": "no_data"}
        for code, name in units], columns=[name for name in RESULTS_COLUMNS if name != "quality"])


def wanted(measure: Measure, layers: Iterable[str], *, some: bool) -> str:
    """Say what a measure waits for.

    Parameters
    ----------
    layers : iterable of str
        Of the run file.
    some : bool
        Whether other units have it.
    """
    if measure.kind != "computed":
        return measure.wanted
    if some:
        return NOT_THERE
    if measure.layer not in layers:
        return measure.wanted
    if measure.needs.startswith("["):  # a table of the run file of its own
        return f"needs {measure.needs}"
    if measure.indicator == "presence_rate":
        return f'needs [[policy.{measure.layer}.presence]] unit = "{measure.metric}", level = "{measure.level}"'
    return ", ".join(filter(None, (f"needs indicator {measure.indicator} of layer {measure.layer}", measure.needs)))
