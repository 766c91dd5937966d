"""Turn cells of a table into the text and the numbers that are meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lifecircle.errors import BadValueError, MissingColumnError, first_of
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import OFFICE_ONLY, capacity_unit, heading, plain, recognise

_THOUSANDS = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")
_WRITTEN = re.compile(r"^(?P<about>约|大约|大概|近|~|≈)?\s*(?P<number>[+-]?[\d.,]+(?:[eE][+-]?\d+)?)\s*"
                      r"(?P<more>余|多)?\s*(?P<unit>[^\d\s.,]*?[23]?)(?P<around>左右|以上|余)?$")
_DEGREES = re.compile(r"^[EN东经北纬]*\s*(\d{1,3})[°度]\s*(?:(\d{1,2}(?:\.\d+)?)['′’分])?\s*"
                      r"(?:(\d{1,2}(?:\.\d+)?)(?:[\"”秒]|''|′′|’’)?)?\s*[EN]?$")
_AREA = {"m2": 1.0, "平方米": 1.0, "平米": 1.0, "平方": 1.0, "亩": 2000 / 3, "公顷": 10_000.0, "ha": 10_000.0,
         "hm2": 10_000.0, "km2": 1e6, "平方公里": 1e6, "平方千米": 1e6, "千m2": 1000.0, "千平方米": 1000.0,
         "万m2": 10_000.0, "万平方米": 10_000.0, "万平米": 10_000.0}
_COUNT = dict.fromkeys(("人", "名", "位", "个", "张", "床", "户", "间", "托位", "张床", "个托位", "床位"), 1.0) | {
    "百人": 100.0, "千人": 1000.0, "万人": 1e4, "万": 1e4}
#: Kind of quantity -> the units that may stand behind a number, and how much of ours each is.
UNITS: dict[str, dict[str, float]] = {"area": _AREA, "count": _COUNT, "year": {"年": 1.0}, "deg": {"°": 1.0, "度": 1.0},
                                      "length": {"m": 1.0, "米": 1.0}, "": {}}


def quantity_of(column: str) -> str:
    """Tell from a column of ours what is measured in it: area, count, year, deg, length or nothing known."""
    if column.endswith("_m2"):
        return "area"
    if column == "capacity" or column.startswith("population"):
        return "count"
    return {"opens_year": "year", "lon": "deg", "lat": "deg"}.get(column, "")


def rename_columns(table: Any, columns: Mapping[str, str], where: str | Path) -> Any:
    """Give the file's columns our names: those that the run file maps, and those whose heads are known words.

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
    taken = {*columns, *columns.values()} | {name for name in map(str, table.columns) if _is_part(name)}
    found = {ours: theirs for ours, theirs in recognise(table.columns, taken).items() if ours not in {"lon", "lat"}}
    wanted |= found
    given = {ours: _with_unit(table[theirs], quantity_of(ours), theirs) for ours, theirs in wanted.items()}
    unit = capacity_unit(wanted["capacity"]) if "capacity" in wanted else ""
    if unit and "capacity_unit" not in {*table.columns, *wanted}:
        given["capacity_unit"] = pd.Series(unit, index=table.index, dtype="str")
    unused = [theirs for ours, theirs in wanted.items() if theirs != ours and theirs not in wanted]
    return table.drop(columns=list(dict.fromkeys(unused))).assign(**given)


def _is_part(head: str) -> bool:
    """Tell a head whose brackets hold no unit, such as 人口(男): it is not the whole of what its word says."""
    quantity = quantity_of(next(iter(recognise([head])), ""))
    return quantity in {"area", "count"} and heading(head).unit not in {"", *UNITS[quantity]}


def _with_unit(cells: pd.Series, quantity: str, head: str) -> pd.Series:
    """Write the unit that stands in a column's head behind its numbers, unless it is ours or a number has its own."""
    unit = heading(head).unit
    if UNITS[quantity].get(unit, 1.0) == 1.0:
        return cells

    def with_unit(text: str) -> str:
        match = _WRITTEN.match(clean := plain(text))
        if not match or match["unit"]:
            return text
        end = match.end("more" if match["more"] else "number")
        return clean[:end] + unit + clean[end:].strip()

    return as_text(cells).map(with_unit)


def report_unused(table: pd.DataFrame, used: frozenset[str], where: Path, findings: Findings, layer: str = "") -> None:
    """Say which columns of a file are not read, so that a mistyped or unknown head is not lost in silence."""
    unused = [str(name) for name in table.columns if name not in used and heading(str(name)).word not in OFFICE_ONLY]
    if unused:
        findings.add("note", "columns_unused", f"columns that are not read: {first_of(unused, 12)}", file=where.name,
                     value=first_of(unused, 12), layer=layer, count=len(unused),
                     remedy="map those that matter: columns = { … }")


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


