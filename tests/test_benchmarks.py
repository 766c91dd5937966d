"""The benchmark runs, compares answers and keeps its keys; how long anything takes is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tinytown import write_town

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import run as bench_run
from analystdata import District
from analystsame import same_minutes
from analystusual import usual_minutes
from endtoend import table_of
from pbfbench import pbf_rows
from reasons import FOUND, reason
from rows import Row
from searchbench import growth_rows
from wholerun import agreement

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "run.py"
GRID_KEYS = [
    *(f"search/nodes=400/{name}" for name in ("lifecircle", "sweep", "scipy", "networkx")),
    "layers/nodes=400/lifecircle", "layers/nodes=400/scipy",
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
        assert set(row) == {"key", "seconds", "ratio", "goal", "note", "measured", "missed"}
        assert row["seconds"] > 0
        assert (row["ratio"] is None) == row["key"].endswith("/lifecircle")
        assert row["key"] in printed


def test_rows_of_the_other_searches_and_of_building(tmp_path):
    report, _ = bench(tmp_path, "--only", "jobs", "--only", "build", "--nodes", "400", "--facilities", "10")
    assert [row["key"] for row in report["rows"]] == [
        "improve/nodes=400/lifecircle", "improve/nodes=400/again", "k_nearest/nodes=400/lifecircle",
        "k_nearest/nodes=400/scipy", "within/nodes=400/lifecircle", "within/nodes=400/one thread",
        "within/nodes=400/scipy", "build/nodes=400/lifecircle", "save/nodes=400/lifecircle",
        "load/nodes=400/lifecircle"]


def test_rows_that_miss_their_goal_come_first(tmp_path):
    report, printed = bench(tmp_path, "--only", "search", "--nodes", "400", "--facilities", "5")
    order = [line.split("`")[1] for line in printed.splitlines() if line.startswith("| `")]
    missed = [row["key"] for row in report["rows"] if row["missed"]]
    kept = [row["key"] for row in report["rows"] if not row["missed"]]
    assert order == missed + kept


@pytest.mark.parametrize(("row", "missed"), [
    (Row("a", 1.0, 2.9, "≥ 3"), True), (Row("a", 1.0, 3.0, "≥ 3"), False),
    (Row("a", 1.6, None, "≤ 1.5 s, 0 missed"), True), (Row("a", 9.0, None, "≤ 100 bytes", measured=99.0), False),
    (Row("a", 0.1, None, "≤ 100 bytes", measured=101.0), True), (Row("a", 9.0), False),
])
def test_the_first_number_of_a_goal_is_judged(row, missed):
    assert row.missed is missed


def test_growth_is_time_per_node_of_the_largest_grid_over_the_smallest():
    rows = [Row("search/nodes=100/lifecircle", 1.0), Row("search/nodes=100/scipy", 7.0),
            Row("search/nodes=200/lifecircle", 3.0), Row("search/wuhan/lifecircle", 50.0)]
    assert [row.measured for row in growth_rows(rows)] == [1.5]
    assert list(growth_rows(rows[:1])) == []


def test_rows_of_a_district(tmp_path):
    report, _ = bench(tmp_path, "--only", "surfaces", "--only", "run", "--only", "endtoend", "--runfile",
                      str(write_town(tmp_path / "town")))
    rows = {row["key"]: row for row in report["rows"]}
    assert len(rows) == len(report["rows"])
    assert {"surfaces/demo/all", "run/help/wall", "run/demo/solve_travel_times", "run/demo/wall", "run/demo/memory",
            "endtoend/demo/lifecircle"} <= set(rows)
    for rule in ("usual", "same"):  # every home of the town stands on a crossing, so nearest nodes are as good
        assert "differs by at most 0 points in the district, 0 in a township" in rows[f"endtoend/demo/{rule}"]["note"]


@pytest.mark.parametrize("minutes", [usual_minutes, same_minutes])
def test_the_script_of_an_analyst_gives_the_town_worked_by_hand(tmp_path, minutes):
    district = District.read(write_town(tmp_path))
    table = table_of(district, minutes(district)).groupby("layer").sum(numeric_only=True)
    assert table.loc["clinics", ["people", "people_in_time", "people_out"]].tolist() == [1000, 550, 450]
    assert table.loc["elderly_care", ["people", "people_in_time", "people_out"]].tolist() == [240, 96, 144]


def test_a_table_of_more_people_than_may_have_changed_sides_is_refused(tmp_path):
    runfile, out, table = write_town(tmp_path / "town"), tmp_path / "out", tmp_path / "table.csv"
    subprocess.run([sys.executable, "-m", "lifecircle", "run", str(runfile), "--out", str(out)], check=True,
                   capture_output=True)
    district = District.read(runfile)
    made = table_of(district, usual_minutes(district))
    clinics_east = (made["layer"] == "clinics") & made["township_code"].str.endswith("2000")
    made.loc[clinics_east, "people_in_time"] += 50  # one point, that of 丙 which is just in time, may change sides
    made.to_csv(table, index=False)
    assert "5 points in the district, 10 in a township" in agreement(out, table, 0.4)
    made.loc[clinics_east, "people_in_time"] += 1
    made.to_csv(table, index=False)
    with pytest.raises(AssertionError, match="changed sides"):
        agreement(out, table, 0.4)
    made.loc[clinics_east, "people"] += 1
    made.to_csv(table, index=False)
    with pytest.raises(AssertionError, match="other people"):
        agreement(out, table, None)


def test_only_counts_of_small_groups_may_be_blank(tmp_path):
    key = {"layer": ["care", "care"], "township_code": ["1", "2"]}
    table = pd.DataFrame({**key, "people": [9.0, 90.0], "people_in_time": [4.0, 45.0]})
    table.to_csv(tmp_path / "table.csv", index=False)
    pd.DataFrame({"township_code": ["1", "2"]}).to_parquet(tmp_path / "demand.parquet")
    told = pd.DataFrame({"layer": "care", "township_code": "2", "class": "all", "headline": True,
                         "indicator": ["people", "people_in_time"], "value": [90.0, 45.0]})
    told.to_csv(tmp_path / "results.csv", index=False)
    assert "0 points in the district, 0 in a township" in agreement(tmp_path, tmp_path / "table.csv", None)
    told[told["indicator"] == "people"].to_csv(tmp_path / "results.csv", index=False)
    table.assign(people_in_time=[4.0, 10.0]).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(AssertionError, match="other people"):
        agreement(tmp_path, tmp_path / "table.csv", None)


def test_a_complete_run_writes_page_and_plot(tmp_path):
    page = tmp_path / "benchmarks.md"
    done = subprocess.run([sys.executable, str(SCRIPT), "--only", "search", "--nodes", "100", "--facilities", "5",
                           "--docs", str(page)], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert "`growth/nodes=100-5000/lifecircle`" in text
    assert "](images/growth.svg)" in text
    plot = (tmp_path / "images" / "growth.svg").read_text(encoding="utf-8")
    assert [f">{nodes}<" in plot for nodes in ("100", "1,000", "5,000")] == [True] * 3


def test_a_missed_row_says_why():
    lines = bench_run._table([Row("layers/andorra/scipy", 1.0, 2.4, "≥ 5"), Row("x/y", 1.0, 1.0, "≥ 5"),
                              Row("z", 1.0, 9.0, "≥ 5")]).splitlines()[2:]
    assert "**why:** " + reason("layers/andorra/scipy") in lines[0]
    assert reason("layers/andorra/scipy") in FOUND.values()
    assert "not profiled yet" in lines[1]
    assert "why" not in lines[2]


def test_rows_of_an_extract():
    """The extract has the segments, and the areas in proportion: 13 waters and 24 townships."""
    seconds, memory = pbf_rows(1, 2_500)
    assert (seconds.key, memory.key) == ("pbf/2500/seconds", "pbf/2500/memory")
    assert seconds.note.startswith("2500 segments, ")
    assert "37 areas" in seconds.note
    assert 0 <= memory.measured < 200


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--nodes", "many"]])
def test_unknown_names_are_refused(tmp_path, arguments):
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, check=False)
    assert done.returncode == 2
