"""Say which jobs there are, what each is asked, and check it before it waits in the queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from lifecircle.errors import InputError, UsageError
from lifecircle.inputs.edits import parse_edits
from lifecircle.siting.asking import check_question
from lifecircle_api.errors import ParameterError
from lifecircle_api.store import Store

LayerName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
#: A name or an id, as people write it: no control characters.
Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
Amount = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10_000)]
Year = Annotated[str, StringConstraints(pattern=r"^(19|20|21)[0-9]{2}$")]


class Inputs(BaseModel):
    """Base of all questions: no key beyond those described, and a number is a number."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    def check_run(self, store: Store) -> None:
        """Make sure that the question suits the run."""


class SiteInputs(Inputs):
    """Where to build next; the options of ``lifecircle site``, see ``docs/siting.md``."""

    layer: LayerName | Annotated[list[LayerName], Field(min_length=1, max_length=10)] = Field(
        description="Facility layer; several share buildings.")
    new: int | None = Field(None, ge=1, le=50, description="New sites at most.")
    model: Literal["mclp", "lscp", "p-median", "p-center"] = Field(
        "mclp", description="mclp: most people in time; lscp: cheapest for a share of all; p-median: least "
                            "person-minutes; p-center: least worst minutes.")
    candidates: str = Field(
        "places", max_length=500, pattern=r"^(places|roads:[1-9][0-9]{1,5}|in:[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)*)$",
        description="Where one may build: places; roads:500 (a grid of 500 m along roads); in:LAYER,LAYER (buildings "
                    "that stand).")
    budget: Amount | None = Field(None, description="Costs at most; a site costs 1, a building `building_cost`.")
    building_cost: Amount = Field(0.0, description="Paid once per building.")
    share: float = Field(1.0, ge=0, le=1, description="For lscp: share of all people who are to be in time.")
    quota: dict[Name, Annotated[list[Count], Field(min_length=2, max_length=2)]] = Field(
        {}, max_length=500, description="Township (code or name), or each -> least and most new sites.")
    apart_m: float = Field(0.0, ge=0, le=1e6, description="Least distance between new sites, in metres.")
    must: list[Name] = Field([], max_length=1000, description="Ids of candidates that are built in any case.")
    never: list[Name] = Field([], max_length=10_000, description="Ids of candidates that are not built.")
    weight: dict[Name, Annotated[float, Field(ge=0, le=1e6)]] = Field(
        {}, max_length=50, description="Group, as 60plus -> how much one of them counts.")
    equity: float = Field(0.0, ge=0, le=1, description="0: every person counts alike; 1: every place.")
    year: dict[Year, Amount] = Field({}, max_length=50, description="Year -> budget: a programme.")
    others: int = Field(0, ge=0, le=20, description="For mclp: list so many other choices within 1 %.")
    draws: int = Field(0, ge=0, le=200, description="Draws of uncertainty: in which share of them each site stays.")
    seconds: float = Field(60.0, ge=0.1, le=300, description="Time for the solver.")
    gap: float = Field(0.0, ge=0, le=1, description="Stop this near to the bound; 0 proves the best.")

    @property
    def layers(self) -> tuple[str, ...]:
        """Give the layers, one or several."""
        return (self.layer,) if isinstance(self.layer, str) else tuple(self.layer)

    @model_validator(mode="after")
    def _goes_together(self) -> SiteInputs:
        try:
            check_question(new=self.new, model=self.model, budget=self.budget, share=self.share, years=self.year,
                           links=None, others=self.others, draws=self.draws)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return self

    def check_run(self, store: Store) -> None:
        """Make sure that the run judges the layers by reach."""
        for name in self.layers:
            store.check_layer(name)
        reached = store.layers.table.loc[store.layers.table["reach"].astype(bool), "layer"].tolist()
        if strange := sorted(set(self.layers) - set(reached)):
            raise ParameterError(f"layer: {', '.join(strange)} is not judged by reach; choose of {', '.join(reached)}")


