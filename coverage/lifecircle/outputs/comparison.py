"""Show two runs beside each other: text, CSV and JSON; small numbers of groups are hidden first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import folium
import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.compare import MOVES, Comparison
from lifecircle.errors import InputError, UsageError
from lifecircle.outputs.comparison_map import comparison_html, draw_page
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.groupcounts import Cells, hidden_of
from lifecircle.outputs.map_text import MODEL_MARK, scenario_title
from lifecircle.outputs.summary import columns, count_text, rate_text
from lifecircle.outputs.suppression import hide, small
from lifecircle.outputs.tables import clean_text, csv_text, plain_value, records

#: What `save_comparison` writes.
FILES: tuple[str, ...] = ("compare.csv", "compare_facilities.csv", "compare.json", "compare.html")
#: Townships listed in the text, of each layer.
_TOWNSHIPS = 8
#: Facilities listed in the text: the others, then the opened ones that gain most.
_FACILITIES = 20
_HIDDEN_WITH = [*MOVES, "undetermined_changed", "in_time_before", "in_time_after", "rate_before", "rate_after"]


def published_comparison(comparison: Comparison) -> Comparison:
    """Give the comparison as it may be written and shown; a second pass changes nothing.

    Of a group, a cell that either run hides is hidden, and so is one with a small number of people won, lost or
    unchanged, and as many others as it takes so that no sum gives one away.
    """
    before, after = comparison.before, comparison.after
    cells = Cells.of(before.demand, before.run["district"]["code"])
    table, places = comparison.table.copy(), comparison.places.copy()
    for layer, own in table[(table["group"] != "all") & table["people"].notna()].groupby("layer", sort=False):
        group, there = str(own["group"].iloc[0]), places[places["layer"] == layer]
        counts = _counts(cells, own, there)
        whole, shut = np.zeros(len(counts), dtype=bool), np.isnan(counts).any(axis=1)
        column = f"population_{group}"
        if column in before.demand.columns and column in after.demand.columns:
            people = before.demand[column].to_numpy(dtype=float)
            then = after.demand.set_index("demand_id").reindex(before.demand["demand_id"])
            for state in (before.demand[f"state_{layer}"], then[f"state_{layer}"]):
                found = hidden_of(cells, people, state.reset_index(drop=True))
                whole, shut = whole | found.whole, shut | found.reached
        total = np.nansum(counts, axis=1)
        hidden = hide(counts, cells.sums, ceilings=np.repeat(total[:, None], 4, axis=1), shut=shut | whole)
        at = cells.of_results(own)
        table.loc[own.index[hidden[at]], _HIDDEN_WITH] = np.nan
        table.loc[own.index[whole[at]], "people"] = np.nan
        places.loc[there.index[cells.of_places(hidden, there["place_code"])], [*MOVES, "undetermined_changed"]] = np.nan
        places.loc[there.index[cells.of_places(whole, there["place_code"])], "people"] = np.nan
        for frame in (table, places):
            few = (frame["layer"] == layer) & small(frame["undetermined_changed"])
            frame.loc[few, "undetermined_changed"] = np.nan
    after = published(after)
    gains = after.gains.set_index(["layer", "facility_id"])
    facilities = comparison.facilities
    keys = pd.MultiIndex.from_frame(facilities[["layer", "facility_id"]])
    shown = {name: gains[name].reindex(keys).to_numpy() for name in ("people_alone", "people_last",
                                                                    "person_minutes_saved")}
    return replace(comparison, before=published(before), after=after, table=_with_minutes(table), places=places,
                   facilities=facilities.assign(**shown))


def _counts(cells: Cells, units: pd.DataFrame, places: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Give the four `MOVES` of every cell; NaN where one is not told."""
    names = list(MOVES)
    counts = np.zeros((len(cells.places) + len(cells.units), len(names)))
    by_place = places.groupby("place_code")[names].sum(min_count=1).reindex(list(cells.places))
    counts[:len(cells.places)] = np.where(by_place.index.isin(places["place_code"])[:, None], by_place, 0.0)
    counts[cells.of_results(units)] = units[names].to_numpy(dtype=float)
    return counts