def parse_number(text: str, quantity: str = "") -> float:
    """Read one number as people write it; NaN where it is none.

    Parameters
    ----------
    text : str
        Full-width digits, thousands, "about" and a unit are understood.
    quantity : str
        One of `UNITS`: which units may follow. Areas come out in m², degrees with minutes and seconds as decimals.

    Examples
    --------
    >>> parse_number("1,234"), parse_number("１２３．５"), parse_number("12,3"), parse_number("many")
    (1234.0, 123.5, nan, nan)
    >>> parse_number("约200㎡", "area"), parse_number("3亩", "area"), parse_number("200人", "area")
    (200.0, 2000.0, nan)
    >>> round(parse_number("106°45′36″", "deg"), 6)
    106.76
    """
    return _read(text, quantity)[0]


def _read(text: str, quantity: str) -> tuple[float, str]:
    """Read a number, and whether it is only ``about`` right or was ``converted`` from another unit."""
    clean = plain(text)
    match = _WRITTEN.match(clean)
    if match and match["unit"] in {"", *UNITS[quantity]}:
        digits, factor = match["number"], UNITS[quantity].get(match["unit"], 1.0)
        number = _float(digits.replace(",", "") if _THOUSANDS.match(digits) else digits)
        about = match["about"] or match["more"] or match["around"]
        return number * factor, "about" if about else "converted" if factor != 1.0 else ""
    turned = _DEGREES.match(clean) if quantity == "deg" else None
    if turned:
        degrees, minutes, seconds = (float(part or 0.0) for part in turned.groups())
        whole = minutes < 60 and seconds < 60
        return (degrees + minutes / 60 + seconds / 3600 if whole else float("nan")), "converted"
    if quantity == "year" and re.fullmatch(r"(\d{4})[-/年.]\d{1,2}([-/月.]\d{0,2}日?)?", clean):
        return float(clean[:4]), ""
    return float("nan"), ""


def _float(digits: str) -> float:
    try:
        number = float(digits)
    except ValueError:
        return float("nan")
    return number if np.isfinite(number) else float("nan")


def as_numbers(cells: pd.Series, where: str | Path, column: str, *, blank: bool = False, negative: bool = True,
               unit: str | None = None, findings: Findings | None = None, layer: str = "") -> pd.Series:
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
    unit : str, optional
        Kind of quantity (a key of `UNITS`); by the name of the column where it is not given.
    findings : Findings, optional
        Gets numbers that are about right and, while it is collecting, the faults; such cells then read NaN.

    Raises
    ------
    BadValueError
        If a cell holds no number, nothing, or one below zero; the rows are named.
    """
    findings = findings if findings is not None else Findings()
    manner = pd.Series("", index=cells.index, dtype=object)
    if pd.api.types.is_numeric_dtype(cells):
        numbers, empty = pd.Series(cells.to_numpy("float64", na_value=np.nan), index=cells.index), cells.isna()
    else:
        texts = as_text(cells)
        numbers, empty = pd.to_numeric(texts, errors="coerce").astype("float64"), texts == ""
        unusual = numbers.isna() & ~empty
        read = [_read(text, quantity_of(column) if unit is None else unit) for text in texts[unusual]]
        numbers[unusual] = [number for number, _ in read]
        manner[unusual] = [how for _, how in read]
    for how, severity, what, remedy in (("about", "note", "are said to be about right", "measure them"),
                                        ("converted", "warn", "were converted from another unit", "check them")):
        at = manner == how
        if at.any():
            findings.add(severity, f"number_{how}", f"column {column}: {int(at.sum())} numbers {what}", layer=layer,
                         file=Path(where).name, id=first_of(cells.index[at], 20), value=first_of(cells[at]),
                         count=int(at.sum()), remedy=remedy)
    faults = {"no number": numbers.isna() & ~empty | np.isinf(numbers), "nothing": empty & (not blank),
              "a negative number": (numbers < 0) & (not negative)}
    for fault, at in faults.items():
        if at.any():
            shown = "" if fault == "nothing" else first_of(cells[at].tolist(), 3)
            findings.fail(BadValueError(where, f"column {column} holds {fault} in row {first_of(cells.index[at])}"
                                               + (f": {shown}" if shown else ""), "correct the cells"),
                          "bad_number", id=first_of(cells.index[at], 20), value=shown, layer=layer, count=int(at.sum()))
    return numbers.mask(faults["no number"] | faults["a negative number"])
