"""Judge how well positions lie on the ground: near roads, inside the township that each row names.

A wrong datum moves all positions by the same few hundred metres. Noise of the positions and roads that are missing blur
every distance, but in the same way wherever the positions are put, so places are compared position by position: the
margin of one place over another is the mean of the paired differences in units of its standard error.

A reading of coordinates is settled when its positions fit better than those of every other reading, and better than the
same positions moved by anything from 300 m to 1.5 km: where no reading is right, a moved one fits as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from scipy.spatial import cKDTree

from lifecircle.inputs.readings import Array, Reading
from lifecircle.roadnetwork import RoadNetwork

#: Roads stand as points so far apart; the error of a distance of 50 m is below 2 m.
ROAD_STEP_M = 25.0
#: Distances count by their logarithm, from this far on and up to that far: a facility stands 0 to 150 m off its road.
SOFT_M, FAR_M = 100.0, 2_000.0
#: Worth of lying in the township that is named, beside that of the roads; borders are drawn this roughly.
TOWNSHIP_WORTH, BORDER_M = 0.5, 100.0
#: Positions so near to each other say the same thing, and count once; more than so many need not be looked at.
CELL_M, MOST_POSITIONS = 100.0, 600
#: Fewer distinct positions decide nothing.
LEAST_POSITIONS = 15
#: Margins, in standard errors, over the other readings and over the same positions moved elsewhere.
OVER_READINGS, OVER_MOVES = 3.0, 1.2
#: A fit that much better after a move of 150 to 300 m speaks for a system that is not among the readings.
OFF_BY = 4.0
#: Readings whose positions are nearer than this are the same.
SAME_M = 2.0


@dataclass(frozen=True)
class Ground:
    """What positions are judged by.

    Attributes
    ----------
    crs : str
        Projected, in metres.
    area : Polygon or MultiPolygon
        District and buffer, where the roads are known.
    roads : cKDTree
        Points along the roads.
    outlines : tuple of Polygon
        Townships, grown by `BORDER_M`.
    township : dict
        Code or name of a township -> its position in ``outlines``.
    """

    crs: str
    area: shapely.Geometry
    roads: cKDTree
    outlines: tuple[shapely.Geometry, ...]
    township: dict[str, int]

    @classmethod
    def of(cls, network: RoadNetwork, townships: gpd.GeoDataFrame, area: shapely.Geometry) -> Ground:
        """Build from roads and townships in one CRS; ferries are no roads."""
        from_m, to_m = network.node_xy_m[network.u[~network.ferry]], network.node_xy_m[network.v[~network.ferry]]
        outlines = tuple(shapely.buffer(townships.geometry.to_numpy(), BORDER_M))
        shapely.prepare([*outlines, area])
        township = {str(key): row for column in ("township", "township_code")
                    for row, key in enumerate(townships[column])}
        return cls(network.crs, area, cKDTree(_along(from_m, to_m)), outlines, township)

    def distance_m(self, xy_m: Array) -> Array:
        """Give the distance of positions (..., 2) to the nearest road."""
        return np.asarray(self.roads.query(xy_m)[0])

    def in_township(self, xy_m: Array, named: Array) -> Array:
        """Tell which positions (..., n, 2) lie in the township (n,) that they name; where none is named, False."""
        inside = np.zeros(xy_m.shape[:-1], dtype=bool)
        for row in np.unique(named[named >= 0]):
            own = named == row
            inside[..., own] = shapely.contains_xy(self.outlines[row], xy_m[..., own, 0], xy_m[..., own, 1])
        return inside

    def worth(self, xy_m: Array, named: Array) -> Array:
        """Give how well each position (..., n, 2) lies: the more, the better."""
        road = -np.log(SOFT_M + np.minimum(self.distance_m(xy_m), FAR_M))
        return np.asarray(road + TOWNSHIP_WORTH * self.in_township(xy_m, named))


def _along(from_m: Array, to_m: Array) -> Array:
    """Give points at most `ROAD_STEP_M` apart along segments."""
    count = np.maximum(np.ceil(np.hypot(*(to_m - from_m).T) / ROAD_STEP_M).astype(np.int64), 1)
    segment = np.repeat(np.arange(len(count)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    share = ((step + 0.5) / count[segment])[:, None]
    return np.asarray(from_m[segment] * (1 - share) + to_m[segment] * share)


def apart(xy_m: Array) -> Array:
    """Pick positions (n, 2) that say something of their own: one per cell, at most `MOST_POSITIONS`, evenly spread."""
    first = np.sort(np.unique(np.round(xy_m / CELL_M), axis=0, return_index=True)[1])
    return np.asarray(first[np.linspace(0, len(first) - 1, min(len(first), MOST_POSITIONS)).astype(np.int64)])


def margin(better: Array, worse: Array) -> Array:
    """Give the mean of paired differences (..., n) in units of its standard error; 0 where nothing differs."""
    gain, count = better - worse, worse.shape[-1]
    error = gain.std(axis=-1) / np.sqrt(max(count - 1, 1))
    return np.asarray(gain.mean(axis=-1) / np.maximum(error, 1e-9))


def moves_m(inner_m: float, outer_m: float, step_m: float) -> Array:
    """Give the displacements (k, 2) of a square lattice between two radii."""
    reach = np.arange(-outer_m, outer_m + step_m / 2, step_m)
    lattice = np.stack(np.meshgrid(reach, reach), axis=-1).reshape(-1, 2)
    radius = np.hypot(*lattice.T)
    return np.asarray(lattice[(radius >= inner_m) & (radius <= outer_m)])


#: Displacements that the best reading must beat, and those by which it may be a little off.
ELSEWHERE_M, ASIDE_M = moves_m(300, 1500, 100), moves_m(150, 290, 50)


@dataclass(frozen=True)
class Evidence:
    """How one reading fits.

    Attributes
    ----------
    median_m : float
        Median distance of the positions to the nearest road.
    in_township : float
        Share of the positions in the township that their row names; NaN where none names one.
    behind : float
        Margin of the best reading over this one, in standard errors.
    """

    reading: Reading
    median_m: float
    in_township: float
    behind: float

    def __str__(self) -> str:
        """Name the figures for a message."""
        share = "" if np.isnan(self.in_township) else f", {self.in_township:.0%} in the township named"
        behind = f", behind by {self.behind:.1f}" if self.behind else ""
        return f"{self.reading} {self.median_m:.0f} m{share}{behind}"


@dataclass(frozen=True)
class Verdict:
    """What the positions say.

    Attributes
    ----------
    evidence : tuple of Evidence
        The best reading first; those that put the positions outside the district are left out.
    positions : int
        Distinct positions that were compared.
    over_moves : float
        Least margin of the best reading over the same positions moved elsewhere; NaN where it was not needed.
    doubt : str
        Why nothing is settled; "" where the best reading is.
    """

    evidence: tuple[Evidence, ...]
    positions: int
    over_moves: float
    doubt: str

    @property
    def best(self) -> Reading | None:
        """Give the reading that fits best."""
        return self.evidence[0].reading if self.evidence else None

    def __str__(self) -> str:
        """Write the evidence in one line."""
        figures = "; ".join(str(item) for item in self.evidence) or "none puts them into the district"
        moved = "" if np.isnan(self.over_moves) else f"; over the same positions moved elsewhere {self.over_moves:.1f}"
        return f"{self.positions} positions, median distance to a road by reading: {figures}{moved}"


def judge(xy: Array, readings: list[Reading], ground: Ground, named: Array | None = None, *,
          trusted: Reading | None = None) -> Verdict:
    """Compare readings of coordinates by what the positions would lie on.

    Parameters
    ----------
    xy : (n, 2) array
        Coordinates as the file holds them.
    readings : list of Reading
        Of those that put the positions in the same place the first counts.
    ground : Ground
    named : (n,) array of int, optional
        Township that each row names, as its place in ``ground.outlines``; -1: none.
    trusted : Reading, optional
        Needs no proof where it fits best.
    """
    named = np.full(len(xy), -1) if named is None else named
    placed, inside = _plausible(xy, readings, ground)
    if not placed:
        return Verdict((), 0, np.nan, "no reading puts the positions into the district")
    places = np.array([at[inside] for at in placed.values()])
    own = apart(places[0])
    return _compare(list(placed), places[:, own], named[inside][own], ground, trusted)


def _plausible(xy: Array, readings: list[Reading], ground: Ground) -> tuple[dict[Reading, Array], Array]:
    """Place the positions by each reading that puts them into the area; tell which are inside by all of these."""
    placed: dict[Reading, Array] = {}
    inside: dict[Reading, Array] = {}
    for reading in readings:
        at = reading.place(xy, ground.crs)
        within = np.asarray(shapely.contains_xy(ground.area, *at.T))
        if within.any() and not any(np.median(np.hypot(*(at[within] - other[within]).T)) < SAME_M
                                    for other in placed.values()):
            placed[reading], inside[reading] = at, within
    most = max((int(within.sum()) for within in inside.values()), default=0)
    kept = [reading for reading, within in inside.items() if 2 * within.sum() > most]
    common = np.all([inside[reading] for reading in kept], axis=0)
    return ({reading: placed[reading] for reading in kept} if common.any() else {}), common


def _compare(readings: list[Reading], places: Array, named: Array, ground: Ground, trusted: Reading | None) -> Verdict:
    worth = ground.worth(places, named)
    order = np.argsort(-worth.mean(axis=1), kind="stable")
    behind = margin(worth[order[0]], worth)
    median_m = np.median(ground.distance_m(places), axis=1)
    says = named >= 0
    share = ground.in_township(places, named)[:, says].mean(axis=1) if says.any() else np.full(len(readings), np.nan)
    evidence = tuple(Evidence(readings[row], float(median_m[row]), float(share[row]), float(behind[row]))
                     for row in order)
    best, count = order[0], places.shape[1]
    if readings[best] == trusted:
        return Verdict(evidence, count, np.nan, "")
    over_moves = float(_over_moves(places[best], worth[best], named, ground, ELSEWHERE_M).min())
    off_by = -_over_moves(places[best], worth[best], named, ground, ASIDE_M)
    nearest = min(evidence[1:], key=lambda item: item.behind, default=None)
    if count < LEAST_POSITIONS:
        doubt = f"{count} distinct positions in the district are too few, {LEAST_POSITIONS} decide"
    elif nearest and nearest.behind < OVER_READINGS:
        doubt = f"{nearest.reading} fits about as well"
    elif over_moves < OVER_MOVES:
        doubt = "the same positions moved elsewhere fit about as well"
    elif off_by.max() > OFF_BY:
        doubt = f"they fit better when moved by {np.hypot(*ASIDE_M[off_by.argmax()]):.0f} m"
    else:
        doubt = ""
    return Verdict(evidence, count, over_moves, doubt)


def _over_moves(xy_m: Array, worth: Array, named: Array, ground: Ground, moves: Array) -> Array:
    """Give the margin of positions over the same positions moved by each displacement."""
    return margin(worth, ground.worth(xy_m + moves[:, None, :], named))
