"""Compare two assessments of the same people: who is won, who is lost, in a table that adds up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.assessment import Assessment
from lifecircle.errors import NoMatchError, first_of
from lifecircle.indicators.rows import unit_sums
from lifecircle.tables import COMPARISON_COLUMNS, FACILITY_CHANGES_COLUMNS, worst_quality

Array = npt.NDArray[Any]

#: What may become of a person, as the table counts it.
MOVES: tuple[str, ...] = ("won", "lost", "unchanged_in", "unchanged_out")
#: A facility that stands nearer than this to where it stood was not moved.
SAME_PLACE_M = 0.5
#: Indicator -> column of the table, with ``_before`` and ``_after``.
_FIGURES = {"coverage_rate": "rate", "minutes_mean": "minutes_mean", "minutes_median": "minutes_median",
            "area_per_head_m2": "m2_per_head"}
_UNIT = ["township_code", "class", "layer"]


@dataclass(frozen=True)
class Comparison:
    """What changed between two assessments.

    Attributes
    ----------
    before, after : Assessment
    table : DataFrame
        `COMPARISON_COLUMNS` per township (and the district), class and layer. ``won`` people are in time after and were
        not before, ``lost`` the other way round; the undetermined count as not in time, and ``undetermined_changed``
        are those who were undetermined before or after, but not both. won + lost + unchanged_in + unchanged_out =
        people, and in_time_after - in_time_before = won - lost. NaN: not told, as the number is small or would tell a
        small one, or as a published run tells no more.
    places : DataFrame
        place_code, township_code, layer, people, `MOVES` and undetermined_changed, per place.
    facilities : DataFrame
        `FACILITY_CHANGES_COLUMNS`: what was opened, closed, moved or changed, with what each new one gains.
    """

    before: Assessment
    after: Assessment
    table: pd.DataFrame
    places: pd.DataFrame
    facilities: pd.DataFrame

    @property
    def layers(self) -> tuple[str, ...]:
        """List the layers that both runs have."""
        return tuple(layer for layer in self.after.layers if layer in self.before.layers)

    def district(self) -> pd.DataFrame:
        """Give the rows of the whole district, all classes together."""
        code = self.after.run["district"]["code"]
        return self.table[(self.table["township_code"] == code) & (self.table["class"] == "all")]

    def _repr_html_(self) -> str:
        """Show the district's rows in a notebook."""
        import html

        names = [html.escape(side.run.get("scenario", {}).get("name", "today")) for side in (self.before, self.after)]
        shown = self.district()[["layer", "people", "won", "lost", "rate_before", "rate_after", "minutes_mean_before",
                                 "minutes_mean_after", "m2_per_head_before", "m2_per_head_after", "quality"]]
        few = (shown[["won", "lost"]] > 0) & (shown[["won", "lost"]] < 10)
        shown = shown.assign(**{name: shown[name].mask(few[name] & (self.district()["group"] != "all"))
                                for name in few.columns})
        return (f"<p><b>{names[0]} → {names[1]}</b></p>"
                + str(shown.to_html(index=False, float_format=lambda number: f"{number:,.3f}", na_rep="–")))


def compare(before: Assessment, after: Assessment) -> Comparison:
    """Compare two assessments.

    Parameters
    ----------
    before, after : Assessment
        Computed, or read from run directories: of these people of a layer's group are told where that follows from the
        counts per place and township.

    Raises
    ------
    NoMatchError
        If townships, demand points, people or classes differ, or a layer counts other people.
    """
    _check(before, after)
    then = after.demand.set_index("demand_id").reindex(before.demand["demand_id"]).reset_index()
    tables, places = [], []
    for layer in (name for name in after.layers if name in before.layers):
        state = f"state_{layer}"
        if state in before.demand.columns and state in then.columns:
            moves = _moves(before, then, layer)
            units, own = _counted(before, after, layer, moves)
            tables.append(units)
            places.append(own)
        else:
            tables.append(_units_of_area(before, after, layer))
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_UNIT)
    for side, name in ((before, "before"), (after, "after")):
        for indicator, column in _FIGURES.items():
            table = table.merge(_figures(side, indicator, f"{column}_{name}"), how="left", on=_UNIT)
    quality = {layer: worst_quality([side.run["layers"][layer]["quality"] for side in (before, after)])
               for layer in table["layer"].unique()}
    table = table.assign(unit="person", quality=table["layer"].map(quality))
    return Comparison(before, after, table.reindex(columns=list(COMPARISON_COLUMNS)),
                      pd.concat(places, ignore_index=True) if places else pd.DataFrame(columns=["layer"]),
                      facility_changes(before, after))


