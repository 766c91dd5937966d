"""Read the policy: per layer and class the cutoff, the mode, who counts, what each head is due."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from lifecircle.errors import ConfigError, MissingFileError


class Section(BaseModel):
    """A table of a settings file: unknown keys are errors, as are ``nan`` and ``inf``; values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ClassRule(Section):
    """What counts as in time for one urban-rural class.

    Attributes
    ----------
    cutoff_min : float
        In time means at most this many minutes.
    mode : str
        Headline travel mode.
    pass_share : float or None
        Share of people in time (0-1) at which the class passes; None while nobody has decided it.
    beside : tuple of str
        Modes whose rates are printed beside the headline.
    """

    cutoff_min: float = Field(gt=0, le=600)
    mode: str = "walk"
    pass_share: float | None = Field(default=None, ge=0, le=1)
    beside: tuple[str, ...] = ()

    @field_validator("pass_share", mode="before")
    @classmethod
    def _blank(cls, value: Any) -> Any:
        return None if value == "" else value


class Presence(Section):
    """Units that must hold a facility of their own: every place, community, village or township."""

    unit: Literal["place", "community", "village", "township", "district"]
    level: str = "all"
    exempt_if: tuple[str, ...] = ()
    source: str = ""


class Supply(Section):
    """What a layer's facilities hold, and how much of it one person needs.

    Attributes
    ----------
    capacity : str
        Column that holds it: ``capacity``, ``effective_area_m2`` or ``area_m2``.
    need_per_person : float
        Units of it that one person of the layer's group needs.
    unit : str
        What a unit is called; blank: m2 for an area, else capacity.
    zone_weights : tuple of float
        Weights of E2SFCA and 3SFCA, nearest first: the cutoff is cut into as many zones of the same width.
    """

    capacity: Literal["capacity", "effective_area_m2", "area_m2"] = "capacity"
    need_per_person: float = Field(default=1.0, gt=0)
    unit: str = ""
    zone_weights: tuple[float, ...] = (1.0, 0.68, 0.22)
    source: str = ""

    @field_validator("zone_weights")
    @classmethod
    def _falling(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if not weights or not all(0 < weight <= 1 for weight in weights) or list(weights) != sorted(weights)[::-1]:
            raise ValueError("zone_weights must lie in (0, 1] and not rise with the distance")
        return weights

    @property
    def unit_name(self) -> str:
        """Give what a unit of capacity is called."""
        return self.unit or ("m2" if self.capacity.endswith("_m2") else "capacity")


class AreaKind(Section):
    """A kind of facility whose area is shared out: how far people go to it, and what each is due there.

    Attributes
    ----------
    level : str
        Level of the facilities.
    kind_2015, kind_2024 : str
        What the kind is called in the vocabulary of GB 51143-2015 and in that of GB/T 44013-2024.
    distance_m : float
        People go at most so far, along the roads.
    m2_per_person : float or None
        Area that the kind allows each person; tells for how many people a facility has room.
    counts : bool
        Whether its area counts towards the area per head.
    """

    level: str
    kind_2015: str = ""
    kind_2024: str = ""
    distance_m: float = Field(gt=0, le=20_000)
    m2_per_person: float | None = Field(default=None, gt=0)
    counts: bool = True
    source: str = ""


class LayerPolicy(Section):
    """The policy of one facility layer.

    Attributes
    ----------
    direction : str
        ``to`` the facility, ``from`` it, or the ``worse`` of both.
    slope : str or None
        ``tobler``, ``none``, or None: Tobler where heights are given.
    group : str
        Whose reach counts: ``all`` or the suffix of a ``population_<group>`` column.
    accepts : tuple of str
        Levels that serve; empty means all.
    urban, rural : ClassRule or None
        Rule of each class; ``false`` in the file means that the class is not judged.
    m2_per_head : float or None
        Effective area due to each resident, for layers measured in area.
    area : str
        Which area counts: ``effective_area_m2`` or ``area_m2``.
    areas_per_facility : bool
        Also draw the service area of every single facility.
    kinds : tuple of AreaKind
        Kinds by level, for layers measured in area; a level that is not named counts, and nobody goes to it.
    evacuation : bool
        People flee to it: where there are hazard zones it is judged once more without what lies in them.
    supply : Supply or None
        What the facilities hold; without it capacity limits nobody.
    """

    label_zh: str = ""
    label_en: str = ""
    direction: Literal["to", "from", "worse"] = "to"
    slope: Literal["tobler", "none"] | None = None
    group: str = "all"
    accepts: tuple[str, ...] = ()
    urban: ClassRule | None = ClassRule(cutoff_min=15)
    rural: ClassRule | None = ClassRule(cutoff_min=30)
    presence: tuple[Presence, ...] = ()
    m2_per_head: float | None = Field(default=None, gt=0)
    area: Literal["effective_area_m2", "area_m2"] = "effective_area_m2"
    site_area_factor: float = Field(default=0.6, gt=0, le=1)
    kinds: tuple[AreaKind, ...] = ()
    evacuation: bool = False
    reach: bool = True
    areas_per_facility: bool = False
    supply: Supply | None = None
    lead_unit: str = ""
    source: str = ""

    @field_validator("urban", "rural", mode="before")
    @classmethod
    def _switched_off(cls, value: Any) -> Any:
        return None if value is False else value

    @property
    def ways(self) -> tuple[Literal["to", "from"], ...]:
        """List the directions in which trips are judged."""
        return ("to", "from") if self.direction == "worse" else (self.direction,)

    def rule(self, urban_rural: str) -> ClassRule | None:
        """Give the rule of a class (urban or rural); None where the layer is not judged by reach."""
        if not self.reach:
            return None
        return self.urban if urban_rural == "urban" else self.rural

    @property
    def level_words(self) -> dict[str, str]:
        """Give the words of both vocabularies of kinds and the level each means; of two levels the first."""
        words = [(word, kind.level) for kind in self.kinds for word in (kind.kind_2015, kind.kind_2024) if word]
        return dict(reversed(words))

    def label(self, language: str, layer: str) -> str:
        """Give the layer's name in a language, or its key."""
        return (self.label_zh if language == "zh" else self.label_en) or layer


class ModeOverride(Section):
    """Changes to a travel mode: speeds by road class and the rest of `TravelMode`."""

    speeds_kph: dict[str, float] = {}
    off_road_kph: float | None = Field(default=None, gt=0)
    snap_limit_m: float | None = Field(default=None, gt=0, le=5000)
    slope: Literal["tobler", "none"] | None = None
    terminal_min: float | None = Field(default=None, ge=0)
    source: str = ""

    @field_validator("speeds_kph")
    @classmethod
    def _positive(cls, speeds: dict[str, float]) -> dict[str, float]:
        wrong = [name for name, kph in speeds.items() if not 0 <= kph <= 200]
        if wrong:
            raise ValueError(f"speed of {wrong[0]} must lie between 0 (may not be used) and 200 km/h")
        return speeds


class Policy(Section):
    """A whole policy file.

    Attributes
    ----------
    policy : dict
        Layer -> its policy; layers without a table get the defaults of `LayerPolicy`.
    modes : dict
        Mode -> changes to it.
    class_rule : str
        Which urban-rural codes are urban: ``1xx`` (default), ``111_112`` or ``streets``.
    unsure_above_undetermined : float
        Share of undetermined people above which a verdict is unsure.
    long_leg_m : float
        Straight walks to the road longer than this are listed.
    cutoffs_min : tuple of float
        Minutes at which the rate is printed besides the cutoff that decides.
    """

    title: str = ""
    source: str = ""
    class_rule: Literal["1xx", "111_112", "streets"] = "1xx"
    unsure_above_undetermined: float = Field(default=0.10, ge=0, le=1)
    long_leg_m: float = Field(default=100.0, gt=0)
    township_pass_shares: tuple[float, ...] = (0.80, 0.90, 0.95, 1.00)
    cutoffs_min: tuple[float, ...] = (5, 10, 15, 20, 30, 45, 60)
    policy: dict[str, LayerPolicy] = {}
    modes: dict[str, ModeOverride] = {}

    @model_validator(mode="after")
    def _shares(self) -> Policy:
        if any(not 0 < share <= 1 for share in self.township_pass_shares):
            raise ValueError("township_pass_shares must lie in (0, 1]")
        if any(not 0 < cutoff <= 600 for cutoff in self.cutoffs_min):
            raise ValueError("cutoffs_min must lie in (0, 600]")
        return self

    def layer(self, name: str) -> LayerPolicy:
        """Give the policy of a layer, or the defaults."""
        return self.policy.get(name, LayerPolicy())


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    MissingFileError
        If it is not there.
    ConfigError
        If it is not TOML; the line is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MissingFileError(path, "cannot be opened" if path.exists() else "no such file",
                               "check the name; paths are relative to the run file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(path, f"is not valid TOML: {error}", "mend the line") from error
    return parse_toml(text, path)


def parse_toml(text: str, where: Path | str) -> dict[str, Any]:
    """Read TOML.

    Raises
    ------
    ConfigError
        If it is none; the line is named.
    """
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(where, f"is not valid TOML: {error}", "mend the line") from error


def explain(error: ValidationError, path: Path | str, model: type[BaseModel]) -> ConfigError:
    """Turn pydantic's first complaint into one line that names the key and the nearest known ones."""
    import difflib

    first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    location = [str(part) for part in first["loc"]]
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, location[:-1])
        near = difflib.get_close_matches(location[-1], known, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(sorted(known))}"
        return ConfigError(path, f"unknown key {key}", remedy)
    if first["type"] == "missing":
        return ConfigError(path, f"key {key} is missing", "add it")
    return ConfigError(path, f"key {key}: {first['msg'].removeprefix('Value error, ')}, got {first['input']!r}"[:300],
                       "correct the value")


def _known_keys(model: type[BaseModel], location: list[str]) -> list[str]:
    """Walk from a model along a path of keys and list the keys known there."""
    import typing

    current: Any = model
    for part in location:
        if part.isdigit():
            continue
        if typing.get_origin(current) is dict:
            current = typing.get_args(current)[1]
            continue
        if isinstance(current, type) and issubclass(current, BaseModel):
            by_alias = {field.alias or name: field for name, field in current.model_fields.items()}
            if part not in by_alias:
                return []
            current = by_alias[part].annotation
        inner = [arg for arg in typing.get_args(current) if isinstance(arg, type) and issubclass(arg, BaseModel)]
        current = inner[-1] if inner and typing.get_origin(current) is not dict else current
    if isinstance(current, type) and issubclass(current, BaseModel):
        return [field.alias or name for name, field in current.model_fields.items()]
    return []


def _laid_over(below: Any, above: Any) -> Any:
    """Lay one table over another, key by key and table by table."""
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {**below, **{key: _laid_over(below.get(key), value) for key, value in above.items()}}


def read_policy(path: Path | None, overrides: dict[str, Any] | None = None, *, where: Path | str = "policy") -> Policy:
    """Read a policy file and lay the run file's own ``[policy.<layer>]`` tables over it.

    Raises
    ------
    MissingFileError, ConfigError
        As for `read_toml`; also for unknown keys and values out of range.
    """
    content = read_toml(path) if path else {}
    layers = dict(content.get("policy", {}))
    for name, table in (overrides or {}).items():
        layers[name] = _laid_over(layers.get(name, {}), table)
    try:
        return Policy.model_validate({**content, "policy": layers})
    except ValidationError as error:
        raise explain(error, path or where, Policy) from None
