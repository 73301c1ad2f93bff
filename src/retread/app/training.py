"""Train, and register the runs that met the threshold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from retread.bundle import Cause
from retread.core import new_id
from retread.core.processes import available_memory
from retread.training import (
    EpochCallback,
    Estimate,
    Overrides,
    TrainingOutcome,
    TrainingRequest,
    check_memory,
    estimate_of,
    free_memory,
    plan_runs,
    train_scenario,
)

if TYPE_CHECKING:
    from retread.app.workspace import Workspace


class TrainedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run and the model version it became; None if it left no bundle."""

    outcome: TrainingOutcome
    version: int | None


def plan_training(
    workspace: Workspace,
    overrides: Overrides,
    dataset: str | None = None,
    dataset_version: int | None = None,
    *,
    cause: str,
) -> tuple[TrainingRequest, ...]:
    """Check everything that can be checked before training starts.

    Args:
        workspace: The project.
        overrides: What differs from the project's settings.
        dataset: Name of the dataset; None takes `[data] dataset`.
        dataset_version: Its number; None takes the latest that is not in quarantine.
        cause: What is recorded as the reason of the training.

    Raises:
        NotFound: There is no such dataset version.
        UnknownOption: There is no such scenario, model type or optimizer.
        InvalidInput: An option is out of range or does not apply to the recipe.
    """
    name = dataset or workspace.settings.data.dataset
    version = workspace.datasets.version(name, dataset_version)
    return plan_runs(workspace.settings, overrides, Cause(detail=cause), version, new_id("train"))


def estimates(
    workspace: Workspace, requests: Sequence[TrainingRequest]
) -> tuple[tuple[str, Estimate], ...]:
    """Return the model type of each run, and what the run will take."""
    threads = len(os.sched_getaffinity(0))
    return tuple(
        (request.model_type, estimate_of(workspace.settings, request, version, threads))
        for request in requests
        for version in (workspace.datasets.version(request.dataset, request.dataset_version),)
    )


def check_size(workspace: Workspace, found: Sequence[tuple[str, Estimate]]) -> None:
    """Check that runs fit the memory that is free on this machine.

    Raises:
        Refused: They take more.
    """
    free = free_memory(workspace.settings, available_memory())
    check_memory(found, workspace.settings.compute.parallel_runs, free)


def train_and_register(
    workspace: Workspace,
    requests: Sequence[TrainingRequest],
    on_epoch: EpochCallback = lambda _: None,
) -> tuple[TrainedRun, ...]:
    """Train planned runs side by side and register those that met the threshold.

    Returns:
        One result per request, in their order. A run that failed is a result without a version.
    """
    outcomes = train_scenario(
        workspace.compute, requests, workspace.settings.compute.parallel_runs, on_epoch
    )
    return tuple(
        TrainedRun(outcome=outcome, version=_registered(workspace, outcome)) for outcome in outcomes
    )


def _registered(workspace: Workspace, outcome: TrainingOutcome) -> int | None:
    if not outcome.bundle:
        return None
    return workspace.registry.register(outcome.bundle, run_id=outcome.run_id).version
