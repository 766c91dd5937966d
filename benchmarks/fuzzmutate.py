"""Spoil files: flip, cut, splice and repeat bytes; put odd words into text; do the same inside packed parts."""

from __future__ import annotations

import gzip
import io
import re
import sqlite3
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fuzzseeds import Files, pack

Random = np.random.Generator
#: What a careless or hostile hand might put in place of a word; `{canary}` is a file that must not be opened.
WORDS: tuple[bytes, ...] = (
    b"1e400", b"-1e400", b"NaN", b"Infinity", b"-1", b"0", b"1e308", b"-0.0", b"99999999999999999999", b"2147483648",
    b"181", b"-91", b"1,234", "１２".encode(), "约200㎡".encode(), "亩".encode(), b"", b" ", b"null", b"true", b"[]",
    b"{}", b"\x00", b"\xff", b"\xef\xbb\xbf", "合计".encode(), "经度".encode(), "名称".encode("gb18030"),
    b"=HYPERLINK(1)", b"{canary}", b"file://{canary}", b"/vsizip/{canary}", b"/vsicurl/http://127.0.0.1:9/a",
    b"http://127.0.0.1:9/a",
    b"../canary.txt", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file://{canary}">]>', b"&b;", b"<OGRVRTDataSource>",
    b"<a>" * 500, b"[" * 3000, b'{"a":' * 3000, b"(" * 500, b"9" * 400, b"A" * 5000, b"\n", b",", b'"', b"'", b"\r",
    b"EPSG:0", b"EPSG:3857", b"urn:ogc:def:crs:EPSG::4545", b"\xf0\x9f\x98\x80", b"\xed\xa0\x80", b"%00", b"1970-13-45",
    b"inf", b"GeometryCollection", b"MultiPolygon", b"Point", b"XFD1048576", b"1048576", b"65535", b"-32768", b"1e-320")
_NUMBERS = (0, 1, 2, 4, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)
_TOKEN = re.compile(rb"-?\d+(?:\.\d+)?|[A-Za-z_]+|[^\x00-\x7f]+")


def spoil(files: Files, random: Random, canary: Path) -> Files:
    """Change one of the files of an input, mostly the first.

    Parameters
    ----------
    files : dict
        File name -> content.
    random : Generator
    canary : Path
        What the odd words point to.
    """
    key = list(files)[0 if random.random() < 0.7 else int(random.integers(len(files)))]
    inner = _INSIDE.get(key[key.index("."):].lower())
    content = files[key]
    if inner is not None and random.random() < 0.6:
        content = inner(content, random, canary)
    else:
        content = spoil_bytes(content, random, canary)
    changed = {**files, key: content}
    if len(files) > 1 and random.random() < 0.05:
        del changed[list(files)[int(random.integers(1, len(files)))]]
    return changed


def spoil_bytes(content: bytes, random: Random, canary: Path) -> bytes:
    """Change bytes at one place, seldom at up to six."""
    text = _is_text(content)
    for _ in range(min(int(random.geometric(0.6)), 6)):
        change = _odd_word if text and random.random() < 0.6 else _CHANGES[int(random.integers(len(_CHANGES)))]
        content = change(content, random, canary)
    return content


def _is_text(content: bytes) -> bool:
    return b"\0" not in content[:4096]


def _span(content: bytes, random: Random) -> tuple[int, int]:
    begin = int(random.integers(len(content) + 1))
    return begin, min(len(content), begin + int(2 ** random.uniform(0, 8)))


def _flip(content: bytes, random: Random, _canary: Path) -> bytes:
    if not content:
        return content
    at = int(random.integers(len(content)))
    return content[:at] + bytes([content[at] ^ (1 << int(random.integers(8)))]) + content[at + 1:]


def _number(content: bytes, random: Random, _canary: Path) -> bytes:
    """Write a number at the edge of its range over some bytes."""
    size = int(random.choice([1, 2, 4, 8]))
    value = _NUMBERS[int(random.integers(len(_NUMBERS)))] & (256**size - 1)
    at = int(random.integers(max(len(content) - size, 0) + 1))
    raw = value.to_bytes(size, "little" if random.random() < 0.5 else "big")
    return content[:at] + raw + content[at + size:]


def _double(content: bytes, random: Random, _canary: Path) -> bytes:
    """Write a double that is no finite number, or a huge one, over some bytes."""
    value = float(random.choice([np.nan, np.inf, -np.inf, 1e308, 1e30, -1e-320]))
    at = int(random.integers(max(len(content) - 8, 0) + 1))
    return content[:at] + struct.pack("<d" if random.random() < 0.7 else ">d", value) + content[at + 8:]


def _cut(content: bytes, random: Random, _canary: Path) -> bytes:
    begin, end = _span(content, random)
    return content[:begin] + content[end:]


def _end_early(content: bytes, random: Random, _canary: Path) -> bytes:
    return content[:int(random.integers(len(content) + 1))]


def _repeat(content: bytes, random: Random, _canary: Path) -> bytes:
    begin, end = _span(content, random)
    return content[:end] + content[begin:end] * int(random.integers(1, 30)) + content[end:]


def _move(content: bytes, random: Random, _canary: Path) -> bytes:
    begin, end = _span(content, random)
    rest = content[:begin] + content[end:]
    at = int(random.integers(len(rest) + 1))
    return rest[:at] + content[begin:end] + rest[at:]


