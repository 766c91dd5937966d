"""Area within evacuation distance, worked by hand in the tiny town; kinds, hazards, indoors and out, day and night.

The square of the town is a shelter of 600 m² round the crossing (500, 500): its outline lies 50 m from it. Along the
streets it is 50 m from (500, 500), 450 m from (500, 0) and (500, 1000), 950 m from (500, 1500) and (1500, 500), and
1450 m from (500, 2000), (1500, 0) and (1500, 1000). So 250 of the 500 people of the western township live within
1000 m.
"""

from __future__ import annotations

import csv
import json
import math

import pytest

from lifecircle.assess import assess
from lifecircle.policy import AreaKind, LayerPolicy
from tinytown import DISTRICT, EAST_TOWN, WEST_TOWN, lonlat, write_town

SHORT = {"level": "short", "distance_m": 1000, "m2_per_person": 2.0, "kind_2015": "短期固定避难场所"}
SHELTERS = {"m2_per_head": 2.0, "kinds": [SHORT], "evacuation": True}


def box(west_m, south_m, east_m, north_m):
    ring = [(west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m), (west_m, south_m)]
    return {"type": "Polygon", "coordinates": [[lonlat(*corner) for corner in ring]]}


def write_features(path, features):
    content = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": properties, "geometry": geometry} for properties, geometry in features]}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def shelter(name="S1", where=(450, 450, 550, 550), **columns):
    return {"facility_id": name, "name": name, "level": "short", "area_m2": 10_000, "effective_area_m2": 600,
            **columns}, box(*where)


def run(folder, shelters=None, policy=None, **sections):
    path = write_town(folder, policy={"shelters": {**SHELTERS, **(policy or {})}}, **sections)
    if shelters:
        write_features(folder / "shelters.geojson", shelters)
    return assess(path).results.query("layer == 'shelters'")


def figure(results, indicator, unit=WEST_TOWN, scenario="existing", column="value", **keys):
    chosen = results[(results["indicator"] == indicator) & (results["township_code"] == unit)
                     & (results["scenario"] == scenario)]
    for name, value in {"class": "all", "level": "all", "group": "all", **keys}.items():
        chosen = chosen[chosen[name] == value]
    assert len(chosen) == 1
    return chosen.iloc[0][column]


def test_area_reaches_as_far_as_people_go(tmp_path):
    results = run(tmp_path)
    assert figure(results, "area_reachable_m2") == pytest.approx(500.0)  # 250 people, 2 m² each
    assert figure(results, "area_reachable_per_head_m2") == pytest.approx(1.0)
    assert figure(results, "area_reachable_per_head_m2", column="verdict") == "not_met"
    assert figure(results, "people_without_place") == pytest.approx(250.0)
    assert figure(results, "people_without_place", unit=EAST_TOWN) == pytest.approx(500.0)
    assert figure(results, "people_without_place", unit=DISTRICT) == pytest.approx(750.0)
    assert figure(results, "area_per_head_m2") == pytest.approx(1.2)  # 600 m² for all 500, far or near
    assert figure(results, "people_within_distance", level="short") == pytest.approx(250.0)
    assert figure(results, "share_within_distance", unit=DISTRICT, level="short") == pytest.approx(0.25)
    assert figure(results, "shelter_places", level="short") == pytest.approx(300.0)
    assert figure(results, "share_within_distance", level="short", column="cutoff") == 1000.0


def test_the_nearest_go_first_and_the_margin_is_shared(tmp_path):
    """150 m² hold 75 people: the 50 at the square itself, then 12.5 of the 50 at each of the two places 450 m away."""
    results = run(tmp_path, [shelter(effective_area_m2=150)])
    assert figure(results, "people_without_place") == pytest.approx(425.0)
    assert figure(results, "area_reachable_m2", **{"class": "urban"}) == pytest.approx(150.0)
    with pytest.raises(AssertionError):
        figure(results, "area_reachable_m2", **{"class": "nobody"})


