"""Choose how the rows of a dataset are assigned to splits, from its first version."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retread.core import InvalidInput
from retread.data.split_plan import SplitMethod, SplitPlan, TimePlan, split_column
from retread.data.splits import Times, microseconds, time_at
from retread.data.store import GROUP, SPLIT, TIMESTAMP
from retread.data.version import Split
from retread.project.settings import DataSection

_BLOCKS_S = (86_400, 3_600, 60, 1)
_FEW_VALUES = 20


@dataclass(frozen=True, slots=True)
class SplitChoice:
    """What a plan is chosen from.

    Attributes:
        rows: The examples, with GROUP, TIMESTAMP and optionally SPLIT.
        features: The names of the feature columns of a table; empty for images.
        similarity_keys: For each row, a key that identical rows share.
        settings: The `[data]` section.
        now: Later times do not count.
    """

    rows: pa.Table
    features: Sequence[str]
    similarity_keys: pa.Array
    settings: DataSection
    now: datetime


def choose_plan(choice: SplitChoice) -> SplitPlan:
    """Choose how rows are assigned to splits, or do as `[data] split` says.

    Raises:
        InvalidInput: The rows do not have what `[data] split` requires.
    """
    wish = choice.settings.split
    if split_column(wish):
        return _given(choice, SplitMethod.COLUMN)
    if wish == SplitMethod.FOLDER or (not wish and SPLIT in choice.rows.column_names):
        return _given(choice, SplitMethod.FOLDER)
    not_by_time = ""
    if wish == SplitMethod.TIME or (not wish and choice.settings.timestamp):
        found = _by_time(choice)
        if isinstance(found, SplitPlan):
            return found
        if wish:
            raise InvalidInput(
                f"The rows cannot be split by time: {found}.",
                'Set [data] split to another method, such as "random".',
            )
        not_by_time = f" Not by time, because {found}."
    grouped = choice.rows[GROUP].null_count < choice.rows.num_rows
    if wish == SplitMethod.GROUP or (not wish and choice.settings.group and grouped):
        return _by_group(choice, not_by_time)
    return _at_random(choice, not_by_time)


def _given(choice: SplitChoice, method: SplitMethod) -> SplitPlan:
    column = split_column(choice.settings.split)
    if SPLIT not in choice.rows.column_names:
        raise InvalidInput(
            f"[data] split is {choice.settings.split!r}, but the source has no "
            + (f"column {column!r}." if column else "train, valid and test folders."),
            "Remove the setting, or set it to one of: time, random, group.",
        )
    named = set(choice.rows[SPLIT].unique().to_pylist())
    absent = [split for split in Split if split.value not in named]
    if Split.TRAIN in absent:
        raise InvalidInput(
            "No row of the source is given to the training split.",
            "Name it train or training, or set [data] split to another method.",
        )
    says = f"column {column!r} says" if column else "the folders say"
    drawn = " and ".join(split.value for split in absent)
    verb = "are" if len(absent) > 1 else "is"
    return SplitPlan(
        method=method,
        reason=f"Split as {says}"
        + (f"; {drawn} {verb} not named and {verb} drawn from train." if absent else "."),
        column=column,
        draws_validation=Split.VALIDATION in absent,
        draws_evaluation=Split.EVALUATION in absent,
    )


def _by_group(choice: SplitChoice, not_by_time: str) -> SplitPlan:
    if choice.rows[GROUP].null_count == choice.rows.num_rows:
        raise InvalidInput(
            '[data] split is "group", but the source gives no row a group.',
            "Set [data] group to the column whose values keep rows together.",
        )
    name = f" ({choice.settings.group})" if choice.settings.group else ""
    reason = f"Split by group{name}: the rows of a group stay together.{not_by_time}"
    return SplitPlan(method=SplitMethod.GROUP, reason=reason)


def _at_random(choice: SplitChoice, not_by_time: str) -> SplitPlan:
    repeats = _natural_repeats(choice)
    if repeats:
        reason = (
            f"Split at random, row by row: {choice.rows.num_rows:,} rows have only {repeats:,} "
            "different combinations of values, so that rows repeat by nature."
        )
    elif choice.features:
        reason = "Split at random; identical and nearly identical rows stay together."
    else:
        reason = "Split at random; photos that look alike stay together."
    return SplitPlan(
        method=SplitMethod.RANDOM, reason=f"{reason}{not_by_time}", by_row=bool(repeats)
    )


def _natural_repeats(choice: SplitChoice) -> int:
    """Return the number of distinct rows if rows repeat by nature, otherwise 0.

    They do where all columns have few values, and either allow fewer combinations than there are
    rows, or repeat unevenly: a file that was added to itself repeats every row equally often.
    """
    count = choice.rows.num_rows
    if not choice.features or count == 0:
        return 0
    values = []
    for name in choice.features:
        values.append(pc.count_distinct(choice.rows[name], mode="all").as_py())
        if values[-1] > max(_FEW_VALUES, math.isqrt(count)):
            return 0
    copies = pc.value_counts(choice.similarity_keys).field("counts").to_numpy()
    if 2 * len(copies) > count:
        return 0
    few_combinations = 2 * math.prod(values) <= count
    return len(copies) if few_combinations or int(np.gcd.reduce(copies)) == 1 else 0


def _by_time(choice: SplitChoice) -> SplitPlan | str:
    """Return the plan, or why the rows cannot be split by time."""
    stamps = choice.rows[TIMESTAMP]
    if stamps.null_count == len(stamps):
        return "the rows have no times"
    ends = _newest_of_groups(choice.rows)
    known = ends[ends <= microseconds(choice.now + timedelta(days=1))]
    if len(known) == 0:
        return "all times are in the future"
    periods = _periods(np.sort(known), choice.settings, whole_blocks=not _is_grouped(choice.rows))
    if periods is None:
        distinct = len(np.unique(known))
        what = "groups overlap in time" if _is_grouped(choice.rows) else "rows share few times"
        return f"the {what} ({len(known):,} rows end at {distinct:,} different times)"
    unit = {86_400: "days", 3_600: "hours", 60: "minutes", 1: "seconds"}[periods.block_s]
    shared = "groups" if _is_grouped(choice.rows) else unit
    name = f" ({choice.settings.timestamp})" if choice.settings.timestamp else ""
    reason = (
        f"Split by time{name}: training before {_text(periods.validation_from)}, validation before "
        f"{_text(periods.evaluation_from)}, evaluation before {_text(periods.until)}; later rows "
        f"are shared out by whole {shared}."
    )
    return SplitPlan(method=SplitMethod.TIME, reason=reason, time=periods)


def _is_grouped(rows: pa.Table) -> bool:
    return bool(rows[GROUP].null_count < rows.num_rows)


def _newest_of_groups(rows: pa.Table) -> Times:
    """Return the newest time of each row's group; a row without a group is one by itself."""
    rows = rows.select([GROUP, TIMESTAMP]).filter(pc.is_valid(rows[TIMESTAMP]))
    times = rows[TIMESTAMP].cast(pa.int64()).to_numpy()
    if not _is_grouped(rows):
        return np.asarray(times, dtype=np.int64)
    groups = rows[GROUP].combine_chunks().dictionary_encode()
    codes = groups.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    newest = np.full(len(groups.dictionary), np.iinfo(np.int64).min)
    np.maximum.at(newest, codes[codes >= 0], times[codes >= 0])
    return np.asarray(np.where(codes >= 0, newest[codes], times), dtype=np.int64)


