"""The manifest of a bundle: signature, lineage, metrics, and the digests of all files.

The digest of the manifest itself identifies the bundle. The signature uses the terms of the Open
Inference Protocol V2.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from retread.bundle.image import AS_STORED, ImageRules
from retread.core import IntegrityBroken, canonical_json, digest_bytes
from retread.core.column_rules import ColumnRules

MANIFEST = "manifest.json"
MODEL = "model.onnx"
JUDGED = "judged.onnx"
EVIDENCE = "evidence.npz"
REFERENCE = "reference.npz"
EXAMPLES = "examples.npz"
CATEGORIES = "categories.json"
ENVIRONMENT = "environment.txt"
FORMAT = 1

_ADDED = ("rules", "label_rules", "refit")
"""Fields that the first manifests did not have."""

Parameter = str | int | float | bool | None
"""Value of a training parameter."""


class Datatype(StrEnum):
    """The datatypes of the Open Inference Protocol that models may use."""

    FP32 = "FP32"
    FP64 = "FP64"
    INT64 = "INT64"
    UINT8 = "UINT8"
    BYTES = "BYTES"


class TensorSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Name, datatype and shape of a tensor.

    Attributes:
        name: Name in the ONNX graph.
        datatype: Datatype of its elements.
        shape: Its dimensions; -1 is the batch dimension.
        columns: Names of the matrix's columns, in order, for tables. Empty for images.
    """

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    columns: tuple[str, ...] = ()


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """Inputs and outputs of `model.onnx`, by name and in order.

    Images: one input `image` UINT8 [-1, H, W, 3]. Tables: `features` FP32 [-1, F] for numeric
    columns (NaN is missing), and `categories` BYTES [-1, C] if there are categorical columns.
    Outputs: `probabilities` FP32 [-1, K] for classification or `value` FP32 [-1, 1] for
    regression, and `embedding` FP32 [-1, E] if the model has one. `features` and `value` are FP64
    where FP32 could not tell apart the values that the model was trained on.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def without_precision(specs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """Return tensors with FP32 in place of FP64: which of them a model needs may change with data.

    Clients send and get the same JSON either way.
    """
    return tuple(
        msgspec.structs.replace(spec, datatype=Datatype.FP32)
        if spec.datatype is Datatype.FP64
        else spec
        for spec in specs
    )


class CauseKind(StrEnum):
    """Why a model was trained."""

    MANUAL = "manual"
    NEW_DATA = "new-data"
    DRIFT = "drift"
    DEGRADATION = "degradation"
    SCHEDULE = "schedule"
    COMMIT = "commit"

    @property
    def wants_traffic(self) -> bool:
        """Whether the model should be trained on recent traffic."""
        return self in (CauseKind.DRIFT, CauseKind.DEGRADATION, CauseKind.SCHEDULE)


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """The recorded reason of a training run.

    Attributes:
        kind: Kind of the reason.
        detail: Details in plain text.
        trigger: Id of the trigger that requested the run; empty if none did.
    """

    kind: CauseKind = CauseKind.MANUAL
    detail: str = ""
    trigger: str = ""


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is needed to train the same model again."""

    run_id: str
    dataset: str
    dataset_version: int
    dataset_digest: str
    evaluation_digest: str
    git_commit: str
    git_dirty: bool
    environment_digest: str
    seed: int
    parameters: dict[str, Parameter]
    cause: Cause


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Digest and size in bytes of a file."""

    digest: str
    size: int


class ImageInput(msgspec.Struct, frozen=True, kw_only=True):
    """How images are preprocessed: `decode_image` with this width and height, and these rules."""

    size: int
    rules: ImageRules = AS_STORED


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """Comparison of the exported model with the trained one.

    Attributes:
        examples: Number of examples they were compared on.
        largest_difference: Largest absolute difference of their outputs.
        tolerance: Largest difference that was allowed.
    """

    examples: int
    largest_difference: float
    tolerance: float


class Refit(msgspec.Struct, frozen=True, kw_only=True):
    """How `model.onnx` was trained once more, after `judged.onnx` had been evaluated.

    Attributes:
        rows: Number of rows it was trained on: those of all splits.
        epochs: Number of epochs it was trained for.
        judged: Signature of `judged.onnx`, which all metrics and the evidence are of.
    """

    rows: int
    epochs: int
    judged: Signature


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about a bundle.

    Attributes:
        model: Name of the model.
        recipe: Recipe it was trained with.
        model_type: Its model type.
        created_at: Time of the first attempt to train it.
        signature: Inputs and outputs of the ONNX model.
        labels: Class labels in the order of the model's probabilities; of two, the second is the
            positive one. Empty for regression.
        image: Preprocessing of images; None for tables.
        validation: Metrics on the validation split, by which versions are selected.
        metrics: Metrics on the evaluation split, which only the gate reads.
        parity: Comparison of the exported model with the trained one.
        lineage: What the model was made from.
        files: The files of the bundle by name, except the manifest.
        rules: How the values of each column of a table are read, in the order of the columns in
            the data; empty for images, and for a model that was imported.
        label_rules: How labels are read; None where they are any text.
        refit: How the model was trained once more on all rows; None if it was not.
        format: Version of the format of the manifest and the files.
    """

    model: str
    recipe: str
    model_type: str
    created_at: datetime
    signature: Signature
    labels: tuple[str, ...]
    image: ImageInput | None
    validation: dict[str, float]
    metrics: dict[str, float]
    parity: Parity
    lineage: Lineage
    files: dict[str, FileEntry]
    rules: tuple[ColumnRules, ...] = ()
    label_rules: ColumnRules | None = None
    refit: Refit | None = None
    format: int = FORMAT


class _Head(msgspec.Struct):
    """The part that manifests of all formats have in common."""

    format: int


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the canonical JSON of a manifest; its digest identifies the bundle.

    What was added to the format later is left out where it says nothing, so that the digests of
    earlier bundles hold.
    """
    values = msgspec.to_builtins(manifest)
    for name in _ADDED:
        if not values[name]:
            del values[name]
    if manifest.image is not None and manifest.image.rules == AS_STORED:
        del values["image"]["rules"]
    # msgspec would write Z for +00:00, and so change the digest of the same manifest.
    return canonical_json({**values, "created_at": manifest.created_at.isoformat()})


def decode_manifest(content: bytes, digest: str) -> Manifest:
    """Return the manifest with a digest.

    Args:
        content: The bytes of the manifest.
        digest: The digest that they should have.

    Raises:
        IntegrityBroken: `content` has another digest, another format, or is not a manifest.
    """
    if digest_bytes(content) != digest:
        raise IntegrityBroken(
            f"The manifest of bundle {digest} has digest {digest_bytes(content)}.",
            "The bundle was changed after it was created. Train or import the model again.",
        )
    try:
        found = msgspec.json.decode(content, type=_Head).format
        if found != FORMAT:
            raise IntegrityBroken(
                f"Bundle {digest} has format {found}; this version of Retread reads {FORMAT}.",
                "Use the version of Retread that created it, or train the model again.",
            )
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise IntegrityBroken(f"The manifest of bundle {digest} is malformed: {error}.") from error
