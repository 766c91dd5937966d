"""Read the people: demand points with their numbers, place, township and class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, ConfigError, EmptyTableError, MissingColumnError, first_of
from lifecircle.inputs.cells import as_numbers, as_text, parse_number
from lifecircle.inputs.classes import assign_township, check_words, classify, text_column
from lifecircle.inputs.files import read_table
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.places import (
    OSM_PLACE_PEOPLE,
    WEAK_GROUNDS,
    osm_places,
    people_extract,
    people_layer,
    read_places,
)
from lifecircle.inputs.shapes import to_crs
from lifecircle.policy import Policy
from lifecircle.runfile import RunFile
from lifecircle.tables import QUALITIES, check, worst_quality

__all__ = ["read_demand", "read_places"]

#: Columns that say something about the figures, and are no group of people.
_NO_GROUPS = {"population_year", "population_source", "population_kind", "population_quality", "population_note"}


def read_demand(runfile: RunFile, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, policy: Policy,
                area: shapely.Geometry, findings: Findings) -> gpd.GeoDataFrame:
    """Read where how many people live.

    Parameters
    ----------
    runfile : RunFile
    townships, places : GeoDataFrame
        In the study CRS, as the readers give them.
    policy : Policy
        Its ``class_rule`` settles urban and rural.
    area : Polygon or MultiPolygon
        District and buffer; people beyond are left out.
    findings : Findings

    Returns
    -------
    GeoDataFrame
        The table ``demand`` in the study CRS with ``inside`` and ``quality``; figures that are assumed or spread are
        at best ``derived``. People outside have township_code "".

    Raises
    ------
    BadValueError
        If a number of people is missing or negative, a demand_id given twice, a quality not known, or a row has
        neither position nor code.
    ConfigError
        If nothing says how many people there are.
    """
    raw, where, totals = _source(runfile, townships, findings)
    groups = [name for name in raw.columns
              if (name == "population" or name.startswith("population_")) and name not in _NO_GROUPS]
    raw = raw.assign(**{name: as_numbers(raw[name], where, name, negative=False) for name in groups})
    raw = raw.assign(demand_id=_ids(raw, where), quality=_qualities(raw, runfile, where))
    raw = _positioned(to_crs(raw, str(townships.crs), where), townships, places, where, findings)
    raw = raw.assign(township_code=assign_township(raw, townships, runfile, where, findings))
    raw = _within(raw, area, runfile.district.neighbours, where, findings)
    raw = _scale(raw, totals, groups, townships, where, findings)
    raw = raw.assign(place_code=_place_codes(raw, places, where, findings))
    raw = raw.assign(**{"class": _classes(raw, townships, places, policy, where, findings)})
    if not raw["inside"].any():
        raise EmptyTableError(where, "nobody lives in the district",
                              "check the coordinate systems of people and townships")
    groups = [name for name in groups if name in raw.columns]
    columns = ["demand_id", "place_code", "township_code", "class", *groups, "quality", "inside", "geometry"]
    return check("demand", raw[columns].reset_index(drop=True), where)


def _source(runfile: RunFile, townships: gpd.GeoDataFrame, findings: Findings,
            ) -> tuple[gpd.GeoDataFrame, Path, pd.Series | None]:
    """Give points with population, the file to name in messages, and totals per township to keep."""
    totals = _totals(runfile, townships, findings)
    known = townships.set_index("township_code")["population"].dropna()
    if runfile.people.file:
        where = runfile.resolve(runfile.people.file)
        raw = people_layer(runfile, findings)
        if "population" not in raw.columns:
            raise MissingColumnError(where, f"no column population; the columns are {first_of(raw.columns, 12)}",
                                     '[people] columns = { population = "…" }')
        return raw, where, totals
    totals = totals if totals is not None else known if len(known) else None
    if runfile.people.osm:
        extract = people_extract(runfile)
        return _osm_people(osm_places(extract), extract.path, runfile, totals, findings), extract.path, totals
    if totals is None:
        raise ConfigError(runfile.path, "[people] names no file, and the townships have no population",
                          'add [people] file = "…", osm = true, or a population column to the townships')
    points = shapely.point_on_surface(townships.geometry.to_numpy())
    raw = gpd.GeoDataFrame({
        "demand_id": "township-" + townships["township_code"], "township_code": townships["township_code"],
        "population": townships["township_code"].map(totals).fillna(0.0),
        "quality": worst_quality(["derived", runfile.people.quality or runfile.boundaries.quality]),
    }, geometry=gpd.GeoSeries(points, index=townships.index, crs=townships.crs))
    findings.add("warn", "people_per_township", "all people of a township stand at one point inside it",
                 file=runfile.path.name, count=len(raw), remedy="give villages or demand points: [people] file")
    return raw, runfile.path, None


def _totals(runfile: RunFile, townships: gpd.GeoDataFrame, findings: Findings) -> pd.Series | None:
    """Read the township totals that the points' people are scaled to."""
    if not runfile.people.totals:
        return None
    path = runfile.resolve(runfile.people.totals)
    table = read_table(path, encoding=runfile.people.encoding)
    missing = [name for name in ("township_code", "population") if name not in table.columns]
    if missing:
        raise MissingColumnError(path, f"no column {first_of(missing)}; the columns are {first_of(table.columns, 12)}",
                                 "totals needs township_code and population")
    code = as_text(table["township_code"])
    if code.duplicated().any():
        raise BadValueError(path, f"township_code {first_of(code[code.duplicated()].unique())} stands in several rows",
                            "keep one total per township")
    totals = pd.Series(as_numbers(table["population"], path, "population", negative=False).to_numpy(), index=code)
    lost = townships["township_code"][~townships["township_code"].isin(totals.index)]
    if len(lost):
        findings.add("warn", "total_missing", f"{len(lost)} townships have no total; their points keep their figures",
                     file=path.name, id=first_of(lost), count=len(lost), remedy="add them to the table")
    return totals[totals.index.isin(townships["township_code"])]


