"""Solve the travel times of a study: every layer in every mode its policy asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.errors import first_of
from lifecircle.inputs.findings import OUTSIDE, Findings, join_codes
from lifecircle.inputs.scenarios import in_scenario
from lifecircle.middle import middle_points
from lifecircle.network.access import Access, Doors, Field
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.mainland import Mainland
from lifecircle.network.modes import TravelMode, resolve_modes
from lifecircle.network.search import Direction
from lifecircle.policy import LayerPolicy
from lifecircle.study import Study

Array = npt.NDArray[Any]
#: A facility known by its outline may be entered at any place of it, this far apart.
DOOR_STEP_M = 50.0
#: Up to so many doors are measured one by one; more make it worth while to grow a tree.
_FEW_DOORS = 8


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
    access : Access
        The roads, prepared for further questions.
    mainland : Mainland
        The roads that are no island.
    demand : GeoDataFrame
        The demand points inside the district, in the order of the arrays.
    serving : dict
        Layer -> its facilities that serve (existing, of an accepted level), ordered by facility_id.
    leg_m : (n,) float64
        Shortest leg of each demand point to a road or door, in any used mode; infinite where it cannot be joined.
    snap_m : dict
        (layer, mode) -> shortest leg of each serving facility, infinite where it cannot be joined.
    joined : dict
        (layer, mode) -> whether each serving facility is joined to roads that are no island.
    crow_m : dict
        (layer, mode) -> (lost, found), each (n,): straight from each demand point to the nearest facility that is not
        joined, and to the nearest that is; infinite where there is none.
    times : dict
        (layer, mode) -> Times.
    fields : dict
        (layer, mode) -> (fields, column): solved fields to evaluate anywhere; two where both directions count.
    """

    study: Study
    access: Access
    mainland: Mainland
    modes: dict[str, TravelMode]
    demand: gpd.GeoDataFrame
    serving: dict[str, gpd.GeoDataFrame]
    leg_m: Array
    snap_m: dict[tuple[str, str], Array]
    joined: dict[tuple[str, str], Array]
    crow_m: dict[tuple[str, str], tuple[Array, Array]]
    times: dict[tuple[str, str], Times]
    fields: dict[tuple[str, str], tuple[tuple[Field, ...], int]]

    @cached_property
    def xy_m(self) -> Array:
        """Give the (n, 2) positions of the demand points."""
        return points_of(self.demand)

    @cached_property
    def doors(self) -> dict[str, Doors]:
        """Give the doors of each layer's serving facilities."""
        return {layer: doors_of(table) for layer, table in self.serving.items()}

    @cached_property
    def middle_points(self) -> pd.DataFrame:
        """Find, per place, the demand point nearest to its population-weighted centre.

        Returns
        -------
        DataFrame
            place_code, township_code, class, row (position in the demand table); places without people are left out.
        """
        return middle_points(self.demand, self.xy_m)

    def in_scenario(self, name: str) -> TravelTimes:
        """Give the same times with the people of one scenario."""
        return replace(self, study=self.study.in_scenario(name), demand=in_scenario(self.demand, name))

    def with_facilities(self, study: Study, layer: str) -> TravelTimes:
        """Solve one layer again with the facilities of another study, on the same roads and for the same people."""
        again = _solve(study, self.access, self.mainland, (layer,))
        return replace(self, study=study, serving={**self.serving, **again.serving},
                       snap_m={**self.snap_m, **again.snap_m}, joined={**self.joined, **again.joined},
                       crow_m={**self.crow_m, **again.crow_m}, times={**self.times, **again.times},
                       fields={**self.fields, **again.fields})

    def states(self, layer: str, mode: str, cutoff_min: Array) -> Array:
        """Judge every demand point: 0 in time, 1 out of time, 2 undetermined.

        Undetermined are points that cannot be joined, and points whose every facility near enough to be in time (as
        the crow flies, at the mode's top speed) cannot be joined.

        Parameters
        ----------
        cutoff_min : (n,) or (k, 1) float64
            Each point's own cutoff, or several for all of them: then the answer is (k, n).
        """
        times = self.times[layer, mode]
        reach_m = cutoff_min / 60.0 * self.modes[mode].top_kph * 1000.0
        lost, found = (crow_m <= reach_m for crow_m in self.crow_m[layer, mode])
        doubtful = times.doubtful | (lost & ~found)
        return np.where(times.minutes <= cutoff_min, 0, np.where(doubtful, 2, 1)).astype(np.int8)


def points_of(frame: gpd.GeoDataFrame) -> Array:
    """Give the (n, 2) coordinates of a table's points; polygons stand for a point inside them."""
    geometry = frame.geometry.to_numpy()
    shapes = shapely.get_dimensions(geometry) > 0
    if shapes.any():
        geometry = np.where(shapes, shapely.point_on_surface(geometry), geometry)
    return np.asarray(shapely.get_coordinates(geometry)).reshape(-1, 2)


