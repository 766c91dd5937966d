"""List the ways in which coordinates can be read: datum, projection, order of the axes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS

from lifecircle.datum import DATUM_NAMES, in_china, to_wgs84
from lifecircle.inputs.files import transformer
from lifecircle.inputs.shapes import WGS84, in_degrees

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Reading:
    """One way to read coordinates.

    Attributes
    ----------
    datum : str
        wgs84 (CGCS2000 is the same here), gcj02 or bd09.
    crs : str
        System of the numbers: degrees or a projection.
    swapped : bool
        Whether the first number is the northing or the latitude.
    """

    datum: str = "wgs84"
    crs: str = WGS84
    swapped: bool = False

    def __str__(self) -> str:
        """Name it for a message."""
        system = self.crs if self.crs.startswith("EPSG:") else CRS(self.crs).name
        return (DATUM_NAMES[self.datum] + ("" if self.crs == WGS84 else f" in {system}")
                + (", axes swapped" if self.swapped else ""))

    @property
    def keys(self) -> str:
        """Write it as the run file does."""
        return (f'datum = "{self.datum}"' + ("" if self.crs == WGS84 else f', crs = "{self.crs}"')
                + (", swapped = true" if self.swapped else ""))

    def place(self, xy: Array, crs: str) -> Array:
        """Give where coordinates (n, 2) lie in a CRS; not finite where they cannot be read so."""
        x, y = xy.T[::-1] if self.swapped else xy.T
        lon, lat = transformer(self.crs, WGS84).transform(x, y)
        lon, lat = (np.where(np.abs(lat) <= 90, value, np.inf) for value in (lon, lat))
        finite = np.isfinite(lon) & np.isfinite(lat)
        placed = np.full(xy.shape, np.inf)
        placed[finite] = np.column_stack(transformer(WGS84, crs).transform(
            *to_wgs84(lon[finite], lat[finite], self.datum)))
        return placed


def readings_of(xy: Array, crs: CRS, lon: float, lat: float, *, stated: Reading | None = None) -> list[Reading]:
    """List the readings that coordinates may have.

    Parameters
    ----------
    xy : (n, 2) array
        As the file holds them.
    crs : CRS
        As the file or the run file says; degrees where neither does.
    lon, lat : float
        Centre of the district in degrees; the projections are those in use there.
    stated : Reading, optional
        Comes first.
    """
    systems = [name_of(crs)]
    if not in_degrees(xy):
        systems = ([] if crs.is_geographic else systems) + projections(lon, lat)
    datums = list(DATUM_NAMES) if in_china(lon, lat) else ["wgs84"]
    listed = [Reading(datum, system, swapped) for swapped, datum, system in product((False, True), datums, systems)]
    return list(dict.fromkeys([stated, *listed] if stated else listed))


def projections(lon: float, lat: float) -> list[str]:
    """List the projections in use around a position.

    In China the Gauss-Kruger zones of CGCS2000 of 3 and of 6 degrees (a 6-degree zone without its number in the easting
    is the 3-degree zone of the same meridian), then UTM and Web Mercator.

    Examples
    --------
    >>> projections(106.76, 31.85)[:6]
    ['EPSG:4544', 'EPSG:4523', 'EPSG:4545', 'EPSG:4524', 'EPSG:4546', 'EPSG:4525']
    """
    found = []
    if in_china(lon, lat):
        near = [zone for zone in range(round(lon / 3) - 1, round(lon / 3) + 2) if 25 <= zone <= 45]
        found += [f"EPSG:{first + zone - 25}" for zone in near for first in (4534, 4513)]
        found += [f"EPSG:{4491 + zone - 13}" for zone in range(int(lon // 6), int(lon // 6) + 3) if 13 <= zone <= 23]
    north = 32600 if lat >= 0 else 32700
    middle = int((lon + 180) // 6) + 1
    return [*found, *(f"EPSG:{north + zone}" for zone in range(middle - 1, middle + 2) if 1 <= zone <= 60), "EPSG:3857"]


def name_of(crs: CRS) -> str:
    """Give the code of a CRS, or all of its definition where it has none."""
    return str(crs.to_string())
