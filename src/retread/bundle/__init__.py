"""Bundles: trained models as training stores them and serving loads them.

Nothing here depends on the libraries used for training.

>>> from retread.bundle import LocalBundleStore
>>> from pathlib import Path
>>> LocalBundleStore(Path("/nonexistent")).digests()
()
"""

from retread.bundle.arrays import pack_arrays, unpack_arrays
from retread.bundle.evidence import Evidence, decode_evidence, encode_evidence
from retread.bundle.image import (
    FORMATS,
    MAX_PIXELS,
    STATISTICS,
    Pixels,
    decode_image,
    eight_bits,
    image_statistics,
)
from retread.bundle.manifest import (
    ENVIRONMENT,
    EVIDENCE,
    EXAMPLES,
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
    Signature,
    TensorSpec,
    decode_manifest,
    encode_manifest,
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
)
from retread.bundle.store import BundleStore, LocalBundleStore, file_entries

__all__ = [
    "CONFIDENCE",
    "ENVIRONMENT",
    "EVIDENCE",
    "EXAMPLES",
    "FORMATS",
    "MANIFEST",
    "MAX_PIXELS",
    "MODEL",
    "PREDICTED_LABEL",
    "PREDICTED_VALUE",
    "REFERENCE",
    "STATISTICS",
    "BundleStore",
    "Cause",
    "CauseKind",
    "Datatype",
    "Evidence",
    "FileEntry",
    "ImageInput",
    "Lineage",
    "LocalBundleStore",
    "Manifest",
    "OnnxModel",
    "Parameter",
    "Parity",
    "Pixels",
    "Reference",
    "Signature",
    "TensorSpec",
    "class_recalls",
    "decode_evidence",
    "decode_image",
    "decode_manifest",
    "decode_reference",
    "eight_bits",
    "encode_evidence",
    "encode_manifest",
    "encode_reference",
    "evidence_metrics",
    "file_entries",
    "image_statistics",
    "pack_arrays",
    "undefined_because",
    "unpack_arrays",
]
