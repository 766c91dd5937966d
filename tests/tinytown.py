"""A tiny district as files, small enough to work by hand: two townships, four places, twenty demand points.

Streets run every 500 m, west-east along y = 0 … 2000 m and south-north along x = 0 … 4000 m. On foot at 4 km/h a block
takes 7.5 minutes, so 1000 m is exactly the urban cutoff of 15 minutes and 2000 m the rural one of 30. Each place is a
strip of 1000 m; its five demand points of 50 people (12 of them 60 and over) stand on the crossings in its middle:

    place     code                  class   x_m     points at y_m
    甲社区    990101001001          urban    500    0, 500, 1000, 1500, 2000
    乙村      990101001201          rural   1500
    丙村      990101002201          rural   2500
    丁村      990101002202          rural   3500

The one clinic stands at (500, 1000), the one care post at (3500, 1000). Worked by hand:

- clinics: 甲 all in time (15, 7.5, 0), 乙 all (30, 22.5, 15), 丙 the middle point alone (30), 丁 nobody:
  550 of 1000 people.
- elderly care, 60 and over at 3 km/h (10 minutes a block): 丁 all (20, 10, 0), 丙 the middle three points (20, 30, 30),
  乙 and 甲 nobody: 60 + 36 of 240 people.
- shelters: 600 m² in the first township, none in the second: 1.2 and 0 of 2 m² a head.
- a clinic in every village: 乙, 丙 and 丁 lack one.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pyproj import Transformer

DISTRICT = "990101000000"
WEST_TOWN, EAST_TOWN = "990101001000", "990101002000"
TOWNSHIPS = ((WEST_TOWN, "甲街道"), (EAST_TOWN, "乙镇"))
PLACES = (("990101001001", "甲社区", WEST_TOWN, "urban"), ("990101001201", "乙村", WEST_TOWN, "rural"),
          ("990101002201", "丙村", EAST_TOWN, "rural"), ("990101002202", "丁村", EAST_TOWN, "rural"))
CLINIC_M, CARE_M = (500.0, 1000.0), (3500.0, 1000.0)
BLOCK_M, COLUMNS, ROWS = 500.0, 9, 5
#: Where (0, 0) lies in EPSG:4545.
ORIGIN_M = (385_000.0, 3_525_000.0)
PEOPLE, ELDERS = 50, 12
_TO_DEGREES = Transformer.from_crs("EPSG:4545", "EPSG:4326", always_xy=True)


def write_town(directory: Path, *, quality: str = "model", **sections: Any) -> Path:
    """Write the town's files and its run file, and give the path of the run file.

    Parameters
    ----------
    directory : Path
        Made if it is not there.
    quality : str
        Quality of every input.
    sections
        Tables of the run file laid over the town's own, key by key; a key that is None is left out. `facilities`, a
        list, replaces the town's.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _write_boundaries(directory)
    _write_features(directory / "roads.geojson", [({"class": "residential"}, line) for line in _streets()])
    _write_people(directory / "people.csv")
    _write_csv(directory / "clinics.csv", ["facility_id", "name", "level", "lon", "lat"],
               [("C1", "甲诊所", "village_clinic", *lonlat(*CLINIC_M))])
    _write_csv(directory / "care.csv", ["facility_id", "name", "level", "lon", "lat"],
               [("E1", "丁驿站", "station", *lonlat(*CARE_M))])
    _write_features(directory / "shelters.geojson",
                    [({"facility_id": "S1", "name": "甲广场", "level": "short", "area_m2": 10_000,
                       "effective_area_m2": 600}, _box(450, 450, 550, 550))])
    path = directory / "town.toml"
    path.write_text(toml_text(_laid_over(_run_file(quality), sections)), encoding="utf-8")
    return path


def write_osm(path: Path) -> None:
    """Write the town's streets as an OSM file; its seven decimals are a centimetre."""
    nodes = {(column, row): 1 + column + COLUMNS * row for row in range(ROWS) for column in range(COLUMNS)}
    ways = [[nodes[column, row] for column in range(COLUMNS)] for row in range(ROWS)]
    ways += [[nodes[column, row] for row in range(ROWS)] for column in range(COLUMNS)]
    lines = ['<osm version="0.6">']
    for (column, row), number in nodes.items():
        lon, lat = lonlat(BLOCK_M * column, BLOCK_M * row)
        lines.append(f'<node id="{number}" lon="{lon:.7f}" lat="{lat:.7f}" version="1"/>')
    for number, way in enumerate(ways, start=1):
        refs = "".join(f'<nd ref="{node}"/>' for node in way)
        lines.append(f'<way id="{number}" version="1">{refs}<tag k="highway" v="residential"/></way>')
    path.write_text("\n".join([*lines, "</osm>"]), encoding="utf-8")


