"""Hostile and broken files: each is refused in one line that names the file and the remedy, or told as a finding.

Here: VRT under another name and as links, addresses, bombs and paths in archives, two layers in one archive, XML that
pulls in files, pickles, cells at the end of a sheet, crossed and mixed geometries, numbers that are none, depth, parts
of a shapefile, links out of the folder. Held elsewhere:

- names such as ``/vsicurl/``, VRT and pipelines as GeoJSON, missing ``.prj .shx .dbf``, truncated layers, GBK without
  ``.cpg``, positions outside a CRS: test_inputs_files
- height models: test_inputs_elevation; rasters of people: test_inputs_spread
- datum and axes: test_datum_found; office registers with 25 faults: test_office_set
- duplicate ids, negative people, numbers as people write them, by the command: test_bad_input, test_inputs_registers
- townships without people, facilities without capacity: test_inputs_people, test_grid_town
- maxspeed words: test_osm; formulas in what is written: test_outputs_tables; markup in names: test_outputs_map
- random damage to every format: test_fuzz
"""

from __future__ import annotations

import gzip
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import networkx
import numpy as np
import openpyxl
import osmium
import pandas as pd
import pytest
import rasterio
import shapely
from osmium.osm import mutable

from command import assert_one_line, call, digest, inside
from extracts import run_file, two_townships
from lifecircle.errors import (
    EmptyTableError,
    InputError,
    MissingColumnError,
    UnreadableFileError,
)
from lifecircle.inputs import files, shapes
from lifecircle.inputs.datums import settle_datums
from lifecircle.inputs.elevation import Elevation
from lifecircle.inputs.facilities import read_facilities
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.osm import open_extract
from lifecircle.inputs.popraster import read_people_raster
from lifecircle.inputs.roads import read_roads
from tinytown import write_town

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from fuzzseeds import SEEDS, roads

SECRET = "the-secret-of-another-folder"
CRS = "EPSG:4545"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Give a layer in another folder, which nothing may show."""
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere/secret.geojson"
    clinics(name=[SECRET, SECRET]).to_file(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder of a district."""
    (tmp_path / "district").mkdir()
    return tmp_path / "district"


def clinics(**columns: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"code": ["C1", "C2"], **columns},
                            geometry=gpd.points_from_xy([106.70, 106.75], [31.80, 31.85]), crs="EPSG:4326")


def refused(path: Path, *said: str) -> str:
    """Make sure that a layer is refused in one line that names it, says why, what to do, and nothing of the secret."""
    with pytest.raises(InputError) as caught:
        files.read_layer(path)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert path.name in text
    assert "; " in text
    assert SECRET not in text
    assert all(part in text for part in said), text
    return text


# GDAL

