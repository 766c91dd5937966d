"""What must hold for the times of any town, from its files to its minutes, states and results.

Tolerance: 1 ms. A faster road or another facility lowers each part of a trip or leaves it, and rounding to whole
milliseconds keeps that order; only the float arithmetic of one leg may fall on the other side of a half. With barriers
a faster road may move the best leg behind one, and the places then tried lie up to 10 m apart: there the rule itself
does not promise that a speed lowers every time, so speeds are raised on open ground.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinytown
from lifecircle.assess import assess
from lifecircle.inputs.findings import Findings
from lifecircle.network.access import Access, Doors
from lifecircle.network.modes import MODES
from lifecircle.study import read_study
from lifecircle.traveltimes import solve_times
from test_grid_town import DISTRICT, NORTH, SOUTH, box, lonlat, write_town
from town import ORIGIN_M, wild_roads

ROUNDING_MIN = 1.0 / 60_000 + 1e-9
SPEEDS = {"walk": {"residential": 4.0, "tertiary": 4.0, "footway": 4.0}, "car": {"residential": 15.0, "tertiary": 30.0},
          "bicycle": {"residential": 10.0, "tertiary": 12.0}}
seeds = st.integers(0, 2**32 - 1)
modes = st.sampled_from(["walk", "bicycle", "car"])
directions = st.sampled_from(["to", "from", "worse"])
few = settings(max_examples=6, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class Town:
    """A random town: what its files will say. Roads are (properties, from, to), people and clinics (id, x, y)."""

    roads: tuple
    people: tuple
    clinics: tuple
    mode: str = "walk"
    direction: str = "to"
    cutoff_min: float = 15.0
    speeds: dict | None = None
    river: tuple | None = None


def random_town(seed, **more):
    """Five by five crossings out of line, some blocks missing, some one-way, some on foot only; 40 places of people."""
    rng = np.random.default_rng(seed)
    crossing = np.stack(np.meshgrid(np.arange(5), np.arange(5)), -1) * 100.0 + rng.uniform(-20, 20, (5, 5, 2))
    roads = []
    for row in range(5):
        for column in range(5):
            for other in ((row, column + 1), (row + 1, column), (row + 1, column + 1)):
                if max(other) <= 4 and rng.random() < (0.8 if sum(other) == row + column + 1 else 0.15):
                    kind = {"road_class": str(rng.choice(["residential", "tertiary", "footway"], p=[0.6, 0.2, 0.2])),
                            "oneway": str(rng.choice(["0", "1", "-1"], p=[0.6, 0.2, 0.2]))}
                    roads.append((kind, tuple(crossing[row, column]), tuple(crossing[other])))
    people = tuple((f"p{k:02d}", *at) for k, at in enumerate(rng.uniform((-90, -90), (490, 600), (40, 2))))
    clinics = tuple((f"k{k}", *at) for k, at in enumerate(rng.uniform(-50, 450, (3, 2))))
    return replace(Town(tuple(roads), people, clinics), **more)


def write(town, folder):
    """Write the town's files and give its run file."""
    lines = [(kind, {"type": "LineString", "coordinates": lonlat(*ends)}) for kind, *ends in town.roads]
    path = write_town(folder, roads=lines, policy=policy_text(town), barriers=town.river and [box(*town.river)])
    rows = ["facility_id,name,lon,lat"]
    rows += [f"{name},{name},{lon!r},{lat!r}" for name, x, y in town.clinics for lon, lat in lonlat((x, y))]
    (folder / "clinics.csv").write_text("\n".join(rows))
    rows = ["demand_id,lon,lat,population,place_code,township_code"]
    for name, x, y in town.people:
        [(lon, lat)] = lonlat((x, y))
        rows.append(f"{name},{lon!r},{lat!r},10,{'S' if y < 250 else 'N'},{SOUTH if y < 250 else NORTH}")
    (folder / "people.csv").write_text("\n".join(rows))
    return path


def policy_text(town):
    speeds = {mode: {**known, **(town.speeds or {}).get(mode, {})} for mode, known in SPEEDS.items()}
    lines = [f"[modes.{mode}.speeds_kph]\n" + "\n".join(f"{kind} = {kph!r}" for kind, kph in known.items())
             for mode, known in speeds.items()]
    rule = f'{{{{ mode = "{town.mode}", cutoff_min = {town.cutoff_min!r} }}}}'
    lines.append(f'[policy.clinics]\nslope = "none"\ndirection = "{town.direction}"\nurban = {rule}\nrural = {rule}')
    lines.append("[policy.shelters]\nreach = false\nm2_per_head = 2.0")
    return "\n".join(lines)


def minutes_of(town):
    """Give the minutes of the people, in their order, by the whole path from files to times."""
    with tempfile.TemporaryDirectory() as folder:
        times = solve_times(read_study(write(town, Path(folder))), Findings())
    order = np.argsort(times.demand["demand_id"].to_numpy())
    return times.times["clinics", town.mode].minutes[order]


