"""Show and read times as people write them: in the project's zone, with UTC beside it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def local_time(at: datetime, zone: tzinfo | None = None) -> str:
    """Format a time to the second, in a zone, with UTC beside it where it differs.

    Args:
        at: The time, with a zone.
        zone: The zone to show it in; None for that of the machine.

    >>> from zoneinfo import ZoneInfo
    >>> at = datetime(2026, 3, 1, 23, 0, 5, tzinfo=UTC)
    >>> local_time(at, UTC), local_time(at, ZoneInfo("Asia/Seoul"))
    ('2026-03-01 23:00:05 UTC', '2026-03-02 08:00:05 (2026-03-01 23:00 UTC)')
    """
    local, utc = at.astimezone(zone), at.astimezone(UTC)
    shown = local.strftime("%Y-%m-%d %H:%M:%S")
    if local.utcoffset() == utc.utcoffset():
        return f"{shown} UTC"
    day = "%Y-%m-%d " if local.date() != utc.date() else ""
    return f"{shown} ({utc.strftime(f'{day}%H:%M')} UTC)"


def in_zone(time: datetime, zone: tzinfo | None = None) -> datetime:
    """Return a time with a zone: its own, or the one given where it has none.

    Args:
        time: The time.
        zone: The zone of a time that has none; None for that of the machine.

    Raises:
        OverflowError: No calendar has it.
        ValueError: No calendar has it in the zone of the machine.

    >>> in_zone(datetime(2026, 3, 1, 7), UTC).isoformat()
    '2026-03-01T07:00:00+00:00'
    """
    if time.tzinfo is None and zone is not None:
        return time.replace(tzinfo=zone)
    return time.astimezone(zone)
