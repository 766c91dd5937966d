"""Write the same county plainly: UTF-8, WGS 84, the product's own columns; what the office's set must agree with."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import formats, registers
from .county import CRS, LAYERS, County, Facility, county

_ROAD_CLASSES = {"省道": "primary", "县道": "secondary", "乡道": "tertiary", "村道": "unclassified", "机耕道": "track"}
_LAYER_OF = {"hospitals": "clinics"}


def write_truth(folder: Path) -> Path:
    """Write the county plainly and give its run file."""
    truth = county()
    folder.mkdir(parents=True, exist_ok=True)
    formats.write_layer(folder / "townships.geojson", truth.townships)
    formats.write_layer(folder / "places.geojson", truth.places)
    formats.write_layer(folder / "barriers.geojson", truth.river.to_crs("EPSG:4326"))
    roads = truth.roads.assign(**{"道路等级": truth.roads["道路等级"].map(_ROAD_CLASSES),
                                  "桥梁": truth.roads["桥梁"].map({"是": "yes", "否": "no"})})
    roads = roads.rename(columns={"路名": "name", "道路等级": "class", "限速": "maxspeed", "桥梁": "bridge"})
    formats.write_layer(folder / "roads.gpkg", roads)
    formats.write_heights(folder / "elevation.tif", truth.heights_m)
    _write_csv(folder / "people.csv", truth.people)
    _write_csv(folder / "totals.csv", _totals(truth))
    layers = [layer for layer in LAYERS if layer != "hospitals"]
    for layer in layers:
        _write_csv(folder / f"{layer}.csv", [_facility(item) for item in _in_office_order(truth, layer)])
    (folder / "policy.toml").write_text(registers.policy_text(), encoding="utf-8")
    (folder / "district.toml").write_text(_run_file(layers), encoding="utf-8")
    return folder / "district.toml"


def _in_office_order(truth: County, layer: str) -> list[Facility]:
    """List the facilities of a layer as the office's files do: by township in the register, then the hospitals."""
    mine = [item for item in truth.facilities if item.layer == layer]
    if layer in ("clinics", "sports_corners"):
        mine.sort(key=lambda item: (item.township_code, item.facility_id))
    return mine + [item for item in truth.facilities if _LAYER_OF.get(item.layer) == layer]


def _facility(item: Facility) -> dict[str, Any]:
    """Give the row of a facility; degrees in full, so that nothing is lost on the way."""
    name = registers.WIDE_NAME if item.facility_id == "YD002" else item.name
    return {"facility_id": item.facility_id, "name": name, "level": item.level, "township_code": item.township_code,
            "lon": repr(item.lonlat[0]), "lat": repr(item.lonlat[1]), "capacity": item.capacity,
            "area_m2": item.area_m2, "effective_area_m2": item.effective_area_m2, "status": item.status,
            "opens_year": item.opens_year}


def _totals(truth: County) -> list[dict[str, Any]]:
    codes = dict.fromkeys(item["township_code"] for item in truth.people)
    return [{"township_code": code, "population": sum(item["population"] for item in truth.people
                                                      if item["township_code"] == code)} for code in codes]


def _write_csv(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _run_file(layers: list[str]) -> str:
    text = f"""[district]
name = "示例区"
code = "519998000000"
crs = "{CRS}"
data_date = "2025-06-30"

[boundaries]
file = "townships.geojson"
places = "places.geojson"
quality = "register"

[people]
file = "people.csv"
totals = "totals.csv"
quality = "register"

[barriers]
file = "barriers.geojson"

[roads]
file = "roads.gpkg"
elevation = "elevation.tif"
quality = "surveyed"
"""
    for layer in layers:
        text += f'\n[[facilities]]\nlayer = "{layer}"\nfile = "{layer}.csv"\nquality = "register"\n'
    return text + '\n[policy]\nfile = "policy.toml"\n\n[surface]\ncell_m = 100\n'
