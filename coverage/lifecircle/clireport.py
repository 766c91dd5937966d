"""Offer the verb that writes what people hand round: workbook, Word report and map sheets."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Part(StrEnum):
    """What may be written alone."""

    XLSX = "xlsx"
    DOCX = "docx"
    SHEETS = "sheets"


class Paper(StrEnum):
    """The size of the map sheets."""

    A4 = "a4"
    A3 = "a3"


def report(directory: Annotated[Path, typer.Argument(help="Run directory. 结果文件夹", show_default=False)],
           only: Annotated[list[Part] | None, typer.Option(help="Write only this; may be given again. 只写其一",
                                                           show_default=False)] = None,
           paper: Annotated[Paper, typer.Option(help="Paper of the map sheets. 图纸大小")] = Paper.A4) -> None:
    """Write report.xlsx, report.docx and the map sheets into a finished run (导出报表、报告和图纸)."""
    from lifecircle.outputs.atomic import hold
    from lifecircle.outputs.rundir import read_run
    from lifecircle.progress import Progress

    progress, parts = Progress(), only or list(Part)
    with progress.step("read run directory"):
        assessment = read_run(directory)
    with hold(directory):
        if Part.XLSX in parts:
            from lifecircle.outputs.workbook import write_workbook

            with progress.step("write report.xlsx"):
                write_workbook(assessment, directory / "report.xlsx")
            typer.echo(str(directory / "report.xlsx"))
        if Part.DOCX in parts:
            from lifecircle.outputs.document import write_document

            with progress.step("write report.docx", len(assessment.townships)) as done:
                write_document(assessment, directory / "report.docx", done=done)
            typer.echo(str(directory / "report.docx"))
        if Part.SHEETS in parts:
            from lifecircle.outputs.mapsheet import write_sheets
            from lifecircle.outputs.sheet_theme import theme_keys

            with progress.step("draw map sheets", len(theme_keys(assessment))) as done:
                paths = write_sheets(assessment, directory / "sheets", paper=paper.value, done=done)
            for path in paths:
                typer.echo(str(path))
