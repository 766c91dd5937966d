"""Keep the colours of the map, chosen so that the colour-blind and a grey print tell them apart.

Every ramp falls in lightness from the first colour to the last; what is a state and not an amount has a mark or a
pattern of its own besides its colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

#: Amounts, little to much: light to dark. Shared by map and sheets.
RAMPS: dict[str, tuple[str, ...]] = {
    "rate": ("#f6f2e6", "#d2e0e6", "#a5c4dc", "#739fc9", "#4577ad"),
    "area": ("#f6f3e4", "#d5e2c3", "#a9c998", "#76a878", "#3f8259"),
    "all": ("#f5f0ea", "#dcd2e4", "#bba9d2", "#967fb9", "#6f5799"),
}
#: Where each colour of a ramp begins: a share of the people, and a share of the standard.
EDGES: dict[str, tuple[float, ...]] = {"rate": (0.0, 0.4, 0.6, 0.8, 0.95), "area": (0.0, 0.25, 0.5, 0.75, 1.0)}
#: Verdict -> ground colour, and the mark beside the name of the unit.
VERDICTS: dict[str, tuple[str, str]] = {
    "met": ("#4577ad", "✓"), "not_met": ("#f2b376", "✗"), "unsure": ("#f7efc9", "?"), "undecided": ("#ffffff", "…"),
    "no_data": ("url(#lc-no-data)", "–"),
}


def colours() -> dict[str, Any]:
    """Give what the script draws with."""
    return {"ramps": RAMPS, "edges": EDGES, "verdicts": VERDICTS}


#: Shares of the units at which a class begins, where the figures themselves give the classes.
_CLASSES = (0.0, 0.2, 0.4, 0.6, 0.8)


def edges_of(figures: Sequence[float]) -> list[float]:
    """Give where up to five classes of about as many units begin, rounded down to two digits that count."""
    return sorted({_rounded(float(np.quantile(figures, share))) for share in _CLASSES}) if len(figures) else []


def _rounded(value: float) -> float:
    """Round down to two digits that count, so that every unit stays above the edge of its class."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (np.floor(np.log10(value)) - 1)
    return float(f"{np.floor(round(value / step, 6)) * step:.6g}")
