"""Read what offices report of the plan: one figure per measure and township, and how satisfied residents are."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from lifecircle.errors import BadValueError, MissingColumnError, NoMatchError, first_of
from lifecircle.inputs.boundaries import district_code, neighbour_names
from lifecircle.inputs.cells import as_numbers, rename_columns
from lifecircle.inputs.files import read_table
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import plain
from lifecircle.inputs.joins import named_township, text_column
from lifecircle.plan import SATISFACTION, Plan
from lifecircle.runfile import RunFile

REPORTED_COLUMNS: tuple[str, ...] = ("measure", "township_code", "value", "year", "source")
NOTHING_REPORTED = pd.DataFrame({name: pd.Series(dtype="float64" if name == "value" else "str")
                                 for name in REPORTED_COLUMNS})
#: Residents say how satisfied they are on this scale.
SCALE = (1.0, 5.0)
#: A year is four digits, whatever stands beside them: 2025, 2025.0, 2025年.
_YEAR = r"((?:19|20)\d\d)"


def read_reported(runfile: RunFile, plan: Plan, townships: gpd.GeoDataFrame, findings: Findings) -> pd.DataFrame:
    """Read the reported figures of the run file.

    Parameters
    ----------
    runfile : RunFile
    plan : Plan
        Whose measures may be reported.
    townships : GeoDataFrame
    findings : Findings
        Gets how townships were joined, and figures of a year before the last.

    Returns
    -------
    DataFrame
        `REPORTED_COLUMNS`, one row per measure and unit (townships, and the district by its code): that of the last
        year. Without a file it is empty.

    Raises
    ------
    MissingColumnError
        If measure or value is not there, or nothing that names a township.
    NoMatchError
        If a row names a measure that may not be reported, or a township that is not known.
    BadValueError
        If a value is no number, a share or a satisfaction lies off its scale, or two rows of a year tell one figure.
    """
    if runfile.plan.reported is None:
        return NOTHING_REPORTED.copy()
    path = runfile.resolve(runfile.plan.reported)
    table = rename_columns(read_table(path, encoding=runfile.plan.encoding, columns=runfile.plan.columns,
                                      findings=findings), runfile.plan.columns, path)
    missing = [name for name in ("measure", "value") if name not in table.columns]
    if not {"township_code", "township"} & set(table.columns):
        missing.append("township_code")
    if missing:
        raise MissingColumnError(path, f"no column {first_of(missing)}; the columns are {first_of(table.columns, 12)}",
                                 "map it: [plan] columns = { … }")
    units = [district_code(runfile, townships), *townships["township_code"]]
    told = pd.DataFrame({
        "measure": text_column(table, "measure"),
        "township_code": _units(table, townships, runfile, path, findings),
        "value": as_numbers(table["value"], path, "value", negative=False, findings=findings),
        "year": text_column(table, "year").map(plain), "source": text_column(table, "source")})
    told = told[~told["township_code"].isin(list(neighbour_names(runfile)))]
    _check_names(told, plan.reported_keys, units, path, findings)
    _check_scales(told, plan, path, findings)
    return _last_year(told[told["value"].notna()], path, findings)


def _units(table: pd.DataFrame, townships: gpd.GeoDataFrame, runfile: RunFile, path: Path, findings: Findings,
           ) -> pd.Series:
    """Name the township of each row; the code or the name of the district stands for the district itself."""
    code, name = text_column(table, "township_code"), text_column(table, "township")
    district = district_code(runfile, townships)
    whole = (code == district) | (name == runfile.district.name)
    found = pd.Series(district, index=table.index, dtype="str")
    if (~whole).any():
        found[~whole] = named_township(table[~whole], townships, runfile, path, findings)
    return found


def _check_names(told: pd.DataFrame, keys: set[str], units: list[str], path: Path, findings: Findings) -> None:
    for column, known, code, remedy in (
            ("measure", keys, "measure_unknown", "use the keys of the plan's measures that are not computed"),
            ("township_code", set(units), "reported_nowhere", "correct the code or the name, or use the district's")):
        strange = ~told[column].isin(known)
        if strange.any():
            values = told[column][strange].unique()
            findings.fail(NoMatchError(path, f"column {column}: {first_of(values)} in row "
                                       f"{first_of(told.index[strange])} is not known", remedy), code,
                          id=first_of(told.index[strange], 20), value=first_of(values), count=int(strange.sum()))


def _check_scales(told: pd.DataFrame, plan: Plan, path: Path, findings: Findings) -> None:
    shares = {measure.key for _, measure in plan.measures if measure.unit == "share"}
    happy = told["measure"].str.split(".").str[0] == SATISFACTION
    for rows, (low, high) in ((happy, SCALE), (told["measure"].isin(shares), (0.0, 1.0))):
        off = rows & ((told["value"] < low) | (told["value"] > high))
        if off.any():
            findings.fail(BadValueError(path, f"value {first_of(told['value'][off])} of "
                                        f"{first_of(told['measure'][off].unique())} in row {first_of(told.index[off])} "
                                        f"is not between {low:g} and {high:g}", "correct the value; 85 % is 0.85"),
                          "reported_off_scale", id=first_of(told.index[off], 20), count=int(off.sum()))


def _last_year(told: pd.DataFrame, path: Path, findings: Findings) -> pd.DataFrame:
    key = ["measure", "township_code"]
    told = told.assign(at=pd.to_numeric(told["year"].str.extract(_YEAR, expand=False)).fillna(-np.inf))
    twice = told.duplicated([*key, "at"], keep=False)
    if twice.any():
        findings.fail(BadValueError(path, f"rows {first_of(told.index[twice])} tell the same figure of the same year",
                                    "keep one of them"), "reported_twice",
                      id=first_of(told.index[twice], 20), count=int(twice.sum()))
    last = told.sort_values([*key, "at"], kind="stable").drop_duplicates(key, keep="last")
    if len(last) < len(told):
        findings.add("note", "reported_earlier", f"{len(told) - len(last)} figures are of an earlier year; the last "
                     "counts", file=path.name, count=len(told) - len(last),
                     id=first_of(told.index.difference(last.index), 20))
    return last[list(REPORTED_COLUMNS)].reset_index(drop=True)
