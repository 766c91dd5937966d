"""Height models: planes whose heights are known, voids, tiles, and the real SRTM tile of Andorra."""

import shutil

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio import Affine

from extracts import andorra
from lifecircle.errors import MissingCrsError, MissingFileError, UnreadableFileError
from lifecircle.inputs.elevation import Elevation, elevation_files
from lifecircle.inputs.findings import Findings
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.roadnetwork import RoadNetwork

CRS = "EPSG:4545"
WEST, NORTH, CELL = 380_000.0, 3_525_000.0, 10.0


def tile(path, z_m, *, west=WEST, crs=CRS, nodata=-32768):
    z_m = np.asarray(z_m, dtype="float32")
    with rasterio.open(path, "w", driver="GTiff", height=z_m.shape[0], width=z_m.shape[1], count=1, dtype="float32",
                       crs=crs, transform=Affine(CELL, 0, west, 0, -CELL, NORTH), nodata=nodata) as target:
        target.write(z_m, 1)
    return path


def plane(rows=20, columns=20, east=1.0, south=0.0):
    """Heights that rise by `east` metres a cell eastwards and by `south` southwards; 0 at the first cell's centre."""
    return np.arange(columns)[None, :] * east + np.arange(rows)[:, None] * south


def at(x, y):
    """Give a position by metres east and south of the raster's corner."""
    return np.array([[WEST + x, NORTH - y]])


def test_heights_between_cell_centres(tmp_path):
    model = Elevation.open(tile(tmp_path / "a.tif", plane(east=1.0, south=2.0)), CRS)
    assert model.sample_m(at(5, 5)).tolist() == [0.0]                       # the first cell's centre
    assert model.sample_m(at(10, 5)).tolist() == [0.5]                      # half a cell east
    assert model.sample_m(at(42.5, 27.5)) == pytest.approx([3.75 + 4.5])
    assert model.sample_m(at(1, 5)).tolist() == [0.0]                       # outer half cell: the edge's own height
    assert np.isnan(model.sample_m(at(-20, 5))).all()
    assert np.isnan(model.sample_m(np.array([[np.inf, np.inf]]))).all()


def test_the_ground_beside_a_void_that_stays_has_no_step():
    """One corner of four is void and the others share its weight: heights 0, 0, 1 with 0.18, 0.12, 0.28 and with
    0.64, 0.16, 0.04."""
    z_m = plane()
    z_m[0, 1] = np.nan
    z_m[10:14, 10:14] = np.nan
    model = Elevation(z_m.astype("float32"), Affine(CELL, 0, WEST, 0, -CELL, NORTH), CRS, CRS)
    assert model.sample_m(at(12, 9)) == pytest.approx([0.28 / 0.58])
    assert model.sample_m(at(7, 7)) == pytest.approx([0.04 / 0.84])
    assert np.isnan(model.sample_m(at(120, 120))).all()     # all four void


def test_voids_are_filled_from_around(tmp_path):
    """A hole in a plane that rises 1 m a cell closes to the plane, to a tenth of that; a larger one stays between the
    heights on its rim, 9 and 14 m."""
    z_m = plane()
    z_m[3, 3] = -32768
    z_m[10:14, 10:14] = -32768
    model = Elevation.open(tile(tmp_path / "a.tif", z_m), CRS)
    assert np.argwhere(model.filled).tolist() == np.argwhere(z_m < -1).tolist()
    assert model.z_m[3, 3] == pytest.approx(3.0, abs=0.1)
    inside = model.z_m[10:14, 10:14]
    assert (inside > 9).all()
    assert (inside < 14).all()
    assert (np.diff(inside, axis=1) > 0).all()              # it rises eastwards as the plane does
    assert Elevation.open(tile(tmp_path / "b.tif", plane()), CRS).filled is None


def test_heights_are_carried_a_kilometre_into_a_void_and_no_farther(tmp_path):
    """2,200 m of void from west to east: 1,000 m are filled from either side, 200 m (20 cells, 3 rows) stay void."""
    z_m = plane(rows=3, columns=260, east=0.0) + 50
    z_m[:, 20:240] = -32768
    model = Elevation.open(tile(tmp_path / "a.tif", z_m), CRS)
    assert np.flatnonzero(np.isnan(model.z_m[1])).tolist() == list(range(120, 140))
    assert (model.z_m[:, 20:120] == 50).all()
    assert model.filled.sum() == 3 * 200
    all_void = Elevation.open(tile(tmp_path / "b.tif", plane() * 0 - 32768), CRS)
    assert np.isnan(all_void.z_m).all()
    assert all_void.filled is None