def _noise(content: bytes, random: Random, _canary: Path) -> bytes:
    begin, end = _span(content, random)
    return content[:begin] + random.bytes(end - begin) + content[end:]


def _odd_word(content: bytes, random: Random, canary: Path) -> bytes:
    """Put an odd word in place of a word or number, or beside it."""
    word = WORDS[int(random.integers(len(WORDS)))].replace(b"{canary}", str(canary).encode())
    start = int(random.integers(len(content) + 1))
    found = _TOKEN.search(content, start)
    if found is None:
        return content + word
    begin, end = found.span() if random.random() < 0.8 else (found.end(), found.end())
    return content[:begin] + word + content[end:]


_CHANGES: tuple[Callable[[bytes, Random, Path], bytes], ...] = (
    _flip, _number, _double, _cut, _end_early, _repeat, _move, _noise, _odd_word)


def _in_zip(content: bytes, random: Random, canary: Path) -> bytes:
    """Spoil one part of an archive, or its name, and pack it again."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = list(members)[int(random.integers(len(members)))]
    cells = [other for other in members if "sheet1" in other or "content.xml" in other]
    name = cells[0] if cells and random.random() < 0.5 else name
    kind = random.random()
    if kind < 0.88:
        members[name] = spoil_bytes(members[name], random, canary)
    elif kind < 0.92:
        members[f"../{canary.name}"] = members.pop(name)
    elif kind < 0.96:
        del members[name]
    else:
        members["xl/extra.xml"] = b"\0" * 3_000_000
    return pack(members)


def _in_gzip(content: bytes, random: Random, canary: Path) -> bytes:
    return gzip.compress(spoil_bytes(gzip.decompress(content), random, canary), 1)


def _in_pbf(content: bytes, random: Random, canary: Path) -> bytes:
    """Spoil the unpacked content of one block and set the lengths around it right."""
    blocks, at = [], 0
    while at < len(content):
        head_size = int.from_bytes(content[at:at + 4], "big")
        head = content[at + 4:at + 4 + head_size]
        size, where = _varint(head, head.index(b"\x18") + 1)
        begin = at + 4 + head_size
        blocks.append((head[:head.index(b"\x18")], content[begin:begin + size]))
        at = begin + size
        assert where <= head_size
    number = int(random.integers(len(blocks)))
    kind, blob = blocks[number]
    blocks[number] = kind, _wrapped(spoil_bytes(_unwrapped(blob), random, canary))
    parts = []
    for kind, blob in blocks:
        head = kind + b"\x18" + _as_varint(len(blob))
        parts.append(len(head).to_bytes(4, "big") + head + blob)
    return b"".join(parts)


def _unwrapped(blob: bytes) -> bytes:
    """Give the content of a blob, packed or not."""
    at = 0
    while at < len(blob):
        key, at = _varint(blob, at)
        value, at = _varint(blob, at)
        if key == 0x0A:
            return blob[at:at + value]
        if key == 0x1A:
            return zlib.decompress(blob[at:at + value])
    return b""


def _wrapped(raw: bytes) -> bytes:
    packed = zlib.compress(raw, 1)
    return b"\x10" + _as_varint(len(raw)) + b"\x1a" + _as_varint(len(packed)) + packed


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (raw[at] & 127) << shift
        shift += 7
        at += 1
        if raw[at - 1] < 128:
            return value, at


def _as_varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _in_gpkg(content: bytes, random: Random, canary: Path) -> bytes:
    """Change one cell of one table of the database."""
    base = sqlite3.connect(":memory:")
    base.deserialize(content)
    tables = [name for (name,) in base.execute("select name from sqlite_master where type = 'table'")
              if "rtree" not in name]
    table = tables[int(random.integers(len(tables)))]
    columns = [row[1] for row in base.execute(f'pragma table_info("{table}")')]
    rows = [row for (row,) in base.execute(f'select rowid from "{table}"')]
    if rows:
        column, row = columns[int(random.integers(len(columns)))], rows[int(random.integers(len(rows)))]
        [old] = base.execute(f'select "{column}" from "{table}" where rowid = ?', [row]).fetchone()
        raw = old if isinstance(old, bytes) else str(old).encode()
        new = spoil_bytes(raw, random, canary)
        try:
            base.execute("pragma writable_schema = 1")
            base.execute(f'update "{table}" set "{column}" = ? where rowid = ?',
                         [new if isinstance(old, bytes) else new.decode("utf-8", "replace"), row])
            base.commit()
        except sqlite3.Error:
            base.rollback()
    return base.serialize()


def _in_parquet(content: bytes, random: Random, canary: Path) -> bytes:
    """Spoil the description of the geometry, or its bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(content))
    metadata = dict(table.schema.metadata or {})
    if random.random() < 0.6:
        metadata[b"geo"] = spoil_bytes(metadata[b"geo"], random, canary)
    else:
        shapes = table["geometry"].to_pylist()
        at = int(random.integers(len(shapes)))
        shapes[at] = None if random.random() < 0.1 else spoil_bytes(shapes[at], random, canary)
        table = table.set_column(table.schema.get_field_index("geometry"), "geometry", pa.array(shapes, pa.binary()))
    target = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), target)
    return target.getvalue()


_INSIDE: dict[str, Callable[[bytes, Random, Path], bytes]] = {
    ".xlsx": _in_zip, ".ods": _in_zip, ".hgt.zip": _in_zip, ".osm.gz": _in_gzip, ".osm.pbf": _in_pbf,
    ".gpkg": _in_gpkg, ".parquet": _in_parquet}
