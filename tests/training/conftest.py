"""Small real projects: iris and generated tables in Lance, small pictures."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from retread.bundle import Cause, LocalBundleStore, Manifest, Parameter
from retread.core import ManualClock
from retread.data import AddRequest, DatasetVersion, LanceDatasetStore, add_version
from retread.project import LoadedProject, parse_settings
from retread.training import EpochFinished, Overrides, TrainingOutcome, TrainingRequest, plan_runs
from retread.training.run import TrainingContext

NOON = datetime(2012, 6, 1, 12, tzinfo=UTC)
Rows = list[dict[str, Any]]


@dataclass
class MemoryTracking:
    """The Tracking port, kept in memory."""

    keys: dict[str, str] = field(default_factory=dict)
    epochs: list[EpochFinished] = field(default_factory=list)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    outcomes: list[TrainingOutcome] = field(default_factory=list)
    graphs: list[bytes] = field(default_factory=list)

    def start(
        self, request: TrainingRequest, parameters: Mapping[str, Parameter], tags: Mapping[str, str]
    ) -> str:
        self.parameters = dict(parameters)
        return self.keys.setdefault(request.key, f"run-{request.key}")

    def epoch(self, run_id: str, epoch: EpochFinished) -> None:
        self.epochs.append(epoch)

    def finish(self, run_id: str, outcome: TrainingOutcome, manifest: Manifest | None) -> None:
        self.outcomes.append(outcome)

    def model(self, run_id: str, graph: bytes) -> None:
        self.graphs.append(graph)

    def fail(self, run_id: str, reason: str) -> None:
        self.failures.append(reason)


@dataclass
class Bench:
    """A project with one dataset version, and what a run needs."""

    project: LoadedProject
    datasets: LanceDatasetStore
    bundles: LocalBundleStore
    version: DatasetVersion
    tracking: MemoryTracking

    @property
    def shop(self) -> TrainingContext:
        return TrainingContext(
            project=self.project,
            datasets=self.datasets,
            bundles=self.bundles,
            tracking=self.tracking,
            threads=1,
        )

    def request(self, key: str = "k", **overrides: Any) -> TrainingRequest:
        return plan_runs(self.project.settings, Overrides(**overrides), Cause(), self.version, key)[
            0
        ]


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(tmp_path: Path) -> MakeBench:
    """A project around a source: `make_bench(source, labels, **sections)`."""

    def make(source: Path, labels: str, **sections: Any) -> Bench:
        data = {"labels": labels, **sections.pop("data", {})}
        values = {"project": {"name": "trial"}, "data": data, **sections}
        settings = parse_settings(values, source="the test")
        root = tmp_path / f"project-{len(list(tmp_path.glob('project-*')))}"
        project = LoadedProject(root=root, home=root / ".retread", settings=settings)
        project.home.mkdir(parents=True)
        store = LanceDatasetStore(project.datasets)
        request = AddRequest(
            dataset="trial",
            source=source,
            settings=settings.data,
            labels=labels,
            regression=settings.recipe.kind == "tabular-regression",
        )
        version = add_version(store, request, ManualClock(NOON))
        bundles = LocalBundleStore(project.bundles)
        return Bench(project, store, bundles, version, MemoryTracking())

    return make


@pytest.fixture
def table(tmp_path: Path) -> Callable[[Rows], Path]:
    """Rows as a CSV file."""

    def write(rows: Rows) -> Path:
        path = tmp_path / "rows.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


def fruit(count: int = 200, seed: int = 0) -> Rows:
    """Two kinds told apart by weight and colour; some weights are missing."""
    random = np.random.default_rng(seed)
    rows: Rows = []
    for place in range(count):
        kind = "apple" if place % 2 else "melon"
        weight = random.normal(150 if kind == "apple" else 900, 120)
        colours = ["red", "green"] if kind == "apple" else ["yellow", "green"]
        rows.append(
            {
                "weight": "" if random.random() < 0.1 else f"{weight:.2f}",
                "ripeness": f"{random.random():.3f}",
                "colour": str(random.choice(colours)),
                "kind": kind,
            }
        )
    return rows


def rentals(count: int = 300, seed: int = 0) -> Rows:
    """A number that depends on two others, an hour apart each."""
    random = np.random.default_rng(seed)
    rows: Rows = []
    for place in range(count):
        warmth, hour = random.random(), place % 24
        day, month = place // 24 + 1, "2012-01"
        value = 200 * warmth + 10 * hour + random.normal(0, 5)
        rows.append(
            {
                "at": f"{month}-{day:02d}T{hour:02d}:00:00",
                "warmth": f"{warmth:.4f}",
                "hour": str(hour),
                "cnt": f"{value:.3f}",
            }
        )
    return rows


@pytest.fixture
def fruit_bench(make_bench: MakeBench, table: Callable[[Rows], Path]) -> Bench:
    return make_bench(
        table(fruit()),
        "kind",
        recipe={"kind": "tabular-classification"},
        training={"model_type": "random_forest"},
    )


@pytest.fixture
def rentals_bench(make_bench: MakeBench, table: Callable[[Rows], Path]) -> Bench:
    return make_bench(
        table(rentals()),
        "cnt",
        data={"timestamp": "at"},
        recipe={"kind": "tabular-regression"},
        training={"model_type": "gradient_boosting"},
    )


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Noise with a dark line across it, or without one."""
    random = np.random.default_rng(0)
    for label in ("good", "cracked"):
        folder = tmp_path / "photos" / label
        folder.mkdir(parents=True)
        for place in range(40):
            noise = random.integers(90, 200, (40, 48, 3), dtype=np.uint8)
            image = Image.fromarray(noise)
            if label == "cracked":
                ends = [int(v) for v in random.integers(0, 40, 2)]
                ImageDraw.Draw(image).line((0, ends[0], 48, ends[1]), fill=(0, 0, 0), width=5)
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            (folder / f"{place}.png").write_bytes(buffer.getvalue())
    return tmp_path / "photos"


@pytest.fixture
def photos_bench(make_bench: MakeBench, photos: Path) -> Bench:
    return make_bench(
        photos,
        "folder",
        recipe={"image_size": 32, "positive_label": "cracked"},
        training={"epochs": 8, "learning_rate": 0.005, "optimizer_type": "adamw", "batch_size": 8},
        early_stopping={"min_accuracy": 0.0, "min_loss": 10.0, "patience": 20},
    )
