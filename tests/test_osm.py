"""Extracts of OSM: real ones whose content is known, small ones that show one thing each."""

import osmium
import pytest
import shapely

from extracts import andorra, helsinki, run_file
from lifecircle.errors import EmptyTableError, MissingFileError, UnreadableFileError
from lifecircle.inputs.barriers import read_barriers
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.osm import OsmExtract, open_extract
from lifecircle.osmtags import CLASS_INDEX, ROAD_CLASSES

NODES = {1: (1.50, 42.50), 2: (1.51, 42.50), 3: (1.52, 42.50), 4: (1.51, 42.51), 5: (1.50, 42.51)}


def write(path, ways, nodes=NODES, tagged=None, relations=()):
    with osmium.SimpleWriter(str(path), overwrite=True) as writer:
        for ref, location in nodes.items():
            writer.add_node(osmium.osm.mutable.Node(id=ref, location=location, tags=(tagged or {}).get(ref, {})))
        for number, (refs, tags) in enumerate(ways, 1):
            writer.add_way(osmium.osm.mutable.Way(id=number, nodes=refs, tags=tags))
        for number, (members, tags) in enumerate(relations, 1):
            writer.add_relation(osmium.osm.mutable.Relation(id=number, members=members, tags=tags))
    return path


def segments(network):
    """Give segments as pairs of OSM nodes."""
    return [(int(network.node_id[u]), int(network.node_id[v])) for u, v in zip(network.u, network.v, strict=True)]


# small extracts


@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm"])
def test_ways_meet_at_shared_nodes(tmp_path, suffix):
    path = write(tmp_path / f"cross{suffix}", [([1, 2, 3], {"highway": "residential"}), ([2, 4], {"highway": "path"})])
    network = open_extract(path).roads("EPSG:25831")
    assert segments(network) == [(1, 2), (2, 3), (2, 4)]
    assert network.node_count == 4
    assert network.way_id.tolist() == [1, 1, 2]
    assert [ROAD_CLASSES[index] for index in network.road_class] == ["residential", "residential", "path"]
    assert network.length_m[0] == pytest.approx(822.0, abs=2.0)    # 0.01 degrees of longitude at 42.5 N
    assert network.length_m[2] == pytest.approx(1110.8, abs=2.0)   # 0.01 degrees of latitude


def test_a_way_is_cut_where_the_extract_lacks_a_node(tmp_path):
    path = write(tmp_path / "cut.osm.pbf", [([1, 2, 99, 3, 4], {"highway": "track"}), ([98, 5], {"highway": "track"})])
    assert segments(open_extract(path).roads("EPSG:25831")) == [(1, 2), (3, 4)]


def test_ferry_takes_its_duration(tmp_path):
    path = write(tmp_path / "ferry.osm.pbf", [([1, 2], {"route": "ferry", "duration": "00:10"}),
                                              ([2, 3], {"route": "ferry"}),
                                              ([1, 99, 4], {"route": "ferry", "duration": "5"}),
                                              ([1, 4], {"route": "bus"})])
    network = open_extract(path).roads("EPSG:25831")
    assert network.ferry.tolist() == [True, True]
    assert network.speed_kph[0] == pytest.approx(0.822 * 6, abs=0.02)
    assert network.speed_kph[1] != network.speed_kph[1]
    assert set(network.road_class) == {CLASS_INDEX["ferry"]}


def test_speed_limits_that_cannot_be_read_are_counted(tmp_path):
    path = write(tmp_path / "speed.osm.pbf", [([1, 2], {"highway": "primary", "maxspeed": "fast"}),
                                              ([2, 3], {"highway": "primary", "maxspeed": "none"}),
                                              ([2, 4], {"highway": "primary", "maxspeed": "30 mph"})])
    extract = open_extract(path)
    assert extract.ways().unread_speeds == {"fast": 1}
    assert extract.roads("EPSG:25831").maxspeed_kph[2] == pytest.approx(48.28, abs=0.01)


