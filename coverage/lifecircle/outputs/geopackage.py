"""Write the answer as one GeoPackage for QGIS, and read its layers back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from lifecircle.assessment import Assessment
from lifecircle.errors import MissingFileError, UnreadableFileError
from lifecircle.outputs.disclosure import published
from lifecircle.outputs.qgis import describe_layers, style_table
from lifecircle.outputs.tables import clean_text

#: Layers that come back as they went in; ``gaps`` is only for the map, its table is gaps.csv.
STUDY_LAYERS: tuple[str, ...] = ("townships", "places", "facilities", "service_areas", "ground", "critical_links",
                                 "routes")
#: Layer -> where its polygons are kept: QGIS opens and styles a layer only where all shapes are of one kind.
OUTLINES: dict[str, str] = {"facilities": "facility_outlines", "ground": "water"}
#: Indicator -> prefix of the township column that shows its headline figure.
TOWNSHIP_FIGURES: dict[str, str] = {
    "coverage_rate": "coverage", "people_out": "people_out", "area_per_head_m2": "m2_per_head",
}
#: The shapes of layers that may be empty; the others have areas.
_KINDS: dict[str, str] = {"facilities": "Point", "gaps": "Point", "sites": "Point", "ground": "LineString",
                          "critical_links": "LineString", "changed_roads": "LineString", "routes": "LineString"}
#: The date that GDAL writes instead of today's, so that the same answer gives the same bytes.
_FIXED_DATE = "2000-01-01T00:00:00.000Z"
#: Of GeoPackage; QGIS of Debian and of offices does not know later ones in full.
_VERSION = "1.3"


def write_geopackage(assessment: Assessment, path: str | Path) -> None:
    """Write townships, places, facilities, service areas, gaps and ground in EPSG:4326.

    Facilities are points; those known by their outline have it in ``facility_outlines`` too. ``ground`` holds lines,
    ``water`` what of it has an area.

    Townships carry ``coverage_<layer>``, ``people_out_<layer>``, ``m2_per_head_<layer>``, ``verdict_<layer>`` and
    ``findings_<layer>``, how many findings cast doubt on the figures. The same assessment gives the same bytes.

    Parameters
    ----------
    assessment : Assessment
    path : str or Path
        Replaced if it is there; for a write that survives a crash see `write_run`.
    """
    assessment, path = published(assessment), Path(path)
    path.unlink(missing_ok=True)
    layers = {
        "townships": with_figures(assessment),
        "places": assessment.places,
        **_apart(assessment.facilities, "facilities"),
        "service_areas": assessment.service_areas,
        "gaps": gap_points(assessment),
        **_apart(assessment.ground, "ground"),
        "critical_links": assessment.critical_links,
        "routes": assessment.routes,
        **({"changed_roads": assessment.changed_roads} if "scenario" in assessment.run else {}),
    }
    if assessment.siting:
        layers["sites"] = assessment.sites
    with _fixed_date():
        for name, frame in layers.items():
            _write_layer(frame, path, name)
        pyogrio.write_dataframe(style_table(layers, assessment), path, layer="layer_styles", driver="GPKG", append=True)
    describe_layers(path, layers, assessment)


def read_geopackage(path: str | Path, crs: str, layers: dict[str, str], *, also: tuple[str, ...] = (),
                    ) -> dict[str, gpd.GeoDataFrame]:
    """Read the layers of the study back.

    Parameters
    ----------
    path : str or Path
    crs : str
        CRS to bring them to.
    layers : dict
        Facility layers of the run; figures of townships that were added for show are taken off again.
    also : tuple of str
        Further layers to read.

    Raises
    ------
    MissingFileError, UnreadableFileError
        If it is not there, or not a GeoPackage of this kind.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingFileError(path, "no such file", "run the district again")
    try:
        found = {name: gpd.read_file(path, layer=name).to_crs(crs)
                 for name in (*STUDY_LAYERS, *OUTLINES.values(), *also)}
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise UnreadableFileError(path, f"cannot be read: {error}", "run the district again") from error
    shown = [f"{prefix}_{layer}" for prefix in (*TOWNSHIP_FIGURES.values(), "verdict", "findings") for layer in layers]
    found["townships"] = found["townships"].drop(columns=shown, errors="ignore")
    for name, outlines in OUTLINES.items():
        found[name] = _together(found[name], found.pop(outlines))
    return found


