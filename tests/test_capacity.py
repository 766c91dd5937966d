"""Who has a place: the tiny town, worked by hand, from its files to results, gaps and facilities.

The care post stands in 丁村 at (3500, 1000). Elders, 12 at each point, need 10 minutes a block: 丁 0, 10, 10, 20, 20;
丙 20, 30, 30 in reach and two points beyond; 乙 and 甲 beyond. Clinics reach 550 of 1000 people (tinytown).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import tinytown
from identities import check_identities
from lifecircle.assess import assess
from lifecircle.errors import ConfigError
from lifecircle.indicators.capacity import people_states, share_out
from lifecircle.indicators.kth_nearest import kth_ms
from lifecircle.indicators.reach import judge_headline
from lifecircle.inputs.findings import Findings
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.rundir import read_run, write_run
from lifecircle.reachable import reachable
from lifecircle.study import read_study
from lifecircle.traveltimes import solve_times
from tinytown import DISTRICT, EAST_TOWN, WEST_TOWN, write_town

CARE = {"label_zh": "养老", "label_en": "Elderly care", "group": "60plus",
        "urban": {"cutoff_min": 15, "mode": "walk_elder"}, "rural": {"cutoff_min": 30, "mode": "walk_elder"}}


def town(folder, posts, **sections):
    """Write the town with care posts (id, x_m, y_m, beds) and a need of half a bed for each elder."""
    made = {"source": "tiny town", "quality": "model"}
    supply = {"need_per_person": 0.5, "unit": "beds"}
    path = write_town(folder, facilities=[{"layer": "elderly_care", "file": "care.csv", **made}],
                      policy={"clinics": None, "shelters": None, "elderly_care": {**CARE, "supply": supply}},
                      surface={"cell_m": 500}, **sections)
    rows = [(key, key, "station", beds, *tinytown.lonlat(x_m, y_m)) for key, x_m, y_m, beds in posts]
    table = pd.DataFrame(rows, columns=["facility_id", "name", "level", "capacity", "lon", "lat"])
    table.to_csv(folder / "care.csv", index=False)
    return path


def value(found, indicator, *, code=DISTRICT, cls="all", column="value", scenario="existing", cutoff=None):
    rows = found.results[(found.results["indicator"] == indicator) & (found.results["class"] == cls)
                         & (found.results["township_code"] == code) & (found.results["scenario"] == scenario)]
    if cutoff is None and len(rows) > 1:  # the cutoff that decides, not those beside it
        rows = rows[rows["headline"]]
    [answer] = (rows if cutoff is None else rows[rows["cutoff"] == cutoff])[column]
    return answer


@pytest.fixture(scope="module")
def short_of_beds(tmp_path_factory):
    """21 beds for 42 elders: 36 of 丁 are within 10 minutes, 36 people at 20 minutes share the other 6 places."""
    return assess(town(tmp_path_factory.mktemp("short"), [("E1", 3500.0, 1000.0, 21)]))


def test_served_full_and_beyond(short_of_beds):
    check_identities(short_of_beds)
    for code, served, full, beyond in ((WEST_TOWN, 0, 0, 120), (EAST_TOWN, 42, 54, 24), (DISTRICT, 42, 54, 144)):
        assert value(short_of_beds, "people_served", code=code) == pytest.approx(served)
        assert value(short_of_beds, "people_in_reach_full", code=code) == pytest.approx(full)
        assert value(short_of_beds, "people_beyond_reach", code=code) == pytest.approx(beyond)
        assert value(short_of_beds, "people_supply_undetermined", code=code) == 0.0
    assert value(short_of_beds, "served_rate") == pytest.approx(42 / 240)
    assert value(short_of_beds, "served_rate", column="high") == pytest.approx(42 / 240)
    assert value(short_of_beds, "people_in_time") == pytest.approx(96)


def test_capacity_there_and_needed(short_of_beds):
    assert value(short_of_beds, "capacity_there") == 21
    assert value(short_of_beds, "capacity_needed") == 120
    assert value(short_of_beds, "capacity_needed", code=WEST_TOWN) == 60
    assert value(short_of_beds, "capacity_there", code=WEST_TOWN) == 0
    assert value(short_of_beds, "capacity_there", column="unit") == "beds"
    assert value(short_of_beds, "facilities_capacity_unknown") == 0


def test_gaps_of_capacity(short_of_beds):
    gaps = short_of_beds.gaps[short_of_beds.gaps["kind"] == "capacity"].set_index("place")
    assert set(gaps.index) == {"丙村", "丁村"}
    assert gaps["people_out"].sum() == pytest.approx(54)
    assert set(gaps["cause"]) == {"full"}
    # 丁: 60 in reach, the 24 at 20 minutes are those without; 丙: 36 in reach, 12 of them at 20 and 24 at 30 minutes
    assert gaps.loc["丁村", "need"] == pytest.approx(60)
    assert gaps.loc["丙村", "need"] == pytest.approx(36)
    assert gaps.loc["丁村", "minutes_median"] == pytest.approx(20, abs=1e-3)
    assert gaps.loc["丙村", "minutes_worst"] == pytest.approx(30, abs=1e-3)
    assert set(gaps["nearest_facility"]) == {"E1"}
    assert gaps["minutes_over"].isna().all()


def test_facilities_say_how_full_they_are(short_of_beds):
    post = short_of_beds.facilities.set_index("facility_id").loc["E1"]
    assert post["people_allocated"] == pytest.approx(42)
    assert post["load"] == pytest.approx(1.0)


def test_capacity_per_head(short_of_beds):
    # the 96 elders in reach have 21 beds between them, the 240 of the town 21 / 240 each
    assert value(short_of_beds, "access_2sfca") == pytest.approx(21 / 240)
    assert value(short_of_beds, "access_2sfca", code=EAST_TOWN) == pytest.approx(21 / 120)
    assert value(short_of_beds, "access_2sfca", code=WEST_TOWN) == 0.0
    for form in ("e2sfca", "gaussian", "3sfca"):
        assert value(short_of_beds, f"access_{form}") == pytest.approx(21 / 240)
    by_place = short_of_beds.demand.groupby("place_code")["access_elderly_care"].mean()
    assert by_place["990101002202"] == pytest.approx(21 / 96)
    assert by_place["990101001001"] == 0.0


def test_nearest_second_and_third(tmp_path):
    """Posts at (3500, 1000) and (3500, 0): 丁 is 0 to 20 minutes from the one and 0 to 40 from the other."""
    found = assess(town(tmp_path, [("E1", 3500.0, 1000.0, 5), ("E2", 3500.0, 0.0, 5)]))
    # the nearest of the 120 elders of the east: 丁 0 0 10 10 20, 丙 20 20 30 30 40: half of them within 20 minutes
    assert value(found, "minutes_to_kth_median", code=EAST_TOWN, cutoff=1.0) == pytest.approx(20, abs=1e-3)
    # the second: 丁 10 20 20 30 40, 丙 30 40 40 50 60 (searched to 60): the fifth of ten is at 30
    assert value(found, "minutes_to_kth_median", code=EAST_TOWN, cutoff=2.0) == pytest.approx(30, abs=1e-3)
    assert np.isnan(value(found, "minutes_to_kth_median", code=EAST_TOWN, cutoff=3.0))
    assert value(found, "share_with_k_in_reach", code=EAST_TOWN, cutoff=1.0) == pytest.approx(9 / 10)
    assert value(found, "share_with_k_in_reach", code=EAST_TOWN, cutoff=2.0) == pytest.approx(5 / 10)
    assert value(found, "share_with_k_in_reach", code=EAST_TOWN, cutoff=3.0) == 0.0
    assert value(found, "coverage_rate", code=EAST_TOWN) == pytest.approx(9 / 10)
    kth = found.results["indicator"].isin(["minutes_to_kth_median", "share_with_k_in_reach"])
    assert set(found.results.loc[kth, "metric"]) == {"k"}
    assert not found.results.loc[kth, "headline"].any()


def test_unknown_capacity_leaves_the_supply_open(tmp_path):
    """E2 at (2500, 1000) has no figure: 42 are served at E1, and all others in reach of E2 may be."""
    found = assess(town(tmp_path, [("E1", 3500.0, 1000.0, 21), ("E2", 2500.0, 1000.0, None)]))
    check_identities(found)
    # E2 is open to 丙 (60), to the three of 丁 that are 20 and 30 minutes off (36) and three of 乙 (36); the two
    # points of 丁 at 40 minutes (24) reach only E1, and get its places if others may go to E2
    assert value(found, "people_served") == pytest.approx(42)
    assert value(found, "people_supply_undetermined") == pytest.approx(60 + 60 + 36 - 42)
    assert value(found, "people_in_reach_full") == pytest.approx(0, abs=1e-6)
    assert value(found, "people_beyond_reach") == pytest.approx(24 + 60)
    assert value(found, "served_rate", column="high") == pytest.approx(156 / 240)
    assert value(found, "capacity_there") == 21
    assert np.isnan(value(found, "capacity_there", column="high"))
    assert value(found, "facilities_capacity_unknown") == 1
    assert np.isnan(value(found, "access_2sfca", column="high"))
    [noted] = [item for item in found.findings if item.code == "capacity_unknown"]
    assert (noted.severity, noted.layer, noted.count, noted.id) == ("warn", "elderly_care", 1, "E2")
    assert noted.township_code == EAST_TOWN
    posts = found.facilities.set_index("facility_id")
    assert np.isnan(posts.loc["E2", "people_allocated"])
    assert np.isnan(posts.loc["E2", "load"])


def test_zero_capacity_serves_nobody_for_sure(tmp_path):
    found = assess(town(tmp_path, [("E1", 3500.0, 1000.0, 0)]))
    assert value(found, "people_served") == 0.0
    assert value(found, "people_in_reach_full") == pytest.approx(96)
    assert value(found, "people_supply_undetermined") == 0.0
    assert np.isnan(found.facilities.set_index("facility_id").loc["E1", "load"])


def test_neighbours_compete_and_are_no_total(tmp_path):
    """With 丁 beyond the border its elders still take places: 6 of 42 are left for 36 people, 12 of them in 丙."""
    study = read_study(town(tmp_path, [("E1", 3500.0, 1000.0, 21)]))
    own = study.demand["place_code"] != "990101002202"
    found = assess(replace(study, demand=study.demand.assign(inside=own)))
    assert value(found, "people") == pytest.approx(180)
    whole = value(found, "people_served") + value(found, "people_in_reach_full")
    assert whole == pytest.approx(36)
    alone = assess(replace(study, demand=study.demand[own].assign(inside=True).reset_index(drop=True)))
    assert value(alone, "people_served") == pytest.approx(36)  # without competition all 36 in reach have a place
    assert value(found, "people_served") == pytest.approx(2)
    assert found.facilities.set_index("facility_id").loc["E1", "people_allocated"] == pytest.approx(42)


def test_the_order_of_rows_changes_nothing(tmp_path):
    study = read_study(town(tmp_path, [("E1", 3500.0, 1000.0, 9), ("E2", 2500.0, 1000.0, 7), ("E3", 1500.0, 500.0, 5)]))
    rng = np.random.default_rng(5)

    def answer(study):
        times = solve_times(study, Findings())
        near = reachable(times, "elderly_care", stretch=2.0)
        shared = share_out(times, near)
        states = people_states(times, judge_headline(times, "elderly_care"), shared)
        states.index = times.demand.loc[states.index, "demand_id"]
        load = pd.Series(shared.people_allocated, index=times.serving["elderly_care"]["facility_id"])
        second = pd.Series(kth_ms(near, 2), index=study.demand["demand_id"])
        return states.sort_index(), load.sort_index(), second.sort_index()

    first = answer(study)
    assert first[0]["full"].sum() > 1
    for _ in range(5):
        turned = replace(study, demand=study.demand.iloc[rng.permutation(len(study.demand))].reset_index(drop=True),
                         facilities=study.facilities.iloc[rng.permutation(3)].reset_index(drop=True))
        again = answer(turned)
        pd.testing.assert_frame_equal(first[0], again[0], check_exact=True)
        pd.testing.assert_series_equal(first[1], again[1], check_exact=True)
        pd.testing.assert_series_equal(first[2], again[2], check_exact=True)


def test_a_scenario_of_people_has_its_own_rows(tmp_path):
    """Ten times as many elders in 丁: all 42 places are theirs."""
    path = town(tmp_path, [("E1", 3500.0, 1000.0, 21)],
                people={"scenarios": {"festival": {"column": "population_festival"}}})
    table = pd.read_csv(tmp_path / "people.csv", dtype={"place_code": str, "township_code": str})
    table.assign(population_festival=[50] * 15 + [500] * 5).to_csv(tmp_path / "people.csv", index=False)
    found = assess(path)
    check_identities(found)
    assert value(found, "people_served", scenario="festival") == pytest.approx(42)
    assert value(found, "people_served") == pytest.approx(42)
    # 600 + 36 in reach of 42 places
    assert value(found, "people_in_reach_full", scenario="festival") == pytest.approx(594)
    assert value(found, "capacity_needed", scenario="festival") == pytest.approx(0.5 * 780)
    assert value(found, "access_2sfca", scenario="festival") == pytest.approx(21 / 780)


@pytest.mark.parametrize(("key", "wrong"), [("need_per_person", 0), ("capacity", "beds"), ("zone_weights", [0.2, 0.8]),
                                            ("zone_weights", []), ("zone_weights", [1.2, 0.1])])
def test_settings_that_make_no_sense_are_refused(tmp_path, key, wrong):
    path = write_town(tmp_path, policy={"elderly_care": {**CARE, "supply": {key: wrong}}})
    with pytest.raises(ConfigError, match=rf"supply.*{key}"):
        read_study(path)


def test_a_layer_without_supply_has_no_figures_of_capacity(tmp_path):
    found = assess(write_town(tmp_path, surface={"cell_m": 500}))
    assert "people_served" not in set(found.results["indicator"])
    assert "minutes_to_kth_median" in set(found.results["indicator"])
    assert found.facilities["people_allocated"].isna().all()
    assert not any(name.startswith("access_") for name in found.demand.columns)


def test_small_numbers_at_a_facility_are_kept_back(tmp_path):
    """4 beds for 8 elders: fewer than 10, so neither they nor the load is written, nor what all but they would tell."""
    found = assess(town(tmp_path / "in", [("E1", 3500.0, 1000.0, 4), ("E2", 500.0, 1000.0, 50)]))
    posts = found.facilities.set_index("facility_id")
    assert posts.loc["E1", "people_allocated"] == pytest.approx(8)
    shown = published(found).facilities.set_index("facility_id")
    assert shown.loc["E1", ["people_allocated", "load"]].isna().all()
    assert posts.loc["E2", "people_allocated"] > 10
    assert shown.loc["E2", ["people_allocated", "load"]].isna().all()
    again = read_run(write_run(found, tmp_path / "out")).facilities.set_index("facility_id")
    assert np.isnan(again.loc["E1", "people_allocated"])
    assert np.isnan(again.loc["E2", "load"])
