"""The split of a row: a function of its group, its time or the word its source gives.

None of them depends on the other rows of a dataset, so that a row never moves as it grows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.data.row_digests import CONTENT, leading_words
from retread.data.row_numbers import RowNumbers
from retread.data.split_plan import SplitPlan, TimePlan
from retread.data.version import Split

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
"""Times in microseconds since 1970, UTC."""


class Shares(TypedDict):
    """The shares of the splits that are held out, 0..1."""

    evaluation_share: float
    validation_share: float


SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "학습", "훈련"), Split.TRAIN),
    **dict.fromkeys(("valid", "val", "validation", "dev", "검증"), Split.VALIDATION),
    **dict.fromkeys(("test", "testing", "eval", "evaluation", "holdout"), Split.EVALUATION),
    **dict.fromkeys(("테스트", "평가"), Split.EVALUATION),
}
"""The words by which a folder or a column names a split."""
_AROUND_A_SPLIT = re.compile(r"^\d+[\W_]*|[\W_]*(set|data|dataset|images|imgs|split|\d{4})$")

_SCALE = 2.0**64
_DIGITS = set("0123456789abcdefABCDEF")
_DIGEST_LENGTH = 32 + len(CONTENT)
_BLOCKS_PER_CYCLE = 20
_GOLDEN = (5**0.5 - 1) / 2
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def split_of(group: str, *, evaluation_share: float, validation_share: float) -> Split:
    """Return the split of all examples of a group, which depends on nothing else in the dataset.

    >>> split_of("tire 7", evaluation_share=0.2, validation_share=0.15)
    <Split.TRAIN: 'train'>

    Args:
        group: The name of the group.
        evaluation_share: The share of groups for evaluation, 0..1.
        validation_share: The share of groups for validation, 0..1.
    """
    return _split_at(_position(group), evaluation_share, validation_share)


def splits_of(
    groups: pa.Array | pa.ChunkedArray,
    fixed: Mapping[str, str],
    *,
    evaluation_share: float,
    validation_share: float,
) -> pa.Array:
    """Return the split of each row by its group.

    Args:
        groups: The names of the groups.
        fixed: The splits of groups that already have one.
        evaluation_share: The share of new groups for evaluation, 0..1.
        validation_share: The share of new groups for validation, 0..1.
    """
    names = groups.combine_chunks() if isinstance(groups, pa.ChunkedArray) else groups
    shares = (evaluation_share, evaluation_share + validation_share)
    chosen = np.searchsorted(shares, _positions(names), side="right")
    splits = pa.array([Split.EVALUATION, Split.VALIDATION, Split.TRAIN], pa.string())
    found = splits.take(pa.array(chosen))
    if not fixed:
        return found
    where = pc.index_in(names, value_set=pa.array(list(fixed), pa.string()))
    return pc.coalesce(pa.array(list(fixed.values()), pa.string()).take(where), found)


def given_splits(
    values: pa.ChunkedArray, column: str, name: str, rows: RowNumbers
) -> pa.ChunkedArray:
    """Return the splits that a column names, by their values.

    Args:
        values: The column.
        column: Its name, for errors.
        name: The name of its table, for errors.
        rows: The numbers of its rows, for errors.

    Raises:
        InvalidInput: A value names no split, or is missing.
    """
    splits: dict[object, str] = {}
    for value in values.unique().to_pylist():
        split = split_of_word(str(value))
        if split is None:
            row = rows[values.to_pylist().index(value)]
            raise InvalidInput(
                f"Row {row} of {name} has the split {value!r} in column {column!r}.",
                f"Each row needs one of: {', '.join(SPLIT_WORDS)}.",
            )
        splits[value] = split.value
    found = pa.array(list(splits.values()), pa.string())
    return found.take(pc.index_in(values, value_set=pa.array(list(splits), values.type)))


def split_of_word(word: str) -> Split | None:
    """Return the split that a folder or a value names; None if it names none.

    >>> split_of_word(" Valid "), split_of_word("01_train-set"), split_of_word("good")
    (<Split.VALIDATION: 'validation'>, <Split.TRAIN: 'train'>, None)
    """
    plain = _AROUND_A_SPLIT.sub("", word.strip().lower())
    return SPLIT_WORDS.get(plain)


def given_splits_of(
    words: pa.ChunkedArray,
    groups: pa.ChunkedArray,
    plan: SplitPlan,
    *,
    evaluation_share: float,
    validation_share: float,
) -> pa.ChunkedArray:
    """Return the split of each row whose source gives one; null for the others.

    A split that the source never names is drawn from its training rows, by group.
    """
    if not (plan.draws_validation or plan.draws_evaluation):
        return words
    evaluation = evaluation_share if plan.draws_evaluation else 0.0
    validation = validation_share if plan.draws_validation else 0.0
    # Of all rows, the others are for evaluation already.
    rest = 1.0 if plan.draws_evaluation else 1.0 - evaluation_share
    drawn = splits_of(groups, {}, evaluation_share=evaluation, validation_share=validation / rest)
    return pc.if_else(pc.equal(words, Split.TRAIN.value), drawn, words)


def split_of_block(block: int, *, evaluation_share: float, validation_share: float) -> Split:
    """Return the split of a block of time.

    Blocks are shared out evenly: steps of the golden ratio visit the shares of the splits in turn
    (a low-discrepancy sequence), so that training has some of any few blocks in sequence. Each
    cycle of blocks starts at another point, so that no weekly or monthly pattern meets always the
    same split.

    Args:
        block: The number of the block since 1970.
        evaluation_share: The share of blocks for evaluation, 0..1.
        validation_share: The share of blocks for validation, 0..1.
    """
    cycle, step = divmod(block, _BLOCKS_PER_CYCLE)
    position = (_position(f"cycle {cycle}") + step * _GOLDEN) % 1.0
    return _split_at(position, evaluation_share, validation_share)


def blocks_of(times: Times, plan: TimePlan) -> Times:
    """Return the number of the block that each time is in."""
    return times // (plan.block_s * 1_000_000)


def is_later(times: Times, plan: TimePlan) -> npt.NDArray[np.bool_]:
    """Return which times are after the periods of the first version."""
    return times >= microseconds(plan.until)


def splits_of_times(
    times: Times,
    plan: TimePlan,
    fixed: Mapping[int, str],
    *,
    evaluation_share: float,
    validation_share: float,
) -> npt.NDArray[np.str_]:
    """Return the split of each row by its time.

    Args:
        times: Int64 [n], the times of the rows.
        plan: The periods and the length of a block.
        fixed: The splits of blocks that already have one.
        evaluation_share: The share of new blocks for evaluation, 0..1.
        validation_share: The share of new blocks for validation, 0..1.
    """
    in_training = times < microseconds(plan.validation_from)
    in_validation = times < microseconds(plan.evaluation_from)
    held_out = np.where(in_validation, Split.VALIDATION.value, Split.EVALUATION.value)
    splits = np.where(in_training, Split.TRAIN.value, held_out)
    later = is_later(times, plan)
    blocks, which = np.unique(blocks_of(times[later], plan), return_inverse=True)
    shared_out = [
        fixed.get(block)
        or split_of_block(
            block, evaluation_share=evaluation_share, validation_share=validation_share
        ).value
        for block in blocks.tolist()
    ]
    splits[later] = np.array(shared_out, dtype=splits.dtype)[which]
    return splits


def microseconds(time: datetime) -> int:
    """Return a time in microseconds since 1970."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def time_at(microsecond: int) -> datetime:
    """Return the time that is this many microseconds after 1970."""
    return _EPOCH + timedelta(microseconds=int(microsecond))


