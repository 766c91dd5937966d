"""Read the roads of a finished run once more, by other means: OSMnx or plain lines, and tags read anew.

Nothing here calls the readers of roads, tags or heights that the run used. OSMnx builds the graph of an extract and
measures it; lines are cut at every vertex as they stand; slopes come from `lifecircle.verifyslope`.
"""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import osmium
import shapely
from pyproj import Transformer

from lifecircle.errors import ConfigError, UnreadableFileError
from lifecircle.inputs.overpass import osmnx_settings
from lifecircle.inputs.roadlayer import CLASS_WORDS
from lifecircle.network.modes import MODES, TravelMode
from lifecircle.runfile import RunFile
from lifecircle.verifyslope import Heights, climb
from lifecircle.verifytimes import Lines

Array = npt.NDArray[Any]
Tags = dict[str, str]
_EXTRACTS = (".pbf", ".osm", ".osm.xml", ".osm.gz", ".osm.bz2")
#: Access keys by family, the first that says anything decides.
_KEYS = {"foot": ("foot", "access"), "bicycle": ("bicycle", "vehicle", "access"),
         "motor": ("motorcar", "motor_vehicle", "vehicle", "access")}
_OPEN = {"yes", "designated", "permissive", "destination", "customers", "official", "public", "delivery", "true", "1"}
_SHUT = {"no", "private", "agricultural", "forestry", "military", "emergency", "false", "0"}
_UNIT_KPH = {"mph": 1.609344, "knots": 1.852}
_WORD_KPH = {"walk": 6.0, "living_street": 10.0, "urban": 50.0}


@dataclass(frozen=True)
class Roads:
    """Straight pieces of road with the tags of the way they belong to.

    Attributes
    ----------
    xy_m : (n, 2) float64
    u, v : (m,) int64
    length_m : (m,) float64
        As the other source measures it.
    of : (m,) int64
        Position of the way in `ways` and `tags`.
    ways : list of int
        Identity of each way in its source.
    tags : list of dict
    """

    xy_m: Array
    u: Array
    v: Array
    length_m: Array
    of: Array
    ways: list[int]
    tags: list[Tags]


def read_again(runfile: RunFile, crs: str, area: shapely.Geometry) -> Roads:
    """Read the roads that a run file names, by OSMnx where they are an extract or a graph.

    Parameters
    ----------
    runfile : RunFile
    crs : str
        Study CRS, in metres.
    area : Polygon or MultiPolygon
        District and buffer; pieces with an end in it are kept.

    Raises
    ------
    ConfigError
        If the roads came from Overpass, so that there is no file to read again, or have a local layer over them.
    UnreadableFileError
        If the other reader cannot make anything of the file.
    """
    if runfile.roads.file is None:
        raise ConfigError(runfile.path, "the roads came from Overpass; there is no file to read again",
                          "save them with `lifecircle roads`, name the file in [roads] and run again")
    if runfile.roads.local is not None:
        raise ConfigError(runfile.path, "a local layer is laid over the roads; it is not read a second way",
                          "verify a run without [roads] local")
    path = runfile.resolve(runfile.roads.file)
    name = path.name.lower()
    try:
        if name.endswith(_EXTRACTS):
            roads = _from_extract(path, crs)
        else:
            roads = _from_graphml(path, crs) if name.endswith(".graphml") else _from_lines(path, runfile, crs)
    except (KeyError, ValueError, RuntimeError, OSError) as error:
        raise UnreadableFileError(path, f"cannot be read a second way: {type(error).__name__}: {error}",
                                  "verify a run whose roads OSMnx or geopandas can read") from error
    return _clip(roads, area)


