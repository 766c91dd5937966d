"""Settle the township and the urban-rural class of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, first_of
from lifecircle.inputs.boundaries import name_kind, neighbour_names
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.joins import named_township, text_column
from lifecircle.inputs.shapes import locate
from lifecircle.runfile import RunFile

#: Codes of the National Bureau of Statistics; 1xx is the urban side.
URBAN_RURAL_CODES = ("111", "112", "121", "122", "123", "210", "220")
CLASS_WORDS = {"urban": "urban", "rural": "rural", "城市": "urban", "城镇": "urban", "农村": "rural", "乡村": "rural",
                "": ""}
STREET = "街道"
#: What registers call a kind of township -> ours.
KIND_WORDS = {
    "街道": "街道", "街道办事处": "街道", "street": "街道", "subdistrict": "街道", "镇": "镇", "town": "镇", "乡": "乡",
    "民族乡": "乡", "township": "乡",
}
#: The rules that a policy may choose: codes 1xx, codes 111 and 112 alone, or the kind of the township.
CLASS_RULES = ("1xx", "111_112", "streets")
#: Borders are drawn and positions rounded: a row so near to the township that it names is not worth a word.
BORDER_M = 100.0


def assign_township(frame: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, runfile: RunFile, where: Path,
                    findings: Findings, *, layer: str = "", near_only: bool = False) -> pd.Series:
    """Give each row its township: the one it names if that is in the district, else the one it lies in, else "".

    A row names its township as `named_township` has it. A row that names a neighbour stays a neighbour, even where it
    lies just inside the district's outline.

    Parameters
    ----------
    layer : str
        Facility layer named in findings.
    near_only : bool
        Whether a name counts only within `BORDER_M` of the township; beyond it the position does.
    """
    known, elsewhere = townships["township_code"], list(neighbour_names(runfile))
    given = named_township(frame, townships, runfile, where, findings, layer=layer)
    position = pd.Series(locate(frame.geometry, townships), index=frame.index, dtype="str")
    beside = given.isin(elsewhere)
    if near_only and beside.any():
        outline = shapely.boundary(shapely.union_all(townships.geometry.to_numpy()))
        beside &= shapely.distance(frame.geometry.to_numpy(), outline) <= BORDER_M
    position = position.mask(beside, "")
    name = text_column(frame, "township").where(given == "", "")
    unknown = ((given != "") & ~given.isin(known) | (name != "")) & (position != "")
    if unknown.any():
        findings.add("warn", "township_unknown", f"{int(unknown.sum())} rows name a township that is not in the "
                     "district but lie in one that is; the position counts", file=where.name, layer=layer,
                     id=first_of(frame.index[unknown], 20), value=first_of((given + name)[unknown].unique()),
                     count=int(unknown.sum()), remedy="correct the names or codes")
    differs = given.isin(known) & (position != given)
    own = townships.set_index("township_code").geometry.reindex(given[differs]).to_numpy()
    differs[differs] = shapely.distance(frame.geometry[differs].to_numpy(), own) > BORDER_M
    if differs.any():
        findings.add("warn", "township_differs", f"{int(differs.sum())} rows lie more than {BORDER_M:.0f} m outside "
                     f"the township they name; the {'position' if near_only else 'name'} counts", file=where.name,
                     id=first_of(frame.index[differs], 20), value=first_of(given[differs].unique()), layer=layer,
                     count=int(differs.sum()), remedy="check coordinates, datum and codes")
    return given.where(given.isin(known) & ~(differs & near_only), position)


def classify(frame: pd.DataFrame, townships: gpd.GeoDataFrame, rule: str, where: Path) -> pd.DataFrame:
    """Settle urban or rural for each row, and say on what ground.

    Parameters
    ----------
    frame : DataFrame
        township_code, and where known urban_rural_code, code_source, class, class_source, place_code.
    rule : str
        ``1xx``, ``111_112`` or ``streets``, as a policy's ``class_rule``.

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
    check_words(own, tuple(CLASS_WORDS), where)
    own = own.map(CLASS_WORDS)
    kind = frame["township_code"].map(township_kinds(townships))
    committee = _committee_code(text_column(frame, "place_code"), kind)
    grounds = [(rule == "streets", np.where(kind == STREET, "urban", "rural"), "township kind"),
               (code != "", _by_code(code, rule), "urban_rural_code"),
               (own != "", own, "class column"),
               (committee != "", _by_code(committee, rule), "committee kind")]
    masks = [np.broadcast_to(np.asarray(mask), len(frame)) for mask, _, _ in grounds]
    settled = np.select(masks, [np.asarray(values, dtype=object) for _, values, _ in grounds], default="")
    source = np.select(masks, [ground for _, _, ground in grounds], default="")
    return pd.DataFrame({"class": pd.Series(settled, index=frame.index, dtype="str"),
                         "class_source": _named_source(pd.Series(source, index=frame.index, dtype="str"), frame, rule)})


