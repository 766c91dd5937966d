"""Make the graphs to measure on: a jittered grid of roads over hills, with gaps, three classes and one-way streets."""

from __future__ import annotations

import numpy as np

from lifecircle.osmtags import CLASS_INDEX
from lifecircle.roadnetwork import RoadNetwork

BLOCK_M = 100.0
CRS = "EPSG:32648"
_ORIGIN_M = np.array([400_000.0, 3_500_000.0])
#: Share of the streets left out, so that about 3 arcs are left a node; share that is one-way.
_GAPS, _ONEWAY = 0.25, 0.05
#: Every so manyth row and column is a main road.
_MAIN, _TRUNK = 8, 40


def grid(nodes: int, *, seed: int = 1) -> RoadNetwork:
    """Give about `nodes` crossings, 100 m apart and shifted by up to 30 m, in hills of 120 m."""
    rng = np.random.default_rng(seed)
    side = max(round(nodes**0.5), 2)
    index = np.arange(side * side).reshape(side, side)
    place = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
    xy = place * BLOCK_M + rng.uniform(-30.0, 30.0, (side * side, 2))
    z = 300.0 + 60.0 * np.sin(xy[:, 0] / 900.0) * np.cos(xy[:, 1] / 1300.0) + rng.normal(0.0, 1.0, len(xy))
    u = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    v = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    line = np.concatenate([np.repeat(np.arange(side), side - 1), np.tile(np.arange(side), side - 1)])
    kind = np.where(line % _TRUNK == 0, CLASS_INDEX["primary"],
                    np.where(line % _MAIN == 0, CLASS_INDEX["tertiary"], CLASS_INDEX["residential"]))
    small = kind == CLASS_INDEX["residential"]
    keep = rng.random(len(u)) >= np.where(small, _GAPS * 1.1, _GAPS * 0.2)
    oneway = np.where(small & (rng.random(len(u)) < _ONEWAY), 1, 0)
    network = RoadNetwork.from_segments(
        CRS, xy + _ORIGIN_M, u[keep], v[keep], kind[keep], node_z_m=z, oneway=oneway[keep], source="grid",
        quality="model")
    return network.take(np.ones(len(network), dtype=bool))


def some_nodes(network: RoadNetwork, count: int, *, seed: int = 2) -> np.ndarray:
    """Give distinct nodes where facilities stand."""
    return np.random.default_rng(seed).choice(network.node_count, min(count, network.node_count), replace=False)
