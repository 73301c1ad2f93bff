"""Triggers, retrainings and canaries."""

from __future__ import annotations

from enum import StrEnum

from retread.bundle import Cause
from retread.core import Verdict
from retread.registry.events.event import Event


class TriggerDecision(StrEnum):
    """The arbiter's answers; only `cooldown` is asked again later."""

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
    """How a canary ended; `failed` with its retraining."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled-back"
    EXPIRED = "expired"
    FAILED = "failed"


class TriggerReceived(Event, frozen=True, kw_only=True):
    """Somebody or something asked for retraining; `key` makes it idempotent.

    `version` is the model version whose traffic asked for it, 0 for none. With `candidate` nothing
    is trained: that version goes to the canary, past the gate if `force` gives a reason. `by_hand`
    means that a person asked outright.
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
    """The arbiter's decision on a trigger."""

    trigger: str
    decision: TriggerDecision
    reason: str


class RetrainingStarted(Event, frozen=True, kw_only=True):
    """The durable workflow of `trigger` began."""

    trigger: str
    dataset: str
    dataset_version: int


class RetrainingFinished(Event, frozen=True, kw_only=True):
    """The durable workflow of `trigger` ended."""

    trigger: str
    outcome: RetrainingOutcome
    reason: str
    version: int = 0


class CanaryStarted(Event, frozen=True, kw_only=True):
    """`version` was put to the canary beside `production`."""

    version: int
    production: int
    trigger: str = ""


class CanaryJudged(Event, frozen=True, kw_only=True):
    """The canary's evidence at one step's end."""

    version: int
    share: float
    verdict: Verdict


class CanaryFinished(Event, frozen=True, kw_only=True):
    """The canary of `version` ended."""

    version: int
    outcome: CanaryOutcome
    reason: str
