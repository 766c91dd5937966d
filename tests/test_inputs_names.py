"""Names and codes that disagree, merged villages, and classes from a table of their own."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from extracts import EAST_STREET, QINGJIANG, two_townships
from lifecircle.errors import BadValueError, MissingColumnError
from lifecircle.inputs.names import NameIndex, Places, Townships, plain_name, split_names
from lifecircle.policy import Policy
from test_inputs_people import FILE, PLACES, Case

MERGED = """place_code,place,township_code,merged_from,lon,lat
511902001001,北门社区,511902001000,,106.71,31.82
511902103001,清江社区,511902103000,,106.76,31.82
511902103201,石庙村,511902103000,关渡村、新桥村,106.79,31.84
511902103202,龙头寨村,511902103000,石庙村委会；凉水；,106.78,31.81
"""


def found(case, code):
    return [item for item in case.findings if item.code == code]


@pytest.mark.parametrize(("name", "plain"), [
    ("北门社区居民委员会", "北门社区"), ("北门居委会", "北门社区"), ("石庙村民委员会", "石庙村"),
    ("石庙村村委会", "石庙村"), ("宕梁街道办事处", "宕梁街道"), ("清江镇人民政府", "清江镇"),
    ("Ｎｏ．１ 村", "No.1村"), (" 龙头　寨 ", "龙头寨"), ("", ""),
])
def test_plain_names(name, plain):
    assert plain_name(name) == plain


def test_former_names_are_split_at_every_mark():
    assert split_names("甲村、乙村;丙村，丁村,戊村/己村") == ["甲村", "乙村", "丙村", "丁村", "戊村", "己村"]


def test_a_name_of_two_things_finds_neither():
    index = NameIndex.of([("T", "清江社区", "1"), ("T", "清江村", "2"), ("U", "石庙村", "3"), ("T", "石庙村", "4")])
    assert (index.find("T", "清江村"), index.find("T", "清江")) == ("2", "")
    assert (index.find("U", "石庙"), index.find("*", "石庙村"), index.find("U", "清江村")) == ("3", "", None)


# a village list without codes and coordinates


VILLAGES = "乡镇,村名,人口\n东城街道办事处,北门社区居委会,100\n清江镇,龙头寨,30\n清江镇,新桥村,5\n关渡乡,凉水村,7\n"
MAPPED = {"people": {"file": "people.csv", "columns": {"township": "乡镇", "place": "村名", "population": "人口"}}}


def test_a_village_list_without_codes_or_coordinates(tmp_path):
    """新桥 and 凉水 were merged away; 关渡乡 is gone, so its village is sought in the whole district."""
    case = Case(tmp_path, places=MERGED, csv=VILLAGES, **MAPPED)
    demand = case.demand
    assert demand["place_code"].tolist() == ["511902001001", "511902103202", "511902103201", "511902103202"]
    assert demand["township_code"].tolist() == [EAST_STREET] + [QINGJIANG] * 3
    assert demand["population"].tolist() == [100.0, 30.0, 5.0, 7.0]
    at = case.places.set_index("place_code").geometry
    assert [point.distance(at[code]) for point, code in zip(demand.geometry, demand["place_code"], strict=True)] == [
        pytest.approx(0, abs=1e-6)] * 4
    [by_name], [former] = found(case, "place_by_name"), found(case, "place_former")
    assert (by_name.severity, by_name.count, by_name.id) == ("note", 1, "2")
    [like] = found(case, "place_by_like_name")
    assert (like.severity, like.count, like.id) == ("warn", 1, "3")
    assert (former.count, former.value) == (2, "新桥村 -> 511902103201 石庙村, 凉水村 -> 511902103202 龙头寨村")


def test_a_name_without_a_township_finds_what_alone_bears_it(tmp_path):
    """石庙村 stands in both townships, so it finds none; 龙头寨 is one alone, and is joined with a warning."""
    places = MERGED + "511902001201,石庙村,511902001000,,106.72,31.83\n"
    case = Case(tmp_path, places=places, csv="place,population\n龙头寨,10\n", **FILE)
    assert case.demand["place_code"].tolist() == ["511902103202"]
    [alone] = found(case, "place_by_name")
    assert (alone.severity, alone.count) == ("warn", 1)
    with pytest.raises(BadValueError, match="row 2 has people but neither position nor a known"):
        _ = Case(tmp_path, places=places, csv="place,population\n石庙村,10\n", **FILE).demand


def test_a_village_that_nobody_knows(tmp_path):
    """In a known township it stands at the township's point; without one it is an error."""
    classed = MERGED.replace("\n", ",rural\n").replace("lat,rural", "lat,class")
    case = Case(tmp_path, places=classed, csv=VILLAGES + "清江镇,无名村,9\n", **MAPPED)
    demand = case.demand
    assert demand["township_code"].iloc[-1] == QINGJIANG
    assert case.townships.geometry.iloc[1].contains(demand.geometry.iloc[-1])
    assert demand["quality"].tolist()[-2:] == ["register", "derived"]
    [unknown] = found(case, "place_not_found")
    assert (unknown.severity, unknown.count, unknown.id, unknown.value) == ("warn", 1, "6", "无名村 ->")
    with pytest.raises(BadValueError, match=r"row 6 has people but neither position nor a known .* or name"):
        _ = Case(tmp_path, places=MERGED, csv=VILLAGES + "关渡乡,无名村,9\n", **MAPPED).demand


