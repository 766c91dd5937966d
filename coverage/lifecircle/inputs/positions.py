"""Doubt the positions of single rows: slips of the pen, and another datum than that of the file."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, first_of
from lifecircle.inputs.cells import as_text
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import datum_word, plain

Array = npt.NDArray[np.bool_]

#: Degrees of no more decimals than this tell a place to a kilometre.
COARSE_DECIMALS = 2
#: Fewer points may be an example drawn by hand, in round figures.
LEAST_POINTS = 10
#: The number of its zone stands before the six digits of an easting.
_ZONE_M = 1_000_000.0


def doubt_positions(frame: gpd.GeoDataFrame, where: Path, findings: Findings, *, layer: str = "") -> gpd.GeoDataFrame:
    """Report points that are slips of the pen, and leave out those that cannot be right.

    Parameters
    ----------
    frame : GeoDataFrame
        As the file holds it: in degrees or in a projection, no datum converted.
    where : Path
    findings : Findings
    layer : str
        Facility layer named in findings.

    Raises
    ------
    BadValueError
        If longitude and latitude of a point are the same number; if the easting of a point has the number of its zone
        before it and those of most others have not, or the other way round.
    """
    shapes = frame.geometry.to_numpy()
    point = shapely.get_type_id(shapes) == 0
    x, y = shapely.get_x(shapes), shapely.get_y(shapes)
    wrong = np.zeros(len(frame), dtype=bool)
    if frame.crs.is_geographic:
        wrong = point & (x == y) & (x != 0)
        _fail(frame.index[wrong], x[wrong], y[wrong], "position_equal", "longitude and latitude are the same number",
              "enter the position anew", where, findings, layer)
        round_ = point & ~wrong & (np.round(x, COARSE_DECIMALS) == x) & (np.round(y, COARSE_DECIMALS) == y)
        round_ &= (x != 0) | (y != 0)
        if round_.any() and point.sum() >= LEAST_POINTS:
            findings.add("warn", "position_coarse", f"{int(round_.sum())} positions have {COARSE_DECIMALS} decimals or "
                         "fewer and are right to a kilometre at best", file=where.name, layer=layer,
                         id=first_of(frame.index[round_], 20), count=int(round_.sum()),
                         value=first_of(_pairs(x[round_], y[round_])), remedy="enter five decimals or more")
    elif point.any():
        zone = np.floor(x / _ZONE_M)
        usual = np.median(zone[point])
        wrong = point & (zone != usual) & ((zone == 0) | (usual == 0))
        _fail(frame.index[wrong], x[wrong], y[wrong], "zone_number", "the easting "
              + ("has the number of a zone before it, others have not" if usual == 0 else
                 "lacks the number of the zone that others have"), "write all eastings in one way", where, findings,
              layer)
    return frame[~wrong]


def _fail(rows: pd.Index, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], code: str, what: str, remedy: str,
          where: Path, findings: Findings, layer: str) -> None:
    if len(rows):
        findings.fail(BadValueError(where, f"row {first_of(rows)}: {what}", remedy), code, id=first_of(rows, 20),
                      value=first_of(_pairs(x, y)), layer=layer, count=len(rows))


def _pairs(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> list[str]:
    return [f"({a:.10g} {b:.10g})" for a, b in zip(x, y, strict=True)]


def datum_of_rows(frame: gpd.GeoDataFrame, datum: str, where: Path, findings: Findings, *, layer: str = "",
                  ) -> pd.Series:
    """Give each row its datum: that of the file, or where a few rows name another one in a column ``datum``, theirs.

    Where most rows name another, the file's counts and is in doubt.
    """
    stated = "wgs84" if datum == "cgcs2000" else datum
    whole = pd.Series(stated, index=frame.index, dtype="str")
    if "datum" not in frame.columns:
        return whole
    words = as_text(frame["datum"]).map(plain)
    told = words.map(datum_word)
    strange, other = (words != "") & (told == ""), (told != "") & (told != stated)
    most = bool(other.mean() > 0.5)
    for code, rows, what, remedy in (
            ("datum_word_unknown", strange, "rows name a datum that is not known; the file's counts",
             "write WGS84, CGCS2000, GCJ-02 or BD-09"),
            ("datum_contradicts", other & most, f"rows name another datum than the run file's {stated}, which counts",
             "ask where the coordinates come from, and correct the run file or the column"),
            ("datum_of_row", other & (not most), f"rows name another datum than the file's {stated}; they are read by "
             "their own word", "bring all rows to one datum")):
        if rows.any():
            findings.add("warn", code, f"{int(rows.sum())} {what}", file=where.name, layer=layer, remedy=remedy,
                         id=first_of(frame.index[rows], 20), value=first_of(words[rows].unique()),
                         count=int(rows.sum()))
    return whole if most else whole.mask(other, told)
