"""Draw two runs as one map: who is won and who is lost, what was opened, closed, built and cut."""

from __future__ import annotations

from typing import Any

import folium
import geopandas as gpd
import pandas as pd

from lifecircle.compare import MOVES, Comparison
from lifecircle.outputs import map_data
from lifecircle.outputs.map_data import Features, collection
from lifecircle.outputs.map_shapes import number
from lifecircle.outputs.map_text import scenario_title, words
from lifecircle.outputs.maps import (
    LIMIT_BYTES,
    OWN_FILES,
    SIMPLIFY_M,
    Planner,
    add_layers,
    blank_page,
    ground_options,
    number_elements,
    point_options,
)
from lifecircle.outputs.offline import inert, seal

_FIGURES = ("people", "won", "lost", "rate_before", "rate_after", "minutes_mean_before", "minutes_mean_after",
            "m2_per_head_before", "m2_per_head_after")


def comparison_html(comparison: Comparison) -> str:
    """Give the map of a comparison, as published, as one page of HTML that loads nothing from elsewhere.

    Raises
    ------
    ExternalAddressError
        As for `maps.map_html`.
    """
    for simplify_m in SIMPLIFY_M:
        page = seal(draw_page(comparison, simplify_m).get_root().render(),
                    language=comparison.after.run["district"].get("language", "zh"))
        if len(page.encode("utf-8")) <= LIMIT_BYTES:
            break
    return page


def draw_page(comparison: Comparison, simplify_m: float = SIMPLIFY_M[0]) -> folium.Map:
    """Draw a comparison, as published, as a folium map."""
    after = comparison.after
    told = words(after.run["district"].get("language", "zh"))
    page = blank_page(after, f"{after.run['district']['name']} {told['compare']['title']}",
                      (*OWN_FILES, "map_compare.js"))
    layers = add_layers(page, {
        "townships": (_townships(comparison, simplify_m), {"pane": "lc-townships"}),
        "ground": (map_data.ground(after, simplify_m), ground_options()),
        "roads": (_roads(comparison), {"pane": "lc-names"}),
        "places": (_places(comparison), point_options()),
        "facilities": (_facilities(comparison), point_options()),
    })
    Planner(layers, _facts(comparison), "startComparison").add_to(page)
    number_elements(page.get_root())
    return page


def _unit_figures(table: pd.DataFrame) -> dict[str, dict[str, dict[str, Any]]]:
    """Give township code -> layer -> figures of all classes; what is not told is None."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in table[table["class"] == "all"].to_dict("records"):
        found.setdefault(row["township_code"], {})[row["layer"]] = {name: number(row[name]) for name in _FIGURES}
    return found


def _townships(comparison: Comparison, simplify_m: float) -> Features:
    frame, figures = comparison.after.townships, _unit_figures(comparison.table)
    centres = frame.representative_point().to_crs("EPSG:4326")
    properties = [{"code": code, "name": name, "at": [round(at.y, 5), round(at.x, 5)], "figures": figures.get(code, {})}
                  for code, name, at in zip(frame["township_code"], frame["township"], centres, strict=True)]
    return collection(frame, properties, simplify_m=simplify_m)


def _places(comparison: Comparison) -> Features:
    after, counts = comparison.after, comparison.places
    moves: dict[str, dict[str, list[Any]]] = {}
    if len(counts):
        for (layer, code), part in counts.groupby(["layer", "place_code"], sort=False)[list(MOVES)]:
            moves.setdefault(str(code), {})[str(layer)] = [number(value) for value in part.sum(min_count=1)]
    names = dict(zip(after.townships["township_code"], after.townships["township"], strict=True))
    people = after.demand.groupby("place_code")["population"].sum()
    properties = [{"code": code, "name": place, "township": names.get(township, ""),
                   "people": number(people.get(code, 0.0)), "moves": moves.get(code, {})}
                  for code, place, township in zip(after.places["place_code"], after.places["place"],
                                                   after.places["township_code"], strict=True)]
    return collection(after.places.set_geometry(map_data.place_points(after)), properties)


def _facilities(comparison: Comparison) -> Features:
    """Give the facilities that serve on either side; a moved one also where it stood."""
    before, after = comparison.before.facilities, comparison.after.facilities
    told = {row["facility_id"]: row for row in comparison.facilities.to_dict("records")}
    changes = {key: row["change"] for key, row in told.items()}
    now = after.assign(change=after["facility_id"].map(changes).fillna(""))
    now = now[(now["status"] == "existing") & (now["change"] != "closed")]
    was = before.assign(change=before["facility_id"].map(changes).map({"closed": "closed", "moved": "moved_from"}))
    frame = gpd.GeoDataFrame(pd.concat([now, was[was["change"].notna()]], ignore_index=True), crs=after.crs)
    properties = [
        {"id": row["facility_id"], "layer": row["layer"], "name": row["name"] if row["name"] == row["name"] else "",
         "level": row["level"], "change": row["change"], "inside": bool(row["inside"]),
         **{name: number(told[row["facility_id"]][key]) for name, key in (("alone", "people_alone"),
                                                                         ("last", "people_last"))
            if row["change"] == "opened"}}
        for row in frame.drop(columns=frame.geometry.name).to_dict("records")]
    return collection(frame.set_geometry(frame.representative_point()), properties)


def _roads(comparison: Comparison) -> Features:
    frame = comparison.after.changed_roads
    properties = [{"edit": edit, "kind": kind, "name": name, "class": road_class, "km": number(length_m / 1000)}
                  for edit, kind, name, road_class, length_m in zip(
                      frame["edit"], frame["kind"], frame["name"], frame["road_class"], frame["length_m"], strict=True)]
    return collection(frame, properties)


def _facts(comparison: Comparison) -> dict[str, Any]:
    before, after = comparison.before, comparison.after
    run, district = after.run, after.run["district"]
    language = district.get("language", "zh")
    told, figures = words(language), _unit_figures(comparison.table).get(district["code"], {})
    gains = after.gains.query("facility_id == 'all'").set_index("layer")["people_together"]
    names = [scenario_title(side.run.get("scenario")) or told["compare"]["today"] for side in (before, after)]
    layers = [{"key": layer, "label": run["layers"][layer].get(f"label_{language}") or layer,
               "group": run["layers"][layer].get("group", "all"), "district": figures.get(layer, {}),
               **({"together": number(gains[layer])} if layer in gains.index else {})}
              for layer in comparison.layers]
    return dict(inert({
        "words": told, "district": district["name"], "date": district.get("data_date", ""),
        "approval": district.get("map_approval_number", ""), "version": run["lifecircle"], "crs": run["crs"],
        "model": "model" in (before.run["quality"], run["quality"]), "osm": after.uses_osm,
        "before": names[0], "after": names[1], "runs": [before.run["run_id"], run["run_id"]], "layers": layers}))
