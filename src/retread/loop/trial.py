"""The canary on real traffic: widened step by step, or given back.

What was read is checkpointed with the decision it led to, so that a process that dies judges on
from there, and every effect follows from a decision that is remembered.
"""

from __future__ import annotations

from functools import partial

import msgspec

from retread.core import Conflict
from retread.loop import messages
from retread.loop.canary import Action, CanaryDecision, CanaryState, PairedEvidence, advance
from retread.loop.course import Course, Ended, Ending
from retread.loop.once import append_once
from retread.loop.withdraw import withdraw
from retread.registry.events import (
    CanaryFinished,
    CanaryJudged,
    CanaryOutcome,
    CanaryStarted,
    RetrainingOutcome,
    Slot,
    VersionArchived,
)

_POLL_S = 1.0


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """Where a trial stands: who is tried beside whom, and what was seen."""

    version: int
    production: int
    state: CanaryState
    evidence: PairedEvidence


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """The decision that ended a step, and the trial as it is then."""

    trial: Trial
    share: float
    decision: CanaryDecision


def try_on_traffic(course: Course, version: int, production: int) -> str:
    """Why the canary may go into production; Ended if it may not."""
    run = course.steps.run
    trial = run("open canary", Trial, lambda: _opened(course, version, production))
    while True:
        number = trial.state.step + 1
        judged = run(f"judge canary {number}", Judged, partial(_judged, course, trial))
        match judged.decision.action:
            case Action.PROMOTE:
                run("canary passed", bool, partial(_record, course, judged))
                return judged.decision.reason
            case Action.NEXT_STEP:
                run(f"widen canary {number}", bool, partial(_widened, course, judged))
                trial = judged.trial
            case _:
                raise Ended(run("give back", Ending, partial(_given_back, course, judged)))


def finish_canary(course: Course, version: int, outcome: CanaryOutcome, reason: str) -> None:
    """Record how the canary of this retraining ended, once; nothing if there was none."""
    started = _started(course, version)
    if started:
        finished = CanaryFinished(version=version, outcome=outcome, reason=reason)
        append_once(course.ports.ledger, finished, by=("version",), after=started)


def _started(course: Course, version: int) -> int:
    """The ledger's number of the start of this retraining's canary; 0 if there was none.

    A version may be tried again by a later trigger: what is recorded once is recorded once after
    this.
    """
    mine = (version, course.asked.trigger)
    return next(
        (
            entry.sequence
            for entry in course.ports.ledger.read()
            if isinstance(entry.event, CanaryStarted)
            and (entry.event.version, entry.event.trigger) == mine
        ),
        0,
    )


def _opened(course: Course, version: int, production: int) -> Trial:
    ports = course.ports
    share = ports.settings.canary.steps[0]
    evidence = ports.canary.begin(version, production)
    started = CanaryStarted(version=version, production=production, trigger=course.asked.trigger)
    append_once(ports.ledger, started, by=("version", "trigger"))
    ports.models.assign(Slot.CANARY, version, share, "canary step 1")
    told = messages.canary_started(course.sender, version, production, share)
    course.tell("canary-started", told)
    state = CanaryState(started_at=ports.clock.now())
    return Trial(version=version, production=production, state=state, evidence=evidence)


def _judged(course: Course, trial: Trial) -> Judged:
    """Wait for the traffic that decides this step."""
    ports = course.ports
    settings = ports.settings.canary
    evidence = trial.evidence
    # Time in which nobody looked does not count against the canary.
    state = msgspec.structs.replace(trial.state, started_at=ports.clock.now())
    while True:
        reading = ports.waiting.begin()
        production = ports.models.state().production
        if production not in (trial.production, trial.version):
            raise Conflict(f"Production is not version {trial.production} any more.")
        evidence = ports.canary.gather(evidence, trial.version, trial.production)
        decision = advance(state, evidence, settings, ports.clock.now())
        if production == trial.version:
            decision = msgspec.structs.replace(
                decision, action=Action.PROMOTE, reason="it was promoted by hand meanwhile"
            )
        if decision.action is not Action.HOLD:
            ports.waiting.decided()
            after = msgspec.structs.replace(trial, state=decision.state, evidence=evidence)
            share = settings.steps[trial.state.step]
            return Judged(trial=after, share=share, decision=decision)
        ports.waiting.pause(reading, "traffic", _POLL_S)


def _record(course: Course, judged: Judged) -> bool:
    event = CanaryJudged(
        version=judged.trial.version, share=judged.share, verdict=judged.decision.verdict
    )
    started = _started(course, judged.trial.version)
    append_once(course.ports.ledger, event, by=("version", "share", "verdict"), after=started)
    return True


def _widened(course: Course, judged: Judged) -> bool:
    _record(course, judged)
    decision = judged.decision
    reason = f"canary step {decision.state.step + 1}: {decision.reason}"
    course.ports.models.assign(Slot.CANARY, judged.trial.version, decision.share, reason)
    return True


def _given_back(course: Course, judged: Judged) -> Ending:
    trial, decision, ports = judged.trial, judged.decision, course.ports
    _record(course, judged)
    withdraw(ports.models, trial.version, decision.reason)
    archived = VersionArchived(version=trial.version, reason=decision.reason)
    started = _started(course, trial.version)
    append_once(ports.ledger, archived, by=("version",), after=started)
    if decision.action is Action.ROLL_BACK:
        outcome, ended = RetrainingOutcome.ROLLED_BACK, CanaryOutcome.ROLLED_BACK
        told = messages.rolled_back(
            course.sender, trial.version, trial.production, decision.verdict
        )
    else:
        outcome, ended = RetrainingOutcome.INCONCLUSIVE, CanaryOutcome.EXPIRED
        told = messages.canary_expired(
            course.sender, trial.version, trial.production, decision.reason
        )
    finish_canary(course, trial.version, ended, decision.reason)
    course.tell("canary-ended", told)
    return Ending(outcome=outcome, reason=decision.reason, version=trial.version)
