"""The canary on real traffic: widened step by step, or rolled back.

What was read is checkpointed together with the decision that it led to. So a process that dies
continues from there, and every effect follows from a decision that is remembered.
"""

from __future__ import annotations

import msgspec

from retread.core import Conflict
from retread.loop import messages
from retread.loop.canary import Action, CanaryDecision, CanaryState, PairedEvidence, advance
from retread.loop.idempotency import append_once
from retread.loop.ports import PromoterPort
from retread.loop.wait_point import WaitReason
from retread.loop.workflow_context import RetrainingContext, RetrainingResult
from retread.registry.events import (
    CanaryFinished,
    CanaryJudged,
    CanaryOutcome,
    CanaryStarted,
    RetrainingOutcome,
    Slot,
    TrafficPosition,
    VersionArchived,
)
from retread.serving.traffic import Cursor

_POLL_S = 1.0


class CanaryRollout(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a rollout: which versions are compared, and what was seen so far."""

    version: int
    production: int
    state: CanaryState
    evidence: PairedEvidence


class JudgedRollout(msgspec.Struct, frozen=True, kw_only=True):
    """The decision at the end of a step, and the rollout after it.

    `share` is the share of the traffic during the step.
    """

    rollout: CanaryRollout = msgspec.field(name="trial")
    share: float
    decision: CanaryDecision


def start(context: RetrainingContext, version: int, production: int) -> CanaryRollout:
    """Give the canary the first share of the traffic.

    Its evidence begins where the ledger says that it started, also if this step is repeated.
    """
    ports = context.ports
    share = ports.settings.canary.steps[0]
    end = ports.canary.end_of_traffic()
    position = TrafficPosition(end.segment, end.offset)
    started = CanaryStarted(
        version=version,
        production=production,
        trigger=context.trigger_id,
        traffic=position,
    )
    recorded = append_once(ports.ledger, started, by=("version", "trigger")).event
    assert isinstance(recorded, CanaryStarted), "append_once compares the types"
    start = recorded.traffic or position
    evidence = ports.canary.begin(version, production, Cursor(start.segment, start.offset))
    ports.promoter.assign(Slot.CANARY, version, share, reason="canary step 1")
    message = messages.canary_started(context.message_context, version, production, share)
    context.notify("canary-started", message)
    state = CanaryState(started_at=ports.clock.now())
    return CanaryRollout(version=version, production=production, state=state, evidence=evidence)


def judge(context: RetrainingContext, rollout: CanaryRollout) -> JudgedRollout:
    """Wait for the traffic that decides the current step.

    Raises:
        Conflict: Another version came into production.
    """
    ports = context.ports
    settings = ports.settings.canary
    evidence = rollout.evidence
    # Time during which the loop was down does not count against the canary.
    state = msgspec.structs.replace(rollout.state, started_at=ports.clock.now())
    while True:
        read = ports.wait_point.begin_read()
        production = ports.registry.state().production
        if production not in (rollout.production, rollout.version):
            raise Conflict(f"Version {rollout.production} is no longer in production.")
        evidence = ports.canary.gather(evidence, rollout.version, rollout.production)
        decision = advance(state, evidence, settings, ports.clock.now())
        if production == rollout.version:
            decision = msgspec.structs.replace(
                decision, action=Action.PROMOTE, reason="it was promoted manually meanwhile"
            )
        if decision.action is not Action.HOLD:
            ports.wait_point.done()
            after = msgspec.structs.replace(rollout, state=decision.state, evidence=evidence)
            share = settings.steps[rollout.state.step]
            return JudgedRollout(rollout=after, share=share, decision=decision)
        ports.wait_point.pause(read, WaitReason.TRAFFIC, _POLL_S)


def record(context: RetrainingContext, judged: JudgedRollout) -> bool:
    """Record the verdict at the end of a step, once."""
    version = judged.rollout.version
    event = CanaryJudged(version=version, share=judged.share, verdict=judged.decision.verdict)
    started = _started(context, version) or 0
    append_once(context.ports.ledger, event, by=("version", "share", "verdict"), after=started)
    return True


def widen(context: RetrainingContext, judged: JudgedRollout) -> bool:
    """Give the canary the next share of the traffic."""
    record(context, judged)
    decision = judged.decision
    reason = f"canary step {decision.state.step + 1}: {decision.reason}"
    context.ports.promoter.assign(
        Slot.CANARY, judged.rollout.version, decision.share, reason=reason
    )
    return True


def roll_back(context: RetrainingContext, judged: JudgedRollout) -> RetrainingResult:
    """Withdraw a canary that failed or expired, and archive its version."""
    rollout, decision, ports = judged.rollout, judged.decision, context.ports
    version, production = rollout.version, rollout.production
    record(context, judged)
    withdraw(ports.promoter, version, decision.reason)
    archived = VersionArchived(version=version, reason=decision.reason)
    append_once(ports.ledger, archived, by=("version",), after=_started(context, version) or 0)
    if decision.action is Action.ROLL_BACK:
        outcome, canary_outcome = RetrainingOutcome.ROLLED_BACK, CanaryOutcome.ROLLED_BACK
        message = messages.rolled_back(
            context.message_context, version, production, decision.verdict
        )
    else:
        outcome, canary_outcome = RetrainingOutcome.INCONCLUSIVE, CanaryOutcome.EXPIRED
        message = messages.canary_expired(
            context.message_context, version, production, decision.reason
        )
    finish_canary(context, version, canary_outcome, decision.reason)
    context.notify("canary-ended", message)
    return RetrainingResult(outcome=outcome, reason=decision.reason, version=version)


def finish_canary(
    context: RetrainingContext, version: int, outcome: CanaryOutcome, reason: str
) -> None:
    """Record how the canary of this retraining ended, once; do nothing if it had none."""
    started = _started(context, version)
    if started is not None:
        finished = CanaryFinished(version=version, outcome=outcome, reason=reason)
        append_once(context.ports.ledger, finished, by=("version",), after=started)


def withdraw(promoter: PromoterPort, version: int, reason: str) -> None:
    """Take a version out of the slots canary and staging, if it is in them."""
    for slot in (Slot.CANARY, Slot.STAGING):
        promoter.clear(slot, holder=version, reason=reason)


def _started(context: RetrainingContext, version: int) -> int | None:
    """The sequence number of the entry that started this retraining's canary.

    A later trigger may start another canary of the same version; what is recorded once is recorded
    once after this entry.
    """
    key = (version, context.trigger_id)
    return next(
        (
            entry.sequence
            for entry in context.ports.ledger.read()
            if isinstance(entry.event, CanaryStarted)
            and (entry.event.version, entry.event.trigger) == key
        ),
        None,
    )
