"""Write the raw files of a made-up district office, clean or with the faults of faults.toml, and mend them."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from . import formats, registers
from .county import County, county
from .truth import write_truth

__all__ = ["apply_remedies", "read_faults", "write_office", "write_truth"]

FAULTS = Path(__file__).with_name("faults.toml")
FORMS = ("cells", "extra", "missing", "text", "content")
_TITLE = ("A1:S1", "A2:S2", "G3:I3", "J3:K3", *(f"{letter}3:{letter}4" for letter in "ABCDEFLMNOPQRS"))


def read_faults() -> dict[str, list[dict[str, Any]]]:
    """Read the list of planted faults, what follows from them, and the decoys."""
    return tomllib.loads(FAULTS.read_text(encoding="utf-8"))


def write_office(folder: Path, *, clean: bool) -> Path:
    """Write the office's files and give the run file; the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_clean(folder, county())
    if not clean:
        _plant(folder)
    return folder / registers.RUN_FILE


def _write_clean(folder: Path, truth: County) -> None:
    formats.write_sheet(folder / registers.REGISTER, registers.register_rows(truth), sheet="现状台账", merged=_TITLE,
                        guide=registers.GUIDE)
    formats.write_sheet(folder / registers.HOSPITALS, registers.hospital_rows(truth))
    formats.write_sheet(folder / registers.VILLAGES, registers.village_rows(truth), merged=("A1:F1", "A2:F2"))
    formats.write_sheet(folder / registers.TOTALS, registers.total_rows(truth), merged=("A1:B1",))
    formats.write_text_table(folder / registers.CHILDCARE, registers.childcare_rows(truth), "gb18030")
    formats.write_text_table(folder / registers.SHELTERS, registers.shelter_rows(truth), "utf-8-sig")
    formats.write_layer(folder / registers.ELDERLY, registers.elderly_layer(truth))
    formats.write_layer(folder / registers.TOWNSHIP_AREAS, truth.townships)
    formats.write_layer(folder / registers.PLACE_AREAS, truth.places)
    formats.write_layer(folder / registers.ROADS, truth.roads)
    formats.write_layer(folder / registers.RIVER, truth.river.to_crs("EPSG:4326"))
    formats.write_heights(folder / registers.HEIGHTS, truth.heights_m)
    (folder / registers.RUN_FILE).write_text(registers.run_file_text(), encoding="utf-8")
    (folder / registers.POLICY).write_text(registers.policy_text(), encoding="utf-8")


def _edits(numbers: Collection[int] | None = None) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Gather the edits of the faults, or of those with these numbers: file -> form -> edits."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for fault in read_faults()["fault"]:
        if numbers is None or fault["number"] in numbers:
            forms = found.setdefault(fault["file"], {form: [] for form in FORMS})
            for form, edits in forms.items():
                edits.extend(fault.get(form, []))
    return found


def _plant(folder: Path) -> None:
    """Turn clean files into faulty ones: rows first, so that cells are counted as in the faulty file."""
    for name, edits in _edits().items():
        _replace(folder / name, edits["text"], "set", "value")
        if edits["cells"] or edits["extra"] or edits["missing"]:
            file = formats.open_file(folder / name)
            _delete(file, edits["missing"])
            _insert(file, edits["extra"])
            _set(file, edits["cells"], "value")
            file.save()
        for edit in edits["content"]:
            formats.convert(folder / name, edit["value"])


def apply_remedies(folder: Path, numbers: Collection[int] | None = None) -> None:
    """Do to the faulty files what the office's clerk would do.

    Parameters
    ----------
    folder
        The faulty set.
    numbers
        Only the remedies of these faults. Rows are counted as in the untouched faulty file, so the faults with a row
        too many or too few come last, or all together.
    """
    for name, edits in _edits(numbers).items():
        for edit in edits["content"]:
            formats.convert(folder / name, edit["set"])
        _replace(folder / name, edits["text"], "value", "set")
        if edits["cells"] or edits["extra"] or edits["missing"]:
            file = formats.open_file(folder / name)
            _set(file, edits["cells"], "set")
            _delete(file, edits["extra"])
            _insert(file, edits["missing"])
            file.save()


def _set(file: Any, cells: list[dict[str, Any]], key: str) -> None:
    for edit in cells:
        file.set(edit["row"], edit["column"], edit[key])


def _delete(file: Any, rows: list[dict[str, Any]]) -> None:
    for edit in sorted(rows, key=lambda edit: -int(edit["row"])):
        file.delete(edit["row"])


def _insert(file: Any, rows: list[dict[str, Any]]) -> None:
    for edit in sorted(rows, key=lambda edit: int(edit["row"])):
        file.insert(edit["row"], edit["cells"])


def _replace(path: Path, edits: list[dict[str, Any]], old: str, new: str) -> None:
    """Replace passages of a text file, each of which must stand there exactly once."""
    for edit in edits:
        text = path.read_text(encoding="utf-8")
        if text.count(edit[old]) != 1:
            raise ValueError(f"{path.name}: not exactly once: {edit[old]!r}")
        path.write_text(text.replace(edit[old], edit[new]), encoding="utf-8")
