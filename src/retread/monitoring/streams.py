"""Named streams of values: the reference and the traffic in the same form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from retread.bundle import (
    CONFIDENCE,
    PREDICTED_LABEL,
    PREDICTED_VALUE,
    Reference,
    Texts,
    like_reference,
    texts,
)
from retread.serving.traffic import PredictionRecord

EMBEDDING = "embedding"
MISSING = ""


@dataclass(frozen=True, slots=True, eq=False)
class Streams:
    """Rows of examples by column; each column is a stream.

    Attributes:
        rows: The number of rows n.
        numeric: float64 [n] by name; NaN is a missing value.
        categorical: texts [n] by name; "" is a missing value.
        embedding: float32 [n, E], the stream `embedding`; [n, 0] without embeddings.
        groups: [n], equal for rows that belong together; [0] if that is unknown.
    """

    rows: int
    numeric: Mapping[str, npt.NDArray[np.float64]]
    categorical: Mapping[str, Texts]
    embedding: npt.NDArray[np.float32]
    groups: npt.NDArray[Any] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all streams, in a fixed order."""
        own = (EMBEDDING,) if self.embedding.shape[1] else ()
        return (*sorted(self.numeric), *sorted(self.categorical), *own)

    def take(self, rows: slice | npt.NDArray[np.int64]) -> Streams:
        """Return some of the rows."""
        embedding = self.embedding[rows]
        return Streams(
            rows=len(embedding),
            numeric={name: values[rows] for name, values in self.numeric.items()},
            categorical={name: values[rows] for name, values in self.categorical.items()},
            embedding=embedding,
            groups=self.groups[rows] if len(self.groups) else self.groups,
        )


def reference_streams(reference: Reference) -> Streams:
    """Return the streams of a bundle's reference."""
    columns = (*reference.numeric.values(), *reference.categorical.values())
    rows = len(columns[0]) if columns else len(reference.embedding)
    embedding = reference.embedding
    if len(embedding) != rows:
        embedding = np.zeros((rows, 0), dtype=np.float32)
    return Streams(
        rows=rows,
        numeric={k: v.astype(np.float64) for k, v in reference.numeric.items()},
        categorical=dict(reference.categorical),
        embedding=embedding.astype(np.float32),
        groups=reference.groups if len(reference.groups) == rows else reference.groups[:0],
    )


def traffic_streams(
    records: Sequence[PredictionRecord], like: Streams, labels: Sequence[str]
) -> Streams:
    """Return the streams of recorded predictions; what a record lacks is a missing value.

    Args:
        records: The records, one per row.
        like: The reference, which defines the streams.
        labels: The labels of the manifest in the order of the probabilities; empty for a
            regression.
    """
    outputs = [_outputs(record) for record in records]
    numeric: dict[str, list[float]] = {}
    categorical: dict[str, list[str]] = {}
    if labels:
        numeric[CONFIDENCE] = [max(row, default=np.nan) for row in outputs]
        categorical[PREDICTED_LABEL] = [predicted_label(row, labels) for row in outputs]
    else:
        numeric[PREDICTED_VALUE] = [row[0] if row else np.nan for row in outputs]
    return Streams(
        rows=len(records),
        numeric={
            name: np.array(
                numeric.get(name) or [r.numeric.get(name, np.nan) for r in records], float
            )
            for name in like.numeric
        },
        categorical={
            name: texts(
                like_reference(
                    categorical.get(name) or [r.categorical.get(name, MISSING) for r in records],
                    known,
                )
            )
            for name, known in like.categorical.items()
        },
        embedding=_embeddings(records, like.embedding.shape[1]),
    )


def predicted_label(outputs: Sequence[float], labels: Sequence[str]) -> str:
    """Return the label with the highest probability, MISSING if there are no probabilities."""
    return labels[int(np.argmax(outputs))] if outputs else MISSING


def _outputs(record: PredictionRecord) -> tuple[float, ...]:
    return record.answer.outputs if record.answer else ()


def _embeddings(records: Sequence[PredictionRecord], width: int) -> npt.NDArray[np.float32]:
    # A record without an embedding must not look like the centre of the reference.
    rows = [r.embedding if len(r.embedding) == width else (np.nan,) * width for r in records]
    return np.array(rows, dtype=np.float32).reshape(len(records), width)