def test_a_guessed_area_is_never_sure(tmp_path):
    results = run(tmp_path, [shelter(area_m2=1000, effective_area_m2=None)])  # 0.6 of the site: 600 m²
    assert figure(results, "area_reachable_m2") == pytest.approx(500.0)
    assert figure(results, "area_reachable_m2", column="low") == 0.0
    assert figure(results, "people_without_place", column="high") == pytest.approx(500.0)
    enough = run(tmp_path / "enough", [shelter(area_m2=100_000, effective_area_m2=None)],
                 {"kinds": [{**SHORT, "distance_m": 5000}]})
    assert figure(enough, "area_reachable_per_head_m2") == pytest.approx(2.0)
    assert figure(enough, "area_reachable_per_head_m2", column="verdict") == "unsure"


def test_what_is_unknown_may_hold_everyone(tmp_path):
    point = {"type": "Point", "coordinates": lonlat(500, 500)}
    sheltered = {**shelter()[0], "area_m2": None, "effective_area_m2": None}
    results = run(tmp_path, [(sheltered, point)])
    assert figure(results, "area_reachable_m2") == 0.0
    assert figure(results, "area_reachable_m2", column="high") == pytest.approx(500.0)  # five points up to 1000 m
    assert figure(results, "people_without_place", column="low") == pytest.approx(250.0)


def test_kinds_that_do_not_count_are_left_out(tmp_path):
    shelters = [shelter(), shelter("S2", (1450, 450, 1550, 550), level="urgent", effective_area_m2=1000)]
    urgent = {"level": "urgent", "distance_m": 500, "m2_per_person": 0.5}
    both = run(tmp_path / "both", shelters, {"kinds": [SHORT, urgent]})
    assert figure(both, "area_per_head_m2") == pytest.approx(3.2)
    assert figure(both, "area_per_head_m2", level="urgent") == pytest.approx(2.0)
    # The urgent one takes (1500, 500), (1500, 0) and (1500, 1000): 350 people have a place.
    assert figure(both, "people_without_place") == pytest.approx(150.0)
    assert figure(both, "shelter_places", level="urgent") == pytest.approx(2000.0)
    apart = run(tmp_path / "apart", shelters, {"kinds": [SHORT, {**urgent, "counts": False}]})
    assert figure(apart, "area_per_head_m2") == pytest.approx(1.2)
    assert figure(apart, "people_without_place") == pytest.approx(250.0)
    assert figure(apart, "share_within_distance", level="urgent") == pytest.approx(0.3)


def test_an_evacuation_goes_round_the_hazards(tmp_path):
    hazard = tmp_path / "hazard.geojson"
    tmp_path.mkdir(exist_ok=True)
    write_features(hazard, [({"kind": "hazard"}, box(480, 1200, 520, 1300))])  # on the street north of (500, 1000)
    results = run(tmp_path, barriers={"hazards": "hazard.geojson"})
    assert figure(results, "people_without_place") == pytest.approx(250.0)
    assert figure(results, "people_without_place", scenario="evacuation") == pytest.approx(300.0)
    write_features(hazard, [({"kind": "hazard"}, box(440, 440, 460, 460))])  # it touches the square
    results = run(tmp_path, [shelter(), shelter("S2", (2450, 450, 2550, 550))], barriers={"hazards": "hazard.geojson"})
    assert figure(results, "area_per_head_m2", scenario="evacuation") == 0.0
    assert figure(results, "area_per_head_m2", unit=EAST_TOWN, scenario="evacuation") == pytest.approx(1.2)
    # (1500, 500) now goes 950 m to the other square.
    assert figure(results, "people_without_place", scenario="evacuation") == pytest.approx(450.0)
    assert set(results.query("scenario == 'evacuation'")["layer"]) == {"shelters"}
    assert figure(results, "coverage_rate", unit=EAST_TOWN, scenario="evacuation", headline=True) > 0


