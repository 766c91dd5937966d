"""Long straight walks between a place or a facility and the road are listed, the longest first."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import lifecircle
from lifecircle.outputs.rundir import write_run
from tinytown import lonlat, write_town


def test_long_legs_are_listed(tmp_path: Path) -> None:
    """Streets lie 500 m apart: the middle of a block is 250 m off; the clinic is moved 120 m from both its streets."""
    runfile = write_town(tmp_path / "town")
    people = pd.read_csv(tmp_path / "town" / "people.csv", dtype=str)
    for row, place_m in ((19, (3750.0, 1750.0)), (18, (3500.0 + 130.0, 1500.0 + 140.0))):
        people.loc[row, ["lon", "lat"]] = [str(degrees) for degrees in lonlat(*place_m)]
    people.to_csv(tmp_path / "town" / "people.csv", index=False)
    clinics = pd.read_csv(tmp_path / "town" / "clinics.csv", dtype=str)
    clinics.loc[0, ["lon", "lat"]] = [str(degrees) for degrees in lonlat(620.0, 1120.0)]
    clinics.to_csv(tmp_path / "town" / "clinics.csv", index=False)

    assessment = lifecircle.assess(runfile)
    legs = assessment.long_legs
    last, last_but_one = people["demand_id"].iloc[[19, 18]]
    assert legs[["kind", "id"]].to_numpy().tolist() == [
        ["demand", last], ["demand", last_but_one], ["facility", "C1"]]
    assert legs["snap_m"].to_numpy() == pytest.approx([250.0, 130.0, 120.0], abs=0.01)
    demand = assessment.demand.set_index("demand_id")
    assert demand.loc["d0", "snap_m"] == pytest.approx(0.0, abs=0.01)
    finding = next(item for item in assessment.findings if item.code == "long_legs")
    assert (finding.count, finding.id) == (2, last_but_one)
    assert "100 people at 2 points walk more than 100 m straight to the nearest road, 250 m at most" in finding.message

    written = write_run(assessment, tmp_path / "out") / "long_legs.csv"
    assert len(written.read_text(encoding="utf-8-sig").splitlines()) == 4


def test_nobody_far_off_leaves_an_empty_list(tmp_path: Path) -> None:
    assessment = lifecircle.assess(write_town(tmp_path / "town"))
    assert assessment.long_legs.empty
    assert not any(item.code == "long_legs" for item in assessment.findings)
