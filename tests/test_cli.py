"""The command line as people and scripts call it: exit codes, what is on stdout, what is on stderr."""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from command import COMMAND, assert_one_line, call, digest, inside
from lifecircle.runfile import read_runfile
from lifecircle.study import hash_inputs
from lifecircle.tables import GAPS_COLUMNS
from tinytown import EAST_TOWN, write_osm, write_town

MARK = "模型数据，非现状"


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    directory = tmp_path_factory.mktemp("first")
    done = call("run", write_town(directory / "town"), "--out", directory / "out")
    return directory / "out", done


@pytest.fixture(scope="module")
def run_directory(first_run: tuple[Path, Any]) -> Path:
    return first_run[0]


# --- What works -----------------------------------------------------------------------------------------------------

def test_run_prints_the_answer_and_nothing_beside_it(first_run: tuple[Path, Any]) -> None:
    directory, done = first_run
    assert (done.returncode, done.stderr) == (0, "")
    assert "小镇" in done.stdout
    assert MARK in done.stdout
    assert re.search(r"clinics +\S+ +55\.0%", done.stdout)
    assert done.stdout.splitlines()[-1] == f"map: {directory / 'map.html'}"
    assert {"run.json", "results.csv", "gaps.csv", "map.html", "lifecircle.gpkg"} <= set(digest(directory))


def test_run_in_json(tmp_path: Path) -> None:
    code, out, err = inside("run", write_town(tmp_path / "town"), "--out", tmp_path / "out", "--json")
    record = json.loads(out)
    clinics, care, shelters = record["layers"]
    assert (code, err) == (0, "")
    assert (record["quality"], record["note"], record["townships"], record["places"]) == ("model", MARK, 2, 4)
    assert (clinics["coverage_rate"], clinics["people_out"]) == (pytest.approx(0.55), 450.0)
    assert (care["coverage_rate"], care["people_out"]) == (pytest.approx(0.4), 144.0)
    assert shelters["area_per_head_m2"] == pytest.approx(0.6)


