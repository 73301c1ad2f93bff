"""True labels in the project's database, joined to requests by id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import (
    Column,
    Connection,
    Float,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
)

from retread.core import METADATA, Database
from retread.serving.request_id import is_own_id
from retread.serving.traffic import PredictionRecord

_LABELS = Table(
    "labels",
    METADATA,
    Column("request_id", String, primary_key=True),
    Column("label", String, nullable=False),
    Column("at", Float, nullable=False),
)
_CALLER_IDS = Table(
    "caller_ids",
    METADATA,
    Column("caller_id", String, primary_key=True),
    Column("request_id", String, nullable=False, index=True),
)
_CHUNK = 500
# Made once: each statement with a list of its own would be garbage in cycles, per request.
_DELETE_LABEL = delete(_LABELS).where(_LABELS.c.request_id == bindparam("replaced"))


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
            connection.execute(_DELETE_LABEL, [{"replaced": id_} for id_ in latest])
            connection.execute(insert(_LABELS), rows)

        self._database.transact(work)

    def note_answers(self, records: Sequence[PredictionRecord]) -> None:
        """Note which answers have an id of their caller; see LabelStore.note_answers."""
        first: dict[str, str] = {}
        for record in records:
            # An id of ours belongs to the answer that has it, whoever else names a request so.
            if record.caller_id and record.answer is not None and not is_own_id(record.caller_id):
                first.setdefault(record.caller_id, record.id)
        if not first:
            return

        def work(connection: Connection) -> None:
            known: set[str] = set()
            for ids in _chunks(list(first)):
                query = select(_CALLER_IDS.c.caller_id).where(_CALLER_IDS.c.caller_id.in_(ids))
                known.update(connection.execute(query).scalars())
            new = [
                {"caller_id": caller_id, "request_id": request_id}
                for caller_id, request_id in first.items()
                if caller_id not in known
            ]
            if new:
                connection.execute(insert(_CALLER_IDS), new)

        self._database.transact(work)

    def get(self, request_ids: Sequence[str]) -> dict[str, str]:
        """Return the labels known for these answers, by their own ids."""
        found: dict[str, str] = {}
        of_caller = select(_CALLER_IDS.c.request_id, _LABELS.c.label).join(
            _LABELS, _LABELS.c.request_id == _CALLER_IDS.c.caller_id
        )
        with self._database.read() as connection:
            for ids in _chunks(request_ids):
                for query in (
                    of_caller.where(_CALLER_IDS.c.request_id.in_(ids)),
                    select(_LABELS.c.request_id, _LABELS.c.label).where(
                        _LABELS.c.request_id.in_(ids)
                    ),
                ):
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
