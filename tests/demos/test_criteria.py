"""The criteria of a demo, judged from the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from retread.bundle import Cause, CauseKind
from retread.core import CheckResult, Outcome, combine
from retread.demos.comparison import Comparison
from retread.demos.criteria import (
    DriftOnset,
    all_met,
    false_alarms,
    judge_demo,
    triggers_after_alarm,
)
from retread.registry.events import (
    CanaryFinished,
    CanaryOutcome,
    DegradationDetected,
    DriftDetected,
    GateJudged,
    LedgerEvent,
    PromotionCompleted,
    RetrainingFinished,
    RetrainingOutcome,
    Slot,
    SlotAssigned,
    TriggerDecided,
    TriggerDecision,
    TriggerReceived,
    VersionRegistered,
)
from retread.registry.ledger import Entry

REQUESTS = 100
PASSED = combine([CheckResult(check="threshold", outcome=Outcome.PASS, reason="")])
BETTER = Comparison(old=1, new=2, old_accuracy=0.6, new_accuracy=0.9, samples=50)


def registered(version: int, cause: Cause = Cause()) -> VersionRegistered:  # noqa: B008
    return VersionRegistered(
        version=version,
        bundle=f"b{version}",
        run_id=f"r{version}",
        model_type="cnn",
        dataset="tires",
        dataset_version=version,
        metrics={},
        validation={},
        cause=cause,
    )


def drift(version: int, requests: int) -> DriftDetected:
    return DriftDetected(
        version=version,
        detector="conformal",
        window=1,
        streams=("red",),
        evidence={"red": 50.0},
        effect={"red": 1.0},
        requests=requests,
    )


def degradation(version: int, labels: int) -> DegradationDetected:
    return DegradationDetected(
        version=version, metric="Accuracy", expected=0.9, observed=0.6, labels=labels
    )


def promoted(version: int, generation: int) -> tuple[LedgerEvent, LedgerEvent]:
    return (
        SlotAssigned(
            slot=Slot.PRODUCTION, version=version, bundle=f"b{version}", generation=generation
        ),
        PromotionCompleted(
            version=version, previous=version - 1, generation=generation, servers=("s",)
        ),
    )


def received(kind: CauseKind) -> TriggerReceived:
    return TriggerReceived(trigger="t", key="k", cause=Cause(kind=kind, detail="why"), version=1)


FIRST: tuple[LedgerEvent, ...] = (registered(1), *promoted(1, 1))
ONSET = DriftOnset(sequence=len(FIRST), requests=REQUESTS, version=1)
DRIFT = drift(1, REQUESTS + 50)
TRIGGER = received(CauseKind.DRIFT)
ACCEPTED = TriggerDecided(trigger="t", decision=TriggerDecision.ACCEPTED, reason="It starts now.")
SECOND = registered(2, Cause(kind=CauseKind.DRIFT, trigger="t"))
GATE = GateJudged(version=2, production=1, evaluation_digest="d", verdict=PASSED)
CANARY = CanaryFinished(version=2, outcome=CanaryOutcome.PROMOTED, reason="every step was passed")
END = RetrainingFinished(trigger="t", outcome=RetrainingOutcome.PROMOTED, reason="", version=2)
LEDGER = (*FIRST, DRIFT, TRIGGER, ACCEPTED, SECOND, GATE, *promoted(2, 2), CANARY, END)

NO_FALSE_ALARM = "unchanged traffic raises no alarm"
ALARM = "changed traffic raises an alarm"
RETRAINING = "the alarm triggers a retraining"
PASSES_GATE = "the gate passes the new model"
PASSES_CANARY = "the canary passes"
PROMOTED = "the new model is promoted"
BETTER_MODEL = "the new model is more accurate on unseen changed traffic"


def entries_of(events: tuple[LedgerEvent, ...]) -> list[Entry]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [Entry(n, at, event, "") for n, event in enumerate(events, start=1)]


def missed(
    events: tuple[LedgerEvent, ...],
    compared: Comparison | None = BETTER,
    onset: DriftOnset = ONSET,
) -> list[str]:
    criteria = judge_demo(entries_of(events), "tires", onset, compared)
    assert all_met(criteria) == all(criterion.met for criterion in criteria)
    return [criterion.name for criterion in criteria if not criterion.met]


def detail(events: tuple[LedgerEvent, ...], name: str) -> str:
    criteria = judge_demo(entries_of(events), "flowers", ONSET, BETTER)
    return next(criterion.detail for criterion in criteria if criterion.name == name)


def swapped(event: LedgerEvent, other: LedgerEvent) -> tuple[LedgerEvent, ...]:
    return tuple(other if each is event else each for each in LEDGER)


def without(event: LedgerEvent) -> tuple[LedgerEvent, ...]:
    return tuple(each for each in LEDGER if each is not event)


def test_a_complete_loop_meets_every_criterion() -> None:
    assert missed(LEDGER) == []


def test_an_alarm_of_the_new_version_is_not_a_false_alarm() -> None:
    assert missed((*LEDGER, drift(2, 50), degradation(2, 50))) == []


@pytest.mark.parametrize(
    "early", [drift(1, REQUESTS), degradation(1, REQUESTS)], ids=["drift", "degradation"]
)
@pytest.mark.parametrize("in_time", [True, False], ids=["in time", "late"])
def test_an_alarm_that_only_unchanged_traffic_can_have_raised_is_a_false_one(
    early: DriftDetected | DegradationDetected, in_time: bool
) -> None:
    events = (*FIRST, early, *LEDGER[len(FIRST) :])
    onset = DriftOnset(sequence=len(FIRST) + in_time, requests=REQUESTS, version=1)
    assert missed(events, onset=onset) == [NO_FALSE_ALARM]
    assert false_alarms(entries_of(events), onset) == (early,)


def test_an_alarm_from_before_the_change_does_not_count_as_one_after_it() -> None:
    before = (*FIRST, degradation(1, REQUESTS))
    events = (*before, received(CauseKind.DEGRADATION), *LEDGER[len(FIRST) + 2 :])
    onset = DriftOnset(sequence=len(before), requests=REQUESTS, version=1)
    assert set(missed(events, onset=onset)) >= {NO_FALSE_ALARM, ALARM, RETRAINING}


def test_a_degradation_is_as_good_an_alarm() -> None:
    degraded = degradation(1, REQUESTS + 30)
    events = (*FIRST, degraded, received(CauseKind.DEGRADATION), *LEDGER[len(FIRST) + 2 :])
    assert missed(events) == []
    assert detail(events, ALARM) == "Accuracy fell from 0.9 to 0.6"


@pytest.mark.parametrize("kind", [CauseKind.SCHEDULE, CauseKind.MANUAL, CauseKind.DEGRADATION])
def test_a_retraining_with_another_cause_was_not_triggered_by_the_alarm(kind: CauseKind) -> None:
    assert RETRAINING in missed(swapped(TRIGGER, received(kind)))


def test_a_trigger_before_the_alarm_does_not_count() -> None:
    events = (*FIRST, TRIGGER, ACCEPTED, DRIFT, *LEDGER[len(FIRST) + 3 :])
    assert triggers_after_alarm(entries_of(events), ONSET) == ()


def test_a_version_that_no_alarm_led_to_does_not_count() -> None:
    assert missed(swapped(SECOND, registered(2))) == [PASSES_GATE, PASSES_CANARY, PROMOTED]


def test_samples_are_called_what_they_are() -> None:
    assert detail(LEDGER, NO_FALSE_ALARM) == "100 flowers, 0 alarms"
    assert detail(LEDGER, ALARM) == "after 50 changed flowers: red"


@pytest.mark.parametrize(
    ("event", "name"),
    [(GATE, PASSES_GATE), (CANARY, PASSES_CANARY)],
    ids=["gate", "canary"],
)
def test_what_did_not_happen_is_named(event: LedgerEvent, name: str) -> None:
    assert missed(without(event)) == [name]


def test_without_an_alarm_nothing_that_follows_counts() -> None:
    assert missed(without(DRIFT)) == [ALARM, RETRAINING, PASSES_GATE, PASSES_CANARY, PROMOTED]


@pytest.mark.parametrize(
    "compared",
    [None, Comparison(old=1, new=2, old_accuracy=0.7, new_accuracy=0.7, samples=9)],
    ids=["no new version", "no better"],
)
def test_a_model_that_is_not_better_fails_a_criterion(compared: Comparison | None) -> None:
    assert missed(LEDGER, compared) == [BETTER_MODEL]


def test_without_a_second_promotion_the_first_version_still_serves() -> None:
    events = tuple(event for event in LEDGER if event not in promoted(2, 2))
    assert missed(events) == [PROMOTED]
