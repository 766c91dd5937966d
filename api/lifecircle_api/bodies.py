"""Take bodies of JSON only, and no larger than a question needs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

#: A body may be so large.
MOST_BYTES = 64 * 1024


class JsonRoute(APIRoute):
    """A route whose body must be said to be JSON.

    A page of another site can make a browser post a form or plain text here without asking; JSON it cannot, as the
    service allows no other origin.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the handler with the check before it."""
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            if request.method != "POST":
                return await handle(request)
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":
                raise HTTPException(415, "the body must be application/json")
            return await handle(Request(request.scope, _bounded(request)))

        return checked


def _bounded(request: Request) -> Callable[[], Coroutine[Any, Any, Any]]:
    """Give the body as it comes in, and stop where it grows too large."""
    seen = 0

    async def receive() -> Any:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > MOST_BYTES:
            raise HTTPException(413, f"the body is larger than {MOST_BYTES // 1024} kB")
        return message

    return receive
