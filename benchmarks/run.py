"""Measure the product beside what is in common use, and write the table.

Usage: python benchmarks/run.py [--quick] [--peers] [--only NAME] [--json FILE] [--docs FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from growthplot import draw
from pbfbench import pbf_rows
from peerbench import peer_rows
from realroads import andorra, wuhan
from reasons import reason
from rows import Row
from searchbench import build_rows, growth_rows, job_rows, network_rows, search_rows
from surfaces import demo_rows, polygon_rows
from wholerun import draw_rows, end_to_end_rows, run_rows

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "benchmarks.md"
PLOT = "images/growth.svg"
JOBS = ["search", "jobs", "build", "real", "polygons", "surfaces", "pbf", "draws", "run", "endtoend",
        "peers"]


def main() -> None:
    """Run what is asked for; a complete run also writes the table into the documentation."""
    options = _options()
    left_out = ({"endtoend"} if options.quick else set()) | (set() if options.peers else {"peers"})
    chosen = options.only or [name for name in JOBS if name not in left_out]
    jobs = {name: job for name, job in _jobs(options).items() if name in chosen}
    rows = []
    for name, job in jobs.items():
        print(f"measuring {name} …", file=sys.stderr)
        rows += list(job())
    rows += growth_rows(rows)
    table = _table(rows)
    print(table)
    if options.json:
        report = {"cores": os.cpu_count(), "python": platform.python_version(), "quick": options.quick,
                  "rows": [{**asdict(row), "missed": row.missed} for row in rows]}
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    docs = options.docs or (None if options.quick or options.only else DOCS)
    if docs:
        docs.write_text(_page(table, drawn=draw(rows, docs.parent / PLOT)), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true",
                        help="one size, fewer repeats, smaller samples, no endtoend: under two minutes")
    parser.add_argument("--peers", action="store_true", help="other libraries too, in an environment made for it")
    parser.add_argument("--only", action="append", choices=JOBS,
                        help="measure this alone; may be given more than once")
    parser.add_argument("--json", type=Path, help="write the rows here, each with its key")
    parser.add_argument("--docs", type=Path, help=f"write the page here (default of a complete run: {DOCS.name})")
    parser.add_argument("--nodes", type=int, default=100_000, help="size of the grid")
    parser.add_argument("--facilities", type=int, default=200)
    parser.add_argument("--runfile", type=Path, default=ROOT / "data" / "bazhou.toml", help="district to run")
    return parser.parse_args()


def _jobs(options: argparse.Namespace) -> dict[str, Callable[[], Iterator[Row]]]:
    nodes, facilities, quick = options.nodes, options.facilities, options.quick

    sizes = [nodes] if quick else [nodes, 10 * nodes, 50 * nodes]

    def search() -> Iterator[Row]:
        for size in sizes:
            yield from search_rows(size, facilities, 3 if quick else 7 if size == nodes else 5 if size < 5e6 else 3,
                                   with_networkx=size < 5e6)

    def build() -> Iterator[Row]:
        for size in sizes:
            yield from build_rows(size)

    def real() -> Iterator[Row]:
        for name, network in (("andorra", andorra()), ("wuhan", wuhan(download=not quick))):
            if network is None:
                print(f"the roads of {name} are not to be had: left out", file=sys.stderr)
            else:
                yield from network_rows(name, network, facilities, 3 if quick else 7)

    def polygons() -> Iterator[Row]:
        yield from polygon_rows("walk", nodes, facilities, 3 if quick else 5, sample=20 if quick else 100)
        yield from polygon_rows("car", nodes, facilities, 1 if quick else 3, sample=2 if quick else 8)

    return {"search": search, "jobs": lambda: iter(job_rows(nodes, facilities, 3 if quick else 7)), "build": build,
            "real": real, "polygons": polygons, "surfaces": lambda: iter(demo_rows(options.runfile)),
            "pbf": lambda: iter(pbf_rows(1 if quick else 5)),
            "draws": lambda: draw_rows(options.runfile, 40 if quick else 200),
            "run": lambda: run_rows(options.runfile),
            "endtoend": lambda: end_to_end_rows(options.runfile, ["usual", "same"]),
            "peers": lambda: peer_rows(nodes, facilities, 3 if quick else 5)}


def _table(rows: list[Row]) -> str:
    lines = ["| row | seconds | ratio to ours | goal | measured | what was seen |", "|---|---:|---:|---|---:|---|"]
    for row in sorted(rows, key=lambda row: not row.missed):
        numbers = ["" if value is None else f"{value:.3g}" for value in (row.seconds, row.ratio, row.measured)]
        goal = f"**missed:** {row.goal}" if row.missed else row.goal
        note = "; ".join(part for part in (row.note, f"**why:** {reason(row.key)}" if row.missed else "") if part)
        lines.append(f"| `{row.key}` | {numbers[0]} | {numbers[1]} | {goal} | {numbers[2]} | {note} |")
    return "\n".join(lines)


def _page(table: str, *, drawn: bool) -> str:
    plot = f"\n![Time per node by size of the grid]({PLOT})\n" if drawn else ""
    return f"""# Benchmarks

