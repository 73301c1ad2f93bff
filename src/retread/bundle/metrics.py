"""Metrics computed from evidence.

They are written in numpy because serving must not be able to import scikit-learn. The tests compare
them with scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retread.bundle.evidence import Evidence

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SMALLEST = 1e-7


def evidence_metrics(evidence: Evidence) -> dict[str, float]:
    """Compute all metrics that apply, by their names in METRICS.

    For two classes, Precision, Recall and F1 are those of the second (positive) class; for more,
    they are macro averages over the classes that occur. AUC is one-vs-rest, averaged over the same
    classes. What is not defined is NaN: `undefined_because` says why. Non-finite outputs count as
    wrong predictions and make Loss and AUC, or all metrics of a regression, NaN.

    Returns:
        Values by name; empty if there are no examples.
    """
    if len(evidence.ids) == 0:
        return {}
    if evidence.is_classification:
        return _classification(evidence.truth.astype(np.int64), evidence.outputs.astype(np.float64))
    return _regression(evidence.truth.astype(np.float64), evidence.outputs[:, 0].astype(float))


def undefined_because(metric: str, evidence: Evidence, labels: Sequence[str]) -> str:
    """Say why a metric that applies to a task is not defined on its evidence.

    Args:
        metric: The name of the metric.
        evidence: The predictions and the truth.
        labels: The labels of the model; empty for regression.
    """
    count = len(evidence.ids)
    if not np.isfinite(evidence.outputs).all():
        return "some outputs of the model are not finite numbers"
    if not labels:
        return f"all {count} targets are equal" if count else "there are no examples"
    present = np.unique(evidence.truth)
    if len(labels) == 2 and 1 not in present:
        return f"none of the {count} examples is of the positive class, {labels[1]!r}"
    if len(present) == 1:
        return f"all {count} examples are of one class, {labels[int(present[0])]!r}"
    return f"{metric} has no value on {count} examples"


def class_recalls(evidence: Evidence, classes: int) -> list[tuple[int, float]]:
    """Return the number of examples of each class, and its recall; NaN without examples."""
    finite = np.isfinite(evidence.outputs).all(axis=1)
    predicted = np.where(finite, evidence.outputs.argmax(axis=1), -1)
    found = []
    for index in range(classes):
        of_class = evidence.truth == index
        count = int(of_class.sum())
        hits = float((predicted[of_class] == index).sum())
        found.append((count, hits / count if count else float("nan")))
    return found


def _classification(truth: Ints, probabilities: Floats) -> dict[str, float]:
    classes = probabilities.shape[1]
    finite = np.isfinite(probabilities).all(axis=1)
    # argmax treats NaN as the largest value and would turn it into a prediction.
    predicted = np.where(finite, probabilities.argmax(axis=1), -1)
    averaged = (1,) if classes == 2 else tuple(np.unique(truth).tolist())
    precision, recall, f1 = np.mean(
        [_precision_recall_f1(truth == c, predicted == c) for c in averaged], axis=0
    )
    picked = np.clip(probabilities[np.arange(len(truth)), truth], _SMALLEST, 1.0)
    return {
        "Loss": float(-np.log(picked).mean()) if finite.all() else float("nan"),
        "Accuracy": float((predicted == truth).mean()),
        "Precision": float(precision),
        "Recall": float(recall),
        "F1": float(f1),
        "AUC": _mean_auc(truth, probabilities, averaged) if finite.all() else float("nan"),
    }


def _precision_recall_f1(
    truth: npt.NDArray[np.bool_], predicted: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    if not truth.any():
        return float("nan"), float("nan"), float("nan")
    hits = float((truth & predicted).sum())
    precision = hits / predicted.sum() if predicted.any() else 0.0
    recall = hits / truth.sum()
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def _mean_auc(truth: Ints, probabilities: Floats, classes: tuple[int, ...]) -> float:
    areas = [_auc(truth == c, probabilities[:, c]) for c in classes]
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def _auc(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """Return the Mann-Whitney U statistic, with ties counted half; NaN if one class is missing."""
    count = int(positive.sum())
    others = len(positive) - count
    if count == 0 or others == 0:
        return float("nan")
    _, inverse, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2.0)[inverse]
    return float((ranks[positive].sum() - count * (count + 1) / 2.0) / (count * others))


def _regression(truth: Floats, predicted: Floats) -> dict[str, float]:
    errors = np.where(np.isfinite(predicted), predicted, np.nan) - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    squared = float((errors**2).mean())
    r2 = 1.0 - squared * len(truth) / spread if spread else float("nan")
    return {
        "Loss": squared,
        "MAE": float(np.abs(errors).mean()),
        "RMSE": squared**0.5,
        "R2": r2,
    }
