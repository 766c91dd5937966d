"""Find the township and the place that rows mean by their names, where codes are missing or disagree."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

#: Long forms of a committee's or an office's name -> the short one.
_SHORT = ((re.compile(r"(社区)?(居民委员会|居委会)$"), "社区"), (re.compile(r"村?(村民委员会|村委会)$"), "村"),
          (re.compile(r"街道办事处$|街道办$"), "街道"), (re.compile(r"镇人民政府$"), "镇"),
          (re.compile(r"乡人民政府$"), "乡"))
_KIND = re.compile(r"(街道|民族乡|社区|镇|乡|村)$")
#: What stands between the names of former villages.
_BETWEEN = re.compile(r"[、;；,，/|]")
#: Any township, for a row that does not say its own.
ANYWHERE = "*"


@lru_cache(maxsize=65_536)
def plain_name(name: str) -> str:
    """Write a name in its short form: half width, no blanks, 社区 and 村 for their committees.

    Examples
    --------
    >>> plain_name("北门社区居民委员会"), plain_name("石庙村村民委员会"), plain_name(" 石 庙　村 ")
    ('北门社区', '石庙村', '石庙村')
    """
    text = re.sub(r"\s+", "", unicodedata.normalize("NFKC", name))
    for long, short in _SHORT:
        text = long.sub(short, text)
    return text


@lru_cache(maxsize=65_536)
def loose_name(name: str) -> str:
    """Take the kind off a name too, where something is left.

    Examples
    --------
    >>> loose_name("龙头寨村"), loose_name("龙头寨"), loose_name("大罗乡"), loose_name("村")
    ('龙头寨', '龙头寨', '大罗', '村')
    """
    plain = plain_name(name)
    return _KIND.sub("", plain) or plain


def other_kind(name: str, other: str) -> bool:
    """Tell whether two names say what they name, and not the same: a village and a community may both exist.

    Examples
    --------
    >>> other_kind("东门村", "东门社区居委会"), other_kind("东门", "东门社区"), other_kind("东门村委会", "东门村")
    (True, False, False)
    """
    kinds = [_KIND.search(plain_name(text)) for text in (name, other)]
    return all(kinds) and len({kind[0] for kind in kinds if kind}) == 2


def split_names(text: str) -> list[str]:
    """List the names in a cell, such as the former villages of ``merged_from``.

    Examples
    --------
    >>> split_names("甲村、乙村；丙村, 丁村"), split_names("")
    (['甲村', '乙村', '丙村', '丁村'], [])
    """
    return [name.strip() for name in _BETWEEN.split(text) if name.strip()]


@dataclass(frozen=True)
class NameIndex:
    """Codes by name, within a scope such as the township; a name of several things finds none of them.

    Attributes
    ----------
    plain, loose : dict
        (scope, name) -> code, or "" where several bear the name.
    """

    plain: Mapping[tuple[str, str], str]
    loose: Mapping[tuple[str, str], str]

    @classmethod
    def of(cls, entries: Iterable[tuple[str, str, str]]) -> NameIndex:
        """Build an index of (scope, name, code); every name can also be sought `ANYWHERE`."""
        plain: dict[tuple[str, str], str] = {}
        loose: dict[tuple[str, str], str] = {}
        for scope, name, code in entries:
            for table, key in ((plain, plain_name(name)), (loose, loose_name(name))):
                for where in (scope, ANYWHERE) if key else ():
                    table[where, key] = code if table.get((where, key), code) == code else ""
        return cls(plain, loose)

    def find(self, scope: str, name: str, *, loosely: bool | None = None) -> str | None:
        """Give the code of a name; "" where several bear it, None where nobody.

        Parameters
        ----------
        scope, name : str
        loosely : bool, optional
            Whether the name is sought without its kind, or as it stands; not given: as it stands first.
        """
        for loose, table, key in ((False, self.plain, plain_name(name)), (True, self.loose, loose_name(name))):
            if name and loosely in (None, loose) and (scope, key) in table:
                return table[scope, key]
        return None


class Townships:
    """The townships of the district and its neighbours, by name."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = dict(names)
        self._index = NameIndex.of((ANYWHERE, name, code) for code, name in names.items())

    def join(self, codes: pd.Series, names: pd.Series) -> pd.DataFrame:
        """Find the township of each row: by its name; by its code where it has no name or nobody bears it.

        Returns
        -------
        DataFrame
            code (as given where nothing was found), how: ``code``, ``name``, ``name not code`` (the row's code is
            another's), ``code not name`` (the name is nobody's, and not that of the code) or "".
        """
        found = [self._index.find(ANYWHERE, name) or "" for name in names]
        return _joined(codes, names, found, [""] * len(found), self.names)


class Places:
    """The places of the district by name and by the names of the villages that were merged into them."""

    def __init__(self, places: pd.DataFrame) -> None:
        columns = zip(places["place_code"], places["place"], places["township_code"], strict=True)
        self.names = {code: name for code, name, _ in columns}
        scopes = dict(zip(places["place_code"], places["township_code"], strict=True))
        former = {code: split_names(text) for code, text in
                  zip(places["place_code"], places.get("merged_from", pd.Series("", places.index)), strict=True)}
        self._own = NameIndex.of((scopes[code], name, code) for code, name in self.names.items() if name != code)
        self._former = NameIndex.of((scopes[code], name, code) for code, names in former.items() for name in names)

    def join(self, codes: pd.Series, names: pd.Series, township_codes: pd.Series) -> pd.DataFrame:
        """Find the place of each row, by name within its township; district-wide where it has none.

        Returns
        -------
        DataFrame
            As for `Townships.join`; how may also be ``name alone`` (of no known township, and of one place only) or
            ``former`` (the name is that of a merged village).
        """
        own, former = [], []
        for name, township in zip(names, township_codes, strict=True):
            found = self._found(township or ANYWHERE, name)
            own.append(found[0])
            former.append(found[1])
        joined = _joined(codes, names, own, former, self.names)
        alone = joined["how"].str.startswith("name") & (township_codes == "")
        return joined.assign(how=joined["how"].mask(alone, "name alone"))

    def _found(self, scope: str, name: str) -> tuple[str, str]:
        """Give the place of a name, or the one that it was merged into; a whole name goes before one without kind."""
        for loosely in (False, True):
            own = self._own.find(scope, name, loosely=loosely)
            if own is not None:
                return own, ""
            former = self._former.find(scope, name, loosely=loosely)
            if former is not None:
                return "", former
        return "", ""


def _joined(codes: pd.Series, names: pd.Series, own: list[str], former: list[str],
            known: Mapping[str, str]) -> pd.DataFrame:
    found, how = [], []
    for code, name, by_name, by_former in zip(codes, names, own, former, strict=True):
        if by_name:
            ground = "code" if code == by_name else "name not code" if code else "name"
        elif by_former:
            ground = "code" if code == by_former else "former"
        elif code in known:
            told = plain_name(known[code])  # a place without a name bears its code
            ground = "code not name" if name and told not in (code, plain_name(name)) else "code"
        else:
            ground = ""
        found.append(by_name or by_former or code)
        how.append(ground)
    return pd.DataFrame({"code": found, "how": how}, index=codes.index, dtype="str")
