"""Register indicators: one function each, with its name, labels, unit and basis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

#: Sums per unit (rows) -> value, low and high per unit; low and high equal the value where nothing is in doubt.
Formula = Callable[[pd.DataFrame], pd.DataFrame]
Function = TypeVar("Function", bound=Formula)


#: Invariant -> what it says. Low and high are held to it wherever they are told.
INVARIANTS: dict[str, str] = {
    "extensive": "townships sum to the district, and classes to all",
    "bounded": "lies from 0 to 1",
    "signed_bounded": "lies from -1 to 1",
    "nonnegative": "is never below 0",
    "ordered": "low <= value <= high",
    "monotone_cutoff": "a longer cutoff never gives less",
    "scale_free": "the same when every number of people is multiplied",
    "homogeneous": "multiplied as every number of people is",
    "not_people": "the same whoever lives there",
    "null_without_people": "blank where nobody lives, while the people of that row are counted as 0",
    "zero_without_people": "0 where nobody lives",
}
#: What a count of people holds, and what a share of people does.
COUNT: tuple[str, ...] = ("extensive", "nonnegative", "ordered", "homogeneous", "zero_without_people")
RATE: tuple[str, ...] = ("bounded", "ordered", "scale_free", "null_without_people")


@dataclass(frozen=True)
class Indicator:
    """One indicator.

    Attributes
    ----------
    family : str
        Which sums it is made from, such as ``reach``, ``community``, ``presence``, ``area`` or ``capacity``.
    basis : str
        What is divided by what, in the field's words (口径): ``population``, ``community``, ``unit``, ``area``,
        ``capacity``, ``facility`` …
    holds : tuple of str
        What is true of its figures, by names of `INVARIANTS`; a test holds every one on whole studies.
    parts : (str, str) or None
        Indicators whose quotient it is, wherever both stand in the results.
    """

    name: str
    family: str
    label_zh: str
    label_en: str
    unit: str
    basis: str
    formula: Formula
    holds: tuple[str, ...] = ()
    parts: tuple[str, str] | None = None


INDICATORS: dict[str, Indicator] = {}


def indicator(name: str, *, family: str, label_zh: str, label_en: str, unit: str, basis: str,
              holds: tuple[str, ...] = (), parts: tuple[str, str] | None = None) -> Callable[[Function], Function]:
    """Register a formula under a name, with what it promises of its figures.

    Raises
    ------
    ValueError
        If `holds` names no invariant.
    """
    if unknown := set(holds) - set(INVARIANTS):
        raise ValueError(f"{name} declares {sorted(unknown)}, which are no invariants")

    def register(formula: Function) -> Function:
        INDICATORS[name] = Indicator(name, family, label_zh, label_en, unit, basis, formula, holds, parts)
        return formula

    return register


def family(name: str) -> list[Indicator]:
    """List the indicators of a family in the order they were registered."""
    return [item for item in INDICATORS.values() if item.family == name]


def exact(values: pd.Series) -> pd.DataFrame:
    """Give value, low and high of a figure without doubt."""
    return pd.DataFrame({"value": values, "low": values, "high": values}).astype(float)


def share(part: pd.Series, whole: pd.Series, *, more: pd.Series | None = None) -> pd.DataFrame:
    """Give a rate, low as it is and high with `more` counted in; empty where the whole is zero."""
    base = whole.where(whole > 0)
    low = part / base
    high = low if more is None else (part + more) / base
    return pd.DataFrame({"value": low, "low": low, "high": high}).astype(float)
