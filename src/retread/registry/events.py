"""The events of the ledger, and how they are stored.

An event states in the past tense what happened. Events are stored as canonical JSON and hashed
into a chain, so the stored names of events and of their fields never change.

>>> encode_event(VersionStaged(version=3))
b'{"event":"VersionStaged","metric":"","version":3}'
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from retread.bundle import Cause
from retread.core import Verdict, canonical_json


class Slot(StrEnum):
    """A role in the server that one model version can fill at a time."""

    PRODUCTION = "production"
    CANARY = "canary"
    SHADOW = "shadow"
    STAGING = "staging"


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Base class of all events; the name of the subclass is its tag in the ledger."""


# Model versions


class VersionRegistered(Event, frozen=True, kw_only=True):
    """A bundle was registered as model version `version`, in stage None.

    `validation` holds its metrics on the validation split, `metrics` those on the evaluation
    split.
    """

    version: int
    bundle: str
    run_id: str
    model_type: str
    dataset: str
    dataset_version: int
    validation: dict[str, float]
    metrics: dict[str, float]
    cause: Cause


class GateJudged(Event, frozen=True, kw_only=True):
    """The gate compared `version` with `production` (0: there was none)."""

    version: int
    production: int
    evaluation_digest: str
    verdict: Verdict


class GateOverridden(Event, frozen=True, kw_only=True):
    """A person allowed `version` to serve although the gate did not pass it."""

    version: int
    reason: str


class VersionStaged(Event, frozen=True, kw_only=True):
    """`version` moved to Staging; the version that was there moved back to None.

    `metric` is the metric it was chosen by, empty if it was chosen by number.
    """

    version: int
    metric: str = ""


class VersionArchived(Event, frozen=True, kw_only=True):
    """`version` was archived: it serves again only if it is requested by number."""

    version: int
    reason: str


# Slots and promotions


class SlotAssigned(Event, frozen=True, kw_only=True):
    """From `epoch` on, `slot` serves `version`; `share` is a canary's share of routing keys.

    This is the intent: servers load the bundle and acknowledge. For production it is followed by
    PromotionCompleted or PromotionReverted, and `rollback` tells a rollback from a promotion.
    """

    slot: Slot
    version: int
    bundle: str
    epoch: int
    share: float = 1.0
    reason: str = ""
    rollback: bool = False


class SlotCleared(Event, frozen=True, kw_only=True):
    """From `epoch` on, `slot` is empty."""

    slot: Slot
    epoch: int
    reason: str = ""


class PromotionCompleted(Event, frozen=True, kw_only=True):
    """All live `servers` acknowledged `epoch`; version `previous` (0: none) was archived."""

    version: int
    previous: int
    epoch: int
    servers: tuple[str, ...]
    rollback: bool = False


class PromotionReverted(Event, frozen=True, kw_only=True):
    """The promotion of `version` at `epoch` was undone.

    Either a server could not load the version, or a person rolled the promotion back.
    """

    version: int
    epoch: int
    reason: str


# Triggers, retrainings and canaries


class TriggerReceived(Event, frozen=True, kw_only=True):
    """A retraining was requested; a request with a known `key` is a duplicate.

    `version` is the model version whose traffic raised the trigger, 0 if none did. With
    `candidate` nothing is trained: that version starts its canary, past the gate if `force` holds
    a reason. `by_hand` marks the explicit request of a person.
    """

    trigger: str
    key: str
    cause: Cause
    scenario: str = ""
    model_type: str = ""
    version: int = 0
    candidate: int = 0
    force: str = ""
    by_hand: bool = False


class TriggerDecided(Event, frozen=True, kw_only=True):
    """The arbiter decided on a trigger: accepted, duplicate, cooldown, held or refused."""

    trigger: str
    decision: str
    reason: str


class RetrainingStarted(Event, frozen=True, kw_only=True):
    """The durable workflow of `trigger` started."""

    trigger: str
    dataset: str
    dataset_version: int


class RetrainingFinished(Event, frozen=True, kw_only=True):
    """The workflow ended: promoted, refused, rolled-back, inconclusive or failed."""

    trigger: str
    outcome: str
    reason: str
    version: int = 0


class CanaryStarted(Event, frozen=True, kw_only=True):
    """The canary of `version` against `production` started."""

    version: int
    production: int
    trigger: str = ""


class CanaryJudged(Event, frozen=True, kw_only=True):
    """The canary was judged at the end of a step."""

    version: int
    share: float
    verdict: Verdict


class CanaryFinished(Event, frozen=True, kw_only=True):
    """The canary ended: promoted, rolled-back, expired or, with its retraining, failed."""

    version: int
    outcome: str
    reason: str


# Data


class DatasetVersionAdded(Event, frozen=True, kw_only=True):
    """A dataset version was committed; `state` is released or quarantined."""

    dataset: str
    version: int
    digest: str
    evaluation_digest: str
    state: str
    source: str


class DatasetVersionReleased(Event, frozen=True, kw_only=True):
    """A person released a dataset version from quarantine."""

    dataset: str
    version: int
    reason: str


# Alarms


class DriftDetected(Event, frozen=True, kw_only=True):
    """Traffic of `version` differs from its reference in `streams`.

    `evidence` (log-odds against no change) and `effect` (size of the change) are given per
    stream; `window` counts the windows since the version was promoted.
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


LedgerEvent = (
    VersionRegistered
    | GateJudged
    | GateOverridden
    | VersionStaged
    | VersionArchived
    | SlotAssigned
    | SlotCleared
    | PromotionCompleted
    | PromotionReverted
    | TriggerReceived
    | TriggerDecided
    | RetrainingStarted
    | RetrainingFinished
    | CanaryStarted
    | CanaryJudged
    | CanaryFinished
    | DatasetVersionAdded
    | DatasetVersionReleased
    | DriftDetected
    | DegradationDetected
)

_decoder: msgspec.json.Decoder[LedgerEvent] = msgspec.json.Decoder(LedgerEvent)


def encode_event(event: Event) -> bytes:
    """Encode an event as the canonical JSON that is stored and hashed."""
    return canonical_json(event)


def decode_event(content: bytes | str) -> LedgerEvent:
    """Decode a stored event; inverse of `encode_event`.

    Raises:
        msgspec.DecodeError: The content is not the JSON of an event.
    """
    return _decoder.decode(content)
