"""Weigh roads against buildings: footbridges and hamlet roads (通组路) as candidates beside sites, under one budget."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy.sparse import csr_array

from lifecircle.errors import ConfigError, UsageError
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.placededits import Numbered, in_study
from lifecircle.inputs.roadedits import edit_roads
from lifecircle.live import Live
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.scenario import Scenario
from lifecircle.siting import models
from lifecircle.siting.district import Question, Wishes, lay_out
from lifecircle.siting.problem import ROUNDING, Effort, relative_gap
from lifecircle.siting.program import Program
from lifecircle.siting.rules import Limits, choose
from lifecircle.siting.sites import Link, Siting
from lifecircle.traveltimes import TravelTimes, solve_times

Array = npt.NDArray[Any]
#: Up to so many roads, every set of them is looked at; of more, each alone and every two together.
_FEW, _MOST = 4, 24


@dataclass(frozen=True)
class Project:
    """A road that may be built or made better: the edits of one name in a scenario file."""

    name: str
    cost: float
    edits: tuple[Numbered, ...]


def read_projects(scenario: Scenario, crs: str) -> list[Project]:
    """Take the roads to be built and upgraded from a scenario file; edits of one name are one project.

    Raises
    ------
    ConfigError
        If there is none or too many, one has no name or no cost, or the file holds other edits.
    """
    edits, path = scenario.in_force, scenario.path
    other = [label for kind, listed in edits.items() if kind not in ("build", "upgrade") for label, _ in listed]
    if other:
        raise ConfigError(path, f"{other[0]} is no road to be built or upgraded",
                          "leave only build and upgrade in a file of links")
    placed = [item for kind in ("build", "upgrade") for item in in_study(scenario.content, edits[kind], crs, path)]
    bare = [item.label for item in placed if not item.edit.name]
    if bare:
        raise ConfigError(path, f"{bare[0]} has no name", "name every road")
    named: dict[str, list[Numbered]] = {}
    for item in placed:
        named.setdefault(item.edit.name, []).append(item)
    costless = [name for name, items in named.items() if all(item.edit.cost is None for item in items)]
    if costless:
        raise ConfigError(path, f"the road {costless[0]} has no cost", "give it a cost, in the unit of the candidates")
    if not 0 < len(named) <= _MOST:
        raise ConfigError(path, f"holds {len(named)} roads", f"give 1 to {_MOST}")
    return [Project(name, float(sum(item.edit.cost or 0.0 for item in items)), tuple(items))
            for name, items in named.items()]


def choose_links(live: Live, layers: Sequence[str], candidates: gpd.GeoDataFrame, scenario: Scenario, *,
                 budget: float | None = None, new: int | None = None, wishes: Wishes | None = None,
                 effort: Effort | None = None, done: Callable[[], None] = lambda: None) -> Siting:
    """Choose roads and sites together, so that most people come in time.

    Somebody comes in time by a site, by roads to what stands, or by roads and a site together. Of up to four roads
    every set is looked at; of more, each alone and every two together, so that what needs three at once is not seen
    and the bound is that of the choices looked at. The answer is recounted on the roads that are built.

    Parameters
    ----------
    live : Live
    layers : sequence of str
    candidates : GeoDataFrame
    scenario : Scenario
        Its ``build`` and ``upgrade`` edits, with ``name`` and ``cost``.
    budget : float
        For roads and sites.
    new : int, optional
        Sites at most.
    wishes : Wishes, optional
    effort : Effort, optional
    done : callable
        Called after each set of roads.

    Raises
    ------
    ConfigError
        As for `read_projects`.
    UsageError
        If there is no budget, or candidates have a limited capacity, which this does not weigh.
    """
    if budget is None:
        raise UsageError("roads are weighed against sites under one budget; give it")
    effort = effort or Effort()
    ground = _Ground(live.times, tuple(layers), candidates, wishes, scenario,
                     read_projects(scenario, str(live.times.study.crs)))
    if ground.look(()).problem.limited:
        raise UsageError("roads are not weighed against candidates of a limited capacity; leave the column out")
    depth = len(ground.projects) if len(ground.projects) <= _FEW else 2
    sets = [one for size in range(depth + 1) for one in itertools.combinations(range(len(ground.projects)), size)]
    for one in sets:
        ground.look(one)
        done()
    chosen, built, bound = _solve(ground, sets, Limits(new, budget), effort)
    if chosen is None:  # the rules for sites alone cannot be kept, or not found to be in the time: roads only cost
        none = models.mclp(ground.look(()).problem, new, budget=budget, effort=effort)
        return Siting(ground.look(()), none, live, new, budget, people_now=ground.people(()))
    built = ground.needed(built, chosen)
    final = ground.look(built)
    others = np.setdiff1d(np.arange(len(final.problem.cost)), chosen)
    fixed = replace(final.problem, never=np.union1d(final.problem.never, others))
    answer = models.mclp(fixed, len(chosen), effort=effort)
    proven = relative_gap(answer.objective, bound) <= ROUNDING
    answer = replace(answer, bound=max(bound, answer.objective), status="optimal" if proven else "feasible")
    return Siting(final, answer, Live(final.times), new, budget, people_now=ground.people(()),
                  links=tuple(ground.link(number, built, answer.chosen) for number in built))


@dataclass(frozen=True)
class _Ground:
    """The district with any of the roads built; each is solved once."""

    times: TravelTimes
    layers: tuple[str, ...]
    candidates: gpd.GeoDataFrame
    wishes: Wishes | None
    scenario: Scenario
    projects: list[Project]
    looked: dict[tuple[int, ...], Question] = field(default_factory=dict)

    def look(self, roads: tuple[int, ...]) -> Question:
        """Give the siting problem on the roads as they are with some projects built."""
        if roads not in self.looked:
            self.looked[roads] = lay_out(self._solved(roads), self.layers, self.candidates, self.wishes)
        return self.looked[roads]

    def _solved(self, roads: tuple[int, ...]) -> TravelTimes:
        if not roads:
            return self.times
        study = self.times.study
        edits = [item for number in roads for item in self.projects[number].edits]

        def drape(network: RoadNetwork) -> RoadNetwork:
            if study.elevation is None:
                return network
            return study.elevation.drape(network, Findings(), smooth_m=study.runfile.roads.smooth_m)

        network, _ = edit_roads(study.roads, edits, self.scenario.path, Findings(), drape=drape)
        return solve_times(replace(study, roads=network), Findings(), self.layers)

    def reached(self, roads: tuple[int, ...], chosen: Sequence[int] | Array = ()) -> Array:
        """Tell which rows of the problem are in time with some roads and sites."""
        problem = self.look(roads).problem
        row = problem.row_of_pair
        near = (problem.minutes.data <= problem.cutoff[row]) & np.isin(problem.minutes.indices, chosen)
        reached = problem.standing.copy()
        reached[row[near]] = True
        return reached

    def needed(self, roads: tuple[int, ...], chosen: Array) -> tuple[int, ...]:
        """Leave out, the dearest first, the roads without which no fewer count."""
        def counted(some: tuple[int, ...]) -> float:
            return float(self.look(some).problem.weight[self.reached(some, chosen)].sum())

        for number in sorted(roads, key=lambda one: -self.projects[one].cost):
            rest = tuple(one for one in roads if one != number)
            if counted(rest) >= counted(roads):
                roads = rest
        return roads

    def people(self, roads: tuple[int, ...], chosen: Sequence[int] | Array = ()) -> Array:
        """Count the people in time with some roads and sites, per layer."""
        question, reached = self.look(roads), self.reached(roads, chosen)
        judged = np.concatenate([question.judged[layer].state >= 0 for layer in question.layers])
        counted = np.where(reached & judged, question.people, 0.0)
        return np.array([counted[question.rows(layer)].sum() for layer in question.layers])

    def link(self, number: int, built: tuple[int, ...], chosen: Array) -> Link:
        """Say what one road wins alone, and what would be lost without it."""
        project, rest = self.projects[number], tuple(one for one in built if one != number)
        alone, last = (float((now - then).sum()) for now, then in (
            (self.people((number,)), self.people(())), (self.people(built, chosen), self.people(rest, chosen))))
        return Link(project.name, project.cost, alone, last,
                    shapely.union_all([item.place for item in project.edits]))


def _reached(question: Question) -> tuple[Array, csr_array]:
    """Tell who is in time of what stands, and by which candidate."""
    problem = question.problem
    row = problem.row_of_pair
    near = (problem.minutes.data <= problem.cutoff[row]) & ~problem.standing[row]
    pairs = csr_array((np.ones(int(near.sum()), np.int8), (row[near], problem.minutes.indices[near])),
                      shape=problem.minutes.shape)
    return problem.standing, pairs


def _solve(ground: _Ground, sets: list[tuple[int, ...]], limits: Limits, effort: Effort,
           ) -> tuple[Array | None, tuple[int, ...], float]:
    """Choose by a program: a demand point counts where one of its ways is open. None: nothing was found."""
    base, projects, program = ground.look(()), ground.projects, Program()
    problem = base.problem
    columns = choose(program, problem, Limits(limits.sites))
    road = program.columns(len(projects), whole=True)
    if limits.budget is not None:
        prices = np.concatenate([problem.cost, problem.site_cost[columns.buildings],
                                 [project.cost for project in projects]])
        at = np.concatenate([columns.candidate, columns.building, road])
        program.rows(1, (0, at, prices), upper=limits.budget)
    standing, pairs = _reached(base)
    weight = np.max([ground.look(one).problem.weight for one in sets], axis=0)  # a road may reach who is left aside
    weight[standing] = 0.0
    ways: dict[int, list[int]] = {}  # demand point -> columns that open a way for it
    for row, column in zip(*pairs.nonzero(), strict=True):
        ways.setdefault(int(row), []).append(int(columns.candidate[column]))
    opened: dict[tuple[tuple[int, ...], int], int] = {}
    seen: dict[tuple[int, ...], tuple[Array, csr_array]] = {(): (standing, pairs)}

    def way(roads: tuple[int, ...], candidate: int) -> int:
        """Give the column that is open where all its roads and its site are."""
        if len(roads) == 1 and candidate < 0:
            return int(road[roads[0]])
        if (roads, candidate) not in opened:
            column = program.columns(1)
            needs = np.array([road[number] for number in roads]
                             + ([columns.candidate[candidate]] if candidate >= 0 else []), np.int64)
            count = np.arange(len(needs))
            program.rows(len(needs), (np.concatenate([count, count]),
                                      np.concatenate([np.repeat(column, len(needs)), needs]),
                                      np.repeat([1.0, -1.0], len(needs))), upper=0.0)
            opened[roads, candidate] = int(column[0])
        return opened[roads, candidate]

    for roads in sets[1:]:
        by_roads, with_sites = seen[roads] = _reached(ground.look(roads))
        less = [seen[part] for size in range(len(roads)) for part in itertools.combinations(roads, size)]
        known = np.any([part[0] for part in less], axis=0)
        for row in np.flatnonzero(by_roads & ~known & (weight > 0)):
            ways.setdefault(int(row), []).append(way(roads, -1))
        fresh = with_sites.astype(bool)
        for part in less:
            fresh = fresh > part[1].astype(bool)
        for row, column in zip(*fresh.nonzero(), strict=True):
            if not known[row] and weight[row] > 0:
                ways.setdefault(int(row), []).append(way(roads, int(column)))
    alike: dict[tuple[int, ...], float] = {}
    for row, listed in ways.items():
        if weight[row] > 0:
            key = tuple(sorted(set(listed)))
            alike[key] = alike.get(key, 0.0) + float(weight[row])
    covered = program.columns(len(alike), cost=-np.array(list(alike.values())))
    rows = np.repeat(np.arange(len(alike)), [len(key) for key in alike])
    at = np.array([column for key in alike for column in key], np.int64)
    program.rows(len(alike), (np.concatenate([np.arange(len(alike)), rows]), np.concatenate([covered, at]),
                              np.concatenate([np.ones(len(alike)), np.full(len(rows), -1.0)])), upper=0.0)
    solved = program.solve(effort)
    already = float(problem.weight[standing].sum())
    if solved.values is None:
        return None, (), already + float(weight.sum())
    chosen = np.flatnonzero(solved.values[columns.candidate] > 0.5)
    built = tuple(int(number) for number in np.flatnonzero(solved.values[road] > 0.5))
    return chosen, built, already - solved.bound
