"""On the model district the four models reach spopt's optimum, and the sites are what a run with them gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pulp
import pytest
from spopt.locate import LSCP, MCLP, PCenter, PMedian

from extracts import andorra
from lifecircle.live import Live
from lifecircle.proposals import propose
from lifecircle.siting import models
from lifecircle.siting.ask import site
from lifecircle.siting.candidates import in_places
from lifecircle.siting.district import Wishes, candidate_minutes, lay_out
from lifecircle.siting.problem import Problem
from lifecircle.siting.reductions import merge_alike
from lifecircle.siting.rules import wanting
from lifecircle.study import read_study

FAR_MIN = 1e5
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pulp, which spopt calls in its old way


@pytest.fixture(scope="module")
def live():
    return Live.of(read_study(Path(__file__).resolve().parents[1] / "data" / "bazhou.toml"))


@pytest.fixture(scope="module")
def question(live):
    return lay_out(live.times, ["clinics"], in_places(live.times), Wishes())


def solver():
    return pulp.HiGHS(msg=False)


def dense(pairs):
    table = np.full(pairs.shape, FAR_MIN)
    table[np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr)), pairs.indices] = pairs.data
    return table


def test_mclp_of_every_demand_point(question):
    """Points that the same candidates cover are handed to spopt as one, as it would build for hours otherwise."""
    problem = question.problem
    weight, pairs = wanting(problem, problem.cutoff, problem.standing)
    alike, merged = merge_alike(pairs, weight)
    table = np.where(dense(merged) < FAR_MIN, 1.0, FAR_MIN)
    found = MCLP.from_cost_matrix(table, alike, service_radius=1.0, p_facilities=10).solve(solver(), results=False)
    answer = models.mclp(problem, 10)
    standing = problem.weight[problem.standing].sum()
    assert answer.status == "optimal"
    assert answer.objective == pytest.approx(standing + found.problem.objective.value(), abs=1e-6)


def test_lscp_of_everybody_who_can_be_reached(question):
    problem = question.problem
    weight, pairs = wanting(problem, problem.cutoff, problem.standing)
    rows = np.flatnonzero((weight > 0) & (np.diff(pairs.indptr) > 0))
    part = Problem.of(weight[rows], pairs[rows], problem.cutoff[rows])
    alike, merged = merge_alike(pairs[rows], weight[rows])
    table = np.where(dense(merged) < FAR_MIN, 1.0, FAR_MIN)
    found = LSCP.from_cost_matrix(table, service_radius=1.0).solve(solver(), results=False)
    answer = models.lscp(part)
    assert len(alike) == len(table)
    assert answer.status == "optimal"
    assert answer.objective == found.problem.objective.value()


@pytest.fixture(scope="module")
def places(live):
    """Villages and communities as whole demand points, and every fifth of them as a candidate."""
    table = in_places(live.times)
    minutes = dense(candidate_minutes(live.times, "clinics", np.column_stack([table.geometry.x, table.geometry.y])[::5],
                                      limit_min=4500.0))[live.times.middle_points["row"].to_numpy()]
    people = live.times.demand.groupby("place_code")["population"].sum()
    reached = (minutes < FAR_MIN).all(axis=1)
    return people.loc[table["place_code"]].to_numpy(dtype=float)[reached], minutes[reached]


def test_p_median_and_p_center_of_the_places(places):
    people, minutes = places
    assert len(people) > 250
    problem = Problem.of(people, minutes, np.full(len(people), 30.0))
    median = PMedian.from_cost_matrix(minutes, people, p_facilities=6).solve(solver(), results=False)
    answer = models.p_median(problem, 6)
    assert answer.status == "optimal"
    assert answer.objective == pytest.approx(median.problem.objective.value(), rel=1e-9)
    half = slice(None, None, 3)
    centre = PCenter.from_cost_matrix(minutes[half], p_facilities=4).solve(solver(), results=False)
    answer = models.p_center(Problem.of(people[half], minutes[half], np.full(len(people[half]), 30.0)), 4)
    assert answer.status == "optimal"
    assert answer.objective == pytest.approx(centre.problem.objective.value(), abs=1e-6)


ANDORRA = Path(__file__).parent / "runfiles" / "andorra.toml"


def test_three_more_pharmacies_on_real_roads_with_slope():
    """The sites of 2013's Andorra, proven best, and no single exchange along the roads is better when solved anew."""
    held = Live.of(read_study(ANDORRA, allow=[andorra().parent]))
    found = site(held, "pharmacies", new=3, candidates="roads:400")
    assert found.record["status"] == "optimal"
    change = found.changes["pharmacies"].coverage.iloc[-1]
    assert change["people_in_time"] == found.record["people_in_time_after"] > found.record["people_in_time_before"]
    table, chosen = found.question.candidates, found.answer.chosen
    study = held.times.study
    for out, into in zip((0, 1, 2), np.random.default_rng(1).integers(0, len(table), 3), strict=True):
        other = np.append(np.delete(chosen, out), into)
        new = propose(study, "pharmacies", table.geometry.iloc[other])
        assert held.change("pharmacies", add=new).coverage.iloc[-1]["people_in_time"] <= change["people_in_time"]
