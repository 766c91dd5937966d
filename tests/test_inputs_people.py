"""Places and people: who belongs where, what counts as urban, and totals that are kept."""

import shutil

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from extracts import EAST_STREET, QINGJIANG, andorra, run_file, two_townships
from lifecircle.errors import BadValueError, ConfigError, MissingColumnError
from lifecircle.inputs.boundaries import read_townships
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.people import read_demand, read_places
from lifecircle.policy import Policy

PLACES = """place_code,place,township_code,urban_rural_code,lon,lat
511902001001,北门社区,511902001000,111,106.71,31.82
511902103001,清江社区,511902103000,121,106.76,31.82
511902103201,石庙村,511902103000,220,106.79,31.84
"""
PEOPLE = """population,population_60plus,lon,lat,population_source
"1,000",200,106.712,31.821,census
500,150,106.761,31.821,census
３００,100,106.789,31.839,census
50,10,106.8001,31.83,census
70,20,107.5,31.83,census
"""


class Case:
    """One district in a folder, read step by step."""

    def __init__(self, folder, *, townships=None, policy=None, places=PLACES, csv=PEOPLE, buffer_m=2000.0,
                 neighbours=True, boundaries=None, **sections):
        (folder / "places.csv").write_text(places or "", encoding="utf-8")
        (folder / "people.csv").write_text(csv or "", encoding="utf-8")
        (two_townships() if townships is None else townships).to_file(folder / "townships.geojson")
        self.findings = Findings()
        outlines = {"file": "townships.geojson", **({"places": "places.csv"} if places else {}), **(boundaries or {})}
        self.runfile = run_file(folder, district={"name": "x", "neighbours": neighbours}, boundaries=outlines,
                                **sections)
        self.policy = policy or Policy()
        self.townships = read_townships(self.runfile, Findings())
        self.area = shapely.union_all(self.townships.geometry.to_numpy()).buffer(buffer_m)

    @property
    def places(self):
        return read_places(self.runfile, self.townships, self.policy, self.findings)

    @property
    def demand(self):
        places = read_places(self.runfile, self.townships, self.policy, Findings())
        return read_demand(self.runfile, self.townships, places, self.policy, self.area, self.findings)

    def codes(self):
        return [item.code for item in self.findings]


FILE = {"people": {"file": "people.csv"}}


def test_demand_of_a_file(tmp_path):
    case = Case(tmp_path, **FILE)
    demand = case.demand
    assert demand["demand_id"].tolist() == ["d000001", "d000002", "d000003", "d000004"]
    assert demand["population"].tolist() == [1000.0, 500.0, 300.0, 50.0]
    assert demand["population_60plus"].tolist() == [200.0, 150.0, 100.0, 10.0]
    assert demand["place_code"].tolist() == ["511902001001", "511902103001", "511902103201", ""]
    assert demand["township_code"].tolist() == [EAST_STREET, QINGJIANG, QINGJIANG, ""]
    assert demand["class"].tolist() == ["urban", "urban", "rural", "rural"]
    assert demand["inside"].tolist() == [True, True, True, False]
    assert demand.crs == case.townships.crs
    beyond = [item for item in case.findings if item.code == "people_beyond"]
    assert [(item.count, item.severity) for item in beyond] == [(1, "note")]
    assert "70 people" in beyond[0].message


def test_neighbours_can_be_left_out(tmp_path):
    assert Case(tmp_path, neighbours=False, **FILE).demand["inside"].tolist() == [True, True, True]


@pytest.mark.parametrize(("rule", "expected"), [
    ("1xx", ["urban", "urban", "rural"]),
    ("111_112", ["urban", "rural", "rural"]),
    ("streets", ["urban", "rural", "rural"]),
])
def test_class_rules(tmp_path, rule, expected):
    case = Case(tmp_path, policy=Policy(class_rule=rule), **FILE)
    assert case.places["class"].tolist() == expected
    assert case.demand["class"].tolist()[:3] == expected


