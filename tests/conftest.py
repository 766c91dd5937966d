"""Shared fixtures; drawn examples are not judged by how long they take."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

#: It runs in the Python of QGIS, not in this one.
collect_ignore = ["qgis_reader.py"]