class ScenarioInputs(Inputs):
    """What would change: edits of facilities, roads and speeds, see ``docs/scenario.md``."""

    scenario: str = Field(min_length=1, max_length=60_000,
                          description="The scenario, as the text of its TOML file. It may name no other file.")
    year: int | None = Field(None, ge=1900, le=2200, description="Year, in place of the scenario's own.")

    @field_validator("scenario")
    @classmethod
    def _is_one(cls, text: str) -> str:
        try:
            parse_edits(text)
        except InputError as error:
            raise ValueError(str(error)) from None
        return text


class RunInputs(Inputs):
    """Nothing: the served run's files are read as they are now."""


Asked = TypeVar("Asked", bound=Inputs)


class Execution(BaseModel, Generic[Asked]):
    """What is posted to start a job (OGC API - Processes, execute)."""

    model_config = ConfigDict(extra="forbid")

    inputs: Asked
    response: Literal["document"] = "document"


@dataclass(frozen=True)
class Process:
    """One kind of job.

    Attributes
    ----------
    title, description : str
    inputs : type
        The model that checks what is asked.
    outputs : dict
        Name of each output -> its JSON schema with a title.
    """

    title: str
    description: str
    inputs: type[Inputs]
    outputs: dict[str, dict[str, Any]]


_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_ROWS: dict[str, Any] = {"type": "array", "items": {"type": "object"}}
PROCESSES: dict[str, Process] = {
    "site": Process(
        "选址 (where to build next)", "Choose sites for one service, or for several that share buildings, with the "
        "proof of the choice. The outputs are those of site.json and sites.csv; counts of groups are estimates.",
        SiteInputs, {
            "sites": {"title": "Chosen sites, those that win most first", **_ROWS},
            "objective": {"title": "What the model makes most or least", **_NUMBER},
            "bound": {"title": "What no choice can surpass", **_NUMBER},
            "gap": {"title": "Between the two, as a fraction", **_NUMBER},
            "status": {"title": "How well it is proven", "enum": ["optimal", "feasible", "infeasible", "unknown"]},
            "scenario": {"title": "The sites as a scenario (TOML), to be run and compared", "type": "string"}}),
    "scenario": Process(
        "情景对比 (before and after)", "Run the district with edits of facilities, roads and speeds, and without, and "
        "set both side by side. The outputs are those of `lifecircle compare --json`; counts of groups are estimates.",
        ScenarioInputs, {
            "before": {"title": "Run id of today", "type": "object"},
            "after": {"title": "Run id of the scenario, and what was edited", "type": "object"},
            "table": {"title": "Per township, class and layer: won, lost, rates, minutes, area per head", **_ROWS},
            "facilities": {"title": "Facilities opened, closed, moved and changed", **_ROWS},
            "gains": {"title": "What each new facility gains", **_ROWS},
            "roads": {"title": "Roads built, upgraded and cut", **_ROWS}}),
    "run": Process(
        "重新运算 (run again)", "Run the district again from its files as they are now, into a run directory of its "
        "own below the state folder of the service, where `lifecircle serve` can take it over.",
        RunInputs, {
            "same": {"title": "Whether inputs, policy and code are those of the served run", "type": "boolean"},
            "summary": {"title": "Headline figures, as `lifecircle run --json` prints them", "type": "object"}}),
}


def describe(name: str) -> dict[str, Any]:
    """Describe a process as OGC API - Processes has it."""
    process = PROCESSES[name]
    schema = process.inputs.model_json_schema()
    required = set(schema.get("required", ()))
    inputs = {key: {"title": key, "description": part.pop("description", ""), "minOccurs": int(key in required),
                    "maxOccurs": 1, "schema": part} for key, part in schema["properties"].items()}
    return {**summary(name), "inputs": inputs,
            "outputs": {key: {"title": part["title"], "schema": {k: v for k, v in part.items() if k != "title"}}
                        for key, part in process.outputs.items()}}


def summary(name: str) -> dict[str, Any]:
    """Describe a process in a few words."""
    process = PROCESSES[name]
    return {"id": name, "version": "1.0.0", "title": process.title, "description": process.description,
            "jobControlOptions": ["async-execute", "dismiss"], "outputTransmission": ["value"],
            "links": [{"rel": "self", "href": f"/processes/{name}", "type": "application/json", "title": process.title},
                      {"rel": "http://www.opengis.net/def/rel/ogc/1.0/execute", "href": f"/processes/{name}/execution",
                       "type": "application/json", "title": "Start a job"}]}
