"""One loaded model version, and the result of running it."""

from __future__ import annotations

import io
import logging
import math
import statistics
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from retread.bundle import (
    CATEGORIES,
    EXAMPLES,
    MODEL,
    BundleStore,
    Manifest,
    OnnxModel,
    decode_categories,
    unpack_arrays,
)
from retread.core import IntegrityBroken, RetreadError
from retread.core.column_rules import missing_numbers
from retread.core.label_check import LabelReader
from retread.serving.image_tensors import rows_of_pixels
from retread.serving.row_reader import RowReader
from retread.serving.rows import FEATURES, IMAGE, Rows, feature_type, input_named, join_rows
from retread.serving.tensors import Tensor

EMBEDDING = "embedding"
NOT_FINITE = "the answer is not finite"

_WARM_RUNS = 15
_WARM_SECONDS = 0.5

_encode = msgspec.json.Encoder().encode

logger = logging.getLogger(__name__)


class ModelResult:
    """The result of one model for the rows of one call.

    Attributes:
        outputs: [rows][K] probabilities, or [rows][1] values.
        embedding: float32 [rows, E], or None.
        milliseconds: Time per row: that of the run, divided by the rows of all calls in it, so
            that runs of any size can be compared.
        error: Why the result cannot be used; None if it can.
    """

    __slots__ = ("_json", "embedding", "error", "milliseconds", "outputs")

    def __init__(
        self,
        outputs: Sequence[Sequence[float]],
        embedding: npt.NDArray[np.float32] | None,
        milliseconds: float,
        error: str | None = None,
    ) -> None:
        self.outputs = outputs
        self.embedding = embedding
        self.milliseconds = milliseconds
        self.error = error
        self._json: bytes | None = None

    @classmethod
    def failed(cls, error: str, milliseconds: float) -> ModelResult:
        """Make the result of a run that produced nothing."""
        return cls((), None, milliseconds, error)

    def first_row_json(self) -> bytes:
        """Return the outputs of the first row as JSON; the response and the record share it."""
        encoded = self._json
        if encoded is None:
            encoded = self._json = _encode(self.outputs[0])
        return encoded


