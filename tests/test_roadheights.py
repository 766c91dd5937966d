"""Heights along roads: what is smoothed away, what stays, and that a crossing has one height."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extracts import SHARED, andorra
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.roadheights import smooth
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.slope import pieces_of, tobler_divisors, weighted_quantiles
from lifecircle.study import read_study
from test_real_roads import RUNFILES
from town import wild_roads

CRS = "EPSG:4545"


def chain(xy, z_m, wave_m, order=None):
    """Smooth the heights of one road from node to node."""
    order = np.arange(len(xy)) if order is None else order
    xy, u, v = np.asarray(xy, float), order[:-1], order[1:]
    return smooth(np.asarray(z_m, float), xy, u, v, np.hypot(*(xy[v] - xy[u]).T), wave_m)


def along(x_m):
    return np.column_stack([x_m, np.zeros(len(x_m))])


def test_three_nodes_by_hand():
    """A bump of 9 m amid 200 m of road: let the ends rise to x and the middle fall to y.

    100 x² + 100 (y - 9)² + q · 2/200 · ((2x - 2y)/100)² is least, with q = 2.5e7 and so 100 (x - y)² for the last part,
    where 2x = y and 2y - x = 9: x = 3, y = 6. q = (wave / 2π)⁴.
    """
    assert chain(along([0, 100, 200]), [0, 9, 0], 2 * np.pi * 2.5e7**0.25) == pytest.approx([3, 6, 3])


@pytest.mark.parametrize(("length_m", "kept"), [(50.0, 1 / 17), (100.0, 1 / 2), (200.0, 16 / 17), (1000.0, 0.9999)])
def test_a_wave_of_the_stated_length_is_halved(length_m, kept):
    x = np.arange(0.0, 4001.0, 1.0)
    even = chain(along(x), 10 * np.sin(2 * np.pi * x / length_m), 100.0)
    middle = slice(1500, 2500)
    assert even[middle].max() == pytest.approx(10 * kept, abs=0.01)


def test_what_rises_evenly_stays():
    """A ramp of 10 % in uneven pieces with dead ends, and level side streets at right angles."""
    x = np.array([0, 0.2, 7, 40, 41, 100, 260])
    xy = np.concatenate([along(x), [(100, 30), (100, 75), (40, 20), (40, -60)]])
    z = np.concatenate([0.1 * x, [10, 10, 4, 4]])
    u, v = np.array([0, 1, 2, 3, 4, 5, 5, 7, 3, 3]), np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert smooth(z, xy, u, v, np.hypot(*(xy[v] - xy[u]).T), 500.0) == pytest.approx(z, abs=1e-6)


def test_a_road_that_turns_a_corner_is_two_roads():
    """Up 10 % northwards, then level eastwards: nothing is rounded off; on a straight road it would be."""
    z = [0, 5, 10, 10, 10]
    corner = [(0, 0), (0, 50), (0, 100), (50, 100), (100, 100)]
    assert chain(corner, z, 300.0) == pytest.approx(z, abs=1e-9)
    assert chain(along([0, 50, 100, 150, 200]), z, 300.0)[2] < 9.5


@given(st.integers(0, 10_000), st.floats(20, 500))
@settings(max_examples=20)
def test_the_way_a_road_is_drawn_does_not_matter(seed, wave_m):
    """Turned segments, shuffled ones, doubled ones: every node has the height it had; the level stays the level."""
    roads, rng = wild_roads(seed), np.random.default_rng(seed)
    z = rng.normal(500, 20, roads.node_count)
    first = smooth(z, roads.node_xy_m, roads.u, roads.v, roads.length_m, wave_m)
    order = rng.permutation(np.concatenate([np.arange(len(roads)), rng.integers(0, len(roads), 9)]))
    turned = rng.random(len(order)) < 0.5
    u, v = np.where(turned, roads.v[order], roads.u[order]), np.where(turned, roads.u[order], roads.v[order])
    again = smooth(z, roads.node_xy_m, u, v, roads.length_m[order], wave_m)
    np.testing.assert_allclose(again, first, atol=1e-5)
    higher = smooth(z + 100, roads.node_xy_m, u, v, roads.length_m[order], wave_m)
    np.testing.assert_allclose(higher, first + 100, atol=1e-5)


def test_where_no_height_is_known_the_road_is_cut():
    """Beyond the void the other end of the road is smoothed by itself, and a node alone keeps its height."""
    z = [0, 9, 0, np.nan, 5, np.nan, 0, 9, 0]
    even = chain(along(100.0 * np.arange(9)), z, 2 * np.pi * 2.5e7**0.25)
    assert even == pytest.approx([3, 6, 3, np.nan, 5, np.nan, 3, 6, 3], nan_ok=True)


def test_structures_stay_straight_and_long_segments_keep_their_inner_heights():
    """A bumpy road with a bridge of three segments of 120 m in the middle of 30 of 40 m, and one segment of 400 m."""
    x = np.concatenate([np.arange(0, 601, 40), 600 + 120 * np.arange(1, 4), 960 + np.arange(40, 601, 40), [1960]])
    built = np.isin(np.arange(len(x) - 1), [15, 16, 17])
    roads = RoadNetwork.from_segments(CRS, along(x), np.arange(len(x) - 1), np.arange(1, len(x)),
                                      np.full(len(x) - 1, CLASS_INDEX["path"]), bridge=built)
    raw, even = (roads.with_heights(lambda xy: 5 * np.sin(xy[:, 0] / 13) + 300, smooth_m=wave) for wave in (0.0, 250.0))
    assert np.diff(even.node_z_m[15:19]) == pytest.approx(np.full(3, (even.node_z_m[18] - even.node_z_m[15]) / 3))
    up, down = tobler_divisors(even)
    assert up[16] == pytest.approx(up[15]) == up[17]
    assert down[16] == pytest.approx(down[15])
    edge, run, rise = pieces_of(even)
    last = edge == len(roads) - 1
    assert run[last].tolist() == [50.0] * 8
    assert np.abs(rise[last]).sum() < 0.2 * np.abs(pieces_of(raw).rise_m[last]).sum()
    assert even.profile_offset.tolist() == raw.profile_offset.tolist()


def test_ferries_take_no_part():
    """The road ends at the quay: what lies beyond does not bend it."""
    roads = RoadNetwork.from_segments(CRS, along([0, 100, 200, 300]), [0, 1, 2], [1, 2, 3],
                                      [CLASS_INDEX["path"]] * 2 + [CLASS_INDEX["ferry"]], ferry=[False, False, True],
                                      length_m=[100, 100, 100])
    z = np.array([0, 9, 0, 70.0])
    even = roads.with_heights(lambda xy: z[(xy[:, 0] / 100).astype(int)], step_m=500, smooth_m=2 * np.pi * 2.5e7**0.25)
    assert even.node_z_m == pytest.approx([3, 6, 3, 70])


def test_andorra_by_road_class():
    """Its primary roads, seldom built above 10 %, are 8 % steep in the mean as sampled; two cells are 185 m."""
    andorra()
    study = read_study(RUNFILES / "andorra.toml", allow=(SHARED,))
    assert study.elevation.shortest_wave_m == pytest.approx(185.5, abs=0.1)
    raw = study.roads.with_heights(study.elevation.sample_m)
    steep = {}
    for name, roads in (("raw", raw), ("smooth", study.roads)):
        edge, run, rise = pieces_of(roads)
        used = (roads.road_class == CLASS_INDEX["primary"])[edge] & ~(roads.bridge | roads.tunnel)[edge]
        slope = np.abs(rise / run)[used]
        steep[name] = np.average(slope, weights=run[used]), *weighted_quantiles(slope, run[used], (0.95,))
    assert steep["raw"] == pytest.approx((0.081, 0.22), abs=0.005)
    assert steep["smooth"] == pytest.approx((0.063, 0.15), abs=0.005)
    moved = np.abs(study.roads.node_z_m - raw.node_z_m)
    assert np.quantile(moved, 0.95) < 4.0           # a few metres, as the heights themselves are off