def _with_minutes(table: pd.DataFrame) -> pd.DataFrame:
    """Take off the minutes of groups of whom nothing else is told."""
    bare = (table["group"] != "all") & table["people"].isna()
    names = [name for name in table.columns if name.startswith("minutes_")]
    return table.assign(**{name: table[name].mask(bare) for name in names})


def draw_comparison(comparison: Comparison) -> folium.Map:
    """Draw the before/after map: who is won and lost, what was opened, closed, built and cut.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    folium.Map
        Can be shown in a notebook; `save_comparison` writes the sealed page.
    """
    return draw_page(published_comparison(comparison))


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """Give the comparison as JSON holds it."""
    shown = published_comparison(comparison)
    sides = {name: {"run_id": side.run["run_id"], "scenario": side.run.get("scenario")}
             for name, side in (("before", shown.before), ("after", shown.after))}
    return dict(plain_value({
        "district": shown.after.run["district"]["name"], **sides, "note": _mark(shown),
        "table": records(shown.table), "facilities": records(shown.facilities), "gains": records(shown.after.gains),
        "roads": records(pd.DataFrame(shown.after.changed_roads.drop(columns="geometry")))}))


def comparison_csv(comparison: Comparison) -> str:
    """Give the table as CSV, without the byte order mark."""
    return csv_text(published_comparison(comparison).table)


def comparison_text(comparison: Comparison) -> str:
    """Give the district's rows, what was changed, and the townships with most change, as lines of text."""
    shown = published_comparison(comparison)
    mark = f"  {_mark(shown)} (model data)" if _mark(shown) else ""
    names = [scenario_title(side.run.get("scenario")) or "today" for side in (shown.before, shown.after)]
    district = shown.district()
    heads = ("layer", "", "people", "won", "lost", "in time", "mean minutes", "m2 a head")
    lines = [f"{shown.after.run['district']['name']}  {names[0]} (run {shown.before.run['run_id']}) -> {names[1]} (run "
             f"{shown.after.run['run_id']}){mark}", "", *columns([heads, *(_cells(shown, row) for row in
                                                                           district.to_dict("records"))]), ""]
    lines += _change_lines(shown) + _township_lines(shown)
    lines.append("won, lost: people in time after and not before, and the other way round")
    return "\n".join(clean_text(pd.Series(lines, dtype="str")))


def _mark(comparison: Comparison) -> str:
    return MODEL_MARK if "model" in {side.run["quality"] for side in (comparison.before, comparison.after)} else ""


def _label(comparison: Comparison, layer: str) -> str:
    run = comparison.after.run
    return str(run["layers"][layer].get(f"label_{run['district'].get('language', 'zh')}") or layer)


def _people(row: dict[str, Any], name: str) -> str:
    judged = row["people"] == row["people"] or row["group"] != "all"
    return count_text(None if row[name] != row[name] else row[name]) if judged else "–"


def _span(before: float, after: float, form: Any, hidden: bool = False) -> str:
    if before != before and after != after:
        return "hidden" if hidden else "–"
    return f"{form(before)} -> {form(after)}"


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.2f}"


def _cells(comparison: Comparison, row: dict[str, Any]) -> tuple[str, ...]:
    return (row["layer"], _label(comparison, row["layer"]), *(_people(row, name) for name in ("people", "won", "lost")),
            _span(row["rate_before"], row["rate_after"], rate_text, row["group"] != "all"),
            _span(row["minutes_mean_before"], row["minutes_mean_after"], _number),
            _span(row["m2_per_head_before"], row["m2_per_head_after"], _number))


