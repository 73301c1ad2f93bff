"""The arbiter: its rules by example, and what holds for any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from retread.bundle import CauseKind
from retread.loop import History, Proposal, Request, arbitrate
from retread.project.settings import TriggersSection
from retread.registry.events import TriggerDecision

NOW = datetime(2026, 11, 1, tzinfo=UTC)
POLICY = TriggersSection(cooldown_s=600.0, daily_budget=3)


def proposal(
    kind: CauseKind = CauseKind.DRIFT, key: str = "key", *, user_requested: bool = False
) -> Proposal:
    return Proposal(
        kind=kind, key=key, detail="why", model_type="cnn", user_requested=user_requested
    )


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


def decide(
    proposed: Proposal, *history: Request, policy: TriggersSection = POLICY
) -> TriggerDecision:
    return arbitrate(proposed, history, policy, NOW).decision


def test_the_first_is_accepted() -> None:
    assert decide(proposal()) is TriggerDecision.ACCEPTED


def test_a_kind_that_is_not_listed_is_refused() -> None:
    policy = TriggersSection(kinds=("manual",))
    ruling = arbitrate(proposal(), (), policy, NOW)
    assert ruling.decision is TriggerDecision.REFUSED
    assert ruling.reason == "[triggers] kinds does not list drift; it lists manual."


def test_the_same_key_is_a_duplicate_even_for_a_user() -> None:
    for kind in CauseKind:
        for user_requested in (False, True):
            proposed = proposal(kind, user_requested=user_requested)
            assert decide(proposed, request("key")) is TriggerDecision.DUPLICATE


def test_a_key_that_was_never_accepted_is_not_a_duplicate() -> None:
    for before in (TriggerDecision.COOLDOWN, TriggerDecision.HELD, TriggerDecision.DUPLICATE):
        assert decide(proposal(), request("key", decision=before)) is TriggerDecision.ACCEPTED


def test_the_cooldown_counts_from_the_end_of_a_retraining() -> None:
    assert decide(proposal(), request(ago_s=700, lasted_s=200)) is TriggerDecision.COOLDOWN
    assert decide(proposal(), request(ago_s=900, lasted_s=200)) is TriggerDecision.ACCEPTED


def test_while_one_runs_triggers_are_deferred_and_users_queue() -> None:
    running = request(ago_s=7200, lasted_s=None)
    assert decide(proposal(), running) is TriggerDecision.COOLDOWN
    ruling = arbitrate(proposal(user_requested=True), (running,), POLICY, NOW)
    assert (ruling.decision, ruling.reason) == (
        TriggerDecision.ACCEPTED,
        "It starts after 1 other retraining.",
    )


def test_beyond_the_budget_a_trigger_is_held_for_a_user() -> None:
    spent = [request(str(number), ago_s=80_000) for number in range(3)]
    ruling = arbitrate(proposal(), tuple(spent), POLICY, NOW)
    assert ruling.decision is TriggerDecision.HELD
    assert "3 of 3 retrainings of the last 24 hours" in ruling.reason
    assert ruling.reason.endswith("Start it manually with: retread trigger drift")
    commit = arbitrate(proposal(CauseKind.COMMIT), tuple(spent), POLICY, NOW)
    assert commit.decision is TriggerDecision.HELD
    assert commit.reason.endswith("retread trigger manual --model-type cnn")
    for kind in CauseKind:
        assert decide(proposal(kind, user_requested=True), *spent) is TriggerDecision.ACCEPTED


def test_the_budget_is_per_24_hours() -> None:
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
    user_requested=st.booleans(),
)


@given(proposed=proposals, history=histories, policy=policies)
def test_a_key_is_never_accepted_twice(
    proposed: Proposal, history: History, policy: TriggersSection
) -> None:
    ruling = arbitrate(proposed, history, policy, NOW)
    if any(r.accepted and r.key == proposed.key for r in history):
        assert ruling.decision is TriggerDecision.DUPLICATE


@given(proposed=proposals, history=histories, policy=policies)
def test_only_a_user_exceeds_the_budget_or_the_cooldown(
    proposed: Proposal, history: History, policy: TriggersSection
) -> None:
    if arbitrate(proposed, history, policy, NOW).decision is not TriggerDecision.ACCEPTED:
        return
    accepted = [r for r in history if r.accepted]
    if not proposed.user_requested:
        recent = [r for r in accepted if NOW - r.decided_at < timedelta(hours=24)]
        assert len(recent) < policy.daily_budget
    if not proposed.user_requested and proposed.kind is not CauseKind.COMMIT:
        assert not any(r.open for r in accepted)
        ends = [r.finished_at for r in accepted if r.finished_at]
        assert all((NOW - end).total_seconds() >= policy.cooldown_s for end in ends)


@given(proposed=proposals, history=histories, policy=policies)
def test_every_ruling_has_a_reason(
    proposed: Proposal, history: History, policy: TriggersSection
) -> None:
    ruling = arbitrate(proposed, history, policy, NOW)
    assert ("retread trigger" if ruling.decision is TriggerDecision.HELD else ".") in ruling.reason
