"""Train a model of tables, and validate it once or after every few boosting rounds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from retread.bundle import Datatype, Parameter, Signature
from retread.core.plugins import code_of_user
from retread.training.early_stopping import (
    Progress,
    observe,
    shortfall,
    stopped_note,
    stopping_metrics,
)
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
from retread.training.request import (
    EpochCallback,
    EpochFinished,
    StopTraining,
    TrainingRequest,
)
from retread.training.tabular.encoding import encoding_of, number_datatype
from retread.training.tabular.export import TrainedTable, predicted
from retread.training.tabular.precision import Singles, TargetScaling, target_scaling_of
from retread.training.tabular.ties import with_ties
from retread.training.tabular.trees import BOOSTERS, FORESTS
from retread.training.tree_sizes import ROUNDS_PER_EPOCH, most_leaves

_NOT_OF_THE_MODEL = ("n_jobs", "random_state", "verbose", "warm_start")

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
    model = built(task.request, task.threads, regression=regression)
    truth = task.train.truth(task.labels)
    target = target_scaling_of(truth.astype(np.float64)) if regression else TargetScaling()
    numbers = number_datatype(task.schema, task.train.rows)
    value = Datatype.FP64 if target.wide else Datatype.FP32
    signature = Signature(
        inputs=table_inputs(task.schema, numbers), outputs=outputs(task.labels, value=value)
    )
    train = graph_inputs(task.train.rows, signature, None)
    goal = target.scaled(truth.astype(np.float64)) if regression else truth
    encoding, features = encoding_of(
        signature,
        train,
        goal,
        handles_missing=model.handles_missing,
        max_categories=task.settings.training.max_categories,
        seed=task.request.seed,
    )
    tables = Tables(
        train=features,
        target=goal,
        validation=encoding.encode(graph_inputs(task.validation.rows, signature, None)),
        truth=task.validation.truth(task.labels),
    )
    del train
    _bound_leaves(model, task)
    with threadpool_limits(max(1, min(task.threads, task.train.count // _ROWS_PER_THREAD))):
        result = _train(task, model, tables, target, on_epoch)
    notes = (*result.notes, *encoding.notes)
    result = replace(result, notes=notes, parameters=_parameters(model.estimator))
    return TrainedTable(encoding, model.estimator, target, signature, result)


def built(request: TrainingRequest, threads: int, *, regression: bool) -> TabularModel:
    """Build the untrained model of a request.

    Raises:
        InvalidInput: The model type does not implement its interface.
    """
    build = model_type_named(tabular, request.model_type, TabularModelType)
    with code_of_user("model type", request.model_type, "retread.training.TabularModelType"):
        model = build(regression, request.seed, threads)
    return checked_model(request.model_type, model, regression)


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
    progress, kept, notes = Progress(), dict[str, float](), tuple[str, ...]()
    for stage in _stages(model, tables.validation, target):
        metrics = metrics_of(tables.truth, stage)
        loss, accuracy = stopping_metrics(metrics, regression=regression)
        progress = observe(progress, settings, loss, accuracy)
        if progress.is_best:
            kept = metrics
        try:
            on_epoch(_epoch(task, model, progress, epochs, metrics, time.monotonic() - started))
        except StopTraining:
            notes = (stopped_note(progress.epoch, epochs),)
            break
        started = time.monotonic()
        if progress.stop:
            break
    if progress.kept is not None and progress.kept != epochs:
        _keep_rounds(model, tables, progress.kept)
    reason = shortfall(progress, settings, regression=regression)
    return FitResult(
        metrics=kept, epochs=progress.epoch, shortfall=reason, notes=notes, kept=progress.kept
    )


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
        learning_rate=_learning_rate(model.estimator),
        kept=progress.is_best,
        seconds=seconds,
    )


def _learning_rate(estimator: Any) -> float | None:
    # Some estimators of scikit-learn have a schedule's name in this place.
    rate = getattr(estimator, "learning_rate", None)
    return float(rate) if isinstance(rate, int | float) else None


def _parameters(estimator: Any) -> dict[str, Parameter]:
    """Return what an estimator became: the size of its trees, or else its own parameters."""
    if type(estimator) in FORESTS:
        depths = [tree.get_depth() for tree in estimator.estimators_]
        leaves = sum(tree.get_n_leaves() for tree in estimator.estimators_)
        return {"trees": len(depths), "depth": int(max(depths)), "leaves": int(leaves)}
    if type(estimator) in BOOSTERS:
        trees = [predictor for stage in estimator._predictors for predictor in stage]
        return {
            "trees": len(trees),
            "depth": int(max(tree.get_max_depth() for tree in trees)),
            "leaves": int(sum(tree.get_n_leaf_nodes() for tree in trees)),
            "tree_learning_rate": estimator.learning_rate,
        }
    own = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else {}
    return {
        name: value
        for name, value in own.items()
        if isinstance(value, str | int | float) and name not in _NOT_OF_THE_MODEL
    }
