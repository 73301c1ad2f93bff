"""The version in production performs worse on labelled traffic than it did at the gate."""

from __future__ import annotations

from retread.bundle import CauseKind
from retread.loop.triggers._alarm import AlarmTrigger
from retread.registry.events import DegradationDetected


def _describe(alarm: DegradationDetected) -> str:
    return (
        f"{alarm.metric} of version {alarm.version} went from {alarm.expected:.3f} to "
        f"{alarm.observed:.3f} on {alarm.labels} labels"
    )


_TRIGGER = AlarmTrigger(
    kind=CauseKind.DEGRADATION,
    event=DegradationDetected,
    describe=_describe,
    missing="No degradation was detected for",
)
evaluate = _TRIGGER.evaluate
request = _TRIGGER.request
