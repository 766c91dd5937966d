"""Show what was noticed about the inputs as a table."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence

from lifecircle.inputs.findings import SEVERITIES, Finding
from lifecircle.inputs.titles import title

_MEANING = {"stop": "no result before these are mended", "warn": "figures are touched", "note": "for information"}


def findings_text(findings: Sequence[Finding], width: int | None = None, language: str = "en") -> str:
    """Write findings as a table for a terminal: severity, code, file, rows, what is the matter and what to do.

    Parameters
    ----------
    findings : sequence of Finding
        In the order in which they are to stand.
    width : int, optional
        Columns of text; those of the terminal, at least 100, where it is not given.
    language : str
        ``zh`` puts the Chinese title of each finding before its message.

    Returns
    -------
    str
        "" where there is none.
    """
    if not findings:
        return ""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False)
    table.add_column("", no_wrap=True)
    table.add_column("code", no_wrap=True)
    table.add_column("file", overflow="fold", max_width=26)
    table.add_column("row, id", overflow="fold", max_width=20)
    table.add_column("what, and what to do", overflow="fold", ratio=1)
    for item in findings:
        head = f"{title(item.code, language)}：" if language == "zh" else ""
        what = head + item.message + (f" → {item.remedy}" if item.remedy else "")
        table.add_row(*map(Text, (item.severity, item.code, item.file, item.id, what)))
    page = io.StringIO()
    console = Console(file=page, width=width or max(shutil.get_terminal_size((120, 24)).columns, 100),
                      color_system=None, legacy_windows=False)
    console.print(table)
    counts = ", ".join(f"{count} {severity} ({_MEANING[severity]})" for severity in SEVERITIES
                       if (count := sum(item.severity == severity for item in findings)))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()) + f"\n{counts}"
