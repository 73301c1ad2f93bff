"""How many connections a server holds, and which it closes when there are more.

Beyond the limit of open files nothing could connect any more, not even the probe that decides
whether the server is alive. So the number of connections stays below it: the one that has been
idle for longest gives way to a new one.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Protocol

MOST = 10_000
"""Connections of a server with any limit of open files."""

_RESERVE = 48
"""Files left for the database, the traffic log and what is accepted in one turn of the loop."""
_FEWEST = 8


class LimitedConnection(Protocol):
    """A connection that can give way to another."""

    @property
    def since(self) -> float:
        """When its request began to arrive, or its last response was sent."""
        ...

    @property
    def is_between_requests(self) -> bool:
        """Whether no request has begun to arrive and none waits for its response."""
        ...

    @property
    def is_unanswered(self) -> bool:
        """Whether a request that has arrived waits for its response."""
        ...

    def give_way(self) -> None:
        """Close, with 503 if a request has begun to arrive."""
        ...


class ConnectionLimit:
    """The open connections of one server, at most `most`."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.closed = 0
        """Connections that were closed because there were too many."""
        self._open: dict[LimitedConnection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: LimitedConnection) -> None:
        """Add a new connection; if there are too many, one that does nothing gives way to it.

        Idle ones come first, then those whose request does not arrive, each the oldest. If all
        wait for their response, the new one gives way.
        """
        others = self._open
        if len(others) >= self.most:
            self.closed += 1
            victim = self._victim() or connection
            others.pop(victim, None)
            victim.give_way()
            if victim is connection:
                return
        others[connection] = None

    def discard(self, connection: LimitedConnection) -> None:
        """Remove a connection that was lost."""
        self._open.pop(connection, None)

    def _victim(self) -> LimitedConnection | None:
        idle = [c for c in self._open if c.is_between_requests]
        candidates = idle or [c for c in self._open if not c.is_unanswered]
        return min(candidates, key=lambda c: c.since, default=None)


def connections_allowed() -> int:
    """Return how many connections the limit of open files leaves room for."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return MOST
    return max(_FEWEST, min(MOST, limit - _open_files() - _RESERVE))


def _open_files() -> int:
    try:
        return len(os.listdir(Path("/proc/self/fd")))  # noqa: PTH208 - names suffice
    except OSError:  # not Linux
        return _RESERVE
