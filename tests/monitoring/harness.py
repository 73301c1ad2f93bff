"""A project for the tests of the monitor: ledger, bundles, traffic and labels, all of them real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from retread.bundle import (
    CONFIDENCE,
    PREDICTED_LABEL,
    REFERENCE,
    BundleStore,
    Cause,
    Lineage,
    Manifest,
    Parity,
    Reference,
    Signature,
    encode_reference,
    file_entries,
)
from retread.core import Database, ManualClock
from retread.monitoring import Monitor
from retread.project import Settings, parse_settings
from retread.registry import Ledger
from retread.registry.events import PromotionCompleted, VersionRegistered
from retread.serving import Answer, LabelStore, PredictionRecord, TrafficLog

LABELS = ("good", "defective")


@dataclass
class MonitorHarness:
    """The stores of one project, with methods to fill them."""

    ledger: Ledger
    bundles: BundleStore
    traffic: TrafficLog
    labels: LabelStore
    database: Database
    clock: ManualClock
    settings: Settings

    def monitor(self, **monitoring: Any) -> Monitor:
        """Return a monitor with changed settings."""
        chosen = {**self.settings.monitoring.model_dump(), **monitoring}
        settings = parse_settings({"monitoring": chosen}, source="test")
        return Monitor(
            ledger=self.ledger,
            bundles=self.bundles,
            traffic=self.traffic,
            labels=self.labels,
            database=self.database,
            settings=settings,
            clock=self.clock,
        )

    def promote(
        self,
        version: int,
        reference: Reference,
        metrics: Mapping[str, float],
        labels: tuple[str, ...] = LABELS,
    ) -> str:
        """Register and promote a version; return its bundle."""
        files = {REFERENCE: encode_reference(reference)}
        manifest = manifest_of(files, metrics, labels, seed=version)
        bundle = self.bundles.put(manifest, files)
        self.ledger.append(
            VersionRegistered(
                version=version,
                bundle=bundle,
                run_id="run",
                model_type="cnn",
                dataset="tires",
                dataset_version=1,
                validation={},
                metrics=dict(metrics),
                cause=Cause(),
            ),
            PromotionCompleted(version=version, previous=None, generation=version, servers=()),
        )
        return bundle

    def reference(self, rng: np.random.Generator, rows: int = 400) -> Reference:
        """Draw a reference."""
        return light_reference(rng, rows)

    def records(
        self, rng: np.random.Generator, rows: int, *, prefix: str, **changes: Any
    ) -> tuple[PredictionRecord, ...]:
        """Draw records of quiet traffic, except for `changes`."""
        return light_records(rng, rows, prefix=prefix, **changes)


def manifest_of(
    files: Mapping[str, bytes], metrics: Mapping[str, float], labels: tuple[str, ...], seed: int
) -> Manifest:
    lineage = Lineage(
        run_id="run",
        dataset="tires",
        dataset_version=1,
        dataset_digest="",
        evaluation_digest="",
        git_commit="",
        git_dirty=False,
        environment_digest="",
        seed=seed,
        parameters={},
        cause=Cause(),
    )
    return Manifest(
        model="model",
        recipe="image-classification",
        model_type="cnn",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        signature=Signature(inputs=(), outputs=()),
        labels=labels,
        image=None,
        validation={},
        metrics=dict(metrics),
        parity=Parity(examples=1, largest_difference=0.0, tolerance=1e-3),
        lineage=lineage,
        files=file_entries(files),
    )


def light_reference(rng: np.random.Generator, rows: int = 400) -> Reference:
    chance = rng.beta(2, 2, size=rows)
    return Reference(
        numeric={
            "brightness": rng.normal(0.5, 0.1, size=rows),
            CONFIDENCE: np.maximum(chance, 1 - chance),
        },
        categorical={PREDICTED_LABEL: np.where(chance > 0.5, LABELS[1], LABELS[0])},
        embedding=rng.normal(size=(rows, 6)).astype(np.float32),
    )


def light_records(
    rng: np.random.Generator,
    rows: int,
    *,
    prefix: str,
    version: int = 1,
    brightness: float = 0.5,
    slot: str = "production",
    status: int = 200,
) -> tuple[PredictionRecord, ...]:
    chances = rng.beta(2, 2, size=rows)
    return tuple(
        PredictionRecord(
            id=f"{prefix}{i}",
            at=float(i),
            key="",
            status=status,
            answer=answer((1 - chance, chance), version=version, slot=slot),
            numeric={"brightness": float(rng.normal(brightness, 0.1))},
            embedding=tuple(rng.normal(size=6).tolist()),
        )
        for i, chance in enumerate(chances.tolist())
    )


def answer(
    outputs: Sequence[float], *, version: int = 1, slot: str = "production", error: str = ""
) -> Answer:
    return Answer(
        slot=slot, version=version, bundle="", outputs=tuple(outputs), latency_ms=1.0, error=error
    )


def outputs_of(record: PredictionRecord) -> tuple[float, ...]:
    """Return the outputs of a record that has a prediction."""
    assert record.answer is not None
    return record.answer.outputs