def _from_extract(path: Path, crs: str) -> Roads:
    """Write the roads of an extract as .osm and let OSMnx build its graph; a way is cut where nodes are missing."""
    present = {node.id for node in osmium.FileProcessor(str(path), osmium.osm.NODE)}
    ways, tags, chains = _chains(path, present)
    used = {ref for chain in chains for ref in chain}
    with tempfile.TemporaryDirectory() as folder, osmnx_settings(useful_tags_way=["highway"]) as osmnx:
        osm = Path(folder) / "roads.osm"
        with osmium.SimpleWriter(str(osm)) as writer:
            for node in osmium.FileProcessor(str(path), osmium.osm.NODE):
                if node.id in used:
                    writer.add_node(node)
            for number, chain in enumerate(chains):
                writer.add_way(osmium.osm.mutable.Way(id=number + 1, tags={"highway": "road"}, nodes=chain))
        graph = osmnx.graph_from_xml(osm, bidirectional=True, simplify=False, retain_all=True)
    edges = [(u, v, data["length"], data["osmid"] - 1) for u, v, data in graph.edges(data=True) if not data["reversed"]]
    return _from_graph(graph, edges, ways, tags, crs)


def _chains(path: Path, present: set[int]) -> tuple[list[int], list[Tags], list[list[int]]]:
    """List the roads' chains of nodes that are in the extract."""
    ways, tags, chains = [], [], []
    for way in osmium.FileProcessor(str(path), osmium.osm.WAY):
        said = dict(way.tags)
        if not (said.get("highway") or said.get("route") == "ferry") or said.get("area") == "yes":
            continue
        chain: list[int] = []
        for ref in [*(node.ref for node in way.nodes), None]:
            if ref is not None and ref in present:
                chain.append(ref)
                continue
            if len(chain) > 1:
                ways.append(way.id)
                tags.append(said)
                chains.append(chain)
            chain = []
    return ways, tags, chains


def _from_graph(graph: Any, edges: list[tuple[Any, Any, float, int]], ways: list[int], tags: list[Tags], crs: str,
                ) -> Roads:
    position = {node: at for at, node in enumerate(graph.nodes)}
    lonlat = np.array([(data["x"], data["y"]) for _, data in graph.nodes(data=True)], dtype=float)
    xy = np.column_stack(Transformer.from_crs(graph.graph["crs"], crs, always_xy=True).transform(*lonlat.T))
    u, v = (np.array([position[edge[end]] for edge in edges], dtype=np.int64) for end in (0, 1))
    of = np.array([edge[3] for edge in edges], dtype=np.int64)
    return Roads(xy, u, v, np.array([edge[2] for edge in edges], dtype=float), of, ways, tags)


def _from_graphml(path: Path, crs: str) -> Roads:
    """Take every directed edge of a graph as a road of its own, curved ones in straight pieces."""
    with osmnx_settings() as osmnx:
        graph = osmnx.load_graphml(path)
    inner, edges, ways, tags = 0, [], [], []
    for tail, head, data in list(graph.edges(data=True)):
        ways.append(_number(data.get("osmid")))
        tags.append({**{key: _text(value) for key, value in data.items()}, "oneway": "yes"})
        line = shapely.get_coordinates(data["geometry"])[1:-1] if data.get("geometry") is not None else []
        chain = [tail]
        for x, y in line:
            inner += 1
            chain.append(("inner", inner))
            graph.add_node(chain[-1], x=x, y=y)
        chain.append(head)
        ends = np.array([(graph.nodes[node]["x"], graph.nodes[node]["y"]) for node in chain], dtype=float)
        share = np.hypot(*np.diff(ends, axis=0).T)
        share = share / share.sum() if share.sum() else np.full(len(share), 1 / len(share))
        edges += [(a, b, float(data["length"]) * part, len(ways) - 1)
                  for a, b, part in zip(chain[:-1], chain[1:], share.tolist(), strict=True)]
    return _from_graph(graph, edges, ways, tags, crs)


