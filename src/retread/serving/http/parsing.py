"""What the HTTP parser does not take, and what it would take for another protocol."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from httptools import HttpParserCallbackError, HttpParserError

from retread.core import InvalidInput, RetreadError
from retread.serving.call import internal_error

MAX_HEAD = 65_536
"""Bytes of path and headers."""

_ABSOLUTE = re.compile(rb"[a-z][a-z0-9+.-]*://([^/?#]*)", re.IGNORECASE)

logger = logging.getLogger(__name__)


class AfterTheLast(Exception):
    """Raised in the parser for a request behind the last one that is taken."""


def head_too_long() -> InvalidInput:
    """Make the refusal of a request with more than MAX_HEAD bytes of path and headers."""
    return InvalidInput(f"The headers are longer than {MAX_HEAD} bytes.")


def bad_target(target: bytes) -> InvalidInput:
    """Make the refusal of a request whose target is not a path."""
    shown = target[:80].decode("latin-1")
    return InvalidInput(
        f"The request target {shown!r} is not a path.", "Use ASCII, and percent-encode the rest."
    )


def host_in(target: bytes) -> bytes | None:
    """Return the host that a request target names; it counts before that of the Host field.

    >>> host_in(b"http://evil.example/v2"), host_in(b"/v2?to=http://evil.example")
    (b'evil.example', None)
    """
    match = _ABSOLUTE.match(target)
    return None if match is None else match[1]


def unsupported_coding(value: bytes) -> InvalidInput:
    """Make the refusal of a Transfer-Encoding that is not `chunked` alone."""
    shown = value[:80].decode("latin-1")
    return InvalidInput(
        f"The Transfer-Encoding {shown!r} is not supported.",
        "Use chunked; compress with Content-Encoding instead.",
    )


def failure_of(error: Exception) -> RetreadError:
    """Return the refusal of what the parser, or a method that it calls, did not take."""
    cause: BaseException | None = error
    if isinstance(error, HttpParserCallbackError):
        cause = error.__context__  # the parser wraps what our methods raise
    elif isinstance(error, HttpParserError):
        return InvalidInput(f"This is not HTTP: {error}.", "Send HTTP/1.1.")
    if isinstance(cause, RetreadError):
        return cause
    if not isinstance(cause, AfterTheLast):
        logger.error("A request could not be read.", exc_info=cause)
    return internal_error()


def head_without_upgrade(
    method: bytes, target: bytes, version: str, fields: Iterable[tuple[bytes, bytes]]
) -> bytes:
    """Return the head of a request as its client would send it to a server of HTTP/1.1 alone.

    The parser leaves everything behind the head of a request with Upgrade to the other protocol,
    its body included. A server may ignore Upgrade (RFC 9110, 7.8): it reads this head instead.

    >>> fields = [(b"host", b"x"), (b"connection", b"Upgrade, keep-alive"), (b"upgrade", b"h2c")]
    >>> head_without_upgrade(b"GET", b"/", "1.1", fields)
    b'GET / HTTP/1.1\\r\\nhost: x\\r\\nconnection: keep-alive\\r\\n\\r\\n'
    """
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    for name, value in fields:
        kept = value
        if name == b"connection":
            options = [option.strip() for option in value.split(b",")]
            kept = b", ".join(option for option in options if option.lower() != b"upgrade")
        if name != b"upgrade" and kept:
            lines.append(name + b": " + kept)
    return b"\r\n".join([*lines, b"", b""])
