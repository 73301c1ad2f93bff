"""Show times in the zone of the project that a command is about."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import datetime, tzinfo

from retread.core.local_time import in_zone, local_time

_zone: ContextVar[tzinfo | None] = ContextVar("zone", default=None)


def show_times_in(zone: tzinfo | None) -> None:
    """Show the times of this command in a zone; None is that of the machine."""
    _zone.set(zone)


def shown_time(at: datetime) -> str:
    """Format a time to the second, with UTC beside it where it differs."""
    return local_time(at, _zone.get())


def typed_time(text: str) -> datetime:
    """Read a time in ISO 8601 that a person typed; without a zone it is in the project's.

    Raises:
        ValueError: It is not one.
        OverflowError: No calendar has it.
    """
    return in_zone(datetime.fromisoformat(text), _zone.get())