def _from_lines(path: Path, runfile: RunFile, crs: str) -> Roads:
    """Cut lines at every vertex; vertices equal to the centimetre are one node."""
    import geopandas as gpd

    layer = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path)
    layer = layer.rename(columns={theirs: ours for ours, theirs in runfile.roads.columns.items()})
    layer = layer.set_crs(runfile.roads.crs) if layer.crs is None and runfile.roads.crs else layer
    shapes = layer.geometry.to_crs(crs)
    column = next(name for name in ("class", "road_class", "highway") if name in layer.columns)
    nodes: dict[tuple[int, int], int] = {}
    xy: list[tuple[float, float]] = []
    edges, tags = [], []
    for row, shape in zip(layer.drop(columns=layer.geometry.name).to_dict("records"), shapes, strict=True):
        tags.append(_line_tags(row, column, runfile))
        for part in getattr(shape, "geoms", [shape] if shape is not None else []):
            last = None
            for x, y, *_ in part.coords:
                node = nodes.setdefault((round(x * 100), round(y * 100)), len(nodes))
                if node == len(xy):
                    xy.append((x, y))
                if last not in (None, node):
                    edges.append((last, node, math.dist(xy[last], xy[node]), len(tags) - 1))
                last = node
    u, v, length, of = (np.array(part) for part in zip(*edges, strict=True))
    return Roads(np.array(xy), u, v, length, of, list(range(len(tags))), tags)


def _line_tags(row: dict[str, Any], column: str, runfile: RunFile) -> Tags:
    """Give a line of a register the tags that OSM would use."""
    word = _text(row[column])
    tags = {"highway": runfile.roads.classes.get(word, CLASS_WORDS.get(word, word))}
    for ours, tag in (("oneway", "oneway"), ("bridge", "bridge"), ("tunnel", "tunnel"), ("foot", "foot"),
                      ("bicycle", "bicycle"), ("motor", "motor_vehicle"), ("ferry", "ferry")):
        said = _text(row.get(ours)).lower().removesuffix(".0")
        if said:
            tags[tag] = said if said == "-1" else "yes" if said in {"1", "true", "yes", "y", "t", "是"} else "no"
    if tags["highway"] == "ferry" or tags.get("ferry") == "yes":
        tags["route"] = "ferry"
    return {**tags, "maxspeed": _text(row.get("maxspeed_kph")), "speed_kph": _text(row.get("speed_kph"))}


def _text(value: Any) -> str:
    if isinstance(value, list | tuple | set):
        value = next(iter(value), "")
    return "" if value is None or value != value else str(value).strip()


def _number(value: Any) -> int:
    text = _text(value)
    return int(text) if text.lstrip("-").isdigit() else 0


def _clip(roads: Roads, area: shapely.Geometry) -> Roads:
    inside = shapely.contains_xy(area, *roads.xy_m.T)
    keep = (inside[roads.u] | inside[roads.v]) & (roads.u != roads.v)
    return Roads(roads.xy_m, roads.u[keep], roads.v[keep], roads.length_m[keep], roads.of[keep], roads.ways, roads.tags)


def climbs(roads: Roads, heights: Heights) -> tuple[Array, Array]:
    """Give walking time over level walking time of every piece, both ways; what is no road or a ferry is level."""
    kinds = set(MODES["walk"].speeds_kph)
    land = np.array([tags.get("highway") in kinds and tags.get("area") != "yes" and tags.get("route") != "ferry"
                     for tags in roads.tags])[roads.of]
    return climb(roads, land, np.array([_structure(tags) for tags in roads.tags])[roads.of], heights)


