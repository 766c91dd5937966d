"""Describe an assessment: its identity, its quality, and the tables that readers get beside the figures."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.circles import headline_mode
from lifecircle.indicators.capacity import Shared
from lifecircle.indicators.floating import access_table
from lifecircle.indicators.reach import Judged
from lifecircle.inputs.boundaries import district_code
from lifecircle.inputs.classes import CLASS_RULES
from lifecircle.network.modes import resolve_modes
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.study import Study
from lifecircle.tables import STATES, worst_quality
from lifecircle.traveltimes import TravelTimes, used_modes, walking_slope
from lifecircle.version import __version__

#: Road classes drawn as ground under the themes.
_MAIN_ROADS = ("motorway", "trunk", "primary", "secondary", "tertiary")


def layer_quality(study: Study, layer: str) -> str:
    """Give the quality of a layer's figures: the worst of its facilities, the people and the roads."""
    own = study.facilities.loc[study.facilities["layer"] == layer, "quality"].unique().tolist()
    stated = [item.quality for item in study.runfile.facilities if item.layer == layer]
    stated.append(study.runfile.boundaries.quality)
    return worst_quality([*own, *stated, study.roads.quality, *_people_qualities(study)])


def _people_qualities(study: Study) -> list[str]:
    if any(item.code == "population_assumed" for item in study.findings):
        return ["derived"]
    if "quality" in study.demand.columns:
        counted = study.demand[study.demand["population"] > 0]
        return list(counted["quality"].dropna().unique())
    people = study.runfile.people
    return [people.quality or ("osm" if people.osm else "register")]


def run_record(study: Study) -> dict[str, Any]:
    """Give what ``run.json`` holds; the run id is a hash of inputs, settings, code version and seed."""
    runfile, policy = study.runfile, study.policy
    settings = {"runfile": runfile.model_dump(mode="json"), "policy": policy.model_dump(mode="json")}
    roads = hashlib.sha256()
    for item in fields(study.roads):
        value = getattr(study.roads, item.name)
        roads.update(value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes())
    identity = {**settings, "inputs": study.inputs, "roads": roads.hexdigest(), "code": code_sha256(),
                **({"year": study.scenario.record["year"]} if study.scenario else {})}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    layers = {layer: _layer_record(study, layer) for layer in study.layers}
    return {
        "run_id": digest[:12], "lifecircle": __version__, "seed": runfile.uncertainty.seed,
        "quality": worst_quality(record["quality"] for record in layers.values()),
        "code_sha256": code_sha256(), "crs": study.crs, "buffer_m": study.buffer_m, "roads_sha256": roads.hexdigest(),
        "district": {
            "name": runfile.district.name, "code": district_code(runfile, study.townships),
            "language": runfile.district.language, "map_approval_number": runfile.district.map_approval_number,
            "data_date": runfile.district.data_date, "area_km2": round(float(study.outline.area) / 1e6, 3),
            "population": float(study.demand.loc[study.demand["inside"], "population"].sum()),
        },
        "classes": _class_record(study), "scenarios": list(study.scenarios),
        "layers": layers, "modes": _mode_records(study), "plan": _plan_record(study),
        **settings, "inputs": study.inputs, "versions": versions(),
        **({"scenario": study.scenario.record} if study.scenario else {}),
    }


