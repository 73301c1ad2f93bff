"""What people are told of a retraining, in words that need no dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, log

from retread.bundle import Cause
from retread.core import Outcome, Verdict
from retread.loop.proposal import Proposal
from retread.loop.sender import MessageContext
from retread.notify import Message, Severity
from retread.registry.events import (
    DatasetVersionAdded,
    DegradationDetected,
    DriftDetected,
    PromotionCompleted,
    PromotionReverted,
)
from retread.training.request import TrainingOutcome, TrainingRequest

_MARKS = {
    Outcome.PASS: "\N{CHECK MARK}",
    Outcome.FAIL: "\N{BALLOT X}",
    Outcome.INCONCLUSIVE: "?",
}
_NAMED = 5
_MANY = 1_000_000


def drift_detected(sender: MessageContext, event: DriftDetected) -> Message:
    named = sorted(event.streams, key=lambda name: -event.effect.get(name, 0.0))
    more = len(named) - _NAMED
    return Message(
        title=f"{sender.project}: the traffic has changed",
        severity=Severity.WARNING,
        lines=(
            f"What version {event.version} is asked no longer looks like what it was trained on. "
            f"Noticed in window {event.window}, after {event.requests:,} requests.",
            *([f"{more} more {_plural('stream', more)} moved as well."] if more > 0 else []),
        ),
        fields={
            name: f"effect {event.effect.get(name, 0.0):.2f}, "
            f"{describe_odds(event.evidence.get(name, 0.0))}"
            for name in named[:_NAMED]
        },
        links=sender.links,
    )


def degradation_detected(sender: MessageContext, event: DegradationDetected) -> Message:
    return Message(
        title=f"{sender.project}: version {event.version} is doing worse",
        severity=Severity.WARNING,
        lines=(
            f"{event.metric} on {event.labels:,} labelled answers is {event.observed:.3f}; "
            f"{event.expected:.3f} was expected.",
        ),
        links=sender.links,
    )


def quarantined(sender: MessageContext, event: DatasetVersionAdded) -> Message:
    name = f"{event.dataset}@{event.version}"
    return Message(
        title=f"{sender.project}: {name} is in quarantine",
        severity=Severity.WARNING,
        lines=(f"Nothing is trained on it. Why, and what to do: retread data show {name}",),
        links=sender.links,
    )


def trigger_held(sender: MessageContext, proposal: Proposal, reason: str) -> Message:
    return Message(
        title=f"{sender.project}: a retraining waits for a person",
        severity=Severity.WARNING,
        lines=(f"Why it was asked for: {proposal.detail}.", reason),
        links=sender.links,
    )


def training_started(
    sender: MessageContext, cause: Cause, dataset: str, requests: Sequence[TrainingRequest]
) -> Message:
    runs = f"{len(requests)} {_plural('run', len(requests))}"
    return Message(
        title=f"{sender.project}: training on {dataset} begins",
        lines=(f"Why: {cause.detail or cause.kind}.",),
        fields={"Cause": cause.kind, runs: ", ".join(_names(requests))},
        links=sender.links,
    )


def training_finished(
    sender: MessageContext, outcomes: Sequence[TrainingOutcome], best: TrainingOutcome | None
) -> Message:
    """One field a run; the winner first to be named."""
    fields = {f"{number}. {o.model_type}": _run(o) for number, o in enumerate(outcomes, start=1)}
    if best is None:
        return Message(
            title=f"{sender.project}: training ended without a candidate",
            severity=Severity.WARNING,
            lines=("No run left a model that met its threshold, so nothing was registered.",),
            fields=fields,
            links=sender.links,
        )
    return Message(
        title=f"{sender.project}: training ended, {best.model_type} goes to the gate",
        severity=Severity.SUCCESS,
        fields=fields,
        links=sender.links,
    )


def gate_judged(sender: MessageContext, version: int, production: int, verdict: Verdict) -> Message:
    against = f", against version {production}" if production else ""
    titles = {
        Outcome.PASS: (f"version {version} passed the gate{against}", Severity.SUCCESS),
        Outcome.FAIL: (f"the gate refused version {version}{against}", Severity.WARNING),
        Outcome.INCONCLUSIVE: (
            f"the gate could not judge version {version}{against}",
            Severity.WARNING,
        ),
    }
    title, severity = titles[verdict.outcome]
    return Message(
        title=f"{sender.project}: {title}",
        severity=severity,
        lines=_checks(verdict),
        links=sender.links,
    )


def canary_started(sender: MessageContext, version: int, production: int, share: float) -> Message:
    return Message(
        title=f"{sender.project}: version {version} answers {share:.0%} of the traffic",
        lines=(f"It is compared with version {production} on the same requests.",),
        links=sender.links,
    )


def deployed(
    sender: MessageContext, event: PromotionCompleted, metrics: Mapping[str, float], reason: str
) -> Message:
    before = f"Version {event.previous} is kept; `retread rollback` brings it back."
    return Message(
        title=f"{sender.project}: version {event.version} is in production",
        severity=Severity.SUCCESS,
        lines=(*_why(reason), *([before] if event.previous else [])),
        fields={name: f"{value:.4g}" for name, value in metrics.items()},
        links=sender.links,
    )


def returned(sender: MessageContext, event: PromotionCompleted, reason: str) -> Message:
    return Message(
        title=f"{sender.project}: version {event.previous} was rolled back, "
        f"{event.version} is in production again",
        severity=Severity.WARNING,
        lines=_why(reason),
        links=sender.links,
    )


def reverted(sender: MessageContext, event: PromotionReverted) -> Message:
    return Message(
        title=f"{sender.project}: version {event.version} did not come into production",
        severity=Severity.FAILURE,
        lines=(event.reason,),
        links=sender.links,
    )


def rolled_back(sender: MessageContext, version: int, production: int, verdict: Verdict) -> Message:
    return Message(
        title=f"{sender.project}: version {version} was rolled back, {production} answers alone",
        severity=Severity.FAILURE,
        lines=_checks(verdict),
        links=sender.links,
    )


def canary_expired(sender: MessageContext, version: int, production: int, reason: str) -> Message:
    return Message(
        title=f"{sender.project}: version {version} could not prove itself; {production} stays",
        severity=Severity.WARNING,
        lines=(reason,),
        links=sender.links,
    )


def retraining_failed(sender: MessageContext, why: str, reason: str) -> Message:
    return Message(
        title=f"{sender.project}: a retraining failed",
        severity=Severity.FAILURE,
        lines=(f"Why it was started: {why}.", reason),
        links=sender.links,
    )


def _why(reason: str) -> tuple[str, ...]:
    return (f"Why: {reason.rstrip('.')}.",) if reason else ()


def _names(requests: Iterable[TrainingRequest]) -> list[str]:
    return [request.model_type for request in requests]


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else f"{noun}s"


def describe_odds(evidence: float) -> str:
    """Describe the logarithm of odds.

    >>> describe_odds(5.3), describe_odds(400.0)
    ('odds 200 : 1', 'odds over 1,000,000 : 1')
    """
    if evidence >= log(_MANY):
        return f"odds over {_MANY:,} : 1"
    return f"odds {exp(evidence):,.0f} : 1"


def _run(outcome: TrainingOutcome) -> str:
    if not outcome.bundle:
        return outcome.reason
    figures = ", ".join(f"{name} {value:.4g}" for name, value in outcome.metrics.items())
    return f"{figures} ({outcome.seconds:.0f} s)"


def _checks(verdict: Verdict) -> tuple[str, ...]:
    return tuple(
        f"{_MARKS[check.outcome]} {check.check}: {check.reason}" for check in verdict.checks
    )
