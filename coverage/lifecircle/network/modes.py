"""Say how each group travels: speeds by road class, the walk off the road, slope, one-way streets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from lifecircle.errors import ConfigError, first_of
from lifecircle.osmtags import CLASS_INDEX, ROAD_CLASSES
from lifecircle.policy import Policy

Family = Literal["foot", "bicycle", "motor"]
#: Walking off the road is slower than on it by this factor (domain convention, general knowledge).
OFF_ROAD_FACTOR = 0.6
_NOT_ON_FOOT = ("motorway", "motorway_link")
_ONLY_ON_FOOT = ("pedestrian", "footway", "path", "bridleway", "steps", "cycleway", "track")


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
    label_en: str = field(default="")

    @property
    def on_foot(self) -> bool:
        """Tell whether the whole trip is a walk."""
        return self.family == "foot"

    @property
    def top_kph(self) -> float:
        """Give the fastest speed of the mode on land."""
        return max(kph for name, kph in self.speeds_kph.items() if name != "ferry")


def _walk(name: str, base_kph: float, label_zh: str, label_en: str) -> TravelMode:
    speeds = dict.fromkeys(ROAD_CLASSES, base_kph)
    speeds.update(dict.fromkeys(_NOT_ON_FOOT, 0.0), steps=0.5 * base_kph, ferry=8.0)
    speeds.update(path=0.875 * base_kph, track=0.875 * base_kph, bridleway=0.875 * base_kph)
    return TravelMode(name, "foot", MappingProxyType(speeds), OFF_ROAD_FACTOR * base_kph, slope="tobler",
                      respects_oneway=False, if_allowed_kph=base_kph, walk_mode=name, label_zh=label_zh,
                      label_en=label_en)


def _wheels(name: str, family: Family, speeds_kph: dict[str, float], label_zh: str, label_en: str,
            **more: float) -> TravelMode:
    speeds = {**dict.fromkeys(ROAD_CLASSES, 0.0), "ferry": 8.0, **speeds_kph}
    return TravelMode(name, family, MappingProxyType(speeds), OFF_ROAD_FACTOR * 4.0, label_zh=label_zh,
                      label_en=label_en, **more)  # type: ignore[arg-type]


#: Mountain speeds by class: design classes are general knowledge, the speeds inferred from them.
_CAR = {
    "motorway": 80.0, "motorway_link": 40.0, "trunk": 50.0, "trunk_link": 35.0, "primary": 40.0, "primary_link": 30.0,
    "secondary": 35.0, "secondary_link": 25.0, "tertiary": 25.0, "tertiary_link": 20.0, "unclassified": 18.0,
    "residential": 20.0, "living_street": 10.0, "service": 15.0, "road": 18.0,
}
_MOTORCYCLE = {name: min(kph, 30.0) for name, kph in _CAR.items() if not name.startswith("motorway")}
_BICYCLE = {**dict.fromkeys(_MOTORCYCLE, 12.0), "living_street": 10.0, "service": 10.0, "track": 10.0, "path": 8.0,
            "cycleway": 12.0, "pedestrian": 5.0}

MODES: dict[str, TravelMode] = {
    mode.name: mode
    for mode in (
        _walk("walk", 4.0, "步行", "walking"),
        _walk("walk_elder", 3.0, "老年人步行", "walking, elders"),
        _walk("walk_child", 3.6, "携幼步行", "walking with a child"),
        _wheels("bicycle", "bicycle", _BICYCLE, "自行车", "bicycle", if_allowed_kph=8.0),
        _wheels("ebike", "bicycle", {name: min(1.5 * kph, 18.0) for name, kph in _BICYCLE.items()}, "电动自行车",
                "e-bike", if_allowed_kph=10.0),
        _wheels("motorcycle", "motor", {**_MOTORCYCLE, "track": 12.0}, "摩托车", "motorcycle", if_allowed_kph=10.0),
        _wheels("car", "motor", _CAR, "机动车", "car", terminal_min=3.0, if_allowed_kph=10.0),
    )
}


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
        speeds = MappingProxyType({**MODES[name].speeds_kph, **change.speeds_kph})
        modes[name] = replace(MODES[name], speeds_kph=speeds, **stated)
    for layer, rules in policy.policy.items():
        for rule in (rules.urban, rules.rural):
            for name in () if rule is None else (rule.mode, *rule.beside):
                if name not in modes:
                    raise ConfigError("policy", f"unknown mode {name} in [policy.{layer}]",
                                      f"modes: {first_of(MODES, 9)}")
    return modes
