"""The traffic of the version in production has drifted from its training data."""

from __future__ import annotations

from dataclasses import replace

from retread.bundle import CauseKind
from retread.core import Refused
from retread.loop.trigger_interface import Proposal, TriggerContext, TriggerOptions, trigger_key
from retread.registry.events import DriftDetected

_NAMED_STREAMS = 5


def evaluate(context: TriggerContext) -> tuple[Proposal, ...]:
    """Propose a retraining for the newest drift alarm of the version in production."""
    alarm = context.newest_alarm(DriftDetected)
    return (_proposal(context, alarm.id, alarm.event),) if alarm else ()


def request(context: TriggerContext, options: TriggerOptions) -> Proposal:
    """Propose a retraining for the newest alarm, at the request of a user.

    Raises:
        Refused: There is no alarm.
    """
    alarm = context.newest_alarm(DriftDetected)
    if alarm is None:
        raise Refused(
            f"No drift was detected in the traffic of version {context.production or 'none'}.",
            "To check, run: retread monitor check; to retrain anyway: retread trigger manual",
        )
    proposal = _proposal(context, options.key or alarm.id, alarm.event)
    return replace(proposal, user_requested=True)


def _proposal(context: TriggerContext, window: str, alarm: DriftDetected) -> Proposal:
    named = ", ".join(alarm.streams[:_NAMED_STREAMS])
    more = len(alarm.streams) - _NAMED_STREAMS
    streams = f"{named} and {more} more" if more > 0 else named
    return Proposal(
        kind=CauseKind.DRIFT,
        key=trigger_key(context.model, CauseKind.DRIFT, window, context.data_digest),
        detail=f"{streams} drifted in window {alarm.window} of version {alarm.version}",
        version=alarm.version,
    )
