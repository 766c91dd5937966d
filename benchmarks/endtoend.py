"""Work out the table of a run as an analyst would with OSMnx, networkx and geopandas; no code of ours is used.

``usual``: places and facilities stand on the nearest crossing or bend, slopes are those between two such nodes, nothing
stops a walk off the road. ``same``: the rules of docs/method.md, with roads cut every 10 m instead of closed forms.

Usage: python endtoend.py RUNFILE TABLE.csv [--rule usual|same]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from analystdata import District, rules_of
from analystsame import same_minutes
from analystusual import usual_minutes

STATES = ("people_in_time", "people_out", "people_undetermined")
#: Minutes are compared with the cutoff to this many decimals, so that sums of thousands of parts do not matter.
DECIMALS = 3


def table_of(district: District, minutes: Callable[[str, str], tuple[np.ndarray, np.ndarray]]) -> pd.DataFrame:
    """Sum people in time, out and undetermined by layer and township; urban and rural homes by their own rule."""
    homes, parts = district.homes, []
    for layer in district.layers:
        group = district.policy.get(layer, {}).get("group", "all")
        people = homes["population" if group == "all" else f"population_{group}"].to_numpy(dtype=float)
        state = np.empty(len(homes), dtype=object)
        for kind, rule in zip(("urban", "rural"), rules_of(district, layer), strict=False):
            chosen = (homes["class"] == kind).to_numpy()
            taken, doubtful = minutes(layer, rule["mode"])
            in_time = np.round(taken, DECIMALS) <= rule["cutoff_min"]
            state[chosen] = np.where(in_time, STATES[0], np.where(doubtful, STATES[2], STATES[1]))[chosen]
        if rules_of(district, layer):
            sums = pd.Series(people).groupby([homes["township_code"], state]).sum().unstack(fill_value=0.0)
            parts.append(sums.reindex(columns=STATES, fill_value=0.0).assign(layer=layer).reset_index())
    table = pd.concat(parts, ignore_index=True)
    table["people"] = table[list(STATES)].sum(axis=1)
    table["coverage_rate"] = table["people_in_time"] / table["people"].where(table["people"] > 0)
    return table[["layer", "township_code", "people", *STATES, "coverage_rate"]]


def main() -> None:
    """Write the table by one of the two rules."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runfile", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rule", choices=["usual", "same"], default="usual")
    options = parser.parse_args()
    district = District.read(options.runfile)
    minutes = {"usual": usual_minutes, "same": same_minutes}[options.rule](district)
    table_of(district, minutes).to_csv(options.table, index=False)


if __name__ == "__main__":
    main()