def test_kinds_of_township_in_other_words(tmp_path):
    """The rule reads the column kind in English too; a word it does not know leaves it to the name."""
    for kinds, expected in ((["street", "town"], ["urban", "rural", "rural"]),
                            (["Town", "street"], ["rural", "urban", "urban"]),
                            (["parish", ""], ["urban", "rural", "rural"])):
        case = Case(tmp_path, townships=two_townships(kind=kinds), policy=Policy(class_rule="streets"), **FILE)
        assert case.places["class"].tolist() == expected


def test_class_without_codes_comes_from_the_committee(tmp_path):
    case = Case(tmp_path, places=PLACES.replace(",111,", ",,").replace(",121,", ",,").replace(",220,", ",,"), **FILE)
    places = case.places
    assert places["class"].tolist() == ["urban", "urban", "rural"]
    assert set(places["class_source"]) == {"committee kind"}
    assert places["kind"].tolist() == ["community", "community", "village"]
    assert [(item.code, item.severity, item.count) for item in case.findings] == [("class_committee", "warn", 3)]


def test_class_of_a_column_and_of_nothing(tmp_path):
    table = ("place_code,place,class,class_source,merged_from,lon,lat\nA,甲,城镇,区统计局 2023,乙村;丙村,106.71,31.82\n"
             "B,乙,,,,106.76,31.82\n")
    case = Case(tmp_path, places=table, **FILE)
    places = case.places
    assert places["class"].tolist() == ["urban", "rural"]
    assert places["class_source"].tolist() == ["区统计局 2023", "assumed"]
    assert places["merged_from"].tolist() == ["乙村;丙村", ""]
    assert case.codes() == ["class_assumed"]
    with pytest.raises(BadValueError, match=r"places\.csv: column class holds suburban in row 2; use urban, rural"):
        _ = Case(tmp_path, places=table.replace("城镇", "suburban"), **FILE).places
    with pytest.raises(BadValueError, match=r"column urban_rural_code holds 300 in row 2; use 111, 112"):
        _ = Case(tmp_path, places=PLACES.replace(",111,", ",300,"), **FILE).places


def test_place_codes_must_be_unique(tmp_path):
    with pytest.raises(BadValueError, match=r"place_code 511902103001 stands in several rows: 3, 4"):
        _ = Case(tmp_path, places=PLACES.replace("511902103201", "511902103001"), **FILE).places
    with pytest.raises(BadValueError, match=r"place_code is blank in row 4"):
        _ = Case(tmp_path, places=PLACES.replace("511902103201", ""), **FILE).places
    with pytest.raises(MissingColumnError, match=r"no column place_code; .* place_columns"):
        _ = Case(tmp_path, places=PLACES.replace("place_code", "编码"), **FILE).places


def test_place_columns_are_mapped(tmp_path):
    case = Case(tmp_path, places=PLACES.replace("place_code,place", "编码,名称"), **FILE,
                boundaries={"place_columns": {"place_code": "编码", "place": "名称"}})
    assert case.places["place"].tolist() == ["北门社区", "清江社区", "石庙村"]


def test_a_township_without_places_gets_one_of_its_own(tmp_path):
    case = Case(tmp_path, places="".join(PLACES.splitlines(keepends=True)[:2]), **FILE)
    places = case.places
    assert places["place_code"].tolist() == ["511902001001", QINGJIANG]
    assert places["kind"].tolist() == ["community", "township"]
    demand = case.demand
    assert set(demand["place_code"][demand["inside"]]) <= set(places["place_code"])
    assert demand["place_code"].tolist()[1] == QINGJIANG


def test_rows_keep_apart_where_their_numbers_meet(tmp_path):
    """The only place is row 2 of its file, and the third township is number 2 of its own."""
    frame = two_townships()
    extra = frame.iloc[[0]].assign(township_code="511902104000", township="化成镇")
    extra.geometry = [shapely.box(106.80, 31.80, 106.85, 31.85)]
    three = gpd.GeoDataFrame(pd.concat([frame, extra], ignore_index=True), crs="EPSG:4326")
    places = Case(tmp_path, townships=three, places="".join(PLACES.splitlines(keepends=True)[:2]), **FILE).places
    assert places["place_code"].tolist() == ["511902001001", QINGJIANG, "511902104000"]
    assert places["class"].tolist() == ["urban", "rural", "rural"]
    assert places["class_source"].tolist() == ["urban_rural_code, rule 1xx", "assumed", "assumed"]


