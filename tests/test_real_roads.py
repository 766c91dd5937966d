"""Real roads: Andorra with its mountains, Helsinki with its one-way streets, against networkx and against OSMnx."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import osmium
import pandas as pd
import pytest
import shapely

from extracts import SHARED, andorra, helsinki
from identities import check_identities
from lifecircle.assess import assess
from lifecircle.inputs.findings import Findings
from lifecircle.network.graph import mode_edges
from lifecircle.osmtags import road_tags
from lifecircle.study import read_study
from lifecircle.traveltimes import evaluate, solve_times, walking_slope
from oracle import minutes as oracle_minutes

RUNFILES = Path(__file__).parent / "runfiles"


@pytest.fixture(scope="module")
def andorra_study():
    andorra()
    return read_study(RUNFILES / "andorra.toml", allow=(SHARED,))


@pytest.fixture(scope="module")
def helsinki_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("helsinki")
    shutil.copy(helsinki(), folder / "Helsinki.osm.pbf")
    shutil.copy(RUNFILES / "helsinki.toml", folder)
    west, south, east, north = 24.9360, 60.1648, 24.9526, 60.1785
    middle = (south + north) / 2
    parts = {"h-south": shapely.box(west, south, east, middle), "h-north": shapely.box(west, middle, east, north)}
    features = [f'{{"type": "Feature", "properties": {{"township_code": "{code}", "township": "{code}"}}, '
                f'"geometry": {shapely.to_geojson(shape)}}}' for code, shape in parts.items()]
    (folder / "townships.geojson").write_text(
        f'{{"type": "FeatureCollection", "features": [{", ".join(features)}]}}')
    rng = np.random.default_rng(5)
    people = pd.DataFrame({"lon": rng.uniform(west, east, 100), "lat": rng.uniform(south, north, 100)})
    people.assign(population=10, **{"class": "urban"}).to_csv(folder / "people.csv", index_label="demand_id")
    return folder / "helsinki.toml"


@pytest.fixture(scope="module")
def helsinki_study(helsinki_run):
    return read_study(helsinki_run)


def compare(study, layer, mode, more_points):
    """Give our minutes and the oracle's for every demand point and some points more."""
    times = solve_times(study, Findings())
    fields, column = times.fields[layer, mode]
    points = np.concatenate([times.xy_m, more_points])
    ours = evaluate(fields[:1], points)[0][:, column]
    chosen = times.modes[mode]
    walk = chosen if chosen.on_foot else times.modes[chosen.walk_mode]
    slope = walking_slope(study, layer, times.modes, mode)
    theirs = oracle_minutes(study.roads, walk, None if chosen.on_foot else chosen, times.doors[layer].xy_m, points,
                            slope=slope, walls=fields[0].barriers.walls)
    return ours, theirs


def near_roads(study, count, seed=3):
    """Scatter points up to 250 m from random nodes inside the district."""
    rng = np.random.default_rng(seed)
    inside = shapely.contains_xy(study.outline, *study.roads.node_xy_m.T)
    nodes = rng.choice(np.flatnonzero(inside), count)
    return study.roads.node_xy_m[nodes] + rng.normal(0, 90, (count, 2))


@pytest.mark.parametrize(("layer", "mode"), [("pharmacies", "walk"), ("hospitals", "car"), ("hospitals", "walk")])
def test_andorra_equals_networkx_on_the_same_graph(andorra_study, layer, mode):
    ours, theirs = compare(andorra_study, layer, mode, near_roads(andorra_study, 40))
    check_equal(ours, theirs)


@pytest.mark.parametrize(("layer", "mode"), [("pharmacies", "walk"), ("pharmacies", "car"),
                                             ("kindergartens", "bicycle"), ("kindergartens", "walk_child")])
def test_helsinki_equals_networkx_on_the_same_graph(helsinki_study, layer, mode):
    ours, theirs = compare(helsinki_study, layer, mode, np.empty((0, 2)))
    check_equal(ours, theirs)


