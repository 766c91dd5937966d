"""Read a scenario file: facilities opened, closed, moved or changed, roads built, upgraded or cut, other speeds.

It is TOML with a list per kind of edit, or GeoJSON whose features carry the property ``edit`` and the same keys.
"""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import shapely
from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from lifecircle.errors import ConfigError, UnreadableFileError, first_of
from lifecircle.inputs.files import existing_file
from lifecircle.osmtags import ROAD_CLASSES
from lifecircle.policy import Section, explain, parse_toml, read_toml

#: A scenario is a list of edits that somebody wrote; what is larger is something else.
MOST_BYTES, MOST_EDITS, MOST_POSITIONS = 5_000_000, 1_000, 100_000
_GEOJSON = (".geojson", ".json")
#: Kind of geometry -> kinds of edit that it may place.
_PLACES = {"Point": ("open", "move", "cut"), "LineString": ("build", "upgrade", "cut"),
           "Polygon": ("upgrade", "cut"), "MultiPolygon": ("upgrade", "cut")}

Family = Literal["foot", "bicycle", "motor"]
Text = Annotated[str, Field(max_length=200)]
Amount = Annotated[float, Field(ge=0, le=1e9)]


def _positions(value: Any, least: int) -> Any:
    """Give (n, 2) coordinates of a list of pairs; a height is left off."""
    if not isinstance(value, list | tuple) or not least <= len(value) <= MOST_POSITIONS:
        raise ValueError(f"must be a list of at least {least} positions [lon, lat], and at most {MOST_POSITIONS:,}")
    for pair in value:
        plain = isinstance(pair, list | tuple) and len(pair) in (2, 3)
        if not plain or not all(type(number) in (int, float) and abs(number) < 1e9 for number in pair):
            raise ValueError(f"holds {str(pair)[:60]}, which is no position [lon, lat]")
    return np.array([pair[:2] for pair in value], dtype=float)


def _line(value: Any) -> Any:
    xy = _positions(value, 2)
    if (xy == xy[0]).all():
        raise ValueError("is a line without length")
    return shapely.LineString(xy)


def _area(value: Any) -> Any:
    """Read one ring, a list of rings (the first goes round, the others are holes), or a list of such lists."""
    depth, inner = 0, value
    while isinstance(inner, list | tuple) and len(inner) and depth < 5:
        depth, inner = depth + 1, inner[0]
    if depth not in (2, 3, 4):
        raise ValueError("must be a ring of positions [lon, lat], or rings as GeoJSON has them")
    several = [[value]] if depth == 2 else [value] if depth == 3 else value
    if not all(isinstance(rings, list | tuple) and rings for rings in several):
        raise ValueError("holds a polygon without a ring")
    shapes = [shapely.Polygon(outer, holes) for outer, *holes in (
        [_positions(ring, 3) for ring in rings] for rings in several)]
    whole = shapely.make_valid(shapely.MultiPolygon(shapes))
    parts = [part for part in shapely.get_parts(whole) if shapely.area(part) > 0]
    if not parts:
        raise ValueError("is an area without ground")
    return shapely.union_all(parts)


Line = Annotated[Any, BeforeValidator(_line)]
Area = Annotated[Any, BeforeValidator(_area)]


def _known_class(name: str) -> str:
    if name not in ROAD_CLASSES[:-1]:
        near = difflib.get_close_matches(name, ROAD_CLASSES[:-1], n=1)
        raise ValueError(f"{name[:40]} is no road class; " + (f"did you mean {near[0]}?" if near else
                                                             f"there are {', '.join(ROAD_CLASSES[:-1])}"))
    return name


class Edit(Section):
    """One change; with a year it counts from that year of the scenario on."""

    year: int | None = Field(default=None, ge=1900, le=2200)

    @property
    def place(self) -> shapely.Geometry | None:
        """Give where it is, as the file has it; None where it has no place of its own."""
        given = [getattr(self, key, None) for key in ("line", "area")]
        if getattr(self, "lon", None) is not None:
            return shapely.Point(self.lon, self.lat)  # type: ignore[attr-defined]
        return next((shape for shape in given if shape is not None), None)


class Open(Edit):
    """A new facility; its status is existing, its quality derived."""

    layer: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    name: Text
    level: Text = "all"
    lon: float
    lat: float
    capacity: Amount | None = None
    capacity_unit: Text = ""
    area_m2: Amount | None = None
    effective_area_m2: Amount | None = None
    facility_id: Text = ""
    cost: Amount | None = None


class Known(Edit):
    """A facility that is there: by its id, or by layer and name."""

    facility: Text = ""
    layer: Text = ""
    name: Text = ""

    @model_validator(mode="after")
    def _named(self) -> Known:
        if bool(self.facility) == bool(self.layer and self.name) or bool(self.layer) != bool(self.name):
            raise ValueError("name the facility by its id (facility), or by layer and name")
        return self


class Close(Known):
    """A facility that is given up."""


class Move(Known):
    """A facility that stands elsewhere."""

    lon: float
    lat: float


