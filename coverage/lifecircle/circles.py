"""Draw service circles and isochrones: surfaces per layer and mode, cut where they are in time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.assessment import Surface
from lifecircle.network.access import Access
from lifecircle.network.graph import hilbert_order
from lifecircle.network.legs import Walls
from lifecircle.network.perfacility import facility_areas
from lifecircle.network.raster import Raster
from lifecircle.network.sealed import open_part
from lifecircle.network.surface import Minutes, as_multipolygon, cut, sealed_from, surface_minutes
from lifecircle.policy import LayerPolicy
from lifecircle.study import Study
from lifecircle.traveltimes import TravelTimes, points_of, used_modes, walking_slope

Array = npt.NDArray[Any]
ISOCHRONES_MIN = (15.0, 30.0)
_COLUMNS = ["layer", "mode", "kind", "cutoff", "facility_id", "population", "geometry"]


class Surfaces(NamedTuple):
    """Minutes on one raster over the district.

    Attributes
    ----------
    minutes : dict
        (layer, mode) -> Minutes.
    ground : Geometry
        The district without its sealed ground.
    regions : dict
        Class -> its part of the ground.
    """

    raster: Raster
    minutes: dict[tuple[str, str], Minutes]
    ground: shapely.Geometry
    regions: dict[str, shapely.Geometry]


def draw(times: TravelTimes) -> tuple[Surfaces, gpd.GeoDataFrame]:
    """Compute the surfaces, and cut the service areas from them."""
    surfaces = solve_surfaces(times)
    return surfaces, service_areas(times, surfaces)


def solve_surfaces(times: TravelTimes) -> Surfaces:
    """Compute the surface of every layer and mode over the district, all layers of a field in one pass."""
    study = times.study
    raster = Raster.over(study.outline, study.runfile.surface.cell_m)
    # One cell more all round, so that the edge of an area runs on as far as the district's own.
    cells = np.flatnonzero(raster.burn([study.outline.buffer(raster.cell_m)], all_touched=True))
    cells = cells[hilbert_order(raster.middles(cells))]  # cells that share roads follow one another
    passes = {id(fields): fields for fields, _ in times.fields.values()}
    sealed = sealed_from([field for fields in passes.values() for field in fields], raster, cells)
    with ThreadPoolExecutor(1) as beside:
        ground = beside.submit(_open_ground, study, raster, sealed)
        done = {key: surface_minutes(fields, raster, cells, sealed) for key, fields in passes.items()}
        minutes = {key: done[id(fields)][column] for key, (fields, column) in times.fields.items()}
        return Surfaces(raster, minutes, *ground.result())


def _open_ground(study: Study, raster: Raster, sealed: Walls) -> tuple[shapely.Geometry, dict[str, shapely.Geometry]]:
    """Give the district without its sealed ground, and the part of each class."""
    ground = open_part(study.outline, sealed)
    return ground, {name: shapely.intersection(region, ground)
                    for name, region in class_regions(study, raster).items()}


def layer_surfaces(study: Study, surfaces: Surfaces) -> dict[str, Surface]:
    """Stack the modes of each layer into one Surface: minutes at the centres of cells, or the open ground beside."""
    stacked, raster = {}, surfaces.raster
    for layer in study.layers:
        modes = used_modes(study.policy.layer(layer))
        if modes:
            bands = np.stack([surfaces.minutes[layer, mode].centre for mode in modes])
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


def service_areas(times: TravelTimes, surfaces: Surfaces) -> gpd.GeoDataFrame:
    """Cut, per layer, the service circle of the headline modes and the isochrones of every used mode.

    Where the policy asks for it, also the service area of every single facility.

    Returns
    -------
    GeoDataFrame
        layer, mode, kind (circle / isochrone / facility), cutoff (minutes; NaN for a circle), facility_id (blank but
        for a facility), area_km2, population, geometry.
    """
    study = times.study

    def circle(layer: str) -> tuple[Any, ...]:
        policy = study.policy.layer(layer)
        area, people = _circle(policy, layer, surfaces), _people_in_time(times, layer, policy)
        return layer, headline_mode(policy), "circle", np.nan, "", people, area

    def isochrone(layer: str, mode: str, cutoff_min: float) -> tuple[Any, ...]:
        area = cut(surfaces.minutes[layer, mode], cutoff_min, surfaces.raster, surfaces.ground)
        within = times.times[layer, mode].minutes <= cutoff_min
        people = float(times.demand["population"][within].sum())
        return layer, mode, "isochrone", cutoff_min, "", people, area

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = []
        for layer in study.layers:
            modes = used_modes(study.policy.layer(layer))
            jobs += [pool.submit(circle, layer)] if modes else []
            jobs += [pool.submit(isochrone, layer, mode, cutoff) for mode in modes for cutoff in ISOCHRONES_MIN]
        rows = [job.result() for job in jobs]
    rows += facility_rows(times, surfaces.ground)
    frame = gpd.GeoDataFrame(rows, columns=_COLUMNS, geometry="geometry", crs=study.crs)
    frame.insert(frame.columns.get_loc("population"), "area_km2", frame.area / 1e6)
    return frame


def facility_rows(times: TravelTimes, ground: shapely.Geometry) -> Iterator[tuple[Any, ...]]:
    """Draw the service area of every single facility, in the headline modes of the layers whose policy asks for it.

    Yields
    ------
    tuple
        layer, mode, "facility", cutoff (minutes), facility_id, people in time, geometry. Facilities that reach nothing
        in the district have none.
    """
    study, people = times.study, times.demand["population"].to_numpy(dtype=float)
    asked = [layer for layer in study.layers if study.policy.layer(layer).areas_per_facility]
    if not asked:
        return
    [barriers, *_] = [fields[0].barriers for fields, _ in times.fields.values()]
    access = Access(study.roads, times.modes, barriers)
    for layer in asked:
        policy = study.policy.layer(layer)
        for mode, cutoffs_min in _headline_cutoffs(policy).items():
            areas = facility_areas(
                access, mode, times.doors[layer], cutoffs_min, direction=policy.direction,
                slope=walking_slope(study, layer, times.modes, mode), cell_m=study.runfile.surface.cell_m,
                area=ground, people=(times.xy_m, people))
            facility_id = times.serving[layer]["facility_id"].to_numpy()
            for row in areas[~areas.is_empty].itertuples():
                yield layer, mode, "facility", row.cutoff, str(facility_id[row.facility]), row.population, row.geometry


def _headline_cutoffs(policy: LayerPolicy) -> dict[str, list[float]]:
    """Give the cutoffs of the headline rules, mode by mode."""
    cutoffs: dict[str, set[float]] = {}
    for rule in (policy.rule("urban"), policy.rule("rural")):
        if rule is not None:
            cutoffs.setdefault(rule.mode, set()).add(rule.cutoff_min)
    return {mode: sorted(values) for mode, values in cutoffs.items()}


def headline_mode(policy: LayerPolicy) -> str:
    """Give the headline mode of the whole district: the classes' own, or ``mixed`` where they differ."""
    modes = {rule.mode for rule in (policy.urban, policy.rural) if rule is not None}
    return modes.pop() if len(modes) == 1 else "mixed"


def _circle(policy: LayerPolicy, layer: str, surfaces: Surfaces) -> shapely.Geometry:
    parts = []
    for name, region in surfaces.regions.items():
        rule = policy.rule(name)
        if rule is not None and not region.is_empty:
            parts.append(cut(surfaces.minutes[layer, rule.mode], rule.cutoff_min, surfaces.raster, region))
    return as_multipolygon(reduce(shapely.union, parts, shapely.MultiPolygon()))


def _people_in_time(times: TravelTimes, layer: str, policy: LayerPolicy) -> float:
    people = 0.0
    for name in ("urban", "rural"):
        rule = policy.rule(name)
        if rule is not None:
            within = (times.times[layer, rule.mode].minutes <= rule.cutoff_min) & (times.demand["class"] == name)
            people += float(times.demand["population"][within].sum())
    return people
