"""The run directory: whole or not at all, the same bytes, back as it was, one writer at a time."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio

from crash_writer import digest
from lifecircle.errors import InputError, MissingFileError, UnreadableFileError, UsageError
from lifecircle.outputs.atomic import hold
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.rundir import check_target, read_gaps, read_run, write_run
from lifecircle.outputs.summary import summary_record, summary_text
from sample_assessment import sample

FILES = {"run.json", "timing.json", "findings.json", "results.csv", "gaps.csv", "long_legs.csv", "demand.parquet",
         "roads_quality.csv", "marks.csv", "circles.csv", "priority.csv", "scorecard.csv", "ranking.csv",
         "critical_links.csv", "places_services.csv", "lifecircle.gpkg", "map.html",
         *(f"surface_{layer}.tif" for layer in ("clinics", "sports", "elderly", "childcare", "shelters"))}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(sample(), tmp_path_factory.mktemp("runs") / "run")


def test_holds_what_the_contract_names(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == FILES
    assert [path.name for path in run.parent.iterdir()] == ["run"]
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    assert (record["run_id"], record["district"]["name"]) == ("5a3c19e0b7d2", "巴州区")
    assert json.loads((run / "findings.json").read_text(encoding="utf-8"))[0]["id"] == "clinics-3"


def test_same_assessment_same_bytes(run: Path, tmp_path: Path) -> None:
    again = write_run(replace(sample(), timing={"assess": 99.0}), tmp_path / "again")
    differing = {name for name in FILES if (run / name).read_bytes() != (again / name).read_bytes()}
    assert differing == {"timing.json"}


def test_comes_back(run: Path) -> None:
    before, after = published(sample()), read_run(run, surfaces=True)
    assert after.layers == before.layers
    assert after.run == before.run
    assert after.findings == before.findings
    key = ["township_code", "class", "layer", "indicator"]
    pd.testing.assert_frame_equal(after.results.sort_values(key, ignore_index=True),
                                  before.results.sort_values(key, ignore_index=True), check_dtype=False, atol=1e-9)
    columns = [column for column in before.demand.columns if column != "geometry"]
    pd.testing.assert_frame_equal(pd.DataFrame(after.demand[columns]), pd.DataFrame(before.demand[columns]),
                                  check_dtype=False)
    assert after.demand.crs == before.demand.crs
    assert after.demand.geometry.distance(before.demand.geometry).max() < 1e-3
    surface = after.surfaces["sports"]
    np.testing.assert_array_equal(surface.minutes, before.surfaces["sports"].minutes)
    assert (surface.modes, surface.west_m, surface.north_m, surface.cell_m) == (
        ("walk", "bicycle"), 383_000.0, 3_528_000.0, 500.0)
    assert read_run(run).surfaces == {}


def test_unreached_minutes_stay_infinite(run: Path) -> None:
    demand = read_run(run).demand.set_index("demand_id")
    assert np.isinf(demand.loc["d50", "minutes_elderly"])
    assert np.isnan(demand.loc["d54", "minutes_elderly"])


def test_surface_says_what_it_is(run: Path) -> None:
    with rasterio.open(run / "surface_sports.tif") as file:
        assert file.crs.to_epsg() == 4545
        assert file.descriptions == ("walk", "bicycle")
        assert file.units == ("min", "min")
        assert file.dtypes == ("float32", "float32")
        assert np.isnan(file.nodata)
        assert file.bounds == (383_000.0, 3_524_000.0, 395_000.0, 3_528_000.0)


def test_surface_of_a_dropped_layer_does_not_linger(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    fewer = replace(sample(), surfaces={})
    write_run(fewer, tmp_path / "run")
    assert not list((tmp_path / "run").glob("surface_*"))


def test_files_of_the_user_are_kept(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "my.qgz").write_bytes(b"project")
    (tmp_path / "run" / "notes" / "deep").mkdir(parents=True)
    (tmp_path / "run" / "notes" / "deep" / "run.json").write_text("mine", encoding="utf-8")
    write_run(sample(quality="register"), tmp_path / "run")
    assert (tmp_path / "run" / "my.qgz").read_bytes() == b"project"
    assert (tmp_path / "run" / "notes" / "deep" / "run.json").read_text(encoding="utf-8") == "mine"
    assert read_run(tmp_path / "run").run["quality"] == "register"


def test_other_directories_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    (tmp_path / "file").write_bytes(b"x")
    for target, what in (("photos", "is not empty and holds no run.json"), ("file", "is a file, not a directory")):
        for refused in (check_target, lambda path: write_run(sample(), path)):
            with pytest.raises(UsageError, match=what):
                refused(tmp_path / target)
    assert (tmp_path / "photos" / "a.jpg").read_bytes() == b"x"
    with pytest.raises(InputError, match="cannot be written"):
        check_target(tmp_path / "file" / "run")
    (tmp_path / "empty").mkdir()
    assert write_run(sample(), tmp_path / "empty" / "deep" / "run").is_dir()


def test_reading_what_is_no_run_names_the_remedy(run: Path, tmp_path: Path) -> None:
    for directory, what in ((tmp_path, "is no run directory"), (tmp_path / "none", "no such directory")):
        for read in (read_run, read_gaps):
            with pytest.raises(MissingFileError, match=rf"{what}.*lifecircle run RUNFILE --out DIR"):
                read(directory)
    broken = shutil.copytree(run, tmp_path / "broken")
    (broken / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"run\.json: cannot be read"):
        read_run(broken)
    (broken / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"run\.json: is not of this version.*run the district again"):
        read_run(broken)


@pytest.mark.parametrize("name", ["demand.parquet", "lifecircle.gpkg", "results.csv", "surface_clinics.tif",
                                  "findings.json"])
def test_a_damaged_file_is_named(run: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    if name == "results.csv":
        path.write_bytes(b"value\nx\n")
    with pytest.raises(UnreadableFileError, match=name.replace(".", r"\.")):
        read_run(tmp_path / "run", surfaces=True)


def test_a_kill_leaves_the_earlier_run_whole(tmp_path: Path) -> None:
    """Killed at named points and at twelve moments: the directory is the old run or the new one, never a mixture."""
    directory = tmp_path / "run"
    write_run(sample(), directory)
    old = digest(directory)
    new = digest(write_run(sample(quality="register"), tmp_path / "other"))
    assert old != new
    answer = subprocess.run([sys.executable, Path(__file__).parent / "crash_writer.py", directory], check=True,
                            capture_output=True, text=True, timeout=120)
    crashes = json.loads(answer.stdout)
    named = [crash for crash in crashes if not crash["at"].endswith(" s")]
    assert {crash["at"] for crash in named} >= {"write_geopackage", "save_map", "commit"}
    assert all(crash["signal"] == signal.SIGKILL and crash["digest"] == old for crash in named)
    assert {crash["digest"] for crash in crashes} <= {old, new}
    assert sum(crash["signal"] == signal.SIGKILL for crash in crashes) > len(named)
    write_run(sample(), directory)
    assert digest(directory) == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "run"]


def test_a_full_disk_leaves_the_earlier_run_whole(run: Path, tmp_path: Path) -> None:
    """A process that may write no file above 60 kB stops with our error, and the old run is as it was."""
    directory = shutil.copytree(run, tmp_path / "run")
    before = digest(directory)
    script = ("import resource, signal, sys; sys.path.insert(0, sys.argv[2]); from sample_assessment import sample\n"
              "from lifecircle.errors import InputError; from lifecircle.outputs.rundir import write_run\n"
              "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (60000,) * 2)\n"
              "try: write_run(sample(), sys.argv[1])\nexcept InputError as error: print(error)")
    answer = subprocess.run([sys.executable, "-c", script, directory, Path(__file__).parent], check=True,
                            capture_output=True, text=True, timeout=60)
    assert "run: cannot be written" in answer.stdout
    assert digest(directory) == before


def test_two_runs_into_one_directory(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    script = ("import sys; from lifecircle.outputs.atomic import hold\n"
              "with hold(sys.argv[1]): print('held', flush=True); sys.stdin.read()")
    holder = subprocess.Popen([sys.executable, "-c", script, directory], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        for refused in (check_target, lambda path: write_run(sample(), path)):
            with pytest.raises(InputError, match=rf"process {holder.pid} is writing into it \(lock \.run\.lock\)"):
                refused(directory)
        assert not directory.exists()
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    assert (tmp_path / ".run.lock").exists()
    assert write_run(sample(), directory).is_dir()
    assert not (tmp_path / ".run.lock").exists()


def test_one_thread_may_hold_twice_another_not(tmp_path: Path) -> None:
    errors: list[str] = []

    def other() -> None:
        try:
            with hold(tmp_path / "run"):
                errors.append("entered")
        except InputError as error:
            errors.append(str(error))

    with hold(tmp_path / "run"):
        with hold(tmp_path / "run"):
            pass
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert len(errors) == 1
    assert f"process {os.getpid()} is writing into it" in errors[0]
    with hold(tmp_path / "run"):
        assert (tmp_path / ".run.lock").exists()


def test_a_swap_in_two_steps_is_mended(run: Path, tmp_path: Path) -> None:
    """Where the system cannot swap at once and the crash fell between the two renames, the old run comes back."""
    directory = tmp_path / "run"
    shutil.copytree(run, tmp_path / ".run.old")
    (tmp_path / ".run.old" / "my.qgz").write_bytes(b"project")
    (tmp_path / ".run.new").mkdir()
    write_run(sample(quality="register"), directory)
    assert read_run(directory).run["quality"] == "register"
    assert (directory / "my.qgz").exists()  # so it was the old run that came back first
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_summary_says_the_figures_and_the_mark(run: Path) -> None:
    text = summary_text(sample(), run)
    assert "巴州区  run 5a3c19e0b7d2  模型数据，非现状" in text
    assert "clinics    医疗卫生  77.5% to 78.2%  682         21            undecided" in text
    assert re.search(r"  hidden  +undecided", text)
    assert text.splitlines()[-1] == f"map: {run / 'map.html'}"
    record = summary_record(sample(quality="register"), run)
    assert record["note"] == ""
    shelters = record["layers"][-1]
    assert (shelters["area_per_head_m2"], shelters["area_target_m2"], shelters["area_verdict"]) == (2.4, 2.0, "met")
    assert json.loads(json.dumps(record, allow_nan=False)) == record
