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

import lifecircle
from brute import Ground, Roads
from lifecircle.inputs.findings import Findings
from lifecircle.network.access import Access, Doors
from lifecircle.network.modes import MODES
from lifecircle.network.routes import Tracer
from lifecircle.network.search import UNREACHED_MS
from lifecircle.osmtags import ROAD_CLASSES
from lifecircle.routes import place_routes
from lifecircle.study import read_study
from lifecircle.traveltimes import solve_times
from test_brute_force import GROUNDS, ROADS, layers, points
from tinytown import write_town
from town import ORIGIN_M, WALK, grid_roads

#: Rounded: every edge of the roads (in both), the start of the search, and the answer.
ROUNDING_MS = 2.01


class Price:
    """The time of a line, piece by piece: along a road at its pace, else over open ground at the pace of a leg."""

    def __init__(self, mode: str, ground: str, direction: str) -> None:
        self.walk, self.mode, self.direction = MODES["walk"], MODES[mode], direction
        self.roads = {True: Roads.of(ROADS, self.walk, hilly=True)}
        if mode != "walk":
            self.roads[False] = Roads.of(ROADS, self.mode, hilly=False)
        self.ground, self.leg_ms_per_m = Ground(GROUNDS[ground]), 3600.0 / self.walk.off_road_kph

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

    def of(self, route: Any) -> float:
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
    xy, price = points()[::7], Price(mode, ground, direction)
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


def test_a_run_keeps_its_routes(tmp_path: Path) -> None:
    made = lifecircle.assess(write_town(tmp_path))
    again = lifecircle.read_run(lifecircle.write_run(made, tmp_path / "out"))
    assert len(made.routes) > 0
    columns = [name for name in made.routes.columns if name not in ("geometry", "minutes", "metres", "walk_metres")]
    assert again.routes[columns].to_dict("list") == made.routes[columns].to_dict("list")
    assert again.routes["minutes"].tolist() == made.routes["minutes"].tolist()
    assert again.routes.geometry.hausdorff_distance(made.routes.geometry, align=False).max() < 1e-3
