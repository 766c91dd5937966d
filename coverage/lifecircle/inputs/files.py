"""Read one table or layer from disk, after looking at what the file really holds."""

from __future__ import annotations

import glob
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

# GDAL reads the list when it registers its drivers. Left out are those that open other files or addresses, and those
# that no input here is in, so that no content can choose them.
SKIPPED_DRIVERS = (
    "OGR_VRT", "GDALG", "HTTP", "WFS", "OAPIF", "OGCAPI", "CSW", "Carto", "AmigoCloud", "Elasticsearch", "NGW",
    "PLSCENES", "EEDA", "GeoRSS", "GPSBabel", "ADBC", "SQLite", "GML", "LVBAG", "OSM", "PDF", "GTFS", "MBTiles", "MVT",
    "PMTiles", "OpenFileGDB", "S57", "DXF", "DGN", "EDIGEO", "VFK", "PGDUMP", "ODS", "XLSX", "MapML", "PCIDSK", "PDS4",
    "VICAR", "AIVector", "AVCBin", "AVCE00", "MiraMonVector", "OGR_PDS", "SXF", "Selafin", "WAsP", "VDV", "Idrisi",
    "JML", "GPX", "MapInfo File", "OGR_GMT", "CSV")
_GIVEN, _FIRST = os.environ.get("GDAL_SKIP", ""), "pyogrio" not in sys.modules
os.environ["GDAL_SKIP"] = ",".join([*filter(None, _GIVEN.split(",")), *SKIPPED_DRIVERS])

import geopandas as gpd  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import pyogrio  # noqa: E402
import pyogrio.errors  # noqa: E402

os.environ["GDAL_SKIP"] = _GIVEN  # rasterio has a GDAL of its own, which would complain of names that it does not know

from pyproj import CRS, Transformer  # noqa: E402
from pyproj.exceptions import CRSError, ProjError  # noqa: E402

from lifecircle.errors import (  # noqa: E402
    ConfigError,
    EmptyTableError,
    InputError,
    LifecircleError,
    MissingColumnError,
    MissingCrsError,
    MissingFileError,
    UnreadableFileError,
    first_of,
)
from lifecircle.inputs.cells import as_numbers  # noqa: E402
from lifecircle.inputs.findings import Findings  # noqa: E402
from lifecircle.inputs.headers import DATUM_HEAD, head_datum, recognise  # noqa: E402
from lifecircle.inputs.sheets import BOOKS, check_archive, looks_chinese, read_sheet  # noqa: E402

_FORBIDDEN = ("://", "<", "{", "\0")
_HEAD_BYTES = 65_536
#: Nothing but remarks may stand before the root: no document type, by which XML pulls other files in.
_KML = re.compile(rb"(<\?xml[^<>]*\?>)?\s*(<!--(?:[^-]|-(?!->))*-->\s*)*<kml[\s>]")



def loaded_drivers() -> list[str]:
    """List the drivers of GDAL that should be off and are on, as where another package loaded GDAL first.

    The content of every file is looked at before GDAL sees it, so that none of them is asked; this is the second bar.
    """
    return sorted(set(SKIPPED_DRIVERS) & set(pyogrio.list_drivers()))


if _FIRST and loaded_drivers():
    raise LifecircleError(f"GDAL has loaded {first_of(loaded_drivers())} in spite of GDAL_SKIP; reinstall pyogrio")


def check_name(name: str | Path) -> None:
    """Refuse names that a reader might take for an address, an archive path or inline content.

    Raises
    ------
    UnreadableFileError
        If the name holds ``://``, ``<``, ``{`` or NUL, or begins with ``/vsi`` as GDAL's virtual files do.
    """
    found = [mark for mark in _FORBIDDEN if mark in str(name)] + ["/vsi"] * str(name).startswith("/vsi")
    if found:
        raise UnreadableFileError(str(name).replace("\0", "\\0")[:200], f"a file name may not hold {found[0]!r}",
                                  "copy the file beside the run file and name it")


