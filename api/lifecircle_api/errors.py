"""Name what a caller can get wrong, and give every error the one shape of RFC 9457."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from starlette.requests import Request

from lifecircle.errors import UsageError


class NotFoundError(Exception):
    """What the address names is not in the run."""


class ParameterError(Exception):
    """A query parameter is not known, is given twice, or asks for what the run does not have."""


class NotReadyError(Exception):
    """What is asked for is not there yet, or too many ask for it at once.

    Parameters
    ----------
    text : str
    retry_s : int or None
        When to ask again; None: not before somebody mends it.
    """

    def __init__(self, text: str, retry_s: int | None = None) -> None:
        super().__init__(text)
        self.headers = {} if retry_s is None else {"Retry-After": str(retry_s)}


class NoSuchProcessError(NotFoundError):
    """There is no process of this name."""


class NoSuchJobError(NotFoundError):
    """There is no job of this id, or it was forgotten."""


class ResultNotReadyError(NotFoundError):
    """The job waits or runs."""


class FailedJobError(Exception):
    """The job has ended without results."""


class QueueFullError(Exception):
    """As many jobs wait as may."""

    headers = {"Retry-After": "30"}


#: The status of each error of ours; HTTP is named nowhere else.
STATUS: dict[type[Exception], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    ParameterError: HTTPStatus.BAD_REQUEST,
    UsageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotReadyError: HTTPStatus.SERVICE_UNAVAILABLE,
    FailedJobError: HTTPStatus.GONE,
    QueueFullError: HTTPStatus.TOO_MANY_REQUESTS,
}
_OGC = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
#: What OGC API - Processes calls an error of ours, where it names it.
TYPES: dict[type[Exception], str] = {
    NoSuchProcessError: f"{_OGC}no-such-process",
    NoSuchJobError: f"{_OGC}no-such-job",
    ResultNotReadyError: f"{_OGC}result-not-ready",
}


def problem(request: Request, status: int, detail: str, *, headers: dict[str, str] | None = None,
            **more: Any) -> JSONResponse:
    """Give an error as RFC 9457 has it."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
            "instance": request.url.path, **more}
    return JSONResponse(body, status_code=status, headers=headers, media_type="application/problem+json")
