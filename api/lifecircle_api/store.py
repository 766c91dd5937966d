"""Hold a finished run in memory, encoded once, in the shapes the routes answer with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from lifecircle.assessment import Assessment
from lifecircle.inputs.findings import Finding, split_codes
from lifecircle.inputs.titles import titled
from lifecircle.marks import touching
from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.outputs.maps import map_html
from lifecircle.outputs.rundir import read_run
from lifecircle.outputs.tables import csv_text, records
from lifecircle_api.errors import NotFoundError, ParameterError
from lifecircle_api.models import Figures, Layer
from lifecircle_api.page import File, page_data

Array = npt.NDArray[Any]
#: What gaps can be sorted by, biggest first (townships: by code); ties by the columns of `TIES`.
SORTS: tuple[str, ...] = ("people_out", "people", "minutes_over", "township_code")
TIES: tuple[str, ...] = ("township_code", "place_code", "layer", "kind", "level", "metric")
#: Indicators that a township shows per layer.
FIGURES: tuple[str, ...] = ("people", "people_in_time", "people_out", "people_undetermined", "coverage_rate",
                            "area_per_head_m2")


def encode(content: Any) -> bytes:
    """Give a value as JSON; a number that is none is an error, as JSON has no word for it."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def envelope(head: dict[str, Any], name: str, rows: Iterable[bytes]) -> bytes:
    """Give a JSON object: the keys of `head`, and under `name` the list of rows that are already encoded."""
    return encode(head)[:-1] + b"," + encode(name) + b":[" + b",".join(rows) + b"]}"


@dataclass(frozen=True)
class Rows:
    """The rows of a table, each encoded, and the columns by which they are chosen."""

    table: pd.DataFrame
    json: Sequence[bytes]

    def positions(self, **wanted: str | None) -> Array:
        """Give the positions of the rows that hold what is wanted; None stands for anything."""
        keep = np.ones(len(self.table), dtype=bool)
        for column, value in wanted.items():
            if value is not None:
                keep &= (self.table[column] == value).to_numpy(dtype=bool)
        return np.flatnonzero(keep)


@dataclass(frozen=True)
class Store:
    """A run, ready to answer.

    Attributes
    ----------
    stamp : dict
        What every answer carries: run_id, quality, and the notice where it is model data.
    title : str
    layers, townships, gaps, areas : Rows
    findings : list of Finding
        Stops first, then warnings, then notes.
    gap_lines : list of bytes
        The gaps as lines of CSV, the header first.
    gap_order : dict
        Sort -> positions of all gaps in that order.
    map_html : bytes
    marks : dict
        (township, layer) -> codes of the findings that cast doubt on the layer there.
    page : File
        The run as the planner's page draws it.
    """

    stamp: dict[str, Any]
    title: str
    layers: Rows
    townships: Rows
    gaps: Rows
    areas: Rows
    findings: list[Finding]
    gap_lines: list[bytes]
    gap_order: dict[str, Array]
    map_html: bytes
    marks: dict[tuple[str, str], list[str]]
    page: File

    @classmethod
    def open(cls, directory: Path) -> Store:
        """Read a run directory.

        Raises
        ------
        InputError
            If it is no run directory, or a file of it is damaged.
        """
        assessment = read_run(directory)
        run, page = assessment.run, directory / "map.html"
        stamp = {"run_id": run["run_id"], "quality": run["quality"],
                 "notice": MODEL_MARK if run["quality"] == "model" else None}
        gaps = assessment.gaps.reset_index(drop=True)
        return cls(
            stamp=stamp, title=f"lifecircle: {run['district']['name']}", layers=_rows(layer_table(assessment)),
            townships=_rows(township_table(assessment)),
            gaps=_rows(gaps.assign(findings=_codes_of(gaps, assessment))), areas=_areas(assessment),
            findings=assessment.findings,
            gap_lines=csv_text(gaps).encode().splitlines(keepends=True),
            gap_order={name: _order(gaps, name) for name in SORTS},
            map_html=page.read_bytes() if page.is_file() else map_html(assessment).encode(),
            marks={(row.township_code, row.layer): split_codes(row.codes) for row in assessment.marks.itertuples()},
            page=File(encode(page_data(assessment, stamp)), "application/json"))

    def find_gaps(self, *, township: str | None = None, layer: str | None = None, kind: str | None = None,
                  min_people: float = 0.0, sort: str = SORTS[0]) -> Array:
        """Give the positions of gaps, in order.

        Raises
        ------
        NotFoundError, ParameterError
            If the run knows no such township; no such layer.
        """
        if township is not None and not len(self.townships.positions(township_code=township)):
            raise NotFoundError(f"no township {township} in this run; see /townships")
        self.check_layer(layer)
        keep = np.zeros(len(self.gaps.table), dtype=bool)
        keep[self.gaps.positions(township_code=township, layer=layer, kind=kind)] = True
        if min_people > 0:
            keep &= (self.gaps.table[["people_out", "people_undetermined"]].sum(axis=1) >= min_people).to_numpy()
        order = self.gap_order[sort]
        return order[keep[order]]

    def find_findings(self, *, layer: str | None = None, township: str | None = None) -> Rows:
        """Give the findings that touch a layer in a township.

        Raises
        ------
        ParameterError
            If the run knows no such layer or township.
        """
        self.check_layer(layer)
        if township is not None and not len(self.townships.positions(township_code=township)):
            raise ParameterError(f"township: the run has no township {township}; see /townships")
        return _rows(pd.DataFrame(map(titled, touching(self.findings, layer or "", township or ""))))

    def codes_of(self, township: str, layer: str) -> list[str]:
        """Give the codes of the findings that cast doubt on a layer in a township."""
        return self.marks.get((township, layer), [])

    def check_layer(self, layer: str | None) -> None:
        """Make sure that the run has a layer."""
        names = self.layers.table["layer"].tolist()
        if layer is not None and layer not in names:
            raise ParameterError(f"layer: the run has no layer {layer}; its layers are {', '.join(names)}")