class Change(Known):
    """A facility that is enlarged, reduced or of another level."""

    level: Text | None = None
    capacity: Amount | None = None
    area_m2: Amount | None = None
    effective_area_m2: Amount | None = None

    @model_validator(mode="after")
    def _some(self) -> Change:
        if not self.figures:
            raise ValueError("changes nothing: give level, capacity, area_m2 or effective_area_m2")
        return self

    @property
    def figures(self) -> dict[str, Any]:
        """Give what it changes."""
        names = ("level", "capacity", "area_m2", "effective_area_m2")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Build(Edit):
    """A new road; `oneway` in the direction of its line."""

    name: Text = ""
    line: Line
    class_: Annotated[str, BeforeValidator(_known_class)] = Field(default="unclassified", alias="class")
    oneway: bool = False
    bridge: bool = False
    tunnel: bool = False
    maxspeed_kph: float | None = Field(default=None, gt=0, le=200)
    join_m: float = Field(default=15.0, ge=0, le=200)
    cost: float | None = Field(default=None, ge=0)


class Upgrade(Edit):
    """Roads along a line or in an area that get another class or speed limit."""

    name: Text = ""
    line: Line = None
    area: Area = None
    within_m: float = Field(default=15.0, gt=0, le=200)
    classes: tuple[Annotated[str, BeforeValidator(_known_class)], ...] = ()
    class_: Annotated[str, BeforeValidator(_known_class)] | None = Field(default=None, alias="class")
    maxspeed_kph: float | None = Field(default=None, gt=0, le=200)
    cost: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> Upgrade:
        if (self.line is None) == (self.area is None):
            raise ValueError("give either line or area")
        if self.class_ is None and self.maxspeed_kph is None:
            raise ValueError("changes nothing: give class or maxspeed_kph")
        return self


class Cut(Edit):
    """Roads that nobody, or nobody by some means, can use."""

    name: Text = ""
    kind: Literal["landslide", "flood", "wet_season_bridge", "closed"] = "closed"
    lon: float | None = None
    lat: float | None = None
    radius_m: float = Field(default=50.0, gt=0, le=50_000)
    line: Line = None
    area: Area = None
    file: Text | None = None
    modes: tuple[Family, ...] = ("foot", "bicycle", "motor")
    bridges_only: bool | None = None

    @model_validator(mode="after")
    def _whole(self) -> Cut:
        if (self.lon is None) != (self.lat is None):
            raise ValueError("give lon and lat together")
        if sum(item is not None for item in (self.lon, self.line, self.area, self.file)) != 1:
            raise ValueError("give one of lon and lat, line, area and file")
        if not self.modes:
            raise ValueError("cuts nobody off: name some modes, or leave the key out")
        return self

    @property
    def only_bridges(self) -> bool:
        """Tell whether it is for bridges alone, as one of the wet season is unless it says otherwise."""
        return self.kind == "wet_season_bridge" if self.bridges_only is None else self.bridges_only


KINDS: dict[str, type[Edit]] = {"open": Open, "close": Close, "move": Move, "change": Change, "build": Build,
                                "upgrade": Upgrade, "cut": Cut}


