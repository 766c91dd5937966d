"""Ask Overpass for roads, through OSMnx, and leave OSMnx's settings as they were."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import geopandas as gpd
import shapely

from lifecircle.errors import UnreadableFileError
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
    polygon = gpd.GeoSeries([outline], crs=crs).to_crs("EPSG:4326").iloc[0]
    own = {"overpass_url": url.removesuffix("/interpreter"), "overpass_rate_limit": False} if url else {}
    with osmnx_settings(**own) as osmnx:
        where = osmnx.settings.overpass_url
        try:
            graph = osmnx.graph_from_polygon(polygon, network_type="all", custom_filter=FILTERS, simplify=False,
                                             retain_all=True, truncate_by_edge=True)
        except Exception as error:  # requests, OSMnx and json each have their own
            reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
            raise UnreadableFileError(where, f"Overpass gave no roads: {reason}",
                                      "try again, or name a local extract: [roads] file = \"….osm.pbf\"") from error
    return RoadNetwork.from_networkx(graph, crs=crs, source=source or where, quality=quality)
