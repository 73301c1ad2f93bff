"""One HTTP connection from its beginning to its end: what is answered on it, and when it closes."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from enum import Enum
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from retread.core import InvalidInput, RetreadError, Unavailable
from retread.serving.call import internal_error
from retread.serving.http.error_responses import HttpRefusal, status_of, text_error_body
from retread.serving.http.infer_request import InferRequest
from retread.serving.http.responses import error_head, id_lines, serialised
from retread.serving.http.server_state import ServerState

MAX_PIPELINED = 64
"""Requests of one connection in flight before no more are read."""

SLOW_S = 30.0
"""A request that has not arrived after this time gets 408."""

LINGER_S = 10.0
"""A client that goes on sending after a refusal is cut off after this time."""

IDLE_S = 75.0
"""A connection without a request is closed after this time."""

PROBE_S = 1.0
"""A client that has closed its side is asked at this interval whether it still reads."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_GAVE_UP = serialised(
    error_head(500), b"Thu, 01 Jan 1970 00:00:00 GMT", b"", text_error_body(internal_error()), True
)
_TCP_CLOSE = 7
"""State of a connection that the other side has reset, in Linux's TCP_INFO."""

logger = logging.getLogger(__name__)


class ConnectionPhase(Enum):
    """Where a connection is between its beginning and its end."""

    IDLE = "between two requests"
    READING = "in the middle of a request"
    LAST = "the last request was taken"
    REFUSED = "a request was refused in the middle"


# Members by name: looking one up on the class is slow in the hot path.
IDLE, READING, LAST, REFUSED = ConnectionPhase
CLOSING = (LAST, REFUSED)


