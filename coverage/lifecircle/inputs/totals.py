"""Keep the totals of townships: scale people to them, spread groups, say where a total stands alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, MissingColumnError, NoMatchError, first_of
from lifecircle.inputs.boundaries import neighbour_names
from lifecircle.inputs.cells import as_numbers, rename_columns
from lifecircle.inputs.files import read_table
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.joins import named_township, text_column
from lifecircle.inputs.peoplerows import report_groups
from lifecircle.runfile import RunFile
from lifecircle.tables import QUALITIES, worst_quality

#: Columns that say something about the figures, and are no group of people.
_NO_GROUPS = {"population_year", "population_source", "population_kind", "population_quality", "population_note"}
#: People that differ from their township's total by more than this factor are worth a look.
STRANGE_FACTOR = 2.0


def people_columns(table: pd.DataFrame) -> list[str]:
    """List the columns that count people: ``population`` and its groups."""
    return [name for name in table.columns
            if (name == "population" or name.startswith("population_")) and name not in _NO_GROUPS]


def derived(quality: pd.Series, rows: Any) -> pd.Series:
    """Lower the quality of some rows to ``derived``, where it is better than that."""
    lowered = quality.map({name: worst_quality([name, "derived"]) for name in QUALITIES})
    return quality.mask(np.broadcast_to(np.asarray(rows, dtype=bool), len(quality)), lowered)


def read_totals(runfile: RunFile, townships: gpd.GeoDataFrame, findings: Findings) -> pd.DataFrame | None:
    """Read the township totals of ``[people] totals``.

    Returns
    -------
    DataFrame or None
        population and groups (NaN where not told) by township_code, and ``row``, that of the file; townships are joined
        by name where codes disagree.

    Raises
    ------
    MissingColumnError
        If population is not there, or nothing that names a township.
    BadValueError
        If a township stands in several rows, or a group is larger than the population.
    """
    if not runfile.people.totals:
        return None
    path = runfile.resolve(runfile.people.totals)
    table = read_table(path, encoding=runfile.people.encoding, findings=findings)
    heads = table.columns
    table = rename_columns(table, runfile.people.total_columns, path)
    _check_columns(table, heads, path)
    code = named_township(table, townships, runfile, path, findings)
    findings.know(path, code.where(code.isin(townships["township_code"]), ""))
    code = code.where(code != "", text_column(table, "township"))
    twice = code.duplicated(keep=False)
    if twice.any():
        findings.fail(BadValueError(path, f"township_code {first_of(code[twice].unique())} stands in several rows",
                                    "keep one total per township; a list of villages is [people] file"),
                      "total_twice", id=first_of(code.index[twice], 20), value=first_of(code[twice].unique()),
                      count=int(twice.sum()))
    totals = pd.DataFrame({name: as_numbers(table[name], path, name, blank=name != "population", negative=False,
                                            findings=findings) for name in people_columns(table)})
    report_groups(totals, path, findings, code)
    totals = totals.assign(row=totals.index).set_index(code)[~code.duplicated().to_numpy()]
    totals = totals[totals["population"].notna()]
    _report_townships(totals, townships, runfile, path, findings)
    return totals[totals.index.isin(townships["township_code"])]


def _check_columns(table: pd.DataFrame, heads: pd.Index, path: Path) -> None:
    """Make sure that a table of totals names its townships and their people; `heads` are the file's own."""
    needed = {"township": "township_code (or township)", "population": "population"}
    missing = [name for name in needed if name not in table.columns]
    if "township_code" in table.columns:
        missing = [name for name in missing if name != "township"]
    if missing:
        mapping = ", ".join(f'{name} = "…"' for name in missing)
        raise MissingColumnError(
            path, f"no column {' and '.join(map(needed.__getitem__, missing))}; the columns are {first_of(heads, 12)}",
            "[people] totals is a table with one row per township; map its columns in the run file: "
            f"[people] total_columns = {{ {mapping} }}")


def _report_townships(totals: pd.DataFrame, townships: gpd.GeoDataFrame, runfile: RunFile, path: Path,
                      findings: Findings) -> None:
    lost = townships["township_code"][~townships["township_code"].isin(totals.index)]
    if len(lost):
        findings.add("warn", "total_missing", f"{len(lost)} townships have no total; their points keep their figures",
                     file=path.name, id=first_of(lost), count=len(lost), remedy="add them to the table")
    strange = totals.index[~totals.index.isin([*townships["township_code"], *neighbour_names(runfile)])]
    if len(strange):
        findings.add("warn", "total_unknown", f"{len(strange)} totals are of townships that are not in the district; "
                     "they are left out", file=path.name, id=first_of(strange), count=len(strange),
                     value=f"{totals.loc[strange, 'population'].sum():,.0f} people", remedy="correct codes or names")


