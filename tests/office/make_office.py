"""Write the raw files of a made-up district office, clean or with the faults of faults.toml, and mend them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

from . import formats, registers
from .county import CRS, SOUTH_M, WEST_M, County, county
from .truth import write_truth

__all__ = ["apply_remedies", "read_faults", "write_office", "write_truth"]

FAULTS = Path(__file__).with_name("faults.toml")
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
    write_heights(folder / registers.HEIGHTS, truth)
    (folder / registers.RUN_FILE).write_text(registers.run_file_text(), encoding="utf-8")
    (folder / registers.POLICY).write_text(registers.policy_text(), encoding="utf-8")


def write_heights(path: Path, truth: County) -> None:
    """Write the heights as a GeoTIFF of 200 m cells."""
    rows, columns = truth.heights_m.shape
    with rasterio.open(path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32", crs=CRS,
                       transform=from_origin(WEST_M - 3_000, SOUTH_M + 12_000, 200, 200)) as raster:
        raster.write(np.asarray(truth.heights_m), 1)


def _by_file(part: str) -> dict[str, list[dict[str, Any]]]:
    """Gather one kind of edit of all faults by file."""
    found: dict[str, list[dict[str, Any]]] = {}
    for fault in read_faults()["fault"]:
        found.setdefault(fault["file"], []).extend(fault.get(part, []))
    return found


def _files() -> list[str]:
    return list(dict.fromkeys(fault["file"] for fault in read_faults()["fault"]))


def _plant(folder: Path) -> None:
    """Turn clean files into faulty ones: rows first, so that cells are counted as in the faulty file."""
    for name in _files():
        _replace(folder / name, _by_file("text")[name], "set", "value")
        missing, extra, cells = (_by_file(part)[name] for part in ("missing", "extra", "cells"))
        if missing or extra or cells:
            file = formats.open_file(folder / name)
            _delete(file, missing)
            _insert(file, extra)
            _set(file, cells, "value")
            file.save()
        for edit in _by_file("content")[name]:
            formats.convert(folder / name, edit["value"])


def apply_remedies(folder: Path) -> None:
    """Do to the faulty files what the office's clerk would do: every remedy of faults.toml."""
    for name in _files():
        for edit in _by_file("content")[name]:
            formats.convert(folder / name, edit["set"])
        _replace(folder / name, _by_file("text")[name], "value", "set")
        missing, extra, cells = (_by_file(part)[name] for part in ("missing", "extra", "cells"))
        if missing or extra or cells:
            file = formats.open_file(folder / name)
            _set(file, cells, "set")
            _delete(file, extra)
            _insert(file, missing)
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
