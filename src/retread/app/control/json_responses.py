"""JSON responses, and errors in the one shape that every part of Retread uses."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from retread.core import RetreadError
from retread.serving.http.error_responses import (
    RETRY_AFTER_S,
    HttpRefusal,
    error_body,
    status_of,
)


def json_response(value: Any, status: int = 200) -> Response:
    """Return `value` as a JSON response."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def error_response(error: RetreadError, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as a JSON response."""
    status = status_of(error)
    sent = dict(headers or {})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        sent["retry-after"] = str(RETRY_AFTER_S)
    return Response(error_body(error), status, sent, media_type="application/json")


def handle_retread_error(_: Request, error: Exception) -> Response:
    """Respond to a RetreadError."""
    assert isinstance(error, RetreadError)
    return error_response(error)


def handle_http_error(request: Request, error: Exception) -> Response:
    """Respond to an unknown path or method."""
    assert isinstance(error, HTTPException)
    message = f"{error.detail}: {request.method} {request.url.path[:200]!r}."
    refusal = HttpRefusal(HTTPStatus(error.status_code), message, "See /api/status.")
    return error_response(refusal, error.headers)


def handle_unexpected_error(_request: Request, _error: Exception) -> Response:
    """Respond with 500 to an unexpected error.

    Its details are not sent: Starlette raises it again, and uvicorn logs it with a traceback.
    """
    message = "The request failed because of an unexpected error."
    hint = "See logs/control.log in the project's home."
    return error_response(HttpRefusal(HTTPStatus.INTERNAL_SERVER_ERROR, message, hint))
