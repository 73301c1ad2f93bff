"""Traffic of the version in production is unlike what it was trained on."""

from __future__ import annotations

from dataclasses import replace

from retread.bundle import CauseKind
from retread.core import Refused
from retread.loop.proposal import Proposal, trigger_key
from retread.loop.view import TriggerContext, TriggerOptions
from retread.registry.events import DriftDetected

_NAMED = 5


def observe(view: TriggerContext) -> tuple[Proposal, ...]:
    """The newest drift alarm of the version in production; those of older versions are history."""
    found = view.newest_alarm(DriftDetected)
    return (_proposal(view, *found),) if found else ()


def ask(view: TriggerContext, asked: TriggerOptions) -> Proposal:
    """The newest alarm, asked about by a person; Refused where there is none."""
    found = view.newest_alarm(DriftDetected)
    if found is None:
        raise Refused(
            f"No drift was detected in the traffic of version {view.production or 'none'}.",
            "Look with: retread monitor check; to retrain anyway: retread trigger manual",
        )
    place, alarm = found
    return replace(_proposal(view, asked.key or place, alarm), by_hand=True)


def _proposal(view: TriggerContext, place: str, alarm: DriftDetected) -> Proposal:
    named = ", ".join(alarm.streams[:_NAMED])
    more = len(alarm.streams) - _NAMED
    streams = f"{named} and {more} more" if more > 0 else named
    return Proposal(
        kind=CauseKind.DRIFT,
        key=trigger_key(view.model, CauseKind.DRIFT, place, view.data_digest),
        detail=f"{streams} drifted in window {alarm.window} of version {alarm.version}",
        version=alarm.version,
    )
