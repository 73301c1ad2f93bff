"""The steps of a retraining: from labelled traffic to the promotion of a version.

`workflow` defines the order in which they run. Each may run again after a crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from retread.core import Conflict, NotFound, Outcome, Refused, Verdict, metric_named
from retread.core.quarantine import VersionState
from retread.data.traffic_source import traffic_source
from retread.data.version import DatasetVersion
from retread.loop import messages
from retread.loop.canary_rollout import finish_canary, withdraw
from retread.loop.idempotency import append_once, record_dataset_version
from retread.loop.notifications import enqueue_notifications
from retread.loop.ports import LoopPorts
from retread.loop.selection import best_run
from retread.loop.wait_point import WaitReason
from retread.loop.workflow_context import RetrainingContext, RetrainingResult, StopRetraining
from retread.registry import Stage
from retread.registry.events import (
    CanaryOutcome,
    GateJudged,
    RetrainingFinished,
    RetrainingOutcome,
    RetrainingStarted,
    Slot,
    TriggerDecided,
)
from retread.registry.ledger import Entry
from retread.training.request import TrainingOutcome, TrainingRequest

NO_VERSION = 0
"""How "no version" is stored as the result of a step."""

_POLL_S = 1.0


class TrainingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a retraining, in order."""

    requests: tuple[TrainingRequest, ...]


