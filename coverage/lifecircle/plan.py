"""Read the plan: its items, what measures each of them, and how much each measure weighs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from lifecircle.errors import ConfigError
from lifecircle.policy import Section, explain, read_toml

Priority = Literal["P1", "P2", "P3"]
#: Key of the satisfaction of residents in the reported figures; ``satisfaction.15`` is that with item 15.
SATISFACTION = "satisfaction"
#: Layer that rows of reported figures bear in the results.
PLAN_LAYER = "plan"


class PlanSection(Section):
    """The plan's items, what offices report of them, and the weights of their measures.

    Attributes
    ----------
    reported : str or None
        Table of ``measure``, ``township_code`` (or ``township``), ``value``, ``year``, ``source``.
    weights : str or None
        TOML file of measure = weight.
    """

    file: str | None = None
    reported: str | None = None
    columns: dict[str, str] = {}
    encoding: str | None = None
    weights: str | None = None

    @model_validator(mode="after")
    def _file(self) -> PlanSection:
        if not self.file and (self.reported or self.weights):
            raise ValueError("reported and weights need file, the plan whose measures they name")
        return self


class Circles(Section):
    """The circles of care of the old that the office has drawn, in one layer of facilities."""

    file: str | None = None
    layer: str = "elderly_care"
    columns: dict[str, str] = {}
    encoding: str | None = None
    crs: str | None = None


class PriorityPeople(Section):
    """How many people of each priority group live in each place; counts, no persons.

    Attributes
    ----------
    groups : dict
        Name of a group -> its column; without it, the columns that bear one of `inputs.priority.GROUP_WORDS`.
    """

    file: str | None = None
    columns: dict[str, str] = {}
    groups: dict[str, str] = {}
    encoding: str | None = None
    sheet: str | None = None
    year: str = ""
    quality: Literal["surveyed", "register", "derived", "model"] = "register"

    @field_validator("groups")
    @classmethod
    def _names(cls, groups: dict[str, str]) -> dict[str, str]:
        if "all" in groups:
            raise ValueError("all stands for all residents; give the group another name")
        return groups


class Measure(Section):
    """One figure by which an item is measured.

    Attributes
    ----------
    key : str
        Its name in weights and in the reported figures.
    kind : str
        ``computed`` from layers, ``reported`` by an office, or ``not_spatial``: nothing that space could compute, for
        the `reason` given; it may be reported all the same.
    target : float or None
        The plan's figure; None where it names none, which leaves the verdict to the policy.
    target_of : str
        Whether the target holds for each ``unit`` or for the ``district`` as a whole.
    full : float or None
        The value that scores full marks where there is no target.
    layer, indicator, level, class_, group, mode, metric, cutoff
        Of the row of the results that a computed measure is; what is left out is not asked for.
    needs : str
        What must be handed in, where naming the layer does not say enough.
    sums : bool
        Whether the reported figures of the townships add up to the district's.
    per_10000 : str
        Residents (all, urban, rural) that a reported count is divided by, times 10,000.
    reason : str
        Why space cannot compute it.
    """

    key: str = Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")
    title: str
    kind: Literal["computed", "reported", "not_spatial"]
    priority: Priority = "P3"
    target: float | None = None
    target_of: Literal["unit", "district"] = "unit"
    direction: Literal["at_least", "at_most"] = "at_least"
    full: float | None = None
    unit: str = ""
    year: str = ""
    weight: float = Field(default=1.0, ge=0)
    layer: str = ""
    indicator: str = ""
    level: str = "all"
    class_: str = Field(default="all", alias="class")
    group: str | None = None
    mode: str | None = None
    metric: str | None = None
    cutoff: float | None = None
    needs: str = ""
    sums: bool = False
    per_10000: Literal["", "all", "urban", "rural"] = ""
    reason: str = ""
    source: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Measure:
        if self.kind == "computed" and not (self.layer and self.indicator):
            raise ValueError(f"{self.key} is computed and names no layer or no indicator")
        if self.kind == "not_spatial" and not self.reason:
            raise ValueError(f"{self.key} is not spatial and gives no reason")
        if self.kind != "computed" and (self.layer or self.indicator):
            raise ValueError(f"{self.key} is {self.kind} and may name no layer and no indicator")
        return self

    @property
    def wanted(self) -> str:
        """Say which input the measure waits for."""
        if self.kind == "computed":
            return f'needs [[facilities]] layer = "{self.layer}"' + (f", {self.needs}" if self.needs else "")
        return f'needs [plan] reported, rows with measure = "{self.key}"' + (f", {self.needs}" if self.needs else "")


class Item(Section):
    """One item of the plan; number 0 is its closing paragraph."""

    number: int = Field(ge=0, le=999)
    title: str
    lead_unit: str = ""
    year: str = ""
    measure: tuple[Measure, ...] = ()


class Grade(Section):
    """A word for totals from a number of points on."""

    word: str
    points: float = Field(ge=0, le=100)


class Score(Section):
    """How measures become points.

    Attributes
    ----------
    indicator_share : float
        Share of the indicators in the total; the rest is the residents' satisfaction.
    grades : tuple of Grade
        The best first.
    worst : int
        How many townships count as the worst.
    draws : int
        Draws of weights by which the ranking is tried.
    concentration : float
        Concentration of the Dirichlet draws per measure: the higher, the nearer to the weights that are set.
    """

    indicator_share: float = Field(default=0.7, ge=0, le=1)
    grades: tuple[Grade, ...] = ()
    worst: int = Field(default=10, ge=1)
    draws: int = Field(default=1000, ge=1, le=100_000)
    concentration: float = Field(default=1.0, gt=0, le=1000)

    @field_validator("grades")
    @classmethod
    def _best_first(cls, grades: tuple[Grade, ...]) -> tuple[Grade, ...]:
        return tuple(sorted(grades, key=lambda grade: -grade.points))


class Plan(Section):
    """A whole plan file."""

    title: str = ""
    source: str = ""
    draft: bool = False
    score: Score = Score()
    item: tuple[Item, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Plan:
        numbers, keys = [str(item.number) for item in self.item], [measure.key for _, measure in self.measures]
        for what, names in (("item", numbers), ("measure", keys)):
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise ValueError(f"{what} {twice[0]} stands there twice")
        if any(key.split("_")[0] == SATISFACTION for key in keys):
            raise ValueError(f"{SATISFACTION} is the key of the residents' satisfaction and names no measure")
        return self

    @property
    def measures(self) -> list[tuple[Item, Measure]]:
        """List every measure with its item."""
        return [(item, measure) for item in self.item for measure in item.measure]

    @property
    def layers(self) -> set[str]:
        """Name the layers that its computed measures ask for."""
        return {measure.layer for _, measure in self.measures if measure.layer}

    @property
    def reported_keys(self) -> set[str]:
        """Name what may be reported: every measure that is not computed, and the satisfaction."""
        keys = {measure.key for _, measure in self.measures if measure.kind != "computed"}
        return keys | {SATISFACTION} | {f"{SATISFACTION}.{item.number}" for item in self.item}

    def weighted(self, weights: dict[str, float], where: Path | str) -> Plan:
        """Give the plan with other weights.

        Raises
        ------
        ConfigError
            If one names no measure, or is no number of at least 0.
        """
        known = {measure.key for _, measure in self.measures}
        for key, weight in weights.items():
            if key not in known:
                raise ConfigError(where, f"{key} is no measure of the plan", _nearest(key, known))
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e9:
                raise ConfigError(where, f"weight of {key} must be a number of at least 0, got {weight!r}",
                                  "correct the value")
        items = tuple(item.model_copy(update={"measure": tuple(
            measure.model_copy(update={"weight": float(weights.get(measure.key, measure.weight))})
            for measure in item.measure)}) for item in self.item)
        return self.model_copy(update={"item": items})


def _nearest(key: str, known: set[str]) -> str:
    import difflib

    near = difflib.get_close_matches(key, sorted(known), n=1)
    return f"did you mean {near[0]}?" if near else "the measures are those of the plan file"


def read_plan(path: Path, weights: Path | None = None) -> Plan:
    """Read a plan file, and lay the weights of another TOML file (measure = weight) over its own.

    Raises
    ------
    MissingFileError, ConfigError
        As for `read_toml`; also for unknown keys, values out of range, and weights of no measure.
    """
    content: dict[str, Any] = read_toml(path)
    try:
        plan = Plan.model_validate(content)
    except ValidationError as error:
        raise explain(error, path, Plan) from None
    return plan if weights is None else plan.weighted(read_toml(weights), weights)
