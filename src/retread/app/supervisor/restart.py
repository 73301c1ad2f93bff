"""When a process that died is started again."""

from __future__ import annotations

FIRST_S = 0.5
LONGEST_S = 30.0
FORGIVEN_AFTER_S = 60.0


def delay_before_restart(deaths: int) -> float:
    """Seconds to wait after the `deaths`-th death in a row: doubled each time, up to 30.

    >>> delay_before_restart(1), delay_before_restart(2)
    (0.5, 1.0)
    """
    return float(min(LONGEST_S, FIRST_S * 2.0 ** min(deaths - 1, 10)))


def deaths_in_a_row(before: int, ready_for_s: float) -> int:
    """Deaths to count with this one; a good minute forgives the earlier ones.

    >>> deaths_in_a_row(3, ready_for_s=2.0), deaths_in_a_row(3, ready_for_s=90.0)
    (4, 1)
    """
    return 1 if ready_for_s >= FORGIVEN_AFTER_S else before + 1
