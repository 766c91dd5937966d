"""Write chosen sites as a scenario, to be run and compared with today."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import pandas as pd

from lifecircle.outputs.tables import clean_text

#: Characters of a name in a scenario.
_LONGEST = 200
_AMOUNTS = ("capacity", "area_m2", "effective_area_m2", "cost")


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
        lines += ["", "[[open]]", f"layer = {_text(row.layer)}",
                  f"name = {_text(row.name or row.candidate_id, _LONGEST)}",
                  f"facility_id = {_text(f'site-{row.layer}-{row.candidate_id}')}",
                  f"lon = {point.x:.9f}", f"lat = {point.y:.9f}"]
        levels = policy[row.layer]["accepts"]
        lines += [f"level = {_text(levels[0])}"] if levels else []
        lines += [f"year = {row.year:.0f}"] if pd.notna(row.year) else []
        lines += [f"{amount} = {getattr(row, amount)!r}" for amount in _AMOUNTS if pd.notna(getattr(row, amount))]
    return "\n".join(lines) + "\n"


def _text(value: str, longest: int | None = None) -> str:
    return json.dumps(clean_text(pd.Series([value], dtype="str")).iloc[0][:longest], ensure_ascii=False)
