"""Read the roads of a study: from an extract, a graph, a layer of lines, Overpass or memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.errors import ConfigError, InputError, NoMatchError, UnreadableFileError
from lifecircle.inputs.extracts import SUFFIXES, extract_of
from lifecircle.inputs.files import existing_file, transformer, way_to
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.overpass import fetch_roads, osmnx_settings
from lifecircle.inputs.roadjoints import note_short_ends
from lifecircle.inputs.roadlayer import read_road_layer
from lifecircle.inputs.roadmerge import merge_local
from lifecircle.inputs.roadquality import REACH_M, note_contradictions, note_islands, note_tags
from lifecircle.policy import Policy
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import RunFile

Array = npt.NDArray[Any]

#: Top speed in km/h by which a mode may cross the district's border; the modes themselves live further up. That of the
#: car is a cap on purpose: no trip keeps a motorway's pace from door to door, and a wider buffer asks for more roads.
TOP_SPEED_KPH: dict[str, float] = {
    "walk": 4.0, "walk_elder": 4.0, "walk_child": 4.0, "bicycle": 12.0, "ebike": 18.0, "motorcycle": 30.0, "car": 50.0,
}


def default_buffer_m(policy: Policy, layers: tuple[str, ...]) -> float:
    """Give the distance that the longest cutoff covers: of every layer its own, in its own modes.

    Parameters
    ----------
    policy : Policy
    layers : tuple of str
        Facility layers of the run file.

    Returns
    -------
    float
        Metres; 0 where no layer is judged by reach.

    Examples
    --------
    >>> default_buffer_m(Policy(), ("clinics",))
    2000.0
    """
    reach = [0.0]
    for layer in layers:
        for rule in (policy.layer(layer).rule("urban"), policy.layer(layer).rule("rural")):
            if rule is not None:
                top_kph = max(_top_speed_kph(policy, mode) for mode in (rule.mode, *rule.beside))
                reach.append(rule.cutoff_min / 60 * top_kph * 1000)
    return float(max(reach))


def _top_speed_kph(policy: Policy, mode: str) -> float:
    own = policy.modes[mode].speeds_kph.values() if mode in policy.modes and mode != "car" else ()
    return max(TOP_SPEED_KPH.get(mode, 50.0), *own, 0.0)


def read_roads(runfile: RunFile, crs: str, area: shapely.Geometry, findings: Findings, *, roads: Any = None,
               ) -> RoadNetwork:
    """Read the roads of the district and its buffer.

    Parameters
    ----------
    runfile : RunFile
    crs : str
        Study CRS, projected, in metres.
    area : Polygon or MultiPolygon
        District and buffer, in `crs`; segments with an end in it are kept.
    findings : Findings
        Gets islands, unread speed limits, a buffer that is small and roads that end short of it.
    roads : RoadNetwork or networkx.MultiDiGraph, optional
        Roads in memory, used instead of those the run file names.

    Raises
    ------
    NoMatchError
        If no road lies in the area.
    InputError
        If the source cannot be read.
    """
    if roads is not None:
        network = _from_memory(roads, crs, runfile)
    elif runfile.roads.overpass and not runfile.roads.file:
        network = fetch_roads(area, crs, runfile.roads.overpass_url, quality=runfile.roads.quality or "osm")
    else:
        network = _from_file(runfile, crs, findings)
    _note_reach(runfile, network, area, findings)
    network = clip(network, area)
    network = _with_local(network, runfile, crs, area, findings)
    note_contradictions(network, findings)
    note_islands(network, findings)
    note_short_ends(network, findings)
    return network


def _with_local(network: RoadNetwork, runfile: RunFile, crs: str, area: shapely.Geometry, findings: Findings,
                ) -> RoadNetwork:
    """Lay the local layer over the roads, where the run file names one."""
    rule = runfile.roads.local
    if rule is None:
        return network
    path = existing_file(runfile.resolve(rule.file))
    return merge_local(network, clip(read_road_layer(path, rule, crs, findings), area), rule, findings)


def _read_lines(path: Path, runfile: RunFile, crs: str, findings: Findings) -> RoadNetwork:
    return read_road_layer(path, runfile.roads, crs, findings)


def _from_memory(roads: Any, crs: str, runfile: RunFile) -> RoadNetwork:
    if not isinstance(roads, RoadNetwork):
        with way_to(crs, "roads"):
            return RoadNetwork.from_networkx(roads, crs=crs, source="networkx",
                                             quality=runfile.roads.quality or "osm")
    if roads.crs == crs:
        return roads
    with way_to(crs, "roads"):
        x, y = transformer(roads.crs, crs).transform(*roads.node_xy_m.T)
    return replace(roads, crs=crs, node_xy_m=np.column_stack([x, y]))


def _read_extract(path: Path, runfile: RunFile, crs: str, findings: Findings) -> RoadNetwork:
    ways = extract_of(runfile, str(path)).ways()
    note_tags(ways, path.name, findings)
    return ways.network(crs, source=path.name, quality=runfile.roads.quality or "osm")


def _read_graphml(path: Path, runfile: RunFile, crs: str, _findings: Findings) -> RoadNetwork:
    """Read a GraphML file that OSMnx wrote; a document type, by which XML pulls other files in, is refused."""
    raw = existing_file(path).read_bytes()
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw or b"<graphml" not in raw:
        raise UnreadableFileError(path, "content is not plain GraphML", "save the graph again with osmnx.save_graphml")
    with osmnx_settings() as osmnx:
        try:
            graph = osmnx.load_graphml(path)
            return RoadNetwork.from_networkx(graph, crs=crs, source=path.name,
                                             quality=runfile.roads.quality or "osm")
        except InputError:
            raise
        except Exception as error:  # expat, networkx, OSMnx and pyproj each have their own
            raise UnreadableFileError(path, f"is no graph of OSMnx: {error}",
                                      "save the graph again with osmnx.save_graphml") from error


#: Suffix -> reader of ``(path, runfile, crs, findings)``.
ROAD_READERS: dict[str, Callable[[Path, RunFile, str, Findings], RoadNetwork]] = {
    **dict.fromkeys(SUFFIXES, _read_extract),
    ".graphml": _read_graphml,
    **dict.fromkeys((".gpkg", ".shp", ".geojson", ".json", ".fgb", ".parquet"), _read_lines),
}


def _from_file(runfile: RunFile, crs: str, findings: Findings) -> RoadNetwork:
    if runfile.roads.file is None:
        raise ConfigError(runfile.path, "[roads] names no file", 'add file = "…", or overpass = true to ask Overpass')
    path = existing_file(runfile.resolve(runfile.roads.file))
    suffix = next((suffix for suffix in ROAD_READERS if path.name.lower().endswith(suffix)), None)
    if suffix is None:
        raise UnreadableFileError(path, f"roads of type {path.suffix or '(none)'} are not read",
                                  f"use one of {', '.join(ROAD_READERS)}")
    return ROAD_READERS[suffix](path, runfile, crs, findings)


def clip(network: RoadNetwork, area: shapely.Geometry) -> RoadNetwork:
    """Keep the segments that have an end in the area.

    Raises
    ------
    NoMatchError
        If none has.
    """
    shapely.prepare(area)
    inside = shapely.contains_xy(area, *network.node_xy_m.T)
    keep = inside[network.u] | inside[network.v]
    if not keep.any():
        raise NoMatchError(network.source or "roads", "no road lies in the district",
                           "check the coordinate system of roads and boundaries, and what the extract covers")
    return network if keep.all() else network.take(keep)


def _note_reach(runfile: RunFile, network: RoadNetwork, area: shapely.Geometry, findings: Findings) -> None:
    """Report a buffer that ends before the longest cutoff does, and roads that end before the buffer.

    Both are notes: whether anybody is touched is told when the times are known (`lifecircle.roadstate`).
    """
    given_m, wanted_m = runfile.district.buffer_m, default_buffer_m(runfile.read_policy(), runfile.layers)
    if runfile.district.neighbours and given_m is not None and given_m < wanted_m:
        findings.add("note", "buffer_small", f"buffer_m is {given_m:,.0f} m, but within the longest cutoff people get "
                     f"as far as {wanted_m:,.0f} m; what lies between is not seen", file=runfile.path.name,
                     id="district.buffer_m", value=f"{given_m:g}",
                     remedy="leave buffer_m out, where roads and facilities reach so far")
    west, south, east, north = area.bounds
    low, high = network.node_xy_m.min(axis=0), network.node_xy_m.max(axis=0)
    short_m = {"west": low[0] - west, "south": low[1] - south, "east": east - high[0], "north": north - high[1]}
    sides = [f"{side} {metres / 1000:.1f} km" for side, metres in short_m.items() if metres > REACH_M]
    if sides:
        findings.add("note", "buffer_short", f"the roads end before the buffer does: {', '.join(sides)}",
                     file=network.source, value=", ".join(sides),
                     remedy="use an extract that covers the district and its buffer, or set [district] buffer_m")
