"""Offer spoilt inputs to every reader: each must be read or refused in one line, soon, and nothing else be opened.

Usage: python benchmarks/fuzz.py [--inputs 100000] [--readers csv,xlsx] [--processes 2] [--start 0]

Each input is made from a small valid one by a generator seeded with the reader's name and the input's number, so every
failure can be made again: --readers NAME --start NUMBER --inputs 1. The readers run in child processes with a bound on
memory; a child that dies or does not answer in time is a failure too.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fuzzmutate import spoil
from fuzzread import Watch, read_one, write_input
from fuzzseeds import SEEDS, Files

#: Share of the inputs that each reader gets; the dear ones get fewer.
WEIGHTS = {"csv": 50, "xlsx": 10, "xls": 5, "ods": 6, "shp": 50, "geojson": 50, "gpkg": 30, "kml": 70, "parquet": 25,
           "fgb": 60, "graphml": 6, "osm xml": 20, "osm.pbf": 60, "hgt": 6, "tif": 30, "run file": 261, "policy": 261,
           "plan": 100, "scenario": 200, "reported": 50, "circles": 50, "priority": 50}
#: Share of the layers and tables that go all the way to places, people, facilities or roads; the rest are only read.
#: And how many inputs a child takes: readers of extracts leave address space behind.
_WHOLE_WAY, _JOB = 0.1, 500
_LAYERS = {"facilities", "townships", "villages", "roads", "totals"}
LIMIT_S, _MEMORY_BYTES = 30.0, 6 << 30


@dataclass
class Tally:
    """What became of a reader's inputs."""

    read: int = 0
    refused: int = 0
    slowest_s: float = 0.0
    slowest: int = -1
    failures: list[tuple[int, str]] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        """Count the inputs."""
        return self.read + self.refused + len(self.failures)

    def add(self, more: Tally) -> None:
        """Add what became of other inputs of the same reader."""
        self.read, self.refused = self.read + more.read, self.refused + more.refused
        self.failures += more.failures
        if more.slowest_s > self.slowest_s:
            self.slowest_s, self.slowest = more.slowest_s, more.slowest

    def note(self, number: int, outcome: str, seconds: float) -> None:
        """Count one input."""
        if outcome in ("read", "refused"):
            setattr(self, outcome, getattr(self, outcome) + 1)
        else:
            self.failures.append((number, outcome))
        if seconds > self.slowest_s:
            self.slowest_s, self.slowest = seconds, number


def make_input(name: str, number: int, seeds: list[tuple[str, Files]], canary: Path) -> tuple[str, Files, bool]:
    """Make one input: its role, its files, and whether findings are collected while it is read."""
    random = np.random.default_rng([zlib.crc32(name.encode()), number])
    role, files = seeds[int(random.integers(len(seeds)))]
    if role in _LAYERS and random.random() > _WHOLE_WAY:
        role = "layer"
    return role, spoil(files, random, canary), bool(random.random() < 0.5)


def run_here(name: str, numbers: range, folder: Path) -> Tally:
    """Offer inputs to a reader in this process."""
    tally, inside, watch = Tally(), folder / "in", Watch(folder / "canary.txt")
    inside.mkdir(exist_ok=True)
    seeds = SEEDS[name](inside)
    for number in numbers:
        begin = time.perf_counter()
        outcome = _outcome(name, number, seeds, inside, watch)
        tally.note(number, outcome, time.perf_counter() - begin)
    return tally


def _outcome(name: str, number: int, seeds: list[tuple[str, Files]], folder: Path, watch: Watch) -> str:
    role, files, collecting = make_input(name, number, seeds, watch.canary)
    try:
        return read_one(role, write_input(folder, files), collecting, watch)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a panic of a Rust library is no Exception
        last = traceback.extract_tb(error.__traceback__)[-3:]
        place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(last))
        return f"{type(error).__name__}: {str(error)[:300]} at {place}"