class Runtime:
    """One model version, loaded and warm; `score` may be called by several threads at once."""

    def __init__(
        self,
        bundle: str,
        manifest: Manifest,
        model: OnnxModel,
        known: Mapping[str, Collection[str]],
    ) -> None:
        """Prepare a model.

        Args:
            bundle: The digest of its bundle.
            manifest: The bundle's manifest.
            model: The graph.
            known: The categories by column that the model saw in training.
        """
        self.bundle = bundle
        self.manifest = manifest
        self.signature = manifest.signature
        self.labels = manifest.labels
        self.label_reader = LabelReader(manifest.labels, manifest.label_rules)
        self.milliseconds = 0.0
        """Time per row, measured by `warm`."""
        self._model = model
        outputs = [spec.name for spec in manifest.signature.outputs]
        self._embedding = outputs.index(EMBEDDING) if EMBEDDING in outputs else None
        self._main = next(i for i, name in enumerate(outputs) if name != EMBEDDING)
        self.output = outputs[self._main]
        """Name of the output that holds the probabilities or the value."""
        self.output_datatype = manifest.signature.outputs[self._main].datatype.value
        """Its datatype."""
        features = input_named(self.signature, FEATURES)
        image = input_named(self.signature, IMAGE)
        self.is_image = image is not None
        reader = RowReader(manifest, known)
        self.rules = reader.rules
        """The rules of the columns of a table, in the order of the training data."""
        self.read_rows: Callable[[Mapping[str, Tensor]], Rows] = (
            reader.read if image is None else partial(rows_of_pixels, image)
        )
        self.numeric = features.columns if features else ()
        has_missing_numbers = any(missing_numbers(rules) for rules in self.rules)
        width = features.shape[1] if features else 0
        self.pack_row: Callable[..., bytes] | None = (
            struct.Struct(f"={width}{feature_type(features).char}").pack
            if features is not None and len(self.signature.inputs) == 1 and not has_missing_numbers
            else None
        )
        """Packs one row of a numeric table; None for models that take anything else."""

    @property
    def has_embedding(self) -> bool:
        """Whether the model outputs an embedding."""
        return self._embedding is not None

    def score(self, parts: Sequence[Rows]) -> list[ModelResult]:
        """Run the model once for the rows of all `parts`.

        If that run fails, the model runs once per part, so that no part can spoil the result of
        another.

        Returns:
            One result per part. A failure of the model is in its `error`; nothing is raised.
        """
        start = perf_counter()
        try:
            outputs = self._model.run(join_rows(parts, self.signature))
        except Exception as error:  # the errors of onnxruntime share no base class
            if len(parts) > 1:
                return [result for part in parts for result in self.score([part])]
            logger.exception("The model of bundle %s failed.", self.bundle)
            reason = f"the model failed: {error}"
            return [ModelResult.failed(reason, _since(start) / parts[0].count)]
        main = outputs[self._main]
        embedding = None if self._embedding is None else outputs[self._embedding]
        count = len(main)
        rows = main.reshape(count, -1).tolist()
        all_finite = bool(np.isfinite(main).all())
        milliseconds = _since(start) / count
        if all_finite and embedding is None and len(parts) == count:
            # One row each: nearly every batch.
            return [ModelResult((row,), None, milliseconds) for row in rows]
        return _split(parts, rows, embedding, milliseconds)

    def warm(self, examples: Rows) -> None:
        """Score `examples` until the timings settle, and set `milliseconds`.

        Raises:
            IntegrityBroken: The model cannot score them.
        """
        timings: list[float] = []
        deadline = perf_counter() + _WARM_SECONDS
        while len(timings) < _WARM_RUNS and (len(timings) < 3 or perf_counter() < deadline):
            (result,) = self.score([examples])
            if not result.outputs:
                raise IntegrityBroken(f"Bundle {self.bundle} cannot answer: {result.error}.")
            timings.append(result.milliseconds)
        self.milliseconds = statistics.median(timings)


def load_runtime(bundles: BundleStore, digest: str, *, threads: int = 1) -> Runtime:
    """Verify, load and warm a bundle.

    Args:
        bundles: The store that holds it.
        digest: Its digest.
        threads: How many threads one run of the model may use.

    Raises:
        IntegrityBroken: The bundle is not what its manifest says, or the model cannot run.
        NotFound: The store has no such bundle.
    """
    manifest = bundles.manifest(digest)
    model = OnnxModel(bundles.read(digest, MODEL), manifest.signature, threads=threads)
    found = bundles.read(digest, CATEGORIES) if CATEGORIES in manifest.files else b"{}"
    runtime = Runtime(digest, manifest, model, decode_categories(found))
    runtime.warm(_example(bundles, runtime))
    return runtime


def is_finite(row: Sequence[float]) -> bool:
    """Return whether every number of a row is finite."""
    return all(map(math.isfinite, row))


def _split(
    parts: Sequence[Rows],
    rows: list[list[float]],
    embedding: npt.NDArray[np.float32] | None,
    milliseconds: float,
) -> list[ModelResult]:
    """Return the result of each part, from those of all rows."""
    results: list[ModelResult] = []
    start = 0
    for part in parts:
        end = start + part.count
        own = rows[start:end]
        own_embedding = None if embedding is None else embedding[start:end]
        error = None if all(map(is_finite, own)) else NOT_FINITE
        results.append(ModelResult(own, own_embedding, milliseconds, error))
        start = end
    return results


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
            row.features = values.astype(feature_type(spec)).tobytes()
        elif spec.name == IMAGE:
            row.pixels = found[:1] if found is not None else np.zeros(shape, dtype=np.uint8)
        else:
            row.categories = found[:1].tolist() if found is not None else [[""] * shape[1]]
    return row


def _since(start: float) -> float:
    return (perf_counter() - start) * 1e3
