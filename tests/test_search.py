"""The search against brute force: any graph, any ties, both directions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecircle.errors import GraphError
from lifecircle.network import search
from lifecircle.network.graph import Graph, hilbert_order
from lifecircle.network.search import NOBODY, UNREACHED_MS


def floyd(count, tail, head, ms):
    """All shortest times by brute force."""
    times = np.full((count, count), np.inf)
    np.fill_diagonal(times, 0)
    for a, b, t in zip(tail, head, ms, strict=True):
        times[a, b] = min(times[a, b], t)
    for k in range(count):
        times = np.minimum(times, times[:, k, None] + times[None, k, :])
    return times


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 12))
    arcs = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1),
                                   st.sampled_from([0, 1, 5, 5, 1000, 7_200_000])), max_size=40))
    facilities = draw(st.lists(st.integers(0, count - 1), max_size=4))
    start = draw(st.lists(st.integers(0, 20), min_size=len(facilities), max_size=len(facilities)))
    return count, arcs, facilities, start


@settings(max_examples=300, deadline=None)
@given(graphs(), st.sampled_from(["to", "from"]), st.booleans())
def test_equal_to_brute_force(case, direction, placed):
    count, arcs, facilities, start = case
    tail, head, ms = (np.array([arc[i] for arc in arcs], dtype=np.int64) for i in range(3))
    xy = np.random.default_rng(0).random((count, 2)) if placed else None
    graph = Graph.from_arcs(tail, head, ms, node_count=count, xy_m=xy)
    got, which = search.nearest(graph, np.array(facilities, dtype=np.int64), direction=direction,
                                start_ms=np.array(start, dtype=np.int64))
    times = floyd(count, tail, head, ms)
    for node in range(count):
        options = [((times[node, f] if direction == "to" else times[f, node]) + s, i)
                   for i, (f, s) in enumerate(zip(facilities, start, strict=True))]
        best = min(options, default=(np.inf, NOBODY))
        if np.isinf(best[0]):
            assert (got[node], which[node]) == (UNREACHED_MS, NOBODY)
        else:
            assert (got[node], which[node]) == best


@settings(max_examples=100, deadline=None)
@given(graphs(), st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(0, 100)))
def test_one_more_arc_never_raises_a_time(case, arc):
    count, arcs, facilities, _ = case
    more = (arc[0] % count, arc[1] % count, arc[2])
    before, after = (search.nearest(Graph.from_arcs(*(np.array([a[i] for a in some], dtype=np.int64) for i in range(3)),
                                                    node_count=count), np.array(facilities, dtype=np.int64))[0]
                     for some in (arcs, [*arcs, more]))
    assert (after <= before).all()


def test_two_nodes_one_street():
    graph = Graph.from_arcs([0], [1], [700])
    assert search.nearest(graph, [1])[0].tolist() == [700, 0]
    assert search.nearest(graph, [1], direction="from")[0].tolist() == [UNREACHED_MS, 0]


def test_ties_go_to_the_lower_facility():
    graph = Graph.from_arcs([1, 1], [0, 2], [5, 5])
    assert search.nearest(graph, [2, 0])[1].tolist() == [1, 0, 0]


@pytest.mark.parametrize("ms", [[-1], [np.nan], [np.inf], [2.0**31]])
def test_bad_times_are_refused(ms):
    with pytest.raises(GraphError, match="negative, not a finite number"):
        Graph.from_arcs([0], [1], ms)


def test_bad_nodes_are_refused():
    with pytest.raises(GraphError, match="outside the nodes 0 … 1"):
        search.nearest(Graph.from_arcs([0], [1], [1]), [2])
    with pytest.raises(GraphError, match="outside 0 … 0"):
        Graph.from_arcs([0], [1], [1], node_count=1)


def test_no_facility_reaches_nothing():
    ms, which = search.nearest(Graph.from_arcs([0], [1], [1]), np.empty(0, np.int64))
    assert ms.tolist() == [UNREACHED_MS] * 2
    assert which.tolist() == [NOBODY] * 2


def test_hilbert_order_keeps_neighbours_together():
    side = 64
    xy = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2).astype(float)
    order = hilbert_order(xy)
    assert sorted(order.tolist()) == list(range(side * side))
    # On a full grid of a power of two the curve moves one cell at a time; scaling to 2**16 keeps that but for rounding.
    assert np.median(np.abs(np.diff(xy[order], axis=0)).sum(axis=1)) == 1
