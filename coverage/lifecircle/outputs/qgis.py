"""Put default styles into a GeoPackage, so that QGIS opens it drawn and with Chinese field names."""

from __future__ import annotations

from pathlib import Path

from lifecircle.assessment import Assessment


def write_styles(path: Path, assessment: Assessment) -> None:
    """Write the ``layer_styles`` table."""
