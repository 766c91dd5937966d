"""Say where to build, and the proof of it, for a terminal or for a machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.outputs.summary import columns
from lifecircle.outputs.tables import clean_text, plain_value, records

_STATUS = {"optimal": "proven best", "feasible": "best found in the time", "infeasible": "no choice keeps all rules",
           "unknown": "no choice found in the time"}


def sites_record(siting: dict[str, Any], sites: pd.DataFrame) -> dict[str, Any]:
    """Give the question, the proof and the sites as JSON holds them; both as they may be shown."""
    return {**plain_value(siting), "sites": records(pd.DataFrame(sites.drop(columns="geometry")))}


def sites_text(siting: dict[str, Any], sites: pd.DataFrame, directory: Path | None = None) -> str:
    """Give the sites as lines of text, what proves them first.

    Parameters
    ----------
    siting : dict
        As ``site.json`` holds it, as it may be shown.
    sites : DataFrame
        `SITES_COLUMNS`, as it may be shown.
    directory : Path, optional
        Where the run was written.
    """
    lines = [f"{MODEL_MARK} (model data)"] if siting["quality"] == "model" else []
    labels = ", ".join(f"{one['layer']} {one['label_zh']}".strip() for one in siting["services"])
    lines += [f"{siting['model']} for {labels}: {_STATUS[siting['status']]}, "
              f"{siting['candidates']:,} candidates", _proof(siting)]
    roads = ("people_in_time_now",) if siting.get("links") else ()
    lines += [_in_time(one, roads, len(siting["services"]) > 1) for one in siting["services"]]
    lines += [f"because: {item['text']}" for item in siting["reasons"]]
    lines += [*_years(siting), *_links(siting)]
    if len(sites):
        lines += ["", *columns(_table(sites))]
    for number, item in enumerate(siting["alternatives"], start=1):
        less = "" if item["objective"] is None else f"{item['objective']:,.0f}: "
        lines.append(f"alternative {number}: {less}{', '.join(item['candidates'])}")
    if directory is not None:
        lines += ["", f"sites: {directory / 'sites.csv'}", f"map: {directory / 'map.html'}"]
    return "\n".join(clean_text(pd.Series(lines, dtype="str")))


def _in_time(service: dict[str, Any], roads: tuple[str, ...], several: bool) -> str:
    """Say how many of a service's people are in time now, with the roads chosen, and with the sites."""
    names = (*roads, "people_in_time_before", "people_in_time_after")
    words = ("now", *["with the roads"] * len(roads), "then")
    told = ", ".join(f"{_people(service[name])} {word}" for name, word in zip(names, words, strict=True))
    who = "people" if service["group"] == "all" else f"people ({service['group']})"
    left = "some" if service["people_aside"] is None else f"{service['people_aside']:,.0f}"
    aside = "" if service["people_aside"] == 0 else f"; {left} left aside, whom no candidate can reach"
    return (f"{service['layer']}: " if several else "") + f"{who} in time: {told}, of {service['people']:,.0f}{aside}"


def _years(siting: dict[str, Any]) -> list[str]:
    if not siting.get("years"):
        return []
    rows = [("year", "budget", "spent so far", "sites so far", "people in time"),
            *((f"{one['year']}", f"{one['budget']:,g}", f"{one['spent']:,g}", f"{one['sites']}",
               _people(one["people_in_time"])) for one in siting["years"])]
    gap = "" if siting["years_gap"] is None else f"within {siting['years_gap']:.2%} of what no programme can surpass"
    return ["", *columns(rows), gap]


def _links(siting: dict[str, Any]) -> list[str]:
    if "links" not in siting:
        return []
    rows = [("road", "cost", "alone", "last"),
            *((one["name"], f"{one['cost']:,g}", _people(one["people_alone"]), _people(one["people_last"]))
              for one in siting["links"])]
    return ["", *(columns(rows) if siting["links"] else ["no road is worth its cost"])]


def _proof(siting: dict[str, Any]) -> str:
    if siting["objective"] is None:
        return "objective: not shown, or none"
    told = [f"objective {siting['objective']:,.1f} {siting['objective_unit']}"]
    told += [f"bound {siting['bound']:,.1f}"] if siting["bound"] is not None else []
    told += [f"gap {siting['gap']:.2%}"] if siting["gap"] is not None else []
    return ", ".join(told)


def _table(sites: pd.DataFrame) -> list[tuple[str, ...]]:
    stays, year = sites["keep_share"].notna().any(), sites["year"].notna().any()
    heads = ("site", "candidate", "name", "township", "layer", "wins", "alone", "last",
             *(["stays"] if stays else []), *(["year"] if year else []), "lead unit")
    rows = [(f"{row.rank}", row.candidate_id, row.name_, row.township, row.layer,
             *map(_people, (row.people_won, row.people_alone, row.people_last)),
             *([f"{row.keep_share:.0%}"] if stays else []), *([f"{row.year:.0f}"] if year else []), row.lead_unit)
            for row in sites.rename(columns={"name": "name_"}).itertuples()]
    return [heads, *rows]


def _people(count: float | None) -> str:
    return "hidden" if count is None or count != count else f"{count:,.0f}"
