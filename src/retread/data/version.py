"""Dataset versions as values, and the notation that names them (`tires@3`)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from retread.core import CheckResult, InvalidInput, Outcome, checked_name
from retread.core.notebook import ShownTable, ShowsAsTable
from retread.core.quarantine import VersionState


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
    """The feature columns in order, and the labels.

    `labels` are sorted; they are empty for numeric targets.
    """

    columns: tuple[Column, ...]
    labels: tuple[str, ...]


class DatasetVersion(ShowsAsTable, msgspec.Struct, frozen=True, kw_only=True):
    """One immutable version of a dataset.

    `digest` covers the id, label, group, split, content and timestamp of every row,
    `evaluation_digest` the id, label and content of the rows of the evaluation split. `labels`
    counts rows by label; it is empty for numeric targets. `profile` holds the statistics of each
    column. `checks` are the results that decided about quarantine. `remarks` are sentences that say
    how the source was read.
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

    def as_table(self) -> ShownTable:
        splits = ", ".join(f"{split} {count}" for split, count in self.splits.items())
        labels = ", ".join(f"{label} {count}" for label, count in self.labels.items())
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
