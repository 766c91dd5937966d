"""The circle of all services and the minutes behind it in the tiny town, every figure worked by hand.

On foot a block takes 7.5 minutes, for elders 10. Minutes at the five points of each strip, from south to north:

    clinics        甲 15 7.5 0 7.5 15   乙 30 22.5 15 22.5 30   丙 45 37.5 30 37.5 45   丁 60 52.5 45 52.5 60
    elderly care   甲 80 70 60 70 80   乙 60 50 40 50 60     丙 40 30 20 30 40       丁 20 10 0 10 20

The shelter's edge is 50 m round (500, 500): 甲 is in time but for the point in the north, 乙 too, 丙 at its second
point alone (1950 m), 丁 nowhere. So many services each point has in time:

    甲 2 2 2 2 1    乙 2 2 2 2 1    丙 0 2 2 1 0    丁 1 1 1 1 1
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from command import inside
from lifecircle import assess
from lifecircle.assessment import Assessment
from lifecircle.outputs.rundir import read_run, write_run
from lifecircle.outputs.summary import summary_record, summary_text
from tinytown import DISTRICT, EAST_TOWN, TOWNSHIPS, WEST_TOWN, lonlat, toml_text, write_town

COARSE = {"cell_m": 500}
#: Longer cutoffs: most people have every service.
GENEROUS = {"clinics": {"urban": {"cutoff_min": 60}, "rural": {"cutoff_min": 45}},
            "elderly_care": {"group": "60plus", "urban": {"cutoff_min": 80, "mode": "walk_elder"},
                             "rural": {"cutoff_min": 80, "mode": "walk_elder"}},
            "shelters": {"urban": {"cutoff_min": 60}, "rural": {"cutoff_min": 45}}}


def figures(found: Assessment, indicator: str, layer: str, *, code: str = DISTRICT, kind: str = "all",
            by: str = "cutoff", **where: object) -> dict[object, list[float]]:
    """Give value, low and high by cutoff."""
    rows = found.results
    where.setdefault("scenario", "existing")
    for name, value in {"indicator": indicator, "layer": layer, "township_code": code, "class": kind, **where}.items():
        rows = rows[rows[name] == value]
    return {row[by]: [row["value"], row["low"], row["high"]] for row in rows.to_dict("records")}


def figure(found: Assessment, indicator: str, layer: str, **where: object) -> list[float]:
    [row] = figures(found, indicator, layer, by="indicator", **where).values()
    return row


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    return assess(write_town(tmp_path_factory.mktemp("town"), surface=COARSE))


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Assessment:
    """A second clinic stands off every road: all of 丁, and 丙 but for its middle, are undetermined."""
    folder = tmp_path_factory.mktemp("doubtful")
    path = write_town(folder, policy={"file": "policy.toml"}, surface=COARSE)
    (folder / "policy.toml").write_text(
        "cutoffs_min = [20, 60, 20]\n" + toml_text({"modes": {"walk": {"snap_limit_m": 50}}}), encoding="utf-8")
    lon, lat = lonlat(2750.0, 1250.0)
    with (folder / "clinics.csv").open("a", encoding="utf-8") as register:
        register.write(f"C2,丙诊所,village_clinic,{lon},{lat}\n")
    return assess(path)


# all services


def test_people_with_k_services(town: Assessment) -> None:
    people = figures(town, "people_with_k_services", "all")
    assert {k: three[0] for k, three in people.items()} == {0: 100, 1: 400, 2: 500, 3: 0}
    east = figures(town, "share_with_k_services", "all", code=EAST_TOWN)
    assert {k: three[0] for k, three in east.items()} == {0: 0.2, 1: 0.6, 2: 0.2, 3: 0.0}
    urban = figures(town, "people_with_k_services", "all", kind="urban")
    assert {k: three[0] for k, three in urban.items()} == {0: 0, 1: 50, 2: 200, 3: 0}
    assert figure(town, "share_with_all_services", "all") == [0, 0, 0]
    assert figure(town, "services_mean", "all") == pytest.approx([1.4] * 3)
    assert figure(town, "residents", "all") == [1000] * 3
    rows = town.results[town.results["layer"] == "all"]
    assert (rows["group"] == "all").all()
    assert not rows["headline"].any()
    assert set(rows["basis"]) == {"all residents"}
    assert set(rows["mode"]) == {"mixed"}


def test_the_one_service_that_would_complete_most_people(town: Assessment) -> None:
    """Care alone is lacking at four points each of 甲 and 乙, the clinic and the shelter at one point each of 丙."""
    alone = {layer: figure(town, "people_lacking_only_this", layer)[0] for layer in town.layers}
    assert alone == {"clinics": 50, "elderly_care": 400, "shelters": 50}
    assert figure(town, "people_lacking_only_this", "elderly_care", code=WEST_TOWN)[0] == 400
    lacking = {layer: figure(town, "people_lacking", layer)[0] for layer in town.layers}
    assert lacking == {"clinics": 450, "elderly_care": 600, "shelters": 550}


def test_the_binding_service_of_each_place(town: Assessment) -> None:
    places = town.places.set_index("place")
    assert places["binding_service"].to_dict() == {
        "甲社区": "elderly_care", "乙村": "elderly_care", "丙村": "clinics;shelters", "丁村": "clinics;shelters"}
    assert places["services_mean"].to_dict() == pytest.approx({"甲社区": 1.8, "乙村": 1.8, "丙村": 1.0, "丁村": 1.0})
    assert places["share_lacking_elderly_care"].tolist() == [1.0, 1.0, 0.4, 0.0]
    assert places["share_lacking_shelters"].tolist() == pytest.approx([0.2, 0.2, 0.8, 1.0])
    assert set(places["services_due"]) == {3}


def test_who_has_everything_and_places_that_lack_none(tmp_path: Path) -> None:
    """In 45 minutes one walks 3,000 m: to the shelter from all of 丙 but the north (3,450 m), from 丁 at y = 500 alone.

    The clinic is that near to 丁 only in its middle, so nobody there has both. Nobody lives in 乙.
    """
    path = write_town(tmp_path, policy=GENEROUS, surface=COARSE)
    people = pd.read_csv(tmp_path / "people.csv", dtype={"place_code": str, "township_code": str})
    people.loc[people["place_code"] == "990101001201", ["population", "population_60plus"]] = 0
    people.to_csv(tmp_path / "people.csv", index=False)
    found = assess(path)
    assert figure(found, "share_with_all_services", "all", code=WEST_TOWN) == [1.0] * 3
    assert figure(found, "people_with_all_services", "all") == [250 + 200] * 3
    places = found.places.set_index("place")
    assert places["binding_service"].to_dict() == {
        "甲社区": "", "乙村": "", "丙村": "shelters", "丁村": "clinics;shelters"}
    assert places["residents"].to_dict() == {"甲社区": 250, "乙村": 0, "丙村": 250, "丁村": 250}
    assert places["share_all"].drop("乙村").tolist() == pytest.approx([1.0, 0.8, 0.0])
    bare = places.loc["乙村", ["share_all", "share_all_high", "services_mean", "share_lacking_clinics"]]
    assert bare.isna().all()


def test_undetermined_services_may_count_or_not(doubtful: Assessment) -> None:
    """丙: 0+1 2+1 2 1+1 0+1 services, 丁: 1+1 each, where + is the open clinic; the others as before."""
    people = figures(doubtful, "people_with_k_services", "all")
    assert people == {0: [100, 0, 100], 1: [400, 100, 500], 2: [500, 450, 800], 3: [0, 0, 50]}
    assert figure(doubtful, "share_with_all_services", "all") == [0, 0, 0.05]
    assert figure(doubtful, "services_mean", "all") == pytest.approx([1.4, 1.4, 1.85])
    assert figure(doubtful, "people_lacking", "clinics") == [450, 0, 450]
    assert figure(doubtful, "people_lacking_only_this", "clinics") == [50, 0, 50]
    # the shelter alone: surely at the middle of 丙; with the clinic there also north of it and all over 丁
    assert figure(doubtful, "people_lacking_only_this", "shelters") == [50, 50, 350]
    assert doubtful.places.set_index("place").loc["丙村", ["share_all", "share_all_high"]].tolist() == [0.0, 0.2]


def test_a_service_that_is_not_due_is_not_lacked(tmp_path: Path) -> None:
    """No rule for the country but the clinic's: there who has that has all; nobody in town has care in time."""
    policy = {"elderly_care": {"group": "60plus", "rural": False}, "shelters": {"rural": False}}
    found = assess(write_town(tmp_path, policy=policy, surface=COARSE))
    assert figure(found, "people_with_all_services", "all", kind="rural") == [300] * 3
    assert figure(found, "people_with_all_services", "all", kind="urban") == [0] * 3
    assert figure(found, "people_lacking", "elderly_care") == [250] * 3


