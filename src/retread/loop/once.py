"""Appending so that a step that runs again appends nothing again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from retread.registry.events import Event
from retread.registry.ledger import Entry, Ledger

Kind = TypeVar("Kind", bound=Event)


def append_once(ledger: Ledger, event: Event, *, by: Sequence[str], after: int = 0) -> Entry:
    """Append `event` unless one of its kind has the same values in the fields `by`; that entry.

    Only entries later than the one numbered `after` count.
    """

    def same(entry: Entry) -> bool:
        other = entry.event
        return type(other) is type(event) and all(
            getattr(other, name) == getattr(event, name) for name in by
        )

    def decide(entries: Sequence[Entry]) -> Sequence[Event]:
        return () if any(same(entry) for entry in entries[after:]) else (event,)

    ledger.transact(decide)
    return next(entry for entry in ledger.read(after=after) if same(entry))


def latest(entries: Sequence[Entry], kind: type[Kind], **values: object) -> Kind | None:
    """The newest event of `kind` with these values; None if there is none."""
    for entry in reversed(entries):
        event = entry.event
        if isinstance(event, kind) and all(getattr(event, n) == v for n, v in values.items()):
            return event
    return None
