"""The plan's scorecard: every computed measure worked by hand, reported figures, points, ranks.

The town is that of `tinytown`; 500 m are a block: 7.5 min on foot, 10 min for the old, 8 min 20 s with a child, and by
car 1.5 min and 3 min for the trip. Facilities stand at the clinic's crossing (500, 1000) in 甲社区, or at (3500, 1000)
in 丁村.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import lifecircle
from command import assert_one_line, inside
from lifecircle.assess import assess
from lifecircle.errors import InputError
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.rundir import read_run, write_run
from lifecircle.outputs.summary import scorecard_text, summary_text
from lifecircle.plan import Plan, read_plan
from lifecircle.scorecard import judge, ranking
from lifecircle.study import read_study
from plantown import PLAN_FILE, ROOT, figures, write_plan_town, write_table
from sample_assessment import TOWNSHIPS as SAMPLE_TOWNSHIPS
from sample_assessment import sample
from tinytown import CARE_M, CLINIC_M, DISTRICT, EAST_TOWN, WEST_TOWN, lonlat

PLAN = read_plan(PLAN_FILE)
NAN = np.nan
#: Layer -> its facilities: position and level.
FACILITIES: dict[str, list[tuple[tuple[float, float], str]]] = {
    "clinics": [(CLINIC_M, "village_clinic")], "elderly_care": [(CARE_M, "station"), (CLINIC_M, "day_care")],
    "shelters": [(CLINIC_M, "short")], "sports_corners": [(CLINIC_M, "corner")],
    "sports_grounds": [(CLINIC_M, "field")], "childcare": [(CLINIC_M, "childcare_centre"), (CARE_M, "nursery")],
    "childcare_guidance": [(CLINIC_M, "centre")], "mutual_aid": [(CARE_M, "village")],
    "schools": [(CLINIC_M, "school")], "kindergartens": [(CLINIC_M, "kindergarten")],
    "stations": [(CLINIC_M, "station")], "rehabilitation": [(CLINIC_M, "mental")],
    "micro_fire_stations": [(CLINIC_M, "post")], "fire_stations": [(CARE_M, "station")],
    "fuel_stations": [(CLINIC_M, "pump")], "women_workshops": [(CLINIC_M, "workshop")],
    "night_venues": [(CLINIC_M, "library")], "markets": [(CLINIC_M, "market")],
    "youth_sites": [(CLINIC_M, "station")], "veteran_sites": [(CLINIC_M, "shop")],
    "workers_stations": [(CLINIC_M, "warm_station")], "governance_centres": [(CLINIC_M, "centre")],
    "mediation_centres": [(CLINIC_M, "centre")],
}
#: On foot from the clinic's crossing: 甲 and 乙 all, 丙 the middle point alone, 丁 nobody. 甲 alone is urban.
ON_FOOT = (0.55, 1.0, 0.1)
#: In town on foot with a child or as the old (甲 the middle three points), in the country by car (all).
BY_CAR = (0.9, 0.8, 1.0)
#: Measure -> district, west (甲社区, 乙村), east (丙村, 丁村).
EXPECTED: dict[str, tuple[float, float, float]] = {
    "women_workshops": (1, 1, 0), "women_workshops_reach": (0.75, 1.0, 0.5),  # the middles of 甲, 乙, 丙
    "school_reach": BY_CAR, "kindergarten_reach": BY_CAR,
    "health_circle": ON_FOOT, "health_circle_urban": (1.0, 1.0, NAN), "health_circle_rural": (0.4, 1.0, 0.1),
    "health_people_out": (450, 0, 450), "night_venues_reach": ON_FOOT,
    "fitness_circle": (1.0, 1.0, NAN), "fitness_communities": (1.0, 1.0, NAN),
    "sports_corner_places": (0.25, 0.5, 0.0), "sports_area": (3.24, 6.48, 0.0),
    "station_townships": (0.5, 1.0, 0.0), "markets_reach": ON_FOOT,
    "childcare_communities": (1.0, 1.0, NAN), "childcare_nurseries": (0.5, 0.0, 1.0),
    "childcare_guidance": (1, 1, 0), "childcare_reach": BY_CAR,
    "youth_station": (1, 1, 0), "youth_market": (0, 0, 0), "youth_park": (0, 0, 0), "youth_incubator": (0, 0, 0),
    "youth_reach": ON_FOOT,
    "elder_reach": (0.6, 0.6, NAN),  # 甲: the middle three points in 15 min
    "elder_rural_reach": (132 / 180, 0.6, 0.8),  # 30 min: three points of 乙, three of 丙, all of 丁; 12 elders each
    "elder_complex": (0.0, 0.0, 0.0), "elder_day_care": (1.0, 1.0, NAN), "elder_station": (0.0, 0.0, NAN),
    "mutual_aid_villages": (1, 0, 1), "veteran_shops": (1, 1, 0), "veteran_firms": (0, 0, 0),
    "rehabilitation_reach": BY_CAR, "mental_rehabilitation": (1, 1, 0),
    "warm_stations": (1, 1, 0), "union_stations": (0, 0, 0), "driver_homes": (0, 0, 0), "volunteer_points": (0, 0, 0),
    "micro_fire_places": (0.25, 0.5, 0.0),
    "fire_reach": (0.75, 0.5, 1.0),  # 甲 is 12 min away, four more than the city's 8
    "fuel_reach": (1.0, 1.0, 1.0), "shelter_area": (0.6, 1.2, 0.0), "shelter_reach": ON_FOOT,
    "governance_centres": (0.5, 1.0, 0.0), "mediation_centres": (0.5, 1.0, 0.0),
}
#: Worked in tests of their own: the circles and the score below, the others where their indicators are.
ELSEWHERE = {"elder_circles", "happiness_score", "school_places_per_child", "health_access", "childcare_places",
             "sports_area_reachable", "shelter_area_reachable"}
VERDICTS = {"health_circle": ("undecided", "undecided", "undecided"), "fitness_circle": ("met", "met", "no_data"),
            "sports_area": ("met", "met", "not_met"), "sports_corner_places": ("not_met",) * 3,
            "childcare_nurseries": ("not_met", "not_met", "met"), "shelter_area": ("not_met",) * 3,
            "women_workshops": ("not_met", "undecided", "undecided"),
            "youth_station": ("met", "undecided", "undecided")}


def write_layer(directory: Path, layer: str, sites: list[tuple[tuple[float, float], str]]) -> dict[str, Any]:
    rows = [(f"{layer}{at}", f"{layer}{at}", level, *lonlat(*xy), 3240, 600)
            for at, (xy, level) in enumerate(sites, start=1)]
    write_table(directory / f"{layer}.csv",
                ["facility_id", "name", "level", "lon", "lat", "area_m2", "effective_area_m2"], rows)
    return {"layer": layer, "file": f"{layer}.csv", "source": "tiny town", "quality": "register"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("planned")
    shutil.copy(ROOT / "data" / "policy.toml", directory / "policy.toml")
    layers = [write_layer(directory, layer, sites) for layer, sites in FACILITIES.items()]
    run = write_plan_town(directory, facilities=layers, policy={
        "file": "policy.toml", "clinics": None, "elderly_care": None, "shelters": None})
    people = pd.read_csv(directory / "people.csv", dtype=str)
    people.assign(population_6_14="6", population_0_2="2").to_csv(directory / "people.csv", index=False)
    return assess(run)


def test_every_computed_measure_has_a_value_worked_by_hand() -> None:
    computed = {measure.key for _, measure in PLAN.measures if measure.kind == "computed"}
    assert set(EXPECTED) | ELSEWHERE == computed


@pytest.mark.parametrize("measure", EXPECTED)
def test_figures_are_those_worked_by_hand(town, measure: str) -> None:
    np.testing.assert_allclose(figures(town.scorecard, measure), EXPECTED[measure], rtol=1e-9, atol=1e-12)
    found = figures(town.scorecard, measure, "verdict")
    assert [verdict == "no_data" for verdict in found] == np.isnan(EXPECTED[measure]).tolist()
    if measure in VERDICTS:
        assert tuple(found) == VERDICTS[measure]


def test_gap_points_and_evidence(town) -> None:
    card = town.scorecard
    assert figures(card, "shelter_area", "gap") == pytest.approx([1.4, 0.8, 2.0])
    assert figures(card, "shelter_area", "points") == pytest.approx([30.0, 60.0, 0.0])
    assert figures(card, "sports_area", "points") == [100.0, 100.0, 0.0]
    assert figures(card, "women_workshops", "points")[0] == pytest.approx(100 / 8)  # 1 of 8
    assert set(figures(card, "shelter_area", "evidence")) == {
        f"run {town.run['run_id']}; people.csv; roads.geojson; shelters.csv"}
    assert figures(card, "fitness_circle", "wanted") == ["", "", "nothing of the kind in this unit"]
    assert figures(card, "rehabilitation", "wanted")[0] == 'needs [plan] reported, rows with measure = "rehabilitation"'
    assert set(card["quality"]) == {"register"}


def test_all_items_stand_in_the_scorecard_for_every_unit(town) -> None:
    card = town.scorecard
    assert set(card["number"]) == set(range(29))
    assert len(card) == 3 * len(PLAN.measures)
    assert not card.duplicated(["measure", "township_code"]).any()
    assert set(card["kind"]) == {"computed", "reported", "not_spatial"}
    bare = card[card["actual"].isna()]
    assert (bare["wanted"] != "").all()
    assert set(bare["verdict"]) == {"no_data"}
    assert bare["points"].isna().all()


def test_a_plan_without_anything_to_score_has_no_ranks() -> None:
    plan = Plan.model_validate({"item": [{"number": 1, "title": "", "measure": [
        {"key": "hours", "title": "", "kind": "not_spatial", "reason": "no place", "target": 12}]}]})
    found = ranking(sample(), plan)
    assert len(found) == 4
    assert found[["indicator_score", "weight_with_data", "rank", "rank_low", "share_in_worst"]].isna().all(axis=None)
    assert not found["worst"].any()
    assert set(lifecircle.scorecard(sample(), plan)["wanted"]) == {"no place"}


# --- Reported figures -----------------------------------------------------------------------------------------------

SMALL_PLAN = """
title = "小方案"
[score]
grades = [{ word = "差", points = 0 }, { word = "优", points = 80 }]
[[item]]
number = 6
title = "健康"
[[item.measure]]
key = "reach"
title = "覆盖"
kind = "computed"
layer = "clinics"
indicator = "coverage_rate"
unit = "share"
full = 1.0
[[item]]
number = 25
title = "社工"
measure = [
{ key = "workers", title = "社工", kind = "reported", priority = "P2", target = 180, sums = true, per_10000 = "urban",
  weight = 0 },
{ key = "served", title = "服务率", kind = "reported", target = 0.85, unit = "share", weight = 0 },
{ key = "sites", title = "点", kind = "reported", priority = "P2", target = 5, target_of = "district", sums = true },
{ key = "smoke", title = "烟", kind = "reported", target = 28, direction = "at_most", unit = "ug/m3", weight = 0 },
{ key = "carers", title = "重点人群", kind = "reported", unit = "person", group = "priority" },
{ key = "schools", title = "学校", kind = "computed", priority = "P1", layer = "schools", indicator = "coverage_rate",
  unit = "share", full = 1.0 },
]
[[item]]
number = 27
title = "避难"
measure = [
{ key = "area", title = "面积", kind = "computed", layer = "shelters", indicator = "area_per_head_m2", target = 2 },
{ key = "score", title = "分", kind = "computed", layer = "plan", indicator = "score", weight = 0 },
]
""".replace(",\n  ", ", ")


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory):
    rows = [("workers", WEST_TOWN, 4, 2025, "综治中心"), ("workers", WEST_TOWN, 3, 2026, "综治中心"),
            ("workers", EAST_TOWN, 1, 2026, ""), ("served", DISTRICT, 0.86, 2026, "残联"),
            ("sites", WEST_TOWN, 4, 2026, "民政局"), ("smoke", WEST_TOWN, 27, 2025, ""),
            ("smoke", EAST_TOWN, 35, 2025, ""), ("carers", WEST_TOWN, 7, 2026, ""), ("carers", EAST_TOWN, 12, 2026, ""),
            ("satisfaction", WEST_TOWN, 5, 2026, "问卷"), ("satisfaction", EAST_TOWN, 3, 2026, "问卷"),
            ("satisfaction.6", WEST_TOWN, 4, 2026, "问卷")]
    return assess(write_plan_town(tmp_path_factory.mktemp("reported"), SMALL_PLAN, rows))


def test_reported_counts_per_10000_urban_residents(reported) -> None:
    """250 urban residents, all in the west: 3 + 1 workers in the district, 3 in the west."""
    np.testing.assert_allclose(figures(reported.scorecard, "workers"), [160.0, 120.0, NAN])
    assert figures(reported.scorecard, "workers", "verdict") == ["not_met", "not_met", "no_data"]
    short = reported.results[reported.results["indicator"] == "per_10000_short"].set_index("township_code")["value"]
    assert short[DISTRICT] == pytest.approx(180 * 250 / 10_000 - 4)
    assert short[WEST_TOWN] == pytest.approx(1.5)
    [row] = reported.results[(reported.results["indicator"] == "per_10000")
                             & (reported.results["township_code"] == WEST_TOWN)].to_dict("records")
    assert row["basis"] == "reported 2026, 综治中心"


def test_reported_shares_are_not_summed_and_sums_of_some_are_a_lower_bound(reported) -> None:
    card = reported.scorecard
    np.testing.assert_allclose(figures(card, "served"), [0.86, NAN, NAN])
    assert figures(card, "served", "verdict") == ["met", "no_data", "no_data"]
    np.testing.assert_allclose(figures(card, "sites"), [4.0, 4.0, NAN])
    assert np.isnan(figures(card, "sites", "high")[0])
    assert figures(card, "sites", "verdict") == ["unsure", "undecided", "no_data"]
    assert "reported by 1 of 2 townships" in figures(card, "sites", "evidence")[0]
    assert figures(card, "smoke", "verdict") == ["no_data", "met", "not_met"]
    assert figures(card, "smoke", "gap")[1:] == [0.0, 7.0]
    assert figures(card, "smoke", "points")[2] == pytest.approx(100 * 28 / 35)


def test_measures_without_data_stand_in_the_results_with_what_is_wanted(reported) -> None:
    rows = reported.results[reported.results["layer"] == "schools"]
    assert set(rows["township_code"]) == {DISTRICT, WEST_TOWN, EAST_TOWN}
    assert set(rows["verdict"]) == {"no_data"}
    assert rows["value"].isna().all()
    assert set(rows["basis"]) == {'needs [[facilities]] layer = "schools"'}
    sites = reported.results[reported.results["level"] == "sites"].set_index("township_code")
    assert sites.loc[EAST_TOWN, "basis"] == 'needs [plan] reported, rows with measure = "sites"'
    assert "served" not in set(reported.results.loc[reported.results["verdict"] == "no_data", "level"])  # P3


def test_points_leave_out_what_has_no_data(reported) -> None:
    """reach 55, 100, 10 and area 30, 60, 0; schools have no data, sites score in the district alone: 4 of 5."""
    table = reported.ranking.set_index("township_code")
    assert table.loc[WEST_TOWN, "indicator_score"] == pytest.approx(80.0)
    assert table.loc[EAST_TOWN, "indicator_score"] == pytest.approx(5.0)
    assert table.loc[DISTRICT, "indicator_score"] == pytest.approx((55 + 30 + 80) / 3)
    assert table.loc[WEST_TOWN, "weight_with_data"] == pytest.approx(2 / 3)
    assert table.loc[DISTRICT, "weight_with_data"] == pytest.approx(3 / 4)
    assert figures(reported.scorecard, "score") == pytest.approx([55.0, 80.0, 5.0])


def test_satisfaction_stands_beside_and_counts_three_tenths(reported) -> None:
    table = reported.ranking.set_index("township_code")
    assert table["satisfaction_score"].loc[[WEST_TOWN, EAST_TOWN]].tolist() == [100.0, 50.0]
    assert table["total"].loc[[WEST_TOWN, EAST_TOWN]].tolist() == pytest.approx([0.7 * 80 + 30, 0.7 * 5 + 15])
    assert np.isnan(table.loc[DISTRICT, "total"])
    assert table["grade"].loc[[WEST_TOWN, EAST_TOWN, DISTRICT]].tolist() == ["优", "差", "差"]
    assert table["ranked_by"].loc[[WEST_TOWN, EAST_TOWN]].tolist() == ["total", "total"]
    assert table["rank"].loc[[WEST_TOWN, EAST_TOWN]].tolist() == [1.0, 2.0]
    assert figures(reported.scorecard, "reach", "satisfaction")[1] == 4.0


def test_small_numbers_of_a_priority_group_are_not_published(reported) -> None:
    shown = published(reported)
    np.testing.assert_allclose(figures(reported.scorecard, "carers"), [NAN, 7.0, 12.0])
    np.testing.assert_allclose(figures(shown.scorecard, "carers"), [NAN, NAN, 12.0])
    assert figures(shown.scorecard, "carers", "verdict") == ["no_data", "no_data", "undecided"]
    assert len(published(shown).scorecard) == len(shown.scorecard)


def test_the_command_line_shows_it(reported, tmp_path: Path) -> None:
    write_run(reported, tmp_path / "run")
    code, out, _ = inside("scorecard", tmp_path / "run")
    assert code == 0
    assert re.search(r"27 +面积 +2 +0\.6 +1\.4 +m2/person +not_met +computed", out)
    lines = {line.split()[1]: line.split() for line in out.splitlines() if line[:1].isdigit()}
    assert lines["覆盖"][2:7] == ["–", "55.0%", "–", "share", "undecided"]
    assert lines["服务率"][2:7] == ["85.0%", "86.0%", "0.0%", "share", "met"]
    assert re.search(r'25 +学校 +computed +needs \[\[facilities\]\] layer = "schools"', out)
    code, out, _ = inside("scorecard", tmp_path / "run", "--township", "甲街道", "--json")
    rows = {row["measure"]: row for row in json.loads(out)}
    assert (rows["area"]["actual"], rows["area"]["gap"], rows["schools"]["actual"]) == (1.2, 0.8, None)
    assert inside("scorecard", tmp_path / "run", "--format", "csv")[1].startswith("number,measure,title")
    code, _, err = inside("scorecard", tmp_path / "run", "--township", "丙镇")
    assert code == 2
    assert_one_line(err)
    write_run(sample(), tmp_path / "bare")
    code, _, err = inside("scorecard", tmp_path / "bare")
    assert (code, "the run has no plan" in err) == (2, True)


def test_a_share_is_shown_as_all_or_none_only_where_it_is(reported) -> None:
    [row] = reported.scorecard[(reported.scorecard["measure"] == "reach")
                               & (reported.scorecard["township_code"] == DISTRICT)].to_dict("records")
    shares = {0.9996: "99.9%", 1.0: "100.0%", 1 - 1e-12: "100.0%", 0.0003: "0.1%", 0.0: "0.0%", 0.5: "50.0%"}
    shown = scorecard_text(pd.DataFrame([row | {"actual": share} for share in shares]))
    assert [line.split()[3] for line in shown.splitlines() if line.startswith("6 ")] == list(shares.values())


def test_it_is_hashed_written_and_read_back(reported, tmp_path: Path) -> None:
    roles = {item["role"]: item["file"] for item in reported.run["inputs"]}
    assert (roles["plan"], roles["plan reported"]) == ("plan.toml", "reported.csv")
    directory = write_run(reported, tmp_path / "run")
    assert (directory / "scorecard.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    after = read_run(directory)
    for name in ("scorecard", "ranking", "circles"):
        pd.testing.assert_frame_equal(getattr(after, name), getattr(published(reported), name), check_dtype=False)
    assert ("plan: 3 items, 9 measures: 1 met, 2 not_met, 1 unsure, 2 undecided, 3 no_data; 55.0 points, from 75% of "
            "the weight") in summary_text(after, directory)
    pd.testing.assert_frame_equal(lifecircle.scorecard(after), after.scorecard, check_dtype=False, atol=1e-6)


def test_weights_of_a_file_change_the_score(tmp_path: Path) -> None:
    found = assess(write_plan_town(tmp_path, SMALL_PLAN, weights="area = 3\nschools = 0\n"))
    table = found.ranking.set_index("township_code")
    assert table["indicator_score"].loc[[WEST_TOWN, EAST_TOWN]].tolist() == pytest.approx([70.0, 2.5])
    assert table.loc[WEST_TOWN, "weight_with_data"] == 1.0
    assert table["ranked_by"].loc[WEST_TOWN] == "indicator_score"
    assert table["total"].isna().all()


def test_the_last_year_counts_however_wide_it_is_written(tmp_path: Path) -> None:
    rows = [("sites", WEST_TOWN, 1, "２０２６年", ""), ("sites", WEST_TOWN, 2, "2025", "")]
    told = read_study(write_plan_town(tmp_path, SMALL_PLAN, rows)).reported
    assert told[["value", "year"]].to_numpy().tolist() == [[1.0, "2026年"]]


@pytest.mark.parametrize(("rows", "what"), [
    ([("reach", WEST_TOWN, 1, 2026, "")], "reach in row 2 is not known"),
    ([("sites", "990101009000", 1, 2026, "")], "990101009000 in row 2 is not known"),
    ([("served", DISTRICT, 86, 2026, "")], "is not between 0 and 1"),
    ([("satisfaction", WEST_TOWN, 0, 2026, "")], "is not between 1 and 5"),
    ([("sites", WEST_TOWN, 1, 2026, ""), ("sites", WEST_TOWN, 2, 2026, "")], "rows 2, 3 tell the same figure"),
    ([("sites", WEST_TOWN, "many", 2026, "")], "column value holds no number in row 2"),
])
def test_faults_of_reported_figures_are_one_line(tmp_path: Path, rows: list[tuple[Any, ...]], what: str) -> None:
    with pytest.raises(InputError) as caught:
        read_study(write_plan_town(tmp_path, SMALL_PLAN, rows))
    assert what in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "reported.csv"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("plan", "weights", "what"), [
    (SMALL_PLAN.replace("indicator = \"cov", "indicater = \"cov", 1), None, "unknown key item.0.measure.0.indicater"),
    (SMALL_PLAN.replace('key = "served"', 'key = "workers"'), None, "measure workers stands there twice"),
    (SMALL_PLAN.replace("number = 27", "number = 6"), None, "item 6 stands there twice"),
    (SMALL_PLAN.replace('kind = "reported", target = 0.85', 'kind = "not_spatial", target = 0.85'), None,
     "served is not spatial and gives no reason"),
    (SMALL_PLAN, "areas = 2", "areas is no measure of the plan; did you mean area?"),
    (SMALL_PLAN.replace("target = 0.85", "target = nan"), None, "measure.1.target: Input should be a finite number"),
    (SMALL_PLAN.replace("target = 2 }", "target = 2, weight = inf }"), None,
     "key item.2.measure.0.weight: Input should be a finite number"),
    (SMALL_PLAN, "area = -1", "weight of area must be a number of at least 0"),
])
def test_faults_of_the_plan_are_one_line(tmp_path: Path, plan: str, weights: str | None, what: str) -> None:
    with pytest.raises(InputError) as caught:
        read_study(write_plan_town(tmp_path, plan, weights=weights))
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_measure_that_fits_two_rows_is_refused(tmp_path: Path) -> None:
    plan = SMALL_PLAN.replace('indicator = "coverage_rate"', 'indicator = "presence_rate"', 1)
    rules = [{"unit": "village"}, {"unit": "place"}]
    with pytest.raises(InputError, match=r"measure reach fits several rows of a unit, which differ in metric"):
        assess(write_plan_town(tmp_path, plan, policy={"clinics": {"presence": rules}}))


@pytest.mark.parametrize(("low", "value", "high", "target", "direction", "expected"), [
    (0.5, 0.5, 0.5, NAN, "at_least", "undecided"), (NAN, NAN, NAN, 1.0, "at_least", "no_data"),
    (0.9, 0.9, 0.95, 0.9, "at_least", "met"), (0.8, 0.8, 0.89, 0.9, "at_least", "not_met"),
    (0.85, 0.85, 0.91, 0.9, "at_least", "unsure"), (0.95, 0.95, 1.06, 0.9, "at_least", "unsure"),
    (4.0, 4.0, NAN, 5.0, "at_least", "unsure"), (6.0, 6.0, NAN, 5.0, "at_least", "met"),
    (28.0, 28.0, 28.0, 28.0, "at_most", "met"), (28.05, 28.05, 28.05, 28.0, "at_most", "not_met"),
    (27.95, 28.0, 28.02, 28.0, "at_most", "unsure"),
])
def test_verdicts(low: float, value: float, high: float, target: float, direction: str, expected: str) -> None:
    assert judge(low, value, high, target, direction, unsure_above=0.1) == expected


def test_ranks_under_drawn_weights() -> None:
    """First 0.6 in both measures, second 1 and 0, third 1 and 1. With weights w and 1 - w, w uniform, the first is the
    last of three where w > 0.6, in 40 % of the draws."""
    keys, values = ("one", "two"), ((0.6, 0.6), (1.0, 0.0), (1.0, 1.0))
    row = sample().results.iloc[0].to_dict()
    rows = [{**row, "township_code": code, "township": name, "layer": "clinics", "indicator": key, "class": "all",
             "level": "all", "value": value, "low": value, "high": value, "headline": True, "verdict": "",
             "target": NAN}
            for (code, name), points in zip(SAMPLE_TOWNSHIPS, values, strict=True)
            for key, value in zip(keys, points, strict=True)]
    plan = Plan.model_validate({"score": {"draws": 4000}, "item": [{"number": 1, "title": "", "measure": [
        {"key": key, "title": "", "kind": "computed", "layer": "clinics", "indicator": key, "target": 1.0}
        for key in keys]}]})
    found = ranking(replace(sample(), results=pd.DataFrame(rows)), plan)
    table = found.set_index("township_code").loc[[code for code, _ in SAMPLE_TOWNSHIPS]]
    assert table["indicator_score"].tolist() == pytest.approx([60.0, 50.0, 100.0])
    assert table["rank"].tolist() == [2.0, 3.0, 1.0]
    assert table[["rank_low", "rank_high"]].to_numpy().tolist() == [[2.0, 3.0], [2.0, 3.0], [1.0, 1.0]]
    assert table["share_in_worst"].tolist() == pytest.approx([0.4, 0.6, 0.0], abs=0.03)  # four standard errors
    assert table["worst"].tolist() == [False, True, False]  # at most half of three
    pd.testing.assert_frame_equal(found, ranking(replace(sample(), results=pd.DataFrame(rows)), plan))