def test_features_come_from_nodes_and_areas_once(tmp_path):
    path = write(tmp_path / "poi.osm.pbf",
                 [([1, 2, 4, 1], {"amenity": "clinic", "name": "A"}), ([1, 2], {"amenity": "clinic"})],
                 tagged={5: {"amenity": "doctors;clinic"}, 3: {"amenity": "school", "healthcare": "yes"}})
    extract = open_extract(path, ["amenity", "healthcare"])
    clinics = extract.features({"amenity": ["clinic", "hospital"]})
    assert clinics["osm_id"].tolist() == ["n5", "w1"]
    assert [shape.geom_type for shape in clinics.geometry] == ["Point", "MultiPolygon"]
    assert extract.features({"amenity": "school"})["osm_id"].tolist() == ["n3"]
    assert extract.features({"amenity": "school", "healthcare": True})["osm_id"].tolist() == ["n3"]
    assert len(extract.features({"amenity": True})) == 3
    assert extract.features({"healthcare": False})["osm_id"].tolist() == []


def test_relation_as_a_feature(tmp_path):
    path = write(tmp_path / "area.osm.pbf", [([1, 2, 4], {}), ([4, 5, 1], {})],
                 relations=[([("w", 1, "outer"), ("w", 2, "outer")], {"type": "multipolygon", "leisure": "park"})])
    found = open_extract(path, ["leisure"]).features({"leisure": "park"})
    assert found["osm_id"].tolist() == ["r1"]
    assert found.geometry.iloc[0].area == pytest.approx(1.0e-4)    # a square of 0.01 degrees


def test_waters_that_do_not_close_are_told(tmp_path):
    """Of two lakes drawn as relations one lacks a shore; a river's relation and an open forest are not asked about."""
    shore = [([1, 2, 4], {}), ([4, 5, 1], {}), ([3, 4], {})]
    lake, forest = {"type": "multipolygon", "natural": "water"}, {"type": "multipolygon", "landuse": "forest"}
    path = write(tmp_path / "lakes.osm.pbf", [*shore, ([1, 2], {"highway": "path"})], relations=[
        ([("w", 1, "outer"), ("w", 2, "outer")], lake), ([("w", 1, "outer"), ("w", 99, "outer")], lake),
        ([("w", 3, "outer")], forest), ([("w", 3, "")], {"type": "waterway", "waterway": "river"})])
    extract = open_extract(path)
    assert extract.water()["osm_id"].tolist() == [1]
    assert [relation.osm_id for relation in extract.open_water()] == [2]
    findings = Findings()
    runfile = run_file(tmp_path, roads={"file": "lakes.osm.pbf"}, barriers={"osm": True})
    read_barriers(runfile, "EPSG:25831", shapely.box(3e5, 4.6e6, 5e5, 4.8e6), findings)
    assert [(item.code, item.id, item.count) for item in findings] == [("water_open", "relation 2", 1)]


def test_water_without_streams_and_tunnels(tmp_path):
    path = write(tmp_path / "water.osm.pbf", [
        ([1, 2, 4, 1], {"natural": "water"}), ([1, 2, 3], {"waterway": "river"}), ([1, 4], {"waterway": "stream"}),
        ([2, 5], {"waterway": "canal", "tunnel": "culvert"}), ([3, 4, 2, 3], {"landuse": "reservoir"}),
        ([5, 99, 4, 2], {"waterway": "river"}), ([1, 4, 5, 1], {"landuse": "forest"})])
    water = open_extract(path).water()
    assert sorted(zip(water["osm_id"], water.geom_type, strict=True)) == [
        (1, "MultiPolygon"), (2, "LineString"), (5, "MultiPolygon"), (6, "LineString")]


def test_boundary_by_level_and_name(tmp_path):
    square, corner = ([1, 2, 4, 5, 1], {}), ([1, 2], {})
    tags = {"type": "boundary", "boundary": "administrative", "admin_level": "8"}
    path = write(tmp_path / "b.osm.pbf", [square, corner], relations=[
        ([("w", 1, "outer")], {**tags, "name": "甲镇", "name:en": "First", "population": "1,200"}),
        ([("w", 2, "outer"), ("w", 77, "outer")], {**tags, "name": "open"})])
    extract = open_extract(path)
    closed, unclosed = extract.boundaries(8)
    assert closed[["osm_id", "name", "population"]].to_numpy().tolist() == [[1, "甲镇", "1,200"]]
    assert [(item.osm_id, item.name) for item in unclosed] == [(2, "open")]
    assert extract.lines_present(unclosed) == [1]
    assert extract.admin_levels() == {"8": 1}
    assert extract.named_areas("First")["osm_id"].tolist() == [1]


