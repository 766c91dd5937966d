"""Lay indicators out in long rows: per township and district, per class, in the columns of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators.registry import Indicator
from lifecircle.tables import RESULTS_COLUMNS

Array = npt.NDArray[Any]


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
    values = frame[columns].to_numpy(dtype=float)
    units, sums = [], []
    for unit, at in unit_points(frame, townships, district, classes):
        units.append(unit)
        sums.append(values[at].sum(axis=0))
    return pd.concat([pd.DataFrame(units), pd.DataFrame(np.array(sums), columns=columns)], axis=1)


def unit_points(frame: pd.DataFrame, townships: gpd.GeoDataFrame, district: tuple[str, str],
                classes: Iterable[str] = ("urban", "rural")) -> Iterator[tuple[dict[str, str], Array]]:
    """Give the units that have rows of their own, for figures that are no sums; see `unit_sums`.

    Yields
    ------
    dict
        township_code, township and class.
    (n,) array
        Positions in `frame`; townships with nobody in a class are left out of that class.
    """
    names = list(zip(townships["township_code"], townships["township"], strict=True))
    home = pd.Index([code for code, _ in names]).get_indexer(pd.Index(frame["township_code"]))
    kinds = frame["class"].to_numpy(dtype=object)
    for kind in (*classes, "all"):
        of_kind = np.arange(len(frame)) if kind == "all" else np.flatnonzero(kinds == kind)
        by_home = of_kind[np.argsort(home[of_kind], kind="stable")]
        edges = np.searchsorted(home[by_home], np.arange(len(names) + 1))
        for (code, township), start, end in zip(names, edges[:-1], edges[1:], strict=True):
            if end > start or kind == "all":
                yield {"township_code": code, "township": township, "class": kind}, by_home[start:end]
        if len(of_kind) or kind == "all":
            yield {"township_code": district[0], "township": district[1], "class": kind}, of_kind


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
