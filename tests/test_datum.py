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


#: WGS 84, GCJ-02 and BD-09 by geocoordinates-rs 0.14.2 (``wgs84_to_gcj02``, ``wgs84_to_bd09``), to 1e-9 degrees.
OTHERS = np.array([
    (106.7647, 31.8537, 106.768851313, 31.851517866, 106.775365291, 31.857501070),  # 巴州
    (116.3913, 39.9075, 116.397541182, 39.908901276, 116.403913944, 39.915244664),  # 北京
    (87.6168, 43.8256, 87.619649949, 43.826805393, 87.626099771, 43.832949795),  # 乌鲁木齐
    (109.5119, 18.2528, 109.515984295, 18.251094792, 109.522531792, 18.256876554),  # 三亚
    (134.3078, 48.3650, 134.315521132, 48.367411255, 134.322069617, 48.373298949),  # 抚远
]).T


def test_another_program_shifts_the_same():
    lon, lat, gcj_lon, gcj_lat, bd_lon, bd_lat = OTHERS
    assert metres(*datum.wgs84_to_gcj02(lon, lat), gcj_lon, gcj_lat).max() < 0.001
    assert metres(*datum.wgs84_to_bd09(lon, lat), bd_lon, bd_lat).max() < 0.001
    assert metres(*datum.gcj02_to_wgs84(gcj_lon, gcj_lat), lon, lat).max() < 0.001
    assert metres(*datum.bd09_to_wgs84(bd_lon, bd_lat), lon, lat).max() < 0.001


def test_agreement_with_geocoordinates():
    """Runs where the package is at hand: it has no wheel for Windows and is no requirement."""
    other = pytest.importorskip("geocoordinates_ffi")
    lon, lat = grid(74.0, 135.0, 18.5, 53.5, 2.3)
    gcj = [other.wgs84_to_gcj02(other.Wgs84(lat=b, lon=a)) for a, b in zip(lon, lat, strict=True)]
    bd = [other.wgs84_to_bd09(other.Wgs84(lat=b, lon=a)) for a, b in zip(lon, lat, strict=True)]
    back = [other.gcj02_to_wgs84_refined(point) for point in gcj]
    for ours, theirs in ((datum.wgs84_to_gcj02(lon, lat), gcj), (datum.wgs84_to_bd09(lon, lat), bd),
                         ((lon, lat), back)):
        assert metres(*ours, [point.lon for point in theirs], [point.lat for point in theirs]).max() < 0.001


def test_any_shape_and_any_number_of_points():
    lon, lat = grid(106.0, 107.0, 31.0, 32.0, 0.004)
    assert len(lon) > 3 * datum._BLOCK
    many = datum.bd09_to_wgs84(lon, lat)
    for row in (0, -1):
        alone = datum.bd09_to_wgs84(lon[row], lat[row])
        assert [float(value) for value in alone] == pytest.approx([many[0][row], many[1][row]], abs=1e-13)
    assert datum.gcj02_to_wgs84(lon.reshape(2, -1), lat.reshape(2, -1))[0].shape == (2, len(lon) // 2)
    assert datum.gcj02_to_wgs84([], [])[0].shape == (0,)
    assert np.isfinite(datum.gcj02_to_bd09(0.0, 0.0)).all()


@pytest.mark.parametrize(("there", "back"), [
    (datum.wgs84_to_gcj02, datum.gcj02_to_wgs84),
    (datum.gcj02_to_bd09, datum.bd09_to_gcj02),
    (datum.wgs84_to_bd09, datum.bd09_to_wgs84),
])
def test_round_trip_is_below_a_millimetre_over_china(there, back):
    lon, lat = grid(73.6, 135.0, 18.0, 53.5, 0.153)
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
