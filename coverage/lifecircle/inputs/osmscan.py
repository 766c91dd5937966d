"""Walk through an OSM extract and keep what is asked for, as plain arrays and tuples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import osmium
import shapely

from lifecircle.osmtags import RoadTags, parse_duration_min, road_tags

Array = npt.NDArray[Any]

#: Keys that `lifecircle.osmtags.road_tags` reads and OSM knows.
ROAD_KEYS = ("highway", "route", "area", "oneway", "junction", "maxspeed", "bridge", "tunnel", "foot", "bicycle",
             "access", "vehicle", "motorcar", "motor_vehicle", "motorroad")
WATER_KEYS = ("natural", "waterway", "landuse")
_SPEED = ROAD_KEYS.index("maxspeed")
_NO_LIMIT = {"none", "no", "signals", "variable", "unposted", "unknown", "implicit", "default", "signs"}
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
    """A boundary relation of the extract, assembled or not."""

    osm_id: int
    admin_level: str
    name: str
    lines: frozenset[int]


class Ways(NamedTuple):
    """Roads as chains of nodes.

    ``refs``, ``lonlat``, ``way`` and ``chain`` run over the nodes of all ways: OSM id, position, position of the way,
    and a number that changes where a way was cut because the extract lacks a node. ``ids``, ``tags``, ``minutes`` and
    ``whole`` run over the ways. ``unread_speeds`` counts the texts of maxspeed that could not be read.
    """

    refs: Array
    lonlat: Array
    way: Array
    chain: Array
    ids: Array
    tags: list[RoadTags]
    minutes: Array
    whole: Array
    unread_speeds: dict[str, int]


def collect_ways(ways: Iterable[Any]) -> Ways:
    """Keep the ways that are roads."""
    known: dict[tuple[str | None, ...], RoadTags | None] = {}
    refs: list[int] = []
    gaps: list[bool] = []
    lines: list[str] = []
    unread: dict[str, int] = {}
    counts, ids, tags, minutes, whole = [], [], [], [], []
    for way in ways:
        get = way.tags.get
        said = tuple([get(key) for key in ROAD_KEYS])
        if said not in known:
            known[said] = road_tags({key: value for key, value in zip(ROAD_KEYS, said, strict=True) if value})
        road = known[said]
        chain = _chain(way) if road else None
        if road is None or chain is None:
            continue
        refs += chain.refs
        gaps += chain.gaps
        lines.append(chain.wkb)
        counts.append(len(chain.refs))
        ids.append(way.id)
        tags.append(road)
        minutes.append(parse_duration_min(get("duration", "")) if road.ferry else np.nan)
        whole.append(not any(chain.gaps))
        speed = said[_SPEED]
        if speed and np.isnan(road.maxspeed_kph) and speed not in _NO_LIMIT:
            unread[speed] = unread.get(speed, 0) + 1
    number = np.repeat(np.arange(len(counts)), counts)
    begins = np.diff(number, prepend=-1) > 0
    return Ways(np.array(refs, dtype=np.int64), _coordinates(lines, counts), number,
                np.cumsum(begins | np.array(gaps, dtype=bool)), np.array(ids, dtype=np.int64), tags,
                np.array(minutes, dtype=np.float64), np.array(whole, dtype=bool), unread)


def _coordinates(lines: list[str], counts: list[int]) -> Array:
    """Take the coordinates out of lines in WKB: nine bytes of head each, then pairs of little-endian doubles."""
    raw = np.frombuffer(bytes.fromhex("".join(lines)), dtype=np.uint8)
    sizes = 9 + 16 * np.array(counts, dtype=np.int64)
    body = np.ones(len(raw), dtype=bool)
    body[(np.cumsum(sizes) - sizes)[:, None] + np.arange(9)] = False
    return raw[body].view("<f8").reshape(-1, 2)


class _Chain(NamedTuple):
    """The nodes of a way that the extract holds; ``gaps`` marks those that a missing one stands before."""

    refs: list[int]
    wkb: str
    gaps: list[bool]


def _chain(way: Any) -> _Chain | None:
    """Give a way as a chain of nodes; None where fewer than two are there."""
    try:
        wkb = _FACTORY.create_linestring(way, use_nodes=osmium.geom.ALL)
    except (osmium.InvalidLocationError, RuntimeError):
        return _broken_chain(way)
    refs = [node.ref for node in way.nodes]
    return _Chain(refs, wkb, [False] * len(refs))


def _broken_chain(way: Any) -> _Chain | None:
    refs, points, gaps, gap = [], [], [], False
    for node in way.nodes:
        if node.location.valid():
            refs.append(node.ref)
            points.append((node.lon, node.lat))
            gaps.append(gap)
            gap = False
        else:
            gap = True
    if len(refs) < 2:
        return None
    gaps[0] = gaps[0] or gap
    return _Chain(refs, shapely.to_wkb(shapely.linestrings(points), hex=True), gaps)


def collect_features(objects: Iterable[Any], keys: frozenset[str]) -> tuple[list[Feature], list[Relation]]:
    """Keep places, boundaries, water and whatever bears one of the keys; and the boundary relations as such."""
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
            if is_boundary(tags) or _is_water_area(tags) or any(key in tags for key in keys):
                kind = "w" if item.from_way() else "r"
                features.append(Feature(kind, item.orig_id(), dict(tags), _FACTORY.create_multipolygon(item), 2))
        elif is_boundary(tags) and tags.get("type") in {"boundary", "multipolygon"}:
            lines = frozenset(member.ref for member in item.members if member.type == "w")
            relations.append(Relation(item.id, tags.get("admin_level", ""), tags.get("name", ""), lines))
    return features, relations


def _river(way: Any) -> Iterator[Feature]:
    """Give a river's line, in parts where the extract lacks a node."""
    chain = _chain(way)
    if chain is None:
        return
    points = shapely.get_coordinates(shapely.from_wkb(chain.wkb))
    for part in np.split(points, np.flatnonzero(chain.gaps[1:]) + 1):
        if len(part) > 1:
            yield Feature("w", way.id, dict(way.tags), shapely.to_wkb(shapely.linestrings(part), hex=True), 1)


def is_boundary(tags: Any) -> bool:
    """Tell administrative boundaries."""
    return bool(tags.get("boundary") == "administrative")


def _is_water_area(tags: Any) -> bool:
    return (tags.get("natural") == "water" or tags.get("waterway") == "riverbank"
            or tags.get("landuse") in {"reservoir", "basin"})


def is_water(item: Feature) -> bool:
    """Tell water above ground: areas, and the lines of rivers and canals."""
    if item.tags.get("tunnel", "no") != "no" or item.tags.get("covered") == "yes":
        return False
    return _is_water_area(item.tags) if item.dimension == 2 else item.dimension == 1