def _child(name: str, numbers: range, folder: Path, results: Any) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    os.dup2(silent, 2)
    watch, inside = Watch(folder / "canary.txt"), folder / "in"
    inside.mkdir(exist_ok=True)
    seeds = SEEDS[name](inside)
    for number in numbers:
        results.send((number, "", 0.0))
        begin = time.perf_counter()
        outcome = _outcome(name, number, seeds, inside, watch)
        results.send((number, outcome, time.perf_counter() - begin))


def run_watched(name: str, numbers: range) -> Tally:
    """Offer inputs to a reader in child processes; one that dies or hangs is a failure, and the next goes on."""
    tally, context = Tally(), multiprocessing.get_context("fork")
    while len(numbers):
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = context.Pipe(duplex=False)
            child = context.Process(target=_child, args=(name, numbers, Path(folder), theirs), daemon=True, name=name)
            child.start()
            theirs.close()
            numbers = _follow(ours, child, numbers, tally)
            child.kill()
            child.join()
    return tally


def _follow(results: Any, child: Any, numbers: range, tally: Tally) -> range:
    """Take results until the child is done, dead or late; give the numbers that are left."""
    current = None
    try:
        while results.poll(LIMIT_S if current is not None else 120):
            number, outcome, seconds = results.recv()
            current = number if not outcome else None
            if outcome:
                tally.note(number, outcome, seconds)
                if outcome not in ("read", "refused"):
                    print(f"{child.name} {number}: {outcome}", file=sys.stderr)
                numbers = range(number + 1, numbers.stop)
            if not len(numbers):
                return numbers
        fault = f"no answer in {LIMIT_S:.0f} s"
    except EOFError:
        child.join(10)
        fault = f"the process died with exit code {child.exitcode}"
    number = numbers.start if current is None else current
    tally.note(number, fault, LIMIT_S if fault.startswith("no answer") else 0.0)
    return range(number + 1, numbers.stop)


def shares(inputs: int, names: list[str]) -> dict[str, int]:
    """Divide the inputs among readers by `WEIGHTS`, at least one each."""
    total = sum(WEIGHTS[name] for name in names)
    return {name: max(1, math.ceil(inputs * WEIGHTS[name] / total)) for name in names}


def table(tallies: dict[str, Tally]) -> str:
    """Give the counts as a table in Markdown."""
    lines = ["| reader | inputs | read | refused | failures | slowest s |", "|---|---|---|---|---|---|"]
    lines += [f"| {name} | {item.inputs:,} | {item.read:,} | {item.refused:,} | {len(item.failures)} | "
              f"{item.slowest_s:.2f} |" for name, item in tallies.items()]
    items = tallies.values()
    lines.append(f"| all | {sum(item.inputs for item in items):,} | {sum(item.read for item in items):,} | "
                 f"{sum(item.refused for item in items):,} | {sum(len(item.failures) for item in items)} | "
                 f"{max(item.slowest_s for item in items):.2f} |")
    return "\n".join(lines)


def _job(job: tuple[str, range]) -> tuple[str, Tally]:
    name, numbers = job
    tally = run_watched(name, numbers)
    print(f"{name}: {tally.inputs:,} inputs, {len(tally.failures)} failures, slowest {tally.slowest}", file=sys.stderr)
    return name, tally


def main() -> int:
    """Run and print the table; the exit code is 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--readers", default=",".join(SEEDS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--start", type=int, default=0)
    options = parser.parse_args()
    counts = shares(options.inputs, options.readers.split(","))
    jobs = [(name, range(begin, min(begin + _JOB, options.start + count))) for name, count in counts.items()
            for begin in range(options.start, options.start + count, _JOB)]
    from multiprocessing.pool import ThreadPool

    with ThreadPool(options.processes) as pool:
        tallies: dict[str, Tally] = {}
        for name, tally in pool.imap(_job, jobs):
            tallies.setdefault(name, Tally()).add(tally)
    for name, tally in tallies.items():
        for number, fault in tally.failures[:20]:
            print(f"FAILED {name} {number}: {fault}")
    print(table(tallies))
    return int(any(tally.failures for tally in tallies.values()))


if __name__ == "__main__":
    raise SystemExit(main())
