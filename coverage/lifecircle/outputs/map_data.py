"""Turn an assessment into the small feature collections and facts that the map's script draws from."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.assessment import Assessment
from lifecircle.inputs.findings import Finding, split_codes
from lifecircle.inputs.titles import title
from lifecircle.outputs.disclosure import STATE_COLUMNS
from lifecircle.outputs.geopackage import headline_figures
from lifecircle.outputs.map_cards import middle_demand, place_times
from lifecircle.outputs.map_circle import CIRCLE, circle_facts, circle_figures, circle_layers, circle_place
from lifecircle.outputs.map_colours import colours
from lifecircle.outputs.map_gaps import place_gaps, township_gaps
from lifecircle.outputs.map_plan import plan_facts, plan_figures
from lifecircle.outputs.map_priority import priority_facts, priority_figures
from lifecircle.outputs.map_routes import ROUTE_M, place_routes
from lifecircle.outputs.map_scenario import scenario_facts
from lifecircle.outputs.map_shapes import number, rings
from lifecircle.outputs.map_sites import site_properties, siting_facts
from lifecircle.outputs.map_text import scenario_title, words
from lifecircle.outputs.offline import inert

#: Shapes are drawn to about a metre.
DEGREE_DECIMALS = 5
#: Road class -> weight on the map; other classes are not drawn.
ROAD_RANKS: dict[str, int] = {
    "motorway": 3, "motorway_link": 3, "trunk": 2, "trunk_link": 2, "primary": 2, "primary_link": 2, "secondary": 1,
    "secondary_link": 1, "tertiary": 0, "tertiary_link": 0,
}
_FIGURES: dict[str, str] = {
    "people": "people", "people_out": "out", "people_undetermined": "undetermined", "coverage_rate": "rate",
    "area_per_head_m2": "m2",
}

Features = dict[str, Any]


def collection(frame: gpd.GeoDataFrame, properties: list[dict[str, Any]], *, simplify_m: float = 0.0) -> Features:
    """Make a GeoJSON collection in EPSG:4326 with rounded coordinates; every text in it is inert.

    Parameters
    ----------
    frame : GeoDataFrame
        In a metric CRS.
    properties : list of dict
        One per row.
    simplify_m : float
        Tolerance of the shapes.
    """
    shapes = frame.geometry.simplify(simplify_m) if simplify_m else frame.geometry
    shapes = shapely.transform(shapes.to_crs("EPSG:4326").to_numpy(), lambda xy: np.round(xy, DEGREE_DECIMALS))
    features = [{"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": inert(values)}
                for shape, values in zip(shapes, properties, strict=True)
                if shape is not None and not shape.is_empty]
    return {"type": "FeatureCollection", "features": features}


def unit_figures(assessment: Assessment) -> dict[str, dict[str, dict[str, Any]]]:
    """Give township (or district) code -> layer -> headline figures; one that must not be shown is None."""
    figures: dict[str, dict[str, dict[str, Any]]] = {}
    for indicator, name in _FIGURES.items():
        for row in headline_figures(assessment, indicator).to_dict("records"):
            layer = figures.setdefault(row["township_code"], {}).setdefault(row["layer"], {})
            kept = indicator.startswith("people") or (indicator == "coverage_rate" and row["verdict"] != "no_data")
            hidden = kept and row["group"] != "all" and math.isnan(row["value"])
            if hidden or not math.isnan(row["value"]):
                layer[name] = number(row["value"])
            if indicator == "coverage_rate":
                layer.update(low=number(row["low"]), high=number(row["high"]), verdict=row["verdict"],
                             target=number(row["target"]))
            if indicator == "area_per_head_m2":
                layer.update(m2_target=number(row["target"]), m2_verdict=row["verdict"])
    return figures


def doubtful(assessment: Assessment) -> list[Finding]:
    """List the findings behind all marks, in the order in which `facts` gives their words."""
    return list(dict.fromkeys(item for layer in assessment.layers
                              for item in assessment.doubts(layer, assessment.run["district"]["code"])))


def unit_doubts(assessment: Assessment, code: str) -> dict[str, list[int]]:
    """Give layer -> the findings that cast doubt on its figures in a unit, by their place in `doubtful`.

    All services together are touched by what touches any of them. Those that touch the fewest townships stand first.
    """
    place = {item: at for at, item in enumerate(doubtful(assessment))}
    touched = {layer: assessment.doubts(layer, code) for layer in assessment.layers}
    if members := circle_layers(assessment):
        touched[CIRCLE] = list(dict.fromkeys(item for layer in members for item in touched[layer]))
    return {layer: [place[item] for item in sorted(found, key=lambda item: len(split_codes(item.township_code)) or 1e9)]
            for layer, found in touched.items() if found}


def doubt_words(finding: Finding, language: str) -> dict[str, str]:
    """Say a finding for planners: its title, and a line with the file and the rows."""
    head = title(finding.code, language)
    where = " ".join(part for part in (finding.file, _short(finding.id, 30)) if part)
    if language == "zh":
        text = head + (f" ×{finding.count}" if finding.count > 1 else "") + (where and f"（{where}）")
    else:
        text = _short(finding.message, 150) + (where and f" ({where})")
    return {"title": head, "text": text}


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most - 1].rstrip(" ,，") + "…"


def townships(assessment: Assessment, simplify_m: float) -> Features:
    """Give the townships with the figures of every layer."""
    frame = assessment.townships
    plan = plan_figures(assessment)
    figures, lacking, circle = unit_figures(assessment), township_gaps(assessment), circle_figures(assessment)
    residents = assessment.demand.groupby("township_code")["population"].sum()
    priority, centres = priority_figures(assessment, "township"), frame.representative_point().to_crs("EPSG:4326")
    people = frame["population"] if "population" in frame.columns else pd.Series(np.nan, index=frame.index)
    properties = [
        {"code": code, "name": name, "people": number(count), "at": [round(at.y, 5), round(at.x, 5)],
         "residents": number(residents.get(code, 0.0)), "lacking": lacking.get(code, []),
         "figures": {**figures.get(code, {}), CIRCLE: circle.get(code, {})}, "doubts": unit_doubts(assessment, code),
         "plan": plan.get(code, {}),
         **({"priority": priority[code]} if code in priority else {})}
        for code, name, count, at in zip(frame["township_code"], frame["township"], people, centres, strict=True)]
    return collection(frame, properties, simplify_m=simplify_m)


def places(assessment: Assessment) -> Features:
    """Give the places as points, with people per state and the gaps of every layer."""
    frame, gaps, times = assessment.places, place_gaps(assessment), place_times(assessment)
    names = dict(zip(assessment.townships["township_code"], assessment.townships["township"], strict=True))
    people = assessment.demand.groupby("place_code")["population"].sum()
    prefixes = ("people", *STATE_COLUMNS.values())
    members, priority = circle_layers(assessment), priority_figures(assessment, "place")
    counted = [layer for layer in assessment.layers if f"people_{layer}" in frame.columns]
    properties = []
    for row in frame.drop(columns=frame.geometry.name).to_dict("records"):
        counts = {layer: [number(row[f"{prefix}_{layer}"]) for prefix in prefixes] for layer in counted}
        code = row["place_code"]
        own: dict[str, Any] = {"services": circle_place(row, members)} if members else {}
        if code in priority:
            own["priority"] = priority[code]
        properties.append({
            "code": code, "name": row["place"], "township": names.get(row["township_code"], ""), "class": row["class"],
            "merged": row.get("merged_from") or "", "people": number(people.get(code, 0.0)),
            "counts": counts, "gaps": gaps.get(code, {}), "times": times.get(code, {}), **own})
    points = frame.set_geometry(place_points(assessment))
    return collection(points, properties)


def place_points(assessment: Assessment) -> gpd.GeoSeries:
    """Put a place where its people are: at the demand point nearest to their centre, else inside its shape."""
    middle = middle_demand(assessment).geometry.reindex(assessment.places["place_code"]).to_numpy()
    shape = assessment.places.representative_point().to_numpy()
    return gpd.GeoSeries(np.where(shapely.is_missing(middle), shape, middle), index=assessment.places.index,
                         crs=assessment.places.crs)


def facilities(assessment: Assessment) -> Features:
    """Give the facilities as points."""
    frame = assessment.facilities
    names = dict(zip(assessment.townships["township_code"], assessment.townships["township"], strict=True))
    reached = {layer for layer, record in assessment.run["layers"].items() if record.get("reach", True)}
    properties = [
        {"id": row["facility_id"], "layer": row["layer"], "name": row["name"] if row["name"] == row["name"] else "",
         "level": row["level"], "status": row["status"], "capacity": number(row["capacity"]),
         "unit": row.get("capacity_unit") or "", "area": number(row["area_m2"]),
         "effective": number(row["effective_area_m2"]),
         "township": names.get(row["township_code"], ""), "inside": bool(row["inside"]),
         "unjoined": bool(row["layer"] in reached and row.get("serves", True) and not row["joined"]),
         "snap": number(row["snap_m"]), "source": row["source"], "quality": row["quality"]}
        for row in frame.drop(columns=frame.geometry.name).to_dict("records")]
    return collection(frame.set_geometry(frame.representative_point()), properties)


def sites(assessment: Assessment) -> Features:
    """Give the chosen sites as points."""
    return collection(assessment.sites, site_properties(assessment.sites))


def circles(assessment: Assessment, simplify_m: float) -> Features:
    """Give the service circles, one feature per row."""
    frame = assessment.service_areas
    frame = frame[frame["kind"] == "circle"]
    properties = [{"layer": layer} for layer in frame["layer"]]
    return collection(frame, properties, simplify_m=simplify_m)


def ground(assessment: Assessment, simplify_m: float) -> Features:
    """Give water and the larger roads, joined to one shape per rank."""
    frame = assessment.ground
    rank = frame["road_class"].map(ROAD_RANKS).where(frame["kind"] == "road", -1)
    shapes, properties = [], []
    for value in (-1, 0, 1, 2, 3):
        part = frame.geometry[rank == value].to_numpy()
        if len(part) == 0:
            continue
        lines = shapely.get_type_id(part) % 4 == 1
        if value >= 0 or lines.any():
            shapes.append(shapely.line_merge(shapely.multilinestrings(shapely.get_parts(part[lines]))))
            properties.append({"rank": value})
        if value == -1 and not lines.all():
            shapes.append(shapely.multipolygons(shapely.get_parts(part[~lines])))
            properties.append({"rank": value})
    return collection(gpd.GeoDataFrame(geometry=shapes, crs=frame.crs), properties, simplify_m=simplify_m)


def facts(assessment: Assessment, simplify_m: float = 10.0, route_m: float | None = ROUTE_M) -> dict[str, Any]:
    """Give what the panel says: district, layers with their rules, words, themes, ways; every text is inert.

    Parameters
    ----------
    assessment : Assessment
    simplify_m, route_m : float
        How far a drawn ring, and a drawn way, may lie from the true one; without `route_m` there are no ways.
    """
    run, district = assessment.run, assessment.run["district"]
    language, figures = district.get("language", "zh"), unit_figures(assessment).get(district["code"], {})
    return dict(inert({
        "words": words(language), "district": district["name"], "date": district.get("data_date", ""),
        "approval": district.get("map_approval_number", ""), "run_id": run["run_id"], "version": run["lifecircle"],
        "crs": run["crs"], "quality": run["quality"], "model": run["quality"] == "model", "colours": colours(),
        "osm": assessment.uses_osm,
        "scenario": scenario_title(run.get("scenario")),
        "findings": [doubt_words(item, language) for item in doubtful(assessment)],
        "doubts": unit_doubts(assessment, district["code"]),
        "siting": siting_facts(assessment),
        "circle": circle_facts(assessment, language), "priority": priority_facts(assessment, language),
        "plan": plan_facts(assessment), "before_after": scenario_facts(assessment),
        "rings": {layer: [{**ring, "label": mode_label(run, ring["mode"], language)} for ring in found]
                  for layer, found in rings(assessment, simplify_m).items()},
        "routes": {} if route_m is None else place_routes(assessment, route_m),
        "modes": {mode: mode_label(run, mode, language) for mode in assessment.routes["mode"].unique()},
        "layers": [layer_facts(assessment, layer, language, figures.get(layer, {})) for layer in assessment.layers],
    }))


def layer_facts(assessment: Assessment, layer: str, language: str, figures: dict[str, Any]) -> dict[str, Any]:
    """Give what the panel says of one layer: rules, the district's figures, presence, townships at given shares."""
    run = assessment.run
    record, code = run["layers"][layer], run["district"]["code"]
    results = assessment.results
    own = results[(results["layer"] == layer) & (results["township_code"] == code) & results["headline"]
                  & (results["scenario"] == "existing") & (results["class"] == "all")]
    shares = own[own["indicator"].str.startswith("townships_at_") & own["value"].notna()]
    reach = own[own["indicator"] == "coverage_rate"]
    presence = own[own["indicator"] == "presence_rate"]
    counts = own[own["indicator"].isin(["units_with", "units_required"])].set_index(["indicator", "level", "metric"])
    return {
        "key": layer, "label": record.get(f"label_{language}") or layer, "quality": record.get("quality", ""),
        "lead": record.get("lead_unit", ""), "group": "all" if reach.empty else reach["group"].iloc[0],
        "rules": [{"class": name, "mode": mode_label(run, record[name]["mode"], language),
                   "cutoff_min": record[name]["cutoff_min"]}
                  for name in ("urban", "rural") if record.get("reach", True) and record.get(name)],
        "district": figures,
        "at_shares": sorted([float(name.removeprefix("townships_at_")), number(value)]
                            for name, value in zip(shares["indicator"], shares["value"], strict=True)),
        "presence": [{"level": level, "metric": metric, "rate": number(rate),
                      "held": number(counts["value"].get(("units_with", level, metric), math.nan)),
                      "required": number(counts["value"].get(("units_required", level, metric), math.nan))}
                     for level, metric, rate in zip(presence["level"], presence["metric"], presence["value"],
                                                    strict=True)],
    }


def mode_label(run: dict[str, Any], mode: str, language: str) -> str:
    """Give a travel mode's name in the run's words, else in ours."""
    known = run.get("modes", {}).get(mode, {}).get(f"label_{language}")
    return str(known or words(language)["mode"].get(mode, mode))
