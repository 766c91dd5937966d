"""Hold the district of the served run warm, and let one question at a time be asked of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

import anyio.to_thread
import geopandas as gpd
import shapely

from lifecircle.errors import LifecircleError
from lifecircle.live import Live
from lifecircle.outputs.estimate import with_estimated_groups
from lifecircle.outputs.rundir import read_run
from lifecircle.verify import reread
from lifecircle_api.errors import NotReadyError
from lifecircle_api.settings import Settings

#: So many questions may wait; a page that is dragged on asks its next one when the last is answered.
MOST_WAITING = 16
_STOP_S = 5.0
_THIN_M = 20.0
_log = logging.getLogger("uvicorn.error")
T = TypeVar("T")


class LiveRun:
    """The served run, solved again from its inputs in a thread of its own.

    Attributes
    ----------
    status : str
        ``starting``, ``ready`` or ``unavailable``.
    reason : str
        Why it is unavailable.
    extent : tuple of float or None
        West, south, east and north of where facilities may stand, in degrees; None until that is known.
    rings : list of list of (lon, lat)
        Its rings, a little within.
    """

    def __init__(self, settings: Settings) -> None:
        self.status: Literal["starting", "ready", "unavailable"] = "unavailable"
        self.reason = "what-if answers are switched off (LIFECIRCLE_API_LIVE)"
        self.extent: tuple[float, float, float, float] | None = None
        self.rings: list[list[tuple[float, float]]] = []
        self._settings = settings
        self._live: Live | None = None
        self._thread: threading.Thread | None = None
        self._limiter: anyio.CapacityLimiter | None = None

    def start(self) -> None:
        """Begin to read and solve; the service answers meanwhile."""
        self.status, self.reason = "starting", ""
        self._thread = threading.Thread(target=self._warm, name="live", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Wait a little for what is being read."""
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def _warm(self) -> None:
        folder = Path()
        try:
            published = read_run(self._settings.run)
            folder = folder_of_inputs(published.run, self._settings)
            study = reread(published.run, folder, allow=self._settings.allow)
            live = Live.of(with_estimated_groups(study, published)).warm()
            area = study.outline.buffer(study.buffer_m)
            self._area = shapely.prepared.prep(area)
            self.extent, self.rings = _extent(area, study.crs), _rings(area, study.crs)
            self._live, self.status = live, "ready"
        except LifecircleError as error:
            self.status, self.reason = "unavailable", str(error).replace(f"{folder}/", "")
            _log.warning("no what-if answers: %s", error)
        except Exception:
            self.status, self.reason = "unavailable", "the district could not be solved again; see the service's log"
            _log.exception("no what-if answers")

    @property
    def live(self) -> Live:
        """Give the district.

        Raises
        ------
        NotReadyError
            If it is not solved yet, or cannot be.
        """
        if self._live is None:
            if self.status == "starting":
                raise NotReadyError("the district is being read; see /live", retry_s=5)
            raise NotReadyError(f"no what-if answers: {self.reason}")
        return self._live

    def holds(self, points: gpd.GeoSeries) -> list[bool]:
        """Tell which points of the study's CRS lie in the district or its buffer."""
        return [bool(self._area.intersects(point)) for point in points]

    async def ask(self, question: Callable[..., T], *arguments: Any) -> T:
        """Call a function that takes this and `arguments`, one at a time and beside the service's own thread.

        Raises
        ------
        NotReadyError
            If the district is not solved, or too many wait.
        """
        _ = self.live
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(1)
        if self._limiter.statistics().tasks_waiting >= MOST_WAITING:
            raise NotReadyError("too many questions at once", retry_s=1)
        return await anyio.to_thread.run_sync(partial(question, self, *arguments), limiter=self._limiter)


def folder_of_inputs(run: dict[str, Any], settings: Settings) -> Path:
    """Find the folder that a run's inputs are named from: that of the run file, else where most of them lie.

    Whether they are those of the run, their hashes tell.
    """
    if settings.runfile is not None:
        return settings.runfile.resolve().parent
    places = [Path.cwd(), *settings.run.resolve().parents[:3]]
    near = [folder for place in places for folder in (place, place / "data")]
    return max(near, key=lambda folder: sum((folder / item["file"]).exists() for item in run["inputs"]))


def _rings(area: shapely.Geometry, crs: str) -> list[list[tuple[float, float]]]:
    """Give the rings of an area, thinned and so far within that no point in them lies outside."""
    within = area.buffer(-1.5 * _THIN_M).simplify(_THIN_M)
    parts = shapely.get_parts(gpd.GeoSeries([area if within.is_empty else within], crs=crs).to_crs("EPSG:4326").iloc[0])
    return [[(round(lon, 6), round(lat, 6)) for lon, lat in shapely.get_coordinates(ring)]
            for part in parts for ring in shapely.get_rings(part)]


def _extent(area: shapely.Geometry, crs: str) -> tuple[float, float, float, float]:
    west, south, east, north = gpd.GeoSeries([area], crs=crs).to_crs("EPSG:4326").total_bounds
    return float(west), float(south), float(east), float(north)