def test_polygons_hold_their_points(tmp_path):
    """The point lies nearer to the seat of A, but in the polygon of B."""
    west, east = shapely.box(106.75, 31.80, 106.76, 31.85), shapely.box(106.76, 31.80, 106.80, 31.85)
    frame = gpd.GeoDataFrame({"place_code": ["A", "B"], "place": ["a", "b"], "class": ["rural", "rural"]},
                             geometry=[west, east], crs="EPSG:4326")
    frame.to_file(tmp_path / "places.geojson")
    case = Case(tmp_path, csv="population,lon,lat\n10,106.7605,31.82\n10,106.7595,31.82\n",
                boundaries={"places": "places.geojson"}, **FILE)
    assert case.demand["place_code"].tolist() == ["B", "A"]


def test_codes_in_the_file_count_before_positions(tmp_path):
    people = ("demand_id,place_code,township_code,class,population,lon,lat\n"
              f"a,511902103201,{QINGJIANG},rural,10,106.761,31.821\n"     # nearer to another place
              f"b,,{EAST_STREET},,10,106.7521,31.821\n"                   # 200 m over the border
              "c,999,511999001000,,10,106.761,31.821\n")                  # neither code is known
    case = Case(tmp_path, csv=people, **FILE)
    demand = case.demand
    assert demand["demand_id"].tolist() == ["a", "b", "c"]
    assert demand["place_code"].tolist() == ["511902103201", "511902001001", "511902103001"]
    assert demand["township_code"].tolist() == [QINGJIANG, EAST_STREET, QINGJIANG]
    assert demand["inside"].all()
    assert sorted(case.codes()) == ["place_unknown", "township_differs", "township_unknown"]


def test_a_neighbour_stays_one_inside_the_outline(tmp_path):
    beside = two_townships(role="neighbour").iloc[[0]].assign(township_code="511902007000",
                                                              geometry=shapely.box(106.80, 31.80, 106.85, 31.85))
    frame = gpd.GeoDataFrame(pd.concat([two_townships(role="district"), beside], ignore_index=True))
    people = ("place_code,township_code,class,population,lon,lat\n"
              ",511902007000,rural,10,106.7995,31.82\n511902007001,,rural,20,106.7995,31.82\n")
    case = Case(tmp_path, townships=frame, csv=people + f",{QINGJIANG},urban,5,106.76,31.82\n", **FILE)
    assert case.demand["inside"].tolist() == [False, False, True]
    assert case.codes() == ["place_without_people"]


# the class of a row is that of its place


def test_the_class_of_the_place_counts_before_the_rows_own(tmp_path):
    people = ("demand_id,place_code,class,urban_rural_code,population,lon,lat\n"
              "a,511902001001,rural,,10,106.71,31.82\n"          # the place is 111
              "b,511902103201,,111,20,106.79,31.84\n"            # the place is 220
              "c,511902103001,城镇,,40,106.76,31.82\n")          # agrees
    case = Case(tmp_path, csv=people, **FILE)
    assert case.demand["class"].tolist() == ["urban", "rural", "urban"]
    [differs] = [item for item in case.findings if item.code == "class_differs"]
    assert (differs.severity, differs.count, differs.id) == ("warn", 2, "a, b")
    assert "2 rows with 30 people" in differs.message


def test_the_class_rule_decides_whatever_rows_say(tmp_path):
    """Code 121 is urban by one rule and rural by the other; the row's word was written under the first."""
    people = "demand_id,place_code,class,population,lon,lat\na,511902103001,urban,40,106.76,31.82\n"
    for rule, expected in (("1xx", "urban"), ("111_112", "rural")):
        case = Case(tmp_path, policy=Policy(class_rule=rule), csv=people, **FILE)
        assert case.demand["class"].tolist() == [expected]


def test_the_rows_own_class_counts_where_the_places_is_weak(tmp_path):
    places = "place_code,place,lon,lat\nA,甲,106.71,31.82\n511902103201,乙,106.76,31.82\n"
    people = ("demand_id,place_code,class,urban_rural_code,population,lon,lat\n"
              "a,A,urban,,10,106.71,31.82\nb,A,urban,220,11,106.71,31.82\nc,A,,,12,106.71,31.82\n"
              "d,511902103201,urban,,10,106.76,31.82\ne,511902103201,,,11,106.76,31.82\n")
    case = Case(tmp_path, places=places, csv=people, **FILE)
    assert case.demand["class"].tolist() == ["urban", "rural", "rural", "urban", "rural"]
    assert case.codes() == []


