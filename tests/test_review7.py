"""Figures and messages of siting that a review found wrong: each value was worked out before the run."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from command import assert_one_line, inside
from lifecircle.errors import UsageError
from lifecircle.live import Live
from lifecircle.outputs.disclosure import _filter_gains, published_sites, published_siting
from lifecircle.proposals import propose
from lifecircle.scenario import read_scenario
from lifecircle.siting.candidates import in_places, read_candidates
from lifecircle.siting.district import Wishes
from lifecircle.siting.links import choose_links
from lifecircle.siting.programme import programme
from lifecircle.siting.robust import keep_shares, with_shares
from lifecircle.siting.sites import choose_sites
from lifecircle.study import read_study
from tinytown import lonlat, write_town


@pytest.fixture(scope="module")
def runfile(tmp_path_factory):
    return write_town(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def live(runfile):
    return Live.of(read_study(runfile))


def land(live, name, *rows):
    """Read candidates (id, x_m, y_m, further cells by their heads)."""
    table = pd.DataFrame([{"candidate_id": one, "lon": lonlat(x, y)[0], "lat": lonlat(x, y)[1], **cells}
                          for one, x, y, cells in rows])
    path = live.times.study.runfile.path.parent / name
    table.to_csv(path, index=False)
    return read_candidates(live.times.study, name)


def test_p_median_counts_minutes_beyond_the_shorter_cutoff(live):
    """Elders of 甲 (urban, 15 minutes) walk 80, 70, 60, 70, 80 minutes to the post at y = 1000; a post at (3500, 1500)
    makes that 80, 70, 60, 60, 70: 20 minutes less for 12 elders each. In 丁, 丙 and 乙 it saves 10 for those at
    y = 1500 and 2000: 7 × 10 + 10 = 80 minutes × 12 in all, though 60 minutes are four times the urban cutoff."""
    table = land(live, "one.csv", ("A", 3500, 1500, {}))
    found = choose_sites(live, ["elderly_care"], table, model="p-median", new=1)
    elders = live.times.demand["population_60plus"].to_numpy()
    after = live.change("elderly_care", add=propose(live.times.study, "elderly_care", table.geometry))
    before = elders @ live.times.times["elderly_care", "walk_elder"].minutes
    assert found.answer.objective == pytest.approx(before - 80 * 12)
    assert found.answer.objective == pytest.approx(elders @ after.judged.minutes)


@pytest.mark.parametrize(("arguments", "told"), [
    (["--new", "1", "--quota", "each=²"], "write LEAST or LEAST..MOST"),
    (["--year", "²⁰²⁵=1"], "no year"),
    (["--year", "2025=1", "--year", "2025=2"], "--year 2025 is given twice"),
    (["--new", "1", "--quota", "乙镇=1", "--quota", "乙镇=0..0"], "--quota 乙镇 is given twice"),
    (["--new", "1", "--weight", "all=inf"], "inf is no number"),
    (["--year", "2025=inf"], "inf is no number"),
    (["--new", "1", "--candidates", "roads:inf"], "give a spacing above 0, to 1,000,000"),
    (["--new", "1", "--candidates", "roads:1e300"], "give a spacing above 0, to 1,000,000"),
    (["--new", "1", "--must", "place-990101002201", "--never", "place-990101002201"],
     "candidates place-990101002201 are in never too"),
])
def test_what_cannot_be_meant_is_one_line(runfile, arguments, told):
    code, _, err = inside("site", runfile, "--layer", "clinics", *arguments)
    assert code in (2, 3)
    assert told in err
    assert_one_line(err)


def test_reasons_name_candidates_and_townships(runfile):
    code, out, _ = inside("site", runfile, "--layer", "clinics", "--new", "2", "--must", "place-990101002201", "--must",
                          "place-990101002202", "--apart-m", "1500", "--json")
    texts = " ".join(reason["text"] for reason in json.loads(out)["reasons"])
    assert code == 4
    assert "(place-990101002201–place-990101002202)" in texts
    assert "candidates place-990101002201, place-990101002202 must be chosen" in texts
    _, out, _ = inside("site", runfile, "--layer", "clinics", "--new", "1", "--quota", "each=1", "--json")
    texts = [reason["text"] for reason in json.loads(out)["reasons"]]
    assert "甲街道 is to get at least 1 (quota of 乙镇, sites)" in texts
    assert "1000000" not in " ".join(texts)
    _, out, _ = inside("site", runfile, "--layer", "clinics", "--model", "lscp", "--never", "place-990101002201",
                       "--never", "place-990101002202", "--json")
    text = json.loads(out)["reasons"][0]["text"]
    assert "200 people at demand points d30, d31, d33, d34 reach" in text
    assert text.endswith("at most 0.800 can be")


def _links(live, *roads, name):
    path = live.times.study.runfile.path.parent / name
    path.write_text("".join(
        f'[[build]]\nname = "{road}"\ncost = {cost}\nclass = "residential"\n'
        f"line = {[list(lonlat(*point)) for point in line]}\n" for road, cost, line in roads), encoding="utf-8")
    return read_scenario(path)


@pytest.fixture(scope="module")
def hamlet(tmp_path_factory):
    """The town without streets east of x = 2000 m: 丁 is 1500 m away from any road."""
    folder = tmp_path_factory.mktemp("hamlet")
    runfile = write_town(folder)
    content = json.loads((folder / "roads.geojson").read_text())
    west = [{**one, "geometry": {**one["geometry"], "coordinates": one["geometry"]["coordinates"][:5]}}
            for one in content["features"][:5]]
    streets = [*west, *content["features"][5:10]]
    (folder / "roads.geojson").write_text(json.dumps({**content, "features": streets}))
    return Live.of(read_study(runfile))


def test_a_road_to_a_hamlet_without_any_counts_whom_it_reaches(hamlet):
    """丁's middle is undetermined today; with the road and a clinic in 乙 it is 2000 m away, 30 minutes."""
    road = _links(hamlet, ("路", 3, [(2000, 1000), (3500, 1000)]), name="road.toml")
    table = in_places(hamlet.times).iloc[[1]].reset_index(drop=True)
    found = choose_links(hamlet, ["clinics"], table, road, budget=4)
    ground = Live.of(road.apply(hamlet.times.study))
    both = ground.change("clinics", add=propose(ground.times.study, "clinics", table.geometry)).coverage.iloc[-1]
    assert both["people_in_time"] > both["people_in_time_before"]
    assert found.record["people_in_time_after"] == both["people_in_time"]
    assert ([link.name for link in found.links], found.sites["name"].tolist()) == (["路"], ["乙村"])
    assert found.answer.status == "optimal"


