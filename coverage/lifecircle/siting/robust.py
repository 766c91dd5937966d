"""Say how firm the choice of sites is: choose anew in every draw of speeds, people and positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lifecircle import uncertainty
from lifecircle.errors import UsageError
from lifecircle.network.access import Doors
from lifecircle.network.pairs import LinkedPlaces, Pairs, whole_ms
from lifecircle.siting import models
from lifecircle.siting.asking import DRAWN
from lifecircle.siting.problem import Effort
from lifecircle.siting.sites import Siting
from lifecircle.traveltimes import points_of

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Robust:
    """What the draws say.

    Attributes
    ----------
    keep_share : (m,) float64
        Share of draws in which each candidate is among the best.
    people_in_time : (draws,) float64
        People in time in each draw, with the sites of the siting built.
    best_in_time : (draws,) float64
        With the best sites of that draw: what knowing better would win.
    """

    keep_share: Array
    people_in_time: Array
    best_in_time: Array


def keep_shares(siting: Siting, draws: int, *, effort: Effort | None = None, done: Callable[[], None] = lambda: None,
                ) -> Robust:
    """Choose anew in every draw (the errors are those of `lifecircle.uncertainty`); roads that were chosen stay.

    Parameters
    ----------
    siting : Siting
        By mclp or lscp.
    draws : int
    effort : Effort, optional
        Of each draw; 10 seconds and a gap of 0.1 % where it is not given.
    done : callable
        Called after each draw.

    Raises
    ------
    UsageError
        If the model is another.
    """
    if siting.answer.model not in DRAWN:
        raise UsageError(f"draws say how firm sites of {' and '.join(DRAWN)} are, not of {siting.answer.model}")
    question, times = siting.question, siting.question.times
    settings = times.study.runfile.uncertainty.model_copy(update={"draws": draws})
    errors = uncertainty.draw_errors(settings, times.demand, {name: times.serving[name] for name in question.layers})
    standing = uncertainty.in_time_draws(times, question.judged, errors)
    near = _near(siting, errors)
    problem, effort = question.problem, effort or Effort(10.0, 1e-3)
    budget = None if siting.budget is None else siting.budget - sum(link.cost for link in siting.links)
    keep, kept, best = np.zeros(problem.minutes.shape[1]), np.empty(draws), np.empty(draws)
    for draw in range(draws):
        factor = np.tile(errors.people[draw], len(question.layers))
        stands = np.concatenate([np.where(standing[name][draw], 0.0, np.inf) for name in question.layers])
        drawn = replace(problem, weight=problem.weight * factor, need=problem.need * factor, minutes=near(draw),
                        cutoff=np.zeros(len(factor)), stands=stands)
        if siting.answer.model == "mclp":
            answer = models.mclp(drawn, siting.new, budget=budget, effort=effort)
        else:
            answer = models.lscp(drawn, share=_share(siting), budget=siting.budget, effort=effort)
        keep[answer.chosen] += 1
        people = question.people * factor
        kept[draw], best[draw] = (_in_time(drawn.minutes, drawn.standing, people, chosen)
                                  for chosen in (siting.answer.chosen, answer.chosen))
        done()
    return Robust(keep / draws, kept, best)


def _share(siting: Siting) -> float:
    """Give the share of people that the choice brings in time: what a draw must reach as well."""
    problem = siting.question.problem
    total = problem.weight.sum()
    return float(problem.weight @ siting.answer.served / total) if total > 0 else 1.0


def _in_time(minutes: csr_array, standing: Array, people: Array, chosen: Array) -> float:
    reached = standing | (np.diff(minutes[:, chosen].tocsr().indptr) > 0)
    return float(people[reached].sum())


def _near(siting: Siting, errors: uncertainty.Errors) -> Callable[[int], csr_array]:
    """Give a function of the draw: which candidates are in time of which demand points then, as stored zeros."""
    question, times = siting.question, siting.question.times
    doors = Doors(points_of(question.candidates), np.arange(len(question.candidates)))
    asked = [one for name in question.layers for one in uncertainty.questions(times, name, question.judged[name])]
    found: dict[tuple[int, int], Pairs] = {}
    known: dict[int, tuple[Any, Pairs]] = {}
    lock, furthest = Lock(), float(errors.walking.max(initial=1.0))

    def look(one: uncertainty.Question, linked: Sequence[LinkedPlaces], draw: int) -> None:
        with lock:  # the draws of one speed share the pairs
            if id(linked) not in known:
                pairs = [side.pairs(doors, float(one.cutoff_min.max(initial=0.0)) * furthest) for side in linked]
                known[id(linked)] = linked, pairs[0] if len(pairs) == 1 else pairs[0].worse(pairs[1])
        found[asked.index(one), draw] = known[id(linked)][1]

    uncertainty.over_draws(times, asked, errors, look)

    def near(draw: int) -> csr_array:
        rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for number, one in enumerate(asked):
            pairs = found[number, draw]
            late = whole_ms(one.cutoff_min * errors.walking[draw])
            keep = pairs.ms <= late[pairs.place]
            rows.append(one.rows[pairs.place[keep]] + question.rows(one.layer).start)
            columns.append(pairs.facility[keep] + question.columns(one.layer).start)
        row, column = np.concatenate(rows), np.concatenate(columns)
        return csr_array((np.zeros(len(row)), (row, column)), shape=question.problem.minutes.shape)

    return near


def with_shares(siting: Siting, draws: int, *, effort: Effort | None = None, done: Callable[[], None] = lambda: None,
                ) -> Siting:
    """Give the siting with the share of draws in which each candidate is among the best, as `keep_shares` finds it."""
    found = keep_shares(siting, draws, effort=effort, done=done)
    return replace(siting, keep_share=found.keep_share, draws=draws)
