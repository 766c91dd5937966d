"""Bring geometries into the study CRS, whole and finite, and say where they lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from lifecircle.datum import to_wgs84
from lifecircle.errors import BadValueError, ConfigError, EmptyTableError, first_of
from lifecircle.inputs.cells import rename_columns
from lifecircle.inputs.files import parse_crs, read_layer
from lifecircle.inputs.findings import Findings

WGS84 = "EPSG:4326"


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
    datum, crs = getattr(source, "datum", "wgs84"), getattr(source, "crs", None)
    if datum == "auto":
        raise ConfigError(path, 'datum = "auto" finds the datum of facilities and people alone, by roads and townships',
                          "declare it: wgs84, cgcs2000, gcj02 (Amap, Tencent) or bd09 (Baidu)")
    if getattr(source, "swapped", False):
        frame = _transformed(frame, lambda xy: xy[:, ::-1])
    frame = in_crs(frame, crs, path)
    if datum in {"gcj02", "bd09"}:
        frame = to_crs(frame, WGS84, path)
        frame = _transformed(frame, lambda xy: np.column_stack(to_wgs84(xy[:, 0], xy[:, 1], datum)))
    return frame


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


def _transformed(frame: gpd.GeoDataFrame, move: Callable[[Any], Any]) -> gpd.GeoDataFrame:
    moved = shapely.transform(frame.geometry.to_numpy(), move)
    return frame.set_geometry(gpd.GeoSeries(moved, index=frame.index, crs=frame.crs))


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
    shapes = shapely.force_2d(frame.geometry.to_numpy())
    _finite(shapes, frame, where, "has a coordinate that is no number")
    broken = (shapely.get_dimensions(shapes) == 2) & ~shapely.is_valid(shapes)
    if broken.any():
        shapes[broken] = [_polygons(shape) for shape in shapely.make_valid(shapes[broken])]
        findings.add("note", "geometry_repaired", f"{int(broken.sum())} polygons crossed themselves and were mended",
                     file=_name(where), id=first_of(frame.index[broken]), layer=layer, count=int(broken.sum()),
                     remedy="check their outlines")
    lost = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if keep_missing:
        return frame.set_geometry(gpd.GeoSeries(np.where(lost, None, shapes), index=frame.index, crs=frame.crs))
    if lost.all():
        raise EmptyTableError(where, "no feature has a geometry", "check the coordinate columns and the export")
    if lost.any():
        findings.add("warn", "geometry_missing", f"{int(lost.sum())} features without a position were left out",
                     file=_name(where), id=first_of(frame.index[lost]), layer=layer, count=int(lost.sum()),
                     remedy="give them coordinates")
    kept = frame[~lost]
    return kept.set_geometry(gpd.GeoSeries(shapes[~lost], index=kept.index, crs=frame.crs))


def _polygons(shape: shapely.Geometry) -> shapely.Geometry:
    """Keep the polygons of what a repair gave."""
    parts = [part for part in shapely.get_parts(shape) if shapely.get_dimensions(part) == 2]
    return shapely.union_all(parts) if len(parts) != 1 else parts[0]


def _name(where: str | Path) -> str:
    return where.name if isinstance(where, Path) else str(where)


def _finite(shapes: Any, frame: gpd.GeoDataFrame, where: str | Path, fault: str) -> None:
    xy, of = shapely.get_coordinates(shapes, return_index=True)
    wrong = np.unique(of[~np.isfinite(xy).all(axis=1)])
    if len(wrong):
        raise BadValueError(where, f"row {first_of(frame.index[wrong])} {fault}",
                            "check the coordinate system and whether longitude and latitude are swapped")


def to_crs(frame: gpd.GeoDataFrame, crs: str, where: str | Path) -> gpd.GeoDataFrame:
    """Reproject, and make sure that every coordinate came out finite.

    Raises
    ------
    BadValueError
        If a position lies outside what its CRS can hold; the rows are named.
    """
    if frame.crs.is_geographic:
        _check_degrees(frame, where)
    moved = frame.to_crs(crs)
    _finite(moved.geometry.to_numpy(), moved, where, f"lies outside what {crs} can hold")
    return moved


def _check_degrees(frame: gpd.GeoDataFrame, where: str | Path) -> None:
    """Make sure that degrees are degrees; the first row at fault is shown as it stands."""
    xy, of = shapely.get_coordinates(frame.geometry.to_numpy(), return_index=True)
    wrong = (np.abs(xy) > (360.0, 90.0)).any(axis=1)
    if not wrong.any():
        return
    (x, y), rows = xy[wrong][0], frame.index[np.unique(of[wrong])]
    row = f"row {rows[0]}" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "") + f": {x:.10g}, {y:.10g}"
    if abs(x) <= 90 and abs(y) <= 360:
        raise BadValueError(where, f"{row} looks swapped: the latitude stands first",
                            "exchange lon and lat in the mapping of columns, or set swapped = true"
                            if len(rows) == len(frame) else "exchange the two numbers in these rows")
    raise BadValueError(where, f"{row} is no position in degrees of longitude and latitude",
                        'if they are metres of a projection, give crs = "EPSG:…"; else correct the row')


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