# quality


def test_quality_of_rows(tmp_path):
    people = "population,quality,lon,lat\n10,Surveyed,106.71,31.82\n10,model,106.72,31.82\n10,,106.73,31.82\n"
    assert Case(tmp_path, csv=people, **FILE).demand["quality"].tolist() == ["surveyed", "model", "register"]
    case = Case(tmp_path, csv=people, people={"file": "people.csv", "quality": "surveyed"})
    assert case.demand["quality"].tolist() == ["surveyed", "model", "surveyed"]
    assert set(Case(tmp_path, **FILE).demand["quality"]) == {"register"}
    with pytest.raises(BadValueError, match=r"people\.csv: column quality holds good in row 3; use surveyed, register"):
        _ = Case(tmp_path, csv=people.replace("model", "good"), **FILE).demand


def test_spread_figures_are_derived(tmp_path):
    """Scaled in the street, as they were in the town; a row without position stands at its township."""
    scaled = Case(tmp_path, **totals(tmp_path, f"{EAST_STREET},2000\n{QINGJIANG},800\n")).demand
    assert scaled["quality"].tolist() == ["derived", "register", "register", "register"]
    people = f"township_code,population,quality\n{EAST_STREET},10,surveyed\n{EAST_STREET},20,model\n"
    assert Case(tmp_path, csv=people, **FILE).demand["quality"].tolist() == ["derived", "model"]
    bare = Case(tmp_path, townships=two_townships(population=[2000, 400]), places=None).demand
    assert bare["quality"].tolist() == ["derived", "derived"]
    model = Case(tmp_path, townships=two_townships(population=[2000, 400]), places=None,
                 boundaries={"quality": "model"}).demand
    assert model["quality"].tolist() == ["model", "model"]


# kinds of place


def test_kinds_of_place_in_the_words_of_the_office(tmp_path):
    words = ["行政村", "村", "村委会", "社区", "居委会", "居民委员会", "Village", "community", ""]
    rows = "".join(f"P{number},{word},111,106.71,31.82\n" for number, word in enumerate(words))
    case = Case(tmp_path, places=f"place_code,kind,urban_rural_code,lon,lat\n{rows}", **FILE)
    kinds = case.places.set_index("place_code")["kind"]
    assert [kinds[f"P{number}"] for number in range(9)] == ["village"] * 3 + ["community"] * 3 + [
        "village", "community", ""]
    with pytest.raises(BadValueError, match=r"places\.csv: column kind holds 院落 in row 2; use community, 社区, .*村"):
        _ = Case(tmp_path, places="place_code,kind,lon,lat\nP,院落,106.71,31.82\n", **FILE).places


def test_rows_that_name_a_place_of_another_township(tmp_path):
    people = ("demand_id,place_code,township_code,population,lon,lat\n"
              f"a,511902103201,{EAST_STREET},10,106.71,31.82\nb,511902001001,,10,106.71,31.82\n")
    case = Case(tmp_path, csv=people, **FILE)
    assert case.demand["place_code"].tolist() == ["511902103201", "511902001001"]
    found = [(item.code, item.severity, item.count, item.id, item.value) for item in case.findings]
    assert found == [("place_elsewhere", "warn", 1, "a", "511902103201"),
                     ("place_without_people", "warn", 1, "511902103001", "清江社区")]


@pytest.mark.parametrize(("old", "new", "message"), [
    ("500,150", "-5,150", r"people\.csv: column population holds a negative number in row 3: -5"),
    ("500,150", ",150", r"people\.csv: column population holds nothing in row 3"),
    ("500,150", "500,", r"people\.csv: column population_60plus holds nothing in row 3"),
    ("500,150", "many,150", r"people\.csv: column population holds no number in row 3: many"),
])
def test_bad_numbers_of_people(tmp_path, old, new, message):
    with pytest.raises(BadValueError, match=message):
        _ = Case(tmp_path, csv=PEOPLE.replace(old, new), **FILE).demand


