"""How slope slows a walk: Tobler, DIN 33466, and both on real roads and along a whole run."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from scipy import ndimage

from extracts import SHARED, andorra
from lifecircle.assess import assess
from lifecircle.inputs.elevation import Elevation
from lifecircle.inputs.findings import Findings
from lifecircle.osmtags import CLASS_INDEX, FORBIDDEN
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.slope import din_33466_min, pieces_of, tobler_divisors, tobler_over_din, weighted_quantiles
from lifecircle.study import read_study
from lifecircle.traveltimes import solve_times
from lifecircle.verifyroads import Roads
from lifecircle.verifyslope import Heights, climb
from tinytown import ORIGIN_M, write_town

CRS = "EPSG:4545"
RUNFILES = Path(__file__).parent / "runfiles"
BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "slope.py"


@pytest.mark.parametrize(("length_m", "ascent_m", "descent_m", "expected_min"), [
    (4_000, 0, 0, 60),           # an hour on the level
    (10_000, 900, 400, 303),     # 2.5 h for the length, 3 h + 0.8 h for the height: 3.8 + 1.25 h
    (8_000, 150, 0, 135),        # 2 h for the length, 0.5 h for the height: 2 + 0.25 h
    (0, 300, 500, 120),          # straight up and down again
])
def test_din_33466_by_hand(length_m, ascent_m, descent_m, expected_min):
    assert float(din_33466_min(length_m, ascent_m, descent_m)) == pytest.approx(expected_min)


def ramp(z_m, road_class="path", **columns):
    """Straight roads of 1 km in a row, with these heights at their ends."""
    count = len(z_m) - 1
    xy = np.column_stack([np.arange(count + 1) * 1000.0, np.zeros(count + 1)])
    return RoadNetwork.from_segments(CRS, xy, np.arange(count), np.arange(1, count + 1),
                                     np.full(count, CLASS_INDEX[road_class]), node_z_m=np.array(z_m, float),
                                     **{name: np.array(values) for name, values in columns.items()})


def test_tobler_over_din_by_hand():
    """1 km up 100 m: Tobler 15 / 0.704688 min over 20 + 7.5; down: 15 over 15 + 6. On the level both say 15."""
    up, down = 15 / 0.704688 / 27.5, 15 / 21
    assert tobler_over_din(ramp([0, 100]), (0.0, 0.5, 0.51, 1.0)) == pytest.approx((down, down, up, up), rel=1e-5)
    assert tobler_over_din(ramp([7, 7])) == (1.0, 1.0, 1.0)
    assert tobler_over_din(ramp([0, 100, 100, 100])) == pytest.approx((down, 1.0, 1.0), rel=1e-5)


@pytest.mark.parametrize("columns", [{"road_class": "motorway"}, {"foot": [FORBIDDEN]}, {"ferry": [True]}])
def test_only_roads_open_to_walkers_are_compared(columns):
    assert np.isnan(tobler_over_din(ramp([0, 100], **columns))).all()


def test_quantiles_by_weight():
    """Of a hundred metres ten are at 1, eighty at 2, ten at 3; the order of the rows does not matter."""
    values, weights = np.array([3.0, 2.0, 1.0, 2.0]), np.array([10.0, 50.0, 10.0, 30.0])
    assert weighted_quantiles(values, weights, (0.0, 0.1, 0.11, 0.9, 0.91, 1.0)) == (1, 1, 2, 2, 3, 3)


def test_pieces_follow_the_profile():
    road = ramp([0, 50, 50]).with_heights(lambda xy: np.abs(xy[:, 0] - 500.0) / 10, step_m=500.0)
    edge, run, rise = pieces_of(road)
    assert edge.tolist() == [0, 0, 1, 1]
    assert run.tolist() == [500.0] * 4
    assert rise.tolist() == [-50, 50, 50, 50]


def write_sloping_town(folder: Path) -> Path:
    """Write the tiny town on a plane that rises by 10 % northwards, on a raster of 20 m."""
    path = write_town(folder, roads={"elevation": "heights.tif"}, surface={"cell_m": 100})
    north, rows, columns = ORIGIN_M[1] + 2_500, 150, 250
    z_m = np.repeat((2_500 - (np.arange(rows) + 0.5) * 20)[:, None] * 0.1 + 100, columns, axis=1)
    with rasterio.open(folder / "heights.tif", "w", driver="GTiff", height=rows, width=columns, count=1,
                       dtype="float32", crs=CRS, transform=Affine(20, 0, ORIGIN_M[0] - 500, 0, -20, north)) as target:
        target.write(z_m.astype("float32"), 1)
    return path


def test_from_a_raster_to_minutes_up_and_down(tmp_path):
    """The clinic of the tiny town stands at y = 1000 m; a block is 7.5 min level, 7.5 / 0.704688 = 10.643 min uphill.

    From the south two blocks lead up, from the north two lead down, along the contour nothing changes: 甲社区 needs
    21.286, 10.643, 0, 7.5, 15 min, and 乙村, two blocks to the east, 15 min more. At 15 minutes 甲 loses its
    southernmost point, at 30 乙 its own (36.286 min).
    """
    done = assess(write_sloping_town(tmp_path))
    minutes = done.demand.set_index("demand_id")["minutes_clinics"]
    up = 7.5 / 0.704688
    assert minutes[[f"d{at}" for at in range(5)]].tolist() == pytest.approx([2 * up, up, 0, 7.5, 15], abs=1e-3)
    assert minutes[[f"d1{at}" for at in range(5)]].tolist() == pytest.approx(
        [2 * up + 15, up + 15, 15, 22.5, 30], abs=1e-3)
    states = done.demand.set_index("demand_id")["state_clinics"]
    assert states[["d0", "d4", "d10", "d11"]].tolist() == ["out_of_time", "in_time"] * 2


@pytest.mark.parametrize("smooth_m", [0.0, 120.0])
def test_the_second_derivation_comes_to_the_same_by_other_means(tmp_path, smooth_m):
    """A lumpy raster with a void, a road over it with a bridge of three pieces that branches, and a tunnel."""
    rng = np.random.default_rng(4)
    z_m = ndimage.gaussian_filter(rng.normal(0, 60, (60, 60)), 3).astype("float32")
    z_m[40:43, 10:14] = np.nan
    path = tmp_path / "lumps.tif"
    with rasterio.open(path, "w", driver="GTiff", height=60, width=60, count=1, dtype="float32", crs=CRS,
                       transform=Affine(20, 0, 0, 0, -20, 1200), nodata=np.nan) as target:
        target.write(z_m, 1)
    u, v = np.array([0, 1, 2, 3, 4, 2, 6, 7]), np.array([1, 2, 3, 4, 5, 6, 7, 8])
    xy = np.array([(60, 600), (200, 610), (290, 600), (370, 640), (500, 600), (900, 610), (290, 500), (300, 430),
                   (235, 375.0)])                       # the last lies on the void
    bridge, tunnel = np.isin(np.arange(8), [1, 2, 5]), np.isin(np.arange(8), [3])
    roads = RoadNetwork.from_segments(CRS, xy, u, v, np.full(8, CLASS_INDEX["path"]), bridge=bridge, tunnel=tunnel)
    draped = roads.with_heights(Elevation.open(path, CRS).sample_m, smooth_m=smooth_m)
    again = Roads(xy, u, v, roads.length_m, np.arange(8), list(range(8)), [{}] * 8)
    heights, land = Heights(path, CRS, smooth_m=smooth_m), np.ones(8, dtype=bool)
    assert heights.void_ways(again) == {7}
    measured = np.arange(7) if smooth_m == 0 else np.arange(6)       # the void is felt as far as the curve bends
    for ours, theirs in zip(tobler_divisors(draped), climb(again, land, bridge | tunnel, heights), strict=True):
        assert ours[measured] == pytest.approx(theirs[measured], rel=1e-5)
        assert ours[7] == pytest.approx(theirs[7], rel=0.1)      # two ways to fill a void
        assert (ours[measured] > 1.01).any()


def test_the_benchmark_says_what_heights_change(tmp_path):
    """At 15 minutes 甲 loses one of five points, at 30 乙 one of five, see the test above; 丙 and 丁 do not change.

    Of 76 km, both ways, 18 lead up (0.774 of DIN), 18 down (0.714) and 40 along the contour (1).
    """
    done = subprocess.run([sys.executable, str(BENCHMARK), str(write_sloping_town(tmp_path)), "--trips", "5"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| clinics")]
    assert [row[1:4] for row in rows] == [["甲街道", "500 → 500 → 400", "-100"], ["乙镇", "50 → 50 → 50", "+0"]]
    segments = next(line for line in done.stdout.splitlines() if "segments" in line)
    assert segments == "| segments, both ways | 0.71 | 0.77 | 1.00 | 1.00 | 1.00 |"
    flat = subprocess.run([sys.executable, str(BENCHMARK), str(write_town(tmp_path / "flat"))], capture_output=True,
                          text=True, check=False)
    assert flat.returncode == 1
    assert "names no elevation" in flat.stderr


def test_slope_makes_no_walk_shorter_in_andorra():
    """The gain downhill is capped at the level, so on the same roads with the same walls nobody gains by heights."""
    andorra()
    study = read_study(RUNFILES / "andorra.toml", allow=(SHARED,))
    level = study.policy.model_copy(update={"policy": {
        layer: study.policy.layer(layer).model_copy(update={"slope": "none"}) for layer in study.layers}})
    with_slope = solve_times(study, Findings()).times
    without = solve_times(dataclasses.replace(study, policy=level), Findings()).times
    slower = 0
    for key, times in with_slope.items():
        longer = times.minutes >= without[key].minutes - 1 / 60_000
        assert longer.all(), key
        slower += int((times.minutes > 1.05 * without[key].minutes).sum()) if key[1] == "walk" else 0
    assert slower >= 100
