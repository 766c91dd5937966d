"""Counts of a group at places, by class, township and state: what is hidden cannot be worked out from what is told."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from lifecircle.outputs.groupcounts import STATES, Cells, Hidden, hidden_of
from lifecircle.outputs.suppression import SMALL_PEOPLE, Sum, hide

DISTRICT = "d"


def demand_of(random: np.random.Generator) -> pd.DataFrame:
    """Give places in townships of two classes; each has up to three states of people."""
    rows = []
    for town in range(random.integers(1, 5)):
        for place in range(random.integers(1, 5)):
            kind = random.choice(["urban", "rural"])
            for state in STATES:
                count = random.choice([0, 0, 1, 4, 9, 10, 12, 30, 200], p=[.3, .1, .05, .1, .05, .05, .1, .15, .1])
                rows.append((f"t{town}", f"t{town}p{place}", kind, state, float(count)))
    return pd.DataFrame(rows, columns=["township_code", "place_code", "class", "state", "people"])


def told(cells: Cells, found: Hidden, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the equations over the leaves' states, (equations, 3 x leaves), that what is shown amounts to."""
    leaves = len(cells.places)
    leaf = np.zeros((len(cells.places) + len(cells.units), leaves))
    leaf[:leaves] = np.eye(leaves)
    for item in cells.sums:
        leaf[item.whole] = leaf[item.parts].sum(axis=0)
    rows, values = [], []
    for mask, weights in ((found.whole, (1, 1, 1)), (found.reached, (1, 0, 0)), (found.reached, (0, 1, 1)),
                          (found.judged, (0, 1, 0)), (found.judged, (0, 0, 1))):
        for at in np.flatnonzero(~mask):
            rows.append(np.concatenate([weight * leaf[at] for weight in weights]))
            values.append(sum(weight * counts[at, state] for state, weight in enumerate(weights)))
    return np.array(rows), np.array(values)


def ends(row: np.ndarray, known: dict[str, Any]) -> tuple[float, float]:
    """Give the least and the greatest that a sum of leaves can be."""
    found = []
    for sign in (1.0, -1.0):
        solved = linprog(sign * row, bounds=(0.0, None), **known)
        found.append(np.inf * -sign if solved.status == 3 else sign * solved.fun)
    return found[0], found[1]


@pytest.mark.parametrize("seed", range(8))
def test_no_small_number_can_be_worked_out(seed: int) -> None:
    """Whatever is small, of a state or of those late, stays open; of five districts one at most narrows any to < 10."""
    random, narrow = np.random.default_rng(seed), set()
    for number in range(5):
        demand = demand_of(random)
        cells = Cells.of(gpd.GeoDataFrame(demand), DISTRICT)
        people = demand["people"].to_numpy()
        found = hidden_of(cells, people, demand["state"])
        counts = cells.add_up(np.column_stack([people * (demand["state"] == name) for name in STATES]))
        rows, values = told(cells, found, counts)
        known = {"A_eq": rows, "b_eq": values} if len(rows) else {}
        leaves = len(cells.places)
        unit = np.zeros((len(counts), leaves))
        unit[:leaves] = np.eye(leaves)
        for item in cells.sums:
            unit[item.whole] = unit[item.parts].sum(axis=0)
        for weights in ((1, 0, 0), (0, 1, 1), (0, 1, 0), (0, 0, 1), (1, 1, 1)):
            for at in range(len(counts)):
                value = sum(w * counts[at, state] for state, w in enumerate(weights))
                if 0 < value < SMALL_PEOPLE:
                    low, high = ends(np.concatenate([w * unit[at] for w in weights]), known)
                    assert low - 1e-6 <= value <= high + 1e-6
                    assert high - low >= 1 - 1e-6, (seed, weights, at, value, low, high)
                    narrow |= {number} if high - low < SMALL_PEOPLE - 1e-6 else set()
    assert len(narrow) <= 1


@pytest.mark.parametrize(("counts", "most", "hidden"), [
    # two towns and their sum: in time and late; 4 needs the other town, and 31 + 29 tell nothing
    ([[16, 4], [15, 25], [31, 29]], [20, 40, np.nan], [1, 1, 0]),
    ([[16, 14], [15, 25], [31, 39]], [30, 40, np.nan], [0, 0, 0]),
    ([[20, 0], [15, 25], [35, 25]], [20, 40, np.nan], [0, 0, 0]),  # a 0 is told
    ([[46, 4], [20, 0], [66, 4]], [50, 20, np.nan], [1, 0, 1]),  # the sum is small itself
])
def test_hidden_together_by_hand(counts: list[list[float]], most: list[float], hidden: list[int]) -> None:
    ceilings = np.repeat(np.array(most)[:, None], 2, axis=1)
    found = hide(np.array(counts, dtype=float), [Sum(2, np.array([0, 1]))], ceilings=ceilings)
    assert found.astype(int).tolist() == hidden