def test_indoors_and_outdoors_by_day_and_by_night(tmp_path):
    path = write_town(tmp_path, policy={"shelters": SHELTERS})
    with (tmp_path / "people.csv").open(encoding="utf-8", newline="") as stream:
        people = list(csv.DictReader(stream))
    with (tmp_path / "people.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*people[0], "population_day"])
        writer.writeheader()
        writer.writerows({**row, "population_day": 100} for row in people)
    write_features(tmp_path / "shelters.geojson", [
        shelter(setting="室外"), shelter("S2", (950, 450, 1050, 550), setting="室内", effective_area_m2=400)])
    results = assess(path).results.query("layer == 'shelters'")
    assert figure(results, "area_m2", level="indoor") == pytest.approx(400.0)
    assert figure(results, "area_m2", level="outdoor") == pytest.approx(600.0)
    assert figure(results, "area_per_head_m2", level="outdoor") == pytest.approx(1.2)
    assert figure(results, "area_per_head_m2", group="day") == pytest.approx(1.0)  # 1000 m² for 1000 people
    night = {"group": "night", "indicator": "area_per_head_m2"}
    assert figure(results, **night, column="verdict") == "no_data"
    assert figure(results, **night, column="basis") == "needs [people] column population_night"


def test_a_blank_setting_leaves_both_open(tmp_path):
    """600 m² outdoors and 400 m² of no setting in the west, 200 m² outdoors in the east."""
    results = run(tmp_path, [shelter(setting="室外"), shelter("S2", (950, 450, 1050, 550), effective_area_m2=400),
                             shelter("S3", (2450, 450, 2550, 550), setting="室外", effective_area_m2=200)])

    def area(unit, level):
        return [figure(results, "area_m2", unit, level=level, column=column) for column in ("low", "value", "high")]

    assert area(WEST_TOWN, "outdoor") == pytest.approx([600.0, 600.0, math.nan], nan_ok=True)
    assert area(WEST_TOWN, "indoor") == pytest.approx([0.0, math.nan, math.nan], nan_ok=True)
    assert area(EAST_TOWN, "outdoor") == [200.0] * 3
    assert area(EAST_TOWN, "indoor") == [0.0] * 3
    assert area(DISTRICT, "outdoor") == pytest.approx([800.0, 800.0, math.nan], nan_ok=True)
    assert area(WEST_TOWN, "all") == [1000.0] * 3


def test_a_level_that_is_no_kind_is_told(tmp_path):
    """People live 50 m from the second square, whose 400 m² count per head; it has no distance, so none reach it."""
    path = write_town(tmp_path, policy={"shelters": SHELTERS})
    write_features(tmp_path / "shelters.geojson", [
        shelter(), shelter("S2", (2450, 450, 2550, 550), level="urgent", effective_area_m2=400)])
    found = assess(path)
    results = found.results.query("layer == 'shelters'")
    assert figure(results, "area_per_head_m2", EAST_TOWN) == pytest.approx(0.8)
    assert figure(results, "area_reachable_m2", EAST_TOWN) == 0.0
    [said] = [item for item in found.findings if item.code == "level_without_kind"]
    assert (said.severity, said.layer, said.value, said.count) == ("warn", "shelters", "urgent", 1)
    assert "1 facilities of level urgent are of no kind" in said.message
    without = assess(write_town(tmp_path / "none")).findings  # a policy without kinds asks for none
    assert "level_without_kind" not in {item.code for item in without}


def test_without_a_column_nothing_is_said_of_settings(tmp_path):
    results = run(tmp_path)
    assert figure(results, "area_m2", level="indoor", column="verdict") == "no_data"
    assert figure(results, "area_m2", level="indoor", column="basis") == "needs column setting of layer shelters"


def test_both_vocabularies_mean_the_same_kind(tmp_path):
    results = run(tmp_path, [shelter(level="短期固定避难场所")])
    assert figure(results, "shelter_places", level="short") == pytest.approx(300.0)
    kinds = (AreaKind(level="short", kind_2015="短期固定", kind_2024="短期", distance_m=1, m2_per_person=1),
             AreaKind(level="medium", kind_2015="中期固定", kind_2024="短期", distance_m=1, m2_per_person=1))
    words = LayerPolicy(kinds=kinds).level_words
    assert words == {"短期固定": "short", "短期": "short", "中期固定": "medium"}
