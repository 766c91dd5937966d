"""The engine against brute force and against itself: any directed graph, every kind of search."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from lifecircle.errors import GraphError
from lifecircle.network import search
from lifecircle.network.graph import Graph
from lifecircle.network.search import NOBODY, UNREACHED_MS

DIRECTIONS = st.sampled_from(["to", "from"])
FERRY_MS = 7_200_000


@st.composite
def cases(draw):
    """Arcs, and starts with times and labels.

    Few nodes are taken out of the graph altogether; with many arcs (20 nodes, each joined to all) all stay in the core;
    the streets have nodes of both kinds.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["few", "dense", "streets"]))
    times = draw(st.sampled_from([[0, 1, 5, 5, 1000, FERRY_MS], [0], [1], [3, 4, 5], [60_000, FERRY_MS * 200]]))
    count = {"few": draw(st.integers(1, 12)), "dense": 20, "streets": 49}[kind]
    if kind == "few":
        tail, head = rng.integers(0, count, (2, draw(st.integers(0, 40))))
    elif kind == "dense":
        tail, head = np.nonzero(rng.random((count, count)) < 0.97)
    else:
        index = np.arange(49).reshape(7, 7)
        tail = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
        head = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
        keep = rng.random(len(tail)) < 0.8
        tail, head = np.concatenate([tail[keep], head]), np.concatenate([head[keep], tail])
    starts = draw(st.integers(0, 5))
    return (count, tail, head, rng.choice(times, len(tail)), rng.integers(0, count, starts),
            rng.choice([0, 0, 3, 20], starts), rng.integers(0, 4, starts), rng.random((count, 2)))


def built(case):
    count, tail, head, ms, *_, xy = case
    return Graph.from_arcs(tail, head, ms, node_count=count, xy_m=xy)


def brute(case, direction):
    """Time from each start (row) to each node by Floyd's triple loop, with the start's own time."""
    count, tail, head, ms, nodes, start_ms, *_ = case
    times = np.full((count, count), np.inf)
    np.fill_diagonal(times, 0)
    np.minimum.at(times, (tail, head), ms)
    for k in range(count):
        times = np.minimum(times, times[:, k, None] + times[None, k, :])
    found = (times.T if direction == "to" else times)[nodes] + start_ms[:, None]
    return np.where(found < UNREACHED_MS, found, np.inf)


def best_of(found, labels, k=1):
    """The k least (time, label) of each node, every label once."""
    ms, label = (np.full((found.shape[1], k), nothing) for nothing in (UNREACHED_MS, NOBODY))
    for node in range(found.shape[1]):
        least = {}
        for time, name in zip(found[:, node], labels, strict=True):
            if np.isfinite(time):
                least[name] = min(time, least.get(name, np.inf))
        for j, (time, name) in enumerate(sorted((time, name) for name, time in least.items())[:k]):
            ms[node, j], label[node, j] = time, name
    return ms, label


def check(got, expected):
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@settings(max_examples=200, deadline=None)
@given(cases(), DIRECTIONS, st.integers(1, 4))
def test_nearest_and_k_nearest_equal_brute_force(case, direction, k):
    graph, (*_, nodes, start_ms, labels, _) = built(case), case
    found = brute(case, direction)
    given_starts = {"direction": direction, "start_ms": start_ms, "labels": labels}
    check(search.k_nearest(graph, nodes, k, **given_starts), best_of(found, labels, k))
    check([a[:, None] for a in search.nearest(graph, nodes, **given_starts)], best_of(found, labels))


@settings(max_examples=100, deadline=None)
@given(cases(), DIRECTIONS, st.sampled_from([-1, 0, 1, 5, 999, 1000, 1001, 10**7, 1e12]))
def test_within_equals_brute_force_and_nests(case, direction, cutoff_ms):
    graph, (count, *_, nodes, start_ms, _, _) = built(case), case
    found = brute(case, direction)
    inner = None
    for cutoff in (cutoff_ms - 1, cutoff_ms, cutoff_ms + 1):
        start, node, ms = search.within(graph, nodes, cutoff, direction=direction, start_ms=start_ms, threads=2)
        table = np.full((len(nodes), count), np.inf)
        table[np.repeat(np.arange(len(nodes)), np.diff(start)), node] = ms
        assert np.isfinite(table).sum() == len(node)  # every node once
        np.testing.assert_array_equal(table, np.where(found <= cutoff, found, np.inf))
        assert inner is None or (np.isfinite(table) | ~inner).all()
        inner = np.isfinite(table)


@settings(max_examples=150, deadline=None)
@given(cases(), DIRECTIONS)
def test_improve_equals_solving_again(case, direction):
    graph, (*_, nodes, start_ms, labels, _) = built(case), case
    last = len(nodes) // 2
    solved = [search.nearest(graph, nodes[:n], direction=direction, start_ms=start_ms[:n], labels=labels[:n])
              for n in (last, len(nodes))]
    # The doors from `last` on become one facility after the other.
    (ms, label), (again_ms, again_label) = solved
    before = ms.copy(), label.copy()
    changed = [search.improve(graph, ms, label, nodes[i], labels[i], direction=direction, start_ms=start_ms[i:i + 1])
               for i in range(last, len(nodes))]
    check((ms, label), (again_ms, again_label))
    assert (ms <= before[0]).all()
    differ = np.flatnonzero((ms != before[0]) | (label != before[1]))
    assert set(differ) <= set(np.concatenate([[], *changed]).astype(int))
    assert all(len(np.unique(some)) == len(some) for some in changed)


