"""Time is passed in, so that every decision can be replayed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how long things take."""

    def now(self) -> datetime:
        """Wall-clock time in UTC; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that moves when told to.

    >>> clock = ManualClock(datetime(2012, 1, 1, tzinfo=UTC))
    >>> clock.advance(timedelta(hours=1))
    >>> clock.now().hour, clock.monotonic()
    (1, 3600.0)
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def advance(self, by: timedelta) -> None:
        self._now += by

    def set(self, now: datetime) -> None:
        """Move to `now`."""
        self._now = now
