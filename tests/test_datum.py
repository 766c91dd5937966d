"""The shifted datums of China: known offsets, exact inverses, agreement with points that others converted."""

import csv
from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

from lifecircle import datum

SHARED = Path(__file__).resolve().parents[1].parent / "shared"
GEOD = Geod(ellps="WGS84")


def metres(lon, lat, lon2, lat2):
    return np.asarray(GEOD.inv(lon, lat, lon2, lat2)[2])


def grid(west, east, south, north, step):
    lon, lat = np.meshgrid(np.arange(west, east, step), np.arange(south, north, step))
    return lon.ravel(), lat.ravel()


def test_offsets_in_bazhou():
    """Domain notes: GCJ-02 lies +0.00415, -0.00222 degrees off, 444-494 m; BD-09 +0.01065, +0.00378, 1,050-1,148 m."""
    lon, lat = grid(106.52, 107.12, 31.50, 32.06, 0.02)
    gcj, bd = datum.wgs84_to_gcj02(lon, lat), datum.wgs84_to_bd09(lon, lat)
    assert np.mean(gcj[0] - lon) == pytest.approx(0.00415, abs=2e-4)
    assert np.mean(gcj[1] - lat) == pytest.approx(-0.00222, abs=2e-4)
    assert np.mean(bd[0] - lon) == pytest.approx(0.01065, abs=2e-4)
    assert np.mean(bd[1] - lat) == pytest.approx(0.00378, abs=2e-4)
    gcj_m, bd_m = metres(lon, lat, *gcj), metres(lon, lat, *bd)
    assert gcj_m.min() > 440
    assert gcj_m.max() < 500
    assert bd_m.min() > 1040
    assert bd_m.max() < 1160


def test_centre_of_bazhou():
    lon, lat = datum.gcj02_to_wgs84(106.768878, 31.851478)
    assert (float(lon), float(lat)) == pytest.approx((106.7647, 31.8537), abs=5e-5)


@pytest.mark.parametrize(("there", "back"), [
    (datum.wgs84_to_gcj02, datum.gcj02_to_wgs84),
    (datum.gcj02_to_bd09, datum.bd09_to_gcj02),
    (datum.wgs84_to_bd09, datum.bd09_to_wgs84),
])
def test_round_trip_is_below_a_millimetre_over_china(there, back):
    lon, lat = grid(73.6, 135.0, 18.0, 53.5, 0.53)
    assert metres(lon, lat, *back(*there(lon, lat))).max() < 1e-3


def test_nothing_is_shifted_abroad():
    lon, lat = np.array([1.52, 24.94, -70.0]), np.array([42.5, 60.17, -33.0])
    assert datum.wgs84_to_gcj02(lon, lat)[0].tolist() == lon.tolist()
    assert not datum.in_china(lon, lat).any()


def test_to_wgs84_leaves_wgs84_and_cgcs2000_alone():
    for name in ("wgs84", "cgcs2000"):
        lon, lat = datum.to_wgs84([106.7], [31.8], name)
        assert (lon.tolist(), lat.tolist()) == ([106.7], [31.8])


def test_towns_that_others_converted():
    """Another program converted these points; both follow the public formula, and the table is rounded."""
    path = SHARED / "data/bazhou/townships.csv"
    if not path.is_file():
        pytest.skip("needs ../shared beside the checkout")
    with path.open(encoding="utf-8-sig") as stream:
        rows = [row for row in csv.DictReader(stream) if row["lon_gcj02_2016"] and row["lon_wgs84"]]
    columns = ("lon_gcj02_2016", "lat_gcj02_2016", "lon_wgs84", "lat_wgs84")
    gcj_lon, gcj_lat, lon, lat = (np.array([float(row[name]) for row in rows]) for name in columns)
    assert len(rows) >= 14
    assert metres(lon, lat, *datum.to_wgs84(gcj_lon, gcj_lat, "gcj02")).max() < 1.0