# minutes


def test_several_cutoffs(town: Assessment) -> None:
    """Points within 5 … 60 minutes of the clinic: 1, 3, 6, 6, 11, 16, 20 of 20; the class's own stands already."""
    rates = figures(town, "coverage_rate", "clinics", headline=False)
    assert {cutoff: three[0] for cutoff, three in rates.items()} == pytest.approx(
        {5: 0.05, 10: 0.15, 15: 0.3, 20: 0.3, 30: 0.55, 45: 0.8, 60: 1.0})
    elders = figures(town, "people_in_time", "elderly_care", headline=False, code=EAST_TOWN)
    assert {cutoff: three[0] for cutoff, three in elders.items()} == {5: 12, 10: 36, 15: 36, 20: 72, 30: 96, 45: 120,
                                                                      60: 120}
    rural = figures(town, "coverage_rate", "clinics", kind="rural")
    assert sorted(rural) == [5, 10, 15, 20, 30, 45, 60]
    assert figures(town, "coverage_rate", "clinics", kind="rural", by="headline")[True] == pytest.approx([0.4] * 3)


def test_cutoffs_are_a_setting(doubtful: Assessment) -> None:
    assert sorted(figures(doubtful, "people_in_time", "clinics", headline=False)) == [20, 60]
    assert figures(doubtful, "people_in_time", "clinics", headline=False)[60][0] == 1000


