"""Real roads to measure on: Andorra from the shared data, Wuhan from the source distribution of neatnet."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from lifecircle.inputs.osm import open_extract
from lifecircle.network.graph import mode_edges
from lifecircle.network.modes import MODES
from lifecircle.osmtags import CLASS_INDEX
from lifecircle.roadnetwork import RoadNetwork

ANDORRA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "andorra" / "andorra.osm.pbf"
NEATNET = "neatnet==0.1.6"
WUHAN = "neatnet-0.1.6/data/wuhan_8989/original.parquet"


def andorra() -> RoadNetwork | None:
    """Give the roads of the extract, as the product reads them, that a car may use; None where it is not there."""
    if not ANDORRA.is_file():
        return None
    network = open_extract(ANDORRA).roads("EPSG:32631")
    drivable = np.zeros(len(network), dtype=bool)
    drivable[mode_edges(network, MODES["car"]).segment] = True
    return network.take(drivable)  # facilities on footpaths would make every search a short one


def wuhan(*, download: bool) -> RoadNetwork | None:
    """Give the streets of Wuhan (OSM); each may be driven both ways, since the table says nothing about it."""
    archive = _archive(download)
    if archive is None:
        return None
    with tarfile.open(archive) as tar:
        streets = gpd.read_parquet(io.BytesIO(tar.extractfile(WUHAN).read()))
    ends, name = pd.factorize(np.concatenate([streets["u"], streets["v"]]))
    u, v = np.split(ends, 2)
    xy = np.empty((len(name), 2))
    lines = streets.geometry
    for end, at in ((u, 0), (v, -1)):
        xy[end] = lines.interpolate(abs(at), normalized=True).get_coordinates().to_numpy()
    kind = streets["highway"].map(lambda tag: CLASS_INDEX.get(tag, CLASS_INDEX["unclassified"])).to_numpy()
    return RoadNetwork.from_segments("EPSG:32650", xy, u, v, kind, source=NEATNET, length_m=lines.length.to_numpy())


def _archive(download: bool) -> Path | None:
    """Give the source distribution, kept from one run to the next."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lifecircle-bench"
    kept = cache / "neatnet-0.1.6.tar.gz"
    if kept.is_file() or not download:
        return kept if kept.is_file() else None
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest",
                   folder, NEATNET]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            return None
        next(Path(folder).glob("*.tar.gz")).replace(kept)
    return kept
