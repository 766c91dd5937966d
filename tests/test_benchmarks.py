"""The benchmark runs, compares answers and keeps its keys; how long anything takes is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tinytown import write_town

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "run.py"
GRID_KEYS = [
    "search/nodes=400/lifecircle", "search/nodes=400/scipy", "search/nodes=400/networkx",
    *(f"polygons/{mode}/nodes=400/facilities=5/{name}" for mode in ("walk", "car")
      for name in ("lifecircle", "concave_hull", "buffered_edges")),
]


def bench(tmp_path, *arguments):
    report = tmp_path / "rows.json"
    done = subprocess.run([sys.executable, str(SCRIPT), "--quick", "--json", str(report), *arguments], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(report.read_text(encoding="utf-8")), done.stdout


def test_rows_on_a_small_grid(tmp_path):
    report, printed = bench(tmp_path, "--only", "search", "--only", "polygons", "--nodes", "400", "--facilities", "5")
    assert report["quick"] is True
    assert report["cores"] >= 1
    assert [row["key"] for row in report["rows"]] == GRID_KEYS
    for row in report["rows"]:
        assert set(row) == {"key", "seconds", "ratio", "goal", "note"}
        assert row["seconds"] > 0
        assert (row["ratio"] is None) == row["key"].endswith("/lifecircle")
        assert row["key"] in printed


def test_rows_of_a_district(tmp_path):
    report, _ = bench(tmp_path, "--only", "surfaces", "--only", "run", "--runfile", str(write_town(tmp_path / "town")))
    keys = [row["key"] for row in report["rows"]]
    assert "surfaces/demo/all" in keys
    assert {"run/demo/solve_travel_times", "run/demo/wall"} <= set(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--nodes", "many"]])
def test_unknown_names_are_refused(tmp_path, arguments):
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, check=False)
    assert done.returncode == 2
