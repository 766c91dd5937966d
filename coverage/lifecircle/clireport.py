"""Offer the verb that writes what people hand round: the workbook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(directory: Annotated[Path, typer.Argument(help="Run directory. 结果文件夹", show_default=False)]) -> None:
    """Write report.xlsx into a finished run: every table on a sheet of its own (导出 Excel 报表)."""
    from lifecircle.outputs.atomic import hold
    from lifecircle.outputs.rundir import read_run
    from lifecircle.outputs.workbook import write_workbook

    assessment = read_run(directory)
    with hold(directory):
        write_workbook(assessment, directory / "report.xlsx")
    typer.echo(str(directory / "report.xlsx"))
