"""Find the datum of facilities and people by roads and townships where the run file asks, and doubt a wrong one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from lifecircle.errors import ConfigError, InputError
from lifecircle.inputs.alignment import Ground, Verdict, judge
from lifecircle.inputs.cells import as_text
from lifecircle.inputs.files import transformer, way_to
from lifecircle.inputs.findings import Findings
from lifecircle.inputs.readings import Array, Reading, name_of, readings_of
from lifecircle.inputs.shapes import WGS84, datum_of, in_crs, read_raw
from lifecircle.roadnetwork import RoadNetwork
from lifecircle.runfile import RunFile
from lifecircle.sources import FileSource

#: Rows looked at, evenly spread over the file.
MOST_ROWS = 5_000

_Source = TypeVar("_Source", bound=FileSource)


def settle_datums(runfile: RunFile, network: RoadNetwork, townships: gpd.GeoDataFrame, area: shapely.Geometry,
                  findings: Findings) -> RunFile:
    """Find the datum of the facilities and people that say ``auto``, and test those that are stated.

    Parameters
    ----------
    runfile : RunFile
    network : RoadNetwork
    townships : GeoDataFrame
        In the CRS of the roads, as is `area`.
    area : Polygon or MultiPolygon
        District and buffer.
    findings : Findings
        Gets ``datum_found`` and ``datum_doubtful``, with the evidence.

    Returns
    -------
    RunFile
        With datum, system and order of the axes in place of every ``auto``.

    Raises
    ------
    ConfigError
        If an ``auto`` cannot be settled; the evidence is named.
    """
    prover = _Prover(runfile, Ground.of(network, townships, area), findings)

    def settled(source: _Source, layer: str = "") -> _Source:
        return findings.attempt(lambda: prover.settled(source, layer), "datum_unsettled") or source

    return runfile.model_copy(update={
        "people": settled(runfile.people),
        "facilities": tuple(settled(source, source.layer) for source in runfile.facilities)})


@dataclass(frozen=True)
class _Prover:
    runfile: RunFile
    ground: Ground
    findings: Findings

    def settled(self, source: _Source, layer: str = "") -> _Source:
        """Give a source with its datum; whatever else is wrong with the file is left to its reader to say."""
        if not source.file:
            return source
        path = self.runfile.resolve(source.file)
        try:
            frame = read_raw(path, source, Findings(collecting=True), layer=layer,
                             crs=WGS84 if source.datum == "auto" else None)
            frame = frame.iloc[np.unique(np.linspace(0, len(frame) - 1, MOST_ROWS).astype(np.int64))]
            frame = in_crs(frame, source.crs, path)
            with way_to(WGS84, path):
                transformer(name_of(frame.crs), WGS84)
        except InputError:
            return source
        xy = shapely.get_coordinates(shapely.centroid(frame.geometry.to_numpy()))
        datum = datum_of(frame, source)
        stated = None if datum == "auto" else Reading("wgs84" if datum == "cgcs2000" else datum, name_of(frame.crs),
                                                      source.swapped)
        lon, lat = transformer(self.ground.crs, WGS84).transform(*self.ground.area.centroid.coords[0])
        verdict = judge(xy, readings_of(xy, frame.crs, lon, lat, stated=stated), self.ground,
                        named_townships(frame, self.ground), trusted=stated)
        if stated is None:
            return self._found(source, path, layer, frame.crs, verdict)
        self._doubt(stated, path, layer, verdict)
        return source

    def _found(self, source: _Source, path: Path, layer: str, crs: CRS, verdict: Verdict) -> _Source:
        best, subject = verdict.best, f"layer {layer}: " if layer else ""
        if verdict.doubt or best is None:
            raise ConfigError(path, f"{subject}坐标系未定, the datum is not settled: {verdict.doubt} ({verdict})",
                              'ask where the coordinates come from and declare datum = "wgs84", "cgcs2000", "gcj02" '
                              '(Amap, Tencent) or "bd09" (Baidu), and crs where they are projected')
        if crs.is_projected and best.crs != name_of(crs):
            raise ConfigError(path, f"{subject}names {name_of(crs)}, but the coordinates are {best} ({verdict})",
                              f"correct the system: it is {best.crs}")
        self.findings.add("note", "datum_found", f"{subject}coordinates read as {best}; {verdict}", file=path.name,
                          layer=layer, value=best.keys, count=verdict.positions)
        return source.model_copy(update={"datum": best.datum, "crs": best.crs, "swapped": best.swapped})

    def _doubt(self, stated: Reading, path: Path, layer: str, verdict: Verdict) -> None:
        """Warn where another reading is proven, or where by the axes or system as stated nothing lies here."""
        best, subject = verdict.best, f"layer {layer}: " if layer else ""
        beyond = all((item.reading.crs, item.reading.swapped) != (stated.crs, stated.swapped)
                     for item in verdict.evidence)
        if best is None or best == stated or (verdict.doubt and not beyond):
            return
        self.findings.add("warn", "datum_doubtful", f"{subject}coordinates are stated to be {stated}, but lie as if "
                          f"they were {best}; {verdict}", file=path.name, layer=layer, value=stated.keys,
                          count=verdict.positions, remedy=f"ask where they come from; if so: {best.keys}")


def named_townships(frame: pd.DataFrame, ground: Ground) -> Array:
    """Give the place in ``ground.outlines`` of the township that a row names by code, name or place code; -1: none."""
    named = np.full(len(frame), -1)
    for column in ("place_code", "township", "township_code"):
        if column in frame.columns:
            text = as_text(frame[column])
            text = text.where((column != "place_code") & (text.str.len() != 9), text.str[:9] + "000")
            found = text.map(ground.township).fillna(-1).to_numpy(dtype=np.int64)
            named = np.where(found >= 0, found, named)
    return named
