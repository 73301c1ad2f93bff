"""One training run from beginning to end, in this process."""

from __future__ import annotations

import time
from datetime import datetime
from typing import cast

from retread.bundle import MODEL, Cause, Manifest
from retread.core import Refused
from retread.core.plugins import invalid_plugin
from retread.core.processes import available_memory
from retread.core.quarantine import VersionState
from retread.data.store import DIGEST, ID, LABEL, TIMESTAMP, DatasetStore
from retread.data.traffic_source import traffic_source
from retread.data.version import DatasetVersion, Split
from retread.training.assemble_bundle import Origin, assemble_bundle
from retread.training.catalog import check_optimizer, recipe_named
from retread.training.context import TrainingContext
from retread.training.estimate import check_memory, estimate_of, free_memory
from retread.training.examples import (
    check_labels,
    check_rows,
    ordered_labels,
    read_examples,
    sampled,
)
from retread.training.provenance import commit_of, environment_lock, run_parameters
from retread.training.recipe import Recipe, Task, TrainedModel
from retread.training.refit import refit
from retread.training.request import (
    EpochCallback,
    EpochFinished,
    TrainingOutcome,
    TrainingRequest,
)


def run(
    context: TrainingContext,
    request: TrainingRequest,
    created_at: datetime,
    on_epoch: EpochCallback,
) -> TrainingOutcome:
    """Train a model, and store a bundle if it meets the thresholds.

    Nothing is recorded before the request and the data have been checked.

    Args:
        created_at: Creation time of the bundle.
        on_epoch: Called after each epoch.

    Returns:
        The outcome, with the digest of the bundle or the reason why there is none.

    Raises:
        Refused: The dataset version is in quarantine, the training would take more memory than
            is free, or the exported graph differs from the model.
        InvalidInput: The request does not fit the recipe or the data.
    """
    started = time.monotonic()
    version = released(context.datasets, request)
    if not request.any_size:
        settings = context.project.settings
        estimate = estimate_of(settings, request, version, context.threads)
        check_memory([(request.model_type, estimate)], 1, free_memory(settings, available_memory()))
    recipe, task = prepare(context, request, version)
    commit = commit_of(context.project.root, context.project.home)
    parameters = run_parameters(request, context.project.settings, version)
    tags = {"git_commit": commit.id or "", "git_dirty": str(commit.dirty).lower()}
    run_id = context.tracking.start(request, parameters, tags)

    def record(epoch: EpochFinished) -> None:
        context.tracking.log_epoch(run_id, epoch)
        on_epoch(epoch)

    try:
        trained = recipe.train(task, record)
        _check_trained(context.project.settings.recipe.kind, trained)
        origin = Origin(run_id, created_at, commit, environment_lock(), version, parameters)
        bundle, manifest = store(context, recipe, task, trained, origin)
    except Exception as error:
        context.tracking.fail(run_id, str(error))
        raise
    outcome = TrainingOutcome(
        key=request.key,
        run_id=run_id,
        model_type=request.model_type,
        metrics=trained.result.metrics,
        epochs=trained.result.epochs,
        seconds=time.monotonic() - started,
        bundle=bundle,
        reason=trained.result.shortfall or "",
        notes=trained.result.notes,
        parameters=trained.result.parameters,
    )
    context.tracking.finish(run_id, outcome, manifest)
    return outcome


def released(datasets: DatasetStore, request: TrainingRequest) -> DatasetVersion:
    """Return the dataset version of a request.

    Raises:
        NotFound: There is no such version.
        Refused: The version is in quarantine.
    """
    version = datasets.version(request.dataset, request.dataset_version)
    if version.state is VersionState.QUARANTINED:
        raise Refused(
            f"{version.reference} is in quarantine.",
            f"See why with: retread data show {version.reference}; release it with: "
            f"retread data release {version.reference} --reason TEXT",
        )
    return version


def prepare(
    context: TrainingContext, request: TrainingRequest, version: DatasetVersion
) -> tuple[Recipe, Task]:
    """Look up the recipe, read the data, and check both.

    Raises:
        InvalidInput: The request does not fit the recipe, or the data cannot be trained on.
    """
    settings = context.project.settings
    recipe = recipe_named(settings.recipe.kind)
    check_optimizer(request.optimizer_type)
    recipe.check(request, version.schema)
    window = settings.data.window_days
    train = read_examples(context.datasets, version, Split.TRAIN, window)
    validation = read_examples(context.datasets, version, Split.VALIDATION, window)
    keys = (ID, LABEL, DIGEST, TIMESTAMP)
    evaluation = read_examples(context.datasets, version, Split.EVALUATION, window, keys)
    positive = settings.recipe.positive_label or version.positive_label
    labels = () if recipe.regression else ordered_labels(version.schema.labels, positive)
    check_rows("training", train, labels, window)
    check_rows("validation", validation, labels, window)
    check_rows("evaluation", evaluation, labels, window)
    check_labels(labels, train, "Add examples, or remove that label from the data.")
    train = sampled(train, request.sample, request.seed)
    check_labels(labels, train, f"Use a --sample larger than {request.sample:g}.")
    task = Task(
        request=request,
        settings=settings,
        schema=version.schema,
        labels=labels,
        train=train,
        validation=validation,
        threads=context.threads,
    )
    return recipe, task


def store(
    context: TrainingContext, recipe: Recipe, task: Task, trained: TrainedModel, origin: Origin
) -> tuple[str, Manifest | None]:
    """Store the bundle of a model that meets the thresholds.

    Returns:
        Digest and manifest of the bundle; "" and None if the model misses the thresholds.
    """
    if trained.result.shortfall is not None:
        return "", None
    window = task.settings.data.window_days
    evaluation = read_examples(context.datasets, origin.version, Split.EVALUATION, window)
    earlier = ids_before(context.datasets, origin.version, task.request.cause)
    manifest, files = assemble_bundle(task, trained, evaluation, origin, earlier)
    if task.settings.training.refit:
        manifest, files = refit(recipe, task, trained, evaluation, (manifest, files))
    digest = context.bundles.put(manifest, files)
    context.tracking.log_model(origin.run_id, files[MODEL])
    return digest, manifest


def ids_before(datasets: DatasetStore, version: DatasetVersion, cause: Cause) -> list[str]:
    """Return the ids of the rows in a version before this cause added traffic to it.

    The list is empty if the cause added none.
    """
    if version.source != traffic_source(cause.trigger):
        return []
    earlier = [
        other
        for other in datasets.versions(version.dataset)
        if other.number < version.number and other.state is VersionState.RELEASED
    ]
    if not earlier:
        return []
    return cast("list[str]", datasets.read(earlier[-1], columns=[ID])[ID].to_pylist())


def _check_trained(recipe: str, trained: TrainedModel) -> None:
    members = ("result", "signature", "image", "export", "outputs")
    missing = [member for member in members if not hasattr(trained, member)]
    if missing:
        problem = (
            f"train() returned an object of type {type(trained).__name__}, which does not define "
            f"{', '.join(missing)}"
        )
        raise invalid_plugin("recipe", recipe, "retread.training.TrainedModel", problem)
