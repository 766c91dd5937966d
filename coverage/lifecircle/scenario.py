"""Turn a study into another: facilities and roads changed, other speeds, another year."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import shapely
from pydantic import ValidationError

from lifecircle.errors import ConfigError, NoMatchError
from lifecircle.inputs.edits import KINDS, Edit, ScenarioFile, nearest, read_edits
from lifecircle.inputs.files import existing_file
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.placededits import Numbered, in_study
from lifecircle.inputs.roadedits import edit_roads
from lifecircle.inputs.shapes import read_source, to_crs
from lifecircle.inputs.siteedits import commissioned, edit_facilities
from lifecircle.network.modes import MODES, resolve_modes
from lifecircle.policy import ModeOverride, Policy, explain
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import beside
from lifecircle.sources import FileSource
from lifecircle.study import AppliedScenario, Study

_OF_ROADS = ("build", "upgrade", "cut")


@dataclass(frozen=True)
class Scenario:
    """A list of edits that makes another study out of a study.

    Attributes
    ----------
    content : ScenarioFile
    path : Path
    year : int or None
        The year it is asked for: that of the file unless the caller names another.
    allow : tuple of Path
        Folders that files may be read from, besides that of the scenario.
    """

    content: ScenarioFile
    path: Path
    year: int | None = None
    allow: tuple[Path, ...] = ()

    @classmethod
    def read(cls, path: str | Path, *, year: int | None = None, allow: Sequence[str | Path] = ()) -> Scenario:
        """Read a scenario; parameters and errors as for `read_scenario`."""
        content = read_edits(path)
        return cls(content, Path(path), content.year if year is None else year, tuple(map(Path, allow)))

    @property
    def name(self) -> str:
        """Give the name that every output shows."""
        return self.content.name.strip() or self.path.stem

    @property
    def in_force(self) -> dict[str, list[tuple[str, Edit]]]:
        """Give, per kind, the edits that count by the year, each with its name in messages, such as ``cut 2``."""
        return {kind: [(f"{kind} {number}", edit) for number, edit in enumerate(getattr(self.content, kind), start=1)
                       if self.year is None or edit.year is None or edit.year <= self.year] for kind in KINDS}

    def apply(self, study: Study) -> Study:
        """Give the study as it is when the edits are made; order and meaning of each are in ``docs/scenario.md``.

        Raises
        ------
        ConfigError
            If the study is a scenario already, or a mode is not known.
        NoMatchError
            If an edit hits nothing: no such facility or layer, no road there.
        BadValueError
            If a place lies outside the district and its buffer, or an id is taken.
        """
        if study.scenario is not None:
            raise ConfigError(self.path, f"the study is the scenario {study.scenario.record['name']} already",
                              "write the edits of both into one file")
        edits, findings = self.in_force, Findings(list(study.findings))
        later = sum(len(getattr(self.content, kind)) for kind in KINDS) - sum(map(len, edits.values()))
        self._note(edits, later, findings)
        placed = {kind: in_study(self.content, edits[kind], study.crs, self.path) for kind in KINDS}
        placed["cut"] = [self._with_zone(item, study.crs, findings) for item in placed["cut"]]
        table, come = commissioned(study.facilities, self.year, self.path, findings)
        sites = [item for kind in KINDS if kind not in _OF_ROADS for item in placed[kind]]
        table, opened = edit_facilities(table, sites, study.townships, study.outline.buffer(study.buffer_m),
                                        study.layers, study.policy, self.path, findings)
        roads, changed = edit_roads(study.roads, [item for kind in _OF_ROADS for item in placed[kind]], self.path,
                                    findings, drape=lambda network: _drape(network, study))
        kept = set(table["facility_id"])
        cost = {item.edit.facility_id or f"{item.edit.layer}-{item.label.replace(' ', '-')}": item.edit.cost
                for item in placed["open"] if item.edit.cost is not None}
        files = [(self.path, "scenario"), *((self._beside(item.edit.file), "scenario cut") for item in placed["cut"]
                                            if item.edit.file)]
        record = {"name": self.name, "year": self.year, "file": self.path.name, "sha256": _sha256(self.path),
                  "edits": {kind: len(items) for kind, items in edits.items() if items}, "later": later}
        applied = AppliedScenario(record, tuple(one for one in (*come, *opened) if one in kept), cost, changed)
        return replace(study, facilities=table, roads=roads, policy=self._with_speeds(study.policy), findings=findings,
                       scenario=applied, inputs=[*study.inputs, *(_input(path, role) for path, role in files)])

    def _note(self, edits: dict[str, list[tuple[str, Edit]]], later: int, findings: Findings) -> None:
        if later:
            findings.add("note", "scenario_later", f"{later} edits of the scenario are for a later year than "
                         f"{self.year} and do not count", file=self.path.name, count=later, value=str(self.year))
        if not any(edits.values()) and not self.content.speeds_kph and self.year is None:
            findings.add("note", "scenario_empty", "the scenario changes nothing", file=self.path.name,
                         remedy="write edits into it: docs/scenario.md")

    def _beside(self, name: str) -> Path:
        return existing_file(beside(self.path.resolve(), name, self.allow, what="scenario"), where="the scenario")

    def _with_zone(self, item: Numbered, crs: str, findings: Findings) -> Numbered:
        """Put the polygons of the file that a cut names in the place of it."""
        if not item.edit.file:
            return item
        path = self._beside(item.edit.file)
        source = FileSource(datum=self.content.datum, crs=self.content.crs)
        frame = to_crs(read_source(path, source, findings), crs, path, findings)
        shapes = frame.geometry.to_numpy()
        shapes = shapes[shapely.get_dimensions(shapes) == 2]
        if not len(shapes):
            raise NoMatchError(path, "holds no polygon", f"{self.path.name}: {item.label} wants the outline of a zone")
        return replace(item, place=shapely.union_all(shapes))

    def _with_speeds(self, policy: Policy) -> Policy:
        """Lay the scenario's speeds over those of the policy."""
        if not self.content.speeds_kph:
            return policy
        known, changes = resolve_modes(policy), dict(policy.modes)
        for mode, table in self.content.speeds_kph.items():
            if mode not in MODES:
                raise ConfigError(self.path, f"unknown mode {mode} in [speeds_kph.{mode}]", nearest(mode, list(MODES)))
            factor = table.get("factor", 1.0)
            speeds = {name: min(kph * factor, 200.0) for name, kph in known[mode].speeds_kph.items() if name != "ferry"}
            speeds |= {name: kph for name, kph in table.items() if name != "factor"}
            before = policy.modes.get(mode, ModeOverride()).model_dump(exclude_none=True)
            said = {**before, "speeds_kph": {**before["speeds_kph"], **speeds}, "source": f"scenario {self.name}"}
            try:
                changes[mode] = ModeOverride.model_validate(said)
            except ValidationError as error:
                raise explain(error, self.path, ModeOverride) from None
        return policy.model_copy(update={"modes": changes})


def read_scenario(path: str | Path, *, year: int | None = None, allow: Sequence[str | Path] = ()) -> Scenario:
    """Read a scenario: a TOML or GeoJSON file of edits.

    Parameters
    ----------
    path : str or Path
    year : int, optional
        In place of the file's own year.
    allow : sequence of str or Path
        Folders that files may be read from, besides that of the scenario.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If it is not there, too large, or neither TOML nor GeoJSON.
    ConfigError
        If it has an unknown key or a value out of range.
    """
    return Scenario.read(path, year=year, allow=allow)


def _drape(network: RoadNetwork, study: Study) -> RoadNetwork:
    """Give roads their heights again; what is wrong with the height model was said when it was read."""
    if study.elevation is None:
        return network
    return study.elevation.drape(network, Findings(), smooth_m=study.runfile.roads.smooth_m)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _input(path: Path, role: str) -> dict[str, Any]:
    return {"file": path.name, "role": role, "sha256": _sha256(path), "bytes": path.stat().st_size}
