"""Read what is known of a district, or make up a district that does not exist."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

SYNTHETIC_CRS = "EPSG:4545"
_SYNTHETIC_CENTRE = (106.8, 31.8)


@dataclass(frozen=True)
class Facts:
    """What a model starts from; points and outline are in metres of `crs`.

    Attributes
    ----------
    townships : DataFrame
        township_code, township, kind (street / town / township), in_district (yes / no), x_m, y_m, lon, lat,
        position_source; area_km2 and people_hint (a figure of another kind or year), NaN where unknown.
    places : DataFrame
        place_code, place, township_code, kind (community / village), urban_rural_code, urban_rural_source.
    outline : Polygon
        Of all townships together, neighbours in the same outline included.
    settings : dict
        The rest of facts_district.toml; every point in it is turned into metres.
    """

    name: str
    code: str
    crs: str
    townships: pd.DataFrame
    places: pd.DataFrame
    outline: Any
    centre_m: tuple[float, float]
    settings: dict[str, Any]

    @property
    def inside_codes(self) -> set[str]:
        """Give the codes of the townships that belong to the district."""
        return set(self.townships.loc[self.townships["in_district"] == "yes", "township_code"])


def read_facts(folder: str | Path) -> Facts:
    """Read facts_district.toml, facts_townships.csv, facts_places.csv and the outline of a folder."""
    folder = Path(folder)
    settings = tomllib.loads((folder / "facts_district.toml").read_text(encoding="utf-8"))
    to_metres = Transformer.from_crs("EPSG:4326", settings["crs"], always_xy=True)
    townships = pd.read_csv(folder / "facts_townships.csv", dtype={"township_code": str})
    townships["x_m"], townships["y_m"] = to_metres.transform(townships["lon"].to_numpy(), townships["lat"].to_numpy())
    places = pd.read_csv(folder / "facts_places.csv", dtype=str)
    outline = json.loads((folder / settings["outline"]).read_text(encoding="utf-8"))["features"][0]["geometry"]
    ring = np.array(outline["coordinates"][0])
    return Facts(
        name=settings.pop("name"), code=settings.pop("code"), crs=settings.pop("crs"), townships=townships,
        places=places, outline=shapely.Polygon(np.column_stack(to_metres.transform(ring[:, 0], ring[:, 1]))),
        centre_m=to_metres.transform(*settings.pop("centre")), settings=_in_metres(settings, to_metres))


def _in_metres(value: Any, to_metres: Transformer) -> Any:
    """Turn each ``at`` and ``points`` of nested settings into metres."""
    if isinstance(value, list):
        return [_in_metres(item, to_metres) for item in value]
    if not isinstance(value, dict):
        return value
    turned = {key: _in_metres(item, to_metres) for key, item in value.items()}
    if "at" in value:
        turned["at"] = np.array(to_metres.transform(*value["at"]))
    if "points" in value:
        turned["points"] = np.column_stack(to_metres.transform(*np.array(value["points"]).T))
    return turned


def synthetic_facts(seed: int, size: float = 1.0) -> Facts:
    """Make up a district: names, codes, outline and rivers that belong to no real one.

    Parameters
    ----------
    seed : int
    size : float
        1 gives 22 townships on about 1,300 km2 with about 650,000 people; area and people go with it.
    """
    rng = np.random.default_rng([seed, 900])
    count = max(3, round(22 * size))
    area_km2 = 1300 * size * rng.uniform(0.85, 1.15)
    residents = int(650_000 * size * rng.uniform(0.75, 1.25))
    townships, places = _made_up_units(seed, count, rng)
    to_metres = Transformer.from_crs("EPSG:4326", SYNTHETIC_CRS, always_xy=True)
    middle = np.array(to_metres.transform(*_SYNTHETIC_CENTRE))
    outline = _made_up_outline(middle, area_km2 * 1e6, rng)
    centre = middle + rng.normal(0, 0.08, 2) * np.sqrt(area_km2 * 1e6)
    seats = _made_up_seats(townships, outline, centre, rng)
    townships["x_m"], townships["y_m"] = seats.T
    townships["lon"], townships["lat"] = to_metres.transform(*seats.T, direction="INVERSE")
    urban = int(residents * rng.uniform(0.45, 0.65))
    settings = {
        "area": {"district_km2": area_km2},
        "people": {"residents": residents, "urban": urban, "neighbours": 0, "share_60plus": rng.uniform(0.18, 0.27),
                   "share_0_14": rng.uniform(0.14, 0.2), "share_0_2": rng.uniform(0.018, 0.03), "belt_per_km2": 110},
        "heights": {"lowest_river_m": int(rng.integers(200, 500)), "river_slope": 0.0011, "peaks": []},
        "reservoirs": [{"name": "示例水库", "at": seats[-1]}], "expressways": [],
        **_made_up_lines(middle, centre, outline, seats, rng),
    }
    return Facts(f"示例县{seed:03d}", f"99{seed % 10000:04d}000000", SYNTHETIC_CRS, townships, places, outline,
                 (float(centre[0]), float(centre[1])), settings)


def _made_up_units(seed: int, count: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Name townships and places; the share of streets, towns and communities is that of hill counties."""
    prefix, streets = f"99{seed % 10000:04d}", max(1, round(count * 0.25))
    township_rows, place_rows = [], []
    for index in range(count):
        kind = "street" if index < streets else "town" if index < count - 2 else "township"
        word = {"street": "街道", "town": "镇", "township": "乡"}[kind]
        code = f"{prefix}{(1 if kind == 'street' else 100 if kind == 'town' else 200) + index:03d}000"
        township_rows.append((code, f"示例{index + 1:02d}{word}", kind, "yes", np.nan, np.nan, "model"))
        communities = int(rng.integers(5, 11)) if kind == "street" else int(rng.integers(1, 5))
        villages = int(rng.integers(0, 8)) if kind == "street" else int(rng.integers(5, 24))
        for number in range(communities + villages):
            community = number < communities
            serial = number + 1 if community else number - communities + 200
            urban = {"street": "111", "town": "121", "township": "210"}[kind] if community else "220"
            name = f"示例{index + 1:02d}-{number + 1:02d}{'社区' if community else '村'}"
            place_rows.append((f"{code[:9]}{serial:03d}", name, code, "community" if community else "village", urban,
                               "rule"))
    return (pd.DataFrame(township_rows, columns=["township_code", "township", "kind", "in_district", "area_km2",
                                                 "people_hint", "position_source"]),
            pd.DataFrame(place_rows, columns=["place_code", "place", "township_code", "kind", "urban_rural_code",
                                              "urban_rural_source"]))


