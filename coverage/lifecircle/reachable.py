"""Say who reaches which facilities of a layer in time, by the layer's headline rules; neighbours compete and supply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from lifecircle.network.pairs import Pairs, pair_times, whole_ms
from lifecircle.tables import CLASSES
from lifecircle.traveltimes import TravelTimes, doors_of, points_of, walking_slope

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Reachable:
    """The demand points and the facilities of a layer that reach each other in time.

    Attributes
    ----------
    layer : str
    demand : GeoDataFrame
        Every demand point of the study, those of the neighbours (``inside`` False) too.
    serving : GeoDataFrame
        The facilities that serve, as in `TravelTimes`.
    pairs : Pairs
        Rows of `demand` and of `serving` within the cutoff of the point's class, times the stretch asked for.
    cutoffs_min : dict
        Class -> minutes; a class without a rule is in no pair.
    """

    layer: str
    demand: gpd.GeoDataFrame
    serving: gpd.GeoDataFrame
    pairs: Pairs
    cutoffs_min: dict[str, float]

    @property
    def cutoff_ms(self) -> Array:
        """Give the whole milliseconds that are in time for each demand point; -1 for a class without a rule."""
        minutes = self.demand["class"].map(self.cutoffs_min).to_numpy(dtype=np.float64)
        return np.where(np.isnan(minutes), -1, whole_ms(minutes)).astype(np.int64)

    def in_time(self) -> Pairs:
        """Give the pairs within the cutoff itself, whatever the stretch."""
        return self.pairs.take(np.flatnonzero(self.pairs.ms <= self.cutoff_ms[self.pairs.place]))


def reachable(times: TravelTimes, layer: str, *, stretch: float = 1.0) -> Reachable:
    """Find all pairs of a demand point and a facility of a layer, each class in its headline mode.

    Parameters
    ----------
    times : TravelTimes
    layer : str
    stretch : float
        Pairs are found up to so many times the cutoff.
    """
    return reachable_layers(times, (layer,), stretch=stretch)[layer]


def reachable_layers(times: TravelTimes, layers: Sequence[str], *, stretch: float = 1.0) -> dict[str, Reachable]:
    """Find the pairs of several layers at once; those alike in mode, cutoff, slope and direction share the legs.

    Parameters
    ----------
    times : TravelTimes
    layers : sequence of str
    stretch : float
        Pairs are found up to so many times the cutoff.

    Returns
    -------
    dict
        Layer -> Reachable, in the order of `layers`.
    """
    demand, empty = times.study.demand, np.empty(0, np.int64)
    xy_m, kind = points_of(demand), demand["class"].to_numpy()
    parts = {layer: [Pairs(empty, empty, empty)] for layer in layers}
    for (name, mode, cutoff_min, slope, direction), alike in _jobs(times, layers).items():
        rows = np.flatnonzero(kind == name)
        doors = [doors_of(times.serving[layer]) for layer in alike]
        found = pair_times(times.access, mode, doors, xy_m[rows], cutoff_min * stretch, direction=direction,
                           slope=slope)
        for layer, pairs in zip(alike, found, strict=True):
            parts[layer].append(Pairs(rows[pairs.place], pairs.facility, pairs.ms))
    return {layer: Reachable(layer, demand, times.serving[layer], _together(parts[layer]), _cutoffs_min(times, layer))
            for layer in layers}


def _jobs(times: TravelTimes, layers: Sequence[str],
          ) -> dict[tuple[str, str, float, str, Literal["to", "from", "worse"]], list[str]]:
    """Group the layers that can be solved together: class, mode, cutoff, slope and direction."""
    jobs: dict[tuple[str, str, float, str, Literal["to", "from", "worse"]], list[str]] = {}
    for layer in layers:
        policy = times.study.policy.layer(layer)
        for name in CLASSES:
            rule = policy.rule(name)
            if rule is not None:
                slope = walking_slope(times.study, layer, times.modes, rule.mode)
                jobs.setdefault((name, rule.mode, rule.cutoff_min, slope, policy.direction), []).append(layer)
    return jobs


def _cutoffs_min(times: TravelTimes, layer: str) -> dict[str, float]:
    policy = times.study.policy.layer(layer)
    return {name: rule.cutoff_min for name in CLASSES if (rule := policy.rule(name)) is not None}


def _together(parts: list[Pairs]) -> Pairs:
    columns = zip(*((part.place, part.facility, part.ms) for part in parts), strict=True)
    return Pairs.of(*(np.concatenate(column) for column in columns))
