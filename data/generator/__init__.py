"""Make the model district: true names, codes and totals, and everything else invented from a seed."""

from __future__ import annotations

from .facts import Facts, read_facts, synthetic_facts
from .model import Model, generate, make_model

__all__ = ["Facts", "Model", "generate", "make_model", "read_facts", "synthetic_facts"]