def _position(name: str) -> float:
    if _is_digest(name):
        return float(np.float64(np.uint64(int(name[:16], 16))) / _SCALE)
    head = hashlib.sha256(name.encode()).digest()[:8]
    return float(np.float64(np.frombuffer(head, ">u8")[0]) / _SCALE)


def _is_digest(name: str) -> bool:
    """Return whether a group is one of equal rows, whose name begins with their digest."""
    return len(name) == _DIGEST_LENGTH and name.endswith(CONTENT) and set(name[:16]) <= _DIGITS


def _positions(names: pa.Array) -> Floats:
    """Return a position in 0..1 for each name, evenly distributed.

    It is the sha256 of the name; the name of a group of equal rows begins with a digest already.
    """
    may_be = pc.and_(
        pc.equal(pc.binary_length(names), _DIGEST_LENGTH), pc.ends_with(names, CONTENT)
    )
    words = leading_words(names.filter(may_be))
    if words is not None and len(words) == len(names):
        return np.asarray(words / _SCALE, dtype=np.float64)
    encoded = names.dictionary_encode()
    found = np.array([_position(name) for name in encoded.dictionary.to_pylist()])
    return np.asarray(found[encoded.indices.to_numpy()])


def _split_at(position: float, evaluation_share: float, validation_share: float) -> Split:
    if position < evaluation_share:
        return Split.EVALUATION
    if position < evaluation_share + validation_share:
        return Split.VALIDATION
    return Split.TRAIN
