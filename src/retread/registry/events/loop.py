"""Triggers, retrainings and canaries."""

from __future__ import annotations

from retread.bundle import Cause
from retread.core import Verdict
from retread.registry.events.event import Event


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
    """What the arbiter said: accepted, duplicate, cooldown, held or refused."""

    trigger: str
    decision: str
    reason: str


class RetrainingStarted(Event, frozen=True, kw_only=True):
    """The durable workflow of `trigger` began."""

    trigger: str
    dataset: str
    dataset_version: int


class RetrainingFinished(Event, frozen=True, kw_only=True):
    """How the workflow ended: promoted, refused, rolled-back, inconclusive or failed."""

    trigger: str
    outcome: str
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
    """The canary ended: promoted, rolled-back, expired or, with its retraining, failed."""

    version: int
    outcome: str
    reason: str
