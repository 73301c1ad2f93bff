"""A call whose answer is awaited: for the routes that are ordinary ASGI."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from retread.core import RetreadError
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


async def read_body(request: Request, limit: int) -> bytes:
    """The body, if it is not larger than `limit` bytes; nothing beyond that is kept."""
    if int(request.headers.get("content-length", "0")) > limit:
        raise too_large(limit)
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise too_large(limit)
    return bytes(body)


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
