"""Ask Overpass for roads, through OSMnx, and leave OSMnx's settings as they were."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from lifecircle.errors import UnreadableFileError, UsageError
from lifecircle.inputs.cells import parse_number
from lifecircle.inputs.shapes import WGS84, local_crs
from lifecircle.roadnetwork import RoadNetwork

#: Every road, and ferries, which OSMnx leaves out on its own.
FILTERS = [
    '["highway"]["area"!~"yes"]["highway"!~"abandoned|construction|no|planned|platform|proposed|raceway|razed"]',
    '["route"="ferry"]',
]
#: Tags that `lifecircle.osmtags.road_tags` reads.
ROAD_TAGS = ["highway", "route", "area", "oneway", "junction", "maxspeed", "bridge", "tunnel", "foot", "bicycle",
             "access", "vehicle", "motorcar", "motor_vehicle", "motorroad", "duration", "name", "ref"]


@contextmanager
def osmnx_settings(**values: Any) -> Iterator[Any]:
    """Set OSMnx's settings for a while: nothing is cached on disk, no name server but the system's is asked."""
    import osmnx

    values = {"use_cache": False, "doh_url_template": None, "useful_tags_way": ROAD_TAGS, "log_console": False,
              "log_file": False, **values}
    before = {name: getattr(osmnx.settings, name) for name in values}
    resolver = socket.getaddrinfo
    try:
        for name, value in values.items():
            setattr(osmnx.settings, name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield osmnx
    finally:
        for name, value in before.items():
            setattr(osmnx.settings, name, value)
        socket.getaddrinfo = resolver


def fetch_roads(area: shapely.Geometry, crs: str, url: str | None, *, source: str = "", quality: str = "osm",
                ) -> RoadNetwork:
    """Fetch every road that touches an area.

    Parameters
    ----------
    area : Polygon or MultiPolygon
        In `crs`.
    crs : str
        Projected CRS in metres.
    url : str, optional
        Base address of another Overpass server, such as one in the house's own network.

    Raises
    ------
    UnreadableFileError
        If the server does not answer or has nothing.
    """
    outline = shapely.make_valid(area.simplify(20.0)).buffer(20.0)
    polygon = gpd.GeoSeries([outline], crs=crs).to_crs(WGS84).iloc[0]
    graph, where = _ask(lambda osmnx, **how: osmnx.graph_from_polygon(polygon, **how), url)
    return RoadNetwork.from_networkx(graph, crs=crs, source=source or where, quality=quality)


def save_roads(out: Path, *, place: str = "", bbox: str = "", pbf: Path | None = None, overpass_url: str = "") -> str:
    """Bring roads in from an extract, or from Overpass by place name or bounding box, and save them as GraphML.

    Parameters
    ----------
    out : Path
        File to write; its name ends in .graphml.
    place : str
        Name that Nominatim, the public gazetteer of OSM, is asked for.
    bbox : str
        ``west,south,east,north`` in degrees.
    pbf : Path, optional
        Local extract.
    overpass_url : str
        Base address of another Overpass server.

    Returns
    -------
    str
        The name of the file written.

    Raises
    ------
    UsageError
        If the name of the file or the box cannot be used.
    InputError
        If the source cannot be read.
    """
    if out.suffix.lower() != ".graphml":
        raise UsageError(f"--out {out}: the name must end in .graphml")
    if pbf is not None:
        from lifecircle.inputs.osm import open_extract

        ways = open_extract(pbf).ways()
        graph = ways.network(local_crs(*ways.middle), source=pbf.name).to_networkx()
    elif bbox:
        polygon = shapely.box(*_box(bbox))
        graph, _ = _ask(lambda osmnx, **how: osmnx.graph_from_polygon(polygon, **how), overpass_url)
    else:
        graph, _ = _ask(lambda osmnx, **how: osmnx.graph_from_place(place, **how), overpass_url)
    part = out.with_name(f".{out.name}")
    with osmnx_settings() as osmnx:
        osmnx.save_graphml(graph, part)
    part.replace(out)
    return str(out)


def _box(text: str) -> tuple[float, float, float, float]:
    """Read a bounding box."""
    sides = [parse_number(side) for side in text.split(",")]
    if len(sides) != 4 or not (-180 <= sides[0] < sides[2] <= 180 and -90 <= sides[1] < sides[3] <= 90):
        raise UsageError(f"--bbox {text}: give west,south,east,north in degrees")
    return sides[0], sides[1], sides[2], sides[3]


def _ask(query: Callable[..., Any], url: str | None) -> tuple[Any, str]:
    """Put a query through OSMnx; give the graph and the address that answered."""
    own = {"overpass_url": url.removesuffix("/interpreter"), "overpass_rate_limit": False} if url else {}
    with osmnx_settings(**own) as osmnx:
        where = str(osmnx.settings.overpass_url)
        try:
            graph = query(osmnx, network_type="all", custom_filter=FILTERS, simplify=False, retain_all=True,
                          truncate_by_edge=True)
        except Exception as error:  # requests, OSMnx and json each have their own
            reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
            raise UnreadableFileError(where, f"Overpass gave no roads: {reason}",
                                      "try again, or name a local extract: [roads] file = \"….osm.pbf\"") from error
    return graph, where
