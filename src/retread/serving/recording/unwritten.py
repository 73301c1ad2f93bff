"""What a record needs of an answered call, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retread.serving.call import Call, Outcome
from retread.serving.rows import Rows

_NUMBER_BYTES = 32
"""A float in a list, with its reference."""


@dataclass(slots=True, eq=False)
class Unwritten:
    """Waits to be written; a call itself would keep its tensors, its pixels and its answer in
    bytes for as long. `rows` have no pixels; `size` is about how many bytes it holds, images
    apart."""

    id: str
    at: float
    key: str
    status: int
    rows: Rows | None
    outcome: Outcome | None
    paired: Outcome | None
    statistics: Sequence[dict[str, float]]
    images: Sequence[bytes]
    size: int


def unwritten(call: Call) -> Unwritten:
    rows = call.rows
    if rows is not None and rows.pixels is not None:
        rows = Rows(rows.count)
    size = sum(map(_size, (call.outcome, call.paired)))
    if rows is not None:
        texts = sum(len(text) for row in rows.categories for text in row)
        size += len(rows.features) + texts
    return Unwritten(
        id=call.id,
        at=call.at,
        key=call.key or call.id,
        status=call.status,
        rows=rows,
        outcome=call.outcome,
        paired=call.paired,
        statistics=call.statistics,
        images=call.images,
        size=size,
    )


def _size(outcome: Outcome | None) -> int:
    if outcome is None:
        return 0
    embedding = 0 if outcome.embedding is None else outcome.embedding.nbytes
    width = len(outcome.main[0]) if outcome.main else 0
    return len(outcome.main) * width * _NUMBER_BYTES + embedding
