"""Dataset versions as values."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from retread.core import CheckResult, Outcome


class Split(StrEnum):
    """What an example is used for; it never changes as a dataset grows."""

    TRAIN = "train"
    VALIDATION = "validation"
    EVALUATION = "evaluation"


class VersionState(StrEnum):
    """Whether a version may be trained on."""

    QUARANTINED = "quarantined"
    RELEASED = "released"


class ColumnKind(StrEnum):
    """How a column is used."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    IMAGE = "image"


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One feature column; an image dataset has the single column `image`."""

    name: str
    kind: ColumnKind


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """Features in order, and what the label is: `labels` sorted, or empty for numeric targets."""

    columns: tuple[Column, ...]
    labels: tuple[str, ...]


class DatasetVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable version.

    `digest` covers every row (id, label, group, split, content, time); `evaluation_digest` those of
    the evaluation split. `profile` holds figures by column. `checks` say why it is in quarantine.
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
    created_at: str

    @property
    def reference(self) -> str:
        """How people write it: `tires@3`."""
        return f"{self.dataset}@{self.number}"

    @property
    def is_quarantined(self) -> bool:
        return self.state is VersionState.QUARANTINED

    @property
    def failed_checks(self) -> tuple[CheckResult, ...]:
        """Why it is, or was, in quarantine."""
        return tuple(check for check in self.checks if check.outcome is not Outcome.PASS)
