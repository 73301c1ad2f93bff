"""The hash chain: a hash covers sequence, time, exact text, and the hash before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from retread.core import IntegrityBroken
from retread.registry.events import decode_event
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
    """The last entry's place and hash."""

    sequence: int = 0
    hash: str = GENESIS


def sealed(head: Head, at: datetime, event: str) -> Row:
    """The row that follows `head`."""
    stamp = at.astimezone(UTC).isoformat(timespec="microseconds")
    sequence = head.sequence + 1
    return Row(sequence, stamp, event, row_hash(head.hash, sequence, stamp, event))


def opened(row: Row) -> Entry:
    """The entry in a row; inverse of `sealed`."""
    at = datetime.fromisoformat(row.at)
    return Entry(row.sequence, at, decode_event(row.event), row.hash)


def row_hash(previous: str, sequence: int, at: str, event: str) -> str:
    """
    >>> row_hash(GENESIS, 1, "2012-01-01T00:00:00.000000+00:00", "{}")[:12]
    '7a9717adbff7'
    """
    text = f"{previous}\n{sequence}\n{at}\n{event}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def linked(rows: Iterable[Row], head: Head) -> Iterator[Row]:
    """The rows again, each checked against the one before it; raises IntegrityBroken."""
    for row in rows:
        expected = head.sequence + 1
        if row.sequence != expected:
            _broken(expected, f"is missing: entry {row.sequence} follows entry {head.sequence}")
        if row_hash(head.hash, row.sequence, row.at, row.event) != row.hash:
            _broken(row.sequence, "is not what was appended: its hash does not match")
        head = Head(row.sequence, row.hash)
        yield row


def check_head(head: Head, anchor: Head, place: str) -> None:
    """Raises IntegrityBroken when the ledger ends before what `place` remembers of it."""
    if anchor.sequence > head.sequence:
        _broken(
            head.sequence + 1,
            f"is missing: the ledger ends there, but {place} remembers {anchor.sequence} entries",
        )
    if anchor.sequence == head.sequence and anchor.hash != head.hash:
        _broken(head.sequence, f"is not the one that {place} remembers")


def _broken(sequence: int, what: str) -> NoReturn:
    raise IntegrityBroken(
        f"Ledger entry {sequence} {what}.",
        "The history was edited outside of Retread; restore the database from a backup.",
    )
