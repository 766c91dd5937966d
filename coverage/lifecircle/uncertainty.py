"""Say how sure the rates are: draw speeds, people and positions, and judge everybody anew in every draw.

In each draw, for all alike: how fast people walk and how fast vehicles drive (two factors, lognormal); for each
township and each place: how many people live there (lognormal); for each facility that was not surveyed: where it
stands (normal, along both axes). Walking slower by a factor makes the whole walk longer by that factor, and the walks
to and from a vehicle too, its terminal time among them; so only the ratio of driving to walking asks for other roads,
and it is rounded to steps of 2 %.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from lifecircle.indicators import intervals, per_head
from lifecircle.indicators.reach import Judged
from lifecircle.network.access import Access, Doors
from lifecircle.network.modes import TravelMode
from lifecircle.network.pairs import LinkedPlaces, whole_ms
from lifecircle.network.search import Direction
from lifecircle.runfile import Uncertainty
from lifecircle.traveltimes import TravelTimes, doors_of, walking_slope

Array = npt.NDArray[Any]
#: The ratio of driving to walking speed is rounded to steps of this size, in logarithms.
RATIO_STEP = 0.02


@dataclass(frozen=True)
class Errors:
    """What is drawn, one row per draw.

    Attributes
    ----------
    walking, driving : (draws,) float64
        Factors on speeds.
    people : (draws, n) float64
        Factors on the people of each demand point.
    moved_m : dict
        Layer -> (draws, facilities, 2) metres by which the serving facilities are moved.
    """

    walking: Array
    driving: Array
    people: Array
    moved_m: dict[str, Array]


def draw_errors(settings: Uncertainty, demand: gpd.GeoDataFrame, serving: dict[str, gpd.GeoDataFrame]) -> Errors:
    """Draw the errors of a study; each draw has generators of its own, so that more draws change none of the first.

    Parameters
    ----------
    settings : Uncertainty
        ``[uncertainty]`` of the run file.
    demand : GeoDataFrame
        township_code and place_code of each demand point.
    serving : dict
        Layer -> facilities, with ``quality``.
    """
    count = settings.draws
    speeds = np.empty((count, 2))
    township, which_township = np.unique(demand["township_code"].to_numpy(dtype=str), return_inverse=True)
    place, which_place = np.unique(demand["place_code"].to_numpy(dtype=str), return_inverse=True)
    people = np.empty((count, len(demand)))
    sd_m = {layer: table["quality"].map(settings.position_sd_m).fillna(0.0).to_numpy(dtype=float)
            for layer, table in serving.items()}
    moved_m = {layer: np.empty((count, len(sd), 2)) for layer, sd in sd_m.items()}
    for draw in range(count):
        speeds[draw] = _lognormal(np.random.default_rng([settings.seed, draw, 0]), settings.speed_sd, 2)
        dice = np.random.default_rng([settings.seed, draw, 1])
        people[draw] = (_lognormal(dice, settings.population_sd, len(township))[which_township]
                        * _lognormal(dice, settings.spread_sd, len(place))[which_place])
        for number, (layer, sd) in enumerate(sd_m.items()):
            dice = np.random.default_rng([settings.seed, draw, 2 + number])
            moved_m[layer][draw] = dice.normal(size=(len(sd), 2)) * sd[:, None]
    return Errors(speeds[:, 0], speeds[:, 1], people, moved_m)


def _lognormal(dice: np.random.Generator, sd: float, count: int) -> Array:
    """Draw factors of median 1, whose logarithms have a standard deviation."""
    return np.exp(dice.normal(size=count) * sd)


@dataclass(frozen=True)
class Question:
    """A layer in one mode, asked for the demand points of the classes that are judged by it.

    Attributes
    ----------
    rows : (k,) int64
        The demand points.
    cutoff_min : (k,) float64
    """

    layer: str
    mode: TravelMode
    slope: str
    ways: tuple[Direction, ...]
    rows: Array
    cutoff_min: Array
    doors: Doors

    def link(self, access: Access, xy_m: Array, mode_name: str) -> list[LinkedPlaces]:
        """Link the points to the roads, for each direction."""
        return [LinkedPlaces.link(access, mode_name, xy_m[self.rows], direction=way, slope=self.slope, threads=1)
                for way in self.ways]

    def answer(self, linked: Sequence[LinkedPlaces], errors: Errors, draw: int) -> Array:
        """Tell which of the points are in time in one draw."""
        doors = Doors(self.doors.xy_m + errors.moved_m[self.layer][draw][self.doors.label], self.doors.label)
        # To walk faster by a factor is to have more time by that factor.
        cutoff_min = self.cutoff_min * errors.walking[draw]
        last_min = float(cutoff_min.max(initial=0.0))
        ms = np.maximum.reduce([one.nearest_ms(doors, last_min) for one in linked])
        return np.asarray(ms <= whole_ms(cutoff_min))


def in_time_draws(times: TravelTimes, headline: dict[str, Judged], errors: Errors, *,
                  done: Callable[[], None] = lambda: None) -> dict[str, Array]:
    """Judge every demand point in every draw.

    Parameters
    ----------
    times : TravelTimes
    headline : dict
        Layer -> its judgement by the headline rules, from which modes and cutoffs are taken.
    errors : Errors
    done : callable
        Called after each piece of work.

    Returns
    -------
    dict
        Layer -> (draws, n) bool: in time.
    """
    asked = [question for layer, judged in headline.items() for question in questions(times, layer, judged)]
    answers = {layer: np.zeros((len(errors.walking), len(times.demand)), dtype=bool) for layer in headline}

    def note(question: Question, linked: Sequence[LinkedPlaces], draw: int) -> None:
        answers[question.layer][draw, question.rows] = question.answer(linked, errors, draw)
        done()

    over_draws(times, asked, errors, note)
    return answers


def over_draws(times: TravelTimes, asked: Sequence[Question], errors: Errors,
               work: Callable[[Question, Sequence[LinkedPlaces], int], None]) -> None:
    """Call a function for every question in every draw, with the demand points linked to the roads of that draw.

    Walks share one set of links, drives one for each step of the ratio of speeds; they are made once and asked from
    several threads.
    """
    count = len(errors.walking)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for question in (one for one in asked if one.mode.on_foot):
            linked = question.link(times.access, times.xy_m, question.mode.name)
            list(pool.map(partial(work, question, linked), range(count)))
        for question in (one for one in asked if not one.mode.on_foot):
            steps = np.rint(np.log(errors.driving / errors.walking) / RATIO_STEP).astype(np.int64)

            def drive(step: int, question: Question = question, steps: Array = steps) -> None:
                """Answer the draws of one ratio of speeds."""
                access, name = times.access.faster(question.mode.name, float(np.exp(step * RATIO_STEP)))
                linked = question.link(access, times.xy_m, name)
                for draw in np.flatnonzero(steps == step):
                    work(question, linked, int(draw))

            times.access.net(times.modes[question.mode.walk_mode], question.slope)  # once, before the threads ask
            list(pool.map(drive, np.unique(steps).tolist()))


def questions(times: TravelTimes, layer: str, judged: Judged) -> list[Question]:
    """List the questions of a layer: one for each mode that it is judged by."""
    policy, kind = times.study.policy.layer(layer), times.demand["class"].to_numpy()
    asked = []
    for mode in dict.fromkeys(judged.modes.values()):
        names = [name for name in judged.modes if judged.modes[name] == mode]
        rows = np.flatnonzero(np.isin(kind, names))
        cutoff_min = np.asarray([judged.cutoffs_min[name] for name in kind[rows]], dtype=float)
        asked.append(Question(layer, times.modes[mode], walking_slope(times.study, layer, times.modes, mode),
                               policy.ways, rows, cutoff_min, doors_of(times.serving[layer])))
    return asked


def pieces(times: TravelTimes, headline: dict[str, Judged]) -> int:
    """Count the pieces of work: one per draw, layer and headline mode."""
    asked = sum(len(set(judged.modes.values())) for judged in headline.values())
    return asked * times.study.runfile.uncertainty.draws


def interval_rows(times: TravelTimes, headline: dict[str, Judged], district: tuple[str, str],
                  quality: Callable[[str], str], *, done: Callable[[], None] = lambda: None) -> list[pd.DataFrame]:
    """Lay out the intervals of all layers, as rows of the results.

    Parameters
    ----------
    headline : dict
        Layer -> its judgement by the headline rules.
    district : (code, name)
    quality : callable
        Layer -> the quality of its figures.
    done : callable
        Called after each of `pieces`.
    """
    study = times.study
    errors = draw_errors(study.runfile.uncertainty, times.demand, {layer: times.serving[layer] for layer in headline})
    drawn = in_time_draws(times, headline, errors, done=done)
    parts = [part for layer, judged in headline.items() for part in intervals.reach_intervals(
        times, judged, drawn[layer], errors.people, district, quality(layer))]
    for layer in study.layers:
        policy = study.policy.layer(layer)
        if policy.m2_per_head is not None:
            sums = per_head.area_sums(study, layer, policy, district)
            parts.append(intervals.area_intervals(times, layer, sums, errors.people, district, quality(layer)))
    return parts