def _osm_people(places: gpd.GeoDataFrame, path: Path, runfile: RunFile, totals: pd.Series | None, findings: Findings,
                ) -> gpd.GeoDataFrame:
    """Give OSM's places their people: the tag where it is a number, else a weight by kind."""
    if not len(places):
        raise EmptyTableError(path, f"no place node of kind {', '.join(OSM_PLACE_PEOPLE)}", 'give [people] file = "…"')
    tagged = places["population"].map(parse_number)
    tagged = tagged.where(tagged >= 0)
    assumed = tagged.isna()
    ground = "as weights within the township totals" if totals is not None else "as if they were counts"
    findings.add("warn", "population_assumed", f"{int(assumed.sum())} of {len(places)} places have no population; "
                 f"figures by kind of place stand in, {ground}", file=path.name, count=int(assumed.sum()),
                 id=first_of(places["place_code"][assumed]), remedy="give [people] file or totals")
    weights = places["osm_kind"].map(OSM_PLACE_PEOPLE)
    quality = pd.Series(runfile.people.quality or "osm", index=places.index, dtype="str")
    return places.assign(population=tagged.fillna(weights).astype("float64"), quality=_derived(quality, assumed))


def _qualities(raw: gpd.GeoDataFrame, runfile: RunFile, where: Path) -> pd.Series:
    """Give each row its quality: its own, else that of the run file, else ``register``."""
    given = text_column(raw, "quality").str.lower()
    check_words(given, (*QUALITIES, ""), where)
    return given.where(given != "", runfile.people.quality or "register")


def _derived(quality: pd.Series, rows: Any) -> pd.Series:
    """Lower the quality of some rows to ``derived``, where it is better than that."""
    return quality.mask(rows, quality.map({name: worst_quality([name, "derived"]) for name in QUALITIES}))


def _ids(raw: gpd.GeoDataFrame, where: Path) -> pd.Series:
    """Keep the input's ids, or number the rows."""
    if "demand_id" not in raw.columns:
        return pd.Series([f"d{number:06d}" for number in range(1, len(raw) + 1)], index=raw.index, dtype="str")
    ids = as_text(raw["demand_id"])
    wrong = (ids == "") | ids.duplicated(keep=False)
    if wrong.any():
        names = first_of([name or "(blank)" for name in ids[wrong].unique()])
        raise BadValueError(where, f"demand_id {names} is blank or stands twice, in rows {first_of(ids.index[wrong])}",
                            "give each row its own id")
    return ids


