"""Write a run directory, whole or not at all, and read it back."""

from __future__ import annotations

import fnmatch
import json
import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from lifecircle.assessment import Assessment, Surface, find_layer
from lifecircle.errors import InputError, MissingFileError, UnreadableFileError, UsageError
from lifecircle.inputs.findings import Finding
from lifecircle.outputs.atomic import begin, commit, hold
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.geopackage import read_geopackage, write_geopackage
from lifecircle.outputs.maps import save_map
from lifecircle.outputs.sitescenario import scenario_toml
from lifecircle.outputs.tables import ORDER, csv_text, plain_value, read_csv, write_csv

#: What a run owns in its directory; anything else there is the user's and is kept.
OWN_FILES: tuple[str, ...] = (
    "run.json", "timing.json", "findings.json", "results.csv", "gaps.csv", "long_legs.csv", "roads_quality.csv",
    "marks.csv", "critical_links.csv", "places_services.csv", "circles.csv", "scorecard.csv", "ranking.csv",
    "priority.csv", "gains.csv", "sites.csv", "sites.toml", "site.json", "reach.parquet", "demand.parquet",
    "lifecircle.gpkg", "lifecircle.gpkg-*",
    ".lifecircle.new.gpkg*", "surface_*.tif", "map.html", ".map.html.new", "report.xlsx", "report.docx", "sheets",
)
#: Tables of an assessment that hold the plan's answers, each in a file of its name.
_PLAN_TABLES: tuple[str, ...] = ("circles", "scorecard", "ranking", "priority")


