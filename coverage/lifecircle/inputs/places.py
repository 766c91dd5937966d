"""Read the places: villages and communities, from a layer, from the people's table, or from OSM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import MissingColumnError, first_of
from lifecircle.inputs.boundaries import unique_codes
from lifecircle.inputs.cells import as_text, rename_columns
from lifecircle.inputs.classes import (
    CLASS_RULES,
    STREET,
    assign_township,
    check_words,
    classify,
    township_kinds,
    with_known_words,
)
from lifecircle.inputs.classtable import with_classes
from lifecircle.inputs.extracts import extract_of
from lifecircle.inputs.files import read_table
from lifecircle.inputs.findings import OUTSIDE, Findings
from lifecircle.inputs.joins import text_column
from lifecircle.inputs.names import plain_name
from lifecircle.inputs.shapes import WGS84, read_source, to_crs
from lifecircle.policy import Policy
from lifecircle.runfile import RunFile
from lifecircle.sources import OsmSource
from lifecircle.tables import check

if TYPE_CHECKING:
    from lifecircle.inputs.osm import OsmExtract

COLUMNS = ("place_code", "place", "township_code", "urban_rural_code", "class", "class_source", "merged_from", "kind")
#: OSM place kinds that hold people -> the weight of one place in people. An assumption, used where no figure is given.
OSM_PLACE_PEOPLE: dict[str, float] = {
    "city": 5000.0, "town": 2000.0, "suburb": 2000.0, "quarter": 1000.0, "neighbourhood": 500.0, "village": 500.0,
    "hamlet": 50.0, "isolated_dwelling": 5.0,
}
OSM_URBAN = {"city", "town", "suburb", "quarter", "neighbourhood"}
#: What registers call a place -> our kind.
KIND_WORDS: dict[str, str] = {
    "community": "community", "社区": "community", "居委会": "community", "居民委员会": "community",
    "village": "village", "行政村": "village", "村": "village", "村委会": "village", "村民委员会": "village",
    "township": "township", "": "",
}
#: Grounds of a class that something better may overrule.
WEAK_GROUNDS = ("assumed", "committee kind")


def read_places(runfile: RunFile, townships: gpd.GeoDataFrame, policy: Policy, findings: Findings) -> gpd.GeoDataFrame:
    """Read the villages and communities of the district.

    A township without any gets one row of its own, so that every person belongs to a place.

    Parameters
    ----------
    runfile : RunFile
    townships : GeoDataFrame
        In the study CRS.
    policy : Policy
        Its ``class_rule`` settles urban and rural.
    findings : Findings

    Returns
    -------
    GeoDataFrame
        The table ``places`` in the study CRS, with kind (community, village, township or ""), and the class under each
        of the rules that a policy may choose: class_1xx, class_111_112, class_streets.

    Raises
    ------
    BadValueError
        If a place_code is blank or given twice, a class, an urban-rural code or a kind is not known.
    """
    with findings.about():
        return _settled(*_source(runfile, findings), runfile, townships, policy, findings)


def _settled(raw: gpd.GeoDataFrame | None, where: Path, runfile: RunFile, townships: gpd.GeoDataFrame, policy: Policy,
             findings: Findings) -> gpd.GeoDataFrame:
    """Bring the places to the columns of the contract, each with its township and its class."""
    parts = [_own_rows(townships, townships["township_code"])] if raw is None else []
    if raw is not None:
        raw = with_known_words(to_crs(raw, str(townships.crs), where, findings), where, findings)
        raw = raw.assign(township_code=assign_township(raw, townships, runfile, where, findings))
        homes = raw["township_code"].replace("", OUTSIDE)
        findings.know(where, homes)
        findings.know("", homes.set_axis(raw["place_code"]))
        lost = raw["township_code"] == ""
        if lost.any():
            findings.add("note", "places_outside", f"{int(lost.sum())} places lie outside the district",
                         file=where.name, count=int(lost.sum()), id=first_of(raw["place_code"][lost]))
        raw = raw[~lost]
        empty = townships["township_code"][~townships["township_code"].isin(raw["township_code"])]
        parts = [raw, _own_rows(townships, empty)]
    places = gpd.GeoDataFrame(pd.concat(parts), crs=townships.crs)
    places = places.assign(**{name: text_column(places, name) for name in COLUMNS})
    places = with_classes(places.assign(kind=_kinds(places, where, findings)), townships, runfile, findings)
    settled = {rule: _settle(places, classify(places, townships, rule, where), townships) for rule in CLASS_RULES}
    chosen = settled[policy.class_rule]
    _report_grounds(places, chosen["class_source"], where, findings)
    places = places.assign(**{f"class_{rule}": table["class"] for rule, table in settled.items()},
                           **{name: chosen[name] for name in ("class", "class_source")},
                           class_weak=settled["1xx"]["class_source"].isin(WEAK_GROUNDS))
    columns = [*COLUMNS, *(f"class_{rule}" for rule in CLASS_RULES), "class_weak", "geometry"]
    return check("places", places[columns].reset_index(drop=True), where)


def _source(runfile: RunFile, findings: Findings) -> tuple[gpd.GeoDataFrame | None, Path]:
    """Give the places as the run file offers them, with checked codes; None where it offers none."""
    if runfile.boundaries.places:
        where = runfile.resolve(runfile.boundaries.places)
        raw = read_source(where, runfile.boundaries, findings, columns=runfile.boundaries.place_columns)
        if "place_code" not in raw.columns:
            raise MissingColumnError(where, f"no column place_code; the columns are {first_of(raw.columns, 12)}",
                                     '[boundaries] place_columns = { place_code = "…", place = "…" }')
        return _with_codes(raw, where, findings), where
    if runfile.people.file and runfile.people.weights in (None, "places"):
        where = runfile.resolve(runfile.people.file)
        raw = people_layer(runfile, Findings(collecting=True))
        raw = raw if "place_code" in raw.columns else _coded_by_name(raw)
        return (_group(raw), where) if "place_code" in raw.columns and raw.geometry.notna().any() else (None, where)
    if runfile.people.osm:
        extract = people_extract(runfile)
        found = osm_places(extract)
        return (found if len(found) else None), extract.path
    return None, runfile.path


def _coded_by_name(people: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Make place codes of the names of township and place, where the people's table has both and no codes."""
    named = next((name for name in ("township", "township_code") if name in people.columns), "")
    if not (named and "place" in people.columns):
        return people
    place = text_column(people, "place")
    return people.assign(place_code=(text_column(people, named) + place).where(place != "", ""))


