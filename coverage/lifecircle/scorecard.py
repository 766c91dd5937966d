"""Hold an assessment against the plan: per measure and unit the target, the figure, the gap and the verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.indicators.planned import NOT_THERE, SCORE, by_figure, select, wanted
from lifecircle.indicators.registry import INDICATORS, exact, indicator
from lifecircle.indicators.rows import rows
from lifecircle.indicators.verdicts import ROUNDING
from lifecircle.plan import PLAN_LAYER, SATISFACTION, Item, Measure, Plan
from lifecircle.tables import RANKING_COLUMNS, RESULTS_KEY, SCORECARD_COLUMNS, worst_quality

Array = npt.NDArray[Any]
#: Quantiles of the drawn ranks that are shown as their range.
RANK_RANGE = (0.05, 0.95)
#: What a row of the scorecard takes from the results.
_USED = ("value", "low", "high", "target", "unit", "basis", "quality")


@indicator(SCORE, family="score", label_zh="指标得分", label_en="indicator score", unit="points", basis="plan")
def score(sums: pd.DataFrame) -> pd.DataFrame:
    """Give 100 · Σ w · min(1, value / target) / Σ w over the measures that have a figure."""
    return exact(sums["indicator_score"])


class _Unit(NamedTuple):
    """A township, or the district, which has no rank."""

    code: str
    name: str
    whole: bool


def plan_of(assessment: Assessment) -> Plan:
    """Give the plan of an assessment, with the weights of its run; without items where it has none."""
    return Plan.model_validate(assessment.run.get("plan", {}))


def scored(assessment: Assessment) -> Assessment:
    """Give the assessment with its scorecard and ranking, and the score of each unit among the results."""
    plan = plan_of(assessment)
    if not plan.item:
        return assessment
    bare = assessment.results[assessment.results["indicator"] != SCORE].reset_index(drop=True)
    card = _card(replace(assessment, results=bare), plan)
    ranked = _ranking(assessment, plan, card)
    if not any(measure.indicator == SCORE for _, measure in plan.measures):
        return replace(assessment, results=bare, scorecard=card, ranking=ranked)
    whole = replace(assessment, results=pd.concat([bare, _score_rows(ranked)], ignore_index=True))
    scores = _card(whole, plan, only=SCORE)
    card = pd.concat([card, scores]).groupby(["measure", "township_code"], sort=False).tail(1)
    order = {measure.key: at for at, (_, measure) in enumerate(plan.measures)}
    card = card.sort_values("measure", key=lambda keys: keys.map(order), kind="stable", ignore_index=True)
    return replace(whole, scorecard=card, ranking=ranked)


def scorecard(assessment: Assessment, plan: Plan | None = None) -> pd.DataFrame:
    """Hold the results against the plan.

    Parameters
    ----------
    assessment : Assessment
    plan : Plan, optional
        Another plan, or other weights, than those of the run.

    Returns
    -------
    DataFrame
        `SCORECARD_COLUMNS`, one row per measure and unit, townships first and the district last, in the order of the
        plan. ``target`` is the plan's, else the policy's; one that holds for the district alone is not asked of
        townships. ``gap`` is what is missing to the target, in the unit of the measure. ``points`` is
        100 · min(1, value / target), the measure's ``full`` standing in where there is no target; a measure without
        data has none, and never counts as zero. ``wanted`` names the file or layer that a figure waits for.

    Raises
    ------
    ConfigError
        If a measure fits several rows of a unit.
    """
    return _card(assessment, plan_of(assessment) if plan is None else plan)


def _card(assessment: Assessment, plan: Plan, *, only: str = "") -> pd.DataFrame:
    """Lay out the measures of a plan, or only those of one indicator."""
    asked = [measure.indicator for _, measure in plan.measures if measure.kind == "computed"]
    used = assessment.results["indicator"].isin(asked) | (assessment.results["layer"] == PLAN_LAYER)
    units, parts, figures = _units(assessment), [], by_figure(assessment.results[used])
    satisfied = _satisfaction(assessment.results)
    for item, measure in plan.measures:
        if only in ("", measure.indicator):
            found = _told(select(figures, measure))
            parts += [_row(assessment, item, measure, unit, found, satisfied) for unit in units]
    return pd.DataFrame(parts, columns=list(SCORECARD_COLUMNS)).astype(
        dict.fromkeys(("target", "actual", "low", "high", "gap", "points", "weight", "satisfaction"), float))


def _told(rows_found: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Give, by unit, what a row of the scorecard takes from the results; to_dict by index takes thrice as long."""
    columns = [rows_found[name].tolist() for name in ("township_code", *_USED)]
    return {code: dict(zip(_USED, told, strict=True)) for code, *told in zip(*columns, strict=True)}


