"""A call whose answer is awaited: for the routes that are ordinary ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from retread.core import InvalidInput, RetreadError
from retread.serving.http.bodies import Bodies
from retread.serving.http.exchange import Exchange
from retread.serving.http.front import Front
from retread.serving.http.problems import too_large


class AwaitedExchange(Exchange):
    """An exchange that wakes a coroutine instead of writing to a connection."""

    __slots__ = ("_done", "error")

    def __init__(self, front: Front) -> None:
        super().__init__(None, front)
        self.error: RetreadError | None = None
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def reply(self, error: RetreadError | None) -> None:
        self.error = error
        super().reply(error)
        if not self._done.done():
            self._done.set_result(None)

    async def answered(self) -> None:
        """Wait for the answer."""
        await self._done


@asynccontextmanager
async def body_of(request: Request, front: Front) -> AsyncIterator[bytes]:
    """The body, which counts as held until the block ends; InvalidInput, TooLarge, Unavailable,
    and then nothing of it is kept."""
    bodies = front.bodies
    announced = int(request.headers.get("content-length", "0"))
    body = bytearray()
    try:
        _check_size(bodies, announced, announced)
        async for part in request.stream():
            body += part
            bodies.held += len(part)
            _check_size(bodies, len(body), 0)
        yield bytes(body)
    except ClientDisconnect:
        raise InvalidInput("The request ended in its body.") from None
    finally:
        bodies.held -= len(body)


def take_headers(exchange: Exchange, request: Request) -> None:
    """The headers that mean something to the data plane; InvalidInput."""
    for name, value in request.headers.raw:
        exchange.take_header(name, value)


def response_of(exchange: Exchange) -> Response:
    """The exchange's answer as a Starlette response."""
    head, _, body = exchange.response.partition(b"\r\n\r\n")
    fields = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:]]
    response = Response(status_code=exchange.status)
    response.body = body
    # uvicorn adds the date itself.
    response.raw_headers = [(name, value) for name, value in fields if name != b"date"]
    return response


def _check_size(bodies: Bodies, size: int, more: int) -> None:
    if size > bodies.largest:
        raise too_large(bodies.largest)
    if bodies.held + more > bodies.limit:
        raise bodies.full()
