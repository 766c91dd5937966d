"""Access times of 2,000 random points, equal to those found by trying every place on every edge in reach.

The town is one of everything (`town.wild_roads`), the oracles stand in `brute`. By the rule both agree to 1 ms: the
start of the search and the answer are each rounded to whole milliseconds. Against places 0.25 m apart the oracle itself
is late where the best place is the very end of a leg of 300 m: by 0.25 m of leg and road, 0.6 s at worst.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from brute import Brute
from lifecircle.network.access import Access, Doors
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import MODES
from lifecircle.network.search import UNREACHED_MS
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.verifytimes import Net, lines_of_run
from oracle import minutes as oracle_minutes
from town import ORIGIN_M, wild_roads, wild_walls

SEED, EXTENT_M = 2, 1_280.0
ROUNDING_MS, ONE_SECOND_MS = 1.01, 1_000.0
ROADS = wild_roads(SEED)
GROUNDS = {"open": BarrierGrid.open_ground(), "walls": wild_walls(SEED)}


def layers():
    """Four clinics (one on a street, one that no road comes near), one school, a park of eight gates."""
    rng = np.random.default_rng(SEED)
    clinics = rng.uniform(-50, EXTENT_M + 50, (4, 2)) + ORIGIN_M
    clinics[1] = ROADS.node_xy_m[ROADS.u[3]] * 0.4 + ROADS.node_xy_m[ROADS.v[3]] * 0.6
    clinics[3] = ORIGIN_M + 3_500.0
    return [clinics, rng.uniform(0, 300, (1, 2)) + ORIGIN_M, rng.uniform(0, EXTENT_M, (8, 2)) + ORIGIN_M]


@cache
def points():
    """2,000 places: on roads, beside them, on crossings, near doors, in the water, and anywhere."""
    rng, walls = np.random.default_rng(SEED + 1), GROUNDS["walls"]
    edge, share = rng.integers(0, len(ROADS), 600), rng.random((600, 1))
    on_road = ROADS.node_xy_m[ROADS.u[edge]] * (1 - share) + ROADS.node_xy_m[ROADS.v[edge]] * share
    doors = np.concatenate(layers())
    row, column = np.nonzero(walls.blocked)
    pick = rng.integers(0, len(row), 100)
    wet = np.column_stack([walls.west_m + (column[pick] + rng.random(100)) * walls.cell_m,
                           walls.north_m - (row[pick] + rng.random(100)) * walls.cell_m])
    return np.concatenate([
        on_road[:100], on_road[100:] + rng.normal(0, 20, (500, 2)),
        ROADS.node_xy_m[rng.integers(0, ROADS.node_count, 100)],
        doors[rng.integers(0, len(doors), 400)] + rng.normal(0, 60, (400, 2)), wet,
        rng.uniform(ROADS.node_xy_m.min(axis=0) - 250, ROADS.node_xy_m.max(axis=0) + 250, (800, 2))])


def solved(ground, mode, direction, roads=ROADS, **changes):
    """Give ms of the points for each layer, infinite where not reached, and the facility."""
    access = Access(roads, {**MODES, mode: replace(MODES[mode], **changes)}, GROUNDS[ground])
    doors = [Doors(xy, np.arange(len(xy))) for xy in layers()]
    reach = access.solve(mode, doors, direction=direction, slope="tobler").reach(points())
    return np.where(reach.ms < UNREACHED_MS, reach.ms, np.inf), reach.label


def oracle(ground, mode, direction):
    return Brute(ROADS, MODES[mode], MODES["walk"], layers(), direction, GROUNDS[ground], hilly=True)


@cache
def ruled(ground, mode, direction):
    found = oracle(ground, mode, direction)
    return *found.by_rule(points()), found.blocked_legs


def check_equal(ours, theirs, tolerance_ms):
    assert ours.shape == (2_000, 3)
    reached = np.isfinite(ours)
    np.testing.assert_array_equal(reached, np.isfinite(theirs))
    assert 0.5 < reached.mean() < 0.95
    assert np.abs(ours[reached] - theirs[reached]).max() <= tolerance_ms


@pytest.mark.parametrize(("mode", "direction"), [("walk", "to"), ("bicycle", "to"), ("car", "from")])
def test_equal_to_every_place_tried(mode, direction):
    """On open ground the definition itself: places 0.2 m apart on every edge in reach."""
    ours, _ = solved("open", mode, direction)
    check_equal(ours, oracle("open", mode, direction).by_definition(points()), ONE_SECOND_MS)


@pytest.mark.parametrize("direction", ["to", "from"])
@pytest.mark.parametrize("mode", ["walk", "car"])
@pytest.mark.parametrize("ground", ["open", "walls"])
def test_equal_to_the_rule(ground, mode, direction):
    ours, _ = solved(ground, mode, direction)
    check_equal(ours, ruled(ground, mode, direction)[0], ROUNDING_MS)


@pytest.mark.parametrize("mode", ["walk", "car"])
def test_the_other_derivations_keep_the_rule_on_one_edge(mode):
    """Gates of a park on the edge of the place, walls between: as `verify` and the oracle of real roads come to them.

    The oracle looks for the best place to a centimetre only: a hundredth of a second.
    """
    best, how, _ = ruled("walls", mode, "to")
    rows = np.flatnonzero(how[:, 2] == 2)[::3]
    assert len(rows) >= 100
    walk, wheels, gates, grid = MODES["walk"], MODES[mode], layers()[2], GROUNDS["walls"]
    driven = None if mode == "walk" else lines_of_run(ROADS, wheels, "none")
    net = Net(lines_of_run(ROADS, walk, "tobler"), driven, walk, wheels.terminal_min * 60_000, grid).solve(gates)
    verified = [net.at(point).ms for point in points()[rows]]
    np.testing.assert_allclose(verified, best[rows, 2], rtol=0, atol=ROUNDING_MS)
    theirs = oracle_minutes(ROADS, walk, None if mode == "walk" else wheels, gates, points()[rows], slope="tobler",
                            walls=grid.walls)
    np.testing.assert_allclose(theirs * 60_000, best[rows, 2], rtol=0, atol=20.0)


def test_no_time_is_better_than_any_clear_leg_allows():
    ours, _ = solved("walls", "walk", "from")
    bound = ruled("walls", "walk", "from")[0] + ONE_SECOND_MS
    best = oracle("walls", "walk", "from").by_definition(points(), bound)
    found = np.isfinite(best)
    assert found.mean() > 0.5
    assert (ours[found] - best[found]).min() >= -ONE_SECOND_MS


def changed(first, second):
    """Count the points to which it makes more than a second's difference."""
    both = np.where(np.isfinite(first), first, -1.0) - np.where(np.isfinite(second), second, -1.0)
    return int((np.abs(both) > ONE_SECOND_MS).any(axis=1).sum())


