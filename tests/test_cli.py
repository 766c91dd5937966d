"""The command line as people and scripts call it: exit codes, what is on stdout, what is on stderr."""

from __future__ import annotations

import csv
import hashlib
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import geopandas as gpd
import pytest

from lifecircle.cli import main
from lifecircle.runfile import read_runfile
from lifecircle.study import hash_inputs
from lifecircle.tables import GAPS_COLUMNS
from tinytown import EAST_TOWN, lonlat, toml_text, write_town

COMMAND = Path(sys.executable).parent / "lifecircle"
MARK = "模型数据，非现状"


def call(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a process of its own, far from any terminal."""
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, encoding="utf-8", timeout=120,
                          stdin=subprocess.DEVNULL, env={**os.environ, **environment}, check=False)


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process; gives exit code, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main([str(argument) for argument in arguments])
        seen = capsys.readouterr()
        return int(done.value.code or 0), seen.out, seen.err

    return run


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    directory = tmp_path_factory.mktemp("first")
    done = call("run", write_town(directory / "town"), "--out", directory / "out")
    return directory / "out", done


@pytest.fixture(scope="module")
def run_directory(first_run: tuple[Path, Any]) -> Path:
    return first_run[0]


def digest(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(directory.rglob("*")) if path.is_file()}


# --- What works -----------------------------------------------------------------------------------------------------

def test_run_prints_the_answer_and_nothing_beside_it(first_run: tuple[Path, Any]) -> None:
    directory, done = first_run
    assert (done.returncode, done.stderr) == (0, "")
    assert "小镇" in done.stdout
    assert MARK in done.stdout
    assert re.search(r"clinics +\S+ +55\.0%", done.stdout)
    assert done.stdout.splitlines()[-1] == f"map: {directory / 'map.html'}"
    assert {"run.json", "results.csv", "gaps.csv", "map.html", "lifecircle.gpkg"} <= set(digest(directory))


def test_run_in_json(tmp_path: Path, inside: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = inside("run", write_town(tmp_path / "town"), "--out", tmp_path / "out", "--json")
    record = json.loads(out)
    clinics, care, shelters = record["layers"]
    assert (code, err) == (0, "")
    assert (record["quality"], record["note"], record["townships"], record["places"]) == ("model", MARK, 2, 4)
    assert (clinics["coverage_rate"], clinics["people_out"]) == (pytest.approx(0.55), 450.0)
    assert (care["coverage_rate"], care["people_out"]) == (pytest.approx(0.4), 144.0)
    assert shelters["area_per_head_m2"] == pytest.approx(0.6)


def test_check_reports_before_any_result(tmp_path: Path, inside: Callable[..., tuple[int, str, str]]) -> None:
    runfile = write_town(tmp_path / "town")
    assert inside("check", runfile) == (
        0, "小镇: 2 townships, 4 places, 1,000 people, 76 road segments, 3 facilities\n", "")
    write_town(tmp_path / "town", district={"buffer_m": 3000})
    code, out, _ = inside("check", runfile, "--json")
    found = json.loads(out)
    assert code == 0
    assert [(item["severity"], item["code"]) for item in found] == [("warn", "buffer_short")]
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


def test_gaps_of_a_layer_without_any(run_directory: Path, inside: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = inside("gaps", run_directory, "--township", "甲街道", "--layer", "clinics", "--json")
    assert (code, [item["kind"] for item in json.loads(out)], err) == (0, ["presence"], "")


def test_output_survives_a_poor_terminal_and_a_closed_pipe(run_directory: Path) -> None:
    assert call("gaps", run_directory, PYTHONIOENCODING="ascii").returncode == 0
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        done = subprocess.run([COMMAND, "gaps", str(run_directory), "--json"], stdout=pipe, stderr=subprocess.PIPE,
                              encoding="utf-8", timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_map_is_drawn_again_with_the_same_bytes(run_directory: Path, inside: Callable[..., tuple[int, str, str]],
                                                ) -> None:
    before = digest(run_directory)
    (run_directory / "map.html").unlink()
    assert inside("map", run_directory) == (0, f"{run_directory / 'map.html'}\n", "")
    assert digest(run_directory) == before


def test_init_copies_a_district_that_can_be_run(tmp_path: Path, inside: Callable[..., tuple[int, str, str]]) -> None:
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


def test_roads_from_an_extract_serve_a_run(tmp_path: Path, inside: Callable[..., tuple[int, str, str]]) -> None:
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
    (["gaps", "RUN", "--nosuch"], "No such option"), (["gaps", "RUN", "--format", "xml"], "'table', 'csv', 'json'"),
    (["gaps", "RUN", "--layer", "nosuch"], "there are clinics, elderly_care, shelters"),
    (["gaps", "RUN", "--township", "丙镇"], "there are"), (["serve", "RUN", "--port", "70000"], "65535"),
    (["roads", "--out", "x.graphml"], "give one of --place, --bbox and --pbf"),
    (["roads", "--out", "x.graphml", "--bbox", "1,2,3"], "west,south,east,north"),
    (["run", "TOWN", "--out", "TOWN"], "is a file, not a directory"),
    (["run", "TOWN", "--out", "FOLDER"], "holds no run.json"),
])
def test_wrong_calls_are_told_in_a_line(tmp_path: Path, run_directory: Path, arguments: list[str], said: str,
                                        inside: Callable[..., tuple[int, str, str]]) -> None:
    town = write_town(tmp_path / "town")
    places = {"RUN": run_directory, "TOWN": town, "FOLDER": tmp_path / "town"}
    code, out, err = inside(*(places.get(word, word) for word in arguments))
    assert (code, out) == (2, "")
    assert said in err
    assert_one_line(err)


def test_without_a_verb_help_is_shown(inside: Callable[..., tuple[int, str, str]]) -> None:
    code, out, err = inside()
    assert (code, err) == (2, "")
    assert "Usage: lifecircle" in out


def assert_one_line(err: str) -> None:
    assert len(err.splitlines()) == 1
    assert err.startswith("lifecircle: ")
    assert "Traceback" not in err
    assert "internal error" not in err


# --- Bad input ------------------------------------------------------------------------------------------------------

def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Give a change of one file's text."""

    def change(town: Path) -> None:
        text = (town / name).read_text(encoding="utf-8")
        assert old in text
        (town / name).write_text(text.replace(old, new), encoding="utf-8")

    return change


def write(name: str, content: str | bytes) -> Callable[[Path], None]:
    """Give a file of other content."""
    return lambda town: (town / name).write_bytes(content.encode() if isinstance(content, str) else content) and None


def remove(name: str) -> Callable[[Path], None]:
    return lambda town: (town / name).unlink()


def sections(**changes: Any) -> Callable[[Path], None]:
    """Give a change of the run file."""
    return lambda town: write_town(town, **changes) and None


def without_crs(town: Path) -> None:
    gpd.read_file(town / "roads.geojson").to_file(town / "roads.shp")
    (town / "roads.prj").unlink()
    write_town(town, roads={"file": "roads.shp"})


def no_boundary(town: Path) -> None:
    write_osm(town / "town.osm")
    write_town(town, boundaries={"file": None, "places": None, "osm": {"file": "town.osm", "admin_level": 8}})


def write_osm(path: Path) -> None:
    """Write the town's streets as an OSM file."""
    nodes = {(column, row): 1 + column + 9 * row for row in range(5) for column in range(9)}
    ways = [[nodes[column, row] for column in range(9)] for row in range(5)]
    ways += [[nodes[column, row] for row in range(5)] for column in range(9)]
    lines = ['<osm version="0.6">']
    for (column, row), number in nodes.items():
        lon, lat = lonlat(500.0 * column, 500.0 * row)
        lines.append(f'<node id="{number}" lon="{lon:.7f}" lat="{lat:.7f}" version="1"/>')
    for number, way in enumerate(ways, start=1):
        refs = "".join(f'<nd ref="{node}"/>' for node in way)
        lines.append(f'<way id="{number}" version="1">{refs}<tag k="highway" v="residential"/></way>')
    path.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")


BAD: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "missing run file": (remove("town.toml"), ("town.toml", "no such file")),
    "run file is no TOML": (write("town.toml", "[district\nname = 1"), ("town.toml", "is not valid TOML", "line 1")),
    "run file is binary": (write("town.toml", b"\xff\xfe\x00"), ("town.toml", "is not valid TOML")),
    "unknown key": (sections(district={"nmae": "x"}), ("town.toml", "unknown key district.nmae", "did you mean name")),
    "unknown policy key": (sections(policy={"clinics": {"cutof": 1}}), ("town.toml", "policy.clinics.cutof")),
    "policy of a layer that is not there": (sections(policy={"schools": {}}), ("town.toml", "policy.schools")),
    "unknown mode": (sections(policy={"clinics": {"urban": {"cutoff_min": 15, "mode": "fly"}}}),
                     ("unknown mode fly", "walk")),
    "cutoff out of range": (sections(policy={"clinics": {"urban": {"cutoff_min": -1}}}),
                            ("town.toml", "clinics.urban.cutoff_min", "greater than 0")),
    "no layer": (sections(facilities=[]), ("town.toml", "[[facilities]]")),
    "missing file": (remove("clinics.csv"), ("clinics.csv", "no such file")),
    "missing roads": (remove("roads.geojson"), ("roads.geojson", "no such file")),
    "missing column of a position": (replace("clinics.csv", ",lon,", ",longitude,"),
                                     ("clinics.csv", "no column lon", "columns = {")),
    "missing column of people": (replace("people.csv", ",population,", ",persons,"),
                                 ("people.csv", "no column population")),
    "missing column of codes": (replace("townships.geojson", "township_code", "code"),
                                ("townships.geojson", "no column township_code")),
    "no CRS": (without_crs, ("roads.shp", "names no coordinate system", "EPSG")),
    "empty layer": (write("clinics.csv", "facility_id,name,level,lon,lat\n"), ("clinics.csv", "clinics", "no feature")),
    "empty file": (write("clinics.csv", ""), ("clinics.csv", "empty")),
    "empty roads": (write("roads.geojson", '{"type":"FeatureCollection","features":[]}'), ("roads.geojson",)),
    "boundary that matches nothing": (no_boundary, ("town.osm", "no closed boundary of admin_level 8")),
    "roads of another place": (sections(roads={"file": "far.geojson", "source": None}),
                               ("far.geojson", "no road lies in the district", "coordinate system")),
    "broken extract": (sections(roads={"file": "broken.osm.pbf"}), ("broken.osm.pbf", "broken")),
    "broken layer": (write("shelters.geojson", '{"type":"FeatureCollection","features":[{'), ("shelters.geojson",)),
    "an id twice": (write("clinics.csv", "facility_id,lon,lat\nC1,106.8,31.85\nC1,106.81,31.85\n"), ("C1",)),
    "negative people": (replace("people.csv", ",50,", ",-50,"), ("people.csv", "negative", "row 2")),
    "no number": (replace("people.csv", ",50,", ",many,"), ("people.csv", "no number", "many")),
    "unknown road class": (replace("roads.geojson", "residential", "boulevard"), ("roads.geojson", "boulevard")),
    "degrees out of range": (replace("clinics.csv", ",106.", ",1906."), ("clinics.csv", "degrees")),
    "CRS in degrees": (sections(district={"crs": "EPSG:4326"}), ("town.toml", "EPSG:4326")),
    "a URL as a file": (sections(people={"file": "http://127.0.0.1:9/people.csv"}), ("127.0.0.1:9/people.csv",)),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("kept")
    with pytest.raises(SystemExit):
        main(["run", str(write_town(directory / "town")), "--out", str(directory / "out")])
    return directory


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_in_a_line_and_leaves_the_earlier_run(
        tmp_path: Path, kept: Path, name: str, inside: Callable[..., tuple[int, str, str]]) -> None:
    change, said = BAD[name]
    town = tmp_path / "town"
    runfile = write_town(town)
    (town / "broken.osm.pbf").write_bytes(b"\x00\x00\x00\x0d\x0a\x09OSMHeader" + b"\x18\x99" * 40)
    write("far.geojson", far_street(10.0, 50.0))(town)
    change(town)
    before = digest(kept / "out")
    code, out, err = inside("run", runfile, "--out", kept / "out")
    assert (code, out) == (3, "")
    assert_one_line(err)
    assert all(part in err for part in said), err
    assert "; " in err
    assert digest(kept / "out") == before
    assert [path.name for path in kept.iterdir() if path.name.startswith(".")] == []


def far_street(lon: float, lat: float) -> str:
    """Give a layer of one street somewhere else."""
    return json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"class": "residential"},
         "geometry": {"type": "LineString", "coordinates": [[lon, lat], [lon + 0.01, lat]]}}]})


