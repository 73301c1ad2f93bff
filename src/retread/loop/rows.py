"""Recorded answers and their labels as rows of a dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from retread.core import NotFound
from retread.data.store import ID, IMAGE, LABEL, SOURCE, TIMESTAMP
from retread.data.version import Column, ColumnKind, Schema
from retread.loop.labelled import row_id
from retread.serving.traffic import PredictionRecord, TrafficLog


def rows_of(
    records: Sequence[PredictionRecord],
    labels: Mapping[str, str],
    schema: Schema,
    traffic: TrafficLog,
) -> pa.Table:
    """One row a record, with the columns of `schema`; images whose bytes are gone are left out."""
    if schema.columns[0].kind is ColumnKind.IMAGE:
        images = {record.id: _image(record, traffic) for record in records}
        records = [record for record in records if images[record.id]]
        content = {IMAGE: pa.array([images[r.id] for r in records], pa.large_binary())}
    else:
        content = {column.name: _values(column, records) for column in schema.columns}
    target = pa.string() if schema.labels else pa.float64()
    answers = [labels[r.id] if schema.labels else float(labels[r.id]) for r in records]
    times = [datetime.fromtimestamp(record.at, UTC) for record in records]
    return pa.table(
        {
            ID: pa.array([row_id(record.id) for record in records], pa.string()),
            LABEL: pa.array(answers, target),
            SOURCE: pa.array([record.id for record in records], pa.string()),
            TIMESTAMP: pa.array(times, pa.timestamp("us", tz="UTC")),
            **content,
        }
    )


def _values(column: Column, records: Sequence[PredictionRecord]) -> pa.Array:
    if column.kind is ColumnKind.NUMERIC:
        return pa.array([record.numeric.get(column.name) for record in records], pa.float64())
    return pa.array([record.categorical.get(column.name) for record in records], pa.string())


def _image(record: PredictionRecord, traffic: TrafficLog) -> bytes:
    try:
        return traffic.payload(record.payload) if record.payload else b""
    except NotFound:
        return b""
