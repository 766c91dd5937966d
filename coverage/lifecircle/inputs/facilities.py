"""Read the facility layers: registers with coordinates, or features of an OSM extract by tag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, ConfigError, EmptyTableError, InputError, first_of
from lifecircle.inputs import registers
from lifecircle.inputs.cells import as_numbers, parse_number, report_unused
from lifecircle.inputs.classes import assign_township
from lifecircle.inputs.extracts import extract_of
from lifecircle.inputs.findings import OUTSIDE, Findings
from lifecircle.inputs.headers import DATUM_HEAD
from lifecircle.inputs.joins import named_township, text_column
from lifecircle.inputs.shapes import clean, in_place, read_raw, to_crs
from lifecircle.inputs.sitedoubts import PlaceGround, report_elsewhere, report_twins
from lifecircle.policy import Policy
from lifecircle.runfile import Facilities, RunFile
from lifecircle.sources import OsmSource
from lifecircle.tables import check

#: A row of a register that lies farther from the district and its buffer is a slip of the pen, not a neighbour.
FAR_M = 20_000.0
_NUMBERS = ("capacity", "area_m2", "effective_area_m2")
_COLUMNS = ("facility_id", "layer", "name", "level", "status", "opens_year", "capacity", "capacity_unit", "area_m2",
            "effective_area_m2", "setting", "township_code", "source", "quality", "inside", "geometry")
_USED = frozenset({*_COLUMNS, "township", "place", "place_code", "address", "category", "datum", DATUM_HEAD})


def read_facilities(runfile: RunFile, townships: gpd.GeoDataFrame, area: shapely.Geometry, findings: Findings, *,
                    policy: Policy | None = None, ground: PlaceGround | None = None) -> gpd.GeoDataFrame:
    """Read every facility layer of the run file.

    Parameters
    ----------
    runfile : RunFile
    townships : GeoDataFrame
        In the study CRS.
    area : Polygon or MultiPolygon
        District and buffer; facilities beyond are left out.
    findings : Findings
    policy : Policy, optional
        Levels that it does not accept, or asks for in vain, are findings.
    ground : PlaceGround, optional
        Facilities that lie elsewhere than in the place that their row names are findings.

    Returns
    -------
    GeoDataFrame
        The table ``facilities`` in the study CRS: points, multipoints (the doors of one facility) and polygons, with
        ``inside``.

    Raises
    ------
    EmptyTableError
        If a source gives no facility at all.
    BadValueError
        If a facility_id is blank or given twice, or a cell holds what it may not hold.
    """
    policy = policy or Policy()
    parts, numbered, claims = [], dict.fromkeys(runfile.layers, 0), registers.Claims()
    for source in runfile.facilities:
        with findings.about(source.layer):
            try:
                where, table = _table(runfile, source, townships, numbered[source.layer], claims, findings, ground)
            except InputError as error:
                findings.fail(error, "layer_unreadable", layer=source.layer)
                continue
            numbered[source.layer] += len(table)
            table["level"] = table["level"].replace(policy.layer(source.layer).level_words)
            registers.report_refused(table, where, policy.layer(source.layer).accepts, findings)
            registers.report_untranslated(table, source, where, policy.layer(source.layer), findings)
            registers.report_kindless(table, where, policy.layer(source.layer), findings)
            table = _within(table, source, area, runfile.district.neighbours, where, findings)
            homes = table["township_code"].replace("", OUTSIDE)
            findings.know(where, homes)
            findings.know("", homes.set_axis(table["facility_id"]))
            table = table.assign(outline=table.geometry, file=where.name,
                                 row=table.index.astype(str) if source.file else table["facility_id"])
            parts.append(registers.with_doors(_measured(table, source, where, findings), source, runfile, findings))
    claims.report(findings)
    if not parts:
        raise EmptyTableError(runfile.path, "no facility layer can be read", "mend what was found above")
    stacked = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=townships.crs)
    report_twins(stacked.set_geometry(gpd.GeoSeries(stacked["outline"], crs=townships.crs)), findings)
    registers.report_absent(stacked, policy, findings, runfile.path)
    return check("facilities", registers.unique_ids(stacked, runfile.path, findings)[list(_COLUMNS)].reset_index(
        drop=True), runfile.path)


def _table(runfile: RunFile, source: Facilities, townships: gpd.GeoDataFrame, count: int, claims: registers.Claims,
           findings: Findings, ground: PlaceGround | None) -> tuple[Path, gpd.GeoDataFrame]:
    """Read one source and bring it to the columns of the contract."""
    where, raw = (_from_osm(runfile, source, findings) if source.osm
                  else _from_file(runfile, source, townships, claims, findings))
    raw = to_crs(raw, str(townships.crs), where, findings, layer=source.layer)
    raw = registers.settle_status(raw, source, where, findings)
    raw = registers.settle_ids(raw, source.layer, where, count, findings)
    raw = raw.assign(township_code=assign_township(raw, townships, runfile, where, findings, layer=source.layer,
                                                   near_only=True))
    if ground is not None:
        report_elsewhere(raw, ground, where, source.layer, findings)
    table = registers.check_years(_columns(raw, source, where, findings), where, findings)
    if source.file:
        registers.report_doubts(table, where, runfile.district.data_date, findings)
    return where, table


def _from_file(runfile: RunFile, source: Facilities, townships: gpd.GeoDataFrame, claims: registers.Claims,
               findings: Findings) -> tuple[Path, gpd.GeoDataFrame]:
    """Take points and polygons; several points of one row stay together as the doors of one facility."""
    path = registers.named_source(runfile, source)
    try:
        raw = claims.take(read_raw(path, source, findings, layer="" if source.where else source.layer,
                                   keep_missing=True), source, path)
    except EmptyTableError as error:
        raise EmptyTableError(path, f"layer {source.layer}: {error.what.removeprefix(f'layer {source.layer}: ')}",
                              error.remedy) from error
    report_unused(raw, _USED | set(source.where), path, findings, layer=source.layer)
    named = named_township(raw, townships, runfile, path, Findings())
    findings.know(path, named.where(named.isin(townships["township_code"]), ""))
    raw = registers.leave_out_unplaced(raw, source, path, findings)
    raw = in_place(raw, source, path, findings, layer=source.layer)
    shapes = raw.geometry.to_numpy()
    dimension = shapely.get_dimensions(shapes)
    if (dimension == 1).any():
        rows = raw.index[dimension == 1]
        findings.fail(BadValueError(path, f"layer {source.layer}: row {first_of(rows)} is a line",
                                    "facilities are points or polygons"),
                      "geometry_is_line", id=first_of(rows, 20), layer=source.layer, count=len(rows))
        raw, shapes = raw[dimension != 1], shapes[dimension != 1]
    single = shapely.get_num_geometries(shapes) == 1
    shapes = np.where(single, shapely.get_geometry(shapes, 0), shapes)
    return path, raw.set_geometry(gpd.GeoSeries(shapes, index=raw.index, crs=raw.crs))


def _from_osm(runfile: RunFile, source: Facilities, findings: Findings) -> tuple[Path, gpd.GeoDataFrame]:
    """Take nodes and areas by tag."""
    asked = source.osm if isinstance(source.osm, OsmSource) else OsmSource()
    if not asked.tags:
        raise ConfigError(runfile.path, f"layer {source.layer}: osm names no tags",
                          'write osm = { tags = { amenity = ["clinic", "doctors"] } }')
    extract = extract_of(runfile, asked.file)
    found = extract.features(asked.tags)
    if not len(found):
        raise EmptyTableError(extract.path, f"layer {source.layer}: nothing is tagged {_shown(asked.tags)}",
                              "check the tags, or give the layer a file")
    found = clean(found.sort_values("osm_id", ignore_index=True), extract.path, findings, layer=source.layer)
    columns = {"name": "name", "capacity": "capacity", **source.columns}
    cells = {ours: pd.Series([tags.get(key, "") for tags in found["tags"]], index=found.index, dtype="str")
             for ours, key in columns.items()}
    for name in _NUMBERS:
        if name in cells:
            cells[name] = cells[name].map(parse_number).where(lambda number: number >= 0)
    return extract.path, gpd.GeoDataFrame({"facility_id": f"{source.layer}-" + found["osm_id"], **cells},
                                          geometry=found.geometry)


def _shown(tags: dict[str, Any]) -> str:
    return ", ".join(f"{key}={'*' if value is True else value if isinstance(value, str) else '|'.join(value)}"
                     for key, value in tags.items())


def _columns(raw: gpd.GeoDataFrame, source: Facilities, where: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Fill the columns of the contract from the file's own, the run file's table, or the defaults."""
    defaults = {"source": source.source or where.name, "name": "", "capacity_unit": "",
                "quality": source.quality or ("osm" if source.osm else "register")}
    texts = {}
    for name, default in defaults.items():
        given = text_column(raw, name)
        texts[name] = given.where(given != "", default)
    numbers = {name: as_numbers(raw[name], where, name, blank=True, negative=False, findings=findings,
                                layer=source.layer) if name in raw.columns else np.nan
               for name in (*_NUMBERS, "opens_year")}
    return gpd.GeoDataFrame({"facility_id": raw["facility_id"], "layer": source.layer, "status": raw["status"],
                             "level": registers.settle_levels(raw, source),
                             "setting": registers.settle_setting(raw, source, where, findings), **texts, **numbers,
                             "township_code": raw["township_code"], "inside": raw["township_code"] != ""},
                            geometry=raw.geometry)


