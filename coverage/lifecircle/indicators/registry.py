"""Register indicators: one function each, with its name, labels, unit and basis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

#: Sums per unit (rows) -> value, low and high per unit; low and high equal the value where nothing is in doubt.
Formula = Callable[[pd.DataFrame], pd.DataFrame]
Function = TypeVar("Function", bound=Formula)


@dataclass(frozen=True)
class Indicator:
    """One indicator.

    Attributes
    ----------
    family : str
        Which sums it is made from: ``reach``, ``community``, ``presence`` or ``area``.
    basis : str
        What is divided by what, in the field's words (口径): ``population``, ``community``, ``unit``, ``area``.
    """

    name: str
    family: str
    label_zh: str
    label_en: str
    unit: str
    basis: str
    formula: Formula


INDICATORS: dict[str, Indicator] = {}


def indicator(name: str, *, family: str, label_zh: str, label_en: str, unit: str, basis: str,
              ) -> Callable[[Function], Function]:
    """Register a formula under a name."""

    def register(formula: Function) -> Function:
        INDICATORS[name] = Indicator(name, family, label_zh, label_en, unit, basis, formula)
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
