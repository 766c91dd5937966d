"""Turn buildings, residential land or places into weighted points that share the totals of their township."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, EmptyTableError, first_of
from lifecircle.inputs.cells import as_numbers, parse_number
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.joins import text_column
from lifecircle.inputs.places import nearest_places, people_extract, people_layer
from lifecircle.inputs.shapes import locate, read_source, to_crs
from lifecircle.runfile import RunFile

Array = npt.NDArray[np.int64]
#: Values of OSM's key ``building`` that nobody lives in.
NOT_DWELLINGS: frozenset[str] = frozenset({
    "allotment_house", "barn", "bridge", "bunker", "carport", "cathedral", "chapel", "church", "civic", "commercial",
    "conservatory", "construction", "cowshed", "digester", "farm_auxiliary", "fire_station", "garage", "garages",
    "gatehouse", "government", "grandstand", "greenhouse", "hangar", "hospital", "hotel", "hut", "industrial", "kiosk",
    "kindergarten", "manufacture", "mosque", "no", "office", "parking", "pavilion", "public", "retail", "roof", "ruins",
    "school", "service", "shed", "shrine", "sports_hall", "stable", "stadium", "storage_tank", "sty", "supermarket",
    "synagogue", "temple", "toilets", "train_station", "transformer_tower", "transportation", "university",
    "warehouse", "water_tower",
})
#: A building said to have more levels than the tallest there are counts one.
MOST_LEVELS = 200
#: Column of the demand points that keeps the residential land each stands for, where that spreads the people.
LAND_COLUMN = "land_m2"
#: Tags of an extract that each kind of weight is read from.
OSM_TAGS: dict[str, dict[str, list[str] | str | bool]] = {
    "buildings": {"building": True}, "residential": {"landuse": ["residential"]},
}


def weighted_points(runfile: RunFile, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, area: shapely.Geometry,
                    findings: Findings) -> tuple[gpd.GeoDataFrame, Path]:
    """Read what ``[people] weights`` asks for, as points whose ``population`` is a weight.

    Parameters
    ----------
    runfile : RunFile
    townships, places : GeoDataFrame
        In the study CRS; weights are gathered within each.
    area : Polygon or MultiPolygon
        District and buffer; what lies beyond is left out.
    findings : Findings

    Returns
    -------
    GeoDataFrame
        In the study CRS. Weights are m2 of floor for buildings, m2 of ground for residential land (also kept as
        ``land_m2``); for places the column ``weight``, or the same for each.
    Path
        The file.
    """
    kind = runfile.people.weights
    if kind == "places":
        return _places(runfile, places, findings)
    shapes, where = _shapes(runfile, str(townships.crs), area, findings)
    if kind == "buildings":
        points = _buildings(shapes, where, findings)
    else:
        points = _land(shapes, townships, runfile.people.cell_m)
    xy = shapely.get_coordinates(points.geometry.to_numpy())
    if runfile.people.cell_m > 0:
        points = gather(points, np.floor(xy / runfile.people.cell_m).astype(np.int64), townships, places)
    if kind == "residential":
        points = points.assign(**{LAND_COLUMN: points["population"]})
    return points, where


def _places(runfile: RunFile, places: gpd.GeoDataFrame, findings: Findings) -> tuple[gpd.GeoDataFrame, Path]:
    where = runfile.resolve(runfile.people.file or runfile.boundaries.places or str(runfile.path))
    rows = people_layer(runfile, findings) if runfile.people.file else places[places["kind"] != "township"]
    if "weight" in rows.columns:
        return rows.assign(population=as_numbers(rows["weight"], where, "weight", negative=False)), where
    findings.add("warn", "weights_equal", f"{len(rows)} places have no weight; those of a township share its people "
                 "equally", file=where.name, count=len(rows), remedy="give a column weight, such as households")
    return rows.assign(population=1.0), where


def _shapes(runfile: RunFile, crs: str, area: shapely.Geometry, findings: Findings) -> tuple[gpd.GeoDataFrame, Path]:
    """Read the polygons of the file or the extract that touch the area, in the study CRS."""
    people = runfile.people
    if people.file:
        where = runfile.resolve(people.file)
        frame = read_source(where, people, findings)
    else:
        extract, tags = people_extract(runfile), OSM_TAGS[people.weights or ""]
        where, found = extract.path, extract.features(tags)
        frame = found.assign(building=[item.get("building", "") for item in found["tags"]],
                             levels=[item.get("building:levels", "") for item in found["tags"]])
    frame = to_crs(frame[frame.geometry.notna()], crs, where)
    areal = shapely.get_dimensions(frame.geometry.to_numpy()) == 2
    if people.file and not areal.all():
        raise BadValueError(where, f"row {first_of(frame.index[~areal])} is no polygon", "keep the outlines alone")
    frame = frame[areal & shapely.intersects(area, frame.geometry.to_numpy())]
    if frame.empty:
        raise EmptyTableError(where, f"no polygon of {people.weights} lies in the district", "check file and tags")
    return frame, where


def _buildings(frame: gpd.GeoDataFrame, where: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Weigh dwellings by footprint times levels; one level where none is told."""
    homes = frame[~text_column(frame, "building").str.lower().isin(NOT_DWELLINGS)]
    if homes.empty:
        raise EmptyTableError(where, "no building is a dwelling", "check the column building")
    levels = text_column(homes, "levels").map(parse_number)
    told = levels.between(0, MOST_LEVELS, inclusive="right")
    findings.add("note", "buildings_read", f"{len(homes):,} buildings are weighed by footprint; {int(told.sum()):,} of "
                 f"them tell their levels, the others count one; {len(frame) - len(homes):,} are no dwellings",
                 file=where.name, count=len(homes), value=f"{told.mean():.3f}")
    return _points(homes.geometry.to_numpy(), homes.area.to_numpy() * levels.where(told, 1.0).to_numpy(), frame.crs)