def _units(assessment: Assessment) -> list[_Unit]:
    townships, district = assessment.townships, assessment.run["district"]
    own = [_Unit(code, name, False) for code, name in
           zip(townships["township_code"], townships["township"], strict=True)]
    return [*own, _Unit(district["code"], district["name"], True)]


def _row(assessment: Assessment, item: Item, measure: Measure, unit: _Unit, found: dict[str, dict[str, Any]],
         satisfied: dict[tuple[str, str], float]) -> dict[str, Any]:
    row = found.get(unit.code, {})
    value, low, high = (float(row.get(name, np.nan)) for name in ("value", "low", "high"))
    target = _target(measure, unit, row)
    unsure_above = assessment.run["policy"].get("unsure_above_undetermined", 1.0)
    verdict = judge(low, value, high, target, measure.direction,
                    unsure_above=unsure_above if measure.unit == "share" else np.inf)
    over = target - value if measure.direction == "at_least" else value - target
    return {
        "number": item.number, "measure": measure.key, "title": measure.title, "kind": measure.kind,
        "priority": measure.priority, "township_code": unit.code, "township": unit.name,
        "layer": measure.layer or PLAN_LAYER, "indicator": measure.indicator or measure.kind, "level": measure.level,
        "class": measure.class_, "target": target, "actual": value, "low": low, "high": high,
        "unit": measure.unit or row.get("unit", ""), "gap": max(0.0, over) if over == over else np.nan,
        "verdict": verdict, "points": _points(measure, unit, value, target), "weight": measure.weight,
        "satisfaction": satisfied.get((f"{SATISFACTION}.{item.number}", unit.code), np.nan),
        "year": measure.year or item.year, "lead_unit": item.lead_unit,
        "evidence": _evidence(assessment.run, measure, row) if value == value else "",
        "wanted": _wanted(assessment, measure, row, some=len(found) > 0) if value != value else "",
        "quality": row.get("quality", assessment.run["quality"]),
    }


def _target(measure: Measure, unit: _Unit, row: dict[str, Any]) -> float:
    """Give the plan's figure where it holds for the unit; where the plan names none, that of the policy."""
    if measure.target is None:
        return float(row.get("target", np.nan))
    return measure.target if unit.whole or measure.target_of == "unit" else np.nan


def judge(low: float, value: float, high: float, target: float, direction: str, *, unsure_above: float) -> str:
    """Judge a figure against its target.

    Parameters
    ----------
    low, value, high, target : float
        NaN where not known: without a value there is no data, without a high no figure is too low.
    direction : str
        ``at_least`` or ``at_most``.
    unsure_above : float
        With a wider span from low to high the verdict is unsure.
    """
    if np.isnan(value):
        return "no_data"
    if np.isnan(target):
        return "undecided"
    if high - low > unsure_above + ROUNDING:
        return "unsure"
    sign = 1.0 if direction == "at_least" else -1.0
    worst, best = (low, high) if sign > 0 else (-high, -low)
    if worst >= sign * target - ROUNDING:
        return "met"
    return "not_met" if best < sign * target - ROUNDING else "unsure"


def _points(measure: Measure, unit: _Unit, value: float, target: float) -> float:
    """Give 0 to 100 for the part of the target (or of what is full) that is reached."""
    base = target
    if np.isnan(base) and measure.full is not None and (unit.whole or measure.target_of == "unit"):
        base = measure.full
    if np.isnan(base) or np.isnan(value):
        return np.nan
    part, whole = (value, base) if measure.direction == "at_least" else (base, value)
    return 100.0 * float(min(1.0, part / whole)) if whole > 0 else 100.0