def _apart(frame: gpd.GeoDataFrame, name: str) -> dict[str, gpd.GeoDataFrame]:
    """Give a layer of points or lines, and beside it the polygons; ``row`` tells which row an outline belongs to."""
    area = (frame.geom_type.isin(["Polygon", "MultiPolygon"])).to_numpy()
    outlines = frame[area].assign(row=np.flatnonzero(area))
    if name == "facilities":  # the outline is a second view of a row that stands among the points
        return {name: frame.set_geometry(frame.geometry.where(~area, frame.representative_point())),
                OUTLINES[name]: outlines[["facility_id", "layer", "name", "row", frame.geometry.name]]}
    return {name: frame[~area], OUTLINES[name]: outlines}


def _together(frame: gpd.GeoDataFrame, outlines: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Undo `_apart`."""
    rows = outlines["row"].to_numpy(dtype=np.int64)
    if "facility_id" in outlines.columns:
        shapes = frame.geometry.to_numpy().copy()
        drawn = outlines.geometry.to_numpy()  # every outline was made a multipolygon
        shapes[rows] = np.where(shapely.get_num_geometries(drawn) == 1, shapely.get_geometry(drawn, 0), drawn)
        return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    if len(rows) == 0:
        return frame
    order = np.full(len(frame) + len(rows), -1, dtype=np.int64)
    order[rows] = len(frame) + np.arange(len(rows))
    order[order < 0] = np.arange(len(frame))
    both = pd.concat([frame, outlines.drop(columns="row")], ignore_index=True)
    return gpd.GeoDataFrame(both.iloc[order].reset_index(drop=True), crs=frame.crs)


def headline_figures(assessment: Assessment, indicator: str) -> pd.DataFrame:
    """Give one headline row per township and layer (class ``all``), the district's among them."""
    rows = assessment.headline(indicator)
    rows = rows[(rows["class"] == "all") & (rows["level"] == "all")]
    return rows.drop_duplicates(["township_code", "layer"])


def with_figures(assessment: Assessment) -> gpd.GeoDataFrame:
    """Give the townships with their headline figures and marks, one column per figure and layer."""
    townships = assessment.townships
    for indicator, prefix in TOWNSHIP_FIGURES.items():
        rows = headline_figures(assessment, indicator)
        for layer, part in rows.groupby("layer", sort=False):
            by_code = part.set_index("township_code")
            townships = townships.assign(
                **{f"{prefix}_{layer}": townships["township_code"].map(by_code["value"]).astype(float)})
            if indicator == "coverage_rate":
                verdict = townships["township_code"].map(by_code["verdict"]).fillna("")
                townships = townships.assign(**{f"verdict_{layer}": verdict})
    marks = assessment.marks.pivot(index="township_code", columns="layer", values="findings")
    counts = marks.reindex(index=townships["township_code"], columns=list(assessment.layers)).fillna(0).astype(int)
    return townships.assign(**{f"findings_{layer}": counts[layer].to_numpy() for layer in assessment.layers})


def gap_points(assessment: Assessment) -> gpd.GeoDataFrame:
    """Give the gap list as points: in the place, else in the township."""
    at_place = dict(zip(assessment.places["place_code"], assessment.places.representative_point(), strict=True))
    at_township = dict(zip(assessment.townships["township_code"], assessment.townships.representative_point(),
                           strict=True))
    codes = zip(assessment.gaps["place_code"], assessment.gaps["township_code"], strict=True)
    points = [at_place.get(place) or at_township.get(township) for place, township in codes]
    return gpd.GeoDataFrame(assessment.gaps, geometry=gpd.GeoSeries(points, index=assessment.gaps.index,
                                                                     crs=assessment.run["crs"]))


@contextmanager
def _fixed_date() -> Iterator[None]:
    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _FIXED_DATE})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def _write_layer(frame: gpd.GeoDataFrame, path: Path, name: str) -> None:
    table = frame.to_crs("EPSG:4326").reset_index(drop=True)
    for column in table.columns.drop(table.geometry.name):
        values = table[column]
        if pd.api.types.is_float_dtype(values.dtype):
            table[column] = values.replace([np.inf, -np.inf], np.nan)
        elif not pd.api.types.is_numeric_dtype(values.dtype):
            table[column] = clean_text(values)
    kinds = set(table.geometry.dropna().geom_type) or {_KINDS.get(name, "MultiPolygon")}
    single = {kind.removeprefix("Multi") for kind in kinds}
    many = kinds != single or single == {"Polygon"}
    geometry_type = ("Multi" * many + single.pop()) if len(single) == 1 else "Unknown"
    new = {} if path.exists() else {"dataset_options": {"VERSION": _VERSION}}
    pyogrio.write_dataframe(table, path, layer=name, driver="GPKG", append=path.exists(), geometry_type=geometry_type,
                            promote_to_multi=geometry_type.startswith("Multi"), **new)
