"""Lay indicators out in long rows: per township and district, per class, in the columns of the contract."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from lifecircle.indicators.registry import Indicator
from lifecircle.tables import RESULTS_COLUMNS


def unit_sums(frame: pd.DataFrame, columns: list[str], townships: gpd.GeoDataFrame, district: tuple[str, str],
              classes: Iterable[str] = ("urban", "rural")) -> pd.DataFrame:
    """Sum columns per township and class, per township, and for the district.

    Parameters
    ----------
    frame : DataFrame
        township_code, class and the columns to sum.
    townships : GeoDataFrame
    district : (code, name)
    classes : iterable of str
        Classes to show besides ``all``.

    Returns
    -------
    DataFrame
        township_code, township, class and the sums; townships with nobody in a class are left out of that class.
    """
    names = townships.set_index("township_code")["township"]
    whole = frame.assign(**{"class": "all"})
    parts = []
    for part in (frame[frame["class"].isin(list(classes))], whole):
        sums = part.groupby(["township_code", "class"], sort=True)[columns].sum()
        if part is whole:
            every = pd.MultiIndex.from_product([names.index, ["all"]], names=["township_code", "class"])
            sums = sums.reindex(every, fill_value=0.0)
        sums = sums.reset_index()
        sums.insert(1, "township", sums["township_code"].map(names))
        total = part.groupby("class", sort=True)[columns].sum().reset_index()
        parts += [sums, total.assign(township_code=district[0], township=district[1])]
    return pd.concat(parts, ignore_index=True)[["township_code", "township", "class", *columns]]


def rows(sums: pd.DataFrame, items: Iterable[Indicator], **fixed: Any) -> pd.DataFrame:
    """Compute indicators from sums and lay them out; `fixed` fills the other columns (values, or one per class)."""
    items, defaults = list(items), {
        "level": "all", "group": "all", "mode": "–", "scenario": "existing", "metric": "–", "cutoff": np.nan,
        "headline": True, "target": np.nan, "verdict": "", "quality": "derived"}
    each = np.tile(np.arange(len(sums)), len(items))  # all units of one indicator, then of the next
    figures = pd.concat([item.formula(sums) for item in items], ignore_index=True)
    facts = {"indicator": [item.name for item in items], "unit": [item.unit for item in items],
             "basis": [item.basis for item in items]}
    said = {name: np.repeat(values, len(sums)) for name, values in facts.items()}
    units = {name: sums[name].array[each] for name in ("township_code", "township", "class")}
    given = {name: value.array[each] if isinstance(value, pd.Series) else value for name, value in fixed.items()}
    content = {**defaults, **given, **said, **units, **figures}
    return pd.DataFrame({name: content[name] for name in RESULTS_COLUMNS}, index=figures.index)
