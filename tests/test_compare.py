"""Two runs beside each other: worked by hand on the tiny town, adding up, hidden where either run hides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from command import assert_one_line, inside
from lifecircle import assess, compare, read_run, read_study, write_run
from lifecircle.compare import MOVES
from lifecircle.errors import NoMatchError
from lifecircle.outputs.comparison import FILES, comparison_text, published_comparison
from lifecircle.outputs.map_text import WORDS
from lifecircle.outputs.tables import read_csv
from test_scenario_edits import line, place
from tinytown import DISTRICT, EAST_TOWN, WEST_TOWN, write_town

#: The clinic moves to the third village, a care post opens in the second, and a short way is built to the third.
EDITS = (f'name = "搬迁"\n[[move]]\nfacility = "C1"\n{place(2500, 1000)}\n[[open]]\nlayer = "elderly_care"\n'
         f'name = "=新驿站"\nlevel = "station"\nfacility_id = "N1"\n{place(1500, 1000)}\n'
         f"[[build]]\n{line((3500, 1000), (2500, 0))}")


def add_up(table: pd.DataFrame) -> None:
    """Hold the sums of a table without hidden cells."""
    judged = table[table["people"].notna()]
    assert len(judged)
    np.testing.assert_allclose(judged[list(MOVES)].sum(axis=1), judged["people"], atol=1e-6)
    np.testing.assert_allclose(judged["in_time_after"] - judged["in_time_before"], judged["won"] - judged["lost"],
                               atol=1e-6)
    names = ["people", *MOVES, "in_time_before", "in_time_after", "undetermined_changed"]
    district = judged["township_code"] == judged["township_code"].iloc[-1]
    towns = judged[~district].groupby(["layer", "class"])[names].sum()
    np.testing.assert_allclose(towns, judged[district].set_index(["layer", "class"])[names].loc[towns.index], atol=1e-6)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Path]:
    folder = tmp_path_factory.mktemp("town")
    study = read_study(write_town(folder))
    (folder / "edits.toml").write_text(EDITS, encoding="utf-8")
    before, after = assess(study), assess(study, scenario=folder / "edits.toml")
    write_run(before, folder / "a")
    write_run(after, folder / "b")
    return before, after, folder


def row(table: pd.DataFrame, layer: str, code: str = DISTRICT, kind: str = "all") -> dict[str, Any]:
    found = table[(table["layer"] == layer) & (table["township_code"] == code) & (table["class"] == kind)]
    return dict(found.iloc[0])


def test_worked_by_hand(runs: tuple[Any, Any, Path]) -> None:
    """Clinics, as for a move: 250 lost in 甲, 200 won in 丙 and 250 in 丁.

    Care at (1500, 1000), elders within 750 m in 甲, which is 1000 m away, nobody; in 乙 all 60; in 丙, 1000 m away, the
    middle three, who have it already. The short way wins the lowest point of 丙: 12. So 72 won.
    """
    found = compare(*runs[:2])
    add_up(found.table)
    clinics, care = row(found.table, "clinics"), row(found.table, "elderly_care")
    assert [clinics[name] for name in ("people", *MOVES)] == [1000, 450, 250, 300, 0]
    assert [care[name] for name in ("people", *MOVES)] == [240, 72, 0, 96, 72]
    assert [row(found.table, "clinics", code)["won"] for code in (WEST_TOWN, EAST_TOWN)] == [0, 450]
    assert (clinics["rate_before"], clinics["rate_after"]) == (0.55, 0.75)
    assert (clinics["minutes_mean_before"], clinics["minutes_mean_after"]) == (31.5, 24)
    assert row(found.table, "shelters")["m2_per_head_after"] == 0.6
    assert found.places.groupby("layer")["won"].sum().to_dict() == {"clinics": 450, "elderly_care": 72, "shelters": 0}
    changes = found.facilities.set_index("facility_id")
    assert changes["change"].to_dict() == {"N1": "opened", "C1": "moved"}
    assert changes["moved_m"]["C1"] == pytest.approx(2000, abs=0.01)
    assert (changes["people_alone"]["N1"], changes["people_last"]["N1"]) == (60, 60)
    html = found._repr_html_()
    assert "today → 搬迁" in html


def test_the_other_way_round_and_with_itself(runs: tuple[Any, Any, Path]) -> None:
    before, after, _ = runs
    there, back = compare(before, after).table, compare(after, before).table
    np.testing.assert_array_equal(there[["won", "lost"]], back[["lost", "won"]])
    same = compare(before, before)
    assert (same.table[["won", "lost", "undetermined_changed"]].fillna(0) == 0).all(axis=None)
    assert same.facilities.empty
    assert "today (run" in comparison_text(same)


def test_written_runs_tell_the_same(runs: tuple[Any, Any, Path]) -> None:
    """Each place has people moving one way alone, so that its counts tell what the points tell."""
    before, after, folder = runs
    one, other = compare(before, after), compare(read_run(folder / "a"), read_run(folder / "b"))
    add_up(other.table)
    names = ["people", *MOVES, "rate_before", "rate_after", "minutes_mean_after", "m2_per_head_after"]
    np.testing.assert_allclose(one.table[names].to_numpy(dtype=float), other.table[names].to_numpy(dtype=float))
    assert other.facilities["people_alone"].tolist()[0] == 60


def test_people_who_come_and_go_in_one_place_are_not_told_apart(runs: tuple[Any, Any, Path]) -> None:
    """The care post moves within the last two villages: of a group a written run does not say how many come and go."""
    before, _, folder = runs
    study = read_study(folder / "town.toml")
    (folder / "swap.toml").write_text(f'[[move]]\nfacility = "E1"\n{place(3500, 2000)}', encoding="utf-8")
    after = assess(study, scenario=folder / "swap.toml")
    exact, told = compare(before, after), compare(read_run(folder / "a"), read_run(write_run(after, folder / "c")))
    known = row(exact.table, "elderly_care", EAST_TOWN)
    assert min(known["won"], known["lost"]) > 0
    cell = row(told.table, "elderly_care", EAST_TOWN)
    assert np.isnan([cell[name] for name in MOVES]).all()
    assert (cell["in_time_before"], cell["in_time_after"]) == (known["in_time_before"], known["in_time_after"])
    assert row(told.table, "clinics", EAST_TOWN)["won"] == 0


def test_what_either_run_hides_stays_hidden(runs: tuple[Any, Any, Path]) -> None:
    """Four elders at each point of the town: the three of a village who are in time, or two won, tell too much."""
    _, _, folder = runs
    study = read_study(folder / "town.toml")
    study = replace(study, demand=study.demand.assign(population_60plus=4.0))
    sides = assess(study), assess(study, scenario=folder / "edits.toml")
    raw = compare(*sides)
    small = raw.table[(raw.table["layer"] == "elderly_care") & raw.table["won"].between(0.5, 9.5)]
    assert len(small)
    shown = published_comparison(raw)
    assert shown.table.loc[small.index, list(MOVES)].isna().all(axis=None)
    counts = raw.places[list(MOVES)]
    few = raw.places[(raw.places["layer"] == "elderly_care") & ((counts > 0.5) & (counts < 9.5)).any(axis=1)]
    assert len(few)
    assert shown.places.loc[few.index, list(MOVES)].isna().all(axis=None)
    everybody = shown.table["layer"] == "clinics"
    pd.testing.assert_frame_equal(shown.table[everybody], raw.table[everybody])
    for name, side in zip("de", sides, strict=True):
        write_run(side, folder / name)
    read = published_comparison(compare(read_run(folder / "d"), read_run(folder / "e")))
    for name in MOVES:  # a written run tells nothing that the published comparison hides
        assert not (shown.table[name].isna() & read.table[name].notna() & (raw.table[name].between(0.5, 9.5))).any()
    again = published_comparison(shown)
    pd.testing.assert_frame_equal(again.table, shown.table)
    assert "hidden" in comparison_text(raw)


@pytest.mark.parametrize(("change", "said"), [
    (lambda side: replace(side, demand=side.demand.iloc[1:]), "demand points differ: d0 only in one"),
    (lambda side: replace(side, demand=side.demand.assign(population=51.0)), "population differs at demand point d0"),
    (lambda side: replace(side, demand=side.demand.assign(**{"class": "rural"})), "class differs at demand point d0"),
    (lambda side: replace(side, townships=side.townships.iloc[1:]), f"townships differ: {WEST_TOWN} only in one"),
    (lambda side: replace(side, run={**side.run, "layers": {}}), "no layer is in both"),
])
def test_runs_of_other_people_are_refused(runs: tuple[Any, Any, Path], change: Any, said: str) -> None:
    before, after, _ = runs
    with pytest.raises(NoMatchError, match=said) as caught:
        compare(before, change(after))
    assert "\n" not in str(caught.value)


def test_command_line(runs: tuple[Any, Any, Path]) -> None:
    _, _, folder = runs
    code, out, err = inside("compare", folder / "a", folder / "b", "--out", folder / "out")
    assert code == 0, err
    assert "today (run" in out
    assert "模型数据，非现状" in out
    assert "new facilities of elderly_care together, on these roads and with these closings: 60 people" in out
    assert "roads build: 1, 1.41 km" in out
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(FILES)
    add_up(read_csv(folder / "out" / "compare.csv"))
    assert ",'=新驿站," in (folder / "out" / "compare_facilities.csv").read_text("utf-8-sig")
    code, out, _ = inside("compare", folder / "a", folder / "b", "--format", "csv")
    assert out == (folder / "out" / "compare.csv").read_text("utf-8-sig")
    code, out, _ = inside("compare", folder / "a", folder / "b", "--json")
    assert json.loads(out) == json.loads((folder / "out" / "compare.json").read_text("utf-8"))
    code, _, err = inside("compare", folder / "a", folder)
    assert code == 3
    assert_one_line(err)


def test_map_names_both_sides_and_loads_nothing(runs: tuple[Any, Any, Path]) -> None:
    from browser import chromium, visit

    _, _, folder = runs
    inside("compare", folder / "a", folder / "b", "--out", folder / "out")
    with chromium() as browser, visit(browser, folder / "out" / "compare.html") as seen:
        assert seen.complaints == []
        assert seen.outside == []
        text = seen.page.inner_text("body")
        assert "现状 → 搬迁" in text
        assert "模型数据，非现状" in text
        assert "450 人" in text
        seen.page.check("input[value=elderly_care]")
        assert "72 人" in seen.page.inner_text(".lc-panel")


def test_words_of_both_languages_have_the_same_keys() -> None:
    assert WORDS["zh"]["compare"].keys() == WORDS["en"]["compare"].keys()