def _with_codes(raw: gpd.GeoDataFrame, where: Path, findings: Findings) -> gpd.GeoDataFrame:
    raw = raw[unique_codes(as_text(raw["place_code"]).rename("place_code"), where, findings)]
    code, name = as_text(raw["place_code"]), text_column(raw, "place")
    return raw.assign(place_code=code, place=name.where(name != "", code))


def _group(people: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Make one place of all points that share a place_code, at their mean position."""
    people = people[people.geometry.notna()].assign(place_code=lambda table: as_text(table["place_code"]))
    people = people[people["place_code"] != ""]
    points = shapely.point_on_surface(people.geometry.to_numpy())
    mean = pd.DataFrame({"code": people["place_code"].to_numpy(), "x": shapely.get_x(points),
                         "y": shapely.get_y(points)}).groupby("code", sort=False).mean()
    first = people.drop_duplicates("place_code").set_index("place_code", drop=False)
    shapes = gpd.GeoSeries.from_xy(mean["x"], mean["y"], crs=people.crs)
    named = text_column(first, "place")
    return first.assign(place=named.where(named != "", first["place_code"])).set_geometry(shapes)


def people_layer(runfile: RunFile, findings: Findings) -> gpd.GeoDataFrame:
    """Read the people's file; a table without coordinates keeps empty geometries if codes or names place it."""
    people = runfile.people
    path = runfile.resolve(people.file or "")
    try:
        return read_source(path, people, findings, keep_missing=True)
    except MissingColumnError:
        table = rename_columns(read_table(path, encoding=people.encoding, findings=findings), people.columns, path)
        if not {"place_code", "township_code", "place", "township"} & set(table.columns):
            raise
        return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries([None] * len(table), index=table.index), crs=WGS84)


