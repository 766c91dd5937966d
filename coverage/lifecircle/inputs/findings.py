"""Keep what was noticed about the inputs: severity, code, file, row, value, remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from lifecircle.errors import InputError, Listed

Read = TypeVar("Read")
#: Stands for the township of a row that lies outside the district.
OUTSIDE = "outside"
SEVERITIES: tuple[str, ...] = ("stop", "warn", "note")


@dataclass(frozen=True)
class Finding:
    """One thing noticed.

    Attributes
    ----------
    severity : str
        ``stop`` ends the run, ``warn`` touches figures, ``note`` is for information.
    code : str
        Short fixed name, such as ``facility_unjoined``.
    message : str
        What is the matter, in one sentence.
    file, id : str
        The file and the row, feature or field.
    value : str
        The value at fault, where there is one.
    remedy : str
        What the user can do.
    layer, township_code : str
        What the finding touches; several are separated by ", ". Blank stands for all: who cannot say which figures a
        fault touches must doubt every one. `OUTSIDE` stands for rows of neighbours, which touch the district at most.
    count : int
        How many rows share it.
    """

    severity: str
    code: str
    message: str
    file: str = ""
    id: str = ""
    value: str = ""
    remedy: str = ""
    layer: str = ""
    township_code: str = ""
    count: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Give the finding as JSON holds it."""
        return asdict(self)


def join_codes(codes: Iterable[str]) -> str:
    """Write several layers or townships as one text; one that is blank, and so is not known, makes it blank.

    Examples
    --------
    >>> join_codes(["b", "a", "b"]), join_codes(["a", ""])
    ('a, b', '')
    """
    known = sorted(set(codes))
    return "" if "" in known else ", ".join(known)


def split_codes(text: str) -> list[str]:
    """Give the layers or townships that `join_codes` wrote as one text."""
    return text.split(", ") if text else []


@dataclass
class Findings:
    """A growing list of findings, in the order they were noticed.

    Attributes
    ----------
    items : list of Finding
    collecting : bool
        Whether an error in a file is kept as a finding of severity ``stop``, so that all can be shown at once, instead
        of ending the reading at the first.
    """

    items: list[Finding] = field(default_factory=list)
    collecting: bool = False
    errors: list[InputError] = field(default_factory=list, repr=False)
    _homes: list[tuple[str, pd.Series]] = field(default_factory=list, repr=False)

    def add(self, severity: str, code: str, message: str, **details: Any) -> None:
        """Append one finding, unless it stands there already; `details` are the fields of `Finding`."""
        finding = Finding(severity, code, message, **details)
        if finding not in self.items:
            self.items.append(finding)

    def fail(self, error: InputError, code: str, **details: Any) -> None:
        """Raise an error or, while collecting, keep it as a stop; the caller then goes on without what is at fault.

        Raises
        ------
        InputError
            The one given, unless these findings are collecting.
        """
        if not self.collecting:
            raise error
        self.errors.append(error)
        self.add("stop", code, error.what, remedy=error.remedy, **{"file": Path(error.where).name, **details})

    def attempt(self, read: Callable[[], Read], code: str) -> Read | None:
        """Read something; an error is raised or, while collecting, kept, and nothing is given."""
        try:
            return read()
        except InputError as error:
            self.fail(error, code)
            return None

    @contextmanager
    def about(self, layer: str = "") -> Iterator[None]:
        """Say what the findings touch that are added meanwhile: the layer, and the townships of their rows.

        Findings that stand there already but for what they touch, such as those of a file that holds two layers, are
        merged. The townships of rows are those that `know` is told meanwhile.
        """
        since, outer, self._homes = len(self.items), self._homes, []
        try:
            yield
        finally:
            added, self.items[since:] = self.items[since:], []
            for item in added:
                self._merge(self._placed(replace(item, layer=item.layer or layer)))
            self._homes = outer

    def know(self, where: str | Path, townships: pd.Series) -> None:
        """Learn in which township each row of a file lies; a row that lies in one and names another touches both.

        Parameters
        ----------
        where : str or Path
            Blank for ids, which mean the same in every file.
        townships : Series of str
            township_code or `OUTSIDE` by row as findings name it, or by id; "" where it is not known.
        """
        self._homes.append((Path(where).name, townships[townships != ""]))

    def _placed(self, item: Finding) -> Finding:
        """Fill in the townships of a finding about rows, if the township of each of them is known."""
        rows = list(item.id.items) if isinstance(item.id, Listed) else []
        if item.township_code or not rows:
            return item
        found = [known[known.index.isin(rows)] for file, known in self._homes if file in {"", item.file}]
        told = {row for townships in found for row in townships.index}
        codes = {code for townships in found for code in townships}
        return replace(item, township_code=join_codes(codes)) if told.issuperset(rows) else item

    def _merge(self, item: Finding) -> None:
        for at, other in enumerate(self.items):
            if replace(other, layer=item.layer, township_code=item.township_code) == item:
                layer, codes = ([*split_codes(old), *split_codes(new)] if old and new else [""] for old, new in (
                    (other.layer, item.layer), (other.township_code, item.township_code)))
                self.items[at] = replace(item, layer=join_codes(layer), township_code=join_codes(codes))
                return
        self.items.append(item)

    def raise_first(self) -> None:
        """Raise the first error that was kept, and say how many more there are.

        Raises
        ------
        InputError
            If there is any.
        """
        if self.errors:
            first, more = self.errors[0], len(self.errors) - 1
            if more:
                raise type(first)(first.where, f"{first.what} (and {more} more faults that stop the run)",
                                  f"{first.remedy}; lifecircle check lists all")
            raise first

    @property
    def stops(self) -> list[Finding]:
        """List what forbids any result."""
        return [item for item in self.items if item.severity == "stop"]

    def extend(self, more: Iterable[Finding]) -> None:
        """Append many."""
        self.items.extend(more)

    def __iter__(self) -> Iterator[Finding]:
        """Go through the findings."""
        return iter(self.items)

    def __len__(self) -> int:
        """Count them."""
        return len(self.items)

    def sorted(self) -> list[Finding]:
        """List stops first, then warnings, then notes, each in the order they were noticed."""
        return sorted(self.items, key=lambda item: SEVERITIES.index(item.severity))
