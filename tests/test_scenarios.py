"""The tiny town at Spring Festival, and under other rules of what is urban: worked by hand, from files to results."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import tinytown
from command import inside
from identities import check_identities
from lifecircle import assess
from lifecircle.errors import ConfigError
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.summary import summary_record, summary_text
from lifecircle.policy import Policy
from lifecircle.study import read_study
from tinytown import DISTRICT, EAST_TOWN, WEST_TOWN, write_town

FESTIVAL = "spring_festival"
#: Areas do not matter here.
COARSE = {"cell_m": 500}


def people_csv(folder, **columns):
    """Add columns to the town's demand points."""
    table = pd.read_csv(folder / "people.csv", dtype={"place_code": str, "township_code": str})
    table.assign(**columns).to_csv(folder / "people.csv", index=False)


def town(folder, scenario, **people):
    return write_town(folder, people={"scenarios": {FESTIVAL: scenario}, **people}, surface=COARSE)


def value(found, indicator, layer, *, scenario="existing", cls="all", code=DISTRICT, column="value"):
    rows = found.results[(found.results["indicator"] == indicator) & (found.results["layer"] == layer)
                         & (found.results["class"] == cls) & (found.results["scenario"] == scenario)
                         & (found.results["township_code"] == code)]
    if indicator in ("coverage_rate", "people", "people_out", "area_per_head_m2"):
        rows = rows[rows["headline"]]
    [row] = rows[column]
    return row


# Spring Festival


def test_a_column_of_people_then(tmp_path):
    """Everyone of 丁村 (out of reach of the clinic) is back, ten times as many; the others stay: 550 of 3250."""
    path = town(tmp_path, {"column": "population_festival"})
    people_csv(tmp_path, population_festival=[50] * 15 + [500] * 5)
    found = assess(path)
    assert value(found, "coverage_rate", "clinics") == pytest.approx(0.55)
    assert value(found, "people", "clinics", scenario=FESTIVAL) == pytest.approx(3250)
    assert value(found, "coverage_rate", "clinics", scenario=FESTIVAL) == pytest.approx(550 / 3250)
    # 12 of 50 are elders at every point, so they are ten times as many there too: 600 + 36 of 180 + 600
    assert value(found, "coverage_rate", "elderly_care", scenario=FESTIVAL) == pytest.approx(636 / 780)
    assert value(found, "area_per_head_m2", "shelters", scenario=FESTIVAL) == pytest.approx(600 / 3250)
    assert value(found, "area_per_head_m2", "shelters") == pytest.approx(0.6)
    assert set(found.gaps["scenario"]) == {"existing"}
    gaps = found.gaps[(found.gaps["kind"] == "reach") & (found.gaps["layer"] == "clinics")]
    assert gaps["people_out"].sum() == 450
    assert [name for name in found.demand.columns if "festival" in name] == []
    assert any(item.code == "scenario_groups" for item in found.findings)
    assert not any(item.code == "group_missing" for item in found.findings)
    check_identities(found)
    assert not found.results.duplicated(list(found.results.columns[:11])).any()


def test_groups_of_a_scenario(tmp_path):
    path = town(tmp_path, {"columns": {"population": "then", "population_60plus": "elders_then"}})
    people_csv(tmp_path, then=100, elders_then=[1] * 15 + [50] * 5)
    study = read_study(path)
    then = study.in_scenario(FESTIVAL).demand
    assert (then["population"].sum(), then["population_60plus"].sum()) == (2000, 265)
    assert (study.demand["population"].sum(), study.demand["population_60plus"].sum()) == (1000, 240)
    assert not any(item.code == "scenario_groups" for item in study.findings)


