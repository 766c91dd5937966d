"""Turn cells of a table into the text and the numbers that are meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lifecircle.errors import BadValueError, MissingColumnError, first_of

_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")


def rename_columns(table: Any, columns: Mapping[str, str], where: str | Path) -> Any:
    """Give the file's columns our names.

    Parameters
    ----------
    table : DataFrame or GeoDataFrame
    columns : mapping
        Our name -> the file's name; ``lon`` and ``lat`` are left to the reader of points.

    Raises
    ------
    MissingColumnError
        If the file has no such column.
    """
    wanted = {ours: theirs for ours, theirs in columns.items() if ours not in {"lon", "lat"}}
    missing = [theirs for theirs in wanted.values() if theirs not in table.columns]
    if missing:
        raise MissingColumnError(where, f"no column {first_of(missing)}; the columns are {first_of(table.columns, 12)}",
                                 "correct columns = { … } in the run file")
    given = {ours: table[theirs] for ours, theirs in wanted.items()}
    unused = [theirs for ours, theirs in wanted.items() if theirs != ours and theirs not in wanted]
    return table.drop(columns=list(dict.fromkeys(unused))).assign(**given)


def as_text(cells: pd.Series) -> pd.Series:
    """Give cells as trimmed text; whole numbers lose their ``.0``, empty cells become ""."""
    if isinstance(cells.dtype, pd.StringDtype):
        return cells.fillna("").str.strip().astype("str")

    def text(value: Any) -> str:
        if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
            return ""
        if isinstance(value, float | np.floating) and float(value).is_integer():
            return str(int(value))
        return str(value).strip()

    return pd.Series([text(value) for value in cells.tolist()], index=cells.index, dtype="str")


def parse_number(text: str) -> float:
    """Read one number as people write it; NaN where it is none.

    Examples
    --------
    >>> parse_number("1,234"), parse_number("１２３．５"), parse_number("12,3"), parse_number("many")
    (1234.0, 123.5, nan, nan)
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if _THOUSANDS.match(plain):
        plain = plain.replace(",", "")
    try:
        number = float(plain) if "_" not in plain else np.nan
    except ValueError:
        return float("nan")
    return float(number) if np.isfinite(number) else float("nan")


def as_numbers(cells: pd.Series, where: str | Path, column: str, *, blank: bool = False,
               negative: bool = True) -> pd.Series:
    """Read a column of numbers.

    Parameters
    ----------
    cells : Series
    where, column : str
        Named when a cell is at fault.
    blank : bool
        Whether an empty cell is allowed; it reads NaN.
    negative : bool
        Whether a number below zero is allowed.

    Raises
    ------
    BadValueError
        If a cell holds no number, nothing, or one below zero; the rows are named.
    """
    if pd.api.types.is_numeric_dtype(cells):
        numbers, empty = pd.Series(cells.to_numpy("float64", na_value=np.nan), index=cells.index), cells.isna()
    else:
        texts = as_text(cells)
        numbers, empty = pd.to_numeric(texts, errors="coerce").astype("float64"), texts == ""
        unusual = numbers.isna() & ~empty
        numbers[unusual] = [parse_number(text) for text in texts[unusual]]
    faults = {"no number": numbers.isna() & ~empty | np.isinf(numbers), "nothing": empty & (not blank),
              "a negative number": (numbers < 0) & (not negative)}
    for fault, at in faults.items():
        if at.any():
            shown = "" if fault == "nothing" else f": {first_of(cells[at].tolist(), 3)}"
            raise BadValueError(where, f"column {column} holds {fault} in row {first_of(cells.index[at])}{shown}",
                                "correct the cells")
    return numbers
