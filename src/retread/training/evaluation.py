"""Evidence: the predictions of a bundle's graph on each example of a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retread.bundle import (
    JUDGED,
    MODEL,
    BundleStore,
    Evidence,
    OnnxModel,
    evidence_metrics,
)
from retread.data.store import IMAGE, DatasetStore
from retread.data.version import DatasetVersion, Split
from retread.training.examples import Examples, Truth, read_examples
from retread.training.inputs import EMBEDDING, Arrays, graph_inputs

_IMAGES_PER_BATCH = 64
_ROWS_PER_BATCH = 8192


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The outputs of a graph.

    Attributes:
        outputs: Float32 [n, classes] probabilities, or [n, 1] values, float64 if the model
            answers in FP64.
        embedding: Float32 [n, E]; [n, 0] for a model without embeddings.
    """

    outputs: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    embedding: npt.NDArray[np.float32]


def score(
    bundles: BundleStore,
    digest: str,
    datasets: DatasetStore,
    version: DatasetVersion,
    split: Split = Split.EVALUATION,
    *,
    window_days: float = 0.0,
    threads: int = 1,
) -> Evidence:
    """Evaluate a stored bundle on a split of a dataset version.

    Args:
        digest: Digest of the bundle.
        window_days: Use only rows at most this many days older than the newest; 0 uses all.
        threads: Number of CPU threads to use.

    Returns:
        The predictions for each example, with the truth: UNKNOWN for a label that the model does
        not know.

    Raises:
        Inconclusive: The version lacks columns, or has labels where the model predicts numbers.
        NotFound: There is no such bundle.
        IntegrityBroken: A file of the bundle does not match its digest.
    """
    manifest = bundles.manifest(digest)
    # A model that was trained once more has seen the split; the one that was judged has not.
    name = MODEL if manifest.refit is None else JUDGED
    signature = manifest.signature if manifest.refit is None else manifest.refit.judged
    model = OnnxModel(bundles.read(digest, name), signature, threads=threads)
    examples = read_examples(datasets, version, split, window_days)
    truth = examples.truth(manifest.labels, allow_unknown=True)
    inputs = graph_inputs(examples.rows, signature, manifest.image, threads)
    return evidence(examples, truth, predict(model, inputs))


def evidence(examples: Examples, truth: Truth, predictions: Predictions) -> Evidence:
    """Combine examples, truth and predictions into evidence."""
    return Evidence(
        evaluation_digest=examples.digest,
        ids=examples.ids,
        truth=truth,
        outputs=predictions.outputs,
    )


def predict(model: OnnxModel, inputs: Arrays) -> Predictions:
    """Run the graph on all examples, one batch at a time."""
    count = len(next(iter(inputs.values())))
    names = [spec.name for spec in model.signature.outputs]
    parts: list[list[npt.NDArray[Any]]] = [[] for _ in names]
    size = _IMAGES_PER_BATCH if IMAGE in inputs else _ROWS_PER_BATCH
    for start in range(0, max(count, 1), size):
        batch = {name: array[start : start + size] for name, array in inputs.items()}
        for part, output in zip(parts, model.run(batch), strict=True):
            part.append(output)
    arrays = {name: np.concatenate(part) for name, part in zip(names, parts, strict=True)}
    return Predictions(
        outputs=arrays[names[0]],
        embedding=arrays.get(EMBEDDING, np.zeros((count, 0), dtype=np.float32)),
    )


def metrics_of(truth: Truth, outputs: npt.NDArray[Any]) -> dict[str, float]:
    """Compute the metrics of outputs against the truth; those that are not finite are omitted."""
    ids = np.arange(len(truth))
    found = evidence_metrics(Evidence(evaluation_digest="", ids=ids, truth=truth, outputs=outputs))
    return {name: value for name, value in found.items() if np.isfinite(value)}
