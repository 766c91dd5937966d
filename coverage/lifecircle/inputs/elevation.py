"""Read a height model and sample heights and slopes from it."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from lifecircle.errors import MissingCrsError, MissingFileError, UnreadableFileError, first_of
from lifecircle.inputs.files import check_name, existing_file, transformer, way_to
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.sheets import check_archive
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.slope import tobler_over_din

Array = npt.NDArray[Any]

#: Suffix -> the one GDAL driver that may open it.
_DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".hgt": "SRTMHGT", ".hgt.zip": "SRTMHGT"}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WILD = re.compile(r"[*?\[]")
#: More cells than these, 20 by 20 degrees of SRTM's three seconds, are no district's heights.
_MOST_CELLS, _LARGEST_HGT_BYTES = 600_000_000, 26_000_000
_M_PER_DEGREE = 111_320.0
#: How far heights are carried into a void, and the passes of the 3 by 3 mean that take the steps out of what is filled.
FILL_M, _SMOOTHING = 1_000.0, 1


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
    home = next(folder for folder in Path(path).parents if not _WILD.search(str(folder)))
    strange = [name for name in found if not name.resolve().is_relative_to(home.resolve())]
    if strange:
        raise UnreadableFileError(path, f"{first_of(strange)} leads out of {home.name}", "copy the file itself there")
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
        Height at the cell's centre in metres, first row north; NaN where void and too far from any height to be filled.
    transform : affine.Affine
        From (column, row) of cell corners to the raster's CRS.
    raster_crs : str
        CRS of the raster.
    crs : str
        CRS of the positions that are sampled.
    files : tuple of str
        Names of the files read.
    filled : (rows, columns) bool or None
        Cells that held no height and took one from around; None where there are none.
    """

    z_m: Array
    transform: Any
    raster_crs: str
    crs: str
    files: tuple[str, ...] = ()
    filled: Array | None = None

    @classmethod
    def open(cls, pattern: str | Path, crs: str) -> Elevation:
        """Read one file or all files behind a pattern, merge them and fill the voids that are not too wide.

        A void cell up to `FILL_M` from known heights takes the mean of those in the four quarters around it, the nearer
        the more; wider voids keep a core without heights.

        Parameters
        ----------
        pattern : str or Path
            .hgt, .hgt.zip or .tif; ``*`` and ``?`` as in a shell.
        crs : str
            CRS of the positions that will be sampled.

        Raises
        ------
        MissingFileError, UnreadableFileError, MissingCrsError, ConfigError
            If there is no file, one cannot be read, one names no CRS, tiles have different ones or one that leads
            nowhere.
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
                _check_size(opened, pattern)
                systems = {str(tile.crs) for tile in opened}
                if len(systems) > 1:
                    raise UnreadableFileError(pattern, f"tiles have different systems: {first_of(sorted(systems))}",
                                              "bring them to one")
                merged, transform = rasterio.merge.merge(opened, nodata=np.nan, dtype="float32", indexes=[1])
                if not merged.size:
                    raise UnreadableFileError(pattern, "holds no cell", "export the heights again")
            system = opened[0].crs
        except (RasterioError, ValueError, MemoryError) as error:
            if isinstance(error, UnreadableFileError | MissingCrsError | MissingFileError):
                raise
            raise UnreadableFileError(pattern, f"cannot be read as heights: {error}", "export it again") from error
        finally:
            for tile in opened:
                tile.close()
        with way_to(crs, pattern):
            raster_crs = CRS.from_wkt(system.to_wkt()).to_string()
            transformer(crs, raster_crs)
        across_m, along_m = _steps_m(raster_crs, transform, np.array([len(merged[0]) / 2]))
        z_m, filled = _fill(merged[0], min(float(across_m[0]), along_m))
        return cls(z_m, transform, raster_crs, crs, tuple(path.name for path in paths), filled)

    def _position(self, xy: Array) -> tuple[Array, Array]:
        """Give row and column of positions, counted in cells from the centre of the first one."""
        x, y = transformer(self.crs, self.raster_crs).transform(*np.asarray(xy, dtype=np.float64).reshape(-1, 2).T)
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
        if min(self.z_m.shape) < 2:
            return np.full(self.z_m.shape, np.nan, dtype=np.float32)
        across, along = _steps_m(self.raster_crs, self.transform, np.arange(len(self.z_m)) + 0.5)
        down, right = np.gradient(self.z_m)
        down /= along
        right /= across[:, None]
        slope: Array = np.degrees(np.arctan(np.hypot(down, right)))
        return slope

    @property
    def shortest_wave_m(self) -> float:
        """Give the length of the shortest wave of the ground that the raster can hold: two cells."""
        across_m, along_m = _steps_m(self.raster_crs, self.transform, np.array([len(self.z_m) / 2]))
        return 2 * max(float(across_m[0]), along_m)

    def drape(self, network: RoadNetwork, findings: Findings, *, smooth_m: float | None = None) -> RoadNetwork:
        """Give the network heights; report roads on filled ground, nodes without height, and the check by DIN 33466.

        Parameters
        ----------
        network : RoadNetwork
        findings : Findings
        smooth_m : float, optional
            As for `RoadNetwork.with_heights`; default `shortest_wave_m`.
        """
        wave_m = self.shortest_wave_m if smooth_m is None else smooth_m
        draped = network.with_heights(self.sample_m, smooth_m=wave_m)
        self._note_gaps(draped, findings)
        low, median, high = tobler_over_din(draped)
        if median == median:
            findings.add("note", "slope_check", "on roads open to walkers, heights "
                         f"{f'smoothed over {wave_m:.0f} m' if wave_m else 'not smoothed'}, time by Tobler over time "
                         f"by DIN 33466: median {median:.2f}, 5 % of the metres below {low:.2f}, 5 % above {high:.2f}",
                         file=first_of(self.files, 3), value=f"{median:.3f}")
        return draped

    def _note_gaps(self, draped: RoadNetwork, findings: Findings) -> None:
        file, void = first_of(self.files, 3), int(np.isnan(draped.node_z_m).sum())
        if self.filled is not None:
            count, (metres, share) = int(self.filled.sum()), self._roads_on(self.filled, draped)
            findings.add("warn" if share > 0.01 else "note", "elevation_filled",
                         f"{count:,} cells of the height model held no height and took one from around; {metres:,.0f} "
                         f"m of road ({share:.1%}) lie on them", file=file, count=count, value=f"{metres:.0f} m",
                         remedy="deliver a height model without voids" if metres else "")
        if void:
            share = void / max(draped.node_count, 1)
            findings.add("warn" if share > 0.01 else "note", "elevation_void",
                         f"{share:.1%} of the road nodes ({void}) have no height; they count as flat",
                         file=file, count=void, value=f"{share:.4f}",
                         remedy="deliver the missing height tiles")

    def _roads_on(self, cells: Array, network: RoadNetwork) -> tuple[float, float]:
        """Give the metres of road on some cells, and their share of all."""
        count = np.diff(network.profile_offset) + 1
        edge = np.repeat(np.arange(len(network)), count)
        number = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
        begin, end = network.node_xy_m[network.u[edge]], network.node_xy_m[network.v[edge]]
        middle = begin + (end - begin) * ((number + 0.5) / count[edge])[:, None]
        metres = float((network.length_m / count)[edge][self.nearest(cells, middle) == 1].sum())
        return metres, metres / max(float(network.length_m.sum()), 1.0)


def _steps_m(crs: str, transform: Any, row: Array) -> tuple[Array, float]:
    """Give the width of the cells in some rows and the height of all, in metres."""
    step_x, step_y = abs(transform.a), abs(transform.e)
    if not CRS.from_user_input(crs).is_geographic:
        return np.full(len(row), step_x), step_y
    lat = np.radians(transform.f + row * transform.e)
    return step_x * _M_PER_DEGREE * np.cos(lat), step_y * _M_PER_DEGREE


def _fill(z_m: Array, cell_m: float) -> tuple[Array, Array | None]:
    """Fill voids from the heights around; tell which cells were filled."""
    from rasterio.fill import fillnodata

    void = np.isnan(z_m)
    if not void.any() or void.all():
        return z_m, None
    mask = (~void).astype(np.uint8)
    z_m = fillnodata(z_m, mask, FILL_M / cell_m, _SMOOTHING)
    return z_m, void & ~np.isnan(z_m)


def _check_size(tiles: list[Any], pattern: str | Path) -> None:
    """Refuse tiles whose common raster would be too large, before it is made."""
    west, south, east, north = np.array([tile.bounds for tile in tiles]).T
    cell_x, cell_y = (abs(step) for step in tiles[0].res)
    cells = (east.max() - west.min()) / cell_x * (north.max() - south.min()) / cell_y if cell_x * cell_y else np.nan
    if not 0.5 <= cells <= _MOST_CELLS:
        raise UnreadableFileError(pattern, f"the tiles span {cells:,.0f} cells", "name only those of the district")


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
    if _suffix(path) == ".hgt.zip":
        _check_packed(path)
    tile = rasterio.open(path, driver=driver)
    if tile.crs is None:
        tile.close()
        raise MissingCrsError(path, "the height model names no coordinate system", "export it with one")
    return tile


def _check_packed(path: Path) -> None:
    """Unpack the tile in an archive once, with its checksum: GDAL's own unpacking does not outlive every damage."""
    parts = check_archive(path, free_bytes=_LARGEST_HGT_BYTES)
    if len(parts) != 1 or not parts[0].lower().endswith(".hgt"):
        raise UnreadableFileError(path, f"holds {first_of(parts)}, not one .hgt", "unpack it")
    try:
        with zipfile.ZipFile(path) as archive:
            archive.read(parts[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise UnreadableFileError(path, f"cannot be unpacked: {error}", "fetch it again") from error
