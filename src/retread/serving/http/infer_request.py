"""One infer request over HTTP, from its headers and body to the response."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from retread.core import InvalidInput, RetreadError
from retread.registry.events import Slot
from retread.serving.call import Call, internal_error
from retread.serving.http.error_responses import (
    body_too_large,
    error_body,
    status_of,
    unsupported_type,
)
from retread.serving.http.responses import ResponseHead, error_head, with_unknown
from retread.serving.http.server_state import BodyBudget, ServerState
from retread.serving.http.v2_request import decode_request, decode_row
from retread.serving.request_id import checked_request_id

IMAGE_TYPES = (
    *("image/jpeg", "image/png", "image/webp", "image/bmp", "image/gif", "image/tiff"),
    *("image/avif", "image/x-portable-anymap"),
)
LARGE_JSON = 65_536
"""Longer bodies are decoded in a thread, so that they do not hold up other requests."""

_JSON = b"application/json"
_MAX_KEY = 256

logger = logging.getLogger(__name__)


class Connection(Protocol):
    """Where the response goes."""

    def finished(self) -> None:
        """Take note that a request of this connection has its `head` and `body`."""
        ...


class InferRequest(Call):
    """A call that arrived by HTTP. `reply` sets `head` and `body` and notifies the connection.

    Attributes:
        content_type: Content-Type of the request.
        held_bytes: Bytes of the request's body that count in the body budget.
        outputs: The outputs that the client requested; empty for the default ones.
        head: Status and headers of the response; None until there is a response.
        body: Body of the response.
    """

    __slots__ = ("body", "connection", "content_type", "head", "held_bytes", "outputs", "state")

    def __init__(self, connection: Connection, state: ServerState) -> None:
        super().__init__()
        self.connection: Connection | None = connection
        self.state = state
        self.held_bytes = 0
        self.content_type = _JSON
        self.outputs: Sequence[str] = ()
        self.head: ResponseHead | None = None
        self.body = b""

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON, which is the default."""
        kind = self.content_type
        return kind == _JSON or _media_type(kind) in ("application/json", "")

    def read_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, if it means something to the data plane.

        Raises:
            InvalidInput: Its value is not allowed.
        """
        if name == b"content-type":
            self.content_type = value
        elif name == b"x-request-id":
            self.id = checked_request_id(value.decode("latin-1"))
        elif name == b"x-retread-key":
            self.key = value.decode("latin-1")[:_MAX_KEY] or None
        elif name == b"x-retread-slot":
            self.requested_slot = _slot(value.decode("latin-1"))

    def receive_body(self, body: bytes) -> None:
        """Decode the body and submit the call to the data plane; `reply` follows."""
        plane = self.state.plane
        try:
            if self.content_type == _JSON and (row := decode_row(body)) is not None:
                name, self.values = row
                self.id = name or self.id or self.state.ids.new()
            elif len(body) > LARGE_JSON and self.is_json:
                plane.submit_unread(self, lambda: self._decode(body))
                return
            else:
                self._decode(body)
        except RetreadError as error:
            plane.finish(self, error)
        except Exception:
            logger.exception("Request %s could not be read.", self.id)
            plane.finish(self, internal_error())
        else:
            plane.submit(self)

    def reply(self, error: RetreadError | None) -> None:
        """Make the response and tell the connection."""
        if error is None:
            error = self._render_result()
        if error is not None:
            self.id = self.id or self.state.ids.new()
            self.head, self.body = error_head(status_of(error)), error_body(error)
        assert self.head is not None
        self.status = self.head.status
        self.state.bodies.held -= self.held_bytes
        self.held_bytes = 0
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.finished()

    def _render_result(self) -> RetreadError | None:
        """Make the response of the result; return why there is none, if so."""
        result = self.result
        assert result is not None
        try:
            template = self.state.templates.template(self.entry)
            name = self.id.encode()
            if not self.outputs and len(result.outputs) == 1:
                self.body = template.one_row(name, result)
            else:
                self.body = template.many_rows(name, result, self.outputs)
            if self.rows is not None and self.rows.unknown:
                self.body = with_unknown(self.body, self.rows.unknown)
        except RetreadError as error:  # outputs that the model does not have
            return error
        except Exception:
            logger.exception("Request %s could not be answered.", self.id)
            return internal_error()
        self.head = template.head
        return None

    def _decode(self, body: bytes) -> None:
        kind = _media_type(self.content_type)
        if self.is_json:
            request = decode_request(body)
            self.tensors, self.outputs = request.tensors, request.outputs
            self._set_id(request.id)
        elif kind in IMAGE_TYPES:
            self.images = [body]
            self._set_id(None)
        else:
            supported = f"application/json (V2 tensors) or one of: {', '.join(IMAGE_TYPES)}"
            raise unsupported_type(kind, supported)

    def _set_id(self, name: str | None) -> None:
        """Choose the id of the body, else that of the header, else a new one."""
        if name is not None:
            self.id = checked_request_id(name)
        elif not self.id:
            self.id = self.state.ids.new()


class AwaitedReply:
    """The connection of a request that came through ASGI: wakes the coroutine that awaits it."""

    def __init__(self) -> None:
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def finished(self) -> None:
        """Wake the coroutine."""
        if not self._done.done():
            self._done.set_result(None)

    async def wait(self) -> None:
        """Wait for the reply."""
        await self._done


def asgi_response(request: InferRequest, body: bytes | None = None) -> Response:
    """Return the response of a request that has one, with another body if one is given."""
    assert request.head is not None
    headers = {**request.head.headers, "x-request-id": request.id}
    return Response(request.body if body is None else body, request.head.status, headers)


@asynccontextmanager
async def body_of(request: Request, bodies: BodyBudget) -> AsyncIterator[bytes]:
    """Yield the body of an ASGI request, which counts in the budget until the block ends.

    Raises:
        InvalidInput: The client disconnected before the end of the body.
        TooLarge: The body is too large.
        Unavailable: The budget is exhausted.
    """
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
        raise InvalidInput("The request ended before its body did.") from None
    finally:
        bodies.held -= len(body)


def _check_size(bodies: BodyBudget, size: int, more: int) -> None:
    if size > bodies.largest:
        raise body_too_large(bodies.largest)
    if bodies.held + more > bodies.limit:
        raise bodies.exhausted()


def _media_type(content_type: bytes) -> str:
    return content_type.decode("latin-1").partition(";")[0].strip().lower()


def _slot(text: str) -> Slot:
    if text not in (Slot.PRODUCTION, Slot.STAGING):
        raise InvalidInput(
            f"X-Retread-Slot {text[:40]!r} cannot be requested.", "Use production or staging."
        )
    return Slot(text)
