"""How the rows of a dataset are assigned to splits: decided once, and kept with its versions."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class SplitMethod(StrEnum):
    """What decides the split of a row."""

    TIME = "time"
    RANDOM = "random"
    GROUP = "group"
    FOLDER = "folder"
    COLUMN = "column"


class TimePlan(msgspec.Struct, frozen=True, kw_only=True):
    """The periods of the first version, and the blocks of time after it.

    Rows before `validation_from` are for training, rows before `evaluation_from` for validation,
    and rows before `until` for evaluation. Rows from `until` on are shared out by whole blocks.

    Attributes:
        validation_from: Start of the validation period.
        evaluation_from: Start of the evaluation period.
        until: End of the evaluation period.
        block_s: Length of a block in seconds.
        whole_groups: Whether groups are kept whole: each is placed by its newest time, and those
            that come later are shared out instead of blocks.
    """

    validation_from: datetime
    evaluation_from: datetime
    until: datetime
    block_s: int
    whole_groups: bool = False


class SplitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How rows are assigned to splits. It is decided for the first version and never changes.

    Attributes:
        method: What decides the split of a row.
        reason: A sentence for people: what was chosen, and why.
        column: The column that names the splits; empty for the other methods.
        by_row: Whether identical rows may be in different splits, because they repeat by nature.
        time: The periods; None for the other methods.
        draws_validation: Whether validation rows are drawn from the given training rows, because
            the source names none.
        draws_evaluation: Whether evaluation rows are drawn from them.
    """

    method: SplitMethod
    reason: str
    column: str = ""
    by_row: bool = False
    time: TimePlan | None = None
    draws_validation: bool = False
    draws_evaluation: bool = False

    @property
    def is_given(self) -> bool:
        """Whether the source says which row is in which split."""
        return self.method in (SplitMethod.FOLDER, SplitMethod.COLUMN)


def split_column(split: str) -> str:
    """Return the column that `[data] split` names; empty if it names a method.

    >>> split_column("fold"), split_column("time")
    ('fold', '')
    """
    methods = {method.value for method in SplitMethod if method is not SplitMethod.COLUMN}
    return "" if split in methods else split


def obeys(plan: SplitPlan, split: str) -> bool:
    """Return whether a plan is what `[data] split` asks for; it asks for nothing if empty."""
    if column := split_column(split):
        return plan.column == column
    return not split or plan.method == split
