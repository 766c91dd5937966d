"""Read what a straight walk may not cross: water, cliffs, and hazard zones for evacuation."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, first_of
from lifecircle.inputs.cells import as_text
from lifecircle.inputs.extracts import extract_of
from lifecircle.inputs.files import read_layer
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.shapes import clean, to_crs
from lifecircle.runfile import RunFile

KINDS = ("water", "cliff", "hazard")


def read_barriers(runfile: RunFile, crs: str, area: shapely.Geometry, findings: Findings) -> gpd.GeoDataFrame:
    """Read the barriers of the district and its buffer.

    Parameters
    ----------
    runfile : RunFile
    crs : str
        Study CRS.
    area : Polygon or MultiPolygon
        District and buffer; barriers are cut to its bounding box.
    findings : Findings

    Returns
    -------
    GeoDataFrame
        kind (water, cliff, hazard) and geometry (polygons and lines); empty where none is asked for.
    """
    section, parts = runfile.barriers, []
    if section.osm:
        extract = extract_of(runfile, None)
        water = extract.water()
        if unclosed := extract.open_water():
            ids = first_of([relation.osm_id for relation in unclosed])
            findings.add("warn", "water_open", f"{len(unclosed)} waters do not close and are no barriers: their "
                         "lines are not all in the extract", file=extract.path.name, id=f"relation {ids}",
                         count=len(unclosed),
                         remedy="use an extract that covers them, or draw them in [barriers] file")
        if len(water):
            parts.append(_part(clean(water, extract.path, findings), "water", crs, extract.path, findings))
    for name, default in ((section.file, "water"), (section.hazards, "hazard")):
        if name:
            path = runfile.resolve(name)
            parts.append(_part(clean(read_layer(path, crs=section.crs), path, findings), default, crs, path, findings))
    if not parts:
        return gpd.GeoDataFrame({"kind": pd.Series(dtype="str")}, geometry=gpd.GeoSeries([], crs=crs), crs=crs)
    stacked = pd.concat(parts, ignore_index=True)
    box = shapely.box(*area.bounds)
    cut = stacked[stacked.intersects(box)].copy()
    cut.geometry = cut.geometry.intersection(box)
    return cut[~cut.geometry.is_empty].reset_index(drop=True)


def _part(layer: gpd.GeoDataFrame, default: str, crs: str, path: Path, findings: Findings) -> gpd.GeoDataFrame:
    kind = as_text(layer["kind"]).replace("", default) if "kind" in layer.columns else default
    table = to_crs(gpd.GeoDataFrame({"kind": pd.Series(kind, index=layer.index)}, geometry=layer.geometry), crs, path,
                   findings)
    wrong = ~table["kind"].isin(KINDS) | (shapely.get_dimensions(table.geometry.to_numpy()) < 1)
    if wrong.any():
        first = table[wrong].iloc[0]
        findings.fail(BadValueError(path, f"row {first_of(table.index[wrong])} is no barrier: kind {first['kind']}, "
                                          f"{first.geometry.geom_type}",
                                    f"kinds are {', '.join(KINDS)}; barriers are polygons or lines"),
                      "no_barrier", id=first_of(table.index[wrong], 20), count=int(wrong.sum()))
    return table[~wrong]