Measured by `make bench` on {os.cpu_count()} cores with Python {platform.python_version()}; `make bench` again writes
this page anew. `make bench BENCH="--quick --json FILE"` takes under two minutes and keeps the rows by their keys.

Seconds are medians of the repeats, on a machine that may do other work meanwhile; the ratio is the other's time over
ours. Of the search it is the median of pairs taken in turn in one process; of the polygons the other is drawn once.
Surfaces and the run are measured once. Caches of compiled code are warm.

- **search**: time to the nearest of 200 facilities for every node of a jittered 100 m grid (a quarter of the streets
  missing, three classes of road, some one-way), by car. Building each library's own graph is not counted. A sweep reads
  every arc once with its head's state; measured is our time in sweeps, least of seven over least of seven.
- **layers**: five such layers; measured is the memory that the process grows by at most, answer included.
- **jobs** (improve, k_nearest, within) and **build**: what else the engine does; build is measured once.
- **real**: Andorra (OSM of 2013) and the 92,667 street segments of Wuhan that the source distribution of neatnet 0.1.6
  carries, all driven both ways. Either is left out where it is not to be had.
- **peers** (`--peers`): libraries in an environment of their own, at 100,000 nodes, asked in turn with ours.
- **polygons**: one service area per facility, 15 minutes, 50 m cells. Ours is everything from the doors to valid
  polygons. The other two are given the reached nodes for nothing and are timed for drawing alone, on a sample, scaled
  to all facilities: a concave hull of the nodes, and edges between reached nodes widened by 25 m and united. A node
  that the roads alone do not reach may truly be in time by a walk beside the road; "truly late" counts the walk.
- **surfaces**: minutes at every 50 m cell of the model district, for all layers and modes of its policy.
- **pbf**: an OSM extract that `benchmarks/pbfmaker.py` writes (58,000 roads of 458,000 segments, 20,000 houses, 2,300
  waters, 24 townships, 6,000 nodes with tags) read from the file to the graph on foot, in a process of its own.
- **run**: `lifecircle run data/bazhou.toml` in a process of its own, by the steps of `timing.json`.
- **draws**: 200 seeded draws of speeds, people and positions for the five layers of the model district, once warmed up.
- **endtoend**: that whole process, with all it writes, beside the whole process of `benchmarks/endtoend.py`, which
  works out only the table of people in time, by layer and township, with OSMnx, networkx and geopandas: *same* by the
  rules of [the method](method.md) on roads cut every 10 m (if more people change sides than live within half a minute
  of their cutoff, the benchmark stops), *usual* as such scripts are mostly written, on nearest nodes: another answer.

Rows that miss their goal come first, with the reason. What is judged is the measured number, else the ratio, else the
seconds.

{table}
{plot}"""


if __name__ == "__main__":
    main()
