"""Train a model of tables, and validate it once or after every few boosting rounds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from retread.bundle import Signature
from retread.training.early_stopping import Progress, observe, shortfall, stopping_metrics
from retread.training.evaluation import metrics_of
from retread.training.inputs import graph_inputs, outputs, table_inputs
from retread.training.model_interfaces import (
    ROUNDS_PER_EPOCH,
    Matrix,
    TabularModel,
    TabularModelType,
    checked_model,
    model_type_named,
)
from retread.training.model_types import tabular
from retread.training.recipe import FitResult, Task
from retread.training.request import EpochCallback, EpochFinished
from retread.training.tabular.encoding import check_columns, encoder, stacked
from retread.training.tabular.export import TrainedPipeline, predicted, round_thresholds_down

# With fewer rows, OpenMP threads spend more time waiting for one another than working.
_ROWS_PER_THREAD = 50_000

Outputs = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Features and truth of the two splits that training uses."""

    train: Matrix
    target: Matrix
    validation: Matrix
    truth: Matrix


def fit(task: Task, on_epoch: EpochCallback, *, regression: bool) -> TrainedPipeline:
    """Train a pipeline and keep its best epoch.

    Args:
        on_epoch: Called after each epoch.

    Raises:
        InvalidInput: The model type does not implement its interface, or a column is empty.
    """
    model = _built(task, regression=regression)
    signature = Signature(inputs=table_inputs(task.schema), outputs=outputs(task.labels))
    train = graph_inputs(task.train.rows, signature, None)
    check_columns(signature, train)
    tables = Tables(
        train=stacked(train),
        target=task.train.truth(task.labels),
        validation=stacked(graph_inputs(task.validation.rows, signature, None)),
        truth=task.validation.truth(task.labels),
    )
    pipeline = Pipeline([("encode", encoder(train, model)), ("model", model.estimator)])
    with threadpool_limits(max(1, min(task.threads, task.train.count // _ROWS_PER_THREAD))):
        result = _train(task, pipeline, model, tables, on_epoch, regression)
    return TrainedPipeline(pipeline, signature, result, regression)


def _built(task: Task, *, regression: bool) -> TabularModel:
    name = task.request.model_type
    build = model_type_named(tabular, name, TabularModelType)
    return checked_model(name, build(regression, task.request.seed, task.threads), regression)


def _train(
    task: Task,
    pipeline: Pipeline,
    model: TabularModel,
    tables: Tables,
    on_epoch: EpochCallback,
    regression: bool,
) -> FitResult:
    settings = task.settings.early_stopping
    epochs = task.request.epochs if model.rounds else 1
    started = time.monotonic()
    _fit(pipeline, model, tables, epochs)
    progress, kept = Progress(), dict[str, float]()
    for stage in _stages(pipeline, model, tables.validation, regression):
        metrics = metrics_of(tables.truth, stage)
        loss, accuracy = stopping_metrics(metrics, regression=regression)
        progress = observe(progress, settings, loss, accuracy)
        if progress.is_best:
            kept = metrics
        on_epoch(_epoch(task, model, progress, epochs, metrics, time.monotonic() - started))
        started = time.monotonic()
        if progress.stop:
            break
    if progress.kept is not None and progress.kept != epochs:
        # The first rounds of a longer boosting run are the same as a shorter run.
        _fit(pipeline, model, tables, progress.kept)
    reason = shortfall(progress, settings, regression=regression)
    return FitResult(metrics=kept, epochs=progress.epoch, shortfall=reason, kept=progress.kept)


def _fit(pipeline: Pipeline, model: TabularModel, tables: Tables, epochs: int) -> None:
    if model.rounds:
        pipeline.set_params(**{f"model__{model.rounds}": epochs * ROUNDS_PER_EPOCH})
    pipeline.fit(tables.train, tables.target)
    round_thresholds_down(model.estimator)


def _stages(
    pipeline: Pipeline, model: TabularModel, features: Matrix, regression: bool
) -> Iterator[Outputs]:
    """Yield the predictions after each epoch."""
    if not model.rounds:
        yield predicted(pipeline, features, regression=regression)
        return
    encoded = pipeline[:-1].transform(features)
    estimator = pipeline[-1]
    staged = estimator.staged_predict if regression else estimator.staged_predict_proba
    for rounds, outputs_now in enumerate(staged(encoded), start=1):
        if rounds % ROUNDS_PER_EPOCH == 0:
            stage = np.asarray(outputs_now, dtype=np.float32)
            yield stage.reshape(-1, 1) if regression else stage


def _epoch(
    task: Task,
    model: TabularModel,
    progress: Progress,
    epochs: int,
    metrics: dict[str, float],
    seconds: float,
) -> EpochFinished:
    return EpochFinished(
        key=task.request.key,
        epoch=progress.epoch,
        epochs=epochs,
        metrics=metrics,
        learning_rate=_learning_rate(model, task.request.learning_rate),
        kept=progress.is_best,
        seconds=seconds,
    )


def _learning_rate(model: TabularModel, default: float) -> float:
    # Some estimators of scikit-learn have a schedule's name in this place.
    rate = getattr(model.estimator, "learning_rate", default)
    return float(rate) if isinstance(rate, int | float) else default
