"""Routes: the line behind a time, priced again piece by piece, and worked by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings, strategies

import lifecircle
from brute import Ground, Roads
from lifecircle.inputs.findings import Findings
from lifecircle.network.access import Access, Doors
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import MODES, TravelMode
from lifecircle.network.routes import Route, Tracer, trace_worse
from lifecircle.network.search import UNREACHED_MS
from lifecircle.osmtags import CLASS_INDEX, ROAD_CLASSES
from lifecircle.outputs.disclosure import published
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.routes import place_routes
from lifecircle.study import read_study
from lifecircle.traveltimes import evaluate, solve_times
from test_brute_force import GROUNDS, ROADS, layers, points
from tinytown import ORIGIN_M as TOWN_ORIGIN_M
from tinytown import write_town
from town import CRS, ORIGIN_M, WALK, grid_roads, wild_roads, wild_walls

#: Rounded: every edge of the roads (in both), the start of the search, and the answer.
ROUNDING_MS = 2.01


class Price:
    """The time of a line, piece by piece: along a road at its pace, else over open ground at the pace of a leg."""

    def __init__(self, mode: TravelMode, walk: TravelMode, network: RoadNetwork, grid: BarrierGrid, *,
                 hilly: bool) -> None:
        self.walk, self.mode = walk, mode
        self.roads = {True: Roads.of(network, walk, hilly=hilly)}
        if not mode.on_foot:
            self.roads[False] = Roads.of(network, mode, hilly=False)
        self.ground, self.leg_ms_per_m = Ground(grid), 3600.0 / walk.off_road_kph

    def along(self, p: np.ndarray, q: np.ndarray, on_foot: bool) -> float:
        """Give the least time between two places over one edge that both lie on; infinite where there is none."""
        roads = self.roads[on_foot]
        aside = roads.unit[:, ::-1] * [1.0, -1.0]
        (s, h), (t, g) = ((((at - roads.begin) * roads.unit).sum(1), np.abs(((at - roads.begin) * aside).sum(1)))
                          for at in (p, q))
        on = (h < 1e-6) & (g < 1e-6) & (np.minimum(s, t) > -1e-6) & (np.maximum(s, t) < roads.length + 1e-6)
        ms = np.where(t >= s, roads.ms_uv, roads.ms_vu)
        share = np.abs(t - s) / np.maximum(roads.length, 1e-9)
        on &= (roads.length > 0) & (roads.joinable | (share > 1 - 1e-9))  # a bridge is passed from end to end
        return float(np.where(on, np.where(share > 0, ms * share, 0.0), np.inf).min())

    def of(self, route: Route) -> float:
        """Give the milliseconds of a way; infinite where a piece lies on no road and is no clear leg."""
        total, last = 0.0, len(route.xy_m) - 2
        for at, (p, q, on_foot) in enumerate(zip(route.xy_m[:-1], route.xy_m[1:], route.on_foot, strict=True)):
            ms, metres = self.along(p, q, bool(on_foot)), float(np.hypot(*(q - p)))
            is_leg = on_foot and (at in (0, last) or at == 1 == last) and metres <= self.walk.snap_limit_m + 1e-6
            if is_leg and not self.ground.blocked(p[None], q[None])[0]:
                ms = min(ms, self.leg_ms_per_m * metres)
            total += ms
        return total + (0.0 if route.on_foot.all() else self.mode.terminal_min * 60_000.0)


@pytest.mark.parametrize("direction", ["to", "from"])
@pytest.mark.parametrize("mode", ["walk", "bicycle", "car"])
@pytest.mark.parametrize("ground", ["open", "walls"])
def test_the_line_takes_the_time_of_the_table(ground: str, mode: str, direction: str) -> None:
    """Priced by the oracle's roads, which know nothing of the search: each piece lies on a road or is a clear leg."""
    access = Access(ROADS, dict(MODES), GROUNDS[ground])
    doors = [Doors(xy, np.arange(len(xy))) for xy in layers()]
    field = access.solve(mode, doors, direction=direction, slope="tobler")
    xy, price = points()[::7], Price(MODES[mode], MODES["walk"], ROADS, GROUNDS[ground], hilly=True)
    reach, driven = field.reach(xy), 0
    for column in range(3):
        routes = Tracer(field, column).trace(xy)
        for at, route in enumerate(routes):
            assert (route is None) == (reach.ms[at, column] >= UNREACHED_MS)
            if route is None:
                continue
            assert (route.ms, route.label) == (reach.ms[at, column], reach.label[at, column])
            ends = route.xy_m[[0, -1]] if direction == "to" else route.xy_m[[-1, 0]]
            np.testing.assert_array_equal(ends, [xy[at], doors[column].xy_m[route.label]])
            assert abs(price.of(route) - route.ms) <= ROUNDING_MS, (at, column)
            driven += not route.on_foot.all()
    assert (driven > 100) == (mode != "walk")


@settings(max_examples=12)
@given(seed=strategies.integers(0, 2**31), mode=strategies.sampled_from(["walk", "ebike", "car"]),
       walled=strategies.booleans(), both=strategies.booleans())
