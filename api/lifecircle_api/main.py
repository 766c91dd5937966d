"""Create the service: its routes, the run it serves, and the shape of its errors."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lifecircle.version import __version__
from lifecircle_api.errors import STATUS, TYPES, problem
from lifecircle_api.guide import guide_page
from lifecircle_api.jobs import Jobs
from lifecircle_api.live import LiveRun
from lifecircle_api.routes import page, planner, processes, whatif
from lifecircle_api.settings import Settings
from lifecircle_api.store import Store


def create_app(settings: Settings | None = None) -> FastAPI:
    """Create the application that serves one run directory.

    The run is read once, when the service starts; after a new run the service is started again.
    """
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.store = Store.open(settings.run)
        app.state.guide = guide_page(app.openapi(), app.state.store.stamp)
        app.state.live, app.state.jobs = LiveRun(settings), Jobs(settings)
        if settings.live:
            app.state.live.start()
        app.state.jobs.start()
        yield
        app.state.jobs.stop()
        app.state.live.stop()

    # FastAPI's own pages for readers fetch scripts from elsewhere; /docs is ours.
    app = FastAPI(title="lifecircle 生活圈", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
                  redirect_slashes=False,
                  description="Who reaches which public service in time, who does not and why.",
                  generate_unique_id_function=lambda route: route.name)
    app.include_router(planner.router)
    app.include_router(whatif.router)
    app.include_router(processes.router)
    app.include_router(page.router)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    for kind, status in STATUS.items():
        app.add_exception_handler(kind, _handler(status))
    app.add_exception_handler(sqlite3.Error, _jobs_problem)
    app.add_exception_handler(Exception, _unexpected_problem)
    return app


def _handler(status: HTTPStatus) -> Any:
    async def handle(request: Request, error: Exception) -> JSONResponse:
        return problem(request, status, str(error), headers=getattr(error, "headers", None),
                       type=TYPES.get(type(error), "about:blank"))

    return handle


async def _http_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    detail = {404: "no such address; see / for those there are",
              405: f"{request.method} is not answered here"}.get(error.status_code, str(error.detail))
    return problem(request, error.status_code, detail, headers=dict(error.headers or {}))


async def _validation_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [{"in": str(item["loc"][0]), "name": ".".join(str(part) for part in item["loc"][1:]),
               "detail": str(item["msg"])} for item in error.errors()]
    return problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, f"{errors[0]['name']}: {errors[0]['detail']}",
                   errors=errors)


async def _jobs_problem(request: Request, error: Exception) -> JSONResponse:
    return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, f"the table of jobs cannot be used: {error}")


async def _unexpected_problem(request: Request, error: Exception) -> JSONResponse:
    return problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed on this request; see its log")
