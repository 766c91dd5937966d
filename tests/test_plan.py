"""data/plan.toml against the plan's own text and the list of its items."""

from __future__ import annotations

import re

import pytest

from lifecircle.indicators import INDICATORS
from lifecircle.plan import read_plan
from plantown import PLAN_FILE, ROOT

SHARED = ROOT.parent / "shared"
PLAN = read_plan(PLAN_FILE)
#: Row of the list of items (item, beginning of its target) -> measures.
ROWS: dict[tuple[str, str], tuple[str, ...]] = {
    ("3", "8 community"): ("women_workshops", "women_workshops_reach"),
    ("5", "10 schools"): ("school_places_per_child", "school_reach", "schools_built", "school_places_new",
                          "education_groups"),
    ("5", "public kinder"): ("kindergarten_public", "kindergarten_inclusive", "school_quality", "kindergarten_reach"),
    ("6", "health circle"): ("health_circle", "health_circle_urban", "health_circle_rural", "health_people_out",
                             "health_access"),
    ("7", "venues"): ("night_venues_reach", "culture_scenes", "culture_brands"),
    ("8", "community"): ("fitness_circle", "fitness_communities"), ("8", ">= 1"): ("sports_corner_places",),
    ("8", "3.24"): ("sports_area", "sports_area_reachable"),
    ("9", "41"): ("estates_done", "estates_begun", "urban_villages", "public_housing", "unsafe_houses"),
    ("10", "rural"): ("rural_water",),
    ("11", "6 township"): ("stations_new", "station_townships", "bus_lines", "bus_villages", "provincial_roads"),
    ("12", "3 markets"): ("markets_renewed", "markets_reach", "shopping_streets", "business_circles"),
    ("13", ">= 1"): ("childcare_communities", "childcare_nurseries", "childcare_guidance", "childcare_reach",
                     "childcare_places"),
    ("14", "1 youth"): ("youth_station", "youth_market", "youth_park", "youth_incubator", "youth_reach"),
    ("15", "24 urban"): ("elder_circles", "elder_reach", "elder_complex", "elder_day_care", "elder_station"),
    ("15", "6 rural"): ("mutual_aid_villages", "dingshan_centre", "elder_rural_reach", "allowance_80"),
    ("16", "180"): ("veteran_shops", "veteran_firms"),
    ("17", "rehabilitation"): ("rehabilitation", "rehabilitation_reach", "mental_rehabilitation"),
    ("17", '"热力图"'): ("priority_people",),
    ("18", "76"): ("friendly_communities", "warm_stations", "union_stations", "driver_homes", "volunteer_points"),
    ("19", "good-air"): ("good_air_days", "pm25"), ("20", "50,000"): ("forest_works",),
    ("21", "village"): ("village_sewage", "water_sections", "water_sources"),
    ("22", "safe"): ("farmland_safe", "toilets"), ("23", "contact"): ("contact_day",),
    ("25", "18"): ("community_workers",),
    ("26", "micro"): ("micro_fire_places", "micro_fire_units", "fire_reach", "fuel_reach"),
    ("27", "shelter"): ("shelter_area", "shelter_area_reachable", "shelter_reach"),
    ("27", "10 reservoirs"): ("reservoirs", "sanjiang_flood", "seismic_stations", "downstream_people"),
    ("28", "three-level"): ("governance_centres", "mediation_centres"), ("end", ""): ("happiness_score",),
}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the list of the plan's items lies beside the checkout")
def test_every_row_of_the_list_of_items_is_there_with_its_priority() -> None:
    text = (SHARED / "plan-items.md").read_text(encoding="utf-8").split("## 1.")[1].split("## 2.")[0]
    listed = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()
              if line.startswith("|")][2:]
    priority = {measure.key: measure.priority for _, measure in PLAN.measures}
    number = {measure.key: item.number for item, measure in PLAN.measures}
    found = {}
    for item, target, *_, rank in listed:
        [row] = [key for key in ROWS if key[0] == item and target.startswith(key[1])]
        found[row] = rank
        assert {priority[key] for key in ROWS[row]} == {rank}, row
        assert {number[key] for key in ROWS[row]} == {0 if item == "end" else int(item)}, row
    assert set(found) == set(ROWS)
    assert [list(found.values()).count(rank) for rank in ("P1", "P2", "P3")] == [9, 8, 14]


@pytest.mark.skipif(not SHARED.is_dir(), reason="the plan's text lies beside the checkout")
def test_every_target_and_lead_unit_stands_in_the_text_of_its_item() -> None:
    text = (SHARED / "plan-2025-2027.txt").read_text(encoding="utf-8")
    parts = re.split(r"(?m)^(\d+)\.", text)
    body = {int(number): part for number, part in zip(parts[1::2], parts[2::2], strict=True)}
    for item, measure in PLAN.measures:
        if item.number == 0:
            assert (measure.target, item.lead_unit) == (None, "")
            continue
        part = body[item.number]
        assert f"牵头单位：{item.lead_unit}）" in part
        if measure.target is None:
            continue
        whole = measure.unit == "share" and measure.target == 1.0 and re.search("全覆盖|每个", part)
        numbers = re.findall(r"\d+(?:\.\d+)?%?万?", part)
        shown = f"{measure.target * 100:g}%" if measure.unit == "share" else f"{measure.target:g}"
        assert whole or shown in numbers or f"{measure.target / 1e4:g}万" in numbers, measure.key


def test_indicators_that_the_plan_names_are_there() -> None:
    named = {measure.indicator for _, measure in PLAN.measures if measure.kind == "computed"}
    assert named - set(INDICATORS) <= {"access_e2sfca", "reachable_area_per_head_m2"}