def test_a_void_beside_a_cliff(tmp_path):
    """Ground at 0 m west and at 100 m east, three cells of void between: the road rises over 40 m, not at a stroke.

    Its four centres 10 m apart rise by 25 m each if evenly; no step may take more than half the cliff. Of the road,
    70-100 m east of the corner lies on the void: 30 m.
    """
    z_m = plane(east=0.0)
    z_m[:, 10:] = 100
    z_m[:, 7:10] = -32768
    model = Elevation.open(tile(tmp_path / "a.tif", z_m), CRS)
    rises = np.diff(model.sample_m(np.concatenate([at(x, 55) for x in (55, 65, 75, 85, 95, 105, 115)])))
    assert rises[[0, 5]].tolist() == [0, 0]
    assert rises.sum() == pytest.approx(100)
    assert (rises[1:5] > 5).all()
    assert rises.max() <= 50
    xy = np.concatenate([at(x, 55) for x in (55, 70, 100, 125)])
    network = RoadNetwork.from_segments(CRS, xy, [0, 1, 2], [1, 2, 3], [CLASS_INDEX["path"]] * 3)
    findings = Findings()
    assert not np.isnan(model.drape(network, findings).node_z_m).any()
    [item] = [item for item in findings if item.code == "elevation_filled"]
    assert (item.severity, item.count, item.value) == ("warn", 60, "30 m")
    assert item.message.startswith("60 cells of the height model held no height")


def test_slope(tmp_path):
    """A rise of 1 m a cell of 10 m is 5.71 degrees; 1 east and 1 south together 8.05."""
    east = Elevation.open(tile(tmp_path / "a.tif", plane()), CRS)
    assert east.slope_deg() == pytest.approx(np.full((20, 20), 5.7106), abs=1e-3)
    both = Elevation.open(tile(tmp_path / "b.tif", plane(east=1, south=1)), CRS)
    assert both.slope_deg()[5, 5] == pytest.approx(8.0495, abs=1e-3)
    assert both.nearest(both.slope_deg(), at(55, 55)) == pytest.approx([8.0495], abs=1e-3)
    assert np.isnan(both.nearest(both.slope_deg(), at(-55, 55))).all()


def test_slope_on_a_raster_in_degrees(tmp_path):
    """At 60 N a degree east is half as long: the same rise per cell is twice as steep there as towards the south."""
    for name, z_m in (("east.tif", plane(east=1.0)), ("south.tif", plane(east=0.0, south=1.0))):
        with rasterio.open(tmp_path / name, "w", driver="GTiff", height=20, width=20, count=1, dtype="float32",
                           crs="EPSG:4326", transform=Affine(1e-4, 0, 24, 0, -1e-4, 60)) as target:
            target.write(z_m.astype("float32"), 1)
    east, south = (Elevation.open(tmp_path / f"{name}.tif", "EPSG:3067").slope_deg()[10, 10]
                   for name in ("east", "south"))
    assert np.tan(np.radians(south)) == pytest.approx(1 / 11.132, rel=1e-3)
    assert np.tan(np.radians(east)) == pytest.approx(2 / 11.132, rel=1e-3)


def test_tiles_are_merged(tmp_path):
    tile(tmp_path / "w.tif", plane(columns=10))
    tile(tmp_path / "e.tif", plane(columns=10) + 10, west=WEST + 100)
    assert [path.name for path in elevation_files(tmp_path / "*.tif")] == ["e.tif", "w.tif"]
    model = Elevation.open(tmp_path / "*.tif", CRS)
    assert model.z_m.shape == (20, 20)
    assert model.sample_m(at(100, 55)).tolist() == [9.5]    # between the last centre of one and the first of the other


def test_another_crs_is_transformed(tmp_path):
    model = Elevation.open(tile(tmp_path / "a.tif", plane()), "EPSG:4326")
    lon, lat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(WEST + 55, NORTH - 55)
    assert model.sample_m(np.array([[lon, lat]])) == pytest.approx([5.0], abs=1e-4)


