"""Compute indicators from travel times and areas; importing the package fills the registry."""

from lifecircle.indicators import class_rules, per_head, presence, reach, verdicts
from lifecircle.indicators.registry import INDICATORS, Indicator

__all__ = ["INDICATORS", "Indicator", "class_rules", "per_head", "presence", "reach", "verdicts"]
