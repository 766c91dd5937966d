"""State the column contracts of every table and check them; nothing else validates tables."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from lifecircle.errors import BadValueError, MissingColumnError, first_of

#: Quality marks, best first; a figure carries the worst of its inputs, and ``model`` beats them all.
QUALITIES: tuple[str, ...] = ("surveyed", "register", "osm", "derived", "model")
CLASSES: tuple[str, ...] = ("urban", "rural")
STATUSES: tuple[str, ...] = ("existing", "building", "planned")
STATES: tuple[str, ...] = ("in_time", "out_of_time", "undetermined")
VERDICTS: tuple[str, ...] = ("met", "not_met", "unsure", "undecided", "no_data")
CAUSES: tuple[str, ...] = ("no_facility", "too_far", "full", "off_network", "no_data")

RESULTS_COLUMNS: tuple[str, ...] = (
    "township_code", "township", "class", "layer", "level", "group", "mode", "scenario", "indicator", "metric",
    "cutoff", "headline", "value", "low", "high", "unit", "basis", "target", "verdict", "quality",
)
#: The unique key of the results: everything up to the cutoff.
RESULTS_KEY: tuple[str, ...] = RESULTS_COLUMNS[:11]

GAPS_COLUMNS: tuple[str, ...] = (
    "township_code", "township", "place_code", "place", "class", "layer", "level", "kind", "group", "mode", "scenario",
    "metric", "cutoff", "people", "people_out", "people_undetermined", "need", "have", "short", "unit",
    "minutes_median", "minutes_worst", "minutes_over", "nearest_facility", "cause", "quality", "lead_unit",
)

ROAD_QUALITY_COLUMNS: tuple[str, ...] = (
    "township_code", "township", "area_km2", "road_km", "km_per_km2", "people", "km_per_1000_people", "places",
    "places_far", "people_far", "share_places_far", "share_people_far", "snap_limit_m",
)
#: Columns of places_services.csv before share_lacking_<layer> and quality.
PLACES_SERVICES_COLUMNS: tuple[str, ...] = (
    "place_code", "place", "township_code", "township", "class", "residents", "services_due", "share_all",
    "share_all_high", "services_mean", "binding_service",
)
MARKS_COLUMNS: tuple[str, ...] = ("township_code", "township", "layer", "severity", "findings", "codes")
CRITICAL_LINKS_COLUMNS: tuple[str, ...] = (
    "rank", "mode", "road_class", "length_m", "bridge", "people", "places", "way_ids", "lon", "lat",
)
CIRCLES_COLUMNS: tuple[str, ...] = (
    "circle_id", "name", "township_code", "township", "places", "mode", "cutoff", "elders", "elders_in_time",
    "elders_undetermined", "share_low", "share_high", "pass_share", "hubs", "complex", "day_care", "station", "status",
    "year", "verdict", "reason", "quality",
)
#: What the new facilities of a scenario gain; see `lifecircle.gains`.
GAINS_COLUMNS: tuple[str, ...] = (
    "layer", "facility_id", "name", "township_code", "people_alone", "people_last", "people_together",
    "person_minutes_saved", "cost", "unit", "quality",
)
#: Two runs beside each other; see `lifecircle.compare`.
COMPARISON_COLUMNS: tuple[str, ...] = (
    "township_code", "township", "class", "layer", "group", "people", "in_time_before", "in_time_after", "won", "lost",
    "unchanged_in", "unchanged_out", "undetermined_changed", "rate_before", "rate_after", "minutes_mean_before",
    "minutes_mean_after", "minutes_median_before", "minutes_median_after", "m2_per_head_before", "m2_per_head_after",
    "unit", "quality",
)
FACILITY_CHANGES_COLUMNS: tuple[str, ...] = (
    "change", "layer", "facility_id", "name", "township_code", "moved_m", "status_before", "status_after",
    "level_before", "level_after", "capacity_before", "capacity_after", "area_m2_before", "area_m2_after",
    "people_alone", "people_last", "person_minutes_saved", "cost", "quality",
)
SCORECARD_COLUMNS: tuple[str, ...] = (
    "number", "measure", "title", "kind", "priority", "township_code", "township", "layer", "indicator", "level",
    "class", "target", "actual", "low", "high", "unit", "gap", "verdict", "points", "weight", "satisfaction", "year",
    "lead_unit", "evidence", "wanted", "quality",
)
SITES_COLUMNS: tuple[str, ...] = (
    "rank", "candidate_id", "name", "layer", "township_code", "township", "place_code", "place", "kind", "building",
    "year", "group", "people_won", "people_alone", "people_last", "keep_share", "cost", "capacity", "area_m2",
    "effective_area_m2", "lead_unit", "quality",
)
ROUTES_COLUMNS: tuple[str, ...] = (
    "place_code", "township_code", "layer", "mode", "direction", "demand_id", "facility_id", "minutes", "metres",
    "walk_metres",
)
REACH_COLUMNS: tuple[str, ...] = ("demand_id", "layer", "candidate_id", "minutes")
RANKING_COLUMNS: tuple[str, ...] = (
    "township_code", "township", "indicator_score", "weight_with_data", "satisfaction_score", "total", "grade",
    "ranked_by", "rank", "rank_low", "rank_high", "share_in_worst", "worst", "draws", "quality",
)
PRIORITY_COLUMNS: tuple[str, ...] = (
    "unit", "code", "name", "township_code", "township", "group", "people", "residents", "area_km2", "people_per_km2",
    "people_per_1000", "places", "places_told", "state", "quality",
)

#: Columns that hold text even where every value looks like a number: codes keep their leading zeros.
TEXT_COLUMNS: frozenset[str] = frozenset({
    "township_code", "township", "place_code", "place", "demand_id", "facility_id", "name", "layer", "level", "status",
    "class", "class_source", "merged_from", "urban_rural_code", "kind", "setting", "source", "quality", "capacity_unit",
})


def worst_quality(qualities: Any) -> str:
    """Give the quality of a figure from those of its inputs: the worst one.

    Examples
    --------
    >>> worst_quality(["register", "osm"]), worst_quality(["surveyed", "model"])
    ('osm', 'model')
    """
    ranks = {QUALITIES.index(quality) for quality in qualities if quality in QUALITIES}
    return QUALITIES[max(ranks)] if ranks else "derived"


@cache
def _schemas() -> dict[str, Any]:
    import pandera.pandas as pa

    text = {"dtype": str, "coerce": True}
    code = pa.Column(**text, unique=True, checks=pa.Check.str_length(min_value=1))
    people = {"dtype": float, "coerce": True, "checks": pa.Check.ge(0)}
    optional_text = pa.Column(**text, required=False, nullable=True)
    class_column = pa.Column(**text, checks=pa.Check.isin(CLASSES))
    quality = pa.Column(**text, checks=pa.Check.isin(QUALITIES))
    return {
        "townships": pa.DataFrameSchema({
            "township_code": code, "township": pa.Column(**text), "kind": optional_text,
            "population": pa.Column(**people, required=False, nullable=True),
        }),
        "places": pa.DataFrameSchema({
            "place_code": code, "place": pa.Column(**text), "township_code": pa.Column(**text),
            "class": class_column, "class_source": pa.Column(**text), "urban_rural_code": optional_text,
            "merged_from": optional_text,
        }),
        "demand": pa.DataFrameSchema({
            "demand_id": code, "place_code": pa.Column(**text), "township_code": pa.Column(**text),
            "class": class_column, "population": pa.Column(**people), "inside": pa.Column(bool),
            "^population_.+": pa.Column(**people, regex=True, required=False),
        }),
        "facilities": pa.DataFrameSchema({
            "facility_id": code, "layer": pa.Column(**text), "name": optional_text, "level": pa.Column(**text),
            "status": pa.Column(**text, checks=pa.Check.isin(STATUSES)), "quality": quality,
            "source": pa.Column(**text), "township_code": pa.Column(**text), "inside": pa.Column(bool),
            "capacity": pa.Column(**people, nullable=True), "area_m2": pa.Column(**people, nullable=True),
            "effective_area_m2": pa.Column(**people, nullable=True),
            "setting": pa.Column(str, required=False, checks=pa.Check.isin(("indoor", "outdoor", ""))),
        }),
        "results": pa.DataFrameSchema({
            "value": pa.Column(float, nullable=True), "low": pa.Column(float, nullable=True),
            "high": pa.Column(float, nullable=True), "headline": pa.Column(bool),
            "verdict": pa.Column(str, checks=pa.Check.isin((*VERDICTS, ""))), "quality": quality,
        }, unique=list(RESULTS_KEY)),
        "gaps": pa.DataFrameSchema({
            "people": pa.Column(float, checks=pa.Check.ge(0)), "cause": pa.Column(str, checks=pa.Check.isin(CAUSES)),
            "quality": quality,
        }),
    }


def check(name: str, frame: pd.DataFrame, where: str | Path, *, require: tuple[str, ...] = ()) -> pd.DataFrame:
    """Check a table against its contract and give it back with the contract's types.

    Parameters
    ----------
    name : str
        Table of design: townships, places, demand, facilities, results, gaps.
    frame : DataFrame
        The table; left as it is.
    where : str or Path
        File (or step) that is named when the table is at fault.
    require : tuple of str
        Columns that must be there besides those of the contract.

    Raises
    ------
    MissingColumnError
        If a column is not there.
    BadValueError
        If a cell breaks the contract; the first five rows at fault are named.
    """
    import pandera.errors

    missing = [column for column in require if column not in frame.columns]
    if missing:
        raise MissingColumnError(where, f"no column {first_of(missing)}",
                                 f"columns are {first_of(frame.columns, 12)}; map it in the run file")
    try:
        return _schemas()[name].validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        raise _fault(name, error.failure_cases, frame, where) from None


def _fault(name: str, cases: pd.DataFrame, frame: pd.DataFrame, where: str | Path) -> Exception:
    """Turn pandera's list of failures into one line about the first kind of failure."""
    lost = cases[cases["check"] == "column_in_dataframe"]["failure_case"].tolist()
    if lost:
        return MissingColumnError(where, f"table {name} has no column {first_of(lost)}",
                                  f"columns are {first_of(frame.columns, 12)}; map it in the run file")
    head = cases.iloc[0]
    same = cases[(cases["column"] == head["column"]) & (cases["check"] == head["check"])]
    rows = [str(index) for index in same["index"] if index == index and index is not None]
    values = first_of(same["failure_case"].tolist(), 3)
    place = f"rows {first_of(rows)}" if rows else "the table"
    return BadValueError(where, f"column {head['column']}: {values} in {place} breaks the rule {head['check']}",
                         "correct the cells")
