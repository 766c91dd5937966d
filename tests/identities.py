"""What must add up in every assessment."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lifecircle.assessment import Assessment

REACH = ("people", "people_in_time", "people_out", "people_undetermined")
CAPACITY = ("people_served", "people_in_reach_full", "people_beyond_reach", "people_supply_undetermined")


def check_identities(found: Assessment) -> None:
    """Covered + out + undetermined = total, and so by capacity; townships sum to the district; 15 lies in 30."""
    for _, table in found.results[found.results["basis"] == "population"].groupby("scenario"):
        whole = _check_sums(found, table)
        if (table["scenario"] == "existing").all():
            _check_gaps(found, whole)
    _check_areas(found)


def _check_sums(found: Assessment, table):
    of_reach = table["indicator"].isin(REACH + CAPACITY) & ~_of_other_cutoffs(table)
    wide = table[of_reach].pivot_table(
        index=["township_code", "class", "layer", "mode", "headline"], columns="indicator", values="value")
    parts = wide[["people_in_time", "people_out", "people_undetermined"]].sum(axis=1)
    assert np.abs(parts - wide["people"]).max() <= 1e-6
    if "people_served" in wide:
        held = wide.dropna(subset="people_served")
        parts = held[list(CAPACITY)]
        assert np.abs(parts.sum(axis=1) - held["people"]).max() <= 1e-6
        assert (held["people_served"] <= held["people_in_time"] + 1e-6).all()
    code = found.run["district"]["code"]
    whole = wide.xs(code, level="township_code")
    summed = wide.drop(code, level="township_code").groupby(["class", "layer", "mode", "headline"]).sum()
    assert np.nanmax(np.abs(summed - whole.reindex(summed.index))) <= 1e-6
    rates = table[(table["indicator"] == "coverage_rate") & ~_of_other_cutoffs(table)].set_index(
        ["township_code", "class", "layer", "mode", "headline"])
    again = wide["people_in_time"] / wide["people"].where(wide["people"] > 0)
    assert np.nanmax(np.abs(rates["value"] - again.reindex(rates.index))) <= 1e-9
    assert (rates["low"].dropna() <= rates["high"].dropna()).all()
    return whole


def _of_other_cutoffs(table):
    """Tell the rows of cutoffs that nobody decides by: they have no people out beside them."""
    unit = ["township_code", "class", "layer", "group", "mode", "cutoff"]
    whole = table.loc[table["indicator"] == "people_out", unit]
    return ~pd.MultiIndex.from_frame(table[unit]).isin(pd.MultiIndex.from_frame(whole))


def _check_gaps(found: Assessment, whole) -> None:
    reach = found.gaps[found.gaps["kind"] == "reach"]
    for layer in reach["layer"].unique():
        total = whole.xs((layer, True), level=("layer", "headline")).xs("all", level="class")
        mine = reach[reach["layer"] == layer]
        for column in ("people_out", "people_undetermined"):
            assert mine[column].sum() == pytest.approx(total[column].iloc[0], abs=1e-6)
        assert np.abs(mine["need"] - mine["have"] - mine["short"]).max() <= 1e-6
    full = found.gaps[found.gaps["kind"] == "capacity"]
    assert np.abs(full["need"] - full["have"] - full["short"]).max() <= 1e-6 or full.empty
    for layer, mine in full.groupby("layer"):
        total = whole.xs((layer, True), level=("layer", "headline")).xs("all", level="class")
        assert mine["people_out"].sum() == pytest.approx(total["people_in_reach_full"].iloc[0], abs=1e-3)


def _check_areas(found: Assessment) -> None:
    areas = found.service_areas
    assert areas.geometry.is_valid.all()
    assert set(areas["kind"]) == {"circle", "isochrone"}
    for _, part in areas[areas["kind"] == "isochrone"].groupby(["layer", "mode"]):
        small, large = part.sort_values("cutoff").geometry
        assert small.difference(large).area < 1e-3
    outline = found.outline.buffer(0.01)
    assert all(outline.covers(shape) for shape in areas.geometry)