@settings(max_examples=100, deadline=None)
@given(cases(), DIRECTIONS)
def test_a_path_takes_the_time_it_should(case, direction):
    count, tail, head, arc_ms, nodes, start_ms, labels, _ = case
    graph = built(case)
    ms, label = search.nearest(graph, nodes, direction=direction, start_ms=start_ms, labels=labels)
    fastest = {}
    for a, b, t in zip(tail.tolist(), head.tolist(), arc_ms.tolist(), strict=True):
        fastest[a, b] = min(t, fastest.get((a, b), np.inf))
    for node in range(count):
        way = search.path(graph, ms, label, node, nodes, direction=direction, start_ms=start_ms, labels=labels).tolist()
        if ms[node] == UNREACHED_MS:
            assert way == []
            continue
        assert len(set(way)) == len(way)
        here, there = (way[0], way[-1]) if direction == "to" else (way[-1], way[0])
        travel = sum(fastest[pair] for pair in pairwise(way))
        begun = start_ms[(nodes == there) & (labels == label[node])]
        assert here == node
        assert travel + begun.min() == ms[node]


@settings(max_examples=100, deadline=None)
@given(cases(), DIRECTIONS, st.integers(0, 2**32 - 1))
def test_order_of_arcs_numbers_and_starts_means_nothing(case, direction, seed):
    count, tail, head, ms, nodes, start_ms, labels, xy = case
    rng = np.random.default_rng(seed)
    arcs, starts, name = rng.permutation(len(tail)), rng.permutation(len(nodes)), rng.permutation(count)
    one = search.nearest(built(case), nodes, direction=direction, start_ms=start_ms, labels=labels)
    other = Graph.from_arcs(name[tail[arcs]], name[head[arcs]], ms[arcs], node_count=count)
    turned = Graph.from_arcs(head, tail, ms, node_count=count, xy_m=xy)
    back = "from" if direction == "to" else "to"
    check(one, [a[name] for a in search.nearest(other, name[nodes[starts]], direction=direction,
                                                start_ms=start_ms[starts], labels=labels[starts])])
    check(one, search.nearest(turned, nodes, direction=back, start_ms=start_ms, labels=labels))


@settings(max_examples=50, deadline=None)
@given(cases(), DIRECTIONS)
def test_layers_and_threads_give_the_same_bits(case, direction):
    graph, nodes = built(case), case[4]
    layers = [nodes, nodes[:1], nodes[1:], nodes[:0], nodes[::-1]]
    one, two = (search.nearest_of_layers(graph, layers, direction=direction, threads=t) for t in (1, 2))
    check(one, two)
    for layer, ms, label in zip(layers, *one, strict=True):
        check((ms, label), search.nearest(graph, layer, direction=direction))
    for a, b in zip(search.within(graph, nodes, 1000, direction=direction, threads=1),
                    search.within(graph, nodes, 1000, direction=direction, threads=2), strict=True):
        assert a.tobytes() == b.tobytes()


@settings(max_examples=50, deadline=None)
@given(cases(), DIRECTIONS, st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(0, 100)))
def test_one_more_arc_or_facility_never_raises_a_time(case, direction, arc):
    count, tail, head, ms, nodes, start_ms, labels, xy = case
    before = search.nearest(built(case), nodes, direction=direction)[0]
    a, b, t = arc[0] % count, arc[1] % count, arc[2]
    more = (count, np.append(tail, a), np.append(head, b), np.append(ms, t), nodes, start_ms, labels, xy)
    assert (search.nearest(built(more), nodes, direction=direction)[0] <= before).all()
    assert (search.nearest(built(case), np.append(nodes, a), direction=direction)[0] <= before).all()


@pytest.fixture(scope="module")
def town():
    """A street grid with gaps, one-way streets and two ferries, large enough to have a core."""
    rng, side = np.random.default_rng(5), 24
    index = np.arange(side * side).reshape(side, side)
    tail = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    head = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    ms = rng.integers(5_000, 30_000, len(tail))
    keep, both = rng.random(len(tail)) < 0.8, rng.random(len(tail)) < 0.9
    tail, head, ms = (np.concatenate([a[keep], b[keep & both], extra]) for a, b, extra in (
        (tail, head, [0, side * side - 1]), (head, tail, [300, 7]), (ms, ms + 1000, [FERRY_MS, 200 * FERRY_MS])))
    xy = np.stack(np.divmod(np.arange(side * side), side), -1) * 100.0
    return tail, head, ms, side * side, xy


