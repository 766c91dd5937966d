"""Service areas of single facilities beside the ways in common use, and the surfaces of the model district."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from grids import grid, some_nodes
from rows import Row, clock
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from lifecircle import circles, traveltimes
from lifecircle.inputs.findings import Findings
from lifecircle.network.access import Access, Doors
from lifecircle.network.graph import hilbert_order
from lifecircle.network.modes import MODES
from lifecircle.network.perfacility import facility_areas
from lifecircle.network.raster import Raster
from lifecircle.network.surface import sealed_from, surface_minutes
from lifecircle.study import read_study

CUTOFF_MIN, CELL_M = 15.0, 50.0
#: Half the width of a street for the buffered edges.
_BUFFER_M = 25.0
_HULL_RATIO = 0.1


def polygon_rows(mode: str, nodes: int, facilities: int, repeats: int, *, sample: int) -> list[Row]:
    """Draw one polygon per facility; the others are given the reached nodes for nothing, on a sample of facilities."""
    network = grid(nodes)
    access, at = Access(network, dict(MODES)), some_nodes(network, facilities)
    doors = Doors(network.node_xy_m[at], np.arange(len(at)))
    few = Doors(doors.xy_m[:2], doors.label[:2])
    facility_areas(access, mode, few, [CUTOFF_MIN], direction="to", cell_m=CELL_M)  # compile, build the nets
    runs = [clock(lambda: facility_areas(access, mode, doors, [CUTOFF_MIN], direction="to", cell_m=CELL_M))
            for _ in range(repeats)]
    seconds = statistics.median(taken for taken, _ in runs)
    ours = list(runs[-1][1].geometry)
    some = min(sample, len(at))
    reached = [_network_minutes(access, mode, node) <= CUTOFF_MIN for node in at[:some]]
    late = [_true_minutes(access, mode, doors, i) > CUTOFF_MIN for i in range(some)]
    xy, job = network.node_xy_m, f"polygons/{mode}/nodes={nodes}/facilities={len(at)}"
    rows = [Row(f"{job}/lifecircle", seconds, None, "≤ 1.5 s, 0 missed, ≤ 4 % inside unreached",
                _judge(xy, ours[:some], reached, late))]
    for name, draw in (("concave_hull", _concave_hull), ("buffered_edges", _buffered_edges)):
        taken, shapes = clock(lambda draw=draw: [draw(access, mode, mask) for mask in reached])
        rows.append(Row(f"{job}/{name}", taken / some * len(at), taken / some * len(at) / seconds, "",
                        f"reached nodes given, {some} of {len(at)} drawn; " + _judge(xy, shapes, reached, late)))
    return rows


def _network_minutes(access: Access, mode: str, node: int) -> np.ndarray:
    """Give the minutes from every node over the roads alone."""
    graph = access.net(access.modes[mode]).graph
    matrix = csr_matrix((graph.in_ms.astype(np.float64), graph.in_tail, graph.in_start),
                        shape=(graph.node_count, graph.node_count))
    ms = dijkstra(matrix, indices=graph.position[node], limit=CUTOFF_MIN * 60_000.0)
    terminal_ms = access.modes[mode].terminal_min * 60_000.0
    return (ms[graph.position] + terminal_ms) / 60_000.0


def _true_minutes(access: Access, mode: str, doors: Doors, i: int) -> np.ndarray:
    """Give t(x) at every node: legs beside the roads count too."""
    field = access.solve(mode, [Doors(doors.xy_m[[i]], np.zeros(1, int))], direction="to")
    near = np.flatnonzero(np.hypot(*(access.network.node_xy_m - doors.xy_m[i]).T) <= _crow_m(access, mode))
    minutes = np.full(access.network.node_count, np.inf)
    minutes[near] = field.reach(access.network.node_xy_m[near], want_snap=False).minutes[:, 0]
    return minutes


def _crow_m(access: Access, mode: str) -> float:
    return access.modes[mode].top_kph / 60.0 * 1000.0 * CUTOFF_MIN + 1000.0


def _judge(xy_m: np.ndarray, shapes: list[Any], reached: list[np.ndarray], late: list[np.ndarray]) -> str:
    """Count reached nodes outside, nodes inside that the roads alone do not reach, and those truly late."""
    counts = np.zeros(6, dtype=np.int64)
    for shape, in_time, too_late in zip(shapes, reached, late, strict=True):
        shapely.prepare(shape)
        inside = shapely.intersects_xy(shape, *xy_m.T)
        missed = np.flatnonzero(in_time & ~inside)
        far = shapely.distance(shape, shapely.points(xy_m[missed])) > CELL_M
        counts += [in_time.sum(), len(missed), far.sum(), inside.sum(), (inside & ~in_time).sum(),
                   (inside & too_late).sum()]
    total, missed_count, far_count, within, unreached, wrong = counts.tolist()
    return (f"reached nodes outside {missed_count:,} of {total:,} ({far_count:,} by more than a cell); nodes inside "
            f"not reached over roads {unreached / max(within, 1):.1%}, truly late {wrong / max(within, 1):.1%}")


def _concave_hull(access: Access, mode: str, reached: np.ndarray) -> Any:
    return shapely.concave_hull(shapely.multipoints(access.network.node_xy_m[reached]), ratio=_HULL_RATIO)


def _buffered_edges(access: Access, mode: str, reached: np.ndarray) -> Any:
    edges, xy = access.net(access.modes[mode]).edges, access.network.node_xy_m
    keep = reached[edges.u] & reached[edges.v]
    lines = shapely.linestrings(np.stack([xy[edges.u[keep]], xy[edges.v[keep]]], axis=1))
    return shapely.union_all(shapely.buffer(lines, _BUFFER_M))


def demo_rows(runfile: Path) -> list[Row]:
    """Measure the surfaces of every layer, mode by mode, and all."""
    study = read_study(runfile)
    times = traveltimes.solve_times(study, Findings())
    raster = Raster.over(study.outline, study.runfile.surface.cell_m)
    cells = np.flatnonzero(raster.burn([study.outline], all_touched=True))
    cells = cells[hilbert_order(raster.middles(cells))]
    by_mode: dict[str, dict[int, Any]] = {}
    for (_, mode), (fields, _) in times.fields.items():
        by_mode.setdefault(mode, {})[id(fields)] = fields
    every_field = [field for solved in by_mode.values() for fields in solved.values() for field in fields]
    sealed = sealed_from(every_field, raster, cells)
    rows = []
    for mode, solved in by_mode.items():
        surface_minutes(next(iter(solved.values())), raster, cells[:10], sealed)  # compile
        seconds, _ = clock(lambda solved=solved: [
            surface_minutes(fields, raster, cells, sealed) for fields in solved.values()])
        layers = sum(1 for _, name in times.fields if name == mode)
        rows.append(Row(f"surfaces/demo/{mode}", seconds, None, "", f"{layers} layers, {len(solved)} passes"))
    seconds, _ = clock(lambda: circles.solve_surfaces(times))
    note = f"{len(times.fields)} layer-mode pairs, {len(cells):,} cells of {raster.cell_m:g} m"
    return [*rows, Row("surfaces/demo/all", seconds, None, "≤ 4 s", note)]

