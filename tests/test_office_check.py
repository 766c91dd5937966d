"""The raw set of an office: every planted fault is named by file and row, and nothing else; mended, it is the truth."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from command import inside
from lifecircle import assess
from office.make_office import apply_remedies, read_faults, write_office, write_truth

LISTS = read_faults()
FAULTS = {fault["number"]: fault for fault in LISTS["fault"]}
#: Faults that hide the others of their file.
FIRST = {number for number, fault in FAULTS.items() if fault.get("hides")}
#: Faults that can be heard from when those are mended.
LATER = [fault for number, fault in FAULTS.items() if number not in FIRST]
#: File and code of what may follow from the faults of a consequence.
FOLLOWS = {
    ("公共服务设施台账.xlsx", "total_differs"), ("村社区人口名册.xlsx", "total_differs"),
    ("乡镇常住人口.xlsx", "totals_differ"), ("乡镇常住人口.xlsx", "total_differs"),
    ("村社区人口名册.xlsx", "place_not_found"), ("村社区人口名册.xlsx", "place_without_people"),
    ("村社区人口名册.xlsx", "people_per_township"), ("村社区界.geojson", "township_unknown"),
}


def checked(runfile: Path) -> list[dict[str, Any]]:
    code, out, err = inside("check", "--json", runfile)
    found: list[dict[str, Any]] = json.loads(out)
    assert code == (3 if any(item["severity"] == "stop" for item in found) else 0), err
    return found


def loud(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [item for item in findings if item["severity"] != "note"]


def rows_of(finding: dict[str, Any]) -> set[int]:
    """Read the rows or features that a finding names."""
    return {int(number) for number in re.findall(r"\d+", finding["id"])} if re.fullmatch(
        r"(way )?\d+(, \d+)*( and \d+ more)?", finding["id"]) else set()


def rows_at_fault(fault: dict[str, Any]) -> set[int]:
    return {edit["row"] for form in ("cells", "extra") for edit in fault.get(form, [])}


def names(finding: dict[str, Any], fault: dict[str, Any]) -> bool:
    """Tell whether a finding is about a fault: by row, or by name where it is the row that is missing."""
    if finding["file"] != fault["file"]:
        return False
    lost = [edit["cells"][2] for edit in fault.get("missing", []) if not fault.get("extra")]
    return bool(rows_of(finding) & rows_at_fault(fault)) or any(name in finding["value"] for name in lost)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("office")


@pytest.fixture(scope="module")
def clean(folder: Path) -> Path:
    return write_office(folder / "clean", clean=True)


@pytest.fixture(scope="module")
def second(folder: Path) -> tuple[Path, list[dict[str, Any]]]:
    """The faulty set after the remedies that uncover the others, and what is said of it."""
    runfile = write_office(folder / "second", clean=False)
    apply_remedies(runfile.parent, FIRST)
    return runfile, checked(runfile)


@pytest.fixture(scope="module")
def truth(folder: Path) -> Any:
    return assess(write_truth(folder / "truth"))


def assert_the_truth(runfile: Path, truth: Any) -> None:
    """Compare every figure and every gap, to the digit."""
    mine = assess(runfile)
    pd.testing.assert_frame_equal(mine.results, truth.results, check_exact=True)
    pd.testing.assert_frame_equal(mine.gaps, truth.gaps, check_exact=True)
    assert len(mine.results) > 50


def test_the_clean_set_is_sound(clean: Path) -> None:
    assert loud(checked(clean)) == []


def test_the_clean_set_gives_the_truth(clean: Path, truth: Any) -> None:
    assert_the_truth(clean, truth)


def test_faults_that_hide_others_are_named_first(folder: Path) -> None:
    runfile = write_office(folder / "first", clean=False)
    stopped = {item["file"] for item in checked(runfile) if item["severity"] == "stop"}
    assert {FAULTS[number].get("about", FAULTS[number]["file"]) for number in FIRST} <= stopped


def test_a_wrong_datum_is_doubted_once_the_file_can_be_read(folder: Path) -> None:
    """Fault 61 lies behind fault 60: both are about the same file."""
    runfile = write_office(folder / "datum", clean=False)
    apply_remedies(runfile.parent, {60})
    [doubted] = [item for item in checked(runfile)
                 if (item["file"], item["code"]) == ("托育机构.csv", "datum_doubtful")]
    assert doubted["severity"] == "warn"
    assert 'datum = "bd09"' in doubted["remedy"]


@pytest.mark.parametrize("fault", LATER, ids=lambda fault: f"{fault['number']:02d}")
def test_every_fault_is_named_by_file_and_row(fault: dict[str, Any], second: tuple[Path, list[dict[str, Any]]]) -> None:
    """A fault that touches figures is a stop or a warning; of some the tool is stricter or milder than the list."""
    found = [item for item in second[1] if names(item, fault)]
    assert found if fault["severity"] == "note" else loud(found)
    missed = rows_at_fault(fault) - set().union(*(rows_of(item) for item in found))
    assert not missed
    assert all(item["code"] and item["message"] for item in found)
    assert all(item["remedy"] for item in loud(found))


def test_nothing_else_is_said(second: tuple[Path, list[dict[str, Any]]]) -> None:
    strange = [item for item in loud(second[1]) if not any(names(item, fault) for fault in LATER)
               and (item["file"], item["code"]) not in FOLLOWS]
    assert strange == []


@pytest.mark.parametrize("decoy", LISTS["decoy"], ids=lambda decoy: decoy["why"][:12])
def test_what_is_odd_and_right_is_no_fault(decoy: dict[str, Any], second: tuple[Path, list[dict[str, Any]]]) -> None:
    """What is said of the row is of a fault in another column or of a twin of the row, and does not show the value."""
    row, value = decoy.get("row_faulty", decoy["row"]), str(decoy["value"]).strip()
    said = [item for item in loud(second[1]) if item["file"] == decoy["file"] and row in rows_of(item)]
    assert [item for item in said if not any(names(item, fault) for fault in LATER)] == []
    assert [item for item in said if value and value in item["value"].split(", ")] == []


def test_mended_the_set_gives_the_truth(folder: Path, second: tuple[Path, list[dict[str, Any]]], truth: Any) -> None:
    runfile = write_office(folder / "mended", clean=False)
    apply_remedies(runfile.parent)
    assert loud(checked(runfile)) == []
    assert_the_truth(runfile, truth)
