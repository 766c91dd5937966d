"""Random towns for the siting models, and every choice there is, weighed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import networkx as nx
import numpy as np

from lifecircle.siting.problem import Problem


def town(seed: int, points: int = 40, candidates: int = 12, **rules) -> Problem:
    """Scatter people and candidates over 30 × 30 minutes; a few facilities stand already; cutoff 8 to 10 minutes."""
    rng = np.random.default_rng(seed)
    people, places = rng.uniform(0, 30, (points, 2)), rng.uniform(0, 30, (candidates, 2))
    minutes = np.round(np.linalg.norm(people[:, None] - places[None], axis=2), 3)
    minutes[minutes > 20] = np.inf
    standing = np.where(rng.random(points) < 0.15, rng.uniform(0, 12, points), np.inf)
    given = {"stands": standing, "beyond_min": 25.0, **rules}
    return Problem.of(rng.integers(0, 100, points), minutes, rng.integers(8, 11, points), **given)


def dense(problem: Problem) -> np.ndarray:
    """Give minutes with infinity where there is no pair."""
    table = np.full(problem.minutes.shape, np.inf)
    table[problem.row_of_pair, problem.minutes.indices] = problem.minutes.data
    return table


def choices(problem: Problem, sites: int | None = None, budget: float | None = None) -> Iterator[tuple[int, ...]]:
    """Give every set of candidates that keeps the rules."""
    m = len(problem.cost)
    near = {tuple(pair) for pair in problem.apart.tolist()}
    for count in range((m if sites is None else min(sites, m)) + 1):
        for chosen in combinations(range(m), count):
            if not set(problem.must) <= set(chosen) or set(problem.never) & set(chosen):
                continue
            if any(pair in near for pair in combinations(chosen, 2)):
                continue
            at = [int(problem.region[j]) for j in chosen]
            if any(not least <= at.count(region) <= most for region, (least, most) in problem.quota.items()):
                continue
            if budget is not None and price(problem, chosen) > budget + 1e-9:
                continue
            yield chosen


def price(problem: Problem, chosen: tuple[int, ...]) -> float:
    """Add up candidates and, once each, their buildings."""
    return sum(problem.cost[j] for j in chosen) + sum(problem.site_cost[s] for s in {problem.site[j] for j in chosen})


def nearest_min(problem: Problem, chosen: tuple[int, ...]) -> np.ndarray:
    """Give the minutes of everyone to the nearest of what stands and what is chosen; infinity where there is none."""
    return np.minimum(problem.stands, dense(problem)[:, list(chosen)].min(axis=1, initial=np.inf))


def people_in_time(problem: Problem, chosen: tuple[int, ...]) -> float:
    """Add up the people in time; by maximum flow where capacities are limited."""
    standing = problem.stands <= problem.cutoff
    if not np.isfinite(problem.capacity).any():
        return float(problem.weight[nearest_min(problem, chosen) <= problem.cutoff].sum())
    return float(problem.weight[standing].sum()) + flow(problem, chosen, problem.cutoff, standing)


def flow(problem: Problem, chosen: tuple[int, ...], radius_min: np.ndarray, standing: np.ndarray) -> float:
    """Serve as many people as capacities within the radius allow (need = weight)."""
    graph, minutes = nx.DiGraph(), dense(problem)
    graph.add_nodes_from(["from", "to"])
    for i in np.flatnonzero(~standing & (problem.weight > 0)):
        graph.add_edge("from", ("point", i), capacity=float(problem.need[i]))
        for j in chosen:
            if minutes[i, j] <= radius_min[i]:
                graph.add_edge(("point", i), ("candidate", j))
    for j in chosen:
        if np.isfinite(problem.capacity[j]):
            graph.add_edge(("candidate", j), "to", capacity=float(problem.capacity[j]))
        else:
            graph.add_edge(("candidate", j), "to")
    return float(nx.maximum_flow_value(graph, "from", "to"))
