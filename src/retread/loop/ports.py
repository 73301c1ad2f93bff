"""What the loop needs from the rest of the system.

Every method may be called again after a crash and must then come to the same result. That is what
makes a step of the durable workflow safe to repeat.

`retread.registry.Registry` is a `RegistryPort` and `retread.registry.Promoter` a `PromoterPort`;
the other ports have adapters in `retread.app`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from retread.core import Clock, Verdict
from retread.data.version import DatasetVersion
from retread.loop.canary import PairedEvidence
from retread.loop.messages import MessageContext
from retread.loop.outbox import Outbox
from retread.loop.wait_point import WaitPoint
from retread.project import Settings
from retread.registry import Ledger, ModelVersion, RegistryState
from retread.registry.events import Event, Slot, TriggerReceived
from retread.serving.traffic import Cursor
from retread.training.request import TrainingOutcome, TrainingRequest


class TrafficMonitor(Protocol):
    """Watches the recorded traffic."""

    def step(self) -> Sequence[Event]:
        """Read new traffic once, append what was detected to the ledger, and return it."""
        ...


class DataPort(Protocol):
    """The versions of the dataset that is trained on."""

    def latest(self) -> DatasetVersion:
        """Return the newest released version.

        Raises:
            NotFound: There is none.
        """
        ...

    def labelled(self) -> int:
        """Return how many labelled requests of the recorded traffic are not in the data yet."""
        ...

    def collect(self, source: str, at_least: int) -> DatasetVersion | None:
        """Add the labelled requests as one version, once per `source`.

        Args:
            source: Source of the new version. If a version has it already, that version is
                returned.
            at_least: Number of labelled requests that make a version.

        Returns:
            The version; None if there are too few labelled requests.

        Raises:
            Conflict: Another version was committed meanwhile.
        """
        ...

    def fingerprint(self) -> str | None:
        """Return a value that changes when [data] source may have changed; None without one."""
        ...

    def add_source(self) -> DatasetVersion:
        """Add the content of [data] source as a version.

        Returns:
            The new version, or the latest one if nothing changed.

        Raises:
            Conflict: Another version was committed meanwhile.
            Unavailable: The source cannot be read now.
        """
        ...


class TrainingPort(Protocol):
    """Plans and executes training runs."""

    def plan(self, trigger: TriggerReceived, version: DatasetVersion) -> Sequence[TrainingRequest]:
        """Return the runs of a retraining, each with a key of its own.

        Raises:
            InvalidInput: The settings or the trigger name a run that cannot be planned.
        """
        ...

    def train(self, requests: Sequence[TrainingRequest]) -> Sequence[TrainingOutcome]:
        """Execute the runs, once per key, and return their outcomes in the same order."""
        ...


class RegistryPort(Protocol):
    """The registered model versions."""

    def state(self) -> RegistryState:
        """Return versions, stages and slots as they are now."""
        ...

    def register(self, bundle: str, run_id: str, /) -> ModelVersion:
        """Register the bundle of a run, once, and return its version."""
        ...

    def override(self, version: int, reason: str, /) -> None:
        """Let a version bypass the gate until production changes."""
        ...


class PromoterPort(Protocol):
    """Moves versions between stages and slots.

    Each method waits until every live server has acknowledged the change, and raises Refused if one
    could not make it.
    """

    def stage(self, version: int, /) -> object:
        """Move a version to Staging."""
        ...

    def assign(self, slot: Slot, version: int, share: float, /, *, reason: str) -> object:
        """Put a version into a slot, with a share of the traffic."""
        ...

    def clear(self, slot: Slot, /, *, holder: int, reason: str) -> None:
        """Empty a slot if version `holder` is in it."""
        ...

    def promote(self, version: int, /, *, reason: str) -> object:
        """Move a version to Production.

        Raises:
            Refused: The gate did not pass it, or a server could not load it.
            Conflict: Another promotion is in progress, or was faster.
        """
        ...

    def recover(self) -> object:
        """Complete or revert a promotion whose promoter ended before it did.

        Raises:
            Refused: It was reverted.
        """
        ...

    def settle_overdue(self) -> None:
        """Complete or revert an open promotion once the servers are late."""
        ...


class CanaryPort(Protocol):
    """Collects the evidence for and against a canary from recorded traffic and labels."""

    def end_of_traffic(self) -> Cursor:
        """Return the position after everything that is recorded now."""
        ...

    def begin(self, version: int, production: int, start: Cursor) -> PairedEvidence:
        """Return empty evidence; only traffic recorded after `start` counts."""
        ...

    def gather(self, evidence: PairedEvidence, version: int, production: int) -> PairedEvidence:
        """Return `evidence` together with everything recorded and labelled since."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPorts:
    """Everything that the loop reads and changes.

    Attributes:
        settings: Settings of the project.
        clock: Tells the time.
        ledger: Where everything is recorded.
        outbox: Where notifications are queued.
        message_context: What every notification mentions.
        data: The dataset that is trained on.
        training: Plans and executes runs.
        registry: The model versions.
        promoter: Moves versions between stages and slots.
        judge: Puts a version before the gate, against production, and records the verdict.
        canary: Collects the evidence of a canary.
        wait_point: Where the retraining waits for traffic or labels.
        model_types: Returns the names of the model types that a trigger may name.
    """

    settings: Settings
    clock: Clock
    ledger: Ledger
    outbox: Outbox
    message_context: MessageContext
    data: DataPort
    training: TrainingPort
    registry: RegistryPort
    promoter: PromoterPort
    judge: Callable[[int], Verdict]
    canary: CanaryPort
    wait_point: WaitPoint
    model_types: Callable[[], Sequence[str]]
