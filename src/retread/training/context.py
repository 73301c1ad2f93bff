"""What a training run works with: the project, its stores, and the port to run tracking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from retread.bundle import BundleStore, Manifest, Parameter
from retread.data.store import DatasetStore
from retread.project import LoadedProject
from retread.training.request import EpochFinished, TrainingOutcome, TrainingRequest


class Tracking(Protocol):
    """Where runs are recorded. A run is found by its request's key, however often it starts."""

    def start(
        self, request: TrainingRequest, parameters: Mapping[str, Parameter], tags: Mapping[str, str]
    ) -> str:
        """Start the run of a request, or resume it, and return its id."""
        ...

    def log_epoch(self, run_id: str, epoch: EpochFinished) -> None:
        """Record an epoch, unless it is already recorded."""
        ...

    def log_model(self, run_id: str, graph: bytes) -> None:
        """Store the ONNX graph as an artifact of the run."""
        ...

    def finish(self, run_id: str, outcome: TrainingOutcome, manifest: Manifest | None) -> None:
        """Close a run that finished; `manifest` is that of its bundle, if it produced one."""
        ...

    def fail(self, run_id: str, reason: str) -> None:
        """Close a run that failed."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingContext:
    """The project, stores and CPU threads of a run."""

    project: LoadedProject
    datasets: DatasetStore
    bundles: BundleStore
    tracking: Tracking
    threads: int
