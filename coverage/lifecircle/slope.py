"""Say how much longer a walk takes on a slope: by Tobler, and by DIN 33466 as a check.

Both are read along the height profiles of a road network. Tobler's function decides the minutes of a run; DIN 33466 is
another convention, made for mountain paths, and tells how far apart two such conventions lie on the same roads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.osmtags import CLASS_INDEX, FORBIDDEN
from lifecircle.roadnetwork import RoadNetwork

Array = npt.NDArray[Any]
#: A road as steep as its length is a fault of the height model; what is steeper counts as this steep.
STEEPEST = 1.0
#: DIN 33466: on the level, and the metres of height gained or lost in an hour (general knowledge).
DIN_KPH, DIN_ASCENT_M_PER_H, DIN_DESCENT_M_PER_H = 4.0, 300.0, 500.0


class Pieces(NamedTuple):
    """Pieces of road with one slope each.

    Attributes
    ----------
    edge : (k,) int64
        Position of the segment.
    run_m, rise_m : (k,) float64
        Length, and height gained from u towards v; level where a height is not known.
    """

    edge: Array
    run_m: Array
    rise_m: Array


def pieces_of(network: RoadNetwork) -> Pieces:
    """Cut every segment where its profile has a height."""
    count = np.diff(network.profile_offset) + 1
    first = np.concatenate([[0], np.cumsum(count + 1)])  # where each segment's heights start
    begin_at, end_at = first[:-1], first[1:] - 1
    z = np.empty(first[-1])
    z[begin_at], z[end_at] = network.node_z_m[network.u], network.node_z_m[network.v]
    inner = np.ones(len(z), dtype=bool)
    inner[begin_at] = inner[end_at] = False
    z[inner] = network.profile_z_m
    edge = np.repeat(np.arange(len(network)), count)
    rise = np.delete(np.diff(z, append=0.0), end_at)
    return Pieces(edge, np.maximum(network.length_m / count, 0.01)[edge], np.where(np.isfinite(rise), rise, 0.0))


def tobler_factor(slope: Array) -> Array:
    """Give speed over level speed for a slope (rise over run): exp(-3.5 (|s + 0.05| - 0.05)), at most 1 [Tobler 1993].

    Examples
    --------
    >>> [round(float(tobler_factor(np.array(s))), 2) for s in (0.0, 0.10, -0.10, -0.15)]
    [1.0, 0.7, 1.0, 0.84]
    """
    return np.minimum(np.exp(-3.5 * (np.abs(slope + 0.05) - 0.05)), 1.0)


def tobler_divisors(network: RoadNetwork) -> tuple[Array, Array]:
    """Give, per segment, mean walking time over level walking time from u to v and from v to u."""
    edge, run, rise = pieces_of(network)
    slope, count = np.clip(rise / run, -STEEPEST, STEEPEST), np.diff(network.profile_offset) + 1
    up = np.bincount(edge, 1.0 / tobler_factor(slope), minlength=len(network)) / count
    down = np.bincount(edge, 1.0 / tobler_factor(-slope), minlength=len(network)) / count
    return up, down


def din_33466_min(length_m: Array, ascent_m: Array, descent_m: Array) -> Array:
    """Give a walking time by DIN 33466: of the time for length and that for height, the larger and half the other.

    Parameters
    ----------
    length_m, ascent_m, descent_m : (k,) float64
        At 4 km/h on the level, 300 m of ascent and 500 m of descent in an hour; descent counts positive.

    Returns
    -------
    (k,) float64
        Minutes, without rests.

    Examples
    --------
    6 km with 600 m up and 250 m down: 1.5 h for the length, 2 h + 0.5 h for the height; 2.5 h + 0.75 h.

    >>> float(din_33466_min(6000.0, 600.0, 250.0))
    195.0
    """
    length_h = np.asarray(length_m) / 1000.0 / DIN_KPH
    height_h = np.asarray(ascent_m) / DIN_ASCENT_M_PER_H + np.asarray(descent_m) / DIN_DESCENT_M_PER_H
    minutes: Array = 60.0 * (np.maximum(length_h, height_h) + np.minimum(length_h, height_h) / 2)
    return minutes


def tobler_over_din(network: RoadNetwork, shares: tuple[float, ...] = (0.05, 0.5, 0.95)) -> tuple[float, ...]:
    """Compare Tobler with DIN 33466 on every road open to walkers, segment by segment and both ways.

    Tobler is taken with 4 km/h on the level, as DIN has it.

    Parameters
    ----------
    network : RoadNetwork
        With heights.
    shares : tuple of float
        Shares of the metres of road.

    Returns
    -------
    tuple of float
        Tobler's time over that of DIN, not exceeded on these shares; NaN where no road is open to walkers.
    """
    walked = (network.foot != FORBIDDEN) & ~network.ferry & (network.length_m > 0)
    walked &= ~np.isin(network.road_class, [CLASS_INDEX["motorway"], CLASS_INDEX["motorway_link"]])
    edge, _, rise = pieces_of(network)
    ascent = np.bincount(edge, np.maximum(rise, 0.0), minlength=len(network))[walked]
    descent = np.bincount(edge, np.maximum(-rise, 0.0), minlength=len(network))[walked]
    length, level_min = network.length_m[walked], network.length_m[walked] / 1000.0 / DIN_KPH * 60.0
    up, down = tobler_divisors(network)
    ratio = np.concatenate([level_min * up[walked] / din_33466_min(length, ascent, descent),
                            level_min * down[walked] / din_33466_min(length, descent, ascent)])
    return weighted_quantiles(ratio, np.tile(length, 2), shares)


def weighted_quantiles(values: Array, weights: Array, shares: tuple[float, ...]) -> tuple[float, ...]:
    """Give the least values that are not exceeded on a share of the weight; NaN without weight.

    Examples
    --------
    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 8.0]), (0.05, 0.5, 0.95))
    (1.0, 2.0, 3.0)
    """
    if not np.sum(weights) > 0:
        return (float("nan"),) * len(shares)
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    at = np.searchsorted(reached, np.array(shares) * reached[-1])
    return tuple(float(value) for value in values[order[np.minimum(at, len(order) - 1)]])
