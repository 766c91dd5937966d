"""What each indicator declares of itself, held over every row of small studies that have everything in them."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from lifecircle import describe
from lifecircle.indicators import INDICATORS, priority
from lifecircle.indicators.registry import INVARIANTS
from lifecircle.inputs.findings import Findings
from lifecircle.policy import Policy
from lifecircle.study import Study, read_study
from lifecircle.tables import RESULTS_KEY
from lifecircle.traveltimes import TravelTimes, solve_times
from lifecircle.uncertainty import interval_rows
from plantown import write_plan_town, write_table
from tinytown import DISTRICT, EAST_TOWN, TOWNSHIPS, WEST_TOWN, lonlat, toml_text, write_town

#: The module; the package's name `assess` is the function.
assessing = importlib.import_module("lifecircle.assess")
FIGURES = ["value", "low", "high"]
TOLERANCE = 1e-9
#: Names made for each of the policy's shares; they are of no family.
PASSING = "townships_at_"
#: Made of the scorecard, after the results: it has tests of its own.
AFTERWARDS = {"score"}


@dataclass(frozen=True)
class Found:
    """Results of one study, and of the same with other people.

    Attributes
    ----------
    tripled : DataFrame
        Everybody three times.
    moved : DataFrame
        Other numbers of people at the same points.
    emptied : DataFrame
        Nobody in the town in the east.
    """

    policy: Policy
    results: pd.DataFrame
    tripled: pd.DataFrame
    moved: pd.DataFrame
    emptied: pd.DataFrame


def study(folder: Path, *, class_rule: str = "1xx", people: str | None = None, **layers: object) -> Study:
    """Read the tiny town with codes, a clinic off every road, and policies laid over its own."""
    (folder / "policy.toml").parent.mkdir()
    (folder / "policy.toml").write_text(
        f'class_rule = "{class_rule}"\n' + toml_text({"modes": {"walk": {"snap_limit_m": 50}}}), encoding="utf-8")
    path = write_town(folder, policy={"file": "policy.toml", **layers}, surface={"cell_m": 500},
                      uncertainty={"draws": 5})
    places = json.loads((folder / "places.geojson").read_text(encoding="utf-8"))
    for feature, code in zip(places["features"], ("111", "121", "220", "220"), strict=True):
        feature["properties"]["urban_rural_code"] = code
    (folder / "places.geojson").write_text(json.dumps(places), encoding="utf-8")
    lon, lat = lonlat(2750.0, 1250.0)
    with (folder / "clinics.csv").open("a", encoding="utf-8") as register:
        register.write(f"C2,丙诊所,village_clinic,{lon},{lat}\n")
    return read_study(path)


def land_study(folder: Path) -> Study:
    """Read the tiny town with its people spread over residential land: a strip of each township, in cells of 100 m."""
    boxes = [[lonlat(x, y) for x, y in ((west, 900), (west + 700, 900), (west + 700, 1100), (west, 1100), (west, 900))]
             for west in (400, 2900)]
    people = {"file": "land.geojson", "weights": "residential", "totals": "totals.csv"}
    path = write_town(folder, people=people, surface={"cell_m": 500})
    shapes = [{"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [box]}}
              for box in boxes]
    (folder / "land.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": shapes}))
    rows = [f"{code},{count}" for (code, _), count in zip(TOWNSHIPS, (700, 300), strict=True)]
    (folder / "totals.csv").write_text("\n".join(["township_code,population", *rows]) + "\n")
    return read_study(path)


def planned_study(folder: Path) -> Study:
    """Read the tiny town with the plan, what offices report, circles of care, merged villages and a priority group."""
    folder.mkdir()
    write_table(folder / "circles.csv", ["circle_id", "name", "place_codes"], [("c1", "甲", "990101001001")])
    write_table(folder / "counts.csv", ["place_code", "残疾人"], [("990101001001", 34), ("990101002201", 55)])
    homes = [{"layer": layer, "file": file, "quality": "register"} for layer, file in (
        ("clinics", "clinics.csv"), ("elderly_care", "care.csv"), ("veteran_sites", "clinics.csv"))]
    path = write_plan_town(folder, facilities=homes, circles={"file": "circles.csv"}, priority={"file": "counts.csv"},
                           policy={"shelters": None}, surface={"cell_m": 500}, reported=[
                               ("community_workers", WEST_TOWN, 5, 2025, "office"),
                               ("satisfaction", WEST_TOWN, 4, 2025, "survey")])
    places = json.loads((folder / "places.geojson").read_text(encoding="utf-8"))
    for feature in places["features"]:
        feature["properties"]["merged_from"] = "老村;旧村"
    (folder / "places.geojson").write_text(json.dumps(places), encoding="utf-8")
    return read_study(path)


def with_plan(times: TravelTimes, table: pd.DataFrame, headline: Any, shares: Any) -> pd.DataFrame:
    """Add what the plan and the priority groups bring to the results."""
    study = times.study
    demand, layers = describe.demand_table(times, headline, shares), describe.run_record(study)["layers"]
    counted = priority.priority_table(study.priority, study.places, study.townships, demand, (DISTRICT, "小镇"),
                                      "model")
    parts = [assessing._with_plan(times, table)[1], priority.priority_rows(counted, demand, layers)]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def results_of(times: TravelTimes, change: Callable[[pd.Series, pd.DataFrame], pd.Series] = lambda people, _: people,
               ) -> pd.DataFrame:
    """Give the results of a study with other people; minutes do not depend on them."""

    def changed(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        counted = [name for name in table.columns if name.startswith("population")]
        return table.assign(**{name: change(table[name], table) for name in counted})

    then = replace(times, study=replace(times.study, demand=changed(times.study.demand)), demand=changed(times.demand))
    table, _, headline, shares = assessing._tables(then)
    if then.study.runfile.plan.file:
        table = with_plan(then, table, headline, shares)
    if not times.study.runfile.uncertainty.draws:
        return table
    drawn = interval_rows(then, headline, (DISTRICT, "小镇"), lambda _: "model")
    return pd.concat([table, *drawn], ignore_index=True)


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> list[Found]:
    folder = tmp_path_factory.mktemp("studies")
    car, feet = {"cutoff_min": 10, "mode": "car"}, {"cutoff_min": 15, "mode": "walk"}
    every = [{"unit": unit} for unit in ("place", "township", "district")]
    made = [
        study(folder / "plain"),
        study(folder / "mixed", class_rule="streets", clinics={
            "urban": {**feet, "beside": ["bicycle"]}, "rural": {**car, "beside": ["walk"]}, "presence": every}),
        study(folder / "partial", class_rule="111_112", clinics={"rural": False}, elderly_care={"urban": False}),
        study(folder / "supplied", shelters={
            "m2_per_head": 2.0, "supply": {"capacity": "effective_area_m2", "need_per_person": 2.0},
            "kinds": [{"level": "short", "distance_m": 1000, "m2_per_person": 2.0}]}),
        land_study(folder / "land"),
        planned_study(folder / "planned"),
    ]
    solved = [(one.policy, solve_times(one, Findings())) for one in made]
    return [Found(policy, results_of(times), results_of(times, lambda people, _: people * 3),
                  results_of(times, lambda people, _: people * (1 + np.arange(len(people)) % 4)),
                  results_of(times, lambda people, table: people.where(table["township_code"] != EAST_TOWN, 0.0)))
            for policy, times in solved]


def key(table: pd.DataFrame, *without: str) -> list[str]:
    return [name for name in RESULTS_KEY if name not in without]


def close(one: pd.Series, other: pd.Series) -> pd.Series:
    """Tell where two columns are equal or both blank."""
    scale = 1 + one.abs().fillna(0.0)
    return (one.isna() & other.isna()) | ((one - other).abs() <= TOLERANCE * scale)


def paired(found: pd.DataFrame, other: pd.DataFrame) -> Iterator[tuple[pd.Series, pd.Series]]:
    both = found.merge(other, on=list(RESULTS_KEY), suffixes=("", "_other"), validate="one_to_one")
    assert len(both) == len(found) == len(other)
    for figure in FIGURES:
        yield both[figure], both[f"{figure}_other"]


def extensive(found: Found, rows: pd.DataFrame) -> int:
    """Sum townships, and classes, and compare with the district and with all; give how many sums were compared."""
    whole, parts = (rows[(rows["township_code"] == DISTRICT) == is_whole] for is_whole in (True, False))
    compared = _sums_agree(whole, parts, key(rows, "township_code", "township"))
    of_class, total = (rows[(rows["class"] == "all") == is_total] for is_total in (False, True))
    keys = ["township_code", "layer", "level", "group", "scenario", "metric"]
    wanted = {unit: list(zip(part["mode"], part["cutoff"], strict=True)) for unit, part in total.groupby(keys)}
    renamed = [{**row, "class": "all", "mode": mode, "cutoff": cutoff} for row in of_class.to_dict("records")
               for mode, cutoff in wanted[tuple(row[name] for name in keys)]
               if _is_part(found.policy, row, mode, cutoff)]
    return compared + (_sums_agree(total, pd.DataFrame(renamed), key(rows)) if renamed else 0)


def _is_part(policy: Policy, row: dict[str, Any], mode: str, cutoff: float) -> bool:
    """Tell whether a class's row is part of the row of all classes that has this mode and cutoff.

    All classes together are judged each by its own rule where the row is ``mixed``, and where its cutoff is blank.
    """
    rule = policy.layer(row["layer"]).rule(row["class"]) if row["layer"] != "all" else None
    own = (row["mode"], row["cutoff"])
    modes = {mode} if mode != "mixed" or rule is None else {rule.mode}
    if cutoff == cutoff:
        return own[0] in modes and own[1] == cutoff
    return own[0] in modes and (own[1] != own[1] or (rule is not None and own[1] == rule.cutoff_min))


def _sums_agree(whole: pd.DataFrame, parts: pd.DataFrame, keys: list[str]) -> int:
    if whole.empty or parts.empty:
        return 0
    sums = parts.groupby(keys, dropna=False)[FIGURES].sum(min_count=1).reset_index()
    both = whole.merge(sums, on=keys, suffixes=("", "_sum"), validate="many_to_one")
    for figure in FIGURES:
        assert (both[figure] - both[f"{figure}_sum"]).abs().max() <= 1e-6, both["indicator"].iloc[0]
    return len(both)


def lies_between(low: float, high: float) -> Callable[[Found, pd.DataFrame], int]:
    def check(_: Found, rows: pd.DataFrame) -> int:
        for figure in FIGURES:
            told = rows[figure].dropna()
            assert told.between(low - TOLERANCE, high + TOLERANCE).all()
        return int(rows["value"].notna().sum())

    return check


def ordered(_: Found, rows: pd.DataFrame) -> int:
    assert not (rows["low"] > rows["value"] + TOLERANCE).any()
    assert not (rows["value"] > rows["high"] + TOLERANCE).any()
    return int(rows[FIGURES].notna().all(axis=1).sum())


def monotone_cutoff(_: Found, rows: pd.DataFrame) -> int:
    rows = rows[rows["cutoff"].notna()].sort_values("cutoff")
    steps = rows.groupby(key(rows, "cutoff"))[["value", "low"]].diff()
    assert not (steps < -TOLERANCE).any(axis=None)
    return int(steps["value"].notna().sum())


def multiplied_by(factor: float) -> Callable[[Found, pd.DataFrame], int]:
    def check(found: Found, rows: pd.DataFrame) -> int:
        for was, then in paired(rows, of(rows, found.tripled)):
            assert close(was * factor, then).all()
        return int(rows["value"].notna().sum())

    return check


def not_people(found: Found, rows: pd.DataFrame) -> int:
    for was, then in paired(rows, of(rows, found.moved)):
        assert close(was, then).all()
    return int(rows["value"].notna().sum())


def blank_or_zero(*, blank: bool) -> Callable[[Found, pd.DataFrame], int]:
    def check(found: Found, rows: pd.DataFrame) -> int:
        emptied = found.emptied[found.emptied["township_code"] == EAST_TOWN]
        counted = emptied[emptied["indicator"] == "people"].set_index("layer")["value"]
        there = of(rows, emptied)
        assert (there["value"].isna() if blank else there["value"].fillna(0.0) == 0.0).all()
        for layer in there["layer"].unique():
            assert (counted.get(layer, pd.Series([0.0])) == 0.0).all()
        return len(there)

    return check


def of(rows: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    return table[table["indicator"] == rows["indicator"].iloc[0]]


CHECKS: dict[str, Callable[[Found, pd.DataFrame], int]] = {
    "extensive": extensive, "bounded": lies_between(0.0, 1.0), "signed_bounded": lies_between(-1.0, 1.0),
    "nonnegative": lies_between(0.0, np.inf), "ordered": ordered, "monotone_cutoff": monotone_cutoff,
    "scale_free": multiplied_by(1.0), "homogeneous": multiplied_by(3.0), "not_people": not_people,
    "null_without_people": blank_or_zero(blank=True), "zero_without_people": blank_or_zero(blank=False),
}


@pytest.mark.parametrize(("name", "invariant"),
                         [(name, one) for name, item in INDICATORS.items() for one in item.holds])
def test_it_holds_what_it_declares(studies: list[Found], name: str, invariant: str) -> None:
    held = 0
    for found in studies:
        rows = found.results[found.results["indicator"] == name]
        if len(rows):
            held += CHECKS[invariant](found, rows)
    assert held > 0, "no study holds it to anything"


@pytest.mark.parametrize("name", [name for name, item in INDICATORS.items() if item.parts])
def test_a_rate_is_the_quotient_of_its_parts(studies: list[Found], name: str) -> None:
    """Value and low (high counts more in); a base that stands once for all modes and cutoffs is that of all."""
    part, base = INDICATORS[name].parts or ("", "")
    compared = 0
    for found in studies:
        rates, parts, bases = (found.results[found.results["indicator"] == one] for one in (name, part, base))
        rates = rates[rates["verdict"] != "no_data"]
        unit = ["township_code", "class", "layer", "level", "group", "scenario"]
        unit += ["metric"] if set(rates["metric"]) <= set(bases["metric"]) else []
        wholes = bases.groupby(unit)["value"].agg(["min", "max"])
        assert close(wholes["min"], wholes["max"]).all()
        both = rates.merge(parts, on=key(rates, "indicator"), suffixes=("", "_part"), validate="one_to_one")
        both = both.join(wholes["max"], on=unit)
        assert len(both) == len(rates)
        assert both["max"].notna().all()
        for figure in ("value", "low"):
            assert close(both[figure], both[f"{figure}_part"] / both["max"].where(both["max"] > 0)).all()
        compared += len(both)
    assert compared > 0


def test_every_indicator_declares_something_and_every_invariant_is_held() -> None:
    assert {name for name, item in INDICATORS.items() if not item.holds} == AFTERWARDS
    assert set(CHECKS) == set(INVARIANTS)
    assert {one for item in INDICATORS.values() for one in item.holds} == set(INVARIANTS)


def test_every_row_is_of_a_registered_indicator(studies: list[Found]) -> None:
    shown = {name for found in studies for name in found.results["indicator"]}
    assert {name for name in shown if not name.startswith(PASSING)} == set(INDICATORS) - AFTERWARDS


@pytest.mark.parametrize("invariant", CHECKS)
def test_an_invariant_that_is_broken_is_noticed(studies: list[Found], invariant: str) -> None:
    """The check fails on rows that were tampered with."""
    found = studies[0]
    name = next(name for name, item in INDICATORS.items() if invariant in item.holds
                and CHECKS[invariant](found, found.results[found.results["indicator"] == name]) > 0)
    rows = found.results[found.results["indicator"] == name].copy()
    rows["value"] -= 7.0 * (rows["cutoff"].fillna(0.0) + 1.0)
    emptied = found.emptied.assign(value=found.emptied["value"].fillna(0.0) + 1.0)
    with pytest.raises(AssertionError):
        CHECKS[invariant](replace(found, emptied=emptied), rows)


def test_an_unknown_invariant_is_refused() -> None:
    from lifecircle.indicators.registry import indicator

    with pytest.raises(ValueError, match="nonsense"):
        indicator("none", family="none", label_zh="", label_en="", unit="", basis="", holds=("nonsense",))


def test_keys_are_unique(studies: list[Found]) -> None:
    assert all(not found.results.duplicated(list(RESULTS_KEY)).any() for found in studies)
