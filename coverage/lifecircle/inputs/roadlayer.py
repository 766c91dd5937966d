"""Read roads from a layer of lines: class words in Chinese or OSM's own, speed, direction, structure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, EmptyTableError, MissingColumnError, first_of
from lifecircle.inputs.cells import as_text, rename_columns
from lifecircle.inputs.files import read_layer
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.shapes import to_crs
from lifecircle.osmtags import CLASS_INDEX, RoadTags, parse_speed_kph, road_tags
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import LocalRoads, Roads

Array = npt.NDArray[Any]

#: The words of Chinese road registers (JTG B01 and city plans) -> OSM's classes.
CLASS_WORDS: dict[str, str] = {
    "高速公路": "motorway", "高速": "motorway", "国道": "trunk", "省道": "primary", "县道": "secondary",
    "乡道": "tertiary", "村道": "unclassified", "通组路": "unclassified", "快速路": "trunk", "主干路": "primary",
    "主干道": "primary", "次干路": "secondary", "次干道": "secondary", "支路": "residential", "步道": "footway",
    "人行道": "footway", "机耕道": "track", "台阶": "steps", "轮渡": "ferry", "渡口": "ferry",
    **{f"track_grade{grade}": "track" for grade in range(1, 6)},
}
_FLAGS = {"1": "yes", "true": "yes", "yes": "yes", "y": "yes", "t": "yes", "是": "yes", "-1": "-1",
          "0": "no", "false": "no", "no": "no", "n": "no", "f": "no", "否": "no", "": ""}
#: Directions in Geofabrik's shapefiles: F along the line, T against it, B both ways.
_DIRECTIONS = {"f": "yes", "t": "-1", "b": "no", "": ""}
_FLAG_COLUMNS = {"bridge": "bridge", "tunnel": "tunnel", "foot": "foot", "bicycle": "bicycle",
                 "motor": "motor_vehicle"}
_CLASS_COLUMNS = ("class", "road_class", "highway", "fclass")
#: No road is signed for more.
MOST_KPH = 150.0


def read_road_layer(path: Path, roads: Roads | LocalRoads, crs: str, findings: Findings | None = None) -> RoadNetwork:
    """Read a layer of lines as roads; lines meet where they share a vertex, not where they merely cross.

    Columns (after mapping): class, road_class, highway or fclass; optionally speed_kph, maxspeed_kph or maxspeed,
    oneway, bridge, tunnel, ferry, foot, bicycle, motor.

    Parameters
    ----------
    path : Path
    roads : Roads or LocalRoads
        Section of the run file, with ``columns`` and ``classes``.
    crs : str
        Study CRS.
    findings : Findings, optional
        Gets lines without length and speed limits that no road has, and while it is collecting the rows at fault.

    Raises
    ------
    MissingColumnError
        If there is no column of classes.
    BadValueError
        If a class word, a flag or a speed is not known, or a feature is no line.
    """
    findings = findings if findings is not None else Findings()
    layer = rename_columns(read_layer(path, crs=roads.crs), roads.columns, path)
    column = next((name for name in _CLASS_COLUMNS if name in layer.columns), None)
    if column is None:
        raise MissingColumnError(path, "no column class, road_class, highway or fclass, only "
                                 f"{first_of(layer.columns, 12)}",
                                 '[roads] columns = { class = "…" }')
    layer = layer[~(shapely.is_missing(layer.geometry) | shapely.is_empty(layer.geometry))]
    if layer.empty:
        raise EmptyTableError(path, "no road has a geometry", "check the export")
    layer = to_crs(layer.set_geometry(shapely.force_2d(layer.geometry.to_numpy()), crs=layer.crs), crs, path, findings)
    layer = _lines(layer, path, findings)
    classes = _classes(as_text(layer[column]), roads.classes, path, findings)
    layer, classes = layer[classes.notna()], classes.dropna()
    words = _tag_table(layer, classes, path, findings)
    kind = words.groupby(list(words.columns), sort=False).ngroup()  # many rows say the same
    read = [road_tags(row) for row in words[~kind.duplicated()].to_dict("records")]
    tags = [read[number] for number in kind]
    kept = [row for row in tags if row is not None]
    columns = {name: np.array([getattr(row, name) for row in kept]) for name in RoadTags._fields}
    return _network(layer[[row is not None for row in tags]], columns, path, crs, roads)


def _lines(layer: gpd.GeoDataFrame, path: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Keep the lines; those without length are no roads."""
    shapes = layer.geometry.to_numpy()
    line = shapely.get_dimensions(shapes) == 1
    if not line.all():
        rows = layer.index[~line]
        findings.fail(BadValueError(path, f"row {first_of(rows)} is no line", "keep the roads' lines alone"),
                      "geometry_no_line", id=first_of(rows, 20), count=len(rows))
    blank = line & (shapely.length(shapes) == 0)
    if blank.any():
        findings.add("note", "road_no_length", f"{int(blank.sum())} lines have no length and are left out",
                     file=path.name, id=f"way {first_of(layer.index[blank], 20)}", count=int(blank.sum()),
                     remedy="delete them")
    return layer[line & ~blank]


