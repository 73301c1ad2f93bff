"""uvicorn's HTTP protocol, answering `infer` itself and leaving every other route to ASGI."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from retread.core import InvalidInput, RetreadError
from retread.serving.http.exchange import Exchange
from retread.serving.http.front import Front
from retread.serving.http.problems import HttpRefusal, problem_response, too_large

MAX_HEAD = 65_536
"""Bytes of address and headers."""

MAX_PIPELINED = 64
"""Requests of one connection in flight before no more are read."""

SLOW_S = 30.0
"""A request that has not arrived in this time gets 408."""

LINGER_S = 10.0
"""A client that goes on sending after a refusal is cut off after this time."""

IDLE_S = 75.0
"""A connection without a request is closed after this time."""


class InferenceProtocol(HttpToolsProtocol):
    """One connection. Answers go out in the order of the requests, also where infer requests and
    others are pipelined: an `infer` behind another route's request goes through ASGI as well."""

    def __init__(self, *, front: Front, now: Callable[[], float], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._front = front
        self._now = now
        self._asgi = self.app
        self._exchanges: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._body: list[bytes] = []
        self._size = 0
        self._head_size = 0
        self._since = now()
        self._reading = False
        self._ending = False
        self._refused = False
        self._emptied: asyncio.Event | None = None

    # What the parser calls.

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._head_size = 0
        self._reading = True
        self._since = self._now()

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._head_size += len(url)
        if self._head_size > MAX_HEAD:
            raise _head_too_long()

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        self.headers.append((name, value))
        self._head_size += len(name) + len(value)
        if self._head_size > MAX_HEAD:
            raise _head_too_long()

    def on_headers_complete(self) -> None:
        version = self._front.version_asked(self.url)
        plain = self.cycle is None or self.cycle.response_complete
        if (
            version is None
            or not plain
            or self.parser.get_method() != b"POST"
            or self.parser.should_upgrade()
        ):
            self._current = None
            self._leave_to_asgi()
            return
        exchange = self._current = Exchange(self, self._front)
        exchange.version = version
        exchange.keep_alive = (
            self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        )
        self._body = []
        self._size = 0
        self._exchanges.append(exchange)
        if len(self._exchanges) > MAX_PIPELINED:
            self.flow.pause_reading()
        self._read_headers(exchange)

    def on_body(self, body: bytes) -> None:
        if self._current is None:
            super().on_body(body)
            return
        self._size += len(body)
        if self._size > self._front.max_body:
            self._refuse_body(too_large(self._front.max_body))
        elif not self._refused:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._reading = False
        exchange, self._current = self._current, None
        if exchange is None:
            super().on_message_complete()
        elif self._refused:
            self.transport.close()
        else:
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._body = []
            exchange.start(body)

    # What the exchange calls.

    def finished(self) -> None:
        """Send every answer whose turn it is."""
        exchanges = self._exchanges
        while exchanges and exchanges[0].response:
            done = exchanges.popleft()
            if self.transport.is_closing():
                continue
            self.transport.write(done.response)
            if not done.keep_alive or (self._ending and not exchanges):
                self._close()
        if not exchanges:
            self._since = self._now()
            if self._emptied is not None:
                self._emptied.set()
        if not self.flow.write_paused and len(exchanges) <= MAX_PIPELINED:
            self.flow.resume_reading()

    # What the server calls.

    def shutdown(self) -> None:
        if self._exchanges:
            for exchange in self._exchanges:
                exchange.keep_alive = False
            self._ending = self._current is None
        else:
            super().shutdown()

    def check_age(self, now: float) -> None:
        """Close what is idle for long; 408 for a request that does not arrive."""
        if self.transport is None or self.transport.is_closing():
            return
        if self._refused:
            if now - self._since > LINGER_S:
                self.transport.close()
        elif self._reading and now - self._since > SLOW_S:
            self._send_and_close(
                HttpRefusal(
                    HTTPStatus.REQUEST_TIMEOUT,
                    f"The request did not arrive within {SLOW_S:.0f} seconds.",
                )
            )
        elif not self._busy() and now - self._since > IDLE_S:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        self._send_and_close(InvalidInput(msg, "Send HTTP/1.1."))

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.flow.resume_reading()

    def _close(self) -> None:
        """Close, but not in the face of a client that still sends what was refused already: it
        would lose the answer."""
        if self._refused and self._reading and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _busy(self) -> bool:
        in_asgi = self.cycle is not None and not self.cycle.response_complete
        return in_asgi or bool(self._exchanges)

    def _read_headers(self, exchange: Exchange) -> None:
        refusal: RetreadError | None = None
        for name, value in self.headers:
            if name == b"content-length":
                if int(value) > self._front.max_body:
                    refusal = too_large(self._front.max_body)
            else:
                try:
                    exchange.take_header(name, value)
                except RetreadError as error:
                    refusal = error
        if refusal is not None:
            self._refuse_body(refusal)
        elif self.expect_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _refuse_body(self, error: RetreadError) -> None:
        """Answer before the body is here; what still comes is not read."""
        if self._refused or self._current is None:
            return
        self._refused = True
        self._body = []
        self._current.keep_alive = False
        self._front.plane.refuse(self._current, error)

    def _leave_to_asgi(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers = headers
        self.scope["headers"] = headers
        if self._exchanges:
            if self._emptied is None or self._emptied.is_set():
                self._emptied = asyncio.Event()
            self.app = _after(self._emptied, self._asgi)
        super().on_headers_complete()
        self.app = self._asgi

    def _send_and_close(self, error: RetreadError) -> None:
        if not self.transport.is_closing():
            self.transport.write(problem_response(error, b"connection: close\r\n"))
            self.transport.close()


def _head_too_long() -> InvalidInput:
    """The parser turns it into send_400_response."""
    return InvalidInput(f"The headers are longer than {MAX_HEAD} bytes.")


def _after(emptied: asyncio.Event, app: Any) -> Any:
    async def wait_then_run(scope: Any, receive: Any, send: Any) -> None:
        await emptied.wait()
        await app(scope, receive, send)

    return wait_then_run