def _check(before: Assessment, after: Assessment) -> None:
    """Make sure that both runs are of the same people."""
    where = f"runs {before.run['run_id']} and {after.run['run_id']}"
    remedy = "compare runs of one run file, with and without a scenario"
    for name, column in (("townships", "township_code"), ("demand", "demand_id")):
        sides = [set(getattr(side, name)[column]) for side in (before, after)]
        if sides[0] != sides[1]:
            raise NoMatchError(where, f"the {'townships' if name == 'townships' else 'demand points'} differ: "
                               f"{first_of(sorted(sides[0] ^ sides[1]), 3)} only in one", remedy)
    one, other = (side.demand.set_index("demand_id").sort_index() for side in (before, after))
    groups = [name for name in one.columns if name.startswith("population") and name in other.columns]
    for name in ("township_code", "class", "place_code", *groups):
        same = np.isclose(one[name], other[name], atol=1e-6) if name in groups else one[name] == other[name]
        if not np.all(same):
            raise NoMatchError(where, f"{name} differs at demand point {first_of(one.index[~np.asarray(same)], 3)}",
                               remedy)
    if not set(before.layers) & set(after.layers):
        raise NoMatchError(where, "no layer is in both", remedy)


def _moves(before: Assessment, then: pd.DataFrame, layer: str) -> Array:
    """Give (n, 5) flags: the four of `MOVES`, and whether undetermined on one side alone; all false if not judged."""
    one, other = before.demand[f"state_{layer}"].to_numpy(), then[f"state_{layer}"].to_numpy()
    judged = one != ""
    if not np.array_equal(judged, other != ""):
        raise NoMatchError(f"layer {layer}", "judges other people in the two runs", "compare runs of one policy")
    was, now = one == "in_time", other == "in_time"
    unsure = (one == "undetermined") != (other == "undetermined")
    flags = np.column_stack([~was & now, was & ~now, was & now, ~was & ~now, unsure])
    return np.asarray(flags & judged[:, None])


def _counted(before: Assessment, after: Assessment, layer: str, moves: Array) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count people per unit, and per place."""
    demand, run = before.demand, before.run
    groups = [_group(side, layer) for side in (before, after)]
    if groups[0] != groups[1]:
        raise NoMatchError(f"layer {layer}", f"counts {groups[0]} before and {groups[1]} after",
                           "compare runs of one policy")
    columns = [*MOVES, "undetermined_changed"]
    weight = "population" if groups[0] == "all" else f"population_{groups[0]}"
    known = weight in demand.columns and weight in after.demand.columns
    people = demand[weight].fillna(0.0).to_numpy(dtype=float) if known else np.ones(len(demand))
    judged = moves[:, :4].any(axis=1)
    frame = demand[["township_code", "class", "place_code"]].assign(
        **dict(zip(columns, (moves * people[:, None]).T, strict=True)))[judged]
    units = unit_sums(frame, columns, before.townships, (run["district"]["code"], run["district"]["name"]))
    places = frame.groupby(["place_code", "township_code"], sort=False)[columns].sum().reset_index()
    if known:
        units, places = (table.assign(people=table[list(MOVES)].sum(axis=1)) for table in (units, places))
        units = units.assign(in_time_before=units["unchanged_in"] + units["lost"],
                             in_time_after=units["unchanged_in"] + units["won"])
    else:
        units = _told(units, *(_unit_counts(side, layer, units) for side in (before, after)))
        places = _told(places, *(_place_counts(side, layer, places) for side in (before, after)))
    return units.assign(layer=layer, group=groups[0]), places.assign(layer=layer)


def _told(flags: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Say what counts before and after tell of a group, where it is known which of the moves occur.

    Where nobody is lost, all that came are won; where nobody is won, all that went are lost. Where both occur the
    counts do not tell how many.
    """
    people, was, now = before["people"].to_numpy(), before["in_time"].to_numpy(), after["in_time"].to_numpy()
    any_won, any_lost = (flags["won"] > 0).to_numpy(), (flags["lost"] > 0).to_numpy()
    won = np.where(~any_won, 0.0, np.where(~any_lost, now - was, np.nan))
    lost = np.where(~any_lost, 0.0, np.where(~any_won, was - now, np.nan))
    hidden = np.isnan(was) | np.isnan(now)
    won, lost = np.where(hidden, np.nan, won), np.where(hidden, np.nan, lost)
    return flags.assign(people=people, in_time_before=was, in_time_after=now, won=won, lost=lost,
                        unchanged_in=was - lost, unchanged_out=people - was - won,
                        undetermined_changed=np.where(flags["undetermined_changed"] > 0, np.nan, 0.0))


def _group(side: Assessment, layer: str) -> str:
    rows = side.headline("people")
    rows = rows[rows["layer"] == layer]
    return str(rows["group"].iloc[0]) if len(rows) else "all"


