"""Digests that identify content: `sha256:` and 64 hexadecimal digits."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

PREFIX = "sha256:"

_encoder = msgspec.json.Encoder(order="sorted")


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
