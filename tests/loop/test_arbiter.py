"""The arbiter: rules by example, and what must hold for any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from retread.bundle import CauseKind
from retread.loop import History, Proposal, Request, TriggerDecision, arbitrate
from retread.project.settings import TriggersSection

NOW = datetime(2026, 11, 1, tzinfo=UTC)
POLICY = TriggersSection(cooldown_s=600.0, daily_budget=3)


def proposal(
    kind: CauseKind = CauseKind.DRIFT, key: str = "key", *, by_hand: bool = False
) -> Proposal:
    return Proposal(kind=kind, key=key, detail="why", model_type="cnn", by_hand=by_hand)


def request(
    key: str = "other",
    *,
    ago_s: float = 7200.0,
    lasted_s: float | None = 60.0,
    decision: TriggerDecision = TriggerDecision.ACCEPTED,
    kind: CauseKind = CauseKind.DRIFT,
) -> Request:
    at = NOW - timedelta(seconds=ago_s)
    return Request(
        trigger=f"trg_{key}",
        proposal=proposal(kind, key),
        received_at=at,
        decided_at=at,
        decision=decision,
        finished_at=None if lasted_s is None else at + timedelta(seconds=lasted_s),
    )


def decide(asked: Proposal, *history: Request, policy: TriggersSection = POLICY) -> TriggerDecision:
    return arbitrate(asked, history, policy, NOW).decision


def test_first_is_accepted() -> None:
    assert decide(proposal()) is TriggerDecision.ACCEPTED


def test_kind_that_is_not_answered_is_refused() -> None:
    policy = TriggersSection(kinds=("manual",))
    ruling = arbitrate(proposal(), (), policy, NOW)
    assert ruling.decision is TriggerDecision.REFUSED
    assert ruling.reason == "[triggers] kinds does not list drift; it lists manual."


def test_same_key_is_a_duplicate_even_by_hand() -> None:
    for kind in CauseKind:
        for by_hand in (False, True):
            asked = proposal(kind, by_hand=by_hand)
            assert decide(asked, request("key")) is TriggerDecision.DUPLICATE


def test_what_was_put_off_or_held_before_is_no_duplicate() -> None:
    for before in (TriggerDecision.COOLDOWN, TriggerDecision.HELD, TriggerDecision.DUPLICATE):
        assert decide(proposal(), request("key", decision=before)) is TriggerDecision.ACCEPTED


def test_cooldown_counts_from_the_end() -> None:
    assert decide(proposal(), request(ago_s=700, lasted_s=200)) is TriggerDecision.COOLDOWN
    assert decide(proposal(), request(ago_s=900, lasted_s=200)) is TriggerDecision.ACCEPTED


def test_while_one_runs_others_are_put_off_and_people_queue() -> None:
    running = request(ago_s=7200, lasted_s=None)
    assert decide(proposal(), running) is TriggerDecision.COOLDOWN
    ruling = arbitrate(proposal(by_hand=True), (running,), POLICY, NOW)
    assert (ruling.decision, ruling.reason) == (
        TriggerDecision.ACCEPTED,
        "It starts after 1 before it.",
    )


def test_budget_holds_for_a_person() -> None:
    spent = [request(str(number), ago_s=80_000) for number in range(3)]
    ruling = arbitrate(proposal(), tuple(spent), POLICY, NOW)
    assert ruling.decision is TriggerDecision.HELD
    assert "3 of 3 retrainings of the last 24 hours" in ruling.reason
    assert ruling.reason.endswith("a person may start it with: retread trigger drift")
    commit = arbitrate(proposal(CauseKind.COMMIT), tuple(spent), POLICY, NOW)
    assert commit.decision is TriggerDecision.HELD
    assert commit.reason.endswith("retread trigger manual --model-type cnn")
    for kind in CauseKind:
        assert decide(proposal(kind, by_hand=True), *spent) is TriggerDecision.ACCEPTED


def test_budget_is_that_of_24_hours() -> None:
    spent = [request(str(number), ago_s=86_401) for number in range(3)]
    assert decide(proposal(), *spent) is TriggerDecision.ACCEPTED


decisions = st.sampled_from(TriggerDecision)
requests = st.builds(
    request,
    key=st.sampled_from("abcde"),
    ago_s=st.floats(0, 200_000),
    lasted_s=st.none() | st.floats(0, 10_000),
    decision=decisions,
    kind=st.sampled_from(CauseKind),
)
histories = st.lists(requests, max_size=12).map(tuple)
policies = st.builds(TriggersSection, cooldown_s=st.floats(0, 5000), daily_budget=st.integers(0, 5))
proposals = st.builds(
    proposal,
    kind=st.sampled_from(CauseKind),
    key=st.sampled_from("abcde"),
    by_hand=st.booleans(),
)


@given(asked=proposals, history=histories, policy=policies)
def test_never_two_of_one_key(asked: Proposal, history: History, policy: TriggersSection) -> None:
    ruling = arbitrate(asked, history, policy, NOW)
    if any(r.accepted and r.key == asked.key for r in history):
        assert ruling.decision is TriggerDecision.DUPLICATE


@given(asked=proposals, history=histories, policy=policies)
def test_only_a_person_exceeds_the_budget_or_the_cooldown(
    asked: Proposal, history: History, policy: TriggersSection
) -> None:
    if arbitrate(asked, history, policy, NOW).decision is not TriggerDecision.ACCEPTED:
        return
    accepted = [r for r in history if r.accepted]
    if not asked.by_hand:
        recent = [r for r in accepted if NOW - r.decided_at < timedelta(hours=24)]
        assert len(recent) < policy.daily_budget
    if not asked.by_hand and asked.kind is not CauseKind.COMMIT:
        assert not any(r.open for r in accepted)
        ends = [r.finished_at for r in accepted if r.finished_at]
        assert all((NOW - end).total_seconds() >= policy.cooldown_s for end in ends)


@given(asked=proposals, history=histories, policy=policies)
def test_every_answer_has_its_reason(
    asked: Proposal, history: History, policy: TriggersSection
) -> None:
    ruling = arbitrate(asked, history, policy, NOW)
    assert ("retread trigger" if ruling.decision is TriggerDecision.HELD else ".") in ruling.reason