def test_no_driver_that_follows_is_loaded_whatever_the_environment_said() -> None:
    """In a process of its own, since GDAL reads the list once; what the user skips stays skipped."""
    code = ("import lifecircle.inputs.files as f, pyogrio; print(f.loaded_drivers(), 'MEM' in pyogrio.list_drivers(), "
            "{'GPKG', 'KML', 'GeoJSON', 'FlatGeobuf', 'ESRI Shapefile'} <= set(pyogrio.list_drivers()))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "GDAL_SKIP": "MEM"})
    assert done.stdout.strip() == "[] False True", done.stderr


def test_doctor_says_that_the_drivers_are_off() -> None:
    done = call("doctor", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["not shut off"] == []


VRT = ('<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>')


@pytest.mark.parametrize("suffix", [".geojson", ".json", ".gpkg", ".shp", ".fgb", ".kml", ".csv", ".parquet", ".xlsx",
                                    ".xls", ".ods"])
def test_vrt_under_any_name(folder: Path, secret: Path, suffix: str) -> None:
    path = folder / f"clinics{suffix}"
    path.write_text(VRT.format(secret), encoding="utf-8")
    refused(path, "content is VRT")


def test_kml_that_begins_with_a_remark_is_looked_at_behind_it(folder: Path, secret: Path) -> None:
    """A remark with the word kml in it hides neither a document type nor another kind of XML."""
    path = folder / "a.kml"
    for inner in (f'<!DOCTYPE kml [<!ENTITY b SYSTEM "{secret.as_uri()}">]><kml><Document/></kml>',
                  '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml"/>', VRT.format(secret)):
        path.write_text(f'<?xml version="1.0"?>\n<!-- <kml {"x" * 70_000} -->\n{inner}', encoding="utf-8")
        refused(path, "expected KML")
    path.write_text('<?xml version="1.0"?>\n<!-- ours - -->\n<kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
                    "<Placemark><name>甲</name><Point><coordinates>106.7,31.8</coordinates></Point></Placemark>"
                    "</Document></kml>", encoding="utf-8")
    assert len(files.read_layer(path)) == 1


def test_geopackage_with_a_table_that_is_another_file(folder: Path, secret: Path) -> None:
    path = folder / "clinics.gpkg"
    clinics().to_file(path, layer="clinics")
    base = sqlite3.connect(path)
    base.execute("pragma writable_schema = 1")
    base.execute("update gpkg_geometry_columns set table_name = 'v'")
    base.execute("update gpkg_contents set table_name = 'v'")
    base.execute("insert into sqlite_master (type, name, tbl_name, rootpage, sql) values ('table', 'v', 'v', 0, ?)",
                 [f"create virtual table v using VirtualOGR('{secret}', 0, 'secret')"])
    base.commit()
    base.close()
    refused(path)


# coordinate systems

NOWHERE = {"of the moon": "+proj=longlat +R=1737400 +no_defs", "of a building site": 'LOCAL_CS["site",UNIT["metre",1]]'}


@pytest.mark.parametrize("system", NOWHERE.values(), ids=list(NOWHERE))
def test_system_from_which_no_way_leads_to_the_earth(folder: Path, system: str) -> None:
    """Heights, people per cell, layers, roads and what settles the datum; two libraries have errors of their own."""
    with rasterio.open(folder / "z.tif", "w", driver="GTiff", height=9, width=9, count=1, dtype="float32", crs=system,
                       transform=rasterio.transform.from_origin(106.7, 31.9, 0.01, 0.01)) as raster:
        raster.write(np.ones((9, 9), dtype="float32"), 1)
    lost = clinics(facility_id=["C1", "C2"]).set_crs(system, allow_override=True)
    lost.to_parquet(folder / "z.parquet")
    line = lost.set_geometry([shapely.LineString([(106.7, 31.8), (106.8, 31.8)])] * 2).assign(highway="track")
    line.to_parquet(folder / "r.parquet")
    townships = two_townships().to_crs(CRS)
    area = townships.union_all()
    file = run_file(folder, boundaries={"osm": True}, people={"file": "z.parquet"},
                    facilities=[{"layer": "clinics", "file": "z.parquet"}])
    graph = networkx.MultiDiGraph(crs=system)
    reads: dict[str, Callable[[], object]] = {
        "z.tif": lambda: Elevation.open(folder / "z.tif", CRS),
        "also z.tif": lambda: read_people_raster(folder / "z.tif", CRS, area),
        "z.parquet": lambda: read_facilities(file, townships, area, Findings()),
        "r.parquet": lambda: read_roads(run_file(folder, roads={"file": "r.parquet"}), CRS, area, Findings()),
        "roads": lambda: read_roads(file, CRS, area, Findings(), roads=graph)}
    for name, read in reads.items():
        with pytest.raises(InputError, match=f"{name.split()[-1]}: no way leads from its coordinate system to {CRS}; "):
            read()
    roads().to_parquet(folder / "r.parquet")
    network = read_roads(run_file(folder, roads={"file": "r.parquet"}), CRS, area, Findings())
    assert settle_datums(file, network, townships, area, Findings()) == file


# archives

@pytest.mark.parametrize("name", ["clinics.zip", "two.shp.zip"])
def test_archives_of_layers_are_to_be_unpacked(folder: Path, name: str) -> None:
    for stem in ("a", "b"):
        clinics().to_file(folder / f"{stem}.shp", encoding="UTF-8")
    with zipfile.ZipFile(folder / name, "w") as archive:
        for part in sorted(folder.glob("[ab].*")):
            archive.write(part, part.name)
    refused(folder / name, "is an archive", "unpack it")


@pytest.mark.parametrize("suffix", [".xlsx", ".ods", ".hgt.zip"])
def test_archives_that_unpack_to_far_more_or_name_a_path_outside(folder: Path, suffix: str) -> None:
    path = folder / f"N31E106{suffix}"

    def read() -> None:
        with pytest.raises(UnreadableFileError) as caught:
            Elevation.open(path, CRS) if suffix == ".hgt.zip" else files.read_table(path)
        texts.append(str(caught.value))

    texts: list[str] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("N31E106.hgt", b"\0" * 60_000_000)
    read()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../N31E106.hgt", b"\0" * 100)
    read()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.hgt", b"\0" * 100)
        archive.writestr("b.hgt", b"\0" * 100)
    read()
    path.write_bytes(path.read_bytes()[:-30])
    read()
    assert "would unpack to 60 MB" in texts[0]
    assert "a path outside itself" in texts[1]
    assert ("holds a.hgt, b.hgt, not one .hgt; unpack it" in texts[2]) == (suffix == ".hgt.zip")
    assert "broken" in texts[3]
    assert all(path.name in text for text in texts)


def test_a_cell_at_the_end_of_the_sheet_does_not_end_the_process(folder: Path) -> None:
    """The reader of books wants 400 GB for it, and aborts."""
    book = openpyxl.Workbook()
    for row in (["name", "lon", "lat"], ["甲", 106.7, 31.8]):
        book.active.append(row)
    book.active.cell(1_048_576, 16_384).value = "x"
    book.save(folder / "a.xlsx")
    refused(folder / "a.xlsx", "more cells", "save only the cells that are needed")


def test_an_open_book_whose_table_never_ends(folder: Path) -> None:
    """The reader of books would look for the end until it is stopped."""
    (folder / "a.ods").write_bytes(SEEDS["ods"](folder)[0][1]["a.ods"])
    with zipfile.ZipFile(folder / "a.ods") as whole, zipfile.ZipFile(folder / "b.ods", "w") as broken:
        for part in whole.namelist():
            broken.writestr(part, whole.read(part).replace(b"</table:table>", b"</t:table>"))
    assert len(files.read_layer(folder / "a.ods")) == 3
    refused(folder / "b.ods", "cannot be read: mismatched tag")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no bound on time")
def test_the_reader_of_books_ends_by_itself() -> None:
    """Where the run that waits for it was killed nobody else would end it."""
    code = ("from lifecircle.inputs import bookcells\nbookcells.MAX_SECONDS = 1\nbookcells._set_limits()\n"
            "while True: pass")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGXCPU


def test_geopackage_that_says_it_has_more_than_it_holds(folder: Path) -> None:
    """The reader of layers asks for the memory of all of them."""
    path = folder / "clinics.gpkg"
    clinics().to_file(path, layer="clinics")
    with sqlite3.connect(path) as base:
        base.execute("update gpkg_ogr_contents set feature_count = 99999999")
    base.close()
    refused(path, "says it has 99,999,999 features, more than fit into it; export it again")


def test_height_archive_with_bytes_moved(folder: Path) -> None:
    """The library that reads heights would end the process at one that was put together so."""
    with zipfile.ZipFile(folder / "N31E106.hgt.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("N31E106.hgt", np.arange(1201 * 1201, dtype=">i2").tobytes())
    whole = (folder / "N31E106.hgt.zip").read_bytes()
    assert Elevation.open(folder / "N31E106.hgt.zip", CRS).z_m.shape == (1201, 1201)
    for at in (10, 2000):
        (folder / "N31E106.hgt.zip").write_bytes(whole[:at] + bytes(1912) + whole[at:])
        with pytest.raises(UnreadableFileError, match=r"N31E106\.hgt\.zip: cannot be unpacked: .*; fetch it again"):
            Elevation.open(folder / "N31E106.hgt.zip", CRS)


# extracts

def test_extract_with_nul_in_a_word(folder: Path) -> None:
    """libosmium takes what follows for the next word, and walks out of the list."""
    path = folder / "a.osm.pbf"
    with osmium.SimpleWriter(osmium.io.File(str(path), "pbf,pbf_compression=none")) as writer:
        for number, (lon, lat) in enumerate([(106.7, 31.8), (106.8, 31.8), (106.8, 31.9)], 1):
            writer.add_node(mutable.Node(id=number, location=(lon, lat), tags={"place": "village"}))
        writer.add_way(mutable.Way(id=1, nodes=[1, 2, 3, 1], tags={"boundary": "administrative", "admin_level": "8"}))
    assert open_extract(path).places()["place"].tolist() == ["village"] * 3
    path.write_bytes(path.read_bytes().replace(b"administrative", b"adminis\0\1ative"))
    with pytest.raises(UnreadableFileError, match=r"a\.osm\.pbf: the extract is broken: a word holds NUL; fetch"):
        open_extract(path).places()


def test_extract_with_numbers_below_zero(folder: Path) -> None:
    """Editors give them to what was not uploaded: of the two lines of the boundary one is there."""
    (folder / "a.osm").write_text(
        '<osm version="0.6"><node id="-1" lon="106.7" lat="31.8"/><node id="-2" lon="106.8" lat="31.8"/>'
        '<way id="-1"><nd ref="-1"/><nd ref="-2"/></way><way id="-3"><nd ref="-1"/><nd ref="-2"/></way>'
        '<relation id="-1"><member type="way" ref="-1" role="outer"/><member type="way" ref="-2" role="outer"/>'
        '<tag k="type" v="boundary"/><tag k="boundary" v="administrative"/><tag k="admin_level" v="8"/></relation>'
        "</osm>", encoding="utf-8")
    extract = open_extract(folder / "a.osm")
    closed, unclosed = extract.boundaries(8)
    assert len(closed) == 0
    assert extract.lines_present(unclosed) == [1]


# XML

def test_extracts_that_pull_in_files_or_grow(folder: Path, secret: Path) -> None:
    """A document type that is only named is passed over; nothing behind it is opened."""
    node = '<osm version="0.6"><node id="1" lon="106" lat="31"><tag k="place" v="{}"/></node></osm>'
    grow = "".join(f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">' for at in range(8))
    for name, kind in (("a.osm", f'<!DOCTYPE a [<!ENTITY i SYSTEM "{secret.as_uri()}">]>'),
                       ("b.osm", f'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">{grow}]>')):
        (folder / name).write_text(kind + node.format("&i;"), encoding="utf-8")
        with pytest.raises(UnreadableFileError, match=rf"{name}: the extract is broken: XML entities .*; fetch"):
            open_extract(folder / name).places()
    (folder / "c.osm").write_text(f'<!DOCTYPE osm SYSTEM "{secret.as_uri()}">' + node.format("village"),
                                  encoding="utf-8")
    assert open_extract(folder / "c.osm").places()["place"].tolist() == ["village"]


@pytest.mark.parametrize("content", [
    '<?xml version="1.0"?><!DOCTYPE g [<!ENTITY b SYSTEM "file:///etc/hostname">]><graphml>&b;</graphml>',
    "<graphml><graph edgedefault='directed'><data key='crs'>epsg:0</data></graph></graphml>",
    "<graphml>", "\x80\x04pickle"])
def test_graphml_that_is_not_plain(folder: Path, content: str) -> None:
    (folder / "roads.graphml").write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"roads\.graphml: .*[Gg]raph.*; save the graph again"):
        read_roads(run_file(folder, roads={"file": "roads.graphml"}), CRS, shapely.box(0, 0, 1, 1), Findings())


def test_position_that_is_no_number_in_an_extract(folder: Path) -> None:
    (folder / "a.osm").write_text('<osm version="0.6"><node id="1" lon="east" lat="31"/><way id="1"><nd ref="1"/>'
                                  '<tag k="highway" v="track"/></way></osm>', encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"a\.osm: the extract is broken: .*coordinate.*; fetch it again"):
        open_extract(folder / "a.osm").ways()


# pickles

@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp", ".fgb", ".kml", ".csv", ".parquet", ".xlsx", ".xls",
                                    ".ods", ".pkl"])
def test_pickles_are_never_loaded(folder: Path, suffix: str) -> None:
    path = folder / f"cache{suffix}"
    path.write_bytes(pickle.dumps(_Trap(folder / "sprung")))
    refused(path)
    assert not (folder / "sprung").exists()


class _Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


def test_pickles_as_roads_and_heights(folder: Path) -> None:
    for name, read in (("roads.osm.pbf", lambda path: open_extract(path).ways()),
                       ("roads.osm", lambda path: open_extract(path).ways()),
                       ("z.tif", lambda path: Elevation.open(path, CRS)),
                       ("N31E106.hgt", lambda path: Elevation.open(path, CRS))):
        (folder / name).write_bytes(pickle.dumps(_Trap(folder / "sprung")))
        with pytest.raises(UnreadableFileError, match=name.replace(".", r"\.")):
            read(folder / name)
    assert not (folder / "sprung").exists()


# geometries

def test_crossed_empty_mixed_and_raised_geometries_are_mended_or_listed(folder: Path) -> None:
    """A bow-tie keeps its two halves, of 2 square degrees; heights go; what has no position is listed."""
    given = ["POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))", "POINT Z (1 2 500)", "POINT EMPTY", None,
             "GEOMETRYCOLLECTION (POINT (1 1), LINESTRING (0 0, 1 1))", "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"]
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries.from_wkt(given, crs="EPSG:4326"))
    frame.to_parquet(folder / "a.parquet")
    findings = Findings()
    cleaned = shapes.clean(files.read_layer(folder / "a.parquet"), folder / "a.parquet", findings)
    assert cleaned.index.tolist() == [1, 2, 5, 6]
    assert cleaned.geometry.iloc[0].area == pytest.approx(2.0)
    assert not cleaned.geometry.has_z.any()
    assert [(item.code, item.severity, item.id, item.count) for item in findings] == [
        ("geometry_repaired", "warn", "1", 1), ("geometry_missing", "warn", "3, 4", 2)]


