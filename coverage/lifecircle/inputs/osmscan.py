"""Walk through an OSM extract and keep features and boundary relations, as plain tuples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import osmium
import shapely

from lifecircle.inputs.osmways import points_of_way

WATER_KEYS = ("natural", "waterway", "landuse")
_RIVERS = {"river", "canal"}
_FACTORY = osmium.geom.WKBFactory()


class Feature(NamedTuple):
    """A node, an area or an open line with its tags; kind is n, w or r and says what OSM object it was."""

    kind: str
    osm_id: int
    tags: dict[str, str]
    wkb: str
    dimension: int


class Relation(NamedTuple):
    """A relation of the extract that should be an area, assembled or not; ``tags`` says of what."""

    osm_id: int
    admin_level: str
    name: str
    lines: frozenset[int]
    tags: dict[str, str]


def collect_features(objects: Iterable[Any], keys: frozenset[str]) -> tuple[list[Feature], list[Relation]]:
    """Keep places, boundaries, water and whatever bears one of the keys; and the relations that should be areas."""
    features, relations = [], []
    for item in objects:
        tags = item.tags
        if item.is_node():
            if "place" in tags or any(key in tags for key in keys):
                features.append(Feature("n", item.id, dict(tags), _FACTORY.create_point(item), 0))
        elif item.is_way():
            if tags.get("waterway") in _RIVERS:
                features.extend(_river(item))
        elif item.is_area():
            if _wanted_area(tags, keys):
                kind = "w" if item.from_way() else "r"
                features.append(Feature(kind, item.orig_id(), dict(tags), _FACTORY.create_multipolygon(item), 2))
        elif tags.get("type") in {"boundary", "multipolygon"} and _wanted_area(tags, keys):
            lines = frozenset(member.ref for member in item.members if member.type == "w")
            relations.append(Relation(item.id, tags.get("admin_level", ""), tags.get("name", ""), lines, dict(tags)))
    return features, relations


def _river(way: Any) -> Iterator[Feature]:
    """Give a river's line, in parts where the extract lacks a node."""
    points = points_of_way(way)
    missing = np.isnan(points[:, 0])
    number = np.cumsum(missing)[~missing]
    for part in np.split(points[~missing], np.flatnonzero(np.diff(number)) + 1):
        if len(part) > 1:
            yield Feature("w", way.id, dict(way.tags), shapely.to_wkb(shapely.linestrings(part), hex=True), 1)


def is_boundary(tags: Any) -> bool:
    """Tell administrative boundaries."""
    return bool(tags.get("boundary") == "administrative")


def _wanted_area(tags: Any, keys: frozenset[str]) -> bool:
    return is_boundary(tags) or is_water_area(tags) or any(key in tags for key in keys)


def is_water_area(tags: Any) -> bool:
    """Tell the tags of areas of water."""
    return (tags.get("natural") == "water" or tags.get("waterway") == "riverbank"
            or tags.get("landuse") in {"reservoir", "basin"})


def is_water(item: Feature) -> bool:
    """Tell water above ground: areas, and the lines of rivers and canals."""
    if item.tags.get("tunnel", "no") != "no" or item.tags.get("covered") == "yes":
        return False
    return is_water_area(item.tags) if item.dimension == 2 else item.dimension == 1
