"""The tiny town with a plan, and with what offices report of it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas as pd

from tinytown import DISTRICT, EAST_TOWN, WEST_TOWN, write_town

ROOT = Path(__file__).resolve().parents[1]
PLAN_FILE = ROOT / "data" / "plan.toml"


def write_table(path: Path, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([columns, *rows])


def write_plan_town(directory: Path, plan: str | None = None, reported: list[tuple[Any, ...]] | None = None,
                    weights: str | None = None, **sections: Any) -> Path:
    """Write the tiny town with a plan, and what was reported of it."""
    directory.mkdir(parents=True, exist_ok=True)
    named = {"file": "plan.toml"}
    (directory / "plan.toml").write_text(plan or PLAN_FILE.read_text("utf-8"), encoding="utf-8")
    if reported is not None:
        write_table(directory / "reported.csv", ["measure", "township_code", "value", "year", "source"], reported)
        named["reported"] = "reported.csv"
    if weights is not None:
        (directory / "weights.toml").write_text(weights, encoding="utf-8")
        named["weights"] = "weights.toml"
    return write_town(directory, quality="register", plan=named, **sections)


def figures(card: pd.DataFrame, measure: str, column: str = "actual") -> list[Any]:
    """Give a column of one measure: of the district, the west, the east."""
    rows = card[card["measure"] == measure].set_index("township_code")[column]
    return [rows[code] for code in (DISTRICT, WEST_TOWN, EAST_TOWN)]
