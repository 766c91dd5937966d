"""Apply the edits of a scenario to the roads: built, upgraded, cut, in this order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.errors import NoMatchError, first_of
from lifecircle.inputs.edits import Build, Cut, Upgrade
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.placededits import Numbered
from lifecircle.inputs.roadcuts import segment_lines
from lifecircle.inputs.roadmerge import SAME_DEG, join_roads
from lifecircle.inputs.roadquality import parts
from lifecircle.osmtags import CLASS_INDEX, FORBIDDEN, UNSAID
from lifecircle.roadnetwork import RoadNetwork

Array = npt.NDArray[Any]

CHANGED_ROADS_COLUMNS: tuple[str, ...] = ("edit", "name", "kind", "road_class", "length_m")


class Changed(NamedTuple):
    """Roads that one edit changed; the fields are `CHANGED_ROADS_COLUMNS` and the geometry."""

    edit: str
    name: str
    kind: str
    road_class: str
    length_m: float
    geometry: Any


def edit_roads(network: RoadNetwork, edits: Sequence[Numbered], path: Path, findings: Findings, *,
               drape: Callable[[RoadNetwork], RoadNetwork]) -> tuple[RoadNetwork, gpd.GeoDataFrame]:
    """Build, upgrade and cut roads.

    Parameters
    ----------
    network : RoadNetwork
    edits : sequence of Numbered
        Placed in the CRS of the roads; an edit counts for the straight pieces of road that it touches.
    path : Path
        The scenario file.
    findings : Findings
    drape : callable
        Gives a network that was built on its heights again.

    Returns
    -------
    RoadNetwork, GeoDataFrame
        The roads, and those that changed: `CHANGED_ROADS_COLUMNS` and geometry.

    Raises
    ------
    NoMatchError
        If a new road meets no other, or an edit touches no road.
    """
    changed: list[Changed] = []
    building = [item for item in edits if isinstance(item.edit, Build)]
    if building:
        network = drape(_built(network, building, path, findings))
        changed += [Changed("build", item.edit.name, "", item.edit.class_, shapely.length(item.place), item.place)
                    for item in building]
    for kind, change in ((Upgrade, _upgraded), (Cut, _shut)):
        for item in (one for one in edits if isinstance(one.edit, kind)):
            network, rows = change(network, item, path)
            changed.append(_told(network, rows, item))
    columns = [*CHANGED_ROADS_COLUMNS, "geometry"]
    return network, gpd.GeoDataFrame(changed, columns=columns, geometry="geometry", crs=network.crs)


def _told(network: RoadNetwork, rows: Array, item: Numbered) -> Changed:
    edit = item.edit
    lines = shapely.line_merge(shapely.multilinestrings(segment_lines(network, rows)))
    kind, of = (edit.kind, "") if isinstance(edit, Cut) else ("", edit.class_ or "")
    return Changed(item.label.split()[0], edit.name, kind, of, float(network.length_m[rows].sum()), lines)


def _built(network: RoadNetwork, building: Sequence[Numbered], path: Path, findings: Findings) -> RoadNetwork:
    """Add new roads one after another, so that one may lead on from another."""
    first = min(int(network.way_id.min(initial=0)), 0) - 1
    for number, item in enumerate(building):
        line = _as_network(item, network.crs, first - number)
        network = join_roads(network, line, item.edit.join_m)
    part = parts(network)
    reached = np.zeros(part.max() + 1, dtype=bool)
    reached[part[network.u[network.way_id > first]]] = True
    degree = np.bincount(np.concatenate([network.u, network.v]), minlength=network.node_count)
    for number, item in enumerate(building):
        own = network.way_id == first - number
        if not reached[part[network.u[own]]].all():
            gap_m = _gap_m(network, network.way_id > first, item.place)
            raise NoMatchError(f"{path}: {item.label}", f"the new road meets no other; the nearest is {gap_m:.0f} m "
                               "from its ends", "draw it to the road that it leaves, or raise join_m")
        ends = np.unique(np.concatenate([network.u[own], network.v[own]]))
        loose = int((degree[ends] == 1).sum())
        if loose:
            findings.add("note", "scenario_road_end", f"the new road {item.edit.name or item.label} joins no other at "
                         "one end", file=path.name, id=item.label,
                         remedy="where it is to go on, draw it to the next road, or raise join_m")
    return network


def _gap_m(network: RoadNetwork, old: Array, line: shapely.LineString) -> float:
    ends = shapely.points(shapely.get_coordinates(line)[[0, -1]])
    return float(shapely.STRtree(segment_lines(network, np.flatnonzero(old))).query_nearest(
        ends, return_distance=True, all_matches=False)[1].min())


def _as_network(item: Numbered, crs: str, way_id: int) -> RoadNetwork:
    """Give the line of a new road as a network of its own."""
    edit: Build = item.edit
    xy = shapely.get_coordinates(shapely.remove_repeated_points(item.place))
    count = len(xy) - 1

    def every(value: Any, kind: Any) -> Array:
        return np.full(count, value, dtype=kind)

    return RoadNetwork.from_segments(
        crs, xy, np.arange(count), np.arange(count) + 1, every(CLASS_INDEX[edit.class_], np.int8),
        way_id=every(way_id, np.int64), oneway=every(edit.oneway, np.int8), bridge=every(edit.bridge, bool),
        tunnel=every(edit.tunnel, bool),
        maxspeed_kph=every(np.nan if edit.maxspeed_kph is None else edit.maxspeed_kph, float))


def _upgraded(network: RoadNetwork, item: Numbered, path: Path) -> tuple[RoadNetwork, Array]:
    """Give roads another class or limit; what was said of the old class, speed of travel and access, goes with it."""
    edit: Upgrade = item.edit
    rows = _along(network, item.place, edit.within_m) if edit.line is not None else _middle_in(network, item.place)
    rows = rows[~network.ferry[rows]]
    if edit.classes:
        rows = rows[np.isin(network.road_class[rows], [CLASS_INDEX[name] for name in edit.classes])]
    if not len(rows):
        raise NoMatchError(f"{path}: {item.label}", "touches no road" + (f" of class {first_of(edit.classes)}"
                                                                        if edit.classes else ""),
                           "check its place, or raise within_m")
    columns: dict[str, Any] = {}

    def put(name: str, value: Any, where: Array = rows) -> None:
        columns[name] = getattr(network, name).copy()
        columns[name][where] = value

    if edit.class_ is not None:
        put("road_class", CLASS_INDEX[edit.class_])
        put("speed_kph", np.nan)
        for name in ("bicycle", "motor"):
            put(name, UNSAID, rows[getattr(network, name)[rows] == FORBIDDEN])
    if edit.maxspeed_kph is not None:
        put("maxspeed_kph", edit.maxspeed_kph)
        put("speed_kph", np.nan)
    return replace(network, **columns), rows


def _shut(network: RoadNetwork, item: Numbered, path: Path) -> tuple[RoadNetwork, Array]:
    """Forbid the straight pieces of road that an area, a line or a circle touches."""
    edit: Cut = item.edit
    zone = item.place.buffer(edit.radius_m) if edit.lon is not None else item.place
    rows = np.sort(shapely.STRtree(segment_lines(network)).query(zone, predicate="intersects"))
    found = len(rows)
    if edit.only_bridges:
        rows = rows[network.bridge[rows]]
    if not len(rows):
        what = f"touches {found} pieces of road and no bridge" if found else "touches no road"
        raise NoMatchError(f"{path}: {item.label}", what, "set bridges_only = false, or check its place" if found else
                           "check its place and datum, or raise radius_m")
    columns: dict[str, Any] = {}
    for name in edit.modes:
        columns[name] = getattr(network, name).copy()
        columns[name][rows] = FORBIDDEN
    return replace(network, **columns), rows


def _middle_in(network: RoadNetwork, area: shapely.Geometry) -> Array:
    middle = (network.node_xy_m[network.u] + network.node_xy_m[network.v]) / 2
    shapely.prepare(area)
    return np.flatnonzero(shapely.contains_xy(area, *middle.T))


def _along(network: RoadNetwork, line: shapely.LineString, within_m: float) -> Array:
    """Find the roads that run along a line: their middle lies near it, and their course is that of the line there."""
    rows = _middle_in(network, line.buffer(within_m))
    begin, end = network.node_xy_m[network.u[rows]], network.node_xy_m[network.v[rows]]
    at = shapely.line_locate_point(line, shapely.points((begin + end) / 2))
    there = (shapely.get_coordinates(shapely.line_interpolate_point(line, np.minimum(at + 1.0, line.length)))
             - shapely.get_coordinates(shapely.line_interpolate_point(line, np.maximum(at - 1.0, 0.0))))
    course = end - begin
    angle = np.abs(np.arctan2(course[:, 0] * there[:, 1] - course[:, 1] * there[:, 0], (course * there).sum(axis=1)))
    return np.asarray(rows[np.degrees(np.minimum(angle, np.pi - angle)) <= SAME_DEG])