def test_roads_are_weighed_only_where_the_rules_can_be_kept(hamlet):
    road = _links(hamlet, ("路", 3, [(2000, 1000), (3500, 1000)]), name="rules.toml")
    places = in_places(hamlet.times)
    none = choose_links(hamlet, ["clinics"], places, road, budget=1, wishes=Wishes(quota={"each": (1, 9)}))
    assert none.record["status"] == "infeasible"
    assert {reason["kind"] for reason in none.record["reasons"]} >= {"budget", "quota"}
    with pytest.raises(UsageError, match="under one budget"):
        choose_links(hamlet, ["clinics"], places, road, new=1)


def test_draws_choose_other_sites_beside_the_roads(hamlet):
    """With the road built one of two sites fits in; where people walk slower the other may be the better one."""
    road = _links(hamlet, ("路", 3, [(2000, 1000), (3500, 1000)]), name="draws.toml")
    table = land(hamlet, "two.csv", ("A", 1500, 1000, {}), ("B", 1900, 1000, {}))
    found = with_shares(choose_links(hamlet, ["clinics"], table, road, budget=4), 40)
    assert [link.name for link in found.links] == ["路"]
    assert found.sites["keep_share"].item() < 1
    assert found.keep_share.sum() <= 1
    assert (found.keep_share > 0).all()


