"""Assemble a bundle from a trained model: export, parity check, evidence, reference, manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from retread.bundle import (
    CATEGORIES,
    CONFIDENCE,
    ENVIRONMENT,
    EVIDENCE,
    EXAMPLES,
    MODEL,
    PREDICTED_LABEL,
    PREDICTED_VALUE,
    REFERENCE,
    STATISTICS,
    Datatype,
    Lineage,
    Manifest,
    OnnxModel,
    Parameter,
    Parity,
    Reference,
    Signature,
    Texts,
    encode_categories,
    encode_evidence,
    encode_reference,
    file_entries,
    image_statistics,
    pack_arrays,
    reference_rows,
    texts,
)
from retread.core import Refused, digest_bytes
from retread.data.store import GROUP, IMAGE
from retread.data.version import DatasetVersion
from retread.training.evaluation import Predictions, evidence, metrics_of, predict
from retread.training.examples import Examples, added_since, joined, spread
from retread.training.inputs import EMBEDDING, Arrays, graph_inputs
from retread.training.provenance import Commit
from retread.training.recipe import Task, TrainedModel

MAX_EXAMPLES = 32
"""Examples that a bundle carries, on which its export is compared with the trained model."""

MIN_NEW_REFERENCE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model comes from, as the manifest records it besides the task itself."""

    run_id: str
    created_at: datetime
    commit: Commit
    environment: bytes
    version: DatasetVersion
    parameters: Mapping[str, Parameter]


def assemble_bundle(
    task: Task,
    trained: TrainedModel,
    evaluation: Examples,
    origin: Origin,
    earlier_ids: Collection[str] = (),
) -> tuple[Manifest, dict[str, bytes]]:
    """Export a model, check the export, and evaluate it.

    Args:
        evaluation: The frozen evaluation split.
        earlier_ids: Ids of rows to leave out of the reference, if enough others remain. After
            traffic has changed, new traffic must not be compared with the rows from before.

    Returns:
        The manifest and the files of the bundle, by name.

    Raises:
        Refused: The exported graph differs from the trained model.
    """
    graph = trained.export()
    model = OnnxModel(graph, trained.signature, threads=task.threads)
    held_out = joined(task.validation, evaluation)
    examples = example_inputs(task, trained, evaluation)
    parity = check_parity(trained, model, examples, task.settings.training.parity_tolerance)
    inputs = graph_inputs(evaluation.rows, trained.signature, trained.image, task.threads)
    truth = evaluation.truth(task.labels)
    proof = evidence(evaluation, truth, predict(model, inputs))
    recent = added_since(held_out, earlier_ids, MIN_NEW_REFERENCE_ROWS)
    files = {
        MODEL: graph,
        EVIDENCE: encode_evidence(proof),
        REFERENCE: _reference(task, trained, model, recent),
        EXAMPLES: pack_arrays(**examples),
        ENVIRONMENT: origin.environment,
    }
    if known := known_categories(trained.signature, task.train):
        files[CATEGORIES] = encode_categories(known)
    manifest = Manifest(
        model=task.settings.project.name,
        recipe=task.settings.recipe.kind,
        model_type=task.request.model_type,
        created_at=origin.created_at,
        signature=trained.signature,
        labels=task.labels,
        image=trained.image,
        validation=trained.result.metrics,
        metrics=metrics_of(truth, proof.outputs),
        parity=parity,
        lineage=_lineage(task, evaluation, origin),
        files=file_entries(files),
        rules=origin.version.schema.rules,
        label_rules=origin.version.schema.label_rules,
    )
    return manifest, files


def example_inputs(task: Task, trained: TrainedModel, evaluation: Examples) -> Arrays:
    """Return the inputs of some examples, of held-out rows where there are enough."""
    held_out = joined(task.validation, evaluation)
    few = spread(held_out, MAX_EXAMPLES)
    if few.count < MAX_EXAMPLES:
        few = spread(joined(held_out, task.train), MAX_EXAMPLES)
    return graph_inputs(few.rows, trained.signature, trained.image, task.threads)


