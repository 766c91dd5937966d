"""Hold what the planner's page is made of: its own files, Leaflet, and the served run as it is drawn."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import geopandas as gpd
import numpy as np

from lifecircle.assessment import Assessment
from lifecircle.outputs import map_data
from lifecircle.outputs.map_colours import EDGES, RAMPS
from lifecircle.outputs.map_text import scenario_title, words
from lifecircle.outputs.offline import leaflet
from lifecircle.outputs.tables import plain_value
from lifecircle.version import __version__

#: How far a drawn line may lie from the true one.
SIMPLIFY_M = 15.0
#: Words of the map that the page says in the same way.
_SHARED = ("mode", "group", "class", "cause", "kind", "levels", "units", "verdicts", "not_approved", "model")
_TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
          ".js": "text/javascript; charset=utf-8"}
#: The page runs its own scripts, asks this service alone, and stands in no frame.
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


@dataclass(frozen=True)
class File:
    """A file as it is sent."""

    content: bytes
    kind: str

    @property
    def etag(self) -> str:
        """Give what tells whether a browser has it already."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:20]}"'


@cache
def page_files() -> dict[str, File]:
    """Give the files of the page by name: those of the package, and Leaflet from its wheel."""
    files = {}
    for item in resources.files("lifecircle_api").joinpath("web").iterdir():
        kind = _TYPES.get(f".{item.name.rpartition('.')[2]}")
        if kind:
            files[item.name] = File(item.read_bytes(), kind)
    css, script = leaflet()
    return {**files, "leaflet.css": File(css.encode(), _TYPES[".css"]), "leaflet.js": File(script.encode(),
                                                                                          _TYPES[".js"])}


def page_data(assessment: Assessment, stamp: dict[str, Any]) -> dict[str, Any]:
    """Give the run as the page draws it: who lives where, what stands there, the ground, and the words.

    Texts are as they were read: the page puts them into text nodes and nowhere else.
    """
    run, district = assessment.run, assessment.run["district"]
    return {
        **stamp, "version": __version__, "crs": run["crs"], "osm": assessment.uses_osm,
        "district": {"code": district["code"], "name": district["name"], "language": district["language"],
                     "date": district["data_date"], "approval": district["map_approval_number"]},
        "scenario": scenario_title(run.get("scenario")),
        "words": {language: {name: words(language).get(name, {}) for name in _SHARED} for language in ("zh", "en")},
        "rates": [list(pair) for pair in zip(EDGES["rate"], RAMPS["rate"], strict=True)],
        "layers": [_layer(name, facts) for name, facts in run["layers"].items()],
        "townships": _townships(assessment), "places": _places(assessment), "facilities": _facilities(assessment),
        "ground": map_data.ground(assessment, SIMPLIFY_M),
    }


def _layer(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    kept = ("label_zh", "label_en", "quality", "reach", "group", "lead_unit", "m2_per_head", "area", "urban", "rural")
    supply = facts.get("supply") or {}
    return {"layer": name, **{key: facts.get(key) for key in kept}, "capacity": supply.get("capacity") == "capacity"}


def _features(frame: gpd.GeoDataFrame, rows: list[dict[str, Any]], *, simplify_m: float = 0.0) -> dict[str, Any]:
    """Make a collection whose properties are the rows, as they are."""
    drawn = map_data.collection(frame, [{"at": at} for at in range(len(rows))], simplify_m=simplify_m)
    for feature in drawn["features"]:
        feature["properties"] = plain_value(rows[feature["properties"]["at"]])
    return drawn


def _townships(assessment: Assessment) -> dict[str, Any]:
    frame = assessment.townships
    centres = frame.representative_point().to_crs("EPSG:4326")
    rows = [{"code": code, "name": name, "at": [round(at.y, 5), round(at.x, 5)]} for code, name, at in zip(
        frame["township_code"], frame["township"], centres, strict=True)]
    return _features(frame, rows, simplify_m=SIMPLIFY_M)


def _places(assessment: Assessment) -> dict[str, Any]:
    frame, people = assessment.places, assessment.demand.groupby("place_code")["population"].sum()
    rows = [{"code": code, "name": name, "township": town, "class": kind, "people": float(people.get(code, 0.0))}
            for code, name, town, kind in zip(frame["place_code"], frame["place"], frame["township_code"],
                                              frame["class"], strict=True)]
    return _features(frame.set_geometry(map_data.place_points(assessment)), rows)


def _facilities(assessment: Assessment) -> dict[str, Any]:
    frame = assessment.facilities
    serves = frame["serves"] if "serves" in frame.columns else np.ones(len(frame), dtype=bool)
    kept = ("facility_id", "layer", "name", "level", "capacity", "area_m2", "effective_area_m2", "township_code",
            "quality")
    table = frame[list(kept)].astype(object).where(frame[list(kept)].notna(), None)
    rows = [{**row, "serves": bool(one)} for row, one in zip(table.to_dict("records"), serves, strict=True)]
    return _features(frame.set_geometry(frame.representative_point()), rows)
