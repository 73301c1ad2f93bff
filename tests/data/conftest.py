"""Images, tables and stores for the tests of datasets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from retread.core import ManualClock
from retread.core.quarantine import VersionState
from retread.data import (
    DIGEST,
    GROUP,
    ID,
    LABEL,
    SOURCE,
    SPLIT,
    TIMESTAMP,
    AddRequest,
    Column,
    ColumnKind,
    DatasetStore,
    DatasetVersion,
    LanceDatasetStore,
    Schema,
    SourceExamples,
    Split,
    add_rows,
    add_version,
    split_of,
)
from retread.data.integrity import evaluation_digest, version_digest
from retread.data.row_digests import row_digests
from retread.data.summary import count_by
from retread.project.settings import DataSection

START = datetime(2026, 1, 1, tzinfo=UTC)

Images = Callable[..., Path]
OpenStore = Callable[[], DatasetStore]
Adds = Callable[..., DatasetVersion]
Grows = Callable[..., DatasetVersion]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture(params=["lance"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Open the same store anew: a parameter per implementation (add one, such as S3, here)."""
    implementations = {"lance": lambda: LanceDatasetStore(tmp_path / "datasets")}
    return implementations[request.param]


@pytest.fixture
def store(open_store: OpenStore) -> DatasetStore:
    return open_store()


@pytest.fixture
def lance(tmp_path: Path) -> LanceDatasetStore:
    return LanceDatasetStore(tmp_path / "datasets")


@pytest.fixture
def images(tmp_path: Path) -> Images:
    """Write class folders of images that do not resemble each other."""

    def write(
        good: Sequence[int] = range(40), defective: Sequence[int] = range(100, 140), at: str = "src"
    ) -> Path:
        for label, seeds in (("good", good), ("defective", defective)):
            for seed in seeds:
                write_image(tmp_path / at / label / f"{seed:04}.jpg", seed)
        return tmp_path / at

    return write


@pytest.fixture
def add(store: DatasetStore, clock: ManualClock) -> Adds:
    """Add a version with default settings, changed by keywords."""

    def run(source: Path, dataset: str = "tires", **changes: object) -> DatasetVersion:
        settings = DataSection.model_validate(changes.pop("settings", {}))
        values = {"dataset": dataset, "source": source, "settings": settings, **changes}
        return add_version(store, AddRequest(**values), clock)  # type: ignore[arg-type]  # tests

    return run


@pytest.fixture
def grow(store: DatasetStore, clock: ManualClock) -> Grows:
    """Append rows from memory to the dataset `tires`."""

    def run(rows: pa.Table, note: str = "", dataset: str = "tires") -> DatasetVersion:
        settings = DataSection()
        return add_rows(
            store, dataset, rows, source="traffic", note=note, settings=settings, clock=clock
        )

    return run


def write_image(path: Path, seed: int, side: int = 48) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    noise = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC).save(path)


def table(labels: dict[str, str], values: dict[str, float] | None = None) -> pa.Table:
    """Return rows with these ids and labels and one feature `x`, sorted by id."""
    ids = sorted(labels)
    count = len(ids)
    features = pa.table(
        {
            "x": pa.array([(values or {}).get(i, 1.0) for i in ids], pa.float64()),
            TIMESTAMP: pa.nulls(count, pa.timestamp("us", tz="UTC")),
        }
    )
    return pa.table(
        {
            ID: pa.array(ids, pa.string()),
            LABEL: pa.array([labels[i] for i in ids], pa.string()),
            GROUP: pa.array(ids, pa.string()),
            SPLIT: pa.array(
                [split_of(i, evaluation_share=0.2, validation_share=0.2) for i in ids], pa.string()
            ),
            SOURCE: pa.array(["here"] * count, pa.string()),
            DIGEST: row_digests(features, ["x", TIMESTAMP]),
            TIMESTAMP: features[TIMESTAMP],
            "x": features["x"],
        }
    )


def version_of(
    rows: pa.Table, number: int = 1, state: VersionState = VersionState.RELEASED
) -> DatasetVersion:
    """Return the metadata of `rows` as a version of the dataset `it`."""
    splits = count_by(rows[SPLIT])
    return DatasetVersion(
        dataset="it",
        number=number,
        digest=version_digest(rows),
        evaluation_digest=evaluation_digest(rows),
        state=state,
        schema=Schema(columns=(Column(name="x", kind=ColumnKind.NUMERIC),), labels=("a", "b")),
        rows=rows.num_rows,
        splits={split: splits.get(split.value, 0) for split in Split},
        labels=count_by(rows[LABEL]),
        profile={},
        checks=(),
        source="here",
        note="",
        created_at=START,
    )


def examples(rows: Sequence[tuple[int, str]]) -> SourceExamples:
    """Return examples with these contents and labels; pairs of contents are near-duplicates."""
    digests = [hashlib.sha256(str(content).encode()).hexdigest() for content, _ in rows]
    count = len(rows)
    return SourceExamples(
        columns=(Column(name="x", kind=ColumnKind.NUMERIC),),
        rows=pa.table(
            {
                LABEL: pa.array([label for _, label in rows], pa.string()),
                GROUP: pa.nulls(count, pa.string()),
                SOURCE: pa.array(["here"] * count, pa.string()),
                DIGEST: pa.array(digests, pa.string()),
                TIMESTAMP: pa.nulls(count, pa.timestamp("us", tz="UTC")),
                "x": pa.array([float(content) for content, _ in rows], pa.float64()),
            }
        ),
        similarity_keys=[str(content // 2) for content, _ in rows],
    )
