"""Each check passes what is well and fails what is not, with its numbers."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from retread.core import Outcome
from retread.data import Column, ColumnKind, DatasetSummary, Schema, Split
from retread.data.judge import judge
from retread.data.summary import Changes

from .conftest import table, version_of

FIGURES = {"count": 100.0, "missing": 0.0, "infinite": 0.0, "mean": 1.0, "sd": 0.5}
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
    profile={"x": FIGURES},
    unreadable=(),
    divided=0,
    crossing=0,
    contradicting=0,
    max_label_share=0.98,
    changes=None,
)
CHANGES = Changes(
    version=BEFORE, common=90, relabelled=0, moved=0, evaluation_relabelled=0, evaluation_removed=0
)
IMAGES = Schema(columns=(Column(name="image", kind=ColumnKind.IMAGE),), labels=("a", "b"))
TEXT = Schema(columns=(Column(name="x", kind=ColumnKind.CATEGORICAL),), labels=("a", "b"))


def lopsided(a: int, b: int) -> dict[Split, dict[str, int]]:
    return {**SUMMARY.labels, Split.TRAIN: {"a": a, "b": b}}


@pytest.mark.parametrize(
    ("summary", "failing"),
    [
        (SUMMARY, ""),
        (replace(SUMMARY, changes=CHANGES), ""),
        (replace(SUMMARY, unreadable=("a.jpg: cut",)), "readable"),
        (replace(SUMMARY, divided=1), "groups"),
        (replace(SUMMARY, crossing=5), "duplicates"),
        (replace(SUMMARY, crossing=4), ""),
        (replace(SUMMARY, schema=IMAGES, crossing=1), "duplicates"),
        (replace(SUMMARY, schema=IMAGES, contradicting=2), "duplicates"),
        (replace(SUMMARY, schema=IMAGES, contradicting=1), ""),
        (replace(SUMMARY, contradicting=50), ""),
        (replace(SUMMARY, labels=lopsided(4000, 100), rows=4140), ""),
        (replace(SUMMARY, labels=lopsided(4000, 3), rows=4043), "label_share"),
        (replace(SUMMARY, labels={**SUMMARY.labels, Split.TRAIN: {"a": 60}}), "splits"),
        (replace(SUMMARY, labels={**SUMMARY.labels, Split.EVALUATION: {"a": 20}}), "splits"),
        (replace(SUMMARY, splits={**SUMMARY.splits, Split.VALIDATION: 0}), "splits"),
        (replace(SUMMARY, profile={"x": {**FIGURES, "infinite": 1.0}}), "values"),
        (replace(SUMMARY, profile={"x": {**FIGURES, "missing": 0.95}}), "values"),
        (replace(SUMMARY, changes=replace(CHANGES, relabelled=5)), "relabelled"),
        (replace(SUMMARY, changes=replace(CHANGES, relabelled=4)), ""),
        (replace(SUMMARY, changes=replace(CHANGES, evaluation_relabelled=1)), "evaluation"),
        (replace(SUMMARY, changes=replace(CHANGES, evaluation_removed=99)), "evaluation"),
        (replace(SUMMARY, changes=replace(CHANGES, evaluation_removed=1)), ""),
        (replace(SUMMARY, changes=replace(CHANGES, moved=1)), "evaluation"),
        (replace(SUMMARY, schema=TEXT, changes=CHANGES), "schema"),
    ],
)
def test_checks(summary: DatasetSummary, failing: str) -> None:
    verdict = judge(summary)
    failed = {check.check for check in verdict.checks if check.outcome is Outcome.FAIL}
    assert failed == ({failing} if failing else set())
    assert verdict.outcome is (Outcome.FAIL if failing else Outcome.PASS)
    assert all(check.reason for check in verdict.checks)


def test_drift_is_measured_against_the_version_before() -> None:

    before = msgspec.structs.replace(
        BEFORE, profile={"x": FIGURES, "still": {**FIGURES, "sd": 0.0}}
    )
    changes = replace(CHANGES, version=before)
    far, missing = {**FIGURES, "mean": 6.0}, {**FIGURES, "missing": 0.6}
    for profile, fails in (
        ({"x": FIGURES, "still": far}, False),
        ({"x": far}, True),
        ({"x": missing}, True),
        ({"x": {**FIGURES, "mean": 4.0}}, False),
        ({"new": far}, False),
    ):
        verdict = judge(replace(SUMMARY, profile=profile, changes=changes))
        failed = {check.check for check in verdict.checks if check.outcome is Outcome.FAIL}
        assert failed == ({"drift"} if fails else set())