def assessed(town):
    with tempfile.TemporaryDirectory() as folder:
        return assess(write(town, Path(folder)))


def never_later(after, before):
    assert np.isfinite(after).sum() >= 10
    assert (after <= before + ROUNDING_MIN).all()


@few
@given(seeds, modes, directions, st.sampled_from(["residential", "tertiary", "footway"]), st.floats(1.0, 3.0))
def test_a_higher_speed_never_raises_a_time(seed, mode, direction, kind, factor):
    town = random_town(seed, mode=mode, direction=direction)
    faster = {name: {kind: known[kind] * factor} for name, known in SPEEDS.items() if kind in known}
    never_later(minutes_of(replace(town, speeds=faster)), minutes_of(town))


@few
@given(seeds, modes, directions, st.sampled_from(["residential", "footway"]), st.sampled_from(["0", "1"]))
def test_another_road_never_raises_a_time(seed, mode, direction, kind, oneway):
    town = random_town(seed, mode=mode, direction=direction)
    ends = sorted({end for _, *both in town.roads for end in both})
    first, second = np.random.default_rng(seed).choice(len(ends), 2, replace=False)
    road = ({"road_class": kind, "oneway": oneway}, ends[first], ends[second])
    never_later(minutes_of(replace(town, roads=(*town.roads, road))), minutes_of(town))


@few
@given(seeds, modes, directions, st.floats(-90, 490), st.floats(-90, 490))
def test_another_facility_never_raises_a_time(seed, mode, direction, x, y):
    town = random_town(seed, mode=mode, direction=direction)
    never_later(minutes_of(replace(town, clinics=(*town.clinics, ("k9", x, y)))), minutes_of(town))


@few
@given(seeds, modes)
def test_from_is_to_on_the_roads_turned_round(seed, mode):
    town = random_town(seed, mode=mode)
    turned = tuple(({**kind, "oneway": {"0": "0", "1": "-1", "-1": "1"}[kind["oneway"]]}, *ends)
                   for kind, *ends in town.roads)
    there, back = minutes_of(town), minutes_of(replace(town, roads=turned, direction="from"))
    np.testing.assert_array_equal(there, back)


@pytest.mark.parametrize("mode", ["walk", "car"])
def test_from_is_to_on_hills_turned_upside_down(mode):
    roads, rng = wild_roads(3), np.random.default_rng(3)
    turned = replace(roads, oneway=-roads.oneway, node_z_m=-roads.node_z_m)
    doors, points = (rng.uniform(0, 1_300, (count, 2)) + ORIGIN_M for count in (5, 500))
    there, back = (
        Access(network, dict(MODES)).solve(mode, [Doors(doors, np.arange(5))], direction=direction, slope="tobler")
        .reach(points) for network, direction in ((roads, "to"), (turned, "from")))
    np.testing.assert_array_equal(there.ms, back.ms)
    np.testing.assert_array_equal(there.label, back.label)
    assert np.isfinite(there.minutes).sum() > 300


