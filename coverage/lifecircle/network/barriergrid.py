"""Mark on a fine raster where a straight walk may not pass: water, and ground that is too steep."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lifecircle.network.legs import Walls

if TYPE_CHECKING:
    import geopandas as gpd

    from lifecircle.inputs.elevation import Elevation

Array = npt.NDArray[Any]
#: A leg is checked cell by cell; 10 m keeps the narrowest mapped river closed.
CELL_M = 10.0


@dataclass(frozen=True)
class BarrierGrid:
    """Cells that no walk may cross.

    Attributes
    ----------
    blocked : (rows, columns) uint8
        1 where blocked; first row north. A raster of one open cell stands for no barrier at all.
    west_m, north_m, cell_m : float
    """

    blocked: Array
    west_m: float = 0.0
    north_m: float = 0.0
    cell_m: float = CELL_M

    @property
    def walls(self) -> Walls:
        """Give the grid as the kernels read it."""
        return Walls(self.blocked, self.west_m, self.north_m, self.cell_m)

    @classmethod
    def open_ground(cls) -> BarrierGrid:
        """Give a grid without barriers."""
        return cls(np.zeros((1, 1), np.uint8))

    @classmethod
    def build(cls, barriers: gpd.GeoDataFrame, elevation: Elevation | None, *, bounds_m: tuple[float, ...], crs: str,
              steep_deg: float | None) -> BarrierGrid:
        """Burn the barriers into a raster; every cell that a line or polygon touches is blocked.

        Parameters
        ----------
        barriers : GeoDataFrame
            kind and geometry; hazards are left out.
        elevation : Elevation or None
        bounds_m : (west, south, east, north)
            Where walks may happen.
        crs : str
        steep_deg : float or None
            Slope from which ground is closed; needs an elevation.
        """
        from rasterio import Affine
        from rasterio.features import rasterize

        shapes = list(barriers.geometry[barriers["kind"].isin(["water", "cliff"])]) if len(barriers) else []
        if not shapes and (elevation is None or steep_deg is None):
            return cls.open_ground()
        west, south, east, north = bounds_m
        rows, columns = int(np.ceil((north - south) / CELL_M)) + 1, int(np.ceil((east - west) / CELL_M)) + 1
        transform = Affine(CELL_M, 0.0, west, 0.0, -CELL_M, north)
        blocked = np.zeros((rows, columns), np.uint8)
        if shapes:
            rasterize(shapes, out=blocked, transform=transform, all_touched=True, default_value=1)
        if elevation is not None and steep_deg is not None:
            blocked |= _steep(elevation, steep_deg, (rows, columns), transform, crs)
        return cls(blocked, west, north, CELL_M)


def _steep(elevation: Elevation, steep_deg: float, shape: tuple[int, int], transform: Any, crs: str) -> Array:
    from rasterio.warp import Resampling, reproject

    steep = (elevation.slope_deg() > steep_deg).astype(np.uint8)
    out = np.zeros(shape, np.uint8)
    reproject(steep, out, src_transform=elevation.transform, src_crs=elevation.raster_crs, dst_transform=transform,
              dst_crs=crs, resampling=Resampling.nearest, num_threads=os.cpu_count() or 1)
    return out
