"""How long to wait before a message is tried again."""

from __future__ import annotations

FIRST_S = 2.0
LONGEST_S = 600.0
GIVE_UP_S = 24 * 3600.0


def pause_s(attempts: int, retry_after: float, jitter: float) -> float:
    """Seconds after `attempts` failed tries: doubling up to ten minutes, or what was asked for.

    `jitter` in [0, 1) adds up to a quarter.

    >>> [pause_s(n, 0.0, 0.0) for n in (1, 2, 3, 20)]
    [2.0, 4.0, 8.0, 600.0]
    """
    pause = min(FIRST_S * 2.0 ** min(attempts - 1, 20), LONGEST_S)
    return max(pause, min(retry_after, 3600.0)) * (1.0 + 0.25 * jitter)