def test_the_villages_of_a_neighbour_are_left_out(tmp_path):
    beside = two_townships(role="neighbour").iloc[[0]].assign(township_code="511902007000", township="兴文街道",
                                                              geometry=shapely.box(106.80, 31.80, 106.85, 31.85))
    frame = gpd.GeoDataFrame(pd.concat([two_townships(role="district"), beside], ignore_index=True))
    case = Case(tmp_path, townships=frame, places=MERGED, csv=VILLAGES + "兴文街道,石庙村,9\n", **MAPPED)
    assert case.demand["population"].sum() == 142
    [left] = found(case, "people_beyond")
    assert "1 rows with 9 people name a neighbour" in left.message
    assert found(case, "place_not_found") == []


def test_villages_with_positions_and_no_codes_become_places(tmp_path):
    people = "township,place,population,lon,lat\n东城街道,北门社区,10,106.71,31.82\n清江镇,石庙村,5,106.79,31.84\n"
    case = Case(tmp_path, places=None, csv=people, **FILE)
    assert case.places["place"].tolist() == ["北门社区", "石庙村"]
    assert case.places["kind"].tolist() == ["community", "village"]
    assert case.places["township_code"].tolist() == [EAST_STREET, QINGJIANG]
    assert case.demand["place_code"].tolist() == case.places["place_code"].tolist()


# codes that disagree


def test_a_name_counts_before_a_code(tmp_path):
    """The list numbers the villages otherwise; its last row has a code that fits and a name that nobody bears."""
    people = ("place_code,place,population\n511902103202,石庙村,10\n511902103999,清江社区,20\n511902103201,石庙村,30\n"
              "511902103202,李家村,40\n511902103001,,50\n")
    case = Case(tmp_path, places=MERGED, csv=people, **FILE)
    assert case.demand["place_code"].tolist() == ["511902103201", "511902103001", "511902103201", "511902103202",
                                                  "511902103001"]
    [named], [coded] = found(case, "place_by_name"), found(case, "place_by_code")
    assert (named.severity, named.count, named.id) == ("warn", 2, "2, 3")
    assert named.value.startswith("511902103202 石庙村 -> 511902103201 石庙村")
    assert (coded.severity, coded.count, coded.value) == ("warn", 1, "511902103202 李家村 -> 511902103202 龙头寨村")


