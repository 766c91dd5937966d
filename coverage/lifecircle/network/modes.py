"""Say how each group travels: speeds by road class, the walk off the road, slope, one-way streets."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from lifecircle.errors import ConfigError, first_of
from lifecircle.osmtags import CLASS_INDEX, ROAD_CLASSES
from lifecircle.policy import Policy

Family = Literal["foot", "bicycle", "motor"]


@dataclass(frozen=True)
class TravelMode:
    """One way to travel.

    Attributes
    ----------
    name : str
    family : str
        ``foot``, ``bicycle`` or ``motor``: which access tags and one-way rules hold.
    speeds_kph : mapping
        Road class -> km/h; 0 where the mode may not go.
    off_road_kph : float
        Speed of the straight walk between a place and the road.
    snap_limit_m : float
        Longest straight walk to a road.
    slope : str
        ``tobler`` (on foot) or ``none`` (class speeds are already mountain speeds).
    respects_oneway : bool
    terminal_min : float
        Minutes added once per trip by vehicle: to the car, and from it to the door.
    if_allowed_kph : float
        Speed on a class the mode does not use where a sign allows it.
    walk_mode : str
        Mode of the walk at the ends of a trip; the mode itself when on foot.
    source : str
        Where the figures come from; a policy that changes them names its own.
    """

    name: str
    family: Family
    speeds_kph: MappingProxyType[str, float]
    off_road_kph: float
    snap_limit_m: float = 300.0
    slope: Literal["tobler", "none"] = "none"
    respects_oneway: bool = True
    terminal_min: float = 0.0
    if_allowed_kph: float = 0.0
    walk_mode: str = "walk"
    label_zh: str = ""
    label_en: str = ""
    source: str = ""

    @property
    def on_foot(self) -> bool:
        """Tell whether the whole trip is a walk."""
        return self.family == "foot"

    @property
    def top_kph(self) -> float:
        """Give the fastest speed of the mode on land."""
        return max(kph for name, kph in self.speeds_kph.items() if name != "ferry")


def read_modes(path: Path) -> dict[str, TravelMode]:
    """Read modes from a table in TOML; classes that a mode does not name are closed to it.

    Parameters
    ----------
    path : Path
        Mode -> the fields of `TravelMode`, see ``modes.toml`` beside this module.
    """
    modes = {}
    for name, row in tomllib.loads(path.read_text(encoding="utf-8")).items():
        speeds = MappingProxyType({**dict.fromkeys(ROAD_CLASSES, 0.0), **row.pop("speeds_kph")})
        modes[name] = TravelMode(name=name, speeds_kph=speeds, **row)
    return modes


#: The built-in modes, with their sources.
MODES: dict[str, TravelMode] = read_modes(Path(__file__).with_name("modes.toml"))


def resolve_modes(policy: Policy) -> dict[str, TravelMode]:
    """Give every mode with the policy's changes laid over it.

    Raises
    ------
    ConfigError
        If the policy names a mode or a road class that does not exist.
    """
    modes = dict(MODES)
    for name, change in policy.modes.items():
        if name not in MODES:
            raise ConfigError("policy", f"unknown mode {name} in [modes.{name}]", f"modes: {first_of(MODES, 9)}")
        strange = sorted(set(change.speeds_kph) - set(CLASS_INDEX))
        if strange:
            raise ConfigError("policy", f"unknown road class {strange[0]} in [modes.{name}.speeds_kph]",
                              f"classes: {first_of(ROAD_CLASSES, 30)}")
        stated = change.model_dump(exclude_none=True, exclude={"source", "speeds_kph"})
        stated["source"] = change.source or f"changed by the policy, without a source; before: {MODES[name].source}"
        speeds = MappingProxyType({**MODES[name].speeds_kph, **change.speeds_kph})
        modes[name] = replace(MODES[name], speeds_kph=speeds, **stated)
    for layer, rules in policy.policy.items():
        for rule in (rules.urban, rules.rural):
            for name in () if rule is None else (rule.mode, *rule.beside):
                if name not in modes:
                    raise ConfigError("policy", f"unknown mode {name} in [policy.{layer}]",
                                      f"modes: {first_of(MODES, 9)}")
    return modes
