"""`lifecircle verify`: a sound run stands, a planted fault is found, and real roads agree with OSMnx."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import osmnx
import pytest

from extracts import SHARED, andorra
from lifecircle.assess import assess
from lifecircle.cli import main
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.legs import crosses as kernel_crosses
from lifecircle.outputs.rundir import read_run, write_run
from lifecircle.policy import Policy
from lifecircle.study import read_study
from lifecircle.verify import reread, verify
from lifecircle.verifytimes import crosses, zoom
from tinytown import lonlat, write_town

RUNFILES = Path(__file__).parent / "runfiles"


def write_one_way_town(folder: Path) -> Path:
    """Write the tiny town for cars and walkers: the west-east street along y = 1000 m is one-way, eastwards."""
    car = {"cutoff_min": 15, "mode": "car"}
    path = write_town(folder, facilities=[{"layer": "clinics", "file": "clinics.csv", "quality": "model"},
                                          {"layer": "elderly_care", "file": "care.csv", "quality": "model"}],
                      policy={"clinics": {"urban": car, "rural": car}, "shelters": None,
                              "elderly_care": {"urban": {"cutoff_min": 15}, "rural": {"cutoff_min": 30}}})
    roads = json.loads((folder / "roads.geojson").read_text(encoding="utf-8"))
    for number, street in enumerate(roads["features"]):
        street["properties"]["oneway"] = "yes" if number == 2 else ""
    (folder / "roads.geojson").write_text(json.dumps(roads), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Give run file, study, assessment and run directory of a sound run."""
    folder = tmp_path_factory.mktemp("verify")
    runfile = write_one_way_town(folder / "town")
    study = read_study(runfile)
    done = assess(study)
    return runfile, study, done, write_run(done, folder / "run")


@pytest.fixture
def own_copy(town, tmp_path):
    """Give a run directory that a test may change."""
    return Path(shutil.copytree(town[3], tmp_path / "run"))


def call(capsys, *arguments):
    capsys.readouterr()
    with pytest.raises(SystemExit) as done:
        main(["verify", *map(str, arguments)])
    seen = capsys.readouterr()
    return int(done.value.code or 0), seen.out, seen.err


def digest(directory):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in directory.iterdir()}


def found_in(directory):
    findings = json.loads((directory / "findings.json").read_text(encoding="utf-8"))
    return [item for item in findings if item["code"] in {"verified", "verify_differs"}]


# --- A sound run ----------------------------------------------------------------------------------------------------

def test_a_sound_run_stands_and_says_so_in_its_findings(town, own_copy, capsys):
    before = digest(own_copy)
    old = json.loads((own_copy / "findings.json").read_text(encoding="utf-8"))
    code, out, err = call(capsys, own_copy, "--runfile", town[0], "--json")
    assert (code, err) == (0, "")
    record = json.loads(out)
    assert (record["n"], record["of"], record["verified"], record["unexplained"]) == (40, 40, True, 0)
    assert record["worst_minutes_pct"] <= 0.01
    assert [item["severity"] for item in found_in(own_copy)] == ["note"]
    new = json.loads((own_copy / "findings.json").read_text(encoding="utf-8"))
    assert [item for item in new if item["code"] != "verified"] == old
    after = digest(own_copy)
    assert {name for name in after if after[name] != before.get(name)} == {"findings.json"}
    assert call(capsys, own_copy, "--runfile", town[0])[0] == 0
    assert digest(own_copy) == after


def test_minutes_are_those_worked_by_hand(town):
    """Elderly care at (3500, 1000), 7.5 minutes a block on foot: 0 at the door, one block, six blocks from 乙村."""
    table = verify(town[2], town[1]).table.set_index(["layer", "demand_id"])
    walked = table.loc["elderly_care", "minutes_again"]
    assert walked[["d32", "d31", "d12"]].tolist() == pytest.approx([0.0, 7.5, 30.0], abs=1e-4)
    assert table.loc["elderly_care", "metres_again"][["d31", "d12"]].tolist() == pytest.approx([500, 2000], abs=0.01)
    driven = table.loc["clinics", "minutes_again"]
    # 20 km/h: 1.5 minutes a block and 3 at the end. From (500, 0) two blocks; from (1500, 1000), where the direct
    # street runs away from the clinic, one block aside, two west and one back: four.
    assert driven[["d0", "d12"]].tolist() == pytest.approx([6.0, 9.0], abs=1e-4)


def test_the_sample_is_spread_and_repeats(town):
    first, again = (verify(town[2], town[1], sample=12, seed=5).table for _ in range(2))
    assert first.equals(again)
    assert first.groupby(["layer", "township_code"]).size().tolist() == [3, 3, 3, 3]
    other = verify(town[2], town[1], sample=12, seed=6).table
    assert set(other["demand_id"]) != set(first["demand_id"])


def test_a_graph_of_osmnx_is_read_a_second_way_too(town, tmp_path):
    folder = Path(shutil.copytree(town[0].parent, tmp_path / "town"))
    osmnx.save_graphml(town[1].roads.to_networkx(), folder / "roads.graphml")
    text = town[0].read_text(encoding="utf-8").replace("roads.geojson", "roads.graphml")
    (folder / "town.toml").write_text(text, encoding="utf-8")
    study = read_study(folder / "town.toml")
    found = verify(assess(study), study)
    assert (found.verified, found.summary["n"]) == (True, 40)
    assert found.summary["worst_minutes_pct"] <= 0.01


