"""Priority groups in the tiny town: read, counted, laid over the gaps; what is hidden cannot be worked out again.

Out of time of clinics are 丙 with 4 of 5 points and 丁 with all; of care 甲 and 乙 with all and 丙 with 2 of 5.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from lifecircle.assess import assess
from lifecircle.errors import InputError
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.rundir import read_run, write_run
from lifecircle.outputs.suppression import SMALL_PEOPLE, hide_tree
from lifecircle.study import read_study
from sample_assessment import sample
from tinytown import DISTRICT, EAST_TOWN, PLACES, WEST_TOWN, write_town

HEAD = "乡镇,村（社区）,残疾人,低保"
COUNTS = ("甲街道,甲社区,20,30", "甲街道,乙村,14,12", "乙镇,丙村,40,0", "乙镇,丁村,15,25")


def town(directory: Path, rows: tuple[str, ...] = COUNTS, head: str = HEAD, **keys: object) -> Path:
    path = write_town(directory, quality="register", surface={"cell_m": 500},
                      priority={"file": "counts.csv", **keys})
    (directory / "counts.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def figures(results: pd.DataFrame, indicator: str, group: str, layer: str) -> list[tuple[float, float, float]]:
    """Give value, low and high of the west, the east and the district."""
    rows = results[(results["indicator"] == indicator) & (results["group"] == group) & (results["layer"] == layer)]
    rows = rows.set_index("township_code")[["value", "low", "high"]]
    return [tuple(rows.loc[code]) for code in (WEST_TOWN, EAST_TOWN, DISTRICT)]


def test_counts_densities_and_overlay_by_hand(tmp_path: Path) -> None:
    found = assess(town(tmp_path))
    assert len(found.results[found.results.duplicated(list(found.results.columns[:11]))]) == 0
    assert figures(found.results, "priority_people", "残疾人", "priority") == [(34,) * 3, (55,) * 3, (89,) * 3]
    # Townships are 2.1 km x 2.2 km = 4.62 km2 on the map of this zone, and have 500 residents.
    assert figures(found.results, "priority_people_per_km2", "残疾人", "priority")[0][0] == pytest.approx(34 / 4.62)
    assert figures(found.results, "priority_people_per_1000", "残疾人", "priority")[2][0] == pytest.approx(89.0)
    assert figures(found.results, "priority_people_out", "残疾人", "clinics") == [(0,) * 3, (47,) * 3, (47,) * 3]
    assert figures(found.results, "priority_people_out", "低保", "elderly_care") == [(42,) * 3, (0,) * 3, (42,) * 3]
    assert figures(found.results, "priority_people_out", "残疾人", "elderly_care")[1] == pytest.approx((16,) * 3)
    place = found.priority[(found.priority["name"] == "丙村") & (found.priority["group"] == "残疾人")].iloc[0]
    assert (place["people"], place["people_per_1000"]) == (40.0, 160.0)
    assert place["people_per_km2"] == pytest.approx(40 / 2.2)
    assert any(item["role"] == "priority" for item in found.run["inputs"])


def test_small_counts_and_their_neighbours_are_hidden_everywhere(tmp_path: Path) -> None:
    """乙村 4 and 丁村 3: the places beside them go too; what is left of 乙镇, 43, lies 80 % to 100 % out."""
    rows = ("甲街道,甲社区,20,30", "甲街道,乙村,4,12", "乙镇,丙村,40,0", "乙镇,丁村,3,25")
    write_run(assess(town(tmp_path, rows)), tmp_path / "run")
    run = read_run(tmp_path / "run")
    own = run.priority[run.priority["group"] == "残疾人"]
    assert own.loc[own["unit"] == "place", "state"].tolist() == ["hidden"] * 4
    assert own.loc[own["unit"] == "place", ["people", "people_per_km2", "people_per_1000"]].isna().all(axis=None)
    assert own.loc[own["unit"] != "place", "people"].tolist() == [24.0, 43.0, 67.0]
    assert figures(run.results, "priority_people_out", "残疾人", "clinics")[1] == pytest.approx((38.7, 34.4, 43.0))
    assert np.isnan(figures(run.results, "priority_people_out", "残疾人", "elderly_care")[1]).all()  # 8.6 of them
    again = published(run)
    pd.testing.assert_frame_equal(again.priority, run.priority)
    assert (run.priority.loc[run.priority["group"] == "低保", "state"] == "told").all()


def test_a_small_district_and_what_is_not_told(tmp_path: Path) -> None:
    found = assess(town(tmp_path, ("甲街道,甲社区,3,", "乙镇,丁村,2,11")))
    shown = published(found)
    own = shown.priority[shown.priority["group"] == "残疾人"]
    assert own["state"].tolist() == ["hidden", "not_told", "not_told", "hidden", "hidden", "hidden", "hidden"]
    assert all(np.isnan(row).all() for row in figures(shown.results, "priority_people", "残疾人", "priority"))
    low = figures(found.results, "priority_people", "低保", "priority")
    assert low[1][:2] == (11, 11)
    assert np.isnan(low[1][2])  # 丙村 is not told: a lower bound
    assert np.isnan(low[0]).all()
    assert {item.code: item.count for item in found.findings}["priority_places_missing"] == 2


def test_without_the_file_nothing_is_there(tmp_path: Path) -> None:
    found = assess(write_town(tmp_path, surface={"cell_m": 500}))
    assert found.priority.empty
    assert not found.results["indicator"].str.startswith("priority").any()


@pytest.mark.parametrize(("head", "row", "what"), [
    ("姓名,乡镇,村（社区）,残疾人", "张三,甲街道,甲社区,1", "column 姓名 is about single persons"),
    ("编号,乡镇,村（社区）,残疾人", "511902199001011234,甲街道,甲社区,1", "column 编号 is about single persons"),
    (HEAD, "甲街道,甲社区,-2,1", "column 残疾人 holds -2"),
    (HEAD, "甲街道,甲社区,2.5,1", "column 残疾人 holds 2.5"),
    ("乡镇,村（社区）,人数", "甲街道,甲社区,2", "no column of a priority group"),
])
def test_faults_are_one_line_and_repeat_no_identity(tmp_path: Path, head: str, row: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        read_study(town(tmp_path, (row,), head))
    assert what in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "511902199001011234" not in str(caught.value)
    assert "张三" not in str(caught.value)


def test_unknown_places_are_told_and_rows_of_a_place_added(tmp_path: Path) -> None:
    rows = (f"{PLACES[0][0]},12", f"{PLACES[0][0]},3", "990101001999,7")
    study = read_study(town(tmp_path, rows, "place_code,持证残疾人", groups={"残疾人": "持证残疾人"}))
    assert study.priority.to_dict("records") == [
        {"place_code": PLACES[0][0], "township_code": WEST_TOWN, "group": "残疾人", "people": 15.0}]
    codes = {item.code: item.count for item in study.findings}
    assert (codes["priority_place_unknown"], codes["priority_rows_added"]) == (1, 2)


def attacked(people: pd.Series, branch: pd.Series) -> list[tuple[float, float, float]]:
    """Give true value, least and greatest of every small sum or count, as a linear programme over what is shown finds.

    The attacker knows all shown counts and sums, and that hidden places are not 0; one who knows less finds less.
    """
    leaves, branches, whole = hide_tree(people, branch)
    sums = [(branch == code, code in branches) for code in sorted(branch.unique())]
    sums.append((pd.Series(True, index=people.index), whole))
    known = [(rows.astype(float), people[rows].sum()) for rows, hidden in sums if not hidden]
    bounds = [(1.0, None) if hidden else (value, value) for hidden, value in zip(leaves, people, strict=True)]
    secrets = [(np.eye(len(people))[at], people.iloc[at]) for at in np.flatnonzero(leaves)]
    secrets += [(rows.astype(float).to_numpy(), people[rows].sum()) for rows, hidden in sums if hidden]
    equal = {"A_eq": np.array([row for row, _ in known]), "b_eq": [total for _, total in known]} if known else {}
    out = []
    for row, value in secrets:
        ends = []
        for sign in (1.0, -1.0):
            solved = linprog(sign * row, bounds=bounds, **equal)
            ends.append(np.inf * -sign if solved.status == 3 else sign * solved.fun)
        out.append((float(value), ends[0], ends[1]))
    return out


@pytest.mark.parametrize("seed", range(20))
def test_no_hidden_count_can_be_narrowed(seed: int) -> None:
    """Ten random tables per seed; by all that is shown every hidden count or sum could be 10 less or more."""
    random = np.random.default_rng(seed)
    for _ in range(10):
        towns = random.integers(1, 5)
        branch = pd.Series([f"t{at}" for at in range(towns) for _ in range(random.integers(1, 5))])
        people = pd.Series(random.choice([0, 1, 2, 5, 9, 10, 12, 30, 80], len(branch)).astype(float))
        assert not small_shown(people, branch)
        for value, low, high in attacked(people, branch):
            assert low <= value <= high + 1e-9
            assert high - low >= SMALL_PEOPLE - 1e-9, (people, branch)


def small_shown(people: pd.Series, branch: pd.Series) -> bool:
    leaves, branches, whole = hide_tree(people, branch)
    shown = [value for value, hidden in zip(people, leaves, strict=True) if not hidden]
    shown += [people[branch == code].sum() for code in set(branch) - branches]
    shown += [] if whole else [people.sum()]
    return any(0 < value < SMALL_PEOPLE for value in shown)


@pytest.mark.parametrize(("counts", "leaves", "branches", "whole"), [
    ([20, 4, 40, 30], "1100", "", False),  # 4 needs 20 beside it
    ([50, 30, 4, 40], "0011", "", False),
    ([5, 0, 40, 30], "1001", "ab", False),  # town a is small itself; b joins it with its smallest place
    ([3, 0, 2, 0], "1010", "ab", True),
    ([12, 0, 40, 0], "0000", "", False),
    ([1, 9, 40, 0], "1110", "ab", False),  # ten in two places: each would be 1 to 9, so the sum goes too
    ([3, 9, 40, 0], "1100", "", False),  # twelve: 1 to 11
])
def test_what_is_hidden_by_hand(counts: list[float], leaves: str, branches: str, whole: bool) -> None:
    found = hide_tree(pd.Series(counts, dtype=float), pd.Series(["a", "a", "b", "b"]))
    assert ["1" if hidden else "0" for hidden in found[0]] == list(leaves)
    assert found[1:] == (frozenset(branches), whole)


def test_reported_counts_hide_another_township_where_the_sum_is_told() -> None:
    """4 beside 40 and 30 in 74: 30 goes too. Without a small one nothing does."""
    sample_ = sample()
    base = sample_.results.iloc[0].to_dict() | {"layer": "plan", "group": "priority", "indicator": "reported",
                                                "unit": "person", "class": "all", "headline": False}
    units = ["a", "b", "c", "all"]
    for level, counts, kept in (("x", [4.0, 40.0, 30.0, 74.0], [False, True, False, True]),
                                ("y", [14.0, 40.0, 30.0, 84.0], [True] * 4)):
        rows = [base | {"township_code": unit, "level": level, "value": count, "low": count, "high": count}
                for unit, count in zip(units, counts, strict=True)]
        results = pd.concat([sample_.results, pd.DataFrame(rows)], ignore_index=True)
        once = published(replace(sample_, results=results))
        assert once.results["value"].iloc[-4:].notna().tolist() == kept
        pd.testing.assert_frame_equal(published(once).results, once.results)


def test_hiding_everything_is_never_needed_where_nothing_is_small() -> None:
    for counts in itertools.product([0.0, 10.0, 25.0], repeat=4):
        leaves, branches, _ = hide_tree(pd.Series(counts), pd.Series(["a", "a", "b", "b"]))
        assert not leaves.any()
        assert not branches