def test_a_programme_builds_nothing_that_wins_nothing(live):
    """A clinic in 丙 or 丁 alone wins all that can be won; with a budget for four there is still one."""
    found = programme(live, ["clinics"], in_places(live.times), {2025: 1, 2026: 3})
    assert found.sites["name"].tolist() == ["丙村"]
    assert [year.spent for year in found.years] == [1, 1]
    # two elders' points of 甲 are 20 minutes from its middle: 240 - 24 can be had
    early = programme(live, ["elderly_care"], in_places(live.times), {2025: 1, 2026: 9})
    assert [year.people_in_time for year in early.years] == [168, 216]
    assert (early.sites["people_last"] > 0).all()


def test_what_a_site_wins_alone_stays_within_its_capacity(tmp_path):
    """Room for 100 each: alone 100, together 200, and each is missed by 100; a third without limit wins the rest."""
    runfile = write_town(tmp_path, policy={
        "clinics": {"label_zh": "诊所", "label_en": "Clinics",
                    "supply": {"capacity": "capacity", "need_per_person": 1.0, "unit": "places", "source": "made up"}},
        "elderly_care": None, "shelters": None}, facilities=[
            {"layer": "clinics", "file": "clinics.csv", "source": "tiny town", "quality": "model"}])
    live = Live.of(read_study(runfile))
    table = land(live, "rooms.csv", ("A", 2500, 1000, {"capacity": 100}), ("B", 2500, 1500, {"capacity": 100}))
    found = choose_sites(live, ["clinics"], table, new=2)
    counts = found.sites[["people_won", "people_alone", "people_last"]].to_numpy()
    np.testing.assert_allclose(counts, 100.0, atol=1e-4)
    assert found.record["people_in_time_after"] == pytest.approx(750)
    one = choose_sites(live, ["clinics"], table.assign(capacity=[100.0, np.nan]), new=2)
    assert one.sites.set_index("candidate_id")["people_alone"].to_dict() == pytest.approx({"A": 100, "B": 400})


def test_weighted_objectives_say_so(live):
    found = choose_sites(live, ["clinics"], in_places(live.times), new=1, wishes=Wishes(weights={"60plus": 2.0}))
    assert found.record["objective_unit"] == "weighted person"
    assert found.record["weights"] == {"60plus": 2.0}
    assert choose_sites(live, ["clinics"], in_places(live.times), new=1).record["objective_unit"] == "person"


def test_what_two_counts_differ_by_is_hidden_too(live):
    """Of 60 won 52 would be lost: 8 elders have two sites."""
    found = choose_sites(live, ["elderly_care"], in_places(live.times), new=3)
    shown = published_sites(found.sites.assign(people_won=[60.0, 60.0, 60.0], people_alone=60.0,
                                               people_last=[52.0, 60.0, 60.0]))
    assert shown["people_last"].isna().tolist() == shown["people_alone"].isna().tolist() == [True, False, False]
    assert shown["people_won"].tolist() == [60, 60, 60]


@pytest.mark.parametrize("counts", [
    {"people_in_time_before": 96.0, "people_in_time_after": 100.0},
    {"people_in_time_before": 96.0, "people_in_time_after": 236.0},
    {"people_in_time_before": 5.0, "people_in_time_after": 100.0},
])
def test_counts_of_a_siting_that_tell_few_are_hidden(live, counts):
    found = choose_sites(live, ["clinics", "elderly_care"], in_places(live.times), new=2)
    clinics, elders = found.record["services"]
    record = {**found.record, "services": [clinics, {**elders, **counts}]}
    shown = published_siting(record)
    assert shown["services"][0] == clinics
    assert {shown["services"][1][name] for name in counts} == {None}
    assert {shown[name] for name in ("objective", "bound", "people_in_time_before", "people_in_time_after")} == {None}
    assert published_siting(shown) == shown


