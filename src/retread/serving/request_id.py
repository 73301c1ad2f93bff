"""Request ids: the client's own if they are safe, else new ones."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

from retread.core import InvalidInput

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")


def is_safe(text: str) -> bool:
    """Return whether a client's id can be used in logs, headers and paths."""
    return _SAFE.fullmatch(text) is not None


def checked_request_id(text: str) -> str:
    """Return a client's id.

    Raises:
        InvalidInput: It is not safe in logs, headers and paths.

    >>> checked_request_id("order-17")
    'order-17'
    """
    if not is_safe(text):
        raise InvalidInput(
            f"The request id {text[:40]!r} is not allowed.",
            "Use 1 to 128 of A-Z, a-z, 0-9, '.', '_', ':' and '-', starting with a letter or "
            "digit, or send none.",
        )
    return text


class RequestIds:
    """Makes ids that sort by time: milliseconds of the last `tick`, this process, a counter.

    >>> ids = RequestIds(milliseconds=lambda: 1, process=b"\\x00\\x00\\x02")
    >>> ids.tick()
    >>> ids.new(), ids.new()
    ('00000000001-000002-00000001', '00000000001-000002-00000002')
    """

    def __init__(
        self,
        milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        process: bytes = b"",
    ) -> None:
        self._milliseconds = milliseconds
        self._process = (process or os.urandom(3)).hex()
        self._count = 0
        self._prefix = ""
        self.tick()

    def tick(self) -> None:
        """Read the clock, for all ids until the next tick."""
        self._prefix = f"{self._milliseconds():011x}-{self._process}-"

    def new(self) -> str:
        """Return a new id."""
        self._count += 1
        return f"{self._prefix}{self._count & 0xFFFFFFFF:08x}"
