"""Give findings titles that a planner reads, in Chinese and English."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from lifecircle.inputs.findings import Finding


@cache
def titles() -> dict[str, dict[str, str]]:
    """Give code -> language -> title, as ``titles.toml`` beside this module has them."""
    return tomllib.loads(Path(__file__).with_name("titles.toml").read_text(encoding="utf-8"))


def title(code: str, language: str) -> str:
    """Give the title of a code, in English where the language is not known; a code without one stands for itself."""
    words = titles().get(code, {})
    return words.get(language) or words.get("en") or code


def titled(finding: Finding) -> dict[str, Any]:
    """Give a finding as JSON holds it, with its titles as ``title_zh`` and ``title_en``."""
    return {**finding.as_dict(), **{f"title_{language}": title(finding.code, language) for language in ("zh", "en")}}
