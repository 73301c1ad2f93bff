"""One infer request over HTTP, from its headers and body to the response."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message

from retread.core import InvalidInput, RetreadError
from retread.registry.events import Slot
from retread.serving.call import Call, internal_error, without_frames
from retread.serving.http.content_encoding import checked_encoding, decoded, largest_decoded
from retread.serving.http.error_responses import (
    body_too_large,
    status_of,
    text_error_body,
    unsupported_type,
)
from retread.serving.http.responses import (
    ResponseHead,
    error_head,
    id_headers,
    id_lines,
    in_json,
    with_unknown,
)
from retread.serving.http.server_state import BodyBudget, ServerState
from retread.serving.http.v2_request import decode_request, decode_row
from retread.serving.request_id import is_caller_id

IMAGE_TYPES = (
    *("image/jpeg", "image/png", "image/webp", "image/bmp", "image/gif", "image/tiff"),
    *("image/avif", "image/x-portable-anymap"),
)
_ALIASES = frozenset(
    {"image/jpg", "image/pjpeg", "image/x-png", "image/x-bmp", "image/x-ms-bmp", "image/x-webp"}
)
"""Other names of the same types; the decoder looks at the content, not at the name."""

LARGE_JSON = 65_536
"""Longer bodies are decoded in a thread, so that they do not hold up other requests."""

_JSON = b"application/json"
_FAILED = error_head(500), text_error_body(internal_error())
"""What needs nothing else to work."""
_NO_ID = "unknown"
_MAX_KEY = 256

logger = logging.getLogger(__name__)


class ResponseSink(Protocol):
    """Where the response goes.

    Attributes:
        is_gone: Whether the client is gone.
    """

    is_gone: bool

    def finished(self) -> None:
        """Take note that a request of this connection has its `head` and `body`."""
        ...


class InferRequest(Call):
    """A call that arrived by HTTP. `reply` sets `head` and `body` and notifies the connection.

    Attributes:
        content_type: Content-Type of the request.
        content_encoding: Its Content-Encoding; b"" for none.
        held_bytes: Bytes of the request's body that count in the body budget.
        outputs: The outputs that the client requested; empty for the default ones.
        head: Status and headers of the response; None until there is a response.
        body: Body of the response.
    """

    __slots__ = (
        "body",
        "connection",
        "content_encoding",
        "content_type",
        "head",
        "held_bytes",
        "outputs",
        "state",
    )

    def __init__(self, connection: ResponseSink, state: ServerState) -> None:
        super().__init__()
        self.connection: ResponseSink | None = connection
        self.state = state
        self.held_bytes = 0
        self.content_type = _JSON
        self.content_encoding = b""
        self.outputs: Sequence[str] = ()
        self.head: ResponseHead | None = None
        self.body = b""

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON, which is the default: clients of V2 leave Content-Type out."""
        kind = self.content_type
        return kind == _JSON or _media_type(kind) in ("application/json", "")

    @property
    def is_abandoned(self) -> bool:
        """Whether the client is gone."""
        return self.connection is None or self.connection.is_gone

    @property
    def id_lines(self) -> bytes:
        """The header lines that name the request."""
        return id_lines(self.id, self.caller_id)

    def read_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, if it means something to the data plane.

        Raises:
            HttpRefusal: The content is encoded in a way that is not supported.
            InvalidInput: Its value is not allowed.
            Unavailable: There is no memory now for a body of this length.
        """
        if name == b"content-type":
            self.content_type = value
        elif name == b"content-length":
            _check_size(self.state.bodies, int(value), int(value))
        elif name == b"x-request-id":
            self._set_caller_id(value.decode("latin-1"))
        elif name == b"x-retread-key":
            self.key = value.decode("latin-1")[:_MAX_KEY] or None
        elif name == b"x-retread-slot":
            self.requested_slot = _slot(value.decode("latin-1"))
        elif name == b"content-encoding":
            self.content_encoding = checked_encoding(value)
        elif name == b"inference-header-content-length":
            raise InvalidInput(
                "Tensors in binary are not supported.",
                "Send their data as JSON; with tritonclient: set_data_from_numpy(array, "
                "binary_data=False).",
            )

    def receive_body(self, body: bytes) -> None:
        """Decode the body and submit the call to the data plane; `reply` follows."""
        plane = self.state.plane
        try:
            self.id = self.state.ids.new()
            if self.content_encoding:
                self._hold_decoded(body)
                plane.submit_unread(self, lambda: self._decode(self._decoded(body)))
                return
            if self.content_type == _JSON and (row := decode_row(body)) is not None:
                name, self.values = row
                self.caller_id = name or self.caller_id
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
        try:
            self.id = self.id or self.state.ids.new()
            if error is None:
                error = self._render_result()
            if error is not None:
                self.head, self.body = error_head(status_of(error)), text_error_body(error)
        except Exception:
            logger.exception("The response to request %s could not be made.", self.id)
            self.id = self.id or _NO_ID
            self.head, self.body = _FAILED
        assert self.head is not None
        self.status = self.head.status
        self.release()
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.finished()

    def release(self) -> None:
        """Take the body out of the budget; it does no harm to do so again."""
        self.state.bodies.held -= self.held_bytes
        self.held_bytes = 0

    def _render_result(self) -> RetreadError | None:
        """Make the response of the result; return why there is none, if so."""
        result = self.result
        assert result is not None
        try:
            template = self.state.templates.template(self.entry)
            name = self.id.encode() if self.caller_id is None else in_json(self.caller_id)
            if not self.outputs and len(result.outputs) == 1:
                self.body = template.one_row(name, result)
            else:
                self.body = template.many_rows(name, result, self.outputs)
            if self.rows is not None and self.rows.unknown:
                self.body = with_unknown(self.body, self.rows.unknown)
        except RetreadError as error:  # outputs that the model does not have
            return without_frames(error)
        self.head = template.head
        return None

    def _decode(self, body: bytes) -> None:
        kind = _media_type(self.content_type)
        if self.is_json:
            request = decode_request(body)
            self.tensors, self.outputs = request.tensors, request.outputs
            if request.id is not None:
                self._set_caller_id(request.id)
        elif kind in IMAGE_TYPES or kind in _ALIASES:
            self.images = [body]
        else:
            supported = f"application/json (V2 tensors) or one of: {', '.join(IMAGE_TYPES)}"
            raise unsupported_type(kind, supported)

    def _set_caller_id(self, name: str) -> None:
        # A prediction is not refused for its id: the answer has the server's instead.
        self.caller_id = name if is_caller_id(name) else None

    def _hold_decoded(self, body: bytes) -> None:
        bodies = self.state.bodies
        size = largest_decoded(body, bodies.largest)
        _check_size(bodies, 0, size)
        bodies.held += size
        self.held_bytes += size

    def _decoded(self, body: bytes) -> bytes:
        return decoded(body, self.content_encoding, self.state.bodies.largest)


class AwaitedReply:
    """The connection of a request that came through ASGI: wakes the coroutine that awaits it."""

    def __init__(self) -> None:
        self.is_gone = False
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def finished(self) -> None:
        """Wake the coroutine."""
        if not self._done.done():
            self._done.set_result(None)

    async def wait(self, request: Request) -> None:
        """Wait for the reply; note when the client of `request` is gone before it comes."""
        watch = asyncio.ensure_future(request.receive())
        watch.add_done_callback(self._note_end)
        try:
            await self._done
        finally:
            watch.cancel()

    def _note_end(self, watch: asyncio.Future[Message]) -> None:
        # The body has been read: what is received now is the end of the connection.
        self.is_gone = not watch.cancelled() and not self._done.done()


def asgi_response(request: InferRequest, body: bytes | None = None) -> Response:
    """Return the response of a request that has one, with another body if one is given."""
    assert request.head is not None
    headers = {**request.head.headers, **id_headers(request.id, request.caller_id)}
    return Response(request.body if body is None else body, request.head.status, headers)


@asynccontextmanager
async def body_of(
    request: Request, bodies: BodyBudget, *, decodes: bool = True
) -> AsyncIterator[bytes]:
    """Yield the body of an ASGI request, which counts in the budget until the block ends.

    Args:
        request: The request.
        bodies: The budget.
        decodes: Whether to yield a compressed body as it was before.

    Raises:
        HttpRefusal: The Content-Encoding is not supported.
        InvalidInput: The client disconnected before the end of the body, or it cannot be decoded.
        TooLarge: The body is too large.
        Unavailable: The budget is exhausted.
    """
    announced = int(request.headers.get("content-length", "0"))
    encoding = checked_encoding(request.headers.get("content-encoding", "").encode("latin-1"))
    body = bytearray()
    held = 0
    try:
        _check_size(bodies, announced, announced)
        async for part in request.stream():
            body += part
            held += len(part)
            bodies.held += len(part)
            _check_size(bodies, len(body), 0)
        content = bytes(body)
        if encoding and decodes:
            size = largest_decoded(content, bodies.largest)
            _check_size(bodies, 0, size)
            held += size
            bodies.held += size
            content = await asyncio.to_thread(decoded, content, encoding, bodies.largest)
        yield content
    except ClientDisconnect:
        raise InvalidInput("The request ended before its body did.") from None
    finally:
        bodies.held -= held


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
