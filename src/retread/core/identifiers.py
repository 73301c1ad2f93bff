"""Identifiers: names, ids that sort by time, and digests of content."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec

from retread.core.errors import InvalidInput

PREFIX = "sha256:"
"""Start of a digest; 64 hexadecimal digits follow."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

_encoder = msgspec.json.Encoder(order="sorted")


def checked_name(kind: str, value: str) -> str:
    """Return `value` if it is a valid name.

    Args:
        kind: What is named, for the error, such as `dataset`.
        value: The name.

    Raises:
        InvalidInput: `value` is not a valid name.

    >>> checked_name("dataset", "tires")
    'tires'
    """
    if not is_name(value):
        raise InvalidInput(
            f"{value!r} is not a valid {kind} name.",
            "Use 1 to 63 of a-z, 0-9, '_' and '-', starting with a letter or digit.",
        )
    return value


def is_name(value: str) -> bool:
    """Return whether `value` is a valid name."""
    return _NAME.fullmatch(value) is not None


def new_id(
    prefix: str,
    *,
    milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    randomness: Callable[[int], bytes] = os.urandom,
) -> str:
    """Create an identifier: a prefix and 20 characters for 50 bits of time and 50 random bits.

    Args:
        prefix: What is identified, such as `run`.
        milliseconds: Returns the current time since the epoch.
        randomness: Returns a given number of random bytes.

    >>> new_id("run", milliseconds=lambda: 0, randomness=lambda n: bytes(n))
    'run_00000000000000000000'
    """
    time_part = _base32(milliseconds(), 10)
    random_part = _base32(int.from_bytes(randomness(7), "big"), 10)
    return f"{prefix}_{time_part}{random_part}"


def digest_bytes(content: bytes | memoryview) -> str:
    """Return the digest of bytes.

    >>> digest_bytes(b"")[:19]
    'sha256:e3b0c44298fc'
    """
    return PREFIX + hashlib.sha256(content).hexdigest()


def canonical_json(value: Any) -> bytes:
    """Encode a value as JSON with sorted keys, so that equal values have equal bytes."""
    return _encoder.encode(value)


def digest_json(value: Any) -> str:
    """Return the digest of a value's canonical JSON."""
    return digest_bytes(canonical_json(value))


def short(digest: str) -> str:
    """Return the first twelve digits of a digest, for display.

    >>> short("sha256:e3b0c44298fc1c149afbf4c8996fb924")
    'e3b0c44298fc'
    """
    return digest.removeprefix(PREFIX)[:12]


def _base32(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