def mode_lines(roads: Roads, mode: TravelMode, climb_of: tuple[Array, Array] | None) -> Lines:
    """Give the pieces that a mode may use with its times, from the tags as they stand.

    Parameters
    ----------
    roads : Roads
    mode : TravelMode
        Only its numbers are used.
    climb_of : ((m,) float64, (m,) float64) or None
        As `climbs` gives it, for the slope on foot; None takes all as level.
    """
    ferries = _ferry_kph(roads)
    rules = [_reading(tags, mode, ferries.get(at, 0.0)) for at, tags in enumerate(roads.tags)]
    kph, oneway, bare = (np.array(column)[roads.of] for column in zip(*rules, strict=True))
    keep = np.flatnonzero(kph > 0)
    kph, oneway, bare = kph[keep], oneway[keep], bare[keep]
    there = back = roads.length_m[keep] / (kph / 3.6) * 1000
    if climb_of is not None and mode.family == "foot":
        there, back = there * climb_of[0][keep], back * climb_of[1][keep]
    if mode.family != "foot":
        there, back = np.where(oneway == -1, np.nan, there), np.where(oneway == 1, np.nan, back)
    return Lines(roads.xy_m, roads.u[keep], roads.v[keep], roads.length_m[keep], there, back, bare,
                 np.array(roads.ways)[roads.of[keep]])


def _reading(tags: Tags, mode: TravelMode, ferry_kph: float) -> tuple[float, int, bool]:
    """Give speed (0: closed), direction, and whether a place may join."""
    ferry = tags.get("route") == "ferry"
    kind = "ferry" if ferry else tags.get("highway", "")
    if kind not in mode.speeds_kph or tags.get("area") == "yes":
        return 0.0, 0, False
    kph, said = mode.speeds_kph[kind], _access(tags, mode.family)
    if said and kph == 0:
        kph = mode.if_allowed_kph
    known = ferry_kph or _kph(tags.get("speed_kph", ""))
    if known and kph > 0 and (ferry or mode.family == "motor"):
        kph = known
    limit = _kph(tags.get("maxspeed", ""))
    if limit and mode.family != "foot":
        kph = min(kph, limit)
    if said is False:
        kph = 0.0
    joinable = not (_structure(tags) or ferry or kind in ("motorway", "motorway_link"))
    return kph, _direction(tags, kind), joinable


def _access(tags: Tags, family: str) -> bool | None:
    for key in _KEYS[family]:
        value = tags.get(key, "").lower()
        if value in _OPEN or value in _SHUT:
            return value in _OPEN
    return False if tags.get("motorroad") == "yes" and family != "motor" else None


def _direction(tags: Tags, kind: str) -> int:
    value = tags.get("oneway", "").lower()
    if value in {"-1", "reverse"}:
        return -1
    if value in {"yes", "true", "1"}:
        return 1
    round_about = kind == "motorway" or tags.get("junction") in {"roundabout", "circular"}
    return int(round_about and value not in {"no", "false", "0"})


def _structure(tags: Tags) -> bool:
    return any(tags.get(key, "no") not in {"", "no"} for key in ("bridge", "tunnel"))


def _kph(text: str) -> float:
    """Read a speed; the lowest of several; 0 where nothing can be read."""
    found = []
    for part in re.split("[;|,]", text.lower()):
        number = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph|knots)?\s*", part)
        if number:
            found.append(float(number[1]) * _UNIT_KPH.get(number[2] or "", 1.0))
        found.append(_WORD_KPH.get(part.strip().rsplit(":", maxsplit=1)[-1], 0.0))
    return min((kph for kph in found if kph > 0), default=0.0)


def _ferry_kph(roads: Roads) -> dict[int, float]:
    """Work out the speed of ferries that say how long they take."""
    found = {}
    for at, tags in enumerate(roads.tags):
        parts = tags.get("duration", "").split(":") if tags.get("route") == "ferry" else []
        if 1 <= len(parts) <= 3 and all(re.fullmatch(r"\d+(\.\d+)?", part) for part in parts):
            hours = float(parts[0]) / 60 if len(parts) == 1 else _sum_hours(parts)
            if hours > 0:
                found[at] = float(roads.length_m[roads.of == at].sum()) / 1000 / hours
    return found


def _sum_hours(parts: Iterable[str]) -> float:
    return sum(float(part) / 60.0**power for power, part in enumerate(parts))
