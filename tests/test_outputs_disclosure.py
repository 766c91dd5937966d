"""Small numbers of people in priority groups are in no output; figures of all residents stay as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import pytest

from lifecircle.outputs.disclosure import SMALL_PEOPLE, published
from lifecircle.outputs.maps import map_html
from lifecircle.outputs.rundir import read_run, write_run
from sample_assessment import DISTRICT, sample


def test_small_group_counts_are_hidden_in_results() -> None:
    results = published(sample()).results
    grouped = results[(results["group"] != "all") & results["indicator"].str.startswith("people")]
    assert not ((grouped["value"] > 0) & (grouped["value"] < SMALL_PEOPLE)).any()
    hidden = results[(results["township_code"] == DISTRICT) & (results["layer"] == "elderly")
                     & (results["class"] == "all") & (results["indicator"] == "people_undetermined")].iloc[0]
    assert np.isnan(hidden["value"])  # 5 old people, in the one point that cannot be judged
    assert (hidden["low"], hidden["high"]) == (0.0, SMALL_PEOPLE)


def test_what_leaves_a_small_number_is_hidden_too() -> None:
    """Of 20 children 16 are in time and 4 late: 16 and 20 would tell the 4. The district's 31 and 29 tell nothing."""
    results = published(sample()).results
    own = results[(results["layer"] == "childcare") & (results["class"] == "all")]
    town = own[own["township_code"] == "511902001000"].set_index("indicator")["value"]
    assert town["people"] == 20.0
    assert town[["people_in_time", "people_out", "coverage_rate"]].isna().all()
    district = own[own["township_code"] == DISTRICT].set_index("indicator")["value"]
    assert district[["people", "people_in_time", "people_out", "people_undetermined"]].tolist() == [60, 31, 29, 0]


def test_counts_of_townships_go_with_the_rates_they_count() -> None:
    """Three townships reach 90 % of the children: beside one rate that is hidden, that would tell how it stands."""
    made = sample()
    rates = made.results[(made.results["indicator"] == "coverage_rate") & made.results["headline"]
                         & (made.results["township_code"] == DISTRICT) & (made.results["class"] == "all")]
    counts = rates.assign(indicator="townships_at_90", value=3.0, low=3.0, high=3.0, unit="township")
    made = replace(made, results=pd.concat([made.results, counts], ignore_index=True))
    results = published(made).results
    shown = results[results["indicator"] == "townships_at_90"].set_index("layer")[["value", "low", "high"]]
    assert shown.loc["childcare"].isna().all()
    assert shown.loc[["clinics", "sports", "shelters"]].eq(3.0).all(axis=None)


def test_zero_and_ten_are_shown() -> None:
    places = published(sample()).places.set_index("place_code")
    assert places.loc["511902204202", "people_childcare"] == 10.0
    assert places.loc["511902001001", ["people_elderly", "in_time_elderly", "out_elderly"]].tolist() == [127, 110, 17]
    assert places.loc["511902001001", "undetermined_elderly"] == 0.0


def test_a_whole_group_that_is_small_has_no_rate() -> None:
    assessment = sample()
    results = assessment.results.copy()
    tiny = (results["layer"] == "childcare") & (results["township_code"] == "511902001000")
    results.loc[tiny & (results["indicator"] == "people"), "value"] = 9.0
    assessment.results[:] = results
    shown = published(assessment).results
    rate = shown[tiny & (shown["indicator"] == "coverage_rate")]
    assert rate[["value", "low", "high"]].isna().all(axis=None)
    other = shown[(shown["layer"] == "childcare") & (shown["township_code"] == DISTRICT) & (shown["class"] == "all")
                  & (shown["indicator"] == "coverage_rate")]
    assert other["value"].notna().all()


def test_gaps_hide_small_groups_and_their_complement_columns() -> None:
    assessment = sample()
    assessment.gaps.loc[assessment.gaps["layer"] == "childcare", ["need", "have", "short", "unit"]] = [10.0, 6.0, 4.0,
                                                                                                      "person"]
    gaps = published(assessment).gaps
    child = gaps[gaps["layer"] == "childcare"]
    assert child["people_out"].isna().sum() == 5  # five villages with 1 to 9 children out, one with 10
    assert child[["have", "short"]].isna().all(axis=None)
    assert (child["need"] == 10.0).all()


def test_residents_are_untouched() -> None:
    before, after = sample(), published(sample())
    for name in ("results", "gaps"):
        left, right = getattr(before, name), getattr(after, name)
        everybody = left["group"] == "all"
        pd.testing.assert_frame_equal(left[everybody], right[everybody])
    everybody = after.gaps[(after.gaps["group"] == "all") & (after.gaps["kind"] == "reach")]
    out = everybody.groupby("layer")["people_out"].sum()
    assert out.to_dict() == {"clinics": 682.0, "shelters": 211.5, "sports": 111.5}


def test_places_are_counted_by_the_group_of_the_layer() -> None:
    places = published(sample()).places.set_index("place_code")
    counted = ["people_{}", "in_time_{}", "out_{}"]
    assert places.loc["511902001001", [name.format("clinics") for name in counted]].tolist() == [520.5, 500, 20.5]
    assert places.loc["511902001002", [name.format("elderly") for name in counted]].tolist() == [127, 86, 41]
    assert np.isnan(places.loc["511902001001", "out_childcare"])  # 1 child: the fourth point is late


def test_demand_points_lose_their_groups() -> None:
    assert not [column for column in published(sample()).demand.columns if column.startswith("population_")]
    assert "population_60plus" in sample().demand.columns


def test_twice_is_once() -> None:
    once, twice = published(sample()), published(published(sample()))
    for name in ("results", "gaps", "places", "demand"):
        pd.testing.assert_frame_equal(getattr(once, name), getattr(twice, name))


def test_nothing_small_reaches_a_file(tmp_path: Path) -> None:
    """Whatever a run directory holds about a group is 0, hidden, or at least ten."""
    write_run(sample(), tmp_path / "run")
    run = read_run(tmp_path / "run")
    for frame, columns in ((run.results, ["value"]), (run.gaps, ["people", "people_out", "people_undetermined"])):
        rows = frame[(frame["group"] != "all")]
        if "indicator" in rows.columns:
            rows = rows[rows["indicator"].str.startswith("people")]
        values = rows[columns].to_numpy()
        assert not ((values > 0) & (values < SMALL_PEOPLE)).any()
    for layer in pyogrio.list_layers(tmp_path / "run" / "lifecircle.gpkg")[:, 0]:
        table = pyogrio.read_dataframe(tmp_path / "run" / "lifecircle.gpkg", layer=layer, read_geometry=False)
        counted = [c for c in table.columns if c.endswith(("_elderly", "_childcare"))
                   and c.startswith(("people", "in_time", "out", "undetermined"))]
        values = table[counted].to_numpy(dtype=float)
        assert not ((values > 0) & (values < SMALL_PEOPLE)).any()


def test_map_is_drawn_from_what_is_published() -> None:
    assert map_html(sample()) == map_html(published(sample()))


@pytest.mark.parametrize("layer", ["clinics", "sports", "elderly", "childcare", "shelters"])
def test_group_that_is_not_counted_falls_back_to_residents(layer: str) -> None:
    assessment = sample()
    demand = assessment.demand.drop(columns=["population_60plus", "population_0_2"])
    assessment = replace(assessment, demand=demand)
    places = published(assessment).places
    assert places[f"people_{layer}"].sum() == pytest.approx(6 * 520.5)
