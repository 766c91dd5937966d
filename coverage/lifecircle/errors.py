"""Name what can go wrong, each with the place, the fault and the remedy in one line.

The tree::

    LifecircleError                 exit 5 unless a child says otherwise
    ├── UsageError                  exit 2: the command was called wrongly
    ├── InputError (ValueError)     exit 3: a file, table or setting is not usable
    │   ├── MissingFileError        the file is not there
    │   ├── UnreadableFileError     the file is there and cannot be understood
    │   ├── MissingColumnError      a table lacks a column
    │   ├── MissingCrsError         a layer does not say its coordinate system
    │   ├── EmptyTableError         a table has no usable row
    │   ├── BadValueError           a cell holds what it may not hold
    │   ├── NoMatchError            two inputs do not meet (boundary, code, place)
    │   └── ConfigError             the run file or the policy is wrong
    └── GraphError (ValueError)     exit 3: a graph that no search may run on
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self


class LifecircleError(Exception):
    """Base of every error that lifecircle raises on purpose."""

    exit_code = 5


class UsageError(LifecircleError):
    """The command was called wrongly."""

    exit_code = 2


class InputError(LifecircleError, ValueError):
    """A file, a table or a setting is not usable.

    Parameters
    ----------
    where : str or Path
        The file, and the row or field where it is known.
    what : str
        The fault, in the words of the input.
    remedy : str
        What the user does about it.
    """

    exit_code = 3

    def __init__(self, where: str | Path, what: str, remedy: str = "") -> None:
        self.where, self.what, self.remedy = str(where), what, remedy
        text = f"{self.where}: {what}" + (f"; {remedy}" if remedy else "")
        super().__init__(" ".join(text.split()))


class MissingFileError(InputError):
    """The file is not there."""


class UnreadableFileError(InputError):
    """The file is there and cannot be understood."""


class MissingColumnError(InputError):
    """A table lacks a column."""


class MissingCrsError(InputError):
    """A layer does not say its coordinate system."""


class EmptyTableError(InputError):
    """A table has no usable row."""


class BadValueError(InputError):
    """A cell holds what it may not hold."""


class NoMatchError(InputError):
    """Two inputs do not meet: a boundary, a code, a place."""


class ConfigError(InputError):
    """The run file or the policy is wrong."""


class GraphError(LifecircleError, ValueError):
    """A graph that no search may run on."""

    exit_code = 3


class Listed(str):
    """A text that names the first few of many things, and keeps all of them in ``items``."""

    items: tuple[object, ...]

    def __new__(cls, text: str, items: tuple[object, ...] = ()) -> Self:
        """Keep a text with what it stands for."""
        listed = super().__new__(cls, text)
        listed.items = items
        return listed


def first_of(items: Iterable[object], count: int = 5) -> Listed:
    """List the first few offenders and say how many more there are."""
    all_items = tuple(items)
    more = len(all_items) - count
    text = ", ".join(str(item) for item in all_items[:count]) + (f" and {more} more" if more > 0 else "")
    return Listed(text, all_items)
