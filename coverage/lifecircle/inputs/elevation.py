"""Read a height model and sample heights and slopes from it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Transformer

from lifecircle.errors import MissingCrsError, MissingFileError, UnreadableFileError, first_of
from lifecircle.inputs.files import check_name, existing_file
from lifecircle.inputs.findings import Findings
from lifecircle.roadnetwork import RoadNetwork

Array = npt.NDArray[Any]

#: Suffix -> the one GDAL driver that may open it.
_DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".hgt": "SRTMHGT", ".hgt.zip": "SRTMHGT"}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_M_PER_DEGREE = 111_320.0


def elevation_files(path: str | Path) -> list[Path]:
    """List the files behind a path or a pattern such as ``dem/*.hgt``, sorted.

    Raises
    ------
    MissingFileError
        If nothing matches.
    """
    check_name(path)
    if Path(path).is_file():
        return [Path(path)]
    root = Path(Path(path).anchor)
    found = sorted(name for name in root.glob(str(Path(path).relative_to(root))) if _suffix(name) in _DRIVERS)
    if not found:
        raise MissingFileError(path, "no such height file", f"name a file or a pattern of {', '.join(_DRIVERS)}")
    return found


def _suffix(path: Path) -> str:
    name = path.name.lower()
    return next((suffix for suffix in sorted(_DRIVERS, key=len, reverse=True) if name.endswith(suffix)), "")


@dataclass(frozen=True)
class Elevation:
    """Heights on a raster.

    Attributes
    ----------
    z_m : (rows, columns) float32
        Height at the cell's centre in metres, first row north; NaN where void.
    transform : affine.Affine
        From (column, row) of cell corners to the raster's CRS.
    raster_crs : str
        CRS of the raster.
    crs : str
        CRS of the positions that are sampled.
    files : tuple of str
        Names of the files read.
    """

    z_m: Array
    transform: Any
    raster_crs: str
    crs: str
    files: tuple[str, ...] = ()

    @classmethod
    def open(cls, pattern: str | Path, crs: str) -> Elevation:
        """Read one file or all files behind a pattern and merge them.

        Parameters
        ----------
        pattern : str or Path
            .hgt, .hgt.zip or .tif; ``*`` and ``?`` as in a shell.
        crs : str
            CRS of the positions that will be sampled.

        Raises
        ------
        MissingFileError, UnreadableFileError, MissingCrsError
            If there is no file, one cannot be read, one names no CRS or tiles have different ones.
        """
        import rasterio.merge
        from rasterio.errors import RasterioError

        paths = elevation_files(pattern)
        opened = []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for path in paths:
                    opened.append(_open(path))
                systems = {str(tile.crs) for tile in opened}
                if len(systems) > 1:
                    raise UnreadableFileError(pattern, f"tiles have different systems: {first_of(sorted(systems))}",
                                              "bring them to one")
                merged, transform = rasterio.merge.merge(opened, nodata=np.nan, dtype="float32", indexes=[1])
            system = opened[0].crs
        except (RasterioError, ValueError, MemoryError) as error:
            if isinstance(error, UnreadableFileError | MissingCrsError | MissingFileError):
                raise
            raise UnreadableFileError(pattern, f"cannot be read as heights: {error}", "export it again") from error
        finally:
            for tile in opened:
                tile.close()
        return cls(merged[0], transform, CRS.from_wkt(system.to_wkt()).to_string(), crs,
                   tuple(path.name for path in paths))

    @cached_property
    def _to_raster(self) -> Transformer:
        return Transformer.from_crs(self.crs, self.raster_crs, always_xy=True)

    def _position(self, xy: Array) -> tuple[Array, Array]:
        """Give row and column of positions, counted in cells from the centre of the first one."""
        x, y = self._to_raster.transform(*np.asarray(xy, dtype=np.float64).reshape(-1, 2).T)
        x, y, back = np.asarray(x), np.asarray(y), ~self.transform
        with np.errstate(invalid="ignore"):  # what the CRS cannot hold comes out as inf, and lies outside
            return back.d * x + back.e * y + back.f - 0.5, back.a * x + back.b * y + back.c - 0.5

    def nearest(self, values: Array, xy: Array) -> Array:
        """Give the value of the cell that each position lies in, for any array over the raster.

        Parameters
        ----------
        values : (rows, columns) array
        xy : (k, 2) array
            Positions in `crs`.

        Returns
        -------
        (k,) float64
            NaN outside the raster.
        """
        row, column = (np.rint(np.where(np.isfinite(part), part, -9.0)).astype(np.int64) for part in self._position(xy))
        rows, columns = values.shape
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        found = np.full(len(row), np.nan)
        found[inside] = values[row[inside], column[inside]]
        return found

    def sample_m(self, xy: Array) -> Array:
        """Interpolate heights between the four cells around each position.

        Where some of the four are void the others share their weight, so that the ground stays without steps; where
        all are, or outside the raster, NaN.

        Parameters
        ----------
        xy : (k, 2) array
            Positions in `crs`.

        Returns
        -------
        (k,) float64
            Heights in metres.
        """
        row, column = self._position(xy)
        rows, columns = self.z_m.shape
        inside = (row > -1) & (row < rows) & (column > -1) & (column < columns)
        row, column = np.where(inside, row, 0.0), np.where(inside, column, 0.0)
        top, left = np.floor(row).astype(np.int64), np.floor(column).astype(np.int64)
        down, right = row - top, column - left
        corners = [(dy, dx) for dy in (0, 1) for dx in (0, 1)]
        heights = np.stack([self.z_m[np.clip(top + dy, 0, rows - 1), np.clip(left + dx, 0, columns - 1)]
                            for dy, dx in corners]).astype(np.float64)
        shares = np.stack([np.abs(1 - dy - down) * np.abs(1 - dx - right) for dy, dx in corners])
        void = np.isnan(heights)
        shares = np.where(void, 0.0, shares)
        known = shares.sum(axis=0)
        sampled = (np.where(void, 0.0, heights) * shares).sum(axis=0) / np.where(known > 1e-9, known, np.nan)
        return np.where(inside, sampled, np.nan)

    def slope_deg(self) -> Array:
        """Give the steepest slope at every cell, from the heights of its neighbours.

        Returns
        -------
        (rows, columns) float32
            Degrees; NaN beside voids.
        """
        rows, _ = self.z_m.shape
        step_x, step_y = abs(self.transform.a), abs(self.transform.e)
        across, along = np.full((rows, 1), step_x), step_y
        if CRS.from_user_input(self.raster_crs).is_geographic:
            lat = np.radians(self.transform.f + (np.arange(rows) + 0.5) * self.transform.e)
            across = (step_x * _M_PER_DEGREE * np.cos(lat))[:, None]
            along = step_y * _M_PER_DEGREE
        if min(self.z_m.shape) < 2:
            return np.full(self.z_m.shape, np.nan, dtype=np.float32)
        down, right = np.gradient(self.z_m)
        slope: Array = np.degrees(np.arctan(np.hypot(down / along, right / across))).astype(np.float32)
        return slope

    def drape(self, network: RoadNetwork, findings: Findings) -> RoadNetwork:
        """Give the network heights at its nodes and along its segments; report the nodes that get none."""
        draped = network.with_heights(self.sample_m)
        void = int(np.isnan(draped.node_z_m).sum())
        if void:
            share = void / max(draped.node_count, 1)
            findings.add("warn" if share > 0.01 else "note", "elevation_void",
                         f"{share:.1%} of the road nodes ({void}) have no height; they count as flat",
                         file=first_of(self.files, 3), count=void, value=f"{share:.4f}",
                         remedy="deliver the missing height tiles")
        return draped


def _open(path: Path) -> Any:
    import rasterio

    existing_file(path)
    driver = _DRIVERS.get(_suffix(path))
    if driver is None:
        raise UnreadableFileError(path, "is no height model that is read here", f"use {', '.join(_DRIVERS)}")
    with path.open("rb") as stream:
        head = stream.read(4)
    if driver == "GTiff" and head not in _TIFF:
        raise UnreadableFileError(path, "content is no TIFF", "export the heights again")
    tile = rasterio.open(path, driver=driver)
    if tile.crs is None:
        tile.close()
        raise MissingCrsError(path, "the height model names no coordinate system", "export it with one")
    return tile