def _land(frame: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, cell_m: float) -> gpd.GeoDataFrame:
    """Cut residential land at townships and cells, and weigh each piece by its area; what overlaps counts once."""
    land = shapely.get_parts(shapely.union_all(frame.geometry.to_numpy()))
    outline = shapely.union_all(townships.geometry.to_numpy())
    parts = np.concatenate([_cut(land, townships.geometry.to_numpy()), shapely.difference(land, outline)])
    if cell_m > 0:
        parts = _cut_cells(_polygons(parts), cell_m)
    parts = _polygons(parts)
    return _points(parts, shapely.area(parts), frame.crs)


def _cut(shapes: npt.NDArray[np.object_], by: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    at, of = shapely.STRtree(by).query(shapes, predicate="intersects")
    return np.asarray(shapely.intersection(shapes[at], by[of]), dtype=object)


def _cut_cells(shapes: npt.NDArray[np.object_], cell_m: float) -> npt.NDArray[np.object_]:
    low = np.floor(shapely.bounds(shapes)[:, :2] / cell_m).astype(np.int64)
    high = np.floor(shapely.bounds(shapes)[:, 2:] / cell_m).astype(np.int64)
    pieces = []
    for shape, (west, south), (east, north) in zip(shapes, low, high, strict=True):
        x, y = (part.ravel() * cell_m for part in np.meshgrid(np.arange(west, east + 1), np.arange(south, north + 1)))
        boxes = shapely.box(x, y, x + cell_m, y + cell_m)
        pieces.append(shapely.intersection(shape, boxes[shapely.intersects(shape, boxes)]))
    return np.concatenate(pieces)


def _polygons(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Keep the polygons with an area; touching gives lines and points too."""
    parts = shapely.get_parts(shapes)
    return np.asarray(parts[shapely.area(parts) > 0], dtype=object)


def _points(shapes: npt.NDArray[np.object_], weight: npt.NDArray[np.float64], crs: object) -> gpd.GeoDataFrame:
    points = shapely.point_on_surface(shapes)
    return gpd.GeoDataFrame({"population": weight}, geometry=points, crs=crs, index=np.arange(1, len(points) + 1))


def gather(points: gpd.GeoDataFrame, cell: Array, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame,
           ) -> gpd.GeoDataFrame:
    """Make one point of all points that share a cell, a township and a place.

    It stands at that of them which is nearest to their weighted middle, so never outside township or place.

    Parameters
    ----------
    points : GeoDataFrame
        population (people or weight) and points in the CRS of townships and places.
    cell : (n, 2) int array
        The cell of each.
    townships, places : GeoDataFrame

    Returns
    -------
    GeoDataFrame
        population and geometry, ordered by township, place and cell; sums are kept.
    """
    township = pd.Series(locate(points.geometry, townships), index=points.index, dtype="str")
    place = nearest_places(points.geometry, township, places)
    xy = shapely.get_coordinates(points.geometry.to_numpy())
    keys = ["township", "place", "row", "column"]
    frame = pd.DataFrame({"township": township.to_numpy(), "place": place.to_numpy(), "row": cell[:, 0],
                          "column": cell[:, 1], "x": xy[:, 0], "y": xy[:, 1], "at": np.arange(len(points)),
                          "weight": points["population"].to_numpy(dtype=float)})
    frame = frame[frame["weight"] > 0]
    group = frame.assign(x=frame["x"] * frame["weight"], y=frame["y"] * frame["weight"]).groupby(keys)
    sums = group[["x", "y", "weight"]].transform("sum")
    off_m = np.hypot(frame["x"] - sums["x"] / sums["weight"], frame["y"] - sums["y"] / sums["weight"])
    frame = frame.assign(off_m=off_m.round(6), weight=sums["weight"]).sort_values([*keys, "off_m", "at"])
    frame = frame.drop_duplicates(keys)
    return gpd.GeoDataFrame({"population": frame["weight"].to_numpy()}, crs=points.crs,
                            geometry=points.geometry.to_numpy()[frame["at"].to_numpy()],
                            index=np.arange(1, len(frame) + 1))
