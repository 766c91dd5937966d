"""Answer the questions programs ask: which townships, which gaps, which service areas."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from lifecircle_api import models
from lifecircle_api.errors import ParameterError
from lifecircle_api.models import problem_responses
from lifecircle_api.store import Rows, Store, encode, envelope


async def only_known_parameters(request: Request) -> None:
    """Refuse query parameters that the route does not know, or that are given twice: a typo must not pass unseen."""
    known = [field.alias for field in request.scope["route"].dependant.query_params]
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known:
            raise ParameterError(f"{name[:80]}: no such parameter; there are: {', '.join(known) or 'none'}")
        if given.count(name) > 1:
            raise ParameterError(f"{name}: given {given.count(name)} times, once is enough")


router = APIRouter(dependencies=[Depends(only_known_parameters)], responses=problem_responses(400))

Code = Annotated[str, Path(pattern=r"^[^\x00-\x1f/\\]+$", max_length=80, description="Code of the township.")]
Township = Annotated[str | None, Query(pattern=r"^[^\x00-\x1f/\\]+$", max_length=80,
                                       description="Code of the township.")]
Layer = Annotated[str | None, Query(pattern=r"^[a-z][a-z0-9_]*$", max_length=40, description="Facility layer.")]
Mode = Annotated[str | None, Query(pattern=r"^[a-z_]+$", max_length=20, description="Travel mode.")]
Kind = Annotated[Literal["reach", "presence", "capacity", "area"] | None, Query(description="Kind of gap.")]
AreaKind = Annotated[Literal["circle", "isochrone", "facility"] | None, Query(description="Kind of service area.")]
MinPeople = Annotated[float, Query(ge=0, le=1e9, allow_inf_nan=False,
                                   description="Fewest people out of time or undetermined.")]
Sort = Annotated[Literal["people_out", "people", "minutes_over", "township_code"],
                 Query(description="Column to sort by, biggest first; township_code from the lowest.")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="Most rows to give.")]
Form = Annotated[Literal["json", "csv"], Query(description="Format; CSV is UTF-8 with a byte order mark.")]
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}

LINKS: tuple[tuple[str, str, str, str], ...] = (
    ("self", "/", "application/json", "This page"),
    ("service-desc", "/openapi.json", "application/json", "Description for programs"),
    ("service-doc", "/docs", "text/html", "Description for readers"),
    ("layers", "/layers", "application/json", "Facility layers and their rules"),
    ("townships", "/townships", "application/json", "Townships with their headline figures"),
    ("gaps", "/gaps", "application/json", "Gap list of the district"),
    ("findings", "/findings", "application/json", "What was noticed about the inputs"),
    ("service-areas", "/service-areas", "application/geo+json", "Service circles and isochrones"),
    ("map", "/map", "text/html", "The map"),
    ("planner", "/planner", "text/html", "The planner's page"),
    ("live", "/live", "application/json", "Whether what-if answers are ready"),
    ("http://www.opengis.net/def/rel/ogc/1.0/processes", "/processes", "application/json", "Kinds of jobs"),
    ("http://www.opengis.net/def/rel/ogc/1.0/job-list", "/jobs", "application/json", "Jobs"),
    ("health", "/healthz", "application/json", "Is the service alive"),
)


#: Leads from the map to the page on which it can be changed; it stands beside the north arrow.
TO_PLANNER = ('<a href="/planner" style="position:absolute;left:54px;top:84px;z-index:900;background:#fff;'
              'padding:4px 12px;border-radius:4px;box-shadow:0 1px 4px rgba(0,0,0,.28);font:13px/1.45 sans-serif;'
              'color:#1f5c8f">'
              "规划台 planner</a>").encode()


def store_of(request: Request) -> Store:
    """Give the run that the service holds."""
    store: Store = request.app.state.store
    return store


def listing(store: Store, rows: Rows, positions: Any, limit: int) -> Response:
    """Give rows as JSON with the run's stamp."""
    shown = positions[:limit]
    head = {**store.stamp, "count": len(positions), "returned": len(shown)}
    return Response(envelope(head, "items", (rows.json[at] for at in shown)), media_type="application/json")


def gap_listing(store: Store, positions: Any, limit: int, form: str) -> Response:
    """Give gaps as JSON or as CSV."""
    if form == "json":
        return listing(store, store.gaps, positions, limit)
    lines = [store.gap_lines[0], *(store.gap_lines[at + 1] for at in positions[:limit])]
    return Response(b"\xef\xbb\xbf" + b"".join(lines), media_type="text/csv; charset=utf-8",
                    headers={"Content-Disposition": f'attachment; filename="gaps-{store.stamp["run_id"]}.csv"'})