def test_a_scenario_of_a_group_alone_keeps_the_residents(tmp_path):
    """Today's totals double the west; the elders then are another column."""
    (tmp_path / "totals.csv").write_text(f"township_code,population\n{WEST_TOWN},1000\n{EAST_TOWN},500\n")
    path = town(tmp_path, {"columns": {"population_60plus": "elders_then"}}, totals="totals.csv")
    people_csv(tmp_path, elders_then=20)
    then = read_study(path).in_scenario(FESTIVAL).demand
    assert then["population"].tolist() == pytest.approx([100.0] * 10 + [50.0] * 10)
    assert then["population_60plus"].tolist() == pytest.approx([40.0] * 10 + [20.0] * 10)


def test_totals_of_a_scenario(tmp_path):
    """The west stays at 500, the east grows from 500 to 2000; groups have a total in the east alone."""
    (tmp_path / "then.csv").write_text(f"township_code,population,population_60plus\n{WEST_TOWN},500,\n"
                                       f"{EAST_TOWN},2000,200\n")
    study = read_study(town(tmp_path, {"totals": "then.csv"}))
    then = study.in_scenario(FESTIVAL).demand
    assert then.groupby("township_code")["population"].sum().to_dict() == {
        WEST_TOWN: pytest.approx(500, abs=1e-6), EAST_TOWN: pytest.approx(2000, abs=1e-6)}
    assert then.groupby("township_code")["population_60plus"].sum()[EAST_TOWN] == pytest.approx(200, abs=1e-6)
    assert study.demand["population"].tolist() == [50.0] * 20
    assert {"role": "people spring_festival totals", "file": "then.csv"}.items() <= next(
        item for item in study.inputs if item["file"] == "then.csv").items()


def test_points_of_a_scenario_of_their_own(tmp_path):
    """One hundred guests where the clinic stands: nobody lives there today."""
    lon, lat = tinytown.lonlat(500.0, 1000.0)
    (tmp_path / "guests.csv").write_text(f"population,lon,lat\n100,{lon},{lat}\n")
    found = assess(town(tmp_path, {"file": "guests.csv"}))
    assert value(found, "people", "clinics") == 1000
    assert value(found, "people", "clinics", scenario=FESTIVAL) == 100
    assert value(found, "coverage_rate", "clinics", scenario=FESTIVAL) == 1.0
    assert value(found, "people", "elderly_care", scenario=FESTIVAL) == pytest.approx(24)      # 12 of 50, as everywhere
    assert found.demand["demand_id"].tolist()[-1] == "spring_festival-d000001"
    assert found.demand["population"].iloc[-1] == 0
    check_identities(found)


def test_a_factor(tmp_path):
    then = read_study(town(tmp_path, {"factor": 1.5}, quality="surveyed")).in_scenario(FESTIVAL).demand
    assert set(then["population"]) == {75.0}
    assert set(then["population_60plus"]) == {18.0}
    assert set(then["quality"]) == {"derived"}


@pytest.mark.parametrize(("scenario", "message"), [
    ({}, r"key people\.scenarios\.spring_festival: the scenario changes nothing"),
    ({"factor": -1}, r"key people\.scenarios\.spring_festival\.factor"),
    ({"columm": "x"}, r"unknown key people\.scenarios\.spring_festival\.columm; did you mean column"),
])
def test_scenarios_that_are_none(tmp_path, scenario, message):
    with pytest.raises(ConfigError, match=message):
        _ = read_study(town(tmp_path, scenario))


@pytest.mark.parametrize(("people", "message"), [
    ({"raster": "pop.tif"}, "give raster alone, without file, osm or weights"),
    ({"file": None, "weights": "buildings"}, "weights = buildings need a file or osm"),
    ({"weights": "houses"}, r"key people\.weights"),
    ({"shares": {"population_60plus": 24.46}}, "population_60plus = 24.46 must be population_<group> = a share"),
    ({"shares": {"elders": 0.2}}, "elders = 0.2 must be population_<group>"),
    ({"file": None, "scenarios": {FESTIVAL: {"column": "x"}}}, "spring_festival names a column, and .people. has no"),
])
def test_people_that_contradict_themselves(tmp_path, people, message):
    with pytest.raises(ConfigError, match=message):
        _ = read_study(write_town(tmp_path, people=people))


