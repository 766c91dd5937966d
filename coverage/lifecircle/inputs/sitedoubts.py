"""Doubt facilities beside each other: one site that stands twice in a layer, and so counts its area twice."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from lifecircle.errors import first_of
from lifecircle.inputs.findings import OUTSIDE, Findings, join_codes
from lifecircle.inputs.names import plain_name

#: Facilities of one name in two files that lie nearer than this are one.
SAME_SITE_M = 50.0
#: Outlines that share more than this part of the smaller are one site.
MOST_SHARED = 0.5


def report_twins(table: gpd.GeoDataFrame, findings: Findings) -> None:
    """Warn of facilities of a layer that two files hold, or whose outlines lie on each other; once for each two files.

    Parameters
    ----------
    table : GeoDataFrame
        layer, name, township_code, file, row (as the file counts it) and the outline, in metres; the index counts.
    findings : Findings
    """
    for layer, rows in table.groupby("layer", sort=False):
        pairs = _pairs(rows)
        files = rows["file"].to_numpy(dtype=object)
        for one, other in dict.fromkeys(zip(files[pairs[0]], files[pairs[1]], strict=True)):
            first, second = (rows.iloc[side[(files[pairs[0]] == one) & (files[pairs[1]] == other)]] for side in pairs)
            own = [*second["row"], *(first["row"] if one == other else [])]
            homes = [*first["township_code"].replace("", OUTSIDE), *second["township_code"].replace("", OUTSIDE)]
            told = (second["name"] + " (" + second["row"] + ") = ").tolist()
            beside = (first["name"] + " (" + one + " " + first["row"] + ")").tolist()
            findings.add("warn", "facility_twice", f"layer {layer}: {len(first)} facilities stand where another of the "
                         "layer does, by name or outline; each counts", file=other, layer=str(layer),
                         township_code=join_codes(homes), id=first_of(list(dict.fromkeys(own)), 20), count=len(first),
                         value=first_of([a + b for a, b in zip(told, beside, strict=True)]),
                         remedy="delete those that were entered twice")


def _pairs(rows: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Find the positions of facilities that may be one, each pair once, the later one second."""
    shapes = rows.geometry.to_numpy()
    later, first = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=SAME_SITE_M)
    later, first = later[first < later], first[first < later]
    name = rows["name"].map(plain_name).to_numpy(dtype=object)
    named = (name[first] == name[later]) & (name[first] != "")
    apart = rows["file"].to_numpy(dtype=object)[first] != rows["file"].to_numpy(dtype=object)[later]
    areas = shapely.area(shapes)
    smaller = np.minimum(areas[first], areas[later])
    shared = (smaller > 0) & (shapely.area(shapely.intersection(shapes[first], shapes[later])) > MOST_SHARED * smaller)
    found = (named & apart) | (shared & (apart | ~named))
    return first[found], later[found]