def prefers_html(accept: str) -> bool:
    """Tell whether an Accept header ranks HTML before JSON; who says nothing gets JSON."""
    rank = {"text/html": 0.0, "application/json": 0.0}
    for part in accept.lower().split(","):
        kind, _, rest = part.partition(";")
        weight = rest.strip().removeprefix("q=")
        if kind.strip() in rank:
            rank[kind.strip()] = float(weight) if weight.replace(".", "", 1).isdigit() else 1.0
    return rank["text/html"] > rank["application/json"]


@router.get("/", summary="Where to go from here", response_model=models.Landing)
async def landing(request: Request) -> Response:
    """Answer JSON to programs, and to browsers the map with a way to the planner's page."""
    store = store_of(request)
    if prefers_html(request.headers.get("accept", "")):
        return HTMLResponse(store.map_html.replace(b"</body>", TO_PLANNER + b"</body>", 1), headers={"Vary": "Accept"})
    links = [dict(zip(("rel", "href", "type", "title"), link, strict=True)) for link in LINKS]
    return Response(encode({**store.stamp, "title": store.title, "links": links}), media_type="application/json",
                    headers={"Vary": "Accept"})


@router.get("/healthz", summary="Is the service alive", response_model=models.Health)
async def healthz(request: Request) -> Response:
    """Say that the service runs, and which run it serves."""
    return Response(encode({**store_of(request).stamp, "status": "ok"}), media_type="application/json")


@router.get("/layers", summary="Facility layers and their rules", response_model=models.Layers)
async def layers(request: Request) -> Response:
    """List the layers with their labels, modes, cutoffs and quality."""
    rows = store_of(request).layers
    return listing(store_of(request), rows, rows.positions(), len(rows.json))


@router.get("/townships", summary="Townships with their headline figures", response_model=models.Townships,
            responses=problem_responses(422))
async def townships(request: Request, limit: Limit = 1000) -> Response:
    """List the townships: people, and per layer the coverage rate with low and high, people out and verdict."""
    rows = store_of(request).townships
    return listing(store_of(request), rows, rows.positions(), limit)


@router.get("/townships/{code}/gaps", summary="Gap list of a township", response_model=models.Gaps,
            responses={**problem_responses(404, 422), **_CSV})
async def township_gaps(request: Request, code: Code, layer: Layer = None, kind: Kind = None,
                        min_people: MinPeople = 0.0, sort: Sort = "people_out", limit: Limit = 1000,
                        f: Form = "json") -> Response:
    """List the gaps of one township; a township without gaps has an empty list."""
    store = store_of(request)
    found = store.find_gaps(township=code, layer=layer, kind=kind, min_people=min_people, sort=sort)
    return gap_listing(store, found, limit, f)


@router.get("/gaps", summary="Gap list of the district", response_model=models.Gaps,
            responses={**problem_responses(422), **_CSV})
async def gaps(request: Request, layer: Layer = None, kind: Kind = None, min_people: MinPeople = 0.0,
               sort: Sort = "people_out", limit: Limit = 1000, f: Form = "json") -> Response:
    """List the gaps of the district."""
    store = store_of(request)
    return gap_listing(store, store.find_gaps(layer=layer, kind=kind, min_people=min_people, sort=sort), limit, f)


@router.get("/findings", summary="What was noticed about the inputs", response_model=models.Findings,
            responses=problem_responses(422))
async def findings(request: Request, layer: Layer = None, township: Township = None, limit: Limit = 1000) -> Response:
    """List findings, the gravest first: all of them, or those that touch a layer, a township or a layer in one."""
    store = store_of(request)
    rows = store.find_findings(layer=layer, township=township)
    return listing(store, rows, rows.positions(), limit)


class GeoJson(Response):
    """A response in GeoJSON."""

    media_type = "application/geo+json"


@router.get("/service-areas", summary="Service circles and isochrones as GeoJSON", response_class=GeoJson,
            response_model=models.ServiceAreas, responses=problem_responses(422))
async def service_areas(request: Request, layer: Layer = None, mode: Mode = None, kind: AreaKind = None) -> Response:
    """Give service areas in WGS 84; `mode` of a circle is `mixed` where the classes travel differently."""
    store = store_of(request)
    store.check_layer(layer)
    modes = sorted(set(store.areas.table["mode"]))
    if mode is not None and mode not in modes:
        raise ParameterError(f"mode: the run has no areas for {mode}; its modes are {', '.join(modes)}")
    rows = (store.areas.json[at] for at in store.areas.positions(layer=layer, mode=mode, kind=kind))
    return GeoJson(envelope({"type": "FeatureCollection", **store.stamp}, "features", rows))


@router.get("/map", summary="The map, one page that needs no network", response_class=HTMLResponse)
async def page(request: Request) -> HTMLResponse:
    """Give the map."""
    return HTMLResponse(store_of(request).map_html)


@router.get("/docs", summary="This page", response_class=HTMLResponse)
async def guide(request: Request) -> HTMLResponse:
    """Explain the service to readers."""
    return HTMLResponse(request.app.state.guide)
