"""Nobody late inside a circle or an isochrone and nobody in time outside it, by more than a cell of the surface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from extracts import SHARED, andorra
from leaks import leaks, pockets, scatter
from lifecircle import circles
from lifecircle.inputs.findings import Findings
from lifecircle.network.access import Access, Doors
from lifecircle.network.perfacility import facility_areas
from lifecircle.network.raster import Raster
from lifecircle.network.sealed import open_part
from lifecircle.network.surface import cut, sealed_from, surface_minutes
from lifecircle.study import read_study
from lifecircle.traveltimes import evaluate, solve_times, walking_slope

ROOT = Path(__file__).resolve().parents[1]
POINTS = 10_000


class Run:
    """A district with its surfaces, its areas, and the minutes of 10,000 points in every layer and mode."""

    def __init__(self, runfile: Path) -> None:
        self.study = read_study(runfile, allow=(SHARED,))
        self.times = solve_times(self.study, Findings())
        surfaces = circles.solve_surfaces(self.times)
        self.raster, self.areas = surfaces.raster, circles.service_areas(self.times, surfaces)
        self.xy_m = scatter(self.study, POINTS, seed=1)
        found = {id(fields): self.minutes(fields, self.xy_m) for fields, _ in self.times.fields.values()}
        self.found = {key: found[id(fields)][:, column] for key, (fields, column) in self.times.fields.items()}

    @staticmethod
    def minutes(fields, xy_m):
        return evaluate(fields, xy_m, want_snap=False)[0]

    def in_time(self, layer, mode, cutoff_min):
        fields, column = self.times.fields[layer, mode]
        return lambda xy_m: self.minutes(fields, xy_m)[:, column] <= cutoff_min


@pytest.fixture(scope="module", params=["andorra", "bazhou"])
def run(request):
    if request.param == "andorra":
        andorra()
    runfiles = {"andorra": ROOT / "tests/runfiles/andorra.toml", "bazhou": ROOT / "data/bazhou.toml"}
    return Run(runfiles[request.param])


def test_isochrones(run):
    isochrones = run.areas[run.areas["kind"] == "isochrone"]
    assert {"walk", "car"} <= set(isochrones["mode"])
    for row in isochrones.itertuples():
        in_time = run.found[row.layer, row.mode] <= row.cutoff
        assert 0 < in_time.sum() < POINTS
        lost = leaks(row.geometry, run.xy_m, in_time, run.raster.cell_m, run.in_time(row.layer, row.mode, row.cutoff))
        assert run.xy_m[lost].tolist() == [], (row.layer, row.mode, row.cutoff)
        # By the distance from the edge alone: pockets narrower than a cell, few in 100,000 (docs/method.md).
        assert len(pockets(row.geometry, run.xy_m, in_time, run.raster.cell_m)) <= 1


def test_circles(run):
    regions = circles.class_regions(run.study, run.raster)
    urban = shapely.intersects_xy(regions["urban"], *run.xy_m.T)
    border_m = shapely.distance(shapely.boundary(regions["urban"]), shapely.points(run.xy_m))
    for row in run.areas[run.areas["kind"] == "circle"].itertuples():
        policy = run.study.policy.layer(row.layer)
        for name, here in (("urban", urban), ("rural", ~urban)):
            rule, mine = policy.rule(name), here & (border_m > run.raster.cell_m)
            in_time = run.found[row.layer, rule.mode][mine] <= rule.cutoff_min
            lost = leaks(row.geometry, run.xy_m[mine], in_time, run.raster.cell_m,
                         run.in_time(row.layer, rule.mode, rule.cutoff_min))
            assert run.xy_m[mine][lost].tolist() == [], (row.layer, name)


def test_areas_are_valid_nested_and_of_the_right_size(run):
    assert run.areas.geometry.is_valid.all()
    anywhere = slice(0, POINTS // 2)
    for (layer, mode), pair in run.areas[run.areas["kind"] == "isochrone"].groupby(["layer", "mode"]):
        small, large = pair.sort_values("cutoff").geometry
        assert small.difference(large).area < 1e-3
        assert small.area < large.area
        [cutoff_min] = pair["cutoff"][pair.geometry.area == large.area]
        # The share of the points in time is that of the area, but for what a cell is too coarse to show.
        inside = shapely.intersects_xy(large, *run.xy_m[anywhere].T).sum()
        in_time = (run.found[layer, mode][anywhere] <= cutoff_min).sum()
        assert abs(inside - in_time) <= 0.01 * in_time + 12


@pytest.mark.parametrize("mode", ["walk", "car"])
@pytest.mark.parametrize("direction", ["to", "from"])
def test_single_facilities(run, mode, direction):
    [layer] = {"hospitals", "childcare"} & set(run.study.layers)
    fields, _ = run.times.fields[layer, "car"]
    access = Access(run.study.roads, run.times.modes, fields[0].barriers)
    doors, slope = run.times.doors[layer], walking_slope(run.study, layer, run.times.modes, mode)
    some = np.isin(doors.label, np.unique(doors.label)[::20])
    doors = Doors(doors.xy_m[some], doors.label[some])
    areas = facility_areas(access, mode, doors, [10.0, 20.0], direction=direction, slope=slope)
    assert areas.geometry.is_valid.all()
    for label, pair in areas.groupby("facility"):
        mine = doors.label == label
        field = access.solve(mode, [Doors(doors.xy_m[mine], np.zeros(mine.sum(), int))], direction=direction,
                             slope=slope)
        west, south, east, north = pair.total_bounds
        near = run.xy_m[((run.xy_m > (west - 300, south - 300)) & (run.xy_m < (east + 300, north + 300))).all(axis=1)]
        minutes = field.reach(near, want_snap=False).minutes[:, 0]
        for row in pair.itertuples():
            lost = leaks(row.geometry, near, minutes <= row.cutoff, 50.0,
                         lambda xy_m, field=field, cutoff_min=row.cutoff:
                         field.reach(xy_m, want_snap=False).minutes[:, 0] <= cutoff_min)
            assert near[lost].tolist() == [], (label, row.cutoff)
        assert pair.geometry.iloc[0].difference(pair.geometry.iloc[1]).area < 1e-3


def test_finer_cells_give_the_same_areas():
    andorra()
    study = read_study(ROOT / "tests/runfiles/andorra.toml", allow=(SHARED,))
    fields, column = solve_times(study, Findings()).fields["hospitals", "car"]
    cut_out = {}
    for cell_m in (50.0, 25.0):
        raster = Raster.over(study.outline, cell_m)
        cells = np.flatnonzero(raster.burn([study.outline], all_touched=True))
        sealed = sealed_from(fields, raster, cells)
        minutes = surface_minutes(fields, raster, cells, sealed)[column]
        cut_out[cell_m] = cut(minutes, 30.0, raster, open_part(study.outline, sealed))
    coarse, fine = cut_out[50.0], cut_out[25.0]
    # A quarter of a coarse cell all along the edge, on the average.
    assert fine.symmetric_difference(coarse).area <= 12.5 * (coarse.length + fine.length) / 2
    assert fine.area == pytest.approx(coarse.area, rel=0.04)
