"""Where a routing key lies between 0 and 1: the same in every replica, and in any language."""

from __future__ import annotations

import hashlib

_SPAN = float(2**64)


def position(key: str) -> float:
    """The first eight bytes of the key's sha256, as a share of 2**64.

    A canary with share s answers the keys below s, so a key that was with the canary stays there
    while the share grows.

    >>> position("customer-7") == position("customer-7")
    True
    >>> round(sum(position(str(i)) < 0.1 for i in range(10_000)) / 10_000, 2)
    0.1
    """
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") / _SPAN
