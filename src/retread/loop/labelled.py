"""Answers whose label has come: traffic that can become data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite

from retread.data.version import Schema
from retread.serving.traffic import Cursor, LabelStore, PredictionRecord, TrafficLog

_BATCH = 1_000
_ID_PREFIX = "traffic-"


def row_id(request_id: str) -> str:
    """The id in the data of the row that a request became.

    >>> row_id("req_1")
    'traffic-req_1'
    """
    return _ID_PREFIX + request_id


class LabelledTraffic:
    """Recorded answers and their labels; each look reads only what is new."""

    def __init__(self, traffic: TrafficLog, labels: LabelStore) -> None:
        self._traffic = traffic
        self._labels = labels
        self._cursor = Cursor()
        self._unlabelled: dict[str, None] = {}
        self._labelled: dict[str, str] = {}
        self._labels_seen = -1

    def labelled(self) -> dict[str, str]:
        """Every answered request that has a label, and the label."""
        before = self._cursor
        for records, cursor in self._answered(before):
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
        """The answered requests that are `chosen`, from the beginning; of one id the first.

        A client may use an id again, as it does when it retries what was not answered.
        """
        found: set[str] = set()
        for records, _ in self._answered(Cursor()):
            for record in records:
                if record.id not in found and chosen(record.id):
                    found.add(record.id)
                    yield record

    def _answered(self, cursor: Cursor) -> Iterator[tuple[list[PredictionRecord], Cursor]]:
        """Batches of answered requests after `cursor`, each with the place where it ends."""
        while True:
            records, cursor = self._traffic.read(cursor, _BATCH)
            if not records:
                return
            yield [record for record in records if record.answer is not None], cursor


def fits(label: str, schema: Schema) -> bool:
    """Whether a label can be learned from: feedback makes no new classes, and no infinities."""
    if schema.labels:
        return label in schema.labels
    try:
        return isfinite(float(label))
    except ValueError:
        return False
