"""CSV: safe in a spreadsheet, the same every time, and read back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifecircle.errors import MissingFileError, UnreadableFileError
from lifecircle.outputs.tables import ORDER, csv_text, format_number, guard_text, read_csv, records, write_csv
from lifecircle.tables import RESULTS_KEY
from sample_assessment import DISTRICT, sample


@pytest.mark.parametrize(("text", "written"), [
    ("=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"), ("+1", "'+1"), ("-1+2", "'-1+2"), ("@x", "'@x"), ("＝1", "'＝1"),
    ("\t=1", "'=1"), ("\r=1", "'=1"), ("a\x00b\x07c", "abc"), ("line\nbreak", "line break"), ("清江镇", "清江镇"),
    ("O'Neill", "O'Neill"), ("'=1", "''=1"),
])
def test_text_is_guarded(text: str, written: str) -> None:
    assert guard_text(pd.Series([text])).tolist() == [written]


@pytest.mark.parametrize(("number", "written"), [
    (0.1 + 0.2, "0.3"), (1e-12, "0"), (-1e-12, "0"), (123456.0, "123456"), (2.5, "2.5"), (np.nan, ""), (np.inf, "inf"),
    (-np.inf, "-inf"), (1 / 3, "0.333333333"), (-0.5, "-0.5"), (1e10, "10000000000"),
])
def test_number_has_one_form(number: float, written: str) -> None:
    assert format_number(number) == written


def test_numbers_below_zero_are_not_guarded() -> None:
    assert csv_text(pd.DataFrame({"value": [-1.5]})) == "value\n-1.5\n"


def test_file_has_a_mark_and_keeps_codes(tmp_path: Path) -> None:
    write_csv(pd.DataFrame({"township_code": ["001", "511902001000"], "value": [1.0, np.nan]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b"\xef\xbb\xbftownship_code,value\n001,1\n511902001000,\n"
    assert read_csv(tmp_path / "t.csv")["township_code"].tolist() == ["001", "511902001000"]


def test_results_come_back(tmp_path: Path) -> None:
    results = sample().results
    write_csv(results, tmp_path / "results.csv", order=ORDER["results"])
    back = read_csv(tmp_path / "results.csv")
    wanted = results.sort_values(["headline", *RESULTS_KEY], ascending=[False, *[True] * len(RESULTS_KEY)],
                                 kind="stable").reset_index(drop=True)
    pd.testing.assert_frame_equal(back, wanted, check_exact=False, atol=1e-9, rtol=0, check_dtype=False)
    assert back["headline"].dtype == bool


def test_results_open_with_what_decides(tmp_path: Path) -> None:
    results = sample().results.sample(frac=1, random_state=3)
    results["headline"] = results["indicator"] == "coverage_rate"
    write_csv(results, tmp_path / "results.csv", order=ORDER["results"])
    back = read_csv(tmp_path / "results.csv")
    decides = int(results["headline"].sum())
    assert 0 < decides < len(back)
    assert back["headline"].tolist() == [True] * decides + [False] * (len(back) - decides)
    for part in (back[:decides], back[decides:]):
        keys = part[list(RESULTS_KEY)].reset_index(drop=True)
        pd.testing.assert_frame_equal(keys, keys.sort_values(list(RESULTS_KEY), ignore_index=True))
    assert tuple(back.columns) == tuple(results.columns)


@pytest.mark.parametrize("name", ["=1+1", "'=1", "''@x", "+a", "清江镇", "NA", "007", "a,\"b\""])
def test_any_name_comes_back(tmp_path: Path, name: str) -> None:
    write_csv(sample(hostile=lambda sink: name).gaps, tmp_path / "gaps.csv", order=ORDER["gaps"])
    assert set(read_csv(tmp_path / "gaps.csv")["place"]) == {name}


def test_order_of_rows_in_does_not_matter(tmp_path: Path) -> None:
    gaps = sample().gaps
    write_csv(gaps, tmp_path / "a.csv", order=ORDER["gaps"])
    write_csv(gaps.sample(frac=1, random_state=3), tmp_path / "b.csv", order=ORDER["gaps"])
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_sums_survive_the_file(tmp_path: Path) -> None:
    gaps = pd.DataFrame({"place": [f"p{i}" for i in range(1000)], "people_out": np.full(1000, 1 / 3)})
    write_csv(gaps, tmp_path / "gaps.csv")
    assert read_csv(tmp_path / "gaps.csv")["people_out"].sum() == pytest.approx(1000 / 3, abs=1e-6)


def test_records_hold_no_nan() -> None:
    frame = pd.DataFrame({"township_code": ["001"], "value": [np.nan], "worst": [np.inf], "headline": [np.True_]})
    assert records(frame) == [{"township_code": "001", "value": None, "worst": None, "headline": True}]


def test_faults_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"gaps\.csv: no such file; run the district again"):
        read_csv(tmp_path / "gaps.csv")
    (tmp_path / "gaps.csv").write_text("people\nmany\n", encoding="utf-8")
    with pytest.raises(UnreadableFileError, match=r"gaps\.csv: is no table of results"):
        read_csv(tmp_path / "gaps.csv")
    (tmp_path / "gaps.csv").write_bytes(b"\xff\xfe\x00people\n")
    with pytest.raises(UnreadableFileError, match=r"gaps\.csv"):
        read_csv(tmp_path / "gaps.csv")


def test_sample_keeps_its_identities() -> None:
    """The sample is what other tests lean on: people add up in every unit, and gaps agree with results."""
    results, gaps = sample().results, sample().gaps
    wide = results[results["class"] == "all"].pivot_table(index=["township_code", "layer"], columns="indicator",
                                                          values="value")
    parts = wide[["people_in_time", "people_out", "people_undetermined"]].sum(axis=1)
    assert np.allclose(parts, wide["people"], atol=1e-9)
    out = gaps[gaps["kind"] == "reach"].groupby("layer")["people_out"].sum()
    district = wide.xs(DISTRICT, level="township_code")["people_out"]
    assert np.allclose(out.reindex(district.index, fill_value=0.0), district, atol=1e-9)
