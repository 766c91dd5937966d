"""Read roads, boundaries, places, water and tagged features from an OSM extract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import osmium
import pandas as pd
import shapely

from lifecircle.errors import ConfigError, EmptyTableError, InputError, UnreadableFileError
from lifecircle.inputs.extracts import SUFFIXES
from lifecircle.inputs.files import existing_file
from lifecircle.inputs.osmpbf import check_pbf
from lifecircle.inputs.osmscan import (
    WATER_KEYS,
    Feature,
    Relation,
    collect_features,
    is_boundary,
    is_water,
    is_water_area,
)
from lifecircle.inputs.osmways import Ways, read_ways
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.sources import TagFilter

Array = npt.NDArray[Any]

WGS84 = "EPSG:4326"


@dataclass(frozen=True)
class OsmExtract:
    """One extract; features are read once and kept.

    Attributes
    ----------
    path : Path
    keys : frozenset of str
        Tag keys of the features that will be asked for; they are read together.
    """

    path: Path
    keys: frozenset[str] = frozenset()

    # roads

    def ways(self) -> Ways:
        """Read the ways that are roads; they are read anew each time, since one study wants them once.

        Raises
        ------
        EmptyTableError
            If there is none.
        UnreadableFileError
            If the extract is broken.
        """
        with self._named():
            ways = read_ways(self.path)
        if not len(ways.ids):
            raise EmptyTableError(self.path, "the extract holds no road", "use an extract that covers the district")
        return ways

    def roads(self, crs: str) -> RoadNetwork:
        """Give every road of the extract in a projected CRS; raises what `ways` raises."""
        return self.ways().network(crs, source=self.path.name)

    # everything else

    def boundaries(self, admin_level: int) -> tuple[gpd.GeoDataFrame, list[Relation]]:
        """Give the administrative areas of one level, and the relations of that level that did not close.

        Returns
        -------
        GeoDataFrame
            osm_id (int), name, population (text), ref, geometry in EPSG:4326.
        list of Relation
        """
        level = str(admin_level)
        found = [item for item in self._features if item.dimension == 2 and is_boundary(item.tags)
                 and item.tags.get("admin_level") == level and item.kind == "r"]
        closed = {item.osm_id for item in found}
        unclosed = [relation for relation in self._relations if is_boundary(relation.tags)
                    and relation.admin_level == level and relation.osm_id not in closed]
        return _frame(found, ("name", "population", "ref")), unclosed

    def lines_present(self, relations: Iterable[Relation]) -> list[int]:
        """Count, for each relation, how many of its lines the extract holds."""
        relations = list(relations)
        wanted = frozenset[int]().union(*(relation.lines for relation in relations))
        ways = osmium.FileProcessor(str(self.path), osmium.osm.WAY)
        if min(wanted, default=0) >= 0:  # what JOSM has not uploaded is below 0, which the filter cannot hold
            ways = ways.with_filter(osmium.filter.IdFilter(wanted))
        there = {way.id for way in self._read(ways)} if wanted else set()
        return [len(relation.lines & there) for relation in relations]

    def admin_levels(self) -> dict[str, int]:
        """Count the closed administrative areas per level."""
        levels = [item.tags.get("admin_level", "") for item in self._features
                  if item.dimension == 2 and item.kind == "r" and is_boundary(item.tags)]
        return {level: levels.count(level) for level in sorted(set(levels), key=lambda text: (len(text), text))}

    def named_areas(self, name: str) -> gpd.GeoDataFrame:
        """Give the administrative areas of any level that bear a name (``name`` or ``name:…``)."""
        found = [item for item in self._features if item.dimension == 2 and is_boundary(item.tags)
                 and name in {text for key, text in item.tags.items() if key == "name" or key.startswith("name:")}]
        return _frame(found, ("name", "admin_level"))

    def features(self, tags: TagFilter) -> gpd.GeoDataFrame:
        """Give the nodes and areas that bear any of the tags.

        Parameters
        ----------
        tags : dict
            Key -> list of values, one value, or True for any value.

        Returns
        -------
        GeoDataFrame
            osm_id (text such as n12, w7, r3), tags (dict), geometry (Point or MultiPolygon) in EPSG:4326.
        """
        if not set(tags) <= self.keys:
            raise ConfigError(self.path, f"tag keys {sorted(set(tags) - self.keys)} were not announced",
                              "open the extract with them")
        wanted = {key: None if value is True else {value} if isinstance(value, str) else set(value or ())
                  for key, value in tags.items() if value is not False}
        found = [item for item in self._features if item.dimension != 1 and _matches(item.tags, wanted)]
        frame = _frame(found, ())
        return frame.assign(osm_id=[f"{item.kind}{item.osm_id}" for item in found], tags=[item.tags for item in found])

    def places(self) -> gpd.GeoDataFrame:
        """Give the place nodes.

        Returns
        -------
        GeoDataFrame
            osm_id (int), name, place (kind), population (text), geometry (Point) in EPSG:4326.
        """
        found = [item for item in self._features if item.dimension == 0 and "place" in item.tags]
        return _frame(found, ("name", "place", "population"))

    def water(self) -> gpd.GeoDataFrame:
        """Give water areas and the lines of rivers and canals; those in tunnels are left out.

        Returns
        -------
        GeoDataFrame
            osm_id, geometry (polygons and lines) in EPSG:4326.
        """
        return _frame([item for item in self._features if is_water(item)], ())

    def open_water(self) -> list[Relation]:
        """Give the relations of water that did not close, so that `water` lacks them."""
        closed = {item.osm_id for item in self._features if item.kind == "r"}
        return [relation for relation in self._relations
                if is_water_area(relation.tags) and relation.osm_id not in closed]

    @cached_property
    def _features(self) -> list[Feature]:
        return self._scan[0]

    @cached_property
    def _relations(self) -> list[Relation]:
        return self._scan[1]

    @cached_property
    def _scan(self) -> tuple[list[Feature], list[Relation]]:
        keys = osmium.filter.KeyFilter(*sorted({"boundary", "place", *WATER_KEYS, *self.keys}))
        with self._named():
            if self.path.name.lower().endswith(".pbf"):
                check_pbf(self.path)
            processor = osmium.FileProcessor(str(self.path)).with_areas(keys).with_filter(keys)
            return collect_features(processor, self.keys)

    def _read(self, processor: Any) -> Iterator[Any]:
        """Go through an extract and name the file when it breaks."""
        with self._named():
            yield from processor

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # libosmium's errors have no base of their own
            raise UnreadableFileError(self.path, f"the extract is broken: {error}", "fetch it again") from error


def _matches(tags: dict[str, str], wanted: dict[str, set[str] | None]) -> bool:
    """Tell whether tags hold any of the wanted ones; several values of one tag are split at ``;``."""
    return any(key in tags and (values is None or not values.isdisjoint(part.strip() for part in tags[key].split(";")))
               for key, values in wanted.items())


def _frame(found: list[Feature], columns: tuple[str, ...]) -> gpd.GeoDataFrame:
    data = {"osm_id": np.array([item.osm_id for item in found], dtype=np.int64)}
    table = pd.DataFrame(data).assign(**{
        name: pd.Series([item.tags.get(name, "") for item in found], dtype="str") for name in columns})
    shapes = shapely.from_wkb(np.array([item.wkb for item in found], dtype=object))
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, crs=WGS84))


@lru_cache(maxsize=2)
def _cached(path: Path, _changed_ns: int, _size: int, keys: frozenset[str]) -> OsmExtract:
    return OsmExtract(path, keys)


def open_extract(path: str | Path, keys: Iterable[str] = ()) -> OsmExtract:
    """Open an extract; the same unchanged file with the same keys is read once per process.

    Parameters
    ----------
    path : str or Path
        .osm.pbf, .osm or .osm.xml, also packed with gzip or bzip2.
    keys : iterable of str
        Tag keys of the features that will be asked for.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If it is not there or has another type.
    """
    path = existing_file(path)
    if not path.name.lower().endswith(SUFFIXES):
        raise UnreadableFileError(path, "is no OSM extract", f"use a file of type {', '.join(SUFFIXES)}")
    state = path.stat()
    return _cached(path, state.st_mtime_ns, state.st_size, frozenset(keys))
