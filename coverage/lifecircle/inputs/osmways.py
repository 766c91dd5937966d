"""Keep the roads of an OSM extract as chains of nodes, and count what was no road."""

from __future__ import annotations

from array import array
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import osmium

from lifecircle.inputs.files import transformer
from lifecircle.inputs.osmpbf import PbfNodes, check_pbf, read_pbf_ways
from lifecircle.osmtags import RoadTags, parse_duration_min, road_tags, why_no_road
from lifecircle.roadnetwork import RoadNetwork

Array = npt.NDArray[Any]
Said = tuple[str | None, ...]
WGS84 = "EPSG:4326"

#: Keys that `lifecircle.osmtags.road_tags` reads and OSM knows; and a ferry's duration.
ROAD_KEYS = ("highway", "route", "area", "oneway", "junction", "maxspeed", "bridge", "tunnel", "foot", "bicycle",
             "access", "vehicle", "motorcar", "motor_vehicle", "motorroad", "duration")
#: A way that bears none of these is no road.
CANDIDATES = ("highway", "route")
_NO_LIMIT = {"none", "no", "signals", "variable", "unposted", "unknown", "implicit", "default", "signs"}
_FACTORY = osmium.geom.WKBFactory()


class Ways(NamedTuple):
    """Roads as chains of nodes.

    ``node``, ``way`` and ``chain`` run over the nodes of all ways: position in ``node_ids`` and ``node_lonlat``,
    position of the way, and a number that changes where a way was cut because the extract lacks a node. ``ids``,
    ``kind`` (position in ``kinds``), ``minutes`` and ``whole`` run over the ways. ``unread_speeds`` counts the texts
    of maxspeed that could not be read, ``dropped`` lists the ways that are no roads by the tag that says so.
    """

    node_ids: Array
    node_lonlat: Array
    node: Array
    way: Array
    chain: Array
    ids: Array
    kind: Array
    kinds: list[RoadTags]
    minutes: Array
    whole: Array
    unread_speeds: dict[str, int]
    dropped: dict[str, list[int]]

    @property
    def middle(self) -> tuple[float, float]:
        """Give the middle of the roads' extent, in degrees of longitude and latitude."""
        low, high = self.node_lonlat.min(axis=0), self.node_lonlat.max(axis=0)
        return float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2

    def network(self, crs: str, *, source: str = "", quality: str = "osm") -> RoadNetwork:
        """Lay the roads out in a projected CRS in metres; ways that share an OSM node meet there."""
        xy = np.column_stack(transformer(WGS84, crs).transform(*self.node_lonlat.T))
        start = np.flatnonzero(self.chain[1:] == self.chain[:-1])
        start = start[self.node[start] != self.node[start + 1]]
        of = self.way[start]
        kind = self.kind[of]
        columns = {name: np.array([getattr(tags, name) for tags in self.kinds])[kind] for name in RoadTags._fields}
        network = RoadNetwork.from_segments(crs, xy, self.node[start], self.node[start + 1], columns.pop("road_class"),
                                            node_id=self.node_ids, way_id=self.ids[of], source=source,
                                            quality=quality, **columns)
        return replace(network, speed_kph=self._ferry_kph(network, of)) if network.ferry.any() else network

    def _ferry_kph(self, network: RoadNetwork, of: Array) -> Array:
        """Work out the speed of ferries that say how long they take; other speeds are as tagged."""
        whole_m = np.bincount(of, weights=network.length_m, minlength=len(self.ids))
        with np.errstate(divide="ignore", invalid="ignore"):
            kph = np.where(self.whole & (self.minutes > 0), whole_m / 1000 / (self.minutes / 60), np.nan)[of]
        return np.where(np.isfinite(kph) & (kph > 0), kph, network.speed_kph)


class _Kinds:
    """Take ways one by one; equal tags are read once."""

    def __init__(self) -> None:
        self.ids, self.kind = array("q"), array("q")
        self.kinds: list[RoadTags] = []
        self.minutes: list[float] = []
        self.unread: list[str] = []
        self.dropped: dict[str, list[int]] = {}
        self._known: dict[Said, int | str] = {}

    def keep(self, way_id: int, said: Said) -> bool:
        """Note a way, and tell whether it is a road; `said` holds the values of `ROAD_KEYS`."""
        kind = self._known.get(said)
        if kind is None:
            kind = self._known[said] = self._read(said)
        if isinstance(kind, str):
            if kind:
                self.dropped.setdefault(kind, []).append(way_id)
            return False
        self.ids.append(way_id)
        self.kind.append(kind)
        return True

    def _read(self, said: Said) -> int | str:
        tags = {key: value for key, value in zip(ROAD_KEYS, said, strict=True) if value}
        road = road_tags(tags)
        if road is None:
            return why_no_road(tags)
        speed = tags.get("maxspeed", "")
        self.kinds.append(road)
        self.minutes.append(parse_duration_min(tags.get("duration", "")) if road.ferry else np.nan)
        self.unread.append(speed if speed not in _NO_LIMIT and np.isnan(road.maxspeed_kph) else "")
        return len(self.kinds) - 1


