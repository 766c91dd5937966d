"""Say which base map may lie under a map: addresses of tiles, checked before anything is drawn with them."""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import Field, model_validator

from lifecircle.errors import UsageError
from lifecircle.policy import Section

_TIANDITU = ("https://t0.tianditu.gov.cn/{0}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={0}&STYLE=default"
             "&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={{key}}")
#: Name -> its addresses, the lower one first: map or picture, and the names over it. The key is the user's own.
PRESETS: dict[str, tuple[str, ...]] = {
    name: tuple(_TIANDITU.format(layer) for layer in layers)
    for name, layers in (("tianditu_vec", ("vec", "cva")), ("tianditu_img", ("img", "cia")))}
#: Who draws on a shifted datum (part of a name or host) -> the datum.
SHIFTED: dict[str, str] = {
    "amap": "GCJ-02", "autonavi": "GCJ-02", "gaode": "GCJ-02", "高德": "GCJ-02", "google.cn": "GCJ-02",
    "geoq": "GCJ-02",
    "map.qq": "GCJ-02", "gtimg": "GCJ-02", "tencent": "GCJ-02", "腾讯": "GCJ-02", "baidu": "BD-09", "bdimg": "BD-09",
    "百度": "BD-09"}
_SHIFT_M = {"GCJ-02": "300-700 m", "BD-09": "about 1 km"}
#: So begin the environment variables that a run file may name, or one from elsewhere could send any secret to its host.
OWN_VARIABLES = "LIFECIRCLE_"
#: Other ways to write a place in a WMTS address -> ours.
_SYNONYMS = {"tilematrix": "z", "tilerow": "y", "tilecol": "x", "level": "z", "row": "y", "col": "x"}
#: Parts of a parameter's name by which its value is a key.
_SECRET = re.compile(r"key|token|secret|signature|^(tk|ak|sk|sig)$", re.IGNORECASE)
_PLAIN = re.compile(r"https?://[A-Za-z0-9._-]+(:\d+)?/[A-Za-z0-9/?&=._~%:,+{}-]*")


class BaseMap(NamedTuple):
    """Tiles that are ready to be drawn: their addresses, whom to credit, and the one host they come from."""

    addresses: tuple[str, ...]
    attribution: str
    origin: str


def check_tiles(tiles: str) -> tuple[str, ...]:
    """Give the addresses that a name or template of tiles stands for, with ``{z}``, ``{x}``, ``{y}`` and ``{key}``.

    Raises
    ------
    ValueError
        If it draws on a shifted datum, holds a key, names no place for row, column and level, or is no plain address.
    """
    if tiles in PRESETS:
        return PRESETS[tiles]
    name = tiles.casefold()
    host = name if "://" not in name else name.split("://", 1)[1].split("/", 1)[0]
    if "google" in host and ("gl", "cn") in parse_qsl(name.partition("?")[2]):
        host = "google.cn"
    for part, datum in SHIFTED.items():
        if part in host:
            raise ValueError(f"tiles of {part} are drawn in {datum}, shifted by {_SHIFT_M[datum]}: roads and "
                             "facilities would lie beside their places; use tianditu_vec or other tiles in WGS 84")
    if "://" not in tiles:
        raise ValueError(f"tiles = {tiles} is no address with {{z}}/{{x}}/{{y}}, and none of {', '.join(PRESETS)}")
    template = re.sub(r"\{(\w+)\}", lambda found: "{" + _SYNONYMS.get(found[1].casefold(), found[1]) + "}", tiles)
    for parameter, value in parse_qsl(template.partition("?")[2], keep_blank_values=True):
        if _SECRET.search(parameter) and value not in ("{key}", ""):
            raise ValueError(f"tiles hold a key ({parameter}=…): write {parameter}={{key}}, put the key into an "
                             "environment variable and name that in key_env")
    if "{s}" in template:
        raise ValueError("tiles with {s} come from several hosts; name one")
    places = set(re.findall(r"\{([^}]*)\}", template))
    if not {"z", "x"} <= places or not places & {"y", "-y"} or places - {"z", "x", "y", "-y", "key"}:
        raise ValueError("tiles need {z}, {x} and {y} (or {-y} from the south), and may have {key}; "
                         f"found {', '.join(sorted(places)) or 'none'}")
    if not _PLAIN.fullmatch(template) or "{" in template.split("://", 1)[1].split("/", 1)[0]:
        raise ValueError("tiles must be a plain http or https address")
    return (template,)


def needs_key(tiles: str) -> bool:
    """Tell whether an address wants a key."""
    return any("{key}" in address for address in check_tiles(tiles))


class MapSection(Section):
    """A base map under the map; none by default, so that the page asks nobody for anything.

    Attributes
    ----------
    tiles : str
        A name of `PRESETS`, or an address with ``{z}``, ``{x}``, ``{y}`` and, where it takes one,
        ``{key}``.
    key_env : str
        The environment variable that holds the key; the key itself is never written into a run file. Its name
        begins with `OWN_VARIABLES`.
    """

    tiles: str = ""
    attribution: str = ""
    key_env: str = Field(default="", pattern=rf"^({OWN_VARIABLES}[A-Za-z0-9_]+)?$")

    @model_validator(mode="after")
    def _drawable(self) -> MapSection:
        if self.tiles and needs_key(self.tiles) and not self.key_env:
            raise ValueError("tiles take a key: name the environment variable that holds it in key_env")
        return self


def base_map(tiles: str, attribution: str, key: str) -> BaseMap:
    """Put the key into the addresses.

    Raises
    ------
    ValueError
        As for `check_tiles`.
    """
    addresses = tuple(address.replace("{key}", quote(key, safe="")) for address in check_tiles(tiles))
    parts = urlsplit(addresses[0])
    return BaseMap(addresses, attribution or ("天地图" if tiles in PRESETS else ""), f"{parts.scheme}://{parts.netloc}")


def key_in(variable: str) -> str:
    """Give the key in an environment variable that a run file or run.json names; blank where it may name none such."""
    return os.environ.get(variable, "") if variable.startswith(OWN_VARIABLES) else ""


def asked_map(tiles: str, key_env: str, attribution: str) -> BaseMap | None:
    """Give the base map that somebody asks for at the command line; None where nobody does.

    Raises
    ------
    UsageError
        If the tiles cannot be used, or there is no key in the environment variable.
    """
    if not tiles:
        return None
    key = os.environ.get(key_env, "") if key_env else ""
    try:
        if needs_key(tiles) and not key:
            raise ValueError("tiles take a key: " + (f"the environment variable {key_env} is not set" if key_env else
                                                     "name the environment variable that holds it with --key-env"))
        return base_map(tiles, attribution, key)
    except ValueError as error:
        raise UsageError(str(error)) from None
