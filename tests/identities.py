"""What must add up in every assessment."""

from __future__ import annotations

import numpy as np
import pytest

from lifecircle.assessment import Assessment


def check_identities(found: Assessment) -> None:
    """Covered + out + undetermined = total; townships sum to the district; gaps sum to results; 15 lies in 30."""
    for _, table in found.results[found.results["basis"] == "population"].groupby("scenario"):
        whole = _check_sums(found, table)
        if (table["scenario"] == "existing").all():
            _check_gaps(found, whole)
    _check_areas(found)


def _check_sums(found: Assessment, table):
    wide = table[table["indicator"].str.startswith("people")].pivot_table(
        index=["township_code", "class", "layer", "mode", "headline"], columns="indicator", values="value")
    parts = wide[["people_in_time", "people_out", "people_undetermined"]].sum(axis=1)
    assert np.abs(parts - wide["people"]).max() <= 1e-6
    code = found.run["district"]["code"]
    whole = wide.xs(code, level="township_code")
    summed = wide.drop(code, level="township_code").groupby(["class", "layer", "mode", "headline"]).sum()
    assert np.abs(summed - whole.reindex(summed.index)).to_numpy().max() <= 1e-6
    rates = table[table["indicator"] == "coverage_rate"].set_index(
        ["township_code", "class", "layer", "mode", "headline"])
    again = wide["people_in_time"] / wide["people"].where(wide["people"] > 0)
    assert np.nanmax(np.abs(rates["value"] - again.reindex(rates.index))) <= 1e-9
    assert (rates["low"].dropna() <= rates["high"].dropna()).all()
    return whole


def _check_gaps(found: Assessment, whole) -> None:
    reach = found.gaps[found.gaps["kind"] == "reach"]
    for layer in reach["layer"].unique():
        total = whole.xs((layer, True), level=("layer", "headline")).xs("all", level="class")
        mine = reach[reach["layer"] == layer]
        for column in ("people_out", "people_undetermined"):
            assert mine[column].sum() == pytest.approx(total[column].iloc[0], abs=1e-6)
        assert np.abs(mine["need"] - mine["have"] - mine["short"]).max() <= 1e-6


def _check_areas(found: Assessment) -> None:
    areas = found.service_areas
    assert areas.geometry.is_valid.all()
    assert set(areas["kind"]) == {"circle", "isochrone"}
    for _, part in areas[areas["kind"] == "isochrone"].groupby(["layer", "mode"]):
        small, large = part.sort_values("cutoff").geometry
        assert small.difference(large).area < 1e-3
    outline = found.outline.buffer(0.01)
    assert all(outline.covers(shape) for shape in areas.geometry)
