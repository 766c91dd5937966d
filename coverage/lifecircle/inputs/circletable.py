"""Read the circles of care of the old that an office has drawn: their places, their hubs, their state."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, ConfigError, MissingColumnError, NoMatchError, first_of
from lifecircle.inputs.cells import rename_columns
from lifecircle.inputs.files import read_table
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import plain
from lifecircle.inputs.joins import text_column
from lifecircle.inputs.names import split_names
from lifecircle.inputs.registers import STATUS_WORDS
from lifecircle.inputs.shapes import read_source, to_crs
from lifecircle.inputs.sheets import BOOKS
from lifecircle.plan import Circles
from lifecircle.runfile import RunFile

#: The three levels of the network, as the plan names them: 社区养老服务综合体, 日间照料中心, 养老服务驿站.
HUB_LEVELS: tuple[str, ...] = ("complex", "day_care", "station")
_TEXT = ("circle_id", "name", "place_codes", *HUB_LEVELS, "status", "year")
_SHEETS = (".csv", *BOOKS)


def read_circles(runfile: RunFile, places: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame, findings: Findings,
                 ) -> gpd.GeoDataFrame:
    """Read the circles of the run file.

    Parameters
    ----------
    runfile : RunFile
    places : GeoDataFrame
        Whose codes a circle may list.
    facilities : GeoDataFrame
        In the CRS of the study; hubs are named by facility_id or by a name that one facility of the layer bears.
    findings : Findings
        Gets the places that stand in several circles.

    Returns
    -------
    GeoDataFrame
        circle_id, name, place_codes and a column of facility ids per level (tuples), status, year, geometry (empty
        where the circle lists its places). Without a file it is empty.

    Raises
    ------
    MissingColumnError
        If circle_id is not there.
    BadValueError
        If an id stands twice, a status is no word of a register, or a circle has neither places nor an outline.
    NoMatchError
        If a place or a hub is not known.
    ConfigError
        If the layer of the circles is none of the run file's.
    """
    asked = runfile.circles
    if asked.file is None:
        return gpd.GeoDataFrame({name: [] for name in _TEXT}, geometry=[], crs=places.crs)
    if asked.layer not in runfile.layers:
        raise ConfigError(runfile.path, f"[circles] layer {asked.layer} is no layer of the run file",
                          f"layers of this run file: {first_of(runfile.layers, 12)}")
    path = runfile.resolve(asked.file)
    table = _read(path, asked, places, findings)
    if "circle_id" not in table.columns:
        raise MissingColumnError(path, f"no column circle_id; the columns are {first_of(table.columns, 12)}",
                                 "map it: [circles] columns = { circle_id = … }")
    told = gpd.GeoDataFrame({name: text_column(table, name) for name in _TEXT}, geometry=table.geometry)
    _check_ids(told, path)
    told["status"] = _states(told["status"], path)
    told["place_codes"] = [tuple(dict.fromkeys(split_names(text))) for text in told["place_codes"]]
    _check_places(told, places, path, findings)
    own = facilities[facilities["layer"] == asked.layer]
    for level in HUB_LEVELS:
        told[level] = [_hubs(text, own, path, level, row) for row, text in told[level].items()]
    return told.reset_index(drop=True)


def _read(path: Path, asked: Circles, places: gpd.GeoDataFrame, findings: Findings) -> gpd.GeoDataFrame:
    """Read a sheet, whose circles have no outline, or a layer of polygons."""
    if path.suffix.lower() not in _SHEETS:
        return to_crs(read_source(path, asked, findings), str(places.crs), path, findings)
    table = rename_columns(read_table(path, encoding=asked.encoding, columns=asked.columns, findings=findings),
                           asked.columns, path)
    return gpd.GeoDataFrame(table, geometry=[shapely.Polygon()] * len(table), crs=places.crs)


def _states(given: pd.Series, path: Path) -> pd.Series:
    """Give each circle its state in the words of a register; blank stays blank."""
    state = given.map(plain).str.lower().map({**STATUS_WORDS, "": ""})
    if state.isna().any():
        raise BadValueError(path, f"column status holds {first_of(given[state.isna()].unique())} in row "
                            f"{first_of(given.index[state.isna()])}", "use existing, building, planned or closed")
    return state


def _check_ids(told: gpd.GeoDataFrame, path: Path) -> None:
    wrong = (told["circle_id"] == "") | told["circle_id"].duplicated(keep=False)
    if wrong.any():
        raise BadValueError(path, f"circle_id is blank or stands twice in row {first_of(told.index[wrong])}",
                            "give each circle an id of its own")
    bare = (told["place_codes"] == "") & ~(told.geometry.area > 0)
    if bare.any():
        raise BadValueError(path, f"circle {first_of(told['circle_id'][bare])} has neither place_codes nor an outline",
                            "list its communities, or draw it")


def _check_places(told: gpd.GeoDataFrame, places: gpd.GeoDataFrame, path: Path, findings: Findings) -> None:
    listed = told["place_codes"].explode().dropna()
    strange = listed[~listed.isin(places["place_code"])]
    if len(strange):
        raise NoMatchError(path, f"place {first_of(strange)} in row {first_of(strange.index.unique())} is not known",
                           "use the codes of the places")
    twice = sorted(set(listed[listed.duplicated()]))
    if twice:
        findings.add("warn", "circle_places_twice", f"{len(twice)} places stand in several circles; each circle counts "
                     "their elders", file=path.name, id=first_of(twice), count=len(twice),
                     remedy="put each place into one circle")


def _hubs(text: str, own: gpd.GeoDataFrame, path: Path, level: str, row: object) -> tuple[str, ...]:
    found = []
    for word in split_names(text):
        named = own["facility_id"][(own["facility_id"] == word) | (own["name"] == word)]
        if len(named) != 1:
            raise NoMatchError(path, f"{level} {word} in row {row} is "
                               f"{'no facility' if named.empty else 'the name of several'}",
                               "use a facility_id of the layer")
        found.append(str(named.iloc[0]))
    return tuple(found)
