"""Say which figures the findings cast doubt on: the one place that tells what a finding touches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import pandas as pd

from lifecircle.inputs.findings import SEVERITIES, Finding, split_codes
from lifecircle.tables import MARKS_COLUMNS

#: Findings so severe mark the figures they touch; notes do not.
MARKING: tuple[str, ...] = ("stop", "warn")


def touching(findings: Iterable[Finding], layer: str = "", township_code: str = "") -> list[Finding]:
    """List the findings that touch a layer in a township.

    A finding that names no layer touches all of them, as those of people and roads do; one that names no township
    touches the whole district.

    Parameters
    ----------
    layer, township_code : str
        Blank for any, which of townships means the district.
    """
    return [item for item in findings if _meets(item.layer, layer) and _meets(item.township_code, township_code)]


def _meets(touched: str, asked: str) -> bool:
    return not touched or not asked or asked in split_codes(touched)


def mark_table(findings: Sequence[Finding], units: dict[str, str], district_code: str, layers: Sequence[str],
               ) -> pd.DataFrame:
    """List the figures that findings cast doubt on.

    Parameters
    ----------
    findings : sequence of Finding
    units : dict
        township_code -> name, in the order of the rows; the district may be among them.
    district_code : str
        Findings of any township touch this unit.
    layers : sequence of str

    Returns
    -------
    DataFrame
        `MARKS_COLUMNS`, one row per unit and layer that a stop or a warning touches: the worst severity, how many
        findings, and their codes, the most frequent first.
    """
    rows = []
    for unit, name in units.items():
        for layer in layers:
            found = touching(findings, layer, "" if unit == district_code else unit)
            found = [item for item in found if item.severity in MARKING]
            if found:
                worst = min((item.severity for item in found), key=SEVERITIES.index)
                codes = Counter(item.code for item in found).most_common()
                rows.append((unit, name, layer, worst, len(found), ", ".join(name for name, _ in codes)))
    return pd.DataFrame(rows, columns=list(MARKS_COLUMNS))
