"""Draw service circles and isochrones: surfaces per layer and mode, cut where they are in time."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.assessment import Surface
from lifecircle.network.graph import hilbert_order
from lifecircle.network.surface import Raster, as_multipolygon, cut
from lifecircle.policy import LayerPolicy
from lifecircle.study import Study
from lifecircle.traveltimes import TravelTimes, evaluate, points_of, used_modes

Array = npt.NDArray[Any]
ISOCHRONES_MIN = (15.0, 30.0)


def solve_surfaces(times: TravelTimes) -> tuple[Raster, dict[tuple[str, str], Array]]:
    """Compute the surface of every layer and mode over the district, all layers of a field in one pass."""
    study = times.study
    raster = Raster.over(study.outline, study.runfile.surface.cell_m)
    mask = raster.burn([study.outline], all_touched=True) > 0
    centres = raster.centres(mask)
    order = hilbert_order(centres)  # cells that share roads follow one another
    done: dict[int, Array] = {}
    surfaces = {}
    for (layer, mode), (fields, column) in times.fields.items():
        if id(fields) not in done:
            minutes = evaluate(fields, centres[order], want_snap=False)[0]
            done[id(fields)] = np.empty(minutes.shape, np.float32)
            done[id(fields)][order] = np.where(np.isinf(minutes), np.nan, minutes)
        band = np.full((raster.rows, raster.columns), np.nan, np.float32)
        band[mask] = done[id(fields)][:, column]
        surfaces[layer, mode] = band
    return raster, surfaces


def layer_surfaces(study: Study, raster: Raster, surfaces: dict[tuple[str, str], Array]) -> dict[str, Surface]:
    """Stack the modes of each layer into one Surface."""
    stacked = {}
    for layer in study.layers:
        modes = used_modes(study.policy.layer(layer))
        if modes:
            bands = np.stack([surfaces[layer, mode] for mode in modes])
            stacked[layer] = Surface(modes, bands, raster.west_m, raster.north_m, raster.cell_m)
    return stacked


def class_regions(study: Study, raster: Raster) -> dict[str, shapely.Geometry]:
    """Divide the district into its urban and its rural part.

    Where places are polygons, each is of its own class; elsewhere the class is that of the nearest demand point.
    """
    outline, places = study.outline, study.places
    polygons = places[shapely.area(places.geometry.to_numpy()) > 0] if len(places) else places
    known = {name: shapely.union_all(polygons.geometry[polygons["class"] == name].to_numpy()) for name in
             ("urban", "rural")}
    rest = outline.difference(shapely.union_all(list(known.values())).buffer(1.0))
    demand = study.demand[study.demand["inside"]]
    if rest.is_empty or rest.area < 1e-4 * outline.area or demand["class"].nunique() == 1:
        only = demand["class"].iloc[0] if demand["class"].nunique() == 1 else "rural"
        urban = known["urban"].intersection(outline).union(rest if only == "urban" else shapely.Point())
    else:
        urban = known["urban"].union(rest.intersection(_nearest_urban(demand, raster))).intersection(outline)
    return {"urban": as_multipolygon(urban), "rural": as_multipolygon(outline.difference(urban))}


def _nearest_urban(demand: gpd.GeoDataFrame, raster: Raster) -> shapely.Geometry:
    from rasterio.features import shapes
    from scipy.spatial import cKDTree

    everywhere = np.ones((raster.rows, raster.columns), dtype=bool)
    at = cKDTree(points_of(demand)).query(raster.centres(everywhere))[1]
    urban = (demand["class"].to_numpy() == "urban")[at].reshape(everywhere.shape).astype(np.uint8)
    return shapely.union_all([shapely.geometry.shape(item) for item, value in shapes(urban, transform=raster.transform)
                              if value == 1])


def service_areas(times: TravelTimes, raster: Raster, surfaces: dict[tuple[str, str], Array]) -> gpd.GeoDataFrame:
    """Cut, per layer, the service circle of the headline modes and the isochrones of every used mode.

    Returns
    -------
    GeoDataFrame
        layer, mode, kind (circle / isochrone), cutoff (minutes; NaN for a circle), area_km2, population, geometry.
    """
    study = times.study
    regions, outline = class_regions(study, raster), study.outline
    rows = []
    for layer in study.layers:
        policy = study.policy.layer(layer)
        if not used_modes(policy):
            continue
        circle = _circle(policy, layer, surfaces, raster, regions)
        rows.append((layer, headline_mode(policy), "circle", np.nan, circle, _people_in_time(times, layer, policy)))
        for mode in used_modes(policy):
            for cutoff_min in ISOCHRONES_MIN:
                area = cut(surfaces[layer, mode], cutoff_min, raster, outline)
                within = times.times[layer, mode].minutes <= cutoff_min
                people = float(times.demand["population"][within].sum())
                rows.append((layer, mode, "isochrone", cutoff_min, area, people))
    frame = gpd.GeoDataFrame(rows, columns=["layer", "mode", "kind", "cutoff", "geometry", "population"],
                             geometry="geometry", crs=study.crs)
    frame["area_km2"] = frame.area / 1e6
    return frame[["layer", "mode", "kind", "cutoff", "area_km2", "population", "geometry"]]


def headline_mode(policy: LayerPolicy) -> str:
    """Give the headline mode of the whole district: the classes' own, or ``mixed`` where they differ."""
    modes = {rule.mode for rule in (policy.urban, policy.rural) if rule is not None}
    return modes.pop() if len(modes) == 1 else "mixed"


def _circle(policy: LayerPolicy, layer: str, surfaces: dict[tuple[str, str], Array], raster: Raster,
            regions: dict[str, shapely.Geometry]) -> shapely.Geometry:
    parts = []
    for name, region in regions.items():
        rule = policy.rule(name)
        if rule is not None and not region.is_empty:
            parts.append(cut(surfaces[layer, rule.mode], rule.cutoff_min, raster, region))
    return as_multipolygon(shapely.union_all(parts))


def _people_in_time(times: TravelTimes, layer: str, policy: LayerPolicy) -> float:
    people = 0.0
    for name in ("urban", "rural"):
        rule = policy.rule(name)
        if rule is not None:
            within = (times.times[layer, rule.mode].minutes <= rule.cutoff_min) & (times.demand["class"] == name)
            people += float(times.demand["population"][within].sum())
    return people
