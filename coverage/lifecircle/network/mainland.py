"""Find the roads that are no island, as the walk of each mode may use them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from lifecircle.inputs.roadcuts import segment_lines
from lifecircle.network.access import Doors
from lifecircle.network.graph import mode_edges
from lifecircle.network.modes import TravelMode
from lifecircle.roadnetwork import RoadNetwork

Array = npt.NDArray[Any]
#: A part of the roads with a smaller share of the nodes is an island: that it leads nowhere may be the map's fault.
ISLAND_SHARE = 0.01


class Mainland:
    """The roads that are no island, as the walk of each mode may use them; built when first asked for."""

    def __init__(self, network: RoadNetwork, modes: dict[str, TravelMode]) -> None:
        self._network, self._modes = network, modes
        self._of_walk: dict[str, shapely.STRtree] = {}
        self._of_edges: dict[bytes, shapely.STRtree] = {}

    def near(self, mode: TravelMode, xy_m: Array) -> Array:
        """Tell which points have a road of the mainland within the snap limit."""
        walk = mode if mode.on_foot else self._modes[mode.walk_mode]
        if len(xy_m) == 0:
            return np.empty(0, dtype=bool)
        if walk.name not in self._of_walk:
            self._of_walk[walk.name] = self._tree(walk)
        found = self._of_walk[walk.name].query(shapely.points(xy_m), predicate="dwithin", distance=walk.snap_limit_m)[0]
        return np.isin(np.arange(len(xy_m)), found)

    def any_door(self, mode: TravelMode, doors: Doors, count: int) -> Array:
        """Tell which of `count` facilities have a door near the mainland."""
        return np.isin(np.arange(count), doors.label[self.near(mode, doors.xy_m)])

    def _tree(self, walk: TravelMode) -> shapely.STRtree:
        """Lay out the mainland of a walk; walks over the same edges share it."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        network, edges = self._network, mode_edges(self._network, walk, slope="none")
        same = edges.segment.tobytes()
        if same not in self._of_edges:
            links = coo_matrix((np.ones(len(edges.u), np.int8), (edges.u, edges.v)), shape=(network.node_count,) * 2)
            part = connected_components(links, directed=False)[1]
            used = np.unique(np.concatenate([edges.u, edges.v]))
            size = np.bincount(part[used], minlength=part.max() + 1)
            large = (size >= ISLAND_SHARE * len(used))[part[edges.u]]
            self._of_edges[same] = shapely.STRtree(segment_lines(network, edges.segment[large]))
        return self._of_edges[same]
