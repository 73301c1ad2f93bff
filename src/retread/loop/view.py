"""What the triggers look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from retread.data.traffic_source import is_traffic
from retread.data.version import VersionState
from retread.project.settings import TriggersSection
from retread.registry.events import (
    DatasetVersionAdded,
    DatasetVersionReleased,
    DegradationDetected,
    DriftDetected,
)
from retread.registry.ledger import Entry

Alarm = TypeVar("Alarm", DriftDetected, DegradationDetected)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerContext:
    """One look at the project: everything recorded, and what time it is.

    `production` is the version that serves (0: none); `dataset` the one that is trained on.
    """

    model: str
    dataset: str
    entries: Sequence[Entry]
    production: int
    model_types: Sequence[str]
    policy: TriggersSection
    now: datetime

    @property
    def newest_data(self) -> DatasetVersionAdded | None:
        """The newest released version that came from outside; the loop's own do not count, or
        what a retraining collects would ask for the next one."""
        let_out: set[int] = set()
        for entry in reversed(self.entries):
            event = entry.event
            match event:
                case DatasetVersionReleased() if event.dataset == self.dataset:
                    let_out.add(event.version)
                case DatasetVersionAdded() if event.dataset == self.dataset:
                    is_released = event.state is VersionState.RELEASED or event.version in let_out
                    if is_released and not is_traffic(event.source):
                        return event
                case _:
                    pass
        return None

    def newest_alarm(self, kind: type[Alarm]) -> tuple[str, Alarm] | None:
        """The newest alarm about the version in production, and what tells it from every other:
        windows are numbered anew whenever a version comes into production again."""
        for entry in reversed(self.entries):
            event = entry.event
            if isinstance(event, kind) and event.version == self.production:
                return f"v{event.version}-e{entry.sequence}", event
        return None

    @property
    def data_digest(self) -> str:
        newest = self.newest_data
        return newest.digest if newest else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerOptions:
    """What a person, a commit or a call says when asking outright.

    `key` makes asking twice the same as once; '' takes the one of the trigger's own kind.
    `candidate` is a version to deploy instead of training one, `force` why past the gate.
    """

    message: str = ""
    key: str = ""
    scenario: str = ""
    model_type: str = ""
    candidate: int = 0
    force: str = ""
