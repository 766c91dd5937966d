"""Read roads, boundaries, places, water and tagged features from an OSM extract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import osmium
import pandas as pd
import shapely
from pyproj import Transformer

from lifecircle.errors import ConfigError, EmptyTableError, UnreadableFileError
from lifecircle.inputs.files import existing_file
from lifecircle.osmtags import RoadTags, parse_duration_min, road_tags
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import RunFile, TagFilter

Array = npt.NDArray[Any]

WGS84 = "EPSG:4326"
SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.xml", ".osm.gz", ".osm.bz2")
_ROAD_KEYS = ("highway", "route", "area", "oneway", "junction", "maxspeed", "speed_kph", "bridge", "tunnel", "foot",
              "bicycle", "access", "vehicle", "motorcar", "motor_vehicle", "motorroad", "duration")
_SPEED = _ROAD_KEYS.index("maxspeed")
_NO_LIMIT = {"none", "no", "signals", "variable", "unposted", "unknown", "implicit", "default", "signs"}
_WATER_KEYS = ("natural", "waterway", "landuse")
_RIVERS = {"river", "canal"}


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


@dataclass(frozen=True)
class OsmExtract:
    """One extract; each kind of content is read once and kept.

    Attributes
    ----------
    path : Path
    keys : frozenset of str
        Tag keys of the features that will be asked for; they are read together.
    """

    path: Path
    keys: frozenset[str] = frozenset()

    # roads

    def roads(self, crs: str, *, source: str = "", quality: str = "osm") -> RoadNetwork:
        """Give every road of the extract; ways that share an OSM node meet there.

        Parameters
        ----------
        crs : str
            Projected CRS in metres.

        Raises
        ------
        EmptyTableError
            If there is none.
        UnreadableFileError
            If the extract is broken.
        """
        ways = self._ways
        if not len(ways.ids):
            raise EmptyTableError(self.path, "the extract holds no road", "use an extract that covers the district")
        ids, first, node = np.unique(ways.refs, return_index=True, return_inverse=True)
        x, y = Transformer.from_crs(WGS84, crs, always_xy=True).transform(*ways.lonlat[first].T)
        xy = np.column_stack([x, y])
        start = np.flatnonzero(ways.chain[1:] == ways.chain[:-1])
        start = start[node[start] != node[start + 1]]
        of = ways.way[start]
        u, v = node[start], node[start + 1]
        length = np.hypot(*(xy[v] - xy[u]).T)
        columns = {name: np.array([getattr(tags, name) for tags in ways.tags])[of] for name in RoadTags._fields}
        columns["speed_kph"] = _ferry_speeds(columns, ways, of, length)
        return RoadNetwork.from_segments(crs, xy, u, v, columns.pop("road_class"), node_id=ids, length_m=length,
                                         way_id=ways.ids[of], source=source or self.path.name, quality=quality,
                                         **columns)

    @property
    def unread_speeds(self) -> dict[str, int]:
        """Count the roads whose ``maxspeed`` says something that could not be read, per text."""
        return self._ways.unread_speeds

    @cached_property
    def _ways(self) -> _Ways:
        processor = (osmium.FileProcessor(str(self.path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
                     .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
                     .with_filter(osmium.filter.KeyFilter("highway", "route")))
        return _collect_ways(self._read(processor))

    # everything else

    def boundaries(self, admin_level: int) -> tuple[gpd.GeoDataFrame, list[Relation]]:
        """Give the administrative areas of one level, and the relations of that level that did not close.

        Returns
        -------
        GeoDataFrame
            osm_id (int), name, population (text), ref, geometry in EPSG:4326.
        list of Relation
        """
        level = str(admin_level)
        found = [item for item in self._features if item.dimension == 2 and _is_boundary(item.tags)
                 and item.tags.get("admin_level") == level and item.kind == "r"]
        closed = {item.osm_id for item in found}
        unclosed = [relation for relation in self._relations
                    if relation.admin_level == level and relation.osm_id not in closed]
        return _frame(found, ("name", "population", "ref")), unclosed

    def lines_present(self, relations: Iterable[Relation]) -> list[int]:
        """Count, for each relation, how many of its lines the extract holds."""
        relations = list(relations)
        wanted = frozenset[int]().union(*(relation.lines for relation in relations))
        ways = (osmium.FileProcessor(str(self.path), osmium.osm.WAY)
                .with_filter(osmium.filter.IdFilter(wanted)))
        there = {way.id for way in self._read(ways)} if wanted else set()
        return [len(relation.lines & there) for relation in relations]

    def admin_levels(self) -> dict[str, int]:
        """Count the closed administrative areas per level."""
        levels = [item.tags.get("admin_level", "") for item in self._features
                  if item.dimension == 2 and item.kind == "r" and _is_boundary(item.tags)]
        return {level: levels.count(level) for level in sorted(set(levels), key=lambda text: (len(text), text))}

    def named_areas(self, name: str) -> gpd.GeoDataFrame:
        """Give the administrative areas of any level that bear a name (``name`` or ``name:…``)."""
        found = [item for item in self._features if item.dimension == 2 and _is_boundary(item.tags)
                 and name in {text for key, text in item.tags.items() if key == "name" or key.startswith("name:")}]
        return _frame(found, ("name", "admin_level"))

    def features(self, tags: TagFilter) -> gpd.GeoDataFrame:
        """Give the nodes and areas that bear any of the tags.

        Parameters
        ----------
        tags : dict
            Key -> list of values, one value, or True for any value.

        Returns
        -------
        GeoDataFrame
            osm_id (text such as n12, w7, r3), tags (dict), geometry (Point or MultiPolygon) in EPSG:4326.
        """
        if not set(tags) <= self.keys:
            raise ConfigError(self.path, f"tag keys {sorted(set(tags) - self.keys)} were not announced",
                              "open the extract with them")
        wanted = {key: None if value is True else {value} if isinstance(value, str) else set(value or ())
                  for key, value in tags.items() if value is not False}
        found = [item for item in self._features if item.dimension != 1 and _matches(item.tags, wanted)]
        frame = _frame(found, ())
        return frame.assign(osm_id=[f"{item.kind}{item.osm_id}" for item in found], tags=[item.tags for item in found])

    def places(self) -> gpd.GeoDataFrame:
        """Give the place nodes.

        Returns
        -------
        GeoDataFrame
            osm_id (int), name, place (kind), population (text), geometry (Point) in EPSG:4326.
        """
        found = [item for item in self._features if item.dimension == 0 and "place" in item.tags]
        return _frame(found, ("name", "place", "population"))

    def water(self) -> gpd.GeoDataFrame:
        """Give water areas and the lines of rivers and canals; those in tunnels are left out.

        Returns
        -------
        GeoDataFrame
            osm_id, geometry (polygons and lines) in EPSG:4326.
        """
        return _frame([item for item in self._features if _is_water(item)], ())

    @cached_property
    def _features(self) -> list[Feature]:
        return self._scan[0]

    @cached_property
    def _relations(self) -> list[Relation]:
        return self._scan[1]

    @cached_property
    def _scan(self) -> tuple[list[Feature], list[Relation]]:
        keys = osmium.filter.KeyFilter(*sorted({"boundary", "place", *_WATER_KEYS, *self.keys}))
        processor = osmium.FileProcessor(str(self.path)).with_areas(keys).with_filter(keys)
        return _collect_features(self._read(processor), self.keys)

    def _read(self, processor: Any) -> Iterator[Any]:
        """Go through an extract and name the file when it breaks."""
        try:
            yield from processor
        except (RuntimeError, ValueError, OSError) as error:
            raise UnreadableFileError(self.path, f"the extract is broken: {error}", "fetch it again") from error


class _Ways(NamedTuple):
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


def _collect_ways(ways: Iterable[Any]) -> _Ways:
    factory = osmium.geom.WKBFactory()
    known: dict[tuple[str | None, ...], RoadTags | None] = {}
    refs: list[int] = []
    lines: list[str] = []
    gaps: list[bool] = []
    counts, ids, tags, minutes, whole = [], [], [], [], []
    unread: dict[str, int] = {}
    for way in ways:
        get = way.tags.get
        said = tuple([get(key) for key in _ROAD_KEYS])
        if said not in known:
            known[said] = road_tags({key: value for key, value in zip(_ROAD_KEYS, said, strict=True) if value})
        road = known[said]
        if road is None:
            continue
        if said[_SPEED] and road.maxspeed_kph != road.maxspeed_kph and said[_SPEED] not in _NO_LIMIT:
            unread[said[_SPEED]] = unread.get(said[_SPEED], 0) + 1
        try:
            lines.append(factory.create_linestring(way, use_nodes=osmium.geom.ALL))
            nodes = [node.ref for node in way.nodes]
            cuts = [False] * len(nodes)
        except (osmium.InvalidLocationError, RuntimeError):
            nodes, points, cuts = _present(way)
            if len(nodes) < 2:
                continue
            lines.append(shapely.to_wkb(shapely.linestrings(points), hex=True))
        refs += nodes
        gaps += cuts
        counts.append(len(nodes))
        ids.append(way.id)
        tags.append(road)
        minutes.append(parse_duration_min(said[-1]) if road.ferry and said[-1] else np.nan)
        whole.append(not any(cuts))
    number = np.repeat(np.arange(len(counts)), counts)
    begins = np.ones(len(number), dtype=bool)
    begins[1:] = number[1:] != number[:-1]
    chain = np.cumsum(begins | np.array(gaps, dtype=bool))
    lonlat = shapely.get_coordinates(shapely.from_wkb(np.array(lines, dtype=object)))
    return _Ways(np.array(refs, dtype=np.int64), lonlat, number, chain, np.array(ids, dtype=np.int64), tags,
                 np.array(minutes, dtype=np.float64), np.array(whole, dtype=bool), unread)


def _present(way: Any) -> tuple[list[int], list[tuple[float, float]], list[bool]]:
    """Give the nodes of a way that the extract holds, and before which of them it has a gap."""
    refs, points, gaps, gap = [], [], [], False
    for node in way.nodes:
        if node.location.valid():
            refs.append(node.ref)
            points.append((node.lon, node.lat))
            gaps.append(gap)
            gap = False
        else:
            gap = True
    if gap and gaps:
        gaps[0] = True
    return refs, points, gaps


def _ferry_speeds(columns: dict[str, Array], ways: _Ways, of: Array, length_m: Array) -> Array:
    """Work out the speed of ferries that say how long they take; other speeds are as tagged."""
    whole_m = np.bincount(of, weights=length_m, minlength=len(ways.ids))
    with np.errstate(divide="ignore", invalid="ignore"):
        kph = np.where(ways.whole & (ways.minutes > 0), whole_m / 1000 / (ways.minutes / 60), np.nan)[of]
    return np.where(np.isfinite(kph) & (kph > 0), kph, columns["speed_kph"])


def _collect_features(objects: Iterable[Any], keys: frozenset[str]) -> tuple[list[Feature], list[Relation]]:
    factory = osmium.geom.WKBFactory()
    features, relations = [], []
    for item in objects:
        if item.is_node():
            if "place" in item.tags or any(key in item.tags for key in keys):
                features.append(Feature("n", item.id, dict(item.tags), factory.create_point(item), 0))
        elif item.is_way():
            if item.tags.get("waterway") in _RIVERS and len(item.nodes) > 1:
                features.extend(_river(item, factory))
        elif item.is_area():
            if _is_boundary(item.tags) or _is_water_area(item.tags) or any(key in item.tags for key in keys):
                kind = "w" if item.from_way() else "r"
                features.append(Feature(kind, item.orig_id(), dict(item.tags), factory.create_multipolygon(item), 2))
        elif _is_boundary(item.tags) and item.tags.get("type") in {"boundary", "multipolygon"}:
            lines = frozenset(member.ref for member in item.members if member.type == "w")
            relations.append(Relation(item.id, item.tags.get("admin_level", ""), item.tags.get("name", ""), lines))
    return features, relations


def _river(way: Any, factory: Any) -> Iterator[Feature]:
    tags = dict(way.tags)
    try:
        yield Feature("w", way.id, tags, factory.create_linestring(way), 1)
    except (osmium.InvalidLocationError, RuntimeError):
        _, points, gaps = _present(way)
        for part in np.split(np.array(points).reshape(-1, 2), np.flatnonzero(gaps[1:]) + 1):
            if len(np.unique(part, axis=0)) > 1:
                yield Feature("w", way.id, tags, shapely.to_wkb(shapely.linestrings(part), hex=True), 1)


def _is_boundary(tags: Any) -> bool:
    return tags.get("boundary") == "administrative"


def _is_water_area(tags: Any) -> bool:
    return (tags.get("natural") == "water" or tags.get("waterway") == "riverbank"
            or tags.get("landuse") in {"reservoir", "basin"})


def _is_water(item: Feature) -> bool:
    if item.tags.get("tunnel", "no") not in {"no", ""} or item.tags.get("covered") == "yes":
        return False
    return _is_water_area(item.tags) if item.dimension == 2 else item.dimension == 1


def _matches(tags: dict[str, str], wanted: dict[str, set[str] | None]) -> bool:
    """Tell whether tags hold any of the wanted ones; several values of one tag are split at ``;``."""
    return any(key in tags and (values is None or not values.isdisjoint(part.strip() for part in tags[key].split(";")))
               for key, values in wanted.items())


def _frame(found: list[Feature], columns: tuple[str, ...]) -> gpd.GeoDataFrame:
    data = {"osm_id": np.array([item.osm_id for item in found], dtype=np.int64)}
    table = pd.DataFrame(data).assign(**{
        name: pd.Series([item.tags.get(name, "") for item in found], dtype="str") for name in columns})
    shapes = shapely.from_wkb(np.array([item.wkb for item in found], dtype=object))
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, crs=WGS84))


@lru_cache(maxsize=2)
def _cached(path: Path, _changed_ns: int, _size: int, keys: frozenset[str]) -> OsmExtract:
    return OsmExtract(path, keys)


def open_extract(path: str | Path, keys: Iterable[str] = ()) -> OsmExtract:
    """Open an extract; the same unchanged file with the same keys is read once per process.

    Parameters
    ----------
    path : str or Path
        .osm.pbf, .osm or .osm.xml, also packed with gzip or bzip2.
    keys : iterable of str
        Tag keys of the features that will be asked for.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If it is not there or has another type.
    """
    path = existing_file(path)
    if not path.name.lower().endswith(SUFFIXES):
        raise UnreadableFileError(path, "is no OSM extract", f"use a file of type {', '.join(SUFFIXES)}")
    state = path.stat()
    return _cached(path, state.st_mtime_ns, state.st_size, frozenset(keys))


def extract_of(runfile: RunFile, file: str | None) -> OsmExtract:
    """Open the extract that a table of the run file names, by default that of the roads.

    Raises
    ------
    ConfigError
        If neither names one.
    """
    name = file or runfile.roads.file
    if not name or not name.lower().endswith(SUFFIXES):
        raise ConfigError(runfile.path, "osm = { … } names no file, and [roads] file is no OSM extract",
                          'add file = "….osm.pbf" to it')
    keys = {key for source in runfile.facilities for key in getattr(source.osm, "tags", {})}
    return open_extract(runfile.resolve(name), keys)
