"""Errors as HTTP responses, for every server of Retread: `{"error": {"code", "message", "hint"}}`.

Clients of the Open Inference Protocol and of MLflow expect a text there: on their routes it is
`{"error": "message and hint", "code", "hint"}`.

An unexpected error is 500 and is logged with its traceback; 503 is for what waiting can cure, and
says so with Retry-After.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from retread.core import (
    Conflict,
    Inconclusive,
    InvalidInput,
    NotFound,
    Refused,
    RetreadError,
    Unavailable,
)
from retread.serving.call import ClientGone, NoFiniteAnswer
from retread.serving.tensors import TooLarge

RETRY_AFTER_S = 1
LOOK_AT_LOG = "See the server's log."

STATUSES: tuple[tuple[type[RetreadError], int], ...] = (
    (TooLarge, 413),
    (InvalidInput, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 409),
    (Inconclusive, 409),
    (NoFiniteAnswer, 422),
    (ClientGone, 408),
    (Unavailable, 503),
)

_MOST_TEXT = 2_000
"""Characters of a message; what a client sent, and is told about, may be as long as its body."""

_encode = msgspec.json.Encoder().encode


class HttpRefusal(RetreadError):
    """A request that is wrong in a way that only HTTP knows; `status` says how."""

    def __init__(self, status: HTTPStatus, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = status.name.lower()


def status_of(error: RetreadError) -> int:
    """Return the HTTP status of an error; 500 for an error that no request should cause.

    >>> status_of(NotFound("no such model")), status_of(RetreadError("surprise"))
    (404, 500)
    """
    if isinstance(error, HttpRefusal):
        return int(error.status)
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def error_body(error: RetreadError) -> bytes:
    """Return the JSON of an error.

    >>> error_body(NotFound("No such model.", "Name another."))
    b'{"error":{"code":"not_found","message":"No such model.","hint":"Name another."}}'
    """
    message, hint = _cut(error.message), _cut(error.hint)
    return _encode({"error": {"code": error.code, "message": message, "hint": hint}})


def text_error_body(error: RetreadError) -> bytes:
    """Return the JSON of an error, for routes of other servers' clients.

    >>> text_error_body(NotFound("No such model.", "Name another."))
    b'{"error":"No such model. Name another.","code":"not_found","hint":"Name another."}'
    """
    message, hint = _cut(error.message), _cut(error.hint)
    text = f"{message} {hint}" if hint else message
    return _encode({"error": text, "code": error.code, "hint": hint})


ErrorBody = Callable[[RetreadError], bytes]
"""Returns the JSON of an error."""


def error_headers(status: int) -> dict[str, str]:
    """Return the headers that every error of this status has."""
    headers = {"content-type": "application/json"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = str(RETRY_AFTER_S)
    return headers


def error_response(
    error: RetreadError,
    headers: Mapping[str, str] | None = None,
    body: ErrorBody = error_body,
) -> Response:
    """Return an error as a response.

    Args:
        error: The error.
        headers: Further headers.
        body: Makes the JSON of it.
    """
    status = status_of(error)
    return Response(body(error), status, {**error_headers(status), **(headers or {})})


def error_handlers(
    headers_of: Callable[[Request], Mapping[str, str]] = lambda _: {},
    hints: Mapping[int, str] | None = None,
    body_for: Callable[[Request], ErrorBody] = lambda _: error_body,
) -> dict[type[Exception], ExceptionHandler]:
    """Return the exception handlers of a Starlette application.

    The traceback of an unexpected error is logged by uvicorn, to which Starlette raises it again.

    Args:
        headers_of: Further headers for the error of a request.
        hints: The hint for an unknown path, a wrong method and so on, by status.
        body_for: What makes the JSON of an error, by request.
    """

    def handle_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RetreadError)
        return error_response(error, headers_of(request), body_for(request))

    def handle_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        message = f"{status.phrase}: {request.method} {request.url.path[:200]}."
        refusal = HttpRefusal(status, message, (hints or {}).get(status, ""))
        headers = {**headers_of(request), **(error.headers or {})}
        return error_response(refusal, headers, body_for(request))

    def handle_unexpected(request: Request, _: Exception) -> Response:
        failure = RetreadError("The server failed to process this request.", LOOK_AT_LOG)
        return error_response(failure, headers_of(request), body_for(request))

    return {
        RetreadError: handle_error,
        HTTPException: handle_http_error,
        Exception: handle_unexpected,
    }


def body_too_large(limit: int) -> TooLarge:
    """Make the refusal of a body of more than `limit` bytes."""
    return TooLarge(
        f"The request body is larger than {limit:,} bytes.",
        "Send less per request, or raise [serving] max_body_mb.",
    )


def unsupported_type(content_type: str, supported: str) -> HttpRefusal:
    """Make the refusal of a body of an unsupported Content-Type."""
    return HttpRefusal(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"The Content-Type {content_type[:80]!r} is not supported.",
        f"Use {supported}.",
    )


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"
