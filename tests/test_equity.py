"""Measures of inequality: worked by hand, by other formulas, and with every person written out one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecircle.indicators.equity import fgt, gini, palma, quantile, theil

#: Minutes and people: few values, so that ties and edges within one value are common.
COUNTED = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 7)), min_size=1, max_size=12).filter(
    lambda rows: sum(people for _, people in rows) > 0)
MEASURES = (gini, palma, theil)


def columns(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(rows, dtype=float)
    return table[:, 0], table[:, 1]


def persons(rows: list[tuple[int, int]], *, each: int = 1) -> np.ndarray:
    """Write every person out, `each` times."""
    return np.sort(np.repeat([minutes for minutes, _ in rows], [each * people for _, people in rows]).astype(float))


def by_differences(x: np.ndarray) -> float:
    """Half of the mean difference of two persons, over the mean."""
    return float(np.abs(x[:, None] - x[None, :]).mean() / (2 * x.mean()))


def by_tenths(x: np.ndarray) -> float:
    """Sums over the tenth with most and the four tenths with least; the number of persons is a multiple of ten."""
    part = len(x) // 10
    return float(x[-part:].sum() / x[:4 * part].sum())


def by_entropy(x: np.ndarray) -> float:
    """The entropy that is missing to that of equal shares: ln n + sum of q ln q."""
    q = x[x > 0] / x.sum()
    return float(np.log(len(x)) + (q * np.log(q)).sum())


def test_by_hand() -> None:
    """Ten people with 1, 2 … 10 minutes: mean 5.5, sum of all differences 330 of 100 pairs, top 10, bottom 1+2+3+4."""
    x = np.arange(1.0, 11.0)
    assert gini(x) == pytest.approx(3.3 / 11)
    assert palma(x) == pytest.approx(10 / 10)
    assert [fgt(x, 8, alpha) for alpha in (0, 1, 2)] == pytest.approx([0.2, (1 / 8 + 2 / 8) / 10, (1 + 4) / 640])
    assert [quantile(x, part) for part in (0.5, 0.51, 0.9, 1.0)] == [5, 6, 9, 10]
    # one of four has all: half of the mean difference over the mean 6 · 1/16 / (2 · 1/4) = 3/4, and ln 4
    assert gini([0, 0, 0, 1]) == pytest.approx(0.75)
    assert theil([0, 0, 0, 1]) == pytest.approx(np.log(4))
    # 3 and 1 of a mean of 2: 0.5 (1.5 ln 1.5 + 0.5 ln 0.5)
    assert theil([3, 1]) == pytest.approx(0.130812, abs=1e-6)


def test_the_person_at_the_edge_is_split() -> None:
    """Four people with 1, 1, 2, 4: the tenth with most is 0.4 of the last, the four tenths with least 1.6 of ones."""
    assert palma([1, 1, 2, 4]) == pytest.approx(0.4 * 4 / 1.6)
    assert palma([1, 2, 4], [2, 1, 1]) == pytest.approx(1.0)


@given(COUNTED)
def test_weights_are_persons_and_formulas_agree(rows: list[tuple[int, int]]) -> None:
    (minutes, people), one_by_one = columns(rows), persons(rows)
    if one_by_one.sum() == 0:
        assert all(np.isnan(measure(minutes, people)) for measure in MEASURES)
        return
    assert gini(minutes, people) == pytest.approx(by_differences(one_by_one), abs=1e-12)
    assert theil(minutes, people) == pytest.approx(by_entropy(one_by_one), abs=1e-12)
    tenfold = persons(rows, each=10)
    if tenfold[:4 * len(one_by_one)].sum() == 0:
        assert np.isnan(palma(minutes, people))
    else:
        assert palma(minutes, people) == pytest.approx(by_tenths(tenfold))


@given(COUNTED, st.sampled_from([0, 1, 2]), st.integers(1, 50))
def test_fgt_is_the_mean_over_persons(rows: list[tuple[int, int]], alpha: int, line: int) -> None:
    minutes, people = columns(rows)
    over = [((x - line) / line) ** alpha if x > line else 0.0 for x in persons(rows)]
    assert fgt(minutes, line, alpha, people) == pytest.approx(sum(over) / len(over))
    assert fgt(minutes, np.full(len(minutes), line), alpha, people) == fgt(minutes, line, alpha, people)


@given(COUNTED, st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_quantile_counts_persons(rows: list[tuple[int, int]], part: float) -> None:
    minutes, people = columns(rows)
    one_by_one = persons(rows)
    enough = [x for x in one_by_one if (one_by_one <= x).sum() >= part * len(one_by_one) - 1e-9]
    assert quantile(minutes, part, people) == min(enough)


@given(COUNTED, st.floats(0.01, 100.0))
def test_nothing_depends_on_units_or_order(rows: list[tuple[int, int]], factor: float) -> None:
    minutes, people = columns(rows)
    for measure in MEASURES:
        was = measure(minutes, people)
        assert measure(minutes * factor, people) == pytest.approx(was, abs=1e-12, nan_ok=True)
        assert measure(minutes, people * factor) == pytest.approx(was, abs=1e-12, nan_ok=True)
        assert measure(minutes[::-1], people[::-1]) == pytest.approx(was, abs=1e-12, nan_ok=True)


@given(COUNTED)
def test_a_transfer_to_who_has_less_makes_it_more_equal(rows: list[tuple[int, int]]) -> None:
    """The principle of Pigou and Dalton: the one with most gives a third of the difference to the one with least."""
    before = persons(rows)
    after = before.copy()
    step = (before[-1] - before[0]) / 3
    after[[0, -1]] += [step, -step]
    if before.sum() > 0 and step > 0:
        assert gini(after) < gini(before)
        assert theil(after) < theil(before)


def test_what_is_not_defined_is_not_a_number() -> None:
    nobody, no_mean, endless, unknown = ([5.0], [0.0]), ([0.0, 0.0], [1, 2]), ([5.0, np.inf], [1, 1]), ([np.nan], [1])
    for values, weights in (nobody, no_mean, endless, unknown):
        assert all(np.isnan(measure(values, weights)) for measure in MEASURES)
    assert np.isnan(fgt(*nobody[:1], 3, 0, nobody[1]))
    assert fgt(endless[0], 8, 0) == 0.5
    assert np.isnan(fgt(endless[0], 8, 1))
    assert np.isnan(fgt(unknown[0], 8, 0))
    assert (quantile(endless[0], 0.5), np.isnan(quantile(endless[0], 0.6))) == (5.0, True)
    assert np.isnan(quantile(nobody[0], 0.5, nobody[1]))
    assert np.isnan(palma([0.0, 1.0]))  # the four tenths with least have nothing


def test_who_does_not_count_does_not_matter() -> None:
    for measure in MEASURES:
        assert measure([1, 4, np.inf, np.nan], [2, 3, 0, 0]) == measure([1, 4], [2, 3])


@pytest.mark.parametrize(("values", "weights"), [([-1.0], [1]), ([1.0], [-1]), ([1.0], [np.nan]), ([1.0], [np.inf])])
def test_what_makes_no_sense_is_refused(values: list[float], weights: list[float]) -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        gini(values, weights)
    with pytest.raises(ValueError, match="above 0"):
        fgt([1.0], 0.0, 1)
