"""Why a goal is missed, where a profile has told; the table of rows says so beside the figure."""

from __future__ import annotations

import re

#: Pattern of keys -> what profiling found.
FOUND = {
    r"layers/andorra/scipy": "16,594 nodes: five layers take 0.7 ms on one thread and 1.1 ms on two; starting the "
                             "threads costs more than they save on so small a graph",
    r"endtoend/demo/same": "by timing.json a third of our time passes until the tables stand; the rest goes into "
                           "surfaces, areas, map and files, which the script does not make, and into starting up",
    r"build/nodes=5000000/lifecircle": "two thirds is the contraction, a fifth of that laying out 192 bytes a node for "
                                       "the ways that come; sorting the arcs takes an eighth, the curve a tenth; all "
                                       "on one thread, which waits for memory",
    r"run/demo/wall": "of 18 s, 7 make the tables (21,000 rows: pairs of all places and facilities, then pandas on one "
                      "core) while surfaces and areas are drawn beside them, 5 write (the scorecard twice, map, "
                      "GeoPackage), 4 read, 1.4 solve times; imports take a second",
}


def reason(key: str) -> str:
    """Give why a row misses its goal."""
    return next((why for pattern, why in FOUND.items() if re.fullmatch(pattern, key)), "not profiled yet")
