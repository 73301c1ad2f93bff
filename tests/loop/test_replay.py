"""What another policy would have decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from retread.bundle import CauseKind
from retread.loop import Proposal, replay
from retread.loop.proposal import received
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


def asked(seconds: float, trigger: str, decision: str) -> list[tuple[float, Event]]:
    proposal = Proposal(kind=CauseKind.DRIFT, key=trigger, detail="why")
    decided = TriggerDecided(trigger=trigger, decision=TriggerDecision(decision), reason="")
    return [(seconds, received(proposal, trigger)), (seconds, decided)]


def finished(seconds: float, trigger: str) -> tuple[float, Event]:
    return seconds, RetrainingFinished(
        trigger=trigger, outcome=RetrainingOutcome.PROMOTED, reason=""
    )


PAST = entries(
    *asked(0, "a", "accepted"),
    finished(100, "a"),
    *asked(200, "b", "cooldown"),
    *asked(1000, "c", "accepted"),
    finished(1100, "c"),
)


def decisions(policy: TriggersSection, past: list[Entry] = PAST) -> list[TriggerDecision]:
    return [answer.would_be for answer in replay(past, policy)]


def test_the_same_policy_decides_the_same() -> None:
    answers = replay(PAST, TriggersSection(cooldown_s=600))
    assert [answer.would_be for answer in answers] == ["accepted", "cooldown", "accepted"]
    assert not any(answer.differs for answer in answers)


def test_no_cooldown_accepts_more_and_its_retrainings_take_time() -> None:
    assert decisions(TriggersSection(cooldown_s=0)) == ["accepted"] * 3
    # b would have lasted 100 s like the others, so that c comes within 720 s of its end.
    assert decisions(TriggersSection(cooldown_s=90)) == ["accepted"] * 3
    assert decisions(TriggersSection(cooldown_s=720)) == ["accepted", "cooldown", "accepted"]


def test_smaller_budget_holds() -> None:
    policy = TriggersSection(cooldown_s=600, daily_budget=1)
    assert decisions(policy) == ["accepted", "cooldown", "held"]


def test_what_was_put_off_is_asked_again_when_it_was() -> None:
    again = TriggerDecided(trigger="b", decision=TriggerDecision.ACCEPTED, reason="")
    past = entries(
        *asked(0, "a", "accepted"), finished(100, "a"), *asked(200, "b", "cooldown"), (701, again)
    )
    assert decisions(TriggersSection(cooldown_s=600), past) == ["accepted", "accepted"]
    assert decisions(TriggersSection(cooldown_s=900), past) == ["accepted", "cooldown"]
