"""Name what a caller can get wrong, and give every error the one shape of RFC 9457."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from starlette.requests import Request


class NotFoundError(Exception):
    """What the address names is not in the run."""


class ParameterError(Exception):
    """A query parameter is not known, is given twice, or asks for what the run does not have."""


#: The status of each error of ours; HTTP is named nowhere else.
STATUS: dict[type[Exception], HTTPStatus] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    ParameterError: HTTPStatus.BAD_REQUEST,
}


def problem(request: Request, status: int, detail: str, *, headers: dict[str, str] | None = None,
            **more: Any) -> JSONResponse:
    """Give an error as RFC 9457 has it."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail,
            "instance": request.url.path, **more}
    return JSONResponse(body, status_code=status, headers=headers, media_type="application/problem+json")
