"""Draw the map: one page that opens without a network and shows one service at a time."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import folium
from branca.element import Element, MacroElement
from folium.template import Template
from folium.utilities import JsCode

from lifecircle.assessment import Assessment
from lifecircle.errors import InputError
from lifecircle.outputs import map_data
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.map_routes import ROUTE_M
from lifecircle.outputs.map_shapes import without_smallest
from lifecircle.outputs.map_text import scenario_title, words
from lifecircle.outputs.offline import inert, leaflet, seal
from lifecircle.tiles import BaseMap, base_map, key_in, needs_key

#: Panes from bottom to top: name, z-index, whether it takes clicks.
PANES: tuple[tuple[str, int, bool], ...] = (
    ("lc-townships", 310, True), ("lc-ground", 320, False), ("lc-circles", 330, False), ("lc-borders", 340, False),
    ("lc-names", 640, False),
)
#: Style and scripts of the page, in the order they are put in.
OWN_FILES: tuple[str, ...] = (
    "map.css", "map_parts.js", "map_frame.js", "map_rings.js", "map_routes.js", "map_cards.js", "map_sites.js",
    "map_reach.js", "map_gaps.js", "map_circle.js", "map_plan.js", "map_priority.js", "map_scenario.js",
    "map_names.js", "map_find.js", "map_panel.js", "map.js")
#: The page is for a browser on a planner's machine and an intranet's mail.
LIMIT_BYTES = 8_000_000
#: How far a drawn line may lie from the true one; the next is taken where the page grows too large.
SIMPLIFY_M: tuple[float, ...] = (10.0, 40.0, 160.0)


@dataclass(frozen=True)
class Detail:
    """How finely a map is drawn.

    Attributes
    ----------
    shape_m, route_m : float
        How far a drawn outline, and a drawn way, may lie from the true one; no ways where that is None.
    """

    shape_m: float = SIMPLIFY_M[0]
    route_m: float | None = ROUTE_M


#: What is tried one after the other where the page grows too large: ways go first.
DETAILS: tuple[Detail, ...] = (Detail(), Detail(route_m=3 * ROUTE_M), Detail(route_m=None),
                               *(Detail(shape_m, None) for shape_m in SIMPLIFY_M[1:]))


class OfflineMap(folium.Map):
    """A folium map that carries Leaflet in itself and asks no other host for anything."""

    default_js: ClassVar[list[tuple[str, str]]] = []
    default_css: ClassVar[list[tuple[str, str]]] = []


class Verbatim(Element):
    """Text for the page that is no template."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def render(self, **kwargs: Any) -> str:
        """Give the text as it is."""
        return self.text


class Planner(MacroElement):
    """The page around the map: title, legend, search, pop-ups; its script and style are this package's own."""

    _template = Template("""
        {% macro script(this, kwargs) %}
            lifecircle.{{ this.entry }}({{ this._parent.get_name() }}, {
                {% for name, layer in this.layers.items() %}{{ name }}: {{ layer.get_name() }}, {% endfor %}
            }, {{ this.facts|tojson }});
        {% endmacro %}
    """)

    def __init__(self, layers: dict[str, folium.GeoJson], facts: dict[str, Any], entry: str = "start") -> None:
        super().__init__()
        self._name = "Planner"
        self.layers, self.facts, self.entry = layers, facts, entry


def draw_map(assessment: Assessment, *, detail: Detail = DETAILS[0], tiles: BaseMap | None = None) -> folium.Map:
    """Draw an assessment as a folium map.

    Parameters
    ----------
    assessment : Assessment
    detail : Detail
        How finely.
    tiles : BaseMap, optional
        A base map under it, else that of the run file; it is asked for when the page is opened.

    Returns
    -------
    folium.Map
        Can be added to and shown in a notebook; `map_html` and `save_map` give the sealed page.
    """
    assessment = published(assessment)
    page = blank_page(assessment, page_title(assessment), OWN_FILES)
    tiles = tiles or base_map_of(assessment.run.get("runfile", {}))
    thin, notes = thinned(assessment, detail)
    section = assessment.run.get("runfile", {}).get("map") or {}
    if section.get("tiles") and not tiles:
        told = words(assessment.run["district"].get("language", "zh"))["thinned"]
        notes.append(told["key"].format(name=section["key_env"]))
    layers = add_layers(page, _layers(thin, detail.shape_m))
    facts = map_data.facts(thin, detail.shape_m, detail.route_m)
    facts["notes"] = inert(notes)
    facts["tiles"] = list(tiles.addresses) if tiles else []  # checked to be plain addresses
    facts["tiles_credit"] = inert(tiles.attribution) if tiles else ""
    Planner(layers, facts).add_to(page)
    number_elements(page.get_root())
    return page


def page_title(assessment: Assessment) -> str:
    """Give the title of the page: district, what it is, and the scenario; not escaped."""
    district = assessment.run["district"]
    told, scenario = words(district.get("language", "zh")), scenario_title(assessment.run.get("scenario"))
    return f"{district['name']} {told['title']}" + (f" {told['scenario']}{told['colon']}{scenario}" if scenario else "")


def blank_page(assessment: Assessment, title: str, files: tuple[str, ...]) -> folium.Map:
    """Give a map of the district without layers, with the panes, and our style and scripts in its head."""
    west, south, east, north = assessment.townships.to_crs("EPSG:4326").total_bounds
    page = OfflineMap(location=[(south + north) / 2, (west + east) / 2], zoom_start=11, tiles=None, zoom_snap=0.5,
                      attribution_control=False)
    _add_head(page, title, files)
    for name, z_index, clicks in PANES:
        folium.map.CustomPane(name, z_index=z_index, pointer_events=clicks).add_to(page)
    return page


