"""Traffic of the version in production is unlike what it was trained on."""

from __future__ import annotations

from retread.bundle import CauseKind
from retread.core import Refused
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.view import Asked, View
from retread.registry.events import DriftDetected

_NAMED = 5


def observe(view: View) -> tuple[Proposal, ...]:
    """The newest drift alarm of the version in production; those of older versions are history."""
    alarm = _newest(view)
    return (_proposal(view, alarm, str(alarm.window)),) if alarm else ()


def ask(view: View, asked: Asked) -> Proposal:
    """The newest alarm, asked about by a person; Refused where there is none."""
    alarm = _newest(view)
    if alarm is None:
        raise Refused(
            f"No drift was detected in the traffic of version {view.production or 'none'}.",
            "Look with: retread monitor check; to retrain anyway: retread trigger manual",
        )
    return _proposal(view, alarm, asked.key or str(alarm.window))


def _newest(view: View) -> DriftDetected | None:
    alarms = (entry.event for entry in reversed(view.entries))
    for event in alarms:
        if isinstance(event, DriftDetected) and event.version == view.production:
            return event
    return None


def _proposal(view: View, alarm: DriftDetected, window: str) -> Proposal:
    named = ", ".join(alarm.streams[:_NAMED])
    more = len(alarm.streams) - _NAMED
    streams = f"{named} and {more} more" if more > 0 else named
    return Proposal(
        kind=CauseKind.DRIFT,
        key=trigger_key(
            view.model, CauseKind.DRIFT, f"v{alarm.version}-w{window}", view.data_digest
        ),
        detail=f"{streams} drifted in window {alarm.window} of version {alarm.version}",
        version=alarm.version,
    )
