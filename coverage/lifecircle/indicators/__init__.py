"""Compute indicators from travel times and areas; importing the package fills the registry."""

from lifecircle.indicators import per_head, presence, reach, verdicts
from lifecircle.indicators.registry import INDICATORS, Indicator

__all__ = ["INDICATORS", "Indicator", "per_head", "presence", "reach", "verdicts"]
