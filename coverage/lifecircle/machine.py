"""Say what stands on this machine: versions, drivers, fonts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any


def machine_record() -> dict[str, Any]:
    """Give versions, drivers and fonts, as ``lifecircle doctor`` prints them."""
    from lifecircle.inputs.files import loaded_drivers  # before anything else loads GDAL
    from lifecircle.describe import versions  # isort: skip

    return {"python": sys.version.split()[0], **versions(), "rasterio GDAL": _rasterio_gdal(), "drivers": _drivers(),
            "not shut off": loaded_drivers(), "cjk fonts": _cjk_fonts()}


def _rasterio_gdal() -> str:
    import rasterio

    return str(rasterio.__gdal_version__)


def _drivers() -> list[str]:
    import pyogrio

    wanted = ("GPKG", "GeoJSON", "ESRI Shapefile", "Parquet", "FlatGeobuf", "KML")
    return [name for name in wanted if name in pyogrio.list_drivers()]


def _cjk_fonts() -> list[str]:
    roots = [Path("/usr/share/fonts"), Path.home() / ".fonts", Path("/System/Library/Fonts"), Path("C:/Windows/Fonts")]
    marks = ("cjk", "wqy", "msyh", "simhei", "simsun", "pingfang", "sourcehan")
    found = {file.name for root in roots if root.is_dir() for file in root.rglob("*.tt*")
             if any(mark in file.name.lower() for mark in marks)}
    return sorted(found)[:5] or ["none found"]
