"""Know the words that stand over the columns of an office's register, and find the row they stand in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

#: Our column -> the words that registers use for it, the better one first; brackets and spaces do not count.
HEADERS: dict[str, tuple[str, ...]] = {
    "facility_id": ("编号", "设施编号", "设施编码", "机构编号", "机构代码"),
    "name": ("名称", "设施名称", "机构名称", "单位名称", "场所名称"),
    "category": ("类别", "设施类别", "设施类型", "类型"),
    "level": ("层级", "级别", "等级"),
    "status": ("状态", "建设状态", "运营状态"),
    "opens_year": ("开放年份", "投用年份", "启用年份", "建成年份", "建成时间", "投用时间"),
    "capacity": ("容量", "床位数", "床位", "托位数", "托位", "可容纳人数", "容纳人数", "避难容量"),
    "area_m2": ("建筑面积", "面积", "场地面积", "占地面积"),
    "effective_area_m2": ("有效面积", "有效避难面积", "有效避难面积m2"),
    "setting": ("室内外", "室内/室外", "室内室外"),
    "township": ("乡镇", "乡镇街道", "乡镇/街道", "镇街", "所属乡镇", "所在乡镇", "乡镇名称", "街道"),
    "township_code": ("乡镇代码", "乡镇编码", "乡镇区划代码"),
    "place": ("村", "村社区", "村/社区", "村名", "村名称", "行政村", "所在村", "社区", "村居"),
    "place_code": ("村代码", "村编码", "村社区代码", "村级区划代码"),
    "lon": ("经度", "东经", "longitude", "lng", "wgs84经度", "gcj02经度", "bd09经度"),
    "lat": ("纬度", "北纬", "latitude", "wgs84纬度", "gcj02纬度", "bd09纬度"),
    "datum": ("坐标系", "坐标系统", "坐标基准"),
    "address": ("地址", "详细地址", "所在地址"),
    "source": ("数据来源", "来源"),
    "population": ("常住人口", "人口", "人口数", "总人口", "常住人口数"),
    "population_60plus": ("60岁以上人口", "60岁及以上人口", "60岁以上", "60岁及以上", "老年人口"),
    "population_0_2": ("0-2岁人口", "3岁以下人口", "0-2岁", "3岁以下", "婴幼儿人口"),
    "urban_rural_code": ("城乡分类代码", "城乡代码"),
    "class": ("城乡分类", "城乡类别", "城乡"),
    "merged_from": ("合并前村名", "原村名", "由何村合并"),
}
#: Columns that are of use to the office alone, so nobody is told that they are not read.
OFFICE_ONLY = frozenset({"序号", "权属", "核实日期", "备注", "联系人", "联系电话", "电话", "填报人", "审核人"})
#: The words for a datum -> ours; CGCS2000 is WGS 84 here.
DATUM_WORDS: dict[str, str] = {
    **dict.fromkeys(("wgs84", "gps", "地球", "cgcs2000", "2000", "国家2000", "2000国家大地", "天地图"), "wgs84"),
    **dict.fromkeys(("gcj02", "gcj", "火星", "国测局", "高德", "腾讯", "高德地图", "腾讯地图"), "gcj02"),
    **dict.fromkeys(("bd09", "bd09ll", "bd", "百度", "百度地图"), "bd09"),
}
#: Column in which coordinates as they were read carry the head that names their datum.
DATUM_HEAD = "_datum_head"
_FILLING = re.compile(r"[\s\-_]|坐标系?")
#: The head of a longitude or latitude; a datum may stand before it, behind it or in brackets.
_AXIS = re.compile(r"^(.*?)(?:(经度|东经|longitude|lng|lon)|纬度|北纬|latitude|lat)(.*)$")
#: What the head of a capacity column says of its unit.
_CAPACITY_UNITS = {"床": "beds", "床位": "beds", "床位数": "beds", "张": "beds", "托位": "places", "托位数": "places",
                   "个": "places", "人": "people", "可容纳人数": "people", "容纳人数": "people", "避难容量": "people"}
_BRACKETS = re.compile(r"^(.+?)[(\[]([^()\[\]]*)[)\]]$")
_INVISIBLE = dict.fromkeys((0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, *range(9), 11, 12, *range(14, 32)))
_SEARCHED_ROWS = 30


@dataclass(frozen=True)
class Heading:
    """The head of one column: its word without spaces and brackets, and the unit that stood in the brackets."""

    word: str
    unit: str = ""


def plain(text: str) -> str:
    """Write text as people read it: full-width letters as narrow ones, no invisible characters, no outer spaces.

    Examples
    --------
    >>> plain("　Ａ１２\u200b ")
    'A12'
    """
    if text.isascii() and text.isprintable():
        return text.strip()
    return unicodedata.normalize("NFKC", text).translate(_INVISIBLE).strip()


def heading(text: str) -> Heading:
    """Take the head of a column apart.

    Examples
    --------
    >>> heading("建筑面积（㎡）"), heading("乡 镇(街道)"), heading("经度")
    (Heading(word='建筑面积', unit='m2'), Heading(word='乡镇', unit='街道'), Heading(word='经度', unit=''))
    """
    name = re.sub(r"\s+", "", plain(text))
    match = _BRACKETS.match(name)
    return Heading(match[1], match[2]) if match else Heading(name)


def recognise(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Find the columns whose heads are words of `HEADERS`.

    Parameters
    ----------
    names : iterable of str
        The file's columns.
    taken : iterable of str
        Columns, ours or the file's, that are settled already.

    Returns
    -------
    dict
        Our column -> the file's column. Of several words for one column the first in `HEADERS` wins.
    """
    names, taken = list(names), set(taken)
    words: dict[str, str] = {}
    for name in names:
        if name not in taken:
            words.setdefault(_word(name), name)
    found = {}
    for ours, known in HEADERS.items():
        theirs = next((words[word] for word in known if word in words), None)
        if theirs is not None and ours not in taken and ours not in names:
            found[ours] = theirs
    return found


