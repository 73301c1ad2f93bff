"""What must have happened for a demo to have closed its loop, read from the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from retread.bundle import Cause
from retread.core import CheckResult, Outcome, combine
from retread.demos.goals import goals
from retread.demos.scores import Scores
from retread.demos.summary import is_closed
from retread.registry.events import (
    CanaryFinished,
    DriftDetected,
    GateJudged,
    LedgerEvent,
    PromotionCompleted,
    RetrainingFinished,
    Slot,
    SlotAssigned,
    TriggerDecided,
    VersionRegistered,
)
from retread.registry.ledger import Entry

QUIET, CHANGED = "quiet", "changed"
SENT = 100
PASSED = combine([CheckResult(check="threshold", outcome=Outcome.PASS, reason="")])


def registered(version: int) -> VersionRegistered:
    return VersionRegistered(
        version=version,
        bundle=f"b{version}",
        run_id=f"r{version}",
        model_type="cnn",
        dataset="tires",
        dataset_version=version,
        metrics={},
        validation={},
        cause=Cause(),
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


def promoted(version: int, epoch: int) -> tuple[LedgerEvent, LedgerEvent]:
    return (
        SlotAssigned(slot=Slot.PRODUCTION, version=version, bundle=f"b{version}", epoch=epoch),
        PromotionCompleted(version=version, previous=version - 1, epoch=epoch, servers=("s",)),
    )


DRIFT = drift(1, SENT + 50)
ASKED = TriggerDecided(trigger="t", decision="accepted", reason="It starts now.")
GATE = GateJudged(version=2, production=1, evaluation_digest="d", verdict=PASSED)
CANARY = CanaryFinished(version=2, outcome="promoted", reason="every step was passed")
STORY: tuple[LedgerEvent, ...] = (
    registered(1),
    *promoted(1, 1),
    DRIFT,
    ASKED,
    registered(2),
    GATE,
    *promoted(2, 2),
    CANARY,
    RetrainingFinished(trigger="t", outcome="promoted", reason="", version=2),
)


def entries_of(events: tuple[LedgerEvent, ...]) -> list[Entry]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [Entry(n, at, event, "") for n, event in enumerate(events, start=1)]


def scores_of(before: float, after: float) -> Scores:
    scores = Scores()
    for _ in range(SENT):
        scores.add(QUIET, 1, 1.0)
    scores.add(CHANGED, 1, before)
    scores.add(CHANGED, 2, after)
    return scores


def missed(events: tuple[LedgerEvent, ...], scores: Scores) -> list[str]:
    found = goals(entries_of(events), scores, (QUIET, CHANGED))
    assert is_closed(found) == all(goal.reached for goal in found)
    return [goal.what for goal in found if not goal.reached]


def test_the_whole_story_closes_the_loop() -> None:
    assert missed(STORY, scores_of(0.6, 0.9)) == []


def test_an_alarm_of_the_new_version_is_no_alarm_of_the_quiet_shift() -> None:
    assert missed((*STORY, drift(2, 50)), scores_of(0.6, 0.9)) == []


def test_an_alarm_within_the_quiet_shift_is_a_false_one() -> None:
    story = tuple(drift(1, SENT) if event is DRIFT else event for event in STORY)
    assert "quiet traffic raises no alarm" in missed(story, scores_of(0.6, 0.9))


@pytest.mark.parametrize(
    ("without", "what"),
    [
        (DRIFT, "changed traffic raises an alarm"),
        (ASKED, "the alarm leads to a retraining"),
        (GATE, "the gate passes the new model"),
        (CANARY, "the canary proves it on traffic"),
    ],
)
def test_what_did_not_happen_is_named(without: LedgerEvent, what: str) -> None:
    story = tuple(event for event in STORY if event is not without)
    assert missed(story, scores_of(0.6, 0.9)) == [what]


def test_a_model_that_is_not_better_does_not_close_it() -> None:
    assert missed(STORY, scores_of(0.8, 0.7)) == ["it is better at the changed traffic"]


def test_without_a_second_promotion_the_first_model_still_serves() -> None:
    story = tuple(event for event in STORY if event not in promoted(2, 2))
    assert missed(story, scores_of(0.6, 0.9)) == [
        "it goes into production",
        "it is better at the changed traffic",
    ]
