"""The inputs of the gate: the candidate, its measured latency, and the version in production."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from retread.bundle import (
    EXAMPLES,
    MODEL,
    BundleStore,
    Evidence,
    Manifest,
    OnnxModel,
    unpack_arrays,
)
from retread.bundle.onnx_model import Arrays
from retread.core import CheckResult, Clock, NotFound
from retread.project.settings import GateSection

RUNS = 50


@dataclass(frozen=True, slots=True)
class Measurement:
    """The measurement of a model on the examples in its bundle.

    Attributes:
        latency_ms: float64 [runs], the time of each run of a single example.
        finite: Whether all outputs were finite numbers.
    """

    latency_ms: npt.NDArray[np.float64]
    finite: bool


@dataclass(frozen=True, slots=True)
class Opponent:
    """The version in production, with which the candidate is compared.

    Attributes:
        version: Its number.
        manifest: Its manifest, None if its bundle is damaged.
        evidence: Its predictions on the candidate's evaluation split, None if it was not scored.
    """

    version: int
    manifest: Manifest | None
    evidence: Evidence | None


@dataclass(frozen=True, slots=True)
class GateInputs:
    """The candidate, the rules, and the version in production, if there is one.

    `accepted_labels` are labels whose coming or going a person accepted by name.
    """

    settings: GateSection
    manifest: Manifest
    evidence: Evidence
    measurement: Measurement
    production: Opponent | None = None
    accepted_labels: tuple[str, ...] = ()

    @property
    def production_name(self) -> str:
        """The version in production as it is named in reasons."""
        return f"version {self.production.version}" if self.production else "no version"


class GateCheck(Protocol):
    """A check of the gate: a pure function of the inputs.

    Built-in checks are the functions `check` of the files of `retread.registry.checks`; a check of
    your own is named by `extra_checks` in section [gate], as `package.module:function`.
    """

    def __call__(self, inputs: GateInputs, /) -> CheckResult:
        """Pass, fail or abstain, with the numbers that the result is based on."""
        ...


def measure(bundles: BundleStore, digest: str, clock: Clock) -> Measurement:
    """Measure the model of a bundle: run its examples one at a time, RUNS times in all.

    Raises:
        NotFound: There is no such bundle.
        IntegrityBroken: A file is not the one that the manifest names.
    """
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
