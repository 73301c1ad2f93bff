"""Each check passes valid versions and fails invalid ones, with its numbers."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from retread.core import Outcome
from retread.data import Column, ColumnKind, DatasetSummary, Schema, Split
from retread.data.split_plan import SplitMethod, SplitPlan
from retread.data.summary import Changes, CheckContext
from retread.data.validation import validate
from retread.project.settings import DataSection

from .conftest import START, table, version_of

STATISTICS = {"count": 100.0, "missing": 0.0, "infinite": 0.0, "mean": 1.0, "sd": 0.5}
BEFORE = version_of(table({f"r{i}": "ab"[i % 2] for i in range(100)}))
SUMMARY = DatasetSummary(
    schema=BEFORE.schema,
    rows=100,
    splits={Split.TRAIN: 60, Split.VALIDATION: 20, Split.EVALUATION: 20},
    labels={
        Split.TRAIN: {"a": 30, "b": 30},
        Split.VALIDATION: {"a": 10, "b": 10},
        Split.EVALUATION: {"a": 10, "b": 10},
    },
    profile={"x": STATISTICS},
    unreadable=(),
    split_groups=0,
    leaked_rows=0,
    conflicting_labels=0,
    changes=None,
    context=CheckContext(
        plan=SplitPlan(method=SplitMethod.RANDOM, reason="Split at random."),
        settings=DataSection(),
        now=START,
    ),
)
CHANGES = Changes(
    version=BEFORE, common=90, relabelled=0, moved=0, evaluation_relabelled=0, evaluation_removed=0
)
IMAGES = Schema(columns=(Column(name="image", kind=ColumnKind.IMAGE),), labels=("a", "b"))
TEXT = Schema(columns=(Column(name="x", kind=ColumnKind.CATEGORICAL),), labels=("a", "b"))


def imbalanced(a: int, b: int) -> dict[Split, dict[str, int]]:
    return {**SUMMARY.labels, Split.TRAIN: {"a": a, "b": b}}


VALID = {
    "a first version": SUMMARY,
    "no changes": replace(SUMMARY, changes=CHANGES),
    "few leaked rows of a table": replace(SUMMARY, leaked_rows=4),
    "as many unreadable files as are allowed": replace(
        SUMMARY, unreadable=("a.jpg: cut", "b.jpg: cut")
    ),
    "few images with conflicting labels": replace(SUMMARY, schema=IMAGES, conflicting_labels=1),
    "rows of a table with conflicting labels": replace(SUMMARY, conflicting_labels=50),
    "a rare label": replace(SUMMARY, labels=imbalanced(4000, 100), rows=4140),
    "few relabelled rows": replace(SUMMARY, changes=replace(CHANGES, relabelled=4)),
    "few removed evaluation rows": replace(SUMMARY, changes=replace(CHANGES, evaluation_removed=1)),
}

INVALID = {
    "unreadable files": ("readable", replace(SUMMARY, unreadable=("a", "b", "c"))),
    "a group in two splits": ("groups", replace(SUMMARY, split_groups=1)),
    "many leaked rows of a table": ("duplicates", replace(SUMMARY, leaked_rows=5)),
    "a leaked image": ("duplicates", replace(SUMMARY, schema=IMAGES, leaked_rows=1)),
    "images with conflicting labels": (
        "duplicates",
        replace(SUMMARY, schema=IMAGES, conflicting_labels=2),
    ),
    "a dominant label": ("label_share", replace(SUMMARY, labels=imbalanced(4000, 3), rows=4043)),
    "a label missing from training": (
        "splits",
        replace(SUMMARY, labels={**SUMMARY.labels, Split.TRAIN: {"a": 60}}),
    ),
    "one label in evaluation": (
        "splits",
        replace(SUMMARY, labels={**SUMMARY.labels, Split.EVALUATION: {"a": 20}}),
    ),
    "an empty split": (
        "splits",
        replace(SUMMARY, splits={**SUMMARY.splits, Split.VALIDATION: 0}),
    ),
    "an infinite value": (
        "values",
        replace(SUMMARY, profile={"x": {**STATISTICS, "infinite": 1.0}}),
    ),
    "an almost empty column": (
        "values",
        replace(SUMMARY, profile={"x": {**STATISTICS, "missing": 0.95}}),
    ),
    "many relabelled rows": (
        "relabelled",
        replace(SUMMARY, changes=replace(CHANGES, relabelled=5)),
    ),
    "a relabelled evaluation row": (
        "evaluation",
        replace(SUMMARY, changes=replace(CHANGES, evaluation_relabelled=1)),
    ),
    "many removed evaluation rows": (
        "evaluation",
        replace(SUMMARY, changes=replace(CHANGES, evaluation_removed=99)),
    ),
    "a row moved to another split": (
        "evaluation",
        replace(SUMMARY, changes=replace(CHANGES, moved=1)),
    ),
    "a column of another kind": ("schema", replace(SUMMARY, schema=TEXT, changes=CHANGES)),
}


@pytest.mark.parametrize("summary", VALID.values(), ids=VALID)
def test_a_valid_version_passes_every_check(summary: DatasetSummary) -> None:
    verdict = validate(summary)
    assert [check.check for check in verdict.checks if check.outcome is Outcome.FAIL] == []
    assert verdict.outcome is Outcome.PASS
    assert all(check.reason for check in verdict.checks)


@pytest.mark.parametrize(("failing", "summary"), INVALID.values(), ids=INVALID)
def test_an_invalid_version_fails_one_check(failing: str, summary: DatasetSummary) -> None:
    verdict = validate(summary)
    failed = {check.check for check in verdict.checks if check.outcome is Outcome.FAIL}
    assert failed == {failing}
    assert verdict.outcome is Outcome.FAIL
    assert all(check.reason for check in verdict.checks)


FAR = {**STATISTICS, "mean": 6.0}


@pytest.mark.parametrize(
    ("profile", "fails"),
    [
        ({"x": STATISTICS, "constant": FAR}, False),
        ({"x": FAR}, True),
        ({"x": {**STATISTICS, "missing": 0.6}}, True),
        ({"x": {**STATISTICS, "mean": 4.0}}, False),
        ({"new": FAR}, False),
    ],
    ids=["a constant column", "a far shift", "missing values", "a small shift", "a new column"],
)
def test_drift_is_measured_against_the_previous_version(
    profile: dict[str, dict[str, float]], fails: bool
) -> None:
    before = msgspec.structs.replace(
        BEFORE, profile={"x": STATISTICS, "constant": {**STATISTICS, "sd": 0.0}}
    )
    changes = replace(CHANGES, version=before)
    verdict = validate(replace(SUMMARY, profile=profile, changes=changes))
    failed = {check.check for check in verdict.checks if check.outcome is Outcome.FAIL}
    assert failed == ({"drift"} if fails else set())
