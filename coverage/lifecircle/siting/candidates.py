"""Say where something may be built: in the places, on land or in buildings of a file, or along the roads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, EmptyTableError, UsageError, first_of
from lifecircle.indicators.presence import place_of
from lifecircle.inputs.cells import as_numbers
from lifecircle.inputs.joins import text_column
from lifecircle.inputs.roadcuts import segment_lines
from lifecircle.inputs.shapes import locate, read_source, to_crs
from lifecircle.network.graph import mode_edges
from lifecircle.network.modes import TravelMode
from lifecircle.sources import Datum, FileSource
from lifecircle.study import Study
from lifecircle.traveltimes import TravelTimes, points_of

Array = npt.NDArray[Any]
#: What a candidate may say of itself; blank where nobody does.
NUMBERS: tuple[str, ...] = ("cost", "capacity", "area_m2", "effective_area_m2")
CANDIDATE_COLUMNS: tuple[str, ...] = ("candidate_id", "name", "kind", "building", "township_code", "place_code",
                                      *NUMBERS)
_MOST = 20_000
#: Characters of an id: a scenario of the sites holds it.
_LONGEST = 100
#: No district is wider than a cell of this side.
_WIDEST_M = 1_000_000.0


def in_places(times: TravelTimes) -> gpd.GeoDataFrame:
    """Give one candidate per place with people: its demand point nearest to the middle of the people.

    Returns
    -------
    GeoDataFrame
        `CANDIDATE_COLUMNS` and the point, in the study's CRS.
    """
    middle, study = times.middle_points, times.study
    names = study.places.set_index("place_code")["place"]
    code = middle["place_code"].to_numpy(dtype=object)
    shapes = gpd.GeoSeries(shapely.points(times.xy_m[middle["row"].to_numpy()]), crs=study.crs)
    return _table(study, shapes, "place", candidate_id=[f"place-{one}" for one in code],
                  name=pd.Series(code).map(names).fillna("").to_numpy(dtype=object), place_code=code)


def along_roads(times: TravelTimes, mode: TravelMode, spacing_m: float) -> gpd.GeoDataFrame:
    """Give candidates along the roads of the district that a mode may use and stop at, one in each cell of a grid.

    Parameters
    ----------
    mode : TravelMode
    spacing_m : float
        Side of the cells; in each the point of a road nearest to its middle is taken.

    Raises
    ------
    UsageError
        If that makes more candidates than can be compared, or none.
    """
    study = times.study
    if not 0 < spacing_m <= _WIDEST_M:
        raise UsageError(f"a grid of {spacing_m:g} m cannot be laid; give a spacing above 0, to {_WIDEST_M:,.0f}")
    west, south, east, north = study.outline.bounds
    count = (east - west) * (north - south) / spacing_m**2
    if count > 50 * _MOST:
        raise UsageError(f"a grid of {spacing_m:g} m makes more than {_MOST:,} candidates; take a wider one")
    edges = mode_edges(study.roads, mode, slope="none")
    lines = segment_lines(study.roads, edges.segment[edges.joinable])
    columns, rows = (np.arange(low + spacing_m / 2, high + spacing_m / 2, spacing_m)
                     for low, high in ((west, east), (south, north)))
    middle = shapely.points(np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2))
    cell, road = shapely.STRtree(lines).query_nearest(middle, max_distance=spacing_m / 2, all_matches=False)
    spot = shapely.line_interpolate_point(lines[road], shapely.line_locate_point(lines[road], middle[cell]))
    spot = spot[shapely.intersects(study.outline, spot)]
    if not 0 < len(spot) <= _MOST:
        raise UsageError(f"a grid of {spacing_m:g} m makes {len(spot):,} candidates; take "
                         f"{'a wider' if len(spot) else 'a closer'} one")
    return _table(study, gpd.GeoSeries(spot, crs=study.crs), "road")


def in_buildings(study: Study, layers: tuple[str, ...]) -> gpd.GeoDataFrame:
    """Give the facilities of other layers as candidates: a new service in a building that stands (社区综合体).

    Raises
    ------
    UsageError
        If there is no such layer, or no facility in it.
    """
    for layer in layers:
        if layer not in study.layers:
            raise UsageError(f"no layer {layer} to share buildings with; there are {', '.join(study.layers)}")
    table = study.facilities
    table = table[table["layer"].isin(layers) & table["inside"] & (table["status"] == "existing")]
    if table.empty:
        raise UsageError(f"no facility of {', '.join(layers)} stands in the district; choose other candidates")
    table = table.sort_values("facility_id", kind="stable").reset_index(drop=True)
    return _table(study, gpd.GeoSeries(shapely.points(points_of(table)), crs=study.crs), "building",
                  candidate_id="in-" + table["facility_id"].to_numpy(dtype=object), name=table["name"].to_numpy())


def read_candidates(study: Study, file: str, *, datum: Datum | None = None) -> gpd.GeoDataFrame:
    """Read candidates from a sheet or a layer: public land (公有地块), buildings, or what a planner drew.

    Parameters
    ----------
    file : str
        Relative to the run file, as every input. Columns, all but the position optional: candidate_id, name, building
        (candidates with the same word share one), cost, capacity, area_m2, effective_area_m2.
    datum : str, optional
        Of the coordinates; by their heads, else WGS 84, where it is not given.

    Raises
    ------
    InputError
        If it cannot be read, an id stands twice, a number is none, or nothing lies in the district.
    """
    path = study.runfile.resolve(file)
    found = to_crs(read_source(Path(path), FileSource(file=file, datum=datum), study.findings), study.crs, path,
                   study.findings)
    text = {name: text_column(found, name).to_numpy(dtype=object) for name in ("candidate_id", "name", "building")}
    numbers = {name: as_numbers(found[name], path, name, blank=True, negative=False).to_numpy()
               if name in found.columns else np.nan for name in NUMBERS}
    given = text.pop("candidate_id")
    text["candidate_id"] = np.where(given == "", [f"c{row}" for row in found.index], given)
    twice = pd.Series(text["candidate_id"])[pd.Series(text["candidate_id"]).duplicated()]
    if len(twice):
        raise BadValueError(path, f"candidate_id {first_of(twice)} stands twice", "give every candidate its own")
    long = next((str(one) for one in text["candidate_id"] if len(one) > _LONGEST), "")
    if long:
        raise BadValueError(path, f"candidate_id {long[:20]}… has {len(long):,} characters", f"at most {_LONGEST}")
    table = _table(study, found.geometry.reset_index(drop=True), "land", **text, **numbers)
    inside = table["township_code"] != ""
    if not inside.any():
        raise EmptyTableError(path, "no candidate lies in the district", "check coordinates and datum")
    if inside.sum() > _MOST:
        raise EmptyTableError(path, f"holds {inside.sum():,} candidates", f"leave at most {_MOST:,}")
    return table[inside].reset_index(drop=True)


def _table(study: Study, shapes: gpd.GeoSeries, kind: str, **columns: Any) -> gpd.GeoDataFrame:
    """Lay candidates out; a building of its own each, unless its name is given."""
    home = locate(shapes, study.townships)
    ids = columns.pop("candidate_id", [f"{kind}-{number + 1}" for number in range(len(shapes))])
    table = gpd.GeoDataFrame({"candidate_id": ids, "name": "", "kind": kind, "building": "", "township_code": home,
                              "place_code": "", **dict.fromkeys(NUMBERS, np.nan), **columns},
                             geometry=shapes.to_numpy(), crs=study.crs)
    table["building"] = table["building"].where(table["building"] != "", table["candidate_id"])
    if "place_code" not in columns:
        table["place_code"] = place_of(study, table)
    return table[[*CANDIDATE_COLUMNS, "geometry"]]


def choose_candidates(times: TravelTimes, said: str, mode: TravelMode, *, datum: Datum | None = None,
                      ) -> gpd.GeoDataFrame:
    """Read what a caller says of the candidates.

    Parameters
    ----------
    said : str
        ``places``; ``roads:500`` (a grid of 500 m); ``in:clinics,shelters`` (buildings of those layers); else a file.
    """
    if said == "places":
        return in_places(times)
    if said.startswith("roads:"):
        try:
            spacing_m = float(said.removeprefix("roads:"))
        except ValueError as error:
            raise UsageError(f"candidates {said}: no number of metres; write roads:500") from error
        return along_roads(times, mode, spacing_m)
    if said.startswith("in:"):
        return in_buildings(times.study, tuple(name.strip() for name in said.removeprefix("in:").split(",")))
    return read_candidates(times.study, said, datum=datum)
