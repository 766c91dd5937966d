"""Keep what was noticed about the inputs: severity, code, file, row, value, remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lifecircle.errors import InputError

Read = TypeVar("Read")
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
        What the finding touches, where it is known.
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
