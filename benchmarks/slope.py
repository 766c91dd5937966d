"""What slope does to the walks of a district: Tobler beside DIN 33466, and every figure with and without heights.

Usage: python benchmarks/slope.py RUNFILE [--trips N]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from lifecircle import assess
from lifecircle.assessment import Assessment
from lifecircle.inputs.findings import Findings
from lifecircle.network.graph import mode_edges
from lifecircle.network.modes import resolve_modes
from lifecircle.osmtags import ROAD_CLASSES
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.slope import DIN_KPH, din_33466_min, pieces_of, tobler_divisors, tobler_over_din, weighted_quantiles
from lifecircle.study import Study, read_study
from lifecircle.traveltimes import evaluate, solve_times

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
SEED = 1


def main() -> None:
    """Print the tables as Markdown."""
    options = _options()
    study = read_study(options.runfile, allow=options.allow)
    if study.elevation is None:
        raise SystemExit(f"{options.runfile}: [roads] names no elevation; there is nothing to compare")
    level = replace(study, policy=study.policy.model_copy(update={"policy": {
        layer: study.policy.layer(layer).model_copy(update={"slope": "none"}) for layer in study.layers}}))
    roads = _walked(study)
    ratios = [_row("segments, both ways", tobler_over_din(roads, SHARES)), *_trips(roads, options.trips)]
    people = compare([assess(replace(study, elevation=None)), assess(level), assess(study)])
    for table in (pd.DataFrame(ratios), people, steepness(study, level), classes(study)):
        print(_markdown(table), "\n")


def _walked(study: Study) -> RoadNetwork:
    """Give the roads a walker may use, with their heights; bridges and tunnels are laid before the others go."""
    roads, walk = study.roads, resolve_modes(study.policy)["walk"]
    keep = mode_edges(roads, walk, slope="none").segment
    part, count = roads.take(keep), np.diff(roads.profile_offset)
    inner = np.repeat(np.isin(np.arange(len(roads)), keep), count)
    return replace(part, profile_offset=np.concatenate([[0], np.cumsum(count[keep])]),
                   profile_z_m=roads.profile_z_m[inner])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runfile", type=Path, help="a district with an elevation model")
    parser.add_argument("--allow", type=Path, action="append", default=[], help="a further folder to read from")
    parser.add_argument("--trips", type=int, default=60, help="crossings from which trips start")
    return parser.parse_args()


def _row(what: str, ratios: tuple[float, ...]) -> dict[str, str]:
    return {"Tobler / DIN": what,
            **{f"{share:.0%}": f"{ratio:.2f}" for share, ratio in zip(SHARES, ratios, strict=True)}}


def _trips(roads: RoadNetwork, starts: int) -> list[dict[str, str]]:
    """Compare whole trips from random crossings: the fastest way by Tobler, and the same way by DIN."""
    edge, _, rise = pieces_of(roads)
    gain, loss = (np.bincount(edge, np.maximum(sign * rise, 0.0), minlength=len(roads)) for sign in (1, -1))
    level_min = roads.length_m / 1000 / DIN_KPH * 60
    up, down = tobler_divisors(roads)
    tail, head = np.concatenate([roads.u, roads.v]), np.concatenate([roads.v, roads.u])
    minutes = np.maximum(np.concatenate([level_min * up, level_min * down]), 1e-6)
    parts = np.column_stack([np.tile(roads.length_m, 2), np.concatenate([gain, loss]), np.concatenate([loss, gain])])
    order = np.lexsort((minutes, head, tail))
    keep = order[np.concatenate([[True], np.diff(tail[order]) + np.diff(head[order]) / roads.node_count != 0])]
    shape = (roads.node_count,) * 2
    graph = csr_array((minutes[keep], (tail[keep], head[keep])), shape=shape)
    number = csr_array((keep + 1, (tail[keep], head[keep])), shape=shape)
    chosen = np.random.default_rng(SEED).choice(roads.node_count, min(starts, roads.node_count), replace=False)
    away, before = dijkstra(graph, indices=chosen, limit=60.0, return_predecessors=True)
    found = [_along(number, parts, times, earlier) for times, earlier in zip(away, before, strict=True)]
    tobler, din = np.concatenate([pair[0] for pair in found]), np.concatenate([pair[1] for pair in found])
    rows = []
    for low, high in ((5, 15), (15, 30), (30, 60)):
        some = (tobler > low) & (tobler <= high)
        rows.append(_row(f"trips of {low} to {high} min", weighted_quantiles(tobler[some] / din[some],
                                                                             np.ones(some.sum()), SHARES)))
    return rows


def _along(number: csr_array, parts: np.ndarray, times: np.ndarray, before: np.ndarray,
           ) -> tuple[np.ndarray, np.ndarray]:
    """Give, for every crossing reached from one start, the minutes by Tobler and those of the same way by DIN."""
    reached = np.flatnonzero(np.isfinite(times) & (before >= 0))
    reached = reached[np.argsort(times[reached], kind="stable")]
    arc = np.asarray(number[before[reached], reached]).ravel() - 1
    total = np.zeros((len(times), 3))
    for node, earlier, step in zip(reached.tolist(), before[reached].tolist(), parts[arc], strict=True):
        total[node] = total[earlier] + step
    return times[reached], din_33466_min(*total[reached].T)


def compare(runs: list[Assessment]) -> pd.DataFrame:
    """Lay the figures of every walked layer and township side by side.

    The three runs: without heights, with walls at steep ground but level roads, and with everything.
    """
    rows = []
    for layer, township in product(_walked_layers(runs[0]), runs[0].townships.to_dict("records")):
        code = township["township_code"]
        people, rate = ([_figure(done, name, layer, code) for done in runs]
                        for name in ("people_in_time", "coverage_rate"))
        rows.append({"layer": layer, "township": township["township"],
                     "in time: no heights → walls → slope": " → ".join(f"{value:,.0f}" for value in people),
                     "change": f"{people[2] - people[0]:+,.0f}", "rate": f"{rate[0]:.1%} → {rate[2]:.1%}",
                     "median min": " → ".join(f"{_median(done, layer, code):.1f}" for done in runs)})
    return pd.DataFrame(rows)


def _walked_layers(done: Assessment) -> list[str]:
    return [layer for layer, said in done.run["layers"].items() if said["reach"] and all(
        said[kind]["mode"].startswith("walk") for kind in ("urban", "rural") if said[kind])]


def _figure(done: Assessment, indicator: str, layer: str, code: str) -> float:
    rows = done.headline(indicator)
    rows = rows[(rows["layer"] == layer) & (rows["township_code"] == code) & (rows["class"] == "all")]
    return float(rows["value"].iloc[0])


def _median(done: Assessment, layer: str, code: str) -> float:
    rows = done.demand[(done.demand["township_code"] == code) & done.demand[f"minutes_{layer}"].notna()]
    [median] = weighted_quantiles(rows[f"minutes_{layer}"].to_numpy(), rows["population"].to_numpy(dtype=float), (0.5,))
    return median


def steepness(study: Study, level: Study) -> pd.DataFrame:
    """Show whether steep ground loses more: at every crossing within an hour's level walk, time over level time.

    By township, and by the slope of the roads that meet at the crossing: in four quarters of the crossings.
    """
    roads, found, flat = study.roads, solve_times(study, Findings()), solve_times(level, Findings())
    keys = [key for key in found.fields if found.modes[key[1]].on_foot]
    slow, quick = (np.stack([evaluate(times.fields[key][0], roads.node_xy_m)[0][:, times.fields[key][1]]
                             for key in keys]) for times in (found, flat))
    near = (quick > 1) & (quick <= 60) & np.isfinite(slow) & shapely.contains_xy(study.outline, *roads.node_xy_m.T)
    steep = _slopes_at_nodes(roads)
    groups = {item.township: shapely.contains_xy(item.geometry, *roads.node_xy_m.T)
              for item in study.townships.itertuples()}
    cuts = np.quantile(steep[near.any(axis=0)], (0, 0.25, 0.5, 0.75, 1))
    groups |= {f"roads of {100 * low:.0f} to {100 * high:.0f} %": (steep >= low) & (steep <= high)
               for low, high in pairwise(cuts)}
    rows = []
    for name, inside in groups.items():
        used = near & inside
        longer = weighted_quantiles(slow[used] / quick[used] - 1, np.ones(used.sum()), (0.5, 0.95))
        mean = steep[inside & near.any(axis=0)].mean()
        rows.append((name, used.sum(), *(f"{100 * share:.1f}" for share in (mean, *longer))))
    return pd.DataFrame(rows, columns=["crossings", "number", "mean slope %", "longer, median %", "longer, 95 %"])


def classes(study: Study) -> pd.DataFrame:
    """Show how steep the roads of each class are, as sampled and as smoothed; and how far nodes moved, in metres."""
    roads, raw = study.roads, study.roads.with_heights(study.elevation.sample_m)
    sampled, smoothed = pieces_of(raw), pieces_of(roads)
    ground = ~(roads.ferry | roads.bridge | roads.tunnel)
    rows = []
    for number in np.unique(roads.road_class[ground]):
        used = (ground & (roads.road_class == number))[sampled.edge]
        metres = sampled.run_m[used]
        steep = [100 * np.abs(part.rise_m[used]) / metres for part in (sampled, smoothed)]
        rows.append((ROAD_CLASSES[number], f"{metres.sum() / 1000:,.0f}",
                     *(f"{np.average(one, weights=metres):.1f}" for one in steep),
                     *(f"{weighted_quantiles(one, metres, (0.95,))[0]:.0f}" for one in steep)))
    moved = np.nanquantile(np.abs(roads.node_z_m - raw.node_z_m), (0.5, 0.95, 1))
    rows.append(("nodes moved by m: median, 95 %, most", "", *(f"{metres:.1f}" for metres in moved), ""))
    return pd.DataFrame(rows, columns=["class", "km", "mean % sampled", "mean % smoothed", "95 % sampled",
                                       "95 % smoothed"])


def _slopes_at_nodes(roads: RoadNetwork) -> np.ndarray:
    """Give the mean slope of the roads that meet at each node, by length; ferries, bridges and tunnels count as 0."""
    edge, _, rise = pieces_of(roads)
    ground = ~(roads.ferry | roads.bridge | roads.tunnel)
    climb = np.bincount(edge, np.abs(rise), minlength=len(roads)) * ground
    total, length = (np.bincount(roads.u, part, minlength=roads.node_count) + np.bincount(
        roads.v, part, minlength=roads.node_count) for part in (climb, roads.length_m))
    return total / np.maximum(length, 0.01)


def _markdown(table: pd.DataFrame) -> str:
    head = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    return "\n".join(head + ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)])


if __name__ == "__main__":
    main()
