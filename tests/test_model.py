"""The model district: what is true in it is exact, what is invented is believable, and all of it says what it is."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from scipy.ndimage import map_coordinates
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from lifecircle.osmtags import CLASS_INDEX
from lifecircle.runfile import read_runfile

DATA = Path(__file__).resolve().parents[1] / "data"
CRS = "EPSG:4545"
LAYERS = ("clinics", "sports_corners", "elderly_care", "childcare", "shelters", "sports_grounds")
sys.path.insert(0, str(DATA))

from generator import facts, generate, grid, people, terrain  # noqa: E402


def read_codes(path: str) -> pd.DataFrame:
    return pd.read_csv(DATA / path, dtype={"township_code": str, "place_code": str, "urban_rural_code": str},
                       keep_default_na=False, na_values={"lon": "", "area_m2": "", "effective_area_m2": ""})


def as_points(table: pd.DataFrame) -> gpd.GeoDataFrame:
    points = gpd.points_from_xy(table["lon"].astype(float), table["lat"].astype(float))
    return gpd.GeoDataFrame(table, geometry=points, crs="EPSG:4326").to_crs(CRS)


@pytest.fixture(scope="module")
def townships() -> gpd.GeoDataFrame:
    return gpd.read_file(DATA / "boundaries/townships.geojson").to_crs(CRS).set_index("township_code")


@pytest.fixture(scope="module")
def places() -> gpd.GeoDataFrame:
    return gpd.read_file(DATA / "boundaries/places.geojson").to_crs(CRS).set_index("place_code")


@pytest.fixture(scope="module")
def district(townships: gpd.GeoDataFrame) -> set[str]:
    return set(townships.index[townships["role"] == "district"])


@pytest.fixture(scope="module")
def demand() -> gpd.GeoDataFrame:
    return as_points(read_codes("population/demand.csv"))


@pytest.fixture(scope="module")
def own(demand: gpd.GeoDataFrame, district: set[str]) -> gpd.GeoDataFrame:
    return demand[demand["township_code"].isin(district)]


@pytest.fixture(scope="module")
def water() -> shapely.Geometry:
    surface = shapely.union_all(gpd.read_file(DATA / "boundaries/barriers.geojson").to_crs(CRS).geometry)
    shapely.prepare(surface)
    return surface


@pytest.fixture(scope="module")
def roads() -> gpd.GeoDataFrame:
    return gpd.read_parquet(DATA / "roads/roads.parquet")


@pytest.fixture(scope="module")
def net(roads: gpd.GeoDataFrame) -> SimpleNamespace:
    """Cut the roads into segments between shared vertices."""
    xy, line = shapely.get_coordinates(roads.geometry, return_index=True)
    same = line[1:] == line[:-1]
    nodes, index = np.unique(xy, axis=0, return_inverse=True)
    u, v = index.ravel()[:-1][same], index.ravel()[1:][same]
    length = np.hypot(*(nodes[v] - nodes[u]).T)
    graph = csr_matrix((length, (u, v)), shape=(len(nodes), len(nodes)))
    part = connected_components(graph, directed=False)[1]
    kind = roads["road_class"].to_numpy()[line[1:][same]]
    return SimpleNamespace(nodes=nodes, u=u, v=v, length=length, part=part, kind=kind, main=np.bincount(part).argmax(),
                           on_foot=~np.isin(kind, ["motorway", "motorway_link"]))


@pytest.fixture(scope="module")
def heights() -> SimpleNamespace:
    with rasterio.open(DATA / "roads/elevation.tif") as source:
        z, transform = source.read(1).astype(float), source.transform

    def at(xy: np.ndarray) -> np.ndarray:
        col, row = ~transform * (xy[:, 0], xy[:, 1])
        return map_coordinates(z, [np.asarray(row) - 0.5, np.asarray(col) - 0.5], order=1, mode="nearest")

    rows, cols = np.indices(z.shape)
    x, y = transform * (cols + 0.5, rows + 0.5)
    return SimpleNamespace(z=z, at=at, x=x, y=y, cell_m=transform.a)


# --- What is true ---------------------------------------------------------------------------------------------------


def test_units_are_those_of_the_list(townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, district: set[str]) -> None:
    assert len(townships) == 25
    assert len(district) == 22
    assert len(places) == 326
    assert places["township_code"].isin(district).sum() == 296
    assert set(townships[townships["role"] == "neighbour"]["township"]) == {"兴文街道", "奇章街道", "时新街道"}
    assert all(len(code) == 12 and code.endswith("000") for code in townships.index)
    counts = places.groupby(["township_code", "kind"]).size().unstack(fill_value=0)
    named = counts.set_index(townships["township"].reindex(counts.index))
    assert named.loc["鼎山镇"].tolist() == [4, 26]
    assert named.loc["东城街道"].tolist() == [11, 0]
    assert named.loc["白庙乡"].tolist() == [1, 7]
    assert counts.loc[list(district)].sum().tolist() == [76, 220]


def test_names_are_short_and_match_their_kind(places: gpd.GeoDataFrame) -> None:
    ends = {"community": "社区", "village": "村"}
    assert all(name.endswith(ends[kind]) for name, kind in zip(places["place"], places["kind"], strict=True))
    assert not places["place"].str.contains("委员会|居委会|村委会|村村").any()
    assert places.loc["511902128202", "place"] == "狮子寨村"
    assert places.loc["511902108206", "place"] == "龙头寨村"


def test_classes_come_from_2016_or_from_the_rule(places: gpd.GeoDataFrame, district: set[str]) -> None:
    inside = places[places["township_code"].isin(district)]
    assert set(places["class_source"]) == {"2016 NBS", "rule"}
    assert (inside["class_source"] == "2016 NBS").sum() == 262
    assert set(places["urban_rural_code"]) <= {"111", "112", "121", "122", "123", "210", "220"}


def test_census_totals_are_exact(townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, demand: gpd.GeoDataFrame,
                                 own: gpd.GeoDataFrame, district: set[str]) -> None:
    code = own["place_code"].map(places["urban_rural_code"])
    assert own["population"].sum() == 651_534
    assert own.loc[code.str.startswith("1"), "population"].sum() == 419_854
    assert ((own["class"] == "urban") == code.str.startswith("1")).all()
    assert demand[demand["township_code"].isin(set(townships.index) - district)]["population"].sum() == 67_504
    per_township = demand.groupby("township_code")["population"].sum().drop("")
    assert (per_township == townships["population"].reindex(per_township.index)).all()


def test_groups_are_whole_shares(own: gpd.GeoDataFrame) -> None:
    assert own["population_60plus"].sum() == 159_365  # 24.46 % of 651,534
    assert own["population_0_14"].sum() == 113_041  # 17.35 %
    assert own["population_0_2"].sum() == 15_637  # 2.4 %
    numbers = own[["population", "population_60plus", "population_0_14", "population_0_2"]]
    assert all(pd.api.types.is_integer_dtype(kind) for kind in numbers.dtypes)
    assert (own["population"] >= own["population_60plus"] + own["population_0_14"]).all()
    assert (own["population_0_14"] >= own["population_0_2"]).all()
    assert (numbers >= 0).all(axis=None)
    assert (own["population"] > 0).all()


def test_areas_are_near_the_stated_ones(townships: gpd.GeoDataFrame) -> None:
    assert townships.area.sum() / 1e6 == pytest.approx(1403.65, abs=0.1)
    assert townships[townships["role"] == "district"].area.sum() / 1e6 == pytest.approx(1294.91, rel=0.01)


# --- Areas and people -----------------------------------------------------------------------------------------------


def test_places_partition_the_district() -> None:
    places = gpd.read_file(DATA / "boundaries/places.geojson")
    townships = gpd.read_file(DATA / "boundaries/townships.geojson").set_index("township_code")
    for layer in (places, townships):
        assert (layer.geometry.geom_type == "Polygon").all()
        assert layer.geometry.is_valid.all()
        assert shapely.coverage_is_valid(layer.geometry.to_numpy())
    for code, part in places.groupby("township_code"):
        assert shapely.equals(shapely.coverage_union_all(part.geometry.to_numpy()), townships.geometry[code])


def test_borders_are_no_straight_cuts(townships: gpd.GeoDataFrame) -> None:
    pieces = shapely.get_parts(shapely.union_all(shapely.boundary(townships.geometry.to_numpy())))
    steps = np.concatenate([np.hypot(*np.diff(shapely.get_coordinates(piece), axis=0).T) for piece in pieces])
    inner = steps[steps > 0]
    assert np.median(inner) < 150
    assert len(inner) > 2000


def test_people_live_in_their_place_on_dry_ground(demand: gpd.GeoDataFrame, places: gpd.GeoDataFrame,
                                                  water: shapely.Geometry) -> None:
    known = demand[demand["place_code"] != ""]
    own_place = places.geometry.reindex(known["place_code"]).to_numpy()
    assert shapely.contains(own_place, known.geometry.to_numpy()).all()
    assert not shapely.intersects(water, demand.geometry.to_numpy()).any()
    belt = demand[demand["place_code"] == ""].geometry.to_numpy()
    whole = shapely.coverage_union_all(places.geometry.to_numpy())
    assert not shapely.contains(whole, belt).any()
    assert (shapely.distance(whole, belt) <= 6000).all()
    assert 17_000 <= len(known) <= 21_500
    assert 800 <= len(belt) <= 2000
    assert demand["demand_id"].is_unique


def test_everything_says_that_it_is_a_model(demand: gpd.GeoDataFrame, roads: gpd.GeoDataFrame,
                                            townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame) -> None:
    barriers = gpd.read_file(DATA / "boundaries/barriers.geojson")
    for table in (demand, roads, townships, places, barriers):
        assert set(table["quality"]) == {"model"}
    runfile = read_runfile(DATA / "bazhou.toml")
    sections = (runfile.boundaries, runfile.people, runfile.roads, *runfile.facilities)
    assert {section.quality for section in sections} == {"model"}
    assert "模型" in runfile.district.name


# --- Ground and water -----------------------------------------------------------------------------------------------


def test_hills_have_the_heights_and_slopes_of_the_district(heights: SimpleNamespace,
                                                           townships: gpd.GeoDataFrame) -> None:
    outline = shapely.coverage_union_all(townships.geometry.to_numpy())
    shapely.prepare(outline)
    inside = shapely.contains_xy(outline, heights.x.ravel(), heights.y.ravel()).reshape(heights.z.shape)
    assert 290 <= heights.z[inside].min() <= 320  # 301 m quoted
    assert heights.z[inside].max() == pytest.approx(1420, abs=3)  # 阴灵山
    rise = np.gradient(heights.z, heights.cell_m)
    slope_deg = np.degrees(np.arctan(np.hypot(*rise)))[inside]
    assert 12 <= np.median(slope_deg) <= 18
    assert (slope_deg > 25).mean() < 0.15
    assert (slope_deg > 35).mean() < 0.02
    north = heights.y > np.median(heights.y[inside])
    assert heights.z[inside & north].mean() > heights.z[inside & ~north].mean() + 50


def test_rivers_run_downhill() -> None:
    known = facts.read_facts(DATA / "boundaries")
    rivers = {river.name: river for river in terrain.draw_rivers(known, np.random.default_rng([1, 1]))}
    for river in rivers.values():
        assert (np.diff(river.height_m) < 0).all()
    mouth, main = rivers["恩阳河"], rivers["巴河"]
    near = np.hypot(*(main.xy_m - mouth.xy_m[-1]).T)
    assert near.min() < 1
    assert main.height_m[near.argmin()] == pytest.approx(mouth.height_m[-1])


def test_only_bridges_cross_water(roads: gpd.GeoDataFrame, water: shapely.Geometry) -> None:
    wet = shapely.intersects(water, roads.geometry.to_numpy())
    assert roads[wet]["bridge"].all()
    walked = roads[roads["bridge"] & ~roads["road_class"].str.startswith("motorway")]
    assert shapely.intersects(water, walked.geometry.to_numpy()).all()
    assert (walked.geometry.length < 450).all()


def test_bridges_are_few_in_the_country(roads: gpd.GeoDataFrame) -> None:
    rivers = gpd.read_file(DATA / "boundaries/barriers.geojson").to_crs(CRS).set_index("name")
    walked = roads[roads["bridge"] & ~roads["road_class"].str.startswith("motorway")].geometry
    centre = gpd.GeoSeries.from_xy([106.7647], [31.8537], crs="EPSG:4326").to_crs(CRS).iloc[0]
    city = centre.buffer(4200)
    area = gpd.GeoSeries([rivers.geometry["巴河"]], crs=CRS)
    country_km = area.difference(city).boundary.length.sum() / 2000
    bridges = walked[walked.intersects(rivers.geometry["巴河"])]
    in_city = bridges.intersects(city)
    assert country_km / (~in_city).sum() > 3
    assert 8 <= in_city.sum() <= 20


# --- Roads ----------------------------------------------------------------------------------------------------------


def test_roads_are_of_the_size_wanted(roads: gpd.GeoDataFrame, net: SimpleNamespace) -> None:
    assert 50_000 <= len(net.nodes) <= 75_000
    assert set(roads["road_class"]) <= set(CLASS_INDEX)
    assert {"motorway", "motorway_link", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential",
            "track", "path", "footway", "steps"} == set(roads["road_class"])
    assert set(roads["oneway"]) == {0, 1}
    assert (roads["oneway"] != 0).mean() < 0.05
    assert net.length.min() > 0.05
    pairs = np.sort(np.column_stack([net.u, net.v]), axis=1)
    assert len(np.unique(pairs, axis=0)) == len(pairs)


def test_nearly_all_roads_hang_together(net: SimpleNamespace) -> None:
    sizes = np.bincount(net.part)
    assert sizes.max() / sizes.sum() > 0.998
    assert 2 <= len(sizes) <= 8


def test_plain_roads_share_a_vertex_where_they_cross(net: SimpleNamespace, roads: gpd.GeoDataFrame) -> None:
    plain = roads[~roads["bridge"] & ~roads["tunnel"]].geometry.to_numpy()
    first, second = shapely.STRtree(plain).query(plain, predicate="crosses")
    points = shapely.intersection(plain[first], plain[second])
    far = cKDTree(net.nodes).query(shapely.get_coordinates(points))[0]
    assert far.size == 0 or np.quantile(far, 0.99) < 0.2


def test_winding_is_that_of_hill_country(net: SimpleNamespace, own: gpd.GeoDataFrame) -> None:
    rural = own[own["class"] == "rural"].sample(250, random_state=1)
    walk = csr_matrix((net.length[net.on_foot], (net.u[net.on_foot], net.v[net.on_foot])), shape=(len(net.nodes),) * 2)
    known = np.flatnonzero((np.bincount(np.concatenate([net.u[net.on_foot], net.v[net.on_foot]]),
                                        minlength=len(net.nodes)) > 0) & (net.part == net.main))
    near = known[cKDTree(net.nodes[known]).query(rural.get_coordinates())[1]]
    road_m = dijkstra(walk, directed=False, indices=near)[:, near]
    straight_m = np.hypot(*(net.nodes[near][:, None] - net.nodes[near][None]).transpose(2, 0, 1))
    pairs = np.triu((straight_m > 1000) & (straight_m < 15_000), 1)
    winding = road_m[pairs] / straight_m[pairs]
    assert 1.3 <= np.median(winding) <= 2.3
    assert (winding >= 1).all()


def test_larger_roads_climb_gently(net: SimpleNamespace, heights: SimpleNamespace) -> None:
    z = heights.at(net.nodes)
    grade = np.abs(z[net.u] - z[net.v]) / np.maximum(net.length, 20)
    for road_class, most in (("trunk", 0.10), ("secondary", 0.10), ("unclassified", 0.14)):
        rows = net.kind == road_class
        order = np.argsort(grade[rows])
        share = np.cumsum(net.length[rows][order]) / net.length[rows].sum()
        assert np.interp(0.9, share, grade[rows][order]) < most, road_class


def test_few_people_live_far_from_any_road(net: SimpleNamespace, own: gpd.GeoDataFrame) -> None:
    rows = net.on_foot & (net.part[net.u] == net.main)
    lines = shapely.linestrings(np.stack([net.nodes[net.u[rows]], net.nodes[net.v[rows]]], axis=1))
    tree = shapely.STRtree(lines)
    index, far_m = tree.query_nearest(own.geometry.to_numpy(), return_distance=True, all_matches=False)
    people = own["population"].to_numpy()[index[0]]
    assert 0.003 <= people[far_m > 300].sum() / people.sum() <= 0.01


# --- Facilities -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def facilities() -> dict[str, gpd.GeoDataFrame]:
    return {layer: as_points(read_codes(f"facilities/{layer}.csv")) for layer in LAYERS}


def test_facilities_are_samples_by_name(facilities: dict[str, gpd.GeoDataFrame]) -> None:
    ids = pd.concat([table["facility_id"] for table in facilities.values()])
    assert ids.is_unique
    for layer, table in facilities.items():
        assert set(table["layer"]) == {layer}
        assert set(table["quality"]) == {"model"}
        assert table["name"].str.fullmatch(r"示例\D+\d{3}").all()
        assert table["name"].is_unique
        assert set(table["status"]) <= {"existing", "building", "planned"}
        assert 0.85 < (table["status"] == "existing").mean() < 1
        known = table["township_code"] != ""
        assert table.loc[known, "township_code"].str.fullmatch(r"511902\d{3}000").all()


def test_facilities_stand_by_roads_but_one(facilities: dict[str, gpd.GeoDataFrame], roads: gpd.GeoDataFrame,
                                           water: shapely.Geometry) -> None:
    tree = shapely.STRtree(roads[~roads["road_class"].str.startswith("motorway")].geometry.to_numpy())
    points = np.concatenate([table.geometry.to_numpy() for table in facilities.values()])
    far_m = tree.query_nearest(points, return_distance=True, all_matches=False)[1]
    assert (far_m > 50).sum() == 1
    assert far_m.max() > 400
    assert shapely.intersects(water, points).mean() < 0.005


def test_gaps_are_believable(facilities: dict[str, gpd.GeoDataFrame], places: gpd.GeoDataFrame,
                             district: set[str]) -> None:
    villages = places[(places["kind"] == "village") & places["township_code"].isin(district)]
    clinics = facilities["clinics"]
    assert 0.75 <= _share_holding(villages, clinics[clinics["level"] == "village_clinic"]) <= 0.95
    hospitals = clinics[clinics["level"].isin(["township_hospital", "community_health_centre"])]
    assert set(hospitals["township_code"]) >= district
    inside = places[places["township_code"].isin(district)]
    assert 0.6 <= _share_holding(inside, facilities["sports_corners"]) <= 0.8
    centres = facilities["childcare"][facilities["childcare"]["level"] == "childcare_centre"]
    assert 0.35 <= _share_holding(inside[inside["kind"] == "community"], centres) <= 0.55
    nurseries = facilities["childcare"][facilities["childcare"]["level"] == "nursery"]
    assert 7 <= len(set(nurseries["township_code"]) & district) <= 14
    assert set(facilities["elderly_care"]["level"]) == {"complex", "day_care", "station"}


def _share_holding(units: gpd.GeoDataFrame, facilities: gpd.GeoDataFrame) -> float:
    unit, _ = shapely.STRtree(facilities.geometry.to_numpy()).query(units.geometry.to_numpy(), predicate="contains")
    return len(np.unique(unit)) / len(units)


def test_areas_per_head_miss_the_norm_unevenly(facilities: dict[str, gpd.GeoDataFrame], townships: gpd.GeoDataFrame,
                                               district: set[str]) -> None:
    shelters = facilities["shelters"]
    shelters = shelters[shelters["township_code"].isin(district) & (shelters["status"] == "existing")]
    assert 1.4 <= shelters["effective_area_m2"].sum() / 651_534 <= 1.6
    per_head = shelters.groupby("township_code")["effective_area_m2"].sum() / townships["population"]
    assert 3 <= (per_head >= 2).sum() <= 10
    grounds = facilities["sports_grounds"]
    grounds = grounds[grounds["township_code"].isin(district) & (grounds["status"] == "existing")]
    assert 2.2 <= grounds["area_m2"].sum() / 651_534 <= 2.6


# --- Files ----------------------------------------------------------------------------------------------------------


def test_files_are_small() -> None:
    sizes = [path.stat().st_size for path in DATA.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert max(sizes) < 3_000_000
    assert sum(sizes) < 15_000_000


def test_run_file_and_policy_are_read() -> None:
    runfile = read_runfile(DATA / "bazhou.toml")
    assert runfile.layers == LAYERS
    assert runfile.district.buffer_m == 6000
    policy = runfile.read_policy()
    assert policy.layer("clinics").rural.beside == ("car",)
    assert policy.layer("elderly_care").group == "60plus"
    assert policy.layer("childcare").rural.mode == "car"
    assert policy.layer("shelters").m2_per_head == 2.0
    assert policy.layer("sports_grounds").rule("urban") is None
    rules = [policy.layer(layer).rule(side) for layer in LAYERS[:5] for side in ("urban", "rural")]
    assert [rule.cutoff_min for rule in rules] == [15, 30] * 5
    assert all(rule.pass_share is None for rule in rules)
    assert all(policy.layer(layer).lead_unit for layer in LAYERS)


# --- The generator --------------------------------------------------------------------------------------------------


def test_shares_add_up_and_keep_to_limits() -> None:
    assert people.share_out(10, np.array([1.0, 1.0, 2.0])).sum() == 10
    assert people.share_out(7, np.array([5.0, 1.0]), np.array([3, 9])).tolist() == [3, 4]
    assert people.share_out(0, np.array([1.0])).tolist() == [0]
    with pytest.raises(ValueError, match="limits"):
        people.share_out(5, np.array([1.0, 1.0]), np.array([2, 2]))


def test_people_of_places_are_drawn_from_the_seed(places: gpd.GeoDataFrame) -> None:
    known = facts.read_facts(DATA / "boundaries")
    drawn = people.place_people(known, np.random.default_rng([1, 4]))
    again = people.place_people(known, np.random.default_rng([1, 4]))
    other = people.place_people(known, np.random.default_rng([2, 4]))
    assert (drawn == again).all()
    assert (drawn != other).any()
    assert drawn.sum() == other.sum() == 651_534 + 67_504


def test_elevation_is_what_the_seed_makes(heights: SimpleNamespace) -> None:
    known = facts.read_facts(DATA / "boundaries")
    lattice = grid.Grid.around(known.outline, 7000, 75.0)
    rivers = terrain.draw_rivers(known, np.random.default_rng([1, 1]))
    ground = terrain.shape_terrain(lattice, known, rivers, np.random.default_rng([1, 2]))
    assert ground.height_m.shape == heights.z.shape
    assert np.abs(ground.height_m - heights.z).max() <= 1.0


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    def digest(folder: Path) -> dict[str, str]:
        return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(folder.rglob("*")) if path.is_file()}

    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        generate(seed, tmp_path / name, 0.03, synthetic=True)
    first, second, other = (digest(tmp_path / name) for name in "abc")
    assert first == second
    assert set(first) == set(other)
    assert [name for name in first if first[name] == other[name]] == ["policy.toml"]
    runfile = read_runfile(tmp_path / "a" / "county.toml")
    assert runfile.layers == LAYERS
    assert runfile.district.code == "990003000000"


def test_size_is_for_made_up_districts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="made-up"):
        generate(1, tmp_path, 0.5)
