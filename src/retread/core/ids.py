"""Identifiers that sort by the time they were created."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


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


def _base32(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