def test_any_small_town(seed: int, mode: str, walled: bool, both: bool) -> None:
    """Of one direction, or the worse of two: the time of the table, from the point to a door of its facility."""
    rng, roads = np.random.default_rng(seed), wild_roads(seed, side=6)
    grid = wild_walls(seed) if walled else BarrierGrid.open_ground()
    doors = Doors(rng.uniform(-50, 850, (5, 2)) + ORIGIN_M, np.array([0, 0, 1, 2, 2]))
    access = Access(roads, dict(MODES), grid)
    fields = [access.solve(mode, [doors], direction=way, slope="tobler") for way in (("to", "from")[:1 + both])]
    xy = rng.uniform(-150, 950, (25, 2)) + ORIGIN_M
    minutes, label, _ = evaluate(tuple(fields), xy)
    price = Price(MODES[mode], MODES["walk"], roads, grid, hilly=True)
    for at, route in enumerate(trace_worse(fields, 0, xy)):
        assert (route is None) == (not np.isfinite(minutes[at, 0]))
        if route is None:
            continue
        assert (route.ms / 60_000, route.label) == (minutes[at, 0], label[at, 0])
        home, goal = route.xy_m[[0, -1]] if route.direction == "to" else route.xy_m[[-1, 0]]
        assert (home == xy[at]).all()
        assert (doors.xy_m[doors.label == route.label] == goal).all(axis=1).any()
        assert abs(price.of(route) - route.ms) <= ROUNDING_MS


# --- Worked by hand: a grid of 100 m, 100 m a minute on the streets, 60 m off them ------------------------------------

def routes(door: tuple[float, float], *at: tuple[float, float], mode: Any = WALK, direction: str = "to") -> list[Any]:
    access = Access(grid_roads(), {mode.name: mode, "walk": WALK})
    field = access.solve(mode.name, [Doors(np.array([door]) + ORIGIN_M, np.zeros(1, np.int64))], direction=direction)
    return Tracer(field, 0).trace(np.array(at) + ORIGIN_M)


@pytest.mark.parametrize(("door", "point", "places", "minutes"), [
    # Along the streets from a crossing to a door on a street: 200 m + 50 m.
    ((250.0, 200.0), (0.0, 200.0), [(0, 200), (100, 200), (200, 200), (250, 200)], 2.5),
    # Both on one street: along it, no crossing on the way.
    ((190.0, 200.0), (110.0, 200.0), [(110, 200), (190, 200)], 0.8),
    # Nearer over the open block than by any street: 30 m at 60 m a minute.
    ((150.0, 165.0), (150.0, 135.0), [(150, 135), (150, 165)], 0.5),
    # The point is the door.
    ((200.0, 200.0), (200.0, 200.0), [(200, 200), (200, 200)], 0.0),
])
def test_ways_worked_by_hand(door: Any, point: Any, places: Any, minutes: float) -> None:
    (route,) = routes(door, point)
    assert route.ms == round(minutes * 60_000)
    np.testing.assert_allclose(route.xy_m - ORIGIN_M, np.array(places, dtype=float), atol=1e-6)
    assert route.on_foot.all()
    assert route.metres == route.walk_metres == pytest.approx(sum(
        np.hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(places)))


def test_a_leg_runs_ahead_to_where_the_street_is_best_met() -> None:
    """Off the street at half-height 40 m, 3.6 against 6 km/h: the best leg meets it 30 m ahead (sin = 0.6)."""
    (route,) = routes((400.0, 0.0), (210.0, 40.0))
    np.testing.assert_allclose(route.xy_m[1] - ORIGIN_M, (240, 0), atol=1e-3)
    assert route.ms == round((50 / 60 + 160 / 100) * 60_000)


def test_by_car_the_legs_are_walked() -> None:
    car = replace(MODES["car"], speeds_kph=MappingProxyType(dict.fromkeys(ROAD_CLASSES, 30.0)), terminal_min=1.0,
                  walk_mode="walk")
    (route,) = routes((430.0, 380.0), (0.0, -20.0), mode=car)
    assert not route.on_foot.all()
    assert route.on_foot[[0, -1]].all()
    assert route.walk_metres < 0.2 * route.metres
    (back,) = routes((430.0, 380.0), (0.0, -20.0), mode=car, direction="from")
    np.testing.assert_allclose(back.xy_m[[0, -1]] - ORIGIN_M, [(430, 380), (0, -20)])


