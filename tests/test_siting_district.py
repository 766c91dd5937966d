"""Siting in a district: by hand in the tiny town, by brute force with the solver of times, and written with a run."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from command import assert_one_line, inside
from lifecircle.assess import assess
from lifecircle.errors import EmptyTableError
from lifecircle.live import Live
from lifecircle.outputs.disclosure import published_sites, published_siting
from lifecircle.outputs.rundir import read_run, write_run
from lifecircle.proposals import propose
from lifecircle.siting.candidates import along_roads, in_buildings, in_places, read_candidates
from lifecircle.siting.district import Wishes, candidate_minutes
from lifecircle.siting.robust import keep_shares, with_shares
from lifecircle.siting.sites import choose_sites, with_sites
from lifecircle.study import read_study
from lifecircle.tables import REACH_COLUMNS, SITES_COLUMNS
from tinytown import DISTRICT, EAST_TOWN, WEST_TOWN, lonlat, write_town


@pytest.fixture(scope="module")
def runfile(tmp_path_factory):
    return write_town(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def live(runfile):
    return Live.of(read_study(runfile))


def test_the_middle_of_each_place_is_a_candidate(live):
    table = in_places(live.times)
    assert table["name"].tolist() == ["甲社区", "乙村", "丙村", "丁村"]
    np.testing.assert_allclose(table.geometry.y - table.geometry.y.iloc[0], 0, atol=1e-3)
    assert table["township_code"].tolist() == [WEST_TOWN, WEST_TOWN, EAST_TOWN, EAST_TOWN]


def test_one_clinic_goes_where_it_wins_all(live):
    found = choose_sites(live, ["clinics"], in_places(live.times), new=1)
    # 丙's middle brings 丙 (250, 50 of them in time already) and 丁 (250) in time; 丁's only 丁 and part of 丙.
    assert found.sites[["name", "people_won", "people_alone", "people_last"]].to_numpy().tolist() == [
        ["丙村", 450, 450, 450]]
    assert found.record["status"] == "optimal"
    assert [found.record[key] for key in ("people_in_time_before", "people_in_time_after", "objective", "bound")] == [
        550, 1000, 1000, 1000]
    after = found.coverage.iloc[-1]
    assert after[["people_in_time_before", "people_in_time"]].tolist() == [550, 1000]


def test_lscp_finds_that_one_suffices_and_says_who_cannot_be_reached(live):
    places = in_places(live.times)
    assert choose_sites(live, ["clinics"], places, model="lscp").sites["name"].tolist() == ["丙村"]
    none = choose_sites(live, ["clinics"], places.iloc[:1], model="lscp")
    assert none.record["status"] == "infeasible"
    assert none.record["reasons"][0]["kind"] == "unreachable"
    assert len(none.sites) == 0
    assert none.record["people_in_time_after"] == 550


def test_a_quota_names_the_township_that_has_no_candidate(live):
    west = in_places(live.times).iloc[:2]
    found = choose_sites(live, ["clinics"], west, new=2, wishes=Wishes(quota={"乙镇": (1, 9)}))
    assert found.record["status"] == "infeasible"
    assert found.record["reasons"][0]["kind"] == "quota"
    assert "乙镇" in found.record["reasons"][0]["text"]


@pytest.mark.parametrize("model", ["mclp", "p-median", "p-center"])
def test_it_is_the_best_of_all_choices(live, model):
    """Brute force: the district is solved anew with every choice of two of the candidates along the roads."""
    grid = along_roads(live.times, live.times.modes["walk"], 700.0)
    grid = grid.iloc[np.random.default_rng(3).choice(len(grid), 7, replace=False)].reset_index(drop=True)
    found = choose_sites(live, ["elderly_care"], grid, model=model, new=2)
    people = live.times.demand["population_60plus"].to_numpy()
    best = []
    for pair in itertools.combinations(range(7), 2):
        new = propose(live.times.study, "elderly_care", grid.geometry.iloc[list(pair)])
        after = live.change("elderly_care", add=new)
        minutes = np.minimum(after.judged.minutes, 120.0)
        best.append({"mclp": -people[after.judged.state == 0].sum(), "p-median": people @ minutes,
                     "p-center": minutes[people > 0].max()}[model])
    assert abs(found.answer.objective) == pytest.approx(abs(min(best)), abs=1e-9)
    assert found.answer.status == "optimal"


def test_sums_agree_with_the_district_solved_anew(live):
    found = choose_sites(live, ["clinics", "elderly_care"], in_places(live.times), budget=3.0,
                         wishes=Wishes(building_cost=0.5))
    won = found.sites.groupby("layer")["people_won"].sum()
    for layer, change in found.changes.items():
        row = change.coverage.iloc[-1]
        assert won.get(layer, 0.0) == pytest.approx(row["people_in_time"] - row["people_in_time_before"])
    assert found.record["cost"] <= 3.0
    assert found.record["people_in_time_after"] == found.coverage.groupby("layer")["people_in_time"].max().sum()


def test_two_services_share_a_building(live):
    """Two rooms at 1 and a building at 2: one building with both services costs 4, two buildings 6."""
    wishes = Wishes(building_cost=2.0)
    found = choose_sites(live, ["clinics", "elderly_care"], in_places(live.times), budget=4.0, wishes=wishes)
    assert found.sites["building"].nunique() == 1
    assert sorted(found.sites["layer"]) == ["clinics", "elderly_care"]


def test_equity_lets_a_small_place_count_as_much(tmp_path):
    runfile = write_town(tmp_path)
    people = pd.read_csv(tmp_path / "people.csv", dtype={"place_code": str, "township_code": str})
    people.loc[people["place_code"] == "990101002202", ["population", "population_60plus"]] = 1  # 丁: 5
    people.to_csv(tmp_path / "people.csv", index=False)
    live = Live.of(read_study(runfile))
    places = in_places(live.times)
    places = places[places["name"].isin(["丙村", "丁村"])].reset_index(drop=True)
    asked = {equity: Wishes(equity=equity) for equity in (0.0, 0.5, 1.0)}
    weight = {equity: choose_sites(live, ["clinics"], places, new=1, wishes=wishes).question.problem.weight
              for equity, wishes in asked.items()}
    code = live.times.demand["place_code"].to_numpy()
    by_place = {equity: np.array([one[code == place].sum() for place in np.unique(code)])
                for equity, one in weight.items()}
    np.testing.assert_allclose(by_place[0.0], [250, 250, 250, 5])
    np.testing.assert_allclose(by_place[1.0], [188.75] * 4)
    np.testing.assert_allclose(by_place[0.5], [219.375, 219.375, 219.375, 96.875])


def test_groups_weigh_what_they_are_told(live):
    wishes = Wishes(weights={"all": 1, "60plus": 2})
    found = choose_sites(live, ["clinics"], in_places(live.times), new=1, wishes=wishes)
    np.testing.assert_allclose(found.question.problem.weight, 50 + 2 * 12)
    assert found.record["people_in_time_after"] == 1000  # people, not weights


def test_sites_keep_their_distance(live):
    grid = along_roads(live.times, live.times.modes["walk"], 500.0)
    found = choose_sites(live, ["clinics"], grid, new=4, wishes=Wishes(apart_m=1500.0))
    xy = shapely.get_coordinates(found.sites.geometry)
    apart = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))[np.triu_indices(len(xy), 1)]
    assert (apart >= 1500.0).all()


def test_minutes_of_candidates_are_those_of_facilities(live):
    places = in_places(live.times)
    xy_m = shapely.get_coordinates(places.geometry)
    table = candidate_minutes(live.times, "clinics", xy_m, limit_min=120.0).toarray()
    for column in range(len(places)):
        new = propose(live.times.study, "clinics", places.geometry.iloc[[column]])
        after = live.solve("clinics", add=new, close=["C1"]).times["clinics", "walk"].minutes
        stored = table[:, column] > 0
        np.testing.assert_array_equal(table[stored, column], after[stored])


def test_candidates_come_from_a_file_with_costs(live, tmp_path):
    folder = live.times.study.runfile.path.parent
    (folder / "land.csv").write_text("candidate_id,name,lon,lat,cost,building\n" + "\n".join(
        f"{name},地块{name},{lon},{lat},{cost},{building}" for name, (lon, lat), cost, building in
        [("A", lonlat(2500, 1000), 40, "楼"), ("B", lonlat(3500, 1000), 20, "楼"), ("C", lonlat(0, 9e4), 1, "")]),
        encoding="utf-8")
    table = read_candidates(live.times.study, "land.csv")
    assert table[["candidate_id", "cost", "building"]].to_numpy().tolist() == [["A", 40, "楼"], ["B", 20, "楼"]]
    cheap = choose_sites(live, ["clinics"], table, budget=30)
    assert cheap.sites["candidate_id"].tolist() == ["B"]
    (folder / "twice.csv").write_text("candidate_id,lon,lat\n1,106.7,31.8\n1,106.7,31.8\n", encoding="utf-8")
    with pytest.raises(Exception, match=r"twice.csv: candidate_id 1 stands twice"):
        read_candidates(live.times.study, "twice.csv")
    (folder / "far.csv").write_text("candidate_id,lon,lat\n1,10.7,31.8\n", encoding="utf-8")
    with pytest.raises(EmptyTableError, match="no candidate lies in the district"):
        read_candidates(live.times.study, "far.csv")


def test_a_new_service_may_move_into_a_building(live):
    table = in_buildings(live.times.study, ("elderly_care",))
    assert table["candidate_id"].tolist() == ["in-E1"]
    found = choose_sites(live, ["clinics"], table, new=1)
    assert found.sites["people_won"].sum() == 450  # 丁 and, 15 to 30 minutes away, all of 丙 but its middle (in time)


def test_a_building_that_stands_is_not_paid_again(live):
    table = in_buildings(live.times.study, ("elderly_care",))
    found = choose_sites(live, ["clinics"], table, budget=1.0, wishes=Wishes(building_cost=5.0))
    assert found.sites["candidate_id"].tolist() == ["in-E1"]
    assert found.record["cost"] == 1.0
    new = choose_sites(live, ["clinics"], in_places(live.times), budget=1.0, wishes=Wishes(building_cost=5.0))
    assert len(new.sites) == 0


def test_draws_say_how_firm_a_site_is(live):
    firm = with_shares(choose_sites(live, ["clinics"], in_places(live.times), new=1), 12)
    assert firm.sites["keep_share"].between(0, 1).all()
    again = keep_shares(firm, 12)
    np.testing.assert_array_equal(again.keep_share, firm.keep_share)
    assert (again.best_in_time >= again.people_in_time - 1e-6).all()
    still = live.times.study.runfile.uncertainty.model_copy(
        update={"speed_sd": 0.0, "population_sd": 0.0, "spread_sd": 0.0, "position_sd_m": {}})
    study = live.times.study
    calm = Live.of(replace(study, runfile=study.runfile.model_copy(update={"uncertainty": still})))
    found = keep_shares(choose_sites(calm, ["clinics"], in_places(calm.times), new=1), 3)
    assert found.keep_share.tolist() == [0, 0, 1, 0]
    np.testing.assert_allclose(found.people_in_time, 1000)


def test_a_run_holds_its_sites(live, tmp_path):
    found = choose_sites(live, ["clinics"], in_places(live.times), new=2, others=3)
    directory = write_run(with_sites(assess(live.times.study), found), tmp_path / "run")
    table = pd.read_csv(directory / "sites.csv", encoding="utf-8-sig", dtype={"township_code": str})
    assert tuple(table.columns) == SITES_COLUMNS
    record = json.loads((directory / "site.json").read_text(encoding="utf-8"))
    assert record["objective"] == 1000
    assert record["quality"] == "model"
    reach = pd.read_parquet(directory / "reach.parquet")
    assert tuple(reach.columns) == REACH_COLUMNS
    assert len(gpd.read_file(directory / "lifecircle.gpkg", layer="sites")) == len(table)
    back = read_run(directory)
    assert back.siting == record
    again = write_run(back, tmp_path / "again")
    for name in ("sites.csv", "site.json", "reach.parquet"):
        assert (again / name).read_bytes() == (directory / name).read_bytes()


def test_its_scenario_runs_to_the_people_that_were_told(live, tmp_path):
    found = choose_sites(live, ["clinics"], in_places(live.times), new=1)
    sited = write_run(with_sites(assess(live.times.study), found), tmp_path / "sited")
    runfile = live.times.study.runfile.path
    assert inside("run", runfile, "--scenario", sited / "sites.toml", "--out", tmp_path / "then", "--json")[0] == 0
    then = read_run(tmp_path / "then")
    rows = then.headline("people_in_time")
    rows = rows[(rows["layer"] == "clinics") & (rows["class"] == "all") & (rows["township_code"] == DISTRICT)]
    assert rows["value"].item() == found.record["people_in_time_after"] == 1000
    code, out, _ = inside("compare", sited, tmp_path / "then", "--format", "json")
    assert code == 0
    assert "450" in out


def test_few_people_of_a_group_are_not_told(live):
    found = choose_sites(live, ["elderly_care"], in_places(live.times), new=3)
    sites = found.sites.assign(people_won=[60.0, 30.0, 4.0], people_alone=60.0, people_last=30.0)
    shown = published_sites(sites)
    assert shown["people_won"].isna().tolist() == [False, True, True]
    service = {**found.record["services"][0], "people_in_time_before": 96.0, "people_in_time_after": 100.0}
    record = {**found.record, "services": [service]}
    assert published_siting(record)["people_in_time_after"] is None
    assert published_siting(record)["objective"] is None
    pd.testing.assert_frame_equal(published_sites(shown), shown)


def test_the_command_prints_the_proof(runfile, tmp_path):
    code, out, _ = inside("site", runfile, "--layer", "诊所", "--new", "1", "--candidates", "roads:500", "--json")
    record = json.loads(out)
    assert (code, record["status"], record["objective"], record["gap"]) == (0, "optimal", 1000, 0)
    _, text, _ = inside("site", runfile, "--layer", "clinics", "--new", "1", "--out", tmp_path / "out")
    assert "gap 0.00%" in text
    assert "模型数据，非现状" in text
    assert (tmp_path / "out" / "sites.csv").is_file()
    code, text, _ = inside("site", runfile, "--layer", "clinics", "--model", "lscp", "--quota", "乙镇=0..0")
    assert code == 4
    assert "because:" in text


@pytest.mark.parametrize(("arguments", "told"), [
    (["--layer", "parks", "--new", "1"], "no layer parks"),
    (["--layer", "clinics"], "mclp needs the number of new sites or a budget"),
    (["--layer", "clinics", "--new", "1", "--quota", "each=2..1"], "at least 2 is more than at most 1"),
    (["--layer", "clinics", "--new", "1", "--quota", "each"], "write NAME=VALUE"),
    (["--layer", "clinics", "--new", "1", "--quota", "丁镇=1"], "no township 丁镇; there are 甲街道, 乙镇"),
    (["--layer", "clinics", "--new", "1", "--weight", "old=1"], "no group old; the people have all, 60plus"),
    (["--layer", "clinics", "--new", "1", "--must", "x"], "no candidate x; there are place-"),
    (["--layer", "clinics", "--new", "1", "--candidates", "roads:x"], "no number of metres"),
    (["--layer", "clinics", "--new", "1", "--candidates", "roads:0.1"], "more than 20,000 candidates"),
    (["--layer", "clinics", "--new", "1", "--candidates", "none.csv"], "none.csv: no such file"),
    (["--layer", "clinics", "--new", "2", "--model", "p-median", "--others", "2"], "other choices are listed for mclp"),
    (["--layer", "clinics", "--new", "2", "--share", "0.5"], "a share is what lscp is to reach, not mclp"),
    (["--layer", "clinics", "--new", "2", "--model", "lscp"], "lscp finds the number of sites itself"),
])
def test_what_cannot_be_asked_is_said_in_one_line(runfile, arguments, told):
    code, _, err = inside("site", runfile, *arguments)
    assert code in (2, 3)
    assert told in err
    assert_one_line(err)
