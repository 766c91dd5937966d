"""Choose sites for a district and say what each of them wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array

from lifecircle import describe
from lifecircle.assessment import Assessment
from lifecircle.errors import UsageError
from lifecircle.live import Live
from lifecircle.livelayer import Change
from lifecircle.proposals import propose
from lifecircle.siting import models
from lifecircle.siting.asking import check_limits
from lifecircle.siting.district import MOST_STRETCH, STRETCH, Question, Wishes, lay_out
from lifecircle.siting.problem import Answer, Effort, relative_gap
from lifecircle.siting.service import most_served
from lifecircle.tables import SITES_COLUMNS, worst_quality

Array = npt.NDArray[Any]
#: In which unit each model counts what it makes most or least.
OBJECTIVE_UNITS: dict[str, str] = {"mclp": "person", "lscp": "cost", "p-median": "person-minute", "p-center": "min"}
#: Alternatives this much worse than the best are listed.
WITHIN = 0.01


@dataclass(frozen=True)
class Year:
    """What stands by the end of a year of a programme.

    Attributes
    ----------
    year : int
    budget : float
        Of this year alone; what is left over goes on to the next.
    chosen : (·,) int64
        Candidates that stand by then.
    spent : float
        In all years so far.
    objective : float
        What mclp counts, by then.
    people_in_time : float
    """

    year: int
    budget: float
    chosen: Array
    spent: float
    objective: float
    people_in_time: float


@dataclass(frozen=True)
class Link:
    """A road that was chosen beside the sites.

    Attributes
    ----------
    name : str
    cost : float
    people_alone : float
        Who would come in time if this road alone were built, and no site.
    people_last : float
        Who would be lost again if it alone were left out.
    geometry : Any
        Its line, in the study's CRS.
    """

    name: str
    cost: float
    people_alone: float
    people_last: float
    geometry: Any


@dataclass(frozen=True)
class Siting:
    """Where to build, how well that is proven, and what it changes.

    Attributes
    ----------
    question : Question
    answer : Answer
    new, budget : int or None, float or None
        What limited the choice.
    alternatives : tuple of Answer
        Other choices within 1 % of the best, the best first; only where they were asked for.
    live : Live
        The district as it stands, to ask further.
    keep_share : (m,) float64 or None
        Share of draws in which each candidate is among the best, where uncertainty was drawn.
    draws : int
    years : tuple of Year
        Of a programme; the sites then have the year in which each is built.
    years_bound : float
        What no programme can surpass in `objective`, summed over the years.
    links : tuple of Link
        Roads to be built; `live` and `question` are those of the roads with them.
    people_now : (layers,) float64 or None
        People in time before any link, where links were weighed.
    """

    question: Question
    answer: Answer
    live: Live
    new: int | None = None
    budget: float | None = None
    alternatives: tuple[Answer, ...] = ()
    keep_share: Array | None = None
    draws: int = 0
    years: tuple[Year, ...] = ()
    years_bound: float = np.nan
    links: tuple[Link, ...] = ()
    people_now: Array | None = None

    @cached_property
    def sites(self) -> gpd.GeoDataFrame:
        """List the sites chosen, those that win most first.

        Returns
        -------
        GeoDataFrame
            `SITES_COLUMNS` and the point, in the study's CRS. ``people_won`` is who comes in time and has this site
            nearest, so that it sums to all who are won; ``people_alone`` who would if this site alone were built;
            ``people_last`` who would be lost again if it were left out.
        """
        question, chosen = self.question, self.answer.chosen
        study, count = question.times.study, len(question.candidates)
        table = question.candidates.iloc[chosen % count].reset_index(drop=True)
        layer = np.array(question.layers, dtype=object)[chosen // count]
        names = study.townships.set_index("township_code")["township"]
        places = study.places.set_index("place_code")["place"]
        alone, last = self._gains()
        table = table.assign(
            layer=layer, township=table["township_code"].map(names).fillna(""), year=self._years(chosen),
            place=table["place_code"].map(places).fillna(""), group=[self._group(name) for name in layer],
            people_won=self._won(), people_alone=alone, people_last=last,
            keep_share=np.nan if self.keep_share is None else self.keep_share[chosen],
            lead_unit=[study.policy.layer(name).lead_unit for name in layer],
            quality=[self._quality(name) for name in layer])
        table = table.sort_values(["people_won", "people_alone", "candidate_id"], ascending=[False, False, True],
                                  kind="stable", ignore_index=True)
        table.insert(0, "rank", np.arange(1, len(table) + 1))
        return table[[*SITES_COLUMNS, "geometry"]]

    def _years(self, chosen: Array) -> Array:
        """Give the year in which each site is built; NaN without a programme."""
        first = np.full(len(chosen), np.nan)
        for year in reversed(self.years):
            first[np.isin(chosen, year.chosen)] = year.year
        return first

    def _group(self, layer: str) -> str:
        group = self.question.times.study.policy.layer(layer).group
        return group if f"population_{group}" in self.question.times.demand.columns else "all"

    def _quality(self, layer: str) -> str:
        return worst_quality([describe.layer_quality(self.question.times.study, layer), "derived"])

    @property
    def _fresh(self) -> Array:
        """Give the people at each row whom something new may bring in time."""
        problem = self.question.problem
        judged = np.concatenate([self.question.judged[layer].state >= 0 for layer in self.question.layers])
        return np.where(judged & ~problem.standing, self.question.people, 0.0)

    def _won(self) -> Array:
        """Sum who comes in time by the site that serves them."""
        answer, people = self.answer, self._fresh
        here = (answer.serves >= 0) & (answer.served > 0)
        sums = np.bincount(answer.serves[here], (people * answer.served)[here], self.question.problem.minutes.shape[1])
        return sums[answer.chosen]

    def _gains(self) -> tuple[Array, Array]:
        """Count who comes in time of each site alone, and who would be lost without it."""
        problem, chosen = self.question.problem, self.answer.chosen
        if problem.limited:
            together = most_served(problem, chosen, self._fresh)
            return (np.array([most_served(problem, chosen[[at]], self._fresh) for at in range(len(chosen))]),
                    np.array([together - most_served(problem, np.delete(chosen, at), self._fresh)
                              for at in range(len(chosen))]))
        pairs = problem.minutes[:, chosen].tocsr() if len(chosen) else csr_array((len(self._fresh), 0))
        row = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
        near = pairs.data <= problem.cutoff[row]
        row, column = row[near], pairs.indices[near]
        people, times = self._fresh, np.bincount(row, minlength=pairs.shape[0])
        alone = np.bincount(column, people[row], len(chosen))
        only = times[row] == 1
        return alone, np.bincount(column[only], people[row[only]], len(chosen))

    @cached_property
    def reach(self) -> pd.DataFrame:
        """List who can reach which candidate: demand_id, layer, candidate_id, minutes; pairs beyond are left out."""
        question, problem = self.question, self.question.problem
        row, column, count = problem.row_of_pair, problem.minutes.indices, len(question.times.demand)
        ids = question.times.demand["demand_id"].to_numpy(dtype=object)
        names, layers = question.candidates["candidate_id"].to_numpy(dtype=object), np.array(question.layers, object)
        return pd.DataFrame({"demand_id": ids[row % count], "layer": layers[row // count],
                             "candidate_id": names[column % len(names)], "minutes": problem.minutes.data})

    @cached_property
    def changes(self) -> dict[str, Change]:
        """Give, per layer, what all chosen sites together change; capacities are left aside."""
        changes = {}
        for layer in self.question.layers:
            mine = self.sites[self.sites["layer"] == layer]
            names = mine["name"].where(mine["name"] != "", mine["candidate_id"])
            new = propose(self.question.times.study, layer, mine.geometry, name=names.to_numpy(),
                          facility_id=[f"site-{name}" for name in mine["candidate_id"]],
                          **{name: mine[name].to_numpy() for name in ("capacity", "area_m2", "effective_area_m2")})
            changes[layer] = self.live.change(layer, add=new)
        return changes

    @cached_property
    def coverage(self) -> pd.DataFrame:
        """Set people in time before and after side by side, per layer, township, the district, and class.

        Returns
        -------
        DataFrame
            layer, township_code, township, and the columns of `Change.coverage`.
        """
        study = self.question.times.study
        names = study.townships.set_index("township_code")["township"]
        parts = [change.coverage.assign(layer=layer) for layer, change in self.changes.items()]
        table = pd.concat(parts, ignore_index=True)
        table.insert(0, "township", table["township_code"].map(names).fillna(study.runfile.district.name))
        return table[["layer", *[name for name in table.columns if name != "layer"]]]

    @cached_property
    def record(self) -> dict[str, Any]:
        """Give what ``site.json`` holds: the question, the answer, its proof, and the people before and after."""
        answer, question, problem = self.answer, self.question, self.question.problem
        services = self._services
        total = {name: float(sum(one[name] for one in services))
                 for name in ("people", "people_in_time_before", "people_in_time_after", "people_aside")}
        wishes = question.wishes
        return {
            "model": answer.model, "layers": list(question.layers),
            "weights": dict(wishes.weights), "equity": wishes.equity, "apart_m": wishes.apart_m,
            "quota": {name: list(limits) for name, limits in wishes.quota.items()}, "must": list(wishes.must),
            "never": list(wishes.never), "building_cost": wishes.building_cost,
            "groups": {layer: self._group(layer) for layer in question.layers}, "new": self.new, "budget": self.budget,
            "candidates": len(question.candidates), "status": answer.status,
            "objective": _number(answer.objective), "bound": _number(answer.bound), "gap": _number(answer.gap),
            "objective_unit": self._unit, "sites": len(answer.chosen),
            "cost": problem.price(answer.chosen) + sum(link.cost for link in self.links),
            **total, "services": services,
            "reasons": [{"kind": item.kind, "text": item.text, "points": len(item.rows)} for item in answer.reasons],
            "draws": self.draws, **self._programme, **self._links,
            "alternatives": [{"candidates": self._ids(other.chosen), "objective": _number(other.objective)}
                             for other in self.alternatives],
            "quality": worst_quality(self._quality(layer) for layer in question.layers),
        }

    @property
    def _services(self) -> list[dict[str, Any]]:
        """Count the people of each layer's group, in time before and after, and left aside."""
        question, standing = self.question, self.question.problem.standing
        won, services = self._fresh * self.answer.served, []
        for at, layer in enumerate(question.layers):
            rows, policy = question.rows(layer), question.times.study.policy.layer(layer)
            people, judged = question.people[rows], question.judged[layer].state >= 0
            before = float(people[standing[rows] & judged].sum())
            now = {} if self.people_now is None else {"people_in_time_now": float(self.people_now[at])}
            services.append({
                "layer": layer, "label_zh": policy.label("zh", layer), "label_en": policy.label("en", layer),
                "group": self._group(layer),
                "people": float(people[judged].sum()), **now, "people_in_time_before": before,
                "people_in_time_after": before + float(won[rows].sum()),
                "people_aside": float(people[question.aside[rows]].sum())})
        return services

    @property
    def _unit(self) -> str:
        """Give the unit of the objective: people may be weighted, and what costs 1 each is counted."""
        unit, problem = OBJECTIVE_UNITS[self.answer.model], self.question.problem
        if unit == "cost" and (problem.cost == 1).all() and not problem.site_cost.any():
            return "site"
        weighted = bool(self.question.wishes.weights or self.question.wishes.equity)
        return f"weighted {unit}" if weighted and unit.startswith("person") else unit

    @property
    def _programme(self) -> dict[str, Any]:
        if not self.years:
            return {}
        total = sum(year.objective for year in self.years)
        return {"years": [{"year": one.year, "budget": one.budget, "spent": one.spent, "sites": len(one.chosen),
                           "people_in_time": one.people_in_time} for one in self.years],
                "years_objective": total, "years_bound": _number(self.years_bound),
                "years_gap": _number(relative_gap(total, self.years_bound))}

    @property
    def _links(self) -> dict[str, Any]:
        if self.people_now is None:
            return {}
        return {"links": [{"name": one.name, "cost": one.cost, "people_alone": one.people_alone,
                           "people_last": one.people_last} for one in self.links],
                "people_in_time_now": float(self.people_now.sum())}

    def _ids(self, chosen: Array) -> list[str]:
        names = self.question.candidates["candidate_id"].to_numpy(dtype=object)
        return [str(name) for name in names[chosen % len(names)]]

    def _repr_html_(self) -> str:
        """Show the sites in a notebook."""
        record = self.record
        head = (f"<p><b>{record['model']}</b> · {record['status']} · objective {record['objective']:,.1f} · bound "
                f"{record['bound']:,.1f} · gap {record['gap']:.2%}</p>" if len(self.answer.chosen) else
                f"<p><b>{record['model']}</b> · {record['status']}</p>")
        counts = ["people_won", "people_alone", "people_last"]
        few = ((self.sites[counts] > 0) & (self.sites[counts] < 10)).any(axis=1) & (self.sites["group"] != "all")
        sites = self.sites.assign(**{name: self.sites[name].mask(few) for name in counts})
        shown = sites[["rank", "name", "township", "place", "layer", *counts]]
        return head + str(pd.DataFrame(shown).to_html(na_rep="–", index=False, float_format=lambda x: f"{x:,.0f}"))


