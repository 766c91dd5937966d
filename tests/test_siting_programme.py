"""Sites over years, and roads against buildings: by hand in the tiny town, by brute force over all choices."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from command import assert_one_line, inside
from lifecircle.errors import ConfigError, UsageError
from lifecircle.live import Live
from lifecircle.scenario import read_scenario
from lifecircle.siting.candidates import along_roads, in_places
from lifecircle.siting.district import Wishes, lay_out
from lifecircle.siting.links import choose_links
from lifecircle.siting.programme import programme
from lifecircle.study import read_study
from tinytown import lonlat, write_town


@pytest.fixture(scope="module")
def runfile(tmp_path_factory):
    return write_town(tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="module")
def live(runfile):
    return Live.of(read_study(runfile))


def test_the_best_site_comes_first(live):
    """Elders (12 a point): 甲's middle wins 36 in 甲 and 36 in 乙; with 乙 or 丙 added 96; they alone win 60 each."""
    found = programme(live, ["elderly_care"], in_places(live.times), {2026: 1, 2025: 1})
    assert [(year.year, year.people_in_time, year.spent) for year in found.years] == [(2025, 168, 1), (2026, 192, 2)]
    assert found.sites.set_index("name")["year"].to_dict()["甲社区"] == 2025
    assert sorted(found.sites["year"]) == [2025, 2026]
    record = found.record
    assert (record["years_objective"], record["years_bound"], record["status"]) == (360, 360, "optimal")


def test_what_a_year_leaves_over_is_spent_later(live):
    found = programme(live, ["elderly_care"], in_places(live.times), {2025: 0.5, 2026: 0.5, 2027: 1.0})
    assert [len(year.chosen) for year in found.years] == [0, 1, 2]
    assert [year.people_in_time for year in found.years] == [96, 168, 192]


@pytest.mark.parametrize("seed", range(6))
def test_no_sequence_of_choices_is_better(live, seed):
    rng = np.random.default_rng(seed)
    grid = along_roads(live.times, live.times.modes["walk"], 700.0)
    grid = grid.iloc[rng.choice(len(grid), 6, replace=False)].reset_index(drop=True)
    grid["cost"] = rng.integers(1, 5, 6).astype(float)
    budgets = {2025: float(rng.integers(1, 5)), 2026: float(rng.integers(1, 5))}
    wishes = Wishes(apart_m=float(rng.choice([0.0, 900.0])), building_cost=float(rng.choice([0.0, 1.0])))
    found = programme(live, ["clinics", "elderly_care"], grid, budgets, wishes=wishes)
    problem = lay_out(live.times, ["clinics", "elderly_care"], grid, wishes).problem
    table = problem.minutes.toarray()
    stored = np.zeros(table.shape, bool)
    stored[problem.row_of_pair, problem.minutes.indices] = True
    near = stored & (table <= problem.cutoff[:, None])

    def value(chosen):
        return problem.weight[problem.standing | near[:, list(chosen)].any(axis=1)].sum()

    total = list(itertools.accumulate(budgets[year] for year in sorted(budgets)))
    apart = {tuple(pair) for pair in problem.apart.tolist()}
    choices = [one for size in range(5) for one in itertools.combinations(range(12), size)
               if not apart & set(itertools.combinations(one, 2)) and problem.price(np.array(one, int)) <= total[1]]
    first = [one for one in choices if problem.price(np.array(one, int)) <= total[0]]
    best = max(value(one) + value(two) for two in choices for one in first if set(one) <= set(two))
    objective = found.record["years_objective"]
    assert objective <= best + 1e-9
    assert found.record["years_bound"] >= best - 1e-9
    assert objective >= 0.97 * best  # sites are picked among the best of each year
    assert all(year.spent <= most + 1e-9 for year, most in zip(found.years, total, strict=True))


def test_a_programme_needs_years(live):
    with pytest.raises(UsageError, match="needs years with budgets"):
        programme(live, ["clinics"], in_places(live.times), {})