def test_names_of_scenarios(tmp_path):
    path = write_town(tmp_path, people={"scenarios": {"existing": {"factor": 2}}})
    with pytest.raises(ConfigError, match="existing may not name a scenario"):
        _ = read_study(path)


# class rules


def coded_town(folder, **sections):
    """甲社区 is 111, 乙村 121, the others 220; 甲街道 is a street. In town 15 min on foot count, beyond 10 by car."""
    rural = {"cutoff_min": 10, "mode": "car"}
    urban = {"cutoff_min": 15, "mode": "walk"}
    path = write_town(folder, policy={"clinics": {"urban": urban, "rural": rural}}, surface=COARSE, **sections)
    content = json.loads((folder / "places.geojson").read_text(encoding="utf-8"))
    for feature, code in zip(content["features"], ("111", "121", "220", "220"), strict=True):
        feature["properties"]["urban_rural_code"] = code
    (folder / "places.geojson").write_text(json.dumps(content), encoding="utf-8")
    table = pd.read_csv(folder / "people.csv", dtype=str).drop(columns="class")
    table.to_csv(folder / "people.csv", index=False)
    return path


def test_rates_under_the_three_rules(tmp_path):
    """By car a block takes 1.5 minutes and the trip 3 more.

    1xx: 甲 all (250) and 乙 the middle point (50) on foot; 丙 the middle point by car (9 min, the next 10.5): 350.
    111_112: 乙 goes by car too, in 6 to 9 minutes: 250 + 250 + 50. Streets: as 1xx, for 甲街道 holds 甲 and 乙.
    """
    found = assess(coded_town(tmp_path))
    assert value(found, "coverage_rate", "clinics") == pytest.approx(0.35)
    assert value(found, "coverage_rate_111_112", "clinics") == pytest.approx(0.55)
    assert value(found, "switched_111_112", "clinics") == 250
    assert value(found, "coverage_rate_111_112", "clinics", code=WEST_TOWN) == pytest.approx(1.0)
    assert value(found, "coverage_rate_streets", "clinics") == pytest.approx(0.35)
    assert value(found, "switched_streets", "clinics") == 0
    assert "coverage_rate_1xx" not in set(found.results["indicator"])
    rules = found.results[found.results["indicator"].str.contains("111_112|streets")]
    assert set(rules["class"]) == {"all"}
    assert not rules["headline"].any()
    sums = rules[(rules["indicator"] == "switched_111_112") & (rules["layer"] == "clinics")].set_index("township_code")
    assert sums["value"].drop(DISTRICT).sum() == sums["value"][DISTRICT]
    check_identities(found)


@pytest.mark.parametrize("rule", ["111_112", "streets"])
def test_a_rule_beside_is_the_rule_itself(tmp_path, rule):
    """What a rule is said to give is what it gives when the policy chooses it."""
    (tmp_path / "policy.toml").write_text(f'class_rule = "{rule}"\n')
    path = coded_town(tmp_path)
    beside = assess(path)
    path.write_text(path.read_text(encoding="utf-8").replace("[policy]", '[policy]\nfile = "policy.toml"'),
                    encoding="utf-8")
    chosen = assess(path)
    for layer in ("clinics", "elderly_care", "shelters"):
        for code in (DISTRICT, WEST_TOWN, EAST_TOWN):
            assert value(beside, f"coverage_rate_{rule}", layer, code=code) == pytest.approx(
                value(chosen, "coverage_rate", layer, code=code), abs=1e-12)
            assert value(chosen, "coverage_rate_1xx", layer, code=code) == pytest.approx(
                value(beside, "coverage_rate", layer, code=code), abs=1e-12)
    assert chosen.run["classes"]["rule"] == rule


