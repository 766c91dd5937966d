"""Read the townships and settle the study CRS."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.datum import stretches_lengths
from lifecircle.errors import BadValueError, ConfigError, MissingColumnError, NoMatchError, first_of
from lifecircle.inputs.cells import as_numbers, as_text, parse_number, rename_columns
from lifecircle.inputs.extracts import extract_of
from lifecircle.inputs.files import existing_file, parse_crs, read_table
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.shapes import WGS84, clean, local_crs, read_source, to_crs
from lifecircle.runfile import RunFile
from lifecircle.sources import OsmSource
from lifecircle.tables import check

if TYPE_CHECKING:
    from lifecircle.inputs.osm import OsmExtract
    from lifecircle.inputs.osmscan import Relation

#: Endings of township names that say what kind of township it is.
_KINDS = {"街道办事处": "街道", "街道": "街道", "镇": "镇", "民族乡": "乡", "乡": "乡"}
#: Value of the column ``role`` that leaves a township out of the district.
NEIGHBOUR = "neighbour"
_OPTIONAL = ("kind", "population", "class", "urban_rural_code")


def read_townships(runfile: RunFile, findings: Findings) -> gpd.GeoDataFrame:
    """Read the townships of the district.

    Parameters
    ----------
    runfile : RunFile
    findings : Findings
        Gets boundaries that did not close, mended outlines, overlaps.

    Returns
    -------
    GeoDataFrame
        township_code, township, kind, population (NaN where unknown), geometry in the study CRS.

    Raises
    ------
    NoMatchError
        If the extract has no closed boundary of the level that is asked for.
    BadValueError
        If a code is blank or given twice, or a feature is no polygon.
    ConfigError
        If the CRS of the run file is not a projected one in metres.
    """
    if runfile.boundaries.osm:
        frame, where = _from_osm(runfile, findings)
    else:
        frame, where = _from_file(runfile, findings)
    frame = to_crs(frame, study_crs(runfile, frame, where), where, findings)
    _note_overlap(frame, where, findings)
    return check("townships", frame.reset_index(drop=True), where)


def district_code(runfile: RunFile, townships: gpd.GeoDataFrame) -> str:
    """Give the district's code: as the run file says, or from 12-digit township codes, or ``district``."""
    if runfile.district.code:
        return runfile.district.code
    codes = townships["township_code"].tolist()
    heads = {code[:6] for code in codes if len(code) == 12 and code.isdigit()}
    return f"{heads.pop()}000000" if len(heads) == 1 and all(len(code) == 12 for code in codes) else "district"


def neighbour_names(runfile: RunFile) -> dict[str, str]:
    """Give code and name of the neighbouring townships that the boundary file marks by ``role``."""
    section = runfile.boundaries
    if section.file is None:
        return {}
    path = existing_file(runfile.resolve(section.file))
    state = path.stat()
    return dict(_neighbours(path, state.st_mtime_ns, state.st_size, section.encoding, tuple(section.columns.items())))


@lru_cache(maxsize=2)
def _neighbours(path: Path, _changed_ns: int, _size: int, encoding: str | None, columns: tuple[tuple[str, str], ...],
                ) -> tuple[tuple[str, str], ...]:
    """Read them; every table of a study asks, and the same unchanged file is read once."""
    table = rename_columns(read_table(path, encoding=encoding), dict(columns), path)
    if "role" not in table.columns:
        return ()
    beside = table[as_text(table["role"]) == NEIGHBOUR]
    return tuple(zip(as_text(beside["township_code"]), as_text(beside["township"]), strict=True))


def study_crs(runfile: RunFile, frame: gpd.GeoDataFrame, where: str | Path) -> str:
    """Give the CRS of the study: that of the run file, China's 3-degree zone of the centroid, or the UTM zone.

    Raises
    ------
    ConfigError
        If the run file's CRS measures in degrees, in feet or by Web Mercator.
    """
    asked = runfile.district.crs
    if asked:
        crs = parse_crs(asked, runfile.path)
        units = {axis.unit_name for axis in crs.axis_info}
        if not crs.is_projected or units != {"metre"} or stretches_lengths(crs):
            raise ConfigError(runfile.path, f"[district] crs {asked} does not measure true metres",
                              "name a projected system such as EPSG:4545, or leave it out")
        return str(crs.to_string())
    outline = to_crs(frame, WGS84, where).geometry.to_numpy()
    centre = shapely.centroid(shapely.geometrycollections(outline))
    return local_crs(float(centre.x), float(centre.y))


