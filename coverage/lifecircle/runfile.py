"""Read the run file (district.toml): which inputs, which layers, which settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from lifecircle.errors import ConfigError
from lifecircle.plan import Circles, Plan, PlanSection, PriorityPeople, read_plan
from lifecircle.policy import Policy, Section, explain, read_policy, read_toml
from lifecircle.sources import FileSource, Quality
from lifecircle.tiles import MapSection


class District(Section):
    """Name, CRS, buffer, language of the study."""

    name: str
    code: str = ""
    crs: str | None = None
    buffer_m: float | None = Field(default=None, ge=0, le=200_000)
    neighbours: bool = True
    language: Literal["zh", "en"] = "zh"
    map_approval_number: str = ""
    data_date: str = ""


class Classes(Section):
    """Urban-rural classes of the places in a table of their own, with year and source.

    Without a file, year and source are those of the places' own codes.
    """

    file: str | None = None
    columns: dict[str, str] = {}
    encoding: str | None = None
    year: str = ""
    source: str = ""

    @field_validator("year", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Boundaries(FileSource):
    """Townships; and the places (villages, communities) where there is a layer of them."""

    places: str | None = None
    place_columns: dict[str, str] = {}
    classes: Classes | None = None

    @field_validator("classes", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value


class Scenario(Section):
    """Another state of the people, such as the return at Spring Festival; what is not given stays as it is.

    Attributes
    ----------
    column : str or None
        Column of the people's file that holds the residents then; ``columns`` maps groups too.
    file : str or None
        Demand points of their own.
    totals : str or None
        Totals of each township then, in the form of ``[people] totals``.
    factor : float
        Times so many residents.
    """

    column: str | None = None
    columns: dict[str, str] = {}
    file: str | None = None
    totals: str | None = None
    factor: float = Field(default=1.0, ge=0, le=100)
    source: str = ""
    quality: Quality | None = None

    @model_validator(mode="after")
    def _some(self) -> Scenario:
        if not (self.of_column or self.file or self.totals) and self.factor == 1:
            raise ValueError("the scenario changes nothing: give column, file, totals or factor")
        return self

    @property
    def of_column(self) -> dict[str, str]:
        """Map our columns to those of the file, the residents among them."""
        return {**({"population": self.column} if self.column else {}), **self.columns}


class People(FileSource):
    """Demand points: a file with people, a raster of people, or weights that share township totals.

    Attributes
    ----------
    raster : str or None
        GeoTIFF with people per cell.
    weights : str or None
        What the rows of `file` or `osm` are, where they hold no people but share the totals of their township:
        ``places``, ``buildings`` (footprint times levels) or ``residential`` (land).
    cell_m : float
        Weights and raster cells within a cell of this size become one demand point; 0 keeps each.
    totals : str or None
        Table of townships with population and groups; the points' people are scaled to it.
    shares : dict
        ``population_<group>`` -> its share of residents, where no table tells the group.
    """

    raster: str | None = None
    weights: Literal["places", "buildings", "residential"] | None = None
    cell_m: float = Field(default=100.0, ge=0, le=5000)
    totals: str | None = None
    total_columns: dict[str, str] = {}
    shares: dict[str, float] = {}
    scenarios: dict[str, Scenario] = {}

    @field_validator("shares")
    @classmethod
    def _shares(cls, shares: dict[str, float]) -> dict[str, float]:
        for name, share in shares.items():
            if not name.startswith("population_") or not 0 <= share <= 1:
                raise ValueError(f"{name} = {share:g} must be population_<group> = a share from 0 to 1")
        return shares

    @field_validator("scenarios")
    @classmethod
    def _names(cls, scenarios: dict[str, Scenario]) -> dict[str, Scenario]:
        wrong = [name for name in scenarios if name == "existing" or not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name)]
        if wrong:
            raise ValueError(f"{wrong[0]} may not name a scenario: use a-z, 0-9, _ and not existing")
        return scenarios

    @model_validator(mode="after")
    def _source(self) -> People:
        if self.raster and (self.file or self.osm or self.weights):
            raise ValueError("give raster alone, without file, osm or weights")
        if self.weights in ("buildings", "residential") and not (self.file or self.osm):
            raise ValueError(f"weights = {self.weights} need a file or osm")
        for name, item in self.scenarios.items():
            if item.of_column and not (item.file or self.file):
                raise ValueError(f"scenario {name} names a column, and [people] has no file")
        return self


class Barriers(Section):
    """What a straight walk may not cross: a layer, OSM's water, steep ground; hazards for evacuation only."""

    file: str | None = None
    osm: bool = False
    hazards: str | None = None
    steep_deg: float | None = Field(default=25.0, gt=0, lt=90)
    crs: str | None = None


