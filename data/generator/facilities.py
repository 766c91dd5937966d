"""Set up facilities with believable numbers and believable gaps; every name says that it is a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from .facts import Facts
from .grid import Array

COLUMNS = ("facility_id", "layer", "name", "level", "status", "opens_year", "capacity", "capacity_unit", "area_m2",
           "effective_area_m2", "township_code", "lon", "lat", "quality")
LAYERS = ("clinics", "sports_corners", "elderly_care", "childcare", "shelters", "sports_grounds")
_PREFIX = {"clinics": "CL", "sports_corners": "SC", "elderly_care": "EC", "childcare": "CC", "shelters": "SH",
           "sports_grounds": "SG"}


@dataclass(frozen=True)
class Ground:
    """What facilities are placed by.

    Attributes
    ----------
    points : DataFrame
        Demand points with place (position, -1 in the belt), x_m, y_m, population.
    road_xy_m : (k, 2) array
        Points on roads that a building may stand by.
    place_people : (n,) array
    roadless_m : (1, 2) or (0, 2) array
        A spot far from any road where one clinic stands, so that it shows up as one that no map joins.
    """

    facts: Facts
    points: pd.DataFrame
    road_xy_m: Array
    place_people: Array
    roadless_m: Array


def set_up(ground: Ground, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """Set up all layers; columns are `COLUMNS` with x_m, y_m in place of lon, lat."""
    makers = (_clinics, _sports_corners, _elderly_care, _childcare, _shelters, _sports_grounds)
    spots = _Spots(ground, rng)
    layers = {}
    for maker in makers:
        layer = maker.__name__.removeprefix("_")
        layers[layer] = _finish(layer, maker(spots, ground, rng), ground, rng)
    return layers


class _Spots:
    """Finds spots by roads near people."""

    def __init__(self, ground: Ground, rng: np.random.Generator) -> None:
        self.rng, self.ground = rng, ground
        self.tree = cKDTree(ground.road_xy_m)
        place = ground.points["place"].to_numpy()
        order = np.argsort(place, kind="stable")
        begin = np.searchsorted(place[order], np.arange(-1, len(ground.place_people) + 1))
        self.rows = {n - 1: order[begin[n]: begin[n + 1]] for n in range(len(begin) - 1)}

    def in_place(self, place: int) -> Array:
        """Give a spot in a place, drawn by people, set beside the nearest road."""
        rows = self.rows[place]
        people = self.ground.points["population"].to_numpy()[rows].astype(float)
        row = rows[self.rng.choice(len(rows), p=people / people.sum())]
        return self.by_road(self.ground.points[["x_m", "y_m"]].to_numpy()[row])

    def by_road(self, xy_m: Array) -> Array:
        """Move a point beside the nearest road."""
        _, near = self.tree.query(xy_m)
        return np.asarray(self.ground.road_xy_m[near] + self.rng.normal(0, 11, 2))


def _row(xy_m: Array, level: str, name: str, place: int, **more: Any) -> dict[str, Any]:
    return {"x_m": xy_m[0], "y_m": xy_m[1], "level": level, "name": name, "place": place, **more}


def _units(ground: Ground) -> pd.DataFrame:
    places = ground.facts.places.reset_index(drop=True)
    kinds = ground.facts.townships.set_index("township_code")["kind"]
    return places.assign(place_index=places.index, town_kind=places["township_code"].map(kinds).to_numpy(),
                         people=ground.place_people)


def _largest(units: pd.DataFrame) -> pd.DataFrame:
    """Give the largest place of each township, in the order of the codes."""
    return units.sort_values(["township_code", "people"], ascending=[True, False], kind="stable").drop_duplicates(
        "township_code")


def _clinics(spots: _Spots, ground: Ground, rng: np.random.Generator) -> list[dict[str, Any]]:
    units, rows = _units(ground), []
    for unit in _largest(units).itertuples():
        street = unit.town_kind == "street"
        level, name = ("community_health_centre", "社区卫生服务中心") if street else ("township_hospital", "乡镇卫生院")
        rows.append(_row(spots.in_place(unit.place_index), level, name, unit.place_index,
                         capacity=int(rng.integers(20, 100)), area_m2=int(rng.integers(1200, 5200))))
    for unit in units.itertuples():
        village = unit.kind == "village"
        if rng.random() < (0.88 if village else 0.62):
            level, name = ("village_clinic", "卫生室") if village else ("community_health_station", "社区卫生服务站")
            rows.append(_row(spots.in_place(unit.place_index), level, name, unit.place_index,
                             capacity=int(rng.integers(2, 6)) if village else int(rng.integers(6, 18)),
                             area_m2=int(rng.integers(60, 190)) if village else int(rng.integers(120, 420))))
    for spot in ground.roadless_m:
        near = int(np.argmin(np.hypot(ground.points["x_m"] - spot[0], ground.points["y_m"] - spot[1])))
        place = int(ground.points["place"].iloc[near])
        rows.append(_row(spot, "village_clinic", "卫生室", place, capacity=2, area_m2=60))
    return rows + _in_belt(spots, 60, "village_clinic", "卫生室", rng, capacity=3, area_m2=90)


def _in_belt(spots: _Spots, count: int, level: str, name: str, rng: np.random.Generator,
             **more: Any) -> list[dict[str, Any]]:
    """Set some facilities among the people of the belt."""
    rows = spots.rows.get(-1, np.array([], int))
    chosen = rng.choice(rows, size=min(count, len(rows)), replace=False) if len(rows) else rows
    xy = spots.ground.points[["x_m", "y_m"]].to_numpy()
    return [_row(spots.by_road(xy[row]), level, name, -1, **more) for row in chosen]


def _sports_corners(spots: _Spots, ground: Ground, rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = []
    for unit in _units(ground).itertuples():
        urban = unit.urban_rural_code.startswith("1")
        for _ in range(int(rng.random() < (0.8 if urban else 0.67)) + int(urban and rng.random() < 0.45)):
            rows.append(_row(spots.in_place(unit.place_index), "corner", "运动角", unit.place_index,
                             area_m2=int(rng.integers(80, 620))))
    return rows + _in_belt(spots, 40, "corner", "运动角", rng, area_m2=150)


def _elderly_care(spots: _Spots, ground: Ground, rng: np.random.Generator) -> list[dict[str, Any]]:
    units, rows = _units(ground), []
    for unit in _largest(units).itertuples():
        if unit.town_kind == "street" or rng.random() < 0.45:
            rows.append(_row(spots.in_place(unit.place_index), "complex", "社区养老服务综合体", unit.place_index,
                             capacity=int(rng.integers(40, 160)), area_m2=int(rng.integers(900, 3800))))
    for unit in units.itertuples():
        community, draw = unit.kind == "community", rng.random()
        if draw < (0.4 if community else 0.2):
            rows.append(_row(spots.in_place(unit.place_index), "day_care", "日间照料中心", unit.place_index,
                             capacity=int(rng.integers(10, 40)), area_m2=int(rng.integers(200, 800))))
        elif draw < (0.7 if community else 0.38):
            rows.append(_row(spots.in_place(unit.place_index), "station", "养老服务驿站", unit.place_index,
                             capacity=int(rng.integers(4, 16)), area_m2=int(rng.integers(80, 350))))
    return rows + _in_belt(spots, 14, "day_care", "日间照料中心", rng, capacity=20, area_m2=300)


def _childcare(spots: _Spots, ground: Ground, rng: np.random.Generator) -> list[dict[str, Any]]:
    units, rows = _units(ground), []
    for unit in units[units["kind"] == "community"].itertuples():
        if rng.random() < 0.45:
            rows.append(_row(spots.in_place(unit.place_index), "childcare_centre", "托育服务中心", unit.place_index,
                             capacity=int(rng.integers(20, 90)), area_m2=int(rng.integers(200, 1100))))
    for unit in _largest(units).itertuples():
        if rng.random() < 10 / 22:
            rows.append(_row(spots.in_place(unit.place_index), "nursery", "托育园", unit.place_index,
                             capacity=int(rng.integers(40, 130)), area_m2=int(rng.integers(600, 2400))))
    return rows + _in_belt(spots, 6, "nursery", "托育园", rng, capacity=50, area_m2=700)


def _shelters(spots: _Spots, ground: Ground, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Share out effective areas so unevenly that some townships have twice the norm and most fall short of it."""
    rows = []
    for place, effective_m2 in _shared_areas(ground, rng, per_head_m2=1.62, uneven=0.62, people_each=6500):
        level = "long" if effective_m2 >= 50_000 else "short" if effective_m2 >= 2000 else "urgent"
        rows.append(_row(spots.in_place(place), level, "避难场所", place, area_m2=int(effective_m2 / 0.62),
                         effective_area_m2=effective_m2, capacity=effective_m2 // 2))
    return rows + _in_belt(spots, 12, "urgent", "避难场所", rng, area_m2=1600, effective_area_m2=1000, capacity=500)


def _sports_grounds(spots: _Spots, ground: Ground, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Share out areas over grounds of all sizes."""
    rows = []
    for place, area_m2 in _shared_areas(ground, rng, per_head_m2=2.6, uneven=0.3, people_each=3200):
        level = "centre" if area_m2 > 8000 else "field" if area_m2 > 1500 else "court"
        rows.append(_row(spots.in_place(place), level, "体育场地", place, area_m2=area_m2))
    return rows


def _shared_areas(ground: Ground, rng: np.random.Generator, *, per_head_m2: float, uneven: float,
                  people_each: int) -> list[tuple[int, int]]:
    """Share an area among townships, unevenly, and among sites in them.

    Parameters
    ----------
    per_head_m2 : float
        What the district comes to, sites being built or planned included.
    uneven : float
        Deviation of the logarithm of a township's area per head.
    people_each : int
        People to each site, about.

    Returns
    -------
    list of (place, area_m2)
        Areas in tens of m2.
    """
    units, places, sizes = _units(ground), [], []
    for _, part in units.groupby("township_code", sort=True):
        people = int(part["people"].sum())
        count = max(2, round(people / people_each) + int(rng.integers(0, 3)))
        whole = people * float(np.clip(rng.lognormal(0, uneven), 0.3, 2.6))
        sizes += (rng.dirichlet(np.full(count, 1.4)) * whole).tolist()
        likely = (part["people"] ** 0.8).to_numpy(float)
        places += part["place_index"].to_numpy()[rng.choice(len(part), count, p=likely / likely.sum())].tolist()
    inside = ground.facts.places["township_code"].isin(ground.facts.inside_codes).to_numpy()
    own = float(sum(size for place, size in zip(places, sizes, strict=True) if inside[place]))
    factor = per_head_m2 * float(ground.place_people[inside].sum()) / own
    return [(place, max(120, int(round(size * factor, -1)))) for place, size in zip(places, sizes, strict=True)]


_UNIT = {"clinics": "beds", "elderly_care": "beds", "childcare": "places", "shelters": "people"}


def _finish(layer: str, rows: list[dict[str, Any]], ground: Ground, rng: np.random.Generator) -> pd.DataFrame:
    """Give the facilities of a layer number, name and date; a few are being built or planned only."""
    table = pd.DataFrame(rows)
    table = table.reindex(columns=[*table.columns, *(c for c in COLUMNS if c not in table.columns)])
    draw = rng.random(len(table))
    small = ~table["level"].isin(["township_hospital", "community_health_centre", "complex", "long"]).to_numpy()
    status = np.where(small & (draw > 0.97), "planned", np.where(small & (draw > 0.93), "building", "existing"))
    serial = table.groupby("name").cumcount() + 1
    codes = ground.facts.places["township_code"].to_numpy()
    place = table["place"].to_numpy(int)
    table = table.assign(
        layer=layer, status=status, quality="model",
        facility_id=[f"{_PREFIX[layer]}{n:04d}" for n in range(1, len(table) + 1)],
        name=[f"示例{word}{n:03d}" for word, n in zip(table["name"], serial, strict=True)],
        opens_year=np.where(status == "existing", rng.integers(2012, 2025, len(table)),
                            np.where(status == "building", 2026, 2027)),
        capacity_unit=np.where(table["capacity"].notna(), _UNIT.get(layer, ""), ""),
        township_code=np.where(place >= 0, codes[np.maximum(place, 0)], ""))
    for column in ("capacity", "area_m2", "effective_area_m2"):
        table[column] = pd.array(table[column].to_numpy(float), dtype="Int64") if table[column].notna().any() else pd.NA
    return table[[c for c in COLUMNS if c not in ("lon", "lat")] + ["x_m", "y_m"]]
