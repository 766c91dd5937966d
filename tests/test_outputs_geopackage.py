"""The GeoPackage: layers, types, the same bytes, back as it was."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas as gpd
import pyogrio
import pytest
from PIL import Image

from lifecircle.errors import MissingFileError, UnreadableFileError
from lifecircle.outputs.geopackage import read_geopackage, write_geopackage
from lifecircle.outputs.map_colours import RAMPS
from sample_assessment import sample


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("gpkg") / "lifecircle.gpkg"
    write_geopackage(sample(), path)
    return path


def test_layers_and_their_shapes(package: Path) -> None:
    shapes = dict(pyogrio.list_layers(package))
    assert shapes.pop("layer_styles") is None
    assert shapes == {"townships": "MultiPolygon", "places": "MultiPolygon", "facilities": "Point",
                      "facility_outlines": "MultiPolygon", "service_areas": "MultiPolygon", "gaps": "Point",
                      "ground": "LineString", "water": "MultiPolygon", "critical_links": "LineString",
                      "routes": "LineString"}
    for layer in shapes:
        assert pyogrio.read_info(package, layer=layer)["crs"] == "EPSG:4326"


def test_positions_are_in_the_district(package: Path) -> None:
    for layer in ("townships", "places", "facilities", "gaps"):
        west, south, east, north = gpd.read_file(package, layer=layer).total_bounds
        assert 106.7 < west < east < 107.0
        assert 31.8 < south < north < 31.9


def test_townships_carry_the_headline_figures(package: Path) -> None:
    township = gpd.read_file(package, layer="townships").set_index("township_code").loc["511902204000"]
    assert township["coverage_clinics"] == pytest.approx(450 / 1041)  # 白庙村 450 in time, 龙头村 none
    assert township["people_out_clinics"] == pytest.approx(570.5)
    assert township["verdict_clinics"] == "undecided"
    assert township["m2_per_head_shelters"] == 2.4


def test_gap_points_lie_in_their_places(package: Path) -> None:
    gaps = gpd.read_file(package, layer="gaps")
    places = gpd.read_file(package, layer="places").set_index("place_code")
    inside = [places.loc[code, "geometry"].contains(point) for code, point in
              zip(gaps["place_code"], gaps.geometry, strict=True)]
    assert all(inside)
    assert len(gaps) == len(sample().gaps)


def test_same_bytes_at_another_time(package: Path, tmp_path: Path) -> None:
    time.sleep(1.1)  # GDAL's own date has a resolution of one second
    write_geopackage(sample(), tmp_path / "again.gpkg")
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (package, tmp_path / "again.gpkg")}
    assert len(digests) == 1
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_comes_back(package: Path) -> None:
    before = sample()
    after = read_geopackage(package, "EPSG:4545", before.run["layers"])
    assert list(after["townships"].columns) == list(before.townships.columns)
    assert after["facilities"]["joined"].tolist() == before.facilities["joined"].tolist()
    assert after["facilities"].geom_type.tolist() == before.facilities.geom_type.tolist()
    for name in ("townships", "places", "facilities", "service_areas", "ground"):
        shift_m = after[name].geometry.hausdorff_distance(getattr(before, name).geometry, align=False)
        assert shift_m.max() < 1e-3
    assert after["places"]["place_code"].tolist() == before.places["place_code"].tolist()


def test_names_are_text_only(tmp_path: Path) -> None:
    write_geopackage(sample(hostile=lambda sink: f"'; DROP TABLE places; --\x00{sink}"), tmp_path / "x.gpkg")
    assert gpd.read_file(tmp_path / "x.gpkg", layer="places")["place"][0] == "'; DROP TABLE places; --place"


def test_qgis_finds_a_style_for_every_layer(package: Path) -> None:
    with sqlite3.connect(package) as database:
        rows = database.execute("SELECT f_table_name, styleName, useAsDefault, styleQML FROM layer_styles").fetchall()
    assert sorted({row[0] for row in rows}) == ["critical_links", "facilities", "facility_outlines", "gaps", "ground",
                                                "places", "routes", "service_areas", "townships", "water"]
    styles = [row[1] for row in rows if row[0] == "townships"]
    assert styles == ["医疗卫生·覆盖率", "健身·覆盖率", "养老·覆盖率", "托育·覆盖率", "应急避难·覆盖率"]
    assert sorted(row[0] for row in rows if row[2]) == sorted({row[0] for row in rows})  # one default each
    drawn = {row[0]: ElementTree.fromstring(row[3].split(">", 1)[1]) for row in rows if row[2]}
    assert drawn["townships"].find("renderer-v2").get("attr") == "coverage_clinics"
    assert len(drawn["townships"].findall("renderer-v2/ranges/range")) == 5
    aliases = {item.get("field"): item.get("name") for item in drawn["townships"].findall("aliases/alias")}
    assert aliases["township"] == "乡镇（街道）"
    assert aliases["coverage_clinics"] == "医疗卫生·覆盖率"


@pytest.fixture(scope="module")
def opened(package: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Open the package in QGIS of this machine, where there is one; our CI always has it."""
    python, picture = "/usr/bin/python3", tmp_path_factory.mktemp("qgis") / "canvas.png"
    if subprocess.run([python, "-c", "import qgis.core"], capture_output=True, check=False).returncode:
        assert not os.environ.get("CI"), "CI has to have QGIS"
        pytest.skip("no QGIS on this machine")
    reader = Path(__file__).with_name("qgis_reader.py")
    done = subprocess.run([python, reader, package, picture], capture_output=True, check=True, text=True,
                          env={"QT_QPA_PLATFORM": "offscreen", "HOME": str(picture.parent), "PATH": "/usr/bin:/bin"})
    return json.loads(done.stdout), picture


