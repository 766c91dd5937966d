"""Guard the figures of a sheet: a number merged over several rows, a unit that stands above the head."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from lifecircle.errors import BadValueError, first_of
from lifecircle.inputs.cells import UNITS, parse_number, quantity_of
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import heading, plain, recognise

#: First row, first column, last row and last column of cells that were merged, from 0.
Merged = tuple[int, int, int, int]
_AMOUNTS = ("area", "count")
#: 单位: as the unit of a table; 填报单位: and the like name an office.
_UNIT = re.compile(r"(?<![\u4e00-\u9fff])(?:计量|计算|面积|人口|数量)?单位(?:\s*:\s*|\s+)([^\s:()\[\]]+)")
_OFFICE = re.compile("(局|镇|乡|县|区|市|院|委|办|会|所|站|处|司|科|股|队|组|校|村|街道|中心|政府|集团)$")


def amounts(names: Sequence[str], columns: Mapping[str, str]) -> dict[int, str]:
    """Tell which columns are read as areas or counts.

    Parameters
    ----------
    names : sequence of str
        Heads in the order of the columns.
    columns : mapping
        Our column -> the file's, as the run file gives it.

    Returns
    -------
    dict
        Position -> ``area`` or ``count``.
    """
    ours = {theirs: mine for mine, theirs in (recognise(names) | dict(columns)).items()}
    kinds = {at: quantity_of(ours.get(name, name)) for at, name in enumerate(names)}
    return {at: kind for at, kind in kinds.items() if kind in _AMOUNTS}


def count_once(rows: Sequence[Sequence[str]], numbers: Sequence[int], below: int, merged: Sequence[Merged],
               kinds: Mapping[int, str], path: Path, findings: Findings) -> list[list[str]]:
    """Leave an amount that was merged over several rows with the first of them alone, and say so.

    Parameters
    ----------
    rows : sequence of sequences of str
        Those that hold anything; cells that were merged all hold what the first of them does.
    numbers : sequence of int
        Where each stands in the sheet, from 0.
    below : int
        Position in `rows` of the first below the head.
    merged : sequence of Merged
    kinds : mapping
        Position of each column of amounts -> what is measured, as `amounts` has it.
    path : Path
    findings : Findings
    """
    position = {number: at for at, number in enumerate(numbers)}
    kept, found = [list(row) for row in rows], []
    for top, left, bottom, right in merged:
        first = position.get(top, -1)
        own = [at for at in range(left, right + 1) if at in kinds]
        if first < below or not any(_is_number(rows[first][at], kinds[at]) for at in own):
            continue
        for number in range(top + 1, bottom + 1):
            for at in own:
                kept[position[number]][at] = ""
        found.append((top + 1, bottom + 1, rows[first][own[0]]))
    if found:
        touched = sorted({row for top, bottom, _ in found for row in range(top, bottom + 1)})
        findings.add("warn", "number_merged", f"{len(found)} numbers were merged over several rows; the first of these "
                     "keeps it, the others read as empty", file=path.name, id=first_of(touched, 20), count=len(touched),
                     value=first_of([text for *_, text in found]), remedy="give each row its own number")
    return kept


def _is_number(text: str, kind: str) -> bool:
    return bool(np.isfinite(parse_number(text, kind)))


def check_unit_above(rows: Sequence[Sequence[str]], below: int, names: Sequence[str], kinds: Mapping[int, str],
                     path: Path, findings: Findings) -> None:
    """Refuse a unit above the head that is not ours, where a head that it may be meant for names none.

    Raises
    ------
    BadValueError
        Such as for 单位：万人 over a column 人口: nothing tells for certain which columns it is meant for.
    """
    bare = {kind for at, kind in kinds.items() if not heading(names[at]).unit}
    cells = dict.fromkeys(plain(cell) for row in rows[:below] for cell in row if "单位" in cell)
    told = [unit for cell in cells for match in _UNIT.finditer(cell) for unit in re.split("[、,;和]", match[1])]
    strange = [unit for unit in told if _matters(unit, bare)]
    if strange:
        findings.fail(BadValueError(path, f"单位 {first_of(strange)} stands above the head of the table",
                                    "write the unit into the heads that it is meant for, such as 人口(万人)"),
                      "unit_above", value=first_of(strange))


def _matters(unit: str, bare: set[str]) -> bool:
    """Tell whether columns of these kinds, read without the unit, could come out wrong."""
    known = [kind for kind in _AMOUNTS if unit in UNITS[kind]]
    if known:
        return any(kind in bare and UNITS[kind][unit] != 1.0 for kind in known)
    return bool(bare and unit and not unit.endswith(("元", "%")) and not _OFFICE.search(unit))
