"""Read the ways of a .osm.pbf through the protobuf library, without an object per node.

pyosmium makes an object of every node of every way, which is half of the time that a network takes to read. What this
reader does not know (other packing, histories, positions kept on ways) it leaves to pyosmium.
"""

from __future__ import annotations

import subprocess
import sys
import zlib
from array import array
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

Array = npt.NDArray[Any]

#: The messages of the format, as far as they are read: name, number and type of each field; ``*`` means repeated.
_MESSAGES: dict[str, tuple[str, ...]] = {
    "BlobHeader": ("type 1 bytes", "datasize 3 int32"),
    "Blob": ("raw 1 bytes*", "raw_size 2 int32", "zlib_data 3 bytes"),
    "Header": ("required_features 4 bytes*", "optional_features 5 bytes*"),
    "Block": ("strings 1 bytes", "groups 2 bytes*", "granularity 17 int32", "lat_offset 19 int64",
              "lon_offset 20 int64"),
    "Strings": ("s 1 bytes*",),
    "Group": ("nodes 1 Node*", "dense 2 Dense", "ways 3 Way*"),
    "Node": ("id 1 sint64", "lat 8 sint64", "lon 9 sint64"),
    "Dense": ("id 1 sint64*", "lat 8 sint64*", "lon 9 sint64*"),
    "Way": ("id 1 int64", "keys 2 uint32*", "vals 3 uint32*", "refs 8 sint64*"),
}
#: Limits that the format sets: of a blob's head, and of a blob before and after unpacking.
_HEAD_BYTES, _BLOB_BYTES = 64 * 1024, 32 * 1024 * 1024
_KNOWN = {b"OsmSchema-V0.6", b"DenseNodes"}
_WALK = "import sys, osmium\nfor item in osmium.FileProcessor(sys.argv[1]).with_areas(): dict(item.tags)"
_NODES, _DENSE, _WAYS = 0x0A, 0x12, 0x1A  # a group holds one kind of object; its first byte tells which


class PbfNodes(NamedTuple):
    """Nodes of the ways that were kept.

    ``node`` runs over the nodes of all ways, as positions in ``ids``; ``counts`` runs over the ways. ``ids`` are the
    nodes, each once and rising, ``lonlat`` their positions, NaN where the extract lacks the node.
    """

    counts: Array
    ids: Array
    node: Array
    lonlat: Array


class BrokenPbfError(ValueError):
    """The file is no whole .osm.pbf."""


def read_pbf_ways(path: Path, keys: tuple[str, ...], any_of: Collection[str],
                  keep: Callable[[int, tuple[str | None, ...]], bool]) -> PbfNodes | None:
    """Offer every way that bears one of some tags, and give the nodes of those that are kept.

    Parameters
    ----------
    path : Path
    keys : tuple of str
        Tags to read.
    any_of : collection of str
        Of `keys`; ways with none of these are passed over.
    keep : callable
        ``(id, values of the keys) -> bool``, called in the order of the file.

    Returns
    -------
    PbfNodes or None
        None, before the first call of `keep`, if the file wants features that are not read here.

    Raises
    ------
    BrokenPbfError
        If the file is damaged.
    """
    with _damage_named(), path.open("rb") as stream:
        blobs = list(_blobs(stream))
        if not _plain(stream, blobs):
            return None
        refs, counts, with_nodes = _ways(stream, blobs[1:], keys, any_of, keep)
        ids, node = np.unique(refs, return_inverse=True)
        return PbfNodes(counts, ids, node.astype(np.int32), _positions(stream, with_nodes, ids))


def check_pbf(path: Path) -> None:
    """Refuse a .osm.pbf with NUL in a word: libosmium ends words there and would run out of the list of tags.

    Blocks that are not unpacked here are first read in another process.

    Raises
    ------
    BrokenPbfError
        If there is such a word, the file is damaged, or the other process came to its end.
    """
    with _damage_named(), path.open("rb") as stream:
        for blob in _blobs(stream):
            content = _unpack(stream, blob) if blob.kind == b"OSMData" else b""
            if content is None:
                _try_apart(path)
                return
            words = _classes()["Strings"].FromString(_classes()["Block"].FromString(content).strings).s
            if b"\0" in b"".join(words):
                raise BrokenPbfError("a word holds NUL")


