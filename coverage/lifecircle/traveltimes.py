"""Solve the travel times of a study: every layer in every mode its policy asks for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.inputs.findings import Findings
from lifecircle.network.access import Access, Doors, Field
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import TravelMode, resolve_modes
from lifecircle.network.search import Direction
from lifecircle.policy import LayerPolicy
from lifecircle.study import Study

Array = npt.NDArray[Any]
#: A part of the roads with a smaller share of the nodes is an island: that it leads nowhere may be the map's fault.
ISLAND_SHARE = 0.01


@dataclass(frozen=True)
class Times:
    """Times of the demand points to one layer in one mode.

    Attributes
    ----------
    minutes : (n,) float64
        Infinite where nothing is reached.
    facility : (n,) int64
        Row in `TravelTimes.serving[layer]` of the nearest, -1 where none.
    doubtful : (n,) bool
        Not in time only because the point cannot be joined to the roads, or only to an island of them.
    """

    minutes: Array
    facility: Array
    doubtful: Array


@dataclass(frozen=True)
class TravelTimes:
    """All times of a study.

    Attributes
    ----------
    demand : GeoDataFrame
        The demand points inside the district, in the order of the arrays.
    serving : dict
        Layer -> its facilities that serve (existing, of an accepted level), ordered by facility_id.
    snap_m : dict
        Layer -> shortest leg of each serving facility in the layer's first mode, infinite where it cannot be joined.
    times : dict
        (layer, mode) -> Times.
    fields : dict
        (layer, mode) -> (fields, column): solved fields to evaluate anywhere; two where both directions count.
    """

    study: Study
    modes: dict[str, TravelMode]
    demand: gpd.GeoDataFrame
    serving: dict[str, gpd.GeoDataFrame]
    snap_m: dict[str, Array]
    times: dict[tuple[str, str], Times]
    fields: dict[tuple[str, str], tuple[tuple[Field, ...], int]]

    @cached_property
    def xy_m(self) -> Array:
        """Give the (n, 2) positions of the demand points."""
        return points_of(self.demand)

    @cached_property
    def doors_m(self) -> dict[str, Array]:
        """Give the positions of each layer's serving facilities."""
        return {layer: points_of(table) for layer, table in self.serving.items()}

    def states(self, layer: str, mode: str, cutoff_min: Array) -> Array:
        """Judge every demand point: 0 in time, 1 out of time, 2 undetermined.

        Undetermined are points that cannot be joined, and points whose every facility near enough to be in time (as
        the crow flies, at the mode's top speed) cannot be joined.

        Parameters
        ----------
        cutoff_min : (n,) float64
            Each point's own cutoff.
        """
        times = self.times[layer, mode]
        in_time = times.minutes <= cutoff_min
        near, near_joined = self._near(layer, mode, cutoff_min)
        doubtful = times.doubtful | (near & ~near_joined)
        return np.where(in_time, 0, np.where(doubtful, 2, 1)).astype(np.int8)

    def _near(self, layer: str, mode: str, cutoff_min: Array) -> tuple[Array, Array]:
        """Tell which points have any facility, and any joined one, within the crow's flight of their cutoff."""
        from scipy.spatial import cKDTree

        reach_m = cutoff_min / 60.0 * self.modes[mode].top_kph * 1000.0
        doors, joined = self.doors_m[layer], np.isfinite(self.snap_m[layer])
        answers = []
        for chosen in (doors[~joined], doors[joined]):
            nearest_m = cKDTree(chosen).query(self.xy_m)[0] if len(chosen) else np.full(len(self.xy_m), np.inf)
            answers.append(nearest_m <= reach_m)
        lost, found = answers
        return lost, found


def points_of(frame: gpd.GeoDataFrame) -> Array:
    """Give the (n, 2) coordinates of a table's points; polygons stand for a point inside them."""
    geometry = frame.geometry.to_numpy()
    shapes = shapely.get_dimensions(geometry) > 0
    if shapes.any():
        geometry = np.where(shapes, shapely.point_on_surface(geometry), geometry)
    return np.asarray(shapely.get_coordinates(geometry)).reshape(-1, 2)


