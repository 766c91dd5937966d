"""Apply the edits of a scenario to the table of facilities: opened, changed, moved, closed, in this order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from lifecircle.errors import BadValueError, NoMatchError, first_of
from lifecircle.inputs.edits import Change, Close, Known, Move, Open, nearest
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.placededits import Numbered
from lifecircle.inputs.registers import report_kindless, report_refused
from lifecircle.inputs.shapes import locate
from lifecircle.policy import Policy
from lifecircle.tables import check, worst_quality

#: What a scenario says of a facility is thought up, not surveyed.
THOUGHT_UP = "derived"


def commissioned(table: gpd.GeoDataFrame, year: int | None, path: Path, findings: Findings,
                 ) -> tuple[gpd.GeoDataFrame, tuple[str, ...]]:
    """Let the facilities serve that are planned or being built and open by a year.

    Returns
    -------
    GeoDataFrame, tuple of str
        The facilities, and the ids of those that serve now.
    """
    coming = table["status"].isin(["planned", "building"])
    if year is None or not coming.any():
        return table, ()
    opened, blank = coming & (table["opens_year"] <= year), coming & table["opens_year"].isna()
    for rows, code, what, remedy in (
            (opened, "scenario_commissioned", f"facilities planned or being built open by {year} and count", ""),
            (blank, "scenario_year_blank", "facilities are planned or being built and do not say for when; they stay "
             "so", "fill in opens_year")):
        if rows.any():
            findings.add("note", code, f"{int(rows.sum())} {what}", file=path.name, count=int(rows.sum()),
                         id=first_of(table["facility_id"][rows], 20), remedy=remedy)
    return table.assign(status=table["status"].mask(opened, "existing")), tuple(table["facility_id"][opened])


def edit_facilities(table: gpd.GeoDataFrame, edits: Sequence[Numbered], townships: gpd.GeoDataFrame,
                    area: shapely.Geometry, layers: Sequence[str], policy: Policy, path: Path, findings: Findings,
                    ) -> tuple[gpd.GeoDataFrame, tuple[str, ...]]:
    """Open, change, move and close facilities.

    Parameters
    ----------
    table : GeoDataFrame
        The facilities of the study.
    edits : sequence of Numbered
        Placed in the CRS of the study.
    townships : GeoDataFrame
    area : Polygon or MultiPolygon
        District and buffer: nothing may stand beyond.
    layers : sequence of str
        Layers of the run file.
    policy : Policy
        Levels that it does not accept are findings.
    path : Path
        The scenario file.
    findings : Findings

    Returns
    -------
    GeoDataFrame, tuple of str
        The facilities, and the ids of those that were opened.

    Raises
    ------
    NoMatchError
        If an edit names a facility or a layer that is not there.
    BadValueError
        If an id is taken, or a place lies outside the district and its buffer.
    """
    shapely.prepare(area)
    for item in edits:
        if item.place is not None and not shapely.intersects(area, item.place):
            raise BadValueError(f"{path}: {item.label}", "lies outside the district and its buffer",
                                "check longitude, latitude and datum")
    opened = [item for item in edits if isinstance(item.edit, Open)]
    if opened:
        table = _with_opened(table, opened, townships, layers, policy, path, findings)
    for item in (one for kind in (Change, Move) for one in edits if isinstance(one.edit, kind)):
        row = _row(table, item, layers, path)
        figures = item.edit.figures if isinstance(item.edit, Change) else _moved(table, row, item, townships)
        figures |= {"quality": worst_quality([table["quality"][row], THOUGHT_UP]),
                    "source": f"{table['source'][row]}; {path.name}"}
        table = table.copy()
        for name, value in figures.items():
            table.loc[[row], name] = gpd.GeoSeries([value], [row], crs=table.crs) if name == "geometry" else value
        if "level" in figures:
            _report_levels(table.loc[[row]], policy, path, findings)
    for item in (one for one in edits if isinstance(one.edit, Close)):
        table = table.drop(index=_row(table, item, layers, path))
    ids = tuple(table["facility_id"][table["facility_id"].isin([_id(item) for item in opened])])
    return check("facilities", table.reset_index(drop=True), path), ids


def _id(item: Numbered) -> str:
    return item.edit.facility_id or f"{item.edit.layer}-{item.label.replace(' ', '-')}"


def _with_opened(table: gpd.GeoDataFrame, opened: Sequence[Numbered], townships: gpd.GeoDataFrame,
                 layers: Sequence[str], policy: Policy, path: Path, findings: Findings) -> gpd.GeoDataFrame:
    """Put new facilities below the others."""
    for item in opened:
        if item.edit.layer not in layers:
            raise NoMatchError(f"{path}: {item.label}", f"no layer {item.edit.layer} in the run file",
                               nearest(item.edit.layer, list(layers)))
    ids = pd.Series([_id(item) for item in opened])
    taken = ids[ids.isin(table["facility_id"]) | ids.duplicated()]
    if len(taken):
        raise BadValueError(f"{path}: {opened[taken.index[0]].label}", f"facility_id {taken.iloc[0]} is taken",
                            "give it another, or leave it out")
    places = gpd.GeoSeries([item.place for item in opened], crs=table.crs)
    codes = locate(places, townships)
    rows: dict[str, Any] = {name: [getattr(item.edit, name) for item in opened]
                            for name in ("layer", "name", "level", "capacity_unit", "capacity", "area_m2",
                                         "effective_area_m2")}
    rows |= {"facility_id": ids, "status": "existing", "opens_year": [item.edit.year for item in opened],
             "setting": "", "township_code": codes, "source": path.name, "quality": THOUGHT_UP, "inside": codes != ""}
    new = gpd.GeoDataFrame(rows, geometry=places)
    new["level"] = [policy.layer(layer).level_words.get(level, level)
                    for layer, level in zip(new["layer"], new["level"], strict=True)]
    for _, part in new.groupby("layer", sort=False):
        _report_levels(part.set_index(pd.Index([opened[at].label for at in part.index])), policy, path, findings)
    kinds = {name: table[name].dtype for name in table.columns if name in new.columns and name != "geometry"}
    return gpd.GeoDataFrame(pd.concat([table, new.astype(kinds)[list(table.columns)]], ignore_index=True),
                            crs=table.crs)


def _report_levels(rows: gpd.GeoDataFrame, policy: Policy, path: Path, findings: Findings) -> None:
    rule = policy.layer(str(rows["layer"].iloc[0]))
    report_refused(rows, path, rule.accepts, findings)
    report_kindless(rows, path, rule, findings)


def _row(table: gpd.GeoDataFrame, item: Numbered, layers: Sequence[str], path: Path) -> Any:
    """Find the one row of the facility that an edit names."""
    edit: Known = item.edit
    where = f"{path}: {item.label}"
    if edit.facility:
        found = table.index[table["facility_id"] == edit.facility]
        if not len(found):
            raise NoMatchError(where, f"no facility {edit.facility}",
                               nearest(edit.facility, list(table["facility_id"])))
        return found[0]
    if edit.layer not in layers:
        raise NoMatchError(where, f"no layer {edit.layer} in the run file", nearest(edit.layer, list(layers)))
    own = table[table["layer"] == edit.layer]
    found = own.index[own["name"] == edit.name]
    if len(found) != 1:
        what = f"no facility of {edit.layer} is called {edit.name}" if not len(found) else (
            f"{len(found)} facilities of {edit.layer} are called {edit.name}")
        remedy = nearest(edit.name, list(own["name"].dropna())) if not len(found) else (
            f"name one by its id: facility = {first_of(own.loc[found, 'facility_id'])}")
        raise NoMatchError(where, what, remedy)
    return found[0]


def _moved(table: gpd.GeoDataFrame, row: Any, item: Numbered, townships: gpd.GeoDataFrame) -> dict[str, Any]:
    """Shift a facility, with its outline or its doors, so that its middle stands at the new place."""
    shape = table.geometry[row]
    middle = shapely.point_on_surface(shape)
    shift = np.array([item.place.x - middle.x, item.place.y - middle.y])
    placed = shapely.transform(shape, lambda xy: xy + shift)
    code = locate(gpd.GeoSeries([item.place], crs=table.crs), townships)[0]
    return {"geometry": placed, "township_code": code, "inside": code != ""}