def _try_apart(path: Path) -> None:
    """Walk through all tags and areas in another process."""
    command = [sys.executable, "-I", "-c", _WALK, str(path)]
    if subprocess.run(command, check=False, capture_output=True).returncode < 0:
        raise BrokenPbfError("reading it ends the process")


@contextmanager
def _damage_named() -> Iterator[None]:
    try:
        yield
    except (DecodeError, zlib.error, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise BrokenPbfError(str(error)) from error


@cache
def _classes() -> dict[str, Any]:
    """Make the message classes; the field numbers are those of the format's public description."""
    field = descriptor_pb2.FieldDescriptorProto
    scalar = {name: getattr(field, f"TYPE_{name.upper()}") for name in ("bytes", "int32", "int64", "uint32", "sint64")}
    file = descriptor_pb2.FileDescriptorProto(name="lifecircle_osm.proto", package="lifecircle")
    for message, rows in _MESSAGES.items():
        table = file.message_type.add(name=message)
        for name, number, kind in (row.split() for row in rows):
            one = kind.rstrip("*")
            entry = table.field.add(name=name, number=int(number), type=scalar.get(one, field.TYPE_MESSAGE),
                                    label=field.LABEL_REPEATED if kind != one else field.LABEL_OPTIONAL)
            if one not in scalar:
                entry.type_name = f".lifecircle.{one}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"lifecircle.{name}"))
            for name in _MESSAGES}


class _Blob(NamedTuple):
    kind: bytes
    begin: int
    size: int


def _blobs(stream: BinaryIO) -> Iterator[_Blob]:
    """List the blobs of a file without reading them."""
    end = stream.seek(0, 2)
    at = 0
    while at < end:
        stream.seek(at)
        size = int.from_bytes(stream.read(4), "big")
        if not 0 < size <= _HEAD_BYTES or at + 4 + size > end:
            raise BrokenPbfError("the head of a block is out of range or cut off")
        head = _classes()["BlobHeader"].FromString(stream.read(size))
        begin = at + 4 + size
        if not 0 <= head.datasize <= _BLOB_BYTES or begin + head.datasize > end:
            raise BrokenPbfError("a block is out of range or cut off")
        yield _Blob(head.type, begin, head.datasize)
        at = begin + head.datasize


def _unpack(stream: BinaryIO, blob: _Blob) -> bytes | None:
    """Give the content of a blob; None where it is packed otherwise than by zlib."""
    stream.seek(blob.begin)
    packed = _classes()["Blob"].FromString(stream.read(blob.size))
    if packed.raw:  # where there are several, libosmium reads the first
        return bytes(packed.raw[0])
    if not packed.zlib_data:
        return None
    tool = zlib.decompressobj()
    content = tool.decompress(packed.zlib_data, _BLOB_BYTES)
    if not tool.eof:
        raise BrokenPbfError("a block is cut off or unpacks to more than the format allows")
    return content


def _plain(stream: BinaryIO, blobs: list[_Blob]) -> bool:
    """Tell whether the file asks for nothing that is not read here."""
    if not blobs or blobs[0].kind != b"OSMHeader":
        raise BrokenPbfError("it does not begin with a header")
    content = _unpack(stream, blobs[0])
    if content is None or any(blob.kind == b"OSMData" and _unpack(stream, blob) is None for blob in blobs[1:2]):
        return False
    header = _classes()["Header"].FromString(content)
    return set(header.required_features) <= _KNOWN and b"LocationsOnWays" not in header.optional_features