def test_bad_ids(tmp_path):
    people = "demand_id,population,lon,lat\na,1,106.71,31.82\na,1,106.72,31.82\n"
    with pytest.raises(BadValueError, match=r"demand_id a is blank or stands twice, in rows 2, 3"):
        _ = Case(tmp_path, csv=people, **FILE).demand
    with pytest.raises(MissingColumnError, match=r"no column population; the columns are demand_id, people"):
        _ = Case(tmp_path, csv=people.replace("population", "people"), **FILE).demand


def test_people_without_position_stand_at_their_place(tmp_path):
    people = f"place_code,township_code,population\n511902103201,,10\n,{EAST_STREET},20\n"
    case = Case(tmp_path, csv=people, **FILE)
    demand = case.demand
    place = case.places.set_index("place_code").geometry["511902103201"]
    assert demand.geometry.iloc[0].distance(place) < 1e-6
    assert case.townships.geometry.iloc[0].contains(demand.geometry.iloc[1])
    assert "people_per_township" in case.codes()
    with pytest.raises(BadValueError, match=r"row 2 has people but neither position nor a known place_code"):
        _ = Case(tmp_path, csv="place_code,population\nX,10\n", **FILE).demand


def totals(folder, text):
    (folder / "totals.csv").write_text(f"township_code,population\n{text}")
    return {"people": {"file": "people.csv", "totals": "totals.csv"}}


def test_totals_are_kept(tmp_path):
    demand = Case(tmp_path, **totals(tmp_path, f"{EAST_STREET},2000\n{QINGJIANG},400\n")).demand
    sums = demand.groupby("township_code")["population"].sum()
    assert sums[EAST_STREET] == pytest.approx(2000, abs=1e-6)
    assert sums[QINGJIANG] == pytest.approx(400, abs=1e-6)
    assert demand["population"].tolist() == pytest.approx([2000, 250, 150, 50])
    assert demand["population_60plus"].tolist() == pytest.approx([400, 75, 50, 10])


def test_totals_without_points_get_one(tmp_path):
    case = Case(tmp_path, csv="population,lon,lat\n0,106.71,31.82\n0,106.72,31.82\n",
                **totals(tmp_path, f"{EAST_STREET},100\n{QINGJIANG},400\n"))
    demand = case.demand
    assert demand["population"].tolist() == [50.0, 50.0, 400.0]
    assert demand["demand_id"].tolist()[2] == f"township-{QINGJIANG}"
    assert demand["inside"].all()
    assert set(demand["quality"]) == {"derived"}
    assert case.codes() == ["people_per_township"]


def test_groups_of_a_township_that_has_but_a_total(tmp_path):
    """The street's 350 people hold 70 elders, a fifth; so do the town's 400, at its one point or at one of nobody."""
    street = "population,population_60plus,lon,lat\n100,30,106.71,31.82\n250,40,106.72,31.82\n"
    for csv in (street, street + "0,0,106.76,31.82\n"):
        case = Case(tmp_path, csv=csv, **totals(tmp_path, f"{EAST_STREET},350\n{QINGJIANG},400\n"))
        demand = case.demand
        assert demand["population"].tolist() == [100.0, 250.0, 400.0]
        assert demand["population_60plus"].tolist() == pytest.approx([30.0, 40.0, 80.0])
        assert demand["quality"].tolist() == ["register", "register", "derived"]
        [assumed] = [item for item in case.findings if item.code == "group_assumed"]
        assert (assumed.severity, assumed.count, assumed.value) == ("warn", 1, "population_60plus")


def test_groups_that_nobody_tells_are_left_out(tmp_path):
    case = Case(tmp_path, csv="population,population_60plus,lon,lat\n0,0,106.71,31.82\n",
                **totals(tmp_path, f"{EAST_STREET},100\n{QINGJIANG},400\n"))
    assert "population_60plus" not in case.demand.columns
    assert "group_assumed" in case.codes()


