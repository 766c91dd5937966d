"""Describe what the service answers, for OpenAPI and for clients that check."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Quality = Literal["surveyed", "register", "osm", "derived", "model"]
Class = Literal["urban", "rural", "all"]
Verdict = Literal["met", "not_met", "unsure", "undecided", "no_data"]


class Model(BaseModel):
    """Base of all answers: no field beyond those described."""

    model_config = ConfigDict(extra="forbid")


class Stamp(Model):
    """What every answer carries."""

    run_id: str = Field(description="Hash of inputs, policy, code version and seed of the run.")
    quality: Quality = Field(description="The worst quality of the inputs; `model` means that nothing here is real.")
    notice: str | None = Field(description="To be shown beside every figure where it is not null.")


class Listing(Stamp):
    """A list of rows."""

    count: int = Field(description="Rows that match.")
    returned: int = Field(description="Rows given; fewer than `count` where `limit` cut them.")


class Link(Model):
    """Where to go from here."""

    rel: str
    href: str
    type: str
    title: str


class Landing(Stamp):
    """The first page for programs."""

    title: str
    links: list[Link]


class Health(Stamp):
    """Proof of life."""

    status: Literal["ok"]


class Rule(Model):
    """What counts as in time for a class."""

    mode: str = Field(description="Headline travel mode.")
    cutoff_min: float = Field(description="In time means at most so many minutes.")
    pass_share: float | None = Field(description="Share in time at which the class passes; null while undecided.")
    beside: list[str] = Field(description="Modes shown beside the headline.")


class Layer(Model):
    """A facility layer and its rules."""

    layer: str
    label_zh: str
    label_en: str
    quality: Quality
    reach: bool = Field(description="Judged by time.")
    group: str = Field(description="Whose reach counts: `all` or a group such as `60plus`.")
    direction: Literal["to", "from", "worse"]
    urban: Rule | None
    rural: Rule | None
    m2_per_head: float | None = Field(description="Area due to each resident, in square metres.")
    lead_unit: str


class Layers(Listing):
    """All layers."""

    items: list[Layer]


class Figures(Model):
    """Headline figures of one layer in one township; null where there is none or it may not be shown."""

    quality: Quality
    people: float | None = None
    people_in_time: float | None = None
    people_out: float | None = None
    people_undetermined: float | None = None
    coverage_rate: float | None = Field(None, description="Share of people in time, 0 to 1.")
    coverage_low: float | None = Field(None, description="Undetermined people counted as out.")
    coverage_high: float | None = Field(None, description="Undetermined people counted as in.")
    coverage_verdict: Verdict | None = None
    area_per_head_m2: float | None = None
    area_low: float | None = None
    area_high: float | None = None
    area_verdict: Verdict | None = None
    findings: list[str] = Field([], description="Codes of the findings that cast doubt on these figures; see "
                                                "/findings. Empty where there is none.")


class Township(Model):
    """A township with its headline figures."""

    township_code: str
    township: str
    kind: str
    population: float
    layers: dict[str, Figures]


class Townships(Listing):
    """All townships."""

    items: list[Township]


class Gap(Model):
    """One gap: a place (or a township) where a layer falls short; the columns of gaps.csv."""

    township_code: str
    township: str
    place_code: str
    place: str
    class_: Class = Field(alias="class")
    layer: str
    level: str
    kind: Literal["reach", "presence", "capacity", "area"]
    group: str
    mode: str
    scenario: str
    metric: str
    cutoff: float | None = Field(description="Minutes.")
    people: float | None
    people_out: float | None
    people_undetermined: float | None
    need: float | None
    have: float | None
    short: float | None
    unit: str = Field(description="Unit of need, have and short.")
    minutes_median: float | None
    minutes_worst: float | None
    minutes_over: float | None = Field(description="Median minutes of the people out, over the cutoff.")
    nearest_facility: str
    cause: Literal["no_facility", "too_far", "full", "off_network", "no_data"]
    quality: Quality
    lead_unit: str
    findings: list[str] = Field(description="Codes of the findings that cast doubt on the layer in this township; "
                                            "not in the CSV.")


class Gaps(Listing):
    """A gap list."""

    items: list[Gap]


class Finding(Model):
    """One thing noticed about the inputs."""

    severity: Literal["stop", "warn", "note"] = Field(description="A `warn` casts doubt on figures; a `note` does not.")
    code: str
    title_zh: str
    title_en: str
    message: str
    file: str
    id: str = Field(description="Rows, features or the field; the first of them.")
    value: str
    remedy: str
    layer: str = Field(description="What it touches; several are separated by `, `, blank stands for all.")
    township_code: str = Field(description="As `layer`.")
    count: int = Field(description="How many rows share it.")


class Findings(Listing):
    """What was noticed about the inputs."""

    items: list[Finding]


class Area(Model):
    """Properties of a service area."""

    layer: str
    mode: str
    kind: Literal["circle", "isochrone", "facility"]
    cutoff: float | None = Field(description="Minutes; null for a circle, where each class has its own.")
    facility_id: str = Field(default="", description="The facility whose area it is; else blank.")
    area_km2: float
    population: float
    quality: Quality


class Geometry(Model):
    """A GeoJSON MultiPolygon: WGS 84, longitude first, outer rings anticlockwise."""

    type: Literal["MultiPolygon"]
    coordinates: list[list[list[tuple[float, float]]]]


class Feature(Model):
    """A GeoJSON feature."""

    type: Literal["Feature"]
    id: str
    properties: Area
    geometry: Geometry


class ServiceAreas(Stamp):
    """A GeoJSON feature collection (RFC 7946)."""

    type: Literal["FeatureCollection"]
    features: list[Feature]


class Fault(Model):
    """One parameter at fault."""

    in_: str = Field(alias="in")
    name: str
    detail: str


class Problem(Model):
    """An error as RFC 9457 has it."""

    type: str = Field(description="`about:blank`, or the name that OGC API - Processes gives the error.")
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Fault] = []


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe, for OpenAPI, the errors that a route may answer with."""
    fault = Fault.model_json_schema()
    schema = Problem.model_json_schema()
    schema.pop("$defs")
    schema["properties"]["errors"]["items"] = fault
    return {status: {"description": "Problem (RFC 9457)", "content": {"application/problem+json": {"schema": schema}}}
            for status in statuses}
