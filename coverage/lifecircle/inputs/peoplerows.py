"""Doubt the rows of a list of people: halves, groups that are too large, places named twice or not at all."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, first_of
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.joins import text_column

#: Sums that differ by less are equal: figures may be rounded.
ROUNDING_PEOPLE = 0.5
#: Columns that count who is there by day and by night, and are no part of the residents.
BY_HOUR = ("population_day", "population_night")


def report_groups(table: pd.DataFrame, where: Path, findings: Findings, names: pd.Series | None = None) -> None:
    """Refuse rows in which a group is larger than the population.

    Parameters
    ----------
    table : DataFrame
        population and groups; NaN where not told. The index counts the rows of the file.
    names : Series, optional
        What the message calls the rows by.

    Raises
    ------
    BadValueError
        If there is any; the rows are named.
    """
    for name in table.columns.drop(["population", *BY_HOUR], errors="ignore"):
        larger = table[name] > table["population"] + 1e-9
        if larger.any():
            rows = table.index[larger]
            called = f"in row {first_of(rows)}" if names is None else f"for {first_of(names[rows])}"
            findings.fail(BadValueError(where, f"column {name} is larger than population {called}",
                                        "correct the cells"),
                          "group_larger", id=first_of(rows, 20), count=len(rows),
                          value=first_of([f"{group:g} of {whole:g}" for group, whole in zip(
                              table[name][larger], table["population"][larger], strict=True)]))


def report_halves(table: pd.DataFrame, where: Path, findings: Findings) -> None:
    """Note rows with a part of a person in a list that otherwise counts whole ones."""
    for name in table.columns:
        part = table[name].notna() & (table[name] % 1 != 0)
        if 0 < part.sum() < 0.5 * len(table):
            findings.add("note", "people_in_parts", f"column {name}: {int(part.sum())} rows count a part of a person, "
                         "the others whole ones", file=where.name, id=first_of(table.index[part], 20),
                         value=first_of(table[name][part].map("{:g}".format)), count=int(part.sum()),
                         remedy="enter whole numbers")


def once_each(raw: gpd.GeoDataFrame, places: gpd.GeoDataFrame, figures: list[str], where: Path, findings: Findings,
              ) -> gpd.GeoDataFrame:
    """Find rows without a position that name the place of another row.

    Raises
    ------
    BadValueError
        If they have the same figures too: such a row was entered twice, and its people would count twice.
    """
    listed = raw.geometry.isna() & raw["place_code"].isin(places["place_code"])
    shared = listed & raw[listed].duplicated("place_code", keep=False).reindex(raw.index, fill_value=False)
    same = listed & raw[listed].duplicated(["place_code", *figures], keep=False).reindex(raw.index, fill_value=False)
    named = raw["place_code"].map(places.set_index("place_code")["place"]).fillna("")
    if same.any():
        findings.fail(BadValueError(where, f"row {first_of(raw.index[same])} give the same figures for "
                                           f"{first_of(named[same].unique())}", "delete what was entered twice"),
                      "place_twice", id=first_of(raw.index[same], 20), value=first_of(named[same].unique()),
                      count=int(same.sum()))
    other = shared & ~same
    if other.any():
        findings.add("warn", "place_in_parts", f"{int(other.sum())} rows name the place of another row; their people "
                     "are added up", file=where.name, id=first_of(raw.index[other], 20),
                     value=first_of(named[other].unique()), count=int(other.sum()),
                     remedy="delete what was entered twice, or make sure that they are parts of the place")
    return raw[~(same & raw.duplicated(["place_code", *figures]))]


def report_twins(raw: gpd.GeoDataFrame, figures: list[str], where: Path, findings: Findings) -> None:
    """Warn of rows with the position, the names and the figures of another row: their people count twice."""
    placed = raw[~raw.geometry.is_empty & raw.geometry.notna() & (raw["population"] > 0)]
    if not len(placed):
        return
    spots = np.round(shapely.get_coordinates(shapely.centroid(placed.geometry.to_numpy())), 1)
    told = placed[figures].assign(x=spots[:, 0], y=spots[:, 1], **{
        name: text_column(placed, name) for name in ("place", "place_code", "township_code")})
    again = placed[told.duplicated(keep=False)]
    if len(again):
        more = told.duplicated()
        findings.add("warn", "people_twice", f"{int(more.sum())} rows have position and figures of another row; their "
                     "people count again", file=where.name, id=first_of(again.index, 20), count=len(again),
                     value=f"{placed['population'][more].sum():,.0f} people", remedy="delete what was entered twice")


def report_bare_places(raw: gpd.GeoDataFrame, places: gpd.GeoDataFrame, where: Path, findings: Findings) -> None:
    """Report places that a list of places leaves out: nobody is counted there."""
    bare = places[~places["place_code"].isin(raw["place_code"])]
    if len(bare):
        findings.add("warn", "place_without_people", f"{len(bare)} of {len(places)} places have no row, and nobody is "
                     "counted there", file=where.name, id=first_of(bare["place_code"], 20),
                     value=first_of(bare["place"], 20), count=len(bare),
                     remedy="add them to the list, or take them off the map")


def report_bare_townships(raw: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, where: Path, findings: Findings) -> None:
    """Report townships that no row lies in: nobody is counted there."""
    bare = townships[~townships["township_code"].isin(raw["township_code"])]
    if len(bare):
        findings.add("warn", "township_without_people", f"{len(bare)} of {len(townships)} townships have no row, and "
                     "nobody is counted there", file=where.name, id=first_of(bare["township_code"], 20),
                     value=first_of(bare["township"], 20), count=len(bare), remedy="add them to the table of people")


def names_places(raw: pd.DataFrame) -> bool:
    """Tell whether the rows of a table name their places."""
    return any((text_column(raw, name) != "").any() for name in ("place", "place_code"))


def report_sums(raw: gpd.GeoDataFrame, totals: pd.DataFrame, rows: pd.Series, where: Path, beside: Path,
                findings: Findings) -> None:
    """Report totals of townships that are not the sum of their rows, to which these are scaled.

    Parameters
    ----------
    raw : GeoDataFrame
        township_code and people.
    totals : DataFrame
        By township_code.
    rows : Series
        Row of each total in its file, by township_code.
    where, beside : Path
        The file of the totals, and that of the rows.
    """
    for name in totals.columns.intersection(raw.columns):
        whole = raw.groupby("township_code")[name].sum().reindex(totals.index)
        differ = (whole - totals[name]).abs() > ROUNDING_PEOPLE
        if differ.any():
            told = [f"{a:,.0f} against {b:,.0f}" for a, b in zip(totals[name][differ], whole[differ], strict=True)]
            findings.add("warn", "totals_differ", f"column {name}: {int(differ.sum())} totals are not the sum of the "
                         f"rows of {beside.name}, which are scaled to them", file=where.name,
                         id=first_of(rows[differ.index[np.asarray(differ)]], 20), value=first_of(told),
                         count=int(differ.sum()), remedy="correct one of the two, or say why they differ")
