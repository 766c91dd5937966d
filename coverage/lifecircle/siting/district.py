"""Lay out a siting problem of a district: who lives where, what stands, where one may build, and under which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
from scipy.sparse import block_diag, csr_array
from scipy.spatial import cKDTree

from lifecircle.errors import UsageError, first_of
from lifecircle.indicators.reach import Judged, group_at, judge_headline
from lifecircle.network.access import Doors
from lifecircle.network.pairs import Pairs, pair_times
from lifecircle.siting.problem import Labels, Problem
from lifecircle.traveltimes import TravelTimes, points_of, used_modes, walking_slope

Array = npt.NDArray[Any]
#: Pairs are found up to so many times the cutoff where minutes count and not only whether they suffice.
STRETCH, MOST_STRETCH = 4.0, 32.0
#: More pairs of candidates too near to each other than this are a wrong distance, not a wish.
_MOST_APART = 2_000_000


@dataclass(frozen=True)
class Wishes:
    """What is asked for, beside the model and the number of sites.

    Attributes
    ----------
    weights : dict
        Group (``all`` or the suffix of a ``population_<group>`` column) -> how much one of them counts. Empty: the
        people whose reach the policy judges, each as one.
    equity : float
        From 0 (every person counts alike) to 1 (every place counts alike, however few live there).
    quota : dict
        Township (code or name), or ``each`` -> the least and the most new sites.
    apart_m : float
        Least distance between two new sites of one layer, straight.
    must, never : sequence of str
        Ids of candidates.
    building_cost : float
        Paid once for each building that does not stand yet, however many layers move in; a candidate's own ``cost`` is
        that of a layer in it.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    equity: float = 0.0
    quota: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    apart_m: float = 0.0
    must: Sequence[str] = ()
    never: Sequence[str] = ()
    building_cost: float = 0.0


@dataclass(frozen=True)
class Question:
    """A siting problem with the names of its rows and columns.

    Attributes
    ----------
    problem : Problem
        Demand points of the layers below each other; candidates of the layers one after the other.
    candidates : GeoDataFrame
        As `lifecircle.siting.candidates` lays them out, once.
    judged : dict
        Layer -> how the demand points are judged today.
    people : (n,) float64
        People of the layer's group at each row of the problem, unweighted.
    aside : (n,) bool
        Rows that are left aside as no candidate can reach them, and today's map data leave them open; see `lay_out`.
    wishes : Wishes
    """

    times: TravelTimes
    layers: tuple[str, ...]
    candidates: gpd.GeoDataFrame
    problem: Problem
    judged: dict[str, Judged]
    people: Array
    aside: Array
    wishes: Wishes = field(default_factory=Wishes)

    def rows(self, layer: str) -> slice:
        """Give the rows of the problem that are the demand points of a layer."""
        count, at = len(self.times.demand), self.layers.index(layer)
        return slice(at * count, (at + 1) * count)

    def columns(self, layer: str) -> slice:
        """Give the columns of the problem that are the candidates for a layer."""
        count, at = len(self.candidates), self.layers.index(layer)
        return slice(at * count, (at + 1) * count)


