"""Township totals shared by buildings, land, places or a raster: kept exactly, at points of sensible size."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from pyproj import Transformer

from extracts import EAST_STREET, QINGJIANG, two_townships
from lifecircle.errors import (
    BadValueError,
    ConfigError,
    EmptyTableError,
    MissingCrsError,
    NoMatchError,
    UnreadableFileError,
)
from test_inputs_people import Case, osm_case

#: Corners of 100 m cells of EPSG:4545, well inside the street and the town of `two_townships`.
STREET_M, TOWN_M = (379_000, 3_522_000), (384_000, 3_522_000)
TOTALS = {"population": [1000, 400]}


def boxes(folder, name, rows, **columns):
    """Write boxes of (corner, west, south, east, north) in metres."""
    shapes = [shapely.box(x + west, y + south, x + east, y + north) for (x, y), west, south, east, north in rows]
    gpd.GeoDataFrame(columns, geometry=shapes, crs="EPSG:4545").to_file(folder / name)


def case(folder, *, townships=None, **people):
    sections = {"boundaries": {"places": None}, "people": people}
    return Case(folder, townships=townships if townships is not None else two_townships(**TOTALS), places=None,
                **sections)


def sums(demand, column="population"):
    return demand[demand["inside"]].groupby("township_code")[column].sum().to_dict()


def test_the_corners_lie_where_they_should():
    back = Transformer.from_crs("EPSG:4545", "EPSG:4326", always_xy=True)
    street, town = (shapely.Point(back.transform(x + 500, y + 500)) for x, y in (STREET_M, TOWN_M))
    frame = two_townships()
    assert frame.geometry[0].buffer(-0.01).contains(street)
    assert frame.geometry[1].buffer(-0.01).contains(town)


# buildings


def write_buildings(folder):
    """Floor in m2: 300 and 200 in the first cell of the street, 500 in another; 100 and a garage in the town."""
    boxes(folder, "buildings.gpkg", [
        (STREET_M, 10, 10, 20, 20), (STREET_M, 40, 40, 60, 50), (STREET_M, 210, 10, 235, 20), (TOWN_M, 10, 10, 20, 20),
        (TOWN_M, 50, 50, 60, 60)], levels=["3", "", "２", None, "4"], building=["house", "yes", "", "", "garage"])


def test_buildings_share_the_totals_by_footprint_times_levels(tmp_path):
    write_buildings(tmp_path)
    found = case(tmp_path, file="buildings.gpkg", weights="buildings", cell_m=0)
    demand = found.demand
    assert demand["population"].tolist() == pytest.approx([300, 200, 500, 400])
    assert sums(demand) == {EAST_STREET: pytest.approx(1000, abs=1e-6), QINGJIANG: pytest.approx(400, abs=1e-6)}
    assert set(demand["quality"]) == {"derived"}
    [read] = [item for item in found.findings if item.code == "buildings_read"]
    assert read.message == ("4 buildings are weighed by footprint; 2 of them tell their levels, the others count one; "
                            "1 are no dwellings")
    assert "people_spread" in found.codes()


def test_buildings_of_a_cell_become_one_point_at_a_building(tmp_path):
    """The middle of 300 at x = 15 and 200 at x = 50 lies at 29, nearer to the first."""
    write_buildings(tmp_path)
    demand = case(tmp_path, file="buildings.gpkg", weights="buildings").demand
    assert demand["population"].tolist() == pytest.approx([500, 500, 400])
    first = demand.geometry.iloc[0]
    assert (first.x - STREET_M[0], first.y - STREET_M[1]) == pytest.approx((15, 15), abs=1e-6)


def test_a_cell_does_not_mix_townships_or_places(tmp_path):
    """A cell of 5 km holds buildings of both townships, and two places of the street."""
    write_buildings(tmp_path)
    west = shapely.box(STREET_M[0] - 100, STREET_M[1] - 100, STREET_M[0] + 150, STREET_M[1] + 500)
    east = shapely.box(STREET_M[0] + 150, STREET_M[1] - 100, STREET_M[0] + 900, STREET_M[1] + 500)
    table = {"place_code": ["A", "B"], "place": ["a", "b"], "class": ["urban", "rural"]}
    gpd.GeoDataFrame(table, geometry=[west, east], crs="EPSG:4545").to_file(tmp_path / "places.gpkg")
    demand = Case(tmp_path, townships=two_townships(**TOTALS), boundaries={"places": "places.gpkg"},
                  people={"file": "buildings.gpkg", "weights": "buildings", "cell_m": 5000}).demand
    assert dict(zip(demand["place_code"], demand["population"], strict=True)) == {
        "A": pytest.approx(500), "B": pytest.approx(500), QINGJIANG: pytest.approx(400)}
    assert demand["class"].tolist()[:2] == ["urban", "rural"]


def test_weights_need_a_total_for_every_township(tmp_path):
    write_buildings(tmp_path)
    with pytest.raises(ConfigError, match=r"\[people\] gives weights and no totals"):
        _ = case(tmp_path, townships=two_townships(), file="buildings.gpkg", weights="buildings").demand
    (tmp_path / "totals.csv").write_text(f"township_code,population\n{EAST_STREET},10\n")
    with pytest.raises(NoMatchError, match=f"township {QINGJIANG} has no total that its weights could share"):
        _ = case(tmp_path, file="buildings.gpkg", weights="buildings", totals="totals.csv").demand
    boxes(tmp_path, "barns.gpkg", [(STREET_M, 0, 0, 10, 10)], building=["barn"])
    with pytest.raises(EmptyTableError, match="no building is a dwelling"):
        _ = case(tmp_path, file="barns.gpkg", weights="buildings").demand
    (tmp_path / "points.csv").write_text("lon,lat\n106.71,31.82\n")
    with pytest.raises(BadValueError, match=r"points\.csv: row 2 is no polygon"):
        _ = case(tmp_path, file="points.csv", weights="buildings").demand


def test_a_township_without_buildings_gets_a_point(tmp_path):
    boxes(tmp_path, "buildings.gpkg", [(STREET_M, 10, 10, 20, 20)])
    found = case(tmp_path, file="buildings.gpkg", weights="buildings")
    assert found.demand["population"].tolist() == pytest.approx([1000, 400])
    assert found.demand["demand_id"].tolist()[1] == f"township-{QINGJIANG}"
    assert "people_per_township" in found.codes()


def test_neighbours_get_as_many_people_for_a_weight_as_the_district(tmp_path):
    """1400 people on 1100 m2 inside; 550 m2 beyond the border are 700 people."""
    write_buildings(tmp_path)
    inside = gpd.read_file(tmp_path / "buildings.gpkg")
    point = Transformer.from_crs("EPSG:4326", "EPSG:4545", always_xy=True).transform(106.805, 31.82)
    beyond = gpd.GeoDataFrame({"levels": ["1"], "building": ["house"]}, crs="EPSG:4545",
                              geometry=[shapely.box(point[0], point[1], point[0] + 55, point[1] + 10)])
    pd.concat([inside, beyond]).to_file(tmp_path / "buildings.gpkg")
    demand = case(tmp_path, file="buildings.gpkg", weights="buildings").demand
    assert demand["population"][~demand["inside"]].tolist() == pytest.approx([700])


def test_many_buildings_become_few_points(tmp_path):
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0, 1000, (2, 5000))
    boxes(tmp_path, "buildings.gpkg", [(STREET_M, *row) for row in np.column_stack([x, y, x + 9, y + 9])])
    demand = case(tmp_path, file="buildings.gpkg", weights="buildings").demand
    street = demand[demand["township_code"] == EAST_STREET]
    assert 100 <= len(street) <= 121          # 10 x 10 cells, one more row and column where boxes reach over
    assert street["population"].sum() == pytest.approx(1000, abs=1e-6)


# residential land


def test_residential_land_shares_by_area_and_overlaps_count_once(tmp_path):
    """250 m by 100 m, half of it drawn twice: cells of 10,000, 10,000 and 5,000 m2 share 1000 people."""
    boxes(tmp_path, "land.gpkg", [(STREET_M, 0, 0, 250, 100), (STREET_M, 0, 0, 125, 100), (TOWN_M, 0, 0, 10, 10)])
    demand = case(tmp_path, file="land.gpkg", weights="residential").demand
    street = demand[demand["township_code"] == EAST_STREET]
    assert sorted(street["population"]) == pytest.approx([200, 400, 400])
    whole = case(tmp_path, file="land.gpkg", weights="residential", cell_m=0).demand
    assert sorted(whole["population"]) == pytest.approx([400, 1000])


def test_land_across_a_border_is_cut_there(tmp_path):
    """A quarter of the land lies in the town: its people there share 400, and each side keeps its total."""
    border = Transformer.from_crs("EPSG:4326", "EPSG:4545", always_xy=True).transform(106.75, 31.82)
    gpd.GeoDataFrame(geometry=[shapely.box(border[0] - 300, border[1], border[0] + 100, border[1] + 50)],
                     crs="EPSG:4545").to_file(tmp_path / "land.gpkg")
    demand = case(tmp_path, file="land.gpkg", weights="residential", cell_m=0).demand
    assert sums(demand) == {EAST_STREET: pytest.approx(1000, abs=1e-6), QINGJIANG: pytest.approx(400, abs=1e-6)}
    townships = two_townships(population=[300, 100])
    demand = case(tmp_path, townships=townships, file="land.gpkg", weights="residential").demand
    density = demand["population"].sum() / (400 * 50)
    assert density == pytest.approx(0.02)
    assert demand["population"].max() <= 0.0201 * 100 * 50


# places


def test_places_share_by_their_weight_or_equally(tmp_path):
    table = "place_code,weight,lon,lat\nA,30,106.71,31.82\nB,10,106.72,31.82\nC,5,106.76,31.82\n"
    (tmp_path / "homes.csv").write_text(table)
    demand = case(tmp_path, file="homes.csv", weights="places").demand
    assert demand["population"].tolist() == pytest.approx([750, 250, 400])
    (tmp_path / "homes.csv").write_text(table.replace("weight", "x"))
    found = case(tmp_path, file="homes.csv", weights="places")
    assert found.demand["population"].tolist() == pytest.approx([500, 500, 400])
    assert "weights_equal" in found.codes()


def test_the_places_of_the_boundaries_share_the_totals(tmp_path):
    demand = Case(tmp_path, townships=two_townships(**TOTALS), people={"weights": "places"}).demand
    assert dict(zip(demand["place_code"], demand["population"], strict=True)) == {
        "511902001001": pytest.approx(1000), "511902103001": pytest.approx(200), "511902103201": pytest.approx(200)}


# raster


def write_raster(path, values, *, west=106.70, north=31.85, side=0.01, crs="EPSG:4326", nodata=None, transform=None):
    values = np.asarray(values, dtype="float32")
    transform = transform or rasterio.Affine(side, 0, west, 0, -side, north)
    with rasterio.open(path, "w", driver="GTiff", count=1, height=values.shape[0], width=values.shape[1],
                       dtype="float32", crs=crs, nodata=nodata, transform=transform) as file:
        file.write(values, 1)


#: Ten columns of 0.01 degrees, five rows: the first five columns are the street, the others the town.
GRID = np.arange(1.0, 51.0).reshape(5, 10)


def test_a_raster_gives_people_per_cell(tmp_path):
    grid = GRID.copy()
    grid[0, 0], grid[1, 1], grid[2, 2] = np.nan, -99_999, 0
    write_raster(tmp_path / "pop.tif", grid, nodata=-99_999)
    found = case(tmp_path, townships=two_townships(), raster="pop.tif")
    demand = found.demand
    assert len(demand) == 47
    street = GRID[:, :5].sum() - 1 - 12 - 23
    assert sums(demand) == {EAST_STREET: pytest.approx(street), QINGJIANG: pytest.approx(GRID[:, 5:].sum())}
    point = demand.to_crs("EPSG:4326").geometry[demand["population"] == 2].iloc[0]
    assert (point.x, point.y) == pytest.approx((106.715, 31.845), abs=1e-7)
    assert set(demand["quality"]) == {"derived"}


def test_totals_scale_a_raster(tmp_path):
    write_raster(tmp_path / "pop.tif", GRID)
    found = case(tmp_path, raster="pop.tif")
    assert sums(found.demand) == {EAST_STREET: pytest.approx(1000, abs=1e-6), QINGJIANG: pytest.approx(400, abs=1e-6)}
    (tmp_path / "totals.csv").write_text(f"township_code,population\n{EAST_STREET},5750\n{QINGJIANG},700\n")
    found = case(tmp_path, raster="pop.tif", totals="totals.csv")
    assert sums(found.demand)[EAST_STREET] == pytest.approx(5750, abs=1e-6)     # the cells hold 575
    [strange] = [item for item in found.findings if item.code == "people_rescaled"]
    assert (strange.count, strange.value) == (1, f"{EAST_STREET} x 10.00")


def test_a_raster_is_cut_at_the_buffer(tmp_path):
    """Cells 0.005 and 0.015 degrees (474 and 1,420 m) beyond the border count in a buffer of 2 km, farther ones not."""
    write_raster(tmp_path / "pop.tif", np.ones((5, 14)), west=106.70)
    demand = case(tmp_path, townships=two_townships(), raster="pop.tif").demand
    lon = demand.to_crs("EPSG:4326").geometry.x[~demand["inside"]].round(6)
    assert sorted(set(lon)) == [106.805, 106.815]
    assert demand["inside"].sum() == 50


@pytest.mark.parametrize("turned", ["metres", "south up", "mirrored"])
def test_rasters_of_any_system_and_turn(tmp_path, turned):
    if turned == "metres":
        corner = Transformer.from_crs("EPSG:4326", "EPSG:32648", always_xy=True).transform(106.72, 31.84)
        write_raster(tmp_path / "pop.tif", [[7, 8], [9, 0]], crs="EPSG:32648",
                     transform=rasterio.Affine(90, 0, corner[0], 0, -90, corner[1]))
    elif turned == "south up":
        write_raster(tmp_path / "pop.tif", [[9, 0], [7, 8]],
                     transform=rasterio.Affine(0.001, 0, 106.72, 0, 0.001, 31.838))
    else:
        write_raster(tmp_path / "pop.tif", [[8, 7], [0, 9]],
                     transform=rasterio.Affine(-0.001, 0, 106.722, 0, -0.001, 31.84))
    demand = case(tmp_path, townships=two_townships(), raster="pop.tif").demand.to_crs("EPSG:4326")
    x, y = demand.geometry.x, demand.geometry.y
    west, north = x < x.mean(), y > y.mean()
    by_corner = {(w, n): p for w, n, p in zip(west, north, demand["population"], strict=True)}
    assert by_corner == {(True, True): 7, (False, True): 8, (True, False): 9}


def test_cells_are_gathered_where_they_are_asked_to_be(tmp_path):
    """Cells of 0.001 degrees are 95 by 111 m, 103 m of side: a cell of 300 m is 3 by 3 of them."""
    write_raster(tmp_path / "pop.tif", np.ones((6, 6)), west=106.72, north=31.84, side=0.001)
    assert len(case(tmp_path, townships=two_townships(), raster="pop.tif").demand) == 36
    demand = case(tmp_path, townships=two_townships(), raster="pop.tif", cell_m=300).demand
    assert demand["population"].tolist() == [9.0] * 4


def test_rasters_that_are_none(tmp_path):
    def read():
        return case(tmp_path, townships=two_townships(), raster="pop.tif").demand

    (tmp_path / "pop.tif").write_text("<VRTDataset/>")
    with pytest.raises(UnreadableFileError, match="content is no TIFF"):
        read()
    (tmp_path / "pop.tif").write_bytes(b"II*\0" + b"\xff" * 50)
    with pytest.raises(UnreadableFileError, match=r"pop\.tif: cannot be read as people"):
        read()
    (tmp_path / "pop.tif").unlink()
    write_raster(tmp_path / "pop.tif", GRID, crs=None)
    with pytest.raises(MissingCrsError, match="names no coordinate system"):
        read()
    write_raster(tmp_path / "pop.tif", np.where(GRID == 3, -99_999, GRID))
    with pytest.raises(BadValueError, match="1 cells hold a negative number of people, such as -99999; declare it"):
        read()
    write_raster(tmp_path / "pop.tif", GRID, west=20.0)
    with pytest.raises(EmptyTableError, match="does not cover the district"):
        read()
    write_raster(tmp_path / "pop.tif", GRID * 0)
    with pytest.raises(EmptyTableError, match="no cell in the district and its buffer holds people"):
        read()


# groups


def test_groups_have_totals_of_their_own(tmp_path):
    """The file's groups are scaled to theirs; those of a spread follow the people.

    The town has no total of the group, and half its people.
    """
    (tmp_path / "totals.csv").write_text("township,population,population_60plus\n东城街道办事处,2000,300\n清江,400,\n")
    people = {"file": "people.csv", "totals": "totals.csv"}
    demand = Case(tmp_path, people=people).demand
    assert demand["population"].tolist() == pytest.approx([2000, 250, 150, 50])
    assert demand["population_60plus"].tolist() == pytest.approx([300, 75, 50, 10])
    write_buildings(tmp_path)
    (tmp_path / "totals.csv").write_text("township,population,population_60plus\n东城街道,2000,300\n清江镇,400,100\n")
    demand = case(tmp_path, file="buildings.gpkg", weights="buildings", totals="totals.csv").demand
    assert demand["population_60plus"].tolist() == pytest.approx([150, 150, 100])
    (tmp_path / "totals.csv").write_text("township,population,population_60plus\n东城街道,200,300\n清江镇,400,100\n")
    with pytest.raises(BadValueError, match=f"population_60plus is larger than population for {EAST_STREET}"):
        _ = case(tmp_path, file="buildings.gpkg", weights="buildings", totals="totals.csv").demand


def test_a_group_without_a_total_takes_the_share_of_the_others(tmp_path):
    """300 of the street's 2000 are old; so 60 of the town's 400, whether points tell of people or nothing does."""
    (tmp_path / "totals.csv").write_text("township,population,population_60plus\n东城街道,2000,300\n清江镇,400,\n")
    write_buildings(tmp_path)
    for people in ({"file": "buildings.gpkg", "weights": "buildings"}, {}):
        found = case(tmp_path, totals="totals.csv", **people)
        assert sums(found.demand, "population_60plus") == pytest.approx({EAST_STREET: 300, QINGJIANG: 60}, abs=1e-6)
        [assumed] = [item for item in found.findings if item.code == "group_assumed"]
        assert (assumed.id, assumed.value) == (QINGJIANG, "population_60plus")


def test_townships_of_which_some_have_no_population(tmp_path):
    write_raster(tmp_path / "pop.tif", GRID)
    found = case(tmp_path, townships=two_townships(population=[1000, None]), raster="pop.tif")
    assert sums(found.demand) == {EAST_STREET: pytest.approx(1000), QINGJIANG: pytest.approx(GRID[:, 5:].sum())}
    assert "total_missing" in found.codes()


def test_a_group_as_a_share_of_residents(tmp_path):
    found = Case(tmp_path, people={"file": "people.csv", "shares": {"population_0_2": 0.02, "population_60plus": 0.3}})
    demand = found.demand
    assert demand["population_0_2"].tolist() == pytest.approx([20, 10, 6, 1])
    assert demand["population_60plus"].tolist() == [200.0, 150.0, 100.0, 10.0]
    assert set(demand["quality"]) == {"derived"}
    shared = {item.code: item.id for item in found.findings if item.code in ("group_shared", "share_unused")}
    assert shared == {"group_shared": "people.shares.population_0_2", "share_unused": "people.shares.population_60plus"}


# OSM


@pytest.mark.parametrize("weights", ["buildings", "residential"])
def test_totals_of_andorra_over_buildings_and_land(tmp_path, weights):
    codes = ["2804753", "2804755", "2804756", "2804757", "2804758", "2804759"]
    people = [22_546, 14_029, 16_475, 9_744, 4_651, 9_379]
    pd.DataFrame({"township_code": codes, "population": people}).to_csv(tmp_path / "totals.csv", index=False)
    _, demand, findings = osm_case(tmp_path, totals="totals.csv", weights=weights)
    assert sums(demand) == pytest.approx(dict(zip(codes, people, strict=True)), abs=1e-6)
    assert set(demand["quality"]) == {"derived"}
    assert demand["demand_id"].is_unique
    assert len(demand) > 100
    assert any(item.code == "people_spread" for item in findings)