@pytest.mark.parametrize(("number", "said"), [("NaN", "clinics.geojson"), ("1e400", "clinics.geojson"),
                                              ("Infinity", "clinics.geojson"), ("1e300", "row 1")])
def test_numbers_that_are_no_position(folder: Path, number: str, said: str) -> None:
    path = folder / "clinics.geojson"
    path.write_text('{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"facility_id":"C1"},'
                    f'"geometry":{{"type":"Point","coordinates":[{number},31.8]}}}}]}}', encoding="utf-8")
    findings = Findings()
    with pytest.raises(InputError, match=said) as caught:
        shapes.to_crs(shapes.clean(files.read_layer(path), path, findings), CRS, path)
    assert "; " in str(caught.value)


@pytest.mark.parametrize("content", [
    '{"type":"FeatureCollection","features":' + "[" * 5000,
    '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":{"type":"Polygon",'
    '"coordinates":' + "[" * 5000 + "]" * 5000 + "}}]}",
    '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{},"geometry":'
    + '{"type":"GeometryCollection","geometries":[' * 5000 + "]}" * 5000 + "}]}"])
def test_geojson_5000_deep(folder: Path, content: str) -> None:
    """Read or refused, but never the end of the process: so in a process of its own."""
    path = folder / "deep.geojson"
    path.write_text(content, encoding="utf-8")
    code = ("import sys; from pathlib import Path; from lifecircle.inputs import files, shapes; "
            "from lifecircle.inputs.findings import Findings; from lifecircle.errors import InputError\n"
            "path = Path(sys.argv[1])\n"
            "try: shapes.clean(files.read_layer(path), path, Findings())\n"
            "except InputError as error: print(error)")
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert "deep.geojson" in done.stdout
    assert len(done.stdout.splitlines()) == 1


