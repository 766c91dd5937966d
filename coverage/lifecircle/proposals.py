"""Put facilities that do not exist yet into a study, and take others out of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from lifecircle.errors import UsageError
from lifecircle.inputs.shapes import locate
from lifecircle.study import Study
from lifecircle.tables import CLASSES

_BLANK = {"capacity_unit": "", "setting": "", "opens_year": np.nan, "capacity": np.nan, "area_m2": np.nan,
          "effective_area_m2": np.nan}


def propose(study: Study, layer: str, shapes: gpd.GeoSeries, **columns: Any) -> gpd.GeoDataFrame:
    """Lay out new facilities of a layer in the columns of the study's own.

    Parameters
    ----------
    study : Study
    layer : str
    shapes : GeoSeries
        Where they stand: points, or polygons with doors all round; any CRS.
    **columns
        Further columns (``facility_id``, ``name``, ``level``, ``capacity``, ``effective_area_m2`` …), a value each or
        one for all. Ids are new-1, new-2 … where none is given; the level is the first that serves.

    Returns
    -------
    GeoDataFrame
        In the study's CRS. Their quality is ``derived``: they are an idea and not a register's.

    Raises
    ------
    UsageError
        If the study has no such layer, or an id is taken.
    """
    if layer not in study.layers:
        raise UsageError(f"no layer {layer}; there are {', '.join(study.layers)}")
    levels = study.policy.layer(layer).accepts
    shapes = shapes.to_crs(study.crs).reset_index(drop=True)
    home = locate(shapes, study.townships)
    ids = [f"new-{number + 1}" for number in range(len(shapes))]
    given = {**_BLANK, "facility_id": ids, "name": "", "level": levels[0] if levels else "", "status": "existing",
             "source": "proposed", "quality": "derived", **columns, "layer": layer, "township_code": home,
             "inside": home != ""}
    table = gpd.GeoDataFrame({name: given.get(name, "") for name in study.facilities.columns if name != "geometry"},
                             index=shapes.index, geometry=shapes, crs=study.crs)
    taken = set(table["facility_id"]) & set(study.facilities["facility_id"]) | set(
        table["facility_id"][table["facility_id"].duplicated()])
    if taken:
        raise UsageError(f"facility_id {min(taken)} is taken; give the new facility another")
    return table


def with_changes(study: Study, *, add: gpd.GeoDataFrame | None = None, close: Collection[str] = ()) -> Study:
    """Give the study with facilities added (as `propose` lays them out) and others closed.

    Raises
    ------
    UsageError
        If a facility to be closed is not there.
    """
    table = study.facilities
    unknown = sorted(set(close) - set(table["facility_id"]))
    if unknown:
        raise UsageError(f"no facility {unknown[0]} to close; facility_id stands in the layer facilities of the run")
    parts = [table[~table["facility_id"].isin(list(close))], *([] if add is None else [add])]
    return replace(study, facilities=pd.concat(parts, ignore_index=True))


def with_rules(study: Study, layer: str, *, cutoff_min: float | Mapping[str, float] | None = None,
               mode: str | None = None) -> Study:
    """Give the study with another cutoff or mode for a layer; none is judged beside it.

    Parameters
    ----------
    study : Study
    layer : str
        Judged by reach.
    cutoff_min : float or mapping, optional
        For all classes, or class (urban, rural) -> minutes; those not named keep theirs.
    mode : str, optional
        For all classes.

    Raises
    ------
    UsageError
        If a cutoff is not above 0 and at most 600, or a class has no rule.
    """
    policy = study.policy.layer(layer)
    rules = {name: rule for name in CLASSES if (rule := policy.rule(name)) is not None}
    if not isinstance(cutoff_min, Mapping):
        cutoff_min = {} if cutoff_min is None else dict.fromkeys(rules, float(cutoff_min))
    for name, minutes in cutoff_min.items():
        if name not in rules:
            raise UsageError(f"{layer} has no rule for the class {name}; there are {', '.join(rules)}")
        if not 0 < minutes <= 600:
            raise UsageError(f"a cutoff of {minutes:g} minutes cannot be; it lies above 0 and is at most 600")
    changed = policy.model_copy(update={name: rule.model_copy(update={
        "cutoff_min": float(cutoff_min.get(name, rule.cutoff_min)), "mode": mode or rule.mode, "beside": ()})
        for name, rule in rules.items()})
    return replace(study, policy=study.policy.model_copy(update={"policy": {**study.policy.policy, layer: changed}}))