def test_bad_files(tmp_path):
    with pytest.raises(MissingFileError, match=r"none\.hgt: no such height file; name a file or a pattern of \.tif"):
        Elevation.open(tmp_path / "none.hgt", CRS)
    with pytest.raises(UnreadableFileError, match="may not hold"):
        Elevation.open("/vsicurl/http://example.org/a.tif", CRS)
    (tmp_path / "a.tif").write_text("<VRTDataset/>")
    with pytest.raises(UnreadableFileError, match=r"a\.tif: content is no TIFF"):
        Elevation.open(tmp_path / "a.tif", CRS)
    (tmp_path / "a.asc").write_text("ncols 1")
    with pytest.raises(UnreadableFileError, match=r"a\.asc: is no height model"):
        Elevation.open(tmp_path / "a.asc", CRS)
    cut = tile(tmp_path / "cut.tif", plane())
    cut.write_bytes(cut.read_bytes()[:-800])
    with pytest.raises(UnreadableFileError, match=r"cut\.tif: cannot be read as heights"):
        Elevation.open(cut, CRS)
    with pytest.raises(MissingCrsError, match=r"no_crs\.tif: the height model names no coordinate system"):
        Elevation.open(tile(tmp_path / "no_crs.tif", plane(), crs=None), CRS)
    (tmp_path / "two").mkdir()
    tile(tmp_path / "two/a.tif", plane())
    tile(tmp_path / "two/b.tif", plane(), crs="EPSG:4544")
    with pytest.raises(UnreadableFileError, match="tiles have different systems"):
        Elevation.open(tmp_path / "two/*.tif", CRS)
    (tmp_path / "N42E001.hgt").write_bytes(b"\0" * 100)
    with pytest.raises(UnreadableFileError, match=r"N42E001\.hgt"):
        Elevation.open(tmp_path / "N42E001.hgt", CRS)


def test_drape_reports_the_nodes_without_height_and_the_check_by_din(tmp_path):
    """A void 2,200 m wide; the last node stands in its middle. The first 50 m rise by 10 %, one way up and one down.

    Up, Tobler 1.41907 over DIN 1.83333 is 0.7740; down, 1 over 1.4 is 0.7143; the other segment counts as level: 1.
    """
    z_m = plane(rows=3, columns=260)
    z_m[:, 20:240] = -32768
    model = Elevation.open(tile(tmp_path / "a.tif", z_m), CRS)
    xy = np.array([[WEST + 15, NORTH - 15], [WEST + 65, NORTH - 15], [WEST + 1305, NORTH - 15]])
    network = RoadNetwork.from_segments(CRS, xy, [0, 1], [1, 2], [CLASS_INDEX["path"]] * 2, length_m=[50.0, 50.0])
    findings = Findings()
    draped = model.drape(network, findings)
    assert draped.node_z_m[:2] == pytest.approx([1.0, 6.0])
    assert np.isnan(draped.node_z_m[2])
    kept = {item.code: item for item in findings}
    assert (kept["elevation_void"].severity, kept["elevation_void"].count) == ("warn", 1)
    assert kept["slope_check"].severity == "note"
    assert kept["slope_check"].message.endswith("median 0.77, 5 % of the metres below 0.71, 5 % above 1.00")


def test_no_check_by_din_without_a_road_to_walk(tmp_path):
    model = Elevation.open(tile(tmp_path / "a.tif", plane()), CRS)
    xy = np.concatenate([at(15, 55), at(65, 55)])
    findings = Findings()
    model.drape(RoadNetwork.from_segments(CRS, xy, [0], [1], [CLASS_INDEX["motorway"]]), findings)
    assert len(findings) == 0


def test_andorra():
    """The note of the data: 1201 x 1201 samples, 7,652 voids, 349-3,100 m; every void lies within 1 km of a height."""
    model = Elevation.open(andorra("N42E001.hgt.zip"), "EPSG:4326")
    assert model.z_m.shape == (1201, 1201)
    assert model.filled.sum() == 7_652
    assert not np.isnan(model.z_m).any()
    assert (np.nanmin(model.z_m), np.nanmax(model.z_m)) == (349.0, 3_100.0)
    # Andorra la Vella lies at 1,023 m, the Coma Pedrosa reaches 2,942 m (general knowledge)
    town, peak = model.sample_m(np.array([[1.5218, 42.5075], [1.4442, 42.5917]]))
    assert town == pytest.approx(1023, abs=40)
    assert peak == pytest.approx(2942, abs=80)
    assert 20 < np.nanmedian(model.slope_deg()[480:700, 480:900]) < 32


def test_the_packed_tile_reads_like_the_plain_one(tmp_path):
    shutil.unpack_archive(andorra("N42E001.hgt.zip"), tmp_path)
    plain = next(tmp_path.rglob("*.hgt"))
    np.testing.assert_array_equal(Elevation.open(plain, "EPSG:4326").z_m,
                                  Elevation.open(andorra("N42E001.hgt.zip"), "EPSG:4326").z_m)
