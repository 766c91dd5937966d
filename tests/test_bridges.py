"""Links whose loss cuts people off, against networkx that takes out one segment after another."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecircle.network.bridges import _are_bridges, bridge_links


def loss(edges: list[tuple[int, int]], people: np.ndarray, at: int) -> float:
    """Take one segment out of the largest part: give the people on the side that has fewer, 0 if none is cut off."""
    graph = nx.MultiGraph()
    graph.add_nodes_from(range(len(people)))
    graph.add_edges_from((*edge, number) for number, edge in enumerate(edges))
    part = nx.node_connected_component(graph, edges[at][0])
    graph.remove_edge(*edges[at], key=at)
    side = nx.node_connected_component(graph, edges[at][0])
    return min(people[list(side)].sum(), people[list(part - side)].sum()) if len(side) < len(part) else 0.0


def test_a_road_into_a_valley() -> None:
    """A ring 0-1-2 with a road 2-3-4-5 into a valley; 5 forks to 6 and 7. People: 100 in the ring, 4, 8, 16, 32, 64."""
    u, v = np.array([[0, 1], [1, 2], [2, 0], [2, 3], [3, 4], [4, 5], [5, 6], [5, 7]]).T
    people = np.array([100.0, 100.0, 100.0, 4.0, 8.0, 16.0, 32.0, 64.0])
    links = bridge_links(u, v, people)
    assert [(link.segments.tolist(), link.people) for link in links] == [
        ([3, 4, 5], 124.0), ([7], 64.0), ([6], 32.0)]
    assert np.flatnonzero(links[0].behind).tolist() == [3, 4, 5, 6, 7]
    assert np.flatnonzero(links[1].behind).tolist() == [7]
    assert [link.people for link in bridge_links(u, v, people, most=1)] == [124.0]
    turned = bridge_links(v[::-1], u[::-1], people)
    assert [link.people for link in turned] == [124.0, 64.0, 32.0]


def test_what_is_no_bridge() -> None:
    """Twin roads, loops, rings, islands, and links with nobody behind."""
    assert bridge_links(np.array([0, 0]), np.array([1, 1]), np.ones(2)) == []
    assert bridge_links(np.array([0, 1, 2]), np.array([1, 2, 0]), np.ones(3)) == []
    assert bridge_links(np.empty(0, np.int64), np.empty(0, np.int64), np.ones(3)) == []
    assert bridge_links(np.array([0, 1]), np.array([1, 2]), np.array([5.0, 0.0, 0.0])) == []
    [link] = bridge_links(np.array([0, 1, 5]), np.array([1, 1, 6]), np.ones(7))
    assert (link.segments.tolist(), link.people) == ([0], 1.0)


@settings(max_examples=150, deadline=None)
@given(st.integers(2, 14), st.data())
def test_against_taking_segments_out(count: int, data: st.DataObject) -> None:
    nodes = st.integers(0, count - 1)
    edges = data.draw(st.lists(st.tuples(nodes, nodes), min_size=1, max_size=20))
    people = np.array(data.draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)), dtype=float)
    u, v = np.array(edges).T
    graph = nx.MultiGraph(edges)
    links = bridge_links(u, v, people)
    inside = [max(loss(edges, people, int(at)) for at in link.segments) for link in links]
    sizes = [len(graph.subgraph(part).edges) for part in nx.connected_components(graph)]
    for link, most in zip(links, inside, strict=True):
        assert people[link.behind].sum() == link.people
        assert link.people >= most
    if sizes.count(max(sizes)) == 1:
        largest = next(part for part in nx.connected_components(graph) if len(graph.subgraph(part).edges) == max(sizes))
        single = {at for at, edge in enumerate(edges) if edge[0] in largest and loss(edges, people, at) > 0}
        listed = {int(at) for link in links for at in link.segments}
        assert single <= listed
        assert all(loss(edges, np.ones(count), at) > 0 for at in listed)
        dense = [link for link in links if len(link.segments) == 1]
        assert [link.people for link in dense] == pytest.approx([loss(edges, people, int(link.segments[0]))
                                                                 for link in dense])


def test_the_walk_finds_the_bridges_that_networkx_finds() -> None:
    """A wood of 3,000 nodes in parts, with short cuts, twin roads and loops; twin roads and loops are no bridges."""
    rng = np.random.default_rng(7)
    tree = np.array([(node, node - rng.integers(1, min(node, 40) + 1)) for node in range(1, 3000) if node % 500])
    near = rng.integers(0, 2900, 400)
    ends = np.concatenate([tree, np.column_stack([near, near + rng.integers(0, 100, 400)]), tree[::97]])
    ends = rng.permutation(ends)
    graph = nx.MultiGraph(ends.tolist())
    expected = {frozenset(edge) for edge in nx.bridges(nx.Graph(graph)) if graph.number_of_edges(*edge) == 1}
    assert 500 < len(expected) < len(tree) - 500
    assert _are_bridges(ends).tolist() == [frozenset(edge) in expected for edge in ends.tolist()]