def write_run(assessment: Assessment, directory: str | Path) -> Path:
    """Write every output of an assessment into a directory.

    The directory appears whole: everything is written beside it and put into its place in one step, so a crash leaves
    the earlier run as it was. The same assessment gives the same bytes, but for ``timing.json``.

    Parameters
    ----------
    assessment : Assessment
    directory : str or Path
        New, empty, or an earlier run, which is replaced; files in it that are not a run's are kept.

    Returns
    -------
    Path
        The directory.

    Raises
    ------
    UsageError
        If the directory holds something else.
    InputError
        If another process writes into it, or it cannot be written (folder read-only, disk full).
    """
    directory = Path(directory).resolve()
    check_target(directory)
    with hold(directory):
        try:
            new = begin(directory)
            _write_files(published(assessment), new)
            _keep_foreign_files(directory, new)
            commit(directory)
        except (OSError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
            raise InputError(directory, f"cannot be written: {error}",
                             "make room or choose another directory; an earlier run there is untouched") from error
    return directory


def check_target(directory: str | Path) -> None:
    """Make sure, before the work begins, that a run may be written into a directory.

    Raises
    ------
    UsageError
        If it is a file, or holds something but no ``run.json``.
    InputError
        If another process writes into it, or the folder around it cannot be written.
    """
    directory = Path(directory).resolve()
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is a file, not a directory; choose another --out")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / "run.json").is_file():
        raise UsageError(f"{directory} is not empty and holds no run.json, so it is not replaced; choose another --out")
    with hold(directory):
        pass


def read_run(directory: str | Path, *, surfaces: bool = False) -> Assessment:
    """Read a run directory back.

    Parameters
    ----------
    directory : str or Path
    surfaces : bool
        Also read the rasters of travel time.

    Returns
    -------
    Assessment
        As published: without small numbers of priority groups, geometries in ``run["crs"]``.

    Raises
    ------
    MissingFileError
        If it is no run directory, or a file of it is gone.
    UnreadableFileError
        If a file of it is damaged.
    """
    directory = _run_directory(directory)
    run = _read_json(directory / "run.json")
    try:
        return _assemble(directory, run, surfaces)
    except (KeyError, TypeError) as error:
        raise UnreadableFileError(directory / "run.json", f"is not of this version ({type(error).__name__}: {error})",
                                  "run the district again") from error


def read_gaps(directory: str | Path) -> pd.DataFrame:
    """Read only the gap list of a run directory.

    Raises
    ------
    MissingFileError, UnreadableFileError
        As for `read_run`.
    """
    return read_csv(_run_directory(directory) / "gaps.csv")


def layer_of(directory: str | Path, name: str) -> str:
    """Find the layer of a run directory that somebody means by its key or its label.

    Raises
    ------
    MissingFileError, UnreadableFileError
        As for `read_run`.
    UsageError
        As for `find_layer`.
    """
    return find_layer(name, _read_json(_run_directory(directory) / "run.json")["layers"], directory)


def read_marks(directory: str | Path) -> pd.DataFrame:
    """Read only the marks of a run directory: which figures are in doubt.

    Raises
    ------
    MissingFileError, UnreadableFileError
        As for `read_run`.
    """
    return read_csv(_run_directory(directory) / "marks.csv")


def read_scorecard(directory: str | Path, township: str = "") -> pd.DataFrame:
    """Read only the scorecard of a run directory: of the district, or of one township by code or name.

    Raises
    ------
    MissingFileError, UnreadableFileError
        As for `read_run`.
    UsageError
        If the run knows no such township, or has no plan.
    """
    table = read_csv(_run_directory(directory) / "scorecard.csv")
    if table.empty:
        raise UsageError(f'{directory}: the run has no plan; name one in the run file: [plan] file = "plan.toml"')
    chosen = table["township_code"] == table["township_code"].iloc[-1]
    if township:
        chosen = (table["township_code"] == township) | (table["township"] == township)
    if not chosen.any():
        names = ", ".join(sorted(set(table["township"]))[:12])
        raise UsageError(f"{directory}: no township {township}; there are {names}")
    return table[chosen]


def mark_again(directory: str | Path) -> None:
    """Bring the marks of a run directory in step with its findings, wherever they are written or drawn.

    Raises
    ------
    MissingFileError, UnreadableFileError
        As for `read_run`.
    """
    directory = _run_directory(directory)
    assessment = read_run(directory)
    if csv_text(read_marks(directory)) == csv_text(assessment.marks):
        return
    new = directory / ".lifecircle.new.gpkg"
    write_geopackage(assessment, new)
    new.replace(directory / "lifecircle.gpkg")
    save_map(assessment, directory / "map.html")
    write_csv(assessment.marks, directory / "marks.csv")


def _tables_of(run: dict[str, Any]) -> tuple[str, ...]:
    """Name the tables that have a file of their name: those of the plan, and of a scenario what it gains."""
    return (*_PLAN_TABLES, "gains") if "scenario" in run else _PLAN_TABLES


def _assemble(directory: Path, run: dict[str, Any], surfaces: bool) -> Assessment:
    siting = _read_siting(directory)
    layers = read_geopackage(directory / "lifecircle.gpkg", run["crs"], run["layers"],
                             also=("changed_roads",) * ("scenario" in run) + ("sites",) * bool(siting))
    return Assessment(
        run=run, **layers, **siting, demand=_read_demand(directory / "demand.parquet", run["crs"]),
        results=read_csv(directory / "results.csv"), gaps=read_csv(directory / "gaps.csv"),
        road_quality=read_csv(directory / "roads_quality.csv"),
        **{name: read_csv(directory / f"{name}.csv") for name in _tables_of(run)},
        findings=[Finding(**item) for item in _read_json(directory / "findings.json")],
        surfaces={layer: _read_surface(directory / f"surface_{layer}.tif") for layer in run["layers"]
                  if surfaces and (directory / f"surface_{layer}.tif").is_file()},
        timing=_read_json(directory / "timing.json"),
    )


def _read_siting(directory: Path) -> dict[str, Any]:
    """Read the question and the answer of where to build; nothing where nobody asked."""
    if not (directory / "site.json").is_file():
        return {}
    return {"siting": _read_json(directory / "site.json"), "reach": _read_parquet(directory / "reach.parquet", pd)}


def _run_directory(directory: str | Path) -> Path:
    """Give the path of a run directory, or say that it is none."""
    directory = Path(directory)
    if not (directory / "run.json").is_file():
        what = "is no run directory (no run.json in it)" if directory.is_dir() else "no such directory"
        raise MissingFileError(directory, what, "make one with: lifecircle run RUNFILE --out DIR")
    return directory


def _write_files(assessment: Assessment, new: Path) -> None:
    """Write all files; the map is drawn from what was written, so that drawing it again gives the same."""
    with ThreadPoolExecutor(1) as beside:
        surfaces = beside.submit(_write_surfaces, assessment, new)  # to compress them takes long, and no Python
        _write_json(assessment.timing, new / "timing.json")
        _write_json([finding.as_dict() for finding in assessment.findings], new / "findings.json")
        write_csv(assessment.results, new / "results.csv", order=ORDER["results"])
        write_csv(assessment.gaps, new / "gaps.csv", order=ORDER["gaps"])
        write_csv(assessment.marks, new / "marks.csv")
        write_csv(assessment.long_legs, new / "long_legs.csv")
        write_csv(assessment.road_quality, new / "roads_quality.csv")
        write_csv(assessment.places_services, new / "places_services.csv")
        for name in _tables_of(assessment.run):
            write_csv(getattr(assessment, name), new / f"{name}.csv")
        write_csv(pd.DataFrame(assessment.critical_links.drop(columns="geometry")), new / "critical_links.csv")
        assessment.demand.to_crs("EPSG:4326").reset_index(drop=True).to_parquet(new / "demand.parquet", index=False)
        if assessment.siting:
            _write_json(assessment.siting, new / "site.json")
            write_csv(pd.DataFrame(assessment.sites.drop(columns="geometry")), new / "sites.csv")
            title = f"{len(assessment.sites)} new: {', '.join(assessment.siting['layers'])}"
            policy = assessment.run["policy"]["policy"]
            (new / "sites.toml").write_text(scenario_toml(assessment.sites, title, policy), encoding="utf-8")
            assessment.reach.to_parquet(new / "reach.parquet", index=False)
        write_geopackage(assessment, new / "lifecircle.gpkg")
        _write_json(assessment.run, new / "run.json")
        save_map(read_run(new), new / "map.html")
        surfaces.result()


def _write_surfaces(assessment: Assessment, new: Path) -> None:
    for layer, surface in assessment.surfaces.items():
        _write_surface(surface, assessment.run["crs"], new / f"surface_{layer}.tif")


def _keep_foreign_files(directory: Path, new: Path) -> None:
    for item in sorted(directory.iterdir()) if directory.is_dir() else []:
        if any(fnmatch.fnmatch(item.name, pattern) for pattern in OWN_FILES):
            continue
        if item.is_dir() and not item.is_symlink():
            shutil.copytree(item, new / item.name, symlinks=True)
        else:
            shutil.copy2(item, new / item.name, follow_symlinks=False)


def _write_json(content: Any, path: Path) -> None:
    text = json.dumps(plain_value(content), ensure_ascii=False, indent=1, allow_nan=False, default=str)
    path.write_bytes(text.encode("utf-8") + b"\n")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MissingFileError(path, "no such file", "run the district again") from error
    except (OSError, ValueError) as error:
        raise UnreadableFileError(path, f"cannot be read: {error}", "run the district again") from error


def _read_demand(path: Path, crs: str) -> gpd.GeoDataFrame:
    return _read_parquet(path, gpd).to_crs(crs)


def _read_parquet(path: Path, reader: Any) -> Any:
    """Read a table by pandas, or one with geometry by geopandas."""
    import pyarrow

    if not path.is_file():
        raise MissingFileError(path, "no such file", "run the district again")
    try:
        return reader.read_parquet(path)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise UnreadableFileError(path, f"cannot be read: {error}", "run the district again") from error


def _write_surface(surface: Surface, crs: str, path: Path) -> None:
    import rasterio

    bands, rows, columns = surface.minutes.shape
    to_metres = rasterio.Affine(surface.cell_m, 0.0, surface.west_m, 0.0, -surface.cell_m, surface.north_m)
    with rasterio.open(path, "w", driver="GTiff", count=bands, height=rows, width=columns, dtype="float32", crs=crs,
                       nodata=math.nan, compress="deflate", predictor=3, tiled=True, blockxsize=256, blockysize=256,
                       transform=to_metres) as file:
        file.write(surface.minutes.astype(np.float32, copy=False))
        for band, mode in enumerate(surface.modes, start=1):
            file.set_band_description(band, mode)
            file.set_band_unit(band, "min")


def _read_surface(path: Path) -> Surface:
    import rasterio

    try:
        with rasterio.open(path) as file:
            return Surface(tuple(file.descriptions), file.read(), file.transform.c, file.transform.f, file.transform.a)
    except rasterio.errors.RasterioError as error:
        raise UnreadableFileError(path, f"cannot be read: {error}", "run the district again") from error
