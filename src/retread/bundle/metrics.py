"""Metrics computed from evidence.

They are written in numpy because serving must not be able to import scikit-learn. The tests compare
them with scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retread.bundle.evidence import UNKNOWN, Evidence

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SMALLEST = 1e-7
_NO_PREDICTION = -2


def evidence_metrics(evidence: Evidence) -> dict[str, float]:
    """Compute all metrics that apply, by their names in METRICS.

    For two classes, Precision, Recall and F1 are those of the second (positive) class; for more,
    they are macro averages over the known classes that occur. AUC is one-vs-rest, averaged over the
    same classes. What is not defined is NaN: `undefined_because` says why. Non-finite outputs count
    as wrong predictions and make Loss and AUC, or all metrics of a regression, NaN. An unknown
    label counts as a wrong prediction with probability 0.

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
    present = _known_classes(evidence.truth.astype(np.int64))
    if len(labels) == 2 and 1 not in present:
        return f"none of the {count} examples is of the positive class, {labels[1]!r}"
    if len(present) == 1:
        return f"all {count} examples are of one class, {labels[present[0]]!r}"
    return f"{metric} has no value on {count} examples"


def class_recalls(evidence: Evidence, classes: int) -> list[tuple[int, float]]:
    """Return the number of examples of each class, and its recall; NaN without examples."""
    finite = np.isfinite(evidence.outputs).all(axis=1)
    predicted = np.where(finite, evidence.outputs.argmax(axis=1), _NO_PREDICTION)
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
    predicted = np.where(finite, probabilities.argmax(axis=1), _NO_PREDICTION)
    averaged = (1,) if classes == 2 else _known_classes(truth)
    scores = [_precision_recall_f1(truth == c, predicted == c) for c in averaged]
    precision, recall, f1 = np.mean(scores, axis=0) if scores else (float("nan"),) * 3
    picked = np.where(truth == UNKNOWN, 0.0, probabilities[np.arange(len(truth)), truth])
    picked = np.clip(picked, _SMALLEST, 1.0)
    return {
        "Loss": float(-np.log(picked).mean()) if finite.all() else float("nan"),
        "Accuracy": float((predicted == truth).mean()),
        "Precision": float(precision),
        "Recall": float(recall),
        "F1": float(f1),
        "AUC": _mean_auc(truth, probabilities, averaged) if finite.all() else float("nan"),
    }


def _known_classes(truth: Ints) -> tuple[int, ...]:
    return tuple(np.unique(truth[truth != UNKNOWN]).tolist())


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
