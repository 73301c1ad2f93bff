"""uvicorn's HTTP protocol, answering `infer` itself and leaving every other route to ASGI."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from retread.core import InvalidInput, RetreadError
from retread.serving.http.exchange import Exchange
from retread.serving.http.front import Front
from retread.serving.http.problems import HttpRefusal, closing, too_large

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
    others are pipelined: an `infer` behind another route's request goes through ASGI as well.

    A refusal is an answer like any other and waits for its turn; it is the last one, and nothing
    after the refused request is read. The connection closes when all that was asked is answered.
    """

    def __init__(self, *, front: Front, now: Callable[[], float], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._front = front
        self._bodies = front.bodies
        self._now = now
        self._asgi = self.app
        self._exchanges: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._keeps_alive = True
        self._body: bytes | bytearray = b""
        self._head_size = 0
        self._since = now()
        self._reading = False
        self._ended = False
        """No further request is taken."""
        self._refused = False
        """It ended in the middle of what the client sends."""
        self._refusal = b""
        """The last answer, to what is no infer request: it waits for ASGI as well."""
        self._emptied: asyncio.Event | None = None

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:
            pass  # an answer in HTTP/1.1 says that nothing else is spoken here
        except HttpParserError as error:
            cause = error.__context__
            known = cause if isinstance(cause, RetreadError) else None
            self._refuse(known or InvalidInput("This is not HTTP.", "Send HTTP/1.1."))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._current is not None:
            self._bodies.held -= self._current.size
            self._current = None
        super().connection_lost(exc)

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._ended:
            raise _AfterTheLast
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
        if (
            version is None
            or self._in_asgi()
            or self.parser.get_method() != b"POST"
            or self.parser.should_upgrade()
        ):
            self._current = None
            self._leave_to_asgi()
            return
        exchange = self._current = Exchange(self, self._front)
        exchange.version = version
        self._keeps_alive = (
            self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        )
        self._body = b""
        self._exchanges.append(exchange)
        if len(self._exchanges) > MAX_PIPELINED:
            self.flow.pause_reading()
        self._read_headers(exchange)

    def on_body(self, body: bytes) -> None:
        exchange = self._current
        if exchange is None:
            if not self._ended:
                super().on_body(body)
            return
        bodies = self._bodies
        size = len(body)
        exchange.size += size
        bodies.held += size
        if exchange.size > bodies.largest:
            self._refuse(too_large(bodies.largest))
        elif bodies.held > bodies.limit:
            self._refuse(bodies.full())
        elif not self._body:
            self._body = body  # all of it, nearly always
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += body

    def on_message_complete(self) -> None:
        exchange, self._current = self._current, None
        if exchange is None:
            if not self._ended:
                self._reading = False
                super().on_message_complete()
            return
        self._reading = False
        self._ended = not self._keeps_alive
        body, self._body = self._body, b""
        exchange.start(body if isinstance(body, bytes) else bytes(body))

    # What the exchange and uvicorn's cycle call.

    def finished(self) -> None:
        """Send every answer whose turn it is."""
        exchanges = self._exchanges
        ending = self._ended or self._front.draining
        while exchanges and exchanges[0].response:
            response = exchanges.popleft().response
            if ending and self._is_last():
                response = closing(response)
            if not self.transport.is_closing():
                self.transport.write(response)
        if not exchanges:
            self._since = self._now()
            if self._emptied is not None:
                self._emptied.set()
            if ending:
                self._end()
        if not self.flow.write_paused and len(exchanges) <= MAX_PIPELINED:
            self.flow.resume_reading()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._ended or self._front.draining:
            self._end()

    # What the server calls.

    def shutdown(self) -> None:
        if not self._busy():
            self.transport.close()
        elif self._in_asgi():
            self.cycle.keep_alive = False

    def check_age(self, now: float) -> None:
        """Close what is idle for long; 408 for a request that does not arrive."""
        if self.transport is None or self.transport.is_closing():
            return
        if self._refused:
            if not self._busy() and now - self._since > LINGER_S:
                self.transport.close()
        elif self._reading and now - self._since > SLOW_S:
            self._refuse(
                HttpRefusal(
                    HTTPStatus.REQUEST_TIMEOUT,
                    f"The request did not arrive within {SLOW_S:.0f} seconds.",
                )
            )
        elif not self._busy() and now - self._since > IDLE_S:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.flow.resume_reading()

    def _refuse(self, error: RetreadError) -> None:
        """Answer `error` to what is being read, after all that was asked before."""
        if self._ended:
            return
        self._ended = self._refused = True
        self._since = self._now()
        self._body = b""
        exchange, self._current = self._current, None
        if exchange is not None:
            self._front.plane.refuse(exchange, error)
            return
        # What is no infer request is not told to the data plane: a scan of ports is no traffic.
        self._refusal = closing(Exchange(None, self._front).problem(error))
        self._end()

    def _is_last(self) -> bool:
        """Whether the answer that goes out now is followed by none."""
        half_read = self._reading and not self._ended
        return not (self._exchanges or half_read or self._refusal or self._in_asgi())

    def _end(self) -> None:
        """Close when everything is answered. Not in the face of a client that still sends: it
        would lose the answer."""
        if self._exchanges or self._answers_in_asgi() or (self._reading and not self._ended):
            return
        self._ended = True
        if self.transport.is_closing():
            return
        if self._refusal:
            self.transport.write(self._refusal)
            self._refusal = b""
        if self._refused and not self._front.draining and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _in_asgi(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _answers_in_asgi(self) -> bool:
        """Whether ASGI has something to answer; a request that was cut off in its body has not."""
        cut_off = self._refused and not self.pipeline and self.cycle and self.cycle.more_body
        return self._in_asgi() and not cut_off

    def _busy(self) -> bool:
        return bool(self._exchanges) or self._answers_in_asgi()

    def _read_headers(self, exchange: Exchange) -> None:
        refusal: RetreadError | None = None
        for name, value in self.headers:
            if name == b"content-length":
                size = int(value)
                if size > self._bodies.largest:
                    refusal = too_large(self._bodies.largest)
                elif self._bodies.held + size > self._bodies.limit:
                    refusal = self._bodies.full()
            else:
                try:
                    exchange.take_header(name, value)
                except RetreadError as error:
                    refusal = error
        if refusal is not None:
            self._refuse(refusal)
        elif self.expect_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

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


class _AfterTheLast(Exception):
    """A request behind the last one that is answered."""


def _head_too_long() -> InvalidInput:
    """Raised through the parser, which wraps it."""
    return InvalidInput(f"The headers are longer than {MAX_HEAD} bytes.")


def _after(emptied: asyncio.Event, app: Any) -> Any:
    async def wait_then_run(scope: Any, receive: Any, send: Any) -> None:
        await emptied.wait()
        await app(scope, receive, send)

    return wait_then_run
