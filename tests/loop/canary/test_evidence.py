from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retread.bundle import PREDICTED_VALUE
from retread.core import Database
from retread.loop.canary import (
    ComparedVersions,
    PairedEvidence,
    add_labels,
    add_records,
    gather,
    no_evidence,
    subject_of,
)
from retread.monitoring import Streams
from retread.project.settings import CanarySection
from retread.serving import Answer, Cursor, PredictionRecord, SegmentTrafficLog, SqlLabelStore

SETTINGS = CanarySection()
TIRES = ComparedVersions(canary=2, production=1, labels=("good", "defective"))
HOURS = ComparedVersions(canary=2, production=1, labels=(), scale=100.0)


def said(version: int, outputs: tuple[float, ...], ms: float = 1.0, error: str = "") -> Answer:
    slot = "canary" if version == 2 else "production"
    return Answer(
        slot=slot, version=version, bundle="", outputs=outputs, latency_ms=ms, error=error
    )


def record(number: int, answer: Answer | None, paired: Answer | None = None) -> PredictionRecord:
    return PredictionRecord(
        id=f"r{number}", at=0.0, key="", status=200, answer=answer, paired=paired
    )


def evidence_of(*records: PredictionRecord, subject: ComparedVersions = TIRES) -> PairedEvidence:
    start = no_evidence(SETTINGS, subject, Cursor())
    return add_records(start, records, subject, SETTINGS)


GOOD, BAD = (0.9, 0.1), (0.2, 0.8)


def test_either_may_have_answered_the_client() -> None:
    evidence = evidence_of(
        record(1, said(1, GOOD), said(2, GOOD)), record(2, said(2, BAD), said(1, GOOD))
    )
    assert evidence.requests == 2
    assert [pair.canary for pair in evidence.waiting] == [GOOD, BAD]
    assert evidence.unlike.total + 2 * evidence.unlike.worst == pytest.approx(1)


@pytest.mark.parametrize(
    "alone",
    [
        record(1, said(1, GOOD)),
        record(2, said(2, GOOD)),
        record(3, None),
        record(4, said(1, GOOD), said(3, GOOD)),
        record(5, said(1, (), error="out of memory"), said(2, GOOD)),
    ],
)
def test_what_is_not_a_pair_says_nothing(alone: PredictionRecord) -> None:
    assert evidence_of(alone).requests == 0


@pytest.mark.parametrize(
    "broken",
    [
        said(2, (), error="deadline"),
        said(2, (float("nan"), 1.0)),
        said(2, (float("inf"), 0.0)),
        said(2, ()),
    ],
)
def test_an_answer_that_is_not_finite_is_an_error(broken: Answer) -> None:
    evidence = evidence_of(record(1, said(1, GOOD), broken))
    assert evidence.errors.values == 1
    assert evidence.errors.mean == pytest.approx(1 - SETTINGS.max_error_rate)
    assert evidence.waiting == ()


def test_labels_of_classes_become_losses() -> None:
    evidence = evidence_of(*(record(i, said(1, GOOD), said(2, BAD)) for i in range(3)))
    labels = {"r0": "good", "r1": "defective", "r9": "good", "r2": "rubbish"}
    labelled = add_labels(evidence, labels, TIRES, SETTINGS)
    assert labelled.labels == 2
    assert labelled.worse.total == pytest.approx(0.0)
    assert labelled.not_worse.total == pytest.approx(2 * SETTINGS.margin)
    assert labelled.waiting == ()


def test_a_label_counts_once_however_often_its_id_was_used() -> None:
    """A client retries under the same id, before the label comes and after it."""
    evidence = evidence_of(*(record(1, said(1, GOOD), said(2, BAD)) for _ in range(2)))
    assert evidence.requests == 2
    labelled = add_labels(evidence, {"r1": "good"}, TIRES, SETTINGS)
    assert labelled.labels == 1
    again = add_records(labelled, [record(1, said(1, GOOD), said(2, GOOD))], TIRES, SETTINGS)
    assert add_labels(again, {"r1": "good"}, TIRES, SETTINGS).labels == 1


def test_errors_of_a_regression_are_counted_in_units_of_the_scale() -> None:
    evidence = evidence_of(
        record(0, said(1, (50.0,)), said(2, (60.0,))),
        record(1, said(1, (50.0,)), said(2, (999.0,))),
        subject=HOURS,
    )
    labelled = add_labels(evidence, {"r0": "70", "r1": "50"}, HOURS, SETTINGS)
    assert labelled.worse.total == pytest.approx((0.1 - 0.2) + (1.0 - 0.0))
    share = 1 + SETTINGS.margin
    assert labelled.not_worse.total == pytest.approx((share * 0.2 - 0.1) + (0.0 - 1.0))


def test_it_is_gathered_bit_by_bit_from_log_and_labels(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'retread.db'}")
    database.create_tables()
    traffic, labels = SegmentTrafficLog(tmp_path / "traffic"), SqlLabelStore(database)
    records = [record(i, said(1, GOOD), said(2, BAD)) for i in range(20)]
    evidence = no_evidence(SETTINGS, TIRES, Cursor())
    labels.put([("r3", "good"), ("r12", "good")], 0.0)
    traffic.append(records[:10])
    evidence = gather(evidence, traffic, labels, TIRES, SETTINGS)
    assert (evidence.requests, evidence.labels) == (10, 1)
    assert gather(evidence, traffic, labels, TIRES, SETTINGS) is evidence
    traffic.append(records[10:])
    evidence = gather(evidence, traffic, labels, TIRES, SETTINGS)
    labels.put([("r4", "good")], 1.0)
    evidence = gather(evidence, traffic, labels, TIRES, SETTINGS)
    assert (evidence.requests, evidence.labels) == (20, 3)
    stored = msgspec.json.encode(evidence)
    assert msgspec.json.decode(stored, type=PairedEvidence) == evidence


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30), st.integers(0, 30))
def test_the_fold_does_not_depend_on_the_batches(wrong: list[tuple[bool, bool]], cut: int) -> None:
    records = [
        record(i, said(1, GOOD if p else BAD), said(2, GOOD if c else BAD))
        for i, (c, p) in enumerate(wrong)
    ]
    whole = evidence_of(*records)
    parts = add_records(evidence_of(*records[:cut]), records[cut:], TIRES, SETTINGS)
    assert (parts.requests, parts.waiting) == (whole.requests, whole.waiting)
    assert parts.unlike.evidence == pytest.approx(whole.unlike.evidence, abs=1e-9)


def test_the_scale_of_a_regression_comes_from_its_reference() -> None:
    streams = Streams(
        3, {PREDICTED_VALUE: np.array([0.0, 50.0, 100.0])}, {}, np.zeros((3, 0), "f4")
    )

    class Regression:
        labels = ()

    subject = subject_of(Regression(), streams, 2, 1)  # type: ignore[arg-type] # only labels count
    assert subject.scale == pytest.approx(90.0)


def test_who_answers_first_is_not_slower_for_models_that_take_microseconds() -> None:
    quick = evidence_of(*(record(n, said(2, GOOD, 0.25), said(1, GOOD, 0.1)) for n in range(50)))
    slow = evidence_of(*(record(n, said(2, GOOD, 25.0), said(1, GOOD, 1.0)) for n in range(50)))
    assert quick.log_latency_ratio == 0
    assert slow.log_latency_ratio == pytest.approx(50 * np.log(25))
