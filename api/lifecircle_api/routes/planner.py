"""Answer the questions programs ask: which townships, which gaps, which service areas."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from lifecircle.outputs.tables import csv_text
from lifecircle_api.store import Store

router = APIRouter()
Code = Annotated[str, Path(pattern=r"^[0-9A-Za-z._-]{1,40}$", description="Code of the township.")]
Layer = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]{0,39}$", description="Facility layer.")]
Mode = Annotated[str | None, Query(pattern=r"^[a-z_]{1,20}$", description="Travel mode.")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="Most rows to give.")]


class Kind(StrEnum):
    """Kinds of gaps."""

    reach = "reach"
    presence = "presence"
    capacity = "capacity"
    area = "area"


class AreaKind(StrEnum):
    """Kinds of service areas."""

    circle = "circle"
    isochrone = "isochrone"


class Form(StrEnum):
    """Formats of a list."""

    json = "json"
    csv = "csv"


def store_of(request: Request) -> Store:
    """Give the run that the service holds."""
    store: Store = request.app.state.store
    return store


def answer(store: Store, rows: list[dict[str, Any]], limit: int, form: Form = Form.json) -> Response:
    """Give rows with the run's stamp, or as CSV."""
    shown = rows[:limit]
    if form is Form.csv:
        import pandas as pd

        columns = list(store.assessment.gaps.columns)
        body = "\ufeff" + csv_text(pd.DataFrame(shown, columns=columns))
        return Response(body, media_type="text/csv; charset=utf-8")
    return JSONResponse({**store.stamp, "count": len(rows), "returned": len(shown), "items": shown})


@router.get("/", summary="Where to go from here")
def landing(request: Request) -> Response:
    """Answer JSON to programs and the map to browsers."""
    store = store_of(request)
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(store.map_html)
    district = store.assessment.run["district"]
    return JSONResponse({**store.stamp, "title": f"lifecircle: {district['name']}", "links": [
        {"rel": rel, "href": href} for rel, href in (
            ("service-desc", "/openapi.json"), ("service-doc", "/docs"), ("townships", "/townships"), ("gaps", "/gaps"),
            ("layers", "/layers"), ("service-areas", "/service-areas"), ("map", "/map"), ("health", "/healthz"))]})


@router.get("/healthz", summary="Is the service alive")
def healthz(request: Request) -> dict[str, Any]:
    """Say that the service runs, and which run it serves."""
    return {"status": "ok", "run_id": store_of(request).assessment.run["run_id"]}


@router.get("/layers", summary="Facility layers and their rules")
def layers(request: Request) -> Response:
    """List the layers with their labels, modes, cutoffs and quality."""
    store = store_of(request)
    rows = [{"layer": name, **record} for name, record in store.assessment.run["layers"].items()]
    return answer(store, rows, len(rows))


@router.get("/townships", summary="Townships with their headline figures")
def townships(request: Request, limit: Limit = 1000) -> Response:
    """List the townships: people, and per layer the coverage rate with low and high, people out and verdict."""
    store = store_of(request)
    return answer(store, store.townships(), limit)


@router.get("/townships/{code}/gaps", summary="Gap list of a township")
def township_gaps(request: Request, code: Code, layer: Layer = None, kind: Kind | None = None, limit: Limit = 1000,
                  f: Form = Form.json) -> Response:
    """List the gaps of one township, most people out first."""
    store = store_of(request)
    store.township(code)
    chosen = None if layer is None else store.layer(layer)
    return answer(store, store.gaps(township=code, layer=chosen, kind=kind and kind.value), limit, f)


@router.get("/gaps", summary="Gap list of the district")
def gaps(request: Request, layer: Layer = None, kind: Kind | None = None,
         min_people: Annotated[float, Query(ge=0, le=1e9, allow_inf_nan=False,
                                            description="Fewest people out or undetermined.")] = 0.0,
         limit: Limit = 1000, f: Form = Form.json) -> Response:
    """List the gaps of the district, most people out first."""
    store = store_of(request)
    chosen = None if layer is None else store.layer(layer)
    return answer(store, store.gaps(layer=chosen, kind=kind and kind.value, min_people=min_people), limit, f)


@router.get("/service-areas", summary="Service circles and isochrones as GeoJSON")
def service_areas(request: Request, layer: Layer = None, mode: Mode = None, kind: AreaKind | None = None) -> Response:
    """Give service areas in WGS 84."""
    store = store_of(request)
    chosen = None if layer is None else store.layer(layer)
    body = store.service_areas(chosen, mode, kind and kind.value)
    return JSONResponse({**body, **store.stamp}, media_type="application/geo+json")


@router.get("/map", summary="The map, one page that needs no network", response_class=HTMLResponse)
def page(request: Request) -> Response:
    """Give the map."""
    return HTMLResponse(store_of(request).map_html)
