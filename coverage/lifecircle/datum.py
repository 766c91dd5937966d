"""Convert between WGS 84 (CGCS2000 is the same to a metre) and China's shifted datums GCJ-02 and BD-09.

The shifts follow the public formula; the inverse is found by fixed-point rounds, so a round trip is exact to far below
a millimetre. How closely a map service keeps to the formula is not published.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Krasovsky 1940, as the formula uses it: semi-major axis in metres, first eccentricity squared.
_AXIS_M, _ECCENTRICITY2 = 6_378_245.0, 0.006_693_421_622_965_943
_BD_TURN = np.pi * 3000.0 / 180.0
_ROUNDS, _STOP_DEG = 20, 1e-12


def in_china(lon: Any, lat: Any) -> npt.NDArray[np.bool_]:
    """Tell where the formula applies: the box 72.004-137.8347 E, 0.8293-55.8271 N; elsewhere nothing is shifted."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    return np.asarray((lon >= 72.004) & (lon <= 137.8347) & (lat >= 0.8293) & (lat <= 55.8271))


def _waves(t: Array, amplitudes: tuple[tuple[float, float], ...]) -> Any:
    return sum(size * np.sin(t * np.pi * pitch) for size, pitch in amplitudes) * 2.0 / 3.0


def _shift(lon: Array, lat: Array) -> tuple[Array, Array]:
    """Give the GCJ-02 offset in degrees."""
    x, y = lon - 105.0, lat - 35.0
    common = _waves(x, ((20.0, 6.0), (20.0, 2.0)))
    root = np.sqrt(np.abs(x))
    d_lat = (-100.0 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
             + _waves(y, ((20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))))
    d_lon = (300.0 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
             + _waves(x, ((20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))))
    sine = np.sin(np.radians(lat))
    magic = 1 - _ECCENTRICITY2 * sine * sine
    metres_lat = _AXIS_M * (1 - _ECCENTRICITY2) / (magic * np.sqrt(magic))
    metres_lon = _AXIS_M / np.sqrt(magic) * np.cos(np.radians(lat))
    inside = in_china(lon, lat)
    return np.where(inside, np.degrees(d_lon / metres_lon), 0.0), np.where(inside, np.degrees(d_lat / metres_lat), 0.0)


def wgs84_to_gcj02(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift WGS 84 degrees to GCJ-02 (Amap, Tencent)."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    d_lon, d_lat = _shift(lon, lat)
    return lon + d_lon, lat + d_lat


def gcj02_to_bd09(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift GCJ-02 degrees to BD-09 (Baidu)."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_TURN)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def wgs84_to_bd09(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift WGS 84 degrees to BD-09 (Baidu)."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


def _invert(forward: Callable[[Array, Array], tuple[Array, Array]], lon: Any, lat: Any) -> tuple[Array, Array]:
    """Find the degrees that a shift carries to the given ones."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    x, y = lon.copy(), lat.copy()
    for _ in range(_ROUNDS):
        to_lon, to_lat = forward(x, y)
        miss_lon, miss_lat = lon - to_lon, lat - to_lat
        x, y = x + miss_lon, y + miss_lat
        if max(np.max(np.abs(miss_lon), initial=0.0), np.max(np.abs(miss_lat), initial=0.0)) < _STOP_DEG:
            break
    return x, y


def gcj02_to_wgs84(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift GCJ-02 degrees back to WGS 84."""
    return _invert(wgs84_to_gcj02, lon, lat)


def bd09_to_gcj02(lon: Any, lat: Any) -> tuple[Array, Array]:
    """Shift BD-09 degrees back to GCJ-02."""
    return _invert(gcj02_to_bd09, lon, lat)


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
