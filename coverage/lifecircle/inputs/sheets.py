"""Read sheets of cells (.csv, .xlsx, .xls, .ods) as offices write them: titles above, totals below, merged cells."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from lifecircle.errors import (
    BadValueError,
    ConfigError,
    EmptyTableError,
    MissingColumnError,
    UnreadableFileError,
    first_of,
)
from lifecircle.inputs import bookcells
from lifecircle.inputs.figures import Merged, amounts, check_unit_above, count_once
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.headers import find_header, heading, plain
from lifecircle.inputs.sums import LABELS, TOTAL, report_totals

Grid = bookcells.Grid
BOOKS = (".xlsx", ".xls", ".ods")

#: A book is a zip archive: one that unpacks to more than this is no register.
_MAX_BYTES, _MAX_RATIO, _MAX_MEMBERS = 400_000_000, 100, 10_000
_TOTALS = frozenset({"共计", "总和", "累计", "total", "sum", "subtotal"})
#: A table without these has no total.
_TOTAL_MARK = re.compile("计|总和|total|sum")
_GAP = re.compile(r"[\s:]+")
_FOOTER = re.compile(r"^(填报|填表|制表|审核|复核|备注|注|说明|单位负责人|联系电话|数据来源|数据截止)[^:]{0,8}:")
_FOOTER_CELLS = 4
_HIDDEN = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad\x00-\x08\x0b\x0c\x0e-\x1f]")
#: What is left of Chinese text after it went through the wrong character set.
_GARBLED = re.compile("锟斤拷|烫烫|屯屯|\ufffd")


def read_sheet(path: Path, *, encoding: str | None = None, sheet: str | None = None,
               columns: Mapping[str, str] | None = None, findings: Findings | None = None) -> pd.DataFrame:
    """Read one sheet as a table of text.

    Parameters
    ----------
    path : Path
        .csv (UTF-8, UTF-8 with BOM, GB 18030), .xlsx, .xls or .ods.
    encoding : str, optional
        Character set of a CSV; found by looking where it is not given.
    sheet : str, optional
        Name of the sheet of a book; needed where several hold cells.
    columns : mapping, optional
        Our column -> the file's; helps to find the row of names.
    findings : Findings, optional
        Gets the totals and footers that were left out.

    Returns
    -------
    DataFrame
        Of text, None where a cell is empty; the index is the row as a spreadsheet counts it.

    Raises
    ------
    InputError
        The child that fits: unreadable, empty, without the sheet, a row longer than its head.
    """
    findings = findings if findings is not None else Findings()
    merged: list[Merged] = []
    if path.suffix.lower() == ".csv":
        grid = _csv_grid(path, encoding)
    else:
        grid, merged = _book_grid(path, sheet, columns or {}, findings)
    filled = [at for at, row in enumerate(grid) if any(row)]
    if not filled:
        raise EmptyTableError(path, "no cell is filled", "check the export")
    rows = [grid[at] for at in filled]
    _report_strange(rows, filled, path, findings)
    names, below, _ = find_header(rows, columns or {})
    kinds = amounts(names, columns or {})
    check_unit_above(rows, below, names, kinds, path, findings)
    rows = count_once(rows, filled, below, merged, kinds, path, findings) if merged else rows
    body = pd.Series(rows[below:], index=pd.Index([filled[at] + 1 for at in range(below, len(rows))], dtype="int64"),
                     dtype=object)
    table = _table(names, body, path, findings)
    if columns:
        _check_heads(columns, list(table.columns), path)
    return table if _all_counts(table, rows[below:]) else _without_totals(table, path, findings)


def _all_counts(table: pd.DataFrame, rows: Sequence[Sequence[str]]) -> bool:
    """Tell of most tables at one look, not row by row, that no row is a total, a remark or a head again."""
    text, *heads = (_GAP.sub("", plain(cells).lower()) for cells in (_text(rows), *map(str, table.columns)))
    return not (_TOTAL_MARK.search(text) or any(head in text for head in heads)
                or (table.notna().sum(axis=1) <= _FOOTER_CELLS).any())


def _report_strange(rows: Sequence[Sequence[str]], filled: Sequence[int], path: Path, findings: Findings) -> None:
    """Point at cells with characters that nobody sees, and at text that lost its characters on the way."""
    text = _text(rows)
    for code, severity, mark, what, remedy in (
            ("invisible_characters", "note", _HIDDEN, "cells hold characters that nobody sees; they do not count",
             "type them anew"),
            ("text_garbled", "warn", _GARBLED, "cells hold text that an earlier conversion has destroyed",
             "type them anew")):
        found = [(at + 1, cell) for at, row in zip(filled, rows, strict=True) for cell in row if mark.search(cell)
                 ] if mark.search(text) else []
        if found:
            findings.add(severity, code, f"{len(found)} {what}", file=path.name, count=len(found),
                         id=first_of([row for row, _ in found], 20), value=first_of([plain(cell) for _, cell in found]),
                         remedy=remedy)


def _text(rows: Iterable[Sequence[str]]) -> str:
    """Give all cells as one text: what it lacks need not be looked for cell by cell."""
    return "\n".join(itertools.chain.from_iterable(rows))


def _table(names: list[str], body: pd.Series, path: Path, findings: Findings) -> pd.DataFrame:
    """Bring names and rows to one width; a filled cell beyond the last name means that a row has slipped."""
    names = [plain(name) for name in names]
    while names and not names[-1]:
        names.pop()
    width = len(names)
    slipped = [row for row, cells in body.items() if any(cells[width:])]
    if slipped:
        findings.fail(BadValueError(path, f"row {first_of(slipped)} holds more cells than the head of the table",
                                    "put quotes round texts that hold the separator, or give the column a name"),
                      "row_slipped", id=first_of(slipped, 20), count=len(slipped))
        body = body.drop(index=slipped)
    unique, seen = [], dict.fromkeys(names, 0)
    for at, name in enumerate(names):
        seen[name] += 1
        unique.append(name if name and seen[name] == 1 else f"{name or 'column'}.{at + 1}")
    if _HIDDEN.search(_text(body)):
        body = body.map(lambda row: [_HIDDEN.sub("", cell).strip() for cell in row])
    cells = [[cell or None for cell in row[:width]] + [None] * (width - len(row)) for row in body]
    table = pd.DataFrame(cells, index=body.index, columns=unique, dtype="str")
    return table.drop(columns=[name for at, name in enumerate(unique) if not names[at] and table[name].isna().all()])


def _check_heads(columns: Mapping[str, str], names: list[str], path: Path) -> None:
    """Refuse a mapped column whose word stands over two columns."""
    words = [heading(name).word for name in names]
    for theirs in columns.values():
        if theirs not in names and words.count(heading(theirs).word) > 1:
            raise MissingColumnError(path, f"several columns are headed {theirs}", "give each its own name")


def _without_totals(table: pd.DataFrame, path: Path, findings: Findings) -> pd.DataFrame:
    """Leave out rows of totals and the lines that office forms end with, and say so."""
    rows = table.to_numpy(dtype=object).tolist()
    texts = [[plain(cell) for cell in row if isinstance(cell, str)] for row in rows]
    total = pd.Series(_are_totals(texts), index=table.index, dtype=bool)
    footer = pd.Series([bool(row) and len(row) <= _FOOTER_CELLS and bool(_FOOTER.match(row[0])) for row in texts],
                       index=table.index, dtype=bool) & ~total
    heads = {plain(str(name)) for name in table.columns}
    again = pd.Series([len(row) > 2 and not heads.isdisjoint(row) and sum(cell in heads for cell in row) > len(row) / 2
                       for row in texts], index=table.index, dtype=bool)
    for code, mask, what in (("total_row", total, "totals"), ("footer_row", footer, "remarks below the table"),
                             ("header_repeated", again, "heads that stand there again")):
        if mask.any():
            left_out = table.index[mask]
            findings.add("note", code, f"{len(left_out)} rows of {what} were left out", file=path.name,
                         id=first_of(left_out), count=len(left_out),
                         value=first_of([row[0] for row, at in zip(texts, mask, strict=True) if at]))
    body = ~(total | footer | again)
    report_totals(table, total, body, path, findings)
    return table[body]


def _are_totals(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Tell which rows say in one of their first cells that they are totals: 甲街道小计 and 合计(人), not 合计坝村."""
    words = {cell: TOTAL.sub("", cell.lower()) for cell in {cell for row in rows for cell in row[:LABELS]}}
    ending = {cell for cell, word in words.items() if word != cell.lower()}
    whole = {cell for cell in words if _GAP.sub("", cell).lower() in _TOTALS}
    return [not (ending.isdisjoint(row[:LABELS]) and whole.isdisjoint(row[:2])) for row in rows]


