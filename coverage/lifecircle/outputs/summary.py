"""Say the answer in a dozen lines, for a terminal or for a machine."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.geopackage import headline_figures
from lifecircle.outputs.map_circle import circle_figures
from lifecircle.outputs.map_text import MODEL_MARK, scenario_title
from lifecircle.outputs.tables import clean_text, plain_value
from lifecircle.tables import VERDICTS

#: Shares nearer to none or all than this are none or all.
_EXACT = 1e-9
_FIGURES = ("people", "people_in_time", "people_out", "people_undetermined", "area_per_head_m2")


def summary_record(assessment: Assessment, directory: str | Path) -> dict[str, Any]:
    """Give the district's headline figures as JSON holds them.

    Parameters
    ----------
    assessment : Assessment
    directory : str or Path
        Where the run was written.
    """
    assessment = published(assessment)
    run, found = assessment.run, Counter(item.severity for item in assessment.findings)
    record = {
        "run_id": run["run_id"], "district": run["district"]["name"], "quality": run["quality"],
        "note": MODEL_MARK if run["quality"] == "model" else "", "scenario": run.get("scenario"),
        "directory": str(directory),
        "map": str(Path(directory) / "map.html"), "townships": len(assessment.townships),
        "places": len(assessment.places), "people": run["district"].get("population"),
        "class_rule": run.get("classes", {}).get("rule", ""),
        "layers": [_layer_record(assessment, layer) for layer in assessment.layers],
        "all_services": _circle_record(assessment),
        "findings": {severity: found.get(severity, 0) for severity in ("stop", "warn", "note")},
        "scorecard": _scorecard_record(assessment), "gaps": len(assessment.gaps),
        "seconds": round(sum(assessment.timing.values()), 2),
    }
    return dict(plain_value(record))


def _scorecard_record(assessment: Assessment) -> dict[str, Any]:
    """Give the district's score, and its measures by verdict; nothing where there is no plan."""
    own = assessment.scorecard[assessment.scorecard["township_code"] == assessment.run["district"]["code"]]
    if own.empty:
        return {}
    whole = assessment.ranking.set_index("township_code").loc[assessment.run["district"]["code"]]
    return {"items": int(own["number"][own["number"] > 0].nunique()), "measures": len(own),
            "score": whole["indicator_score"], "weight_with_data": whole["weight_with_data"], "grade": whole["grade"],
            "verdicts": {name: int((own["verdict"] == name).sum()) for name in VERDICTS}}


def _scorecard_lines(record: dict[str, Any]) -> list[str]:
    """Say in one line how the district stands against the plan."""
    card = record["scorecard"]
    if not card:
        return []
    told = ", ".join(f"{count} {name}" for name, count in card["verdicts"].items() if count)
    points = "no score" if card["score"] is None else f"{card['score']:.1f} points"
    return [f"plan: {card['items']} items, {card['measures']} measures: {told}; {points}, from "
            f"{card['weight_with_data'] or 0:.0%} of the weight; scorecard.csv, ranking.csv", ""]


def _circle_record(assessment: Assessment) -> dict[str, Any] | None:
    """Give the share of residents with all services, and the layers that alone would complete most of them."""
    figures = circle_figures(assessment).get(assessment.run["district"]["code"], {})
    if not figures:
        return None
    only = figures["only"]
    most = max(only.values())
    return {"share": figures["rate"], "low": figures["low"], "high": figures["high"], "mean": figures["mean"],
            "services": len(only), "completes": [layer for layer, people in only.items() if people == most > 0],
            "people": most}


def _layer_record(assessment: Assessment, layer: str) -> dict[str, Any]:
    run = assessment.run
    code, facts = run["district"]["code"], run["layers"][layer]
    label = facts.get(f"label_{run['district'].get('language', 'zh')}") or layer
    record: dict[str, Any] = {"layer": layer, "label": label, "quality": facts.get("quality", ""),
                              "findings": len(assessment.doubts(layer, code))}
    for indicator in ("coverage_rate", *_FIGURES):
        rows = headline_figures(assessment, indicator)
        rows = rows[(rows["layer"] == layer) & (rows["township_code"] == code)]
        if rows.empty:
            continue
        row = rows.iloc[0]
        record[indicator] = row["value"]
        if indicator == "coverage_rate":
            record.update(low=row["low"], high=row["high"], verdict=row["verdict"], group=row["group"])
        if indicator == "area_per_head_m2":
            record.update(area_target_m2=row["target"], area_verdict=row["verdict"])
    own = assessment.results[(assessment.results["layer"] == layer) & (assessment.results["class"] == "all")
                             & (assessment.results["township_code"] == code)]
    record["class_rules"] = _other_rules(own[own["scenario"] == "existing"])
    record["scenarios"] = _scenarios(own[own["scenario"] != "existing"])
    passing = assessment.results[
        (assessment.results["layer"] == layer) & (assessment.results["class"] == "all")
        & (assessment.results["scenario"] == "existing")
        & assessment.results["indicator"].str.startswith("townships_at_")]
    passing = passing[passing["value"].notna()]
    passing = passing.iloc[passing["indicator"].str.removeprefix("townships_at_").astype(float).argsort()]
    if len(passing):
        shares = passing["indicator"].str.removeprefix("townships_at_")
        record["townships_at"] = dict(zip(shares, passing["value"].astype(int).tolist(), strict=True))
    return record