class LocalRoads(Section):
    """A layer of local roads laid over the others: what is new is added, what is there already may keep its class."""

    file: str
    columns: dict[str, str] = {}
    classes: dict[str, str] = {}
    crs: str | None = None
    quality: Quality | None = None
    same_m: float = Field(default=15.0, gt=0, le=50)
    join_m: float = Field(default=15.0, ge=0, le=50)
    classes_win: bool = True


class Roads(Section):
    """Where roads come from: one file, or Overpass through OSMnx when asked for."""

    file: str | None = None
    overpass: bool = False
    overpass_url: str | None = None
    local: LocalRoads | None = None
    elevation: str | None = None
    smooth_m: float | None = Field(default=None, ge=0, le=2_000)
    columns: dict[str, str] = {}
    classes: dict[str, str] = {}
    crs: str | None = None
    quality: Quality | None = None
    source: str = ""


class Facilities(FileSource):
    """One facility layer from one source; a layer may be named by several.

    Attributes
    ----------
    where : dict
        Column -> the words that rows of this layer hold in it, where one file holds several layers.
    levels : dict
        The file's word for a level -> ours.
    statuses : dict
        The file's word for a status -> existing, building, planned or closed.
    entrances : str or None
        Points with a ``facility_id``: the doors of facilities, which are then measured from their doors.
    """

    layer: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")

    @field_validator("layer")
    @classmethod
    def _free(cls, layer: str) -> str:
        if layer == "all":
            raise ValueError("all stands for every layer; give it another name")
        return layer
    level: str = ""
    where: dict[str, list[str] | str] = {}
    levels: dict[str, str] = {}
    statuses: dict[str, Literal["existing", "building", "planned", "closed"]] = {}
    entrances: str | None = None


class Surface(Section):
    """Raster of the travel-time surface."""

    cell_m: float = Field(default=50.0, ge=5, le=1000)


class PolicySection(Section):
    """The policy: a file, and tables per layer laid over it."""

    model_config = ConfigDict(extra="allow", frozen=True)
    file: str | None = None


#: Quality -> metres along each axis by which a facility may stand elsewhere (general knowledge).
POSITION_SD_M: dict[Quality, float] = {"surveyed": 0.0, "register": 30.0, "osm": 15.0, "derived": 100.0, "model": 30.0}


class Uncertainty(Section):
    """Draws for intervals; the seed also seeds everything else that is random.

    Attributes
    ----------
    draws : int
        0: no intervals.
    speed_sd : float
        Of the logarithm of the speed of all walkers, and of all vehicles (general knowledge).
    population_sd, spread_sd : float
        Of the logarithm of the people of a township, and of a place beside the others of its township (inferred).
    position_sd_m : dict
        Laid over `POSITION_SD_M`.
    """

    draws: int = Field(default=0, ge=0, le=10_000)
    speed_sd: float = Field(default=0.10, ge=0, le=1)
    population_sd: float = Field(default=0.05, ge=0, le=1)
    spread_sd: float = Field(default=0.10, ge=0, le=1)
    position_sd_m: dict[Quality, float] = POSITION_SD_M
    seed: int = Field(default=1, ge=0)

    @field_validator("position_sd_m")
    @classmethod
    def _metres(cls, sd_m: dict[Quality, float]) -> dict[Quality, float]:
        wrong = [quality for quality, metres in sd_m.items() if not 0 <= metres <= 5_000]
        if wrong:
            raise ValueError(f"position_sd_m.{wrong[0]} must lie between 0 and 5000 m")
        return {**POSITION_SD_M, **sd_m}


