"""How many bytes of request bodies may be in memory at once, over all connections."""

from __future__ import annotations

from retread.core import Unavailable

_AT_ONCE = 16
"""Bodies of the largest size."""

_LEAST = 16_000_000


class Bodies:
    """Counts the bytes of bodies that have come and are not answered yet."""

    __slots__ = ("held", "largest", "limit")

    def __init__(self, largest: int) -> None:
        """`largest` bytes are allowed to a single body."""
        self.largest = largest
        self.limit = max(_LEAST, _AT_ONCE * largest)
        self.held = 0

    def full(self) -> Unavailable:
        """Why another body cannot be taken now."""
        return Unavailable(
            f"Request bodies of {self.held:,} bytes wait to be answered already.",
            "Try again soon.",
        )
