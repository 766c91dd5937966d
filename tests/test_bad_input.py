"""Bad input: each fault is told in one line, and an earlier run stays as it was, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest

from command import assert_one_line, digest, inside
from tinytown import lonlat, toml_text, write_osm, write_town


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
    "missing column of a position": (replace("clinics.csv", ",lon,", ",across,"),
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
    assert inside("run", write_town(directory / "town"), "--out", directory / "out")[0] == 0
    return directory


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_in_a_line_and_leaves_the_earlier_run(
        tmp_path: Path, kept: Path, name: str) -> None:
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
def test_damaged_runs_are_told_in_a_line(tmp_path: Path, kept: Path, verb: str, file: str, content: bytes) -> None:
    damaged = tmp_path / "run"
    damaged.mkdir()
    for path in (kept / "out").iterdir():
        (damaged / path.name).write_bytes(content if path.name == file else path.read_bytes())
    code, out, err = inside(verb, damaged)
    assert (code, out) == (3, "")
    assert_one_line(err)
    assert file in err


def test_no_run_directory(tmp_path: Path) -> None:
    for verb in ("gaps", "map", "serve"):
        code, out, err = inside(verb, tmp_path)
        assert (code, out) == (3, "")
        assert_one_line(err)
        assert "lifecircle run" in err


def test_facility_far_off_any_road_is_reported_counted_and_kept(
        tmp_path: Path) -> None:
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
