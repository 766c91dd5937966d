"""Create the service: routes, the run it serves, and the table from errors to statuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from lifecircle.errors import InputError, LifecircleError
from lifecircle.version import __version__
from lifecircle_api.routes import planner
from lifecircle_api.settings import Settings
from lifecircle_api.store import NotFoundError, Store

#: The status of each error of ours; HTTP is named nowhere else.
STATUS: dict[type[Exception], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    InputError: HTTPStatus.BAD_REQUEST,
    LifecircleError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def create_app(settings: Settings | None = None) -> FastAPI:
    """Create the application that serves one run directory."""
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.store = Store.open(settings.run)
        yield

    app = FastAPI(title="lifecircle 生活圈", version=__version__, lifespan=lifespan,
                  description="Who reaches which public service in time, who does not and why.")
    app.include_router(planner.router)
    app.add_exception_handler(HTTPException, _http_problem)
    app.add_exception_handler(RequestValidationError, _validation_problem)
    for kind, status in STATUS.items():
        app.add_exception_handler(kind, _handler(status))
    app.add_exception_handler(Exception, _unexpected_problem)
    return app


def problem(status: int, detail: str, **more: Any) -> JSONResponse:
    """Give an error as RFC 9457 has it."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def _handler(status: HTTPStatus) -> Any:
    async def handle(request: Request, error: Exception) -> JSONResponse:
        return problem(status, str(error))

    return handle


async def _http_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail))


async def _validation_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = [{"pointer": "/".join(str(part) for part in item["loc"]), "detail": item["msg"]}
              for item in jsonable_encoder(error.errors(), custom_encoder={bytes: repr})]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, errors[0]["detail"], errors=errors)


async def _unexpected_problem(request: Request, error: Exception) -> JSONResponse:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed on this request; see its log")
