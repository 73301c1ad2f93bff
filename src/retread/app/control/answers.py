"""JSON answers, and errors in the one shape."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from retread.core import RetreadError, Unavailable
from retread.serving.http.error_responses import RETRY_AFTER_S, HttpRefusal, error_body, status_of


def document(value: Any, status: int = 200) -> Response:
    """`value` as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(error: RetreadError, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the shape that every part of Retread uses."""
    status = status_of(error)
    sent = dict(headers or {})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        sent["retry-after"] = str(RETRY_AFTER_S)
    return Response(error_body(error), status, sent, media_type="application/json")


def from_retread(_: Request, error: Exception) -> Response:
    """A RetreadError as HTTP."""
    assert isinstance(error, RetreadError)
    return problem(error)


def from_http(request: Request, error: Exception) -> Response:
    """An unknown path or method."""
    assert isinstance(error, HTTPException)
    message = f"{error.detail}: {request.method} {request.url.path[:200]!r}."
    refusal = HttpRefusal(HTTPStatus(error.status_code), message, "See /api/status.")
    return problem(refusal, error.headers)


def from_anything(_request: Request, _error: Exception) -> Response:
    """What nobody foresaw: its story is in the log, and not for who asked."""
    hint = "See logs/control.log in the project's home."
    return problem(Unavailable("This could not be answered.", hint))
