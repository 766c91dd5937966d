"""The files of a district as an analyst reads them, and the few formulas both scripts need; no code of ours is used."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

#: The speeds of groups that the policy does not change; a table of assumptions, not code.
MODES = Path(__file__).resolve().parents[1] / "coverage" / "lifecircle" / "network" / "modes.toml"
Mode = dict[str, Any]
URBAN, RURAL = {"mode": "walk", "cutoff_min": 15}, {"mode": "walk", "cutoff_min": 30}


@dataclass(frozen=True)
class District:
    """What the files of a run file hold, in its system of coordinates."""

    crs: str
    roads: gpd.GeoDataFrame
    homes: gpd.GeoDataFrame
    layers: dict[str, gpd.GeoDataFrame]
    water: gpd.GeoDataFrame
    heights: Path | None
    steep_deg: float
    policy: dict[str, Any]
    modes: dict[str, Mode]

    @classmethod
    def read(cls, runfile: Path) -> District:
        """Read everything."""
        settings, folder = tomllib.loads(runfile.read_text(encoding="utf-8")), runfile.parent
        crs, barriers = settings["district"]["crs"], settings.get("barriers", {})
        heights = settings["roads"].get("elevation")
        policy, modes = read_rules(settings["policy"], folder)
        layers = {item["layer"]: read_table(folder / item["file"], crs) for item in settings["facilities"]}
        townships = read_table(folder / settings["boundaries"]["file"], crs)
        if "role" in townships:
            townships = townships[townships["role"] == "district"]
        homes = read_table(folder / settings["people"]["file"], crs)
        return cls(
            crs, read_roads(folder / settings["roads"]["file"], crs),
            homes[homes["township_code"].isin(townships["township_code"])].reset_index(drop=True),
            {name: table[table["status"] == "existing"] if "status" in table else table
             for name, table in layers.items()},
            read_table(folder / barriers["file"], crs) if barriers else gpd.GeoDataFrame(geometry=[], crs=crs),
            folder / heights if heights else None, barriers.get("steep_deg", np.inf), policy, modes)


def read_rules(said: dict[str, Any], folder: Path) -> tuple[dict[str, Any], dict[str, Mode]]:
    """Read the policy, from its file or the run file itself, and lay its changes over the modes."""
    said = tomllib.loads((folder / said["file"]).read_text(encoding="utf-8")) if "file" in said else said
    changes, modes = said.get("modes", {}), tomllib.loads(MODES.read_text(encoding="utf-8"))
    for name, change in changes.items():
        modes[name] = {**modes[name], **change, "speeds_kph": {**modes[name]["speeds_kph"], **change["speeds_kph"]}}
    return said.get("policy", said), modes


def read_roads(path: Path, crs: str) -> gpd.GeoDataFrame:
    """Read lines of roads; columns that are not there take what is most common."""
    roads = read_table(path, crs).rename(columns={"class": "road_class"})
    defaults = {"oneway": 0, "bridge": False, "tunnel": False, "maxspeed_kph": np.nan}
    return roads.assign(**{name: value for name, value in defaults.items() if name not in roads})


def read_table(path: Path, crs: str) -> gpd.GeoDataFrame:
    """Read a table with a geometry, or with lon and lat."""
    if path.suffix == ".csv":
        table = pd.read_csv(path, dtype={"place_code": str, "township_code": str})
        return gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table["lon"], table["lat"]), crs=4326).to_crs(crs)
    return (gpd.read_parquet if path.suffix == ".parquet" else gpd.read_file)(path).to_crs(crs)


def tobler(slope: np.ndarray) -> np.ndarray:
    """Give the speed on a slope over that on the flat."""
    return np.minimum(np.exp(-3.5 * (np.abs(np.clip(slope, -1.0, 1.0) + 0.05) - 0.05)), 1.0)


def speeds(roads: pd.DataFrame, mode: Mode) -> np.ndarray:
    """Give km/h on the flat, 0 where closed."""
    kph = roads["road_class"].map(mode["speeds_kph"]).fillna(0.0).to_numpy(dtype=float)
    return kph.copy() if mode["family"] == "foot" else np.fmin(kph, roads["maxspeed_kph"].to_numpy(dtype=float))


def straight(roads: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, np.ndarray]:
    """Cut lines at their vertices: the pieces with u and v, and where the nodes are."""
    xy, line = shapely.get_coordinates(roads.geometry.to_numpy(), return_index=True)
    node, places = pd.factorize(pd.Series(list(map(tuple, xy.round(3).tolist()))))
    first = np.flatnonzero(line[:-1] == line[1:])
    ends = shapely.linestrings(np.stack([xy[first], xy[first + 1]], axis=1))
    pieces = gpd.GeoDataFrame(roads.drop(columns="geometry").iloc[line[first]].reset_index(drop=True), geometry=ends,
                              crs=roads.crs)
    pieces = pieces.assign(u=node[first], v=node[first + 1], line=line[first], length=pieces.length)
    return pieces[pieces["u"] != pieces["v"]].reset_index(drop=True), np.array(places.tolist())


def used(district: District) -> list[str]:
    """List the modes that decide."""
    return sorted({rule["mode"] for layer in district.layers for rule in rules_of(district, layer)})


def rules_of(district: District, layer: str) -> list[dict[str, Any]]:
    """Give the urban and the rural rule of a layer; none where it is not judged by reach."""
    said = district.policy.get(layer, {})
    return [said.get("urban", URBAN), said.get("rural", RURAL)] if said.get("reach", True) else []