def test_qgis_opens_every_layer_with_its_style(opened: tuple[dict[str, Any], Path], package: Path) -> None:
    layers, _ = opened
    assert set(layers) == {row[0] for row in pyogrio.list_layers(package)} - {"layer_styles"}
    for name, layer in layers.items():
        rows = len(gpd.read_file(package, layer=name))
        assert (layer["valid"], layer["crs"], layer["parts"]) == (True, "EPSG:4326", 1), name
        assert layer["rows"] == rows, name
        assert layer["drawn"] == rows or name == "service_areas", name  # of these one circle is switched on at first
        unnamed = [field for field, shown in layer["names"].items()
                   if field != "fid" and not any("\u4e00" <= sign <= "\u9fff" for sign in shown)]
        assert unnamed == [], name
    assert layers["townships"]["renderer"] == "graduatedSymbol"
    assert len(layers["townships"]["styles"]) == 5
    assert layers["ground"]["renderer"] == layers["facilities"]["renderer"] == "categorizedSymbol"
    assert layers["service_areas"]["drawn"] == 1
    assert layers["townships"]["labels"]


def test_qgis_tells_whom_to_credit_and_what_it_is(opened: tuple[dict[str, Any], Path]) -> None:
    for layer in opened[0].values():
        assert layer["rights"] == ["内部工作图，未经审图，不得公开"]
        assert "模型数据，非现状" in layer["abstract"]
        assert "5a3c19e0b7d2" in layer["abstract"]


def test_qgis_credits_osm(tmp_path: Path) -> None:
    write_geopackage(sample(quality="osm", approval="川S〔2025〕012号"), tmp_path / "osm.gpkg")
    with sqlite3.connect(tmp_path / "osm.gpkg") as database:
        texts = [row[0] for row in database.execute("SELECT metadata FROM gpkg_metadata")]
    assert all("© OpenStreetMap contributors" in text and "审图号 川S〔2025〕012号" in text for text in texts)
    assert not any("模型数据" in text for text in texts)


def test_qgis_draws_names_and_colours(opened: tuple[dict[str, Any], Path]) -> None:
    picture = Image.open(opened[1]).convert("RGB")
    colours = {colour for count, colour in picture.getcolors(1 << 24) if count > 40}
    assert {tuple(int(colour[at:at + 2], 16) for at in (1, 3, 5)) for colour in RAMPS["rate"]} & colours
    assert any(max(colour) < 90 for colour in colours)  # the names


def test_faults_name_the_file(tmp_path: Path, package: Path) -> None:
    layers = sample().run["layers"]
    with pytest.raises(MissingFileError, match=r"none\.gpkg: no such file"):
        read_geopackage(tmp_path / "none.gpkg", "EPSG:4545", layers)
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(package.read_bytes()[:5000])
    with pytest.raises(UnreadableFileError, match=r"broken\.gpkg: cannot be read"):
        read_geopackage(broken, "EPSG:4545", layers)