@pytest.mark.parametrize("direction", ["to", "from"])
def test_equal_to_scipy_on_a_town(town, direction):
    tail, head, ms, count, xy = town
    graph = Graph.from_arcs(tail, head, ms, node_count=count, xy_m=xy)
    assert 0 < len(graph.core_in_start) - 1 < count / 3
    nodes = np.array([5, 300, 301, 77, 500])
    least = {}
    for a, b, t in zip(tail, head, ms, strict=True):
        least[a, b] = min(t, least.get((a, b), np.inf))
    (row, column), value = np.array(list(least)).T, list(least.values())
    matrix = csr_matrix((value, (row, column)), shape=(count, count), dtype=np.float64)
    found = dijkstra(matrix.T if direction == "to" else matrix, indices=nodes)
    found = np.where(found < UNREACHED_MS, found, np.inf)
    check(search.k_nearest(graph, nodes, 3, direction=direction), best_of(found, np.arange(5), 3))
    check([a[:, None] for a in search.nearest(graph, nodes, direction=direction)], best_of(found, np.arange(5)))


def test_a_saved_graph_gives_the_same_answers(town, tmp_path):
    tail, head, ms, count, xy = town
    graph = Graph.from_arcs(tail, head, ms, node_count=count, xy_m=xy)
    graph.save(tmp_path / "graph")
    for mmap in (True, False):
        again = Graph.load(tmp_path / "graph", mmap=mmap)
        check(search.nearest(again, [3, 99]), search.nearest(graph, [3, 99]))
    (tmp_path / "graph" / "in_arcs.npy").write_bytes(b"no array")
    with pytest.raises(GraphError, match="no saved graph can be read"):
        Graph.load(tmp_path / "graph")
    np.save(tmp_path / "graph" / "in_arcs.npy", graph.in_arcs[1:])
    with pytest.raises(GraphError, match="do not belong to one graph"):
        Graph.load(tmp_path / "graph")


def test_a_circle_of_zero_arcs_ends():
    graph = Graph.from_arcs([0, 1, 2, 3], [1, 2, 0, 0], [0, 0, 0, 0])
    ms, label = search.nearest(graph, [1])
    assert ms.tolist() == [0, 0, 0, 0]
    assert label.tolist() == [0, 0, 0, 0]
    assert search.path(graph, ms, label, 3, [1], direction="to").tolist() == [3, 0, 1]
    assert search.path(graph, ms, label, 1, [1], direction="to").tolist() == [1]


def test_a_graph_of_one_node_or_none():
    one = Graph.from_arcs([], [], [], node_count=1)
    assert [a.tolist() for a in search.nearest(one, [0])] == [[0], [0]]
    assert [a.tolist() for a in search.within(one, [0], 0, direction="to")] == [[0, 1], [0], [0]]
    assert search.k_nearest(one, [], 2, direction="to")[1].tolist() == [[NOBODY, NOBODY]]
    none = Graph.from_arcs([], [], [])
    assert [len(a) for a in search.nearest(none, [])] == [0, 0]
    assert search.within(none, [], 5, direction="from")[0].tolist() == [0]


@pytest.mark.parametrize(("call", "message"), [
    (lambda g: search.nearest(g, [0.5]), "a start is no whole number"),
    (lambda g: search.nearest(g, [-1]), "outside the nodes 0 … 1"),
    (lambda g: search.nearest(g, [0], start_ms=[np.nan]), "time is no whole number"),
    (lambda g: search.nearest(g, [0], start_ms=[-1]), "negative or too large"),
    (lambda g: search.nearest(g, [0], labels=[2**31]), "negative or too large"),
    (lambda g: search.nearest(g, [0, 1], labels=[0]), "differ in number: 2, 2, 1"),
    (lambda g: search.nearest(g, [0], direction="towards"), "direction is"),
    (lambda g: search.k_nearest(g, [0], 0, direction="to"), "ask for 1 or more"),
    (lambda g: search.within(g, [0], np.nan, direction="to"), "no number"),
    (lambda g: search.improve(g, np.zeros(1), np.zeros(1), 0, 0, direction="to"), "2 nodes, but 1 times"),
    (lambda g: search.path(g, np.array([5, 0]), np.array([0, 0]), 0, [1], direction="to"), "do not belong"),
    (lambda g: Graph.from_arcs([0], [1.5], [1]), "no whole number"),
    (lambda g: Graph.from_arcs([0], [1], [1, 2]), "differ in length"),
    (lambda g: Graph.from_arcs([0], [1], [1], xy_m=[[0.0, 0.0]]), "want xy_m of shape"),
    (lambda g: Graph.from_arcs([], [], [], node_count=-1), "cannot have -1 nodes"),
])
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(GraphError, match=message):
        call(Graph.from_arcs([0], [1], [7]))


def test_places_that_are_no_numbers_do_no_harm():
    graph = Graph.from_arcs([0, 1], [1, 2], [3, 4], xy_m=np.array([[np.nan, 0.0], [1.0, np.inf], [2.0, 2.0]]))
    assert search.nearest(graph, [2])[0].tolist() == [7, 4, 0]
