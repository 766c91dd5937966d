"""Settle the township and the urban-rural class of rows."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, first_of
from lifecircle.inputs.boundaries import neighbour_codes
from lifecircle.inputs.cells import as_text
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.shapes import locate
from lifecircle.policy import Policy
from lifecircle.runfile import RunFile

#: Codes of the National Bureau of Statistics; 1xx is the urban side.
URBAN_RURAL_CODES = ("111", "112", "121", "122", "123", "210", "220")
_CLASS_WORDS = {"urban": "urban", "rural": "rural", "城市": "urban", "城镇": "urban", "农村": "rural", "乡村": "rural",
                "": ""}
STREET = "街道"
#: Borders are drawn and positions rounded: a row so near to the township that it names is not worth a word.
BORDER_M = 100.0


def text_column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Give a column as text, or "" throughout where the table has none."""
    text = as_text(frame[name]) if name in frame.columns else pd.Series("", index=frame.index, dtype="str")
    return text.rename(name)


def assign_township(frame: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, runfile: RunFile, where: Path,
                    findings: Findings, *, layer: str = "", near_only: bool = False) -> pd.Series:
    """Give each row its township: the code it names if that is in the district, else the one it lies in, else "".

    A 12-digit place code without township code names its township by its first nine digits. A row that names a
    neighbour stays a neighbour, even where it lies just inside the district's outline.

    Parameters
    ----------
    layer : str
        Facility layer named in findings.
    near_only : bool
        Whether a name counts only within `BORDER_M` of the township; beyond it the position does.
    """
    known, elsewhere = townships["township_code"], neighbour_codes(runfile)
    given = _named_township(frame, elsewhere.union(known))
    position = pd.Series(locate(frame.geometry, townships), index=frame.index, dtype="str")
    beside = given.isin(elsewhere)
    if near_only and beside.any():
        outline = shapely.boundary(shapely.union_all(townships.geometry.to_numpy()))
        beside &= shapely.distance(frame.geometry.to_numpy(), outline) <= BORDER_M
    position = position.mask(beside, "")
    unknown = (given != "") & ~given.isin(known) & (position != "")
    if unknown.any():
        findings.add("warn", "township_unknown", f"{int(unknown.sum())} rows name a township that is not in the "
                     "district but lie in one that is; the position counts", file=where.name, layer=layer,
                     id=first_of(frame.index[unknown]), value=first_of(given[unknown].unique()),
                     count=int(unknown.sum()), remedy="correct the codes")
    differs = given.isin(known) & (position != given)
    own = townships.set_index("township_code").geometry.reindex(given[differs]).to_numpy()
    differs[differs] = shapely.distance(frame.geometry[differs].to_numpy(), own) > BORDER_M
    if differs.any():
        findings.add("warn", "township_differs", f"{int(differs.sum())} rows lie more than {BORDER_M:.0f} m outside "
                     f"the township they name; the {'position' if near_only else 'name'} counts", file=where.name,
                     id=first_of(frame.index[differs]), value=first_of(given[differs].unique()), layer=layer,
                     count=int(differs.sum()), remedy="check coordinates, datum and codes")
    return given.where(given.isin(known) & ~(differs & near_only), position)


def _named_township(frame: pd.DataFrame, known: frozenset[str]) -> pd.Series:
    """Read the township code of each row; nine digits mean twelve, and a place code may stand in."""
    given = text_column(frame, "township_code")
    given = given.where((given.str.len() != 9) | given.isin(known), given + "000")
    place = text_column(frame, "place_code")
    implied = (place.str[:9] + "000").where(place.str.fullmatch(r"\d{12}"), "")
    return given.where(given != "", implied.where(implied.isin(known), ""))


def classify(frame: pd.DataFrame, townships: gpd.GeoDataFrame, policy: Policy, where: Path) -> pd.DataFrame:
    """Settle urban or rural for each row, and say on what ground.

    Parameters
    ----------
    frame : DataFrame
        township_code, and where known urban_rural_code, class, class_source, place_code.

    Returns
    -------
    DataFrame
        class ("" where nothing says) and class_source, on the same index.

    Raises
    ------
    BadValueError
        If a class or an urban-rural code is not one that is known.
    """
    code, own = text_column(frame, "urban_rural_code"), text_column(frame, "class").str.lower()
    check_words(code, (*URBAN_RURAL_CODES, ""), where)
    check_words(own, tuple(_CLASS_WORDS), where)
    own = own.map(_CLASS_WORDS)
    streets = set(townships["township_code"][text_column(townships, "kind") == STREET])
    in_street = frame["township_code"].isin(streets)
    urban_code = code.isin({"111", "112"}) if policy.class_rule == "111_112" else code.str.startswith("1")
    place = text_column(frame, "place_code")
    number = pd.to_numeric(place.str[-3:].where(place.str.fullmatch(r"\d{12}"), None)).fillna(0)
    committee = np.select([number.between(1, 199), number.between(200, 399)], ["urban", "rural"], default="")
    grounds = [(policy.class_rule == "streets", np.where(in_street, "urban", "rural"), "township kind"),
               (code != "", np.where(urban_code, "urban", "rural"), f"urban_rural_code, rule {policy.class_rule}"),
               (own != "", own, "class column"),
               (committee != "", committee, "committee kind")]
    masks = [np.broadcast_to(np.asarray(mask), len(frame)) for mask, _, _ in grounds]
    settled = np.select(masks, [np.asarray(values, dtype=object) for _, values, _ in grounds], default="")
    source = np.select(masks, [ground for _, _, ground in grounds], default="")
    named = text_column(frame, "class_source")
    source = np.where((source == "class column") & (named != "").to_numpy(), named.to_numpy(dtype=object), source)
    return pd.DataFrame({"class": pd.Series(settled, index=frame.index, dtype="str"),
                         "class_source": pd.Series(source, index=frame.index, dtype="str")})


def check_words(cells: pd.Series, words: tuple[str, ...], where: Path) -> None:
    """Make sure that a named column holds none but these words.

    Raises
    ------
    BadValueError
        If it does; the words, the rows and what may stand there are named.
    """
    wrong = ~cells.isin(words)
    if wrong.any():
        raise BadValueError(where, f"column {cells.name} holds {first_of(cells[wrong].unique(), 3)} in row "
                                   f"{first_of(cells.index[wrong])}", f"use {', '.join(filter(None, words))}")