class ScenarioFile(Section):
    """A whole scenario file.

    Attributes
    ----------
    name : str
        Shown on every output; blank: the file's name.
    year : int or None
        Edits of later years do not count yet; facilities planned or being built that open by then count as existing.
        None: every edit counts, and they do not.
    datum, crs : str or None
        Of the coordinates; degrees of WGS 84 where neither is said.
    speeds_kph : dict
        Mode -> road class -> km/h, or ``factor``.
    """

    name: Text = ""
    year: int | None = Field(default=None, ge=1900, le=2200)
    datum: Literal["wgs84", "cgcs2000", "gcj02", "bd09"] | None = None
    crs: Text | None = None
    open: tuple[Open, ...] = ()
    close: tuple[Close, ...] = ()
    move: tuple[Move, ...] = ()
    change: tuple[Change, ...] = ()
    build: tuple[Build, ...] = ()
    upgrade: tuple[Upgrade, ...] = ()
    cut: tuple[Cut, ...] = ()
    speeds_kph: dict[str, dict[str, float]] = {}

    @field_validator("speeds_kph")
    @classmethod
    def _speeds(cls, speeds: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for mode, table in speeds.items():
            for key, value in table.items():
                if key != "factor":
                    _known_class(key)
                if not 0 <= value <= 200 or (key == "factor" and not 0.01 <= value <= 100):
                    raise ValueError(f"{mode[:40]}.{key} must be a speed from 0 (may not be used) to 200 km/h, "
                                     "or a factor from 0.01 to 100")
        return speeds

    @model_validator(mode="after")
    def _few(self) -> ScenarioFile:
        count = sum(len(getattr(self, kind)) for kind in KINDS)
        if count > MOST_EDITS:
            raise ValueError(f"there are {count:,} edits, and at most {MOST_EDITS:,} are read")
        if self.datum in ("gcj02", "bd09") and self.crs:
            raise ValueError(f"{self.datum} is a datum of degrees: leave crs out")
        return self


def read_edits(path: str | Path) -> ScenarioFile:
    """Read a scenario file.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If it is not there, too large, or neither TOML nor GeoJSON.
    ConfigError
        If it has an unknown key or a value out of range; edit and key are named, and the nearest key that is known.
    """
    path = existing_file(path, where="the folder you are in")
    if path.suffix.lower() not in (".toml", *_GEOJSON):
        raise UnreadableFileError(path, f"a scenario is no {path.suffix or 'file without a suffix'}",
                                  "write it as .toml or .geojson")
    if path.stat().st_size > MOST_BYTES:
        raise UnreadableFileError(path, f"has more than {MOST_BYTES / 1e6:.0f} MB", "a scenario lists single edits")
    numbers: dict[str, list[int]] = {}
    content = read_toml(path) if path.suffix.lower() == ".toml" else _of_features(_json(path), path, numbers)
    return _validated(content, path, numbers)


def parse_edits(text: str) -> ScenarioFile:
    """Read a scenario that somebody sent as TOML; it may name no file.

    Raises
    ------
    ConfigError
        As `read_edits`, and if an edit names a file.
    """
    content = _validated(parse_toml(text, "scenario"), "scenario", {})
    for number, edit in enumerate(content.cut, start=1):
        if edit.file is not None:
            raise ConfigError("scenario", f"cut {number} names the file {edit.file[:80]}", "give its area instead")
    return content


def _validated(content: dict[str, Any], path: Path | str, numbers: dict[str, list[int]]) -> ScenarioFile:
    """Check a scenario's keys and values; `numbers` are those of the features it comes from."""
    try:
        return ScenarioFile.model_validate(content)
    except ValidationError as error:
        first = min(error.errors(), key=lambda item: item["type"] != "extra_forbidden")["loc"]
        where = str(path)
        if len(first) > 1 and str(first[0]) in numbers and isinstance(first[1], int):
            where += f": feature {numbers[str(first[0])][first[1]]}"
        raise explain(error, where, ScenarioFile) from None


def _json(path: Path) -> dict[str, Any]:
    """Read JSON; NaN and infinity, which it does not know, are refused."""
    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is no number")

    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableFileError(path, f"is no GeoJSON: {str(error)[:200]}", "export it again") from error
    if not isinstance(content, dict) or content.get("type") != "FeatureCollection":
        raise UnreadableFileError(path, "is no FeatureCollection of GeoJSON", "export the edits as one layer")
    return content


def _of_features(content: dict[str, Any], path: Path, numbers: dict[str, list[int]]) -> dict[str, Any]:
    """Bring a collection of features to the form of the TOML; `numbers` gets which feature each edit is."""
    tables: dict[str, Any] = {key: value for key, value in content.items() if key not in ("type", "features", "bbox")}
    if isinstance(tables.get("crs"), dict):  # as older programs write it
        properties = tables["crs"].get("properties")
        tables["crs"] = properties.get("name") if isinstance(properties, dict) else None
    features, found = content.get("features"), defaultdict(list)
    if not isinstance(features, list) or not all(isinstance(item, dict) for item in features):
        raise UnreadableFileError(path, "has no list of features", "export the edits as one layer")
    for number, feature in enumerate(features, start=1):
        properties = feature.get("properties")
        given = {key: value for key, value in (properties if isinstance(properties, dict) else {}).items()
                 if value is not None}
        kind = given.pop("edit", None)
        if not isinstance(kind, str) or kind not in KINDS:
            near = difflib.get_close_matches(str(kind)[:40], KINDS, n=1)
            raise ConfigError(f"{path}: feature {number}", f"property edit is {str(kind)[:40]!r}",
                              f"did you mean {near[0]}?" if near else f"use one of {', '.join(KINDS)}")
        found[kind].append({**given, **_placed(feature.get("geometry"), kind, f"{path}: feature {number}")})
        numbers.setdefault(kind, []).append(number)
    return {**tables, **found}


def _placed(geometry: Any, kind: str, where: str) -> dict[str, Any]:
    """Give the keys that a geometry stands for; a facility that is there needs none."""
    if kind in ("close", "change") or geometry is None:
        return {}
    shape = geometry.get("type") if isinstance(geometry, dict) else None
    xy = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if shape in ("MultiPoint", "MultiLineString") and isinstance(xy, list) and len(xy) == 1:
        shape, xy = shape.removeprefix("Multi"), xy[0]
    if kind not in _PLACES.get(str(shape), ()):
        fits = [name for name, kinds in _PLACES.items() if kind in kinds]
        raise ConfigError(where, f"edit {kind} has a geometry of type {str(shape)[:40]}",
                          f"draw it as {' or '.join(fits)}")
    if shape == "Point":
        if not isinstance(xy, list) or len(xy) < 2:
            raise ConfigError(where, "the Point has no coordinates", "give it longitude and latitude")
        return {"lon": xy[0], "lat": xy[1]}
    return {"line" if shape == "LineString" else "area": xy}


def nearest(word: str, known: list[str]) -> str:
    """Say which of the known words was probably meant, or which there are."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {first_of(sorted(known), 12)}"
