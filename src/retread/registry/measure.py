"""Trying a bundle out on its own examples, before the gate judges it."""

from __future__ import annotations

import io

import numpy as np

from retread.bundle import EXAMPLES, MODEL, BundleStore, OnnxModel, unpack_arrays
from retread.bundle.onnx_model import Arrays
from retread.core import Clock, NotFound
from retread.registry.gate_inputs import Measurement

RUNS = 50


def measure(bundles: BundleStore, digest: str, clock: Clock) -> Measurement:
    """Run each example alone, in turn, RUNS times in all; NotFound, IntegrityBroken."""
    manifest = bundles.manifest(digest)
    model = OnnxModel(bundles.read(digest, MODEL), manifest.signature)
    names = [spec.name for spec in manifest.signature.inputs]
    examples = _examples(bundles, digest)
    count = min((len(examples[name]) for name in names if name in examples), default=0)
    rows = [{name: examples[name][i : i + 1] for name in names} for i in range(count)]
    finite = all(_is_finite(model, row) for row in rows)
    milliseconds = [_timed(model, rows[i % count], clock) for i in range(RUNS if count else 0)]
    return Measurement(latency_ms=np.array(milliseconds, dtype=np.float64), finite=finite)


def _examples(bundles: BundleStore, digest: str) -> Arrays:
    try:
        return unpack_arrays(io.BytesIO(bundles.read(digest, EXAMPLES)))
    except NotFound:
        return {}


def _is_finite(model: OnnxModel, row: Arrays) -> bool:
    return all(bool(np.isfinite(output).all()) for output in model.run(row))


def _timed(model: OnnxModel, row: Arrays, clock: Clock) -> float:
    start = clock.monotonic()
    model.run(row)
    return (clock.monotonic() - start) * 1000.0
