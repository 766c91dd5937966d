"""Hold a finished run in memory, in the shapes the routes answer with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from lifecircle.assessment import Assessment
from lifecircle.outputs.map_text import MODEL_MARK
from lifecircle.outputs.rundir import read_run
from lifecircle.outputs.tables import records


class NotFoundError(Exception):
    """What was asked for is not in the run."""


@dataclass(frozen=True)
class Store:
    """A run, ready to answer.

    Attributes
    ----------
    assessment : Assessment
    map_html : bytes
    """

    assessment: Assessment
    map_html: bytes

    @classmethod
    def open(cls, directory: Path) -> Store:
        """Read a run directory."""
        return cls(read_run(directory), (directory / "map.html").read_bytes())

    @property
    def stamp(self) -> dict[str, Any]:
        """Give what every answer carries: the run, its quality, and the notice where it is model data."""
        run = self.assessment.run
        return {"run_id": run["run_id"], "quality": run["quality"],
                "notice": MODEL_MARK if run["quality"] == "model" else None}

    def township(self, code: str) -> dict[str, Any]:
        """Give a township's row, by its code."""
        found = self.assessment.townships[self.assessment.townships["township_code"] == code]
        if found.empty:
            raise NotFoundError(f"no township {code} in this run; see /townships")
        return {"township_code": code, "township": str(found["township"].iloc[0])}

    def layer(self, name: str) -> str:
        """Check that a layer is in the run."""
        if name not in self.assessment.layers:
            raise NotFoundError(f"no layer {name} in this run; layers: {', '.join(self.assessment.layers)}")
        return name

    def townships(self) -> list[dict[str, Any]]:
        """List the townships with their headline figures per layer."""
        table = self.assessment.results
        shown = table[table["headline"] & (table["class"] == "all") & (table["level"] == "all")
                      & table["indicator"].isin(["coverage_rate", "people", "people_out", "people_undetermined",
                                                 "area_per_head_m2"])]
        figures: dict[str, dict[str, dict[str, Any]]] = {}
        for row in records(shown):
            cell = figures.setdefault(row["township_code"], {}).setdefault(row["layer"], {})
            cell[row["indicator"]] = row["value"]
            if row["indicator"] in ("coverage_rate", "area_per_head_m2"):
                key = "" if row["indicator"] == "coverage_rate" else "area_"
                cell.update({f"{key}low": row["low"], f"{key}high": row["high"], f"{key}verdict": row["verdict"]})
        people = self.assessment.demand.groupby("township_code")["population"].sum()
        return [{"township_code": code, "township": name, "population": float(people.get(code, 0.0)),
                 "layers": figures.get(code, {})}
                for code, name in zip(self.assessment.townships["township_code"], self.assessment.townships["township"],
                                      strict=True)]

    def gaps(self, *, township: str | None = None, layer: str | None = None, kind: str | None = None,
             min_people: float = 0.0) -> list[dict[str, Any]]:
        """List gaps, most people out first."""
        table = self.assessment.gaps
        if township is not None:
            table = table[table["township_code"] == township]
        if layer is not None:
            table = table[table["layer"] == layer]
        if kind is not None:
            table = table[table["kind"] == kind]
        if min_people > 0:
            table = table[table["people_out"].fillna(0.0) + table["people_undetermined"].fillna(0.0) >= min_people]
        order = ["people_out", "people", "township_code", "place_code", "layer", "kind", "level"]
        return records(table.sort_values(order, ascending=[False, False, *[True] * 5], kind="stable"))

    def service_areas(self, layer: str | None, mode: str | None, kind: str | None) -> dict[str, Any]:
        """Give service areas as a GeoJSON FeatureCollection in WGS 84."""
        table = self.assessment.service_areas
        for column, value in (("layer", layer), ("mode", mode), ("kind", kind)):
            if value is not None:
                table = table[table[column] == value]
        return feature_collection(table)


def feature_collection(table: gpd.GeoDataFrame) -> dict[str, Any]:
    """Give a table as GeoJSON: WGS 84, six decimals, right-handed rings, null for what is no number (RFC 7946)."""
    shapes = shapely.set_precision(table.geometry.to_crs("EPSG:4326").to_numpy(), 1e-6)
    shapes = shapely.orient_polygons(shapes, exterior_cw=False)
    rows = records(pd.DataFrame(table.drop(columns="geometry")))
    features = [{"type": "Feature", "id": at, "properties": row, "geometry": shapely.geometry.mapping(shape)}
                for at, (row, shape) in enumerate(zip(rows, shapes, strict=True))]
    return {"type": "FeatureCollection", "features": features}
