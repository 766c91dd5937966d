"""Hold a solved district warm: what one more facility, or one less, would change, within milliseconds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from lifecircle.errors import UsageError
from lifecircle.indicators.reach import judge_headline
from lifecircle.inputs.findings import Findings
from lifecircle.livelayer import Change, LayerToday, each_way
from lifecircle.network.access import Doors
from lifecircle.network.graph import MAX_MS
from lifecircle.network.pairs import LinkedPlaces
from lifecircle.proposals import with_changes, with_rules
from lifecircle.runfile import RunFile
from lifecircle.study import Study, read_study
from lifecircle.traveltimes import (
    Times,
    TravelTimes,
    crow_legs,
    doors_of,
    serving_facilities,
    solve_times,
    used_modes,
    walking_slope,
)

Array = npt.NDArray[Any]
#: So many sets of closed facilities are kept solved; whoever drags a new one asks for the same set again and again.
_KEPT_CLOSURES = 16


class Live:
    """A solved district, to be asked what facilities added or closed, or other rules, would change.

    Parameters
    ----------
    times : TravelTimes

    Notes
    -----
    What a layer needs (legs to the roads, minutes per direction, its gaps) is worked out when it is first asked for;
    `warm` does so beforehand. A mode that the policy does not use for a layer is solved when it is first asked for.
    """

    def __init__(self, times: TravelTimes) -> None:
        self.times = times
        self._layers: dict[str, LayerToday] = {}
        self._links: dict[tuple[str, str, str], LinkedPlaces] = {}
        self._by_mode: dict[tuple[str, str], TravelTimes] = {}
        self._closures: dict[tuple[str, tuple[str, ...], frozenset[str]], TravelTimes] = {}

    @classmethod
    def of(cls, source: Study | RunFile | str) -> Live:
        """Solve a study, or the district of a run file."""
        study = source if isinstance(source, Study) else read_study(source)
        return cls(solve_times(study, Findings()))

    def warm(self, *layers: str) -> Live:
        """Work out what the layers need; without any, all that are judged by reach."""
        for layer in layers or self.layers:
            self._layer(layer)
            door = Doors(self.times.xy_m[:1], np.zeros(len(self.times.xy_m[:1]), np.int64))
            for mode in used_modes(self.times.study.policy.layer(layer)):
                for one in self._linked(layer, mode):
                    one.nearest_ms(door, 60.0)
                    one.snap_m(door)
        return self

    @property
    def layers(self) -> tuple[str, ...]:
        """List the layers that can be asked about: those judged by reach."""
        study = self.times.study
        return tuple(layer for layer in study.layers if used_modes(study.policy.layer(layer)))

    def change(self, layer: str, *, add: gpd.GeoDataFrame | None = None, close: Collection[str] = (),
               cutoff_min: float | Mapping[str, float] | None = None, mode: str | None = None) -> Change:
        """Say what facilities of a layer, added or closed, and other rules of it would change.

        Parameters
        ----------
        layer : str
        add : GeoDataFrame, optional
            As `lifecircle.proposals.propose` lays them out.
        close : collection of str
            Ids of facilities.
        cutoff_min, mode : optional
            The rules that judge afterwards, as for `lifecircle.proposals.with_rules`; today is judged by today's.

        Raises
        ------
        UsageError
            If there is no such layer, facility or mode, or no rule of reach for the layer.
        """
        before = self._layer(layer)
        after = self._changed(self._ruled(layer, cutoff_min, mode), layer, add, close)
        return before.compare(after, judge_headline(after, layer))

    def solve(self, layer: str, *, add: gpd.GeoDataFrame | None = None, close: Collection[str] = ()) -> TravelTimes:
        """Give the times with facilities of a layer added or closed; only those of this layer change."""
        self._layer(layer)
        return self._changed(self.times, layer, add, close)

    def _ruled(self, layer: str, cutoff_min: float | Mapping[str, float] | None, mode: str | None) -> TravelTimes:
        """Give the times with other rules of a layer, and with the mode that they ask for; none beside it."""
        if mode is not None and mode not in self.times.modes:
            raise UsageError(f"no mode {mode}; there are {', '.join(self.times.modes)}")
        study = with_rules(self.times.study, layer, cutoff_min=cutoff_min, mode=mode)
        if mode is None or (layer, mode) in self.times.times:
            return replace(self.times, study=study)
        if (layer, mode) not in self._by_mode:
            self._by_mode[layer, mode] = self.times.with_facilities(study, layer)
        return replace(self._by_mode[layer, mode], study=study)

    def _changed(self, times: TravelTimes, layer: str, add: gpd.GeoDataFrame | None, close: Collection[str],
                 ) -> TravelTimes:
        study = with_changes(times.study, add=add, close=close)
        if close:
            times = self._closed(times, layer, frozenset(close))
        serving = serving_facilities(study, layer)
        new = np.flatnonzero(~serving["facility_id"].isin(times.serving[layer]["facility_id"]))
        if len(new) == 0:
            return replace(times, study=study)
        return self._improved(times, study, layer, serving, new)

    def _closed(self, times: TravelTimes, layer: str, close: frozenset[str]) -> TravelTimes:
        """Give the times without some facilities; they are the same whatever the cutoff."""
        key = (layer, used_modes(times.study.policy.layer(layer)), close)
        study = with_changes(times.study, close=close)
        if key not in self._closures:
            while len(self._closures) >= _KEPT_CLOSURES:
                self._closures.pop(next(iter(self._closures)))
            self._closures[key] = times.with_facilities(study, layer)
        return replace(self._closures[key], study=study)

    def _improved(self, times: TravelTimes, study: Study, layer: str, serving: gpd.GeoDataFrame, new: Array,
                  ) -> TravelTimes:
        """Lower the times of a layer by those to its new facilities (rows of `serving`)."""
        old, modes = serving["facility_id"].to_numpy(), used_modes(study.policy.layer(layer))
        rank = np.append(np.flatnonzero(~np.isin(np.arange(len(old)), new)), -1)  # rows before -> rows now
        doors = doors_of(serving.iloc[new])
        found: dict[str, dict[tuple[str, str], Any]] = {"times": {}, "snap_m": {}, "joined": {}, "crow_m": {}}
        links = {mode: self._linked(layer, mode) for mode in modes}

        def lower(mode: str) -> tuple[Array, Array]:
            ways = [_lowered(one, linked, rank, new, doors)
                    for one, linked in zip(self._per_way(times, layer, mode), links[mode], strict=True)]
            minutes, facility = ways[0]
            for other_minutes, other in ways[1:]:
                worse = other_minutes > minutes
                minutes, facility = np.where(worse, other_minutes, minutes), np.where(worse, other, facility)
            return minutes, facility

        with ThreadPoolExecutor(len(modes)) as pool:  # the searches are compiled code
            lowered = dict(zip(modes, pool.map(lower, modes), strict=True))
        for mode, (minutes, facility) in lowered.items():
            linked, key = links[mode], (layer, mode)
            snap_m = np.full(len(serving), np.inf)
            snap_m[rank[:-1]] = times.snap_m[key]
            np.minimum.at(snap_m, new[doors.label], linked[0].snap_m(doors))
            joined = np.zeros(len(serving), dtype=bool)
            joined[rank[:-1]] = times.joined[key]
            joined[new] = np.isfinite(snap_m[new]) & times.mainland.any_door(times.modes[mode], doors, len(new))
            crow = crow_legs(times.xy_m, doors, joined[new])
            found["times"][key] = Times(minutes, facility, times.times[key].doubtful & ~np.isfinite(minutes))
            found["snap_m"][key], found["joined"][key] = snap_m, joined
            found["crow_m"][key] = tuple(np.minimum(*pair) for pair in zip(times.crow_m[key], crow, strict=True))
        kept = {key: value for key, value in times.fields.items() if key[0] != layer}
        changed: dict[str, Any] = {name: {**getattr(times, name), **values} for name, values in found.items()}
        return replace(times, study=study, serving={**times.serving, layer: serving}, fields=kept, **changed)

    def _per_way(self, times: TravelTimes, layer: str, mode: str) -> list[tuple[Array, Array]]:
        """Give minutes and facilities of the demand points, per direction."""
        if len(times.study.policy.layer(layer).ways) == 1:
            one = times.times[layer, mode]
            return [(one.minutes, one.facility)]
        if times.fields[layer, mode] is self.times.fields.get((layer, mode)):
            return self._layer(layer).per_way(mode)
        return each_way(times, layer, mode)

    def _layer(self, layer: str) -> LayerToday:
        if layer not in self._layers:
            if layer not in self.layers:
                raise UsageError(f"no layer {layer} that is judged by reach; there are {', '.join(self.layers)}")
            self._layers[layer] = LayerToday(self.times, layer)
        return self._layers[layer]

    def _linked(self, layer: str, mode: str) -> list[LinkedPlaces]:
        """Give the demand points linked to the roads, one per direction; layers alike share the links."""
        times, ways = self.times, self.times.study.policy.layer(layer).ways
        slope = walking_slope(times.study, layer, times.modes, mode)
        for way in ways:
            if (mode, slope, way) not in self._links:
                self._links[mode, slope, way] = LinkedPlaces.link(times.access, mode, times.xy_m, direction=way,
                                                                  slope=slope)
        return [self._links[mode, slope, way] for way in ways]


def _lowered(before: tuple[Array, Array], linked: LinkedPlaces, rank: Array, new: Array, doors: Doors,
             ) -> tuple[Array, Array]:
    """Take the new facilities where they are nearer, or as near and first in the table."""
    minutes, facility = before[0], rank[before[1]]
    for number, row in enumerate(new):
        mine = doors.label == number
        late = float(minutes.max(initial=0.0))
        ms = linked.nearest_ms(Doors(doors.xy_m[mine], doors.label[mine]), late)
        there = np.where(ms >= MAX_MS, np.inf, ms / 60_000.0)
        nearer = (there < minutes) | (np.isfinite(there) & (there == minutes) & (row < facility))
        minutes, facility = np.where(nearer, there, minutes), np.where(nearer, row, facility)
    return minutes, facility


