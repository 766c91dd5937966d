"""Hold the answer: tables, service areas, surfaces, findings, and how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import UsageError
from lifecircle.inputs.findings import Finding
from lifecircle.inputs.headers import plain
from lifecircle.marks import MARKING, mark_table, touching
from lifecircle.tables import (
    CIRCLES_COLUMNS,
    CRITICAL_LINKS_COLUMNS,
    GAINS_COLUMNS,
    PLACES_SERVICES_COLUMNS,
    PRIORITY_COLUMNS,
    RANKING_COLUMNS,
    REACH_COLUMNS,
    ROAD_QUALITY_COLUMNS,
    ROUTES_COLUMNS,
    SCORECARD_COLUMNS,
    SITES_COLUMNS,
    worst_quality,
)


@dataclass(frozen=True)
class Surface:
    """Minutes to the nearest facility of one layer on a raster, one band per mode.

    Attributes
    ----------
    modes : tuple of str
        The modes in the order of the bands.
    minutes : (bands, rows, columns) float32
        NaN where no road can be joined or nothing is reached; first row north.
    west_m, north_m, cell_m : float
        Outer corner of the first cell, and the cell size.
    """

    modes: tuple[str, ...]
    minutes: np.ndarray[Any, Any]
    west_m: float
    north_m: float
    cell_m: float


@dataclass(frozen=True)
class Assessment:
    """The answer for one district. All geometries are in the study CRS; the outputs go to EPSG:4326.

    Attributes
    ----------
    run : dict
        What ``run.json`` holds: ``run_id``, ``lifecircle`` (version), ``quality``, ``crs``, ``buffer_m``,
        ``district`` (name, code, language, map_approval_number, data_date, population, outline area_km2),
        ``layers`` (layer -> label_zh, label_en, quality, reach, group, lead_unit, urban and rural rule with mode,
        cutoff_min, pass_share, beside), ``policy``, ``runfile``, ``inputs``, ``versions``, ``seed``.
    results, gaps : DataFrame
        The contracts `RESULTS_COLUMNS` and `GAPS_COLUMNS` of `lifecircle.tables`.
    demand : GeoDataFrame
        Demand points inside the district: demand_id, place_code, township_code, class, population (and groups),
        snap_m (shortest leg to a road or door; NaN where it cannot be joined), and per layer ``minutes_<layer>``
        (headline mode; NaN undetermined, inf unreachable), ``state_<layer>``, ``facility_<layer>`` (facility_id of the
        nearest, or ""), ``access_<layer>`` (capacity per head by 2SFCA, where the policy states the supply).
    service_areas : GeoDataFrame
        layer, mode, kind (circle / isochrone / facility), cutoff (minutes; NaN for a circle), facility_id (blank but
        for a facility), area_km2, population, geometry.
    townships, places, facilities : GeoDataFrame
        As in the study; places also have what their residents have of all services (`completeness.with_services`),
        facilities ``joined`` (bool), ``snap_m`` (NaN where not joined), and where the policy states their supply
        ``people_allocated`` and ``load`` (share of the capacity; both NaN if it is unknown).
    ground : GeoDataFrame
        kind (water / road), road_class and geometry: a quiet ground to draw under the themes.
    surfaces : dict
        Layer -> Surface.
    road_quality : DataFrame
        `ROAD_QUALITY_COLUMNS`: how complete the roads of each township are; see `roadstate.completeness`.
    critical_links : GeoDataFrame
        `CRITICAL_LINKS_COLUMNS` and geometry: the links whose loss cuts most people off; see `roadstate`.
    circles : DataFrame
        `CIRCLES_COLUMNS`: the circles of care of the old, each with its verdict and the reason.
    scorecard : DataFrame
        `SCORECARD_COLUMNS`: every measure of the plan in every unit; see `lifecircle.scorecard`.
    ranking : DataFrame
        `RANKING_COLUMNS`: the points of each township, its rank, and how the rank bears other weights.
    priority : DataFrame
        `PRIORITY_COLUMNS`: people of priority groups per place, township and district; see `indicators.priority`.
    gains : DataFrame
        `GAINS_COLUMNS`: what each new facility of a scenario gains; see `lifecircle.gains`.
    changed_roads : GeoDataFrame
        Roads that a scenario built, upgraded or cut: edit, name, kind, road_class, length_m and geometry.
    sites : GeoDataFrame
        `SITES_COLUMNS` and geometry: where to build, if that was asked; see `lifecircle.siting.sites`.
    siting : dict
        The question and the proof of the answer, as ``site.json`` holds them; empty where nothing was asked.
    reach : DataFrame
        demand_id, layer, candidate_id and minutes: who could reach which candidate.
    routes : GeoDataFrame
        `ROUTES_COLUMNS` and geometry: the way behind the minutes of each place; see `lifecircle.routes`.
    timing : dict
        Seconds per step.
    """

    run: dict[str, Any]
    townships: gpd.GeoDataFrame
    places: gpd.GeoDataFrame
    demand: gpd.GeoDataFrame
    facilities: gpd.GeoDataFrame
    service_areas: gpd.GeoDataFrame
    ground: gpd.GeoDataFrame
    results: pd.DataFrame
    gaps: pd.DataFrame
    findings: list[Finding]
    surfaces: dict[str, Surface] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)
    road_quality: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(ROAD_QUALITY_COLUMNS)))
    critical_links: gpd.GeoDataFrame = field(default_factory=lambda: gpd.GeoDataFrame(
        columns=[*CRITICAL_LINKS_COLUMNS, "geometry"], geometry="geometry", crs="EPSG:4326"))
    circles: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(CIRCLES_COLUMNS)))
    scorecard: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(SCORECARD_COLUMNS)))
    ranking: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(RANKING_COLUMNS)))
    priority: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(PRIORITY_COLUMNS)))
    sites: gpd.GeoDataFrame = field(default_factory=lambda: gpd.GeoDataFrame(
        columns=[*SITES_COLUMNS, "geometry"], geometry="geometry", crs="EPSG:4326"))
    routes: gpd.GeoDataFrame = field(default_factory=lambda: gpd.GeoDataFrame(
        columns=[*ROUTES_COLUMNS, "geometry"], geometry="geometry", crs="EPSG:4326"))
    siting: dict[str, Any] = field(default_factory=dict)
    reach: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(REACH_COLUMNS)))
    gains: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(GAINS_COLUMNS)))
    changed_roads: gpd.GeoDataFrame = field(default_factory=lambda: gpd.GeoDataFrame(
        columns=["edit", "name", "kind", "road_class", "length_m", "geometry"], geometry="geometry", crs="EPSG:4326"))

    @property
    def layers(self) -> tuple[str, ...]:
        """List the layers in the order of the run file."""
        return tuple(self.run["layers"])

    @property
    def outline(self) -> shapely.Geometry:
        """Give the district: the union of the townships."""
        return shapely.union_all(self.townships.geometry.to_numpy())

    @property
    def uses_osm(self) -> bool:
        """Tell whether OpenStreetMap has to be credited."""
        run = self.run
        files = [str(item.get("file", "")) for item in run.get("inputs", [])]
        qualities = [item.get("quality") for item in (*run.get("inputs", []), *run["layers"].values())]
        return "osm" in [*qualities, *self.facilities["quality"], *self.results["quality"]] or any(
            name.endswith((".osm.pbf", ".osm")) for name in files)

    def headline(self, indicator: str) -> pd.DataFrame:
        """Give the rows of one indicator that the policy decides by, of the existing state."""
        decides = self.results["headline"] & (self.results["scenario"] == "existing")
        return self.results[(self.results["indicator"] == indicator) & decides]

    @property
    def long_legs(self) -> pd.DataFrame:
        """List the demand points and facilities whose leg to the road is longer than the policy's ``long_leg_m``.

        Returns
        -------
        DataFrame
            kind (demand / facility), id, name, layer, township_code, snap_m; the longest first.
        """
        demand = self.demand.assign(kind="demand", id=self.demand["demand_id"], name="", layer="")
        facilities = self.facilities.assign(kind="facility", id=self.facilities["facility_id"])
        columns = ["kind", "id", "name", "layer", "township_code", "snap_m"]
        table = pd.concat([pd.DataFrame(demand[columns]), pd.DataFrame(facilities[columns])], ignore_index=True)
        table = table[table["snap_m"] > self.run["policy"]["long_leg_m"]]
        return table.sort_values(["snap_m", "kind", "id"], ascending=[False, True, True], ignore_index=True)

    @property
    def places_services(self) -> pd.DataFrame:
        """List what the residents of each place have of all services; empty where no layer is judged by reach.

        Returns
        -------
        DataFrame
            `PLACES_SERVICES_COLUMNS`, share_lacking_<layer> per layer and quality; see `indicators.completeness`.
        """
        names = dict(zip(self.townships["township_code"], self.townships["township"], strict=True))
        lacking = [f"share_lacking_{layer}" for layer in self.layers if f"share_lacking_{layer}" in self.places.columns]
        if not lacking:
            return pd.DataFrame(columns=[*PLACES_SERVICES_COLUMNS, "quality"])
        judged = [self.run["layers"][name.removeprefix("share_lacking_")] for name in lacking]
        quality = worst_quality(record["quality"] for record in judged)
        places = self.places.assign(township=self.places["township_code"].map(names), quality=quality)
        return pd.DataFrame(places[[*PLACES_SERVICES_COLUMNS, *lacking, "quality"]])

    @cached_property
    def marks(self) -> pd.DataFrame:
        """List which figures are in doubt, per township (and the district) and layer: `marks.mark_table`."""
        district = self.run["district"]
        units = {district["code"]: district["name"],
                 **dict(zip(self.townships["township_code"], self.townships["township"], strict=True))}
        return mark_table(self.findings, units, district["code"], self.layers)

    def doubts(self, layer: str, township_code: str) -> list[Finding]:
        """List the findings behind a mark: stops and warnings that touch a layer in a township, or in the district."""
        code = "" if township_code == self.run["district"]["code"] else township_code
        return [item for item in touching(self.findings, layer, code) if item.severity in MARKING]

    def _repr_html_(self) -> str:
        """Show the district's headline rates in a notebook."""
        table = self.headline("coverage_rate")
        table = table[table["township_code"] == self.run["district"]["code"]]
        shown = table[["layer", "class", "mode", "cutoff", "value", "low", "high", "verdict", "quality"]]
        title = f"<p><b>{_escape(self.run['district']['name'])}</b> · run {self.run['run_id']}</p>"
        return title + str(shown.to_html(index=False, float_format=lambda number: f"{number:.3f}"))


def find_layer(name: str, layers: Mapping[str, Mapping[str, Any]], where: str | Path) -> str:
    """Find the layer that somebody means by its key, or by its label in Chinese or English.

    Parameters
    ----------
    name : str
    layers : mapping
        Layer -> its ``label_zh`` and ``label_en``, as ``run["layers"]`` holds them.
    where : str or Path
        Run directory or file, named where there is no such layer.

    Raises
    ------
    UsageError
        If no layer, or several, are called so; all are listed with their labels.
    """
    if name.strip() in layers:
        return name.strip()
    wanted = plain(name).casefold()
    found = [key for key, record in layers.items()
             if wanted in {plain(text).casefold() for text in (key, record["label_zh"], record["label_en"])}]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(key if label == key else f"{key}（{label}）"
                       for key, label in ((key, layers[key]["label_zh"]) for key in found or layers))
    what = f"several layers are called {name}" if found else f"no layer {name}"
    raise UsageError(f"{where}: {what}; there are {listed}")


def _escape(text: str) -> str:
    import html

    return html.escape(text)
