"""Read one spoilt input as a run would, and watch that nothing else is opened."""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from fuzzseeds import CRS, PLACE_CODES, PLACES, PLAN, townships
from fuzzseeds import facilities as facility_layer
from fuzzseeds import roads as road_lines

import lifecircle.inputs.files  # noqa: F401 (GDAL's drivers are chosen before another package loads it)
from lifecircle.errors import LifecircleError
from lifecircle.inputs import (
    barriers,
    boundaries,
    circletable,
    classtable,
    datums,
    facilities,
    people,
    places,
    priority,
    reported,
    roads,
    shapes,
)
from lifecircle.inputs.edits import KINDS, read_edits
from lifecircle.inputs.elevation import Elevation
from lifecircle.inputs.files import read_layer, read_table
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.osm import open_extract
from lifecircle.inputs.placededits import in_study
from lifecircle.inputs.popraster import read_people_raster
from lifecircle.inputs.totals import read_totals
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.plan import Plan, read_plan
from lifecircle.policy import Policy, read_policy
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import RunFile, read_runfile

SECRET = "canary-5d1c9"
_TOWNSHIPS = townships().to_crs(CRS).assign(kind="", population=float("nan"))
_AREA = shapely.union_all(_TOWNSHIPS.geometry.to_numpy()).buffer(2000)
_PLACES = _TOWNSHIPS[["township_code", "geometry"]].assign(
    place_code=PLACE_CODES, place=PLACES, merged_from=["", "丙村"], kind=["community", "village"])
_HUBS = facility_layer().to_crs(CRS).assign(layer="clinics")
_PLAN = Plan.model_validate(tomllib.loads(PLAN))


def _run_file(path: Path, **sections: Any) -> RunFile:
    blank: dict[str, Any] = {"district": {"name": "test", "crs": CRS}, "boundaries": {"osm": True},
                             "roads": {"file": "r.geojson"}, "facilities": [{"layer": "clinics", "file": "c.csv"}]}
    return RunFile.model_validate({**blank, **sections, "path": path.parent / "district.toml"})


def _also(read: Callable[[], Any]) -> Any:
    """Read in a further way, which may be refused and yet the file be good for something else."""
    try:
        return read()
    except LifecircleError as error:
        return _one_line(error)


def _one_line(error: LifecircleError) -> str:
    said = str(error)
    assert len(said.splitlines()) == 1, f"more than one line: {said[:300]}"
    return said


@cache
def _network() -> RoadNetwork:
    """Give roads that local ones are laid over, and by which a datum is found."""
    lines = road_lines().to_crs(CRS).geometry
    xy, node = np.unique(np.vstack([line.coords for line in lines]), axis=0, return_inverse=True)
    last = np.cumsum([len(line.coords) for line in lines]) - 1
    start = np.setdiff1d(np.arange(len(node)), last)
    return RoadNetwork.from_segments(CRS, xy, node[start], node[start + 1], np.full(len(start), CLASS_INDEX["track"]),
                                     source="roads", quality="osm")


def _facilities(path: Path, findings: Findings) -> Any:
    """Read facilities; find their datum, and take them for the doors of their own outlines."""
    def asked(**more: Any) -> RunFile:
        return _run_file(path, facilities=[{"layer": "clinics", "file": path.name, **more}])

    datum = "auto" if findings.collecting else "wgs84"
    _also(lambda: datums.settle_datums(asked(datum=datum), _network(), _TOWNSHIPS, _AREA, findings))
    doors = _also(lambda: facilities.read_facilities(asked(entrances=path.name), _TOWNSHIPS, _AREA, findings))
    return doors, facilities.read_facilities(asked(), _TOWNSHIPS, _AREA, findings)


def _townships(path: Path, findings: Findings) -> Any:
    columns = {"township_code": "code"} if path.suffix == ".shp" else {}
    found = boundaries.read_townships(_run_file(path, boundaries={"file": path.name, "columns": columns}), findings)
    return found, _also(lambda: barriers.read_barriers(_run_file(path, barriers={"file": path.name}), CRS, _AREA,
                                                       findings))


def _villages(path: Path, findings: Findings) -> Any:
    """Read a list of villages with people, as places, as a table of classes and as demand."""
    runfile = _run_file(path, people={"file": path.name}, boundaries={"osm": True, "classes": {"file": path.name}})
    found = places.read_places(runfile, _TOWNSHIPS, Policy(), findings)
    told = _also(lambda: classtable.with_classes(found, _TOWNSHIPS, runfile, findings))
    return found, told, people.read_demand(runfile, _TOWNSHIPS, found, Policy(), _AREA, findings)


def _roads(path: Path, findings: Findings) -> Any:
    return roads.read_roads(_run_file(path, roads={"file": path.name}), CRS, _AREA, findings)


def _both_roads(path: Path, findings: Findings) -> Any:
    """Read roads as those of the study and as local ones laid over them."""
    local = _run_file(path, roads={"local": {"file": path.name}})
    return _also(lambda: roads.read_roads(local, CRS, _AREA, findings, roads=_network())), _roads(path, findings)


def _layer(path: Path, findings: Findings) -> Any:
    """Read a layer without what follows, which costs ten times as much."""
    frame = shapes.clean(read_layer(path, findings=findings), path, findings)
    return read_table(path, findings=findings), shapes.to_crs(frame, CRS, path)