def as_people(raw: gpd.GeoDataFrame, totals: pd.DataFrame, where: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Make people of weights: neighbours get as many for a weight as the district has; the rest waits for its total.

    Raises
    ------
    NoMatchError
        If a township has weights and no total.
    """
    inside = raw["inside"]
    bare = sorted(set(raw["township_code"][inside]) - set(totals.index))
    if bare:
        raise NoMatchError(where, f"township {first_of(bare)} has no total that its weights could share",
                           "add it to the totals, or give the townships a population")
    whole = raw["population"][inside].sum()
    told = totals["population"][totals.index.isin(raw["township_code"])].sum()
    per_weight = told / whole if whole > 0 else 0.0
    townships = raw["township_code"][inside].nunique()
    findings.add("note", "people_spread", f"the people of {townships} townships are spread over "
                 f"{int(inside.sum()):,} points by weight; their totals are kept", file=where.name,
                 count=int(inside.sum()), value=f"{per_weight:.6g} people per unit of weight")
    return raw.assign(population=raw["population"].mask(~inside, raw["population"] * per_weight),
                      quality=derived(raw["quality"], True))


def keep_totals(raw: gpd.GeoDataFrame, totals: pd.DataFrame | None, townships: gpd.GeoDataFrame, where: Path,
                findings: Findings, *, weights: bool = False) -> gpd.GeoDataFrame:
    """Scale the points of each township to its total; people of a township without points get one.

    A group that has a total of its own is scaled to that; else it follows the population, and where the people come
    from a total alone it takes the district's share.
    """
    if totals is None:
        return raw
    totals = totals.drop(columns="row", errors="ignore")
    groups = [name for name in people_columns(raw) if name != "population"]
    own = raw.groupby("township_code")["population"].agg(["sum", "size"])
    goal = raw["township_code"].map(totals["population"])
    have, size = raw["township_code"].map(own["sum"]), raw["township_code"].map(own["size"])
    factor = (goal / have.where(have > 0)).fillna(1.0)
    scaled = {name: raw[name] * factor for name in ["population", *groups]}
    unsaid = (goal > 0) & (have == 0)
    scaled["population"] = scaled["population"].mask(unsaid, goal / size)
    changed = unsaid | ~np.isclose(factor, 1.0, rtol=1e-9, atol=0.0)
    if not weights:
        _report_factors(raw, factor, where, findings)
    raw = raw.assign(**scaled, quality=derived(raw["quality"], changed))
    raw = _with_bare(raw.assign(unsaid=unsaid), totals["population"], own.index, townships, where, findings)
    raw = _shared_groups(raw, [name for name in groups if name not in totals.columns], where, findings)
    for name in totals.columns.drop("population"):
        raw = _group_total(raw, name, totals, where, findings)
    return raw


def _report_factors(raw: gpd.GeoDataFrame, factor: pd.Series, where: Path, findings: Findings) -> None:
    strange = (factor > STRANGE_FACTOR) | (factor < 1 / STRANGE_FACTOR)
    if strange.any():
        codes = raw["township_code"][strange].drop_duplicates()
        findings.add("warn", "people_rescaled", f"the points of {len(codes)} townships hold less than half or more "
                     "than twice their total, and are scaled to it", file=where.name, id=first_of(codes),
                     count=len(codes),
                     value=first_of([f"{code} x {factor[row]:.2f}" for row, code in codes.items()], 30),
                     remedy="check the figures of both tables, and what the points count")


def _group_total(raw: gpd.GeoDataFrame, name: str, totals: pd.DataFrame, where: Path, findings: Findings,
                 ) -> gpd.GeoDataFrame:
    """Scale a group to its totals; by population where no point tells it, at the district's share where no total."""
    told = totals[[name, "population"]].dropna()
    share = told[name].sum() / max(told["population"].sum(), 1e-300)
    own = raw[name] if name in raw.columns else pd.Series(np.nan, index=raw.index)
    goal = raw["township_code"].map(totals[name])
    assumed = own.isna() & goal.isna() & raw["inside"]
    if assumed.any():
        codes = raw["township_code"][assumed].unique()
        findings.add("warn", "group_assumed", f"{len(codes)} townships have no total of {name}; the share of the "
                     "others stands in", file=where.name, id=first_of(codes), value=name, count=len(codes),
                     remedy="complete the totals")
    own = own.fillna(raw["population"] * share)
    base = own.where(own.groupby(raw["township_code"]).transform("sum") > 0, raw["population"])
    whole = base.groupby(raw["township_code"]).transform("sum")
    scaled = (base * goal / whole.where(whole > 0)).where(goal.notna(), own).fillna(0.0)
    changed = ~np.isclose(scaled, own, rtol=1e-9, atol=0.0) if name in raw.columns else True
    return raw.assign(**{name: scaled}, quality=derived(raw["quality"], changed))


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


def with_shares(raw: gpd.GeoDataFrame, runfile: RunFile, findings: Findings) -> gpd.GeoDataFrame:
    """Add the groups that no table tells, as the run file's shares of the residents of every point."""
    for name, share in runfile.people.shares.items():
        if name in raw.columns:
            findings.add("note", "share_unused", f"{name} is told by the tables; its share of {share:g} is not used",
                         file=runfile.path.name, id=f"people.shares.{name}", value=f"{share:g}")
            continue
        raw = raw.assign(**{name: raw["population"] * share}, quality=derived(raw["quality"], True))
        findings.add("warn", "group_shared", f"{name} is taken as {share:.2%} of the residents of every point",
                     file=runfile.path.name, id=f"people.shares.{name}", value=f"{share:g}", count=len(raw),
                     remedy=f"give a column {name} of the people's table or of the totals")
    return raw