def _other_rules(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Give the rate under each class rule that is not in force, and the people who switch class."""
    by_name = rows.set_index("indicator")
    rules = [name.removeprefix("switched_") for name in by_name.index if name.startswith("switched_")]
    return {rule: {"coverage_rate": by_name["value"][f"coverage_rate_{rule}"],
                   "switched": by_name["value"][f"switched_{rule}"],
                   "switched_high": by_name["high"][f"switched_{rule}"]} for rule in rules}


def _scenarios(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Give the headline figures in each scenario."""
    shown = rows[rows["headline"] & rows["indicator"].isin(["coverage_rate", *_FIGURES])]
    return {name: dict(zip(part["indicator"], part["value"], strict=True))
            for name, part in shown.groupby("scenario", sort=False)}


def summary_text(assessment: Assessment, directory: str | Path) -> str:
    """Give the district's headline figures as lines of text."""
    record = summary_record(assessment, directory)
    mark = f"  {record['note']} (model data)" if record["note"] else ""
    lines = [f"{record['district']}  run {record['run_id']}{mark}", *_edit_lines(record),
             f"{record['townships']} townships, {record['places']} places, {count_text(record['people'])} people, "
             f"{record['gaps']} gaps, {record['findings']['warn']} warnings"]
    shares = next((list(layer["townships_at"]) for layer in record["layers"] if "townships_at" in layer), [])
    heads = ("layer", "", "in time", "people out", "undetermined", "verdict",
             f"townships at {'/'.join(shares)} %", "in doubt", "m2 a head")
    lines += ["", *columns([heads, *(_cells(layer) for layer in record["layers"])]), "",
              *_circle_lines(record), *_rule_lines(record), *_scenario_lines(record), *_scorecard_lines(record),
              "in time: share of people, the undetermined counted out and in",
              "in doubt: findings that touch the layer; marks.csv tells where, findings.json what",
              f"map: {record['map']}"]
    return "\n".join(clean_text(pd.Series(lines, dtype="str")))


def _edit_lines(record: dict[str, Any]) -> list[str]:
    """Say that it is a scenario, and of how many edits."""
    told = record["scenario"]
    if told is None:
        return []
    edits = ", ".join(f"{count} {kind}" for kind, count in told["edits"].items()) or "no edits"
    later = f"; {told['later']} for a later year" if told["later"] else ""
    return [f"scenario: {scenario_title(told)} ({told['file']}: {edits}{later}); not the state of today"]


def _circle_lines(record: dict[str, Any]) -> list[str]:
    """Say who has all services, and which one would complete most people."""
    circle = record["all_services"]
    if circle is None:
        return []
    labels = {layer["layer"]: layer["label"] for layer in record["layers"]}
    span = rate_text(circle["low"]) + (f" to {rate_text(circle['high'])}" if circle["high"] != circle["low"] else "")
    mean = "–" if circle["mean"] is None else f"{circle['mean']:.2f}"
    lines = [f"all {circle['services']} services in time: {span} of residents; on the mean {mean}"]
    if circle["completes"]:
        names = " or ".join(f"{layer} {labels[layer]}" for layer in circle["completes"])
        lines.append(f"that alone would complete most people: {names}, {count_text(circle['people'])}")
    return [*lines, ""]


def _rule_lines(record: dict[str, Any]) -> list[str]:
    """Say what the rates would be if another rule told urban from rural."""
    told = [layer for layer in record["layers"] if layer["class_rules"]]
    if not told:
        return []
    rules = list(dict.fromkeys(rule for layer in told for rule in layer["class_rules"]))
    heads = ("in time if urban is", "", record["class_rule"], *(f"{rule} (people who switch)" for rule in rules))
    rows = [(layer["layer"], layer["label"], rate_text(layer.get("coverage_rate")),
             *(_switched(layer["class_rules"].get(rule)) for rule in rules)) for layer in told]
    return [*columns([heads, *rows]), ""]


def _switched(figures: dict[str, float] | None) -> str:
    if figures is None:
        return "no codes"
    low, high = figures["switched"], figures["switched_high"]
    more = "" if low is None or high in (low, None) else f" to {count_text(high)}"
    return f"{rate_text(figures['coverage_rate'])} ({count_text(low)}{more})"


def _scenario_lines(record: dict[str, Any]) -> list[str]:
    """Say the headline figures of each scenario."""
    rows = [(name, layer["layer"], layer["label"], count_text(figures["people"]) if "people" in figures else "–",
             rate_text(figures.get("coverage_rate")),
             count_text(figures["people_out"]) if "people_out" in figures else "–",
             f"{figures['area_per_head_m2']:.2f}" if figures.get("area_per_head_m2") is not None else "–")
            for layer in record["layers"] for name, figures in layer["scenarios"].items()]
    heads = ("scenario", "layer", "", "people", "in time", "people out", "m2 a head")
    return [*columns([heads, *rows]), ""] if rows else []


def rate_text(rate: float | None) -> str:
    """Give a share in per cent; 0.0% and 100.0% only where it is none or all, but for an error of arithmetic."""
    if rate is None or not math.isfinite(rate):
        return "–"
    shown = half_up(rate * 1000) / 10
    if _EXACT < rate < 1 - _EXACT:
        shown = min(max(shown, 0.1), 99.9)
    return f"{shown:.1f}%"


def half_up(number: float) -> int:
    """Round to a whole number, halves upwards as the map and spreadsheets do; `round` takes them to the even one."""
    return math.floor(number + 0.5)


def _cells(layer: dict[str, Any]) -> tuple[str, ...]:
    reach = ("–",) * 5
    if layer.get("coverage_rate") is not None:
        passing = " / ".join(str(count) for count in layer.get("townships_at", {}).values())
        span = rate_text(layer["low"])
        if layer["high"] is not None and layer["high"] != layer["low"]:
            span += f" to {rate_text(layer['high'])}"
        reach = (span, count_text(layer.get("people_out")),
                 count_text(layer.get("people_undetermined")), str(layer["verdict"]), passing or "–")
    area = "–"
    if layer.get("area_per_head_m2") is not None:
        target = f" of {layer['area_target_m2']:g}" if layer.get("area_target_m2") is not None else ""
        area = f"{layer['area_per_head_m2']:.2f}{target}, {layer['area_verdict']}"
    doubt = f"⚠ {layer['findings']}" if layer["findings"] else "–"
    return (str(layer["layer"]), str(layer["label"]), *reach, doubt, area)


def columns(table: Sequence[tuple[str, ...]]) -> list[str]:
    """Pad cells to columns; a Chinese character takes two places."""
    widths = [max(_width(row[at]) for row in table) for at in range(len(table[0]))]
    return ["  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in table]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def count_text(people: float | None) -> str:
    """Give a number of people; None is one that must not be told."""
    return "hidden" if people is None else f"{half_up(people):,}"


def scorecard_text(table: pd.DataFrame) -> str:
    """Give a scorecard as lines of text: what is computed or reported first, then what waits for data."""
    mark = f"{MODEL_MARK} (model data)" if (table["quality"] == "model").any() else ""
    known = table["actual"].notna()
    heads = ("item", "measure", "target", "actual", "gap", "unit", "verdict", "kind", "lead unit")
    rows = [(f"{row.number:.0f}", row.title, *map(rate_text if row.unit == "share" else _figure,
                                                  (row.target, row.actual, row.gap)), row.unit, row.verdict, row.kind,
             row.lead_unit) for row in table[known].itertuples()]
    bare = [(f"{row.number:.0f}", row.title, row.kind, row.wanted) for row in table[~known].itertuples()]
    lines = [*filter(None, [mark]), *columns([heads, *rows]), "",
             *columns([("item", "no data for", "kind", "what is wanted"), *bare])]
    return "\n".join(clean_text(pd.Series(lines, dtype="str")))


def gaps_text(table: pd.DataFrame, marks: pd.DataFrame) -> str:
    """Give a gap list as lines of text, each with how many findings cast doubt on it.

    Parameters
    ----------
    table : DataFrame
        Rows of the gap list, in their order.
    marks : DataFrame
        As `Assessment.marks`.
    """
    if table.empty:
        return "no gaps"
    table = table.merge(marks[["township_code", "layer", "findings"]], how="left", on=["township_code", "layer"])
    table["in_doubt"] = table["findings"].map("⚠ {:.0f}".format, na_action="ignore")
    mark = f"{MODEL_MARK} (model data)\n" if (table["quality"] == "model").any() else ""
    shown = ["township", "place", "class", "layer", "kind", "people", "people_out", "people_undetermined",
             "minutes_median", "minutes_over", "nearest_facility", "cause", "quality", "in_doubt"]
    for name in ("people", "people_out", "people_undetermined"):
        table[name] = table[name].map(count_text, na_action="ignore")
    with pd.option_context("display.unicode.east_asian_width", True):
        return mark + str(table[shown].to_string(index=False, float_format=lambda number: f"{number:,.1f}",
                                                 na_rep="–"))


def _figure(number: float) -> str:
    return "–" if number != number else f"{number:,.4g}" if abs(number) < 1000 else f"{number:,.0f}"
