"""Describe what may be asked of the live district, and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lifecircle_api.models import Class, Gap, Model, Quality, Stamp

#: A draft holds so many facilities at most.
MOST_ADDED, MOST_CLOSED, MOST_LAYERS = 50, 500, 20

Text = Annotated[str, Field(max_length=80)]
Amount = Annotated[float, Field(ge=0, le=1e9)]
Minutes = Annotated[float, Field(gt=0, le=600)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class Asked(BaseModel):
    """Base of all questions: no key beyond those described, and numbers are numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Added(Asked):
    """A facility that does not stand yet; degrees of WGS 84, and not beyond the district and its buffer."""

    lon: float = Field(ge=-180, le=180)
    lat: float = Field(ge=-90, le=90)
    name: Text = ""
    level: Text | None = Field(None, description="One that the layer accepts; null: the first of them.")
    capacity: Amount | None = None
    area_m2: Amount | None = Field(None, description="Area of the site.")
    effective_area_m2: Amount | None = Field(None, description="Area that counts per head.")


class Cutoffs(Asked):
    """Minutes per class; a class that is not named keeps its own."""

    urban: Minutes | None = None
    rural: Minutes | None = None


class Draft(Asked):
    """Facilities of one layer opened and closed, and other rules to judge it by."""

    layer: Name
    add: list[Added] = Field([], max_length=MOST_ADDED)
    close: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        [], max_length=MOST_CLOSED, description="facility_id of those given up.")
    cutoff_min: Minutes | Cutoffs | None = Field(None, description="In time means at most so many minutes.")
    mode: Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=20)] | None = Field(
        None, description="How everybody travels.")

    @property
    def cutoffs(self) -> float | dict[str, float] | None:
        """Give the cutoff as the engine asks for it."""
        if isinstance(self.cutoff_min, Cutoffs):
            return self.cutoff_min.model_dump(exclude_none=True)
        return self.cutoff_min


class DraftScenario(Asked):
    """Drafts of several layers, to be written as one scenario."""

    name: Text = ""
    layers: list[Draft] = Field(min_length=1, max_length=MOST_LAYERS)

    @model_validator(mode="after")
    def _each_once(self) -> DraftScenario:
        names = [draft.layer for draft in self.layers]
        if len(set(names)) < len(names):
            raise ValueError("each layer may stand there once")
        return self


class LiveLayer(Model):
    """A layer that can be asked about."""

    layer: str
    group: str = Field(description="Whose reach counts.")
    estimated: bool = Field(description="People of the group are estimated from what is published.")
    levels: list[str] = Field(description="Levels that serve; the first is that of new facilities. Empty: all.")
    urban: LiveRule | None
    rural: LiveRule | None
    m2_per_head: float | None


class LiveRule(Model):
    """What counts as in time for a class."""

    mode: str
    cutoff_min: float


class LiveState(Stamp):
    """Whether the district is held warm, and what can be asked of it."""

    status: Literal["starting", "ready", "unavailable"]
    reason: str = Field(description="Why it is unavailable; else blank.")
    extent: tuple[float, float, float, float] | None = Field(
        description="West, south, east, north in degrees: where facilities may stand.")
    area: list[list[tuple[float, float]]] = Field(
        description="Rings of where they may stand, a little within; what lies in an odd number of them may.")
    modes: list[str]
    layers: list[LiveLayer]


class Covered(Model):
    """People in time before and after; null where there is none or it may not be shown."""

    township_code: str
    township: str
    class_: Class = Field(alias="class")
    people: float | None
    people_in_time: float | None
    people_out: float | None
    people_undetermined: float | None
    coverage_rate: float | None
    coverage_low: float | None = Field(description="Undetermined people counted as out.")
    coverage_high: float | None = Field(description="Undetermined people counted as in.")
    people_in_time_before: float | None
    people_out_before: float | None
    people_undetermined_before: float | None
    coverage_rate_before: float | None
    coverage_low_before: float | None
    coverage_high_before: float | None


class Moved(Model):
    """A place where somebody's minutes change."""

    township_code: str
    place_code: str
    place: str
    people: float | None
    people_won: float | None
    people_lost: float | None


class PerHead(Model):
    """Area per head before and after."""

    township_code: str
    township: str
    area_m2: float | None
    people: float | None
    area_per_head_m2: float | None
    area_per_head_m2_before: float | None


class WhatIf(Stamp):
    """What a draft changes in its layer."""

    layer: str
    layer_quality: Quality
    group: str
    estimated: bool = Field(description="People of the group are estimated: each township's residents times its "
                                        "published share of the group. Counts under 10 are null.")
    urban: LiveRule | None
    rural: LiveRule | None
    coverage: list[Covered] = Field(description="Townships, the district last; `all` judges each class by its rule.")
    places: list[Moved]
    gaps: list[Gap] = Field(description="All gaps of reach and of area that the layer has afterwards.")
    area: list[PerHead] | None
    milliseconds: float


LiveLayer.model_rebuild()
