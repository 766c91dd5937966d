"""Bring all inputs of a run file together: checked, in one metric CRS, with what was noticed on the way."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from lifecircle.errors import MissingFileError
from lifecircle.inputs import barriers as barrier_reader
from lifecircle.inputs import boundaries, facilities, people, scenarios
from lifecircle.inputs import roads as road_reader
from lifecircle.inputs.datums import settle_datums
from lifecircle.inputs.elevation import Elevation, elevation_files
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.roadjoints import note_water
from lifecircle.policy import Policy
from lifecircle.progress import Progress
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import RunFile, read_runfile


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

    @property
    def layers(self) -> tuple[str, ...]:
        """List the facility layers in the order of the run file."""
        return self.runfile.layers

    @property
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
    policy = stated.read_policy()
    _note_policy(stated, policy, findings)
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
        table = findings.attempt(lambda: facilities.read_facilities(settled, townships, area, findings, policy=policy),
                                 "facilities_unreadable")
    findings.raise_first()
    assert places is not None
    assert demand is not None
    assert table is not None
    assert network is not None
    return Study(settled, policy, crs, townships, places, demand, table, network, barriers, elevation, buffer_m,
                 findings, hash_inputs(settled, skip=() if roads is None else ("roads",)))


def _heights(runfile: RunFile, crs: str) -> Elevation | None:
    return Elevation.open(runfile.resolve(runfile.roads.elevation), crs) if runfile.roads.elevation else None


def _people(runfile: RunFile, townships: gpd.GeoDataFrame, policy: Policy, area: shapely.Geometry, findings: Findings,
            ) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    places = people.read_places(runfile, townships, policy, findings)
    demand = people.read_demand(runfile, townships, places, policy, area, findings)
    _note_groups(runfile, policy, demand, findings)
    return places, demand


def _note_policy(runfile: RunFile, policy: Policy, findings: Findings) -> None:
    """Report tables of the policy that no layer uses, and layers that the policy does not name."""
    where = Path(runfile.policy.file).name if runfile.policy.file else runfile.path.name
    for name in policy.policy:
        if name not in runfile.layers:
            near = difflib.get_close_matches(name, runfile.layers, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            findings.add("warn", "policy_unused", f"[policy.{name}] is for no layer of the run file", file=where,
                         id=f"policy.{name}", value=name,
                         remedy=f"{meant}The layers of the run file are {', '.join(runfile.layers)}")
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
                                      ("policy", runfile.policy), ("plan", runfile.plan)]
    sources += [(f"facilities {item.layer}", item) for item in runfile.facilities]
    sources += [("classes", runfile.boundaries.classes)]
    sources += [(f"people {name}", item) for name, item in runfile.people.scenarios.items()]
    named = []
    for role, section in sources:
        for key in ("file", "places", "raster", "totals", "hazards", "elevation", "entrances"):
            value = getattr(section, key, None)
            if isinstance(value, str):
                named.append((role if key == "file" else f"{role} {key}", value))
        local = getattr(section, "local", None)
        if local is not None:
            named.append((f"{role} local", local.file))
        osm = getattr(section, "osm", None)
        if osm is not None and getattr(osm, "file", None):
            named.append((role, osm.file))
    return named