class RunFile(Section):
    """A whole run file; paths in it are relative to the file itself."""

    district: District
    boundaries: Boundaries
    people: People = People()
    barriers: Barriers = Barriers()
    roads: Roads = Roads()
    facilities: tuple[Facilities, ...] = ()
    policy: PolicySection = PolicySection()
    plan: PlanSection = PlanSection()
    circles: Circles = Circles()
    priority: PriorityPeople = PriorityPeople()
    surface: Surface = Surface()
    map: MapSection = MapSection()
    uncertainty: Uncertainty = Uncertainty()
    path: Path = Field(default=Path("run file"), exclude=True)
    allow: tuple[Path, ...] = Field(default=(), exclude=True)

    def resolve(self, name: str) -> Path:
        """Give the path of a file named in the run file.

        Raises
        ------
        ConfigError
            If it is an address or a virtual file system, not a file; if it lies neither in the run file's folder nor in
            one that the caller allowed.
        """
        return beside(self.path, name, self.allow)

    @property
    def layers(self) -> tuple[str, ...]:
        """List the layers in the order they first appear."""
        return tuple(dict.fromkeys(source.layer for source in self.facilities))

    def read_policy(self) -> Policy:
        """Read the policy that this run file asks for.

        Raises
        ------
        ConfigError
            Also if a table names a layer that the run file does not have.
        """
        tables = dict(self.policy.model_extra or {})
        strange = sorted(set(tables) - set(self.layers))
        if strange:
            raise ConfigError(self.path, f"unknown key policy.{strange[0]}",
                              f"layers of this run file: {', '.join(self.layers)}")
        path = self.resolve(self.policy.file) if self.policy.file else None
        return read_policy(path, tables, where=self.path)

    def read_plan(self) -> Plan:
        """Read the plan that this run file names; one without items where it names none.

        Raises
        ------
        MissingFileError, ConfigError
            As for `lifecircle.plan.read_plan`.
        """
        if self.plan.file is None:
            return Plan()
        weights = self.resolve(self.plan.weights) if self.plan.weights else None
        return read_plan(self.resolve(self.plan.file), weights)


def beside(settings: Path, name: str, allow: Sequence[Path] = (), *, what: str = "run file") -> Path:
    """Give the path of a file that a file of settings names.

    Raises
    ------
    ConfigError
        As for `RunFile.resolve`.
    """
    if "://" in name or name.startswith("/vsi"):
        raise ConfigError(settings, f"{name} is an address, not a file", "fetch it first and name the file")
    path = (settings.parent / name).resolve()
    if not any(path.is_relative_to(folder.resolve()) for folder in (settings.parent, *allow)):
        raise ConfigError(settings, f"{name} lies outside the folder of the {what}",
                          f"move it there, or allow its folder: --allow {path.parent}")
    return path


def read_runfile(path: str | Path, *, allow: Sequence[str | Path] = ()) -> RunFile:
    """Read a run file.

    Parameters
    ----------
    path : str or Path
    allow : sequence of str or Path
        Folders that files may be read from, besides the run file's own.

    Raises
    ------
    MissingFileError
        If it is not there.
    ConfigError
        If it is no TOML, has an unknown key or a value out of range; the key is named.
    """
    path = Path(path)
    content = read_toml(path)
    for key in ("path", "allow"):
        if key in content:
            raise ConfigError(path, f"unknown key {key}", "remove it")
    try:
        runfile = RunFile.model_validate({**content, "path": path.resolve(), "allow": tuple(map(Path, allow))})
    except ValidationError as error:
        raise explain(error, path, RunFile) from None
    if not runfile.facilities:
        raise ConfigError(path, "no [[facilities]] table", "name at least one facility layer")
    if not (runfile.boundaries.file or runfile.boundaries.osm):
        raise ConfigError(path, "[boundaries] names neither file nor osm", "add file = \"…\" or osm = { … }")
    if not (runfile.roads.file or runfile.roads.overpass):
        raise ConfigError(path, "[roads] names no file", "add file = \"…\", or overpass = true to ask Overpass")
    return runfile
