"""Tuples that show themselves as tables: recorded events and dataset versions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING, Self

from retread.core.local_time import local_time
from retread.core.notebook import ShownTable, ShowsAsTable

if TYPE_CHECKING:
    from retread.data import DatasetVersion
    from retread.registry.ledger import Entry


class History(ShowsAsTable, tuple["Entry", ...]):
    """Recorded events, oldest first, and the zone in which their times are shown."""

    zone: tzinfo | None

    def __new__(cls, entries: Iterable[Entry] = (), zone: tzinfo | None = None) -> Self:
        """Keep entries; zone None is that of the machine."""
        made = super().__new__(cls, entries)
        made.zone = zone
        return made

    def as_table(self) -> ShownTable:
        """Return the events, one per row."""
        from retread.app.overview import describe_event

        rows = [
            (
                entry.sequence,
                local_time(entry.at, self.zone),
                describe_event(entry.event),
            )
            for entry in self
        ]
        return ShownTable("History", ("entry", "time", "event"), rows)


class DatasetVersions(ShowsAsTable, tuple["DatasetVersion", ...]):
    """Dataset versions, oldest first."""

    __slots__ = ()

    def as_table(self) -> ShownTable:
        """Return the versions, one per row."""
        rows = [
            (version.reference, version.state.value, version.rows, version.source, version.note)
            for version in self
        ]
        return ShownTable("Dataset versions", ("version", "state", "rows", "source", "note"), rows)
