"""The events of the ledger, and how they are stored.

An event states in the past tense what happened. Events are stored as canonical JSON and hashed
into a chain, so what is stored never changes: a field that was renamed keeps its stored name, and
None is stored as the value that stood for it in the first ledgers.

>>> encode_event(VersionStaged(version=3))
b'{"event":"VersionStaged","metric":"","version":3}'
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from retread.bundle import Cause
from retread.core import Verdict, canonical_json
from retread.core.quarantine import VersionState


class Slot(StrEnum):
    """A role in the server that one model version can fill at a time."""

    PRODUCTION = "production"
    CANARY = "canary"
    SHADOW = "shadow"
    STAGING = "staging"


class TriggerDecision(StrEnum):
    """The arbiter's decision on a trigger; only `cooldown` is decided again later."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    COOLDOWN = "cooldown"
    HELD = "held"
    REFUSED = "refused"


class RetrainingOutcome(StrEnum):
    """How a retraining ended."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    ROLLED_BACK = "rolled-back"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"


class CanaryOutcome(StrEnum):
    """How a canary ended; it fails together with its retraining."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    EXPIRED = "expired"
    FAILED = "failed"


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Base class of all events; the name of the subclass is its tag in the ledger.

    `actor` is who caused it: a user of this machine, the address of a CI run, or a service; empty
    in the first ledgers.
    """

    actor: str = ""


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
    """The gate compared `version` with `production` (None: there was none)."""

    version: int
    production: int | None
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
    """From `generation` on, `slot` serves `version`; `share` is a canary's share of routing keys.

    This is the intent: servers load the bundle and acknowledge. For production it is followed by
    PromotionCompleted or PromotionReverted, and `rollback` tells a rollback from a promotion.
    """

    slot: Slot
    version: int
    bundle: str
    generation: int = msgspec.field(name="epoch")
    share: float = 1.0
    reason: str = ""
    rollback: bool = False


class SlotCleared(Event, frozen=True, kw_only=True):
    """From `generation` on, `slot` is empty."""

    slot: Slot
    generation: int = msgspec.field(name="epoch")
    reason: str = ""


class PromotionCompleted(Event, frozen=True, kw_only=True):
    """All live `servers` acknowledged `generation`; version `previous`, if any, was archived."""

    version: int
    previous: int | None
    generation: int = msgspec.field(name="epoch")
    servers: tuple[str, ...]
    rollback: bool = False


class PromotionReverted(Event, frozen=True, kw_only=True):
    """The promotion of `version` at `generation` was undone.

    Either a server could not load the version, or a person rolled the promotion back.
    """

    version: int
    generation: int = msgspec.field(name="epoch")
    reason: str


# Triggers, retrainings and canaries


class TriggerReceived(Event, frozen=True, kw_only=True):
    """A retraining was requested.

    Attributes:
        trigger: The id of the trigger.
        key: Another trigger with the same key is a duplicate.
        cause: Why it was requested.
        scenario: The scenario to run, empty for the default.
        model_type: The model type to train, empty for the default.
        version: The model version whose traffic raised the trigger, if it was one.
        candidate: The version to deploy; nothing is trained.
        force: Why the candidate may bypass the gate, empty if it may not.
        user_requested: Whether a person requested it explicitly.
    """

    trigger: str
    key: str
    cause: Cause
    scenario: str = ""
    model_type: str = ""
    version: int | None = None
    candidate: int | None = None
    force: str = ""
    user_requested: bool = msgspec.field(default=False, name="by_hand")


class TriggerDecided(Event, frozen=True, kw_only=True):
    """The arbiter decided on a trigger."""

    trigger: str
    decision: TriggerDecision
    reason: str


class RetrainingStarted(Event, frozen=True, kw_only=True):
    """The durable workflow of `trigger` started."""

    trigger: str
    dataset: str
    dataset_version: int


class RetrainingFinished(Event, frozen=True, kw_only=True):
    """The durable workflow of `trigger` ended; `version` is the version it produced, if any."""

    trigger: str
    outcome: RetrainingOutcome
    reason: str
    version: int | None = None


class TrafficPosition(msgspec.Struct, frozen=True):
    """A position in the recorded traffic, in the traffic log's own form."""

    segment: str
    offset: int


class CanaryStarted(Event, frozen=True, kw_only=True):
    """The canary of `version` against `production` started.

    Only traffic after `traffic` is evidence for or against it; the first ledgers do not have it.
    """

    version: int
    production: int
    trigger: str = ""
    traffic: TrafficPosition | None = None


class CanaryJudged(Event, frozen=True, kw_only=True):
    """The canary was judged at the end of a step."""

    version: int
    share: float
    verdict: Verdict


class CanaryFinished(Event, frozen=True, kw_only=True):
    """The canary of `version` ended."""

    version: int
    outcome: CanaryOutcome
    reason: str


# Data


class DatasetVersionAdded(Event, frozen=True, kw_only=True):
    """A dataset version was committed, and released or quarantined."""

    dataset: str
    version: int
    digest: str
    evaluation_digest: str
    state: VersionState
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


AlarmEvent = DriftDetected | DegradationDetected
"""What the monitor detected, and the loop may retrain for."""


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


_STORED_NONE: Mapping[type[Event], tuple[str, ...]] = {
    GateJudged: ("production",),
    PromotionCompleted: ("previous",),
    TriggerReceived: ("version", "candidate"),
    RetrainingFinished: ("version",),
}
"""The version numbers that may be None, by class of event; None is stored as 0."""


_ADDED = ("actor", "traffic")
"""The fields that the first ledgers do not have; without a value they are not stored."""


def encode_event(event: Event) -> bytes:
    """Encode an event as the canonical JSON that is stored and hashed."""
    absent = [name for name in _STORED_NONE.get(type(event), ()) if getattr(event, name) is None]
    stored = replace(event, **dict.fromkeys(absent, 0)) if absent else event
    values = msgspec.to_builtins(stored)
    left_out = {name for name in _ADDED if not values.get(name, True)}
    return canonical_json({name: values[name] for name in values.keys() - left_out})


def decode_event(content: bytes | str) -> LedgerEvent:
    """Decode a stored event; inverse of `encode_event`.

    Raises:
        msgspec.DecodeError: The content is not the JSON of an event.
    """
    event = _decoder.decode(content)
    absent = [name for name in _STORED_NONE.get(type(event), ()) if getattr(event, name) == 0]
    return replace(event, **dict.fromkeys(absent)) if absent else event
