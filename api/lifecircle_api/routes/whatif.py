"""Answer what other facilities and rules would change, from the district held warm."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from lifecircle.outputs.tables import csv_text, records
from lifecircle.tables import GAPS_COLUMNS
from lifecircle_api import answers
from lifecircle_api.bodies import JsonRoute
from lifecircle_api.drafts import Draft, DraftScenario, LiveState, WhatIf
from lifecircle_api.live import LiveRun
from lifecircle_api.models import problem_responses
from lifecircle_api.routes.planner import Form, only_known_parameters, store_of
from lifecircle_api.store import encode

router = APIRouter(dependencies=[Depends(only_known_parameters)], responses=problem_responses(400),
                   route_class=JsonRoute)
_ASKED = problem_responses(413, 415, 422, 503)
Only = Annotated[str | None, Query(pattern=r"^[^\x00-\x1f/\\]+$", max_length=80,
                                   description="Code of the township whose gaps are given; blank: all.")]


class Toml(Response):
    """A response in TOML."""

    media_type = "text/x-toml; charset=utf-8"


def live_of(request: Request) -> LiveRun:
    """Give the district that the service holds warm."""
    live: LiveRun = request.app.state.live
    return live


@router.get("/live", summary="Whether what-if answers are ready", response_model=LiveState)
async def live_state(request: Request) -> Response:
    """Say whether the district is held warm, why not, and what can be asked of it."""
    held = live_of(request)
    ready = held.status == "ready"
    body = {**store_of(request).stamp, "status": held.status, "reason": held.reason, "extent": held.extent,
            "area": held.rings, "modes": list(held.live.times.modes) if ready else [],
            "layers": answers.live_layers(held.live) if ready else []}
    return Response(encode(body), media_type="application/json", headers={"Cache-Control": "no-store"})


@router.post("/what-if", summary="What other facilities of a layer would change", response_model=WhatIf,
             responses={**_ASKED, 200: {"content": {"text/csv": {"schema": {"type": "string"}}}}})
async def what_if(request: Request, draft: Draft, f: Form = "json", township: Only = None) -> Response:
    """Open and close facilities, move the cutoff or the mode: people in time before and after, gaps, area per head.

    People of priority groups are estimated from what is published, as any count of them over an area of the caller's
    choice would in the end tell who lives where.
    """
    store = store_of(request)
    answer = await live_of(request).ask(answers.what_if, draft)
    gaps = answer["gaps"]
    if township is not None:
        gaps = gaps[gaps["township_code"] == township]
    if f == "csv":
        text = b"\xef\xbb\xbf" + csv_text(gaps[list(GAPS_COLUMNS)]).encode()
        return Response(text, media_type="text/csv; charset=utf-8", headers={
            "Content-Disposition": f'attachment; filename="what-if-{store.stamp["run_id"]}.csv"'})
    listed: list[dict[str, Any]] = [{**row, "findings": store.codes_of(row["township_code"], row["layer"])}
                                    for row in records(gaps)]
    return Response(encode({**store.stamp, **answer, "gaps": listed}), media_type="application/json")


@router.post("/what-if/scenario", summary="Drafts as a scenario file", response_class=Toml, responses=_ASKED)
async def scenario(request: Request, asked: DraftScenario) -> Response:
    """Write drafts of one or more layers as a file for ``lifecircle run --scenario``.

    A changed cutoff or mode is policy: it stands in the file as a remark.
    """
    text = await live_of(request).ask(answers.scenario_text, asked)
    return Toml(text, headers={"Content-Disposition": 'attachment; filename="scenario.toml"'})