def serving_facilities(study: Study, layer: str) -> gpd.GeoDataFrame:
    """Give the facilities of a layer that serve today, ordered by facility_id."""
    table, policy = study.facilities, study.policy.layer(layer)
    keep = (table["layer"] == layer) & (table["status"] == "existing")
    if policy.accepts:
        keep &= table["level"].isin(policy.accepts)
    return table[keep].sort_values("facility_id", kind="stable").reset_index(drop=True)


def used_modes(policy: LayerPolicy) -> tuple[str, ...]:
    """List the modes a layer is judged in, headline modes first."""
    rules = [rule for rule in (policy.urban, policy.rural) if rule is not None and policy.reach]
    return tuple(dict.fromkeys([rule.mode for rule in rules] + [mode for rule in rules for mode in rule.beside]))


def walking_slope(study: Study, layer: str, modes: dict[str, TravelMode], mode: str) -> str:
    """Give the slope rule of a layer's walks: the policy's, else the mode's where heights are known."""
    walk = modes[mode] if modes[mode].on_foot else modes[modes[mode].walk_mode]
    said = study.policy.layer(layer).slope
    return said or (walk.slope if study.elevation is not None else "none")


def solve_times(study: Study, findings: Findings) -> TravelTimes:
    """Solve every layer and mode of a study for its demand points.

    Findings name the facilities and count the people that cannot be joined to the roads.
    """
    modes = resolve_modes(study.policy)
    access = Access(study.roads, modes, _barrier_grid(study))
    demand = study.demand[study.demand["inside"]].reset_index(drop=True)
    serving = {layer: serving_facilities(study, layer) for layer in study.layers}
    jobs = _jobs(study, modes, serving)
    fields: dict[tuple[str, str], tuple[tuple[Field, ...], int]] = {}
    for (mode, slope, directions), layers in jobs.items():
        doors = [Doors(points_of(serving[layer]), np.arange(len(serving[layer]))) for layer in layers]
        solved = tuple(access.solve(mode, doors, direction=way, slope=slope) for way in directions)
        fields.update({(layer, mode): (solved, column) for column, layer in enumerate(layers)})
    times = _evaluate(fields, points_of(demand), access, modes)
    snap_m = {layer: _snap(fields, layer, serving[layer], study) for layer in study.layers}
    result = TravelTimes(study, modes, demand, serving, snap_m, times, fields)
    _report(result, findings)
    return result


def _barrier_grid(study: Study) -> BarrierGrid:
    reach = [study.outline, *study.demand.geometry, *study.facilities.geometry]
    west, south, east, north = shapely.total_bounds(np.array(reach, dtype=object))
    bounds_m = (west - 500, south - 500, east + 500, north + 500)
    return BarrierGrid.build(study.barriers, study.elevation, bounds_m=bounds_m, crs=study.crs,
                             steep_deg=study.runfile.barriers.steep_deg)


def _jobs(study: Study, modes: dict[str, TravelMode], serving: dict[str, gpd.GeoDataFrame],
          ) -> dict[tuple[str, str, tuple[Direction, ...]], list[str]]:
    """Group the layers that can be solved in one pass: same mode, slope and direction."""
    ways: dict[str, tuple[Direction, ...]] = {"to": ("to",), "from": ("from",), "worse": ("to", "from")}
    jobs: dict[tuple[str, str, tuple[Direction, ...]], list[str]] = {}
    for layer in study.layers:
        policy = study.policy.layer(layer)
        for mode in used_modes(policy):
            key = (mode, walking_slope(study, layer, modes, mode), ways[policy.direction])
            jobs.setdefault(key, []).append(layer)
    return jobs


