"""Named streams of values: the reference and the traffic in the same terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from retread.bundle import CONFIDENCE, PREDICTED_LABEL, PREDICTED_VALUE, Reference
from retread.serving.record import PredictionRecord

EMBEDDING = "embedding"
MISSING = ""


@dataclass(frozen=True, slots=True, eq=False)
class Streams:
    """Rows of examples, column by column.

    `numeric` float64 [n] by name (NaN is missing), `categorical` str [n] by name, `embedding`
    float32 [n, E] or [n, 0]; a stream's name is its column's, or `embedding`. `groups` str [n]
    names rows that belong together, [0] where that is not known.
    """

    rows: int
    numeric: Mapping[str, npt.NDArray[np.float64]]
    categorical: Mapping[str, npt.NDArray[np.str_]]
    embedding: npt.NDArray[np.float32]
    groups: npt.NDArray[np.str_] = field(default_factory=lambda: np.zeros(0, dtype=np.str_))

    @property
    def names(self) -> tuple[str, ...]:
        """Every stream, in a fixed order."""
        own = (EMBEDDING,) if self.embedding.shape[1] else ()
        return (*sorted(self.numeric), *sorted(self.categorical), *own)

    def take(self, rows: slice | npt.NDArray[np.int64]) -> Streams:
        """Some of the rows."""
        embedding = self.embedding[rows]
        return Streams(
            rows=len(embedding),
            numeric={name: values[rows] for name, values in self.numeric.items()},
            categorical={name: values[rows] for name, values in self.categorical.items()},
            embedding=embedding,
            groups=self.groups[rows] if len(self.groups) else self.groups,
        )


def reference_streams(reference: Reference) -> Streams:
    columns = (*reference.numeric.values(), *reference.categorical.values())
    rows = len(columns[0]) if columns else len(reference.embedding)
    embedding = reference.embedding
    if len(embedding) != rows:
        embedding = np.zeros((rows, 0), dtype=np.float32)
    return Streams(
        rows=rows,
        numeric={k: v.astype(np.float64) for k, v in reference.numeric.items()},
        categorical={k: v.astype(np.str_) for k, v in reference.categorical.items()},
        embedding=embedding.astype(np.float32),
        groups=reference.groups if len(reference.groups) == rows else np.zeros(0, dtype=np.str_),
    )


def traffic_streams(
    records: Sequence[PredictionRecord], like: Streams, labels: Sequence[str]
) -> Streams:
    """The streams that `like` has, from recorded answers; what a record lacks is missing.

    `labels` are the manifest's, in the order of the probabilities; empty for regression.
    """
    answers = [_outputs(record) for record in records]
    said: dict[str, list[float]] = {}
    predicted: dict[str, list[str]] = {}
    if labels:
        said[CONFIDENCE] = [max(outputs, default=np.nan) for outputs in answers]
        predicted[PREDICTED_LABEL] = [predicted_label(outputs, labels) for outputs in answers]
    else:
        said[PREDICTED_VALUE] = [outputs[0] if outputs else np.nan for outputs in answers]
    return Streams(
        rows=len(records),
        numeric={
            name: np.array(said.get(name) or [r.numeric.get(name, np.nan) for r in records], float)
            for name in like.numeric
        },
        categorical={
            name: np.array(
                predicted.get(name) or [r.categorical.get(name, MISSING) for r in records], np.str_
            )
            for name in like.categorical
        },
        embedding=_embeddings(records, like.embedding.shape[1]),
    )


def predicted_label(outputs: Sequence[float], labels: Sequence[str]) -> str:
    """The label with the highest probability, '' for an answer without any."""
    return labels[int(np.argmax(outputs))] if outputs else MISSING


def _outputs(record: PredictionRecord) -> tuple[float, ...]:
    return record.answer.outputs if record.answer else ()


def _embeddings(records: Sequence[PredictionRecord], width: int) -> npt.NDArray[np.float32]:
    # A record without an embedding must not look like the centre of the reference.
    rows = [r.embedding if len(r.embedding) == width else (np.nan,) * width for r in records]
    return np.array(rows, dtype=np.float32).reshape(len(records), width)
