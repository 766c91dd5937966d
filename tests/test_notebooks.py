"""The notebooks run as they stand, from any folder, and are stored without what they printed."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MARK = "模型数据，非现状"


def code_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    assert "01_first_look.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_without_outputs_and_without_code_of_its_own(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert MARK in notebook.cells[0].source
    for cell in code_of(notebook):
        assert (cell.outputs, cell.execution_count) == ([], None)
        assert not re.search(r"(?m)^\s*(def|class|async def) |lambda", cell.source)


#: Notebook -> cell -> a part of what it shows.
SHOWN = {
    "01_first_look": {"assess": "<td>model</td>", "worst": "in time (model data)", "chart": "linear-gradient",
                      "map": "<iframe"},
    "02_shelters": {"assess": "<td>model</td>", "asked": "area_reachable_per_head_m2", "kinds": "urgent",
                    "lacking": "population_day", "sure": "not_met", "map": "<iframe"},
    "03_scorecard": {"assess": "<td>model</td>", "card": "健康服务圈人口覆盖率", "wanted": "[circles] file；24 个",
                     "evidence": "facilities/shelters.csv", "ranking": "linear-gradient", "weights": "rank_then"},
    "04_siting_clinics": {"ten": "gap 0.00%", "alternatives": "place-", "townships": "<td>model</td>",
                          "fewest": "reach no candidate", "firm": "keep_share", "years": "2027", "lead": "区卫健局"},
    "05_shelters_for_every_township": {"live": "<td>model</td>", "each": "optimal", "price": "one per township",
                                       "table": "区应急管理局", "map": "<iframe"},
    "06_compare_scenarios": {"scenario": "<th>build</th>", "compare": "today → 两处新卫生室", "townships": "回风街道",
                             "gains": "示例新建卫生室甲", "map": "<iframe"},
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_from_any_folder(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
                   ).execute()
    cells = {cell.id: cell.outputs for cell in code_of(notebook)}
    assert [output.text for outputs in cells.values() for output in outputs if output.get("name") == "stderr"] == []
    assert all(cells.values())
    assert list(tmp_path.iterdir()) == []
    for name, part in SHOWN[path.stem].items():
        assert part in "".join(output.get("text", "") + output.get("data", {}).get("text/html", "")
                               for output in cells[name]), name
