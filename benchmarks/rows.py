"""One row of the table, and the clock."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes
    ----------
    key : str
        Stable name: job, graph, engine, parted by slashes.
    seconds : float
        Median of the repeats.
    ratio : float or None
        Median of seconds over ours in the same repeat; None for our own rows.
    goal : str
        What was asked for, blank where nothing was; the first number in it is judged.
    note : str
        What was checked, counted or left out.
    measured : float or None
        What the goal is about where that is neither the ratio nor, in our own rows, the seconds.
    """

    key: str
    seconds: float
    ratio: float | None = None
    goal: str = ""
    note: str = ""
    measured: float | None = None

    @property
    def missed(self) -> bool:
        """Tell whether the first number of the goal is not kept."""
        goal = re.match(r"([≤≥]) ([\d.]+)", self.goal)
        if not goal:
            return False
        found = next(v for v in (self.measured, self.ratio, self.seconds) if v is not None)
        return found > float(goal[2]) if goal[1] == "≤" else found < float(goal[2])


def clock(job: Callable[[], Any]) -> tuple[float, Any]:
    """Give the wall seconds of a job and its answer."""
    begin = time.perf_counter()
    answer = job()
    return time.perf_counter() - begin, answer


def paired(jobs: dict[str, Callable[[], Any]], repeats: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Run all jobs in turn, several times over, so that what else the machine does meets them alike."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    answers = {}
    for _ in range(repeats):
        for name, job in jobs.items():
            taken, answers[name] = clock(job)
            seconds[name].append(taken)
    return seconds, answers


def ratio(theirs: list[float], ours: list[float]) -> float:
    """Give the median of the paired ratios."""
    return statistics.median(a / b for a, b in zip(theirs, ours, strict=True))
