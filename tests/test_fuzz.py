"""A small sample of the fuzzer: every reader, a few hundred spoilt inputs; docs/safety.md tells of the whole of it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from lifecircle.errors import InputError
from lifecircle.inputs.findings import Findings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
import fuzz
import fuzzread
from fuzzmutate import spoil
from fuzzseeds import SEEDS

#: Inputs of each reader, the dear ones fewer: about a second each.
COUNTS = {**dict.fromkeys(SEEDS, 150), "kml": 300, "run file": 500, "policy": 500, "plan": 500, "scenario": 400,
          "xlsx": 12, "ods": 12, "xls": 8, "graphml": 12, "osm xml": 40, "osm.pbf": 40, "hgt": 8, "tif": 40, "shp": 60,
          "gpkg": 60}


@pytest.mark.parametrize("name", SEEDS)
@pytest.mark.filterwarnings("ignore")
def test_inputs_before_they_are_spoilt_are_read(tmp_path: Path, name: str) -> None:
    """A fuzzer that starts from refused inputs would test nothing behind the first door."""
    for role, files in SEEDS[name](tmp_path):
        findings = Findings()
        fuzzread.READS[role](fuzzread.write_input(tmp_path, files), findings)
        assert not findings.stops


@pytest.mark.skipif(sys.platform == "win32", reason="the fuzzer forks")
@pytest.mark.parametrize("name", SEEDS)
def test_spoilt_inputs_are_read_or_refused(name: str) -> None:
    tally = fuzz.run_watched(name, range(1_000_000, 1_000_000 + COUNTS[name]))
    assert tally.failures == []
    assert tally.inputs == COUNTS[name]
    assert tally.refused > 0


def test_the_fuzzer_sees_what_it_looks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers that follow a link, raise another error or give the canary away are failures."""
    watch = fuzzread.Watch(tmp_path / "canary.txt")
    path = tmp_path / "in.csv"
    path.touch()

    def follow(_path: Path, _findings: Findings) -> str:
        return watch.canary.read_text(encoding="utf-8")[:4]

    def give_away(_path: Path, findings: Findings) -> None:
        findings.add("note", "x", f"it says {fuzzread.SECRET}")

    def two_lines(_path: Path, _findings: Findings) -> None:
        error = InputError("a.csv", "broken")
        error.args = ("one\ntwo",)
        raise error

    for read, said in ((follow, "opened from outside"), (give_away, "content of another file"),
                       (two_lines, "more than one line")):
        monkeypatch.setitem(fuzzread.READS, "tried", read)
        with pytest.raises(AssertionError, match=said):
            fuzzread.read_one("tried", path, False, watch)
    monkeypatch.setitem(fuzzread.READS, "tried", lambda *_: {}["x"])
    with pytest.raises(KeyError):
        fuzzread.read_one("tried", path, False, watch)
    monkeypatch.setitem(fuzzread.READS, "tried", lambda *_: 1)
    assert fuzzread.read_one("tried", path, False, watch) == "read"


def test_a_number_makes_the_same_input_again(tmp_path: Path) -> None:
    seeds = SEEDS["csv"](tmp_path)
    first, again, other = (fuzz.make_input("csv", number, seeds, tmp_path / "c") for number in (7, 7, 8))
    assert first == again != other
    assert spoil({"a.csv": b"abc"}, np.random.default_rng(1), tmp_path) == spoil({"a.csv": b"abc"},
                                                                               np.random.default_rng(1), tmp_path)
