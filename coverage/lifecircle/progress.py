"""Show progress on stderr, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
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
    def step(self, name: str) -> Iterator[None]:
        """Time one step; on a terminal a spinner runs while it lasts."""
        begin = time.perf_counter()
        try:
            if self.show:
                from rich.console import Console
                from rich.progress import Progress as Bars
                from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

                console = Console(stderr=True)
                with Bars(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console,
                          transient=True) as bars:
                    bars.add_task(name, total=None)
                    yield
            else:
                yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