def _csv_grid(path: Path, encoding: str | None) -> Grid:
    text = decode(path.read_bytes(), path, encoding)
    if "\0" in text:
        raise UnreadableFileError(path, "holds NUL characters, so it is no text", "export it again as CSV")
    head = "\n".join(text.split("\n", 20)[:20])
    separator = max(",;\t", key=lambda mark: (head.count(mark), mark == ","))
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        return [[cell.strip() for cell in row] for row in rows]
    except csv.Error as error:
        raise UnreadableFileError(path, f"cannot be read: {error}", "check the quotes, or export it again") from error


def decode(raw: bytes, path: Path, encoding: str | None) -> str:
    """Decode the bytes of a text file: as told, else UTF-8 with or without BOM, else GB 18030 where it looks like it.

    Raises
    ------
    UnreadableFileError, ConfigError
        If it is neither; if the encoding is not known.
    """
    tried = [encoding] if encoding else ["utf-8-sig", *(["gb18030"] if looks_chinese(raw) else [])]
    for name in tried:
        try:
            return raw.decode(name)
        except UnicodeDecodeError:
            continue
        except LookupError as error:
            raise ConfigError(path, f"unknown encoding {name!r}", "use utf-8, gb18030 or another known name") from error
    raise UnreadableFileError(path, f"the text is not {' or '.join(tried)}", "save as UTF-8, or give encoding = \"…\"")