def township_kinds(townships: gpd.GeoDataFrame) -> dict[str, str]:
    """Give each township's kind by its code: 街道, 镇, 乡, or "" where neither its kind nor its name says it."""
    said, name = text_column(townships, "kind").str.lower(), townships["township"].map(name_kind)
    kind = said.map(KIND_WORDS).fillna(name)
    return dict(zip(townships["township_code"], kind, strict=True))


def _by_code(code: pd.Series, rule: str) -> Any:
    urban = code.isin({"111", "112"}) if rule == "111_112" else code.str.startswith("1")
    return np.where(urban, "urban", "rural")


def _committee_code(place_code: pd.Series, township_kind: pd.Series) -> Any:
    """Guess the urban-rural code from the committee's number in a 12-digit place code and the kind of the township.

    001-199 is a residents' committee: 111 in a street, 210 in a 乡, else 121; 200-399 a villagers' committee: 220.
    """
    number = pd.to_numeric(place_code.str[-3:].where(place_code.str.fullmatch(r"\d{12}"), None)).fillna(0)
    resident = number.between(1, 199)
    return pd.Series(np.select([resident & (township_kind == STREET), resident & (township_kind == "乡"), resident,
                                number.between(200, 399)], ["111", "210", "121", "220"], default=""),
                     index=place_code.index, dtype="str")


def _named_source(source: pd.Series, frame: pd.DataFrame, rule: str) -> pd.Series:
    """Say with a ground where and when it was told, and by which rule a code was read."""
    named, told = text_column(frame, "class_source"), text_column(frame, "code_source")
    by_code = "urban_rural_code" + (" (" + told + ")").where(told != "", "") + f", rule {rule}"
    named = named.where(named != "", told)
    source = source.mask((source == "class column") & (named != ""), named)
    return source.mask(source == "urban_rural_code", by_code)


def with_known_words(frame: gpd.GeoDataFrame, where: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Give a table whose columns urban_rural_code and class, where it has them, hold none but known words.

    Raises
    ------
    BadValueError
        As for `check_words`.
    """
    known = {"urban_rural_code": (*URBAN_RURAL_CODES, ""), "class": tuple(CLASS_WORDS)}
    return frame.assign(**{name: check_words(text_column(frame, name).str.lower(), words, where, findings)
                           for name, words in known.items() if name in frame.columns})


def check_words(cells: pd.Series, words: tuple[str, ...], where: Path, findings: Findings | None = None) -> pd.Series:
    """Make sure that a named column holds none but these words.

    Parameters
    ----------
    findings : Findings, optional
        While it is collecting it gets the cells at fault, and the commonest word stands in for them.

    Raises
    ------
    BadValueError
        If it does; the words, the rows and what may stand there are named.
    """
    wrong = ~cells.isin(words)
    if wrong.any():
        findings = findings if findings is not None else Findings()
        findings.fail(BadValueError(where, f"column {cells.name} holds {first_of(cells[wrong].unique(), 3)} in row "
                                           f"{first_of(cells.index[wrong])}", f"use {', '.join(filter(None, words))}"),
                      "word_unknown", id=first_of(cells.index[wrong], 20), value=first_of(cells[wrong].unique()),
                      count=int(wrong.sum()))
        cells = cells.mask(wrong, next(iter(cells[~wrong].mode()), ""))
    return cells