def lonlat(x_m: float, y_m: float) -> tuple[float, float]:
    """Give longitude and latitude of a position of the town, to a tenth of a millimetre."""
    lon, lat = _TO_DEGREES.transform(ORIGIN_M[0] + x_m, ORIGIN_M[1] + y_m)
    return round(lon, 9), round(lat, 9)


def toml_text(content: dict[str, Any]) -> str:
    """Write a run file: tables of plain values, and lists of tables; deeper tables stand in one line."""
    lines: list[str] = []
    for name, value in content.items():
        for table in value if isinstance(value, list) else [value]:
            lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
            lines += [f"{key} = {_toml_value(item)}" for key, item in table.items()]
            lines.append("")
    return "\n".join(lines)


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_toml_value(item)}"
                                for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _run_file(quality: str) -> dict[str, Any]:
    made = {"source": "tiny town", "quality": quality}
    return {
        "district": {"name": "小镇", "code": DISTRICT, "crs": "EPSG:4545", "buffer_m": 0, "neighbours": False,
                     "language": "zh"},
        "boundaries": {"file": "townships.geojson", "places": "places.geojson", **made},
        "people": {"file": "people.csv", **made},
        "roads": {"file": "roads.geojson", **made},
        "facilities": [
            {"layer": "clinics", "file": "clinics.csv", **made},
            {"layer": "elderly_care", "file": "care.csv", **made},
            {"layer": "shelters", "file": "shelters.geojson", **made},
        ],
        "policy": {
            "clinics": {"label_zh": "诊所", "label_en": "Clinics", "lead_unit": "卫健局",
                        "presence": [{"unit": "village", "level": "village_clinic"}]},
            "elderly_care": {"label_zh": "养老", "label_en": "Elderly care", "group": "60plus",
                             "urban": {"cutoff_min": 15, "mode": "walk_elder"},
                             "rural": {"cutoff_min": 30, "mode": "walk_elder"}},
            "shelters": {"label_zh": "避难场所", "label_en": "Shelters", "m2_per_head": 2.0},
        },
        "surface": {"cell_m": 50},
    }


def _laid_over(content: dict[str, Any], sections: dict[str, Any]) -> dict[str, Any]:
    merged = dict(content)
    for name, value in sections.items():
        if isinstance(value, dict):
            value = {key: item for key, item in {**content.get(name, {}), **value}.items() if item is not None}
        merged[name] = value
    return {name: value for name, value in merged.items() if value is not None}


def _write_boundaries(directory: Path) -> None:
    townships = [({"township_code": code, "township": name}, _box(2000 * at - 100 * (at == 0), -100,
                                                                  2000 * (at + 1) + 100 * (at == 1), 2100))
                 for at, (code, name) in enumerate(TOWNSHIPS)]
    places = [({"place_code": code, "place": name, "township_code": township, "class": kind},
               _box(1000 * at - 100 * (at == 0), -100, 1000 * (at + 1) + 100 * (at == 3), 2100))
              for at, (code, name, township, kind) in enumerate(PLACES)]
    _write_features(directory / "townships.geojson", townships)
    _write_features(directory / "places.geojson", places)


def _box(west_m: float, south_m: float, east_m: float, north_m: float) -> dict[str, Any]:
    corners = [(west_m, south_m), (east_m, south_m), (east_m, north_m), (west_m, north_m), (west_m, south_m)]
    return {"type": "Polygon", "coordinates": [[lonlat(*corner) for corner in corners]]}


def _streets() -> list[dict[str, Any]]:
    xs, ys = np.arange(COLUMNS) * BLOCK_M, np.arange(ROWS) * BLOCK_M
    lines = [[(x, y) for x in xs] for y in ys] + [[(x, y) for y in ys] for x in xs]
    return [{"type": "LineString", "coordinates": [lonlat(*point) for point in line]} for line in lines]


def _write_people(path: Path) -> None:
    columns = ["demand_id", "place_code", "township_code", "class", "lon", "lat", "population", "population_60plus"]
    rows = [(f"d{10 * at + step}", code, township, kind, *lonlat(1000.0 * at + 500.0, step * BLOCK_M), PEOPLE, ELDERS)
            for at, (code, _, township, kind) in enumerate(PLACES) for step in range(ROWS)]
    _write_csv(path, columns, rows)


def _write_features(path: Path, features: Iterable[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    content = {"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": properties, "geometry": geometry} for properties, geometry in features]}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
