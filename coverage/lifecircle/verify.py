"""Prove a finished run: the minutes of a sample again, by OSMnx and networkx, and every difference listed.

Each sampled time is derived twice more. *Again*: roads by OSMnx from the same source, tags, slopes and legs read and
reckoned anew. *Own*: the roads as the run read them, searched by networkx. A run that differs from *own* has a fault in
search, legs or tables; *own* that differs from *again* has one in the reading of roads; metres are compared between
*own* and *again*.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.assessment import Assessment
from lifecircle.errors import BadValueError, ConfigError, EmptyTableError, MissingFileError
from lifecircle.network.barriergrid import BarrierGrid
from lifecircle.network.modes import TravelMode, resolve_modes
from lifecircle.policy import Policy
from lifecircle.progress import Progress
from lifecircle.runfile import RunFile
from lifecircle.scenario import read_scenario
from lifecircle.study import Study, hash_inputs, read_study
from lifecircle.traveltimes import doors_of, points_of
from lifecircle.verification import OUTLIER, Verification
from lifecircle.verifyroads import Roads, climbs, mode_lines, read_again
from lifecircle.verifyslope import Heights
from lifecircle.verifytimes import Answer, Lines, Net, Solved, lines_of_run

Array = npt.NDArray[Any]
#: Times that differ by less are the same to the eye; so are metres of ways that take the same time.
SAME_MIN, SAME_SHARE = 0.1, 0.01
#: The run and networkx on the same roads may differ by rounding to whole milliseconds, and by no more than this.
ENGINE_MIN = 1 / 60


def reread(run: dict[str, Any], folder: Path, *, progress: Progress | None = None,
           allow: Sequence[str | Path] = ()) -> Study:
    """Read the inputs of a finished run again, as its ``run.json`` names them.

    Parameters
    ----------
    run : dict
        What ``run.json`` holds.
    folder : Path
        Folder of the run file, from which the names in it count.
    allow : sequence of str or Path
        Further folders that files may be read from.

    Raises
    ------
    MissingFileError
        If an input is not there.
    BadValueError
        If an input is not the one that the run read.
    ConfigError
        If the run is of a scenario that changes the roads.
    """
    runfile = runfile_of(run, folder, allow=allow)
    try:
        now = hash_inputs(runfile)
    except MissingFileError as error:
        raise MissingFileError(error.where, "no such file", "name the run file of the run with --runfile") from error
    before = {(item["file"], item["role"]): item["sha256"] for item in run["inputs"]
              if not item["role"].startswith("scenario")}
    after = {(item["file"], item["role"]): item["sha256"] for item in now}
    for name, role in sorted(set(before) | set(after)):
        if before.get((name, role)) != after.get((name, role)):
            raise BadValueError(folder / name, f"is not the file that run {run['run_id']} read ({role})",
                                "bring the old file back, or run the district again")
    study = read_study(runfile, progress=progress)
    return _edited(study, run["scenario"], folder, allow) if "scenario" in run else study


def runfile_of(run: dict[str, Any], folder: Path, *, allow: Sequence[str | Path] = ()) -> RunFile:
    """Give the run file of a finished run, as its ``run.json`` holds it; parameters as for `reread`."""
    return RunFile.model_validate({**run["runfile"], "path": folder / "the run's folder",
                                   "allow": tuple(map(Path, allow))})


def _edited(study: Study, told: dict[str, Any], folder: Path, allow: Sequence[str | Path]) -> Study:
    """Make the edits of the scenario that the run names, from the folder of the run file or one that is allowed."""
    if {"build", "upgrade", "cut"} & set(told["edits"]):
        raise ConfigError(told["file"], "a scenario changes the roads; they are not read a second way",
                          "verify the run without --scenario")
    path = next((path for path in (Path(place) / told["file"] for place in (folder, *allow)) if path.is_file()), None)
    if path is None:
        raise MissingFileError(folder / told["file"], "no such file", "copy the scenario there, or allow its folder")
    if hashlib.sha256(path.read_bytes()).hexdigest() != told["sha256"]:
        raise BadValueError(path, "is not the scenario that the run read", "bring the old file back, or run it again")
    return read_scenario(path, year=told["year"], allow=allow).apply(study)


def verify(assessment: Assessment, study: Study, *, sample: int = 200, seed: int = 1,
           progress: Progress | None = None) -> Verification:
    """Derive a sample of a run's minutes again.

    Parameters
    ----------
    assessment : Assessment
        A finished run, as read back from its directory.
    study : Study
        Its inputs, as `reread` gives them.
    sample : int
        How many times, spread over layers, modes and townships.
    seed : int
        Of the choice.
    progress : Progress, optional

    Raises
    ------
    EmptyTableError
        If the run holds no time at all.
    InputError
        If the roads cannot be read a second way.
    """
    progress = progress or Progress()
    everything = _times_of(assessment)
    if everything.empty:
        raise EmptyTableError("demand.parquet", "no layer of the run is judged by reach", "there is nothing to verify")
    chosen = _sample(everything, sample, seed)
    with progress.step("read the roads by OSMnx"):
        bench = _Bench.of(assessment, study)
    rows = []
    for (layer, mode), group in chosen.groupby(["layer", "mode"], sort=True):
        with progress.step(f"derive {layer}, {mode}"):
            rows += list(bench.rows(layer, mode, group))
    table = pd.DataFrame(rows).sort_values(["layer", "mode", "demand_id"], kind="stable", ignore_index=True)
    return Verification(table, str(assessment.run["run_id"]), seed, len(everything))


def _times_of(assessment: Assessment) -> pd.DataFrame:
    """List every time the run holds: one row per demand point and layer, in the mode that decides there."""
    demand, parts = assessment.demand, []
    xy = points_of(demand)
    for layer, record in assessment.run["layers"].items():
        if f"minutes_{layer}" not in demand.columns:
            continue
        modes = {kind: record[kind]["mode"] for kind in ("urban", "rural") if record[kind]}
        part = pd.DataFrame({
            "demand_id": demand["demand_id"], "township_code": demand["township_code"], "layer": layer,
            "mode": demand["class"].map(modes), "minutes_run": demand[f"minutes_{layer}"].astype(float),
            "state": demand[f"state_{layer}"], "facility_run": demand[f"facility_{layer}"].fillna("").astype(str),
            "x": xy[:, 0], "y": xy[:, 1],
            "cutoff_min": demand["class"].map({kind: record[kind]["cutoff_min"] for kind in modes})})
        parts.append(part[part["mode"].notna()])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _sample(table: pd.DataFrame, size: int, seed: int) -> pd.DataFrame:
    """Choose rows in turn from every layer, mode and township, each shuffled by the seed."""
    rng = np.random.default_rng(seed)
    mixed = table.sort_values(["layer", "demand_id"], kind="stable").iloc[rng.permutation(len(table))]
    turn = mixed.groupby(["layer", "mode", "township_code"], sort=False).cumcount()
    return mixed.assign(turn=turn).sort_values("turn", kind="stable").head(size).drop(columns="turn")


@dataclass(frozen=True)
class _Bench:
    """Both readings of the roads, the barriers and the modes of a run, and what is solved on them."""

    assessment: Assessment
    study: Study
    modes: dict[str, TravelMode]
    roads: Roads
    heights: Heights | None
    grid: BarrierGrid
    kept: dict[Any, Any]

    @classmethod
    def of(cls, assessment: Assessment, study: Study) -> _Bench:
        run, runfile = assessment.run, study.runfile
        outline = shapely.union_all(assessment.townships.geometry.to_numpy())
        roads = read_again(runfile, run["crs"], outline.buffer(run["buffer_m"]))
        named, wave_m = runfile.roads.elevation, runfile.roads.smooth_m
        heights = Heights(runfile.resolve(named), run["crs"], smooth_m=wave_m) if named else None
        reach = np.array([study.outline, *study.demand.geometry, *study.facilities.geometry], dtype=object)
        west, south, east, north = shapely.total_bounds(reach)
        grid = BarrierGrid.build(study.barriers, study.elevation, crs=study.crs, steep_deg=runfile.barriers.steep_deg,
                                 bounds_m=(west - 500, south - 500, east + 500, north + 500))
        return cls(assessment, study, _modes(run), roads, heights, grid, {})

    def rows(self, layer: str, mode: str, group: pd.DataFrame) -> Iterator[dict[str, Any]]:
        """Compare the chosen times of one layer and mode."""
        ids = self._doors(layer)[0]
        for item in group.to_dict("records"):
            point = np.array([item.pop("x"), item.pop("y")])
            own, again = (self.answer(layer, mode, point, source) for source in ("own", "again"))
            yield _row(item, own, again, ids, partial(self._suspect, layer, mode, point, own, again))

    def answer(self, layer: str, mode: str, point: Array, source: str, *, walls: bool = True, level: bool = False,
               ) -> Answer:
        """Give the way from a place by one of the two readings; the worse of both directions where both count."""
        said = self.assessment.run["layers"][layer]["direction"]
        ways = {"to": ("to",), "from": ("from",), "worse": ("to", "from")}[said]
        slope = "none" if level else self.assessment.run["layers"][layer]["slope"][mode]
        return max((self._solved(layer, mode, slope, source, way, walls).at(point) for way in ways),
                   key=lambda found: found.ms)

    def _solved(self, layer: str, mode: str, slope: str, source: str, way: str, walls: bool) -> Solved:
        key = (layer, mode, slope, source, way, walls)
        if key not in self.kept:
            self.kept[key] = self._net(mode, slope, source, way, walls).solve(self._doors(layer)[1])
        found: Solved = self.kept[key]
        return found

    def _net(self, mode: str, slope: str, source: str, way: str, walls: bool) -> Net:
        key = (mode, slope, source, way, walls)
        if key not in self.kept:
            chosen = self.modes[mode]
            walk = chosen if chosen.on_foot else self.modes[chosen.walk_mode]
            foot = self._lines(walk, slope, source, way)
            wheels = None if chosen.on_foot else self._lines(chosen, "none", source, way)
            grid = self.grid if walls else BarrierGrid.open_ground()
            self.kept[key] = Net(foot, wheels, walk, chosen.terminal_min * 60_000.0, grid)
        found: Net = self.kept[key]
        return found

    def _lines(self, mode: TravelMode, slope: str, source: str, way: str) -> Lines:
        key = ("lines", mode.name, slope, source)
        if key not in self.kept:
            self.kept[key] = (lines_of_run(self.study.roads, mode, slope) if source == "own" else
                              mode_lines(self.roads, mode, self._climbs if slope == "tobler" else None))
        lines: Lines = self.kept[key]
        return lines if way == "to" else lines.turned

    def _doors(self, layer: str) -> tuple[list[str], Array]:
        table = self.assessment.facilities
        table = table[(table["layer"] == layer) & table["serves"].astype(bool)]
        table = table.sort_values("facility_id", kind="stable")
        doors = doors_of(table)
        return table["facility_id"].astype(str).to_numpy()[doors.label].tolist(), doors.xy_m

    def _suspect(self, layer: str, mode: str, point: Array, own: Answer, again: Answer) -> str:
        """Find why two readings of the roads differ: a way read otherwise, ground without heights, a blocked leg."""
        chosen = self.modes[mode]
        for way in sorted(own.ways | again.ways):
            for used in dict.fromkeys((chosen.name, chosen.walk_mode)):
                if not self._read_alike(used, way):
                    return f"tags: way {way} ({used})"
        if self._void_ways & (own.ways | again.ways) and self._agree(layer, mode, point, level=True):
            return "void heights"
        return "barrier step" if self._agree(layer, mode, point, walls=False) else "unexplained"

    def _agree(self, layer: str, mode: str, point: Array, **without: bool) -> bool:
        """Tell whether both readings agree once slopes or barriers are left aside."""
        own, again = (self.answer(layer, mode, point, source, **without).ms / 60_000 for source in ("own", "again"))
        return _same(own, again)

    @cached_property
    def _climbs(self) -> tuple[Array, Array] | None:
        return None if self.heights is None else climbs(self.roads, self.heights)

    @cached_property
    def _void_ways(self) -> frozenset[int]:
        return frozenset() if self.heights is None else self.heights.void_ways(self.roads)

    def _says(self, mode: str, source: str, way: int) -> tuple[float, Array]:
        """Give what a reading makes of a way: km/h on the level, and how far and whither its open directions lead."""
        lines = self._lines(self.modes[mode], "none", source, "to")
        rows = np.flatnonzero(lines.way == way)
        ms = np.fmin(lines.ms_uv[rows], lines.ms_vu[rows])
        kph = float(lines.length_m[rows].sum() / max(ms.sum(), 1.0) * 3600)
        signs = np.isfinite(lines.ms_uv[rows]).astype(int) - np.isfinite(lines.ms_vu[rows])
        leads = lines.xy_m[lines.v[rows]] - lines.xy_m[lines.u[rows]]
        return kph, (signs[:, None] * leads).sum(axis=0)

    def _read_alike(self, mode: str, way: int) -> bool:
        """Tell whether both readings make the same of a way, to 2 % in speed and a metre in direction."""
        (one_kph, one_leads), (other_kph, other_leads) = (self._says(mode, source, way) for source in ("own", "again"))
        return abs(one_kph - other_kph) <= 0.02 * one_kph and bool(np.allclose(one_leads, other_leads, atol=1.0))


def _modes(run: dict[str, Any]) -> dict[str, TravelMode]:
    """Give the modes with the numbers that ``run.json`` states."""
    modes = resolve_modes(Policy.model_validate(run["policy"]))
    for name, said in run["modes"].items():
        modes[name] = replace(modes[name], speeds_kph=MappingProxyType(said["speeds_kph"]), **{
            key: said[key] for key in ("off_road_kph", "snap_limit_m", "terminal_min")})
    return modes


def _row(item: dict[str, Any], own: Answer, again: Answer, ids: list[str],
         suspect: Callable[[], str]) -> dict[str, Any]:
    """Lay the three derivations of one time side by side."""
    run_min, own_min, again_min = item["minutes_run"], own.ms / 60_000, again.ms / 60_000
    both = np.isfinite(run_min) and np.isfinite(again_min)
    difference = again_min - run_min if both else np.nan
    share = difference / run_min if both and run_min > 0 else (0.0 if both and difference == 0 else np.nan)
    metres = again.metres / own.metres - 1 if own.metres > 0 and again.metres > 0 else np.nan
    row = {
        "demand_id": item["demand_id"], "township_code": item["township_code"], "layer": item["layer"],
        "mode": item["mode"], "minutes_run": run_min, "minutes_own": own_min, "minutes_again": again_min,
        "difference_min": difference, "difference_pct": 100 * share, "metres_own": own.metres,
        "metres_again": again.metres, "metres_pct": 100 * metres, "facility_run": item["facility_run"],
        "facility_again": ids[again.door] if again.door >= 0 else ""}
    outlier = _unlike(item, again_min) or abs(share) > OUTLIER or (both and share != share) or abs(metres) > OUTLIER
    cause = _cause(item, own_min, again_min, row, suspect, bool(outlier))
    return {**row, "cause": cause, "outlier": bool(outlier)}


def _unlike(item: dict[str, Any], again_min: float) -> bool:
    """Tell whether one derivation reaches what the other does not; undetermined means: not in time."""
    if item["minutes_run"] != item["minutes_run"]:
        return bool(again_min <= item["cutoff_min"])
    return bool(np.isfinite(item["minutes_run"]) != np.isfinite(again_min))


def _cause(item: dict[str, Any], own_min: float, again_min: float, row: dict[str, Any],
           suspect: Callable[[], str], outlier: bool) -> str:
    """Say why a time differs; only causes that were shown to be harmless excuse it."""
    run_min = item["minutes_run"]
    if run_min != run_min and not outlier:
        return ""
    if _same(run_min, again_min):
        if row["facility_run"] != row["facility_again"]:
            return "other facility, same minutes"
        kind = "other way, same minutes" if abs(row["metres_pct"]) > 100 * OUTLIER else "rounding"
        return kind if outlier else ""
    if not outlier:
        return ""
    apart = abs(own_min - run_min) > max(ENGINE_MIN, 1e-4 * run_min) if np.isfinite([own_min, run_min]).all() else (
        _unlike(item, own_min))
    return "engine: the run differs from networkx on the run's own roads" if apart else suspect()


def _same(one_min: float, other_min: float) -> bool:
    """Tell times that agree to six seconds or one per cent."""
    if not (np.isfinite(one_min) and np.isfinite(other_min)):
        return bool(one_min == other_min)
    return abs(one_min - other_min) <= max(SAME_MIN, SAME_SHARE * one_min)
