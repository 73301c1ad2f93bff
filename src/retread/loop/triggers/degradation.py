"""The version in production does worse on labelled traffic than it did at the gate."""

from __future__ import annotations

from dataclasses import replace

from retread.bundle import CauseKind
from retread.core import Refused
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.view import TriggerContext, TriggerOptions
from retread.registry.events import DegradationDetected


def observe(view: TriggerContext) -> tuple[Proposal, ...]:
    """The newest degradation alarm of the version in production."""
    found = view.newest_alarm(DegradationDetected)
    return (_proposal(view, *found),) if found else ()


def ask(view: TriggerContext, asked: TriggerOptions) -> Proposal:
    """The newest alarm, asked about by a person; Refused where there is none."""
    found = view.newest_alarm(DegradationDetected)
    if found is None:
        raise Refused(
            f"Version {view.production or 'none'} was not seen doing worse on labelled traffic.",
            "Look with: retread monitor check; to retrain anyway: retread trigger manual",
        )
    place, alarm = found
    return replace(_proposal(view, asked.key or place, alarm), by_hand=True)


def _proposal(view: TriggerContext, place: str, alarm: DegradationDetected) -> Proposal:
    return Proposal(
        kind=CauseKind.DEGRADATION,
        key=trigger_key(view.model, CauseKind.DEGRADATION, place, view.data_digest),
        detail=(
            f"{alarm.metric} of version {alarm.version} went from {alarm.expected:.3f} to "
            f"{alarm.observed:.3f} on {alarm.labels} labels"
        ),
        version=alarm.version,
    )