@pytest.fixture(scope="module")
def torn(tmp_path_factory):
    """The town without streets between x = 2000 and 2500 m, and between 3000 and 3500 m."""
    folder = tmp_path_factory.mktemp("torn")
    runfile = write_town(folder)
    content = json.loads((folder / "roads.geojson").read_text())
    west_east, others = content["features"][:5], content["features"][5:]
    for feature in west_east:
        line = feature["geometry"]["coordinates"]
        for part in (line[:5], line[5:7], line[7:]):
            others.append({**feature, "geometry": {"type": "LineString", "coordinates": part}})
    (folder / "roads.geojson").write_text(json.dumps({**content, "features": others}))
    return Live.of(read_study(runfile))


def _links(torn, *roads, name="links.toml"):
    path = torn.times.study.runfile.path.parent / name
    text = "".join(f'[[build]]\nname = "{name}"\ncost = {cost}\nclass = "residential"\n'
                   f"line = {[list(lonlat(*point)) for point in line]}\n" for name, cost, line in roads)
    path.write_text(text, encoding="utf-8")
    return read_scenario(path)


BRIDGE = ("桥", 3, [(2000, 1000), (2500, 1000)])
ROAD = ("路", 3, [(3000, 1000), (3500, 1000)])


def test_a_bridge_alone_or_with_a_clinic(torn):
    """The bridge brings 丙's middle (50) to the clinic; with a clinic in 乙 all of 丙 (250) and 丁's middle needs the
    road too (50); the clinic in 乙 alone wins nobody."""
    west = in_places(torn.times).iloc[:2]
    scenario = _links(torn, BRIDGE, ROAD)
    results = {}
    for budget in (2, 3, 4, 7):
        found = choose_links(torn, ["clinics"], west, scenario, budget=budget)
        results[budget] = ([link.name for link in found.links], found.sites["name"].tolist(),
                           found.record["people_in_time_after"])
        assert found.record["people_in_time_now"] == 500
        assert found.answer.status == "optimal"
        assert found.record["cost"] <= budget
    assert results[2][2] == 500
    assert results[3] == (["桥"], [], 550)
    assert results[4] == (["桥"], ["乙村"], 750)
    assert results[7] == (["桥", "路"], ["乙村"], 800)


def test_a_building_may_be_worth_more_than_a_road(torn):
    found = choose_links(torn, ["clinics"], in_places(torn.times), _links(torn, BRIDGE, ROAD), budget=3)
    assert [link.name for link in found.links] == []
    assert set(found.sites["name"]) == {"丙村", "丁村"}  # 丁's middle is cut off from 丙's
    assert found.record["people_in_time_after"] == 1000


def test_what_each_road_wins(torn):
    found = choose_links(torn, ["clinics"], in_places(torn.times).iloc[:2], _links(torn, BRIDGE, ROAD), budget=7)
    told = {link.name: (link.people_alone, link.people_last) for link in found.links}
    assert told == {"桥": (50, 300), "路": (0, 50)}


def test_a_file_of_roads_says_what_it_lacks(torn):
    west = in_places(torn.times).iloc[:2]
    path = torn.times.study.runfile.path.parent / "bad.toml"
    path.write_text('[[close]]\nfacility = "C1"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="close 1 is no road"):
        choose_links(torn, ["clinics"], west, read_scenario(path), budget=3)
    line = [list(lonlat(2000, 0)), list(lonlat(2500, 0))]
    path.write_text(f'[[build]]\nname = "桥"\nline = {line}\n', encoding="utf-8")
    with pytest.raises(ConfigError, match="the road 桥 has no cost"):
        choose_links(torn, ["clinics"], west, read_scenario(path), budget=3)


def test_the_command_makes_a_programme_and_weighs_roads(runfile, torn, tmp_path):
    code, out, _ = inside("site", runfile, "--layer", "elderly_care", "--year", "2025=1", "--year", "2026=1")
    assert code == 0
    assert "2026" in out
    _links(torn, BRIDGE, ROAD)
    torn_file = torn.times.study.runfile.path
    code, out, _ = inside("site", torn_file, "--layer", "clinics", "--links", torn_file.parent / "links.toml",
                          "--budget", "3", "--json", "--out", tmp_path / "run")
    assert code == 0
    assert json.loads(out)["people_in_time_after"] == 1000
    for arguments in (["--year", "2025"], ["--year", "x=1"], ["--year", "2025=1", "--new", "2"]):
        code, _, err = inside("site", runfile, "--layer", "clinics", *arguments)
        assert code == 2
        assert_one_line(err)