# --- Planted faults -------------------------------------------------------------------------------------------------

def test_a_reversed_one_way_street_in_the_engine_is_found(town, tmp_path, capsys):
    study = town[1]
    faulty = replace(study, roads=replace(study.roads, oneway=-study.roads.oneway))
    directory = write_run(assess(faulty), tmp_path / "run")
    code, out, _ = call(capsys, directory, "--runfile", town[0], "--json")
    record = json.loads(out)
    assert code == 4
    # Only the three crossings of that street east of the clinic come off sooner: two blocks less each.
    assert record["causes"] == {"engine": 3}
    assert {(row["layer"], row["demand_id"]) for row in record["rows"] if row["outlier"]} == {
        ("clinics", name) for name in ("d12", "d22", "d32")}
    assert {round(row["difference_min"], 3) for row in record["rows"] if row["outlier"]} == {3.0}
    assert [(item["severity"], item["code"]) for item in found_in(directory)] == [("warn", "verify_differs")]


def test_a_doubled_speed_in_the_engine_is_found(town, tmp_path, capsys):
    study = town[1]
    policy = Policy.model_validate({**study.policy.model_dump(), "modes": {"walk": {"speeds_kph": {"residential": 8}}}})
    directory = write_run(replace(town[2], demand=assess(replace(study, policy=policy)).demand), tmp_path / "run")
    code, out, _ = call(capsys, directory, "--runfile", town[0])
    assert code == 4
    assert "the run differs" in out
    assert "engine" in out


def test_roads_read_wrongly_are_found_and_the_way_is_named(town):
    study = town[1]
    faulty = replace(study, roads=replace(study.roads, oneway=-study.roads.oneway))
    found = verify(assess(faulty), faulty)
    assert not found.verified
    assert set(found.table.loc[found.table["outlier"], "cause"]) == {"tags: way 2 (car)"}


@pytest.mark.parametrize("lost", [np.inf, np.nan])
def test_a_time_lost_by_the_run_is_found(town, lost):
    demand = town[2].demand.copy()
    demand.loc[demand["demand_id"] == "d14", "minutes_clinics"] = lost
    found = verify(replace(town[2], demand=demand), town[1])
    outliers = found.table[found.table["outlier"]]
    assert outliers[["demand_id", "layer"]].to_numpy().tolist() == [["d14", "clinics"]]
    assert outliers["cause"].str.startswith("engine").all()
    assert not found.verified


# --- Refusals -------------------------------------------------------------------------------------------------------

def test_another_input_is_refused(town, own_copy, tmp_path, capsys):
    folder = Path(shutil.copytree(town[0].parent, tmp_path / "town"))
    with (folder / "people.csv").open("a", encoding="utf-8") as stream:
        lon, lat = lonlat(0, 0)
        stream.write(f"d99,990101001001,990101001000,urban,{lon},{lat},1,0\n")
    code, _, err = call(capsys, own_copy, "--runfile", folder / "town.toml")
    assert code == 3
    assert "people.csv" in err
    assert "is not the file that run" in err
    assert len(err.splitlines()) == 1
    assert found_in(own_copy) == []


def test_inputs_are_looked_for_here_unless_the_run_file_is_named(town, own_copy, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capsys, own_copy)
    assert code == 3
    assert "--runfile" in err
    monkeypatch.chdir(town[0].parent)
    assert call(capsys, own_copy, "--sample", "4")[0] == 0


# --- Its own parts --------------------------------------------------------------------------------------------------

def test_a_walk_across_cells_equals_the_kernel():
    rng = np.random.default_rng(3)
    grid = BarrierGrid((rng.random((40, 40)) < 0.08).astype(np.uint8), 0.0, 400.0)
    walks = rng.uniform(-20, 420, (2000, 2, 2))
    ours = [crosses(grid, start, end) for start, end in walks]
    assert ours == [kernel_crosses(grid.walls, *start, *end) for start, end in walks]
    assert 0.2 < np.mean(ours) < 0.95


def test_the_numeric_minimum_is_exact_to_a_millimetre():
    """The walk to a straight road 40 m off, three times slower than the road: best 40 / sqrt(8) m ahead of the foot."""
    least, place = zoom(lambda s: 3 * np.hypot(s - 300, 40) + s, np.array([0.0]), np.array([600.0]))
    assert place[0] == pytest.approx(300 - 40 / np.sqrt(8), abs=1e-3)
    assert least[0] == pytest.approx(300 + 40 * np.sqrt(8), abs=1e-6)


# --- Real roads -----------------------------------------------------------------------------------------------------

def test_andorra_agrees_with_osmnx_without_an_outlier(tmp_path):
    andorra()
    directory = write_run(assess(RUNFILES / "andorra.toml", allow=(SHARED,)), tmp_path / "run")
    done = read_run(directory)
    found = verify(done, reread(done.run, RUNFILES, allow=(SHARED,)), sample=60)
    assert found.summary["n"] == 60
    assert found.summary["median_metres_pct"] <= 1.0
    assert found.summary["median_minutes_pct"] <= 1.0
    assert not found.table["outlier"].any()
    assert found.verified
