"""Write tables as CSV that a spreadsheet opens safely, and read them back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lifecircle.errors import MissingFileError, UnreadableFileError
from lifecircle.tables import (
    COMPARISON_COLUMNS,
    GAINS_COLUMNS,
    GAPS_COLUMNS,
    PRIORITY_COLUMNS,
    RESULTS_KEY,
    ROAD_QUALITY_COLUMNS,
)

#: Decimals of numbers: so many that sums of a thousand rows still agree to a millionth; six would miss it.
DECIMALS = 9
#: Columns of numbers in results and gaps; everything else is text, or true / false.
NUMBER_COLUMNS: frozenset[str] = frozenset({
    "cutoff", "value", "low", "high", "target", "people", "people_out", "people_undetermined", "need", "have", "short",
    "minutes_median", "minutes_worst", "minutes_over",
    "findings", *ROAD_QUALITY_COLUMNS[2:],
    "number", "actual", "gap", "points", "weight", "satisfaction", "indicator_score", "weight_with_data",
    "satisfaction_score", "total", "rank", "rank_low", "rank_high", "share_in_worst", "draws", "elders",
    "elders_in_time", "elders_undetermined", "share_low", "share_high", "pass_share", "hubs",
    *PRIORITY_COLUMNS[6:13], *GAINS_COLUMNS[4:9], *COMPARISON_COLUMNS[5:21],
})
FLAG_COLUMNS: frozenset[str] = frozenset({"headline", "worst"})
#: Rows are written in the order of these columns; what decides comes first.
ORDER: dict[str, tuple[str, ...]] = {"results": ("headline", *RESULTS_KEY), "gaps": GAPS_COLUMNS[:13]}

#: Characters that no cell and no page may hold -> what becomes of them.
CONTROL_CHARACTERS: dict[int, str | None] = {
    **dict.fromkeys((*range(32), *range(127, 160), 0x2028, 0x2029)), 9: " ", 10: " ", 13: " ",
}
#: What a spreadsheet takes for the start of a formula, also in full width.
_FORMULA = r"^('*[=+\-@＝＋－＠])"
_GUARDED = r"^'('*[=+\-@＝＋－＠])"


def clean_text(text: pd.Series) -> pd.Series:
    """Strip control characters; line breaks and tabs become blanks."""
    return text.fillna("").astype(str).str.translate(CONTROL_CHARACTERS).str.strip()


def guard_text(text: pd.Series) -> pd.Series:
    """Put an apostrophe before text that a spreadsheet would run as a formula, after `clean_text`.

    Examples
    --------
    >>> guard_text(pd.Series(["=1+1", "a=1", "@x"])).tolist()
    ["'=1+1", 'a=1', "'@x"]
    """
    return clean_text(text).str.replace(_FORMULA, r"'\1", regex=True)


def format_number(number: float) -> str:
    """Write a number with at most `DECIMALS` decimals, without trailing zeros; blank for NaN.

    Examples
    --------
    >>> format_number(0.5), format_number(15.0), format_number(1 / 3), format_number(-1e-12), format_number(math.nan)
    ('0.5', '15', '0.333333333', '0', '')
    """
    if not math.isfinite(number):
        return "" if math.isnan(number) else ("inf" if number > 0 else "-inf")
    text = f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def write_csv(frame: pd.DataFrame, path: str | Path, *, order: tuple[str, ...] = ()) -> None:
    """Write a table as CSV in UTF-8 with byte order mark, safe and always the same.

    Parameters
    ----------
    frame : DataFrame
        Any table without geometry.
    path : str or Path
    order : tuple of str
        Columns to sort the rows by, of `FLAG_COLUMNS` true first; without them the rows stay as they are.
    """
    if order:
        frame = frame.sort_values(list(order), ascending=[name not in FLAG_COLUMNS for name in order], kind="stable",
                                  na_position="last")
    Path(path).write_bytes(b"\xef\xbb\xbf" + csv_text(frame).encode("utf-8"))


def csv_text(frame: pd.DataFrame) -> str:
    """Give a table as the text that `write_csv` writes, without the byte order mark."""
    text = pd.DataFrame({name: _as_text(frame[name]) for name in frame.columns}, columns=frame.columns)
    return str(text.to_csv(index=False, lineterminator="\n"))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give a table as JSON holds it: one object a row, null for what is not a finite number."""
    names = [str(name) for name in frame.columns]
    columns = [_plain_column(frame[name]) for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain_column(column: pd.Series) -> list[Any]:
    if column.dtype.kind == "f":
        return [value if math.isfinite(value) else None for value in column.tolist()]
    return [plain_value(value) for value in column.tolist()]


def plain_value(value: Any) -> Any:
    """Turn numpy's values, in dicts and lists too, into Python's, and what is not finite into None."""
    if isinstance(value, dict):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_value(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_text(column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.map({True: "true", False: "false"})
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.astype(float).map(format_number)
    return guard_text(column)


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read a results or gaps table back: codes as text, numbers as numbers, guards taken off.

    Raises
    ------
    MissingFileError
        If the file is not there.
    UnreadableFileError
        If it is no such table.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(path, "no such file", "run the district again")
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        return pd.DataFrame({name: _from_text(frame[name]) for name in frame.columns}, columns=frame.columns)
    except (ValueError, KeyError) as error:
        raise UnreadableFileError(path, f"is no table of results: {error}", "run the district again") from error


def _from_text(column: pd.Series) -> Any:
    if column.name in FLAG_COLUMNS:
        return column == "true"
    if column.name in NUMBER_COLUMNS:
        return column.where(column != "", "nan").astype(np.float64)
    return column.str.replace(_GUARDED, r"\1", regex=True)

