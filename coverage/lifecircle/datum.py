"""Convert between WGS 84 (CGCS2000 is the same to a metre) and China's shifted datums GCJ-02 and BD-09.

The shifts follow the public formula; the inverse is found by fixed-point rounds, so a round trip is exact to far below
a millimetre. How closely a map service keeps to the formula is not published.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import CRS

Array = npt.NDArray[np.float64]

#: Datum -> the name that is shown.
DATUM_NAMES = {"wgs84": "WGS 84 / CGCS2000", "gcj02": "GCJ-02 (Amap, Tencent)", "bd09": "BD-09 (Baidu)"}

#: Krasovsky 1940, as the formula uses it: semi-major axis in metres, first eccentricity squared.
_AXIS_M, _ECCENTRICITY2 = 6_378_245.0, 0.006_693_421_622_965_943
_BD_TURN = np.pi * 3000.0 / 180.0
#: Rounds of the inverse, to 0.002 mm over China. Their number is fixed, so that a point comes out the same whatever
#: stands beside it.
_GCJ_ROUNDS, _BD_ROUNDS = 4, 5
#: Points worked on at once: what they need stays in the processor's cache.
_BLOCK = 8_192

Shift = Callable[[Array, Array], tuple[Array, Array]]


def in_china(lon: Any, lat: Any) -> npt.NDArray[np.bool_]:
    """Tell where the formula applies: the box 72.004-137.8347 E, 0.8293-55.8271 N; elsewhere nothing is shifted."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    return np.asarray((lon >= 72.004) & (lon <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271))


def _in_blocks(shift: Shift, lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift arrays of any shape, block by block."""
    lon, lat = np.broadcast_arrays(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
    out = np.empty((2, lon.size))
    flat_lon, flat_lat = lon.ravel(), lat.ravel()
    for start in range(0, lon.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        out[0, block], out[1, block] = shift(flat_lon[block], flat_lat[block])
    return out[0].reshape(lon.shape), out[1].reshape(lon.shape)


def _invert(forward: Shift, rounds: int) -> Shift:
    """Make the shift that finds the degrees which another carries to the given ones."""
    def backward(lon: Array, lat: Array) -> tuple[Array, Array]:
        x, y = lon, lat
        for _ in range(rounds):
            to_lon, to_lat = forward(x, y)
            x, y = x + (lon - to_lon), y + (lat - to_lat)
        return x, y
    return backward


def _triple(sine: Array) -> Array:
    """Give the sine of three times an angle."""
    return sine * (3.0 - 4.0 * sine * sine)


def _slow_waves(t: Array, twelfth_m: float, thirtieth_m: float) -> Array:
    slow = np.sin(t * (np.pi / 3))
    return 20.0 * _triple(slow) + 40.0 * slow + twelfth_m * np.sin(t * (np.pi / 12)) + thirtieth_m * np.sin(
        t * (np.pi / 30))


def _to_gcj02(lon: Array, lat: Array) -> tuple[Array, Array]:
    x, y = lon - 105.0, lat - 35.0
    quick, root, both = np.sin(x * (2 * np.pi)), np.sqrt(np.abs(x)), 0.1 * x * y
    common = 20.0 * (_triple(quick) + quick)
    north_m = (-100.0 + 2 * x + 3 * y + 0.2 * y * y + both + 0.2 * root
               + (common + _slow_waves(y, 160.0, 320.0)) * (2 / 3))
    east_m = (300.0 + x + 2 * y + 0.1 * x * x + both + 0.1 * root
              + (common + _slow_waves(x, 150.0, 300.0)) * (2 / 3))
    sine2 = np.sin(np.radians(lat)) ** 2
    magic = 1 - _ECCENTRICITY2 * sine2
    prime_m = _AXIS_M / np.sqrt(magic)
    inside = in_china(lon, lat) * (180.0 / np.pi)
    return (lon + inside * east_m / (prime_m * np.sqrt(1 - sine2)),
            lat + inside * north_m * magic / (prime_m * (1 - _ECCENTRICITY2)))


def _to_bd09(lon: Array, lat: Array) -> tuple[Array, Array]:
    """Turn and stretch about 0, 0: the turn is at most 3e-6, so its sine and cosine are those of the series."""
    turn = 0.000003 * np.cos(lon * _BD_TURN)
    stretch = 1.0 + 0.00002 * np.sin(lat * _BD_TURN) / np.maximum(np.hypot(lon, lat), 1e-300)
    cosine = 1.0 - 0.5 * turn * turn
    return (lon * cosine - lat * turn) * stretch + 0.0065, (lat * cosine + lon * turn) * stretch + 0.006


def wgs84_to_gcj02(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift WGS 84 degrees to GCJ-02 (Amap, Tencent)."""
    return _in_blocks(_to_gcj02, lon, lat)


def gcj02_to_bd09(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift GCJ-02 degrees to BD-09 (Baidu)."""
    return _in_blocks(_to_bd09, lon, lat)


def wgs84_to_bd09(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift WGS 84 degrees to BD-09 (Baidu)."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def gcj02_to_wgs84(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift GCJ-02 degrees back to WGS 84."""
    return _in_blocks(_invert(_to_gcj02, _GCJ_ROUNDS), lon, lat)


def bd09_to_gcj02(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift BD-09 degrees back to GCJ-02."""
    return _in_blocks(_invert(_to_bd09, _BD_ROUNDS), lon, lat)


def bd09_to_wgs84(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift BD-09 degrees back to WGS 84."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))


_TO_WGS84: dict[str, Callable[[Any, Any], tuple[Array, Array]]] = {
    "wgs84": lambda lon, lat: (np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)),
    "gcj02": gcj02_to_wgs84,
    "bd09": bd09_to_wgs84,
}
_TO_WGS84["cgcs2000"] = _TO_WGS84["wgs84"]


def to_wgs84(lon: Any, lat: Any, datum: str) -> tuple[Array, Array]:
    """Bring degrees of any of the four datums to WGS 84.

    Parameters
    ----------
    lon, lat : array-like of float
        Degrees.
    datum : str
        ``wgs84``, ``cgcs2000``, ``gcj02`` or ``bd09``.

    Returns
    -------
    tuple of arrays
        Longitude and latitude in degrees.
    """
    return _TO_WGS84[datum](lon, lat)


def stretches_lengths(crs: Any) -> bool:
    """Tell whether a CRS is a Mercator upon the equator, such as EPSG:3857, in which a metre is none (in Bazhou 1.18).

    Examples
    --------
    >>> [stretches_lengths(crs) for crs in ("EPSG:3857", "ESRI:102113", "EPSG:4545", "EPSG:32648")]
    [True, True, False, False]
    """
    operation = CRS.from_user_input(crs).coordinate_operation
    return operation is not None and operation.method_name.startswith(("Popular Visualisation", "Mercator"))
