"""What asked for the retrainings of a replay, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from retread.bundle import CauseKind
from retread.demos.moments import events_of
from retread.registry.events import RetrainingFinished, TriggerReceived
from retread.registry.ledger import Entry

ALARMS = (CauseKind.DEGRADATION, CauseKind.DRIFT)


def retrainings_by_cause(entries: Sequence[Entry], outcome: str = "") -> Counter[CauseKind]:
    """How many retrainings ended, by the kind of their cause; only those that ended with
    `outcome`, if it is named."""
    causes = {asked.trigger: asked.cause.kind for asked in events_of(entries, TriggerReceived)}
    return Counter(
        causes[end.trigger]
        for end in events_of(entries, RetrainingFinished)
        if outcome in ("", end.outcome)
    )


def describe_event(counts: Counter[CauseKind]) -> str:
    """
    >>> describe_event(Counter({CauseKind.DRIFT: 2, CauseKind.DEGRADATION: 3}))
    '3 for degradation, 2 for drift'
    """
    return ", ".join(f"{count} for {kind}" for kind, count in counts.most_common()) or "none"
