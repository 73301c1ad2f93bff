"""The version in production performs worse on labelled traffic than it did at the gate."""

from __future__ import annotations

from dataclasses import replace

from retread.bundle import CauseKind
from retread.core import Refused
from retread.loop.trigger_interface import Proposal, TriggerContext, TriggerOptions, trigger_key
from retread.registry.events import DegradationDetected


def evaluate(context: TriggerContext) -> tuple[Proposal, ...]:
    """Propose a retraining for the newest degradation alarm of the version in production."""
    alarm = context.newest_alarm(DegradationDetected)
    return (_proposal(context, alarm.id, alarm.event),) if alarm else ()


def request(context: TriggerContext, options: TriggerOptions) -> Proposal:
    """Propose a retraining for the newest alarm, at the request of a user.

    Raises:
        Refused: There is no alarm.
    """
    alarm = context.newest_alarm(DegradationDetected)
    if alarm is None:
        raise Refused(
            f"No degradation was detected for version {context.production or 'none'}.",
            "To check, run: retread monitor check; to retrain anyway: retread trigger manual",
        )
    proposal = _proposal(context, options.key or alarm.id, alarm.event)
    return replace(proposal, user_requested=True)


def _proposal(context: TriggerContext, window: str, alarm: DegradationDetected) -> Proposal:
    return Proposal(
        kind=CauseKind.DEGRADATION,
        key=trigger_key(context.model, CauseKind.DEGRADATION, window, context.data_digest),
        detail=(
            f"{alarm.metric} of version {alarm.version} went from {alarm.expected:.3f} to "
            f"{alarm.observed:.3f} on {alarm.labels} labels"
        ),
        version=alarm.version,
    )
