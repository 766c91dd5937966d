"""The models against spopt, against every choice there is, and against a recount of their own answers."""

from __future__ import annotations

import numpy as np
import pulp
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_array
from spopt.locate import LSCP, MCLP, PCenter, PMedian

from lifecircle.errors import InputError
from lifecircle.siting.models import alternatives, lscp, mclp, p_center, p_median
from lifecircle.siting.problem import Answer, Effort, Problem
from sitingcases import choices, dense, flow, nearest_min, people_in_time, price, town

TOWNS = range(50)
CLOSE = 1e-6


def plain_town(seed: int) -> tuple[Problem, np.ndarray, int]:
    """Give a town as spopt knows it: one cutoff, full matrix, nothing stands; every point has a candidate in time."""
    rng = np.random.default_rng(1000 + seed)
    points, candidates = int(rng.integers(30, 61)), int(rng.integers(10, 16))
    people, places = rng.uniform(0, 30, (points, 2)), rng.uniform(0, 30, (candidates, 2))
    minutes = np.linalg.norm(people[:, None] - places[None], axis=2)
    cutoff = max(8.0, float(minutes.min(axis=1).max()))
    return Problem.of(rng.integers(1, 100, points), minutes, cutoff), minutes, int(rng.integers(1, 6))


def solve(model):
    return model.solve(pulp.HiGHS(msg=False)).problem.objective.value()


@pytest.mark.filterwarnings("ignore:.*PuLP 4:DeprecationWarning")  # of how spopt calls PuLP 3
@pytest.mark.parametrize("seed", TOWNS)
def test_all_four_models_equal_spopt(seed):
    problem, minutes, sites = plain_town(seed)
    cutoff = float(problem.cutoff[0])
    theirs = {
        "lscp": solve(LSCP.from_cost_matrix(minutes, cutoff)),
        "mclp": abs(solve(MCLP.from_cost_matrix(minutes, problem.weight, cutoff, p_facilities=sites))),
        "p-median": solve(PMedian.from_cost_matrix(minutes, problem.weight, p_facilities=sites)),
        "p-center": solve(PCenter.from_cost_matrix(minutes, p_facilities=sites))}
    ours = [lscp(problem), mclp(problem, sites), p_median(problem, sites), p_center(problem, sites)]
    assert [answer.model for answer in ours] == list(theirs)
    for answer in ours:
        assert answer.status == "optimal"
        assert answer.gap == 0
        assert answer.objective == pytest.approx(theirs[answer.model], rel=CLOSE)
        assert answer.bound == pytest.approx(answer.objective, rel=CLOSE)


def rules(seed: int) -> dict:
    """Mix rules that leave a choice: budget, buildings, regions with quota, pairs apart, must and never."""
    rng = np.random.default_rng(seed)
    m = 10
    return {"cost": rng.integers(1, 5, m), "site": rng.integers(0, 6, m), "site_cost": rng.integers(0, 4, 6),
            "region": rng.integers(-1, 3, m), "quota": {0: (0, 1), 1: (0, 2)},
            "apart": [(1, 2), (3, 4), (2, 5)], "must": [int(rng.integers(0, 3))], "never": [9]}


@pytest.mark.parametrize("seed", range(25))
def test_rules_equal_brute_force(seed):
    problem, sites, budget = town(seed, 30, 10, **rules(seed)), 4, 14.0
    kept = list(choices(problem, sites, budget))
    assert kept
    base = np.minimum(problem.stands, problem.beyond_min)
    asked = problem.weight > 0
    most = max(people_in_time(problem, chosen) for chosen in kept)
    least = min(problem.weight @ np.minimum(nearest_min(problem, chosen), base) for chosen in kept)
    worst = min(np.minimum(nearest_min(problem, chosen), base)[asked].max() for chosen in kept)
    for answer, expected in ((mclp(problem, sites, budget=budget), most),
                             (p_median(problem, sites, budget=budget), least),
                             (p_center(problem, sites, budget=budget), worst)):
        assert answer.status == "optimal"
        assert answer.objective == pytest.approx(expected, rel=CLOSE)
        assert tuple(answer.chosen) in kept
        recount(problem, answer)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("share", [1.0, 0.8])
def test_least_cost_equals_brute_force(seed, share):
    problem, budget = town(seed, 30, 10, **rules(seed)), 25.0
    total = problem.weight.sum()
    costs = [price(problem, chosen) for chosen in choices(problem, budget=budget)
             if people_in_time(problem, chosen) >= share * total - 1e-9]
    answer = lscp(problem, share=share, budget=budget)
    assert answer.status == ("optimal" if costs else "infeasible")
    if costs:
        assert answer.objective == pytest.approx(min(costs), rel=CLOSE)
        assert problem.weight @ answer.served >= share * total - 1e-6
    else:
        assert answer.reasons


def recount(problem: Problem, answer: Answer) -> None:
    """Hold who serves and who is in time to the minutes."""
    minutes, time = dense(problem), nearest_min(problem, tuple(answer.chosen))
    assert answer.served == pytest.approx((time <= problem.cutoff).astype(float))
    served = np.flatnonzero(answer.serves >= 0)
    assert np.isin(answer.serves[served], answer.chosen).all()
    assert minutes[served, answer.serves[served]] == pytest.approx(time[served])


