"""Clocks, which are passed in so that every decision can be replayed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of wall-clock time and of durations."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC, which may jump."""
        ...

    def monotonic(self) -> float:
        """Return the seconds since an arbitrary start; never decreases."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds since an arbitrary start."""
        return time.monotonic()


class ManualClock:
    """A clock that only moves when it is set, for tests and simulations.

    >>> clock = ManualClock(datetime(2012, 1, 1, tzinfo=UTC))
    >>> clock.advance(timedelta(hours=1))
    >>> clock.now().hour, clock.monotonic()
    (1, 3600.0)
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._now = start

    def now(self) -> datetime:
        """Return the time that was set."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds since the first time that was set."""
        return (self._now - self._start).total_seconds()

    def advance(self, by: timedelta) -> None:
        """Move forward by `by`."""
        self._now += by

    def set(self, now: datetime) -> None:
        """Move to the time `now`."""
        self._now = now
