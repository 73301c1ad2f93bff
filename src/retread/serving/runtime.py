"""A loaded model with what is needed to answer with it."""

from __future__ import annotations

import io
import math
import statistics
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from retread.bundle import (
    EXAMPLES,
    MODEL,
    BundleStore,
    Manifest,
    OnnxModel,
    unpack_arrays,
)
from retread.core import IntegrityBroken, RetreadError
from retread.serving.rows import FEATURES, IMAGE, Rows, input_named, joined

EMBEDDING = "embedding"
_WARM_RUNS = 15
_WARM_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class Scores:
    """What a model said of some rows: `main` [rows][K] probabilities or [rows][1] values.

    `embedding` float32 [rows, E] or None; `milliseconds` of one row, the run's time shared by its
    rows, so that runs of any size compare; `is_finite` of all rows together; `error` is not ''
    when there is no answer.
    """

    main: list[list[float]]
    embedding: npt.NDArray[np.float32] | None
    milliseconds: float
    is_finite: bool = True
    error: str = ""


class Runtime:
    """One model version, loaded and warm; `score` may be called from several threads."""

    def __init__(self, bundle: str, manifest: Manifest, model: OnnxModel) -> None:
        self.bundle = bundle
        self.manifest = manifest
        self.signature = manifest.signature
        self.labels = manifest.labels
        self.milliseconds = 0.0
        self._model = model
        outputs = [spec.name for spec in manifest.signature.outputs]
        self._embedding = outputs.index(EMBEDDING) if EMBEDDING in outputs else -1
        self._main = next(i for i, name in enumerate(outputs) if name != EMBEDDING)
        self.output = outputs[self._main]
        self.has_embedding = self._embedding >= 0
        features = input_named(self.signature, FEATURES)
        self.is_image = input_named(self.signature, IMAGE) is not None
        self.numeric = features.columns if features else ()
        only_features = features is not None and len(self.signature.inputs) == 1
        width = features.shape[1] if features else 0
        self.pack_row: Callable[..., bytes] | None = (
            struct.Struct(f"={width}f").pack if only_features else None
        )
        """Packs one row of a table of numbers; None for models that take anything else."""

    def score(self, parts: Sequence[Rows]) -> Scores:
        """Answer for all rows of `parts`; what goes wrong inside the model is in `error`."""
        start = time.perf_counter()
        try:
            outputs = self._model.run(joined(parts, self.signature))
        except Exception as error:  # onnxruntime's own errors share no base class
            rows = sum(part.count for part in parts)
            return Scores([], None, _since(start) / rows, error=f"the model failed: {error}")
        main = outputs[self._main]
        embedding = outputs[self._embedding] if self.has_embedding else None
        finite = bool(np.isfinite(main).all())
        rows = len(main)
        return Scores(main.reshape(rows, -1).tolist(), embedding, _since(start) / rows, finite)

    def warm(self, examples: Rows) -> None:
        """Answer `examples` until timings settle; sets `milliseconds`, that of one row."""
        timings: list[float] = []
        deadline = time.perf_counter() + _WARM_SECONDS
        while len(timings) < _WARM_RUNS and (len(timings) < 3 or time.perf_counter() < deadline):
            scores = self.score([examples])
            if scores.error:
                raise IntegrityBroken(f"Bundle {self.bundle} cannot answer: {scores.error}.")
            timings.append(scores.milliseconds)
        self.milliseconds = statistics.median(timings)


def load_runtime(bundles: BundleStore, digest: str, *, threads: int = 1) -> Runtime:
    """Verify, load and warm a bundle; IntegrityBroken, NotFound."""
    manifest = bundles.manifest(digest)
    model = OnnxModel(bundles.read(digest, MODEL), manifest.signature, threads=threads)
    runtime = Runtime(digest, manifest, model)
    runtime.warm(_example(bundles, runtime))
    return runtime


def is_finite(row: Sequence[float]) -> bool:
    """Whether every number of an answer is one."""
    return all(map(math.isfinite, row))


def _example(bundles: BundleStore, runtime: Runtime) -> Rows:
    try:
        arrays = unpack_arrays(io.BytesIO(bundles.read(runtime.bundle, EXAMPLES)))
    except RetreadError:
        if EXAMPLES in runtime.manifest.files:
            raise
        arrays = {}
    return _one_row(runtime, arrays)


def _one_row(runtime: Runtime, arrays: dict[str, npt.NDArray[Any]]) -> Rows:
    row = Rows(count=1)
    for spec in runtime.signature.inputs:
        found = arrays.get(spec.name)
        shape = (1, *spec.shape[1:])
        if spec.name == FEATURES:
            values = found[:1] if found is not None else np.zeros(shape)
            row.features = values.astype(np.float32).tobytes()
        elif spec.name == IMAGE:
            row.pixels = found[:1] if found is not None else np.zeros(shape, dtype=np.uint8)
        else:
            row.categories = found[:1].tolist() if found is not None else [[""] * shape[1]]
    return row


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1e3
