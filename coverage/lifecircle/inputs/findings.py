"""Keep what was noticed about the inputs: severity, code, file, row, value, remedy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

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
    """A growing list of findings, in the order they were noticed."""

    items: list[Finding] = field(default_factory=list)

    def add(self, severity: str, code: str, message: str, **details: Any) -> None:
        """Append one finding; `details` are the fields of `Finding`."""
        self.items.append(Finding(severity, code, message, **details))

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
