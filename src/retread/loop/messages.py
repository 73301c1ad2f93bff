"""The texts of the notifications: readable without a dashboard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import exp, log

from retread.bundle import Cause
from retread.core import Outcome, Verdict, format_metric, format_metrics
from retread.core.local_time import local_time
from retread.loop.trigger_interface import Proposal
from retread.notify import Link, Message, Severity
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
_NAMED_STREAMS = 5
_SUMMARISED = 20
_LARGEST_ODDS = 1_000_000


@dataclass(frozen=True, slots=True)
class ServiceFailure:
    """A service that ended and was restarted, or that does not respond.

    Attributes:
        key: Identity of this failure, under which it is announced once.
        name: Name of the service.
        problem: What is wrong with it, such as "ended and was restarted".
        last_lines: The end of its log when it ended.
        log: Path of its log.
    """

    key: str
    name: str
    problem: str
    last_lines: tuple[str, ...]
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContext:
    """What every message mentions.

    Attributes:
        project: Name of the project.
        control: Address of the status page.
        zone: Time zone of its times; None for that of the machine.
    """

    project: str
    control: str
    zone: tzinfo | None = None

    def time(self, at: datetime) -> str:
        """Format a time."""
        return local_time(at, self.zone)

    @property
    def links(self) -> tuple[Link, ...]:
        """Links to the status page and to the runs."""
        return (
            Link(label="Status", url=self.control),
            Link(label="Runs in MLflow", url=f"{self.control}/mlflow"),
        )

    def message(
        self,
        title: str,
        severity: Severity = Severity.INFO,
        lines: tuple[str, ...] = (),
        fields: dict[str, str] | None = None,
    ) -> Message:
        """Return a message with the project's name in its title, and with the links."""
        return Message(
            title=f"{self.project}: {title}",
            severity=severity,
            lines=lines,
            fields=fields or {},
            links=self.links,
        )


def drift_detected(context: MessageContext, event: DriftDetected) -> Message:
    """Name the streams with the largest effect."""
    streams = sorted(event.streams, key=lambda name: -event.effect.get(name, 0.0))
    more = len(streams) - _NAMED_STREAMS
    return context.message(
        "the traffic has changed",
        Severity.WARNING,
        lines=(
            f"Requests to version {event.version} no longer look like its training data. "
            f"Detected in window {event.window}, after {event.requests:,} requests.",
            *([f"{_count(more, 'more stream')} drifted as well."] if more > 0 else []),
        ),
        fields={
            name: f"effect {event.effect.get(name, 0.0):.2f}, "
            f"{describe_odds(event.evidence.get(name, 0.0))}"
            for name in streams[:_NAMED_STREAMS]
        },
    )


def degradation_detected(context: MessageContext, event: DegradationDetected) -> Message:
    """Compare the metric on labelled traffic with the expected one."""
    return context.message(
        f"version {event.version} performs worse than expected",
        Severity.WARNING,
        lines=(
            f"{event.metric} on {event.labels:,} labelled requests is {event.observed:.3f}; "
            f"expected: {event.expected:.3f}.",
        ),
    )


def quarantined(context: MessageContext, event: DatasetVersionAdded) -> Message:
    """Name the command that shows why a dataset version is in quarantine."""
    name = f"{event.dataset}@{event.version}"
    return context.message(
        f"{name} is in quarantine",
        Severity.WARNING,
        lines=(f"It is not used for training. For the reasons, run: retread data show {name}",),
    )


def trigger_held(context: MessageContext, proposal: Proposal, reason: str) -> Message:
    """Request a manual start of a retraining that exceeds the budget."""
    return context.message(
        "a retraining waits for approval",
        Severity.WARNING,
        lines=(f"Cause: {proposal.detail}.", reason),
    )


def training_started(
    context: MessageContext, cause: Cause, dataset: str, requests: Sequence[TrainingRequest]
) -> Message:
    """Name the cause, the dataset version and the model types."""
    model_types = ", ".join(request.model_type for request in requests)
    return context.message(
        f"training on {dataset} started",
        lines=(f"Cause: {cause.detail or cause.kind}.",),
        fields={"Trigger": cause.kind, _count(len(requests), "run"): model_types},
    )


def training_finished(
    context: MessageContext, outcomes: Iterable[TrainingOutcome], best: TrainingOutcome | None
) -> Message:
    """List the metrics of each run, and name the best one."""
    fields = {f"{number}. {o.model_type}": _run(o) for number, o in enumerate(outcomes, start=1)}
    if best is None:
        return context.message(
            "training finished without a candidate",
            Severity.WARNING,
            lines=("No run produced a model that meets its threshold; nothing was registered.",),
            fields=fields,
        )
    return context.message(
        f"training finished; {best.model_type} goes to the gate", Severity.SUCCESS, fields=fields
    )


