"""Find the OSM extract that a run file means; the reader of extracts is loaded only where one is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lifecircle.errors import ConfigError
from lifecircle.runfile import RunFile

if TYPE_CHECKING:
    from lifecircle.inputs.osm import OsmExtract

SUFFIXES = (".osm.pbf", ".pbf", ".osm", ".osm.xml", ".osm.gz", ".osm.bz2")


def extract_of(runfile: RunFile, file: str | None) -> OsmExtract:
    """Open the extract that a table of the run file names, by default that of the roads.

    Raises
    ------
    ConfigError
        If neither names one.
    """
    name = file or runfile.roads.file
    if not name or not name.lower().endswith(SUFFIXES):
        raise ConfigError(runfile.path, "osm = { … } names no file, and [roads] file is no OSM extract",
                          'add file = "….osm.pbf" to it')
    from lifecircle.inputs.osm import open_extract

    keys = {key for source in runfile.facilities for key in getattr(source.osm, "tags", {})}
    if runfile.people.osm:
        keys |= {"buildings": {"building"}, "residential": {"landuse"}}.get(runfile.people.weights or "", set())
    return open_extract(runfile.resolve(name), keys)