def test_minutes_to_the_nearest(town: Assessment) -> None:
    assert [figure(town, f"minutes_{what}", "clinics")[0] for what in ("mean", "median", "p90")] == [31.5, 30, 52.5]
    assert [figure(town, f"minutes_{what}", "clinics", kind="urban")[0] for what in ("mean", "median", "p90")] == [
        9, 7.5, 15]
    assert figure(town, "minutes_mean", "elderly_care", code=EAST_TOWN)[0] == pytest.approx((160 + 60) / 10)
    assert figure(town, "share_unreachable", "clinics") == [0] * 3


def test_undetermined_minutes_are_left_out_and_said(doubtful: Assessment) -> None:
    """Eleven points of 甲, 乙 and 丙 remain, 195 minutes in all; the sixth 15, the tenth 30. No interval is told."""
    for what, minutes in (("mean", 195 / 11), ("median", 15), ("p90", 30)):
        value, *ends = figure(doubtful, f"minutes_{what}", "clinics")
        assert value == pytest.approx(minutes)
        assert np.isnan(ends).all()
    assert figure(doubtful, "share_unreachable", "clinics") == [0, 0, 0.45]


def test_infinite_minutes_are_blank_and_counted(tmp_path: Path) -> None:
    """No care post of the accepted level exists: nobody reaches one."""
    policy = {"elderly_care": {"accepts": ["complex"]}}
    found = assess(write_town(tmp_path, policy=policy, surface=COARSE))
    names = [*(f"minutes_{what}" for what in ("mean", "median", "p90", "gini", "palma", "theil", "fgt_1", "fgt_2"))]
    assert all(np.isnan(figure(found, name, "elderly_care")).all() for name in names)
    assert figure(found, "minutes_fgt_0", "elderly_care") == [1] * 3
    assert figure(found, "people_unreachable", "elderly_care")[0] == 1000
    assert figure(found, "share_unreachable", "elderly_care") == [1] * 3


# equity and bases