def _positioned(raw: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, where: Path,
                findings: Findings) -> gpd.GeoDataFrame:
    """Make points of polygons, and place rows without position by their place or their township."""
    points = pd.Series(shapely.point_on_surface(raw.geometry.to_numpy()), index=raw.index, dtype=object)
    lost = raw.geometry.isna()
    if not lost.any():
        return raw.set_geometry(gpd.GeoSeries(points, crs=raw.crs))
    by_place = dict(zip(places["place_code"], shapely.point_on_surface(places.geometry.to_numpy()), strict=True))
    by_township = dict(zip(townships["township_code"], shapely.point_on_surface(townships.geometry.to_numpy()),
                           strict=True))
    place, township = text_column(raw, "place_code"), text_column(raw, "township_code")
    at_place, at_township = lost & place.isin(list(by_place)), lost & township.isin(list(by_township))
    nowhere = lost & ~at_place & ~at_township
    if nowhere.any():
        raise BadValueError(where, f"row {first_of(raw.index[nowhere])} has people but neither position nor a known "
                                   "place_code or township_code", "add coordinates or codes")
    points = points.where(~at_township, township.map(by_township)).where(~at_place, place.map(by_place))
    coarse = at_township & ~at_place
    if coarse.any():
        findings.add("warn", "people_per_township", f"{int(coarse.sum())} rows have no position and stand at one point "
                     "of their township", file=where.name, id=first_of(raw["demand_id"][coarse]),
                     count=int(coarse.sum()), remedy="add coordinates")
        raw = raw.assign(quality=_derived(raw["quality"], coarse))
    return raw.set_geometry(gpd.GeoSeries(points, crs=raw.crs))


def _within(raw: gpd.GeoDataFrame, area: shapely.Geometry, neighbours: bool, where: Path, findings: Findings,
            ) -> gpd.GeoDataFrame:
    """Mark who lives inside, keep neighbours up to the buffer's edge, and say who was left out."""
    raw = raw.assign(inside=raw["township_code"] != "")
    shapely.prepare(area)
    near = shapely.intersects(area, raw.geometry.to_numpy()) & neighbours
    beyond = ~raw["inside"] & ~near
    if beyond.any():
        findings.add("note", "people_beyond", f"{int(beyond.sum())} points with {raw['population'][beyond].sum():,.0f} "
                     "people lie outside the district and are not counted", file=where.name,
                     id=first_of(raw["demand_id"][beyond]), count=int(beyond.sum()))
    return raw[~beyond]


def _scale(raw: gpd.GeoDataFrame, totals: pd.Series | None, groups: list[str], townships: gpd.GeoDataFrame, where: Path,
           findings: Findings) -> gpd.GeoDataFrame:
    """Scale the points of each township to its total; people of a township without points get one.

    Groups of people that come from a total alone take the district's share.
    """
    if totals is None:
        return raw
    own = raw.groupby("township_code")["population"].agg(["sum", "size"])
    goal = raw["township_code"].map(totals)
    have, size = raw["township_code"].map(own["sum"]), raw["township_code"].map(own["size"])
    factor = (goal / have.where(have > 0)).fillna(1.0)
    scaled = {name: raw[name] * factor for name in groups}
    unsaid = (goal > 0) & (have == 0)
    scaled["population"] = scaled["population"].mask(unsaid, goal / size)
    changed = unsaid | ~np.isclose(factor, 1.0, rtol=1e-9, atol=0.0)
    raw = raw.assign(**scaled, quality=_derived(raw["quality"], changed))
    raw = _with_bare(raw.assign(unsaid=unsaid), totals, own.index, townships, where, findings)
    return _shared_groups(raw, [name for name in groups if name != "population"], where, findings)


def _with_bare(raw: gpd.GeoDataFrame, totals: pd.Series, known: pd.Index, townships: gpd.GeoDataFrame, where: Path,
               findings: Findings) -> gpd.GeoDataFrame:
    """Add one row for each township that has a total and no point."""
    bare = townships[townships["township_code"].isin(totals.index[totals > 0].difference(known))]
    if not len(bare):
        return raw
    findings.add("warn", "people_per_township", f"{len(bare)} townships have people but no point; one stands for all",
                 file=where.name, id=first_of(bare["township_code"]), count=len(bare), remedy="add their villages")
    points = shapely.point_on_surface(bare.geometry.to_numpy())
    added: dict[str, Any] = {"demand_id": "township-" + bare["township_code"], "township_code": bare["township_code"],
                             "population": bare["township_code"].map(totals), "inside": True, "unsaid": True,
                             "quality": worst_quality(["derived", *raw["quality"].unique()])}
    rows = gpd.GeoDataFrame(added, geometry=gpd.GeoSeries(points, index=bare.index, crs=raw.crs))
    return gpd.GeoDataFrame(pd.concat([raw, rows], ignore_index=True), crs=raw.crs)