@pytest.mark.parametrize(("verb", "file", "content"), [
    ("gaps", "gaps.csv", b"\xff\xfe\x00"), ("map", "lifecircle.gpkg", b"no database"), ("map", "run.json", b"{"),
    ("map", "demand.parquet", b"PAR1"), ("serve", "results.csv", b"\xff\xfe\x00")])
def test_damaged_runs_are_told_in_a_line(tmp_path: Path, run_directory: Path, verb: str, file: str, content: bytes,
                                         inside: Callable[..., tuple[int, str, str]]) -> None:
    damaged = tmp_path / "run"
    damaged.mkdir()
    for path in run_directory.iterdir():
        (damaged / path.name).write_bytes(content if path.name == file else path.read_bytes())
    code, out, err = inside(verb, damaged)
    assert (code, out) == (3, "")
    assert_one_line(err)
    assert file in err


def test_no_run_directory(tmp_path: Path, inside: Callable[..., tuple[int, str, str]]) -> None:
    for verb in ("gaps", "map", "serve"):
        code, out, err = inside(verb, tmp_path)
        assert (code, out) == (3, "")
        assert_one_line(err)
        assert "lifecircle run" in err


def test_facility_far_off_any_road_is_reported_counted_and_kept(
        tmp_path: Path, inside: Callable[..., tuple[int, str, str]]) -> None:
    """A second clinic stands 250 m from every street, and walks to a road may be 50 m long.

    Who is near it and near no other clinic is undetermined: all of 丁 (250) and four points of 丙 (200).
    """
    policy = {"modes": {"walk": {"snap_limit_m": 50}}}
    runfile = write_town(tmp_path / "town", policy={"file": "policy.toml"})
    (tmp_path / "town" / "policy.toml").write_text(toml_text(policy), encoding="utf-8")
    lon, lat = lonlat(2750.0, 1250.0)
    with (tmp_path / "town" / "clinics.csv").open("a", encoding="utf-8") as register:
        register.write(f"C2,丙诊所,village_clinic,{lon},{lat}\n")
    code, out, err = inside("run", runfile, "--out", tmp_path / "out", "--json")
    clinics = json.loads(out)["layers"][0]
    assert (code, err) == (0, "")
    assert (clinics["people"], clinics["people_in_time"], clinics["people_out"], clinics["people_undetermined"]) == (
        1000.0, 550.0, 0.0, 450.0)
    assert (clinics["low"], clinics["high"]) == (pytest.approx(0.55), pytest.approx(1.0))
    found = json.loads((tmp_path / "out" / "findings.json").read_text(encoding="utf-8"))
    assert [(item["severity"], item["code"], item["id"], item["layer"]) for item in found] == [
        ("warn", "facility_unjoined", "C2", "clinics")]
    stored = gpd.read_file(tmp_path / "out" / "lifecircle.gpkg", layer="facilities").set_index("facility_id")
    assert stored.loc[["C1", "C2"], "joined"].tolist() == [True, False]


# --- Faults of ours -------------------------------------------------------------------------------------------------

def test_an_internal_error_is_one_line_and_exit_5(monkeypatch: pytest.MonkeyPatch,
                                                  inside: Callable[..., tuple[int, str, str]]) -> None:
    def fail() -> dict[str, str]:
        raise KeyError("unforeseen")

    monkeypatch.setattr("lifecircle.describe.versions", fail)
    code, out, err = inside("doctor")
    assert (code, out, len(err.splitlines())) == (5, "", 1)
    assert "internal error at test_cli.py:" in err


def test_what_the_system_refuses_is_bad_input(tmp_path: Path, run_directory: Path,
                                              inside: Callable[..., tuple[int, str, str]]) -> None:
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
