"""Say the answer in a dozen lines, for a terminal or for a machine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from lifecircle.assessment import Assessment
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.geopackage import headline_figures
from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.outputs.tables import clean_text, plain_value

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
        "note": MODEL_MARK if run["quality"] == "model" else "", "directory": str(directory),
        "map": str(Path(directory) / "map.html"), "townships": len(assessment.townships),
        "places": len(assessment.places), "people": run["district"].get("population"),
        "layers": [_layer_record(assessment, layer) for layer in assessment.layers],
        "findings": {severity: found.get(severity, 0) for severity in ("stop", "warn", "note")},
        "gaps": len(assessment.gaps), "seconds": round(sum(assessment.timing.values()), 2),
    }
    return dict(plain_value(record))


def _layer_record(assessment: Assessment, layer: str) -> dict[str, Any]:
    run = assessment.run
    code, facts = run["district"]["code"], run["layers"][layer]
    label = facts.get(f"label_{run['district'].get('language', 'zh')}") or layer
    record: dict[str, Any] = {"layer": layer, "label": label, "quality": facts.get("quality", "")}
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
    return record


def summary_text(assessment: Assessment, directory: str | Path) -> str:
    """Give the district's headline figures as lines of text."""
    record = summary_record(assessment, directory)
    mark = f"  {record['note']} (model data)" if record["note"] else ""
    lines = [f"{record['district']}  run {record['run_id']}{mark}",
             f"{record['townships']} townships, {record['places']} places, {_count(record['people'])} people, "
             f"{record['gaps']} gaps, {record['findings']['warn']} warnings"]
    width = max(len(layer["layer"]) for layer in record["layers"])
    lines += [f"{layer['layer']:{width}}  {layer['label']}: {_layer_line(layer)}" for layer in record["layers"]]
    lines += [f"map: {record['map']}"]
    return "\n".join(clean_text(pd.Series(lines, dtype="str")))


def _layer_line(layer: dict[str, Any]) -> str:
    parts = []
    rate = layer.get("coverage_rate")
    if rate is not None:
        span = "" if layer["low"] == layer["high"] else f" ({layer['low']:.1%} to {layer['high']:.1%})"
        parts.append(f"{rate:.1%} of {_count(layer.get('people'))} in time{span}, "
                     f"{_count(layer.get('people_out'))} out, "
                     f"{_count(layer.get('people_undetermined'))} undetermined, {layer['verdict']}")
    if layer.get("area_per_head_m2") is not None:
        target = f" (standard {layer['area_target_m2']:g})" if layer.get("area_target_m2") is not None else ""
        parts.append(f"{layer['area_per_head_m2']:.2f} m2 a head{target}, {layer['area_verdict']}")
    return "; ".join(parts) or "no headline figure"


def _count(people: float | None) -> str:
    return "<10" if people is None else f"{people:,.0f}"