def _from_file(runfile: RunFile, findings: Findings) -> tuple[gpd.GeoDataFrame, Path]:
    section = runfile.boundaries
    if section.file is None:
        raise ConfigError(runfile.path, "[boundaries] names neither file nor osm", 'add file = "…" or osm = { … }')
    path = runfile.resolve(section.file)
    frame = read_source(path, section, findings)
    missing = [name for name in ("township_code", "township") if name not in frame.columns]
    if missing:
        raise MissingColumnError(path, f"no column {first_of(missing)}; the columns are {first_of(frame.columns, 12)}",
                                 '[boundaries] columns = { township_code = "…", township = "…" }')
    if "role" in frame.columns:
        frame = frame[as_text(frame["role"]) != NEIGHBOUR]
    areal = shapely.get_dimensions(frame.geometry.to_numpy()) == 2
    if not areal.all():
        findings.fail(BadValueError(path, f"row {first_of(frame.index[~areal])} is no polygon",
                                    "keep the outlines alone"),
                      "geometry_no_area", id=first_of(frame.index[~areal], 20), count=int((~areal).sum()))
        frame = frame[areal]
    frame = frame[unique_codes(as_text(frame["township_code"]).rename("township_code"), path, findings)]
    code, name = as_text(frame["township_code"]), as_text(frame["township"])
    table = {"township_code": code, "township": name.where(name != "", code), "kind": name.map(name_kind)}
    if "kind" in frame.columns:
        table["kind"] = as_text(frame["kind"]).where(as_text(frame["kind"]) != "", table["kind"])
    table["population"] = pd.Series(np.nan, index=frame.index)
    if "population" in frame.columns:
        table["population"] = as_numbers(frame["population"], path, "population", blank=True, negative=False,
                                         findings=findings)
    table.update({column: as_text(frame[column]) for column in _OPTIONAL[2:] if column in frame.columns})
    return gpd.GeoDataFrame(table, geometry=frame.geometry, crs=frame.crs), path


def unique_codes(codes: pd.Series, path: Path, findings: Findings) -> pd.Series:
    """Tell which rows have a code of their own: not blank, and the first that bears it.

    Parameters
    ----------
    codes : Series of str
        Named as its column is.

    Raises
    ------
    BadValueError
        If a code is blank or stands in several rows.
    """
    blank = codes == ""
    twice = codes.duplicated(keep=False) & ~blank
    for code, rows, what, remedy in (
            ("code_blank", blank, "is blank in row", "give each its code"),
            ("code_twice", twice, f"{first_of(codes[twice].unique())} stands in several rows:",
             "dissolve the parts, or correct the codes")):
        if rows.any():
            findings.fail(BadValueError(path, f"{codes.name} {what} {first_of(codes.index[rows])}", remedy), code,
                          id=first_of(codes.index[rows], 20), value=first_of(codes[rows].unique()),
                          count=int(rows.sum()))
    return ~blank & ~codes.duplicated()


def name_kind(name: str) -> str:
    """Tell the kind of a township by the ending of its name; "" where that does not say it."""
    return next((kind for end, kind in _KINDS.items() if name.endswith(end)), "")


def _from_osm(runfile: RunFile, findings: Findings) -> tuple[gpd.GeoDataFrame, Path]:
    asked = runfile.boundaries.osm if isinstance(runfile.boundaries.osm, OsmSource) else OsmSource()
    extract = extract_of(runfile, asked.file)
    if asked.admin_level is None:
        raise ConfigError(runfile.path, "[boundaries] osm names no admin_level",
                          f"closed boundaries in {extract.path.name}: {_levels(extract)}")
    frame, unclosed = extract.boundaries(asked.admin_level)
    _note_unclosed(extract, unclosed, findings)
    if asked.name and len(frame):
        frame = _named(extract, frame, asked.name)
    if not len(frame):
        named = f" named {asked.name} or inside it" if asked.name else ""
        raise NoMatchError(extract.path, f"no closed boundary of admin_level {asked.admin_level}{named}",
                           f"closed boundaries in the file: {_levels(extract)}")
    frame = clean(frame, extract.path, findings).sort_values("osm_id", ignore_index=True)
    people = frame["population"].map(parse_number).where(lambda number: number >= 0)
    code = frame["osm_id"].astype(str)
    table = {"township_code": code, "township": frame["name"].where(frame["name"] != "", code),
             "kind": frame["name"].map(name_kind), "population": people.astype("float64")}
    return gpd.GeoDataFrame(table, geometry=frame.geometry, crs=frame.crs), extract.path


def _note_unclosed(extract: OsmExtract, unclosed: list[Relation], findings: Findings) -> None:
    """Report boundaries that do not close; of those mostly outside the extract only a note is made."""
    for relation, present in zip(unclosed, extract.lines_present(unclosed), strict=True):
        mostly = 2 * present >= len(relation.lines)
        findings.add("warn" if mostly else "note", "boundary_open", f"boundary {relation.name or relation.osm_id} does "
                     f"not close and is left out: {present} of its {len(relation.lines)} lines are in the extract",
                     file=extract.path.name, id=f"relation {relation.osm_id}", value=relation.name,
                     remedy="use an extract that covers it, or a boundary file" if mostly else "")


def _levels(extract: OsmExtract) -> str:
    levels = extract.admin_levels()
    return ", ".join(f"level {level}: {count}" for level, count in levels.items()) or "none"


def _named(extract: OsmExtract, frame: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    """Keep the boundary that bears a name, or else those that lie in an area of that name."""
    areas = extract.named_areas(name)
    same = frame["osm_id"].isin(areas["osm_id"])
    if same.any() or not len(areas):
        return frame[same]
    outline = shapely.union_all(areas.geometry.to_numpy())
    return frame[shapely.intersects(outline, shapely.point_on_surface(frame.geometry.to_numpy()))]


def _note_overlap(frame: gpd.GeoDataFrame, where: Path, findings: Findings) -> None:
    shapes: Any = frame.geometry.to_numpy()
    whole_m2 = shapely.union_all(shapes).area
    share = shapely.area(shapes).sum() / whole_m2 - 1 if whole_m2 > 0 else 0.0
    if share > 0.001:
        findings.add("warn", "townships_overlap", f"townships overlap by {share:.1%} of the district",
                     file=where.name, value=f"{share:.4f}", remedy="mend the shared borders")
