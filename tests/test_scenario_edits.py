"""Edits to a study: every kind on the tiny town, worked by hand, and files that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lifecircle import assess, read_scenario, read_study
from lifecircle.errors import BadValueError, ConfigError, InputError, NoMatchError, UnreadableFileError
from lifecircle.indicators.reach import group_of, judge_headline
from lifecircle.inputs.findings import Findings
from lifecircle.osmtags import FORBIDDEN
from lifecircle.outputs.tables import csv_text
from lifecircle.traveltimes import solve_times
from tinytown import DISTRICT, WEST_TOWN, lonlat, write_town

#: The streets of the town but for one between two of its crossings, y from 0 to 2000 m.
WALL = f"line = [{list(lonlat(750, -50))}, {list(lonlat(750, 2050))}]"


def place(x_m: float, y_m: float) -> str:
    lon, lat = lonlat(x_m, y_m)
    return f"lon = {lon}\nlat = {lat}"


def line(*points: tuple[float, float]) -> str:
    return f"line = {[list(lonlat(*point)) for point in points]}"


NEW = (f'[[open]]\nlayer = "clinics"\nname = "新诊所"\nlevel = "village_clinic"\nfacility_id = "N1"\n'
       f"{place(3500, 1000)}\n")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return read_study(write_town(tmp_path_factory.mktemp("town")))


@pytest.fixture(scope="module")
def today(study: Any) -> Any:
    return assess(study)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(text: str | dict[str, Any], name: str = "plan.toml") -> Path:
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else json.dumps(text, ensure_ascii=False), encoding="utf-8")
        return path
    return _write


def in_time(found: Any, layer: str, code: str = DISTRICT) -> float:
    rows = found.headline("people_in_time")
    rows = rows[(rows["layer"] == layer) & (rows["township_code"] == code) & (rows["class"] == "all")]
    return float(rows["value"].iloc[0])


def reached(study: Any, layer: str, code: str = DISTRICT) -> float:
    """Count who is in time, without the rest of an assessment."""
    times = solve_times(study, Findings())
    people = group_of(times, study.policy.layer(layer))[1]
    mine = (times.demand["township_code"] == code) | (code == DISTRICT)
    return float(people[(judge_headline(times, layer).state == 0) & mine.to_numpy()].sum())


def codes(study: Any) -> set[str]:
    return {item.code for item in study.findings}


#: Edits -> people in time of clinics, elders in time of care; today they are 550 and 96.
WORKED: dict[str, tuple[str, float, float]] = {
    "opened in the last village: all": (NEW, 1000, 96),
    "closed by id": ('[[close]]\nfacility = "C1"', 0, 96),
    "closed by layer and name": ('[[close]]\nlayer = "elderly_care"\nname = "丁驿站"', 550, 0),
    "moved: the first place lost, the last two won": (f'[[move]]\nfacility = "C1"\n{place(2500, 1000)}', 750, 96),
    "a cut across all streets": (f"[[cut]]\n{WALL}", 250, 96),
    "a cut for cars alone": (f'[[cut]]\nmodes = ["motor"]\n{WALL}', 550, 96),
    "the street of the middle point cut": (f"[[cut]]\n{place(2250, 1000)}\nradius_m = 20", 500, 96),
    "a short way of 1414 m, 28.3 minutes": (f"[[build]]\n{line((3500, 1000), (2500, 0))}", 550, 108),
    "a bridge joins at its ends": (f"[[build]]\nbridge = true\n{line((3500, 1000), (2500, 0))}", 550, 108),
    "steps instead of the street": (f'[[upgrade]]\nclass = "steps"\n{line((500, 1000), (2500, 1000))}', 500, 96),
    "only tracks become steps": (f'[[upgrade]]\nclass = "steps"\nclasses = ["residential"]\n'
                                 f"{line((500, 1000), (2500, 1000))}", 500, 96),
    "twice as fast on foot": ("[speeds_kph.walk]\nfactor = 2", 1000, 96),
    "half as fast on foot": ("[speeds_kph.walk]\nfactor = 0.5", 200, 96),
    "a class alone": ("[speeds_kph.walk]\nresidential = 2.0", 200, 96),
}


@pytest.mark.parametrize("name", WORKED)
def test_worked_by_hand(study: Any, write: Any, name: str) -> None:
    text, clinics, care = WORKED[name]
    edited = read_scenario(write(text)).apply(study)
    assert (reached(edited, "clinics"), reached(edited, "elderly_care")) == (clinics, care)
    assert edited.scenario.record["name"] == "plan"
    assert edited.inputs[-1]["role"] == "scenario"


def test_today_is_as_the_town_says(today: Any) -> None:
    assert (in_time(today, "clinics"), in_time(today, "elderly_care")) == (550, 96)
    assert "scenario" not in today.run


def test_area_is_enlarged_and_marked_as_thought_up(study: Any, write: Any) -> None:
    path = write('[[change]]\nfacility = "S1"\neffective_area_m2 = 2400')
    found = assess(study, scenario=path)
    rows = found.headline("area_per_head_m2")
    assert rows[(rows["township_code"] == WEST_TOWN) & (rows["class"] == "all")]["value"].iloc[0] == pytest.approx(4.8)
    kept = read_scenario(path).apply(study).facilities.set_index("facility_id").loc["S1"]
    assert (kept["quality"], kept["source"]) == ("model", "tiny town; plan.toml")


def test_an_opened_facility_says_where_it_comes_from(study: Any, write: Any) -> None:
    edited = read_scenario(write(f"year = 2026\n{NEW}year = 2026\ncost = 30.5")).apply(study)
    new = edited.facilities.set_index("facility_id").loc["N1"]
    told = new[["status", "quality", "source", "opens_year", "township_code", "inside"]].tolist()
    assert told == ["existing", "derived", "plan.toml", 2026, "990101002000", True]
    assert edited.scenario.opened == ("N1",)
    assert edited.scenario.cost == {"N1": 30.5}
    assert edited.scenario.record["edits"] == {"open": 1}


# --- Nothing, there and back, everything ------------------------------------------------------------------------------

NOTHING = "# no edit\n"
THERE_AND_BACK = f'{NEW}[[close]]\nfacility = "N1"'
STAYS = f'[[move]]\nfacility = "C1"\n{place(500, 1000)}'


@pytest.mark.parametrize("text", [NOTHING, THERE_AND_BACK, STAYS], ids=["nothing", "there and back", "same place"])
def test_nothing_changes_the_same_results_byte_for_byte(study: Any, today: Any, write: Any, text: str) -> None:
    found = assess(study, scenario=write(text))
    for name in ("results", "gaps", "scorecard"):
        assert csv_text(getattr(found, name)) == csv_text(getattr(today, name))
    assert ("scenario_empty" in {item.code for item in found.findings}) == (text == NOTHING)
    assert found.run["run_id"] != today.run["run_id"]


def test_without_any_road_nobody_is_in_time(study: Any, write: Any) -> None:
    ring = [list(lonlat(*corner)) for corner in ((-200, -200), (4200, -200), (4200, 2200), (-200, 2200))]
    edited = read_scenario(write(f'[[cut]]\nkind = "flood"\narea = {ring}')).apply(study)
    for flag in (edited.roads.foot, edited.roads.bicycle, edited.roads.motor):
        assert (flag == FORBIDDEN).all()
    found = assess(edited)
    # Whoever lives beside a facility walks straight to its door.
    assert in_time(found, "clinics") == 50
    assert set(found.demand["state_clinics"]) <= {"in_time", "undetermined", "out_of_time"}
    total = found.headline("people")
    assert total[(total["layer"] == "clinics") & (total["township_code"] == DISTRICT)]["value"].max() == 1000


def test_a_scenario_is_made_of_today(study: Any, write: Any) -> None:
    scenario = read_scenario(write(NEW))
    with pytest.raises(ConfigError, match="the study is the scenario plan already"):
        scenario.apply(scenario.apply(study))


def test_study_and_tables_stay_as_they_are(study: Any, write: Any) -> None:
    before = study.facilities.copy(), study.roads.foot.copy(), study.roads.road_class.copy(), len(study.findings)
    text = f'{NEW}[[change]]\nfacility = "S1"\narea_m2 = 1\n[[cut]]\n{WALL}\n[[upgrade]]\nclass = "track"\n{WALL[:4]}'
    text += f" = {[list(lonlat(0, 0)), list(lonlat(0, 2000))]}"
    read_scenario(write(text)).apply(study)
    pd.testing.assert_frame_equal(study.facilities, before[0])
    np.testing.assert_array_equal(study.roads.foot, before[1])
    np.testing.assert_array_equal(study.roads.road_class, before[2])
    assert len(study.findings) == before[3]


# --- Years ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("year", "west", "whole"), [(2025, 500, 550), (2026, 500, 1000), (2027, 50, 550),
                                                         (None, 50, 550)])
def test_edits_count_from_their_year_on(study: Any, write: Any, year: int | None, west: float, whole: float) -> None:
    """A clinic opens in the last village in 2026; the old one closes in 2027, and the west keeps one point of five."""
    text = f'{NEW}year = 2026\n[[close]]\nfacility = "C1"\nyear = 2027'
    scenario = read_scenario(write(text), year=year)
    edited = scenario.apply(study)
    assert (reached(edited, "clinics", WEST_TOWN), reached(edited, "clinics")) == (west, whole)
    assert edited.scenario.record["later"] == {2025: 2, 2026: 1}.get(year or 0, 0)
    assert ("scenario_later" in codes(edited)) == (year in (2025, 2026))


def test_planned_facilities_open_in_their_year(tmp_path: Path, write: Any) -> None:
    path = write_town(tmp_path / "town")
    (tmp_path / "town" / "clinics.csv").write_text(
        "facility_id,name,level,lon,lat,status,opens_year\n"
        f"C1,甲诊所,village_clinic,{lonlat(500, 1000)[0]},{lonlat(500, 1000)[1]},现状,\n"
        f"P1,规划诊所,village_clinic,{lonlat(3500, 1000)[0]},{lonlat(3500, 1000)[1]},规划,2026\n"
        f"P2,远期诊所,village_clinic,{lonlat(3500, 500)[0]},{lonlat(3500, 500)[1]},规划,\n", encoding="utf-8")
    study = read_study(path)
    assert reached(read_scenario(write("year = 2025")).apply(study), "clinics") == 550
    edited = read_scenario(write("year = 2026")).apply(study)
    assert reached(edited, "clinics") == 1000
    assert edited.scenario.opened == ("P1",)
    assert {"scenario_commissioned", "scenario_year_blank"} <= codes(edited)
    assert reached(read_scenario(write(NOTHING)).apply(study), "clinics") == 550


# --- Roads ------------------------------------------------------------------------------------------------------------

def test_new_roads_lead_on_from_one_another_and_cross_at_grade(study: Any, write: Any) -> None:
    text = f"[[build]]\n{line((4300, 2300), (4600, 2600))}\n[[build]]\n{line((4000, 2000), (4300, 2300))}"
    edited = read_scenario(write(text)).apply(study)
    assert len(edited.roads) == len(study.roads) + 2
    assert "scenario_road_end" in codes(edited)
    crossing = read_scenario(write(f"[[build]]\n{line((3500, 1000), (2500, 0))}")).apply(study)
    assert len(crossing.roads) == len(study.roads) + 2  # crosses streets at one of their crossings only
    assert "scenario_road_end" not in codes(crossing)
    changed = crossing.scenario.roads.iloc[0]
    assert (changed["edit"], changed["road_class"]) == ("build", "unclassified")
    assert changed["length_m"] == pytest.approx(1000 * 2**0.5, abs=0.5)


def test_a_road_within_join_m_is_tied_and_one_beyond_is_not(study: Any, write: Any) -> None:
    near = f"[[build]]\n{line((3000, 2010), (3000, 2500))}"
    assert len(read_scenario(write(near)).apply(study).roads) == len(study.roads) + 2
    with pytest.raises(NoMatchError, match=r"build 1: the new road meets no other; the nearest is 30 m from its ends; "
                                           "draw it to the road that it leaves, or raise join_m"):
        read_scenario(write(near.replace(str(lonlat(3000, 2010)[1]), str(lonlat(3000, 2030)[1])))).apply(study)


def test_a_bridge_of_the_wet_season_cuts_bridges_alone(study: Any, write: Any) -> None:
    """A bridge is built where the wall then cuts: of all the streets only it is closed."""
    bridge = f"[[build]]\nbridge = true\n{line((500, 2000), (1000, 1500))}\n"
    edited = read_scenario(write(f'{bridge}[[cut]]\nkind = "wet_season_bridge"\n{WALL}')).apply(study)
    shut = edited.roads.foot == FORBIDDEN
    assert shut.any()
    assert edited.roads.bridge[shut].all()
    assert edited.scenario.roads["kind"].tolist() == ["", "wet_season_bridge"]
    with pytest.raises(NoMatchError, match=r"cut 1: touches 5 pieces of road and no bridge; set bridges_only = false"):
        read_scenario(write(f'[[cut]]\nkind = "wet_season_bridge"\n{WALL}')).apply(study)


def test_a_zone_from_a_file(study: Any, write: Any, tmp_path: Path) -> None:
    ring = [list(lonlat(*corner)) for corner in ((700, -50), (800, -50), (800, 2050), (700, 2050), (700, -50))]
    write({"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": {
        "type": "Polygon", "coordinates": [ring]}}]}, "flood.geojson")
    edited = read_scenario(write('[[cut]]\nkind = "flood"\nfile = "flood.geojson"')).apply(study)
    assert reached(edited, "clinics") == 250
    assert [item["role"] for item in edited.inputs[-2:]] == ["scenario", "scenario cut"]
    with pytest.raises(ConfigError, match="lies outside the folder of the scenario"):
        read_scenario(write('[[cut]]\nfile = "../flood.geojson"')).apply(study)


# --- GeoJSON and coordinates ------------------------------------------------------------------------------------------

def features(*items: tuple[dict[str, Any], str | None, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"facility": None, **properties},
         "geometry": kind and {"type": kind, "coordinates": xy}} for properties, kind, xy in items]}


def test_geojson_says_the_same_as_toml(study: Any, write: Any) -> None:
    wall = [list(lonlat(750, -50)), list(lonlat(750, 2050))]
    same = features(({"edit": "open", "layer": "clinics", "name": "新诊所", "level": "village_clinic",
                      "facility_id": "N1"}, "Point", [*lonlat(3500, 1000), 0.0]),
                    ({"edit": "close", "facility": "E1"}, None, None),
                    ({"edit": "cut", "kind": "landslide"}, "MultiLineString", [wall]))
    text = f'name = "both"\n{NEW}[[close]]\nfacility = "E1"\n[[cut]]\nkind = "landslide"\n{WALL}'
    one = read_scenario(write(text)).apply(study)
    other = read_scenario(write({**same, "name": "both", "crs": {"type": "name", "properties": {
        "name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}}, "plan.geojson")).apply(study)
    pd.testing.assert_frame_equal(one.facilities.drop(columns="source"), other.facilities.drop(columns="source"))
    np.testing.assert_array_equal(one.roads.foot, other.roads.foot)
    assert one.scenario.record["name"] == other.scenario.record["name"] == "both"


def test_shifted_and_projected_coordinates(study: Any, write: Any) -> None:
    from lifecircle.datum import wgs84_to_gcj02

    at = read_scenario(write(NEW)).apply(study).facilities.set_index("facility_id").geometry["N1"]
    lon, lat = (float(value) for value in wgs84_to_gcj02(*lonlat(3500, 1000)))
    shifted = 'datum = "gcj02"\n' + NEW.replace(place(3500, 1000), f"lon = {lon}\nlat = {lat}")
    metres = 'crs = "EPSG:4545"\n' + NEW.replace(place(3500, 1000), f"lon = {at.x}\nlat = {at.y}")
    for text in (shifted, metres):
        there = read_scenario(write(text)).apply(study).facilities.set_index("facility_id").geometry["N1"]
        assert there.distance(at) < 0.01


# --- What is refused --------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, type[InputError], str]] = {
    "unknown facility": ('[[close]]\nfacility = "C11"', NoMatchError, r"close 1: no facility C11; did you mean C1\?"),
    "unknown name": ('[[close]]\nlayer = "clinics"\nname = "甲诊"', NoMatchError, "did you mean 甲诊所"),
    "unknown layer": (NEW.replace("clinics", "clinic"), NoMatchError, r"no layer clinic .* did you mean clinics\?"),
    "unnamed": ("[[close]]\nyear = 2026", ConfigError, r"key close\.0: name the facility by its id"),
    "id taken": (NEW.replace("N1", "C1"), BadValueError, "open 1: facility_id C1 is taken"),
    "far away": (NEW.replace(place(3500, 1000), "lon = 100.0\nlat = 30.0"), BadValueError, "outside the district"),
    "swapped": (NEW.replace(place(3500, 1000), f"lon = {lonlat(3500, 1000)[1]}\nlat = {lonlat(3500, 1000)[0]}"),
                BadValueError, "looks swapped"),
    "no road": (f"[[cut]]\n{place(3250, 250)}\nradius_m = 20", NoMatchError, "cut 1: touches no road"),
    "no such road": (f'[[upgrade]]\nclasses = ["track"]\nclass = "residential"\n{line((0, 0), (4000, 0))}',
                     NoMatchError, "upgrade 1: touches no road of class track"),
    "unknown key": (NEW.replace("level", "levl"), ConfigError, r"unknown key open\.0\.levl; did you mean level\?"),
    "unknown table": ("[[opens]]\nx = 1", ConfigError, r"unknown key opens; did you mean open\?"),
    "unknown class": (f'[[build]]\nclass = "seconday"\n{line((0, 0), (1, 1))}', ConfigError, "did you mean secondary"),
    "unknown mode": ("[speeds_kph.walking]\nfactor = 2", ConfigError, r"unknown mode walking .*did you mean walk"),
    "unknown speed": ("[speeds_kph.walk]\nfaktor = 2", ConfigError, "faktor is no road class"),
    "no number": (NEW.replace(place(3500, 1000), "lon = nan\nlat = 31.8"), ConfigError, r"open\.0\.lon"),
    "no number in a line": ("[[build]]\nline = [[106.0, nan], [1.0, 1.0]]", ConfigError, "holds .* no position"),
    "no line": ("[[build]]\nline = [[106.0, 31.0], [106.0, 31.0]]", ConfigError, "line without length"),
    "no area": ("[[cut]]\narea = [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]", ConfigError, "area without ground"),
    "two places": (f"[[cut]]\n{place(0, 0)}\n{WALL}", ConfigError, "give one of lon and lat, line, area and file"),
    "changes nothing": ('[[change]]\nfacility = "C1"', ConfigError, "changes nothing: give level"),
    "auto": ('datum = "auto"', ConfigError, "key datum"),
    "too many": ('[[close]]\nfacility = "C1"\n' * 1001, ConfigError, "1,001 edits, and at most 1,000"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_line_that_names_the_edit_and_the_remedy(study: Any, write: Any, name: str) -> None:
    text, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message) as caught:
        read_scenario(write(text)).apply(study)
    assert "\n" not in str(caught.value)
    assert "plan.toml" in str(caught.value)


@pytest.mark.parametrize(("content", "message"), [
    ("[" * 100_000, "is no GeoJSON"), ('{"type": "FeatureCollection", "features": NaN}', "NaN is no number"),
    ("[]", "no FeatureCollection"), ("{}", "no FeatureCollection"),
    ('{"type": "FeatureCollection", "features": 3}', "no list of features"),
    (json.dumps(features(({"edit": "opne"}, None, None))), r"feature 1: property edit is 'opne'; did you mean open"),
    (json.dumps(features(({"edit": "build"}, "Point", [1, 2]))), "feature 1: edit build has a geometry of type Point; "
                                                                 "draw it as LineString"),
    (json.dumps(features(({"edit": "close", "facility": "E1"}, None, None),
                         ({"edit": "close", "facilty": "E1"}, None, None))),
     r"feature 2: unknown key close\.1\.facilty; did you mean facility"),
    (json.dumps(features(({"edit": "move", "facility": "E1"}, "Point", [10**400, 1]))), "close|move"),
])
def test_hostile_geojson(write: Any, content: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_scenario(write(content, "plan.geojson"))
    assert "\n" not in str(caught.value)


def test_other_files_are_refused(write: Any, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="has more than 5 MB"):
        read_scenario(write("#" * 5_000_001))
    with pytest.raises(UnreadableFileError, match=r"a scenario is no \.csv"):
        read_scenario(write("a,b", "plan.csv"))
    with pytest.raises(InputError, match="no such file"):
        read_scenario(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        read_scenario(write("[[" * 50_000))


def test_a_formula_in_a_name_stays_text(study: Any, write: Any) -> None:
    text = NEW.replace("新诊所", "=HYPERLINK(1)")
    found = assess(study, scenario=write(text))
    told = pd.DataFrame(found.facilities[["facility_id", "name"]])
    assert "'=HYPERLINK(1)" in csv_text(told)