def test_townships_are_joined_by_name(tmp_path):
    """Both codes are kept in the finding. The third row's name is nobody's, its code is the town's."""
    people = ("township_code,township,population,lon,lat\n"
              f"{QINGJIANG},东城街道,10,106.71,31.82\n511902999000,清江镇,20,106.76,31.82\n"
              f"{QINGJIANG},凤溪镇,30,106.76,31.82\n")
    case = Case(tmp_path, csv=people, **FILE)
    assert case.demand["township_code"].tolist() == [EAST_STREET, QINGJIANG, QINGJIANG]
    [named], [coded] = found(case, "township_by_name"), found(case, "township_by_code")
    assert (named.count, named.value) == (2, f"{QINGJIANG} 东城街道 -> {EAST_STREET} 东城街道, 511902999000 清江镇 -> "
                                             f"{QINGJIANG} 清江镇")
    assert (coded.severity, coded.count, coded.value) == ("warn", 1, f"{QINGJIANG} 凤溪镇 -> {QINGJIANG} 清江镇")


def test_former_names_of_the_place_agree_with_its_code(tmp_path):
    people = "place_code,place,population\n511902103201,新桥村,10\n"
    case = Case(tmp_path, places=MERGED, csv=people, **FILE)
    assert case.demand["place_code"].tolist() == ["511902103201"]
    assert [item.code for item in case.findings if item.code.startswith("place")] == ["place_without_people"]


def test_totals_of_nobody_are_said_by_name(tmp_path):
    (tmp_path / "totals.csv").write_text("township,population\n东城街道,2000\n清江镇,400\n别处乡,2400\n合计,4800\n")
    case = Case(tmp_path, people={"file": "people.csv", "totals": "totals.csv"})
    assert case.demand["population"].tolist() == pytest.approx([2000, 250, 150, 50])
    [strange] = found(case, "total_unknown")
    assert (strange.severity, strange.id, strange.value) == ("warn", "别处乡", "2,400 people")


def test_places_without_names_are_joined_by_code(tmp_path):
    case = Case(tmp_path, places="place_code,urban_rural_code,lon,lat\n511902103201,220,106.79,31.84\n",
                csv="place_code,place,population\n511902103201,石庙村,10\n", **FILE)
    assert case.demand["place_code"].tolist() == ["511902103201"]
    assert found(case, "place_by_code") == []


def test_totals_by_name(tmp_path):
    (tmp_path / "totals.csv").write_text("镇名,数目\n东城街道,2000\n清江镇,400\n", encoding="utf-8")
    case = Case(tmp_path, people={"file": "people.csv", "totals": "totals.csv",
                                  "total_columns": {"township": "镇名", "population": "数目"}})
    assert case.demand["population"].tolist() == pytest.approx([2000, 250, 150, 50])


@pytest.mark.parametrize(("text", "missing", "heads", "mapping"), [
    ("镇名,数目\n东城街道,2000\n清江镇,400\n", "township_code (or township) and population", "镇名, 数目",
     'township = "…", population = "…"'),
    ("乡镇,村,60岁以上人口\n清江镇,石庙村,10\n", "population", "乡镇, 村, 60岁以上人口", 'population = "…"'),
    ("村名,人口\n石庙村,10\n", "township_code (or township)", "村名, 人口", 'township = "…"')])
def test_totals_without_a_column_say_which_and_how_to_map_it(tmp_path, text, missing, heads, mapping):
    (tmp_path / "totals.csv").write_text(text, encoding="utf-8")
    with pytest.raises(MissingColumnError) as caught:
        _ = Case(tmp_path, people={"file": "people.csv", "totals": "totals.csv"}).demand
    assert str(caught.value).endswith(
        f"totals.csv: no column {missing}; the columns are {heads}; [people] totals is a table with one row per "
        f"township; map its columns in the run file: [people] total_columns = {{ {mapping} }}")


def test_a_list_of_villages_is_no_table_of_totals(tmp_path):
    (tmp_path / "totals.csv").write_text("乡镇,村,人口\n清江镇,石庙村,10\n清江镇,龙头寨村,10\n", encoding="utf-8")
    with pytest.raises(BadValueError, match=r"one total per township; a list of villages is \[people\] file"):
        _ = Case(tmp_path, people={"file": "people.csv", "totals": "totals.csv"}).demand


# classes from a table


BARE = "\n".join(line.replace(",111,", ",,").replace(",121,", ",,").replace(",220,", ",,") for line in
                 PLACES.splitlines()) + "\n"


def class_case(folder, text, *, places=BARE, policy=None, **table):
    (folder / "classes.csv").write_text(text, encoding="utf-8")
    classes = {"file": "classes.csv", **table} if table else "classes.csv"
    return Case(folder, places=places, boundaries={"classes": classes}, policy=policy, **FILE)


def test_classes_of_a_table_by_village_code(tmp_path):
    text = "village,code,when\n511902001001,111,2021\n511902103001,121,2022\n511902103201,220,2022\n"
    mapped = {"place_code": "village", "urban_rural_code": "code", "year": "when"}
    case = class_case(tmp_path, text, columns=mapped, source="国家统计局", year=2020)
    places = case.places
    assert places["class"].tolist() == ["urban", "urban", "rural"]
    assert places["class_source"].tolist() == ["urban_rural_code (国家统计局, 2021), rule 1xx",
                                               "urban_rural_code (国家统计局, 2022), rule 1xx",
                                               "urban_rural_code (国家统计局, 2022), rule 1xx"]
    assert places["urban_rural_code"].tolist() == ["111", "121", "220"]
    assert case.codes() == []


def test_classes_of_a_table_by_name_and_their_own_years(tmp_path):
    """The code of the second row is another village's in our list: its name counts."""
    text = ("place_code,place,township,urban_rural_code\n,北门社区居委会,东城街道办事处,111\n"
            "511902103201,清江社区,清江镇,122\n,石庙,清江镇,220\n")
    case = class_case(tmp_path, text, year="2016")
    assert case.places["urban_rural_code"].tolist() == ["111", "122", "220"]
    assert set(case.places["class_source"]) == {"urban_rural_code (2016), rule 1xx"}
    assert {item.severity: item.id for item in found(case, "place_by_name")} == {"note": "2", "warn": "3"}
    assert [(item.severity, item.id) for item in found(case, "place_by_like_name")] == [("warn", "4")]


def test_places_that_the_table_does_not_tell(tmp_path):
    case = class_case(tmp_path, "place_code,urban_rural_code\n511902001001,220\n511902103777,220\n")
    places = case.places
    assert places["class"].tolist() == ["rural", "urban", "rural"]
    assert places["class_source"].tolist()[1:] == ["committee kind", "committee kind"]
    [bare] = found(case, "class_not_in_table")
    assert (bare.severity, bare.count, bare.value) == ("warn", 2, "清江社区, 石庙村")


def test_merged_villages_that_disagree_have_no_class(tmp_path):
    """关渡 was 122 and 新桥 220; 凉水 and 石庙 (merged into 龙头寨) agree, but 石庙村 is also a place of its own."""
    text = "place,township,urban_rural_code\n关渡村,清江镇,122\n新桥村,清江镇,220\n凉水村,清江镇,121\n"
    case = class_case(tmp_path, text, places=MERGED)
    by_code = case.places.set_index("place_code")
    assert by_code["urban_rural_code"]["511902103202"] == "121"
    assert by_code["class_source"]["511902103201"] == "committee kind"
    [torn] = found(case, "class_torn")
    assert (torn.count, torn.value) == (1, "石庙村")
    own = class_case(tmp_path, text + "石庙村,清江镇,123\n", places=MERGED)
    assert own.places.set_index("place_code")["urban_rural_code"]["511902103201"] == "123"
    assert found(own, "class_torn") == []