@few
@given(seeds, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(seed, random):
    town = random_town(seed)
    mixed = {name: random.sample(getattr(town, name), len(getattr(town, name)))
             for name in ("roads", "people", "clinics")}
    first, second = assessed(town), assessed(replace(town, **mixed))
    columns = ["minutes_clinics", "state_clinics", "facility_clinics"]
    left, right = (found.demand.set_index("demand_id").sort_index()[columns] for found in (first, second))
    assert left.equals(right)
    key = ["township_code", "class", "layer", "level", "indicator", "metric", "cutoff"]
    left, right = (found.results.sort_values(key).reset_index(drop=True) for found in (first, second))
    assert left.drop(columns=["value", "low", "high"]).equals(right.drop(columns=["value", "low", "high"]))
    np.testing.assert_allclose(left["value"], right["value"], rtol=1e-12)


@few
@given(seeds, modes, st.integers(0, 39))
def test_in_time_sets_nest_around_a_threshold(seed, mode, person):
    """Of a person's own minutes t, t - 0.001 leaves them out and t and t + 0.001 do not; smaller sets lie in larger."""
    town = random_town(seed, mode=mode)
    own = minutes_of(town)
    reached = np.flatnonzero(np.isfinite(own) & (own > 0.01))
    t = float(own[reached[person % len(reached)]])
    people, sets = [], []
    for cutoff_min in (t - 0.001, t, t + 0.001):
        found = assessed(replace(town, cutoff_min=cutoff_min))
        decides = found.results[found.results["headline"]]
        table = decides.set_index(["township_code", "class", "indicator"])["value"]
        people.append(table[DISTRICT, "all", "people_in_time"])
        in_time = found.demand["state_clinics"] == "in_time"
        assert people[-1] == found.demand["population"][in_time].sum()
        sets.append(set(found.demand["demand_id"][in_time]))
    assert sets[0] < sets[1] <= sets[2]
    assert people[0] < people[1] <= people[2]
    assert f"p{reached[person % len(reached)]:02d}" in sets[1] - sets[0]


@few
@given(seeds, modes, directions)
def test_fifteen_minutes_lie_in_thirty(seed, mode, direction):
    town = random_town(seed, mode=mode, direction=direction,
                       speeds={name: {kind: kph / 4 for kind, kph in known.items()} for name, known in SPEEDS.items()})
    with tempfile.TemporaryDirectory() as folder:
        times = solve_times(read_study(write(town, Path(folder))), Findings())
    count = len(times.demand)
    early, late = (times.states("clinics", mode, np.full(count, cutoff)) == 0 for cutoff in (5.0, 10.0))
    assert not (early & ~late).any()
    assert early.any()


@pytest.mark.parametrize(("cutoff_min", "people"), [(14.999, 150), (15.0, 250), (15.001, 250)])
def test_fifteen_means_fifteen(tmp_path, cutoff_min, people):
    # A block of 500 m takes 7.5 minutes; 甲's five points lie 15, 7.5, 0, 7.5 and 15 minutes from the clinic, 50 each.
    path = tinytown.write_town(tmp_path, policy={"clinics": {"urban": {"cutoff_min": cutoff_min, "mode": "walk"}}})
    table = assess(path).results.set_index(["township_code", "class", "layer", "indicator", "headline"])["value"]
    assert table[tinytown.DISTRICT, "urban", "clinics", "people_in_time", True] == people


@few
@given(seeds, st.integers(0, 3), st.integers(0, 4))
def test_a_river_separates_and_a_bridge_joins(seed, row, column):
    """Streets on both banks, the clinic in the south: nobody in the north without a bridge, everybody with one."""
    rng = np.random.default_rng(seed)
    at = np.stack(np.meshgrid(np.arange(5), np.arange(5)), -1) * 100.0 + rng.uniform(-20, 20, (5, 5, 2))
    street = {"road_class": "residential", "oneway": "0"}
    along = [(street, tuple(at[r, c]), tuple(at[r, c + 1])) for r in range(5) for c in range(4)]
    up = [(street, tuple(at[r, c]), tuple(at[r + 1, c])) for r in range(4) for c in range(5) if r != row]
    bridge = ({**street, "bridge": "1"}, tuple(at[row, column]), tuple(at[row + 1, column]))
    shore = 100.0 * row + 50.0
    y = np.concatenate([rng.uniform(-90, shore - 30, 20), rng.uniform(shore + 30, 490, 20)])
    people = tuple((f"p{k:02d}", x, y[k]) for k, x in enumerate(rng.uniform(-90, 490, 40)))
    clinic = ("k0", rng.uniform(0, 400), rng.uniform(-50, shore - 30))
    dry = Town((*along, *up), people, (clinic,))
    cut = replace(dry, river=(-300, shore - 5, 700, shore + 5))
    apart, joined = minutes_of(cut), minutes_of(replace(cut, roads=(*dry.roads, bridge)))
    assert np.isfinite(apart[:20]).all()
    assert np.isinf(apart[20:]).all()
    assert np.isfinite(joined).all()
    never_later(joined, apart)
    never_later(minutes_of(dry), apart)
    state = assessed(cut).demand.set_index("demand_id").sort_index()["state_clinics"]
    assert set(state[20:]) == {"out_of_time"}  # their streets are no island: it is the river, not the map


def test_worse_takes_each_way_to_its_own_nearest():
    # A ring of four streets of 350 m, one way round: p (0, 0) -> a (350, 0) -> (350, 350) -> b (0, 350) -> p, by
    # bicycle at 400 m a minute, 0.875 minutes a street. To a 1 street and back from it 3; to b 3 and back 1. Each way
    # by itself: there 1 (a), back 1 (b), the worse is 1. There and back to one clinic has a way of 3, whichever it is.
    corners = [(0, 0), (350, 0), (350, 350), (0, 350), (0, 0)]
    roads = tuple(({"road_class": "residential", "oneway": "1"}, *ends) for ends in pairwise(corners))
    speeds = {"walk": {"residential": 0.1}, "bicycle": {"residential": 24.0}}
    a, b = ("k1", 350, 0), ("k2", 0, 350)
    for clinics, streets in (((a,), (1, 3, 3)), ((b,), (3, 1, 3)), ((a, b), (1, 1, 1))):
        town = Town(roads, (("p00", 0, 0),), clinics, mode="bicycle", speeds=speeds)
        got = [minutes_of(replace(town, direction=direction))[0] for direction in ("to", "from", "worse")]
        assert got == pytest.approx([0.875 * count for count in streets], abs=1e-4)


@few
@given(seeds, modes)
def test_worse_is_the_larger_and_no_more_than_there_and_back(seed, mode):
    town = random_town(seed, mode=mode)
    there, back, worse = (minutes_of(replace(town, direction=way)) for way in ("to", "from", "worse"))
    np.testing.assert_array_equal(worse, np.maximum(there, back))
    alone = [minutes_of(replace(town, direction="worse", clinics=(clinic,))) for clinic in town.clinics]
    assert (worse <= np.min(alone, axis=0) + ROUNDING_MIN).all()