def doors_of(frame: gpd.GeoDataFrame) -> Doors:
    """Give the doors of facilities: a point is one, of many points each, of a polygon its outline every 50 m."""
    shapes = frame.geometry.to_numpy()
    outline = shapely.get_dimensions(shapes) > 0
    shapes = np.where(outline, shapely.segmentize(shapely.boundary(shapes), DOOR_STEP_M), shapes)
    xy, label = shapely.get_coordinates(shapes, return_index=True)
    return Doors(np.asarray(xy, dtype=float).reshape(-1, 2), np.asarray(label, dtype=np.int64))


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


def solve_times(study: Study, findings: Findings, layers: Sequence[str] | None = None) -> TravelTimes:
    """Solve every layer (or those named) and mode of a study for its demand points.

    Findings name the facilities and count the people that cannot be joined to the roads.
    """
    modes = resolve_modes(study.policy)
    access = Access(study.roads, modes, _barrier_grid(study))
    result = _solve(study, access, Mainland(study.roads, modes), layers or study.layers)
    _report(result, findings)
    return result


def _solve(study: Study, access: Access, mainland: Mainland, layers: Sequence[str]) -> TravelTimes:
    """Solve some layers on roads that are prepared."""
    modes, demand = access.modes, study.demand[study.demand["inside"]].reset_index(drop=True)
    serving = {layer: serving_facilities(study, layer) for layer in layers}
    doors, xy_m = {layer: doors_of(table) for layer, table in serving.items()}, points_of(demand)
    fields: dict[tuple[str, str], tuple[tuple[Field, ...], int]] = {}
    for (mode, slope, directions), alike in _jobs(study, modes, serving).items():
        solved = tuple(access.solve(mode, [doors[layer] for layer in alike], direction=way, slope=slope)
                       for way in directions)
        fields.update({(layer, mode): (solved, column) for column, layer in enumerate(alike)})
    times, leg_m = _evaluate(fields, xy_m, mainland, modes)
    snap_m = {(layer, mode): _snap(solved[0], column, len(serving[layer]))
              for (layer, mode), (solved, column) in fields.items()}
    joined = {(layer, mode): np.isfinite(snap) & mainland.any_door(modes[mode], doors[layer], len(snap))
              for (layer, mode), snap in snap_m.items()}
    crow_m = {(layer, mode): crow_legs(xy_m, doors[layer], kept) for (layer, mode), kept in joined.items()}
    return TravelTimes(study, access, mainland, modes, demand, serving, leg_m, snap_m, joined, crow_m, times, fields)


def _barrier_grid(study: Study) -> BarrierGrid:
    reach = np.concatenate([[study.outline], study.demand.geometry.to_numpy(), study.facilities.geometry.to_numpy()])
    west, south, east, north = shapely.total_bounds(reach)
    bounds_m = (west - 500, south - 500, east + 500, north + 500)
    return BarrierGrid.build(study.barriers, study.elevation, bounds_m=bounds_m, crs=study.crs,
                             steep_deg=study.runfile.barriers.steep_deg)


def _jobs(study: Study, modes: dict[str, TravelMode], serving: dict[str, gpd.GeoDataFrame],
          ) -> dict[tuple[str, str, tuple[Direction, ...]], list[str]]:
    """Group the layers that can be solved in one pass: same mode, slope and direction."""
    jobs: dict[tuple[str, str, tuple[Direction, ...]], list[str]] = {}
    for layer in serving:
        policy = study.policy.layer(layer)
        for mode in used_modes(policy):
            key = (mode, walking_slope(study, layer, modes, mode), policy.ways)
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


def _evaluate(fields: dict[tuple[str, str], tuple[tuple[Field, ...], int]], xy_m: Array, mainland: Mainland,
              modes: dict[str, TravelMode]) -> tuple[dict[tuple[str, str], Times], Array]:
    done: dict[int, tuple[Array, Array, Array]] = {}
    times, leg_m = {}, np.full(len(xy_m), np.inf)
    for (layer, mode), (solved, column) in fields.items():
        if id(solved) not in done:
            minutes, label, snap_m = evaluate(solved, xy_m)
            lost, late = np.isinf(snap_m), np.isinf(minutes).any(axis=1)
            lost[late] |= ~mainland.near(modes[mode], xy_m[late])
            done[id(solved)] = (minutes, label, lost)
            leg_m = np.minimum(leg_m, snap_m)
        minutes, label, lost = done[id(solved)]
        times[layer, mode] = Times(minutes[:, column], label[:, column], lost & ~np.isfinite(minutes[:, column]))
    return times, leg_m


def _snap(field: Field, column: int, count: int) -> Array:
    """Give the shortest leg of each facility: the least over its doors."""
    snap_m = np.full(count, np.inf)
    doors = field.doors
    np.minimum.at(snap_m, doors.label[doors.layer == column].astype(np.int64), field.door_snap_m[column])
    return snap_m


def crow_legs(xy_m: Array, doors: Doors, joined: Array) -> tuple[Array, Array]:
    """Measure straight from points to the nearest facility that is not joined, and to the nearest that is."""
    known = joined[doors.label]
    return _straight_m(xy_m, doors.xy_m[~known]), _straight_m(xy_m, doors.xy_m[known])


def _straight_m(xy_m: Array, doors_m: Array) -> Array:
    from scipy.spatial import cKDTree

    if len(doors_m) > _FEW_DOORS:
        return np.asarray(cKDTree(doors_m).query(xy_m)[0])
    square = np.full(len(xy_m), np.inf)
    for x, y in doors_m:
        square = np.minimum(square, (xy_m[:, 0] - x) ** 2 + (xy_m[:, 1] - y) ** 2)
    return np.asarray(np.sqrt(square))


def _files_of(study: Study, layer: str) -> str:
    """Name the files that a layer comes from."""
    sources = [item for item in study.runfile.facilities if item.layer == layer]
    names = [item.file or getattr(item.osm, "file", None) or study.runfile.roads.file or "" for item in sources]
    return ", ".join(dict.fromkeys(Path(name).name for name in names if name))


def _report(times: TravelTimes, findings: Findings) -> None:
    for layer, table in times.serving.items():
        modes = used_modes(times.study.policy.layer(layer))
        if modes and table.empty:
            there = times.study.facilities.loc[times.study.facilities["layer"] == layer, ["level", "status"]]
            kinds = sorted({f"{level} ({status})" for level, status in there.itertuples(index=False)})
            findings.add("warn", "no_serving_facility", "no facility of the layer serves: none exists of an accepted "
                         f"level; there are {first_of(kinds) or 'none'}", layer=layer,
                         file=_files_of(times.study, layer),
                         remedy="check status and level of the facilities, and accepts in the policy")
        if modes:
            lost = np.all([np.isinf(times.snap_m[layer, mode]) for mode in modes], axis=0)
            stranded = ~lost & ~np.any([times.joined[layer, mode] for mode in modes], axis=0)
            for code, rows, what in (
                    ("facility_unjoined", lost, "the facility cannot be joined to any road within the snap limit"),
                    ("facility_on_island", stranded, "the facility is joined only to an island of roads")):
                for row in np.flatnonzero(rows):
                    findings.add("warn", code, what, file=_files_of(times.study, layer), layer=layer,
                                 id=str(table["facility_id"].iloc[row]), value=str(table["name"].iloc[row]),
                                 township_code=str(table["township_code"].iloc[row]) or OUTSIDE,
                                 remedy="check its coordinates, or add the road that leads to it")
        _report_capacity(times.study, layer, table, findings)
    _report_people(times, findings)


def _report_capacity(study: Study, layer: str, serving: gpd.GeoDataFrame, findings: Findings) -> None:
    """Count the facilities without the figure that the policy takes for their capacity."""
    supply = study.policy.layer(layer).supply
    if supply is None:
        return
    unknown = serving[serving[supply.capacity].isna()]
    if len(unknown):
        findings.add("warn", "capacity_unknown", f"{len(unknown):,} of {len(serving):,} facilities that serve have no "
                     f"{supply.capacity}: whom they serve is undetermined", file=_files_of(study, layer), layer=layer,
                     count=len(unknown), id=str(unknown["facility_id"].iloc[0]),
                     township_code=join_codes(code or OUTSIDE for code in unknown["township_code"]),
                     remedy="fill in the column; 0 where there is no capacity")


def _report_people(times: TravelTimes, findings: Findings) -> None:
    people = times.demand["population"].to_numpy()
    lost = np.zeros(len(people), dtype=bool)
    for item in times.times.values():
        lost |= item.doubtful
    if lost.any():
        findings.add("warn", "people_unjoined", f"{people[lost].sum():,.0f} people at {lost.sum():,} points cannot be "
                     "joined to a road, or only to an island of roads", count=int(lost.sum()),
                     township_code=join_codes(times.demand["township_code"][lost]),
                     id=str(times.demand["demand_id"].to_numpy()[lost][0]),
                     remedy="add the missing paths; until then they count as undetermined")
    limit_m = times.study.policy.long_leg_m
    far = np.isfinite(times.leg_m) & (times.leg_m > limit_m)
    if far.any():
        findings.add("note", "long_legs", f"{people[far].sum():,.0f} people at {far.sum():,} points walk more than "
                     f"{limit_m:g} m straight to the nearest road, {times.leg_m[far].max():,.0f} m at most",
                     count=int(far.sum()), id=str(times.demand["demand_id"].to_numpy()[far][0]),
                     remedy="long_legs.csv lists them; where a path is missing on the map, add it")