class Connection(HttpToolsProtocol):
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

    A client may close its side once it has sent its requests (`eof_received`); what has arrived is
    answered. Whatever raises, every request is answered and no budget stays held: `_give_up` is
    the last resort.
    """

    def __init__(self, *, state: ServerState, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._state = state
        self._phase = IDLE
        self._since = state.time
        """When the request began to arrive, was refused, or the last response was sent."""
        self._requests: deque[InferRequest] = deque()
        """The infer requests whose response has not been sent, in order."""
        self._current: InferRequest | None = None
        """The infer request that is arriving."""
        self._body: bytes | bytearray = b""
        self._refusal: bytes | None = None
        """The last response, to what is not an infer request: it waits for ASGI as well."""
        self._answered: asyncio.Event | None = None
        """Set when no infer request is unanswered; ASGI waits for it."""
        self._has_client_ended = False
        """Whether the client has closed its side: it sends no more, but may still read."""
        self._probed_at: float | None = None
        """When such a client was asked last whether it still reads."""
        self.is_gone = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._since = self._state.time
        self._state.connections.add(self)

    def eof_received(self) -> bool:  # type: ignore[override]  # as in asyncio.Protocol
        """Return whether the connection stays open: until what has arrived is answered."""
        self._has_client_ended = True
        if self._phase is READING:
            self._refuse(InvalidInput("The request ended before all of it had arrived."))
        if not self._is_busy():
            return False
        if self._phase is IDLE:
            self._phase = LAST
        if self._is_in_asgi() and not self.pipeline:
            self.cycle.keep_alive = False
        self._state.half_closed.add(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_gone = True
        self._state.connections.discard(self)
        self._state.half_closed.discard(self)
        self._forget_current()
        # uvicorn does so only where the client closes in order; its timer would hold the rest.
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    # Called by infer requests, and by uvicorn's request cycle.

    def finished(self) -> None:
        """Send every response whose turn it is."""
        try:
            self._send_responses()
        except Exception:
            logger.exception("A response could not be sent.")
            self._give_up()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._phase in CLOSING or self._state.draining:
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
        if self._phase is REFUSED:
            if age > LINGER_S and not self._is_busy():
                self.transport.close()
        elif self._phase is READING and age > SLOW_S:
            message = f"The request did not arrive within {SLOW_S:.0f} seconds."
            self._refuse(HttpRefusal(HTTPStatus.REQUEST_TIMEOUT, message))
        elif age > IDLE_S and not self._is_busy():
            self.transport.close()

    def check_client(self, now: float) -> None:
        """Drop what a client that has closed its side waits for, if it does not read any more.

        That cannot be told apart before something is sent: 100 Continue, which every client of
        HTTP/1.1 skips, and to which the system of a client that is gone responds with a reset.
        """
        if self.transport.is_closing() or not self._is_busy():
            self._state.half_closed.discard(self)
        elif self._is_reset():
            self.transport.abort()
        elif self._probed_at is None or now - self._probed_at >= PROBE_S:
            self._probed_at = now
            has_begun = self._is_in_asgi() and self.cycle.response_started
            if not has_begun and self.parser.get_http_version() == "1.1":
                self.transport.write(CONTINUE)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.flow.resume_reading()

    # What decides which connection is closed when there are too many.

    @property
    def since(self) -> float:
        """When the request began to arrive, was refused, or the last response was sent."""
        return self._since

    @property
    def is_between_requests(self) -> bool:
        """Whether no request has begun to arrive and none waits for its response."""
        return self._phase is not READING and not self._is_busy()

    @property
    def is_unanswered(self) -> bool:
        """Whether a request that has arrived waits for its response."""
        return self._phase is not READING and self._is_busy()

    def give_way(self) -> None:
        """Close, with 503 if a request has begun to arrive or nothing has been sent yet."""
        self._refuse(Unavailable("The server has too many connections.", "Try again soon."))
        self.transport.close()

    # The end of a connection.

    def _send_responses(self) -> None:
        requests, transport = self._requests, self.transport
        ends = self._phase in CLOSING or self._state.draining
        while requests and (head := requests[0].head) is not None:
            request = requests.popleft()
            is_last = ends and self._is_last()
            if not transport.is_closing():
                lines = request.id_lines
                date = self._state.date
                transport.write(serialised(head, date, lines, request.body, is_last))
        if not requests:
            self._since = self._state.time
            if self._answered is not None:
                self._answered.set()
            if ends:
                self._end()
        if not self.flow.write_paused and len(requests) <= MAX_PIPELINED:
            self.flow.resume_reading()

    def _refuse(self, error: RetreadError) -> None:
        """Respond with `error` to what is being read, after the responses to earlier requests."""
        if self._phase in CLOSING:
            return
        try:
            self._refuse_current(error)
        except Exception:
            logger.exception("A refusal could not be sent.")
            self._give_up()

    def _refuse_current(self, error: RetreadError) -> None:
        self._phase = REFUSED
        self._since = self._state.time
        self._body = b""
        request, self._current = self._current, None
        if request is not None:
            self._state.plane.finish(request, error)
            return
        if self._has_begun_to_answer():
            self._end()
            return
        # What is not an infer request is not counted by the data plane: a port scan is not traffic.
        head, lines = error_head(status_of(error)), id_lines(self._state.ids.new(), None)
        self._refusal = serialised(head, self._state.date, lines, text_error_body(error), True)
        self._end()

    def _forget_current(self) -> None:
        """Let go of a request that will not arrive: it and its connection hold each other."""
        request, self._current = self._current, None
        if request is None:
            return
        request.release()
        request.connection = None
        self._body = b""
        if self._requests and self._requests[-1] is request:
            self._requests.pop()

    def _give_up(self) -> None:
        """Answer with what needs nothing else to work, and close."""
        for request in self._requests:
            request.release()
        self._requests.clear()
        if not self.transport.is_closing():
            self.transport.write(_GAVE_UP)
            self.transport.close()

    def _end(self) -> None:
        """Close the connection if everything is answered.

        After a refusal it is closed for writing only: a client that is still sending would lose
        the response if it were reset.
        """
        if self._requests or self._phase is READING or self._awaits_asgi():
            return
        if self._phase is IDLE:
            self._phase = LAST
        if self.transport.is_closing():
            return
        if self._refusal is not None:
            self.transport.write(self._refusal)
            self._refusal = None
        may_linger = not (self._state.draining or self._has_client_ended)
        lingers = self._phase is REFUSED and may_linger
        if lingers and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

    def _is_last(self) -> bool:
        """Return whether the response that is being sent is the last one."""
        return not (
            self._requests
            or self._phase is READING
            or self._refusal is not None
            or self._is_in_asgi()
        )

    def _is_in_asgi(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _awaits_asgi(self) -> bool:
        """Return whether ASGI is to respond; not to a request that was cut off in its body."""
        refused = self._phase is REFUSED
        is_cut_off = refused and not self.pipeline and self.cycle and self.cycle.more_body
        return self._is_in_asgi() and not is_cut_off

    def _has_begun_to_answer(self) -> bool:
        """Return whether ASGI answers what is still being read, as it may before all of it came."""
        return self.cycle is not None and self.cycle.more_body and self.cycle.response_started

    def _is_busy(self) -> bool:
        return bool(self._requests) or self._awaits_asgi()

    def _is_reset(self) -> bool:
        connection: socket.socket | None = self.transport.get_extra_info("socket")
        if connection is None or not hasattr(socket, "TCP_INFO"):
            return False
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE
