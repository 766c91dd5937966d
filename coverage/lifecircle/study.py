"""Bring all inputs of a run file together: checked, in one metric CRS, with what was noticed on the way."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import MissingFileError, first_of
from lifecircle.inputs import barriers as barrier_reader
from lifecircle.inputs import boundaries, facilities, people, scenarios
from lifecircle.inputs import roads as road_reader
from lifecircle.inputs.circletable import read_circles
from lifecircle.inputs.datums import settle_datums
from lifecircle.inputs.elevation import Elevation, elevation_files
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.priority import NO_PRIORITY, read_priority
from lifecircle.inputs.reported import NOTHING_REPORTED, read_reported
from lifecircle.inputs.roadjoints import note_water
from lifecircle.inputs.sitedoubts import PlaceGround
from lifecircle.osmtags import FORBIDDEN
from lifecircle.plan import Plan
from lifecircle.policy import Policy
from lifecircle.progress import Progress
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import RunFile, read_runfile


@dataclass(frozen=True)
class AppliedScenario:
    """What a scenario changed in a study.

    Attributes
    ----------
    record : dict
        What ``run.json`` says of it: name, year, file, sha256, edits (kind -> how many count), later (how many do not
        yet).
    opened : tuple of str
        facility_id of those that serve and did not before.
    cost : dict
        facility_id -> cost, where the scenario says it.
    roads : GeoDataFrame
        `inputs.roadedits.CHANGED_ROADS_COLUMNS` and geometry.
    """

    record: dict[str, Any]
    opened: tuple[str, ...]
    cost: dict[str, float]
    roads: gpd.GeoDataFrame


@dataclass(frozen=True)
class Study:
    """Everything the analysis needs, in one CRS.

    Attributes
    ----------
    crs : str
        Projected CRS of every geometry, in metres.
    townships, places, demand, facilities, barriers : GeoDataFrame
        The tables of `lifecircle.tables`; demand and facilities carry ``inside`` (False: a neighbour).
    roads : RoadNetwork
        Clipped to the district and its buffer, with heights where there is an elevation model.
    elevation : Elevation or None
    buffer_m : float
        How far beyond the outline roads, facilities and people were kept.
    findings : Findings
        What the readers noticed.
    inputs : list of dict
        Per file read: name, sha256, role.
    plan : Plan
        The plan's items; none where the run file names no plan.
    reported : DataFrame
        What offices report of it: `inputs.reported.REPORTED_COLUMNS`.
    circles : GeoDataFrame or None
        Circles of care of the old, as `inputs.circletable.read_circles` gives them.
    priority : DataFrame
        People of priority groups per place: `inputs.priority.PRIORITY_INPUT`.
    scenario : AppliedScenario or None
        What was changed from the state that the inputs tell; None: nothing.
    """

    runfile: RunFile
    policy: Policy
    crs: str
    townships: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    demand: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    roads: RoadNetwork
    barriers: gpd.GeoDataFrame
    elevation: Elevation | None
    buffer_m: float
    findings: Findings
    inputs: list[dict[str, Any]] = field(default_factory=list)
    plan: Plan = field(default_factory=Plan)
    reported: pd.DataFrame = field(default_factory=NOTHING_REPORTED.copy)
    circles: gpd.GeoDataFrame | None = None
    priority: pd.DataFrame = field(default_factory=NO_PRIORITY.copy)
    scenario: AppliedScenario | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """List the facility layers in the order of the run file."""
        return self.runfile.layers

    @cached_property
    def outline(self) -> shapely.Geometry:
        """Give the district: the union of the townships."""
        return shapely.union_all(self.townships.geometry.to_numpy())

    @property
    def scenarios(self) -> tuple[str, ...]:
        """List the other states of the people, in the order of the run file."""
        return tuple(self.runfile.people.scenarios)

    def in_scenario(self, name: str) -> Study:
        """Give the study with the people of one scenario."""
        return replace(self, demand=scenarios.in_scenario(self.demand, name))

    @property
    def hazards(self) -> gpd.GeoDataFrame:
        """Give the hazard zones."""
        return self.barriers[self.barriers["kind"] == "hazard"]

    def in_evacuation(self, layers: Sequence[str]) -> Study:
        """Give the study in an evacuation: without facilities of some layers in hazard zones, or roads through them."""
        zones = shapely.union_all(self.hazards.geometry.to_numpy())
        shapely.prepare(zones)
        lost = self.facilities["layer"].isin(list(layers)) & shapely.intersects(zones, self.facilities.geometry)
        ends = self.roads.node_xy_m[np.column_stack([self.roads.u, self.roads.v])]
        cut = shapely.intersects(zones, shapely.linestrings(ends))
        foot, bicycle, motor = (np.where(cut, FORBIDDEN, access).astype(np.int8)
                                for access in (self.roads.foot, self.roads.bicycle, self.roads.motor))
        return replace(self, facilities=self.facilities[~lost].reset_index(drop=True),
                       roads=replace(self.roads, foot=foot, bicycle=bicycle, motor=motor))


def read_study(runfile: RunFile | str | Path, *, roads: Any = None, progress: Progress | None = None,
               findings: Findings | None = None, allow: Sequence[str | Path] = ()) -> Study:
    """Read every input of a run file.

    Parameters
    ----------
    runfile : RunFile or path
    roads : RoadNetwork or networkx.MultiDiGraph, optional
        Roads in memory, used instead of those the run file names.
    progress : Progress, optional
    findings : Findings, optional
        Gets what is noticed, also where the reading ends in an error. All inputs are read before it does, so that
        every fault is found at once.
    allow : sequence of str or Path
        As for `read_runfile`, where the run file is given by its path.

    Raises
    ------
    InputError
        With the file, row or field and the remedy, if an input cannot be used.
    """
    findings = findings if findings is not None else Findings(collecting=True)
    stated = runfile if isinstance(runfile, RunFile) else read_runfile(runfile, allow=allow)
    progress = progress or Progress()
    policy, plan = stated.read_policy(), stated.read_plan()
    _note_policy(stated, policy, plan, findings)
    with progress.step("read boundaries"):
        townships = boundaries.read_townships(stated, findings)
        crs = str(townships.crs.to_string())
        buffer_m = stated.district.buffer_m
        if buffer_m is None:
            buffer_m = road_reader.default_buffer_m(policy, stated.layers)
        area = shapely.union_all(townships.geometry.to_numpy()).buffer(buffer_m)
    with progress.step("read roads"):
        elevation = findings.attempt(lambda: _heights(stated, crs), "elevation_unreadable")
        network = findings.attempt(lambda: road_reader.read_roads(stated, crs, area, findings, roads=roads),
                                   "roads_unreadable")
        if elevation is not None and network is not None:
            network = elevation.drape(network, findings, smooth_m=stated.roads.smooth_m)
    with progress.step("prove coordinates"):
        settled = stated if network is None else settle_datums(stated, network, townships, area, findings)
    with progress.step("read barriers"):
        barriers = findings.attempt(lambda: barrier_reader.read_barriers(settled, crs, area, findings),
                                    "barriers_unreadable")
        if barriers is not None and network is not None:
            note_water(network, barriers, findings)
    with progress.step("read people"):
        places, demand = findings.attempt(lambda: _people(settled, townships, policy, area, findings),
                                          "people_unreadable") or (None, None)
    with progress.step("read facilities"):
        ground = None if places is None or demand is None else PlaceGround.of(places, demand)
        table = findings.attempt(lambda: facilities.read_facilities(settled, townships, area, findings, policy=policy,
                                                                    ground=ground), "facilities_unreadable")
    with progress.step("read the plan's figures"):
        reported = findings.attempt(lambda: read_reported(settled, plan, townships, findings), "reported_unreadable")
        circles = None
        if settled.circles.file and places is not None and table is not None:
            circles = findings.attempt(lambda: read_circles(settled, places, table, findings), "circles_unreadable")
        priority = NO_PRIORITY.copy()
        if settled.priority.file and places is not None:
            told = findings.attempt(lambda: read_priority(settled, townships, places, findings), "priority_unreadable")
            priority = priority if told is None else told
    findings.raise_first()
    assert places is not None
    assert demand is not None
    assert table is not None
    assert network is not None
    assert reported is not None
    return Study(settled, policy, crs, townships, places, demand, table, network, barriers, elevation, buffer_m,
                 findings, hash_inputs(settled, skip=() if roads is None else ("roads",)), plan, reported, circles,
                 priority)


def _heights(runfile: RunFile, crs: str) -> Elevation | None:
    return Elevation.open(runfile.resolve(runfile.roads.elevation), crs) if runfile.roads.elevation else None


def _people(runfile: RunFile, townships: gpd.GeoDataFrame, policy: Policy, area: shapely.Geometry, findings: Findings,
            ) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    places = people.read_places(runfile, townships, policy, findings)
    demand = people.read_demand(runfile, townships, places, policy, area, findings)
    _note_groups(runfile, policy, demand, findings)
    return places, demand


def _note_policy(runfile: RunFile, policy: Policy, plan: Plan, findings: Findings) -> None:
    """Report tables of the policy that neither a layer nor the plan uses, and layers that the policy does not name."""
    where = Path(runfile.policy.file).name if runfile.policy.file else runfile.path.name
    unused = [name for name in policy.policy if name not in runfile.layers and name not in plan.layers]
    meant = {name: near for name in unused if (near := difflib.get_close_matches(name, runfile.layers, n=1))}
    spare = [name for name in unused if name not in meant]
    layers = f"the layers of the run file are {', '.join(runfile.layers)}"
    for name, near in meant.items():
        findings.add("warn", "policy_unused", f"[policy.{name}] is for no layer of the run file", file=where,
                     id=f"policy.{name}", value=name, remedy=f"did you mean {near[0]}? T{layers[1:]}")
    if spare:
        findings.add("note", "policy_unused", f"tables of the policy for no layer of the run file: {', '.join(spare)}",
                     file=where, id=first_of([f"policy.{name}" for name in spare], 20), value=", ".join(spare),
                     count=len(spare), remedy=f"they do no harm; {layers}")
    for layer in runfile.layers if policy.policy else ():
        if layer not in policy.policy:
            findings.add("note", "policy_default", "the policy has no table for the layer, which is judged by the "
                         "defaults", file=where, id=f"policy.{layer}", layer=layer,
                         remedy=f"add [policy.{layer}]; the policy has {', '.join(policy.policy)}")


def _note_groups(runfile: RunFile, policy: Policy, demand: gpd.GeoDataFrame, findings: Findings) -> None:
    """Report layers whose group of people is not counted by any table."""
    for layer in runfile.layers:
        group = policy.layer(layer).group
        if policy.layer(layer).reach and group != "all" and f"population_{group}" not in demand.columns:
            findings.add("warn", "group_missing", f"no column population_{group}: all residents are counted instead",
                         file=runfile.people.file or "people", layer=layer,
                         remedy=f"give the people table a column population_{group}, or its share of the residents: "
                                f"[people] shares = {{ population_{group} = … }}")


def hash_inputs(runfile: RunFile, *, skip: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Hash every file that a run file names, in a fixed order; roles in `skip` are not read.

    Raises
    ------
    MissingFileError
        If one is gone.
    """
    roles: dict[str, str] = {}
    for role, name in _named_files(runfile):
        if role not in skip:
            roles.setdefault(name, role)
    found = []
    for name, role in sorted(roles.items()):
        for path in _files_behind(runfile.resolve(name), role):
            with path.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
            found.append({"file": name if path.name == Path(name).name else path.name, "role": role, "sha256": digest,
                          "bytes": path.stat().st_size})
    return found


def _files_behind(path: Path, role: str) -> list[Path]:
    """List the files that a name stands for: a pattern of heights, a shapefile with its companions, or one file."""
    if role.endswith("elevation"):
        return elevation_files(path)
    if not path.is_file():
        raise MissingFileError(path, f"no such file ({role})", "check the name in the run file")
    if path.suffix.lower() == ".shp":
        return sorted(other for other in path.parent.iterdir() if other.stem == path.stem
                      and other.suffix.lower() in {".shp", ".dbf", ".shx", ".prj", ".cpg"})
    return [path]


def _named_files(runfile: RunFile) -> list[tuple[str, str]]:
    sources: list[tuple[str, Any]] = [("boundaries", runfile.boundaries), ("people", runfile.people),
                                      ("barriers", runfile.barriers), ("roads", runfile.roads),
                                      ("policy", runfile.policy), ("plan", runfile.plan),
                                      ("circles", runfile.circles), ("priority", runfile.priority)]
    sources += [(f"facilities {item.layer}", item) for item in runfile.facilities]
    sources += [("classes", runfile.boundaries.classes)]
    sources += [(f"people {name}", item) for name, item in runfile.people.scenarios.items()]
    named = []
    for role, section in sources:
        for key in ("file", "places", "raster", "totals", "hazards", "elevation", "entrances", "reported"):
            value = getattr(section, key, None)
            if isinstance(value, str):
                named.append((role if key == "file" else f"{role} {key}", value))
        local = getattr(section, "local", None)
        if local is not None:
            named.append((f"{role} local", local.file))
        osm = getattr(section, "osm", None)
        if osm is not None and getattr(osm, "file", None):
            named.append((role, osm.file))
    if runfile.plan.weights:
        named.append(("plan weights", runfile.plan.weights))
    return named