def test_inequality_of_minutes(town: Assessment) -> None:
    """In blocks 0 1 1 2 2 2 3 3 4 4 4 5 5 6 6 6 7 7 8 8: sum 84, sum of rank times blocks 1152.

    Gini 2 · 1152 / (20 · 84) - 21 / 20. The last two have 16, the first eight 14. Over their cutoff of 30 minutes are
    four points of 丙 by 1/2 1/4 1/4 1/2 of it, and 丁 by 1 3/4 1/2 3/4 1.
    """
    assert figure(town, "minutes_gini", "clinics") == pytest.approx([2304 / 1680 - 1.05] * 3)
    assert figure(town, "minutes_palma", "clinics") == pytest.approx([16 / 14] * 3)
    blocks = np.array([0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 6, 6, 6, 7, 7, 8, 8]) / 84
    entropy = -(blocks[1:] * np.log(blocks[1:])).sum()
    assert figure(town, "minutes_theil", "clinics") == pytest.approx([np.log(20) - entropy] * 3)
    assert [figure(town, f"minutes_fgt_{alpha}", "clinics")[0] for alpha in (0, 1, 2)] == pytest.approx(
        [9 / 20, 5.5 / 20, 4 / 20])


def test_gaps_between_classes_and_groups(tmp_path: Path) -> None:
    """Everyone in town and 6 of 15 points in the country have a clinic; then 丁 alone has elders, and care for all."""
    path = write_town(tmp_path, surface=COARSE)
    people = pd.read_csv(tmp_path / "people.csv", dtype={"place_code": str, "township_code": str})
    people.loc[people["place_code"] != "990101002202", "population_60plus"] = 0
    people.to_csv(tmp_path / "people.csv", index=False)
    found = assess(path)
    assert figure(found, "rate_gap_urban_rural", "clinics") == pytest.approx([0.6] * 3)
    assert figure(found, "rate_gap_urban_rural", "clinics", code=WEST_TOWN) == pytest.approx([0.0] * 3)
    assert np.isnan(figure(found, "rate_gap_urban_rural", "clinics", code=EAST_TOWN)).all()
    assert figure(found, "rate_gap_60plus_all", "elderly_care") == pytest.approx([1 - 0.4] * 3)
    assert figure(found, "rate_gap_60plus_all", "clinics") == pytest.approx([0 - 0.55] * 3)
    assert np.isnan(figure(found, "rate_gap_60plus_all", "clinics", code=WEST_TOWN)).all()


def test_undetermined_people_widen_a_gap(doubtful: Assessment) -> None:
    """Urban 1; rural 0.4, at most 1: the gap is 0.6, and may be none."""
    assert figure(doubtful, "rate_gap_urban_rural", "clinics") == pytest.approx([0.6, 0.0, 0.6])


def test_villages_that_have_one(town: Assessment) -> None:
    assert figure(town, "communities_with", "clinics") == [1] * 3
    assert figure(town, "community_have_rate", "clinics") == [0.25] * 3
    assert figure(town, "community_reach_rate", "clinics") == [0.75] * 3
    assert figure(town, "community_have_rate", "elderly_care", code=EAST_TOWN) == [0.5] * 3


def test_residential_land(tmp_path: Path) -> None:
    """A strip of 800 m by 200 m along the middle street of each township, in cells of 100 m.

    In the west, urban, all of it is within 15 minutes of the clinic; in the east only what the 30 minutes reach.
    """
    path = write_town(tmp_path, people={"file": "land.geojson", "weights": "residential", "totals": "totals.csv"},
                      surface=COARSE)
    strips = [[lonlat(x, y) for x, y in ((west, 900), (west + 800, 900), (west + 800, 1100), (west, 1100), (west, 900))]
              for west in (100, 2100)]
    shapes = [{"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [strip]}}
              for strip in strips]
    (tmp_path / "land.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": shapes}))
    rows = [f"{code},{count}" for (code, _), count in zip(TOWNSHIPS, (900, 100), strict=True)]
    (tmp_path / "totals.csv").write_text("\n".join(["township_code,population", *rows]) + "\n")
    found = assess(path)
    assert found.demand["land_m2"].sum() == pytest.approx(320_000, rel=1e-3)
    assert figure(found, "residential_land_rate", "clinics", code=WEST_TOWN) == pytest.approx([1.0] * 3)
    assert figure(found, "residential_land_m2", "clinics")[0] == pytest.approx(320_000, rel=1e-3)
    east = found.demand[found.demand["township_code"] == EAST_TOWN]
    by_hand = east["land_m2"][east["minutes_clinics"] <= 30].sum() / east["land_m2"].sum()
    assert 0 < by_hand < 1
    assert figure(found, "residential_land_rate", "clinics", code=EAST_TOWN) == pytest.approx([by_hand] * 3)
    # land is counted by area, people by their number: the totals of the townships differ
    assert figure(found, "residential_land_rate", "clinics")[0] == pytest.approx((1 + by_hand) / 2, rel=1e-3)
    assert figure(found, "coverage_rate", "clinics", headline=True)[0] == pytest.approx(0.9 + 0.1 * by_hand, rel=1e-3)