def _evidence(run: dict[str, Any], measure: Measure, row: dict[str, Any]) -> str:
    """Name the run, the row's basis where it was reported, and the files behind it."""
    if measure.indicator == SCORE:
        roles = ["plan", "plan weights"]
    else:
        roles = [f"facilities {measure.layer}", "people", "roads"] if measure.kind == "computed" else ["plan reported"]
    shared = {source["file"] for source in run["runfile"].get("facilities", ()) if source["layer"] == measure.layer}
    files = [item["file"] for item in run["inputs"] if item["role"] in roles or item["file"] in shared]
    told = [] if measure.kind == "computed" else [str(row["basis"])]
    return "; ".join([f"run {run['run_id']}", *told, *files])


def _wanted(assessment: Assessment, measure: Measure, row: dict[str, Any], *, some: bool) -> str:
    if measure.kind == "not_spatial":
        return measure.reason
    if not row:
        return wanted(measure, assessment.layers, some=some)
    basis = str(row["basis"])
    told = basis.startswith("needs") or basis == NOT_THERE
    return basis if told else "the inputs give no figure for this unit, or one that is not shown"


def _satisfaction(results: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Give the reported satisfaction (1 to 5) by key and unit."""
    told = results[results["layer"] == PLAN_LAYER]
    told = told[told["level"].str.split(".").str[0] == SATISFACTION]
    return dict(zip(zip(told["level"], told["township_code"], strict=True), told["value"], strict=True))


def ranking(assessment: Assessment, plan: Plan | None = None) -> pd.DataFrame:
    """Rank the townships by their points, and try the ranking with other weights.

    Parameters
    ----------
    assessment : Assessment
    plan : Plan, optional
        As for `scorecard`.

    Returns
    -------
    DataFrame
        `RANKING_COLUMNS`, townships by rank (1 is the best) and the district without one. ``indicator_score`` is
        100 · Σ w · min(1, value / target) / Σ w over the measures with data, ``weight_with_data`` the share of weight
        that these have of all that can be asked of the unit; ``satisfaction_score`` lays 1-5 out over 0-100;
        ``total`` mixes both by the plan's shares where both are known. Ranked is by total where every township has one.
        ``rank_low`` to ``rank_high`` holds 90 % of the ranks under weights drawn from a Dirichlet distribution around
        those that are set, ``share_in_worst`` the share of the draws in which the township is among the worst (the
        plan's number, at most half of those that are ranked).
    """
    plan = plan_of(assessment) if plan is None else plan
    return _ranking(assessment, plan, _card(assessment, plan))


def _ranking(assessment: Assessment, plan: Plan, card: pd.DataFrame) -> pd.DataFrame:
    """Rank the townships by their scorecard."""
    units = _units(assessment)
    scores = set(card["measure"][card["points"].notna()])
    asked = [measure for _, measure in plan.measures if measure.weight > 0 and measure.kind != "not_spatial"
             and measure.indicator != SCORE
             and (measure.key in scores or (measure.target, measure.full) != (None, None))]
    weights = np.array([measure.weight for measure in asked])
    points = _wide(card, "points", units, asked).to_numpy(dtype=float)
    whole = np.array([unit.whole for unit in units])
    due = whole[:, None] | np.array([measure.target_of == "unit" for measure in asked], dtype=bool)[None, :]
    due &= (_wide(card, "wanted", units, asked) != NOT_THERE).to_numpy(dtype=bool)
    table = _scores(points, due, weights, _satisfied(assessment, units), plan)
    table = table.assign(township_code=[unit.code for unit in units], township=[unit.name for unit in units],
                         quality=_qualities(card, units))
    ranked = _ranks(table[~whole].reset_index(drop=True), points[~whole], weights, plan,
                    int(assessment.run.get("seed", 1)))
    last = table[whole].assign(**dict.fromkeys(("rank", "rank_low", "rank_high", "share_in_worst"), np.nan),
                               worst=False, ranked_by="", draws=ranked["draws"].iloc[0])
    return pd.concat([ranked.sort_values(["rank", "township_code"], kind="stable"), last],
                     ignore_index=True)[list(RANKING_COLUMNS)]


def _wide(card: pd.DataFrame, column: str, units: list[_Unit], asked: list[Measure]) -> pd.DataFrame:
    """Lay a column of the scorecard out as units by measures."""
    wide = card.pivot(index="township_code", columns="measure", values=column)
    return wide.reindex(index=[unit.code for unit in units], columns=[measure.key for measure in asked])


def _satisfied(assessment: Assessment, units: list[_Unit]) -> Array:
    """Give each unit's satisfaction from 0 to 100: that with the whole, else the mean over the items."""
    told = _satisfaction(assessment.results)
    means = []
    for unit in units:
        items = [value for (key, code), value in told.items() if code == unit.code and key != SATISFACTION]
        means.append(told.get((SATISFACTION, unit.code), np.mean(items) if items else np.nan))
    return (np.array(means, dtype=float) - 1.0) / 4.0 * 100.0


def _mean(points: Array, weights: Array) -> Array:
    """Give weighted means over what is known: (units, measures) and (measures,) or (measures, draws)."""
    known = ~np.isnan(points)
    base = known @ weights
    return np.asarray(np.nan_to_num(points) @ weights / np.where(base > 0, base, np.nan))


def _scores(points: Array, due: Array, weights: Array, satisfied: Array, plan: Plan) -> pd.DataFrame:
    share, scores = plan.score.indicator_share, _mean(points, weights)
    possible = due @ weights
    total = share * scores + (1.0 - share) * satisfied
    graded = np.where(np.isnan(total), scores, total)
    words = [next((grade.word for grade in plan.score.grades if value >= grade.points), "") for value in graded]
    return pd.DataFrame({
        "indicator_score": scores, "satisfaction_score": satisfied, "total": total, "grade": words,
        "weight_with_data": (~np.isnan(points) @ weights) / np.where(possible > 0, possible, np.nan)})


def _ranks(table: pd.DataFrame, points: Array, weights: Array, plan: Plan, seed: int) -> pd.DataFrame:
    """Rank the townships as they are, and under drawn weights."""
    by_total = bool(table["total"].notna().all()) and len(table) > 0
    share = plan.score.indicator_share
    rest = (1.0 - share) * table["satisfaction_score"].to_numpy()[:, None] if by_total else 0.0
    kept = pd.Series(table["total" if by_total else "indicator_score"])
    ranks = kept.rank(ascending=False, method="min")
    drawn_weights = _draw(weights, plan, seed)
    scores = _mean(points, drawn_weights)
    scores = share * scores + rest if by_total else scores
    drawn = pd.DataFrame(scores).rank(ascending=False, method="min").to_numpy()
    judged = kept.notna().to_numpy()
    worst = min(plan.score.worst, int(judged.sum()) // 2)
    low, high = np.full((2, len(table)), np.nan)
    if judged.any():
        low[judged], high[judged] = np.nanquantile(drawn[judged], RANK_RANGE, axis=1, method="nearest")
    last = judged.sum() - worst
    return table.assign(
        ranked_by="total" if by_total else "indicator_score", rank=ranks, rank_low=low, rank_high=high,
        share_in_worst=np.where(judged, (drawn > last).mean(axis=1), np.nan), worst=(ranks > last).to_numpy(),
        draws=plan.score.draws)


def _draw(weights: Array, plan: Plan, seed: int) -> Array:
    """Draw (measures, draws) weights from a Dirichlet distribution whose mean is the weights that are set."""
    if not len(weights):
        return np.zeros((0, plan.score.draws))
    alpha = plan.score.concentration * len(weights) * weights / weights.sum()
    return np.random.default_rng(seed).dirichlet(alpha, plan.score.draws).T


def _qualities(card: pd.DataFrame, units: list[_Unit]) -> list[str]:
    """Give the worst quality of the figures that score in each unit, or of all where none does."""
    counted = card[card["points"].notna() & (card["weight"] > 0)]
    found = {code: worst_quality(part) for code, part in counted.groupby("township_code")["quality"]}
    return [found.get(unit.code, worst_quality(card["quality"])) for unit in units]


def _score_rows(ranked: pd.DataFrame) -> pd.DataFrame:
    """Lay the scores out as rows of the results."""
    sums = ranked.assign(**{"class": "all"})
    table = rows(sums, [INDICATORS[SCORE]], layer=PLAN_LAYER, headline=False, quality=ranked["quality"])
    bare = table["value"].isna()
    table.loc[bare, "verdict"] = "no_data"
    table.loc[bare, "basis"] = "needs a figure of any measure of the plan"
    return table.sort_values(list(RESULTS_KEY), kind="stable", ignore_index=True)
