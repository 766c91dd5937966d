"""Hold what a second derivation of a run found, and put it among the run's findings."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lifecircle.errors import InputError, UnreadableFileError
from lifecircle.inputs.findings import Finding, Findings

#: A difference above this share of the time or of the metres is an outlier.
OUTLIER = 0.05
#: Largest median difference at which a run counts as verified.
MEDIAN = 0.01
#: Causes that do not speak against the run.
HARMLESS = frozenset({"", "rounding", "other facility, same minutes", "other way, same minutes", "barrier step",
                      "void heights"})
CODES = ("verified", "verify_differs")


@dataclass(frozen=True)
class Verification:
    """What the second derivation found.

    Attributes
    ----------
    table : DataFrame
        One row per sampled time: demand_id, township_code, layer, mode, minutes_run, minutes_own, minutes_again,
        difference_min, difference_pct, metres_own, metres_again, metres_pct, facility_run, facility_again, cause,
        outlier.
    run_id : str
    seed : int
    population : int
        How many times the run holds.
    """

    table: pd.DataFrame
    run_id: str
    seed: int
    population: int

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Give the figures that decide."""
        table = self.table
        metres, minutes = (table[name].abs().dropna() for name in ("metres_pct", "difference_pct"))
        outliers, causes = table[table["outlier"]], table.loc[table["cause"] != "", "cause"]
        return {
            "run_id": self.run_id, "seed": self.seed, "n": len(table), "of": self.population,
            "compared": len(minutes), "median_metres_pct": _rounded(metres.median()),
            "median_minutes_pct": _rounded(minutes.median()),
            "worst_minutes_pct": _rounded(minutes.max()),
            "share_over_5_pct": round(float((minutes > 100 * OUTLIER).mean()), 4) if len(minutes) else 0.0,
            "outliers": len(outliers), "unexplained": int((~outliers["cause"].isin(HARMLESS)).sum()),
            "causes": causes.str.split(":").str[0].value_counts().sort_index().to_dict(),
        }

    @property
    def verified(self) -> bool:
        """Tell whether the run stands: medians within 1 %, no outlier unexplained."""
        found = self.summary
        return max(found["median_metres_pct"], found["median_minutes_pct"]) <= 100 * MEDIAN and not found["unexplained"]

    @property
    def text(self) -> str:
        """Give a short report for people."""
        found, table = self.summary, self.table
        lines = [f"run {self.run_id}: {found['n']} of {found['of']} times derived again by OSMnx and networkx",
                 f"median difference {found['median_metres_pct']} % in metres, {found['median_minutes_pct']} % in "
                 f"minutes; {100 * found['share_over_5_pct']:.1f} % of the times differ by more than 5 %; "
                 f"{found['outliers']} outliers, {found['unexplained']} unexplained", ""]
        worst = table.assign(size=table["difference_pct"].abs().fillna(0.0))
        worst = worst.sort_values(["outlier", "size"], ascending=False, kind="stable").head(max(10, found["outliers"]))
        shown = ["demand_id", "layer", "mode", "minutes_run", "minutes_again", "difference_pct", "metres_own",
                 "metres_again", "metres_pct", "facility_run", "facility_again", "cause"]
        lines += [worst[shown].to_string(index=False, float_format=lambda number: f"{number:,.2f}", na_rep="–"), "",
                  "verified" if self.verified else "the run differs from its second derivation"]
        return "\n".join(lines)

    @property
    def record(self) -> dict[str, Any]:
        """Give everything as JSON holds it; unreached minutes are null."""
        rows = json.loads(self.table.replace([np.inf, -np.inf], np.nan).to_json(orient="records", double_precision=4))
        return {**self.summary, "verified": self.verified, "rows": rows}

    @property
    def finding(self) -> Finding:
        """Give the summary as a finding of the run."""
        found = self.summary
        message = (f"{found['n']} times derived again by OSMnx and networkx: median difference "
                   f"{found['median_metres_pct']} % in metres and {found['median_minutes_pct']} % in minutes, "
                   f"{found['outliers']} over 5 %, {found['unexplained']} unexplained")
        remedy = "" if self.verified else "read the list: lifecircle verify DIR --json"
        return Finding("note" if self.verified else "warn", CODES[0 if self.verified else 1], message, file="run.json",
                       id=self.run_id, value=f"seed {self.seed}", remedy=remedy, count=max(found["n"], 1))


def _rounded(value: float) -> float:
    return 0.0 if value != value else round(float(value), 3)


def note_findings(directory: Path, finding: Finding) -> None:
    """Put the finding into ``findings.json`` of a run directory, in one step, in place of an earlier one.

    Raises
    ------
    UnreadableFileError
        If the file is damaged.
    InputError
        If it cannot be written.
    """
    path = directory / "findings.json"
    try:
        kept = [Finding(**item) for item in json.loads(path.read_text(encoding="utf-8")) if item["code"] not in CODES]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UnreadableFileError(path, f"cannot be read: {error}", "run the district again") from error
    content = [asdict(item) for item in Findings([*kept, finding]).sorted()]
    part = path.with_name(".findings.json.new")
    try:
        part.write_bytes(json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(path, f"cannot be written: {error.strerror}", "make sure that it may be written") from error