def datum_word(text: str) -> str:
    """Give the datum that a word means; "" where it means none.

    Examples
    --------
    >>> datum_word("GCJ-02 坐标系"), datum_word("百度"), datum_word("经度")
    ('gcj02', 'bd09', '')
    """
    return DATUM_WORDS.get(_FILLING.sub("", plain(text)).lower(), "")


def head_datum(name: str) -> str:
    """Give the datum that the head of a longitude or latitude names; "" where it names none.

    Examples
    --------
    >>> head_datum("高德经度"), head_datum("纬度（百度）"), head_datum("lng_gcj02"), head_datum("经度")
    ('gcj02', 'bd09', 'gcj02', '')
    """
    head = heading(name)
    match = _AXIS.match(head.word.lower())
    return (datum_word(match[1] + match[3]) or datum_word(head.unit)) if match else ""


def _word(name: str) -> str:
    """Give the word of a head as `HEADERS` has it; a datum always stands before the axis and by our name."""
    word, datum = heading(name).word.lower(), head_datum(name)
    match = _AXIS.match(word) if datum else None
    return word if match is None else datum + ("经度" if match[2] else "纬度")


def capacity_unit(name: str) -> str:
    """Read the unit of a capacity from the head of its column; "" where it names none or several."""
    head = heading(name)
    return _CAPACITY_UNITS.get(head.unit) or _CAPACITY_UNITS.get(head.word, "")


def find_header(rows: Sequence[Sequence[str]], columns: Mapping[str, str]) -> tuple[list[str], int, int]:
    """Find the row (or the two rows, where cells were merged) that names the columns.

    Parameters
    ----------
    rows : sequence of sequences of str
        The first rows of a sheet, "" where a cell is empty.
    columns : mapping
        Our column -> the file's, as the run file gives it.

    Returns
    -------
    tuple
        The names, the position of the first row below them, and how many of the names are known.
    """
    known = {word for words in HEADERS.values() for word in words} | set(HEADERS) | set(map(_word, columns.values()))
    best: tuple[int, list[str], int] | None = None
    for at, upper in enumerate(rows[:_SEARCHED_ROWS]):
        if not _may_head(upper):
            continue
        choices = [(list(upper), at + 1)]
        if at + 1 < len(rows):
            lower = rows[at + 1]
            choices.append(([below or above for above, below in _zipped(upper, lower)], at + 2))
        for names, below in choices:
            score = len(set(map(_word, names)) & known)
            if best is None or score > best[0]:
                best = (score, names, below)
    if best is None:
        return list(rows[0]) if rows else [], 1, 0
    return best[1], best[2], best[0]


def _may_head(row: Sequence[str]) -> bool:
    """Tell a head from a title, which fills one cell or all those that it was merged over."""
    return len({cell for cell in row if cell}) > 1


def _zipped(upper: Sequence[str], lower: Sequence[str]) -> Iterable[tuple[str, str]]:
    width = max(len(upper), len(lower))
    pad = [""] * width
    return zip((*upper, *pad[len(upper):]), (*lower, *pad[len(lower):]), strict=True)
