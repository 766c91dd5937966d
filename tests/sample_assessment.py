"""Build a small Assessment by hand: 3 townships, 6 places, 30 demand points, 5 layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.assessment import Assessment, Surface
from lifecircle.inputs.findings import Finding
from lifecircle.tables import GAPS_COLUMNS, RESULTS_COLUMNS

CRS = "EPSG:4545"
WEST_M, SOUTH_M, SIDE_M = 383_000.0, 3_524_000.0, 4_000.0
DISTRICT = "511902000000"
TOWNSHIPS = (("511902001000", "东城街道"), ("511902103000", "清江镇"), ("511902204000", "白庙乡"))
PLACES = (
    ("511902001001", "北门社区", "511902001000", "urban", "111"),
    ("511902001002", "南门社区", "511902001000", "urban", "112"),
    ("511902103001", "永兴社区", "511902103000", "urban", "121"),
    ("511902103201", "狮子村", "511902103000", "rural", "220"),
    ("511902204201", "白庙村", "511902204000", "rural", "220"),
    ("511902204202", "龙头村", "511902204000", "rural", "220"),
)
#: People of the five points of every place: residents, of 60 and more years, under three.
RESIDENTS = (200.0, 150.0, 100.0, 50.0, 20.5)
ELDERS = (50.0, 36.0, 24.0, 12.0, 5.0)
INFANTS = (4.0, 3.0, 2.0, 1.0, 0.0)
#: layer -> name, name, group, mode, minutes of the first point of each place; each further point is 4 minutes more.
LAYERS: dict[str, tuple[str, str, str, str, tuple[float, ...]]] = {
    "clinics": ("医疗卫生", "Clinics", "all", "walk", (2, 3, 6, 10, 22, 31)),
    "sports": ("健身", "Sports corners", "all", "walk", (1, 1, 4, 12, 14, 16)),
    "elderly": ("养老", "Elderly care", "60plus", "walk_elder", (4, 9, 14, 20, 28, np.inf)),
    "childcare": ("托育", "Childcare", "0_2", "walk_child", (5, 8, 12, 26, 30, 40)),
    "shelters": ("应急避难", "Shelters", "all", "walk", (3, 3, 8, 8, 8, 8)),
}
CUTOFF_MIN = {"urban": 15.0, "rural": 30.0}


def sample(*, language: str = "zh", quality: str = "model", hostile: Callable[[str], str] | None = None,
           approval: str = "") -> Assessment:
    """Give the sample.

    Parameters
    ----------
    language : str
    quality : str
        Quality of every input.
    hostile : callable, optional
        ``sink -> text`` that replaces the names; sinks are those of `SINKS`.
    approval : str
        Map approval number.
    """
    name = hostile or (lambda sink: "")
    townships, places = _townships(name), _places(name)
    demand = _demand()
    facilities = _facilities(name, quality)
    results, gaps = _results(demand, townships, quality), _gaps(demand, townships, places, name, quality)
    run = {
        "run_id": name("run_id") or "5a3c19e0b7d2", "lifecircle": "0.1.0", "quality": quality, "crs": CRS,
        "buffer_m": 2000.0, "seed": 1,
        "district": {"name": name("district") or "巴州区", "code": DISTRICT, "language": language,
                     "map_approval_number": name("approval") or approval, "data_date": name("date") or "2025-06-30",
                     "population": float(demand["population"].sum()), "area_km2": 48.0},
        "layers": {layer: _layer(layer, name, quality) for layer in LAYERS},
        "policy": {"title": "样例", "long_leg_m": 100.0}, "runfile": {}, "versions": {"geopandas": "1.2.0"},
        "inputs": [{"file": "roads.osm.pbf" if quality == "osm" else "roads.gpkg", "role": "roads", "sha256": "00",
                    "bytes": 1}],
    }
    circles = _circles(facilities)
    return Assessment(run, townships, places, demand, facilities, circles, _ground(), results, gaps,
                      [Finding("warn", "facility_unjoined", "设施未接入路网", id="clinics-3", layer="clinics")],
                      {layer: _surface(index) for index, layer in enumerate(LAYERS)}, {"assess": 0.1})


#: Where a hostile text can enter the map.
SINKS = ("township", "place", "facility", "level", "layer", "district", "nearest", "lead", "run_id", "approval", "date",
         "unit")


def _layer(layer: str, name: Callable[[str], str], quality: str) -> dict[str, Any]:
    label_zh, label_en, group, mode, _ = LAYERS[layer]
    rules = {cls: {"mode": mode, "cutoff_min": CUTOFF_MIN[cls], "pass_share": None, "beside": ["bicycle"]}
             for cls in CUTOFF_MIN}
    return {"label_zh": name("layer") or label_zh, "label_en": name("layer") or label_en, "quality": quality,
            "reach": True, "group": group, "lead_unit": name("lead") or "区卫健局", **rules}


def _townships(name: Callable[[str], str]) -> gpd.GeoDataFrame:
    boxes = [shapely.box(WEST_M + i * SIDE_M, SOUTH_M, WEST_M + (i + 1) * SIDE_M, SOUTH_M + SIDE_M) for i in range(3)]
    return gpd.GeoDataFrame({
        "township_code": [code for code, _ in TOWNSHIPS], "township": [name("township") or t for _, t in TOWNSHIPS],
        "kind": ["街道", "镇", "乡"], "population": [1041.0] * 3,
    }, geometry=boxes, crs=CRS)


def _centre(index: int) -> tuple[float, float]:
    township, second = divmod(index, 2)
    return WEST_M + township * SIDE_M + 1000.0 + 2000.0 * second, SOUTH_M + 1200.0 + 1600.0 * second


def _places(name: Callable[[str], str]) -> gpd.GeoDataFrame:
    columns = list(zip(*PLACES, strict=True))
    return gpd.GeoDataFrame({
        "place_code": columns[0], "place": [name("place") or text for text in columns[1]],
        "township_code": columns[2], "class": columns[3], "class_source": ["code"] * 6,
        "urban_rural_code": columns[4], "merged_from": ["", "", "", "老湾村", "", ""],
    }, geometry=[shapely.Point(_centre(i)).buffer(900, quad_segs=4) for i in range(6)], crs=CRS)


def _demand() -> gpd.GeoDataFrame:
    rows, points = [], []
    for i, (code, _, township, cls, _) in enumerate(PLACES):
        x, y = _centre(i)
        for k in range(5):
            row: dict[str, Any] = {
                "demand_id": f"d{i}{k}", "place_code": code, "township_code": township, "class": cls,
                "population": RESIDENTS[k], "population_60plus": ELDERS[k], "population_0_2": INFANTS[k],
                "inside": True, "snap_m": 40.0 * k}
            for layer, (*_, first) in LAYERS.items():
                minutes = np.nan if (i, k) == (5, 4) else first[i] + 4.0 * k
                late = "in_time" if minutes <= CUTOFF_MIN[cls] else "out_of_time"
                row[f"minutes_{layer}"] = minutes
                row[f"state_{layer}"] = "undetermined" if np.isnan(minutes) else late
                row[f"facility_{layer}"] = f"{layer}-1" if np.isfinite(minutes) else ""
            rows.append(row)
            points.append(shapely.Point(x + 150.0 * k, y - 100.0 * k))
    return gpd.GeoDataFrame(rows, geometry=points, crs=CRS)


def _facilities(name: Callable[[str], str], quality: str) -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for j, layer in enumerate(LAYERS):
        for k, status in enumerate(("existing", "existing", "building", "planned")):
            joined = not (layer == "clinics" and k == 1)
            rows.append({
                "facility_id": f"{layer}-{k + 1}", "layer": layer,
                "name": name("facility") or f"示例设施{j * 4 + k:03d}", "level": name("level") or "village",
                "status": status, "opens_year": np.nan,
                "capacity": 20.0 + k if k else np.nan, "capacity_unit": name("unit") or "床", "area_m2": np.nan,
                "effective_area_m2": 2500.0 if layer == "shelters" else np.nan,
                "township_code": TOWNSHIPS[min(k, 2)][0] if k < 3 else "", "source": "样例", "quality": quality,
                "inside": k < 3, "joined": joined, "serves": status == "existing",
                "snap_m": 12.5 + k if joined else np.nan})
            spot = shapely.Point(WEST_M + 900.0 + k * 3700.0 + 130.0 * j, SOUTH_M + 1300.0 + 420.0 * j)
            shapes.append(spot.buffer(60, quad_segs=2) if layer == "shelters" else spot)
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _circles(facilities: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    rows, shapes = [], []
    for layer, (*_, mode, _) in LAYERS.items():
        served = facilities[(facilities["layer"] == layer) & (facilities["status"] == "existing")]
        for kind, cutoff, radius_m in (("circle", np.nan, 1000), ("isochrone", 15.0, 1000), ("isochrone", 30.0, 2000)):
            shape = shapely.union_all(served.geometry.buffer(radius_m).to_numpy())
            rows.append({"layer": layer, "mode": mode, "kind": kind, "cutoff": cutoff,
                         "area_km2": shape.area / 1e6, "population": 1000.0})
            shapes.append(shape)
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=CRS)


def _ground() -> gpd.GeoDataFrame:
    middle = SOUTH_M + SIDE_M / 2
    river = shapely.LineString([(WEST_M, middle), (WEST_M + 5000, middle + 400), (WEST_M + 12000, middle)]).buffer(60)
    road = shapely.LineString([(WEST_M, middle - 500), (WEST_M + 12000, middle - 300)])
    lane = shapely.LineString([(WEST_M + 2000, SOUTH_M), (WEST_M + 2100, SOUTH_M + SIDE_M)])
    return gpd.GeoDataFrame({"kind": ["water", "road", "road"], "road_class": ["", "primary", "tertiary"]},
                            geometry=[river, road, lane], crs=CRS)


def _surface(index: int) -> Surface:
    rows, columns = 8, 24
    minutes = (np.arange(rows * columns, dtype=np.float32).reshape(1, rows, columns) + index) / 4
    minutes = np.concatenate([minutes, minutes / 3])
    minutes[:, 0, 0] = np.nan
    return Surface(("walk", "bicycle"), minutes, WEST_M, SOUTH_M + SIDE_M, 500.0)


def weights(demand: pd.DataFrame, layer: str) -> pd.Series:
    """Give the people whose reach the layer counts."""
    group = LAYERS[layer][2]
    return demand["population" if group == "all" else f"population_{group}"]


def _results(demand: pd.DataFrame, townships: pd.DataFrame, quality: str) -> pd.DataFrame:
    units = [(DISTRICT, "巴州区"), *zip(townships["township_code"], townships["township"], strict=True)]
    rows: list[dict[str, Any]] = []
    for (code, unit), layer, cls in [(u, la, c) for u in units for la in LAYERS for c in ("urban", "rural", "all")]:
        part = demand[((demand["township_code"] == code) | (code == DISTRICT)) & ((demand["class"] == cls)
                                                                                 | (cls == "all"))]
        people = weights(part, layer)
        state = part[f"state_{layer}"]
        total = float(people.sum())
        counts = {s: float(people[state == s].sum()) for s in ("in_time", "out_of_time", "undetermined")}
        base = {"township_code": code, "township": unit, "class": cls, "layer": layer, "level": "all",
                "group": LAYERS[layer][2], "mode": LAYERS[layer][3], "scenario": "existing", "metric": "min",
                "cutoff": CUTOFF_MIN.get(cls, np.nan), "headline": True, "low": np.nan, "high": np.nan,
                "unit": "people", "basis": "population", "target": np.nan, "verdict": "", "quality": quality}
        figures = {"people": total, "people_in_time": counts["in_time"], "people_out": counts["out_of_time"],
                   "people_undetermined": counts["undetermined"]}
        rows += [{**base, "indicator": key, "value": value} for key, value in figures.items()]
        rate = counts["in_time"] / total if total else np.nan
        high = (counts["in_time"] + counts["undetermined"]) / total if total else np.nan
        rows.append({**base, "indicator": "coverage_rate", "value": rate, "low": rate, "high": high, "unit": "share",
                     "verdict": "undecided" if total else "no_data"})
        if layer == "shelters" and cls == "all":
            rows.append({**base, "indicator": "area_per_head_m2", "metric": "–", "value": 2.4, "unit": "m2/person",
                         "target": 2.0, "verdict": "met"})
    return pd.DataFrame(rows)[list(RESULTS_COLUMNS)]


def _gaps(demand: pd.DataFrame, townships: pd.DataFrame, places: pd.DataFrame, name: Callable[[str], str],
          quality: str) -> pd.DataFrame:
    names = dict(zip(townships["township_code"], townships["township"], strict=True))
    rows: list[dict[str, Any]] = []
    for layer in LAYERS:
        for place, (code, _, township, cls, _) in zip(places["place"], PLACES, strict=True):
            part = demand[demand["place_code"] == code]
            people, minutes, state = weights(part, layer), part[f"minutes_{layer}"], part[f"state_{layer}"]
            out = float(people[state == "out_of_time"].sum())
            unknown = float(people[state == "undetermined"].sum())
            if out + unknown == 0:
                continue
            known = minutes.dropna()
            rows.append({
                "township_code": township, "township": names[township], "place_code": code, "place": place,
                "class": cls, "layer": layer, "level": "all", "kind": "reach", "group": LAYERS[layer][2],
                "mode": LAYERS[layer][3], "scenario": "existing", "metric": "min", "cutoff": CUTOFF_MIN[cls],
                "people": float(people.sum()), "people_out": out, "people_undetermined": unknown, "need": np.nan,
                "have": np.nan, "short": np.nan, "unit": "people", "minutes_median": float(known.median()),
                "minutes_worst": float(known.max()), "minutes_over": float(known.max() - CUTOFF_MIN[cls]),
                "nearest_facility": name("nearest") or f"{layer}-1",
                "cause": "too_far" if np.isfinite(known.max()) else "no_facility", "quality": quality,
                "lead_unit": name("lead") or "区卫健局"})
    rows.append({**rows[0], "kind": "presence", "metric": "–", "cutoff": np.nan, "need": 1.0, "have": 0.0, "short": 1.0,
                 "unit": "处", "people_out": 0.0, "people_undetermined": 0.0, "cause": "no_facility"})
    return pd.DataFrame(rows)[list(GAPS_COLUMNS)]