def test_an_extract_without_roads(tmp_path):
    path = write(tmp_path / "no.osm.pbf", [([1, 2], {"building": "yes"})])
    with pytest.raises(EmptyTableError, match=r"no\.osm\.pbf: the extract holds no road"):
        open_extract(path).roads("EPSG:25831")


def test_broken_extracts(tmp_path):
    with pytest.raises(MissingFileError):
        open_extract(tmp_path / "none.osm.pbf")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UnreadableFileError, match="is no OSM extract"):
        open_extract(tmp_path / "a.txt")
    whole = write(tmp_path / "whole.osm.pbf", [([1, 2], {"highway": "path"})])
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(UnreadableFileError, match=r"cut\.osm\.pbf: the extract is broken.*fetch it again"):
        open_extract(cut).roads("EPSG:25831")
    (tmp_path / "text.osm.pbf").write_text("no extract at all")
    with pytest.raises(UnreadableFileError, match=r"text\.osm\.pbf: the extract is broken"):
        open_extract(tmp_path / "text.osm.pbf").places()
    entity = tmp_path / "entity.osm"
    entity.write_text('<?xml version="1.0"?><!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
                      '<osm version="0.6"><node id="1" lat="1" lon="1"><tag k="place" v="&x;"/></node></osm>')
    with pytest.raises(UnreadableFileError, match=r"entity\.osm: the extract is broken"):
        open_extract(entity).places()


def test_the_same_file_is_opened_once_until_it_changes(tmp_path):
    path = write(tmp_path / "a.osm.pbf", [([1, 2], {"highway": "path"})])
    first = open_extract(path, ["amenity"])
    assert open_extract(path, ["amenity"]) is first
    write(path, [([1, 2, 3], {"highway": "path"}), ([3, 4], {"highway": "path"})])
    assert len(open_extract(path, ["amenity"]).roads("EPSG:25831")) == 3


# real extracts


def test_andorra_closes_six_of_seven_parishes():
    """Known of this extract: Canillo does not close, and 5 of its 7 lines are there."""
    extract = OsmExtract(andorra())
    closed, unclosed = extract.boundaries(7)
    assert sorted(closed["name"]) == ["Andorra la Vella", "Encamp", "Escaldes-Engordany", "La Massana", "Ordino",
                                      "Sant Julià de Lòria"]
    canillo = [item for item in unclosed if item.name == "Canillo"]
    assert extract.lines_present(canillo) == [5]
    assert len(canillo[0].lines) == 7
    assert extract.admin_levels() == {"7": 6}


def test_andorra_places_and_facilities():
    """The data's own note counts 59 towns, villages and hamlets; the amenities are counted by osmium's tag filter."""
    extract = OsmExtract(andorra(), frozenset({"amenity"}))
    kinds = extract.places()["place"]
    assert kinds.isin(["town", "village", "hamlet"]).sum() == 59
    for kind, count in (("hospital", 7), ("pharmacy", 3), ("shelter", 35)):
        tagged = osmium.FileProcessor(str(andorra())).with_filter(osmium.filter.TagFilter(("amenity", kind)))
        assert sum(1 for _ in tagged) == count
        assert len(extract.features({"amenity": [kind]})) == count


def test_helsinki_closes_no_boundary_and_knows_the_sea():
    extract = OsmExtract(helsinki())
    closed, unclosed = extract.boundaries(10)
    assert len(closed) == 0
    assert len(unclosed) == 6
    roads = extract.roads("EPSG:3067")
    assert shapely.box(384_000, 6_670_000, 388_000, 6_675_000).contains(shapely.MultiPoint(roads.node_xy_m).centroid)
