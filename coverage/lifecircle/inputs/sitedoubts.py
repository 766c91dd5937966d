"""Doubt where facilities stand: twice at one site, or in another place than their row names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.errors import first_of
from lifecircle.inputs.classes import BORDER_M
from lifecircle.inputs.findings import OUTSIDE, Findings, join_codes
from lifecircle.inputs.joins import text_column
from lifecircle.inputs.names import Places, other_kind, plain_name

Array = npt.NDArray[Any]

#: Facilities of one name in two files that lie nearer than this are one.
SAME_SITE_M = 50.0
#: Outlines that share more than this part of the smaller are one site.
MOST_SHARED = 0.5
#: Where places are points, nobody knows how far they reach: a facility is elsewhere where its own place is farther than
#: this and so many times the distance of the nearest one together. Of 1,168 facilities of the model that are named
#: rightly 2 to 12 are doubted so; of those that name a neighbouring place two in five to three in four.
POINT_M, TIMES_NEAREST = 500.0, 3.0
#: Names that less than this share of the rows of a file bear are not those of our places.
FEW_NAMED = 0.5


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


@dataclass(frozen=True)
class PlaceGround:
    """Where the places of the district lie, to compare facilities with.

    Attributes
    ----------
    places : GeoDataFrame
        Villages and communities.
    shapes : array of geometries
        Their outlines; where there is none, their points and those of their people.
    areal : (n,) array of bool
        Whether there is an outline.
    """

    places: gpd.GeoDataFrame
    shapes: Array
    areal: Array

    @classmethod
    def of(cls, places: gpd.GeoDataFrame, demand: gpd.GeoDataFrame) -> PlaceGround:
        """Build from the tables of places and of people, in the study CRS."""
        places = places[places["kind"] != "township"]
        areal = shapely.get_dimensions(places.geometry.to_numpy()) == 2
        bare = places[~areal]
        spots = pd.concat([table[["place_code", "geometry"]] for table in (
            bare, demand[demand["place_code"].isin(bare["place_code"])])])
        spread = {code: shapely.multipoints(points.to_numpy())
                  for code, points in spots.geometry.groupby(spots["place_code"])}
        shapes = [spread.get(code, shape) for code, shape in zip(places["place_code"], places.geometry, strict=True)]
        return cls(places, np.array(shapes, dtype=object), areal)

    def named(self, raw: gpd.GeoDataFrame) -> tuple[Array, pd.Series]:
        """Find the place that each row of the district names, and tell which names are not known.

        A name is sought in the row's township; then, as it stands, in all. A village that has the name of a community
        but for its kind is another place.

        Returns
        -------
        (n,) array of int
            Position in ``places``; -1 where nothing is named or known.
        Series of bool
        """
        inside, name = raw["township_code"] != "", text_column(raw, "place")
        index, names = Places(self.places), self.places.set_index("place_code")["place"]
        own = index.join(text_column(raw, "place_code"), name, raw["township_code"])
        home = own["code"].map(names).fillna("")
        other = pd.Series([other_kind(*pair) for pair in zip(name, home, strict=True)], index=raw.index)
        lost = (own["how"] == "") | (other & (own["how"] != "code"))
        all_over = index.join(pd.Series("", raw.index), name, pd.Series("", raw.index))["code"]
        same = all_over.map(names).fillna("").map(plain_name) == name.map(plain_name)
        code = own["code"].mask(lost, all_over.where(same, "")).where(inside, "")
        at = pd.Index(self.places["place_code"]).get_indexer(code)
        return at, inside & (name != "") & (at < 0)


def report_elsewhere(raw: gpd.GeoDataFrame, ground: PlaceGround, where: Path, layer: str, findings: Findings) -> None:
    """Warn of facilities that lie elsewhere than in the village or community that their row names.

    Elsewhere is more than `BORDER_M` outside its outline; of a place without one, farther from its points than
    `POINT_M` and `TIMES_NEAREST` times the distance of the nearest place together.

    Parameters
    ----------
    raw : GeoDataFrame
        place, place_code, name where known, and the settled township_code; the index counts the rows of the file.
    ground : PlaceGround
    where : Path
    layer : str
    findings : Findings
    """
    if not {"place", "place_code"} & set(raw.columns) or not len(ground.places):
        return
    at, unknown = ground.named(raw)
    _report_unknown(raw, unknown, int((at >= 0).sum()), where, layer, findings)
    rows, at = raw[at >= 0], at[at >= 0]
    spots = rows.geometry.to_numpy()
    near, nearest_m = shapely.STRtree(ground.shapes).query_nearest(spots, return_distance=True, all_matches=False)
    own_m = shapely.distance(spots, ground.shapes[at])
    far = own_m > np.where(ground.areal[at], BORDER_M, POINT_M + TIMES_NEAREST * nearest_m)
    if far.any():
        names = ground.places["place"].to_numpy(dtype=object)
        told = [f"{name} ({own} {away:,.0f} m off, {there} {beside:,.0f} m)".strip() for name, own, away, there, beside
                in zip(text_column(rows, "name")[far], names[at[far]], own_m[far], names[near[1][far]],
                       nearest_m[far], strict=True)]
        findings.add("warn", "place_differs", f"layer {layer}: {int(far.sum())} facilities lie elsewhere than in the "
                     "place that their row names; the position counts", file=where.name, layer=layer,
                     id=first_of(rows.index[far], 20), value=first_of(told), count=int(far.sum()),
                     remedy="check their coordinates, and the name of the place")


def _report_unknown(raw: gpd.GeoDataFrame, unknown: pd.Series, known: int, where: Path, layer: str,
                    findings: Findings) -> None:
    """Note names of places that are not known, in a file that otherwise names known ones."""
    count = int(unknown.sum())
    if 0 < count <= (1 - FEW_NAMED) * (known + count):
        findings.add("note", "place_not_found", f"layer {layer}: {count} facilities name a place that is not known; "
                     "their position is not compared with it", file=where.name, layer=layer,
                     id=first_of(raw.index[unknown], 20), value=first_of(text_column(raw, "place")[unknown].unique()),
                     count=count, remedy="correct the name, or list it in merged_from of the place it became")