def test_people_without_a_code_may_switch_too(tmp_path):
    """丁村 loses its code: whether its 250 people switch is not known; without any code there is no row."""
    path = coded_town(tmp_path)
    content = json.loads((tmp_path / "places.geojson").read_text(encoding="utf-8"))
    content["features"][3]["properties"]["urban_rural_code"] = ""
    (tmp_path / "places.geojson").write_text(json.dumps(content), encoding="utf-8")
    found = assess(path)
    switched = [value(found, "switched_111_112", "clinics", column=name) for name in ("value", "low", "high")]
    assert switched == [250, 250, 500]
    assert found.run["classes"]["sources"]["class column"] == {"places": 1, "people": 250.0}
    bare = assess(write_town(tmp_path / "bare", surface=COARSE))
    names = set(bare.results["indicator"])
    assert "coverage_rate_111_112" not in names
    assert "coverage_rate_streets" in names


def test_few_people_of_a_group_who_switch_are_not_shown(tmp_path):
    found = assess(coded_town(tmp_path))
    table = found.results.copy()
    rows = (table["indicator"] == "switched_111_112") & (table["layer"] == "elderly_care")
    assert table.loc[rows, "group"].eq("60plus").all()
    table.loc[rows, ["value", "low", "high"]] = [4.0, 4.0, 4.0]
    shown = published(found.__class__(**{**found.__dict__, "results": table})).results.loc[rows]
    assert shown["value"].isna().all()
    assert shown[["low", "high"]].to_numpy().tolist() == [[0.0, 10.0]] * len(shown)


def test_the_summary_prints_rules_and_scenarios(tmp_path):
    found = assess(coded_town(tmp_path, people={"scenarios": {FESTIVAL: {"factor": 2}}}))
    record = summary_record(found, tmp_path)
    clinics = next(layer for layer in record["layers"] if layer["layer"] == "clinics")
    assert clinics["class_rules"]["111_112"] == {"coverage_rate": pytest.approx(0.55), "switched": 250,
                                                 "switched_high": 250}
    assert clinics["scenarios"][FESTIVAL]["people"] == 2000
    assert clinics["people"] == 1000
    text = summary_text(found, tmp_path)
    assert "55.0% (250)" in text
    assert any(line.split()[:2] == [FESTIVAL, "shelters"] and "0.30" in line for line in text.splitlines())


# the policy


def test_tables_of_the_policy_that_meet_no_layer(tmp_path):
    (tmp_path / "policy.toml").write_text("[policy.clincs]\n[policy.clinics]\n[policy.hospitals]\n")
    path = write_town(tmp_path, policy={"file": "policy.toml", "clinics": None})
    study = read_study(path)
    noticed = [(item.code, item.severity, item.value or item.layer) for item in study.findings]
    assert noticed == [("policy_unused", "warn", "clincs"), ("policy_unused", "note", "hospitals")]
    unused = [item.remedy for item in study.findings]
    assert unused[0].startswith("did you mean clinics? The layers of the run file are clinics, elderly_care, shelters")
    assert unused[1].startswith("they do no harm; the layers of the run file are clinics")


def test_layers_that_the_policy_does_not_name(tmp_path):
    (tmp_path / "policy.toml").write_text("[policy.shelters]\n[policy.elderly_care]\n")
    study = read_study(write_town(tmp_path, policy={"file": "policy.toml", "clinics": None}))
    noticed = [(item.code, item.severity, item.layer) for item in study.findings]
    assert noticed == [("policy_default", "note", "clinics")]


def test_check_names_a_missing_group(tmp_path):
    path = write_town(tmp_path, surface=COARSE)
    table = pd.read_csv(tmp_path / "people.csv", dtype=str).drop(columns="population_60plus")
    table.to_csv(tmp_path / "people.csv", index=False)
    code, out, _ = inside("check", path)
    assert code == 0
    assert re.search(r"warn\s+group_missing\s+people\.csv\s.*no column population_60plus", out)
    found = assess(path)
    assert [item.layer for item in found.findings if item.code == "group_missing"] == ["elderly_care"]
    assert np.isclose(value(found, "people", "elderly_care"), 1000)
    assert Policy().class_rule == "1xx"
