"""The GeoPackage: layers, types, the same bytes, back as it was."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from pathlib import Path
from xml.etree import ElementTree

import geopandas as gpd
import pyogrio
import pytest

from lifecircle.errors import MissingFileError, UnreadableFileError
from lifecircle.outputs.geopackage import read_geopackage, write_geopackage
from sample_assessment import sample


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("gpkg") / "lifecircle.gpkg"
    write_geopackage(sample(), path)
    return path


def test_layers_and_their_shapes(package: Path) -> None:
    shapes = dict(pyogrio.list_layers(package))
    assert shapes.pop("layer_styles") is None
    assert shapes == {"townships": "MultiPolygon", "places": "MultiPolygon", "facilities": "Unknown",
                      "service_areas": "MultiPolygon", "gaps": "Point", "ground": "Unknown",
                      "critical_links": "Unknown"}
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


def test_qgis_finds_a_style_for_every_theme(package: Path) -> None:
    with sqlite3.connect(package) as database:
        rows = database.execute("SELECT f_table_name, useAsDefault, styleQML FROM layer_styles ORDER BY 1").fetchall()
    assert [row[0] for row in rows] == ["gaps", "places", "service_areas", "townships"]  # the rest are mixed shapes
    assert all(row[1] == 1 for row in rows)
    drawn = {row[0]: ElementTree.fromstring(row[2].split(">", 1)[1]) for row in rows}
    assert drawn["townships"].find("renderer-v2").get("attr") == "coverage_clinics"
    assert len(drawn["townships"].findall("renderer-v2/ranges/range")) == 5
    aliases = {item.get("field"): item.get("name") for item in drawn["townships"].findall("aliases/alias")}
    assert aliases["township"] == "乡镇（街道）"
    assert aliases["coverage_clinics"] == "医疗卫生·覆盖率"


def test_faults_name_the_file(tmp_path: Path, package: Path) -> None:
    layers = sample().run["layers"]
    with pytest.raises(MissingFileError, match=r"none\.gpkg: no such file"):
        read_geopackage(tmp_path / "none.gpkg", "EPSG:4545", layers)
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(package.read_bytes()[:5000])
    with pytest.raises(UnreadableFileError, match=r"broken\.gpkg: cannot be read"):
        read_geopackage(broken, "EPSG:4545", layers)
