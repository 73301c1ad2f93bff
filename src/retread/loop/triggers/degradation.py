"""The version in production does worse on labelled traffic than it did at the gate."""

from __future__ import annotations

from retread.bundle import CauseKind
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.view import View
from retread.registry.events import DegradationDetected


def observe(view: View) -> tuple[Proposal, ...]:
    """The newest degradation alarm of the version in production."""
    for entry in reversed(view.entries):
        event = entry.event
        if isinstance(event, DegradationDetected) and event.version == view.production:
            return (_proposal(view, event),)
    return ()


def _proposal(view: View, alarm: DegradationDetected) -> Proposal:
    window = f"v{alarm.version}-l{alarm.labels}"
    return Proposal(
        kind=CauseKind.DEGRADATION,
        key=trigger_key(view.model, CauseKind.DEGRADATION, window, view.data_digest),
        detail=(
            f"{alarm.metric} of version {alarm.version} went from {alarm.expected:.3f} to "
            f"{alarm.observed:.3f} on {alarm.labels} labels"
        ),
        version=alarm.version,
    )
