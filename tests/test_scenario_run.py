"""A scenario through the command line: run, map, summary, verify."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command import assert_one_line, inside
from lifecircle import read_run
from test_scenario_edits import NEW, WALL
from tinytown import write_town


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the town, a run of a clinic opened in 2026, and one of all streets cut."""
    folder = tmp_path_factory.mktemp("town")
    path = write_town(folder)
    (folder / "new.toml").write_text(f'name = "<b>新点</b>"\n{NEW}year = 2026', encoding="utf-8")
    (folder / "cut.toml").write_text(f"[[cut]]\n{WALL}", encoding="utf-8")
    for name, options in (("new", ("--year", "2026")), ("cut", ())):
        code, out, err = inside("run", path, "--scenario", folder / f"{name}.toml", *options, "--out", folder / name)
        assert code == 0, err
        (folder / f"{name}.txt").write_text(out, encoding="utf-8")
    return folder


def test_summary_map_and_record_say_that_it_is_a_scenario(town: Path) -> None:
    told = json.loads((town / "new" / "run.json").read_text("utf-8"))["scenario"]
    assert {key: told[key] for key in ("name", "year", "file", "edits", "later")} == {
        "name": "<b>新点</b>", "year": 2026, "file": "new.toml", "edits": {"open": 1}, "later": 0}
    assert len(told["sha256"]) == 64
    summary = (town / "new.txt").read_text("utf-8")
    assert "scenario: <b>新点</b>, 2026 (new.toml: 1 open); not the state of today" in summary
    page = (town / "new" / "map.html").read_text("utf-8")
    assert "情景：&#60;b&#62;新点&#60;/b&#62;, 2026</title>" in page
    assert "<b>新点" not in page
    assert read_run(town / "cut").run["scenario"]["name"] == "cut"


def test_verify_makes_the_edits_again(town: Path) -> None:
    code, out, err = inside("verify", town / "new", "--runfile", town / "town.toml", "--sample", "20")
    assert code == 0, out + err
    code, _, err = inside("verify", town / "cut", "--runfile", town / "town.toml")
    assert code == 3
    assert_one_line(err.splitlines()[-1])
    assert "a scenario changes the roads" in err


def test_a_year_needs_a_scenario(town: Path) -> None:
    code, _, err = inside("run", town / "town.toml", "--year", "2026", "--out", town / "none")
    assert (code, (town / "none").exists()) == (2, False)
    assert_one_line(err)