def test_check_reports_before_any_result(tmp_path: Path) -> None:
    runfile = write_town(tmp_path / "town")
    assert inside("check", runfile) == (
        0, "小镇: 2 townships, 4 places, 1,000 people, 76 road segments, 3 facilities\n", "")
    write_town(tmp_path / "town", district={"buffer_m": 3000})
    code, out, _ = inside("check", runfile, "--json")
    found = json.loads(out)
    assert code == 0
    assert [(item["severity"], item["code"]) for item in found] == [("note", "buffer_short")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["town"]


def test_gaps_as_table_csv_and_json(run_directory: Path) -> None:
    table, text, objects = (call("gaps", run_directory, "--township", "乙镇", "--layer", "clinics", *how)
                            for how in ([], ["--format", "csv"], ["--format", "json"]))
    assert [done.returncode for done in (table, text, objects)] == [0, 0, 0]
    assert table.stdout.startswith(MARK)
    rows = list(csv.DictReader(io.StringIO(text.stdout)))
    items = json.loads(objects.stdout)
    assert tuple(rows[0]) == GAPS_COLUMNS
    assert {row["township_code"] for row in rows} == {EAST_TOWN}
    assert [(row["place"], row["kind"]) for row in rows] == [(item["place"], item["kind"]) for item in items]
    assert sorted((item["place"], item["people_out"]) for item in items if item["kind"] == "reach") == [
        ("丁村", 250.0), ("丙村", 200.0)]


def test_gaps_of_a_layer_without_any(run_directory: Path) -> None:
    code, out, err = inside("gaps", run_directory, "--township", "甲街道", "--layer", "clinics", "--json")
    assert (code, [item["kind"] for item in json.loads(out)], err) == (0, ["presence"], "")


@pytest.mark.parametrize("name", ["clinics", "诊所", "Clinics", "clinics ", " 诊所"])
def test_a_layer_may_be_called_by_its_label(run_directory: Path, name: str) -> None:
    wanted = [item for item in json.loads(inside("gaps", run_directory, "--json")[1]) if item["layer"] == "clinics"]
    assert wanted
    code, out, err = inside("gaps", run_directory, "--layer", name, "--json")
    assert (code, json.loads(out), err) == (0, wanted, "")


def test_the_table_of_gaps_shows_the_largest_and_programs_get_all(run_directory: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run_directory, copy)
    head, *rows = (copy / "gaps.csv").read_text(encoding="utf-8").splitlines()
    once = len(rows)
    (copy / "gaps.csv").write_text("\n".join([head, *rows * 4]) + "\n", encoding="utf-8")
    assert once < 20 < 4 * once
    code, out, err = inside("gaps", copy)
    assert (code, len(out.splitlines())) == (0, 2 + 20)  # the mark and the heads stand above
    assert err == f"{4 * once - 20} more gaps; --limit 0 shows all {4 * once}\n"
    out, err = inside("gaps", copy, "--limit", "0")[1:]
    assert (len(out.splitlines()), err) == (2 + 4 * once, "")
    assert len(inside("gaps", copy, "--format", "csv")[1].splitlines()) == 1 + 4 * once
    assert len(json.loads(inside("gaps", copy, "--json")[1])) == 4 * once
    code, out, err = inside("gaps", copy, "--json", "--limit", "5")
    people = sorted((float(row["people_out"]) for row in csv.DictReader(io.StringIO("\n".join([head, *rows * 4])))),
                    reverse=True)
    assert ([item["people_out"] for item in json.loads(out)], err) == (people[:5], f"{4 * once - 5} more gaps; "
                                                                      f"--limit 0 shows all {4 * once}\n")
    assert inside("gaps", run_directory, "--limit", str(once))[2] == ""


def test_output_survives_a_poor_terminal_and_a_closed_pipe(run_directory: Path) -> None:
    assert call("gaps", run_directory, PYTHONIOENCODING="ascii").returncode == 0
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run([COMMAND, "gaps", str(run_directory), "--json"], stdout=pipe, stderr=subprocess.PIPE,
                              encoding="utf-8", timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_map_is_drawn_again_with_the_same_bytes(run_directory: Path,
                                                ) -> None:
    before = digest(run_directory)
    (run_directory / "map.html").unlink()
    assert inside("map", run_directory) == (0, f"{run_directory / 'map.html'}\n", "")
    assert digest(run_directory) == before


def test_init_copies_a_district_that_can_be_run(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    assert inside("init", target) == (0, f"{target / 'bazhou.toml'}\n", "")
    assert len(hash_inputs(read_runfile(target / "bazhou.toml"))) >= 10
    assert not (target / "generator").exists()
    before = digest(target)
    code, _, err = inside("init", target)
    assert (code, digest(target)) == (2, before)
    assert "is no empty folder" in err
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    assert inside("init", tmp_path / "file")[0] == 2


def test_roads_from_an_extract_serve_a_run(tmp_path: Path) -> None:
    (tmp_path / "town").mkdir()
    write_osm(tmp_path / "town.osm")
    code, out, _ = inside("roads", "--pbf", tmp_path / "town.osm", "--out", tmp_path / "town" / "roads.graphml")
    assert (code, out) == (0, f"{tmp_path / 'town' / 'roads.graphml'}\n")
    later = {"urban": {"cutoff_min": 16}, "rural": {"cutoff_min": 31}}  # OSM rounds to a centimetre
    runfile = write_town(tmp_path / "town", roads={"file": "roads.graphml"}, policy={"clinics": later})
    code, out, _ = inside("run", runfile, "--out", tmp_path / "out", "--json")
    assert (code, json.loads(out)["layers"][0]["coverage_rate"]) == (0, pytest.approx(0.55))


def test_serve_answers_and_stops(run_directory: Path) -> None:
    command = [COMMAND, "serve", str(run_directory), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().strip())
        try:
            answers = {path: ask(address.port, path) for path in ("/healthz", "/gaps?limit=1", "/nosuch")}
            raw = ask(address.port, "/townships/..%2f..%2f..%2fetc%2fpasswd/gaps")
            other = subprocess.run([COMMAND, "serve", str(run_directory), "--port", str(address.port)],
                                   capture_output=True, encoding="utf-8", timeout=60, check=False)
        finally:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert [status for status, _ in answers.values()] == [200, 200, 404]
    assert answers["/healthz"][1]["status"] == "ok"
    assert (raw[0], raw[1]["title"]) == (404, "Not Found")
    assert (other.returncode, len(other.stderr.splitlines())) == (2, 1)
    assert f"port {address.port}" in other.stderr
    assert (process.returncode, out) == (0, "")
    assert '"GET /gaps?limit=1 HTTP/1.1" 200' in err


def ask(port: int | None, path: str) -> tuple[int, Any]:
    """Ask as a plain client does, without touching the path; waits until the service is up."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_version_help_and_doctor() -> None:
    version = subprocess.run([sys.executable, "-m", "lifecircle", "--version"], capture_output=True, encoding="utf-8",
                             timeout=60, check=False)
    assert (version.returncode, version.stdout.split()[0]) == (0, "lifecircle")
    for flag in ("-h", "--help"):
        shown = call(flag)
        assert shown.returncode == 0
        assert all(verb in shown.stdout for verb in ("init", "check", "run", "gaps", "map", "serve", "roads", "doctor"))
    record = json.loads(call("doctor", "--json").stdout)
    assert {"python", "numpy", "geopandas", "GDAL", "PROJ", "drivers"} <= set(record)
    assert "GPKG" in record["drivers"]


# --- Wrong calls ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("arguments", "said"), [
    (["frob"], "No such command 'frob'"), (["run"], "Missing argument"), (["run", "x.toml"], "Missing option '--out'"),
    (["gaps", "RUN", "--nosuch"], "No such option"), (["gaps", "RUN", "--limit", "-1"], "--limit"),
    (["gaps", "RUN", "--format", "xml"], "'table', 'csv', 'json'"),
    (["gaps", "RUN", "--layer", "nosuch"],
     "no layer nosuch; there are clinics（诊所）, elderly_care（养老）, shelters（避难场所）"),
    (["gaps", "RUN", "--township", "丙镇"], "there are"), (["serve", "RUN", "--port", "70000"], "65535"),
    (["roads", "--out", "x.graphml"], "give one of --place, --bbox and --pbf"),
    (["roads", "--out", "x.graphml", "--bbox", "1,2,3"], "west,south,east,north"),
    (["run", "TOWN", "--out", "TOWN"], "is a file, not a directory"),
    (["run", "TOWN", "--out", "FOLDER"], "holds no run.json"),
])
def test_wrong_calls_are_told_in_a_line(tmp_path: Path, run_directory: Path, arguments: list[str], said: str) -> None:
    town = write_town(tmp_path / "town")
    places = {"RUN": run_directory, "TOWN": town, "FOLDER": tmp_path / "town"}
    code, out, err = inside(*(places.get(word, word) for word in arguments))
    assert (code, out) == (2, "")
    assert said in err
    assert_one_line(err)


def test_without_a_verb_help_is_shown() -> None:
    code, out, err = inside()
    assert (code, err) == (2, "")
    assert "Usage: lifecircle" in out


# --- Faults of ours -------------------------------------------------------------------------------------------------

def test_an_internal_error_is_one_line_and_exit_5(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> dict[str, str]:
        raise KeyError("unforeseen")

    monkeypatch.setattr("lifecircle.describe.versions", fail)
    code, out, err = inside("doctor")
    assert (code, out, len(err.splitlines())) == (5, "", 1)
    assert "internal error at test_cli.py:" in err


def test_what_the_system_refuses_is_bad_input(tmp_path: Path, run_directory: Path) -> None:
    copy = tmp_path / "run"
    copy.mkdir()
    for path in run_directory.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "map.html").unlink()
    (copy / "map.html").mkdir()
    code, out, err = inside("map", copy)
    assert (code, out) == (3, "")
    assert_one_line(err)
    assert "map.html" in err
