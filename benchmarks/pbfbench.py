"""From a .osm.pbf of 458,000 segments to a graph that can be searched, areas included: time and memory."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from pbfmaker import SEGMENTS, write_pbf
from rows import Row

from lifecircle.inputs.osm import OsmExtract
from lifecircle.network.graph import Graph, mode_edges
from lifecircle.network.modes import MODES
from lifecircle.roadnetwork import RoadNetwork

CRS = "EPSG:32648"
WALK = replace(MODES["walk"], slope="none")


def pbf_rows(repeats: int, segments: int = SEGMENTS) -> list[Row]:
    """Read the same extract in processes of their own; caches of compiled code are warm, nothing else is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "made.osm.pbf"
        write_pbf(file, segments)
        runs = [json.loads(subprocess.run([sys.executable, __file__, str(file)], check=True, capture_output=True,
                                          text=True).stdout) for _ in range(repeats)]
    best = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    told = (f"{best['segments']:.0f} segments, {best['nodes']:.0f} nodes, {best['areas']:.0f} areas; "
            f"{best['cpu']:.2f} s of processor time: roads {best['roads']:.2f}, areas {best['features']:.2f}, "
            f"graph {best['graph']:.2f}")
    return [Row(f"pbf/{segments}/seconds", best["wall"], None, "≤ 2 s", told),
            Row(f"pbf/{segments}/memory", best["wall"], None, "≤ 200 MiB",
                "highest above what the imports and the warm kernels hold", best["mib"])]


def _read(file: Path) -> tuple[RoadNetwork, int, dict[str, float]]:
    """Read everything that a study takes from an extract, and build the graph on foot."""
    took, extract = [time.process_time()], OsmExtract(file, frozenset({"amenity"}))
    network = extract.roads(CRS)
    took.append(time.process_time())
    closed, _ = extract.boundaries(8)
    areas = len(extract.water()) + len(closed)
    extract.places()
    extract.features({"amenity": ["clinic"]})
    took.append(time.process_time())
    Graph.from_edges(mode_edges(network, WALK), network.node_xy_m)
    took.append(time.process_time())
    spent = dict(zip(("roads", "features", "graph"), (b - a for a, b in pairwise(took)), strict=True))
    return network, areas, spent


def _peak_mib(*, reset: bool = False) -> float:
    """Give the highest memory of this process; where the system can, from the last reset on."""
    clear = Path("/proc/self/clear_refs")
    if not clear.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    if reset:
        clear.write_text("5", encoding="ascii")
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def main() -> None:
    """Measure one file in this process and print the figures as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        write_pbf(Path(folder) / "small.osm.pbf", 1_000)
        _read(Path(folder) / "small.osm.pbf")
    before, wall, cpu = _peak_mib(reset=True), time.perf_counter(), time.process_time()
    network, areas, spent = _read(Path(sys.argv[1]))
    found: dict[str, Any] = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu,
                             "mib": _peak_mib() - before, "segments": len(network), "nodes": network.node_count,
                             "areas": areas, **spent}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
