"""Read how many people of each priority group live in each place: counts alone, a table of persons is refused."""

from __future__ import annotations

import re
from pathlib import Path

import geopandas as gpd
import pandas as pd

from lifecircle.errors import BadValueError, MissingColumnError, first_of
from lifecircle.inputs.boundaries import neighbour_names
from lifecircle.inputs.cells import as_numbers, as_text, rename_columns
from lifecircle.inputs.files import read_table
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import heading
from lifecircle.inputs.joins import join_places, named_township, text_column
from lifecircle.runfile import RunFile

#: Heads of columns that are groups without being mapped.
GROUP_WORDS: tuple[str, ...] = (
    "残疾人", "低保", "低保对象", "低保边缘", "特困", "特困人员", "孤儿", "留守儿童", "困境儿童", "独居老人",
    "空巢老人", "失能老人", "高龄老人", "优抚对象", "重点人群",
)
PRIORITY_INPUT: tuple[str, ...] = ("place_code", "township_code", "group", "people")
NO_PRIORITY = pd.DataFrame({name: pd.Series(dtype="float64" if name == "people" else "str") for name in PRIORITY_INPUT})
#: What heads of columns about single persons hold.
_PERSONAL = re.compile("姓名|身份证|证件号|残疾证|户主|监护人|出生|银行卡|手机|id_?(number|card)|^(person|full)_?name$",
                       re.IGNORECASE)
_IDENTITY = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")


def read_priority(runfile: RunFile, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, findings: Findings,
                  ) -> pd.DataFrame:
    """Read the counts of priority groups.

    Parameters
    ----------
    runfile : RunFile
        With a ``[priority] file``.
    townships, places : GeoDataFrame
    findings : Findings
        Gets how rows were joined, rows of no known place, places that no row tells of, rows that are added up.

    Returns
    -------
    DataFrame
        `PRIORITY_INPUT`, one row per place and group that is told; blank cells tell nothing.

    Raises
    ------
    BadValueError
        If the table holds persons, or a count is negative or not whole.
    MissingColumnError
        If no column is a group, or none names a place.
    """
    asked = runfile.priority
    path = runfile.resolve(asked.file or "")
    raw = read_table(path, encoding=asked.encoding, sheet=asked.sheet, columns={**asked.columns, **asked.groups},
                     findings=findings)
    _refuse_persons(raw, path)
    table = rename_columns(raw, asked.columns, path)
    groups = _groups(table, asked.groups, path)
    if not {"place_code", "place"} & set(table.columns):
        raise MissingColumnError(path, f"no column place_code or place; the columns are {first_of(table.columns, 12)}",
                                 "map it: [priority] columns = { place_code = … }")
    counts = {name: _whole(table[column], path, column, findings) for name, column in groups.items()}
    homes = _homes(table, runfile, townships, places, path, findings)
    told = pd.DataFrame(counts).assign(place_code=homes)
    told = told[told["place_code"] != ""]
    _report(told, places, path, findings)
    long = told.melt("place_code", var_name="group", value_name="people").dropna(subset="people")
    summed = long.groupby(["place_code", "group"], sort=True, as_index=False)["people"].sum()
    township = summed["place_code"].map(places.set_index("place_code")["township_code"])
    return summed.assign(township_code=township)[list(PRIORITY_INPUT)]


def _refuse_persons(raw: pd.DataFrame, path: Path) -> None:
    """Refuse names and identity numbers; the message repeats none of them."""
    heads = [str(name) for name in raw.columns if _PERSONAL.search(heading(str(name)).word)]
    if not heads:
        heads = [str(name) for name in raw.columns if as_text(raw[name]).str.contains(_IDENTITY).any()]
    if heads:
        raise BadValueError(path, f"column {first_of(heads)} is about single persons",
                            "give one row per place with counts alone, and keep names and identity numbers out of it")


def _groups(table: pd.DataFrame, asked: dict[str, str], path: Path) -> dict[str, str]:
    """Give name of a group -> its column."""
    missing = [column for column in asked.values() if column not in table.columns]
    known = {heading(str(name)).word: str(name) for name in table.columns}
    groups = asked or {word: known[word] for word in GROUP_WORDS if word in known}
    if missing or not groups:
        raise MissingColumnError(path, f"no column {first_of(missing) if missing else 'of a priority group'}; the "
                                 f"columns are {first_of(table.columns, 12)}",
                                 "map it: [priority] groups = { 残疾人 = … }")
    return groups


def _whole(cells: pd.Series, path: Path, column: str, findings: Findings) -> pd.Series:
    count = as_numbers(cells, path, column, blank=True, unit="count", findings=findings)
    wrong = (count < 0) | (count % 1 != 0) & count.notna()
    if wrong.any():
        findings.fail(BadValueError(path, f"column {column} holds {first_of(cells[wrong].tolist(), 3)} in row "
                                    f"{first_of(cells.index[wrong])}, which is no count of people",
                                    "enter whole numbers from 0 on"), "priority_not_counts",
                      id=first_of(cells.index[wrong], 20), value=first_of(cells[wrong].tolist()),
                      count=int(wrong.sum()))
    return count.mask(wrong)


def _homes(table: pd.DataFrame, runfile: RunFile, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, path: Path,
           findings: Findings) -> pd.Series:
    """Find the place of each row; rows of neighbours and rows of no known place have none."""
    named = pd.DataFrame({"place_code": text_column(table, "place_code"), "place": text_column(table, "place"),
                          "township_code": named_township(table, townships, runfile, path, findings)})
    named = named[~named["township_code"].isin(list(neighbour_names(runfile)))]
    found = join_places(named, places, path, findings)["code"]
    found = found.where(found.isin(places["place_code"]), "")
    lost = found == ""
    if lost.any():
        told = (named["place_code"] + " " + named["place"])[lost].str.strip()
        findings.add("warn", "priority_place_unknown", f"{int(lost.sum())} rows of priority groups name no known "
                     "place and are left out", file=path.name, id=first_of(named.index[lost], 20),
                     value=first_of(told.unique()), count=int(lost.sum()), remedy="correct the code or the name")
    return found.reindex(table.index, fill_value="")


def _report(told: pd.DataFrame, places: gpd.GeoDataFrame, path: Path, findings: Findings) -> None:
    twice = told.duplicated("place_code", keep=False)
    if twice.any():
        findings.add("warn", "priority_rows_added", f"{int(twice.sum())} rows of priority groups name the place of "
                     "another row; their counts are added up", file=path.name, id=first_of(told.index[twice], 20),
                     count=int(twice.sum()), remedy="make sure that they are parts of the place, not persons")
    bare = places[~places["place_code"].isin(told["place_code"])]
    if len(bare):
        findings.add("note", "priority_places_missing", f"{len(bare)} of {len(places)} places have no count of "
                     "priority groups; sums are of the others", file=path.name, id=first_of(bare["place_code"], 20),
                     value=first_of(bare["place"], 20), count=len(bare), remedy="add them, with 0 where nobody is")