def _ways(stream: BinaryIO, blobs: list[_Blob], keys: tuple[str, ...], any_of: Collection[str],
          keep: Callable[[int, tuple[str | None, ...]], bool]) -> tuple[Array, Array, list[_Blob]]:
    """Give the nodes of the ways that are kept, how many each has, and the blobs that hold nodes."""
    steps, counts, with_nodes = array("q"), array("q"), []
    wanted = {key.encode(): place for place, key in enumerate(keys)}
    needed = {place for place, key in enumerate(keys) if key in any_of}
    for blob in blobs:
        block = _block(stream, blob)
        if block is None:
            continue
        if any(group[:1] and group[0] in (_NODES, _DENSE) for group in block.groups):
            with_nodes.append(blob)
        for group in block.groups:
            if group[:1] and group[0] == _WAYS:
                for way in _tagged(block, group, wanted, needed, len(keys), keep):
                    steps.extend(way.refs)
                    counts.append(len(way.refs))
    step, count = np.frombuffer(steps, dtype=np.int64), np.frombuffer(counts, dtype=np.int64)
    total = np.concatenate([[0], np.cumsum(step)])
    begin = total[np.cumsum(count) - count]
    return total[1:] - np.repeat(begin, count), count, with_nodes


def _block(stream: BinaryIO, blob: _Blob) -> Any:
    """Unpack a blob of data; None for other kinds, which the format allows."""
    if blob.kind != b"OSMData":
        return None
    content = _unpack(stream, blob)
    if content is None:
        raise BrokenPbfError("its blocks are packed in different ways")
    return _classes()["Block"].FromString(content)


def _tagged(block: Any, group: bytes, wanted: dict[bytes, int], needed: set[int], width: int,
            keep: Callable[[int, tuple[str | None, ...]], bool]) -> Iterator[Any]:
    """Give the ways of a group that bear the tags and are kept; equal tags are put into words once."""
    strings = _classes()["Strings"].FromString(block.strings).s
    place = {index: wanted[text] for index, text in enumerate(strings) if text in wanted}
    needed = {index for index, slot in place.items() if slot in needed}
    known: dict[tuple[tuple[int, int], ...], tuple[str | None, ...]] = {}
    for way in _classes()["Group"].FromString(group).ways:
        keys = way.keys
        if needed.isdisjoint(keys):
            continue
        tags = tuple([pair for pair in zip(keys, way.vals, strict=False) if pair[0] in place])
        if tags not in known:
            said: list[str | None] = [None] * width
            for key, value in tags:
                said[place[key]] = strings[value].decode("utf-8")
            known[tags] = tuple(said)
        if keep(way.id, known[tags]):
            yield way


def _positions(stream: BinaryIO, blobs: list[_Blob], ids: Array) -> Array:
    """Find where the nodes lie, in degrees; NaN where the file does not say, or names no place on earth."""
    lonlat = np.full((len(ids), 2), np.nan)
    for blob in blobs:
        block = _block(stream, blob)
        scale = np.int64(block.granularity or 100)
        for group in block.groups:
            node, place = _nodes(_classes()["Group"].FromString(group))
            at = np.minimum(np.searchsorted(ids, node), len(ids) - 1)
            found = ids[at] == node if len(ids) else np.zeros(len(node), dtype=bool)
            # The format counts in units of 1e-9 degrees, OSM in 1e-7: the latter is what every other reader gives.
            degrees = (place[found] * scale + [block.lon_offset, block.lat_offset]) // 100 / 1e7
            valid = (np.abs(degrees) <= [180.0, 90.0]).all(axis=1)
            lonlat[at[found][valid]] = degrees[valid]
    return lonlat


def _nodes(group: Any) -> tuple[Array, Array]:
    """Give ids and raw positions of the nodes of a group."""
    dense = group.dense
    columns = [np.cumsum(np.fromiter(values, np.int64, len(values))) for values in (dense.id, dense.lon, dense.lat)]
    if len({len(column) for column in columns}) > 1:
        raise BrokenPbfError("a block has not as many positions as nodes")
    rows = np.array([(node.id, node.lon, node.lat) for node in group.nodes], dtype=np.int64).reshape(-1, 3)
    return (np.concatenate([columns[0], rows[:, 0]]),
            np.concatenate([np.column_stack(columns[1:]), rows[:, 1:]]))
