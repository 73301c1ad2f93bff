"""Encode, train, and judge on validation: once, or after every few rounds of boosting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from retread.bundle import Signature
from retread.training.early_stopping import Progress, observe
from retread.training.estimator import ROUNDS_AN_EPOCH, Matrix, Model
from retread.training.evaluation import metrics_of
from retread.training.inputs import graph_inputs, outputs, table_inputs
from retread.training.model_lookup import builder
from retread.training.model_types import tabular
from retread.training.progress import EpochFinished, Report
from retread.training.recipe import Result, Task
from retread.training.tabular.encoding import check_columns, encoder, stacked
from retread.training.tabular.thresholds import hold_in_32_bits
from retread.training.tabular.trained import TrainedPipeline, answers
from retread.training.threshold import judged, shortfall

# Below this many rows, OpenMP threads wait for one another longer than they work.
_ROWS_A_THREAD = 50_000

Outputs = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Features and truth of the two splits that training may see."""

    train: Matrix
    target: Matrix
    validation: Matrix
    truth: Matrix


def fit(task: Task, report: Report, *, regression: bool) -> TrainedPipeline:
    """Train a pipeline and keep its best epoch."""
    build = builder(tabular, task.request.model_type)
    signature = Signature(inputs=table_inputs(task.schema), outputs=outputs(task.labels))
    train = graph_inputs(task.train.rows, signature, None)
    check_columns(signature, train)
    tables = Tables(
        train=stacked(train),
        target=task.train.truth(task.labels),
        validation=stacked(graph_inputs(task.validation.rows, signature, None)),
        truth=task.validation.truth(task.labels),
    )
    model: Model = build(regression, task.request.seed, task.threads)
    pipeline = Pipeline([("encode", encoder(train, model)), ("model", model.estimator)])
    with threadpool_limits(max(1, min(task.threads, task.train.count // _ROWS_A_THREAD))):
        result = _train(task, pipeline, model, tables, report, regression)
    return TrainedPipeline(pipeline, signature, result, regression)


def _train(
    task: Task,
    pipeline: Pipeline,
    model: Model,
    tables: Tables,
    report: Report,
    regression: bool,
) -> Result:
    epochs = task.request.epochs if model.rounds else 1
    started = time.monotonic()
    _fit(pipeline, model, tables, epochs)
    progress, kept = Progress(), dict[str, float]()
    for found in _stages(pipeline, model, tables.validation, regression):
        metrics = metrics_of(tables.truth, found)
        loss, accuracy = judged(metrics, regression=regression)
        progress = observe(progress, task.settings.early_stopping, loss, accuracy)
        if progress.kept == progress.epoch:
            kept = metrics
        report(_epoch(task, model, progress, epochs, metrics, time.monotonic() - started))
        started = time.monotonic()
        if progress.stop:
            break
    if progress.kept != epochs:
        # The first rounds of a longer boosting are the same as a shorter one.
        _fit(pipeline, model, tables, progress.kept)
    reason = shortfall(progress, task.settings.early_stopping, regression=regression)
    return Result(metrics=kept, epochs=progress.epoch, met=progress.met, reason=reason)


def _fit(pipeline: Pipeline, model: Model, tables: Tables, epochs: int) -> None:
    if model.rounds:
        pipeline.set_params(**{f"model__{model.rounds}": epochs * ROUNDS_AN_EPOCH})
    pipeline.fit(tables.train, tables.target)
    hold_in_32_bits(model.estimator)


def _stages(
    pipeline: Pipeline, model: Model, features: Matrix, regression: bool
) -> Iterator[Outputs]:
    """The answers after each epoch."""
    if not model.rounds:
        yield answers(pipeline, features, regression=regression)
        return
    encoded = pipeline[:-1].transform(features)
    estimator = pipeline[-1]
    staged = estimator.staged_predict if regression else estimator.staged_predict_proba
    for place, found in enumerate(staged(encoded), start=1):
        if place % ROUNDS_AN_EPOCH == 0:
            stage = np.asarray(found, dtype=np.float32)
            yield stage.reshape(-1, 1) if regression else stage


def _epoch(
    task: Task,
    model: Model,
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
        learning_rate=float(getattr(model.estimator, "learning_rate", task.request.learning_rate)),
        kept=progress.kept == progress.epoch,
        seconds=seconds,
    )
