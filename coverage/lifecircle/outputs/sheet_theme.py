"""Say what each map sheet shows: classes with their counts, states of places, facilities, and what stands beside."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.assessment import Assessment
from lifecircle.outputs import map_data
from lifecircle.outputs.cartography import NO_DATA, RAMP, STATES
from lifecircle.outputs.map_circle import CIRCLE, circle_facts, circle_figures, circle_layers, circle_place
from lifecircle.outputs.map_text import words
from lifecircle.outputs.report_text import people_text, report_words, span_text
from lifecircle.outputs.summary import rate_text

#: The key of the sheet of chosen sites; no layer can be called so.
SITES = "_sites"
#: Least share (or share of the target) of each class, the best first.
_RATES = (0.95, 0.8, 0.6, 0.4, 0.0)
_AREAS = (1.0, 0.75, 0.5, 0.25, 0.0)
_UNKNOWN, _HIDDEN = (NO_DATA, "////"), (NO_DATA, "xxxx")
_SITES_TOLD = 12
#: Where the classes of all services together begin, where the townships are too few to give five.
_COMPLETE = (0.8, 0.5, 0.2, 0.05, 0.0)

Xy = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Class:
    """A class of townships: how it is filled, what it is, how many there are."""

    fill: tuple[str, str]
    label: str
    count: int


@dataclass(frozen=True)
class Theme:
    """What one sheet shows.

    Attributes
    ----------
    key, title : str
        The key names the file.
    subtitle, facts : tuple of str
        Lines under the title, and about the district.
    classes_title : str
    classes : tuple of Class
    fills : list of (str, str)
        Colour and hatch per township.
    states : tuple of str
        State per place, of `cartography.STATES`; empty where places are not judged.
    said : dict
        State -> its name.
    circle : tuple of Geometry
    facilities : dict
        Kind of `cartography.draw_facilities` -> positions in metres.
    sites : tuple of (label, x_m, y_m)
    site_lines : tuple of str
    """

    key: str
    title: str
    subtitle: tuple[str, ...]
    facts: tuple[str, ...]
    classes_title: str
    classes: tuple[Class, ...]
    fills: list[tuple[str, str]]
    states: tuple[str, ...]
    said: dict[str, str]
    circle: tuple[shapely.Geometry, ...]
    facilities: dict[str, Xy]
    sites: tuple[tuple[str, float, float], ...] = ()
    site_lines: tuple[str, ...] = ()


def themes(assessment: Assessment) -> Iterator[Theme]:
    """Give what the sheets of a published assessment show: one per service, all together, and the chosen sites."""
    for key in theme_keys(assessment):
        yield {CIRCLE: _of_all, SITES: _of_sites}[key](assessment) if key in (CIRCLE, SITES) else _of_layer(
            assessment, key)


def theme_keys(assessment: Assessment) -> list[str]:
    """List the keys of the sheets in their order."""
    sites = bool(assessment.siting) and len(assessment.sites) > 0
    return [*assessment.layers, *([CIRCLE] if circle_layers(assessment) else []), *([SITES] if sites else [])]


def _of_layer(assessment: Assessment, layer: str) -> Theme:
    run, language = assessment.run, assessment.run["district"].get("language", "zh")
    say, told, record = report_words(language), words(language), run["layers"][layer]
    figures, code = map_data.unit_figures(assessment), run["district"]["code"]
    own = map_data.layer_facts(assessment, layer, language, figures.get(code, {}).get(layer, {}))
    reach = bool(own["rules"])
    rules = [say["rule"].format(**{"class": told["class"][rule["class"]], "minutes": rule["cutoff_min"],
                                   "mode": rule["mode"]}) for rule in own["rules"]]
    group = told["group"].get(own["group"], own["group"])
    whole = None if reach else _whole(figures, layer, code)
    values = {unit: _value(layers.get(layer, {}), whole) for unit, layers in figures.items()}
    fills, classes = _classed(assessment, values, _RATES if reach else _AREAS, say, whole=whole)
    circles = assessment.service_areas
    circles = circles[(circles["kind"] == "circle") & (circles["layer"] == layer)]
    return Theme(
        layer, str(own["label"]),
        (told["separator"].join(rules) or told["no_rule"], say["basis"].format(group=group)),
        _facts(assessment, layer, own, group, language), say["classes"] if reach else say["classes_m2"], classes, fills,
        _states(assessment, layer) if reach else (), dict(told["mostly"]), tuple(circles.geometry),
        facility_kinds(assessment, record.get("reach", True), layer))


def _value(figures: dict[str, Any], whole: float | None) -> float | None:
    """Give the figure that a township is classed by: NaN where it is not known, None where it is hidden."""
    value = figures.get("rate", math.nan) if whole is None else figures.get("m2", math.nan) / whole
    return None if value is None else float(value)


def _whole(figures: dict[str, dict[str, dict[str, Any]]], layer: str, district: str) -> float:
    """Give the area per head that fills the highest class: the target, else the most that a township has."""
    target = figures.get(district, {}).get(layer, {}).get("m2_target")
    return float(target or max((own.get(layer, {}).get("m2", 0.0) for own in figures.values()), default=0.0) or 1.0)


def _classed(assessment: Assessment, values: dict[str, float | None], steps: Sequence[float], say: dict[str, Any], *,
             whole: float | None) -> tuple[list[tuple[str, str]], tuple[Class, ...]]:
    """Give the fill of each township, and the classes with how many are in each.

    Values and steps are shares; those of areas per head are told in m2, as parts of the `whole`.
    """
    fills, counts = [], Counter[tuple[str, str]]()
    for code in assessment.townships["township_code"]:
        value = values.get(code, math.nan)
        if value is None:
            fill = _HIDDEN
        elif math.isnan(value):
            fill = _UNKNOWN
        else:
            fill = (next(colour for step, colour in zip(steps, RAMP, strict=True) if value >= step - 1e-9), "")
        fills.append(fill)
        counts[fill] += 1
    ends = [f"{100 * step:.3g}%" if whole is None else f"{step * whole:.2f}" for step in steps]
    labels = [say["above"].format(low=ends[0]), *(say["between"].format(low=low, high=high)
                                                  for low, high in zip(ends[1:-1], ends, strict=False)),
              say["below"].format(high=ends[-2])]
    classes = [Class((colour, ""), label, counts[colour, ""]) for colour, label in zip(RAMP, labels, strict=True)]
    classes += [Class(fill, say[word], counts[fill]) for fill, word in ((_HIDDEN, "hidden_class"),
                                                                        (_UNKNOWN, "no_class")) if counts[fill]]
    return fills, tuple(classes)


def _facts(assessment: Assessment, layer: str, own: dict[str, Any], group: str, language: str) -> tuple[str, ...]:
    say, told, figures = report_words(language), words(language), own["district"]
    code, lines = assessment.run["district"]["code"], []
    if own["rules"]:
        lines.append(say["rate"].format(rate=span_text(figures, language)))
        lines.append(say["people"].format(people=people_text(figures.get("people"), language), group=group))
        out, undetermined = (people_text(figures.get(name), language) for name in ("out", "undetermined"))
        hidden = figures.get("out") is None and figures.get("undetermined") is None
        lines += [say["hidden_out"]] if hidden else [say["out"].format(out=out),
                                                     say["undetermined"].format(undetermined=undetermined)]
        lines.append(say["verdict"].format(verdict=told["verdicts"].get(figures.get("verdict"), told["no_data"])))
    if "m2" in figures:
        target = figures.get("m2_target")
        lines.append(say["m2"].format(m2=f"{figures['m2']:.2f}", target=f"{target:g}") if target
                     else say["m2_bare"].format(m2=f"{figures['m2']:.2f}"))
        lines.append(say["verdict_m2"].format(verdict=told["verdicts"].get(figures.get("m2_verdict"), told["no_data"])))
    if own["at_shares"] and own["rules"]:
        lines.append(say["at"].format(shares="/".join(f"{share:g}" for share, _ in own["at_shares"]),
                                      counts="/".join(f"{count:g}" for _, count in own["at_shares"])))
    if own["lead"]:
        lines.append(say["lead"].format(lead=own["lead"]))
    lines.append(say["quality"].format(quality=told["quality"].get(own["quality"], own["quality"])))
    if doubts := len(assessment.doubts(layer, code)):
        lines.append(say["doubts"].format(count=doubts))
    return tuple(lines)


def _states(assessment: Assessment, layer: str) -> tuple[str, ...]:
    """Give the state of most people of each place, as the map has it."""
    columns = [f"{prefix}_{layer}" for prefix in ("people", "in_time", "out", "undetermined")]
    places = assessment.places
    if not set(columns) <= set(places.columns):
        return ("none",) * len(places)
    return tuple(main_state(counts) for counts in places[columns].to_numpy(dtype=float).tolist())


def main_state(counts: Sequence[float]) -> str:
    """Give the state of most of a place's people; where only the sum of the late is told, they are out.

    Parameters
    ----------
    counts : (people, in time, out, undetermined)
        NaN where hidden.

    Examples
    --------
    >>> main_state((10, 6, 4, 0)), main_state((10, 4, math.nan, math.nan)), main_state((math.nan,) * 4)
    ('in_time', 'out', 'hidden')
    """
    people, reached, out, undetermined = counts
    if people == 0:
        return "none"
    if math.isnan(people) or math.isnan(reached):
        return "hidden"
    told = (reached, people - reached, 0.0) if math.isnan(out + undetermined) else (reached, out, undetermined)
    return STATES[told.index(max(told))]


def facility_kinds(assessment: Assessment, reached: bool, *layers: str) -> dict[str, Xy]:
    """Give the positions of the facilities of some layers by kind: status, or outside, or not joined to a road."""
    frame = assessment.facilities[assessment.facilities["layer"].isin(layers)]
    xy = shapely.get_coordinates(frame.representative_point().to_numpy()).reshape(-1, 2)
    unjoined = ~frame["joined"].astype(bool) & reached & frame["serves"].astype(bool)
    kind = frame["status"].astype(object).mask(unjoined, "unjoined").mask(~frame["inside"].astype(bool), "outside")
    return {name: xy[(kind == name).to_numpy()] for name in ("existing", "building", "planned", "unjoined", "outside")
            if (kind == name).any()}


def _of_all(assessment: Assessment) -> Theme:
    language = assessment.run["district"].get("language", "zh")
    say, told, members = report_words(language), words(language), circle_layers(assessment)
    figures, code = circle_figures(assessment), assessment.run["district"]["code"]
    own = figures.get(code, {})
    facts = circle_facts(assessment, language) or {}
    edges = tuple(reversed(facts.get("edges", ())))  # the classes of the map
    edges = edges if len(edges) == len(RAMP) else _COMPLETE
    fills, classes = _classed(assessment, {unit: item.get("rate", math.nan) for unit, item in figures.items()},
                              edges, say, whole=None)
    labels = {layer: assessment.run["layers"][layer].get(f"label_{language}") or layer for layer in members}
    lines = [say["all"].format(rate=span_text(own, language))]
    if own.get("mean") is not None:
        lines.append(say["mean"].format(mean=f"{own['mean']:.2f}", services=len(members)))
    lines.append(say["lacking"])
    lines += [f"{labels[layer]}{told['colon']}{say['lacking_people'].format(people=people_text(count, language))}"
              for layer, count in facts.get("district", {}).get("lacking", {}).items()]
    counts = [circle_place(row, members)["counts"] for row in
              assessment.places.drop(columns=assessment.places.geometry.name).to_dict("records")]
    return Theme(CIRCLE, told["circle_all"], (told["separator"].join(labels.values()), told["basis_all"]),
                 tuple(lines), say["classes_all"], classes, fills, tuple(main_state(item) for item in counts),
                 {**told["all_of"], "hidden": told["mostly"]["hidden"]}, (), {})


def _of_sites(assessment: Assessment) -> Theme:
    """Show the sites on the ground of the first layer they are for."""
    language = assessment.run["district"].get("language", "zh")
    say, told, sites = report_words(language), words(language), assessment.sites
    asked = [layer for layer in assessment.siting["layers"] if layer in assessment.layers]
    base = _of_layer(assessment, asked[0] if asked else assessment.layers[0])
    labels = [assessment.run["layers"][layer].get(f"label_{language}") or layer for layer in asked]
    points = shapely.get_coordinates(sites.representative_point().to_numpy())
    status = told["site_status"].get(assessment.siting["status"], assessment.siting["status"])
    gap = assessment.siting.get("gap")
    proof = str(status) + (f"{told['separator']}{told['site_gap']} {rate_text(gap)}" if gap else "")
    marks = tuple((f"{rank:.0f}", float(x), float(y)) for rank, (x, y) in zip(sites["rank"], points, strict=True))
    return Theme(SITES, say["sites_title"].format(layers=told["separator"].join(labels)), (*base.subtitle, proof),
                 base.facts, base.classes_title, base.classes, base.fills, base.states, base.said, base.circle,
                 base.facilities, marks, site_lines(sites, language))


def site_lines(sites: gpd.GeoDataFrame | pd.DataFrame, language: str) -> tuple[str, ...]:
    """Say each chosen site in a line, the first dozen."""
    say, lines = report_words(language), []
    for row in sites.head(_SITES_TOLD).itertuples():
        hidden = row.people_won != row.people_won
        lines.append(say["site_line_hidden" if hidden else "site_line"].format(
            rank=f"{row.rank:.0f}", name=row.name or row.place, township=row.township,
            won=people_text(row.people_won, language)))
    if len(sites) > _SITES_TOLD:
        lines.append(say["more"].format(count=len(sites) - _SITES_TOLD))
    return tuple(lines)
