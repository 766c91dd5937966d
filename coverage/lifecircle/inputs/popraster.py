"""Read a raster of people per cell, such as WorldPop's, within an area."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.errors import BadValueError, EmptyTableError, InputError, MissingCrsError, UnreadableFileError
from lifecircle.inputs.files import existing_file, transformer, way_to

Array = npt.NDArray[Any]
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: A window larger than this is no raster of people over a district.
_MOST_CELLS = 100_000_000


def read_people_raster(path: Path, crs: str, area: shapely.Geometry) -> tuple[gpd.GeoDataFrame, Array, float]:
    """Read the cells with people whose centres lie in an area.

    Parameters
    ----------
    path : Path
        GeoTIFF in any CRS; the first band, with its scale and offset, holds people per cell (not per km2). NaN,
        infinite and nodata cells hold nobody.
    crs : str
        CRS of `area` and of the answer, in metres.
    area : Polygon or MultiPolygon

    Returns
    -------
    GeoDataFrame
        population and the centre of each cell.
    (n, 2) int array
        Row and column of each.
    float
        Side of a cell in metres, of the square as large as the cell in the middle of the window.

    Raises
    ------
    UnreadableFileError, MissingCrsError, ConfigError
        If it is no GeoTIFF, names no CRS, or one that leads nowhere.
    BadValueError
        If a cell holds a negative number that is not declared as nodata.
    EmptyTableError
        If no cell in the area holds people.
    """
    from rasterio.errors import RasterioError

    existing_file(path)
    with path.open("rb") as stream:
        if stream.read(4) not in _TIFF:
            raise UnreadableFileError(path, "content is no TIFF", "export the raster again as GeoTIFF")
    try:
        with warnings.catch_warnings(), way_to(crs, path):
            warnings.simplefilter("ignore")
            people, transform, raster_crs = _window(path, crs, area)
    except (RasterioError, ValueError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        raise UnreadableFileError(path, f"cannot be read as people: {error}", "export it again") from error
    negative = people < 0
    if negative.any():
        raise BadValueError(path, f"{int(negative.sum())} cells hold a negative number of people, such as "
                            f"{people[negative][0]:g}", "declare it as the raster's nodata value")
    cells = np.argwhere(people > 0)
    with way_to(crs, path):
        points, side_m = _centres(cells, transform, raster_crs, crs, people.shape)
    inside = shapely.intersects(area, points)
    if not inside.any():
        raise EmptyTableError(path, "no cell in the district and its buffer holds people",
                              "check the extent and the band of the raster")
    count = people[cells[inside, 0], cells[inside, 1]]
    frame = gpd.GeoDataFrame({"population": count.astype(np.float64)}, geometry=points[inside], crs=crs)
    return frame.set_axis(np.arange(1, len(frame) + 1)), cells[inside], side_m


def _window(path: Path, crs: str, area: shapely.Geometry) -> tuple[Array, Any, str]:
    """Read the part of the raster around an area: people with voids as 0, the transform of the part, the CRS."""
    import rasterio
    from rasterio.windows import Window

    with rasterio.open(path, driver="GTiff") as raster:
        if raster.crs is None:
            raise MissingCrsError(path, "the raster names no coordinate system", "export it with one")
        to_raster = transformer(crs, raster.crs.to_wkt())
        west, south, east, north = to_raster.transform_bounds(*area.bounds, densify_pts=21)
        column, row = ~raster.transform * (np.array([west, west, east, east]), np.array([south, north, south, north]))
        left, right = (int(edge) for edge in np.clip([np.floor(column.min()), np.ceil(column.max())], 0, raster.width))
        top, bottom = (int(edge) for edge in np.clip([np.floor(row.min()), np.ceil(row.max())], 0, raster.height))
        if left >= right or top >= bottom:
            raise EmptyTableError(path, "does not cover the district", "check its extent and coordinate system")
        window = Window(left, top, right - left, bottom - top)
        if window.width * window.height > _MOST_CELLS:
            raise UnreadableFileError(path, f"has {window.width * window.height:,.0f} cells in the district",
                                      "export it with cells of 30 m or more")
        band = raster.read(1, window=window, masked=True)
        people = band.data.astype(np.float64) * raster.scales[0] + raster.offsets[0]
        people[np.ma.getmaskarray(band)] = 0.0
        return np.where(np.isfinite(people), people, 0.0), raster.window_transform(window), raster.crs.to_wkt()


def _centres(cells: Array, transform: Any, raster_crs: str, crs: str, shape: tuple[int, ...]) -> tuple[Array, float]:
    """Give the centres of cells in another CRS, and the side of the cell in the middle of the window."""
    move = transformer(raster_crs, crs)
    middle = np.array(shape)[None, :] // 2 + np.array([[0, 0], [0, 1], [1, 0]]) - 0.5
    places = np.vstack([middle, cells])
    x, y = transform * (places[:, 1] + 0.5, places[:, 0] + 0.5)
    xy = np.column_stack(move.transform(np.asarray(x), np.asarray(y)))
    right, down = xy[1] - xy[0], xy[2] - xy[0]
    side_m = float(np.sqrt(abs(right[0] * down[1] - right[1] * down[0])))
    return shapely.points(xy[3:]), side_m