def test_years_of_a_group_that_differ_by_few_are_hidden(live):
    found = programme(live, ["elderly_care"], in_places(live.times), {2025: 1, 2026: 1})
    assert published_siting(found.record)["years"][0]["people_in_time"] == 168
    years = tuple(replace(one, people_in_time=count) for one, count in zip(found.years, (168.0, 173.0), strict=True))
    shown = published_siting(replace(found, years=years).record)
    assert [one["people_in_time"] for one in shown["years"]] == [None, None]
    assert shown["years_objective"] is None


def test_notebooks_hide_few_as_well(live):
    found = choose_sites(live, ["elderly_care"], in_places(live.times), new=1)
    found.__dict__["sites"] = found.sites.assign(people_won=7.0, people_alone=7.0, people_last=7.0)
    assert "<td>7</td>" not in found._repr_html_()


def test_the_scenario_of_sites_opens_what_serves(tmp_path):
    """Where the policy accepts levels, a new facility of another level would serve nobody."""
    runfile = write_town(tmp_path, policy={"clinics": {"label_zh": "诊所", "label_en": "Clinics",
                                                       "accepts": ["village_clinic"]}})
    assert inside("site", runfile, "--layer", "clinics", "--new", "1", "--out", tmp_path / "sited")[0] == 0
    study = read_scenario(tmp_path / "sited" / "sites.toml").apply(read_study(runfile))
    again = Live.of(study).change("clinics")
    assert again.coverage.iloc[-1]["people_in_time"] == 1000


def test_hostile_names_stay_text(runfile, tmp_path):
    """A formula, a script and a very long name: guarded in CSV, escaped on the map, whole in the scenario."""
    rows = [("=cmd()", "=1+1", 2500), ("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", 3500),
            ("三", 'say "a"\\b' + "字" * 10_000, 1500)]
    table = pd.DataFrame([{"candidate_id": one, "name": name, "lon": lonlat(x, 1000)[0], "lat": lonlat(x, 1000)[1]}
                          for one, name, x in rows])
    table.to_csv(runfile.parent / "hostile.csv", index=False)
    arguments = [f"--must={one}" for one, _, _ in rows]
    code, out, _ = inside("site", runfile, "--layer", "clinics", "--new", "3", "--candidates", "hostile.csv", "--out",
                          tmp_path / "run", *arguments)
    assert code == 0
    assert "\x1b" not in out
    cells = pd.read_csv(tmp_path / "run" / "sites.csv", encoding="utf-8-sig", dtype=str)
    assert set(cells["candidate_id"]) == {"'=cmd()", "<script>alert(1)</script>", "三"}
    assert "<script>alert(1)" not in (tmp_path / "run" / "map.html").read_text(encoding="utf-8")
    opened = read_scenario(tmp_path / "run" / "sites.toml").content.open
    assert {one.name for one in opened} == {name[:200] for _, name, _ in rows}
    table.assign(candidate_id=["a", "b", "c" * 10_000]).to_csv(runfile.parent / "long.csv", index=False)
    code, _, err = inside("site", runfile, "--layer", "clinics", "--new", "1", "--candidates", "long.csv")
    assert code == 3
    assert "has 10,000 characters; at most 100" in err


@pytest.mark.parametrize("model", ["mclp", "lscp", "p-median", "p-center"])
@pytest.mark.parametrize("direction", ["from", "worse"])
def test_a_class_without_a_rule_is_left_out_in_every_model(tmp_path, model, direction):
    """Only the rural 750 count: 300 in time of the clinic, all with one more in 丙."""
    runfile = write_town(tmp_path, policy={"clinics": {
        "label_zh": "诊所", "label_en": "Clinics", "urban": False, "direction": direction,
        "rural": {"cutoff_min": 30, "mode": "walk"}}})
    live = Live.of(read_study(runfile))
    found = choose_sites(live, ["clinics"], in_places(live.times), model=model, new=None if model == "lscp" else 1)
    record = found.record
    assert [record[f"people{name}"] for name in ("", "_in_time_before", "_in_time_after")] == [750, 300, 750]
    assert found.coverage.iloc[-1]["people_in_time"] == 750
    assert record["objective_unit"] == {"lscp": "site"}.get(model, record["objective_unit"])


