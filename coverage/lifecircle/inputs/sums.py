"""Compare the totals that stand in a table with the rows above them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.errors import first_of
from lifecircle.inputs.cells import parse_number
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import plain

Array = npt.NDArray[np.float64]

#: Totals that differ by less are equal: figures may be rounded.
ROUNDING = 0.5
#: Heads of columns whose totals are no sums.
_NO_SUM = re.compile("率|比|均|%|年|经度|纬度|编号|编码|代码|序号")
_SUBTOTAL = ("小计", "subtotal")
#: The end of the word for a total, with a unit in brackets or without.
TOTAL = re.compile(r"([合小总]\s*计)[\s:]*(\([^()]*\))?[\s:]*$")
_WHOLE = re.compile(r"(全[区县市])?([合总共]\s*计|总和|累计|total|sum)")
#: The word stands in one of so many cells.
LABELS = 4


def report_totals(table: pd.DataFrame, total: pd.Series, body: pd.Series, path: Path, findings: Findings) -> None:
    """Warn of totals that are not the sum of their rows: of all above, a subtotal of those since the last one.

    A total that is named by more than the word, such as 甲街道合计, may be either. Columns that hold anything but
    numbers between are passed over.

    Parameters
    ----------
    table : DataFrame
        Of text, with the rows of totals.
    total, body : Series of bool
        Which rows are totals, and which are counted in them.
    """
    found: list[tuple[int, str]] = []
    at, counted = np.flatnonzero(total), body.to_numpy()
    for name in [name for name in table.columns if not _NO_SUM.search(str(name))]:
        cells = table[name].fillna("")
        if not (cells[total] != "").any():
            continue
        number = np.array([_number(cell) for cell in cells])
        first = 0
        for row in at.tolist():
            wholes = [number[begin:row][counted[begin:row]].sum() for begin in _begins(table.iloc[row], first)]
            whole = wholes[0]
            if cells.iloc[row] and all(abs(one - number[row]) > ROUNDING for one in wholes):
                found.append((int(table.index[row]), f"{plain(str(name))} {number[row]:,g} against {whole:,g}"))
            first = row + 1
    if found:
        rows = sorted({row for row, _ in found})
        findings.add("warn", "total_differs", f"{len(rows)} rows of totals are not the sum of the rows above",
                     file=path.name, id=first_of(rows, 20), value=first_of([told for _, told in found]),
                     count=len(rows), remedy="find the row that is wrong or missing, or correct the total")


def _number(cell: str) -> float:
    """Read an amount; nothing counts as 0, what is no number as NaN."""
    if not plain(cell):
        return 0.0
    number = parse_number(cell, "area")
    return parse_number(cell, "count") if np.isnan(number) else number


def _begins(row: pd.Series, since: int) -> list[int]:
    """Tell from which row on a total may count: that after the total before, the first, or either."""
    texts = [plain(cell).lower() for cell in row if isinstance(cell, str) and cell][:LABELS]
    if any(word in text for text in texts for word in _SUBTOTAL):
        return [since]
    return [0] if _WHOLE.match(texts[0]) else [0, since]
