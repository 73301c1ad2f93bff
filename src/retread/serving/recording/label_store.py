"""True labels in the project's database, joined to requests by id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Column, Connection, Float, String, Table, delete, func, insert, select

from retread.core import METADATA, Database

_LABELS = Table(
    "labels",
    METADATA,
    Column("request_id", String, primary_key=True),
    Column("label", String, nullable=False),
    Column("at", Float, nullable=False),
)
_CHUNK = 500


class SqlLabelStore:
    """The label store in a project's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, labels: Sequence[tuple[str, str]], at: float) -> None:
        """Store (request id, label) pairs; see LabelStore.put."""
        latest = dict(labels)
        if not latest:
            return
        rows = [{"request_id": id_, "label": label, "at": at} for id_, label in latest.items()]

        def work(connection: Connection) -> None:
            for ids in _chunks(list(latest)):
                connection.execute(delete(_LABELS).where(_LABELS.c.request_id.in_(ids)))
            connection.execute(insert(_LABELS), rows)

        self._database.transact(work)

    def get(self, request_ids: Sequence[str]) -> dict[str, str]:
        """Return the labels known for these requests, by request id."""
        found: dict[str, str] = {}
        with self._database.read() as connection:
            for ids in _chunks(request_ids):
                query = select(_LABELS.c.request_id, _LABELS.c.label).where(
                    _LABELS.c.request_id.in_(ids)
                )
                found.update((row.request_id, row.label) for row in connection.execute(query))
        return found

    def count(self) -> int:
        """Return the number of requests that have a label."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(_LABELS)).scalar_one())


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    # Databases limit the number of parameters per statement.
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