def looks_chinese(raw: bytes) -> bool:
    """Tell GB 18030 from a Western character set: Chinese text comes in pairs of high bytes."""
    runs = [] if raw.isascii() else [len(run) for run in re.findall(rb"[\x81-\xfe]+", raw)]
    return sum(length for length in runs if length > 1) > 0.8 * max(sum(runs), 1)


def _book_grid(path: Path, sheet: str | None, columns: Mapping[str, str], findings: Findings,
               ) -> tuple[Grid, list[Merged]]:
    """Read a sheet of a book; cells that were merged all hold what the first of them does, and are listed."""
    names, grids, merged = _read_book(path, sheet)
    if sheet is not None and sheet not in names:
        raise ConfigError(path, f"no sheet {sheet}; the sheets are {first_of(names, 12)}", 'correct sheet = "…"')
    grids = {name: grid for name, grid in grids.items() if any(map(any, grid))}
    if not grids:
        raise EmptyTableError(path, "no cell is filled", "check the export")
    chosen = _chosen(grids, path, columns, findings)
    _report_formulas(path, chosen, grids[chosen], findings)
    return grids[chosen], merged.get(chosen, [])


def _report_formulas(path: Path, sheet: str, grid: Grid, findings: Findings) -> None:
    """Point at formulas whose result the book does not hold: such cells read as empty."""
    if path.suffix.lower() != ".xlsx" or not _has_formulas(path):
        return
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True)
    empty = [cell for row in book[sheet].iter_rows() for cell in row
             if cell.data_type == "f" and not (cell.row <= len(grid) and cell.column <= len(grid[cell.row - 1])
                                               and grid[cell.row - 1][cell.column - 1])]
    book.close()
    if empty:
        findings.add("warn", "formula_empty", f"{len(empty)} formulas hold no result and read as empty: "
                     f"{first_of([cell.coordinate for cell in empty])}", file=path.name, count=len(empty),
                     id=first_of([cell.row for cell in empty], 20), value=first_of([cell.value for cell in empty]),
                     remedy="open and save the book in Excel, or put numbers in their place")


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any(b"<f>" in (data := archive.read(name)) or b"<f " in data for name in archive.namelist()
                   if name.startswith("xl/worksheets/"))


def _read_book(path: Path, sheet: str | None) -> tuple[list[str], dict[str, Grid], dict[str, list[Merged]]]:
    """Give the names of all sheets, the cells of those asked for and which were merged over several rows.

    The book is read in a process of its own.
    """
    command = [sys.executable, "-P", bookcells.__file__, str(path), *([sheet] if sheet else [])]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=bookcells.MAX_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise UnreadableFileError(path, f"takes more than {bookcells.MAX_SECONDS} s to read",
                                  "save only the sheet that is needed") from error
    if done.returncode:
        raise UnreadableFileError(path, "holds more cells than memory does, or is broken",
                                  "save only the cells that are needed, as .csv or a new .xlsx")
    answer = json.loads(done.stdout)
    if "fault" in answer:
        raise UnreadableFileError(path, answer["fault"], "save only the cells that are needed, as .csv or a new .xlsx")
    merged = {name: [(top, left, bottom, right) for top, left, bottom, right in ranges]
              for name, ranges in answer["merged"].items()}
    return answer["names"], answer["grids"], merged


def _chosen(grids: dict[str, Grid], path: Path, columns: Mapping[str, str], findings: Findings) -> str:
    """Choose the only sheet that looks like a table with heads that are known; beside notes there may be but one."""
    if len(grids) == 1:
        return next(iter(grids))
    scores = {name: find_header([row for row in grid if any(row)], columns)[2] for name, grid in grids.items()}
    known = [name for name, score in scores.items() if score > 1]
    if len(known) != 1:
        raise ConfigError(path, f"several sheets hold cells: {first_of(grids, 12)}", 'say which: sheet = "…"')
    others = [name for name in grids if name != known[0]]
    findings.add("note", "sheet_chosen", f"sheet {known[0]} is read; {first_of(others)} has no heads that are known",
                 file=path.name, value=known[0])
    return known[0]


def check_archive(path: Path, *, free_bytes: int = 1_000_000) -> list[str]:
    """Look at the directory of a zip archive before anything is unpacked, and list its parts.

    Parameters
    ----------
    path : Path
    free_bytes : int
        So much may be unpacked whatever the ratio.

    Raises
    ------
    UnreadableFileError
        If it is none, names a path outside itself, or would unpack to far more than a register holds.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFileError(path, "is no zip archive, or a broken one", "export it again") from error
    size, packed = sum(item.file_size for item in members), sum(item.compress_size for item in members)
    if any(item.filename.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", item.filename) for item in members):
        raise UnreadableFileError(path, "the archive names a path outside itself", "export it again")
    if len(members) > _MAX_MEMBERS or size > _MAX_BYTES or size > _MAX_RATIO * max(packed, 1) + free_bytes:
        raise UnreadableFileError(path, f"would unpack to {size / 1e6:,.0f} MB in {len(members):,} parts",
                                  "save only what is needed")
    return [item.filename for item in members]
