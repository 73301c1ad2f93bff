"""Train the recipe of a model once more, on all rows.

The model that the gate judges has not seen the evaluation split, nor the newest rows where these
are held out. With `[training] refit`, `model.onnx` is that recipe trained on all of them; the
judged graph stays in the bundle, and everything that is measured on held-out rows is of it: the
metrics, and the reference that traffic is compared with. Embeddings of another network mean
something else, and no rows are left that the new one has not seen: they are not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from retread.bundle import (
    CATEGORIES,
    EXAMPLES,
    JUDGED,
    MODEL,
    REFERENCE,
    Manifest,
    OnnxModel,
    Refit,
    decode_reference,
    encode_categories,
    encode_reference,
    file_entries,
    pack_arrays,
)
from retread.project.settings import StoppingRule
from retread.training.assemble_bundle import check_parity, example_inputs, known_categories
from retread.training.examples import Examples, joined
from retread.training.recipe import Recipe, Task, TrainedModel


def refit(
    recipe: Recipe,
    task: Task,
    judged: TrainedModel,
    evaluation: Examples,
    bundle: tuple[Manifest, Mapping[str, bytes]],
) -> tuple[Manifest, dict[str, bytes]]:
    """Train on all rows, for as many epochs as the judged model kept, and replace the graph.

    Args:
        recipe: The recipe of the task.
        task: What the judged model was trained with.
        judged: The judged model.
        evaluation: The frozen evaluation split.
        bundle: The manifest and the files of the judged model.

    Returns:
        The manifest and the files of the bundle, by name.

    Raises:
        Refused: The exported graph differs from the trained model.
    """
    epochs = judged.result.kept or judged.result.epochs
    rows = joined(task.train, task.validation, evaluation)
    patient = task.settings.early_stopping.model_copy(
        update={"rule": StoppingRule.PATIENCE, "patience": epochs}
    )
    trained = recipe.train(
        replace(
            task,
            request=msgspec.structs.replace(task.request, epochs=epochs),
            settings=task.settings.model_copy(update={"early_stopping": patient}),
            train=rows,
        ),
        lambda _: None,
    )
    manifest, files = bundle
    graph = trained.export()
    model = OnnxModel(graph, trained.signature, threads=task.threads)
    examples = example_inputs(task, trained, evaluation)
    parity = check_parity(trained, model, examples, manifest.parity.tolerance)
    changed = {
        **files,
        MODEL: graph,
        JUDGED: files[MODEL],
        EXAMPLES: pack_arrays(**examples),
        REFERENCE: _without_embeddings(files[REFERENCE]),
    }
    if known := known_categories(trained.signature, rows):
        changed[CATEGORIES] = encode_categories(known)
    manifest = msgspec.structs.replace(
        manifest,
        signature=trained.signature,
        parity=max(parity, manifest.parity, key=lambda found: found.largest_difference),
        files=file_entries(changed),
        refit=Refit(rows=rows.count, epochs=epochs, judged=manifest.signature),
    )
    return manifest, changed


def _without_embeddings(content: bytes) -> bytes:
    reference = decode_reference(content)
    return encode_reference(replace(reference, embedding=reference.embedding[:, :0]))
