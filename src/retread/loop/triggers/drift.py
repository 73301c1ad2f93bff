"""The traffic of the version in production has drifted from its training data."""

from __future__ import annotations

from retread.bundle import CauseKind
from retread.core.listed import listed
from retread.loop.triggers._alarm import AlarmTrigger
from retread.registry.events import DriftDetected

_NAMED_STREAMS = 5


def _describe(alarm: DriftDetected) -> str:
    streams = listed(alarm.streams, _NAMED_STREAMS)
    return f"{streams} drifted in window {alarm.window} of version {alarm.version}"


_TRIGGER = AlarmTrigger(
    kind=CauseKind.DRIFT,
    event=DriftDetected,
    describe=_describe,
    missing="No drift was detected in the traffic of",
)
evaluate = _TRIGGER.evaluate
request = _TRIGGER.request
