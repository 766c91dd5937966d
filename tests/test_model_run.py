"""The whole path on the model district of Bazhou."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from identities import check_identities
from lifecircle.assess import assess
from lifecircle.inputs.findings import Findings
from lifecircle.study import read_study
from lifecircle.traveltimes import evaluate, solve_times

BAZHOU = Path(__file__).resolve().parents[1] / "data" / "bazhou.toml"


@pytest.fixture(scope="module")
def study():
    return read_study(BAZHOU)


@pytest.fixture(scope="module")
def found(study):
    return assess(study)


def test_it_adds_up(found):
    check_identities(found)


def test_census_totals(found):
    people = found.results[(found.results["indicator"] == "people") & found.results["headline"]
                           & (found.results["township_code"] == "511902000000") & (found.results["layer"] == "clinics")]
    assert people.set_index("class")["value"].to_dict() == {"all": 651_534, "urban": 419_854, "rural": 231_680}
    assert len(found.townships) == 22
    assert len(found.places) == 296


def test_everything_says_model(found):
    assert set(found.results["quality"]) == {"model"}
    assert set(found.gaps["quality"]) == {"model"}
    assert set(found.facilities["quality"]) == {"model"}
    assert found.run["quality"] == "model"
    assert found.facilities["name"].str.startswith("示例").all()


def test_modes_of_the_policy(found):
    rates = found.results[found.results["indicator"] == "coverage_rate"]
    rows = set(zip(rates["layer"], rates["class"], rates["mode"], rates["cutoff"].fillna(0), rates["headline"],
                   strict=True))
    for expected in (("clinics", "urban", "walk", 15.0, True), ("clinics", "rural", "walk", 30.0, True),
                     ("clinics", "rural", "car", 30.0, False), ("elderly_care", "urban", "walk_elder", 15.0, True),
                     ("childcare", "rural", "car", 30.0, True), ("childcare", "all", "mixed", 0.0, True)):
        assert expected in rows


def test_believable_gaps(found):
    rates = found.headline("coverage_rate")
    rates = rates[(rates["class"] == "all") & (rates["township_code"] == "511902000000")]
    assert set(rates["layer"]) == {"clinics", "sports_corners", "elderly_care", "childcare", "shelters"}
    assert rates["value"].between(0.2, 0.95).all()
    assert (rates["high"] - rates["low"]).between(0.0, 0.05).all()


def test_circles_hold_no_place_that_is_late(study, found):
    """Points inside a circle are in time, points outside are not, but within one cell of its edge."""
    times = solve_times(study, Findings())
    rng = np.random.default_rng(2)
    west, south, east, north = study.outline.bounds
    points = rng.uniform((west, south), (east, north), (6000, 2))
    points = points[shapely.contains_xy(study.outline.buffer(-60), *points.T)]
    areas = found.service_areas[found.service_areas["kind"] == "isochrone"]
    for layer, mode, cutoff_min in (("clinics", "walk", 15.0), ("clinics", "walk", 30.0), ("childcare", "car", 30.0)):
        [shape] = areas[(areas["layer"] == layer) & (areas["mode"] == mode) & (areas["cutoff"] == cutoff_min)].geometry
        fields, column = times.fields[layer, mode]
        in_time = evaluate(fields, points)[0][:, column] <= cutoff_min
        inside = shapely.contains_xy(shape, *points.T)
        wrong = inside != in_time
        cell_m = study.runfile.surface.cell_m
        off_m = shapely.distance(shapely.points(points[wrong]), shape.boundary)
        assert (off_m <= cell_m * np.sqrt(2)).all(), (layer, mode, cutoff_min, off_m.max())


def test_ways_over_water_are_bridges_so_rivers_divide(study, found):
    """With its bridges taken out, people across the river reach fewer clinics, and nobody gains."""
    import dataclasses

    cut = dataclasses.replace(study, roads=study.elevation.drape(study.roads.take(~study.roads.bridge), Findings()))
    before = solve_times(study, Findings()).times["clinics", "car"].minutes
    after = solve_times(cut, Findings()).times["clinics", "car"].minutes
    assert (after >= before - 1 / 60).all()
    assert (after > before + 5).sum() > 0
