"""The whole command: by step, and beside what an analyst would write with OSMnx, networkx and geopandas."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from rows import Row, clock

from lifecircle.indicators.reach import judge_headline
from lifecircle.inputs.findings import Findings
from lifecircle.study import read_study
from lifecircle.traveltimes import solve_times
from lifecircle.uncertainty import interval_rows

SCRIPT = Path(__file__).with_name("endtoend.py")
KEY = ["layer", "township_code"]
#: How far from its cutoff a home may be and still change sides, by rule. ``same``: a road cut every 10 m makes the
#: walk at either end up to 5 m longer, for an elder 20 seconds in all; heights of bridges of several lines differ too.
NEAR_MIN = {"same": 0.4}
#: A run leaves counts of fewer people blank; there the other table may be right or wrong, it is not judged.
HIDDEN_BELOW = 10
#: The step of a run after which its tables stand; what follows, theirs does not give.
TABLES_STEP = "compute indicators"


class Process(NamedTuple):
    """What a process took."""

    wall_s: float
    cpu_s: float


def run_rows(runfile: Path) -> Iterator[Row]:
    """Run the command in a process of its own and read what it says about its time."""
    help_s = statistics.median(_process("--help").wall_s for _ in range(3))
    yield Row("run/help/wall", help_s, None, "≤ 0.5 s")
    with tempfile.TemporaryDirectory() as folder:
        wall_s, cpu_s = _process("run", str(runfile), "--out", str(Path(folder) / "out"))
        steps = json.loads((Path(folder) / "out" / "timing.json").read_text(encoding="utf-8"))
    yield from (Row(f"run/demo/{name.replace(' ', '_')}", float(seconds)) for name, seconds in steps.items())
    yield Row("run/demo/wall", wall_s, None, "≤ 10 s", f"{cpu_s:.3g} s of CPU time")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    yield Row("run/demo/memory", wall_s, None, "≤ 1.5 GB", "peak", peak / 1e9)


def draw_rows(runfile: Path, draws: int) -> Iterator[Row]:
    """Draw intervals for every layer of a district, once to have all compiled, then measured."""
    study = read_study(runfile)
    times, district = solve_times(study, Findings()), ("", "")
    headline = {layer: judge_headline(times, layer) for layer in study.layers if study.policy.layer(layer).reach}
    for count in (2, draws):
        settings = study.runfile.uncertainty.model_copy(update={"draws": count})
        drawn = replace(times, study=replace(study, runfile=study.runfile.model_copy(update={"uncertainty": settings})))
        begin = time.process_time()
        seconds, parts = clock(lambda drawn=drawn: interval_rows(drawn, headline, district, lambda _: "model"))
    yield Row(f"draws/demo/{draws}x{len(headline)}", seconds, None, "≤ 20 s",
              f"{sum(len(part) for part in parts)} rows; {time.process_time() - begin:.3g} s of CPU time")


def end_to_end_rows(runfile: Path, rules: list[str]) -> Iterator[Row]:
    """Compare whole processes that give the same table; ours runs once before each of theirs."""
    own, rows = [], []
    with tempfile.TemporaryDirectory() as name:
        out, table = Path(name) / "out", Path(name) / "table.csv"
        for rule in rules:
            own.append(_process("run", str(runfile), "--out", str(out)))
            begin = _cpu_s()
            wall_s, _ = clock(lambda rule=rule: subprocess.run(
                [sys.executable, str(SCRIPT), str(runfile), str(table), "--rule", rule], check=True,
                capture_output=True, env=_environment()))
            note = (f"{agreement(out, table, NEAR_MIN.get(rule))}; CPU {_cpu_s() - begin:.3g} s, ours "
                    f"{own[-1].cpu_s:.3g} s")
            rows.append(Row(f"endtoend/demo/{rule}", wall_s, wall_s / own[-1].wall_s,
                            "≥ 20" if rule in NEAR_MIN else "", note))
        steps = json.loads((out / "timing.json").read_text(encoding="utf-8"))
    so_far = list(steps)[:list(steps).index(TABLES_STEP) + 1]
    yield Row("endtoend/demo/lifecircle", statistics.median(taken.wall_s for taken in own), None, "",
              f"all outputs; {sum(steps[step] for step in so_far):.3g} s of its steps until the tables stand")
    yield from rows


def agreement(out: Path, table: Path, near_min: float | None) -> str:
    """Say how far two tables of people in time are apart.

    Parameters
    ----------
    out : Path
        A run directory.
    table : Path
        What the other script wrote.
    near_min : float or None
        Where given, only homes so near to their cutoff, or undetermined ones, may have changed sides.

    Raises
    ------
    AssertionError
        If the tables speak of other people, or more of them than may have changed sides.
    """
    ours, theirs = _of_run(out), pd.read_csv(table, dtype={"township_code": str}).set_index(KEY).sort_index()
    strange = ours.index.difference(theirs.index)
    ours = ours.reindex(theirs.index).fillna(theirs[ours.columns].where(theirs[ours.columns] < HIDDEN_BELOW))
    if len(strange) or ours["people_in_time"].isna().any() or not np.allclose(ours["people"], theirs["people"]):
        raise AssertionError("the tables speak of other people")
    moved = (theirs["people_in_time"] - ours["people_in_time"]).abs()
    may_move = np.inf if near_min is None else _near_the_cutoff(out, near_min).reindex(ours.index, fill_value=0)
    if (moved > may_move + 1e-6).any():
        raise AssertionError("more people have changed sides than live near the cutoff")
    whole = _points(ours.groupby("layer").sum(), theirs.groupby("layer").sum(numeric_only=True))
    return (f"share in time differs by at most {whole.max():.2g} points in the district, "
            f"{_points(ours, theirs).max():.2g} in a township")


def _points(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.Series:
    people = ours["people"].where(ours["people"] > 0)
    return (100 * (theirs["people_in_time"] - ours["people_in_time"]) / people).abs()


def _of_run(out: Path) -> pd.DataFrame:
    results = pd.read_csv(out / "results.csv", dtype={"township_code": str}, encoding="utf-8-sig")
    townships = set(pd.read_parquet(out / "demand.parquet", columns=["township_code"])["township_code"])
    keep = results["headline"] & (results["class"] == "all") & results["township_code"].isin(townships)
    keep &= results["indicator"].isin(["people", "people_in_time"])
    table = results[keep].pivot_table(index=KEY, columns="indicator", values="value").sort_index()
    return table.reindex(columns=["people", "people_in_time"])


def _near_the_cutoff(out: Path, near_min: float) -> pd.Series:
    """Count the people who live so near to the cutoff of their home that a small difference may move them."""
    demand = pd.read_parquet(out / "demand.parquet").drop(columns="geometry")
    layers = json.loads((out / "run.json").read_text(encoding="utf-8"))["layers"]
    parts = []
    for layer, rules in layers.items():
        if f"minutes_{layer}" not in demand:
            continue
        cutoff = demand["class"].map({kind: rules[kind]["cutoff_min"] for kind in ("urban", "rural") if rules[kind]})
        near = ((demand[f"minutes_{layer}"] - cutoff).abs() <= near_min) | (demand[f"state_{layer}"] == "undetermined")
        parts.append(demand[near].groupby("township_code")["population"].sum().rename(layer))
    table = pd.concat(parts, axis=1).stack()
    return table.swaplevel().rename_axis(KEY)


def _process(*arguments: str) -> Process:
    begin = _cpu_s()
    wall_s, _ = clock(lambda: subprocess.run([sys.executable, "-m", "lifecircle", *arguments], check=True,
                                             capture_output=True, env=_environment()))
    return Process(wall_s, _cpu_s() - begin)


def _environment() -> dict[str, str]:
    """Let Python keep what it compiled of its sources, as it does unless told not to."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
