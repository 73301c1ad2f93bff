"""Metrics computed from evidence.

They are written in numpy because serving must not be able to import scikit-learn. The tests compare
them with scikit-learn's.
"""

from __future__ import annotations

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
    they are macro averages. AUC is one-vs-rest, averaged over the classes that occur. Non-finite
    outputs count as wrong predictions and make Loss and AUC, or all metrics of a regression, NaN.
    An unknown label counts as a wrong prediction with probability 0.

    Returns:
        Values by name; empty if there are no examples.
    """
    if len(evidence.ids) == 0:
        return {}
    if evidence.is_classification:
        return _classification(evidence.truth.astype(np.int64), evidence.outputs.astype(np.float64))
    return _regression(evidence.truth.astype(np.float64), evidence.outputs[:, 0].astype(float))


def _classification(truth: Ints, probabilities: Floats) -> dict[str, float]:
    classes = probabilities.shape[1]
    finite = np.isfinite(probabilities).all(axis=1)
    # argmax treats NaN as the largest value and would turn it into a prediction.
    predicted = np.where(finite, probabilities.argmax(axis=1), _NO_PREDICTION)
    averaged = (1,) if classes == 2 else tuple(range(classes))
    precision, recall, f1 = np.mean(
        [_precision_recall_f1(truth == c, predicted == c) for c in averaged], axis=0
    )
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


def _precision_recall_f1(
    truth: npt.NDArray[np.bool_], predicted: npt.NDArray[np.bool_]
) -> tuple[float, float, float]:
    hits = float((truth & predicted).sum())
    precision = hits / predicted.sum() if predicted.any() else 0.0
    recall = hits / truth.sum() if truth.any() else 0.0
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
