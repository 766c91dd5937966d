"""A small county that does not exist: three townships, twelve places, a river with one bridge, hills, facilities.

Everything is derived from one seed. Positions that an office would have read off a web map are first shifted, then
rounded to six decimals as such maps give them, then shifted back: the truth is what the office's digits mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from pyproj import Transformer

SEED = 20250630
CRS = "EPSG:4545"  # CGCS2000, three-degree zone, central meridian 108 E
WEST_M, SOUTH_M, CELL_M, STEP_M = 372_000.0, 3_515_000.0, 3_000.0, 1_500.0
DISTRICT_CODE = "519998000000"
STREET, TOWN, COUNTRY = "519998001000", "519998101000", "519998201000"
TOWNSHIPS = {STREET: ("示例街道", "街道"), TOWN: ("样板镇", "镇"), COUNTRY: ("虚构乡", "乡")}

#: Column and row of the cell, code, name, urban-rural code. 甲坝村 is in two townships; 合计坝村 is a village.
PLACES: tuple[tuple[int, int, str, str, str], ...] = (
    (0, 2, "519998001001", "示例一社区", "111"), (1, 2, "519998001002", "示例二社区", "111"),
    (0, 1, "519998001003", "示例三社区", "112"), (1, 1, "519998101001", "样板社区", "121"),
    (0, 0, "519998101201", "甲坝村", "122"), (1, 0, "519998101202", "乙沟村", "220"),
    (2, 0, "519998101203", "合计坝村", "220"), (2, 1, "519998201001", "虚构社区", "210"),
    (2, 2, "519998201201", "甲坝村", "220"), (3, 2, "519998201202", "丁湾村", "220"),
    (3, 1, "519998201203", "戊岭村", "220"), (3, 0, "519998201204", "庚寨村", "220"),
)
#: Layer -> levels in the order in which they are handed out, and how many facilities there are.
LAYERS: dict[str, tuple[tuple[str, ...], int]] = {
    "clinics": (("社区卫生服务站", "村卫生室"), 12), "sports_corners": (("运动角",), 17),
    "childcare": (("托育园", "托育服务中心"), 20), "elderly_care": (("日间照料中心", "养老服务驿站"), 10),
    "shelters": (("紧急", "短期"), 18), "hospitals": (("乡镇卫生院",), 3),
}
_LABELS = {"clinics": "示例卫生室", "sports_corners": "示例运动角", "childcare": "示例托育机构",
           "elderly_care": "示例养老设施", "shelters": "示例避难场所", "hospitals": "示例卫生院"}
_IDS = {"clinics": "WS", "sports_corners": "YD", "childcare": "TY", "elderly_care": "YL", "shelters": "BN",
        "hospitals": "YY"}
#: The datum in which the office holds the positions of a layer; EPSG:4545 is metres to the centimetre.
DATUMS = {"clinics": "gcj02", "sports_corners": "gcj02", "childcare": "bd09", "elderly_care": CRS,
          "shelters": "wgs84", "hospitals": "wgs84"}
#: The place in which, or at the edge of which, the facilities of a layer stand in turn.
_TURNS = (*range(12), 0, 4, 9, 2, 2, 3, 7, 8, 11, 5)

_TO_DEGREES = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)


@dataclass(frozen=True)
class Facility:
    """One facility: where it stands in truth (degrees) and what the office wrote for it (degrees or metres)."""

    facility_id: str
    layer: str
    name: str
    level: str
    township_code: str
    place: str
    lonlat: tuple[float, float]
    written: tuple[float, float]
    status: str
    opens_year: int
    capacity: int | None
    area_m2: int
    effective_area_m2: int | None


@dataclass(frozen=True)
class County:
    """The whole county; layers in EPSG:4545 unless they say otherwise."""

    townships: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    people: tuple[dict[str, Any], ...]
    facilities: tuple[Facility, ...]
    roads: gpd.GeoDataFrame
    river: gpd.GeoDataFrame
    heights_m: np.ndarray[Any, np.dtype[np.float32]]


def gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Shift WGS 84 degrees by the public formula, written out on its own as a check of the product's."""
    x, y = lon - 105.0, lat - 35.0
    ripple = (20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + ripple
    north += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + ripple
    east += (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    axis, eccentricity2 = 6378245.0, 0.00669342162296594323
    root = 1 - eccentricity2 * math.sin(math.radians(lat)) ** 2
    meridian = axis * (1 - eccentricity2) / root**1.5
    parallel = axis / math.sqrt(root) * math.cos(math.radians(lat))
    return lon + math.degrees(east / parallel), lat + math.degrees(north / meridian)


def bd09(lon: float, lat: float) -> tuple[float, float]:
    """Shift WGS 84 degrees to those of Baidu."""
    x, y = gcj02(lon, lat)
    pitch = math.pi * 3000 / 180
    radius = math.hypot(x, y) + 2e-5 * math.sin(y * pitch)
    turn = math.atan2(y, x) + 3e-6 * math.cos(x * pitch)
    return radius * math.cos(turn) + 0.0065, radius * math.sin(turn) + 0.006


_FORWARD = {"gcj02": gcj02, "bd09": bd09, "wgs84": lambda lon, lat: (lon, lat)}


def back(datum: str, lon: float, lat: float) -> tuple[float, float]:
    """Find the WGS 84 degrees that a shift carries to the given ones."""
    x, y = lon, lat
    for _ in range(40):
        to_x, to_y = _FORWARD[datum](x, y)
        x, y = x + lon - to_x, y + lat - to_y
    return x, y


def _written_and_true(datum: str, x_m: float, y_m: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Give what the office writes for a spot, and the WGS 84 degrees which that means."""
    if datum == CRS:
        written = round(float(x_m), 2), round(float(y_m), 2)
        return written, _TO_DEGREES.transform(*written)
    lon, lat = _FORWARD[datum](*_TO_DEGREES.transform(x_m, y_m))
    written = round(lon, 6), round(lat, 6)
    return written, back(datum, *written)


def _place_of(x_m: float, y_m: float) -> tuple[str, str]:
    """Name the place and the township code of a spot."""
    cell = int((x_m - WEST_M) // CELL_M), int((y_m - SOUTH_M) // CELL_M)
    return next((name, code[:9] + "000") for column, row, code, name, _ in PLACES if (column, row) == cell)


def _nodes_m(rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Give the crossings, [column, row] -> x, y; those in the middle of a place stand near its centre."""
    column, row = np.meshgrid(np.arange(9), np.arange(7), indexing="ij")
    xy = np.stack([WEST_M + STEP_M * column, SOUTH_M + STEP_M * row], -1)
    jitter = rng.uniform(-180, 180, xy.shape)
    jitter[(column % 2 == 1) & (row % 2 == 1)] *= 0.2
    return np.round(xy + jitter, 2)


def _roads(nodes_m: Any, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Draw bent roads between neighbouring crossings; one bridge crosses the river between columns 4 and 5."""
    rows = []
    for column in range(9):
        for row in range(7):
            for to in ((column + 1, row), (column, row + 1)):
                crosses = column == 4 and to[0] == 5
                if to[0] > 8 or to[1] > 6 or (crosses and row != 3):
                    continue
                start, end = nodes_m[column, row], nodes_m[to]
                bend = np.round((start + end) / 2 + (0 if crosses else rng.uniform(-90, 90, 2)), 2)
                main, odd = (row == 3 and to[1] == 3), (column * 5 + row * 3) % 4
                kind = "省道" if main else "县道" if column == 3 == to[0] else ("乡道", "村道", "村道", "机耕道")[odd]
                rows.append({"路名": f"示例路{len(rows) + 1:03d}", "道路等级": kind, "限速": "40" if main else "",
                             "桥梁": "是" if crosses else "否", "geometry": shapely.LineString([start, bend, end])})
    for (column, row), way in {(0, 3): (-1, 0), (8, 3): (1, 0), (3, 0): (0, -1), (3, 6): (0, 1)}.items():
        start = nodes_m[column, row]  # on to the neighbours, so that the roads fill the buffer
        rows.append({"路名": f"示例路{len(rows) + 1:03d}", "道路等级": "省道", "限速": "40", "桥梁": "否",
                     "geometry": shapely.LineString([start, np.round(start + 2_600 * np.array(way), 2)])})
    return gpd.GeoDataFrame(rows, crs=CRS)


def _river(rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Draw a river 60 m wide from north to south, between the crossings of columns 4 and 5."""
    y_m = SOUTH_M + np.linspace(-400, 9_400, 15)
    middle = WEST_M + 6_750 + rng.uniform(-120, 120, len(y_m))
    line = shapely.LineString(np.round(np.column_stack([middle, y_m]), 1))
    return gpd.GeoDataFrame({"kind": ["water"]}, geometry=[line.buffer(30, cap_style="flat")], crs=CRS)


def _spot(index: int, nodes_m: Any, taken: list[tuple[float, float]], rng: np.random.Generator) -> tuple[float, float]:
    """Find a spot beside a crossing in a place or at its edge: in its township, 200 m from others of the layer."""
    column, row, code = PLACES[index][:3]
    while True:
        step = rng.integers(-1, 2, 2)
        node = nodes_m[np.clip(2 * column + 1 + step[0], 1, 7), np.clip(2 * row + 1 + step[1], 1, 5)]
        x_m, y_m = node + rng.uniform(15, 45, 2) * rng.choice([-1, 1], 2)
        alone = all(math.dist((x_m, y_m), other) > 200 for other in taken)
        if alone and _place_of(x_m, y_m)[1] == code[:9] + "000":
            return float(x_m), float(y_m)


def _capacity(layer: str, number: int, area: int, rng: np.random.Generator) -> int | None:
    """Give beds, childcare places or sheltered people; a corner has none, and one nursery has 0 places for now."""
    beds = int(rng.integers(2, 80))
    if layer == "shelters":
        return area * 6
    return None if layer == "sports_corners" else 0 if (layer, number) == ("childcare", 17) else beds


def _facilities(nodes_m: Any, rng: np.random.Generator) -> tuple[Facility, ...]:
    """Put the facilities beside crossings in or at the edge of each place in turn."""
    found = []
    for layer, (levels, count) in LAYERS.items():
        taken: list[tuple[float, float]] = []
        for number in range(count):
            turn = (2, 3, 7)[number] if layer == "hospitals" else _TURNS[number]
            x_m, y_m = _spot(turn, nodes_m, taken, rng)
            taken.append((x_m, y_m))
            place, township_code = _place_of(x_m, y_m)
            if (layer, number) == ("sports_corners", 16):  # belongs to 示例三社区 and stands 8 m beyond its border
                x_m, y_m = WEST_M + CELL_M + 8, nodes_m[2, 3, 1] + 20
                place, township_code = "示例三社区", STREET
            written, true = _written_and_true(DATUMS[layer], x_m, y_m)
            level = levels[(0 if place.endswith("社区") else -1) if layer == "clinics" else number % len(levels)]
            planned, area = number == 15, int(rng.integers(8, 60)) * 10
            found.append(Facility(
                f"{_IDS[layer]}{number + 1:03d}", layer, f"{_LABELS[layer]}{number + 1:03d}", level, township_code,
                place, true, written, "planned" if planned else "existing",
                2026 if planned else int(rng.integers(2009, 2024)), _capacity(layer, number, area, rng),
                area * (20 if layer == "shelters" else 1), area * 12 if layer == "shelters" else None))
    return tuple(found)


def _people(rng: np.random.Generator) -> tuple[dict[str, Any], ...]:
    rows = []
    for _, _, code, name, _ in PLACES:
        people = int(rng.integers(600, 3_000))
        rows.append({"place_code": code, "township_code": code[:9] + "000", "place": name, "population": people,
                     "population_60plus": round(people * rng.uniform(0.2, 0.3)),
                     "population_0_2": round(people * rng.uniform(0.015, 0.03))})
    return tuple(rows)


def _areas() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Give townships and places in degrees; the places are squares of 3 km, a township is the sum of its places."""
    rows = []
    for column, row, code, name, kind in PLACES:
        x_m, y_m = WEST_M + CELL_M * column, SOUTH_M + CELL_M * row
        rows.append({"place_code": code, "place": name, "township_code": code[:9] + "000", "urban_rural_code": kind,
                     "geometry": shapely.box(x_m, y_m, x_m + CELL_M, y_m + CELL_M)})
    places = gpd.GeoDataFrame(rows, crs=CRS).to_crs("EPSG:4326")
    places.geometry = shapely.set_precision(shapely.normalize(places.geometry.to_numpy()), 1e-9)
    townships = []
    for code, (name, kind) in TOWNSHIPS.items():
        own = places.geometry[places["township_code"] == code].to_numpy()
        townships.append({"township_code": code, "township": name, "kind": kind,
                          "geometry": shapely.normalize(shapely.union_all(own))})
    return gpd.GeoDataFrame(townships, crs="EPSG:4326"), places


@cache
def county() -> County:
    """Build the county, always the same."""
    dice = [np.random.default_rng([SEED, part]) for part in range(5)]
    nodes_m, (townships, places) = _nodes_m(dice[0]), _areas()
    column, row = np.meshgrid(np.arange(90), np.arange(75))
    heights = 420 + 45 * np.sin(column / 7) * np.cos(row / 9) + 1.2 * row  # cells of 200 m, gentle hills
    return County(townships, places, _people(dice[1]), _facilities(nodes_m, dice[2]), _roads(nodes_m, dice[3]),
                  _river(dice[4]), heights.astype(np.float32))
