"""Circles of care of the old that the office lists, and the former villages beside presence; in the tiny town."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lifecircle.assess import assess
from lifecircle.errors import InputError
from lifecircle.inputs.findings import Findings
from lifecircle.outputs.disclosure import published
from lifecircle.study import read_study
from plantown import figures, write_plan_town, write_table
from sample_assessment import sample
from tinytown import DISTRICT, EAST_TOWN, PLACES, WEST_TOWN, lonlat, write_town

CARE = [("X", "complex", 500.0, 1000.0), ("D", "day_care", 500.0, 1000.0), ("S", "station", 500.0, 500.0),
        ("E", "station", 3500.0, 1000.0)]
#: 甲 lists its own three levels by standing there; 乙 lists those of 甲; 丁 has a station alone; 甲 once more, planned.
CIRCLES = [("c1", "甲圈", PLACES[0][0], "", "", "", "", 2025),
           ("c2", "乙圈", PLACES[1][0], "X", "D", "S", "existing", 2026),
           ("c3", "丁圈", PLACES[3][0], "", "", "", "", 2026),
           ("c4", "甲圈二", PLACES[0][0], "", "", "", "planned", 2027)]


def circle_town(directory: Path, pass_share: float | str, circles: list[tuple[Any, ...]] | None = CIRCLES):
    directory.mkdir(parents=True, exist_ok=True)
    write_table(directory / "homes.csv", ["facility_id", "name", "level", "lon", "lat"],
                [(name, name, level, *lonlat(x, y)) for name, level, x, y in CARE])
    named = {}
    if circles is not None:
        write_table(directory / "circles.csv", ["circle_id", "name", "place_codes", "complex", "day_care", "station",
                                                "status", "year"], circles)
        named = {"circles": {"file": "circles.csv"}}
    rule = {"group": "60plus", "urban": {"cutoff_min": 15, "mode": "walk_elder", "pass_share": pass_share},
            "rural": {"cutoff_min": 30, "mode": "walk_elder"}}
    homes = {"layer": "elderly_care", "file": "homes.csv", "quality": "register"}
    return write_plan_town(directory, facilities=[homes],
                           policy={"clinics": None, "shelters": None, "elderly_care": rule}, **named)


def test_circles_pass_or_say_why_not(tmp_path: Path) -> None:
    """From south to north the elders of 甲 are 10, 0, 0, 10, 20 min from S, X or D: 48 of 60; those of 乙 20 and more;
    those of 丁 20, 10, 0, 10, 20 from E: 36 of 60."""
    found = assess(circle_town(tmp_path, 0.8))
    table = found.circles.set_index("circle_id")
    assert table["elders"].tolist() == [60.0] * 4
    assert table["elders_in_time"].tolist() == [48.0, 0.0, 36.0, 48.0]
    assert table["share_low"].tolist() == pytest.approx([0.8, 0.0, 0.6, 0.8])
    assert table[["complex", "day_care", "station"]].to_numpy().tolist() == [
        ["inside"] * 3, ["serving"] * 3, ["missing", "missing", "inside"], ["inside"] * 3]
    assert table["verdict"].tolist() == ["met", "not_met", "not_met", "not_met"]
    assert table["reason"].tolist() == [
        "", "0.0% of the elders in time at most, 80% asked for",
        "no existing complex; no existing day_care; 60.0% of the elders in time at most, 80% asked for",
        "the circle is planned"]
    assert figures(found.scorecard, "elder_circles") == [1.0, 1.0, 0.0]
    assert figures(found.scorecard, "elder_circles", "verdict") == ["not_met", "undecided", "undecided"]
    assert figures(found.scorecard, "elder_circles", "gap")[0] == 23.0
    assert [item.code for item in found.findings if item.code == "circle_places_twice"] == ["circle_places_twice"]


def test_circles_are_undecided_without_a_share_and_absent_without_a_table(tmp_path: Path) -> None:
    undecided = assess(circle_town(tmp_path / "a", "")).circles.set_index("circle_id")
    assert undecided["verdict"].tolist() == ["undecided", "undecided", "not_met", "not_met"]
    bare = assess(circle_town(tmp_path / "b", 0.8, None))
    assert bare.circles.empty
    rows = bare.results[bare.results["indicator"] == "elder_circles_passed"]
    assert set(rows["township_code"]) == {DISTRICT, WEST_TOWN, EAST_TOWN}
    assert set(rows["basis"]) == {"needs [circles] file；24 个中 0 个有依据"}
    assert set(rows["verdict"]) == {"no_data"}


def test_a_circle_may_be_drawn_instead_of_listed(tmp_path: Path) -> None:
    """The outline holds the points of 甲 and 乙 from 500 to 1500 m north, and the three levels at 甲: 甲 is 0, 0 and
    10 min away, 乙 20 and more: 36 of 72 elders."""
    run = circle_town(tmp_path, 0.5)
    ring = [lonlat(x, y) for x, y in ((400, 400), (1600, 400), (1600, 1600), (400, 1600), (400, 400))]
    (tmp_path / "circles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"编号": "c9", "name": "画圈"},
         "geometry": {"type": "Polygon", "coordinates": [ring]}}]}, ensure_ascii=False), encoding="utf-8")
    text = run.read_text(encoding="utf-8").replace(
        'file = "circles.csv"', 'file = "circles.geojson"\ncolumns = { circle_id = "编号" }')
    run.write_text(text, encoding="utf-8")
    [row] = assess(run).circles.to_dict("records")
    assert (row["circle_id"], row["elders"], row["elders_in_time"], row["places"]) == ("c9", 72.0, 36.0, 2)
    assert (row["complex"], row["day_care"], row["station"], row["hubs"]) == ("inside", "inside", "inside", 3)
    assert (row["verdict"], row["township_code"]) == ("met", WEST_TOWN)


def test_a_hub_that_no_road_joins_leaves_the_time_open(tmp_path: Path) -> None:
    run = circle_town(tmp_path, 0.8, [("c1", "丁圈", PLACES[3][0], "X", "D", "F", "", 2026)])
    with (tmp_path / "homes.csv").open("a", encoding="utf-8") as stream:  # 900 m from the last street
        stream.write("F,F,station,{},{}\n".format(*lonlat(3500.0, 2900.0)))
    run.write_text(run.read_text(encoding="utf-8").replace("buffer_m = 0", "buffer_m = 2000").replace(
        "neighbours = false", "neighbours = true"), encoding="utf-8")
    [row] = assess(run).circles.to_dict("records")
    assert (row["elders"], row["elders_in_time"], row["elders_undetermined"]) == (60.0, 0.0, 60.0)
    assert (row["verdict"], row["reason"]) == ("unsure", "0.0% to 100.0% of the elders in time")


@pytest.mark.parametrize(("circle", "what"), [
    (("c1", "甲圈", "990101001009", "", "", "", "", ""), "place 990101001009 in row 2 is not known"),
    (("c1", "甲圈", PLACES[0][0], "Y", "", "", "", ""), "complex Y in row 2 is no facility"),
    (("c1", "甲圈", "", "", "", "", "", ""), "circle c1 has neither place_codes nor an outline"),
    (("", "甲圈", PLACES[0][0], "", "", "", "", ""), "circle_id is blank or stands twice in row 2"),
])
def test_faults_of_circles_are_one_line(tmp_path: Path, circle: tuple[Any, ...], what: str) -> None:
    with pytest.raises(InputError) as caught:
        read_study(circle_town(tmp_path, 0.8, [circle]))
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_outline_encloses_something(tmp_path: Path) -> None:
    """A line drawn instead of an outline would have no elders, and pass or fail for that."""
    run = circle_town(tmp_path, 0.8).with_name("town.toml")
    run.write_text(run.read_text(encoding="utf-8").replace("circles.csv", "circles.geojson"), encoding="utf-8")
    ring = [lonlat(*corner) for corner in ((-100, -100), (1000, -100), (1000, 2100), (-100, 2100), (-100, -100))]
    line, outline = {"type": "LineString", "coordinates": ring}, {"type": "Polygon", "coordinates": [ring]}

    def draw(shape: dict[str, Any], **columns: str) -> None:
        feature = {"type": "Feature", "properties": {"circle_id": "c1", **columns}, "geometry": shape}
        (tmp_path / "circles.geojson").write_text(json.dumps(
            {"type": "FeatureCollection", "features": [feature]}), encoding="utf-8")

    draw(outline)
    assert read_study(run).circles["circle_id"].tolist() == ["c1"]
    draw(line)
    with pytest.raises(InputError, match="circle c1 has neither place_codes nor an outline"):
        read_study(run)
    draw(line, place_codes=PLACES[0][0])
    assert read_study(run).circles["place_codes"].tolist() == [(PLACES[0][0],)]


def test_a_place_listed_twice_in_one_circle_is_one(tmp_path: Path) -> None:
    findings, code = Findings(), PLACES[0][0]
    run = circle_town(tmp_path, 0.8, [("c1", "甲圈", f"{code}、{code}", "", "", "", "", "")])
    study = read_study(run, findings=findings)
    assert study.circles["place_codes"].tolist() == [(code,)]
    assert "circle_places_twice" not in {item.code for item in findings}


def test_small_numbers_of_elders_in_circles_are_hidden() -> None:
    in_time = pd.Series([48.0, 0.0, 4.0, 57.0])
    few = pd.DataFrame({"elders": 60.0, "elders_in_time": in_time, "elders_undetermined": 0.0,
                        "share_low": in_time / 60, "share_high": in_time / 60})
    shown = published(replace(sample(), circles=few)).circles
    assert shown["elders_in_time"].isna().tolist() == [False, False, True, True]  # 4 in time, 3 late
    assert shown["share_low"].isna().tolist() == [False, False, True, True]


def test_former_villages_stand_beside_presence(tmp_path: Path) -> None:
    run = write_town(tmp_path)
    places = json.loads((tmp_path / "places.geojson").read_text(encoding="utf-8"))
    for feature, former in zip(places["features"], ("", "老村、新村", "河口村", ""), strict=True):
        feature["properties"]["merged_from"] = former
    (tmp_path / "places.geojson").write_text(json.dumps(places, ensure_ascii=False), encoding="utf-8")
    results = assess(run).results
    rows = results[(results["indicator"] == "former_villages") & (results["class"] == "all")]
    assert rows.set_index("township_code")["value"].to_dict() == {DISTRICT: 3.0, WEST_TOWN: 2.0, EAST_TOWN: 1.0}
    assert set(zip(rows["layer"], rows["metric"], rows["level"], strict=True)) == {
        ("clinics", "village", "village_clinic")}