def _shared_groups(raw: gpd.GeoDataFrame, groups: list[str], where: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Give rows whose people come from a total alone the district's share of each group.

    Where nobody else in the district is counted there is no share, and the groups are left out.
    """
    unsaid, told = raw["unsaid"], raw["inside"] & ~raw["unsaid"]
    if not (groups and unsaid.any()):
        return raw
    whole = raw["population"][told].sum()
    fate = "the district's share of each group stands in" if whole > 0 else "groups are left out, for nobody tells them"
    findings.add("warn", "group_assumed", f"{int(unsaid.sum())} rows have people from a total alone; {fate}",
                 file=where.name, id=first_of(raw["demand_id"][unsaid]), value=first_of(groups),
                 count=int(unsaid.sum()), remedy="give the people of these townships with their groups")
    if not whole > 0:
        return raw.drop(columns=groups)
    shared = {name: raw[name].mask(unsaid, raw["population"] * (raw[name][told].sum() / whole)) for name in groups}
    return raw.assign(**shared)


def _place_codes(raw: gpd.GeoDataFrame, places: gpd.GeoDataFrame, where: Path, findings: Findings) -> pd.Series:
    """Give each row its place: the code it names, the polygon that holds it, or the nearest of its township."""
    given = text_column(raw, "place_code")
    unknown = (given != "") & ~given.isin(places["place_code"]) & raw["inside"]
    if unknown.any():
        findings.add("warn", "place_unknown", f"{int(unknown.sum())} rows name a place that is not known; the position "
                     "counts", file=where.name, id=first_of(raw["demand_id"][unknown]), count=int(unknown.sum()),
                     value=first_of(given[unknown].unique()), remedy="correct the codes, or add the places")
    home = given.map(places.set_index("place_code")["township_code"])
    elsewhere = home.notna() & (home != raw["township_code"])
    if elsewhere.any():
        findings.add("warn", "place_elsewhere", f"{int(elsewhere.sum())} rows name a place of another township than "
                     "their own", file=where.name, id=first_of(raw["demand_id"][elsewhere]), count=int(elsewhere.sum()),
                     value=first_of(given[elsewhere].unique()), remedy="check place and township codes and coordinates")
    seek = raw["inside"] & ((given == "") | unknown)
    found = given.where(raw["inside"] | (given != ""), "")
    for code, rows in raw[seek].groupby("township_code").groups.items():
        own = places[places["township_code"] == code]
        tree = shapely.STRtree(own.geometry.to_numpy())
        nearest = tree.nearest(raw.geometry.loc[rows].to_numpy())
        found.loc[rows] = own["place_code"].to_numpy(dtype=object)[nearest]
    return found


def _classes(raw: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, policy: Policy, where: Path,
             findings: Findings) -> pd.Series:
    """Give each row the class of its place; its own where that is weak or not known, or else the nearest place's."""
    own = classify(raw.drop(columns="place_code"), townships, policy, where)["class"]
    if policy.class_rule == "streets":
        own = own.mask(~raw["inside"], "")
    known = places.set_index("place_code")
    by_place = raw["place_code"].map(known["class"]).fillna("")
    weak = (by_place == "") | raw["place_code"].map(known["class_source"]).isin(WEAK_GROUNDS)
    settled = own.where(weak & (own != ""), by_place)
    differs = (own != "") & (settled != own)
    if differs.any():
        findings.add("warn", "class_differs", f"{int(differs.sum())} rows with {raw['population'][differs].sum():,.0f} "
                     "people say another class than their place; the place's counts", file=where.name,
                     id=first_of(raw["demand_id"][differs]), count=int(differs.sum()),
                     remedy="correct the classes of rows or places")
    lost = settled == ""
    if lost.any():
        nearest = shapely.STRtree(places.geometry.to_numpy()).nearest(raw.geometry[lost].to_numpy())
        settled.loc[lost] = places["class"].to_numpy(dtype=object)[nearest]
    return pd.Series(np.asarray(settled), index=raw.index, dtype="str")
