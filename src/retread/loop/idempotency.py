"""Append to the ledger so that a step that is repeated appends nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from retread.data.version import DatasetVersion
from retread.registry.events import DatasetVersionAdded, Event
from retread.registry.ledger import Entry, Ledger

Kind = TypeVar("Kind", bound=Event)


def append_once(ledger: Ledger, event: Event, *, by: Sequence[str], after: int = 0) -> Entry:
    """Append an event unless the ledger has an equal one.

    Args:
        ledger: Where to append.
        event: What to append.
        by: Names of the fields that make two events of this type equal.
        after: Sequence number of an entry; only later entries count.

    Returns:
        The entry of this event, or of the one that was there before.
    """

    def equal(entry: Entry) -> bool:
        other = entry.event
        return type(other) is type(event) and all(
            getattr(other, name) == getattr(event, name) for name in by
        )

    known: list[Entry] = []

    def decide(entries: Sequence[Entry]) -> Sequence[Event]:
        known[:] = [entry for entry in entries[after:] if equal(entry)]
        return () if known else (event,)

    added = ledger.transact(decide)
    return known[0] if known else added[0]


def record_dataset_version(ledger: Ledger, version: DatasetVersion) -> None:
    """Record that a dataset version was added, once.

    Args:
        ledger: Where to record it.
        version: The version that was committed.
    """
    added = DatasetVersionAdded(
        dataset=version.dataset,
        version=version.number,
        digest=version.digest,
        evaluation_digest=version.evaluation_digest,
        state=version.state,
        source=version.source,
    )
    append_once(ledger, added, by=("dataset", "version"))


def latest_event(entries: Sequence[Entry], kind: type[Kind], **values: object) -> Kind | None:
    """Return the newest event of one type whose fields have the given values.

    Args:
        entries: Entries of the ledger, oldest first.
        kind: Type of the event.
        **values: Values by the name of the field.
    """
    for entry in reversed(entries):
        event = entry.event
        if isinstance(event, kind) and all(getattr(event, n) == v for n, v in values.items()):
            return event
    return None