def test_a_row_joined_by_code_alone_yields_to_one_with_the_name(tmp_path):
    """李家村 was numbered 201 before 石庙村 was; its 121 is not that of 石庙村."""
    text = ("place_code,place,township,urban_rural_code\n511902103201,李家村,清江镇,121\n"
            "511902103209,石庙村,清江镇,220\n511902103001,王家社区,清江镇,122\n")
    case = class_case(tmp_path, text)
    assert case.places["urban_rural_code"].tolist() == ["", "122", "220"]
    assert found(case, "class_torn") == []


def test_year_and_source_of_the_places_own_codes(tmp_path):
    case = Case(tmp_path, boundaries={"classes": {"year": 2023, "source": "国家统计局"}}, **FILE)
    assert set(case.places["class_source"]) == {"urban_rural_code (国家统计局, 2023), rule 1xx"}


def test_a_table_of_classes_needs_its_columns(tmp_path):
    with pytest.raises(MissingColumnError, match=r"classes\.csv: no column urban_rural_code or class"):
        _ = class_case(tmp_path, "place_code,x\n1,111\n").places
    with pytest.raises(BadValueError, match="column urban_rural_code holds 999 in row 2"):
        _ = class_case(tmp_path, "place_code,urban_rural_code\n511902001001,999\n").places


def test_the_villages_of_2023_find_their_codes_of_2016():
    """Another hand joined them by code and name: where that joined a village within its township, so do we, alike."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "bazhou"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data/bazhou beside the checkout")
    names = ["code", "parent", "name", "kind", *range(4, 8), "ur_code", *range(9, 18), "town", 19]
    old = pd.read_csv(folder / "adcode2016_511902.csv", header=None, names=names, dtype=str)
    old = old[old["kind"] == "village"]
    now = pd.read_csv(folder / "villages_2023.csv", dtype=str).fillna("")
    towns = pd.read_csv(folder / "townships.csv", dtype=str)
    ours = towns["code_nbs_2023"][towns["in_22"] == "yes"]
    now = now[now["township_code"].isin(ours)].rename(columns={"code": "place_code", "name": "place"})
    town = Townships(dict(zip(towns["code_nbs_2023"], towns["name"], strict=True))).join(old["parent"], old["town"])
    inside = ~town["code"].isin(set(towns["code_nbs_2023"]) - set(ours))
    scope = town["code"].where(town["code"].isin(ours), "")
    joined = Places(now).join(old["code"][inside], old["name"][inside], scope[inside])
    named = joined[joined["how"].isin(["code", "name not code", "name alone"])]
    named = named.loc[named["how"].eq("name alone").sort_values(kind="stable").index].drop_duplicates("code")
    code = now["place_code"].map(dict(zip(named["code"], old["ur_code"][named.index], strict=True))).fillna("")
    told = now["ur_code_2016"] != ""
    assert (len(now), told.sum()) == (296, 262)
    assert (code[told & (code != "")] == now["ur_code_2016"][told & (code != "")]).all()
    missed = now["match_to_2016"][told & (code == "")]
    assert set(missed) <= {"same_name_other_township"}
    assert len(missed) <= 4
    assert now["match_to_2016"][~told & (code != "")].tolist() == ["ambiguous"]


@pytest.mark.parametrize(("kind", "rule", "expected"), [
    ("街道", "1xx", "urban"), ("街道", "111_112", "urban"), ("镇", "1xx", "urban"), ("镇", "111_112", "rural"),
    ("乡", "1xx", "rural"),
])
def test_the_committee_stands_for_a_code_by_the_kind_of_township(tmp_path, kind, rule, expected):
    """A residents' committee is 111 in a street, 121 in a town, 210 in a 乡."""
    frame = two_townships(kind=[kind, "镇"])
    case = Case(tmp_path, townships=frame, places=BARE, policy=Policy(class_rule=rule), **FILE)
    assert case.places["class"].tolist()[0] == expected
    assert set(case.places["class_source"]) == {"committee kind"}