def test_draws_of_a_candidate_are_those_of_a_facility_in_its_place(live):
    """Speeds change alike for both; positions are held still."""
    still = live.times.study.runfile.uncertainty.model_copy(update={"position_sd_m": {}, "draws": 30})
    study = live.times.study
    study = replace(study, runfile=study.runfile.model_copy(update={"uncertainty": still}))
    for layer, x_m in (("clinics", 500), ("elderly_care", 3500)):
        here = Live.of(study)
        closed = Live(here.solve(layer, close=["C1" if layer == "clinics" else "E1"]))
        stands = choose_sites(here, [layer], land(here, "here.csv", ("A", x_m, 1000, {})), budget=0.0)
        new = choose_sites(closed, [layer], land(here, "here.csv", ("A", x_m, 1000, {})), new=1)
        assert new.record["people_in_time_after"] == stands.record["people_in_time_before"]
        drawn = [keep_shares(one, 30).people_in_time for one in (stands, new)]
        np.testing.assert_array_equal(*drawn)
        assert len(np.unique(drawn[0])) > 5


def test_a_missing_scenario_is_looked_for_in_the_folder_of_the_caller(runfile, tmp_path):
    code, _, err = inside("site", runfile, "--layer", "clinics", "--budget", "3", "--links", "none.toml")
    assert code == 3
    assert "none.toml: no such file; check the name; paths are relative to the folder you are in" in err
    code, _, err = inside("run", runfile, "--scenario", tmp_path / "none.toml", "--out", tmp_path / "run")
    assert code == 3
    assert "relative to the run file" not in err


def test_neither_roads_nor_sites_are_built_for_nothing(live):
    """A clinic in 丙 wins all; a short cut and other clinics add nothing, and a street that bans walkers takes away."""
    path = live.times.study.runfile.path.parent / "idle.toml"
    path.write_text("".join(f'[[{kind}]]\nname = "{name}"\ncost = {cost}\nclass = "{road}"\nline = '
                            f"{[list(lonlat(*point)) for point in line]}\n" for kind, name, cost, road, line in (
        ("build", "捷径", 1, "footway", [(2500, 1000), (3500, 1500)]),
        ("build", "近路", 0, "footway", [(500, 0), (1500, 500)]),
        ("upgrade", "快速路", 0, "motorway", [(500, 1000), (1500, 1000)]))), encoding="utf-8")
    found = choose_links(live, ["clinics"], in_places(live.times), read_scenario(path), budget=9)
    assert ([link.name for link in found.links], len(found.sites), found.record["cost"]) == ([], 1, 1)
    assert found.record["people_in_time_after"] == 1000
    must = Wishes(must=("place-990101001201",))
    kept = choose_links(live, ["clinics"], in_places(live.times), read_scenario(path), budget=9, wishes=must)
    assert sorted(kept.sites["name"]) in (["丁村", "乙村"], ["丙村", "乙村"])


def test_what_all_gain_beyond_one_is_hidden_where_it_is_small():
    """Two facilities bring 63 elders in time and the first alone 54: the other adds 9."""
    gains = pd.DataFrame({"layer": "care", "facility_id": ["A", "B", "all"], "people_alone": [54.0, 63.0, np.nan],
                          "people_last": [0.0, 9.0, np.nan], "people_together": [np.nan, np.nan, 63.0],
                          "person_minutes_saved": 1.0})
    shown = _filter_gains(SimpleNamespace(gains=gains, run={"layers": {"care": {"group": "60plus"}}}))
    assert shown["people_alone"].isna().all()
    assert shown["people_together"].tolist()[-1] == 63
    pd.testing.assert_frame_equal(
        _filter_gains(SimpleNamespace(gains=shown, run={"layers": {"care": {"group": "60plus"}}})), shown)
