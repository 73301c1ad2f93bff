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
    compared_versions,
    gather,
    no_evidence,
)
from retread.monitoring import Streams
from retread.project.settings import CanarySection
from retread.serving import Answer, Cursor, PredictionRecord, SegmentTrafficLog, SqlLabelStore

SETTINGS = CanarySection()
TIRES = ComparedVersions(canary=2, production=1, labels=("good", "defective"))
HOURS = ComparedVersions(canary=2, production=1, labels=(), scale=100.0)


def answer(version: int, outputs: tuple[float, ...], ms: float = 1.0, error: str = "") -> Answer:
    slot = "canary" if version == 2 else "production"
    return Answer(
        slot=slot, version=version, bundle="", outputs=outputs, latency_ms=ms, error=error
    )


def record(number: int, answer: Answer | None, paired: Answer | None = None) -> PredictionRecord:
    return PredictionRecord(
        id=f"r{number}", at=0.0, key="", status=200, answer=answer, paired=paired
    )


def evidence_of(*records: PredictionRecord, compared: ComparedVersions = TIRES) -> PairedEvidence:
    start = no_evidence(SETTINGS, compared, Cursor())
    return add_records(start, records, compared, SETTINGS)


GOOD, BAD = (0.9, 0.1), (0.2, 0.8)


def test_either_model_may_have_answered_the_client() -> None:
    evidence = evidence_of(
        record(1, answer(1, GOOD), answer(2, GOOD)), record(2, answer(2, BAD), answer(1, GOOD))
    )
    assert evidence.requests == 2
    assert [pair.canary for pair in evidence.unlabelled] == [GOOD, BAD]
    assert evidence.disagreements.total + 2 * evidence.disagreements.lower_bound == pytest.approx(1)


@pytest.mark.parametrize(
    "alone",
    [
        record(1, answer(1, GOOD)),
        record(2, answer(2, GOOD)),
        record(3, None),
        record(4, answer(1, GOOD), answer(3, GOOD)),
        record(5, answer(1, (), error="out of memory"), answer(2, GOOD)),
    ],
    ids=["production only", "canary only", "no answer", "another version", "production failed"],
)
def test_records_that_are_not_pairs_are_ignored(alone: PredictionRecord) -> None:
    assert evidence_of(alone).requests == 0


@pytest.mark.parametrize(
    "broken",
    [
        answer(2, (), error="deadline"),
        answer(2, (float("nan"), 1.0)),
        answer(2, (float("inf"), 0.0)),
        answer(2, ()),
    ],
    ids=["error", "NaN", "infinity", "no outputs"],
)
def test_an_answer_that_is_not_finite_is_an_error(broken: Answer) -> None:
    evidence = evidence_of(record(1, answer(1, GOOD), broken))
    assert evidence.errors.values == 1
    assert evidence.errors.mean == pytest.approx(1 - SETTINGS.max_error_rate)
    assert evidence.unlabelled == ()


def test_labels_become_losses() -> None:
    evidence = evidence_of(*(record(i, answer(1, GOOD), answer(2, BAD)) for i in range(3)))
    labels = {"r0": "good", "r1": "defective", "r9": "good", "r2": "rubbish"}
    labelled = add_labels(evidence, labels, TIRES, SETTINGS)
    assert labelled.labels == 3, "both were wrong about the label that neither knows"
    assert labelled.worse.total == pytest.approx(0.0)
    assert labelled.not_worse.total == pytest.approx(3 * SETTINGS.margin)
    assert labelled.unlabelled == ()


def test_a_label_counts_once_however_often_its_id_was_used() -> None:
    """A client retries under the same id, before and after the label arrives."""
    evidence = evidence_of(*(record(1, answer(1, GOOD), answer(2, BAD)) for _ in range(2)))
    assert evidence.requests == 2
    labelled = add_labels(evidence, {"r1": "good"}, TIRES, SETTINGS)
    assert labelled.labels == 1
    again = add_records(labelled, [record(1, answer(1, GOOD), answer(2, GOOD))], TIRES, SETTINGS)
    assert add_labels(again, {"r1": "good"}, TIRES, SETTINGS).labels == 1


def test_errors_of_a_regression_are_measured_in_units_of_the_scale() -> None:
    evidence = evidence_of(
        record(0, answer(1, (50.0,)), answer(2, (60.0,))),
        record(1, answer(1, (50.0,)), answer(2, (999.0,))),
        compared=HOURS,
    )
    labelled = add_labels(evidence, {"r0": "70", "r1": "50"}, HOURS, SETTINGS)
    assert labelled.worse.total == pytest.approx((0.1 - 0.2) + (1.0 - 0.0))
    share = 1 + SETTINGS.margin
    assert labelled.not_worse.total == pytest.approx((share * 0.2 - 0.1) + (0.0 - 1.0))


def test_it_is_gathered_incrementally_from_traffic_and_labels(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'retread.db'}")
    database.create_tables()
    traffic, labels = SegmentTrafficLog(tmp_path / "traffic"), SqlLabelStore(database)
    records = [record(i, answer(1, GOOD), answer(2, BAD)) for i in range(20)]
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
        record(i, answer(1, GOOD if p else BAD), answer(2, GOOD if c else BAD))
        for i, (c, p) in enumerate(wrong)
    ]
    whole = evidence_of(*records)
    parts = add_records(evidence_of(*records[:cut]), records[cut:], TIRES, SETTINGS)
    assert (parts.requests, parts.unlabelled) == (whole.requests, whole.unlabelled)
    assert parts.disagreements.evidence == pytest.approx(whole.disagreements.evidence, abs=1e-9)


def test_the_scale_of_a_regression_comes_from_its_reference() -> None:
    streams = Streams(
        3, {PREDICTED_VALUE: np.array([0.0, 50.0, 100.0])}, {}, np.zeros((3, 0), "f4")
    )

    class Regression:
        labels = ()

    compared = compared_versions(Regression(), streams, 2, 1)  # type: ignore[arg-type] # only labels count
    assert compared.scale == pytest.approx(90.0)


def test_latencies_below_a_millisecond_are_equal() -> None:
    quick = evidence_of(
        *(record(n, answer(2, GOOD, 0.25), answer(1, GOOD, 0.1)) for n in range(50))
    )
    slow = evidence_of(*(record(n, answer(2, GOOD, 25.0), answer(1, GOOD, 1.0)) for n in range(50)))
    assert quick.log_latency_ratio == 0
    assert slow.log_latency_ratio == pytest.approx(50 * np.log(25))
