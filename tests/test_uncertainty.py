"""Intervals of the rates: they hold a planted truth as often as they say, and the draws are what they claim to be."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from lifecircle.assess import assess
from lifecircle.indicators.intervals import interval_verdict, reach_intervals
from lifecircle.indicators.reach import judge_headline
from lifecircle.inputs.findings import Findings
from lifecircle.network.access import Doors
from lifecircle.policy import ModeOverride
from lifecircle.runfile import Uncertainty
from lifecircle.study import read_study
from lifecircle.tables import RESULTS_KEY
from lifecircle.traveltimes import solve_times
from lifecircle.uncertainty import draw_errors, in_time_draws
from tinytown import DISTRICT, EAST_TOWN, ORIGIN_M, PLACES, WEST_TOWN, write_town

CLINICS = {"layer": "clinics", "file": "clinics.csv", "source": "tiny town", "quality": "register"}
#: One rule for everyone, so that the rate lies well between 0 and 1.
RULES = {"clinics": {"urban": {"cutoff_min": 12}, "rural": {"cutoff_min": 12}}, "elderly_care": None, "shelters": None}
UNIT = (DISTRICT, "小镇")


def many_people(study, seed=1, count=600):
    """Put people at random places of the town, and four clinics."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform((0, 0), (4000, 2000), (count, 2))
    place = np.asarray(PLACES)[(xy[:, 0] // 1000).astype(int)]
    demand = gpd.GeoDataFrame(
        {"demand_id": [f"p{row}" for row in range(count)], "place_code": place[:, 0], "township_code": place[:, 2],
         "class": place[:, 3], "population": rng.integers(5, 80, count).astype(float), "inside": True},
        geometry=gpd.points_from_xy(*(xy + ORIGIN_M).T), crs=study.crs)
    clinic = study.facilities.iloc[[0] * 4].reset_index(drop=True)
    clinic["facility_id"] = [f"C{row}" for row in range(4)]
    spots = np.array([(600, 500), (1500, 1400), (2600, 700), (3300, 1500)]) + ORIGIN_M
    clinic = clinic.set_geometry(gpd.points_from_xy(*spots.T), crs=study.crs)
    return replace(study, demand=demand, facilities=clinic)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    path = write_town(tmp_path_factory.mktemp("town"), quality="register", facilities=[CLINICS], policy=RULES)
    return many_people(read_study(path))


def with_errors(study, errors, draw):
    """Give the world of one draw as a study of its own: speeds, people and clinics are really changed."""
    walk = {"speeds_kph": {"residential": 4.0 * errors.walking[draw]}, "off_road_kph": 2.4 * errors.walking[draw]}
    modes = {"walk": ModeOverride(**walk, source="drawn")}
    moved = study.facilities.geometry.translate
    shift = errors.moved_m["clinics"][draw]
    shapes = [moved(dx, dy).iloc[row] for row, (dx, dy) in enumerate(shift)]
    return replace(study, policy=study.policy.model_copy(update={"modes": modes}),
                   demand=study.demand.assign(population=study.demand["population"] * errors.people[draw]),
                   facilities=study.facilities.set_geometry(gpd.GeoSeries(shapes, crs=study.crs)))


def rate(study):
    times = solve_times(study, Findings())
    people = times.demand["population"].to_numpy()
    return people[judge_headline(times, "clinics").state == 0].sum() / people.sum()


def drawn(study, settings):
    times = solve_times(study, Findings())
    headline = {"clinics": judge_headline(times, "clinics")}
    errors = draw_errors(settings, times.demand, times.serving)
    return times, headline, errors, in_time_draws(times, headline, errors)


def test_a_draw_is_the_world_with_its_errors(town):
    settings = Uncertainty(draws=6, seed=7)
    _, headline, errors, answers = drawn(town, settings)
    assert 0.3 < (headline["clinics"].state == 0).mean() < 0.9
    for draw in range(6):
        world = solve_times(with_errors(town, errors, draw), Findings())
        expected = judge_headline(world, "clinics").state == 0
        # Speeds of the drawn world are rounded edge by edge to a millisecond: nobody is so near the cutoff by chance.
        assert (answers["clinics"][draw] != expected).sum() <= 1
    assert (answers["clinics"].mean(axis=0) % 1 > 0).sum() > 20  # some people are in time in some draws only


def test_the_interval_holds_a_planted_truth_nine_times_of_ten(town):
    """Every repeat observes the true town with errors, and asks the draws around what it observed for the interval."""
    truth, repeats, held = rate(town), 200, 0
    wrong = draw_errors(Uncertainty(draws=repeats, seed=99), town.demand, {"clinics": town.facilities})
    for repeat in range(repeats):
        observed = with_errors(town, wrong, repeat)
        times, headline, errors, answers = drawn(observed, Uncertainty(draws=60, seed=1000 + repeat))
        table = next(reach_intervals(times, headline["clinics"], answers["clinics"], errors.people, UNIT, "register"))
        row = table[(table["township_code"] == DISTRICT) & (table["class"] == "all")].iloc[0]
        assert row["low"] < row["value"] < row["high"]
        held += row["low"] <= truth <= row["high"]
    assert 0.85 <= held / repeats <= 0.95


def test_more_draws_leave_the_first_as_they_are(town):
    few, many = (draw_errors(Uncertainty(draws=count), town.demand, {"clinics": town.facilities}) for count in (3, 9))
    np.testing.assert_array_equal(few.people, many.people[:3])
    np.testing.assert_array_equal(few.walking, many.walking[:3])
    np.testing.assert_array_equal(few.moved_m["clinics"], many.moved_m["clinics"][:3])


def test_without_error_every_draw_is_the_table(town):
    still = Uncertainty(draws=2, speed_sd=0, population_sd=0, spread_sd=0, position_sd_m={"register": 0.0})
    _, headline, errors, answers = drawn(town, still)
    assert (errors.people == 1).all()
    np.testing.assert_array_equal(answers["clinics"], [headline["clinics"].state == 0] * 2)


def test_errors_have_the_size_they_are_given(town):
    settings = Uncertainty(draws=4000, speed_sd=0.2, population_sd=0.1, spread_sd=0.3, position_sd_m={"register": 50.0})
    demand = town.demand.iloc[[0, 1, 2, 3, 4]]
    errors = draw_errors(settings, demand, {"clinics": town.facilities})
    assert np.log(errors.walking).std() == pytest.approx(0.2, rel=0.06)
    assert np.corrcoef(errors.walking, errors.driving)[0, 1] == pytest.approx(0, abs=0.06)
    assert np.log(errors.people[:, 0]).std() == pytest.approx(np.hypot(0.1, 0.3), rel=0.06)
    assert errors.moved_m["clinics"].std() == pytest.approx(50.0, rel=0.06)
    same_place = demand["place_code"].to_numpy() == demand["place_code"].iloc[0]
    assert (errors.people[:, same_place] == errors.people[:, [0]]).all()


@pytest.mark.parametrize(("ratio", "walking"), [(1.0, 1.0), (1.25, 0.8), (0.7, 1.1)])
def test_a_vehicle_drives_at_its_ratio(town, ratio, walking):
    """Minutes by car at both factors, against a policy that says these speeds and this terminal time."""
    times = solve_times(town, Findings())
    access, name = times.access.faster("car", ratio)
    doors = Doors(np.array([(600.0, 500.0)]) + ORIGIN_M, np.zeros(1, int))
    got = access.solve(name, [doors], direction="to", slope="none").reach(times.xy_m).minutes[:, 0] / walking
    kph = {road: speed * ratio * walking for road, speed in times.modes["car"].speeds_kph.items()}
    foot = {road: speed * walking for road, speed in times.modes["walk"].speeds_kph.items()}
    said = {"car": ModeOverride(speeds_kph=kph, terminal_min=times.modes["car"].terminal_min / walking, source="test"),
            "walk": ModeOverride(speeds_kph=foot, off_road_kph=2.4 * walking, source="test")}
    world = solve_times(replace(town, policy=town.policy.model_copy(update={"modes": said})), Findings())
    expected = world.access.solve("car", [doors], direction="to", slope="none").reach(times.xy_m).minutes[:, 0]
    np.testing.assert_allclose(got, expected, atol=2e-3)


def test_a_run_prints_intervals_around_its_rates(tmp_path):
    path = write_town(tmp_path, uncertainty={"draws": 20, "seed": 3}, policy={
        "clinics": {"urban": {"cutoff_min": 15, "pass_share": 0.5}, "rural": {"cutoff_min": 30, "pass_share": 0.5}}})
    result = assess(path)
    results = result.results
    assert not results.duplicated(list(RESULTS_KEY)).any()
    rates = result.headline("coverage_rate").set_index(["township_code", "class", "layer"])
    drawn = results[results["indicator"] == "coverage_rate_interval"].set_index(["township_code", "class", "layer"])
    assert set(drawn.index) == set(rates.index)
    assert (drawn["low"] <= drawn["value"]).all()
    assert (drawn["value"] <= drawn["high"]).all()
    judged = drawn.xs("clinics", level="layer")
    for row in judged.itertuples():
        assert row.verdict == interval_verdict(row.low, row.high, 0.5)
    assert set(judged["verdict"]) >= {"met", "unsure"} or set(judged["verdict"]) >= {"not_met", "unsure"}
    area = results[(results["indicator"] == "area_per_head_interval_m2")
                   & (results["township_code"] == "990101001000")].iloc[0]
    assert area["low"] < 1.2 < area["high"]  # 600 m² for 500 people
    assert area["verdict"] == "not_met"
    again = assess(path).results
    pd.testing.assert_frame_equal(results, again)


def test_a_township_of_one_class_is_judged_as_that_class(tmp_path):
    """The east is rural, and 50 of its 500 people are in time in 30 minutes, the next at 37.5: far below a half. The
    west and the district have both classes, whose shares differ, and so none of their own."""
    path = write_town(tmp_path, uncertainty={"draws": 20, "seed": 3, "speed_sd": 0.05}, policy={
        "clinics": {"urban": {"cutoff_min": 15, "pass_share": 0.9}, "rural": {"cutoff_min": 30, "pass_share": 0.5}}})
    results = assess(path).results
    drawn = results[(results["indicator"] == "coverage_rate_interval") & (results["layer"] == "clinics")]
    rows = drawn.set_index(["township_code", "class"])[["target", "verdict"]]
    assert rows.loc[EAST_TOWN, "all"].tolist() == [0.5, "not_met"]
    assert rows.loc[EAST_TOWN, "rural"].tolist() == [0.5, "not_met"]
    assert rows.loc[WEST_TOWN, "urban"].tolist()[0] == 0.9
    for unit in (WEST_TOWN, DISTRICT):
        assert np.isnan(rows.loc[unit, "all"]["target"])
        assert rows.loc[unit, "all"]["verdict"] == "undecided"


@pytest.mark.parametrize(("low", "high", "standard", "verdict"), [
    (0.80, 0.90, 0.80, "met"), (0.79, 0.90, 0.80, "unsure"), (0.50, 0.79, 0.80, "not_met"),
    (0.50, 0.80, 0.80, "unsure"), (0.5, 0.6, np.nan, "undecided"), (np.nan, np.nan, 0.8, "no_data")])
def test_the_verdict_of_an_interval(low, high, standard, verdict):
    assert interval_verdict(low, high, standard) == verdict