def _within(table: gpd.GeoDataFrame, source: Facilities, area: shapely.Geometry, neighbours: bool, where: Path,
            findings: Findings) -> gpd.GeoDataFrame:
    """Keep the facilities of the district and, where neighbours count, those up to the buffer's edge."""
    shapely.prepare(area)
    near = shapely.intersects(area, table.geometry.to_numpy()) & neighbours
    beyond = ~table["inside"] & ~near
    far = beyond & (shapely.distance(table.geometry.to_numpy(), area) > FAR_M) & (source.file is not None)
    if far.any() and not beyond.all():
        findings.add("warn", "position_far", f"layer {source.layer}: {int(far.sum())} facilities lie more than "
                     f"{FAR_M / 1000:.0f} km from the district", file=where.name, layer=source.layer,
                     id=first_of(table.index[far], 20), value=first_of(table["name"][far]), count=int(far.sum()),
                     remedy="check their coordinates")
        table, beyond = table[~far], beyond[~far]
    if beyond.any():
        whole = bool(beyond.all())
        findings.add("warn" if whole else "note", "facilities_beyond",
                     f"layer {source.layer}: {'all ' if whole else ''}{int(beyond.sum())} facilities lie outside the "
                     "district and its buffer", file=where.name, layer=source.layer,
                     id=first_of(table.index[beyond] if source.file else table["facility_id"][beyond]),
                     count=int(beyond.sum()), remedy="check coordinates and datum" if whole else "")
    return table[~beyond]


def _measured(table: gpd.GeoDataFrame, source: Facilities, where: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Measure the outlines whose area nobody gives; those of OSM then stand as the point on their surface."""
    shapes = table.geometry.to_numpy()
    blank = table["area_m2"].isna() & (shapely.get_dimensions(shapes) == 2)
    if blank.any():
        findings.add("note", "area_from_shape", f"layer {source.layer}: {int(blank.sum())} facilities give no area_m2; "
                     "that of their outline stands in", file=where.name, layer=source.layer, count=int(blank.sum()),
                     id=first_of(table["facility_id"][blank]))
        table = table.assign(area_m2=table["area_m2"].mask(blank, shapely.area(shapes)))
    if source.osm:
        table = table.set_geometry(gpd.GeoSeries(shapely.point_on_surface(shapes), index=table.index, crs=table.crs))
    return table
