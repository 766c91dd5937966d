"""Plan service coverage: who reaches which public service in time, who does not and why."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecircle.assess import assess
    from lifecircle.assessment import Assessment
    from lifecircle.compare import Comparison, compare
    from lifecircle.errors import InputError, LifecircleError
    from lifecircle.network.graph import Graph
    from lifecircle.network.modes import MODES
    from lifecircle.outputs.comparison import draw_comparison
    from lifecircle.outputs.maps import draw_map
    from lifecircle.outputs.rundir import read_run, write_run
    from lifecircle.roadnetwork import RoadNetwork
    from lifecircle.runfile import RunFile, read_runfile
    from lifecircle.scenario import Scenario, read_scenario
    from lifecircle.scorecard import ranking, scorecard
    from lifecircle.study import Study, read_study
    from lifecircle.version import __version__

#: Where each public name lives; it is imported when first asked for, so that ``import lifecircle`` stays fast.
_HOMES = {
    "Assessment": "assessment",
    "Comparison": "compare",
    "Graph": "network.graph",
    "InputError": "errors",
    "LifecircleError": "errors",
    "MODES": "network.modes",
    "RoadNetwork": "roadnetwork",
    "RunFile": "runfile",
    "Scenario": "scenario",
    "Study": "study",
    "__version__": "version",
    "assess": "assess",
    "compare": "compare",
    "draw_comparison": "outputs.comparison",
    "draw_map": "outputs.maps",
    "ranking": "scorecard",
    "read_run": "outputs.rundir",
    "read_runfile": "runfile",
    "read_scenario": "scenario",
    "read_study": "study",
    "scorecard": "scorecard",
    "site": "siting.ask",
    "write_run": "outputs.rundir",
}

__all__ = [
    "MODES", "Assessment", "Comparison", "Graph", "InputError", "LifecircleError", "RoadNetwork", "RunFile", "Scenario",
    "Study", "__version__", "assess", "compare", "draw_comparison", "draw_map", "ranking", "read_run", "read_runfile",
    "read_scenario", "read_study", "scorecard", "site", "write_run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lifecircle' has no attribute {name!r}")
    value = getattr(import_module(f"lifecircle.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """The package itself: `lifecircle.assess` stays the function when the module of that name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