def _unit_counts(side: Assessment, layer: str, units: pd.DataFrame) -> pd.DataFrame:
    counts = {}
    for name, indicator in (("people", "people"), ("in_time", "people_in_time")):
        rows = side.headline(indicator)
        values = rows[rows["layer"] == layer].set_index(["township_code", "class"])["value"]
        counts[name] = values.reindex(pd.MultiIndex.from_frame(units[["township_code", "class"]])).to_numpy(dtype=float)
    return pd.DataFrame(counts)


def _place_counts(side: Assessment, layer: str, places: pd.DataFrame) -> pd.DataFrame:
    own, blank = side.places.set_index("place_code"), np.full(len(places), np.nan)
    return pd.DataFrame({name: own[f"{name}_{layer}"].reindex(places["place_code"]).to_numpy(dtype=float)
                         if f"{name}_{layer}" in own.columns else blank for name in ("people", "in_time")})


def _units_of_area(before: Assessment, after: Assessment, layer: str) -> pd.DataFrame:
    """Give the rows of a layer that is judged by area alone."""
    rows = pd.concat([side.headline("area_per_head_m2") for side in (before, after)])
    rows = rows[(rows["layer"] == layer) & (rows["level"] == "all")]
    return rows[["township_code", "township", "class", "layer"]].drop_duplicates().assign(group="all")


def _figures(side: Assessment, indicator: str, column: str) -> pd.DataFrame:
    """Give the headline figure of each unit; minutes have one row per unit, whatever decides."""
    rows = side.results[(side.results["indicator"] == indicator) & (side.results["scenario"] == "existing")
                        & (side.results["level"] == "all")]
    if not indicator.startswith("minutes"):
        rows = rows[rows["headline"]]
    rows = rows.drop_duplicates(_UNIT)
    return rows[[*_UNIT, "value"]].rename(columns={"value": column})


def facility_changes(before: Assessment, after: Assessment) -> pd.DataFrame:
    """List the facilities that serve now and did not, the other way round, stand elsewhere, or are of another size.

    Returns
    -------
    DataFrame
        `FACILITY_CHANGES_COLUMNS`; ``change`` is opened, closed, moved or changed.
    """
    sides = [_by_id(side.facilities) for side in (before, after)]
    rows = []
    for key in [*sides[1], *(key for key in sides[0] if key not in sides[1])]:
        was, now = (side.get(key) for side in sides)
        change, moved_m = _change(was, now)
        if change:
            one = now or was
            assert one is not None
            rows.append({"change": change, **{name: one[name] for name in ("layer", "facility_id", "name",
                                                                           "township_code")},
                         "moved_m": moved_m, **_pairs(was, now, ("status", "level", "capacity", "area_m2"))})
    table = pd.DataFrame(rows, columns=[name for name in FACILITY_CHANGES_COLUMNS
                                        if not name.startswith(("people", "person", "cost", "quality"))])
    gains = after.gains[["layer", "facility_id", "people_alone", "people_last", "person_minutes_saved", "cost"]]
    quality = {layer: record["quality"] for layer, record in after.run["layers"].items()}
    table = table.merge(gains, how="left", on=["layer", "facility_id"]).assign(quality=table["layer"].map(quality))
    order = pd.Categorical(table["change"], ["opened", "closed", "moved", "changed"])
    return table.assign(order=order).sort_values(["order", "layer", "facility_id"], kind="stable", ignore_index=True)[
        list(FACILITY_CHANGES_COLUMNS)]


def _by_id(frame: gpd.GeoDataFrame) -> dict[str, dict[str, Any]]:
    points = shapely.point_on_surface(frame.geometry.to_numpy())
    return {row["facility_id"]: {**row, "point": point}
            for row, point in zip(frame.drop(columns=frame.geometry.name).to_dict("records"), points, strict=True)}


def _change(was: dict[str, Any] | None, now: dict[str, Any] | None) -> tuple[str, float]:
    """Name what became of a facility; blank where nothing did."""
    served, serves = (side is not None and side["status"] == "existing" for side in (was, now))
    if was is None or now is None or served != serves:
        return ("opened" if serves else "closed" if served else "changed"), np.nan
    moved_m = float(shapely.distance(was["point"], now["point"]))
    if moved_m > SAME_PLACE_M:
        return "moved", moved_m
    names = ("level", "capacity", "area_m2", "effective_area_m2", "status")
    return ("" if all(_same(was[name], now[name]) for name in names) else "changed"), np.nan


def _same(one: Any, other: Any) -> bool:
    return bool(one == other or (one != one and other != other))


def _pairs(was: dict[str, Any] | None, now: dict[str, Any] | None, names: Iterable[str]) -> dict[str, Any]:
    blank: dict[str, Any] = {"status": "", "level": "", "capacity": np.nan, "area_m2": np.nan}
    return {f"{name}_{when}": blank[name] if side is None else side[name]
            for name in names for when, side in (("before", was), ("after", now))}
