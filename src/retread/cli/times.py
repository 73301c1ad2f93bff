"""Show times as people read them: in the local zone, with UTC beside where it differs."""

from __future__ import annotations

from datetime import UTC, datetime


def local_time(at: datetime) -> str:
    """Format a time to the second, in the local zone.

    >>> local_time(datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC))[:5]
    '2026-'
    """
    local, utc = at.astimezone(), at.astimezone(UTC)
    shown = local.strftime("%Y-%m-%d %H:%M:%S")
    if local.utcoffset() == utc.utcoffset():
        return f"{shown} UTC"
    day = "%Y-%m-%d " if local.date() != utc.date() else ""
    return f"{shown} ({utc.strftime(f'{day}%H:%M')} UTC)"