def test_without_land_the_row_says_what_is_wanted(town: Assessment) -> None:
    rows = town.results[town.results["indicator"] == "residential_land_rate"]
    assert len(rows) == 3 * 3
    assert rows["value"].isna().all()
    assert set(rows["verdict"]) == {"no_data"}
    assert set(rows["basis"]) == {'residential land: needs [people] weights = "residential"'}


# settings and files


def test_the_table_of_places(town: Assessment, tmp_path: Path) -> None:
    write_run(town, tmp_path / "run")
    table = pd.read_csv(tmp_path / "run" / "places_services.csv", dtype={"place_code": str, "township_code": str},
                        encoding="utf-8-sig", keep_default_na=False)
    assert list(table.columns) == [
        "place_code", "place", "township_code", "township", "class", "residents", "services_due", "share_all",
        "share_all_high", "services_mean", "binding_service", "share_lacking_clinics", "share_lacking_elderly_care",
        "share_lacking_shelters", "quality"]
    assert table.iloc[2].tolist() == ["990101002201", "丙村", EAST_TOWN, "乙镇", "rural", 250, 3, 0, 0, 1,
                                      "clinics;shelters", 0.8, 0.4, 0.8, "model"]
    back = read_run(tmp_path / "run").places
    assert back["binding_service"].tolist() == town.places["binding_service"].tolist()
    assert back["share_lacking_shelters"].tolist() == pytest.approx([0.2, 0.2, 0.8, 1.0])


def test_the_summary_says_what_would_complete_most(town: Assessment, tmp_path: Path) -> None:
    assert summary_record(town, tmp_path)["all_services"] == {
        "share": 0.0, "low": 0.0, "high": 0.0, "mean": pytest.approx(1.4), "services": 3,
        "completes": ["elderly_care"], "people": 400.0}
    lines = summary_text(town, tmp_path).splitlines()
    assert "all 3 services in time: 0.0% of residents; on the mean 1.40" in lines
    assert "that alone would complete most people: elderly_care 养老, 400" in lines


def test_another_state_of_the_people_has_its_own_rows(tmp_path: Path) -> None:
    found = assess(write_town(tmp_path, people={"scenarios": {"spring": {"factor": 2}}}, surface=COARSE))
    for indicator, layer in (("people_with_k_services", "all"), ("people_lacking_only_this", "shelters")):
        today, then = (figures(found, indicator, layer, scenario=name) for name in ("existing", "spring"))
        assert list(then.values()) == [[2 * people for people in three] for three in today.values()]
    assert figure(found, "minutes_median", "clinics", scenario="spring") == [30] * 3


def test_a_layer_may_not_take_the_name_of_all(tmp_path: Path) -> None:
    path = write_town(tmp_path, facilities=[{"layer": "all", "file": "clinics.csv"}], policy={
        "clinics": None, "elderly_care": None, "shelters": None})
    code, _, err = inside("check", path)
    assert code == 3
    assert "all stands for every layer" in err


def test_a_cutoff_out_of_range_is_refused(tmp_path: Path) -> None:
    path = write_town(tmp_path, policy={"file": "policy.toml"})
    (tmp_path / "policy.toml").write_text("cutoffs_min = [15, 0]\n")
    code, _, err = inside("check", path)
    assert code == 3
    assert "policy.toml" in err
    assert "cutoffs_min must lie in (0, 600]" in err


def test_no_cutoffs_no_rows(tmp_path: Path) -> None:
    path = write_town(tmp_path, policy={"file": "policy.toml"}, surface=COARSE)
    (tmp_path / "policy.toml").write_text("cutoffs_min = []\n")
    found = assess(path)
    assert figures(found, "coverage_rate", "clinics", headline=False) == {}