def thinned(assessment: Assessment, detail: Detail) -> tuple[Assessment, list[str]]:
    """Leave out the smallest parts of areas where there are too many polygons; and say what the map does not show.

    Returns
    -------
    Assessment, list of str
        With fewer parts, and sentences in the language of the map.
    """
    told = words(assessment.run["district"].get("language", "zh"))["thinned"]
    thin, left = without_smallest(assessment)
    notes = [told["parts"].format(all=f"{left[0]:,}", left=f"{left[1]:,}")] if left[1] else []
    if detail.shape_m > SIMPLIFY_M[0]:
        notes.append(told["coarse"].format(metres=f"{detail.shape_m:g}"))
    if len(assessment.routes) and detail.route_m != ROUTE_M:
        notes.append(told["routes"] if detail.route_m is None else told["routes_coarse"].format(
            metres=f"{detail.route_m:g}"))
    return thin, notes


def map_html(assessment: Assessment, *, tiles: BaseMap | None = None) -> str:
    """Give the map as one page of HTML that loads nothing and runs no script but its own.

    Where the page would be larger than `LIMIT_BYTES`, ways and then shapes are drawn more coarsely; the page says so.

    Parameters
    ----------
    assessment : Assessment
    tiles : BaseMap, optional
        A base map, the only thing that the page may then load; else that of the run file, if its key is there.

    Raises
    ------
    ExternalAddressError
        If something on the page has an address outside it.
    """
    language = assessment.run["district"].get("language", "zh")
    tiles = tiles or base_map_of(assessment.run.get("runfile", {}))
    for detail in DETAILS:
        drawn = draw_map(assessment, detail=detail, tiles=tiles).get_root().render()
        page = seal(drawn, language=language, images=tiles.origin if tiles else "")
        if len(page.encode("utf-8")) <= LIMIT_BYTES:
            break
    return page


def base_map_of(runfile: dict[str, Any]) -> BaseMap | None:
    """Give the base map that a run file names; None where it names none, or its key is not there."""
    section = runfile.get("map") or {}
    if not section.get("tiles"):
        return None
    key = key_in(section.get("key_env") or "")
    if not key and needs_key(section["tiles"]):
        return None
    return base_map(section["tiles"], section.get("attribution", ""), key)


def save_map(assessment: Assessment, path: str | Path, *, tiles: BaseMap | None = None) -> None:
    """Save the map as one page of HTML; the same assessment gives the same bytes.

    Raises
    ------
    ExternalAddressError
        As for `map_html`.
    InputError
        If the file cannot be written; an earlier map is then untouched.
    """
    path, page = Path(path), map_html(assessment, tiles=tiles)
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(page.encode("utf-8"))
        new.replace(path)
    except OSError as error:
        raise InputError(path, f"cannot be written: {error.strerror}", "make room or choose another place") from error


def _add_head(page: folium.Map, title: str, files: tuple[str, ...]) -> None:
    """Put title, Leaflet and our own style and scripts into the page's head, before everything else."""
    here = resources.files(__package__)
    css, script = leaflet()
    own_css, *own_scripts = (here.joinpath(name).read_text(encoding="utf-8") for name in files)
    head = (f"<title>{inert(title)}</title><style>{css}</style><script>{script}</script>"
            f"<style>{own_css}</style><script>{''.join(own_scripts)}</script>")
    page.get_root().header.add_child(Verbatim(head), name="lifecircle_head")


def ground_options() -> dict[str, Any]:
    """Give how the quiet ground is drawn."""
    return {"pane": "lc-ground", "renderer": JsCode("L.canvas({pane: 'lc-ground'})"), "interactive": False}


def point_options() -> dict[str, Any]:
    """Give how points are drawn, until the script gives them their marks."""
    return {"point_to_layer": JsCode("lifecircle.point")}


def _layers(assessment: Assessment, simplify_m: float) -> dict[str, tuple[map_data.Features, dict[str, Any]]]:
    return {
        "townships": (map_data.townships(assessment, simplify_m), {"pane": "lc-townships"}),
        "ground": (map_data.ground(assessment, simplify_m), ground_options()),
        "circles": (map_data.circles(assessment, simplify_m), {"pane": "lc-circles", "interactive": False}),
        "places": (map_data.places(assessment), point_options()),
        "facilities": (map_data.facilities(assessment), point_options()),
        **({"sites": (map_data.sites(assessment), point_options())} if len(assessment.sites) else {}),
    }


def add_layers(page: folium.Map, layers: dict[str, tuple[map_data.Features, dict[str, Any]]],
               ) -> dict[str, folium.GeoJson]:
    """Put layers (features and options) on a page."""
    return {name: folium.GeoJson(data, name=name, control=False, show=False, **options).add_to(page)
            for name, (data, options) in layers.items()}


def number_elements(root: Element) -> None:
    """Replace the random names of all elements by running numbers, so that the page is always the same."""
    pending, count = [root], 0
    while pending:
        element = pending.pop()
        element._id = f"{count:04d}"
        count += 1
        pending += element._children.values()
        pending += [part for part in (getattr(element, name, None) for name in ("header", "html", "script"))
                    if isinstance(part, Element)]
