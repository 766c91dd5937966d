"""Show progress on stderr, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Name the step at work and remember how long each took.

    Attributes
    ----------
    seconds : dict
        Wall seconds per step, in the order they ran.
    show : bool
        Draw a moving line; the default is to draw on a terminal only.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    show: bool = field(default_factory=lambda: sys.stderr.isatty())

    @contextmanager
    def step(self, name: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Time one step; on a terminal a spinner runs while it lasts.

        Yields
        ------
        callable
            To be called after each of `total` pieces of work, which are then shown.
        """
        begin = time.perf_counter()
        try:
            if self.show:
                from rich.console import Console
                from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
                from rich.progress import Progress as Bars

                pieces = [] if total is None else [BarColumn(), MofNCompleteColumn()]
                with Bars(SpinnerColumn(), TextColumn("{task.description}"), *pieces, TimeElapsedColumn(),
                          console=Console(stderr=True), transient=True) as bars:
                    task = bars.add_task(name, total=total)
                    yield lambda: bars.advance(task)
            else:
                yield lambda: None
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