def _classes(words: pd.Series, own: Mapping[str, str], path: Path, findings: Findings) -> pd.Series:
    """Translate class words: the run file's own table first, then the built-in one, then OSM's words."""
    table = {**{name: name for name in CLASS_INDEX}, **CLASS_WORDS, **own}
    strange = sorted({word for word in own.values() if word not in CLASS_INDEX})
    if strange:
        raise BadValueError(path, f"[roads] classes names {first_of(strange)}, which is no OSM class",
                            f"use one of {', '.join(CLASS_INDEX)}")
    unknown = sorted(set(words) - set(table))
    if unknown:
        shown, rows = first_of([word or "(blank)" for word in unknown], 8), words.index[words.isin(unknown)]
        error = BadValueError(path, f"unknown road classes {shown}",
                              f'map them: [roads] classes = {{ "{unknown[0]}" = "residential" }}')
        if len(rows) == len(words):
            raise error
        findings.fail(error, "road_class_unknown", id=f"way {first_of(rows, 20)}", value=shown, count=len(rows))
    return words.map(table)


def _tag_table(layer: gpd.GeoDataFrame, classes: pd.Series, path: Path, findings: Findings) -> pd.DataFrame:
    """Give each line the tags that OSM would use."""
    rows: dict[str, pd.Series] = {"highway": classes}
    for ours, tag in _FLAG_COLUMNS.items():
        if ours in layer.columns:
            rows[tag] = _flags(layer[ours], ours, path, findings)
    if "oneway" in layer.columns:
        rows["oneway"] = _directions(layer["oneway"], path, findings, geofabrik="fclass" in layer.columns)
    ferry = classes == "ferry"
    if "ferry" in layer.columns:
        ferry |= _flags(layer["ferry"], "ferry", path, findings) == "yes"
    rows["route"] = ferry.map({True: "ferry", False: ""})
    for ours, tag in (("maxspeed", "maxspeed"), ("maxspeed_kph", "maxspeed"), ("speed_kph", "speed_kph")):
        if ours in layer.columns:
            rows[tag] = _speeds(layer[ours], path, findings)
    return pd.DataFrame(rows)


def _speeds(cells: pd.Series, path: Path, findings: Findings) -> pd.Series:
    """Read speeds as text; those that no road has are left out."""
    texts = as_text(cells)
    kph = texts.map(parse_speed_kph)
    wrong = (texts != "") & kph.isna() & (pd.to_numeric(texts, errors="coerce") != 0)
    if wrong.any():
        findings.fail(BadValueError(path, f"column {cells.name} holds {first_of(texts[wrong].unique(), 3)} in row "
                                          f"{first_of(cells.index[wrong])}", "give km/h, or leave the cell empty"),
                      "bad_speed", id=f"way {first_of(cells.index[wrong], 20)}", value=first_of(texts[wrong].unique()),
                      count=int(wrong.sum()))
    odd = kph > MOST_KPH
    if odd.any():
        findings.add("warn", "speed_implausible", f"column {cells.name}: {int(odd.sum())} speeds above {MOST_KPH:g} "
                     "km/h are left out", file=path.name, id=f"way {first_of(cells.index[odd], 20)}",
                     value=first_of(texts[odd].unique()), count=int(odd.sum()), remedy="correct them")
    return texts.mask(wrong | odd, "")


def _directions(cells: pd.Series, path: Path, findings: Findings, *, geofabrik: bool) -> pd.Series:
    """Read one-way flags, or the letters of Geofabrik, which are known by their B or by the column of classes.

    Raises
    ------
    BadValueError
        If there are F and T alone, which may as well be false and true.
    """
    words = as_text(cells).str.lower()
    told = set(words) - {""}
    if not told or not told <= set(_DIRECTIONS):
        return _flags(cells, "oneway", path, findings)
    if not geofabrik and "b" not in told:
        rows = words.index[words != ""]
        findings.fail(BadValueError(path, "column oneway holds F and T alone: false and true, or along the line and "
                                    "against it", "write 1, -1 and 0"),
                      "bad_flag", id=f"way {first_of(rows, 20)}", value=first_of(words[rows].str.upper().unique()),
                      count=len(rows))
    return words.map(_DIRECTIONS)


def _flags(cells: pd.Series, column: str, path: Path, findings: Findings) -> pd.Series:
    words = as_text(cells).str.lower()
    wrong = ~words.isin(list(_FLAGS))
    if wrong.any():
        findings.fail(BadValueError(path, f"column {column} holds {first_of(words[wrong].unique(), 3)}",
                                    "use 1, 0, yes, no, 是, 否 (oneway also -1), or leave the cell empty"),
                      "bad_flag", id=f"way {first_of(words.index[wrong], 20)}", value=first_of(words[wrong].unique()),
                      count=int(wrong.sum()))
    return words.map(_FLAGS).fillna("")


def _network(layer: gpd.GeoDataFrame, columns: dict[str, Array], path: Path, crs: str,
             roads: Roads | LocalRoads) -> RoadNetwork:
    """Cut lines at every vertex; vertices equal to the centimetre are one node."""
    parts, line_of_part = shapely.get_parts(layer.geometry.to_numpy(), return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    _, first, node = np.unique(np.rint(xy * 100).astype(np.int64), axis=0, return_index=True, return_inverse=True)
    node = node.reshape(-1)
    start = np.flatnonzero(part[1:] == part[:-1])
    start = start[node[start] != node[start + 1]]
    of = line_of_part[part[start]]
    named = {name: values[of] for name, values in columns.items()}
    return RoadNetwork.from_segments(crs, xy[first], node[start], node[start + 1], named.pop("road_class"),
                                     way_id=layer.index.to_numpy(dtype=np.int64)[of],
                                     source=path.name, quality=roads.quality or "register", **named)
