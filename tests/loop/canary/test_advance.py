from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from retread.core import Outcome
from retread.loop.canary import (
    Action,
    CanaryDecision,
    CanaryState,
    ComparedVersions,
    PairedEvidence,
    advance,
    judge_canary,
    no_evidence,
)
from retread.loop.canary.evidence import add_answers, add_losses
from retread.project.settings import CanarySection
from retread.serving import Cursor

SETTINGS = CanarySection()
SUBJECT = ComparedVersions(canary=2, production=1, labels=("no", "yes"))
START = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = no_evidence(SETTINGS, SUBJECT, Cursor())


def more(
    evidence: PairedEvidence,
    requests: int,
    *,
    failed: int = 0,
    slow: int = 0,
    unlike: int = 0,
    losses: list[tuple[float, float]] | None = None,
) -> PairedEvidence:
    good = requests - failed
    evidence = add_answers(
        evidence,
        failed=[True] * failed + [False] * good,
        ratios=[10.0] * slow + [1.0] * (good - slow),
        unlike=[True] * unlike + [False] * (good - unlike),
        settings=SETTINGS,
    )
    return add_losses(evidence, losses or [], SUBJECT, SETTINGS)


def run(evidence: PairedEvidence, step: int = 2, after_s: float = 60.0) -> CanaryDecision:
    state = CanaryState(started_at=START, step=step)
    return advance(state, evidence, SETTINGS, START + timedelta(seconds=after_s))


RIGHT = [(0.0, 0.0)] * 100


def test_it_climbs_step_by_step_and_each_step_needs_requests_of_its_own() -> None:
    state, evidence, seen = CanaryState(started_at=START), NOTHING, []
    for _ in range(8):
        decision = advance(state, evidence, SETTINGS, START)
        seen.append((decision.action, decision.share))
        state = decision.state
        if decision.ends:
            break
        if decision.action is Action.HOLD:
            evidence = more(evidence, 60, losses=RIGHT[:20])
    hold, forward = Action.HOLD, Action.NEXT_STEP
    assert seen == [
        (hold, 0.1),
        (forward, 0.5),
        (hold, 0.5),
        (forward, 1.0),
        (hold, 1.0),
        (Action.PROMOTE, 1.0),
    ]


def test_errors_roll_back_within_a_few_requests() -> None:
    decision = run(more(NOTHING, 4, failed=3), step=0)
    assert decision.action is Action.ROLL_BACK
    assert "failed" in decision.reason
    assert decision.share == 0.0


def test_a_slow_canary_is_rolled_back() -> None:
    decision = run(more(NOTHING, 20, slow=20, losses=RIGHT))
    assert decision.action is Action.ROLL_BACK
    assert "times production's time" in decision.reason


def test_a_canary_that_says_the_opposite_is_rolled_back_without_labels() -> None:
    assert run(more(NOTHING, 60, unlike=55), step=0).action is Action.ROLL_BACK


def test_flipped_labels_are_rolled_back() -> None:
    flipped = [(1.0, 0.0)] * 8 + [(0.0, 1.0)] * 2
    decision = run(more(NOTHING, 20, losses=flipped * 4), step=0)
    assert decision.action is Action.ROLL_BACK
    assert "larger than production's" in decision.reason


def test_no_traffic_holds_and_expires_back() -> None:
    assert run(NOTHING, after_s=60).action is Action.HOLD
    expired = run(NOTHING, after_s=SETTINGS.timeout_s)
    assert expired.action is Action.EXPIRE
    assert expired.share == 0.0
    assert "0 of 50" in expired.reason


def test_a_step_that_passed_goes_on_however_late_and_the_next_has_its_own_time() -> None:
    late = SETTINGS.timeout_s + 1
    passed = run(more(NOTHING, 60, losses=RIGHT), step=0, after_s=late)
    assert passed.action is Action.NEXT_STEP
    evidence = more(NOTHING, 60, losses=RIGHT)
    after = START + timedelta(seconds=late)
    assert advance(passed.state, evidence, SETTINGS, after).action is Action.HOLD


def test_missing_labels_are_no_success() -> None:
    unlabelled = more(NOTHING, 500)
    assert run(unlabelled).action is Action.HOLD
    assert run(unlabelled, after_s=1e6).action is Action.EXPIRE
    free = SETTINGS.model_copy(update={"min_labels": 0})
    state = CanaryState(started_at=START, step=2)
    assert advance(state, unlabelled, free, START).action is Action.PROMOTE


def test_a_few_labels_in_favour_are_not_enough() -> None:
    verdict = judge_canary(more(NOTHING, 200, losses=[(0.0, 1.0)] * 20), SETTINGS)
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_a_failure_counts_even_after_the_time_is_up() -> None:
    assert run(more(NOTHING, 10, failed=10), after_s=1e6).action is Action.ROLL_BACK


@hypothesis_settings(max_examples=60)
@given(
    st.integers(0, 200),
    st.integers(0, 5),
    st.integers(0, 30),
    st.integers(0, 150),
    st.floats(0, 1),
    st.floats(0, 1e5),
)
def test_nothing_is_promoted_that_did_not_pass_every_check(
    requests: int, failed: int, slow: int, labels: int, wrong: float, after_s: float
) -> None:
    rng = np.random.default_rng(requests)
    losses = [(float(rng.random() < wrong), float(rng.random() < 0.3)) for _ in range(labels)]
    failed = min(failed, requests)
    evidence = more(
        NOTHING, requests, failed=failed, slow=min(slow, requests - failed), losses=losses
    )
    decision = run(evidence, after_s=after_s)
    assert (decision.action is Action.PROMOTE) == (decision.verdict.outcome is Outcome.PASS)
    assert (decision.action is Action.ROLL_BACK) == (decision.verdict.outcome is Outcome.FAIL)
    if decision.action is Action.PROMOTE:
        assert requests >= SETTINGS.min_requests
        assert labels >= SETTINGS.min_labels
