"""Completeness of the roads per township, the links people hang on, and what lies beyond the edge, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

import lifecircle
from lifecircle.inputs.findings import Findings
from lifecircle.outputs.rundir import read_run, write_run
from lifecircle.roadnetwork import EDGE_COLUMNS, RoadNetwork
from lifecircle.roadstate import judge_roads
from lifecircle.study import read_study
from lifecircle.traveltimes import solve_times
from tinytown import write_town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_town(tmp_path_factory.mktemp("town") / "town")


def judged(runfile: Path) -> tuple[pd.DataFrame, gpd.GeoDataFrame, list]:
    study = read_study(runfile)
    findings = Findings()
    quality, links = judge_roads(solve_times(study, Findings()), findings)
    return quality, links, findings.sorted()


def test_completeness_of_the_grid_town(town: Path) -> None:
    """Each segment counts in one township, sums agree with the study, and nobody is far from a street."""
    study = read_study(town)
    quality, _, found = judged(town)
    inside = shapely.contains_xy(study.outline.buffer(1.0), *((study.roads.node_xy_m[study.roads.u]
                                                               + study.roads.node_xy_m[study.roads.v]) / 2).T)
    assert quality["road_km"].sum() == pytest.approx(study.roads.length_m[inside].sum() / 1000)
    assert quality["people"].sum() == pytest.approx(1000.0)
    np.testing.assert_allclose(quality["km_per_km2"], quality["road_km"] / quality["area_km2"])
    np.testing.assert_allclose(quality["km_per_1000_people"], quality["road_km"] / quality["people"] * 1000)
    assert quality["people_far"].sum() == 0
    assert quality["places"].sum() == 4
    assert found == []


def test_a_township_without_most_of_its_roads(tmp_path: Path) -> None:
    """Half of the streets of the east are lost, and its people live 300 m and more from what is left."""
    runfile = write_town(tmp_path / "town")
    study = read_study(runfile)
    east = study.townships.sort_values("township_code").iloc[-1]
    middle = (study.roads.node_xy_m[study.roads.u] + study.roads.node_xy_m[study.roads.v]) / 2
    low = shapely.bounds(east.geometry)
    there = shapely.contains_xy(east.geometry, *middle.T) & (middle[:, 0] > low[0] + 10)
    found = Findings()
    thin = read_study(runfile, roads=study.roads.take(~there))
    quality, _ = judge_roads(solve_times(thin, Findings()), found)
    row = quality.set_index("township_code").loc[east["township_code"]]
    assert row["road_km"] < quality["road_km"].max() / 10
    people = thin.demand[thin.demand["township_code"] == east["township_code"]]
    lines = shapely.union_all(shapely.linestrings(np.stack(
        [thin.roads.node_xy_m[thin.roads.u], thin.roads.node_xy_m[thin.roads.v]], axis=1)))
    far = shapely.distance(people.geometry.to_numpy(), lines) > 300
    assert row["people_far"] == pytest.approx(people["population"].to_numpy()[far].sum())
    assert row["people_far"] > 0
    [sparse] = [item for item in found if item.code == "roads_sparse"]
    assert sparse.township_code == east["township_code"]
    assert "km of road per km²" in sparse.message
    assert "of the people live more than 300 m from any road" in sparse.message


def test_the_only_road_to_a_village(tmp_path: Path) -> None:
    """A lane of two bends leads 600 m out of the town to a village of 50: it is the link, once, with its people."""
    runfile = write_town(tmp_path / "town")
    study = read_study(runfile)
    roads = study.roads
    top = int(np.argmax(roads.node_xy_m[:, 1] - 1e-6 * roads.node_xy_m[:, 0]))
    at = roads.node_xy_m[top]
    lane = np.array([at + [20.0, 200.0], at + [0.0, 400.0], at + [20.0, 600.0]])
    count = roads.node_count
    columns = {name: np.concatenate([getattr(roads, name), getattr(roads, name)[:3]]) for name in EDGE_COLUMNS}
    columns["u"][-3:], columns["v"][-3:] = [top, count, count + 1], [count, count + 1, count + 2]
    columns["length_m"][-3:] = np.hypot(20.0, 200.0)
    columns["bridge"][-2], columns["way_id"][-3:] = True, 777
    u, v, kind = (columns.pop(name) for name in ("u", "v", "road_class"))
    longer = RoadNetwork.from_segments(roads.crs, np.concatenate([roads.node_xy_m, lane]), u, v, kind, **columns)
    village = study.demand.copy()
    village.loc[0, "geometry"] = shapely.Point(at + [25.0, 600.0])
    village.loc[0, "population"] = 50.0
    findings = Findings()
    _, links = judge_roads(solve_times(replace(study, roads=longer, demand=village), Findings()), findings)
    walk = links[links["mode"] == "walk"]
    assert walk[["rank", "people", "bridge", "way_ids"]].to_numpy().tolist() == [[1, 50.0, True, "777"]]
    assert walk["length_m"].iloc[0] == pytest.approx(3 * np.hypot(20.0, 200.0))
    assert walk.geometry.iloc[0].length == pytest.approx(3 * np.hypot(20.0, 200.0))
    note = next(item for item in findings if item.code == "critical_links")
    assert (note.severity, note.count, note.value) == ("note", 1, "50")


def test_people_near_the_edge_of_the_roads(tmp_path: Path) -> None:
    """Who is out of time and could walk at 4 km/h to the edge of the data within the own cutoff is counted.

    Without neighbours what lies beyond does not count, and nothing is said.
    """
    runfile = write_town(tmp_path / "town", district={"buffer_m": 0, "neighbours": True})
    found = {item.layer: item for item in judged(runfile)[2] if item.code == "edge_in_reach"}
    study = read_study(runfile)
    times = solve_times(study, Findings())
    low, high = study.roads.node_xy_m.min(axis=0), study.roads.node_xy_m.max(axis=0)
    ground = shapely.box(*low, *high).intersection(study.outline)
    edge_m = shapely.distance(times.demand.geometry.to_numpy(), ground.boundary)
    maybe = np.zeros(len(edge_m), dtype=bool)
    for name, cutoff_min, reach_m in (("urban", 15, 1000.0), ("rural", 30, 2000.0)):
        late = times.times["clinics", study.policy.layer("clinics").rule(name).mode].minutes > cutoff_min
        maybe |= late & (times.demand["class"] == name).to_numpy() & (edge_m < reach_m)
    assert maybe.any()
    assert found["clinics"].count == maybe.sum()
    assert found["clinics"].message.startswith(f"{times.demand['population'].to_numpy()[maybe].sum():,.0f} people at ")
    alone = write_town(tmp_path / "alone", district={"buffer_m": 0, "neighbours": False})
    assert not [item for item in judged(alone)[2] if item.code == "edge_in_reach"]


def test_the_tables_are_written_and_read_back(town: Path, tmp_path: Path) -> None:
    assessment = lifecircle.assess(town)
    out = write_run(assessment, tmp_path / "out")
    assert (out / "critical_links.csv").is_file()
    back = read_run(out)
    pd.testing.assert_frame_equal(back.road_quality, assessment.road_quality, check_dtype=False, atol=1e-8)
    assert len(back.critical_links) == len(assessment.critical_links)
