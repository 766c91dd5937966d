"""Bring geometries into the study CRS, whole and finite, and say where they lie."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.datum import DATUM_NAMES, to_wgs84
from lifecircle.errors import BadValueError, ConfigError, EmptyTableError, first_of
from lifecircle.inputs.cells import rename_columns
from lifecircle.inputs.files import parse_crs, read_layer, way_to
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import DATUM_HEAD, head_datum
from lifecircle.inputs.positions import datum_of_rows, doubt_positions

WGS84 = "EPSG:4326"
#: A mended outline whose area differs by no more than this share from what was drawn is not worth a warning.
SAME_AREA = 0.01


def read_source(path: Path, source: Any, findings: Findings, *, columns: dict[str, str] | None = None,
                layer: str = "", keep_missing: bool = False) -> gpd.GeoDataFrame:
    """Read a layer as a table of the run file describes it: columns, encoding, CRS, datum; geometries cleaned.

    Parameters
    ----------
    path : Path
    source : FileSource
        Its ``columns``, ``encoding``, ``crs``, ``datum`` and ``swapped`` are used.
    findings : Findings
        Gets what was dropped or repaired.
    columns : dict, optional
        Used instead of ``source.columns``.
    layer : str
        Facility layer named in findings.
    keep_missing : bool
        Keep features without geometry.

    Returns
    -------
    GeoDataFrame
        In the file's CRS, or in EPSG:4326 where a datum was converted.

    Raises
    ------
    ConfigError
        If the datum is still ``auto``: `lifecircle.inputs.datums` settles it for facilities and people.
    """
    frame = read_raw(path, source, findings, columns=columns, layer=layer, keep_missing=keep_missing)
    return in_place(frame, source, path, findings, layer=layer)


def in_place(frame: gpd.GeoDataFrame, source: Any, path: Path, findings: Findings, *, layer: str = "",
             ) -> gpd.GeoDataFrame:
    """Read raw coordinates as a table of the run file says: order of axes, CRS, datum; rows at fault are left out.

    Raises
    ------
    ConfigError
        As for `read_source`.
    BadValueError
        If a position cannot be right.
    """
    datum, crs = datum_of(frame, source), getattr(source, "crs", None)
    if datum == "auto":
        raise ConfigError(path, 'datum = "auto" finds the datum of facilities and people alone, by roads and townships',
                          "declare it: wgs84, cgcs2000, gcj02 (Amap, Tencent) or bd09 (Baidu)")
    frame = _without_head(frame, datum, getattr(source, "datum", None), path, findings, layer)
    if getattr(source, "swapped", False):
        frame = _transformed(frame, lambda xy: xy[:, ::-1])
    frame = doubt_positions(in_crs(frame, crs, path), path, findings, layer=layer)
    datums = datum_of_rows(frame, datum, path, findings, layer=layer)
    if datums.isin(["gcj02", "bd09"]).any():
        frame = to_crs(frame, WGS84, path, findings, layer=layer)
        for name in ("gcj02", "bd09"):
            frame = _transformed(frame, partial(_unshifted, datum=name), (datums[frame.index] == name).to_numpy())
    return frame


def datum_of(frame: pd.DataFrame, source: Any) -> str:
    """Give the datum of coordinates from `read_raw`: the run file's word, else that of their heads, else WGS 84.

    Parameters
    ----------
    source : FileSource
        Its ``datum``, None where the run file does not say it.
    """
    return getattr(source, "datum", None) or _datum_told(frame) or "wgs84"


def _datum_told(frame: pd.DataFrame) -> str:
    return head_datum(str(frame[DATUM_HEAD].iloc[0])) if DATUM_HEAD in frame.columns and len(frame) else ""


def _without_head(frame: gpd.GeoDataFrame, datum: str, stated: str | None, path: Path, findings: Findings, layer: str,
                  ) -> gpd.GeoDataFrame:
    """Say what was concluded from the head of the coordinates, and take it off."""
    told = _datum_told(frame)
    if told:
        head = str(frame[DATUM_HEAD].iloc[0])
        read = f"coordinates read as {DATUM_NAMES.get(datum, DATUM_NAMES['wgs84'])}"
        if stated is None:
            findings.add("note", "datum_of_head", f"{read}: so says the head {head}", file=path.name, layer=layer,
                         value=head, count=len(frame))
        elif told != datum and (told, datum) != ("wgs84", "cgcs2000"):
            findings.add("warn", "datum_head_differs", f"{read}, but the head {head} says {DATUM_NAMES[told]}; the run "
                         "file counts", file=path.name, layer=layer, value=head, count=len(frame),
                         remedy="ask where the coordinates come from, and correct the head or datum")
    return frame.drop(columns=DATUM_HEAD, errors="ignore")


def read_raw(path: Path, source: Any, findings: Findings, *, columns: dict[str, str] | None = None, layer: str = "",
             keep_missing: bool = False, crs: str | None = None) -> gpd.GeoDataFrame:
    """Read a layer with its coordinates as they stand in the file: no axes swapped, no datum converted.

    Parameters
    ----------
    crs : str, optional
        CRS to assume where neither file nor run file names one.
    """
    columns = source.columns if columns is None else columns
    frame = read_layer(path, encoding=getattr(source, "encoding", None), crs=getattr(source, "crs", None) or crs,
                       lon=columns.get("lon", "lon"), lat=columns.get("lat", "lat"),
                       sheet=getattr(source, "sheet", None), columns=columns, findings=findings)
    return clean(rename_columns(frame, columns, path), path, findings, layer=layer, keep_missing=keep_missing)


def in_crs(frame: gpd.GeoDataFrame, crs: str | None, where: str | Path) -> gpd.GeoDataFrame:
    """Take the CRS of the run file for numbers that cannot be the degrees that a file stands for."""
    if crs and frame.crs.is_geographic and not in_degrees(shapely.get_coordinates(frame.geometry.to_numpy())):
        return frame.set_crs(parse_crs(crs, where), allow_override=True)
    return frame


def in_degrees(xy: Any) -> bool:
    """Tell whether most coordinates (n, 2) can be degrees."""
    return bool(np.median(np.abs(xy)) <= 360.0) if len(xy) else True


def _unshifted(xy: Any, datum: str) -> Any:
    return np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], datum))


def _transformed(frame: gpd.GeoDataFrame, move: Callable[[Any], Any], rows: Any = slice(None)) -> gpd.GeoDataFrame:
    shapes = frame.geometry.to_numpy().copy()
    shapes[rows] = shapely.transform(shapes[rows], move)
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def clean(frame: gpd.GeoDataFrame, where: str | Path, findings: Findings, *, layer: str = "",
          keep_missing: bool = False) -> gpd.GeoDataFrame:
    """Drop heights and features without geometry, mend polygons that cross themselves; report both.

    Raises
    ------
    EmptyTableError
        If no feature has a geometry.
    BadValueError
        If a coordinate is not finite.
    """
    frame = _finite(frame.set_geometry(shapely.force_2d(frame.geometry.to_numpy()), crs=frame.crs), where,
                    "has a coordinate that is no number", findings, layer)
    shapes = _mended(frame, where, findings, layer)
    lost = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if keep_missing:
        return frame.set_geometry(gpd.GeoSeries(np.where(lost, None, shapes), index=frame.index, crs=frame.crs))
    if lost.all():
        raise EmptyTableError(where, "no feature has a geometry", "check the coordinate columns and the export")
    if lost.any():
        findings.add("warn", "geometry_missing", f"{int(lost.sum())} features without a position were left out",
                     file=_name(where), id=first_of(frame.index[lost], 20), layer=layer, count=int(lost.sum()),
                     remedy="give them coordinates")
    kept = frame[~lost]
    return kept.set_geometry(gpd.GeoSeries(shapes[~lost], index=kept.index, crs=frame.crs))


def _mended(frame: gpd.GeoDataFrame, where: str | Path, findings: Findings, layer: str) -> Any:
    """Mend polygons that cross themselves; where that changes what they cover it is a warning."""
    shapes = frame.geometry.to_numpy().copy()
    broken = (shapely.get_dimensions(shapes) == 2) & ~shapely.is_valid(shapes)
    if not broken.any():
        return shapes
    drawn = shapely.area(shapes[broken])
    shapes[broken] = [_polygons(shape) for shape in shapely.make_valid(shapes[broken])]
    other = np.zeros(len(frame), dtype=bool)
    other[broken] = np.abs(shapely.area(shapes[broken]) - drawn) > SAME_AREA * drawn
    for severity, rows, what in (("warn", other, "; they cover another area than was drawn"),
                                 ("note", broken & ~other, "")):
        if rows.any():
            findings.add(severity, "geometry_repaired", f"{int(rows.sum())} polygons crossed themselves and were "
                         f"mended{what}", file=_name(where), id=first_of(frame.index[rows], 20), layer=layer,
                         count=int(rows.sum()), remedy="check their outlines")
    return shapes


def _polygons(shape: shapely.Geometry) -> shapely.Geometry:
    """Keep the polygons of what a repair gave."""
    parts = [part for part in shapely.get_parts(shape) if shapely.get_dimensions(part) == 2]
    return shapely.union_all(parts) if len(parts) != 1 else parts[0]


def _name(where: str | Path) -> str:
    return where.name if isinstance(where, Path) else str(where)


def _finite(frame: gpd.GeoDataFrame, where: str | Path, fault: str, findings: Findings, layer: str,
            ) -> gpd.GeoDataFrame:
    """Leave out rows with a coordinate that is not finite."""
    xy, of = shapely.get_coordinates(frame.geometry.to_numpy(), return_index=True)
    wrong = np.unique(of[~np.isfinite(xy).all(axis=1)])
    if not len(wrong):
        return frame
    rows = frame.index[wrong]
    error = BadValueError(where, f"row {first_of(rows)} {fault}",
                          "check the coordinate system and whether longitude and latitude are swapped")
    return _left_out(frame, rows, error, "position_impossible", findings, layer)


def _left_out(frame: gpd.GeoDataFrame, rows: pd.Index, error: BadValueError, code: str, findings: Findings,
              layer: str, value: str = "") -> gpd.GeoDataFrame:
    """Leave out rows at fault; where nothing remains the error stands for the whole file."""
    if len(rows) == len(frame):
        raise error
    findings.fail(error, code, id=first_of(rows, 20), value=value, layer=layer, count=len(rows))
    return frame.drop(index=rows)


def to_crs(frame: gpd.GeoDataFrame, crs: str, where: str | Path, findings: Findings | None = None, *,
           layer: str = "") -> gpd.GeoDataFrame:
    """Reproject, and make sure that every coordinate came out finite.

    Parameters
    ----------
    findings : Findings, optional
        While it is collecting it gets the rows at fault, which are left out.

    Raises
    ------
    BadValueError
        If a position lies outside what its CRS can hold; the rows are named.
    ConfigError
        If no way leads from its CRS to the other.
    """
    findings = findings if findings is not None else Findings()
    if frame.crs.is_geographic:
        frame = _in_degrees(frame, where, findings, layer)
    with way_to(crs, where):
        projected = frame.to_crs(crs)
    moved = _finite(projected, where, f"lies outside what {crs} can hold", findings, layer)
    shapes = moved.geometry.to_numpy()
    broken = (shapely.get_dimensions(shapes) == 2) & ~shapely.is_valid(shapes)  # a sliver may cross itself anew
    if not broken.any():
        return moved
    mended = np.array(shapes)
    mended[broken] = [_polygons(shape) for shape in shapely.make_valid(mended[broken])]
    return moved.set_geometry(gpd.GeoSeries(mended, index=moved.index, crs=moved.crs))


def _in_degrees(frame: gpd.GeoDataFrame, where: str | Path, findings: Findings, layer: str) -> gpd.GeoDataFrame:
    """Make sure that degrees are degrees; the first row at fault is shown as it stands."""
    xy, of = shapely.get_coordinates(frame.geometry.to_numpy(), return_index=True)
    wrong = (np.abs(xy) > (360.0, 90.0)).any(axis=1)
    swapped = wrong & (np.abs(xy) <= (90.0, 360.0)).all(axis=1)
    most, index = 2 * len(np.unique(of[swapped])) > len(frame), frame.index
    for code, at, what, remedy in (
            ("position_swapped", swapped, "looks swapped: the latitude stands first",
             "exchange lon and lat in the mapping of columns, or set swapped = true" if most else
             "exchange the two numbers in these rows"),
            ("position_impossible", wrong & ~swapped, "is no position in degrees of longitude and latitude",
             'if they are metres of a projection, give crs = "EPSG:…"; else correct the row')):
        if at.any():
            (x, y), rows = xy[at][0], index[np.unique(of[at])]
            row = f"row {rows[0]}" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "") + f": {x:.10g}, {y:.10g}"
            frame = _left_out(frame, rows, BadValueError(where, f"{row} {what}", remedy), code, findings, layer,
                              f"{x:.10g}, {y:.10g}")
    return frame


def local_crs(lon: float, lat: float) -> str:
    """Name the metric CRS of a position: CGCS2000 in 3-degree zones in the longitudes of China, else UTM.

    Examples
    --------
    >>> local_crs(106.76, 31.85), local_crs(1.5, 42.5), local_crs(-70.6, -33.4)
    ('EPSG:4545', 'EPSG:32631', 'EPSG:32719')
    """
    if 73.5 <= lon <= 136.5 and 3.0 <= lat <= 54.0:
        return f"EPSG:{4534 + min(max(round(lon / 3), 25), 45) - 25}"
    return f"EPSG:{(32600 if lat >= 0 else 32700) + min(int((lon + 180) // 6) + 1, 60)}"


def locate(shapes: gpd.GeoSeries, townships: gpd.GeoDataFrame) -> Any:
    """Give the code of the township that each geometry lies in, by the points on the surface of its parts.

    Parameters
    ----------
    shapes : GeoSeries
        In the CRS of the townships.

    Returns
    -------
    (k,) array of str
        That of the largest part (of points, the first) that lies in any; "" outside all. On a shared border the
        township that comes first in the table.
    """
    parts, row = shapely.get_parts(shapes.to_numpy(), return_index=True)
    at, of = shapely.STRtree(townships.geometry.to_numpy()).query(shapely.point_on_surface(parts),
                                                                  predicate="intersects")
    codes = np.full(len(shapes), "", dtype=object)
    order = np.lexsort((of, at, -shapely.area(parts[at]), row[at]))[::-1]
    codes[row[at[order]]] = townships["township_code"].to_numpy(dtype=object)[of[order]]
    return codes