def _extract(path: Path, findings: Findings) -> Any:
    """Read all that an extract can give."""
    extract, found, refused = open_extract(path, {"amenity"}), [], []
    for read in (lambda: _roads(path, findings), lambda: extract.features({"amenity": True}), extract.places,
                 lambda: extract.lines_present(extract.boundaries(8)[1]), extract.water, extract.open_water):
        try:
            found.append(read())
        except LifecircleError as error:
            refused.append(error)
    if refused:
        raise refused[0]
    return found


def _heights(path: Path, _findings: Findings) -> Any:
    model = Elevation.open(path, CRS)
    xy = shapely.get_coordinates(_TOWNSHIPS.geometry.to_numpy())
    return model.sample_m(xy), model.slope_deg(), model.shortest_wave_m


def _reported(path: Path, findings: Findings) -> Any:
    return reported.read_reported(_run_file(path, plan={"file": "p.toml", "reported": path.name}), _PLAN, _TOWNSHIPS,
                                  findings)


def _circles(path: Path, findings: Findings) -> Any:
    return circletable.read_circles(_run_file(path, circles={"file": path.name, "layer": "clinics"}), _PLACES, _HUBS,
                                    findings)


def _priority(path: Path, findings: Findings) -> Any:
    return priority.read_priority(_run_file(path, priority={"file": path.name}), _TOWNSHIPS, _PLACES, findings)


#: Role of a seed -> how a run reads it.
def _edits(path: Path) -> Any:
    """Read a scenario, and bring its places to the CRS of a study."""
    content = read_edits(path)
    edits = [(f"{kind} {at}", edit) for kind in KINDS for at, edit in enumerate(getattr(content, kind), start=1)]
    return in_study(content, edits, CRS, path)


READS: dict[str, Callable[[Path, Findings], Any]] = {
    "facilities": _facilities, "townships": _townships, "villages": _villages, "roads": _both_roads, "graphml": _roads,
    "layer": _layer, "extract": _extract, "heights": _heights,
    "totals": lambda path, findings: (read_table(path, findings=findings), read_totals(
        _run_file(path, people={"totals": path.name}), _TOWNSHIPS, findings)),
    "people": lambda path, _findings: read_people_raster(path, CRS, _AREA),
    "runfile": lambda path, _findings: read_runfile(path).read_policy(),
    "policy": lambda path, _findings: read_policy(path),
    "plan": lambda path, _findings: read_plan(path),
    "scenario": lambda path, _findings: _edits(path),
    "weights": lambda path, _findings: read_plan(path.with_name("plan.toml"), path),
    "reported": _reported, "circles": _circles, "priority": _priority,
}


def read_one(role: str, path: Path, collecting: bool, watch: Watch) -> str:
    """Read an input and say how it ended: ``read`` or ``refused``; anything else is raised.

    Raises
    ------
    AssertionError
        If another file or an address was opened, its content came out, or an error is no single line.
    """
    findings, said = Findings(collecting=collecting), ""
    with np.errstate(all="ignore"), watch:
        try:
            said, outcome = _text(READS[role](path, findings)), "read"
        except LifecircleError as error:
            said, outcome = _one_line(error), "refused"
    said += "".join(f"{item.message} {item.value} {item.id}" for item in findings)
    assert SECRET not in said, "the content of another file came out"
    return outcome


def _text(found: Any) -> str:
    """Give all the text in what was read."""
    if isinstance(found, tuple | list):
        return " ".join(_text(item) for item in found)
    if isinstance(found, pd.DataFrame):
        return " ".join(map(str, found.to_numpy().ravel()))
    return repr(found)


class Watch:
    """Notice when a file outside is opened, by Python or by a library, or an address is asked for."""

    def __init__(self, canary: Path) -> None:
        self.canary, self.active = canary, False
        self.seen: list[str] = []
        canary.write_text(f"name,lon,lat\n{SECRET},106.7,31.8\n", encoding="utf-8")
        self._inotify = _watched(canary)
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        if event in ("socket.connect", "socket.getaddrinfo") or (
                event == "open" and str(arguments[0]).endswith(self.canary.name)) or event == "pickle.find_class":
            self.seen.append(f"{event} {arguments}")

    def __enter__(self) -> Watch:
        self.seen.clear()
        self.active = True
        return self

    def __exit__(self, *_: object) -> None:
        self.active = False
        with contextlib.suppress(BlockingIOError):
            if self._inotify >= 0 and os.read(self._inotify, 4096):
                self.seen.append("a library opened the canary")
        assert not self.seen, f"opened from outside: {self.seen}"


def _watched(path: Path) -> int:
    """Give a descriptor that tells when a file is opened, where the system can (Linux); else -1."""
    libc = ctypes.CDLL(ctypes.util.find_library("c"))
    if not hasattr(libc, "inotify_init1"):
        return -1
    descriptor = int(libc.inotify_init1(os.O_NONBLOCK))
    libc.inotify_add_watch(descriptor, str(path).encode(), 0x20)
    return descriptor


def write_input(folder: Path, files: dict[str, bytes]) -> Path:
    """Write the files of an input into an empty folder and give the path of the first."""
    for old in _below(folder):
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / next(iter(files))


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if path.is_file())

