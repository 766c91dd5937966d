"""Floating catchment areas: PySAL's figures on shared matrices, and cases worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from access import fca

from lifecircle.indicators.floating import floating_catchment, gaussian_weights, selection_weights, zone_weights
from lifecircle.network.pairs import Pairs

CUTOFF_MS = 900_000  # 15 minutes
WEIGHTS = (1.0, 0.68, 0.22)


def random_case(seed: int) -> tuple[Any, Any, Pairs]:
    """Draw places, facilities and times up to 20 minutes, so that some lie beyond the cutoff."""
    rng = np.random.default_rng(seed)
    people, capacity = rng.integers(0, 500, 60).astype(float), rng.integers(0, 90, 12).astype(float)
    near = np.argwhere(rng.random((60, 12)) < 0.3)
    return people, capacity, Pairs.of(near[:, 0], near[:, 1], rng.integers(0, 1_200_000, len(near)))


def within(pairs: Pairs) -> Pairs:
    return pairs.take(np.flatnonzero(pairs.ms <= CUTOFF_MS))


def weigh(form: str, pairs: Pairs, places: int) -> Any:
    """Give the weights of a form as the indicators do."""
    cutoff_ms = np.full(len(pairs.ms), CUTOFF_MS)
    steps = zone_weights(pairs.ms, cutoff_ms, WEIGHTS)
    return {"2sfca": np.ones(len(pairs.ms)), "e2sfca": steps, "gaussian": gaussian_weights(pairs.ms, cutoff_ms),
            "3sfca": selection_weights(pairs, steps, places)}[form]


def peer(form: str, people: Any, capacity: Any, pairs: Pairs) -> Any:
    """Give the figures of PySAL; places that reach nothing have none there."""
    demand = pd.DataFrame({"demand": people}, index=pd.RangeIndex(len(people), name="geoid"))
    supply = pd.DataFrame({"supply": capacity}, index=pd.RangeIndex(len(capacity), name="geoid"))
    cost = pd.DataFrame({"origin": pairs.place, "dest": pairs.facility, "cost": pairs.ms})
    steps = {0: lambda ms: WEIGHTS[0], 1: lambda ms: WEIGHTS[1], 2: lambda ms: WEIGHTS[2]}

    def step(ms: float) -> float:
        return next((WEIGHTS[zone] for zone in steps if ms <= CUTOFF_MS * (zone + 1) / 3), 0.0)

    def bell(ms: float) -> float:
        return (math.exp(-((ms / CUTOFF_MS) ** 2) / 2) - math.exp(-0.5)) / (1 - math.exp(-0.5))

    weight = {"2sfca": None, "e2sfca": step, "gaussian": bell, "3sfca": step}[form]
    solve = fca.three_stage_fca if form == "3sfca" else fca.two_stage_fca
    found = solve(demand, supply, cost, CUTOFF_MS, demand_index="geoid", demand_name="demand", supply_name="supply",
                  weight_fn=weight)
    return found.reindex(range(len(people))).fillna(0.0).to_numpy()


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # PySAL's own call of pandas
@pytest.mark.parametrize("form", ["2sfca", "e2sfca", "gaussian", "3sfca"])
def test_equal_to_pysal_on_shared_matrices(form):
    for seed in range(10):
        people, capacity, pairs = random_case(seed)
        near = within(pairs)
        assert 0 < len(near.ms) < len(pairs.ms)
        ours = floating_catchment(people, capacity, near, weigh(form, near, len(people)))
        assert ours.max() > 0
        np.testing.assert_allclose(ours, peer(form, people, capacity, pairs), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("form", ["2sfca", "e2sfca", "gaussian", "3sfca"])
def test_people_times_access_is_the_capacity_reached(form):
    for seed in range(10, 20):
        people, capacity, pairs = random_case(seed)
        near = within(pairs)
        weights = weigh(form, near, len(people))
        access = floating_catchment(people, capacity, near, weights)
        asked = np.bincount(near.facility, weights=weights * people[near.place], minlength=len(capacity)) > 0
        assert people @ access == pytest.approx(capacity[asked].sum(), rel=1e-12)


def small() -> Pairs:
    """Two places and two facilities: place 0 is 5 minutes from 0 and 10 from 1, place 1 is 15 minutes from 1."""
    return Pairs.of(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([300_000, 600_000, 900_000]))


@pytest.mark.parametrize(("form", "expected"), [
    # facility 0: 20 / 100 people, facility 1: 30 / (100 + 50) people
    ("2sfca", [0.2 + 0.2, 0.2]),
    # facility 0: 20 / (1 × 100); facility 1: 30 / (0.68 × 100 + 0.22 × 50) = 30 / 79
    ("e2sfca", [0.2 + 0.68 * 30 / 79, 0.22 * 30 / 79]),
    # place 1 has 0 weight at the cutoff itself, so place 0 has all: 20 / 100 + 30 / 100
    ("gaussian", [0.5, 0.0]),
    # place 0 chooses 1 / 1.68 and 0.68 / 1.68; facility 1: 30 / (0.68 × 0.68 / 1.68 × 100 + 0.22 × 50)
    ("3sfca", [0.2 + 0.68**2 / 1.68 * 30 / (0.68**2 / 1.68 * 100 + 11), 0.22 * 30 / (0.68**2 / 1.68 * 100 + 11)]),
])
def test_by_hand(form, expected):
    people, capacity = np.array([100.0, 50.0]), np.array([20.0, 30.0])
    found = floating_catchment(people, capacity, small(), weigh(form, small(), 2))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_end_of_a_zone_belongs_to_it():
    ms = np.array([0, 300_000, 300_001, 600_000, 600_001, 900_000, 900_001])
    found = zone_weights(ms, np.full(len(ms), CUTOFF_MS), WEIGHTS)
    assert found.tolist() == [1.0, 1.0, 0.68, 0.68, 0.22, 0.22, 0.0]


def test_the_bell_is_one_at_the_door_and_zero_at_the_cutoff():
    found = gaussian_weights(np.array([0, 450_000, 900_000, 900_001]), np.full(4, CUTOFF_MS))
    # half way: (e^(-1/8) - e^(-1/2)) / (1 - e^(-1/2)) = (0.8824969 - 0.6065307) / 0.3934693 = 0.2759662 / 0.3934693
    np.testing.assert_allclose(found, [1.0, 0.7013666, 0.0, 0.0], atol=1e-6)


def test_unknown_capacity_is_left_out_and_nobody_is_divided_by():
    people, capacity = np.array([0.0, 50.0]), np.array([20.0, np.nan])
    assert floating_catchment(people, capacity, small(), np.ones(3)).tolist() == [0.0, 0.0]
