"""What another [triggers] policy would have decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from retread.bundle import CauseKind
from retread.loop import Proposal, replay
from retread.loop.trigger_requests import trigger_received
from retread.project.settings import TriggersSection
from retread.registry.events import (
    Event,
    RetrainingFinished,
    RetrainingOutcome,
    TriggerDecided,
    TriggerDecision,
)
from retread.registry.ledger import Entry

START = datetime(2026, 11, 1, tzinfo=UTC)


def entries(*events: tuple[float, Event]) -> list[Entry]:
    return [
        Entry(sequence=n, at=START + timedelta(seconds=s), event=event, hash="")  # type: ignore[arg-type]  # each is one of the union
        for n, (s, event) in enumerate(events, start=1)
    ]


def requested(seconds: float, trigger: str, decision: str) -> list[tuple[float, Event]]:
    proposal = Proposal(kind=CauseKind.DRIFT, key=trigger, detail="why")
    decided = TriggerDecided(trigger=trigger, decision=TriggerDecision(decision), reason="")
    return [(seconds, trigger_received(proposal, trigger)), (seconds, decided)]


def finished(seconds: float, trigger: str) -> tuple[float, Event]:
    return seconds, RetrainingFinished(
        trigger=trigger, outcome=RetrainingOutcome.PROMOTED, reason=""
    )


PAST = entries(
    *requested(0, "a", "accepted"),
    finished(100, "a"),
    *requested(200, "b", "cooldown"),
    *requested(1000, "c", "accepted"),
    finished(1100, "c"),
)


def decisions(policy: TriggersSection, past: list[Entry] = PAST) -> list[TriggerDecision]:
    return [result.would_be for result in replay(past, policy)]


def test_the_same_policy_decides_the_same() -> None:
    results = replay(PAST, TriggersSection(cooldown_s=600))
    assert [result.would_be for result in results] == ["accepted", "cooldown", "accepted"]
    assert not any(result.differs for result in results)


def test_without_a_cooldown_more_are_accepted_and_each_takes_time() -> None:
    assert decisions(TriggersSection(cooldown_s=0)) == ["accepted"] * 3
    # b would have taken 100 s like the others, so c comes within 720 s of its end.
    assert decisions(TriggersSection(cooldown_s=90)) == ["accepted"] * 3
    assert decisions(TriggersSection(cooldown_s=720)) == ["accepted", "cooldown", "accepted"]


def test_a_smaller_budget_holds_the_last() -> None:
    policy = TriggersSection(cooldown_s=600, daily_budget=1)
    assert decisions(policy) == ["accepted", "cooldown", "held"]


def test_a_deferred_trigger_is_submitted_again_when_it_was() -> None:
    again = TriggerDecided(trigger="b", decision=TriggerDecision.ACCEPTED, reason="")
    past = entries(
        *requested(0, "a", "accepted"),
        finished(100, "a"),
        *requested(200, "b", "cooldown"),
        (701, again),
    )
    assert decisions(TriggersSection(cooldown_s=600), past) == ["accepted", "accepted"]
    assert decisions(TriggersSection(cooldown_s=900), past) == ["accepted", "cooldown"]
