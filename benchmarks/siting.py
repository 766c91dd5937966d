"""How long siting takes and how well it is proven, beside spopt with CBC and with HiGHS; and one facility more, live.

Usage: python benchmarks/siting.py [--json FILE] [--seconds 60] [--sizes small] [--runfile data/bazhou.toml]

A peer is stopped after three times the seconds that its solver has, model building included. Distances are drawn in a
square of 60 km with crowds of people; a minute is 80 m.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

SIDE_M, M_PER_MIN = 60_000.0, 80.0
#: Name -> model, demand points, candidates, sites, cutoff in minutes, goals of gap and seconds.
CASES: dict[str, tuple[str, int, int, int, float, float, float]] = {
    "mclp 1,000 x 100": ("mclp", 1_000, 100, 10, 45.0, 0.01, 30.0),
    "p-median 1,000 x 100": ("p-median", 1_000, 100, 10, 45.0, 0.01, 60.0),
    "p-median 5,000 x 500": ("p-median", 5_000, 500, 20, 45.0, 0.01, 60.0),
    "mclp 20,000 x 2,000": ("mclp", 20_000, 2_000, 10, 45.0, 0.01, 30.0),
}
TOOLS = ("lifecircle", "spopt HiGHS", "spopt CBC")


def town(demand: int, candidates: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw people, where they live, and where one may build."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform(0, SIDE_M, (40, 2))
    crowd = middle[rng.integers(0, 40, demand)] + rng.normal(0, 3_000.0, (demand, 2))
    alone = rng.uniform(0, SIDE_M, (demand, 2))
    xy = np.where(rng.random((demand, 1)) < 0.6, crowd, alone)
    return rng.integers(1, 200, demand).astype(float), xy, xy[rng.choice(demand, candidates, replace=False)]


def pairs(xy: np.ndarray, sites: np.ndarray, within_min: float) -> csr_array:
    """Give the minutes between all within a limit."""
    near = cKDTree(xy).sparse_distance_matrix(cKDTree(sites), within_min * M_PER_MIN, output_type="ndarray")
    return csr_array((near["v"] / M_PER_MIN, (near["i"], near["j"])), shape=(len(xy), len(sites)))


def ours(name: str, seconds: float) -> dict[str, Any]:
    """Solve a case; the objective is counted again from the sites."""
    from lifecircle.siting.models import mclp, p_median
    from lifecircle.siting.problem import Effort, Problem

    model, demand, candidates, sites, cutoff, _, _ = CASES[name]
    weight, xy, spots = town(demand, candidates)
    table = pairs(xy, spots, cutoff if model == "mclp" else 1e9)
    problem = Problem.of(weight, table, np.full(demand, cutoff))
    begin = time.perf_counter()
    answer = (mclp if model == "mclp" else p_median)(problem, sites, effort=Effort(seconds, 0.005))
    took = time.perf_counter() - begin
    away = np.hypot(*(xy[:, None] - spots[answer.chosen][None]).transpose(2, 0, 1)).min(axis=1) / M_PER_MIN
    counted = weight[away <= cutoff].sum() if model == "mclp" else weight @ away
    return {"seconds": took, "objective": float(counted), "bound": answer.bound, "gap": answer.gap,
            "told": answer.objective}


def theirs(name: str, tool: str, seconds: float) -> dict[str, Any]:
    """Solve a case by spopt; it knows no bound."""
    import pulp
    from spopt.locate import MCLP, PMedian

    model, demand, candidates, sites, cutoff, _, _ = CASES[name]
    weight, xy, spots = town(demand, candidates)
    costs = np.hypot(*(xy[:, None] - spots[None]).transpose(2, 0, 1)) / M_PER_MIN
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        solver = (pulp.HiGHS(msg=False, timeLimit=seconds) if tool.endswith("HiGHS")
                  else pulp.PULP_CBC_CMD(msg=False, timeLimit=seconds))
        made = (MCLP.from_cost_matrix(costs, weight, service_radius=cutoff, p_facilities=sites) if model == "mclp"
                else PMedian.from_cost_matrix(costs, weight, p_facilities=sites))
        made = made.solve(solver, results=False)
    chosen = [at for at, column in enumerate(made.fac_vars) if (column.value() or 0) > 0.5]
    if not chosen:
        return {"seconds": time.perf_counter() - begin, "objective": None}
    away = costs[:, chosen].min(axis=1)
    counted = weight[away <= cutoff].sum() if model == "mclp" else weight @ away
    return {"seconds": time.perf_counter() - begin, "objective": float(counted)}


def live(runfile: str, layers: list[str]) -> list[dict[str, Any]]:
    """Time one facility more in a solved district, at forty places: coverage, gaps, area per head."""
    import geopandas as gpd
    import shapely

    from lifecircle.live import Live
    from lifecircle.proposals import propose
    from lifecircle.study import read_study

    gc.set_threshold(200_000)
    held, rng, rows = Live.of(read_study(runfile)), np.random.default_rng(1), []
    for layer in layers:
        held.warm(layer)
        took = []
        for spot in held.times.xy_m[rng.integers(0, len(held.times.demand), 40)]:
            new = propose(held.times.study, layer, gpd.GeoSeries([shapely.Point(spot)], crs=held.times.study.crs),
                          effective_area_m2=500.0)
            begin = time.perf_counter()
            held.change(layer, add=new)
            took.append(time.perf_counter() - begin)
        rows.append({"case": f"live {layer}", "tool": "lifecircle", "seconds": float(np.median(took)),
                     "worst": float(np.max(took))})
    return rows


def main() -> None:
    """Print the tables as Markdown."""
    options = _options()
    if options.one:
        name, tool = options.one
        print(json.dumps(ours(name, options.seconds) if tool == "lifecircle" else theirs(name, tool, options.seconds)))
        return
    rows = []
    for name in CASES:
        if options.sizes == "small" and "1,000" not in name:
            continue
        for tool in TOOLS:
            rows.append({"case": name, "tool": tool, **_apart(name, tool, options.seconds)})
            print(_line(rows[-1]), flush=True)
    for row in live(options.runfile, options.layer or ["clinics", "shelters", "childcare"]):
        rows.append(row)
        print(f"| {row['case']} | {row['seconds'] * 1e3:.0f} ms | worst {row['worst'] * 1e3:.0f} ms |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--seconds", type=float, default=60.0, help="time limit of every solver")
    parser.add_argument("--sizes", choices=("small", "all"), default="all")
    parser.add_argument("--runfile", default="data/bazhou.toml", help="district of the live figures")
    parser.add_argument("--layer", action="append", help="layer of the live figures")
    parser.add_argument("--one", nargs=2, metavar=("CASE", "TOOL"), help="one case by one tool, as JSON")
    return parser.parse_args()


def _apart(name: str, tool: str, seconds: float) -> dict[str, Any]:
    """Solve in a process of its own, so that memory and warm-up are its own."""
    call = [sys.executable, __file__, "--one", name, tool, "--seconds", str(seconds)]
    begun = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        out, err = begun.communicate(timeout=3 * seconds + 60)
    except subprocess.TimeoutExpired:
        os.killpg(begun.pid, signal.SIGKILL)  # a solver that it started, too
        begun.communicate()
        return {"seconds": None, "objective": None, "note": f"stopped after {3 * seconds + 60:.0f} s"}
    if begun.returncode:
        return {"seconds": None, "objective": None, "note": (err.strip().splitlines() or ["killed"])[-1][:80]}
    return dict(json.loads(out.strip().splitlines()[-1]))


def _line(row: dict[str, Any]) -> str:
    figures = ("–" if row["seconds"] is None else f"{row['seconds']:.1f} s",
               "–" if row["objective"] is None else f"{row['objective']:,.0f}",
               "–" if row.get("gap") is None else f"{row['gap']:.2%}", row.get("note", ""))
    return f"| {row['case']} | {row['tool']} | {' | '.join(figures)} |"


if __name__ == "__main__":
    main()