def existing_file(path: str | Path, *, where: str = "the run file") -> Path:
    """Give the path of a file that is there; `where` is what messages call relative paths relative to.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If it is not there; if it is a directory, empty, or has a name that is refused.
    """
    check_name(path)
    path = Path(path)
    if path.is_dir():
        raise UnreadableFileError(path, "is a directory, not a file", "name the file inside it")
    if not path.is_file():
        raise MissingFileError(path, "no such file", f"check the name; paths are relative to {where}")
    try:
        if path.stat().st_size == 0:
            raise EmptyTableError(path, "the file is empty", "export it again")
        _check_company(path)
        with path.open("rb"):
            return path
    except OSError as error:
        raise UnreadableFileError(path, f"cannot be opened: {error.strerror}", "check its permissions") from error


def _check_company(path: Path) -> None:
    """Refuse a file beside which a link leads elsewhere: readers open what bears the same name, such as a .dbf."""
    home = path.resolve().parent
    beside = [*home.glob(f"{glob.escape(path.stem)}.*"), *home.glob(f"{glob.escape(path.name)}[-.]*")]
    strange = [item.name for item in beside if item.is_symlink() and item.resolve().parent != home]
    if strange:
        raise UnreadableFileError(path, f"{first_of(strange)} beside it is a link to another folder",
                                  "copy the file itself there")


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_HEAD_BYTES)


def _content(head: bytes) -> str:
    """Name what the first bytes of a file look like."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    magics = ((b"SQLite format 3\0", "GeoPackage"), (b"PAR1", "Parquet"), (b"fgb\x03", "FlatGeobuf"),
              (b"\x00\x00\x27\x0a", "Shapefile"), (b"PK\x03\x04", "a zip archive"),
              (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel book"))
    for magic, name in magics:
        if head.startswith(magic):
            return name
    if text[:1] == b"<":
        if b"<OGRVRT" in head:
            return "VRT"
        return "KML" if _KML.match(text) else "XML"
    if text[:1] in b"{[" and text:
        return "a GDAL pipeline" if b"gdal_streamed_alg" in head else "GeoJSON"
    return "binary data" if b"\0" in head else "text"


_EXPECTED = {".geojson": "GeoJSON", ".json": "GeoJSON", ".gpkg": "GeoPackage", ".shp": "Shapefile",
             ".fgb": "FlatGeobuf", ".kml": "KML", ".csv": "text", ".parquet": "Parquet", ".xlsx": "a zip archive",
             ".ods": "a zip archive", ".xls": "an old Excel book"}
_SHEETS = (".csv", *BOOKS)
_ARCHIVES = {".zip", ".kmz", ".7z", ".rar", ".gz", ".tgz", ".tar", ".bz2", ".xz"}


def _checked(path: str | Path, known: tuple[str, ...]) -> Path:
    """Give an existing file whose suffix is known and whose content is what the suffix says."""
    path = existing_file(path)
    suffix = path.suffix.lower()
    if suffix in _ARCHIVES:
        raise UnreadableFileError(path, "is an archive", "unpack it and name the file inside")
    if suffix not in known:
        raise UnreadableFileError(path, f"files of type {suffix or '(none)'} are not read here",
                                  f"use one of {', '.join(known)}")
    content = _content(_head(path))
    if content != _EXPECTED[suffix]:
        if suffix in BOOKS:
            raise UnreadableFileError(path, f"content is {content}, not a book of Excel",
                                      "give it the name it deserves (.csv for text), or save it again as .xlsx")
        raise UnreadableFileError(path, f"content is {content}, expected {_EXPECTED[suffix]}",
                                  "export the file again in the format its name says")
    return path


def read_layer(path: str | Path, *, encoding: str | None = None, crs: str | None = None, lon: str = "lon",
               lat: str = "lat", sheet: str | None = None, columns: Mapping[str, str] | None = None,
               findings: Findings | None = None) -> gpd.GeoDataFrame:
    """Read a layer of features.

    Parameters
    ----------
    path : str or Path
        .geojson, .json, .gpkg, .shp, .fgb, .kml, .parquet, or a sheet (.csv, .xlsx, .xls, .ods) with two columns of
        coordinates.
    encoding : str, optional
        Character set of a CSV or a shapefile; found by looking where it is not given.
    crs : str, optional
        CRS to assume where the file names none; a sheet stands for degrees.
    lon, lat : str
        Columns of a sheet (or a Parquet file without geometry) that hold the position; where there are none of that
        name, those with a head that is known (经度, 纬度 …).
    sheet : str, optional
        Sheet of a book.
    columns : mapping, optional
        Our column -> the file's; helps to find the row of names.
    findings : Findings, optional
        Gets what was left out or is no number.

    Returns
    -------
    GeoDataFrame
        In the file's CRS; the index counts features from 1, rows of a sheet as a spreadsheet does. Features
        without geometry are kept.

    Raises
    ------
    InputError
        The child that fits: missing, unreadable, empty, without CRS, without the columns.
    """
    path = _checked(path, tuple(_EXPECTED))
    suffix = path.suffix.lower()
    if suffix in _SHEETS:
        table = _sheet(path, encoding, sheet, columns, findings)
        layer = _points(table, path, lon, lat, findings)
    elif suffix == ".parquet":
        layer = _read_parquet(path, lon, lat, findings)
    else:
        layer = _read_gdal(path, encoding)
    if layer.empty:
        raise EmptyTableError(path, "the layer has no feature", "check the export")
    return _with_crs(layer, path, crs)


def read_table(path: str | Path, *, encoding: str | None = None, sheet: str | None = None,
               columns: Mapping[str, str] | None = None, findings: Findings | None = None) -> pd.DataFrame:
    """Read a table; the geometry of a layer, if there is one, is left out.

    Raises
    ------
    InputError
        As for `read_layer`.
    """
    path = _checked(path, tuple(_EXPECTED))
    suffix = path.suffix.lower()
    if suffix in _SHEETS:
        table = _sheet(path, encoding, sheet, columns, findings)
    elif suffix == ".parquet":
        table = _guard(path, lambda: pd.read_parquet(path)).drop(columns="geometry", errors="ignore")
    else:
        table = pd.DataFrame(_read_gdal(path, encoding).drop(columns="geometry"))
    if table.empty:
        raise EmptyTableError(path, "the table has no row", "check the export")
    return table


def _sheet(path: Path, encoding: str | None, sheet: str | None, columns: Mapping[str, str] | None,
           findings: Findings | None) -> pd.DataFrame:
    if path.suffix.lower() in {".xlsx", ".ods"}:
        check_archive(path)
    table = _guard(path, lambda: read_sheet(path, encoding=encoding, sheet=sheet, columns=columns, findings=findings))
    return pd.DataFrame(table)


def _guard(path: Path, read: Callable[[], Any]) -> Any:
    """Read, silence a library's warnings, and turn whatever goes wrong into one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except InputError:
        raise
    except Exception as error:  # every library has its own tree of errors; the file is at fault in all of them
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise UnreadableFileError(path, f"cannot be read: {reason}", "export it again") from error