def evaluate(fields: tuple[Field, ...], xy_m: Array, *, want_snap: bool = True) -> tuple[Array, Array, Array]:
    """Give minutes, facilities and snap distances of points for all layers of solved fields; the worse of two."""
    reaches = [field.reach(xy_m, want_snap=want_snap) for field in fields]
    minutes, label, snap_m = reaches[0].minutes, reaches[0].label, reaches[0].snap_m
    for other in reaches[1:]:
        worse = other.minutes > minutes
        minutes, label = np.where(worse, other.minutes, minutes), np.where(worse, other.label, label)
    return minutes, label, snap_m


def _evaluate(fields: dict[tuple[str, str], tuple[tuple[Field, ...], int]], xy_m: Array, access: Access,
              modes: dict[str, TravelMode]) -> dict[tuple[str, str], Times]:
    done: dict[int, tuple[Array, Array, Array, Array]] = {}
    times = {}
    for (layer, mode), (solved, column) in fields.items():
        if id(solved) not in done:
            minutes, label, snap_m = evaluate(solved, xy_m)
            lost = np.isinf(snap_m) | ~_on_mainland(access, modes[mode], xy_m)
            done[id(solved)] = (minutes, label, snap_m, lost)
        minutes, label, _, lost = done[id(solved)]
        times[layer, mode] = Times(minutes[:, column], label[:, column], lost & ~np.isfinite(minutes[:, column]))
    return times


def _on_mainland(access: Access, mode: TravelMode, xy_m: Array) -> Array:
    """Tell which points have a road of the mainland (no island) within the snap limit."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    walk = mode if mode.on_foot else access.modes[mode.walk_mode]
    edges = access.net(walk, "none").edges
    count = access.network.node_count
    links = coo_matrix((np.ones(len(edges.u), np.int8), (edges.u, edges.v)), shape=(count, count))
    part = connected_components(links, directed=False)[1]
    used = np.unique(np.concatenate([edges.u, edges.v]))
    size = np.bincount(part[used], minlength=part.max() + 1)
    mainland = used[size[part[used]] >= ISLAND_SHARE * len(used)]
    if len(mainland) == 0:
        return np.zeros(len(xy_m), dtype=bool)
    near_m = cKDTree(access.network.node_xy_m[mainland]).query(xy_m)[0]
    return np.asarray(near_m <= walk.snap_limit_m)


def _snap(fields: dict[tuple[str, str], tuple[tuple[Field, ...], int]], layer: str, serving: gpd.GeoDataFrame,
          study: Study) -> Array:
    modes = used_modes(study.policy.layer(layer))
    if not modes:
        return np.full(len(serving), np.nan)
    snaps = [fields[layer, mode][0][0].door_snap_m[fields[layer, mode][1]] for mode in modes]
    return np.asarray(np.min(snaps, axis=0))


def _files_of(study: Study, layer: str) -> str:
    """Name the files that a layer comes from."""
    sources = [item for item in study.runfile.facilities if item.layer == layer]
    names = [item.file or getattr(item.osm, "file", None) or study.runfile.roads.file or "" for item in sources]
    return ", ".join(dict.fromkeys(Path(name).name for name in names if name))


def _report(times: TravelTimes, findings: Findings) -> None:
    for layer, snap_m in times.snap_m.items():
        table = times.serving[layer]
        for row in np.flatnonzero(np.isinf(snap_m)):
            findings.add("warn", "facility_unjoined", "the facility cannot be joined to any road within the snap limit",
                         file=_files_of(times.study, layer), id=str(table["facility_id"].iloc[row]), layer=layer,
                         value=str(table["name"].iloc[row]), township_code=str(table["township_code"].iloc[row]),
                         remedy="check its coordinates, or add the road that leads to it")
    people = times.demand["population"].to_numpy()
    lost = np.zeros(len(people), dtype=bool)
    for item in times.times.values():
        lost |= item.doubtful
    if lost.any():
        findings.add("warn", "people_unjoined", f"{people[lost].sum():,.0f} people at {lost.sum():,} points cannot be "
                     "joined to a road, or only to an island of roads", count=int(lost.sum()),
                     id=str(times.demand["demand_id"].to_numpy()[lost][0]),
                     remedy="add the missing paths; until then they count as undetermined")
