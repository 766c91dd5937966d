"""Write chosen sites and drafts as a scenario, to be run and compared with today."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from lifecircle.outputs.tables import clean_text

#: Characters of a name in a scenario.
_LONGEST = 200
_AMOUNTS = ("capacity", "area_m2", "effective_area_m2")


def scenario_toml(sites: gpd.GeoDataFrame, name: str, policy: dict[str, Any]) -> str:
    """Give a scenario file (``docs/scenario.md``) that opens the sites, each in its year where there is one.

    Parameters
    ----------
    sites : GeoDataFrame
        `SITES_COLUMNS` and the point.
    name : str
        Name of the scenario.
    policy : dict
        Tables of the layers, as ``run.json`` holds them: a new facility is of the first level that serves.
    """
    lines, points = [f"name = {_text(name)}"], sites.geometry.to_crs("EPSG:4326")
    for row, point in zip(sites.itertuples(), points, strict=True):
        levels = policy[row.layer]["accepts"]
        lines += _opened(row, point, f"site-{row.layer}-{row.candidate_id}", row.name or row.candidate_id,
                         levels[0] if levels else "")
        lines += [f"year = {row.year:.0f}"] if pd.notna(row.year) else []
        lines += [f"cost = {row.cost!r}"] if pd.notna(row.cost) else []
    return "\n".join(lines) + "\n"


def draft_toml(name: str, opened: Sequence[gpd.GeoDataFrame], closed: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Give a scenario file that opens facilities, laid out as those of a study, and closes others by their ids.

    Parameters
    ----------
    notes : sequence of str
        What the scenario cannot say, one remark each.
    """
    lines = [*(f"# {_text(note)[1:-1]}" for note in notes), f"name = {_text(name, _LONGEST)}"]
    for table in opened:
        for row, point in zip(table.itertuples(), table.geometry.to_crs("EPSG:4326"), strict=True):
            lines += _opened(row, point, row.facility_id, row.name or row.facility_id, row.level)
    for facility_id in closed:
        lines += ["", "[[close]]", f"facility = {_text(facility_id)}"]
    return "\n".join(lines) + "\n"


def _opened(row: Any, point: shapely.Point, facility_id: str, name: str, level: str) -> list[str]:
    lines = ["", "[[open]]", f"layer = {_text(row.layer)}", f"name = {_text(name, _LONGEST)}",
             f"facility_id = {_text(facility_id)}", f"lon = {point.x:.9f}", f"lat = {point.y:.9f}"]
    lines += [f"level = {_text(level)}"] if level else []
    return lines + [f"{amount} = {float(getattr(row, amount))!r}" for amount in _AMOUNTS
                    if pd.notna(getattr(row, amount))]


def _text(value: str, longest: int | None = None) -> str:
    return json.dumps(clean_text(pd.Series([value], dtype="str")).iloc[0][:longest], ensure_ascii=False)
