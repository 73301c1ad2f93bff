"""uvicorn's HTTP protocol, which answers `infer` itself and leaves every other route to ASGI."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from enum import Enum
from http import HTTPStatus
from typing import Any

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from retread.core import InvalidInput, RetreadError
from retread.serving.call import internal_error
from retread.serving.http.error_responses import (
    HttpRefusal,
    body_too_large,
    error_body,
    status_of,
)
from retread.serving.http.infer_request import InferRequest
from retread.serving.http.responses import ResponseHead, error_head
from retread.serving.http.server_state import ServerState

MAX_HEAD = 65_536
"""Bytes of path and headers."""

MAX_PIPELINED = 64
"""Requests of one connection in flight before no more are read."""

SLOW_S = 30.0
"""A request that has not arrived after this time gets 408."""

LINGER_S = 10.0
"""A client that goes on sending after a refusal is cut off after this time."""

IDLE_S = 75.0
"""A connection without a request is closed after this time."""

logger = logging.getLogger(__name__)


class _Phase(Enum):
    IDLE = "between two requests"
    READING = "in the middle of a request"
    LAST = "the last request was taken"
    REFUSED = "a request was refused in the middle"


# Members by name: looking one up on the class is slow in the hot path.
_IDLE, _READING, _LAST, _REFUSED = _Phase
_CLOSING = (_LAST, _REFUSED)


class InferenceProtocol(HttpToolsProtocol):
    """One connection.

                 on_message_begin                 on_message_complete, without keep-alive
        ┌──────┐ ────────────────► ┌─────────┐ ──────────────────────────► ┌──────┐
        │ IDLE │                   │ READING │                             │ LAST │ ──► closed
        └──────┘ ◄──────────────── └─────────┘                             └──────┘
          │  │  on_message_complete     │                                      ▲
          │  │                          │ _refuse                              │
          │  └────────────────────────► ▼                                      │
          │             _refuse   ┌─────────┐                                  │
          │                       │ REFUSED │ ──► half closed, then closed     │
          │                       └─────────┘                                  │
          └────────────────────────────────────────────────────────────────────┘
                      draining, and every request is answered

    In LAST and REFUSED no request is taken; the connection closes when all earlier ones are
    answered. A refusal is a response like any other: it waits for its turn, and is the last.

    Responses go out in the order of the requests, also where infer requests and others are
    pipelined: ASGI starts once earlier infer requests are answered (`_answered`), and an infer
    request behind one that is in ASGI goes through ASGI as well.
    """

    def __init__(self, *, state: ServerState, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._state = state
        self._bodies = state.bodies
        self._asgi = self.app
        self._phase = _IDLE
        self._since = state.time
        """When the request began to arrive, was refused, or the last response was sent."""
        self._requests: deque[InferRequest] = deque()
        """The infer requests whose response has not been sent, in order."""
        self._current: InferRequest | None = None
        """The infer request that is arriving."""
        self._keeps_alive = True
        self._body: bytes | bytearray = b""
        self._head_size = 0
        self._refusal: bytes | None = None
        """The last response, to what is not an infer request: it waits for ASGI as well."""
        self._answered: asyncio.Event | None = None
        """Set when no infer request is unanswered; ASGI waits for it."""

    def data_received(self, data: bytes) -> None:
        if self._phase in _CLOSING:
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade:
            pass  # a response in HTTP/1.1 says that no other protocol is supported
        except HttpParserError as error:
            self._refuse(_failure_of(error))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._current is not None:
            self._bodies.held -= self._current.held_bytes
            self._current = None
        super().connection_lost(exc)

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self._phase in _CLOSING:
            raise _AfterTheLast
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._head_size = 0
        self._phase = _READING
        self._since = self._state.time

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._head_size += len(url)
        if self._head_size > MAX_HEAD:
            raise _head_too_long()

    def on_header(self, name: bytes, value: bytes) -> None:
        size = self._head_size = self._head_size + len(name) + len(value)
        if size > MAX_HEAD:
            raise _head_too_long()
        name = name.lower()
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        version: int | None = None
        if self.url != self._state.infer_path:
            version = self._state.version_in(self.url)
            if version is None:
                self._leave_to_asgi()
                return
        parser, cycle = self.parser, self.cycle
        is_in_asgi = cycle is not None and not cycle.response_complete
        if is_in_asgi or parser.get_method() != b"POST" or parser.should_upgrade():
            self._leave_to_asgi()
            return
        request = self._current = InferRequest(self, self._state)
        request.requested_version = version
        self._body = b""
        self._requests.append(request)
        if len(self._requests) > MAX_PIPELINED:
            self.flow.pause_reading()
        self._read_headers(request)

    def on_body(self, body: bytes) -> None:
        request = self._current
        if request is None:
            if self._phase not in _CLOSING:
                super().on_body(body)
            return
        bodies = self._bodies
        size = len(body)
        request.held_bytes += size
        bodies.held += size
        if request.held_bytes > bodies.largest:
            self._refuse(body_too_large(bodies.largest))
        elif bodies.held > bodies.limit:
            self._refuse(bodies.exhausted())
        elif not self._body:
            self._body = body  # nearly always the whole body
        else:
            if isinstance(self._body, bytes):
                self._body = bytearray(self._body)
            self._body += body

    def on_message_complete(self) -> None:
        request, self._current = self._current, None
        if request is None:
            if self._phase not in _CLOSING:
                self._phase = _IDLE
                super().on_message_complete()
            return
        self._phase = _IDLE if self._keeps_alive else _LAST
        body, self._body = self._body, b""
        request.receive_body(body if isinstance(body, bytes) else bytes(body))

    # Called by infer requests, and by uvicorn's request cycle.

    def finished(self) -> None:
        """Send every response whose turn it is."""
        requests, transport = self._requests, self.transport
        ends = self._phase in _CLOSING or self._state.draining
        while requests and (head := requests[0].head) is not None:
            request = requests.popleft()
            is_last = ends and self._is_last()
            if not transport.is_closing():
                transport.write(self._serialise(head, request.id, request.body, is_last))
        if not requests:
            self._since = self._state.time
            if self._answered is not None:
                self._answered.set()
            if ends:
                self._end()
        if not self.flow.write_paused and len(requests) <= MAX_PIPELINED:
            self.flow.resume_reading()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._phase in _CLOSING or self._state.draining:
            self._end()

    # Called by the server and by the transport.

    def shutdown(self) -> None:
        if not self._is_busy():
            self.transport.close()
        elif self._is_in_asgi():
            self.cycle.keep_alive = False

    def check_age(self, now: float) -> None:
        """Close the connection if it has been idle for long; send 408 if a request is slow."""
        if self.transport is None or self.transport.is_closing():
            return
        age = now - self._since
        if self._phase is _REFUSED:
            if age > LINGER_S and not self._is_busy():
                self.transport.close()
        elif self._phase is _READING and age > SLOW_S:
            message = f"The request did not arrive within {SLOW_S:.0f} seconds."
            self._refuse(HttpRefusal(HTTPStatus.REQUEST_TIMEOUT, message))
        elif age > IDLE_S and not self._is_busy():
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.flow.resume_reading()

    # The end of a connection.

    def _refuse(self, error: RetreadError) -> None:
        """Respond with `error` to what is being read, after the responses to earlier requests."""
        if self._phase in _CLOSING:
            return
        self._phase = _REFUSED
        self._since = self._state.time
        self._body = b""
        request, self._current = self._current, None
        if request is not None:
            self._state.plane.finish(request, error)
            return
        # What is not an infer request is not counted by the data plane: a port scan is not traffic.
        head, request_id = error_head(status_of(error)), self._state.ids.new()
        self._refusal = self._serialise(head, request_id, error_body(error), True)
        self._end()

    def _end(self) -> None:
        """Close the connection if everything is answered.

        After a refusal it is closed for writing only: a client that is still sending would lose
        the response if it were reset.
        """
        if self._requests or self._phase is _READING or self._awaits_asgi():
            return
        if self._phase is _IDLE:
            self._phase = _LAST
        if self.transport.is_closing():
            return
        if self._refusal is not None:
            self.transport.write(self._refusal)
            self._refusal = None
        lingers = self._phase is _REFUSED and not self._state.draining
        if lingers and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _is_last(self) -> bool:
        """Return whether the response that is being sent is the last one."""
        return not (
            self._requests
            or self._phase is _READING
            or self._refusal is not None
            or self._is_in_asgi()
        )

    def _is_in_asgi(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _awaits_asgi(self) -> bool:
        """Return whether ASGI is to respond; not to a request that was cut off in its body."""
        refused = self._phase is _REFUSED
        is_cut_off = refused and not self.pipeline and self.cycle and self.cycle.more_body
        return self._is_in_asgi() and not is_cut_off

    def _is_busy(self) -> bool:
        return bool(self._requests) or self._awaits_asgi()

    def _serialise(
        self, head: ResponseHead, request_id: str, body: bytes, is_last: bool, /
    ) -> bytes:
        return b"%bdate: %b\r\nx-request-id: %b\r\n%bcontent-length: %d\r\n\r\n%b" % (
            head.rendered,
            self._state.date,
            request_id.encode(),
            b"connection: close\r\n" if is_last else b"",
            len(body),
            body,
        )

    def _read_headers(self, request: InferRequest) -> None:
        refusal: RetreadError | None = None
        names_connection = False
        for name, value in self.headers:
            if name == b"content-length":
                size = int(value)
                if size > self._bodies.largest:
                    refusal = body_too_large(self._bodies.largest)
                elif self._bodies.held + size > self._bodies.limit:
                    refusal = self._bodies.exhausted()
            elif name == b"connection":
                names_connection = True
            else:
                try:
                    request.read_header(name, value)
                except RetreadError as error:
                    refusal = error
        # HTTP/1.0 keeps a connection alive only by that header; we never do.
        parser = self.parser
        is_old = names_connection and parser.get_http_version() == "1.0"
        self._keeps_alive = parser.should_keep_alive() and not is_old
        if refusal is not None:
            self._refuse(refusal)
        elif self.expect_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _leave_to_asgi(self) -> None:
        self._current = None
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers = headers
        self.scope["headers"] = headers
        if self._requests:
            if self._answered is None or self._answered.is_set():
                self._answered = asyncio.Event()
            self.app = _after(self._answered, self._asgi)
        super().on_headers_complete()
        self.app = self._asgi


class _AfterTheLast(Exception):
    """Raised in the parser for a request behind the last one that is taken."""


def _head_too_long() -> InvalidInput:
    return InvalidInput(f"The headers are longer than {MAX_HEAD} bytes.")


def _failure_of(error: HttpParserError) -> RetreadError:
    """Return the refusal of what the parser, or one of the methods that it calls, did not take."""
    if not isinstance(error, HttpParserCallbackError):
        return InvalidInput("This is not HTTP.", "Send HTTP/1.1.")
    cause = error.__context__  # the parser wraps what our methods raise
    if isinstance(cause, RetreadError):
        return cause
    if not isinstance(cause, _AfterTheLast):
        logger.error("A request could not be read.", exc_info=cause)
    return internal_error()


def _after(answered: asyncio.Event, app: Any) -> Any:
    async def wait_then_run(scope: Any, receive: Any, send: Any) -> None:
        await answered.wait()
        await app(scope, receive, send)

    return wait_then_run