def nearest_places(points: gpd.GeoSeries, township_code: pd.Series, places: gpd.GeoDataFrame) -> pd.Series:
    """Give the place that holds each point, or the nearest one, of those of its township; "" where it has none."""
    found = pd.Series("", index=points.index, dtype="str")
    for code, rows in township_code.groupby(township_code).groups.items():
        own = places[places["township_code"] == code]
        if len(own):
            nearest = shapely.STRtree(own.geometry.to_numpy()).nearest(points.loc[rows].to_numpy())
            found.loc[rows] = own["place_code"].to_numpy(dtype=object)[nearest]
    return found


def people_extract(runfile: RunFile) -> OsmExtract:
    """Open the extract that ``[people] osm`` means."""
    return extract_of(runfile, runfile.people.osm.file if isinstance(runfile.people.osm, OsmSource) else None)


def osm_places(extract: OsmExtract) -> gpd.GeoDataFrame:
    """Give the populated place nodes: place_code, place, osm_kind, class, class_source, population (text), geometry."""
    found = extract.places()
    found = found[found["place"].isin(list(OSM_PLACE_PEOPLE))].sort_values("osm_id", ignore_index=True)
    code = found["osm_id"].astype(str)
    return gpd.GeoDataFrame({
        "place_code": code, "place": found["name"].where(found["name"] != "", code), "osm_kind": found["place"],
        "class": np.where(found["place"].isin(list(OSM_URBAN)), "urban", "rural"), "class_source": "osm place kind",
        "population": found["population"],
    }, geometry=found.geometry, crs=found.crs)


def _own_rows(townships: gpd.GeoDataFrame, codes: pd.Series) -> gpd.GeoDataFrame:
    """Make a place of each of these townships."""
    chosen = townships[townships["township_code"].isin(codes)]
    return gpd.GeoDataFrame({
        "place_code": chosen["township_code"], "place": chosen["township"], "township_code": chosen["township_code"],
        "kind": "township", "class": text_column(chosen, "class"),
        "urban_rural_code": text_column(chosen, "urban_rural_code"),
    }, geometry=chosen.geometry, crs=townships.crs)


def _settle(places: gpd.GeoDataFrame, told: pd.DataFrame, townships: gpd.GeoDataFrame) -> pd.DataFrame:
    """Assume a class where nothing says it."""
    unsaid = told["class"] == ""
    street = places["township_code"].map(township_kinds(townships)) == STREET
    urban = unsaid & (places["kind"] == "township") & street
    return pd.DataFrame({"class": told["class"].mask(unsaid, "rural").mask(urban, "urban"),
                         "class_source": told["class_source"].mask(unsaid, "assumed")})


def _report_grounds(places: gpd.GeoDataFrame, source: pd.Series, where: Path, findings: Findings) -> None:
    """Report the classes that rest on weak grounds."""
    told = {"committee kind": "take their class from the kind of committee in their code",
            "assumed": "have no class; a township that is a street counts as urban, everything else as rural"}
    for ground, message in told.items():
        rows = source == ground
        if rows.any():
            findings.add("warn", f"class_{ground.split()[0]}", f"{int(rows.sum())} places {message}", file=where.name,
                         id=first_of(places["place_code"][rows]), count=int(rows.sum()),
                         remedy="add urban_rural_code or class")


def _kinds(places: gpd.GeoDataFrame, where: Path, findings: Findings) -> pd.Series:
    """Say community or village: as given, else by the committee's number in a 12-digit code, OSM's kind or the name."""
    given = check_words(places["kind"].str.lower(), tuple(KIND_WORDS), where, findings).map(KIND_WORDS)
    number = pd.to_numeric(places["place_code"].str[-3:].where(places["place_code"].str.fullmatch(r"\d{12}"), None))
    osm, name = text_column(places, "osm_kind"), places["place"].map(plain_name)
    told = np.select([number.between(1, 199), number.between(200, 399), osm.isin(list(OSM_URBAN)), osm != "",
                      name.str.endswith("社区"), name.str.endswith("村")],
                     ["community", "village"] * 3, default="")
    return given.where(given != "", pd.Series(told, index=places.index, dtype="str"))