@pytest.mark.parametrize("seed", range(20))
def test_capacities_equal_brute_force(seed):
    rng = np.random.default_rng(seed)
    problem = town(seed, 16, 7, capacity=np.where(rng.random(7) < 0.3, np.inf, rng.integers(50, 300, 7)))
    kept = list(choices(problem, 3))
    answer = mclp(problem, 3)
    assert answer.status == "optimal"
    assert answer.objective == pytest.approx(max(people_in_time(problem, chosen) for chosen in kept), rel=CLOSE)
    assert people_in_time(problem, tuple(answer.chosen)) == pytest.approx(answer.objective, rel=CLOSE)
    answer = p_median(problem, 3)
    assert answer.status == "optimal"
    assert answer.objective == pytest.approx(min(person_minutes(problem, chosen) for chosen in kept), rel=CLOSE)
    answer = p_center(problem, 3)
    assert answer.status == "optimal"
    assert answer.objective == pytest.approx(min(worst_min(problem, chosen) for chosen in kept), rel=CLOSE)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("share", [1.0, 0.7])
def test_least_cost_with_capacities_equals_brute_force(seed, share):
    rng = np.random.default_rng(seed)
    problem = town(seed, 14, 7, capacity=rng.integers(50, 400, 7))
    total = problem.weight.sum()
    sizes = [len(chosen) for chosen in choices(problem) if people_in_time(problem, chosen) >= share * total - 1e-9]
    answer = lscp(problem, share=share)
    assert answer.status == ("optimal" if sizes else "infeasible")
    assert answer.objective == pytest.approx(min(sizes), rel=CLOSE) if sizes else answer.reasons


def person_minutes(problem: Problem, chosen: tuple[int, ...]) -> float:
    """Send people to candidates within their capacities or leave them where they are: a transport problem."""
    minutes = np.column_stack([dense(problem)[:, list(chosen)], np.minimum(problem.stands, problem.beyond_min)])
    n, k = minutes.shape
    room = np.append(problem.capacity[list(chosen)], np.inf)
    tight = np.flatnonzero(np.isfinite(room))
    use = np.zeros((len(tight), n, k))
    for row, j in enumerate(tight):
        use[row, :, j] = problem.need
    once = np.kron(np.eye(n), np.ones(k))
    cost = problem.weight[:, None] * np.where(np.isfinite(minutes), minutes, 1e6)
    found = linprog(cost.ravel(), A_ub=use.reshape(len(tight), -1) if len(tight) else None,
                    b_ub=room[tight] if len(tight) else None, A_eq=once, b_eq=np.ones(n))
    return float(found.fun)


def worst_min(problem: Problem, chosen: tuple[int, ...]) -> float:
    """Find the least radius within which capacities serve everyone who is farther from what stands."""
    base = np.minimum(problem.stands, problem.beyond_min)
    asked = problem.weight > 0
    for radius in np.unique(np.concatenate([dense(problem)[:, list(chosen)].ravel(), base[asked]])):
        want = ~(base <= radius) & asked
        served = flow(problem, chosen, np.full(len(base), radius), ~want)
        if served >= problem.weight[want].sum() - 1e-9:
            return float(radius)
    raise AssertionError("the base itself is a radius")


@pytest.mark.parametrize("seed", range(12))
def test_alternatives_are_complete(seed):
    problem, sites, within = town(seed, 30, 9), 3, 0.05
    worth = {frozenset(chosen): people_in_time(problem, chosen) for chosen in choices(problem, sites)}
    floor = max(worth.values()) * (1 - within) - 1e-9
    expected = {chosen for chosen, people in worth.items() if people >= floor and not any(
        other < chosen and worth[other] >= people - 1e-9 for other in worth)}
    found = alternatives(problem, sites, within, most=500)
    assert {frozenset(answer.chosen.tolist()) for answer in found} == expected
    assert len(found) == len(expected)
    assert all(answer.status == "optimal" for answer in found)
    people = [answer.objective for answer in found]
    assert people == sorted(people, reverse=True)
    assert people == pytest.approx([worth[frozenset(answer.chosen.tolist())] for answer in found])


def test_alternatives_keep_capacities_and_stop_at_most():
    problem = town(3, 14, 7, capacity=120.0)
    worth = {frozenset(chosen): people_in_time(problem, chosen) for chosen in choices(problem, 3)}
    best = sorted(worth.values(), reverse=True)
    found = alternatives(problem, 3, 0.2, most=4)
    assert [answer.objective for answer in found] == pytest.approx(best[:4])


def test_unlike_excludes_what_was_chosen():
    problem = town(1)
    first = mclp(problem, 3)
    second = mclp(problem, 3, unlike=[first])
    assert set(second.chosen) != set(first.chosen)
    assert second.objective <= first.objective


