"""All pairs of places and facilities in time: the same milliseconds as the field of each facility alone."""

from __future__ import annotations

import numpy as np
import pytest

from lifecircle.network.access import Doors
from lifecircle.network.pairs import Pairs, pair_times
from town import ORIGIN_M, random_doors, scribble, town_access, walls, wild_roads, wild_walls

CUTOFF_MIN = 12.0
GROUNDS = {"open": lambda: (scribble(1), None), "walled": lambda: (scribble(2), walls(2)),
           "wild": lambda: (wild_roads(4), wild_walls(4))}


def places(seed=2, count=400):
    return np.random.default_rng(seed).uniform(-400, 2_400, (count, 2)) + ORIGIN_M


def alone(access, mode, doors, xy_m, direction):
    """The milliseconds of every place to every facility, each solved by itself."""
    columns = []
    for label in np.unique(doors.label):
        own = Doors(doors.xy_m[doors.label == label], np.zeros((doors.label == label).sum(), int))
        columns.append(access.solve(mode, [own], direction=direction).reach(xy_m, want_snap=False).ms[:, 0])
    return np.column_stack(columns)


@pytest.mark.parametrize("direction", ["to", "from", "worse"])
@pytest.mark.parametrize("mode", ["walk", "bicycle", "car"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_pairs_are_those_of_each_facility_alone(ground, mode, direction):
    access, xy_m = town_access(*GROUNDS[ground]()), places()
    layers = [random_doors(1), random_doors(3, count=9)]
    layers[1] = Doors(layers[1].xy_m, np.array([4, 4, 4, 7, 9, 9, 11, 12, 13]))  # facilities of several doors
    ways = ["to", "from"] if direction == "worse" else [direction]
    for got, doors in zip(pair_times(access, mode, layers, xy_m, CUTOFF_MIN, direction=direction), layers, strict=True):
        ms = np.maximum.reduce([alone(access, mode, doors, xy_m, way) for way in ways])
        place, facility = np.nonzero(ms <= CUTOFF_MIN * 60_000)
        expected = Pairs.of(place, np.unique(doors.label)[facility], ms[place, facility].astype(np.int64))
        assert len(place) > 100
        for mine, theirs in zip((got.place, got.facility, got.ms), (expected.place, expected.facility, expected.ms),
                                strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_a_cutoff_is_kept_to_the_millisecond():
    access, doors, xy_m = town_access(*GROUNDS["wild"]()), random_doors(1), places()
    whole = pair_times(access, "walk", [doors], xy_m, CUTOFF_MIN, direction="to")[0]
    at_ms = int(np.sort(whole.ms)[len(whole.ms) // 2])
    for limit_ms in (at_ms - 1, at_ms, at_ms + 1):
        part = pair_times(access, "walk", [doors], xy_m, limit_ms / 60_000, direction="to")[0]
        assert len(part.ms) == (whole.ms <= limit_ms).sum()


def test_one_thread_and_four_give_the_same():
    access, xy_m = town_access(*GROUNDS["walled"]()), places()
    one, four = (pair_times(access, "car", [random_doors(1)], xy_m, CUTOFF_MIN, direction="to", threads=threads)[0]
                 for threads in (1, 4))
    np.testing.assert_array_equal(one.ms, four.ms)
    np.testing.assert_array_equal(one.facility, four.facility)


@pytest.mark.parametrize(("doors", "xy_m"), [
    (Doors(np.empty((0, 2)), np.empty(0, np.int64)), places()), (random_doors(1), np.empty((0, 2)))])
def test_without_facilities_or_places_there_is_no_pair(doors, xy_m):
    [found] = pair_times(town_access(*GROUNDS["open"]()), "car", [doors], xy_m, CUTOFF_MIN, direction="to")
    assert len(found.place) == len(found.ms) == len(found.minutes) == 0
