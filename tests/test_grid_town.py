"""A town of 5 x 5 crossings worked by hand, from its files to results, gaps and circles.

Crossing (column, row) lies at (100·column, 100·row) metres; streets 6 km/h = 100 m a minute, off them 3.6 km/h; the
clinic stands at (0, 0), so the minutes of a crossing are column + row. Rows 0-2 are the urban township South (cutoff
3 min), rows 3-4 the rural North (6 min). Ten people live at each crossing, and fifty 500 m north of the last street,
beyond the snap limit.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from pyproj import Transformer

from lifecircle.assess import assess
from town import CRS, ORIGIN_M

SOUTH, NORTH, DISTRICT = "990001001000", "990001002000", "990001000000"
RUN_FILE = """
[district]
name = "Grid town"
code = "{district}"
crs = "EPSG:32648"
buffer_m = 100
language = "en"
[boundaries]
file = "townships.geojson"
places = "places.geojson"
[people]
file = "people.csv"
[roads]
file = "roads.geojson"
columns = {{ class = "road_class" }}
[[facilities]]
layer = "clinics"
file = "clinics.csv"
[[facilities]]
layer = "shelters"
file = "shelters.csv"
[policy]
file = "policy.toml"
"""
POLICY = """
[modes.walk]
off_road_kph = 3.6
speeds_kph = {{ residential = 6.0 }}
[policy.clinics]
slope = "none"
urban = {{ mode = "walk", cutoff_min = {urban_min} }}
rural = {{ mode = "walk", cutoff_min = 6.0{rural_pass} }}
presence = [{{ unit = "place" }}]
[policy.shelters]
reach = false
m2_per_head = 2.0
"""


def lonlat(*points):
    to_degrees = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform
    return [list(to_degrees(x + ORIGIN_M[0], y + ORIGIN_M[1])) for x, y in points]


def box(x0, y0, x1, y1):
    return {"type": "Polygon", "coordinates": [lonlat((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))]}


def collection(features):
    return json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": properties, "geometry": geometry} for properties, geometry in features]})


def streets(*, closed=(), **marked):
    """Every street block by block; `closed` blocks are left out, `marked` ones carry more: {"oneway": [block, …]}."""
    lines = []
    for column in range(5):
        for row in range(5):
            for block in (((column, row), (column + 1, row)), ((column, row), (column, row + 1))):
                if max(block[1]) <= 4 and block not in closed:
                    more = {name: 1 for name, blocks in marked.items() if block in blocks}
                    ends = lonlat(*((100 * x, 100 * y) for x, y in block))
                    lines.append(({"road_class": "residential", **more}, {"type": "LineString", "coordinates": ends}))
    return lines


def write_town(folder, *, urban_min=3.0, rural_pass="", policy=POLICY, roads=None, clinics=((0, 0),), barriers=None):
    areas = {SOUTH: box(-100, -100, 500, 250), NORTH: box(-100, 250, 500, 1000)}
    names = {SOUTH: ("South", "S", "111"), NORTH: ("North", "N", "220")}
    (folder / "townships.geojson").write_text(collection(
        ({"township_code": code, "township": names[code][0]}, shape) for code, shape in areas.items()))
    (folder / "places.geojson").write_text(collection(
        ({"place_code": names[code][1], "place": f"place {names[code][1]}", "township_code": code,
          "urban_rural_code": names[code][2]}, shape) for code, shape in areas.items()))
    (folder / "roads.geojson").write_text(collection(streets() if roads is None else roads))
    rows = ["demand_id,lon,lat,population,place_code,township_code"]
    for row in range(5):
        for column in range(5):
            code = SOUTH if row < 3 else NORTH
            lon, lat = lonlat((100 * column, 100 * row))[0]
            rows.append(f"c{column}{row},{lon!r},{lat!r},10,{names[code][1]},{code}")
    lon, lat = lonlat((200, 900))[0]
    rows.append(f"far,{lon!r},{lat!r},50,N,{NORTH}")
    (folder / "people.csv").write_text("\n".join(rows))
    names = ("one", "two", "three")
    rows = [f"k{at + 1},Clinic {names[at]},{lon!r},{lat!r}" for at, (lon, lat) in enumerate(lonlat(*clinics))]
    (folder / "clinics.csv").write_text("\n".join(["facility_id,name,lon,lat", *rows]) + "\n")
    (south, north) = lonlat((100, 100), (100, 400))
    (folder / "shelters.csv").write_text(
        "facility_id,name,lon,lat,area_m2,effective_area_m2\n"
        f"s1,Square,{south[0]!r},{south[1]!r},900,240\ns2,School,{north[0]!r},{north[1]!r},500,\n")
    (folder / "policy.toml").write_text(policy.format(urban_min=urban_min, rural_pass=rural_pass))
    run_file = RUN_FILE.format(district=DISTRICT)
    if barriers is not None:
        (folder / "barriers.geojson").write_text(collection([({"kind": "water"}, shape) for shape in barriers]))
        run_file += '[barriers]\nfile = "barriers.geojson"\n'
    (folder / "town.toml").write_text(run_file)
    return folder / "town.toml"


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    return assess(write_town(tmp_path_factory.mktemp("town")))


def value(town, indicator, code, kind="all", column="value", layer="clinics", level="all"):
    table = town.results
    row = table[(table["indicator"] == indicator) & (table["township_code"] == code) & (table["class"] == kind)
                & (table["layer"] == layer) & table["headline"] & (table["level"] == level)]
    assert len(row) == 1, (indicator, code, kind, len(row))
    return row[column].iloc[0]


def test_minutes_of_every_crossing(town):
    minutes = town.demand.set_index("demand_id")["minutes_clinics"]
    for row in range(5):
        for column in range(5):
            assert minutes[f"c{column}{row}"] == pytest.approx(column + row, abs=1e-4)
    assert np.isnan(minutes["far"])


@pytest.mark.parametrize(("code", "kind", "people", "in_time", "out", "undetermined"), [
    (SOUTH, "all", 150, 90, 60, 0),      # rows 0-2: 4 + 3 + 2 crossings within 3 min
    (SOUTH, "urban", 150, 90, 60, 0),
    (NORTH, "rural", 150, 70, 30, 50),   # rows 3-4: 4 + 3 crossings within 6 min
    (NORTH, "all", 150, 70, 30, 50),
    (DISTRICT, "all", 300, 160, 90, 50),
    (DISTRICT, "urban", 150, 90, 60, 0),
    (DISTRICT, "rural", 150, 70, 30, 50),
])
def test_people(town, code, kind, people, in_time, out, undetermined):
    got = [value(town, f"people{end}", code, kind) for end in ("", "_in_time", "_out", "_undetermined")]
    assert got == [people, in_time, out, undetermined]
    assert value(town, "coverage_rate", code, kind) == pytest.approx(in_time / people)
    assert value(town, "coverage_rate", code, kind, "low") == pytest.approx(in_time / people)
    assert value(town, "coverage_rate", code, kind, "high") == pytest.approx((in_time + undetermined) / people)


def test_communities(town):
    # South: the people's centre is (200, 100), 3 min. North: centre (200, 533), nearest people at (200, 400), 6 min.
    assert value(town, "communities", DISTRICT) == 2
    assert value(town, "communities_in_time", DISTRICT) == 2
    assert value(town, "community_reach_rate", DISTRICT) == 1.0


def test_presence(town):
    assert [value(town, name, DISTRICT) for name in ("units_required", "units_with", "presence_rate")] == [2, 1, 0.5]
    assert value(town, "units_with", NORTH) == 0


def test_area_per_head(town):
    # South 240 of 300 m²; North 500 m² of site, taken at 0.6 = 300 m², but not sure, so never met.
    assert value(town, "area_per_head_m2", SOUTH, layer="shelters") == pytest.approx(1.6)
    assert value(town, "area_per_head_m2", NORTH, layer="shelters") == pytest.approx(2.0)
    assert value(town, "area_per_head_m2", NORTH, layer="shelters", column="low") == 0.0
    assert value(town, "area_per_head_m2", DISTRICT, layer="shelters") == pytest.approx(1.8)
    assert [value(town, "area_per_head_m2", code, layer="shelters", column="verdict")
            for code in (SOUTH, NORTH, DISTRICT)] == ["not_met", "unsure", "not_met"]


def test_gaps(town):
    gaps = town.gaps.set_index(["layer", "kind", "township_code"])
    south, north = gaps.loc[("clinics", "reach", SOUTH)], gaps.loc[("clinics", "reach", NORTH)]
    shown = ["people", "people_out", "people_undetermined", "need", "have", "short", "minutes_median", "minutes_worst",
             "minutes_over", "cutoff"]
    # Out in South: 4 min three times, 5 min twice, 6 min once. In North: 7, 7, 8.
    assert south[shown].tolist() == pytest.approx([150, 60, 0, 150, 90, 60, 4, 6, 1, 3])
    assert north[shown].tolist() == pytest.approx([150, 30, 50, 150, 70, 80, 7, 8, 1, 6])
    assert (south["cause"], north["cause"]) == ("too_far", "off_network")
    assert south["nearest_facility"] == "Clinic one"
    assert (south["place"], south["class"], north["class"]) == ("place S", "urban", "rural")
    area = gaps.loc[("shelters", "area", SOUTH)]
    assert area[["need", "have", "short"]].tolist() == pytest.approx([300, 240, 60])
    assert ("shelters", "area", NORTH) not in gaps.index
    lacking = gaps.loc[("clinics", "presence", NORTH)]
    assert (lacking["need"], lacking["have"], lacking["short"], lacking["cause"]) == (1, 0, 1, "no_facility")


def test_circle(town):
    areas = town.service_areas.set_index("kind")
    assert areas.loc["circle", "population"] == 160
    circle = areas.loc["circle", "geometry"]
    assert circle.is_valid
    inside = town.demand.set_index("demand_id").geometry.map(circle.contains)
    # Half a cell (25 m) from the edge the polygon must agree; crossings lie at whole minutes, so use those not at it.
    for name, is_inside in inside.items():
        if name == "far":
            assert not is_inside
            continue
        column, row = int(name[1]), int(name[2])
        cutoff = 3 if row < 3 else 6
        if column + row != cutoff:
            assert is_inside == (column + row < cutoff), name


@pytest.mark.parametrize(("cutoff_min", "in_time"), [(2.999, 60), (3.0, 90), (3.001, 90), (4.0, 120)])
def test_the_threshold_is_at_most(tmp_path, cutoff_min, in_time):
    town = assess(write_town(tmp_path, urban_min=cutoff_min))
    assert value(town, "people_in_time", SOUTH) == in_time


@pytest.mark.parametrize(("share", "verdict"), [("0.4", "unsure"), ("0.9", "unsure")])
def test_many_undetermined_make_a_verdict_unsure(tmp_path, share, verdict):
    # A third of North's people cannot be judged: more than 10 %, so no verdict whatever the share.
    town = assess(write_town(tmp_path, rural_pass=f", pass_share = {share}"))
    assert value(town, "coverage_rate", NORTH, "rural", "verdict") == verdict
    assert value(town, "coverage_rate", SOUTH, "urban", "verdict") == "undecided"


def test_order_of_rows_does_not_matter(tmp_path, town):
    path = write_town(tmp_path)
    for name in ("people.csv", "shelters.csv"):
        head, *rows = (tmp_path / name).read_text().strip().split("\n")
        (tmp_path / name).write_text("\n".join([head, *rows[::-1]]))
    turned = assess(path)
    keys = ["township_code", "class", "layer", "indicator", "mode", "level", "metric"]
    first, second = (t.results.sort_values(keys)["value"].to_numpy() for t in (town, turned))
    assert first == pytest.approx(second, nan_ok=True)


def test_findings_name_the_people_who_cannot_be_joined(town):
    [finding] = [item for item in town.findings if item.code == "people_unjoined"]
    assert (finding.id, finding.count) == ("far", 1)
    assert "50 people" in finding.message


def crossings(path):
    """Assess a town, and give the minutes of every crossing as [row, column], and the demand table."""
    demand = assess(path).demand.set_index("demand_id")
    minutes = [[demand["minutes_clinics"][f"c{column}{row}"] for column in range(5)] for row in range(5)]
    return np.array(minutes), demand


COLUMN, ROW = np.meshgrid(np.arange(5), np.arange(5))
#: A bicycle of 100 m a minute, and a walk so slow that nobody leaves it.
BY_BICYCLE = """
[modes.walk]
off_road_kph = 0.6
speeds_kph = {{ residential = 1.0 }}
[modes.bicycle]
speeds_kph = {{ residential = 6.0 }}
[policy.clinics]
slope = "none"
direction = "DIRECTION"
urban = {{ mode = "bicycle", cutoff_min = 3.0 }}
rural = {{ mode = "bicycle", cutoff_min = 6.0 }}
[policy.shelters]
reach = false
m2_per_head = 2.0
"""


@pytest.mark.parametrize(("direction", "out_of_the_way"), [("to", 2), ("from", 0), ("worse", 2)])
def test_oneway_street(tmp_path, direction, out_of_the_way):
    # The southernmost street runs one way, away from the clinic: from there one goes up a block, west, and down again.
    south = [((column, 0), (column + 1, 0)) for column in range(4)]
    minutes, _ = crossings(write_town(tmp_path, policy=BY_BICYCLE.replace("DIRECTION", direction),
                                      roads=streets(oneway=south)))
    expected = COLUMN + ROW + out_of_the_way * ((ROW == 0) & (COLUMN > 0))
    np.testing.assert_allclose(minutes, expected, atol=1e-4)


RIVER = box(-300, 145, 700, 155)
OVER_RIVER = [((column, 1), (column, 2)) for column in range(5)]


def test_a_river_without_a_bridge_separates(tmp_path):
    # No street crosses, and no walk of 100 m between the banks: rows 2-4 reach nothing. That is the ground, not the
    # map: their streets are no island, so they are out of time, not undetermined.
    minutes, demand = crossings(write_town(tmp_path, roads=streets(closed=OVER_RIVER), barriers=[RIVER]))
    np.testing.assert_allclose(minutes, np.where(ROW < 2, COLUMN + ROW, np.inf), atol=1e-4)
    assert set(demand.loc[["c02", "c44"], "state_clinics"]) == {"out_of_time"}
    assert demand.loc["far", "state_clinics"] == "undetermined"


def test_a_river_with_a_bridge(tmp_path):
    # The bridge at column 4: over there and back again, 4 + row + (4 - column).
    minutes, _ = crossings(write_town(tmp_path, roads=streets(closed=OVER_RIVER[:4], bridge=OVER_RIVER[4:]),
                                      barriers=[RIVER]))
    np.testing.assert_allclose(minutes, np.where(ROW < 2, COLUMN + ROW, 8 + ROW - COLUMN), atol=1e-4)


def test_without_a_river_people_cut_across(tmp_path):
    # The same missing streets and no water: 100 m straight down to the next street at 60 m a minute, slanted by 75 m
    # where the street leads on (125 m, then 75 m less of street), is nearer than nothing.
    minutes, _ = crossings(write_town(tmp_path, roads=streets(closed=OVER_RIVER)))
    down = 100 / 60 + 0 * COLUMN[2], 125 / 60 - 0.75
    np.testing.assert_allclose(minutes[2], np.where(COLUMN[2] == 0, down[0], COLUMN[2] + down[1]) + 1, atol=1e-4)


@pytest.mark.parametrize(("clinic", "person", "expected"), [
    ((20, 0), (80, 0), 0.6),
    ((80, 0), (20, 0), 0.6),
    ((20, 0), (80, -30), 37.5 / 60 + (60 - 22.5) / 100),   # slanted: 22.5 m ahead of the foot, then the street
    ((30, -40), (70, -40), 40 / 60),                       # straight across the ground
])
def test_clinic_and_person_on_the_same_block(tmp_path, clinic, person, expected):
    path = write_town(tmp_path, clinics=[clinic])
    lon, lat = lonlat(person)[0]
    with (tmp_path / "people.csv").open("a") as file:
        file.write(f"\nhere,{lon!r},{lat!r},10,S,{SOUTH}")
    assert crossings(path)[1].loc["here", "minutes_clinics"] == pytest.approx(expected, abs=1e-4)


def test_ties_go_to_the_lower_facility_id(tmp_path):
    # k1 at (400, 0), k2 at (0, 0): 200 m from both is column 2.
    minutes, demand = crossings(write_town(tmp_path, clinics=[(400, 0), (0, 0)]))
    np.testing.assert_allclose(minutes, np.minimum(COLUMN, 4 - COLUMN) + ROW, atol=1e-4)
    nearest = [demand.loc[f"c{column}0", "facility_clinics"] for column in range(5)]
    assert nearest == ["k2", "k2", "k1", "k1", "k1"]


@pytest.mark.parametrize("terminal_min", [0.0, 3.0])
def test_terminal_time_of_a_drive(tmp_path, terminal_min):
    # 30 km/h: a block in 0.2 min, and the terminal time; who is faster on foot, a block a minute, walks.
    policy = POLICY.replace("[policy.clinics]", "[modes.car]\nspeeds_kph = {{ residential = 30.0 }}\n"
                            f"terminal_min = {terminal_min}\n[policy.clinics]").replace('"walk"', '"car"')
    blocks = COLUMN + ROW
    np.testing.assert_allclose(crossings(write_town(tmp_path, policy=policy))[0],
                               np.minimum(terminal_min + blocks / 5, blocks), atol=1e-4)
