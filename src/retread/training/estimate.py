"""What a training will take, estimated from the size of its data before it starts.

The constants were measured; `tests/training/test_estimate.py` compares the estimate with runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from retread.core import Refused
from retread.data.version import ColumnKind, DatasetVersion, Split
from retread.project import Settings
from retread.training.request import TrainingRequest
from retread.training.tree_sizes import (
    FOREST_TREES,
    ROUNDS_PER_EPOCH,
    expected_leaves,
    most_leaves,
)

_LIBRARIES = {ColumnKind.NUMERIC: 450e6, ColumnKind.IMAGE: 900e6}
_KEYS_PER_ROW = 250
_TEXT = 40
_NODE = 64 + 250
"""Bytes of a node of a tree in scikit-learn, and of its export."""
_FOREST_S = 6e-8
_BOOSTING_S = 1.3e-8
_TREE_S = 2e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSize:
    """The size of a table to train on.

    Attributes:
        train: Rows of the training split.
        held_out: Rows of the other splits.
        numeric: Number of numeric columns.
        categories: Number of distinct values of each categorical column.
        classes: Number of classes; 0 for regression.
        max_categories: How many of them are told apart.
    """

    train: int
    held_out: int
    numeric: int
    categories: tuple[int, ...] = ()
    classes: int = 0
    max_categories: int = 64

    @property
    def width(self) -> int:
        """Number of columns after encoding."""
        return self.numeric + sum(min(n, self.max_categories + 1) for n in self.categories)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a training will take.

    Attributes:
        size: What it trains on, such as `650,000 rows x 20 columns`.
        memory: Bytes at its peak.
        seconds: Duration; None if it is not known.
    """

    size: str
    memory: int
    seconds: float | None = None

    def text(self, model_type: str) -> str:
        """Describe the estimate in a sentence.

        >>> Estimate(size="900 rows x 4 columns", memory=10**9, seconds=90).text("cnn")
        'cnn on 900 rows x 4 columns will take about 1.0 GB of memory and 2 minutes.'
        """
        time = "" if self.seconds is None else f" and {_duration(self.seconds)}"
        return (
            f"{model_type} on {self.size} will take about {self.memory / 1e9:.1f} GB of memory"
            f"{time}."
        )


def estimate_of(
    settings: Settings, request: TrainingRequest, version: DatasetVersion, threads: int
) -> Estimate:
    """Estimate a run.

    Args:
        threads: Number of CPU threads that it uses.
    """
    train = max(1, round(version.splits.get(Split.TRAIN, 0) * request.sample))
    held_out = version.rows - version.splits.get(Split.TRAIN, 0)
    kinds = [column.kind for column in version.schema.columns]
    if ColumnKind.IMAGE in kinds:
        return estimate_photos(train + held_out, settings.recipe.image_size)
    categorical = [
        column.name for column in version.schema.columns if column.kind is ColumnKind.CATEGORICAL
    ]
    size = TableSize(
        train=train,
        held_out=held_out,
        numeric=kinds.count(ColumnKind.NUMERIC),
        categories=tuple(
            int(version.profile.get(name, {}).get("distinct", 0)) for name in categorical
        ),
        classes=len(version.schema.labels),
        max_categories=settings.training.max_categories,
    )
    return estimate_table(size, request.model_type, request.epochs, threads)


def estimate_photos(count: int, size: int) -> Estimate:
    """Estimate a training on photos, which are all decoded at once.

    Args:
        count: Number of photos.
        size: Width and height to which they are resized.
    """
    memory = _LIBRARIES[ColumnKind.IMAGE] + 2 * count * size * size * 3
    return Estimate(size=f"{count:,} photos of {size} x {size} pixels", memory=int(memory))


def estimate_table(size: TableSize, model_type: str, epochs: int, threads: int) -> Estimate:
    """Estimate a training on a table.

    A model type of the user's own is only known by its data, and has no duration.
    """
    rows = size.train + size.held_out
    columns = size.numeric + len(size.categories)
    cells = 8 * size.numeric + _TEXT * len(size.categories)
    memory = _LIBRARIES[ColumnKind.NUMERIC] + 1.5 * rows * (_KEYS_PER_ROW + cells)
    memory += size.train * (8 * columns + 4 * size.width) + 8 * size.held_out * size.classes
    seconds: float | None = None
    if model_type == "random_forest":
        leaves = min(
            expected_leaves(size.train, size.classes), most_leaves(FOREST_TREES, size.classes)
        )
        memory += 2 * leaves * FOREST_TREES * (_NODE + 8 * max(size.classes, 1))
        tried = math.sqrt(size.width) if size.classes else size.width
        work = size.train * math.log2(size.train + 1) * tried * FOREST_TREES
        seconds = (_FOREST_S * work + _TREE_S * FOREST_TREES) * 2 / threads
    elif model_type == "gradient_boosting":
        memory += size.train * (9 * size.width + 32 * max(size.classes, 1))
        trees = ROUNDS_PER_EPOCH * epochs * (size.classes if size.classes > 2 else 1)
        seconds = trees * (_BOOSTING_S * size.train * size.width * 2 / threads + _TREE_S)
    shape = f"{size.train:,} rows x {columns:,} columns"
    if size.width != columns:
        shape += f" ({size.width:,} with one per category)"
    if size.classes > 2:
        shape += f" and {size.classes:,} classes"
    return Estimate(size=shape, memory=int(memory), seconds=seconds)


def check_memory(estimates: Sequence[tuple[str, Estimate]], parallel: int, free: int) -> None:
    """Check that runs fit the memory that is free.

    Args:
        estimates: Model type and estimate of each run.
        parallel: How many of them run at the same time.
        free: Bytes that they may take.

    Raises:
        Refused: They take more.
    """
    largest = sorted(estimates, key=lambda item: -item[1].memory)[:parallel]
    total = sum(estimate.memory for _, estimate in largest)
    if total <= free:
        return
    model_type, estimate = largest[0]
    others = "" if len(largest) == 1 else f" With the runs beside it, {total / 1e9:.1f} GB."
    share = max(0.01, math.floor(80 * free / total) / 100)
    raise Refused(
        f"{estimate.text(model_type)}{others} {free / 1e9:.1f} GB are free.",
        f"Train on a part of the rows (--sample {share:g}), use another model type, lower "
        "[training] max_categories, or start it nevertheless with --yes; [training] "
        "max_memory_gb sets what a training may take.",
    )


def free_memory(settings: Settings, available: int) -> int:
    """Return how many bytes a training may take: what is available, or what the settings say."""
    limit = settings.training.max_memory_gb
    return int(limit * 1e9) if limit else available


def _duration(seconds: float) -> str:
    if seconds < 90:
        count = max(1, round(seconds))
        return "1 second" if count == 1 else f"{count} seconds"
    return f"{round(seconds / 60):,} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
