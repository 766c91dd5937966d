"""The reader of .osm.pbf against pyosmium, way by way; what it leaves to pyosmium; damaged files."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import osmium
import pytest
from osmium.osm import mutable

from extracts import andorra, helsinki
from lifecircle.errors import InputError, UnreadableFileError
from lifecircle.inputs import osmways
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.osm import OsmExtract
from lifecircle.inputs.osmpbf import read_pbf_ways
from lifecircle.inputs.osmways import CANDIDATES, ROAD_KEYS, Ways, read_ways
from lifecircle.inputs.roadquality import note_contradictions, note_islands, note_tags

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
from pbfmaker import write_pbf


def by_pyosmium(path: Path) -> Ways:
    kinds = osmways._Kinds()
    return osmways._chains(kinds, osmways._by_pyosmium(path, kinds))


def assert_same(ours: Ways, theirs: Ways) -> None:
    for name, value in theirs._asdict().items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(getattr(ours, name), value, err_msg=name)
        elif name == "kinds":
            assert repr(getattr(ours, name)) == repr(value)       # NaN is not NaN
        else:
            assert getattr(ours, name) == value, name


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "made.osm.pbf"
    write_pbf(path, 3_000)
    return path


def test_real_extracts() -> None:
    """Both have ways that lead out of the extract; Helsinki's has ferries with a duration."""
    for path in (andorra(), helsinki()):
        ours = read_ways(path)
        assert_same(ours, by_pyosmium(path))
    assert not ours.whole.all()


def test_the_extract_for_the_benchmark(made: Path) -> None:
    """It has the segments it was asked for, the same bytes each time, townships that close, and lakes with islands."""
    again = made.with_name("again.osm.pbf")
    write_pbf(again, 3_000)
    assert again.read_bytes() == made.read_bytes()
    assert_same(read_ways(made), by_pyosmium(made))
    extract = OsmExtract(made)
    assert len(extract.roads("EPSG:32648")) == 3_000
    closed, unclosed = extract.boundaries(8)
    assert (len(closed), len(unclosed)) == (24, 0)
    water = extract.water()
    assert len(water) == round(2_000 * 3_000 / 458_000) + round(300 * 3_000 / 458_000)
    assert max(len(shape.geoms[0].interiors) for shape in water.geometry) == 1


def test_what_is_left_to_pyosmium(made: Path, tmp_path: Path) -> None:
    """Positions kept on ways, and packing other than zlib; the roads are the same by either way."""
    for name, options in (
            ("located.osm.pbf", "pbf,locations_on_ways=true"), ("raw.osm.pbf", "pbf,pbf_compression=none"),
            ("sparse.osm.pbf", "pbf,pbf_dense_nodes=false"), ("packed.osm.pbf", "pbf,pbf_compression=lz4")):
        path = tmp_path / name
        try:
            with osmium.SimpleWriter(osmium.io.File(str(path), options)) as writer:
                for item in osmium.FileProcessor(str(made)).with_locations():
                    writer.add(item)
        except RuntimeError:        # this build of osmium cannot write it
            continue
        kinds = osmways._Kinds()
        direct = read_pbf_ways(path, ROAD_KEYS, CANDIDATES, kinds.keep)
        assert (direct is None) is (name in ("located.osm.pbf", "packed.osm.pbf")), name
        assert_same(read_ways(path), by_pyosmium(made))


def outcome(path: Path) -> str:
    """Read the ways; give the message of the error, if one is raised on purpose."""
    try:
        OsmExtract(path).ways()
    except InputError as error:
        return str(error)
    return "read"


def test_damage_is_named(made: Path, tmp_path: Path) -> None:
    """Cut off anywhere or with a byte turned over, the file reads, or says in one line that it is broken."""
    whole, rng, path = made.read_bytes(), np.random.default_rng(5), tmp_path / "broken.osm.pbf"
    broken = 0
    for at in rng.integers(0, len(whole), 120).tolist():
        flipped = bytearray(whole)
        flipped[at] ^= 1 << int(rng.integers(8))
        for content in (whole[:at], bytes(flipped)):
            path.write_bytes(content)
            told = outcome(path)
            assert told in {"read", f"{path}: the extract holds no road; use an extract that covers the district"} or (
                told.startswith(f"{path}: the extract is broken: ") and "\n" not in told)
            broken += "is broken" in told
    assert broken > 150


def test_a_block_that_unpacks_to_more_than_allowed(tmp_path: Path) -> None:
    """64 MiB of zeros in 64 kB: nothing is unpacked beyond the format's limit of 32 MiB."""
    import zlib

    packed = zlib.compress(bytes(64 * 2**20), 9)
    size = len(packed).to_bytes(4, "little")
    varint = bytes([size[0] & 127 | 128, (len(packed) >> 7) & 127 | 128, len(packed) >> 14])
    blob = b"\x1a" + varint + packed
    length = len(blob)
    head = b"\x0a\x09OSMHeader\x18" + bytes([length & 127 | 128, (length >> 7) & 127 | 128, length >> 14])
    path = tmp_path / "bomb.osm.pbf"
    path.write_bytes(len(head).to_bytes(4, "big") + head + blob)
    with pytest.raises(UnreadableFileError, match="unpacks to more than the format allows"):
        OsmExtract(path).ways()


def test_tags_that_mean_no_road(tmp_path: Path) -> None:
    """Of ten ways two are roads that can be used; the others are told by the tag that says so."""
    path = tmp_path / "tags.osm.pbf"
    ways = [{"highway": "residential"}, {"highway": "primary", "access": "private"}, {"highway": "proposed"},
            {"highway": "construction"}, {"highway": "construction"}, {"highway": "residental"}, {"highway": "四级"},
            {"highway": "pedestrian", "area": "yes"}, {"highway": "platform"}, {"route": "bus"},
            {"highway": "service", "bridge": "yes", "tunnel": "yes"}]
    with osmium.SimpleWriter(str(path)) as writer:
        for node in range(1, 25):
            writer.add_node(mutable.Node(id=node, location=(1.5 + node / 1000, 42.5)))
        for number, tags in enumerate(ways, 1):
            writer.add_way(mutable.Way(id=100 + number, nodes=[2 * number, 2 * number + 1], tags=tags))
    found, read = Findings(), OsmExtract(path).ways()
    note_tags(read, path.name, found)
    network = read.network("EPSG:25831")
    note_contradictions(network, found)
    note_islands(network, found)
    assert [(item.severity, item.code, item.count, item.id) for item in found] == [
        ("note", "roads_not_open", 3, "way 103, 104, 105"), ("warn", "road_class_unknown", 2, "way 106, 107"),
        ("note", "roads_not_lines", 2, "way 108, 109"), ("note", "roads_closed", 1, "way 102"),
        ("note", "road_tags_contradict", 1, "way 111"), ("warn", "road_islands", 2, "way 102, 111")]
    by_code = {item.code: item for item in found}
    assert by_code["roads_not_open"].value == "highway=construction (2), highway=proposed (1)"
    assert by_code["road_class_unknown"].value == "highway=residental (1), highway=四级 (1)"
