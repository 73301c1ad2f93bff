"""From a trained model to a stored bundle."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from retread.bundle import (
    ENVIRONMENT,
    EVIDENCE,
    EXAMPLES,
    MODEL,
    REFERENCE,
    Lineage,
    Manifest,
    OnnxModel,
    Parameter,
    encode_evidence,
    encode_reference,
    file_entries,
    pack_arrays,
)
from retread.core import digest_bytes
from retread.data.store import GROUP
from retread.data.version import DatasetVersion
from retread.training.evaluation import evidence, metrics_of, predict
from retread.training.examples import Examples, added_since, joined, spread
from retread.training.inputs import graph_inputs
from retread.training.parity import check_parity
from retread.training.provenance import Commit
from retread.training.recipe import Task, Trained
from retread.training.reference_profile import MOST_ROWS, reference_of

MOST_EXAMPLES = 32
LEAST_REFERENCE = 50


@dataclass(frozen=True, slots=True)
class Origin:
    """What the manifest says about where the model comes from, beside the task itself."""

    run_id: str
    created_at: str
    commit: Commit
    environment: bytes
    version: DatasetVersion
    parameters: Mapping[str, Parameter]


def assemble(
    task: Task,
    trained: Trained,
    evaluation: Examples,
    origin: Origin,
    before: Collection[str] = (),
) -> tuple[Manifest, dict[str, bytes]]:
    """Export, compare, evaluate; the manifest and files of the bundle.

    The reference is of the rows whose ids are not in `before`, if they are enough: when traffic
    has changed, the earlier rows are not what it will be compared with.

    Raises Refused when the export differs from the model.
    """
    graph = trained.export()
    model = OnnxModel(graph, trained.signature, threads=task.threads)
    held_out = joined(task.validation, evaluation)
    few = spread(held_out, MOST_EXAMPLES)
    if few.count < MOST_EXAMPLES:
        few = spread(joined(held_out, task.train), MOST_EXAMPLES)
    examples = graph_inputs(few.rows, trained.signature, trained.image, task.threads)
    parity = check_parity(trained, model, examples, task.settings.training.parity_tolerance)
    judged = graph_inputs(evaluation.rows, trained.signature, trained.image, task.threads)
    truth = evaluation.truth(task.labels)
    proof = evidence(evaluation, truth, predict(model, judged))
    files = {
        MODEL: graph,
        EVIDENCE: encode_evidence(proof),
        REFERENCE: _reference(task, trained, model, added_since(held_out, before, LEAST_REFERENCE)),
        EXAMPLES: pack_arrays(**examples),
        ENVIRONMENT: origin.environment,
    }
    manifest = Manifest(
        model=task.settings.project.name,
        recipe=task.settings.recipe.kind,
        model_type=task.request.model_type,
        created_at=datetime.fromisoformat(origin.created_at),
        signature=trained.signature,
        labels=task.labels,
        image=trained.image,
        validation=trained.result.metrics,
        metrics=metrics_of(truth, proof.outputs),
        parity=parity,
        lineage=_lineage(task, evaluation, origin),
        files=file_entries(files),
    )
    return manifest, files


def _reference(task: Task, trained: Trained, model: OnnxModel, held_out: Examples) -> bytes:
    rows = spread(held_out, MOST_ROWS).rows
    inputs = graph_inputs(rows, trained.signature, trained.image, task.threads)
    profile = reference_of(trained.signature, task.labels, inputs, predict(model, inputs))
    groups = np.array(rows[GROUP].to_pylist(), dtype=np.str_)
    return encode_reference(replace(profile, groups=groups))


def _lineage(task: Task, evaluation: Examples, origin: Origin) -> Lineage:
    return Lineage(
        run_id=origin.run_id,
        dataset=origin.version.dataset,
        dataset_version=origin.version.number,
        dataset_digest=origin.version.digest,
        evaluation_digest=evaluation.digest,
        git_commit=origin.commit.id,
        git_dirty=origin.commit.dirty,
        environment_digest=digest_bytes(origin.environment),
        seed=task.request.seed,
        parameters=dict(origin.parameters),
        cause=task.request.cause,
    )