# tables

def test_parquet_without_geometry_is_asked_for_its_columns(folder: Path) -> None:
    table = pd.DataFrame({"name": ["甲"], "x": [106.7], "y": [31.8]})
    table.to_parquet(folder / "a.parquet")
    with pytest.raises(MissingColumnError, match=r"a\.parquet: no column lon, lat; the columns are name, x, y; map it"):
        files.read_layer(folder / "a.parquet")
    table.rename(columns={"x": "lon", "y": "lat"}).to_parquet(folder / "a.parquet")
    assert files.read_layer(folder / "a.parquet").geometry.iloc[0].wkt == "POINT (106.7 31.8)"


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg", ".fgb", ".geojson", ".kml", ".shp", ".xlsx"])
def test_half_a_file(folder: Path, suffix: str) -> None:
    path = folder / f"clinics{suffix}"
    if suffix == ".xlsx":
        clinics().assign(lon=106.7, lat=31.8).drop(columns="geometry").to_excel(path, index=False)
    elif suffix == ".parquet":
        clinics().to_parquet(path)
    else:
        clinics().to_file(path, **({"driver": "KML"} if suffix == ".kml" else {}))
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
    refused(path)


def test_half_a_height_model(folder: Path) -> None:
    path = folder / "z.tif"
    with rasterio.open(path, "w", driver="GTiff", height=50, width=50, count=1, dtype="float32", crs=CRS,
                       transform=rasterio.transform.from_origin(0, 0, 10, 10)) as raster:
        raster.write(np.ones((50, 50), dtype="float32"), 1)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UnreadableFileError, match=r"z\.tif: cannot be read as heights: .*; export it again"):
        Elevation.open(path, CRS)


