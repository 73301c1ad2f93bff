"""Bundles: trained models as training stores them and serving loads them.

Nothing here depends on the libraries used for training.

>>> from retread.bundle import LocalBundleStore
>>> from pathlib import Path
>>> LocalBundleStore(Path("/nonexistent")).digests()
()
"""

from retread.bundle.arrays import Texts, pack_arrays, texts, unpack_arrays
from retread.bundle.evidence import UNKNOWN, Evidence, decode_evidence, encode_evidence
from retread.bundle.image import (
    FORMATS,
    STATISTICS,
    ImageRules,
    Pixels,
    as_seen,
    decode_image,
    image_statistics,
    orientation_of,
    turned,
)
from retread.bundle.image_bounds import MAX_PIXELS
from retread.bundle.known_categories import decode_categories, encode_categories
from retread.bundle.manifest import (
    CATEGORIES,
    ENVIRONMENT,
    EVIDENCE,
    EXAMPLES,
    JUDGED,
    MANIFEST,
    MODEL,
    REFERENCE,
    Cause,
    CauseKind,
    Datatype,
    FileEntry,
    ImageInput,
    Lineage,
    Manifest,
    Parameter,
    Parity,
    Refit,
    Signature,
    TensorSpec,
    decode_manifest,
    encode_manifest,
    without_precision,
)
from retread.bundle.metrics import class_recalls, evidence_metrics, undefined_because
from retread.bundle.onnx_model import OnnxModel
from retread.bundle.reference import (
    CONFIDENCE,
    PREDICTED_LABEL,
    PREDICTED_VALUE,
    Reference,
    decode_reference,
    encode_reference,
    like_reference,
    reference_rows,
)
from retread.bundle.store import BundleStore, LocalBundleStore, file_entries

__all__ = [
    "CATEGORIES",
    "CONFIDENCE",
    "ENVIRONMENT",
    "EVIDENCE",
    "EXAMPLES",
    "FORMATS",
    "JUDGED",
    "MANIFEST",
    "MAX_PIXELS",
    "MODEL",
    "PREDICTED_LABEL",
    "PREDICTED_VALUE",
    "REFERENCE",
    "STATISTICS",
    "UNKNOWN",
    "BundleStore",
    "Cause",
    "CauseKind",
    "Datatype",
    "Evidence",
    "FileEntry",
    "ImageInput",
    "ImageRules",
    "Lineage",
    "LocalBundleStore",
    "Manifest",
    "OnnxModel",
    "Parameter",
    "Parity",
    "Pixels",
    "Reference",
    "Refit",
    "Signature",
    "TensorSpec",
    "Texts",
    "as_seen",
    "class_recalls",
    "decode_categories",
    "decode_evidence",
    "decode_image",
    "decode_manifest",
    "decode_reference",
    "eight_bits",
    "encode_categories",
    "encode_evidence",
    "encode_manifest",
    "encode_reference",
    "evidence_metrics",
    "file_entries",
    "image_statistics",
    "like_reference",
    "orientation_of",
    "pack_arrays",
    "reference_rows",
    "texts",
    "turned",
    "undefined_because",
    "unpack_arrays",
    "without_precision",
]
