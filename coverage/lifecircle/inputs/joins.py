"""Join rows to townships and places by name and code, and report how."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd

from lifecircle.errors import first_of
from lifecircle.inputs.boundaries import neighbour_names
from lifecircle.inputs.cells import as_text
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.names import Places, Townships, other_kind, plain_name
from lifecircle.runfile import RunFile

#: Ground of a join -> severity, code, message and remedy.
_TOWNSHIP_JOINS = {
    "name not code": ("warn", "township_by_name", "bear the code of another township than they name; the name counts",
                      "bring the codes of both lists together"),
    "code not name": ("warn", "township_by_code", "name a township that is not known, and are joined by their code "
                      "alone", "correct the name: lists number townships differently"),
    "": ("note", "township_not_found", "name a township that is neither in the district nor a neighbour that is listed",
         "correct the name where it is meant to be one of them"),
}
_PLACE_JOINS = {
    "name": ("note", "place_by_name", "are joined to their place by name", ""),
    "loose": ("warn", "place_by_like_name", "bear the name of their place with another ending, or none, and are joined "
              "to it", "write the name in full"),
    "name not code": ("warn", "place_by_name", "bear the code of another place than they name, or of none; the name "
                      "counts", "bring the codes of both lists together"),
    "name alone": ("warn", "place_by_name", "name no township that is known, and are joined by the name of their place "
                   "alone", "name the township: another village may have borne the name"),
    "former": ("note", "place_former", "name a village that was merged, and count for the place it became", ""),
    "code not name": ("warn", "place_by_code", "bear a name that is not that of the place with their code, and are "
                      "joined by the code alone", "check the code: after mergers it may be another village's"),
    "": ("warn", "place_not_found", "name a place that is not known", "correct the name, or list it in merged_from of "
         "the place it became"),
}


def text_column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Give a column as text, or "" throughout where the table has none."""
    text = as_text(frame[name]) if name in frame.columns else pd.Series("", index=frame.index, dtype="str")
    return text.rename(name)


def named_township(frame: pd.DataFrame, townships: gpd.GeoDataFrame, runfile: RunFile, where: Path, findings: Findings,
                   *, layer: str = "") -> pd.Series:
    """Read which township each row names: by ``township``, else by its code; neighbours can be named too.

    Lists number townships differently, so a name counts before a code. Nine digits of a code mean twelve, and a
    12-digit place code stands in for a missing township code. What nobody bears is given back as it stands.

    Returns
    -------
    Series of str
        "" where a row names none. Findings tell which rows were joined by name against their code, and which by a code
        whose township bears another name.
    """
    names = {**neighbour_names(runfile), **dict(zip(townships["township_code"], townships["township"], strict=True))}
    given = text_column(frame, "township_code")
    given = given.where((given.str.len() != 9) | given.isin(list(names)), given + "000")
    place = text_column(frame, "place_code")
    implied = (place.str[:9] + "000").where(place.str.fullmatch(r"\d{12}"), "")
    given = given.where(given != "", implied.where(implied.isin(list(names)), ""))
    name = text_column(frame, "township")
    found = Townships(names).join(given, name)
    told = given + " " + name + " -> " + found["code"] + " " + found["code"].map(names).fillna("")
    _report(found["how"].mask(name == "", "code"), told, _TOWNSHIP_JOINS, where, findings, layer)
    return found["code"].rename("township_code")


def join_places(frame: pd.DataFrame, places: gpd.GeoDataFrame, where: Path, findings: Findings) -> pd.DataFrame:
    """Find the place of each row, by ``place`` (name), else by ``place_code``.

    Parameters
    ----------
    frame : DataFrame
        township_code, place_code, place; rows of a known township are sought in that alone, others in all.
    places : GeoDataFrame
        Of the district, with the names of merged villages in merged_from.

    Returns
    -------
    DataFrame
        code, and how it was found, as `names.Places.join` has it; rows that name nothing have neither. A code that is
        not known is dropped where the row's name is not known either. A village is not taken for the community of its
        name, nor this for that, where another row bears the whole name.
    """
    code, name = text_column(frame, "place_code"), text_column(frame, "place")
    home = places.set_index("place_code")["place"]
    township = frame["township_code"].where(frame["township_code"].isin(places["township_code"]), "")
    found = Places(places).join(code, name, township)
    twin = _twins(found, name, home)
    found = found.assign(code=found["code"].mask(twin | ((found["how"] == "") & (name != "")), ""),
                         how=found["how"].mask(twin, ""))
    told = code + " " + name + " -> " + found["code"] + " " + found["code"].map(home).fillna("")
    known = found["code"].map(home).fillna("")
    loose = (found["how"] == "name") & (name.map(plain_name) != known.map(plain_name))
    _report(found["how"].mask(loose, "loose").mask(name == "", "code"), told, _PLACE_JOINS, where, findings, "")
    return found


def _twins(found: pd.DataFrame, name: pd.Series, home: pd.Series) -> pd.Series:
    """Tell which rows are of the other kind than the place of their name, which another row of the table means."""
    known = found["code"].map(home).fillna("")
    whole = found["code"][(known != "") & (known.map(plain_name) == name.map(plain_name))]
    other = [other_kind(*pair) for pair in zip(name, known, strict=True)]
    return pd.Series(other, index=found.index, dtype=bool) & (found["how"] == "name") & found["code"].isin(whole)


def _report(how: pd.Series, told: pd.Series, joins: dict[str, tuple[str, str, str, str]], where: Path,
            findings: Findings, layer: str) -> None:
    for ground, (severity, code, what, remedy) in joins.items():
        rows = how == ground
        if rows.any():
            findings.add(severity, code, f"{int(rows.sum())} rows {what}", file=where.name, layer=layer, remedy=remedy,
                         id=first_of(how.index[rows], 20), value=first_of(told[rows].str.strip().unique(), 30),
                         count=int(rows.sum()))
