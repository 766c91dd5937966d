"""Link places to the nodes of the roads, for many facilities at once.

The legs from a place to the nodes do not depend on the facility. They are found once, and of them only those are kept
that can be the fastest for some facility: a node that is reached at least as soon over another one needs no link.
All times are whole milliseconds, as in the search, so nothing is lost by it.

Places are taken block by block. What a block needs of the roads is laid out side by side, so that the legs from a place
to all edges are computed in one sweep without a branch.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lifecircle.network.graph import MAX_MS
from lifecircle.network.jit import kernel, leaf_kernel
from lifecircle.network.legs import Index, Lines, Walk, Walls, cell_count, clear_leg, foot, items_in, window
from lifecircle.network.raster import Raster, Stations

Array = npt.NDArray[Any]
UNREACHED = np.int32(MAX_MS)
#: Side of the blocks in which places are linked together.
_BLOCK_M = 200.0
#: So far ahead runs the best leg to an edge that is slower than the walk beside it; and the least distance it takes.
_FAR, _NEAR_M = 1e9, 1e-6


class Arcs(NamedTuple):
    """The arcs of a graph in rows by node, as a search away from the facility goes over them."""

    start: Array
    other: Array
    ms: Array


class Rows(NamedTuple):
    """Links from places to nodes, in rows by place.

    start, node, ms : int64, int32, int32
    """

    start: Array
    node: Array
    ms: Array


class Links(NamedTuple):
    """Links from the cells of a raster: from their centres, and from the roads that pass them.

    row : (rows, columns) int32
        Row of each cell; -1 where it has none.
    """

    row: Array
    centre: Rows
    road: Rows


class Blocks(NamedTuple):
    """Places to be linked, block by block of the cells of a raster.

    side, across : int
        Cells along the side of a block; blocks in a row.
    order : (n,) int64
        The places in the order of the blocks.
    x_m, y_m : (n,) float64
        In that order.
    first : (blocks + 1,) int64
        Where the places of each block begin.
    """

    raster: Raster
    side: int
    across: int
    order: Array
    x_m: Array
    y_m: Array
    first: Array

    @classmethod
    def of(cls, xy_m: Array, raster: Raster) -> Blocks:
        """Sort (n, 2) places into blocks; what lies outside the raster, beyond all that is reached, into the first."""
        side = max(round(_BLOCK_M / raster.cell_m), 1)
        down, across = -(-raster.rows // side), -(-raster.columns // side)
        cell = np.maximum(raster.cells_of(xy_m), 0)
        block = cell // raster.columns // side * across + cell % raster.columns // side
        order = np.argsort(block, kind="stable")
        x, y = (np.ascontiguousarray(column) for column in xy_m[order].T)
        return cls(raster, side, across, order, x, y, np.searchsorted(block[order], np.arange(down * across + 1)))


class _Block(NamedTuple):
    """The edges near a block of cells and the nodes they lead to, with room for the fullest block.

    edge : (k,) int32
    line : (9, k) float64
        As in `Lines`, side by side: x and y of the first end, unit vector, length, then pace and how far ahead the best
        leg runs, there and back.
    head : (2, k) int32
        Which node of the block each way leads to.
    cost : (2, k) float64
        Milliseconds from a place over the edge to the node.
    node : (n,) int32
    known, passing : (n,) float64
        The least milliseconds from a place to each node, and to it over a neighbour.
    other, ms : (arcs a node, n) int32, float64
        The arcs between the nodes of the block; where a node has no more arcs, to itself, without end.
    place, met, seen : int32
        Of every node its place in the block, and the block that met it last; of every edge the block that saw it last.
    """

    edge: Array
    line: Array
    head: Array
    cost: Array
    node: Array
    known: Array
    passing: Array
    other: Array
    ms: Array
    place: Array
    met: Array
    seen: Array


@kernel
def link_blocks(blocks: Blocks, begin: int, end: int, lines: Lines, index: Index, arcs: Arcs, walls: Walls, walk: Walk,
                ) -> tuple[Array, Array, Array]:
    """Link the places of some blocks to nodes.

    Parameters
    ----------
    begin, end : int
        The first block, and one past the last.

    Returns
    -------
    (n,) int64
        The number of links of each place.
    (k,) int32, (k,) int32
        Node and milliseconds of each link.
    """
    reach_m = walk.limit_m + 0.5 * math.sqrt(2.0) * blocks.side * blocks.raster.cell_m
    edges, places = _fullest(blocks, begin, end, index, reach_m)
    nodes, degree = min(2 * edges, len(arcs.start) - 1), int(np.max(arcs.start[1:] - arcs.start[:-1]))
    block = _Block(np.empty(edges, np.int32), np.empty((9, edges)), np.empty((2, edges), np.int32),
                   np.empty((2, edges)), np.empty(nodes, np.int32), np.empty(nodes), np.empty(nodes),
                   np.empty((degree, nodes), np.int32), np.empty((degree, nodes)), np.empty(len(arcs.start), np.int32),
                   np.full(len(arcs.start), -1, np.int32), np.full(len(lines.node), -1, np.int32))
    offset = blocks.first[begin]
    count = np.zeros(blocks.first[end] - offset, np.int64)
    node, ms, total = np.empty(4096, np.int32), np.empty(4096, np.int32), 0
    for number in range(begin, end):
        while total + places * nodes > len(node):
            node, ms = np.concatenate((node, node)), np.concatenate((ms, ms))
        if blocks.first[number] < blocks.first[number + 1]:
            total = _link_block(blocks, number, reach_m, block, lines, index, arcs, walls, walk, count, offset, node,
                                ms, total)
    return count, node[:total], ms[:total]


@leaf_kernel
def _fullest(blocks: Blocks, begin: int, end: int, index: Index, reach_m: float) -> tuple[int, int]:
    """Count the edges near a block, at most, and the places in one."""
    edges = places = 0
    for number in range(begin, end):
        x, y = _middle(blocks, number)
        area, here = window(index, x, y, reach_m), 0
        for turn in range(cell_count(area)):
            first, last = items_in(index, area, turn)
            here += last - first
        edges, places = max(edges, here), max(places, blocks.first[number + 1] - blocks.first[number])
    return edges, places


@leaf_kernel
def _middle(blocks: Blocks, number: int) -> tuple[float, float]:
    """Give the middle of a block."""
    side_m = blocks.side * blocks.raster.cell_m
    return (blocks.raster.west_m + (number % blocks.across + 0.5) * side_m,
            blocks.raster.north_m - (number // blocks.across + 0.5) * side_m)


@leaf_kernel
def _link_block(blocks: Blocks, number: int, reach_m: float, block: _Block, lines: Lines, index: Index, arcs: Arcs,
                walls: Walls, walk: Walk, count: Array, offset: int, node: Array, ms: Array, total: int) -> int:
    """Link the places of one block; give how many links there are now."""
    edges, nodes, degree = _lay_out(block, blocks, number, reach_m, lines, index, arcs)
    for place in range(blocks.first[number], blocks.first[number + 1]):
        x, y = blocks.x_m[place], blocks.y_m[place]
        _sweep(x, y, walk.limit_m, walk.ms_per_m, edges, block.line[0], block.line[1], block.line[2], block.line[3],
               block.line[4], block.line[5], block.line[6], block.line[7], block.line[8], block.cost[0], block.cost[1])
        for i in range(nodes):
            block.known[i] = np.inf
        if walls.blocked.size == 1:
            _take_least(block, edges)
        else:
            _take_clear(block, edges, degree, x, y, lines, walls, walk)
        count[place - offset] = _emit(block, nodes, degree, node, ms, total)
        total += count[place - offset]
    return total


@leaf_kernel
def _lay_out(block: _Block, blocks: Blocks, number: int, reach_m: float, lines: Lines, index: Index, arcs: Arcs,
             ) -> tuple[int, int, int]:
    """Lay out the edges within reach of a block and the nodes they lead to, near ones first.

    Returns
    -------
    int, int, int
        Number of edges, of nodes, and of arcs from the node that has most.
    """
    x, y = _middle(blocks, number)
    edges, nodes, area = 0, 0, window(index, x, y, reach_m)
    for turn in range(cell_count(area)):
        begin, end = items_in(index, area, turn)
        for item in range(begin, end):
            e = index.items[item]
            if block.seen[e] == number:
                continue
            block.seen[e] = number
            ux, uy, length = lines.geometry[e, 2], lines.geometry[e, 3], lines.geometry[e, 4]
            dx, dy = x - lines.geometry[e, 0], y - lines.geometry[e, 1]
            s = min(max(dx * ux + dy * uy, 0.0), length)
            if (dx - s * ux) ** 2 + (dy - s * uy) ** 2 > reach_m**2:
                continue
            block.edge[edges] = e
            for k in range(5):
                block.line[k, edges] = lines.geometry[e, k]
            for way in range(2):
                block.line[5 + 2 * way, edges] = lines.pace[e, 2 * way]
                block.line[6 + 2 * way, edges] = min(lines.pace[e, 2 * way + 1], _FAR)
                node = lines.node[e, 1 - way]
                if block.met[node] != number:
                    block.met[node], block.place[node], block.node[nodes] = number, nodes, node
                    nodes += 1
                block.head[way, edges] = block.place[node]
            edges += 1
    most = 0
    for i in range(nodes):
        k = 0
        for arc in range(arcs.start[block.node[i]], arcs.start[block.node[i] + 1]):
            if block.met[arcs.other[arc]] == number:
                # Where an arc takes no time, neither of its ends may make the other needless.
                block.other[k, i], block.ms[k, i] = block.place[arcs.other[arc]], max(float(arcs.ms[arc]), 1e-3)
                k += 1
        for rest in range(k, block.other.shape[0]):
            block.other[rest, i], block.ms[rest, i] = i, np.inf
        most = max(most, k)
    return edges, nodes, most


@leaf_kernel
def _sweep(x: float, y: float, limit_m: float, b: float, edges: int, x0: Array, y0: Array, ux: Array, uy: Array,
           length: Array, pace: Array, ahead: Array, pace_back: Array, ahead_back: Array, cost: Array,
           cost_back: Array) -> None:
    """Compute the time from a place over every edge to its ends, in closed form and as if no leg were blocked."""
    for j in range(edges):
        dx, dy = x - x0[j], y - y0[j]
        s0, h = dx * ux[j] + dy * uy[j], abs(dx * uy[j] - dy * ux[j])
        half = math.sqrt(max(limit_m * limit_m - h * h, 0.0))
        low, high = max(0.0, s0 - half), min(length[j], s0 + half)
        beyond, h_ahead = h > limit_m or low > high, max(h, _NEAR_M)
        s = min(max(s0 + h_ahead * ahead[j], low), high)
        there = b * math.sqrt((s - s0) * (s - s0) + h * h) + pace[j] * (length[j] - s)
        s = min(max(s0 - h_ahead * ahead_back[j], low), high)
        back = b * math.sqrt((s - s0) * (s - s0) + h * h) + pace_back[j] * s
        cost[j] = np.inf if beyond or pace[j] < 0.0 else there
        cost_back[j] = np.inf if beyond or pace_back[j] < 0.0 else back


@leaf_kernel
def _take_least(block: _Block, edges: int) -> None:
    """Take the least time to every node."""
    for way in range(2):
        for j in range(edges):
            i = block.head[way, j]
            block.known[i] = min(block.known[i], block.cost[way, j])


@leaf_kernel
def _take_clear(block: _Block, edges: int, degree: int, x: float, y: float, lines: Lines, walls: Walls, walk: Walk,
                ) -> None:
    """Take the least time to every node by a leg that is not blocked, or over a node that is known already."""
    for j in range(edges):
        for way in range(2):
            i, e = block.head[way, j], block.edge[j]
            if block.cost[way, j] >= block.known[i]:
                continue
            for k in range(degree):
                block.known[i] = min(block.known[i], block.known[block.other[k, i]] + block.ms[k, i])
            if block.cost[way, j] >= block.known[i]:
                continue
            at = foot(lines, e, x, y, walk.limit_m)
            sign, rest = (-1.0, lines.pace[e, 0] * lines.geometry[e, 4]) if way == 0 else (1.0, 0.0)
            leg, _ = clear_leg(walls, lines, e, at, x, y, at.low, at.high, way, sign, walk.ms_per_m,
                               block.known[i] - rest)
            block.known[i] = min(block.known[i], leg + rest)


@leaf_kernel
def _emit(block: _Block, nodes: int, degree: int, node: Array, ms: Array, total: int) -> int:
    """Write the links of a place: to nodes that are not reached at least as soon over a neighbour; count them."""
    _pass(block.known, block.passing, block.other, block.ms, nodes, degree)
    size = total
    for i in range(nodes):
        if block.known[i] < block.passing[i]:
            node[size], ms[size] = block.node[i], math.floor(block.known[i] + 0.5)
            size += 1
    return size - total


@leaf_kernel
def _pass(known: Array, passing: Array, other: Array, ms: Array, nodes: int, degree: int) -> None:
    """Compute the least times to nodes over their neighbours."""
    for i in range(nodes):
        passing[i] = np.inf
    for k in range(degree):
        for i in range(nodes):
            passing[i] = min(passing[i], known[other[k, i]] + ms[k, i])


@kernel
def link_roads(row: Array, cells: int, stations: Stations, lines: Lines, walls: Walls, walk: Walk,
               ) -> Rows:
    """Link the roads that pass the cells to the two ends of each.

    Parameters
    ----------
    row : (cells of the raster,) int32
        As in `Links`.
    cells : int
        Number of rows.
    """
    start = np.zeros(cells + 1, np.int64)
    for i in range(len(stations.cell)):
        if row[stations.cell[i]] >= 0:
            for way in range(2):
                if lines.pace[stations.edge[i], 2 * way] >= 0:
                    start[row[stations.cell[i]] + 1] += 1
    start = np.cumsum(start)
    fill, node, ms = start[:-1].copy(), np.empty(start[-1], np.int32), np.empty(start[-1], np.int32)
    for i in range(len(stations.cell)):
        cell, e, x, y = row[stations.cell[i]], stations.edge[i], stations.x_m[i], stations.y_m[i]
        if cell >= 0:
            at = foot(lines, e, x, y, walk.limit_m)
            for way in range(2):
                if lines.pace[e, 2 * way] >= 0:
                    sign, rest = (-1.0, lines.pace[e, 0] * lines.geometry[e, 4]) if way == 0 else (1.0, 0.0)
                    leg, _ = clear_leg(walls, lines, e, at, x, y, at.low, at.high, way, sign, walk.ms_per_m, np.inf)
                    node[fill[cell]], ms[fill[cell]] = lines.node[e, 1 - way], math.floor(leg + rest + 0.5)
                    fill[cell] += 1
    return Rows(start, node, ms)
