"""Figures that a sceptical reader took apart: each was wrong once, worked by hand in the tiny town."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lifecircle.assess import assess
from lifecircle.network.pairs import whole_ms
from lifecircle.plan import Plan
from lifecircle.scorecard import ranking
from lifecircle.study import read_study
from plantown import figures, write_plan_town, write_table
from sample_assessment import TOWNSHIPS, sample
from test_eldercircles import circle_town
from tinytown import CLINIC_M, DISTRICT, EAST_TOWN, PLACES, WEST_TOWN, lonlat, toml_text, write_town

REGISTER = {"layer": "clinics", "file": "clinics.csv", "quality": "register"}
#: A plan of two measures: one counts facilities, the other is reported.
TWO = """
[[item]]
number = 1
title = "一"
measure = [
    { key = "shops", title = "店", kind = "computed", target = 3, layer = "shops", indicator = "facilities" },
    { key = "air", title = "空气", kind = "reported", target = 0.9, unit = "share" },
]
"""


def without(path: Path, column: str) -> None:
    pd.read_csv(path, dtype=str).drop(columns=column).to_csv(path, index=False)


def test_a_layer_that_the_plan_counts_may_have_no_existing_facility(tmp_path: Path) -> None:
    """The only shop is planned: 0 shops in each township and in the district, each told once."""
    write_table(tmp_path / "shops.csv", ["facility_id", "name", "level", "lon", "lat", "status"],
                [("W", "店", "shop", *lonlat(*CLINIC_M), "planned")])
    shops = {"layer": "shops", "file": "shops.csv", "quality": "register"}
    found = assess(write_plan_town(tmp_path, TWO, facilities=[REGISTER, shops], policy={
        "elderly_care": None, "shelters": None, "shops": {"reach": False}}))
    rows = found.results[found.results["indicator"] == "facilities"]
    assert sorted(rows["township_code"]) == sorted([DISTRICT, WEST_TOWN, EAST_TOWN])
    assert figures(found.scorecard, "shops") == [0.0, 0.0, 0.0]


def test_a_cutoff_of_tenths_is_as_many_milliseconds() -> None:
    """A trip of t ms is in time of c minutes where t / 60,000 <= c, in the tables of pairs as in the rates."""
    hundredths = np.arange(1, 24_001)
    assert (whole_ms(hundredths / 100) == 600.0 * hundredths).all()
    assert (hundredths * 600 / 60_000 <= hundredths / 100).all()


def test_residents_do_not_stand_in_for_elders_in_circles(tmp_path: Path) -> None:
    """Without people by age nobody knows how many elders there are: 甲 may pass, 丁 lacks two levels all the same."""
    path = circle_town(tmp_path, 0.8)
    without(tmp_path / "people.csv", "population_60plus")
    found = assess(path)
    table = found.circles.set_index("circle_id")
    assert table["elders"].isna().all()
    assert table["verdict"].tolist() == ["no_data", "no_data", "not_met", "not_met"]
    assert table["township_code"].tolist() == [WEST_TOWN, WEST_TOWN, EAST_TOWN, WEST_TOWN]
    passed = found.results[found.results["indicator"] == "elder_circles_passed"].set_index("township_code")
    assert passed.loc[DISTRICT, ["value", "low", "high"]].tolist() == [0.0, 0.0, 2.0]


def test_a_circle_of_places_known_as_points_holds_their_facilities(tmp_path: Path) -> None:
    """甲 is a point 100 m from its hubs, its neighbour 乙 a kilometre off; as for presence the nearest place holds."""
    path = circle_town(tmp_path, 0.8)
    places = json.loads((tmp_path / "places.geojson").read_text("utf-8"))
    for at, feature in enumerate(places["features"]):
        feature["geometry"] = {"type": "Point", "coordinates": lonlat(1000.0 * at + 500.0, 1100.0)}
    (tmp_path / "places.geojson").write_text(json.dumps(places, ensure_ascii=False), encoding="utf-8")
    table = assess(path).circles.set_index("circle_id")
    assert table.loc["c1", ["complex", "day_care", "station"]].tolist() == ["inside"] * 3
    assert table.loc["c1", "verdict"] == "met"
    assert table.loc["c3", ["complex", "day_care", "station"]].tolist() == ["missing", "missing", "inside"]


@pytest.mark.parametrize(("word", "verdict"), [("已建成", "met"), ("现状", "met"), ("规划", "not_met")])
def test_a_circle_tells_its_state_in_the_words_of_registers(tmp_path: Path, word: str, verdict: str) -> None:
    circles = [("c1", "甲圈", PLACES[0][0], "", "", "", word, 2025)]
    assert assess(circle_town(tmp_path, 0.8, circles)).circles["verdict"].tolist() == [verdict]


@pytest.mark.parametrize("rows", [
    [("air", DISTRICT, 0.9, "2025年", ""), ("air", DISTRICT, 0.8, "2024年", "")],
    [("air", DISTRICT, 0.9, "2025年", ""), ("air", DISTRICT, 0.8, "2024", "")],
])
def test_the_last_year_counts_however_it_is_written(tmp_path: Path, rows: list[tuple[Any, ...]]) -> None:
    assert read_study(write_plan_town(tmp_path, TWO, rows)).reported["value"].tolist() == [0.9]


def test_two_figures_of_one_year_are_refused_however_it_is_written(tmp_path: Path) -> None:
    rows = [("air", DISTRICT, 0.9, "2025", ""), ("air", DISTRICT, 0.8, "2025年", "")]
    with pytest.raises(ValueError, match="tell the same figure of the same year"):
        read_study(write_plan_town(tmp_path, TWO, rows))


def test_the_worst_are_at_most_half_of_those_that_are_ranked() -> None:
    """Of three townships one has a figure: it is the only one ranked, and none of the worst."""
    (code, name), *_ = TOWNSHIPS
    row = {**sample().results.iloc[0].to_dict(), "township_code": code, "township": name, "layer": "clinics",
           "indicator": "one", "class": "all", "level": "all", "value": 0.6, "low": 0.6, "high": 0.6, "headline": True,
           "verdict": "", "target": np.nan}
    plan = Plan.model_validate({"item": [{"number": 1, "title": "", "measure": [
        {"key": "one", "title": "", "kind": "computed", "layer": "clinics", "indicator": "one", "target": 1.0}]}]})
    found = ranking(replace(sample(), results=pd.DataFrame([row])), plan).set_index("township_code")
    assert found.loc[code, ["rank", "worst", "share_in_worst"]].tolist() == [1.0, False, 0.0]


def value(found: Any, indicator: str, code: str = DISTRICT, column: str = "value", **keys: Any) -> float:
    rows = found.results[(found.results["indicator"] == indicator) & (found.results["township_code"] == code)]
    for name, wanted in {"class": "all", "scenario": "existing", "layer": "elderly_care", **keys}.items():
        rows = rows[rows[name] == wanted]
    [row] = rows.to_dict("records")
    return float(row[column])


def test_no_capacity_is_told_where_all_that_is_reached_is_unknown(tmp_path: Path) -> None:
    """E1 holds 21 in the east; W, which the west alone reaches, does not say. The west has no figure, and no zero."""
    found = assess(beds(tmp_path, [("E1", 3500.0, 1000.0, 21), ("W", 500.0, 1000.0, None)]))
    for form in ("2sfca", "e2sfca", "gaussian", "3sfca"):
        assert np.isnan(value(found, f"access_{form}", WEST_TOWN)), form
        assert value(found, f"access_{form}", EAST_TOWN) > 0, form


def test_what_is_unknown_may_draw_people_off_in_the_three_step_form(tmp_path: Path) -> None:
    """E2 stands by E1 and does not say what it holds: some of those who share E1 with 丁 may go there."""
    found = assess(beds(tmp_path, [("E1", 3500.0, 1000.0, 21), ("E2", 2500.0, 1000.0, None)]))
    assert value(found, "access_2sfca", EAST_TOWN, "low") == pytest.approx(21 / 120)
    assert np.isnan(value(found, "access_3sfca", EAST_TOWN, "low"))
    assert np.isnan(value(found, "access_3sfca", EAST_TOWN, "high"))


def test_a_second_facility_off_the_roads_may_be_in_reach(tmp_path: Path) -> None:
    """U stands 400 m south of the last street, where nothing joins it: who has E1 may have U as a second.

    As the crow flies U at (3500, -400) is within the 1500 m of 30 minutes of 丁 at 0, 500 and 1000 m north (400, 900,
    1400 m), and of 丙, 1000 m west, at 0 and 500 (1077 and 1345 m): 5 of 10 points.
    """
    path = beds(tmp_path, [("E1", 3500.0, 1000.0, 21), ("U", 3500.0, -400.0, 21)])
    path.write_text(path.read_text("utf-8").replace("buffer_m = 0", "buffer_m = 2000").replace(
        "neighbours = false", "neighbours = true"), encoding="utf-8")
    found = assess(path)
    assert value(found, "share_with_k_in_reach", EAST_TOWN, cutoff=2.0) == 0.0
    assert value(found, "share_with_k_in_reach", EAST_TOWN, "high", cutoff=2.0) == pytest.approx(5 / 10)
    assert value(found, "share_with_k_in_reach", EAST_TOWN, "high", cutoff=1.0) == pytest.approx(
        value(found, "coverage_rate", EAST_TOWN, "high", headline=True))


def beds(directory: Path, posts: list[tuple[Any, ...]], **rules: Any) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    write_table(directory / "beds.csv", ["facility_id", "name", "level", "lon", "lat", "capacity"],
                [(name, name, "station", *lonlat(x, y), "" if held is None else held) for name, x, y, held in posts])
    care = {"layer": "elderly_care", "file": "beds.csv", "source": "tiny town", "quality": "model"}
    return write_town(directory, facilities=[care], policy={
        "clinics": None, "shelters": None, "elderly_care": {
            "group": "60plus", "urban": {"cutoff_min": 15, "mode": "walk_elder"},
            "rural": {"cutoff_min": 30, "mode": "walk_elder"},
            "supply": {"capacity": "capacity", "need_per_person": 0.5, "unit": "beds"}, **rules}})


def test_a_layer_for_nobody_here_has_blank_rates(tmp_path: Path) -> None:
    """The layer has a rule for the city alone, and everybody lives in the country."""
    path = beds(tmp_path, [("E1", 3500.0, 1000.0, 21)], rural=False)
    people = (tmp_path / "people.csv").read_text("utf-8").replace(",urban,", ",rural,")
    (tmp_path / "people.csv").write_text(people, encoding="utf-8")
    places = (tmp_path / "places.geojson").read_text("utf-8").replace('"urban"', '"rural"')
    (tmp_path / "places.geojson").write_text(places, encoding="utf-8")
    found = assess(path)
    for indicator, keys in (("coverage_rate", {"headline": True}), ("share_with_k_in_reach", {"cutoff": 1.0}),
                            ("minutes_to_kth_median", {"cutoff": 1.0}), ("served_rate", {}), ("access_2sfca", {})):
        assert np.isnan(value(found, indicator, **keys)), indicator


def test_who_cannot_be_joined_to_a_road_may_have_a_place(tmp_path: Path) -> None:
    """The southern point of 甲 stands in the middle of a block, 250 m from any street, and legs end at 60 m."""
    kind = {"level": "short", "distance_m": 1000, "m2_per_person": 2.0}
    path = write_town(tmp_path, policy={"file": "policy.toml", "clinics": None, "elderly_care": None,
                                        "shelters": {"m2_per_head": 2.0, "kinds": [kind]}})
    (tmp_path / "policy.toml").write_text(toml_text({"modes": {"walk": {"snap_limit_m": 60}}}), encoding="utf-8")
    people = pd.read_csv(tmp_path / "people.csv", dtype=str)
    people.loc[0, ["lon", "lat"]] = [str(degrees) for degrees in lonlat(250.0, 250.0)]
    people.to_csv(tmp_path / "people.csv", index=False)
    found = assess(path)
    keys = {"layer": "shelters", "level": "all"}
    low, high = (value(found, "people_without_place", WEST_TOWN, end, **keys) for end in ("low", "high"))
    assert high - low == pytest.approx(50.0)


def test_the_plan_does_not_take_residents_for_elders(tmp_path: Path) -> None:
    """The measure counts people of 60 and over; without people by age it has no figure."""
    path = circle_town(tmp_path, 0.8)
    without(tmp_path / "people.csv", "population_60plus")
    assert np.isnan(figures(assess(path).scorecard, "elder_reach")).all()