def _codes_of(rows: pd.DataFrame, assessment: Assessment) -> list[list[str]]:
    """Give for each row the codes of the findings that cast doubt on its layer in its township."""
    marks = assessment.marks.set_index(["township_code", "layer"])["codes"].to_dict()
    return [split_codes(marks.get(key, "")) for key in zip(rows["township_code"], rows["layer"], strict=True)]


def _rows(table: pd.DataFrame) -> Rows:
    return Rows(table, [encode(row) for row in records(table)])


def _order(gaps: pd.DataFrame, sort: str) -> Array:
    ties = [name for name in TIES if name != sort]
    ordered = gaps.sort_values([sort, *ties], ascending=[sort == "township_code"] + [True] * len(ties))
    return np.asarray(ordered.index.to_numpy())


def layer_table(assessment: Assessment) -> pd.DataFrame:
    """List the layers with the fields that `Layer` describes."""
    rows = [{"layer": name, **record} for name, record in assessment.run["layers"].items()]
    return pd.DataFrame([{name: row.get(name) for name in Layer.model_fields} for row in rows], dtype=object)


def township_table(assessment: Assessment) -> pd.DataFrame:
    """List the townships with their people and their headline figures per layer."""
    results, layers = assessment.results, assessment.run["layers"]
    shown = results[results["headline"] & (results["scenario"] == "existing") & (results["class"] == "all")
                    & (results["level"] == "all")
                    & results["indicator"].isin(FIGURES)]
    figures: dict[str, dict[str, dict[str, Any]]] = {
        code: {layer: {**dict.fromkeys(Figures.model_fields), "quality": facts["quality"], "findings": []}
               for layer, facts in layers.items()} for code in assessment.townships["township_code"]}
    for row in records(shown[shown["township_code"].isin(list(figures))]):
        cell = figures[row["township_code"]][row["layer"]]
        cell[row["indicator"]] = row["value"]
        prefix = {"coverage_rate": "coverage", "area_per_head_m2": "area"}.get(row["indicator"])
        if prefix:
            cell.update({f"{prefix}_low": row["low"], f"{prefix}_high": row["high"],
                         f"{prefix}_verdict": row["verdict"] or None})
    for (code, layer), codes in assessment.marks.set_index(["township_code", "layer"])["codes"].items():
        if code in figures:
            figures[code][layer]["findings"] = split_codes(codes)
    people = assessment.demand.groupby("township_code")["population"].sum()
    table = pd.DataFrame(assessment.townships[["township_code", "township", "kind"]])
    return table.assign(kind=table["kind"].fillna(""), population=table["township_code"].map(people).fillna(0.0),
                        layers=table["township_code"].map(figures))


def _areas(assessment: Assessment) -> Rows:
    """Encode the service areas as GeoJSON features: WGS 84, six decimals, right-handed rings (RFC 7946)."""
    areas: gpd.GeoDataFrame = assessment.service_areas
    quality = areas["layer"].map({name: facts["quality"] for name, facts in assessment.run["layers"].items()})
    table = pd.DataFrame(areas.drop(columns="geometry")).assign(quality=quality)
    shapes = shapely.set_precision(areas.geometry.to_crs("EPSG:4326").to_numpy(), 1e-6)
    shapes = shapely.orient_polygons(shapes, exterior_cw=False)
    features = [{"type": "Feature", "id": _area_id(row), "properties": row, "geometry": _multipolygon(shape)}
                for row, shape in zip(records(table), shapes, strict=True)]
    return Rows(table, [encode(feature) for feature in features])


def _area_id(row: dict[str, Any]) -> str:
    cutoff = "" if row["cutoff"] is None else f"{row['cutoff']:g}"
    parts = (row["layer"], row["mode"], row["kind"], cutoff, row.get("facility_id") or "")
    return "-".join(part for part in parts if part)


def _multipolygon(shape: shapely.Geometry) -> dict[str, Any]:
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and not part.is_empty]
    return dict(shapely.geometry.mapping(shapely.MultiPolygon(parts)))
