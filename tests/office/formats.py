"""Write, read and edit the office's kinds of file, the same bytes each time."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pyogrio
import rasterio
import shapely
from rasterio.transform import from_origin

from .county import CRS, SOUTH_M, WEST_M
from .registers import Rows

_DAY = dt.datetime(2025, 6, 30, 8, 0, 0)
_LAYERS = {".shp", ".gpkg", ".geojson"}
_GB18030 = {"托育机构.csv"}


def write_sheet(path: Path, rows: Rows, *, sheet: str = "Sheet1", merged: tuple[str, ...] = (),
                guide: Rows | None = None) -> None:
    """Write a workbook of one sheet, and where there is a guide for those who fill it in, a second one."""
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    for area in merged:
        book.active.merge_cells(area)
    for row in guide or []:
        (book["填表说明"] if "填表说明" in book.sheetnames else book.create_sheet("填表说明")).append(row)
    save_book(book, path)


def save_book(book: openpyxl.Workbook, path: Path) -> None:
    """Save a workbook with every date in it fixed."""
    book.properties.created = book.properties.modified = _DAY
    book.properties.creator = "示例"
    raw, fixed = io.BytesIO(), io.BytesIO()
    book.save(raw)
    with zipfile.ZipFile(raw) as old, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "docProps/core.xml":  # openpyxl stamps the hour of saving
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2025-06-30T08:00:00Z", content)
            new.writestr(zipfile.ZipInfo(entry.filename, (2025, 6, 30, 8, 0, 0)), content, zipfile.ZIP_DEFLATED)
    path.write_bytes(fixed.getvalue())


def write_text_table(path: Path, rows: Rows, encoding: str) -> None:
    """Write a CSV as Excel does, in the given character set."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\r\n").writerows(rows)
    path.write_bytes(stream.getvalue().encode(encoding))


def write_layer(path: Path, layer: gpd.GeoDataFrame) -> None:
    """Write a layer; a shapefile is in GBK and has neither .cpg nor .prj, as offices pass them on."""
    path.unlink(missing_ok=True)
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2025-06-30T08:00:00Z"})
    try:
        if path.suffix == ".shp":
            layer.to_file(path, driver="ESRI Shapefile", encoding="GBK", DBF_DATE_LAST_UPDATE="2025-06-30")
            _take_marks_away(path)
        elif path.suffix == ".gpkg":
            layer.to_file(path, driver="GPKG", layer=path.stem)
        else:
            layer.to_file(path, driver="GeoJSON", COORDINATE_PRECISION=9)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def write_heights(path: Path, heights_m: Any) -> None:
    """Write the heights as a GeoTIFF of 200 m cells."""
    rows, columns = heights_m.shape
    with rasterio.open(path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32", crs=CRS,
                       transform=from_origin(WEST_M - 3_000, SOUTH_M + 12_000, 200, 200)) as raster:
        raster.write(heights_m, 1)


def _take_marks_away(path: Path) -> None:
    """Take away what names the character set and the coordinate system: .cpg, .prj and the byte in the .dbf."""
    for suffix in (".cpg", ".prj"):
        path.with_suffix(suffix).unlink(missing_ok=True)
    table = bytearray(path.with_suffix(".dbf").read_bytes())
    table[29] = 0
    path.with_suffix(".dbf").write_bytes(bytes(table))


def read_layer(path: Path) -> gpd.GeoDataFrame:
    """Read a layer as it was written; the shapefile keeps its character set and its system to itself."""
    return gpd.read_file(path, encoding="GBK").set_crs(CRS) if path.suffix == ".shp" else gpd.read_file(path)


def read_rows(path: Path) -> Rows:
    """Read a table of cells, whatever its name says it is."""
    content = path.read_bytes()
    if content.startswith(b"PK"):
        return [list(row) for row in openpyxl.load_workbook(path).active.iter_rows(values_only=True)]
    return list(csv.reader(io.StringIO(content.decode(_encoding(path)), newline="")))


def _encoding(path: Path) -> str:
    return "gb18030" if path.name in _GB18030 or path.suffix == ".xlsx" else "utf-8-sig"


class Layer:
    """A layer under edit: features are counted from 1."""

    def __init__(self, path: Path) -> None:
        self.path, self.table = path, read_layer(path)

    def set(self, row: int, column: str, value: Any) -> None:
        if column == "geometry":
            self.table.loc[row - 1, column] = shapely.from_wkt(value) if value else None
        else:
            self.table.loc[row - 1, column] = value

    def delete(self, row: int) -> None:
        self.table = self.table.drop(index=row - 1).reset_index(drop=True)

    def insert(self, row: int, cells: list[Any]) -> None:
        new = dict(zip(self.table.columns, [*cells[:-1], shapely.from_wkt(cells[-1])], strict=True))
        rows = self.table.to_dict("records")
        self.table = gpd.GeoDataFrame([*rows[:row - 1], new, *rows[row - 1:]], columns=self.table.columns,
                                      crs=self.table.crs)

    def save(self) -> None:
        write_layer(self.path, self.table)


class Sheet:
    """A workbook under edit; rows are counted as a spreadsheet counts them."""

    def __init__(self, path: Path) -> None:
        self.path, self.book = path, openpyxl.load_workbook(path)
        self.sheet = self.book.active

    def _column(self, name: str) -> int:
        return next(cell.column for row in self.sheet.iter_rows(max_row=4) for cell in row if cell.value == name)

    def set(self, row: int, column: str, value: Any) -> None:
        cell = self.sheet.cell(row, self._column(column))
        cell.value = None if value == "" else value
        cell.number_format = "yyyy-mm-dd" if isinstance(value, dt.date) else "General"

    def delete(self, row: int) -> None:
        self.sheet.delete_rows(row)

    def insert(self, row: int, cells: list[Any]) -> None:
        self.sheet.insert_rows(row)
        for column, value in enumerate(cells, 1):
            self.sheet.cell(row, column).value = None if value == "" else value

    def save(self) -> None:
        save_book(self.book, self.path)


class TextTable:
    """A CSV under edit; rows are counted as a spreadsheet counts them."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, read_rows(path)

    def set(self, row: int, column: str, value: Any) -> None:
        self.rows[row - 1][self.rows[0].index(column)] = value

    def delete(self, row: int) -> None:
        del self.rows[row - 1]

    def insert(self, row: int, cells: list[Any]) -> None:
        self.rows.insert(row - 1, cells)

    def save(self) -> None:
        write_text_table(self.path, self.rows, _encoding(self.path))


def open_file(path: Path) -> Layer | Sheet | TextTable:
    """Open a file for editing, by what it holds."""
    if path.suffix in _LAYERS:
        return Layer(path)
    return Sheet(path) if path.read_bytes().startswith(b"PK") else TextTable(path)


def convert(path: Path, kind: str) -> None:
    """Rewrite a table under the same name as a workbook ("xlsx") or as GB 18030 text with commas ("csv")."""
    rows = read_rows(path)
    if kind == "csv":
        write_text_table(path, rows, "gb18030")
    else:
        write_sheet(path, [[_number(cell) for cell in row] for row in rows])


def _number(text: str) -> Any:
    """Turn a cell of text into the number it shows, as Excel does on opening a CSV."""
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text or None