class TrainingOutcomes(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of the runs of a plan, in the same order."""

    outcomes: tuple[TrainingOutcome, ...]


def wait_for_labels(context: RetrainingContext) -> int:
    """Wait for enough labelled traffic, or until the time is up; return the number of labels."""
    ports = context.ports
    policy = ports.settings.triggers
    deadline = _accepted_at(context) + timedelta(seconds=policy.label_wait_s)
    while True:
        read = ports.wait_point.begin_read()
        labels = ports.data.labelled()
        if labels >= policy.min_labelled or ports.clock.now() >= deadline:
            ports.wait_point.done()
            return labels
        ports.wait_point.pause(read, WaitReason.LABELS, _POLL_S)


def latest_data(context: RetrainingContext) -> DatasetVersion:
    """Return the newest released dataset version."""
    return context.ports.data.latest()


def collect_data(context: RetrainingContext) -> DatasetVersion:
    """Make a dataset version of labelled traffic, or return the latest if there is too little.

    Raises:
        Refused: The new version is in quarantine.
    """
    ports = context.ports
    # Not the number of labels decides: after a crash they may be in the data already, and would
    # not be counted again.
    version = _collect(ports, traffic_source(context.trigger_id))
    if version is None:
        return ports.data.latest()
    record_dataset_version(ports.ledger, version)
    if version.state is VersionState.QUARANTINED:
        failed = (c.reason for c in version.checks if c.outcome is not Outcome.PASS)
        raise Refused(
            f"{version.reference}, made of labelled traffic, is in quarantine. {' '.join(failed)}",
            f"Inspect it with: retread data show {version.reference}",
        )
    return version


def plan_training(context: RetrainingContext, data: DatasetVersion) -> TrainingPlan:
    """Plan the runs on a dataset version, and announce them."""
    requests = tuple(context.ports.training.plan(context.trigger, data))
    started = RetrainingStarted(
        trigger=context.trigger_id, dataset=data.dataset, dataset_version=data.number
    )
    append_once(context.ports.ledger, started, by=("trigger",))
    message = messages.training_started(
        context.message_context, context.trigger.cause, data.reference, requests
    )
    context.notify("training-started", message)
    return TrainingPlan(requests=requests)


def train(context: RetrainingContext, plan: TrainingPlan) -> TrainingOutcomes:
    """Execute the runs of a plan."""
    return TrainingOutcomes(outcomes=tuple(context.ports.training.train(plan.requests)))


def register_best(context: RetrainingContext, trained: TrainingOutcomes) -> int:
    """Register the best run and return its version; `NO_VERSION` if no run left a bundle."""
    ports = context.ports
    best = best_run(trained.outcomes, metric_named(ports.settings.gate.metric))
    message = messages.training_finished(context.message_context, trained.outcomes, best)
    context.notify("training-finished", message)
    return ports.registry.register(best.bundle, best.run_id).version if best else NO_VERSION


def check_registered(version: int, trained: TrainingOutcomes) -> None:
    """Stop the retraining if no run left a bundle.

    Raises:
        StopRetraining: For each run, its metric was below the threshold, or it was stopped.
    """
    if version != NO_VERSION:
        return
    # Only a run that was completed has an id.
    kinds: dict[str, list[str]] = {"Below the threshold": [], "Stopped": []}
    for outcome in trained.outcomes:
        kind = "Below the threshold" if outcome.run_id else "Stopped"
        kinds[kind].append(f"{outcome.model_type}: {outcome.reason.rstrip('.')}")
    reasons = (f"{kind}: {'; '.join(runs)}." for kind, runs in kinds.items() if runs)
    reason = f"No run produced a candidate. {' '.join(reasons)}"
    raise StopRetraining(RetrainingResult(outcome=RetrainingOutcome.REFUSED, reason=reason))


def judge(context: RetrainingContext, version: int) -> Verdict:
    """Put a version before the gate, once per production version, and announce the verdict."""
    ports = context.ports
    production = ports.registry.state().production
    verdict = _verdict(ports.ledger.read(), version, production or None) or ports.judge(version)
    message = messages.gate_judged(context.message_context, version, production or None, verdict)
    context.notify("gate", message)
    if context.trigger.force and verdict.outcome is not Outcome.PASS:
        ports.registry.override(version, context.trigger.force)
    return verdict


def check_verdict(context: RetrainingContext, version: int, verdict: Verdict) -> None:
    """Stop the retraining unless the gate passed the version, or a user lets it bypass the gate.

    Raises:
        StopRetraining: The gate did not pass it.
    """
    if verdict.outcome is Outcome.PASS or context.trigger.force:
        return
    is_failed = verdict.outcome is Outcome.FAIL
    outcome = RetrainingOutcome.REFUSED if is_failed else RetrainingOutcome.INCONCLUSIVE
    reason = " ".join(verdict.reasons)
    raise StopRetraining(RetrainingResult(outcome=outcome, reason=reason, version=version))


def stage(context: RetrainingContext, version: int) -> int:
    """Move a version to Staging, and return the version in production that it will replace.

    `NO_VERSION` if there is none, or if `version` is in production already.
    """
    registry = context.ports.registry
    state = registry.state()
    if state.production == version:
        return NO_VERSION
    staged = state.slots.get(Slot.STAGING)
    is_staged = staged is not None and staged.version == version
    if not is_staged or state.version(version).stage is not Stage.STAGING:
        context.ports.promoter.stage(version)
    return registry.state().production or NO_VERSION


def promote(context: RetrainingContext, version: int, proof: str) -> RetrainingResult:
    """Promote a version that its canary, or the lack of a production version, lets through."""
    registry, promoter = context.ports.registry, context.ports.promoter
    try:
        opened = registry.state().promotion
        if opened is not None and opened.version == version:
            # Ours, left open by a process that died: complete it instead of starting another.
            promoter.recover()
        if registry.state().production != version:
            promoter.promote(version, reason=context.cause)
    except (Refused, Conflict) as error:
        return RetrainingResult(
            outcome=RetrainingOutcome.FAILED, reason=str(error), version=version
        )
    finish_canary(context, version, CanaryOutcome.PROMOTED, proof)
    return RetrainingResult(
        outcome=RetrainingOutcome.PROMOTED, reason=context.cause, version=version
    )


def finish(context: RetrainingContext, result: RetrainingResult) -> RetrainingResult:
    """Record the end of a retraining; a version that failed is withdrawn from the traffic."""
    ports = context.ports
    enqueue_notifications(ports, ports.ledger.read())
    if result.outcome is RetrainingOutcome.FAILED:
        if result.version:
            withdraw(ports.promoter, result.version, result.reason)
            finish_canary(context, result.version, CanaryOutcome.FAILED, result.reason)
        message = messages.retraining_failed(context.message_context, context.cause, result.reason)
        context.notify("failed", message)
    finished = RetrainingFinished(
        trigger=context.trigger_id,
        outcome=result.outcome,
        reason=result.reason,
        version=result.version or 0,
    )
    append_once(ports.ledger, finished, by=("trigger",))
    return result


def _accepted_at(context: RetrainingContext) -> datetime:
    for entry in reversed(context.ports.ledger.read()):
        event = entry.event
        if isinstance(event, TriggerDecided) and event.trigger == context.trigger_id:
            return entry.at
    raise NotFound(f"No decision is recorded for trigger {context.trigger_id}.")


def _verdict(entries: Sequence[Entry], version: int, production: int | None) -> Verdict | None:
    """The verdict on `version` against `production`, if the gate has given one."""
    for entry in reversed(entries):
        event = entry.event
        if (
            isinstance(event, GateJudged)
            and event.version == version
            and (event.production or None) == production
        ):
            return event.verdict
    return None


def _collect(ports: LoopPorts, source: str) -> DatasetVersion | None:
    at_least = max(1, ports.settings.triggers.min_labelled)
    try:
        return ports.data.collect(source, at_least)
    except Conflict:
        # Another version was committed first; ours is based on it.
        return ports.data.collect(source, at_least)
