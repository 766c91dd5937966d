"""The minutes as usually written with OSMnx: places and facilities stand on the nearest node, nothing stops a walk.

Every bend of a road is a node; slopes are those between two nodes.
"""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import networkx as nx
import numpy as np
import osmnx as ox
import pandas as pd
from analystdata import District, Mode, speeds, straight, tobler, used


def usual_minutes(district: District) -> Callable[[str, str], tuple[np.ndarray, np.ndarray]]:
    """Build the graph of OSMnx, and give what tells the minutes of all homes to a layer in a mode."""
    pieces, xy = straight(district.roads)
    back = pieces[pieces["oneway"] == 0].rename(columns={"u": "v", "v": "u"})
    walkers = pieces[pieces["oneway"] != 0].rename(columns={"u": "v", "v": "u"})
    edges = pd.concat([pieces.assign(against=False), back.assign(against=False), walkers.assign(against=True)])
    edges = edges.assign(key=edges.groupby(["u", "v"]).cumcount()).set_index(["u", "v", "key"])
    nodes = gpd.GeoDataFrame({"x": xy[:, 0], "y": xy[:, 1]}, geometry=gpd.points_from_xy(*xy.T), crs=district.crs)
    graph = ox.graph_from_gdfs(nodes, edges)
    if district.heights:
        graph = ox.elevation.add_edge_grades(ox.elevation.add_node_elevations_raster(graph, district.heights, cpus=1))
    turned = {name: weigh(graph, district.modes[name]).reverse() for name in used(district)}

    def minutes(layer: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        net = turned[name]
        at = district.layers[layer].centroid
        sources = set(ox.distance.nearest_nodes(net, at.x, at.y))
        found = nx.multi_source_dijkstra_path_length(net, sources, weight="minutes")
        node, far_m = ox.distance.nearest_nodes(net, district.homes.geometry.x, district.homes.geometry.y,
                                                return_dist=True)
        mode = district.modes[name]
        leg = far_m / (mode["off_road_kph"] * 1000 / 60) + mode["terminal_min"]
        return leg + np.array([found.get(n, np.inf) for n in node]), far_m > mode["snap_limit_m"]

    return minutes


def weigh(graph: nx.MultiDiGraph, mode: Mode) -> nx.MultiDiGraph:
    """Give the part of the graph that a mode may use, with minutes."""
    edges = ox.graph_to_gdfs(graph, nodes=False)
    kph = speeds(edges, mode)
    kph[edges["against"] & mode["respects_oneway"]] = 0.0
    if mode["slope"] == "tobler" and "grade" in edges:
        kph *= tobler(edges["grade"].fillna(0.0).to_numpy(dtype=float))
    open_edges = edges[kph > 0]
    net = graph.edge_subgraph(open_edges.index).copy()
    nx.set_edge_attributes(net, (open_edges["length"] / 1000 / kph[kph > 0] * 60).to_dict(), "minutes")
    return net