def _change_lines(comparison: Comparison) -> list[str]:
    """List facilities and roads that changed, and what the new facilities gain."""
    gains = comparison.after.gains
    together = gains[gains["facility_id"] == "all"]
    grouped = {layer for layer, facts in comparison.after.run["layers"].items() if facts.get("group", "all") != "all"}

    def told(value: float, layer: str) -> str:
        return ("hidden" if layer in grouped else "–") if value != value else f"{value:,.0f}"

    opened = comparison.facilities["change"] == "opened"
    listed = pd.concat([comparison.facilities[~opened], comparison.facilities[opened].sort_values(
        "people_alone", ascending=False, kind="stable")])
    heads = ("facility", "layer", "name", "township", "alone", "as the last", "moved")
    names = dict(zip(comparison.after.townships["township_code"], comparison.after.townships["township"], strict=True))
    new = set(zip(gains["layer"], gains["facility_id"], strict=True))
    rows = [(row.change, row.layer, str(row.name_ or row.facility_id), names.get(row.township_code, "–"),
             *(told(value, row.layer) if (row.layer, row.facility_id) in new else "–"
               for value in (row.people_alone, row.people_last)),
             "–" if row.moved_m != row.moved_m else f"{row.moved_m:,.0f} m")
            for row in listed.head(_FACILITIES).rename(columns={"name": "name_"}).itertuples()]
    lines = columns([heads, *rows]) if rows else []
    if len(listed) > _FACILITIES:
        lines.append(f"{len(listed) - _FACILITIES} more: --out writes all of them, compare_facilities.csv")
    lines += [""] * bool(rows)
    for row in together.itertuples():
        lines.append(f"new facilities of {row.layer} together, on these roads and with these closings: "
                     f"{told(row.people_together, row.layer)} people")
    for (edit, kind), part in comparison.after.changed_roads.groupby(["edit", "kind"], sort=False):
        lines.append(f"roads {edit}{f' ({kind})' if kind else ''}: {len(part)}, {part['length_m'].sum() / 1000:.2f} km")
    return [*lines, ""] if lines else []


def _township_lines(comparison: Comparison) -> list[str]:
    """List, per layer, the townships where most people are won or lost."""
    code = comparison.after.run["district"]["code"]
    table = comparison.table
    rows = table[(table["class"] == "all") & (table["township_code"] != code)]
    rows = rows.assign(change=rows["won"].fillna(0) + rows["lost"].fillna(0)).query("change > 0")
    rows = rows.sort_values(["layer", "change"], ascending=[True, False], kind="stable").groupby(
        "layer", sort=False).head(_TOWNSHIPS)
    heads = ("township", "layer", "people", "won", "lost", "in time", "mean minutes")
    shown = [(row["township"], row["layer"], *(_people(row, name) for name in ("people", "won", "lost")),
              _span(row["rate_before"], row["rate_after"], rate_text, row["group"] != "all"),
              _span(row["minutes_mean_before"], row["minutes_mean_after"], _number)) for row in rows.to_dict("records")]
    return [*columns([heads, *shown]), ""] if shown else []


def save_comparison(comparison: Comparison, directory: str | Path) -> Path:
    """Write `FILES` into a directory; each appears whole, and other files there stay.

    Raises
    ------
    UsageError
        If it is a file, not a directory.
    InputError
        If it cannot be written.
    """
    directory = Path(directory)
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file, not a directory; choose another --out")
    shown = published_comparison(comparison)
    record = json.dumps(comparison_record(shown), ensure_ascii=False, indent=1, allow_nan=False, default=str)
    texts = ("\ufeff" + csv_text(shown.table), "\ufeff" + csv_text(shown.facilities), record + "\n",
             comparison_html(shown))
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in zip(FILES, texts, strict=True):
            new = directory / f".{name}.new"
            new.write_bytes(text.encode("utf-8"))
            new.replace(directory / name)
    except OSError as error:
        raise InputError(directory, f"cannot be written: {error.strerror}", "make room or choose another --out"
                         ) from error
    return directory
