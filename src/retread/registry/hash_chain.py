"""The hash chain: a hash covers sequence, time, exact text, and the hash before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from retread.core import IntegrityBroken
from retread.registry.events import Event, decode_event, encode_event
from retread.registry.ledger import GENESIS, Entry


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it is stored."""

    sequence: int
    at: str
    event: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """Sequence and hash of the last entry; the defaults are those of an empty ledger."""

    sequence: int = 0
    hash: str = GENESIS


def append_row(head: Head, at: datetime, event: Event) -> Row:
    """Return the row that appends `event` after `head`."""
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds")
    sequence = head.sequence + 1
    text = encode_event(event).decode()
    return Row(sequence, stamp, text, row_hash(head.hash, sequence, stamp, text))


def decode_row(row: Row) -> Entry:
    """Decode the entry in a row; inverse of `append_row`."""
    at = datetime.fromisoformat(row.at)
    return Entry(row.sequence, at, decode_event(row.event), row.hash)


def row_hash(previous: str, sequence: int, at: str, event: str) -> str:
    """Hash a row together with the hash of the row before it.

    >>> row_hash(GENESIS, 1, "2012-01-01T00:00:00.000000+00:00", "{}")[:12]
    '7a9717adbff7'
    """
    text = f"{previous}\n{sequence}\n{at}\n{event}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def verified(rows: Iterable[Row], head: Head) -> Iterator[Row]:
    """Yield the rows, each checked against the one before it.

    Args:
        rows: Stored rows in order.
        head: The entry before the first row.

    Raises:
        IntegrityBroken: A row is missing or is not the one that was appended.
    """
    for row in rows:
        expected = head.sequence + 1
        if row.sequence != expected:
            _broken(expected, f"is missing: entry {row.sequence} follows entry {head.sequence}")
        if row_hash(head.hash, row.sequence, row.at, row.event) != row.hash:
            _broken(row.sequence, "is not what was appended: its hash does not match")
        head = Head(row.sequence, row.hash)
        yield row


def check_head(head: Head, anchor: Head, location: str) -> None:
    """Check that the ledger does not end before the entry that is recorded in `location`.

    Raises:
        IntegrityBroken: Entries are missing at the end, or the recorded one was replaced.
    """
    if anchor.sequence > head.sequence:
        _broken(
            head.sequence + 1,
            f"is missing: the ledger ends before it, but {location} records "
            f"{anchor.sequence} entries",
        )
    if anchor.sequence == head.sequence and anchor.hash != head.hash:
        _broken(head.sequence, f"is not the one that {location} records")


def _broken(sequence: int, what: str) -> NoReturn:
    raise IntegrityBroken(
        f"Ledger entry {sequence} {what}.",
        "The history was edited outside of Retread; restore the database from a backup.",
    )
