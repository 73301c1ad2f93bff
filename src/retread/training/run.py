"""One run from beginning to end, in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from retread.bundle import MODEL, BundleStore, Cause, Manifest, Parameter
from retread.core import Refused
from retread.data.store import DIGEST, ID, LABEL, TIMESTAMP, DatasetStore
from retread.data.traffic_source import traffic_source
from retread.data.version import DatasetVersion, Split, VersionState
from retread.project import LoadedProject
from retread.training.assemble import Origin, assemble
from retread.training.catalog import check_optimizer, recipe_named
from retread.training.examples import read_examples, sampled
from retread.training.labels import check_labels, check_rows, ordered_labels
from retread.training.parameters import run_parameters
from retread.training.progress import EpochFinished, Report
from retread.training.provenance import commit_of, environment_lock
from retread.training.recipe import Recipe, Task, Trained
from retread.training.request import TrainingOutcome, TrainingRequest


class Tracking(Protocol):
    """Where runs are recorded. A run is found by its request's key, however often it starts."""

    def start(
        self, request: TrainingRequest, parameters: Mapping[str, Parameter], tags: Mapping[str, str]
    ) -> str:
        """Begin the run, or the same one again; its id."""
        ...

    def epoch(self, run_id: str, epoch: EpochFinished) -> None:
        """Record an epoch; one that was recorded before stays as it is."""
        ...

    def finish(self, run_id: str, outcome: TrainingOutcome, manifest: Manifest | None) -> None:
        """The run ended, with a bundle or with the reason it left none."""
        ...

    def model(self, run_id: str, graph: bytes) -> None:
        """Keep the run's graph as an artifact."""
        ...

    def fail(self, run_id: str, reason: str) -> None:
        """The run could not go on."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingContext:
    """Everything a run works with."""

    project: LoadedProject
    datasets: DatasetStore
    bundles: BundleStore
    tracking: Tracking
    threads: int


def run(
    shop: TrainingContext, request: TrainingRequest, created_at: str, report: Report
) -> TrainingOutcome:
    """Train, and store a bundle if the threshold was met; raises what a person can act on.

    Nothing is recorded before request and data have been checked.
    """
    started = time.monotonic()
    version = released(shop.datasets, request)
    recipe, task = prepare(shop, request, version)
    commit = commit_of(shop.project.root, shop.project.home)
    parameters = run_parameters(request, shop.project.settings, version)
    tags = {"git_commit": commit.id, "git_dirty": str(commit.dirty).lower()}
    run_id = shop.tracking.start(request, parameters, tags)

    def on_epoch(epoch: EpochFinished) -> None:
        shop.tracking.epoch(run_id, epoch)
        report(epoch)

    try:
        trained = recipe.train(task, on_epoch)
        origin = Origin(run_id, created_at, commit, environment_lock(), version, parameters)
        bundle, manifest = store(shop, task, trained, origin)
    except Exception as error:
        shop.tracking.fail(run_id, str(error))
        raise
    outcome = TrainingOutcome(
        key=request.key,
        run_id=run_id,
        model_type=request.model_type,
        metrics=trained.result.metrics,
        epochs=trained.result.epochs,
        seconds=time.monotonic() - started,
        bundle=bundle,
        reason=trained.result.reason,
    )
    shop.tracking.finish(run_id, outcome, manifest)
    return outcome


def released(datasets: DatasetStore, request: TrainingRequest) -> DatasetVersion:
    """The version that is asked for; Refused while it is in quarantine."""
    version = datasets.version(request.dataset, request.dataset_version)
    if version.state is VersionState.QUARANTINED:
        raise Refused(
            f"{version.reference} is in quarantine.",
            f"See why with: retread data show {version.reference}; let it out with: "
            f"retread data release {version.reference}",
        )
    return version


def prepare(
    shop: TrainingContext, request: TrainingRequest, version: DatasetVersion
) -> tuple[Recipe, Task]:
    """The recipe and what it may look at, both checked."""
    settings = shop.project.settings
    recipe = recipe_named(settings.recipe.kind)
    check_optimizer(request.optimizer_type)
    recipe.check(request, version.schema)
    window = settings.data.window_days
    train = read_examples(shop.datasets, version, Split.TRAIN, window)
    validation = read_examples(shop.datasets, version, Split.VALIDATION, window)
    positive = settings.recipe.positive_label
    labels = () if recipe.regression else ordered_labels(version.schema.labels, positive)
    keys = (ID, LABEL, DIGEST, TIMESTAMP)
    evaluation = read_examples(shop.datasets, version, Split.EVALUATION, window, keys)
    for name, examples in (
        ("training", train),
        ("validation", validation),
        ("evaluation", evaluation),
    ):
        check_rows(name, examples, labels)
    check_labels(labels, train, "Add examples, or remove that label from the data.")
    train = sampled(train, request.sample, request.seed)
    check_labels(labels, train, f"Take a larger --sample than {request.sample:g}.")
    task = Task(
        request=request,
        settings=settings,
        schema=version.schema,
        labels=labels,
        train=train,
        validation=validation,
        threads=shop.threads,
    )
    return recipe, task


def store(
    shop: TrainingContext, task: Task, trained: Trained, origin: Origin
) -> tuple[str, Manifest | None]:
    """Store the bundle of a model that met the threshold; its digest, '' if it did not."""
    if not trained.result.met:
        return "", None
    window = task.settings.data.window_days
    evaluation = read_examples(shop.datasets, origin.version, Split.EVALUATION, window)
    before = ids_before(shop.datasets, origin.version, task.request.cause)
    manifest, files = assemble(task, trained, evaluation, origin, before)
    digest = shop.bundles.put(manifest, files)
    shop.tracking.model(origin.run_id, files[MODEL])
    return digest, manifest


def ids_before(datasets: DatasetStore, version: DatasetVersion, cause: Cause) -> list[str]:
    """Ids of the rows that the version had before this cause added traffic; none if it did not."""
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
