"""Places are shared out nearest first, fairly at the margin, and to as many as the maximum flow serves."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecircle.indicators.allocation import allocate, nearest_first
from lifecircle.network.pairs import Pairs

UNKNOWN = np.nan


def pairs_of(minutes: dict[tuple[int, int], float]) -> Pairs:
    place, facility = np.array(list(minutes), dtype=np.int64).reshape(-1, 2).T
    return Pairs.of(place, facility, np.array([round(value * 60_000) for value in minutes.values()], dtype=np.int64))


def shared(people: list[float], capacity: list[float], minutes: dict[tuple[int, int], float]) -> dict[Any, float]:
    """Give what flows where, without the pairs in which nothing does."""
    pairs = pairs_of(minutes)
    found = allocate(np.array(people), np.array(capacity), pairs)
    rows = zip(pairs.place.tolist(), pairs.facility.tolist(), found.flow.tolist(), strict=True)
    return {(place, facility): pytest.approx(amount) for place, facility, amount in rows if amount > 1e-9}


def test_a_full_facility_keeps_the_nearest():
    assert shared([40, 20], [30], {(0, 0): 10, (1, 0): 5}) == {(0, 0): 10.0, (1, 0): 20.0}


def test_people_at_the_same_time_share_the_margin_in_proportion():
    # 10 at 5 minutes are served first; 20 places are left for 40 + 20 people at 10 minutes: a third of each
    assert shared([40, 20, 10, 7], [30], {(0, 0): 10, (1, 0): 10, (2, 0): 5, (3, 0): 11}) == {
        (2, 0): 10.0, (0, 0): pytest.approx(40 / 3), (1, 0): pytest.approx(20 / 3)}


def test_who_is_turned_away_asks_the_next():
    # all of place 1 take the 10 places of facility 0, so place 0 goes to facility 1, where place 2 is nearer
    assert shared([10, 10, 10], [10, 15], {(0, 0): 5, (0, 1): 10, (1, 0): 3, (2, 1): 6}) == {
        (1, 0): 10.0, (2, 1): 10.0, (0, 1): 5.0}


def test_shares_of_the_margin_shrink_when_somebody_comes_later():
    # 12 of place 2 take all 12 places of facility 1. Then the 12 of place 1, first alone at facility 0 beside the 12 of
    # place 0, meet the 12 whom facility 1 turned away, all at 10 minutes: 18 places for 36 people
    found = shared([12, 12, 12, 12], [18, 12], {(0, 0): 10, (1, 0): 10, (2, 1): 1, (3, 1): 5, (3, 0): 10})
    assert found == {(2, 1): 12.0, (0, 0): 6.0, (1, 0): 6.0, (3, 0): 6.0}


def test_people_move_on_where_that_makes_room_for_others():
    assert shared([10, 10], [10, 10], {(0, 0): 2, (0, 1): 9, (1, 0): 5}) == {(0, 1): 10.0, (1, 0): 10.0}


def test_nobody_loses_a_place_by_a_swap():
    # 4 of place 0 could go to facility 1, not all 10: they make room for 4 of place 1, and 6 of it stay without
    assert shared([10, 10], [10, 4], {(0, 0): 2, (0, 1): 9, (1, 0): 5}) == {
        (0, 0): 6.0, (0, 1): 4.0, (1, 0): 4.0}


def test_unknown_capacity_serves_nobody_for_sure_and_everybody_perhaps():
    # place 1 would get the 5 places of facility 1 that place 2 holds, if facility 0 had room for place 2
    pairs = pairs_of({(0, 0): 5, (1, 1): 5, (2, 1): 3, (2, 0): 9})
    found = allocate(np.array([10.0, 10.0, 5.0]), np.array([UNKNOWN, 5.0]), pairs)
    np.testing.assert_allclose(found.served, [0, 0, 5], atol=1e-9)
    np.testing.assert_allclose(found.possible, [10, 5, 0], atol=1e-6)


def test_zero_capacity_is_known():
    found = allocate(np.array([10.0]), np.array([0.0]), pairs_of({(0, 0): 5}))
    assert found.served.tolist() == [0.0]
    assert found.possible.tolist() == [0.0]


def test_nothing_in_reach_serves_nobody():
    empty = np.empty(0, np.int64)
    found = allocate(np.array([3.0, 0.0]), np.array([5.0]), Pairs(empty, empty, empty))
    assert found.served.tolist() == [0.0, 0.0]


def random_case(seed: int, *, unknown: bool = False) -> tuple[Any, Any, Pairs]:
    """Draw a case in thousandths of people, so that networkx can count in whole numbers."""
    rng = np.random.default_rng(seed)
    places, facilities = rng.integers(1, 40), rng.integers(1, 15)
    people = np.where(rng.random(places) < 0.1, 0, rng.integers(0, 60_000, places)) / 1000.0
    scarcity = rng.choice([0.3, 0.8, 1.0, 1.5]) * people.sum() / facilities
    capacity = np.where(rng.random(facilities) < 0.1, 0, np.round(rng.random(facilities) * 2 * scarcity, 3))
    if unknown:
        capacity[rng.random(facilities) < 0.3] = UNKNOWN
    near = np.argwhere(rng.random((places, facilities)) < rng.choice([0.05, 0.2, 0.5]))
    # few different times, so that many people meet at the margin
    return people, capacity, Pairs.of(near[:, 0], near[:, 1], rng.integers(1, rng.choice([4, 1000]), len(near)))


def optimum(people: Any, capacity: Any, pairs: Pairs) -> float:
    """Give the most people that can be served, by networkx in whole thousandths."""
    graph = nx.DiGraph()
    graph.add_nodes_from(["source", "sink"])
    for place, amount in enumerate(people):
        graph.add_edge("source", ("place", place), capacity=round(amount * 1000))
    for facility, amount in enumerate(capacity):
        graph.add_edge(("facility", facility), "sink", capacity=round(amount * 1000))
    for place, facility in zip(pairs.place.tolist(), pairs.facility.tolist(), strict=True):
        graph.add_edge(("place", place), ("facility", facility))
    return float(nx.maximum_flow_value(graph, "source", "sink")) / 1000.0


def sums(row: Any, amount: Any, count: int) -> Any:
    total = np.zeros(count)
    np.add.at(total, row, amount)
    return total


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_as_many_are_served_as_the_maximum_flow_allows(first):
    swapped = 0
    for seed in range(first, first + 100):
        people, capacity, pairs = random_case(seed)
        found = allocate(people, capacity, pairs)
        assert found.flow.min(initial=0.0) >= 0
        assert (sums(pairs.place, found.flow, len(people)) <= people + 1e-9).all()
        assert (sums(pairs.facility, found.flow, len(capacity)) <= capacity + 1e-9).all()
        assert found.served.sum() == pytest.approx(optimum(people, capacity, pairs), rel=1e-9, abs=1e-6)
        plain = sums(pairs.place, nearest_first(people, capacity, pairs), len(people))
        assert (found.served >= plain - 1e-9).all()
        swapped += found.served.sum() > plain.sum() + 1e-6
    assert swapped > 10  # of the nearest alone these would fall short


def test_nobody_is_passed_over_for_somebody_farther():
    """Where a place was turned away, its facility serves nobody farther, and equals in the same proportion."""
    equals = 0
    for seed in range(200):
        people, capacity, pairs = random_case(seed)
        flow = nearest_first(people, capacity, pairs)
        before = np.zeros(len(flow))  # people of the place that ask this facility: those no earlier one serves
        for at in range(len(flow)):
            first = np.searchsorted(pairs.place, pairs.place[at])
            before[at] = people[pairs.place[at]] - flow[first:at].sum()
        refused = before - flow > 1e-6
        for at in np.flatnonzero(refused):
            there = pairs.facility == pairs.facility[at]
            assert flow[there & (pairs.ms > pairs.ms[at])].max(initial=0.0) < 1e-6
            level = there & (pairs.ms == pairs.ms[at]) & (before > 1e-3)
            np.testing.assert_allclose(flow[level] / before[level], flow[at] / before[at], atol=1e-5)
            equals += level.sum() > 1
    assert equals > 100


def test_unknown_capacities_bound_the_number_served():
    for seed in range(100):
        people, capacity, pairs = random_case(seed, unknown=True)
        found = allocate(people, capacity, pairs)
        low, high = np.nan_to_num(capacity, nan=0.0), np.nan_to_num(capacity, nan=people.sum() + 1)
        assert found.served.sum() == pytest.approx(optimum(people, low, pairs), abs=1e-6)
        assert found.served.sum() + found.possible.sum() == pytest.approx(optimum(people, high, pairs), abs=1e-6)
        assert not found.flow[np.isnan(capacity)[pairs.facility]].any()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(1000, 10**9), shuffle=st.integers(0, 10**6), scale=st.sampled_from([1e-3, 1.0, 1e5]))
def test_order_and_scale_of_the_rows_change_nothing(seed, shuffle, scale):
    people, capacity, pairs = random_case(seed, unknown=True)
    found = allocate(people * scale, capacity * scale, pairs)
    assert (found.served <= people * scale * (1 + 1e-12)).all()
    assert (found.served + found.possible <= people * scale * (1 + 1e-12) + 1e-8).all()
    order = np.random.default_rng(shuffle).permutation(len(pairs.place))
    again = allocate(people * scale, capacity * scale, Pairs(pairs.place[order], pairs.facility[order],
                                                             pairs.ms[order]))
    np.testing.assert_array_equal(found.flow, again.flow)
    np.testing.assert_array_equal(found.possible, again.possible)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(1000, 10**9), share=st.floats(0.0, 3.0))
def test_more_capacity_serves_no_fewer(seed, share):
    people, capacity, pairs = random_case(seed)
    less, more = allocate(people, capacity, pairs), allocate(people, capacity * (1 + share), pairs)
    assert more.served.sum() >= less.served.sum() - 1e-6
