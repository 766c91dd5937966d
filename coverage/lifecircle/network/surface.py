"""Compute the travel-time surface t(x) on a raster, and cut service areas from it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.network.access import Field

Array = npt.NDArray[Any]


class Raster(NamedTuple):
    """Place of a raster: outer corner north-west, cell size, rows and columns."""

    west_m: float
    north_m: float
    cell_m: float
    rows: int
    columns: int

    @classmethod
    def over(cls, area: shapely.Geometry, cell_m: float) -> Raster:
        """Cover an area and two cells around it, aligned to whole cells."""
        west, south, east, north = area.bounds
        west, north = (np.floor(west / cell_m) - 2) * cell_m, (np.ceil(north / cell_m) + 2) * cell_m
        return cls(float(west), float(north), cell_m, int(np.ceil((north - south) / cell_m)) + 2,
                   int(np.ceil((east - west) / cell_m)) + 2)

    @property
    def transform(self) -> Any:
        """Give the raster's affine transform, as rasterio wants it."""
        from rasterio import Affine

        return Affine(self.cell_m, 0.0, self.west_m, 0.0, -self.cell_m, self.north_m)

    @property
    def x_m(self) -> Array:
        """Give the centres of the columns."""
        return self.west_m + (np.arange(self.columns) + 0.5) * self.cell_m

    @property
    def y_m(self) -> Array:
        """Give the centres of the rows, north first."""
        return self.north_m - (np.arange(self.rows) + 0.5) * self.cell_m

    def centres(self, mask: Array) -> Array:
        """Give the (k, 2) centres of the cells in a mask."""
        row, column = np.nonzero(mask)
        return np.column_stack([self.x_m[column], self.y_m[row]])

    def burn(self, shapes: Sequence[Any], *, all_touched: bool = False) -> Array:
        """Burn geometries, or (geometry, whole number) pairs, into a raster of numbers; 0 elsewhere."""
        from rasterio.features import rasterize

        if not len(shapes):
            return np.zeros((self.rows, self.columns), np.int32)
        return np.asarray(rasterize(
            shapes, out_shape=(self.rows, self.columns), all_touched=all_touched, dtype="int32", default_value=1,
            transform=self.transform))


def surface_minutes(field: Field, raster: Raster, mask: Array) -> Array:
    """Compute minutes at the cell centres of a mask, for every layer of a field.

    Returns
    -------
    (layers, rows, columns) float32
        NaN outside the mask and where nothing is reached.
    """
    reach = field.reach(raster.centres(mask), want_snap=False)
    minutes = np.where(np.isinf(reach.minutes), np.nan, reach.minutes)
    surface = np.full((minutes.shape[1], raster.rows, raster.columns), np.nan, np.float32)
    surface[:, mask] = minutes.T
    return surface


def cut(minutes: Array, cutoff_min: float, raster: Raster, area: shapely.Geometry) -> shapely.Geometry:
    """Cut the part of an area where the surface is at most the cutoff.

    Cells that nothing reaches count as one cutoff late, so that the edge falls between them and their neighbours; of
    two cutoffs the smaller area lies within the larger.

    Returns
    -------
    MultiPolygon
        Valid; empty where nothing is in time.
    """
    from contourpy import FillType, contour_generator

    late = np.where(np.isnan(minutes), 1e4, np.minimum(minutes, 1e4)).astype(np.float64)
    lines = contour_generator(raster.x_m, raster.y_m, np.minimum(late, 60.0 + cutoff_min),
                              fill_type=FillType.OuterOffset)
    polygons = []
    # The upper level is the first number above the cutoff: a place exactly at the cutoff is in time.
    for points, offsets in zip(*lines.filled(-1.0, float(np.nextafter(cutoff_min, np.inf))), strict=True):
        rings = [points[a:b] for a, b in itertools.pairwise(offsets)]
        polygons.append(shapely.Polygon(rings[0], [ring for ring in rings[1:] if len(ring) >= 4]))
    return as_multipolygon(shapely.intersection(_valid(shapely.MultiPolygon(polygons)), area))


def _valid(shape: shapely.Geometry) -> shapely.Geometry:
    return shape if shape.is_valid else shapely.make_valid(shape, method="structure", keep_collapsed=False)


def as_multipolygon(geometry: shapely.Geometry) -> shapely.MultiPolygon:
    """Keep the polygons of a geometry, as one MultiPolygon."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type in ("Polygon", "MultiPolygon")]
    flat = [piece for part in parts for piece in shapely.get_parts(part) if not piece.is_empty]
    return shapely.MultiPolygon(flat)
