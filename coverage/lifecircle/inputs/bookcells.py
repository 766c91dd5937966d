"""Print the cells of a book (.xlsx, .xls, .ods) as JSON: a process of its own, which a hostile book may bring down.

Run as a script by `lifecircle.inputs.sheets`. The reader of books gives a cell at the far corner of a sheet the memory
of all cells before it, and ends the process where there is not so much. The bound on time also ends a process whose
parent is gone.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
import zipfile
from collections.abc import Sequence
from typing import Any
from xml.parsers import expat

Grid = list[list[str]]
MAX_CELLS = 20_000_000
#: A register of a hundred thousand rows takes a second or two.
MAX_SECONDS = 120
_MAX_MEMORY_BYTES = 2 << 30
_CELL_LIMIT = 32_767


def main(path: str, sheet: str | None = None) -> dict[str, Any]:
    """Read the cells of one sheet, or of all.

    Returns
    -------
    dict
        ``names`` of all sheets, ``grids``, name -> rows of text, and ``merged``, name -> first row, first column, last
        row and last column of what was merged over several rows; or ``fault``.
    """
    import python_calamine

    if path.lower().endswith(".ods"):
        _check_xml(path)
    book = python_calamine.CalamineWorkbook.from_path(path)
    names = list(book.sheet_names)
    grids: dict[str, Grid] = {}
    merged: dict[str, list[list[int]]] = {}
    for name in names if sheet is None else [name for name in names if name == sheet]:
        cells = book.get_sheet_by_name(name)
        if cells.total_height * cells.total_width > MAX_CELLS:
            return {"fault": f"sheet {name} reaches to row {cells.total_height:,}, column {cells.total_width:,}"}
        rows = [[_cell_text(cell) for cell in row] for row in cells.to_python(skip_empty_area=False)]
        ranges = cells.merged_cell_ranges or []
        grids[name] = _spread(rows, ranges)
        merged[name] = [[top, left, min(bottom, len(rows) - 1), right] for (top, left), (bottom, right) in ranges
                        if bottom > top]
    return {"names": names, "grids": grids, "merged": merged}


def _check_xml(path: str) -> None:
    """Refuse parts that are no whole XML, in which the reader would look for the end of a table for ever."""
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():
            if part.filename.endswith(".xml"):
                with archive.open(part) as stream:
                    expat.ParserCreate().ParseFile(stream)


def _spread(grid: Grid, merged: Sequence[Any]) -> Grid:
    """Give all cells that were merged what the first of them holds."""
    height = len(grid)
    for (top, left), (bottom, right) in merged:
        if top < height and left < len(grid[top]):
            for row in grid[top:bottom + 1]:
                row[left:right + 1] = [grid[top][left]] * len(row[left:right + 1])
    return grid


def _cell_text(cell: Any) -> str:
    """Write a cell as a person would: whole numbers without ``.0``, days without the hour."""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        cell = cell.date()
    return str(cell).strip()[:_CELL_LIMIT]


def _set_limits() -> None:
    """Set bounds to the memory and the time on the processor of this process, where the system knows them."""
    with contextlib.suppress(ImportError):
        import resource

        for kind, bound in ((resource.RLIMIT_AS, _MAX_MEMORY_BYTES), (resource.RLIMIT_CPU, MAX_SECONDS)):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(kind, (bound, resource.getrlimit(kind)[1]))


if __name__ == "__main__":
    _set_limits()
    try:
        answer = main(*sys.argv[1:])
    except MemoryError:
        raise
    except BaseException as error:  # a panic of the reader is no Exception
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        answer = {"fault": f"cannot be read: {reason}"}
    json.dump(answer, sys.stdout)