def test_height_model_that_claims_to_be_vast(folder: Path) -> None:
    """Two tiles of cells of a metre, 99,999,999 m apart each way, would make a raster of petabytes."""
    for name, west in (("a.tif", 10.0), ("b.tif", 1e8)):
        with rasterio.open(folder / name, "w", driver="GTiff", height=9, width=9, count=1, dtype="float32", crs=CRS,
                           transform=rasterio.transform.from_origin(west, west, 1, 1)) as raster:
            raster.write(np.ones((9, 9), dtype="float32"), 1)
    with pytest.raises(UnreadableFileError, match="the tiles span 9,999,999,800,000,000 cells; name only"):
        Elevation.open(folder / "*.tif", CRS)


# links

@pytest.mark.parametrize("part", [".dbf", ".shx", ".prj", ".cpg"])
def test_part_of_a_shapefile_that_is_a_link_elsewhere(folder: Path, secret: Path, part: str) -> None:
    clinics(name=["甲", "乙"]).to_file(folder / "clinics.shp", encoding="UTF-8")
    clinics(name=[SECRET, SECRET]).to_file(secret.with_suffix(".shp"), encoding="UTF-8")
    path = folder / f"clinics{part}"
    path.unlink()
    path.symlink_to(secret.with_suffix(part))
    refused(folder / "clinics.shp", f"clinics{part} beside it is a link to another folder")