def test_a_town_by_hand():
    """Two hamlets of 100 and 60 people, 10 people between; existing care serves the 60."""
    problem = Problem.of([100, 60, 10], [[5, np.inf], [np.inf, 0], [14, 10]], [15, 15, 10], stands=[40, 15, np.inf])
    one = mclp(problem, 1)
    assert (one.objective, one.chosen.tolist(), one.serves.tolist(), one.served.tolist()) == (
        160, [0], [0, -1, -1], [1, 1, 0])
    assert lscp(problem).chosen.tolist() == [0, 1]
    assert lscp(problem, share=160 / 170).chosen.tolist() == [0]
    median = p_median(problem, 1)
    assert (median.objective, median.chosen.tolist()) == (100 * 5 + 60 * 15 + 10 * 14, [0])
    center = p_center(problem, 1)
    assert (center.objective, center.serves.tolist(), center.served.tolist()) == (15, [0, -1, 0], [1, 1, 0])


def test_one_building_is_paid_once():
    problem = Problem.of([5, 5, 8], [[1, np.inf, np.inf], [np.inf, 1, np.inf], [np.inf, np.inf, 1]], 2,
                         site=[0, 0, 1], site_cost=[3, 3])
    answer = mclp(problem, None, budget=5)
    assert (answer.chosen.tolist(), answer.objective) == ([0, 1], 10)
    assert lscp(problem).objective == 3 + 6


def test_zero_minutes_is_a_pair():
    stored = csr_array((np.array([0.0]), (np.array([0]), np.array([0]))), shape=(1, 1))
    assert mclp(Problem.of([7], stored, 0), 1).objective == 7
    assert mclp(Problem.of([7], csr_array((1, 1)), 0), 1).objective == 0


def test_nothing_useless_is_built():
    problem = Problem.of([5, 5], [[1, 2, 9], [9, 9, 1]], 3)
    assert len(mclp(problem, 3).chosen) == 2


def test_nobody_and_nothing():
    empty = Problem.of([], np.empty((0, 2)), [])
    for answer in (lscp(empty), mclp(empty, 1), p_median(empty, 1), p_center(empty, 1)):
        assert (answer.status, answer.objective, answer.chosen.tolist()) == ("optimal", 0, [])
    nowhere = Problem.of([3], np.empty((1, 0)), 5, beyond_min=20)
    assert [mclp(nowhere, 2).objective, p_median(nowhere, 2).objective, p_center(nowhere, 2).objective] == [0, 60, 20]
    assert lscp(nowhere).status == "infeasible"


def test_no_time_gives_no_answer_or_an_unproven_one():
    limited = town(5, capacity=100.0)
    answer = mclp(limited, 3, effort=Effort(seconds=0.0))
    assert answer.status == "unknown"
    assert answer.chosen.size == 0
    assert answer.bound <= limited.weight.sum()
    quick = p_median(town(6, 200, 60), 6, effort=Effort(seconds=0.0))
    assert quick.status == "feasible"
    assert quick.gap > 0
    assert quick.objective >= p_median(town(6, 200, 60), 6).objective >= quick.bound


def test_the_solver_keeps_quiet(capfd):
    mclp(town(2), 3)
    p_median(town(2, capacity=90.0), 3)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("name", "change"), [
    ("cutoff", {"cutoff": [5, np.nan]}), ("weight", {"weight": [1, -1]}), ("weight", {"weight": [1, np.inf]}),
    ("minutes", {"minutes": [[1.0, -2], [3, 4]]}), ("minutes", {"minutes": [1.0, 2]}), ("cost", {"cost": [1, 2, 3]}),
    ("site", {"site": [0.5, 1]}), ("site_cost", {"site": [0, 3], "site_cost": [1, 1]}), ("must", {"must": [2]}),
    ("must", {"must": [1], "never": [1]}), ("apart", {"apart": [(1, 1)]}), ("apart", {"apart": [1, 0, 1]}),
    ("quota", {"quota": {0: (2, 1)}}), ("beyond_min", {"beyond_min": 3.0}), ("stands", {"stands": [np.nan, 1]}),
    ("capacity", {"capacity": [-1, 3]}), ("region", {"region": [-2, 0]}), ("need", {"need": [np.inf, 0]}),
    ("minutes", {"minutes": "twice"})])
def test_wrong_arguments_are_named(name, change):
    given = {"weight": [1, 1], "minutes": np.array([[1.0, 2], [3, 4]]), "cutoff": 5, **change}
    if isinstance(given["minutes"], str):
        given["minutes"] = csr_array((np.ones(2), np.zeros(2, int), np.array([0, 2, 2])), shape=(2, 2))
    with pytest.raises(InputError, match=f"^{name}: "):
        Problem.of(**given)


@pytest.mark.parametrize(("call", "name"), [
    (lambda p: lscp(p, share=1.2), "share"), (lambda p: mclp(p, -1), "sites"),
    (lambda p: p_median(p, 2, budget=-1.0), "budget"), (lambda p: p_center(p, 1.5), "sites")])
def test_wrong_limits_are_named(call, name):
    with pytest.raises(InputError, match=f"^{name}: "):
        call(town(0))