@pytest.mark.parametrize("direction", ["to", "from"])
def test_by_car_from_the_end_of_a_footpath(direction: Any) -> None:
    """500 m of footpath at 100 m a minute, 1,000 m of street at 500 m a minute, and a minute to park: 5 + 2 + 1."""
    xy = np.array([(0.0, 0.0), (1_000.0, 0.0), (1_000.0, 500.0)])
    roads = RoadNetwork.from_segments(CRS, xy + ORIGIN_M, np.array([0, 1]), np.array([1, 2]), np.array(
        [CLASS_INDEX["residential"], CLASS_INDEX["footway"]]), source="a spur")
    kph = {kind: 30.0 if kind == "residential" else 0.0 for kind in ROAD_CLASSES}
    car = replace(MODES["car"], speeds_kph=MappingProxyType(kph), if_allowed_kph=0.0, terminal_min=1.0,
                  walk_mode="walk")
    field = Access(roads, {"car": car, "walk": WALK}).solve("car", [Doors(xy[:1] + ORIGIN_M, np.zeros(1, np.int64))],
                                                            direction=direction)
    (route,) = trace_worse([field], 0, xy[2:] + ORIGIN_M)
    order = slice(None, None, -1 if direction == "to" else 1)
    assert route is not None
    np.testing.assert_allclose(route.xy_m - ORIGIN_M, xy[order], atol=1e-6)
    assert route.on_foot.tolist() == ([True, False] if direction == "to" else [False, True])
    assert (route.ms, route.metres, route.walk_metres, route.direction) == (480_000, 1_500.0, 500.0, direction)


def test_nothing_reached_has_no_way() -> None:
    assert routes((9_000.0, 9_000.0), (0.0, 0.0)) == [None]


# --- A study --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("direction", ["to", "from", "worse"])
def test_places_have_their_way_to_each_service(tmp_path: Path, direction: str) -> None:
    study = read_study(write_town(tmp_path, policy={"clinics": {"direction": direction}}))
    times = solve_times(study, Findings())
    table = place_routes(times)
    points_ = times.middle_points.set_index("place_code")["row"]
    assert set(table["layer"]) == {"clinics", "elderly_care", "shelters"}
    assert not table.duplicated(["place_code", "layer"]).any()
    for row in table.itertuples():
        at, mode = points_[row.place_code], row.mode
        known = times.times[row.layer, mode]
        assert row.minutes == known.minutes[at]
        assert row.facility_id == times.serving[row.layer]["facility_id"].iloc[known.facility[at]]
        assert row.demand_id == times.demand["demand_id"].iloc[at]
        assert row.metres == pytest.approx(row.geometry.length)
        ends = [shapely.Point(row.geometry.coords[end]) for end in (0, -1)]
        home = shapely.Point(times.xy_m[at])
        assert ends[0 if row.direction == "to" else 1].distance(home) == 0
        door = times.serving[row.layer].set_index("facility_id").geometry[row.facility_id]
        assert ends[1 if row.direction == "to" else 0].distance(shapely.boundary(door)
                                                                if door.geom_type == "Polygon" else door) < 1e-6


def test_tinytown_by_hand(tmp_path: Path) -> None:
    """Each block is 500 m and 7.5 minutes, 10 for elders: the middle point of a place is on the line of the doors."""
    table = place_routes(solve_times(read_study(write_town(tmp_path)), Findings()))
    rows = {(row.place_code, row.layer): row for row in table.itertuples()}
    for (place, layer), (x, door_x, minutes) in {
            ("990101001001", "clinics"): (500, 500, 0.0), ("990101001201", "clinics"): (1_500, 500, 15.0),
            ("990101002201", "clinics"): (2_500, 500, 30.0), ("990101002202", "clinics"): (3_500, 500, 45.0),
            ("990101002201", "elderly_care"): (2_500, 3_500, 20.0)}.items():
        row = rows[place, layer]
        assert row.minutes == pytest.approx(minutes, abs=1e-3)
        assert row.metres == row.walk_metres == pytest.approx(abs(x - door_x), abs=0.01)
        step = 500 if door_x > x else -500
        blocks = [(at, 1_000) for at in range(x, door_x + step, step)] if x != door_x else [(x, 1_000)] * 2
        # a way that is as long turns no corner, for all doors and points stand on one street
        np.testing.assert_allclose(np.array(row.geometry.coords) - np.array(TOWN_ORIGIN_M), blocks, atol=0.01)


def test_routes_tell_nothing_of_the_groups(tmp_path: Path) -> None:
    """They are the same whoever lives at the points, so what `published` hides of a group is not told by them."""
    study = read_study(write_town(tmp_path))
    few = [name for name in study.demand.columns if name.startswith("population_")]
    other = replace(study, demand=study.demand.assign(**dict.fromkeys(few, 0.0)))
    assert few
    known, emptied = (place_routes(solve_times(one, Findings())) for one in (study, other))
    assert len(known) > 0
    assert_geodataframe_equal(known, emptied)
    made = lifecircle.assess(study)
    assert_geodataframe_equal(published(made).routes, made.routes)


def test_a_run_keeps_its_routes(tmp_path: Path) -> None:
    made = lifecircle.assess(write_town(tmp_path))
    again = lifecircle.read_run(lifecircle.write_run(made, tmp_path / "out"))
    assert len(made.routes) > 0
    columns = [name for name in made.routes.columns if name not in ("geometry", "minutes", "metres", "walk_metres")]
    assert again.routes[columns].to_dict("list") == made.routes[columns].to_dict("list")
    assert again.routes["minutes"].tolist() == made.routes["minutes"].tolist()
    assert again.routes.geometry.hausdorff_distance(made.routes.geometry, align=False).max() < 1e-3
