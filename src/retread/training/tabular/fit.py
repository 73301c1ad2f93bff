"""Train a model of tables, and validate it once or after every few boosting rounds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from retread.bundle import Datatype, Signature
from retread.core.plugins import code_of_user
from retread.training.early_stopping import Progress, observe, shortfall, stopping_metrics
from retread.training.evaluation import metrics_of
from retread.training.examples import Truth
from retread.training.inputs import graph_inputs, outputs, table_inputs
from retread.training.model_interfaces import (
    TabularModel,
    TabularModelType,
    checked_model,
    model_type_named,
)
from retread.training.model_types import tabular
from retread.training.recipe import FitResult, Task
from retread.training.request import EpochCallback, EpochFinished
from retread.training.tabular.encoding import encoding_of, number_datatype
from retread.training.tabular.export import TrainedTable, predicted
from retread.training.tabular.precision import Singles, TargetScaling, target_scaling_of
from retread.training.tabular.ties import with_ties
from retread.training.tabular.trees import BOOSTERS
from retread.training.tree_sizes import ROUNDS_PER_EPOCH, most_leaves

# With fewer rows, OpenMP threads spend more time waiting for one another than working.
_ROWS_PER_THREAD = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Encoded features and targets of the two splits that training uses."""

    train: Singles
    target: npt.NDArray[Any]
    validation: Singles
    truth: Truth


def fit(task: Task, on_epoch: EpochCallback, *, regression: bool) -> TrainedTable:
    """Train a model and keep its best epoch.

    Args:
        on_epoch: Called after each epoch.

    Raises:
        InvalidInput: The model type does not implement its interface, or a column is empty.
    """
    model = _built(task, regression=regression)
    truth = task.train.truth(task.labels)
    target = target_scaling_of(truth.astype(np.float64)) if regression else TargetScaling()
    numbers = number_datatype(task.schema, task.train.rows)
    value = Datatype.FP64 if target.wide else Datatype.FP32
    signature = Signature(
        inputs=table_inputs(task.schema, numbers), outputs=outputs(task.labels, value=value)
    )
    train = graph_inputs(task.train.rows, signature, None)
    encoding = encoding_of(
        signature,
        train,
        handles_missing=model.handles_missing,
        max_categories=task.settings.training.max_categories,
    )
    tables = Tables(
        train=encoding.encode(train),
        target=target.scaled(truth.astype(np.float64)) if regression else truth,
        validation=encoding.encode(graph_inputs(task.validation.rows, signature, None)),
        truth=task.validation.truth(task.labels),
    )
    del train
    _bound_leaves(model, task)
    with threadpool_limits(max(1, min(task.threads, task.train.count // _ROWS_PER_THREAD))):
        result = _train(task, model, tables, target, on_epoch)
    result = replace(result, notes=encoding.notes)
    return TrainedTable(encoding, model.estimator, target, signature, result)


def _built(task: Task, *, regression: bool) -> TabularModel:
    name = task.request.model_type
    build = model_type_named(tabular, name, TabularModelType)
    with code_of_user("model type", name, "retread.training.TabularModelType"):
        built = build(regression, task.request.seed, task.threads)
    return checked_model(name, built, regression)


def _bound_leaves(model: TabularModel, task: Task) -> None:
    if model.leaves is None:
        return
    most = most_leaves(model.estimator.get_params()["n_estimators"], len(task.labels))
    # Below, the limit cannot be reached: without it, the trees of small tables stay as they were.
    if task.train.count > most:
        model.estimator.set_params(**{model.leaves: most})


def _train(
    task: Task,
    model: TabularModel,
    tables: Tables,
    target: TargetScaling,
    on_epoch: EpochCallback,
) -> FitResult:
    settings = task.settings.early_stopping
    regression = not task.labels
    epochs = task.request.epochs if model.rounds else 1
    started = time.monotonic()
    _fit(model, tables, epochs)
    progress, kept = Progress(), dict[str, float]()
    for stage in _stages(model, tables.validation, target):
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
        _keep_rounds(model, tables, progress.kept)
    reason = shortfall(progress, settings, regression=regression)
    return FitResult(metrics=kept, epochs=progress.epoch, shortfall=reason, kept=progress.kept)


def _fit(model: TabularModel, tables: Tables, epochs: int) -> None:
    if model.rounds:
        model.estimator.set_params(**{model.rounds: epochs * ROUNDS_PER_EPOCH})
    model.estimator.fit(tables.train, tables.target)


def _keep_rounds(model: TabularModel, tables: Tables, epochs: int) -> None:
    """Reduce a boosted model to its first rounds, which are the same as those of a shorter run."""
    if type(model.estimator) in BOOSTERS:
        model.estimator._predictors = model.estimator._predictors[: epochs * ROUNDS_PER_EPOCH]
    else:
        _fit(model, tables, epochs)


def _stages(
    model: TabularModel, features: Singles, target: TargetScaling
) -> Iterator[npt.NDArray[Any]]:
    """Yield the predictions after each epoch."""
    estimator = model.estimator
    if not model.rounds:
        yield predicted(estimator, features, target)
        return
    classifies = hasattr(estimator, "staged_predict_proba")
    staged = estimator.staged_predict_proba if classifies else estimator.staged_predict
    for rounds, now in enumerate(staged(features), start=1):
        if rounds % ROUNDS_PER_EPOCH == 0:
            single = np.asarray(now, dtype=np.float32)
            yield with_ties(single) if classifies else target.restored(now)


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
