"""What must have happened for a demo to have closed its loop, read from the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from retread.bundle import Cause, CauseKind
from retread.core import CheckResult, Outcome, combine
from retread.demos.alarms import Turn, asked_by_alarm, false_alarms
from retread.demos.comparison import Comparison
from retread.demos.goals import goals
from retread.demos.summary import is_closed
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

SENT = 100
PASSED = combine([CheckResult(check="threshold", outcome=Outcome.PASS, reason="")])
BETTER = Comparison(first=1, then=2, before=0.6, after=0.9, questions=50)


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


def asked(kind: CauseKind) -> TriggerReceived:
    return TriggerReceived(trigger="t", key="k", cause=Cause(kind=kind, detail="why"), version=1)


FIRST: tuple[LedgerEvent, ...] = (registered(1), *promoted(1, 1))
TURN = Turn(sequence=len(FIRST), quiet=SENT, version=1)
DRIFT = drift(1, SENT + 50)
ASKED = asked(CauseKind.DRIFT)
ACCEPTED = TriggerDecided(trigger="t", decision=TriggerDecision.ACCEPTED, reason="It starts now.")
MADE = registered(2, Cause(kind=CauseKind.DRIFT, trigger="t"))
GATE = GateJudged(version=2, production=1, evaluation_digest="d", verdict=PASSED)
CANARY = CanaryFinished(version=2, outcome=CanaryOutcome.PROMOTED, reason="every step was passed")
END = RetrainingFinished(trigger="t", outcome=RetrainingOutcome.PROMOTED, reason="", version=2)
STORY = (*FIRST, DRIFT, ASKED, ACCEPTED, MADE, GATE, *promoted(2, 2), CANARY, END)


def entries_of(events: tuple[LedgerEvent, ...]) -> list[Entry]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [Entry(n, at, event, "") for n, event in enumerate(events, start=1)]


def missed(
    events: tuple[LedgerEvent, ...], compared: Comparison | None = BETTER, turn: Turn = TURN
) -> list[str]:
    found = goals(entries_of(events), "tires", turn, compared)
    assert is_closed(found) == all(goal.reached for goal in found)
    return [goal.what for goal in found if not goal.reached]


def told(events: tuple[LedgerEvent, ...], what: str) -> str:
    found = goals(entries_of(events), "flowers", TURN, BETTER)
    return next(goal.detail for goal in found if goal.what == what)


def swapped(event: LedgerEvent, other: LedgerEvent) -> tuple[LedgerEvent, ...]:
    return tuple(other if each is event else each for each in STORY)


def test_the_whole_story_closes_the_loop() -> None:
    assert missed(STORY) == []


def test_an_alarm_of_the_new_version_is_no_alarm_of_the_quiet_shift() -> None:
    assert missed((*STORY, drift(2, 50), degradation(2, 50))) == []


@pytest.mark.parametrize("early", [drift(1, SENT), degradation(1, SENT)])
@pytest.mark.parametrize("told_in_time", [True, False])
def test_an_alarm_that_only_quiet_traffic_can_have_raised_is_a_false_one(
    early: DriftDetected | DegradationDetected, told_in_time: bool
) -> None:
    story = (*FIRST, early, *STORY[len(FIRST) :])
    turn = Turn(sequence=len(FIRST) + told_in_time, quiet=SENT, version=1)
    assert missed(story, turn=turn) == ["quiet traffic raises no alarm"]
    assert false_alarms(entries_of(story), turn) == (early,)


def test_an_alarm_from_before_the_change_does_not_stand_for_one_after_it() -> None:
    before = (*FIRST, degradation(1, SENT))
    story = (*before, asked(CauseKind.DEGRADATION), *STORY[len(FIRST) + 2 :])
    turn = Turn(sequence=len(before), quiet=SENT, version=1)
    assert set(missed(story, turn=turn)) >= {
        "quiet traffic raises no alarm",
        "changed traffic raises an alarm",
        "the alarm leads to a retraining",
    }


def test_a_fall_of_the_metric_is_as_good_an_alarm() -> None:
    fell = degradation(1, SENT + 30)
    story = (*FIRST, fell, asked(CauseKind.DEGRADATION), *STORY[len(FIRST) + 2 :])
    assert missed(story) == []
    assert told(story, "changed traffic raises an alarm") == "Accuracy fell from 0.9 to 0.6"


@pytest.mark.parametrize("kind", [CauseKind.SCHEDULE, CauseKind.MANUAL, CauseKind.DEGRADATION])
def test_a_retraining_for_another_reason_is_not_the_alarms(kind: CauseKind) -> None:
    assert "the alarm leads to a retraining" in missed(swapped(ASKED, asked(kind)))


def test_a_trigger_from_before_its_alarm_was_not_asked_by_it() -> None:
    story = (*FIRST, ASKED, ACCEPTED, DRIFT, *STORY[len(FIRST) + 3 :])
    assert asked_by_alarm(entries_of(story), TURN) == ()


def test_a_version_that_no_alarm_asked_for_does_not_count() -> None:
    assert missed(swapped(MADE, registered(2))) == [
        "the gate passes the new model",
        "the canary proves it on traffic",
        "it goes into production",
    ]


def test_what_is_asked_about_is_called_by_its_name() -> None:
    assert told(STORY, "quiet traffic raises no alarm") == "100 flowers, 0 alarms"
    assert told(STORY, "changed traffic raises an alarm") == "after 50 changed flowers: red"


@pytest.mark.parametrize(
    ("without", "what"),
    [
        (GATE, "the gate passes the new model"),
        (CANARY, "the canary proves it on traffic"),
    ],
)
def test_what_did_not_happen_is_named(without: LedgerEvent, what: str) -> None:
    assert missed(tuple(event for event in STORY if event is not without)) == [what]


def test_without_an_alarm_nothing_that_follows_is_its_doing() -> None:
    assert missed(tuple(event for event in STORY if event is not DRIFT)) == [
        "changed traffic raises an alarm",
        "the alarm leads to a retraining",
        "the gate passes the new model",
        "the canary proves it on traffic",
        "it goes into production",
    ]


@pytest.mark.parametrize(
    "compared", [None, Comparison(first=1, then=2, before=0.7, after=0.7, questions=9)]
)
def test_a_model_that_is_not_better_does_not_close_it(compared: Comparison | None) -> None:
    assert missed(STORY, compared) == ["it is better at changed traffic that neither has seen"]


def test_without_a_second_promotion_the_first_model_still_serves() -> None:
    story = tuple(event for event in STORY if event not in promoted(2, 2))
    assert missed(story) == ["it goes into production"]
