"""Request ids: each answer has one of the server's own; the caller's is kept beside it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable

from retread.core import InvalidInput

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_VISIBLE = re.compile(r"[!-~]{1,256}")
_OWN = re.compile(r"[0-9a-f]{11}-[0-9a-f]{6}-[0-9a-f]{8}(\.[0-9]{1,9})?")
_OF_A_ROW = re.compile(r"[!-~]{1,256}(\.[0-9]{1,9})?")


def is_safe(text: str) -> bool:
    """Return whether a caller's id can be put into JSON as it is."""
    return _SAFE.fullmatch(text) is not None


def is_caller_id(text: str) -> bool:
    """Return whether a request may have this id of its caller: visible ASCII, at most 256.

    >>> is_caller_id("Root=1-67891233-abcdef012345678912345678"), is_caller_id("no spaces")
    (True, False)
    """
    return _VISIBLE.fullmatch(text) is not None


def is_own_id(text: str) -> bool:
    """Return whether an id, or that of a row, looks like one that RequestIds makes.

    >>> is_own_id("00000000001-000002-00000001.3"), is_own_id("order-17")
    (True, False)
    """
    return _OWN.fullmatch(text) is not None


def checked_request_id(text: str) -> str:
    """Return the id of a recorded answer, or of one of its rows.

    Raises:
        InvalidInput: No request can have this id.

    >>> checked_request_id("order-17")
    'order-17'
    """
    if _OF_A_ROW.fullmatch(text) is None:
        raise InvalidInput(
            f"The request id {text[:40]!r} is not allowed.",
            "Use the id of the answer: 1 to 256 visible ASCII characters without spaces.",
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
