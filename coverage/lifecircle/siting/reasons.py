"""Say why no choice keeps all rules: the rules that cannot hold together, none of which can be spared."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from lifecircle.errors import InputError, first_of
from lifecircle.siting.problem import ROUNDING, Effort, Problem, Reason
from lifecircle.siting.program import Program, Solved
from lifecircle.siting.rules import Limits, choose, cover, serve, unreachable, wanting

Array = npt.NDArray[Any]
#: A rule: its kind, and the region of a quota.
Rule = tuple[str, int]
_ORDER = ("budget", "sites", "capacity", "apart", "quota", "must")
MODELS = ("lscp", "mclp", "p-median", "p-center")


def why_infeasible(problem: Problem, model: str, sites: int | None = None, *, budget: float | None = None,
                   share: float = 1.0, effort: Effort | None = None) -> tuple[Reason, ...]:
    """Find the rules that contradict each other.

    Demand points out of all reach, and quotas beyond the candidates of their region, are named first and let out.
    Of the other rules those are taken away, one by one, without which no choice is possible either; what is left
    cannot be spared (a deletion filter: Chinneck & Dravnieks 1991). Then they are let out, and the next are looked
    for, until a choice is possible.

    Parameters
    ----------
    problem : Problem
    model : str
        lscp, mclp, p-median or p-center; people have to be served in the first alone.
    sites : int, optional
    budget : float, optional
    share : float
        As in `lifecircle.siting.models.lscp`.
    effort : Effort, optional

    Returns
    -------
    tuple of Reason
        Empty where a choice is possible.
    """
    if model not in MODELS:
        raise InputError("model", f"is {model!r}", f"give one of {', '.join(MODELS)}")
    asked = _Asked(problem, Limits(sites, budget), time.perf_counter() + (effort or Effort()).seconds)
    reasons = list(_too_few(problem))
    rules: list[Rule] = [("quota", region) for region in problem.quota]
    rules = [rule for rule in rules if rule[1] not in {region for reason in reasons for region in reason.regions}]
    rules += [(kind, -1) for kind, there in (
        ("must", len(problem.must)), ("apart", len(problem.apart)), ("capacity", problem.limited),
        ("sites", sites is not None), ("budget", budget is not None)) if there]
    if model == "lscp":
        beyond, asked = asked.covering(share)
        reasons = [*beyond, *reasons]
    while asked.impossible(rules):
        needed = list(rules)
        for rule in rules:
            fewer = [other for other in needed if other != rule]
            if asked.impossible(fewer):
                needed = fewer
        if not needed:
            break
        reasons += [_reason(asked, rule, needed) for rule in sorted(needed, key=lambda rule: _ORDER.index(rule[0]))]
        rules = [rule for rule in rules if rule not in needed]
    return tuple(reasons)


@dataclass(frozen=True)
class _Asked:
    """What is asked of a choice; `weight` and `pairs` where people have to be served."""

    problem: Problem
    limits: Limits
    end: float
    weight: Array | None = None
    pairs: csr_array | None = None
    least: float = np.inf

    def covering(self, share: float) -> tuple[list[Reason], _Asked]:
        """Ask for people to be served too; those beyond reach are named and let out."""
        problem = self.problem
        weight, pairs = wanting(problem, problem.cutoff, problem.standing)
        rows = unreachable(weight, pairs)
        total, beyond = float(problem.weight.sum()), float(weight[rows].sum())
        wanted = share * total * (1.0 - ROUNDING)
        reasons = []
        if total - beyond < wanted or (share == 1.0 and len(rows)):
            reasons.append(Reason("unreachable", f"{beyond:,.0f} people at demand points "
                                  f"{first_of(problem.labels.of_points(rows))} reach no candidate in time; add "
                                  "candidates near them or ask for a smaller share: at most "
                                  f"{np.floor(1000 * (total - beyond) / total) / 1000:.3f} can be", rows))
            wanted = min(wanted, (total - beyond) * (1.0 - ROUNDING))
        weight = np.where(np.isin(np.arange(len(weight)), rows), 0.0, weight)
        standing = float(problem.weight[problem.standing].sum())
        return reasons, replace(self, weight=weight, pairs=pairs,
                                least=np.inf if share == 1.0 else wanted - standing)

    def by(self, rules: list[Rule]) -> tuple[Problem, Limits]:
        """Keep these rules alone."""
        kinds, none = {kind for kind, _ in rules}, np.empty(0, np.int64)
        regions = {region for kind, region in rules if kind == "quota"}
        problem = replace(
            self.problem, must=self.problem.must if "must" in kinds else none,
            apart=self.problem.apart if "apart" in kinds else none.reshape(0, 2),
            capacity=self.problem.capacity if "capacity" in kinds else np.full_like(self.problem.capacity, np.inf),
            quota={region: bounds for region, bounds in self.problem.quota.items() if region in regions})
        return problem, Limits(self.limits.sites if "sites" in kinds else None,
                               self.limits.budget if "budget" in kinds else None)

    def solve(self, rules: list[Rule], *, price: str = "") -> Solved:
        """Look for any choice by these rules, or for the one least in cost or in number."""
        problem, limits = self.by(rules)
        if price == "sites":
            problem = replace(problem, cost=np.ones_like(problem.cost), site_cost=np.zeros_like(problem.site_cost))
        program = Program()
        candidate = choose(program, problem, limits, priced=bool(price)).candidate
        if self.weight is not None and self.pairs is not None:
            cover(program, problem, candidate, self.pairs, self.weight, self.least)
        return program.solve(self.effort)

    def impossible(self, rules: list[Rule]) -> bool:
        """Tell whether it is proven that no choice keeps these rules."""
        return self.solve(rules).infeasible

    def served(self, rules: list[Rule]) -> tuple[float, Array]:
        """Give the most people that can be served by these rules, and the demand points served in part or not."""
        if self.weight is None or self.pairs is None:
            return 0.0, np.empty(0, np.int64)
        problem, limits = self.by(rules)
        row = np.repeat(np.arange(len(self.weight)), np.diff(self.pairs.indptr))
        program = Program()
        candidate = choose(program, problem, limits).candidate
        columns = serve(program, problem, candidate, self.pairs, self.weight[row])
        solved = program.solve(self.effort)
        values = np.zeros(len(row)) if solved.values is None else solved.values[columns]
        share = np.bincount(row, weights=values, minlength=len(self.weight))
        return float(self.weight @ share), np.flatnonzero((self.weight > 0) & (share < 1.0 - 1e-6))

    @property
    def effort(self) -> Effort:
        """Give the time that is left."""
        return Effort(max(self.end - time.perf_counter(), 0.0))


def _too_few(problem: Problem) -> list[Reason]:
    allowed = np.ones(len(problem.cost), dtype=bool)
    allowed[problem.never] = False
    reasons = []
    for region, (least, _) in problem.quota.items():
        have = int((allowed & (problem.region == region)).sum())
        if have < least:
            name = problem.labels.of_region(region)
            reasons.append(Reason("quota", f"{name} is to get at least {least}, but has {have} candidates that may be "
                                  "chosen; add candidates or ask for fewer", regions=(region,)))
    return reasons


def _reason(asked: _Asked, rule: Rule, needed: list[Rule]) -> Reason:
    kind, region = rule
    others = [other for other in needed if other != rule]
    names = asked.problem.labels
    problem, limits, rows = asked.problem, asked.limits, np.empty(0, np.int64)
    regions = tuple(at for name, at in needed if name == "quota")
    beside = ", ".join([f"quota of {names.of_region(at)}" if name == "quota" else name for name, at in others]
                       + (["everyone in time"] if asked.weight is not None else []))
    if kind in ("budget", "sites"):
        bound = asked.solve(others, price=kind).bound
        given = f"{limits.budget:,.6g}" if kind == "budget" else f"{limits.sites}"
        text = (f"the {kind if kind == 'budget' else 'number of sites'} is {given}, but the other rules ask for "
                f"at least {bound if kind == 'budget' else np.ceil(bound - 1e-6):,.6g} ({beside})")
    elif kind == "capacity":
        most, rows = asked.served(needed)
        people = float(asked.weight.sum()) if asked.weight is not None else 0.0
        text = f"capacities serve {most:,.0f} of {people:,.0f} people at most ({beside})"
    elif kind == "apart":
        pairs = first_of(dict.fromkeys("–".join(names.of_candidates(pair)) for pair in _at_odds(problem, others)))
        text = f"of candidates too near to each other ({pairs}) only one may be chosen ({beside})"
    elif kind == "quota":
        text, regions = f"{names.of_region(region)} is to get {_wanted(problem, region)} ({beside})", (region,)
    else:
        text = f"candidates {first_of(names.of_candidates(problem.must))} must be chosen ({beside})"
    return Reason(kind, text, rows, regions if kind in ("quota", "apart", "sites", "budget") else ())


def _wanted(problem: Problem, region: int) -> str:
    """Say a quota in words; a most that the candidates cannot surpass is none."""
    least, most = problem.quota[region]
    return f"at least {least}" if most >= (problem.region == region).sum() else f"{least} to {most}"


def _at_odds(problem: Problem, others: list[Rule]) -> Array:
    """Give the pairs that are too near: those that must both be chosen where that is what they contradict."""
    if all(kind != "must" for kind, _ in others):
        return problem.apart
    both = problem.apart[np.isin(problem.apart, problem.must).all(axis=1)]
    return both if len(both) else problem.apart
