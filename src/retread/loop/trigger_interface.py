"""The interface of a trigger: the context that it reads and the proposal that it returns.

Each module of `retread.loop.triggers` is one kind of trigger. It defines one of these functions, or
both:

    evaluate(context: TriggerContext) -> tuple[Proposal, ...]
        Return what the loop should start by itself. It runs on every step of the loop; proposals
        with the same key are one trigger, however often they are returned.

    request(context: TriggerContext, options: TriggerOptions) -> Proposal
        Return the proposal for an explicit request: from the command line, the control API or a
        commit hook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Generic, TypeVar

from retread.bundle import CauseKind
from retread.core import short
from retread.core.quarantine import VersionState
from retread.data.traffic_source import is_traffic
from retread.project.settings import TriggersSection
from retread.registry.events import (
    DatasetVersionAdded,
    DatasetVersionReleased,
    DegradationDetected,
    DriftDetected,
)
from retread.registry.ledger import Entry

AlarmT = TypeVar("AlarmT", DriftDetected, DegradationDetected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A retraining that a trigger proposes. Two proposals with the same `key` are the same.

    Attributes:
        kind: Kind of the trigger.
        key: Identity of the proposal; see `trigger_key`.
        detail: Why, for people to read.
        scenario: Scenario to train instead of that of the settings.
        model_type: Model type to train instead of those of the scenario.
        version: Model version whose traffic caused the proposal.
        candidate: Model version to deploy; nothing is trained.
        force_reason: Why the candidate may bypass the gate.
        user_requested: Whether a user requested it explicitly. The cooldown and the daily budget
            do not apply then.
    """

    kind: CauseKind
    key: str
    detail: str
    scenario: str | None = None
    model_type: str | None = None
    version: int | None = None
    candidate: int | None = None
    force_reason: str | None = None
    user_requested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerOptions:
    """The options of an explicit request. An empty value means the default.

    Attributes:
        message: Why, for the record; the commit message for the trigger `commit`.
        key: Identity of the request: two requests with the same key start one retraining.
            Default: a key of the trigger's own.
        scenario: Scenario to train. Default: that of the settings.
        model_type: Model type to train. Default: those of the scenario.
        candidate: Model version to deploy instead of training one.
        force: Why the candidate may bypass the gate.
    """

    message: str | None = None
    key: str | None = None
    scenario: str | None = None
    model_type: str | None = None
    candidate: int | None = None
    force: str | None = None


@dataclass(frozen=True, slots=True)
class IdentifiedAlarm(Generic[AlarmT]):
    """An alarm, with an id that no other alarm of the ledger has.

    The number of its window would not do: windows are numbered from one again whenever a version
    returns to production.
    """

    id: str
    event: AlarmT


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerContext:
    """What a trigger may base its proposal on.

    Attributes:
        model: Name of the project.
        dataset: Dataset that is trained on.
        entries: All entries of the ledger, oldest first.
        production: Model version in production.
        model_types: Names of the model types that the recipe can train.
        policy: The settings [triggers].
        now: Current time, in UTC.
        zone: Time zone of the schedule; None for that of the machine.
    """

    model: str
    dataset: str
    entries: Sequence[Entry]
    production: int | None
    model_types: Sequence[str]
    policy: TriggersSection
    now: datetime
    zone: tzinfo | None = None

    @property
    def newest_data(self) -> DatasetVersionAdded | None:
        """The newest released version of the dataset that did not come from traffic.

        Versions that a retraining made of labelled traffic do not count: each would cause the next
        retraining.
        """
        released: set[int] = set()
        for entry in reversed(self.entries):
            event = entry.event
            match event:
                case DatasetVersionReleased() if event.dataset == self.dataset:
                    released.add(event.version)
                case DatasetVersionAdded() if event.dataset == self.dataset:
                    is_released = event.state == VersionState.RELEASED or event.version in released
                    if is_released and not is_traffic(event.source):
                        return event
                case _:
                    pass
        return None

    @property
    def data_digest(self) -> str | None:
        """The digest of `newest_data`."""
        return self.newest_data.digest if self.newest_data else None

    def newest_alarm(self, kind: type[AlarmT]) -> IdentifiedAlarm[AlarmT] | None:
        """Return the newest alarm of one kind about the version in production."""
        for entry in reversed(self.entries):
            event = entry.event
            if isinstance(event, kind) and event.version == self.production:
                return IdentifiedAlarm(f"v{event.version}-e{entry.sequence}", event)
        return None


def trigger_key(model: str, kind: CauseKind, window: str, data_digest: str | None) -> str:
    """Return the identity of a retraining: there is one per model, kind, window and data.

    Args:
        model: Name of the project.
        kind: Kind of the trigger.
        window: What sets this occasion apart from others of its kind: an alarm, a point in time, a
            key from the user.
        data_digest: Digest of the newest dataset version; None if it makes no difference.

    >>> trigger_key("tires", CauseKind.DRIFT, "v3-e117", "sha256:e3b0c44298fc1c149")
    'tires/drift/v3-e117/e3b0c44298fc'
    """
    return f"{model}/{kind}/{window}/{short(data_digest) if data_digest else 'none'}"
