"""Recorded requests whose label has arrived, as rows of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from retread.core import NotFound
from retread.core.label_check import is_valid_label
from retread.data.store import ID, IMAGE, LABEL, SOURCE, TIMESTAMP
from retread.data.version import Column, ColumnKind, Schema
from retread.serving.traffic import Cursor, LabelStore, PredictionRecord, TrafficLog

_BATCH = 1_000
_ID_PREFIX = "traffic-"


def row_id(request_id: str) -> str:
    """Return the id of the row that is made of a request.

    >>> row_id("req_1")
    'traffic-req_1'
    """
    return _ID_PREFIX + request_id


def fits(label: str, schema: Schema) -> bool:
    """Return whether a label can be trained on: feedback adds no new classes, and no infinities."""
    return is_valid_label(label, schema.labels)


class LabelledTraffic:
    """The recorded requests that were answered, and their labels. Each call reads only what is new.

    Args:
        traffic: The recorded requests.
        labels: The labels, by request id.
    """

    def __init__(self, traffic: TrafficLog, labels: LabelStore) -> None:
        self._traffic = traffic
        self._labels = labels
        self._cursor = Cursor()
        self._unlabelled: dict[str, None] = {}
        self._labelled: dict[str, str] = {}
        self._labels_seen: int | None = None

    def labelled(self) -> dict[str, str]:
        """Return the label of every answered request that has one, by request id."""
        before = self._cursor
        for records, cursor in self._answered(before):
            self._labels.note_answers(records)
            self._unlabelled.update(dict.fromkeys(record.id for record in records))
            self._cursor = cursor
        count = self._labels.count()
        if count != self._labels_seen or self._cursor != before:
            found = self._labels.get(list(self._unlabelled))
            self._labelled.update(found)
            for request_id in found:
                del self._unlabelled[request_id]
            self._labels_seen = count
        return self._labelled

    def records(self, chosen: Callable[[str], bool]) -> Iterator[PredictionRecord]:
        """Yield the chosen requests that were answered, oldest first, and one record per id.

        A client may reuse an id, as it does when it retries a request that failed.

        Args:
            chosen: Tells whether the request with an id is wanted.
        """
        found: set[str] = set()
        for records, _ in self._answered(Cursor()):
            for record in records:
                if record.id not in found and chosen(record.id):
                    found.add(record.id)
                    yield record

    def _answered(self, cursor: Cursor) -> Iterator[tuple[list[PredictionRecord], Cursor]]:
        """Yield batches of answered requests after `cursor`, each with the cursor at its end."""
        while True:
            records, cursor = self._traffic.read(cursor, _BATCH)
            if not records:
                return
            yield [record for record in records if record.answer is not None], cursor


def rows_of(
    records: Sequence[PredictionRecord],
    labels: Mapping[str, str],
    schema: Schema,
    traffic: TrafficLog,
) -> pa.Table:
    """Return one row per record, with the columns of a schema.

    Args:
        records: Answered requests.
        labels: Their labels, by request id.
        schema: The columns of the dataset.
        traffic: Where the images are. A record whose image was deleted is left out.
    """
    if schema.columns[0].kind is ColumnKind.IMAGE:
        images = {record.id: _image(record, traffic) for record in records}
        records = [record for record in records if images[record.id]]
        content = {IMAGE: pa.array([images[r.id] for r in records], pa.large_binary())}
    else:
        content = {column.name: _values(column, records) for column in schema.columns}
    target = pa.string() if schema.labels else pa.float64()
    targets = [labels[r.id] if schema.labels else float(labels[r.id]) for r in records]
    times = [datetime.fromtimestamp(record.at, UTC) for record in records]
    return pa.table(
        {
            ID: pa.array([row_id(record.id) for record in records], pa.string()),
            LABEL: pa.array(targets, target),
            SOURCE: pa.array([record.id for record in records], pa.string()),
            TIMESTAMP: pa.array(times, pa.timestamp("us", tz="UTC")),
            **content,
        }
    )


def _values(column: Column, records: Sequence[PredictionRecord]) -> pa.Array:
    if column.kind is ColumnKind.NUMERIC:
        return pa.array([record.numeric.get(column.name) for record in records], pa.float64())
    # A missing category is recorded as empty text.
    texts = [record.categorical.get(column.name) or None for record in records]
    return pa.array(texts, pa.string())


def _image(record: PredictionRecord, traffic: TrafficLog) -> bytes | None:
    try:
        return traffic.payload(record.payload) if record.payload else None
    except NotFound:
        return None
