"""Share out the places of facilities among the people in reach: nearest first, fairly, and as many as can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import maximum_flow

from lifecircle.network.pairs import Pairs

Array = npt.NDArray[Any]
#: People fewer than this are nobody.
SLIVER = 1e-9
#: Whole numbers of the maximum flow: two of them must still fit into 32 bits.
_MAX_UNITS = 2**30 - 1
#: Turning away and asking again ends by itself; this only bounds how long slivers are passed on.
_MAX_ROUNDS = 2000


@dataclass(frozen=True)
class Allocation:
    """Who is served where.

    Attributes
    ----------
    flow : (m,) float64
        People of each pair's place that its facility serves.
    served : (n,) float64
        People of each place that are served.
    possible : (n,) float64
        Further people of each place that would be served if facilities of unknown capacity had room for everyone.
    """

    flow: Array
    served: Array
    possible: Array


def allocate(people: Array, capacity_people: Array, pairs: Pairs) -> Allocation:
    """Share out places to people: nearest first, the margin in proportion, no place empty that a swap could fill.

    Everyone asks their nearest facility; a full one keeps the nearest of all who ever asked, and people at the same
    time from it share what is left in proportion to those who ask. Who is turned away asks the next facility in
    reach (deferred acceptance: Gale & Shapley 1962, of divisible amounts as in Baïou & Balinski 2002). Then people
    are moved on to another facility in their reach wherever that makes room for somebody still without a place, until
    the number served is the maximum flow; nobody loses a place by it.

    Parameters
    ----------
    people : (n,) float64
        At each place.
    capacity_people : (f,) float64
        People that each facility has places for; NaN where it is not known. Zero is known.
    pairs : Pairs
        Places and facilities in reach of each other. Of facilities at the same time a place asks the first first.

    Returns
    -------
    Allocation
        The same for any order of the pairs; places and facilities are to stand in an order of their own, such as by
        id, for the last of the swaps to fall alike.
    """
    people, capacity = np.asarray(people, dtype=np.float64), np.asarray(capacity_people, dtype=np.float64)
    pairs = Pairs.of(pairs.place, pairs.facility, pairs.ms)
    known = np.isfinite(capacity)
    sure = np.flatnonzero(known[pairs.facility])
    flow, sure_pairs = np.zeros(len(pairs.place)), pairs.take(sure)
    flow[sure] = _moved(people, capacity, sure_pairs, nearest_first(people, capacity, sure_pairs))
    served = _sums(pairs.place, flow, len(people))
    if len(sure) == len(flow):
        return Allocation(flow, served, np.zeros(len(people)))
    unbounded = np.where(known, capacity, people.sum() + 1.0)
    most = _sums(pairs.place, _moved(people, unbounded, pairs, flow), len(people))
    return Allocation(flow, served, np.maximum(most - served, 0.0))


def allocate_by_id(ids: Array, people: Array, capacity_people: Array, pairs: Pairs) -> Allocation:
    """Share out places with the demand points in the order of their ids, so that no order of rows decides.

    Parameters
    ----------
    ids : (n,) str
        Of the places of the pairs; the other arguments, and the answer, stand in the caller's order.
    """
    order = np.argsort(ids, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    found = allocate(people[order], capacity_people, Pairs.of(rank[pairs.place], pairs.facility, pairs.ms))
    back = np.lexsort((pairs.facility, pairs.ms, rank[pairs.place]))
    flow = np.empty(len(back))
    flow[back] = found.flow
    return Allocation(flow, found.served[rank], found.possible[rank])


def _sums(row: Array, amount: Array, count: int) -> Array:
    return np.bincount(row, weights=amount, minlength=count)


def nearest_first(people: Array, capacity_people: Array, pairs: Pairs) -> Array:
    """Share out places by distance alone, without the swaps of `allocate`.

    Every round of asking is within all capacities and counts nobody twice, so an early end would be no fault.

    Parameters
    ----------
    people, capacity_people, pairs
        As for `allocate`, ordered as `Pairs.of` does and without facilities of unknown capacity.

    Returns
    -------
    (m,) float64
        People of each pair's place that its facility serves.
    """
    if len(pairs.place) == 0:
        return np.zeros(0)
    desks, first = _Desks.of(capacity_people, pairs), np.diff(pairs.place, prepend=-1) != 0
    later = np.flatnonzero(~first)
    asked = np.where(first, people[pairs.place], 0.0)
    for _ in range(_MAX_ROUNDS):
        held = desks.held(asked)
        more = asked.copy()
        more[later] = (asked - held)[later - 1]
        if (more - asked).max() <= SLIVER:
            break
        asked = more
    room = np.where(capacity_people > 0, capacity_people, 1.0)
    over = _sums(pairs.facility, held, len(room)) / room
    return held / np.maximum(over, 1.0)[pairs.facility]  # sums of floats may lie a hair above a capacity


@dataclass(frozen=True)
class _Desks:
    """The pairs in the order in which facilities serve: by facility, then time; equal times are one group.

    Attributes
    ----------
    order : (m,) int64
    start : (g,) int64
        First of each group in `order`.
    group : (m,) int64
        Group of each pair, pairs in their own order.
    opening : (g,) int64
        First group of the same facility.
    room : (g,) float64
        Capacity of the group's facility.
    """

    order: Array
    start: Array
    group: Array
    opening: Array
    room: Array

    @classmethod
    def of(cls, capacity: Array, pairs: Pairs) -> _Desks:
        order = np.lexsort((pairs.place, pairs.ms, pairs.facility))
        facility, ms = pairs.facility[order], pairs.ms[order]
        new = np.diff(facility, prepend=-1) != 0
        start = np.flatnonzero(new | (np.diff(ms, prepend=-1) != 0))
        group = np.empty(len(order), np.int64)
        group[order] = np.repeat(np.arange(len(start)), np.diff(np.append(start, len(order))))
        opening = np.maximum.accumulate(np.where(new[start], np.arange(len(start)), 0))
        return cls(order, start, group, opening, capacity[facility[start]])

    def held(self, asked: Array) -> Array:
        """Give how many of those who ask by each pair are served: the nearest, and of the last group a share."""
        wanted = np.add.reduceat(asked[self.order], self.start)
        ahead = np.concatenate([[0.0], np.cumsum(wanted)[:-1]])
        granted = np.clip(self.room - (ahead - ahead[self.opening]), 0.0, wanted)
        share = np.divide(granted, wanted, out=np.zeros_like(granted), where=wanted > 0)
        return np.asarray(asked * share[self.group])


def _moved(people: Array, capacity: Array, pairs: Pairs, flow: Array) -> Array:
    """Move people on until nobody without a place could have one; served people stay served."""
    flow, per_person = flow.copy(), 0.0
    while True:
        left = people - _sums(pairs.place, flow, len(people))
        spare = capacity - _sums(pairs.facility, flow, len(capacity))
        hopeful, useful = _hopeful(left, spare, pairs, flow)
        if len(hopeful) == 0:
            return flow
        most = min(left[hopeful].sum(), spare[spare > SLIVER].sum())
        if per_person == 0.0:
            per_person = min(_MAX_UNITS / most, 1.0 / SLIVER)
        units, gain = _push(left, spare, hopeful, pairs.take(useful), flow[useful], per_person)
        flow[useful] = np.maximum(flow[useful] + units / per_person, 0.0)
        if gain == 0 and per_person >= 1.0 / SLIVER:
            return flow
        # What is left is less than one unit per arc of a cut, so the units may be finer now.
        per_person = min(per_person * max(_MAX_UNITS // (4 * len(useful)), 2), 1.0 / SLIVER)


def _hopeful(left: Array, spare: Array, pairs: Pairs, flow: Array) -> tuple[Array, Array]:
    """Find the places that could still be served, and the pairs that lead from anywhere to a facility with room."""
    leads, count = spare > SLIVER, 0
    held = flow > SLIVER
    while count != (count := int(leads.sum())):
        moves = np.zeros(len(left), dtype=bool)
        moves[pairs.place[leads[pairs.facility]]] = True
        leads[pairs.facility[held & moves[pairs.place]]] = True
    moves = np.zeros(len(left), dtype=bool)
    moves[pairs.place[leads[pairs.facility]]] = True
    return np.flatnonzero((left > SLIVER) & moves), np.flatnonzero(leads[pairs.facility])


def _push(left: Array, spare: Array, hopeful: Array, pairs: Pairs, flow: Array, per_person: float,
          ) -> tuple[Array, int]:
    """Give the change of each pair, in whole units, and the units that were gained by the maximum flow."""
    places, place = np.unique(pairs.place, return_inverse=True)
    facilities, facility = np.unique(pairs.facility, return_inverse=True)
    source, sink = len(places) + len(facilities), len(places) + len(facilities) + 1
    facility = facility + len(places)
    entry = np.searchsorted(places, hopeful)
    exits = np.flatnonzero(spare[facilities] > SLIVER)
    tail = np.concatenate([place, facility, np.full(len(entry), source), exits + len(places)])
    head = np.concatenate([facility, place, entry, np.full(len(exits), sink)])
    amount = np.concatenate([np.full(len(place), np.inf), flow, left[hopeful], spare[facilities[exits]]])
    units = np.minimum(np.floor(amount * per_person), _MAX_UNITS).astype(np.int32)
    graph = coo_matrix((units, (tail, head)), shape=(sink + 1, sink + 1)).tocsr()
    found = maximum_flow(graph, source, sink)
    return np.asarray(found.flow[place, facility]).ravel().astype(np.float64), int(found.flow_value)
