"""Planted contradictions are named, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from lifecircle.errors import InputError
from lifecircle.siting.models import lscp, mclp, p_center, p_median, why_infeasible
from lifecircle.siting.problem import Problem

INF = np.inf
#: Four hamlets, a candidate in each; the first two candidates reach each other's hamlet too.
MINUTES = [[0, 5, INF, INF], [5, 0, INF, INF], [INF, INF, 0, INF], [INF, INF, INF, 0]]


def hamlets(**rules) -> Problem:
    return Problem.of([100, 50, 30, 20], MINUTES, 10, **rules)


def kinds(reasons) -> list[str]:
    return [reason.kind for reason in reasons]


def test_what_is_possible_has_no_reason():
    for model in ("lscp", "mclp", "p-median", "p-center"):
        assert why_infeasible(hamlets(), model, 2) == () if model != "lscp" else why_infeasible(hamlets(), model) == ()


def test_people_out_of_all_reach():
    answer = lscp(hamlets(never=[2]))
    assert (answer.status, kinds(answer.reasons)) == ("infeasible", ["unreachable"])
    assert answer.reasons[0].rows.tolist() == [2]
    assert "30 people at demand points 2" in answer.reasons[0].text
    assert lscp(hamlets(never=[2]), share=0.85).status == "optimal"  # 170 of 200 are in reach
    above = lscp(hamlets(never=[2]), share=0.9)
    assert kinds(above.reasons) == ["unreachable"]


def test_what_stands_reaches_them():
    answer = lscp(hamlets(never=[2], stands=[INF, INF, 10, INF]))
    assert (answer.status, answer.objective) == ("optimal", 2)


@pytest.mark.parametrize("solve", [mclp, p_median, p_center])
def test_quota_beyond_the_candidates(solve):
    answer = solve(hamlets(region=[0, 0, 1, 1], quota={0: (1, 2), 1: (2, 2)}, never=[3]), 4)
    assert (answer.status, kinds(answer.reasons), answer.reasons[0].regions) == ("infeasible", ["quota"], (1,))
    assert np.isnan(answer.objective)
    assert np.isnan(answer.gap)


@pytest.mark.parametrize("solve", [mclp, p_median, p_center])
def test_quotas_beyond_the_sites(solve):
    answer = solve(hamlets(region=[0, 0, 1, 2], quota={0: (2, 2), 1: (1, 1), 2: (0, 1)}), 2)
    assert kinds(answer.reasons) == ["sites", "quota", "quota"]
    assert answer.reasons[0].regions == (0, 1)  # nothing is asked of region 2
    assert "is 2, but the other rules ask for at least 3" in answer.reasons[0].text


def test_budget_below_must():
    answer = mclp(hamlets(must=[0, 2], cost=[5, 1, 3, 1]), 4, budget=7)
    assert kinds(answer.reasons) == ["budget", "must"]
    assert "is 7, but the other rules ask for at least 8" in answer.reasons[0].text


def test_budget_below_the_cheapest_cover():
    answer = lscp(hamlets(cost=[5, 4, 3, 1], site_cost=[2, 2, 2, 2]), budget=13)
    assert kinds(answer.reasons) == ["budget"]
    assert "at least 14" in answer.reasons[0].text  # candidates 1, 2, 3 and three buildings
    assert lscp(hamlets(cost=[5, 4, 3, 1], site_cost=[2, 2, 2, 2]), budget=14).objective == 14


def test_must_too_near_to_each_other():
    answer = mclp(hamlets(must=[0, 1], apart=[(0, 1), (2, 3)]), 4)
    assert kinds(answer.reasons) == ["apart", "must"]


def test_too_near_to_cover_everyone():
    answer = lscp(hamlets(apart=[(2, 3)]))
    assert kinds(answer.reasons) == ["apart"]
    assert "2–3" in answer.reasons[0].text


def test_quota_of_candidates_too_near():
    answer = p_median(hamlets(region=[0, 0, 1, 1], quota={1: (2, 2)}, apart=[(2, 3)]), 3)
    assert kinds(answer.reasons) == ["apart", "quota"]
    assert answer.reasons[1].regions == (1,)


def test_capacity_too_small():
    answer = lscp(hamlets(capacity=[60, 60, 30, 20]))
    assert kinds(answer.reasons) == ["capacity"]
    assert "serve 170 of 200 people at most" in answer.reasons[0].text
    assert set(answer.reasons[0].rows.tolist()) <= {0, 1}
    assert len(answer.reasons[0].rows)
    assert lscp(hamlets(capacity=[60, 60, 30, 20]), share=0.85).status == "optimal"


def test_must_against_quota():
    answer = mclp(hamlets(region=[0, 0, 1, 1], quota={0: (0, 1)}, must=[0, 1]), 4)
    assert kinds(answer.reasons) == ["quota", "must"]


def test_more_must_than_sites():
    answer = p_center(hamlets(must=[0, 1, 2]), 2)
    assert kinds(answer.reasons) == ["sites", "must"]


def test_two_causes_are_both_named():
    answer = lscp(hamlets(never=[2], must=[0, 1], apart=[(0, 1)]))
    assert kinds(answer.reasons) == ["unreachable", "apart", "must"]


def test_unknown_model():
    with pytest.raises(InputError, match=r"^model: "):
        why_infeasible(hamlets(), "mclpp")