def _read_gdal(path: Path, encoding: str | None) -> gpd.GeoDataFrame:
    layer = None
    if path.suffix.lower() == ".shp":
        for suffix in (".shx", ".dbf"):
            if not any(path.with_suffix(case).is_file() for case in (suffix, suffix.upper())):
                raise MissingFileError(path.with_suffix(suffix), "no such file", f"copy it beside {path.name}")
        encoding = encoding or _shapefile_encoding(path)
    elif path.suffix.lower() in {".gpkg", ".kml"}:
        names = [str(name) for name, kind in _guard(path, lambda: pyogrio.list_layers(path)) if kind is not None]
        if len(names) > 1:
            raise UnreadableFileError(path, f"holds {len(names)} layers: {first_of(names, 8)}",
                                      "keep the one that is meant in a file of its own")
        if not names:
            raise EmptyTableError(path, "holds no layer with a geometry", "check the export")
        layer = names[0]
    if path.suffix.lower() in {".gpkg", ".fgb"}:
        _check_count(path, layer)
    frame = _guard(path, lambda: pyogrio.read_dataframe(path, layer=layer, encoding=encoding))
    if not isinstance(frame, gpd.GeoDataFrame):
        raise UnreadableFileError(path, "has no geometry", "export it as a layer of points, lines or polygons")
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame


def _check_count(path: Path, layer: str | None) -> None:
    """Refuse a layer that says it has more features than the file has bytes, before memory is asked for all of them."""
    count = _guard(path, lambda: pyogrio.read_info(path, layer=layer))["features"]
    if count > path.stat().st_size:
        raise UnreadableFileError(path, f"says it has {count:,} features, more than fit into it", "export it again")


def _read_parquet(path: Path, lon: str, lat: str, findings: Findings | None) -> gpd.GeoDataFrame:
    import pyarrow.parquet

    schema = _guard(path, lambda: pyarrow.parquet.read_schema(path))
    if b"geo" in (schema.metadata or {}):
        frame = _guard(path, lambda: gpd.read_parquet(path))
        frame = frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame
    else:
        frame = _points(_guard(path, lambda: pd.read_parquet(path)), path, lon, lat, findings)
    return frame.set_axis(pd.RangeIndex(1, len(frame) + 1))


def _shapefile_encoding(path: Path) -> str | None:
    """Find the character set of a shapefile that does not say it; None where the file says it or plain text is all."""
    if any(path.with_suffix(suffix).is_file() for suffix in (".cpg", ".CPG")):
        return None
    table = next(path.with_suffix(suffix) for suffix in (".dbf", ".DBF") if path.with_suffix(suffix).is_file())
    raw = table.read_bytes()
    cells = raw[int.from_bytes(raw[8:10], "little"):]
    try:
        cells.decode("utf-8")
    except UnicodeDecodeError:
        return "GB18030" if looks_chinese(cells) else None
    return "UTF-8"


def _points(table: pd.DataFrame, path: Path, lon: str, lat: str, findings: Findings | None) -> gpd.GeoDataFrame:
    """Make points of two columns of coordinates; rows without both have none. A head that names a datum is kept."""
    known = recognise(table.columns)
    lon, lat = (name if name in table.columns else known.get(ours, name) for ours, name in (("lon", lon), ("lat", lat)))
    missing = [name for name in (lon, lat) if name not in table.columns]
    if missing:
        raise MissingColumnError(path, f"no column {first_of(missing)}; the columns are {first_of(table.columns, 12)}",
                                 'map it: columns = { lon = "…", lat = "…" }')
    if head_datum(lon) != head_datum(lat):
        raise ConfigError(path, f"the columns {lon} and {lat} are not of one datum",
                          'name the two that belong together: columns = { lon = "…", lat = "…" }')
    x, y = (as_numbers(table[name], path, name, blank=True, unit="deg", findings=findings) for name in (lon, lat))
    points = gpd.GeoSeries.from_xy(x, y, index=table.index, crs="EPSG:4326")
    points[~(np.isfinite(x) & np.isfinite(y)).to_numpy()] = None
    table = table.drop(columns=[lon, lat]).assign(**{DATUM_HEAD: lon} if head_datum(lon) else {})
    return gpd.GeoDataFrame(table, geometry=points, crs="EPSG:4326")


def _with_crs(layer: gpd.GeoDataFrame, path: Path, crs: str | None) -> gpd.GeoDataFrame:
    if layer.crs is not None:
        return layer
    if crs is None:
        raise MissingCrsError(path, "the layer names no coordinate system",
                              'give crs = "EPSG:…" in the run file, or deliver the .prj')
    return layer.set_crs(parse_crs(crs, path))


def parse_crs(crs: str, where: str | Path) -> CRS:
    """Read the name of a CRS.

    Raises
    ------
    ConfigError
        If it is none that is known.
    """
    try:
        return CRS.from_user_input(crs)
    except CRSError as error:
        raise ConfigError(where, f"unknown coordinate system {crs!r}", "use a code such as EPSG:4545") from error


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """Give the way from one CRS to another, x or longitude first; to look for one takes long."""
    return Transformer.from_crs(source, target, always_xy=True)


@contextmanager
def way_to(crs: str, where: str | Path) -> Iterator[None]:
    """Turn it into one line where no way leads from the CRS of a file to another, such as from that of another planet.

    Raises
    ------
    ConfigError
        In place of the projection library's own error.
    """
    try:
        yield
    except ProjError as error:
        raise ConfigError(where, f"no way leads from its coordinate system to {crs}",
                          "export it in EPSG:4326") from error