def lay_out(times: TravelTimes, layers: Sequence[str], candidates: gpd.GeoDataFrame, wishes: Wishes | None = None, *,
            stretch: float = 1.0, reachable_only: bool = False) -> Question:
    """Lay out a problem.

    Parameters
    ----------
    times : TravelTimes
    layers : sequence of str
        Judged by their headline rules; candidates may take in several.
    candidates : GeoDataFrame
        As `lifecircle.siting.candidates` lays them out.
    wishes : Wishes, optional
    stretch : float
        Pairs are found up to so many times the longest cutoff, whatever the class: more than 1 where minutes beyond
        the cutoff matter. At 1 they are found up to the cutoff of each class.
    reachable_only : bool
        Leave aside whom neither what stands nor any candidate reaches within that.

    Raises
    ------
    UsageError
        If a layer, group, township or candidate is not known.
    """
    wishes, layers = wishes or Wishes(), tuple(dict.fromkeys(layers))
    judged = {layer: _judged(times, layer) for layer in layers}
    kind = times.demand["class"]
    cutoff = [kind.map(judged[layer].cutoffs_min).fillna(0.0).to_numpy(dtype=float) for layer in layers]
    beyond_min = stretch * float(np.max(cutoff, initial=0.0))
    tables = [candidate_minutes(times, layer, points_of(candidates), limit_min=beyond_min if stretch > 1 else 0.0)
              for layer in layers]
    people = [group_at(times.demand, times.study.policy.layer(layer))[1] for layer in layers]
    stands, aside, weight = [], [], []
    for layer, table, count in zip(layers, tables, people, strict=True):
        item = judged[layer]
        stands.append(np.where(item.state == 2, np.inf, item.minutes))
        far = (item.state == 2) | (reachable_only & ~(item.minutes <= beyond_min))
        aside.append(far & (np.diff(table.indptr) == 0))
        counted = _weight(times, count, wishes)
        weight.append(np.where((item.state >= 0) & ~aside[-1], counted, 0.0))
    columns = len(candidates)
    building = np.unique(candidates["building"].to_numpy(dtype=str), return_inverse=True)[1]
    cost = candidates["cost"].to_numpy(dtype=float)
    known = np.isfinite(cost)
    if known.any() and not known.all():
        raise UsageError(f"candidate {first_of(candidates['candidate_id'][~known])} has no cost and others have; "
                         "fill in the column")
    together = csr_array(block_diag(tables, format="csr")) if len(tables) > 1 else tables[0]
    problem = Problem.of(
        np.concatenate(weight), together, np.concatenate(cutoff), stands=np.concatenate(stands),
        cost=np.tile(cost if known.all() and columns else np.ones(columns), len(layers)),
        site=np.tile(building, len(layers)), site_cost=_building_costs(candidates, building, wishes),
        capacity=np.concatenate([_capacity(times, layer, candidates) for layer in layers]),
        need=np.concatenate(people), region=np.tile(_home(times, candidates), len(layers)),
        must=_columns(wishes.must, candidates, len(layers)), never=_columns(wishes.never, candidates, len(layers)),
        apart=_apart(candidates, wishes.apart_m, len(layers)), quota=_quota(times, wishes.quota),
        beyond_min=max(beyond_min, float(together.data.max(initial=0.0))),
        labels=_labels(times, candidates, len(layers)))
    return Question(times, layers, candidates, problem, judged, np.concatenate(people), np.concatenate(aside), wishes)


def _building_costs(candidates: gpd.GeoDataFrame, building: Array, wishes: Wishes) -> Array:
    """Give what each building costs; one that stands costs nothing more."""
    cost = np.full(int(building.max(initial=-1)) + 1, wishes.building_cost)
    cost[building[(candidates["kind"] == "building").to_numpy()]] = 0.0
    return cost


def _judged(times: TravelTimes, layer: str) -> Judged:
    study = times.study
    if layer not in study.layers or not used_modes(study.policy.layer(layer)):
        known = [name for name in study.layers if used_modes(study.policy.layer(name))]
        raise UsageError(f"no layer {layer} that is judged by reach; there are {', '.join(known)}")
    return judge_headline(times, layer)


def candidate_minutes(times: TravelTimes, layer: str, xy_m: Array, *, limit_min: float = 0.0) -> csr_array:
    """Give the minutes between every demand point and every candidate, each class in its headline mode.

    Parameters
    ----------
    xy_m : (m, 2) float64
        Where the candidates stand.
    limit_min : float
        Pairs are found as far as that, and up to the cutoff of the point's class at least.

    Returns
    -------
    (n, m) csr_array
        Pairs beyond are not stored.
    """
    study, kind = times.study, times.demand["class"].to_numpy()
    policy, doors = study.policy.layer(layer), Doors(xy_m, np.arange(len(xy_m)))
    parts = []
    for name in ("urban", "rural"):
        rule, rows = policy.rule(name), np.flatnonzero(kind == name)
        if rule is not None and len(rows):
            slope = walking_slope(study, layer, times.modes, rule.mode)
            pairs = pair_times(times.access, rule.mode, [doors], times.xy_m[rows],
                               max(rule.cutoff_min, limit_min), direction=policy.direction, slope=slope)[0]
            parts.append(Pairs(rows[pairs.place], pairs.facility, pairs.ms))
    empty = np.empty(0, np.int64)
    place, facility, ms = (np.concatenate([empty, *(getattr(part, name) for part in parts)])
                           for name in ("place", "facility", "ms"))
    order = np.lexsort((facility, place))
    start = np.searchsorted(place[order], np.arange(len(kind) + 1))
    return csr_array((ms[order] / 60_000.0, facility[order], start), shape=(len(kind), len(xy_m)))


