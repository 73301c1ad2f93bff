"""Alarms and data."""

from __future__ import annotations

from retread.data.version import VersionState
from retread.registry.events.event import Event


class DatasetVersionAdded(Event, frozen=True, kw_only=True):
    """A dataset version was committed."""

    dataset: str
    version: int
    digest: str
    evaluation_digest: str
    state: VersionState
    source: str


class DatasetVersionReleased(Event, frozen=True, kw_only=True):
    """A person let a version out of quarantine."""

    dataset: str
    version: int
    reason: str


class DriftDetected(Event, frozen=True, kw_only=True):
    """Traffic of `version` is unlike its reference in `streams`.

    `evidence` is the detector's (log of the odds against no change), `effect` the size of the
    change, both by stream; `window` numbers the window since the version began to serve.
    """

    version: int
    detector: str
    window: int
    streams: tuple[str, ...]
    evidence: dict[str, float]
    effect: dict[str, float]
    requests: int


class DegradationDetected(Event, frozen=True, kw_only=True):
    """`metric` of `version` on labelled traffic fell from `expected` to `observed`."""

    version: int
    metric: str
    expected: float
    observed: float
    labels: int