def read_ways(path: Path) -> Ways:
    """Read the ways that are roads.

    Raises
    ------
    RuntimeError, ValueError, OSError
        If the extract is broken.
    """
    kinds = _Kinds()
    packed = path.name.lower().endswith(".pbf")
    nodes = read_pbf_ways(path, ROAD_KEYS, CANDIDATES, kinds.keep) if packed else None
    if packed and nodes is None:
        check_pbf(path)
    return _chains(kinds, nodes or _by_pyosmium(path, kinds))


def _by_pyosmium(path: Path, kinds: _Kinds) -> PbfNodes:
    """Read any type of extract."""
    refs, counts, places = array("q"), array("q"), [np.empty((0, 2))]
    for way in (osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
                .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
                .with_filter(osmium.filter.KeyFilter(*CANDIDATES))):
        get = way.tags.get
        if kinds.keep(way.id, tuple([get(key) for key in ROAD_KEYS])):
            refs.extend([node.ref for node in way.nodes])
            counts.append(len(way.nodes))
            places.append(points_of_way(way))
    ids, first, node = np.unique(np.frombuffer(refs, dtype=np.int64), return_index=True, return_inverse=True)
    lonlat = np.concatenate(places)[first]
    if len(ids) and ids[0] < 0:
        _fill_unsaved(path, ids, lonlat)
    return PbfNodes(np.frombuffer(counts, dtype=np.int64), ids, node, lonlat)


def _fill_unsaved(path: Path, ids: Array, lonlat: Array) -> None:
    """Find the positions (in place) of nodes with negative ids, as editors give what was never uploaded.

    The index of positions of pyosmium holds no negative ids.
    """
    wanted = {number: row for row, number in enumerate(ids[ids < 0].tolist())}
    for item in osmium.FileProcessor(str(path), osmium.osm.NODE):
        row = wanted.get(item.id)
        if row is not None and item.location.valid():
            lonlat[row] = item.location.lon, item.location.lat


def points_of_way(way: Any) -> Array:
    """Give the positions of a way's nodes in degrees, (n, 2), NaN where the extract lacks one."""
    try:  # nine bytes of head, then pairs of little-endian doubles
        wkb = bytes.fromhex(_FACTORY.create_linestring(way, use_nodes=osmium.geom.ALL))
        return np.frombuffer(wkb, dtype="<f8", offset=9).reshape(-1, 2)
    except (osmium.InvalidLocationError, RuntimeError):
        return np.array([(node.lon, node.lat) if node.location.valid() else (np.nan, np.nan) for node in way.nodes],
                        dtype=np.float64).reshape(-1, 2)


def _chains(kinds: _Kinds, nodes: PbfNodes) -> Ways:
    """Cut ways where a node is missing, and leave out those with fewer than two nodes."""
    count = len(nodes.counts)
    way = np.repeat(np.arange(count, dtype=np.int32), nodes.counts)
    there = np.isfinite(nodes.lonlat[:, 0])[nodes.node]
    kept = np.bincount(way, there, minlength=count) >= 2
    cut = np.diff(way, prepend=-1) > 0
    cut[1:] |= ~there[:-1]
    use = there & kept[way]
    ids, lonlat, node = nodes.ids, nodes.lonlat, nodes.node
    if not use.all():
        used, node = np.unique(node[use], return_inverse=True)
        ids, lonlat = ids[used], lonlat[used]
    kind = np.frombuffer(kinds.kind, dtype=np.int64)[kept]
    speeds = np.array(kinds.unread, dtype=object)[kind]
    texts, times = np.unique(speeds[speeds != ""].astype(str), return_counts=True)
    return Ways(
        ids, lonlat, node,
        (np.cumsum(kept, dtype=np.int32) - 1)[way[use]], np.cumsum(cut, dtype=np.int32)[use],
        np.frombuffer(kinds.ids, dtype=np.int64)[kept], kind,
        kinds.kinds, np.array(kinds.minutes, dtype=np.float64)[kind],
        (np.bincount(way, ~there, minlength=count) == 0)[kept],
        dict(zip(texts.tolist(), times.tolist(), strict=True)), kinds.dropped)
