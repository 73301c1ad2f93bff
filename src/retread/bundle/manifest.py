"""The manifest names every file of a bundle by its sha256; its own digest names the bundle."""

from __future__ import annotations

import msgspec

from retread.bundle.lineage import Lineage
from retread.bundle.signature import Signature
from retread.core import IntegrityBroken, canonical_json, digest_bytes

MANIFEST = "manifest.json"
MODEL = "model.onnx"
EVIDENCE = "evidence.npz"
REFERENCE = "reference.npz"
EXAMPLES = "examples.npz"
ENVIRONMENT = "environment.txt"
FORMAT = 1


class FileEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Digest and size in bytes of one file."""

    digest: str
    size: int


class ImageInput(msgspec.Struct, frozen=True, kw_only=True):
    """How an image is made ready; the steps are those of `decode_image`."""

    size: int


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """Largest absolute difference of ONNX and trained model's outputs on `examples` examples."""

    examples: int
    largest_difference: float
    tolerance: float


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known about a bundle.

    `labels` are in the order of the model's probabilities; of two, the second is the positive
    one. Empty for regression. `validation` are the metrics that decide between versions, on the
    validation split; `metrics` are those on the evaluation split, which only the gate reads.
    """

    model: str
    recipe: str
    model_type: str
    created_at: str
    signature: Signature
    labels: tuple[str, ...]
    image: ImageInput | None
    validation: dict[str, float]
    metrics: dict[str, float]
    parity: Parity
    lineage: Lineage
    files: dict[str, FileEntry]
    format: int = FORMAT


class _Head(msgspec.Struct):
    """What manifests of every format have."""

    format: int


def encode_manifest(manifest: Manifest) -> bytes:
    return canonical_json(manifest)


def decode_manifest(content: bytes, digest: str) -> Manifest:
    """Raises IntegrityBroken unless `content` has this `digest` and is a manifest of FORMAT."""
    if digest_bytes(content) != digest:
        raise IntegrityBroken(
            f"The manifest of bundle {digest} has digest {digest_bytes(content)}.",
            "The bundle was changed after it was made; train or import it again.",
        )
    try:
        found = msgspec.json.decode(content, type=_Head).format
        if found != FORMAT:
            raise IntegrityBroken(
                f"Bundle {digest} has format {found}; this version of Retread reads {FORMAT}.",
                "Use the version of Retread that made it, or train again.",
            )
        return msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise IntegrityBroken(f"The manifest of bundle {digest} is malformed: {error}.") from error