def check_equal(ours, theirs):
    assert np.isinf(ours).tolist() == np.isinf(theirs).tolist()
    reached = np.isfinite(ours)
    assert reached.sum() >= 0.5 * len(ours)
    assert np.abs(ours[reached] - theirs[reached]).max() * 60 <= 1.0


def test_andorra_parishes(andorra_study):
    names = set(andorra_study.townships["township"])
    assert len(names) == 6
    assert "Canillo" not in names
    assert any(item.code == "boundary_open" and item.value == "Canillo" for item in andorra_study.findings)


def test_andorra_adds_up(andorra_study):
    check_identities(assess(andorra_study))


def test_helsinki_adds_up(helsinki_run):
    check_identities(assess(helsinki_run))


def osmnx_graph(pbf: Path, folder: Path):
    """Build OSMnx's own graph of an extract: ways we would use, as .osm, read by graph_from_xml."""
    import osmnx

    present = {node.id for node in osmium.FileProcessor(str(pbf), osmium.osm.NODE)}
    ways = [(way.id, dict(way.tags), [ref.ref for ref in way.nodes])
            for way in osmium.FileProcessor(str(pbf), osmium.osm.WAY) if road_tags(dict(way.tags)) is not None]
    used = {ref for _, _, refs in ways for ref in refs} & present
    path = folder / "roads.osm"
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for node in osmium.FileProcessor(str(pbf), osmium.osm.NODE):
            if node.id in used:
                writer.add_node(node)
        for number, tags, refs in ways:  # OSMnx cannot do with nodes outside the extract: leave them out of the ways
            kept = [ref for ref in refs if ref in present]
            if kept == refs:
                writer.add_way(osmium.osm.mutable.Way(id=number, tags=tags, nodes=kept))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return osmnx.graph_from_xml(path, bidirectional=True, simplify=False, retain_all=True)


@pytest.mark.parametrize("place", ["andorra", "helsinki"])
def test_network_metres_and_minutes_agree_with_osmnx(place, request, tmp_path):
    """Metres first, then minutes at the same speeds, between 300 random pairs of nodes both graphs know."""
    import networkx as nx

    study = request.getfixturevalue(f"{place}_study")
    theirs = osmnx_graph(andorra() if place == "andorra" else helsinki(), tmp_path)
    walk = solve_times(study, Findings()).modes["walk"]
    edges = mode_edges(study.roads, walk, slope="none")
    usable = {int(way) for way in study.roads.way_id[edges.segment]}
    theirs.remove_edges_from([(u, v, k) for u, v, k, way in theirs.edges(keys=True, data="osmid")
                              if way not in usable])
    ours = nx.Graph()
    for e, s in enumerate(edges.segment.tolist()):
        u, v = int(study.roads.node_id[edges.u[e]]), int(study.roads.node_id[edges.v[e]])
        old = ours.get_edge_data(u, v, {"length": np.inf, "ms": np.inf})
        ours.add_edge(u, v, length=min(study.roads.length_m[s], old["length"]), ms=min(int(edges.ms_uv[e]), old["ms"]))
    for _, _, data in theirs.edges(data=True):
        data["ms"] = data["length"] / walk.speeds_kph[data["highway"]] * 3600
    rng = np.random.default_rng(11)
    common = sorted(set(ours) & set(theirs))
    starts, ends = rng.choice(common, 15), rng.choice(common, 20)
    off_m, off_ms = [], []
    for start in starts.tolist():
        for weight, off in (("length", off_m), ("ms", off_ms)):
            mine = nx.single_source_dijkstra_path_length(ours, start, weight=weight)
            other = nx.single_source_dijkstra_path_length(theirs, start, weight=weight)
            for end in ends.tolist():
                if mine.get(end, 0) > 0 and end in other:
                    off.append(mine[end] / other[end] - 1)
    assert len(off_m) >= 100
    # OSMnx measures on a sphere, we in the plane of the study CRS: a few parts in a thousand, and no outlier at all.
    for off in (off_m, off_ms):
        assert np.median(np.abs(off)) <= 0.01
        assert np.max(np.abs(off)) <= 0.05
