"""Compare two versions on the same samples, which neither was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retread.bundle import BundleStore, decode_image
from retread.demos.traffic import Sample
from retread.registry import RegistryState
from retread.serving.rows import Rows
from retread.serving.runtime import Runtime, load_runtime

_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Accuracies of the versions `old` and `new` on the same `samples` samples."""

    old: int
    new: int
    old_accuracy: float
    new_accuracy: float
    samples: int


def compare(
    bundles: BundleStore, state: RegistryState, old: int, samples: Sequence[Sample]
) -> Comparison | None:
    """Let `old` and the version in production predict every sample, as the server would.

    Returns:
        The comparison; None without samples, or if they are the same version.
    """
    new = state.production
    if new is None or old == new or not samples:
        return None
    old_accuracy, new_accuracy = (
        _accuracy(load_runtime(bundles, state.version(version).bundle), samples)
        for version in (old, new)
    )
    return Comparison(
        old=old,
        new=new,
        old_accuracy=old_accuracy,
        new_accuracy=new_accuracy,
        samples=len(samples),
    )


def _accuracy(runtime: Runtime, samples: Sequence[Sample]) -> float:
    right = 0
    for start in range(0, len(samples), _BATCH):
        batch = samples[start : start + _BATCH]
        results = runtime.score([_rows(runtime, sample) for sample in batch])
        for sample, result in zip(batch, results, strict=True):
            right += runtime.labels[int(np.argmax(result.outputs[0]))] == sample.label
    return right / len(samples)


def _rows(runtime: Runtime, sample: Sample) -> Rows:
    if isinstance(sample.payload, bytes):
        image = runtime.manifest.image
        assert image is not None
        return Rows(count=1, pixels=decode_image(sample.payload, image.size, image.rules)[None])
    return Rows(count=1, features=np.array(sample.payload, dtype=np.float32).tobytes())
