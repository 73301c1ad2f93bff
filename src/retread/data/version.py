"""Dataset versions as values, and the notation that names them (`tires@3`)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from retread.core import CheckResult, InvalidInput, Outcome, checked_name
from retread.core.column_rules import ColumnRules
from retread.core.listed import listed
from retread.core.notebook import ShownTable, ShowsAsTable
from retread.core.quarantine import VersionState
from retread.data.read_settings import ReadSettings
from retread.data.split_plan import SplitPlan


class Split(StrEnum):
    """The purpose of an example. It never changes as a dataset grows."""

    TRAIN = "train"
    VALIDATION = "validation"
    EVALUATION = "evaluation"


class ColumnKind(StrEnum):
    """The data type of a feature column."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    IMAGE = "image"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One feature column. An image dataset has a single one, `image`."""

    name: str
    kind: ColumnKind


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """The feature columns in order, the labels, and how values of both are read.

    `labels` are sorted; they are empty for numeric targets. `rules` has one entry per feature
    column of a table, in their order, and is empty for images. `label_rules` is None for images,
    whose labels are cleaned text.
    """

    columns: tuple[Column, ...]
    labels: tuple[str, ...]
    rules: tuple[ColumnRules, ...] = ()
    label_rules: ColumnRules | None = None


class ColumnUse(StrEnum):
    """What a column of a source is used as."""

    FEATURE = "feature"
    LABEL = "label"
    GROUP = "group"
    TIME = "time"
    SPLIT = "split"
    UNUSED = "not used"


class ColumnDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a column of a source, and why.

    Attributes:
        name: Name of the column.
        use: What it is used as.
        kind: What its values are, such as number, category or identifier.
        reason: Why, with examples, and what else there is to say about its values.
    """

    name: str
    use: ColumnUse
    kind: str
    reason: str = ""

    def __str__(self) -> str:
        used = self.kind if self.use is ColumnUse.FEATURE else f"{self.use}, {self.kind}"
        return f"{self.name}: {used}" + (f" ({self.reason})" if self.reason else "")


class DatasetVersion(ShowsAsTable, msgspec.Struct, frozen=True, kw_only=True):
    """One immutable version of a dataset.

    `digest` covers the id, label, group, split, content and timestamp of every row,
    `evaluation_digest` the id, label and content of the rows of the evaluation split. `labels`
    counts rows by label; it is empty for numeric targets. `profile` holds the statistics of each
    column. `checks` are the results that decided about quarantine. `decisions` says what was
    decided about each column of a table; it is empty for images. `split_plan` is how rows are
    assigned to splits, and `settings` those under which the rows were read; both are None for
    versions of before they were kept. `positive_label` is the positive one of two labels.
    `remarks` are sentences that say how the source was read.
    """

    dataset: str
    number: int
    digest: str
    evaluation_digest: str
    state: VersionState
    schema: Schema
    rows: int
    splits: dict[Split, int]
    labels: dict[str, int]
    profile: dict[str, dict[str, float]]
    checks: tuple[CheckResult, ...]
    source: str
    note: str
    created_at: datetime
    decisions: tuple[ColumnDecision, ...] = ()
    split_plan: SplitPlan | None = None
    settings: ReadSettings | None = None
    positive_label: str | None = None
    remarks: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The version in the notation that `parse_version_reference` reads, such as `tires@3`."""
        return f"{self.dataset}@{self.number}"

    @property
    def is_quarantined(self) -> bool:
        """Whether the version is in quarantine."""
        return self.state is VersionState.QUARANTINED

    @property
    def failed_checks(self) -> tuple[CheckResult, ...]:
        """The checks that put the version into quarantine, even if it was released since."""
        return tuple(check for check in self.checks if check.outcome is not Outcome.PASS)

    @property
    def notices(self) -> tuple[CheckResult, ...]:
        """The checks that passed and found something that people should know."""
        return tuple(c for c in self.checks if c.outcome is Outcome.PASS and c.notice)

    def as_table(self) -> ShownTable:
        splits = ", ".join(f"{split} {count}" for split, count in self.splits.items())
        labels = listed(f"{label} {count}" for label, count in self.labels.items())
        facts = [("state", self.state.value), ("rows", self.rows), ("splits", splits)]
        facts += [("labels", labels), ("source", self.source), ("digest", self.digest)]
        failed = [(check.check, check.reason) for check in self.failed_checks]
        return ShownTable(self.reference, ("", ""), [*facts, *failed])


def parse_version_reference(text: str) -> tuple[str, int | None]:
    """Parse a reference to a dataset version.

    >>> parse_version_reference("tires@3")
    ('tires', 3)
    >>> parse_version_reference("tires@latest")
    ('tires', None)

    Args:
        text: `NAME@N`, or `NAME` or `NAME@latest` for the latest version.

    Returns:
        The name of the dataset and the number of the version, None for the latest.

    Raises:
        InvalidInput: The name or the number is not valid.
    """
    name, at, number = text.partition("@")
    checked_name("dataset", name)
    if not at or number == "latest":
        return name, None
    if not (number.isascii() and number.isdecimal() and 0 < int(number[:10]) < 10**9):
        raise InvalidInput(
            f"{text!r} does not name a dataset version.",
            "Write it like tires@3 or tires@latest.",
        )
    return name, int(number)
