"""Bring the urban-rural class of a separate table to the places: by name, else by code."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd

from lifecircle.errors import MissingColumnError, first_of
from lifecircle.inputs.boundaries import neighbour_names
from lifecircle.inputs.cells import rename_columns
from lifecircle.inputs.classes import CLASS_WORDS, URBAN_RURAL_CODES, check_words
from lifecircle.inputs.files import read_table
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.joins import join_places, named_township, text_column
from lifecircle.runfile import RunFile

_TOLD = ["urban_rural_code", "class", "code_source"]
#: Grounds of a join that yield to those of a place's own name in its township, weaker ones last.
_RANKS = {"name alone": 1, "former": 2, "code not name": 3}


def with_classes(places: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, runfile: RunFile, findings: Findings,
                 ) -> gpd.GeoDataFrame:
    """Give the places the class that the table of the run file tells, and say where and when it was told.

    Parameters
    ----------
    places : GeoDataFrame
        place_code, place, township_code, merged_from, kind; codes and classes of their own yield to the table.
    townships : GeoDataFrame
    runfile : RunFile
        ``[boundaries] classes``; without a file in it, its year and source are those of the places' own codes.
    findings : Findings
        Gets how rows were joined, places that no row tells of, rows that tell of none, and merged villages that
        disagree.

    Returns
    -------
    GeoDataFrame
        The places with urban_rural_code, class and code_source.
    """
    asked = runfile.boundaries.classes
    if asked is None:
        return places
    if asked.file is None:
        return places.assign(code_source=_told_by(asked.source, asked.year))
    where = runfile.resolve(asked.file)
    told = _per_place(_read(runfile, where, townships, findings), places, where, findings)
    at = places["place_code"].isin(told.index) & (places["kind"] != "township")
    bare = ~at & (places["kind"] != "township")
    if bare.any():
        findings.add("warn", "class_not_in_table", f"{int(bare.sum())} places are not in the table of classes; what "
                     "else is known of them decides", file=where.name, id=first_of(places["place_code"][bare]),
                     value=first_of(places["place"][bare], 30), count=int(bare.sum()), remedy="add them to the table")
    return places.assign(class_source=text_column(places, "class_source").mask(at, ""),
                         **{name: text_column(places, name).mask(at, places["place_code"].map(told[name]))
                            for name in _TOLD})


def _told_by(source: str, year: str) -> str:
    return ", ".join(part for part in (source, year) if part)


def _read(runfile: RunFile, where: Path, townships: gpd.GeoDataFrame, findings: Findings) -> pd.DataFrame:
    """Read the table's rows of the district: township_code, place_code, place, urban_rural_code, class, code_source."""
    asked = runfile.boundaries.classes
    assert asked is not None
    table = rename_columns(read_table(where, encoding=asked.encoding, findings=findings), asked.columns, where)
    for choice in (("place_code", "place"), ("urban_rural_code", "class")):
        if not set(choice) & set(table.columns):
            raise MissingColumnError(where, f"no column {' or '.join(choice)}; the columns are "
                                     f"{first_of(table.columns, 12)}", 'map it: classes = { columns = { … } }')
    code, kind = text_column(table, "urban_rural_code"), text_column(table, "class").str.lower()
    code = check_words(code, (*URBAN_RURAL_CODES, ""), where, findings)
    kind = check_words(kind, tuple(CLASS_WORDS), where, findings)
    source, year = text_column(table, "source"), text_column(table, "year")
    source, year = source.where(source != "", asked.source), year.where(year != "", asked.year)
    township = named_township(table, townships, runfile, where, findings)
    findings.know(where, township.where(township.isin(townships["township_code"]), ""))
    table = pd.DataFrame({
        "township_code": township, "place_code": text_column(table, "place_code"), "place": text_column(table, "place"),
        "urban_rural_code": code, "class": kind.map(CLASS_WORDS),
        "code_source": [_told_by(*pair) for pair in zip(source, year, strict=True)]}, index=table.index)
    table = table[~township.isin(list(neighbour_names(runfile)))]
    return table[(table["urban_rural_code"] != "") | (table["class"] != "")]


def _per_place(table: pd.DataFrame, places: gpd.GeoDataFrame, where: Path, findings: Findings) -> pd.DataFrame:
    """Settle on one row per place, joined by the best ground there is; none where several of that ground disagree."""
    found = join_places(table, places, where, findings)
    table = table.assign(home=found["code"], rank=found["how"].map(_RANKS).fillna(0))
    table = table[table["home"].isin(places["place_code"])]
    table = table[table["rank"] == table.groupby("home")["rank"].transform("min")]
    kinds = table.groupby("home")[["urban_rural_code", "class"]].nunique().max(axis=1)
    torn = kinds.index[kinds > 1]
    if len(torn):
        findings.add("warn", "class_torn", f"{len(torn)} places have rows of several classes, such as merged villages "
                     "that differ; none of them counts", file=where.name, id=first_of(torn), count=len(torn),
                     value=first_of(places["place"][places["place_code"].isin(torn)], 30),
                     remedy="give the place itself a row")
    return table[~table["home"].isin(torn)].drop_duplicates("home").set_index("home")[_TOLD]
