"""JSON answers, and errors in the one shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from retread.core import (
    Conflict,
    Inconclusive,
    InvalidInput,
    NotFound,
    Refused,
    RetreadError,
    Unavailable,
)

_STATUS: tuple[tuple[type[RetreadError], int], ...] = (
    (InvalidInput, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 409),
    (Inconclusive, 409),
    (Unavailable, 503),
)
_CODES = {404: "not_found", 405: "method_not_allowed"}


def document(value: Any, status: int = 200) -> Response:
    """`value` as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def problem(
    status: int, code: str, message: str, hint: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """An error in the shape that every part of Retread uses."""
    body = {"error": {"code": code, "message": message, "hint": hint}}
    content = msgspec.json.encode(body)
    return Response(content, status, dict(headers or {}), media_type="application/json")


def from_retread(_: Request, error: Exception) -> Response:
    """A RetreadError as HTTP: the one translation at this edge."""
    assert isinstance(error, RetreadError)
    status = next((number for kind, number in _STATUS if isinstance(error, kind)), 503)
    headers = {"retry-after": "1"} if status == 503 else None
    return problem(status, error.code, error.message, error.hint, headers)


def from_http(request: Request, error: Exception) -> Response:
    """An unknown path or method."""
    assert isinstance(error, HTTPException)
    what = f"{request.method} {request.url.path}"
    code = _CODES.get(error.status_code, "invalid_input")
    return problem(
        error.status_code, code, f"{error.detail}: {what!r}.", "See /api/status.", error.headers
    )


def from_anything(_request: Request, _error: Exception) -> Response:
    """What nobody foresaw: its story is in the log, and not for who asked."""
    hint = "See logs/control.log in the project's home."
    return problem(503, "unavailable", "This could not be answered.", hint, {"retry-after": "1"})
