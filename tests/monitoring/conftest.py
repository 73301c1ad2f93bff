"""A small house: a ledger, bundles, traffic and labels, all of them real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.databases import database_url, postgres

from retread.bundle import (
    CONFIDENCE,
    PREDICTED_LABEL,
    REFERENCE,
    Cause,
    Lineage,
    LocalBundleStore,
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
from retread.registry import SqlLedger
from retread.registry.events import PromotionCompleted, VersionRegistered
from retread.serving import Answer, PredictionRecord, SegmentTrafficLog, SqlLabelStore

__all__ = ["database_url", "postgres"]

START = datetime(2026, 1, 1, tzinfo=UTC)
LABELS = ("good", "defective")


@dataclass
class House:
    """Adapters of one project, and short ways to fill them."""

    ledger: SqlLedger
    bundles: LocalBundleStore
    traffic: SegmentTrafficLog
    labels: SqlLabelStore
    database: Database
    clock: ManualClock
    settings: Settings

    def monitor(self, **monitoring: Any) -> Monitor:
        chosen = {**self.settings.monitoring.model_dump(), **monitoring}
        settings = parse_settings({"monitoring": chosen}, source="test")
        return Monitor(
            self.ledger,
            self.bundles,
            self.traffic,
            self.labels,
            self.database,
            settings,
            self.clock,
        )

    def promote(
        self,
        version: int,
        reference: Reference,
        metrics: Mapping[str, float],
        labels: tuple[str, ...] = LABELS,
    ) -> str:
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
            PromotionCompleted(version=version, previous=0, generation=version, servers=()),
        )
        return bundle

    def reference(self, rng: np.random.Generator, rows: int = 400) -> Reference:
        return light_reference(rng, rows)

    def records(
        self, rng: np.random.Generator, rows: int, *, prefix: str, **how: Any
    ) -> tuple[PredictionRecord, ...]:
        return light_records(rng, rows, prefix=prefix, **how)


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
        created_at="",
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


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """A project in miniature, in each kind of database."""
    database = Database(database_url)
    database.create_tables()
    clock = ManualClock(START)
    yield House(
        ledger=SqlLedger(database, clock),
        bundles=LocalBundleStore(tmp_path / "bundles"),
        traffic=SegmentTrafficLog(tmp_path / "traffic"),
        labels=SqlLabelStore(database),
        database=database,
        clock=clock,
        settings=parse_settings({"monitoring": {"window": 50}}, source="test"),
    )
    database.close()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
