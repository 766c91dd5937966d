"""Read what OSM's tags say of a road: class, direction, speed, structure, access."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

#: Road classes, in the words of OSM's ``highway`` tag; the index is what ``RoadNetwork.road_class`` holds.
ROAD_CLASSES: tuple[str, ...] = (
    "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link",
    "tertiary", "tertiary_link", "unclassified", "residential", "living_street", "service", "track", "road",
    "pedestrian", "footway", "path", "bridleway", "steps", "cycleway", "ferry",
)
CLASS_INDEX: dict[str, int] = {name: index for index, name in enumerate(ROAD_CLASSES)}

#: Access as read: -1 nothing said (the class decides), 0 forbidden, 1 allowed.
UNSAID, FORBIDDEN, ALLOWED = -1, 0, 1

_YES = {"yes", "designated", "permissive", "destination", "customers", "official", "public", "delivery", "true", "1"}
_NO = {"no", "private", "agricultural", "forestry", "military", "emergency", "false", "0"}
_KPH_PER_UNIT = {"": 1.0, "km/h": 1.0, "kmh": 1.0, "kph": 1.0, "mph": 1.609344, "knots": 1.852}
_NUMBER = re.compile(r"^(\d+(?:\.\d+)?)\s*(km/h|kmh|kph|mph|knots)?$")
#: Words in place of a number; the country's own default for built-up areas is taken as 50 km/h (general knowledge).
_WORDS = {"walk": 6.0, "living_street": 10.0, "urban": 50.0}


class RoadTags(NamedTuple):
    """What the tags of one road say; the fields are the columns of RoadNetwork."""

    road_class: int
    oneway: int
    maxspeed_kph: float
    speed_kph: float
    bridge: bool
    tunnel: bool
    ferry: bool
    foot: int
    bicycle: int
    motor: int


def first(value: Any) -> str:
    """Take one text of a tag that OSMnx may have merged into a list."""
    if isinstance(value, list | tuple | set):
        value = next(iter(value), "")
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def parse_speed_kph(text: str) -> float:
    """Read ``maxspeed`` in km/h; NaN where it says no limit or nothing that can be read.

    Of several values ("50;30", "50|70") the lowest counts.

    Examples
    --------
    >>> parse_speed_kph("50"), round(parse_speed_kph("30 mph"), 1), parse_speed_kph("CN:urban")
    (50.0, 48.3, 50.0)
    >>> parse_speed_kph("none"), parse_speed_kph("0"), parse_speed_kph("60;40")
    (nan, nan, 40.0)
    """
    found = [math.nan]
    for part in re.split(r"[;|,]", text.strip().lower()):
        part = part.strip()
        match = _NUMBER.match(part)
        if match and float(match[1]) > 0:
            found.append(float(match[1]) * _KPH_PER_UNIT[match[2] or ""])
        elif part.split(":")[-1] in _WORDS:
            found.append(_WORDS[part.split(":")[-1]])
    known = [speed for speed in found if speed == speed]
    return min(known) if known else math.nan


def parse_duration_min(text: str) -> float:
    """Read a ferry's ``duration`` ("25", "1:30", "00:12:00") in minutes; NaN where it cannot be read."""
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        return math.nan
    if len(parts) == 1:
        return parts[0]
    return parts[0] * 60 + parts[1] + (parts[2] / 60 if len(parts) == 3 else 0) if len(parts) <= 3 else math.nan


def _access(tags: Mapping[str, Any], *keys: str) -> int:
    for key in keys:
        value = first(tags.get(key)).lower()
        if value in _YES:
            return ALLOWED
        if value in _NO:
            return FORBIDDEN
    return UNSAID


def _oneway(tags: Mapping[str, Any], highway: str) -> int:
    value = first(tags.get("oneway")).lower()
    if value in {"yes", "true", "1"}:
        return 1
    if value in {"-1", "reverse"}:
        return -1
    implied = highway == "motorway" or first(tags.get("junction")) in {"roundabout", "circular"}
    return int(implied and value not in {"no", "false", "0"})


def road_tags(tags: Mapping[str, Any]) -> RoadTags | None:
    """Read a road's tags; None for what is no road that anyone may use today (areas, building sites, proposals)."""
    ferry = first(tags.get("route")) == "ferry"
    highway = "ferry" if ferry else first(tags.get("highway"))
    if highway not in CLASS_INDEX or first(tags.get("area")) == "yes":
        return None
    motorroad = first(tags.get("motorroad")) == "yes"
    foot = _access(tags, "foot", "access")
    bicycle = _access(tags, "bicycle", "vehicle", "access")
    return RoadTags(
        road_class=CLASS_INDEX[highway],
        oneway=_oneway(tags, highway),
        maxspeed_kph=parse_speed_kph(first(tags.get("maxspeed"))),
        speed_kph=parse_speed_kph(first(tags.get("speed_kph"))),
        bridge=first(tags.get("bridge")) not in {"", "no"},
        tunnel=first(tags.get("tunnel")) not in {"", "no"},
        ferry=ferry,
        foot=FORBIDDEN if motorroad and foot == UNSAID else foot,
        bicycle=FORBIDDEN if motorroad and bicycle == UNSAID else bicycle,
        motor=_access(tags, "motorcar", "motor_vehicle", "vehicle", "access"),
    )


#: Values of ``highway`` that say: not yet, or no longer, a road.
NOT_OPEN = frozenset({"construction", "proposed", "planned", "abandoned", "disused", "razed", "demolished",
                      "dismantled", "historic", "no"})
#: Values that OSM knows and nobody travels along: stops, resting places, race tracks, lifts, corridors in houses.
NO_ROADS = frozenset({"platform", "rest_area", "services", "bus_stop", "raceway", "elevator", "corridor", "escape",
                      "via_ferrata", "emergency_bay", "toll_gantry", "bus_guideway", "busway", "ladder"})


def why_no_road(tags: Mapping[str, Any]) -> str:
    """Give the tag by which `road_tags` found no road, as ``key=value``; blank where the way is none by any tag."""
    highway = first(tags.get("highway"))
    if not highway:
        return ""
    return "area=yes" if highway in CLASS_INDEX else f"highway={highway}"
