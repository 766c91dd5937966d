"""What each new facility gains: by hand on the tiny town, and by assessing again with it alone or left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifecircle import assess, read_run, read_scenario, read_study, write_run
from lifecircle.outputs.disclosure import published
from test_scenario_edits import WALL, in_time, line, place, reached
from tinytown import write_town


def new(layer: str, number: int, x_m: float, y_m: float, more: str = "") -> str:
    level = {"clinics": "village_clinic"}.get(layer, "station")
    return (f'[[open]]\nlayer = "{layer}"\nname = "新{number}"\nlevel = "{level}"\nfacility_id = "N{number}"\n'
            f"{place(x_m, y_m)}\n{more}\n")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return read_study(write_town(tmp_path_factory.mktemp("town")))


def gains_of(study: Any, folder: Path, text: str) -> Any:
    (folder / "plan.toml").write_text(text, encoding="utf-8")
    return assess(study, scenario=folder / "plan.toml")


def test_worked_by_hand(study: Any, tmp_path: Path) -> None:
    """Two clinics in the east: N1 serves the last two villages (450 more), N2 at the top of the last one as well.

    N2 at (3500, 2000): the last village up to 2000 m away, all five points; the third village at 1000 m more: the upper
    three points, of which the middle one has a clinic in time already. So alone 250 + 100.
    Without N1 the lower two points of the third village would be lost, without N2 nothing.
    Minutes saved by N1 alone: today 丁 walks 3000 m + |y - 1000| to C1, then |y - 1000|: 45 min each; 丙 2000 m +, then
    1000 m +: 15 min each; 乙 has 1000 m +, as far as N1 is, nothing saved: 250 x 45 + 250 x 15 = 15,000.
    """
    found = gains_of(study, tmp_path, new("clinics", 1, 3500, 1000, "cost = 20") + new("clinics", 2, 3500, 2000,
                                                                                       "cost = 30"))
    rows = found.gains.set_index("facility_id")
    assert rows.index.tolist() == ["N1", "N2", "all"]
    assert rows["people_alone"].tolist()[:2] == [450, 350]
    assert rows["people_last"].tolist()[:2] == [100, 0]
    assert rows["people_together"]["all"] == 450
    assert rows["person_minutes_saved"]["N1"] == pytest.approx(15_000, abs=1)
    assert rows["cost"].tolist() == [20, 30, 50]
    assert set(rows["quality"]) == {"model"}


def test_equal_to_assessing_again(study: Any, tmp_path: Path) -> None:
    """On the scenario's roads and closings, in both layers and their modes: an oracle that knows nothing of pairs."""
    others = f'[[close]]\nfacility = "E1"\n[[cut]]\n{line((2000, 700), (2700, 700))}\n'
    opened = [("clinics", 1, 3500, 1000), ("clinics", 2, 2500, 1500), ("clinics", 3, 1800, 400),
              ("elderly_care", 4, 3000, 500), ("elderly_care", 5, 1000, 1500)]
    found = gains_of(study, tmp_path, others + "".join(new(*item) for item in opened))
    edited = read_scenario(tmp_path / "plan.toml").apply(study)
    table, seen = edited.facilities, 0

    def with_new(layer: str, kept: set[str]) -> float:
        mine = ~table["facility_id"].isin([f"N{number}" for _, number, *_ in opened]) | table["facility_id"].isin(kept)
        return reached(replace(edited, facilities=table[mine].reset_index(drop=True)), layer)

    for layer in ("clinics", "elderly_care"):
        rows = found.gains[found.gains["layer"] == layer].set_index("facility_id")
        ids = {f"N{number}" for name, number, *_ in opened if name == layer}
        none, every = with_new(layer, set()), with_new(layer, ids)
        assert every == in_time(found, layer)
        assert rows["people_together"]["all"] == every - none
        for one in ids:
            assert rows["people_alone"][one] == with_new(layer, {one}) - none
            assert rows["people_last"][one] == every - with_new(layer, ids - {one})
            seen += rows["people_alone"][one] > 0
    assert seen >= 4


def test_written_read_back_and_small_ones_hidden(study: Any, tmp_path: Path) -> None:
    """One elder at each point of the villages: the care post wins five of them, which is not told."""
    few = study.demand.assign(population_60plus=np.where(study.demand["class"] == "rural", 1.0, 12.0))
    found = gains_of(replace(study, demand=few), tmp_path, new("elderly_care", 4, 1500, 0) + new("clinics", 1, 3500, 0)
                     + f"[[cut]]\n{WALL}")
    shown = published(found).gains.set_index(["layer", "facility_id"])
    assert 0 < found.gains.set_index(["layer", "facility_id"])["people_alone"]["elderly_care", "N4"] < 10
    assert shown.loc["elderly_care"][["people_alone", "people_last", "people_together"]].isna().all(axis=None)
    assert shown.loc[("clinics", "N1"), "people_alone"] > 0
    back = read_run(write_run(found, tmp_path / "run"))
    for name in ("people_alone", "people_together", "person_minutes_saved"):
        np.testing.assert_allclose(back.gains[name].to_numpy(), shown[name].to_numpy())
    assert back.changed_roads[["edit", "kind"]].values.tolist() == [["cut", "closed"]]
    assert back.changed_roads["length_m"].iloc[0] == pytest.approx(2500, abs=1)


def test_today_gains_nothing_and_writes_no_table(study: Any, tmp_path: Path) -> None:
    today = assess(study)
    assert today.gains.empty
    write_run(today, tmp_path / "run")
    assert not (tmp_path / "run" / "gains.csv").exists()
    moved = gains_of(study, tmp_path, f'[[move]]\nfacility = "C1"\n{place(2500, 1000)}')
    assert read_run(write_run(moved, tmp_path / "run")).gains.empty