def with_sites(assessment: Assessment, siting: Siting) -> Assessment:
    """Put a siting into the assessment of the same district, to be written and drawn with it."""
    return replace(assessment, sites=siting.sites, siting=siting.record, reach=siting.reach)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def choose_sites(live: Live, layers: Sequence[str], candidates: gpd.GeoDataFrame, *, model: str = "mclp",
                 new: int | None = None, budget: float | None = None, share: float = 1.0,
                 wishes: Wishes | None = None, others: int = 0, effort: Effort | None = None) -> Siting:
    """Choose sites.

    Parameters
    ----------
    live : Live
        The solved district.
    layers : sequence of str
    candidates : GeoDataFrame
        As `lifecircle.siting.candidates` lays them out.
    model : str
        ``mclp`` most people in time, ``lscp`` cheapest choice that brings `share` of all in time, ``p-median`` least
        person-minutes, ``p-center`` least worst minutes.
    new : int, optional
        Sites at most; lscp finds the number.
    budget : float, optional
    share : float
        For lscp.
    wishes : Wishes, optional
    others : int
        For mclp: list up to so many other choices within 1 % of the best.
    effort : Effort, optional

    Raises
    ------
    UsageError
        If the model is not known, or nothing limits the number of sites.
    """
    check_limits(model, new, budget)
    if not len(candidates):
        raise UsageError("there is no candidate; choose others")
    stretch = STRETCH if model in ("p-median", "p-center") else 1.0
    question = lay_out(live.times, layers, candidates, wishes, stretch=stretch, reachable_only=model == "p-center")
    if model == "lscp":
        answer = models.lscp(question.problem, share=share, budget=budget, effort=effort)
    elif model == "p-center":
        question, answer = _farther(question, new, budget, effort, wishes)
    else:
        solve = {"mclp": models.mclp, "p-median": models.p_median}[model]
        answer = solve(question.problem, new, budget=budget, effort=effort)
    listed: tuple[Answer, ...] = ()
    if others and model == "mclp" and len(answer.chosen):
        listed = tuple(models.alternatives(question.problem, new, budget=budget, within=WITHIN, most=others + 1,
                                           effort=effort))[1:]
    return Siting(question, answer, live, new, budget, listed)


def _farther(question: Question, new: int | None, budget: float | None, effort: Effort | None, wishes: Wishes | None,
             ) -> tuple[Question, Answer]:
    """Solve p-center, looking ever farther while somebody stays beyond all that was looked at."""
    stretch = STRETCH
    while True:
        answer = models.p_center(question.problem, new, budget=budget, effort=effort)
        if stretch >= MOST_STRETCH or not answer.objective >= question.problem.beyond_min:
            return question, answer
        stretch *= 2.0
        question = lay_out(question.times, question.layers, question.candidates, wishes, stretch=stretch,
                           reachable_only=True)
