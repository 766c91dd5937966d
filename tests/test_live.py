"""What one more facility changes, from a district held warm: the same as solving the district anew, and by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from lifecircle import gaps
from lifecircle.errors import UsageError
from lifecircle.indicators.reach import judge_headline, reach_rows
from lifecircle.inputs.findings import Findings
from lifecircle.live import Live
from lifecircle.policy import ClassRule
from lifecircle.proposals import propose, with_changes
from lifecircle.study import read_study
from lifecircle.traveltimes import solve_times
from tinytown import DISTRICT, EAST_TOWN, ORIGIN_M, WEST_TOWN, write_town


def _points(*xy_m):
    return gpd.GeoSeries(shapely.points(np.array(xy_m, dtype=float) + ORIGIN_M), crs="EPSG:4545")


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return Live.of(read_study(write_town(tmp_path_factory.mktemp("town"))))


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    """The town with one-way streets, more facilities, trips there and back, a mode beside, and an island of roads."""
    folder = tmp_path_factory.mktemp("hard")
    runfile = write_town(folder, policy={
        "clinics": {"direction": "worse", "urban": {"cutoff_min": 15, "mode": "walk", "beside": ["car"]},
                    "rural": {"cutoff_min": 20, "mode": "car"}},
        "elderly_care": {"group": "60plus", "direction": "from"},
        "shelters": {"m2_per_head": 2.0}})
    roads = json.loads((folder / "roads.geojson").read_text())
    for number, feature in enumerate(roads["features"]):
        feature["properties"]["oneway"] = "yes" if number % 3 == 0 else "no"
    (folder / "roads.geojson").write_text(json.dumps(roads))
    study = read_study(runfile)
    more = propose(study, "clinics", _points((2500, 500), (3500, 2000), (1200, 300)), facility_id=["B1", "D1", "C0"])
    return Live.of(with_changes(study, add=more))


def test_a_clinic_in_the_middle_reaches_everybody(town):
    change = town.change("clinics", add=propose(town.times.study, "clinics", _points((2500, 1000)), name="丙诊所"))
    table = change.coverage.set_index(["township_code", "class"])
    assert table.loc[(DISTRICT, "all"), ["people_in_time_before", "people_in_time"]].tolist() == [550, 1000]
    assert table.loc[(WEST_TOWN, "all"), ["people_in_time_before", "people_in_time"]].tolist() == [500, 500]
    assert table.loc[(EAST_TOWN, "rural"), "coverage_rate"] == 1.0
    assert table.loc[(DISTRICT, "urban"), "people"] == 250
    won = change.places.set_index("place")["people_won"].to_dict()
    assert won == {"丙村": 200, "丁村": 250}  # 乙村 is as far from both clinics
    assert change.gaps.empty


def test_a_clinic_closed_leaves_nobody_in_time(town):
    change = town.change("clinics", close=["C1"])
    assert change.coverage.iloc[-1][["people_in_time", "people_out", "people_undetermined"]].tolist() == [0, 1000, 0]
    assert change.places["people_lost"].sum() == 550
    assert set(change.gaps["cause"]) == {"no_facility"}


def test_area_per_head_counts_the_new_shelter(town):
    new = propose(town.times.study, "shelters", _points((3500, 1000)), effective_area_m2=1000.0)
    change = town.change("shelters", add=new)
    area = change.area.set_index("township_code")
    assert area.loc[EAST_TOWN, ["area_per_head_m2_before", "area_per_head_m2"]].tolist() == [0.0, 2.0]
    assert area.loc[DISTRICT, "area_per_head_m2"] == 1.6
    assert change.gaps.loc[change.gaps["kind"] == "area", "township_code"].tolist() == [WEST_TOWN]


@pytest.mark.parametrize("layer", ["clinics", "elderly_care", "shelters"])
@pytest.mark.parametrize("seed", range(8))
def test_it_is_what_solving_anew_gives(hard, layer, seed):
    rng, study = np.random.default_rng([seed, len(layer)]), hard.times.study
    spots = np.column_stack([rng.uniform(-200, 4200, 3), rng.uniform(-200, 2200, 3)])
    spots[0] += [0.0, 9000.0 * (seed == 3)]  # beyond all roads
    spots[1] = spots[2] if seed == 4 else spots[1]  # a tie
    new = propose(study, layer, _points(*spots), facility_id=["A", "C05", "Z"], effective_area_m2=500.0)
    there = study.facilities["facility_id"][study.facilities["layer"] == layer].tolist()
    close = [there[seed % len(there)]] if seed % 2 else []
    solved = solve_times(with_changes(study, add=new, close=close), Findings())
    times = hard.solve(layer, add=new, close=close)
    for key in (key for key in solved.times if key[0] == layer):
        for name in ("minutes", "facility", "doubtful"):
            np.testing.assert_array_equal(getattr(times.times[key], name), getattr(solved.times[key], name))
        np.testing.assert_array_equal(times.joined[key], solved.joined[key])
        np.testing.assert_array_equal(times.snap_m[key], solved.snap_m[key])
        np.testing.assert_array_equal(times.crow_m[key], solved.crow_m[key])
    change, judged = hard.change(layer, add=new, close=close), judge_headline(solved, layer)
    rows = reach_rows(solved, [judged], (DISTRICT, "小镇"), "model").set_index(["township_code", "class", "indicator"])
    for row in change.coverage.to_dict("records"):
        for name in ("people", "people_in_time", "people_out", "people_undetermined", "coverage_rate"):
            assert row[name] == pytest.approx(rows.loc[(row["township_code"], row["class"], name), "value"], abs=1e-9)
    pd.testing.assert_frame_equal(change.gaps[change.gaps["kind"] == "reach"].reset_index(drop=True),
                                  gaps.reach_gaps(solved, judged, "model"))
    before = change.coverage.iloc[-1]
    won = change.places["people_won"].sum() - change.places["people_lost"].sum()
    assert won == pytest.approx(before["people_in_time"] - before["people_in_time_before"])


RULES = [{"cutoff_min": 22.5}, {"cutoff_min": {"urban": 7.5}}, {"mode": "car"}, {"mode": "bicycle", "cutoff_min": 5},
         {"mode": "walk_child", "cutoff_min": {"urban": 10, "rural": 40}}]


def _by_hand(policy, said):
    """Give the policy of a layer with the rules in question, as a policy file would say them."""
    asked = said.get("cutoff_min")
    minutes = {"urban": policy.urban.cutoff_min, "rural": policy.rural.cutoff_min,
               **(asked if isinstance(asked, dict) else dict.fromkeys(("urban", "rural"), asked) if asked else {})}
    mode = said.get("mode")
    return policy.model_copy(update={name: ClassRule(cutoff_min=minutes[name], mode=mode or rule.mode)
                                     for name, rule in (("urban", policy.urban), ("rural", policy.rural))})


@pytest.mark.parametrize("layer", ["clinics", "elderly_care", "shelters"])
@pytest.mark.parametrize("said", RULES, ids=str)
def test_other_rules_are_what_another_policy_gives(hard, layer, said):
    study = hard.times.study
    new = propose(study, layer, _points((2700, 1200), (300, 1800)), effective_area_m2=500.0)
    gone = study.facilities["facility_id"][study.facilities["layer"] == layer].tolist()[:1]
    ruled = study.policy.model_copy(update={"policy": {**study.policy.policy,
                                                       layer: _by_hand(study.policy.layer(layer), said)}})
    for add, close in ((None, []), (new, []), (None, gone), (new, gone)):
        solved = solve_times(replace(with_changes(study, add=add, close=close), policy=ruled), Findings(), [layer])
        change, judged = hard.change(layer, add=add, close=close, **said), judge_headline(solved, layer)
        for name in ("state", "minutes", "facility"):
            np.testing.assert_array_equal(getattr(change.judged, name), getattr(judged, name))
        assert (change.judged.modes, change.judged.cutoffs_min) == (judged.modes, judged.cutoffs_min)
        rows = reach_rows(solved, [judged], (DISTRICT, "小镇"), "model").set_index(["township_code", "class",
                                                                                 "indicator"])["value"]
        for row in change.coverage.to_dict("records"):
            for name in ("people", "people_in_time", "people_out", "people_undetermined"):
                assert row[name] == pytest.approx(rows[row["township_code"], row["class"], name], abs=1e-9)
        pd.testing.assert_frame_equal(change.gaps[change.gaps["kind"] == "reach"].reset_index(drop=True),
                                      gaps.reach_gaps(solved, judged, "model"))
        before = judge_headline(solve_times(study, Findings(), [layer]), layer)
        group = np.where(judged.state >= 0, 12.0 if layer == "elderly_care" else 50.0, 0.0)
        assert change.places["people_won"].sum() == group[(judged.state == 0) & (before.state != 0)].sum()
        assert change.places["people_lost"].sum() == group[(judged.state != 0) & (before.state == 0)].sum()


def test_a_cutoff_of_a_block_less_worked_by_hand(town):
    """On foot 7.5 minutes take one block: of 甲社区 the crossings at 500, 1000 and 1500 m; of 乙村 that at 1000 m."""
    change = town.change("clinics", cutoff_min={"urban": 7.5, "rural": 15})
    assert change.coverage.iloc[-1][["people_in_time_before", "people_in_time"]].tolist() == [550, 200]
    assert change.places.set_index("place")["people_lost"].to_dict() == {"甲社区": 100, "乙村": 200, "丙村": 50}
    assert set(change.gaps["cutoff"]) == {7.5, 15.0}


def test_rules_that_cannot_be_are_refused(town):
    with pytest.raises(UsageError, match="no mode canoe; there are walk, "):
        town.change("clinics", mode="canoe")
    with pytest.raises(UsageError, match="a cutoff of 0 minutes cannot be"):
        town.change("clinics", cutoff_min=0)
    with pytest.raises(UsageError, match="clinics has no rule for the class suburban; there are urban, rural"):
        town.change("clinics", cutoff_min={"suburban": 5})


def test_what_is_not_there_is_named(town):
    study = town.times.study
    with pytest.raises(UsageError, match="no facility X9 to close"):
        town.change("clinics", close=["X9"])
    with pytest.raises(UsageError, match="no layer clinic;"):
        propose(study, "clinic", _points((0, 0)))
    with pytest.raises(UsageError, match="facility_id C1 is taken"):
        propose(study, "clinics", _points((0, 0)), facility_id="C1")
    with pytest.raises(UsageError, match="no layer parks that is judged by reach"):
        town.change("parks")
