"""uvicorn's HTTP protocol, which answers `infer` itself and leaves every other route to ASGI."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from retread.core import RetreadError
from retread.serving.call import internal_error, without_frames
from retread.serving.http.connection import (
    CLOSING,
    CONTINUE,
    IDLE,
    LAST,
    MAX_PIPELINED,
    READING,
    Connection,
)
from retread.serving.http.error_responses import body_too_large
from retread.serving.http.infer_request import InferRequest
from retread.serving.http.parsing import (
    MAX_HEAD,
    AfterTheLast,
    bad_target,
    failure_of,
    head_too_long,
    head_without_upgrade,
    host_in,
    unsupported_coding,
)
from retread.serving.http.same_origin import OF_PAGES
from retread.serving.http.server_state import ServerState

# Most fields mean nothing to us: they are passed over at the cost of a few look-ups.
_READ_BY_REQUEST = frozenset(
    b"content-encoding content-length content-type inference-header-content-length x-request-id "
    b"x-retread-key x-retread-slot".split()
)

logger = logging.getLogger(__name__)


class InferenceProtocol(Connection):
    """What the parser calls: reads infer requests, and leaves every other to ASGI."""

    def __init__(self, *, state: ServerState, **arguments: Any) -> None:
        super().__init__(state=state, **arguments)
        self._bodies = state.bodies
        self._asgi = self.app
        self._keeps_alive = True
        self._head_size = 0
        self._without_upgrade: bytes | None = None
        """The head of a request with Upgrade, as it is read instead."""

    def data_received(self, data: bytes) -> None:
        if self._phase in CLOSING:
            return
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        behind: bytes | None = None
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            behind = data[upgrade.args[0] :]
        except Exception as error:
            self._refuse(failure_of(error))
        # Not within `except`: what our methods raise in the parser would lose its cause there.
        if behind is not None and self._without_upgrade is not None:
            head, self._without_upgrade = self._without_upgrade, None
            self._renew_parser()
            self.data_received(head + behind)

    def _renew_parser(self) -> None:
        # The old one takes nothing more where the head with Upgrade said Connection: close.
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)

    # Called by the parser.

    def on_message_begin(self) -> None:
        if self._phase in CLOSING:
            raise AfterTheLast
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._head_size = 0
        self._phase = READING
        self._since = self._state.time

    def on_url(self, url: bytes) -> None:
        self.url += url
        self._head_size += len(url)
        if self._head_size > MAX_HEAD:
            raise head_too_long()

    def on_header(self, name: bytes, value: bytes) -> None:
        size = self._head_size = self._head_size + len(name) + len(value)
        if size > MAX_HEAD:
            raise head_too_long()
        name = name.lower()
        if name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise unsupported_coding(value)
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
            if self._phase not in CLOSING:
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
            if self._phase not in CLOSING and self._without_upgrade is None:
                self._phase = IDLE
                super().on_message_complete()
            return
        self._phase = IDLE if self._keeps_alive else LAST
        body, self._body = self._body, b""
        try:
            request.receive_body(body if isinstance(body, bytes) else bytes(body))
        except Exception:
            logger.exception("Request %s could not be taken.", request.id)
            self._state.plane.finish(request, internal_error())

    def _read_headers(self, request: InferRequest) -> None:
        refusal: RetreadError | None = None
        names_connection = needs_check = False
        hosts, known_hosts = 0, self._state.guard.known
        for name, value in self.headers:
            if name in _READ_BY_REQUEST:
                try:
                    request.read_header(name, value)
                except RetreadError as error:
                    refusal = without_frames(error)
            elif name == b"host":
                hosts += 1
                needs_check = needs_check or value not in known_hosts
            elif name == b"connection":
                names_connection = True
            elif name in OF_PAGES:
                needs_check = True
        if needs_check or hosts != 1:
            refusal = self._refusal_of_origin() or refusal
        # HTTP/1.0 keeps a connection alive only by that header; we never do.
        parser = self.parser
        is_old = names_connection and parser.get_http_version() == "1.0"
        self._keeps_alive = parser.should_keep_alive() and not is_old
        if refusal is not None:
            self._refuse(refusal)
        elif self.expect_100_continue:
            self.transport.write(CONTINUE)

    def _refusal_of_origin(self) -> RetreadError | None:
        try:
            self._state.guard.check(self.headers, self.parser.get_http_version())
        except RetreadError as error:
            return without_frames(error)
        return None

    def _leave_to_asgi(self) -> None:
        self._current = None
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self._state.guard.check(self.headers, version)
        if (host := host_in(self.url)) is not None:
            self._state.guard.check_host(host)
        if self.parser.should_upgrade() and method != b"CONNECT":
            self._without_upgrade = head_without_upgrade(method, self.url, version, self.headers)
            return
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers = headers
        self.scope["headers"] = headers
        if self._requests:
            if self._answered is None or self._answered.is_set():
                self._answered = asyncio.Event()
            self.app = _after(self._answered, self._asgi)
        try:
            super().on_headers_complete()
        except (AttributeError, ValueError, HttpParserError):
            raise bad_target(url) from None
        finally:
            self.app = self._asgi


def _after(answered: asyncio.Event, app: Any) -> Any:
    async def wait_then_run(scope: Any, receive: Any, send: Any) -> None:
        await answered.wait()
        await app(scope, receive, send)

    return wait_then_run
