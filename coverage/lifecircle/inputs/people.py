"""Read the people: demand points with their numbers, place, township and class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, ConfigError, EmptyTableError, MissingColumnError, first_of
from lifecircle.inputs.boundaries import neighbour_names
from lifecircle.inputs.cells import as_numbers, as_text, parse_number
from lifecircle.inputs.classes import CLASS_RULES, assign_township, check_words, classify, with_known_words
from lifecircle.inputs.findings import OUTSIDE, Findings
from lifecircle.inputs.joins import join_places, text_column
from lifecircle.inputs.names import plain_name
from lifecircle.inputs.peoplerows import (
    names_places,
    once_each,
    report_bare_places,
    report_bare_townships,
    report_groups,
    report_halves,
    report_sums,
    report_twins,
)
from lifecircle.inputs.places import (
    OSM_PLACE_PEOPLE,
    nearest_places,
    osm_places,
    people_extract,
    people_layer,
    read_places,
)
from lifecircle.inputs.popraster import read_people_raster
from lifecircle.inputs.scenarios import with_scenarios
from lifecircle.inputs.shapes import to_crs
from lifecircle.inputs.spread import LAND_COLUMN, gather, weighted_points
from lifecircle.inputs.totals import as_people, derived, keep_totals, people_columns, read_totals, with_shares
from lifecircle.policy import Policy
from lifecircle.runfile import RunFile
from lifecircle.tables import QUALITIES, check, worst_quality

__all__ = ["read_demand", "read_places"]


def read_demand(runfile: RunFile, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, policy: Policy,
                area: shapely.Geometry, findings: Findings) -> gpd.GeoDataFrame:
    """Read where how many people live, today and in the run file's scenarios.

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
        The table ``demand`` in the study CRS with ``inside``, ``quality``, the class under each rule (class_1xx,
        class_111_112, class_streets), and ``land_m2`` where residential land spreads the people; figures that are
        assumed or spread are at best ``derived``. People outside have township_code "". Scenarios add columns as
        `scenarios.with_scenarios` has it.

    Raises
    ------
    BadValueError
        If a number of people is missing or negative, a demand_id given twice, a quality not known, or a row has
        neither position nor code nor a name that is known.
    ConfigError
        If nothing says how many people there are.
    """

    def read(runfile: RunFile, findings: Findings) -> gpd.GeoDataFrame:
        with findings.about():
            return _one_state(runfile, townships, places, policy, area, findings)

    return with_scenarios(read(runfile, findings), runfile, read, findings)


@dataclass(frozen=True)
class _Source:
    """What was read before it is put in its place.

    Attributes
    ----------
    weights : bool
        Whether ``population`` holds weights within the totals, and no people.
    """

    raw: gpd.GeoDataFrame
    where: Path
    totals: pd.DataFrame | None
    weights: bool = False


def _one_state(runfile: RunFile, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, policy: Policy,
               area: shapely.Geometry, findings: Findings) -> gpd.GeoDataFrame:
    findings.know("", townships.set_index("township_code", drop=False)["township_code"])
    source = _source(runfile, townships, places, area, findings)
    raw, where = source.raw, source.where
    raw = raw.drop(columns=_scenario_columns(runfile), errors="ignore")
    raw = _counted(raw, where, findings, weights=source.weights or not runfile.people.file)
    raw = raw.assign(demand_id=_ids(raw, where, findings), quality=_qualities(raw, runfile, where, findings))
    raw = with_known_words(to_crs(raw, str(townships.crs), where, findings), where, findings)
    raw = raw.assign(township_code=assign_township(raw, townships, runfile, where, findings))
    raw = _joined(raw, places, runfile, where, findings)
    listed = names_places(raw) and runfile.people.file is not None and not source.weights
    if runfile.people.file is not None and not source.weights:
        report_twins(raw, people_columns(raw), where, findings)
    if listed:
        raw = once_each(raw, places, people_columns(raw), where, findings)
    raw = _positioned(raw, townships, places, where, findings)
    homes = raw["township_code"].replace("", OUTSIDE)
    findings.know(where, homes)
    findings.know("", homes.set_axis(raw["demand_id"]))
    raw = _within(raw, area, runfile.district.neighbours, where, findings)
    if source.weights and source.totals is not None:
        raw = as_people(raw, source.totals, where, findings)
    if listed and runfile.people.totals and source.totals is not None:
        report_sums(raw, source.totals, source.totals["row"], runfile.resolve(runfile.people.totals), where, findings)
    raw = keep_totals(raw, source.totals, townships, where, findings, weights=source.weights)
    raw = with_shares(raw, runfile, findings)
    raw = raw.assign(place_code=_place_codes(raw, places, where, findings))
    if listed:
        report_bare_places(raw, places, where, findings)
    else:
        report_bare_townships(raw, townships, where, findings)
    raw = raw.assign(**_classes(raw, townships, places, policy, where, findings))
    if not raw["inside"].any():
        raise EmptyTableError(where, "nobody lives in the district",
                              "check the coordinate systems of people and townships")
    classes = [f"class_{rule}" for rule in CLASS_RULES]
    land = [LAND_COLUMN] if source.weights and runfile.people.weights == "residential" else []
    raw = raw.fillna(dict.fromkeys(land, 0.0)) if land else raw
    columns = ["demand_id", "place_code", "township_code", "class", *people_columns(raw), *land, "quality", "inside",
               *classes, "geometry"]
    return check("demand", raw[columns].reset_index(drop=True), where)


def _counted(raw: gpd.GeoDataFrame, where: Path, findings: Findings, *, weights: bool) -> gpd.GeoDataFrame:
    """Read the columns of people; cells at fault count nobody while the rest is read."""
    people = pd.DataFrame({name: as_numbers(raw[name], where, name, negative=False, findings=findings)
                           for name in people_columns(raw)})
    if not weights:
        report_groups(people, where, findings)
        report_halves(people, where, findings)
    return raw.assign(**people.fillna(0.0))


def _scenario_columns(runfile: RunFile) -> list[str]:
    """List the columns that hold the people of scenarios, which are no groups of today's."""
    beside = [item for item in runfile.people.scenarios.values() if not item.file]
    named = [name for item in beside for name in item.of_column.values()]
    return [name for name in named if name != "population" and name not in runfile.people.columns]


def _source(runfile: RunFile, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, area: shapely.Geometry,
            findings: Findings) -> _Source:
    """Read points with people or weights, the file to name in messages, and totals per township to keep."""
    people, totals = runfile.people, read_totals(runfile, townships, findings)
    known = townships.set_index("township_code")[["population"]].dropna()
    if people.file and people.weights is None:
        where = runfile.resolve(people.file)
        raw = people_layer(runfile, findings)
        if "population" not in raw.columns:
            raise MissingColumnError(where, f"no column population; the columns are {first_of(raw.columns, 12)}",
                                     '[people] columns = { population = "…" }')
        return _Source(raw, where, totals)
    totals = totals if totals is not None else known if len(known) else None
    if totals is not None and totals is known and len(known) < len(townships):
        bare = townships["township_code"][townships["population"].isna()]
        findings.add("warn", "total_missing", f"{len(bare)} townships have no population; their points keep their "
                     "figures", file=runfile.boundaries.file or "", id=first_of(bare), count=len(bare),
                     remedy="give it, or a table of totals")
    if people.raster:
        where = runfile.resolve(people.raster)
        return _Source(_raster(where, runfile, townships, places, area, findings), where, totals)
    if people.osm and people.weights in (None, "places"):
        extract = people_extract(runfile)
        return _Source(_osm_people(osm_places(extract), extract.path, runfile, totals, findings), extract.path, totals)
    if totals is None:
        what = "gives weights and no totals" if people.weights else "names no file"
        raise ConfigError(runfile.path, f"[people] {what}, and the townships have no population",
                          'add [people] file = "…", raster = "…", osm = true, or a population column to the townships')
    if people.weights:
        return _Source(*weighted_points(runfile, townships, places, area, findings), totals, weights=True)
    return _Source(_per_township(runfile, townships, totals["population"], findings), runfile.path, totals)


def _raster(where: Path, runfile: RunFile, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame,
            area: shapely.Geometry, findings: Findings) -> gpd.GeoDataFrame:
    """Read a raster's people, as many cells to a point as make up the run file's cell."""
    points, cells, side_m = read_people_raster(where, str(townships.crs), area)
    step = max(1, round(runfile.people.cell_m / side_m))
    gathered = gather(points, cells // step, townships, places) if step > 1 else points
    findings.add("note", "raster_read", f"{len(points):,} cells of {side_m:.0f} m hold "
                 f"{points['population'].sum():,.0f} people; {len(gathered):,} points stand for them",
                 file=where.name, count=len(points), value=f"{side_m:.1f} m")
    return gathered.assign(quality=worst_quality(["derived", runfile.people.quality or "derived"]))


def _per_township(runfile: RunFile, townships: gpd.GeoDataFrame, totals: pd.Series, findings: Findings,
                  ) -> gpd.GeoDataFrame:
    """Let one point stand for each township."""
    points = shapely.point_on_surface(townships.geometry.to_numpy())
    findings.add("warn", "people_per_township", "all people of a township stand at one point inside it",
                 file=runfile.path.name, count=len(townships), remedy="give villages or demand points: [people] file")
    return gpd.GeoDataFrame({
        "demand_id": "township-" + townships["township_code"], "township_code": townships["township_code"],
        "population": townships["township_code"].map(totals).fillna(0.0),
        "quality": worst_quality(["derived", runfile.people.quality or runfile.boundaries.quality]),
    }, geometry=gpd.GeoSeries(points, index=townships.index, crs=townships.crs))


def _osm_people(places: gpd.GeoDataFrame, path: Path, runfile: RunFile, totals: pd.DataFrame | None, findings: Findings,
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
    return places.assign(population=tagged.fillna(weights).astype("float64"), quality=derived(quality, assumed))


def _qualities(raw: gpd.GeoDataFrame, runfile: RunFile, where: Path, findings: Findings) -> pd.Series:
    """Give each row its quality: its own, else that of the run file, else ``register``."""
    given = check_words(text_column(raw, "quality").str.lower(), (*QUALITIES, ""), where, findings)
    return given.where(given != "", runfile.people.quality or "register")


def _ids(raw: gpd.GeoDataFrame, where: Path, findings: Findings) -> pd.Series:
    """Keep the input's ids, or number the rows."""
    if "demand_id" not in raw.columns:
        return pd.Series([f"d{number:06d}" for number in range(1, len(raw) + 1)], index=raw.index, dtype="str")
    ids = as_text(raw["demand_id"])
    wrong = (ids == "") | ids.duplicated(keep=False)
    if wrong.any():
        names = first_of([name or "(blank)" for name in ids[wrong].unique()])
        findings.fail(BadValueError(where, f"demand_id {names} is blank or stands twice, in rows "
                                           f"{first_of(ids.index[wrong])}", "give each row its own id"),
                      "demand_id_twice", id=first_of(ids.index[wrong], 20), value=names, count=int(wrong.sum()))
        ids = ids.mask(wrong, "row " + pd.Series(ids.index.astype(str), index=ids.index))
    return ids


def _joined(raw: gpd.GeoDataFrame, places: gpd.GeoDataFrame, runfile: RunFile, where: Path, findings: Findings,
            ) -> gpd.GeoDataFrame:
    """Find the places that rows name; rows of a neighbour that have no position are left out."""
    unplaced = raw.geometry.isna() & (raw["township_code"] == "")
    beside = unplaced & _names_neighbour(raw, runfile) if unplaced.any() else unplaced
    if beside.any():
        findings.add("note", "people_beyond", f"{int(beside.sum())} rows with {raw['population'][beside].sum():,.0f} "
                     "people name a neighbour and have no position; they are left out", file=where.name,
                     id=first_of(raw["demand_id"][beside]), count=int(beside.sum()))
        raw, unplaced = raw[~beside], unplaced[~beside]
    code = text_column(raw, "place_code")
    seek = (raw["township_code"] != "") | unplaced
    found = join_places(raw[seek], places, where, findings)["code"]
    return raw.assign(place_code=found.reindex(raw.index).fillna(code))


def _names_neighbour(raw: gpd.GeoDataFrame, runfile: RunFile) -> pd.Series:
    names = neighbour_names(runfile)
    code, name = text_column(raw, "township_code"), text_column(raw, "township").map(plain_name)
    return code.isin(list(names)) | (name.isin([plain_name(item) for item in names.values()]) & (name != ""))


def _positioned(raw: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, where: Path,
                findings: Findings) -> gpd.GeoDataFrame:
    """Make points of polygons, and place rows without position by their place or their township."""
    points = pd.Series(shapely.point_on_surface(raw.geometry.to_numpy()), index=raw.index, dtype=object)
    lost = raw.geometry.isna()
    if not lost.any():
        return raw.set_geometry(gpd.GeoSeries(points, crs=raw.crs))
    home = dict(zip(places["place_code"], places["township_code"], strict=True))
    by_place = dict(zip(places["place_code"], shapely.point_on_surface(places.geometry.to_numpy()), strict=True))
    by_township = dict(zip(townships["township_code"], shapely.point_on_surface(townships.geometry.to_numpy()),
                           strict=True))
    place, township = raw["place_code"], raw["township_code"]
    at_place, at_township = lost & place.isin(list(by_place)), lost & (township != "")
    nowhere = lost & ~at_place & ~at_township
    if nowhere.any():
        findings.fail(BadValueError(where, f"row {first_of(raw.index[nowhere])} has people but neither position nor "
                                           "a known place_code, township_code or name",
                                    "add coordinates, codes or names"),
                      "people_nowhere", id=first_of(raw.index[nowhere], 20), count=int(nowhere.sum()))
    points = points.where(~at_township, township.map(by_township)).where(~at_place, place.map(by_place))
    coarse = at_township & ~at_place
    if coarse.any():
        findings.add("warn", "people_per_township", f"{int(coarse.sum())} rows have no position and stand at one point "
                     "of their township", file=where.name, id=first_of(raw.index[coarse], 20),
                     count=int(coarse.sum()), remedy="add coordinates")
        raw = raw.assign(quality=derived(raw["quality"], coarse))
    raw = raw.assign(township_code=township.mask(at_place & (township == ""), place.map(home)))
    return raw.set_geometry(gpd.GeoSeries(points, crs=raw.crs))[~nowhere]


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
    found.loc[seek] = nearest_places(raw.geometry[seek], raw["township_code"][seek], places)
    return found


def _classes(raw: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, policy: Policy, where: Path,
             findings: Findings) -> dict[str, pd.Series]:
    """Give each row its class, by the policy's rule and by each of the rules there are.

    A class that nobody states, but is guessed from the kind of committee or assumed, leaves a row at best ``derived``.
    """
    by_rule = {rule: _class_by(rule, raw, townships, places, where) for rule in CLASS_RULES}
    settled = by_rule[policy.class_rule]
    differs = settled["differs"]
    if differs.any():
        findings.add("warn", "class_differs", f"{int(differs.sum())} rows with {raw['population'][differs].sum():,.0f} "
                     "people say another class than their place; the place's counts", file=where.name,
                     id=first_of(raw["demand_id"][differs]), count=int(differs.sum()),
                     remedy="correct the classes of rows or places")
    return {"class": settled["class"], "quality": derived(raw["quality"], settled["guessed"] & raw["inside"]),
            **{f"class_{rule}": table["class"] for rule, table in by_rule.items()}}


def _class_by(rule: str, raw: gpd.GeoDataFrame, townships: gpd.GeoDataFrame, places: gpd.GeoDataFrame, where: Path,
              ) -> pd.DataFrame:
    """Give each row the class of its place; its own where that is weak or not known, or else the nearest place's.

    Also tell which rows say another class than they are given (differs), and for which nobody states any (guessed).
    """
    own = classify(raw.drop(columns="place_code"), townships, rule, where)["class"]
    if rule == "streets":
        own = own.mask(~raw["inside"], "")
    known = places.set_index("place_code")
    by_place = raw["place_code"].map(known[f"class_{rule}"]).fillna("")
    weak = raw["place_code"].map(known["class_weak"]).fillna(True).astype(bool) & (rule != "streets")
    settled = own.where(((by_place == "") | weak) & (own != ""), by_place)
    differs = (own != "") & (settled != own)
    lost = settled == ""
    if lost.any():
        nearest = shapely.STRtree(places.geometry.to_numpy()).nearest(raw.geometry[lost].to_numpy())
        settled.loc[lost] = places[f"class_{rule}"].to_numpy(dtype=object)[nearest]
    return pd.DataFrame({"class": pd.Series(np.asarray(settled), index=raw.index, dtype="str"), "differs": differs,
                         "guessed": weak & (own == "")})
