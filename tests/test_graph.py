"""Times of edges by mode: speeds, one-way streets, access, slope."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lifecircle.errors import BadValueError, ConfigError, EmptyTableError
from lifecircle.network.graph import Graph, mode_edges
from lifecircle.network.modes import MODES, read_modes, resolve_modes
from lifecircle.osmtags import ALLOWED, CLASS_INDEX, FORBIDDEN
from lifecircle.policy import Policy
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.slope import tobler_factor
from town import CRS, ORIGIN_M, grid_roads


def street(length_m=1000.0, road_class="residential", z=(0.0, 0.0), **columns):
    return RoadNetwork.from_segments(
        CRS, ORIGIN_M + np.array([[0.0, 0.0], [length_m, 0.0]]), np.array([0]), np.array([1]),
        np.array([CLASS_INDEX[road_class]]), node_z_m=np.array(z), **{k: np.array([v]) for k, v in columns.items()})


def minutes(network, mode, **changes):
    edges = mode_edges(network, replace(MODES[mode], **changes))
    if len(edges.u) == 0:
        return None
    return tuple(None if ms < 0 else ms / 60_000 for ms in (edges.ms_uv[0], edges.ms_vu[0]))


@pytest.mark.parametrize(("mode", "road_class", "expected_min"), [
    ("walk", "residential", 15.0),          # 1 km at 4 km/h
    ("walk_elder", "residential", 20.0),    # 3 km/h
    ("walk_child", "residential", 1000 / 60),   # 3.6 km/h = 60 m a minute
    ("walk", "path", 60 / 3.5),
    ("walk", "steps", 30.0),
    ("car", "trunk", 1.2),                  # 50 km/h
    ("car", "unclassified", 60 / 18),
    ("motorcycle", "trunk", 2.0),           # capped at 30
    ("ebike", "residential", 60 / 18),
    ("bicycle", "residential", 5.0),
])
def test_level_minutes(mode, road_class, expected_min):
    got = minutes(street(road_class=road_class), mode)
    assert got == pytest.approx((expected_min, expected_min), abs=1e-4)


@pytest.mark.parametrize(("mode", "road_class"), [("walk", "motorway"), ("car", "path"), ("car", "steps"),
                                                  ("motorcycle", "motorway"), ("bicycle", "steps")])
def test_closed_classes(mode, road_class):
    assert minutes(street(road_class=road_class), mode) is None


def test_signs_open_and_close():
    assert minutes(street(road_class="path", motor=ALLOWED), "car") == pytest.approx((6.0, 6.0))     # 10 km/h
    assert minutes(street(motor=FORBIDDEN), "car") is None
    assert minutes(street(motor=FORBIDDEN), "walk") == pytest.approx((15.0, 15.0))
    assert minutes(street(foot=FORBIDDEN), "walk") is None


def test_oneway_holds_for_wheels():
    assert minutes(street(oneway=1), "car") == (pytest.approx(3.0), None)
    assert minutes(street(oneway=-1), "car") == (None, pytest.approx(3.0))
    assert minutes(street(oneway=1), "walk") == pytest.approx((15.0, 15.0))


def test_limit_caps_and_known_speed_replaces():
    assert minutes(street(road_class="trunk", maxspeed_kph=30.0), "car")[0] == pytest.approx(2.0)
    assert minutes(street(road_class="trunk", maxspeed_kph=120.0), "car")[0] == pytest.approx(1.2)
    assert minutes(street(road_class="trunk", speed_kph=60.0), "car")[0] == pytest.approx(1.0)
    assert minutes(street(road_class="trunk", speed_kph=60.0), "walk")[0] == pytest.approx(15.0)
    assert minutes(street(road_class="ferry", speed_kph=6.0, ferry=True), "walk")[0] == pytest.approx(10.0)


def test_slope_of_ten_percent_up_and_down():
    # Tobler: exp(-3.5·0.10) = 0.7047 up; down the gain over level is capped: exp(-3.5·(0.05 - 0.05)) = 1.
    up, down = minutes(street(z=(0.0, 100.0)), "walk")
    assert up == pytest.approx(15 / 0.704688, rel=1e-5)
    assert down == pytest.approx(15.0, rel=1e-5)
    assert minutes(street(z=(0.0, 100.0)), "walk", slope="none") == pytest.approx((15.0, 15.0))
    assert minutes(street(z=(0.0, 100.0)), "car") == pytest.approx((3.0, 3.0))


def test_a_hill_between_level_ends_counts():
    # 1 km over a ridge of 50 m in the middle: 500 m at +10 %, 500 m at -10 %, either way.
    ridge = street(length_m=1000.0).with_heights(
        lambda xy: 50.0 - 0.1 * np.abs(xy[:, 0] - ORIGIN_M[0] - 500.0), step_m=50.0)
    assert len(ridge.profile_z_m) == 19
    expected = 7.5 / 0.704688 + 7.5
    assert minutes(ridge, "walk") == pytest.approx((expected, expected), rel=1e-5)


@pytest.mark.parametrize("structure", ["bridge", "tunnel"])
@pytest.mark.parametrize("ground_m", [0.0, 300.0])
def test_a_ramp_with_a_bridge_over_a_valley_or_a_tunnel_through_a_hill(structure, ground_m):
    """1.3 km at 10 %, of which 500 … 800 m run over a valley (0 m) or under a hill (300 m).

    The structure has three pieces, 500-550-700-800. Its portals lie at 50 and 80 m, so by length its inner nodes lie at
    55 and 70 m, and every piece rises by 10 %: 1.3 km at 4 km/h are 19.5 min, up 19.5 / 0.704688, down 19.5. Inside the
    middle piece, 150 m long, heights every 50 m: 60 and 65.
    """
    x = np.array([0.0, 500.0, 550.0, 700.0, 800.0, 1300.0])
    built = np.array([False, True, True, True, False])

    def ground(xy):
        at = xy[:, 0] - ORIGIN_M[0]
        return np.where((at > 500.5) & (at < 799.5), ground_m, at / 10)

    road = RoadNetwork.from_segments(
        CRS, ORIGIN_M + np.column_stack([x, 0 * x]), np.arange(5), np.arange(1, 6),
        np.full(5, CLASS_INDEX["residential"]), **{structure: built}).with_heights(ground, step_m=50.0)
    assert road.node_z_m == pytest.approx([0, 50, 55, 70, 80, 130])
    assert road.profile_z_m[road.profile_offset[2]:road.profile_offset[3]] == pytest.approx([60, 65])
    edges = mode_edges(road, MODES["walk"])
    assert edges.ms_uv.sum() / 60_000 == pytest.approx(19.5 / 0.704688, rel=1e-5)
    assert edges.ms_vu.sum() / 60_000 == pytest.approx(19.5, rel=1e-5)


def test_ferries_are_level():
    ferry = street(z=(0.0, 100.0), road_class="ferry", ferry=True, speed_kph=6.0)
    assert minutes(ferry, "walk") == pytest.approx((10.0, 10.0))


def test_a_fault_of_the_heights_does_not_close_a_road():
    """A wall of 900 m beside a street of 1 m counts as 100 %: exp(-3.5) of 4 km/h, 0.497 min, instead of no way."""
    up, down = minutes(street(length_m=1.0, z=(0.0, 900.0)), "walk")
    assert up == pytest.approx(0.015 / np.exp(-3.5), rel=1e-3)
    assert down == pytest.approx(0.015 / np.exp(-3.5 * 0.9), rel=1e-3)


def test_slope_without_heights_is_an_error():
    with pytest.raises(ConfigError, match=r'slope = "tobler" is asked for \(walk\) without heights; set \[roads\]'):
        mode_edges(grid_roads(), MODES["walk"])


def test_tobler_factors_of_the_domain_notes():
    got = [round(float(tobler_factor(np.array(s))), 2) for s in (0.05, 0.10, 0.15, 0.20, 0.30, -0.15, -0.20, -0.30)]
    assert got == [0.84, 0.70, 0.59, 0.50, 0.35, 0.84, 0.70, 0.50]
    assert tobler_factor(np.array(-0.05)) == 1.0


def test_joinable():
    for columns, expected in (({}, True), ({"bridge": True}, False), ({"tunnel": True}, False)):
        assert mode_edges(street(**columns), replace(MODES["walk"], slope="none")).joinable.tolist() == [expected]
    assert mode_edges(street(road_class="motorway"), MODES["car"]).joinable.tolist() == [False]


def test_parallel_roads_take_the_fastest():
    network = RoadNetwork.from_segments(CRS, ORIGIN_M + np.array([[0.0, 0.0], [60.0, 0.0]]), np.array([0, 0, 1]),
                                        np.array([1, 1, 0]), np.full(3, CLASS_INDEX["residential"]),
                                        length_m=np.array([90.0, 60.0, 75.0]))
    edges = mode_edges(network, replace(MODES["walk"], slope="none"))
    graph = Graph.from_edges(edges, network.node_xy_m)
    assert graph.arc_count == 2
    assert graph.out_ms.tolist() == [54_000, 54_000]


def test_policy_changes_speeds_without_code():
    policy = Policy.model_validate({"modes": {"walk": {"speeds_kph": {"path": 2.0}, "off_road_kph": 1.0}}})
    walk = resolve_modes(policy)["walk"]
    assert (walk.speeds_kph["path"], walk.speeds_kph["residential"], walk.off_road_kph) == (2.0, 4.0, 1.0)
    assert MODES["walk"].speeds_kph["path"] == 3.5


def test_every_mode_says_where_its_figures_come_from(tmp_path):
    assert all(mode.source for mode in MODES.values())
    named = Policy.model_validate({"modes": {"car": {"speeds_kph": {"primary": 45}, "source": "survey of 2026"}}})
    assert resolve_modes(named)["car"].source == "survey of 2026"
    silent = Policy.model_validate({"modes": {"car": {"terminal_min": 2}}})
    assert resolve_modes(silent)["car"].source.startswith("changed by the policy, without a source; before: Mountain")
    (tmp_path / "modes.toml").write_text('[boat]\nfamily = "motor"\noff_road_kph = 2\n[boat.speeds_kph]\nferry = 9\n')
    boat = read_modes(tmp_path / "modes.toml")["boat"]
    assert (boat.speeds_kph["ferry"], boat.speeds_kph["primary"], boat.snap_limit_m) == (9, 0, 300)


@pytest.mark.parametrize(("table", "message"), [
    ({"modes": {"hover": {}}}, "unknown mode hover"),
    ({"modes": {"walk": {"speeds_kph": {"lane": 3}}}}, "unknown road class lane"),
    ({"policy": {"clinics": {"urban": {"mode": "fly", "cutoff_min": 15}}}}, r"unknown mode fly in \[policy.clinics\]"),
])
def test_unknown_names_in_the_policy(table, message):
    with pytest.raises(ConfigError, match=message):
        resolve_modes(Policy.model_validate(table))


def test_bad_segments():
    xy = np.array([[0.0, 0.0], [np.inf, 0.0]])
    with pytest.raises(BadValueError, match="not a finite number"):
        RoadNetwork.from_segments(CRS, xy, np.array([0]), np.array([1]), np.array([0]))
    with pytest.raises(EmptyTableError, match="no road segment"):
        RoadNetwork.from_segments(CRS, xy, np.array([], int), np.array([], int), np.array([], int))
    with pytest.raises(BadValueError, match="a node that is not there"):
        RoadNetwork.from_segments(CRS, xy[:1], np.array([0]), np.array([1]), np.array([0]))