def known_categories(signature: Signature, train: Examples) -> dict[str, list[str]]:
    """Return the categories that a model has seen, by column."""
    columns = [c for s in signature.inputs if s.datatype is Datatype.BYTES for c in s.columns]
    return {c: train.rows[c].unique().drop_null().to_pylist() for c in columns}


def check_parity(
    trained: TrainedModel, model: OnnxModel, inputs: Arrays, tolerance: float
) -> Parity:
    """Compare the exported graph with the trained model on real examples.

    Differences are absolute for outputs within -1..1, such as probabilities, and relative to an
    output's largest magnitude otherwise.

    Raises:
        Refused: A difference exceeds the tolerance.
    """
    difference = 0.0
    for left, right in zip(trained.outputs(inputs), model.run(inputs), strict=True):
        scale = max(1.0, float(np.abs(left).max(initial=0.0)))
        gap = np.abs(left.astype(np.float64) - right.astype(np.float64)) / scale
        difference = max(difference, float(gap.max(initial=0.0)))
        if not np.isfinite(gap).all():
            difference = float("inf")
    count = len(next(iter(inputs.values())))
    if difference > tolerance:
        raise Refused(
            f"The exported model differs from the trained one by {difference:.2g} on {count} "
            f"examples; [training] parity_tolerance is {tolerance:g}.",
            "Raise the tolerance if that is acceptable, or choose another model type.",
        )
    return Parity(examples=count, largest_difference=difference, tolerance=tolerance)


def reference_of(
    signature: Signature, labels: tuple[str, ...], inputs: Arrays, predictions: Predictions
) -> Reference:
    """Build the reference that monitoring compares traffic with.

    Args:
        inputs: Graph inputs of held-out rows.
        predictions: The graph's predictions for the same rows.
    """
    numeric: dict[str, npt.NDArray[np.float64]] = {}
    categorical: dict[str, Texts] = {}
    if IMAGE in inputs:
        numeric |= _image_statistics(inputs[IMAGE])
    for spec in signature.inputs:
        for index, column in enumerate(spec.columns):
            values = inputs[spec.name][:, index]
            if spec.datatype is Datatype.BYTES:
                categorical[column] = values
            else:
                numeric[column] = values.astype(np.float64)
    if labels:
        predicted = predictions.outputs.argmax(axis=1)
        numeric[CONFIDENCE] = predictions.outputs.max(axis=1).astype(np.float64)
        categorical[PREDICTED_LABEL] = texts(labels)[predicted]
    else:
        numeric[PREDICTED_VALUE] = predictions.outputs[:, 0].astype(np.float64)
    return Reference(numeric=numeric, categorical=categorical, embedding=predictions.embedding)


def _reference(task: Task, trained: TrainedModel, model: OnnxModel, held_out: Examples) -> bytes:
    rows = spread(held_out, _reference_rows(trained.signature)).rows
    inputs = graph_inputs(rows, trained.signature, trained.image, task.threads)
    profile = reference_of(trained.signature, task.labels, inputs, predict(model, inputs))
    groups = np.array(rows[GROUP].to_pylist(), dtype=np.object_)
    return encode_reference(replace(profile, groups=groups))


def _reference_rows(signature: Signature) -> int:
    columns = [(spec.datatype is Datatype.BYTES, len(spec.columns)) for spec in signature.inputs]
    categorical = sum(count for is_text, count in columns if is_text)
    numeric = sum(count for is_text, count in columns if not is_text)
    embedding = sum(spec.shape[1] for spec in signature.outputs if spec.name == EMBEDDING)
    return reference_rows(numeric + len(STATISTICS), categorical + 1, embedding)


def _image_statistics(pixels: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[np.float64]]:
    rows = [image_statistics(image) for image in pixels]
    return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in STATISTICS}


def _lineage(task: Task, evaluation: Examples, origin: Origin) -> Lineage:
    return Lineage(
        run_id=origin.run_id,
        dataset=origin.version.dataset,
        dataset_version=origin.version.number,
        dataset_digest=origin.version.digest,
        evaluation_digest=evaluation.digest,
        git_commit=origin.commit.id or "",
        git_dirty=origin.commit.dirty,
        environment_digest=digest_bytes(origin.environment),
        seed=task.request.seed,
        parameters=dict(origin.parameters),
        cause=task.request.cause,
    )