def gate_judged(
    context: MessageContext, version: int, production: int | None, verdict: Verdict
) -> Message:
    """List the checks of the gate."""
    against = f" against version {production}" if production else ""
    titles = {
        Outcome.PASS: (f"version {version} passed the gate{against}", Severity.SUCCESS),
        Outcome.FAIL: (f"version {version} failed the gate{against}", Severity.WARNING),
        Outcome.INCONCLUSIVE: (
            f"the gate could not judge version {version}{against}",
            Severity.WARNING,
        ),
    }
    title, severity = titles[verdict.outcome]
    return context.message(title, severity, lines=_checks(verdict))


def canary_started(context: MessageContext, version: int, production: int, share: float) -> Message:
    """Name the canary's share of the traffic."""
    return context.message(
        f"version {version} serves {share:.0%} of the traffic",
        lines=(f"It is compared with version {production} on the same requests.",),
    )


def deployed(
    context: MessageContext, event: PromotionCompleted, metrics: Mapping[str, float], reason: str
) -> Message:
    """Name the reason, the metrics and the way back."""
    way_back = f"Version {event.previous} is kept; to restore it, run: retread rollback"
    return context.message(
        f"version {event.version} is in production",
        Severity.SUCCESS,
        lines=(*_reason(reason), *([way_back] if event.previous else [])),
        fields={name: format_metric(value) for name, value in metrics.items()},
    )


def returned(context: MessageContext, event: PromotionCompleted, reason: str) -> Message:
    """Announce that a rollback restored an earlier version."""
    return context.message(
        f"version {event.previous} was rolled back; version {event.version} is in production again",
        Severity.WARNING,
        lines=_reason(reason),
    )


def reverted(context: MessageContext, event: PromotionReverted) -> Message:
    """Explain why a promotion did not complete."""
    return context.message(
        f"version {event.version} was not promoted", Severity.FAILURE, lines=(event.reason,)
    )


def rolled_back(
    context: MessageContext, version: int, production: int, verdict: Verdict
) -> Message:
    """List the checks that a canary failed."""
    return context.message(
        f"canary version {version} was rolled back; version {production} stays in production",
        Severity.FAILURE,
        lines=_checks(verdict),
    )


def canary_expired(context: MessageContext, version: int, production: int, reason: str) -> Message:
    """Explain what a canary lacked when its time was up."""
    return context.message(
        f"canary version {version} was inconclusive; version {production} stays in production",
        Severity.WARNING,
        lines=(reason,),
    )


def retraining_failed(context: MessageContext, cause: str, reason: str) -> Message:
    """Name the cause of a retraining and the reason of its failure."""
    return context.message(
        "a retraining failed", Severity.FAILURE, lines=(f"Cause: {cause}.", reason)
    )


def summary(context: MessageContext, told: Sequence[Message]) -> Message:
    """Tell of several things that happened while nobody was told, each with its time."""
    prefix = f"{context.project}: "
    lines = [
        (f"{context.time(message.at)}: " if message.at else "")
        + message.title.removeprefix(prefix)
        + (f" (by {message.author})" if message.author else "")
        for message in told[-_SUMMARISED:]
    ]
    more = len(told) - len(lines)
    lead = [f"{more} earlier ones are in the history."] if more else []
    return context.message(
        f"{len(told)} things happened while the loop was not running", lines=(*lead, *lines)
    )


def part_failed(context: MessageContext, part: str, error: str) -> Message:
    """Name the part of the loop that fails, why, and the command that shows more."""
    return context.message(
        f"{part[0].lower()}{part[1:]} fails",
        Severity.FAILURE,
        lines=(error, "It is retried. For the state of every part, run: retread status"),
    )


def part_recovered(context: MessageContext, part: str, since: datetime) -> Message:
    """Say since when a part of the loop had failed."""
    return context.message(
        f"{part[0].lower()}{part[1:]} works again",
        Severity.SUCCESS,
        lines=(f"It had failed since {context.time(since)}.",),
    )


def service_failed(context: MessageContext, failure: ServiceFailure) -> Message:
    """Name the service that ended or does not respond, and the end of its log."""
    return context.message(
        f"the service {failure.name} {failure.problem}",
        Severity.FAILURE,
        lines=(*failure.last_lines, f"Its log is {failure.log}."),
    )


def describe_odds(evidence: float) -> str:
    """Return the odds of which `evidence` is the logarithm, as text.

    >>> describe_odds(5.3), describe_odds(400.0)
    ('odds 200 : 1', 'odds over 1,000,000 : 1')
    """
    if evidence >= log(_LARGEST_ODDS):
        return f"odds over {_LARGEST_ODDS:,} : 1"
    return f"odds {exp(evidence):,.0f} : 1"


def _reason(reason: str) -> tuple[str, ...]:
    return (f"Reason: {reason.rstrip('.')}.",) if reason else ()


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _run(outcome: TrainingOutcome) -> str:
    if not outcome.bundle:
        return outcome.reason
    return f"{format_metrics(outcome.metrics)} ({outcome.seconds:.0f} s)"


def _checks(verdict: Verdict) -> tuple[str, ...]:
    return tuple(
        f"{_MARKS[check.outcome]} {check.check}: {check.reason}" for check in verdict.checks
    )