def _weight(times: TravelTimes, people: Array, wishes: Wishes) -> Array:
    """Weigh people by group, then between people and places."""
    demand = times.demand
    if wishes.weights:
        people = np.zeros(len(demand))
        for group, factor in wishes.weights.items():
            column = "population" if group == "all" else f"population_{group}"
            if column not in demand.columns:
                known = ["all", *(name.removeprefix("population_") for name in demand.columns
                                  if name.startswith("population_"))]
                raise UsageError(f"no group {group}; the people have {', '.join(known)}")
            if not factor >= 0:
                raise UsageError(f"group {group} cannot weigh {factor:g}; give 0 or more")
            people = people + factor * demand[column].fillna(0.0).to_numpy(dtype=float)
    if not 0.0 <= wishes.equity <= 1.0:
        raise UsageError(f"equity {wishes.equity:g} is no share; give 0 (people) to 1 (places)")
    place = np.unique(demand["place_code"].to_numpy(dtype=str), return_inverse=True)[1]
    of_place = np.bincount(place, people)
    lived_in = of_place > 0
    mean = people.sum() / max(int(lived_in.sum()), 1)
    alike = people * np.divide(mean, of_place, out=np.zeros(len(of_place)), where=lived_in)[place]
    return np.asarray((1.0 - wishes.equity) * people + wishes.equity * alike)


def _capacity(times: TravelTimes, layer: str, candidates: gpd.GeoDataFrame) -> Array:
    """Give how many people each candidate can serve; without a figure it has no limit."""
    supply = times.study.policy.layer(layer).supply
    if supply is None:
        return np.full(len(candidates), np.inf)
    stated = candidates[supply.capacity].to_numpy(dtype=float)
    return np.where(np.isnan(stated), np.inf, stated / supply.need_per_person)


def _home(times: TravelTimes, candidates: gpd.GeoDataFrame) -> Array:
    codes = times.study.townships["township_code"].tolist()
    return np.array([codes.index(code) if code in codes else -1 for code in candidates["township_code"]], np.int64)


def _labels(times: TravelTimes, candidates: gpd.GeoDataFrame, layers: int) -> Labels:
    return Labels(times.demand["demand_id"].tolist() * layers, candidates["candidate_id"].tolist() * layers,
                  times.study.townships["township"].tolist())


def _columns(ids: Sequence[str], candidates: gpd.GeoDataFrame, layers: int) -> list[int]:
    known = {name: row for row, name in enumerate(candidates["candidate_id"])}
    missing = [name for name in ids if name not in known]
    if missing:
        raise UsageError(f"no candidate {missing[0]}; there are {first_of(list(known), 6)}")
    return [known[name] + at * len(candidates) for name in ids for at in range(layers)]


def _apart(candidates: gpd.GeoDataFrame, apart_m: float, layers: int) -> Array:
    if not apart_m > 0:
        return np.empty((0, 2), np.int64)
    tree = cKDTree(points_of(candidates))
    if tree.count_neighbors(tree, apart_m) > _MOST_APART:
        raise UsageError(f"with {apart_m:g} m between sites too many candidates exclude each other; take fewer or less")
    near = tree.query_pairs(np.nextafter(apart_m, 0.0), output_type="ndarray").astype(np.int64)
    return np.concatenate([near + at * len(candidates) for at in range(layers)])


def _quota(times: TravelTimes, quota: Mapping[str, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    townships = times.study.townships
    row = {**{name: at for at, name in enumerate(townships["township"])},
           **{code: at for at, code in enumerate(townships["township_code"])}}
    rules: dict[int, tuple[int, int]] = {}
    if "each" in quota:
        rules = dict.fromkeys(range(len(townships)), quota["each"])
    for name, limits in quota.items():
        if name != "each":
            if name not in row:
                raise UsageError(f"no township {name}; there are {', '.join(townships['township'])}")
            rules[row[name]] = limits
    return rules
