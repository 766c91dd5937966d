"""Compute indicators from travel times and areas; importing the package fills the registry."""

from lifecircle.indicators import (
    bases,
    capacity,
    class_rules,
    completeness,
    eldercircles,
    equity,
    evacuation,
    floating,
    intervals,
    kth_nearest,
    minutes,
    per_head,
    planned,
    presence,
    priority,
    reach,
    verdicts,
)
from lifecircle.indicators.registry import INDICATORS, Indicator

__all__ = [
    "INDICATORS", "Indicator", "bases", "capacity", "class_rules", "completeness", "eldercircles", "equity",
    "evacuation", "floating", "intervals", "kth_nearest", "minutes", "per_head", "planned", "presence", "priority",
    "reach", "verdicts",
]