def test_totals_that_miss_a_township(tmp_path):
    case = Case(tmp_path, **totals(tmp_path, f"{EAST_STREET},2000\n511902999000,7\n"))
    assert case.demand["population"].tolist() == [2000.0, 500.0, 300.0, 50.0]
    assert case.codes() == ["total_missing", "total_unknown", "people_beyond"]
    with pytest.raises(BadValueError, match=r"totals\.csv: township_code 511902001000 stands in several rows"):
        _ = Case(tmp_path, **totals(tmp_path, f"{EAST_STREET},1\n{EAST_STREET},2\n")).demand


def test_a_district_with_nothing_but_township_figures(tmp_path):
    case = Case(tmp_path, townships=two_townships(population=[2000, 400]), places=None)
    assert case.places["place_code"].tolist() == [EAST_STREET, QINGJIANG]
    assert case.places["class"].tolist() == ["urban", "rural"]
    demand = case.demand
    assert demand["population"].tolist() == [2000.0, 400.0]
    assert demand["place_code"].tolist() == [EAST_STREET, QINGJIANG]
    assert "people_per_township" in case.codes()
    with pytest.raises(ConfigError, match=r"\[people\] names no file, and the townships have no population"):
        _ = Case(tmp_path, places=None).demand


def test_places_come_from_the_peoples_file_when_there_is_no_other(tmp_path):
    people = ("place_code,place,urban_rural_code,population,lon,lat\n511902001001,北门社区,111,10,106.71,31.81\n"
              "511902001001,北门社区,111,20,106.71,31.83\n511902103201,石庙村,220,5,106.79,31.84\n")
    case = Case(tmp_path, places=None, csv=people, **FILE)
    places = case.places
    assert places["place"].tolist() == ["北门社区", "石庙村"]
    assert places["township_code"].tolist() == [EAST_STREET, QINGJIANG]
    middle = places.to_crs("EPSG:4326").geometry.iloc[0]
    assert (middle.x, middle.y) == pytest.approx((106.71, 31.82), abs=1e-6)
    assert case.demand["class"].tolist() == ["urban", "urban", "rural"]


# OSM


def osm_case(folder, **people):
    shutil.copy(andorra(), folder / "andorra.osm.pbf")
    runfile = run_file(folder, boundaries={"osm": {"admin_level": 7}}, roads={"file": "andorra.osm.pbf"},
                       people={"osm": True, **people})
    townships = read_townships(runfile, Findings())
    findings = Findings()
    places = read_places(runfile, townships, Policy(), findings)
    area = shapely.union_all(townships.geometry.to_numpy()).buffer(2000)
    return places, read_demand(runfile, townships, places, Policy(), area, findings), findings


def test_people_of_andorra(tmp_path):
    places, demand, findings = osm_case(tmp_path)
    capital = places[places["place"] == "Andorra la Vella"].iloc[0]
    assert (capital["class"], capital["kind"], capital["class_source"]) == ("urban", "community", "osm place kind")
    by_place = demand.set_index("place_code")["population"]
    assert by_place[capital["place_code"]] == 24_678         # the one place that has a figure
    assert by_place[places["place_code"][places["place"] == "Ordino"].iloc[0]] == 2_000
    assert set(demand["place_code"][demand["inside"]]) == set(places["place_code"])
    assert set(demand["class"]) == {"urban", "rural"}
    by_quality = demand.set_index("place_code")["quality"]
    assert by_quality[capital["place_code"]] == "osm"
    assert set(by_quality.drop(capital["place_code"])) == {"derived"}
    assumed = [item for item in findings if item.code == "population_assumed"]
    assert "59 of 60 places" in assumed[0].message


def test_census_of_andorra_by_parish(tmp_path):
    """Any totals are kept exactly, whatever the weights."""
    codes = [2804753, 2804755, 2804756, 2804757, 2804758, 2804759]
    people = [22_546, 14_029, 16_475, 9_744, 4_651, 9_379]
    pd.DataFrame({"township_code": codes, "population": people}).to_csv(tmp_path / "totals.csv", index=False)
    _, demand, _ = osm_case(tmp_path, totals="totals.csv")
    sums = demand[demand["inside"]].groupby("township_code")["population"].sum()
    assert sums.to_dict() == pytest.approx(dict(zip(map(str, codes), people, strict=True)), abs=1e-6)