def test_the_points_are_no_easy_ones():
    """What the oracles were asked about: barriers, one edge, one-way, slopes, and walks at the end of a drive."""
    _, how, blocked_legs = ruled("walls", "walk", "to")
    assert blocked_legs >= 50_000                      # legs looked for around a barrier
    assert (how == 2).any(axis=1).sum() >= 800         # nearest by its own edge
    assert (how == 0).any(axis=1).sum() >= 700         # nearest straight across the ground
    walking, driving = solved("walls", "walk", "to")[0], solved("walls", "car", "to")[0]
    assert changed(walking, solved("open", "walk", "to")[0]) >= 1_000
    assert changed(walking, solved("walls", "walk", "from")[0]) >= 1_000        # uphill is not downhill
    assert changed(driving, solved("walls", "car", "to", respects_oneway=False)[0]) >= 1_000
    assert changed(driving, solved("walls", "car", "from")[0]) >= 1_000
    footpaths = np.isin(ROADS.road_class, [CLASS_INDEX["footway"], CLASS_INDEX["steps"]])
    assert changed(driving, solved("walls", "car", "to", ROADS.take(~footpaths))[0]) >= 1_000  # driven, then walked


def test_terminal_time_is_paid_once_by_who_drives():
    with_it, without = solved("walls", "car", "to")[0], solved("walls", "car", "to", terminal_min=0.0)[0]
    walking = solved("walls", "walk", "to")[0]
    # Three minutes more, but never more than walking all the way.
    np.testing.assert_allclose(with_it, np.minimum(without + 180_000, walking), atol=ROUNDING_MS)
    assert (with_it < walking).sum() >= 2_000
    assert (with_it == walking).sum() >= 2_000


@pytest.mark.parametrize("mode", ["walk", "car"])
def test_the_nearest_is_the_least_of_each_alone(mode):
    """Solved together or one by one: the same time, and the label of one that has it."""
    together, label = solved("walls", mode, "to")
    clinics = layers()[0]
    access = Access(ROADS, dict(MODES), GROUNDS["walls"])
    alone = access.solve(mode, [Doors(xy[None, :], np.zeros(1, int)) for xy in clinics], direction="to", slope="tobler")
    each = alone.reach(points()).minutes * 60_000
    np.testing.assert_allclose(together[:, 0], each.min(axis=1), atol=1.0)
    rows = np.flatnonzero(label[:, 0] >= 0)
    np.testing.assert_allclose(each[rows, label[rows, 0]], together[rows, 0], atol=1.0)
    assert set(label[rows, 0]) == {0, 1, 2, 3}  # the fourth has no road, only people beside it
