"""Measure the product beside what is in common use, and write the table.

Usage: python benchmarks/run.py [--quick] [--only NAME] [--json FILE] [--docs FILE]
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

from rows import Row
from searchbench import search_rows
from surfaces import demo_rows, polygon_rows
from wholerun import run_rows

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "benchmarks.md"


def main() -> None:
    """Run what is asked for; a complete run also writes the table into the documentation."""
    options = _options()
    jobs = {name: job for name, job in _jobs(options).items() if not options.only or name in options.only}
    rows = []
    for name, job in jobs.items():
        print(f"measuring {name} …", file=sys.stderr)
        rows += list(job())
    table = _table(rows)
    print(table)
    if options.json:
        report = {"cores": os.cpu_count(), "python": platform.python_version(), "quick": options.quick,
                  "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    docs = options.docs or (None if options.quick or options.only else DOCS)
    if docs:
        docs.write_text(_page(table), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats and smaller samples: under two minutes")
    parser.add_argument("--only", action="append", choices=["search", "polygons", "surfaces", "run"],
                        help="measure this alone; may be given more than once")
    parser.add_argument("--json", type=Path, help="write the rows here, each with its key")
    parser.add_argument("--docs", type=Path, help=f"write the page here (default of a complete run: {DOCS.name})")
    parser.add_argument("--nodes", type=int, default=100_000, help="size of the grid")
    parser.add_argument("--facilities", type=int, default=200)
    parser.add_argument("--runfile", type=Path, default=ROOT / "data" / "bazhou.toml", help="district to run")
    return parser.parse_args()


def _jobs(options: argparse.Namespace) -> dict[str, Callable[[], Iterator[Row]]]:
    nodes, facilities, quick = options.nodes, options.facilities, options.quick

    def search() -> Iterator[Row]:
        yield from search_rows(nodes, facilities, 3 if quick else 7)
        if not quick:
            yield from search_rows(10 * nodes, facilities, 5, with_networkx=False)

    def polygons() -> Iterator[Row]:
        yield from polygon_rows("walk", nodes, facilities, 3 if quick else 5, sample=20 if quick else 100)
        yield from polygon_rows("car", nodes, facilities, 1 if quick else 3, sample=2 if quick else 8)

    return {"search": search, "polygons": polygons, "surfaces": lambda: iter(demo_rows(options.runfile)),
            "run": lambda: iter(run_rows(options.runfile))}


def _table(rows: list[Row]) -> str:
    lines = ["| row | seconds | ratio to ours | goal | what was seen |", "|---|---:|---:|---|---|"]
    lines += [f"| `{row.key}` | {row.seconds:.3g} | {'' if row.ratio is None else f'{row.ratio:.3g}'} | {row.goal} | "
              f"{row.note} |" for row in rows]
    return "\n".join(lines)


def _page(table: str) -> str:
    return f"""# Benchmarks

Measured by `make bench` on {os.cpu_count()} cores with Python {platform.python_version()}; `make bench` again writes
this page anew. `python benchmarks/run.py --quick --json FILE` takes under two minutes and keeps the rows by their keys.

Seconds are medians of the repeats, on a machine that may do other work meanwhile; the ratio is the other's time over
ours. Of the search it is the median of pairs taken in turn in one process; of the polygons the other is drawn once.
Surfaces and the run are measured once. Caches of compiled code are warm.

- **search**: time to the nearest of 200 facilities for every node of a jittered 100 m grid (a quarter of the streets
  missing, three classes of road, some one-way), by car. Building each library's own graph is not counted.
- **polygons**: one service area per facility, 15 minutes, 50 m cells. Ours is everything from the doors to valid
  polygons. The other two are given the reached nodes for nothing and are timed for drawing alone, on a sample, scaled
  to all facilities: a concave hull of the nodes, and edges between reached nodes widened by 25 m and united. A node
  that the roads alone do not reach may truly be in time by a walk beside the road; "truly late" counts the walk.
- **surfaces**: minutes at every 50 m cell of the model district, for all layers and modes of its policy.
- **run**: `lifecircle run data/bazhou.toml` in a process of its own, by the steps of `timing.json`.

{table}
"""


if __name__ == "__main__":
    main()
