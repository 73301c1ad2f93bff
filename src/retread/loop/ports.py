"""What the loop needs of the rest of the system, and nothing more.

Every method may be called again after a crash and must then come to the same end: that is what
makes a step of the durable workflow safe to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from retread.core import Clock, Verdict
from retread.data.version import DatasetVersion
from retread.loop.canary import PairedEvidence
from retread.loop.outbox import Outbox
from retread.loop.sender import MessageContext
from retread.loop.waiting import WaitPoint
from retread.project import Settings
from retread.registry import Ledger, RegistryState
from retread.registry.events import Slot, TriggerReceived
from retread.training.request import TrainingOutcome, TrainingRequest


class Data(Protocol):
    """Dataset versions."""

    def latest(self) -> DatasetVersion:
        """The newest released version of the dataset that is trained on; NotFound."""
        ...

    def labelled(self) -> int:
        """How many labelled answers in the recorded traffic are not in the data yet."""
        ...

    def collect(self, source: str, at_least: int) -> DatasetVersion | None:
        """Add them as one version with this source; None if there are fewer than `at_least`.
        Once per source: asked again, the version that was made then. Conflict when another
        version was made meanwhile."""
        ...

    def fingerprint(self) -> str:
        """Changes when what [data] source holds may have changed; '' for no source."""
        ...

    def add_source(self) -> DatasetVersion:
        """Make what [data] source holds a version; the latest one if nothing changed. Conflict
        when another version was made meanwhile."""
        ...


class Training(Protocol):
    """Runs."""

    def plan(self, trigger: TriggerReceived, version: DatasetVersion) -> Sequence[TrainingRequest]:
        """The runs of a retraining, with keys of their own; InvalidInput."""
        ...

    def train(self, requests: Sequence[TrainingRequest]) -> Sequence[TrainingOutcome]:
        """Do the runs to their ends, in any order. Once per key."""
        ...


class Models(Protocol):
    """Model versions, stages and slots."""

    def state(self) -> RegistryState: ...

    def register(self, outcome: TrainingOutcome) -> int:
        """The version of the run's bundle. Once per bundle."""
        ...

    def judge(self, version: int) -> Verdict:
        """Put a version before the gate, against the version in production, and record it."""
        ...

    def override(self, version: int, reason: str) -> None: ...

    def stage(self, version: int) -> None: ...

    def assign(self, slot: Slot, version: int, share: float, reason: str) -> None: ...

    def clear(self, slot: Slot, version: int, reason: str) -> None:
        """Empty `slot`, if `version` holds it."""
        ...

    def promote(self, version: int, reason: str) -> None:
        """Into production; Refused, Conflict. Nothing happens if it is there already."""
        ...

    def settle_overdue(self) -> None:
        """End a promotion that was left open for longer than servers may take."""
        ...


class Canary(Protocol):
    """The paired evidence of a canary."""

    def begin(self, version: int, production: int) -> PairedEvidence:
        """None yet; traffic that is recorded from now on counts."""
        ...

    def gather(self, evidence: PairedEvidence, version: int, production: int) -> PairedEvidence:
        """`evidence` and everything recorded and labelled since."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPorts:
    """Everything the loop touches; `model_types` are the names a trigger may ask for."""

    settings: Settings
    clock: Clock
    sender: MessageContext
    ledger: Ledger
    outbox: Outbox
    data: Data
    training: Training
    models: Models
    canary: Canary
    waiting: WaitPoint
    model_types: Callable[[], Sequence[str]]
