"""Serve the planner's page: its files, and the run as it draws it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from lifecircle_api.errors import NotFoundError
from lifecircle_api.models import problem_responses
from lifecircle_api.page import POLICY, File, page_files
from lifecircle_api.routes.planner import only_known_parameters

router = APIRouter(dependencies=[Depends(only_known_parameters)], responses=problem_responses(400))
Language = Annotated[Literal["zh", "en"] | None, Query(description="Language of the page; blank: that of the run.")]
_HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache", "Cross-Origin-Opener-Policy": "same-origin"}
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "The browser has it."}}


def _sent(request: Request, file: File) -> Response:
    """Give a file, or say that the browser has it."""
    headers = {**_HEADERS, "ETag": file.etag}
    if file.etag in [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.kind, headers=headers)


@router.get("/planner", summary="The planner's page", response_class=HTMLResponse,
            responses={**problem_responses(422), **_UNCHANGED})
async def planner_page(request: Request, lang: Language = None) -> Response:
    """Give the page: drop facilities, close others, move the cutoff, and see what changes."""
    return _sent(request, page_files()["index.html"])


@router.get("/planner/data", summary="The run as the planner's page draws it", responses=_UNCHANGED)
async def planner_data(request: Request) -> Response:
    """Give townships, places, facilities, ground and words; it changes only with the run."""
    file: File = request.app.state.store.page
    return _sent(request, file)


@router.get("/planner/{name}", summary="A file of the planner's page", response_class=Response,
            responses={**problem_responses(404, 422), **_UNCHANGED})
async def planner_file(request: Request,
                       name: Annotated[str, Path(pattern=r"^[a-z_]+\.(css|js)$", max_length=40,
                                                 description="Name of the style or script.")]) -> Response:
    """Give a style or a script of the page."""
    if name not in page_files():
        raise NotFoundError("the page has no such file")
    return _sent(request, page_files()[name])