@cache
def code_sha256() -> str:
    """Hash the package's own source: the run id changes with the code, also between two versions."""
    home, digest = Path(__file__).parent, hashlib.sha256(__version__.encode())
    for path in sorted([*home.rglob("*.py"), *home.rglob("*.toml")]):
        digest.update(path.relative_to(home).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _layer_record(study: Study, layer: str) -> dict[str, Any]:
    policy, modes = study.policy.layer(layer), resolve_modes(study.policy)
    rules = {name: None if (rule := policy.rule(name)) is None else rule.model_dump(mode="json")
             for name in ("urban", "rural")}
    return {
        "label_zh": policy.label("zh", layer), "label_en": policy.label("en", layer),
        "quality": layer_quality(study, layer), "reach": bool(used_modes(policy)), "group": policy.group,
        "direction": policy.direction, "lead_unit": policy.lead_unit, "headline_mode": headline_mode(policy), **rules,
        "m2_per_head": policy.m2_per_head, "area": policy.area,
        "supply": None if policy.supply is None else policy.supply.model_dump(mode="json"),
        "slope": {mode: walking_slope(study, layer, modes, mode) for mode in used_modes(policy)},
    }


def _plan_record(study: Study) -> dict[str, Any]:
    """Give the plan with the weights in force, as a plan file would hold it."""
    return study.plan.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _class_record(study: Study) -> dict[str, Any]:
    """Say by which rule urban and rural are told, and on which grounds: places and people of each."""
    inside = study.demand[study.demand["inside"]]
    people = inside.groupby("place_code")["population"].sum()
    grounds = study.places.assign(people=study.places["place_code"].map(people).fillna(0.0)).groupby("class_source")
    sources = grounds["people"].agg(["size", "sum"]).itertuples()
    return {"rule": study.policy.class_rule,
            "sources": {str(name): {"places": int(count), "people": float(total)} for name, count, total in sources}}


def _mode_records(study: Study) -> dict[str, Any]:
    used = {mode for layer in study.layers for mode in used_modes(study.policy.layer(layer))}
    return {
        name: {"label_zh": mode.label_zh, "label_en": mode.label_en, "off_road_kph": mode.off_road_kph,
               "snap_limit_m": mode.snap_limit_m, "terminal_min": mode.terminal_min,
               "speeds_kph": dict(mode.speeds_kph), "source": mode.source}
        for name, mode in resolve_modes(study.policy).items() if name in used
    }


def versions() -> dict[str, str]:
    """Name the libraries that figures may depend on."""
    from importlib.metadata import version

    import pyogrio
    import pyproj

    names = ("numpy", "pandas", "geopandas", "shapely", "pyogrio", "pyproj", "rasterio", "numba", "scipy", "osmium")
    found = {name: version(name) for name in names}
    return {**found, "GEOS": shapely.geos_version_string, "PROJ": pyproj.proj_version_str,
            "GDAL": ".".join(str(part) for part in pyogrio.__gdal_version__)}


def demand_table(times: TravelTimes, judged: dict[str, Judged], shares: dict[str, Shared]) -> gpd.GeoDataFrame:
    """Give the demand points with minutes, state, nearest facility and capacity per head, in the headline mode."""
    table = times.demand.drop(columns=["inside", *(f"class_{rule}" for rule in CLASS_RULES)], errors="ignore")
    table = table.drop(columns=[name for name in table.columns if ":" in name])
    table["snap_m"] = np.where(np.isfinite(times.leg_m), times.leg_m, np.nan)
    for layer, item in judged.items():
        ids = np.append(times.serving[layer]["facility_id"].to_numpy(dtype=object), "")
        table[f"minutes_{layer}"] = np.where(item.state == 2, np.nan, item.minutes)
        table[f"state_{layer}"] = np.append(np.array(STATES, dtype=object), "")[item.state]
        table[f"facility_{layer}"] = ids[item.facility]
        if layer in shares:
            per_head = access_table(shares[layer])["2sfca"].to_numpy()[times.study.demand["inside"].to_numpy()]
            table[f"access_{layer}"] = np.where(item.state >= 0, per_head, np.nan)
    return table


def facility_table(times: TravelTimes, shares: dict[str, Shared]) -> gpd.GeoDataFrame:
    """Give all facilities with the leg that joins them to the roads, and with the people they have places for."""
    table = times.study.facilities.copy()
    serves = set().union(*(serving["facility_id"] for serving in times.serving.values()))
    snap: dict[str, float] = {}
    for (layer, _), snap_m in times.snap_m.items():
        for facility, leg_m in zip(times.serving[layer]["facility_id"], snap_m.tolist(), strict=True):
            snap[facility] = min(leg_m, snap.get(facility, np.inf))
    legs = table["facility_id"].map(snap).astype(float)
    people, load = _shares_of(times, shares, "people_allocated"), _shares_of(times, shares, "load")
    return table.assign(joined=np.isfinite(legs) | legs.isna(), serves=table["facility_id"].isin(serves),
                        snap_m=legs.where(np.isfinite(legs)), people_allocated=table["facility_id"].map(people),
                        load=table["facility_id"].map(load))


def _shares_of(times: TravelTimes, shares: dict[str, Shared], name: str) -> pd.Series:
    """Give facility_id -> what was shared out to it."""
    parts = [pd.Series(getattr(shared, name), index=times.serving[layer]["facility_id"], dtype=float)
             for layer, shared in shares.items()]
    return pd.concat(parts) if parts else pd.Series(dtype=float)


def ground(study: Study) -> gpd.GeoDataFrame:
    """Give rivers and main roads of the district as a quiet ground for maps, simplified to 20 m."""
    outline = study.outline.buffer(500)
    roads, parts = study.roads, []
    for name in _MAIN_ROADS:
        chosen = np.flatnonzero(roads.road_class == CLASS_INDEX[name])
        if len(chosen):
            ends = np.stack([roads.node_xy_m[roads.u[chosen]], roads.node_xy_m[roads.v[chosen]]], axis=1)
            merged = shapely.line_merge(shapely.multilinestrings(shapely.linestrings(ends)))
            parts.append(("road", name, shapely.intersection(shapely.simplify(merged, 20.0), outline)))
    water = study.barriers[study.barriers["kind"] == "water"] if len(study.barriers) else study.barriers
    shapes = [shapely.intersection(shapely.simplify(item, 15.0), outline) for item in water.geometry]
    parts += [("water", "", item) for item in shapes]
    frame = gpd.GeoDataFrame(parts, columns=["kind", "road_class", "geometry"], geometry="geometry", crs=study.crs)
    return frame[~frame.is_empty].explode(ignore_index=True)


