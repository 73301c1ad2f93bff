"""Bodies that are sent compressed, which may grow to the largest body that is allowed at most."""

from __future__ import annotations

import zlib
from http import HTTPStatus

from retread.core import InvalidInput
from retread.serving.http.error_responses import HttpRefusal, body_too_large

IDENTITY = frozenset({b"", b"identity"})

_MAX_RATIO = 1032
"""What deflate can do at most: one bit for 258 bytes, and some more."""

_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
_WINDOWS = {b"gzip": (_GZIP,), b"x-gzip": (_GZIP,), b"deflate": (_ZLIB, _RAW)}


def checked_encoding(value: bytes) -> bytes:
    """Return the encoding that a Content-Encoding field names; b"" for none.

    Raises:
        HttpRefusal: It is not supported.

    >>> checked_encoding(b"GZip"), checked_encoding(b"identity")
    (b'gzip', b'')
    """
    name = value.strip().lower()
    if name in IDENTITY:
        return b""
    if name not in _WINDOWS:
        raise HttpRefusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The Content-Encoding {value.decode('latin-1')[:80]!r} is not supported.",
            "Use gzip or deflate, or send the body as it is.",
        )
    return name


def largest_decoded(body: bytes, largest: int) -> int:
    """Return how many bytes a body may have when it is decoded, without decoding it."""
    return min(largest, len(body) * _MAX_RATIO)


def decoded(body: bytes, encoding: bytes, largest: int) -> bytes:
    """Return a body as it was before it was compressed.

    Args:
        body: The body.
        encoding: What `checked_encoding` returned.
        largest: Bytes that the result may have.

    Raises:
        InvalidInput: The body is not complete, or not in this encoding.
        TooLarge: The result would be larger.

    >>> decoded(zlib.compress(b"{}"), b"deflate", 2)
    b'{}'
    """
    for window in _WINDOWS[encoding]:
        decoder = zlib.decompressobj(window)
        try:
            content = decoder.decompress(body, largest + 1)
        except zlib.error:
            continue
        if len(content) > largest:
            raise body_too_large(largest)
        if decoder.eof and not decoder.unused_data:
            return content
    name = encoding.decode()
    raise InvalidInput(
        f"The body is not complete data in the Content-Encoding {name}.",
        "Send it compressed as the header says, or without the header.",
    )