def _made_up_outline(middle: np.ndarray[Any, Any], area_m2: float, rng: np.random.Generator) -> Any:
    """Draw a lumpy ring of a given area round a point."""
    angle = np.linspace(0, 2 * np.pi, 361)[:-1]
    radius = np.ones(360)
    for wave in range(2, 40):
        radius += 0.35 * wave**-1.25 * rng.normal() * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    radius = np.maximum(radius, 0.35)
    radius *= np.sqrt(area_m2 / (0.5 * np.sum(radius * np.roll(radius, 1)) * np.sin(2 * np.pi / 360)))
    return shapely.Polygon(middle + np.column_stack([np.cos(angle), np.sin(angle)]) * radius[:, None])


def _made_up_seats(townships: pd.DataFrame, outline: Any, centre: np.ndarray[Any, Any],
                   rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Set streets round the centre and the other seats well apart."""
    room = shapely.buffer(outline, -900)
    west, south, east, north = room.bounds
    seats: list[np.ndarray[Any, Any]] = []
    for index, kind in enumerate(townships["kind"]):
        if kind == "street":
            turn = index * 2.4
            seats.append(centre + 700 * np.sqrt(index) * 1.3 * np.array([np.cos(turn), np.sin(turn)]))
            continue
        tries = rng.uniform((west, south), (east, north), (400, 2))
        tries = tries[shapely.contains_xy(room, tries)]
        apart = np.min(np.hypot(*(tries[:, None] - np.array(seats)[None]).transpose(2, 0, 1)), axis=1)
        seats.append(tries[np.argmax(apart * rng.uniform(0.6, 1, len(tries)))])
    return np.array(seats)


def _made_up_lines(middle: np.ndarray[Any, Any], centre: np.ndarray[Any, Any], outline: Any,
                   seats: np.ndarray[Any, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Draw a river through the centre, one that joins it, and two corridors of main road."""
    reach = float(np.sqrt(outline.area)) * 1.3
    turn = rng.uniform(0, 2 * np.pi)

    def towards(angle: float, share: float) -> np.ndarray[Any, Any]:
        return centre + share * reach * np.array([np.cos(angle), np.sin(angle)])

    bank = centre + 600 * np.array([np.cos(turn + 1.5), np.sin(turn + 1.5)])
    main = np.array([towards(turn, 1.0), towards(turn + 0.2, 0.45), bank, towards(turn + np.pi - 0.2, 0.45),
                     towards(turn + np.pi, 1.0)])
    side = np.array([towards(turn + 1.6, 1.0), towards(turn + 1.9, 0.5), main[3]])
    order = np.argsort(np.hypot(*(seats - middle).T))
    far = seats[order[len(order) // 2:]]
    gates = [towards(turn + bend, 0.8) for bend in (0.3, np.pi + 0.3, 1.9, 1.9 + np.pi)]
    across, along = np.array([gates[0], centre, gates[1]]), np.array([gates[2], far[0], centre, gates[3]])
    corridors = [{"road_class": "trunk", "name": "示例国道", "points": across},
                 {"road_class": "primary", "name": "示例省道", "points": along}]
    return {"rivers": [{"name": "示例主河", "joins": "", "width_m": [50, 90], "points": main},
                       {"name": "示例支河", "joins": "示例主河", "width_m": [35, 50], "points": side}],
            "corridors": corridors}