def _periods(times: Times, settings: DataSection, *, whole_blocks: bool) -> TimePlan | None:
    """Cut sorted times into periods that have about the shares of the splits.

    Returns:
        The periods, cut at the longest blocks that keep the shares; None if no cut does.
    """
    count = len(times)
    wanted = (settings.evaluation_share, settings.validation_share)
    last = times[min(math.ceil(count * (1 - wanted[0])), count - 1)]
    middle = times[min(math.ceil(count * (1 - sum(wanted))), count - 1)]
    for block_s in _BLOCKS_S:
        block = block_s * 1_000_000
        exact = block_s == _BLOCKS_S[-1] or not whole_blocks
        evaluation_from, validation_from = (
            (int(t) if exact else int(t) // block * block) for t in (last, middle)
        )
        shares = _shares(times, validation_from, evaluation_from)
        if all(0.5 * w <= s <= 1.5 * w for s, w in zip(shares, wanted, strict=True)):
            until = (int(times[-1]) // block + 1) * block
            return TimePlan(
                validation_from=time_at(validation_from),
                evaluation_from=time_at(evaluation_from),
                until=time_at(until),
                block_s=block_s,
                whole_groups=not whole_blocks,
            )
    return None


def _shares(times: npt.NDArray[np.int64], middle: int, last: int) -> tuple[float, float]:
    evaluation = float((times >= last).mean())
    return evaluation, float((times >= middle).mean()) - evaluation


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
