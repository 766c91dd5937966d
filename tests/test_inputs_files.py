"""Tables and layers on disk: what is read is what was written, and bad files say what is wrong."""

import os
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from extracts import run_file
from lifecircle.errors import (
    BadValueError,
    ConfigError,
    EmptyTableError,
    MissingColumnError,
    MissingCrsError,
    MissingFileError,
    UnreadableFileError,
)
from lifecircle.inputs import cells, files, shapes
from lifecircle.inputs.findings import Findings


def clinics():
    return gpd.GeoDataFrame({"name": ["狮子寨村卫生室", "北龛社区卫生站"], "code": ["007", "012"]},
                            geometry=gpd.points_from_xy([106.70, 106.75], [31.80, 31.85]), crs="EPSG:4326")


WRITERS = {
    ".geojson": lambda frame, path: frame.to_file(path),
    ".gpkg": lambda frame, path: frame.to_file(path),
    ".shp": lambda frame, path: frame.to_file(path, encoding="UTF-8"),
    ".fgb": lambda frame, path: frame.to_file(path, SPATIAL_INDEX="NO"),
    ".parquet": lambda frame, path: frame.to_parquet(path),
    ".csv": lambda frame, path: frame.drop(columns="geometry").assign(lon=frame.geometry.x, lat=frame.geometry.y)
    .to_csv(path, index=False),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_every_format_gives_the_same_layer(tmp_path, suffix):
    path = tmp_path / f"clinics{suffix}"
    WRITERS[suffix](clinics(), path)
    layer = files.read_layer(path)
    assert layer["name"].tolist() == ["狮子寨村卫生室", "北龛社区卫生站"]
    assert layer["code"].tolist() == ["007", "012"]
    assert shapely.equals_exact(layer.geometry.to_numpy(), clinics().geometry.to_numpy(), 1e-9).all()
    assert layer.crs == "EPSG:4326"
    assert layer.index[0] == (2 if suffix == ".csv" else 1)


def test_kml(tmp_path):
    path = tmp_path / "clinics.kml"
    path.write_text('<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>甲'
                    "</name><Point><coordinates>106.7,31.8,500</coordinates></Point></Placemark></Document></kml>",
                    encoding="utf-8")
    layer = shapes.clean(files.read_layer(path), path, Findings())
    assert layer.geometry.iloc[0].wkt == "POINT (106.7 31.8)"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_the_encodings_of_chinese_offices(tmp_path, encoding):
    path = tmp_path / "clinics.csv"
    path.write_bytes("名称,经度,纬度\n狮子寨村卫生室,106.7,31.8\n北龛社区卫生站,106.75,31.85\n".encode(encoding))
    layer = files.read_layer(path, lon="经度", lat="纬度")
    assert layer["名称"].tolist() == ["狮子寨村卫生室", "北龛社区卫生站"]


def test_csv_keeps_codes_as_text_and_blank_positions_as_missing(tmp_path):
    path = tmp_path / "villages.csv"
    path.write_text("code,lon,lat\n000123,106.7,31.8\n000456,,\n", encoding="utf-8")
    layer = files.read_layer(path)
    assert layer["code"].tolist() == ["000123", "000456"]
    assert layer.geometry.isna().tolist() == [False, True]
    findings = Findings()
    assert len(shapes.clean(layer, path, findings)) == 1
    assert [(item.code, item.id, item.count) for item in findings] == [("geometry_missing", "3", 1)]


def test_csv_with_semicolons(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("code;lon;lat\n1;106.7;31.8\n", encoding="utf-8")
    assert files.read_layer(path).geometry.iloc[0].wkt == "POINT (106.7 31.8)"


def test_shapefile_in_gbk_without_cpg(tmp_path):
    path = tmp_path / "clinics.shp"
    clinics().to_file(path, encoding="GB18030")
    path.with_suffix(".cpg").unlink()
    assert files.read_layer(path)["name"].tolist() == ["狮子寨村卫生室", "北龛社区卫生站"]


def test_shapefile_in_latin_1_without_cpg_is_not_taken_for_chinese(tmp_path):
    path = tmp_path / "parishes.shp"
    clinics().assign(name=["Sant Julià de Lòria", "Escaldes"]).to_file(path, encoding="ISO-8859-1")
    path.with_suffix(".cpg").unlink()
    assert files.read_layer(path)["name"].tolist() == ["Sant Julià de Lòria", "Escaldes"]


def test_shapefile_without_prj_needs_a_crs(tmp_path):
    path = tmp_path / "clinics.shp"
    clinics().to_crs("EPSG:4545").to_file(path, encoding="UTF-8")
    path.with_suffix(".prj").unlink()
    with pytest.raises(MissingCrsError, match=r"clinics\.shp.*coordinate system.*EPSG"):
        files.read_layer(path)
    assert files.read_layer(path, crs="EPSG:4545").crs == "EPSG:4545"
    with pytest.raises(ConfigError, match="unknown coordinate system"):
        files.read_layer(path, crs="EPSG:0")


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_shapefile_with_a_part_missing(tmp_path, suffix):
    path = tmp_path / "clinics.shp"
    clinics().to_file(path, encoding="UTF-8")
    path.with_suffix(suffix).unlink()
    with pytest.raises(MissingFileError, match=rf"clinics\{suffix}.*copy it beside clinics\.shp"):
        files.read_layer(path)


def test_geopackage_with_two_layers_names_them(tmp_path):
    path = tmp_path / "both.gpkg"
    clinics().to_file(path, layer="clinics")
    clinics().to_file(path, layer="shelters")
    with pytest.raises(UnreadableFileError, match=r"2 layers: clinics, shelters; keep the one"):
        files.read_layer(path)


def test_geopackage_with_styles_beside_the_layer(tmp_path):
    path = tmp_path / "styled.gpkg"
    clinics().to_file(path, layer="clinics")
    import pyogrio

    pyogrio.write_dataframe(pd.DataFrame({"styleQML": ["<qgis/>"]}), path, layer="layer_styles")
    assert len(files.read_layer(path)) == 2


def test_missing_directory_empty(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.geojson: no such file; check the name"):
        files.read_layer(tmp_path / "none.geojson")
    (tmp_path / "folder.gpkg").mkdir()
    with pytest.raises(UnreadableFileError, match="is a directory"):
        files.read_layer(tmp_path / "folder.gpkg")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(EmptyTableError, match="the file is empty"):
        files.read_layer(tmp_path / "empty.csv")
    (tmp_path / "head.csv").write_text("name,lon,lat\n", encoding="utf-8")
    with pytest.raises(EmptyTableError, match=r"head\.csv.*no feature"):
        files.read_layer(tmp_path / "head.csv")
    (tmp_path / "none.geojson").write_text('{"type":"FeatureCollection","features":[]}', encoding="utf-8")
    with pytest.raises(EmptyTableError, match=r"none\.geojson.*no feature"):
        files.read_layer(tmp_path / "none.geojson")
    (tmp_path / "clinics.xyz").write_text("a", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"type \.xyz are not read.*\.geojson"):
        files.read_layer(tmp_path / "clinics.xyz")


def test_a_folder_whose_name_begins_like_a_virtual_file_is_fine(tmp_path):
    (tmp_path / "vsingh").mkdir()
    clinics().to_file(tmp_path / "vsingh/clinics.geojson")
    assert len(files.read_layer(tmp_path / "vsingh/clinics.geojson")) == 2


@pytest.mark.parametrize("name", ["/vsicurl/http://example.org/a.geojson", "http://example.org/a.geojson",
                                  "/vsizip/a.zip/a.shp", "<OGRVRTDataSource/>", '{"type":"Point"}', "a\0.csv"])
def test_names_that_a_reader_might_follow(name):
    with pytest.raises(UnreadableFileError, match=r"a file name may not hold .*; copy the file"):
        files.read_layer(name)


VRT = '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>{}</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'


def test_content_that_is_not_what_the_name_says(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("name,lon,lat\nx,1,2\n", encoding="utf-8")
    path = tmp_path / "facilities.geojson"
    path.write_text(VRT.format(secret), encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"facilities\.geojson: content is VRT, expected GeoJSON"):
        files.read_layer(path)
    path.write_text(f'{{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read {secret}"}}')
    with pytest.raises(UnreadableFileError, match="content is a GDAL pipeline"):
        files.read_layer(path)
    path.write_text('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>')
    with pytest.raises(UnreadableFileError, match="content is XML, expected GeoJSON"):
        files.read_layer(path)
    path.rename(tmp_path / "a.kml")
    with pytest.raises(UnreadableFileError, match="content is XML, expected KML"):
        files.read_layer(tmp_path / "a.kml")


def test_drivers_that_follow_addresses_are_not_loaded():
    """A fresh process, since GDAL reads the list once."""
    code = ("import lifecircle.inputs.files, pyogrio; print(sorted({'OGR_VRT', 'GDALG', 'HTTP', 'WFS', 'OAPIF', 'CSW'}"
            " & set(pyogrio.list_drivers())))")
    environment = {key: value for key, value in os.environ.items() if key != "GDAL_SKIP"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("name", "content"), [
    ("cut.geojson", b'{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Po'),
    ("deep.geojson", b'{"a":' * 5000),
    ("cut.gpkg", b"SQLite format 3\0" + b"\1" * 300),
    ("cut.parquet", b"PAR1" + b"\0" * 50),
    ("cut.fgb", b"fgb\x03fgb\x00" + b"\0" * 3),
    ("western.csv", "name,lon,lat\nJulià é,1,2\n".encode("latin-1")),
])
def test_broken_files_name_themselves(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFileError, match=name.replace(".", r"\.")):
        files.read_layer(tmp_path / name)


def test_csv_without_coordinates_says_how_to_map_them(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,横,纵\nx,1,2\n", encoding="utf-8")
    with pytest.raises(MissingColumnError, match=r"no column lon, lat; the columns are name, 横, 纵; map it"):
        files.read_layer(path)
    path.write_text("name,lon,lat\nx,east,2\n", encoding="utf-8")
    with pytest.raises(BadValueError, match=r"a\.csv: column lon holds no number in row 2: east"):
        files.read_layer(path)


def test_read_table_of_a_layer_has_no_geometry(tmp_path):
    clinics().to_file(tmp_path / "clinics.gpkg")
    assert list(files.read_table(tmp_path / "clinics.gpkg").columns) == ["name", "code"]


def test_rename_columns():
    table = pd.DataFrame({"编号": ["1"], "名称": ["a"], "name": ["other"]})
    renamed = cells.rename_columns(table, {"facility_id": "编号", "name": "名称"}, "a.csv")
    assert renamed.to_dict("records") == [{"name": "a", "facility_id": "1"}]
    with pytest.raises(MissingColumnError, match=r"a\.csv: no column 床位; the columns are 编号, 名称, name"):
        cells.rename_columns(table, {"capacity": "床位"}, "a.csv")


def test_numbers_as_people_write_them():
    column = pd.Series(["1,234", "１２３", " 7.5 ", ""], index=[2, 3, 4, 5])
    assert cells.as_numbers(column, "a.csv", "population", blank=True).tolist()[:3] == [1234.0, 123.0, 7.5]
    with pytest.raises(BadValueError, match=r"column population holds nothing in row 5"):
        cells.as_numbers(column, "a.csv", "population")
    with pytest.raises(BadValueError, match=r"holds no number in row 3: many"):
        cells.as_numbers(pd.Series(["1", "many"], index=[2, 3]), "a.csv", "population")
    with pytest.raises(BadValueError, match=r"holds a negative number in row 2: -1"):
        cells.as_numbers(pd.Series(["-1"], index=[2]), "a.csv", "population", negative=False)
    with pytest.raises(BadValueError, match=r"holds no number in row 0: inf"):
        cells.as_numbers(pd.Series([np.inf]), "a.csv", "population")


def test_codes_from_number_columns_are_text():
    assert cells.as_text(pd.Series([511902001000.0, np.nan])).tolist() == ["511902001000", ""]
    assert cells.as_text(pd.Series(["007 ", None])).tolist() == ["007", ""]


def test_bow_tie_is_mended_and_reported():
    bow = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    frame = gpd.GeoDataFrame(geometry=[bow], crs="EPSG:4545", index=[1])
    findings = Findings()
    mended = shapes.clean(frame, "a.gpkg", findings)
    assert mended.geometry.iloc[0].area == pytest.approx(2.0)
    assert [(item.code, item.count, item.id) for item in findings] == [("geometry_repaired", 1, "1")]


def test_positions_that_a_crs_cannot_hold():
    swapped = gpd.GeoDataFrame(geometry=gpd.points_from_xy([31.8], [106.7]), crs="EPSG:4326", index=[7])
    with pytest.raises(BadValueError, match=r"a\.csv: row 7: 31\.8, 106\.7 looks swapped"):
        shapes.to_crs(swapped, "EPSG:4545", "a.csv")
    wild = gpd.GeoDataFrame(geometry=gpd.points_from_xy([1e30], [1e30]), crs="EPSG:4545", index=[7])
    with pytest.raises(BadValueError, match=r"row 7 lies outside what EPSG:4326 can hold"):
        shapes.to_crs(wild, "EPSG:4326", "a.csv")
    with np.errstate(invalid="ignore"):
        line = shapely.from_wkt("LINESTRING (0 0, 1 nan)")
    nan = gpd.GeoDataFrame(geometry=[line], crs="EPSG:4326", index=[3])
    with pytest.raises(BadValueError, match="row 3 has a coordinate that is no number"):
        shapes.clean(nan, "a.csv", Findings())


def test_nothing_is_read_outside_the_folder_of_the_run_file(tmp_path):
    folder = tmp_path / "district"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("lon,lat\n1,2\n", encoding="utf-8")
    (folder / "link.csv").symlink_to(tmp_path / "secret.csv")
    runfile = run_file(folder)
    for name in ("../secret.csv", str(tmp_path / "secret.csv"), "link.csv", "a/../../secret.csv"):
        with pytest.raises(ConfigError, match=r"lies outside the folder of the run file; .* --allow"):
            runfile.resolve(name)
    allowed = runfile.model_copy(update={"allow": (tmp_path,)})
    assert allowed.resolve("../secret.csv") == (tmp_path / "secret.csv").resolve()
