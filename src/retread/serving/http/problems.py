"""The one shape of errors: `{"error": {"code", "message", "hint"}}`."""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from retread.core import Conflict, Inconclusive, InvalidInput, NotFound, Refused, RetreadError
from retread.serving.errors import TooLarge

RETRY_AFTER_S = 1

_STATUS: tuple[tuple[type[RetreadError], int], ...] = (
    (TooLarge, 413),
    (InvalidInput, 400),
    (NotFound, 404),
    (Conflict, 409),
    (Refused, 409),
    (Inconclusive, 409),
)
_encoder = msgspec.json.Encoder()
_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}


class HttpRefusal(RetreadError):
    """What only HTTP can get wrong; `status` says how."""

    def __init__(self, status: HTTPStatus, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.status = status
        self.code = status.name.lower()


def status_of(error: RetreadError) -> int:
    """The one translation of errors to HTTP; what nobody foresaw is 503.

    >>> status_of(NotFound("no such model"))
    404
    """
    if isinstance(error, HttpRefusal):
        return int(error.status)
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 503)


def problem_body(error: RetreadError) -> bytes:
    problem = {"code": error.code, "message": error.message, "hint": error.hint}
    return _encoder.encode({"error": problem})


def problem_response(error: RetreadError, headers: bytes) -> bytes:
    """A whole HTTP answer; `headers` are further header lines, each with its end."""
    status = status_of(error)
    body = problem_body(error)
    retry = b"retry-after: %d\r\n" % RETRY_AFTER_S if status == 503 else b""
    head = b"%bcontent-type: application/json\r\n%b%bcontent-length: %d\r\n\r\n"
    return head % (_STATUS_LINES[status], headers, retry, len(body)) + body


def closing(response: bytes) -> bytes:
    """The same answer, saying that it is the last of its connection.

    >>> closing(b"HTTP/1.1 200 OK\\r\\n\\r\\n")
    b'HTTP/1.1 200 OK\\r\\nconnection: close\\r\\n\\r\\n'
    """
    return response.replace(b"\r\n", b"\r\nconnection: close\r\n", 1)


def too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The request's body is larger than {limit:,} bytes.",
        "Send less at once, or raise [serving] max_body_mb.",
    )


def unknown_type(content_type: str, known: str) -> HttpRefusal:
    return HttpRefusal(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"The Content-Type {content_type[:80]!r} is not known here.",
        f"Use {known}.",
    )