def test_journal_of_a_database_that_is_a_link_elsewhere(folder: Path, secret: Path) -> None:
    clinics().to_file(folder / "clinics.gpkg")
    (folder / "clinics.gpkg-wal").symlink_to(secret)
    refused(folder / "clinics.gpkg", "clinics.gpkg-wal beside it")


def test_height_tiles_that_are_links_elsewhere(folder: Path, secret: Path) -> None:
    (folder / "N31E106.hgt").symlink_to(secret)
    with pytest.raises(UnreadableFileError, match=r"N31E106\.hgt leads out of district; copy the file itself"):
        Elevation.open(folder / "*.hgt", CRS)
    (folder / "tiles").symlink_to(secret.parent)
    (secret.parent / "N31E107.hgt").touch()
    with pytest.raises(UnreadableFileError, match="leads out of district"):
        Elevation.open(folder / "t*/*7.hgt", CRS)


# by the command

OUTSIDE: dict[str, tuple[dict[str, Any], str]] = {
    "another folder": ({"people": {"file": "../elsewhere/secret.geojson"}}, "outside the folder of the run file"),
    "another folder, whole path": ({"roads": {"file": "{secret}"}}, "outside the folder of the run file"),
    "a link": ({"people": {"file": "link.geojson"}}, "outside the folder of the run file"),
    "a policy elsewhere": ({"policy": {"file": "../elsewhere/secret.geojson"}}, "outside the folder of the run file"),
    "heights elsewhere": ({"roads": {"elevation": "../elsewhere/*.tif"}}, "outside the folder of the run file"),
    "doors elsewhere": ({"facilities": [{"layer": "clinics", "file": "clinics.csv", "entrances": "../elsewhere/a.csv"}],
                         "policy": {"elderly_care": None, "shelters": None}}, "outside the folder of the run file"),
    "a virtual file": ({"people": {"file": "/vsizip/a.zip/a.csv"}}, "is an address"),
    "an address": ({"roads": {"file": "https://127.0.0.1:9/roads.geojson"}}, "is an address"),
    "an archive": ({"people": {"file": "people.zip"}}, "is an archive; unpack it"),
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("kept")
    assert inside("run", write_town(directory / "town"), "--out", directory / "out")[0] == 0
    return directory / "out"


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_command_refuses_and_leaves_the_earlier_run(folder: Path, secret: Path, kept: Path, name: str) -> None:
    sections, said = OUTSIDE[name]
    sections = json.loads(json.dumps(sections).replace("{secret}", str(secret)))
    runfile = write_town(folder, **sections)
    (folder / "link.geojson").symlink_to(secret)
    with zipfile.ZipFile(folder / "people.zip", "w") as archive:
        archive.write(folder / "people.csv", "people.csv")
    before = digest(kept)
    code, out, err = inside("run", runfile, "--out", kept)
    assert (code, out) == (3, "")
    assert_one_line(err)
    assert said in err
    assert SECRET not in err
    assert digest(kept) == before


def test_a_folder_that_the_caller_allows_is_read(folder: Path, secret: Path) -> None:
    runfile = write_town(folder, people={"file": "../elsewhere/people.csv"})
    (folder / "people.csv").rename(secret.parent / "people.csv")
    assert inside("check", runfile)[0] == 3
    assert inside("check", runfile, "--allow", secret.parent)[0] == 0


def test_an_extract_that_unpacks_to_spaces_costs_no_memory(folder: Path) -> None:
    """It is read piece by piece, so a hundred megabytes of nothing are only passed over."""
    with gzip.open(folder / "a.osm.gz", "wb", 1) as target:
        target.write(b'<osm version="0.6">')
        for _ in range(50):
            target.write(b" " * 1_000_000)
        target.write(b"</osm>")
    with pytest.raises(EmptyTableError, match=r"a\.osm\.gz: the extract holds no road"):
        open_extract(folder / "a.osm.gz").ways()


def test_toml_that_is_too_deep(folder: Path) -> None:
    runfile = write_town(folder)
    runfile.write_text("a = " + "[" * 20_000, encoding="utf-8")
    code, out, err = inside("check", runfile)
    assert (code, out) == (3, "")
    assert_one_line(err)
    assert "town.toml: is not valid TOML" in err


