"""Write the model as files that any GIS reads, the same bytes for the same model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from pyproj import Transformer

from .facilities import COLUMNS, LAYERS
from .facts import Facts
from .grid import Array, Grid
from .lines import Network
from .routing import RANKS

_MAXSPEED_KPH = {"motorway": 80, "motorway_link": 40, "trunk": 60, "primary": 50, "secondary": 40, "tertiary": 40,
                 "residential": 30}


def write_boundaries(folder: Path, facts: Facts, polygons: list[Any], people: Array) -> None:
    """Write townships.geojson and places.geojson; a township is the union of its places."""
    places = facts.places.assign(people=people)
    rows: list[dict[str, Any]] = []
    for place, shape in zip(places.itertuples(), polygons, strict=True):
        rows.append(_feature(shape, {
            "place_code": place.place_code, "place": place.place, "township_code": place.township_code,
            "kind": place.kind, "urban_rural_code": place.urban_rural_code, "class_year": 2016,
            "class_source": place.urban_rural_source, "quality": "model"}))
    _write_json(folder / "places.geojson", rows)
    total = places.groupby("township_code")["people"].sum()
    rows = []
    for town in facts.townships.itertuples():
        own = [polygons[n] for n in np.flatnonzero(places["township_code"] == town.township_code)]
        rows.append(_feature(shapely.coverage_union_all(own), {
            "township_code": town.township_code, "township": town.township, "kind": town.kind,
            "role": "district" if town.in_district == "yes" else "neighbour",
            "population": int(total[town.township_code]), "position_source": town.position_source, "quality": "model"}))
    _write_json(folder / "townships.geojson", rows)


def _feature(shape: Any, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties,
            "geometry": json.loads(shapely.to_geojson(shapely.normalize(shape)))}


def _write_json(path: Path, features: list[dict[str, Any]]) -> None:
    rows = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    path.write_text('{"type":"FeatureCollection","features":[\n' + rows + "\n]}\n", encoding="utf-8")


def write_barriers(path: Path, names: list[str], shapes: list[Any], crs: str) -> None:
    """Write the water as polygons, six digits."""
    to_degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)

    def turn(xy: Array) -> Array:
        return np.round(np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1])), 6)

    rows = [_feature(shapely.transform(shape, turn), {"kind": "water", "name": name, "quality": "model"})
            for name, shape in zip(names, shapes, strict=True) if not shapely.is_empty(shape)]
    _write_json(path, rows)


def write_elevation(path: Path, grid: Grid, height_m: Array, crs: str) -> None:
    """Write whole metres as a compressed GeoTIFF."""
    profile = {"driver": "GTiff", "height": grid.rows, "width": grid.cols, "count": 1, "dtype": "int16", "crs": crs,
               "transform": grid.transform, "nodata": -32768, "compress": "deflate", "predictor": 2, "zlevel": 9}
    with rasterio.open(path, "w", **profile) as target:
        target.write(np.rint(height_m).astype(np.int16), 1)


def road_lines(network: Network, crs: str) -> gpd.GeoDataFrame:
    """Join segments of one kind into lines that share their end points exactly, coordinates to 0.1 m."""
    xy, table = _rounded(network)
    kinds = table[["rank", "bridge", "tunnel", "oneway", "name"]].apply(tuple, axis=1).tolist()
    chains = _chains(table["u"].tolist(), table["v"].tolist(), kinds)
    rank, bridge, tunnel, oneway, name = zip(*(kinds[segment] for segment, _ in chains), strict=True)
    classes = [RANKS[int(value)] for value in rank]
    return gpd.GeoDataFrame({
        "way_id": np.arange(1, len(chains) + 1), "road_class": classes, "name": list(name),
        "oneway": np.array(oneway, dtype=np.int8), "bridge": np.array(bridge, bool), "tunnel": np.array(tunnel, bool),
        "maxspeed_kph": [float(_MAXSPEED_KPH.get(word, np.nan)) for word in classes], "quality": "model",
    }, geometry=[shapely.LineString(xy[nodes]) for _, nodes in chains], crs=crs)


def _rounded(network: Network) -> tuple[Array, pd.DataFrame]:
    """Round the nodes, join those that fall together, drop segments that become points or doubles."""
    xy, index = np.unique(np.round(network.xy_m, 1), axis=0, return_inverse=True)
    ends = index.ravel()[network.segments[["u", "v"]].to_numpy(int)]
    table = network.segments.assign(u=ends[:, 0], v=ends[:, 1], low=ends.min(axis=1), high=ends.max(axis=1))
    table = table[table["u"] != table["v"]].sort_values(["rank", "u", "v"], kind="stable")
    return xy, table.drop_duplicates(["low", "high"], ignore_index=True)


def _chains(u: list[int], v: list[int], kinds: list[tuple[Any, ...]]) -> list[tuple[int, list[int]]]:
    """Join segments of one kind through nodes where nothing else meets; one-way ones keep their direction.

    Returns
    -------
    list of (segment, nodes)
        The first segment of each chain, and its nodes in order.
    """
    around: dict[int, list[int]] = {}
    for n, (a, b) in enumerate(zip(u, v, strict=True)):
        around.setdefault(a, []).append(n)
        around.setdefault(b, []).append(n)
    used = [False] * len(u)

    def grow(nodes: list[int], kind: tuple[Any, ...]) -> None:
        while len(around[nodes[-1]]) == 2:
            ahead = [n for n in around[nodes[-1]] if not used[n] and kinds[n] == kind]
            if not ahead or (kind[3] and u[ahead[0]] != nodes[-1]):
                return
            used[ahead[0]] = True
            nodes.append(v[ahead[0]] if u[ahead[0]] == nodes[-1] else u[ahead[0]])

    chains = []
    for n in range(len(u)):
        if used[n]:
            continue
        used[n] = True
        nodes = [u[n], v[n]]
        grow(nodes, kinds[n])
        if not kinds[n][3]:
            nodes.reverse()
            grow(nodes, kinds[n])
        chains.append((n, nodes))
    return chains


def write_roads(path: Path, roads: gpd.GeoDataFrame) -> None:
    """Write GeoParquet."""
    roads.to_parquet(path, compression="zstd", index=False)


def write_demand(path: Path, points: pd.DataFrame, facts: Facts) -> None:
    """Write demand.csv: one row per demand point, degrees to six digits; belt points name no place."""
    lon, lat = Transformer.from_crs(facts.crs, "EPSG:4326", always_xy=True).transform(points["x_m"], points["y_m"])
    place = points["place"].to_numpy()
    known = facts.places.iloc[np.maximum(place, 0)]
    urban = known["urban_rural_code"].str.startswith("1").to_numpy() & (place >= 0)
    pd.DataFrame({
        "demand_id": [f"D{n:05d}" for n in range(1, len(points) + 1)],
        "place_code": np.where(place >= 0, known["place_code"], ""),
        "township_code": np.where(place >= 0, known["township_code"], ""),
        "class": np.where(urban, "urban", "rural"),
        "lon": [f"{value:.6f}" for value in lon], "lat": [f"{value:.6f}" for value in lat],
        **{name: points[name].to_numpy() for name in points if name.startswith("population")}, "quality": "model",
    }).to_csv(path, index=False, lineterminator="\n")


def write_facilities(folder: Path, layers: dict[str, pd.DataFrame], crs: str) -> None:
    """Write one CSV per layer, degrees to six digits."""
    to_degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    for layer, table in layers.items():
        lon, lat = to_degrees.transform(table["x_m"], table["y_m"])
        table = table.assign(lon=[f"{value:.6f}" for value in lon], lat=[f"{value:.6f}" for value in lat])
        table[list(COLUMNS)].to_csv(folder / f"{layer}.csv", index=False, lineterminator="\n")


def write_runfile(out: Path, facts: Facts, buffer_m: float) -> None:
    """Write county.toml beside the data of a made-up district, with the policy that stands beside the generator."""
    policy = (Path(__file__).resolve().parents[1] / "policy.toml").read_text(encoding="utf-8")
    (out / "policy.toml").write_text(policy, encoding="utf-8")
    head = f"""# Run file of a district that does not exist: names, codes and all data are made up.
[district]
name = "{facts.name}"
code = "{facts.code}"
crs = "{facts.crs}"
buffer_m = {buffer_m:.0f}
language = "zh"

[boundaries]
file = "boundaries/townships.geojson"
places = "boundaries/places.geojson"
quality = "model"

[people]
file = "population/demand.csv"
quality = "model"

[barriers]
file = "boundaries/barriers.geojson"

[roads]
file = "roads/roads.parquet"
elevation = "roads/elevation.tif"
quality = "model"

[policy]
file = "policy.toml"
"""
    layers = "".join(f'\n[[facilities]]\nlayer = "{layer}"\nfile = "facilities/{layer}.csv"\nquality = "model"\n'
                     for layer in LAYERS)
    (out / "county.toml").write_text(head + layers, encoding="utf-8")
