"""What of the ledger is worth telling again at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from retread.app.overview import describe_event
from retread.demos.narrator import is_repeated
from retread.demos.summary import Moment
from retread.registry.events import (
    DatasetVersionAdded,
    DegradationDetected,
    DriftDetected,
    Event,
    PromotionCompleted,
    PromotionReverted,
    RetrainingFinished,
)
from retread.registry.ledger import Entry

_TOLD = (
    DatasetVersionAdded,
    DegradationDetected,
    DriftDetected,
    PromotionCompleted,
    PromotionReverted,
    RetrainingFinished,
)

Kind = TypeVar("Kind", bound=Event)


def moments(entries: Sequence[Entry], when: Callable[[datetime], str]) -> tuple[Moment, ...]:
    """Data, alarms, promotions and how retrainings ended; `when` writes times."""
    return tuple(
        Moment(when=when(entry.at), what=describe_event(entry.event))
        for place, entry in enumerate(entries)
        if isinstance(entry.event, _TOLD) and not is_repeated(entry, entries[:place])
    )


def since(began: datetime) -> Callable[[datetime], str]:
    """Minutes and seconds after `began`.

    >>> from datetime import timedelta
    >>> since(datetime(2026, 1, 1))(datetime(2026, 1, 1) + timedelta(seconds=83))
    '1:23'
    """

    def written(at: datetime) -> str:
        minutes, seconds = divmod(int((at - began).total_seconds()), 60)
        return f"{minutes}:{seconds:02d}"

    return written


def events_of(entries: Iterable[Entry], kind: type[Kind]) -> tuple[Kind, ...]:
    """All events of one kind, in order."""
    return tuple(entry.event for entry in entries if isinstance(entry.event, kind))
